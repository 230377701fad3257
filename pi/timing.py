"""When did it happen: first movement, getting up, splits, steps. Arrays in, numbers out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from .kinematics import NOTHING, Track, Value, value_at

GATE_M = 0.010
"""First visible movement: this much further from rest than any part was in the last still
second."""

CREEP_M_S = 0.05
"""Slower than this at the gate, the athlete crept into the start: no instant can be told."""


U_ONSET = 0.6
"""Of the way back from first movement to its onset: how much less, or more, it may have been."""

FOLLOWS_S, FOLLOWS = 0.3, 0.3
"""Within this time after first movement, this share of the body's parts has left its place."""


BORNE_OUT = 0.87
"""Of the farthest part's displacement, what one beside it shows: a window in a limb that turns
about its joint sees a seventh less a cell further in."""


STILL_M = 0.030
"""Who strays further than this from the mean place within that second was not still."""

REST_S, SHORTEST_REST_S = 1.0, 0.5

SPARSE = 3.5
"""Frame times without a picture, from which on one is missing for longer than one can be late."""

MISSING_S = 0.1
"""Who moves while no picture is taken for longer may be elsewhere, in another posture, when there
is one again: nothing can be followed across."""

MOSTLY = 0.65
"""Share of the parts that must be seen for the body to be called still."""


class Movement(NamedTuple):
    """The first visible movement that goes on into the start."""

    reaction: Value  # s after the signal; NaN with a reason
    onset: Value  # s, the same movement extrapolated back to its beginning
    speed: float  # m/s of the farthest parts at the gate
    sway_m: float  # how far any part strayed in the last still second
    rest: tuple[float, float]  # s, that second
    site: int  # the part that went first; -1 = none
    farthest: np.ndarray  # (k,) m, how far the farthest parts are
    reason: str  # why there is no reaction; "" when there is one
    parts: dict[str, float]  # s, what u is made of: displacement, frame time, hidden limb


def farthest(displacement: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """How far the farthest part is from rest in each picture, as far as the second bears it out.

    displacement : (k, m) m.   lost : (k, m) bool: there, the last known displacement holds on.
    One site may err; neighbours overlap, so that what really moves moves two of them, the second at
    least BORNE_OUT as far. NaN with fewer than two.
    """
    if displacement.shape[1] < 2:
        return np.full(len(displacement), np.nan)
    two = -np.partition(-_held(displacement, lost), 1, axis=1)[:, :2]
    return np.minimum(two[:, 0], two[:, 1] / BORNE_OUT)


def _held(displacement: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """(k, m) m, with the last known displacement where a part is lost."""
    known = np.where(lost, 0, np.arange(len(lost))[:, None])
    return np.take_along_axis(displacement, np.maximum.accumulate(known, axis=0), axis=0)


def _alone(
    time: np.ndarray,
    moved: np.ndarray,
    lost: np.ndarray,
    trusted: np.ndarray,
    crossing: float,
    gate: float,
) -> np.ndarray:
    """(m,) bool: the parts that went at `crossing` when the body did not follow; none when it did.

    A start takes the whole body along within FOLLOWS_S: what goes alone is somebody behind it, or
    a hand that scratches.
    """
    none = np.zeros(moved.shape[1], bool)
    later = int(np.searchsorted(time, crossing + FOLLOWS_S))
    if later >= len(time):
        return none
    held = _held(moved[: later + 1], lost[: later + 1]) > gate
    if held[-1, trusted].mean() >= FOLLOWS:
        return none
    went: np.ndarray = np.asarray(held[time[: later + 1] >= crossing].any(axis=0))
    return went & trusted


def first_movement(
    time: np.ndarray,
    vector: np.ndarray,
    lost: np.ndarray,
    *,
    left_s: float,
    waited_s: float = 0.0,
    grip: np.ndarray | None = None,
    unsteady: np.ndarray | None = None,
    row_s: np.ndarray | None = None,
    gate_m: float = GATE_M,
    u_displacement_m: float = 0.0035,
) -> Movement:
    """First visible movement: when the body is `gate_m` beyond its sway, and does not come back.

    time : (k,) s after the signal.   vector : (k, m, 2) m, displacement of m parts against any one
    picture of the hold.   lost : (k, m).   left_s : when the resting place was given up; from
    there the search goes back.   waited_s : so long before the signal somebody else had one, and
    may have run through the picture since: the still second may be half a second.   row_s : (m,) s,
    rolling shutter's delay of each part.   u_displacement_m : what is not known of the displacement
    at the gate.
    """
    k, m = len(time), vector.shape[1]
    nothing = np.full(k, np.nan)

    def none(reason: str, rest: tuple[float, float] = (np.nan, np.nan)) -> Movement:
        return Movement(NOTHING, NOTHING, np.nan, np.nan, rest, -1, nothing, reason, {})

    if m < 2 or k < 8:
        return none("too little of the athlete could be followed before the start")
    axes, error = _errors(m, k, grip, unsteady)
    step = float(np.median(np.diff(time)))
    rest_s = REST_S
    end = _still_until(time, vector, lost, step, rest_s)
    if waited_s and not np.isfinite(end):
        rest_s = SHORTEST_REST_S
        end = _still_until(time, vector, lost, step, rest_s)
    if not np.isfinite(end):
        return none("the athlete was not still for a second before")
    answer, creeps = none(""), False
    alone = np.zeros(m, bool)  # parts that went while the body stayed
    for _ in range(4):
        start = max(end - rest_s, float(time[0]))
        still = np.flatnonzero((time >= start - 1e-9) & (time <= end))
        if len(still) < 3 or end - start < SHORTEST_REST_S - 1e-9:
            return none("the recording begins less than half a second before", (start, end))
        moved, sway, trusted = _against_rest(vector, lost, still, axes, error, round(0.1 / step))
        if trusted.sum() < 2:
            return none("too little of the athlete could be followed before the start")
        trusted &= ~alone
        curve = farthest(moved[:, trusted], lost[:, trusted])
        gate = gate_m + sway
        launched = np.flatnonzero((curve > 0.05) & (time <= left_s + 0.6))
        launched = launched[time[launched] >= min(0.0, left_s) - 1.5]
        sustained = [i for i in launched if np.all(curve[i : i + max(2, int(0.05 / step))] > gate)]
        if not sustained:
            return none("no movement of 50 mm was seen", (start, end))
        # back from the last time it was still at rest before the start was under way
        under_way = sustained[0]
        for i in sustained:
            if time[i] > left_s:
                break
            if np.any(curve[under_way:i] < gate):
                under_way = i
        back = np.flatnonzero(curve[:under_way] < gate)
        if len(back) == 0:
            return none("the athlete was already moving when the recording begins", (start, end))
        before = int(back[-1])
        low, high = float(curve[before]), float(min(curve[before + 1], 0.2))
        gap = float(time[before + 1] - time[before])  # more than a frame where pictures are missing
        sparse = gap > SPARSE * step  # then it was at any time in it
        share = 0.5 if sparse else (gate - low) / max(high - low, 1e-6)
        crossing = float(time[before] + share * gap)
        others = _alone(time, moved, lost, trusted, crossing, gate)
        if others.any() and (trusted & ~others).sum() >= 2:
            alone |= others
            continue
        speed = _speed(time, curve, before, gate)
        creeps = _approach(time, curve, crossing, max(step, gap)) < CREEP_M_S
        ranked = np.where(lost[before + 1], 0.0, moved[before + 1])
        site = int(np.flatnonzero(trusted)[np.argmax(ranked[trusted])])
        if row_s is not None:
            crossing += float(row_s[site])
        parts = {
            "displacement": u_displacement_m / max(speed, 1e-3),
            "frame time": gap / np.sqrt(12.0 if sparse else 24.0),
        }
        vanished = _vanished(time, lost[:, trusted], before)
        if vanished < time[before]:
            # perhaps a limb that went faster than it could be followed: then it was then
            parts["hidden limb"] = 0.5 * (crossing - vanished)
        u = float(np.sqrt(sum(part**2 for part in parts.values())))
        onset = _onset(time, curve, before, sway)
        answer = Movement(
            Value(crossing, u),
            Value(onset, float(np.hypot(u, U_ONSET * (crossing - onset)))),
            speed,
            sway,
            (start, end),
            site,
            curve,
            "",
            parts,
        )
        began = min(crossing, onset)
        if began > end - 2 * step or end <= time[0] + 0.3:
            break
        end = began - 0.05
    if _unseen_s(time, before, step) > MISSING_S:
        why = "pictures are missing where the movement began"
        return answer._replace(reaction=NOTHING, onset=NOTHING, reason=why)
    if creeps or answer.speed < CREEP_M_S:
        answer = answer._replace(reaction=NOTHING, onset=NOTHING, reason="crept into the start")
    return answer


def _unseen_s(time: np.ndarray, before: int, step: float) -> float:
    """How long no picture was taken about when the movement began (s); 0 where none is missing.

    before : the last picture in which all seems at rest. What moved while nothing was seen, shortly
    before, may be lost since, and seem to rest.
    """
    first = int(np.searchsorted(time, time[before] - 0.3))
    longest = float(np.diff(time[max(first - 1, 0) : before + 2]).max())
    return longest if longest > SPARSE * step else 0.0


def _vanished(time: np.ndarray, lost: np.ndarray, before: int) -> float:
    """Since when three parts or more, calm until then, are lost until the rest of the body moves.

    lost : (k, m).   before : the last picture in which the parts that can be followed are at rest.
    NaN when there are no such parts, or for longer than 0.3 s.  A hand or a far foot that is all
    but hidden may go first, too fast or too small to be followed: nothing explains what is seen
    there.
    """
    first = int(np.searchsorted(time, time[before] - 0.3))
    gone = lost[first : before + 1]
    gone = gone[:, lost[:first].mean(axis=0) < 0.02] if first else gone[:, :0]
    # from each picture on: the share of pictures in which a part is lost
    after = np.cumsum(gone[::-1], axis=0)[::-1] / np.arange(len(gone), 0, -1)[:, None]
    together = (gone & (after >= 0.8)).sum(axis=1) >= 3
    if together[0] or not together.any():
        return float("nan")
    return float(time[first + int(np.argmax(together))])


def _still_until(
    time: np.ndarray, vector: np.ndarray, lost: np.ndarray, step: float, rest_s: float
) -> float:
    """The latest instant up to the signal that ends a still second, or rest_s; NaN when there is
    none.

    Still: nine parts in ten, of those that are seen all along, stray less than STILL_M from their
    mean place; and most are seen (who passes behind hides some, who moves is lost as a whole).
    """
    begins = float(time[0])
    for end in np.arange(0.0, max(-1.5, begins + SHORTEST_REST_S) - 1e-9, -max(0.05, step)):
        inside = (time >= max(end - rest_s, begins) - 1e-9) & (time <= end + 1e-9)
        if inside.sum() < 3:
            break
        part = vector[inside]
        strayed = np.hypot(*np.moveaxis(part - part.mean(axis=0), -1, 0)).max(axis=0)
        seen = lost[inside].mean(axis=0) < 0.1
        if seen.mean() >= MOSTLY and np.mean(strayed[seen] < STILL_M) >= 0.9:
            return float(end)
    return float("nan")


def _errors(
    m: int, k: int, grip: np.ndarray | None, unsteady: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """(m, 2, 2) directions of least and most grip of every part; (k, m, 2) m, the error along
    them."""
    if grip is None or unsteady is None:
        return np.broadcast_to(np.eye(2), (m, 2, 2)), np.zeros((k, m, 2))
    value, axes = np.linalg.eigh(grip)
    return axes, unsteady[:, None, None] / np.sqrt(np.maximum(value, 1e-6))[None]


def _against_rest(
    vector: np.ndarray,
    lost: np.ndarray,
    still: np.ndarray,
    axes: np.ndarray,
    error: np.ndarray,
    tenth: int,
) -> tuple[np.ndarray, float, np.ndarray]:
    """(k, m) distance of every part from its mean place in the still pictures; the sway; whom to
    trust.

    A part whose texture runs one way tells its displacement across it only: a direction that
    jitters beyond what is usual here is left out, and what the picture's own unsteadiness
    may feign is taken off the rest.   tenth : pictures in a tenth of a second.
    """
    apart = vector - vector[still].mean(axis=0)
    along = np.stack(
        [apart[..., 0] * axes[:, 0, j] + apart[..., 1] * axes[:, 1, j] for j in (0, 1)], axis=-1
    )
    # from one picture to the next: sway is slow, and no reason to leave a part out
    variance = np.mean(np.diff(along[still], axis=0) ** 2, axis=0) / 2.0
    usable = ~(lost[still].mean(axis=0) > 0.1)
    usual = float(np.sqrt(np.median(variance[usable].min(axis=1)))) if usable.any() else 0.0
    limit = max(2.5 * usual, 0.0003)
    along = np.sign(along) * np.maximum(np.abs(along) - error, 0.0)
    along[:, np.sqrt(variance) > limit] = 0.0
    moved = np.hypot(along[..., 0], along[..., 1])
    trusted = usable & (np.sqrt(variance.min(axis=1)) <= limit)
    # over a tenth of a second: noise of single pictures is not sway, which is slower
    calm = uniform_filter1d(along[still], max(3, tenth), axis=0, mode="nearest")
    calm = np.hypot(calm[..., 0], calm[..., 1])
    sway = float(np.sort(calm.max(axis=0)[trusted])[-2:].min()) if trusted.any() else np.nan
    return moved, sway, trusted


def _approach(time: np.ndarray, curve: np.ndarray, instant: float, step: float) -> float:
    """Slope (m/s) of the curve at an instant, over two frames to either side or 20 ms."""
    half = max(2 * step, 0.020)
    near = (time >= instant - half) & (time <= instant + half) & (curve < 0.2)
    if near.sum() < 2:
        return np.nan
    return float(np.polyfit(time[near] - instant, curve[near], 1)[0])


def _speed(time: np.ndarray, curve: np.ndarray, before: int, gate: float) -> float:
    """Speed (m/s) at the gate: a straight line through the pictures in which the curve is from 5 mm
    below it to 10 mm above, and one more to either side.

    before : the last picture below the gate.
    """
    first = before
    while first > 0 and curve[first - 1] < curve[first] and curve[first] > gate - 0.005:
        first -= 1
    last = before + 1
    while last < len(curve) - 1 and curve[last] < gate + 0.010 and curve[last + 1] > curve[last]:
        last += 1
    part = slice(first, last + 1)
    return float(np.polyfit(time[part] - time[before], np.minimum(curve[part], 0.2), 1)[0])


def _onset(time: np.ndarray, curve: np.ndarray, before: int, sway: float) -> float:
    """Where a movement that grows with the square of time left the sway: extrapolated, a model's
    answer."""
    stop = before + 1
    while stop < len(curve) - 1 and curve[stop] < 0.06 and curve[stop + 1] > curve[stop]:
        stop += 1
    begin = before
    while begin > 0 and curve[begin - 1] > 0.5 * sway and curve[begin - 1] < curve[begin]:
        begin -= 1
    part = slice(begin, stop + 1)
    # displacement beyond half the sway = c (t - t0)^2: its square root is a straight line
    root = np.sqrt(np.maximum(curve[part] - 0.5 * sway, 1e-6))
    if len(root) < 2:
        return float(time[before])
    slope, level = np.polyfit(time[part] - time[before], root, 1)
    if slope <= 0:
        return float(time[before])
    return float(time[before] - np.clip(level / slope, 0.0, 0.25))


def gets_up(
    time: np.ndarray, height: np.ndarray, running_height: float, *, held_s: float = 0.12
) -> float:
    """When the body first stands at 80 % of its running height and stays there; NaN when never.

    NaN also when it stood as high from the beginning: who starts standing does not get up.
    """
    up = np.where(np.isfinite(height), height, 0.0) >= 0.8 * running_height
    step = float(np.median(np.diff(time)))
    need = max(1, round(held_s / step))
    if len(up) < need or up[:need].all():
        return float("nan")
    run = np.convolve(up.astype(int), np.ones(need, int), "valid")
    rises = np.flatnonzero((run[1:] == need) & (run[:-1] < need)) + 1
    if len(rises) == 0:
        return float("nan")
    i = int(rises[0])
    low, high = height[i - 1], height[i]
    if not np.isfinite(low) or high <= low:
        return float(time[i])
    share = np.clip((high - 0.8 * running_height) / (high - low), 0, 1)
    return float(time[i] - share * (time[i] - time[i - 1]))


def splits(time: np.ndarray, distance: np.ndarray, gates: np.ndarray) -> np.ndarray:
    """Time at which distance first reaches each gate.

    time : (n,) s after the signal.   distance : (n,) m from the start line, NaN where not seen.
    gates : (k,) m.   Returns (k,) s, NaN for a gate never reached, or already passed when first
    seen.
    """
    out = np.full(len(gates), np.nan)
    seen = np.flatnonzero(np.isfinite(distance))
    if len(seen) < 2:
        return out
    for k, gate in enumerate(gates):
        beyond = seen[distance[seen] >= gate]
        if len(beyond) == 0 or beyond[0] == seen[0]:
            continue
        after = beyond[0]
        before = seen[np.searchsorted(seen, after) - 1]
        rise = distance[after] - distance[before]
        out[k] = time[before] + (gate - distance[before]) / rise * (time[after] - time[before])
    return out


def split_uncertainty(track: Track, instants: np.ndarray, u_x_m: float) -> np.ndarray:
    """(k,) s: what is not known of the position at each crossing, divided by the speed there."""
    out = np.full(len(instants), np.nan)
    for k, instant in enumerate(instants):
        speed = value_at(track.time, track.speed, instant)
        random = value_at(track.time, track.u_x, instant)
        if np.isfinite(speed) and speed > 0.1:
            out[k] = np.hypot(u_x_m, random) / speed
    return out
