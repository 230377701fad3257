"""The device process, as `python -m pi` is, with a camera that cannot wait; for measure_load.py.

    python tools/paced_camera.py FIGURES.npy

Real are the device, its ring, its threads, and the copy of each picture into the ring in a Python
thread. Stood in for: the pictures are drawn before the device begins, since drawing costs more
than a sensor does; and a process of its own is sensor and libcamera at once. At every frame time
it says that a buffer is full; while all of BUFFERS wait to be copied, the picture is lost. No work
of Picamera2's is in it.

When the device ends, FIGURES.npy has a row of int64 for each picture that came: ns at which it was
due, was announced, and was dealt with; and 1 if it was put into the ring, 0 if not wanted then.
"""

import contextlib
import itertools
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from pi import __main__ as device  # noqa: E402
from pi.camera import Camera  # noqa: E402
from pi.simulate import SimulatedTrack  # noqa: E402

BUFFERS = 10  # as many as PiCamera asks for
TICK = struct.Struct("=qq")
POSTURE = "standing"  # the tape has this one, whatever is asked for
REST_S = 0.5  # of the tape, played forth and back while the athlete waits


def pace(fps: float) -> None:
    """The sensor: a tick on stdout for each picture that finds a buffer, until stdin is closed."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(80))  # hardware waits for nobody
    os.set_blocking(0, False)
    free, first_ns = BUFFERS, time.monotonic_ns()
    for number in itertools.count(1):
        due_ns = first_ns + round(number * 1e9 / fps)
        time.sleep(max(0.0, (due_ns - time.monotonic_ns()) * 1e-9))
        with contextlib.suppress(BlockingIOError):
            given_back = os.read(0, 4096)
            if not given_back:
                return
            free += len(given_back)
        if free:
            free -= 1
            os.write(1, TICK.pack(due_ns, time.monotonic_ns()))


class PacedCamera(Camera):
    """Plays a tape: somebody who is still, and starts at the GO that was heard."""

    def __init__(self, rest: np.ndarray, run: np.ndarray, fps: float, figures: Path, **ring):
        height, width = rest.shape[1:]
        super().__init__("paced", (width, height), fps, **ring)
        self.heard = None
        self._rest, self._run, self._figures = rest, run, figures
        self._rows: list[tuple[int, int, int, bool]] = []
        self._sensor = subprocess.Popen(
            [sys.executable, __file__, "--pace", str(fps)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # its time is not the device's
        )
        self._thread = threading.Thread(target=self._listen, name="paced camera", daemon=True)
        self._thread.start()
        while not self._rows and self._sensor.poll() is None:
            time.sleep(0.01)

    def close(self) -> None:
        super().close()
        self._sensor.stdin.close()
        self._thread.join()
        self._sensor.wait()
        self._sensor.stdout.close()
        np.save(self._figures, np.array(self._rows, np.int64).reshape(-1, 4))

    def _listen(self) -> None:
        self._hurry()
        ticks, back = self._sensor.stdout.fileno(), self._sensor.stdin.fileno()
        while len(tick := os.read(ticks, TICK.size)) == TICK.size:
            due_ns, announced_ns = TICK.unpack(tick)
            kept = self._filling.is_set()
            if kept:
                np.copyto(self.ring.slot(), self._picture(due_ns))
                self.ring.keep(due_ns)
            done_ns = time.monotonic_ns()
            with contextlib.suppress(ValueError, OSError):  # closed meanwhile
                os.write(back, b".")
            self._rows.append((due_ns, announced_ns, done_ns, kept))

    def _picture(self, due_ns: int) -> np.ndarray:
        go_ns = self.heard().go_ns if self.heard else ()
        if go_ns and go_ns[0] < due_ns:
            return self._run[min(int((due_ns - go_ns[0]) * 1e-9 * self.fps), len(self._run) - 1)]
        at = round(due_ns * 1e-9 * self.fps) % (2 * len(self._rest) - 2)
        return self._rest[min(at, 2 * len(self._rest) - 2 - at)]


class Tape:
    """What the device takes for the simulated track; whoever starts is on the tape."""

    def __init__(self, track: SimulatedTrack):
        self.calibration, self.lanes = track.calibration, track.lanes

    def line_up(self, _posture: str, **_how: object) -> None:
        pass

    def set_up(self) -> None:
        pass

    def truth(self, _go_ns: int, lane: int = 0) -> None:
        return None


def draw(track: SimulatedTrack, fps: float, run_s: float) -> tuple[np.ndarray, np.ndarray]:
    """The pictures before GO and from GO on, each (n, h, w) uint8."""
    track.line_up(POSTURE)
    go_ns = time.monotonic_ns() + 5_000_000_000

    def drawn(first: int, count: int) -> np.ndarray:
        return np.stack([track.picture(go_ns + round(k * 1e9 / fps)) for k in range(first, count)])

    rest = drawn(-round(REST_S * fps), 0)
    track.hear([go_ns])
    return rest, drawn(0, round(run_s * fps))


@contextlib.contextmanager
def open_camera(settings):
    wanted = settings.camera
    track = SimulatedTrack(seed=settings.simulate.seed, size=(wanted.width, wanted.height))
    rest, run = draw(track, wanted.fps, settings.record_s + 0.2)
    ring = {"ring_seconds": wanted.ring_seconds, "ring_bytes": wanted.ring_bytes}
    with PacedCamera(rest, run, wanted.fps, Path(sys.argv[1]), **ring) as camera:
        yield camera, Tape(track)


if __name__ == "__main__":
    if sys.argv[1] == "--pace":
        pace(float(sys.argv[2]))
    else:
        device.open_camera = open_camera
        device.main()
