"""Whose turn it is in a session, who is asked how a start felt, and who was in which lane of it.

Reads a store that it is given: the stream tells phones of it where no request is.
"""

import time
from typing import Any, NamedTuple

from flask_babel import gettext as _

from pi import sessions
from pi.drills import posture_of
from pi.store import Rep, Session, Store, Turn, at_timer, boot_id, next_turns
from web import words
from web.rounds import Stations, stations_of


class Up(NamedTuple):
    """One start that is to come, or runs."""

    turn: Turn
    name: str  # "" for whoever has none
    posture: Any
    number: int  # which of the athlete's starts
    of: int
    called: str  # the name, or what somebody without one is called


def called(name: str, alone: bool) -> str:
    """A name; without one a runner alone is you, and one of a group is nobody in particular."""
    return name or (_("You") if alone else _("No name"))


def is_alone(turns: list[Turn]) -> bool:
    """Whether a session is that of one runner who gave no name."""
    return all(turn.athlete_id is None for turn in turns)


def ups(turns: list[Turn], names: dict[int | None, str], states: tuple[str, ...]) -> list[Up]:
    """The turns in one of those states, in their order, as the page tells of them."""
    alone = is_alone(turns)
    own: dict[int | None, list[int]] = {}
    for turn in turns:
        if sessions.is_planned(turn.state):
            own.setdefault(turn.athlete_id, []).append(turn.id)
    return [
        Up(
            turn,
            names.get(turn.athlete_id, ""),
            posture_of(turn.posture),
            own[turn.athlete_id].index(turn.id) + 1 if sessions.is_planned(turn.state) else 0,
            len(own.get(turn.athlete_id, ())),
            called(names.get(turn.athlete_id, ""), alone),
        )
        for turn in turns
        if turn.state in states
    ]


class Order(NamedTuple):
    """Who starts now, and who after that."""

    ups: list[Up]
    together: int  # how many of them start at once
    stations: Stations | None
    elsewhere: set[int | None]  # athletes whose team is at another station


def order_of(
    store: Store, session: Session, turns: list[Turn], names: dict[int | None, str]
) -> Order:
    """The turns that are up come first: those whose rep runs, else those that the next tap starts.

    With stations then the team at the timer, and the others in the order in which they come to it.
    """
    stations = stations_of(session, turns, store.teams(session.id))
    now = stations.now if stations else None
    lanes = session.circuit.get("lanes") or 1
    running = [turn.id for turn in turns if turn.state == "up"]
    first = running or [turn.id for turn in next_turns(at_timer(turns, now), lanes)]
    waits = now.waits if now else {}
    order = ups(turns, names, ("up", "waiting"))
    order.sort(key=lambda one: (one.turn.id not in first, waits.get(one.turn.athlete_id, 0)))
    return Order(order, len(first), stations, {who for who, rounds in waits.items() if rounds})


def walks_back_s(store: Store, session: Session, turn: Turn | None) -> int:
    """How long whoever is up should still rest; 0 when it is time."""
    if turn is None:
        return 0
    own = store.reps(session_id=session.id, athlete_id=turn.athlete_id, limit=2)
    last = next((rep for rep in own if rep.ended_ns), None)
    if last is None or last.state != "done" or last.ended_ns is None or last.boot_id != boot_id():
        return 0
    passed_s = (time.monotonic_ns() - last.ended_ns) * 1e-9
    return max(0, round(session.circuit["walk_back_s"] - passed_s))


class Coming(NamedTuple):
    """What comes next in a session, for every phone."""

    sentence: str  # "Next: Cat, tall plank."
    rested: bool  # whether whoever is up has walked back


def coming(store: Store, session: Session) -> Coming:
    """Who is up next, in a sentence that any phone may show."""
    turns = store.turns(session.id)
    order = order_of(store, session, turns, public_names(store))
    up = [one for one in order.ups[: order.together] if one.turn.state == "waiting"]
    if not up:
        return Coming(_("All starts are made."), True)
    posture = _(up[0].posture.name)
    rested = all(walks_back_s(store, session, one.turn) == 0 for one in up)
    if len(up) > 1:
        who = ", ".join(f"{k}: {words.short(one.called)}" for k, one in enumerate(up, 1))
    else:
        who = words.short(up[0].called, 40)
    return Coming(_("Next: %(who)s (%(posture)s).", who=who, posture=posture), rested)


def public_names(store: Store) -> dict[int | None, str]:
    """Everybody's name as any phone may read it."""
    return {each.id: words.name_of(each) for each in store.athletes()}


# --- How it felt ---------------------------------------------------------------------------------


class Asked(NamedTuple):
    """A start of which it is asked how it felt; until that is said no page shows its number."""

    rep: int | None = None  # None: nothing is asked
    turns: tuple[Turn, ...] = ()  # of whoever is asked, one for each lane


def asks_feeling(store: Store, session: Session | None = None) -> Asked:
    """Who is to say first how the last start felt, against the one before of its kind.

    Where the session wants it, there is one before, and it has not been said yet.
    session : the one that runs, where it is known.
    """
    session = session or store.running_session()
    if session is None or not session.circuit.get("feel"):
        return Asked()
    last = store.latest_ended(session.id)
    if last is None or last.state != "done":
        return Asked()
    silent = [turn for turn in store.turns_of(last.id) if not turn.felt]
    if not silent:
        return Asked()
    starts = [
        start
        for start in store.starts(session.id, results=False, planned=True)
        if start.posture == last.posture and start.status == "measured"
    ]
    now = {start.athlete_id for start in starts if start.id == last.id}
    before = {start.athlete_id for start in starts if start.id < last.id}
    turns = tuple(turn for turn in silent if turn.athlete_id in now & before)
    return Asked(last.id, turns) if turns else Asked()


# --- Lanes ---------------------------------------------------------------------------------------


class Lane(NamedTuple):
    """One athlete of a rep in which several started."""

    number: int  # as in the store: the first is 0
    athlete: int | None
    name: str
    told: dict[str, Any]  # that lane's part of the result


def lanes_of(store: Store, rep: Rep, names: dict[int | None, str]) -> list[Lane]:
    """Everybody who started in it, lane by lane; nothing of a rep without lanes."""
    told = (rep.result or {}).get("athletes") or []
    return [
        Lane(
            start.lane,
            start.athlete_id,
            names.get(start.athlete_id, ""),
            told[start.lane] if start.lane < len(told) else {},
        )
        for start in store.starts_of([rep.id]).get(rep.id, [])
    ]
