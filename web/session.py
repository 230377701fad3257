"""A running session: turn by turn on every phone, and what is put right afterwards."""

import secrets
import time
from functools import partial
from typing import Any, NamedTuple

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from pi import sessions
from pi.drills import NOTES, POSTURES
from pi.store import (
    MOST_NOTES,
    Busy,
    NotAgreed,
    Rep,
    Session,
    Turn,
    WrongStep,
    at_timer,
    boot_id,
    next_turns,
)
from web.at_hand import poke, store
from web.language import N_
from web.people import names_of, no_clip
from web.plan import TEAMS, plan_page, roster
from web.reply import reply
from web.rounds import Stations, stations_of
from web.state import asks_feeling, state_now

page = Blueprint("session", __name__)

ALL = 2000  # starts, more than a session has
FELT = {"quicker": N_("Quicker"), "same": N_("The same"), "slower": N_("Slower")}


# --- What is shown -------------------------------------------------------------------------------


class Up(NamedTuple):
    """One start that is to come, or runs."""

    turn: Turn
    name: str
    posture: Any
    number: int  # which of the athlete's starts
    of: int


def ups(turns: list[Turn], names: dict[int | None, str], states: tuple[str, ...]) -> list[Up]:
    """The turns in one of those states, in their order, as the page tells of them."""
    own: dict[int | None, list[int]] = {}
    for turn in turns:
        if sessions.is_planned(turn.state):
            own.setdefault(turn.athlete_id, []).append(turn.id)
    return [
        Up(
            turn,
            names.get(turn.athlete_id, ""),
            POSTURES[turn.posture],
            own[turn.athlete_id].index(turn.id) + 1 if sessions.is_planned(turn.state) else 0,
            len(own.get(turn.athlete_id, ())),
        )
        for turn in turns
        if turn.state in states
    ]


class Coming(NamedTuple):
    """Who starts now, and who after that."""

    ups: list[Up]
    together: int  # how many of them start at once
    stations: Stations | None
    elsewhere: set[int | None]  # athletes whose team is at another station


def coming_of(session: Session, turns: list[Turn], names: dict[int | None, str]) -> Coming:
    """The turns that are up come first: those whose rep runs, else those that the next tap starts.

    With stations then the team at the timer, and the others in the order in which they come to it.
    """
    stations = stations_of(session, turns, store().teams(session.id))
    now = stations.now if stations else None
    lanes = session.circuit.get("lanes") or 1
    running = [turn.id for turn in turns if turn.state == "up"]
    first = running or [turn.id for turn in next_turns(at_timer(turns, now), lanes)]
    waits = now.waits if now else {}
    coming = ups(turns, names, ("up", "waiting"))
    coming.sort(key=lambda one: (one.turn.id not in first, waits.get(one.turn.athlete_id, 0)))
    return Coming(coming, len(first), stations, {who for who, rounds in waits.items() if rounds})


class Lane(NamedTuple):
    """One athlete of a rep in which several started."""

    number: int  # as in the store: the first is 0
    athlete: int | None
    name: str
    told: dict[str, Any]  # that lane's part of the result


def lanes_of(rep: Rep, names: dict[int | None, str]) -> list[Lane]:
    """Everybody who started in it, lane by lane; nothing of a rep without lanes."""
    told = (rep.result or {}).get("athletes") or []
    return [
        Lane(
            start.lane,
            start.athlete_id,
            names.get(start.athlete_id, ""),
            told[start.lane] if start.lane < len(told) else {},
        )
        for start in store().starts_of([rep.id]).get(rep.id, [])
    ]


def walks_back_s(session: Session, turn: Turn | None) -> int:
    """How long whoever is up should still rest; 0 when it is time."""
    if turn is None:
        return 0
    own = store().reps(session_id=session.id, athlete_id=turn.athlete_id, limit=2)
    last = next((rep for rep in own if rep.ended_ns), None)
    if last is None or last.state != "done" or last.ended_ns is None or last.boot_id != boot_id():
        return 0
    passed_s = (time.monotonic_ns() - last.ended_ns) * 1e-9
    return max(0, round(session.circuit["walk_back_s"] - passed_s))


# --- The pages -----------------------------------------------------------------------------------


@page.get("/session")
def show() -> ResponseReturnValue:
    return session_page()


def session_page(said: str = "", status: int = 200) -> ResponseReturnValue:
    session = store().running_session()
    if session is None:
        return plan_page(said, status)
    turns, names = store().turns(session.id), names_of()
    coming, together, stations, elsewhere = coming_of(session, turns, names)
    last = next((r for r in store().reps(session_id=session.id, limit=2) if not r.active), None)
    names_here = list(dict.fromkeys(one.turn.athlete_id for one in coming))
    html = render_template(
        "session.html",
        state=state_now(store()),
        said=said,
        session=session,
        coming=coming,
        skipped=ups(turns, names, ("skipped",)),
        away=list(dict.fromkeys(t.athlete_id for t in turns if t.state == "away")),
        here=names_here,
        names=names,
        together=together,
        stations=stations,
        elsewhere=elsewhere,
        teams=store().teams(session.id),
        colours=TEAMS,
        rest_s=walks_back_s(session, coming[0].turn if together else None),
        last=last,
        last_turn=store().turn_of(last.id) if last else None,
        lanes=lanes_of(last, names) if last else [],
        notes=NOTES,
        noted=store().notes_of([last.id]).get(last.id, []) if last else [],
        felts=FELT,
        asks_feeling=last is not None and asks_feeling(store(), last),
        shown=max(6, len(names_here)),
        key=secrets.token_urlsafe(16),
    )
    return html, status


answer = partial(reply, session_page, "session.show")


@page.post("/session/arm")
def arm() -> ResponseReturnValue:
    if not state_now(store())["alive"]:
        return answer(_("The timer is not running, so nothing was armed."), 503)
    try:
        key = request.form.get("key") or secrets.token_urlsafe(16)
        store().request_turn(key, clip=bool(request.form.get("clip")))
    except NotAgreed:
        return answer(no_clip(), 409)
    except Busy:
        return answer(_("A rep is running already. Stop it first."), 409)
    except (WrongStep, ValueError):
        return answer(_("Nobody is left to start. Add somebody, or end the session."), 409)
    return answer()


@page.post("/session/turn/<int:number>/<what>")
def change(number: int, what: str) -> ResponseReturnValue:
    """One tap on a turn: skip, bring back, up next, once more."""
    does = {
        "skip": lambda: store().change_turn(number, "skipped"),
        "back": lambda: store().change_turn(number, "waiting"),
        "first": lambda: store().first_turn(number),
        "again": lambda: store().repeat_turn(number),
    }
    if what not in does:
        abort(404)
    try:
        does[what]()
    except WrongStep:
        return answer(_("That start has been made meanwhile."), 409)
    except ValueError:
        return answer(_("That start is not there any more."), 404)
    return answer()


@page.post("/session/turn/<int:number>/felt")
def felt(number: int) -> ResponseReturnValue:
    """How a start felt: said by whoever made it."""
    try:
        store().save_felt(number, request.form.get("felt", ""))
    except ValueError:
        return answer(_("That start is not there any more."), 404)
    return answer()


@page.post("/session/athlete/<int:number>/<what>")
def away(number: int, what: str) -> ResponseReturnValue:
    session = store().running_session()
    if session is None or what not in ("away", "here"):
        abort(404)
    store().set_away(session.id, number, what == "away")
    return answer()


@page.post("/session/join")
def join() -> ResponseReturnValue:
    """A late-comer: a start after each round that is left."""
    session = store().running_session()
    if session is None:
        return answer(_("No session runs."), 409)
    try:
        athletes = roster(request.form.get("names", ""))
        if not athletes:
            raise ValueError(_("Type a name."))
    except ValueError as problem:
        return answer(str(problem), 400)
    starts = [(posture, leg) for posture, leg in session.circuit["starts"]]
    for athlete in athletes:
        turns = store().turns(session.id)
        if any(turn.athlete_id == athlete for turn in turns):
            continue
        waiting = [
            sessions.Planned(turn.athlete_id, turn.posture, turn.lead_leg)
            for turn in turns
            if turn.state == "waiting"
        ]
        store().join_session(session.id, sessions.joined(waiting, athlete, starts))
    return answer()


@page.post("/rep/<int:number>/athlete")
def give(number: int) -> ResponseReturnValue:
    """Whose rep it was, said afterwards."""
    athlete = request.form.get("athlete", "")
    try:
        store().give_rep(number, int(athlete) if athlete else None)
    except ValueError:
        return answer(_("That athlete, or that rep, is not there any more."), 404)
    return answer()


@page.post("/rep/<int:number>/lane/<int:lane>")
def give_lane(number: int, lane: int) -> ResponseReturnValue:
    """Who started in that lane, said afterwards."""
    athlete = request.form.get("athlete", "")
    try:
        store().give_start(number, lane, int(athlete) if athlete else None)
    except ValueError:
        return answer(_("That athlete, or that rep, is not there any more."), 404)
    return answer()


@page.post("/rep/<int:number>/notes")
def note(number: int) -> ResponseReturnValue:
    """What the coach saw, by tapping: all of it anew each time."""
    own = " ".join(request.form.get("own", "").split())
    said = [text for text in request.form.getlist("note") if text] + ([own] if own else [])
    if len(said) > MOST_NOTES:
        return answer(_("Six notes are enough for one start."), 400)
    try:
        store().set_notes(number, list(dict.fromkeys(said)))
    except ValueError:
        return answer(_("A note has at most 80 characters."), 400)
    return answer()


@page.post("/session/<int:number>/teams")
def change_team(number: int) -> ResponseReturnValue:
    """Which team an athlete is in; "" for none."""
    athlete = request.form.get("athlete", type=int)
    try:
        store().set_team(number, athlete or 0, request.form.get("team") or None)
    except ValueError:
        return answer(_("That athlete is not in this session."), 404)
    return answer()


@page.post("/session/<int:number>/round/<what>")
def turn_round(number: int, what: str) -> ResponseReturnValue:
    """The teams go on to the next station, or back to where they were."""
    does = {"next": store().next_round, "back": store().last_round}
    if what not in does:
        abort(404)
    try:
        does[what](number)
    except ValueError:
        return answer(_("That session has no stations."), 404)
    return answer()


@page.post("/session/<int:number>/end")
def end(number: int) -> ResponseReturnValue:
    store().end_session(number)
    poke()
    return redirect(url_for("board.summary", number=number), 303)


@page.post("/session/<int:number>/resume")
def resume(number: int) -> ResponseReturnValue:
    try:
        store().resume_session(number)
    except Busy:
        return answer(_("Another session runs. End it first."), 409)
    return answer()
