"""What has changed: every change has a number, so that pages need only ask for what is new."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi.store.connection import Connected
from pi.store.records import Change
from pi.tables import change_table, rep_table


class Changes(Connected):
    """News of reps, and whether there is any."""

    def changes_since(self, changed: int) -> list[Change]:
        """Reps that changed after that change, deleted ones too, in the order of their changes."""
        column = rep_table.c
        wanted = sa.select(column.changed, column.id, column.state)
        with self._reading() as connection:
            rows = connection.execute(
                wanted.where(column.changed > changed).order_by(column.changed)
            )
            return [Change(*row) for row in rows]

    def latest_change(self) -> int:
        """The number of the newest change of any rep; 0 before the first."""
        with self._reading() as connection:
            return connection.scalar(sa.select(change_table.c.newest)) or 0

    @contextmanager
    def listen(self) -> Iterator[Callable[[], bool]]:
        """A function that says, cheaply, whether anything was written since it was last asked.

        Its first answer is True. What this very connection wrote does not count; it writes nothing.
        """
        sqlite = self._engine.dialect.name == "sqlite"
        with self._engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            seen: int | None = None

            def news() -> bool:
                nonlocal seen
                before = seen
                if sqlite:
                    seen = raw.execute("PRAGMA data_version").fetchone()[0]
                else:
                    seen = self.latest_change()
                return seen != before

            yield news


def next_change(connection: Connection) -> int:
    """The number of the change that this transaction is."""
    newest = change_table.c.newest
    connection.execute(sa.update(change_table).values(newest=newest + 1))
    return connection.execute(sa.select(newest)).scalar_one()
