"""The Pi's camera modules as data: what they see, and how quickly."""

import pytest

from pi.camera_models import MODELS, distance_for, model_of, picture_px, seen_m
from pi.lens import preset, preset_of

NAMES = sorted(MODELS)


@pytest.mark.parametrize("name", NAMES)
def test_a_mode_fits_its_sensor_and_its_frame_time(name):
    model = MODELS[name]
    for crop, whole, read in zip(model.crop, model.size, model.mode.size, strict=True):
        assert read <= crop <= whole
    frame_ns = 1e9 / model.mode.fps
    assert 0 <= model.mode.line_time_ns * model.mode.size[1] < frame_ns
    assert (model.mode.line_time_ns > 0) == model.rolling


@pytest.mark.parametrize(
    ("name", "line_us"),
    [("v1", 33.7), ("v2", 9.45), ("v3", 9.21), ("hq-6mm", 7.93), ("gs-6mm", 0.0)],
)
def test_a_line_takes_what_the_driver_says(name, line_us):
    assert MODELS[name].mode.line_time_ns / 1000 == pytest.approx(line_us, rel=0.002)


def test_the_longest_name_that_fits_is_the_camera():
    assert model_of("imx708_wide_noir").title == "Camera Module 3 Wide"
    assert model_of("imx708_noir").title == "Camera Module 3"
    assert model_of("imx999") is None


@pytest.mark.parametrize("name", NAMES)
def test_distance_and_width_undo_each_other_and_agree_with_the_lens(name):
    model = MODELS[name]
    assert seen_m(model, distance_for(model, 7.0)) == pytest.approx(7.0)
    width, height = picture_px(model)
    focal = preset(name, (width, height)).focal_px
    assert seen_m(model, 9.0, width / height) == pytest.approx(9.0 * width / focal)


def test_a_lens_that_can_be_changed_has_no_preset_of_its_own():
    assert preset_of("imx477", (1280, 720)) is None
    assert preset_of("imx708", (1280, 720)).model == "v3"
