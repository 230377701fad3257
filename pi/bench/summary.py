"""Many scored clips to a few figures: bias, spread, right answers, coverage of u."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .score import GATES_M, Miss

Row = dict[str, Any]

QUANTITIES = (
    "reaction", "onset", "up", "splits", "peak_speed", "first_second", "three_steps",
    "mss", "mac", "tau", "contacts", "toe_offs", "step_places",
)  # fmt: skip
"""Every number that is told with a u."""


def misses_of(quantity: str, rows: Iterable[Row]) -> list[Miss]:
    """Every miss of a quantity in some clips, those of several gates or steps one after another."""
    found: list[Miss] = []
    for row in rows:
        told = row.get(quantity)
        several = list(told.values()) if quantity == "splits" and told else told
        found += several if isinstance(several, list) else [several] if several else []
    return [one for one in found if one]


def spread(found: list[Miss]) -> dict[str, Any]:
    """Bias (median), spread (1.48 MAD), RMS, relative RMS, and the share within u and 2 u."""
    if not found:
        return dict.fromkeys(("bias", "spread", "rms", "relative", "inside_u", "inside_2u")) | {
            "n": 0
        }
    miss = np.array([one["miss"] for one in found], float)
    true = np.abs([one["true"] for one in found])
    bias = float(np.median(miss))
    inside = coverage(found)
    return {
        "n": len(found),
        "bias": bias,
        "spread": float(1.4826 * np.median(np.abs(miss - bias))),
        "rms": float(np.sqrt(np.mean(miss**2))),
        "relative": float(np.sqrt(np.mean((miss / np.maximum(true, 1e-9)) ** 2))),
        "inside_u": inside["inside_u"],
        "inside_2u": inside["inside_2u"],
    }


def coverage(found: list[Miss]) -> dict[str, Any]:
    """The share of true values inside ±u and ±2u; a number without u counts as outside."""
    if not found:
        return {"n": 0, "inside_u": None, "inside_2u": None}
    miss = np.abs([one["miss"] for one in found])
    u = np.nan_to_num(np.array([one["u"] for one in found], float), nan=-1.0)
    return {
        "n": len(found),
        "inside_u": float(np.mean(miss <= u)),
        "inside_2u": float(np.mean(miss <= 2 * u)),
    }


def share(right: Iterable[bool | None]) -> float | None:
    """The share of right answers among those that were scored."""
    scored = [one for one in right if one is not None]
    return float(np.mean(scored)) if scored else None


def pooled(rms: Iterable[float | None]) -> float | None:
    """One RMS of several."""
    known = [one for one in rms if one is not None]
    return float(np.sqrt(np.mean(np.square(known)))) if known else None


def summary(rows: list[Row]) -> dict[str, Any]:
    """What the table says of some clips."""
    wanted = sum(row["steps_wanted"] for row in rows)
    return {
        "clips": len(rows),
        "status_right": share(row["status_right"] for row in rows),
        "first_movement": {
            "right": share(row["reaction_right"] for row in rows),
            **spread(misses_of("reaction", rows)),
        },
        "splits": {
            f"{gate:g}": spread(
                [row["splits"][f"{gate:g}"] for row in rows if f"{gate:g}" in row["splits"]]
            )
            for gate in GATES_M
        },
        "splits_missing": int(sum(row["splits_missing"] for row in rows)),
        "torso_rms": pooled(row["torso_rms"] for row in rows),
        "speed_rms": pooled(row["speed_rms"] for row in rows),
        "steps_found": 1.0 - sum(r["steps_missing"] for r in rows) / wanted if wanted else None,
        "step_lengths": spread(misses_of("step_lengths", rows)),
        **{name: spread(misses_of(name, rows)) for name in QUANTITIES if name not in ("splits",)},
        "posture_right": share(row["posture_right"] for row in rows),
        "coverage": coverage([one for name in QUANTITIES for one in misses_of(name, rows)]),
    }


def covered(rows: list[Row]) -> dict[str, Any]:
    """Coverage of u, of every quantity and of all numbers together."""
    each = {name: coverage(misses_of(name, rows)) for name in QUANTITIES}
    each = {name: part for name, part in each.items() if part["n"]}
    return each | {"all": coverage([one for name in QUANTITIES for one in misses_of(name, rows)])}


def by(key: str, rows: list[Row], of: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Summaries of the clips that share a posture, a condition; in the order they come in."""
    names = dict.fromkeys(row[key] for row in rows)
    return {
        name: summary([row for row in rows if row[key] == name])
        for name in names
        if of is None or name in of
    }
