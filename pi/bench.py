"""The accuracy table: starts whose truth is known, simulated or in films, measured as a rep is;
misses as bias and spread."""

from __future__ import annotations

import json
import os
import time as clock
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import __version__
from .drills import POSTURES
from .measure import ALGORITHM
from .rep import analyse, analyse_video, plain
from .simulate import CONDITIONS, Clip, simulate_clip, write_film

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
    ending: str = "start"


BEHAVIOURS = ("early", "false_start", "no_movement", "scratch", "walk_away")


def grid(*, quick: bool) -> list[Case]:
    """Every posture under every condition, then what is no proper start; quick takes a few of
    them. Bodies and places follow from the seed."""
    conditions = (
        QUICK if quick else ("clean",) * 4 + tuple(c for c in CONDITIONS if c != "clean") * 2
    )
    cases = []
    for row, condition in enumerate(conditions):
        for column, posture in enumerate(POSTURES):
            seed = 1000 + 10 * row + column
            cases.append(Case(posture, condition, seed, 120.0, 1 if (row + column) % 3 else -1))
    if quick:
        others = ("passers_by", "exposure_step", "shake", "low_contrast")
        for k, (posture, condition) in enumerate(zip(POSTURES, others, strict=True)):
            cases.append(Case(posture, condition, 2000 + k, 120.0, 1))
        cases.append(Case("prone", "clean", 3001, 60.0, 1))
    else:
        cases += [Case(p, "clean", 3000 + k, 60.0, 1) for k, p in enumerate(POSTURES)]
    for row, ending in enumerate(BEHAVIOURS[1:3] if quick else BEHAVIOURS):
        for column, posture in enumerate(list(POSTURES)[:1] if quick else POSTURES):
            condition = ("clean", "wind", "passers_by")[(row + column) % 3]
            cases.append(Case(posture, condition, 4000 + 10 * row + column, 120.0, 1, ending))
    return cases


def rendered(case: Case) -> Clip:
    """The clip of a case."""
    return simulate_clip(
        case.posture,
        seed=case.seed,
        fps=case.fps,
        conditions=CONDITIONS[case.condition],
        duration_s=DURATION_S,
        direction=case.direction,
        ending=case.ending,
    )


def run_case(case: Case) -> dict[str, Any]:
    """Render one clip, measure it, and set result beside truth."""
    clip = rendered(case)
    begin = clock.perf_counter()
    result = analyse(clip.frames, clip.signal_ns, cones=clip.cones, posture=case.posture).result
    seconds = clock.perf_counter() - begin
    return {
        **case._asdict(),
        "frames": len(clip.frames.luma),
        "seconds": seconds,
        **misses(result, clip.truth, 1.0 / case.fps),
    }


def write_case(case: Case, folder: Path) -> None:
    """Render one clip into a folder of films."""
    name = f"{case.condition}-{case.ending}-{case.posture}-{case.seed}-{case.fps:g}"
    about = {"condition": case.condition, "seed": case.seed, "direction": case.direction}
    write_film(rendered(case), folder, name, fps=case.fps, about=about)


def run_film(film: Path) -> dict[str, Any]:
    """Measure one film as `trackstart analyse` does, and set result beside its truth.

    film : NAME.mp4, with NAME.truth.json and, for metres, NAME.cones.json beside it. The truth is
    that of `rep --simulate`, with the signal's instant in the film as `signal_s`; what it does not
    tell is not scored. Raises ValueError naming the file that cannot be used.
    """
    truth = _read(film.with_suffix(".truth.json"))
    cones = film.with_suffix(".cones.json")
    marks = _read(cones).get("cones") if cones.is_file() else None
    signal = truth.get("signal")
    signal_s = truth.get("signal_s", truth.get("signal_time_s"))
    if signal_s is None and isinstance(signal, dict):
        signal_s = signal.get("time_s")
    if not isinstance(signal_s, int | float):
        raise ValueError(f"{film.with_suffix('.truth.json')}: needs signal_s, the signal's instant")
    posture = truth.get("posture")
    if isinstance(posture, dict):
        posture = posture.get("start")
    posture = posture if posture in POSTURES else None
    begin = clock.perf_counter()
    result = analyse_video(
        film,
        float(signal_s),
        line_time_us=float(truth.get("line_time_us") or 0.0),
        cones=marks,
        posture=posture,
    ).result
    seconds = clock.perf_counter() - begin
    capture = result["capture"]
    return {
        "name": film.stem,
        "posture": posture or "not told",
        "condition": str(truth.get("condition") or "not told"),
        "fps": capture["fps"],
        "frames": capture["frames"],
        "seconds": seconds,
        **misses(result, truth, 1.0 / capture["fps"]),
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError(f"{path}: not JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: needs one JSON object")
    return found


def films(folder: Path) -> list[Path]:
    """The films of a folder that have a truth beside them, by name. Raises ValueError for none."""
    found = [
        film for film in sorted(folder.glob("*.mp4")) if film.with_suffix(".truth.json").is_file()
    ]
    if not found:
        raise ValueError(f"{folder}: no NAME.mp4 with a NAME.truth.json beside it")
    return found


def misses(result: dict[str, Any], truth: dict[str, Any], frame_s: float) -> dict[str, Any]:
    """What a result is off by: measured minus true, with the stated u; None where either has no
    answer."""
    span = truth.get("reaction_span_s") or {}
    low, high = span.get("5mm"), span.get("20mm")
    started = truth.get("status", "measured") != "no_movement"
    inside = None
    reaction = result["reaction_s"]["value"]
    if started and low is not None and high is not None:
        inside = reaction is not None and low - frame_s <= reaction <= high + frame_s
    true_splits = {split["metres"]: split["from_signal_s"] for split in truth.get("splits") or []}
    seen = {split["metres"]: split for split in result["splits"]}
    wanted = [g for g in GATES_M if true_splits.get(g) is not None]
    splits = {}
    for split in result["splits"]:
        gate = split["metres"]
        if gate in GATES_M and gate in true_splits:
            splits[f"{gate:g}"] = _miss(split["from_signal_s"], true_splits[gate], split["u"])
    return {
        "status": result["status"],
        "status_right": result["status"] == truth.get("status", "measured"),
        "reaction_right": inside,
        "reaction": _miss(reaction, _true(truth.get("reaction_s")), result["reaction_s"]["u"]),
        "up": _miss(result["up_s"]["value"], _true(truth.get("up_s")), result["up_s"]["u"]),
        "splits": splits,
        "splits_missing": sum(seen[g]["from_signal_s"] is None for g in wanted if g in seen),
        "peak_speed": _miss(
            result["peak_speed"]["value"],
            _true(truth.get("peak_speed")),
            result["peak_speed"]["u"],
        ),
        "acceleration": _miss(
            result["mean_acceleration"]["first_second"]["value"],
            _true((truth.get("mean_acceleration") or {}).get("first_second")),
            result["mean_acceleration"]["first_second"]["u"],
        ),
        "speed_rms": _rms(result["track"], truth),
    }


def _true(told: Any) -> float | None:
    """A true value, told alone or as {"value": …}."""
    return told.get("value") if isinstance(told, dict) else told


def _miss(value: float | None, true: float | None, u: float | None) -> dict[str, float] | None:
    if value is None or true is None or not np.isfinite(true):
        return None
    return {"miss": value - true, "u": float("nan") if u is None else u}


def _rms(track: dict[str, list], truth: dict[str, Any]) -> float | None:
    """RMS error of the speed curve (m/s) from getting up, or first movement, to where it ends."""
    time = np.array(track["time_s"], float)
    up = _true(truth.get("up_s")) or _true(truth.get("reaction_s"))
    told = truth.get("track") or {}
    if len(time) == 0 or up is None or len(told.get("speed_m_s", ())) == 0:
        return None
    true_time = np.asarray(told["time_s"], float)
    inside = (time > up) & (time < true_time[-1] - 0.1)
    if not inside.any():
        return None
    true = np.interp(time[inside], true_time, np.asarray(told["speed_m_s"], float))
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
            "right": _share([row["reaction_right"] for row in rows]),
            **_spread(found),
        },
        "splits": {
            f"{gate:g}": _spread(
                [r["splits"][f"{gate:g}"] for r in rows if r["splits"].get(f"{gate:g}")]
            )
            for gate in GATES_M
        },
        "up": _spread([row["up"] for row in rows if row["up"]]),
        "splits_missing": int(sum(row["splits_missing"] for row in rows)),
        "peak_speed": _spread([row["peak_speed"] for row in rows if row["peak_speed"]]),
        "acceleration": _spread([row["acceleration"] for row in rows if row["acceleration"]]),
        "speed_rms": float(np.median(speeds)) if speeds else None,
    }


def _share(right: list[bool | None]) -> float | None:
    scored = [one for one in right if one is not None]
    return float(np.mean(scored)) if scored else None


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
    against: Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """Run the grid, or the films of a folder. Returns one JSON-ready object: every clip, and
    summaries by posture and by condition."""
    if against is None:
        rows = _each(run_case, grid(quick=quick), workers, progress)
    else:
        rows = _each(run_film, films(against), workers, progress)
    return plain(
        {
            "schema": "trackstart.bench/1",
            "version": __version__,
            "algorithm": ALGORITHM,
            "quick": quick,
            "codec": against is not None,
            "by_posture": _by("posture", rows),
            "by_condition": _by("condition", rows),
            "all": summary(rows),
            "frames_per_second": float(np.median([row["frames"] / row["seconds"] for row in rows])),
            "clips": rows,
        }
    )


def write_films(
    folder: Path,
    *,
    quick: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> None:
    """The grid's clips as a folder that `against` takes."""
    folder.mkdir(parents=True, exist_ok=True)
    _each(partial(write_case, folder=folder), grid(quick=quick), workers, progress)


def _each(
    work: Callable[[Any], Any],
    items: list[Any],
    workers: int | None,
    progress: Callable[[int, int], None],
) -> list[Any]:
    done = []
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for answer in pool.map(work, items):
            done.append(answer)
            progress(len(done), len(items))
    return done


def figures(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """What is put on record: each figure (smaller is better) with how far it may wander.

    A rate over n clips may wander by one clip, an RMS by a fifth (its relative standard error over
    n normal misses is 1/sqrt(2 n): 0.16 over 20) or by what the clock resolves, 2 ms.
    """
    whole = report["all"]
    one = 1.0 / whole["clips"]
    found = {
        "wrong status": (1.0 - whole["status_right"], one),
        "wrong first movement": (1.0 - (whole["first_movement"]["right"] or 0.0), one),
        "splits missing": (float(whole["splits_missing"]), 1.0),
    }
    rms = {"first movement RMS, s": whole["first_movement"], "up RMS, s": whole["up"]}
    rms |= {f"{gate} m RMS, s": part for gate, part in whole["splits"].items()}
    for name, part in rms.items():
        if part["rms"] is not None:
            found[name] = (part["rms"], max(0.2 * part["rms"], 0.002))
    if whole["speed_rms"] is not None:
        found["speed RMS, m/s"] = (whole["speed_rms"], 0.02)
    return {name: {"value": round(v, 5), "may": round(m, 5)} for name, (v, m) in found.items()}


def worse_than(now: dict[str, Any], record: dict[str, Any]) -> list[str]:
    """A line for each figure that is worse than on record by more than it may wander, or that is
    not measured any more."""
    lines = []
    for name, kept in record.items():
        if name not in now:
            lines.append(f"{name}: not measured any more")
        elif now[name]["value"] > kept["value"] + kept["may"]:
            lines.append(f"{name}: {now[name]['value']:g}, was {kept['value']:g} ± {kept['may']:g}")
    return lines


def _by(key: str, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    rows = list(rows)
    return {
        name: summary([r for r in rows if r[key] == name])
        for name in dict.fromkeys(r[key] for r in rows)
    }


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


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
            f"| {_percent(part['first_movement']['right'])} "
            f"| {milli(part['first_movement'])} | {splits} | {speed} |"
        )
    return "\n".join(lines)
