"""What is asked of Linux and of Python, where it is granted and where it is not."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pi import real_time

ROOT = Path(__file__).resolve().parent.parent
REFUSED = """
import gc, logging, os, resource
import numpy
from pi import real_time
logging.basicConfig()
resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 1 << 20))
if os.getuid() == 0:
    os.setresuid(65534, 65534, 65534)
assert not real_time.may_come_first()
assert not real_time.come_first(real_time.GO)
assert os.sched_getscheduler(0) == os.SCHED_OTHER
with real_time.steady():
    assert gc.get_freeze_count()
    numpy.ones(64 << 20, numpy.uint8)
"""
GRANTED = """
from pathlib import Path
from pi import real_time
def locked():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmLck")).split()[1])
with real_time.steady():
    before = locked()
    assert before > 0
    more = bytearray(64 << 20)
    assert locked() - before >= 64 << 10, "what comes later is locked too"
assert locked() == 0
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )


def test_without_the_rights_the_device_runs_on_and_says_what_it_lacks():
    done = run(REFUSED)
    assert done.returncode == 0, done.stderr
    assert "LimitRTPRIO" in done.stderr
    assert "LimitMEMLOCK" in done.stderr


@pytest.mark.skipif(not real_time.may_come_first(), reason="needs the right to real-time priority")
def test_a_thread_that_comes_first_starts_ordinary_ones():
    seen = []

    def look():
        seen.append(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK)

    def first():
        assert real_time.come_first(real_time.GO)
        look()
        child = threading.Thread(target=look)
        child.start()
        child.join()

    thread = threading.Thread(target=first)
    thread.start()
    thread.join()
    assert seen == [os.SCHED_FIFO, os.SCHED_OTHER]


@pytest.mark.skipif(not real_time._can("CAP_IPC_LOCK"), reason="needs the right to lock memory")
def test_memory_is_locked_while_the_device_runs():
    done = run(GRANTED)
    assert done.returncode == 0, done.stderr


def test_python_is_as_it_was_when_the_device_has_ended():
    before = sys.getswitchinterval(), gc.isenabled(), gc.get_freeze_count()
    with real_time.steady():
        assert sys.getswitchinterval() == pytest.approx(real_time.SWITCH_S)
        assert gc.get_freeze_count() > 1000
        assert gc.isenabled(), "what a rep leaves is still cleaned up"
    assert (sys.getswitchinterval(), gc.isenabled(), gc.get_freeze_count()) == before


def test_go_is_above_the_camera_and_both_below_the_drivers():
    assert 0 < real_time.CAMERA < real_time.GO < 50
