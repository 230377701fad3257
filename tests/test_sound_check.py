"""The buzzer's rise out of a recording of ticks and tones."""

import numpy as np
import pytest

from pi.simulate.sound import simulate_sound
from pi.sound_check import REPEATS, SOUND_M_S, rise_of


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    [
        {"echo_s": 0.0}, {"echo_s": 0.3}, {"echo_s": 0.0, "noise": 0.08},
        {"rate": 44_100.0, "tone_hz": 3900.0},
    ],
    ids=["outdoors", "hall", "traffic", "44.1 kHz"],
)  # fmt: skip
def test_a_rise_is_recovered_within_a_millisecond_over_twenty_seeds(place):
    rate = place.get("rate", 48_000.0)
    off, inside = [], []
    for seed in range(20):
        rise = np.random.default_rng(seed).uniform(0.0005, 0.010)
        found = rise_of(simulate_sound(seed=seed, rise_s=rise, **place), rate)
        off.append(found.rise.value - rise)
        inside.append(abs(off[-1]) < 2 * found.rise.u)
        assert found.heard >= REPEATS - 1
        assert found.tone_hz == pytest.approx(place.get("tone_hz", 2700.0), abs=5)
    assert np.abs(off).max() < 0.001  # s, the goal
    assert abs(np.mean(off)) < 0.0003
    assert np.mean(inside) >= 0.9


def test_a_tick_nearer_to_the_microphone_is_allowed_for():
    sound = simulate_sound(seed=1, rise_s=0.004)
    together, apart = (rise_of(sound, 48_000.0, nearer_m=m).rise.value for m in (0.0, 0.5))
    assert together - apart == pytest.approx(0.5 / SOUND_M_S)


def test_a_recording_without_ticks_says_what_is_missing():
    with pytest.raises(ValueError, match="no tick before the tones"):
        rise_of(simulate_sound(seed=2, rise_s=0.003, click=0.0), 48_000.0)


def test_a_recording_without_the_buzzer_says_how_often_it_was_heard():
    noise = np.random.default_rng(3).normal(0, 0.05, 48_000 * 10)
    with pytest.raises(ValueError, match="the buzzer was heard"):
        rise_of(noise, 48_000.0)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(48_000), np.zeros(480_000)])
def test_silence_is_no_recording(samples):
    with pytest.raises(ValueError, match="empty or shorter"):
        rise_of(samples, 48_000.0)
