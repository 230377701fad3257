"""What an athlete hears, and when the box says that it was."""

import gc
import math
import os
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from types import SimpleNamespace

import pytest
from gpiozero.pins.mock import MockPin, MockPWMPin

from pi import start_signal
from pi.drills import POSTURES
from pi.start_signal import Go, StartSignal, choose_pin_factory, draw_hold, fire_at, listen

BUZZER, LED, BUTTON = 17, 27, 22


@pytest.fixture
def signal(pins):
    with StartSignal(BUZZER, LED, BUTTON, pin_factory=pins) as signal:
        pins.pin(BUZZER).clear_states()
        pins.pin(LED).clear_states()
        yield signal


def sounded(pins, pin=BUZZER):
    """Seconds of sound, silence, sound … since the first sound."""
    return [round(state.timestamp, 2) for state in pins.pin(pin).states[2:]]


def is_low(pins):
    return not any(pins.pin(pin).state for pin in (BUZZER, LED))


# GO


def test_firing_raises_the_buzzer_and_lights_the_led(signal, pins):
    signal.fire()
    assert pins.pin(BUZZER).state
    assert pins.pin(LED).state


def test_the_stamps_enclose_the_moment_the_pin_went_high(pins):
    with StartSignal(BUZZER, None, BUTTON, pin_factory=pins) as signal:
        heard = listen(signal)
        assert heard().go_ns == ()
        go = signal.fire()
        signal.quiet()
        assert go.before_ns - 500_000 <= heard().go_ns[0] <= go.after_ns + 500_000
        assert go.before_ns <= go.time_ns <= go.after_ns
        assert go.width_ns == go.after_ns - go.before_ns < 1_000_000
        assert go.u_s == pytest.approx(go.width_ns * 1e-9 / math.sqrt(12), rel=1e-6)


def test_an_ear_hears_the_next_go_only(signal):
    signal.fire()
    signal.quiet()
    heard = listen(signal)
    signal.marks()
    assert heard().go_ns == ()
    go = signal.fire()
    assert abs(heard().go_ns[0] - go.time_ns) < 1_000_000


def test_an_ear_hears_both_gos_of_a_chase_and_the_number_that_was_called(signal):
    heard = listen(signal)
    assert heard() == ((), None)
    signal.call(3)
    assert heard() == ((), 3)
    first = signal.fire()
    signal.quiet()
    second = signal.fire()
    for at_ns, go in zip(heard().go_ns, (first, second), strict=True):
        assert abs(at_ns - go.time_ns) < 1_000_000


def test_a_number_is_called_in_as_many_beeps_that_can_be_counted(signal, pins):
    pins.pin(BUZZER).clear_states()
    signal.call(3)
    states = pins.pin(BUZZER).states[1:]
    assert [bool(state.state) for state in states] == [True, False] * 3
    assert [state.timestamp for state in states[1::2]] == pytest.approx([0.12] * 3, abs=0.05)
    assert [state.timestamp for state in states[2::2]] == pytest.approx([0.18] * 2, abs=0.05)
    assert not any(state.state for state in pins.pin(LED).states)
    assert signal.called == 3
    signal.marks()
    assert signal.called is None


def test_a_call_that_is_called_off_has_called_nobody(signal, pins):
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    signal.call(6, stop)
    assert signal.called is None
    assert is_low(pins)


def test_an_ear_at_a_real_pin_believes_the_stamps(signal, monkeypatch):
    monkeypatch.setattr(signal, "_led", SimpleNamespace(pin=object(), on=lambda: 0, off=lambda: 0))
    signal.fire()
    heard = listen(signal)
    assert heard().go_ns == ()
    go = signal.fire()
    assert heard().go_ns == (go.time_ns,)
    monkeypatch.undo()


def test_the_tone_of_go_ends_before_its_light(signal, pins):
    signal.fire()
    signal.end_tone()
    assert not pins.pin(BUZZER).state
    assert pins.pin(LED).state
    signal.quiet()
    assert is_low(pins)


def test_a_box_without_a_buzzer_gives_go_with_its_led(pins):
    with StartSignal(None, LED, None, pin_factory=pins) as signal:
        heard = listen(signal)
        signal.marks()
        signal.end_tone()
        go = signal.fire()
        assert abs(heard().go_ns[0] - go.time_ns) < 1_000_000


def test_a_box_that_cannot_give_go_is_refused(pins):
    with pytest.raises(ValueError, match="buzzer or an LED"):
        StartSignal(None, None, BUTTON, pin_factory=pins)
    with pytest.raises(ValueError, match="sounder"):
        StartSignal(BUZZER, sounder="loud", pin_factory=pins)


def test_a_passive_piezo_gets_a_square_wave_of_its_pitch(pins):
    with StartSignal(BUZZER, sounder="passive", tone_hz=2300, pin_factory=pins) as signal:
        assert (pins.pin(BUZZER).frequency, pins.pin(BUZZER).state) == (2300, 0)
        signal.fire()
        assert (pins.pin(BUZZER).frequency, pins.pin(BUZZER).state) == (2300, 0.5)
        signal.end_tone()
        assert pins.pin(BUZZER).state == 0


# The other signals


def test_each_posture_is_called_in_its_own_rhythm_that_is_no_other_signal(signal, pins):
    heard = {}
    for posture in POSTURES.values():
        pins.pin(BUZZER).clear_states()
        signal.marks(posture.rhythm)
        heard[posture.key] = [lasts > 0.15 for lasts in sounded(pins)[::2]]
    assert heard == {
        "supine": [True, False], "prone": [False, True], "plank": [True, True], "standing": [True],
    }  # fmt: skip


def test_marks_set_and_recall_sound_different_and_leave_the_led_dark(signal, pins):
    heard = {}
    for name in ("marks", "set", "recall"):
        pins.pin(BUZZER).clear_states()
        getattr(signal, name)()
        heard[name] = sounded(pins)
    assert [len(pattern) for pattern in heard.values()] == [1, 3, 5]
    assert heard["marks"] == pytest.approx([0.25], abs=0.06)
    assert heard["recall"][::2] == pytest.approx([0.15] * 3, abs=0.06)
    assert max(heard["set"][::2]) < 0.1, "set must not be taken for GO"
    assert [state.state for state in pins.pin(LED).states] == [False]
    assert is_low(pins)


@pytest.mark.parametrize("stopped_by", ["quiet", "stop"])
def test_stop_ends_a_recall_in_the_middle(signal, pins, stopped_by):
    stop = threading.Event()
    end = {"quiet": signal.quiet, "stop": stop.set}[stopped_by]
    timer = threading.Timer(0.05, end)
    timer.start()
    began = time.monotonic()
    signal.recall(stop)
    assert time.monotonic() - began < 0.3
    assert is_low(pins)
    timer.join()


def test_after_stop_nothing_sounds(signal, pins):
    stop = threading.Event()
    stop.set()
    signal.recall(stop)
    assert pins.pin(BUZZER).states[1:] == [] or max(sounded(pins)) < 0.01
    assert is_low(pins)


def test_pins_are_low_after_an_error(pins):
    def break_while_it_sounds():
        with StartSignal(BUZZER, LED, pin_factory=pins) as signal:
            signal.fire()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_while_it_sounds()
    assert is_low(pins)


def test_a_signal_can_be_opened_again_after_it_was_closed(pins):
    for _ in range(2):
        with StartSignal(BUZZER, LED, BUTTON, pin_factory=pins) as signal:
            signal.fire()


def test_a_signal_that_cannot_have_a_pin_gives_the_others_back(pins):
    with pytest.raises(Exception, match="999"):
        StartSignal(BUZZER, LED, 999, pin_factory=pins)
    StartSignal(BUZZER, LED, BUTTON, pin_factory=pins).close()


# The button


class SlowPin(MockPWMPin):
    """Its edges are known to the kernel, but reach us late."""

    def _call_when_changed(self):
        edge = time.monotonic()
        time.sleep(0.03)
        super(MockPin, self)._call_when_changed(edge, self.state)


def test_a_press_has_the_time_of_the_edge_not_of_the_call(pins):
    button = pins.pin(BUTTON, pin_class=SlowPin)
    presses = []
    with StartSignal(pin_factory=pins) as signal:
        signal.on_press(presses.append)
        edge_ns = time.monotonic_ns()
        button.drive_low()
        button.drive_high()
    assert presses == [pytest.approx(edge_ns, abs=2_000_000)]


def test_a_contact_that_bounces_is_one_press_at_its_first_edge(pins):
    presses = []
    with StartSignal(pin_factory=pins) as signal:
        button = pins.pin(BUTTON)
        signal.on_press(presses.append)
        edge_ns = time.monotonic_ns()
        button.drive_low()
        for _ in range(3):  # closing
            button.drive_high()
            button.drive_low()
        time.sleep(0.08)
        for _ in range(3):  # opening
            button.drive_high()
            button.drive_low()
        button.drive_high()
        time.sleep(0.08)
        assert len(presses) == 1
        assert 0 <= presses[0] - edge_ns < 5_000_000
        button.drive_low()
        button.drive_high()
    assert len(presses) == 2


def test_nobody_is_told_of_a_press_any_more(signal, pins):
    presses = []
    signal.on_press(presses.append)
    signal.on_press(None)
    pins.pin(BUTTON).drive_low()
    pins.pin(BUTTON).drive_high()
    assert presses == []


# GO at its time


def fired(signal, due_ns, *, called_off=None, triggered=None):
    nothing = threading.Event()
    with ThreadPoolExecutor(1) as gun:
        return gun.submit(
            fire_at, signal, due_ns, called_off or nothing, triggered or nothing
        ).result(10)


def test_go_comes_when_it_is_due_and_never_before(signal):
    late = []
    for _ in range(20):
        due_ns = time.monotonic_ns() + 8_000_000
        go = fired(signal, due_ns)
        signal.quiet()
        late.append(go.before_ns - due_ns)
        assert go.width_ns < 1_000_000
    assert min(late) >= 0
    assert statistics.median(late) < 500_000


def test_the_write_of_go_is_rehearsed_unheard_and_not_just_before_it(pins, monkeypatch):
    """After a hold of seconds the first write of a pin takes several times as long."""
    written = []
    with StartSignal(BUZZER, LED, BUTTON, pin_factory=pins) as signal:
        write = signal._buzzer._write

        def seen(value):
            written.append((time.monotonic_ns(), value))
            write(value)

        monkeypatch.setattr(signal._buzzer, "_write", seen)
        heard = len(pins.pin(BUZZER).states)
        go = fired(signal, time.monotonic_ns() + 80_000_000)
        *rehearsed, last = written
        assert len(pins.pin(BUZZER).states) == heard + 1
    assert last[1] == 1
    assert {value for _, value in rehearsed} == {0}
    before_ms = [(go.before_ns - at_ns) * 1e-6 for at_ns, _ in rehearsed]
    assert max(before_ms) > 20
    assert 0.2 < min(before_ms) < 5


def test_busy_threads_of_ours_do_not_come_between_the_stamps(signal):
    end = threading.Event()

    def busy():
        while not end.is_set():
            sum(range(2000))

    others = [threading.Thread(target=busy) for _ in range(3)]
    for other in others:
        other.start()
    try:
        widths = []
        for _ in range(20):
            widths.append(fired(signal, time.monotonic_ns() + 15_000_000).width_ns)
            signal.quiet()
    finally:
        end.set()
        for other in others:
            other.join()
    assert statistics.median(widths) < 200_000
    assert sum(width > 1_000_000 for width in widths) <= 2


def test_go_leaves_python_as_it_was(signal):
    before = sys.getswitchinterval(), gc.isenabled()
    fired(signal, time.monotonic_ns() + 3_000_000)
    assert (sys.getswitchinterval(), gc.isenabled()) == before


def test_a_start_called_off_makes_no_sound(signal, pins):
    called_off = threading.Event()
    threading.Timer(0.03, called_off.set).start()
    began = time.monotonic()
    assert fired(signal, time.monotonic_ns() + 10**10, called_off=called_off) is None
    assert fired(signal, None, called_off=called_off) is None
    assert time.monotonic() - began < 1
    assert is_low(pins)


def test_a_coachs_go_comes_at_once(signal):
    triggered, pressed = threading.Event(), []

    def press():
        pressed.append(time.monotonic_ns())
        triggered.set()

    threading.Timer(0.05, press).start()
    go = fired(signal, None, triggered=triggered)
    assert 0 <= go.before_ns - pressed[0] < 20_000_000


# Holds


def test_a_uniform_hold_is_as_likely_anywhere():
    random = Random(1)
    holds = sorted(draw_hold("uniform", 1.5, 3.5, random=random) for _ in range(4000))
    assert holds[0] >= 1.5
    assert holds[-1] <= 3.5
    for share in (0.1, 0.5, 0.9):
        assert holds[int(share * 4000)] == pytest.approx(1.5 + 2 * share, abs=0.06)


def test_a_non_ageing_hold_is_as_likely_to_end_however_long_it_has_lasted():
    random = Random(2)
    holds = [draw_hold("non_ageing", 1.5, 4.0, mean_s=1.0, random=random) for _ in range(20000)]
    assert min(holds) >= 1.5
    assert max(holds) == 4.0
    for waited in (1.5, 2.0, 2.5, 3.0):
        still = [hold for hold in holds if hold >= waited]
        ends = sum(hold < waited + 0.5 for hold in still) / len(still)
        assert ends == pytest.approx(1 - math.exp(-0.5), abs=0.03)
    assert sum(hold == 4.0 for hold in holds) / 20000 == pytest.approx(math.exp(-2.5), abs=0.01)


def test_a_fixed_hold_is_fixed_and_a_coach_has_none():
    assert draw_hold("fixed", 1, 2, fixed_s=5.0) == 5.0
    assert draw_hold("coach", 1, 2) is None


def test_two_starts_have_two_holds():
    assert len({draw_hold("uniform", 1.5, 3.5) for _ in range(20)}) == 20


def test_a_hold_that_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="kind"):
        draw_hold("soon", 1, 2)
    with pytest.raises(ValueError, match="maximum"):
        draw_hold("uniform", 3, 2)


# Which pins


def test_off_the_pi_pins_exist_in_memory(monkeypatch):
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    monkeypatch.setattr(start_signal, "is_pi", lambda: False)
    with StartSignal() as signal:
        assert isinstance(signal.fire(), Go)
        assert signal.pin_factory.pin(LED).state


def test_a_pi_without_lgpio_says_what_to_install(monkeypatch):
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    monkeypatch.setattr(start_signal, "is_pi", lambda: True)
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.setenv("LG_WD", "")
    sys.modules.pop("gpiozero.pins.lgpio", None)
    with pytest.raises(ImportError, match="sudo apt install python3-lgpio"):
        StartSignal()


def test_an_unknown_pin_factory_is_named(monkeypatch):
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "magic")
    with pytest.raises(ValueError, match="magic"):
        choose_pin_factory()


@pytest.mark.pi
@pytest.mark.skipif(not start_signal.is_pi(), reason="needs a Raspberry Pi's pins")
def test_a_pis_own_buzzer_fires_within_a_millisecond():
    with StartSignal() as signal:
        widths = []
        for _ in range(50):
            widths.append(signal.fire().width_ns)
            signal.quiet()
    assert max(widths) < 1_000_000


def test_a_device_that_was_killed_has_its_pins_lowered(tmp_path):
    """As systemd runs it: pi.quiet, with the pins of the settings."""
    (tmp_path / "settings.toml").write_text("[pins]\nbuzzer = 5\nled = 6\n")
    code = (
        "import runpy\n"
        "from gpiozero.pins.mock import MockFactory, MockPWMPin\n"
        "import pi.start_signal as s\n"
        "factory = MockFactory(pin_class=MockPWMPin)\n"
        "for n in (5, 6, 17): pin = factory.pin(n); pin.function = 'output'; pin.state = 1\n"
        "s.choose_pin_factory = lambda: factory\n"
        "factory.close = lambda: None\n"
        "runpy.run_module('pi.quiet', run_name='__main__')\n"
        "print([int(factory.pin(n).state) for n in (5, 6, 17)])\n"
    )
    environment = os.environ | {"TRACKSTART_HOME": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert told.stdout.strip() == "[0, 0, 1]", told.stderr
    (tmp_path / "settings.toml").write_text("[pins]\nbuzzer = 'nine'\n")
    told = subprocess.run(
        [sys.executable, "-m", "pi.quiet"], capture_output=True, text=True, env=environment
    )
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
