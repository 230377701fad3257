"""A session's pages: plan it, run it turn by turn, see what came of it; the big screen; joining."""

import io
import secrets
import time
from dataclasses import asdict
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

from pi import sessions
from pi.drills import (
    CIRCUITS,
    CUES,
    FARTHEST_M,
    LEAD_LEGS,
    MOST_CUES,
    MOST_STARTS,
    POSTURES,
    own_circuit,
)
from pi.sessions import Comparison, Known
from pi.store import Athlete, Busy, Reaction, Rep, Session, Store, Turn, WrongStep
from web import export, words
from web.live import Feed
from web.state import asks_feeling, state_now

page = Blueprint("session", __name__)

MOST_NAMES = 60
ALL = 2000  # starts, more than a session has
EARLIER = 30  # starts of one posture that "before" is taken from
FELT = {"quicker": "Quicker", "same": "The same", "slower": "Slower"}


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


def walks_back_s(session: Session, reps: list[Rep], turn: Turn | None) -> int:
    """How long whoever is up should still rest; 0 when it is time.   reps : newest first."""
    if turn is None:
        return 0
    last = next((rep for rep in reps if rep.athlete_id == turn.athlete_id and rep.ended_ns), None)
    if last is None or last.state != "done" or last.ended_ns is None:
        return 0
    passed_s = (time.monotonic_ns() - last.ended_ns) * 1e-9
    wanted = session.circuit["walk_back_s"]
    return round(wanted - passed_s) if 0 <= passed_s < wanted else 0


class Column(NamedTuple):
    """What one athlete did in a session."""

    athlete: int | None
    name: str
    token: str  # of the own page; "" for nobody's
    done: int
    planned: int
    reaction: dict[str, Any] | None  # median, as a quantity
    spread: float | None  # s, from start to start; None for fewer than three
    gained: dict[str, Any] | None  # s quicker than before, as a quantity
    ahead: bool  # more than its uncertainty
    behind: bool


def columns(session: Session, turns: list[Turn], reps: list[Rep]) -> list[Column]:
    """Everybody in the order of the plan: nobody is first, and nobody last."""
    names = names_of()
    before = earlier_ones(session, turns)
    tokens: dict[int | None, str] = {each.id: each.token for each in store().athletes()}
    order = list(dict.fromkeys(turn.athlete_id for turn in turns))
    told = []
    for athlete in order:
        own = [turn for turn in turns if turn.athlete_id == athlete]
        now = of_reps([rep for rep in reps if rep.athlete_id == athlete])
        gain = against_before([rep for rep in reps if rep.athlete_id == athlete], before)
        told.append(
            Column(
                athlete,
                names.get(athlete, ""),
                tokens.get(athlete, ""),
                sum(turn.state == "done" for turn in own),
                sum(turn.state != "skipped" for turn in own),
                quantity(now),
                now.spread if now.starts > 2 else None,
                quantity(gain) if gain else None,
                bool(gain and gain.value > gain.u),
                bool(gain and gain.value < -gain.u),
            )
        )
    return told


def measured(reps: list[Rep]) -> list[Rep]:
    """Those whose reaction counts: measured, and neither early nor false."""
    return [rep for rep in reps if rep.status == "measured" and rep.reaction_s is not None]


def reaction(rep: Rep) -> tuple[float, float]:
    return rep.reaction_s or 0.0, rep.reaction_u or 0.0


def of_reps(reps: list[Rep]) -> Known:
    values = [reaction(rep) for rep in measured(reps)]
    return sessions.summary([value for value, _ in values], [u for _, u in values])


def earlier_ones(session: Session, turns: list[Turn]) -> dict[tuple[int, str], list[Reaction]]:
    """Everybody's reactions of other sessions, newest first, by athlete and posture."""
    athletes = list({turn.athlete_id for turn in turns if turn.athlete_id is not None})
    before: dict[tuple[int, str], list[Reaction]] = {}
    for one in store().reactions(athletes, newest=EARLIER, but=session.id):
        before.setdefault((one.athlete_id, one.posture), []).append(one)
    return before


def against_before(reps: list[Rep], earlier: dict[tuple[int, str], list[Reaction]]) -> Known | None:
    """How much quicker one athlete is than before, over the postures that both have; else None.

    reps : the athlete's own of this session.   earlier : as `earlier_ones` gives them.
    """
    now: list[Rep] = []
    before: list[Reaction] = []
    for posture in dict.fromkeys(rep.posture for rep in measured(reps)):
        own = [rep for rep in reps if rep.posture == posture]
        if known := earlier.get((own[0].athlete_id or 0, posture)):
            before += known
            now += own
    if not before:
        return None
    then = sessions.summary([one.value for one in before], [one.u for one in before])
    return sessions.improved(of_reps(now), then)


def quantity(known: Known) -> dict[str, Any] | None:
    return {"value": known.value, "u": known.u} if known.value == known.value else None


class Compared(NamedTuple):
    """Two kinds of starts of one athlete, in words."""

    what: str
    found: Comparison
    first: str
    second: str

    @property
    def sentence(self) -> str:
        found = self.found
        ms = abs(1000 * found.difference)
        if found.told:
            quicker = self.first if found.difference < 0 else self.second
            return f"{quicker} is quicker, by {ms:.0f} ms."
        if found.more is None:
            return f"No difference that could be told ({ms:.0f} ms)."
        return (
            f"Too close to tell ({ms:.0f} ms): {found.more} more starts of each would, "
            "if the difference is that large."
        )


def comparisons(reps: list[Rep]) -> list[Compared]:
    """One athlete's legs and postures against each other, as far as there are starts of both."""
    told = measured(reps)
    legs = {
        leg: [reaction(rep)[0] for rep in told if rep.lead_leg == leg] for leg in ("left", "right")
    }
    found = []
    if legs["left"] and legs["right"]:
        compared = sessions.compare(legs["left"], legs["right"])
        found.append(Compared("Leg", compared, "Left leg first", "Right leg first"))
    by_posture = {
        posture: [reaction(rep)[0] for rep in told if rep.posture == posture]
        for posture in POSTURES
        if any(rep.posture == posture for rep in told)
    }
    pairs = list(by_posture)
    for k, first in enumerate(pairs):
        for second in pairs[k + 1 :]:
            compared = sessions.compare(by_posture[first], by_posture[second])
            names = POSTURES[first].name, POSTURES[second].name
            found.append(Compared("Posture", compared, *names))
    return found


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
    reps = store().reps(session_id=session.id, limit=ALL)
    coming = ups(turns, names, ("up", "waiting"))
    last = next((rep for rep in reps if not rep.active), None)
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
        rest_s=walks_back_s(session, reps, coming[0].turn if coming else None),
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
        farthest_m=FARTHEST_M,
        chosen=request.values.get("circuit") or (before.circuit["key"] if before else "article"),
        roster=request.form.get("names")
        or "\n".join(names[athlete] for athlete in who if athlete in names),
        earlier=earlier,
        feel=bool(request.form.get("feel") or (before and before.circuit.get("feel"))),
        cues=CUES,
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
        said = "Distance and walk back are whole numbers." if wrong_number else str(problem)
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
        return session_page("Choose a circuit.", 400)
    try:
        athletes: list[int | None] = [*roster(request.form.get("names", ""))] or [None]
        turns = sessions.plan(athletes, [(posture, leg) for posture, leg in circuit["starts"]])
        more = {"feel": bool(request.form.get("feel")), "cues": cues()}
        store().begin_session(circuit | more, turns)
    except Busy:
        return session_page("A session runs already.", 409)
    except ValueError as problem:
        return session_page(str(problem), 400)
    return answer()


def cues() -> list[str]:
    """What is to be worked on, as chosen and in own words."""
    own = " ".join(request.form.get("own", "").split())[:40].rstrip(".")
    chosen = [cue for cue in request.form.getlist("cue") if cue in CUES] + ([own] if own else [])
    if len(chosen) > MOST_CUES:
        raise ValueError("Two things to work on are enough: move, respond, play.")
    return chosen


def roster(text: str) -> list[int]:
    """The athletes of a list that was typed or pasted: a line, comma or semicolon between two."""
    for sign in ",;\t":
        text = text.replace(sign, "\n")
    names = list(
        dict.fromkeys(filter(None, (" ".join(line.split()) for line in text.splitlines())))
    )
    if len(names) > MOST_NAMES:
        raise ValueError(f"{len(names)} names are more than {MOST_NAMES}: make two sessions of it.")
    if any(len(name) > 80 for name in names):
        raise ValueError("A name has at most 80 characters: one a line.")
    return [store().add_athlete(name).id for name in names]


@page.post("/session/arm")
def arm() -> ResponseReturnValue:
    if not state_now(store())["alive"]:
        return answer("The timer is not running, so nothing was armed.", 503)
    try:
        store().request_turn(request.form.get("key") or secrets.token_urlsafe(16))
    except Busy:
        return answer("A rep is running already. Stop it first.", 409)
    except (WrongStep, ValueError):
        return answer("Nobody is left to start. Add somebody, or end the session.", 409)
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
        return answer("That start has been made meanwhile.", 409)
    except ValueError:
        return answer("That start is not there any more.", 404)
    return answer()


@page.post("/session/turn/<int:number>/felt")
def felt(number: int) -> ResponseReturnValue:
    """How a start felt: said by whoever made it."""
    try:
        store().save_felt(number, request.form.get("felt", ""))
    except ValueError:
        return answer("That start is not there any more.", 404)
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
        return answer("No session runs.", 409)
    try:
        athletes = roster(request.form.get("names", ""))
        if not athletes:
            raise ValueError("Type a name.")
    except ValueError as problem:
        return answer(str(problem), 400)
    starts = [(posture, leg) for posture, leg in session.circuit["starts"]]
    for athlete in athletes:
        turns = store().turns(session.id)
        if any(turn.athlete_id == athlete for turn in turns):
            continue
        waiting = [
            sessions.Turn(turn.athlete_id, turn.posture, turn.lead_leg)
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
        return answer("That athlete, or that rep, is not there any more.", 404)
    return answer()


@page.post("/session/<int:number>/end")
def end(number: int) -> ResponseReturnValue:
    store().end_session(number)
    poke()
    return redirect(url_for("session.summary", number=number), 303)


@page.post("/session/<int:number>/resume")
def resume(number: int) -> ResponseReturnValue:
    try:
        store().resume_session(number)
    except Busy:
        return answer("Another session runs. End it first.", 409)
    return answer()


@page.get("/session/<int:number>")
def summary(number: int) -> ResponseReturnValue:
    """What came of it: everybody's own, nobody's place."""
    session = store().session(number)
    if session is None:
        abort(404)
    turns = store().turns(number)
    reps = store().reps(session_id=number, limit=ALL)
    told = columns(session, turns, reps)
    alone = len(told) == 1
    felt_of = {turn.rep_id: turn.felt for turn in turns}
    return render_template(
        "summary.html",
        state=state_now(store()),
        session=session,
        columns=told,
        reps=list(reversed(reps)) if alone else [],
        compared=comparisons(reps) if alone else [],
        best=min((reaction(rep) for rep in measured(reps)), default=None) if alone else None,
        felt=how_well_felt(reps, felt_of),
    )


@page.get("/session/<int:number>.json")
def as_json(number: int) -> ResponseReturnValue:
    """A session with its turns and every result in full."""
    session = store().session(number)
    if session is None:
        abort(404)
    reps = store().reps(session_id=number, limit=ALL)
    turns = store().turns(number)
    names = names_of()
    who = dict.fromkeys(turn.athlete_id for turn in turns if turn.athlete_id in names)
    told = {
        "session": asdict(session),
        "turns": [asdict(turn) for turn in turns],
        "athletes": {str(athlete): names[athlete] for athlete in who},
        "reps": [export.as_json(rep) for rep in reversed(reps)],
    }
    return jsonify(told)


def how_well_felt(reps: list[Rep], felt_of: dict[int | None, str]) -> sessions.Felt:
    """Of everybody's starts, each compared with the same athlete's one before of that posture."""
    kinds: dict[tuple[int | None, str], list[Rep]] = {}
    for rep in reversed(measured(reps)):
        kinds.setdefault((rep.athlete_id, rep.posture), []).append(rep)
    told = [
        sessions.felt(
            [felt_of.get(rep.id, "") for rep in own],
            [reaction(rep)[0] for rep in own],
            [reaction(rep)[1] for rep in own],
        )
        for own in kinds.values()
    ]
    return sessions.Felt(sum(each.right for each in told), sum(each.of for each in told))


@page.post("/session/<int:number>/forget")
def forget_class(number: int) -> ResponseReturnValue:
    """Everybody of a session, with all their reps."""
    turns = store().turns(number)
    return forget([turn.athlete_id for turn in turns if turn.athlete_id is not None])


@page.post("/me/<token>/forget")
def forget_athlete(token: str) -> ResponseReturnValue:
    return forget([whose(token).id])


def forget(athletes: list[int]) -> ResponseReturnValue:
    if request.form.get("sure") != "yes":
        return answer("Nothing was forgotten: tick the box first.", 400)
    try:
        reps = store().forget_athletes(athletes)
    except Busy:
        return answer("One of them runs just now. Stop the rep first.", 409)
    poke()
    return render_template("forgotten.html", state=state_now(store()), reps=reps)


@page.get("/me/<token>")
def me(token: str) -> ResponseReturnValue:
    """An athlete's own page: nobody finds it who was not given its address."""
    athlete = whose(token)
    reps = store().reps(athlete_id=athlete.id, limit=ALL)
    told = measured(reps)
    kinds: dict[tuple[str, str], list[Rep]] = {}
    days: dict[tuple[str, str], list[Rep]] = {}
    for rep in told:
        kinds.setdefault((rep.posture, rep.lead_leg), []).append(rep)
        day = rep.requested_at[:10] if rep.dated else "date unknown"
        days.setdefault((day, rep.posture), []).append(rep)
    return render_template(
        "me.html",
        state=state_now(store()),
        athlete=athlete,
        reps=reps,
        kinds=[(*kind, len(own), quantity(of_reps(own))) for kind, own in kinds.items()],
        days=[(*day, len(own), quantity(of_reps(own))) for day, own in days.items()],
        compared=comparisons(reps),
    )


def whose(token: str) -> Athlete:
    athlete = store().athlete_by_token(token)
    if athlete is None:
        abort(404)
    return athlete


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
    return render_template("join.html", state=state_now(store()), address=request.host_url)


@page.get("/join.svg")
def join_code() -> ResponseReturnValue:
    """This page's address as a QR code."""
    out = io.BytesIO()
    segno.make(request.host_url, micro=False).save(out, kind="svg", scale=8, border=4)
    return Response(out.getvalue(), mimetype="image/svg+xml")


@page.get("/help")
def help_page() -> ResponseReturnValue:
    return render_template("help.html", state=state_now(store()), meanings=words.meanings())


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
