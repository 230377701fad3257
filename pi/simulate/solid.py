"""The jointed figure from any side: every limb a capsule between two joints in space.

For a camera that looks along the lane. The figure's limbs are drawn flat, for a camera beside it;
here their cloth is laid on the image of a capsule, so that a limb that points at the camera is a
disc. What is seen of a movement is what of it lies across the line of sight.
"""

from typing import NamedTuple

import cv2
import numpy as np

from pi.simulate.backdrop import in_camera, project
from pi.simulate.body import joints
from pi.simulate.motion import channels_at
from pi.simulate.truth import GATE_M, SLIVER_M, breadth

FINE = 4  # bits of a hundredth of a pixel that OpenCV draws outlines with
CIRCLE = np.linspace(0, 2 * np.pi, 20, endpoint=False)
ROUND = np.column_stack([np.cos(CIRCLE), np.sin(CIRCLE)])


class Seen(NamedTuple):
    """Capsules in the picture, of k moments."""

    ends: np.ndarray  # (k, limbs, 2, 2) px, where their two ends are
    radius: np.ndarray  # (k, limbs, 2) px
    ahead: np.ndarray  # (k, limbs) m from the camera
    scale: np.ndarray  # (k, limbs) px per m across the line of sight


def capsules(view, player, times):
    """What the camera sees of a figure at scene times: (k,) s."""
    times = np.atleast_1d(np.asarray(times, float))
    channels = channels_at(player.motion, times - player.onset_s, times)
    positions = joints(channels, player.motion.athlete)
    positions[:, :, 0] += player.shift_m
    positions[:, :, 2] += player.depth_m
    wide = breadth(player.figure, channels, times)[1]
    ahead = np.maximum(in_camera(view, positions)[..., 2], 0.3)
    pixels = project(view, positions)
    pairs = np.array([[limb.a, limb.b] for limb in player.figure.limbs])
    radius = np.array([limb.radius_m for limb in player.figure.limbs])
    each = view.focal_px / ahead[:, pairs]
    middle = ahead[:, pairs].mean(2)
    return Seen(pixels[:, pairs], radius * each * wide[:, :, None], middle, view.focal_px / middle)


def hull(ends, radius):
    """(n, 2) px, the outline of a capsule.    ends : (2, 2) px.   radius : (2,) px."""
    ring = np.concatenate([ends[0] + radius[0] * ROUND, ends[1] + radius[1] * ROUND])
    return cv2.convexHull(ring.astype(np.float32))[:, 0]


def draw_solid(out, view, player, time_s, shift):
    """Draw one figure over the picture; returns its box (x0, y0, x1, y1) or None."""
    seen = capsules(view, player, [time_s])
    if seen.ahead.min() < 1.0:
        return None  # has run into the camera, or past it
    ends, radius = seen.ends[0] + shift, seen.radius[0]
    height, width = out.shape
    reach = radius.max() + 3
    x0, y0 = np.maximum(np.floor(ends.min((0, 1)) - reach).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(ends.max((0, 1)) + reach).astype(int), (width, height))
    if x1 <= x0 or y1 <= y0:
        return None
    canvas = out[y0:y1, x0:x1].astype(np.float32)
    corner = np.array([x0, y0], float)
    for i in np.argsort(-seen.ahead[0]):
        _lay(canvas, player.figure.limbs[i], ends[i] - corner, radius[i], seen.scale[0, i])
    np.copyto(out[y0:y1, x0:x1], np.rint(canvas), casting="unsafe")
    return int(x0), int(y0), int(x1), int(y1)


def _lay(canvas, limb, ends, radius, scale):
    """One limb's cloth on the image of its capsule."""
    outline = hull(ends, radius)
    high, long = canvas.shape
    x0, y0 = np.maximum(np.floor(outline.min(0)).astype(int) - 2, 0)
    x1, y1 = np.minimum(np.ceil(outline.max(0)).astype(int) + 3, (long, high))
    if x1 <= x0 or y1 <= y0:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    fixed = np.round((outline - (x0, y0)) * (1 << FINE)).astype(np.int32)
    cv2.fillConvexPoly(mask, fixed, 255, cv2.LINE_AA, FINE)
    cover = cv2.GaussianBlur(mask, (0, 0), 0.6).astype(np.float32) * (1 / 255)
    cloth = _cloth(limb)
    along = (ends[1] - ends[0]) / limb.length_m
    distance = float(np.hypot(*along))
    # cloth that is seen end on does not shrink to a line: it goes round the end
    way = along / distance if distance > 1e-6 else np.array([0.0, 1.0])
    length = max(distance, 0.35 * scale)
    matrix = np.empty((2, 3))
    matrix[:, 0] = way * length / limb.density
    matrix[:, 1] = np.array([-way[1], way[0]]) * scale / limb.density
    middle = np.array(cloth.shape[::-1]) / 2
    matrix[:, 2] = ends.mean(0) - (x0, y0) - matrix[:, :2] @ middle
    grey = cv2.warpAffine(
        cloth, matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    under = canvas[y0:y1, x0:x1]
    under += cover * (grey - under)


def _cloth(limb):
    """(h, w) float32, the middle of a limb's picture, where nothing but cloth is."""
    grey, cover = limb.picture[..., 0], limb.picture[..., 1]
    half = 0.6 * min(limb.radius_m) * limb.density
    left, right = round(limb.origin[0]), round(limb.origin[0] + limb.length_m * limb.density)
    rows = slice(round(limb.origin[1] - half), round(limb.origin[1] + half) + 2)
    return np.ascontiguousarray(grey[rows, left : right + 2]) / np.maximum(
        cover[rows, left : right + 2], 0.5
    )


# ---------------------------------------------------------------------------------------------


def _surface(seen):
    """Points on capsules: (k, limbs, 15, 2) px: both ends and the middle, there and around."""
    middle = seen.ends.mean(2, keepdims=True)
    centre = np.concatenate([seen.ends, middle], 2)
    radius = np.concatenate([seen.radius, seen.radius.mean(2, keepdims=True)], 2)
    around = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)], float)
    points = centre[:, :, :, None] + radius[..., None, None] * around
    return points.reshape(*points.shape[:2], -1, 2)


def first_seen(view, player, signal_s, *, rate=500):
    """When some visible part has visibly moved on from its resting place by 5, 10, 20 mm.

    As `truth.first_movement`, for a camera anywhere: displacement is what the picture shows of
    it, across the line of sight, at the depth where that part rested. A part is visible when no
    other limb of the same body is before it.    Returns (times (3,) s after the signal, NaN where
    never; m/s at the 10 mm; m of sway).
    """
    onset_s = player.onset_s - signal_s
    still = signal_s + np.arange(min(0.0, onset_s) - 1.0, min(0.0, onset_s), 1 / 100)
    before = capsules(view, player, still)
    points = _surface(before)
    clear = _clear(before, points[-1], player.figure)
    scale = np.broadcast_to(before.scale[-1][:, None], clear.shape)[clear]
    rest = points[:, clear].mean(0)
    sway = float((np.linalg.norm(points[:, clear] - rest, axis=2) / scale).max())
    time = onset_s + np.arange(0, 0.9, 1 / rate)
    moving = _surface(capsules(view, player, signal_s + time))[:, clear]
    moved = np.linalg.norm(moving - rest, axis=2) / scale
    lasts = int(0.15 * rate)
    passed, speed = [], np.nan
    for gate in (0.005, GATE_M, 0.020):
        beyond = moved > sway + gate
        count = np.cumsum(beyond, axis=0)
        stays = beyond[:-lasts] & (count[lasts:] - count[:-lasts] == lasts)
        hit = np.flatnonzero(stays.any(1))
        if not len(hit):
            passed.append(np.nan)
            continue
        k = max(int(hit[0]), 1)
        p = np.flatnonzero(stays[k])[np.argmax(moved[k, stays[k]])]
        step = moved[k, p] - moved[k - 1, p]
        share = np.clip((sway + gate - moved[k - 1, p]) / max(step, 1e-9), 0, 1)
        passed.append(float(time[k - 1] + share / rate))
        if gate == GATE_M:
            speed = float(np.linalg.norm(moving[k + 1, p] - moving[k - 1, p]))
            speed *= rate / (2 * scale[p])
    return np.array(passed), speed, sway


def _clear(seen, points, figure):
    """(limbs, points) bool: which points no nearer limb covers, at the last moment."""
    ends, radius, ahead = seen.ends[-1], seen.radius[-1], seen.ahead[-1]
    clear = np.ones(points.shape[:2], bool)
    for i in range(len(figure.limbs)):
        axis = ends[i, 1] - ends[i, 0]
        from_a = points - ends[i, 0]
        share = np.clip(from_a @ axis / max(float(axis @ axis), 1e-9), 0, 1)
        gap = np.linalg.norm(from_a - share[..., None] * axis, axis=-1)
        reach = radius[i, 0] + (radius[i, 1] - radius[i, 0]) * share
        nearer = (ahead > ahead[i] + 1e-9)[:, None]
        clear &= ~(nearer & (gap < reach + SLIVER_M * seen.scale[-1, i]))
    return clear


def shape(view, player, time_s):
    """(h, w) bool, the body's silhouette in the picture, nobody in front of it."""
    mask = np.zeros(view.size[::-1], np.uint8)
    seen = capsules(view, player, [time_s])
    for ends, radius in zip(seen.ends[0], seen.radius[0], strict=True):
        cv2.fillConvexPoly(mask, np.round(hull(ends, radius)).astype(np.int32), 1)
    return mask > 0
