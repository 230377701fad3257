"""The chronophotograph and the replay: pictures of the athlete's outline, and of nobody's face."""

import json

import cv2
import numpy as np
import pytest
from clips import FPS, SIZE, film, told

from pi.calibration import fit_line
from pi.observations import unpacked
from pi.picture import chronophotograph, empty_track, instants, png, replay


@pytest.fixture(scope="module")
def prone():
    return told("prone")


def pixels(data):
    """A PNG file as (h, w, 3) blue, green, red."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def coloured(picture):
    """Where a picture is not grey: what was drawn over the track."""
    spread = picture.max(axis=2).astype(int) - picture.min(axis=2)
    return spread > 60


def test_the_picture_is_a_png_as_wide_as_the_recording_with_the_speed_below(prone):
    data = prone.evidence["picture"]
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    height, width = pixels(data).shape[:2]
    assert width == SIZE[0]
    assert SIZE[1] < height < 1.5 * SIZE[1]


def test_the_silhouettes_stand_where_the_athlete_was(prone):
    seen, line = unpacked(prone.evidence["observations"]), fit_line(prone.cones)
    drawn = coloured(pixels(prone.evidence["picture"]))[: SIZE[1]]
    for i in instants(seen, prone.result["reaction_s"]["value"]):
        mask = cv2.erode(seen.silhouettes[i], np.ones((3, 3)))
        there = np.argwhere(mask)
        if len(there) == 0:
            continue
        rows, columns = (there * seen.factor + seen.factor // 2).T
        assert drawn[rows, columns].mean() > 0.8
    sky = drawn[: round(line.row(0.0) - 2.4 * line.px_per_m(0.0))]
    assert sky[:, : SIZE[0] // 2].mean() < 0.01


def test_a_silhouette_is_flat_and_tells_nothing_of_the_athletes_looks(prone):
    """Laid over a track without any texture it has none either."""
    seen, line = unpacked(prone.evidence["observations"]), fit_line(prone.cones)
    shown = chronophotograph(np.full(SIZE[::-1], 120, np.uint8), seen, prone.result, line)
    drawn = instants(seen, prone.result["reaction_s"]["value"])
    i = drawn[len(drawn) // 2]
    alone = cv2.erode(seen.silhouettes[i], np.ones((5, 5)))
    for other in drawn:
        if other != i:
            alone &= 1 - cv2.dilate(seen.silhouettes[other], np.ones((5, 5)))
    for split in prone.result["splits"]:
        gate = round(float(line.column(split["metres"])) / seen.factor)
        alone[:, max(gate - 3, 0) : max(gate + 4, 0)] = 0
    inside = np.argwhere(alone) * seen.factor + 1
    assert len(inside) > 50
    assert shown[tuple(inside.T)].std(axis=0).max() < 3


def test_who_never_left_is_shown_too_coarsely_to_be_known():
    """A face is some 15 cm wide; what is left of the picture tells 10 cm from 10 cm."""
    clip = film("standing", ending="no_movement", duration_s=3.0, size=(1280, 720), fps=20.0)
    time = (clip.frames.times_ns - clip.signal_ns) * 1e-9
    luma, track = clip.frames.luma, empty_track(clip.frames.luma, time, float("nan"))
    assert track.shape == luma.shape[1:]
    fine = cv2.Laplacian(luma[5].astype(np.float32), cv2.CV_32F).std()
    left = cv2.Laplacian(track.astype(np.float32), cv2.CV_32F).std()
    assert left < 0.15 * fine
    assert np.abs(cv2.blur(luma[5], (33, 33)).astype(int) - track).mean() < 6


def test_first_movement_comes_first_then_one_every_fifth_of_a_second(prone):
    seen = unpacked(prone.evidence["observations"])
    moved_s = prone.result["reaction_s"]["value"]
    shown = seen.look_time[instants(seen, moved_s)]
    look_s = np.median(np.diff(seen.look_time))
    assert shown[0] == pytest.approx(moved_s, abs=0.6 * look_s)
    assert np.diff(shown) == pytest.approx(np.full(len(shown) - 1, 0.2), abs=1.1 / FPS)
    assert len(shown) >= 8


def test_without_a_first_movement_the_pictures_begin_at_the_signal(prone):
    seen = unpacked(prone.evidence["observations"])
    assert seen.look_time[instants(seen, None)][0] == pytest.approx(0.0, abs=0.6 / FPS)


def test_nobody_there_still_gives_a_picture_and_a_replay():
    one = told("supine", seed=3, ending="no_movement", fps=60.0)
    assert pixels(one.evidence["picture"]).shape[1] == SIZE[0]
    played = json.loads(one.evidence["replay"])
    assert played["movement_s"] is None
    assert played["size"] == list(SIZE)


def test_the_empty_track_shows_no_athlete():
    clip, other = film("standing"), film("standing", ending="no_movement", duration_s=0.7)
    time = (clip.frames.times_ns - clip.signal_ns) * 1e-9
    track = empty_track(clip.frames.luma, time, 0.4).astype(int)
    gone = clip.frames.luma[-1].astype(int)  # the athlete has left the picture
    assert np.abs(track - gone).mean() < 2
    stood = np.abs(track - other.frames.luma[0]) > 40
    assert stood.sum() > 500


def test_png_gives_back_the_picture_it_was_given():
    picture = np.random.default_rng(1).integers(0, 255, (20, 30, 3), np.uint8)
    assert np.array_equal(pixels(png(picture)), picture)


# ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(prone):
    return json.loads(prone.evidence["replay"])


def test_the_replay_is_small_and_says_where_first_movement_is(prone, played):
    assert len(prone.evidence["replay"]) < 120_000
    assert 40 <= len(played["frames"]) <= 90
    assert played["movement_s"] == prone.result["reaction_s"]["value"]
    assert played["size"] == list(SIZE)
    times = [frame["t"] for frame in played["frames"]]
    assert times == sorted(times)
    assert times[0] <= played["movement_s"] <= times[-1]


def test_the_movement_in_the_replay_is_on_the_recordings_clock_not_the_ears(prone):
    """The sound's way is taken off a reaction, but the picture moved when it moved."""
    seen, line = unpacked(prone.evidence["observations"]), fit_line(prone.cones)
    late = json.loads(json.dumps(prone.result))
    late["signal"]["sound_delay_s"] = 0.02
    late["reaction_s"]["value"] -= 0.02
    assert replay(seen, late, line)["movement_s"] == pytest.approx(
        prone.result["reaction_s"]["value"]
    )


def test_the_outlines_of_the_replay_are_around_the_athlete(prone, played):
    line, true = fit_line(prone.cones), prone.truth["track"]
    for frame in played["frames"][:: len(played["frames"]) // 8]:
        points = np.array([point for outline in frame["outlines"] for point in outline])
        if len(points) == 0 or frame["t"] > 2.2:
            continue
        torso = float(line.column(np.interp(frame["t"], true["time_s"], true["x_m"])))
        assert points[:, 0].min() < torso < points[:, 0].max()
        assert points.min() >= 0
        assert (points <= np.array(SIZE)).all()


def test_the_replay_knows_line_gates_and_direction(prone, played):
    line = fit_line(prone.cones)
    assert played["direction"] == 1
    assert played["origin_x"] == pytest.approx(line.column(0.0), abs=0.1)
    assert played["ground_y"] == pytest.approx(line.row(line.column(0.0)), abs=0.1)
    assert played["px_per_m"] == pytest.approx(line.px_per_m(0.0), abs=0.1)
    assert [gate["metres"] for gate in played["gates"]] == [1.0, 2.5, 5.0]
    for gate in played["gates"]:
        assert gate["x"] == pytest.approx(line.column(gate["metres"]), abs=0.1)


def test_without_cones_the_replay_has_no_metres_but_a_direction(prone):
    seen = unpacked(prone.evidence["observations"])
    bare = replay(seen, prone.result, None)
    assert bare["origin_x"] is None
    assert bare["ground_y"] is None
    assert bare["gates"] == []
    assert bare["direction"] == 1
    mirrored = seen._replace(silhouettes=seen.silhouettes[:, :, ::-1])
    assert replay(mirrored, prone.result, None)["direction"] == -1


def test_a_longer_film_does_not_make_a_longer_replay(prone):
    seen, line = unpacked(prone.evidence["observations"]), fit_line(prone.cones)
    assert len(replay(seen, prone.result, line, most=20)["frames"]) == 20
