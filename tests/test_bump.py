"""The picture that a calibration keeps against what the camera sees now."""

import time

import cv2
import numpy as np
import pytest

from pi.bump import shift_since
from pi.simulate import Conditions, SimulatedTrack

MIDDLE = np.array([[640.0, 360.0]])


def track(seed=0, **conditions):
    return SimulatedTrack(seed=seed, conditions=Conditions(**conditions))


def empty(there):
    return there.picture(there.zero_ns).copy()


def moved(picture, across, down, turn_deg=0.0):
    """The picture as a camera sees it whose tripod was knocked."""
    map_ = cv2.getRotationMatrix2D((640.0, 360.0), turn_deg, 1.0)
    map_[:, 2] += across, down
    size = picture.shape[::-1]
    return cv2.warpAffine(picture, map_, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def in_other_light(picture, seed=1, noise=4.0):
    grey = picture * 0.75 + 20 + np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.clip(grey, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("conditions", [{}, {"smooth_ground": True}, {"wind_px": 4.0}])
@pytest.mark.parametrize("seed", [0, 2])
def test_a_bump_is_seen_to_a_fifth_of_a_pixel(seed, conditions):
    there = track(seed, **conditions)
    still = empty(there)
    there.line_up("standing")  # a person in the lane, in other light, is no bump
    later = there.picture(time.monotonic_ns() + 2_000_000_000).copy()
    for across, down in ((0, 0), (0.4, -0.3), (1.7, 1.2), (-5, 2), (20, 9), (-38, 8)):
        seen = in_other_light(moved(later, across, down))
        shift = shift_since(still, seen, MIDDLE)
        assert shift.px == pytest.approx(np.hypot(across, down), abs=0.2)
        told = shift.to_second @ [*MIDDLE[0], 1.0] - MIDDLE[0]
        assert told == pytest.approx([across, down], abs=0.2)


def test_a_camera_that_turned_on_its_axis_has_moved_at_the_edges():
    still = empty(track(1))
    seen = moved(still, 0, 0, turn_deg=0.5)
    assert shift_since(still, seen, MIDDLE).px < 0.3
    edges = np.array([[40.0, 500.0], [1240.0, 500.0]])
    there = np.hypot(600, 140) * np.radians(0.5)
    assert shift_since(still, seen, edges).px == pytest.approx(there, abs=0.3)


def test_where_there_is_too_little_structure_it_says_that_it_does_not_know():
    plain = np.full((720, 1280), 120, np.uint8)
    other = in_other_light(plain, 2)
    for still, seen in ((plain, plain), (plain, other), (in_other_light(plain, 3), other)):
        assert np.isnan(shift_since(still, seen).px)


def test_a_camera_that_looks_elsewhere_has_moved_a_long_way():
    shift = shift_since(empty(track(0)), empty(track(5)))
    assert np.isinf(shift.px)
    assert shift.to_second is None


def test_pictures_of_different_size_are_refused():
    with pytest.raises(ValueError, match="640, 360"):
        shift_since(np.zeros((720, 1280), np.uint8), np.zeros((360, 640), np.uint8))
