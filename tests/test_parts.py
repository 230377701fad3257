"""Every part of the box with its verdict, from trees of files as a Raspberry Pi has them."""

import shutil
import sqlite3

import cv2
import numpy as np
import pytest

from pi.parts import arithmetic, camera_parts, machine_parts, pin_parts, sharpness
from pi.simulate import SimulatedCamera, SimulatedTrack
from pi.start_signal import StartSignal
from pi.store import SelfTest, open_store

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.fixture
def raspberry(tmp_path):
    """A healthy Pi's files, and a function that looks at it."""
    root, folder = tmp_path / "root", tmp_path / "store"
    folder.mkdir()

    def write(path, text):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    write("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    write("proc/meminfo", "MemTotal:        3884992 kB\n")
    write("proc/mounts", f"/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n/dev/sda {tmp_path} ext4 rw 0 0\n")
    write("sys/fs/ext4/sda/errors_count", "0\n")
    write("sys/class/thermal/thermal_zone0/temp", "48312\n")
    write(THROTTLED, "0\n")
    write("run/systemd/timesync/synchronized", "")
    (root / "sys/class/net/wlan0/wireless").mkdir(parents=True)
    link = root / "etc/alternatives/cyfmac43455-sdio.bin"
    link.parent.mkdir(parents=True)
    link.symlink_to("/lib/firmware/cypress/cyfmac43455-sdio-minimal.bin")

    def look():
        return {part.name: part for part in machine_parts(folder, root)}

    look.write, look.folder, look.root = write, folder, root
    return look


def test_a_healthy_box_has_nothing_to_do(raspberry):
    with open_store(f"sqlite:///{raspberry.folder / 'trackstart.db'}"):
        pass
    parts = raspberry()
    assert {part.verdict for part in parts.values()} == {"good"}
    assert not any(part.do for part in parts.values())
    assert "Raspberry Pi 4 Model B Rev 1.4, 3.9 GB" in parts["board"].said
    assert "48 °C" in parts["temperature"].said
    assert "minimal: 20 phones" in parts["Wi-Fi"].said


@pytest.mark.parametrize(
    ("bits", "verdict", "said"),
    [
        ("50005", "bad", "under voltage now, throttled now, under voltage since the start"),
        ("50000", "warning", "under voltage since the start"),
        ("80008", "bad", "at its temperature limit now"),
    ],
)
def test_a_weak_supply_is_told_from_heat(raspberry, bits, verdict, said):
    raspberry.write(THROTTLED, bits)
    power = raspberry()["power"]
    assert power.verdict == verdict
    assert said in power.said
    assert ("supply" in power.do) == ("voltage" in said)


@pytest.mark.parametrize(("degrees", "verdict"), [(60, "good"), (72, "warning"), (81, "bad")])
def test_heat_is_told_before_it_slows_the_box_down(raspberry, degrees, verdict):
    raspberry.write("sys/class/thermal/thermal_zone0/temp", f"{degrees}000")
    assert raspberry()["temperature"].verdict == verdict


def test_a_card_that_went_read_only_is_bad(raspberry):
    raspberry.write("proc/mounts", f"/dev/sda {raspberry.root.parent} ext4 ro,noatime 0 0\n")
    storage = raspberry()["storage"]
    assert storage.verdict == "bad"
    assert "read-only" in storage.said


def test_errors_on_the_card_are_bad(raspberry):
    raspberry.write("sys/fs/ext4/sda/errors_count", "3\n")
    assert "3 errors" in raspberry()["storage"].said


def test_a_full_card_is_bad_before_it_is_full(raspberry, monkeypatch):
    usage = shutil.disk_usage(raspberry.folder)
    for free, verdict in ((100e6, "bad"), (500e6, "warning"), (5e9, "good")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        assert raspberry()["storage"].verdict == verdict


def test_a_damaged_store_is_told(raspberry):
    path = raspberry.folder / "trackstart.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table some (thing text)")
    connection.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * len(content[4096:])
    path.write_bytes(content)
    reps = raspberry()["reps"]
    assert reps.verdict == "bad"
    assert "backup" in reps.do


def test_a_clock_without_a_source_says_what_that_spoils(raspberry):
    (raspberry.root / "run/systemd/timesync/synchronized").unlink()
    clock = raspberry()["clock"]
    assert clock.verdict == "warning"
    assert "times within a rep never" in clock.do


def test_a_numpy_that_multiplies_wrong_is_bad():
    assert arithmetic().verdict == "good"

    def wrong(a, b):
        return np.where(np.arange(b.shape[1]) == 3, np.float32(1e30), a @ b)

    told = arithmetic(wrong)
    assert told.verdict == "bad"
    assert "numpy from apt" in told.do
    assert arithmetic(lambda a, b: a @ b * np.float32(np.nan)).verdict == "bad"


def test_what_a_machine_does_not_tell_is_unknown_and_not_good(tmp_path):
    parts = {part.name: part for part in machine_parts(tmp_path, tmp_path / "nothing")}
    for name in ("board", "temperature", "power", "Wi-Fi", "reps"):
        assert parts[name].verdict == "unknown"


# Of the device


def test_a_camera_that_runs_is_told_with_its_figures():
    track = SimulatedTrack(seed=1, size=(640, 360))
    found = SelfTest(
        "led", "simulated", "", "2026-11-25T09", {
            "offset_s": 0.0031, "u_offset_s": 0.0001, "verdict": "bad",
        },
    )  # fmt: skip
    with SimulatedCamera(track, fps=30) as camera:
        parts = {part.name: part for part in camera_parts(camera, 30, found)}
        slow = {part.name: part for part in camera_parts(camera, 120, None)}
    assert parts["camera"].said == "simulated, 640x360"
    assert parts["frames"].said.startswith("30.0 a second, 0 of ")
    assert parts["exposure"].verdict == parts["focus"].verdict == "good"
    assert "+3.10 ± 0.10 ms" in parts["LED test"].said
    assert parts["LED test"].verdict == "bad"
    assert slow["frames"].verdict == "warning"
    assert slow["LED test"].verdict == "unknown"


def test_a_camera_that_gives_nothing_is_bad_and_says_to_look_at_the_cable():
    track = SimulatedTrack(seed=1, size=(640, 360))
    with SimulatedCamera(track, fps=30) as camera:
        camera.start = lambda: None
        (part,) = camera_parts(camera, 30, None)
    assert part.verdict == "bad"
    assert "cable" in part.do


def test_a_lens_out_of_focus_is_softer():
    random = np.random.default_rng(2)
    sharp = cv2.resize(
        random.integers(0, 255, (90, 160), np.uint8), (640, 360), interpolation=cv2.INTER_NEAREST
    )
    soft = cv2.GaussianBlur(sharp, (0, 0), 6.0)
    assert sharpness(sharp) > 3 * sharpness(soft)
    assert np.isnan(sharpness(np.full((360, 640), 90, np.uint8)))


def test_pins_are_told_as_they_are_wired(pins):
    with StartSignal(17, None, 22, pin_factory=pins) as signal:
        parts = {part.name: part for part in pin_parts(signal)}
        assert parts["pins"].verdict == "warning"  # in memory only
        assert parts["buzzer"].said == "pin 17"
        assert parts["LED"].verdict == "warning"
        assert "pins.led" in parts["LED"].do
        assert parts["button"].verdict == "good"
        pins.pin(22).drive_low()
        assert pin_parts(signal)[-1].said == "held down"
