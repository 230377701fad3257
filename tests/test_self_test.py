"""The timer's tests of itself, with pins in memory and the simulated camera."""

import threading

import pytest

from pi.self_test import check_clock, doubt, play_ticks
from pi.simulate import Conditions, SimulatedCamera, SimulatedTrack
from pi.sound_check import GAP_S
from pi.start_signal import StartSignal
from pi.store import SelfTest, open_store

SMALL = (640, 480)


@pytest.fixture
def camera():
    track = SimulatedTrack(seed=3, size=SMALL, conditions=Conditions(line_time_s=9e-6))
    with SimulatedCamera(track, fps=60, late_ns=2_600_000, ring_seconds=9.0) as camera:
        yield camera


@pytest.mark.slow
def test_a_camera_whose_stamps_are_late_is_found_out_by_the_flashing_led(pins, camera):
    with StartSignal(pin_factory=pins) as signal:
        found = check_clock(signal, camera, threading.Event())
        assert not pins.pin(17).state  # the buzzer is silent
        assert not pins.pin(27).state
    assert found["offset_s"] == pytest.approx(0.0026, abs=0.0002)
    assert found["u_offset_s"] < 0.0001
    assert found["line_time_s"] == pytest.approx(9e-6, abs=0.5e-6)
    assert found["convention"] == "middle"
    assert found["verdict"] == "bad"
    assert camera.flashes is None
    assert camera.exposure_ns == round(Conditions().exposure_s * 1e9)  # as it was before


def test_the_buzzer_sounds_a_quarter_of_a_second_after_each_tick(pins, monkeypatch):
    monkeypatch.setattr("pi.self_test.REPEATS", 2)
    with StartSignal(pin_factory=pins) as signal:
        told = play_ticks(signal, threading.Event())
        beeps = [state for state in pins.pin(17).states if state.state]
    assert told["repeats"] == len(beeps) == 2
    assert told["gap_s"] == pytest.approx(GAP_S, abs=0.005)


def test_a_box_without_an_led_says_so(pins, camera):
    with StartSignal(led_pin=None, pin_factory=pins) as signal:
        with pytest.raises(ValueError, match="none is wired"):
            check_clock(signal, camera, threading.Event())
        with pytest.raises(ValueError, match="have to be wired"):
            play_ticks(signal, threading.Event())


def test_a_test_that_is_stopped_leaves_no_answer_and_the_led_dark(pins, camera):
    stop = threading.Event()
    stop.set()
    with (
        StartSignal(pin_factory=pins) as signal,
        pytest.raises(ValueError, match=r"^led: "),
    ):
        check_clock(signal, camera, stop)
    assert not pins.pin(27).state


def test_more_than_two_milliseconds_are_told_with_every_result_and_less_is_not():
    def found(offset):
        return SelfTest(
            "led", "imx708", "1280x720@120", "2026-11-25T10:00:00Z", {"offset_s": offset}
        )

    assert doubt(None) is None
    assert doubt(found(0.0019)) is None
    said = doubt(found(-0.0031))
    assert "2026-11-25" in said
    assert "3.1 ms early" in said


def test_the_latest_self_test_of_a_camera_and_mode_counts(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:
        assert store.self_test("led", camera="imx708", mode="a") is None
        for offset in (0.001, 0.002):
            store.save_self_test("led", {"offset_s": offset}, camera="imx708", mode="a")
        store.save_self_test("led", {"offset_s": 0.003}, camera="imx708", mode="b")
        assert store.self_test("led", camera="imx708", mode="a").data == {"offset_s": 0.002}
        with pytest.raises(ValueError, match="kind"):
            store.save_self_test("taste", {})
