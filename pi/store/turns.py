"""Whose turn it is in a session: the planned starts, one after the other."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi import sessions
from pi.sessions import Planned, joined
from pi.store import stamps
from pi.store.athletes import check_athletes
from pi.store.changes import next_change
from pi.store.connection import Connected
from pi.store.records import Rep, Session, Turn, WrongStep
from pi.store.reps import new_rep
from pi.store.rows import as_rep, running_session, teams_in, turns_in
from pi.tables import rep_table, session_table, start_table, turn_table


class Turns(Connected):
    """The planned starts of a session, asked for and moved."""

    def request_turn(self, key: str, *, clip: bool = False) -> Rep:
        """A new rep for whoever is up next, or the one that was asked for with this key.

        Where the session has lanes, with him those who wait for the same posture: one in each.
        clip : keep a film of it for a day, where everybody in it has agreed (else NotAgreed).
        Raises Busy while another rep has not ended, WrongStep when nobody is left.
        """
        if not key or len(key) > 80:
            raise ValueError("key: 1 to 80 characters that name this request")
        column = turn_table.c
        with self._writing() as connection:
            known = connection.execute(sa.select(rep_table).where(rep_table.c.key == key)).first()
            if known:
                return as_rep(known)
            session = running_session(connection)
            if session is None:
                raise WrongStep("nobody is left in this session")
            turns = turns_in(connection, session.id)
            lanes = session.circuit.get("lanes") or 1
            now = round_now(session, turns, teams_in(connection, session.id))
            up = next_turns(at_timer(turns, now), lanes)
            if not up:
                raise WrongStep("nobody is left in this session")
            if now and now.number != session.circuit["stations"]["round"]:
                begin_round(connection, session, now.number)  # the team before has none left
            drill = dict(session.circuit.get("drill") or {})
            if lanes > 1:
                drill["players"] = [turn.athlete_id for turn in up]
            if clip:
                drill["clip"] = True
            first = up[0]
            rep = new_rep(connection, key, first.athlete_id, first.posture, first.lead_leg, drill)
            for lane, turn in enumerate(up):
                connection.execute(
                    sa.update(turn_table)
                    .where(column.id == turn.id)
                    .values(state="up", rep_id=rep.id, felt="")
                )
                connection.execute(
                    sa.update(start_table)
                    .where(start_table.c.rep_id == rep.id, start_table.c.lane == lane)
                    .values(lead_leg=turn.lead_leg)
                )
            return rep

    def next_round(self, session_id: int) -> None:
        """The teams of a session go on to the next station. ValueError where it has none."""
        with self._writing() as connection:
            session = _with_stations(connection, session_id)
            turns, teams = turns_in(connection, session_id), teams_in(connection, session_id)
            now = round_now(session, turns, teams)
            begin_round(connection, session, now.number + 1 if now else 0)
            next_change(connection)

    def last_round(self, session_id: int) -> None:
        """The teams go back to where they were, with the time that they had left there."""
        with self._writing() as connection:
            session = _with_stations(connection, session_id)
            told = dict(session.circuit["stations"])
            earlier = first_round() | {"round": max(0, told["round"] - 1)}
            before = told.pop("before", None) or earlier
            _keep_stations(connection, session, told | before)
            next_change(connection)

    def turns(self, session_id: int) -> list[Turn]:
        """Every planned start of a session, in its order."""
        with self._reading() as connection:
            return turns_in(connection, session_id)

    def turn_of(self, rep_id: int) -> Turn | None:
        """The planned start that a rep was, the first of those in lanes; None without a plan."""
        return next(iter(self.turns_of(rep_id)), None)

    def turns_of(self, rep_id: int) -> list[Turn]:
        """The planned starts that a rep was, in the plan's order: of lanes one for each."""
        column = turn_table.c
        wanted = sa.select(turn_table).where(column.rep_id == rep_id)
        with self._reading() as connection:
            rows = connection.execute(wanted.order_by(column.place, column.id))
            return [Turn(**row._mapping) for row in rows]

    def change_turn(self, turn_id: int, state: str) -> Turn:
        """Skip a turn that waits, or let a skipped one wait again (waiting | skipped)."""
        if state not in ("waiting", "skipped"):
            raise ValueError(f"state: waiting or skipped, not {state!r}")
        with self._writing() as connection:
            turn = _turn(connection, turn_id)
            if turn.state in ("up", "done"):
                raise WrongStep("that start has been made")
            return _change_turn(connection, turn_id, state=state)

    def first_turn(self, turn_id: int) -> Turn:
        """Bring a waiting turn to the front: he is up next."""
        with self._writing() as connection:
            turn = _turn(connection, turn_id)
            if turn.state != "waiting":
                raise WrongStep("that start does not wait")
            order = [each for each in turns_in(connection, turn.session_id) if each.id != turn_id]
            at = next(k for k, each in enumerate(order + [turn]) if each.state == "waiting")
            _reorder(connection, [*order[:at], turn, *order[at:]])
            next_change(connection)
            return _turn(connection, turn_id)

    def repeat_turn(self, turn_id: int) -> Turn:
        """The same start once more, for the same athlete, as the next one."""
        with self._writing() as connection:
            turn = _turn(connection, turn_id)
            order = turns_in(connection, turn.session_id)
            new = new_turn(
                turn.session_id, len(order), turn.athlete_id, turn.posture, turn.lead_leg
            )
            made = connection.execute(
                sa.insert(turn_table).values(**new).returning(turn_table.c.id)
            )
            added = _turn(connection, made.scalar_one())
            at = next((k for k, each in enumerate(order) if each.state == "waiting"), len(order))
            _reorder(connection, [*order[:at], added, *order[at:]])
            next_change(connection)
            return _turn(connection, added.id)

    def set_away(self, session_id: int, athlete_id: int, away: bool) -> None:
        """Leave out an athlete who is not there; whoever comes back waits again where he was."""
        with self._writing() as connection:
            _set_away(connection, session_id, athlete_id, away)
            next_change(connection)

    def join_session(
        self, session_id: int, athlete_id: int, starts: Sequence[tuple[str, str]]
    ) -> None:
        """Put the starts of a late-comer in, as `sessions.joined` places them; or bring back who
        was absent.

        starts : posture and leg of each.   Raises WrongStep for somebody who is in it already.
        """
        with self._writing() as connection:
            check_athletes(connection, [athlete_id])
            order = turns_in(connection, session_id)
            own = [turn for turn in order if turn.athlete_id == athlete_id]
            if any(turn.absent for turn in own):
                _set_away(connection, session_id, athlete_id, False)
            elif own:
                raise WrongStep(f"athlete {athlete_id} is in this session already")
            else:
                _put_in(connection, session_id, order, athlete_id, starts)
            next_change(connection)

    def save_felt(self, turn_id: int, felt: str, *, again: bool = False) -> Turn:
        """What the athlete felt, before the number was shown: quicker, same, slower.

        Of lanes each has a turn of his own.   again : also in place of what was said before, ""
        for nothing: a coach may.
        Raises WrongStep for a start that was not made, of a session that does not run, or of which
        it was said already.
        """
        if felt not in ("quicker", "same", "slower", ""):
            raise ValueError("felt: quicker, same or slower")
        with self._writing() as connection:
            turn, session = _turn(connection, turn_id), running_session(connection)
            if session is None or session.id != turn.session_id or turn.state != "done":
                raise WrongStep("that start is not to be felt now")
            if turn.felt and not again:
                raise WrongStep("how that start felt was said already")
            return _change_turn(connection, turn_id, felt=felt)


def next_turns(turns: Sequence[Turn], most: int) -> list[Turn]:
    """Who is up next, one in each lane: all of the first one's posture, nobody twice."""
    up: list[Turn] = []
    for turn in turns:
        if turn.state != "waiting" or (up and turn.posture != up[0].posture):
            continue
        if all(turn.athlete_id != other.athlete_id for other in up):
            up.append(turn)
    return up[:most]


def first_round() -> dict[str, Any]:
    """What a session's stations keep of a round, of the first one that begins now."""
    return {"round": 0, "began_ns": time.monotonic_ns(), "boot_id": stamps.boot_id()}


class Round(NamedTuple):
    """Which team is at which station."""

    number: int  # from 0
    places: list[tuple[str, list[str]]]  # every station with its teams; the first is the timer
    waits: dict[int | None, int]  # rounds until an athlete's team is at the timer; none: no team


def round_now(session: Session, turns: Sequence[Turn], teams: Mapping[int, str]) -> Round | None:
    """Where the teams of a session are; None of one without stations.

    When the team at the timer has no start left, that is the round of the next one that has; it
    begins with its first start.   teams : as teams() gives them; who is in none goes with any.
    """
    told = session.circuit.get("stations")
    if not told:
        return None
    named, stations = [*told["teams"], *sorted(set(teams.values()))], told["names"]
    order = list(dict.fromkeys(named))
    waiting = [turn.athlete_id for turn in turns if turn.state in ("waiting", "up")]
    left = {teams[who] for who in waiting if who is not None and who in teams}
    number = sessions.round_with_starts(order, len(stations), told["round"], left)
    waits: dict[int | None, int] = {
        who: sessions.rounds_until(order, len(stations), number, team)
        for who, team in teams.items()
    }
    return Round(number, sessions.rotation(order, stations, number), waits)


def at_timer(turns: Sequence[Turn], now: Round | None) -> list[Turn]:
    """The turns of those who may start now: of the team at the timer, where there are stations."""
    return [turn for turn in turns if not (now and now.waits.get(turn.athlete_id))]


def begin_round(connection: Connection, session: Session, number: int) -> None:
    """Write that a round begins now, and which one it was before."""
    told, now = session.circuit["stations"], first_round() | {"round": number}
    before = {key: told[key] for key in now}
    _keep_stations(connection, session, told | now | {"before": before})


def _keep_stations(connection: Connection, session: Session, told: Mapping[str, Any]) -> None:
    connection.execute(
        sa.update(session_table)
        .where(session_table.c.id == session.id)
        .values(circuit=session.circuit | {"stations": dict(told)})
    )


def _with_stations(connection: Connection, session_id: int) -> Session:
    column = session_table.c
    wanted = sa.select(session_table).where(column.id == session_id, column.circuit.is_not(None))
    row = connection.execute(wanted).first()
    if row is None or not row.circuit.get("stations"):
        raise ValueError(f"there is no session {session_id} with stations")
    return Session(**row._mapping)


def new_turn(
    session_id: int, place: int, athlete_id: int | None, posture: str, lead_leg: str
) -> dict[str, Any]:
    """The row of a start that waits."""
    return {
        "session_id": session_id,
        "place": place,
        "athlete_id": athlete_id,
        "posture": posture,
        "lead_leg": lead_leg,
        "state": "waiting",
        "felt": "",
        "absent": False,
    }


def _set_away(connection: Connection, session_id: int, athlete_id: int, away: bool) -> None:
    column = turn_table.c
    own = sa.and_(column.session_id == session_id, column.athlete_id == athlete_id)
    before, after = ("waiting", "away") if away else ("away", "waiting")
    connection.execute(sa.update(turn_table).where(own).values(absent=away))
    connection.execute(sa.update(turn_table).where(own, column.state == before).values(state=after))


def _put_in(
    connection: Connection,
    session_id: int,
    order: Sequence[Turn],
    athlete_id: int,
    starts: Sequence[tuple[str, str]],
) -> None:
    """Put a late-comer's starts between the rounds of those who wait."""
    found = list(order)
    waiting = [turn for turn in order if turn.state == "waiting"]
    ends = [*(order.index(turn) for turn in waiting), len(order)]
    planned = [Planned(turn.athlete_id, turn.posture, turn.lead_leg) for turn in waiting]
    for at, turn in reversed(joined(planned, athlete_id, starts)):
        new = new_turn(session_id, len(found), *turn)
        made = connection.execute(sa.insert(turn_table).values(**new).returning(turn_table.c.id))
        found.insert(ends[at], _turn(connection, made.scalar_one()))
    _reorder(connection, found)


def _turn(connection: Connection, turn_id: int) -> Turn:
    row = connection.execute(sa.select(turn_table).where(turn_table.c.id == turn_id)).first()
    if row is None:
        raise ValueError(f"there is no turn {turn_id}")
    return Turn(**row._mapping)


def _change_turn(connection: Connection, turn_id: int, **columns: Any) -> Turn:
    turn = _turn(connection, turn_id)
    connection.execute(sa.update(turn_table).where(turn_table.c.id == turn.id).values(**columns))
    next_change(connection)
    return _turn(connection, turn_id)


def _reorder(connection: Connection, order: Sequence[Turn]) -> None:
    moved = [(place, turn.id) for place, turn in enumerate(order) if turn.place != place]
    for place, turn_id in moved:
        connection.execute(
            sa.update(turn_table).where(turn_table.c.id == turn_id).values(place=place)
        )
