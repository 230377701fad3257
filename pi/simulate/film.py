"""A simulated clip as a film with its truth beside it, for whoever measures films."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np

from pi.simulate.clip import Clip


def write_film(
    clip: Clip, folder: Path, name: str, *, fps: float, about: dict[str, Any] | None = None
) -> Path:
    """NAME.mp4 (H.264, constant quality 18), NAME.truth.json and NAME.cones.json in a folder.

    about : what else the truth file is to say, such as the condition.   Returns the film's path.
    """
    film = folder / f"{name}.mp4"
    luma = clip.frames.luma
    height, width = luma.shape[1:]
    colourless = np.full((height // 2, width), 128, np.uint8)
    with av.open(str(film), "w") as file:
        stream = file.add_stream("libx264", rate=round(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "18", "preset": "veryfast"}
        for picture in luma:
            frame = av.VideoFrame.from_ndarray(np.vstack([picture, colourless]), format="yuv420p")
            frame.color_range = 2  # the whole of 0 to 255
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
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
