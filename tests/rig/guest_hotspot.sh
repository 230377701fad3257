#!/usr/bin/env bash
# Inside the emulated kernel: two radios in the air, then guest_hotspot_inside.sh in a Debian of its own.
KERNEL=$1 ROOT=$(dirname "$1")/hotspot-root
modprobe -d "$KERNEL" mac80211_hwsim radios=2 || exit 1
for name in nf_tables nft_masq nft_chain_nat nf_nat; do modprobe -d "$KERNEL" "$name"; done
mount --bind "$ROOT" /mnt && cd /mnt || exit 1
for name in proc sys dev; do mount --rbind "/$name" "/mnt/$name"; done
mount -t tmpfs run /mnt/run
mount -t tmpfs tmp /mnt/tmp
chroot /mnt /bin/bash /project/guest_hotspot_inside.sh 2>&1 | sed 's/^/GUEST: /'
