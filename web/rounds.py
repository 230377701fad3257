"""Stations, as pages show them: which team is where, and how long the round still takes."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pi import clock
from pi.store import Round, Session, Turn, boot_id, round_now


class Stations(NamedTuple):
    """Who is where."""

    now: Round
    of: int  # rounds until every team has been everywhere
    begun: bool  # else it begins with its first start
    left_s: int | None  # until the round's time is over; None where nobody knows
    until: str  # the same as the time of day; "" where that is not known

    @property
    def number(self) -> int:
        return self.now.number % self.of + 1

    @property
    def empty(self) -> bool:
        """Whether nobody is at the timer in this round: there are fewer teams than stations."""
        return not self.now.places[0][1]


def stations_of(
    session: Session, turns: Sequence[Turn], teams: Mapping[int, str]
) -> Stations | None:
    """Who is where; None of a session without stations."""
    now = round_now(session, turns, teams)
    if now is None:
        return None
    told = session.circuit["stations"]
    begun, left_s, until = now.number == told["round"], None, ""
    if begun and told["boot_id"] == boot_id():
        passed_s = (time.monotonic_ns() - told["began_ns"]) * 1e-9
        left_s = max(0, round(60 * told["minutes"] - passed_s))
        if clock.source() and left_s:
            until = f"{datetime.now().astimezone() + timedelta(seconds=left_s):%H:%M %Z}"
    return Stations(now, len(told["names"]), begun, left_s, until)
