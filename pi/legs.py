"""The leg that each step was made with, from how near to the camera its foot stood. Arrays in, feet
out.

A camera beside the lane looks down on it, so that the foot which is nearer stands lower in the
picture: by px/m x camera height / distance for each metre between the feet, some px. A shoe that is
as grey as the ground seems to end higher than it does, by as much. But two feet that are seen whole
have soles of one shape: only where the rows of two of them differ by the same all along the foot is
it where they stand that differs. Who sets foot before foot on one line, as sprinters do at speed,
is not told.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .steps import Step

NEAR, FAR, UNTOLD = 1, -1, 0
HEEL_M, TOES_M = 0.12, 0.04
"""Behind and ahead of the forefoot: where a sole lies on the ground, or close above it."""
COLUMNS = 6
"""So many of a sole have to be seen,"""
ALIKE = 0.2
"""and differ from other feet's by the same, to within this share of it: one shape."""
APART_PX = 0.6
"""What differs by less may be the edge's own noise."""
EVEN = 1.5
"""Steps that follow one another differ by less in how long they take; one missed doubles it."""
LEVEL = 0.35
"""A single foot stands on one of the two levels, to within this share of what is between them."""
LASTS_S, PAUSES_S = 0.55, 0.65
"""A step on the way to running takes no longer; feet put down longer before came to rest."""
TOGETHER_S = 0.2
"""Feet drawn up to the body to stand on are put down one right after the other."""
UP_S = 0.1
"""Who gets up from the ground has put a foot down by then; what comes later was not the first."""


def soles_under(
    soles: np.ndarray,
    time: np.ndarray,
    steps: Sequence[Step],
    px_per_m: float,
    *,
    ground: np.ndarray,
    direction: int,
) -> np.ndarray:
    """(k, c) px below the running line, each step's sole from heel to toes; NaN where none is.

    soles, time, px_per_m, ground, direction : as for `find_steps`. The median over the middle half
    of a contact: then the whole foot is down.
    """
    heel, toes = round(0.5 * HEEL_M * px_per_m), round(0.5 * TOES_M * px_per_m)
    along = direction * np.arange(-heel, toes + 1)
    found = np.full((len(steps), len(along)), np.nan)
    for one, step in zip(found, steps, strict=True):
        lasts_s = step.toe_off.value - step.contact.value
        middle = np.abs(time - step.contact.value - 0.5 * lasts_s) < 0.25 * lasts_s
        columns = round(0.5 * (step.column - 0.5)) + along
        inside = (columns >= 0) & (columns < soles.shape[1])
        rows = soles[np.ix_(middle, columns[inside])].astype(float)
        shown = np.full(inside.sum(), np.nan)
        seen = np.isfinite(rows).any(axis=0)
        shown[seen] = np.nanmedian(rows[:, seen], axis=0)
        one[inside] = shown - ground[columns[inside]]
    return found


def near_or_far(steps: Sequence[Step], soles: np.ndarray) -> np.ndarray:
    """(k,) NEAR or FAR, the foot that each step was made with; UNTOLD where it cannot be known.

    soles : (k, c) px, as from `soles_under`. Feet take turns, so three steps that follow evenly
    show how far one foot stands below the two others; what tilts the line cancels. Two such threes
    at least, none against another, or nothing is told. A step that does not follow evenly, such as
    the first after getting up, is told where its foot stands on one of the two levels.
    """
    foot = np.full(len(steps), UNTOLD)
    took = np.diff([step.contact.value for step in steps])
    column = np.array([step.column for step in steps])
    lower = np.full(len(steps), np.nan)  # px, against the steps before and after
    follows = np.zeros(len(steps), bool)  # evenly on the step before
    for k in range(1, len(steps) - 1):
        around = slice(k - 1, k + 2)
        if max(took[k - 1], took[k]) < EVEN * min(took[k - 1], took[k]):
            follows[k : k + 2] = True
            lower[k] = _lower(soles[around], column[around])
    known = np.isfinite(lower)
    if known.sum() < 2:
        return foot
    turn = (-1) ** np.arange(len(steps))
    for row in np.split(np.arange(len(steps)), np.flatnonzero(~follows))[1:]:
        votes = np.unique((np.sign(lower[row]) * turn[row])[known[row]])
        if len(votes) > 1:
            return np.full(len(steps), UNTOLD)
        foot[row] = votes[0] * turn[row] if len(votes) else UNTOLD
    apart = float(np.median(np.abs(lower[known])))
    alone = foot == UNTOLD
    foot[alone] = _by_level(column, _lowest(soles), foot, apart)[alone]
    return foot


def lead_foot(steps: Sequence[Step], foot: np.ndarray, *, up_s: float, stood: bool) -> int:
    """The foot of the first step: NEAR, FAR, or UNTOLD.

    foot : (k,) as from `near_or_far`.   up_s : when the body first stood, NaN = unknown.   stood :
    whether it stood at rest.

    From the run back to its first step: each before it is the other foot's and shortly before. Feet
    that were drawn up to stand on, and stayed, made none. Where no foot is seen to be put down
    before the body stands, the first step may have been missed.
    """
    if len(steps) < 2:
        return UNTOLD
    contact = np.array([step.contact.value for step in steps])
    rows = np.split(np.arange(len(steps)), np.flatnonzero(np.diff(contact) >= PAUSES_S) + 1)
    first, *after = run = max(rows, key=len)
    if not after or contact[after[0]] - contact[first] > LASTS_S:
        return UNTOLD
    if foot[first] == UNTOLD or foot[after[0]] != -foot[first]:
        return UNTOLD
    if first == 0:
        seen = stood or contact[first] < up_s + UP_S
    else:
        seen = first >= 2 and _drawn_up(contact[first - 2 : first], foot[first - 2 : first])
    return int(foot[run[0]]) if seen else UNTOLD


def _drawn_up(contact: np.ndarray, foot: np.ndarray) -> bool:
    """Whether two contacts are those of both feet, one right after the other."""
    return bool(np.diff(contact)[0] < TOGETHER_S and foot[0] == -foot[1] != UNTOLD)


def _lower(soles: np.ndarray, column: np.ndarray) -> float:
    """By how many px the second of three feet stands lower than the others; NaN where its sole has
    not their shape."""
    share = (column[1] - column[0]) / (column[2] - column[0])
    apart = soles[1] - (1.0 - share) * soles[0] - share * soles[2]
    apart = apart[np.isfinite(apart)]
    if len(apart) < COLUMNS:
        return float("nan")
    lower = float(np.median(apart))
    spread = 1.4826 * float(np.median(np.abs(apart - lower)))
    return lower if abs(lower) > APART_PX and spread < ALIKE * abs(lower) else float("nan")


def _lowest(soles: np.ndarray) -> np.ndarray:
    """(k,) px, where each sole touches the ground: the mean of its four lowest columns; NaN."""
    lowest = -np.sort(-soles, axis=1)[:, :4]  # NaN last
    return lowest.mean(axis=1)


def _by_level(column: np.ndarray, lowest: np.ndarray, foot: np.ndarray, apart: float) -> np.ndarray:
    """(k,) the foot whose level each stands on; UNTOLD between the levels, and off them.

    The levels are those of the feet that are told, half of `apart` (px) below and above a line: of
    median slope, after Theil (1950) and Sen (1968), so that one foot seen wrongly tilts nothing.
    """
    told = np.flatnonzero((foot != UNTOLD) & np.isfinite(lowest))
    if len(told) < 2:
        return np.full(len(foot), UNTOLD)
    line = lowest[told] - 0.5 * apart * foot[told]
    a, b = np.triu_indices(len(told), 1)
    slope = np.median((line[b] - line[a]) / (column[told[b]] - column[told[a]]))
    over = (lowest - slope * column - np.median(line - slope * column[told])) / apart
    return np.where(
        np.abs(np.abs(over) - 0.5) < LEVEL, np.sign(np.nan_to_num(over)), UNTOLD
    ).astype(int)
