"""The command `trackstart check`: asks the running device, reads the rest itself."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .camera import read_sound
from .parts import BAD, Part, machine_parts
from .settings import Settings, home
from .sound_check import rise_of
from .store import SetUp, Store, open_store

PATIENCE_S = {"parts": 20.0, "led": 180.0, "sound": 90.0}
LOOK_S = 0.1
NOT_RUNNING = Part(
    "device",
    BAD,
    "the timer is not running: camera, pins and LED were not looked at",
    "sudo systemctl start trackstart-device, or ./setup.sh run",
)


def looked(settings: Settings) -> dict[str, Any]:
    """Every part with its verdict, and the worst of them, as JSON."""
    with open_store(settings.store.url) as store:
        device = store.device()
        if device is not None and device.alive(time.monotonic_ns()):
            try:
                parts = _ask(store, "parts")["parts"]
            except ValueError as problem:
                do = "what it says; then look again"
                parts = [Part("device", BAD, str(problem), do)._asdict()]
                parts += [part._asdict() for part in machine_parts(home())]
        else:
            parts = [part._asdict() for part in (NOT_RUNNING, *machine_parts(home()))]
    bad = any(part["verdict"] == BAD for part in parts)
    return {"verdict": BAD if bad else "good", "parts": parts}


def answered(settings: Settings, kind: str) -> tuple[dict[str, Any], str]:
    """The device's answer to a self-test, as JSON and in words. Raises ValueError when there is
    none."""
    with open_store(settings.store.url) as store:
        device = store.device()
        if device is None or not device.alive(time.monotonic_ns()):
            raise ValueError(f"{NOT_RUNNING.said}; {NOT_RUNNING.do}")
        found = _ask(store, kind)
    if kind == "sound":
        far_ms = 1e3 * found["gap_off_s"]
        said = f"played {found['repeats']} times; gaps were right to {far_ms:.2f} ms"
        return found | {"verdict": "good"}, f"{said}\nnow: trackstart check --sound RECORDING"
    return found, led_words(found)


def led_words(found: Mapping[str, Any]) -> str:
    """The LED test in a few lines."""
    offset, u, spread = (1e3 * found[key] for key in ("offset_s", "u_offset_s", "spread_s"))
    lines = [
        f"camera      {offset:+.3f} ± {u:.3f} ms against the pins, single edges ± {spread:.3f} ms",
        f"exposure    {1e3 * found['exposure_s']:.2f} ms",
    ]
    if found["line_time_s"] is not None:
        line, u_line = 1e6 * found["line_time_s"], 1e6 * found["u_line_time_s"]
        lines.append(f"line time   {line:.2f} ± {u_line:.2f} µs")
    if found["convention"]:
        lines.append(f"stamped at  the exposure's {found['convention']}")
    lines += [f"not told    {reason}" for reason in found["reasons"]]
    verdict = "good" if found["verdict"] == "good" else "bad: more than 2 ms, every result says so"
    return "\n".join([*lines, f"verdict     {verdict}"])


def heard(
    settings: Settings, recording: Path, *, nearer_m: float, keep: bool
) -> tuple[dict[str, Any], str]:
    """The buzzer's rise in a recording, as JSON and in words; kept where that is asked for."""
    sound = read_sound(recording)
    if sound is None:
        raise ValueError(f"{recording}: there is no sound in it")
    found = rise_of(*sound[:2], nearer_m=nearer_m)
    answer = {
        "verdict": "good",
        "rise_s": found.rise.value,
        "u_rise_s": found.rise.u,
        "tone_hz": found.tone_hz,
        "heard": found.heard,
        "kept": keep,
    }
    if keep:
        with open_store(settings.store.url) as store:
            store.save_self_test("sound", answer)
    said = (
        f"buzzer      {1e3 * found.rise.value:.1f} ± {1e3 * found.rise.u:.1f} ms after its pin, "
        f"{found.tone_hz:.0f} Hz, heard {found.heard} times"
    )
    return answer, said if keep else f"{said}\nuse it from now on: the same with --keep"


def parts_words(parts: Sequence[Mapping[str, str]]) -> str:
    """A table for a terminal."""
    lines = []
    for part in parts:
        lines.append(f"{part['verdict'].upper():8} {part['name']:12} {part['said']}")
        if part["do"]:
            lines.append(f"{'':21} -> {part['do']}")
    return "\n".join(lines)


def _ask(store: Store, kind: str) -> dict[str, Any]:
    job: SetUp | None = store.ask_set_up(kind)
    until = time.monotonic() + PATIENCE_S[kind]
    while job is not None and job.state == "asked" and time.monotonic() < until:
        time.sleep(LOOK_S)
        job = store.set_up(job.id)
    if job is None or job.state == "asked":
        raise ValueError("the timer does not answer; is a rep under way?")
    if job.state != "done":
        raise ValueError(job.reason or "the timer could not tell")
    return job.answer or {}
