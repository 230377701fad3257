#!/usr/bin/env bash
# The real gpiozero and lgpio on a GPIO chip that the kernel simulates: signal, button, crash.
#
# Real: kernel, character device, edge time stamps, lgpio, gpiozero, our StartSignal. Not real: the
# chip, and the speed: the processor is emulated.
set -euo pipefail
HERE=$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")
# shellcheck source=tests/rig/roots.sh
. "$HERE/roots.sh"
# shellcheck source=tests/rig/guest.sh
. "$HERE/guest.sh"

make_guest
in_guest guest_pins.sh | grep -v '^finished'
