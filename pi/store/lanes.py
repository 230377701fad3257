"""Who started in which lane of a rep, and whose rep it was when that is said afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi import starts
from pi.store.athletes import check_athletes, drop_clips
from pi.store.connection import Connected
from pi.store.records import Rep, Start
from pi.store.rows import rep_by_id, starts_by_rep
from pi.store.states import waits_again, write_rep
from pi.tables import rep_table, start_table, turn_table


class Lanes(Connected):
    """Whose start was whose."""

    def starts_of(self, reps: Sequence[int]) -> dict[int, list[Start]]:
        """Who started in which lane, by rep; nothing of reps without lanes."""
        with self._reading() as connection:
            return starts_by_rep(connection, reps)

    def give_rep(self, rep_id: int, athlete_id: int | None) -> Rep:
        """Whose rep it was, said afterwards; as give_start(). Of lanes: whose own it was.

        Raises ValueError for a rep with lanes that is about none of them: give_start() takes one.
        """
        with self._writing() as connection:
            check_athletes(connection, [athlete_id])
            rep = rep_by_id(connection, rep_id)
            if there := starts_by_rep(connection, [rep_id]).get(rep_id, []):
                lane = next((start.lane for start in there if start.own), None)
                if lane is None:
                    raise ValueError(f"rep {rep_id} was nobody's own; say who ran in which lane")
                return _give_start(connection, rep, lane, athlete_id)
            if rep.athlete_id != athlete_id:
                _move_turn(connection, rep, rep.athlete_id, athlete_id)
            given = write_rep(connection, rep, athlete_id=athlete_id)
            drop_clips(connection, [rep_id])
            return given

    def give_start(self, rep_id: int, lane: int, athlete_id: int | None) -> Rep:
        """Who ran in a lane of a rep, said afterwards, the first lane being 0.

        Whoever was said to be in that lane takes the other's, where the other was in one. Else the
        two change turns, this one against one of that posture for which the other still waits, so
        that everybody has every planned start; where there is none, this turn waits again.
        Raises ValueError for a lane that the rep did not have.
        """
        with self._writing() as connection:
            check_athletes(connection, [athlete_id])
            return _give_start(connection, rep_by_id(connection, rep_id), lane, athlete_id)


def each_start(connection: Connection, reps: Sequence[Rep]) -> list[Rep]:
    """Those reps, and in place of each that had lanes one for each athlete, as if he was alone."""
    return [rep for _, rep in each_lane(connection, reps)]


def each_lane(connection: Connection, reps: Sequence[Rep]) -> list[tuple[int | None, Rep]]:
    """As each_start(), with the lane beside it; None of a rep that had none."""
    shared = starts_by_rep(connection, [rep.id for rep in reps if rep.drill.get("players")])
    found: list[tuple[int | None, Rep]] = []
    for rep in reps:
        alone = [(start.lane, _as_if_alone(rep, start)) for start in shared.get(rep.id, [])]
        found += alone or [(None, rep)]
    return found


def _as_if_alone(rep: Rep, start: Start) -> Rep:
    result = rep.result and starts.own_result(rep.result, start.lane, own=start.own)
    his = replace(rep, athlete_id=start.athlete_id, lead_leg=start.lead_leg, result=result)
    if start.own:
        return his
    return replace(
        his,
        status=start.status,
        reaction_s=start.reaction_s,
        reaction_u=start.reaction_u,
        seen_leg=start.seen_leg,
    )


def _give_start(connection: Connection, rep: Rep, lane: int, athlete_id: int | None) -> Rep:
    there = {start.lane: start for start in starts_by_rep(connection, [rep.id]).get(rep.id, [])}
    if lane not in there:
        raise ValueError(f"rep {rep.id} had nobody in lane {lane}")
    before = there[lane]
    if before.athlete_id == athlete_id:
        return rep
    named = {start.athlete_id: start for start in there.values()}
    moved = {lane: (athlete_id, before.lead_leg)}
    other = None if athlete_id is None else named.get(athlete_id)
    if other:  # they change places, each with his turn and the leg of it
        moved[lane] = (athlete_id, other.lead_leg)
        moved[other.lane] = (before.athlete_id, before.lead_leg)
    else:
        _move_turn(connection, rep, before.athlete_id, athlete_id)
    for number, (who, leg) in moved.items():
        connection.execute(
            sa.update(start_table)
            .where(start_table.c.rep_id == rep.id, start_table.c.lane == number)
            .values(athlete_id=who, lead_leg=leg)
        )
    given = follow_starts(connection, rep)
    drop_clips(connection, [rep.id])
    return given


def _move_turn(
    connection: Connection, rep: Rep, before: int | None, athlete_id: int | None
) -> None:
    """What becomes of the turn that a rep was, when it was another's who was in no lane of it."""
    column = turn_table.c
    turn = connection.execute(
        sa.select(turn_table).where(
            column.rep_id == rep.id, column.athlete_id.is_not_distinct_from(before)
        )
    ).first()
    if turn is None:
        return
    waits = connection.scalar(
        sa.select(column.id)
        .where(
            column.session_id == turn.session_id,
            column.posture == turn.posture,
            column.athlete_id == athlete_id,
            column.state == "waiting",
        )
        .order_by(column.place, column.id)
        .limit(1)
    )
    if waits is None:
        changed: list[tuple[int, dict[str, Any]]] = [
            (turn.id, {"state": waits_again(), "rep_id": None})
        ]
    else:
        changed = [(turn.id, {"athlete_id": athlete_id}), (waits, {"athlete_id": before})]
    for number, values in changed:
        connection.execute(sa.update(turn_table).where(column.id == number).values(**values))


def follow_starts(connection: Connection, rep: Rep, **columns: Any) -> Rep:
    """Write what follows for a rep from who is in its lanes, and columns beside it."""
    there = starts_by_rep(connection, [rep.id])[rep.id]
    players: list[int | None] = [None] * len(rep.drill["players"])
    for start in there:
        players[start.lane] = start.athlete_id
    drill = rep.drill | {"players": players}
    connection.execute(sa.update(rep_table).where(rep_table.c.id == rep.id).values(drill=drill))
    own = next((start for start in there if start.own), None)
    if own is None:
        return write_rep(connection, rep, athlete_id=None, **columns)
    return write_rep(connection, rep, athlete_id=own.athlete_id, lead_leg=own.lead_leg, **columns)
