"""A class and a coach's group in the store: teams, lanes, notes, consent, forgetting, the log."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sample_reps import add_rep, lanes_result, request, sample_picture, sample_result, walk

from pi import clock, tables
from pi.store import NOBODYS_LANE, Busy, WrongStep, open_store, utc

TO_ANALYSING = ("settling", "holding", "running", "analysing")
NAMES = ("Fox", "Owl", "Bee", "Elk")


@pytest.fixture
def four(store):
    return [store.add_athlete(name).id for name in NAMES]


def begin(store, turns, **more):
    circuit = {"key": "own", "name": "Two", "starts": [], "distance_m": 40, "walk_back_s": 45}
    return store.begin_session(circuit | more, turns)


def lanes(store, athletes, count=2, postures=("prone",)):
    """A session in which so many start at once: everybody once from each posture."""
    turns = [(who, posture, "free") for posture in postures for who in athletes]
    return begin(store, turns, lanes=count)


def run(store, *reactions, key=None, result=None):
    """Whoever is up runs, lane by lane with these reactions; the rep, with its picture."""
    rep = store.request_turn(key or f"key {store.latest_change()}")
    walk(store, rep, *TO_ANALYSING)
    store.save_evidence(rep.id, "picture", "image/png", sample_picture())
    return store.change_rep(rep.id, state="done", result=result or lanes_result(*reactions))


def states(store, session):
    return [(turn.athlete_id, turn.state) for turn in store.turns(session.id)]


# Teams


def test_an_athlete_has_a_team_in_a_session_and_another_in_the_next(store, four):
    fox, owl, *_ = four
    first = begin(store, [(fox, "prone", "free"), (owl, "prone", "free")])
    store.set_team(first.id, fox, "  Red   team ")
    store.set_team(first.id, owl, "Blue")
    store.end_session(first.id)
    second = begin(store, [(fox, "prone", "free")])
    store.set_team(second.id, fox, "Blue")
    assert store.teams(first.id) == {fox: "Red team", owl: "Blue"}
    assert store.teams(second.id) == {fox: "Blue"}
    store.set_team(first.id, fox, None)
    assert store.teams(first.id) == {owl: "Blue"}


def test_a_whole_class_is_dealt_into_teams_at_once_and_it_is_news(store, four):
    session = begin(store, [(who, "prone", "free") for who in four])
    store.set_team(session.id, four[3], "Green")
    before = store.latest_change()
    store.set_teams(session.id, {four[0]: "Red", four[1]: "Blue", four[2]: None})
    assert store.teams(session.id) == {four[0]: "Red", four[1]: "Blue", four[3]: "Green"}
    assert store.latest_change() > before


def test_a_team_that_cannot_be_is_refused(store, four):
    session = begin(store, [(four[0], "prone", "free")])
    for who, team, words in (
        (four[0], " ", "team"),
        (four[0], 41 * "x", "team"),
        (99, "Red", "99"),
    ):
        with pytest.raises(ValueError, match=words):
            store.set_team(session.id, who, team)
    with pytest.raises(ValueError, match="no session 77"):
        store.set_team(77, four[0], "Red")
    assert store.teams(session.id) == {}


# Lanes


def test_so_many_start_at_once_as_there_are_lanes(store, four):
    session = lanes(store, four, 3)
    rep = store.request_turn("a")
    assert rep.drill["players"] == four[:3]
    assert rep.athlete_id == four[0]
    assert [turn.state for turn in store.turns(session.id)] == ["up", "up", "up", "waiting"]
    assert [turn.athlete_id for turn in store.turns_of(rep.id)] == four[:3]
    assert store.turn_of(rep.id).athlete_id == four[0]
    assert store.request_turn("a") == rep


def test_the_lanes_are_filled_with_others_of_the_same_posture_in_their_order(store, four):
    fox, owl, bee, elk = four
    turns = [(fox, "prone", "left"), (fox, "prone", "right"), (owl, "plank", "free")]
    turns += [(bee, "prone", "right"), (elk, "prone", "left")]
    begin(store, turns, lanes=2)
    assert run(store, 0.2, 0.3).drill["players"] == [fox, bee]
    assert run(store, 0.2, 0.3).drill["players"] == [fox, elk]
    last = run(store, 0.2)
    assert (last.posture, last.drill["players"]) == ("plank", [owl])
    with pytest.raises(WrongStep, match="nobody is left"):
        store.request_turn("more")


def test_each_lanes_leg_is_that_of_its_own_turn(store, four):
    fox, owl, *_ = four
    session = begin(store, [(fox, "prone", "left"), (owl, "prone", "right")], lanes=2)
    run(store, 0.2, 0.3)
    assert [(each.athlete_id, each.lead_leg) for each in store.starts(session.id)] == [
        (fox, "left"),
        (owl, "right"),
    ]


def test_the_leg_that_was_seen_to_lead_is_each_ones_own_else_the_planned_one_counts(store, four):
    fox, owl, bee, _ = four
    turns = [(fox, "prone", "left"), (owl, "prone", "right"), (bee, "prone", "right")]
    session = begin(store, turns, lanes=3)
    result = lanes_result(0.2, 0.3, 0.4) | {"lead_leg": "right"}
    for each, leg in zip(result["athletes"], ("right", "left", None), strict=True):
        each["lead_leg"] = leg
    rep = run(store, result=result)
    assert [start.seen_leg for start in store.starts_of([rep.id])[rep.id]] == [
        "right", "left", None,
    ]  # fmt: skip
    for results in (True, False):
        told = store.starts(session.id, results=results)
        assert [(each.seen_leg, each.led) for each in told] == [
            ("right", "right"), ("left", "left"), (None, "right"),
        ]  # fmt: skip
    assert store.rep(rep.id).led == "right"
    store.forget_athletes([fox])
    assert store.rep(rep.id).seen_leg == "left"


def test_a_result_that_tells_no_leg_leaves_the_planned_one(store):
    rep = add_rep(store, lead_leg="left")
    assert (rep.seen_leg, rep.led) == (None, "left")


def test_each_in_a_lane_says_how_his_own_start_felt(store, four):
    lanes(store, four, 3)
    rep = run(store, 0.2, 0.3, 0.4)
    for turn, felt in zip(store.turns_of(rep.id), ("quicker", "same", "slower"), strict=True):
        store.save_felt(turn.id, felt)
    assert [turn.felt for turn in store.turns_of(rep.id)] == ["quicker", "same", "slower"]


def test_without_lanes_one_starts_as_ever(store, four):
    session = lanes(store, four, 1)
    rep = store.request_turn("a")
    assert "players" not in rep.drill
    assert [turn.state for turn in store.turns(session.id)].count("up") == 1
    assert store.starts_of([rep.id]) == {}
    store.ask_stop(rep.id)


@pytest.mark.parametrize("count", [0, 5, "two"])
def test_there_are_one_to_four_lanes(store, four, count):
    with pytest.raises(ValueError, match="lanes: 1 to 4"):
        lanes(store, four, count)


def test_a_rep_that_comes_to_nothing_sends_everybody_back_and_one_that_is_done_nobody(store, four):
    session = lanes(store, four)
    for ending in ("aborted", "failed", "false_start"):
        rep = store.request_turn(ending)
        walk(store, rep, "settling", "holding", state=ending)
        assert states(store, session) == [(who, "waiting") for who in four]
        assert [start.status for start in store.starts_of([rep.id])[rep.id]] == [ending] * 2
    done = run(store, 0.2, 0.3)
    assert [state for _, state in states(store, session)] == ["done", "done", "waiting", "waiting"]
    assert [turn.athlete_id for turn in store.turns_of(done.id)] == four[:2]


def test_a_start_is_told_of_everybody_in_a_lane(store, four):
    lanes(store, four, 3)
    rep = run(store, 0.21, None, 0.34)
    told = store.starts_of([rep.id])[rep.id]
    assert [(start.lane, start.athlete_id) for start in told] == list(enumerate(four[:3]))
    assert [start.status for start in told] == ["measured", "no_movement", "measured"]
    assert [start.reaction_s for start in told] == [0.21, None, 0.34]
    assert [start.reaction_u for start in told] == [0.006, None, 0.006]
    assert [start.own for start in told] == [True, False, False]


def test_where_nobody_looked_at_the_lanes_only_the_first_has_a_number(store, four):
    session = lanes(store, four)
    rep = run(store, result=sample_result())
    told = store.starts_of([rep.id])[rep.id]
    assert [start.status for start in told] == ["measured", "not_measurable"]
    assert [start.reaction_s for start in told] == [0.243, None]
    assert [each.reaction_s for each in store.starts(session.id)] == [0.243, None]


def test_an_athletes_reps_are_his_own_in_whatever_lane(store, four):
    fox, owl, *_ = four
    alone = add_rep(store, athlete_id=owl)
    lanes(store, four)
    rep = run(store, 0.21, 0.34)
    shared, before = store.reps(athlete_id=owl)
    assert (shared.id, before) == (rep.id, alone)
    assert (shared.athlete_id, shared.status, shared.reaction_s) == (owl, "measured", 0.34)
    assert shared.result["reaction_s"]["value"] == 0.34
    assert "athletes" not in shared.result, "the others' numbers are not his to see"
    (first,) = store.reps(athlete_id=fox)
    assert (first.reaction_s, first.result["reaction_s"]["value"]) == (0.21, 0.21)
    assert store.reps()[0] == rep, "without an athlete's name a rep is as it is"


def test_an_athletes_reps_are_found_by_how_they_ended_for_him(store, four):
    fox, owl, *_ = four
    lanes(store, four)
    rep = run(store, 0.21, None)

    def ids(who, status):
        return [each.id for each in store.reps(athlete_id=who, status=status)]

    assert ids(fox, "measured") == ids(owl, "no_movement") == [rep.id]
    assert ids(fox, "no_movement") == ids(owl, "measured") == []
    assert ids(None, "measured") == ids(None, "no_movement") == [rep.id], "whoever's it is"
    assert ids(None, "false_start") == []


def test_boards_count_each_start_in_a_lane_once(store, four):
    session = lanes(store, four, postures=("prone", "plank"))
    first, second = run(store, 0.21, 0.34), run(store, 0.25, 0.26)
    plank = run(store, 0.31, 0.32)
    told = store.reactions(four, newest=9)
    assert sorted((one.rep_id, one.athlete_id, one.posture, one.value) for one in told) == [
        (first.id, four[0], "prone", 0.21),
        (first.id, four[1], "prone", 0.34),
        (second.id, four[2], "prone", 0.25),
        (second.id, four[3], "prone", 0.26),
        (plank.id, four[0], "plank", 0.31),
        (plank.id, four[1], "plank", 0.32),
    ]
    assert [one.rep_id for one in told] == sorted((one.rep_id for one in told), reverse=True)
    assert {one.u for one in told} == {0.006}
    assert store.reactions(four, newest=9, but=session.id) == []


def test_the_newest_of_lanes_and_of_starts_alone_are_counted_together(store, four):
    _, owl, *_ = four
    add_rep(store, athlete_id=owl)
    lanes(store, four)
    rep = run(store, 0.21, 0.34)
    store.end_session(rep.session_id)
    alone = add_rep(store, athlete_id=owl)
    assert [one.rep_id for one in store.reactions([owl], newest=2)] == [alone.id, rep.id]


def test_a_rep_that_was_called_back_counts_for_nobody(store, four):
    session = lanes(store, four)
    rep = walk(store, store.request_turn("a"), *TO_ANALYSING)
    result = lanes_result(0.21, 0.34)
    result["status"] = result["athletes"][0]["status"] = "false_start"
    store.change_rep(rep.id, state="false_start", result=result)
    assert store.reactions(four, newest=9) == []
    assert states(store, session) == [(who, "waiting") for who in four]
    store.forget_athletes(four[:1])
    assert store.reactions(four, newest=9) == [], "nor when the rep has become the other's"
    assert store.rep(rep.id).status == "false_start"


@pytest.mark.parametrize("false", [0, 1, 2])
def test_who_moved_before_go_starts_again_and_the_others_do_not(store, four, false):
    session = lanes(store, four, 3)
    result = lanes_result(0.21, 0.32, 0.43)
    result["athletes"][false] |= {"status": "false_start", "reaction_s": {"value": -0.1, "u": 0.01}}
    if false == 0:
        result |= {key: result["athletes"][0][key] for key in ("status", "reaction_s")}
    rep = run(store, result=result)
    assert [state for _, state in states(store, session)[:3]] == [
        "waiting" if lane == false else "done" for lane in range(3)
    ]
    told = store.starts_of([rep.id])[rep.id]
    assert [start.status for start in told] == [
        "false_start" if lane == false else "measured" for lane in range(3)
    ]
    assert {one.athlete_id for one in store.reactions(four, newest=9)} == {
        who for lane, who in enumerate(four[:3]) if lane != false
    }
    assert store.request_turn("again").drill["players"] == [four[false], four[3]]


def test_a_rep_with_lanes_is_hidden_and_brought_back_for_everybody(store, four):
    lanes(store, four)
    rep = run(store, 0.21, 0.34)
    store.delete_rep(rep.id)
    assert store.reactions(four, newest=9) == []
    assert [store.reps(athlete_id=who) for who in four] == [[]] * 4
    store.restore_rep(rep.id)
    assert {one.value for one in store.reactions(four, newest=9)} == {0.21, 0.34}
    assert [each.id for each in store.reps(athlete_id=four[1])] == [rep.id]


def test_who_ran_in_a_lane_is_said_afterwards(store, four):
    fox, owl, bee, _ = four
    session = lanes(store, four)
    rep = run(store, 0.21, 0.34)
    store.give_start(rep.id, 1, bee)
    assert [(one.athlete_id, one.value) for one in store.reactions([fox, bee], newest=9)] == [
        (fox, 0.21),
        (bee, 0.34),
    ]
    assert store.reps(athlete_id=owl) == []
    assert store.rep(rep.id).drill["players"] == [fox, bee]
    assert states(store, session)[:2] == [(fox, "done"), (bee, "done")]
    store.give_rep(rep.id, owl)
    assert store.rep(rep.id).athlete_id == owl
    assert [start.athlete_id for start in store.starts_of([rep.id])[rep.id]] == [owl, bee]
    assert [turn.athlete_id for turn in store.turns_of(rep.id)] == [owl, bee]


def test_who_ran_in_anothers_lane_still_has_every_start_and_so_has_the_other(store, four):
    fox, owl, bee, elk = four
    session = lanes(store, four, postures=("prone", "plank"))
    rep = run(store, 0.21, 0.34)
    store.give_start(rep.id, 1, elk)
    made = [(turn.athlete_id, turn.posture) for turn in store.turns(session.id)]
    assert sorted(made) == sorted((who, kind) for who in four for kind in ("prone", "plank"))
    assert states(store, session)[:4] == [
        (fox, "done"), (elk, "done"), (bee, "waiting"), (owl, "waiting"),
    ]  # fmt: skip
    store.give_start(rep.id, 0, store.add_athlete("Hen").id)
    assert states(store, session)[:2] == [(fox, "waiting"), (elk, "done")]


def test_two_who_stood_in_each_others_lane_change_with_one_tap(store, four):
    fox, owl, *_ = four
    session = begin(store, [(fox, "prone", "left"), (owl, "prone", "right")], lanes=2)
    rep = run(store, 0.21, 0.34)
    given = store.give_start(rep.id, 0, owl)
    assert (given.athlete_id, given.reaction_s, given.lead_leg) == (owl, 0.21, "right")
    told = {one.athlete_id: one.value for one in store.reactions(four, newest=9)}
    assert told == {owl: 0.21, fox: 0.34}
    assert states(store, session) == [(fox, "done"), (owl, "done")]
    assert store.give_start(rep.id, 0, owl) == given
    assert [each.lead_leg for each in store.starts(session.id)] == ["right", "left"]


def test_nobody_is_put_in_a_lane_that_was_not_there(store, four):
    lanes(store, four)
    rep, alone = run(store, 0.21, 0.34), None
    with pytest.raises(ValueError, match="nobody in lane 2"):
        store.give_start(rep.id, 2, four[3])
    with pytest.raises(ValueError, match="no athlete 99"):
        store.give_start(rep.id, 1, 99)
    store.end_session(rep.session_id)
    alone = add_rep(store, athlete_id=four[0])
    with pytest.raises(ValueError, match="nobody in lane 0"):
        store.give_start(alone.id, 0, four[1])


def test_lanes_can_be_asked_for_without_a_session(store, four):
    rep = request(store, drill={"kind": "fixed", "players": four[:2]})
    assert rep.athlete_id == four[0]
    walk(store, rep, *TO_ANALYSING, state="done", result=lanes_result(0.2, 0.3))
    assert store.reps(athlete_id=four[1])[0].reaction_s == 0.3
    for players in ([four[0], four[0]], [*four, None], [99]):
        with pytest.raises(ValueError, match=r"players|no athlete"):
            request(store, drill={"players": players})
    assert store.active_rep() is None


# Forgetting one of several


def test_forgetting_one_of_a_lane_leaves_the_others_starts(store, four):
    fox, owl, bee, _ = four
    session = lanes(store, four, 3)
    rep = run(store, 0.20137, 0.30237, 0.40337)
    store.set_notes(rep.id, ["Slipped"])
    store.set_team(session.id, owl, "Red")
    before = store.latest_change()
    assert store.forget_athletes([owl]) == 1
    left = store.rep(rep.id)
    assert (left.athlete_id, left.reaction_s, left.status) == (fox, 0.20137, "measured")
    assert left.result["athletes"][1]["reaction_s"]["value"] is None
    assert left.result["athletes"][2]["reaction_s"]["value"] == 0.40337
    assert left.drill["players"] == [fox, None, bee]
    assert [one.value for one in store.reactions([bee], newest=9)] == [0.40337]
    assert [each.athlete_id for each in store.starts(session.id)] == [fox, bee]
    assert store.evidence_kinds(rep.id) == []
    assert store.notes_of([rep.id]) == {}
    assert store.teams(session.id) == {}
    assert left.changed > before
    assert owl not in [turn.athlete_id for turn in store.turns(session.id)]


def test_a_rep_whose_first_is_forgotten_becomes_the_next_ones(store, four):
    fox, owl, *_ = four
    session = lanes(store, four)
    rep = run(store, 0.20137, 0.30237)
    store.forget_athletes([fox])
    left = store.rep(rep.id)
    assert (left.athlete_id, left.reaction_s, left.reaction_u) == (owl, 0.30237, 0.006)
    assert left.result["reaction_s"]["value"] == 0.30237
    assert [(one.athlete_id, one.value) for one in store.reactions(four, newest=9)] == [
        (owl, 0.30237)
    ]
    assert [each.reaction_s for each in store.reps(athlete_id=owl)] == [0.30237]
    assert [each.athlete_id for each in store.starts(session.id)] == [owl]
    assert store.give_rep(rep.id, four[2]).athlete_id == four[2]
    store.forget_athletes([four[2]])
    assert store.rep(rep.id) is None


def test_a_class_that_is_forgotten_leaves_nothing_in_the_file(url, tmp_path):
    with open_store(url) as store:
        names = [f"Quetzalcoatlus {k}" for k in range(4)]
        athletes = [store.add_athlete(name).id for name in names]
        tokens = [athlete.token for athlete in store.athletes()]
        session = lanes(store, athletes)
        for who in athletes:
            store.set_team(session.id, who, "Pterodactyls")
        reps = [run(store, 0.2013579, 0.3013579) for _ in range(2)]
        for rep in reps:
            store.set_notes(rep.id, ["Archaeopteryx like"])
        assert store.forget_athletes(athletes) == 2
        assert [entry.what for entry in store.log_entries()] == ["forgotten"]
    kept = b"".join(path.read_bytes() for path in Path(tmp_path).iterdir())
    for words in ("Quetzal", "Pterodac", "Archaeop", "13579", *tokens):
        assert words.encode() not in kept
    with sqlite3.connect(tmp_path / "trackstart.db") as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
    connection.close()


def test_nobody_is_forgotten_while_a_rep_runs(store, four):
    lanes(store, four)
    rep = store.request_turn("a")
    with pytest.raises(Busy):
        store.forget_athletes(four)
    assert store.log_entries() == []
    assert store.starts_of([rep.id])


# Notes


def test_notes_are_kept_as_they_were_tapped_and_are_news(store):
    one, two = add_rep(store), add_rep(store)
    before = store.latest_change()
    store.set_notes(one.id, ["Great start", "  Hands   pushed ", "Great start"])
    assert store.rep(one.id).changed > before
    assert store.notes_of([one.id, two.id]) == {one.id: ["Great start", "Hands pushed"]}
    store.set_notes(one.id, ["Slipped"])
    assert store.notes_of([one.id]) == {one.id: ["Slipped"]}
    store.set_notes(one.id, [])
    assert store.notes_of([one.id]) == {}


def test_notes_that_cannot_be_are_refused_and_those_before_stay(store):
    rep = add_rep(store)
    store.set_notes(rep.id, ["Slipped"])
    for notes in ([f"{k}" for k in range(7)], [""], [81 * "x"]):
        with pytest.raises(ValueError, match="notes"):
            store.set_notes(rep.id, notes)
    with pytest.raises(ValueError, match="no rep 99"):
        store.set_notes(99, ["Slipped"])
    assert store.notes_of([rep.id]) == {rep.id: ["Slipped"]}


# Consent, and how long things are kept


def test_consent_is_not_known_until_it_is_given_or_refused(store, four):
    assert [athlete.consent for athlete in store.athletes()] == [""] * 4
    store.set_consent(four[0], "yes")
    store.set_consent(four[1], "no")
    marks = {athlete.id: athlete.consent for athlete in store.athletes()}
    assert marks == {four[0]: "yes", four[1]: "no", four[2]: "", four[3]: ""}
    store.set_consent(four[0], "")
    assert store.athletes()[-2].consent == ""
    with pytest.raises(ValueError, match="consent"):
        store.set_consent(four[0], "maybe")
    with pytest.raises(ValueError, match="no athlete 99"):
        store.set_consent(99, "yes")


def test_what_is_stored_is_kept_for_a_term_unless_somebody_says_otherwise(store):
    assert store.keep_days() == store.station().keep_days == 120
    for days in (1, 3660, None):
        store.set_keep_days(days)
        assert store.keep_days() == store.station().keep_days == days
    for days in (0, 3661):
        with pytest.raises(ValueError, match="keep_days"):
            store.set_keep_days(days)
    assert store.keep_days() is None


NOW = datetime(2030, 6, 1, tzinfo=UTC)


def ago(days):
    return utc(NOW - timedelta(days=days))


def dated(store, rep, days, known=True):
    """The rep as if it had been run so many days ago, by a clock that knew it or did not."""
    return store.change_rep(rep.id, requested_at=ago(days), dated=known)


def typed(store, athletes, days, known=True):
    """Names as if they had been typed so many days ago."""
    table = tables.athlete_table
    with store._writing() as connection:
        connection.execute(
            sa.update(table)
            .where(table.c.id.in_(athletes))
            .values(created_at=ago(days), dated=known)
        )


def begun(store, session, days):
    table = tables.session_table
    with store._writing() as connection:
        connection.execute(
            sa.update(table).where(table.c.id == session).values(started_at=ago(days))
        )


def there(store):
    return [athlete.name for athlete in store.athletes()]


def test_who_has_not_started_for_a_term_is_forgotten_and_who_has_is_not(store, four):
    fox, owl, bee, _ = four
    typed(store, four, 300)
    for who, days in ((fox, 121), (fox, 200), (owl, 119), (owl, 300), (bee, 121)):
        dated(store, add_rep(store, athlete_id=who), days)
    assert store.forget_old(NOW) == 3, "Fox, Bee, and Elk, who never started"
    assert there(store) == ["Owl"]
    assert len(store.reps()) == 2, "an old rep of somebody who still comes is a record"
    assert store.forget_old(NOW) == 0
    assert [entry.what for entry in store.log_entries()] == ["retention"]


def test_what_is_kept_for_ever_is_never_old(store, four):
    typed(store, four, 3000)
    dated(store, add_rep(store, athlete_id=four[0]), 3000)
    store.set_keep_days(None)
    assert store.forget_old(NOW) == 0
    store.set_keep_days(2999)
    assert store.forget_old(NOW) == 4


def test_nameless_reps_that_are_old_go_with_all_that_is_of_them(store):
    old, young = add_rep(store), add_rep(store)
    store.set_notes(old.id, ["Slipped"])
    dated(store, old, 121)
    dated(store, young, 119)
    assert store.forget_old(NOW) == 1
    assert [rep.id for rep in store.reps()] == [young.id]
    assert store.evidence_kinds(old.id) == []
    assert store.evidence_kinds(young.id) != []
    assert store.notes_of([old.id]) == {}


def test_a_rep_that_is_hidden_is_forgotten_like_any_other(store):
    rep = add_rep(store)
    dated(store, rep, 121)
    store.delete_rep(rep.id)
    assert store.forget_old(NOW) == 1
    assert store.rep(rep.id) is None


def test_a_rep_without_a_date_counts_as_of_the_next_that_has_one(store):
    first, unknown, next_one, last = (add_rep(store) for _ in range(4))
    dated(store, first, 400)
    dated(store, unknown, 5000, known=False)
    dated(store, next_one, 110)
    dated(store, last, 5000, known=False)
    assert store.forget_old(NOW) == 1
    assert [rep.id for rep in store.reps()] == [last.id, next_one.id, unknown.id]
    assert store.forget_old(NOW + timedelta(days=11)) == 2
    assert [rep.id for rep in store.reps()] == [last.id], "nothing was run after it: it may be new"


def test_a_rep_without_a_date_is_not_older_than_those_before_it(store):
    young, unknown, wrong = (add_rep(store) for _ in range(3))
    dated(store, young, 5)
    dated(store, unknown, 0, known=False)
    dated(store, wrong, 4000)
    store.forget_old(NOW)
    assert [rep.id for rep in store.reps()] == [unknown.id, young.id]


def test_names_of_the_lesson_that_is_about_to_begin_are_kept(store, four):
    """After the holidays: they were here a year ago, and nobody has started yet today."""
    typed(store, four, 365)
    dated(store, add_rep(store, athlete_id=four[0]), 365)
    session = lanes(store, four)
    begun(store, session.id, 365)  # by a clock that did not know the time yet
    assert store.forget_old(NOW) == 0
    assert len(there(store)) == 4
    dated(store, run(store, 0.2, 0.3), 0)
    assert store.forget_old(NOW) == 0
    store.end_session(session.id)
    assert store.forget_old(NOW) == 0


def test_a_name_typed_while_nobody_knew_the_time_is_kept(store, four):
    typed(store, four, 4000, known=False)
    typed(store, four[:1], 4000)
    assert store.forget_old(NOW) == 1
    assert there(store) == ["Bee", "Elk", "Owl"]


def test_a_name_is_dated_by_whether_the_time_was_known(store, monkeypatch):
    monkeypatch.setattr(clock, "source", lambda: "")
    assert not store.add_athlete("Fox").dated
    monkeypatch.setattr(clock, "source", lambda: "phone")
    assert store.add_athlete("Owl").dated


def test_of_an_old_rep_with_lanes_who_still_comes_keeps_his(store, four):
    owl = four[1]
    typed(store, four, 1)
    session = lanes(store, four[:2])
    dated(store, run(store, 0.2, 0.3), 200)
    store.end_session(session.id)
    begun(store, session.id, 200)
    young = dated(store, add_rep(store, athlete_id=owl), 10)
    assert store.forget_old(NOW) == 1
    assert there(store) == ["Bee", "Elk", "Owl"]
    assert [rep.reaction_s for rep in store.reps(athlete_id=owl)] == [young.reaction_s, 0.3]
    assert store.session(session.id), "somebody of it is still there"


def test_an_old_plan_is_kept_as_long_as_somebody_of_it_is_there(store, four):
    session = begin(store, [(who, "prone", "free") for who in four])
    store.end_session(session.id)
    begun(store, session.id, 300)
    dated(store, add_rep(store, athlete_id=four[0]), 1)
    typed(store, four, 300)
    assert store.forget_old(NOW) == 3
    assert [turn.athlete_id for turn in store.turns(session.id)] == [four[0]]


def test_an_old_session_without_anybody_goes_with_its_turns(store, four):
    typed(store, four, 300)
    session = begin(store, [*((who, "prone", "free") for who in four), (None, "prone", "free")],
                    lanes=3)  # fmt: skip
    store.set_team(session.id, four[0], "Red")
    dated(store, run(store, 0.2, 0.3, 0.4), 200)
    dated(store, run(store, 0.2, 0.3), 200)
    assert store.forget_old(NOW) == 4
    assert store.session(session.id) is None
    assert store.turns(session.id) == []
    assert store.reps() == [], "nor what a nameless runner did beside them"
    with store._engine.connect() as connection:
        for table in tables.start_table, tables.evidence_table:
            assert connection.execute(sa.select(table)).first() is None


def test_nothing_is_forgotten_while_a_rep_runs_and_nothing_is_written_for_nothing(store, four):
    typed(store, four, 1)
    before = store.latest_change()
    assert store.forget_old(NOW) == 0
    assert store.latest_change() == before
    typed(store, four, 400)
    rep = request(store)
    with pytest.raises(Busy):
        store.forget_old(NOW)
    store.ask_stop(rep.id)
    assert store.forget_old(NOW) == 5, "and the nameless rep that was just stopped, years ago"


# The station, and the log


def test_the_starters_role_goes_to_another_phone_with_one_tap_and_it_is_logged(store):
    assert store.station().starter is None
    assert store.take_start("phone-one-1234") is None
    before = store.latest_change()
    assert store.take_start("phone-two-5678") == "phone-one-1234"
    assert store.latest_change() > before
    assert store.take_start("phone-two-5678") == "phone-two-5678"
    assert store.station().starter == "phone-two-5678"
    told = [(entry.what, entry.who) for entry in store.log_entries()]
    assert told == [("starter", "phone-"), ("starter", "phone-")], "who has it takes nothing"
    with pytest.raises(ValueError, match="phone_id"):
        store.take_start("")


def test_the_starters_role_is_free_again_when_its_phone_gives_it_up_or_the_pin_is_new(store):
    store.take_start("phone-one")
    store.leave_start("phone-two")
    assert store.station().starter == "phone-one", "it was not his"
    store.leave_start("phone-one")
    assert store.station().starter is None
    store.take_start("phone-one")
    assert store.station(lambda: ("123456", "hash")).starter is None
    assert store.station().starter is None


def test_the_station_keeps_its_screen_and_language_and_a_new_pin_keeps_them_too(store):
    fresh = store.station()
    assert (fresh.screen, fresh.language) == ("now", "")
    store.set_station(screen="board")
    store.set_station(language="de")
    store.station(lambda: ("123456", "hash"))
    now = store.station()
    assert (now.screen, now.language, now.pin) == ("board", "de", "123456")
    assert now.signing_key == fresh.signing_key
    store.set_station()
    assert store.station() == now
    for wrong in ({"screen": "off"}, {"language": 17 * "x"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            store.set_station(**wrong)


def test_what_was_done_is_logged_newest_first_with_whether_the_time_was_known(store, monkeypatch):
    monkeypatch.setattr(clock, "source", lambda: "")
    store.take_start("phoneA")
    monkeypatch.setattr(clock, "source", lambda: "network")
    store.station()
    store.claim_station("phone b")
    told = [(entry.what, entry.who, entry.dated) for entry in store.log_entries()]
    assert told == [("pin", "phone b", True), ("starter", "phoneA", False)]
    assert [entry.what for entry in store.log_entries(1)] == ["pin"]


def test_the_log_keeps_its_newest_lines_only(store, monkeypatch):
    monkeypatch.setattr("pi.store.station.LOG_LENGTH", 5)
    for k in range(8):
        store.claim_station(f"{k}")
    assert [entry.who for entry in store.log_entries()] == ["7", "6", "5", "4", "3"]


def read_by_another(url):
    """Somebody who holds the log as it is: the name is still in it."""
    reader = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM athlete").fetchall()
    return reader


@pytest.mark.parametrize("way", ["by name", "by age"])
def test_what_cannot_be_packed_while_somebody_reads_is_packed_later(url, tmp_path, way):
    with open_store(url) as store:
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        fox = store.add_athlete("Quetzalcoatlus").id
        typed(store, [fox], 300)
        assert not store.unpacked()
        reader = read_by_another(url)
        store._engine.dispose()
        sa.event.listen(store._engine, "connect", hasty)
        if way == "by name":
            store.forget_athletes([fox])
        else:
            assert store.forget_old(NOW) == 1
        assert store.athletes() == []
        assert store.unpacked()
        assert not store.pack()
        reader.close()
        assert store.pack()
        assert not store.unpacked()
        kept = b"".join(path.read_bytes() for path in Path(tmp_path).iterdir())
        assert b"Quetzal" not in kept


def hasty(connection, _record):
    connection.execute("PRAGMA busy_timeout=50")


def test_a_file_that_another_writes_to_is_not_packed_and_that_is_no_error(store):
    store._engine.dispose()
    sa.event.listen(store._engine, "connect", hasty)
    other = sqlite3.connect(store._engine.url.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not store.pack()
    other.close()
    assert store.pack()


# Whose a game is


def game(store, players, *reactions, called=None, kind="number", result=None):
    """A game that was played in lanes: the rep as the device leaves it."""
    drill = {"game": {"kind": kind} | ({"of": len(players)} if kind == "number" else {})}
    rep = request(store, drill=drill | {"players": players})
    walk(store, rep, *TO_ANALYSING)
    lane = None if called is None else called - 1
    result = result or lanes_result(*reactions)
    if lane is not None:
        above = {key: value for key, value in result["athletes"][lane].items() if key != "lane"}
        result = result | above
    return store.change_rep(rep.id, state="done", result=result, own_lane=lane)


def owns(store, rep):
    return [start.own for start in store.starts_of([rep.id])[rep.id]]


@pytest.mark.parametrize("called", [1, 2, 3])
def test_a_rep_is_about_the_lane_that_was_called_and_nobody_else(store, four, called):
    fox, owl, bee, _ = four
    rep = game(store, [fox, owl, bee], 0.21, 0.32, 0.43, called=called)
    assert rep.athlete_id == four[called - 1]
    assert owns(store, rep) == [lane == called - 1 for lane in range(3)]
    assert rep.drill["players"] == [fox, owl, bee]


def test_a_game_is_compared_with_no_start(store, four):
    fox, owl, bee, _ = four
    session = lanes(store, four[:2], 2)
    start = run(store, 0.25, 0.26)
    played = game(store, [fox, owl, bee], 0.05, 0.32, 0.43, called=1)
    assert played.session_id == session.id
    beside = request(store, athlete_id=fox)
    walk(store, beside, *TO_ANALYSING, state="done", result=sample_result())
    told = store.reactions(four, newest=9)
    assert {(one.rep_id, one.athlete_id) for one in told} == {
        (start.id, fox), (start.id, owl), (beside.id, fox),
    }  # fmt: skip
    assert {each.id for each in store.starts(session.id)} == {start.id, played.id, beside.id}
    counted = store.starts(session.id, planned=True)
    assert [(each.id, each.athlete_id) for each in counted] == [(start.id, fox), (start.id, owl)]
    own = store.reps(athlete_id=fox)
    assert [each.id for each in own] == [beside.id, played.id, start.id]
    assert own[1].result["reaction_s"]["value"] == 0.05, "it is told, and not compared"
    assert own[1].reaction_s is None


def test_an_empty_seat_in_a_game_is_nobodys_and_breaks_nothing(store, four):
    fox, _, bee, _ = four
    rep = game(store, [fox, None, bee], 0.21, None, 0.43, called=2)
    assert rep.athlete_id is None
    assert owns(store, rep) == [False, True, False]
    assert store.reps(athlete_id=fox)[0].result["reaction_s"]["value"] == 0.21


def test_a_called_lane_that_nobody_was_said_to_be_in_gives_nobody_its_numbers(store, four):
    fox, owl, *_ = four
    rep = request(store, drill={"game": {"kind": "number", "of": 3}, "players": [fox, owl]})
    walk(store, rep, *TO_ANALYSING)
    result = lanes_result(0.21, 0.32, 0.43)
    rep = store.change_rep(rep.id, state="done", result=result, own_lane=2)
    assert rep.athlete_id is None
    assert owns(store, rep) == [False, False]
    assert store.reps(athlete_id=fox)[0].result["reaction_s"]["value"] == 0.21
    with pytest.raises(ValueError, match="nobody's own"):
        store.give_rep(rep.id, four[3])


def test_of_several_in_one_picture_without_lanes_nobody_has_the_numbers(store, four):
    fox, owl, *_ = four
    rep = request(store, drill={"game": {"kind": "last_up"}, "players": [fox, owl]})
    walk(store, rep, *TO_ANALYSING)
    rep = store.change_rep(rep.id, state="done", result=sample_result(), own_lane=NOBODYS_LANE)
    assert rep.athlete_id is None
    assert [each.status for each in store.reps(athlete_id=fox)] == ["not_measurable"]
    store.forget_athletes([owl])
    left = store.rep(rep.id)
    assert left.athlete_id is None
    assert left.result["reaction_s"]["value"] is None, "they may have been the owl's"


def test_whose_a_game_was_can_be_said_while_it_runs(store, four):
    fox, owl, bee, elk = four
    drill = {"game": {"kind": "number", "of": 3}, "players": [fox, owl, bee]}
    rep = walk(store, request(store, drill=drill), "settling", "holding")
    store.give_start(rep.id, 1, elk)
    assert store.give_rep(rep.id, bee).drill["players"] == [bee, elk, fox]
    walk(store, rep, "running", "analysing")
    rep = store.change_rep(rep.id, state="done", result=lanes_result(0.21, 0.32, 0.43), own_lane=1)
    assert (rep.athlete_id, owns(store, rep)) == (elk, [False, True, False])
    assert store.give_start(rep.id, 1, owl).athlete_id == owl


@pytest.mark.parametrize(("called", "who"), [(3, 2), (3, 0), (3, 1), (2, 2), (2, 0), (1, 0)])
def test_who_is_forgotten_from_a_game_leaves_no_number_under_anothers_name(
    store, four, called, who
):
    reactions = (0.20137, 0.30237, 0.40337)
    players = four[:3]
    rep = game(store, players, *reactions, called=called)
    store.forget_athletes([players[who]])
    left = store.rep(rep.id)
    own = called - 1 if called - 1 != who else next(k for k in range(3) if k != who)
    assert left.athlete_id == players[own]
    assert left.result["reaction_s"]["value"] == reactions[own]
    assert sum(start.own for start in store.starts_of([rep.id])[rep.id]) == 1
    for k in range(3):
        his = [each.result["reaction_s"]["value"] for each in store.reps(athlete_id=players[k])]
        assert his == ([] if k == who else [reactions[k]])
    assert f"{reactions[who]}" not in f"{left.result}"
