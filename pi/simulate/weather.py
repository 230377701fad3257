"""What changes in a picture though nobody moves: leaves, light, clouds, a shaking tripod."""

from typing import NamedTuple

import cv2
import numpy as np

GRID = 8  # px between the places at which the wind's displacement is worked out


class Conditions(NamedTuple):
    """What film is like on that day. The defaults are a clean day and a good camera."""

    noise: float = 1.2  # SD in grey levels at mid grey; a third of its power is there in the dark
    exposure_s: float = 0.001
    line_time_s: float = 0.0  # rolling shutter
    shadow: float = 0.0  # how dark bodies' shadows are, 0…1
    wind_px: float = 0.0  # how far leaves and grass move in gusts
    passers_by: int = 0
    crossing: bool = False  # somebody walks between camera and lane, late
    drift: float = 0.0  # slow change of brightness, share
    exposure_step: float = 0.0  # a jump of the camera's own exposure near the signal, share
    shake_px: float = 0.0  # SD of the whole picture on a nervous tripod
    bump_px: float = 0.0  # somebody knocks the tripod near the signal
    low_contrast: bool = False  # clothes as grey as the track
    smooth_ground: bool = False
    cloud: float = 0.0  # depth of a cloud's shadow wandering across, share
    dropped: float = 0.0  # share of pictures that never arrive
    yaw_deg: float = 0.0  # camera not quite at right angles to the line


CONDITIONS = {
    "clean": Conditions(),
    "wind": Conditions(wind_px=4.0),
    "passers_by": Conditions(passers_by=2),
    "crossing": Conditions(crossing=True),
    "drift": Conditions(drift=0.03),
    "exposure_step": Conditions(exposure_step=0.08),
    "shake": Conditions(shake_px=0.5),
    "bump": Conditions(shake_px=0.5, bump_px=2.0),
    "low_contrast": Conditions(low_contrast=True),
    "smooth_ground": Conditions(smooth_ground=True),
    "noise": Conditions(noise=6.0),
    "dim": Conditions(noise=4.5, exposure_s=0.004),
    "rolling_shutter": Conditions(line_time_s=11e-6),
    "shadow": Conditions(shadow=0.45),
    "cloud": Conditions(cloud=0.35),
    "everything": Conditions(
        noise=2.5, exposure_s=0.002, line_time_s=9.2e-6, shadow=0.35, wind_px=2.5, passers_by=2,
        drift=0.02, shake_px=0.25, cloud=0.2, yaw_deg=1.5,
    ),
}  # fmt: skip


class Weather(NamedTuple):
    """One day: numbers that say how light, air and tripod change with scene time."""

    conditions: Conditions
    drift: np.ndarray  # (k, 2) Hz, phase
    step_s: float
    step: float
    shake: np.ndarray  # (k, 5) Hz, amplitude x, phase x, amplitude y, phase y
    bump_s: float
    bump: np.ndarray  # (2,) px
    gusts: np.ndarray  # (k, 2) Hz, phase
    waves: np.ndarray  # (k, 5) rad/px along x, along y, rad/s, direction, share
    sky: np.ndarray | None  # (h, wide) uint8 light through the clouds, 255 = full
    sky_px_s: float
    sun: tuple  # how far a shadow falls along x and z per metre of height


def draw_weather(conditions, size, px_per_m, around_s, random):
    """A day with these conditions; sudden things happen near scene time around_s."""
    uniform = random.uniform
    width, height = size
    turn = 2 * np.pi
    hertz = uniform(1.0, 12.0, 7)
    size_x, size_y = uniform(0.4, 1.0, 7), uniform(0.3, 0.8, 7)
    size_x *= conditions.shake_px / np.sqrt(0.5 * np.sum(size_x**2))
    size_y *= 0.8 * conditions.shake_px / np.sqrt(0.5 * np.sum(size_y**2))
    scale = px_per_m / 152.0
    length = np.concatenate([uniform(60, 400, 5), uniform(18, 45, 3)]) * scale
    angle, heading = uniform(0, turn, 8), uniform(0, turn, 8)
    rate = np.concatenate([uniform(0.4, 2.5, 5), uniform(3.0, 6.0, 3)])
    share = np.concatenate([np.full(5, 0.55), np.full(3, 0.15)]) * uniform(0.6, 1.4, 8)
    sky = None
    if conditions.cloud:
        coarse = random.standard_normal((6, 24)).astype(np.float32)
        sky = cv2.resize(coarse, (4 * width, height), interpolation=cv2.INTER_CUBIC)
        sky = 1 - conditions.cloud / (1 + np.exp(-3 * sky))
        sky = np.rint(255 * sky / sky.max()).astype(np.uint8)
    bump_way = uniform(0, turn)
    return Weather(
        conditions,
        np.column_stack([uniform(0.05, 0.4, 3), uniform(0, turn, 3)]),
        around_s + uniform(-0.4, 0.8), conditions.exposure_step * random.choice([-1, 1]),
        np.column_stack([hertz, size_x, uniform(0, turn, 7), size_y, uniform(0, turn, 7)]),
        around_s + uniform(-1.5, 2.0),
        conditions.bump_px * np.array([np.cos(bump_way), np.sin(bump_way)]),
        np.column_stack([uniform(0.08, 0.5, 3), uniform(0, turn, 3)]),
        np.column_stack([turn / length * np.cos(angle), turn / length * np.sin(angle),
                         turn * rate, heading, share]),
        sky, uniform(30, 160) * scale * random.choice([-1, 1]),
        (uniform(-1.3, 1.3), uniform(0.15, 0.9) * random.choice([-1, 1])),
    )  # fmt: skip


def light(weather, time_s):
    """Brightness of the whole picture against the day's usual."""
    drift = weather.conditions.drift
    if drift:
        hertz, phase = weather.drift.T
        drift *= float(np.sin(2 * np.pi * hertz * time_s + phase).mean())
    return (1 + drift) * (1 + (weather.step if time_s >= weather.step_s else 0.0))


def shaken(weather, times):
    """By how much the tripod moves the picture: (n, 2) px."""
    times = np.asarray(times, float)
    shift = np.zeros((*times.shape, 2))
    if weather.conditions.shake_px:
        hertz, size_x, phase_x, size_y, phase_y = weather.shake.T
        turned = 2 * np.pi * hertz * times[..., None]
        shift[..., 0] = (size_x * np.sin(turned + phase_x)).sum(-1)
        shift[..., 1] = (size_y * np.sin(turned + phase_y)).sum(-1)
    if weather.conditions.bump_px:
        since = np.maximum(times - weather.bump_s, 0.0)
        swings = np.exp(-since / 0.22) * np.sin(2 * np.pi * 7.5 * since)
        stays = 0.3 * (1 - np.exp(-since / 0.1))
        shift += (swings + stays)[..., None] * weather.bump
    return shift


def blown(weather, time_s, box):
    """How far the wind has moved what grows there, at every GRID-th px of the box.

    box : x0, y0, x1, y1 px.    Returns (rows, columns, 2) float32 px.
    """
    x0, y0, x1, y1 = box
    hertz, phase = weather.gusts.T
    gust = 0.45 + 0.55 * np.sin(2 * np.pi * hertz * time_s + phase).mean() * 1.6
    x = np.arange(x0, x1 + GRID, GRID, dtype=np.float32)
    y = np.arange(y0, y1 + GRID, GRID, dtype=np.float32)
    moved = np.zeros((len(y), len(x), 2), np.float32)
    for along_x, along_y, rate, heading, share in weather.waves.astype(np.float32):
        # a sine of a sum, from the sines of its parts: rows and columns instead of pixels
        row = along_y * y - np.float32((rate * time_s) % (2 * np.pi))
        column = along_x * x
        wave = np.outer(np.sin(row), np.cos(column)) + np.outer(np.cos(row), np.sin(column))
        wave *= share
        moved[:, :, 0] += np.cos(heading) * wave
        moved[:, :, 1] += 0.6 * np.sin(heading) * wave
    lean = np.float32(0.5 * gust)  # gusts also push everything one way
    moved[:, :, 0] += lean
    return moved * np.float32(max(gust, 0.05) * weather.conditions.wind_px)
