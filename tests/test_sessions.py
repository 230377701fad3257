"""Order, comparison and boards: known answers, and what chance may not look like."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.drills import CIRCUITS
from pi.sessions import (
    Gain,
    Known,
    Own,
    Planned,
    Progress,
    Timed,
    Turned,
    board,
    compare,
    consistency,
    dealt,
    felt,
    improved,
    joined,
    places,
    plan,
    progress,
    ranking,
    summary,
    totals,
)

STARTS = CIRCUITS["article"].starts


def test_everybody_starts_once_before_anybody_starts_twice():
    turns = plan([1, 2, 3], STARTS)
    assert len(turns) == 18
    for k in range(0, 18, 3):
        assert [turn.athlete for turn in turns[k : k + 3]] == [1, 2, 3]
        assert len({(turn.posture, turn.lead_leg) for turn in turns[k : k + 3]}) == 1


@given(st.integers(1, 30), st.integers(0, 60))
def test_a_late_comer_gets_every_start_and_nobody_loses_one(athletes, done):
    waiting = plan(range(athletes), STARTS)[done:]
    order = list(waiting)
    for at, turn in reversed(joined(waiting, 99, STARTS)):
        order.insert(at, turn)
    assert [turn for turn in order if turn.athlete != 99] == waiting
    assert [turn[1:] for turn in order if turn.athlete == 99] == list(STARTS)


def test_a_late_comer_runs_once_a_round():
    order = list(waiting := plan([1, 2, 3], STARTS)[1:])
    for at, turn in reversed(joined(waiting, 9, STARTS)):
        order.insert(at, turn)
    assert [turn.athlete for turn in order[:8]] == [2, 3, 1, 9, 2, 3, 1, 9]


def test_without_a_start_there_is_no_number():
    assert math.isnan(summary([], []).value)
    assert summary([], []).starts == 0


def test_a_median_of_two_is_known_worse_than_each_was_measured():
    known = summary([0.200, 0.230], [0.004, 0.004])
    assert known.value == pytest.approx(0.215)
    assert known.u > 0.015


def test_u_of_a_median_covers_as_it_says():
    random = np.random.default_rng(3)
    for count in (2, 6, 15):
        inside = 0
        for _ in range(2000):
            known = summary(random.normal(0.24, 0.025, count), [0.0] * count)
            inside += abs(known.value - 0.24) < known.u
        assert 0.60 < inside / 2000 < 0.76, count


def test_two_starts_a_side_cannot_tell_the_literatures_difference_and_say_how_many_would():
    told = compare([0.226, 0.240], [0.200, 0.214])
    assert told.difference == pytest.approx(0.026)
    assert not told.told
    assert 8 <= told.more + 2 <= 21, "10 to 21 of each side are known to be needed"


def test_a_difference_that_is_plain_is_told():
    assert compare([0.30, 0.31, 0.29, 0.30], [0.20, 0.21, 0.20, 0.19]).told


def test_one_start_of_a_kind_tells_nothing_however_quick_it_was():
    told = compare([0.28, 0.27], [0.13])
    assert not told.told
    assert told.more == 1


def test_what_chance_alone_makes_is_rarely_told():
    random = np.random.default_rng(7)
    for count in (2, 3, 6, 12):
        wrong = sum(
            compare(random.normal(0.24, 0.025, count), random.normal(0.24, 0.025, count)).told
            for _ in range(1500)
        )
        assert wrong / 1500 < 0.075, count


def test_nobody_to_compare_with_and_no_difference_are_answers_too():
    assert math.isnan(compare([], [0.2]).difference)
    same = compare([0.2, 0.2], [0.2, 0.2])
    assert (same.told, same.more) == (False, None)


def test_a_leg_is_compared_within_each_posture():
    """Back 0.30, plank 0.20, left 0.02 quicker: what an unequal mixture must not hide."""
    left = [0.28, 0.18, 0.18, 0.18]
    right = [0.30, 0.30, 0.30, 0.20]
    blocks = ["back", "plank", "plank", "plank"], ["back", "back", "back", "plank"]
    assert compare(left, right, blocks).difference == pytest.approx(-0.02)
    assert compare(left, right).difference == pytest.approx(-0.07)


def test_legs_that_never_led_from_the_same_posture_are_not_compared():
    told = compare([0.28, 0.27], [0.20], (["back", "belly"], ["plank"]))
    assert math.isnan(told.difference)
    assert (told.told, told.more) == (False, None)


def test_chance_within_postures_is_rarely_told_either():
    random = np.random.default_rng(11)
    postures = np.array([0.30, 0.26, 0.20])
    for rounds in (1, 2, 4):
        blocks = [0, 1, 2] * rounds
        wrong = sum(
            compare(
                random.normal(postures[blocks], 0.025),
                random.normal(postures[blocks], 0.025),
                (blocks, blocks),
            ).told
            for _ in range(1500)
        )
        assert wrong / 1500 < 0.075, rounds


@pytest.mark.parametrize("spreads", [(0.025, 0.025), (0.040, 0.040), (0.060, 0.020)])
@pytest.mark.parametrize("counts", [(2, 2), (3, 3), (2, 8), (8, 3), (6, 6), (12, 12)])
def test_chance_is_told_in_five_of_a_hundred_at_most_however_unsteady_the_athlete(counts, spreads):
    """Two starts of each by somebody who varies by 40 ms were told from each other in 11 %."""
    random = np.random.default_rng(13)
    wrong = sum(
        compare(*(random.normal(0.24, *each) for each in zip(spreads, counts, strict=True))).told
        for _ in range(1500)
    )
    assert wrong / 1500 < 0.065


def test_where_enough_starts_are_made_chance_is_told_as_often_as_it_says():
    random = np.random.default_rng(17)
    for spread in (0.015, 0.025, 0.040):
        wrong = sum(
            compare(random.normal(0.24, spread, 8), random.normal(0.24, spread, 8)).told
            for _ in range(2000)
        )
        assert 0.035 < wrong / 2000 < 0.065, spread


# Against before

POSTURES = {"supine": 0.30, "prone": 0.26, "plank": 0.20}
MIXES = [  # starts of now, and of before
    ({"supine": 2, "prone": 2, "plank": 8}, {"supine": 30, "prone": 12, "plank": 4}),
    ({"supine": 4, "plank": 1}, {"supine": 3, "plank": 20}),
    ({"prone": 6, "plank": 2}, {"prone": 2, "plank": 30, "supine": 9}),
]


def drawn(random, mix, quicker=0.0, spread=0.025):
    """Starts of somebody who is so much quicker than usual, by posture."""
    return {
        posture: [(value, 0.006) for value in random.normal(usual - quicker, spread, mix[posture])]
        for posture, usual in POSTURES.items()
        if posture in mix
    }


@pytest.mark.parametrize(("now", "before"), MIXES)
@pytest.mark.parametrize("spread", [0.025, 0.040])
def test_another_mixture_of_postures_is_no_gain_and_no_loss(now, before, spread):
    random = np.random.default_rng(19)
    gains = [
        improved(drawn(random, now, spread=spread), drawn(random, before, spread=spread))
        for _ in range(1500)
    ]
    assert 0.02 < sum(gain.told for gain in gains) / 1500 < 0.065
    assert abs(np.mean([gain.value for gain in gains])) < 0.002
    inside = sum(abs(gain.value) < gain.u for gain in gains) / 1500
    assert 0.60 < inside < 0.76


@pytest.mark.parametrize(("now", "before"), MIXES)
def test_a_gain_is_found_at_its_size_whatever_the_mixtures(now, before):
    random = np.random.default_rng(23)
    gains = [improved(drawn(random, now, quicker=0.060), drawn(random, before)) for _ in range(800)]
    assert np.mean([gain.value for gain in gains]) == pytest.approx(0.060, abs=0.002)
    told = [gain for gain in gains if gain.told]
    assert len(told) > 0.6 * len(gains)
    assert all(gain.value > 0 for gain in told)


def test_postures_count_by_the_starts_made_now_and_their_u_adds_in_quadrature():
    now = {"supine": [(0.25, 0.0)] * 3, "plank": [(0.20, 0.0)], "prone": [(0.1, 0.0)]}
    before = {"supine": [(0.27, 0.0), (0.27, 0.0)], "plank": [(0.20, 0.0)], "prone": []}
    gain = improved(now, before)
    assert gain.value == pytest.approx(0.75 * 0.020)
    assert gain.starts == 4, "the prone one has nothing to be compared with"
    alone = (
        improved({"supine": now["supine"]}, before).u,
        improved({"plank": now["plank"]}, before).u,
    )
    assert gain.u == pytest.approx(math.hypot(0.75 * alone[0], 0.25 * alone[1]))


def test_one_start_before_and_one_now_tell_no_change_however_large():
    assert improved({"plank": [(0.20, 0.006)]}, {"plank": [(0.90, 0.006)]}).told is False
    assert improved({"plank": [(0.20, 0.006)]}, {"prone": [(0.90, 0.006)]}) is None
    assert improved({}, {"prone": [(0.90, 0.006)]}) is None


def test_the_body_knew_or_did_not():
    values, u = [0.30, 0.25, 0.252, 0.30], [0.005] * 4
    assert felt(["", "quicker", "same", "quicker"], values, u) == (2, 3)
    assert felt(["", "", "", ""], values, u) == (0, 0)


def test_turns_carry_what_the_timer_is_asked_for():
    assert plan([4], [("plank", "right")]) == [Planned(4, "plank", "right")]


# Boards


def test_too_few_starts_tell_nothing_of_how_much_they_vary():
    assert consistency([0.2, 0.3], [0.0, 0.0]) is None
    assert consistency([], []) is None
    kinds = ["back", "back", "plank", "belly"]
    assert consistency([0.3, 0.31, 0.2, 0.25], [0.0] * 4, kinds) is None


def test_what_measuring_adds_is_not_held_against_the_athlete():
    """Starts that vary by 30 ms, of which measuring alone makes 18: 24 are his."""
    known = consistency([0.22, 0.25, 0.28], [0.018] * 3)
    assert known.value == pytest.approx(0.024)
    assert known.spread == pytest.approx(0.030)
    steady = consistency([0.250, 0.251, 0.249], [0.010] * 3)
    assert steady.value == 0.0
    assert steady.u == pytest.approx(0.010), "10 ms cannot be told from none at all"


def test_postures_of_their_own_speed_are_not_taken_for_unsteadiness():
    values = [0.30, 0.30, 0.30, 0.20, 0.20, 0.20]
    kinds = ["back"] * 3 + ["plank"] * 3
    assert consistency(values, [0.0] * 6, kinds).value == pytest.approx(0.0, abs=1e-12)
    assert consistency(values, [0.0] * 6).value > 0.05


@pytest.mark.parametrize("count", [3, 6, 15])
def test_u_of_a_spread_covers_as_it_says(count):
    random = np.random.default_rng(5)
    inside = 0
    for _ in range(2000):
        seen = random.normal(0.24, 0.025, count) + random.normal(0, 0.006, count)
        known = consistency(seen, [0.006] * count)
        inside += abs(known.value - 0.025) < known.u
    assert 0.62 < inside / 2000 < 0.76


@pytest.mark.parametrize("u", [0.006, 0.012])
@pytest.mark.parametrize("count", [3, 6, 15])
def test_u_of_a_spread_covers_though_measuring_is_off_by_the_same_in_each_start(count, u):
    random = np.random.default_rng(6)
    inside, off = 0, []
    for _ in range(2000):
        seen = random.normal(0.24, 0.025, count) + random.normal(0, u)
        known = consistency(seen, [u] * count)
        inside += abs(known.value - 0.025) < known.u
        off.append(known.value - 0.025)
    assert 0.57 < inside / 2000 < 0.80
    assert np.median(off) < 0.001, "rather too small than too large"


def labels(known, **more):
    return {who: place.label for who, place in places(known, **more).items()}


def test_places_are_shared_where_the_difference_is_inside_its_uncertainty():
    known = {"a": (0.200, 0.004), "b": (0.204, 0.004), "c": (0.260, 0.004)}
    assert labels(known) == {"a": "1=", "b": "1=", "c": "3"}
    assert labels(known, largest=True) == {"a": "2=", "b": "2=", "c": "1"}


def test_nobody_has_a_place_alone_or_without_a_number():
    assert places({"a": (0.2, 0.004)}) == {}
    known = {"a": (0.2, 0.004), "b": (math.nan, math.nan), "c": (0.3, 0.004)}
    assert labels(known) == {"a": "1", "c": "2"}


def test_equal_does_not_carry_over():
    known = {"a": (0.200, 0.010), "b": (0.212, 0.010), "c": (0.224, 0.010)}
    assert labels(known) == {"a": "1=", "b": "1=", "c": "2="}


@st.composite
def numbers(draw):
    each = st.tuples(st.floats(0, 1), st.floats(0, 0.3))
    return dict(enumerate(draw(st.lists(each, max_size=9))))


@given(numbers())
def test_whoever_is_clearly_ahead_has_the_better_place(known):
    found = places(known)
    for one, (a, u_a) in known.items():
        for other, (b, u_b) in known.items():
            if b - a > math.hypot(u_a, u_b) * (1 + 1e-9):
                assert found[one].number < found[other].number
            elif one != other and abs(b - a) < math.hypot(u_a, u_b) * (1 - 1e-9):
                assert found[one].equal
                assert found[other].equal


@given(numbers(), st.integers(1, 5))
def test_the_last_is_never_ranked(known, most):
    told = ranking(known, most)
    found = places(known)
    last = max((place.number for place in found.values()), default=0)
    assert len(told) < max(len(known), 1)
    assert all(found[who].number < last for _, who in told)
    assert all(found[who].number <= most for _, who in told)
    assert [found[who].number for _, who in told] == sorted(found[who].number for _, who in told)
    assert all(label == found[who].label for label, who in told)


def test_the_first_three_are_ranked_and_who_ties_with_them():
    known = {k: (0.20 + 0.02 * k, 0.001) for k in range(6)}
    assert ranking(known) == [("1", 0), ("2", 1), ("3", 2)]
    assert ranking(known | {6: (0.2405, 0.001)}) == [("1", 0), ("2", 1), ("3=", 2), ("3=", 6)]
    assert ranking(known, largest=True)[0] == ("1", 5)


def test_where_nobody_is_clearly_ahead_nobody_is_ranked():
    assert ranking({k: (0.20 + 0.001 * k, 0.010) for k in range(5)}) == []
    assert ranking({}) == ranking({1: (0.2, 0.01)}) == []


@given(st.integers(0, 40), st.integers(1, 6), st.integers(0, 9))
def test_teams_are_dealt_to_within_one(count, teams, seed):
    names = [f"team {k}" for k in range(teams)]
    drawn = dealt(range(count), names, Random(seed))
    sizes = [list(drawn.values()).count(name) for name in names]
    assert set(drawn) == set(range(count))
    assert max(sizes) - min(sizes) <= 1
    assert drawn == dealt(range(count), names, Random(seed))


def test_the_lot_favours_nobody_and_the_larger_team_is_not_always_the_first():
    random = Random(1)
    rounds = [dealt(range(5), ["red", "blue"], random) for _ in range(400)]
    for who in range(5):
        assert 150 < sum(drawn[who] == "red" for drawn in rounds) < 250
    assert 150 < sum(list(drawn.values()).count("red") == 3 for drawn in rounds) < 250


def test_teams_without_a_name_of_their_own_are_refused():
    for teams in ([], ["red", "red"]):
        with pytest.raises(ValueError, match="teams"):
            dealt([1, 2], teams, Random(1))


def own(made=2, planned=2, gained=None, measured=None):
    """What somebody did, as `board` tells it: gained is (value, u)."""
    gain = Gain(*gained, False, made) if gained else None
    far = Progress(planned, made, made if measured is None else measured)
    return Own(None, far, Known(math.nan, math.nan, math.nan, 0), gain, None, {})


def test_a_small_team_is_not_behind_because_it_is_small():
    teams = {1: "red", 2: "red", 3: "red", 4: "blue", 9: "blue"}
    made = {
        1: own(gained=(0.030, 0.03)),
        2: own(gained=(0.010, 0.04)),
        3: own(made=1),
        4: own(),
    }
    red, blue = totals(teams, made)
    assert (red.team, red.athletes, red.circuits, red.made, red.planned) == ("red", 3, 2, 5, 6)
    assert red.share == pytest.approx(5 / 6)
    assert (red.gained.value, red.gained.u) == pytest.approx((0.020, 0.025))
    assert red.gained.starts == 2, "how many have a gain"
    assert (blue.team, blue.athletes, blue.circuits, blue.share) == ("blue", 1, 1, 1.0)
    assert math.isnan(blue.gained.value)


def test_a_team_for_which_nothing_was_planned_has_no_share():
    (team,) = totals({1: "red"}, {1: own(0, 0)})
    assert (team.circuits, team.planned) == (0, 0)
    assert math.isnan(team.share)


def test_who_is_absent_does_not_put_the_team_behind():
    """Three pupils of two starts each, made by the two who are there: all that was to be made."""
    turns = [Turned(who, "done", "measured") for who in (1, 1, 2, 2)] + [Turned(3, "away")] * 2
    teams = dict.fromkeys((1, 2, 3), "red")
    (red,) = totals(teams, {one.athlete: one for one in board(turns, [], {})})
    assert (red.share, red.circuits, red.athletes) == (1.0, 2, 2)


def test_teams_whose_gains_differ_by_less_than_is_known_are_equal():
    teams = {1: "red", 2: "blue", 3: "green"}
    made = {who: own(gained=(gain, 0.01)) for who, gain in ((1, 0.02), (2, 0.01), (3, 0.09))}
    assert {each.team: each.place for each in totals(teams, made)} == {
        "red": "2=", "blue": "2=", "green": "1",
    }  # fmt: skip


def test_a_circuit_is_done_when_every_start_of_it_has_a_number():
    ended = ["measured", "early", "measured", "measured", "measured"]
    turns = [Turned(1, "done", status) for status in ended]
    assert progress(turns) == (5, 5, 5)
    assert progress(turns).complete
    for status in ("no_movement", "not_measurable", "false_start", None):
        made = progress([*turns, Turned(1, "done", status)])
        assert made == (6, 6, 5), "made, not measured"
        assert not made.complete
    assert progress([*turns, Turned(1, "skipped"), Turned(1, "away")]).complete
    assert not progress([*turns, Turned(1, "waiting")]).complete
    assert not progress([]).complete


def test_a_board_tells_each_of_his_own_in_the_order_of_the_plan():
    turns = [Turned(who, "done", "measured") for who in (7, 3, 7)] + [Turned(5, "waiting")]
    now = [
        Timed(3, "plank", "left", 0.20, 0.006),
        Timed(7, "plank", "left", 0.25, 0.006),
        Timed(7, "prone", "right", 0.31, 0.006),
        Timed(99, "plank", "left", 0.10, 0.006),
    ]
    seven, three, five = board(turns, now, {7: {"plank": [(0.30, 0.006)]}})
    assert [one.athlete for one in (seven, three, five)] == [7, 3, 5]
    assert (seven.reaction.value, seven.reaction.starts) == (pytest.approx(0.28), 2)
    assert (seven.gained.value, seven.gained.starts) == (pytest.approx(0.05), 1)
    assert set(seven.kinds) == {("plank", "left"), ("prone", "right")}
    assert (three.gained, five.reaction.starts, five.progress) == (None, 0, (1, 0, 0))
