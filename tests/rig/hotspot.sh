#!/usr/bin/env bash
# The box's own Wi-Fi as install makes it, and a phone that joins: NetworkManager on simulated radios.
#
# Real: kernel, mac80211, NetworkManager, wpa_supplicant, dnsmasq, WPA2, setup.sh's own commands. Not
# real: the radios (mac80211_hwsim), and the speed: the processor is emulated.
set -euo pipefail
HERE=$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")
# shellcheck source=tests/rig/roots.sh
. "$HERE/roots.sh"
# shellcheck source=tests/rig/guest.sh
. "$HERE/guest.sh"

ROOT=$TRACKSTART_RIG/hotspot-root
ARCHIVE=$TRACKSTART_RIG/hotspot-base.tar
trap 'rm -rf --one-file-system "$ROOT"' EXIT

make_guest
if [[ ! -s $ARCHIVE ]]; then
    unpack "$(base trixie amd64)" "$ROOT"
    chroot "$ROOT" sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
        --no-install-recommends network-manager wpasupplicant dnsmasq-base udev iw wireless-regdb dbus kmod \
        rfkill nftables iproute2 procps python3 >/dev/null'
    tar -C "$ROOT" -cf "$ARCHIVE.part" .
    mv "$ARCHIVE.part" "$ARCHIVE"
else
    unpack "$ARCHIVE" "$ROOT"
fi
mkdir -p "$ROOT/project"
cp -r "$PROJECT/setup.sh" "$PROJECT/systemd" "$ROOT/project/"
cp "$HERE/guest_hotspot_inside.sh" "$ROOT/project/"
GUEST_WITHIN_S=540 in_guest guest_hotspot.sh | grep -v '^finished'
