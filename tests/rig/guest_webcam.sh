#!/usr/bin/env bash
# Inside the emulated kernel: a camera of vivid's, then guest_webcam.py on it.
KERNEL=$1 VENV=$2 PROJECT=$3
modprobe -d "$KERNEL" vivid n_devs=1 node_types=1 || exit 1
for _ in 1 2 3 4 5 6 7 8 9 10; do [[ -e /dev/video0 ]] || sleep 0.5; done
cd /tmp && PYTHONPATH=$PROJECT PYTHONDONTWRITEBYTECODE=1 OPENCV_LOG_LEVEL=ERROR \
    "$VENV/bin/python" "$PROJECT/tests/rig/guest_webcam.py" 2>&1 | sed 's/^/GUEST: /'
