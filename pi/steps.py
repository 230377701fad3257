"""Ground contacts of the feet, from where something comes to stand on the ground and leaves it
again. Arrays in, steps out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import median_filter
from scipy.optimize import nnls
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .kinematics import Value

STANDS_S = 0.06
"""A foot covers a place for longer; one that swings by covers each for a third of that."""
BAND_M = 0.04
"""What is nearer to the ground than this may be standing on it: a shoe's heel with the toe down."""
NEAR_M = 0.08
"""Below this the way of a foot down to the ground, and off it, is a parabola."""
FALLS_M_S = 4.0
"""No foot comes down faster."""
AIR_M = 0.010
"""A sole this far above where it stands is in the air."""
STILL_M = 0.003
"""A part of a sole that stands keeps its height to within this, or to five times the noise,"""
SETTLES_S = 0.03
"""for so long at least,"""
SAME_M = 0.010
"""and is then to within this where it will be half way through."""
LOWEST = 5
"""Columns: what a foot lands on first, the edge of a heel or the ball."""
ROLLS_M_S = 0.5
"""What a foot rolls over rises more slowly than this; under a foot that swings by it is gone."""
HEEL_S = 0.08
"""A heel lands no longer before the toes."""
LEAST_M = 0.07
"""What leaves less of the ground is no foot."""
ROLL_M = 0.03
"""By as much the lowest part of a foot rises while it rolls over its toes, and slowly:"""
LEAVES_M_S = 0.5
"""a foot that leaves the ground rises faster."""
LATE_S = 0.06
"""Before toe-off: a foot stands on ball and toes."""
U_HEIGHT_M = 0.002
"""Of a sole's height: a third of a pixel at 150 px/m."""
U_FRAME = 0.35
"""Pictures, at least, by which a contact is uncertain: soles are soft, and so is some ground."""


class Step(NamedTuple):
    """One contact of a foot with the ground."""

    contact: Value  # s
    toe_off: Value  # s
    column: float  # px of the full picture, middle of what touched the ground


def find_steps(
    soles: np.ndarray,
    time: np.ndarray,
    px_per_m: float,
    *,
    ground: np.ndarray,
    direction: int,
    upright: np.ndarray,
) -> list[Step]:
    """Contacts in order of time.

    soles : (n, w) px, lower edge of the lowest thing in every second column of the picture; NaN =
    nothing.   ground : (w,) the row of the running line there.   direction : +1 when the run goes
    to the right.   upright : (n,) bool, upright enough that what leaves the ground is a foot.

    Columns that something leaves together, once the body is upright, were a foot's: hands, knees
    and hips have left the ground by then. It came when the last large part of them became low: a
    foot may come to where a hand was. What was there from the first picture with anything in it
    was not seen to come. Height counts from where feet stand, which need not be on the line to the
    pixel.
    [] when nothing stands.
    """
    if len(soles) == 0:
        return []
    height = (ground - soles.astype(np.float32)) / px_per_m
    frame = float(np.median(np.diff(time)))
    need = max(3, int(np.ceil(STANDS_S / frame)))
    height -= _floor(height, need)
    looked = np.flatnonzero(np.isfinite(height).any(axis=1))
    if len(looked) == 0:
        return []
    begin = int(looked[0])
    runs = _runs(height < BAND_M, need)
    metre = 0.5 * px_per_m  # columns
    found = []
    runs = runs[upright[runs[:, 2]]]
    for foot in _departures(runs, max(2, round(0.03 / frame)), max(2, round(0.1 * metre))):
        columns = np.unique(runs[foot, 0])
        if len(columns) < LEAST_M * metre:
            continue
        if columns[0] == 0 or columns[-1] == height.shape[1] - 1:  # cut off by the picture's side
            continue
        came = _arrival(runs[foot], max(2, round(0.03 / frame)))
        if came.min() <= begin + 1:
            continue
        step = _step(height, time, runs[foot], came, direction, metre)
        if step is not None:
            found.append(step)
    found.sort(key=lambda step: step.contact.value)
    return _forward(found, direction, px_per_m)


def where_feet_stood(
    soles: np.ndarray, time: np.ndarray, stances: Sequence[tuple[float, float, float]]
) -> np.ndarray:
    """(k, 2) px, column and row of the soles in the middle of each stance that shows them.

    soles : (n, w) px, as for `find_steps`; the rows told are on from the same top.   stances :
    contact (s), toe-off (s), column (px of the full picture).
    """
    found = []
    for contact, toe_off, column in stances:
        middle = np.abs(time - 0.5 * (contact + toe_off)) < 0.25 * (toe_off - contact)
        at = round(0.5 * (column - 0.5))
        rows = soles[middle, max(at - 2, 0) : at + 3].astype(float)
        if np.isfinite(rows).any():
            found.append((column, float(np.nanmedian(rows))))
    return np.array(found).reshape(-1, 2)


def _floor(height: np.ndarray, need: int) -> float:
    """Height (m) over the running line at which things stand; 0 where nothing does."""
    still = median_filter(np.nan_to_num(height, nan=9.0), (2 * (need // 2) + 1, 1))
    at, edges = np.histogram(still, bins=np.arange(-0.15, 0.1501, 0.01))
    at = np.convolve(at, np.ones(3), "same")
    if not at.any():
        return 0.0
    best = edges[int(np.argmax(at))] + 0.005
    return float(np.median(still[np.abs(still - best) < 0.02]))


def _runs(low: np.ndarray, need: int) -> np.ndarray:
    """(k, 3) column, first and last picture of every stay of `need` pictures or more.

    A single picture without does not end a stay.
    """
    filled = low.copy()
    filled[1:-1] |= low[:-2] & low[2:]
    edge = np.diff(np.pad(filled, ((1, 1), (0, 0))).astype(np.int8), axis=0)
    column, first = np.nonzero(edge.T == 1)
    last = np.nonzero(edge.T == -1)[1] - 1
    return np.stack([column, first, last], axis=1)[last - first + 1 >= need]


def _departures(runs: np.ndarray, together: int, beside: int) -> list[np.ndarray]:
    """Indices of the runs that end together: no more than `together` pictures after one another,
    in columns no further apart than `beside`, for a shoe may be as grey as the lane in places."""
    if len(runs) == 0:
        return []
    near = np.abs(runs[:, None, 0] - runs[None, :, 0]) <= beside
    near &= np.abs(runs[:, None, 2] - runs[None, :, 2]) <= together
    a, b = np.nonzero(near)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=near.shape)
    count, label = connected_components(graph, directed=False)
    return [np.flatnonzero(label == i) for i in range(count)]


def _arrival(stay: np.ndarray, together: int) -> np.ndarray:
    """First pictures of the last large part of a foot's runs that begin together.

    stay : (k, 3) column, first and last picture. A quarter is large: toes come down late.
    """
    first = np.sort(stay[:, 1])
    many = np.searchsorted(first, first + together, "right") - np.arange(len(first))
    large = np.flatnonzero(many >= 0.25 * len(first))
    if len(large) == 0:
        return first
    close = large[first[large] >= first[large[-1]] - together]
    most = close[np.argmax(many[close])]
    return first[most : most + many[most]]


def _step(
    height: np.ndarray,
    time: np.ndarray,
    stay: np.ndarray,
    came: np.ndarray,
    direction: int,
    metre: float,
) -> Step | None:
    """The contact of one foot from the columns it left; None when it never quite stands.

    stay : (k, 3) column, first and last picture.   came : first pictures of those that it came to
    together.   metre : columns.
    """
    n = len(time)
    left, right = int(stay[:, 0].min()), int(stay[:, 0].max()) + 1
    # a foot rolls off over its toes and leaves ahead
    ahead = round(0.1 * metre)
    wide = slice(max(left - (ahead if direction < 0 else 0), 0), right + ahead * (direction > 0))
    leaving = _lowest(height[:, wide])
    landed = _landed(height, time, stay[stay[:, 1] >= came.min()])
    if landed is None:
        return None
    down, contact = landed
    last = int(stay[:, 2].max())
    stance = leaving[down : last + 1]
    level = float(np.median(stance[np.isfinite(stance)]))
    frame = float(np.median(np.diff(time)))
    off = last
    while off > down and not leaving[off] < level + AIR_M:
        off -= 1
    # over the ball of the foot and on to the toes: what it stands on becomes higher, but not fast
    clear = off + 1
    while clear < n and leaving[clear] < level + ROLL_M:
        if leaving[clear] < leaving[clear - 1] + LEAVES_M_S * frame:
            off = clear
        clear += 1
    part = slice(max(off - 1, down), min(off + 7, n))
    after = len(leaving[part]) - (off + 1 - part.start) - 1
    toe_off = _touch(-time[part][::-1], leaving[part][::-1], after, 1)
    toe_off = toe_off._replace(value=-toe_off.value)
    if not toe_off.value - contact.value > STANDS_S:
        return None
    column = left + _forefoot(height[:, left:right], time, contact.value, toe_off.value)
    return Step(contact, toe_off, 2.0 * column + 0.5)


def _forefoot(height: np.ndarray, time: np.ndarray, contact_s: float, toe_off_s: float) -> float:
    """Column, among those given, on which a foot stands last: its heel has left the ground by then.

    That is the same part of every foot, whether it lands on its heel, flat or on its toes.
    """
    late = max(0.5 * (contact_s + toe_off_s), toe_off_s - LATE_S)
    stands = (time >= late) & (time <= toe_off_s)
    if not stands.any():
        stands[np.argmin(np.abs(time - late))] = True
    over = np.median(np.nan_to_num(height[stands], nan=9.0), axis=0)
    touches = np.clip(1.0 - (over - over.min()) / 0.015, 0.0, None)
    return float((touches * np.arange(len(over))).sum() / touches.sum())


def _landed(height: np.ndarray, time: np.ndarray, stay: np.ndarray) -> tuple[int, Value] | None:
    """First picture in which a foot stands, and when it came to stand; None when it never does.

    height : (n, w) m.   stay : (k, 3) column, first and last picture of what is low there.
    """
    begin, last = int(stay[:, 1].min()), int(stay[:, 2].max())
    column = stay[:, 0]
    picture = np.arange(begin, last + 1)[:, None]
    inside = (picture >= stay[:, 1]) & (picture <= stay[:, 2])
    own = np.where(inside, height[begin : last + 1, column], np.nan)
    frame = float(np.median(np.diff(time)))
    need = max(2, round(SETTLES_S / frame))
    found = _stands(own, frame, need)
    if found is None:
        return None
    down, sole, least = begin + found[0], column[found[1]], found[2]
    over = height[:, sole] - np.median(height[down : down + need + 1, sole], axis=0)
    # a foot that has not come over a column yet is far from where it will stand
    shown = np.isfinite(over).mean(axis=1) >= 0.5
    way = np.full(len(time), np.nan)
    way[shown] = np.nanmedian(over[shown], axis=1)
    while down > begin and way[down - 1] < least:  # no higher before than where it stands
        down -= 1
    near = (way[max(down - 2, 0) : down] < NEAR_M).any()
    if down > 0 and not near and 2.0 * FALLS_M_S * frame < NEAR_M:
        return None  # it did not come down: it was not told from the ground before
    return down, _touch(time[: down + 4], way[: down + 4], down - 1, 2)


def _stands(own: np.ndarray, frame: float, need: int) -> tuple[int, np.ndarray, float] | None:
    """The first picture in which a foot stands, (k,) bool, the columns it stands on, and what in
    their heights is noise (m); or None.

    own : (m, k) m, heights of what is the foot's, NaN elsewhere.   frame : s.   need : pictures.

    Every part of a sole that stands keeps its height, to a millimetre or two; while a foot comes
    down, or swings by low over the ground, none does for long. So it stands when a third of it
    keeps its height for the next pictures; or when the lowest of it, which a foot may roll over,
    falls no further and does not go away. Both as high as where the foot is half way through.
    """
    if len(own) <= need:
        return None
    filled = np.nan_to_num(own, nan=9.0)
    third = max(1, (len(own) - 1) // 3)
    half_way = own[third : 2 * third + 1].copy()
    half_way[:, np.isnan(half_way).all(axis=0)] = 9.0
    stance = np.nanmedian(half_way, axis=0)
    changes = np.abs(np.diff(half_way, axis=0))
    known = changes[np.isfinite(changes)]
    noise = 0.75 * float(np.median(known)) if len(known) else 0.0
    least = float(np.clip(5.0 * noise, STILL_M, BAND_M / 2))
    ahead = np.lib.stride_tricks.sliding_window_view(filled, need + 1, axis=0)
    now = ahead[..., 0]
    apart = np.abs(now - stance)
    still = (np.ptp(ahead, axis=-1) < least) & (apart < SAME_M)

    lowest = np.argsort(now, axis=1)[:, :LOWEST]

    def of_lowest(each: np.ndarray) -> np.ndarray:
        return np.median(np.take_along_axis(each, lowest, axis=1), axis=1)

    moves = np.stack([of_lowest(step) for step in np.moveaxis(np.abs(np.diff(ahead)), -1, 0)])
    stands = (
        (of_lowest(now - ahead.min(axis=-1)) < least)
        & (of_lowest(ahead.max(axis=-1) - now) < SAME_M)
        & (of_lowest(apart) < SAME_M)
        & (moves.max(axis=0) < max(ROLLS_M_S * frame, least))
    ) | (still.sum(axis=1) >= max(3, own.shape[1] // 3))
    if not stands.any():
        return None
    down = int(np.argmax(stands))
    return down, now[down] < of_lowest(now)[down] + SAME_M, least


def _lowest(height: np.ndarray) -> np.ndarray:
    """(n,) the lowest of some columns; NaN where nothing is."""
    lowest = np.min(np.nan_to_num(height, nan=np.inf), axis=1)
    return np.where(np.isfinite(lowest), lowest, np.nan)


def _touch(time: np.ndarray, height: np.ndarray, last: int, within: int) -> Value:
    """When something that comes down reaches the level it stays on: (s, s).

    time, height : (n,) s and m, ending with two pictures or more of what is down.   last : the last
    picture in the air; -1 = there is none, and the first picture is told.

    The way down is v s + a s^2, s before the touch, neither v nor a negative: feet land at anything
    from softly to 4 m/s. The mean of the touches that fit, by steps of half a millisecond; where no
    picture shows the way, the middle between the last in the air and the first on the ground.
    """
    frame = float(np.median(np.diff(time)))
    if last < 0:
        return Value(float(time[0]), frame)
    standing = height[last + 1 : last + 4]
    if not np.isfinite(standing).any():
        return Value(float(time[last]), frame)
    over = height - np.nanmedian(standing)
    if not over[last] < NEAR_M:
        between = time[last + 1] + time[last]
        return Value(float(between) / 2, frame / np.sqrt(12.0))
    first = last
    while (
        first > max(last - 4, 0)
        and over[first - 1] < NEAR_M
        and over[first - 1] > over[first] - 0.004
    ):
        first -= 1
    shown = first + np.flatnonzero(np.isfinite(over[first:]))
    t, y = time[shown], over[shown]
    weight = 1.0 / (U_HEIGHT_M + 0.1 * np.clip(y, 0.0, None))
    latest = min(time[min(last + within, len(time) - 1)], time[-1] - 0.5 * frame) + 1e-9
    touches = np.arange(time[last], latest, 0.0005)
    cost = np.empty(len(touches))
    for k, touch in enumerate(touches):
        s = np.maximum(touch - t, 0.0)
        design = np.stack([np.ones_like(s), -np.ones_like(s), s, s * s], axis=1) * weight[:, None]
        cost[k] = nnls(design, y * weight)[1] ** 2
    # as likely as they fit: where one picture alone shows the way, nearly all fit alike
    least = float(cost.min())
    likely = np.exp(-0.5 * (cost - least) / max(least / max(len(t) - 4, 1), 1.0))
    likely /= likely.sum()
    touch = float(likely @ touches)
    spread = float(np.sqrt(likely @ (touches - touch) ** 2))
    return Value(touch, float(np.hypot(spread, U_FRAME * frame)))


def _forward(found: list[Step], direction: int, px_per_m: float) -> list[Step]:
    """One step after the other in the direction of the run; two pieces of one foot become one."""
    steps: list[Step] = []
    for candidate in found:
        if steps:
            before = steps[-1]
            ahead = (candidate.column - before.column) * direction / px_per_m
            if abs(ahead) < 0.2 and candidate.contact.value < before.toe_off.value:
                # heel and toe of one foot; what was there much earlier was something else
                lasts = max(before, candidate, key=lambda step: step.toe_off.value)
                if lasts.contact.value - before.contact.value < HEEL_S:
                    lasts = lasts._replace(contact=before.contact)
                steps[-1] = lasts
                continue
            if ahead < 0.2:
                continue
        steps.append(candidate)
    return steps
