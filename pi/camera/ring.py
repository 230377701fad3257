"""Where pictures wait: the last seconds of them, with the time of their exposure."""

import ctypes
import math
import mmap
import os
import threading
import weakref
from typing import NamedTuple

import numpy as np


class Frames(NamedTuple):
    """A recording: pictures and when each was exposed."""

    luma: np.ndarray  # (n, h, w) uint8, a view into the ring where possible
    times_ns: np.ndarray  # (n,) int64 monotonic ns, middle of the exposure of row 0
    line_time_ns: float = 0.0  # added per row (rolling shutter); 0 = global or unknown
    exposure_ns: int = 0  # 0 = unknown
    dropped: int = 0  # frames missing, from gaps in the time stamps
    overrun: bool = False  # the ring was too small: the beginning is gone


def count_dropped(times_ns: np.ndarray, usual_ns: float | None = None) -> int:
    """Frames missing between the first and the last, by gaps over 1.5 usual frame times.

    times_ns : (n,) increasing.    usual_ns : the frame time; their median if not given.
    """
    steps = np.diff(times_ns)
    if steps.size < 2:
        return 0
    usual = usual_ns or float(np.median(steps))
    gaps = steps[steps > 1.5 * usual]
    return int(np.sum(np.round(gaps / usual) - 1)) if usual > 0 else 0


def available_bytes() -> int:
    """Memory that can be had without swapping, as the kernel estimates it."""
    with open("/proc/meminfo") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


class Ring:
    """The last seconds of pictures, in memory allocated once; any stretch of it is one array.

    The same memory is mapped twice, end to end, so that a recording which runs over the
    ring's end is still contiguous and is handed out as a view: a picture is copied when it
    arrives, and never again. One thread writes, any number read.

    A view stays true until the ring comes round to it: stop the camera before a long look.
    """

    def __init__(
        self,
        size: tuple[int, int],
        fps: float,
        *,
        seconds: float = 12.0,
        max_bytes: int | None = None,
    ):
        width, height = size
        picture_bytes = width * height
        # Half of what is free: the other half is for the system and for measuring.
        most = available_bytes() // 2 if max_bytes is None else max_bytes
        # Each picture begins on a page's edge, so that any number of them can be mapped.
        room = -(-picture_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        wanted = math.ceil(seconds * fps) + 1  # one is always being written
        frames = min(wanted, most // room)
        if frames < 2:
            raise ValueError(
                f"ring_bytes: {most} bytes do not hold two pictures of {width}x{height}"
            )
        self.size = size
        self.capacity = frames
        self.fps = fps
        rows = _mapped_twice(frames * room).reshape(2 * frames, room)[:, :picture_bytes]
        self._pictures = rows.reshape(2 * frames, height, width)
        self._times_ns = np.zeros(2 * frames, np.int64)
        self._count = 0  # pictures kept since clear()
        self._filling: int | None = None  # which of them slot() gave out
        self._held = False
        self._news = threading.Condition()

    @property
    def seconds(self) -> float:
        """How long a recording it holds."""
        return (self.capacity - 1) / self.fps

    def clear(self) -> None:
        """Forget every picture, one that is being filled too; the memory stays."""
        with self._news:
            self._count = 0
            self._filling = None
            self._held = False

    def hold(self) -> None:
        """Keep nothing more until clear(), nor the picture that is being filled."""
        with self._news:
            self._held = True

    def slot(self) -> np.ndarray:
        """The (h, w) picture to fill next; keep() makes it part of the recording."""
        with self._news:
            self._filling = self._count
            return self._pictures[self._filling % self.capacity]

    def keep(self, time_ns: int) -> None:
        """The picture in slot() is complete and was exposed at time_ns."""
        with self._news:
            if self._held or self._filling != self._count:  # cleared meanwhile
                return
            at = self._count % self.capacity
            self._times_ns[at] = self._times_ns[at + self.capacity] = time_ns
            self._count += 1
            self._filling = None
            self._news.notify_all()

    def add(self, picture: np.ndarray, time_ns: int) -> None:
        """Copy one picture in."""
        np.copyto(self.slot(), picture)
        self.keep(time_ns)

    def frame(self, after_ns: int, timeout_s: float = 0.0) -> tuple[np.ndarray, int] | None:
        """The newest picture later than after_ns and its time, or None if none came in time."""
        with self._news:
            self._news.wait_for(lambda: self._newest_ns() > after_ns, timeout_s)
            if self._newest_ns() <= after_ns:
                return None
            at = (self._count - 1) % self.capacity
            return self._pictures[at], int(self._times_ns[at])

    def _newest_ns(self) -> int:
        if not self._count:
            return -(2**63)
        return int(self._times_ns[(self._count - 1) % self.capacity])

    def recording(
        self, from_ns: int, to_ns: int, *, line_time_ns: float = 0.0, exposure_ns: int = 0
    ) -> Frames:
        """The pictures from from_ns to to_ns, both included, as a view."""
        with self._news:
            held = min(self._count, self.capacity - 1)
            oldest = self._count - held
        start = oldest % self.capacity
        times_ns = self._times_ns[start : start + held]
        first = int(np.searchsorted(times_ns, from_ns, "left"))
        last = int(np.searchsorted(times_ns, to_ns, "right"))
        taken_ns = times_ns[first:last].copy()
        return Frames(
            self._pictures[start + first : start + last],
            taken_ns,
            line_time_ns,
            exposure_ns,
            count_dropped(taken_ns, 1e9 / self.fps),
            overrun=bool(oldest > 0 and held and times_ns[0] > from_ns),
        )


def _mapped_twice(size: int) -> np.ndarray:
    """(2 * size,) uint8 whose second half is the first half again."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    nothing, fixed, failed = 0, 0x10, ctypes.c_void_p(-1).value
    both = mmap.PROT_READ | mmap.PROT_WRITE
    memory = os.memfd_create("trackstart-ring")
    try:
        # Taken now, so that want of memory shows here and not in the middle of a rep.
        os.posix_fallocate(memory, 0, size)
        anywhere = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        room = libc.mmap(None, 2 * size, nothing, anywhere, -1, 0)
        if room == failed:
            raise OSError(ctypes.get_errno(), "no room for the ring")
        # The half that is written to has all its pages at once: else every picture of the first
        # pass waits for its own, which takes longer than to copy it.
        for half, at_once in ((room, mmap.MAP_POPULATE), (room + size, 0)):
            shared = mmap.MAP_SHARED | fixed | at_once
            if libc.mmap(half, size, both, shared, memory, 0) == failed:
                raise OSError(ctypes.get_errno(), "no room for the ring")
    finally:
        os.close(memory)
    mapping = _Mapping(room, 2 * size)
    weakref.finalize(mapping, libc.munmap, room, 2 * size)
    return np.asarray(mapping)


class _Mapping:
    """Memory at an address, for numpy; given back when the last view of it is gone."""

    def __init__(self, address: int, size: int):
        self.__array_interface__ = {
            "version": 3,
            "data": (address, False),
            "shape": (size,),
            "typestr": "|u1",
        }
