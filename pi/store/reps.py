"""A rep asked for, led to its end by the device, hidden and brought back."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi import clock
from pi.drills import LEAD_LEGS, own_posture
from pi.games import MOST_LANES, MOST_PLAYERS, game_of, too_tall
from pi.settings import hold_for
from pi.store import stamps
from pi.store.athletes import check_agreed, check_athletes
from pi.store.changes import next_change
from pi.store.connection import Connected
from pi.store.lanes import follow_starts
from pi.store.records import Busy, Rep, WrongStep
from pi.store.rows import active_rep, as_rep, rep_by_id, running_session
from pi.store.states import waits_again, write_rep
from pi.tables import rep_table, session_table, start_table, turn_table

# A request that no device took for so long is not started any more: nobody expects it by then.
STALE_NS = 10_000_000_000
NOBODYS_LANE = -1  # in place of a lane's number: nobody's


class Reps(Connected):
    """Who asks for a rep, and what the device makes of it."""

    # Asking for one

    def request_rep(
        self,
        *,
        posture: str,
        key: str,
        athlete_id: int | None = None,
        lead_leg: str = "free",
        drill: Mapping[str, Any] | None = None,
    ) -> Rep:
        """A new rep, or the one that was already asked for with this key.

        posture : one of POSTURES, or own words.   drill : overrides of the settings' [hold] for
        this rep, such as {"kind": "fixed"}; a game, as in `games.game_of`; and "players": athletes
        or None, lane by lane, where several start. The rep is the first one's.
        Raises Busy while another rep has not ended.
        """
        posture = own_posture(posture)
        if lead_leg not in LEAD_LEGS:
            raise ValueError(f"lead_leg: one of {', '.join(LEAD_LEGS)}, not {lead_leg!r}")
        if not key or len(key) > 80:
            raise ValueError("key: 1 to 80 characters that name this request")
        hold_for(drill or {})
        if why := too_tall(game_of(drill or {}), posture):
            raise ValueError(why)
        with self._writing() as connection:
            return new_rep(connection, key, athlete_id, posture, lead_leg, dict(drill or {}))

    def ask_stop(self, rep_id: int) -> Rep:
        """Ask the device to end the rep. One that it has not taken yet ends at once."""
        with self._writing() as connection:
            rep = rep_by_id(connection, rep_id)
            if rep.state == "requested":
                return write_rep(
                    connection, rep, state="aborted", reason="stopped", stop_asked=True
                )
            if not rep.active or rep.stop_asked:
                return rep
            return write_rep(connection, rep, stop_asked=True)

    def ask_go(self, rep_id: int) -> Rep:
        """The coach says GO. Only a holding rep takes it: an early press must not be a surprise."""
        with self._writing() as connection:
            rep = rep_by_id(connection, rep_id)
            if rep.state != "holding":
                raise WrongStep(f"rep {rep_id} is {rep.state}; GO can be given while it is holding")
            return rep if rep.go_asked else write_rep(connection, rep, go_asked=True)

    # The device's side

    def change_rep(self, rep_id: int, *, own_lane: int | None = None, **columns: Any) -> Rep:
        """Write columns of a rep; a new state must be one of its STEPS, else WrongStep.

        own_lane : of a rep with lanes the one that it is about from now on, whoever is in it; one
        where nobody is, or NOBODYS_LANE, makes it nobody's. None leaves that as it is.
        """
        with self._writing() as connection:
            rep = rep_by_id(connection, rep_id)
            if own_lane is None or not rep.drill.get("players"):
                return write_rep(connection, rep, **columns)
            column = start_table.c
            connection.execute(
                sa.update(start_table)
                .where(column.rep_id == rep_id)
                .values(own=column.lane == own_lane)
            )
            return follow_starts(connection, rep, **columns)

    def date_reps(self) -> int:
        """Date the reps of this boot that were run before the time was known; how many.

        To be called while it is known. Those of an earlier boot stay without a date. A session
        that has none gets that of its first start.
        """
        column = rep_table.c
        wanted = sa.select(rep_table).where(~column.dated, column.boot_id == stamps.boot_id())
        with self._reading() as connection:
            if connection.execute(wanted.limit(1)).first() is None:
                return 0
        with self._writing() as connection:
            reps = [as_rep(row) for row in connection.execute(wanted.order_by(column.id))]
            for rep in reps:
                ago_s = (time.monotonic_ns() - rep.requested_ns) * 1e-9
                at = stamps.utc(datetime.now(UTC) - timedelta(seconds=ago_s))
                write_rep(connection, rep, requested_at=at, dated=True)
                connection.execute(
                    sa.update(session_table)
                    .where(session_table.c.id == rep.session_id, ~session_table.c.dated)
                    .values(started_at=at, dated=True)
                )
        return len(reps)

    def recover(self) -> list[Rep]:
        """Ends what a device that died has left; to be called when a device begins."""
        with self._writing() as connection:
            rep = active_rep(connection)
            if rep is None:
                return []
            if rep.state != "requested":
                reason = "the device was interrupted during this rep; start again"
            elif (
                rep.boot_id != stamps.boot_id() or time.monotonic_ns() - rep.requested_ns > STALE_NS
            ):
                reason = "the device was not running; start again"
            else:
                return []
            return [write_rep(connection, rep, state="failed", reason=reason)]

    # Away and back

    def delete_rep(self, rep_id: int) -> Rep:
        """Hide a rep that has ended; its turn waits again. restore_rep() brings both back."""
        with self._writing() as connection:
            rep = rep_by_id(connection, rep_id)
            if rep.active:
                raise Busy(f"rep {rep_id} is {rep.state}; stop it first")
            if rep.deleted_at:
                return rep
            own = sa.and_(turn_table.c.rep_id == rep_id, turn_table.c.state == "done")
            connection.execute(sa.update(turn_table).where(own).values(state=waits_again()))
            return write_rep(connection, rep, deleted_at=stamps.utc_now())

    def restore_rep(self, rep_id: int) -> Rep:
        """Undo delete_rep(): its turn is made again, unless it was made anew meanwhile."""
        with self._writing() as connection:
            rep = rep_by_id(connection, rep_id)
            if not rep.deleted_at:
                return rep
            own = turn_table.c.rep_id == rep_id
            connection.execute(sa.update(turn_table).where(own).values(state="done"))
            return write_rep(connection, rep, deleted_at=None)


def new_rep(
    connection: Connection,
    key: str,
    athlete_id: int | None,
    posture: str,
    lead_leg: str,
    drill: dict[str, Any],
) -> Rep:
    """A rep that waits for the device, with its lanes; or the one that has this key."""
    row = connection.execute(sa.select(rep_table).where(rep_table.c.key == key)).first()
    if row:
        return as_rep(row)
    if active_rep(connection):
        raise Busy("the rep before has not ended yet")
    players = _players(drill)
    check_athletes(connection, players or [athlete_id])
    if drill.get("clip"):
        check_agreed(connection, players or [athlete_id])
    session = running_session(connection)
    made = connection.execute(
        sa.insert(rep_table)
        .returning(rep_table.c.id)
        .values(
            key=key,
            session_id=session.id if session else _todays_session(connection),
            athlete_id=players[0] if players else athlete_id,
            state="requested",
            active=1,
            posture=posture,
            lead_leg=lead_leg,
            drill=drill,
            requested_at=stamps.utc_now(),
            dated=bool(clock.source()),
            boot_id=stamps.boot_id(),
            requested_ns=time.monotonic_ns(),
            stop_asked=False,
            go_asked=False,
            changed=next_change(connection),
        )
    ).scalar_one()
    rep = rep_by_id(connection, made)
    if players:
        rows = [
            {
                "rep_id": rep.id,
                "lane": lane,
                "athlete_id": who,
                "own": lane == 0,
                "session_id": rep.session_id,
                "posture": posture,
                "lead_leg": lead_leg,
            }
            for lane, who in enumerate(players)
        ]
        connection.execute(sa.insert(start_table), rows)
    return rep


def _players(drill: Mapping[str, Any]) -> list[int | None]:
    """The athletes of a drill's lanes; [] for a drill without lanes."""
    players = drill.get("players") or []
    named = [who for who in players if who is not None]
    most = MOST_PLAYERS if drill.get("game") else MOST_LANES  # game_of() knows of which game
    if len(players) > most or len(set(named)) < len(named):
        raise ValueError(f"players: {most} at most, nobody in two lanes")
    return list(players)


def _todays_session(connection: Connection) -> int:
    now = stamps.utc_now()
    column = session_table.c
    row = connection.execute(
        sa.select(column.id, column.started_at)
        .where(column.circuit.is_(None))
        .order_by(column.id.desc())
        .limit(1)
    ).first()
    if row and row.started_at[:10] == now[:10]:
        return row.id
    made = sa.insert(session_table).values(
        name=now[:10], started_at=now, dated=bool(clock.source())
    )
    return connection.execute(made.returning(column.id)).scalar_one()
