"""A lens from pictures of the board, drawn through a lens that is known."""

from functools import cache

import cv2
import numpy as np
import pytest
from cameras import SIZE

from pi.charuco import SQUARE_MM, SQUARES, is_new, lens_of, progress, view_of
from pi.lens import Lens
from pi.sheet import board_page, dots

pytestmark = pytest.mark.skipif(
    not hasattr(cv2, "aruco"), reason="this OpenCV was built without tags"
)
LENS = Lens("true", 1100.0, (652.0, 351.0), (-0.28, 0.09, 0.0005, -0.0004, 0.0))


@cache
def rays_of(lens):
    """Directions of four points of every pixel."""
    u, v = np.meshgrid(np.arange(0, SIZE[0], 0.5) - 0.25, np.arange(0, SIZE[1], 0.5) - 0.25)
    rays = (lens.ideal(np.stack([u, v], -1)) - lens.centre) / lens.focal_px
    return np.concatenate([rays, np.ones_like(rays[..., :1])], -1)


def shown(lens, turn_deg, place, *, seed=0):
    """The picture of the board, turned (about x, y, z) and with its middle at a place, m."""
    page = board_page()
    wide, high = (dots(SQUARE_MM * n) for n in SQUARES)
    left = (page.shape[1] - wide) // 2
    board = page[dots(12) : dots(12) + high, left : left + wide]
    board = cv2.copyMakeBorder(board, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=255)
    board = cv2.resize(board, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    per_m = 0.5 * dots(1000)
    turn, _ = cv2.Rodrigues(np.radians(np.array(turn_deg, float)))
    rays = rays_of(lens)
    place = np.array(place, float)
    reach = (turn[:, 2] @ place) / (rays @ turn[:, 2])
    there = (reach[..., None] * rays - place) @ turn
    picture = cv2.remap(
        board,
        (there[..., 0] * per_m + board.shape[1] / 2).astype(np.float32),
        (there[..., 1] * per_m + board.shape[0] / 2).astype(np.float32),
        cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=90,
    )  # fmt: skip
    picture = cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA)
    grey = picture * 0.7 + 20 + np.random.default_rng(seed).normal(0, 2, picture.shape)
    return np.clip(grey, 0, 255).astype(np.uint8)


# As somebody shows it: into every part of the picture, tilted to all sides.
PLACES = [(x, y) for y in (-0.11, 0.0, 0.11) for x in (-0.24, -0.08, 0.08, 0.24)]
TURNS = [(25, 0, 0), (-25, 0, 10), (0, 28, 0), (0, -28, -8), (20, 20, 5), (-20, -20, 0)]


def views_through(lens, *, turns=TURNS, depth=0.55):
    found = []
    for i, (x, y) in enumerate(PLACES):
        picture = shown(lens, turns[i % len(turns)], (x, y, depth), seed=i)
        view = view_of(picture)
        if view is not None:
            found.append(view)
    return found


@pytest.fixture(scope="module")
def views():
    return views_through(LENS)


def test_the_board_gives_back_the_lens_it_was_seen_through(views):
    lens = lens_of(views, SIZE)
    assert lens.focal_px == pytest.approx(LENS.focal_px, rel=0.005)
    assert lens.centre == pytest.approx(LENS.centre, abs=6)
    assert not lens.preset
    assert lens.rms_px < 0.3
    u, v = np.meshgrid(np.linspace(30, 1250, 9), np.linspace(30, 690, 5))
    pixels = np.stack([u, v], -1)
    rays = [(each.ideal(pixels) - each.centre) / each.focal_px for each in (lens, LENS)]
    # the same but for a turn of the camera that its centre stands for
    apart = (rays[0] - rays[1]) * LENS.focal_px
    assert np.abs(apart - apart.mean((0, 1))).max() < 2.0


def test_what_is_missing_is_said_until_there_is_enough(views):
    assert "show the board" in progress([], SIZE).advice
    few = progress(views[:6], SIZE)
    assert not few.enough
    assert 0 < few.coverage < 0.9
    assert progress(views, SIZE).enough
    with pytest.raises(ValueError, match="of 10 views"):
        lens_of(views[:4], SIZE)


def test_views_that_are_all_flat_are_refused():
    flat = views_through(LENS, turns=[(0, 0, 0)])
    with pytest.raises(ValueError, match="hold it tilted"):
        lens_of(flat, SIZE)


def test_views_that_leave_out_a_part_of_the_picture_are_refused(views):
    left = [view._replace(corners=view.corners * [0.6, 1.0]) for view in views]
    with pytest.raises(ValueError, match="part 4 of 4"):
        lens_of(left, SIZE)


def test_the_same_view_twice_counts_once(views):
    assert not is_new(views[0], views, SIZE)
    assert is_new(views[0]._replace(corners=views[0].corners + 60), views[:1], SIZE)


def test_a_picture_without_the_board_is_no_view():
    assert view_of(np.full(SIZE[::-1], 120, np.uint8)) is None
