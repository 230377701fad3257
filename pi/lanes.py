"""Several athletes who start at once, each in a lane of the picture: a result for each of them.

Arrays in, results out. A lane is a region of the picture, drawn when the camera was set up: where
its athlete is seen from feet to head. Its lower edge is on the ground: along the lane's near line
where the camera stands beside the lanes, across the lane where it looks along them.

Beside: lanes lie one behind the other, and who is nearer hides who is farther. The nearest lane is
looked at first; what was seen of its athlete is left out of the pictures of the next. Along: lanes
lie side by side, and only what of a movement lies across the line of sight can be seen.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from . import vision
from .calibration import (
    RunningLine,
    cropped,
    depth_of_feet,
    fit_line,
    level_from_horizon,
    line_from,
    nearer_line,
    placed,
)
from .lens import Lens, lens_from
from .measure import U_SCALE, Given, measure, measure_movement
from .observations import HOLDS, WAITED_HOLDS, Observations, observe, packed, unpacked
from .starts import STARTED

LANE_M = 1.22
"""Width of a lane (World Athletics' rules, TR 14.4)."""

ON_LINE_M = 0.4
"""A lane that lies nearer than this to the cones' line is the cones' own."""

TOUCHES_PX = 2
"""Silhouettes nearer to each other than this (px of the small picture) are taken to touch."""

ROOM_PX = 5

HIDDEN = 0.15
"""Somebody is hidden when the nearer stands right before this share of their columns, or more."""

ABOUT_S = 0.06
"""A crossing is seen when nobody was in the way for so long before and after it."""

APART_M = 0.22
"""Lanes that are seen so far above each other: who lies in one does not hide who lies in the next
but for a part, which the silhouettes show."""

U_LANE, U_BASE = 0.06, 0.15
"""Relative uncertainty of a scale from a lane's width: where the horizon tells how it changes with
distance, and where it does not."""

LYING_M, STANDING_M = 0.8, 1.25
"""Apparent height of somebody who lies, at most, and who stands, at least, seen along the lane."""

RUN_M_S = 1.8
"""Slower than this all along, it was a walk and not a start."""


WENT_M = 0.8
"""Who started has gone at least so far."""


class Lane(NamedTuple):
    """One lane in the picture."""

    name: str
    region: np.ndarray  # (k, 2) px
    line: RunningLine | None  # its running line; None = not known, or seen along
    px_per_m: float  # seen along: on the ground at its lower edge, across; NaN = not known
    u_scale: float  # relative
    horizon: float  # px, row where the ground ends; NaN = not known


class Lanes(NamedTuple):
    """All lanes of a calibration; the nearest to the camera first, or as they were drawn."""

    lanes: list[Lane]
    along: bool  # the camera looks along them
    order: list[int]  # nearest first
    warnings: list[str]


def lanes_from(calibration: Mapping[str, Any], *, scale: float = 1.0) -> Lanes | None:
    """The lanes of a calibration's data; None where it has none.

    calibration : as in `calibration.line_from`, and {"lanes": [{"name", "region": [[u, v], …]}]};
    a lane may have its own "cones". "view": "beside" or "along", where the regions do not tell.
    scale : what the picture was shrunk by since. Raises ValueError that says what is wrong.
    """
    drawn = calibration.get("lanes")
    if not drawn:
        return None
    names, regions = _read(drawn)
    regions = [region * scale for region in regions]
    view = calibration.get("view") or ("along" if _side_by_side(regions) else "beside")
    if view not in ("along", "beside"):
        raise ValueError('view: "beside" or "along", or absent')
    said: list[str] = []
    if view == "along":
        lanes = _across(calibration, drawn, names, regions, scale, said)
        return Lanes(lanes, True, list(range(len(lanes))), said)
    line = line_from(calibration, scale=scale)
    lanes = []
    for each, name, region in zip(drawn, names, regions, strict=True):
        own = _own_line(calibration, each, line, region, scale, name, said)
        lanes.append(Lane(name, region, own, float("nan"), float("nan"), float("nan")))
    order = sorted(range(len(lanes)), key=lambda k: -float(lanes[k].region[:, 1].max()))
    return Lanes(lanes, False, order, said)


def running_line(calibration: Mapping[str, Any], *, scale: float = 1.0) -> RunningLine | None:
    """The running line of a calibration's data; None where it has no cones, or is seen along."""
    lanes = lanes_from(calibration, scale=scale)
    return None if lanes and lanes.along else line_from(calibration, scale=scale)


def _read(drawn: Any) -> tuple[list[str], list[np.ndarray]]:
    try:
        names = [str(each.get("name") or k + 1) for k, each in enumerate(drawn)]
        regions = [np.array(each["region"], float).reshape(-1, 2) for each in drawn]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError('lanes: each needs {"name": "1", "region": [[u, v], …]}') from None
    if len(set(names)) < len(names):
        raise ValueError("lanes: two have the same name")
    for name, region in zip(names, regions, strict=True):
        if len(region) < 3 or not np.isfinite(region).all() or np.ptp(region, axis=0).min() < 8:
            raise ValueError(f"lane {name}: its region needs three corners or more, and some room")
    return names, regions


def _side_by_side(regions: Sequence[np.ndarray]) -> bool:
    """Whether regions lie side by side: any two share less than half of the narrower's columns."""
    if len(regions) < 2:
        return False
    for k, one in enumerate(regions):
        for other in regions[:k]:
            first = max(one[:, 0].min(), other[:, 0].min())
            last = min(one[:, 0].max(), other[:, 0].max())
            if last - first > 0.5 * min(np.ptp(one[:, 0]), np.ptp(other[:, 0])):
                return False
    return True


def _base(region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two ends, (2,) px, of a region's lower edge, left and right."""
    low = region[region[:, 1] >= region[:, 1].max() - 0.06 * np.ptp(region[:, 1])]
    return low[low[:, 0].argmin()], low[low[:, 0].argmax()]


def _level(calibration: Mapping[str, Any], lens: Lens | None) -> float | None:
    """Degrees that the camera looks down; None where it is not known."""
    if calibration.get("horizon"):
        return level_from_horizon(calibration["horizon"], lens)[1]
    pitch = calibration.get("pitch_deg")
    return None if pitch is None else float(pitch)


def _own_line(
    calibration: Mapping[str, Any], lane: Mapping[str, Any], line: RunningLine | None,
    region: np.ndarray, scale: float, name: str, said: list[str],
) -> RunningLine | None:  # fmt: skip
    """A lane's running line: through its own cones, else the calibration's moved to its depth."""
    if lane.get("cones"):
        own = {**calibration, "cones": lane["cones"], "depth_m": None}
        return line_from(own, scale=scale)
    if line is None:
        return None
    if lane.get("depth_m") is not None:
        depth, u = float(lane["depth_m"]), 0.05
    else:
        left, right = _base(region)
        edge = left + np.linspace(0.05, 0.95, 5)[:, None] * (right - left)
        known = _level(calibration, line.lens) is not None
        near, u = depth_of_feet(line, edge, pitch_known=known)
        depth = near - 0.5 * LANE_M
        if not np.isfinite(depth):
            said.append(
                f"lane {name}: metres need its own cones, or the lens, which tells how far away "
                "it is"
            )
            return None
    place = placed(line)
    if abs(depth) < ON_LINE_M or place is None:
        return line
    moved = nearer_line(line, depth)
    # what is not known of the depth is not known of the scale, 2.5 m to either side
    return moved._replace(u_m=float(np.hypot(moved.u_m, 2.5 * u / place.distance_m)))


def _across(
    calibration: Mapping[str, Any], drawn: Any, names: list[str], regions: list[np.ndarray],
    scale: float, said: list[str],
) -> list[Lane]:  # fmt: skip
    """Lanes that the camera looks along: their scale across the line of sight."""
    lens = lens_from(calibration.get("lens"))
    pitch = _level(calibration, lens)
    horizon = float("nan")
    if lens is not None and pitch is not None:
        horizon = scale * float(lens.centre[1] - lens.focal_px * np.tan(np.radians(pitch)))
    widths = [float(right[0] - left[0]) for left, right in map(_base, regions)]
    usual = float(np.median(widths))  # one that the picture's side cuts is too narrow
    lanes = []
    for each, name, region, width in zip(drawn, names, regions, widths, strict=True):
        wide = width if 0.8 * usual < width < 1.25 * usual else usual
        px_per_m, u, above = wide / LANE_M, U_BASE, horizon
        if np.isfinite(above) and region[:, 1].max() - above > 20:
            u = U_LANE
        else:
            above = float("nan")
        if each.get("cones"):
            try:
                own = fit_line(each["cones"], scale=scale)
                px_per_m, u, above = own.px_per_m(0.5 * sum(own.span)), 0.05, float("nan")
            except ValueError:
                said.append(f"lane {name}: its cones do not run across the picture; not used")
        lanes.append(Lane(name, region, None, px_per_m, u, above))
    if not np.isfinite(horizon):
        said.append(
            "the lanes' width is known at their lower edges only; lens and level would tell how "
            "it changes with distance"
        )
    return lanes


# ---------------------------------------------------------------------------------------------
# What was seen


class Sighting(NamedTuple):
    """One lane's observations, and where in the picture they were made."""

    seen: Observations
    corner: tuple[int, int]  # px, left and top of the cut-out
    feet: np.ndarray  # (k, 2) s and px of the cut-out, the lowest row that is somebody's


NO_FEET = np.zeros((0, 2))


class Seen(NamedTuple):
    """What was seen of all lanes, as they are ordered in `Lanes`."""

    each: list[Sighting]
    runners: int  # so many were seen apart from each other at once, running


def observe_lanes(
    luma: np.ndarray, time: np.ndarray, lanes: Lanes, *, posture: str | None = None,
    later_s: Sequence[float] = (), **given: Any,
) -> Seen:  # fmt: skip
    """Look through a recording once for every lane.

    luma : (n, h, w) uint8, of which each lane's part is looked at in place.   posture : that was
    asked for; who is to lie is looked for no higher.   later_s : of every lane, s from the signal
    to its own; what is seen of a lane is told in the time of that one. () = there is one for all.
    given : what else `observations.observe` is told.
    """
    if len(later_s) not in (0, len(lanes.lanes)):
        raise ValueError(f"later_s: one for each of {len(lanes.lanes)} lanes, or none")
    n, height, width = luma.shape
    factor = max(1, round(width / vision.SMALL_WIDTH))
    shape = (height // factor, width // factor)
    masks = _regions(lanes, factor, shape)
    found: dict[int, Sighting] = {}
    for k in lanes.order:
        lane, mask = lanes.lanes[k], masks[k]
        own_time = time - later_s[k] if len(later_s) else time
        holds = HOLDS if own_time is time or later_s[k] == 0 else WAITED_HOLDS
        x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
        if w < 6 or h < 6:
            raise ValueError(f"lane {lane.name}: its region lies outside the picture")
        # some room around: what is closed up at the border of a cut-out would reach it
        x, w = max(0, x - ROOM_PX), min(shape[1], x + w + ROOM_PX) - max(0, x - ROOM_PX)
        y, h = max(0, y - ROOM_PX), min(shape[0], y + h + ROOM_PX) - max(0, y - ROOM_PX)
        corner = (x * factor, y * factor)
        part = luma[:, corner[1] : (y + h) * factor, corner[0] : (x + w) * factor]
        line = None if lane.line is None else cropped(lane.line, *corner)
        where = mask[y : y + h, x : x + w]
        nearer = [found[j] for j in found] if not lanes.along else []
        gap_m = _gap_m(lanes, k)
        if line is not None and posture in ("supine", "prone"):
            low = _low(line, where.shape, factor, _gap_m(lanes, k, farther=True))
            where = np.where((own_time < LIES_S)[:, None, None], where & low, where)
        where = _without(where, (x, y), nearer, factor, n)
        behind_m = min(vision.BEHIND_M, 0.45 * gap_m)
        for _ in range(3):
            seen = observe(
                part, own_time, line=line, where=where, behind_m=behind_m, holds=holds, **given
            )
            if lane.line is None or _rests_on(seen, line, gap_m):
                break
            # somebody of another lane: look again without them
            where = _without(where, (x, y), [Sighting(seen, corner, NO_FEET)], factor, n)
        else:
            seen = seen._replace(left_s=float("nan"), silhouettes=np.zeros_like(seen.silhouettes))
        inside = mask[y : y + h, x : x + w]
        feet = _feet(part, own_time, inside, factor) if lanes.along else NO_FEET
        found[k] = Sighting(seen, corner, feet)
    runners = 0 if lanes.along else _runners(luma, time, lanes, masks, factor)
    return Seen([found[k] for k in range(len(lanes.lanes))], runners)


def _feet(part: np.ndarray, time: np.ndarray, where: np.ndarray, factor: int) -> np.ndarray:
    """(k, 2) s and px: the lowest row of what is not the lane as it is in the end; NaN = nothing.

    Around the signal and for 3.5 s from then on.
    """
    step = max(1, round(1.0 / (LOOKS_PER_S * float(np.median(np.diff(time))))))
    last = np.unique(np.linspace(0.85 * len(part), len(part) - 1, 9).astype(int))
    bare = vision.middle_of(vision.shrunk(part[last], factor)).astype(np.float32)
    out = []
    for i in np.flatnonzero((time > -0.5) & (time < 3.5))[::step]:
        small = vision.shrunk(part[i : i + 1], factor)[0]
        mask = ((np.abs(small - bare) > 14.0) & where).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(cv2.medianBlur(mask, 5))
        if count < 2:
            out.append((time[i], np.nan))
            continue
        _, y, _, h, _ = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
        out.append((time[i], (y + h) * factor - 0.5))
    return np.array(out).reshape(-1, 2)


LOOKS_PER_S = 20.0
"""How often it is counted how many run."""


def _runners(
    luma: np.ndarray, time: np.ndarray, lanes: Lanes, masks: list[np.ndarray], factor: int
) -> int:
    """How many were seen running apart from each other at once, three times at least.

    What is not as it mostly is, as tall as a person, beyond the place where all rested and on one
    of the lanes. Somebody wider than tall is two.
    """
    step = max(1, round(1.0 / (LOOKS_PER_S * float(np.median(np.diff(time))))))
    picked = np.flatnonzero(time > 0.3)[::step]
    if len(picked) < 8:
        return 0
    where = np.logical_or.reduce(masks)
    lines = [lane.line for lane in lanes.lanes if lane.line is not None]
    columns = where.shape[1]
    stature = 0.5 * min(float(np.ptp(np.flatnonzero(mask.any(axis=1)))) for mask in masks)
    lowest = np.zeros(columns)
    if lines:
        across = (np.arange(columns) + 0.5) * factor - 0.5
        near = min(lines, key=lambda line: float(line.row(line.column(0.0))))
        lowest = (np.asarray(near.row(across)) - 0.12 * near.px_per_m(0.0)) / factor
        stature = 1.1 * min(line.px_per_m(0.0) for line in lines) / factor
        where = where & np.logical_and.reduce([line.metres(across) > 0.6 for line in lines])
    small = np.stack([vision.shrunk(luma[i : i + 1], factor)[0] for i in picked])
    usual = vision.middle_of(small).astype(np.float32)
    level = max(float(usual[where].mean()), 1.0) if where.any() else 1.0
    counts = []
    for picture in small:
        even = picture * (level / max(float(picture[where].mean()), 1.0)) if where.any() else usual
        mask = ((np.abs(even - usual) > 14.0) & where).astype(np.uint8)
        mask = cv2.morphologyEx(cv2.medianBlur(mask, 3), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        count, _, stats, centre = cv2.connectedComponentsWithStats(mask, connectivity=8)
        here = 0
        for label in range(1, count):
            x, y, w, h, area = stats[label]
            floor = lowest[int(np.clip(centre[label][0], 0, columns - 1))]
            whole = x > 0 and x + w < columns
            if h >= stature and area > 0.05 * stature**2 and y + h >= floor:
                here += 2 if whole and w > 1.15 * h else 1
        counts.append(here)
    return int(np.sort(counts)[-3])


def _regions(lanes: Lanes, factor: int, shape: tuple[int, int]) -> list[np.ndarray]:
    """(h, w) bool of every lane's region in the small picture; side by side, none overlap."""
    masks, apart = [], []
    columns = np.arange(shape[1])
    for lane in lanes.lanes:
        mask = np.zeros(shape, np.uint8)
        corners = (lane.region + 0.5) / factor - 0.5
        cv2.fillPoly(mask, [np.round(corners * 16).astype(np.int32)], 1, shift=4)
        inside = mask > 0
        masks.append(inside)
        size = np.maximum(inside.sum(axis=1), 1)
        middle = (inside * columns).sum(axis=1) / size
        off = np.abs(columns - middle[:, None]) / size[:, None]
        apart.append(np.where(inside, off, np.inf))
    if lanes.along and len(masks) > 1:
        nearest = np.argmin(apart, axis=0)
        masks = [mask & (nearest == k) for k, mask in enumerate(masks)]
    return masks


def _without(
    where: np.ndarray, corner: tuple[int, int], others: list[Sighting], factor: int, n: int
) -> np.ndarray:
    """Where to look, without the silhouettes of those who are in front: (h, w) or (n, h, w)."""
    if not others:
        return where
    out = np.broadcast_to(where, (n, *where.shape[-2:])).copy()
    kernel = np.ones((2 * TOUCHES_PX + 1, 2 * TOUCHES_PX + 1), np.uint8)
    for other in others:
        if not np.isfinite(other.seen.left_s):
            continue
        own, theirs = _shared(corner, out.shape[1:], other, factor)
        if own is None:
            continue
        for i in range(n):
            cover = cv2.dilate(other.seen.silhouettes[i], kernel)[theirs] > 0
            out[i][own] &= ~cover
    return out


def _shared(
    corner: tuple[int, int], shape: tuple[int, ...], other: Sighting, factor: int
) -> tuple[Any, Any]:
    """Slices of a small cut-out and of another's that show the same; (None, None) where none."""
    left, top = other.corner[0] // factor - corner[0], other.corner[1] // factor - corner[1]
    rows, columns = other.seen.silhouettes.shape[1:]
    y0, y1 = max(0, top), min(shape[0], top + rows)
    x0, x1 = max(0, left), min(shape[1], left + columns)
    if y1 <= y0 or x1 <= x0:
        return None, None
    return np.s_[y0:y1, x0:x1], np.s_[y0 - top : y1 - top, x0 - left : x1 - left]


LIES_S = 0.4
"""Until then whoever is to lie does, s after the signal."""


def _low(line: RunningLine, shape: tuple[int, ...], factor: int, gap_m: float) -> np.ndarray:
    """(h, w) bool, where somebody who lies on the line is, and nobody who lies on the next."""
    columns = (np.arange(shape[-1]) + 0.5) * factor - 0.5
    rows = (np.arange(shape[-2]) + 0.5) * factor - 0.5
    above = (np.asarray(line.row(columns))[None, :] - rows[:, None]) / line.px_per_m(0.0)
    return (above > -NEAR_SIDE_M) & (above < min(LIES_M, gap_m - NEAR_SIDE_M))


NEAR_SIDE_M = 0.08
"""So far below the middle of its lane the near side of a body is seen."""

LIES_M = 0.45
"""A lying body is no higher."""


def _gap_m(lanes: Lanes, k: int, *, farther: bool = False) -> float:
    """How far from a lane's line the next one is seen in the picture, in metres of the lane.

    farther : the next farther one.
    """
    line = lanes.lanes[k].line
    gap = 0.5
    for other in lanes.lanes:
        if other is lanes.lanes[k] or line is None or other.line is None:
            continue
        column = float(line.column(0.0))
        apart = float(line.row(column)) - float(other.line.row(column))
        if abs(apart) > 1.0 and (apart > 0 or not farther):
            gap = min(gap, abs(apart) / line.px_per_m(0.0))
    return gap


def _rests_on(seen: Observations, line: RunningLine | None, gap_m: float) -> bool:
    """Whether the resting place found, if any, comes down to this line and not to another."""
    if line is None or not seen.resting.any() or not np.isfinite(seen.left_s):
        return True
    rows, columns = np.nonzero(seen.resting)
    lowest = rows >= rows.max() - 1
    row = (rows.max() + 1.0) * seen.factor - 0.5
    column = (float(columns[lowest].mean()) + 0.5) * seen.factor - 0.5
    above = (float(line.row(column)) - row) / line.px_per_m(0.0)
    return abs(above) < max(0.55 * gap_m, 0.05)


# ---------------------------------------------------------------------------------------------
# What is told


def measure_lanes(seen: Seen, lanes: Lanes, given: Sequence[Given]) -> list[dict[str, Any]]:
    """The result of every lane, as `measure.measure` has it with "lane" before it.

    given : of every lane. Where their signals differ each lane's times count from its own: the
    clock of what was seen of it. A number is null, with the reason, where another lane's athlete
    is in front, or cannot be told from who is behind.
    """
    found = seen.each
    if lanes.along:
        told = [
            _seen_along(each, lane, own)
            for each, lane, own in zip(found, lanes.lanes, given, strict=True)
        ]
    else:
        told = [_seen_beside(k, found, seen.runners, lanes, given[k]) for k in range(len(found))]
        _doubt_joined(told, found, seen.runners, lanes, given)
        _doubt_neighbours(told, found, lanes, given)
    for result in told:
        result["warnings"] += lanes.warnings
    return [{"lane": lane.name, **result} for lane, result in zip(lanes.lanes, told, strict=True)]


def _seen_along(each: Sighting, lane: Lane, given: Given) -> dict[str, Any]:
    """The first movement, seen along the lane: nothing else has a scale there."""
    seen = each.seen
    top = each.corner[1]
    base, height = float(lane.region[:, 1].max()), float("nan")

    def scale_at(row: np.ndarray | float) -> Any:
        """px per m across the line of sight, of what stands on the ground in a picture row."""
        if not np.isfinite(lane.horizon):
            return np.full(np.shape(row), lane.px_per_m)
        share = (np.asarray(row) - lane.horizon) / (base - lane.horizon)
        return lane.px_per_m * np.maximum(share, 0.05)

    px_per_m, u = np.full(len(seen.site), lane.px_per_m), lane.u_scale
    if seen.resting.any():
        rows = (np.flatnonzero(seen.resting.any(axis=1)) + 0.5) * seen.factor - 0.5 + top
        height = float(np.ptp(rows)) / float(scale_at(rows[-1]))
        if height < LYING_M:  # a lying body: what is higher in the picture is farther away
            px_per_m = np.asarray(scale_at(seen.site[:, 1] + top), float)
        else:
            back = 0.0 if height > STANDING_M else 0.25 * float(np.ptp(rows))
            px_per_m = np.full(len(seen.site), float(scale_at(rows[-1] - back)))
    result = measure_movement(
        seen, given, px_per_m, u,
        ran=_ran_along(seen, each.feet, scale_at, top), why="the camera looks along the lane",
    )  # fmt: skip
    result["warnings"].append(
        f"the 10 mm are taken from the lane's width, with {u:.0%} uncertainty; what moves straight "
        "away from the camera, or towards it, is not seen to move"
    )
    return result


def _ran_along(seen: Observations, feet: np.ndarray, scale_at: Any, top: int) -> bool:
    """Whether who left the resting place ran on, away from the camera or towards it.

    How far away somebody is goes with one over the scale where they stand.
    """
    known = np.isfinite(feet).all(axis=1) if len(feet) else np.zeros(0, bool)
    if not np.isfinite(seen.left_s) or known.sum() < 8:
        return False
    time, rows = feet[known, 0], feet[known, 1] + top
    scale = np.asarray(scale_at(rows), float)
    if np.ptp(scale) == 0.0:  # no horizon: all that is seen is that it went up or down
        return bool(np.ptp(rows) > 0.12 * float(scale[0]))
    # a tele lens and a wide one differ by less than walking and running do
    away = 1.1 * seen.factor * vision.SMALL_WIDTH / scale
    gone = np.abs(away - np.median(away[time < max(0.0, time[0] + 0.2)]))
    speed = [
        abs(np.polyfit(time[near], away[near], 1)[0])
        for at in np.arange(time[0], time[-1] - 0.3, 0.1)
        if (near := (time >= at) & (time < at + 0.4)).sum() > 4
    ]
    return bool(gone.max() > WENT_M and speed and max(speed) > RUN_M_S)


def _lies_apart(lanes: Lanes, k: int, found: list[Sighting], given: Given) -> bool:
    """Whether who lies in a lane is seen apart from those in the lanes before and behind it.

    That is, whether the body ends below where who lies in the next lane begins.
    """
    gap, line, own = _gap_m(lanes, k), lanes.lanes[k].line, found[k]
    if given.posture not in ("supine", "prone") or gap <= APART_M or line is None:
        return False
    if not own.seen.resting.any() or k == lanes.order[-1]:
        return True
    factor = own.seen.factor
    low = _low(cropped(line, *own.corner), own.seen.resting.shape, factor, gap)
    highest = low.argmax(axis=0)  # row of the zone's upper edge
    columns = np.flatnonzero(own.seen.resting.any(axis=0))
    top = own.seen.resting[:, columns].argmax(axis=0)
    return bool((top <= highest[columns]).mean() < 0.35)


def _seen_beside(
    k: int, found: list[Sighting], runners: int, lanes: Lanes, given: Given
) -> dict[str, Any]:
    """A lane's result, beside the others."""
    lane, own = lanes.lanes[k], found[k]
    place = lanes.order.index(k)
    nearer, farther = lanes.order[:place], lanes.order[place + 1 :]
    seen = own.seen
    before = {j: _in_front(own, found[j], lane.line) for j in nearer}
    behind = {j: _swallowed(found[j], own) for j in farther}
    hides = np.zeros(len(seen.time), bool)
    for share in before.values():
        hides |= share > HIDDEN
    for lost in behind.values():
        hides |= lost
    running = seen.time > seen.left_s + 0.1
    if (hides & running).any():
        silhouettes = seen.silhouettes.copy()
        silhouettes[hides & running] = 0
        seen = seen._replace(silhouettes=silhouettes)
    line = None if lane.line is None else cropped(lane.line, *own.corner)
    result = measure(seen, given, line)
    if result["status"] == "no_movement" and np.isfinite(own.seen.left_s) and runners > 0:
        why = "others were in the way of the run"
        if line is not None and _lies_apart(lanes, k, found, given):
            scale = np.full(len(seen.site), line.px_per_m(0.0))
            result = measure_movement(own.seen, given, scale, U_SCALE, ran=True, why=why)
        else:
            result["status"] = "not_measurable"
            result["reasons"] = [why]
    if result["status"] == "no_movement":
        for j in nearer:
            if lane.line is not None and _covers_home(found[j], lane.line):
                result["status"] = "not_measurable"
                result["reasons"] = [f"lane {lanes.lanes[j].name}'s athlete is in front"]
                break
        return result
    reaction = result["reaction_s"]["value"]
    at = seen.left_s if reaction is None else reaction
    rest = (seen.time > min(0.0, at) - 0.6) & (seen.time < min(0.0, at))
    moves = np.abs(seen.time - at) < ABOUT_S
    apart = _lies_apart(lanes, k, found, given)  # then nobody has got up when the first moves
    for j, share in before.items():
        if np.median(share[rest]) > HIDDEN or (not apart and share[moves].max() > HIDDEN):
            _forget_movement(result, f"lane {lanes.lanes[j].name}'s athlete is in front")
            break
    if reaction is not None and reaction > own.seen.left_s:  # what stayed was somebody else
        _forget_movement(result, "the athlete was not seen apart from those of other lanes")
    if lane.line is not None and not _runs_on(seen, line, _gap_m(lanes, k)):
        why = "the athlete was not seen apart from those of other lanes"
        if not _lies_apart(lanes, k, found, given):
            _forget_movement(result, why)
        _forget_run(result, why)
    _forget_hidden(result, seen.time, before, behind, lanes)
    return result


def _runs_on(seen: Observations, line: RunningLine | None, gap_m: float) -> bool:
    """Whether the feet of who was followed came down to this lane's line, and to no other."""
    running = np.flatnonzero(seen.time > seen.left_s + 0.3)
    covered: np.ndarray = np.asarray(seen.silhouettes.any(axis=2))[running]
    there = covered.any(axis=1)
    if line is None or there.sum() < 8:
        return True
    running = running[there]
    lowest = covered.shape[1] - covered[there, ::-1].argmax(axis=1)
    columns = np.arange(seen.silhouettes.shape[2])
    wide = seen.silhouettes[running].any(axis=1)
    middle = (wide * columns).sum(axis=1) / wide.sum(axis=1)
    ground = np.asarray(line.row((middle + 0.5) * seen.factor - 0.5))
    above = (ground - (lowest * seen.factor - 0.5)) / line.px_per_m(0.0)
    return abs(float(np.quantile(above, 0.35))) < max(0.55 * gap_m, 0.06)


def _doubt_joined(
    told: list[dict[str, Any]], found: list[Sighting], runners: int, lanes: Lanes,
    given: Sequence[Given],
) -> None:  # fmt: skip
    """Nothing of anybody who may be two, where more ran than started."""
    started = [k for k, result in enumerate(told) if result["status"] in STARTED]
    missing = [k for k in lanes.order if k not in started]
    if runners <= len(started) or not missing:
        return
    names = ", ".join(lanes.lanes[k].name for k in sorted(missing))
    why = f"cannot be told from lane {names}'s athlete, who was not seen apart at rest"
    for k in missing:
        result = told[k]
        if result["status"] == "no_movement":
            result["status"] = "not_measurable"
            result["reasons"] = ["somebody ran here, and was not seen apart from others at rest"]
    for k in started:
        if not _lies_apart(lanes, k, found, given[k]):
            _forget_movement(told[k], why)
        _forget_run(told[k], why)


TOGETHER_S = 0.015
"""Parts that begin to move within this of each other are one movement."""

GONE_S = 0.8
"""So long after leaving the resting place nobody is beside it any more."""

BESIDE_M = 0.2
"""What is nearer to somebody else's resting place than this may show their movement."""


def _doubt_neighbours(
    told: list[dict[str, Any]], found: list[Sighting], lanes: Lanes, given: Sequence[Given]
) -> None:
    """No first movement that only those parts show that are right beside somebody who moved before.

    They rise into the picture of who lies behind them.
    """
    moved = [result["reaction_s"]["value"] for result in told]
    later = [found[0].seen.time[0] - each.seen.time[0] for each in found]  # their signals
    for k, result in enumerate(told):
        line, own = lanes.lanes[k].line, found[k]
        for j, other in enumerate(found):
            if j == k or line is None or moved[j] is None or moved[k] is None:
                continue
            after_s = moved[k] + later[k] - later[j]  # on the other's clock
            if moved[j] > after_s + 0.03 or not other.seen.resting.any():
                continue
            if after_s > other.seen.left_s + GONE_S:
                continue
            reach = round(BESIDE_M * line.px_per_m(0.0) / own.seen.factor)
            away = ~_near_to(own, other, reach)
            part = own.seen._replace(
                site=own.seen.site[away],
                displacement=own.seen.displacement[:, away],
                lost=own.seen.lost[:, away],
                grip=own.seen.grip[away],
            )
            scale = np.full(int(away.sum()), line.px_per_m(0.0))
            again = measure_movement(part, given[k], scale, U_SCALE, ran=True, why="-")[
                "reaction_s"
            ]
            if again["value"] is None or again["value"] > moved[k] + TOGETHER_S:
                why = f"lane {lanes.lanes[j].name}'s athlete moves right beside before"
                _forget_movement(result, why)
                break


def _near_to(own: Sighting, other: Sighting, reach: int) -> np.ndarray:
    """(m,) bool, which of the parts followed lie within so many small px of another's place."""
    factor = own.seen.factor
    place = cv2.dilate(other.seen.resting, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    at = own.seen.site + np.array(own.corner) - np.array(other.corner)
    column, row = np.rint((at + 0.5) / factor - 0.5).astype(int).T
    inside = (
        (column >= 0) & (column < place.shape[1]) & (row >= 0) & (row < place.shape[0])
    )  # fmt: skip
    near = np.zeros(len(at), bool)
    near[inside] = place[row[inside], column[inside]] > 0
    return near


def _forget_run(result: dict[str, Any], why: str) -> None:
    """No splits, speed and steps of two who were taken for one."""
    for split in result["splits"]:
        split |= {"from_signal_s": None, "from_movement_s": None, "u": None}
    result["up_s"], result["lead_leg"], result["steps"] = dict(NULL), None, []
    result["peak_speed"] = {"value": None, "u": None, "at_m": None}
    result["profile"] = {"mss": dict(NULL), "mac": dict(NULL), "tau": dict(NULL), "starts_s": None}
    result["track"] = {name: [] for name in result["track"]}
    result["budget"] = {
        name: {each: [] for each in parts} if isinstance(parts, dict) else []
        for name, parts in result["budget"].items()
    }
    result["reasons"] += [f"{what}: {why}" for what in ("up_s", "steps", "metres", "splits")]


def _in_front(own: Sighting, other: Sighting, line: RunningLine | None) -> np.ndarray:
    """(n,) share of a body that is behind `other`, who is nearer, as far as can be told.

    Whatever of `other` is seen between the top of the body and the ground under it, column by
    column, has the body behind it.   line : of `own`, in the whole picture.
    """
    n = len(own.seen.time)
    out = np.zeros(n)
    factor = own.seen.factor
    corner = (own.corner[0] // factor, own.corner[1] // factor)
    mine, theirs = _shared(corner, own.seen.silhouettes.shape[1:], other, factor)
    if mine is None or not np.isfinite(other.seen.left_s):
        return out
    rows = np.arange(own.seen.silhouettes.shape[1])[mine[0]][:, None]
    columns = np.arange(own.seen.silhouettes.shape[2])[mine[1]]
    ground = np.full(len(columns), np.inf)
    if line is not None:
        across = (columns + corner[0] + 0.5) * factor - 0.5
        ground = (np.asarray(line.row(across)) + 0.5) / factor - 0.5 - corner[1]
    for i in range(n):
        body = own.seen.silhouettes[i][mine] > 0
        inside = np.flatnonzero(body.any(axis=0))
        if len(inside) == 0:
            continue
        lowest = rows[body.any(axis=1)][-1] if line is None else ground
        top = np.interp(np.arange(len(columns)), inside, rows[body.argmax(axis=0)[inside], 0])
        between = (rows >= top) & (rows <= lowest)
        between[:, : inside[0]] = between[:, inside[-1] + 1 :] = False
        covered = ((other.seen.silhouettes[i][theirs] > 0) & between).sum()
        out[i] = covered / (covered + body.sum())
    return out


def _swallowed(far: Sighting, near: Sighting) -> np.ndarray:
    """(n,) bool: who runs behind is not seen apart, and should be where the nearer one is."""
    seen = far.seen
    n = len(seen.time)
    out = np.zeros(n, bool)
    if not np.isfinite(seen.left_s):
        return out
    running = seen.time > seen.left_s
    there = seen.silhouettes.reshape(n, -1).sum(axis=1) > 0.4 * seen.resting.sum()
    known = np.flatnonzero(there & running)
    if len(known) < 8:
        return running  # never seen apart
    columns = np.arange(seen.silhouettes.shape[2])
    middle = np.array([(seen.silhouettes[i].any(axis=0) * columns).sum() for i in known], float)
    middle /= np.array([seen.silhouettes[i].any(axis=0).sum() for i in known])
    middle += far.corner[0] / seen.factor
    expected = np.interp(seen.time, seen.time[known], middle)
    last = seen.time > seen.time[known[-1]]
    speed = np.polyfit(seen.time[known[-12:]], middle[-12:], 1)[0]
    expected[last] = middle[-1] + speed * (seen.time[last] - seen.time[known[-1]])
    for i in np.flatnonzero(running & ~there):
        covered = np.flatnonzero(near.seen.silhouettes[i].any(axis=0))
        if len(covered):
            left = covered[0] + near.corner[0] / seen.factor
            right = covered[-1] + near.corner[0] / seen.factor
            out[i] = left - 6 <= expected[i] <= right + 6
    return out


def _covers_home(other: Sighting, line: RunningLine) -> bool:
    """Whether somebody nearer rested right before where a lane's athlete would rest."""
    seen = other.seen
    if not seen.resting.any():
        return False
    x = np.linspace(-1.9, 0.3, 45)
    foot = line.pixel(x)
    covered = np.zeros(len(x), bool)
    for share in (0.1, 0.2, 0.3):
        u, v = (foot[:, 0], foot[:, 1] - share * line.px_per_m(0.0))
        column = np.rint((u - other.corner[0] + 0.5) / seen.factor - 0.5).astype(int)
        row = np.rint((v - other.corner[1] + 0.5) / seen.factor - 0.5).astype(int)
        inside = (
            (column >= 0) & (column < seen.resting.shape[1])
            & (row >= 0) & (row < seen.resting.shape[0])
        )  # fmt: skip
        covered[inside] |= seen.resting[row[inside], column[inside]] > 0
    return bool(covered.mean() > 0.2)


NULL = {"value": None, "u": None}


def _forget_movement(result: dict[str, Any], why: str) -> None:
    """No first movement, and nothing that is counted from it."""
    result["reaction_s"], result["onset_s"] = dict(NULL), dict(NULL)
    result["reasons"] = [r for r in result["reasons"] if not r.startswith("reaction:")]
    result["reasons"].insert(0, f"reaction: {why}")
    result["budget"]["reaction_s"] = result["budget"]["onset_s"] = []
    for split in result["splits"]:
        split["from_movement_s"] = None
    for name in result["mean_acceleration"]:
        result["mean_acceleration"][name] = dict(NULL)
        result["budget"]["mean_acceleration"][name] = []
    result["reasons"].append("mean_acceleration: the first movement was not seen")
    if result["status"] in ("measured", "early", "false_start"):
        result["status"] = "not_measurable"


def _forget_hidden(
    result: dict[str, Any], time: np.ndarray, before: Mapping[int, np.ndarray],
    behind: Mapping[int, np.ndarray], lanes: Lanes,
) -> None:  # fmt: skip
    """No number of an instant at which somebody was in the way."""

    def in_the_way(instant: float, early: float, late: float) -> str:
        near = (time > instant - early) & (time < instant + late)
        for j, share in before.items():
            if (share[near] > HIDDEN).any():
                return f"lane {lanes.lanes[j].name}'s athlete is in front"
        for j, lost in behind.items():
            if lost[near].any():
                return f"cannot be told from lane {lanes.lanes[j].name}'s athlete, right behind"
        return ""

    up = result["up_s"]["value"]
    if up is not None and (why := in_the_way(up, 0.15, 0.12)):
        result["up_s"], result["budget"]["up_s"] = dict(NULL), []
        result["reasons"].append(f"up_s: {why}")
    for split in result["splits"]:
        at = split["from_signal_s"]
        if at is not None and (why := in_the_way(at, ABOUT_S, ABOUT_S)):
            split |= {"from_signal_s": None, "from_movement_s": None, "u": None}
            result["budget"]["splits"][f"{split['metres']:g}"] = []
            result["reasons"].append(f"splits: {split['metres']:g} m: {why}")
    kept = [
        step for step in result["steps"]
        if not in_the_way(step["contact_s"], 0.03, 0.12)
    ]  # fmt: skip
    if len(kept) < len(result["steps"]):
        result["reasons"].append("steps: some are not told, others were in the way")
        if kept[:1] != result["steps"][:1]:
            result["lead_leg"] = None
    result["steps"] = kept


# ---------------------------------------------------------------------------------------------
# Evidence


def together(seen: Seen, size: tuple[int, int]) -> Observations:
    """The observations of the first lane with all lanes' silhouettes, as the picture shows them.

    size : px, width and height of the picture.
    """
    first = seen.each[0].seen
    shape = (size[1] // first.factor, size[0] // first.factor)
    silhouettes = np.zeros((len(first.time), *shape), np.uint8)
    resting = np.zeros(shape, np.uint8)
    for each in seen.each:
        y, x = each.corner[1] // first.factor, each.corner[0] // first.factor
        h, w = each.seen.resting.shape
        silhouettes[:, y : y + h, x : x + w] |= each.seen.silhouettes
        resting[y : y + h, x : x + w] |= each.seen.resting
    # on the first lane's clock, whose signal may have been another
    left = [
        each.seen.left_s - each.seen.time[0] + first.time[0]
        for each in seen.each
        if np.isfinite(each.seen.left_s)
    ]
    return first._replace(
        size=size,
        silhouettes=silhouettes,
        resting=resting,
        left_s=max(left) if left else float("nan"),
    )


def packed_lanes(seen: Seen) -> bytes:
    """The observations of all lanes as one .npz file of .npz files."""
    out = io.BytesIO()
    arrays = {
        f"lane{k}": np.frombuffer(packed(each.seen), np.uint8) for k, each in enumerate(seen.each)
    }
    arrays |= {f"feet{k}": each.feet for k, each in enumerate(seen.each)}
    corners = np.array([each.corner for each in seen.each])
    np.savez(out, corners=corners, runners=seen.runners, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def unpacked_lanes(stored: bytes) -> Seen:
    """The observations of all lanes back from `packed_lanes`; ValueError when it is another's."""
    try:
        with np.load(io.BytesIO(stored), allow_pickle=False) as file:
            corners, runners = file["corners"], int(file["runners"])
            feet = [file[f"feet{k}"] for k in range(len(corners))]
            kept = [file[f"lane{k}"].tobytes() for k in range(len(corners))]
    except (OSError, EOFError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ValueError(
            "not the observations of several lanes, or of a version that cannot be read"
        ) from error
    each = [
        Sighting(unpacked(one), (int(x), int(y)), walked)
        for one, (x, y), walked in zip(kept, corners, feet, strict=True)
    ]
    return Seen(each, runners)
