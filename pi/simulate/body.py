"""A jointed figure in the vertical plane over the running line. Draws nothing, knows no time.

Axes: x along the run, y up, z away from the camera; metres. Lengths are fractions of body height
(Winter 2009, Biomechanics and Motor Control of Human Movement, fig. 4.1, after Drillis & Contini
1966); half-thicknesses seen from the side are ours.
"""

from typing import NamedTuple

import numpy as np

THIGH, SHANK = 0.245, 0.246
TRUNK = 0.310  # hip joint to base of neck
SHOULDER = 0.285  # hip joint to shoulder
UPPER_ARM, FOREARM, HAND = 0.186, 0.146, 0.085
NECK, HEAD = 0.095, 0.065  # base of neck to middle of head; half of the head
HEEL, TOE, ANKLE_BACK, ANKLE_UP = 0.100, 0.045, 0.070, 0.039  # from the ball of the foot
HEEL_SOLE, SOLE, TOE_SOLE = 0.021, 0.016, 0.012  # half a shoe's thickness there
SIDES = ("near", "far")
STRETCHED = 0.992  # a limb longer than this share of its length begins to resist

CHANNELS = (
    ("x", "y", "lean", "bulge", "turn", "head", "breath", "flap")
    + tuple(f"{name}_{side}" for side in SIDES for name in ("ball_x", "ball_y", "pitch", "bow"))
    + tuple(
        f"{name}_{side}"
        for side in SIDES
        for name in ("arm", "elbow", "hand_x", "hand_y", "pin", "splay")
    )
)
COLUMN = {name: i for i, name in enumerate(CHANNELS)}

JOINTS = ("hip", "waist", "neck", "head", "crown") + tuple(
    f"{name}_{side}"
    for side in SIDES
    for name in (
        "hip", "knee", "ankle", "heel", "ball", "toe", "shoulder", "elbow", "wrist", "finger",
    )
)  # fmt: skip
JOINT = {name: i for i, name in enumerate(JOINTS)}
_DEPTH = {"hip": 0.05, "knee": 0.045, "ankle": 0.035, "heel": 0.035, "ball": 0.035, "toe": 0.035,
          "shoulder": 0.10, "elbow": 0.125, "wrist": 0.115, "finger": 0.11}  # fmt: skip


class Athlete(NamedTuple):
    """Who starts: size, build, clothes and what they can do."""

    height_m: float = 1.75
    stout: float = 1.0  # thickness of limbs and trunk, 1 = average
    loose: float = 0.0  # 0 tights … 1 baggy
    mss: float = 8.0
    tau: float = 1.1
    tempo: float = 1.0  # getting up takes this many times longer
    far_leads: bool = False  # the leg away from the camera makes the first step


class Part(NamedTuple):
    """A tapered capsule between two joints."""

    name: str
    a: str
    b: str
    radius_a: float  # fractions of height
    radius_b: float
    cloth: str  # shirt | shorts | skin | hair | shoe
    group: str  # what moves together: trunk, head, arm_near, …


def parts():
    """The capsules of a body, from the farthest to the nearest the camera."""

    def arm(side):
        return [
            Part(f"upper_arm_{side}", f"shoulder_{side}", f"elbow_{side}",
                 0.031, 0.025, "sleeve", f"arm_{side}"),
            Part(f"forearm_{side}", f"elbow_{side}", f"wrist_{side}",
                 0.026, 0.017, "skin", f"arm_{side}"),
            Part(f"hand_{side}", f"wrist_{side}", f"finger_{side}",
                 0.018, 0.013, "skin", f"arm_{side}"),
        ]  # fmt: skip

    def leg(side):
        return [
            Part(f"toe_{side}", f"ball_{side}", f"toe_{side}",
                 SOLE, TOE_SOLE, "shoe", f"leg_{side}"),
            Part(f"foot_{side}", f"heel_{side}", f"ball_{side}",
                 HEEL_SOLE, SOLE, "shoe", f"leg_{side}"),
            Part(f"ankle_{side}", f"ankle_{side}", f"heel_{side}",
                 0.022, 0.018, "shoe", f"leg_{side}"),
            Part(f"shank_{side}", f"knee_{side}", f"ankle_{side}",
                 0.033, 0.021, "sock", f"leg_{side}"),
            Part(f"thigh_{side}", f"hip_{side}", f"knee_{side}",
                 0.053, 0.035, "shorts", f"leg_{side}"),
        ]  # fmt: skip

    middle = [
        Part("neck", "neck", "head", 0.034, 0.030, "skin", "head"),
        Part("head", "head", "crown", 0.052, 0.050, "hair", "head"),
        Part("pelvis", "hip", "waist", 0.066, 0.058, "shorts", "trunk"),
        Part("chest", "waist", "neck", 0.062, 0.048, "shirt", "trunk"),
    ]
    return arm("far") + leg("far") + middle + leg("near") + arm("near")


def rotated(x, y):
    return -y, x


def two_links(root_x, root_y, end_x, end_y, first, second, bend):
    """Middle and end of a chain of two links that reaches for a target as far as it can.

    bend : (n,) -1…1, side and share of the bend that lies in the plane.  Returns mx, my, ex, ey.
    """
    dx, dy = end_x - root_x, end_y - root_y
    wanted = np.hypot(dx, dy)
    whole = first + second
    slack = (1 - STRETCHED) * whole  # nears its full length without ever snapping straight
    beyond = np.maximum(wanted - STRETCHED * whole, 0)
    distance = np.where(
        beyond > 0, whole * STRETCHED + slack * (1 - np.exp(-beyond / slack)), wanted
    )
    distance = np.clip(distance, abs(first - second) + 0.02 * first, whole * 0.9999)
    wanted = np.maximum(wanted, 1e-9)
    ux, uy = dx / wanted, dy / wanted
    along = (first**2 - second**2 + distance**2) / (2 * distance)
    out = np.sqrt(np.maximum(first**2 - along**2, 0)) * bend
    nx, ny = rotated(ux, uy)
    return (
        root_x + along * ux + out * nx,
        root_y + along * uy + out * ny,
        root_x + distance * ux,
        root_y + distance * uy,
    )


def reachable_pitch(hip_x, hip_y, ball_x, ball_y, pitch, reach, height):
    """The foot's pitch, raised at the heel as far as the hip asks for it.

    A foot stays where its ball is and rolls over it; only then does a leg become too short.
    """
    arm = np.hypot(ANKLE_BACK, ANKLE_UP) * height
    rest = np.arctan2(ANKLE_UP, -ANKLE_BACK)  # direction ball -> ankle at pitch 0
    distance = np.maximum(np.hypot(hip_x - ball_x, hip_y - ball_y), 1e-9)
    to_hip = np.arctan2(hip_y - ball_y, hip_x - ball_x)
    off = np.angle(np.exp(1j * (rest - pitch - to_hip)))
    limit = np.arccos(np.clip((distance**2 + arm**2 - reach**2) / (2 * distance * arm), -1.0, 1.0))
    excess = np.abs(off) - limit
    eased = 0.04 * np.log1p(np.exp(np.clip(excess / 0.04, -30, 30)))
    return pitch + np.sign(off) * np.where(excess > 1.0, excess, eased)


def joints(channels, athlete):
    """Where every joint is.

    channels : (n, C) as CHANNELS.    Returns (n, J, 3) metres.
    """
    channels = np.atleast_2d(channels)
    height = athlete.height_m

    def value(name):
        return channels[:, COLUMN[name]]

    found = np.zeros((len(channels), len(JOINTS), 3))

    def put(name, x, y, z=0.0):
        found[:, JOINT[name], 0] = x
        found[:, JOINT[name], 1] = y
        found[:, JOINT[name], 2] = z

    lean, facing = value("lean"), np.cos(value("turn"))
    up_x, up_y = np.sin(lean), np.cos(lean)
    front_x, front_y = up_y * facing, -up_x * facing

    def turned(x, y):
        """A direction after the body has turned about its long axis."""
        along, across = x * up_x + y * up_y, (x * up_y - y * up_x) * facing
        return along * up_x + across * up_y, along * up_y - across * up_x

    half = 0.5 * TRUNK * height
    hip_x, hip_y = value("x") - half * up_x, value("y") - half * up_y
    neck_x, neck_y = value("x") + half * up_x, value("y") + half * up_y
    bulge = value("bulge") * height
    put("hip", hip_x, hip_y)
    put("waist", value("x") - bulge * front_x, value("y") - bulge * front_y)
    put("neck", neck_x, neck_y)
    nod_up, nod_front = np.cos(value("head")), np.sin(value("head"))
    head_x, head_y = up_x * nod_up + front_x * nod_front, up_y * nod_up + front_y * nod_front
    put("head", neck_x + (NECK - 0.01) * height * head_x, neck_y + (NECK - 0.01) * height * head_y)
    put(
        "crown",
        neck_x + (NECK + 0.014) * height * head_x,
        neck_y + (NECK + 0.014) * height * head_y,
    )

    for sign, side in ((-1, "near"), (1, "far")):
        z = {name: sign * depth * height for name, depth in _DEPTH.items()}
        put(f"hip_{side}", hip_x, hip_y, z["hip"])
        ball_x, ball_y = value(f"ball_x_{side}"), value(f"ball_y_{side}")
        reach = (THIGH + SHANK) * height * STRETCHED
        pitch = value(f"pitch_{side}")
        rolled = reachable_pitch(hip_x, hip_y, ball_x, ball_y, pitch, reach, height)
        pitch = np.where(facing > 0.999, rolled, pitch)
        fore_x, fore_y = turned(np.cos(pitch), -np.sin(pitch))
        over_x, over_y = turned(np.sin(pitch), np.cos(pitch))
        ankle_x = ball_x + height * (ANKLE_UP * over_x - ANKLE_BACK * fore_x)
        ankle_y = ball_y + height * (ANKLE_UP * over_y - ANKLE_BACK * fore_y)
        knee_x, knee_y, foot_x, foot_y = two_links(
            hip_x, hip_y, ankle_x, ankle_y, THIGH * height, SHANK * height,
            facing * value(f"bow_{side}"),
        )  # fmt: skip
        knee_y = np.maximum(knee_y, 0.03 * height)  # one that would go underground goes sideways
        # a leg that cannot reach takes its foot along
        ball_x = ball_x + foot_x - ankle_x
        ball_y = np.maximum(ball_y + foot_y - ankle_y, 0.0)
        put(f"knee_{side}", knee_x, knee_y, z["knee"])
        put(f"ankle_{side}", foot_x, foot_y, z["ankle"])
        sole = SOLE * height
        heel_y = np.maximum(ball_y - height * HEEL * fore_y + sole * over_y, HEEL_SOLE * height)
        put(f"heel_{side}", ball_x - height * HEEL * fore_x + sole * over_x, heel_y, z["heel"])
        joint_y = np.maximum(ball_y + sole * over_y, sole)  # a shoe does not sink in
        put(f"ball_{side}", ball_x + sole * over_x, joint_y, z["ball"])
        room = np.arcsin(np.clip(np.maximum(ball_y, 0) / (TOE * height), -1, 1))
        bent = np.where(pitch > 0, np.minimum(np.maximum(pitch - 0.3, 0), room), pitch)
        toe_y = np.maximum(joint_y - TOE * height * np.sin(bent), TOE_SOLE * height)
        toe_x = ball_x + sole * over_x + TOE * height * np.cos(bent)
        put(f"toe_{side}", toe_x, toe_y, z["toe"])

        along = SHOULDER - 0.5 * TRUNK
        root_x, root_y = value("x") + along * height * up_x, value("y") + along * height * up_y
        put(f"shoulder_{side}", root_x, root_y, z["shoulder"])
        arm = value(f"arm_{side}")
        fore = arm + value(f"elbow_{side}")
        free_x = root_x + height * (
            UPPER_ARM * (-up_x * np.cos(arm) + front_x * np.sin(arm))
            + FOREARM * (-up_x * np.cos(fore) + front_x * np.sin(fore))
        )
        free_y = root_y + height * (
            UPPER_ARM * (-up_y * np.cos(arm) + front_y * np.sin(arm))
            + FOREARM * (-up_y * np.cos(fore) + front_y * np.sin(fore))
        )
        pin = value(f"pin_{side}")
        goal_x = free_x + pin * (value(f"hand_x_{side}") - free_x)
        goal_y = free_y + pin * (value(f"hand_y_{side}") - free_y)
        elbow_x, elbow_y, wrist_x, wrist_y = two_links(
            root_x, root_y, goal_x, goal_y, UPPER_ARM * height, FOREARM * height,
            -facing * value(f"splay_{side}"),
        )  # fmt: skip
        elbow_y, wrist_y = np.maximum(elbow_y, 0.026 * height), np.maximum(wrist_y, 0.02 * height)
        put(f"elbow_{side}", elbow_x, elbow_y, z["elbow"])
        put(f"wrist_{side}", wrist_x, wrist_y, z["wrist"])
        # a hand goes on where the forearm points, or forward when it lies on the ground
        reach = HAND / FOREARM * (1 - pin)
        tip_x = wrist_x + reach * (wrist_x - elbow_x) + 0.99 * HAND * height * pin
        tip_y = wrist_y + reach * (wrist_y - elbow_y) - 0.11 * HAND * height * pin
        put(f"finger_{side}", tip_x, np.maximum(tip_y, 0.012 * height), z["finger"])
    return found
