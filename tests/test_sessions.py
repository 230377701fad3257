"""Order, comparison and boards: known answers, and what chance may not look like."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.drills import CIRCUITS
from pi.sessions import Known, Planned, compare, felt, improved, joined, plan, summary

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


def at(value, u):
    return Known(value, u, math.nan, 2)


def test_who_got_quicker_gained_seconds_with_the_uncertainty_of_both():
    gained = improved(at(0.25, 0.03), at(0.30, 0.04))
    assert gained.value == pytest.approx(0.05)
    assert gained.u == pytest.approx(0.05)


def test_the_body_knew_or_did_not():
    values, u = [0.30, 0.25, 0.252, 0.30], [0.005] * 4
    assert felt(["", "quicker", "same", "quicker"], values, u) == (2, 3)
    assert felt(["", "", "", ""], values, u) == (0, 0)


def test_turns_carry_what_the_timer_is_asked_for():
    assert plan([4], [("plank", "right")]) == [Planned(4, "plank", "right")]
