"""The simulated track: that its athletes move like people and its truth is what was drawn."""

import functools
import time
from itertools import pairwise

import cv2
import numpy as np
import pytest

from pi.camera import Frames
from pi.marks import refine
from pi.simulate import (
    CONDITIONS,
    ENDINGS,
    POSTURES,
    Athlete,
    Conditions,
    SimulatedCamera,
    SimulatedTrack,
    View,
    captured,
    simulate_clip,
)
from pi.simulate.backdrop import cones, project
from pi.simulate.body import COLUMN, HEEL_SOLE, JOINT, SIDES, SOLE, TOE_SOLE
from pi.simulate.clip import draw_scene
from pi.simulate.figure import dress
from pi.simulate.motion import channels_at, draw_walk, monotone, pose_at
from pi.simulate.people import draw_athlete, draw_ending
from pi.simulate.truth import first_movement, outlines, touches, visible, what_happened
from pi.simulate.weather import shaken

SMALL = (480, 270)
SILENT = Conditions(noise=0.0, exposure_s=0.0)


def start(posture, seed, *, ending="start", body="built-in"):
    """A motion, its figure and its truth, without a picture."""
    folder = captured.find_captures() if body != "built-in" else None
    return started(posture, seed, ending, body, folder)


@functools.cache
def started(posture, seed, ending, body, folder):
    who, moves, looks = (np.random.default_rng([seed, k]) for k in (1, 2, 3))
    athlete = draw_athlete(who)
    motion = draw_ending(posture, athlete, ending, moves, body=body)
    figure = dress(athlete, 40.0, looks)
    truth = what_happened(motion, figure, 0.15, signal_s=2.0, view=View(), ending=ending)
    return motion, figure, truth


def small_scene(posture="prone", seed=3, **wanted):
    return draw_scene(posture, seed=seed, size=SMALL, **wanted)


@pytest.fixture(scope="module")
def clip():
    return simulate_clip("plank", seed=5, size=SMALL, fps=60.0, signal_s=1.2, duration_s=4.0)


# ------------------------------------------------------------------------------- clips and truth


def test_a_clip_is_a_recording_with_a_signal_and_marks_on_the_line(clip):
    assert isinstance(clip.frames, Frames)
    assert clip.frames.luma.shape == (240, 270, 480)
    assert clip.frames.luma.dtype == np.uint8
    assert np.allclose(np.diff(clip.frames.times_ns), 1e9 / 60, atol=1)
    assert clip.frames.dropped == 0
    assert clip.frames.exposure_ns == 1_000_000
    assert clip.signal_ns == 1_200_000_000
    assert [cone["metres"] for cone in clip.cones] == [0.0, 1.0, 2.5, 5.0]


def test_the_same_seed_gives_the_same_clip_bit_for_bit(clip):
    again = simulate_clip("plank", seed=5, size=SMALL, fps=60.0, signal_s=1.2, duration_s=4.0)
    other = simulate_clip("plank", seed=6, size=SMALL, fps=60.0, signal_s=1.2, duration_s=0.1)
    assert np.array_equal(again.frames.luma, clip.frames.luma)
    assert again.truth["reaction_s"] == clip.truth["reaction_s"]
    assert not np.array_equal(other.frames.luma[0], clip.frames.luma[0])


def test_weather_and_camera_do_not_change_what_happened(clip):
    for conditions in CONDITIONS.values():
        scene, onset_s = small_scene("plank", 5, signal_s=1.2, conditions=conditions)
        truth = what_happened(
            scene.player.motion, scene.player.figure, onset_s, signal_s=1.2, view=scene.view
        )
        assert truth["reaction_s"] == pytest.approx(clip.truth["reaction_s"], abs=1e-12)
        assert truth["steps"] == clip.truth["steps"]


@pytest.mark.parametrize("posture", POSTURES)
def test_an_athlete_gets_up_and_sprints_like_one(posture):
    for seed in range(6):
        _, _, truth = start(posture, seed)
        assert truth["posture"] == posture
        assert truth["status"] == "measured"
        up = truth["up_s"] - truth["reaction_s"]
        low, high = {"supine": (0.7, 1.6), "prone": (0.45, 1.2), "plank": (0.25, 0.8)}.get(
            posture, (0.0, 0.5)
        )
        assert low < up < high
        gates = {split["metres"]: split["from_movement_s"] for split in truth["splits"]}
        assert list(gates) == [1.0, 2.5, 5.0]
        assert gates[1.0] < gates[2.5] < gates[5.0]
        # model times of 11-year-olds and of elite sprinters, and the way up before them
        assert 1.15 < gates[5.0] - max(up - 0.35, 0.0) < 2.1
        assert 3.0 < truth["peak_speed"]["value"] < 8.5
        assert truth["mean_acceleration"]["first_second"] > 1.0
        assert truth["mean_acceleration"]["three_steps"] > 1.0


@pytest.mark.parametrize("posture", POSTURES)
def test_steps_alternate_and_lengthen_at_about_four_a_second(posture):
    for seed in range(4):
        _, _, truth = start(posture, seed)
        run = [step for step in truth["steps"] if step["contact_s"] > truth["up_s"]]
        assert len(run) >= 4
        assert all(a["leg"] != b["leg"] for a, b in pairwise(run))
        contact = np.array([step["toe_off_s"] - step["contact_s"] for step in run])
        flight = np.array([b["contact_s"] - a["toe_off_s"] for a, b in pairwise(run)])
        assert ((contact > 0.08) & (contact < 0.3)).all()
        assert ((flight > 0.02) & (flight < 0.16)).all()
        length = np.diff([step["x_m"] for step in run])
        assert ((length > 0.35) & (length < 2.2)).all()
        assert length[-1] > length[0]
        rate = 1 / np.diff([step["contact_s"] for step in run]).mean()
        assert 3.4 < rate < 5.5


def test_the_torso_runs_by_the_law_it_was_given():
    _, _, truth = start("standing", 2)
    law = truth["profile"]
    track = {name: np.array(values) for name, values in truth["track"].items()}
    run = (track["time_s"] > law["starts_s"] + 0.6) & (track["x_m"] < 6.0)
    since = track["time_s"][run] - law["starts_s"]
    speed = law["mss"] * (1 - np.exp(-since / law["tau"]))
    assert law["mac"] == pytest.approx(law["mss"] / law["tau"])
    ripple = track["speed_m_s"][run] / speed - 1
    assert abs(ripple.mean()) < 0.01
    assert 0.005 < ripple.std() < 0.04


def test_left_and_right_change_with_the_direction_of_the_run():
    motion, figure, truth = start("standing", 1)
    mirrored = what_happened(motion, figure, 0.15, signal_s=2.0, view=View(direction=-1))
    assert {truth["steps"][0]["leg"], mirrored["steps"][0]["leg"]} == {"left", "right"}
    assert truth["reaction_s"] == mirrored["reaction_s"]


def test_reaction_is_where_the_farthest_point_is_10_mm_beyond_all_sway():
    """Recomputed from the outlines on another grid of times."""
    for posture in POSTURES:
        motion, figure, truth = start(posture, 11)
        still = np.arange(-1.0, 0.0, 0.01)
        points, _, _ = outlines(motion, figure, still, 0.15, 2.0)
        rest = points.mean(0)
        at = truth["reaction_s"]
        then, _, _ = outlines(motion, figure, np.array([at - 0.004, at]), 0.15, 2.0)
        moved = np.linalg.norm(then - rest, axis=2)
        sway = np.linalg.norm(points - rest, axis=2).max()
        assert moved[1].max() >= truth["sway_m"] + 0.010 - 1e-4
        assert truth["sway_m"] <= sway + 2e-4
        assert truth["reaction_span_s"]["5mm"] <= at <= truth["reaction_span_s"]["20mm"]
        assert truth["onset_s"] < at
        assert truth["reaction_span_s"]["10mm"] == at
        displacement = truth["displacement"]
        crossing = np.interp(at, displacement["time_s"], displacement["farthest_m"])
        assert crossing >= truth["sway_m"] + 0.0095


def test_a_limb_behind_another_is_not_seen_to_move_first():
    """A plank's far hand: covered by the near one from straight ahead, beside it from aside."""
    motion, figure, _ = start("plank", 3)
    time_s = np.array([-0.1])
    points, owner, positions = outlines(motion, figure, time_s, 0.15, 2.0)
    hand = [limb.name for limb in figure.limbs].index("hand_far")
    ahead = View(behind_m=0.5 * 1280 / 152 - positions[0, JOINT["wrist_far"], 0])
    aside = ahead._replace(behind_m=ahead.behind_m - 3.0)
    share = {}
    for name, view in (("ahead", ahead), ("aside", aside)):
        seen = visible(figure, points[0], owner, positions[0], view)
        share[name] = seen[owner == hand].mean()
        assert seen[owner == len(figure.limbs) - 1].all()  # nothing is nearer than the near hand
    assert share["ahead"] < share["aside"]


def test_different_parts_move_first_at_different_speeds():
    speeds, parts = [], set()
    for posture in POSTURES:
        for seed in range(12):
            motion, figure, _ = start(posture, seed)
            found = first_movement(motion, figure, 0.15, 2.0, View())
            speeds.append(found["speed_m_s"])
            parts.add(found["part"].rsplit("_", 1)[0])
    assert 0.1 < min(speeds) < 0.4
    assert 0.9 < max(speeds) < 2.0
    assert {"head", "hand"} <= parts
    assert len(parts) >= 5


def test_reaction_comes_when_it_was_asked_to(clip):
    assert 0.13 <= clip.truth["reaction_s"] <= 0.40
    scene, onset_s = small_scene(ending="false_start")
    found = first_movement(scene.player.motion, scene.player.figure, onset_s, 2.0, scene.view)
    assert found["passed"][0.010] == pytest.approx(-0.3, abs=0.002)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_says_what_it_was(ending):
    clip = simulate_clip(
        "prone", seed=4, size=(240, 136), fps=20.0, signal_s=1.5, duration_s=6.0, ending=ending
    )
    truth = clip.truth
    expected = {"start": "measured", "early": "early", "false_start": "false_start"}
    assert truth["status"] == expected.get(ending, "no_movement")
    assert truth["ending"] == ending
    if ending in expected:
        assert truth["splits"]
    else:
        assert truth["reaction_s"] is truth["onset_s"] is truth["up_s"] is None
        assert truth["steps"] == truth["splits"] == []
    if ending == "early":
        assert 0.0 < truth["reaction_s"] < 0.1


def test_who_scratches_lies_where_they_lay():
    motion, _, _ = start("plank", 1, ending="scratch")
    time_s = np.arange(0.0, 2.0, 0.01)
    wrist = pose_at(motion, time_s, np.zeros_like(time_s))[:, JOINT["wrist_near"], :2]
    away = np.linalg.norm(wrist - wrist[0], axis=1)
    assert 0.04 < away.max() < 0.2
    assert away[-1] < 1e-6


def test_who_walks_away_goes_back_behind_the_line_and_never_runs():
    for posture in POSTURES:
        motion, _, _ = start(posture, 2, ending="walk_away")
        x = pose_at(motion, np.arange(0, 10.0, 0.02), np.zeros(500))[:, JOINT["hip"], 0]
        assert x[-1] < -2.0
        assert x.max() < 1.6
        assert np.abs(np.gradient(x, 0.02)).max() < 1.8


def test_an_unknown_word_is_refused_by_name():
    with pytest.raises(ValueError, match="posture"):
        simulate_clip("kneeling", size=SMALL, duration_s=0.1)
    with pytest.raises(ValueError, match="ending"):
        simulate_clip("prone", size=SMALL, duration_s=0.1, ending="cartwheel")
    with pytest.raises(ValueError, match="body"):
        simulate_clip("prone", size=SMALL, duration_s=0.1, body="robot")


# ------------------------------------------------------------------------------------- the body


def soles(motion, time_s, side):
    """Where the ball of a foot touches, (n, 2) m: the joint less the sole's thickness."""
    position = pose_at(motion, time_s, np.zeros_like(time_s))
    ball, heel = (position[:, JOINT[f"{name}_{side}"], :2] for name in ("ball", "heel"))
    along = (ball - heel) / np.linalg.norm(ball - heel, axis=1, keepdims=True)
    over = np.column_stack([-along[:, 1], along[:, 0]])
    return ball - 0.016 * motion.athlete.height_m * over


@pytest.mark.parametrize("posture", POSTURES)
@pytest.mark.parametrize("body", ["built-in", "auto"])
def test_a_foot_that_stands_does_not_slide(posture, body):
    for seed in range(5):
        motion, _, _ = start(posture, seed, body=body)
        for contact in motion.contacts[:8]:
            stands = np.arange(contact.contact_s + 0.003, contact.toe_off_s - 0.003, 0.002)
            if len(stands):
                sole = soles(motion, stands, contact.side)
                assert np.ptp(sole[:, 0]) < 0.004, (seed, contact)


def lowest_of_shoe(motion, time_s, side):
    """(n,) m over the ground, and which of heel, ball and toe it is."""
    position = pose_at(motion, time_s, np.zeros_like(time_s))
    thick = {"heel": HEEL_SOLE, "ball": SOLE, "toe": TOE_SOLE}
    parts = [
        position[:, JOINT[f"{part}_{side}"], 1] - half * motion.athlete.height_m
        for part, half in thick.items()
    ]
    return np.min(parts, axis=0), np.argmin(parts, axis=0)


@pytest.mark.parametrize("posture", POSTURES)
def test_a_shoe_stands_on_the_ground_and_leaves_it_over_the_toes(posture):
    for seed in range(3):
        motion, _, _ = start(posture, seed)
        for contact in motion.contacts[1:6]:
            on_s, off_s = touches(motion, contact)
            assert on_s <= contact.contact_s
            assert off_s >= contact.toe_off_s
            stands, _ = lowest_of_shoe(motion, np.arange(on_s, off_s - 0.002, 0.001), contact.side)
            assert stands.min() > -1e-4  # it does not sink in
            assert stands.max() < 0.0015
            after, part = lowest_of_shoe(motion, off_s + np.array([0.0, 0.01]), contact.side)
            assert part[0] == 2  # the toe
            assert after[1] > 0.003


@pytest.mark.parametrize("posture", ["prone", "plank"])
def test_a_hand_that_carries_does_not_slide(posture):
    for seed in range(5):
        motion, _, _ = start(posture, seed)
        time_s = np.arange(0.0, 1.0, 0.002)
        channels = channels_at(motion, time_s, np.zeros_like(time_s))
        position = pose_at(motion, time_s, np.zeros_like(time_s))
        for side in SIDES:
            carries = channels[:, COLUMN[f"pin_{side}"]] == 1.0
            wrist = position[carries, JOINT[f"wrist_{side}"], :2]
            assert np.ptp(wrist[:, 0]) < 0.004
            assert np.ptp(wrist[:, 1]) < 0.004


@pytest.mark.parametrize("posture", POSTURES)
@pytest.mark.parametrize("body", ["built-in", "auto"])
def test_no_limb_jumps_or_sinks_into_the_ground(posture, body):
    for seed in range(6):
        motion, _, _ = start(posture, seed, body=body)
        time_s = np.arange(-0.2, 2.5, 0.001)
        position = pose_at(motion, time_s, time_s)[:, :, :2]
        speed = np.linalg.norm(np.diff(position, axis=0), axis=2) * 1000
        assert speed.max() < 25.0  # a sprinter's foot reaches twice the running speed and more
        assert position[:, :, 1].min() > 0.0


@pytest.mark.parametrize("posture", POSTURES)
def test_limbs_keep_their_length_in_the_plane(posture):
    motion, _, _ = start(posture, 3)
    height = motion.athlete.height_m
    position = pose_at(motion, np.arange(1.2, 2.5, 0.01), np.zeros(130))[:, :, :2]
    for side in SIDES:
        thigh = position[:, JOINT[f"hip_{side}"]] - position[:, JOINT[f"knee_{side}"]]
        assert np.allclose(np.linalg.norm(thigh, axis=1), 0.245 * height, atol=0.004)


def test_waiting_is_breath_and_sway_and_never_quite_still():
    for posture, (low, high) in {
        "supine": (0.0003, 0.004), "prone": (0.0003, 0.004),
        "plank": (0.0005, 0.006), "standing": (0.001, 0.010),
    }.items():  # fmt: skip
        for seed in range(5):
            _, _, truth = start(posture, seed)
            assert low < truth["sway_m"] < high


def test_people_pass_by_on_their_feet():
    for speed in (1.2, 3.0):
        for from_rest in (False, True):
            motion = draw_walk(Athlete(), speed, np.random.default_rng(1), from_rest=from_rest)
            hip = pose_at(motion, [0.0, 3.0, 4.0], [0.0] * 3)[:, JOINT["hip"], 0]
            assert hip[2] - hip[1] == pytest.approx(speed, rel=0.05)
            for contact in motion.contacts[2:8]:
                stands = np.arange(contact.contact_s + 0.01, contact.toe_off_s - 0.01, 0.01)
                assert np.ptp(soles(motion, stands, contact.side)[:, 0]) < 0.012


def test_a_curve_through_keys_never_overshoots():
    keys = [(0.0, 1.0), (0.2, 1.0), (0.3, 3.0), (1.0, 2.0)]
    curve = monotone(np.linspace(-0.5, 1.5, 400), keys)
    assert 1.0 - 1e-12 < curve.min() < curve.max() < 3.0 + 1e-12
    assert np.allclose(monotone(np.array([0.3, 1.0, 2.0]), keys), [3.0, 2.0, 2.0])


# ----------------------------------------------------------------------------------- the picture


def test_the_marks_lie_where_the_camera_sees_their_metres():
    view = View()
    marks = {mark["metres"]: mark["pixel"] for mark in cones(view)}
    assert marks[1.0][0] - marks[0.0][0] == pytest.approx(152.0, abs=0.01)
    assert marks[5.0][0] - marks[0.0][0] == pytest.approx(760.0, abs=0.01)
    assert len({mark[1] for mark in marks.values()}) == 1
    left = {mark["metres"]: mark["pixel"] for mark in cones(view._replace(direction=-1))}
    assert left[1.0][0] == pytest.approx(1279 - marks[1.0][0], abs=0.01)
    turned = {m["metres"]: m["pixel"] for m in cones(view._replace(yaw=np.radians(3)))}
    assert abs((turned[5.0][0] - turned[2.5][0]) - (turned[1.0][0] - turned[0.0][0]) * 2.5) > 3


def test_the_athlete_is_drawn_where_the_joints_are():
    for direction in (1, -1):
        scene, onset_s = draw_scene("standing", seed=8, conditions=SILENT, direction=direction)
        for after in (-0.5, 1.0):
            picture = scene.picture(2.0 + onset_s + after).astype(int)
            player, scene.player = scene.player, None
            drawn = np.abs(picture - scene.picture(2.0 + onset_s + after)) > 6
            scene.player = player
            rows, columns = np.nonzero(drawn)
            body = pose_at(player.motion, [after], [2.0 + onset_s + after])
            pixels = project(scene.view, body)[0]
            assert abs(columns.mean() - pixels[:, 0].mean()) < 25
            assert pixels[:, 0].min() - 22 < columns.min()
            assert columns.max() < pixels[:, 0].max() + 22
            assert abs(rows.max() - pixels[:, 1].max()) < 12
            assert abs(rows.min() - pixels[:, 1].min()) < 22


@pytest.mark.parametrize("millimetres", [0.3, 1.0, 3.0])
def test_a_millimetre_moves_the_picture_by_0_152_px(millimetres):
    scene, _ = draw_scene("plank", seed=5, size=(640, 360), px_per_m=152.0, conditions=SILENT)
    scene.empty[:] = 100
    before = scene.picture(0.5).astype(float)
    table = scene.player.motion.table.copy()
    for name in ("x", "ball_x_near", "ball_x_far", "hand_x_near", "hand_x_far"):
        table[:, COLUMN[name]] += millimetres / 1000
    scene.player = scene.player._replace(motion=scene.player.motion._replace(table=table))
    after = scene.picture(0.5)
    spectrum = np.fft.fft2(before)
    turns = -2j * np.pi * np.fft.fftfreq(640)[None]
    shifts = np.linspace(0, 0.4 * millimetres, 81)
    misses = [
        np.square(np.fft.ifft2(spectrum * np.exp(turns * shift)).real - after).mean()
        for shift in shifts
    ]
    assert shifts[np.argmin(misses)] == pytest.approx(0.152 * millimetres, abs=0.010)


def test_noise_is_as_strong_as_asked_and_grows_with_light():
    conditions = Conditions(noise=4.0)
    scene, _ = small_scene(conditions=conditions, ending="no_movement")
    scene.player = None
    pictures = np.array([scene.picture(0.1 * k) for k in range(40)], float)
    spread = pictures.std(0).mean(1)
    level = pictures.mean((0, 2))
    expected = 4.0 * np.sqrt(0.33 + 0.67 * level / 128)
    usable = level < 230
    assert np.allclose(spread[usable], expected[usable], rtol=0.12)
    assert np.corrcoef((pictures[0] - pictures.mean(0)).ravel(),
                       (pictures[1] - pictures.mean(0)).ravel())[0, 1] < 0.1  # fmt: skip
    assert np.abs(pictures.mean(0) - scene.empty).mean() < 1.5


def test_a_rolling_shutter_reads_every_row_at_its_own_time():
    scene, onset_s = draw_scene("standing", seed=2, conditions=SILENT)
    rolling, _ = draw_scene("standing", seed=2, conditions=SILENT._replace(line_time_s=9.2e-6))
    at = 2.0 + onset_s + 1.2
    seen = rolling.picture(at).astype(float)
    early = scene.picture(at).astype(float)
    for row in (300, 380, 470):
        then = scene.picture(at + 9.2e-6 * row).astype(float)
        right = np.abs(seen[row] - then[row]).sum()
        wrong = np.abs(seen[row] - early[row]).sum()
        assert right < 0.5 * wrong


def test_a_long_exposure_is_the_mean_of_what_happened_meanwhile():
    sharp, onset_s = draw_scene("standing", seed=2, conditions=SILENT)
    long, _ = draw_scene("standing", seed=2, conditions=SILENT._replace(exposure_s=0.004))
    at = 2.0 + onset_s + 1.3
    times = at + (np.arange(16) + 0.5) / 16 * 0.004 - 0.002
    mean = np.mean([sharp.picture(t).astype(float) for t in times], axis=0)
    seen = long.picture(at).astype(float)
    assert np.abs(seen - mean).mean() < 0.25 * np.abs(sharp.picture(at) - mean).mean()


def test_an_exposure_step_changes_the_whole_picture_once():
    conditions = SILENT._replace(exposure_step=0.08)
    scene, _ = small_scene(conditions=conditions, ending="no_movement")
    light = np.array([scene.picture(t).mean() for t in (0.5, 1.0, 3.2, 3.6)])
    assert light[0] == pytest.approx(light[1], rel=0.002)
    assert light[2] == pytest.approx(light[3], rel=0.002)
    assert abs(light[2] / light[0] - 1) == pytest.approx(0.08, abs=0.01)


def test_brightness_drifts_by_a_few_percent():
    scene, _ = small_scene(conditions=SILENT._replace(drift=0.03), ending="no_movement")
    light = np.array([scene.picture(t).mean() for t in np.arange(0, 12, 0.4)])
    assert 0.01 < np.ptp(light) / light.mean() < 0.06


def test_a_shaken_tripod_moves_everything_by_what_it_says():
    conditions = SILENT._replace(shake_px=0.5, bump_px=2.0)
    scene, _ = small_scene(conditions=conditions, ending="no_movement")
    scene.player = None
    times = np.arange(0.0, 6.0, 0.5)
    pictures = [scene.picture(t).astype(np.float32) for t in times]
    said = shaken(scene.weather, times) - shaken(scene.weather, times[:1])
    sure = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-6)
    for picture, shift in zip(pictures[1:], said[1:], strict=True):
        start_at = np.eye(2, 3, dtype=np.float32)
        _, found = cv2.findTransformECC(
            pictures[0], picture, start_at, cv2.MOTION_TRANSLATION, sure
        )
        assert np.abs(found[:, 2] - shift).max() < 0.03
    calm = scene.weather._replace(conditions=conditions._replace(bump_px=0.0))
    assert shaken(calm, np.arange(0, 60, 0.01))[:, 0].std() == pytest.approx(0.5, rel=0.1)


def test_wind_moves_leaves_and_grass_but_not_the_track():
    for seed in range(3, 9):
        scene, _ = small_scene(seed=seed, conditions=SILENT._replace(wind_px=4.0))
        scene.player = None
        difference = np.abs(scene.picture(0.2).astype(int) - scene.picture(1.0))
        leaves = scene.backdrop.leaves[1::2, 1::2]
        foot = round(cones(scene.view)[0]["pixel"][1])
        assert difference[foot - 4 :].max() == 0
        if (leaves > 200).mean() > 0.05:
            assert difference[leaves > 200].mean() > 2.0
            break
    else:
        pytest.fail("no seed has trees")


def test_a_cloud_dims_part_of_the_picture_and_wanders():
    scene, _ = small_scene(conditions=SILENT._replace(cloud=0.35), ending="no_movement")
    scene.player = None
    share = [scene.picture(t) / np.maximum(scene.empty, 1) for t in (0.0, 3.0)]
    assert share[0].min() < 0.85
    assert np.percentile(share[0], 95) > 0.9
    assert np.abs(share[0] - share[1]).mean() > 0.01


def test_a_shadow_darkens_only_the_ground():
    scene, _ = small_scene("standing", conditions=SILENT._replace(shadow=0.5))
    without, _ = small_scene("standing", conditions=SILENT)
    difference = scene.picture(0.5).astype(int) - without.picture(0.5)
    assert difference.min() < -15
    assert difference.max() <= 1
    assert np.nonzero(difference < -3)[0].min() > scene.backdrop.horizon


def test_clothes_can_be_as_grey_as_the_track():
    spread: dict[bool, list[float]] = {False: [], True: []}
    for low in spread:
        for seed in (9, 10, 11):
            scene, _ = small_scene(seed=seed, conditions=SILENT._replace(low_contrast=low))
            greys = [
                limb.picture[:, :, 0].sum() / limb.picture[:, :, 1].sum()
                for limb in scene.player.figure.limbs
            ]
            spread[low].append(np.abs(np.array(greys) - scene.backdrop.track_grey).mean())
    assert max(spread[True]) < 22
    assert np.mean(spread[False]) > 2 * np.mean(spread[True])


def test_a_smooth_ground_has_no_texture_to_hold_on_to():
    texture = {}
    for smooth in (False, True):
        scene, _ = small_scene(seed=9, conditions=SILENT._replace(smooth_ground=smooth))
        strip = scene.empty[225:255].astype(float)
        texture[smooth] = (strip - cv2.blur(strip, (15, 3))).std()
    assert texture[True] < 0.6 * texture[False]


def test_passers_by_pass_behind_and_one_sets_off_near_the_signal():
    scene, _ = small_scene(conditions=SILENT._replace(passers_by=3), ending="no_movement")
    assert len(scene.others) == 3
    assert all(other.depth_m > 1.5 for other in scene.others)
    assert any(abs(other.onset_s - 2.0) < 0.6 for other in scene.others)
    still, _ = small_scene(conditions=SILENT, ending="no_movement")
    passed = [
        np.abs(scene.picture(t).astype(int) - still.picture(t)).max() for t in (1.5, 2.0, 3.0)
    ]
    assert max(passed) > 20


def test_somebody_crosses_in_front_late():
    scene, _ = small_scene("standing", conditions=SILENT._replace(crossing=True))
    (other,) = scene.others
    assert other.depth_m < -1.0
    at = other.motion.athlete
    hip = [
        other.heading * pose_at(other.motion, [t - other.onset_s], [t])[0, JOINT["hip"], 0]
        + other.shift_m
        for t in (2.0, 4.6, 5.4)
    ]
    assert abs(hip[0] - 2.5) > 2.5
    assert min(abs(hip[1] - 2.5), abs(hip[2] - 2.5)) < 1.2
    assert at.height_m > 1.2


def test_lost_pictures_are_gaps_in_the_time_stamps():
    clip = simulate_clip(
        "plank", seed=1, size=(240, 136), fps=60.0, duration_s=2.0,
        conditions=Conditions(dropped=0.1),
    )  # fmt: skip
    assert 2 <= clip.frames.dropped <= 30
    assert len(clip.frames.luma) == len(clip.frames.times_ns) < 120
    # a picture is that of its own time: nothing slid into a lost one's place
    whole = simulate_clip("plank", seed=1, size=(240, 136), fps=60.0, duration_s=2.0)
    at = np.searchsorted(whole.frames.times_ns, clip.frames.times_ns)
    assert np.array_equal(clip.frames.luma, whole.frames.luma[at])


# --------------------------------------------------------------------------------------- live


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_cones_stand_on_the_line_while_somebody_sets_up_and_then_no_more(direction, seed):
    track = SimulatedTrack(seed=seed, direction=direction, conditions=SILENT)
    empty = track.picture(time.monotonic_ns()).copy()
    track.set_up()
    seen = track.picture(time.monotonic_ns()).copy()
    assert len(track.cones) >= 3
    for cone in track.cones:
        found = refine(seen, np.add(cone["pixel"], (5, -7)))
        assert found.found, cone
        assert found.pixel == pytest.approx(cone["pixel"], abs=1.0)
    track.leave()
    assert (track.picture(time.monotonic_ns()) == empty).all()
    track.set_up()
    track.line_up("prone", seed=3)
    there = track.picture(time.monotonic_ns())
    foot = np.round(track.cones[-1]["pixel"]).astype(int)
    assert abs(int(there[foot[1] - 5, foot[0]]) - int(empty[foot[1] - 5, foot[0]])) < 20
    assert abs(int(seen[foot[1] - 5, foot[0]]) - int(empty[foot[1] - 5, foot[0]])) > 20


def test_a_live_camera_sees_somebody_line_up_hear_the_signal_and_go():
    track = SimulatedTrack(seed=2, size=SMALL)
    go_ns = []
    heard = lambda: (go_ns, None)  # noqa: E731
    with SimulatedCamera(track, heard=heard, fps=40.0, ring_seconds=6.0) as camera:
        assert (camera.size, camera.fps, camera.name) == (SMALL, 40.0, "simulated")
        camera.start()
        assert track.truth(time.monotonic_ns()) is None
        empty = camera.frame(0)[0].astype(int)
        track.line_up("plank", 7)
        time.sleep(1.4)
        picture, time_ns = camera.frame(0)
        assert np.abs(picture.astype(int) - empty).max() > 30
        assert 0 <= time.monotonic_ns() - time_ns < 300_000_000
        go_ns.append(time.monotonic_ns())
        time.sleep(1.6)
        camera.stop()
        seen = camera.recording(go_ns[0] - 1_000_000_000, time.monotonic_ns())
        truth = track.truth(go_ns[0])
    assert truth["status"] == "measured"
    assert truth["reaction_s"] >= 0.06
    assert seen.exposure_ns == 1_000_000
    steps = np.diff(seen.times_ns) * 40 / 1e9  # whole numbers of frame times: ticks, or lost ones
    assert np.allclose(steps, np.round(steps), atol=1e-6)
    after = (seen.times_ns - go_ns[0]) * 1e-9
    still, gone = (after < 0) & (after > -0.3), after > truth["reaction_s"] + 0.3
    change = np.abs(seen.luma.astype(np.int16) - seen.luma[still][0]).max((1, 2))
    assert change[still].max() < 60
    assert change[gone].min() > 80 - 40


def test_nobody_moves_without_a_signal_and_an_old_one_does_not_count():
    track = SimulatedTrack(seed=2, size=(240, 136))
    before_ns = time.monotonic_ns()
    track.line_up("prone")
    track.hear([before_ns])
    truth = track.truth(time.monotonic_ns())
    assert truth["status"] == "no_movement"
    now_ns = time.monotonic_ns()
    track.hear([now_ns])
    first = track.truth(now_ns)["reaction_s"]
    track.hear([now_ns + 50_000_000])
    assert track.truth(now_ns)["reaction_s"] == first
    track.leave()
    assert track.truth(now_ns) is None


def test_who_lines_up_leads_with_the_leg_that_was_asked_for():
    track = SimulatedTrack(seed=2, size=(240, 136), body="built-in")
    for leg in ("left", "right"):
        track.line_up("standing", 3, lead_leg=leg)
        # the leg in front pushes, the other one makes the first step
        assert track.scene.player.motion.athlete.far_leads == (leg == "left")


def test_in_each_lane_the_leg_leads_that_was_asked_for_there():
    track = SimulatedTrack(seed=2, size=(240, 136), lanes=2)
    for legs in (("left", "right"), ("right", "left")):
        track.line_up("standing", 3, lead_leg=legs)
        led = [one.player.motion.athlete.far_leads for one in track._there]
        assert led == [leg == "left" for leg in legs]
    track.line_up("standing", 3, lead_leg="left")
    assert [one.player.motion.athlete.far_leads for one in track._there] == [True, True]


def several(lanes, game=None, *, posture="prone", seed=2):
    track = SimulatedTrack(seed=seed, size=(240, 136), lanes=lanes)
    track.line_up(posture, game=game)
    return track


def test_a_track_with_lanes_shows_somebody_in_each_and_knows_where_they_are():
    track = several(3)
    assert [lane["name"] for lane in track.calibration["lanes"]] == ["1", "2", "3"]
    now_ns = time.monotonic_ns()
    there = track.picture(now_ns).astype(int)
    track.leave()
    change = np.abs(there - track.picture(now_ns)) > 20
    for lane in track.calibration["lanes"]:
        left, top = np.min(lane["region"], axis=0).astype(int)
        right, bottom = np.max(lane["region"], axis=0).astype(int)
        assert change[top : bottom + 1, left : right + 1].sum() > 20
    track.line_up("prone")
    now_ns = time.monotonic_ns()
    track.hear([now_ns])
    told = [track.truth(now_ns, lane)["reaction_s"] for lane in range(3)]
    assert all(0.05 < reaction < 0.6 for reaction in told)
    assert len(set(told)) == 3
    assert track.truth(now_ns, 3) is None


def test_who_chases_waits_for_the_second_go():
    track = several(3, {"kind": "chase", "handicap_s": 1.0}, posture="standing")
    first_ns = time.monotonic_ns()
    second_ns = first_ns + 1_000_000_000
    track.hear([first_ns])
    assert track.truth(first_ns, 0)["status"] == "measured"
    assert track.truth(first_ns, 2)["status"] == "no_movement"
    track.hear([first_ns, second_ns])
    assert 0.05 < track.truth(second_ns, 2)["reaction_s"] < 0.6
    assert track.truth(first_ns, 1) is None, "a chase is for two"


def test_who_is_called_goes_and_now_and_then_somebody_else_stirs():
    others = []
    for seed in range(12):
        track = several(2, {"kind": "number", "of": 2}, seed=seed)
        now_ns = time.monotonic_ns()
        track.hear([now_ns], 2)
        assert track.truth(now_ns, 1)["status"] == "measured"
        others.append(track.truth(now_ns, 0)["ending"])
    assert others.count("no_movement") >= 5
    assert set(others) > {"no_movement"}
    assert set(others) <= {"no_movement", "start", "scratch"}


# --------------------------------------------------------------------------- recorded people

BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Leg
  {
    OFFSET 0 -1 0
    CHANNELS 3 Zrotation Yrotation Xrotation
    End Site
    {
      OFFSET 0 -2 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.01
1 2 3 0 0 0 0 0 0
1 2 3 90 0 0 0 0 90
"""


def test_a_bvh_file_becomes_joints(tmp_path):
    (tmp_path / "one.bvh").write_text(BVH)
    rate, names, place = captured.read_bvh(tmp_path / "one.bvh")
    assert rate == pytest.approx(100.0)
    assert names == ["Hips", "Leg", "Leg end"]
    assert np.allclose(place[0], [[1, 2, 3], [1, 1, 3], [1, -1, 3]])
    # a quarter turn about z sends down to the side; then the leg's own one about x turns it away
    assert np.allclose(place[1], [[1, 2, 3], [2, 2, 3], [2, 2, 1]])


def test_without_recorded_people_the_built_in_figure_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKSTART_MOTION", str(tmp_path / "nothing"))
    assert captured.find_captures() is None
    built_in, _, _ = start("prone", 4)
    either, _, _ = start("prone", 4, body="auto")
    assert np.array_equal(built_in.table, either.table)
    with pytest.raises(ValueError, match="TRACKSTART_MOTION"):
        start("prone", 4, body="captured")


@pytest.fixture
def recorded():
    folder = captured.find_captures()
    if folder is None:
        pytest.skip("no motion capture at hand")
    return folder


def test_recorded_runners_swing_their_feet_forward_and_up(recorded):
    gaits = captured.gaits(recorded)
    assert len(gaits) >= 2
    for gait in gaits:
        assert gait.x[0] == pytest.approx(0.0, abs=0.01)
        assert gait.x[-1] == pytest.approx(1.0, abs=0.01)
        assert 0.1 < gait.y.max() < 0.9
        assert 1.0 < gait.pitch.max() < 2.6  # the heel goes up behind
        assert np.ptp(gait.arm) > 0.15
        assert 0.5 < gait.elbow.mean() < 2.4


@pytest.mark.parametrize("posture", POSTURES)
def test_a_recorded_body_starts_with_the_same_exact_truth(recorded, posture):
    for seed in range(4):
        motion, _, truth = start(posture, seed, body="captured")
        again, _, _ = start(posture, seed, body="captured")
        built_in, _, _ = start(posture, seed)
        assert np.array_equal(motion.table, again.table)
        assert not np.array_equal(motion.table, built_in.table)
        assert truth["status"] == "measured"
        assert truth["up_s"] - truth["reaction_s"] < 1.7
        assert truth["reaction_span_s"]["5mm"] <= truth["reaction_s"]
        assert len(truth["splits"]) == 3


def test_the_truth_of_a_lane_that_the_track_has_not_is_none():
    from pi.__main__ import _add_truth

    track = SimulatedTrack(size=(320, 180))
    track.line_up("standing", 3)
    for place in (0, 2):
        result = {"athletes": [{}, {}, {}]}
        _add_truth(track, result, time.monotonic_ns(), place, [0.0, 0.0, 1.5])
        assert (result["truth"] is None) == (place > 0)
