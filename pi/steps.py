"""Ground contacts of the feet, from where something stands still on the ground. Arrays in, steps
out."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from scipy.ndimage import binary_closing

from .vision import NO_SOLE

LIFT_M = 0.007
"""A sole this far above where it stood is off the ground: a pixel at 150 px/m."""


class Step(NamedTuple):
    """One contact of a foot with the ground."""

    contact_s: float
    toe_off_s: float
    column: float  # px of the full picture, middle of what touched the ground


def find_steps(
    soles: np.ndarray,
    time: np.ndarray,
    px_per_m: float,
    *,
    ground: np.ndarray,
    direction: int,
    upright: np.ndarray,
    band_m: float = 0.05,
) -> list[Step]:
    """Contacts in order of time.

    soles : (n, w) px, row of the lowest thing in every second column of the picture; NO_SOLE =
    nothing. ground : (w,) the row of the running line there.   direction : +1 when the run goes to
    the right. upright : (n,) bool, upright enough that what touches the ground is a foot.

    A foot on the ground covers the same columns for a tenth of a second or longer, one that swings
    by covers each for a third of that. Such a place is a step; its own lowest row is the ground
    there (feet do not keep to the line to the pixel), and it lasts from the picture in which the
    sole comes within 7 mm of that row to the one in which it goes. What stood there from the first
    picture with anything in it was not seen to come: no step. [] when nothing stands.
    """
    if len(soles) == 0:
        return []
    step = float(np.median(np.diff(time)))
    low = (soles != NO_SOLE) & (soles > ground - band_m * px_per_m)
    low &= upright[:, None]
    need = max(3, round(0.06 / step) | 1)
    standing = cv2.morphologyEx(low.astype(np.uint8), cv2.MORPH_OPEN, np.ones((need, 1), np.uint8))
    standing = cv2.morphologyEx(standing, cv2.MORPH_CLOSE, np.ones((3, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(standing, connectivity=8)
    looked = np.flatnonzero((soles != NO_SOLE).any(axis=1))
    begins = float(time[looked[0]]) if len(looked) else 0.0
    found = []
    for label in range(1, count):
        left, top, w, h, _ = stats[label]
        if 2 * w / px_per_m < 0.05 or h * step > 0.6:
            continue
        piece = labels[top : top + h, left : left + w] == label
        one = _contact(soles, time, step, (left, top, w, h), piece, LIFT_M * px_per_m)
        if one is not None and one.contact_s > begins:
            found.append(one)
    found.sort(key=lambda s: s.contact_s)
    return _forward(found, direction, px_per_m)


def _contact(
    soles: np.ndarray,
    time: np.ndarray,
    step: float,
    box: tuple[int, int, int, int],
    piece: np.ndarray,
    lift: float,
) -> Step | None:
    """When the sole over the columns of one standing piece was down; None when it never was."""
    left, top, w, h = box
    columns = soles[:, left : left + w].astype(float)
    columns[columns == NO_SOLE] = -np.inf
    lowest = columns.max(axis=1)
    middle = top + h // 2
    around = lowest[top + h // 4 : top + h - h // 4 + 1]
    around = around[np.isfinite(around)]
    if len(around) == 0:
        return None
    level = float(np.median(around)) - lift
    # a picture or two in which noise lifts the sole are no flight
    gap = 2 * max(1, round(0.012 / step)) + 1
    down = binary_closing(lowest >= level, np.ones(gap)) | (lowest >= level)
    if not down[middle]:
        near = top + np.flatnonzero(down[top : top + h])
        if len(near) == 0:
            return None
        middle = int(near[np.argmin(np.abs(near - middle))])
    first = middle
    while first > 0 and down[first - 1]:
        first -= 1
    last = middle
    while last < len(down) - 1 and down[last + 1]:
        last += 1
    if (last - first + 1) * step < 0.06:
        return None
    touching = (columns[first : last + 1] >= level).sum(axis=0)
    column = 2.0 * (left + float((touching * np.arange(w)).sum() / touching.sum())) + 0.5
    return Step(
        _between(time, lowest, first - 1, first, level),
        _between(time, lowest, last, last + 1, level),
        column,
    )


def _between(time: np.ndarray, lowest: np.ndarray, i: int, j: int, level: float) -> float:
    """The instant between pictures i and j at which the sole passes the level."""
    if i < 0 or j >= len(time):
        return float(time[min(max(i, 0), len(time) - 1)])
    a, b = lowest[i], lowest[j]
    if not (np.isfinite(a) and np.isfinite(b)) or a == b:
        return float(time[i] + time[j]) / 2
    return float(time[i] + np.clip((level - a) / (b - a), 0.0, 1.0) * (time[j] - time[i]))


def _forward(found: list[Step], direction: int, px_per_m: float) -> list[Step]:
    """One step after the other in the direction of the run; two pieces of one foot become one."""
    steps: list[Step] = []
    for candidate in found:
        if steps:
            ahead = (candidate.column - steps[-1].column) * direction / px_per_m
            if abs(ahead) < 0.3 and candidate.contact_s < steps[-1].toe_off_s + 0.05:
                steps[-1] = steps[-1]._replace(
                    toe_off_s=max(steps[-1].toe_off_s, candidate.toe_off_s)
                )
                continue
            if ahead < 0.2:
                continue
        steps.append(candidate)
    return steps
