"""What each number's uncertainty is made of, and what would make it smaller. Measures nothing.

First-order propagation of independent parts: u² is the sum of the squares (JCGM 100:2008, Guide to
the expression of uncertainty in measurement, 5.1.2). Every part is a standard uncertainty in the
unit of its number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

ADVICE = {
    "body surface": "nothing trackside: the parts that are followed are not those that go first",
    "body shape": "nothing trackside: a silhouette's middle is not quite the torso's",
    "rising": "nothing trackside: until the body is upright its middle is not its torso",
    "swinging limbs": "nothing trackside: arms and legs lend the silhouette some of their speed",
    "leaving": "nothing trackside: how fast the torso goes already when the first part moves",
    "model": "a camera that sees further along the line: no runner is a formula",
    "end of view": "a camera that sees further along the line",
    "hidden limb": "a camera that sees both hands and feet, more pictures a second, more light",
    "pixel": "a camera that is nearer, or has more pixels",
    "scale": "cones further apart, placed with a tape measure; without cones, the true height",
    "calibration": "more cones, tapped with the loupe",
    "level": "a level tripod; the horizon tapped on the Set-up page, or tags on the line",
    "frame time": "more pictures a second",
    "exposure": "more light, so that the exposure can be shorter",
    "sound": "the buzzer nearer to the athlete, its distance and the temperature entered",
    "GO": "nothing else that runs on the timer's computer",
    "signal": "the timer's own signal, or a beep, in place of a light in the film",
    "smoothing": "more pictures a second, clothes that differ from the track",
    "extrapolation": "nothing trackside: where a movement began is a model's answer",
    "running height": "a view in which the whole body is seen in full stride",
}
"""What would make the largest part smaller, by its name."""


def combined(parts: Mapping[str, float]) -> float:
    """Root of the sum of squares of the parts; NaN when one is, 0 for none."""
    return math.sqrt(sum(u * u for u in parts.values()))


def listed(parts: Mapping[str, float]) -> list[dict[str, Any]]:
    """The parts for a result, largest first: [{"part": name, "u": u}, …]; [] when one is NaN."""
    if any(not math.isfinite(u) for u in parts.values()):
        return []
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    return [{"part": name, "u": float(f"{u:.4g}")} for name, u in ordered if u > 0]


class Line(NamedTuple):
    """One number of a result with its budget."""

    name: str
    unit: str
    value: float
    u: float
    parts: list[dict[str, Any]]


def lines(result: Mapping[str, Any]) -> Iterator[Line]:
    """Every number of a result that has a budget, in the order in which a rep goes."""
    budget = result.get("budget") or {}
    for name, words in (("reaction_s", "reaction"), ("onset_s", "onset"), ("up_s", "on the feet")):
        yield from _line(words, "s", result[name], budget.get(name))
    for split in result["splits"]:
        metres = f"{split['metres']:g}"
        told = {"value": split["from_signal_s"], "u": split["u"]}
        yield from _line(f"{metres} m", "s", told, (budget.get("splits") or {}).get(metres))
    yield from _line("peak speed", "m/s", result["peak_speed"], budget.get("peak_speed"))
    for name, words in (("first_second", "first second"), ("three_steps", "three steps")):
        parts = (budget.get("mean_acceleration") or {}).get(name)
        told = result["mean_acceleration"][name]
        yield from _line(f"mean acceleration, {words}", "m/s²", told, parts)
    for name, unit in (("mss", "m/s"), ("mac", "m/s²"), ("tau", "s")):
        parts = (budget.get("profile") or {}).get(name)
        yield from _line(name.upper(), unit, result["profile"][name], parts)


def _line(
    name: str, unit: str, told: Mapping[str, Any], parts: list[dict[str, Any]] | None
) -> Iterator[Line]:
    if told["value"] is not None and told["u"] is not None and parts:
        yield Line(name, unit, told["value"], told["u"], parts)


def explained(result: Mapping[str, Any]) -> str:
    """The budget as a table for a terminal of 80 columns; a sentence when there is none."""
    rows = []
    for line in lines(result):
        rows.append(f"{line.name}: {line.value:.3f} ± {line.u:.3f} {line.unit}")
        total = sum(part["u"] ** 2 for part in line.parts)
        for part in line.parts:
            share = part["u"] ** 2 / total
            rows.append(f"    {part['part']:<16} {part['u']:8.4f} {line.unit:<5} {share:5.0%}")
        rows.append(f"    smaller by: {ADVICE[line.parts[0]['part']]}")
    if not rows:
        return "nothing was measured in this rep, so there is nothing to explain"
    return "\n".join(rows)
