"""One reader of the store tells every open page what changed. Writes nothing."""

import json
import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from pi.store import Change, Store
from web.language import speaking
from web.state import state_now

LOOK_EVERY_S = 0.005  # whether the device has written, 10 µs each: a phone waits for half of it
# The device can fall silent, and a shown result grow old, without any rep changing.
STATE_EVERY_S = 1.0
BEAT_S = 15.0
LIFE_S = 600.0

log = logging.getLogger(__name__)


class Feed:
    """The state and the latest changes, kept fresh while at least one page listens."""

    def __init__(self, app: Flask, store: Store, streams: int) -> None:
        self._app, self._store = app, store
        self._places = threading.Semaphore(streams)
        self._poked = threading.Event()
        self._news = threading.Condition()  # guards all below
        self._reader: threading.Thread | None = None
        self._listeners: Counter[str] = Counter()  # by their language
        self._states: dict[str, str] = {}
        self._serial = 0
        self._recent: deque[Change] = deque(maxlen=500)

    def admit(self, language: str = "en") -> bool:
        """Take one of the places for streams; leave() gives it back."""
        change = self._store.latest_change()
        if not self._places.acquire(blocking=False):
            return False
        with self._news:
            self._listeners[language] += 1
            if self._reader is None:
                self._states = {}
                self._reader = threading.Thread(
                    target=self._read, args=(change,), name="feed", daemon=True
                )
                self._reader.start()
        return True

    def leave(self, language: str = "en") -> None:
        with self._news:
            self._listeners[language] -= 1
        self._places.release()

    def poke(self) -> None:
        """Look at the store at once: this process has just written to it."""
        self._poked.set()

    def events(
        self,
        after: int,
        language: str = "en",
        *,
        beat_s: float = BEAT_S,
        life_s: float = LIFE_S,
    ) -> Iterator[str]:
        """Server-sent events for one page that knows of everything up to the change after.

        rep : one has a new version.    state : the whole truth, so that a page which missed
        something has missed nothing.    beat : the timer is still there.
        """
        ends = time.monotonic() + life_s
        # Each page comes back after another while: they all lose a server at the same moment.
        yield f"retry: {random.randrange(1000, 3000)}\n: trackstart\n\n"  # noqa: S311
        known = self._store.changes_since(after)
        seen = 0
        while time.monotonic() < ends:
            with self._news:
                self._news.wait_for(
                    lambda: language in self._states and self._serial != seen,  # noqa: B023
                    timeout=beat_s,
                )
                state = self._states.get(language, "")
                news = bool(state) and self._serial != seen
                seen = self._serial if news else seen
                known += [change for change in self._recent if change.changed > after]
            if not news:
                yield f": beat\nevent: beat\ndata: {beat_s:g}\n\n"
                continue
            told = []
            for change in sorted(set(known)):
                if change.changed > after:
                    after = change.changed
                    told.append(_event("rep", json.dumps(change._asdict()), after))
            known = []
            told.append(_event("state", state, after))
            yield "".join(told)  # one write: with a hundred phones each one counts

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
            some = self._listeners.total() > 0
            if not some:
                self._reader = None
            return some

    def _look(self, change: int) -> int:
        """Tell what happened after change; returns the newest change there is."""
        with self._news:
            wanted = [language for language, count in self._listeners.items() if count > 0]
        states = {}
        with self._store.at_one_moment():
            changes = self._store.changes_since(change)
            for language in wanted:
                with speaking(self._app, language):
                    states[language] = json.dumps(state_now(self._store), ensure_ascii=False)
        self._tell(states, changes)
        return changes[-1].changed if changes else change

    def _tell(self, states: dict[str, str], changes: list[Change]) -> None:
        with self._news:
            if states == self._states and not changes:
                return
            self._states = states
            self._serial += 1
            self._recent.extend(changes)
            self._news.notify_all()


def _event(name: str, data: str, number: int) -> str:
    return f"id: {number}\nevent: {name}\ndata: {data}\n\n"
