"""The accuracy table's arithmetic, on results made by hand, and its runs on small films."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from pi.bench import (
    Case,
    bench,
    draw,
    figures,
    films,
    grid,
    report,
    run_case,
    run_film,
    score,
    table,
    watching,
    worse_than,
    worst_first,
)
from pi.bench import speed as speeds
from pi.bench.goals import goals
from pi.bench.grid import BEHAVIOURS, GOAL_CONDITIONS, at_hand, rendered
from pi.bench.run import blind_posture
from pi.cli import main
from pi.drills import POSTURES
from pi.rep import analyse
from pi.simulate import CONDITIONS, simulate_clip, write_film

TIME = [round(0.1 * k, 1) for k in range(31)]
STEPS = [(0.60, 0.80), (0.90, 1.05), (1.15, 1.30), (1.40, 1.52), (1.62, 1.74), (1.84, 1.95)]


def value(number, u=0.01):
    return {"value": number, "u": u}


RESULT = {
    "status": "measured",
    "reasons": ["profile: 3.0 m of running in view; MSS and MAC take 8 m"],
    "posture": {"start": "prone", "given": "prone", "confidence": 0.9},
    "reaction_s": value(0.25, 0.004),
    "onset_s": value(0.21),
    "up_s": value(0.91),
    "steps": [
        {"contact_s": a + 0.004, "u_contact_s": 0.004, "toe_off_s": b - 0.002,
         "u_toe_off_s": 0.004, "x_m": k + 0.05, "u_x_m": 0.05}
        for k, (a, b) in enumerate(STEPS)
    ],
    "splits": [
        {"metres": 1.0, "from_signal_s": 1.31, "u": 0.02},
        {"metres": 2.5, "from_signal_s": 1.80, "u": 0.02},
        {"metres": 5.0, "from_signal_s": None, "u": None},
    ],
    "peak_speed": {"value": 6.0, "u": 0.1, "at_m": 5.0},
    "mean_acceleration": {"first_second": value(4.1), "three_steps": value(None, None)},
    "profile": {"mss": value(None, None), "mac": value(None, None), "tau": value(None, None)},
    "track": {
        "time_s": TIME, "x_m": [3.0 * t + 0.01 for t in TIME], "speed_m_s": [3.1] * len(TIME),
        "height_m": [1.5] * len(TIME),
    },
}  # fmt: skip
TRUTH = {
    "status": "measured",
    "posture": "prone",
    "reaction_s": 0.247,
    "reaction_span_s": {"5mm": 0.24, "10mm": 0.247, "20mm": 0.256},
    "reaction_speed_m_s": 0.9,
    "sway_m": 0.002,
    "displacement": {"time_s": [0.0, 0.2, 0.3], "farthest_m": [0.002, 0.002, 0.022]},
    "onset_s": 0.2,
    "up_s": 0.9,
    "steps": [
        {"contact_s": a, "toe_off_s": b, "x_m": float(k), "ahead": True}
        for k, (a, b) in enumerate(STEPS)
    ],
    "splits": [{"metres": 1.0, "from_signal_s": 1.30}, {"metres": 2.5, "from_signal_s": 1.80}],
    "peak_speed": {"value": 5.8, "at_m": 5.5},
    "mean_acceleration": {"first_second": 4.0, "three_steps": 4.4},
    "profile": {"mss": 8.0, "mac": 8.0, "tau": 1.0},
    "track": {"time_s": TIME, "x_m": [3.0 * t for t in TIME], "speed_m_s": [3.0] * len(TIME)},
}  # fmt: skip
NOBODY = {"status": "no_movement", "posture": "prone", "reaction_s": None}


def changed(told, **changes):
    return copy.deepcopy(told) | changes


def row(*, truth=TRUTH, condition="clean", posture="prone", blind="lying", **changes):
    """A scored clip, with what is other than in RESULT."""
    result = changed(RESULT, **changes)
    case = Case(posture, condition, 1)._asdict()
    found = score(result, truth, 1 / 120, blind_posture=blind)
    return {"name": "x", **case, "frames": 100, "seconds": 0.1, **found}


def goal(quantity, *rows, **more):
    """The one goal of that name."""
    (found,) = [one for one in goals(list(rows), **more) if one["quantity"].startswith(quantity)]
    return found


# ------------------------------------------------------------------------------------ one result


def test_a_miss_is_measured_minus_true():
    one = row()
    assert one["reaction"]["miss"] == pytest.approx(0.003)
    assert one["splits"]["1"]["miss"] == pytest.approx(0.01)
    assert one["peak_speed"]["miss"] == pytest.approx(0.2)
    assert one["first_second"]["miss"] == pytest.approx(0.1)
    assert one["up"]["miss"] == pytest.approx(0.01)
    assert one["speed_rms"] == pytest.approx(0.1)
    assert one["torso_rms"] == pytest.approx(0.01)
    assert one["status_right"]


def test_what_was_not_measured_is_no_miss_but_missing():
    gone = value(None, None)
    one = row(reaction_s=gone, up_s=gone, splits=[])
    assert (one["reaction"], one["up"], one["three_steps"]) == (None, None, None)
    assert one["reaction_missing"]
    assert one["up_missing"]
    assert one["splits_missing"] == 2
    assert not one["reaction_right"]


def test_what_the_truth_does_not_tell_is_neither_right_nor_wrong():
    for truth in ({}, dict.fromkeys(TRUTH)):
        one = row(truth=truth)
        scored = ("status_right", "reaction_right", "posture_right", "profile_null_right")
        assert [one[key] for key in scored] == [None] * 4
        assert all(found["met"] is None for found in goals([one]))


def test_a_truth_without_a_status_has_that_of_its_reaction_time():
    soon = changed(TRUTH, reaction_s=0.06)
    del soon["status"]
    assert row(truth=soon, status="early")["status_right"]
    assert row(truth=soon)["status_right"] is False


@pytest.mark.parametrize(
    ("at", "right"), [(0.230, False), (0.233, True), (0.264, True), (0.27, False)]
)
def test_right_is_inside_the_span_give_or_take_a_frame(at, right):
    assert row(reaction_s=value(at))["reaction_right"] == right


def test_where_the_body_was_is_what_it_had_gone_beyond_its_sway():
    assert row(reaction_s=value(0.25))["moved_m"] == pytest.approx(0.010)
    assert row(reaction_s=value(0.28))["moved_m"] == pytest.approx(0.016)
    assert row(reaction_s=value(0.10))["moved_m"] == pytest.approx(0.0)


def test_a_reaction_of_nobody_is_told():
    assert row(truth=NOBODY)["from_nobody"]
    nothing = row(truth=NOBODY, status="no_movement", reaction_s=value(None, None))
    assert not nothing["from_nobody"]
    assert nothing["status_right"]


@pytest.mark.parametrize(
    ("blind", "true", "right"),
    [
        ("lying", "prone", True),
        ("prone", "prone", True),
        ("supine", "prone", False),
        ("plank", "standing", False),
        ("standing", "standing", True),
        (None, "plank", False),
    ],
)
def test_back_or_belly_need_not_be_told_from_the_picture(blind, true, right):
    assert row(truth=changed(TRUTH, posture=true), blind=blind)["posture_right"] == right


def test_steps_are_matched_by_time_and_place_and_the_sixth_does_not_count():
    one = row()
    assert (one["steps_wanted"], one["steps_missing"], one["steps_extra"]) == (5, 0, 0)
    assert [m["miss"] for m in one["contacts"]] == pytest.approx([0.004] * 5)
    assert [m["miss"] for m in one["toe_offs"]] == pytest.approx([-0.002] * 5)
    assert [m["miss"] for m in one["step_lengths"]] == pytest.approx([0.0] * 4)


def test_a_step_elsewhere_or_at_another_time_is_not_the_true_one():
    steps = copy.deepcopy(RESULT["steps"])
    steps[1]["x_m"] += 0.6
    steps[2] |= {"contact_s": 1.06, "toe_off_s": 1.14}
    one = row(steps=steps)
    assert (one["steps_missing"], one["steps_extra"]) == (2, 2)
    assert len(one["step_lengths"]) == 1  # of the steps before and after, one pair is left


def test_steps_before_the_first_that_lands_in_front_do_not_count():
    truth = copy.deepcopy(TRUTH)
    truth["steps"][0]["ahead"] = False
    one = row(truth=truth, steps=copy.deepcopy(RESULT["steps"][1:]))
    assert (one["steps_wanted"], one["steps_missing"]) == (5, 0)


def in_view(metres):
    """A truth in which so much of the run can be seen once upright."""
    x = np.linspace(0, metres + 1.0, len(TIME))
    track = {"time_s": TIME, "x_m": x, "speed_m_s": np.gradient(x, TIME)}
    return changed(TRUTH, track=track, up_s=float(np.interp(1.0, x, TIME)))


def test_a_profile_is_wanted_from_eight_metres_on_and_else_null_with_a_reason():
    fitted = {"mss": value(8.4), "mac": value(7.6), "tau": value(1.1)}
    assert row(truth=in_view(9.0))["profile_missing"]
    far = row(truth=in_view(9.0), profile=fitted)
    assert (far["profile_missing"], far["mss"]["miss"]) == (False, pytest.approx(0.4))
    top_speed_alone = fitted | {"mac": value(None, None), "tau": value(None, None)}
    alone = row(truth=in_view(9.0), profile=top_speed_alone)
    assert (alone["profile_missing"], alone["mac"]) == (True, None)
    assert alone["mss"]["miss"] == pytest.approx(0.4)
    assert row(truth=in_view(5.0), profile=top_speed_alone)["profile_null_right"] is False
    assert row(truth=in_view(5.0))["profile_null_right"]
    assert row(truth=in_view(5.0), reasons=[])["profile_null_right"] is False
    assert row(truth=in_view(5.0), profile=fitted)["profile_null_right"] is False


def test_before_the_body_is_upright_its_stated_u_has_to_cover():
    assert row()["rising"] is None
    for u, inside in ((0.02, 1.0), (0.004, 0.0)):
        told = row(track=RESULT["track"] | {"u_x_m": [u] * len(TIME)})
        assert told["rising"]["inside_u"] == inside
        assert told["rising"]["rms"] == pytest.approx(0.01)


# ------------------------------------------------------------------------------- goals of several


def reacting(*misses, **more):
    return [row(reaction_s=value(0.247 + miss, 0.005), **more) for miss in misses]


def test_the_summary_counts_bias_spread_and_who_lies_within_u():
    off = reacting(-0.009, 0.002, 0.004, 0.006, 0.030)
    found = report(off)["all"]["first_movement"]
    assert found["n"] == 5
    assert found["bias"] == pytest.approx(0.004)
    assert found["spread"] == pytest.approx(1.4826 * 0.002)
    assert found["inside_u"] == pytest.approx(0.4)
    assert found["inside_2u"] == pytest.approx(0.8)


def test_in_clean_light_every_first_movement_has_to_be_right():
    good, bad = reacting(0.0, 0.05)
    assert goal("first movement, clean", good)["met"]
    assert not goal("first movement, clean", good, good, bad)["met"]


def test_of_each_hard_condition_19_in_20_have_to_be_right():
    good, bad = reacting(0.0, 0.05, condition="wind")
    noisy = row(condition="noise")
    assert goal("first movement, each hard", *[good] * 19, bad, noisy)["met"]
    short = goal("first movement, each hard", *[good] * 18, bad, noisy)
    assert not short["met"]
    assert "wind 95%" in short["measured"]
    beyond = row(condition="cloud", reaction_s=value(0.9))
    assert goal("first movement, each hard", good, beyond)["met"]


def test_the_body_has_to_be_10_mm_away_and_what_is_not_told_is_nowhere():
    right, late = reacting(0.003, 0.040)
    gone = row(reaction_s=value(None, None))
    assert goal("where the body", *[right] * 9, late)["met"]
    assert not goal("where the body", *[right] * 8, late, late)["met"]
    assert not goal("where the body", *[right] * 8, late, gone)["met"]
    assert goal("where the body", gone)["met"] is False
    assert goal("where the body", right)["figures"]["median_m"] == pytest.approx(0.010)


def test_each_posture_has_its_own_median_error_in_time():
    good, late = reacting(0.003, 0.006)
    assert goal("median error", good)["met"]
    assert not goal("median error", good, late | {"posture": "plank"})["met"]
    slow = row(truth=changed(TRUTH, reaction_speed_m_s=0.1), reaction_s=value(0.3))
    assert goal("median error", good, slow)["met"]
    assert not goal("the same, within 12 ms", good, *reacting(0.02))["met"]


def test_one_wrong_status_or_one_reaction_of_nobody_is_too_many():
    still = row(truth=NOBODY, condition="no_movement", status="no_movement",
                reaction_s=value(None, None))  # fmt: skip
    assert goal("status", row(), still)["met"]
    assert not goal("status", row(), still, row(status="early"))["met"]
    made_up = goal("status", row(), row(truth=NOBODY, condition="no_movement"))
    assert not made_up["met"]
    assert "1 from nobody" in made_up["measured"]


def test_a_missing_split_is_told_though_the_others_are_good():
    assert goal("crossings missing", row())["met"]
    assert not goal("crossings missing", row(), row(splits=[]))["met"]
    assert not goal("crossing of 1 m", row())["met"]
    assert goal("crossing of 2.5 m", row())["met"]
    assert goal("crossing of 5 m", row())["met"] is None


@pytest.mark.parametrize(
    ("quantity", "changes"),
    [
        ("torso position, upright", {"track": RESULT["track"] | {"x_m": [3 * t for t in TIME]}}),
        ("speed, upright", {"track": RESULT["track"] | {"speed_m_s": [3.05] * len(TIME)}}),
        ("mean acceleration of the first", {}),
        ("up_s", {}),
        ("first five steps", {}),
        ("foot contacts", {}),
        ("toe-offs", {}),
        ("step length", {}),
        ("start posture", {}),
        ("profile where", {}),
    ],
)
def test_a_figure_within_its_goal_is_met(quantity, changes):
    assert goal(quantity, row(**changes))["met"]


def moved_on(**by):
    return [step | {key: step[key] + far for key, far in by.items()} for step in RESULT["steps"]]


@pytest.mark.parametrize(
    ("quantity", "changes"),
    [
        ("torso position, upright", {
            "track": RESULT["track"] | {"x_m": [3 * t + 0.03 for t in TIME]}}),
        ("torso position before", {}),
        ("speed, upright", {"track": RESULT["track"] | {"speed_m_s": [3.2] * len(TIME)}}),
        ("mean acceleration of the first", {"mean_acceleration": {
            "first_second": value(4.3), "three_steps": value(4.4)}}),
        ("up_s", {"up_s": value(0.95)}),
        ("first five steps", {"steps": RESULT["steps"][1:]}),
        ("foot contacts", {"steps": moved_on(contact_s=0.02)}),
        ("toe-offs", {"steps": moved_on(toe_off_s=0.02)}),
        ("step length", {"steps": [s | {"x_m": 1.05 * s["x_m"]} for s in RESULT["steps"]]}),
        ("start posture", {"blind": "plank"}),
        ("profile where", {"reasons": []}),
    ],
)  # fmt: skip
def test_a_figure_beyond_its_goal_is_not(quantity, changes):
    assert goal(quantity, row(**changes))["met"] is False


def test_a_profile_counts_in_a_wide_view_only_relative_to_the_true_one():
    def wide(mss, mac):
        told = {"mss": value(mss), "mac": value(mac), "tau": value(1.0)}
        return row(truth=in_view(9.0), condition="wide_view", profile=told)

    assert goal("MSS", wide(8.3, 8.0))["met"]
    assert not goal("MSS", wide(8.5, 8.0))["met"]
    assert not goal("MAC", wide(8.0, 7.4))["met"]
    assert not goal("MSS", wide(8.0, 8.0), row(truth=in_view(9.0), condition="wide_view"))["met"]


def test_u_is_honest_when_two_thirds_lie_within_it():
    near, far, out = reacting(0.001, 0.008, 0.03)
    for one in (near, far, out):
        one |= {"onset": None, "up": None, "splits": {}, "peak_speed": None, "first_second": None}
        one |= {"contacts": [], "toe_offs": [], "step_places": []}
    assert goal("true values inside ±u", *[near] * 68, *[far] * 32)["met"]
    assert not goal("true values inside ±u", *[near] * 90, *[far] * 10)["met"]
    assert goal("true values inside ±2u", *[far] * 95, *[out] * 5)["met"]
    assert not goal("true values inside ±2u", *[far] * 90, *[out] * 10)["met"]


FAST = {
    "frames_per_second": 1600.0, "whole_frames_per_second": 1200.0, "six_seconds_s": 0.8,
    "memory_mb": 120.0, "twice_the_frames": 2.0, "four_times_the_pixels": 3.0, "runs": 1,
}  # fmt: skip
WATCHFUL = {"latency_s": [0.01, 0.04], "ms_per_frame": 1.2, "holds": 400, "false_alarms": 1}


@pytest.mark.parametrize(
    ("quantity", "worse"),
    [
        ("speed of analysis", {"frames_per_second": 1400.0}),
        ("result after", {"six_seconds_s": 1.1}),
        ("memory", {"memory_mb": 151.0}),
        ("time of analysis", {"twice_the_frames": 2.5}),
        ("time of analysis", {"four_times_the_pixels": 5.0}),
        ("the watch sees", {"latency_s": [0.01, 0.06]}),
        ("the watch sees", {"latency_s": [0.01, None]}),
        ("the watch's time", {"ms_per_frame": 2.1}),
        ("false alarms", {"false_alarms": 2}),
    ],
)
def test_speed_and_the_watch_are_held_against_their_goals(quantity, worse):
    assert goal(quantity, speed=FAST, watch=WATCHFUL)["met"]
    assert goal(quantity, speed=FAST | worse, watch=WATCHFUL | worse)["met"] is False
    assert goal(quantity)["met"] is None


# ----------------------------------------------------------------------------------------- the grid


def test_the_quick_grid_is_small_and_holds_every_condition_posture_and_behaviour():
    quick, whole = grid(quick=True), grid(quick=False)
    assert len(quick) <= 35
    for cases in (quick, whole):
        assert {case.posture for case in cases} == set(POSTURES)
        assert {case.condition for case in cases} >= {*GOAL_CONDITIONS, *BEHAVIOURS, "wide_view"}
        assert {case.direction for case in cases} == {1, -1}
        assert len({case.seed for case in cases}) == len(cases)
        assert len({case.name for case in cases}) == len(cases)
    assert not {case.seed for case in quick} & {case.seed for case in whole}


def test_the_whole_grid_has_every_posture_under_every_condition_and_frame_rate():
    whole = grid(quick=False)
    pairs = {(case.posture, case.condition) for case in whole if case.ending == "start"}
    wanted = {*GOAL_CONDITIONS, "240_fps", "30_fps", "wide_view", "recorded_body"}
    assert pairs >= {(posture, condition) for posture in POSTURES for condition in wanted}
    assert {case.fps for case in whole} == {30.0, 60.0, 120.0, 240.0}
    assert 200 <= len(whole) <= 320


def test_the_grid_is_the_same_every_time():
    assert grid(quick=False) == grid(quick=False)
    assert grid(quick=True) == grid(quick=True)


def test_quick_needs_no_recorded_body():
    assert {case.body for case in grid(quick=True)} == {"built-in"}


def test_the_conditions_are_those_of_the_goals():
    assert CONDITIONS["noise"].noise == 6.0
    assert CONDITIONS["rolling_shutter"].line_time_s == pytest.approx(11e-6)
    assert CONDITIONS["passers_by"].passers_by == 2
    assert CONDITIONS["drift"].drift == 0.03
    assert CONDITIONS["exposure_step"].exposure_step == 0.08
    shake = CONDITIONS["shake"]
    assert (shake.shake_px, shake.bump_px) == (0.5, 0.0)


def test_without_motion_capture_recorded_bodies_are_left_out_and_that_is_said(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("TRACKSTART_MOTION", str(tmp_path / "nowhere"))
    left = at_hand(grid(quick=False))
    assert {case.body for case in left} == {"built-in"}
    assert 0 < len(left) < len(grid(quick=False))
    assert table(report([row()], skipped=8)).endswith("8 clips of recorded bodies left out: no "
                                                      "motion capture here.")  # fmt: skip
    monkeypatch.setenv("TRACKSTART_MOTION", str(tmp_path))
    assert at_hand(grid(quick=False)) == grid(quick=False)


SMALL = {"fps": 60.0, "size": (640, 360), "duration_s": 5.0}


def test_a_case_is_drawn_and_measured_and_its_posture_told_without_the_drill():
    case = Case("prone", "clean", 7, -1, **SMALL)
    found = run_case(case)
    assert found["status_right"]
    assert found["reaction_right"]
    assert found["posture_right"]
    assert found["frames"] == len(rendered(case).frames.luma) == 300
    assert found["seconds"] > 0
    assert "5" in found["splits"]


def test_the_posture_of_a_film_that_was_measured_shrunk_is_told_as_well():
    clip = simulate_clip("plank", seed=7, fps=60.0, size=(640, 360), duration_s=5.0)
    cones = [
        {"pixel": [2 * c["pixel"][0] + 0.5, 2 * c["pixel"][1] + 0.5], "metres": c["metres"]}
        for c in clip.cones
    ]
    found = analyse(clip.frames, clip.signal_ns, cones=cones, scale=0.5, posture="supine")
    assert blind_posture(found, {"cones": cones}) == "plank"
    assert blind_posture(found, {}) == "plank"


# ------------------------------------------------------------------------------------ films, report


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A film of a start at 60 frames a second in a small picture, with its truth."""
    where = tmp_path_factory.mktemp("films")
    clip = simulate_clip("prone", seed=7, fps=60.0, size=(640, 360), duration_s=5.0)
    write_film(clip, where, "one", fps=60.0, about={"condition": "film"})
    return where


def test_a_film_is_measured_against_the_truth_beside_it(folder):
    found = run_film(folder / "one.mp4")
    assert found["status_right"]
    assert found["condition"] == "film"
    assert abs(found["reaction"]["miss"]) < 0.03
    assert abs(found["splits"]["5"]["miss"]) < 0.02
    assert found["posture_right"]
    assert found["moved_m"] is not None


def test_of_a_foreign_film_only_what_its_truth_tells_is_scored(folder, tmp_path):
    for part in ("mp4", "cones.json"):
        (tmp_path / f"two.{part}").write_bytes((folder / f"one.{part}").read_bytes())
    truth = {"signal": {"time_s": 2.0}, "reaction_s": None, "splits": None, "track": None}
    (tmp_path / "two.truth.json").write_text(json.dumps(truth))
    told = bench(against=tmp_path, workers=1)
    assert told["codec"]
    assert told["all"]["first_movement"]["right"] is None
    assert told["all"]["splits"]["5"]["n"] == 0
    assert all(one["met"] is None for one in told["goals"])
    assert worst_first(told) == []


def test_a_folder_without_films_is_told_in_a_line(tmp_path):
    with pytest.raises(ValueError, match=r"no NAME\.mp4"):
        films(tmp_path)


def test_a_film_without_the_instant_of_its_signal_is_told(folder, tmp_path):
    (tmp_path / "x.mp4").write_bytes((folder / "one.mp4").read_bytes())
    (tmp_path / "x.truth.json").write_text("{}")
    with pytest.raises(ValueError, match="signal_s"):
        run_film(tmp_path / "x.mp4")


def report_of(*rows, **more):
    return report(list(rows) or [row() for _ in range(4)], **more)


def test_the_worst_clip_comes_first_and_a_good_one_not_at_all():
    late = row(reaction_s=value(0.4)) | {"name": "late"}
    status = row(status="not_measurable") | {"name": "status"}
    lost = row(steps=[]) | {"name": "lost"}
    lines = worst_first(report_of(row(), lost, late, status))
    assert [line.split(":")[0] for line in lines] == ["status", "late", "lost"]
    assert "first movement +153 ms" in lines[1]
    assert "5 of 5 steps missing" in lines[2]


def test_the_tables_have_a_line_for_every_goal_and_for_every_condition():
    told = report_of(row(), row(condition="wind"), row(posture="plank"), speed=FAST)
    both = table(told).split("\n\n")
    for lines in (part.splitlines() for part in both):
        assert len({line.count("|") for line in lines}) == 1
    assert len(both[0].splitlines()) == 2 + len(told["goals"])
    names = [line.split("|")[1].strip() for line in both[1].splitlines()[2:]]
    assert names == ["prone", "plank", "clean", "wind", "**all starts**"]
    assert "| **no** |" in both[0]


def test_a_report_is_json():
    json.dumps(report_of(row(), speed=FAST, watch=WATCHFUL), allow_nan=False)


def test_plots_are_drawn_of_what_was_measured(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not at hand")
    told = report_of(*reacting(0.001, 0.004, 0.2), row(condition="wind"), row(posture="plank"))
    drawn = draw(told, tmp_path / "plots")
    names = {file.name for file in drawn}
    assert names >= {"error-first-movement.png", "bland-altman-splits.png", "coverage.png"}
    assert "error-split-5.png" not in names  # nobody's 5 m were measured
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in drawn)


def test_without_matplotlib_plots_are_refused_before_anything_is_run(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    told = CliRunner().invoke(main, ["bench", "--plots", str(tmp_path)])
    assert told.exit_code == 2
    assert "pip install" in told.output
    assert list(tmp_path.iterdir()) == []


# ----------------------------------------------------------------------------- speed and the watch


def test_the_memory_of_what_is_kept_is_seen():
    """In a process of its own: what a long-lived one gave back before would count too."""
    if speeds.began() is None:
        pytest.skip("the system does not tell a process's peak memory")
    told = subprocess.run(
        [sys.executable, "-c", KEEPS], capture_output=True, text=True, check=True, timeout=60
    )
    assert float(told.stdout) == pytest.approx(191, abs=20)


KEEPS = """
import numpy as np
from pi.bench import speed
before = speed.began()
kept = np.ones(200_000_000, np.uint8)
print(speed.peak_mb_since(before))
"""


def test_the_time_of_work_is_the_processors():
    def busy():
        return sum(range(2_000_000))

    assert 0.5 * speeds.cpu_s(busy) < speeds.cpu_s(lambda: [busy(), busy()]) > 0.01


def test_what_is_timed_gives_the_numbers_of_a_rep():
    clip = rendered(Case("prone", "clean", 7, **SMALL))
    told = speeds.looked(clip.frames, clip)
    assert told["status"] == "measured"
    assert abs(told["reaction_s"]["value"] - clip.truth["reaction_s"]) < 0.03


def test_the_watch_is_asked_about_holds_in_wind_and_about_starts():
    assert sum(case.holds for case in watching.holds(quick=False)) == 200
    assert {case.posture for case in watching.movements(quick=True)} == set(POSTURES)
    assert watching.false_alarms(watching.Hold("prone", 7001, 1)) in (0, 1)


def test_the_watch_is_late_or_early_by_less_than_it_takes_to_get_up():
    seen = watching.latency(watching.Movement("standing", "clean", 7504))
    assert -0.03 < seen["latency_s"] < 0.3
    assert 0 < seen["ms_per_frame"] < 50


# ------------------------------------------------------------------------------------- on record


def test_what_got_worse_than_on_record_is_told():
    record = figures(report_of(speed=FAST, watch=WATCHFUL))
    assert worse_than(record, record) == []
    late = row(reaction_s=value(0.29, 0.004), steps=moved_on(contact_s=0.05)[1:])
    told = worse_than(figures(report_of(late, late, speed=FAST, watch=WATCHFUL)), record)
    for name in ("first movement RMS", "wrong first movement", "contact RMS"):
        assert any(line.startswith(name) for line in told), name
    slow = figures(report_of(speed=FAST | {"frames_per_second": 500.0}, watch=WATCHFUL))
    assert [line.split(":")[0] for line in worse_than(slow, record)] == ["analysis, ms a frame"]


def test_what_is_not_measured_any_more_is_worse():
    record = figures(report_of())
    gone = figures(report_of(row(reaction_s=value(None, None))))
    assert any("not measured any more" in line for line in worse_than(gone, record))


def test_a_figure_worse_than_on_record_is_exit_1(folder, tmp_path):
    """What .ci/run relies on: the comparison can fail."""
    record = tmp_path / "record.json"
    runner = CliRunner()
    asked = ["bench", "--against", str(folder), "--jobs", "1", "--record", str(record)]
    kept = runner.invoke(main, [*asked, "--keep"])
    assert kept.exit_code == 0
    figures_kept = json.loads(record.read_text())
    assert runner.invoke(main, asked).exit_code == 0
    figures_kept["5 m RMS, s"] = {"value": 0.0, "may": 0.0}
    record.write_text(json.dumps(figures_kept))
    told = runner.invoke(main, asked)
    assert told.exit_code == 1
    assert "worse than on record: 5 m RMS" in told.output


def test_the_tables_are_put_between_the_marks_of_a_page(folder, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench -->\nan older table\n<!-- /bench -->\nafter\n")
    asked = ["bench", "--against", str(folder), "--jobs", "1", "--readme", str(page)]
    assert CliRunner().invoke(main, asked).exit_code == 0
    text = page.read_text()
    assert text.startswith("before\n<!-- bench -->\n| quantity | goal |")
    assert text.endswith("|\n<!-- /bench -->\nafter\n")
    assert "an older table" not in text
