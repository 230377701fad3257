import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.camera_models import MODELS
from pi.lens import Lens, lens_from, neighbours, preset, preset_of

SIZE = (1280, 720)
WIDE = Lens("wide", 800.0, (650.0, 350.0), (-0.25, 0.06, 1e-3, -5e-4, -0.004))


def corners_and_inside(size=SIZE):
    u, v = np.meshgrid(np.linspace(0, size[0] - 1, 9), np.linspace(0, size[1] - 1, 7))
    return np.stack([u, v], -1)


def test_a_lens_bends_as_opencv_says():
    directions = np.array([[x, y, 1.0] for x in (-0.7, 0.0, 0.4) for y in (-0.3, 0.2)])
    zero = np.zeros(3)
    theirs, _ = cv2.projectPoints(directions, zero, zero, WIDE.matrix, np.array(WIDE.k))
    ideal = directions[:, :2] * WIDE.focal_px + WIDE.centre
    assert WIDE.picture(ideal) == pytest.approx(theirs.reshape(-1, 2), abs=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_a_preset_bends_and_straightens_the_whole_picture_there_and_back(name):
    for size, part in ((SIZE, ""), ((2304, 1296), ":full")):
        lens = preset(name + part, size)
        assert lens.has_inverse(size)
        seen = corners_and_inside(size)
        assert lens.picture(lens.ideal(seen)) == pytest.approx(seen, abs=0.01)


@given(st.floats(0.25, 2.0), st.floats(0, 1279), st.floats(0, 719))
def test_a_shrunk_picture_is_bent_alike(scale, u, v):
    half = WIDE.scaled(scale)
    there = half.ideal(np.array([u, v]) * scale)
    assert there / scale == pytest.approx(WIDE.ideal(np.array([u, v])), abs=0.02)


@pytest.mark.parametrize(
    ("name", "degrees"),
    [("v1", 53.5), ("v2", 62.2), ("v3", 66.0), ("v3-wide", 102.0)],
)
def test_a_preset_sees_as_wide_as_is_published(name, degrees):
    width, height = MODELS[name].size
    lens = preset(f"{name}:full", (width, height))
    (left, _), (right, _) = lens.ideal(np.array([[0, height / 2], [width, height / 2]]))
    to_the_left = np.arctan((lens.centre[0] - left) / lens.focal_px)
    to_the_right = np.arctan((right - lens.centre[0]) / lens.focal_px)
    # the figures that are published of one module differ by some 3 % among themselves
    assert np.degrees(to_the_left + to_the_right) == pytest.approx(degrees, rel=0.035)


def test_a_mode_that_reads_the_middle_of_the_sensor_sees_less():
    whole, middle = preset("v3:full", SIZE), preset("v3", SIZE)
    assert middle.focal_px == pytest.approx(1.5 * whole.focal_px)
    # 8 m from 9.2 m away at 120 frames/s
    assert 9.2 * SIZE[0] / middle.focal_px == pytest.approx(8.2, abs=0.2)


def test_the_lens_follows_from_the_cameras_name_where_it_cannot_be_changed():
    assert preset_of("imx708_wide_noir", SIZE).model == "v3-wide"
    assert preset_of("imx708", SIZE).model == "v3"
    assert preset_of("imx219", SIZE).preset
    assert preset_of("imx477", SIZE) is None
    assert preset_of("webcam", SIZE) is None


def test_only_a_preset_has_lenses_beside_it():
    assert neighbours(WIDE) == []
    further, weaker = neighbours(preset("gs-6mm", SIZE))
    assert further.focal_px == pytest.approx(1.03 * preset("gs-6mm", SIZE).focal_px)
    assert weaker.k[0] == pytest.approx(-0.25)


def test_a_lens_survives_its_json():
    assert lens_from(WIDE.told()) == WIDE
    assert lens_from(None) is None
    assert lens_from({"focal_px": 900, "centre": [640, 360]}).k == (0.0,) * 5


def test_a_lens_that_folds_the_picture_over_is_known():
    assert WIDE.has_inverse(SIZE)
    assert not WIDE._replace(k=(-0.8, 0.0, 0.0, 0.0, 0.0)).has_inverse(SIZE)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ({}, "focal_px"),
        ({"focal_px": 0, "centre": [1, 2]}, "more than 0"),
        ({"focal_px": 900, "centre": [1]}, "centre"),
        ({"focal_px": 900, "centre": [1, 2], "k": [1] * 8}, "five"),
        ({"focal_px": float("nan"), "centre": [1, 2]}, "finite"),
    ],
)
def test_a_lens_that_cannot_be_is_refused(bad, word):
    with pytest.raises(ValueError, match=word):
        lens_from(bad)


def test_a_preset_that_is_not_there_names_those_that_are():
    with pytest.raises(ValueError, match="v1, v2, v3"):
        preset("v9", SIZE)
