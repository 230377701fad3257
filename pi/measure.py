"""From what was seen to what is told: the numbers of one rep, each with its uncertainty or its
reason.

Pure: observations, running line and what was given go in, the result object comes out.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

from . import kinematics, legs, timing, vision
from .calibration import TORSO_M, RunningLine
from .kinematics import NOTHING, Track, Value
from .observations import Observations
from .starts import WENT_BACK
from .steps import Step, find_steps
from .uncertainty import combined, listed

ALGORITHM = "tiles-4"
GATES_M = (1.0, 2.5, 5.0, 10.0)
EARLY_S = 0.100
SHAPES = {
    "standing": (0.82, 0.2, 0.85, 0.40),
    "plank": (0.48, 0.1, 2.20, 0.25),
    "lying": (0.18, 0.1, 6.00, 0.35),
}
"""A resting body's height in running heights, and its length over its height, each with how much
it varies (of the second, its logarithm): who crouches is as low as a plank, but half as long."""
UNSEEN_S = 0.3
"""Whoever starts while no picture is taken for longer may not be found again."""
RUN_M_S = 1.8
"""Slower than this all along, it was a walk and not a start."""
RUNNING_HEIGHT = 0.94
"""Height of the silhouette in full stride, as a part of stature: trunk leant, knees bent."""
U_SURFACE = (0.002, 0.43)
"""How far the parts that are followed may be from those that went farthest, in metres: of cloth and
skin over joints, and in px of the full picture, as wide as the window is that follows them."""
U_PIXEL = 0.4
"""How well a displacement is followed, in px of the full picture."""
U_TORSO_M = ((0.30, 0.50, 0.65, 0.80, 0.88, 0.95), (0.19, 0.11, 0.10, 0.08, 0.06, 0.02))
"""What a silhouette does not know of hips and neck (m), by its height in running heights: the
middle of an upright body is its torso's, a rising one hides it between arms and thighs."""
U_SCALE = 0.003
"""Nobody runs on a line: 3 cm nearer at 9 m."""
U_SPEED_M_S = 0.12
"""What swinging limbs lend the trunk in a silhouette, m/s: its standard uncertainty."""
U_UP_S = 0.018
"""How well "80 % of the running height" is seen, s: a head's height wavers by 2 cm in 1 m/s."""
U_SOUND = 0.05
"""How well the way of the sound is known: its distance to 5 %, the temperature to 5 °C."""
TORSO_WINDOW_S = 0.03
TORSO_REACH_M = 0.25
"""The torso at first movement: what is so near to its middle, over so long to either side."""
U_START_M_S = 0.08
"""Of the torso's speed at first movement."""
U_MODEL = {"mss": 0.02, "mac": 0.05, "tau": 0.06}
"""No runner is an exponential: steps, arms and getting up are in the track too. Relative."""
PROFILE_VIEW_M = 8.0
ASTRAY_M = 0.12
EDGE_M = 0.2
"""Nearer to the side of the picture than this, what is cut of the body may change where its middle
seems."""
U_RISING_M_S = 0.4
"""By as much a torso that is not upright yet may be slower or faster than it seems: its standard
uncertainty."""
UPRIGHT, STILL_RISING = 0.75, 0.2
"""From this height on, in running heights, speed is the torso's; somebody is still rising where
more than this share of the smoothing window shows less."""
U_PLACE_M = 0.055
"""From the ball of a foot to the middle of what it stands on last, ball or toes."""
KNOWN = 0.08
"""Relative uncertainty up to which an acceleration is told: more would not rank anybody."""


class Given(NamedTuple):
    """What the recording does not show and somebody has to say."""

    source: str = "given"  # gpio | led | audio | given
    time_s: float = 0.0  # the signal's instant in the recording's own time
    hold_s: float | None = None
    u_go_s: float = 0.0  # of the signal's instant, where the timer gave it
    waited_s: float = 0.0  # for this signal, from the one that was for somebody else
    posture: str | None = None
    stature_m: float | None = None
    buzzer_distance_m: float = 0.0
    temperature_c: float = 20.0


def sound_delay(distance_m: float, temperature_c: float) -> float:
    """Time (s) that sound takes over a distance in dry air (Cramer 1993, J Acoust Soc Am 93:2510,
    to 0.1 %)."""
    return distance_m / (331.3 * math.sqrt(1.0 + temperature_c / 273.15))


class Ground(NamedTuple):
    """How pixels become metres in this rep."""

    line: RunningLine | None
    px_per_m: float
    u_scale: float  # relative
    rows: np.ndarray  # (w,) px of the full picture: the ground under every column of the small one
    direction: int
    view_m: float = float("nan")  # where the line leaves the picture ahead


def measure(seen: Observations, given: Given, line: RunningLine | None = None) -> dict[str, Any]:
    """The result object of one rep. Keys never disappear; what was not measured is None, with a
    reason."""
    told = _Told()
    result = _blank(seen.time, seen.dropped, seen.exposure_s, given)
    result["reasons"], result["warnings"] = told.reasons, told.warnings
    if seen.dropped:
        told.warnings.append(
            f"the camera dropped {seen.dropped} frames; times near them are less certain"
        )
    if _camera_moved(seen):
        return _ended(
            result, "not_measurable", told, "the camera moved or the picture changed as a whole"
        )
    if not np.isfinite(seen.left_s):
        if np.isfinite(seen.stirred_s) and seen.stirred_s > 0:
            told.warnings.append("something moved in the picture, but nobody left a resting place")
        return _without_a_start(result, told, seen, "nobody started after the signal")
    ground = _ground(seen, given, line, told)
    body = vision.body(seen.silhouettes, seen.factor, ground.rows)
    delay = sound_delay(given.buzzer_distance_m, given.temperature_c)
    result["capture"]["px_per_m"] = round(ground.px_per_m, 2)
    time = seen.look_time + np.nan_to_num(body.thickest[:, 1]) * seen.line_time_s
    whole = _in_view(seen, body, ground)
    x = _metres_along(body.thickest, seen, ground)
    trunk = _metres_along(body.trunk, seen, ground)
    rough = kinematics.smooth(time, np.where(whole, x, np.nan))
    first, last = _run(rough, seen, ground)
    if not last > first:
        return _without_a_start(result, told, seen, WENT_BACK)
    height = _height(body, ground)
    running_height = _running_height(rough, height, first, last)
    x = np.where(np.isfinite(trunk), trunk, x)
    share = np.nan_to_num(height / running_height)
    u_torso = np.where(np.isfinite(trunk), np.interp(share, *U_TORSO_M), U_TORSO_M[1][0])
    x = np.where(whole & ~_partly_hidden(time, x, share, body.area, first, last), x, np.nan)
    track = kinematics.bridged(time, x, weight=(U_TORSO_M[1][-1] / u_torso) ** 2)
    result["posture"] = _posture(seen, height, running_height, ground, given, told)

    surface = {
        "body surface": math.hypot(U_SURFACE[0], U_SURFACE[1] / ground.px_per_m),
        "pixel": U_PIXEL / ground.px_per_m,
        "scale": ground.u_scale * timing.GATE_M,
    }
    movement = timing.first_movement(
        seen.time[seen.followed],
        seen.displacement / ground.px_per_m,
        seen.lost,
        left_s=seen.left_s,
        waited_s=given.waited_s,
        grip=seen.grip * ground.px_per_m**2,
        unsteady=seen.unsteady,
        row_s=seen.site[:, 1] * seen.line_time_s,
        u_displacement_m=combined(surface),
    )
    if seen.rested[0] > 0:
        movement = movement._replace(reaction=NOTHING, onset=NOTHING, reason=_why_late(seen, given))
    moved_s = movement.reaction.value
    parts = _reaction_parts(movement, surface, seen, given, delay)
    reaction = Value(moved_s - delay, combined(parts) if np.isfinite(moved_s) else np.nan)
    onset = movement.onset._replace(value=movement.onset.value - delay)
    if movement.reason:
        told.reasons.append(f"reaction: {movement.reason}")
    else:
        back = {"extrapolation": float(np.sqrt(max(onset.u**2 - movement.reaction.u**2, 0.0)))}
        result["budget"]["reaction_s"] = listed(parts)
        result["budget"]["onset_s"] = listed(parts | back)
        onset = onset._replace(u=combined(parts | back))
    result["reaction_s"] = _value(reaction, 4)
    result["onset_s"] = _value(onset, 4)

    # from rest on: what somebody did before lying down is not getting up
    rising = time >= min(0.0, seen.left_s - 0.5) - 0.3
    up = timing.gets_up(time[rising], height[rising], running_height)
    if np.isfinite(up) and up > seen.left_s - 0.5:
        result["up_s"] = _value(Value(up, U_UP_S), 3)
        result["budget"]["up_s"] = listed({"running height": U_UP_S})
    else:
        told.reasons.append(
            "up_s: the body stood from the beginning, or never rose to running height"
        )

    seen_run = np.arange(len(time)) <= last
    tall = np.nan_to_num(height) >= 0.6 * running_height
    upright_now = np.interp(seen.time, seen.look_time, tall & seen_run, right=0.0) > 0.5
    metric = ground.line is not None
    columns = 2.0 * np.arange(seen.soles.shape[1]) + 0.5
    floor = ground.rows[0] if ground.line is None else ground.line.row(columns)
    floor = np.broadcast_to(floor - seen.soles_top, columns.shape)
    sole_time = seen.time + float(np.mean(ground.rows)) * seen.line_time_s
    steps = find_steps(
        seen.soles,
        sole_time,
        ground.px_per_m,
        ground=floor,
        direction=ground.direction,
        upright=upright_now,
    )
    soles = legs.soles_under(
        seen.soles, sole_time, steps, ground.px_per_m, ground=floor, direction=ground.direction
    )
    foot = legs.near_or_far(steps, soles)
    stood = result["posture"]["start"] == "standing"
    lead = legs.lead_foot(steps, foot, up_s=up, stood=stood)
    result["steps"] = [_step(*each, ground) for each in zip(steps, foot, strict=True)]
    result["lead_leg"] = _leg(lead, ground)
    if lead == legs.UNTOLD:
        told.reasons.append("lead_leg: the first step's foot was not told from the other one")
    if not steps:
        told.reasons.append("steps: no foot was seen to stand still on the ground")
    if metric:
        upright = np.clip((share - 0.6) / (UPRIGHT - 0.6), 0.0, 1.0)
        # the window looks as far ahead and back
        around = round(kinematics.HALFWIDTH_S / float(np.median(np.diff(time))))
        rising = np.abs(uniform_filter1d(1.0 - upright, 2 * around + 1, mode="nearest"))
        track = track._replace(u_speed=np.hypot(track.u_speed, U_RISING_M_S * np.sqrt(rising)))
        moves = Moves(moved_s, _torso_speed(seen, body, ground, moved_s), up, steps, rising)
        _metres(result, track, seen_run, moves, ground, height, u_torso, told)
    else:
        told.reasons.append(
            "metres: no cones were given, so that splits, speed and track are not known"
        )
    _status(result, reaction, told)
    return result


def _why_late(seen: Observations, given: Given) -> str:
    """Why the athlete is seen at rest only after the signal."""
    if given.waited_s:
        return "the athlete was not seen at rest once those who had gone before were away"
    step_s = np.diff(seen.time)
    begin = seen.time[:-1][step_s > timing.SPARSE * np.median(step_s)]
    if np.any((begin > -1.0) & (begin < seen.rested[0])):
        return "pictures are missing around the signal, where the movement would begin"
    return "the athlete came to rest only after the signal"


def _reaction_parts(
    movement: timing.Movement, surface: dict[str, float], seen: Observations, given: Given,
    delay: float,
) -> dict[str, float]:  # fmt: skip
    """s, what the uncertainty of the first movement is made of; {} when there is none."""
    if not movement.parts:
        return {}
    parts = dict(movement.parts)
    along = parts.pop("displacement") / combined(surface)
    parts |= {name: u_m * along for name, u_m in surface.items()}
    # anywhere within the exposure; a flash is seen somewhere within a picture's time
    parts["exposure"] = seen.exposure_s / np.sqrt(12.0)
    parts["sound"] = delay * U_SOUND
    parts["GO"] = given.u_go_s
    if given.source == "led":
        parts["signal"] = float(np.median(np.diff(seen.time))) / np.sqrt(12.0)
    return parts


class _Told:
    """Reasons for what is missing, warnings about what is there."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.warnings: list[str] = []


def _blank(time: np.ndarray, dropped: int, exposure_s: float, given: Given) -> dict[str, Any]:
    return {
        "status": "not_measurable",
        "reasons": [],
        "warnings": [],
        "capture": {
            "fps": round(float(1.0 / np.median(np.diff(time))), 3),
            "frames": len(time),
            "dropped": dropped,
            "exposure_s": exposure_s or None,
            "px_per_m": None,
        },
        "signal": {
            "time_s": round(given.time_s, 6),
            "hold_s": None if given.hold_s is None else round(given.hold_s, 4),
            "sound_delay_s": round(sound_delay(given.buzzer_distance_m, given.temperature_c), 5),
            "source": given.source,
        },
        "posture": {"start": None, "given": given.posture, "confidence": None},
        "reaction_s": _value(NOTHING),
        "onset_s": _value(NOTHING),
        "up_s": _value(NOTHING),
        "lead_leg": None,
        "steps": [],
        "splits": [
            {"metres": gate, "from_signal_s": None, "from_movement_s": None, "u": None}
            for gate in GATES_M
        ],
        "peak_speed": {"value": None, "u": None, "at_m": None},
        "mean_acceleration": {"first_second": _value(NOTHING), "three_steps": _value(NOTHING)},
        "profile": {
            "mss": _value(NOTHING), "mac": _value(NOTHING), "tau": _value(NOTHING),
            "starts_s": None,
        },
        "track": {
            "time_s": [], "x_m": [], "u_x_m": [], "speed_m_s": [], "u_speed_m_s": [],
            "height_m": [],
        },
        "budget": {
            "reaction_s": [], "onset_s": [], "up_s": [],
            "splits": {f"{gate:g}": [] for gate in GATES_M},
            "peak_speed": [],
            "mean_acceleration": {"first_second": [], "three_steps": []},
            "profile": {"mss": [], "mac": [], "tau": []},
        },
    }  # fmt: skip


def without_signal(
    time: np.ndarray, dropped: int, exposure_s: float, given: Given, reason: str
) -> dict[str, Any]:
    """The result object of a rep that was called back before any signal: no time has a meaning.

    time : (n,) s, of the pictures, n at least 2.
    """
    result = _blank(time, dropped, exposure_s, given)
    result["status"] = "false_start"
    result["reasons"].append(reason)
    return result


def _value(value: Value, digits: int = 3) -> dict[str, float | None]:
    if not np.isfinite(value.value):
        return {"value": None, "u": None}
    u = round(float(value.u), digits + 1) if np.isfinite(value.u) else None
    return {"value": round(float(value.value), digits), "u": u}


def _number(value: float, digits: int = 4) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def _ended(result: dict[str, Any], status: str, told: _Told, reason: str) -> dict[str, Any]:
    result["status"] = status
    told.reasons.append(reason)
    return result


def _without_a_start(
    result: dict[str, Any], told: _Told, seen: Observations, why: str
) -> dict[str, Any]:
    """Nobody started, as far as that can be known: while no picture is taken somebody may."""
    step_s = np.diff(seen.time[seen.time > -1.0])
    if step_s.max(initial=0.0) > UNSEEN_S:
        missing = "pictures are missing in which somebody may have started"
        return _ended(result, "not_measurable", told, missing)
    return _ended(result, "no_movement", told, why)


def _camera_moved(seen: Observations) -> bool:
    """The picture as a whole went further than a tripod shakes."""
    shake = np.hypot(*seen.shake.T)
    return bool(np.mean(shake > 2.2 * seen.factor) > 0.05)


def _ground(seen: Observations, given: Given, line: RunningLine | None, told: _Told) -> Ground:
    """The running line, or without one a level ground under the resting place and a scale from
    stature."""
    width = seen.silhouettes.shape[2]
    columns = (np.arange(width) + 0.5) * seen.factor - 0.5
    if line is not None:
        ahead = line.in_view(seen.size[0])[1]
        return Ground(line, line.px_per_m(0.0), U_SCALE, line.row(columns), line.direction, ahead)
    lowest = float(np.flatnonzero(seen.resting.any(axis=1))[-1])
    rows = np.full(width, (lowest + 1.0) * seen.factor - 0.5)
    body = vision.body(seen.silhouettes, seen.factor, rows)
    moves = body.thickest[:, 0][np.isfinite(body.thickest[:, 0]) & (seen.look_time > seen.left_s)]
    going = 1 if len(moves) < 2 or moves[-len(moves) // 4 :].mean() >= moves[0] else -1
    tall = float(np.nanquantile(rows[0] - body.top, 0.9))
    stature = given.stature_m or 1.7
    u_scale = 0.04 if given.stature_m else 0.08
    taken = f"no cones: the 10 mm are taken from a stature of {stature:.2f} m"
    if given.stature_m:
        told.warnings.append(f"{taken}, with {u_scale:.0%} uncertainty")
    else:
        told.warnings.append(f"{taken} that nobody gave, with {u_scale:.0%} uncertainty")
    return Ground(None, tall / (RUNNING_HEIGHT * stature), u_scale, rows, going)


def _metres_along(places: np.ndarray, seen: Observations, ground: Ground) -> np.ndarray:
    """(n,) m along the running line of (n, 2) column and row over it; without a line from the
    resting place, in the direction of the run."""
    column = places[:, 0]
    if ground.line is not None:
        return ground.line.metres(column, places[:, 1])
    rested = np.flatnonzero(seen.resting.any(axis=0))
    middle = (rested.mean() + 0.5) * seen.factor - 0.5
    return (column - middle) * ground.direction / ground.px_per_m


def _in_view(seen: Observations, body: vision.Body, ground: Ground) -> np.ndarray:
    """(n,) whether the torso was in view; nothing counts once the body began to leave where it
    runs to."""
    side = 1 if ground.direction > 0 else 0
    edge = seen.size[0] - 1 if side else 0
    near = np.abs(body.thickest[:, 0] - edge) < EDGE_M * ground.px_per_m
    leaving = body.cut[:, side] & near & (seen.look_time > seen.left_s)
    whole = np.isfinite(body.thickest[:, 0])
    if leaving.any():
        whole[int(np.argmax(leaving)) :] = False
    return whole


def _height(body: vision.Body, ground: Ground) -> np.ndarray:
    """(n,) m from the ground to the highest point of the body, single odd pictures smoothed
    away."""
    column = np.nan_to_num(body.thickest[:, 0])
    floor = ground.rows[0] if ground.line is None else ground.line.row(column)
    height = (floor - body.top) / ground.px_per_m
    seen = np.isfinite(height)
    height[seen] = median_filter(height[seen], 3, mode="nearest")
    return height


def _partly_hidden(
    time: np.ndarray,
    x: np.ndarray,
    share: np.ndarray,
    area: np.ndarray,
    first: int,
    last: int,
) -> np.ndarray:
    """(n,) bool: pictures of the run in which much of the body is hidden, or somebody else's.

    share : (n,) height in running heights.   A runner does not lie down on the way, nor become half
    as large, nor jump back and forth by ASTRAY_M about the way of a whole second.
    """
    hidden = np.zeros(len(time), bool)
    run = np.arange(first, last + 1)
    up = run[share[run] > 0.8]
    if len(up) < 8:
        return hidden
    since = np.arange(up[3], last + 1)
    usual = float(np.median(area[up]))
    hidden[since] = (share[since] < 0.65) | (area[since] < 0.45 * usual)
    for _ in range(3):
        there = np.where(hidden[since], np.nan, x[since])
        way = kinematics.smooth(time[since], there, halfwidth_s=0.5)
        off = np.abs(x[since] - way.x)
        # from the worst on: one stretch that is astray drags the way along
        worst = float(np.nanmax(off, initial=0.0, where=~hidden[since] & np.isfinite(off)))
        if worst < ASTRAY_M:
            break
        hidden[since] |= off > max(ASTRAY_M, 0.4 * worst)
    return hidden


def _run(track: Track, seen: Observations, ground: Ground) -> tuple[int, int]:
    """First and last sample of the way from the resting place out of the picture.

    Equal when it was no start: a start goes forward by 0.8 m and by more than half of what the
    resting body covered, faster than a walk, within 6 s of giving up the place.
    """
    left_s = seen.left_s
    known = np.flatnonzero(np.isfinite(track.x))
    if len(known) < 8:
        return 0, 0
    before = known[track.time[known] <= left_s]
    rest = float(np.median(track.x[before])) if len(before) else float(track.x[known[0]])
    after = known[(track.time[known] > left_s) & (track.time[known] < left_s + 6.0)]
    if len(after) < 4:
        return 0, 0
    covered = np.ptp(np.argwhere(seen.resting), axis=0).max() * seen.factor / ground.px_per_m
    ran = after[(track.speed[after] > RUN_M_S) & (track.x[after] > rest + 0.3)]
    if len(ran) < 4 or track.x[after].max() - rest < max(0.8, 0.6 * min(covered, 2.2)):
        return 0, 0
    return int(after[0]), int(after[-1])


def _running_height(track: Track, height: np.ndarray, first: int, last: int) -> float:
    """Median height (m) while running at three quarters of the peak speed or more."""
    span = np.arange(first, last + 1)
    span = span[track.time[span] <= track.time[last] - kinematics.HALFWIDTH_S]
    if len(span) == 0:
        return float(np.nanmedian(height[first:]))
    speed = np.nan_to_num(track.speed[span])
    fast = span[(speed >= 0.75 * np.quantile(speed, 0.98)) & np.isfinite(height[span])]
    return float(np.median(height[fast])) if len(fast) else float(np.nanmedian(height[first:]))


def _posture(
    seen: Observations,
    height: np.ndarray,
    running_height: float,
    ground: Ground,
    given: Given,
    told: _Told,
) -> dict[str, Any]:
    """Standing, plank or lying by height and length at rest; back or belly only from the drill that
    was asked for."""
    time = seen.look_time
    still = (time > min(0.0, seen.left_s - 0.5) - 1.0) & (time < min(0.0, seen.left_s - 0.3))
    still &= np.isfinite(height)
    if not still.any():
        return {"start": None, "given": given.posture, "confidence": None}
    tall = float(np.nanmedian(height[still])) * ground.px_per_m
    long = [np.ptp(np.flatnonzero(one.any(axis=0))) + 1 for one in seen.silhouettes[still]]
    shown = tall / (running_height * ground.px_per_m), np.median(long) * seen.factor / tall
    distance = {
        name: float(np.hypot((shown[0] - height) / u_height, np.log(shown[1] / aspect) / u_aspect))
        for name, (height, u_height, aspect, u_aspect) in SHAPES.items()
    }
    ranked = sorted(distance, key=lambda name: distance[name])
    start = ranked[0]
    confidence = float(
        np.clip(1.0 - distance[start] / (distance[start] + distance[ranked[1]]), 0.5, 0.99)
    )
    if start == "lying":
        start = given.posture if given.posture in ("supine", "prone") else "lying"
    elif given.posture not in (None, start):
        told.warnings.append(f"the drill was {given.posture}, but the picture shows {start}")
    return {"start": start, "given": given.posture, "confidence": round(confidence, 2)}


def _leg(foot: int, ground: Ground) -> str | None:
    """Who runs to the right shows the camera his right side."""
    if foot == legs.UNTOLD:
        return None
    return "right" if (foot == legs.NEAR) == (ground.direction > 0) else "left"


def _step(step: Step, foot: int, ground: Ground) -> dict[str, Any]:
    x = None if ground.line is None else _number(float(ground.line.metres(step.column)), 3)
    return {
        "contact_s": _number(step.contact.value), "u_contact_s": _number(step.contact.u),
        "toe_off_s": _number(step.toe_off.value), "u_toe_off_s": _number(step.toe_off.u),
        "x_m": x, "u_x_m": None if x is None else U_PLACE_M, "leg": _leg(foot, ground),
    }  # fmt: skip


class Moves(NamedTuple):
    """What is known of a start before metres come in."""

    moved_s: float  # first movement, on the pictures' clock
    speed: Value  # m/s, of the torso then
    up_s: float
    steps: list[Step]
    rising: np.ndarray  # (n,) how much of the smoothing window shows a body not upright yet


def _torso_speed(seen: Observations, body: vision.Body, ground: Ground, moved_s: float) -> Value:
    """Speed (m/s) of the torso at first movement, from the parts around its resting place; 0 where
    none is followed.

    Who stands may let himself fall forward before a foot leaves the ground.
    """
    time = seen.time[seen.followed]
    near_s = max(TORSO_WINDOW_S, 1.5 * float(np.median(np.diff(time))))
    during = np.abs(time - moved_s) <= near_s
    before = seen.look_time < min(moved_s, seen.left_s) - 0.1
    known = before & np.isfinite(body.thickest[:, 0])
    if during.sum() < 3 or not known.any():
        return Value(0.0, U_START_M_S)
    middle = np.where(np.isfinite(body.trunk), body.trunk, body.thickest)[known]
    apart = (seen.site - np.median(middle, axis=0)) / ground.px_per_m
    near = np.hypot(apart[:, 0], apart[:, 1]) < TORSO_REACH_M
    if near.sum() < 4:
        return Value(0.0, U_START_M_S)
    x = np.median(seen.displacement[during][:, near, 0], axis=1) * ground.direction
    speed = float(np.polyfit(time[during] - moved_s, x / ground.px_per_m, 1)[0])
    return Value(speed, U_START_M_S)


def _metres(
    result: dict[str, Any], track: Track, seen_run: np.ndarray, moves: Moves, ground: Ground,
    height: np.ndarray, u_torso: np.ndarray, told: _Told,
) -> None:  # fmt: skip
    """Splits, speed, acceleration, profile and track: what needs metres."""
    x = np.where(seen_run, track.x, np.nan)
    moved_s, steps = moves.moved_s, moves.steps
    gates = np.array(GATES_M)
    crossed = timing.splits(track.time, x, gates)
    assert ground.line is not None
    for k, gate in enumerate(GATES_M):
        place = {
            "body shape": kinematics.value_at(track.time, u_torso, float(crossed[k])),
            "scale": ground.u_scale * gate,
            "calibration": float(ground.line.u_at(gate)),
            "level": ground.line.u_level * TORSO_M,
        }
        u = timing.split_uncertainty(track, crossed[k : k + 1], combined(place))[0]
        result["splits"][k].update(
            from_signal_s=_number(crossed[k]),
            from_movement_s=_number(crossed[k] - moved_s),
            u=_number(u),
        )
        if np.isfinite(u):
            # u is all of it over the speed there; what is not of the place is the track's own
            there = kinematics.value_at(track.time, track.speed, float(crossed[k]))
            parts = {name: u_m / there for name, u_m in place.items()}
            parts["smoothing"] = float(np.sqrt(max(u**2 - combined(parts) ** 2, 0.0)))
            result["budget"]["splits"][f"{gate:g}"] = listed(parts)
        if not np.isfinite(crossed[k]):
            told.reasons.append(f"splits: {gate:g} m lies outside what the camera saw of the run")
    whole = np.flatnonzero(np.isfinite(x) & np.isfinite(track.speed) & seen_run)
    if len(whole) == 0:
        told.reasons.append("track: the torso was not seen long enough to tell a speed")
        return
    # a window that looks one way only tells little of speed
    sure = track.time <= track.time[whole[-1]] - 0.4 * kinematics.HALFWIDTH_S
    speed = np.where(sure & seen_run, track.speed, np.nan)
    whole = whole[sure[whole]]
    best = int(np.argmax(np.nan_to_num(speed)))
    fast = {
        "smoothing": float(track.u_speed[best]),
        "scale": ground.u_scale * float(speed[best]),
        "swinging limbs": U_SPEED_M_S,
        "end of view": _gained_unseen(track._replace(speed=speed), best, ground),
    }
    u_speed = combined(fast)
    result["budget"]["peak_speed"] = listed(fast)
    result["peak_speed"] = {
        "value": _number(speed[best], 3), "u": _number(u_speed), "at_m": _number(x[best], 2),
    }  # fmt: skip
    for name, span in (
        ("first_second", (moved_s, moved_s + 1.0)),
        ("three_steps", (moved_s, steps[2].toe_off.value) if len(steps) > 2 else (np.nan, np.nan)),
    ):
        mean = kinematics.mean_acceleration(track, *span, starts_m_s=moves.speed.value)
        lent = U_SPEED_M_S / (span[1] - span[0])
        gained = {
            "smoothing": mean.u,
            "scale": abs(ground.u_scale * mean.value),
            "swinging limbs": lent,
            "leaving": moves.speed.u / (span[1] - span[0]),
        }
        mean = mean._replace(u=combined(gained))
        if not np.isfinite(mean.value):
            told.reasons.append(
                f"mean_acceleration.{name}: its end was not in view, or no first movement seen"
            )
        elif mean.u > KNOWN * abs(mean.value):
            rising = kinematics.value_at(track.time, moves.rising, span[1]) > STILL_RISING
            why = (
                "at its end the body was still rising"
                if rising
                else (f"it is known to {100 * mean.u / abs(mean.value):.0f} % only")
            )
            told.reasons.append(f"mean_acceleration.{name}: {why}")
            mean = NOTHING
        result["mean_acceleration"][name] = _value(mean)
        result["budget"]["mean_acceleration"][name] = listed(gained)
    _profile(result, track._replace(x=x), moves.up_s, told)
    calibrated = np.nan_to_num(ground.line.u_at(track.x))
    u_x = np.sqrt(
        track.u_x**2 + u_torso**2 + (ground.u_scale * track.x) ** 2 + calibrated**2
        + (ground.line.u_level * TORSO_M) ** 2
    )  # fmt: skip
    result["track"] = {
        "time_s": [_number(v) for v in track.time[whole]],
        "x_m": [_number(v) for v in x[whole]],
        "u_x_m": [_number(v) for v in u_x[whole]],
        "speed_m_s": [_number(v, 3) for v in track.speed[whole]],
        "u_speed_m_s": [_number(v, 3) for v in np.hypot(track.u_speed, U_SPEED_M_S)[whole]],
        "height_m": [_number(v, 3) for v in height[whole]],
    }


def _gained_unseen(track: Track, best: int, ground: Ground) -> float:
    """Speed (m/s) still gained from the last that is told until the torso leaves the picture; 0
    where the fastest was before that."""
    known = np.flatnonzero(np.isfinite(track.speed))
    if best < known[-1] - 1 or ground.line is None:
        return 0.0
    lately = known[track.time[known] > track.time[best] - 0.5]
    if len(lately) < 4:
        return 0.0
    gains = float(np.polyfit(track.time[lately], track.speed[lately], 1)[0])
    left_m = max(ground.view_m - float(track.x[best]), 0.0)
    return max(gains, 0.0) * min(left_m / float(track.speed[best]), 0.3)


def _profile(result: dict[str, Any], track: Track, up: float, told: _Told) -> None:
    x = track.x
    running = np.isfinite(x) & (track.time > (up if np.isfinite(up) else 0.0)) & (track.speed > 1.0)
    far = float(np.ptp(x[running])) if running.any() else 0.0
    if far < PROFILE_VIEW_M:
        told.reasons.append(
            f"profile: {far:.1f} m of running in view; MSS and MAC take {PROFILE_VIEW_M:g} m"
        )
        return
    fit = kinematics.fit_profile(track.time[running], x[running])
    if not fit.mss.u <= 0.06 * fit.mss.value:
        told.reasons.append("profile: the fit does not settle on this track")
        return
    known = {"mss": fit.mss}
    unsure = math.hypot(fit.mac.u / fit.mac.value, U_MODEL["mac"])
    if unsure <= KNOWN:
        known |= {"mac": fit.mac, "tau": fit.tau}
    else:
        told.reasons.append(f"profile.mac: it is known to {100 * unsure:.0f} % only")
    for name, value in known.items():
        parts = {"smoothing": value.u, "model": U_MODEL[name] * value.value}
        if name != "tau":
            parts["scale"] = U_SCALE * value.value
        result["profile"][name] = _value(value._replace(u=combined(parts)))
        result["budget"]["profile"][name] = listed(parts)
    result["profile"]["starts_s"] = _number(fit.starts_s)


def _status(result: dict[str, Any], reaction: Value, told: _Told) -> None:
    if not np.isfinite(reaction.value):
        crept = any("crept" in reason for reason in told.reasons)
        result["status"] = "measured" if crept else "not_measurable"
        return
    for limit, below in ((0.0, "false_start"), (EARLY_S, "early")):
        if abs(reaction.value - limit) <= reaction.u:
            told.warnings.append(
                f"within {reaction.u:.3f} s of the limit at {limit:.1f} s: too close to call"
            )
        if reaction.value < limit:
            result["status"] = below
            return
    result["status"] = "measured"


def measure_movement(
    seen: Observations, given: Given, px_per_m: np.ndarray, u_scale: float, *, ran: bool, why: str
) -> dict[str, Any]:
    """The result object of a rep of which nothing but the first movement can be told.

    px_per_m : (m,) of every part that was followed, across the line of sight.   u_scale : of it,
    relative.   ran : whether who left the resting place went on into a run.   why : the reason
    for all that is missing.
    """
    told = _Told()
    result = _blank(seen.time, seen.dropped, seen.exposure_s, given)
    result["reasons"], result["warnings"] = told.reasons, told.warnings
    if _camera_moved(seen):
        return _ended(
            result, "not_measurable", told, "the camera moved or the picture changed as a whole"
        )
    if not np.isfinite(seen.left_s):
        return _without_a_start(result, told, seen, "nobody started after the signal")
    if not ran:
        return _without_a_start(result, told, seen, WENT_BACK)
    usual = float(np.median(px_per_m)) if len(px_per_m) else float("nan")
    result["capture"]["px_per_m"] = _number(usual, 2)
    surface = {
        "body surface": math.hypot(U_SURFACE[0], U_SURFACE[1] / usual),
        "pixel": U_PIXEL / usual, "scale": u_scale * timing.GATE_M,
    }  # fmt: skip
    movement = timing.first_movement(
        seen.time[seen.followed],
        seen.displacement / px_per_m[:, None],
        seen.lost,
        left_s=seen.left_s,
        waited_s=given.waited_s,
        grip=seen.grip * px_per_m[:, None, None] ** 2,
        unsteady=seen.unsteady,
        row_s=seen.site[:, 1] * seen.line_time_s,
        u_displacement_m=combined(surface),
    )
    if seen.rested[0] > 0:
        movement = movement._replace(reaction=NOTHING, onset=NOTHING, reason=_why_late(seen, given))
    delay = sound_delay(given.buzzer_distance_m, given.temperature_c)
    parts = _reaction_parts(movement, surface, seen, given, delay)
    moved_s = movement.reaction.value
    reaction = Value(moved_s - delay, combined(parts) if np.isfinite(moved_s) else np.nan)
    if movement.reason:
        told.reasons.append(f"reaction: {movement.reason}")
    else:
        onset = movement.onset
        back = {"extrapolation": float(np.sqrt(max(onset.u**2 - movement.reaction.u**2, 0.0)))}
        result["budget"]["reaction_s"] = listed(parts)
        result["budget"]["onset_s"] = listed(parts | back)
        result["onset_s"] = _value(Value(onset.value - delay, combined(parts | back)), 4)
    result["reaction_s"] = _value(reaction, 4)
    told.reasons += [f"{what}: {why}" for what in ("up_s", "steps", "metres", "splits")]
    _status(result, reaction, told)
    return result
