"""Runs the device and the web process together, shows where the page is, and stops both.

It touches no camera, pin or store: each of the two is a process of its own, and could as well be
started by hand or by systemd.
"""

import contextlib
import ctypes
import errno
import fcntl
import http.client
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import segno

from pi.settings import home, load_settings

ANSWERS_WITHIN_S = 90.0  # a Pi with a cold card takes half a minute to import OpenCV
STOPS_WITHIN_S = 5.0
EVERYWHERE = ("0.0.0.0", "")  # noqa: S104 - only compared with


class Part(NamedTuple):
    """One of the two processes, and where it writes what it says."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def main() -> int:
    """Exit status: 0 after Ctrl-C or SIGTERM, 1 when a process died, 2 when it could not start."""
    try:
        settings = load_settings()
        check_port(settings.web.host, settings.web.port)
        logs = home() / "log"
        logs.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as problem:
        print(f"trackstart: {problem}", file=sys.stderr)
        return 2

    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask_to_stop)

    commands = {"device": ["-m", "pi"], "web": ["-m", "pi.cli", "web"]}
    parts: list[Part] = []
    with tempfile.TemporaryDirectory(prefix="trackstart-") as folder:
        lgpio = {"LG_WD": folder}  # importing it leaves a FIFO there
        try:
            for name, command in commands.items():
                parts.append(start(name, command, logs / f"{name}.log", lgpio))
            return watch(parts, settings.web.host, settings.web.port, stop)
        finally:
            stop_all(parts)


def check_port(host: str, port: int) -> None:
    """Raise OSError, in one line, unless the page can be served there."""
    try:
        with socket.create_server((host, port)):
            return
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            who = "trackstart already runs there" if answers(host, port) else "not by trackstart"
            raise OSError(f"port {port} is taken ({who}); choose another with --port") from None
        if problem.errno == errno.EACCES:
            raise OSError(f"port {port} is for root only; choose one above 1023") from None
        raise OSError(f"cannot serve the page at {host}:{port}: {problem.strerror}") from None


def start(name: str, command: list[str], log: Path, environment: dict[str, str]) -> Part:
    """Start one process, in a group of its own so that Ctrl-C reaches it only through us."""
    with open(log, "wb") as said:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    return Part(name, process, log)


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM to this process should its parent be killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def watch(parts: Iterable[Part], host: str, port: int, stop: threading.Event) -> int:
    """Wait for the page, show its address, then wait for the end. Returns the exit status."""
    answers_until, shown = time.monotonic() + ANSWERS_WITHIN_S, False
    while not stop.wait(0.2):
        for part in parts:
            status = part.process.poll()
            if status is not None:
                return report_end(part, status)
        if shown:
            continue
        if answers(host, port):
            show_address(host, port)
            show_pin()
            shown = True
        elif time.monotonic() > answers_until:
            print(f"trackstart: no page after {ANSWERS_WITHIN_S:.0f} s", file=sys.stderr)
            return 1
    print("Stopping.", flush=True)
    return 0


def answers(host: str, port: int) -> bool:
    """Does a trackstart page answer there?"""
    page = http.client.HTTPConnection(host if host not in EVERYWHERE else "127.0.0.1", port, 1)
    try:
        page.request("GET", "/healthz")
        return page.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        page.close()


def report_end(part: Part, status: int) -> int:
    """Say which process ended by itself, and its last words."""
    how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    lines = part.log.read_text(errors="replace").splitlines()[-15:]
    print(f"trackstart: the {part.name} process {how}. Its last lines:", file=sys.stderr)
    print("\n".join(f"  {line}" for line in lines), file=sys.stderr)
    print(f"  (all of it is in {part.log})", file=sys.stderr)
    return 1


def stop_all(parts: Iterable[Part]) -> None:
    """End every process and whatever it started, gently first."""
    for part in parts:
        part.process.terminate()
    for part in parts:
        with contextlib.suppress(subprocess.TimeoutExpired):
            part.process.wait(STOPS_WITHIN_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(part.process.pid, signal.SIGKILL)
        part.process.wait()


def show_address(host: str, port: int) -> None:
    """Print where the page is, with a QR code of it for phones."""
    here = f"http://localhost:{port}/" if host in EVERYWHERE else f"http://{host}:{port}/"
    phones = lan_address() if host in EVERYWHERE else None
    print(f"\ntrackstart is running: {here}")
    if phones:
        address = f"http://{phones}:{port}/"
        print(f"On a phone in the same network: {address}\n")
        if "utf" in sys.stdout.encoding.lower():  # it is drawn with half blocks
            segno.make(address, micro=False).terminal(compact=True, border=2)
    print("Ctrl-C stops it.", flush=True)


def show_pin() -> None:
    """Print the coach's PIN, as long as nobody has used it."""
    from pi.store import open_store

    with open_store(load_settings().store.url) as store:
        if pin := store.station().pin:
            print(f"The coach's PIN, until it is used: {pin}", flush=True)


def lan_address() -> str | None:
    """This machine's IPv4 address as a phone beside it would use it, None without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # chooses a route and sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            pass
        for _, name in socket.if_nameindex():  # no way out: a hotspot of its own
            if name.startswith(("lo", "docker", "veth", "br-", "virbr")):
                continue
            siocgifaddr = 0x8915
            with contextlib.suppress(OSError):
                asked = struct.pack("256s", name[:15].encode())
                return socket.inet_ntoa(fcntl.ioctl(probe, siocgifaddr, asked)[20:24])
    return None


if __name__ == "__main__":
    sys.exit(main())
