"""A report as Markdown: the goals, and every posture and condition in a line."""

from __future__ import annotations

from typing import Any

from .goals import percent
from .grid import BEHAVIOURS
from .score import GATES_M


def table(report: dict[str, Any]) -> str:
    """Both tables, as the README has them, and what was left out."""
    parts = [goal_table(report), condition_table(report)]
    if report["skipped_recorded_bodies"]:
        left_out = report["skipped_recorded_bodies"]
        parts.append(f"{left_out} clips of recorded bodies left out: no motion capture here.")
    return "\n\n".join(parts)


def goal_table(report: dict[str, Any]) -> str:
    """One line a goal: what, how good, how good it is, and whether that is enough."""
    lines = ["| quantity | goal | measured | n | met |", "|---|---|---|---|---|"]
    for goal in report["goals"]:
        met = {True: "yes", False: "**no**", None: "–"}[goal["met"]]
        cells = goal["quantity"], goal["goal"], goal["measured"], str(goal["n"]), met
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


HEAD = (
    "", "clips", "right status", "first movement right", "first movement, ms",
    *(f"{gate:g} m, ms" for gate in GATES_M), "up, ms", "contacts, ms", "steps found",
    "torso, cm", "speed, m/s", "within u, 2u",
)  # fmt: skip


def condition_table(report: dict[str, Any]) -> str:
    """One line a posture, a condition, a behaviour: median ± spread, or RMS."""
    groups = [
        *report["by_posture"].items(),
        *report["by_condition"].items(),
        ("**all starts**", report["all"]),
    ]
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    for name, part in groups:
        nobody = name in BEHAVIOURS and part["reaction"]["n"] == 0
        within = part["coverage"]
        cells = [
            name.replace("_", " "),
            str(part["clips"]),
            percent(part["status_right"]),
            percent(part["first_movement"]["right"]),
            _milli(part["first_movement"]),
            *(_milli(part["splits"][f"{gate:g}"]) for gate in GATES_M),
            _milli(part["up"]),
            _milli(part["contacts"]),
            percent(part["steps_found"]),
            _figure(part["torso_rms"], 100, 1),
            _figure(part["speed_rms"], 1, 2),
            "–" if nobody else f"{percent(within['inside_u'])}, {percent(within['inside_2u'])}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _milli(part: dict[str, Any]) -> str:
    if not part["n"]:
        return "–"
    return f"{part['bias'] * 1e3:+.0f} ± {part['spread'] * 1e3:.0f}"


def _figure(value: float | None, times: float, digits: int) -> str:
    return "–" if value is None else f"{value * times:.{digits}f}"
