"""Recorded people for the simulated athlete, where a folder of motion capture is at hand.

What is taken over are ways of moving: how a foot swings through the air, how arms go with it, how a
man got up from his belly. They are laid on the same drawn figure, whose feet stay where they stand,
so that the truth stays exact. Reads the formats of the CMU database (BVH), of DeepMimic and of
marker sets (TRC).
"""

import json
import os
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pi.simulate.body import SIDES
from pi.simulate.rise import HALF, LEG, Foothold, Handhold, Rise, ankle_from_ball

CMU_UNIT_M = 0.056444
PHASES = 64


class Capture(NamedTuple):
    """A recorded person in the vertical plane they move in: joint -> (n, 2) m, x forward, y up."""

    rate: float
    joints: dict


class Gait(NamedTuple):
    """How somebody runs, on a grid of phases.

    x, y, pitch : (65,) a foot's way from toe-off to contact: share of the way, m of height for one
    leg length of 1, rad.    arm, elbow : (64,) rad over a stride that begins when the foot of the
    same side comes down.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    pitch: np.ndarray
    arm: np.ndarray
    elbow: np.ndarray


def find_captures():
    """The folder with recorded people, or None: $TRACKSTART_MOTION, else one beside the project."""
    named = os.environ.get("TRACKSTART_MOTION")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "motion"
    return folder if folder.is_dir() else None


# ---------------------------------------------------------------------------------------------
# Files


def read_bvh(path):
    """Joints of a BVH file: rate, names, (n, J, 3) in the file's unit."""
    words = iter(Path(path).read_text().split())
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[list[str]] = []
    stack: list[int] = []
    for word in words:
        if word in ("ROOT", "JOINT", "End"):
            names.append(next(words) if word != "End" else f"{names[stack[-1]]} end")
            if word == "End":
                next(words)
            parents.append(stack[-1] if stack else -1)
            channels.append([])
        elif word == "{":
            stack.append(len(names) - 1)
        elif word == "}":
            stack.pop()
        elif word == "OFFSET":
            offsets.append([float(next(words)) for _ in range(3)])
        elif word == "CHANNELS":
            channels[stack[-1]] = [next(words) for _ in range(int(next(words)))]
        elif word == "Frames:":
            count = int(next(words))
            next(words), next(words)
            step = float(next(words))
            break
    values = np.array([float(word) for word in words]).reshape(count, -1)
    at = 0
    place = np.zeros((count, len(names), 3))
    turn = np.zeros((count, len(names), 3, 3))
    for j, parent in enumerate(parents):
        moved = np.tile(np.array(offsets[j]), (count, 1))
        turned = np.tile(np.eye(3), (count, 1, 1))
        for channel in channels[j]:
            axis = "XYZ".index(channel[0])
            if channel.endswith("position"):
                moved[:, axis] = values[:, at]
            else:
                turned = turned @ about(axis, np.radians(values[:, at]))
            at += 1
        if parent < 0:
            place[:, j], turn[:, j] = moved, turned
        else:
            place[:, j] = place[:, parent] + np.einsum("nij,nj->ni", turn[:, parent], moved)
            turn[:, j] = turn[:, parent] @ turned
    return 1 / step, names, place


def about(axis, angle):
    """Rotations about a coordinate axis: (n,) rad -> (n, 3, 3)."""
    matrix = np.tile(np.eye(3), (len(angle), 1, 1))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, i, i] = matrix[:, j, j] = np.cos(angle)
    matrix[:, i, j], matrix[:, j, i] = -np.sin(angle), np.sin(angle)
    return matrix


def read_trc(path):
    """Markers of a TRC file: rate, names, (n, M, 3) in the file's unit."""
    lines = Path(path).read_text().splitlines()
    rate = float(lines[2].split()[0])
    names = lines[3].split()[2:]
    rows = [line.split("\t") for line in lines[5:] if line.strip()]
    wide = 2 + 3 * len(names)
    table = np.array([
        [float(word) if word.strip() else np.nan for word in (row + [""] * wide)[:wide]]
        for row in rows
        if row[0].strip()
    ])  # fmt: skip
    return rate, names, table[:, 2:].reshape(len(table), -1, 3)


def read_deepmimic(path):
    """Joints of a DeepMimic clip: rate, names, (n, J, 3) m."""
    path = Path(path)
    skeleton = json.loads((path.parent / "humanoid3d_skeleton.txt").read_text())
    clip = np.array(json.loads(path.read_text())["Frames"])
    tree = skeleton["Skeleton"]["Joints"]
    place = np.zeros((len(clip), len(tree), 3))
    turn = np.zeros((len(clip), len(tree), 3, 3))
    place[:, 0], turn[:, 0] = clip[:, 1:4], from_quaternion(clip[:, 4:8])
    at = 8
    for j, joint in enumerate(tree[1:], 1):
        parent = joint["Parent"]
        offset = np.array([joint[f"Attach{axis}"] for axis in "XYZ"])
        place[:, j] = place[:, parent] + turn[:, parent] @ offset
        own = np.tile(np.eye(3), (len(clip), 1, 1))
        if joint["Type"] == "spherical":
            own, at = from_quaternion(clip[:, at : at + 4]), at + 4
        elif joint["Type"] == "revolute":
            own, at = about(2, clip[:, at]), at + 1
        turn[:, j] = turn[:, parent] @ own
    return 1 / float(clip[0, 0]), [joint["Name"] for joint in tree], place


def from_quaternion(q):
    """Rotations from (n, 4) w x y z."""
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    return np.stack([
        np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
        np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
        np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1),
    ], 1)  # fmt: skip


BVH_JOINTS = {
    "hip": "Hips", "neck": "Neck",
    "left": {"shoulder": "LeftArm", "elbow": "LeftForeArm", "wrist": "LeftHand",
             "knee": "LeftLeg", "ankle": "LeftFoot", "ball": "LeftToeBase"},
    "right": {"shoulder": "RightArm", "elbow": "RightForeArm", "wrist": "RightHand",
              "knee": "RightLeg", "ankle": "RightFoot", "ball": "RightToeBase"},
}  # fmt: skip
TRC_MARKERS = {
    "hip": "SACR", "neck": "C7",
    "left": {"shoulder": "LSH", "elbow": "LELB", "wrist": "LWR", "knee": "LLEPI",
             "ankle": "LHEEL", "ball": "LTOE"},
    "right": {"shoulder": "RSH", "elbow": "RELB", "wrist": "RWR", "knee": "RLEPI",
              "ankle": "RHEEL", "ball": "RTOE"},
}  # fmt: skip


def sideways(rate, names, place, wanted, scale):
    """The recorded points seen from the side, in the plane of their way."""
    names = list(names)

    def point(name):
        return place[:, names.index(name)] * scale

    hip = point(wanted["hip"])
    way = hip[-1, [0, 2]] - hip[0, [0, 2]]
    way = way / np.linalg.norm(way)

    def seen(name):
        at = point(name)
        return np.column_stack([at[:, [0, 2]] @ way, at[:, 1]])

    found = {"hip": seen(wanted["hip"]), "neck": seen(wanted["neck"])}
    for side in ("left", "right"):
        for joint, name in wanted[side].items():
            found[f"{joint}_{side}"] = seen(name)
    return Capture(rate, found)


# ---------------------------------------------------------------------------------------------
# Running


def gait_of(name, capture):
    """How a recorded runner swings legs and arms, averaged over what was recorded."""
    step = 1 / capture.rate
    hip, neck = capture.joints["hip"], capture.joints["neck"]
    ahead = np.gradient(hip[:, 0], step)
    leg = float(np.median(hip[:, 1])) / 0.53 * LEG
    trunk = neck - hip
    lean = np.arctan2(trunk[:, 0], trunk[:, 1])
    swings, arms, elbows = [], [], []
    phases = np.arange(PHASES) / PHASES
    for side in ("left", "right"):
        ball, ankle = capture.joints[f"ball_{side}"], capture.joints[f"ankle_{side}"]
        speed = np.hypot(np.gradient(ball[:, 0], step), np.gradient(ball[:, 1], step))
        low = ball[:, 1] < np.nanpercentile(ball[:, 1], 5) + 0.05 * leg
        stands = (speed < 0.35 * ahead.mean()) & low
        edges = np.flatnonzero(np.diff(stands.astype(int)))
        offs, lands = edges[~stands[edges + 1]] + 1, edges[stands[edges + 1]]
        foot = ball - ankle
        angle = np.unwrap(np.arctan2(-foot[:, 1], foot[:, 0]))
        flat = np.median(angle[stands]) if stands.any() else 0.0
        flat = flat + 2 * np.pi * np.round((np.median(angle[stands]) - flat) / (2 * np.pi))
        for off in offs:
            land = lands[lands > off + 0.15 * capture.rate]
            if not len(land) or land[0] - off > 0.7 * capture.rate:
                continue
            u = np.linspace(off, land[0], 65)
            grid = np.arange(len(ball))
            x, y, pitch = (np.interp(u, grid, v) for v in (ball[:, 0], ball[:, 1], angle - flat))
            line = np.linspace(0, 1, 65)
            swings.append(
                ((x - x[0]) / (x[-1] - x[0]), (y - y[0] - (y[-1] - y[0]) * line) / leg, pitch)
            )
        if len(lands) < 2:
            continue
        upper = capture.joints[f"elbow_{side}"] - capture.joints[f"shoulder_{side}"]
        fore = capture.joints[f"wrist_{side}"] - capture.joints[f"elbow_{side}"]
        arm = np.unwrap(np.arctan2(upper[:, 0], -upper[:, 1])) + lean
        bend = np.unwrap(np.arctan2(fore[:, 0], -fore[:, 1])) + lean - arm
        for begin, end in pairwise(lands):
            if end - begin > 1.2 * capture.rate:
                continue
            at = begin + phases * (end - begin)
            grid = np.arange(len(arm))
            arms.append(np.interp(at, grid, wrapped(arm)))
            elbows.append(np.interp(at, grid, wrapped(bend)))
    if not swings or not arms or not np.isfinite(swings).all() or not np.isfinite(arms).all():
        return None
    x, y, pitch = np.mean(swings, axis=0)
    return Gait(
        name, x, np.maximum(y, 0), pitch, closed(np.mean(arms, 0)), closed(np.mean(elbows, 0))
    )


def wrapped(angle):
    """Angles without whole turns."""
    return angle - 2 * np.pi * np.round(np.nanmedian(angle) / (2 * np.pi))


def closed(curve):
    """A periodic curve without a step where it begins again."""
    gap = curve[0] - (2 * curve[-1] - curve[-2])
    return curve + gap * (np.arange(len(curve)) / len(curve) - 0.5)


@lru_cache(maxsize=2)
def gaits(folder):
    """Every way of running in the folder."""
    found = []
    for path in sorted(Path(folder).glob("cmu/09_*.bvh")):
        rate, names, place = read_bvh(path)
        capture = sideways(rate, names, place[1:], BVH_JOINTS, CMU_UNIT_M)
        found.append(gait_of(f"cmu/{path.stem}", capture))
    for path in sorted(Path(folder).glob("sprinter/run0*.trc")):
        rate, names, place = read_trc(path)
        capture = sideways(rate, names, place, TRC_MARKERS, 0.001)
        found.append(gait_of(f"sprinter/{path.stem}", capture))
    # somebody who turned a corner while recorded did not swing a leg straight
    return tuple(gait for gait in found if gait is not None and 0.0 < gait.x[16] < 0.3)


# ---------------------------------------------------------------------------------------------
# Getting up


def prone(folder, athlete, random):
    """From the belly as a recorded man got up, played as fast as somebody who means to sprint."""
    rate, names, place = read_deepmimic(
        Path(folder) / "deepmimic" / "humanoid3d_getup_facedown.txt"
    )
    at = {name: place[:, i, :2] for i, name in enumerate(names)}
    scale = LEG / 0.831406  # body heights per metre, by the length of the recorded leg
    begins, crouches = 0.44, 2.22  # s: from lying still to both feet under the body
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)
    kernel /= kernel.sum()

    def calm(curve):
        return np.convolve(np.pad(curve, 6, mode="edge"), kernel, mode="valid")

    hip, neck, middle = at["root"] * scale, at["neck"] * scale, at["chest"] * scale
    trunk = neck - hip
    lean = calm(np.arctan2(trunk[:, 0], trunk[:, 1]))
    front = np.column_stack([np.cos(lean), -np.sin(lean)])
    bulge = calm(-((middle - 0.5 * (hip + neck)) * front).sum(1))
    centre = calm(hip[:, 0]) + HALF * np.sin(lean)
    hip_y = np.maximum(calm(hip[:, 1]), 0.064 * athlete.stout)
    time = np.arange(len(lean)) / rate
    pace = random.uniform(0.45, 0.55)
    rest = int(begins * rate)
    frames = np.unique(np.append(np.arange(rest, int(crouches * rate), 3), int(crouches * rate)))

    def keys(curve, then):
        seen = [((time[k] - begins) * pace, float(curve[k])) for k in frames]
        seen[0] = (0.0, seen[0][1])
        return seen + [(seen[-1][0] + later, value) for later, value in then]

    x = centre - centre[rest]
    found = {
        "x": keys(x, [(0.3, float(x[frames[-1]]) + 0.10)]),
        "hip_y": keys(hip_y, [(0.14, 0.33), (0.28, 0.43), (0.45, 0.465)]),
        "lean": keys(lean, [(0.2, 0.95), (0.45, 0.76)]),
        "bulge": keys(np.clip(bulge, -0.02, 0.05), [(0.4, 0.01)]),
    }
    over = (crouches - begins) * pace
    found["head"] = [(0, -random.uniform(0.05, 0.4)), (0.5 * over, -0.5), (over + 0.3, -0.4)]
    pitch = random.uniform(1.15, 1.4)
    back, up = ankle_from_ball(pitch)
    hip_x = -HALF * np.sin(lean[rest])
    ball = hip_x - np.sqrt((0.987 * LEG) ** 2 - (hip_y[rest] - up) ** 2) - back
    landed = int(2.05 * rate)
    ankle = 0.5 * (at["right_ankle"] + at["left_ankle"])[landed, 0] * scale - centre[rest]
    step, land = (1.60 - begins) * pace, (1.98 - begins) * pace
    feet = {
        "lead": [
            Foothold(None, step, ball, 0.0, pitch),
            Foothold(land, None, ankle + 0.15, 0.0, 0.1),
        ],
        "rear": [
            Foothold(None, step - 0.02, ball, 0.0, pitch),
            Foothold(land - 0.02, None, ankle - 0.03, 0.0, 0.45),
        ],
    }
    holds = {}
    for side, name in zip(SIDES, ("right", "left"), strict=True):
        hand = float(at[f"{name}_wrist"][int(1.2 * rate), 0] * scale - centre[rest])
        holds[side] = Handhold(None, over - random.uniform(0.0, 0.05), hand)
        found[f"arm_{side}"] = [(0, 1.2), (over, 0.9), (over + 0.2, 0.3)]
        found[f"elbow_{side}"] = [(0, 0.5), (over, 0.5), (over + 0.2, 1.5)]
        found[f"bow_{side}"] = [(0, random.uniform(0.15, 0.4)), (step + 0.1, 1.0)]
        found[f"splay_{side}"] = [(0, random.uniform(0.25, 0.5)), (0.5, 0.7), (over, 1.0)]
    return Rise(found, feet, holds, over - random.uniform(0.0, 0.06), ("trunk", "head"))
