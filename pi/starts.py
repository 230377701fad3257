"""One athlete's part of the result of several who started at once. Results in, results out.

A result is as the schema has it: "athletes" tells of everybody, lane by lane, and what stands above
is one of theirs, the rep's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

HEADING = ("schema", "version", "algorithm", "capture")  # of the recording, not of an athlete
SHARED = ("signal", "lane")
EXTRA = ("budget", "truth")  # what a result may do without

STARTED = ("measured", "early", "false_start")
"""The statuses of who started, whether it counts or not."""

WENT_BACK = "somebody moved, but it did not lead into a start"
"""The reason of who moved and did not start, as `measure` tells it; of lanes with their name."""

NO_LANE = "the camera was set up without a lane for this athlete"
FORGOTTEN = "who ran in this lane was forgotten, with every number"


def told_of(result: Mapping[str, Any] | None, lane: int) -> dict[str, Any] | None:
    """What a result tells of the athlete in a lane, the first being 0; None where it does not."""
    every = (result or {}).get("athletes") or []
    return every[lane] if lane < len(every) else None


def own_result(result: Mapping[str, Any], lane: int, *, own: bool) -> dict[str, Any]:
    """The result as if the athlete in that lane had been alone.

    own : whether the rep is his, so that what stands above is his already.   Without any number
    where nobody looked at his lane.
    """
    whole = {key: value for key, value in result.items() if key != "athletes"}
    if own:
        return whole
    told = told_of(result, lane)
    if told is None and _never_began(whole):
        return whole
    if told is None:
        return emptied(whole, NO_LANE)
    heading = {key: result[key] for key in HEADING if key in result}
    return heading | {key: value for key, value in told.items() if key != "lane"}


def _never_began(result: Mapping[str, Any]) -> bool:
    """Whether all were called back before a signal, so that what is told holds for everybody."""
    return result["status"] == "false_start" and result["signal"]["time_s"] is None


def without(
    result: Mapping[str, Any], gone: Collection[int], own: int | None, was: int | None
) -> dict[str, Any]:
    """The result with no number left of the athletes in the lanes `gone`.

    own : the lane whose athlete the rep is about from now on.   was : until now. None is nobody's:
    what stands above may then be of anybody, also of one who is gone.
    """
    every = result.get("athletes") or []
    kept = [emptied(told, FORGOTTEN) if k in gone else told for k, told in enumerate(every)]
    above = {key: value for key, value in result.items() if key != "athletes"}
    if own is None:
        above = emptied(above, FORGOTTEN)
    elif was is None or was in gone:
        above = own_result(result, own, own=False)
    return above | ({"athletes": kept} if every else {})


def emptied(told: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The same keys without a number, and why."""
    kept = {
        key: value if key in (*HEADING, *SHARED) else _nothing(value)
        for key, value in told.items()
        if key not in EXTRA
    }
    return kept | {"status": "not_measurable", "reasons": [reason], "warnings": []}


def _nothing(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _nothing(item) for key, item in value.items()}
    return [] if isinstance(value, list) else None
