"""Feet whose contacts are known, because they were drawn: what steps makes of them."""

import numpy as np
import pytest

from pi.steps import find_steps, where_feet_stood

FPS = 120
PX_PER_M = 150.0
WIDE = 1280
GROUND = 60.0  # px below the top of the strip
TIME = np.arange(0.0, 2.4, 1 / FPS)
GAIT = [(0.50, 0.70, 0.4), (0.76, 0.92, 1.3), (1.00, 1.14, 2.4), (1.23, 1.36, 3.6), (1.46, 1.57, 5)]
"""Contact, toe-off and place of each step: s, s, m."""


def column(metres, direction):
    behind = 250.0
    return behind + metres * PX_PER_M if direction > 0 else WIDE - 1 - behind - metres * PX_PER_M


def walked(gait=GAIT, *, direction=1, wobble=0.0, seed=1):
    """(n, w/2) lowest rows of two feet: each comes down, stands, swings over to its next place."""
    random = np.random.default_rng(seed)
    soles = np.full((len(TIME), WIDE // 2), np.nan, np.float16)
    half = 0.13 * PX_PER_M  # of a foot of 26 cm

    def draw(i, metres, above_px):
        middle = column(metres, direction)
        first, last = round((middle - half) / 2), round((middle + half) / 2)
        row = GROUND - above_px + random.normal(0, wobble)
        there = soles[i, max(first, 0) : max(last, 0)]
        there[:] = np.fmax(there, np.float16(row)) if row > 0 else there

    for k, (contact, toe_off, metres) in enumerate(gait):
        for i in np.flatnonzero((contact <= TIME) & (toe_off >= TIME)):
            draw(i, metres, 0.0)
        for i in np.flatnonzero(contact > TIME) if k < 2 else ():
            share = min((contact - TIME[i]) / 0.2, 1.0)
            draw(i, metres - 0.5 * share, 30.0 * np.sin(0.5 * np.pi * share))
        following = gait[k + 2] if k + 2 < len(gait) else (toe_off + 0.3, 0, metres + 2.0)
        for i in np.flatnonzero((toe_off < TIME) & (following[0] > TIME)):
            share = (TIME[i] - toe_off) / (following[0] - toe_off)
            draw(i, metres + share * (following[2] - metres), 45 * np.sin(np.pi * share))
    return soles


def steps_in(soles, *, direction=1, upright=None, **more):
    upright = np.ones(len(TIME), bool) if upright is None else upright
    ground = np.full(soles.shape[1], GROUND)
    return find_steps(
        soles, TIME, PX_PER_M, ground=ground, direction=direction, upright=upright, **more
    )


@pytest.mark.parametrize("direction", [1, -1])
def test_every_contact_is_found_where_and_when_it_was(direction):
    found = steps_in(walked(direction=direction), direction=direction)
    assert len(found) == len(GAIT)
    for step, (contact, toe_off, metres) in zip(found, GAIT, strict=True):
        assert step.contact.value == pytest.approx(contact, abs=1.5 / FPS)
        assert step.toe_off.value == pytest.approx(toe_off, abs=1.5 / FPS)
        assert step.column == pytest.approx(column(metres, direction), abs=0.03 * PX_PER_M)


def test_a_sole_that_wobbles_by_half_a_pixel_still_stands():
    found = steps_in(walked(wobble=0.5))
    assert len(found) == len(GAIT)
    assert [s.contact.value for s in found] == pytest.approx([g[0] for g in GAIT], abs=2.5 / FPS)


def test_ground_that_is_not_quite_where_the_line_is_makes_no_difference():
    found = steps_in(walked() + np.float16(3))
    assert [s.contact.value for s in found] == pytest.approx([g[0] for g in GAIT], abs=1.5 / FPS)


def test_a_foot_that_only_swings_by_low_is_no_step():
    soles = walked()
    for i in np.flatnonzero((TIME > 1.6) & (TIME < 1.9)):
        first = round(column(5.6 + 6.0 * (TIME[i] - 1.6), 1) / 2)
        soles[i, first : first + 20] = GROUND - 4
    assert len(steps_in(soles)) == len(GAIT)


@pytest.mark.parametrize("above_px", [2.0, 3.0, 5.0])
def test_a_foot_that_glides_in_low_has_landed_when_it_stops(above_px):
    """Somebody who jogs brings the foot down flat: 2 cm over the ground for a twentieth second."""
    soles = walked(GAIT[:1])
    contact, _, metres = GAIT[0]
    soles[contact > TIME] = np.nan
    soles[:6, 30:40] = GROUND - 20  # somebody is there before
    for i in np.flatnonzero((contact > TIME) & (contact - 0.08 <= TIME)):
        left = contact - TIME[i]
        middle = column(metres - 1.5 * left, 1)
        first = round((middle - 0.13 * PX_PER_M) / 2)
        soles[i, first : first + 20] = GROUND - above_px * np.sqrt(left / 0.08)
    found = steps_in(soles)
    assert [s.contact.value for s in found] == pytest.approx([contact], abs=1.5 / FPS)


def test_a_foot_that_rolls_over_its_heel_has_landed_with_the_heel():
    soles = walked(GAIT[:1])
    contact, _, metres = GAIT[0]
    first = round((column(metres, 1) - 0.13 * PX_PER_M) / 2)
    for i in np.flatnonzero((contact <= TIME) & (TIME < contact + 0.06)):
        toe_up = np.linspace(0.0, 5.0, 20) * (1.0 - (TIME[i] - contact) / 0.06)
        soles[i, first : first + 20] = GROUND - toe_up
    found = steps_in(soles)
    assert [s.contact.value for s in found] == pytest.approx([contact], abs=1.5 / FPS)


def test_a_foot_cut_off_by_the_side_of_the_picture_is_not_told():
    soles = walked()[:, round(column(GAIT[0][2], 1) / 2) :]
    assert len(steps_in(soles)) == len(GAIT) - 1


def test_hands_and_knees_on_the_ground_are_no_steps():
    upright = TIME > 0.95
    found = steps_in(walked(), upright=upright)
    assert [s.contact.value for s in found] == pytest.approx([1.00, 1.23, 1.46], abs=1.5 / FPS)


def test_what_lies_about_for_longer_than_a_foot_stands_is_no_step():
    soles = walked()
    soles[:, 560:600] = GROUND
    assert len(steps_in(soles)) == len(GAIT)


def test_heel_and_toe_apart_are_one_step():
    soles = walked(GAIT[:1])
    middle = round(column(0.4, 1) / 2)
    soles[TIME <= 0.7, middle - 2 : middle + 2] = np.nan
    assert len(steps_in(soles)) == 1


def test_the_foot_that_somebody_stands_on_from_the_beginning_has_not_stepped():
    rested = (0.0, 0.45, -0.5)
    found = steps_in(walked([rested, *GAIT]))
    assert [s.contact.value for s in found] == pytest.approx([g[0] for g in GAIT], abs=1.5 / FPS)


def test_nobody_on_the_ground_no_steps():
    assert steps_in(np.full((len(TIME), WIDE // 2), np.nan)) == []
    assert steps_in(np.zeros((0, 0))) == []


def test_pictures_in_which_a_foot_is_not_seen_spoil_no_step():
    soles = walked()
    random = np.random.default_rng(3)
    soles[random.choice(len(TIME), 30, replace=False)] = np.nan
    found = steps_in(soles)
    assert len(found) >= len(GAIT) - 1
    assert all(np.isfinite([s.contact.value, s.toe_off.value, s.column]).all() for s in found)


def test_a_foot_that_comes_to_where_a_hand_was_is_timed_by_itself():
    soles = walked(GAIT[:1])
    middle = round(column(0.4, 1) / 2)
    hand = TIME < 0.46
    soles[np.ix_(hand, range(middle - 2, middle + 12))] = GROUND
    found = steps_in(soles, upright=TIME > 0.55)
    assert [s.contact.value for s in found] == pytest.approx([GAIT[0][0]], abs=2.5 / FPS)


def test_a_heel_that_sinks_in_after_landing_makes_it_no_later():
    soles = walked(GAIT[:1])
    contact, toe_off, _ = GAIT[0]
    sinks = np.clip((contact + 0.04 - TIME) / 0.01, 0, 1) * 0.008 * PX_PER_M
    stands = (contact <= TIME) & (toe_off >= TIME)
    soles[stands] -= sinks[stands, None].astype(np.float16)
    (step,) = steps_in(soles)
    assert step.contact.value == pytest.approx(contact, abs=1.0 / FPS)


def test_toes_that_stay_while_the_ball_of_the_foot_lifts_are_still_on_the_ground():
    soles = walked(GAIT[:1])
    _, toe_off, _ = GAIT[0]
    rolls = (toe_off - 0.03 <= TIME) & (toe_off >= TIME)
    soles[rolls] -= np.float16(0.009 * PX_PER_M)
    (step,) = steps_in(soles)
    assert step.toe_off.value == pytest.approx(toe_off, abs=1.0 / FPS)


def test_the_truth_lies_within_two_of_the_uncertainties():
    off = []
    for seed in range(12):
        for step, (contact, toe_off, _) in zip(
            steps_in(walked(wobble=0.3, seed=seed)), GAIT, strict=True
        ):
            off += [(step.contact.value - contact) / step.contact.u]
            off += [(step.toe_off.value - toe_off) / step.toe_off.u]
    # the drawing holds each picture as it is: its own instants are uncertain by half a picture
    assert np.mean(np.abs(off) < 2.0) > 0.85


def test_where_feet_stood_is_told_in_px_of_the_strip():
    soles = walked()
    found = where_feet_stood(soles, TIME, [(c, t, column(m, 1)) for c, t, m in GAIT])
    assert found[:, 0] == pytest.approx([column(m, 1) for *_, m in GAIT])
    assert found[:, 1] == pytest.approx(GROUND, abs=0.1)
    assert where_feet_stood(soles, TIME, [(0.1, 0.3, 1200.0)]).shape == (0, 2)
