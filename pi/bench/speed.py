"""How fast an analysis is and how much memory it takes, on one core.

Times are the process's own, summed over its threads, so that a busy machine does not lie.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..calibration import line_from
from ..camera import Frames
from ..measure import Given, measure
from ..observations import observe
from ..rep import analyse
from ..simulate import CONDITIONS, Clip, simulate_clip

SECONDS = 6.0
RUNS = (("prone", "clean"), ("standing", "wind"), ("supine", "noise"), ("plank", "clean"))
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def speed(*, quick: bool, size: tuple[int, int] = (1280, 720)) -> dict[str, Any]:
    """Frames a second, s for a recording of 6 s, peak memory, and how time grows.

    To be called in a process of its own: it keeps OpenCV to one thread, and a process that has
    done other work has memory to give back. What starts are measured is always the same.
    """
    cv2.setNumThreads(1)
    look, whole, frames, memory = [], [], [], []
    for k, (posture, weather) in enumerate(RUNS[: 1 if quick else len(RUNS)]):
        clip = simulate_clip(
            posture, seed=9001 + k, size=size, conditions=CONDITIONS[weather], duration_s=SECONDS
        )
        frames.append(len(clip.frames.luma))
        look.append(cpu_s(lambda clip=clip: looked(clip.frames, clip)))  # type: ignore[misc]
        before = began()
        whole.append(
            cpu_s(
                lambda clip=clip: analyse(  # type: ignore[misc]
                    clip.frames, clip.signal_ns, cones=clip.cones, posture=clip.truth["posture"]
                )
            )
        )
        memory.append(peak_mb_since(before))
        if k == 0:
            growth = _growth(clip, look[0])
    known = [one for one in memory if one is not None]
    return {
        "runs": len(look),
        "frames_per_second": float(np.median(np.divide(frames, look))),
        "whole_frames_per_second": float(np.median(np.divide(frames, whole))),
        "six_seconds_s": float(np.median(whole)),
        "memory_mb": max(known) if known else None,
        **growth,
    }


def _growth(clip: Clip, seconds: float) -> dict[str, float]:
    """By what the time of an analysis grows with twice the frames, and with four times the pixels,
    which is twice the resolution."""
    frames = clip.frames
    half = frames._replace(luma=frames.luma[::2], times_ns=frames.times_ns[::2])
    height, width = frames.luma.shape[1:]
    smaller = [
        cv2.resize(p, (width // 2, height // 2), interpolation=cv2.INTER_AREA) for p in frames.luma
    ]
    small = frames._replace(luma=np.stack(smaller))
    return {
        "twice_the_frames": seconds / cpu_s(lambda: looked(half, clip)),
        "four_times_the_pixels": seconds / cpu_s(lambda: looked(small, clip, 0.5)),
    }


def looked(frames: Frames, clip: Clip, scale: float = 1.0) -> dict[str, Any]:
    """What `analyse` does but for the picture, the replay and the packing."""
    line = line_from({"cones": clip.cones}, scale=scale)
    seen = observe(
        frames.luma,
        (frames.times_ns - clip.signal_ns) * 1e-9,
        line=line,
        line_time_s=frames.line_time_ns * 1e-9,
        exposure_s=frames.exposure_ns * 1e-9,
    )
    return measure(seen, Given(posture=clip.truth["posture"]), line)


def cpu_s(work: Callable[[], Any]) -> float:
    """The processor's time that something takes."""
    begin = clock.process_time()
    work()
    return clock.process_time() - begin


def began() -> float | None:
    """The memory (MB) held now, from where the peak is counted; None where Linux does not tell."""
    try:
        CLEAR.write_text("5")  # the peak is forgotten
        return _held("VmRSS")
    except OSError:
        return None


def peak_mb_since(before: float | None) -> float | None:
    """By how much (MB) the most that was held since exceeds what was held then."""
    return None if before is None else _held("VmHWM") - before


def _held(name: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024
