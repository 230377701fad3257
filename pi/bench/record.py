"""The figures on record: what a run leaves behind, and what has become worse since."""

from __future__ import annotations

from typing import Any

import numpy as np

Figures = dict[str, dict[str, float]]


def figures(report: dict[str, Any]) -> Figures:
    """What is put on record: each figure (smaller is better) with how far it may wander.

    A rate over n clips may wander by one clip, an RMS by a fifth (its relative standard error over
    n normal misses is 1/sqrt(2 n): 0.16 over 20) or by what the clock resolves, 2 ms; a share
    inside u by its standard error; a time by its double, as computers differ.
    """
    whole = report["all"]
    clips = report["clips"]
    found: dict[str, tuple[float, float]] = {}

    def rate(name: str, right: float | None, n: int) -> None:
        if right is not None and n:
            found[name] = (1.0 - right, 1.0 / n)

    def rms(name: str, value: float | None, least: float) -> None:
        if value is not None:
            found[name] = (value, max(0.2 * value, least))

    def scored(key: str) -> list[Any]:
        return [row[key] for row in clips if row[key] is not None]

    for name, key in (
        ("wrong status", "status_right"),
        ("wrong first movement", "reaction_right"),
        ("wrong posture", "posture_right"),
        ("profile of too short a track", "profile_null_right"),
    ):
        right = scored(key)
        rate(name, float(np.mean(right)) if right else None, len(right))
    found["reactions of nobody"] = (float(sum(row["from_nobody"] for row in clips)), 0.0)
    found["splits missing"] = (float(sum(row["splits_missing"] for row in clips)), 1.0)
    found["profiles missing"] = (float(sum(bool(row["profile_missing"]) for row in clips)), 1.0)
    found["steps missing"] = (float(sum(row["steps_missing"] for row in clips)), 2.0)
    found["lead legs wrong"] = (float(sum(bool(row["lead_wrong"]) for row in clips)), 0.0)
    told = scored("lead_told")
    rate("lead legs not told", float(np.mean(told)) if told else None, len(told))
    rms("first movement RMS, s", whole["reaction"]["rms"], 0.002)
    rms("up RMS, s", whole["up"]["rms"], 0.002)
    for gate, part in whole["splits"].items():
        rms(f"{gate} m RMS, s", part["rms"], 0.002)
    rms("contact RMS, s", whole["contacts"]["rms"], 0.002)
    rms("toe-off RMS, s", whole["toe_offs"]["rms"], 0.002)
    rms("step length RMS, m", whole["step_lengths"]["rms"], 0.005)
    rms("torso RMS, m", whole["torso_rms"], 0.005)
    rms("speed RMS, m/s", whole["speed_rms"], 0.02)
    for name, key in (("first second", "first_second"), ("three steps", "three_steps"),
                      ("MSS", "mss"), ("MAC", "mac")):  # fmt: skip
        rms(f"{name} RMS, relative", whole[key]["relative"], 0.01)
    cover = report["coverage"]["all"]
    if cover["n"]:
        found["share inside u, off 0.68"] = (
            abs(cover["inside_u"] - 0.68), float(np.sqrt(0.22 / cover["n"])) + 0.03
        )  # fmt: skip
        found["outside 2u"] = (1.0 - cover["inside_2u"], float(np.sqrt(0.06 / cover["n"])) + 0.02)
    if report["speed"]:
        each = 1e3 / report["speed"]["frames_per_second"]
        found["analysis, ms a frame"] = (each, each)
        if report["speed"]["memory_mb"] is not None:
            found["memory beyond the frames, MB"] = (report["speed"]["memory_mb"], 40.0)
    if report["watch"]:
        watch = report["watch"]
        late = [0.5 if one is None else one for one in watch["latency_s"]]
        found["watch, late by s"] = (float(np.median(late)), 0.01)
        found["watch, ms a frame"] = (watch["ms_per_frame"], watch["ms_per_frame"])
        found["watch, false alarms"] = (float(watch["false_alarms"]), 0.0)
    return {name: {"value": round(v, 5), "may": round(m, 5)} for name, (v, m) in found.items()}


def worse_than(now: Figures, record: Figures) -> list[str]:
    """A line for each figure that is worse than on record by more than it may wander, or that is
    not measured any more."""
    lines = []
    for name, kept in record.items():
        if name not in now:
            lines.append(f"{name}: not measured any more")
        elif now[name]["value"] > kept["value"] + kept["may"]:
            lines.append(f"{name}: {now[name]['value']:g}, was {kept['value']:g} ± {kept['may']:g}")
    return lines
