"""The timer's tests of itself, with the devices it is given: the LED before the camera, and the
LED's tick with the buzzer for a recording."""

from __future__ import annotations

import threading
from random import SystemRandom
from typing import Any

import numpy as np

from .camera import Camera, Frames
from .led_check import (
    FLASHES,
    WRONG_S,
    Clock,
    Flashing,
    clock_of,
    draw_flashes,
    joined,
    near_led,
    same_part,
    told,
)
from .sound_check import AFTER_S, GAP_S, PAUSE_S, REPEATS, TONE_S
from .start_signal import StartSignal
from .store import SelfTest

QUIET_S = 0.25
"""Of darkness before the first flash and after the last."""
SECOND_EXPOSURE = 4.0
"""The second half of the flashes is seen with so many times the exposure, or a part of it."""
LONGEST = 0.5
"""Of a frame: longer exposures would leave no time between them."""


def check_clock(signal: StartSignal, camera: Camera, stop: threading.Event) -> dict[str, Any]:
    """Offset between the camera's stamps and the pins' clock, line time and convention, as JSON.

    The LED flashes some 200 times, the buzzer is silent. Raises ValueError with what to do when it
    is not seen, or when none is wired.
    """
    if signal.led is None:
        raise ValueError("led: none is wired; set pins.led in the settings")
    exposures_us = [camera.exposure_ns // 1000]
    longest_us = round(LONGEST * 1e6 / camera.fps)
    other_us = round(exposures_us[0] * SECOND_EXPOSURE)
    if other_us > longest_us:
        other_us = round(exposures_us[0] / SECOND_EXPOSURE)
    clocks: list[Clock] = []
    seen_s: list[float] = []
    try:
        for exposure_us in (exposures_us[0], other_us):
            if clocks and not camera.expose(exposure_us):
                continue
            parts: list[Flashing] = []
            for flashes in _in_pieces(camera):
                whole = _recorded(signal, camera, flashes, stop)
                part = same_part(whole, parts[0]) if parts else near_led(whole)
                parts.append(part)
            clocks.append(clock_of(joined(parts), line_time_s=camera.line_time_ns * 1e-9))
            seen_s.append(exposure_us * 1e-6)
    finally:
        camera.expose(None)
    return told(clocks, seen_s, camera.stamped_at) | {"flashes": FLASHES}


def _in_pieces(camera: Camera) -> list[np.ndarray]:
    """Half of the flashes, in as many parts as the ring needs."""
    flashes = draw_flashes(FLASHES // 2, 1.0 / camera.fps, SystemRandom())
    room_s = camera.ring.seconds - 2.0 * QUIET_S - 1.0
    pieces = int(np.ceil(flashes.sum() / room_s)) if room_s > 0 else len(flashes)
    if len(flashes) < 10 * pieces:
        raise ValueError("led: the ring is too short; set camera.ring_seconds to 6 or more")
    return np.array_split(flashes, pieces)


def _recorded(
    signal: StartSignal, camera: Camera, flashes: np.ndarray, stop: threading.Event
) -> Flashing:
    edges: list[int] = []
    camera.flashes = edges
    camera.start()
    try:
        stop.wait(QUIET_S)
        signal.flash(flashes, edges, stop)
        stop.wait(QUIET_S)
    finally:
        camera.stop()
        camera.flashes = None
    if camera.problem:
        raise ValueError(camera.problem)
    if len(edges) < 2:
        raise ValueError("led: stopped")
    on_off = np.array(edges[: len(edges) // 2 * 2]).reshape(-1, 2)
    frames: Frames = camera.recording(int(on_off[0, 0] - 1e9), int(on_off[-1, 1] + 1e9))
    if len(frames.times_ns) < 3 * len(on_off):
        raise ValueError("led: the camera gives too few pictures; check its cable")
    on, off = on_off.T * 1e-9
    return Flashing(frames.luma, frames.times_ns * 1e-9, on, off, frames.exposure_ns * 1e-9)


def play_ticks(signal: StartSignal, stop: threading.Event) -> dict[str, Any]:
    """Tick and tone, `REPEATS` times, for a recording; how far apart the pins were written.

    Raises ValueError when buzzer or LED is not wired.
    """
    random = SystemRandom()
    gaps = []
    for _ in range(REPEATS):
        if stop.is_set():
            raise ValueError("sound: stopped")
        gaps.append(signal.tick_and_tone(GAP_S, TONE_S, AFTER_S, stop))
        stop.wait(PAUSE_S * random.uniform(0.8, 1.2))
    far = float(np.max(np.abs(np.array(gaps) - GAP_S)))
    return {"repeats": REPEATS, "gap_s": float(np.median(gaps)), "gap_off_s": far}


def doubt(found: SelfTest | None) -> str | None:
    """What every result has to say of a camera whose clock was found to be wrong; else None."""
    if found is None or not abs(found.data.get("offset_s") or 0.0) > WRONG_S:
        return None
    late_ms = 1e3 * found.data["offset_s"]
    way = "late" if late_ms > 0 else "early"
    return (
        f"the LED test of {found.made_at[:10]} found the camera's clock {abs(late_ms):.1f} ms "
        f"{way}: times from the signal are off by as much until it is repaired"
    )
