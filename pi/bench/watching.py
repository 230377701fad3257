"""The watch during the hold: how soon it sees 20 mm, what it costs, and whom it calls back for
nothing."""

from __future__ import annotations

import time as clock
from typing import Any, NamedTuple

import cv2
import numpy as np

from ..calibration import fit_line
from ..drills import POSTURES
from ..settings import Settings
from ..simulate import CONDITIONS, Scene
from ..simulate.backdrop import cones
from ..simulate.clip import draw_scene
from ..simulate.truth import what_happened
from ..watch import Watch

SEEN_M = 0.020
SETTLES_S = 1.4
HOLD_S = 3.0
SMALL, SMALL_FPS = (640, 360), 60.0
"""Holds in wind are drawn in a quarter of the pixels and at half the rate, to be many; as much wind
is half as many px there."""


class Hold(NamedTuple):
    """Holds in wind by one athlete, one after another."""

    posture: str
    seed: int
    holds: int


class Movement(NamedTuple):
    """A start that the watch has to see."""

    posture: str
    weather: str
    seed: int


def holds(*, quick: bool) -> list[Hold]:
    """12 holds, or 200."""
    each, seeds = (3, 1) if quick else (10, 5)
    return [
        Hold(posture, 7001 + 10 * s + k, each)
        for s in range(seeds)
        for k, posture in enumerate(POSTURES)
    ]


def movements(*, quick: bool) -> list[Movement]:
    """Every posture in clean light; or with wind and noise too."""
    weathers = ("clean",) if quick else ("clean", "wind", "noise")
    return [
        Movement(posture, weather, 7501 + 10 * row + column)
        for row, weather in enumerate(weathers)
        for column, posture in enumerate(POSTURES)
    ]


def false_alarms(case: Hold) -> int:
    """In how many holds of 3 s somebody who lies still would be called back."""
    cv2.setNumThreads(1)
    limit_m = Settings().recall_limit_m
    wind = CONDITIONS["wind"]
    wind = wind._replace(wind_px=wind.wind_px * SMALL[0] / 1280)
    scene, _ = draw_scene(
        case.posture, seed=case.seed, size=SMALL, conditions=wind, ending="no_movement"
    )
    alarms = 0
    for k in range(case.holds):
        begin = k * (SETTLES_S + HOLD_S)
        end = begin + SETTLES_S + HOLD_S
        sights = _watched(scene, begin, end, SMALL_FPS, case.posture).sights
        alarms += any(moved > limit_m for moved in sights if np.isfinite(moved))
    return alarms


class Watched(NamedTuple):
    """What the watch said of some pictures."""

    time: np.ndarray  # s
    sights: np.ndarray  # m, NaN before the hold
    ms_per_frame: float


def _watched(scene: Scene, begin: float, end: float, fps: float, posture: str) -> Watched:
    watch = Watch(
        scene.view.size,
        line=fit_line(cones(scene.view)),
        recall_limit_m=Settings().recall_limit_m,
        high_m=POSTURES[posture].high_m,
    )
    time = np.arange(begin, end, 1 / fps)
    moved, spent, rests = [], 0.0, False
    for instant in time:
        if not rests and instant >= begin + SETTLES_S:
            watch.rest()
            rests = True
        picture = scene.picture(instant)
        start = clock.process_time()
        moved.append(watch.see(picture, instant).moved_m)
        spent += clock.process_time() - start
    return Watched(time, np.array(moved), 1e3 * spent / len(time))


def latency(case: Movement) -> dict[str, Any]:
    """s from when some part truly is 20 mm away to the picture in which the watch sees it, that is
    in which it would call back; None: not within 0.5 s. And its time, ms a frame.

    In pictures of 1280×720 at 120 frames/s, counted to the picture's exposure.
    """
    cv2.setNumThreads(1)
    signal_s = SETTLES_S + 0.6
    scene, onset_s = draw_scene(
        case.posture, seed=case.seed, conditions=CONDITIONS[case.weather], signal_s=signal_s
    )
    motion, figure = scene.player.motion, scene.player.figure
    went = what_happened(motion, figure, onset_s, signal_s=signal_s, view=scene.view)[
        "displacement"
    ]
    far = float(signal_s + went["time_s"][np.argmax(went["farthest_m"] > SEEN_M)])
    found = _watched(scene, 0.0, far + 0.5, 120.0, case.posture)
    seen = np.nan_to_num(found.sights) > Settings().recall_limit_m
    at = found.time[np.argmax(seen)] if seen.any() else None
    return {
        "latency_s": None if at is None else float(at - far),
        "ms_per_frame": found.ms_per_frame,
    }
