"""What the device and the pages share: the steps of a rep, and every query. No devices."""

import json
import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url

from pi import clock, starts
from pi.drills import LEAD_LEGS, POSTURES
from pi.games import MOST_PLAYERS, game_of
from pi.settings import hold_for
from pi.tables import (
    athlete_table,
    calibration_table,
    change_table,
    circuit_table,
    device_table,
    evidence_table,
    lens_table,
    log_table,
    note_table,
    rep_table,
    self_test_table,
    session_table,
    set_up_table,
    start_table,
    station_table,
    team_member_table,
    turn_table,
)

# A rep's steps. A state without steps is an ending.
STEPS: dict[str, tuple[str, ...]] = {
    "requested": ("settling", "aborted", "failed"),
    "settling": ("holding", "aborted", "failed"),
    "holding": ("running", "false_start", "aborted", "failed"),
    "running": ("analysing", "aborted", "failed"),
    "analysing": ("done", "false_start", "failed"),
    "done": (),
    "false_start": (),
    "aborted": (),
    "failed": (),
}
ACTIVE = tuple(state for state, steps in STEPS.items() if steps)
# A request that no device took for so long is not started any more: nobody expects it by then.
STALE_NS = 10_000_000_000
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
SELF_TESTS = ("led", "sound")
CALIBRATION_SOURCES = ("taps", "tags", "moved", "settings")

CLIP_KEPT_NS = 86_400_000_000_000  # a film of somebody: a day
MOST_LANES = 4
MOST_NOTES, NOTE_LENGTH = 6, 80
CONSENTS = ("", "yes", "no")  # "" is not known yet
KEEP_DAYS = 120  # a term
MOST_KEEP_DAYS = 3660
SCREENS = ("now", "board", "last", "join")
LOGGED = {
    "starter": "A phone took the starter's role.",
    "pin": "The coach's PIN was typed.",
    "forgotten": "Somebody was forgotten, with every start.",
    "retention": "What is older than may be kept was forgotten.",
}
"""What the log may say: never who was forgotten."""
LOG_LENGTH = 500


class Busy(Exception):
    """The station has a rep that has not ended yet."""


class NotAgreed(ValueError):
    """A clip was asked for of somebody who has not agreed to one."""


class WrongStep(ValueError):
    """A rep cannot go from its state to that one."""


@dataclass(frozen=True)
class Athlete:
    id: int
    name: str
    created_at: str
    deleted_at: str | None
    token: str  # of the own page: who has it sees that page
    dated: bool  # whether created_at is a date: the time was known
    consent: str  # one of CONSENTS


@dataclass(frozen=True)
class Session:
    """A planned session: who starts how, in which order."""

    id: int
    name: str
    started_at: str
    circuit: dict[str, Any]  # as begin_session() was given it
    ended_at: str | None


@dataclass(frozen=True)
class Turn:
    """One planned start."""

    id: int
    session_id: int
    place: int
    athlete_id: int | None  # none: a runner alone, who gave no name
    posture: str
    lead_leg: str
    state: str  # waiting | up (its rep runs) | done | skipped | away
    rep_id: int | None
    felt: str  # quicker | same | slower than the one before; "" for not asked


@dataclass(frozen=True)
class Rep:
    """One start, as its row stood when it was read."""

    id: int
    key: str
    session_id: int
    athlete_id: int | None
    state: str
    active: int | None
    reason: str | None
    status: str | None  # how it ended, in a word: the result's status, else the last state
    posture: str
    lead_leg: str
    drill: dict[str, Any]
    settings: dict[str, Any] | None
    requested_at: str  # UTC, a label: a Pi at the track may not know the time
    dated: bool  # whether it did
    boot_id: str  # the boot whose monotonic clock the stamps are of
    requested_ns: int
    settled_ns: int | None
    set_ns: int | None
    go_before_ns: int | None
    go_after_ns: int | None
    hold_s: float | None
    ended_ns: int | None
    stop_asked: bool
    go_asked: bool
    result: dict[str, Any] | None
    reaction_s: float | None  # of the result
    reaction_u: float | None
    deleted_at: str | None
    changed: int


@dataclass(frozen=True)
class Start:
    """One athlete's part of a rep with lanes."""

    rep_id: int
    lane: int  # from 0
    athlete_id: int | None
    own: bool  # whether the rep's own numbers are his
    session_id: int
    posture: str
    lead_leg: str
    status: str | None  # of his part of the result; None until the rep has ended
    reaction_s: float | None  # where the rep counts
    reaction_u: float | None
    deleted_at: str | None  # of the rep


class Reaction(NamedTuple):
    """A measured reaction, neither early nor false."""

    rep_id: int
    athlete_id: int
    session_id: int
    posture: str
    value: float  # s
    u: float


@dataclass(frozen=True)
class Evidence:
    rep_id: int
    kind: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Device:
    """The device's last sign of life."""

    seen_ns: int
    seen_at: str
    boot_id: str
    camera: str
    fps: float | None
    problem: str | None
    simulated: bool

    def alive(self, now_ns: int) -> bool:
        """Whether it was seen in the last 3 s, and since this machine booted."""
        return self.boot_id == boot_id() and now_ns - self.seen_ns < 3_000_000_000


@dataclass(frozen=True)
class SetUp:
    """A job that the Set-up page has for the device's camera, and the answer to it."""

    id: int
    kind: str  # one of SET_UP_KINDS
    asked: dict[str, Any]
    state: str  # asked | done | failed
    reason: str | None  # why it failed
    answer: dict[str, Any] | None
    picture: bytes | None  # JPEG or PNG; for ten minutes
    asked_ns: int
    boot_id: str


@dataclass(frozen=True)
class Station:
    """Whose timer this is."""

    signing_key: str
    pin: str | None  # to be shown, until it is used for the first time; then nobody can read it
    pin_hash: str
    keep_days: int | None = KEEP_DAYS  # None: whatever is stored stays until somebody forgets it
    starter: str | None = None  # the phone that has the starter's role
    screen: str = "now"  # one of SCREENS: what the big screen shows
    language: str = ""  # of the pages; "" for each browser's own

    @property
    def claimed(self) -> bool:
        """Whether a coach has taken it over: from then on it is no toy for everybody."""
        return self.pin is None


class Entry(NamedTuple):
    """One line of the log."""

    at: str
    dated: bool
    what: str  # a key of LOGGED
    who: str  # as far as it is known: no athlete's name


@dataclass(frozen=True)
class SelfTest:
    """What the timer found out about itself: of its camera's clock (led), of its buzzer (sound)."""

    kind: str
    camera: str
    mode: str
    made_at: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Calibration:
    """Where the running line lies in the pictures of one camera and mode."""

    id: int
    created_at: str
    source: str  # one of CALIBRATION_SOURCES
    camera: str
    mode: str  # such as 1280x720@120
    data: dict[str, Any]  # cones, lens, roll_deg, depth_m, lanes
    still: bytes | None  # a grey PNG of what the camera saw, to tell whether it was moved since
    deleted_at: str | None


def boot_id() -> str:
    """This boot's name, the same in every process: a monotonic stamp means nothing in another."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def utc_now() -> str:
    return utc(datetime.now(UTC))


def utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def open_store(url: str) -> "Store":
    """The store at an SQLAlchemy URL, made or brought up to date first.

    Open it after forking, never before. Raises ValueError when it cannot be used.
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
    try:
        _migrate(engine)
    except Exception:
        engine.dispose()
        raise
    return Store(engine)


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
    scripts = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", scripts.replace("%", "%%"))
    try:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as problem:
        raise ValueError(f"{engine.url}: written by a newer trackstart ({problem})") from None
    except sa.exc.DatabaseError as problem:
        raise ValueError(f"{engine.url}: {problem.orig}") from None


class Store:
    """The two processes' common ground; every method is one transaction. Any thread may call."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()

    # Reps: asking for one

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

        drill : overrides of the settings' [hold] for this rep, such as {"kind": "fixed"}; a game,
        as in `games.game_of`; and "players": athletes or None, lane by lane, where several start.
        The rep is the first one's. Raises Busy while another rep has not ended.
        """
        if posture not in POSTURES:
            raise ValueError(f"posture: one of {', '.join(POSTURES)}, not {posture!r}")
        if lead_leg not in LEAD_LEGS:
            raise ValueError(f"lead_leg: one of {', '.join(LEAD_LEGS)}, not {lead_leg!r}")
        if not key or len(key) > 80:
            raise ValueError("key: 1 to 80 characters that name this request")
        hold_for(drill or {})
        game_of(drill or {})
        with self._writing() as connection:
            return _request(connection, key, athlete_id, posture, lead_leg, dict(drill or {}))

    def request_turn(self, key: str, *, clip: bool = False) -> Rep:
        """A new rep for whoever is up next, or the one that was asked for with this key.

        Where the session has lanes, with him those who wait for the same posture: one in each.
        clip : keep a film of it for a day, where everybody in it has agreed (else NotAgreed).
        Raises Busy while another rep has not ended, WrongStep when nobody is left.
        """
        if not key or len(key) > 80:
            raise ValueError("key: 1 to 80 characters that name this request")
        column = turn_table.c
        with self._writing() as connection:
            known = connection.execute(sa.select(rep_table).where(rep_table.c.key == key)).first()
            if known:
                return _rep(known)
            session = _running_session(connection)
            turns = _turns(connection, session.id) if session else []
            lanes = session.circuit.get("lanes") or 1 if session else 1
            up = next_turns(turns, lanes)
            if session is None or not up:
                raise WrongStep("nobody is left in this session")
            drill = dict(session.circuit.get("drill") or {})
            if lanes > 1:
                drill["players"] = [turn.athlete_id for turn in up]
            if clip:
                drill["clip"] = True
            first = up[0]
            rep = _request(connection, key, first.athlete_id, first.posture, first.lead_leg, drill)
            for lane, turn in enumerate(up):
                connection.execute(
                    sa.update(turn_table)
                    .where(column.id == turn.id)
                    .values(state="up", rep_id=rep.id)
                )
                connection.execute(
                    sa.update(start_table)
                    .where(start_table.c.rep_id == rep.id, start_table.c.lane == lane)
                    .values(lead_leg=turn.lead_leg)
                )
            return rep

    def ask_stop(self, rep_id: int) -> Rep:
        """Ask the device to end the rep. One that it has not taken yet ends at once."""
        with self._writing() as connection:
            rep = _rep_by_id(connection, rep_id)
            if rep.state == "requested":
                return _change(connection, rep, state="aborted", reason="stopped", stop_asked=True)
            if not rep.active or rep.stop_asked:
                return rep
            return _change(connection, rep, stop_asked=True)

    def ask_go(self, rep_id: int) -> Rep:
        """The coach says GO. Only a holding rep takes it: an early press must not be a surprise."""
        with self._writing() as connection:
            rep = _rep_by_id(connection, rep_id)
            if rep.state != "holding":
                raise WrongStep(f"rep {rep_id} is {rep.state}; GO can be given while it is holding")
            return rep if rep.go_asked else _change(connection, rep, go_asked=True)

    # Reps: the device's side

    def change_rep(self, rep_id: int, **columns: Any) -> Rep:
        """Write columns of a rep; a new state must be one of its STEPS, else WrongStep."""
        with self._writing() as connection:
            rep = _rep_by_id(connection, rep_id)
            if columns.get("athlete_id") is not None and rep.drill.get("players"):
                column = start_table.c  # a number was called: the rep is about whose it is
                own = column.athlete_id == columns["athlete_id"]
                connection.execute(
                    sa.update(start_table).where(column.rep_id == rep_id).values(own=own)
                )
            return _change(connection, rep, **columns)

    def date_reps(self) -> int:
        """Date the reps of this boot that were run before the time was known; how many.

        To be called while it is known. Those of an earlier boot stay without a date.
        """
        column = rep_table.c
        wanted = sa.select(rep_table).where(~column.dated, column.boot_id == boot_id())
        if not self._reps(wanted):
            return 0
        with self._writing() as connection:
            reps = [_rep(row) for row in connection.execute(wanted)]
            for rep in reps:
                ago_s = (time.monotonic_ns() - rep.requested_ns) * 1e-9
                at = utc(datetime.now(UTC) - timedelta(seconds=ago_s))
                _change(connection, rep, requested_at=at, dated=True)
        return len(reps)

    def recover(self) -> list[Rep]:
        """Ends what a device that died has left; to be called when a device begins."""
        with self._writing() as connection:
            rep = _active(connection)
            if rep is None:
                return []
            if rep.state != "requested":
                reason = "the device was interrupted during this rep; start again"
            elif rep.boot_id != boot_id() or time.monotonic_ns() - rep.requested_ns > STALE_NS:
                reason = "the device was not running; start again"
            else:
                return []
            return [_change(connection, rep, state="failed", reason=reason)]

    # Reps: looking

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

        athlete_id : his, of which each that had lanes comes as if he had been alone in it: with
        his own status, numbers and result.
        """
        column = rep_table.c
        wanted = sa.select(rep_table).where(column.deleted_at.is_(None))
        filters = {"posture": posture, "session_id": session_id}
        if athlete_id is None:
            filters["status"] = status
        else:
            wanted = wanted.where(column.id.in_(_reps_of(athlete_id, status)))
        for name, value in filters.items():
            if value is not None:
                wanted = wanted.where(column[name] == value)
        if before is not None:
            wanted = wanted.where(column.id < before)
        wanted = wanted.order_by(column.id.desc()).limit(limit)
        if athlete_id is None:
            return self._reps(wanted)
        with self._engine.connect() as connection:
            each = _each_start(connection, [_rep(row) for row in connection.execute(wanted)])
        return [rep for rep in each if rep.athlete_id == athlete_id]

    def starts(self, session_id: int, limit: int = 2000, *, results: bool = True) -> list[Rep]:
        """A session's reps that are not deleted, newest first, and of lanes one for each athlete.

        Each is as if its athlete had been alone in it, as in reps(athlete_id=…).   results : False
        leaves out what was measured but the reaction, which a board has no use for.
        """
        column = rep_table.c
        nothing: Any = [sa.null().label(name) for name in ("result", "settings")]
        short = [each for each in column if each.name not in ("result", "settings")] + nothing
        wanted = sa.select(*(column if results else short)).where(
            column.deleted_at.is_(None), column.session_id == session_id
        )
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(column.id.desc()).limit(limit))
            return _each_start(connection, [_rep(row) for row in rows])

    def starts_of(self, reps: Sequence[int]) -> dict[int, list[Start]]:
        """Who started in which lane, by rep; nothing of reps without lanes."""
        with self._engine.connect() as connection:
            return _starts(connection, reps)

    def reactions(
        self, athletes: Sequence[int], *, newest: int, but: int | None = None
    ) -> list[Reaction]:
        """Measured reactions, newest first, without what else is known of their reps.

        newest : at most so many of each athlete and posture.   but : a session that is left out.
        """
        rep, start = rep_table.c, start_table.c
        alone = sa.select(
            rep.id.label("rep_id"), rep.athlete_id, rep.session_id, rep.posture,
            rep.reaction_s, rep.reaction_u,
        ).where(
            rep.athlete_id.in_(athletes), rep.status == "measured",
            rep.deleted_at.is_(None), rep.reaction_s.is_not(None), rep.session_id != (but or 0),
        )  # fmt: skip
        beside = sa.select(
            start.rep_id, start.athlete_id, start.session_id, start.posture,
            start.reaction_s, start.reaction_u,
        ).where(
            start.athlete_id.in_(athletes), start.own.is_(False), start.status == "measured",
            start.deleted_at.is_(None), start.reaction_s.is_not(None),
            start.session_id != (but or 0),
        )  # fmt: skip
        column = sa.union_all(alone, beside).subquery().c
        rank = sa.func.row_number().over(
            partition_by=(column.athlete_id, column.posture), order_by=column.rep_id.desc()
        )
        u = sa.func.coalesce(column.reaction_u, 0.0)
        ranked = sa.select(*list(column)[:-1], u.label("u"), rank.label("rank")).subquery()
        wanted = sa.select(*list(ranked.c)[:-1]).where(ranked.c.rank <= newest)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(ranked.c.rep_id.desc()))
            return [Reaction(*row) for row in rows]

    def changes_since(self, changed: int) -> list[Rep]:
        """Reps that changed after that change, deleted ones too, in the order of their changes."""
        column = rep_table.c.changed
        return self._reps(sa.select(rep_table).where(column > changed).order_by(column))

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

    # Reps: away and back

    def delete_rep(self, rep_id: int) -> Rep:
        """Hide a rep that has ended; restore_rep() brings it back."""
        with self._writing() as connection:
            rep = _rep_by_id(connection, rep_id)
            if rep.active:
                raise Busy(f"rep {rep_id} is {rep.state}; stop it first")
            return rep if rep.deleted_at else _change(connection, rep, deleted_at=utc_now())

    def restore_rep(self, rep_id: int) -> Rep:
        with self._writing() as connection:
            rep = _rep_by_id(connection, rep_id)
            return _change(connection, rep, deleted_at=None) if rep.deleted_at else rep

    # Sessions

    def begin_session(
        self,
        circuit: Mapping[str, Any],
        turns: Sequence[tuple[int | None, str, str]],
        name: str = "",
    ) -> Session:
        """A new session with its turns in their order: athlete, posture, leg that leads.

        circuit : key, name, starts, distance_m, walk_back_s; feel, cues, drill: what its reps'
        hold is, as in request_rep(); and lanes: how many start at once, 1 to 4.   An athlete None
        is a runner alone who gave no name.   Raises Busy while another runs, ValueError without a
        turn.
        """
        if not turns:
            raise ValueError("a session needs somebody and a start")
        if circuit.get("lanes", 1) not in range(1, MOST_LANES + 1):
            raise ValueError(f"lanes: 1 to {MOST_LANES}")
        now = utc_now()
        with self._writing() as connection:
            if _running_session(connection):
                raise Busy("a session runs already; end it first")
            made = sa.insert(session_table).values(
                name=name or circuit["name"], started_at=now, circuit=dict(circuit)
            )
            session = connection.execute(made.returning(session_table.c.id)).scalar_one()
            connection.execute(
                sa.insert(turn_table),
                [_new_turn(session, place, *turn) for place, turn in enumerate(turns)],
            )
            _next_change(connection)
            row = connection.execute(
                sa.select(session_table).where(session_table.c.id == session)
            ).one()
        return Session(**row._mapping)

    def save_circuit(self, data: Mapping[str, Any]) -> str:
        """Keep a circuit of one's own; its key."""
        with self._writing() as connection:
            made = sa.insert(circuit_table).values(data=dict(data)).returning(circuit_table.c.id)
            return f"own-{connection.execute(made).scalar_one()}"

    def circuits(self) -> list[dict[str, Any]]:
        """One's own circuits, oldest first, each with its key."""
        column = circuit_table.c
        wanted = sa.select(column.id, column.data).where(column.deleted_at.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(column.id))
            return [row.data | {"key": f"own-{row.id}"} for row in rows]

    def delete_circuit(self, number: int, deleted: bool = True) -> None:
        """Hide a circuit of one's own, or bring it back."""
        column = circuit_table.c
        with self._writing() as connection:
            connection.execute(
                sa.update(circuit_table)
                .where(column.id == number)
                .values(deleted_at=utc_now() if deleted else None)
            )

    def running_session(self) -> Session | None:
        """The planned session that has not ended."""
        with self._engine.connect() as connection:
            return _running_session(connection)

    def session(self, session_id: int) -> Session | None:
        """That planned session."""
        column = session_table.c
        wanted = sa.select(session_table).where(
            column.id == session_id, column.circuit.is_not(None)
        )
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return Session(**row._mapping) if row else None

    def sessions(self, limit: int = 50) -> list[Session]:
        """Planned sessions, ended or not, newest first."""
        column = session_table.c
        wanted = sa.select(session_table).where(column.circuit.is_not(None))
        with self._engine.connect() as connection:
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
            _next_change(connection)

    def end_session(self, session_id: int) -> None:
        """No more turns of it; resume_session() takes it back."""
        self._change_session(session_id, ended_at=utc_now())

    def resume_session(self, session_id: int) -> None:
        """Go on with one that was ended. Raises Busy while another runs."""
        self._change_session(session_id, ended_at=None)

    def _change_session(self, session_id: int, ended_at: str | None) -> None:
        with self._writing() as connection:
            running = _running_session(connection)
            if ended_at is None and running and running.id != session_id:
                raise Busy("another session runs; end it first")
            connection.execute(
                sa.update(session_table)
                .where(session_table.c.id == session_id, session_table.c.circuit.is_not(None))
                .values(ended_at=ended_at)
            )
            _next_change(connection)

    def turns(self, session_id: int) -> list[Turn]:
        """Every planned start of a session, in its order."""
        with self._engine.connect() as connection:
            return _turns(connection, session_id)

    def turn_of(self, rep_id: int) -> Turn | None:
        """The planned start that a rep was, the first of those in lanes; None without a plan."""
        return next(iter(self.turns_of(rep_id)), None)

    def turns_of(self, rep_id: int) -> list[Turn]:
        """The planned starts that a rep was, in the plan's order: of lanes one for each."""
        column = turn_table.c
        wanted = sa.select(turn_table).where(column.rep_id == rep_id)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(column.place, column.id))
            return [Turn(**row._mapping) for row in rows]

    def change_turn(self, turn_id: int, state: str) -> Turn:
        """Skip a turn that waits, or let a skipped one wait again (waiting | skipped)."""
        if state not in ("waiting", "skipped"):
            raise ValueError(f"state: waiting or skipped, not {state!r}")
        with self._writing() as connection:
            turn = _turn(connection, turn_id)
            if turn.state in ("up", "done"):
                raise WrongStep("that start has been made")
            return _change_turn(connection, turn_id, state=state)

    def first_turn(self, turn_id: int) -> Turn:
        """Bring a waiting turn to the front: he is up next."""
        with self._writing() as connection:
            turn = _turn(connection, turn_id)
            if turn.state != "waiting":
                raise WrongStep("that start does not wait")
            order = [each for each in _turns(connection, turn.session_id) if each.id != turn_id]
            at = next(k for k, each in enumerate(order + [turn]) if each.state == "waiting")
            _reorder(connection, [*order[:at], turn, *order[at:]])
            _next_change(connection)
            return _turn(connection, turn_id)

    def repeat_turn(self, turn_id: int) -> Turn:
        """The same start once more, for the same athlete, as the next one."""
        with self._writing() as connection:
            turn = _turn(connection, turn_id)
            order = _turns(connection, turn.session_id)
            new = _new_turn(
                turn.session_id, len(order), turn.athlete_id, turn.posture, turn.lead_leg
            )
            made = connection.execute(
                sa.insert(turn_table).values(**new).returning(turn_table.c.id)
            )
            added = _turn(connection, made.scalar_one())
            at = next((k for k, each in enumerate(order) if each.state == "waiting"), len(order))
            _reorder(connection, [*order[:at], added, *order[at:]])
            _next_change(connection)
            return _turn(connection, added.id)

    def set_away(self, session_id: int, athlete_id: int, away: bool) -> None:
        """Leave out an athlete who is not there; whoever comes back waits again where he was."""
        column = turn_table.c
        before, after = ("waiting", "away") if away else ("away", "waiting")
        with self._writing() as connection:
            connection.execute(
                sa.update(turn_table)
                .where(
                    column.session_id == session_id,
                    column.athlete_id == athlete_id,
                    column.state == before,
                )
                .values(state=after)
            )
            _next_change(connection)

    def join_session(self, session_id: int, places: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
        """Put the turns of a late-comer in.

        places : as `sessions.joined` gives them, counted among the turns that wait.
        """
        with self._writing() as connection:
            order = _turns(connection, session_id)
            waiting = [k for k, each in enumerate(order) if each.state == "waiting"]
            ends = [*waiting, len(order)]
            for at, turn in reversed(places):
                new = _new_turn(session_id, len(order), *turn)
                made = connection.execute(
                    sa.insert(turn_table).values(**new).returning(turn_table.c.id)
                )
                order.insert(ends[at], _turn(connection, made.scalar_one()))
            _reorder(connection, order)
            _next_change(connection)

    def save_felt(self, turn_id: int, felt: str) -> Turn:
        """What the athlete felt, before the number was shown: quicker, same, slower."""
        if felt not in ("quicker", "same", "slower", ""):
            raise ValueError("felt: quicker, same or slower")
        with self._writing() as connection:
            return _change_turn(connection, turn_id, felt=felt)

    def give_rep(self, rep_id: int, athlete_id: int | None) -> Rep:
        """Whose rep it was, said afterwards; its turn goes with it. Of lanes: whose own it was."""
        with self._writing() as connection:
            _check_athletes(connection, [athlete_id])
            rep = _rep_by_id(connection, rep_id)
            for start in _starts(connection, [rep_id]).get(rep_id, []):
                if start.own:
                    return _give_start(connection, rep, start.lane, athlete_id)
            connection.execute(
                sa.update(turn_table)
                .where(turn_table.c.rep_id == rep_id)
                .values(athlete_id=athlete_id)
            )
            return _change(connection, rep, athlete_id=athlete_id)

    def give_start(self, rep_id: int, lane: int, athlete_id: int | None) -> Rep:
        """Who ran in a lane of a rep, said afterwards, the first lane being 0.

        Whoever was said to be in that lane takes the other's, where the other was in one; else the
        turn goes with it. Raises ValueError for a lane that the rep did not have.
        """
        with self._writing() as connection:
            _check_athletes(connection, [athlete_id])
            return _give_start(connection, _rep_by_id(connection, rep_id), lane, athlete_id)

    # Teams

    def set_team(self, session_id: int, athlete_id: int, team: str | None) -> None:
        """Put an athlete in a team for that session; None takes him out of it."""
        self.set_teams(session_id, {athlete_id: team})

    def set_teams(self, session_id: int, teams: Mapping[int, str | None]) -> None:
        """As set_team(), for many at once; who is not named stays where he was.

        Raises ValueError for a session or an athlete that is not there, or a name that cannot be.
        """
        named = {who: " ".join(team.split()) for who, team in teams.items() if team is not None}
        if any(not 1 <= len(team) <= 40 for team in named.values()):
            raise ValueError("team: 1 to 40 characters")
        column = team_member_table.c
        with self._writing() as connection:
            _check_athletes(connection, list(named))
            known = sa.select(session_table.c.id).where(session_table.c.id == session_id)
            if connection.scalar(known) is None:
                raise ValueError(f"there is no session {session_id}")
            connection.execute(
                sa.delete(team_member_table).where(
                    column.session_id == session_id, column.athlete_id.in_(teams)
                )
            )
            rows = [
                {"session_id": session_id, "athlete_id": who, "team": team}
                for who, team in named.items()
            ]
            if rows:
                connection.execute(sa.insert(team_member_table), rows)
            _next_change(connection)

    def teams(self, session_id: int) -> dict[int, str]:
        """The team of each athlete who is in one."""
        column = team_member_table.c
        wanted = sa.select(column.athlete_id, column.team).where(column.session_id == session_id)
        with self._engine.connect() as connection:
            return {row.athlete_id: row.team for row in connection.execute(wanted)}

    # Notes

    def set_notes(self, rep_id: int, notes: Sequence[str]) -> Rep:
        """What a coach says of a rep, in place of what was said; each once, none to take all back.

        Raises ValueError for more than 6, or for one that has not 1 to 80 characters.
        """
        told = list(dict.fromkeys(" ".join(words.split()) for words in notes))
        if len(told) > MOST_NOTES:
            raise ValueError(f"notes: {MOST_NOTES} at most")
        if any(not 1 <= len(words) <= NOTE_LENGTH for words in told):
            raise ValueError(f"notes: 1 to {NOTE_LENGTH} characters each")
        with self._writing() as connection:
            rep = _rep_by_id(connection, rep_id)
            connection.execute(sa.delete(note_table).where(note_table.c.rep_id == rep_id))
            now = utc_now()
            rows = [{"rep_id": rep_id, "words": words, "created_at": now} for words in told]
            if rows:
                connection.execute(sa.insert(note_table), rows)
            return _change(connection, rep)

    def notes_of(self, reps: Sequence[int]) -> dict[int, list[str]]:
        """Each rep's notes as they were tapped; nothing of reps without one."""
        column = note_table.c
        wanted = sa.select(column.rep_id, column.words).where(column.rep_id.in_(reps))
        found: dict[int, list[str]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(wanted.order_by(column.rep_id, column.id)):
                found.setdefault(row.rep_id, []).append(row.words)
        return found

    # Evidence

    def save_evidence(self, rep_id: int, kind: str, media_type: str, data: bytes) -> None:
        """Keep what a rep was measured from; a second one of a kind replaces the first."""
        column = evidence_table.c
        with self._writing() as connection:
            _rep_by_id(connection, rep_id)
            connection.execute(
                sa.delete(evidence_table).where(column.rep_id == rep_id, column.kind == kind)
            )
            connection.execute(
                sa.insert(evidence_table).values(
                    rep_id=rep_id, kind=kind, media_type=media_type, data=data
                )
            )

    def evidence(self, rep_id: int, kind: str) -> Evidence | None:
        column = evidence_table.c
        wanted = sa.select(column.rep_id, column.kind, column.media_type, column.data)
        with self._engine.connect() as connection:
            row = connection.execute(
                wanted.where(column.rep_id == rep_id, column.kind == kind)
            ).first()
        return Evidence(**row._mapping) if row else None

    def evidence_kinds(self, rep_id: int) -> list[str]:
        """What there is of evidence for a rep, without reading it."""
        column = evidence_table.c
        wanted = sa.select(column.kind).where(column.rep_id == rep_id).order_by(column.kind)
        with self._engine.connect() as connection:
            return list(connection.scalars(wanted))

    def delete_evidence(self, rep_id: int, kind: str) -> None:
        """Forget what is kept of a rep under that kind, for good."""
        column = evidence_table.c
        with self._writing() as connection:
            connection.execute(
                sa.delete(evidence_table).where(column.rep_id == rep_id, column.kind == kind)
            )
            _change(connection, _rep_by_id(connection, rep_id))

    def clear_clips(self) -> int:
        """Forget films of reps that are a day old, or of an earlier boot; how many."""
        column, rep = evidence_table.c, rep_table.c
        before_ns = time.monotonic_ns() - CLIP_KEPT_NS
        old = sa.select(rep.id).where(
            sa.or_(rep.boot_id != boot_id(), rep.requested_ns < before_ns)
        )
        kept = sa.and_(column.kind == "clip", column.rep_id.in_(old))
        with self._engine.connect() as connection:
            if not connection.scalar(sa.select(sa.func.count()).where(kept)):
                return 0
        with self._writing() as connection:
            return connection.execute(sa.delete(evidence_table).where(kept)).rowcount

    # Athletes

    def add_athlete(self, name: str) -> Athlete:
        """A new athlete, or the one who already has that name."""
        name = " ".join(name.split())
        if not 1 <= len(name) <= 80:
            raise ValueError("name: 1 to 80 characters")
        column = athlete_table.c
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
                    created_at=utc_now(),
                    dated=bool(clock.source()),
                    token=secrets.token_urlsafe(16),
                )
            )
            return Athlete(**made.one()._mapping)

    def athletes(self) -> list[Athlete]:
        """Everybody, by name."""
        column = athlete_table.c
        wanted = sa.select(athlete_table).where(column.deleted_at.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(sa.func.lower(column.name), column.id))
            return [Athlete(**row._mapping) for row in rows]

    def athlete_by_token(self, token: str) -> Athlete | None:
        """Whose page that is; None for nobody's."""
        column = athlete_table.c
        wanted = sa.select(athlete_table).where(column.token == token, column.deleted_at.is_(None))
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return Athlete(**row._mapping) if row else None

    def set_consent(self, athlete_id: int, mark: str) -> None:
        """Whether the athlete, or who speaks for him, agrees: yes, no, or "" for not known."""
        if mark not in CONSENTS:
            raise ValueError('consent: "yes", "no" or ""')
        with self._writing() as connection:
            _check_athletes(connection, [athlete_id])
            connection.execute(
                sa.update(athlete_table)
                .where(athlete_table.c.id == athlete_id)
                .values(consent=mark)
            )
            _next_change(connection)

    def forget_athletes(self, athletes: Sequence[int]) -> int:
        """Take out everything about them, for good: names, reps, pictures; how many reps it was.

        Of a rep with lanes the others keep theirs, without the pictures and the notes.
        Nothing of it is left in the file: deleted pages are overwritten, and the file is packed.
        Raises Busy while a rep runs.
        """
        with self._writing() as connection:
            if _active(connection):  # packing keeps the file for itself, for seconds
                raise Busy("a rep has not ended yet; stop it first")
            count = _forget(connection, set(athletes))
            _log(connection, "forgotten")
        self._pack()
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
        days = self.keep_days()
        if days is None:
            return 0
        before = utc(now - timedelta(days=days))
        with self._engine.connect() as connection:
            if not any(_old(connection, before)):
                return 0
        with self._writing() as connection:
            if _active(connection):
                raise Busy("a rep has not ended yet")
            old = _old(connection, before)
            _forget(connection, old.athletes, old.reps)
            for table in (turn_table, team_member_table):
                connection.execute(sa.delete(table).where(table.c.session_id.in_(old.sessions)))
            connection.execute(sa.delete(session_table).where(session_table.c.id.in_(old.sessions)))
            _log(connection, "retention")
        self._pack()
        return len(old.athletes) + len(old.nameless)

    def keep_days(self) -> int | None:
        """After how many days what is stored is forgotten; None for never."""
        wanted = sa.select(station_table.c.keep_days)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return row.keep_days if row else KEEP_DAYS

    def set_keep_days(self, days: int | None) -> None:
        """Keep what is stored for so long, 1 to 3660 days, or until somebody forgets it (None)."""
        if days is not None and not 1 <= days <= MOST_KEEP_DAYS:
            raise ValueError(f"keep_days: 1 to {MOST_KEEP_DAYS}, or none")
        self._change_station(keep_days=days)

    def _pack(self) -> None:
        """Leave no free page, and no log, that still holds what was deleted."""
        if self._engine.dialect.name != "sqlite":
            return
        with self._engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            raw.execute("VACUUM")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # Setting up: jobs from the page to the device

    def ask_set_up(self, kind: str, asked: Mapping[str, Any] | None = None) -> SetUp:
        """A new job for the device. While a rep has not ended it has failed from the start."""
        if kind not in SET_UP_KINDS:
            raise ValueError(f"kind: one of {', '.join(SET_UP_KINDS)}, not {kind!r}")
        with self._writing() as connection:
            _clear_set_ups(connection)
            busy = _active(connection) is not None
            made = connection.execute(
                sa.insert(set_up_table)
                .returning(*set_up_table.c)
                .values(
                    kind=kind,
                    asked=dict(asked or {}),
                    state="failed" if busy else "asked",
                    reason="a rep is under way; set up when it has ended" if busy else None,
                    asked_ns=time.monotonic_ns(),
                    boot_id=boot_id(),
                )
            ).one()
            _next_change(connection)
            return SetUp(**made._mapping)

    def set_up(self, set_up_id: int) -> SetUp | None:
        """That job, or None when there is none or its ten minutes are over."""
        wanted = sa.select(set_up_table).where(set_up_table.c.id == set_up_id, ~_is_old())
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return SetUp(**row._mapping) if row else None

    def next_set_up(self) -> SetUp | None:
        """The oldest job that waits for the device. Those that waited too long fail by this."""
        column = set_up_table.c
        wanted = sa.select(set_up_table).where(column.state == "asked").order_by(column.id)
        with self._engine.connect() as connection:
            waiting = [SetUp(**row._mapping) for row in connection.execute(wanted)]
        for job in waiting:
            if job.boot_id == boot_id() and time.monotonic_ns() - job.asked_ns < STALE_NS:
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
        with self._engine.connect() as connection:
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
            _next_change(connection)

    # Calibrations and lenses

    def save_calibration(
        self,
        data: Mapping[str, Any],
        *,
        source: str,
        camera: str,
        mode: str,
        still: bytes | None = None,
    ) -> Calibration:
        """Keep a calibration; from now on it is the current one of its camera and mode."""
        if source not in CALIBRATION_SOURCES:
            raise ValueError(f"source: one of {', '.join(CALIBRATION_SOURCES)}, not {source!r}")
        with self._writing() as connection:
            made = connection.execute(
                sa.insert(calibration_table)
                .returning(*calibration_table.c)
                .values(
                    created_at=utc_now(),
                    source=source,
                    camera=camera,
                    mode=mode,
                    data=dict(data),
                    still=still,
                )
            ).one()
            _next_change(connection)
            return Calibration(**made._mapping)

    def current_calibration(
        self, *, camera: str | None = None, mode: str | None = None
    ) -> Calibration | None:
        """The newest that is not forgotten: of that camera and mode, or of any."""
        return next(iter(self.calibrations(limit=1, camera=camera, mode=mode)), None)

    def calibrations(
        self, limit: int = 20, *, camera: str | None = None, mode: str | None = None
    ) -> list[Calibration]:
        """Those that are not forgotten, newest first."""
        column = calibration_table.c
        wanted = sa.select(calibration_table).where(column.deleted_at.is_(None))
        for name, value in (("camera", camera), ("mode", mode)):
            if value is not None:
                wanted = wanted.where(column[name] == value)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(column.id.desc()).limit(limit))
            return [Calibration(**row._mapping) for row in rows]

    def forget_calibration(self, calibration_id: int) -> None:
        """Undo it: the one before is the current one again."""
        self._date_calibration(calibration_id, utc_now())

    def restore_calibration(self, calibration_id: int) -> None:
        """Undo forget_calibration()."""
        self._date_calibration(calibration_id, None)

    def _date_calibration(self, calibration_id: int, deleted_at: str | None) -> None:
        column = calibration_table.c
        with self._writing() as connection:
            done = connection.execute(
                sa.update(calibration_table)
                .where(column.id == calibration_id)
                .values(deleted_at=deleted_at)
            )
            if not done.rowcount:
                raise ValueError(f"there is no calibration {calibration_id}")
            _next_change(connection)

    def save_lens(self, camera: str, mode: str, lens: Mapping[str, Any]) -> None:
        """Keep what is known of the lens of a camera in a mode, in place of what was."""
        column = lens_table.c
        with self._writing() as connection:
            connection.execute(
                sa.delete(lens_table).where(column.camera == camera, column.mode == mode)
            )
            connection.execute(
                sa.insert(lens_table).values(
                    camera=camera, mode=mode, lens=dict(lens), created_at=utc_now()
                )
            )

    def lens(self, camera: str, mode: str) -> dict[str, Any] | None:
        """The lens of a camera in a mode, where it was calibrated."""
        column = lens_table.c
        wanted = sa.select(column.lens).where(column.camera == camera, column.mode == mode)
        with self._engine.connect() as connection:
            return connection.scalar(wanted)

    # What the timer found out about itself

    def save_self_test(
        self, kind: str, data: Mapping[str, Any], *, camera: str = "", mode: str = ""
    ) -> None:
        """Keep what a self-test found, dated; the ones before stay."""
        if kind not in SELF_TESTS:
            raise ValueError(f"kind: one of {', '.join(SELF_TESTS)}, not {kind!r}")
        row = {"kind": kind, "camera": camera, "mode": mode, "made_at": utc_now()}
        with self._writing() as connection:
            connection.execute(sa.insert(self_test_table).values(**row, data=dict(data)))

    def self_test(self, kind: str, *, camera: str = "", mode: str = "") -> SelfTest | None:
        """The latest of a kind, of that camera and mode; None when there was none."""
        column = self_test_table.c
        wanted = (
            sa.select(column.kind, column.camera, column.mode, column.made_at, column.data)
            .where(column.kind == kind, column.camera == camera, column.mode == mode)
            .order_by(column.id.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return SelfTest(*row) if row else None

    # Whose timer it is

    def station(self, new_pin: Callable[[], tuple[str, str]] | None = None) -> Station:
        """Whose timer it is; made, with a PIN and a key of its own, when first asked.

        new_pin : gives a PIN and its hash, and puts them in the place of those that were: nobody
        is a coach then until it is used.
        """
        if not new_pin:
            with self._engine.connect() as connection:
                if made := _station(connection):
                    return made
        with self._writing() as connection:
            pin, pin_hash = new_pin() if new_pin else ("", "")
            made = _station(connection) or _new_station(connection)
            if not new_pin:
                return made
            connection.execute(sa.update(station_table).values(pin=pin, pin_hash=pin_hash))
            return replace(made, pin=pin, pin_hash=pin_hash)

    def claim_station(self, who: str = "") -> None:
        """The PIN was used: it is not shown any more.   who : as in log()."""
        with self._writing() as connection:
            connection.execute(sa.update(station_table).values(pin=None))
            _log(connection, "pin", who)
            _next_change(connection)

    def set_station(self, *, screen: str | None = None, language: str | None = None) -> None:
        """What the big screen shows, and the pages' language; what is not given stays."""
        if screen is not None and screen not in SCREENS:
            raise ValueError(f"screen: one of {', '.join(SCREENS)}, not {screen!r}")
        if language is not None and len(language) > 16:
            raise ValueError("language: at most 16 characters")
        told = {"screen": screen, "language": language}
        self._change_station(**{key: value for key, value in told.items() if value is not None})

    def starter(self) -> str | None:
        """The phone that has the starter's role; None for none."""
        return self.station().starter

    def take_start(self, phone_id: str) -> str | None:
        """Give the starter's role to that phone; who had it before. A change is logged."""
        if not 1 <= len(phone_id) <= 64:
            raise ValueError("phone_id: 1 to 64 characters")
        with self._writing() as connection:
            before = (_station(connection) or _new_station(connection)).starter
            if before != phone_id:
                connection.execute(sa.update(station_table).values(starter=phone_id))
                _log(connection, "starter", phone_id[:6])
                _next_change(connection)
            return before

    def _change_station(self, **columns: Any) -> None:
        with self._writing() as connection:
            if not _station(connection):
                _new_station(connection)
            if columns:
                connection.execute(sa.update(station_table).values(**columns))
                _next_change(connection)

    # What was done

    def log(self, what: str, who: str = "") -> None:
        """Write down that something of LOGGED happened, now.

        who : what is known of who did it, such as the first signs of a phone's id; at most 40
        characters, and never an athlete's name.
        """
        if what not in LOGGED:
            raise ValueError(f"what: one of {', '.join(LOGGED)}, not {what!r}")
        if len(who) > 40:
            raise ValueError("who: at most 40 characters")
        with self._writing() as connection:
            _log(connection, what, who)

    def log_entries(self, limit: int = 50) -> list[Entry]:
        """What was done, newest first; the 500 newest are kept."""
        column = log_table.c
        wanted = sa.select(column.at, column.dated, column.what, column.who)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(column.id.desc()).limit(limit))
            return [Entry(*row) for row in rows]

    # The device's sign of life

    def beat(self, camera: str, fps: float | None, problem: str | None, simulated: bool) -> None:
        """The device lives, and sees through this camera; to be called once a second."""
        now = {
            "seen_ns": time.monotonic_ns(),
            "seen_at": utc_now(),
            "boot_id": boot_id(),
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
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return Device(**row._mapping) if row else None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        connection = self._engine.connect().execution_options(writes=True)
        with connection, connection.begin():
            yield connection

    def _one_rep(self, wanted: sa.Select[Any]) -> Rep | None:
        return next(iter(self._reps(wanted)), None)

    def _reps(self, wanted: sa.Select[Any]) -> list[Rep]:
        with self._engine.connect() as connection:
            return [_rep(row) for row in connection.execute(wanted)]


CHANGEABLE = frozenset(
    "state reason posture lead_leg athlete_id settings settled_ns set_ns go_before_ns go_after_ns"
    " hold_s ended_ns stop_asked go_asked result deleted_at requested_at dated".split()
)


def _change(connection: Connection, rep: Rep, **columns: Any) -> Rep:
    """Write columns of a rep, what follows from them, and that it changed."""
    unknown = columns.keys() - CHANGEABLE
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: cannot be changed")
    state = columns.get("state", rep.state)
    if "state" in columns and state not in STEPS[rep.state]:
        raise WrongStep(f"rep {rep.id} cannot go from {rep.state} to {state}")
    if rep.active and not STEPS[state]:
        columns["active"] = None
        columns.setdefault("ended_ns", time.monotonic_ns())
    if not STEPS[state]:
        result = columns.get("result", rep.result)
        columns["status"] = result["status"] if result else state
    if "result" in columns:
        told = (columns["result"] or {}).get("reaction_s") or {}
        columns |= {"reaction_s": told.get("value"), "reaction_u": told.get("u")}
    columns["changed"] = _next_change(connection)
    connection.execute(sa.update(rep_table).where(rep_table.c.id == rep.id).values(**columns))
    if rep.active and not STEPS[state]:
        _end_turn(connection, rep.id, state)
    changed = _rep_by_id(connection, rep.id)
    if changed.drill.get("players"):
        _tell_starts(connection, changed)
    return changed


def _request(
    connection: Connection,
    key: str,
    athlete_id: int | None,
    posture: str,
    lead_leg: str,
    drill: dict[str, Any],
) -> Rep:
    row = connection.execute(sa.select(rep_table).where(rep_table.c.key == key)).first()
    if row:
        return _rep(row)
    if _active(connection):
        raise Busy("the rep before has not ended yet")
    players = _players(drill)
    _check_athletes(connection, players or [athlete_id])
    if drill.get("clip"):
        _check_agreed(connection, players or [athlete_id])
    session = _running_session(connection)
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
            requested_at=utc_now(),
            dated=bool(clock.source()),
            boot_id=boot_id(),
            requested_ns=time.monotonic_ns(),
            stop_asked=False,
            go_asked=False,
            changed=_next_change(connection),
        )
    ).scalar_one()
    rep = _rep_by_id(connection, made)
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


def _check_agreed(connection: Connection, athletes: Sequence[int | None]) -> None:
    column = athlete_table.c
    named = [who for who in athletes if who is not None]
    wanted = sa.select(column.id).where(column.id.in_(named), column.consent != "yes")
    if connection.scalar(wanted) is not None:
        raise NotAgreed("not everybody in it has agreed to a clip")


def _players(drill: Mapping[str, Any]) -> list[int | None]:
    """The athletes of a drill's lanes; [] for a drill without lanes."""
    players = drill.get("players") or []
    named = [who for who in players if who is not None]
    most = MOST_PLAYERS if drill.get("game") else MOST_LANES  # game_of() knows of which game
    if len(players) > most or len(set(named)) < len(named):
        raise ValueError(f"players: {most} at most, nobody in two lanes")
    return list(players)


def _check_athletes(connection: Connection, athletes: Sequence[int | None]) -> None:
    for who in athletes:
        if who is not None and not _athlete(connection, who):
            raise ValueError(f"athlete_id: there is no athlete {who}")


def _running_session(connection: Connection) -> Session | None:
    column = session_table.c
    wanted = sa.select(session_table).where(column.circuit.is_not(None), column.ended_at.is_(None))
    row = connection.execute(wanted.order_by(column.id.desc()).limit(1)).first()
    return Session(**row._mapping) if row else None


def _new_turn(
    session_id: int, place: int, athlete_id: int | None, posture: str, lead_leg: str
) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "place": place,
        "athlete_id": athlete_id,
        "posture": posture,
        "lead_leg": lead_leg,
        "state": "waiting",
        "felt": "",
    }


def _turns(connection: Connection, session_id: int) -> list[Turn]:
    column = turn_table.c
    wanted = sa.select(turn_table).where(column.session_id == session_id)
    rows = connection.execute(wanted.order_by(column.place, column.id))
    return [Turn(**row._mapping) for row in rows]


def _turn(connection: Connection, turn_id: int) -> Turn:
    row = connection.execute(sa.select(turn_table).where(turn_table.c.id == turn_id)).first()
    if row is None:
        raise ValueError(f"there is no turn {turn_id}")
    return Turn(**row._mapping)


def _change_turn(connection: Connection, turn_id: int, **columns: Any) -> Turn:
    turn = _turn(connection, turn_id)
    connection.execute(sa.update(turn_table).where(turn_table.c.id == turn.id).values(**columns))
    _next_change(connection)
    return _turn(connection, turn_id)


def _reorder(connection: Connection, order: Sequence[Turn]) -> None:
    moved = [(place, turn.id) for place, turn in enumerate(order) if turn.place != place]
    for place, turn_id in moved:
        connection.execute(
            sa.update(turn_table).where(turn_table.c.id == turn_id).values(place=place)
        )


def next_turns(turns: Sequence[Turn], most: int) -> list[Turn]:
    """Who is up next, one in each lane: all of the first one's posture, nobody twice."""
    up: list[Turn] = []
    for turn in turns:
        if turn.state != "waiting" or (up and turn.posture != up[0].posture):
            continue
        if all(turn.athlete_id != other.athlete_id for other in up):
            up.append(turn)
    return up[:most]


def _starts(connection: Connection, reps: Sequence[int]) -> dict[int, list[Start]]:
    """By rep, in the lanes' order; nothing of reps without lanes."""
    column = start_table.c
    wanted = sa.select(start_table).where(column.rep_id.in_(reps))
    found: dict[int, list[Start]] = {}
    for row in connection.execute(wanted.order_by(column.rep_id, column.lane)):
        found.setdefault(row.rep_id, []).append(Start(**row._mapping))
    return found


def _tell_starts(connection: Connection, rep: Rep) -> None:
    """Repeat beside a rep with lanes, for each of its athletes, what boards read."""
    column = start_table.c
    for start in _starts(connection, [rep.id]).get(rep.id, []):
        told = rep.result and starts.own_result(rep.result, start.lane, own=start.own)
        counts = told is not None and rep.state == "done"
        reaction = ((told or {}).get("reaction_s") or {}) if counts else {}
        connection.execute(
            sa.update(start_table)
            .where(column.rep_id == rep.id, column.lane == start.lane)
            .values(
                posture=rep.posture,
                status=told["status"] if told and counts else rep.status,
                reaction_s=reaction.get("value"),
                reaction_u=reaction.get("u"),
                deleted_at=rep.deleted_at,
            )
        )


def _reps_of(athlete_id: int, status: str | None) -> sa.CompoundSelect[Any]:
    """The ids of an athlete's reps, in whatever lane; of those that ended so for him."""
    rep, start = rep_table.c, start_table.c
    own = sa.select(rep.id).where(rep.athlete_id == athlete_id)
    beside = sa.select(start.rep_id).where(start.athlete_id == athlete_id, start.own.is_(False))
    if status is not None:
        own, beside = own.where(rep.status == status), beside.where(start.status == status)
    return sa.union_all(own, beside)


def _each_start(connection: Connection, reps: Sequence[Rep]) -> list[Rep]:
    """Those reps, and in place of each that had lanes one for each athlete, as if he was alone."""
    shared = _starts(connection, [rep.id for rep in reps if rep.drill.get("players")])
    found: list[Rep] = []
    for rep in reps:
        found += [_as_if_alone(rep, start) for start in shared.get(rep.id, [])] or [rep]
    return found


def _as_if_alone(rep: Rep, start: Start) -> Rep:
    result = rep.result and starts.own_result(rep.result, start.lane, own=start.own)
    his = replace(rep, athlete_id=start.athlete_id, lead_leg=start.lead_leg, result=result)
    if start.own:
        return his
    return replace(
        his, status=start.status, reaction_s=start.reaction_s, reaction_u=start.reaction_u
    )


def _give_start(connection: Connection, rep: Rep, lane: int, athlete_id: int | None) -> Rep:
    there = {start.lane: start for start in _starts(connection, [rep.id]).get(rep.id, [])}
    if lane not in there:
        raise ValueError(f"rep {rep.id} had nobody in lane {lane}")
    before = there[lane]
    if before.athlete_id == athlete_id:
        return rep
    named = {start.athlete_id: start for start in there.values()}
    moved = {lane: (athlete_id, before.lead_leg)}
    other = None if athlete_id is None else named.get(athlete_id)
    if other:  # they change places, each with his turn and the leg of it
        moved[lane] = (athlete_id, other.lead_leg)
        moved[other.lane] = (before.athlete_id, before.lead_leg)
    else:
        column = turn_table.c
        turn = connection.scalar(
            sa.select(column.id).where(
                column.rep_id == rep.id, column.athlete_id.is_not_distinct_from(before.athlete_id)
            )
        )
        connection.execute(
            sa.update(turn_table).where(column.id == turn).values(athlete_id=athlete_id)
        )
    for number, (who, leg) in moved.items():
        connection.execute(
            sa.update(start_table)
            .where(start_table.c.rep_id == rep.id, start_table.c.lane == number)
            .values(athlete_id=who, lead_leg=leg)
        )
    return _follow_starts(connection, rep)


def _follow_starts(connection: Connection, rep: Rep, **columns: Any) -> Rep:
    """Write what follows for a rep from who is in its lanes, and columns beside it."""
    there = _starts(connection, [rep.id])[rep.id]
    players: list[int | None] = [None] * len(rep.drill["players"])
    for start in there:
        players[start.lane] = start.athlete_id
    drill = rep.drill | {"players": players}
    connection.execute(sa.update(rep_table).where(rep_table.c.id == rep.id).values(drill=drill))
    own = next(start for start in there if start.own)
    return _change(connection, rep, athlete_id=own.athlete_id, lead_leg=own.lead_leg, **columns)


def _forget(connection: Connection, athletes: set[int], whole: Collection[int] = ()) -> int:
    """Take out athletes with their part of each rep, and reps as a whole; how many reps it was."""
    column, start = rep_table.c, start_table.c
    own = set(connection.scalars(sa.select(column.id).where(column.athlete_id.in_(athletes))))
    theirs = sa.select(start.rep_id).where(start.athlete_id.in_(athletes))
    shared = _starts(connection, list(connection.scalars(theirs)))
    others = {
        rep_id: left
        for rep_id, there in shared.items()
        if rep_id not in whole
        and (left := [each for each in there if each.athlete_id not in athletes])
    }
    reps = (own | set(shared) | set(whole)) - set(others)
    for rep_id, left in others.items():
        _leave_lanes(connection, _rep_by_id(connection, rep_id), shared[rep_id], left)
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
    _next_change(connection)
    return len(reps) + len(others)


def _leave_lanes(
    connection: Connection, rep: Rep, there: Sequence[Start], left: Sequence[Start]
) -> None:
    """Take everybody out of a rep with lanes but those who are left."""
    column = start_table.c
    gone = {each.lane for each in there} - {each.lane for each in left}
    own = left[0].lane
    connection.execute(sa.delete(start_table).where(column.rep_id == rep.id, column.lane.in_(gone)))
    connection.execute(
        sa.update(start_table).where(column.rep_id == rep.id, column.lane == own).values(own=True)
    )
    columns = {}
    if rep.result:
        result = starts.without(rep.result, gone, own)
        if rep.state != "done":  # it was called back for all of them
            result["status"] = rep.result["status"]
        columns["result"] = result
    _follow_starts(connection, rep, **columns)


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


def _station(connection: Connection) -> Station | None:
    wanted = sa.select(*(column for column in station_table.c if column.name != "id"))
    row = connection.execute(wanted).first()
    return Station(**row._mapping) if row else None


def _new_station(connection: Connection) -> Station:
    made = Station(signing_key=secrets.token_hex(32), pin="", pin_hash="")
    connection.execute(sa.insert(station_table).values(id=1, **asdict(made)))
    return made


def _log(connection: Connection, what: str, who: str = "") -> None:
    column = log_table.c
    row = {"at": utc_now(), "dated": bool(clock.source()), "what": what, "who": who}
    made = connection.execute(sa.insert(log_table).values(**row).returning(column.id))
    connection.execute(sa.delete(log_table).where(column.id <= made.scalar_one() - LOG_LENGTH))


def _end_turn(connection: Connection, rep_id: int, state: str) -> None:
    """A start that came to its end is done; one that was called back or stopped waits again."""
    after = {"state": "done"} if state == "done" else {"state": "waiting", "rep_id": None}
    connection.execute(
        sa.update(turn_table)
        .where(turn_table.c.rep_id == rep_id, turn_table.c.state == "up")
        .values(**after)
    )


def _next_change(connection: Connection) -> int:
    newest = change_table.c.newest
    connection.execute(sa.update(change_table).values(newest=newest + 1))
    return connection.execute(sa.select(newest)).scalar_one()


def _is_old() -> sa.ColumnElement[bool]:
    """Of a set-up job: its time is over, or that of the boot it is of."""
    column = set_up_table.c
    before_ns = time.monotonic_ns() - PICTURE_KEPT_NS
    return sa.or_(column.asked_ns < before_ns, column.boot_id != boot_id())


def _clear_set_ups(connection: Connection) -> None:
    connection.execute(sa.delete(set_up_table).where(_is_old()))


def _todays_session(connection: Connection) -> int:
    now = utc_now()
    column = session_table.c
    row = connection.execute(
        sa.select(column.id, column.started_at)
        .where(column.circuit.is_(None))
        .order_by(column.id.desc())
        .limit(1)
    ).first()
    if row and row.started_at[:10] == now[:10]:
        return row.id
    made = sa.insert(session_table).values(name=now[:10], started_at=now)
    return connection.execute(made.returning(column.id)).scalar_one()


def _athlete(connection: Connection, athlete_id: int) -> Athlete | None:
    row = connection.execute(
        sa.select(athlete_table).where(athlete_table.c.id == athlete_id)
    ).first()
    return Athlete(**row._mapping) if row else None


def _active(connection: Connection) -> Rep | None:
    row = connection.execute(sa.select(rep_table).where(rep_table.c.active == 1)).first()
    return _rep(row) if row else None


def _rep_by_id(connection: Connection, rep_id: int) -> Rep:
    row = connection.execute(sa.select(rep_table).where(rep_table.c.id == rep_id)).first()
    if row is None:
        raise ValueError(f"there is no rep {rep_id}")
    return _rep(row)


def _rep(row: sa.Row[Any]) -> Rep:
    return Rep(**row._mapping)
