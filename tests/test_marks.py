"""Cones and tags in pictures whose truth is known, and what is printed."""

import re
import zlib

import cv2
import numpy as np
import pytest
from cameras import SIZE, Camera

from pi.calibration import fit_line, level_from_uprights
from pi.lens import Lens
from pi.marks import MARGIN, find_tags, refine
from pi.sheet import DPI, TAG_MM, board_page, dots, pdf, tag_page

LENS = Lens("known", 1430.0, (639.5, 359.5), (-0.1, 0.02, 0.0, 0.0, 0.0))

needs_tags = pytest.mark.skipif(
    not hasattr(cv2, "aruco"), reason="this OpenCV was built without tags"
)


def noisy(picture, sd=2.0, seed=0):
    grey = picture + np.random.default_rng(seed).normal(0, sd, picture.shape)
    return np.clip(grey, 0, 255).astype(np.uint8)


# Cones


def cone(grey, *, base_m=0.24, high_m=0.3, per_m=800, stripe=None):
    """A cone from the side on ground of 105 grey."""
    high, wide = round(high_m * per_m), round(base_m * per_m)
    plane = np.full((high, wide), -1e4, np.float32)
    for row in range(high):
        half = wide / 2 * (0.15 + 0.7 * row / high) if row < 0.9 * high else wide / 2
        plane[row, round(wide / 2 - half) : round(wide / 2 + half)] = grey
    if stripe is not None:
        rows = slice(round(0.35 * high), round(0.55 * high))
        plane[rows][plane[rows] >= 0] = stripe
    return plane, per_m


@pytest.mark.parametrize("grey", [210, 30])
@pytest.mark.parametrize("place", [0.0, 2.53, 5.11])
def test_a_tap_near_a_cone_is_moved_to_where_it_stands(grey, place):
    camera = Camera(LENS, yaw=5, roll=1)
    plane, per_m = cone(grey)
    wide = plane.shape[1] / per_m
    picture = noisy(camera.photograph(plane, per_m, x=place - wide / 2))
    foot = camera.pixel(place)
    for across, down in ((0, 0), (6, -9), (-8, 4), (3, -20)):
        found = refine(picture, foot + [across, down])
        assert found.found
        assert found.pixel[0] == pytest.approx(foot[0], abs=0.4)
        assert found.pixel[1] == pytest.approx(foot[1], abs=1.0)
        assert found.u_px < 0.5
        assert found.moved_px == pytest.approx(np.hypot(across, down), abs=1.0)


def test_a_cone_on_a_lane_line_or_with_a_stripe_is_found_too():
    camera = Camera(LENS)
    plane, per_m = cone(40, stripe=220)
    ground = np.full(SIZE[::-1], 105.0)
    row = round(camera.pixel(2.0)[1])
    ground[row - 12 : row - 6] = 200  # the next lane's line, behind it
    picture = camera.photograph(plane, per_m, x=2.0 - 0.12, picture=ground)
    found = refine(noisy(picture), camera.pixel(2.0) + [5, -6])
    assert found.found
    assert found.pixel[0] == pytest.approx(camera.pixel(2.0)[0], abs=0.5)


def test_where_there_is_no_cone_the_tap_itself_comes_back():
    empty = noisy(np.full(SIZE[::-1], 105.0))
    found = refine(empty, (400.0, 500.0))
    assert (found.found, found.pixel, found.moved_px) == (False, (400.0, 500.0), 0.0)
    lane = empty.copy()
    lane[495:503] = 220  # a lane line has no foot
    assert not refine(lane, (400.0, 500.0)).found
    assert not refine(empty, (1279.0, 719.0)).found
    with pytest.raises(ValueError, match="outside the picture"):
        refine(empty, (1300, 20))


# Tags


def tags_on_the_line(camera, numbers, *, side_m=0.16, spacing=0.5, sd=2.0):
    """A picture of printed boards that stand on the running line."""
    picture = None
    for number in numbers:
        page = tag_page(number)
        side = dots(TAG_MM)
        black = np.argwhere(page[: round(page.shape[0] * 0.72)] < 128)
        top, left = black[:, 0].min(), (page.shape[1] - side) // 2
        high = round(side * (1 + MARGIN))
        board = page[top - side // 8 : top + high, left - side // 8 : left + side * 9 // 8]
        per_m = side / side_m
        shown = cv2.resize(board, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        wide = shown.shape[1] / (per_m / 4)
        shown = 30 + shown * 0.75
        picture = camera.photograph(
            shown, per_m / 4, x=number * spacing - wide / 2, picture=picture
        )
    return noisy(picture, sd)


@needs_tags
@pytest.mark.parametrize("yaw", [0, 12])
def test_tags_on_the_line_calibrate_it_by_themselves(yaw):
    camera = Camera(LENS, yaw=yaw, roll=1.0, pitch=3.0)
    picture = tags_on_the_line(camera, (0, 5, 10))
    tags = find_tags(picture)
    assert [tag.number for tag in tags] == [0, 5, 10]
    assert [tag.metres for tag in tags] == [0.0, 2.5, 5.0]
    for tag in tags:
        foot = camera.pixel(tag.metres)
        assert tag.pixel[0] == pytest.approx(foot[0], abs=0.5)
        assert tag.pixel[1] == pytest.approx(foot[1], abs=1.0)
    roll, pitch = level_from_uprights(np.concatenate([tag.uprights for tag in tags]), LENS)
    assert roll == pytest.approx(1.0, abs=0.5)
    assert pitch == pytest.approx(3.0, abs=2.0)
    line = fit_line(
        [{"pixel": tag.pixel, "metres": tag.metres} for tag in tags],
        lens=LENS, roll_deg=roll, pitch_deg=pitch,
    )  # fmt: skip
    assert camera.error_m(line) < 0.02


@needs_tags
def test_tags_at_another_spacing_stand_where_they_were_put():
    camera = Camera(LENS)
    tags = find_tags(tags_on_the_line(camera, (0, 3, 5), spacing=1.0), spacing_m=1.0)
    assert [tag.metres for tag in tags] == [0.0, 3.0, 5.0]


@needs_tags
def test_april_tags_are_read_too():
    picture = np.full(SIZE[::-1], 150, np.uint8)
    known = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    draw = getattr(cv2.aruco, "generateImageMarker", None) or cv2.aruco.drawMarker
    for number, left in ((0, 200), (4, 700)):
        picture[380:460, left - 10 : left + 70] = 255
        picture[390:450, left : left + 60] = draw(known, number, 60)
    assert [tag.metres for tag in find_tags(noisy(picture))] == [0.0, 2.0]


@needs_tags
def test_grass_and_upside_down_boards_are_no_tags():
    random = np.random.default_rng(4)
    grass = cv2.GaussianBlur(random.normal(110, 60, SIZE[::-1]), (0, 0), 2).astype(np.uint8)
    assert find_tags(grass) == []
    camera = Camera(LENS)
    picture = tags_on_the_line(camera, (2, 6))
    assert len(find_tags(picture)) == 2
    assert find_tags(np.ascontiguousarray(picture[::-1, ::-1])) == []


# What is printed


@needs_tags
def test_the_sheet_prints_in_its_true_size():
    pages = [board_page(), tag_page(5)]
    written = pdf(pages)
    assert written.startswith(b"%PDF-1.4")
    assert b"/Count 2" in written
    assert re.search(rb"/MediaBox \[0 0 595\.276 841\.890\]", written)
    start = int(re.search(rb"startxref\n(\d+)", written)[1])
    assert written[start:].startswith(b"xref")
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", written), 1):
        assert written[int(place) :].startswith(b"%d 0 obj" % number)
    length = re.search(rb"/Width (\d+) /Height (\d+).*?/Length (\d+) >>\nstream\n", written)
    width, height, size = (int(each) for each in length.groups())
    bits = np.frombuffer(zlib.decompress(written[length.end() : length.end() + size]), np.uint8)
    page = np.unpackbits(bits.reshape(height, -1), axis=1)[:, :width]
    assert (page == (pages[0] > 127)).all()
    wide = np.ptp(np.flatnonzero(tag_page(5)[dots(40)] < 128)) + 1
    assert wide / DPI * 25.4 == pytest.approx(TAG_MM, abs=0.1)
