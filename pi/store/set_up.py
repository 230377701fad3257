"""The Set-up page's questions for the device's camera, and the answers; ten minutes each."""

import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi.store import stamps
from pi.store.changes import next_change
from pi.store.connection import Connected
from pi.store.records import SetUp
from pi.store.reps import STALE_NS
from pi.store.rows import active_rep
from pi.tables import set_up_table

# A picture of the track, perhaps of people, that was asked for to set up: no longer than so.
PICTURE_KEPT_NS = 600_000_000_000

SET_UP_KINDS = (
    "still",
    "refine",
    "tags",
    "try",
    "keep",
    "check",
    "lens",
    "feet",
    "led",
    "sound",
    "parts",
    "play",
)


class SetUps(Connected):
    """Jobs from the page to the device."""

    def ask_set_up(self, kind: str, asked: Mapping[str, Any] | None = None) -> SetUp:
        """A new job for the device. While a rep has not ended it has failed from the start."""
        if kind not in SET_UP_KINDS:
            raise ValueError(f"kind: one of {', '.join(SET_UP_KINDS)}, not {kind!r}")
        with self._writing() as connection:
            _clear_set_ups(connection)
            busy = active_rep(connection) is not None
            made = connection.execute(
                sa.insert(set_up_table)
                .returning(*set_up_table.c)
                .values(
                    kind=kind,
                    asked=dict(asked or {}),
                    state="failed" if busy else "asked",
                    reason="a rep is under way; set up when it has ended" if busy else None,
                    asked_ns=time.monotonic_ns(),
                    boot_id=stamps.boot_id(),
                )
            ).one()
            next_change(connection)
            return SetUp(**made._mapping)

    def set_up(self, set_up_id: int) -> SetUp | None:
        """That job, or None when there is none or its ten minutes are over."""
        wanted = sa.select(set_up_table).where(set_up_table.c.id == set_up_id, ~_is_old())
        with self._reading() as connection:
            row = connection.execute(wanted).first()
        return SetUp(**row._mapping) if row else None

    def next_set_up(self) -> SetUp | None:
        """The oldest job that waits for the device. Those that waited too long fail by this."""
        column = set_up_table.c
        wanted = sa.select(set_up_table).where(column.state == "asked").order_by(column.id)
        with self._reading() as connection:
            waiting = [SetUp(**row._mapping) for row in connection.execute(wanted)]
        for job in waiting:
            if job.boot_id == stamps.boot_id() and time.monotonic_ns() - job.asked_ns < STALE_NS:
                return job
            self.fail_set_up(job.id, "the device was busy or not running; try again")
        return None

    def answer_set_up(
        self, set_up_id: int, answer: Mapping[str, Any], picture: bytes | None = None
    ) -> None:
        """The device's answer. A job that has ended already stays as it is."""
        self._end_set_up(set_up_id, state="done", answer=dict(answer), picture=picture)

    def fail_set_up(self, set_up_id: int, reason: str) -> None:
        """Why the device cannot answer."""
        self._end_set_up(set_up_id, state="failed", reason=reason)

    def clear_set_ups(self) -> None:
        """Forget jobs, and with them their pictures, that are older than ten minutes."""
        with self._reading() as connection:
            if not connection.scalar(sa.select(sa.func.count()).where(_is_old())):
                return
        with self._writing() as connection:
            _clear_set_ups(connection)

    def _end_set_up(self, set_up_id: int, **columns: Any) -> None:
        column = set_up_table.c
        with self._writing() as connection:
            connection.execute(
                sa.update(set_up_table)
                .where(column.id == set_up_id, column.state == "asked")
                .values(**columns)
            )
            next_change(connection)


def _is_old() -> sa.ColumnElement[bool]:
    """Of a set-up job: its time is over, or that of the boot it is of."""
    column = set_up_table.c
    before_ns = time.monotonic_ns() - PICTURE_KEPT_NS
    return sa.or_(column.asked_ns < before_ns, column.boot_id != stamps.boot_id())


def _clear_set_ups(connection: Connection) -> None:
    connection.execute(sa.delete(set_up_table).where(_is_old()))
