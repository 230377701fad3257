"""Reps looked at: one, lists of them, an athlete's, a session's, and the measured reactions."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from pi.drills import POSTURES
from pi.store.connection import Connected
from pi.store.lanes import each_start
from pi.store.records import Reaction, Rep
from pi.store.rows import as_rep
from pi.tables import athlete_table, rep_table, start_table, turn_table


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

    def latest_ended(self, session_id: int | None = None) -> Rep | None:
        """The newest rep that is over and not deleted, of that session or of any."""
        column = rep_table.c
        wanted = like(sa.select(rep_table), session_id=session_id, limit=1)
        return self._one_rep(wanted.where(column.active.is_(None)))

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

        status : those of which a start, in whatever lane, ended so.   athlete_id : his, of which
        each that had lanes comes as if he had been alone in it: with his own status, numbers and
        result.
        """
        wanted = like(
            sa.select(rep_table),
            athlete_id=athlete_id,
            posture=posture,
            status=status,
            session_id=session_id,
            limit=limit,
            before=before,
        )
        if athlete_id is None:
            return self._reps(wanted)
        with self._reading() as connection:
            each = each_start(connection, [as_rep(row) for row in connection.execute(wanted)])
        return [rep for rep in each if rep.athlete_id == athlete_id]

    def own_postures(self) -> list[str]:
        """The postures in somebody's own words that reps have, by the alphabet."""
        posture = rep_table.c.posture
        wanted = sa.select(posture).distinct().order_by(posture)
        wanted = wanted.where(posture.not_in(list(POSTURES)), rep_table.c.deleted_at.is_(None))
        with self._reading() as connection:
            return list(connection.scalars(wanted))

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
        with self._reading() as connection:
            rows = connection.execute(wanted.order_by(column.id.desc()).limit(limit))
            return each_start(connection, [as_rep(row) for row in rows])

    def reactions(
        self, athletes: Sequence[int], *, newest: int, but: int | None = None
    ) -> list[Reaction]:
        """Measured reactions but those of games, newest first, without the rest of their reps.

        newest : at most so many of each athlete and posture.   but : a session that is left out.
        """
        told = {"athletes": list(athletes), "newest": newest, "but": but or 0}
        found: list[Reaction] = []
        count: Counter[tuple[int, str]] = Counter()
        with self._reading() as connection:
            rows = connection.execute(_NEWEST, told).all()
        for one in map(Reaction._make, rows):
            kind = one.athlete_id, one.posture
            count[kind] += 1
            if count[kind] <= newest:  # so many came of those alone, and of lanes
                found.append(one)
        return found

    def _one_rep(self, wanted: sa.Select[Any]) -> Rep | None:
        return next(iter(self._reps(wanted)), None)

    def _reps(self, wanted: sa.Select[Any]) -> list[Rep]:
        with self._reading() as connection:
            return [as_rep(row) for row in connection.execute(wanted)]


def like(
    wanted: sa.Select[Any],
    *,
    limit: int,
    athlete_id: int | None = None,
    posture: str | None = None,
    status: str | None = None,
    session_id: int | None = None,
    before: int | None = None,
) -> sa.Select[Any]:
    """A select from reps, narrowed to those that History.reps() tells of."""
    rep = rep_table.c
    wanted = wanted.where(rep.deleted_at.is_(None))
    if athlete_id is not None or status is not None:
        wanted = wanted.where(rep.id.in_(_of_a_start(athlete_id=athlete_id, status=status)))
    for name, value in (("posture", posture), ("session_id", session_id)):
        if value is not None:
            wanted = wanted.where(rep[name] == value)
    if before is not None:
        wanted = wanted.where(rep.id < before)
    return wanted.order_by(rep.id.desc()).limit(limit)


def _of_a_start(**like_that: Any) -> sa.CompoundSelect[Any]:
    """The ids of reps of which a start, in whatever lane, is like that."""
    rep, start = rep_table.c, start_table.c
    own, beside = sa.select(rep.id), sa.select(start.rep_id).where(start.own.is_(False))
    for name, value in like_that.items():
        if value is not None:
            own, beside = own.where(rep[name] == value), beside.where(start[name] == value)
    return sa.union_all(own, beside)


def _newest(table: sa.Table, rep_id: str) -> sa.Select[Any]:
    """So many measured reactions of each athlete and posture, the newest, out of one table.

    Athlete by athlete and posture by posture, each from where its index says that they begin: what
    is older is not looked at.
    """
    kinds = sa.union_all(*(sa.select(sa.literal(key).label("key")) for key in POSTURES)).subquery()
    who, kind, each, last = athlete_table.c, kinds.c, table.alias().c, table.alias().c

    def counts(column: Any) -> list[sa.ColumnElement[bool]]:
        wanted = [
            column.athlete_id == who.id, column.status == "measured", column.posture == kind.key,
            column.deleted_at.is_(None), column.reaction_s.is_not(None),
            column.session_id != sa.bindparam("but"),
        ]  # fmt: skip
        return [*wanted, column.own.is_(False)] if table is start_table else wanted

    oldest = (
        sa.select(last[rep_id])
        .where(*counts(last))
        .order_by(last[rep_id].desc())
        .limit(1)
        .offset(sa.bindparam("newest", type_=sa.Integer) - 1)
        .correlate(athlete_table, kinds)
        .scalar_subquery()
    )
    return sa.select(
        each[rep_id].label("rep_id"), each.athlete_id, each.session_id, each.posture,
        each.reaction_s, sa.func.coalesce(each.reaction_u, 0.0).label("u"),
    ).where(
        who.id.in_(sa.bindparam("athletes", expanding=True)),
        *counts(each),
        each[rep_id] >= sa.func.coalesce(oldest, 0),
    )  # fmt: skip


_NEWEST = sa.union_all(_newest(rep_table, "id"), _newest(start_table, "rep_id")).order_by(
    sa.desc("rep_id")
)
