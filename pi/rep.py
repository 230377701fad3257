"""One rep: `analyse` takes a recording and gives the result and its evidence. Pure."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from . import __version__, picture
from .calibration import fit_line
from .camera import Frames
from .measure import ALGORITHM, Given, measure
from .observations import Observations, observe, packed, unpacked

SCHEMA = "trackstart.rep/1"


class Analysis(NamedTuple):
    """What is told of a rep, and what is kept of it."""

    result: dict[str, Any]  # one JSON object, see the README
    evidence: dict[str, bytes]  # observations (npz), picture (PNG), replay (JSON)


def analyse(
    frames: Frames,
    signal_ns: int,
    *,
    source: str = "given",
    hold_s: float | None = None,
    cones: list[dict[str, Any]] | None = None,
    scale: float = 1.0,
    posture: str | None = None,
    height_m: float | None = None,
    buzzer_distance_m: float = 0.0,
    buzzer_rise_s: float = 0.0,
    temperature_c: float = 20.0,
) -> Analysis:
    """Measure one recording.

    signal_ns : the signal on the clock of frames.times_ns; the buzzer's rise comes on top.
    cones : as in `calibration.fit_line`, in px of the picture before it was shrunk by `scale`.
    Raises ValueError when the cones cannot be, or when there are too few pictures.
    """
    line = fit_line(cones, scale=scale) if cones else None
    start_ns = signal_ns + round(buzzer_rise_s * 1e9)
    time = (frames.times_ns - start_ns) * 1e-9
    seen = observe(
        frames.luma,
        time,
        line=line,
        line_time_s=frames.line_time_ns * 1e-9,
        exposure_s=frames.exposure_ns * 1e-9,
        dropped=frames.dropped,
    )
    given = Given(
        source=source,
        time_s=(start_ns - int(frames.times_ns[0])) * 1e-9 if source == "gpio" else start_ns * 1e-9,
        hold_s=hold_s,
        posture=posture,
        stature_m=height_m,
        buzzer_distance_m=buzzer_distance_m,
        temperature_c=temperature_c,
    )
    result = told(seen, given, line)
    if frames.overrun:
        result["warnings"].append(
            "the recording was longer than the memory for it: its beginning is gone"
        )
    track = picture.empty_track(frames.luma, time, seen.left_s)
    evidence = {
        "observations": packed(seen),
        "picture": picture.png(picture.chronophotograph(track, seen, result, line)),
        "replay": json.dumps(picture.replay(seen, result, line), separators=(",", ":")).encode(),
    }
    return Analysis(result, evidence)


def reanalyse(
    stored: bytes, given: Given, cones: list[dict[str, Any]] | None = None, *, scale: float = 1.0
) -> dict[str, Any]:
    """Today's answer to a stored rep. Raises ValueError when the evidence cannot be read."""
    line = fit_line(cones, scale=scale) if cones else None
    return told(unpacked(stored), given, line)


def told(seen: Observations, given: Given, line: Any) -> dict[str, Any]:
    """The whole result object, with what made it."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "algorithm": ALGORITHM,
        **plain(measure(seen, given, line)),
    }


def plain(value: Any) -> Any:
    """Python's own numbers, lists and None for NaN, all the way down: fit for JSON."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
