"""The empty track and what lies behind it, as a pinhole camera beside the lane sees them."""

from typing import NamedTuple

import cv2
import numpy as np

LINE_M = 0.05
LANE_M = 1.22


class View(NamedTuple):
    """Where the camera stands and what it sees: level, and at right angles unless turned.

    yaw : a quarter turn looks along the lane from behind the start, minus one from ahead.
    """

    size: tuple = (1280, 720)
    px_per_m: float = 152.0  # on the running line, in the middle of the picture
    distance_m: float = 9.5
    camera_height_m: float = 1.0
    behind_m: float = 1.65  # how much is seen behind the start line
    direction: int = 1  # +1: runs to the right
    yaw: float = 0.0  # rad
    pitch: float = 0.0  # rad, looks down

    @property
    def focal_px(self):
        return self.px_per_m * self.distance_m

    @property
    def along(self):
        """Whether the camera looks along the lane rather than across it."""
        return abs(np.sin(self.yaw)) > 0.7


def in_camera(view, points):
    """Points in metres as the camera has them: (…, 3) right, up and ahead of it, metres.

    points : (…, 3) x along the run, y up, z away from a camera beside the lane.
    """
    points = np.asarray(points, float)
    middle = 0.5 * view.size[0] / view.px_per_m - view.behind_m
    x = points[..., 0] - middle
    z = points[..., 2]
    right = x * np.cos(view.yaw) - z * np.sin(view.yaw)
    ahead = x * np.sin(view.yaw) + z * np.cos(view.yaw) + view.distance_m
    up = points[..., 1] - view.camera_height_m
    if view.pitch:
        down, flat = np.sin(view.pitch), np.cos(view.pitch)
        up, ahead = up * flat + ahead * down, ahead * flat - up * down
    return np.stack([right, up, ahead], -1)


def project(view, points):
    """Pixels of points in metres: (…, 3), as in `in_camera`, to (…, 2) px."""
    width, height = view.size
    right, up, ahead = np.moveaxis(in_camera(view, points), -1, 0)
    return np.stack(
        [
            0.5 * (width - 1) + view.direction * view.focal_px * right / ahead,
            0.5 * (height - 1) - view.focal_px * up / ahead,
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


CONE_M = (0.24, 0.30)  # across its foot, and high
CONE_GREY = 35


def draw_cone(view, metres):
    """A cone on the running line: where it is in the picture, how much it covers there, its grey.

    Returns ((rows, columns), (h, w) share from 0 to 1, grey).
    """
    wide, high = CONE_M
    width, height = view.size
    half = [(-0.5, 0.0), (-0.5, 0.1), (-0.35, 0.1), (-0.08, 1.0)]  # left side, from the foot up
    outline = [(share * wide, up * high) for share, up in half]
    outline += [(-x, up) for x, up in outline[::-1]]
    corners = project(view, [(metres + x, up, 0.0) for x, up in outline])
    left, top = np.floor(corners.min(0)).astype(int) - 2
    right, bottom = np.ceil(corners.max(0)).astype(int) + 3
    fine = 8
    mask = np.zeros((fine * (bottom - top), fine * (right - left)), np.uint8)
    at = np.round((corners - (left, top) + 0.5) * fine - 0.5).astype(np.int32)
    cv2.fillPoly(mask, [at], 255)
    cover = cv2.resize(mask, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    cover = cv2.GaussianBlur(cover.astype(np.float32) / 255, (0, 0), 0.6)
    rows, columns = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
    cover = cover[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return (rows, columns), cover, CONE_GREY


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
    far = 30000.0  # texels: as far as OpenCV wraps
    return cv2.remap(
        texture,
        np.clip(x * np.float32(1 / scale), -far, far),
        np.clip(y * np.float32(1 / scale), -far, far),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )


class Backdrop(NamedTuple):
    """The empty scene at twice the resolution, and what in it the wind moves."""

    picture: np.ndarray  # (2h, 2w) uint8
    leaves: np.ndarray  # (2h, 2w) uint8, 255 = moves as the wind does
    track_grey: float
    horizon: int  # row of the picture


def draw_backdrop(view, random, *, smooth_ground=False, lanes=1, aside_m=0.0):
    """The empty lane and what lies behind it.

    lanes : so many at least are no grass.    aside_m : how far the lanes' lines lie to the side.
    """
    width, height = 2 * view.size[0], 2 * view.size[1]
    fine = view._replace(size=(width, height), px_per_m=2 * view.px_per_m)

    def at(x, y, z):
        return project(fine, (x, y, z))

    # of a camera that looks along the lane, nothing beside or behind it can be projected
    stands = 0.5 * view.size[0] / view.px_per_m - view.behind_m - view.distance_m * np.sin(view.yaw)
    view_along = (-15.0, 25.0)
    if view.along:
        view_along = (stands + 1.0, 60.0) if view.yaw > 0 else (-60.0, stands - 1.0)

    level = 0.5 * (height - 1) - fine.focal_px * np.tan(view.pitch)
    horizon = int(np.clip(level, -4, height - 8))
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
    tops = horizon - far * (
        random.uniform(3.5, 7.0)
        + 2.0
        * cv2.GaussianBlur(random.standard_normal((1, width)).astype(np.float32), (0, 0), far * 1.2)
        * np.sqrt(far)
    )
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
        brick = 6 * (
            (np.mod(v * scale, 0.25) < 0.02)
            | (np.mod(u * scale + 0.5 * (np.floor(v * scale / 0.25) % 2), 1.0) < 0.015)
        )
        wall = grey - brick + 3 * spread(crowns, u * scale, v * scale, 0.03)
        board = np.floor(u * scale / 3.0)
        wall = wall + 25 * np.sin(board * 12.9898) * (np.mod(u * scale, 6.0) < 3.0)
        picture[v >= top] = wall[v >= top]
        leaves[v >= top] = 0
    elif kind == "fence":
        post = np.mod(u * scale + 0.7, 2.0) < 0.06
        mesh = (np.mod(u * scale, 0.1) < 0.012) | (np.mod(v * scale, 0.2) < 0.012)
        picture[(v >= top) & mesh] -= 30
        leaves[v >= top] = 0  # a mesh that waved with what is behind it would look wrong
        picture[(v >= top) & post] = random.uniform(60, 170)

    # ground: for every pixel below the horizon the metres it shows
    corners = [(0, 0), (6, 0), (6, 12), (0, 12)]
    to_picture = cv2.getPerspectiveTransform(
        np.array(corners, np.float32), np.array([at(x, 0, z) for x, z in corners], np.float32)
    )
    inverse = np.linalg.inv(to_picture).astype(np.float32)
    first = max(horizon + 2, 0)
    gu, gv = u[first:], v[first:]
    w = inverse[2, 0] * gu + inverse[2, 1] * gv + inverse[2, 2]
    x = (inverse[0, 0] * gu + inverse[0, 1] * gv + inverse[0, 2]) / w
    z = (inverse[1, 0] * gu + inverse[1, 1] * gv + inverse[1, 2]) / w
    track = random.uniform(75, 135)
    strength = 0.15 if smooth_ground else 1.0
    fade = np.clip(fine.distance_m / (fine.distance_m + np.maximum(z, -5)), 0, 1.5)
    coarse, grain = tile(random, 512, 4.0), tile(random, 1024, 0.0)
    tartan = track + strength * fade * (
        random.uniform(2, 6) * spread(coarse, x, z, 0.04)
        + random.uniform(3, 8) * spread(grain, x, z, 0.013)
    )
    tartan += strength * random.uniform(1, 4) * noise_like(random, gu.shape, 0.9)
    grass_from = LANE_M * (0.5 + max(int(random.integers(1, 5)), lanes))
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
        x0, x1 = np.clip([x0, x1], *view_along)
        xs, zs = np.linspace(x0, x1, steps), np.linspace(z0, z1, steps)
        edge = [at(x, 0, z0) for x in xs] + [at(x1, 0, z) for z in zs]
        edge += [at(x, 0, z1) for x in xs[::-1]] + [at(x0, 0, z) for z in zs[::-1]]
        cv2.fillPoly(mask, [np.round(np.array(edge) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)

    nearest = -4.0
    for lane in range(-3, 8):
        z0 = (lane + 0.5) * LANE_M + aside_m
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
    leaves = cv2.GaussianBlur(leaves, (0, 0), 6.0)  # no tear where moving meets still
    picture = np.rint(np.clip(picture, 3, 250)).astype(np.uint8)
    return Backdrop(picture, np.rint(255 * leaves).astype(np.uint8), float(track), horizon // 2)


def noise_like(random, shape, sd):
    patch = random.standard_normal(shape, dtype=np.float32)
    patch = cv2.GaussianBlur(patch, (0, 0), sd)
    return patch / patch.std()
