"""Starts as rows of a table: one for each athlete, with all that is said of it elsewhere."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from pi.store.connection import Connected
from pi.store.lanes import each_lane
from pi.store.records import Listed
from pi.store.rows import as_rep
from pi.tables import note_table, rep_table, start_table, team_member_table, turn_table


class Listing(Connected):
    """What tables and files are made of."""

    def listed_reps(
        self,
        *,
        athlete_id: int | None = None,
        posture: str | None = None,
        status: str | None = None,
        session_id: int | None = None,
        limit: int,
        before: int | None = None,
    ) -> list[int]:
        """The ids of reps of which a start is like that, newest first, as reps() finds them."""
        rep, start = rep_table.c, start_table.c
        wanted = sa.select(rep.id).where(rep.deleted_at.is_(None))
        like = {"athlete_id": athlete_id, "status": status}
        like = {name: value for name, value in like.items() if value is not None}
        if like:
            beside = sa.select(start.rep_id).where(*(start[name] == like[name] for name in like))
            own = sa.and_(*(rep[name] == like[name] for name in like))
            wanted = wanted.where(sa.or_(own, rep.id.in_(beside)))
        for name, value in (("posture", posture), ("session_id", session_id)):
            if value is not None:
                wanted = wanted.where(rep[name] == value)
        if before is not None:
            wanted = wanted.where(rep.id < before)
        with self._engine.connect() as connection:
            return list(connection.scalars(wanted.order_by(rep.id.desc()).limit(limit)))

    def listed(
        self, reps: Sequence[int], *, athlete_id: int | None = None, status: str | None = None
    ) -> list[Listed]:
        """Those reps, newest first, and of lanes one for each athlete, as if he had been alone.

        athlete_id, status : only the starts that are like that.
        """
        column, note, turn, member = rep_table.c, note_table.c, turn_table.c, team_member_table.c
        wanted = sa.select(rep_table).where(column.id.in_(reps)).order_by(column.id.desc())
        with self._engine.connect() as connection:
            rows = [as_rep(row) for row in connection.execute(wanted)]
            notes: dict[int, list[str]] = {}
            said = sa.select(note.rep_id, note.words).where(note.rep_id.in_(reps))
            for rep_id, words in connection.execute(said.order_by(note.id)):
                notes.setdefault(rep_id, []).append(words)
            asked = sa.select(turn.rep_id, turn.athlete_id, turn.felt)
            felt: dict[Any, str] = {
                (rep_id, who): text
                for rep_id, who, text in connection.execute(asked.where(turn.rep_id.in_(reps)))
            }
            sessions = {rep.session_id for rep in rows}
            teams: dict[Any, str] = {
                (session, who): team
                for session, who, team in connection.execute(
                    sa.select(member.session_id, member.athlete_id, member.team).where(
                        member.session_id.in_(sessions)
                    )
                )
            }
            return [
                Listed(
                    rep,
                    lane,
                    teams.get((rep.session_id, rep.athlete_id), ""),
                    felt.get((rep.id, rep.athlete_id), ""),
                    notes.get(rep.id, []),
                )
                for lane, rep in each_lane(connection, rows)
                if athlete_id in (None, rep.athlete_id) and status in (None, rep.status)
            ]
