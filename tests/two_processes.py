"""The two processes with a home of their own, and a browser, for tests and tools alike."""

import contextlib
import json
import os
import shutil
import signal
import socket
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


@contextlib.contextmanager
def served(home: Path, port: int):
    """The pages by gunicorn, as `trackstart web` starts it."""
    with process(home, port, "-m", "gunicorn", "--config", "web/gunicorn.conf.py") as running:
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
def simulated_device(home: Path, port: int):
    """The device on the simulated track; serve the pages at port too, to hear that it lives."""
    with process(home, port, "-m", "pi", TRACKSTART_CAMERA="simulated") as running:
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
