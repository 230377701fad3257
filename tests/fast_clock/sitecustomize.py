"""Lets a test speed up the clock of each of the two processes: Python runs this file first.

TRACKSTART_TEST_CLOCK is a file of three int64: the ns of the machine, the ns that were told then,
and how many are told for each since (see two_processes.Clock). Waits that begin while the clock is
fast are as much shorter. Threads that wait for a lock itself, and for sockets, are not.
"""

import mmap
import os
import struct
import threading
import time

machine_ns, sleep, wait = time.monotonic_ns, time.sleep, threading.Condition.wait
with open(os.environ["TRACKSTART_TEST_CLOCK"], "rb") as file:
    told = mmap.mmap(file.fileno(), 24, access=mmap.ACCESS_READ)


def pace() -> tuple[int, int, int]:
    while (now := told[:]) != told[:]:
        pass  # it is being changed just now
    return struct.unpack("=qqq", now)


def monotonic_ns() -> int:
    began_ns, ours_ns, times = pace()
    return ours_ns + (machine_ns() - began_ns) * times


def monotonic() -> float:
    return monotonic_ns() * 1e-9


def shorter_wait(condition: threading.Condition, timeout: float | None = None) -> bool:
    return wait(condition, None if timeout is None else timeout / pace()[2])


time.monotonic_ns, time.monotonic = monotonic_ns, monotonic
time.sleep = lambda seconds: sleep(seconds / pace()[2])
threading.Condition.wait = shorter_wait
threading._time = monotonic
