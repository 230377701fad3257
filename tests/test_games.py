"""Start games: what may be asked for, how each of them went, and how well a chase is told."""

import functools

import pytest
from clips import valid

from pi import picture
from pi.games import GAMES, HANDICAP_S, chaser_lane, game_of, outcome, too_few_lanes
from pi.rep import analyse, reanalyse
from pi.simulate import simulate_lanes
from pi.starts import WENT_BACK

CHASE = {"kind": "chase", "handicap_s": 1.5}
NUMBER = {"kind": "number", "of": 3}
LAST_UP = {"kind": "last_up"}
GAP = {"gap_s": 1.5, "u_gap_s": 1e-5}


def athlete(lane, *, reaction=0.2, u=0.01, five=None, u_five=0.01, up=None, status=None, why=()):
    """One of a result's athletes, as far as a game asks."""
    if status is None:
        status = "false_start" if reaction < 0 else "early" if reaction < 0.1 else "measured"
    known = status in ("measured", "early", "false_start")
    return {
        "lane": lane, "status": status, "reasons": list(why),
        "reaction_s": {"value": reaction if known else None, "u": u if known else None},
        "up_s": {"value": up, "u": None if up is None else 0.02},
        "splits": [
            {"metres": 2.5, "from_signal_s": 0.1, "from_movement_s": None, "u": 0.001},
            {"metres": 5.0, "from_signal_s": five, "from_movement_s": None, "u": u_five},
        ],
    }  # fmt: skip


def result(*athletes):
    return {"status": athletes[0]["status"], "athletes": list(athletes)}


# What may be asked for


def test_each_game_says_in_a_line_how_it_goes_and_what_to_mind():
    assert list(GAMES) == ["chase", "number", "last_up"]
    for key, game in GAMES.items():
        assert game.key == key
        assert len(game.words) <= 90
        assert game.words.endswith(".")
        assert game.safety.endswith(".")
        assert 2 <= game.players[0] <= game.players[1]


def test_a_drill_without_a_game_is_none():
    assert game_of({}) is None
    assert game_of({"kind": "fixed"}) is None


@pytest.mark.parametrize("game", [CHASE, NUMBER, LAST_UP])
def test_a_game_may_come_with_its_players(game):
    assert game_of({"game": game}) == game
    assert game_of({"game": game, "players": [3, None], "kind": "coach"}) == game


@pytest.mark.parametrize(
    ("drill", "says"),
    [
        ({"game": {"kind": "tag"}}, "one of chase, number, last_up"),
        ({"game": "chase"}, "kind"),
        ({"game": {"kind": []}}, "kind"),
        ({"game": {"kind": ["chase"]}}, "kind"),
        ({"game": CHASE, "players": [10**20]}, "athletes' numbers"),
        ({"game": {"kind": "chase"}}, "handicap_s"),
        ({"game": {"kind": "chase", "handicap_s": 0.3}}, "0.6 to 3 s"),
        ({"game": {"kind": "chase", "handicap_s": float("nan")}}, "0.6 to 3 s"),
        ({"game": {"kind": "chase", "handicap_s": "1"}}, "number of seconds"),
        ({"game": {"kind": "chase", "handicap_s": 1, "of": 2}}, "nothing else"),
        ({"game": {"kind": "number", "of": 7}}, "2 to 6"),
        ({"game": {"kind": "number", "of": True}}, "2 to 6"),
        ({"game": {"kind": "number", "of": 2.5}}, "2 to 6"),
        ({"game": {"kind": "last_up", "of": 3}}, "nothing else"),
        ({"game": CHASE, "players": [1, 2, 3]}, "first and the last lane"),
        ({"game": CHASE, "players": [1, None, None, None, 2]}, "4 at most"),
        ({"game": NUMBER, "players": [1, 2, 3, 4]}, "3 at most"),
        ({"game": CHASE, "players": ["Ana"]}, "athletes' numbers"),
        ({"game": CHASE, "players": 3}, "athletes' numbers"),
    ],
)
def test_a_game_that_cannot_be_is_told_in_a_sentence(drill, says):
    with pytest.raises(ValueError, match=says) as told:
        game_of(drill)
    assert "\n" not in str(told.value)


def test_a_number_needs_its_lane_or_there_are_no_lanes_at_all():
    assert too_few_lanes({"kind": "number", "of": 4}, 3)
    assert too_few_lanes({"kind": "number", "of": 4}, 0) is None
    assert too_few_lanes({"kind": "number", "of": 3}, 4) is None
    assert too_few_lanes(CHASE, 1) is None  # it is played, and not told


# Chase


@pytest.mark.parametrize(
    ("hare", "chaser", "verdict", "winner"),
    [
        (3.2, 1.5, "caught", ("2",)),
        (3.0, 1.8, "got_away", ("1",)),
        (3.0, 1.51, "too_close", ("1", "2")),
        (3.0, 1.49, "too_close", ("1", "2")),
    ],
)
def test_who_is_first_at_five_metres_is_told_since_the_hares_go(hare, chaser, verdict, winner):
    told = outcome(CHASE, GAP, result(athlete("1", five=hare), athlete("2", five=chaser)))
    assert (told.verdict, told.lanes, told.reasons) == (verdict, winner, ())
    assert told.margin_s["value"] == pytest.approx(abs(chaser + 1.5 - hare))
    assert told.margin_s["u"] == pytest.approx(0.01 * 2**0.5, rel=0.01)


def test_the_gap_that_was_measured_counts_and_what_is_not_known_of_it():
    both = result(athlete("1", five=3.0), athlete("2", five=1.5))
    assert outcome(CHASE, {"gap_s": 1.45, "u_gap_s": 0.0}, both).verdict == "caught"
    assert outcome(CHASE, {"gap_s": 1.45, "u_gap_s": 0.1}, both).verdict == "too_close"


def test_a_chase_without_lanes_is_not_told():
    told = outcome(CHASE, GAP, {"status": "measured", "athletes": None})
    assert told.verdict == "unknown"
    assert "No lanes" in told.reasons[0]
    one = outcome(CHASE, GAP, result(athlete("1", five=2.0)))
    assert (one.verdict, len(one.reasons)) == ("unknown", 1)


def test_a_split_that_is_missing_is_named_and_nobody_is_caught():
    told = outcome(CHASE, GAP, result(athlete("1", five=3.0), athlete("2")))
    assert (told.verdict, told.lanes, told.unseen) == ("unknown", (), ("2",))
    assert told.reasons == ("The chaser was not seen to cross 5 m.",)
    assert told.margin_s == {"value": None, "u": None}
    assert [start.role for start in told.starts] == ["hare", "chaser"]


def test_a_chaser_who_went_before_the_own_go_has_caught_nobody():
    both = result(athlete("1", five=3.2), athlete("2", five=1.5, reaction=-0.2))
    told = outcome(CHASE, GAP, both)
    assert (told.verdict, told.lanes) == ("false_start", ("2",))
    assert told.margin_s["value"] == pytest.approx(0.2)
    assert told.starts[1].reaction_s == {"value": -0.2, "u": 0.01}


def test_nearer_to_the_go_than_is_known_is_no_false_start_and_a_guess_is_told():
    close = result(athlete("1", five=3.2), athlete("2", five=1.5, reaction=-0.005))
    assert outcome(CHASE, GAP, close).verdict == "caught"
    guessed = result(athlete("1", five=3.2), athlete("2", five=1.5, reaction=0.05))
    told = outcome(CHASE, GAP, guessed)
    assert (told.verdict, told.starts[1].status) == ("caught", "early")


def test_lying_the_chaser_is_in_front_and_standing_the_hare_is():
    assert [chaser_lane("standing", lanes) for lanes in (2, 4)] == [1, 3]
    assert [chaser_lane(posture, 4) for posture in ("prone", "supine", "plank")] == [0, 0, 3]
    both = result(athlete("1", five=1.5), athlete("2"), athlete("3", five=3.2))
    told = outcome(CHASE, GAP | {"chaser": 0}, both)
    assert (told.verdict, told.lanes, told.reasons) == ("caught", ("1",), ())
    assert [(start.lane, start.role) for start in told.starts] == [("3", "hare"), ("1", "chaser")]


# Your number's up


def still(lane, **known):
    return athlete(lane, status="no_movement", **known)


def test_who_was_called_went_and_nobody_else_moved():
    told = outcome(NUMBER, {"called": 2}, result(still("1"), athlete("2"), still("3")))
    assert (told.verdict, told.lanes, told.out, told.called) == ("went", ("2",), (), 2)
    assert [(start.lane, start.role) for start in told.starts] == [("2", "called")]


def test_whoever_else_moved_is_out_also_who_thought_better_of_it():
    back = still("3", why=[WENT_BACK])
    told = outcome(NUMBER, {"called": 2}, result(athlete("1"), athlete("2"), back))
    assert (told.verdict, told.out) == ("went", ("1", "3"))


def test_who_was_called_and_slept_stayed():
    told = outcome(NUMBER, {"called": 1}, result(still("1"), athlete("2"), still("3")))
    assert (told.verdict, told.lanes, told.out) == ("stayed", ("1",), ("2",))


def test_a_lane_beyond_the_numbers_is_not_played_in():
    told = outcome(
        NUMBER, {"called": 2}, result(still("1"), athlete("2"), still("3"), athlete("4"))
    )
    assert (told.verdict, told.out) == ("went", ())
    blind = athlete("4", status="not_measurable")
    told = outcome(NUMBER, {"called": 2}, result(still("1"), athlete("2"), still("3"), blind))
    assert (told.unseen, told.reasons) == ((), ())


def test_who_was_not_seen_is_neither_in_nor_out():
    blind = athlete("3", status="not_measurable")
    told = outcome(NUMBER, {"called": 1}, result(athlete("1"), still("2"), blind))
    assert (told.verdict, told.out, told.unseen) == ("went", (), ("3",))
    assert len(told.reasons) == 1
    told = outcome(NUMBER, {"called": 3}, result(still("1"), still("2"), blind))
    assert (told.verdict, told.unseen) == ("unknown", ("3",))


def test_without_lanes_who_went_is_for_the_coachs_eyes():
    told = outcome(NUMBER, {"called": 3}, {"status": "measured"})
    assert (told.verdict, told.called, len(told.reasons)) == ("coach", 3, 1)


def test_moving_before_go_called_everybody_back():
    told = outcome(NUMBER, {"called": 2, "recalled": True}, {"status": "false_start"})
    assert (told.verdict, told.called) == ("called_back", 2)
    assert outcome(CHASE, {"recalled": True}, {"status": "false_start"}).verdict == "called_back"


@pytest.mark.parametrize("game", [CHASE, NUMBER, LAST_UP])
def test_a_game_that_was_stopped_has_no_outcome(game):
    told = outcome(game, None, None)
    assert (told.verdict, len(told.reasons)) == ("unknown", 1)


# Last one up


def test_the_last_on_the_feet_is_out_by_so_much():
    both = result(athlete("1", up=1.2), athlete("2", up=1.5), athlete("3", up=1.4))
    told = outcome(LAST_UP, {}, both)
    assert (told.verdict, told.lanes) == ("out", ("2",))
    assert told.margin_s["value"] == pytest.approx(0.1)
    assert told.margin_s["u"] == pytest.approx(0.02 * 2**0.5)


def test_nobody_is_out_where_the_difference_is_within_its_uncertainty():
    told = outcome(
        LAST_UP, {}, result(athlete("1", up=1.2), athlete("2", up=1.5), athlete("3", up=1.49))
    )
    assert (told.verdict, told.lanes) == ("too_close", ("2", "3"))


def test_one_whose_getting_up_was_not_seen_may_have_been_the_last():
    told = outcome(LAST_UP, {}, result(athlete("1", up=1.2), athlete("2"), athlete("3", up=1.4)))
    assert (told.verdict, told.lanes, told.unseen) == ("unknown", (), ("2",))
    assert "may have been the last" in told.reasons[0]


def test_a_lane_where_nobody_gets_up_is_left_out_and_told():
    told = outcome(LAST_UP, {}, result(athlete("1", up=1.2), athlete("2", up=1.4), still("3")))
    assert (told.verdict, told.lanes, told.unseen) == ("out", ("2",), ("3",))
    assert len(told.reasons) == 1
    alone = outcome(LAST_UP, {}, result(athlete("1", up=1.2), still("2")))
    assert alone.verdict == "unknown"
    assert outcome(LAST_UP, {}, {"status": "measured"}).verdict == "unknown"


# How well it is told


@functools.cache
def chase(seed, posture, gap_s):
    """A chase drawn and measured: its outcome, the athletes, their truths, and the answer again."""
    place = chaser_lane(posture, 2)
    later_s = tuple(gap_s * (k == place) for k in range(2))
    clip = simulate_lanes(
        (posture, posture), view="raised", seed=seed, size=(640, 360), fps=60.0,
        later_s=later_s, duration_s=6.0 + gap_s,
    )  # fmt: skip
    answer = analyse(
        clip.frames, clip.signal_ns, calibration=clip.calibration, posture=posture,
        later_s=later_s,
    )  # fmt: skip
    valid(answer.result)
    used = {**clip.calibration, "buzzer_distance_m": 0.0, "temperature_c": 20.0}
    again = reanalyse(answer.evidence["observations"], answer.result, {"place": used})
    game = {"kind": "chase", "handicap_s": gap_s}
    kept = {"gap_s": gap_s, "u_gap_s": 0.0, "chaser": place}
    told = outcome(game, kept, answer.result)
    return told, answer.result, [clip.truths[1 - place], clip.truths[place]], again


CHASES = [(3, "standing", 1.5), (3, "plank", 1.5), (4, "prone", 1.0), (4, "standing", 2.5)]


def test_a_chasers_reaction_counts_from_the_second_go():
    misses = []
    for each in CHASES:
        told, _, truths, _ = chase(*each)
        one = told.starts[1].reaction_s
        if one["value"] is not None:
            misses.append((one["value"] - truths[1]["reaction_s"]) / one["u"])
            assert told.starts[1].status == "measured"
    assert len(misses) >= 3
    assert sum(abs(miss) <= 2 for miss in misses) >= 0.75 * len(misses)


def test_a_chase_is_told_as_it_was_run():
    for each in CHASES:
        told, _, truths, _ = chase(*each)
        five = [
            next(split["from_signal_s"] for split in true["splits"] if split["metres"] == 5.0)
            for true in truths
        ]
        behind_s = five[1] + each[2] - five[0]
        assert told.verdict == ("got_away" if behind_s > 0 else "caught")
        assert told.margin_s["value"] == pytest.approx(abs(behind_s), abs=3 * told.margin_s["u"])


def test_each_athletes_signal_is_the_own_one_and_the_answer_again_is_the_same():
    _, result, _, again = chase(*CHASES[0])
    hare, chaser = result["athletes"]
    assert chaser["signal"]["time_s"] - hare["signal"]["time_s"] == pytest.approx(1.5)
    assert again == result


def test_the_empty_track_of_a_chase_is_looked_for_when_all_have_left_it(monkeypatch):
    """Lying, the first lane is the chaser's: its clock starts later than the recording's."""
    asked = []
    empty_track = picture.empty_track

    def listened(luma, time, left_s):
        asked.append((time, left_s))
        return empty_track(luma, time, left_s)

    monkeypatch.setattr(picture, "empty_track", listened)
    clip = simulate_lanes(
        ("prone", "prone"), view="raised", seed=4, size=(320, 180), fps=30.0,
        later_s=(1.0, 0.0), duration_s=7.0,
    )  # fmt: skip
    analyse(
        clip.frames, clip.signal_ns, calibration=clip.calibration, posture="prone",
        later_s=(1.0, 0.0),
    )  # fmt: skip
    ((time, _left_s),) = asked
    since_first = (clip.frames.times_ns - clip.signal_ns) * 1e-9
    assert time == pytest.approx(since_first - 1.0, abs=1e-6)


def test_handicaps_are_longer_than_the_tone():
    from pi.rep import TONE_S

    assert HANDICAP_S[0] >= TONE_S + 0.1
