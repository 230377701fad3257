"""The two processes with a home of their own, and a browser, for tests and tools alike."""

import contextlib
import json
import mmap
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PHONE = {"width": 360, "height": 740}
WAIT_MS = 20_000  # for what takes a moment here and a second on a slow machine
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def process(home: Path, port: int, *command: str, **environment: str):
    """One of the two processes with a home of its own; it must end when it is told to."""
    log = home / f"{command[1]}.log"
    with open(log, "ab") as said:
        running = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=os.environ
            | {"TRACKSTART_HOME": str(home), "TRACKSTART_PORT": str(port)}
            | environment,
        )
    try:
        yield running
    except BaseException:
        print(log.read_text(errors="replace")[-3000:])
        raise
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            raise


def health(port: int) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        return json.load(answer)


class Clock:
    """The clock of processes that are given its environment; a test may let time pass quickly.

    usual : how many times as fast it runs all the time; what is drawn and measured takes as long.
    """

    TIMES = 20  # a process looks about itself every second or so: it misses a minute of a lesson

    def __init__(self, folder: Path, usual: int = 1):
        file = folder / "clock"
        file.write_bytes(bytes(24))
        with open(file, "r+b") as opened:
            self._told = mmap.mmap(opened.fileno(), 24)
        self._ours_ns = self._since_ns = time.monotonic_ns()
        self._times = self._usual = usual
        self._run(usual)
        self.environment = {
            "TRACKSTART_TEST_CLOCK": str(file),
            "PYTHONPATH": str(ROOT / "tests/fast_clock"),
            "GUNICORN_CMD_ARGS": "--timeout 0",  # it looks after its worker by the same clock
        }

    def passes(self, seconds: float) -> None:
        """So many seconds of theirs, in as much shorter a time."""
        self._run(self.TIMES)
        time.sleep(seconds / self.TIMES)
        self._run(self._usual)

    def _run(self, times: int) -> None:
        now_ns = time.monotonic_ns()
        self._ours_ns += (now_ns - self._since_ns) * self._times
        self._since_ns, self._times = now_ns, times
        self._told[:] = struct.pack("=qqq", self._since_ns, self._ours_ns, times)


@contextlib.contextmanager
def served(home: Path, port: int, **environment: str):
    """The pages by gunicorn, as `trackstart web` starts it."""
    command = ("-m", "gunicorn", "--config", "web/gunicorn.conf.py")
    with process(home, port, *command, **environment) as running:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                health(port)
                break
            assert running.poll() is None, "gunicorn has ended"
            assert time.monotonic() < deadline, "no page after a minute"
            time.sleep(0.05)
        yield


@contextlib.contextmanager
def simulated_device(home: Path, port: int, **environment: str):
    """The device on the simulated track; serve the pages at port too, to hear that it lives."""
    environment |= {"TRACKSTART_CAMERA": "simulated"}
    with process(home, port, "-m", "pi", **environment) as running:
        yield running


def wait_for_device(running: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + 90
    while health(port)["timer"] != "ok":
        assert running.poll() is None, "the device has ended"
        assert time.monotonic() < deadline, "the device does not begin"
        time.sleep(0.1)


def launch(driver, *more: str):
    """Debian's Chromium, headless and quiet on the network.   more : switches without their --."""
    switches = (
        "no-sandbox disable-quic no-first-run disable-background-networking"
        " disable-component-update disable-sync"
    )
    return driver.chromium.launch(
        executable_path=CHROMIUM, args=[f"--{switch}" for switch in (*switches.split(), *more)]
    )
