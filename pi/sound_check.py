"""The buzzer's rise, from a recording of LED's tick and buzzer's tone. Arrays in, numbers out.

An earphone or a bare piezo disc across the LED clicks at the pin's edge, to a tenth of a
millisecond. GAP_S later the buzzer's pin is written. What the tone comes later than that after the
click is its rise: the same clock has both, so that a phone's recording is as good as any.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, hilbert, sosfiltfilt

from .kinematics import Value

REPEATS = 20
GAP_S = 0.25
"""From the LED's edge to the buzzer's."""
TONE_S = 0.15
AFTER_S, PAUSE_S = 0.2, 0.5
"""The LED goes out so long after the tone; then nothing, give or take a fifth."""
MOST_S = 0.06
"""A buzzer that takes longer is no start signal."""
U_EDGE_S = 0.0002
"""Where a click and a tone begin is known no better."""
LOUDNESS = 0.2
"""A hall makes the steady tone louder or softer by some 15 %: so much of the time between a fifth
and half of it."""
SOUND_M_S = 343.0


class Rise(NamedTuple):
    """How long after its pin the buzzer sounds."""

    rise: Value  # s until half of the steady loudness (amplitude)
    tone_hz: float
    heard: int  # repeats in which both were heard
    spread_s: float


def rise_of(samples: np.ndarray, rate: float, *, nearer_m: float = 0.0) -> Rise:
    """The buzzer's rise from a recording of `REPEATS` ticks and tones.

    samples : (n,) mono.   rate : per second.   nearer_m : by how much nearer to the microphone the
    tick is than the buzzer; sound takes 2.9 ms a metre. Raises ValueError that says what was not
    heard, and what to do.
    """
    samples = np.asarray(samples, float)
    if len(samples) < 3 * rate or not np.any(samples):
        raise ValueError("sound: the recording is empty or shorter than three seconds")
    tone_hz = _tone(samples, rate)
    begins, slow = _tone_begins(samples, rate, tone_hz)
    if len(begins) < 8:
        raise ValueError(
            f"sound: the buzzer was heard {len(begins)} times, not {REPEATS}; record all of it, "
            "from a hand's width away"
        )
    click = _clicks(samples, rate, tone_hz)
    before = _usual(click, begins, rate)
    each = []
    for begin in begins:
        at = _click_near(click, begin - before, rate, 0.004)
        if np.isfinite(at):
            each.append(begin - at - GAP_S)
    if len(each) < 8:
        raise ValueError(
            "sound: no tick before the tones; hold an earphone or a piezo disc across the LED "
            "beside the microphone"
        )
    late = np.array(each)
    middle = float(np.median(late))
    spread = 1.4826 * float(np.median(np.abs(late - middle)))
    parts = 1.25 * spread / np.sqrt(len(late)), U_EDGE_S, LOUDNESS * float(np.median(slow))
    u = float(np.linalg.norm(parts))
    return Rise(Value(middle - nearer_m / SOUND_M_S, u), tone_hz, len(late), spread)


def _tone(samples: np.ndarray, rate: float) -> float:
    """The buzzer's frequency: the strongest line between 600 and 6,000 Hz."""
    count = 1 << 14
    pieces = len(samples) // count
    frames = samples[: pieces * count].reshape(pieces, count) * np.hanning(count)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    frequency = np.fft.rfftfreq(count, 1.0 / rate)
    band = (frequency > 600) & (frequency < min(6000.0, 0.45 * rate))
    # tones come and go: what hums all the time is no buzzer
    changing = np.quantile(power, 0.9, axis=0) - 2.0 * np.quantile(power, 0.1, axis=0)
    return float(frequency[band][np.argmax(changing[band])])


def _tone_begins(samples: np.ndarray, rate: float, tone_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """(k,) s at which the envelope passes half its height, of tones as long as ours; and (k,) s
    since it passed a fifth."""
    wide = 700.0
    band = [max(tone_hz - wide, 200.0), min(tone_hz + wide, 0.48 * rate)]
    tone = sosfiltfilt(butter(2, band, "bandpass", fs=rate, output="sos"), samples)
    envelope = np.abs(hilbert(tone))
    smooth = uniform_filter1d(envelope, int(0.02 * rate))
    loud = smooth > 0.4 * np.quantile(smooth, 0.99)
    edge = np.diff(loud.astype(np.int8), prepend=0, append=0)
    begins, slow = [], []
    for first, last in zip(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1), strict=True):
        if not 0.6 * TONE_S < (last - first) / rate < 2.5 * TONE_S:
            continue
        # before a hall has answered in full
        steady = slice(first + int(0.03 * rate), first + int(0.07 * rate))
        level = float(np.median(envelope[steady]))
        start = max(int(first) - int(0.03 * rate), 0)
        part = envelope[start : first + int(MOST_S * rate)] / level
        half, fifth = _passes(part, 0.5), _passes(part, 0.2)
        if np.isfinite(half):
            begins.append((start + half) / rate)
            slow.append(max(half - fifth, 0.0) / rate)
    return np.array(begins), np.array(slow)


def _passes(rising: np.ndarray, level: float) -> float:
    """Where, in samples, it first reaches a level; NaN where it never does or begins above it."""
    above = np.flatnonzero(rising >= level)
    if len(above) == 0 or above[0] == 0:
        return float("nan")
    k = int(above[0])
    return float(k - 1 + (level - rising[k - 1]) / (rising[k] - rising[k - 1]))


def _clicks(samples: np.ndarray, rate: float, tone_hz: float) -> np.ndarray:
    """(n,) how sharply the sound changes, the buzzer's own tone and rumble taken out."""
    highest = 0.45 * rate
    low = tone_hz + 900.0
    band = [low, highest] if low < 0.7 * highest else [0.5 * highest, highest]
    high = sosfiltfilt(butter(3, band, "bandpass", fs=rate, output="sos"), samples)
    return np.sqrt(uniform_filter1d(high**2, max(3, int(0.0003 * rate))))


def _usual(click: np.ndarray, begins: np.ndarray, rate: float) -> float:
    """By how much (s) the tick is before the tone, from all of them laid over one another."""
    early = GAP_S + MOST_S
    length = int((MOST_S + 0.005) * rate)
    total = np.zeros(length)
    for begin in begins:
        start = int((begin - early) * rate)
        if start < 0:
            continue
        part = click[start : start + length]
        if len(part) == length:
            total += np.minimum(
                part / (np.median(part) + 1e-12), 30.0
            )  # no door that slams decides
    at = int(np.argmax(total))
    if not total[at] > 3.0 * np.median(total):
        raise ValueError(
            "sound: no tick before the tones; hold an earphone or a piezo disc across the LED "
            "beside the microphone"
        )
    return early - at / rate


def _click_near(click: np.ndarray, at_s: float, rate: float, reach_s: float) -> float:
    """When the click near at_s begins: half of its height; NaN where there is none."""
    start = int((at_s - reach_s) * rate)
    part = click[max(start, 0) : int((at_s + reach_s) * rate)]
    if start < 0 or len(part) < 8:
        return float("nan")
    usual = float(np.median(part))
    top = int(np.argmax(part))
    if not part[top] > 4.0 * usual:
        return float("nan")
    half = usual + 0.5 * (part[top] - usual)
    below = np.flatnonzero(part[:top] < half)
    if len(below) == 0:
        return float("nan")
    k = int(below[-1])
    return float(start + k + (half - part[k]) / (part[k + 1] - part[k])) / rate
