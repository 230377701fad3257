"""Which starts are measured: postures × conditions × bodies × frame rates × seeds, as data."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

from ..drills import POSTURES
from ..simulate import CONDITIONS, Clip, find_captures, simulate_clip

GOAL_CONDITIONS = (
    "clean", "wind", "passers_by", "drift", "exposure_step", "shake", "low_contrast",
    "smooth_ground", "noise", "rolling_shutter", "60_fps",
)  # fmt: skip
"""Under which the goals are to be met. What else is in the grid shows where it ends."""
BEYOND = ("shadow", "dim", "bump", "crossing", "cloud", "everything")
BEHAVIOURS = ("early", "false_start", "no_movement", "scratch", "walk_away")
BEHIND = ("clean", "wind", "passers_by")
"""What goes on while somebody does not start properly."""

FULL, HALF = (1280, 720), (640, 360)
SIGNAL_S = 2.0
WIDE_PX_PER_M = 90.0  # 14 m in view


class Case(NamedTuple):
    """One clip of the grid. The same case is the same clip, bit for bit."""

    posture: str
    condition: str  # the row of the table that it counts for
    seed: int
    direction: int = 1
    weather: str = "clean"  # of CONDITIONS
    ending: str = "start"
    body: str = "built-in"
    fps: float = 120.0
    size: tuple[int, int] = FULL
    px_per_m: float | None = None
    duration_s: float = 5.5

    @property
    def name(self) -> str:
        return f"{self.condition}-{self.posture}-{self.seed}"


def grid(*, quick: bool) -> list[Case]:
    """The clips, in the order in which they are measured; quick takes a few of every kind. Places,
    clothes and bodies follow from the seed, which no two clips share."""
    seeds = count(2001 if quick else 5001)
    cases: list[Case] = []

    def add(posture: str, condition: str, **wanted: object) -> None:
        seed = next(seeds)
        weather = condition if condition in CONDITIONS else "clean"
        way = 1 if seed % 3 else -1
        case = Case(posture, condition, seed, way, weather)
        cases.append(case._replace(**wanted))  # type: ignore[arg-type]

    postures = list(POSTURES)

    def some(condition: str, each: int, **wanted: object) -> None:
        for _ in range(each):
            for posture in postures:
                add(posture, condition, **wanted)

    if quick:
        some("clean", 2)
        hard = [c for c in GOAL_CONDITIONS if c != "clean"]
        for k, condition in enumerate([*hard, "wind", "noise", "low_contrast"]):
            fps = 60.0 if condition == "60_fps" else 120.0
            add(postures[k % 4], condition, fps=fps)
        add("standing", "wide_view", px_per_m=WIDE_PX_PER_M, duration_s=5.5)
        for k, behaviour in enumerate(BEHAVIOURS):
            add(postures[k % 4], behaviour, weather=BEHIND[k % 3], ending=behaviour)
        return cases

    some("clean", 8)
    for condition in GOAL_CONDITIONS[1:]:
        some(condition, 3, fps=60.0 if condition == "60_fps" else 120.0)
    for condition in BEYOND:
        some(condition, 1)
    some("240_fps", 1, fps=240.0, size=(960, 540))
    some("30_fps", 1, fps=30.0)
    some("wide_view", 2, px_per_m=WIDE_PX_PER_M, duration_s=7.0)
    some("recorded_body", 2, body="captured")
    for behaviour in BEHAVIOURS:
        for k, _ in enumerate(BEHIND):
            for j, posture in enumerate(postures):
                if (j + k) % 2 == 0 or behaviour in ("no_movement", "false_start"):
                    add(posture, behaviour, weather=BEHIND[k], ending=behaviour, duration_s=5.0)
    return cases


def at_hand(cases: list[Case]) -> list[Case]:
    """Those that can be drawn here: recorded bodies need the motion capture."""
    return [case for case in cases if case.body == "built-in" or find_captures() is not None]


def rendered(case: Case) -> Clip:
    """The clip of a case."""
    return simulate_clip(
        case.posture,
        seed=case.seed,
        fps=case.fps,
        size=case.size,
        px_per_m=case.px_per_m,
        conditions=CONDITIONS[case.weather],
        signal_s=SIGNAL_S,
        duration_s=case.duration_s,
        direction=case.direction,
        ending=case.ending,
        body=case.body,
    )
