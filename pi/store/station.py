"""Whose timer it is and how it is set, what was done with it, and its device's sign of life."""

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi import clock
from pi.store import stamps
from pi.store.changes import next_change
from pi.store.connection import Connected
from pi.store.records import KEEP_DAYS, Device, Entry, Station
from pi.tables import device_table, log_table, station_table

MOST_KEEP_DAYS = 3660
SCREENS = ("now", "board", "last", "join")
LOGGED = {
    "starter": "A phone took the starter's role.",
    "pin": "The coach's PIN was typed.",
    "forgotten": "Somebody was forgotten, with every start.",
    "retention": "What is older than may be kept was forgotten.",
    "admin": "The admin's secret was typed.",
    "new_pin": "The admin made a new PIN.",
    "erased": "Everything was erased.",
}
"""What the log may say: never who was forgotten."""
LOG_LENGTH = 500


class Ownership(Connected):
    """Its PIN, starter, screen and language, and how long it keeps what is stored."""

    def station(self, new_pin: Callable[[], tuple[str, str]] | None = None) -> Station:
        """Whose timer it is; made, with a PIN and a key of its own, when first asked.

        new_pin : gives a PIN and its hash, and puts them in the place of those that were: nobody
        is a coach then, nor the starter, until it is used.
        """
        if not new_pin:
            with self._reading() as connection:
                if made := _station(connection):
                    return made
        with self._writing() as connection:
            pin, pin_hash = new_pin() if new_pin else ("", "")
            made = _station(connection) or _new_station(connection)
            if not new_pin:
                return made
            connection.execute(
                sa.update(station_table).values(pin=pin, pin_hash=pin_hash, starter=None)
            )
            next_change(connection)
            return replace(made, pin=pin, pin_hash=pin_hash, starter=None)

    def claim_station(self, who: str = "") -> None:
        """The PIN was used: it is not shown any more.   who : as in write_log()."""
        with self._writing() as connection:
            connection.execute(sa.update(station_table).values(pin=None))
            write_log(connection, "pin", who)
            next_change(connection)

    def set_admin(self, secret_hash: str) -> None:
        """What is kept of the admin's secret, in place of the one before: that is worth nothing."""
        self._change_station(admin_hash=secret_hash)

    def enter_admin(self, who: str = "") -> None:
        """The admin's secret was typed.   who : as in write_log()."""
        with self._writing() as connection:
            write_log(connection, "admin", who)

    def set_pin(self, pin_hash: str, who: str = "") -> None:
        """A new PIN, which the admin has been told: no phone is a coach's any more, nor starts."""
        with self._writing() as connection:
            connection.execute(
                sa.update(station_table).values(pin=None, pin_hash=pin_hash, starter=None)
            )
            write_log(connection, "new_pin", who)
            next_change(connection)

    def set_station(
        self, *, screen: str | None = None, language: str | None = None, clips: bool | None = None
    ) -> None:
        """What the big screen shows, the pages' language, whether clips are kept at all.

        What is not given stays.
        """
        if screen is not None and screen not in SCREENS:
            raise ValueError(f"screen: one of {', '.join(SCREENS)}, not {screen!r}")
        if language is not None and len(language) > 16:
            raise ValueError("language: at most 16 characters")
        told = {"screen": screen, "language": language, "clips": clips}
        self._change_station(**{key: value for key, value in told.items() if value is not None})

    def take_start(self, phone_id: str) -> str | None:
        """Give the starter's role to that phone; who had it before. A change is logged."""
        if not 1 <= len(phone_id) <= 64:
            raise ValueError("phone_id: 1 to 64 characters")
        with self._writing() as connection:
            before = (_station(connection) or _new_station(connection)).starter
            if before != phone_id:
                connection.execute(sa.update(station_table).values(starter=phone_id))
                write_log(connection, "starter", phone_id[:6])
                next_change(connection)
            return before

    def leave_start(self, phone_id: str) -> None:
        """Nobody has the starter's role, where that phone had it."""
        with self._writing() as connection:
            column = station_table.c
            connection.execute(
                sa.update(station_table).where(column.starter == phone_id).values(starter=None)
            )
            next_change(connection)

    def keep_days(self) -> int | None:
        """After how many days what is stored is forgotten; None for never."""
        with self._reading() as connection:
            return kept_days(connection)

    def set_keep_days(self, days: int | None) -> None:
        """Keep what is stored for so long, 1 to 3660 days, or until somebody forgets it (None)."""
        if days is not None and not 1 <= days <= MOST_KEEP_DAYS:
            raise ValueError(f"keep_days: 1 to {MOST_KEEP_DAYS}, or none")
        self._change_station(keep_days=days)

    def _change_station(self, **columns: Any) -> None:
        with self._writing() as connection:
            if not _station(connection):
                _new_station(connection)
            if columns:
                connection.execute(sa.update(station_table).values(**columns))
                next_change(connection)


class Log(Connected):
    """What was done, and by whom as far as that may be told."""

    def log_entries(self, limit: int = 50) -> list[Entry]:
        """What was done, newest first; the 500 newest are kept."""
        column = log_table.c
        wanted = sa.select(column.at, column.dated, column.what, column.who)
        with self._reading() as connection:
            rows = connection.execute(wanted.order_by(column.id.desc()).limit(limit))
            return [Entry(*row) for row in rows]


class SignOfLife(Connected):
    """When the device was last seen, and with which camera."""

    def beat(self, camera: str, fps: float | None, problem: str | None, simulated: bool) -> None:
        """The device lives, and sees through this camera; to be called once a second."""
        now = {
            "seen_ns": time.monotonic_ns(),
            "seen_at": stamps.utc_now(),
            "boot_id": stamps.boot_id(),
            "camera": camera,
            "fps": fps,
            "problem": problem,
            "simulated": simulated,
        }
        with self._writing() as connection:
            done = connection.execute(
                sa.update(device_table).where(device_table.c.id == 1).values(**now)
            )
            if not done.rowcount:
                connection.execute(sa.insert(device_table).values(id=1, **now))

    def device(self) -> Device | None:
        """When and how the device was last seen; None before its first time."""
        wanted = sa.select(*(column for column in device_table.c if column.name != "id"))
        with self._reading() as connection:
            row = connection.execute(wanted).first()
        return Device(**row._mapping) if row else None


def _station(connection: Connection) -> Station | None:
    wanted = sa.select(*(column for column in station_table.c if column.name != "id"))
    row = connection.execute(wanted).first()
    return Station(**row._mapping) if row else None


def _new_station(connection: Connection) -> Station:
    made = Station(signing_key=secrets.token_hex(32), pin="", pin_hash="")
    connection.execute(sa.insert(station_table).values(id=1, **asdict(made)))
    return made


def mark_unpacked(connection: Connection) -> None:
    """From now on the file holds what was deleted, until it is packed."""
    if not _station(connection):
        _new_station(connection)
    connection.execute(sa.update(station_table).values(unpacked=True))


def kept_days(connection: Connection) -> int | None:
    """After how many days what is stored is forgotten; None for never."""
    row = connection.execute(sa.select(station_table.c.keep_days)).first()
    return row.keep_days if row else KEEP_DAYS


def write_log(connection: Connection, what: str, who: str = "") -> None:
    """Write down that something of LOGGED happened, now; the oldest line goes.

    who : what is known of who did it, such as the first signs of a phone's id; at most 40
    characters, and never an athlete's name.
    """
    column = log_table.c
    row = {"at": stamps.utc_now(), "dated": bool(clock.source()), "what": what, "who": who}
    made = connection.execute(sa.insert(log_table).values(**row).returning(column.id))
    connection.execute(sa.delete(log_table).where(column.id <= made.scalar_one() - LOG_LENGTH))
