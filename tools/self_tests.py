"""How well the LED test and the sound test give back what was drawn: a table of twenty seeds.

.venv/bin/python tools/self_tests.py [--readme README.md]
"""

import argparse
from pathlib import Path
from random import Random

import numpy as np

from pi.led_check import FLASHES, clock_of, draw_flashes
from pi.simulate.led import LedScene, simulate_flashing
from pi.simulate.sound import simulate_sound
from pi.sound_check import rise_of

MARKS = ("<!-- self-tests -->", "<!-- /self-tests -->")
SEEDS = range(100, 120)  # others than the tests'
CAMERAS = {
    "LED, 120 fps, 1 ms": {"exposure_s": 0.001},
    "LED, 120 fps, 4 ms": {"exposure_s": 0.004},
    "LED, global shutter": {"exposure_s": 0.001, "line_time_s": 0.0},
    "LED, bright day, noise": {
        "exposure_s": 0.001, "scene": LedScene(noise=6.0, ambient=0.6, light=0.2),
    },
    "LED, 60 fps, 2 ms": {"exposure_s": 0.002, "fps": 60.0},
}  # fmt: skip
PLACES = {
    "sound, outdoors": {"echo_s": 0.0},
    "sound, hall": {"echo_s": 0.3},
    "sound, traffic": {"echo_s": 0.0, "noise": 0.08},
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--readme", type=Path, help="put the table between its marks there")
    readme = asked.parse_args().readme
    lines = [
        "| test | put in | off by, ms | worst, ms | inside 2 u | line time, worst, µs |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, camera in CAMERAS.items():
        lines.append(row(name, "±5 ms", *clocks(camera)))
    for name, place in PLACES.items():
        lines.append(row(name, "0.5–10 ms", *rises(place), None))
    table = "\n".join(lines)
    print(table)
    if readme:
        text = readme.read_text()
        head, rest = text.split(MARKS[0])
        tail = rest.split(MARKS[1])[1]
        readme.write_text(f"{head}{MARKS[0]}\n{table}\n{MARKS[1]}{tail}")


def clocks(camera: dict) -> tuple[list[float], list[bool], list[float]]:
    off, inside, line_off = [], [], []
    for seed in SEEDS:
        drawn = np.random.default_rng(seed)
        late, line = drawn.uniform(-0.005, 0.005), drawn.uniform(4e-6, 25e-6)
        given = {"line_time_s": line} | camera
        random = Random(seed)  # noqa: S311 - phases, no secrets
        flashes = draw_flashes(FLASHES // 2, 1 / camera.get("fps", 120.0), random)
        clock = clock_of(simulate_flashing(flashes, seed=seed, late_s=late, **given))
        off.append(clock.offset.value - late)
        inside.append(abs(off[-1]) < 2 * clock.offset.u)
        line_off.append(clock.line_time.value - given["line_time_s"])
    return off, inside, line_off


def rises(place: dict) -> tuple[list[float], list[bool]]:
    off, inside = [], []
    for seed in SEEDS:
        rise = np.random.default_rng(seed).uniform(0.0005, 0.010)
        found = rise_of(simulate_sound(seed=seed, rise_s=rise, **place), 48_000.0)
        off.append(found.rise.value - rise)
        inside.append(abs(off[-1]) < 2 * found.rise.u)
    return off, inside


def row(name, put_in, off, inside, line_off) -> str:
    ms = 1e3 * np.array(off)
    spread = 1.4826 * np.median(np.abs(ms - np.median(ms)))
    line = "–" if line_off is None else f"{1e6 * np.nanmax(np.abs(line_off)):.2f}"
    return (
        f"| {name} | {put_in} | {np.median(ms):+.3f} ± {spread:.3f} | {np.abs(ms).max():.2f} "
        f"| {np.mean(inside):.0%} | {line} |"
    )


if __name__ == "__main__":
    main()
