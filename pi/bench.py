"""The accuracy table: simulated starts whose truth is known, measured as a rep is, misses as bias
and spread."""

from __future__ import annotations

import os
import time as clock
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np

from . import __version__
from .drills import POSTURES
from .measure import ALGORITHM
from .rep import analyse, plain
from .simulate import CONDITIONS, simulate_clip

GATES_M = (1.0, 2.5, 5.0)
QUICK = ("clean", "clean", "wind", "shadow", "noise")
DURATION_S = 5.5


class Case(NamedTuple):
    """One clip of the grid."""

    posture: str
    condition: str
    seed: int
    fps: float
    direction: int


def grid(*, quick: bool) -> list[Case]:
    """Every posture under every condition; quick takes a few of them. Bodies and places follow
    from the seed."""
    conditions = (
        QUICK if quick else ("clean",) * 4 + tuple(c for c in CONDITIONS if c != "clean") * 2
    )
    cases = []
    for row, condition in enumerate(conditions):
        for column, posture in enumerate(POSTURES):
            seed = 1000 + 10 * row + column
            cases.append(Case(posture, condition, seed, 120.0, 1 if (row + column) % 3 else -1))
    if not quick:
        cases += [Case(p, "clean", 3000 + k, 60.0, 1) for k, p in enumerate(POSTURES)]
    return cases


def run_case(case: Case) -> dict[str, Any]:
    """Render one clip, measure it, and set result beside truth."""
    clip = simulate_clip(
        case.posture,
        seed=case.seed,
        fps=case.fps,
        conditions=CONDITIONS[case.condition],
        duration_s=DURATION_S,
        direction=case.direction,
    )
    begin = clock.perf_counter()
    result = analyse(clip.frames, clip.signal_ns, cones=clip.cones, posture=case.posture).result
    seconds = clock.perf_counter() - begin
    return {
        **case._asdict(),
        "frames": len(clip.frames.luma),
        "seconds": seconds,
        **misses(result, clip.truth, 1.0 / case.fps),
    }


def misses(result: dict[str, Any], truth: dict[str, Any], frame_s: float) -> dict[str, Any]:
    """What a result is off by: measured minus true, with the stated u; None where either has no
    answer."""
    span = truth["reaction_span_s"]
    reaction = result["reaction_s"]["value"]
    inside = reaction is not None and span["5mm"] - frame_s <= reaction <= span["20mm"] + frame_s
    true_splits = {split["metres"]: split["from_signal_s"] for split in truth["splits"]}
    splits = {}
    for split in result["splits"]:
        gate = split["metres"]
        if gate in GATES_M and gate in true_splits:
            splits[f"{gate:g}"] = _miss(split["from_signal_s"], true_splits[gate], split["u"])
    return {
        "status": result["status"],
        "status_right": result["status"] == truth["status"],
        "reaction_right": bool(inside),
        "reaction": _miss(reaction, truth["reaction_s"], result["reaction_s"]["u"]),
        "up": _miss(result["up_s"]["value"], truth["up_s"], result["up_s"]["u"]),
        "splits": splits,
        "peak_speed": _miss(
            result["peak_speed"]["value"], truth["peak_speed"]["value"], result["peak_speed"]["u"]
        ),
        "speed_rms": _rms(result["track"], truth),
    }


def _miss(value: float | None, true: float | None, u: float | None) -> dict[str, float] | None:
    if value is None or true is None or not np.isfinite(true):
        return None
    return {"miss": value - true, "u": float("nan") if u is None else u}


def _rms(track: dict[str, list], truth: dict[str, Any]) -> float | None:
    """RMS error of the speed curve (m/s) from getting up, or first movement, to where it ends."""
    time = np.array(track["time_s"], float)
    up = truth["up_s"] or truth["reaction_s"]
    if len(time) == 0 or up is None:
        return None
    true_time = np.asarray(truth["track"]["time_s"], float)
    inside = (time > up) & (time < true_time[-1] - 0.1)
    if not inside.any():
        return None
    true = np.interp(time[inside], true_time, np.asarray(truth["track"]["speed_m_s"], float))
    return float(np.sqrt(np.mean((np.array(track["speed_m_s"], float)[inside] - true) ** 2)))


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Bias (median), spread (1.48 MAD), RMS, rate of right answers and coverage of u over some
    clips."""
    found = [row["reaction"] for row in rows if row["reaction"]]
    speeds = [row["speed_rms"] for row in rows if row["speed_rms"] is not None]
    return {
        "clips": len(rows),
        "status_right": float(np.mean([row["status_right"] for row in rows])),
        "first_movement": {
            "right": float(np.mean([row["reaction_right"] for row in rows])),
            **_spread(found),
        },
        "splits": {
            f"{gate:g}": _spread(
                [r["splits"][f"{gate:g}"] for r in rows if r["splits"].get(f"{gate:g}")]
            )
            for gate in GATES_M
        },
        "up": _spread([row["up"] for row in rows if row["up"]]),
        "peak_speed": _spread([row["peak_speed"] for row in rows if row["peak_speed"]]),
        "speed_rms": float(np.median(speeds)) if speeds else None,
    }


def _spread(found: list[dict[str, float]]) -> dict[str, Any]:
    if not found:
        return {
            "n": 0,
            "bias": None,
            "spread": None,
            "rms": None,
            "inside_u": None,
            "inside_2u": None,
        }
    miss = np.array([f["miss"] for f in found])
    u = np.array([f["u"] for f in found])
    bias = float(np.median(miss))
    return {
        "n": len(found),
        "bias": bias,
        "spread": float(1.4826 * np.median(np.abs(miss - bias))),
        "rms": float(np.sqrt(np.mean(miss**2))),
        "inside_u": float(np.mean(np.abs(miss) <= u)),
        "inside_2u": float(np.mean(np.abs(miss) <= 2 * u)),
    }


def bench(
    *,
    quick: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """Run the grid. Returns one JSON-ready object: every clip, and summaries by posture and by
    condition."""
    cases = grid(quick=quick)
    rows = []
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done, row in enumerate(pool.map(run_case, cases), 1):
            rows.append(row)
            progress(done, len(cases))
    return plain(
        {
            "schema": "trackstart.bench/1",
            "version": __version__,
            "algorithm": ALGORITHM,
            "quick": quick,
            "by_posture": _by("posture", rows),
            "by_condition": _by("condition", rows),
            "all": summary(rows),
            "frames_per_second": float(np.median([row["frames"] / row["seconds"] for row in rows])),
            "clips": rows,
        }
    )


def _by(key: str, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    rows = list(rows)
    return {
        name: summary([r for r in rows if r[key] == name])
        for name in dict.fromkeys(r[key] for r in rows)
    }


def table(report: dict[str, Any]) -> str:
    """The report as the README's Markdown table."""

    def milli(part: dict[str, Any]) -> str:
        if not part["n"]:
            return "–"
        return f"{part['bias'] * 1e3:+.0f} ± {part['spread'] * 1e3:.0f}"

    lines = [
        "| | clips | right status | first movement right | first movement, ms | "
        + " | ".join(f"{gate:g} m, ms" for gate in GATES_M)
        + " | speed RMS, m/s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    groups = {**report["by_posture"], **report["by_condition"], "**all**": report["all"]}
    for name, part in groups.items():
        splits = " | ".join(milli(part["splits"][f"{gate:g}"]) for gate in GATES_M)
        speed = "–" if part["speed_rms"] is None else f"{part['speed_rms']:.2f}"
        lines.append(
            f"| {name} | {part['clips']} | {part['status_right']:.0%} "
            f"| {part['first_movement']['right']:.0%} "
            f"| {milli(part['first_movement'])} | {splits} | {speed} |"
        )
    return "\n".join(lines)
