"""One recording in: what was seen in it, what is kept of it, and that it comes back as it was."""

import io

import numpy as np
import pytest
from clips import FPS, SIGNAL_S, SIZE, film, told

from pi.calibration import fit_line
from pi.observations import Observations, observe, packed, unpacked


@pytest.fixture(scope="module")
def lying():
    """Observations of somebody who lies on the belly and starts, with the truth."""
    one = told("prone")
    return unpacked(one.evidence["observations"]), one


def watch(clip, **more):
    time = (clip.frames.times_ns - clip.signal_ns) * 1e-9
    return observe(clip.frames.luma, time, line=fit_line(clip.cones), **more)


def test_the_athlete_is_seen_at_rest_where_somebody_lies(lying):
    seen, one = lying
    line = fit_line(one.cones)
    columns = np.flatnonzero(seen.resting.any(axis=0)) * seen.factor
    rows = np.flatnonzero(seen.resting.any(axis=1)) * seen.factor
    long_m = np.ptp(columns) / line.px_per_m(0.0)
    assert 0.75 * one.truth["height_m"] < long_m < 1.35 * one.truth["height_m"]
    high_m = np.ptp(rows) / line.px_per_m(0.0)
    assert 0.1 < high_m < 0.6
    assert rows[-1] == pytest.approx(line.row(columns.mean()), abs=0.2 * line.px_per_m(0.0))


def test_the_resting_place_is_left_after_the_first_movement_and_before_the_first_metre(lying):
    seen, one = lying
    assert one.truth["reaction_s"] < seen.left_s < one.truth["splits"][0]["from_signal_s"]


def test_the_silhouettes_are_the_athletes_all_the_way(lying):
    seen, one = lying
    line = fit_line(one.cones)
    true = one.truth["track"]
    inside = seen.silhouettes.any(axis=(1, 2))
    for instant in (-1.0, 0.0, 0.6, 1.2, 2.0):
        i = int(np.argmin(np.abs(seen.look_time - instant)))
        assert inside[i]
        columns = np.flatnonzero(seen.silhouettes[i].any(axis=0)) * seen.factor
        torso = np.interp(instant, true["time_s"], true["x_m"])
        assert columns[0] < line.column(torso) < columns[-1]
        assert np.ptp(columns) < 2.6 * line.px_per_m(0.0)
    assert not inside[-1]


def test_the_parts_of_the_body_rest_before_the_signal_and_go_after_it(lying):
    seen, one = lying
    time = seen.time[seen.followed]
    far = np.hypot(*np.moveaxis(seen.displacement, -1, 0)) / fit_line(one.cones).px_per_m(0.0)
    assert np.median(far[(time > -1.0) & (time < 0)]) < 0.003
    moved = far[time > seen.left_s - 0.05]
    assert np.quantile(moved, 0.9) > 0.05
    assert seen.site.shape == (seen.displacement.shape[1], 2)
    assert seen.lost.shape == seen.displacement.shape[:2]


def test_time_stamps_and_what_the_camera_said_are_kept():
    clip = film("plank", fps=60.0, duration_s=3.6)
    seen = watch(clip, line_time_s=2e-5, exposure_s=0.004, dropped=3)
    assert seen.time == pytest.approx(np.arange(216) / 60 - SIGNAL_S)
    assert (seen.line_time_s, seen.exposure_s, seen.dropped) == (2e-5, 0.004, 3)
    assert seen.size == SIZE


def test_an_empty_lane_is_seen_as_one():
    clip = film("plank", fps=30.0, duration_s=4.0, ending="no_movement")
    empty = clip.frames.luma.copy()
    empty[:, :, :] = np.random.default_rng(1).integers(90, 110, SIZE[::-1], np.uint8)
    seen = watch(clip._replace(frames=clip.frames._replace(luma=empty)))
    assert np.isnan(seen.left_s)
    assert not seen.silhouettes.any()
    assert len(seen.site) == 0


@pytest.mark.parametrize("count", [0, 1, 9])
def test_too_few_pictures_are_refused_with_a_reason(count):
    luma, time = np.zeros((count, 36, 64), np.uint8), np.arange(count) / FPS
    with pytest.raises(ValueError, match="too few"):
        observe(luma, time)


def test_what_is_kept_is_kilobytes_and_holds_no_picture(lying):
    _, one = lying
    stored = one.evidence["observations"]
    assert len(stored) < 700_000
    with np.load(io.BytesIO(stored), allow_pickle=False) as kept:
        for name in kept.files:
            picture_like = kept[name].ndim == 3 and kept[name].dtype == np.uint8
            assert not picture_like or name == "silhouettes"  # a bit each


def test_what_was_packed_comes_back_as_it_was(lying):
    seen, _ = lying
    again = unpacked(packed(seen))
    for name in Observations._fields:
        one, two = getattr(seen, name), getattr(again, name)
        assert type(one) is type(two), name
        assert np.array_equal(one, two, equal_nan=True), name
        if isinstance(one, np.ndarray):
            assert one.dtype == two.dtype, name


def test_packing_costs_less_than_a_hundredth_of_a_pixel_of_a_small_displacement():
    clip = film("plank", fps=60.0, duration_s=3.6)
    seen = watch(clip)
    again = unpacked(packed(seen))
    small = np.abs(seen.displacement) < 8
    assert np.abs(again.displacement - seen.displacement)[small].max() < 0.01
    assert np.array_equal(again.silhouettes, seen.silhouettes)


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"not an archive",
        b"PK\x03\x04 broken",
        np.arange(4).tobytes(),
    ],
    ids=["nothing", "text", "broken", "numbers"],
)
def test_what_are_no_observations_is_refused_in_one_line(stored):
    with pytest.raises(ValueError, match="not the observations of a rep") as error:
        unpacked(stored)
    assert "\n" not in str(error.value)


def test_an_archive_of_other_things_is_refused():
    out = io.BytesIO()
    np.savez(out, time=np.arange(3), something=np.zeros(2))
    with pytest.raises(ValueError, match="not the observations of a rep"):
        unpacked(out.getvalue())


def test_an_archive_cut_short_is_refused(lying):
    _, one = lying
    with pytest.raises(ValueError, match="not the observations of a rep"):
        unpacked(one.evidence["observations"][:-4000])
