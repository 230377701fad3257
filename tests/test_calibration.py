import numpy as np
import pytest

from pi.calibration import fit_line


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
