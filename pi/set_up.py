"""What the Set-up page asks of the camera's picture, answered. Knows no camera and no store.

A calibration's data is as `calibration.line_from` has it; beside that it may hold lanes:
{"lanes": [{"name": "1", "region": [[u, v], …], "cones": […]}]}, see `lanes`. A camera that looks
along the lanes needs no cones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from .bump import Shift, shift_since
from .calibration import depth_of_feet, level_from_uprights, line_from
from .charuco import View, is_new, lens_of, progress, view_of
from .lanes import lanes_from
from .lens import Lens, lens_from, preset, preset_of
from .marks import SPACING_M, find_tags, refine
from .measure import Given, measure
from .observations import unpacked
from .steps import where_feet_stood

MOVED_PX = 2.0
"""A camera that has moved further than this since it was calibrated is refused."""

FOLLOW_PX = 0.5
"""A camera that has moved less far stands as it was calibrated: there is nothing to follow."""

STILL_SCALE = 0.5
"""Size of the picture that a calibration keeps: enough to see a tenth of a pixel."""


def complete(
    data: Mapping[str, Any], size: tuple[int, int], camera: str = "", known: Any = None
) -> dict[str, Any]:
    """A calibration's data with its lens as an object, or none.

    lens : an object as it is; a preset's name; null for none. Where the key is absent: the lens
    that was calibrated with the board (known), else the preset of a camera whose lens cannot be
    changed.    size : of the camera's picture, px.    Raises ValueError for what cannot be used.
    """
    if not isinstance(data, Mapping):
        raise ValueError('a calibration is an object: {"cones": [...], ...}')
    lens: Lens | None
    if "lens" not in data:
        lens = lens_from(known) or preset_of(camera, size)
    elif isinstance(data["lens"], str):
        lens = preset(data["lens"], size)
    else:
        lens = lens_from(data["lens"])
    return {**data, "lens": lens.told() if lens else None}


def tried(data: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """What a calibration would be like: scale, uncertainty, misfits, warnings, a grid to draw.

    Raises ValueError with `fit_line`'s reason.
    """
    lanes = lanes_from(data)
    if lanes and lanes.along:
        return {
            "u_m": None, "px_per_m": round(lanes.lanes[0].px_per_m, 2), "direction": None,
            "misfit_m": [], "grid": [], "view_m": None, "lens": data.get("lens"),
            "warnings": [*lanes.warnings, "the camera looks along the lanes: reactions only"],
        }  # fmt: skip
    line = line_from(data)
    if line is None:
        raise ValueError("cones: two or more are needed to tell metres")
    middle = 0.5 * sum(line.span)
    order = np.argsort([float(cone["metres"]) for cone in data["cones"]], kind="stable")
    misfits = np.empty(len(order))
    misfits[order] = line.misfit_m
    first, last = line.in_view(size[0])
    places = np.arange(np.ceil(2 * first) / 2, last + 0.01, 0.5)
    pixels = line.pixel(places)
    return {
        "u_m": round(line.u_m, 4),
        "px_per_m": round(line.px_per_m(middle), 2),
        "direction": line.direction,
        "misfit_m": [round(float(each), 4) for each in misfits],
        "grid": [
            {"metres": float(metres), "pixel": [round(float(u), 2), round(float(v), 2)]}
            for metres, (u, v) in zip(places, pixels, strict=True)
        ],
        "warnings": [*line.warnings, *(lanes.warnings if lanes else ())],
        "view_m": [round(first, 2), round(last, 2)],
        "lens": data.get("lens"),
    }


def refined(picture: np.ndarray, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The foot of the cone near asked["pixel"]."""
    try:
        u, v = (float(each) for each in asked["pixel"])
    except (KeyError, TypeError, ValueError):
        raise ValueError("pixel: needs [u, v]") from None
    found = refine(picture, (u, v))
    return {
        "pixel": [round(each, 2) for each in found.pixel],
        "u_px": round(found.u_px, 2),
        "moved_px": round(found.moved_px, 2),
        "found": found.found,
    }


def tags_seen(
    picture: np.ndarray, asked: Mapping[str, Any], lens: Lens | None = None
) -> dict[str, Any]:
    """The cones that printed tags stand for, and the level that their boards show.

    Raises ValueError where there are too few.
    """
    try:
        spacing = float(asked.get("spacing") or SPACING_M)
    except (TypeError, ValueError):
        raise ValueError("spacing: metres between tags of following numbers") from None
    if not 0.05 <= spacing <= 20:
        raise ValueError("spacing: 0.05 to 20 m")
    tags = find_tags(picture, spacing_m=spacing)
    if not tags:
        raise ValueError(
            "no tags seen; they stand upright on the line, face the camera, and are 15 px wide "
            "and more"
        )
    roll, pitch = level_from_uprights(
        np.concatenate([tag.uprights for tag in tags]), lens, middle=picture.shape[1] / 2
    )
    return {
        "cones": [
            {
                "pixel": [round(each, 2) for each in tag.pixel],
                "metres": tag.metres,
                "tag": tag.number,
                "u_px": 0.4,
            }
            for tag in tags
        ],
        # One small board tells too little of level to be worth more than the tripod's bubble.
        "roll_deg": round(roll, 2) if len(tags) > 1 else None,
        "pitch_deg": round(pitch, 2) if len(tags) > 1 and pitch is not None else None,
    }


def depth_seen(stored: bytes, data: Mapping[str, Any]) -> dict[str, Any]:
    """How much nearer to the camera than the cones the feet of a run touched the ground.

    stored : the run's observations, made where the camera stands now.   data : the calibration; its
    depth is not looked at. Raises ValueError with what it takes where it cannot be told.
    """
    line = line_from({**data, "depth_m": None})
    if line is None:
        raise ValueError("cones: two or more are needed to tell how far away the camera stands")
    if line.lens is None:
        raise ValueError("the depth needs the lens, which tells how high the camera stands")
    seen = unpacked(stored)
    steps = measure(seen, Given(), line)["steps"]
    stances = [(step["contact_s"], step["toe_off_s"], line.column(step["x_m"])) for step in steps]
    pixels = where_feet_stood(seen.soles, seen.time, stances)
    level = data.get("pitch_deg") is not None or bool(data.get("horizon"))
    depth, u = depth_of_feet(line, pixels + [0.0, seen.soles_top], pitch_known=level)
    if not np.isfinite(depth):
        raise ValueError("no foot of the last run was seen to stand on the ground")
    return {"depth_m": round(depth, 2), "u_m": round(u, 2), "feet": len(pixels)}


def ground_still(picture: np.ndarray) -> bytes:
    """The picture that a calibration keeps, a small grey PNG."""
    small = cv2.resize(picture, None, fx=STILL_SCALE, fy=STILL_SCALE, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", small)[1].tobytes()


def jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def moved(still: bytes, picture: np.ndarray, data: Mapping[str, Any]) -> Shift:
    """How the picture lies against a calibration's still, in px of the whole picture.

    px is the farthest that any of the cones went; see `bump.shift_since`.
    """
    before = cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_GRAYSCALE)
    if before is None:
        return Shift(float("nan"), None, 0, 0)
    now = cv2.resize(picture, before.shape[::-1], interpolation=cv2.INTER_AREA)
    scale = picture.shape[1] / before.shape[1]
    cones = [cone["pixel"] for cone in data.get("cones") or []]
    at = (np.array(cones, float).reshape(-1, 2) + 0.5) / scale - 0.5
    shift = shift_since(before, now, at if len(at) else None)
    map_ = shift.to_second
    if map_ is not None:
        turn, by = map_[:, :2], map_[:, 2]
        by = scale * by + (turn - np.eye(2)) @ [0.5 * (1 - scale), 0.5 * (1 - scale)]
        map_ = np.concatenate([turn, by[:, None]], 1)
    return shift._replace(px=shift.px * scale, to_second=map_)


def moved_reason(px: float) -> str:
    """Why a rep is refused, and what to do."""
    if np.isinf(px):
        what = "the camera sees another scene than when it was calibrated"
    else:
        what = f"the camera has moved by {px:.0f} px since it was calibrated"
    return f"{what}: open Set-up and tap Calibrate again"


def checked(still: bytes | None, picture: np.ndarray, data: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the camera stands as it was calibrated; and, where it has moved, what would be right.

    proposal : the calibration's data with its pixels moved as the picture did and its cones
    refined; None where there is nothing to follow, or no telling.
    """
    if still is None:
        return {"shift_px": None, "ok": True, "proposal": None, "reason": "no picture was kept"}
    shift = moved(still, picture, data)
    if np.isnan(shift.px):
        reason = "too little structure in the picture to tell"
        return {"shift_px": None, "ok": True, "proposal": None, "reason": reason}
    ok = bool(shift.px <= MOVED_PX)
    there = shift.to_second if shift.px > FOLLOW_PX else None
    proposal = None if there is None else _follow(data, there, picture)
    return {
        "shift_px": round(shift.px, 2) if np.isfinite(shift.px) else None,
        "ok": ok,
        "proposal": proposal,
        "reason": None if ok else moved_reason(shift.px),
    }


def _follow(data: Mapping[str, Any], map_: np.ndarray, picture: np.ndarray) -> dict[str, Any]:
    """The calibration's data with every pixel moved as the picture did."""

    def there(pixel: Any) -> list[float]:
        u, v = map_[:, :2] @ np.asarray(pixel, float) + map_[:, 2]
        return [round(float(u), 2), round(float(v), 2)]

    def cone_there(cone: Mapping[str, Any]) -> dict[str, Any]:
        pixel, u_px = there(cone["pixel"]), cone.get("u_px", 1.0)
        try:
            found = refine(picture, pixel)
        except ValueError:  # it has left the picture
            return {**cone, "pixel": pixel}
        if found.found and found.moved_px < 3.0:
            pixel, u_px = [round(each, 2) for each in found.pixel], round(found.u_px, 2)
        return {**cone, "pixel": pixel, "u_px": u_px}

    followed = dict(data)
    followed["cones"] = [cone_there(cone) for cone in data.get("cones") or []]
    if data.get("horizon"):
        followed["horizon"] = [there(pixel) for pixel in data["horizon"]]
    if data.get("roll_deg") is not None:
        turned = float(np.degrees(np.arctan2(map_[1, 0], map_[0, 0])))
        followed["roll_deg"] = round(float(data["roll_deg"]) + turned, 3)
    lens = lens_from(data.get("lens"))
    if data.get("pitch_deg") is not None and lens is not None:
        down = map_[1] @ [*lens.centre, 1.0] - lens.centre[1]
        looks = float(data["pitch_deg"]) - float(np.degrees(np.arctan(down / lens.focal_px)))
        followed["pitch_deg"] = round(looks, 3)
    followed["lanes"] = [
        {
            **lane,
            "region": [there(pixel) for pixel in lane.get("region") or []],
            "cones": [cone_there(cone) for cone in lane.get("cones") or []],
        }
        for lane in data.get("lanes") or []
    ]
    return followed


def lens_step(
    action: str, views: list[View], picture: np.ndarray | None, *, model: str
) -> dict[str, Any]:
    """One step of calibrating the lens with the board; views is what was taken so far.

    action : begin forgets them, take adds the picture's, finish makes the lens of them.
    Raises ValueError with advice.
    """
    if action == "begin":
        views.clear()
    if action not in ("begin", "take", "finish"):
        raise ValueError("action: begin, take or finish")
    if picture is None:
        raise ValueError("no picture")
    size = (picture.shape[1], picture.shape[0])
    if action == "finish":
        lens = lens_of(views, size, model=model)
        return {"lens": lens.told(), "rms_px": lens.rms_px, **_progress(views, size)}
    taken, why = False, ""
    if action == "take":
        view = view_of(picture)
        if view is None:
            why = "the board is not seen; hold it nearer, still and in the light"
        elif not is_new(view, views, size):
            why = "like a view before; move or tilt the board"
        else:
            views.append(view)
            taken = True
    return {"taken": taken, "why": why or None, **_progress(views, size)}


def _progress(views: list[View], size: tuple[int, int]) -> dict[str, Any]:
    state = progress(views, size)
    return {
        "views": state.views,
        "tilted": state.tilted,
        "coverage": round(state.coverage, 2),
        "advice": state.advice or None,
        "enough": state.enough,
    }
