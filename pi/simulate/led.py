"""The box's LED as a camera sees it flash, whose clock, exposure and line time are known."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pi.led_check import Flashing


class LedScene(NamedTuple):
    """How the LED is seen. Light is linear, 1 where a pixel clips."""

    size: tuple[int, int] = (100, 80)  # px, width and height of what is drawn around it
    top: int = 300  # the row of the whole picture that it begins with
    glow_px: float = 16.0  # standard deviation of the light around it
    light: float = 0.5  # of that light in its middle
    core_px: float = 2.0  # the LED itself, which clips
    ambient: float = 0.25
    noise: float = 3.0  # grey levels
    gamma: float = 2.2


def simulate_flashing(
    flashes: np.ndarray,
    *,
    seed: int,
    fps: float = 120.0,
    exposure_s: float = 0.001,
    late_s: float = 0.0,
    line_time_s: float = 9.2e-6,
    jitter_s: float = 2e-6,
    scene: LedScene = LedScene(),  # noqa: B008 - immutable
) -> Flashing:
    """A recording of the LED by a camera whose stamps are late by `late_s`.

    flashes : (m, 2) s on and off, as of `led_check.draw_flashes`.
    """
    random = np.random.default_rng([seed, 31])
    edges = 0.3 + np.cumsum(flashes.ravel())
    on, off = np.append(0.3, edges[1:-1:2]), edges[::2]
    count = int((off[-1] + 0.3) * fps)
    middle = random.uniform(0, 1 / fps) + np.arange(count) / fps
    drawn = Led(scene, random)
    row = scene.top + np.arange(scene.size[1])
    luma = np.empty((count, scene.size[1], scene.size[0]), np.uint8)
    for k, at in enumerate(middle):
        begin = at + row * line_time_s - exposure_s / 2
        share = lit_between(on, off, begin, begin + exposure_s) / exposure_s
        luma[k] = drawn.picture(share, random)
    stamps = middle + late_s + random.normal(0.0, jitter_s, count)
    return Flashing(luma, stamps, on, off, exposure_s, scene.top)


def lit_between(on: np.ndarray, off: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Seconds for which the LED was on from begin to end; on and off in order, off last or open."""

    def lit_until(at: np.ndarray) -> np.ndarray:
        k = np.searchsorted(on, at)
        whole = np.append(0.0, np.cumsum(off - on))
        last = np.maximum(k - 1, 0)
        return np.where(k > 0, whole[last] + np.minimum(at - on[last], off[last] - on[last]), 0.0)

    return lit_until(end) - lit_until(begin)


class Led:
    """What the scene's pixels receive from the LED, where it is drawn."""

    def __init__(self, scene: LedScene, random: np.random.Generator):
        width, height = scene.size
        v, u = np.indices((height, width))
        middle = random.uniform(0.35, 0.65) * width, random.uniform(0.4, 0.6) * height
        away = np.hypot(u - middle[0], v - middle[1])
        self.glow = scene.light * np.exp(-0.5 * (away / scene.glow_px) ** 2)
        self.glow += 20.0 * np.exp(-0.5 * (away / scene.core_px) ** 2)
        self.ambient = scene.ambient * random.uniform(0.6, 1.4, (height, width))
        self.scene = scene

    def picture(self, share: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """(h, w) uint8 of rows that are lit for a share (h,) of their exposure."""
        return self._grey(
            self.ambient, share, random.normal(0.0, self.scene.noise, self.glow.shape)
        )

    def over(self, under: np.ndarray, share: np.ndarray) -> np.ndarray:
        """(h, w) uint8, the LED's light on what a picture shows already."""
        part = slice(len(under)), slice(under.shape[1])
        light = (under / 255.0) ** self.scene.gamma
        return self._grey(light, share, 0.0, part)

    def _grey(
        self, light: np.ndarray, share: np.ndarray, noise: np.ndarray | float, part: Any = ...
    ) -> np.ndarray:
        lit = np.clip(light + share[:, None] * self.glow[part], 0.0, 1.0)
        grey = 255.0 * lit ** (1.0 / self.scene.gamma) + noise
        return np.rint(np.clip(grey, 0, 255)).astype(np.uint8)
