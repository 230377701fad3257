"""Tells systemd how the process is: ready, alive, busy. Does nothing without systemd."""

import contextlib
import os
import socket
from collections.abc import Iterator

USUAL_S = 30.0
"""As WatchdogSec in systemd/: who has said nothing for so long is started again."""


def notify(*assignments: str) -> None:
    """Send `READY=1`, `WATCHDOG=1` and the like (man sd_notify); nothing where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.sendto("\n".join(assignments).encode(), address)


@contextlib.contextmanager
def busy(seconds: float) -> Iterator[None]:
    """Something that may take so long without a sign of life; after it the usual watch again."""
    notify(f"WATCHDOG_USEC={round(seconds * 1e6)}", "WATCHDOG=1")
    try:
        yield
    finally:
        notify(f"WATCHDOG_USEC={round(USUAL_S * 1e6)}", "WATCHDOG=1")
