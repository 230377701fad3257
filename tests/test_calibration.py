import itertools

import numpy as np
import pytest
from cameras import SIZE, Camera
from hypothesis import given
from hypothesis import strategies as st

from pi.calibration import (
    depth_of_feet,
    fit_line,
    level_from_horizon,
    level_from_uprights,
    line_from,
    placed,
)
from pi.camera_models import MODELS
from pi.lens import Lens, preset

BENT = Lens("bent", 1400.0, (650.0, 352.0), (-0.2, 0.03, 4e-4, -3e-4, 0.0))


def seen(
    metres, *, yaw_deg=0.0, focal=1400.0, distance=9.2, centre=(640, 380), height=1.0, roll=0.0
):
    """Pixel of a point on the ground line, from a pinhole camera turned by yaw."""
    a = np.radians(yaw_deg)
    x, z = metres - 3.5, distance
    across, deep = x * np.cos(a) - z * np.sin(a), x * np.sin(a) + z * np.cos(a)
    across += distance * np.sin(a) * 0.9
    u, v = focal * across / deep, focal * height / deep
    r = np.radians(roll)
    u, v = u * np.cos(r) - v * np.sin(r), u * np.sin(r) + v * np.cos(r)
    return [centre[0] + u, centre[1] + v]


def cones(places, **camera):
    return [{"pixel": seen(m, **camera), "metres": m} for m in places]


@pytest.mark.parametrize("yaw", [-8, 0, 5])
def test_three_cones_undo_a_turned_camera(yaw):
    line = fit_line(cones([0, 3, 7], yaw_deg=yaw))
    for metres in (0.5, 1.0, 2.5, 5.0, 6.5):
        u, v = seen(metres, yaw_deg=yaw)
        assert line.metres(u) == pytest.approx(metres, abs=1e-3)
        assert line.row(u) == pytest.approx(v, abs=0.6)
        assert line.column(metres) == pytest.approx(u, abs=0.2)


def test_two_cones_give_one_scale():
    line = fit_line(cones([0, 5]))
    assert line.px_per_m(2.0) == pytest.approx(1400 / 9.2, rel=1e-6)
    assert line.direction == 1


def test_a_line_that_runs_to_the_left_has_its_own_direction():
    mirrored = [
        {"pixel": [1280 - c["pixel"][0], c["pixel"][1]], "metres": c["metres"]}
        for c in cones([0, 2, 6])
    ]
    line = fit_line(mirrored)
    assert line.direction == -1
    assert line.metres(1280 - seen(4.0)[0]) == pytest.approx(4.0, abs=1e-3)


def test_a_picture_at_half_size_has_the_same_metres():
    full, half = fit_line(cones([0, 3, 7])), fit_line(cones([0, 3, 7]), scale=0.5)
    assert half.metres(200.0) == pytest.approx(full.metres(400.0))
    assert half.px_per_m(3.0) == pytest.approx(full.px_per_m(3.0) / 2)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ([{"pixel": [1, 2], "metres": 0}], "two or more"),
        ([{"pixel": [1, 2], "metres": 0}, {"pixel": [1, 2]}], "metres"),
        (
            [{"pixel": [100, 2], "metres": 0}, {"pixel": [900, 2], "metres": 0}],
            "different distances",
        ),
        ([{"pixel": [100, 2], "metres": 0}, {"pixel": [102, 700], "metres": 5}], "from the side"),
        ([{"pixel": [100, 600], "metres": m} for m in (0, 1)], "from the side"),
        (
            [{"pixel": [p, 600], "metres": m} for p, m in ((0, 0), (500, 1), (300, 2), (900, 3))],
            "order",
        ),
        ([{"pixel": [0, float("nan")], "metres": 0}, {"pixel": [900, 3], "metres": 5}], "finite"),
        (
            [{"pixel": [p, 600], "metres": m} for p, m in ((0, 0), (152, 1), (304, 4), (608, 4.5))],
            "off one line",
        ),
    ],
)
def test_cones_that_cannot_be_are_refused_with_a_reason(bad, word):
    with pytest.raises(ValueError, match=word):
        fit_line(bad)


# A camera that is turned, rolled and tilted, with a lens, as OpenCV projects it

VIEWS = list(itertools.product((0, 10, 20), (-2, 0, 2), (0, 4)))


@pytest.mark.parametrize("name", MODELS)
def test_lens_roll_tilt_and_turn_of_the_camera_are_undone_together(name):
    for yaw, roll, pitch in VIEWS:
        camera = Camera(preset(name, SIZE), yaw=yaw, roll=roll, pitch=pitch)
        line = fit_line(camera.cones(), lens=camera.lens, roll_deg=roll, pitch_deg=pitch)
        assert camera.error_m(line) < 0.001


def worst_cm(name, **given):
    """The worst error over the views when something is not known, for a torso 1 m over the line."""
    found = []
    for yaw, roll, pitch in VIEWS:
        camera = Camera(preset(name, SIZE), yaw=yaw, roll=roll, pitch=pitch)
        known = {"lens": camera.lens, "roll_deg": roll, "pitch_deg": pitch} | given
        if known["lens"] is None and pitch:
            continue
        found.append(camera.error_m(fit_line(camera.cones(), **known)))
    return 100 * max(found)


def test_what_each_correction_is_worth():
    """The figures of the README: cm at a torso, worst of 18 views."""
    assert worst_cm("v3", roll_deg=None) == pytest.approx(4.2, abs=0.3)  # 2 degrees unknown
    assert worst_cm("v3", pitch_deg=None) == pytest.approx(3.0, abs=0.3)  # 4 degrees unknown
    assert worst_cm("v3", lens=None) < 0.1
    assert worst_cm("v3-wide", lens=None) == pytest.approx(1.8, abs=0.3)
    assert worst_cm("gs-6mm", lens=None) == pytest.approx(12.9, abs=1)


def test_a_rolled_camera_without_a_lens_is_undone_by_its_roll():
    camera = Camera(preset("v3", SIZE), roll=2)
    plain, level = fit_line(camera.cones()), fit_line(camera.cones(), roll_deg=2)
    assert camera.error_m(plain) > 0.03
    assert camera.error_m(level) < 0.001
    assert level.u_level < plain.u_level


@pytest.mark.parametrize("depth", [-0.61, 0.4, 1.22])
@pytest.mark.parametrize("yaw", [0, 15])
def test_who_runs_beside_the_cones_is_measured_on_their_own_line(depth, yaw):
    camera = Camera(BENT, yaw=yaw, roll=1, pitch=3)
    level = {"lens": BENT, "roll_deg": 1, "pitch_deg": 3}
    assert camera.error_m(fit_line(camera.cones(), **level), near=depth) > 0.1
    line = fit_line(camera.cones(), **level, depth_m=depth)
    assert camera.error_m(line, near=depth) < 0.002
    assert camera.error_m(line, up=0.0, near=depth) < 0.002
    x = camera.in_view(0.0, depth)
    u, v = camera.pixel(x, 0.0, depth).T
    assert line.row(u) == pytest.approx(v, abs=0.1)


def test_the_camera_knows_where_it_stands():
    camera = Camera(BENT, yaw=10, roll=-1, pitch=4, height=1.3)
    there = placed(fit_line(camera.cones(), lens=BENT, roll_deg=-1, pitch_deg=4))
    assert there.distance_m == pytest.approx(camera.distance, rel=1e-3)
    assert there.height_m == pytest.approx(1.3, abs=0.01)
    assert placed(fit_line(camera.cones())) is None


def test_depth_is_read_from_the_feet():
    camera = Camera(BENT, pitch=4, height=1.4)
    line = fit_line(camera.cones(), lens=BENT, roll_deg=0, pitch_deg=4)
    feet = camera.pixel(np.linspace(0.5, 5, 6), 0.0, 0.35)
    depth, u = depth_of_feet(line, feet, pitch_known=True)
    assert depth == pytest.approx(0.35, abs=0.02)
    assert 0.01 < u < 0.1
    # a camera that was taken for level where it is not: rougher, and it says so
    depth, wider = depth_of_feet(fit_line(camera.cones(), lens=BENT), feet)
    assert wider > u
    assert abs(depth - 0.35) < 2.5 * wider
    assert np.isnan(depth_of_feet(fit_line(camera.cones()), feet)).all()
    assert np.isnan(depth_of_feet(line, [])).all()


def test_the_horizon_tells_roll_and_with_the_lens_the_tilt():
    camera = Camera(BENT, yaw=7, roll=-1.5, pitch=3)
    far = camera.pixel([-3e5, 4e5], 0.0, -1e6)
    assert level_from_horizon(far, BENT) == pytest.approx((-1.5, 3.0), abs=0.02)
    roll, pitch = level_from_horizon(far)
    assert roll == pytest.approx(-1.5, abs=0.2)
    assert pitch is None


def test_upright_boards_tell_roll_and_with_the_lens_the_tilt():
    camera = Camera(BENT, yaw=7, roll=1.5, pitch=-3)
    edges = np.stack([camera.pixel([0, 0.3, 5, 5.3], up) for up in (0.1, 0.4)], axis=1)
    assert level_from_uprights(edges, BENT) == pytest.approx((1.5, -3.0), abs=0.02)
    straight = Camera(BENT._replace(k=(0.0,) * 5), roll=1.5, pitch=3)
    edges = np.stack([straight.pixel([0, 0.3, 5, 5.3], up) for up in (0.1, 0.4)], axis=1)
    roll, pitch = level_from_uprights(edges, middle=640)
    assert roll == pytest.approx(1.5, abs=0.3)
    assert pitch is None


@given(
    st.floats(-20, 20),
    st.floats(-3, 3),
    st.floats(-2, 5),
    st.sampled_from([None, BENT]),
    st.booleans(),
)
def test_column_and_metres_are_each_others_inverse(yaw, roll, pitch, lens, mirrored):
    camera = Camera(BENT, yaw=yaw, roll=roll, pitch=pitch, mirrored=mirrored)
    line = fit_line(camera.cones(), lens=lens, roll_deg=roll, pitch_deg=pitch)
    columns = line.column(np.linspace(*line.span, 9))
    assert line.column(line.metres(columns)) == pytest.approx(columns, abs=0.01)
    on_the_ground = line.metres(columns, line.row(columns))
    assert on_the_ground == pytest.approx(line.metres(columns), abs=1e-4)
    for above in (0.0, 1.0):
        pixels = line.pixel(np.linspace(*line.span, 9), above)
        assert line.metres(*pixels.T) == pytest.approx(np.linspace(*line.span, 9), abs=1e-4)


@given(st.floats(-20, 20), st.floats(-3, 3), st.floats(-2, 5), st.floats(-0.6, 0.6))
def test_a_mirrored_picture_has_the_same_metres(yaw, roll, pitch, depth):
    camera = Camera(BENT, yaw=yaw, roll=roll, pitch=pitch)
    cones = camera.cones()
    u, v = BENT.centre
    k1, k2, p1, p2, k3 = BENT.k
    flipped = BENT._replace(centre=(SIZE[0] - 1 - u, v), k=(k1, k2, p1, -p2, k3))
    other = [
        {"pixel": [SIZE[0] - 1 - c["pixel"][0], c["pixel"][1]], "metres": c["metres"]}
        for c in cones
    ]
    here = fit_line(cones, lens=BENT, roll_deg=roll, pitch_deg=pitch, depth_m=depth)
    there = fit_line(other, lens=flipped, roll_deg=-roll, pitch_deg=pitch, depth_m=depth)
    assert here.direction == -there.direction
    seen = camera.pixel(np.linspace(0, 5, 7), 1.0)
    turned = [SIZE[0] - 1 - seen[:, 0], seen[:, 1]]
    assert there.metres(*turned) == pytest.approx(here.metres(*seen.T), abs=1e-5)


def test_what_is_drawn_over_the_line_is_as_high_as_it_is():
    camera = Camera(BENT, yaw=10, roll=2, pitch=4)
    line = fit_line(camera.cones(), lens=BENT, roll_deg=2, pitch_deg=4)
    x = camera.in_view(1.5)
    assert line.pixel(x, 1.5) == pytest.approx(camera.pixel(x, 1.5), abs=0.3)


def test_the_stated_uncertainty_is_that_of_tapped_cones():
    """1 px of a tap on every cone, many times: as far off as it says, between them and beyond."""
    camera = Camera(preset("v3", SIZE))
    random = np.random.default_rng(3)
    exact, places = camera.cones((0, 1, 2.5, 5, 6.5)), np.array([-1.0, 0.5, 2.5, 4.0, 6.8])
    columns = camera.pixel(places)[:, 0]
    found = []
    for _ in range(200):
        tapped = [
            {**cone, "pixel": (np.array(cone["pixel"]) + random.normal(size=2)).tolist()}
            for cone in exact
        ]
        found.append(fit_line(tapped).metres(columns) - places)
    spread = np.sqrt(np.mean(np.square(found), axis=0))
    line = fit_line(exact)
    assert line.u_at(places) == pytest.approx(spread, rel=0.2)
    assert line.u_at(places[0]) > line.u_at(places[2])
    assert line.u_m == pytest.approx(spread[1:4].mean(), rel=0.25)


def test_a_preset_lens_says_so_and_is_less_certain():
    camera = Camera(preset("gs-6mm", SIZE), yaw=5)
    guessed = fit_line(camera.cones(), lens=camera.lens)
    measured = fit_line(camera.cones(), lens=camera.lens._replace(preset=False))
    assert guessed.u_m > 2 * measured.u_m
    assert any("published figures" in text for text in guessed.warnings)
    assert measured.warnings == ()
    # a lens that differs from its preset by what presets are allowed is inside twice that
    other = Camera(camera.lens._replace(k=(-0.28, 0, 0, 0, 0)), yaw=5)
    assert other.error_m(fit_line(other.cones(), lens=camera.lens)) < 2 * max(guessed.u_along[1])


def test_two_cones_and_a_cone_beside_the_line_are_doubted():
    assert "add a third" in fit_line(cones([0, 5])).warnings[0]
    four = cones([0, 2, 4, 6])
    assert fit_line(four).warnings == ()
    four[1]["pixel"][1] += 9
    assert any("px off the others' line" in text for text in fit_line(four).warnings)
    four = cones([0, 2, 4, 6])
    four[2]["metres"] = 4.2
    assert any("check its distance" in text for text in fit_line(four).warnings)


def test_a_cone_that_was_refined_counts_for_more():
    exact = cones([0, 2, 4, 6])
    exact[3]["pixel"][0] += 6
    spoilt = fit_line(exact).metres(exact[1]["pixel"][0])
    for cone in exact[:3]:
        cone["u_px"] = 0.1
    assert abs(fit_line(exact).metres(exact[1]["pixel"][0]) - 2) < abs(spoilt - 2) / 5


def test_a_calibration_is_read_as_it_is_kept():
    camera = Camera(BENT, yaw=5, roll=1, pitch=2)
    data = {"cones": camera.cones(), "lens": BENT.told(), "depth_m": 0.3}
    level = {"roll_deg": 1.0, "pitch_deg": 2.0}
    far = {"horizon": camera.pixel([-3e5, 4e5], 0.0, -1e6).tolist()}
    same = fit_line(data["cones"], lens=BENT, **level, depth_m=0.3)
    for given_level in (level, far):
        line = line_from(data | given_level)
        assert line.metres(500.0, 300.0) == pytest.approx(same.metres(500.0, 300.0), abs=1e-3)
    half = line_from(data | level, scale=0.5)
    assert half.metres(250.0, 150.0) == pytest.approx(same.metres(500.0, 300.0), abs=1e-4)
    assert line_from({"cones": []}) is None


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"depth_m": 0.3}, "needs the lens"),
        ({"depth_m": 30, "lens": BENT.told()}, "within half of that"),
        ({"depth_m": "near"}, "numbers"),
        ({"roll_deg": 80}, "level within 45"),
        ({"roll_deg": float("nan")}, "finite"),
        ({"horizon": [[1, 2]]}, "two pixels"),
        ({"horizon": [[1, 2], [5, 300]]}, "far apart"),
        ({"horizon": 3}, "two pixels"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused_with_a_reason(wrong, word):
    with pytest.raises(ValueError, match=word):
        line_from({"cones": cones([0, 2, 5])} | wrong)
