"""What the command `trackstart calibrate` does: pictures and files in, a cones file out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .camera.video import decode
from .camera_models import MODELS
from .charuco import View, is_new, lens_of, progress, view_of
from .lens import Lens, lens_from, preset
from .marks import SPACING_M, refine
from .set_up import tags_seen, tried
from .sheet import board_page, pdf, tag_page

VIEW_EVERY_S = 0.25
"""How often a film of the board is looked at."""

REFINED_PX = 12.0
"""A cone is looked for this far from the pixel in its file; further away it is another thing."""

TAGS = 21
"""Tags that are printed: at half a metre from 0 to 10 m."""


def pictures(path: Path) -> Iterator[np.ndarray]:
    """(h, w) uint8 of a photograph, or of a film at every quarter of a second.

    Raises ValueError for what is neither.
    """
    try:
        photograph = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error):
        photograph = None
    if photograph is not None:
        yield photograph
        return
    due_ns = 0
    for luma, at_ns in decode(path):
        if at_ns >= due_ns:
            due_ns = at_ns + round(VIEW_EVERY_S * 1e9)
            yield luma.copy()


def still_of(path: Path) -> np.ndarray:
    """A photograph, or the median of the first seconds of a film: who passes is not in it."""
    taken = list(islice(pictures(path), 9))
    return taken[0] if len(taken) == 1 else np.median(taken, axis=0).astype(np.uint8)


def read_calibration(path: Path) -> dict[str, Any]:
    """What a cones file holds. Raises ValueError that says what such a file looks like."""
    shape = '{"cones": [{"pixel": [u, v], "metres": 0.0}, ...]}'
    try:
        read = json.loads(path.read_text())
        lanes = read.get("lanes")
        cones = (read.get("cones") or []) if lanes else read["cones"]
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError):
        raise ValueError(f"{path}: not a cones file; it looks like {shape}") from None
    if not isinstance(cones, list):
        raise ValueError(f"{path}: not a cones file; it looks like {shape}")
    if not cones and not lanes:
        raise ValueError("cones: two or more are needed to tell metres")
    return read


def read_lens(text: str, size: tuple[int, int]) -> Lens:
    """A preset by its name, or the lens in a file that `--charuco` wrote."""
    if text.partition(":")[0] in MODELS:
        return preset(text, size)
    path = Path(text)
    if not path.exists():
        raise ValueError(f"--lens: no file {text}, and the presets are {', '.join(MODELS)}")
    try:
        read = json.loads(path.read_text())
        read = read.get("lens", read)
        made_for = read.get("size")
        lens = lens_from(read)
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        raise ValueError(f"{path}: not a lens file") from None
    if lens is None:
        raise ValueError(f"{path}: holds no lens")
    if made_for and tuple(made_for) != size:
        raise ValueError(
            f"{path}: a lens for pictures of {made_for[0]}x{made_for[1]}, "
            f"these have {size[0]}x{size[1]}"
        )
    return lens


def calibrate(
    picture: Path,
    *,
    cones: Path | None = None,
    tags: bool = False,
    spacing_m: float = SPACING_M,
    lens: str | None = None,
    depth_m: float = 0.0,
    horizon: Sequence[Sequence[float]] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A calibration's data, and what it is like, see `set_up.tried`; `moved_px` of each cone too.

    Raises ValueError for what cannot be used.
    """
    seen = still_of(picture)
    size = (seen.shape[1], seen.shape[0])
    data: dict[str, Any] = read_calibration(cones) if cones else {}
    if lens is not None:
        data["lens"] = read_lens(lens, size).told()
    known = lens_from(data.get("lens"))
    moved: list[float | None] = []
    if tags:
        found = tags_seen(seen, {"spacing": spacing_m}, known)
        data |= {"cones": found["cones"], "roll_deg": found["roll_deg"]}
        data["pitch_deg"] = found["pitch_deg"]
    elif cones:
        data["cones"], moved = _refined(seen, data["cones"])
    else:
        raise ValueError("--cones FILE or --tags: which marks are on the running line?")
    if horizon:
        data["horizon"] = [list(point) for point in horizon]
    if depth_m:
        data["depth_m"] = depth_m
    return data, {**tried(data, size), "moved_px": moved}


def _refined(seen: np.ndarray, cones: list[Any]) -> tuple[list[Any], list[float | None]]:
    """The cones moved to where they stand in the picture, and how far; None = as it was given."""
    better: list[Any] = []
    moved: list[float | None] = []
    for cone in cones:
        try:
            found = refine(seen, cone["pixel"])
        except (KeyError, TypeError, IndexError) as problem:
            raise ValueError(
                'cones: each needs {"pixel": [u, v], "metres": m} with numbers in it'
            ) from problem
        if found.found and found.moved_px <= REFINED_PX:
            pixel = [round(each, 2) for each in found.pixel]
            better.append({**cone, "pixel": pixel, "u_px": round(found.u_px, 2)})
            moved.append(round(found.moved_px, 2))
        else:
            better.append(cone)
            moved.append(None)
    return better, moved


def calibrate_lens(paths: Sequence[Path]) -> dict[str, Any]:
    """The lens through which pictures, or films, show the board; with what it rests on.

    Raises ValueError with advice when they do not suffice.
    """
    views: list[View] = []
    size: tuple[int, int] | None = None
    looked_at = 0
    for path in paths:
        for seen in pictures(path):
            looked_at += 1
            if size and size != (seen.shape[1], seen.shape[0]):
                raise ValueError(f"{path}: all pictures must be of one size, {size[0]}x{size[1]}")
            size = (seen.shape[1], seen.shape[0])
            view = view_of(seen)
            if view is not None and is_new(view, views, size):
                views.append(view)
    if size is None:
        raise ValueError("--charuco: no pictures")
    if not views:
        raise ValueError(
            f"--charuco: the board is in none of {looked_at} pictures; print it with --sheet"
        )
    lens = lens_of(views, size)
    state = progress(views, size)
    return {
        "lens": {**lens.told(), "size": list(size)},
        "rms_px": lens.rms_px,
        "views": state.views,
        "coverage": round(state.coverage, 2),
    }


def write_sheet(path: Path, *, spacing_m: float = SPACING_M) -> list[Path]:
    """Print the board and the tags into a PDF, or the pages as PNG; the files that were written.

    Raises ValueError for another kind of file.
    """
    kind = path.suffix.lower()
    if kind not in (".pdf", ".png"):
        raise ValueError(f"--sheet: needs a name that ends in .pdf or .png, not {path.name}")
    pages = [board_page(), *(tag_page(number, spacing_m=spacing_m) for number in range(TAGS))]
    if kind == ".pdf":
        path.write_bytes(pdf(pages))
        return [path]
    written = []
    for page, name in zip(pages, ["lens", *map(str, range(TAGS))], strict=True):
        there = path.with_name(f"{path.stem}-{name}.png")
        there.write_bytes(cv2.imencode(".png", page)[1].tobytes())
        written.append(there)
    return written
