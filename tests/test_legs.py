"""Feet whose legs are known, because they were drawn: near ones a little lower in the picture."""

import numpy as np
import pytest

from pi.drills import POSTURES
from pi.kinematics import Value
from pi.legs import FAR, NEAR, UNTOLD, lead_foot, near_or_far, soles_under
from pi.rep import analyse
from pi.simulate import simulate_clip
from pi.steps import Step

SHAPE = np.array([-3.2, -2.6, -2.0, -1.4, -0.9, -0.4, 0.0, 0.0, -0.1, -0.3, -0.6, -1.0, -1.5])
"""px, the lower edge of a shoe from its heel to its toes, against its lowest place."""
EVEN = (0.40, 0.63, 0.86, 1.08, 1.30, 1.52)
"""s, contacts of a run."""


def run(contacts=EVEN, *, first=NEAR, apart=2.0, tilt=0.0, noise=0.1, shapes=None, seed=1):
    """Steps, and their soles: feet in turns, those that are near lower by `apart` px."""
    random = np.random.default_rng(seed)
    steps, soles = [], []
    for k, contact in enumerate(contacts):
        side = first * (-1) ** k
        shape = SHAPE if shapes is None else shapes[side]
        steps.append(Step(Value(contact, 0.004), Value(contact + 0.15, 0.004), 300.0 + 160.0 * k))
        soles.append(shape + 0.5 * apart * side + tilt * k + random.normal(0, noise, len(SHAPE)))
    return steps, np.array(soles)


@pytest.mark.parametrize("first", [NEAR, FAR])
@pytest.mark.parametrize("tilt", [-0.8, 0.0, 0.8])
def test_feet_that_take_turns_are_told_by_how_low_they_stand_however_the_line_tilts(first, tilt):
    steps, soles = run(first=first, tilt=tilt)
    assert list(near_or_far(steps, soles)) == [first, -first] * 3


def test_feet_that_stand_no_further_apart_than_the_edges_noise_are_not_told():
    steps, soles = run(apart=0.4)
    assert not near_or_far(steps, soles).any()


def test_a_shoe_that_seems_to_end_higher_than_it_does_is_not_taken_for_the_far_one():
    """The near shoe's toe is as grey as the ground: what is left of it has another shape."""
    faded = SHAPE - np.where(np.arange(len(SHAPE)) > 4, 2.5, 0.8)
    steps, soles = run(shapes={NEAR: faded, FAR: SHAPE}, apart=1.0)
    assert np.median(soles[0]) < np.median(soles[1])  # a comparison of rows alone would be wrong
    assert not near_or_far(steps, soles).any()


def test_three_steps_are_too_few():
    steps, soles = run(EVEN[:3])
    assert not near_or_far(steps, soles).any()


def test_where_a_step_was_missed_the_feet_are_told_on_both_sides_of_it():
    steps, soles = run((*EVEN, 1.74, 1.96, 2.18, 2.40))
    left = [k for k in range(10) if k != 4]
    foot = near_or_far([steps[k] for k in left], soles[left])
    assert [foot[k] for k in range(9)] == [(NEAR, FAR)[k % 2] for k in left]


def test_the_first_step_after_getting_up_is_told_by_the_level_it_stands_on():
    steps, soles = run((0.40, 0.84, 1.07, 1.30, 1.52, 1.74))
    soles[0] += np.linspace(-1.5, 0.0, len(SHAPE))  # flat on the ground no other foot is
    foot = near_or_far(steps, soles)
    assert list(foot) == [NEAR, FAR] * 3
    assert lead_foot(steps, foot, up_s=0.6, stood=False) == NEAR


def test_a_first_foot_between_the_levels_is_nobodys_and_no_leg_led():
    steps, soles = run((0.40, 0.84, 1.07, 1.30, 1.52, 1.74))
    soles[0] -= 1.0
    foot = near_or_far(steps, soles)
    assert foot[0] == UNTOLD
    assert foot[1] == FAR
    assert lead_foot(steps, foot, up_s=0.6, stood=False) == UNTOLD


def test_whose_first_foot_is_seen_only_after_standing_may_have_stepped_before():
    steps, soles = run()
    foot = near_or_far(steps, soles)
    assert lead_foot(steps, foot, up_s=0.1, stood=False) == UNTOLD
    assert lead_foot(steps, foot, up_s=float("nan"), stood=False) == UNTOLD
    assert lead_foot(steps, foot, up_s=0.1, stood=True) == NEAR


def test_feet_that_were_drawn_up_to_stand_on_made_no_step():
    contacts = (0.50, 0.58, *(0.9 + t for t in EVEN))
    steps, soles = run(contacts)
    foot = near_or_far(steps, soles)
    assert lead_foot(steps, foot, up_s=0.9, stood=False) == foot[2] == NEAR


def test_nobody_who_made_no_step_led_with_a_leg():
    none = near_or_far([], np.zeros((0, len(SHAPE))))
    assert len(none) == 0
    assert lead_foot([], none, up_s=1.0, stood=True) == UNTOLD
    steps, soles = run(EVEN[:1])
    assert lead_foot(steps, near_or_far(steps, soles), up_s=1.0, stood=True) == UNTOLD


def test_soles_are_told_from_heel_to_toes_in_px_below_the_line():
    time = np.arange(0.0, 1.0, 1 / 120)
    soles = np.full((len(time), 400), np.nan, np.float16)
    soles[:, 190:210] = 61.5
    soles[:, 200:] = 62.5
    step = Step(Value(0.3, 0.0), Value(0.5, 0.0), 401.0)
    ground = np.full(400, 60.0)
    right, left = (
        soles_under(soles, time, [step], 150.0, ground=ground, direction=way)[0] for way in (1, -1)
    )
    assert list(right[:9]) == [1.5] * 9
    assert list(right[9:]) == [2.5] * 4
    assert np.isnan(right).sum() == 0
    assert list(left[:9]) == [2.5] * 9
    beyond = step._replace(column=3.0)
    assert np.isnan(soles_under(soles, time, [beyond], 150.0, ground=ground, direction=1)).all()


def test_drawn_starts_lead_with_the_leg_they_were_drawn_with_or_with_none():
    told = []
    for k, posture in enumerate(POSTURES):
        clip = simulate_clip(posture, seed=41 + k, direction=(1, -1)[k % 2], duration_s=5.0)
        result = analyse(clip.frames, clip.signal_ns, cones=clip.cones, posture=posture).result
        assert result["lead_leg"] in (None, clip.truth["lead_leg"])
        missing = any(reason.startswith("lead_leg: ") for reason in result["reasons"])
        assert missing == (result["lead_leg"] is None)
        told.append(result["lead_leg"] is not None)
        for step in result["steps"]:
            near = [
                true["leg"]
                for true in clip.truth["steps"]
                if abs(true["contact_s"] - step["contact_s"]) < 0.03
            ]
            assert not near or step["leg"] in (None, *near)
    assert sum(told) >= 2
