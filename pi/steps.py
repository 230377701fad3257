"""Ground contacts of the feet, from where something comes to stand on the ground and leaves it
again. Arrays in, steps out."""

from __future__ import annotations

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
AIR_M = 0.010
"""A sole this far above where it stands is in the air."""
LANDS_M = 0.012
"""A foot that comes down may have landed this far above where it is to stand,"""
LANDED_M_S = 0.15
"""and has when it comes down no faster over two pictures."""
ROLL_M = 0.03
"""By as much the lowest part of a foot rises while it rolls over its toes, and slowly:"""
LEAVES_M_S = 0.5
"""a foot that leaves the ground rises faster."""
LATE_S = 0.06
"""Before toe-off: a foot stands on ball and toes."""
U_HEIGHT_M = 0.002
"""Of a sole's height: a third of a pixel at 150 px/m."""


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
        if len(np.unique(runs[foot, 0])) < 0.05 * metre:
            continue
        came = _arrival(runs[foot], max(2, round(0.03 / frame)))
        if came.min() <= begin + 1:
            continue
        step = _step(height, time, runs[foot], came, direction, metre)
        if step is not None:
            found.append(step)
    found.sort(key=lambda step: step.contact.value)
    return _forward(found, direction, px_per_m)


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
    together = stay[(stay[:, 1] >= came.min()) & (stay[:, 1] <= came.max())]
    left, right = int(stay[:, 0].min()), int(stay[:, 0].max()) + 1
    lowest = _lowest(_since_others(height[:, together[:, 0]], together[:, 1]))
    # a foot rolls off over its toes and leaves ahead
    ahead = round(0.1 * metre)
    wide = slice(max(left - (ahead if direction < 0 else 0), 0), right + ahead * (direction > 0))
    leaving = _lowest(height[:, wide])
    first, last = int(np.median(came)), int(stay[:, 2].max())
    middle = lowest[first : last + 1]
    middle = middle[np.isfinite(middle)]
    if len(middle) < 3:
        return None
    level = float(np.median(middle))
    frame = float(np.median(np.diff(time)))
    down = first + int(np.argmax(lowest[first:] < level + AIR_M))
    while down > 0 and lowest[down - 1] < level + LANDS_M:
        down -= 1
    # it has landed where it comes down no further, though it may sink in, or roll, later on
    while down < last and lowest[down] - lowest[down + 1 : down + 3].min() > 2 * LANDED_M_S * frame:
        down += 1
    contact = _touch(time[: down + 4], lowest[: down + 4], down - 1)
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
    toe_off = _touch(-time[part][::-1], leaving[part][::-1], after)
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


def _since_others(height: np.ndarray, came: np.ndarray) -> np.ndarray:
    """The heights (n, k) of some columns without what stood there before a foot came: a hand, say.

    came : (k,) the picture in which the foot was low in each.
    """
    own = height.copy()
    for column, start in enumerate(came):
        low = np.flatnonzero(own[:start, column] < BAND_M)
        if len(low):
            own[: low[-1] + 1, column] = np.nan
    return own


def _lowest(height: np.ndarray) -> np.ndarray:
    """(n,) the lowest of some columns; NaN where nothing is."""
    lowest = np.min(np.nan_to_num(height, nan=np.inf), axis=1)
    return np.where(np.isfinite(lowest), lowest, np.nan)


def _touch(time: np.ndarray, height: np.ndarray, last: int) -> Value:
    """When something that comes down reaches the level it stays on: (s, s).

    time, height : (n,) s and m, ending with two pictures or more of what is down.   last : the last
    picture in the air; -1 = there is none, and the first picture is told.

    The way down is v s + a s^2, s before the touch, neither v nor a negative: feet land at anything
    from softly to 2 m/s. The best touch in steps of half a millisecond; where no picture shows the
    way, the middle between the last in the air and the first on the ground.
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
    latest = min(time[last + 1], time[-1] - 0.5 * frame) + 1e-9
    touches = np.arange(time[last], latest, 0.0005)
    cost = np.empty(len(touches))
    for k, touch in enumerate(touches):
        s = np.maximum(touch - t, 0.0)
        design = np.stack([np.ones_like(s), -np.ones_like(s), s, s * s], axis=1) * weight[:, None]
        cost[k] = nnls(design, y * weight)[1] ** 2
    best = int(np.argmin(cost))
    # how far the touch may shift until the misfit has grown by one variance
    within = touches[cost <= cost[best] + max(cost[best] / max(len(t) - 4, 1), 1.0)]
    u = np.hypot(0.5 * float(np.ptp(within)), 0.35 * frame)
    return Value(float(touches[best]), float(u))


def _forward(found: list[Step], direction: int, px_per_m: float) -> list[Step]:
    """One step after the other in the direction of the run; two pieces of one foot become one."""
    steps: list[Step] = []
    for candidate in found:
        if steps:
            before = steps[-1]
            ahead = (candidate.column - before.column) * direction / px_per_m
            if abs(ahead) < 0.3 and candidate.contact.value < before.toe_off.value:
                lasts = max(before, candidate, key=lambda step: step.toe_off.value)
                steps[-1] = lasts._replace(contact=before.contact)
                continue
            if ahead < 0.2:
                continue
        steps.append(candidate)
    return steps
