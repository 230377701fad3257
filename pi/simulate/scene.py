"""The track, its surroundings and the camera: what every picture of a start looks like.

A picture is a pure function of the scene and the time, noise included, so that a clip and a live
camera show the same. Scene time is seconds; the signal's place in it is the motion's business.
"""

from typing import NamedTuple

import cv2
import numpy as np

from pi.simulate.body import joints
from pi.simulate.figure import draw_limb
from pi.simulate.motion import channels_at
from pi.simulate.truth import breadth

LINE_M = 0.05
LANE_M = 1.22


class View(NamedTuple):
    """Where the camera stands and what it sees: level, at right angles to the line, unless turned."""

    size: tuple = (1280, 720)
    px_per_m: float = 152.0  # on the running line, in the middle of the picture
    distance_m: float = 9.5
    camera_height_m: float = 1.0
    behind_m: float = 1.65  # how much is seen behind the start line
    direction: int = 1  # +1: runs to the right
    yaw: float = 0.0  # rad


def project(view, points):
    """Pixels of points in metres.

    points : (…, 3) x along the run, y up, z away from the camera.    Returns (…, 2) px.
    """
    points = np.asarray(points, float)
    width, height = view.size
    focal = view.px_per_m * view.distance_m
    middle = 0.5 * width / view.px_per_m - view.behind_m
    x = points[..., 0] - middle
    z = points[..., 2]
    right = x * np.cos(view.yaw) - z * np.sin(view.yaw)
    ahead = x * np.sin(view.yaw) + z * np.cos(view.yaw) + view.distance_m
    up = points[..., 1] - view.camera_height_m
    return np.stack(
        [
            0.5 * (width - 1) + view.direction * focal * right / ahead,
            0.5 * (height - 1) - focal * up / ahead,
        ],
        -1,
    )


def cones(view):
    """Marks on the running line that the view reaches, as a calibration file has them."""
    found = []
    for metres in (0.0, 1.0, 2.5, 5.0, 10.0):
        u, v = project(view, (metres, 0.0, 0.0))
        if 4 <= u <= view.size[0] - 5 and 0 <= v < view.size[1]:
            found.append({"pixel": [round(float(u), 3), round(float(v), 3)], "metres": metres})
    return found


class Conditions(NamedTuple):
    """What film is like on that day. The defaults are a clean day and a good camera."""

    noise: float = 1.2  # SD in grey levels at mid grey, a third of it independent of light
    exposure_s: float = 0.001
    line_time_s: float = 0.0  # rolling shutter
    shadow: float = 0.0  # how dark, 0…1
    wind_px: float = 0.0
    passers_by: int = 0
    crossing: bool = False  # somebody walks between camera and lane, late
    drift: float = 0.0  # slow change of brightness, share
    exposure_step: float = 0.0  # a jump of the camera's own exposure near the signal, share
    shake_px: float = 0.0  # SD of the whole picture on a nervous tripod
    bump_px: float = 0.0  # somebody knocks the tripod
    low_contrast: bool = False  # clothes as grey as the track
    smooth_ground: bool = False
    cloud: float = 0.0  # depth of a cloud's shadow wandering across
    yaw_deg: float = 0.0


CONDITIONS = {
    "clean": Conditions(),
    "wind": Conditions(wind_px=4.0),
    "passers_by": Conditions(passers_by=3),
    "drift": Conditions(drift=0.03),
    "exposure_step": Conditions(exposure_step=0.08),
    "shake": Conditions(shake_px=0.5, bump_px=2.0),
    "low_contrast": Conditions(low_contrast=True),
    "smooth_ground": Conditions(smooth_ground=True),
    "noise": Conditions(noise=4.5, exposure_s=0.004),
    "rolling_shutter": Conditions(line_time_s=9.2e-6),
    "shadow": Conditions(shadow=0.45),
    "cloud": Conditions(cloud=0.35),
}


# ---------------------------------------------------------------------------------------------
# Surroundings


def tile(random, size, sd):
    """A square of noise that repeats without a seam, mean 0, SD 1."""
    patch = random.standard_normal((size, size), dtype=np.float32)
    if sd > 0.3:
        edge = int(4 * sd) + 1
        patch = np.pad(patch, edge, mode="wrap")
        patch = cv2.GaussianBlur(patch, (0, 0), sd)[edge:-edge, edge:-edge]
    return (patch - patch.mean()) / patch.std()


def spread(texture, x, y, scale):
    """The repeating texture looked up at metres x, y; scale: metres of one texel."""
    size = texture.shape[0]
    return cv2.remap(
        texture,
        np.mod(x / scale, size).astype(np.float32),
        np.mod(y / scale, size).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )


class Backdrop(NamedTuple):
    picture: np.ndarray  # (2h, 2w) float32: the empty scene at twice the resolution
    leaves: np.ndarray  # (2h, 2w) float32 0…1: what the wind moves
    track_grey: float
    horizon: int  # row of the picture


def draw_backdrop(view, random, *, smooth_ground=False):
    """The empty lane and what lies behind it."""
    width, height = 2 * view.size[0], 2 * view.size[1]
    fine = view._replace(size=(width, height), px_per_m=2 * view.px_per_m)

    def at(x, y, z):
        return project(fine, (x, y, z))

    horizon = int(np.clip(0.5 * (height - 1), 0, height))
    picture = np.zeros((height, width), np.float32)
    leaves = np.zeros_like(picture)

    # sky
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    picture[:] = random.uniform(175, 225) + 25 * rows
    clouds = cv2.resize(tile(random, 64, 3), (width, height), interpolation=cv2.INTER_CUBIC)
    picture += 6 * clouds

    # trees, then a hedge, a wall or a fence
    leaf = tile(random, 512, 2.2) * 0.6 + tile(random, 512, 0.8) * 0.8
    crowns = tile(random, 512, 16.0)
    far = fine.px_per_m * fine.distance_m / (fine.distance_m + 24.0)
    u, v = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    scale = 1.0 / far
    tops = horizon - far * (random.uniform(3.5, 7.0) + 2.0 * cv2.GaussianBlur(
        random.standard_normal((1, width)).astype(np.float32), (0, 0), far * 1.2) * np.sqrt(far))
    foliage = np.clip((v - tops + 18 * spread(leaf, u * scale, v * scale, 0.05)) / 6, 0, 1)
    foliage *= random.uniform() < 0.8
    tree = random.uniform(55, 90) + 14 * spread(leaf, u * scale, v * scale, 0.04)
    tree += 12 * spread(crowns, u * scale, v * scale, 0.05)
    picture += foliage * (tree - picture)
    leaves = np.maximum(leaves, foliage)
    behind = random.uniform(7.0, 14.0)
    near = fine.px_per_m * fine.distance_m / (fine.distance_m + behind)
    kind = random.choice(["hedge", "wall", "fence", "open"])
    top = horizon + near * (view.camera_height_m - random.uniform(0.9, 2.2))
    scale = 1.0 / near
    if kind == "hedge":
        shape = np.clip((v - top + 7 * spread(leaf, u * scale, v * scale, 0.03)) / 4, 0, 1)
        grey = random.uniform(50, 85) + 16 * spread(leaf, u * scale, v * scale, 0.02)
        picture += shape * (grey - picture)
        leaves = np.maximum(leaves, 0.6 * shape)
    elif kind == "wall":
        grey = random.uniform(110, 190)
        brick = 6 * ((np.mod(v * scale, 0.25) < 0.02) | (np.mod(u * scale + 0.5 * (
            np.floor(v * scale / 0.25) % 2), 1.0) < 0.015))
        wall = grey - brick + 3 * spread(crowns, u * scale, v * scale, 0.03)
        board = np.floor(u * scale / 3.0)
        wall = wall + 25 * np.sin(board * 12.9898) * (np.mod(u * scale, 6.0) < 3.0)
        picture[v >= top] = wall[v >= top]
    elif kind == "fence":
        post = np.mod(u * scale + 0.7, 2.0) < 0.06
        mesh = (np.mod(u * scale, 0.1) < 0.012) | (np.mod(v * scale, 0.2) < 0.012)
        picture[(v >= top) & mesh] -= 30
        picture[(v >= top) & post] = random.uniform(60, 170)

    # ground: for every pixel below the horizon the metres it shows
    corners = [(0, 0), (6, 0), (6, 12), (0, 12)]
    to_picture = cv2.getPerspectiveTransform(
        np.float32(corners), np.float32([at(x, 0, z) for x, z in corners])
    )
    inverse = np.linalg.inv(to_picture)
    first = horizon + 2
    gu, gv = u[first:], v[first:]
    w = inverse[2, 0] * gu + inverse[2, 1] * gv + inverse[2, 2]
    x = (inverse[0, 0] * gu + inverse[0, 1] * gv + inverse[0, 2]) / w
    z = (inverse[1, 0] * gu + inverse[1, 1] * gv + inverse[1, 2]) / w
    track = random.uniform(75, 135)
    strength = 0.15 if smooth_ground else 1.0
    fade = np.clip(fine.distance_m / (fine.distance_m + np.maximum(z, -5)), 0, 1.5)
    coarse, grain = tile(random, 512, 4.0), tile(random, 1024, 0.0)
    tartan = track + strength * fade * (
        random.uniform(2, 6) * spread(coarse, x, z, 0.04) + random.uniform(3, 8) * spread(grain, x, z, 0.013)
    )
    tartan += strength * random.uniform(1, 4) * noise_like(random, gu.shape, 0.9)
    grass_from = LANE_M * (0.5 + random.integers(1, 5))
    grass = random.uniform(80, 130) + 12 * fade * spread(grain, x, z, 0.05)
    grass += 9 * spread(leaf, gu / 40, gv / 14, 0.1)
    ground = np.where(z > grass_from, grass, tartan)
    reach = behind if kind != "open" else 60.0
    picture[first:][z < reach] = ground[z < reach]
    blowing = np.clip((z - grass_from) / 0.3, 0, 1) * (z < reach) * 0.35
    leaves[first:] = np.where(z < reach, blowing, leaves[first:])

    # lane lines and the start line, white, worn
    white = random.uniform(185, 235)
    mask = np.zeros((height, width), np.uint8)

    def stripe(x0, x1, z0, z1):
        steps = 24
        xs, zs = np.linspace(x0, x1, steps), np.linspace(z0, z1, steps)
        edge = [at(x, 0, z0) for x in xs] + [at(x1, 0, z) for z in zs]
        edge += [at(x, 0, z1) for x in xs[::-1]] + [at(x0, 0, z) for z in zs[::-1]]
        cv2.fillPoly(mask, [np.round(np.array(edge) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)

    nearest = -4.0
    for lane in range(-3, 8):
        z0 = (lane + 0.5) * LANE_M
        if nearest < z0 < grass_from + 0.1:
            stripe(-15, 25, z0, z0 + LINE_M)
    stripe(-LINE_M, 0.0, nearest, min(grass_from, 3.5 * LANE_M))
    worn = 1 - 0.12 * np.abs(noise_like(random, mask.shape, 3.0))
    alpha = mask.astype(np.float32) / 255 * random.uniform(0.7, 1.0)
    picture += alpha * (white * worn - picture)

    # the lens: a little softness and darker corners
    picture = cv2.GaussianBlur(picture, (0, 0), 1.0)
    radius2 = ((u / width - 0.5) ** 2 + (v / height - 0.5) ** 2) / 0.5
    picture *= 1 - random.uniform(0.02, 0.12) * radius2
    return Backdrop(np.clip(picture, 3, 250), leaves, float(track), horizon // 2)


def noise_like(random, shape, sd):
    patch = random.standard_normal(shape, dtype=np.float32)
    patch = cv2.GaussianBlur(patch, (0, 0), sd)
    return patch / patch.std()


# ---------------------------------------------------------------------------------------------


class Player(NamedTuple):
    """Somebody in the picture: a figure, a motion and when it begins in scene time."""

    figure: object
    motion: object
    onset_s: float  # scene time; inf = never
    depth_m: float = 0.0
    heading: int = 1  # relative to the run
    shift_m: float = 0.0


class Scene:
    """A track with an athlete on it, seen by a camera; picture(time) draws it."""

    def __init__(self, view, conditions, player, backdrop, *, others=(), seed=0, weather=None):
        self.view, self.conditions = view, conditions
        self.player, self.others = player, tuple(others)
        self.backdrop, self.seed = backdrop, seed
        self.still = cv2.resize(
            backdrop.picture, view.size, interpolation=cv2.INTER_AREA
        )
        self.empty = np.rint(self.still).astype(np.uint8)
        self._draw_noise()

    def _draw_noise(self):
        """Differences of two of these pictures are noise; they differ by row as the light does."""
        level = self.conditions.noise
        self.noise = None
        if level <= 0:
            return
        random = np.random.default_rng([self.seed, 101])
        width, height = self.view.size
        per_row = grain_sd(self.still.mean(1), level).astype(np.float32)[:, None]
        wide = width + 512
        self.noise = np.empty((10, height, wide), np.uint8)
        for i in range(len(self.noise)):
            grain = random.standard_normal((height, wide), dtype=np.float32)
            grain *= per_row / np.sqrt(2)
            grain += 4 * level
            self.noise[i] = np.clip(np.rint(grain), 0, 255)
        self.grain = random.standard_normal((1024, 1024), dtype=np.float32)
        self.grain_sd = grain_sd(np.arange(256), level).astype(np.float32)

    def picture(self, time_s, out=None):
        """The picture exposed around time_s (middle of row 0's exposure): (h, w) uint8."""
        if out is None:
            out = np.empty(self.view.size[::-1], np.uint8)
        random = np.random.default_rng([self.seed, 7, int(round(time_s * 1e6)) & 0xFFFFFFFF])
        np.copyto(out, self.empty)
        box = self._draw_player(out, self.player, time_s)
        self._add_noise(out, box, random)
        return out

    def _draw_player(self, out, player, time_s):
        """Draw one figure over the picture; returns its box (x0, y0, x1, y1) or None."""
        placed = place_limbs(self.view, self.conditions, player, time_s)
        if placed is None:
            return None
        ends, sides, widths, box = placed
        x0, y0, x1, y1 = box
        canvas = out[y0:y1, x0:x1].astype(np.float32)
        corner = np.array([x0, y0], float)
        for limb, end, side, wide in zip(player.figure.limbs, ends, sides, widths, strict=True):
            draw_limb(canvas, corner, limb, end, side, wide)
        np.rint(canvas, out=canvas)
        np.copyto(out[y0:y1, x0:x1], canvas, casting="unsafe")
        return box

    def _add_noise(self, out, box, random):
        if self.noise is None:
            return
        width = self.view.size[0]
        first, second = random.choice(len(self.noise), 2, replace=False)
        left, right = random.integers(0, 512, 2)
        body = None
        if box is not None:
            x0, y0, x1, y1 = box
            body = out[y0:y1, x0:x1].astype(np.float32)
            high, long = body.shape
            gy = random.integers(0, max(1, 1024 - high))
            gx = random.integers(0, max(1, 1024 - long))
            grain = self.grain[gy : gy + high, gx : gx + long]
            if grain.shape == body.shape:
                body += grain * self.grain_sd[out[y0:y1, x0:x1]]
            else:
                body = None
        cv2.add(out, self.noise[first][:, left : left + width], dst=out)
        cv2.subtract(out, self.noise[second][:, right : right + width], dst=out)
        if body is not None:
            np.rint(body, out=body)
            np.clip(body, 0, 255, out=body)
            np.copyto(out[y0:y1, x0:x1], body, casting="unsafe")


def grain_sd(grey, level):
    """SD of the noise at a grey level: a part of reading out and a part that grows with light."""
    return level * np.sqrt(0.33 + 0.67 * np.maximum(grey, 0) / 128)


def place_limbs(view, conditions, player, time_s):
    """Pixels of all limbs' ends at the moments at which their rows are exposed.

    Returns (list of (k, 2, 2) px, sides, widths in px per metre, box) or None outside the picture.
    """
    width, height = view.size
    half = 0.5 * conditions.exposure_s
    reading = conditions.line_time_s * height
    knots = 2 if reading == 0 else 4
    offsets = np.linspace(-half, half + reading, knots) if half + reading > 0 else np.zeros(1)
    times = time_s + offsets
    channels = channels_at(player.motion, times - player.onset_s, times)
    positions = joints(channels, player.motion.athlete)
    if player.heading < 0:
        positions[:, :, 0] *= -1
    positions[:, :, 0] += player.shift_m
    positions[:, :, 2] += player.depth_m
    pixels = project(view, positions)
    if pixels[:, :, 0].max() < -60 or pixels[:, :, 0].min() > width + 60:
        return None
    speed = np.ptp(pixels, axis=0).max(1)  # px over the whole span, per joint
    turn, wider = breadth(player.figure, channels[:1], times[:1])
    scale = view.px_per_m * view.distance_m / (view.distance_m + positions[0, :, 2])
    side = int(turn[0]) * view.direction * player.heading
    ends, sides, widths = [], [], []
    for i, limb in enumerate(player.figure.limbs):
        pair = [limb.a, limb.b]
        moved = float(speed[pair].max()) * (
            1.0 if reading == 0 else conditions.exposure_s / (conditions.exposure_s + reading)
        )
        count = int(min(1 + moved // 0.7, 9)) if conditions.exposure_s > 0 else 1
        if len(times) == 1:
            ends.append(pixels[:1, pair])
        else:
            share = (np.arange(count) + 0.5) / count - 0.5
            at = share[:, None] * conditions.exposure_s + conditions.line_time_s * np.clip(
                pixels[0, pair, 1], 0, height
            )
            ends.append(interpolated(offsets, pixels[:, pair], at))
        sides.append(side)
        widths.append(wider[0, i] * 0.5 * (scale[limb.a] + scale[limb.b]))
    span = np.concatenate([end.reshape(-1, 2) for end in ends])
    margin = 0.09 * player.motion.athlete.height_m * view.px_per_m + 6
    x0, y0 = np.maximum(np.floor(span.min(0) - margin).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(span.max(0) + margin).astype(int), (width, height))
    if x1 <= x0 or y1 <= y0:
        return None
    return ends, sides, widths, (int(x0), int(y0), int(x1), int(y1))


def interpolated(knots, values, at):
    """Values between equally spaced knots.

    values : (m, 2, 2) px at the knots.    at : (k, 2) one time per end.    Returns (k, 2, 2).
    """
    step = knots[1] - knots[0]
    place = np.clip((at - knots[0]) / step, 0, len(knots) - 1 - 1e-9)
    low = place.astype(int)
    share = (place - low)[:, :, None]
    ends = np.arange(2)
    return values[low, ends] * (1 - share) + values[low + 1, ends] * share
