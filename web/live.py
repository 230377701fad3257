"""One reader of the store tells every open page what changed. Writes nothing."""

import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from pi.store import Store
from web.state import state_now

LOOK_EVERY_S = 0.05
# The device can fall silent, and a shown result grow old, without any rep changing.
STATE_EVERY_S = 1.0
BEAT_S = 15.0
LIFE_S = 600.0

log = logging.getLogger(__name__)


class Change(NamedTuple):
    """One rep has a new version."""

    changed: int
    rep: int
    state: str


class Feed:
    """The state and the latest changes, kept fresh while at least one page listens."""

    def __init__(self, store: Store, streams: int) -> None:
        self._store = store
        self._places = threading.Semaphore(streams)
        self._poked = threading.Event()
        self._news = threading.Condition()  # guards all below
        self._reader: threading.Thread | None = None
        self._listeners = 0
        self._state = ""
        self._serial = 0
        self._recent: deque[Change] = deque(maxlen=500)

    def admit(self) -> bool:
        """Take one of the places for streams; leave() gives it back."""
        change = self._store.latest_change()
        if not self._places.acquire(blocking=False):
            return False
        with self._news:
            self._listeners += 1
            if self._reader is None:
                self._state = ""
                self._reader = threading.Thread(
                    target=self._read, args=(change,), name="feed", daemon=True
                )
                self._reader.start()
        return True

    def leave(self) -> None:
        with self._news:
            self._listeners -= 1
        self._places.release()

    def poke(self) -> None:
        """Look at the store at once: this process has just written to it."""
        self._poked.set()

    def events(
        self, after: int, *, beat_s: float = BEAT_S, life_s: float = LIFE_S
    ) -> Iterator[str]:
        """Server-sent events for one page that knows of everything up to the change after.

        rep : one has a new version.    state : the whole truth, so that a page which missed
        something has missed nothing.    beat : the timer is still there.
        """
        ends = time.monotonic() + life_s
        # Each page comes back after another while: they all lose a server at the same moment.
        yield f"retry: {random.randrange(1000, 3000)}\n: trackstart\n\n"  # noqa: S311
        known = [Change(rep.changed, rep.id, rep.state) for rep in self._store.changes_since(after)]
        seen = 0
        while time.monotonic() < ends:
            with self._news:
                self._news.wait_for(lambda: self._state and self._serial != seen, timeout=beat_s)  # noqa: B023
                news = bool(self._state) and self._serial != seen
                seen, state = self._serial, self._state
                known += self._recent
            if not news:
                yield f": beat\nevent: beat\ndata: {beat_s:g}\n\n"
                continue
            for change in sorted(set(known)):
                if change.changed > after:
                    after = change.changed
                    yield _event("rep", json.dumps(change._asdict()), after)
            known = []
            yield _event("state", state, after)

    def _read(self, change: int) -> None:
        """Until nobody listens: look at the store, tell everybody what is new since change."""
        while True:
            try:
                with self._store.listen() as written:
                    looked = 0.0
                    while self._wanted():
                        now = time.monotonic()
                        if written() or now - looked > STATE_EVERY_S:
                            change, looked = self._look(change), now
                        self._poked.wait(LOOK_EVERY_S)
                        self._poked.clear()
                    return
            except SQLAlchemyError:
                log.exception("the store cannot be read; trying again")
                time.sleep(STATE_EVERY_S)

    def _wanted(self) -> bool:
        with self._news:
            if not self._listeners:
                self._reader = None
            return self._listeners > 0

    def _look(self, change: int) -> int:
        """Tell what happened after change; returns the newest change there is."""
        reps = self._store.changes_since(change)
        changes = [Change(rep.changed, rep.id, rep.state) for rep in reps]
        self._tell(json.dumps(state_now(self._store)), changes)
        return changes[-1].changed if changes else change

    def _tell(self, state: str, changes: list[Change]) -> None:
        with self._news:
            if state == self._state and not changes:
                return
            self._state = state
            self._serial += 1
            self._recent.extend(changes)
            self._news.notify_all()


def _event(name: str, data: str, number: int) -> str:
    return f"id: {number}\nevent: {name}\ndata: {data}\n\n"
