#!/usr/bin/env bash
# In a Debian with NetworkManager and two radios: what install does for a hotspot; the other joins.
set -euo pipefail
mkdir -p /run/dbus /run/NetworkManager
# NetworkManager waits for udev's word on each device, and udev does not run in a chroot
mkdir -p /run/udev/data
for index in /sys/class/net/*/ifindex; do echo I:1000000 >"/run/udev/data/n$(<"$index")"; done
dbus-daemon --system --fork
wpa_supplicant -u -s -B
ip link set lo up
for phy in /sys/class/ieee80211/*; do echo "radio ${phy##*/}: $(ls "$phy/device/net")"; done
mkdir -p /etc/NetworkManager/conf.d /var/lib/NetworkManager
printf '[main]\nplugins=keyfile\n[device]\nmatch-device=interface-name:wlan*\nmanaged=1\n' >/etc/NetworkManager/NetworkManager.conf
NetworkManager --log-level=INFO --debug >/tmp/nm.log 2>&1 &
trap 'echo "line $LINENO"; nmcli device; tail -n 40 /tmp/nm.log' ERR
until nmcli -t -f STATE general >/dev/null 2>&1; do sleep 1; done
for _ in $(seq 10); do [[ $(nmcli -t -f DEVICE,STATE device) == *wlan0:disconnected* ]] && break; sleep 1; done

# setup.sh's own functions, without what it does when it is called
cd /project
say() { printf '%s\n' "$*"; }
dry='' changed=''
# shellcheck disable=SC1091
. systemd/install.sh
hotspot DE
for _ in $(seq 15); do [[ $(nmcli -t -f GENERAL.STATE connection show "$PROFILE" 2>/dev/null) == *activated* ]] && break; sleep 1; done
[[ $(nmcli -t -f GENERAL.STATE connection show "$PROFILE") == *activated* ]]
[[ $(ip -4 -brief address show wlan0) == *10.42.0.1/24* ]]
[[ $(iw dev wlan0 info) == *"type AP"* ]]
ssid=$(nmcli -g 802-11-wireless.ssid connection show "$PROFILE")
psk=$(nmcli -s -g 802-11-wireless-security.psk connection show "$PROFILE")
echo "hotspot $ssid is up, its passphrase of ${#psk} letters"
before=$(nmcli -t -f UUID connection show | sort)
[[ $(hotspot DE) == *"there already"* ]]
[[ $(nmcli -t -f UUID connection show | sort) == "$before" ]]
echo "a second install leaves it"

# the phone: a radio of its own
for _ in $(seq 10); do [[ $(nmcli -t -f SSID device wifi list ifname wlan1 --rescan yes 2>/dev/null) == *"$ssid"* ]] && break; sleep 2; done
if nmcli device wifi connect "$ssid" password "not-the-right-one" ifname wlan1 >/dev/null 2>&1; then false; fi
nmcli connection delete "$ssid" >/dev/null 2>&1 || true
echo "a wrong passphrase is refused"
nmcli device wifi connect "$ssid" password "$psk" ifname wlan1 >/dev/null
lease=$(ip -4 -brief address show wlan1 | grep -o '10\.42\.0\.[0-9]*')
[[ $lease != 10.42.0.1 ]]
[[ $(iw dev wlan0 station dump | grep -c '^Station') == 1 ]]
answer=$(python3 - <<'PY'
import socket, struct
name = b"".join(bytes([len(p)]) + p for p in (b"connectivitycheck", b"gstatic", b"com")) + b"\0"
ask = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(5)
    s.sendto(ask, ("10.42.0.1", 53))
    print(socket.inet_ntoa(s.recv(512)[-4:]))
PY
)
[[ $answer == 10.42.0.1 ]]
nmcli connection delete "$PROFILE" >/dev/null
echo "$(NetworkManager --version), $(wpa_supplicant -v | sed -n 's/.*supplicant v/wpa_supplicant /p'): hotspot up on 10.42.0.1, a phone refused with a wrong passphrase, joined with the right one as $lease, every name leads to the box"
echo finished
