"""Video files: their luma planes, their own time stamps, their sound."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import av
import cv2
import numpy as np

from pi.camera.ring import Frames, available_bytes, count_dropped

NO_VIDEO = "not a video, or one that breaks off in its head"


class Video(NamedTuple):
    """A video file in memory."""

    frames: Frames  # time 0 is the file's first frame
    scale: float  # size of these pictures over those in the file; below 1 for want of memory
    duration_s: float  # of the frames
    fps: float  # as measured, NaN for fewer than two


def read_video(
    path: str | os.PathLike[str],
    *,
    fps: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    max_bytes: int | None = None,
) -> Video:
    """Every picture of a video file from start_s to end_s, both included, upright.

    fps : what the file should have said: frame i is then at i / fps. Otherwise the file's own
    time stamps hold, a varying frame rate too.
    max_bytes : pictures are halved in size as often as it takes to stay below; without it, half
    of the free memory.
    A file that breaks off gives the frames before that. Raises ValueError, one line, when there
    is none.
    """
    if max_bytes is None:
        max_bytes = available_bytes() // 2
    luma = np.empty((0, 0, 0), np.uint8)
    times_ns: list[int] = []
    halvings = 0
    for picture, time_ns in decode(path, fps=fps):
        if start_s is not None and time_ns < round(start_s * 1e9):
            continue
        if end_s is not None and time_ns > round(end_s * 1e9):
            break
        picture = _halved(picture, halvings)
        if not times_ns:
            luma = _room(picture.shape, max_bytes)
        while len(times_ns) == len(luma):
            halvings += 1
            picture = _halved(picture, 1)
            smaller = _room(picture.shape, max_bytes)
            for i in range(len(times_ns)):
                smaller[i] = _halved(luma[i], 1)
            luma = smaller
        luma[len(times_ns)] = picture
        times_ns.append(time_ns)
    if not times_ns:
        raise ValueError(f"{path}: no picture between {start_s or 0} s and its end")
    times = np.array(times_ns, np.int64)
    step_s = float(np.median(np.diff(times))) * 1e-9 if len(times) > 1 else float("nan")
    return Video(
        Frames(luma[: len(times)], times, dropped=count_dropped(times)),
        0.5**halvings,
        float(times[-1] - times[0]) * 1e-9 + (step_s if len(times) > 1 else 0.0),
        1 / step_s,
    )


def _room(shape: tuple[int, ...], max_bytes: int) -> np.ndarray:
    """Room for as many pictures as may be; the system gives it memory as it fills."""
    return np.empty((max(max_bytes // (shape[0] * shape[1]), 1), *shape), np.uint8)


def _halved(picture: np.ndarray, times: int) -> np.ndarray:
    for _ in range(times):
        height, width = picture.shape
        if min(height, width) < 2:
            raise ValueError(f"max_bytes: too few for a picture of {width}x{height}")
        picture = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return picture


def read_sound(path: str | os.PathLike[str]) -> tuple[np.ndarray, int, float] | None:
    """The sound track as (n,) float32, its samples per second, and when its first one sounds.

    That time is in seconds after the first frame, as the frames' own times are, or 0 where there
    are none. None when the file has no sound.
    """
    with _opened(path, sound=True) as container:
        if not container.streams.audio:
            return None
        sound = container.streams.audio[0]
        video = container.streams.video[0] if container.streams.video else None
        resampler = av.AudioResampler(format="flt", layout="mono")
        parts: list[np.ndarray] = []
        zero_s = start_s = None
        try:
            for packet in container.demux(*(s for s in (sound, video) if s)):
                if packet.stream is video and zero_s is not None:
                    continue
                for frame in packet.decode():
                    if packet.stream is video:
                        zero_s = frame.time if zero_s is None else zero_s
                        continue
                    if start_s is None:
                        start_s = frame.time
                    parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
            parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
        except av.error.FFmpegError:
            pass  # broke off: what came before is good
        if not parts:
            return None
        samples = np.concatenate(parts).astype(np.float32, copy=False)
        begins_s = (start_s or 0.0) - (zero_s or 0.0) if video else 0.0
        return samples, int(sound.rate), float(begins_s)


def decode(
    path: str | os.PathLike[str], *, fps: float | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """Each picture of a video, (h, w) uint8 luma and upright, and its ns after the first.

    A picture is valid until the next is asked for. One whose time stamp is not after the one
    before it is left out.
    """
    if fps is not None and not fps > 0:
        raise ValueError("fps: above 0")
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        nominal = float(stream.average_rate or 30)
        first_s, last_ns = None, -1
        try:
            for number, frame in enumerate(container.decode(stream)):
                if frame.is_corrupt:
                    continue
                if fps is not None or frame.time is None:
                    time_ns = round(number / (fps or nominal) * 1e9)
                else:
                    first_s = frame.time if first_s is None else first_s
                    time_ns = round((frame.time - first_s) * 1e9)
                if time_ns <= last_ns:
                    continue
                last_ns = time_ns
                yield np.rot90(_luma(frame), _quarter_turns(frame)), time_ns
        except av.error.FFmpegError:
            pass  # broke off: what came before is good
        if last_ns < 0:
            raise ValueError(f"{path}: no picture in it can be decoded")


@contextmanager
def _opened(path: str | os.PathLike[str], *, sound: bool = False) -> Iterator[Any]:
    """A file with a video stream, or where that is wanted with any sound; or ValueError."""
    # Until PyAV 19 a title that is not UTF-8 would stop it at the door.
    lenient: dict[str, Any] = {}
    if int(av.__version__.split(".")[0]) < 19:
        lenient["metadata_errors"] = "ignore"
    try:
        container = av.open(os.fspath(path), **lenient)
    except av.error.FFmpegError as problem:
        if isinstance(problem, FileNotFoundError | IsADirectoryError | PermissionError):
            raise ValueError(f"{path}: {problem.strerror}") from None
        raise ValueError(f"{path}: {NO_VIDEO}") from None
    with container:
        # FFmpeg would paint a text file as a film, and calls a photograph one of one picture.
        names = container.format.name
        if sound and container.streams.audio:
            yield container
            return
        if not container.streams.video or "tty" in names:
            raise ValueError(f"{path}: {NO_VIDEO}")
        if names.endswith("_pipe") or names == "image2":
            raise ValueError(f"{path}: a photograph, not a video")
        yield container


def _luma(frame: Any) -> np.ndarray:
    """(h, w) uint8, the luma plane where it lies if it has 8 bits."""
    first = frame.format.components[0]
    name = frame.format.name
    plain = first.bits == 8 and (name.startswith(("yuv4", "yuvj4", "nv")) or name == "gray")
    plane = (frame if plain else frame.reformat(format="gray")).planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def _quarter_turns(frame: Any) -> int:
    """How often to turn the picture by 90 degrees to the left, from the phone's note of it."""
    degrees = getattr(frame, "rotation", None)
    if degrees is None:  # PyAV before 14: the same note, unread
        matrix = next(
            (data for data in frame.side_data if str(data.type).endswith("DISPLAYMATRIX")), None
        )
        if matrix is None:
            return 0
        a, b = np.frombuffer(matrix, np.int32)[:2]
        degrees = -np.degrees(np.arctan2(b, a))
    return round(degrees / 90) % 4
