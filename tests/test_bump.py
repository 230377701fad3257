"""The picture that a calibration keeps against what the camera sees now."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from pi.bump import shift_since
from pi.calibrate import pictures
from pi.simulate import Conditions, SimulatedTrack

FOOTAGE = Path(__file__).resolve().parents[2] / "shared/footage"
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


def test_a_real_camera_on_its_tripod_has_not_moved_when_somebody_runs_through():
    film = FOOTAGE / "crouch_and_sprint.mp4"
    if not film.exists():
        pytest.skip("needs the shared footage")
    still, *later = list(pictures(film))[:30:8]
    assert len(later) == 3
    for seen in later:
        assert shift_since(still, seen).px < 0.3
        bumped = cv2.warpAffine(
            seen, np.float32([[1, 0, -7.3], [0, 1, 4.2]]), seen.shape[::-1],
            flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT,
        )  # fmt: skip
        assert shift_since(still, bumped).px == pytest.approx(8.42, abs=0.3)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_somebody_large_before_the_camera_is_no_bump(share):
    random = np.random.default_rng(6)
    ground, body = (
        cv2.GaussianBlur(random.normal(110, 90, (720, 1280)), (0, 0), 4).astype(np.uint8)
        for _ in range(2)
    )
    there = ground.copy()
    there[:, : round(1280 * share)] = body[:, : round(1280 * share)]
    assert shift_since(ground, there).px < 0.3


def test_pictures_of_different_size_are_refused():
    with pytest.raises(ValueError, match="640, 360"):
        shift_since(np.zeros((720, 1280), np.uint8), np.zeros((360, 640), np.uint8))
