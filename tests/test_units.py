"""The units in systemd/, by systemd's own judgement, and what the device tells systemd."""

import contextlib
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from pi.notify import USUAL_S, busy, notify

UNITS = Path(__file__).resolve().parent.parent / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
STAYING = [unit for unit in SERVICES if "Type=oneshot" not in unit.read_text()]

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not here"
)


def analyse(*arguments):
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *map(str, arguments)], capture_output=True, text=True
    )


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    for unit in [*SERVICES, UNITS / "trackstart-web.socket", UNITS / "trackstart-clock.path"]:
        # the programme is where install puts it, which need not be here
        (tmp_path / unit.name).write_text(
            re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
        )
    for unit in sorted(tmp_path.iterdir()):
        told = analyse("verify", "--recursive-errors=yes", unit)
        ours = [line for line in told.stderr.splitlines() if "trackstart" in line]
        assert (told.returncode, ours) == (0, [])


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_each_unit_is_shut_in(unit):
    told = analyse("security", "--offline=yes", "--threshold=19", unit)
    assert told.returncode == 0, told.stdout[-200:]


@pytest.mark.parametrize("unit", STAYING, ids=lambda unit: unit.stem)
def test_each_unit_is_watched_and_comes_back(unit):
    text = unit.read_text()
    for line in ("Type=notify", f"WatchdogSec={USUAL_S:.0f}", "Restart=always"):
        assert line in text.splitlines()


def test_what_would_break_camera_and_pins_is_not_in_the_devices_unit():
    text = (UNITS / "trackstart-device.service").read_text()
    settings = [line for line in text.splitlines() if not line.startswith("#")]
    for name in ("ProcSubset", "PrivateDevices", "MemoryDenyWriteExecute", "RestrictRealtime"):
        assert not any(line.startswith(name) for line in settings)
    for device in ("gpiochip", "video4linux", "media", "dma_heap"):
        assert f"DeviceAllow=char-{device} rw" in settings


def test_the_pins_fall_however_the_device_ends():
    text = (UNITS / "trackstart-device.service").read_text()
    assert re.search(r"^ExecStopPost=-\S+/python -m pi\.quiet$", text, re.MULTILINE)


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """What systemd would hear."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        door.settimeout(1)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield lambda: door.recv(4096).decode().splitlines()


def test_systemd_hears_that_the_device_is_ready(systemd):
    notify("READY=1", "STATUS=imx708")
    assert systemd() == ["READY=1", "STATUS=imx708"]


def test_a_long_job_is_no_hang_and_after_it_the_usual_watch_holds(systemd):
    with contextlib.suppress(ZeroDivisionError), busy(240.0):
        assert systemd() == ["WATCHDOG_USEC=240000000", "WATCHDOG=1"]
        raise ZeroDivisionError
    assert systemd() == [f"WATCHDOG_USEC={USUAL_S * 1e6:.0f}", "WATCHDOG=1"]


def test_without_systemd_nothing_is_said(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
