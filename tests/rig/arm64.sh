#!/usr/bin/env bash
# arm64, emulated: the dependencies come as wheels, and the tests of the pure middle pass.
#
# Real: Debian 13 for arm64 with its Python 3.13, the wheels that a 64-bit Pi would get from PyPI, the
# arithmetic of that processor. Not real: its speed. OpenCV and numpy are PyPI's here, not apt's.
set -euo pipefail
HERE=$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")
# shellcheck source=tests/rig/roots.sh
. "$HERE/roots.sh"

ROOT=$TRACKSTART_RIG/arm64-root
ARCHIVE=$TRACKSTART_RIG/arm64-base.tar
TESTS=(test_kinematics test_timing test_uncertainty test_lens test_calibration test_steps test_soles
    test_observations test_led_check test_find_signal)

end() {
    umount "$ROOT/proc" 2>/dev/null || true
    rm -rf --one-file-system "$ROOT"
}
trap end EXIT
# A Pi 4's processor. What qemu emulates unless told so has a matrix unit, which no Pi has: OpenBLAS
# takes its kernels for it, and under emulation their float32 products are wrong by 300 powers of ten.
export QEMU_CPU=cortex-a72
inside() { chroot "$ROOT" env -i QEMU_CPU="$QEMU_CPU" PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 PIP_CERT=/etc/ssl/certs/ca-certificates.crt PYTHONDONTWRITEBYTECODE=1 "$@"; }

need qemu-aarch64-static=qemu-user-static update-binfmts=binfmt-support debootstrap=debootstrap
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
update-binfmts --enable qemu-aarch64
if [[ ! -s $ARCHIVE ]]; then
    unpack "$(base trixie arm64)" "$ROOT"
    mount -t proc proc "$ROOT/proc"
    inside apt-get -qq update
    inside env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3-venv >/dev/null
    inside python3 -m venv /opt/venv
    cp "$PROJECT/requirements/run.txt" "$ROOT/tmp/"
    inside /opt/venv/bin/pip --quiet install --no-compile --require-hashes --only-binary :all: -r /tmp/run.txt
    # the tests' own tools, as pinned; not all of test.txt, which has a browser's driver and mypy
    grep -oE '^(pytest|hypothesis|jsonschema)==[^ ]+' "$PROJECT/requirements/test.txt" >"$ROOT/tmp/tools.txt"
    inside /opt/venv/bin/pip --quiet install --no-compile --only-binary :all: -r /tmp/tools.txt
    umount "$ROOT/proc"
    tar -C "$ROOT" -cf "$ARCHIVE.part" .
    mv "$ARCHIVE.part" "$ARCHIVE"
else
    unpack "$ARCHIVE" "$ROOT"
fi
mount -t proc proc "$ROOT/proc"
mkdir "$ROOT/project"
tar -C "$PROJECT" --exclude=./.git --exclude='./.venv*' --exclude='*/__pycache__' -cf - . |
    tar --no-same-owner -C "$ROOT/project" -xf -
[[ $(inside uname -m) == aarch64 ]]
# CI: hypothesis allows an emulated processor its time.
inside CI=true sh -c "cd /project && /opt/venv/bin/python -m pytest -q -p no:cacheprovider -o addopts='' \
    -m 'not slow and not browser' $(printf "tests/%s.py " "${@:-${TESTS[@]}}")" | sed 's/tests\/\(test_[a-z_]*\) /\1 /' >"$TRACKSTART_RIG/arm64.tests" ||
    { tail -n 40 "$TRACKSTART_RIG/arm64.tests" && exit 1; }
echo "aarch64, $(inside /opt/venv/bin/python -c 'import cv2, numpy, platform; print("Python", platform.python_version(), "numpy", numpy.__version__, "OpenCV", cv2.__version__)'): $(tail -n 1 "$TRACKSTART_RIG/arm64.tests")"
