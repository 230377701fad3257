"""On your marks, set, GO and recall, through gpiozero: buzzer, LED, button. Sees no picture.

How it sounds, the same for an active buzzer that has one loudness and one pitch:

    marks    one to three beeps, long or short: the rhythm says which start comes
    set      two ticks, too short to be taken for GO
    GO       one long tone, and the LED
    call     a number, in as many short beeps: of the game in which only that number goes
    recall   three beeps

Between set and GO there is no sound but that call, and no light. The LED is for GO alone. A second
GO, of the game in which one chases the other, is as the first, when that is over.
"""

import glob
import math
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, NamedTuple

import numpy as np
from gpiozero import Button, DigitalOutputDevice, PWMOutputDevice
from gpiozero.pins.mock import MockFactory, MockPWMPin

from pi import real_time

# (sounding, then silent) in seconds
MARKS = {"-": (0.25, 0.15), ".": (0.08, 0.15)}  # of a rhythm's beeps, long and short as in Morse
SET = ((0.04, 0.10), (0.04, 0.0))
RECALL = ((0.15, 0.12), (0.15, 0.12), (0.15, 0.0))
CALL = (0.12, 0.18)  # of each beep
AFTER_CALL_S = (0.8, 1.6)  # from the call to GO, at random: nobody can time it

BOUNCE_NS = 50_000_000  # edges that follow one another more closely are one contact's
HELD_S = 0.003  # what is shorter is a spark on the wire

WIDEST_GO_NS = 3_000_000  # stamps further apart than this do not time a start
# Before GO: its write is rehearsed, the processor is kept, and no pin is written any more.
REHEARSE_NS, SPIN_NS, REHEARSED_NS = 50_000_000, 4_000_000, 300_000


class Go(NamedTuple):
    """The clock directly before and after the pin of GO was written."""

    before_ns: int
    after_ns: int

    @property
    def time_ns(self) -> int:
        return (self.before_ns + self.after_ns) // 2

    @property
    def width_ns(self) -> int:
        return self.after_ns - self.before_ns

    @property
    def u_s(self) -> float:
        """Standard uncertainty of time_ns in s: GO came anywhere between the two."""
        return self.width_ns * 1e-9 / math.sqrt(12.0)


class StartSignal:
    """The box that the athlete hears. Pins are BCM numbers, None for what is not wired.

    sounder : "active" for a buzzer that sounds by itself, "passive" for a piezo or a powered
    speaker, which gets a tone of tone_hz.
    """

    def __init__(
        self,
        buzzer_pin: int | None = 17,
        led_pin: int | None = 27,
        button_pin: int | None = 22,
        *,
        sounder: str = "active",
        tone_hz: float = 2700.0,
        pin_factory: Any = None,
    ):
        if buzzer_pin is None and led_pin is None:
            raise ValueError("pins: a buzzer or an LED is needed to give GO")
        if sounder not in ("active", "passive"):
            raise ValueError(f'sounder: "active" or "passive", not {sounder!r}')
        self.fired: Go | None = None  # the last GO
        self.called: int | None = None  # the number that has sounded since the last marks
        self._pins = {"buzzer": buzzer_pin, "led": led_pin, "button": button_pin}
        self._silence = threading.Event()
        self._buzzer: Any = None
        self._led: Any = None
        self._button: Any = None
        self._loud = 0.5 if sounder == "passive" else 1  # of PWM, a square wave
        self._owns_factory = pin_factory is None
        self.pin_factory = pin_factory or choose_pin_factory()
        factory = {"pin_factory": self.pin_factory}
        try:
            if buzzer_pin is not None and sounder == "passive":
                self._buzzer = PWMOutputDevice(buzzer_pin, frequency=tone_hz, **factory)
            elif buzzer_pin is not None:
                self._buzzer = DigitalOutputDevice(buzzer_pin, **factory)
            if led_pin is not None:
                self._led = DigitalOutputDevice(led_pin, **factory)
            if button_pin is not None:
                self._button = Button(button_pin, **factory)
        except BaseException:
            self.close()
            raise

    def marks(self, rhythm: str = "-", stop: threading.Event | None = None) -> None:
        """On your marks, in the rhythm of the start that comes: - a long beep, . a short one.

        Like set and recall: returns when it has sounded, at once after stop.
        """
        self.called = None
        self._sound(tuple(MARKS[beep] for beep in rhythm), stop)

    def set(self, stop: threading.Event | None = None) -> None:
        """Set."""
        self._sound(SET, stop)

    def call(self, number: int, stop: threading.Event | None = None) -> None:
        """That number's turn, in as many beeps."""
        if self._sound((CALL,) * (number - 1) + ((CALL[0], 0.0),), stop):
            self.called = number

    def recall(self, stop: threading.Event | None = None) -> None:
        """Come back: somebody moved before GO."""
        self._sound(RECALL, stop)

    def fire(self) -> Go:
        """GO. The tone lasts until end_tone() or quiet(), the LED until quiet().

        The stamps enclose the write of the pin that sounds, and nothing else; the LED follows
        in the next line, a hundredth of a frame later. The GO of a box without a buzzer is its LED.
        """
        first, second = (self._buzzer, self._led) if self._buzzer else (self._led, None)
        loud = self._loud if self._buzzer else 1
        before_ns = time.monotonic_ns()
        first.value = loud
        after_ns = time.monotonic_ns()
        if second:
            second.on()
        self.fired = Go(before_ns, after_ns)
        return self.fired

    def rehearse(self) -> None:
        """Write the pin of GO as it stands: what that takes is in the caches when GO is due.

        After a hold of seconds it is not, and the first write takes several times as long.
        """
        first = self._buzzer or self._led
        first.value = first.value

    def wired(self) -> dict[str, int | None]:
        """The BCM number of each, None for what is not wired."""
        return self._pins

    def pressed(self) -> bool:
        """Whether the button is down now."""
        return bool(self._button and self._button.is_pressed)

    def show_led(self, stop: threading.Event, seconds: float = 2.0) -> None:
        """The LED alone, for somebody to look at."""
        if self._led is None:
            raise ValueError("led: none is wired; set pins.led in the settings")
        self._led.on()
        stop.wait(seconds)
        self._led.off()

    @property
    def led(self) -> Any:
        """The LED's device, or None when none is wired."""
        return self._led

    def flash(self, flashes: np.ndarray, edges: list[int], stop: threading.Event) -> None:
        """Let the LED flash, without a sound; the ns of every edge is appended to edges.

        flashes : (m, 2) s, on and off. Until stop.
        """
        due_ns = time.monotonic_ns()
        for on_off in flashes:
            for lit, seconds in zip((True, False), on_off, strict=True):
                before_ns = time.monotonic_ns()
                self._led.value = lit
                edges.append((before_ns + time.monotonic_ns()) // 2)
                due_ns = max(due_ns, before_ns) + round(seconds * 1e9)
                if stop.wait(max(0.0, (due_ns - time.monotonic_ns()) * 1e-9)) and not lit:
                    return

    def tick_and_tone(
        self, gap_s: float, tone_s: float, after_s: float, stop: threading.Event
    ) -> float:
        """LED on, buzzer gap_s later for tone_s, LED off after_s later; the gap as it was, s."""
        if not (self._led and self._buzzer):
            raise ValueError("sound: buzzer and LED have to be wired, both")
        try:
            before_ns = time.monotonic_ns()
            self._led.on()
            lit_ns = (before_ns + time.monotonic_ns()) // 2
            due_ns = lit_ns + round(gap_s * 1e9)
            stop.wait((due_ns - SPIN_NS - time.monotonic_ns()) * 1e-9)
            with real_time.undisturbed():
                while time.monotonic_ns() < due_ns:
                    pass
                before_ns = time.monotonic_ns()
                self._buzzer.value = self._loud
                sounds_ns = (before_ns + time.monotonic_ns()) // 2
            stop.wait(tone_s)
            self._buzzer.off()
            stop.wait(after_s)
        finally:
            self.quiet()
        return (sounds_ns - lit_ns) * 1e-9

    def end_tone(self) -> None:
        """The buzzer falls silent, the LED stays as it is."""
        if self._buzzer:
            self._buzzer.off()

    def quiet(self) -> None:
        """Every pin low, at once; also ends a marks, set or recall in another thread."""
        self._silence.set()
        try:
            self.end_tone()
        finally:
            if self._led:
                self._led.off()

    def on_press(self, callback: Callable[[int], None] | None) -> None:
        """Have callback(time_ns) called, in a thread of gpiozero's, when the button goes down.

        time_ns is the edge's own time (on a Pi the kernel's), not that of the call.
        """
        if self._button is None:
            return
        if callback is None:
            self._button.when_pressed = self._button.when_released = None
            return
        # By hand: the chip's own debouncing tells of an edge when it is over, 10 ms late.
        last_ns = -(2**63)

        def edge_ns(passed_s: float | None) -> int:
            """When it was, by how long ago that is; 0 for another edge of the same contact."""
            nonlocal last_ns
            before_ns, last_ns = last_ns, time.monotonic_ns() - round((passed_s or 0.0) * 1e9)
            return last_ns if last_ns - before_ns > BOUNCE_NS else 0

        def pressed(button: Button) -> None:
            if (at_ns := edge_ns(button.active_time)) and _is_held(button):
                callback(at_ns)

        self._button.when_pressed = pressed
        self._button.when_released = lambda button: edge_ns(button.inactive_time)

    def close(self) -> None:
        """Pins low, and given back."""
        try:
            self.quiet()
        finally:
            for device in (self._buzzer, self._led, self._button):
                if device:
                    device.close()
            self._buzzer = self._led = self._button = None
            if self._owns_factory:
                self.pin_factory.close()

    def __enter__(self) -> "StartSignal":
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()

    def _sound(
        self, pattern: tuple[tuple[float, float], ...], stop: threading.Event | None
    ) -> bool:
        """Let the buzzer sound, where there is one; tells whether it came to its end."""
        self._silence.clear()
        if not self._buzzer:
            return True
        stops = (self._silence, stop) if stop else (self._silence,)
        try:
            for loud_s, silent_s in pattern:
                self._buzzer.value = self._loud
                if _wait(loud_s, *stops):
                    return False
                self._buzzer.off()
                if _wait(silent_s, *stops):
                    return False
        finally:
            self._buzzer.off()
        return True


def _is_held(button: Button) -> bool:
    """Whether the button is down, in most of a few looks: it may bounce, a spark is over."""
    down = 0
    for _ in range(5):
        down += bool(button.is_pressed)
        time.sleep(HELD_S / 5)
    return down >= 3


def _wait(seconds: float, *stops: threading.Event) -> bool:
    """Wait so long, or until one of stops is set; tells whether one was."""
    until = time.monotonic() + seconds
    while not any(stop.is_set() for stop in stops):
        left = until - time.monotonic()
        if left <= 0:
            return False
        stops[0].wait(min(left, 0.02) if len(stops) > 1 else left)
    return True


def fire_at(
    signal: StartSignal,
    due_ns: int | None,
    called_off: threading.Event,
    triggered: threading.Event,
) -> Go | None:
    """Fire at due_ns, or as soon as triggered when that is None; None if called off before.

    To be run in a thread that is made ready before the hold and does nothing else: it sleeps
    until 4 ms before, but for a rehearsal, then keeps the processor and rehearses on, and no other
    thread of ours gets between the stamps.
    """
    real_time.come_first(real_time.GO)
    if due_ns is None:
        while not triggered.wait(0.02):
            if called_off.is_set():
                return None
        due_ns = 0
    for before_ns in (REHEARSE_NS, SPIN_NS):
        if called_off.wait(max(0.0, (due_ns - before_ns - time.monotonic_ns()) * 1e-9)):
            return None
        with real_time.undisturbed():
            signal.rehearse()
    with real_time.undisturbed():
        while time.monotonic_ns() < due_ns - REHEARSED_NS:
            signal.rehearse()
        while time.monotonic_ns() < due_ns:
            pass
        return None if called_off.is_set() else signal.fire()


def call_and_fire(
    signal: StartSignal,
    number: int,
    due_ns: int | None,
    called_off: threading.Event,
    triggered: threading.Event,
    *,
    random: Random | None = None,
) -> Go | None:
    """Call a number when fire_at() would fire, and fire after a pause that nobody can guess."""
    if due_ns is None:
        while not triggered.wait(0.02):
            if called_off.is_set():
                return None
    elif called_off.wait(max(0.0, (due_ns - time.monotonic_ns()) * 1e-9)):
        return None
    signal.call(number, called_off)
    pause_s = (random or SystemRandom()).uniform(*AFTER_CALL_S)
    return fire_at(signal, time.monotonic_ns() + round(pause_s * 1e9), called_off, triggered)


def draw_hold(
    kind: str,
    minimum_s: float,
    maximum_s: float,
    *,
    fixed_s: float = 5.0,
    mean_s: float = 1.0,
    random: Random | None = None,
) -> float | None:
    """Seconds from still to GO; None when a coach will say it.

    uniform : any time between minimum and maximum is as likely.
    non_ageing : having waited tells nothing of how long it still takes, so that anticipating
    does not pay: minimum plus an exponential of mean_s. Cut off at the maximum by giving GO then,
    which leaves the rate flat until there; drawing anew would make it rise all the way.
    fixed : fixed_s, for the watch that goes off in 5 s.
    """
    random = random or SystemRandom()
    if kind == "coach":
        return None
    if kind == "fixed":
        return fixed_s
    if not 0 < minimum_s <= maximum_s:
        raise ValueError("minimum_s and maximum_s: above 0, and the maximum not the smaller")
    if kind == "uniform":
        return random.uniform(minimum_s, maximum_s)
    if kind == "non_ageing":
        return min(minimum_s + random.expovariate(1 / mean_s), maximum_s)
    raise ValueError(f"kind: uniform, non_ageing, fixed or coach, not {kind!r}")


def choose_pin_factory() -> Any:
    """lgpio on a Raspberry Pi, pins that only exist in memory elsewhere.

    GPIOZERO_PIN_FACTORY, `lgpio` or `mock`, decides otherwise.
    """
    wanted = os.environ.get("GPIOZERO_PIN_FACTORY") or ("lgpio" if is_pi() else "mock")
    if wanted == "mock":
        return MockFactory(pin_class=MockPWMPin)
    if wanted != "lgpio":
        raise ValueError(f"GPIOZERO_PIN_FACTORY: lgpio or mock, not {wanted!r}")
    # Importing lgpio makes a FIFO, in the working directory unless told otherwise.
    runtime = os.environ.get("RUNTIME_DIRECTORY") or os.environ.get("XDG_RUNTIME_DIR")
    os.environ.setdefault("LG_WD", runtime or tempfile.gettempdir())
    try:
        from gpiozero.pins.lgpio import LGPIOFactory
    except ImportError as problem:
        raise ImportError("no lgpio for the pins: sudo apt install python3-lgpio") from problem
    return LGPIOFactory()


def is_pi() -> bool:
    """Whether this is a Raspberry Pi, with pins."""
    model = Path("/proc/device-tree/model")
    return bool(glob.glob("/dev/gpiochip*")) and (
        model.exists() and "Raspberry Pi" in model.read_text(encoding="ascii", errors="replace")
    )


class Heard(NamedTuple):
    """What somebody at the start has heard since listen()."""

    go_ns: tuple[int, ...] = ()  # every GO
    called: int | None = None  # the number that was called


def listen(signal: StartSignal) -> Callable[[], Heard]:
    """An ear for simulated athletes: answers with what was heard so far.

    It hears the pin that gives GO, where that pin has a memory (the mock ones have), and believes
    the signal's own stamps where it has none.
    """
    device = signal._led or signal._buzzer
    pin, fired = device.pin, [signal.fired]
    start_ns = time.monotonic_ns()
    if hasattr(pin, "clear_states"):
        pin.clear_states()

    def heard() -> Heard:
        if not hasattr(pin, "states"):
            if signal.fired is not fired[-1]:
                fired.append(signal.fired)
            return Heard(tuple(go.time_ns for go in fired[1:] if go), signal.called)
        passed_s, go_ns = 0.0, []
        for state in list(pin.states)[1:]:
            passed_s += state.timestamp
            if state.state:
                go_ns.append(start_ns + round(passed_s * 1e9))
        return Heard(tuple(go_ns), signal.called)

    return heard
