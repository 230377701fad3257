"""Athletes and old reps forgotten for good; of whom they ran beside, only what is his stays."""

import logging
import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from pi import starts
from pi.store import stamps
from pi.store.changes import next_change
from pi.store.connection import Connected
from pi.store.lanes import follow_starts
from pi.store.records import Busy, Rep, Start
from pi.store.rows import active_rep, rep_by_id, starts_by_rep
from pi.store.station import kept_days, mark_unpacked, write_log
from pi.tables import (
    athlete_table,
    calibration_table,
    circuit_table,
    evidence_table,
    log_table,
    note_table,
    rep_table,
    session_table,
    set_up_table,
    start_table,
    station_table,
    team_member_table,
    turn_table,
)

log = logging.getLogger("trackstart.store")
ERASED = (
    *(turn_table, team_member_table, start_table, note_table, evidence_table),
    *(rep_table, session_table, athlete_table, circuit_table),
    *(set_up_table, calibration_table, log_table),
)


class Forgetting(Connected):
    """Forgetting on demand, and of what is older than may be kept."""

    def forget_athletes(self, athletes: Sequence[int]) -> int:
        """Take out everything about them, for good: names, reps, pictures; how many reps it was.

        Of a rep with lanes the others keep theirs, without the pictures and the notes.
        Nothing of it is left in the file: deleted pages are overwritten, and the file is packed,
        by pack() later where somebody else is at it just now.
        Raises Busy while a rep runs.
        """
        with self._writing() as connection:
            if active_rep(connection):  # packing keeps the file for itself, for seconds
                raise Busy("a rep has not ended yet; stop it first")
            count = _forget(connection, set(athletes))
            write_log(connection, "forgotten")
        self.pack()
        return count

    def forget_old(self, now: datetime) -> int:
        """Forget whatever is older than keep_days(), for good; how many athletes and nameless reps.

        To be called while the time is known. An athlete goes, with everything, whose newest rep is
        older and who is in no session that is younger, or runs without a rep yet; one who never
        started, by when his name was typed. Then nameless reps that are older, and sessions that
        are left without anybody. Of a rep without a date it is only known that it was run before
        the next rep that has one, so it counts as of then; as long as there is no such rep it is
        not old. A name that was typed while the time was not known is kept until there is a rep.
        Raises Busy while a rep runs.
        """
        with self._reading() as connection:
            days = kept_days(connection)
            if days is None:
                return 0
            before = stamps.utc(now - timedelta(days=days))
            if not any(_old(connection, before)):
                return 0
        with self._writing() as connection:
            if active_rep(connection):
                raise Busy("a rep has not ended yet")
            old = _old(connection, before)
            _forget(connection, old.athletes, old.reps)
            for table in (turn_table, team_member_table):
                connection.execute(sa.delete(table).where(table.c.session_id.in_(old.sessions)))
            connection.execute(sa.delete(session_table).where(session_table.c.id.in_(old.sessions)))
            write_log(connection, "retention")
        self.pack()
        return len(old.athletes) + len(old.nameless)

    def erase(self, who: str = "") -> None:
        """Take out whatever was ever run, typed or set up here, for good.

        Whose timer it is stays, with what is set for the box and what is known of its parts.
        Raises Busy while a rep runs.   who : as in write_log().
        """
        with self._writing() as connection:
            if active_rep(connection):
                raise Busy("a rep has not ended yet; stop it first")
            for table in ERASED:
                connection.execute(sa.delete(table))
            mark_unpacked(connection)
            write_log(connection, "erased", who)
            next_change(connection)
        self.pack()

    def unpacked(self) -> bool:
        """Whether the file may still hold what was deleted: pack() is to be tried again."""
        with self._reading() as connection:
            return bool(connection.scalar(sa.select(station_table.c.unpacked)))

    def pack(self) -> bool:
        """Leave no free page, and no log, that still holds what was deleted; whether it worked.

        It does not while the other process reads or writes; then unpacked() stays true.
        """
        try:
            if self._engine.dialect.name == "sqlite":
                with self._engine.connect() as connection:
                    raw: Any = connection.connection.dbapi_connection
                    raw.execute("VACUUM")
                    waits, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if waits:
                    log.warning("the file is not packed yet: somebody reads")
                    return False
            with self._writing() as connection:
                connection.execute(sa.update(station_table).values(unpacked=False))
        except (sqlite3.OperationalError, SQLAlchemyError) as problem:
            log.warning("the file is not packed yet: %s", problem)
            return False
        return True


def _forget(connection: Connection, athletes: set[int], whole: Collection[int] = ()) -> int:
    """Take out athletes with their part of each rep, and reps as a whole; how many reps it was."""
    column, start = rep_table.c, start_table.c
    own = set(connection.scalars(sa.select(column.id).where(column.athlete_id.in_(athletes))))
    theirs = sa.select(start.rep_id).where(start.athlete_id.in_(athletes))
    shared = starts_by_rep(connection, list(connection.scalars(theirs)))
    others = {
        rep_id: left
        for rep_id, there in shared.items()
        if rep_id not in whole
        and (left := [each for each in there if each.athlete_id not in athletes])
    }
    reps = (own | set(shared) | set(whole)) - set(others)
    for rep_id, left in others.items():
        _leave_lanes(connection, rep_by_id(connection, rep_id), shared[rep_id], left)
    for table, place, gone in (
        (turn_table, turn_table.c.athlete_id, athletes),
        (turn_table, turn_table.c.rep_id, reps),
        (team_member_table, team_member_table.c.athlete_id, athletes),
        (start_table, start.rep_id, reps),
        (note_table, note_table.c.rep_id, reps | set(others)),
        (evidence_table, evidence_table.c.rep_id, reps | set(others)),
        (rep_table, column.id, reps),
        (athlete_table, athlete_table.c.id, athletes),
    ):
        connection.execute(sa.delete(table).where(place.in_(gone)))
    mark_unpacked(connection)
    next_change(connection)
    return len(reps) + len(others)


def _leave_lanes(
    connection: Connection, rep: Rep, there: Sequence[Start], left: Sequence[Start]
) -> None:
    """Take everybody out of a rep with lanes but those who are left."""
    column = start_table.c
    gone = {each.lane for each in there} - {each.lane for each in left}
    was = next((each.lane for each in there if each.own), None)
    own = left[0].lane if was in gone else was
    connection.execute(sa.delete(start_table).where(column.rep_id == rep.id, column.lane.in_(gone)))
    connection.execute(
        sa.update(start_table).where(column.rep_id == rep.id).values(own=column.lane == own)
    )
    columns = {}
    if rep.result:
        result = starts.without(rep.result, gone, own, was)
        if rep.state != "done":  # it was called back for all of them
            result["status"] = rep.result["status"]
        columns["result"] = result
    follow_starts(connection, rep, **columns)


class Old(NamedTuple):
    """Ids of what is older than may be kept."""

    athletes: set[int]
    nameless: set[int]  # reps
    reps: set[int]  # nameless, or only of those athletes
    sessions: set[int]


def _old(connection: Connection, before: str) -> Old:
    """What forget_old() forgets, with `before` the first moment that is kept."""
    rep, start, turn, athlete = rep_table.c, start_table.c, turn_table.c, athlete_table.c
    wanted = sa.select(rep.id, rep.athlete_id, rep.session_id, rep.requested_at, rep.dated)
    rows = connection.execute(wanted.order_by(rep.id)).all()
    latest = _latest_dates([(row.requested_at, row.dated) for row in rows])
    old = {row.id for row, at in zip(rows, latest, strict=True) if at is not None and at < before}
    whose: dict[int, set[int]] = {row.id: {row.athlete_id} - {None} for row in rows}
    for row in connection.execute(sa.select(start.rep_id, start.athlete_id)):
        whose[row.rep_id] |= {row.athlete_id} - {None}

    sessions = connection.execute(sa.select(session_table)).all()
    used = {row.session_id for row in rows}
    young = {row.session_id for row in rows if row.id not in old}
    young |= {
        row.id
        for row in sessions
        if row.id not in used
        and (row.started_at >= before or (row.circuit is not None and row.ended_at is None))
    }
    planned = connection.execute(sa.select(turn.session_id, turn.athlete_id)).all()

    started = set().union(*whose.values())
    kept = set().union(*(who for rep_id, who in whose.items() if rep_id not in old))
    kept |= {row.athlete_id for row in planned if row.session_id in young}
    people = connection.execute(sa.select(athlete.id, athlete.created_at, athlete.dated))
    athletes = {
        row.id
        for row in people
        if row.id not in kept and (row.id in started or (row.dated and row.created_at < before))
    }
    reps = {rep_id for rep_id in old if whose[rep_id] <= athletes}
    stay = young | {row.session_id for row in rows if row.id not in reps}
    stay |= {row.session_id for row in planned if row.athlete_id not in athletes | {None}}
    return Old(
        athletes,
        {rep_id for rep_id in old if not whose[rep_id]},
        reps,
        {row.id for row in sessions} - stay,
    )


def _latest_dates(told: Sequence[tuple[str, bool]]) -> list[str | None]:
    """Of reps in their order the latest that each can have been run; None where nothing tells.

    told : date, and whether it is one. What has none was run before the next that has one; it does
    not count as older than any before it either, should a clock have been set back.
    """
    found: list[str | None] = []
    after: str | None = None
    for at, dated in reversed(told):
        after = at if dated else after
        found.append(after)
    newest = ""
    for k, (at, dated) in enumerate(told):
        newest = max(newest, at) if dated else newest
        latest = found[-1 - k]
        if latest is not None and not dated:
            found[-1 - k] = max(latest, newest)
    return found[::-1]
