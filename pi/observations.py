"""One recording in, everything that was seen in it out: the evidence of a rep. Decides nothing.

Kilobytes, no faces: silhouettes in packed bits, displacements of body parts around the start,
light and shake of every picture, all time stamps. `measure` works on nothing else, so that today's
code can answer for last month's rep.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d

from . import vision
from .calibration import RunningLine
from .soles import NO_SOLES, find_soles

LOOKS_PER_S = 60.0
"""Silhouettes are taken so often: where the middle of a body seems lasts longer than that."""

ABOVE_M, BELOW_M = 2.4, 0.4
"""A tall man's raised hand over the line, and what is looked at below it."""

LEAST_M2, BODY_M2, STIRRED_M2 = 0.05, 0.16, 0.02
"""What covers less is no body at rest; as much covers a child's who lies; a hand's breadth
squared, twice."""

HOLDS = ((-1.8, -0.15), (-0.1, 0.1), (0.15, 0.35))
"""When to look for somebody at rest, s after the signal, in the order of trust."""

WAITED_HOLDS = (HOLDS[0], (-0.5, -0.1), *HOLDS[1:])
"""The same of somebody whose signal was not the first: who had that one may have run through the
picture since."""


class Observations(NamedTuple):
    """What was seen. Pixels are those of the full picture unless said."""

    time: np.ndarray  # (n,) s after the signal, middle of the exposure of row 0
    looked: np.ndarray  # (n',) the pictures of which silhouettes were taken
    line_time_s: float  # s a row
    exposure_s: float  # 0 = unknown
    dropped: int
    size: tuple[int, int]  # px, width and height
    factor: int  # silhouettes are this much smaller
    silhouettes: np.ndarray  # (n', h, w) uint8, 0 or 1
    resting: np.ndarray  # (h, w) uint8, where the athlete rested
    rested: tuple[float, float]  # s, when the athlete was taken to be at rest
    left_s: float  # when the resting place was given up; NaN = nobody left a place
    contrast: float  # grey levels between the athlete and the lane, at rest; NaN
    light: np.ndarray  # (n,) gain of each picture
    shake: np.ndarray  # (n, 2) px
    stirred_s: float  # last instant at which something moved in the lane; NaN = nothing did
    soles: np.ndarray  # (n, w/2) float16 px below soles_top, lower edge of the lowest; NaN = none
    soles_top: int  # px
    site: np.ndarray  # (m, 2) px, the parts of the body that were followed
    followed: np.ndarray  # (k,) the pictures in which they were
    displacement: np.ndarray  # (k, m, 2) px
    lost: np.ndarray  # (k, m) bool
    grip: np.ndarray  # (m, 2, 2) (grey levels / px)^2
    unsteady: np.ndarray  # (k,) grey levels, how much the still ground around seems to stir

    @property
    def look_time(self) -> np.ndarray:
        """(n',) s, of the silhouettes."""
        return self.time[self.looked]


def observe(
    luma: np.ndarray,
    time: np.ndarray,
    *,
    line: RunningLine | None = None,
    line_time_s: float = 0.0,
    exposure_s: float = 0.0,
    dropped: int = 0,
    where: np.ndarray | None = None,
    behind_m: float = vision.BEHIND_M,
    holds: Sequence[tuple[float, float]] = HOLDS,
) -> Observations:
    """Look through a recording once.

    luma : (n, h, w) uint8.   time : (n,) s after the signal, middle of row 0's exposure,
    increasing. line : the running line in these pictures, where it is known. where : (h, w) or
    (n, h, w) bool, of the picture made smaller by a whole factor: what lies elsewhere is not
    looked at. behind_m : as in `vision.find_lane`. holds : as HOLDS. Raises ValueError when there
    are too few pictures to tell anything from.
    """
    n, height, width = luma.shape
    if n < 10:
        raise ValueError(f"only {n} pictures: too few to see a start in")
    factor = max(1, round(width / (vision.SMALL_WIDTH if where is None else where.shape[-1])))
    band = _band(None if where is not None else line, (height, width), factor)
    luma = luma[:, band]
    small = vision.shrunk(luma, factor)
    some = np.unique(np.linspace(0, n - 1, min(n, 25)).astype(int))
    usual = vision.middle_of(small[some]).astype(np.float32)
    whole = vision.register(small, usual, vision.holds_still(small[some]))
    metre = 40.0 * width / factor / 320.0 if line is None else line.px_per_m(0.0) / factor
    every = max(1, int(1.01 / LOOKS_PER_S / float(np.median(np.diff(time)))))
    if where is not None:
        every = 1  # what hides one lane from another changes from picture to picture
    looked = np.arange(0, n, every)
    look_time, looks = time[looked], vision.at(whole, looked)
    small = small[looked]
    field = vision.uneven_light(small, looks, usual, block=max(4, round(0.2 * metre)))
    if field is not None:
        small = np.stack([vision.evened(p, f) for p, f in zip(small, field, strict=True)])
        field = field[np.arange(n) // every]
    if where is not None:
        _leave_out(small, ~where, looks)
    likely, above = (
        (None, None) if line is None else _near_the_start(line, small.shape[1:], factor, band.start)
    )
    look = partial(
        vision.find_lane, small, look_time, looks, likely=likely, above=above,
        least=LEAST_M2 * metre**2, behind_m=behind_m,
    )  # fmt: skip
    lane, hold = look(hold=holds[0]), holds[0]
    for later in holds[1:]:
        # nobody large was still for long: perhaps somebody was at the signal, or soon after it
        if lane.sure < BODY_M2 * metre**2:
            found = look(hold=later)
            if found.sure > 2.0 * lane.sure:
                lane, hold = found, later
    masks = vision.foreground(small, lane, looks)
    tall = None if line is None else 1.9 * line.px_per_m(0.0) / factor
    passers = []
    if above is not None and tall is not None:
        passers = vision.passers_by(masks, above, lane, look_time, stature=tall)
    silhouettes = vision.follow(masks, lane, look_time, stature=tall, passers=passers)
    left_s = _left(silhouettes, lane.resting, look_time, hold[0])
    contrast = float("nan")
    site, followed = np.zeros((0, 2)), np.zeros(0, int)
    nothing = np.zeros((0, 0, 2), np.float32), np.zeros((0, 0), bool), np.zeros((0, 2, 2))
    (vector, lost, grip), unsteady = nothing, np.zeros(0)
    soles = NO_SOLES
    if np.isfinite(left_s):
        rested = np.argwhere(lane.resting)
        stature = (np.ptp(rested, axis=0).max() + 1 if tall is None else tall) * factor
        columns = np.arange(width)
        ground = (
            np.full(width, (rested[:, 0].max() + 1.0) * factor)
            if line is None
            else np.asarray(line.row(columns)) - band.start
        )
        full = vision.Registration(whole.gain, whole.offset, whole.shift * factor, field)
        soles = find_soles(
            luma, time, full, ground, silhouettes, every=every, after_s=left_s - 0.3,
            reach=int(0.09 * stature),
        )  # fmt: skip
        followed = _followed(time, left_s)
        pictures, at = [luma[i] for i in followed], time[followed]
        light = vision.at(full, followed)
        moved, unsteady = _displacement(pictures, at, light, lane, factor, left_s, hold)
        moved = _unhidden(moved, passers, at, factor, silhouettes.shape[1:], left_s)
        site, vector, lost, grip = moved
        before = int(
            np.clip(np.searchsorted(look_time, min(0.0, left_s - 0.4)), 0, len(looked) - 1)
        )
        there = lane.resting
        contrast = float(np.median(np.abs(small[before].astype(float) - lane.empty)[there]))
    rows = (band.start // factor, height // factor)
    return Observations(
        time=time,
        looked=looked,
        line_time_s=line_time_s,
        exposure_s=exposure_s,
        dropped=dropped,
        size=(width, height),
        factor=factor,
        silhouettes=_in_picture(silhouettes, *rows),
        resting=_in_picture(lane.resting.astype(np.uint8), *rows),
        rested=hold,
        left_s=left_s,
        contrast=contrast,
        light=whole.gain,
        shake=whole.shift * factor,
        stirred_s=_stirred(masks, look_time, STIRRED_M2 * metre**2),
        soles=soles.row,
        soles_top=soles.top + band.start,
        site=site + (0.0, band.start),
        followed=followed,
        # as it is kept, so that the kept gives the same answer
        displacement=vector.astype(np.float16).astype(np.float32),
        lost=lost,
        grip=grip,
        unsteady=unsteady,
    )


def _band(line: RunningLine | None, shape: tuple[int, int], factor: int) -> slice:
    """The rows of the picture that a runner on the line may be seen in; all of them without one."""
    height, width = shape
    if line is None:
        return slice(0, height)
    rows = np.asarray(line.row(np.array([0.0, width - 1.0])))
    scale = max(line.px_per_m(metres) for metres in (*line.span, 0.0))
    top = int(np.clip(rows.min() - ABOVE_M * scale, 0, height - 8 * factor)) // factor * factor
    bottom = int(np.clip(np.ceil(rows.max() + BELOW_M * scale), top + 8 * factor, height))
    return slice(top, bottom)


def _in_picture(band: np.ndarray, top: int, height: int) -> np.ndarray:
    """(…, h, w) of the band of rows that begins at `top` as (…, height, w) of the whole picture."""
    out = np.zeros((*band.shape[:-2], height, band.shape[-1]), band.dtype)
    out[..., top : top + band.shape[-2], :] = band
    return out


def _leave_out(small: np.ndarray, apart: np.ndarray, whole: vision.Registration) -> None:
    """Put the lane as it is in the end, in each picture's light, where it is not to be looked at.

    In the end those who started have left it.
    """
    last = np.unique(np.linspace(0.85 * len(small), len(small) - 1, 9).astype(int))
    end = [vision.steadied(small[i], whole.gain[i], whole.offset[i], whole.shift[i]) for i in last]
    bare = vision.middle_of(np.stack(end))
    for i, picture in enumerate(small):
        out = apart if apart.ndim == 2 else apart[i]
        picture[out] = np.clip(np.rint(bare[out] * whole.gain[i] + whole.offset[i]), 0, 255)


def _near_the_start(
    line: RunningLine, shape: tuple[int, int], factor: int, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where an athlete may rest: over the line, from 2.5 m behind the start to 2.5 m before it; and
    how high (m) everything is over the line. top : px, the first row."""
    height, width = shape
    columns = (np.arange(width) + 0.5) * factor - 0.5
    rows = (np.arange(height) + 0.5) * factor - 0.5 + top
    metres = line.metres(columns)
    scale = line.px_per_m(0.0)
    above = (line.row(columns)[None, :] - rows[:, None]) / scale
    inside = (metres > -2.5) & (metres < 2.5)
    return (inside[None, :] & (above > -0.25) & (above < 2.1)).astype(np.float32), above


def _left(silhouettes: np.ndarray, resting: np.ndarray, time: np.ndarray, rested_s: float) -> float:
    """When the resting place was given up: less than 60 % of it covered, for 0.1 s and from then
    on mostly; not before rested_s, when somebody began to be at rest there."""
    area = float(resting.sum())
    if area == 0:
        return float("nan")
    there = np.flatnonzero(resting)
    covered = silhouettes.reshape(len(silhouettes), -1)[:, there].mean(axis=1)
    usual = float(np.quantile(covered, 0.9))
    away = covered < 0.6 * usual
    step = float(np.median(np.diff(time)))
    need = max(2, round(0.1 / step))
    run = np.convolve(away.astype(int), np.ones(need, int), "valid")
    present = np.flatnonzero(~away)
    if len(present) == 0:
        return float("nan")
    begins = [
        i
        for i in np.flatnonzero(run == need)
        if i > present[0] and time[i] >= rested_s and away[i:].mean() > 0.6
    ]
    return float(time[begins[0]]) if begins else float("nan")


def _stirred(masks: np.ndarray, time: np.ndarray, least: float) -> float:
    """Last instant at which more than `least` pixels of the lane were not empty."""
    size = masks.reshape(len(masks), -1).sum(axis=1)
    large = np.flatnonzero(size > least)
    return float(time[large[-1]]) if len(large) else float("nan")


def _followed(time: np.ndarray, left_s: float) -> np.ndarray:
    """(k,) the pictures in which parts of the body are followed: from well before the still second
    until it has left its place, and while it rests as often as silhouettes are taken."""
    first = int(np.searchsorted(time, min(left_s, 0.0) - 1.6))
    last = int(np.searchsorted(time, left_s + 0.35))
    rests = int(np.searchsorted(time, min(-0.05, left_s - 0.6)))
    seldom = max(1, int(1.01 / LOOKS_PER_S / float(np.median(np.diff(time)))))
    return np.append(np.arange(first, rests, seldom), np.arange(max(first, rests), last))


def _displacement(
    luma: list[np.ndarray],
    time: np.ndarray,
    registration: vision.Registration,
    lane: vision.Lane,
    factor: int,
    left_s: float,
    rested: tuple[float, float],
) -> tuple[vision.Displacement, np.ndarray]:
    """Displacement of the parts of the resting body, against the mean of some still pictures.

    luma : k pictures.   registration : theirs, shifts in px of the full picture."""
    height, width = luma[0].shape[0] // 2, luma[0].shape[1] // 2
    up = factor / 2.0
    # leaves that stir behind the contour are not the contour
    # (what is left of a shaking tripod shows at every edge, and is no leaf)
    edges = np.hypot(
        *(cv2.Sobel(lane.empty, cv2.CV_32F, *d, scale=1 / 8) for d in ((1, 0), (0, 1)))
    )
    shaken = 0.05 + 0.5 * float(np.std(registration.shift / factor, axis=0).max())
    usual = 3.0 * np.median(lane.noise)
    stirs = (lane.noise > usual + shaken * edges) & ~lane.resting
    calm = lane.resting & (cv2.dilate(stirs.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    followed = calm if calm.sum() > 0.3 * lane.resting.sum() else lane.resting
    region = _at_half_size(followed, up, (height, width))
    x, y, w, h = cv2.boundingRect(region)
    margin = 6 * vision.CELL
    left, top = max(0, x - margin), max(0, y - margin)
    w = (min(width, x + w + margin) - left) // vision.CELL * vision.CELL
    h = (min(height, y + h + margin) - top) // vision.CELL * vision.CELL
    region = region[top : top + h, left : left + w] > 0
    # still ground around the body: what seems to move there did not
    body = cv2.dilate(lane.resting.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    around = _at_half_size(~body & ~stirs, up, (height, width))
    around = around[top : top + h, left : left + w] > 0
    # well before the signal: a false start must not be in its own resting picture
    begin, end = (-1.0, -0.45) if rested[1] < -0.1 else rested
    early = min(0.0, left_s - 0.35) if rested[1] < -0.1 else 0.0
    still = np.flatnonzero((time >= begin + early) & (time <= end + early))
    if len(still) < 2:
        still = np.arange(min(4, len(time)))
    rest = np.zeros((h, w), np.float32)
    for i in still:
        crop = luma[i][2 * top : 2 * (top + h), 2 * left : 2 * (left + w)]
        half = cv2.resize(crop, (w, h), interpolation=cv2.INTER_AREA)
        shift = registration.shift[i] / 2.0
        even = vision.steadied(half, registration.gain[i], registration.offset[i], shift)
        if registration.field is not None:
            even /= vision.part_of(registration.field[i], (height, width), (left, top, w, h))
        rest += even
    rest /= len(still)
    box = (left, top, w, h)
    moved, control = vision.displacement(luma, registration, rest, region, around, box=box)
    breaks = vision.refreshed(control)
    moved, control = vision.joined(moved, breaks), vision.joined(control, breaks)
    return moved, vision.unsteadiness(control, (time >= begin + early) & (time <= end + early))


HIDING_PX = 5
"""So near (px of the small picture) to somebody behind, a part's window sees them: two standard
deviations of `vision.SOFT` cells."""


SETTLES = 5
"""Pictures that following takes to settle again, and one."""


def _unhidden(
    moved: vision.Displacement,
    passers: list[vision.Passer],
    time: np.ndarray,
    factor: int,
    shape: tuple[int, int],
    left_s: float,
) -> vision.Displacement:
    """The displacement without what is somebody else's: parts that mostly had a passer-by in their
    window while the body rested are left out, others stay where they were while one is there."""
    if not passers or len(moved.site) == 0:
        return moved
    column, row = np.clip(
        np.rint((moved.site + 0.5) / factor - 0.5).astype(int), 0, np.array(shape[::-1]) - 1
    ).T
    hidden = np.zeros(moved.lost.shape, bool)
    kernel = np.ones((2 * HIDING_PX + 1, 2 * HIDING_PX + 1), np.uint8)
    for k, now in enumerate(time):
        for passer in passers:
            ghost = passer.ghost(float(now), shape)
            if ghost is not None:
                hidden[k] |= cv2.dilate(ghost, kernel)[row, column] > 0
    # whoever was followed wrongly needs some pictures to be found again
    hidden = maximum_filter1d(hidden, SETTLES, axis=0, origin=-(SETTLES // 2), mode="nearest")
    resting = (time > min(0.0, left_s - 0.4) - 1.1) & (time < left_s)
    share = hidden[resting].mean(axis=0)
    clear = share < 0.1
    if clear.sum() < max(8, 0.25 * len(clear)):
        clear = share < 0.6
    if clear.sum() < 8:
        return moved
    site, vector, lost, grip = (
        moved.site[clear],
        moved.vector[:, clear],
        moved.lost[:, clear],
        moved.grip[clear],
    )
    hidden = hidden[:, clear]
    # unseen for a while: where it was seen last, and before it is seen at all where it is then
    first = (~hidden).argmax(axis=0)
    known = np.maximum.accumulate(np.where(hidden, 0, np.arange(len(time))[:, None]), axis=0)
    known = np.maximum(known, first)
    vector = np.take_along_axis(vector, known[..., None], axis=0)
    lost = np.take_along_axis(lost, known, axis=0)
    return vision.Displacement(site, vector, lost, grip)


def _at_half_size(mask: np.ndarray, up: float, shape: tuple[int, int]) -> np.ndarray:
    """A small mask at half the size of the full picture, shape (rows, columns)."""
    grown = cv2.resize(mask.astype(np.uint8), None, fx=up, fy=up, interpolation=cv2.INTER_NEAREST)
    out = np.zeros(shape, np.uint8)
    rows, columns = min(shape[0], grown.shape[0]), min(shape[1], grown.shape[1])
    out[:rows, :columns] = grown[:rows, :columns]
    return out


def packed(seen: Observations) -> bytes:
    """The observations as a compressed .npz file."""
    fields = seen._asdict()
    fields["silhouettes"] = np.packbits(seen.silhouettes.astype(bool), axis=-1)
    fields["silhouettes_shape"] = np.array(seen.silhouettes.shape)
    fields["displacement"] = seen.displacement.astype(np.float16)
    out = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in fields.items()}
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def unpacked(stored: bytes) -> Observations:
    """The observations back from `packed`. Raises ValueError when it is something else."""
    try:
        with np.load(io.BytesIO(stored), allow_pickle=False) as file:
            fields = {name: file[name] for name in file.files}
        shape = fields.pop("silhouettes_shape")
        bits = np.unpackbits(fields["silhouettes"], axis=-1)
        fields["silhouettes"] = bits[..., : shape[-1]]
        fields["displacement"] = fields["displacement"].astype(np.float32)
        fields.setdefault("looked", np.arange(len(fields["time"])))  # every one, once
        if fields["soles"].dtype == np.uint8:  # whole rows, as they once were kept
            rows = fields["soles"]
            fields["soles"] = np.where(rows == 255, np.nan, rows + 0.5).astype(np.float16)
        if "site_frames" in fields:  # every picture between two, once
            fields["followed"] = np.arange(*fields.pop("site_frames"))
        fields["size"] = tuple(int(value) for value in fields["size"])
        fields["rested"] = tuple(float(value) for value in fields["rested"])
        for name in ("dropped", "factor", "soles_top"):
            fields[name] = int(fields[name])
        for name in ("line_time_s", "exposure_s", "left_s", "contrast", "stirred_s"):
            fields[name] = float(fields[name])
        return Observations(**fields)
    except (OSError, EOFError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            "not the observations of a rep, or of a version that cannot be read"
        ) from error
