"""Planned sessions begun, ended and resumed, and the circuits of one's own."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from pi import clock
from pi.games import MOST_LANES
from pi.store import stamps
from pi.store.changes import next_change
from pi.store.connection import Connected
from pi.store.records import Busy, Session
from pi.store.rows import running_session
from pi.store.turns import first_round, new_turn
from pi.tables import circuit_table, session_table, turn_table


class Sessions(Connected):
    """Sessions with their circuits."""

    def begin_session(
        self,
        circuit: Mapping[str, Any],
        turns: Sequence[tuple[int | None, str, str]],
        name: str = "",
    ) -> Session:
        """A new session with its turns in their order: athlete, posture, leg that leads.

        circuit : key, name, starts, distance_m, walk_back_s; feel, cues, drill: what its reps'
        hold is, as in request_rep(); lanes: how many start at once, 1 to 4; and stations, as
        `drills.stations` makes them: their first round begins now.   An athlete None is a runner
        alone who gave no name.   Raises Busy while another runs, ValueError without a
        turn.
        """
        if not turns:
            raise ValueError("a session needs somebody and a start")
        if circuit.get("lanes", 1) not in range(1, MOST_LANES + 1):
            raise ValueError(f"lanes: 1 to {MOST_LANES}")
        if stations := circuit.get("stations"):
            circuit = dict(circuit) | {"stations": dict(stations) | first_round()}
        now = stamps.utc_now()
        with self._writing() as connection:
            if running_session(connection):
                raise Busy("a session runs already; end it first")
            made = sa.insert(session_table).values(
                name=name or circuit["name"],
                started_at=now,
                circuit=dict(circuit),
                dated=bool(clock.source()),
            )
            session = connection.execute(made.returning(session_table.c.id)).scalar_one()
            connection.execute(
                sa.insert(turn_table),
                [new_turn(session, place, *turn) for place, turn in enumerate(turns)],
            )
            next_change(connection)
            row = connection.execute(
                sa.select(session_table).where(session_table.c.id == session)
            ).one()
        return Session(**row._mapping)

    def running_session(self) -> Session | None:
        """The planned session that has not ended."""
        with self._reading() as connection:
            return running_session(connection)

    def session(self, session_id: int) -> Session | None:
        """That planned session."""
        column = session_table.c
        wanted = sa.select(session_table).where(
            column.id == session_id, column.circuit.is_not(None)
        )
        with self._reading() as connection:
            row = connection.execute(wanted).first()
        return Session(**row._mapping) if row else None

    def sessions(self, limit: int = 50) -> list[Session]:
        """Planned sessions, ended or not, newest first."""
        column = session_table.c
        wanted = sa.select(session_table).where(column.circuit.is_not(None))
        with self._reading() as connection:
            rows = connection.execute(wanted.order_by(column.id.desc()).limit(limit))
            return [Session(**row._mapping) for row in rows]

    def latest_session(self) -> Session | None:
        """The newest planned session."""
        return next(iter(self.sessions(1)), None)

    def change_circuit(self, session_id: int, **changes: Any) -> None:
        """Put something else into a session's own circuit, such as ranking=True."""
        with self._writing() as connection:
            column = session_table.c
            wanted = sa.select(column.circuit).where(column.id == session_id)
            circuit = connection.scalar(wanted)
            if circuit is None:
                raise ValueError(f"there is no session {session_id}")
            connection.execute(
                sa.update(session_table)
                .where(column.id == session_id)
                .values(circuit=dict(circuit) | changes)
            )
            next_change(connection)

    def end_session(self, session_id: int) -> None:
        """No more turns of it; resume_session() takes it back."""
        self._change_session(session_id, ended_at=stamps.utc_now())

    def resume_session(self, session_id: int) -> None:
        """Go on with one that was ended. Raises Busy while another runs."""
        self._change_session(session_id, ended_at=None)

    def _change_session(self, session_id: int, ended_at: str | None) -> None:
        with self._writing() as connection:
            running = running_session(connection)
            if ended_at is None and running and running.id != session_id:
                raise Busy("another session runs; end it first")
            connection.execute(
                sa.update(session_table)
                .where(session_table.c.id == session_id, session_table.c.circuit.is_not(None))
                .values(ended_at=ended_at)
            )
            next_change(connection)

    # Circuits of one's own

    def save_circuit(self, data: Mapping[str, Any]) -> str:
        """Keep a circuit of one's own; its key."""
        with self._writing() as connection:
            made = sa.insert(circuit_table).values(data=dict(data)).returning(circuit_table.c.id)
            return f"own-{connection.execute(made).scalar_one()}"

    def circuits(self) -> list[dict[str, Any]]:
        """One's own circuits, oldest first, each with its key."""
        column = circuit_table.c
        wanted = sa.select(column.id, column.data).where(column.deleted_at.is_(None))
        with self._reading() as connection:
            rows = connection.execute(wanted.order_by(column.id))
            return [row.data | {"key": f"own-{row.id}"} for row in rows]

    def delete_circuit(self, number: int, deleted: bool = True) -> None:
        """Hide a circuit of one's own, or bring it back."""
        column = circuit_table.c
        with self._writing() as connection:
            connection.execute(
                sa.update(circuit_table)
                .where(column.id == number)
                .values(deleted_at=stamps.utc_now() if deleted else None)
            )
