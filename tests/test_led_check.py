"""The camera's clock, line time and exposure out of pictures of a flashing LED."""

from random import Random

import numpy as np
import pytest

from pi.kinematics import Value
from pi.led_check import (
    FLASHES,
    WRONG_S,
    Clock,
    Flashing,
    clock_of,
    convention,
    draw_flashes,
    stamped_at,
    told,
)
from pi.simulate.led import LedScene, lit_between, simulate_flashing

CARD = LedScene()
BRIGHT_AND_NOISY = LedScene(noise=6.0, ambient=0.6, light=0.2)


def recorded(seed, *, fps=120.0, **camera):
    flashes = draw_flashes(FLASHES // 2, 1 / fps, Random(seed))
    return simulate_flashing(flashes, seed=seed, fps=fps, **camera)


@pytest.mark.slow
@pytest.mark.parametrize(
    "camera",
    [
        {"exposure_s": 0.001},
        {"exposure_s": 0.004},
        {"exposure_s": 0.0002},
        {"exposure_s": 0.001, "line_time_s": 0.0},
        {"exposure_s": 0.001, "scene": BRIGHT_AND_NOISY},
        {"exposure_s": 0.002, "fps": 60.0},
    ],
    ids=["1 ms", "4 ms", "0.2 ms", "global shutter", "bright and noisy", "60 fps"],
)
def test_offset_and_line_time_are_recovered_over_twenty_seeds(camera):
    off, inside, line_off = [], [], []
    for seed in range(20):
        drawn = np.random.default_rng(seed)
        late = drawn.uniform(-0.005, 0.005)
        line = camera.get("line_time_s", drawn.uniform(4e-6, 25e-6))
        clock = clock_of(recorded(seed, **{**camera, "line_time_s": line}, late_s=late))
        off.append(clock.offset.value - late)
        inside.append(abs(off[-1]) < 2 * clock.offset.u)
        line_off.append(clock.line_time.value - line)
    assert np.abs(off).max() < 0.0002  # s, the goal
    assert abs(np.mean(off)) < 0.00005
    assert np.abs(line_off).max() < 0.5e-6
    assert np.mean(inside) >= 0.85


def test_where_in_the_exposure_a_stamp_lies_shows_in_how_the_offset_grows_with_it():
    """A sensor that stamps the start, where the camera's code takes the stamp for the end, is a
    whole exposure late... early: half for the middle."""
    for name, share in (("end", 1.0), ("middle", 0.5), ("start", 0.0)):
        clocks = [
            clock_of(recorded(3, exposure_s=exposure, late_s=0.0007 + (share - 1.0) * exposure))
            for exposure in (0.001, 0.004)
        ]
        stamp = stamped_at(clocks, taken_for=1.0)
        assert stamp.value == pytest.approx(share, abs=0.05)
        assert convention(stamp) == name


def test_one_exposure_tells_no_convention():
    clock = clock_of(recorded(1))
    assert np.isnan(stamped_at([clock, clock], 1.0).value)
    answer = told([clock], [0.001], 1.0)
    assert (answer["convention"], answer["stamped_at"]) == (None, None)
    assert any(reason.startswith("convention") for reason in answer["reasons"])


def test_a_stamp_between_start_and_middle_is_neither():
    assert convention(Value(0.25, 0.02)) is None
    assert convention(Value(0.46, 0.02)) == "middle"
    assert convention(Value(0.46, 0.2)) is None


def test_more_than_two_milliseconds_are_bad():
    for late, verdict in ((0.5 * WRONG_S, "good"), (-1.5 * WRONG_S, "bad")):
        answer = told([clock_of(recorded(2, late_s=late))], [0.001], 0.5)
        assert answer["verdict"] == verdict
        assert answer["offset_s"] == pytest.approx(late, abs=0.0002)


def test_an_led_of_a_few_rows_tells_no_line_time_and_says_how_it_would():
    dot = LedScene(size=(40, 24), glow_px=1.0, core_px=0.7)
    clock = clock_of(recorded(4, scene=dot, late_s=0.001), line_time_s=9.2e-6)
    assert np.isnan(clock.line_time.value)
    assert clock.offset.value == pytest.approx(0.001, abs=0.0002)
    answer = told([clock], [0.001], 0.5)
    assert answer["line_time_s"] is None
    assert any("white card" in reason for reason in answer["reasons"])


def test_an_led_that_is_not_seen_is_told_with_what_to_do():
    with pytest.raises(ValueError, match=r"^led: .*aim the camera at the box's LED"):
        clock_of(recorded(5, scene=LedScene(light=0.0, core_px=0.01)))


def test_too_few_pictures_between_the_flashes_are_told():
    seen = recorded(6)
    some = Flashing(seen.luma[:20], seen.time[:20], seen.on, seen.off, 0.001)
    with pytest.raises(ValueError, match=r"^led: "):
        clock_of(some)


def test_a_lamp_that_flickers_and_a_cloud_do_not_move_the_edges():
    seen = recorded(7, late_s=-0.0012)
    sway = 14.0 * np.sin(2 * np.pi * 0.3 * seen.time) + 5.0 * np.sin(2 * np.pi * 100 * seen.time)
    lit = np.clip(seen.luma + sway[:, None, None], 0, 255).astype(np.uint8)
    assert clock_of(seen._replace(luma=lit)).offset.value == pytest.approx(-0.0012, abs=0.0002)


def test_light_is_counted_from_edge_to_edge():
    on, off = np.array([1.0, 3.0]), np.array([2.0, 3.5])
    begin, end = np.array([0.0, 1.5, 2.2, 0.0]), np.array([0.5, 3.2, 2.9, 9.0])
    assert lit_between(on, off, begin, end) == pytest.approx([0.0, 0.7, 0.0, 1.5])


def test_several_recordings_are_no_surer_than_they_agree():
    def clock(offset):
        return Clock(
            Value(offset, 1e-5), 1e-5, Value(9e-6, 1e-7), Value(0.001, 1e-5), (0, 0), 30, 20
        )

    answer = told([clock(0.0), clock(0.001)], [0.001, 0.001], 0.5)
    assert answer["offset_s"] == pytest.approx(0.0005)
    assert answer["u_offset_s"] > 0.0003
