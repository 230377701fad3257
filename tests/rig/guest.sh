# shellcheck shell=bash
# Sourced by the parts that need a kernel of their own: Debian's, emulated, with the simulated GPIO
# chip that Debian leaves out built beside it. KVM is not needed.

KERNEL=$TRACKSTART_RIG/kernel
GUEST_VENV=$TRACKSTART_RIG/guest-venv

# Makes $KERNEL: boot/vmlinuz-*, lib/modules, gpio-sim.ko, irq_sim.ko; and a Python for the guest.
make_guest() {
    need qemu-system-x86_64=qemu-system-x86 busybox=busybox-static cpio=cpio depmod=kmod zstd=zstd
    if [[ ! -x $GUEST_VENV/bin/vng ]]; then
        rm -rf "$GUEST_VENV"
        python3 -m venv "$GUEST_VENV"
        "$GUEST_VENV/bin/pip" --quiet install virtme-ng gpiozero 'lgpio==0.2.2.0' numpy \
            opencv-python-headless av
    fi
    [[ -e $KERNEL/gpio-sim.ko ]] && return
    local root=$TRACKSTART_RIG/kernel-root
    unpack "$(base trixie amd64)" "$root"
    cat >"$root/srv/make.sh" <<'MAKE'
set -e
cd /srv
apt-get -qq update
image=$(apt-cache depends linux-image-amd64 | grep -o 'linux-image-6[^ ]*' | head -1)
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    "${image/image/headers}" linux-source-6.12 xz-utils kmod gcc make dpkg-dev >/dev/null
apt-get -qq download "$image"
dpkg-deb -x linux-image-*.deb /srv/kernel
mkdir module && cd module
tar -xf /usr/src/linux-source-6.12.tar.xz --wildcards --strip-components=1 \
    '*/drivers/gpio/gpio-sim.c' '*/kernel/irq/irq_sim.c' '*/drivers/gpio/*.h'
cp drivers/gpio/*.h drivers/gpio/gpio-sim.c kernel/irq/irq_sim.c .
# what a module may not call, by what it may
sed -i 's/handle_simple_irq(irq_to_desc(irqnum))/generic_handle_irq_safe(irqnum)/' irq_sim.c
grep -q MODULE_LICENSE irq_sim.c || printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n' >>irq_sim.c
echo 'obj-m := irq_sim.o gpio-sim.o' >Makefile
make -s -C /usr/src/linux-headers-6.12.*-amd64 M="$PWD" modules
cp ./*.ko /srv/kernel/
MAKE
    chroot "$root" bash /srv/make.sh
    rm -rf "$KERNEL"
    cp -a "$root/srv/kernel" "$KERNEL"
    [[ -e $KERNEL/lib ]] || ln -s usr/lib "$KERNEL/lib"
    depmod -b "$KERNEL" "$(kernel_version)"
    rm -rf --one-file-system "$root"
}

kernel_version() { find "$KERNEL/usr/lib/modules" "$KERNEL/lib/modules" -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | head -1; }

# in_guest SCRIPT [ARGUMENT...] : runs a script of this folder in the emulated kernel, as root on this
# machine's own files, and gives what it printed between its marks; fails if it did not finish.
in_guest() {
    local said
    said=$(cd "$PROJECT" && PATH=$GUEST_VENV/bin:$PATH timeout --kill-after=5 "${GUEST_WITHIN_S:-240}" vng --verbose \
        --run "$KERNEL/boot/vmlinuz-$(kernel_version)" --user root --memory 2G --cpus 2 \
        --disable-microvm --disable-kvm --force-9p --rwdir "$TRACKSTART_RIG" \
        -- "bash $HERE/$1 $KERNEL $GUEST_VENV $PROJECT" 2>&1) || true
    sed -n '/^GUEST:/s/^GUEST: \{0,1\}//p' <<<"$said" | tr -d '\r'
    grep -q '^GUEST: finished' <<<"$said" || {
        tail -n 40 <<<"$said" >&2
        return 1
    }
}
