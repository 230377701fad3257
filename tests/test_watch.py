"""Somebody at rest, looked at during the hold: what the watch says, picture by picture."""

import cv2
import numpy as np
import pytest

from pi.bench.watching import Hold, Movement, false_alarms, latency
from pi.calibration import fit_line
from pi.simulate import CONDITIONS, POSTURES, Conditions
from pi.simulate.backdrop import cones
from pi.simulate.clip import draw_scene
from pi.simulate.truth import what_happened
from pi.watch import Watch

SIZE = (640, 360)
FPS = 60
REST_S = 1.9  # when the hold begins here; the signal comes 1.1 s later
RECALL_M = 0.030


def watched(posture, *, seed=1, rest_s=REST_S, ending="start", conditions=None, line=True):
    """What the watch says of a simulated start: time, Sights, when 3 cm are truly passed."""
    signal_s = rest_s + 1.1
    scene, onset_s = draw_scene(
        posture, seed=seed, size=SIZE, signal_s=signal_s, ending=ending, conditions=conditions
    )
    watch = Watch(SIZE, line=fit_line(cones(scene.view)) if line else None)
    time = np.arange(0, signal_s + 0.9, 1 / FPS)
    sights = []
    for instant in time:
        if instant >= rest_s and instant - 1 / FPS < rest_s:
            watch.rest()
        sights.append(watch.see(scene.picture(instant), instant))
    truth = what_happened(
        scene.player.motion, scene.player.figure, onset_s, signal_s=signal_s, view=scene.view,
        ending=ending,
    )  # fmt: skip
    far = None
    if "displacement" in truth:
        moved = truth["displacement"]
        far = signal_s + moved["time_s"][np.argmax(moved["farthest_m"] > RECALL_M)]
    return time, sights, far


def recalled(time, sights):
    """When the watch sees more than 3 cm for the first time; None: never."""
    over = np.flatnonzero(np.array([sight.moved_m for sight in sights]) > RECALL_M)
    return float(time[over[0]]) if len(over) else None


@pytest.mark.parametrize(("posture", "line"), [*((p, True) for p in POSTURES), ("prone", False)])
def test_who_is_still_settles_and_who_starts_is_seen_to(posture, line):
    time, sights, far = watched(posture, line=line)
    still = np.array([sight.still_s for sight in sights])
    assert time[np.argmax(still >= 1.0)] < 1.2
    before = (time >= REST_S) & (time < far - 0.1)
    assert max(sight.moved_m for sight, then in zip(sights, before, strict=True) if then) < 0.02
    assert far - 0.02 < recalled(time, sights) < far + 0.2
    assert still[-1] < 0.1


def test_before_the_hold_nobody_has_moved_from_a_resting_picture():
    time, sights, _ = watched("prone")
    assert all(np.isnan(s.moved_m) for s, t in zip(sights, time, strict=True) if t < REST_S)
    assert all(np.isfinite(s.moved_m) for s, t in zip(sights, time, strict=True) if t >= REST_S)


def test_who_stays_is_still_for_as_long_as_the_hold_lasts():
    time, sights, _ = watched("plank", ending="no_movement")
    assert recalled(time, sights) is None
    assert sights[-1].still_s > 3.5
    assert (np.diff([sight.still_s for sight in sights][20:]) > 0).all()


@pytest.mark.parametrize(("seed", "line"), [(2, True), (3, True), (4, False)])
def test_leaves_neither_keep_anybody_from_settling_nor_call_anybody_back(line, seed):
    wind = CONDITIONS["wind"]._replace(wind_px=2.0)  # as strong, in a picture of half the width
    time, sights, far = watched("prone", seed=seed, conditions=wind, line=line, rest_s=4.0)
    assert max(s.still_s for s, t in zip(sights, time, strict=True) if t < 4.0) >= 1.0
    assert far - 0.02 < recalled(time, sights) < far + 0.2


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(exposure_step=0.08),
        Conditions(drift=0.04),
        Conditions(shake_px=0.25, bump_px=1.0),
        Conditions(noise=2.25),
    ],
    ids=["exposure", "drift", "shake", "noise"],
)
@pytest.mark.parametrize("seed", [2, 3])
def test_neither_light_nor_a_shaking_tripod_calls_anybody_back(conditions, seed):
    time, sights, far = watched("plank", seed=seed, conditions=conditions)
    assert max(s.still_s for s, t in zip(sights, time, strict=True) if t < REST_S) >= 1.0
    assert far - 0.02 < recalled(time, sights) < far + 0.2


@pytest.mark.parametrize("seed", [1, 3])
def test_a_cloud_that_drifts_over_calls_nobody_back(seed):
    time, sights, far = watched("supine", seed=seed, conditions=Conditions(cloud=0.35))
    assert far - 0.02 < recalled(time, sights) < far + 0.2


# ---------------------------------------------------------------------------------------------
# A textured body of 0.6 m by 0.4 m that is moved by hand, at 120 pictures a second.


def body_at(shift_px, *, texture, size=(1280, 720)):
    picture = texture.copy()
    patch = np.float32([[1, 0, shift_px[0]], [0, 1, shift_px[1]]])
    moved = cv2.warpAffine(texture[::-1].copy(), patch, size, flags=cv2.INTER_LINEAR)
    left, top = round(300 + shift_px[0]), round(480 + shift_px[1])
    picture[top : top + 60, left : left + 96] = moved[top : top + 60, left : left + 96]
    return picture


def lane_texture(seed=4):
    random = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(random.normal(0, 1, (720, 1280)).astype(np.float32), (0, 0), 5)
    return np.clip(120 + 25 * grain / grain.std(), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("way", [(1, 0), (0, -1)])
def test_a_movement_of_three_centimetres_is_seen_within_a_twentieth_of_a_second(way):
    """160 px a metre without a line: 3.5 cm are 5.6 px."""
    texture, watch = lane_texture(), Watch((1280, 720))
    resting = body_at((0, 0), texture=texture)
    gone = body_at(np.array(way) * 5.6, texture=texture)
    for i in range(180):
        sight = watch.see(resting, i / 120)
    assert sight.still_s > 1.0
    watch.rest()
    for i in range(180, 200):
        assert watch.see(resting, i / 120).moved_m < 0.005
    after = [watch.see(gone, i / 120).moved_m for i in range(200, 206)]
    assert max(after) > 0.030


@pytest.mark.parametrize("posture", POSTURES)
def test_twenty_millimetres_of_a_start_are_seen_within_a_twentieth_of_a_second(posture):
    assert -0.03 < latency(Movement(posture, "clean", 8200))["latency_s"] < 0.05


def test_a_gust_after_a_lull_calls_nobody_back():
    """Leaves that hardly stirred while somebody settled, and then did: six holds in wind."""
    assert false_alarms(Hold("supine", 8801, 6)) == 0


def test_a_single_odd_picture_calls_nobody_back():
    texture, watch = lane_texture(), Watch((1280, 720))
    resting = body_at((0, 0), texture=texture)
    odd = body_at((20, 0), texture=texture)
    for i in range(150):
        watch.see(resting, i / 120)
    watch.rest()
    shown = [resting] * 5 + [odd] + [resting] * 5
    moved = [watch.see(picture, (150 + i) / 120).moved_m for i, picture in enumerate(shown)]
    assert max(moved) < 0.01


def test_who_moves_by_a_centimetre_and_more_begins_to_be_still_anew():
    texture, watch = lane_texture(), Watch((1280, 720))
    for i in range(240):
        shift = 4.0 if i >= 180 else 0.0
        sight = watch.see(body_at((shift, 0), texture=texture), i / 120)
    assert 0.2 < sight.still_s < 0.55


def test_outside_the_box_over_the_start_nothing_is_watched():
    texture = lane_texture()
    line = fit_line(
        [{"pixel": [250.0, 540.0], "metres": 0.0}, {"pixel": [1010.0, 540.0], "metres": 5.0}]
    )
    watch = Watch((1280, 720), line=line)
    random = np.random.default_rng(6)
    for i in range(150):
        shown = texture.copy()
        shown[300:560, 800:1100] = random.integers(0, 255, (260, 300), np.uint8)
        sight = watch.see(shown, i / 120)
    assert sight.still_s > 1.0
