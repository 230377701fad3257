"""The database behind the store: opened, brought up to date, and written to by one at a time."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url


class Connected:
    """What every part of the store stands on: the engine, and a turn to write."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._held = threading.local()  # .connection: this thread's, of at_one_moment()

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Whatever this thread reads meanwhile is of the moment of its first look, in one reading.

        What others write meanwhile is not seen before look_again(); what this thread writes is, and
        what they wrote before that. Within another one it is that one.
        """
        if self._held_here() is not None:
            yield
            return
        with self._engine.connect() as connection:
            self._held.connection = connection
            try:
                yield
            finally:
                self._held.connection = None

    def look_again(self) -> None:
        """What this thread reads from now on is of another moment: for who waits for an answer."""
        if (held := self._held_here()) is not None:
            held.rollback()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if (held := self._held_here()) is not None:
            yield held
            return
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        connection = self._engine.connect().execution_options(writes=True)
        with connection, connection.begin():
            yield connection
        self.look_again()

    def _held_here(self) -> Connection | None:
        return getattr(self._held, "connection", None)


def open_engine(url: str) -> Engine:
    """The database at an SQLAlchemy URL, made or brought up to date first.

    Raises ValueError when it cannot be used.
    """
    try:
        place = make_url(url)
    except sa.exc.ArgumentError:
        raise ValueError(f"store.url: {url!r} is not a database's URL") from None
    sqlite = place.get_backend_name() == "sqlite"
    if sqlite and place.database and place.database != ":memory:":
        Path(place.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        place,
        # A null that was not measured, never a NaN that no browser reads.
        json_serializer=partial(json.dumps, allow_nan=False),
        max_overflow=-1,  # a hundred phones must not wait for a connection
    )
    if sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    with ExitStack() as unless_ready:
        unless_ready.callback(engine.dispose)
        _migrate(engine)
        unless_ready.pop_all()
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in (
        "busy_timeout=5000",
        "journal_mode=WAL",
        "synchronous=FULL",  # a rep survives the battery being pulled
        "foreign_keys=ON",
        "secure_delete=ON",  # what is forgotten is overwritten
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its turn at the beginning: a reader that turns writer cannot wait for one.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(engine: Engine) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # each start is no news
    from alembic import command  # slow to import, and wanted only here
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    scripts = str(Path(__file__).parent.parent / "migrations")
    config.set_main_option("script_location", scripts.replace("%", "%%"))
    try:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as problem:
        raise ValueError(f"{engine.url}: written by a newer trackstart ({problem})") from None
    except sa.exc.DatabaseError as problem:
        raise ValueError(f"{engine.url}: {problem.orig}") from None
