"""Several who start at once: who moved when, in which lane, and who could not be seen."""

import functools
import json

import numpy as np
import pytest
from clips import valid

from pi.lanes import lanes_from, running_line
from pi.measure import U_PIXEL, U_SURFACE
from pi.rep import analyse, reanalyse
from pi.set_up import tried
from pi.simulate import simulate_lanes
from pi.simulate.backdrop import project
from pi.simulate.lanes import depth_of, lane_view, lanes_view
from pi.watch import Watch
from web import words

SIZE = (640, 360)


@functools.cache
def race(view, postures, *, seed=1, endings=None, apart_m=0.0, reactions_s=None):
    """A film of several starts, and what is told of it. Not to be changed."""
    clip = simulate_lanes(
        postures, view=view, seed=seed, size=SIZE, fps=60.0, endings=endings, apart_m=apart_m,
        reactions_s=reactions_s, duration_s=7.0 if view == "ahead" else 5.5,
    )  # fmt: skip
    posture = postures[0] if len(set(postures)) == 1 else None
    answer = analyse(clip.frames, clip.signal_ns, calibration=clip.calibration, posture=posture)
    valid(answer.result)
    return clip._replace(frames=None), answer, len(clip.frames.luma)


def misses_ms(view, postures, **wanted):
    """Measured minus true reaction of every lane, ms; NaN where it was not measured; and its u."""
    clip, answer, _ = race(view, postures, **wanted)
    told = [each["reaction_s"] for each in answer.result["athletes"]]
    return np.array([
        [1e3 * (one["value"] - true["reaction_s"]), 1e3 * one["u"]]
        if one["value"] is not None else [np.nan, np.nan]
        for one, true in zip(told, clip.truths, strict=True)
    ])  # fmt: skip


# ---------------------------------------------------------------------------------------------
# The drawing


def test_a_lane_behind_is_seen_as_a_camera_farther_away_would_see_it():
    view = lanes_view("raised", 3)
    own = lane_view(view, 2.44)
    points = np.array([[0.0, 0.0, 0.0], [3.0, 1.2, -0.1]])
    assert project(own, points) == pytest.approx(project(view, points + [0, 0, 2.44]))


def test_a_camera_that_looks_down_sees_the_horizon_higher():
    view = lanes_view("raised", 2)
    far = (2.0, view.camera_height_m, 1e6)
    middle = 0.5 * (view.size[1] - 1)
    assert project(view._replace(pitch=0.0), far)[1] == pytest.approx(middle)
    up = view.focal_px * np.tan(view.pitch)
    assert project(view, far)[1] == pytest.approx(middle - up)


@pytest.mark.parametrize("view", ["behind", "ahead"])
def test_lanes_along_the_line_of_sight_are_counted_from_the_left(view):
    sees = lanes_view(view, 3)
    columns = [project(sees, (0.0, 0.0, depth_of(sees, k, 3)))[0] for k in range(3)]
    assert np.all(np.diff(columns) > 100)


# ---------------------------------------------------------------------------------------------
# Along the lanes


@pytest.mark.parametrize(
    ("view", "postures", "seed"),
    [
        ("behind", ("prone", "plank"), 1),
        ("behind", ("standing", "supine", "prone"), 2),
        ("behind", ("plank", "standing", "supine", "prone"), 3),
        ("ahead", ("prone", "plank"), 4),
    ],
)
def test_each_is_timed_by_their_own_movement_side_by_side(view, postures, seed):
    miss = misses_ms(view, postures, seed=seed)
    assert np.isfinite(miss).all()
    assert np.abs(miss[:, 0]).max() < 40
    assert np.median(np.abs(miss[:, 0])) < 12
    assert np.mean(np.abs(miss[:, 0]) <= 2 * miss[:, 1]) >= 0.5


def test_splits_are_not_told_by_a_camera_that_looks_along_the_lane():
    result = race("behind", ("prone", "plank"))[1].result
    for each in result["athletes"]:
        assert all(split["from_signal_s"] is None for split in each["splits"])
        assert "splits: the camera looks along the lane" in each["reasons"]


def test_one_who_stays_has_no_movement_and_the_others_are_timed():
    endings = ("start", "no_movement", "start")
    wanted = {"seed": 6, "endings": endings}
    _, answer, _ = race("behind", ("prone", "prone", "prone"), **wanted)
    told = answer.result["athletes"]
    assert [each["status"] for each in told] == ["measured", "no_movement", "measured"]
    assert told[1]["reaction_s"] == {"value": None, "u": None}
    assert np.nanmax(np.abs(misses_ms("behind", ("prone",) * 3, **wanted)[:, 0])) < 30


def test_a_false_start_is_one_athletes_alone():
    endings = ("start", "false_start")
    told = race("behind", ("standing", "standing"), seed=7, endings=endings)[1].result["athletes"]
    assert [each["status"] for each in told] == ["measured", "false_start"]
    assert told[1]["reaction_s"]["value"] < -0.2


def test_without_lens_and_level_the_lanes_lower_edge_gives_a_rough_scale():
    clip = simulate_lanes(
        ("standing", "prone"), view="behind", seed=8, size=SIZE, fps=60.0, duration_s=5.0
    )
    bare = {"lanes": clip.calibration["lanes"]}
    rough = analyse(clip.frames, clip.signal_ns, calibration=bare).result["athletes"]
    for one, true in zip(rough, clip.truths, strict=True):
        miss = one["reaction_s"]["value"] - true["reaction_s"]
        assert abs(miss) < 3 * one["reaction_s"]["u"]
        u = {part["part"]: part["u"] for part in budget_of(one)}
        # each is so many metres over the same speed: 0.4 px tell how large a pixel is
        pixel_m = 0.15 * 0.010 * u["pixel"] / u["scale"] / U_PIXEL
        surface_m = np.hypot(U_SURFACE[0], U_SURFACE[1] * pixel_m)
        assert u["scale"] == pytest.approx(u["body surface"] * 0.15 * 0.010 / surface_m, rel=0.02)


def budget_of(athlete):
    return athlete["budget"]["reaction_s"]


# ---------------------------------------------------------------------------------------------
# One behind the other


def test_who_starts_apart_from_the_others_has_reaction_and_splits():
    wanted = {"seed": 1, "apart_m": 1.6}
    clip, answer, _ = race("beside", ("standing", "standing"), **wanted)
    miss = misses_ms("beside", ("standing", "standing"), **wanted)
    assert np.abs(miss[:, 0]).max() < 25
    for each, true in zip(answer.result["athletes"], clip.truths, strict=True):
        drawn = {split["metres"]: split["from_signal_s"] for split in true["splits"]}
        five = next(split for split in each["splits"] if split["metres"] == 5.0)
        assert five["from_signal_s"] == pytest.approx(drawn[5.0], abs=0.06)


def test_seen_from_high_up_those_who_lie_side_by_side_are_timed_or_it_is_said_why():
    wanted = {"seed": 3}
    _, answer, _ = race("raised", ("prone", "prone", "prone"), **wanted)
    miss = misses_ms("raised", ("prone", "prone", "prone"), **wanted)
    assert np.isfinite(miss[:, 0]).sum() >= 2
    assert np.nanmax(np.abs(miss[:, 0])) < 40
    for each in answer.result["athletes"]:
        if each["reaction_s"]["value"] is None:
            assert any("lane" in reason for reason in each["reasons"])


def test_who_is_behind_another_is_null_and_the_reason_names_the_lane():
    clip, answer, _ = race("beside", ("prone", "prone"), seed=2)
    assert clip.truths[1]["hidden"]["rest"] > 0.1
    hidden = answer.result["athletes"][1]
    assert hidden["status"] == "not_measurable"
    assert hidden["reaction_s"]["value"] is None
    said = " ".join(hidden["reasons"])
    assert "lane 1" in said or "apart" in said


@pytest.mark.parametrize(("postures", "seed"), [(("standing", "plank"), 3), (("plank",) * 3, 4)])
def test_a_number_is_never_the_neighbours(postures, seed):
    """All but on top of each other: whatever is told at all is one's own."""
    miss = misses_ms("beside", postures, seed=seed)
    told = np.isfinite(miss[:, 0])
    assert np.all(np.abs(miss[told, 0]) <= np.maximum(3 * miss[told, 1], 20))


@pytest.mark.parametrize("postures", [("standing",) * 4, ("plank",) * 4])
def test_of_who_was_hidden_it_is_not_said_that_nobody_started(postures):
    _, answer, _ = race("beside", postures, seed=4)
    hidden = [each for each in answer.result["athletes"] if each["status"] == "not_measurable"]
    assert hidden
    for each in hidden:
        assert not any("nobody started" in reason for reason in each["reasons"])


# ---------------------------------------------------------------------------------------------
# What is told, and kept


def test_the_rep_is_about_the_first_lane_or_the_one_that_was_asked_for():
    clip = simulate_lanes(
        ("standing", "standing"), view="behind", seed=9, size=SIZE, fps=60.0, duration_s=5.0
    )
    first = analyse(clip.frames, clip.signal_ns, calibration=clip.calibration).result
    second = analyse(clip.frames, clip.signal_ns, calibration=clip.calibration, lane="2").result
    assert first["reaction_s"] == first["athletes"][0]["reaction_s"]
    assert second["reaction_s"] == first["athletes"][1]["reaction_s"]
    with pytest.raises(ValueError, match="there are 1, 2"):
        analyse(clip.frames, clip.signal_ns, calibration=clip.calibration, lane="7")


@pytest.mark.parametrize("view", ["behind", "raised"])
def test_the_evidence_of_all_lanes_gives_the_same_answer_again(view):
    clip, answer, frames = race(view, ("prone", "prone"), seed=5)
    assert answer.result["capture"]["frames"] == frames
    place = {**clip.calibration, "buzzer_distance_m": 0.0, "temperature_c": 20.0}
    again = reanalyse(answer.evidence["observations"], answer.result, {"place": place})
    assert again == answer.result
    assert json.loads(answer.evidence["replay"])["frames"]
    assert answer.evidence["picture"].startswith(b"\x89PNG")


def test_what_is_no_evidence_of_lanes_is_refused():
    clip, answer, _ = race("behind", ("prone", "prone"), seed=5)
    place = {**clip.calibration, "buzzer_distance_m": 0.0, "temperature_c": 20.0}
    with pytest.raises(ValueError, match="several lanes"):
        reanalyse(b"something else", answer.result, {"place": place})


@pytest.mark.parametrize(
    ("lanes", "says"),
    [
        ([{"name": "1"}], "region"),
        ([{"name": "1", "region": [[0, 0], [9, 9]]}], "three corners"),
        ([{"name": "1", "region": [[0, 0], [99, 0], [99, 99]]}] * 2, "same name"),
        (["1"], "region"),
    ],
)
def test_lanes_that_cannot_be_are_told_in_a_line(lanes, says):
    with pytest.raises(ValueError, match=says):
        lanes_from({"lanes": lanes})


def test_regions_side_by_side_are_lanes_seen_along_and_need_no_cones():
    along = simulate_calibration("behind")
    assert lanes_from(along).along
    assert running_line(along) is None
    assert tried(along, (1280, 720))["u_m"] is None
    beside = simulate_calibration("beside")
    assert not lanes_from(beside).along
    assert running_line(beside) is not None


def simulate_calibration(view):
    from pi.simulate.lanes import calibration

    return calibration(lanes_view(view, 3), 3)


def test_a_lanes_line_lies_at_the_lanes_depth():
    """From its region's lower edge, the lens and the level: within 10 cm on the ground."""
    view = lanes_view("beside", 3)
    for k, lane in enumerate(lanes_from(simulate_calibration("beside")).lanes):
        true = project(lane_view(view, depth_of(view, k, 3)), (4.0, 0.0, 0.0))
        assert lane.line.metres(true[0]) == pytest.approx(4.0, abs=0.1)
        assert float(lane.line.row(true[0])) == pytest.approx(true[1], abs=3.0)


def test_the_watch_sees_a_movement_in_any_lane_and_none_outside():
    lanes = lanes_from(simulate_calibration("behind"))
    regions = [lane.region for lane in lanes.lanes]
    still = np.random.default_rng(1).integers(60, 200, (720, 1280)).astype(np.uint8)

    def moved(column, row):
        watch = Watch((1280, 720), regions=regions, px_per_m=lanes.lanes[0].px_per_m)
        for i in range(20):
            watch.see(still, 0.02 * i)
        watch.rest()
        changed = still.copy()
        changed[row - 60 : row + 60, column - 60 : column + 60] = 255
        return max(watch.see(changed, 0.4 + 0.02 * i).moved_m for i in range(4))

    for region in regions:
        column, row = region.mean(axis=0).astype(int)
        assert moved(column, row) > 0.03
    assert moved(1200, 70) < 0.03


def athlete(lane, value, u=0.004, status="measured"):
    splits = [{"metres": 5.0, "from_signal_s": None, "from_movement_s": None, "u": None}]
    reaction = {"value": value, "u": None if value is None else u}
    reasons = ["reaction: lane 1's athlete is in front", "splits: too far"]
    return {
        "lane": lane, "status": status, "reaction_s": reaction, "splits": splits,
        "reasons": reasons,
    }  # fmt: skip


def test_places_are_told_only_where_the_difference_is_more_than_its_uncertainty():
    told = [athlete("1", 0.200), athlete("2", 0.204), athlete("3", 0.260), athlete("4", None)]
    rows = words.athletes({"athletes": told})
    assert [row.place for row in rows] == ["1=", "1=", "3", ""]
    assert any("in front" in text for text in rows[3].why)
    assert words.athletes({}) == []


def test_who_started_false_has_no_place():
    told = [athlete("1", -0.3, status="false_start"), athlete("2", 0.2), athlete("3", 0.3)]
    assert [row.place for row in words.athletes({"athletes": told})] == ["", "1", "2"]
