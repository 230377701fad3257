#!/usr/bin/env bash
# The real picamera2 on the real libcamera's virtual camera, fed a simulated start, to a result.
#
# Real: picamera2 from PyPI, libcamera with its requests and buffers, our PiCamera, ring and
# measuring. Not real: the sensor. The virtual camera hands out a picture as soon as one is asked
# for; so its pace is set here, by letting it wait for the next frame's time.
set -euo pipefail
HERE=$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")
# shellcheck source=tests/rig/roots.sh
. "$HERE/roots.sh"

ROOT=$TRACKSTART_RIG/camera-root
ARCHIVE=$TRACKSTART_RIG/camera-base.tar

end() {
    umount -R "$ROOT/dev/shm" "$ROOT/proc" "$ROOT/sys" 2>/dev/null || true
    rm -rf --one-file-system "$ROOT"
}
trap end EXIT
inside() { chroot "$ROOT" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 PIP_CERT=/etc/ssl/certs/ca-certificates.crt "$@"; }

make_base() {
    [[ -s $ARCHIVE ]] && return
    unpack "$(base trixie amd64)" "$ROOT"
    echo "deb http://deb.debian.org/debian trixie-backports main" >"$ROOT/etc/apt/sources.list.d/backports.list"
    inside apt-get -qq update
    inside env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        -t trixie-backports python3-libcamera libcamera-tools libcamera-ipa >/dev/null
    inside env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        libcap-dev build-essential python3-venv python3-dev linux-libc-dev >/dev/null
    inside python3 -m venv --system-site-packages /opt/venv
    inside /opt/venv/bin/pip --quiet install 'picamera2==0.3.38'
    cp "$PROJECT/requirements/run.txt" "$ROOT/tmp/run.txt"
    inside /opt/venv/bin/pip --quiet install --require-hashes -r /tmp/run.txt
    tar -C "$ROOT" -cf "$ARCHIVE.part" .
    mv "$ARCHIVE.part" "$ARCHIVE"
}

make_base
unpack "$ARCHIVE" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t sysfs -o ro sys "$ROOT/sys"
mkdir -p "$ROOT/dev/shm" && mount -t tmpfs shm "$ROOT/dev/shm"
[[ -c $ROOT/dev/null ]] || mknod -m 666 "$ROOT/dev/null" c 1 3
for device in zero:5 random:8 urandom:9; do
    [[ -c $ROOT/dev/${device%:*} ]] || mknod -m 666 "$ROOT/dev/${device%:*}" c 1 "${device#*:}"
done
mkdir "$ROOT/project"
tar -C "$PROJECT" --exclude=./.git --exclude='./.venv*' -cf - . | tar --no-same-owner -C "$ROOT/project" -xf -
inside gcc -shared -fPIC -o /usr/lib/dmabuf.so /project/tests/rig/dmabuf.c -ldl
inside env PYTHONPATH=/project:/project/tests/rig/stubs LD_PRELOAD=/usr/lib/dmabuf.so LIBCAMERA_LOG_LEVELS='*:ERROR' \
    timeout --kill-after=5 150 /opt/venv/bin/python /project/tests/rig/camera.py
