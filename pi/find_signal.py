"""The start signal inside a recording: a beep in the sound, or an LED in the picture. Arrays in,
instants out."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from scipy.signal import butter, sosfiltfilt, stft


class Found(NamedTuple):
    """An instant in the recording's own time, and how well it is known; NaN when there is none."""

    time_s: float
    u: float


NOT_FOUND = Found(float("nan"), float("nan"))


def find_beep(samples: np.ndarray, rate: float, *, least_s: float = 0.08) -> Found:
    """When the start tone begins: the longest pure tone between 600 and 6,000 Hz, and of equals
    the last.

    samples : (n,) mono.   rate : per second.   A tone is a frequency that stands 15 dB over the
    median of its neighbours for least_s or longer. Its beginning is where the envelope of the
    narrow band around it passes half its height.
    """
    samples = np.asarray(samples, float)
    if len(samples) < rate * 0.2 or not np.any(samples):
        return NOT_FOUND
    window = int(0.02 * rate)
    hop = window // 4
    frequency, time, spectrum = stft(
        samples, rate, nperseg=window, noverlap=window - hop, nfft=4 * window
    )
    band = (frequency > 600) & (frequency < min(6000, 0.45 * rate))
    power = np.abs(spectrum[band]) ** 2 + 1e-20
    loudest = power.argmax(axis=0)
    prominence = 10 * np.log10(power.max(axis=0) / np.median(power, axis=0))
    level = 10 * np.log10(power.max(axis=0))
    tonal = (prominence > 15) & (level > level.max() - 25)
    best: tuple[float, int, int] | None = None
    start = None
    for i in range(len(time) + 1):
        steady = (
            i < len(time)
            and tonal[i]
            and (start is None or abs(int(loudest[i]) - int(loudest[start])) <= 3)
        )
        if steady and start is None:
            start = i
        elif not steady and start is not None:
            length = float(time[i - 1] - time[start])
            if length >= least_s and (best is None or length >= 0.9 * best[0]):
                best = (length, start, i - 1)
            start = i if i < len(time) and tonal[i] else None
    if best is None:
        return NOT_FOUND
    tone = float(frequency[band][np.median(loudest[best[1] : best[2] + 1]).astype(int)])
    width = max(150.0, 0.1 * tone)
    sos = butter(2, [tone - width, tone + width], "bandpass", fs=rate, output="sos")
    narrow = sosfiltfilt(sos, samples) ** 2
    smooth = max(3, int(0.002 * rate))
    envelope = np.sqrt(np.convolve(narrow, np.ones(smooth) / smooth, "same"))
    low = max(0, int((time[best[1]] - 0.05) * rate))
    high = min(len(envelope) - 1, int((time[best[1]] + min(0.06, best[0])) * rate))
    height = float(np.median(envelope[high - int(0.02 * rate) : high]))
    above = np.flatnonzero(envelope[low:high] >= 0.5 * height)
    if len(above) == 0:
        return NOT_FOUND
    return Found((low + int(above[0])) / rate, 0.003)


def find_flash(luma: np.ndarray, time: np.ndarray, *, least_grey: float = 50.0) -> Found:
    """When an LED came on: the small spot that turns bright from one picture to the next and stays
    so.

    luma : (n, h, w) uint8.   time : (n,) s, middle of the exposure.   Stays for 0.2 s or longer
    and was dark for as long; is at most three blocks of 8 px wide, and does not move. The instant
    lies between two pictures: half a frame time before the first bright one, give or take the
    frame time over the root of 12.
    """
    n, height, width = luma.shape
    step = float(np.median(np.diff(time)))
    need = max(2, round(0.2 / step))
    if n < 2 * need + 1:
        return NOT_FOUND
    rows, columns = height // 8, width // 8
    bright = np.empty((n, rows, columns), np.uint8)
    for picture, out in zip(luma, bright, strict=True):
        out[:] = cv2.dilate(picture, np.ones((8, 8), np.uint8), anchor=(0, 0))[
            : rows * 8 : 8, : columns * 8 : 8
        ]
    best, instant = 0.0, float("nan")
    for i in range(need, n - need):
        jump = bright[i].astype(np.int16) - bright[i - 1]
        count, _, stats, middles = cv2.connectedComponentsWithStats(
            (jump > least_grey).astype(np.uint8), connectivity=8
        )
        for spot in range(1, count):
            if max(stats[spot, cv2.CC_STAT_WIDTH], stats[spot, cv2.CC_STAT_HEIGHT]) > 3:
                continue
            x, y = np.round(middles[spot]).astype(int)
            before = bright[i - need : i, y, x].astype(float)
            after = bright[i : i + need, y, x].astype(float)
            lasting = float(after.min() - before.max())
            if lasting > max(0.6 * least_grey, best):
                best, instant = lasting, float(time[i])
    if not np.isfinite(instant):
        return NOT_FOUND
    return Found(instant - step / 2, step / np.sqrt(12.0))
