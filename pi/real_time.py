"""What the device asks of Linux and of Python so that nothing comes between it and an instant.

All of it may be refused: then the device runs on, a little less certain, and says so in its log.
"""

import contextlib
import ctypes
import gc
import logging
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger("trackstart.device")

# Of Linux's 1 to 99. Its own threads for interrupts have 50: a device that hangs stops no driver.
# The watch, and whoever else of the device is awake during a rep, is above other programs for the
# sake of the two others: who has Python's lock and is sent away keeps them waiting.
WATCH, CAMERA, GO = 5, 10, 20

# A thread that wants to run waits as long for one that computes; 5 ms is what Python takes itself.
SWITCH_S = 0.0005


def come_first(priority: int) -> bool:
    """Have this thread run before all that have a lower priority or none; whether that is so.

    Threads that it starts are ordinary ones again.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def first(priority: int) -> Iterator[None]:
    """come_first() for as long as this lasts."""
    granted = come_first(priority)
    try:
        yield
    finally:
        if granted:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def may_come_first(priority: int = GO) -> bool:
    """Whether come_first() is granted to threads of this process."""
    limit, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    return limit == resource.RLIM_INFINITY or limit >= priority or _can("CAP_SYS_NICE")


@contextlib.contextmanager
def steady() -> Iterator[None]:
    """A process whose memory stays, whose threads take turns quickly, and that is not cleaned up.

    To be entered when everything is imported and open. What is there by then is no garbage, and is
    not looked through for any: on a Pi that takes the time of several frames.
    """
    refused = []
    if not may_come_first():
        refused.append("GO has no priority over other programs (LimitRTPRIO)")
    if not lock_memory():
        refused.append("memory may be swapped out (LimitMEMLOCK)")
    if refused:
        log.warning("not granted: %s", "; ".join(refused))
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(usual_s)
        ctypes.CDLL(None).munlockall()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """No other Python thread and no garbage collection for up to 50 ms."""
    usual_s, collecting = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(0.05)
    gc.disable()
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)
        if collecting:
            gc.enable()


def lock_memory() -> bool:
    """Keep in memory, from its first use on, whatever this process has or will have; if it may."""
    # Under a limit every later allocation could fail: then rather not at all.
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limit != resource.RLIM_INFINITY and not _can("CAP_IPC_LOCK"):
        return False
    current, future, on_fault = 1, 2, 4  # of Linux on x86 and ARM
    return ctypes.CDLL(None).mlockall(current | future | on_fault) == 0


def _can(capability: str) -> bool:
    bit = {"CAP_IPC_LOCK": 14, "CAP_SYS_NICE": 23}[capability]
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> bit & 1)
    return False
