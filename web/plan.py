"""The plan of a session: who starts, in which circuit, how; circuits of one's own."""

from itertools import zip_longest
from random import SystemRandom
from typing import Any, NamedTuple

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from pi import sessions
from pi.aliases import Alias, aliases
from pi.drills import (
    CIRCUITS,
    CUES,
    HOLDS,
    LEAD_LEGS,
    MOST_STARTS,
    MOST_STATIONS,
    OWN_LENGTH,
    POSTURES,
    own_circuit,
    stations,
)
from pi.store import MOST_LANES, Busy, Session
from web.at_hand import poke, row_id, settings, store
from web.language import N_
from web.names import MOST_LETTERS, as_a_line, names_in, names_in_list, numbered
from web.own import OTHER, cues_in_form, posture_in
from web.people import names_of
from web.state import known_line, state_now
from web.told import told

page = Blueprint("plan", __name__)

MOST_NAMES = 60
OWN_KEY = "own-"  # begins the keys of one's own circuits
TEAMS = (N_("Red"), N_("Blue"), N_("Yellow"), N_("Green"), N_("Orange"), N_("Violet"))


def plan_page(
    said: str = "", status: int = 200, names: str | None = None, before: str = ""
) -> ResponseReturnValue:
    """The plan, with what was typed so far.

    names : what the list of names says instead.   before : what it said, for Undo to put back.
    """
    earlier = store().sessions()
    of = request.args.get("names", type=row_id)
    latest = next((each for each in earlier if of in (None, each.id)), None)
    form = request.form
    html = render_template(
        "plan.html",
        state=state_now(store()),
        said=said,
        circuits=offered().values(),
        forgotten=request.args.get("forgotten", type=row_id),
        draft=draft(),
        postures={key: posture.name for key, posture in POSTURES.items()}
        | {OTHER: N_("Another way")},
        own_length=OWN_LENGTH,
        legs=LEAD_LEGS,
        most_starts=MOST_STARTS,
        chosen=request.values.get("circuit") or (latest.circuit["key"] if latest else "article"),
        roster=form.get("names", roster_of(latest)) if names is None else names,
        before=before.strip(),
        unfinished=unfinished(earlier),
        earlier=earlier,
        feel=bool(form.get("feel") or (latest and latest.circuit.get("feel"))),
        cues=CUES,
        holds=HOLDS.values(),
        hold=form.get("hold", "random"),
        chosen_cues=form.getlist("cue"),
        own_cue=form.get("own", ""),
        most_lanes=lanes_there(),
        lanes=form.get("lanes", 1, type=int),
        most_teams=len(TEAMS),
        teams=form.get("teams", 0, type=int),
        stations=form.get("stations", ""),
        most_stations=MOST_STATIONS,
        minutes=form.get("minutes", "6"),
    )
    return html, status


def unfinished(earlier: list[Session]) -> Session | None:
    """The newest session, where it was ended before all its starts were made."""
    newest = next(iter(earlier), None)
    if newest and any(turn.state == "waiting" for turn in store().turns(newest.id)):
        return newest
    return None


def lanes_there() -> int:
    """How many lanes the camera is set up for; 1 without any."""
    line = known_line(store(), settings())
    data = line.kept.data if line.kept else {}
    simulated = settings().simulate.lanes if line.source == "track" else 1
    return min(MOST_LANES, max(len(data.get("lanes") or ()), simulated, 1))


def roster_of(session: Session | None) -> str:
    """The names of a session, one a line."""
    if session is None:
        return ""
    names = names_of()
    who = dict.fromkeys(turn.athlete_id for turn in store().turns(session.id))
    return "\n".join(names[athlete] for athlete in who if athlete in names)


def offered() -> dict[str, dict[str, Any]]:
    """The circuits that come along, and one's own."""
    own = {circuit["key"]: circuit for circuit in store().circuits()}
    return {circuit.key: circuit._asdict() for circuit in CIRCUITS.values()} | own


class Draft(NamedTuple):
    """What the form of a circuit of one's own shows."""

    rows: list[tuple[str, str, str]]  # MOST_STARTS of posture, leg, own words
    opened: bool
    name: str = ""
    distance_m: str = "60"
    walk_back_s: str = "60"
    of: str = ""  # key of the circuit that is changed


def draft() -> Draft:
    """What was typed, where it could not be; else the circuit that is to be changed, or nothing."""
    form, empty = request.form, [("", "left", "")] * MOST_STARTS
    if "distance_m" in form:
        said = [form.get(name, "") for name in ("name", "distance_m", "walk_back_s", "of")]
        return Draft((typed_starts() + empty)[:MOST_STARTS], True, *said)
    key = request.args.get("change", "")
    if (circuit := offered().get(key)) is None:
        return Draft(empty, False)
    rows = [
        (posture, leg, "") if posture in POSTURES else (OTHER, leg, posture)
        for posture, leg in circuit["starts"]
    ]
    lengths = str(circuit["distance_m"]), str(circuit["walk_back_s"])
    return Draft([*rows, *empty][:MOST_STARTS], True, _(circuit["name"]), *lengths, key)


def typed_starts() -> list[tuple[str, str, str]]:
    """Posture, leg and own words of each row of the form."""
    postures, legs, others = map(request.form.getlist, ("posture", "leg", "other"))
    return list(zip_longest(postures, legs, others, fillvalue=""))


@page.post("/session/circuit")
def add_circuit() -> ResponseReturnValue:
    """Keep a circuit of one's own; one that is changed is taken out for it, with undo."""
    form = request.form
    try:
        starts = [
            (posture_in(posture or OTHER, other), leg)
            for posture, leg, other in typed_starts()
            if posture or other.strip()
        ]
        distance_m, walk_back_s = int(form["distance_m"]), int(form["walk_back_s"])
        circuit = own_circuit(form["name"], starts, distance_m, walk_back_s)
    except (ValueError, KeyError) as problem:
        wrong_number = isinstance(problem, KeyError) or "invalid literal" in str(problem)
        whole = _("Distance and walk back are whole numbers.")
        return plan_page(whole if wrong_number else told(str(problem)), 400)
    before = offered().get(form.get("of", ""), {}).get("key", "")
    key = store().save_circuit(circuit)
    replaced = int(before[len(OWN_KEY) :]) if before.startswith(OWN_KEY) else None
    if replaced:
        store().delete_circuit(replaced)
    return redirect(url_for("session.show", circuit=key, forgotten=replaced), 303)


@page.post("/session/circuit/<int:number>/<what>")
def change_circuit(number: int, what: str) -> ResponseReturnValue:
    """Take one's own circuit out of the list, or bring it back."""
    if what not in ("forget", "back"):
        abort(404)
    store().delete_circuit(number, what == "forget")
    gone = number if what == "forget" else None
    return redirect(url_for("session.show", forgotten=gone), 303)


@page.post("/session/names")
def make_names() -> ResponseReturnValue:
    """So many names that tell nobody who is who, in the list; or the names of a file; or undo."""
    form = request.form
    typed, what = form.get("names", ""), form.get("what", "")
    if what == "undo":
        return plan_page(names=form.get("before", ""))
    sent = request.files.get("file")
    if what == "file" or (sent and sent.filename):
        try:
            names = read_names(sent.read() if sent else b"")
        except ValueError as problem:
            return plan_page(str(problem), 400)
        return plan_page(names="\n".join(names), before=typed)
    count = form.get("count", 0, type=int)
    if not 1 <= count <= MOST_NAMES:
        said = _("How many? A number from 1 to %(most)s.", most=MOST_NAMES)
        return plan_page(said, 400)
    taken = [athlete.name for athlete in store().athletes()]
    made = aliases(count, SystemRandom(), taken, in_words)
    return plan_page(names="\n".join(map(in_words, made)), before=typed)


def read_names(data: bytes) -> list[str]:
    """The names of a file, each as a line of the list; ValueError, a sentence, for none."""
    names = numbered([name for each in names_in(data) if (name := as_a_line(each))])
    if not names:
        raise ValueError(_("No name is in that file; the list is as it was."))
    return names


def in_words(alias: Alias) -> str:
    return f"{_(alias.animal)} {alias.number}"


@page.post("/session/begin")
def begin() -> ResponseReturnValue:
    form = request.form
    circuit = offered().get(form.get("circuit", ""))
    hold = HOLDS.get(form.get("hold", "random"))
    if circuit is None:
        return plan_page(_("Choose a circuit."), 400)
    if hold is None:
        return plan_page(_("Choose a hold."), 400)
    lanes, teams = form.get("lanes", 1, type=int), form.get("teams", 0, type=int)
    try:
        athletes: list[int | None] = [*roster(form.get("names", ""))] or [None]
        turns = sessions.plan(athletes, [(posture, leg) for posture, leg in circuit["starts"]])
        more: dict[str, Any] = {"feel": bool(form.get("feel")), "drill": hold.drill}
        more["cues"] = cues_in_form()
        if lanes > 1:
            more["lanes"] = min(lanes, lanes_there())
        named = [athlete for athlete in athletes if athlete is not None]
        dealt = {}
        if 2 <= teams <= len(TEAMS) and len(named) >= teams:
            dealt = sessions.dealt(named, TEAMS[:teams], SystemRandom())
        others = [name for name in form.get("stations", "").splitlines() if name.strip()]
        if others:
            minutes = form.get("minutes", 0, type=int)
            more["stations"] = stations(others, minutes, TEAMS[:teams] if dealt else ())
        session = store().begin_session(circuit | more, turns)
    except Busy:  # BEGIN twice, or on another phone: there it is
        return redirect(url_for("session.show", already="yes"), 303)
    except ValueError as problem:
        return plan_page(told(str(problem)), 400)
    if dealt:
        store().set_teams(session.id, dealt)
    poke()
    return redirect(url_for("session.show"), 303)


def roster(text: str) -> list[int]:
    """The athletes of a list that was typed or pasted; ValueError, a sentence, for none."""
    names = names_in_list(text)
    if len(names) > MOST_NAMES:
        raise ValueError(
            _(
                "%(count)s names are more than %(most)s: make two sessions of it.",
                count=len(names),
                most=MOST_NAMES,
            )
        )
    if any(len(name) > MOST_LETTERS for name in names):
        raise ValueError(_("A name has at most 80 characters: one a line."))
    return [store().add_athlete(name).id for name in names]
