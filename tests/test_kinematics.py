import numpy as np
import pytest

from pi.kinematics import (
    acceleration_at_time,
    distance_at_time,
    fit_profile,
    fit_profile_to_speed,
    fit_profile_to_splits,
    mean_acceleration,
    smooth,
    time_at_distance,
    value_at,
    velocity_at_time,
)


@pytest.mark.parametrize(("mss", "mac"), [(5.0, 5.0), (8.0, 7.0), (12.0, 9.5)])
def test_time_at_distance_undoes_distance_at_time(mss, mac):
    time = np.linspace(0.01, 6, 50)
    assert time_at_distance(distance_at_time(time, mss, mac), mss, mac) == pytest.approx(time)


def test_speed_and_acceleration_are_the_slopes_of_distance():
    time = np.linspace(0.1, 4, 4000)
    distance = distance_at_time(time, 8.0, 7.0)
    speed = velocity_at_time(time, 8.0, 7.0)
    assert np.gradient(distance, time)[1:-1] == pytest.approx(speed[1:-1], abs=1e-3)
    slope = np.gradient(speed, time)[1:-1]
    assert slope == pytest.approx(acceleration_at_time(time, 8.0, 7.0)[1:-1], abs=1e-2)


def test_nothing_is_run_before_the_start():
    assert velocity_at_time(-1.0, 8.0, 7.0) == 0
    assert distance_at_time(-1.0, 8.0, 7.0) == 0
    assert np.isnan(time_at_distance(-0.5, 8.0, 7.0))


@pytest.mark.parametrize("first_seen", [0.0, 0.4])
def test_fit_gives_back_the_sprint_it_was_given_also_when_its_start_was_not_seen(first_seen):
    time = np.linspace(first_seen, 4, 200)
    fit = fit_profile(time + 1.3, distance_at_time(time, mss=8.0, mac=7.0) - 0.4)
    assert fit.mss.value == pytest.approx(8.0, rel=1e-4)
    assert fit.mac.value == pytest.approx(7.0, rel=1e-4)
    assert fit.starts_s == pytest.approx(1.3, abs=1e-3)
    assert fit.starts_m == pytest.approx(-0.4, abs=1e-3)


def test_the_fit_knows_how_little_a_short_track_tells():
    noise = np.random.default_rng(3).normal(0, 0.01, 480)
    time = np.linspace(0.3, 4.3, 480)
    distance = distance_at_time(time, 8.0, 7.0) + noise
    short = fit_profile(time[:120], distance[:120])
    long = fit_profile(time, distance)
    assert not short.mss.u < 3 * long.mss.u
    assert abs(long.mss.value - 8.0) < 3 * long.mss.u


def test_steady_running_has_no_profile():
    time = np.linspace(0, 3, 200)
    assert np.isnan(fit_profile(time, 5.0 * time).mss.value)
    assert np.isnan(fit_profile(time[:5], time[:5]).mss.value)


def test_smoothing_adds_no_delay():
    time = np.arange(0, 3, 1 / 120)
    distance = distance_at_time(time - 0.5, 8.0, 7.0)
    track = smooth(time, distance)
    running = time > 0.8
    assert track.x[running] == pytest.approx(distance[running], abs=2e-3)
    speed = velocity_at_time(time - 0.5, 8.0, 7.0)
    assert track.speed[running] == pytest.approx(speed[running], abs=0.04)


def test_smoothing_shrugs_off_a_frame_that_saw_something_else():
    time = np.arange(0, 2, 1 / 120)
    position = 3.0 * time
    position[100] += 2.0
    position[40:46] = np.nan
    track = smooth(time, position)
    assert track.speed == pytest.approx(np.full(len(time), 3.0), abs=1e-3)


def test_the_stated_uncertainty_of_smoothed_speed_holds_for_errors_that_last():
    rng = np.random.default_rng(1)
    time = np.arange(0, 4, 1 / 120)
    raw = rng.normal(0, 1, (60, len(time) + 5))
    lasting = np.stack([raw[:, k : k + len(time)] for k in range(6)]).mean(0) * np.sqrt(6) * 0.01
    misses = np.array([(smooth(time, 4 * time + e).speed - 4)[60:-60] for e in lasting])
    claimed = smooth(time, 4 * time + lasting[0]).u_speed[60:-60].mean()
    assert 0.6 < misses.std() / claimed < 1.4


def test_too_few_positions_give_no_speed():
    assert np.isnan(
        smooth(np.arange(5) / 120, np.array([1, np.nan, np.nan, 2, np.nan])).speed
    ).all()


def test_mean_acceleration_is_the_speed_gained_from_rest_per_second():
    time = np.arange(0, 2, 0.01)
    track = smooth(time, 0.5 * 4.0 * np.maximum(time - 0.3, 0) ** 2)
    assert mean_acceleration(track, 0.3, 1.3).value == pytest.approx(4.0, abs=1e-3)
    assert np.isnan(mean_acceleration(track, 1.5, 2.5).value)


def test_value_between_samples():
    assert value_at(np.array([0.0, 1.0]), np.array([2.0, 4.0]), 0.25) == pytest.approx(2.5)
    assert np.isnan(value_at(np.array([0.0, 1.0]), np.array([2.0, 4.0]), 1.25))


def test_gates_give_back_the_sprint_whose_clock_began_late():
    gates = np.array([5.0, 10.0, 15.0, 20.0, 30.0])
    time = time_at_distance(gates, 8.0, 7.0)
    fit = fit_profile_to_splits(gates, time - 0.2)
    assert fit.mss.value == pytest.approx(8.0, rel=1e-4)
    assert fit.mac.value == pytest.approx(7.0, rel=1e-3)
    assert fit.starts_s == pytest.approx(-0.2, abs=1e-4)
    plain = fit_profile_to_splits(gates, time, correct_time=False)
    assert plain.mac.value == pytest.approx(7.0, rel=1e-5)


def test_too_few_gates_have_no_profile_and_just_enough_no_uncertainty():
    gates = np.array([5.0, 10.0, 20.0])
    time = time_at_distance(gates, 8.0, 7.0)
    assert np.isnan(fit_profile_to_splits(gates[:2], time[:2]).mss.value)
    assert np.isnan(fit_profile_to_splits(gates, np.full(3, np.nan)).mss.value)
    exact = fit_profile_to_splits(gates, time)
    assert exact.mss.value == pytest.approx(8.0, rel=1e-3)
    assert np.isnan(exact.mss.u)


def test_a_speed_trace_gives_back_its_sprint_from_before_its_start_on():
    time = np.linspace(-0.5, 4.0, 450)
    fit = fit_profile_to_speed(time + 2.0, velocity_at_time(time, 9.0, 8.0))
    assert fit.mss.value == pytest.approx(9.0, rel=1e-4)
    assert fit.tau.value == pytest.approx(9.0 / 8.0, rel=1e-3)
    assert fit.starts_s == pytest.approx(2.0, abs=1e-3)
    assert np.isnan(fit_profile_to_speed(time[:5], time[:5]).mss.value)


def test_errors_that_last_make_a_profile_less_certain():
    random = np.random.default_rng(4)
    time = np.linspace(0.0, 4.0, 400)
    speed = velocity_at_time(time, 8.0, 7.0)
    alone = random.normal(0, 0.1, 400)
    lasting = np.convolve(random.normal(0, 0.1, 424), np.full(25, 0.2), "valid")
    own, shared = (fit_profile_to_speed(time, speed + e).mss.u for e in (alone, lasting))
    assert shared > 2.0 * own
    off = []
    for _ in range(60):
        lasting = np.convolve(random.normal(0, 0.1, 424), np.full(25, 0.2), "valid")
        fit = fit_profile_to_speed(time, speed + lasting)
        off.append((fit.mss.value - 8.0) / fit.mss.u)
    assert 0.45 < np.mean(np.abs(off) < 1.0) < 0.9
