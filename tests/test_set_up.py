"""What the Set-up page asks of a picture, on pictures whose truth is known."""

import json

import cv2
import numpy as np
import pytest
from cameras import SIZE, Camera
from test_marks import cone, needs_tags, noisy, tags_on_the_line

from pi import set_up
from pi.calibration import line_from
from pi.lens import Lens, preset
from pi.observations import observe, packed
from pi.simulate import simulate_clip
from pi.simulate.backdrop import project
from pi.simulate.clip import draw_scene

LENS = Lens("known", 1430.0, (639.5, 359.5), (-0.1, 0.02, 0.0, 0.0, 0.0))
PLACES = (0.0, 2.5, 5.0)


def scene(seed=0):
    """Ground with structure, and three cones on the line of a camera."""
    random = np.random.default_rng(seed)
    ground = 105 + 12 * cv2.GaussianBlur(random.normal(0, 6, SIZE[::-1]), (0, 0), 3)
    camera = Camera(LENS, yaw=4, roll=1, pitch=2)
    picture = ground
    plane, per_m = cone(225)
    for place in PLACES:
        picture = camera.photograph(
            plane, per_m, x=place - plane.shape[1] / per_m / 2, picture=picture
        )
    return camera, noisy(picture, 1.5)


@pytest.fixture(scope="module")
def seen():
    return scene()


def tapped(camera, off=(4, -5)):
    return [{"pixel": (camera.pixel(m) + off).tolist(), "metres": m} for m in PLACES]


def test_rough_taps_become_a_calibration_good_to_centimetres(seen):
    camera, picture = seen
    cones = []
    for tap in tapped(camera):
        found = set_up.refined(picture, tap)
        assert found["found"]
        cones.append({**tap, "pixel": found["pixel"], "u_px": found["u_px"]})
    data = {"cones": cones, "lens": LENS.told(), "roll_deg": 1.0, "pitch_deg": 2.0}
    answer = set_up.tried(data, SIZE)
    assert answer["warnings"] == []
    assert answer["u_m"] < 0.01
    assert camera.error_m(line_from(data)) < 0.01
    for point in answer["grid"]:
        assert point["pixel"] == pytest.approx(camera.pixel(point["metres"]).tolist(), abs=1.5)
    json.dumps(answer, allow_nan=False)


def test_misfits_come_in_the_order_of_the_cones_that_were_asked():
    places = [5.0, 0.0, 2.5, 1.0]
    camera = Camera(LENS)
    cones = [{"pixel": camera.pixel(m).tolist(), "metres": m} for m in places]
    cones[2]["pixel"][0] += 8
    misfits = set_up.tried({"cones": cones}, SIZE)["misfit_m"]
    assert np.ptp(misfits) > 0.02
    line = line_from({"cones": cones})
    there = [float(line.metres(*cone["pixel"])) - cone["metres"] for cone in cones]
    assert misfits == pytest.approx(there, abs=0.003)


def test_a_view_past_the_vanishing_point_ends_somewhere():
    camera = Camera(preset("v3-wide", SIZE), yaw=55, at=2.0)
    cones = [{"pixel": camera.pixel(m).tolist(), "metres": m} for m in (1.0, 2.0, 4.0)]
    first, last = set_up.tried({"cones": cones, "lens": None}, SIZE)["view_m"]
    assert -100 <= first < 1.0
    assert 4.0 < last <= 100


def test_a_moved_camera_is_followed_to_its_cones(seen):
    camera, picture = seen
    still = set_up.ground_still(picture)
    region = [[100.0, 300.0], [900.0, 300.0], [900.0, 600.0]]
    data = {
        "cones": tapped(camera, (0, 0)),
        "lens": LENS.told(),
        "roll_deg": 1.0,
        "pitch_deg": 2.0,
        "horizon": [[10.0, 200.0], [1200.0, 220.0]],
        "lanes": [{"name": "1", "region": region, "cones": []}],
    }
    fine = set_up.checked(still, picture, data)
    assert fine["ok"]
    assert fine["shift_px"] < 0.2
    assert fine["proposal"] is None
    map_ = cv2.getRotationMatrix2D((640.0, 360.0), -0.5, 1.0)
    map_[:, 2] += 9.0, -6.0
    little = cv2.warpAffine(picture, np.float32([[1, 0, 1.2], [0, 1, 0]]), SIZE)
    answer = set_up.checked(still, little, data)
    assert answer["ok"], "it may be measured with"
    moved = answer["proposal"]["lanes"][0]["region"][0][0]
    assert moved == pytest.approx(101.2, abs=0.1)
    after = cv2.warpAffine(
        picture, map_, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    answer = set_up.checked(still, after, data)
    assert not answer["ok"]
    assert answer["reason"].startswith("the camera has moved by")
    found = answer["proposal"]
    for cone_, there in zip(data["cones"], found["cones"], strict=True):
        assert there["pixel"] == pytest.approx(map_ @ [*cone_["pixel"], 1.0], abs=1.0)
        assert there["metres"] == cone_["metres"]
    assert found["roll_deg"] == pytest.approx(1.5, abs=0.1)
    assert found["pitch_deg"] == pytest.approx(2.0 + np.degrees(6 / 1430), abs=0.05)
    assert found["lanes"][0]["region"][0] == pytest.approx(map_ @ [100, 300, 1], abs=0.5)
    json.dumps(answer, allow_nan=False)


def test_without_a_still_or_structure_nobody_is_refused(seen):
    camera, picture = seen
    data = {"cones": tapped(camera)}
    assert set_up.checked(None, picture, data)["ok"]
    plain = np.full(SIZE[::-1], 90, np.uint8)
    answer = set_up.checked(set_up.ground_still(plain), plain, data)
    assert (answer["ok"], answer["shift_px"]) == (True, None)
    assert "too little structure" in answer["reason"]


@needs_tags
def test_tags_become_cones_and_level():
    camera = Camera(LENS, roll=1.0, pitch=2.0)
    picture = tags_on_the_line(camera, (0, 5, 10))
    answer = set_up.tags_seen(picture, {}, LENS)
    assert [cone["metres"] for cone in answer["cones"]] == [0.0, 2.5, 5.0]
    assert answer["roll_deg"] == pytest.approx(1.0, abs=0.5)
    assert answer["pitch_deg"] == pytest.approx(2.0, abs=2.0)
    assert camera.error_m(line_from({**answer, "lens": LENS.told()})) < 0.02
    alone = set_up.tags_seen(tags_on_the_line(camera, (5,)), {})
    assert alone["roll_deg"] is None
    with pytest.raises(ValueError, match="no tags seen"):
        set_up.tags_seen(np.full(SIZE[::-1], 90, np.uint8), {})
    with pytest.raises(ValueError, match="spacing"):
        set_up.tags_seen(picture, {"spacing": "far"})


def test_the_lens_is_the_measured_one_else_the_cameras_preset_else_none():
    def lens(data, camera="webcam", known=None):
        return set_up.complete(data, SIZE, camera, known)["lens"]

    assert lens({}) is None
    assert lens({}, "imx708_wide")["model"] == "v3-wide"
    assert lens({}, "imx708_wide", LENS.told()) == LENS.told()
    assert lens({"lens": None}, "imx708", LENS.told()) is None
    assert lens({"lens": "gs-6mm"}, "imx296")["preset"]
    with pytest.raises(ValueError, match="there are v1"):
        lens({"lens": "zoom"})
    with pytest.raises(ValueError, match="an object"):
        set_up.complete([], SIZE)


@pytest.fixture(scope="module")
def ran_nearer():
    """Somebody who ran 0.4 m nearer to the camera than the cones stand, and those cones."""
    scene, _ = draw_scene("standing", seed=11, signal_s=1.5)
    start = simulate_clip("standing", seed=11, signal_s=1.5, duration_s=4.5)
    places = np.array([0.0, 2.5, 5.0])
    stand = np.stack([places, np.zeros(3), np.full(3, 0.4)], axis=1)
    data = {
        "cones": [
            {"pixel": pixel, "metres": metres}
            for pixel, metres in zip(project(scene.view, stand).tolist(), places, strict=True)
        ],
        "lens": Lens("known", scene.view.focal_px, (639.5, 359.5), (0.0,) * 5).told(),
        "pitch_deg": 0.0,
        "roll_deg": 0.0,
    }
    frames = start.frames
    time = (frames.times_ns - start.signal_ns) * 1e-9
    return packed(observe(frames.luma, time, line=line_from(data))), data


def test_the_feet_of_a_run_tell_how_much_nearer_than_the_cones_it_was(ran_nearer):
    stored, data = ran_nearer
    answer = set_up.depth_seen(stored, data)
    assert answer["depth_m"] == pytest.approx(0.4, abs=2 * answer["u_m"])
    assert answer["u_m"] < 0.15
    assert answer["feet"] >= 4
    assert set_up.depth_seen(stored, {**data, "depth_m": 0.3}) == answer


@pytest.mark.parametrize(("without", "why"), [("cones", "two or more"), ("lens", "needs the lens")])
def test_what_the_depth_of_feet_takes_is_told(ran_nearer, without, why):
    stored, data = ran_nearer
    with pytest.raises(ValueError, match=why):
        set_up.depth_seen(stored, {**data, without: None})
