"""A rep's pictures as a small film, for whoever asked for one. Pictures in, MP4 out; keeps none."""

from __future__ import annotations

import io
from typing import IO, Any

import av
import numpy as np

MOST_FPS = 60.0
"""More a second nobody sees, and a Pi would take seconds to write."""
MOST_ROWS = 400


def film(luma: np.ndarray, fps: float) -> bytes:
    """An MP4 (H.264) of the pictures, of every second one or fewer where there are many.

    luma : (n, h, w) uint8.   fps : pictures a second.
    """
    return written(*shrunk(luma, fps))


def shrunk(luma: np.ndarray, fps: float) -> tuple[np.ndarray, float]:
    """What a film shows of those pictures, a copy of its own, and how many a second."""
    every = max(1, round(fps / MOST_FPS))
    shrink = max(1, -(-luma.shape[1] // MOST_ROWS))
    height, width = (size // shrink // 2 * 2 for size in luma.shape[1:])
    return luma[::every, ::shrink, ::shrink][:, :height, :width].copy(), fps / every


def written(small: np.ndarray, fps: float) -> bytes:
    """The film itself, an MP4; takes seconds on a Pi."""
    out = io.BytesIO()
    write(out, small, fps, quality=26)
    return out.getvalue()


def write(out: str | IO[bytes], luma: np.ndarray, fps: float, *, quality: int) -> None:
    """Write pictures as H.264 of constant quality (x264's crf: 18 is good, 26 is small).

    out : a path, or a file.   luma : (n, h, w) uint8 with even h and w.
    """
    height, width = luma.shape[1:]
    colourless = np.full((height // 2, width), 128, np.uint8)
    with av.open(out, "w", format="mp4") as file:
        stream: Any = file.add_stream("libx264", rate=round(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(quality), "preset": "veryfast"}
        for picture in luma:
            frame = av.VideoFrame.from_ndarray(np.vstack([picture, colourless]), format="yuv420p")
            frame.color_range = 2  # the whole of 0 to 255
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
