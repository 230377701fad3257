#!/usr/bin/env bash
# A Video4Linux camera (the kernel's vivid) through our Webcam: frames, time stamps, end.
#
# Real: kernel, driver interface, OpenCV's V4L2, our Webcam and ring. Not real: the picture (test
# bars), the exposure, and the speed: the processor is emulated.
set -euo pipefail
HERE=$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")
# shellcheck source=tests/rig/roots.sh
. "$HERE/roots.sh"
# shellcheck source=tests/rig/guest.sh
. "$HERE/guest.sh"

make_guest
in_guest guest_webcam.sh | grep -v '^finished'
