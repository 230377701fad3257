"""Movements whose instants are known, because they were drawn: what timing makes of them."""

import numpy as np
import pytest

from pi.kinematics import distance_at_time, smooth
from pi.timing import farthest, first_movement, gets_up, split_uncertainty, splits

FPS = 120
PARTS = 14
START = slice(2, 7)  # the parts that go first


def still(*, begins=-1.6, ends=0.7, noise_m=0.0, sway_m=0.0, seed=1):
    """A body at rest that breathes: time, and the displacement (k, m, 2) of its parts."""
    random = np.random.default_rng(seed)
    time = np.arange(round(begins * FPS), round(ends * FPS)) / FPS
    vector = random.normal(0, noise_m, (len(time), PARTS, 2))
    vector[..., 1] += sway_m * np.sin(2 * np.pi * 0.9 * time)[:, None]
    return time, vector


def push(time, onset_s, acceleration):
    """How far (m) a part is that leaves rest with this acceleration."""
    return 0.5 * acceleration * np.maximum(time - onset_s, 0.0) ** 2


def seen(time, vector, *, left_s=0.6, lost=None, **more):
    lost = np.zeros(vector.shape[:2], bool) if lost is None else lost
    return first_movement(time, vector, lost, left_s=left_s, **more)


@pytest.mark.parametrize("onset_s", [0.131, 0.25])
@pytest.mark.parametrize("acceleration", [4.0, 12.0])
@pytest.mark.parametrize("noise_m", [0.0, 0.0004])
def test_a_push_from_rest_is_told_where_it_passes_ten_millimetres(onset_s, acceleration, noise_m):
    time, vector = still(noise_m=noise_m)
    vector[:, START, 0] += push(time, onset_s, acceleration)[:, None]
    found = seen(time, vector)
    crossing = onset_s + np.sqrt(2 * 0.010 / acceleration)
    assert found.reason == ""
    assert found.reaction.value == pytest.approx(crossing, abs=0.003 + 6 * noise_m)
    assert found.speed == pytest.approx(np.sqrt(2 * 0.010 * acceleration), rel=0.25)
    assert found.site in range(*START.indices(PARTS))
    assert found.onset.value == pytest.approx(onset_s, abs=max(2 * found.onset.u, 0.01))
    assert found.onset.value < found.reaction.value


def test_the_stated_uncertainty_is_the_displacements_over_the_speed():
    time, vector = still()
    vector[:, START, 0] += push(time, 0.2, 5.0)[:, None]
    found = seen(time, vector, u_displacement_m=0.004)
    assert found.reaction.u == pytest.approx(
        np.hypot(0.004 / found.speed, 1 / FPS / np.sqrt(24)), rel=1e-6
    )


def test_the_ten_millimetres_begin_where_the_sway_of_the_last_still_second_ends():
    time, vector = still(sway_m=0.006)
    vector[:, START, 0] += push(time, 0.2, 6.0)[:, None]
    rest = (time >= -1.0) & (time <= 0.0)
    sway = np.abs(vector[rest, 0, 1] - vector[rest, 0, 1].mean()).max()
    moved = np.hypot(vector[:, 2, 0], vector[:, 2, 1] - vector[rest, 2, 1].mean())
    crossing = time[np.flatnonzero(moved < 0.010 + sway)[-1] + 1]
    found = seen(time, vector)
    assert found.sway_m == pytest.approx(sway, abs=0.0005)
    assert found.reaction.value == pytest.approx(crossing, abs=1 / FPS)


def test_a_scratch_that_comes_back_is_no_reaction():
    time, vector = still(noise_m=0.0003)
    scratch = (time > 0.02) & (time < 0.22)
    vector[scratch, START, 1] += (0.04 * np.sin(np.pi * (time[scratch] - 0.02) / 0.2))[:, None]
    vector[:, START, 0] += push(time, 0.30, 10.0)[:, None]
    found = seen(time, vector)
    assert found.reaction.value == pytest.approx(0.30 + np.sqrt(0.02 / 10), abs=0.006)


def test_who_creeps_into_the_start_has_no_reaction_and_a_reason():
    time, vector = still()
    crept = 0.04 * np.maximum(time + 0.05, 0.0)
    vector[:, START, 0] += (crept + push(time, 0.45, 10.0))[:, None]
    found = seen(time, vector)
    assert np.isnan(found.reaction.value)
    assert np.isnan(found.onset.value)
    assert "crept" in found.reason
    assert found.speed < 0.05


def test_slow_but_not_creeping_is_measured_with_an_uncertainty_that_says_so():
    time, vector = still()
    vector[:, START, 0] += (0.08 * np.maximum(time - 0.1, 0) + push(time, 0.45, 10.0))[:, None]
    found = seen(time, vector)
    assert found.reaction.value == pytest.approx(0.1 + 0.010 / 0.08, abs=0.005)
    assert found.reaction.u > 0.03


def test_a_false_start_is_measured_against_the_rest_before_it():
    time, vector = still(begins=-2.4, noise_m=0.0003)
    vector[:, START, 0] += push(time, -0.42, 5.0)[:, None]
    found = seen(time, vector, left_s=0.1)
    assert found.reaction.value == pytest.approx(-0.42 + np.sqrt(0.02 / 5.0), abs=0.005)
    assert found.rest[1] < -0.42
    assert found.rest[1] - found.rest[0] == pytest.approx(1.0, abs=0.02)
    assert found.sway_m < 0.002


def test_a_recording_that_begins_too_late_has_no_rest_to_measure_against():
    time, vector = still(begins=-0.3)
    vector[:, START, 0] += push(time, 0.2, 8.0)[:, None]
    found = seen(time, vector)
    assert np.isnan(found.reaction.value)
    assert found.reason


def test_six_tenths_of_a_second_at_rest_are_enough():
    time, vector = still(begins=-0.6)
    vector[:, START, 0] += push(time, 0.2, 8.0)[:, None]
    assert seen(time, vector).reaction.value == pytest.approx(0.25, abs=0.003)


def test_who_was_never_still_has_no_reaction_and_a_reason():
    time, vector = still()
    vector[..., 0] += 0.06 * np.sin(2 * np.pi * 1.3 * time)[:, None]
    vector[:, START, 0] += push(time, 0.2, 8.0)[:, None]
    found = seen(time, vector)
    assert np.isnan(found.reaction.value)
    assert "still" in found.reason


def test_who_only_stirs_has_no_reaction_and_a_reason():
    time, vector = still()
    vector[:, START, 0] += np.minimum(push(time, 0.2, 5.0), 0.03)[:, None]
    found = seen(time, vector)
    assert np.isnan(found.reaction.value)
    assert "no movement" in found.reason


def test_a_part_that_goes_astray_is_no_movement():
    time, vector = still()
    vector[time > -0.5, 9, 0] += 0.2
    vector[:, START, 0] += push(time, 0.25, 8.0)[:, None]
    assert seen(time, vector).reaction.value == pytest.approx(0.30, abs=0.004)


def test_a_part_that_is_lost_from_sight_says_nothing_of_where_it_went():
    time, vector = still()
    lost = np.zeros(vector.shape[:2], bool)
    lost[time > 0.05, 8:] = True
    vector[time > 0.05, 8:, 0] = 0.3
    vector[:, START, 0] += push(time, 0.25, 8.0)[:, None]
    assert seen(time, vector, lost=lost).reaction.value == pytest.approx(0.30, abs=0.004)


def test_parts_that_vanish_before_the_rest_moves_make_the_instant_less_certain():
    """A hand too fast to be followed may have gone first: the answer says so by its u."""
    time, vector = still()
    lost = np.zeros(vector.shape[:2], bool)
    vector[:, START, 0] += push(time, 0.25, 8.0)[:, None]
    alone = seen(time, vector, lost=lost).reaction
    lost[time > 0.2, 8:12] = True
    found = seen(time, vector, lost=lost).reaction
    assert found.value == pytest.approx(alone.value, abs=0.004)
    assert found.u > alone.u + 0.02


def test_too_few_parts_tell_nothing():
    time, vector = still()
    found = seen(time, vector[:, :1])
    assert np.isnan(found.reaction.value)
    assert "too little" in found.reason


def test_a_rolling_shutter_delays_a_part_by_its_row():
    time, vector = still()
    vector[:, START, 0] += push(time, 0.25, 8.0)[:, None]
    row_s = np.linspace(0.002, 0.006, PARTS)
    plain, rolled = seen(time, vector), seen(time, vector, row_s=row_s)
    assert rolled.reaction.value - plain.reaction.value == pytest.approx(row_s[plain.site])


@pytest.mark.parametrize("gap", [2, 5])
def test_pictures_missing_at_the_crossing_are_bridged_and_make_it_less_certain(gap):
    time, vector = still()
    vector[:, START, 0] += 0.5 * np.maximum(time - 0.2, 0)[:, None]
    crossing = 0.2 + 0.010 / 0.5
    kept = np.abs(time - crossing) > (gap + 0.2) / 2 / FPS
    lost = np.zeros((kept.sum(), PARTS), bool)
    whole = seen(time, vector)
    found = first_movement(time[kept], vector[kept], lost, left_s=0.6)
    missing = np.diff(time[kept]).max()
    assert missing > gap / FPS
    assert found.reaction.value == pytest.approx(crossing, abs=0.3 * missing)
    assert found.reaction.u >= missing / np.sqrt(24)
    assert found.reaction.u > whole.reaction.u


def test_the_farthest_counts_as_far_as_the_second_bears_it_out_and_what_is_lost_holds_on():
    moved = np.tile([0.01, 0.02, 0.03, 0.09, 0.10], (4, 1))
    lost = np.zeros(moved.shape, bool)
    assert farthest(moved, lost) == pytest.approx(np.full(4, 0.10))
    moved[:, 4] = 0.5  # astray
    assert farthest(moved, lost) == pytest.approx(np.full(4, 0.09 / 0.87))
    moved[2:], lost[2:] = 0.7, True
    assert farthest(moved, lost) == pytest.approx(np.full(4, 0.09 / 0.87))
    assert np.isnan(farthest(moved[:, :1], lost[:, :1])).all()


# ---------------------------------------------------------------------------------------------


def rising(from_m, to_m, begins_s, lasts_s):
    time = np.arange(-1.0, 3.0, 1 / FPS)
    return time, np.interp(time, [begins_s, begins_s + lasts_s], [from_m, to_m])


def test_on_the_feet_is_where_four_fifths_of_the_running_height_are_passed():
    time, height = rising(0.3, 1.6, 0.5, 1.0)
    assert gets_up(time, height, 1.6) == pytest.approx(0.5 + (1.28 - 0.3) / 1.3, abs=1e-6)


def test_a_leap_that_comes_down_again_is_not_on_the_feet():
    time, height = rising(0.3, 1.6, 1.0, 0.5)
    leap = (time > 0.2) & (time < 0.28)
    height[leap] = 1.5
    assert gets_up(time, height, 1.6) == pytest.approx(1.0 + 0.5 * 0.98 / 1.3, abs=1e-6)


def test_who_starts_standing_does_not_get_up_and_who_stays_down_neither():
    time = np.arange(-1.0, 2.0, 1 / FPS)
    assert np.isnan(gets_up(time, np.full(len(time), 1.5), 1.6))
    assert np.isnan(gets_up(time, np.full(len(time), 0.4), 1.6))
    assert np.isnan(gets_up(time, np.full(len(time), np.nan), 1.6))


# ---------------------------------------------------------------------------------------------


def test_splits_are_where_the_distance_reaches_the_gates():
    time = np.linspace(0, 4, 200)
    distance = distance_at_time(time - 0.4, 8.0, 7.0)
    crossed = splits(time, distance, np.array([1.0, 2.5, 5.0]))
    assert distance_at_time(crossed - 0.4, 8.0, 7.0) == pytest.approx([1.0, 2.5, 5.0], abs=1e-3)


def test_a_gate_not_reached_or_passed_unseen_has_no_split():
    time = np.linspace(0, 2, 100)
    distance = 1.5 + 2.0 * time
    distance[40:44] = np.nan
    crossed = splits(time, distance, np.array([1.0, 2.5, 50.0]))
    assert np.isnan(crossed[[0, 2]]).all()
    assert crossed[1] == pytest.approx(0.5)
    assert np.isnan(splits(time, np.full(100, np.nan), np.array([1.0]))).all()


def test_a_gate_reached_in_a_gap_is_told_between_its_ends():
    time = np.arange(0, 2, 0.01)
    distance = 4.0 * time
    distance[48:53] = np.nan
    assert splits(time, distance, np.array([2.0]))[0] == pytest.approx(0.5, abs=1e-6)


def test_who_steps_back_over_a_gate_passed_it_the_first_time():
    time = np.arange(0, 4, 0.01)
    distance = np.interp(time, [0, 1, 2, 4], [0, 1.2, 0.8, 4.0])
    assert splits(time, distance, np.array([1.0]))[0] == pytest.approx(1 / 1.2, abs=1e-3)


def test_a_split_is_as_uncertain_as_the_place_over_the_speed():
    time = np.arange(0, 2, 1 / FPS)
    track = smooth(time, 4.0 * time)
    u = split_uncertainty(track, np.array([1.0, np.nan]), 0.02)
    assert u[0] == pytest.approx(0.02 / 4.0, rel=0.05)
    assert np.isnan(u[1])
    standing = smooth(time, 0.01 * time)
    assert np.isnan(split_uncertainty(standing, np.array([1.0]), 0.02)[0])
