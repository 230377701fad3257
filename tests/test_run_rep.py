"""What an athlete goes through, from marks to the recording, and every way it can end."""

import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from pi.camera import Camera
from pi.rep import run_rep
from pi.settings import Hold, Settings, Settle
from pi.start_signal import Go, StartSignal
from pi.watch import Sight

BUZZER, LED, BUTTON = 17, 27, 22
SETTINGS = Settings(record_s=0.7, settle=Settle(still_s=0.1, timeout_s=3.0))
SHORT = Hold(kind="uniform", minimum_s=0.4, maximum_s=0.5)
FPS = 100


class BenchCamera(Camera):
    """100 small pictures a second, each as bright as its number; can break on request."""

    def __init__(self, *, lives=10**6, ring_seconds=6.0):
        super().__init__("bench", (32, 24), FPS, ring_seconds=ring_seconds)
        self.lives, self.drop = lives, 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        due_ns, number = time.monotonic_ns(), 0
        while not self._end.is_set():
            due_ns += 10_000_000
            self._end.wait(max(0, due_ns - time.monotonic_ns()) * 1e-9)
            number += 1
            if self._filling.is_set() and self.lives > 0 and number % 10 >= self.drop:
                self.lives -= 1
                self.ring.slot()[:] = number % 256
                self.ring.keep(due_ns)

    def close(self):
        super().close()
        self._end.set()
        self._thread.join()


class ScriptedWatch:
    """Still from the beginning or never; moves moved_m at a time after the rest."""

    def __init__(self, *, still=True, moves_after_s=None, moved_m=0.05):
        self.still, self.moves_after_s, self.moved_m = still, moves_after_s, moved_m
        self.first_s = self.rest_s = self.last_s = None

    def see(self, picture, time_s):
        assert picture.shape == (24, 32)
        assert self.last_s is None or time_s > self.last_s
        self.first_s = time_s if self.first_s is None else self.first_s
        self.last_s = time_s
        if self.rest_s is None:
            return Sight(time_s - self.first_s if self.still else 0.0, float("nan"))
        late = self.moves_after_s is not None and time_s - self.rest_s > self.moves_after_s
        return Sight(9.0, self.moved_m if late else 0.001)

    def rest(self):
        self.rest_s = self.last_s


class Bench:
    """Everything that a rep needs, wired up, and what came out."""

    def __init__(self, pins, camera):
        self.pins, self.camera = pins, camera
        self.signal = StartSignal(BUZZER, LED, BUTTON, pin_factory=pins)
        self.stop, self.triggered = threading.Event(), threading.Event()
        self.told = []

    def on_state(self, state, **columns):
        self.told.append((state, columns, time.monotonic_ns()))
        if hook := getattr(self, f"at_{state}", None):
            hook()

    def run(self, hold=SHORT, watch=None, settings=SETTINGS, game=None):
        self.watch = watch or ScriptedWatch()
        return run_rep(
            self.signal,
            self.camera,
            hold,
            watch=self.watch,
            settings=settings,
            stop=self.stop,
            triggered=self.triggered,
            on_state=self.on_state,
            game=game,
        )

    @property
    def states(self):
        return [state for state, _, _ in self.told]

    def beeps(self):
        return sum(bool(state.state) for state in self.pins.pin(BUZZER).states)

    def is_quiet(self):
        low = not self.pins.pin(BUZZER).state and not self.pins.pin(LED).state
        held = len(self.camera.recording(0, 2**62).luma)
        time.sleep(0.05)
        return low and len(self.camera.recording(0, 2**62).luma) == held


@contextmanager
def wired(pins):
    with BenchCamera() as camera:
        bench = Bench(pins, camera)
        with bench.signal:
            yield bench


@contextmanager
def after_a_rep(**asked):
    """A bench on which one rep has been run, with how it ended."""
    pins = MockFactory(pin_class=MockPWMPin)
    with wired(pins) as bench:
        bench.end = bench.run(**asked)
        yield bench
    pins.close()


@pytest.fixture
def bench(pins):
    with wired(pins) as bench:
        yield bench


@pytest.fixture(scope="module")
def finished():
    """A bench after one rep as it should be."""
    with after_a_rep() as bench:
        yield bench


def test_a_rep_runs_from_marks_to_its_recording(finished):
    bench, end = finished, finished.end
    assert (end.state, end.reason, end.warnings) == ("analysing", None, ())
    assert bench.states == ["settling", "holding", "running", "analysing"]
    assert bench.is_quiet()
    assert bench.beeps() == 1 + 2 + 1  # marks, set, GO
    assert end.settled_ns <= end.set_ns < end.go.before_ns
    assert 0.4 <= end.hold_s <= 0.52
    assert end.hold_s == pytest.approx((end.go.time_ns - end.settled_ns) * 1e-9)
    told = {state: columns for state, columns, _ in bench.told}
    assert told["holding"] == {"settled_ns": end.settled_ns, "set_ns": end.set_ns}
    assert told["running"] == {
        "go_before_ns": end.go.before_ns,
        "go_after_ns": end.go.after_ns,
        "hold_s": end.hold_s,
    }


def test_the_recording_reaches_from_the_still_time_to_the_end(finished):
    end = finished.end
    times_s = (end.frames.times_ns - end.go.time_ns) * 1e-9
    assert times_s[0] == pytest.approx(-end.hold_s - 0.1, abs=0.03)
    assert times_s[-1] == pytest.approx(0.7, abs=0.03)
    assert end.frames.dropped == 0
    assert not end.frames.overrun
    shades = np.diff(end.frames.luma[:, 0, 0].astype(int)) % 256
    assert set(shades.tolist()) == {1}, "a picture was overwritten or is out of its place"


def test_of_a_long_hold_two_seconds_are_kept(bench):
    end = bench.run(Hold(kind="fixed", fixed_s=2.6))
    assert (end.frames.times_ns[0] - end.go.time_ns) * 1e-9 == pytest.approx(-2.0, abs=0.02)
    assert end.hold_s == pytest.approx(2.6, abs=0.005)


def test_nobody_is_told_of_anything_between_set_and_go(finished):
    """A write to a slow card must not delay GO, and nothing on the page may give it away."""
    bench, end = finished, finished.end
    at = {state: at_ns for state, _, at_ns in bench.told}
    assert at["holding"] - end.set_ns < 300_000_000
    assert at["running"] > end.go.after_ns
    assert "hold_s" not in {state: columns for state, columns, _ in bench.told}["holding"]


def test_go_sounds_less_than_half_a_second_and_its_light_stays(finished):
    bench = finished
    beeps = [state for state in bench.pins.pin(BUZZER).states[1:] if not state.state]
    assert beeps[-1].timestamp == pytest.approx(0.4, abs=0.05)
    lit = [state for state in bench.pins.pin(LED).states[1:] if not state.state]
    assert [state.timestamp for state in lit] == [pytest.approx(0.7, abs=0.1)]


def test_the_hold_is_watched_until_go(finished):
    assert finished.end.go.time_ns * 1e-9 - finished.watch.last_s < 0.05


def test_moving_in_the_hold_recalls_and_keeps_the_pictures(bench):
    end = bench.run(Hold(kind="fixed", fixed_s=5.0), ScriptedWatch(moves_after_s=0.3))
    assert (end.state, end.go) == ("false_start", None)
    assert "5 cm before GO" in end.reason
    assert bench.states == ["settling", "holding", "false_start"]
    assert bench.beeps() == 1 + 2 + 3
    assert bench.is_quiet()
    assert not any(state.state for state in bench.pins.pin(LED).states)
    moved_s = bench.watch.rest_s + 0.3
    times_s = end.frames.times_ns * 1e-9 - moved_s
    assert times_s[0] < -0.3
    assert times_s[-1] > 0.3


def test_a_false_start_is_told_before_the_recall_has_sounded(bench):
    bench.at_false_start = lambda: heard.append(bench.beeps())
    heard = []
    bench.run(Hold(kind="fixed", fixed_s=5.0), ScriptedWatch(moves_after_s=0.3))
    assert heard == [3]


def test_small_movements_recall_nobody(bench):
    end = bench.run(SHORT, ScriptedWatch(moves_after_s=0.1, moved_m=0.02))
    assert end.state == "analysing"


def test_moving_as_go_sounds_is_left_to_the_analysis(bench):
    """The athlete who guesses has GO in the ears: the recording tells, not the watch."""

    class MovesWithGo(ScriptedWatch):
        def see(watch, picture, time_s):
            sight = super().see(picture, time_s)
            return Sight(9.0, 0.5) if bench.pins.pin(LED).state else sight

    end = bench.run(watch=MovesWithGo())
    assert (end.state, bench.beeps()) == ("analysing", 4)


def test_nobody_settles(bench):
    settings = SETTINGS.model_copy(update={"settle": Settle(timeout_s=0.6)})
    end = bench.run(watch=ScriptedWatch(still=False), settings=settings)
    assert (end.state, end.frames) == ("aborted", None)
    assert "within 1 s" in end.reason
    assert bench.states == ["settling", "aborted"]
    assert bench.told[-1][1] == {"reason": end.reason}
    assert bench.is_quiet()
    assert bench.beeps() == 1


@pytest.mark.parametrize(
    ("during", "delay_s"),
    [("settling", 0.0), ("settling", 0.1), ("settling", 0.3), ("holding", 0.1), ("running", 0.05)],
)
def test_stop_ends_it_anywhere_and_quickly(bench, during, delay_s):
    pressed = []

    def press():
        pressed.append(time.monotonic())
        bench.stop.set()

    timer = threading.Timer(delay_s, press)
    setattr(bench, f"at_{during}", timer.start)
    end = bench.run(Hold(kind="fixed", fixed_s=1.0))
    assert time.monotonic() - pressed[0] < 0.2
    assert (end.state, end.reason) == ("aborted", "stopped")
    assert bench.states[-2:] == [during, "aborted"]
    assert bench.is_quiet()
    timer.join()


def test_a_coach_says_go(bench):
    pressed = []

    def press():
        pressed.append(time.monotonic_ns())
        bench.triggered.set()

    bench.triggered.set()  # pressed much too early: it does not count
    bench.at_holding = threading.Timer(0.4, press).start
    end = bench.run(Hold(kind="coach"))
    assert end.state == "analysing"
    assert 0 < end.go.before_ns - pressed[0] < 30_000_000


def test_a_coach_who_has_gone_away_ends_it(bench):
    end = bench.run(Hold(kind="coach", timeout_s=0.4))
    assert (end.state, end.reason) == ("aborted", "nobody said GO within 0 s")
    assert bench.is_quiet()


def test_a_go_that_is_not_sharp_spoils_the_rep(bench, monkeypatch):
    fire = bench.signal.fire

    def slow():
        go = fire()
        return Go(go.before_ns, go.before_ns + 3_500_000)

    monkeypatch.setattr(bench.signal, "fire", slow)
    end = bench.run()
    assert end.state == "failed"
    assert "3.5 ms" in end.reason
    assert "start again" in end.reason
    assert bench.states == ["settling", "holding", "running", "failed"]
    assert bench.is_quiet()


@pytest.mark.parametrize("lives", [0, 30, 80])
def test_a_camera_that_dies_fails_the_rep(pins, lives):
    with BenchCamera(lives=lives) as camera:
        bench = Bench(pins, camera)
        with bench.signal:
            end = bench.run()
            assert end.state == "failed"
            assert "cable" in end.reason
            assert bench.is_quiet()


def test_a_camera_with_a_reason_gives_it(pins):
    with BenchCamera(lives=0) as camera:
        camera.problem = "the film is over"
        bench = Bench(pins, camera)
        with bench.signal:
            assert bench.run().reason == "the film is over"


def test_a_camera_that_drops_most_of_its_frames_fails_the_rep(bench):
    bench.camera.drop = 8  # of 10
    end = bench.run()
    assert end.state == "failed"
    assert "dropped" in end.reason


def test_too_little_memory_shortens_the_recording_or_is_said_before_it_begins(pins):
    for ring_seconds, state in ((2.5, "failed"), (3.3, "analysing")):
        with BenchCamera(ring_seconds=ring_seconds) as camera:
            bench = Bench(pins, camera)
            with bench.signal:
                end = bench.run(settings=SETTINGS.model_copy(update={"record_s": 1.5}))
            assert end.state == state
            if state == "failed":
                assert "memory for 2.5 s" in end.reason
            else:
                assert end.warnings == ("memory for 1.2 s after GO, not 1.5 s",)
                assert not end.frames.overrun


def test_an_error_leaves_the_pins_low(bench, monkeypatch):
    def broken(*_args, **_more):
        raise OSError("the kernel took the pin away")

    with monkeypatch.context() as patch:
        patch.setattr(bench.signal, "fire", broken)
        with pytest.raises(OSError, match="took the pin"):
            bench.run()
    assert bench.is_quiet()

    class Broken(ScriptedWatch):
        def see(self, picture, time_s):
            if self.rest_s and time_s - self.rest_s > 0.3:
                raise ZeroDivisionError
            return super().see(picture, time_s)

    with pytest.raises(ZeroDivisionError):
        bench.run(Hold(kind="fixed", fixed_s=5.0), Broken())
    assert bench.is_quiet()


def test_a_second_rep_begins_anew(bench):
    first = bench.run()
    luma = first.frames.luma[:5].copy()
    assert np.array_equal(first.frames.luma[:5], luma)
    second = bench.run()
    assert second.state == "analysing"
    assert second.frames.times_ns[0] > first.frames.times_ns[-1]


# Games

CHASE = {"kind": "chase", "handicap_s": 0.8}
NUMBER = {"kind": "number", "of": 6}


def sounded(pin):
    """(k, 2) s: when each tone or light of a pin began, since its first state, and how long."""
    at_s, out = 0.0, []
    for state in pin.states[1:]:
        at_s += state.timestamp
        if state.state:
            out.append([at_s, np.inf])
        elif out:
            out[-1][1] = at_s - out[-1][0]
    return np.array(out).reshape(-1, 2)


@pytest.fixture(scope="module")
def chased():
    """A bench after one chase as it should be."""
    with after_a_rep(game=CHASE) as bench:
        yield bench


def test_the_chasers_go_is_the_same_tone_again_so_much_later(chased):
    end = chased.end
    assert end.state == "analysing"
    assert end.gap_s == pytest.approx(0.8, abs=0.001)
    assert end.second.width_ns < 1_000_000
    tones, lights = sounded(chased.pins.pin(BUZZER)), sounded(chased.pins.pin(LED))
    assert len(tones) == 1 + 2 + 2  # marks, set, both GOs
    assert np.diff(tones[-2:, 0]) == pytest.approx(0.8, abs=0.005)
    assert tones[-2:, 1] == pytest.approx([0.4, 0.4], abs=0.05)
    assert np.diff(lights[:, 0]) == pytest.approx(0.8, abs=0.005)
    assert lights[0, 1] < 0.6, "the light goes out in between"
    assert chased.is_quiet()


def test_a_chase_is_recorded_as_long_after_its_last_go(chased):
    end = chased.end
    times_s = (end.frames.times_ns - end.go.time_ns) * 1e-9
    assert times_s[0] == pytest.approx(-end.hold_s - 0.1, abs=0.03)
    assert times_s[-1] == pytest.approx(0.8 + 0.7, abs=0.03)


def test_memory_for_a_chase_is_counted_from_its_first_go(pins):
    with BenchCamera(ring_seconds=4.1) as camera:
        bench = Bench(pins, camera)
        with bench.signal:
            settings = SETTINGS.model_copy(update={"record_s": 1.5})
            end = bench.run(settings=settings, game=CHASE)
        assert end.warnings == ("memory for 1.2 s after GO, not 1.5 s",)
        assert not end.frames.overrun


def test_stop_between_the_two_gos_ends_it_at_once(bench):
    timer = threading.Timer(0.6, bench.stop.set)
    bench.at_running = timer.start
    began = time.monotonic()
    end = bench.run(game={"kind": "chase", "handicap_s": 3.0})
    assert (end.state, end.second) == ("aborted", None)
    assert time.monotonic() - began < 2.5
    assert bench.beeps() == 1 + 2 + 1
    assert bench.is_quiet()
    timer.join()


def test_a_second_go_that_is_not_sharp_spoils_the_chase(bench, monkeypatch):
    fire = bench.signal.fire

    def slow():
        go = fire()
        return Go(go.before_ns, go.before_ns + 3_500_000) if len(bench.states) > 2 else go

    monkeypatch.setattr(bench.signal, "fire", slow)
    end = bench.run(game=CHASE)
    assert (end.state, "3.5 ms" in end.reason) == ("failed", True)
    assert bench.is_quiet()


@pytest.fixture(scope="module")
def numbered():
    """A bench after a start for which a number was called."""
    with after_a_rep(game=NUMBER) as bench:
        yield bench


def test_a_number_is_called_between_set_and_go(numbered):
    end = numbered.end
    assert end.state == "analysing"
    assert 1 <= end.called <= 6
    tones = sounded(numbered.pins.pin(BUZZER))
    call, go = tones[3:-1], tones[-1]
    assert len(call) == end.called
    assert call[:, 1] == pytest.approx([0.12] * end.called, abs=0.05)
    silent_s = call[0, 0] - (tones[2, 0] + tones[2, 1])
    assert silent_s > 0.15, "nothing sounds between set and the call"
    pause_s = go[0] - (call[-1, 0] + call[-1, 1])
    assert 0.75 < pause_s < 1.7
    assert len(sounded(numbered.pins.pin(LED))) == 1


def test_nobody_is_told_of_the_number_before_go(numbered):
    assert numbered.states == ["settling", "holding", "running", "analysing"]
    for state, columns, at_ns in numbered.told[:2]:
        assert "called" not in columns, state
        assert at_ns < numbered.end.go.before_ns - 800_000_000


def test_numbers_come_up_by_chance(bench, monkeypatch):
    monkeypatch.setattr("pi.start_signal.CALL", (0.001, 0.001))
    monkeypatch.setattr("pi.start_signal.AFTER_CALL_S", (0.01, 0.02))
    settings = SETTINGS.model_copy(update={"record_s": 0.55})
    called = [bench.run(settings=settings, game={"kind": "number", "of": 2}).called]
    for _ in range(8):
        called.append(bench.run(settings=settings, game={"kind": "number", "of": 2}).called)
        if len(set(called)) == 2:
            break
    assert set(called) == {1, 2}


@pytest.mark.parametrize("during", ["the call", "the pause"])
def test_moving_before_go_recalls_also_once_a_number_is_called(bench, monkeypatch, during):
    if during == "the pause":
        monkeypatch.setattr("pi.start_signal.CALL", (0.01, 0.01))
    else:
        monkeypatch.setattr("pi.start_signal.CALL", (3.0, 0.1))

    class MovesThen(ScriptedWatch):
        def see(watch, picture, time_s):
            sight = super().see(picture, time_s)
            there = bench.beeps() > 3 if during == "the call" else bench.signal.called
            return Sight(9.0, 0.05) if there else sight

    end = bench.run(watch=MovesThen(), game=NUMBER)
    assert (end.state, end.go) == ("false_start", None)
    assert (end.called is None) == (during == "the call")
    recall = sounded(bench.pins.pin(BUZZER))[-3:, 1]
    assert recall == pytest.approx([0.15] * 3, abs=0.06)
    assert not sounded(bench.pins.pin(LED)).size
    assert bench.is_quiet()


def test_a_coach_has_the_number_called(bench):
    bench.at_holding = threading.Timer(0.3, bench.triggered.set).start
    end = bench.run(Hold(kind="coach", timeout_s=0.8), game={"kind": "number", "of": 2})
    assert end.state == "analysing"
    assert end.called in (1, 2)
    assert end.hold_s > 0.3 + 0.12 + 0.8
