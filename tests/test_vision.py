"""Pictures whose motion is known, because it was drawn: what vision makes of them."""

import cv2
import numpy as np
import pytest

from pi import vision

WIDE, HIGH = 320, 180


def waves(seed, *, shortest, longest, count=60):
    """A texture that is known everywhere, between the pixels too: f(x, y) with SD 1."""
    random = np.random.default_rng(seed)
    angle, length = random.uniform(0, 2 * np.pi, count), random.uniform(shortest, longest, count)
    phase = random.uniform(0, 2 * np.pi, count)
    kx, ky = 2 * np.pi / length * np.array([np.cos(angle), np.sin(angle)])

    def texture(x, y):
        turned = kx * np.asarray(x)[..., None] + ky * np.asarray(y)[..., None] + phase
        return np.sqrt(2 / count) * np.sin(turned).sum(axis=-1)

    return texture


def picture(texture, shift=(0.0, 0.0), *, size=(WIDE, HIGH), gain=1.0, offset=0.0, noise=0.0):
    """The texture moved by a shift in px: (h, w) float, some 20 grey levels around 120."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(float)
    grey = gain * (120 + 20 * texture(x - shift[0], y - shift[1])) + offset
    if noise:
        grey += np.random.default_rng(5).normal(0, noise, grey.shape)
    return grey


def film(pictures):
    return np.clip(np.rint(np.stack(pictures)), 0, 255).astype(np.uint8)


def unchanged(n):
    return vision.Registration(np.ones(n), np.zeros(n), np.zeros((n, 2)))


# ---------------------------------------------------------------------------------------------


def test_each_pixel_of_a_smaller_picture_is_the_mean_of_those_it_replaces():
    luma = np.random.default_rng(1).integers(0, 256, (3, 10, 15), np.uint8)
    means = luma[:, :9].reshape(3, 3, 3, 5, 3).mean(axis=(2, 4))
    assert np.abs(vision.shrunk(luma, 3) - means).max() <= 0.5 + 1e-6


def followed(luma, registration=None, *, box=(10, 10, 100, 60)):
    """Displacement against the first picture of a region in the middle of the box."""
    left, top, width, height = box
    half = cv2.resize(luma[0], (WIDE // 2, HIGH // 2), interpolation=cv2.INTER_AREA)
    reference = half[top : top + height, left : left + width].astype(np.float32)
    region = np.zeros((height, width), bool)
    region[8:-8, 8:-8] = True
    registration = unchanged(len(luma)) if registration is None else registration
    return vision.displacement(luma, registration, reference, region, ~region, box=box)[0]


GLIDE = [(0, 0), (0.1, 0), (0.2, -0.1), (0.5, 0.3), (1, 0.7), (1.8, 1.2), (2.8, 1.8), (5, 3)]


@pytest.mark.parametrize(("noise", "spread"), [(0.0, 0.15), (1.5, 0.3)])
def test_a_textured_patch_that_moves_is_measured_to_a_few_hundredths_of_a_pixel(noise, spread):
    texture = waves(1, shortest=9, longest=40)
    moved = followed(film([picture(texture, s, noise=noise) for s in GLIDE]))
    assert len(moved.site) > 60
    assert not moved.lost.any()
    miss = moved.vector - np.array(GLIDE)[:, None]
    assert np.abs(np.median(miss, axis=1)).max() < 0.05
    assert 1.48 * np.median(np.abs(miss), axis=1).max() < spread


def test_a_part_that_moves_is_told_from_a_part_that_rests():
    texture = waves(2, shortest=9, longest=40)
    at_rest = picture(texture)
    pictures = []
    for shift in (0, 0.5, 1.2, 2.0, 3.0):
        moved = picture(texture, (shift, 0))
        moved[:, : WIDE // 2 - 90] = at_rest[:, : WIDE // 2 - 90]
        pictures.append(moved)
    found = followed(film(pictures))
    right = found.site[:, 0] > WIDE / 2 - 90 + 24
    left = found.site[:, 0] < WIDE / 2 - 90 - 24
    assert right.sum() > 20
    assert left.sum() > 5
    assert np.median(found.vector[-1, right, 0]) == pytest.approx(3.0, abs=0.05)
    assert np.abs(np.median(found.vector[-1, left], axis=0)).max() < 0.05


def test_what_has_no_texture_stays_where_it_was():
    luma = np.full((4, HIGH, WIDE), 120, np.uint8)
    luma += np.random.default_rng(3).integers(0, 3, luma.shape, np.uint8)
    assert np.abs(followed(luma).vector).max(initial=0.0) < 1.0


def test_what_goes_out_of_sight_is_lost_and_not_moved():
    texture, other = waves(4, shortest=9, longest=40), waves(5, shortest=9, longest=40)
    luma = film([picture(texture), picture(texture), picture(other)])
    lost = followed(luma).lost
    assert not lost[1].any()
    assert lost[2].mean() > 0.8


def test_the_shake_of_the_camera_is_no_displacement_of_the_athlete():
    texture = waves(6, shortest=9, longest=40)
    shake = np.array([(0.0, 0.0), (0.6, -0.4), (-1.1, 0.8)])
    luma = film([picture(texture, s) for s in shake])
    registration = unchanged(3)._replace(shift=shake)
    assert np.abs(np.median(followed(luma, registration).vector, axis=1)).max() < 0.05


# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("passer_by", [False, True])
def test_gain_offset_and_shift_put_on_a_picture_come_back(passer_by):
    texture = waves(7, shortest=16, longest=60)
    put = [(1.0, 0.0, (0, 0)), (1.1, -8.0, (0.3, -0.2)), (0.9, 6.0, (-1.2, 0.8))]
    pictures = film([picture(texture, s, gain=g, offset=o, noise=1.0) for g, o, s in put])
    if passer_by:
        pictures[:, 40:150, 60:130] = np.array([30, 200, 90], np.uint8)[:, None, None]
    reference = picture(texture).astype(np.float32)
    found = vision.register(pictures, reference, np.ones((HIGH, WIDE), bool))
    for i, (gain, offset, shift) in enumerate(put):
        assert found.shift[i] == pytest.approx(shift, abs=0.03)
        level = found.gain[i] * 120 + found.offset[i]
        assert level == pytest.approx(gain * 120 + offset, abs=0.7)
        assert found.gain[i] == pytest.approx(gain, abs=0.02)


def test_a_picture_with_nothing_to_hold_on_to_is_taken_as_it_is():
    flat = np.full((2, HIGH, WIDE), 90, np.uint8)
    found = vision.register(flat, flat[0].astype(np.float32), np.ones((HIGH, WIDE), bool))
    assert found.shift == pytest.approx(np.zeros((2, 2)))
    assert found.gain == pytest.approx(np.ones(2))


def test_a_steadied_picture_lies_over_the_reference():
    texture = waves(8, shortest=12, longest=60)
    seen = film([picture(texture, (0.7, -0.4), gain=1.1, offset=-5)])[0]
    back = vision.steadied(seen, 1.1, -5.0, np.array([0.7, -0.4]))
    inside = np.s_[4:-4, 4:-4]
    apart = back - picture(texture)
    assert np.abs(apart[inside]).mean() < 0.5


# ---------------------------------------------------------------------------------------------
# A lane in which blocks lie, run and pass: small pictures at 50 a second, signal at 0.

TIME = np.arange(-2.0, 3.5, 0.02)
FLOOR = 140


def lane(*, seed=9):
    return picture(waves(seed, shortest=6, longest=40), noise=0)


def block(pictures, when, columns, rows, grey=210):
    """Somebody drawn as a block: columns(t) gives its left and right edge."""
    for i in np.flatnonzero(when(TIME)):
        left, right = (int(edge) for edge in columns(TIME[i]))
        pictures[i, rows[0] : rows[1], max(left, 0) : max(right, 0)] = grey
        pictures[i, rows[0] : rows[1] : 6, max(left, 0) : max(right, 0)] = grey + 30


def shown(*people, noise=1.5):
    """A film of the lane with these people in it, and its registration."""
    random = np.random.default_rng(10)
    pictures = np.repeat(lane()[None], len(TIME), axis=0)
    for person in people:
        block(pictures, *person)
    pictures += random.normal(0, noise, pictures.shape)
    return film(pictures), unchanged(len(TIME))


def always(t):
    return np.ones(len(t), bool)


LYING = (lambda t: t < 2.6, lambda t: (60, 110), (FLOOR - 14, FLOOR))
"""Lies still for nine tenths of the recording; then is gone at once."""

LEAVING = (lambda t: t < 0.5, lambda t: (60, 110), (FLOOR - 14, FLOOR))
RUNNING = (lambda t: t >= 0.5, lambda t: (60 + 130 * (t - 0.5), 84 + 130 * (t - 0.5)), (80, FLOOR))


def covers(mask, columns, rows):
    """How much of a rectangle is in the mask, and how much of the mask is outside of it."""
    inside = np.zeros(mask.shape, bool)
    inside[slice(*rows), slice(*columns)] = True
    return (mask[inside] > 0).mean(), (mask[~inside] > 0).sum() / inside.sum()


def test_the_empty_lane_is_found_though_somebody_lies_in_it_most_of_the_recording():
    luma, registration = shown(LYING)
    found = vision.find_lane(luma, TIME, registration)
    assert np.abs(found.empty - lane())[FLOOR - 14 : FLOOR, 60:110].max() < 6
    assert np.abs(found.empty - lane()).mean() < 1.0
    covered, beside = covers(found.resting, (60, 110), (FLOOR - 14, FLOOR))
    assert covered > 0.95
    assert beside < 0.1
    assert found.left_s == pytest.approx(2.6, abs=0.4)


def test_who_comes_into_the_picture_and_stays_is_no_athlete_at_rest():
    latecomer = (lambda t: t > 1.0, lambda t: (200, 220), (100, FLOOR))
    luma, registration = shown(LEAVING, latecomer)
    found = vision.find_lane(luma, TIME, registration)
    assert covers(found.resting, (60, 110), (FLOOR - 14, FLOOR))[0] > 0.95
    assert not found.resting[:, 200:220].any()
    assert np.abs(found.empty - lane())[100:FLOOR, 200:220].max() < 8


def test_in_an_empty_lane_nobody_rests():
    passing = (always, lambda t: (50 + 90 * (t + 2), 75 + 90 * (t + 2)), (40, 120))
    for people in ((), (passing,)):
        found = vision.find_lane(*shown(*people)[:1], TIME, unchanged(len(TIME)))
        assert not found.resting.any()
        assert np.isnan(found.left_s)
        assert np.abs(found.empty - lane()).mean() < 1.5


def test_the_runner_is_followed_and_not_who_passes_behind():
    """The passer-by walks the other way, and the two cross."""
    passing = (always, lambda t: (280 - 60 * (t + 1), 300 - 60 * (t + 1)), (62, 112))
    luma, registration = shown(passing, LEAVING, RUNNING)
    found = vision.find_lane(luma, TIME, registration)
    masks = vision.foreground(luma, found, registration)
    silhouettes = vision.follow(masks, found, TIME, stature=62)
    for t in (-1.0, 0.3):
        covered, beside = covers(
            silhouettes[np.searchsorted(TIME, t)], (60, 110), (FLOOR - 14, FLOOR)
        )
        assert covered > 0.9
        assert beside < 0.1
    for t in (0.9, 2.2):
        i = np.searchsorted(TIME, t)
        columns = tuple(int(edge) for edge in RUNNING[1](TIME[i]))
        covered, beside = covers(silhouettes[i], columns, (80, FLOOR))
        assert covered > 0.85
        assert beside < 0.25
    assert not silhouettes[-1].any()  # both are out of the picture


def test_nobody_is_followed_where_nobody_rested():
    luma, registration = shown()
    found = vision.find_lane(luma, TIME, registration)
    masks = vision.foreground(luma, found, registration)
    assert not vision.follow(masks, found, TIME).any()


def test_foreground_is_what_is_not_lane_and_noise_is_lane():
    luma, registration = shown(LEAVING, noise=3.0)
    found = vision.find_lane(luma, TIME, registration)
    masks = vision.foreground(luma, found, registration)
    assert covers(masks[10], (60, 110), (FLOOR - 14, FLOOR))[0] > 0.95
    assert masks[-20:].mean() < 0.002


# ---------------------------------------------------------------------------------------------


def figure(*, lean=0.0, arm=0.0, at=80.0, tall=60, floor=100):
    """An upright body drawn as head, trunk and two legs, with one arm stretched forward.

    lean : columns that the neck is ahead of the hips.    Returns the mask and the torso centre.
    """
    mask = np.zeros((120, 200), np.uint8)

    def bone(a, b, wide):
        ends = [tuple(round(16 * v) for v in p) for p in (a, b)]
        cv2.line(mask, *ends, 1, wide, cv2.LINE_8, 4)

    top = floor - tall
    hips, neck = (at, top + vision.HIPS * tall), (at + lean, top + vision.NECK * tall)
    bone(hips, neck, 11)
    bone(neck, (neck[0] + 0.3 * lean, top + 4), 8)
    bone(hips, (at - 7, floor - 3), 6)
    bone(hips, (at + 7, floor - 3), 6)
    if arm:
        bone((neck[0], neck[1] + 4), (neck[0] + arm, neck[1] + 12), 4)
    return mask, (np.array(hips) + neck) / 2


@pytest.mark.parametrize(("lean", "arm"), [(0, 0), (10, 0), (-8, 0), (4, 18), (10, -18)])
@pytest.mark.parametrize("factor", [1, 4])
def test_the_trunks_middle_is_the_torso_centre_of_an_upright_figure(lean, arm, factor):
    mask, centre = figure(lean=lean, arm=arm)
    ground = np.full(200, 100.0 * factor)
    seen = vision.body(mask[None], factor, ground)
    here = (centre + 0.5) * factor - 0.5
    assert seen.trunk[0] == pytest.approx(here, abs=1.2 * factor)
    assert seen.area[0] == mask.sum()


def test_a_figure_moved_by_ten_columns_is_told_ten_columns_further():
    pair = np.stack([figure(at=80)[0], figure(at=90)[0]])
    seen = vision.body(pair, 4, np.full(200, 400.0))
    assert np.diff(seen.trunk[:, 0])[0] == pytest.approx(40, abs=0.5)
    assert np.diff(seen.thickest[:, 0])[0] == pytest.approx(40, abs=0.5)


def test_a_hand_held_high_is_not_the_top_of_the_body():
    mask, _ = figure()
    before = vision.body(mask[None], 1, np.full(200, 100.0)).top[0]
    cv2.line(mask, (84, 55), (86, 26), 1, 1)
    after = vision.body(mask[None], 1, np.full(200, 100.0)).top[0]
    assert before == pytest.approx(100 - 60, abs=2.5)
    assert after == pytest.approx(before, abs=1.0)


def test_no_silhouette_has_no_torso_and_one_at_the_side_is_cut():
    mask, _ = figure(at=190)
    seen = vision.body(np.stack([np.zeros_like(mask), mask]), 4, np.full(200, 400.0))
    assert np.isnan(seen.trunk[0]).all()
    assert np.isnan(seen.top[0])
    assert not seen.cut[0].any()
    assert seen.cut[1].tolist() == [False, True]


# ---------------------------------------------------------------------------------------------


def test_who_stands_behind_somebody_lying_is_no_part_of_the_resting_place():
    above = np.repeat((60.0 - np.arange(90.0))[:, None] / 40.0, 160, axis=1)
    lying, stander = np.zeros((90, 160), bool), np.zeros((90, 160), bool)
    lying[50:61, 30:100] = True
    stander[5:52, 60:72] = True
    place = vision._without_towers(lying | stander, above)
    assert place[lying].all()
    assert not place[5:45, 60:72].any()


def test_a_standing_body_is_a_resting_place_as_a_whole():
    above = np.repeat((60.0 - np.arange(90.0))[:, None] / 40.0, 160, axis=1)
    standing = np.zeros((90, 160), bool)
    standing[2:61, 60:76] = True
    assert (vision._without_towers(standing, above) == standing).all()


def test_a_cloud_is_told_from_a_body_and_taken_out():
    random = np.random.default_rng(5)
    ground = random.uniform(80, 160, (90, 160)).astype(np.float32)
    light = np.ones((30, 90, 160), np.float32)
    for i in range(30):
        light[i] -= 0.3 / (1 + np.exp(-(np.arange(160) - 4.0 * i) / 8.0))
    pictures = ground * light
    pictures[:, 40:80, 70:78] = 20.0  # somebody stands there
    even = vision.Registration(np.ones(30), np.zeros(30), np.zeros((30, 2)))
    small = pictures.astype(np.uint8)
    field = vision.uneven_light(small, even, ground)
    flat = np.stack([vision.evened(p, f) for p, f in zip(small, field, strict=True)])
    lane = np.ones((90, 160), bool)
    lane[35:85, 65:83] = False
    before = np.abs(small - ground)[5:25][:, lane].mean()
    assert np.abs(flat - ground)[5:25][:, lane].mean() < 0.35 * before
    assert np.median(flat[5:25, 45:75, 71:77]) < 40.0


def test_even_light_is_left_alone():
    random = np.random.default_rng(6)
    ground = random.uniform(80, 160, (90, 160)).astype(np.float32)
    small = np.clip(ground + random.normal(0, 3, (30, 90, 160)), 0, 255).astype(np.uint8)
    even = vision.Registration(np.ones(30), np.zeros(30), np.zeros((30, 2)))
    assert vision.uneven_light(small, even, ground) is None


def test_a_passer_by_walks_on_behind_the_athlete():
    """Seen apart before and after; in between the ghost is where an even walk would be."""
    time = np.arange(0.0, 2.0, 1 / 60)
    above = np.repeat((60.0 - np.arange(90.0))[:, None] / 40.0, 160, axis=1)
    masks = np.zeros((len(time), 90, 160), np.uint8)
    masks[:, 50:61, 60:110] = 1  # somebody lies there
    for i, now in enumerate(time):
        if not 0.8 < now < 1.2:
            left = int(20 + 60 * now)
            masks[i, 5:45, left : left + 10] = 1
    resting = np.zeros((90, 160), bool)
    resting[50:61, 60:110] = True
    blank = np.zeros((90, 160), np.float32)
    lane = vision.Lane(blank, blank, resting, 5.0, 500.0)
    (passer,) = vision.passers_by(masks, above, lane, time, stature=76.0)
    ghost = passer.ghost(1.0, (90, 160))
    assert ghost is not None
    assert np.flatnonzero(ghost.any(axis=0)).mean() == pytest.approx(84.5, abs=2.0)
    assert passer.ghost(time[-1] + 2.0, (90, 160)) is None
