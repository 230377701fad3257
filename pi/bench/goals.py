"""What is to be reached, and whether it is: each goal with its figure, met or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .grid import BEHAVIOURS, BEYOND
from .score import GATES_M
from .summary import Row, covered, misses_of, pooled, share, spread

CLEAN = ("clean", "recorded_body")
NOT_FOR_GOALS = (*BEYOND, "240_fps", "30_fps", "wide_view")
"""Conditions that are shown, but not counted for a goal (but the profile, in a wide view)."""


def _goal(quantity: str, goal: str, measured: str, met: Any, n: int, **figures: Any) -> Row:
    """One line of the goals. met : None when nothing could be scored."""
    return {
        "quantity": quantity, "goal": goal, "measured": measured if n else "–",
        "met": bool(met) if n else None, "n": n, "figures": figures,
    }  # fmt: skip


def percent(part: float | None) -> str:
    """A share in words, never rounded up to all."""
    if part is None:
        return "–"
    return f"{part:.0%}" if part in (0.0, 1.0) or 0.005 <= part < 0.995 else f"{part:.1%}"


def counted(rows: list[Row]) -> list[Row]:
    """The clips that goals are about."""
    return [row for row in rows if row["condition"] not in NOT_FOR_GOALS]


def goals(rows: list[Row], speed: Row | None = None, watch: Row | None = None) -> list[Row]:
    """Each goal with its figure, met or not.

    rows : scored clips.   speed, watch : what `speed` and `watching` measured; None leaves theirs
    open.
    """
    about = counted(rows)
    starts = [row for row in about if row["condition"] not in BEHAVIOURS]
    sharp = [row for row in starts if row["condition"] != "60_fps"]
    return [
        *_first_movement(starts),
        _statuses(about),
        _torso(sharp),
        _rising(sharp),
        *_crossings(sharp),
        _speed_curve(sharp),
        *_accelerations(sharp),
        *_profiles(rows),
        _up(sharp),
        *_steps(sharp),
        *_legs(starts),
        _posture(starts),
        *_uncertainty(rows),  # over the whole grid
        *_speed(speed),
        *_watch(watch),
    ]


def _first_movement(starts: list[Row]) -> list[Row]:
    scored = [row for row in starts if row["reaction_right"] is not None]
    clean = [row for row in scored if row["condition"] in CLEAN]
    hard = [row for row in scored if row["condition"] not in CLEAN]
    right = share(row["reaction_right"] for row in clean)
    each = {
        name: share(row["reaction_right"] for row in hard if row["condition"] == name)
        for name in dict.fromkeys(row["condition"] for row in hard)
    }
    below = {name: part for name, part in each.items() if part is not None and part < 0.95}
    told = percent(share(row["reaction_right"] for row in hard))
    if below:
        worst = sorted(below, key=lambda name: below[name])
        told += "; " + ", ".join(f"{name} {percent(below[name])}" for name in worst)
    return [
        _goal(
            "first movement, clean light", "all within 5–20 mm ± a frame",
            percent(right), right == 1.0, len(clean), right=right,
        ),
        _goal(
            "first movement, each hard condition", "≥ 95 %", told, not below, len(hard),
            right=share(row["reaction_right"] for row in hard), **each,
        ),
        _where(starts), *_in_time(starts),
    ]  # fmt: skip


def _where(starts: list[Row]) -> Row:
    """What is not told was nowhere near."""
    moved = [row["moved_m"] for row in starts if row["moved_m"] is not None]
    n = len(moved) + sum(row["moved_missing"] for row in starts)
    off = np.array(moved) - 0.010
    median = float(np.median(moved)) if moved else None
    within = float(np.sum(np.abs(off) <= 0.006) / n) if n else None
    return _goal(
        "where the body was at that instant", "10 mm: median ± 2 mm, 90 % ± 6 mm",
        f"{(median or 0) * 1e3:.1f} mm, {percent(within)} within 6 mm",
        median is not None and within is not None and abs(median - 0.010) <= 0.002
        and within >= 0.9,
        n, median_m=median, within_6_mm=within,
    )  # fmt: skip


def _in_time(starts: list[Row]) -> list[Row]:
    brisk = [row for row in starts if row["brisk"]]
    miss = {
        posture: [row["reaction"]["miss"] for row in brisk
                  if row["posture"] == posture and row["reaction"]]
        for posture in dict.fromkeys(row["posture"] for row in brisk)
    }  # fmt: skip
    median = {posture: float(np.median(off)) for posture, off in miss.items() if off}
    off = np.array([one for every in miss.values() for one in every])
    scored = [row for row in brisk if row["reaction"] or row["reaction_missing"]]
    within = float(np.sum(np.abs(off) <= 0.012) / len(scored)) if scored else None
    worst = sorted(median, key=lambda posture: -abs(median[posture]))
    return [
        _goal(
            "median error in time, starts at ≥ 0.3 m/s", "± 4 ms, each posture",
            ", ".join(f"{posture} {median[posture] * 1e3:+.0f}" for posture in worst) + " ms",
            all(abs(one) <= 0.004 for one in median.values()) and median, len(off), **median,
        ),
        _goal(
            "the same, within 12 ms", "≥ 90 %", percent(within),
            within is not None and within >= 0.9, len(scored), within_12_ms=within,
        ),
    ]  # fmt: skip


def _statuses(rows: list[Row]) -> Row:
    kinds = {
        name: share(row["status_right"] for row in rows if row["condition"] == name)
        for name in BEHAVIOURS
    }
    kinds = {name: part for name, part in kinds.items() if part is not None}
    kinds["start"] = share(row["status_right"] for row in rows if row["condition"] not in kinds)
    made_up = sum(row["from_nobody"] for row in rows)
    wrong = [f"{name} {percent(part)}" for name, part in kinds.items() if part not in (None, 1.0)]
    told = percent(share(row["status_right"] for row in rows))
    n = sum(row["status_right"] is not None for row in rows)
    return _goal(
        "status of starts and of what is none", "always right, no number from nobody",
        "; ".join([told, *wrong, *([f"{made_up} from nobody"] if made_up else [])]),
        not wrong and not made_up, n, from_nobody=made_up, **kinds,
    )  # fmt: skip


def _limit(
    quantity: str, goal: str, value: float | None, limit: float, told: Callable[[float], str],
    n: int, *, missing: int = 0, **figures: Any,
) -> Row:  # fmt: skip
    """A goal that a figure stays below, with nothing missing."""
    words = "" if value is None else told(value)
    if missing:
        words += ("; " if words else "") + f"{missing} missing"
    met = value is not None and value <= limit and not missing
    n += missing
    return _goal(quantity, goal, words, met, n, value=value, missing=missing, **figures)


def _ms(value: float) -> str:
    return f"{value * 1e3:.1f} ms"


def _cm(value: float) -> str:
    return f"{value * 1e2:.1f} cm"


def _torso(rows: list[Row]) -> Row:
    known = [row["torso_rms"] for row in rows if row["torso_rms"] is not None]
    usual = float(np.median(known)) if known else None

    def told(value: float) -> str:
        return f"{_cm(value)}; median clip {_cm(usual or 0.0)}"

    return _limit("torso position, upright, within 5 m", "≤ 2 cm RMS", pooled(known), 0.02, told,
                  len(known), median_m=usual)  # fmt: skip


def _rising(rows: list[Row]) -> Row:
    known = [row["rising"] for row in rows if row["rising"]]
    one, two = (share(part[key] for part in known) for key in ("inside_u", "inside_2u"))
    rms = pooled(part["rms"] for part in known)
    n = len(known)
    met = two is not None and two >= 0.94
    told = f"{(rms or 0) * 100:.0f} cm RMS, {percent(two)} inside ±2u"
    goal = _goal(
        "torso position before that", "the stated u covers", told, met, n,
        rms=rms, inside_u=one, inside_2u=two,
    )  # fmt: skip
    if not n and any(row["torso_rms"] is not None for row in rows):
        goal |= {"measured": "no u is stated", "met": False}
    return goal


def _crossings(rows: list[Row]) -> list[Row]:
    found = []
    for gate in GATES_M:
        name = f"{gate:g}"
        part = spread([row["splits"][name] for row in rows if name in row["splits"]])
        found.append(_limit(f"crossing of {name} m", "≤ 6 ms RMS", part["rms"], 0.006, _ms,
                            part["n"]))  # fmt: skip
    missing = sum(row["splits_missing"] for row in rows)
    n = sum(goal["n"] for goal in found) + missing
    return [*found, _goal("crossings missing", "none", f"{missing} of {n}", not missing, n,
                          missing=missing)]  # fmt: skip


def _speed_curve(rows: list[Row]) -> Row:
    known = [row["speed_rms"] for row in rows if row["speed_rms"] is not None]
    usual = float(np.median(known)) if known else None

    def told(value: float) -> str:
        return f"{value:.3f} m/s; median clip {usual or 0.0:.3f}"

    return _limit("speed, upright", "≤ 0.10 m/s RMS", pooled(known), 0.10, told, len(known),
                  median_m_s=usual)  # fmt: skip


def _accelerations(rows: list[Row]) -> list[Row]:
    found = []
    for name, words in (("first_second", "the first second"), ("three_steps", "three steps")):
        part = spread(misses_of(name, rows))
        found.append(_limit(f"mean acceleration of {words}", "≤ 4 % RMS", part["relative"], 0.04,
                            "{:.1%}".format, part["n"]))  # fmt: skip
    return found


def _profiles(rows: list[Row]) -> list[Row]:
    found = []
    for name in ("mss", "mac"):
        part = spread(misses_of(name, rows))
        missing = sum(bool(row["profile_missing"]) and row[name] is None for row in rows)
        found.append(_limit(f"{name.upper()} where 8 m are in view", "≤ 5 % RMS", part["relative"],
                            0.05, "{:.1%}".format, part["n"], missing=missing))  # fmt: skip
    short = [row["profile_null_right"] for row in rows if row["profile_null_right"] is not None]
    right = share(short)
    return [*found, _goal("profile where the track is too short", "null, with the reason",
                          percent(right), right == 1.0, len(short), right=right)]  # fmt: skip


def _up(rows: list[Row]) -> Row:
    part = spread(misses_of("up", rows))
    missing = sum(bool(row["up_missing"]) for row in rows)
    return _limit("up_s", "≤ 30 ms RMS", part["rms"], 0.03, _ms, part["n"], missing=missing)


def _steps(rows: list[Row]) -> list[Row]:
    wanted = sum(row["steps_wanted"] for row in rows)
    missing = sum(row["steps_missing"] for row in rows)
    found = [_goal("first five steps found", "all", f"{wanted - missing} of {wanted}", not missing,
                   wanted, missing=missing)]  # fmt: skip
    for name, words in (("contacts", "foot contacts"), ("toe_offs", "toe-offs")):
        part = spread(misses_of(name, rows))
        found.append(_limit(words, "≤ 10 ms RMS", part["rms"], 0.010, _ms, part["n"]))
    part = spread(misses_of("step_lengths", rows))
    return [*found, _limit("step length", "≤ 3 cm RMS", part["rms"], 0.03, _cm, part["n"])]


def _legs(rows: list[Row]) -> list[Row]:
    """No leg is guessed: what counts is that those told are right."""
    scored = [row for row in rows if row["lead_told"] is not None]
    told, wrong = (sum(row[key] for row in scored) for key in ("lead_told", "lead_wrong"))
    of, astray = (sum(row[key] for row in rows) for key in ("legs_told", "legs_wrong"))
    return [
        _goal("leg of the first step", "none wrong", f"{told} of {len(scored)} told, {wrong} wrong",
              not wrong, len(scored), told=told, wrong=wrong),
        _goal("leg of each step", "≤ 1 % of those told wrong", f"{of} told, {astray} wrong",
              astray <= 0.01 * of, of, told=of, wrong=astray),
    ]  # fmt: skip


def _posture(rows: list[Row]) -> Row:
    scored = [row["posture_right"] for row in rows if row["posture_right"] is not None]
    right = share(scored)
    return _goal("start posture from the picture alone", "≥ 95 %", percent(right),
                 right is not None and right >= 0.95, len(scored), right=right)  # fmt: skip


def _uncertainty(rows: list[Row]) -> list[Row]:
    parts = covered(rows)
    whole = parts.pop("all")
    found = []
    for key, words, goal, fits in (
        ("inside_u", "true values inside ±u", "63–73 %", lambda part: 0.63 <= part <= 0.73),
        ("inside_2u", "true values inside ±2u", "≥ 94 %", lambda part: part >= 0.94),
    ):
        value = whole[key]
        low = sorted((part[key], name) for name, part in parts.items())
        told = percent(value)
        if low:
            told += f"; lowest {low[0][1]} {percent(low[0][0])}"
            told += f", highest {low[-1][1]} {percent(low[-1][0])}" if key == "inside_u" else ""
        met = value is not None and fits(value)
        found.append(_goal(words, goal, told, met, whole["n"], value=value,
                           **{name: part[key] for name, part in parts.items()}))  # fmt: skip
    return found


def _speed(speed: Row | None) -> list[Row]:
    speed = speed or dict.fromkeys(
        ("frames_per_second", "whole_frames_per_second", "six_seconds_s", "memory_mb",
         "twice_the_frames", "four_times_the_pixels")
    )  # fmt: skip
    fast, whole = speed["frames_per_second"], speed["whole_frames_per_second"]
    after, memory = speed["six_seconds_s"], speed["memory_mb"]
    twice, pixels = speed["twice_the_frames"], speed["four_times_the_pixels"]
    return [
        _goal("speed of analysis, one core", "≥ 1,500 frames/s",
              f"{fast or 0:,.0f} frames/s ({whole or 0:,.0f} with the pictures for the page)",
              fast and fast >= 1500, int(fast is not None), frames_per_second=fast,
              whole_frames_per_second=whole),
        _goal("result after a 6 s recording, one core", "≤ 1 s", f"{after or 0:.1f} s",
              after and after <= 1.0, int(after is not None), value=after),
        _goal("memory beyond the ring", "≤ 150 MB", f"{memory or 0:.0f} MB",
              memory is not None and memory <= 150, int(memory is not None), value=memory),
        _goal("time of analysis", "grows no faster than frames and pixels",
              f"twice the frames × {twice or 0:.2f}, four times the pixels × {pixels or 0:.2f}",
              twice and pixels and twice <= 2.2 and pixels <= 4.4, int(None not in (twice, pixels)),
              twice_the_frames=twice, four_times_the_pixels=pixels),
    ]  # fmt: skip


def _watch(watch: Row | None) -> list[Row]:
    watch = watch or {"latency_s": [], "ms_per_frame": None, "holds": 0, "false_alarms": 0}
    latency = [np.inf if one is None else one for one in watch["latency_s"]]
    slow = sum(one > 0.05 for one in latency)
    worst = max(latency, default=0.0)
    holds, alarms, ms = watch["holds"], watch["false_alarms"], watch["ms_per_frame"]
    at_worst = f"worst {worst * 1e3:.0f} ms" if np.isfinite(worst) else "one not seen"
    return [
        _goal("the watch sees 20 mm", "within 50 ms",
              f"median {np.median(latency or [0.0]) * 1e3:.0f} ms, {at_worst}; "
              f"{slow} of {len(latency)} later", not slow, len(latency), later=slow,
              median_s=float(np.median(latency)) if latency else None),
        _goal("the watch's time", "≤ 2 ms a frame", f"{ms or 0:.1f} ms", ms and ms <= 2.0,
              int(ms is not None), value=ms),
        _goal("false alarms of the watch in wind", "< 1 in 200 holds", f"{alarms} in {holds}",
              alarms * 200 < holds, holds, false_alarms=alarms),
    ]  # fmt: skip
