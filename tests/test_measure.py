"""What is told of a start against what is true of it, and what is told when there is none."""

import json

import cv2
import numpy as np
import pytest
from clips import FPS, SIGNAL_S, SIZE, film, near, told, valid

from pi.calibration import fit_line, line_from
from pi.camera import count_dropped
from pi.measure import Given, measure, sound_delay
from pi.observations import unpacked
from pi.rep import analyse
from pi.rep import told as whole_answer
from pi.simulate import POSTURES, Conditions, simulate_clip

FRAME_S = 1 / FPS


def seen_in(one):
    """The observations of a film, and the running line in it."""
    return unpacked(one.evidence["observations"]), fit_line(one.cones)


def later(seen, by_s):
    """The same start, with a signal that came so much later."""
    return seen._replace(
        time=seen.time - by_s, left_s=seen.left_s - by_s, stirred_s=seen.stirred_s - by_s
    )


def answer(seen, line=None, **given):
    """The whole result of these observations, which the schema accepts."""
    return valid(whole_answer(seen, Given(**given), line))


def like(measured, other, *, times=1.0):
    """Whether two answers agree within their uncertainties."""
    if measured["value"] is None or other["value"] is None:
        return measured["value"] == other["value"]
    return abs(measured["value"] - other["value"]) <= times * np.hypot(measured["u"], other["u"])


def same_numbers(result, other):
    """Both tell the same of a start, within their uncertainties."""
    assert result["status"] == other["status"]
    assert result["posture"]["start"] == other["posture"]["start"]
    for key in ("reaction_s", "onset_s", "up_s", "peak_speed"):
        assert like(result[key], other[key]), key
    for one, two in zip(result["splits"], other["splits"], strict=True):
        assert like(
            {"value": one["from_signal_s"], "u": one["u"]},
            {"value": two["from_signal_s"], "u": two["u"]},
        ), one["metres"]


def true_splits(one):
    return {split["metres"]: split for split in one.truth["splits"]}


# ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=POSTURES)
def start(request):
    return told(request.param)


def test_a_start_is_measured_and_its_posture_told(start):
    assert start.result["status"] == "measured"
    assert start.result["posture"]["start"] == start.truth["posture"]
    assert start.result["warnings"] == []


def test_first_movement_lies_where_the_body_is_5_to_20_mm_away(start):
    span, reaction = start.truth["reaction_span_s"], start.result["reaction_s"]
    assert span["5mm"] - FRAME_S <= reaction["value"] <= span["20mm"] + FRAME_S
    assert near(reaction, start.truth["reaction_s"])
    assert start.truth["onset_s"] - 0.05 < start.result["onset_s"]["value"] <= reaction["value"]


def test_splits_are_right_from_the_signal_and_from_first_movement(start):
    true = true_splits(start)
    assert set(true) == {1.0, 2.5, 5.0}
    for split in start.result["splits"]:
        if split["metres"] not in true:
            assert split["from_signal_s"] is None
            continue
        right = true[split["metres"]]["from_signal_s"]
        assert split["from_signal_s"] == pytest.approx(right, abs=3 * split["u"])
        assert split["u"] < 0.03
        since = split["from_signal_s"] - start.result["reaction_s"]["value"]
        assert split["from_movement_s"] == pytest.approx(since, abs=2e-4)


def test_getting_up_and_peak_speed_are_right(start):
    assert near(start.result["up_s"], start.truth["up_s"])
    assert near(start.result["peak_speed"], start.truth["peak_speed"]["value"])


def test_speed_follows_the_truth_once_the_athlete_is_up(start):
    track = {name: np.array(values) for name, values in start.result["track"].items()}
    true = start.truth["track"]
    run = (track["time_s"] > start.truth["up_s"]) & (track["time_s"] < true["time_s"][-1] - 0.1)
    speed = np.interp(track["time_s"], true["time_s"], true["speed_m_s"])
    assert run.sum() > 60
    assert np.sqrt(np.mean((track["speed_m_s"] - speed)[run] ** 2)) < 0.25
    x = np.interp(track["time_s"], true["time_s"], true["x_m"])
    assert np.abs(track["x_m"] - x)[run].max() < 0.12


def test_steps_are_ground_contacts_after_first_movement_one_ahead_of_the_other(start):
    steps, true = start.result["steps"], start.truth["steps"]
    moved_s = start.result["reaction_s"]["value"]
    assert all(step["contact_s"] > moved_s for step in steps)
    assert all(step["toe_off_s"] > step["contact_s"] for step in steps)
    assert (np.diff([step["x_m"] for step in steps]) > 0.2).all()
    run = [s for s in true if s["contact_s"] > start.truth["up_s"] and s["x_m"] < 5.5]
    assert len(run) >= 3
    found = [min(steps, key=lambda s: abs(s["contact_s"] - t["contact_s"])) for t in run]
    miss = np.array([f["contact_s"] - t["contact_s"] for f, t in zip(found, run, strict=True)])
    assert np.median(np.abs(miss)) < 0.03
    place = np.array([f["x_m"] - t["x_m"] for f, t in zip(found, run, strict=True)])
    assert np.median(np.abs(place)) < 0.08


@pytest.mark.parametrize("name", ["first_second", "three_steps"])
def test_mean_acceleration_is_right_where_it_is_told(start, name):
    found = start.result["mean_acceleration"][name]
    if found["value"] is None:
        assert any(name in reason for reason in start.result["reasons"])
    else:
        assert near(found, start.truth["mean_acceleration"][name])


def test_what_the_view_does_not_reach_is_null_with_a_reason(start):
    ten = start.result["splits"][3]
    assert ten["metres"] == 10.0
    assert ten["from_signal_s"] is ten["from_movement_s"] is ten["u"] is None
    assert any("10 m" in reason for reason in start.result["reasons"])
    assert start.result["profile"]["mss"] == {"value": None, "u": None}
    assert any(reason.startswith("profile") for reason in start.result["reasons"])


def test_a_wide_view_reaches_ten_metres_and_gives_the_profile():
    wide = told("standing", seed=8, px_per_m=40.0, duration_s=6.5, fps=60.0)
    ten = wide.result["splits"][3]
    assert ten["from_signal_s"] == pytest.approx(
        true_splits(wide)[10.0]["from_signal_s"], abs=3 * ten["u"]
    )
    for name in ("mss", "mac", "tau"):
        assert near(wide.result["profile"][name], wide.truth["profile"][name]), name
    assert wide.result["profile"]["starts_s"] == pytest.approx(
        wide.truth["profile"]["starts_s"], abs=0.1
    )


# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("posture", "ending"),
    [
        ("prone", "early"),
        ("standing", "early"),
        ("prone", "false_start"),
        ("standing", "false_start"),
        ("supine", "no_movement"),
        ("plank", "scratch"),
        ("standing", "walk_away"),
        ("prone", "walk_away"),
    ],
)
def test_the_status_says_what_happened(posture, ending):
    one = told(posture, seed=3, ending=ending, fps=60.0)
    assert one.result["status"] == one.truth["status"]
    if one.truth["status"] == "no_movement":
        assert one.result["reaction_s"] == {"value": None, "u": None}
        assert one.result["splits"][0]["from_signal_s"] is None
        assert one.result["reasons"]
    else:
        span = one.truth["reaction_span_s"]
        reaction = one.result["reaction_s"]["value"]
        assert span["5mm"] - 1 / 60 <= reaction <= span["20mm"] + 1 / 60


@pytest.mark.parametrize(("limit", "inside"), [(0.1, "early"), (0.0, "false_start")])
def test_next_to_a_limit_it_is_too_close_to_call(limit, inside):
    seen, line = seen_in(told("supine"))
    reaction = told("supine").result["reaction_s"]
    for side, status in ((-1, inside), (1, {"early": "measured"}.get(inside, "early"))):
        close = answer(later(seen, reaction["value"] - limit - side * 0.5 * reaction["u"]), line)
        assert close["status"] == status
        assert any("too close to call" in warning for warning in close["warnings"])
        clear = answer(later(seen, reaction["value"] - limit - side * 2.0 * reaction["u"]), line)
        assert clear["status"] == status
        assert not any("too close" in warning for warning in clear["warnings"])


def test_the_sounds_way_is_taken_off_the_reaction_and_told():
    seen, line = seen_in(told("supine"))
    near_by = answer(seen, line)
    far_off = answer(seen, line, buzzer_distance_m=10.0, temperature_c=0.0)
    assert far_off["signal"]["sound_delay_s"] == pytest.approx(10 / 331.3, abs=1e-5)
    for key in ("reaction_s", "onset_s"):
        gone = near_by[key]["value"] - far_off[key]["value"]
        assert gone == pytest.approx(10 / 331.3, abs=2e-4)
    assert far_off["up_s"] == near_by["up_s"]
    assert far_off["splits"] == near_by["splits"]


@pytest.mark.parametrize(("celsius", "speed"), [(-10, 325.2), (0, 331.3), (20, 343.2), (35, 351.9)])
def test_the_speed_of_sound_is_that_of_the_tables(celsius, speed):
    assert 100.0 / sound_delay(100.0, celsius) == pytest.approx(speed, rel=1e-3)


def test_no_way_of_the_sound_no_delay():
    assert sound_delay(0.0, 20.0) == 0.0


def test_without_cones_times_are_told_and_metres_are_null_with_reason_and_warning():
    one = told("supine")
    seen, _ = seen_in(one)
    bare = answer(seen)
    assert bare["status"] == "measured"
    assert like(bare["reaction_s"], one.result["reaction_s"])
    off = abs(bare["reaction_s"]["value"] - one.truth["reaction_s"])
    assert off < 2 * bare["reaction_s"]["u"]
    assert like(bare["up_s"], one.result["up_s"])
    assert bare["capture"]["px_per_m"] == pytest.approx(one.result["capture"]["px_per_m"], rel=0.16)
    assert all(split["from_signal_s"] is None for split in bare["splits"])
    assert all(step["x_m"] is None for step in bare["steps"])
    assert bare["peak_speed"] == {"value": None, "u": None, "at_m": None}
    assert bare["track"]["time_s"] == []
    assert any(reason.startswith("metres") for reason in bare["reasons"])
    assert any("1.70 m" in warning for warning in bare["warnings"])


def test_a_given_stature_makes_the_scale_without_cones_better():
    one = told("supine")
    seen, line = seen_in(one)
    given = answer(seen, stature_m=one.truth["height_m"])
    assert given["capture"]["px_per_m"] == pytest.approx(line.px_per_m(0.0), rel=0.08)
    assert any(f"{one.truth['height_m']:.2f} m" in warning for warning in given["warnings"])
    assert not any("nobody gave" in warning for warning in given["warnings"])


def test_the_drill_that_was_asked_for_is_kept_beside_what_was_seen():
    seen, line = seen_in(told("plank"))
    right = answer(seen, line, posture="plank")
    wrong = answer(seen, line, posture="supine")
    nothing = answer(seen, line)
    assert {one["posture"]["start"] for one in (right, wrong, nothing)} == {"plank"}
    assert [one["posture"]["given"] for one in (right, wrong, nothing)] == ["plank", "supine", None]
    assert any("supine" in warning and "plank" in warning for warning in wrong["warnings"])


@pytest.mark.parametrize("seed", [3, 11])
@pytest.mark.parametrize("posture", ["standing", "plank"])
def test_who_crouches_is_told_from_who_holds_a_plank_without_the_drill(posture, seed):
    """The one is as low as the other, but half as long."""
    seen, line = seen_in(told(posture, seed=seed))
    assert answer(seen, line)["posture"]["start"] == posture


def test_the_place_is_less_certain_while_the_body_rises():
    one = told("prone")
    track = one.result["track"]
    time, u = np.array(track["time_s"]), np.array(track["u_x_m"], float)
    rising = (time > 0.0) & (time < one.truth["up_s"] - 0.2)
    running = time > one.truth["up_s"] + 0.2
    assert np.median(u[rising]) > 3 * np.median(u[running])
    true = np.interp(time, one.truth["track"]["time_s"], one.truth["track"]["x_m"])
    off = np.abs(np.array(track["x_m"], float) - true)
    assert (off[time > 0] <= 2 * u[time > 0]).mean() > 0.9


def test_back_or_belly_is_told_only_by_the_drill():
    seen, line = seen_in(told("prone"))
    assert answer(seen, line)["posture"]["start"] == "lying"
    assert answer(seen, line, posture="prone")["posture"]["start"] == "prone"


# ---------------------------------------------------------------------------------------------


def test_a_signal_before_anybody_was_still_leaves_no_reaction_but_splits():
    """As if the recording had begun a fifth of a second before the signal."""
    clip = film("prone", duration_s=4.6)
    late = clip.frames.times_ns >= clip.signal_ns - 200_000_000
    frames = clip.frames._replace(luma=clip.frames.luma[late], times_ns=clip.frames.times_ns[late])
    result = valid(analyse(frames, clip.signal_ns, cones=clip.cones, posture="prone").result)
    assert result["status"] == "not_measurable"
    assert result["reaction_s"]["value"] is None
    assert any(reason.startswith("reaction") for reason in result["reasons"])
    five = result["splits"][2]
    true = {split["metres"]: split["from_signal_s"] for split in clip.truth["splits"]}[5.0]
    assert five["from_signal_s"] == pytest.approx(true, abs=3 * five["u"])
    assert five["from_movement_s"] is None


def test_a_camera_that_moved_is_not_measurable():
    seen, line = seen_in(told("supine"))
    turned = np.linspace(0, 400, len(seen.time))[:, None] * [1.0, 0.0]
    result = answer(seen._replace(shake=turned), line)
    assert result["status"] == "not_measurable"
    assert any("camera moved" in reason for reason in result["reasons"])


def test_who_creeps_has_no_reaction_but_a_start():
    """Every part of the body goes 3 cm a second from the signal on, until the place is left."""
    seen, line = seen_in(told("standing"))
    time = seen.time[seen.followed]
    rest = seen.displacement[time < 0].mean(axis=0)
    along = 0.03 * np.maximum(time + 1.2, 0) * line.px_per_m(0.0)
    gone = time > seen.left_s - 0.05
    along[gone] += 300 * (time[gone] - seen.left_s + 0.05)
    crept = np.zeros_like(seen.displacement) + rest
    crept[..., 0] += np.where(time > 0, along - along[time <= 0].max(), 0)[:, None]
    result = answer(seen._replace(displacement=crept, lost=np.zeros_like(seen.lost)), line)
    assert result["status"] == "measured"
    assert result["reaction_s"]["value"] is None
    assert any("crept" in reason for reason in result["reasons"])
    assert result["splits"][0]["from_signal_s"] is not None
    assert result["splits"][0]["from_movement_s"] is None


def test_nothing_seen_at_all_still_has_every_key():
    one = told("supine", seed=3, ending="no_movement", fps=60.0)
    full = told("supine").result

    def keys(thing):
        return {k: keys(v) for k, v in thing.items()} if isinstance(thing, dict) else None

    assert keys(one.result) == keys(full)
    assert len(one.result["splits"]) == len(full["splits"])


# ---------------------------------------------------------------------------------------------


def test_a_mirrored_film_gives_the_same_numbers():
    clip, plain = film("supine"), told("supine").result
    mirrored = clip.frames._replace(luma=np.ascontiguousarray(clip.frames.luma[:, :, ::-1]))
    cones = [
        {"pixel": [SIZE[0] - 1 - c["pixel"][0], c["pixel"][1]], "metres": c["metres"]}
        for c in clip.cones
    ]
    result = analyse(mirrored, clip.signal_ns, cones=cones, posture="supine").result
    same_numbers(valid(result), plain)


def test_half_the_resolution_gives_the_same_numbers():
    clip = film("plank", size=(1280, 720), fps=60.0)
    full = analyse(clip.frames, clip.signal_ns, cones=clip.cones, posture="plank").result
    small = np.stack([cv2.resize(p, SIZE, interpolation=cv2.INTER_AREA) for p in clip.frames.luma])
    half = analyse(
        clip.frames._replace(luma=small), clip.signal_ns, cones=clip.cones, scale=0.5,
        posture="plank",
    ).result  # fmt: skip
    same_numbers(valid(half), valid(full))
    assert half["capture"]["px_per_m"] == pytest.approx(full["capture"]["px_per_m"] / 2, rel=0.01)


def test_frames_that_were_dropped_are_told_and_the_numbers_still_right():
    clip = film("prone")
    kept = np.random.default_rng(3).uniform(size=len(clip.frames.times_ns)) > 0.1
    times_ns = clip.frames.times_ns[kept]
    frames = clip.frames._replace(
        luma=clip.frames.luma[kept], times_ns=times_ns, dropped=count_dropped(times_ns)
    )
    result = valid(analyse(frames, clip.signal_ns, cones=clip.cones, posture="prone").result)
    assert result["capture"]["dropped"] == frames.dropped > 30
    assert any("dropped" in warning for warning in result["warnings"])
    assert near(result["reaction_s"], clip.truth["reaction_s"])
    assert near(result["up_s"], clip.truth["up_s"])
    for split, true in zip(result["splits"][:3], clip.truth["splits"], strict=True):
        assert split["from_signal_s"] == pytest.approx(true["from_signal_s"], abs=3 * split["u"])


@pytest.mark.parametrize("posture", ["supine", "standing"])
def test_a_phones_thirty_pictures_a_second_are_right_within_their_uncertainty(posture):
    slow = told(posture, fps=30.0)
    assert near(slow.result["reaction_s"], slow.truth["reaction_s"])
    assert near(slow.result["up_s"], slow.truth["up_s"])
    for split in slow.result["splits"][:3]:
        true = true_splits(slow)[split["metres"]]["from_signal_s"]
        assert split["from_signal_s"] == pytest.approx(true, abs=3 * split["u"])
    assert slow.result["reaction_s"]["u"] > 1 / 30 / np.sqrt(24)


def test_a_rolling_shutter_is_put_right_by_its_line_time():
    """60 µs a row: at the ground, some 250 rows down, 15 ms late."""
    one = told("standing", conditions=Conditions(line_time_s=60e-6))
    assert near(one.result["reaction_s"], one.truth["reaction_s"])
    for split in one.result["splits"][:3]:
        true = true_splits(one)[split["metres"]]["from_signal_s"]
        assert split["from_signal_s"] == pytest.approx(true, abs=3 * split["u"])
    seen, line = seen_in(one)
    blind = answer(seen._replace(line_time_s=0.0), line)
    early = one.result["splits"][2]["from_signal_s"] - blind["splits"][2]["from_signal_s"]
    assert 0.005 < early < 0.017


def test_a_camera_that_leans_is_undone_where_the_torso_is():
    """By 3 degrees: a torso 0.9 m over the line is 5 cm beside the place below it."""
    seen, line = seen_in(told("standing"))
    leaning = line_from({"cones": told("standing").cones, "roll_deg": 3.0})
    level, leant = (answer(seen, one)["track"] for one in (line, leaning))
    apart = np.array(leant["x_m"]) - np.array(level["x_m"])
    height = apart[len(apart) // 2 :] / np.tan(np.radians(3.0))
    assert 0.7 < abs(np.median(height)) < 1.2
    parts = {part["part"] for part in answer(seen, line)["budget"]["splits"]["2.5"]}
    assert {"level", "scale", "body shape"} <= parts


# ---------------------------------------------------------------------------------------------


def test_stored_evidence_measured_again_gives_the_same_result(start):
    seen, line = seen_in(start)
    given = Given(time_s=SIGNAL_S, posture=start.truth["posture"])
    again = whole_answer(seen, given, line)
    assert again == json.loads(json.dumps(start.result))


def test_measuring_changes_nothing_of_what_was_seen():
    seen, line = seen_in(told("prone"))
    before = [np.copy(field) for field in seen]
    measure(seen, Given(), line)
    for one, two in zip(before, seen, strict=True):
        assert np.array_equal(one, two, equal_nan=True)


def test_pictures_missing_at_the_first_movement_widen_it_or_are_the_reason():
    clip = simulate_clip("prone", seed=5, duration_s=5.0)
    times = (clip.frames.times_ns - clip.signal_ns) * 1e-9
    truth = clip.truth["reaction_s"]
    widths = []
    for gone in (0, 4, 10, 40):
        there = np.abs(times - truth) >= 0.5 * gone / 120
        frames = clip.frames._replace(
            luma=clip.frames.luma[there],
            times_ns=clip.frames.times_ns[there],
            dropped=count_dropped(clip.frames.times_ns[there]),
        )
        told = analyse(frames, clip.signal_ns, cones=clip.cones, posture="prone").result
        value, u = told["reaction_s"]["value"], told["reaction_s"]["u"]
        if value is None:
            assert any("missing" in reason for reason in told["reasons"]), told["reasons"]
            continue
        assert abs(value - truth) < 2 * u
        widths.append(u)
    assert len(widths) >= 2
    assert widths == sorted(widths)


def thinned(clip, there):
    """A clip without some of its pictures."""
    times_ns = clip.frames.times_ns[there]
    luma = np.ascontiguousarray(clip.frames.luma[there])
    return clip.frames._replace(luma=luma, times_ns=times_ns, dropped=count_dropped(times_ns))


@pytest.mark.parametrize("posture", ["supine", "prone", "plank", "standing"])
def test_no_movement_is_told_wrongly_wherever_pictures_are_missing(posture):
    """A machine that stood still for a moment took no pictures: what began then is not known, nor
    that nobody started."""
    clip = simulate_clip(posture, seed=500, fps=60.0, size=(640, 360), duration_s=5.0, signal_s=2.0)
    truth = clip.truth["reaction_s"]
    times = (clip.frames.times_ns - clip.signal_ns) * 1e-9 - truth
    told = 0
    for begin in (-0.3, -0.05, 0.05):
        for lasts in (0.05, 0.1, 0.2, 0.4, 0.8):
            frames = thinned(clip, ~((times > begin) & (times < begin + lasts)))
            result = analyse(frames, clip.signal_ns, cones=clip.cones, posture=posture).result
            value, u = result["reaction_s"]["value"], result["reaction_s"]["u"]
            if value is None:
                assert result["status"] == "not_measurable" or "crept" in str(result["reasons"])
            else:
                told += 1
                assert abs(value - truth) < 3 * u, (begin, lasts, value, truth, u)
    assert told >= 4, "what was seen before pictures went missing is told"


@pytest.mark.parametrize("seed", range(4))
def test_a_handful_of_pictures_is_no_error(seed):
    clip = simulate_clip("prone", seed=5, fps=60.0, size=(640, 360), duration_s=5.0)
    random = np.random.default_rng(seed)
    there = np.repeat(random.uniform(size=len(clip.frames.times_ns) // 6 + 1) < 0.4, 6)
    there = there[: len(clip.frames.times_ns)]
    valid(analyse(thinned(clip, there), clip.signal_ns, cones=clip.cones, posture="prone").result)
