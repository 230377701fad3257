"""Starts as rows of a table: one for each athlete, with all that is said of it elsewhere."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from pi.store.connection import Connected
from pi.store.history import like
from pi.store.lanes import each_lane
from pi.store.records import Listed
from pi.store.rows import as_rep
from pi.tables import note_table, rep_table, team_member_table, turn_table


class Listing(Connected):
    """What tables and files are made of."""

    def listed_reps(self, **wanted: Any) -> list[int]:
        """The ids of the reps that reps() finds, newest first; that says what may be wanted."""
        narrowed = like(sa.select(rep_table.c.id), **wanted)
        with self._reading() as connection:
            return list(connection.scalars(narrowed))

    def listed(
        self, reps: Sequence[int], *, athlete_id: int | None = None, status: str | None = None
    ) -> list[Listed]:
        """Those reps, newest first, and of lanes one for each athlete, as if he had been alone.

        athlete_id, status : only the starts that are like that.
        """
        column, note, turn, member = rep_table.c, note_table.c, turn_table.c, team_member_table.c
        wanted = sa.select(rep_table).where(column.id.in_(reps)).order_by(column.id.desc())
        with self._reading() as connection:
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
