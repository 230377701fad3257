"""Start games, as data, and how each of them went. Knows no device, no store and no page.

A game is a start drill with the same measuring underneath. What was chosen, what the device did and
what was measured go in; who was caught, who was out, by how much and how surely come out. A
difference inside its uncertainty decides nothing.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pi.starts import STARTED, WENT_BACK

FINISH_M = 5.0
"""A chase is over where the torso crosses this gate: the farthest that every camera sees."""


class Game(NamedTuple):
    """A way to play at starting."""

    key: str
    name: str
    words: str  # to the athletes, one line
    safety: str
    players: tuple[int, int]  # fewest and most


GAMES = {
    game.key: game
    for game in (
        Game(
            "chase",
            "Chase",
            "The first tone is the hare's, the second the chaser's; the first at 5 m wins.",
            "Each runs in a lane of their own. Nobody touches, nobody pushes.",
            (2, 2),
        ),
        Game(
            "number",
            "Your number's up",
            "Count the beeps. At GO only that number goes; whoever else moves is out.",
            "An empty lane between two runners, or room for both to slow down.",
            (2, 6),
        ),
        Game(
            "last_up",
            "Last one up",
            "All lie down. At GO get up and run; the last one on the feet is out.",
            "An arm's length from each other, on grass or mats.",
            (2, 4),
        ),
    )
}

HANDICAP_S = (0.6, 3.0)
"""How much later the chaser may go: after the first tone has ended, and while the hare is seen."""

MOST_LANES = 4
MOST_PLAYERS = max(game.players[1] for game in GAMES.values())


def game_of(drill: Mapping[str, Any]) -> dict[str, Any] | None:
    """The game of a rep's drill, None where it has none; ValueError, a sentence, if it cannot be.

    drill : {"game": {"kind": "chase", "handicap_s": 1.5} | {"kind": "number", "of": 4} |
    {"kind": "last_up"}, "players": [athlete's id or None, …] in the order of the lanes}.
    """
    game = drill.get("game")
    players = drill.get("players")
    if players is not None and not (
        isinstance(players, list | tuple)
        and all(each is None or (_is_whole(each) and 0 < each < 2**63) for each in players)
    ):
        raise ValueError("players: a list of the athletes' numbers, null where there is none")
    if game is None:
        return None
    if not isinstance(game, Mapping) or str(game.get("kind")) not in GAMES:
        raise ValueError(f'game: needs a "kind", one of {", ".join(GAMES)}')
    kind = game["kind"]
    takes = {"kind"} | {"chase": {"handicap_s"}, "number": {"of"}}.get(kind, set())
    if game.keys() != takes:
        raise ValueError(f"game: {kind} takes {', '.join(sorted(takes))}, and nothing else")
    most = GAMES[kind].players[1]
    if kind == "chase":
        most = MOST_LANES  # the chaser is in the last one, and nobody between
        least_s, most_s = HANDICAP_S
        handicap_s = game["handicap_s"]
        if isinstance(handicap_s, bool) or not isinstance(handicap_s, int | float):
            raise ValueError("game: handicap_s is a number of seconds")
        if not least_s <= handicap_s <= most_s:
            raise ValueError(f"game: handicap_s is {least_s:g} to {most_s:g} s")
    if kind == "number":
        fewest, of = GAMES[kind].players[0], game["of"]
        if not _is_whole(of) or not fewest <= of <= most:
            raise ValueError(f"game: a number of {fewest} to {most}")
        most = of
    if players is not None and len(players) > most:
        raise ValueError(f"players: {most} at most in this game")
    if kind == "chase" and any(each is not None for each in (players or ())[1:-1]):
        raise ValueError("players: only the first and the last lane of a chase have one")
    return dict(game)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def too_few_lanes(game: Mapping[str, Any], lanes: int) -> str | None:
    """Why a game cannot be played in so many lanes; None when it can, as it can without any.

    A number that has no lane would have to be measured in another's.
    """
    if game["kind"] == "number" and 0 < lanes < game["of"]:
        return "there are fewer lanes than numbers: draw a lane for each, or none at all"
    return None


def too_tall(game: Mapping[str, Any] | None, posture: str) -> str | None:
    """Why a game cannot be played from a posture; None when it can, or where there is no game."""
    if game and game["kind"] == "last_up" and posture == "standing":
        return "who stands already cannot be the last one up: choose another posture"
    return None


def chaser_lane(posture: str, lanes: int) -> int:
    """Which lane the chaser of a chase starts in, 0 the nearest to the camera; the hare is in the
    other outermost one.

    Who rises in front hides who still lies behind, and looks like their movement: so the hare
    gets up behind the chaser. Who stands in front, or holds a plank, hides who leaves behind: so
    there the hare is in front.
    """
    return 0 if posture in ("supine", "prone") else lanes - 1


NOTHING: dict[str, float | None] = {"value": None, "u": None}


class GotAway(NamedTuple):
    """How one of those who play got away, since the signal that was theirs."""

    lane: str
    role: str  # hare | chaser | called | "" for one of all
    status: str  # as in a result: measured | early | false_start | no_movement | not_measurable
    reaction_s: dict[str, float | None]  # {"value", "u"}


class Outcome(NamedTuple):
    """How a game went, in codes, lanes and quantities; pages put it into words.

    verdict :
    chase    caught, got_away, too_close, false_start, called_back, unknown
    number   went, stayed, false_start, called_back, coach, unknown
    last_up  out, too_close, called_back, unknown
    lanes : whom it is about: who won the chase, who was called, who was last up; of too_close, all
    between whom it is. margin_s : {"value", "u"}, by how much the later one was behind. out : who
    moved without being called. unseen : of whom too little was seen to tell. called : the number
    that was, from 1 on. reasons : whole sentences, why something is not known.
    """

    kind: str
    verdict: str
    lanes: tuple[str, ...] = ()
    margin_s: dict[str, float | None] = NOTHING
    out: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    called: int | None = None
    starts: tuple[GotAway, ...] = ()
    reasons: tuple[str, ...] = ()


def outcome(
    game: Mapping[str, Any], kept: Mapping[str, Any] | None, result: Mapping[str, Any] | None
) -> Outcome:
    """How it went.

    game : as in `game_of`.   kept : what the device kept of it, settings["game"] of the rep:
    {"called": 3}, {"gap_s", "u_gap_s", "second_go", "chaser": lane}, or {"recalled": True}; None =
    it did not get so far.   result : of the rep, None = none. Every athlete's times in it count
    from that athlete's own signal; "gap_s" is what lies between the two.
    """
    kind, kept = game["kind"], kept or {}
    called = kept.get("called")
    if kept.get("recalled"):
        return Outcome(kind, "called_back", called=called)
    if result is None:
        reasons = ("The game did not come to its end.",)
        return Outcome(kind, "unknown", called=called, reasons=reasons)
    athletes = list(result.get("athletes") or ())
    if kind == "chase":
        return _chase(athletes, kept)
    if kind == "number":
        return _number(athletes[: game["of"]], called)
    return _last_up(athletes)


NO_LANES = "No lanes are set up: who was first cannot be told."


def _start(athlete: Mapping[str, Any], role: str = "") -> GotAway:
    return GotAway(athlete["lane"], role, athlete["status"], dict(athlete["reaction_s"]))


def _surely_false(athlete: Mapping[str, Any]) -> bool:
    """Whether somebody moved before their signal by more than the uncertainty of that."""
    told = athlete["reaction_s"]
    return told["value"] is not None and told["value"] < -(told["u"] or 0.0)


def _chase(athletes: Sequence[Mapping[str, Any]], kept: Mapping[str, Any]) -> Outcome:
    """Whose torso was first at the gate, both since the hare's signal."""
    if not athletes:
        return Outcome("chase", "unknown", reasons=(NO_LANES,))
    if len(athletes) < 2:
        return Outcome("chase", "unknown", reasons=("A chase takes two lanes, and there is one.",))
    last = len(athletes) - 1
    lane = kept.get("chaser", last)
    hare, chaser = athletes[0 if lane else last], athletes[lane]
    starts = (_start(hare, "hare"), _start(chaser, "chaser"))
    gates = [_crossing(each) for each in (hare, chaser)]
    reasons = tuple(
        why
        for gate, why in zip(
            gates,
            ("The hare was not seen to cross 5 m.", "The chaser was not seen to cross 5 m."),
            strict=True,
        )
        if gate is None
    )
    if "gap_s" not in kept:
        reasons += ("The chaser's GO was not given.",)
    margin = NOTHING
    behind_s = u = math.nan
    if not reasons:
        (first_s, u_first), (second_s, u_second) = (gate for gate in gates if gate)
        behind_s = second_s + kept["gap_s"] - first_s
        u = math.sqrt(u_first**2 + u_second**2 + kept.get("u_gap_s", 0.0) ** 2)
        margin = {"value": abs(behind_s), "u": u}
    unseen = tuple(
        each["lane"] for each, gate in zip((hare, chaser), gates, strict=True) if gate is None
    )
    names = hare["lane"], chaser["lane"]
    false = tuple(each["lane"] for each in (hare, chaser) if _surely_false(each))
    if false:
        verdict, lanes = "false_start", false
    elif reasons:
        verdict, lanes = "unknown", ()
    elif abs(behind_s) <= u:
        verdict, lanes = "too_close", names
    elif behind_s < 0:
        verdict, lanes = "caught", names[1:]
    else:
        verdict, lanes = "got_away", names[:1]
    return Outcome("chase", verdict, lanes, margin, unseen=unseen, starts=starts, reasons=reasons)


def _crossing(athlete: Mapping[str, Any]) -> tuple[float, float] | None:
    """When the torso was at the gate, s after its own signal, and u; None when it was not seen."""
    for split in athlete["splits"]:
        if split["metres"] == FINISH_M and split["from_signal_s"] is not None:
            return split["from_signal_s"], split["u"] or 0.0
    return None


def _moved(athlete: Mapping[str, Any]) -> bool:
    return athlete["status"] in STARTED or any(WENT_BACK in why for why in athlete["reasons"])


def _number(athletes: Sequence[Mapping[str, Any]], called: int | None) -> Outcome:
    """Whether who was called went, and who else moved."""
    if called is None:
        return Outcome("number", "unknown", reasons=("No number was called.",))
    if not athletes:
        why = "No lanes are set up: who went is for the coach's eyes."
        return Outcome("number", "coach", called=called, reasons=(why,))
    own = athletes[called - 1]
    others = [each for k, each in enumerate(athletes) if k != called - 1]
    out = tuple(each["lane"] for each in others if _moved(each))
    blind = [each["lane"] for each in athletes if each["status"] == "not_measurable"]
    unseen = tuple(lane for lane in blind if lane not in out)
    reasons: tuple[str, ...] = ()
    if own["lane"] in unseen:
        reasons += ("Who was called was not seen well enough to tell.",)
    if any(lane != own["lane"] for lane in unseen):
        reasons += ("Not everybody was seen: who else moved is for the coach's eyes.",)
    if _surely_false(own):
        verdict = "false_start"
    elif own["status"] in STARTED:
        verdict = "went"
    else:
        verdict = "unknown" if own["lane"] in unseen else "stayed"
    starts = (_start(own, "called"), *(_start(each) for each in others if _moved(each)))
    return Outcome(
        "number", verdict, (own["lane"],), out=out, unseen=unseen, called=called, starts=starts,
        reasons=reasons,
    )  # fmt: skip


def _last_up(athletes: Sequence[Mapping[str, Any]]) -> Outcome:
    """Who was on the feet last. A lane where nobody got up has nobody, or a sleeper: unseen."""
    if not athletes:
        return Outcome("last_up", "unknown", reasons=(NO_LANES,))
    starts = tuple(_start(each) for each in athletes)
    stayed = tuple(each["lane"] for each in athletes if each["status"] == "no_movement")
    playing = [each for each in athletes if each["lane"] not in stayed]
    missing = tuple(each["lane"] for each in playing if each["up_s"]["value"] is None)
    unseen = stayed + missing
    reasons: tuple[str, ...] = ()
    if stayed:
        reasons += ("In some lanes nobody was seen to get up: they are left out.",)
    if missing:
        reasons += ("When somebody was on the feet was not seen: it may have been the last one.",)
    elif len(playing) < 2:
        reasons += ("It takes two who get up to tell who was last.",)
    if missing or len(playing) < 2:
        return Outcome("last_up", "unknown", unseen=unseen, starts=starts, reasons=reasons)
    ranked = sorted(playing, key=lambda each: -each["up_s"]["value"])
    last, up = ranked[0], ranked[0]["up_s"]
    margins = [
        (up["value"] - each["up_s"]["value"], math.hypot(up["u"] or 0, each["up_s"]["u"] or 0))
        for each in ranked[1:]
    ]
    margin = {"value": margins[0][0], "u": margins[0][1]}
    near = [each["lane"] for each, (s, u) in zip(ranked[1:], margins, strict=True) if s <= u]
    verdict = "too_close" if near else "out"
    lanes = tuple(sorted((last["lane"], *near))) if near else (last["lane"],)
    return Outcome("last_up", verdict, lanes, margin, unseen=unseen, starts=starts, reasons=reasons)
