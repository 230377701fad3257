"""What really happened in a simulated start, in the words of a measured one.

Everything here is computed from the geometry that was drawn, by the same definitions that a
measurement has to meet; nothing is copied from what was asked for, except the sprint's own law.
"""

import numpy as np

from pi.simulate.body import COLUMN, HEEL_SOLE, JOINT, SOLE, TOE_SOLE, joints
from pi.simulate.motion import channels_at

GATE_M = 0.010
RUN_HEIGHT_SHARE = 0.8
TOUCHES_M = 0.001  # what is nearer to the ground than this is on it
SLIVER_M = 0.008  # what shows less than this beside a nearer limb is not seen to move


def surface(figure, positions, channels, clock):
    """Points on the outlines of all limbs.

    positions : (n, J, 3).    Returns (n, p, 2) m and (p,) the limb each belongs to.
    """
    side, wide = breadth(figure, channels, clock)
    out, owner = [], []
    for i, limb in enumerate(figure.limbs):
        a, b = positions[:, limb.a, :2], positions[:, limb.b, :2]
        along = (b - a) / limb.length_m
        distance = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
        across = np.stack([-along[:, 1], along[:, 0]], 1) * (-side * wide[:, i] / distance)[:, None]
        out.append(
            a[:, None]
            + limb.outline[None, :, :1] * along[:, None]
            + limb.outline[None, :, 1:] * across[:, None]
        )
        owner.append(np.full(len(limb.outline), i))
    return np.concatenate(out, 1), np.concatenate(owner)


def breadth(figure, channels, clock):
    """Which side the body shows and how wide cloth and breath make it: (n,) ±1, (n, limbs)."""
    side = np.where(np.cos(channels[:, COLUMN["turn"]]) >= 0, 1.0, -1.0)
    half_chest = 0.06 * figure.athlete.height_m * figure.athlete.stout
    breath = channels[:, COLUMN["breath"]] / half_chest
    flap = channels[:, COLUMN["flap"]]
    wide = np.ones((len(channels), len(figure.limbs)))
    for i, limb in enumerate(figure.limbs):
        if limb.flap:
            wide[:, i] += limb.flap * flap * np.sin(2 * np.pi * 4.3 * clock + i)
        if limb.group == "trunk":
            wide[:, i] += breath
    return side, wide


def visible(figure, points, owner, positions, view):
    """Which outline points stand clear of every nearer limb as the camera sees them: (p,) bool.

    points : (p, 2).    positions : (J, 3).
    """
    eye = np.array([0.5 * view.size[0] / view.px_per_m - view.behind_m, view.camera_height_m])

    def apparent(at, depth):
        return eye + (at - eye) * (view.distance_m / (view.distance_m + depth))[..., None]

    joint = apparent(positions[:, :2], positions[:, 2])
    depth = np.array([0.5 * (positions[x.a, 2] + positions[x.b, 2]) for x in figure.limbs])
    points = apparent(points, depth[owner])
    seen = np.ones(len(owner), bool)
    for i, limb in enumerate(figure.limbs):
        axis = joint[limb.b] - joint[limb.a]
        from_a = points - joint[limb.a]
        share = np.clip(from_a @ axis / max(float(axis @ axis), 1e-12), 0, 1)
        gap = np.linalg.norm(from_a - share[:, None] * axis, axis=1)
        radius = limb.radius_m[0] + (limb.radius_m[1] - limb.radius_m[0]) * share
        seen &= (owner >= i) | (gap > radius + SLIVER_M)
    return seen


def track_at(motion, time, onset_s, signal_s):
    """The torso's centre along the line and the body's highest point: x, top (n,) m."""
    position = joints(channels_at(motion, time - onset_s, time + signal_s), motion.athlete)
    x = 0.5 * (position[:, JOINT["hip"], 0] + position[:, JOINT["neck"], 0])
    crown = position[:, JOINT["crown"], 1] + 0.050 * motion.athlete.height_m
    return x, np.maximum(position[:, :, 1].max(1), crown)


def outlines(motion, figure, time, onset_s, signal_s):
    """The body's outlines at times after the signal: (n, p, 2) m, owners, joints (n, J, 3)."""
    clock = time + signal_s
    channels = channels_at(motion, time - onset_s, clock)
    positions = joints(channels, motion.athlete)
    points, owner = surface(figure, positions, channels, clock)
    return points, owner, positions


def first_movement(motion, figure, onset_s, signal_s, view, *, rate=1000):
    """When some visible part is further from its resting place than any was, by 5, 10, 20 mm.

    onset_s : s after the signal.    signal_s : the signal on the scene's clock.
    A part counts as visible when nothing nearer covers it at rest, from a camera at right
    angles.  Returns a dict: sway_m, passing
    times (s), speed, the part, and the displacement of the farthest visible point.
    """
    still = np.arange(min(0.0, onset_s) - 1.0, min(0.0, onset_s), 1 / 250)
    points, owner, positions = outlines(motion, figure, still, onset_s, signal_s)
    seen = visible(figure, points[-1], owner, positions[-1], view)
    rest = points[:, seen].mean(0)
    sway = float(np.linalg.norm(points[:, seen] - rest, axis=2).max())

    time = onset_s + np.arange(0, 0.9, 1 / rate)
    points = outlines(motion, figure, time, onset_s, signal_s)[0][:, seen]
    moved = np.linalg.norm(points - rest, axis=2)
    lasts = int(0.15 * rate)
    passed, part, speed = {}, None, np.nan
    for gate in (0.005, GATE_M, 0.020):
        beyond = moved > sway + gate
        count = np.cumsum(beyond, axis=0)
        stays = beyond[:-lasts] & (count[lasts:] - count[:-lasts] == lasts)  # does not come back
        hit = np.flatnonzero(stays.max(1))
        if not len(hit):
            passed[gate] = np.nan
            continue
        k = max(int(hit[0]), 1)
        p = np.flatnonzero(stays[k])[np.argmax(moved[k, stays[k]])]
        before, after = moved[k - 1, p], moved[k, p]
        share = np.clip((sway + gate - before) / max(after - before, 1e-9), 0, 1)
        passed[gate] = float(time[k - 1] + share / rate)
        if gate == GATE_M:
            part = figure.limbs[owner[seen][p]].name
            speed = float(np.linalg.norm(points[k + 1, p] - points[k - 1, p]) * rate / 2)
    return {
        "sway_m": sway, "passed": passed, "speed_m_s": speed, "part": part,
        "time_s": time, "farthest_m": moved.max(1),
    }  # fmt: skip


def what_happened(motion, figure, onset_s, *, signal_s, view, ending="start", until_s=6.0):
    """The truth of one rep, keys as in a result, times in s after the signal.

    onset_s : inf when nobody starts.    until_s : how long anything was recorded.
    """
    truth = {
        "status": "no_movement", "posture": motion.posture, "direction": view.direction,
        "reaction_s": None, "reaction_span_s": None, "onset_s": None, "up_s": None,
        "lead_leg": None, "steps": [],
        "splits": [], "peak_speed": None, "mean_acceleration": None, "profile": None,
        "height_m": motion.athlete.height_m, "first_part": None, "ending": ending,
    }  # fmt: skip
    rate = 500
    time = np.arange(max(-signal_s, -1.5), until_s, 1 / rate)
    x, top = track_at(motion, time, onset_s if np.isfinite(onset_s) else 1e9, signal_s)
    speed = np.gradient(x, time)
    half_view = 0.5 * view.size[0] / view.px_per_m
    inside = np.abs(x - (half_view - view.behind_m)) < half_view
    left = np.flatnonzero(~inside & (time > 0))
    end = int(left[0]) if len(left) else len(time)
    every = slice(0, end, 5)
    truth["track"] = {
        "time_s": time[every], "x_m": x[every], "speed_m_s": speed[every], "height_m": top[every],
    }  # fmt: skip
    if not np.isfinite(onset_s) or not motion.profile:
        return truth

    found = first_movement(motion, figure, onset_s, signal_s, view)
    moved = found["passed"][GATE_M]
    truth |= {
        "reaction_s": moved,
        "reaction_span_s": {f"{mm}mm": found["passed"][mm / 1000] for mm in (5, 10, 20)},
        "reaction_speed_m_s": found["speed_m_s"], "sway_m": found["sway_m"],
        "onset_s": float(onset_s), "first_part": found["part"],
        "displacement": {"time_s": found["time_s"], "farthest_m": found["farthest_m"]},
        "status": "false_start" if moved < 0 else "early" if moved < 0.1 else "measured",
    }  # fmt: skip
    time, x, speed, top = time[:end], x[:end], speed[:end], top[:end]
    truth["steps"] = steps_of(motion, onset_s, view, time[-1])
    ahead = truth["steps"][first_step(truth["steps"]) :]
    truth["lead_leg"] = ahead[0]["leg"] if ahead else None
    ran = x > 2.5
    if ran.sum() > 20:
        stood = np.flatnonzero((top >= RUN_HEIGHT_SHARE * np.median(top[ran])) & (time > moved))
        truth["up_s"] = float(time[stood[0]]) if len(stood) else None
    for metres in (1.0, 2.5, 5.0, 10.0):
        beyond = np.flatnonzero(x >= metres)
        if len(beyond) and beyond[0]:
            k = beyond[0]
            at = float(np.interp(metres, x[k - 1 : k + 1], time[k - 1 : k + 1]))
            truth["splits"].append(
                {"metres": metres, "from_signal_s": at, "from_movement_s": at - moved}
            )
    fastest = int(np.argmax(speed))
    truth["peak_speed"] = {"value": float(speed[fastest]), "at_m": float(x[fastest])}

    def gained(until):
        if until is None or until > time[-1]:
            return None
        return float(np.diff(np.interp([moved, until], time, speed))[0] / (until - moved))

    third = ahead[2:3]
    truth["mean_acceleration"] = {
        "first_second": gained(moved + 1.0),
        "three_steps": gained(third[0]["toe_off_s"] if third else None),
    }
    mss, tau, starts = motion.profile
    truth["profile"] = {
        "mss": mss, "mac": mss / tau, "tau": tau,
        "starts_s": float(onset_s + starts),
    }  # fmt: skip
    return truth


def steps_of(motion, onset_s, view, until_s):
    """Ground contacts after the first movement, of feet that came down somewhere new."""
    rested = {side: motion.table[0, COLUMN[f"ball_x_{side}"]] for side in ("near", "far")}
    far_edge = view.size[0] / view.px_per_m - view.behind_m
    names = (
        {"near": "right", "far": "left"} if view.direction > 0 else {"near": "left", "far": "right"}
    )
    steps = []
    for c in motion.contacts:
        if abs(c.x_m - rested[c.side]) <= 0.05 or c.x_m >= far_edge:
            continue
        contact_s, toe_off_s = touches(motion, c)
        if onset_s + toe_off_s < until_s:
            steps.append({
                "contact_s": float(onset_s + contact_s),
                "toe_off_s": float(onset_s + toe_off_s),
                "x_m": float(c.x_m),
                "leg": names[c.side],
                "ahead": bool(c.x_m > rested[c.side] + 0.05),
            })  # fmt: skip
    return steps


def touches(motion, contact, *, rate=1000):
    """From when to when any part of a shoe is on the ground: s after the onset.

    A foot comes down on its ball and leaves over its toes, which are on the ground a while longer.
    """
    time = np.arange(contact.contact_s - 0.05, contact.toe_off_s + 0.12, 1 / rate)
    position = joints(channels_at(motion, time, time), motion.athlete)
    soles = {"heel": HEEL_SOLE, "ball": SOLE, "toe": TOE_SOLE}
    lowest = np.min(
        [
            position[:, JOINT[f"{part}_{contact.side}"], 1] - half * motion.athlete.height_m
            for part, half in soles.items()
        ],
        axis=0,
    )
    on = lowest < TOUCHES_M
    middle = np.searchsorted(time, 0.5 * (contact.contact_s + contact.toe_off_s))
    before, after = np.flatnonzero(~on[:middle]), np.flatnonzero(~on[middle:])
    first = before[-1] + 1 if len(before) else 0
    last = middle + after[0] if len(after) else len(time) - 1
    return time[first], time[last]


def first_step(steps):
    """Index of the first contact of a foot in front of where it rested."""
    return next((i for i, step in enumerate(steps) if step["ahead"]), len(steps))
