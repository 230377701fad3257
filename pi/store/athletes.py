"""Athletes: their names, the addresses of their own pages, and whether they agree to be shown."""

import secrets
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi import clock
from pi.drills import MOST_CUES
from pi.store import stamps
from pi.store.changes import next_change
from pi.store.connection import Connected
from pi.store.records import Athlete, NotAgreed, Rep, Taken
from pi.store.rows import rep_by_id, starts_by_rep
from pi.store.states import write_rep
from pi.tables import athlete_table, evidence_table, rep_table, start_table, station_table

CONSENTS = ("", "yes", "no")  # "" is not known yet


class Athletes(Connected):
    """Everybody who may start."""

    def add_athlete(self, name: str) -> Athlete:
        """A new athlete, or the one who already has that name."""
        name, column = _plain(name), athlete_table.c
        with self._writing() as connection:
            row = connection.execute(
                sa.select(athlete_table).where(column.name == name, column.deleted_at.is_(None))
            ).first()
            if row:
                return Athlete(**row._mapping)
            made = connection.execute(
                sa.insert(athlete_table)
                .returning(*athlete_table.c)
                .values(
                    name=name,
                    created_at=stamps.utc_now(),
                    dated=bool(clock.source()),
                    token=secrets.token_urlsafe(16),
                )
            )
            return Athlete(**made.one()._mapping)

    def rename_athlete(self, athlete_id: int, name: str) -> Athlete:
        """Call an athlete otherwise; page, starts and everything else stay his.

        Raises ValueError for nobody's id and for no name, Taken for a name that another one has.
        """
        name, column = _plain(name), athlete_table.c
        with self._writing() as connection:
            check_athletes(connection, [athlete_id])
            has_it = sa.select(column.id).where(
                column.name == name, column.deleted_at.is_(None), column.id != athlete_id
            )
            if connection.scalar(has_it) is not None:
                raise Taken("another athlete has that name")
            renamed = connection.execute(
                sa.update(athlete_table)
                .where(column.id == athlete_id)
                .values(name=name)
                .returning(*column)
            ).one()
            next_change(connection)
        return Athlete(**renamed._mapping)

    def set_cues(self, athlete_id: int, cues: Sequence[str]) -> None:
        """What an athlete works on, in place of what the session's all do; [] for that again."""
        told = list(dict.fromkeys(" ".join(cue.split()) for cue in cues))
        if len(told) > MOST_CUES or any(not 1 <= len(cue) <= 40 for cue in told):
            raise ValueError(f"cues: {MOST_CUES} at most, 1 to 40 characters each")
        with self._writing() as connection:
            check_athletes(connection, [athlete_id])
            connection.execute(
                sa.update(athlete_table)
                .where(athlete_table.c.id == athlete_id)
                .values(cues=told or None)
            )
            next_change(connection)

    def athletes(self) -> list[Athlete]:
        """Everybody, by name."""
        column = athlete_table.c
        wanted = sa.select(athlete_table).where(column.deleted_at.is_(None))
        with self._reading() as connection:
            rows = connection.execute(wanted.order_by(sa.func.lower(column.name), column.id))
            return [Athlete(**row._mapping) for row in rows]

    def athlete_by_token(self, token: str) -> Athlete | None:
        """Whose page that is; None for nobody's."""
        column = athlete_table.c
        wanted = sa.select(athlete_table).where(column.token == token, column.deleted_at.is_(None))
        with self._reading() as connection:
            row = connection.execute(wanted).first()
        return Athlete(**row._mapping) if row else None

    def set_consent(self, athlete_id: int, mark: str) -> None:
        """Whether the athlete, or who speaks for him, agrees: yes, no, or "" for not known."""
        if mark not in CONSENTS:
            raise ValueError('consent: "yes", "no" or ""')
        with self._writing() as connection:
            check_athletes(connection, [athlete_id])
            connection.execute(
                sa.update(athlete_table)
                .where(athlete_table.c.id == athlete_id)
                .values(consent=mark)
            )
            if mark != "yes":
                drop_clips(connection, _reps_with(connection, athlete_id))
            next_change(connection)


def check_athletes(connection: Connection, athletes: Sequence[int | None]) -> None:
    """Raises ValueError where one of them is not there."""
    for who in athletes:
        if who is not None and not _athlete(connection, who):
            raise ValueError(f"athlete_id: there is no athlete {who}")


def check_agreed(connection: Connection, athletes: Collection[int | None]) -> None:
    """Raises NotAgreed unless every one of them has agreed to a clip; who has no name cannot."""
    if connection.scalar(sa.select(station_table.c.clips)) is False:
        raise NotAgreed("this box keeps no clips")
    column = athlete_table.c
    wanted = sa.select(sa.func.count()).where(column.id.in_(athletes), column.consent == "yes")
    if connection.scalar(wanted) != len(set(athletes)):
        raise NotAgreed("not everybody in it has a name and has agreed to a clip")


def who_is_in(connection: Connection, rep: Rep) -> set[int | None]:
    """The athletes of a rep, in whatever lane; None for one without a name."""
    there = starts_by_rep(connection, [rep.id]).get(rep.id, [])
    return {start.athlete_id for start in there} or {rep.athlete_id}


def drop_clips(connection: Connection, reps: Collection[int]) -> None:
    """Forget the clips of those reps in which not everybody has agreed, or does any more."""
    column = evidence_table.c
    wanted = sa.select(column.rep_id).where(column.kind == "clip", column.rep_id.in_(reps))
    for rep_id in connection.scalars(wanted).all():
        rep = rep_by_id(connection, rep_id)
        try:
            check_agreed(connection, who_is_in(connection, rep))
        except NotAgreed:
            connection.execute(
                sa.delete(evidence_table).where(column.rep_id == rep_id, column.kind == "clip")
            )
            write_rep(connection, rep)


def _reps_with(connection: Connection, athlete_id: int) -> set[int]:
    rep, start = rep_table.c, start_table.c
    own = sa.select(rep.id).where(rep.athlete_id == athlete_id)
    beside = sa.select(start.rep_id).where(start.athlete_id == athlete_id)
    return set(connection.scalars(sa.union(own, beside)))


def _plain(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80:
        raise ValueError("name: 1 to 80 characters")
    return name


def _athlete(connection: Connection, athlete_id: int) -> Athlete | None:
    row = connection.execute(
        sa.select(athlete_table).where(athlete_table.c.id == athlete_id)
    ).first()
    return Athlete(**row._mapping) if row else None
