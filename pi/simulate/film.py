"""A simulated clip as a film with its truth beside it, for whoever measures films."""

import json
from pathlib import Path
from typing import Any

from pi.clip import write
from pi.simulate.clip import Clip


def write_film(
    clip: Clip, folder: Path, name: str, *, fps: float, about: dict[str, Any] | None = None
) -> Path:
    """NAME.mp4 (H.264, constant quality 18), NAME.truth.json and NAME.cones.json in a folder.

    about : what else the truth file is to say, such as the condition.   Returns the film's path.
    """
    film = folder / f"{name}.mp4"
    write(str(film), clip.frames.luma, fps, quality=18)
    truth = clip.truth | {
        "signal_s": clip.signal_ns * 1e-9,
        "line_time_us": clip.frames.line_time_ns * 1e-3,
        **(about or {}),
    }
    film.with_suffix(".truth.json").write_text(json.dumps(truth, default=_listed))
    film.with_suffix(".cones.json").write_text(json.dumps({"cones": clip.cones}, default=_listed))
    return film


def _listed(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
