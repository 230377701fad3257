"""What the device and the pages share: every rep, session and athlete, and every query. No devices.

`Store` has all the methods; each file beside this one holds those of one topic.
"""

from pi.games import MOST_LANES
from pi.store.athletes import CONSENTS, Athletes
from pi.store.calibrations import CALIBRATION_SOURCES, SELF_TESTS, Calibrations, SelfTests
from pi.store.changes import Changes
from pi.store.connection import open_engine
from pi.store.evidence import CLIP_KEPT_NS, KeptEvidence
from pi.store.forgetting import Forgetting
from pi.store.history import History
from pi.store.lanes import Lanes
from pi.store.listed import Listing
from pi.store.notes import MOST_NOTES, NOTE_LENGTH, Notes
from pi.store.records import (
    KEEP_DAYS,
    Athlete,
    Busy,
    Calibration,
    Change,
    Device,
    Entry,
    Evidence,
    Listed,
    NotAgreed,
    Reaction,
    Rep,
    SelfTest,
    Session,
    SetUp,
    Start,
    Station,
    Taken,
    Turn,
    WrongStep,
)
from pi.store.reps import NOBODYS_LANE, STALE_NS, Reps
from pi.store.sessions import Sessions
from pi.store.set_up import PICTURE_KEPT_NS, SET_UP_KINDS, SetUps
from pi.store.stamps import boot_id, utc, utc_now
from pi.store.states import ACTIVE, STEPS
from pi.store.station import (
    LOG_LENGTH,
    LOGGED,
    MOST_KEEP_DAYS,
    SCREENS,
    Log,
    Ownership,
    SignOfLife,
)
from pi.store.teams import Teams
from pi.store.turns import Round, Turns, at_timer, next_turns, round_now

__all__ = [
    "ACTIVE",
    "CALIBRATION_SOURCES",
    "CLIP_KEPT_NS",
    "CONSENTS",
    "KEEP_DAYS",
    "LOGGED",
    "LOG_LENGTH",
    "MOST_KEEP_DAYS",
    "MOST_LANES",
    "MOST_NOTES",
    "NOBODYS_LANE",
    "NOTE_LENGTH",
    "PICTURE_KEPT_NS",
    "SCREENS",
    "SELF_TESTS",
    "SET_UP_KINDS",
    "STALE_NS",
    "STEPS",
    "Athlete",
    "Busy",
    "Calibration",
    "Change",
    "Device",
    "Entry",
    "Evidence",
    "Listed",
    "NotAgreed",
    "Reaction",
    "Rep",
    "Round",
    "SelfTest",
    "Session",
    "SetUp",
    "Start",
    "Station",
    "Store",
    "Taken",
    "Turn",
    "WrongStep",
    "at_timer",
    "boot_id",
    "next_turns",
    "open_store",
    "round_now",
    "utc",
    "utc_now",
]


class Store(
    Reps,
    History,
    Listing,
    Changes,
    Lanes,
    KeptEvidence,
    Notes,
    Sessions,
    Turns,
    Teams,
    Athletes,
    Forgetting,
    SetUps,
    Calibrations,
    SelfTests,
    Ownership,
    Log,
    SignOfLife,
):
    """The two processes' common ground; every method is one transaction. Any thread may call."""


def open_store(url: str) -> Store:
    """The store at an SQLAlchemy URL, made or brought up to date first.

    Open it after forking, never before. Raises ValueError when it cannot be used.
    """
    return Store(open_engine(url))
