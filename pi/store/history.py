"""Reps looked at: one, lists of them, an athlete's, a session's, and the measured reactions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from pi.store.connection import Connected
from pi.store.lanes import each_start
from pi.store.records import Reaction, Rep
from pi.store.rows import as_rep
from pi.tables import rep_table, start_table, turn_table


class History(Connected):
    """Every way to look at reps."""

    def rep(self, rep_id: int) -> Rep | None:
        """That rep, deleted or not."""
        return self._one_rep(sa.select(rep_table).where(rep_table.c.id == rep_id))

    def active_rep(self) -> Rep | None:
        """The rep that has not ended."""
        return self._one_rep(sa.select(rep_table).where(rep_table.c.active == 1))

    def next_requested(self) -> Rep | None:
        """The rep that waits for the device."""
        rep = self.active_rep()
        return rep if rep and rep.state == "requested" else None

    def latest_rep(self) -> Rep | None:
        """The newest rep that is not deleted."""
        return next(iter(self.reps(limit=1)), None)

    def reps(
        self,
        *,
        athlete_id: int | None = None,
        posture: str | None = None,
        status: str | None = None,
        session_id: int | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> list[Rep]:
        """Reps that are not deleted, newest first; before : only those with a smaller id.

        athlete_id : his, of which each that had lanes comes as if he had been alone in it: with
        his own status, numbers and result.
        """
        column = rep_table.c
        wanted = sa.select(rep_table).where(column.deleted_at.is_(None))
        filters = {"posture": posture, "session_id": session_id}
        if athlete_id is None:
            filters["status"] = status
        else:
            wanted = wanted.where(column.id.in_(_reps_of(athlete_id, status)))
        for name, value in filters.items():
            if value is not None:
                wanted = wanted.where(column[name] == value)
        if before is not None:
            wanted = wanted.where(column.id < before)
        wanted = wanted.order_by(column.id.desc()).limit(limit)
        if athlete_id is None:
            return self._reps(wanted)
        with self._engine.connect() as connection:
            each = each_start(connection, [as_rep(row) for row in connection.execute(wanted)])
        return [rep for rep in each if rep.athlete_id == athlete_id]

    def starts(
        self,
        session_id: int,
        limit: int = 2000,
        *,
        results: bool = True,
        planned: bool = False,
    ) -> list[Rep]:
        """A session's reps that are not deleted, newest first, and of lanes one for each athlete.

        Each is as if its athlete had been alone in it, as in reps(athlete_id=…).   results : False
        leaves out what was measured but the reaction, which a board has no use for.   planned :
        only those that were a turn of the session, and neither a game nor one beside the plan.
        """
        column = rep_table.c
        nothing: Any = [sa.null().label(name) for name in ("result", "settings")]
        short = [each for each in column if each.name not in ("result", "settings")] + nothing
        wanted = sa.select(*(column if results else short)).where(
            column.deleted_at.is_(None), column.session_id == session_id
        )
        if planned:
            turn = turn_table.c
            wanted = wanted.where(
                column.id.in_(sa.select(turn.rep_id).where(turn.session_id == session_id))
            )
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(column.id.desc()).limit(limit))
            return each_start(connection, [as_rep(row) for row in rows])

    def reactions(
        self, athletes: Sequence[int], *, newest: int, but: int | None = None
    ) -> list[Reaction]:
        """Measured reactions but those of games, newest first, without the rest of their reps.

        newest : at most so many of each athlete and posture.   but : a session that is left out.
        """
        rep, start = rep_table.c, start_table.c
        alone = sa.select(
            rep.id.label("rep_id"), rep.athlete_id, rep.session_id, rep.posture,
            rep.reaction_s, rep.reaction_u,
        ).where(
            rep.athlete_id.in_(athletes), rep.status == "measured",
            rep.deleted_at.is_(None), rep.reaction_s.is_not(None), rep.session_id != (but or 0),
        )  # fmt: skip
        beside = sa.select(
            start.rep_id, start.athlete_id, start.session_id, start.posture,
            start.reaction_s, start.reaction_u,
        ).where(
            start.athlete_id.in_(athletes), start.own.is_(False), start.status == "measured",
            start.deleted_at.is_(None), start.reaction_s.is_not(None),
            start.session_id != (but or 0),
        )  # fmt: skip
        column = sa.union_all(alone, beside).subquery().c
        rank = sa.func.row_number().over(
            partition_by=(column.athlete_id, column.posture), order_by=column.rep_id.desc()
        )
        u = sa.func.coalesce(column.reaction_u, 0.0)
        ranked = sa.select(*list(column)[:-1], u.label("u"), rank.label("rank")).subquery()
        wanted = sa.select(*list(ranked.c)[:-1]).where(ranked.c.rank <= newest)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(ranked.c.rep_id.desc()))
            return [Reaction(*row) for row in rows]

    def _one_rep(self, wanted: sa.Select[Any]) -> Rep | None:
        return next(iter(self._reps(wanted)), None)

    def _reps(self, wanted: sa.Select[Any]) -> list[Rep]:
        with self._engine.connect() as connection:
            return [as_rep(row) for row in connection.execute(wanted)]


def _reps_of(athlete_id: int, status: str | None) -> sa.CompoundSelect[Any]:
    """The ids of an athlete's reps, in whatever lane; of those that ended so for him."""
    rep, start = rep_table.c, start_table.c
    own = sa.select(rep.id).where(rep.athlete_id == athlete_id)
    beside = sa.select(start.rep_id).where(start.athlete_id == athlete_id, start.own.is_(False))
    if status is not None:
        own, beside = own.where(rep.status == status), beside.where(start.status == status)
    return sa.union_all(own, beside)
