"""A strip of ground on which things stand, and what is told of their lower edges."""

import numpy as np
import pytest

from pi.soles import find_soles
from pi.vision import Registration

HIGH, WIDE = 160, 320
TIME = np.arange(0.0, 2.0, 0.02)
GROUND = np.full(WIDE, 142.0)


def lane(seed=0):
    random = np.random.default_rng(seed)
    coarse = random.normal(110, 12, (HIGH // 8, WIDE // 8))
    return np.kron(coarse, np.ones((8, 8)))


def told(luma, athlete, *, reach=30):
    """Edges in px of the full picture; athlete : (n,) bool or columns (n, 2) where it is."""
    silhouettes = np.zeros((len(TIME), HIGH // 4, WIDE // 4), np.uint8)
    for i, (left, right) in enumerate(athlete):
        silhouettes[i, 5:30, left // 4 : right // 4] = 1
    still = Registration(np.ones(len(TIME)), np.zeros(len(TIME)), np.zeros((len(TIME), 2)))
    noisy = luma + np.random.default_rng(12).normal(0, 1.5, luma.shape)
    film = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    found = find_soles(film, TIME, still, GROUND, silhouettes, after_s=0.0, reach=reach)
    return found.row.astype(float) + found.top


def empty_film(seed=0):
    return np.repeat(lane(seed)[None], len(TIME), axis=0)


def put(luma, i, columns, bottom, grey=220.0, *, high=30):
    """A thing whose lower edge is at `bottom` px, between rows where it has to be."""
    left, right = columns
    whole = int(np.floor(bottom + 0.5))
    part = bottom + 0.5 - whole
    luma[i, whole - high : whole, left:right] = grey
    luma[i, whole, left:right] += part * (grey - luma[i, whole, left:right])


def test_the_lower_edge_is_told_to_a_tenth_of_a_pixel():
    luma = empty_film()
    stands = np.flatnonzero((TIME > 0.6) & (TIME < 0.9))
    bottoms = 139.0 + np.linspace(0, 1, len(stands))
    for i, bottom in zip(stands, bottoms, strict=True):
        put(luma, i, (90, 110), bottom)
    found = told(luma, [(80, 120)] * len(TIME))
    off = found[stands, 47:53] - bottoms[:, None]
    assert abs(np.median(off)) < 0.1
    assert np.std(off) < 0.1
    assert np.isnan(found[stands, 62:]).all()
    assert np.isnan(found[TIME < 0.5]).mean() > 0.99


def test_it_is_looked_for_around_the_athlete_only():
    luma = empty_film()
    for i in range(40, 60):
        put(luma, i, (90, 110), 139.5)
        put(luma, i, (250, 270), 139.5)
    found = told(luma, [(80, 120)] * len(TIME), reach=20)
    assert np.isfinite(found[45:55, 47:53]).all()
    assert np.isnan(found[:, 120:]).all()


def test_a_place_that_was_lain_on_most_of_the_time_is_ground_too():
    luma = empty_film()
    lies = TIME < 1.5
    for i in np.flatnonzero(lies):
        put(luma, i, (60, 180), 141.0)
    for i in np.flatnonzero(TIME > 1.7):
        put(luma, i, (150, 170), 141.0)
    athlete = [(60, 180) if t < 1.5 else (145, 175) if t > 1.7 else (250, 300) for t in TIME]
    found = told(luma, athlete, reach=10)
    later = np.flatnonzero(TIME > 1.75)
    assert found[later, 77:83] == pytest.approx(141.0, abs=0.3)


@pytest.mark.parametrize("nearer", [True, False])
def test_a_cast_shadow_is_ground(nearer):
    """It dims the ground by one share along more than a foot's length, beside the foot."""
    luma = empty_film()
    athlete = []
    for i, t in enumerate(TIME):
        left = round(40 + 80 * t)
        rows = slice(141, 152) if nearer else slice(128, 139)
        luma[i, rows, left + 20 : left + 85] *= 0.6
        put(luma, i, (left, left + 26), 141.0)
        athlete.append((left - 10, left + 60))
    found = told(luma, athlete)
    middle = np.round((40 + 80 * TIME + 10) / 2).astype(int)
    feet = found[np.arange(len(TIME)), middle]
    assert feet == pytest.approx(141.0, abs=0.3)
    shadow = np.stack([found[i, middle[i] + 12 : middle[i] + 40] for i in range(len(TIME))])
    assert np.isnan(shadow).mean() > 0.95


@pytest.mark.parametrize("above_px", [0.0, 4.0, 8.0])
def test_the_soft_dark_under_a_shoe_is_no_shoe(above_px):
    """Under an overcast sky the ground under a foot is dimmed, most where the foot is nearest."""
    luma = empty_film()
    rows = np.arange(HIGH)[:, None]
    columns = np.arange(WIDE)
    for i in range(len(TIME)):
        left = 40 + i
        beside = np.clip(np.abs(columns - left - 13) - 13, 0, None)
        dark = 0.3 * np.exp(-0.5 * ((rows - 142) / 8.0) ** 2 - 0.5 * (beside / 8.0) ** 2)
        dark *= np.exp(-above_px / 8.0)
        luma[i] *= 1.0 - dark
        put(luma, i, (left, left + 26), 141.0 - above_px)
    found = told(luma, [(30 + i, 76 + i) for i in range(len(TIME))])
    middle = np.arange(len(TIME)) // 2 + 26
    feet = found[np.arange(len(TIME)), middle]
    assert np.nanmedian(feet) == pytest.approx(141.0 - above_px, abs=0.5)
    assert np.mean(np.abs(feet - 141.0 + above_px) < 1.0) > 0.7


def test_who_is_never_seen_leaves_nothing():
    found = told(empty_film(), [(0, 0)] * len(TIME))
    assert np.isnan(found).all()
