"""What the figure does: lies or stands still, hears the signal, gets up, sprints away.

A motion is a table of the body's channels at 1 kHz from the onset of movement on, and the small
movements of waiting on top of it. Feet and hands that carry weight are pinned to the ground; limbs
follow by inverse kinematics. Times here are seconds after the onset unless they say otherwise.
"""

from typing import NamedTuple

import numpy as np

from pi.simulate.body import (
    ANKLE_BACK,
    ANKLE_UP,
    CHANNELS,
    COLUMN,
    SHANK,
    SHOULDER,
    SIDES,
    THIGH,
    TRUNK,
    UPPER_ARM,
    FOREARM,
    Athlete,
    joints,
)

RATE = 1000
POSTURES = ("supine", "prone", "plank", "standing")


class Contact(NamedTuple):
    """A foot on the ground: from, to, where its ball is."""

    side: str
    contact_s: float
    toe_off_s: float
    x_m: float


class Motion(NamedTuple):
    athlete: Athlete
    posture: str
    table: np.ndarray  # (n, C) channels at RATE, row 0 = the onset of movement
    sway: np.ndarray  # (k, 4) channel, amplitude, frequency, phase
    contacts: tuple  # Contact, times after the onset
    mss: float
    tau: float
    starts_s: float
    first: str  # the group of parts that moves first


def smooth(u):
    """0 to 1 with no speed and no acceleration at either end (minimum jerk)."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10 - 15 * u + 6 * u**2)


def monotone(time, keys):
    """Through the keys without overshoot (Fritsch & Carlson 1980), at rest at both ends.

    time : (n,) s.    keys : [(s, value), …].
    """
    at = np.array([k[0] for k in keys], float)
    value = np.array([k[1] for k in keys], float)
    if len(at) == 1:
        return np.full(np.shape(time), value[0])
    gap = np.diff(at)
    slope = np.diff(value) / gap
    tangent = np.zeros(len(at))
    inner = slope[:-1] * slope[1:] > 0
    w1, w2 = 2 * gap[1:] + gap[:-1], gap[1:] + 2 * gap[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        tangent[1:-1] = np.where(inner, (w1 + w2) / (w1 / slope[:-1] + w2 / slope[1:]), 0.0)
    time = np.clip(time, at[0], at[-1])
    i = np.clip(np.searchsorted(at, time, side="right") - 1, 0, len(gap) - 1)
    u = (time - at[i]) / gap[i]
    return (
        value[i] * (1 + 2 * u) * (1 - u) ** 2
        + gap[i] * tangent[i] * u * (1 - u) ** 2
        + value[i + 1] * u**2 * (3 - 2 * u)
        + gap[i] * tangent[i + 1] * u**2 * (u - 1)
    )


def sprint_distance(time, mss, tau, starts_s, ease_s=0.05):
    """Distance of a sprint whose acceleration begins at starts_s, eased in over a few hundredths."""
    run = time - starts_s
    run = np.where(run > 10 * ease_s, run, ease_s * np.log1p(np.exp(np.minimum(run / ease_s, 10))))
    return mss * (run - tau * (1 - np.exp(-run / tau)))


# ---------------------------------------------------------------------------------------------
# Resting postures and the way up from each. Lengths in body heights, times in seconds at tempo 1.


class Rise(NamedTuple):
    """A resting posture and the way from it to the first step."""

    keys: dict  # channel -> [(s, value)]; x is relative to where the torso rests
    feet: dict  # "lead" | "rear" -> [(from, to, x, y, pitch before, pitch after)]; to may be None
    hands: dict  # side -> [(from, to, x, y)] pinned on the ground, x relative to the torso's rest
    starts: float  # the sprint begins here
    turned: bool = False


def draw_rise(posture, athlete, random):
    """How this athlete lies or stands and gets up, in body heights relative to the torso's rest."""
    between = random.uniform
    half = 0.5 * TRUNK
    if posture == "standing":
        lean = between(0.5, 0.85)
        hip_y = between(0.445, 0.475)
        hip = -half * np.sin(lean)
        front = hip + between(0.12, 0.17)
        rear = front - between(0.18, 0.26)
        y = hip_y + half * np.cos(lean)
        dip = between(0.0, 0.02)
        keys = {
            "y": [(0, y), (0.14, y - dip), (0.45, 0.485 + half * np.cos(0.75))],
            "lean": [(0, lean), (0.22, max(lean, 0.75)), (0.5, 0.72)],
            "bulge": [(0, 0.015)],
            "head": [(0, -between(0.1, 0.6)), (0.3, -0.45), (0.6, -0.35)],
        }
        bent = between(1.0, 1.7)
        near_back = athlete.far_leads
        poses = {"near": (-0.5 if near_back else 0.7), "far": (0.7 if near_back else -0.5)}
        for side in SIDES:
            keys[f"arm_{side}"] = [(0, poses[side] + lean)]
            keys[f"elbow_{side}"] = [(0, bent)]
        return Rise(
            keys,
            {"lead": [(None, None, front, 0.0, 0.0)], "rear": [(None, 0.10, rear, 0.0, 0.45)]},
            {},
            between(0.0, 0.05),
        )
    if posture in ("plank", "prone", "supine_roll"):
        plank = posture == "plank"
        stout = athlete.stout
        tucked = between(1.15, 1.4)
        ankle = -ANKLE_BACK * np.array([np.cos(tucked), -np.sin(tucked)]) + ANKLE_UP * np.array(
            [np.sin(tucked), np.cos(tucked)]
        )
        if plank:
            shoulder_y = (UPPER_ARM + FOREARM) * 0.997 + 0.022
            tilt = np.arcsin((shoulder_y - ankle[1]) / (THIGH + SHANK + SHOULDER - 0.004))
            lean = np.pi / 2 - tilt
            hip_y = shoulder_y - SHOULDER * np.cos(lean)
        else:
            lean = np.pi / 2 - between(0.02, 0.07)
            hip_y = 0.066 * stout
        y = hip_y + half * np.cos(lean)
        hip = -half * np.sin(lean)
        leg = (THIGH + SHANK) * 0.996
        drop = hip_y - ankle[1]
        ball = hip - np.sqrt(leg**2 - drop**2) - ankle[0]
        shoulder = hip + SHOULDER * np.sin(lean)
        hand = shoulder + between(-0.01, 0.01)
        if not plank:
            hand = shoulder + (between(-0.12, -0.09) if random.uniform() < 0.6 else between(0.12, 0.16))
        late = 0.0 if plank else between(0.22, 0.34)  # the push-up before the plank
        # the step in, the drive
        step, land = late + between(0.03, 0.08), late + between(0.27, 0.34)
        off = late + between(0.22, 0.28)  # hands leave
        front = hip + between(0.19, 0.25)
        reared = np.pi / 2 - 0.42
        keys = {
            "y": [(0, y), (late + 0.28, 0.40 + half * np.cos(1.05)), (late + 0.62, 0.475 + half * np.cos(0.75))],
            "lean": [(0, lean), (late + 0.25, 1.08), (late + 0.6, 0.75)],
            "x": [(0, 0.0), (late + 0.3, between(0.02, 0.05))],
            "bulge": [(0, between(-0.005, 0.01)), (late + 0.3, 0.02), (late + 0.7, 0.01)],
            "head": [(0, -between(0.05, 0.5)), (late + 0.25, -0.6), (late + 0.8, -0.35)],
        }
        if not plank:
            keys["y"].insert(1, (late, 0.225 + half * np.cos(reared + 0.05)))
            keys["lean"].insert(1, (late, reared + 0.05))
        for side in SIDES:
            keys[f"arm_{side}"] = [(0, 1.2), (off, 0.9), (off + 0.2, 0.3)]
            keys[f"elbow_{side}"] = [(0, 1.2 if not plank else 0.1), (off, 0.5), (off + 0.2, 1.5)]
            if not plank:
                keys[f"splay_{side}"] = [(0, between(0.25, 0.5)), (late, 0.7), (off + 0.2, 1.0)]
        if posture != "supine_roll":
            return Rise(
                keys,
                {
                    "lead": [(None, step, ball, 0.0, tucked), (land, None, front, 0.0, 0.1)],
                    "rear": [(None, off + 0.04, ball, 0.0, tucked)],
                },
                {side: [(None, off + between(-0.02, 0.02), hand, 0.024)] for side in SIDES},
                late + between(0.12, 0.2),
            )
        roll = between(0.38, 0.5)
        moved = {name: [(0, k[0][1])] + [(t + roll * 0.8, v) for t, v in k] for name, k in keys.items()}
        moved["turn"] = [(0, np.pi), (roll, 0.0)]
        moved["head"] = [(0, between(-0.1, 0.2)), (roll, -0.3), (roll + late + 0.8, -0.35)]
        rolled_y = 0.066 * stout + half * np.cos(lean)
        moved["y"] = [(0, rolled_y), (0.5 * roll, rolled_y + 0.035)] + [
            (t + roll * 0.8, v) for t, v in keys["y"]
        ]
        for side in SIDES:
            moved[f"arm_{side}"] = [(0, between(0.0, 0.15)), (roll, 1.2)] + moved[f"arm_{side}"][3:]
            moved[f"elbow_{side}"] = [(0, between(0.1, 0.3)), (roll, 1.2)] + moved[f"elbow_{side}"][3:]
        shift = roll * 0.8
        return Rise(
            moved,
            {
                "lead": [(None, 0.05, ball, 0.09, tucked), (roll, step + shift, ball, 0.0, tucked),
                         (land + shift, None, front, 0.0, 0.1)],
                "rear": [(None, 0.05, ball, 0.09, tucked), (roll, off + 0.04 + shift, ball, 0.0, tucked)],
            },
            {side: [(roll, off + shift, hand, 0.024)] for side in SIDES},
            late + shift + between(0.12, 0.2),
            True,
        )  # fmt: skip
    # supine, feet towards the run: sit up, feet under, forward over the feet
    stout = athlete.stout
    lean = -np.pi / 2 + between(0.0, 0.05)
    hip = half  # hips ahead of the torso's centre
    y = 0.068 * stout + half * np.cos(lean)
    heel_up = -between(1.15, 1.5)
    leg = (THIGH + SHANK) * 0.985
    ball = hip + leg + 0.039
    sat, crouched = between(0.40, 0.50), between(0.66, 0.78)
    front, rear = hip + between(0.27, 0.32), hip + between(0.08, 0.15)
    hand_on, hand_off = sat - between(0.12, 0.2), sat + between(0.12, 0.2)
    keys = {
        "x": [(0, 0.0), (sat, half - 0.04), (crouched, half + 0.14 + half * np.sin(0.6)),
              (crouched + 0.3, half + 0.2 + half * np.sin(0.8))],
        "y": [(0, y), (sat, 0.09 + half), (crouched, 0.27 + half * np.cos(0.6)),
              (crouched + 0.42, 0.475 + half * np.cos(0.75))],
        "lean": [(0, lean), (sat, -0.05), (crouched, 0.75), (crouched + 0.4, 0.75)],
        "bulge": [(0, 0.0), (0.5 * sat, 0.05), (crouched, 0.04), (crouched + 0.4, 0.01)],
        "head": [(0, between(-0.1, 0.15)), (0.4 * sat, 0.45), (crouched, -0.3), (crouched + 0.5, -0.35)],
    }  # fmt: skip
    for side in SIDES:
        keys[f"arm_{side}"] = [(0, between(-0.1, 0.1)), (hand_off, -0.6), (hand_off + 0.3, 0.3)]
        keys[f"elbow_{side}"] = [(0, between(0.05, 0.3)), (hand_off, 0.3), (hand_off + 0.3, 1.5)]
    return Rise(
        keys,
        {
            "lead": [(None, between(0.06, 0.14), ball, 0.10, heel_up),
                     (sat + between(0.02, 0.08), None, front, 0.0, 0.1)],
            "rear": [(None, between(0.06, 0.14), ball, 0.10, heel_up),
                     (sat - between(0.0, 0.04), None, rear, 0.0, 0.35)],
        },
        {side: [(hand_on, hand_off, hip - between(0.12, 0.18), 0.024)] for side in SIDES},
        crouched - between(0.02, 0.1),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------


def swing(time, lift, land, start, end, height_m, first):
    """Way of a foot through the air: x, y of its ball and its pitch.

    start, end : (x, y, pitch).    first : the foot leaves a resting place, gently.
    """
    u = np.clip((time - lift) / (land - lift), 0.0, 1.0)
    x = start[0] + (end[0] - start[0]) * smooth(u)
    rise = (4 * u * (1 - u)) ** 2 if first else (4 * u * (1 - u)) ** 1.25
    y = start[1] + (end[1] - start[1]) * smooth(u) + height_m * rise
    tuck = 1.2 * height_m / 0.3
    pitch = start[2] + (end[2] - start[2]) * smooth(u) + tuck * np.sin(np.pi * smooth(u**0.8)) ** 2
    return x, y, pitch


def draw_motion(posture, athlete, random, *, start_x=None, duration_s=6.0):
    """One start of this athlete, from rest until they have run out of any view."""
    if posture not in POSTURES:
        raise ValueError(f"posture must be one of {', '.join(POSTURES)}, not {posture!r}")
    height, tempo = athlete.height_m, athlete.tempo
    kind = posture
    if posture == "supine" and random.uniform() < 0.5:
        kind = "supine_roll"
    rise = draw_rise(kind, athlete, random)
    if start_x is None:
        start_x = random.uniform(-0.3, 0.0)
    time = np.arange(int(duration_s * RATE) + 1) / RATE
    pace = tempo

    # who moves first: every other group lags a little, and each starts more or less abruptly
    groups = ["trunk", "head", "arm_near", "arm_far", "leg_near", "leg_far"]
    leading = {
        "standing": ["trunk", "arm_near", "head", "leg_rear"],
        "plank": ["trunk", "head", "leg_lead"],
        "prone": ["trunk", "head", "leg_lead"],
        "supine": ["trunk", "head", "arm_near", "leg_lead"],
        "supine_roll": ["trunk", "arm_near", "head"],
    }[kind]
    first = leading[random.integers(len(leading))]
    lead_side, rear_side = ("near", "far") if not athlete.far_leads else ("far", "near")
    first = first.replace("lead", lead_side).replace("rear", rear_side)
    clocks = {}
    for group in groups:
        lag = 0.0 if group == first else random.uniform(0.02, 0.09)
        soft = random.uniform(0.004, 0.05) * tempo
        since = np.maximum(time - lag * (1 - smooth(time / 0.45)), 0.0)
        clocks[group] = (since**2 / (since + soft)) / pace
    starts = rise.starts * pace + 0.02

    keys = rise.keys
    table = np.zeros((len(time), len(CHANNELS)))

    def fill(name, clock, scale=1.0):
        if name in keys:
            table[:, COLUMN[name]] = monotone(clock, keys[name]) * scale

    for name in ("x", "y"):
        fill(name, clocks["trunk"], height)
    for name in ("lean", "bulge", "turn"):
        fill(name, clocks["trunk"])
    fill("head", clocks["head"])
    for side in SIDES:
        table[:, COLUMN[f"splay_{side}"]] = 1.0
        for name in ("arm", "elbow", "splay"):
            fill(f"{name}_{side}", clocks[f"arm_{side}"])

    # the sprint on top of the way up
    distance = sprint_distance(time, athlete.mss, athlete.tau, starts)
    x = start_x + table[:, COLUMN["x"]] + distance
    lean = table[:, COLUMN["lean"]]
    upright = np.radians(random.uniform(5, 12))
    rested = max(key[0] for key in keys["lean"]) * pace
    later = np.maximum(time - rested, 0)
    lean = lean + (upright - lean) * (1 - np.exp(-later / random.uniform(0.9, 1.5)))
    hip_end = random.uniform(0.495, 0.512)
    hip_y = table[:, COLUMN["y"]] - 0.5 * TRUNK * height * np.cos(table[:, COLUMN["lean"]])
    hip_y = hip_y + (hip_end * height - hip_y) * smooth(later / 0.8)

    half = 0.5 * TRUNK * height
    hip_x = x - half * np.sin(lean)

    # feet: what the way up says, then the steps of the sprint
    reach = (THIGH + SHANK + np.hypot(ANKLE_BACK, ANKLE_UP)) * height
    feet = {}
    for role, side in (("lead", lead_side), ("rear", rear_side)):
        feet[side] = [
            [None if a is None else a * pace, None if b is None else b * pace,
             start_x + fx * height, fy * height, pitch]
            for a, b, fx, fy, pitch in rise.feet[role]
        ]  # fmt: skip
        if first == f"leg_{side}":
            feet[side][0][1] = 0.0
        elif feet[side][0][1] is not None:
            feet[side][0][1] = max(feet[side][0][1], 0.02)
    speed = np.gradient(distance, time)

    def leaves(side, since, share):
        """When a standing foot has to leave: the hip has gone too far ahead of it."""
        ahead = (hip_x - feet[side][-1][2]) / height
        gone = np.flatnonzero((ahead > share) & (time > since))
        return time[gone[0]] if len(gone) else time[-1]

    if feet[rear_side][-1][1] is None:
        since = feet[rear_side][-1][0] or 0.0
        feet[rear_side][-1][1] = leaves(rear_side, max(since, starts), 0.17)
    since = feet[lead_side][-1][0] or 0.0
    feet[lead_side][-1][1] = leaves(lead_side, max(since + 0.12, starts + 0.1), 0.30)
    scale = np.sqrt(height / 1.75)
    contact = feet[lead_side][-1][1] + 0.045 * scale
    contact = max(contact, feet[rear_side][-1][1] + 0.16)
    turn, k = rear_side, 0
    wanders = random.normal(0, 0.006, 64)
    while contact < time[-1] - 0.05:
        v = float(np.interp(contact, time, speed))
        fast = min(v, 9.5)
        stays = max(0.205 - 0.0115 * fast, 0.095) * scale * (1 + wanders[k % 64])
        flies = (0.042 + 0.0085 * fast) * scale * (1 + wanders[(k + 7) % 64] * 3)
        share = min(0.12 + 0.045 * k, 0.40)
        place = float(np.interp(contact + share * stays, time, hip_x))
        feet[turn].append([contact, contact + stays, place, 0.0, 0.12])
        contact += stays + flies
        turn, k = (lead_side if turn == rear_side else rear_side), k + 1

    contacts = []
    for side in SIDES:
        ball_x, ball_y, pitch = (np.zeros(len(time)) for _ in range(3))
        plan = feet[side]
        running = 0
        for i, (land, lift, place, up, angle) in enumerate(plan):
            lift = time[-1] + 1 if lift is None else lift
            land = -1.0 if land is None else land
            stand = (time >= land) & (time <= lift)
            sprint = i >= len(rise.feet["lead" if side == lead_side else "rear"])
            over = np.clip((time[stand] - land) / max(lift - land, 0.05), 0, 1)
            roll = (0.9 if sprint else 0.0) * over**3
            ball_x[stand], ball_y[stand], pitch[stand] = place, up, angle + roll
            if i + 1 < len(plan):
                after = plan[i + 1]
                air = (time > lift) & (time < after[0])
                begin = (place, up, angle + (0.9 if sprint else 0.0))
                if sprint:
                    running += 1
                    high = min(0.12 + 0.05 * running, 0.27) * height
                elif i + 1 >= len(rise.feet["lead" if side == lead_side else "rear"]):
                    high = 0.13 * height
                else:
                    high = (0.05 if kind != "supine_roll" or i else 0.02) * height
                ball_x[air], ball_y[air], pitch[air] = swing(
                    time[air], lift, after[0], begin, (after[2], after[3], after[4]), high, i == 0
                )
            if land > 0 and lift < time[-1]:
                contacts.append(Contact(side, land, lift, place))
        for name, column in (("ball_x", ball_x), ("ball_y", ball_y), ("pitch", pitch)):
            table[:, COLUMN[f"{name}_{side}"]] = column

    contacts.sort(key=lambda c: c.contact_s)
    steps = [c for c in contacts if c.contact_s > starts]

    # phase of the run: one unit per step, whole at each landing
    landed = np.array([feet[lead_side][-1][1] - 0.2] if not steps else [c.contact_s for c in steps])
    phase = np.interp(time, landed, np.arange(len(landed))) if len(landed) > 1 else np.zeros(len(time))
    after_first = smooth((time - landed[0]) / 0.3)
    step_s = float(np.median(np.diff(landed))) if len(landed) > 1 else 0.24
    ripple = random.uniform(0.02, 0.03) * speed * step_s / (2 * np.pi)
    x = x + after_first * ripple * np.sin(2 * np.pi * phase + 2.6)
    bob = random.uniform(0.010, 0.016) * height
    hip_y = hip_y - after_first * bob * np.cos(2 * np.pi * (phase - 0.28))
    hip_x = x - half * np.sin(lean)

    # the hip never floats higher than a standing leg can carry it
    for side in SIDES:
        for land, lift, place, up, _ in feet[side]:
            low = 0.0 if land is None else land
            high = time[-1] if lift is None else lift
            stand = (time >= low) & (time <= high)
            dx = hip_x[stand] - place
            limit = np.sqrt(np.maximum(reach**2 * 0.985 - dx**2, 0.04 * height**2)) + up
            hip_y[stand] = np.minimum(hip_y[stand], limit)
    hip_y = blurred(hip_y, 12)
    table[:, COLUMN["x"]], table[:, COLUMN["lean"]] = x, lean
    table[:, COLUMN["y"]] = hip_y + half * np.cos(lean)

    # arms: on the ground while they carry, then against the legs
    begin_swing = starts + 0.05
    if rise.hands:
        begin_swing = max(h[-1][1] for h in rise.hands.values()) * pace
    fade = smooth((time - begin_swing) / 0.35)
    turn_at = landed[0] if len(landed) > 1 else 1e9
    before = np.minimum(time - turn_at, 0) / 0.25  # counts steps before the first landing
    beat = np.where(time < turn_at, before, phase)
    for side in SIDES:
        opposite = 1 if (side == rear_side) else -1
        angle = 0.12 - opposite * 0.85 * np.cos(np.pi * (beat - 0.15))
        elbow = 1.6 - 0.35 * np.cos(np.pi * (beat - 0.15)) * opposite
        for name, column in (("arm", angle), ("elbow", elbow)):
            at = COLUMN[f"{name}_{side}"]
            table[:, at] = table[:, at] + fade * (column - table[:, at])
        table[:, COLUMN[f"splay_{side}"]] += fade * (1.0 - table[:, COLUMN[f"splay_{side}"]])
        for land, lift, place, up in rise.hands.get(side, []):
            on = 1.0 if land is None else smooth((time - (land * pace - 0.2)) / 0.2)
            pin = on * (1 - smooth((time - lift * pace) / 0.18))
            table[:, COLUMN[f"pin_{side}"]] = pin
            table[:, COLUMN[f"hand_x_{side}"]] = start_x + place * height
            table[:, COLUMN[f"hand_y_{side}"]] = up * height
    table[:, COLUMN["head"]] *= 1.0
    table[:, COLUMN["flap"]] = athlete.loose * np.clip(speed / 5, 0, 1)
    return Motion(
        athlete, posture, table, draw_sway(posture, athlete, random), tuple(contacts),
        athlete.mss, athlete.tau, starts, first,
    )  # fmt: skip


def blurred(signal, sd):
    """Smoothed by a Gaussian of sd samples, ends held."""
    n = int(4 * sd)
    kernel = np.exp(-0.5 * (np.arange(-n, n + 1) / sd) ** 2)
    return np.convolve(np.pad(signal, n, mode="edge"), kernel / kernel.sum(), mode="valid")


def draw_sway(posture, athlete, random):
    """The movements of waiting: breath, slow sway, tremor, as a sum of sines.

    Returns (k, 4): channel, amplitude, Hz, phase. Metres and radians.
    """
    waves = []

    def add(channel, amplitude, hertz):
        waves.append((COLUMN[channel], amplitude, hertz, random.uniform(0, 2 * np.pi)))

    breath = random.uniform(0.2, 0.4)
    add("breath", random.uniform(0.0007, 0.0016), breath)
    add("breath", random.uniform(0.0001, 0.0003), 2 * breath)
    if posture == "standing":
        for hertz in random.uniform(0.08, 0.7, 4):
            add("x", random.uniform(0.0003, 0.0011), hertz)
            add("lean", random.uniform(0.0005, 0.0020), hertz)
            add("y", random.uniform(0.0001, 0.0004), hertz)
        for side in SIDES:
            add(f"arm_{side}", random.uniform(0.001, 0.006), random.uniform(0.2, 1.0))
    elif posture == "plank":
        for hertz in random.uniform(0.2, 0.8, 2):
            add("y", random.uniform(0.0003, 0.0012), hertz)
            add("lean", random.uniform(0.0003, 0.0010), hertz)
        for hertz in random.uniform(4.0, 9.0, 2):
            add("y", random.uniform(0.00005, 0.00025), hertz)
        add("bulge", random.uniform(0.0002, 0.0006), breath)
    else:
        add("y", random.uniform(0.0001, 0.0003), breath)
    add("head", random.uniform(0.001, 0.006), random.uniform(0.1, 0.5))
    return np.array(waves)


def channels_at(motion, since_onset, clock):
    """The body's channels.

    since_onset : (n,) s, negative before the movement.    clock : (n,) s of any clock, for the sway.
    """
    since = np.atleast_1d(np.asarray(since_onset, float))
    clock = np.atleast_1d(np.asarray(clock, float))
    place = np.clip(since * RATE, 0, len(motion.table) - 1)
    low = np.minimum(place.astype(int), len(motion.table) - 2)
    share = (place - low)[:, None]
    channels = motion.table[low] * (1 - share) + motion.table[low + 1] * share
    fade = 1 - smooth(since / 0.3)
    for channel, amplitude, hertz, phase in motion.sway:
        channels[:, int(channel)] += fade * amplitude * np.sin(2 * np.pi * hertz * clock + phase)
    return channels


def pose_at(motion, since_onset, clock):
    """Where every joint is, (n, J, 3) m."""
    return joints(channels_at(motion, since_onset, clock), motion.athlete)
