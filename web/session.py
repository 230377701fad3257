"""A running session: turn by turn on every phone, and what is put right afterwards."""

import secrets
from functools import partial

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from pi.drills import NOTES
from pi.store import MOST_NOTES, Busy, NotAgreed, WrongStep
from web.at_hand import poke, row_id, store
from web.coach import is_coach
from web.own import told_cues, told_notes
from web.people import names_of, no_clip
from web.plan import TEAMS, plan_page, roster
from web.reply import reply
from web.state import state_now
from web.turns import asks_feeling, lanes_of, order_of, ups, walks_back_s

page = Blueprint("session", __name__)

ALL = 2000  # starts, more than a session has


# --- The pages -----------------------------------------------------------------------------------


@page.get("/session")
def show() -> ResponseReturnValue:
    already = "already" in request.args and store().running_session()
    return session_page(_("A session runs already: this one.") if already else "")


def session_page(said: str = "", status: int = 200) -> ResponseReturnValue:
    session = store().running_session()
    if session is None:
        return plan_page(said, status)
    turns, names = store().turns(session.id), names_of()
    coming, together, stations, elsewhere = order_of(store(), session, turns, names)
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
        rest_s=walks_back_s(store(), session, coming[0].turn if together else None),
        last=last,
        made=store().turns_of(last.id) if last else [],
        lanes=lanes_of(store(), last, names) if last else [],
        notes=NOTES,
        noted=told_notes(store().notes_of([last.id]).get(last.id, [])) if last else [],
        cues=told_cues(session.circuit.get("cues")),
        own_cues={each.id: told_cues(each.cues) for each in store().athletes() if each.cues},
        asked=asks_feeling(store()),
        planned=len(turns),
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
        "again": lambda: once_more(number),
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


@page.post("/session/rep/<int:number>/again")
def again(number: int) -> ResponseReturnValue:
    """A start once more: of lanes everybody's."""
    made = store().turns_of(number)
    if not made:
        return answer(_("That start is not there any more."), 404)
    once_more(*(turn.id for turn in made))
    return answer()


def once_more(*turns: int) -> None:
    """Those starts again, next.

    Only where the page knew of every start that is planned: else the tap came twice, or too late.
    """
    session = store().running_session()
    there = len(store().turns(session.id)) if session else None
    if request.form.get("planned", there, type=int) == there:
        for turn in reversed(turns):  # each comes before those that wait
            store().repeat_turn(turn)


@page.post("/session/turn/<int:number>/felt")
def felt(number: int) -> ResponseReturnValue:
    """How a start felt: said by whoever made it."""
    try:
        store().save_felt(number, request.form.get("felt", ""), again=is_coach())
    except WrongStep:
        return answer(_("That was said already, or that start is over."), 409)
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
    """A late-comer: a start after each round that is left. Who was absent comes back."""
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
    names, there = names_of(), []
    for athlete in athletes:
        try:
            store().join_session(session.id, athlete, starts)
        except WrongStep:
            there.append(names[athlete])
    if not there:
        return answer()
    said = _(
        "%(names)s: in this session already. Somebody else? Add a number.", names=", ".join(there)
    )
    return answer(said, 409)


@page.post("/rep/<int:number>/athlete")
def give(number: int) -> ResponseReturnValue:
    """Whose rep it was, said afterwards."""
    try:
        store().give_rep(number, whose())
    except ValueError:
        return answer(_("That athlete, or that rep, is not there any more."), 404)
    return answer()


def whose() -> int | None:
    """The athlete who was chosen, None for no name; ValueError for what is none."""
    athlete = request.form.get("athlete", "")
    return row_id(athlete) if athlete else None


@page.post("/rep/<int:number>/lane/<int:lane>")
def give_lane(number: int, lane: int) -> ResponseReturnValue:
    """Who started in that lane, said afterwards."""
    try:
        store().give_start(number, lane, whose())
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
    athlete = request.form.get("athlete", 0, type=row_id)
    try:
        store().set_team(number, athlete, request.form.get("team") or None)
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
