"""One result held against its truth: what it is off by, what it missed, what it made up."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

GATES_M = (1.0, 2.5, 5.0)
STEPS = 5
NEAR_M = 0.3  # a step within this of where a foot really stood may be that step
MOVING_M_S = 1.0
FAR_M = 5.0  # as far as the torso's place is scored
ENOUGH_M, SHORT_M = 8.3, 7.7
"""Of running in view: from the first on a profile can be told, below the second it cannot; between
them either is right."""

Miss = dict[str, float]


def score(
    result: dict[str, Any],
    truth: dict[str, Any],
    frame_s: float,
    *,
    blind_posture: str | None = None,
) -> dict[str, Any]:
    """What a result is off by: measured minus true with the stated u; None where either has no
    answer. What the truth does not tell is not scored.

    truth : as in `rep --simulate`; any key may be missing or null.
    frame_s : s from picture to picture.
    blind_posture : the start's posture as told without a word about the drill.
    """
    reaction = result["reaction_s"]
    status = status_of(truth)
    starts = status != "no_movement"
    up = number(truth.get("up_s"))
    return {
        "status": result["status"],
        "status_right": None if status is None else result["status"] == status,
        "from_nobody": not starts and reaction["value"] is not None,
        **_first_movement(reaction, truth, frame_s, starts),
        "onset": _miss(result["onset_s"], truth.get("onset_s")),
        "up": _miss(result["up_s"], up) if _rises(truth) else None,
        "up_missing": up is not None and result["up_s"]["value"] is None and _rises(truth),
        **_splits(result["splits"], truth),
        "peak_speed": _miss(result["peak_speed"], truth.get("peak_speed")),
        **{
            name: _miss(
                result["mean_acceleration"][name], (truth.get("mean_acceleration") or {}).get(name)
            )
            for name in ("first_second", "three_steps")
        },
        **_track(result["track"], truth),
        **_profile(result, truth),
        **_steps(result["steps"], truth),
        **_lead(result.get("lead_leg"), truth),
        "posture_right": _posture_right(blind_posture, truth) if starts else None,
    }


def number(told: Any) -> float | None:
    """A true value, told alone or as {"value": …}; None where there is none."""
    value = told.get("value") if isinstance(told, dict) else told
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None


def status_of(truth: dict[str, Any]) -> str | None:
    """The true status, told or as the true reaction time has it; None where neither is told."""
    told, reaction = truth.get("status"), number(truth.get("reaction_s"))
    if told is not None or reaction is None:
        return told
    return "false_start" if reaction < 0 else "early" if reaction < 0.1 else "measured"


def _miss(measured: dict[str, Any] | None, told: Any) -> Miss | None:
    true = number(told)
    value = None if measured is None else measured.get("value")
    if value is None or true is None:
        return None
    u = measured.get("u") if measured else None
    return {"miss": value - true, "u": float("nan") if u is None else u, "true": true}


def _first_movement(
    reaction: dict[str, Any], truth: dict[str, Any], frame_s: float, starts: bool
) -> dict[str, Any]:
    """Whether the reported instant is right, by how much it is off, and where the body was then."""
    span = truth.get("reaction_span_s") or {}
    low, high = number(span.get("5mm")), number(span.get("20mm"))
    value, right = reaction["value"], None
    if starts and low is not None and high is not None:
        right = value is not None and low - frame_s <= value <= high + frame_s
    went = truth.get("displacement") or {}
    sway = number(truth.get("sway_m"))
    moved = None
    if value is not None and sway is not None and len(_array(went.get("time_s"))):
        far = np.interp(value, _array(went["time_s"]), _array(went["farthest_m"]))
        moved = float(far) - sway
    speed = number(truth.get("reaction_speed_m_s"))
    return {
        "reaction_right": right,
        "reaction": _miss(reaction, truth.get("reaction_s")),
        "reaction_missing": bool(
            starts and number(truth.get("reaction_s")) is not None and value is None
        ),
        "brisk": None if speed is None else speed >= 0.3,
        "moved_m": moved,
        "moved_missing": sway is not None and value is None,
    }


def _splits(told: list[dict[str, Any]], truth: dict[str, Any]) -> dict[str, Any]:
    true = {
        split["metres"]: number(split.get("from_signal_s")) for split in truth.get("splits") or []
    }
    seen = {split["metres"]: split for split in told}
    found, missing = {}, 0
    for gate in GATES_M:
        if true.get(gate) is None:
            continue
        split = seen.get(gate) or {"from_signal_s": None, "u": None}
        off = _miss({"value": split["from_signal_s"], "u": split["u"]}, true[gate])
        if off is None:
            missing += 1
        else:
            found[f"{gate:g}"] = off
    return {"splits": found, "splits_missing": missing}


def _array(values: Any) -> np.ndarray:
    return np.array([] if values is None else values, float)


def _rises(truth: dict[str, Any]) -> bool:
    """Whether somebody had to get up: who starts standing has no time for it."""
    return posture_of(truth) != "standing"


def posture_of(truth: dict[str, Any]) -> str | None:
    """The true posture, told alone or as in a result."""
    posture = truth.get("posture")
    return posture.get("start") if isinstance(posture, dict) else posture


def _track(track: dict[str, list], truth: dict[str, Any]) -> dict[str, Any]:
    """Torso and speed once upright and moving, as RMS; before that, whether u_x_m covers."""
    nothing: dict[str, Any] = {"torso_rms": None, "speed_rms": None, "rising": None}
    told = truth.get("track") or {}
    time, true_time = _array(track["time_s"]), _array(told.get("time_s"))
    true_x, true_speed = _array(told.get("x_m")), _array(told.get("speed_m_s"))
    up = number(truth.get("up_s")) or number(truth.get("reaction_s"))
    if len(time) == 0 or len(true_time) < 2 or up is None:
        return nothing
    if len(true_speed) != len(true_time) and len(true_x) == len(true_time):
        true_speed = np.gradient(true_x, true_time)
    inside = (time > up) & (time < true_time[-1] - 0.1)
    found = dict(nothing)
    if len(true_speed) == len(true_time) and inside.any():
        off = _array(track["speed_m_s"])[inside] - np.interp(time[inside], true_time, true_speed)
        found["speed_rms"] = _rms(off)
    if len(true_x) != len(true_time):
        return found
    x = np.interp(time, true_time, true_x)
    off = _array(track["x_m"]) - x
    fast = np.interp(time, true_time, np.gradient(true_x, true_time)) > MOVING_M_S
    there = inside & (x < FAR_M) & fast
    if there.any():
        found["torso_rms"] = _rms(off[there])
    u = _array(track.get("u_x_m"))
    moved = number(truth.get("reaction_s"))
    before = (time <= up) & (time > (up if moved is None else moved))
    if len(u) == len(time) and before.any():
        far, u = np.abs(off[before]), u[before]
        found["rising"] = {
            "rms": _rms(far), "u_rms": _rms(u),
            "inside_u": float(np.mean(far <= u)), "inside_2u": float(np.mean(far <= 2 * u)),
        }  # fmt: skip
    return found


def _rms(off: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(np.square(off))))


def _profile(result: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    """MSS, MAC and TAU where enough of the run is in view; where it is not, whether they are null
    with a reason."""
    found: dict[str, Any] = dict.fromkeys(("mss", "mac", "tau"))
    found |= {"profile_missing": None, "profile_null_right": None}
    told, track = truth.get("profile") or {}, truth.get("track") or {}
    x, time = _array(track.get("x_m")), _array(track.get("time_s"))
    up = number(truth.get("up_s")) or number(truth.get("reaction_s"))
    if len(x) < 2 or up is None or number(told.get("mss")) is None:
        return found
    in_view = float(x.max() - np.interp(up, time, x))
    profile = result["profile"]
    unknown = [profile[name]["value"] is None for name in ("mss", "mac")]
    if in_view >= ENOUGH_M:
        found["profile_missing"] = any(unknown)
        found |= {name: _miss(profile[name], told.get(name)) for name in ("mss", "mac", "tau")}
    elif in_view <= SHORT_M:
        # of what was no start at all the reason is another
        says = result["status"] in ("no_movement", "not_measurable") or any(
            reason.startswith("profile") for reason in result["reasons"]
        )
        found["profile_null_right"] = all(unknown) and says
    return found


def _steps(told: list[dict[str, Any]], truth: dict[str, Any]) -> dict[str, Any]:
    """Contacts and toe-offs of the first five steps, matched by time and place.

    The first is the first in front of where its foot rested. A step told is the true one with
    which it shares the most time and which it stands near; each is taken once.
    """
    true = [
        step
        for step in truth.get("steps") or []
        if number(step.get("contact_s")) is not None and number(step.get("toe_off_s")) is not None
    ]
    first = next((i for i, step in enumerate(true) if step.get("ahead", True)), len(true))
    true = true[first : first + STEPS]
    pairs = matched(true, told)
    both = [(step, told[k]) for step, k in zip(true, pairs, strict=True) if k is not None]

    def misses(key: str, u: str) -> list[Miss]:
        found = [_miss({"value": seen.get(key), "u": seen.get(u)}, s.get(key)) for s, seen in both]
        return [one for one in found if one is not None]

    lengths = [
        {
            "miss": (there["x_m"] - here["x_m"]) - (other["x_m"] - one["x_m"]),
            "u": float("nan"),
            "true": other["x_m"] - one["x_m"],
        }
        for (one, here), (other, there) in _successive(true, told, pairs)
        if all(number(step.get("x_m")) is not None for step in (one, here, other, there))
    ]
    return {
        "steps_wanted": len(true),
        "steps_missing": len(true) - len(both),
        "steps_extra": _made_up(true, told, pairs),
        "contacts": misses("contact_s", "u_contact_s"),
        "toe_offs": misses("toe_off_s", "u_toe_off_s"),
        "step_places": misses("x_m", "u_x_m"),
        "step_lengths": lengths,
        "legs_told": sum(seen.get("leg") is not None for step, seen in both if step.get("leg")),
        "legs_wrong": sum(
            seen.get("leg") not in (None, step["leg"]) for step, seen in both if step.get("leg")
        ),
    }


def _lead(told: str | None, truth: dict[str, Any]) -> dict[str, Any]:
    """Whether the leg of the first step was told, and whether wrongly; None where nobody knows."""
    true = truth.get("lead_leg")
    return {
        "lead_told": told is not None if true else None,
        "lead_wrong": told not in (None, true) if true else None,
    }


Pair = tuple[dict[str, Any], dict[str, Any]]


def _successive(
    true: list[dict[str, Any]], told: list[dict[str, Any]], pairs: list[int | None]
) -> list[tuple[Pair, Pair]]:
    """Two steps one after the other, both found: (true, told) of each."""
    both = [None if k is None else (step, told[k]) for step, k in zip(true, pairs, strict=True)]
    return [(one, other) for one, other in pairwise(both) if one and other]


def matched(true: list[dict[str, Any]], told: list[dict[str, Any]]) -> list[int | None]:
    """For each true step the index of the told one that is it, or None."""

    def shared(step: dict[str, Any], seen: dict[str, Any]) -> float:
        contact, off = number(seen.get("contact_s")), number(seen.get("toe_off_s"))
        if contact is None or off is None:
            return 0.0
        x, true_x = number(seen.get("x_m")), number(step.get("x_m"))
        if x is not None and true_x is not None and abs(x - true_x) > NEAR_M:
            return 0.0
        return min(off, step["toe_off_s"]) - max(contact, step["contact_s"])

    pairs: list[int | None] = [None] * len(true)
    overlaps = [
        (shared(step, seen), i, k) for i, step in enumerate(true) for k, seen in enumerate(told)
    ]
    for overlap, i, k in sorted(overlaps, reverse=True):
        if overlap > 0 and pairs[i] is None and k not in pairs:
            pairs[i] = k
    return pairs


def _made_up(
    true: list[dict[str, Any]], told: list[dict[str, Any]], pairs: list[int | None]
) -> int:
    """How many steps are told between the first and the last true one that are none of them."""
    if not true:
        return 0
    begin, end = true[0]["contact_s"], true[-1]["toe_off_s"]
    middles = [
        0.5 * (step["contact_s"] + step["toe_off_s"])
        for k, step in enumerate(told)
        if k not in pairs and step.get("contact_s") is not None and step.get("toe_off_s")
    ]
    return sum(begin < middle < end for middle in middles)


def _posture_right(start: str | None, truth: dict[str, Any]) -> bool | None:
    """Whether the picture alone gave standing, plank or lying; back or belly may be told if it is
    so."""
    true = posture_of(truth)
    if true is None:
        return None
    return start in (true, "lying" if true in ("supine", "prone", "lying") else true)
