"""Draws the jointed figure: every limb a piece of cloth or skin with its own grey and texture.

A limb is a small picture with an outline, made once at twice the resolution and laid on the scene
by an affine map, so that it moves by hundredths of a pixel and its texture moves with it.
"""

from typing import NamedTuple

import cv2
import numpy as np

from pi.simulate.body import JOINT, Athlete, parts

DENSE = 2.0  # texels of a limb's picture per pixel of the scene
LENGTH = {
    "upper_arm": 0.186, "forearm": 0.146, "hand": 0.085, "toe": 0.045, "foot": 0.100,
    "ankle": 0.068, "shank": 0.246, "thigh": 0.245, "neck": 0.085, "head": 0.024,
    "pelvis": 0.155, "chest": 0.155,
}  # fmt: skip


class Limb(NamedTuple):
    name: str
    group: str
    a: int
    b: int
    length_m: float
    radius_m: tuple
    picture: np.ndarray  # (h, w, 2) float32: grey times cover, cover
    origin: tuple  # texel of joint a
    density: float  # texels per metre
    outline: np.ndarray  # (k, 2) m: along, across
    flap: float  # share of its width that loose cloth adds when the athlete runs
    far: bool


class Figure(NamedTuple):
    limbs: tuple
    athlete: Athlete


def noise_patch(shape, sd_px, random):
    """Blotches of about the given size, mean 0, SD 1."""
    patch = random.standard_normal(shape, dtype=np.float32)
    patch = cv2.GaussianBlur(patch, (0, 0), max(sd_px, 0.3), borderType=cv2.BORDER_REFLECT)
    return (patch - patch.mean()) / max(float(patch.std()), 1e-6)


def cloth(shape, density, base, random):
    """A piece of cloth: blotches, stripes or nearly plain; sometimes strong, sometimes faint."""
    strength = random.choice([2.0, 5.0, 10.0, 18.0], p=[0.2, 0.3, 0.3, 0.2])
    kind = random.integers(3)
    grey = np.full(shape, base, np.float32)
    if kind == 0:
        grey += strength * noise_patch(shape, density * random.uniform(0.012, 0.04), random)
    elif kind == 1:
        period = density * random.uniform(0.03, 0.10)
        angle = random.uniform(0, np.pi)
        y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
        grey += strength * np.clip(3 * wave, -1, 1)
    grey += (1.0 + 0.25 * strength) * noise_patch(shape, density * 0.008, random)
    return grey


def dress(athlete, px_per_m, random, *, ground=None, brightness=1.0):
    """The athlete's limbs, ready to draw at about px_per_m.

    ground : grey of the track for clothes that hardly differ from it, else any clothes.
    """
    height = athlete.height_m
    greys = {
        "skin": random.uniform(70, 190),
        "hair": random.uniform(25, 110),
        "shirt": random.uniform(25, 225),
        "shorts": random.uniform(20, 200),
        "shoe": random.uniform(40, 235),
    }
    faint = dict(zip(greys, random.normal(0, 5, len(greys)), strict=True))
    if ground is not None:
        greys = {name: ground + off for name, off in faint.items()}
    greys["sleeve"] = greys["shirt"] if random.uniform() < 0.6 else greys["skin"]
    greys["sock"] = greys["skin"] if random.uniform() < 0.6 else greys["shorts"]
    density = DENSE * px_per_m
    limbs = []
    for part in parts():
        kind = part.name.removesuffix("_near").removesuffix("_far")
        far = part.name.endswith("_far")
        stout = athlete.stout if part.group != "head" and part.cloth != "shoe" else 1.0
        loose = athlete.loose if part.cloth in ("shirt", "shorts", "sleeve") else 0.0
        radius_a = part.radius_a * height * stout * (1 + 0.25 * loose)
        radius_b = part.radius_b * height * stout * (1 + 0.35 * loose)
        length = LENGTH[kind] * height
        pad = 3 / density
        widest = 1.12 * max(radius_a, radius_b)
        shape = (
            int(np.ceil(density * 2 * (widest + pad))) | 1,
            int(np.ceil(density * (length + radius_a + radius_b + 2 * pad))),
        )
        origin = (density * (radius_a + pad), shape[0] / 2 - 0.5)
        outline = capsule(length, radius_a, radius_b, kind)
        wobble = 1 + (0.015 + 0.05 * loose) * np.interp(
            np.linspace(0, 1, len(outline)), np.linspace(0, 1, 9),
            np.append(w := random.normal(0, 1, 8), w[0]),
        )  # fmt: skip
        outline = outline * np.column_stack([np.ones(len(outline)), np.clip(wobble, 0.88, 1.12)])
        fine = cv2.fillPoly(
            np.zeros((shape[0] * 4, shape[1] * 4), np.uint8),
            [np.round(((outline * density + origin) * 4 + 1.5) * 16).astype(np.int32)],
            255, shift=4,
        )  # fmt: skip
        cover = cv2.resize(fine, shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        cover = cv2.GaussianBlur(cover, (0, 0), 0.45 * DENSE)
        base = greys[part.cloth] * (0.84 if far else 1.0) * brightness
        grey = cloth(shape, density, base, random)
        if kind == "head":
            grey += face(shape, origin, density, height, greys["skin"] * brightness - base)
        across = (np.arange(shape[0], dtype=np.float32) - origin[1]) / (density * widest)
        light = 1 + 0.16 * across - 0.22 * across**2  # lit from above and in front
        grey = np.clip(grey * light[:, None], 4, 250)
        picture = np.ascontiguousarray(np.dstack([grey * cover, cover]), np.float32)
        limbs.append(
            Limb(part.name, part.group, JOINT[part.a], JOINT[part.b], length,
                 (radius_a, radius_b), picture, origin, density, outline[::3].copy(),
                 loose * random.uniform(0.04, 0.10), far)
        )  # fmt: skip
    return Figure(tuple(limbs), athlete)


def capsule(length, radius_a, radius_b, kind):
    """Outline of a tapered capsule from a = (0, 0) to b = (length, 0), (48, 2) m."""
    back = np.linspace(0.5 * np.pi, 1.5 * np.pi, 13)
    ahead = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 13)
    along = np.linspace(0, 1, 13)[1:-1]
    belly = {"shank": 0.10, "thigh": 0.03, "forearm": 0.08, "chest": 0.06}.get(kind, 0.0)
    side = (radius_a + (radius_b - radius_a) * along) * (1 + belly * np.sin(np.pi * along**0.6))
    low = np.column_stack([along * length, -side])
    high = np.column_stack([along[::-1] * length, side[::-1]])
    return np.vstack([
        np.column_stack([radius_a * np.cos(back), radius_a * np.sin(back)]),
        low,
        np.column_stack([length + radius_b * np.cos(ahead), radius_b * np.sin(ahead)]),
        high,
    ])  # fmt: skip


def face(shape, origin, density, height, lift):
    """What makes the front of a head lighter than its hair."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    along, across = (x - origin[0]) / (density * height), (y - origin[1]) / (density * height)
    front = 1 / (1 + np.exp(-(across + 0.25 * along - 0.004 - 0.03 * (along > 0.05)) / 0.004))
    below = 1 / (1 + np.exp((along - 0.038) / 0.004))
    return lift * (1 - (1 - front) * (1 - 0.5 * (1 - below))) * below


def limb_map(limb, a, b, side, wide):
    """The affine map that lays a limb's picture between two points.

    a, b : (2,) px.    side : ±1, which way across is.    wide : px per metre of width.
    """
    along = (b - a) / limb.length_m
    distance = np.hypot(*along)
    if distance < 1e-6:
        along, distance = np.array([1e-6, 0.0]), 1e-6
    across = np.array([-along[1], along[0]]) / distance * (side * wide)
    matrix = np.empty((2, 3))
    matrix[:, 0] = along / limb.density
    matrix[:, 1] = across / limb.density
    matrix[:, 2] = a - matrix[:, 0] * limb.origin[0] - matrix[:, 1] * limb.origin[1]
    return matrix


def draw_limb(canvas, corner, limb, ends, side, wide):
    """Lay one limb on the canvas, averaged over where it is while the shutter is open.

    canvas : (h, w) float32, changed.    corner : its top left px.    ends : (k, 2, 2) px, a and b.
    """
    high, long = canvas.shape
    margin = 1.15 * max(limb.radius_m) * wide + 3
    points = ends.reshape(-1, 2) - corner
    x0, y0 = np.maximum(np.floor(points.min(0) - margin).astype(int), 0)
    x1, y1 = np.ceil(points.max(0) + margin).astype(int) + 1
    x1, y1 = min(x1, long), min(y1, high)
    if x1 <= x0 or y1 <= y0:
        return
    layer = np.zeros((y1 - y0, x1 - x0, 2), np.float32)
    for a, b in ends:
        matrix = limb_map(limb, a - corner, b - corner, side, wide)
        matrix[:, 2] -= (x0, y0)
        layer += cv2.warpAffine(
            limb.picture, matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR
        )
    layer *= 1.0 / len(ends)
    under = canvas[y0:y1, x0:x1]
    under *= 1 - layer[:, :, 1]
    under += layer[:, :, 0]
