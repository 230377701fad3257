"""A session's pages: plan it, run it turn by turn; the big screen; joining."""

import io
import secrets
import time
from typing import Any, NamedTuple

import segno
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from segno import helpers

from pi import sessions
from pi.drills import (
    CIRCUITS,
    CUES,
    HOLDS,
    LEAD_LEGS,
    MOST_CUES,
    MOST_STARTS,
    POSTURES,
    own_circuit,
)
from pi.settings import home
from pi.store import Busy, Session, Store, Turn, WrongStep, boot_id
from web import wifi
from web.language import N_
from web.live import Feed
from web.state import asks_feeling, state_now
from web.told import told

page = Blueprint("session", __name__)

MOST_NAMES = 60
ALL = 2000  # starts, more than a session has
FELT = {"quicker": N_("Quicker"), "same": N_("The same"), "slower": N_("Slower")}


def store() -> Store:
    return current_app.extensions["store"]


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
        if turn.state != "skipped":
            own.setdefault(turn.athlete_id, []).append(turn.id)
    return [
        Up(
            turn,
            names.get(turn.athlete_id, ""),
            POSTURES[turn.posture],
            own[turn.athlete_id].index(turn.id) + 1 if turn.state != "skipped" else 0,
            len(own.get(turn.athlete_id, ())),
        )
        for turn in turns
        if turn.state in states
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


def names_of() -> dict[int | None, str]:
    return {athlete.id: athlete.name for athlete in store().athletes()}


# --- The pages -----------------------------------------------------------------------------------


@page.get("/session")
def show() -> ResponseReturnValue:
    return session_page()


def session_page(said: str = "", status: int = 200) -> ResponseReturnValue:
    session = store().running_session()
    if session is None:
        return plan_page(said, status)
    turns, names = store().turns(session.id), names_of()
    coming = ups(turns, names, ("up", "waiting"))
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
        rest_s=walks_back_s(session, coming[0].turn if coming else None),
        last=last,
        last_turn=store().turn_of(last.id) if last else None,
        felts=FELT,
        asks_feeling=last is not None and asks_feeling(store(), last),
        shown=max(6, len(names_here)),
        key=secrets.token_urlsafe(16),
    )
    return html, status


def plan_page(said: str, status: int) -> ResponseReturnValue:
    earlier = store().sessions()
    before = earlier[0] if earlier else None
    names = names_of()
    who = dict.fromkeys(turn.athlete_id for turn in store().turns(before.id)) if before else {}
    html = render_template(
        "plan.html",
        state=state_now(store()),
        said=said,
        circuits=offered().values(),
        forgotten=request.args.get("forgotten", type=int),
        postures=POSTURES.values(),
        legs=LEAD_LEGS,
        most_starts=MOST_STARTS,
        chosen=request.values.get("circuit") or (before.circuit["key"] if before else "article"),
        roster=request.form.get("names")
        or "\n".join(names[athlete] for athlete in who if athlete in names),
        earlier=earlier,
        feel=bool(request.form.get("feel") or (before and before.circuit.get("feel"))),
        cues=CUES,
        holds=HOLDS.values(),
        hold=request.form.get("hold", "random"),
        chosen_cues=request.form.getlist("cue"),
        own_cue=request.form.get("own", ""),
    )
    return html, status


def offered() -> dict[str, dict[str, Any]]:
    """The circuits that come along, and one's own."""
    own = {circuit["key"]: circuit for circuit in store().circuits()}
    return {circuit.key: circuit._asdict() for circuit in CIRCUITS.values()} | own


@page.post("/session/circuit")
def add_circuit() -> ResponseReturnValue:
    form = request.form
    starts = [
        (posture, leg)
        for posture, leg in zip(form.getlist("posture"), form.getlist("leg"), strict=False)
        if posture
    ]
    try:
        distance_m, walk_back_s = int(form["distance_m"]), int(form["walk_back_s"])
        circuit = own_circuit(form["name"], starts, distance_m, walk_back_s)
    except (ValueError, KeyError) as problem:
        wrong_number = isinstance(problem, KeyError) or "invalid literal" in str(problem)
        said = (
            _("Distance and walk back are whole numbers.") if wrong_number else told(str(problem))
        )
        return session_page(said, 400)
    key = store().save_circuit(circuit)
    return redirect(url_for("session.show", circuit=key), 303)


@page.post("/session/circuit/<int:number>/<what>")
def change_circuit(number: int, what: str) -> ResponseReturnValue:
    """Take one's own circuit out of the list, or bring it back."""
    if what not in ("forget", "back"):
        abort(404)
    store().delete_circuit(number, what == "forget")
    gone = number if what == "forget" else None
    return redirect(url_for("session.show", forgotten=gone), 303)


@page.post("/session/begin")
def begin() -> ResponseReturnValue:
    circuit = offered().get(request.form.get("circuit", ""))
    if circuit is None:
        return session_page(_("Choose a circuit."), 400)
    try:
        athletes: list[int | None] = [*roster(request.form.get("names", ""))] or [None]
        turns = sessions.plan(athletes, [(posture, leg) for posture, leg in circuit["starts"]])
        hold = HOLDS[request.form.get("hold", "random")]
        more = {"feel": bool(request.form.get("feel")), "cues": cues(), "drill": hold.drill}
        store().begin_session(circuit | more, turns)
    except Busy:
        return session_page(_("A session runs already."), 409)
    except KeyError:
        return session_page(_("Choose a hold."), 400)
    except ValueError as problem:
        return session_page(told(str(problem)), 400)
    return answer()


def cues() -> list[str]:
    """What is to be worked on, as chosen and in own words."""
    own = " ".join(request.form.get("own", "").split())[:40].rstrip(".")
    chosen = [cue for cue in request.form.getlist("cue") if cue in CUES] + ([own] if own else [])
    if len(chosen) > MOST_CUES:
        raise ValueError(_("Two things to work on are enough: move, respond, play."))
    return chosen


def roster(text: str) -> list[int]:
    """The athletes of a list that was typed or pasted: a line, comma or semicolon between two."""
    for sign in ",;\t":
        text = text.replace(sign, "\n")
    names = list(
        dict.fromkeys(filter(None, (" ".join(line.split()) for line in text.splitlines())))
    )
    if len(names) > MOST_NAMES:
        raise ValueError(
            _(
                "%(count)s names are more than %(most)s: make two sessions of it.",
                count=len(names),
                most=MOST_NAMES,
            )
        )
    if any(len(name) > 80 for name in names):
        raise ValueError(_("A name has at most 80 characters: one a line."))
    return [store().add_athlete(name).id for name in names]


@page.post("/session/arm")
def arm() -> ResponseReturnValue:
    if not state_now(store())["alive"]:
        return answer(_("The timer is not running, so nothing was armed."), 503)
    try:
        store().request_turn(request.form.get("key") or secrets.token_urlsafe(16))
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


@page.get("/screen")
def screen() -> ResponseReturnValue:
    """To be read from far: the state, who is up and who is next. Shows no button."""
    session = store().running_session()
    turns = store().turns(session.id) if session else []
    return render_template(
        "screen.html",
        state=state_now(store()),
        session=session,
        coming=ups(turns, names_of(), ("up", "waiting"))[:3],
        done=sum(turn.state == "done" for turn in turns),
        planned=sum(turn.state not in ("skipped", "away") for turn in turns),
    )


@page.get("/join")
def how_to_join() -> ResponseReturnValue:
    return render_template(
        "join.html", state=state_now(store()), address=request.host_url, wifi=wifi.known(home())
    )


@page.get("/join.svg")
def join_code() -> ResponseReturnValue:
    """This page's address as a QR code."""
    return drawn(segno.make(request.host_url, micro=False))


@page.get("/wifi.svg")
def wifi_code() -> ResponseReturnValue:
    """The Wi-Fi's name and password as a QR code, for a phone to join by."""
    network = wifi.known(home())
    if network is None:
        abort(404)
    security = "WPA" if network.password else None
    return drawn(
        helpers.make_wifi(ssid=network.name, password=network.password or None, security=security)
    )


def drawn(code: segno.QRCode) -> Response:
    out = io.BytesIO()
    code.save(out, kind="svg", scale=8, border=4)
    return Response(out.getvalue(), mimetype="image/svg+xml")


@page.post("/join/wifi")
def tell_wifi() -> ResponseReturnValue:
    """Which Wi-Fi phones are to join: typed once by the coach, shown as a code from then on."""
    try:
        wifi.keep(home(), request.form.get("name", ""), request.form.get("password", ""))
    except ValueError as problem:
        abort(400, str(problem))
    return redirect(url_for("session.how_to_join"), 303)


def poke() -> None:
    feed: Feed = current_app.extensions["feed"]
    feed.poke()


def answer(said: str = "", status: int = 200) -> ResponseReturnValue:
    """After a button: the new state for live.js, a page for everybody else."""
    poke()
    if request.accept_mimetypes.best == "application/json":
        return jsonify(state_now(store()) | {"said": said}), status
    if said:
        return session_page(said, status)
    return redirect(url_for("session.show"), 303)
