"""Cameras that fill a ring while somebody starts: what they share, a webcam, a film as a camera."""

import itertools
import os
import threading
import time
from typing import Any

import cv2
import numpy as np

from pi import real_time
from pi.camera.ring import Frames, Ring
from pi.camera.video import decode


class Camera:
    """What every camera can do. Pictures go into the ring between start() and stop().

    The attributes say what it is (name, size, fps as measured, line_time_ns, exposure_ns), what
    keeps it from working (problem) and what makes its pictures worse (warnings).
    """

    def __init__(
        self,
        name: str,
        size: tuple[int, int],
        fps: float,
        *,
        ring_seconds: float = 12.0,
        ring_bytes: int | None = None,
    ):
        self.name = name
        self.size = size
        self.fps = fps
        self.line_time_ns = 0.0
        self.exposure_ns = 0
        self.stamped_at = 0.5  # where in an exposure the driver's own stamp is taken to lie
        self.flashes: list[int] | None = None  # ns of the LED's edges, for a simulated one to see
        self.problem: str | None = None
        self.warnings: list[str] = []
        self.ring = Ring(size, fps, seconds=ring_seconds, max_bytes=ring_bytes)
        self._filling = threading.Event()
        self._hurried: int | None = None

    def start(self) -> None:
        """Fill the ring, from its beginning."""
        self.ring.clear()
        self._filling.set()

    def frame(self, after_ns: int) -> tuple[np.ndarray, int] | None:
        """The newest picture later than after_ns, and its time; None if none comes in two."""
        return self.ring.frame(after_ns, 2 / self.fps)

    def recording(self, from_ns: int, to_ns: int) -> Frames:
        """The pictures from from_ns to to_ns: a view, good until the next start()."""
        return self.ring.recording(
            from_ns, to_ns, line_time_ns=self.line_time_ns, exposure_ns=self.exposure_ns
        )

    def expose(self, exposure_us: int | None) -> bool:
        """Lock another exposure, None for the usual one; False where that cannot be done."""
        return exposure_us is None

    def look_after(self) -> None:
        """Find out whether it still works, and put it into problem if not; between reps."""

    def stop(self) -> None:
        """Leave the ring as it is."""
        self._filling.clear()
        self.ring.hold()

    def close(self) -> None:
        """Give the device back."""
        self.stop()

    def _hurry(self) -> None:
        """Let the thread that copies pictures come first; cheap, to be called for each of them."""
        if self._hurried != threading.get_ident():
            self._hurried = threading.get_ident()
            real_time.come_first(real_time.CAMERA)

    def __enter__(self) -> "Camera":
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()


class VideoFile(Camera):
    """A film as if it were a camera: each start() plays it once, in its own time."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fps: float | None = None,
        ring_seconds: float = 12.0,
        ring_bytes: int | None = None,
    ):
        first = [(np.shape(luma), at_ns) for luma, at_ns in itertools.islice(decode(path), 30)]
        if len(first) < 2:
            raise ValueError(f"{path}: one picture is not a film")
        (height, width), _ = first[0]
        step_ns = float(np.median(np.diff([at_ns for _, at_ns in first])))
        super().__init__(
            os.path.basename(path),
            (width, height),
            fps or 1e9 / step_ns,
            ring_seconds=ring_seconds,
            ring_bytes=ring_bytes,
        )
        self._path = path
        self._claimed_fps = fps
        self._end = threading.Event()
        self._player: threading.Thread | None = None

    def start(self) -> None:
        self.stop()
        super().start()
        self._end.clear()
        self._player = threading.Thread(target=self._play, name="film", daemon=True)
        self._player.start()

    def stop(self) -> None:
        super().stop()
        self._end.set()
        if self._player:
            self._player.join()
            self._player = None
        self.problem = None

    def _play(self) -> None:
        zero_ns = time.monotonic_ns()
        for luma, at_ns in decode(self._path, fps=self._claimed_fps):
            if self._end.wait(max(0.0, (zero_ns + at_ns - time.monotonic_ns()) * 1e-9)):
                return
            self.ring.add(luma, zero_ns + at_ns)
        self.problem = "the film is over"


class Webcam(Camera):
    """A webcam of Video4Linux, through OpenCV.

    Its driver stamps the start of the exposure on the monotonic clock. Where OpenCV does not hand
    that on, a picture's time is that of its arrival less half a frame, and a warning says so.
    """

    def __init__(
        self,
        path: str = "/dev/video0",
        *,
        size: tuple[int, int] = (1280, 720),
        fps: float = 120.0,
        exposure_us: int = 1000,
        ring_seconds: float = 12.0,
        ring_bytes: int | None = None,
        capture: Any = None,
    ):
        self._capture = cv2.VideoCapture(path, cv2.CAP_V4L2) if capture is None else capture
        if not self._capture.isOpened():
            raise OSError(f"no webcam at {path}; is it plugged in?")
        try:
            for setting, value in (
                (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),  # the quick one on USB 2
                (cv2.CAP_PROP_FRAME_WIDTH, size[0]),
                (cv2.CAP_PROP_FRAME_HEIGHT, size[1]),
                (cv2.CAP_PROP_FPS, fps),
                (cv2.CAP_PROP_CONVERT_RGB, 0),  # we want luma, and decode that alone
            ):
                self._capture.set(setting, value)
            exposure_ns, doubt = self._expose(exposure_us)
            height, width = self._picture().shape
            measured, stamped = self._measure()
            super().__init__(
                os.path.basename(path),
                (width, height),
                measured,
                ring_seconds=ring_seconds,
                ring_bytes=ring_bytes,
            )
        except BaseException:
            self._capture.release()
            raise
        self.exposure_ns = exposure_ns
        self.stamped_at = 0.0
        self._stamped = stamped
        if not stamped:
            self.warnings.append("the webcam gives no time stamps: times are those of arrival")
        if doubt:
            self.warnings.append(doubt)
        if measured < 0.9 * fps:
            self.warnings.append(f"{measured:.0f} pictures a second instead of {fps:.0f}")
        self._end = threading.Event()
        self._reader = threading.Thread(target=self._read, name="webcam", daemon=True)
        self._reader.start()

    def close(self) -> None:
        super().close()
        self._end.set()
        self._reader.join()
        self._capture.release()

    def _expose(self, exposure_us: int) -> tuple[int, str | None]:
        """Lock the exposure; its ns (0 = the webcam's own choice), and why it is not locked."""
        manual, automatic = 1, 3  # of V4L2
        self._capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, manual)
        locked = self._capture.set(cv2.CAP_PROP_EXPOSURE, max(1, round(exposure_us / 100)))
        for _ in range(10):  # it takes a few pictures until a setting shows
            picture = self._picture()
        if locked and picture.mean() >= 20:
            return round(self._capture.get(cv2.CAP_PROP_EXPOSURE) * 100_000), None
        self._capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, automatic)
        if not locked:
            return 0, "this webcam's exposure cannot be set: moving limbs may be blurred"
        return 0, "too dark for a short exposure: moving limbs are blurred"

    def _measure(self, seconds: float = 1.0) -> tuple[float, bool]:
        """Pictures a second as they come, and whether their stamps can be believed."""
        arrivals: list[int] = []
        stamps: list[int] = []
        until_ns = time.monotonic_ns() + round(seconds * 1e9)
        while len(arrivals) < 10 or time.monotonic_ns() < until_ns:
            if not self._capture.grab():
                raise OSError("the webcam gives no pictures; check its cable")
            arrivals.append(time.monotonic_ns())
            stamps.append(self._stamp_ns())
        ages = np.array(arrivals) - np.array(stamps)
        stamped = bool(np.all(ages >= 0) and np.all(ages < 1e9) and np.all(np.diff(stamps) > 0))
        step_ns = float(np.median(np.diff(stamps if stamped else arrivals)))
        return 1e9 / step_ns, stamped

    def _stamp_ns(self) -> int:
        return round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)

    def _picture(self) -> np.ndarray:
        """(h, w) luma of the picture grabbed last, or of the next if none is."""
        known, raw = self._capture.read()
        if not known:
            raise OSError("the webcam gives no pictures; check its cable")
        return luma_of(raw)

    def _read(self) -> None:
        self._hurry()
        half_frame_ns = round(0.5e9 / self.fps)
        last_ns = 0
        while not self._end.is_set():
            if not self._capture.grab():
                self.problem = "the webcam stopped; check its cable"
                self._end.wait(0.2)
                continue
            arrived_ns = time.monotonic_ns()
            if not self._filling.is_set():
                continue
            if self._stamped:
                time_ns = self._stamp_ns() + self.exposure_ns // 2
            else:
                time_ns = arrived_ns - half_frame_ns
            known, raw = self._capture.retrieve()
            if known and time_ns > last_ns:
                self.ring.add(luma_of(raw), time_ns)
                last_ns = time_ns


def luma_of(raw: np.ndarray) -> np.ndarray:
    """(h, w) uint8 of what a webcam gives: a JPEG's bytes, YUYV, BGR or grey."""
    if raw.ndim == 2 and min(raw.shape) > 1:
        return raw
    if raw.ndim == 3 and raw.shape[2] == 2:
        return raw[:, :, 0]
    if raw.ndim == 3 and raw.shape[2] == 3:
        return cv2.cvtColor(raw, cv2.COLOR_BGR2GRAY)
    picture = cv2.imdecode(raw.reshape(-1), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise OSError("the webcam gives pictures of an unknown kind")
    return picture
