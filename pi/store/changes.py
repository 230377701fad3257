"""What has changed: every change has a number, so that pages need only ask for what is new."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi.store.connection import Connected
from pi.store.records import Rep
from pi.store.rows import as_rep
from pi.tables import change_table, rep_table


class Changes(Connected):
    """News of reps, and whether there is any."""

    def changes_since(self, changed: int) -> list[Rep]:
        """Reps that changed after that change, deleted ones too, in the order of their changes."""
        column = rep_table.c.changed
        wanted = sa.select(rep_table).where(column > changed).order_by(column)
        with self._engine.connect() as connection:
            return [as_rep(row) for row in connection.execute(wanted)]

    def latest_change(self) -> int:
        """The number of the newest change of any rep; 0 before the first."""
        with self._engine.connect() as connection:
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
