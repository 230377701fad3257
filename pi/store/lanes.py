"""Who started in which lane of a rep, and whose rep it was when that is said afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi import starts
from pi.store.athletes import check_athletes
from pi.store.connection import Connected
from pi.store.records import Rep, Start
from pi.store.rows import rep_by_id, starts_by_rep
from pi.store.states import write_rep
from pi.tables import rep_table, start_table, turn_table


class Lanes(Connected):
    """Whose start was whose."""

    def starts_of(self, reps: Sequence[int]) -> dict[int, list[Start]]:
        """Who started in which lane, by rep; nothing of reps without lanes."""
        with self._engine.connect() as connection:
            return starts_by_rep(connection, reps)

    def give_rep(self, rep_id: int, athlete_id: int | None) -> Rep:
        """Whose rep it was, said afterwards; its turn goes with it. Of lanes: whose own it was."""
        with self._writing() as connection:
            check_athletes(connection, [athlete_id])
            rep = rep_by_id(connection, rep_id)
            for start in starts_by_rep(connection, [rep_id]).get(rep_id, []):
                if start.own:
                    return _give_start(connection, rep, start.lane, athlete_id)
            connection.execute(
                sa.update(turn_table)
                .where(turn_table.c.rep_id == rep_id)
                .values(athlete_id=athlete_id)
            )
            return write_rep(connection, rep, athlete_id=athlete_id)

    def give_start(self, rep_id: int, lane: int, athlete_id: int | None) -> Rep:
        """Who ran in a lane of a rep, said afterwards, the first lane being 0.

        Whoever was said to be in that lane takes the other's, where the other was in one; else the
        turn goes with it. Raises ValueError for a lane that the rep did not have.
        """
        with self._writing() as connection:
            check_athletes(connection, [athlete_id])
            return _give_start(connection, rep_by_id(connection, rep_id), lane, athlete_id)


def each_start(connection: Connection, reps: Sequence[Rep]) -> list[Rep]:
    """Those reps, and in place of each that had lanes one for each athlete, as if he was alone."""
    shared = starts_by_rep(connection, [rep.id for rep in reps if rep.drill.get("players")])
    found: list[Rep] = []
    for rep in reps:
        found += [_as_if_alone(rep, start) for start in shared.get(rep.id, [])] or [rep]
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
        column = turn_table.c
        turn = connection.scalar(
            sa.select(column.id).where(
                column.rep_id == rep.id, column.athlete_id.is_not_distinct_from(before.athlete_id)
            )
        )
        connection.execute(
            sa.update(turn_table).where(column.id == turn).values(athlete_id=athlete_id)
        )
    for number, (who, leg) in moved.items():
        connection.execute(
            sa.update(start_table)
            .where(start_table.c.rep_id == rep.id, start_table.c.lane == number)
            .values(athlete_id=who, lead_leg=leg)
        )
    return follow_starts(connection, rep)


def follow_starts(connection: Connection, rep: Rep, **columns: Any) -> Rep:
    """Write what follows for a rep from who is in its lanes, and columns beside it."""
    there = starts_by_rep(connection, [rep.id])[rep.id]
    players: list[int | None] = [None] * len(rep.drill["players"])
    for start in there:
        players[start.lane] = start.athlete_id
    drill = rep.drill | {"players": players}
    connection.execute(sa.update(rep_table).where(rep_table.c.id == rep.id).values(drill=drill))
    own = next(start for start in there if start.own)
    return write_rep(connection, rep, athlete_id=own.athlete_id, lead_leg=own.lead_leg, **columns)
