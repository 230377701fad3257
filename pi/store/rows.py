"""Rows that several parts of the store read, as records, on a connection that is open."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi.store.records import Rep, Session, Start, Turn
from pi.tables import rep_table, session_table, start_table, team_member_table, turn_table


def as_rep(row: sa.Row[Any]) -> Rep:
    """The rep that a row of its table is."""
    return Rep(**row._mapping)


def rep_by_id(connection: Connection, rep_id: int) -> Rep:
    """That rep; ValueError where there is none."""
    row = connection.execute(sa.select(rep_table).where(rep_table.c.id == rep_id)).first()
    if row is None:
        raise ValueError(f"there is no rep {rep_id}")
    return as_rep(row)


def active_rep(connection: Connection) -> Rep | None:
    """The rep that has not ended."""
    row = connection.execute(sa.select(rep_table).where(rep_table.c.active == 1)).first()
    return as_rep(row) if row else None


def starts_by_rep(connection: Connection, reps: Sequence[int]) -> dict[int, list[Start]]:
    """Who started, by rep and in the lanes' order; nothing of reps without lanes."""
    if not reps:
        return {}
    column = start_table.c
    wanted = sa.select(start_table).where(column.rep_id.in_(reps))
    found: dict[int, list[Start]] = {}
    for row in connection.execute(wanted.order_by(column.rep_id, column.lane)):
        found.setdefault(row.rep_id, []).append(Start(**row._mapping))
    return found


def running_session(connection: Connection) -> Session | None:
    """The planned session that has not ended."""
    column = session_table.c
    wanted = sa.select(session_table).where(column.circuit.is_not(None), column.ended_at.is_(None))
    row = connection.execute(wanted.order_by(column.id.desc()).limit(1)).first()
    return Session(**row._mapping) if row else None


def turns_in(connection: Connection, session_id: int) -> list[Turn]:
    """Every planned start of a session, in its order."""
    column = turn_table.c
    wanted = sa.select(turn_table).where(column.session_id == session_id)
    rows = connection.execute(wanted.order_by(column.place, column.id))
    return [Turn(**row._mapping) for row in rows]


def teams_in(connection: Connection, session_id: int) -> dict[int, str]:
    """The team of each athlete of a session who is in one."""
    column = team_member_table.c
    wanted = sa.select(column.athlete_id, column.team).where(column.session_id == session_id)
    return {row.athlete_id: row.team for row in connection.execute(wanted)}
