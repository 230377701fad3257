"""The table of cameras in docs/build.md: where each has to stand, and how sure it is there.

    .venv/bin/python tools/build_table.py [--write docs/build.md]

Distances follow from the camera models. The ± are what trackstart itself states of simulated starts
with that camera's scale, frame rate, line time and 1 ms exposure (the median of eight).
"""

import argparse
from pathlib import Path

import numpy as np

from pi.camera_models import MODELS, distance_for, picture_px
from pi.rep import analyse
from pi.simulate import Conditions, simulate_clip

MARKS = ("<!-- cameras -->", "<!-- /cameras -->")
BEHIND_M = 2.0  # seen behind the start line
VIEWS = (5.0, 10.0)
POSTURES = ("supine", "prone", "plank", "standing")
SEEDS = (71, 72)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--write", type=Path, help="put the table between its marks there")
    page = asked.parse_args().write
    table = "\n".join(lines(stated=True))
    print(table)
    if page:
        text = page.read_text()
        head, rest = text.split(MARKS[0])
        page.write_text(f"{head}{MARKS[0]}\n{table}\n{MARKS[1]}{rest.split(MARKS[1])[1]}")


def lines(*, stated: bool) -> list[str]:
    """The table; without what takes minutes unless stated."""
    found = [
        "| camera | view | away | picture | px a metre | ± reaction | ± 5 m | ± peak speed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for model in MODELS.values():
        width, height = picture_px(model)
        fps = min(model.mode.fps, 120.0)
        for view in VIEWS:
            seen = view + BEHIND_M
            away = distance_for(model, seen, width / height)
            told = us(model, width, height, fps, width / seen) if stated else ("", "", "")
            found.append(
                f"| {model.title} | {view:g} m | {away:.1f} m | {width}x{height}, {fps:.0f}/s "
                f"| {width / seen:.0f} | {told[0]} | {told[1]} | {told[2]} |"
            )
    return found


def us(model, width: int, height: int, fps: float, px_per_m: float) -> tuple[str, str, str]:
    """Median of the ± that are stated, as the table shows them; – where nothing is told."""
    reaction, split, speed = [], [], []
    for posture in POSTURES:
        for seed in SEEDS:
            clip = simulate_clip(
                posture,
                seed=seed,
                fps=fps,
                size=(width, height),
                px_per_m=px_per_m,
                duration_s=6.0,
                conditions=Conditions(line_time_s=model.mode.line_time_ns * 1e-9),
            )
            told = analyse(clip.frames, clip.signal_ns, cones=clip.cones, posture=posture).result
            reaction.append(told["reaction_s"]["u"])
            split.append(next(s["u"] for s in told["splits"] if s["metres"] == 5.0))
            speed.append(told["peak_speed"]["u"])
    return (
        shown(reaction, 1000, "{:.0f} ms"),
        shown(split, 1000, "{:.0f} ms"),
        shown(speed, 1, "{:.2f} m/s"),
    )


def shown(us: list, by: float, form: str) -> str:
    known = [by * u for u in us if u is not None]
    return form.format(np.median(known)) if len(known) > len(us) // 2 else "–"


if __name__ == "__main__":
    main()
