"""What a phone records of the box's tick and buzzer, with a rise that is known."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from pi.sound_check import AFTER_S, GAP_S, PAUSE_S, REPEATS, TONE_S


def simulate_sound(
    *,
    seed: int,
    rise_s: float,
    rate: float = 48_000.0,
    tone_hz: float = 2700.0,
    noise: float = 0.02,
    click: float = 0.5,
    echo_s: float = 0.15,
    repeats: int = REPEATS,
    slow_s: float | None = None,
) -> np.ndarray:
    """(n,) mono, -1 to 1: the tone reaches half of its amplitude rise_s after its pin's edge.

    slow_s : time constant of the tone's rise; None = half of rise_s, the rest is dead time, as a
    piezo's driver has.   echo_s : of a hall until its sound has fallen by 60 dB, heard a hand's
    width from the buzzer, which is then ten times louder than the hall; 0 = outdoors.
    noise : of traffic and wind, standard deviation, low pitches most.
    """
    random = np.random.default_rng([seed, 41])
    slow = max(0.5 * rise_s if slow_s is None else slow_s, 1e-4)
    dead = rise_s - slow * np.log(2.0)
    period = GAP_S + TONE_S + AFTER_S + PAUSE_S
    count = int((repeats * 1.2 * period + 2.0) * rate)
    sound = np.zeros(count)
    time = np.arange(count) / rate
    ring = np.arange(int(0.004 * rate)) / rate
    ticking = np.sin(2 * np.pi * random.uniform(5500, 9000) * ring) * np.exp(-ring / 0.0006)
    at = 0.8
    for _ in range(repeats):
        for instant, loud in ((at, click), (at + GAP_S + TONE_S + AFTER_S, 0.8 * click)):
            k = round(instant * rate)
            sound[k : k + len(ring)] += loud * ticking
        begins, ends = at + GAP_S + dead, at + GAP_S + TONE_S
        part = slice(int(begins * rate), int((ends + 0.2) * rate))
        t = time[part]
        envelope = np.clip(1.0 - np.exp(-np.clip(t - begins, 0, None) / slow), 0.0, None)
        envelope *= np.where(t > ends, np.exp(-(t - ends) / 0.003), 1.0)
        wave = np.sin(2 * np.pi * tone_hz * t) + 0.4 * np.sin(2 * np.pi * 3 * tone_hz * t)
        sound[part] += 0.3 * envelope * wave
        at += GAP_S + TONE_S + AFTER_S + PAUSE_S * random.uniform(0.8, 1.2)
    if echo_s:
        tail = np.arange(int(echo_s * rate)) / rate
        room = random.normal(0.0, 0.004, len(tail)) * 10 ** (-3.0 * tail / echo_s)
        room[: int(0.003 * rate)] = 0.0
        room[0] = 1.0
        sound = fftconvolve(sound, room)[:count]
    hum = lfilter([1.0], [1.0, -0.98], random.normal(0.0, 1.0, count))
    sound += noise * (hum / hum.std() + 0.3 * random.normal(0.0, 1.0, count))
    # a phone's microphone and its codec end at 16 kHz
    return sosfilt(butter(2, min(16_000, 0.45 * rate), fs=rate, output="sos"), sound)
