"""StartSignal on real pins of a simulated chip, in an emulated kernel: what the lines did."""

import os
import signal as process_signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from pi.clock import ask, set_clock, source
from pi.start_signal import MARKS, RECALL, SET, StartSignal, fire_at

LINES = Path(sys.argv[1])
BUZZER, LED, BUTTON = 17, 27, 22
PRESSES = 20


def level(line: int) -> bool:
    return (LINES / f"sim_gpio{line}" / "value").read_text().strip() == "1"


def pull(line: int, way: str) -> None:
    (LINES / f"sim_gpio{line}" / "pull").write_text(way)


class Watching:
    """What the two lines do meanwhile: (s, buzzer, led) whenever one changes."""

    def __enter__(self):
        self.seen, self._end = [], threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_):
        time.sleep(0.05)
        self._end.set()
        self._thread.join()

    def _look(self):
        before = None
        while not self._end.is_set():
            now = level(BUZZER), level(LED)
            if now != before:
                self.seen.append((time.monotonic(), *now))
                before = now
            time.sleep(0.001)

    def sounded(self):
        """(k,) s, how long the buzzer was on each time."""
        on = [at for at, buzzer, _ in self.seen if buzzer]
        off = [at for at, buzzer, _ in self.seen[1:] if not buzzer]
        return np.array([b - a for a, b in zip(on, off, strict=False)])


def check(right: bool, what: str) -> None:
    if not right:
        print(f"FAILED: {what}")
        sys.exit(1)
    print(what)


def sequence(signal: StartSignal) -> None:
    for name, pattern, play in (
        ("marks", (MARKS["-"],), signal.marks),
        ("set", SET, signal.set),
        ("recall", RECALL, signal.recall),
    ):
        with Watching() as lines:
            play()
        lasts = lines.sounded()
        wanted = [loud for loud, _ in pattern]
        check(
            len(lasts) == len(wanted) and not any(led for *_, led in lines.seen)
            and bool(np.all(np.abs(lasts - wanted) < 0.06)),
            f"{name}: {len(lasts)} of {len(wanted)} beeps, {np.round(lasts, 2)} s, LED dark",
        )  # fmt: skip


def go(signal: StartSignal) -> float:
    widths = []
    for _ in range(10):
        due_ns = time.monotonic_ns() + 200_000_000
        with Watching() as lines:
            fired = fire_at(signal, due_ns, threading.Event(), threading.Event())
            time.sleep(0.05)
            both = level(BUZZER), level(LED)
            signal.end_tone()
            alone = level(BUZZER), level(LED)
            signal.quiet()
        if both != (True, True) or alone != (False, True) or level(LED):
            check(False, f"GO: {both}, then {alone}")
        first = next(at for at, buzzer, _ in lines.seen if buzzer)
        if not fired.before_ns * 1e-9 - 0.001 < first < fired.after_ns * 1e-9 + 0.05:
            check(False, "the line rose outside GO's bracket")
        widths.append(fired.width_ns * 1e-3)
    check(True, f"GO: buzzer and LED up in its bracket, {np.median(widths):.0f} µs (emulated)")
    return float(np.median(widths))


def button(signal: StartSignal) -> tuple[int, float]:
    heard: list[int] = []
    signal.on_press(heard.append)
    inside, off_us = 0, []
    for _ in range(PRESSES):
        heard.clear()
        before = time.monotonic_ns()
        pull(BUTTON, "pull-down")
        after = time.monotonic_ns()
        time.sleep(0.15)
        pull(BUTTON, "pull-up")
        time.sleep(0.15)
        if len(heard) == 1:
            inside += before <= heard[0] <= after + 1_000_000
            off_us.append((heard[0] - (before + after) / 2) * 1e-3)
    check(
        inside >= PRESSES - 1,
        f"button: {inside} of {PRESSES} presses once and in the edge's own window, "
        f"median {np.median(off_us):+.0f} µs",
    )  # fmt: skip
    return inside, float(np.median(off_us))


def crash() -> bool:
    """A process that dies with both pins high: what the kernel leaves, what the next start does."""
    code = (
        "from pi.start_signal import StartSignal; import time\n"
        "s = StartSignal(); s.fire(); print('high', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as held:
        held.stdout.readline()
        was = level(BUZZER), level(LED)
        os.kill(held.pid, process_signal.SIGKILL)
    time.sleep(0.3)
    left = level(BUZZER) or level(LED)
    with StartSignal():
        now = level(BUZZER), level(LED)
    check(
        was == (True, True) and now == (False, False),
        f"kill -9 with both high leaves them {'high' if left else 'low'}; "
        "the next start has them low",
    )
    return left


def clock() -> None:
    """A phone's time, on a kernel whose clock may be spoilt."""
    root = Path(tempfile.mkdtemp())
    (root / "run/systemd/timesync").mkdir(parents=True)  # as on a Pi without network
    ask(root, 2_000_000_000.0)
    said = set_clock(root / "clock", root)
    off_s = time.time() - 2_000_000_000.0
    check(0 <= off_s < 30 and source(root) == "phone", f"clock: {said}, off by {off_s:.2f} s")


def main() -> None:
    pull(BUTTON, "pull-up")
    with StartSignal() as signal:
        print(f"pins by {type(signal.pin_factory).__name__}")
        sequence(signal)
        width = go(signal)
        inside, off_us = button(signal)
    check(not level(BUZZER) and not level(LED), "closed: both low")
    with StartSignal(sounder="passive", tone_hz=400.0) as signal:
        signal._buzzer.value = 0.5
        changes = [level(BUZZER) for _ in range(400)]
        check(0.1 < np.mean(changes) < 0.9, "a passive sounder's line swings")
    left = crash()
    clock()
    print(
        f"lgpio on a simulated chip: signal right, GO's bracket {width:.0f} µs (emulated); "
        f"{inside}/{PRESSES} presses in the edge's window, {off_us:+.0f} µs; "
        f"a crash leaves the pins {'high until the next start' if left else 'low'}"
    )
    print("finished")


if __name__ == "__main__":
    main()
