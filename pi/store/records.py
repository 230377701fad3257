"""What the store answers with, and what it refuses with: records and exceptions. No queries."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from pi.store import stamps

KEEP_DAYS = 120  # a term


class Busy(Exception):
    """The station has a rep that has not ended yet."""


class NotAgreed(ValueError):
    """A clip was asked for of somebody who has not agreed to one."""


class Taken(ValueError):
    """Somebody else has that name."""


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
    cues: list[str] | None  # what he works on by his own choice, two at most


@dataclass(frozen=True)
class Session:
    """A planned session: who starts how, in which order."""

    id: int
    name: str
    started_at: str
    circuit: dict[str, Any]  # as begin_session() was given it
    ended_at: str | None
    dated: bool  # whether started_at is a date: the time was known, or became so by its starts


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
    absent: bool  # who it is of is not there, also where it runs or was made


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
    reaction_s: float | None  # of the result; none of a game's, which is compared with no start
    reaction_u: float | None
    seen_leg: str | None  # the leg that led, as it was seen: left | right
    deleted_at: str | None
    changed: int

    @property
    def led(self) -> str:
        """The leg that led as it was seen, else the one that was planned."""
        return self.seen_leg or self.lead_leg


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
    reaction_s: float | None  # where the rep counts, and is no game's
    reaction_u: float | None
    seen_leg: str | None
    deleted_at: str | None  # of the rep


class Change(NamedTuple):
    """One rep has a new version."""

    changed: int
    rep: int
    state: str


class Listed(NamedTuple):
    """One athlete's start, as a row of a table."""

    rep: Rep  # as if he had been alone in it
    lane: int | None  # from 0; None without lanes
    team: str  # "" for none
    felt: str  # as in its turn
    notes: list[str]  # of the rep, whoever of it they are about


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
        return self.boot_id == stamps.boot_id() and now_ns - self.seen_ns < 3_000_000_000


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
    unpacked: bool = False  # the file may still hold what was forgotten
    admin_hash: str = ""  # "" as long as there is no admin: then every coach is
    clips: bool = True  # whether a coach may have one kept at all

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
