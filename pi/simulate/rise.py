"""Resting postures, and how an athlete gets up from each: key poses, feet and hands. Only data.

Lengths are body heights, times seconds after the onset of movement for an athlete of tempo 1; x is
counted from where the torso's centre rests.
"""

from typing import NamedTuple

import numpy as np

from pi.simulate.body import (
    ANKLE_BACK,
    ANKLE_UP,
    FOREARM,
    SHANK,
    SHOULDER,
    SIDES,
    THIGH,
    TRUNK,
    UPPER_ARM,
)

LEG, ARM, HALF = THIGH + SHANK, UPPER_ARM + FOREARM, 0.5 * TRUNK
PALM = 0.024  # wrist above the ground when the hand lies on it


class Foothold(NamedTuple):
    """A foot resting on the ground; None = since ever, or until the leg has to leave."""

    from_s: float | None
    to_s: float | None
    x: float
    y: float = 0.0
    pitch: float = 0.0


class Handhold(NamedTuple):
    from_s: float | None
    to_s: float
    x: float


class Rise(NamedTuple):
    keys: dict  # channel -> [(s, value), …]; hip_y instead of y
    feet: dict  # lead, rear -> [Foothold, …]
    hands: dict  # side -> Handhold
    starts_s: float  # from here the sprint's law moves the torso
    leaders: tuple  # groups of parts that may move first


def ankle_from_ball(pitch):
    return (
        ANKLE_UP * np.sin(pitch) - ANKLE_BACK * np.cos(pitch),
        ANKLE_UP * np.cos(pitch) + ANKLE_BACK * np.sin(pitch),
    )


def standing(athlete, random):
    """Two-point crouch, one foot behind the other."""
    between = random.uniform
    lean = between(0.95, 1.35)
    hip_y = between(0.355, 0.42)
    hip = -HALF * np.sin(lean)
    front = hip + between(0.12, 0.17)
    keys = {
        "hip_y": [(0, hip_y), (0.14, hip_y - between(0.0, 0.012)), (0.45, 0.465)],
        "lean": [(0, lean), (0.22, lean), (0.5, 0.72)],
        "bulge": [(0, 0.015)],
        "head": [(0, -between(0.1, 0.7)), (0.3, -0.5), (0.6, -0.35)],
    }
    bent = between(0.9, 1.7)
    for side in SIDES:
        forward = (side == "far") == (not athlete.far_leads)  # the arm against the front leg
        keys[f"arm_{side}"] = [(0, lean + (between(0.1, 0.7) if forward else -between(0.2, 1.0)))]
        keys[f"elbow_{side}"] = [(0, bent)]
    feet = {
        "lead": [Foothold(None, None, front)],
        "rear": [Foothold(None, between(0.06, 0.12), front - between(0.18, 0.26), 0.0, 0.45)],
    }
    leaders = ("trunk", "arm_near", "arm_far", "head", "leg_rear")
    return Rise(keys, feet, {}, between(0.0, 0.05), leaders)


def plank(athlete, random):
    """Straight arms and legs; hips up, a foot in under the chest, away."""
    between = random.uniform
    pitch = between(1.15, 1.4)
    back, up = ankle_from_ball(pitch)
    leg, arm = 0.987 * LEG, 0.987 * ARM
    shoulder_y = arm + PALM
    lean = np.pi / 2 - np.arcsin((shoulder_y - up) / (leg + SHOULDER))
    hip_y = shoulder_y - SHOULDER * np.cos(lean)
    keys = {"hip_y": [(0, hip_y)], "lean": [(0, lean)]}
    hip = -HALF * np.sin(lean)
    ball = hip - np.sqrt(leg**2 - (hip_y - up) ** 2) - back
    shoulder = hip + SHOULDER * np.sin(lean)
    return from_hands(keys, 0.0, pitch, ball, dict.fromkeys(SIDES, shoulder), hip, random)


def prone(athlete, random, *, ahead=0.4):
    """On the belly, hands beside the chest or ahead of the head: push up, then as from a plank.

    ahead : how often the hands lie ahead.
    """
    between = random.uniform
    pitch = between(1.15, 1.4)
    back, up = ankle_from_ball(pitch)
    lean = np.pi / 2 - between(0.02, 0.07)
    hip_y = 0.066 * athlete.stout
    hip = -HALF * np.sin(lean)
    ball = hip - np.sqrt((0.987 * LEG) ** 2 - (hip_y - up) ** 2) - back
    shoulder = hip + SHOULDER * np.sin(lean)
    beside = random.uniform() >= ahead
    hand = shoulder + (-between(0.07, 0.11) if beside else between(0.13, 0.18))
    late = between(0.20, 0.32)
    keys = {
        "hip_y": [(0, hip_y), (late, 0.17)],
        "lean": [(0, lean), (late, 1.17 if beside else 1.22)],
    }
    rise = from_hands(keys, late, pitch, ball, dict.fromkeys(SIDES, hand), hip, random)
    splay = between(0.25, 0.5) if beside else between(0.05, 0.15)
    for side in SIDES:
        rise.keys[f"splay_{side}"] = [(0, splay), (late, 0.7), (late + 0.4, 1.0)]
    return rise


def from_hands(keys, late, pitch, ball, hands, hip, random):
    """The way up from straight arms, which are reached at `late`."""
    between = random.uniform
    off, land = late + between(0.20, 0.26), late + between(0.25, 0.33)
    forward = between(0.03, 0.06)
    keys = {
        "hip_y": keys["hip_y"] + [(late + 0.20, 0.30), (late + 0.42, 0.425), (late + 0.62, 0.465)],
        "lean": keys["lean"] + [(late + 0.20, 1.28), (late + 0.42, 0.95), (late + 0.62, 0.76)],
        "x": [(0, 0.0), (late + 0.3, forward)],
        "bulge": [(0, between(-0.005, 0.01)), (late + 0.3, 0.025), (late + 0.7, 0.01)],
        "head": [(0, -between(0.05, 0.6)), (late + 0.3, -0.65), (late + 0.8, -0.35)],
    }
    for side in SIDES:
        keys[f"arm_{side}"] = [(0, 1.2), (off, 0.9), (off + 0.2, 0.3)]
        keys[f"elbow_{side}"] = [(0, 0.5), (off, 0.5), (off + 0.2, 1.5)]
        keys[f"bow_{side}"] = [(0, between(0.15, 0.4)), (late + 0.28, 1.0)]
        keys[f"splay_{side}"] = [(0, between(0.3, 0.7)), (off, 1.0)]
    feet = {
        "lead": [
            Foothold(None, late + between(0.03, 0.08), ball, 0.0, pitch),
            Foothold(land, None, hip + between(0.17, 0.24), 0.0, 0.1),
        ],
        "rear": [Foothold(None, off + 0.05, ball, 0.0, pitch)],
    }
    holds = {side: Handhold(None, off + between(-0.02, 0.02), x) for side, x in hands.items()}
    leaders = ("trunk", "head", "leg_lead", "arm_near", "arm_far")
    return Rise(keys, feet, holds, late + between(0.14, 0.2), leaders)


def rolling(athlete, random):
    """On the back, head towards the run: roll onto the belly, then as from there."""
    between = random.uniform
    after = prone(athlete, random, ahead=0.0)  # a hand on its way there would cross the shoulder
    roll = between(0.36, 0.48)
    shift = 0.75 * roll
    keys = {
        name: [(0, values[0][1])] + [(s + shift, value) for s, value in values]
        for name, values in after.keys.items()
    }
    hip_y = keys["hip_y"][0][1]
    keys["hip_y"].insert(1, (0.4 * roll, hip_y + 0.03))
    keys["turn"] = [(0, np.pi), (roll, 0.0)]
    keys["head"][0] = (0, between(-0.1, 0.2))
    holds = {}
    for side in SIDES:
        keys[f"arm_{side}"][:2] = [(0, between(0.0, 0.15)), (roll, 1.2)]
        keys[f"elbow_{side}"][:2] = [(0, between(0.1, 0.3)), (roll, 1.2)]
        hold = after.hands[side]
        holds[side] = Handhold(roll, hold.to_s + shift, hold.x)
    feet = {}
    for role, steps in after.feet.items():
        first = steps[0]
        lying = Foothold(None, 0.05, first.x, 0.09, first.pitch)
        rolled = first._replace(from_s=roll, to_s=first.to_s + shift)
        later = [s._replace(from_s=s.from_s + shift) for s in steps[1:]]
        feet[role] = [lying, rolled, *later]
    leaders = ("trunk", "arm_near", "head")
    return Rise(keys, feet, holds, after.starts_s + shift, leaders)


def sitting_up(athlete, random):
    """On the back, feet towards the run: sit up, feet under, forward over the feet."""
    between = random.uniform
    lean = -np.pi / 2 + between(0.0, 0.05)
    hip = HALF
    hip_y = 0.068 * athlete.stout
    heel_down = -between(1.15, 1.5)
    ball = hip + 0.98 * LEG + 0.039
    sat, up = between(0.40, 0.50), between(0.68, 0.80)
    crouched = 0.6
    keys = {
        "x": [
            (0, 0.0),
            (sat, HALF - 0.03),
            (up, HALF + 0.14 + HALF * np.sin(crouched)),
            (up + 0.3, HALF + 0.18 + HALF * np.sin(0.8)),
        ],
        "hip_y": [(0, hip_y), (sat, 0.09), (up, 0.27), (up + 0.25, 0.42), (up + 0.45, 0.465)],
        "lean": [(0, lean), (sat, -0.05), (up, 0.75), (up + 0.4, 0.76)],
        "bulge": [(0, 0.0), (0.5 * sat, 0.05), (up, 0.04), (up + 0.4, 0.01)],
        "head": [(0, between(-0.1, 0.15)), (0.4 * sat, 0.45), (up, -0.3), (up + 0.5, -0.35)],
    }
    on, off = sat - between(0.12, 0.2), sat + between(0.12, 0.2)
    for side in SIDES:
        keys[f"arm_{side}"] = [(0, between(-0.1, 0.1)), (off, -0.6), (off + 0.3, 0.3)]
        keys[f"elbow_{side}"] = [(0, between(0.05, 0.3)), (off, 0.3), (off + 0.3, 1.5)]
    feet = {
        "lead": [
            Foothold(None, between(0.05, 0.12), ball, 0.10, heel_down),
            Foothold(sat + between(0.02, 0.08), None, hip + between(0.27, 0.32), 0.0, 0.1),
        ],
        "rear": [
            Foothold(None, between(0.05, 0.12), ball, 0.10, heel_down),
            Foothold(sat - between(0.0, 0.04), None, hip + between(0.08, 0.15), 0.0, 0.35),
        ],
    }
    holds = {side: Handhold(on, off, hip - between(0.12, 0.18)) for side in SIDES}
    leaders = ("trunk", "head", "arm_near", "leg_lead")
    return Rise(keys, feet, holds, up - between(0.02, 0.1), leaders)


def supine(athlete, random):
    """On the back; the head may point either way."""
    return (rolling if random.uniform() < 0.5 else sitting_up)(athlete, random)


RISES = {"supine": supine, "prone": prone, "plank": plank, "standing": standing}
