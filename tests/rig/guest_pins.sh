#!/usr/bin/env bash
# Inside the emulated kernel: a Pi's header of 54 lines, then guest_pins.py on it.
KERNEL=$1 VENV=$2 PROJECT=$3
modprobe -d "$KERNEL" configfs; insmod "$KERNEL/irq_sim.ko" && insmod "$KERNEL/gpio-sim.ko" || exit 1
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
mkdir -p /sys/kernel/config/gpio-sim/pi/bank0
echo 54 >/sys/kernel/config/gpio-sim/pi/bank0/num_lines
echo 1 >/sys/kernel/config/gpio-sim/pi/live
# gpiozero asks for the board's revision: a Pi 4B's
printf 'Revision\t: c03114\n' >/tmp/cpuinfo
mount --bind /tmp/cpuinfo /proc/cpuinfo
lines=$(dirname "$(find /sys/devices/platform/gpio-sim.0 -name sim_gpio17)")
cd /tmp && PYTHONPATH=$PROJECT PYTHONDONTWRITEBYTECODE=1 LG_WD=/tmp GPIOZERO_PIN_FACTORY=lgpio \
    "$VENV/bin/python" "$PROJECT/tests/rig/guest_pins.py" "$lines" 2>&1 | sed 's/^/GUEST: /'
