"""The camera's clock against the pins', from pictures of the flashing LED. No camera, no pin.

A row of the sensor gathers light while it is exposed. Of a frame in whose exposure the LED goes on
or off, a row is lit for part of it: how much tells when the edge was in the exposure, to a small
part of a frame. The pins' clock says when it was. Some 200 flashes at random phase put enough edges
into exposures of a millisecond (dithering: the phase is uniform, so what no edge falls into is
bounded by its neighbours). What brightness a share of the light makes (gamma) is unknown: it bends
edges on and off in opposite senses, and is fitted along.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import cv2
import numpy as np
from scipy.optimize import least_squares

from .kinematics import Value

FLASHES = 200
SURE_S = 0.015
"""A picture this far from every edge is lit or dark as a whole: what is to be found is less."""
REACH_S = 0.012
"""Offsets up to this are looked for."""
ROWS = 32
"""So many groups of rows, at most, tell the line time."""
SEEN_LEVELS = 6.0
"""Grey levels by which the LED has to light some pixels."""
FLICKERS = 0.5
"""Grey levels by which other light changes from picture to picture, to be taken out."""
BESIDE_PX = 24
"""So near to the LED's light the light of everything else is taken."""
CLIPPED = 240.0
"""From here on a pixel does not tell how much light there was."""
TELLS_LINE_S = 0.5e-6
"""A line time less certain than this (s) is none: over 720 rows it would be 0.4 ms."""
UNBENT = 0.001
"""Of the exposure, by which rows differ that are bent differently by the camera's response."""
UNLIKE = 0.15
"""Of an exposure: a stamp further than that from its start, middle and end is none of them."""
U_STAMP_S = 5e-6
"""Of stamps and of the writes of the pin."""
WRONG_S = 0.002
"""A camera whose stamps are further off says so on every result."""
STAMPS = {"start": 0.0, "middle": 0.5, "end": 1.0}


class Flashing(NamedTuple):
    """One recording of the LED, with when its pin was written, all in s of one clock."""

    luma: np.ndarray  # (n, h, w) uint8
    time: np.ndarray  # (n,) what the camera takes for the middle of row 0's exposure
    on: np.ndarray  # (m,)
    off: np.ndarray  # (m,) each after its on
    exposure_s: float  # as the camera says; 0 = unknown
    top: int = 0  # the row of the whole picture that luma begins with
    left: int = 0  # and the column
    every: int = 1  # of the columns are there


class Clock(NamedTuple):
    """What one recording tells of the camera's time stamps."""

    offset: Value  # s by which they are late, for row 0
    spread_s: float  # of single edges about that
    line_time: Value  # s from row to row; NaN when the LED's light covers too few rows
    exposure: Value  # s that a row is exposed
    at: tuple[float, float]  # px, the middle of the LED's light
    rows: int  # that it covers
    edges: int  # that fell into an exposure


def draw_flashes(count: int, frame_s: float, random: Random) -> np.ndarray:
    """(count, 2) s: how long each flash is on, then off; at random phase against any frames."""
    shortest = 2 * SURE_S + 1.5 * frame_s
    lasts = [random.uniform(shortest, shortest + 3.0 * frame_s) for _ in range(2 * count)]
    return np.array(lasts).reshape(count, 2)


def near_led(flashing: Flashing, *, most: int = 30_000) -> Flashing:
    """A copy of the part of the pictures in which the LED's light is seen, `most` pixels of each:
    what is to be kept when the ring goes on. Raises ValueError as `clock_of`."""
    (rows, columns), *_ = _led(flashing.luma, *_sure(flashing))
    height, width = flashing.luma.shape[1:]
    rows = slice(max(rows.start - BESIDE_PX, 0), min(rows.stop + BESIDE_PX, height))
    columns = slice(max(columns.start - BESIDE_PX, 0), min(columns.stop + BESIDE_PX, width))
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    every = -(-area // most)
    return same_part(
        flashing,
        flashing._replace(luma=flashing.luma[:0], top=rows.start, left=columns.start, every=every),
        (rows.stop - rows.start, columns.stop - columns.start),
    )


def same_part(whole: Flashing, like: Flashing, size: tuple[int, int] | None = None) -> Flashing:
    """A copy of that part of another recording that `like` has."""
    height, width = size or (like.luma.shape[1], like.luma.shape[2] * like.every)
    part = whole.luma[:, like.top : like.top + height, like.left : like.left + width : like.every]
    return whole._replace(luma=part.copy(), top=like.top, left=like.left, every=like.every)


def joined(parts: Sequence[Flashing]) -> Flashing:
    """Recordings of the same part of the picture, one after the other."""
    return parts[0]._replace(
        luma=np.concatenate([part.luma for part in parts]),
        time=np.concatenate([part.time for part in parts]),
        on=np.concatenate([part.on for part in parts]),
        off=np.concatenate([part.off for part in parts]),
    )


def clock_of(flashing: Flashing, *, line_time_s: float = 0.0) -> Clock:
    """Offset, spread, line time and exposure, with standard uncertainties.

    line_time_s : as the camera is taken to have. Raises ValueError with what to do when the LED is
    not seen, or too little of it.
    """
    lit, dark = _sure(flashing)
    box, weight, at, beside = _led(flashing.luma, lit, dark)
    light = _light(flashing.luma, beside, dark)
    share, row, noise = _shares(flashing.luma[:, box[0], box[1]], weight, light, lit, dark)
    row = row + box[0].start + flashing.top
    at = flashing.left + flashing.every * at[0], flashing.top + at[1]
    edges = _around_edges(flashing, share, lit, dark)
    return _fit(edges, row, noise, flashing, line_time_s, at)


def stamped_at(clocks: Sequence[Clock], taken_for: float) -> Value:
    """Where in the exposure the sensor's stamp lies, 0 = start to 1 = end; NaN from one exposure.

    clocks : of recordings with different exposures.   taken_for : where the camera's code takes it
    to lie. A stamp that lies elsewhere shows as an offset that grows with the exposure.
    """
    exposure = np.array([clock.exposure.value for clock in clocks])
    offset = np.array([clock.offset.value for clock in clocks])
    u = np.array([max(clock.offset.u, 1e-6) for clock in clocks])
    if len(clocks) < 2 or np.ptp(exposure) < 0.25 * exposure.max():
        return Value(float("nan"), float("nan"))
    weight = 1.0 / u**2
    centred = exposure - np.average(exposure, weights=weight)
    slope = float((weight * centred * offset).sum() / (weight * centred**2).sum())
    u_slope = float(1.0 / np.sqrt((weight * centred**2).sum()))
    return Value(taken_for + slope, u_slope)


def convention(stamp: Value) -> str | None:
    """start, middle or end, where the stamp is like one of them and no other; else None."""
    for name, share in STAMPS.items():
        if abs(stamp.value - share) + stamp.u < UNLIKE:
            return name
    return None


def told(clocks: Sequence[Clock], exposures_s: Sequence[float], taken_for: float) -> dict[str, Any]:
    """What the recordings say together, as JSON: None for what they do not tell, with a reason.

    clocks : the working exposure's first.   exposures_s : of each, as the camera says.   taken_for
    : as of `stamped_at`.
    """
    work = [c for c, s in zip(clocks, exposures_s, strict=True) if s == exposures_s[0]]
    offset = _together([clock.offset for clock in work])
    line = _together([clock.line_time for clock in clocks if np.isfinite(clock.line_time.value)])
    stamp = stamped_at(clocks, taken_for)
    known = np.isfinite(stamp.value)
    reasons = []
    if not np.isfinite(line.value):
        reasons.append(
            "line_time: the LED's light covers too few rows; let it shine on a white card"
        )
    if not known:
        reasons.append("convention: this camera's exposure could not be changed")
    elif convention(stamp) is None:
        reasons.append("convention: the stamp is at none of the exposure's start, middle and end")
    far = abs(offset.value) > WRONG_S
    return {
        "offset_s": offset.value,
        "u_offset_s": offset.u,
        "spread_s": float(np.median([clock.spread_s for clock in work])),
        "line_time_s": line.value if np.isfinite(line.value) else None,
        "u_line_time_s": line.u if np.isfinite(line.value) else None,
        "exposure_s": work[0].exposure.value,
        "stamped_at": stamp.value if known else None,
        "u_stamped_at": stamp.u if known else None,
        "convention": convention(stamp) if known else None,
        "edges": sum(clock.edges for clock in clocks),
        "seen_at": [round(each, 1) for each in work[0].at],
        "verdict": "bad" if far else "good",
        "reasons": reasons,
    }


def _together(values: Sequence[Value]) -> Value:
    """Their weighted mean; it is no surer than they agree."""
    if not values:
        return Value(float("nan"), float("nan"))
    value, u = np.array([v.value for v in values]), np.array([v.u for v in values])
    weight = 1.0 / u**2
    mean = float(np.average(value, weights=weight))
    within = 1.0 / weight.sum()
    between = float(np.average((value - mean) ** 2, weights=weight)) / len(values)
    return Value(mean, float(np.sqrt(max(within, between))))


def _sure(flashing: Flashing) -> tuple[np.ndarray, np.ndarray]:
    """(n,) bool each: pictures that are lit as a whole, and dark ones between two flashes; ten of
    each or ValueError."""
    time, on, off = flashing.time, flashing.on, flashing.off
    last = np.searchsorted(on, time) - 1
    inside = last >= 0
    last = np.maximum(last, 0)
    since_on, to_off = time - on[last], off[last] - time
    lit = inside & (since_on > SURE_S) & (to_off > SURE_S)
    following = np.append(on[1:], np.inf)[last]
    dark = inside & (to_off < -SURE_S) & (following - time > SURE_S) & np.isfinite(following)
    dark |= (time < on[0] - SURE_S) & (time > on[0] - 0.2)
    if min(np.count_nonzero(lit), np.count_nonzero(dark)) < 10:
        raise ValueError("led: too few pictures between the flashes; is the camera slow?")
    return lit, dark


def _mean(luma: np.ndarray, picked: np.ndarray) -> np.ndarray:
    total = np.zeros(luma.shape[1:], np.float32)
    for i in np.flatnonzero(picked):
        cv2.accumulate(luma[i], total)
    return total / np.count_nonzero(picked)


def _led(
    luma: np.ndarray, lit: np.ndarray, dark: np.ndarray
) -> tuple[tuple[slice, slice], np.ndarray, tuple[float, float], np.ndarray]:
    """The box in which the LED's light is seen, what each pixel of it gains, its middle, and (k, 2)
    pixels beside it."""
    bright, usual = _mean(luma, lit), _mean(luma, dark)
    gain = bright - usual
    smooth = cv2.GaussianBlur(gain, (0, 0), 2.0)
    if not smooth.max() > SEEN_LEVELS:
        raise ValueError(
            "led: no flashing light in the picture; aim the camera at the box's LED from a metre "
            "or two, out of the sun, or let it shine on a white card"
        )
    clear = (bright < CLIPPED) & (gain > 0)
    clear &= smooth > SEEN_LEVELS / 2
    most = float(np.quantile(gain[clear], 0.98)) if clear.any() else 0.0
    if most < SEEN_LEVELS:
        raise ValueError("led: its light is too bright for the camera; further away, or less gain")
    useful = clear & (smooth > 0.15 * most)
    rows = np.flatnonzero(useful.any(axis=1))
    columns = np.flatnonzero(useful.any(axis=0))
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    weight = np.where(useful, gain, 0.0)[box].astype(np.float32)
    v, u = np.indices(weight.shape)
    total = float(weight.sum())
    at = (
        float((weight * u).sum()) / total + box[1].start,
        float((weight * v).sum()) / total + box[0].start,
    )
    around = tuple(slice(max(side.start - BESIDE_PX, 0), side.stop + BESIDE_PX) for side in box)
    dim = (smooth < 0.01 * most) & (usual > 5.0) & (usual < CLIPPED)
    beside = np.argwhere(dim[around]) + [around[0].start, around[1].start]
    return box, weight, at, beside[:: max(1, len(beside) // 2000)]


def _light(luma: np.ndarray, beside: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """(n,) grey levels by which it is brighter beside the LED than usual: lamps flicker. 0 where
    they do not, for a little of the LED's own light is there too."""
    if len(beside) < 50:
        return np.zeros(len(luma))
    light = luma[:, beside[:, 0], beside[:, 1]].mean(axis=1)
    if np.std(light[dark]) < FLICKERS:
        return np.zeros(len(luma))
    return light - np.median(light)


def _shares(
    luma: np.ndarray, weight: np.ndarray, light: np.ndarray, lit: np.ndarray, dark: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, g) how bright each group of rows is, 0 dark to 1 lit; (g,) its row; (g,) its noise."""
    per = -(-len(weight) // ROWS)
    groups = [slice(i, min(i + per, len(weight))) for i in range(0, len(weight), per)]
    groups = [g for g in groups if (weight[g] > 0).any()]
    share = np.empty((len(luma), len(groups)))
    row = np.empty(len(groups))
    for k, group in enumerate(groups):
        part = weight[group].astype(float)
        power = (part**2).sum(axis=1)
        row[k] = group.start + (power * np.arange(len(part))).sum() / power.sum()
        flat = luma[:, group].reshape(len(luma), -1)
        share[:, k] = (flat @ part.ravel().astype(np.float32) - light * part.sum()) / power.sum()
    base = share[dark].mean(axis=0)
    share = (share - base) / (share[lit].mean(axis=0) - base)
    noise = np.maximum(np.std(share[dark], axis=0), np.std(share[lit], axis=0))
    good = noise < max(0.25, 3.0 * float(np.median(noise)))
    return share[:, good], row[good], np.maximum(noise[good], 0.003)


class _Edges(NamedTuple):
    """Every picture near an edge, one row of numbers for each."""

    after: np.ndarray  # (k,) s, the edge after the picture's own time
    rises: np.ndarray  # (k,) bool: the LED goes on
    share: np.ndarray  # (k, g)


def _around_edges(
    flashing: Flashing, share: np.ndarray, lit: np.ndarray, dark: np.ndarray
) -> _Edges:
    """Pictures within reach of an edge, levelled by what is surely lit and dark around it: lamps
    flicker and clouds pass."""
    time = flashing.time
    frame = float(np.median(np.diff(time)))
    after, rises, levelled = [], [], []
    lit_at, dark_at = np.flatnonzero(lit), np.flatnonzero(dark)
    for instants, rising in ((flashing.on, True), (flashing.off, False)):
        for instant in instants:
            i = np.flatnonzero(np.abs(time - instant) < REACH_S + 2.0 * SURE_S / 3.0)
            bright = lit_at[np.abs(time[lit_at] - instant) < 4.0 * SURE_S + 4.0 * frame]
            usual = dark_at[np.abs(time[dark_at] - instant) < 4.0 * SURE_S + 4.0 * frame]
            if len(i) == 0 or len(bright) == 0 or len(usual) == 0:
                continue
            low, high = share[usual].mean(axis=0), share[bright].mean(axis=0)
            after.append(instant - time[i])
            rises.append(np.full(len(i), rising))
            levelled.append((share[i] - low) / np.maximum(high - low, 0.3))
    if len(after) < 40:
        raise ValueError("led: too few flashes were recorded; try again, with nothing in the way")
    return _Edges(np.concatenate(after), np.concatenate(rises), np.concatenate(levelled))


def _modelled(edges: _Edges, offset: np.ndarray, exposure: float, bend: float) -> np.ndarray:
    """(k, g) brightness for rows whose stamps are late by offset (g,)."""
    exposed = (0.5 * exposure - edges.after[:, None] - offset) / exposure
    part = np.clip(exposed, 0.0, 1.0)
    return np.where(edges.rises[:, None], part, 1.0 - part) ** bend


def _fit(
    edges: _Edges,
    row: np.ndarray,
    noise: np.ndarray,
    flashing: Flashing,
    line_time_s: float,
    at: tuple[float, float],
) -> Clock:
    """Window and line time by robust least squares, begun from the best of a grid."""
    frame = float(np.median(np.diff(flashing.time)))
    exposure = flashing.exposure_s or 0.25 * frame
    middle = float(np.average(row, weights=1.0 / noise**2))
    away = row - middle
    overall = edges.share.mean(axis=1)
    grid = np.arange(-REACH_S, REACH_S, min(0.1 * exposure, 2e-4))
    whole = edges._replace(share=overall[:, None])
    cost = [
        np.abs(_modelled(whole, np.array([d]), exposure, 1.0) - whole.share).sum() for d in grid
    ]
    begin = float(grid[int(np.argmin(cost))])

    def misses(answer: np.ndarray) -> np.ndarray:
        offset, line, log_exposure, log_bend = answer
        late = 1e-3 * offset - 1e-6 * line * away
        seen = _modelled(edges, late, float(np.exp(log_exposure)), float(np.exp(log_bend)))
        return ((seen - edges.share) / noise).ravel()

    lines = 1e6 * line_time_s + np.arange(-12.0, 24.1, 1.0) if len(row) > 2 else np.zeros(1)
    first = [
        np.abs(misses(np.array([1e3 * begin, line, np.log(exposure), 0.0]))).sum() for line in lines
    ]
    line = float(lines[int(np.argmin(first))])
    found = least_squares(
        misses, [1e3 * begin, line, np.log(exposure), 0.0], loss="soft_l1", f_scale=2.0,
        x_scale=[0.05, 1.0, 0.1, 0.1], diff_step=1e-4,
        bounds=([-20.0, -60.0, np.log(2e-5), -1.2], [20.0, 60.0, np.log(frame), 1.2]),
    )  # fmt: skip
    offset, line, log_exposure, log_bend = found.x
    exposure, bend = float(np.exp(log_exposure)), float(np.exp(log_bend))
    singles = _singles(edges, away, 1e-3 * offset, 1e-6 * line, exposure, bend)
    if len(singles) < 5:
        raise ValueError("led: too few edges fell into an exposure; lengthen it, or flash again")
    spread = 1.4826 * float(np.median(np.abs(singles - np.median(singles))))
    # the rows of one picture share its errors: they are one witness, not many
    each = (found.jac * np.clip(found.fun, -4.0, 4.0)[:, None]).reshape(len(edges.after), -1, 4)
    inverse = np.linalg.pinv(found.jac.T @ found.jac)
    together = each.sum(axis=1)
    u = np.sqrt(np.diag(inverse @ (together.T @ together) @ inverse))
    alone = 1e-3 * float(u[0]), 1.25 * spread / np.sqrt(len(singles)), 0.01 * exposure, U_STAMP_S
    u_offset = float(np.linalg.norm(alone))
    u_line = float(np.hypot(1e-6 * u[1], UNBENT * exposure / max(np.std(row), 1.0)))
    told = len(row) > 2 and u_line < TELLS_LINE_S
    at_row_0 = 1e-3 * offset + (1e-6 * line * middle if told else line_time_s * middle)
    return Clock(
        Value(at_row_0, float(np.hypot(u_offset, u_line * middle if told else 0.0))),
        spread,
        Value(1e-6 * line, u_line) if told else Value(float("nan"), float("nan")),
        Value(exposure, exposure * float(u[2])),
        at,
        len(np.unique(np.round(row))),
        len(singles),
    )


def _singles(
    edges: _Edges, away: np.ndarray, offset: float, line: float, exposure: float, bend: float
) -> np.ndarray:
    """(j,) s: the offset by every picture in whose exposure an edge fell, all of its rows."""
    bright = np.clip(edges.share, 0.0, 1.0) ** (1.0 / bend)
    part = np.where(edges.rises[:, None], bright, 1.0 - bright)
    each = 0.5 * exposure - edges.after[:, None] - part * exposure + line * away
    inside = _modelled(edges, offset - line * away, exposure, 1.0)
    part_of = (inside > 0.15) & (inside < 0.85)
    return np.array([float(np.mean(e[p])) for e, p in zip(each, part_of, strict=True) if p.any()])
