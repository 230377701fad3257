"""What a session's numbers tell, and an athlete's own; forgetting both."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

from flask import (
    Blueprint,
    abort,
    jsonify,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from pi import sessions
from pi.drills import CUES, LEAD_LEGS, POSTURES
from pi.sessions import Comparison, Known
from pi.store import Athlete, Busy, Rep, Session, Taken, Turn
from web import export, words
from web.at_hand import poke, store
from web.export import download
from web.names import MOST_LETTERS, as_a_line
from web.own import cues_in_form, told_cues, works_on
from web.people import everybody, names_of
from web.session import ALL, answer
from web.state import state_now
from web.turns import Asked, asks_feeling, called, is_alone

page = Blueprint("board", __name__)

EARLIER = 30  # starts of one posture that "before" is taken from
SHEET = 6  # athletes that have room on a television in letters for 15 m
FIRST = 12  # of the quickest: with ties they may be many

Quantity = dict[str, float]


class Column(NamedTuple):
    """What one athlete did in a session, and who that is."""

    own: sessions.Own
    name: str  # "" for whoever has none
    called: str  # the name, or what somebody without one is called
    token: str  # of the own page; "" for nobody's
    team: str
    away: bool  # absent, with nothing planned
    whole: bool  # somebody has made, and had measured, every start of his

    @property
    def reaction(self) -> Quantity | None:
        return quantity(self.own.reaction)

    @property
    def gained(self) -> Quantity | None:
        return quantity(self.own.gained)

    @property
    def consistent(self) -> Quantity | None:
        return quantity(self.own.consistent)


def columns(
    session: Session,
    turns: list[Turn],
    reps: list[Rep],
    asked: Asked,
    *,
    coach: bool | None = None,
) -> list[Column]:
    """Everybody in the order of the plan, with what `sessions.board` has to tell.

    asked : the start whose number waits until it is said how it felt.
    coach : whether a coach reads the names; None = as this phone may.
    """
    known: dict[int | None, Athlete] = {each.id: each for each in everybody(coach)}
    teams = store().teams(session.id)
    there = {turn.athlete_id for turn in turns if turn.state != "away"}
    ended = {(rep.id, rep.athlete_id): rep.status for rep in reps}
    told = sessions.board(
        [
            sessions.Turned(
                turn.athlete_id, turn.state, ended.get((turn.rep_id or 0, turn.athlete_id))
            )
            for turn in turns
        ],
        [timed(rep) for rep in measured(reps) if rep.id != asked.rep],
        earlier_ones(session, turns),
    )
    alone = is_alone(turns)

    def column(own: sessions.Own) -> Column:
        athlete = known.get(own.athlete)
        name = athlete.name if athlete else ""
        token, team = athlete.token if athlete else "", teams.get(own.athlete or 0, "")
        whole = own.progress.complete and bool(athlete or alone)
        away = own.athlete not in there
        return Column(own, name, called(name, alone), token, team, away, whole)

    return [column(own) for own in told]


def teams_of(told: list[Column]) -> list[sessions.Total]:
    """What each team has made, fair to small ones; empty without teams."""
    teams = {one.own.athlete: one.team for one in told if one.team}
    return sessions.totals(teams, {one.own.athlete: one.own for one in told})


class First(NamedTuple):
    """Who was quickest in one kind of start, three at most."""

    posture: str
    lead_leg: str
    rows: list[tuple[str, str, Quantity | None]]  # place, name, reaction


def first_of(session: Session, told: list[Column]) -> list[First]:
    """The quickest three of each kind of start, where the teacher has turned that on."""
    if not session.circuit.get("ranking"):
        return []
    found = []
    names = {one.own.athlete: one.name for one in told}
    kinds = dict.fromkeys(kind for one in told for kind in one.own.kinds)
    for kind in kinds:
        known = {one.own.athlete: one.own.kinds[kind] for one in told if kind in one.own.kinds}
        ranked = sessions.ranking({who: (each.value, each.u) for who, each in known.items()})
        rows = [(place, names[who], quantity(known[who])) for place, who in ranked]
        found.append(First(*kind, rows))
    return found


class Sheet(NamedTuple):
    """As much of the board as the big screen shows at a time: one of the three."""

    teams: Sequence[sessions.Total] = ()
    columns: Sequence[Column] = ()
    first: First | None = None


def sheets(told: list[Column], first: list[First]) -> list[Sheet]:
    """The teams, everybody in the order of the plan, who was quickest: in letters for 15 m."""
    teams = teams_of(told)
    return [
        *([Sheet(teams=teams)] if teams else ()),
        *(Sheet(columns=told[k : k + SHEET]) for k in range(0, len(told), SHEET)),
        *(
            Sheet(first=kind._replace(rows=kind.rows[k : k + FIRST]))
            for kind in first
            for k in range(0, max(1, len(kind.rows)), FIRST)
        ),
    ]


def measured(reps: list[Rep]) -> list[Rep]:
    """Those whose reaction counts: measured, and neither early nor false."""
    return [rep for rep in reps if rep.status == "measured" and rep.reaction_s is not None]


def reaction(rep: Rep) -> tuple[float, float]:
    return rep.reaction_s or 0.0, rep.reaction_u or 0.0


def of_reps(reps: list[Rep]) -> Known:
    values = [reaction(rep) for rep in measured(reps)]
    return sessions.summary([value for value, _ in values], [u for _, u in values])


def timed(rep: Rep) -> sessions.Timed:
    return sessions.Timed(rep.athlete_id, rep.posture, rep.led, *reaction(rep))


def earlier_ones(
    session: Session, turns: list[Turn]
) -> dict[int | None, dict[str, list[tuple[float, float]]]]:
    """Everybody's reactions of other sessions, by athlete and posture."""
    athletes = list({turn.athlete_id for turn in turns if turn.athlete_id is not None})
    before: dict[int | None, dict[str, list[tuple[float, float]]]] = {}
    for one in store().reactions(athletes, newest=EARLIER, but=session.id):
        own = before.setdefault(one.athlete_id, {})
        own.setdefault(one.posture, []).append((one.value, one.u))
    return before


def quantity(known: Known | sessions.Gain | None) -> Quantity | None:
    if known is None or not math.isfinite(known.value):
        return None
    return {"value": known.value, "u": known.u}


class Compared(NamedTuple):
    """Two kinds of starts of one athlete, in words."""

    found: Comparison
    first: str
    second: str

    @property
    def sentence(self) -> str:
        found = self.found
        ms = f"{abs(1000 * found.difference):.0f}"
        if found.told:
            quicker = self.first if found.difference < 0 else self.second
            return _("%(which)s is quicker, by %(ms)s ms.", which=quicker, ms=ms)
        if found.more is None:
            return _("No difference that could be told (%(ms)s ms).", ms=ms)
        return ngettext(
            "Too close to tell (%(ms)s ms): one more start of each would, "
            "if the difference is that large.",
            "Too close to tell (%(ms)s ms): %(num)s more starts of each would, "
            "if the difference is that large.",
            found.more,
            ms=ms,
        )


def comparisons(reps: list[Rep]) -> list[Compared]:
    """One athlete's legs within each posture, and postures within each leg, where both are."""
    told = measured(reps)
    pairs = [("lead_leg", "posture", "left", "right", *map(_, list(LEAD_LEGS.values())[:2]))]
    for first, second in itertools.combinations(POSTURES.values(), 2):
        pairs.append(("posture", "lead_leg", first.key, second.key, _(first.name), _(second.name)))
    found = []
    for what, within, one, other, *names in pairs:
        a, b = ([rep for rep in told if getattr(rep, what) == kind] for kind in (one, other))
        compared = sessions.compare(
            [reaction(rep)[0] for rep in a],
            [reaction(rep)[0] for rep in b],
            ([getattr(rep, within) for rep in a], [getattr(rep, within) for rep in b]),
        )
        if math.isfinite(compared.difference):
            found.append(Compared(compared, *names))
    return found


# --- The pages -----------------------------------------------------------------------------------


@page.get("/session/<int:number>")
def summary(number: int) -> ResponseReturnValue:
    """What came of it: everybody's own, nobody's place."""
    session = store().session(number)
    if session is None:
        abort(404)
    turns = store().turns(number)
    alone = len({turn.athlete_id for turn in turns}) == 1
    reps = store().starts(number, results=alone, planned=True)
    asked = asks_feeling(store())
    told = columns(session, turns, reps, asked)
    said = [rep for rep in reps if rep.id != asked.rep]
    felt_of = {(turn.rep_id, turn.athlete_id): turn.felt for turn in turns}
    return render_template(
        "summary.html",
        state=state_now(store()),
        session=session,
        columns=told,
        reps=list(reversed(store().starts(number))) if alone else [],
        compared=comparisons(said) if alone else [],
        best=min(measured(said), key=reaction, default=None) if alone else None,
        felt=how_well_felt(said, felt_of),
        asked=asked,
        teams=teams_of(told),
        first=first_of(session, told),
    )


@page.post("/session/<int:number>/ranking")
def rank(number: int) -> ResponseReturnValue:
    """Show who is quickest, or hide it again: off until the teacher wants it."""
    session = store().session(number)
    if session is None:
        abort(404)
    store().change_circuit(number, ranking=request.form.get("show") == "yes")
    poke()
    return redirect(url_for("board.summary", number=number), 303)


@page.get("/session/<int:number>.json")
def as_json(number: int) -> ResponseReturnValue:
    """A session with its turns and every athlete's starts in full."""
    session = store().session(number)
    if session is None:
        abort(404)
    made = export.in_pieces(store(), {"session_id": number})
    turns = store().turns(number)
    names = names_of()
    who = dict.fromkeys(turn.athlete_id for turn in turns if turn.athlete_id in names)
    circuit = session.circuit | {"cues": told_cues(session.circuit.get("cues"))}
    told = {
        "session": asdict(session) | {"circuit": circuit},
        "turns": [asdict(turn) for turn in turns],
        "athletes": {str(athlete): names[athlete] for athlete in who},
        "reps": [export.start_json(each) for each in sorted(made, key=lambda one: one.rep.id)],
    }
    return jsonify(told)


def how_well_felt(
    reps: list[Rep], felt_of: dict[tuple[int | None, int | None], str]
) -> sessions.Felt:
    """Of everybody's starts, each compared with the same athlete's one before of that posture."""
    kinds: dict[tuple[int | None, str], list[Rep]] = {}
    for rep in reversed(measured(reps)):
        kinds.setdefault((rep.athlete_id, rep.posture), []).append(rep)
    told = [
        sessions.felt(
            [felt_of.get((rep.id, rep.athlete_id), "") for rep in own],
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
        return answer(_("Nothing was forgotten: tick the box first."), 400)
    try:
        reps = store().forget_athletes(athletes)
    except Busy:
        return answer(_("A rep runs just now. Stop it, or wait."), 409)
    running = store().running_session()
    if running and not store().turns(running.id):  # nobody of it is left
        store().end_session(running.id)
    poke()
    return render_template("forgotten.html", state=state_now(store()), reps=reps)


@page.post("/me/<token>/name")
def rename(token: str) -> ResponseReturnValue:
    """Another name for an athlete; what it was comes back with Undo."""
    athlete = whose(token)
    try:
        renamed = store().rename_athlete(athlete.id, as_a_line(request.form.get("name", "")))
    except Taken:
        return my_page(athlete, _("Somebody else has that name."), 409)
    except ValueError:
        return my_page(athlete, _("A name has 1 to 80 characters."), 400)
    poke()
    was = athlete.name if renamed.name != athlete.name and "undo" not in request.form else None
    return redirect(url_for("board.me", token=token, was=was), 303)


@page.get("/me/<token>")
def me(token: str) -> ResponseReturnValue:
    """An athlete's own page: nobody finds it who was not given its address."""
    return my_page(whose(token))


@page.post("/me/<token>/felt")
def feel(token: str) -> ResponseReturnValue:
    """How the athlete's own last start felt, said on his own page."""
    turn = own_starts(whose(token))[1]
    felt = request.form.get("felt", "")
    if turn and felt in ("quicker", "same", "slower"):
        store().save_felt(turn.id, felt)
        poke()
    return redirect(url_for("board.me", token=token), 303)


@page.post("/me/<token>/cues")
def choose_cues(token: str) -> ResponseReturnValue:
    """What the athlete himself wants to work on."""
    athlete = whose(token)
    try:
        store().set_cues(athlete.id, cues_in_form())
    except ValueError as problem:
        return my_page(athlete, str(problem), 400)
    poke()
    return redirect(url_for("board.me", token=token), 303)


def own_starts(athlete: Athlete) -> tuple[list[Rep], Turn | None]:
    """An athlete's reps, newest first, but the one of which is asked first how it felt; and that.

    Its number stays away from the own page until he has said it.
    """
    reps = store().reps(athlete_id=athlete.id, limit=ALL)
    turn = next((one for one in asks_feeling(store()).turns if one.athlete_id == athlete.id), None)
    return [rep for rep in reps if turn is None or rep.id != turn.rep_id], turn


def my_page(athlete: Athlete, said: str = "", status: int = 200) -> ResponseReturnValue:
    reps, asked = own_starts(athlete)
    told = measured(reps)
    kinds: dict[tuple[str, str], list[Rep]] = {}
    days: dict[tuple[str, str], list[Rep]] = {}
    for rep in told:
        kinds.setdefault((rep.posture, rep.led), []).append(rep)
        day = rep.requested_at[:10] if rep.dated else ""
        days.setdefault((day, rep.posture), []).append(rep)
    html = render_template(
        "me.html",
        state=state_now(store()),
        said=said,
        was=request.args.get("was", "")[:MOST_LETTERS],
        asked=asked,
        cues=CUES,
        works_on=works_on(athlete),
        athlete=athlete,
        reps=reps,
        kinds=[(*kind, len(own), quantity(of_reps(own))) for kind, own in kinds.items()],
        days=[(*day, len(own), quantity(of_reps(own))) for day, own in days.items()],
        compared=comparisons(reps),
    )
    return html, status


@page.get("/me/<token>.json")
def my_trend(token: str) -> ResponseReturnValue:
    """An athlete's measured reactions, oldest first, for the chart on the own page."""
    reps = measured(own_starts(whose(token))[0])
    return jsonify(
        [
            {
                "rep": rep.id,
                "at": rep.requested_at if rep.dated else None,
                "kind": f"{words.posture(rep.posture)}, {words.leg(rep.led)}",
                "value": rep.reaction_s,
                "u": rep.reaction_u,
            }
            for rep in reversed(reps)
        ]
    )


@page.get("/me/<token>.csv")
def my_table(token: str) -> ResponseReturnValue:
    """An athlete's own reps as a table, for whoever has the page's address."""
    athlete = whose(token)
    name: dict[int | None, str] = {athlete.id: athlete.name}
    lines = export.reps_csv(store(), {"athlete_id": athlete.id}, name)
    return download(stream_with_context(lines), "my-reps.csv")


def whose(token: str) -> Athlete:
    athlete = store().athlete_by_token(token)
    if athlete is None:
        abort(404)
    return athlete
