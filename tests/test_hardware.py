"""What only a Raspberry Pi with camera, buzzer and LED shows: see docs/hardware-tests.md."""

import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pi import start_signal
from pi.camera import PiCamera
from pi.self_test import check_clock
from pi.start_signal import StartSignal, fire_at

ROOT = Path(__file__).resolve().parent.parent
on_a_pi = pytest.mark.skipif(not start_signal.is_pi(), reason="needs a Raspberry Pi")


@pytest.mark.pi
@on_a_pi
def test_a_real_pi_camera_loses_no_picture_in_a_minute():
    with PiCamera(ring_seconds=10) as camera:
        dropped, began = 0, time.monotonic()
        while time.monotonic() - began < 60:
            camera.start()
            begun_ns = time.monotonic_ns()
            time.sleep(8)
            camera.stop()
            frames = camera.recording(begun_ns, time.monotonic_ns())
            dropped += frames.dropped
            assert len(frames.times_ns) > 7.5 * camera.fps
    celsius = int(Path("/sys/class/thermal/thermal_zone0/temp").read_text()) / 1000
    assert dropped == 0
    assert celsius < 80


@pytest.mark.pi
@on_a_pi
def test_a_pis_go_is_on_time_a_hundred_times():
    late_ms, width_ms = [], []
    with StartSignal() as signal:
        for _ in range(100):
            due_ns = time.monotonic_ns() + 30_000_000
            fired = fire_at(signal, due_ns, threading.Event(), threading.Event())
            late_ms.append(1e-6 * (fired.time_ns - due_ns))
            width_ms.append(1e-6 * fired.width_ns)
            signal.quiet()
    assert np.quantile(late_ms, 0.99) < 0.5
    assert np.quantile(width_ms, 0.99) < 0.5


@pytest.mark.pi
@on_a_pi
def test_a_pis_led_and_camera_share_one_clock():
    with StartSignal() as signal, PiCamera() as camera:
        found = check_clock(signal, camera, threading.Event())
    assert found["verdict"] == "good", found
    assert found["convention"] == "end", found


def test_the_page_for_a_first_unit_lists_every_test_that_waits_for_one():
    waiting = {
        name
        for path in (ROOT / "tests").glob("test_*.py")
        for name in re.findall(
            r"^@pytest\.mark\.pi\n(?:@.*\n)*def (test_\w+)", path.read_text(), flags=re.MULTILINE
        )
    }
    page = (ROOT / "docs/hardware-tests.md").read_text()
    listed = set(re.findall(r"^\| `(test_\w+)`", page, flags=re.MULTILINE))
    assert waiting
    assert listed == waiting
