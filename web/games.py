"""The games' page: choose one and who plays, arm, and hear how it went."""

import secrets
from functools import partial
from typing import Any, NamedTuple

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from pi.drills import POSTURES
from pi.games import GAMES, MOST_PLAYERS, Outcome, outcome, too_few_lanes
from pi.store import Busy, Rep
from web import words
from web.at_hand import row_id, store
from web.people import names_of
from web.plan import lanes_there
from web.reply import reply
from web.state import state_now

page = Blueprint("games", __name__)

HANDICAPS_S = (0.6, 1.0, 1.5, 2.0, 3.0)
TOLD = 10  # games on the page
LOOKED_AT = 100  # reps among which they are


class Played(NamedTuple):
    """A game that is over, in words."""

    rep: Rep
    name: str
    sentence: str
    more: list[str]  # who was out, how the starts were, what is not known


@page.get("/games")
def show() -> ResponseReturnValue:
    return games_page()


def games_page(said: str = "", status: int = 200) -> ResponseReturnValue:
    names, lanes = names_of(), lanes_there()
    played = [rep for rep in store().reps(limit=LOOKED_AT) if rep.drill.get("game")][:TOLD]
    before = played[0] if played else None
    html = render_template(
        "games.html",
        state=state_now(store()),
        said=said,
        games=GAMES.values(),
        postures=POSTURES.values(),
        handicaps=HANDICAPS_S,
        lanes=lanes,
        seats=range(max(lanes, 2)),
        most=min(GAMES["number"].players[1], lanes if lanes > 1 else MOST_PLAYERS),
        names=names,
        chosen=choices(before),
        key=secrets.token_urlsafe(16),
        played=[in_words(rep, names) for rep in played if not rep.active],
    )
    return html, status


answer = partial(reply, games_page, "games.show")


def choices(before: Rep | None) -> dict[str, Any]:
    """What was just asked for, else what the game before had; "swap" changes hare and chaser."""
    drill: dict[str, Any] = before.drill if before else {}
    game = drill.get("game") or {}
    players = [*(drill.get("players") or ())]
    if "swap" in request.args:
        players[:1], players[-1:] = players[-1:], players[:1]
    values = request.form if request.method == "POST" else request.args
    seats = values.getlist("player") or [str(each or "") for each in players]
    return {
        "game": values.get("game", game.get("kind", "chase")),
        "posture": values.get("posture", before.posture if before else "prone"),
        "handicap": values.get("handicap", f"{game.get('handicap_s', 1.5):g}"),
        "of": values.get("of", str(game.get("of", 4))),
        "players": seats,
    }


@page.post("/games/arm")
def arm() -> ResponseReturnValue:
    form = request.form
    kind = form.get("game", "")
    if kind not in GAMES or form.get("posture") not in POSTURES:
        return answer(_("Choose a game and a posture."), 400)
    if not state_now(store())["alive"]:
        return answer(_("The timer is not running, so nothing was armed."), 503)
    game: dict[str, Any] = {"kind": kind}
    try:
        seats = [row_id(each) if each else None for each in form.getlist("player")]
    except ValueError:
        return answer(_("That choice is not there any more. Choose again."), 400)
    if kind == "chase":
        game["handicap_s"] = form.get("handicap", 1.5, type=float)
        seats[1:-1] = [None] * len(seats[1:-1])
    if kind == "number":
        game["of"] = form.get("of", 4, type=int)
        seats = seats[: game["of"]]
    lanes = lanes_there()
    if why := too_few_lanes(game, lanes if lanes > 1 else 0):
        return answer(words.sentence(why), 400)
    drill: dict[str, Any] = {"game": game}
    if any(seats) and lanes > 1:
        drill["players"] = seats
    try:
        rep = store().request_rep(
            posture=form["posture"],
            key=form.get("key") or secrets.token_urlsafe(16),
            drill=drill,
        )
    except Busy:
        return answer(_("A rep is running already. Stop it first."), 409)
    except ValueError as problem:
        return answer(words.sentence(str(problem)), 400)
    if not rep.active:
        return answer(_("That press was used before. Press Arm again."), 409)
    return answer()


# --- In words ------------------------------------------------------------------------------------


def in_words(rep: Rep, names: dict[int | None, str]) -> Played:
    """How a game that is over went."""
    game = rep.drill["game"]
    kept = (rep.settings or {}).get("game")
    false = rep.state == "false_start" and bool((rep.result or {}).get("athletes"))
    ended = rep.state == "done" or false or bool((kept or {}).get("recalled"))
    found = outcome(game, kept, rep.result if ended else None)
    who = Who(rep, names)
    sentence = said_of(found, who) if ended else words.ending(rep).sentence
    more = []
    if found.out:
        more.append(_("Moved without being called, and is out: %(who)s.", who=who.all(found.out)))
    for start in found.starts:
        value, u = words.figure(start.reaction_s)
        if u:
            time = f"{value}\N{NO-BREAK SPACE}s ±\N{NO-BREAK SPACE}{u}"
            more.append(_("%(who)s: reaction %(time)s", who=who.one(start.lane), time=time))
    more += [_(reason) for reason in found.reasons if ended]
    return Played(rep, _(GAMES[game["kind"]].name), sentence, more)


class Who:
    """What whoever ran in a lane is called: the name, else the lane."""

    def __init__(self, rep: Rep, names: dict[int | None, str]) -> None:
        athletes = (rep.result or {}).get("athletes") or ()
        players = rep.drill.get("players") or ()
        self._names = {
            each["lane"]: names[players[k]]
            for k, each in enumerate(athletes)
            if k < len(players) and players[k] in names
        }

    def one(self, lane: str) -> str:
        return self._names.get(lane) or _("lane %(lane)s", lane=lane)

    def all(self, lanes: tuple[str, ...]) -> str:
        return ", ".join(self.one(lane) for lane in lanes)


def said_of(found: Outcome, who: Who) -> str:
    """The verdict as a sentence."""
    names = who.all(found.lanes)
    value, u = words.figure(found.margin_s)
    by = f"{value}\N{NO-BREAK SPACE}s ±\N{NO-BREAK SPACE}{u}"
    if found.verdict == "called_back":
        return _("Somebody moved too soon: called back.")
    if found.verdict == "false_start":
        return _("Moved before the signal: %(who)s.", who=names)
    if found.verdict == "unknown":
        return _("It was not seen well enough to tell.")
    if found.verdict == "too_close":
        return _("Too close to call: %(who)s.", who=names)
    if found.verdict == "caught":
        return _("Caught! %(who)s was at 5 m first, by %(by)s.", who=names, by=by)
    if found.verdict == "got_away":
        return _("Got away! %(who)s was at 5 m first, by %(by)s.", who=names, by=by)
    if found.verdict == "went":
        return _("Number %(number)s was called, and went.", number=found.called)
    if found.verdict == "stayed":
        return _("Number %(number)s was called, and stayed.", number=found.called)
    if found.verdict == "coach":
        return _("Number %(number)s was called. Did the right one go?", number=found.called)
    return _("Last one up: %(who)s, by %(by)s.", who=names, by=by)
