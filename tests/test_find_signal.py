import numpy as np
import pytest

from pi.find_signal import find_beep, find_flash

RATE = 48_000


def sound(*beeps, length=4.0, noise=0.01, seed=1):
    """Beeps (start s, length s, Hz, loudness) over the noise of a place."""
    time = np.arange(int(length * RATE)) / RATE
    out = np.random.default_rng(seed).normal(0, noise, len(time))
    for start, lasts, tone, loud in beeps:
        inside = (time >= start) & (time < start + lasts)
        out[inside] += loud * np.sin(2 * np.pi * tone * (time[inside] - start))
    return out


@pytest.mark.parametrize("tone", [800, 2700, 4000])
@pytest.mark.parametrize("start", [0.5, 2.1234])
def test_the_beginning_of_a_beep_is_found_to_a_few_milliseconds(tone, start):
    found = find_beep(sound((start, 0.4, tone, 0.2)), RATE)
    assert found.time_s == pytest.approx(start, abs=3 * found.u)


def test_the_long_tone_is_the_signal_and_the_short_ones_before_it_are_not():
    played = sound((0.5, 0.1, 2700, 0.3), (1.0, 0.1, 2700, 0.3), (2.5, 0.5, 2700, 0.2))
    assert find_beep(played, RATE).time_s == pytest.approx(2.5, abs=0.01)


def test_wind_and_silence_hold_no_signal():
    assert np.isnan(find_beep(sound(noise=0.3), RATE).time_s)
    assert np.isnan(find_beep(np.zeros(RATE), RATE).time_s)


def pictures(flash_s=None, *, runner=True, fps=60, n=180):
    rng = np.random.default_rng(2)
    time = np.arange(n) / fps
    luma = rng.integers(90, 110, (n, 120, 200)).astype(np.uint8)
    for i, t in enumerate(time):
        if runner:
            left = int(20 + 60 * t)
            luma[i, 40:100, left : left + 20] = 220
        if flash_s is not None and t >= flash_s:
            luma[i, 20:24, 160:164] = 250
    return luma, time


def test_an_led_that_comes_on_is_found_and_a_bright_runner_is_not():
    found = find_flash(*pictures(1.204))
    assert found.time_s == pytest.approx(1.204, abs=3 * found.u)
    assert np.isnan(find_flash(*pictures()).time_s)
