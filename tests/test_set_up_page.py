"""The Set-up page: its views, and in a real browser with the device's own answers."""

import contextlib
import json
import socket
import threading
import time

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_reps import add_rep, request, walk
from test_charuco import LENS as BOARD_LENS
from test_charuco import PLACES as BOARD_PLACES
from test_charuco import TURNS, shown
from test_marks import needs_tags, tags_on_the_line
from test_page import AXE, FITS, SIDEWAYS, whole_rep
from test_set_up import PLACES, scene
from test_web import Elements
from two_processes import (
    PHONE,
    WAIT_MS,
    free_port,
    served,
    simulated_device,
    wait_for_device,
)

from pi import set_up
from pi.__main__ import Station, serve_set_up
from pi.camera_models import MODELS
from pi.settings import Settings
from pi.simulate.backdrop import View, cones
from pi.store import PICTURE_KEPT_NS, open_store
from web import create_app, words

OURS = {"Origin": "http://localhost"}
JSON = OURS | {"Accept": "application/json"}
MODE = "1280x720@120"
LENSLESS = [{"pixel": [150.0 + 150.0 * m, 500.0], "metres": m} for m in PLACES]
REFUSED = "the camera has moved by 6 px since it was calibrated: " + words.MOVED


class StillCamera:
    """A camera that sees one picture, until another is put before it."""

    name, fps, line_time_ns, problem = "still", 120.0, 0.0, None

    def __init__(self, picture):
        self.picture, self.size = picture, picture.shape[::-1]

    def start(self):
        pass

    def stop(self):
        pass

    def frame(self, after_ns):
        return self.picture, max(time.monotonic_ns(), after_ns + 1)


@contextlib.contextmanager
def answering(store, camera):
    """The device's own answers to the Set-up page, from a camera of the test."""
    over = threading.Event()
    station = Station(Settings(), store, None, camera, None, over, threading.Event())

    def serve():
        beaten = 0.0
        while not over.wait(0.01):
            if time.monotonic() - beaten > 0.5:
                store.beat(camera.name, camera.fps, None, False)
                beaten = time.monotonic()
            if job := store.next_set_up():
                serve_set_up(station, job)

    store.beat(camera.name, camera.fps, None, False)
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def shifted(picture, right, down=0):
    map_ = np.float32([[1, 0, right], [0, 1, down]])
    return cv2.warpAffine(picture, map_, picture.shape[::-1], borderMode=cv2.BORDER_REFLECT)


def calibrate(store, picture, data=None, **more):
    """A calibration as the device keeps it."""
    data = {"cones": LENSLESS, "lens": None} if data is None else data
    told = {k: v for k, v in set_up.tried(data, (1280, 720)).items() if k not in ("grid", "lens")}
    kept = {"source": "taps", "camera": "still", "mode": MODE} | more
    still = set_up.ground_still(picture)
    return store.save_calibration(data | {"told": told}, still=still, **kept)


def refuse(store, kept):
    """A rep that the device refused because the camera had moved."""
    rep = request(store)
    used = {"calibration": kept.id, "camera": {"name": kept.camera}}
    return walk(store, rep, "settling", state="failed", reason=REFUSED, settings=used)


@pytest.fixture(scope="module")
def seen():
    return scene()


# --- the views, without a browser --------------------------------------------------------------


@pytest.fixture
def own(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'own.db'}") as store:
        yield store


@pytest.fixture
def client(own):
    return create_app(Settings(), own).test_client()


def ask(client, kind, asked=None, **more):
    return client.post(
        "/set-up/job", json={"kind": kind, "asked": asked or {}}, headers=JSON, **more
    )


def text_of(page):
    return " ".join(Elements(page).text.split())


def test_without_a_calibration_the_page_tells_what_to_do(client, own):
    page = client.get("/set-up").text
    assert "Not calibrated" in page
    assert "Three cones on the running line" in page
    assert 'href="/set-up"' in client.get("/").text
    assert "Not calibrated" in client.get("/").text
    plain = text_of(page.partition("<noscript>")[2].partition("</noscript>")[0])
    assert "needs JavaScript" in plain
    assert "trackstart calibrate" in plain
    assert "settings.toml" in plain


def test_the_page_tells_what_is_in_force(client, own, seen):
    lens = {"model": "v3", "focal_px": 1437.5, "centre": [639.5, 359.5], "k": [], "preset": True}
    lanes = [{"name": "inner", "region": [[0, 0], [9, 0], [9, 9]]}]
    data = {"cones": LENSLESS, "lens": lens, "roll_deg": 0.4, "depth_m": 0.3, "lanes": lanes}
    kept = calibrate(own, seen[1], data)
    own.beat("still", 120.0, None, False)
    text = text_of(client.get("/set-up").text)
    told = kept.data["told"]
    for said in (
        "In force: 3 cones", f"{told['px_per_m']:.0f}px/m", "right →", "0 m, 2.5 m, 5 m",
        "a preset", "not measured",
        "leans by 0.4°", "0.3 m nearer than the cones", "inner", "cones, tapped on a still",
        "The lens (v3) is taken from published figures", "1280x720 px at 120 pictures/s",
    ):  # fmt: skip
        assert said in text
    assert f"± {100 * told['u_m']:.1f}cm" in text
    assert "Not calibrated" not in client.get("/").text


def test_a_calibration_that_tells_nothing_of_itself_still_has_a_page(client, own):
    own.save_calibration({"cones": LENSLESS}, source="settings", camera="still", mode=MODE)
    page = client.get("/set-up").text
    assert "In force: 3 cones" in page
    assert "None" not in text_of(page)


def test_a_calibration_for_another_mode_or_camera_is_not_in_force(client, own, seen):
    calibrate(own, seen[1], mode="640x480@60")
    page = client.get("/set-up").text
    assert "Not calibrated" in page
    assert "640x480 px at 60 pictures/s" in page
    held = calibrate(own, seen[1])
    calibrate(own, seen[1], camera="webcam")
    own.beat("still", 120.0, None, False)
    assert f"/set-up/calibration/{held.id}/forget" in client.get("/set-up").text
    own.beat("third", 120.0, None, False)
    assert "Not calibrated" in client.get("/set-up").text


def test_where_metres_come_from_otherwise_is_told(own):
    settings = Settings.model_validate({"place": {"cones": LENSLESS}})
    client = create_app(settings, own).test_client()
    assert "Cones from the settings" in client.get("/set-up").text
    assert "Not calibrated" not in client.get("/").text
    own.beat("simulated", 120.0, None, True)
    assert "The simulated track knows its metres" in client.get("/set-up").text


def test_forgetting_can_be_undone(client, own, seen):
    first, second = calibrate(own, seen[1]), calibrate(own, seen[1])
    answer = client.post(f"/set-up/calibration/{second.id}/forget", headers=OURS)
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "is forgotten" in page
    assert own.current_calibration().id == first.id
    assert f"/set-up/calibration/{second.id}/restore" in page
    client.post(f"/set-up/calibration/{second.id}/restore", headers=OURS)
    assert own.current_calibration().id == second.id
    for number in (99, 2**63):
        path = f"/set-up/calibration/{number}/forget"
        assert client.post(path, headers=OURS).status_code == 404


def test_a_still_is_shown_to_whoever_asked_and_kept_by_nobody(client, own, seen, monkeypatch):
    with answering(own, StillCamera(seen[1])):
        job = ask(client, "still").json
    assert job["state"] == "done"
    assert job["answer"] == {"size": [1280, 720], "camera": "still", "mode": MODE}
    answer = client.get(job["picture"])
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["Cache-Control"] == "no-store"
    picture = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.abs(picture.astype(float) - seen[1]).mean() < 3
    later_ns = time.monotonic_ns() + PICTURE_KEPT_NS + 1
    monkeypatch.setattr("time.monotonic_ns", lambda: later_ns)
    assert client.get(job["picture"]).status_code == 404
    assert client.get(f"/set-up/job/{job['id']}").status_code == 404


def test_a_question_without_a_timer_or_during_a_rep_is_answered_with_the_reason(client, own):
    answer = ask(client, "still")
    assert answer.status_code == 503
    assert "The timer is not running" in answer.json["said"]
    own.beat("still", 120.0, None, False)
    rep = request(own)
    job = ask(client, "still").json
    assert (job["state"], job["said"]) == (
        "failed", "A rep is under way; set up when it has ended."
    )  # fmt: skip
    walk(own, rep, state="failed", reason="over")


def test_a_question_that_waits_is_told_as_such_until_the_timer_falls_silent(
    client, own, monkeypatch
):
    monkeypatch.setattr("web.set_up.ANSWER_S", 0.1)
    own.beat("still", 120.0, None, False)
    job = ask(client, "still").json
    assert (job["state"], job["answer"], job["picture"]) == ("asked", None, None)
    assert client.get(f"/set-up/job/{job['id']}").json["state"] == "asked"
    later_ns = time.monotonic_ns() + 4_000_000_000
    monkeypatch.setattr("web.state.time.monotonic_ns", lambda: later_ns)
    answer = client.get(f"/set-up/job/{job['id']}")
    assert answer.status_code == 503
    assert "not running" in answer.json["said"]


def test_whoever_waits_for_an_answer_is_told_when_it_comes(client, own):
    own.beat("still", 120.0, None, False)
    job = own.ask_set_up("play", {})
    later = threading.Timer(0.3, own.answer_set_up, (job.id, {}, None))
    later.start()
    assert client.get(f"/set-up/job/{job.id}").json["state"] == "done"
    later.join()


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("dance", {}),
        (["still"], {}),
        ("still", {"size": 9}),
        ("refine", {"pixel": [1]}),
        ("refine", {"pixel": [1, "x"]}),
        ("try", {"cones": [{"pixel": [1, 2], "metres": 1e9}]}),
        ("try", {"cones": [{"pixel": [1, 2], "metres": 1}] * 100}),
        ("try", {"cones": [], "told": {}}),
        ("try", {"lens": "v" * 100}),
        ("keep", {}),
        ("keep", {"data": {"lanes": [{"name": "", "region": [[0, 0]] * 4}]}}),
        ("keep", {"data": {"lanes": [{"name": "1", "region": [[0, 0]] * 9}]}}),
        ("keep", {"data": {"lanes": [{"name": "1", "region": [[0, 0]] * 4}] * 5}}),
        ("keep", {"data": {}, "source": "settings"}),
        ("lens", {"action": "dance"}),
        ("feet", {}),
    ],
)
def test_what_makes_no_sense_never_reaches_the_timer(client, own, kind, asked):
    own.beat("still", 120.0, None, False)
    answer = ask(client, kind, asked)
    assert answer.status_code == 400
    assert answer.json["said"]
    assert own.next_set_up() is None


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "{", '{"kind": "try", "asked": {"depth_m": NaN}}',
        '{"kind": "refine", "asked": {"pixel": [1e999, 1]}}',
        '{"kind": "refine", "asked": {"pixel": [1, ' + "9" * 400 + "]}}",
        '{"kind": "try", "asked": ' + "[" * 20000 + "]" * 20000 + "}",
    ],
)  # fmt: skip
def test_a_broken_question_is_refused_in_json(client, own, body):
    own.beat("still", 120.0, None, False)
    answer = client.post("/set-up/job", data=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json["said"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from("cones lens pixel metres lanes region data name k".split()),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_question_breaks_the_page(client, own, asked):
    for kind in ("try", "keep", "tags"):
        answer = client.post(
            "/set-up/job", data=json.dumps({"kind": kind, "asked": asked}), headers=JSON
        )
        assert answer.status_code in (400, 503)


def test_more_than_a_page_would_send_is_refused(client, own):
    answer = client.post("/set-up/job", data=b" " * 70_000, headers=JSON)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/set-up/job", "/set-up/again", "/set-up/calibration/1/forget"])
def test_only_our_own_pages_may_press(client, own, path):
    own.beat("still", 120.0, None, False)
    for origin in ({}, {"Origin": "http://elsewhere.example"}, {"Origin": "null"}):
        answer = client.post(path, json={"kind": "still"}, headers=origin)
        assert answer.status_code == 403
    assert own.next_set_up() is None


def test_a_lens_that_is_not_named_is_left_to_the_timer(client, own, monkeypatch):
    monkeypatch.setattr("web.set_up.ANSWER_S", 0.0)
    own.beat("still", 120.0, None, False)
    job = ask(client, "try", {"cones": LENSLESS}).json
    assert "lens" not in own.set_up(job["id"]).asked
    job = ask(client, "try", {"cones": LENSLESS, "lens": None}).json
    assert own.set_up(job["id"]).asked["lens"] is None


def test_the_page_names_every_lens_that_the_timer_knows():
    assert {name: module.title for name, module in MODELS.items()} == words.LENSES


def test_the_timers_reason_for_a_moved_camera_is_known_to_the_pages(own):
    assert set_up.moved_reason(6.2).endswith(words.MOVED)
    assert set_up.moved_reason(float("inf")).endswith(words.MOVED)
    rep = add_rep(own, "failed")
    assert words.moved(rep) == ""
    spoilt = {"reasons": ["the camera was moved by 7 px during the start: " + words.MOVED]}
    rep = own.change_rep(rep.id, result=spoilt | {"status": "not_measurable"})
    assert words.moved(rep) == "The camera was moved by 7 px during the start."


def test_a_bump_is_told_on_start_and_set_up_until_it_is_calibrated_again(client, own, seen):
    kept = calibrate(own, seen[1])
    calibrate(own, seen[1], mode="640x480@60")  # for another mode: that changes nothing
    refuse(own, kept)
    why = "The camera has moved by 6 px since it was calibrated."
    own.beat("still", 120.0, None, False)
    for path in ("/", "/set-up"):
        page = client.get(path).text
        assert why in text_of(page)
        assert 'id="again" aria-label="The camera was moved">' in page
    assert client.get("/state.json").json["again"] == why
    calibrate(own, seen[1], source="moved")
    for path in ("/", "/set-up"):
        assert 'id="again" aria-label="The camera was moved" hidden>' in client.get(path).text
    assert client.get("/state.json").json["again"] == ""


def test_one_tap_follows_the_cones_without_a_script_too(client, own, seen):
    kept = calibrate(own, seen[1])
    refuse(own, kept)
    with answering(own, StillCamera(shifted(seen[1], 6, -3))):
        page = client.post("/set-up/again", headers=OURS)
    assert page.status_code == 200
    assert "Calibrated again: the camera had moved by 7 px" in text_of(page.text)
    now = own.current_calibration()
    assert (now.source, now.id > kept.id) == ("moved", True)
    for was, is_ in zip(LENSLESS, now.data["cones"], strict=True):
        moved = np.subtract(is_["pixel"], was["pixel"])
        assert moved == pytest.approx([6, -3], abs=0.5)
    assert now.data["told"]["px_per_m"] == pytest.approx(150, abs=1)


def test_a_camera_that_was_refused_by_a_hair_is_followed_too(client, own, seen):
    kept = calibrate(own, seen[1])
    with answering(own, StillCamera(shifted(seen[1], 1.5))):
        said = client.post("/set-up/again", headers=JSON).json["said"]
        assert said == "The camera stands as it was calibrated, to 1.5 px. Nothing to do."
        refuse(own, kept)
        answer = client.post("/set-up/again", headers=JSON).json
    assert answer["said"].startswith("Calibrated again: the camera had moved by")
    assert answer["again"] == ""
    assert own.current_calibration().data["cones"][0]["pixel"][0] == pytest.approx(151.5, abs=0.3)


def test_one_tap_tells_why_it_cannot(client, own, seen, monkeypatch):
    def again():
        answer = client.post("/set-up/again", headers=JSON)
        return answer.status_code, answer.json["said"]

    assert again() == (
        503,
        "The timer is not running. Switch it on, wait a moment, then try again.",
    )
    kept = calibrate(own, seen[1])
    with answering(own, StillCamera(seen[1])):
        status, said = again()
        assert (status, "stands as it was calibrated" in said) == (200, True)
        refuse(own, kept)
        assert "Nothing to do" in again()[1]
    other = scene(seed=5)[1][::-1].copy()
    with answering(own, StillCamera(other)):
        status, said = again()
        assert (status, "another scene" in said) == (409, True)
    with answering(own, StillCamera(np.full((720, 1280), 90, np.uint8))):
        assert again() == (409, "Too little structure in the picture to tell.")
    own.beat("still", 120.0, None, False)
    rep = request(own)
    assert again() == (409, "A rep is under way; set up when it has ended.")
    walk(own, rep, state="failed", reason="over")
    monkeypatch.setattr("web.set_up.PATIENCE_S", 0.1)
    own.beat("still", 120.0, None, False)
    assert again() == (409, "The timer did not answer in time. Try again.")
    assert own.current_calibration().id == kept.id


# --- in a browser ------------------------------------------------------------------------------

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")


@pytest.fixture
def camera(seen):
    return StillCamera(seen[1])


@pytest.fixture
def store(open_place, camera):
    """The store that the pages show, with a device that answers, and no calibration."""
    for kept in open_place.calibrations():
        open_place.forget_calibration(kept.id)
    with answering(open_place, camera):
        yield open_place


def still(page, tap=True):
    """Take a still, as a coach does first."""
    if tap:
        page.locator("#take").click()
    playwright.expect(page.locator("#stage img")).to_be_visible()
    playwright.expect(page.locator("#take")).to_have_text("New still")


def place_of(page, pixel):
    """Where on the screen a pixel of the still is."""
    page.locator("#stage").scroll_into_view_if_needed()
    return page.evaluate(
        """([u, v]) => {
          const stage = document.getElementById("stage"), box = stage.getBoundingClientRect();
          const scale = document.getElementById("still").naturalWidth / stage.clientWidth;
          return [box.left + stage.clientLeft + (u + 0.5) / scale,
                  box.top + stage.clientTop + (v + 0.5) / scale];
        }""",
        [float(each) for each in pixel],
    )


def smooth(picture):
    """The picture with ground above the cones on which nothing can be taken for one."""
    flat = picture.copy()
    flat[180:360] = 105
    return flat


def tap(page, pixel):
    page.touchscreen.tap(*place_of(page, pixel))


def told(page, text):
    playwright.expect(page.locator("#told")).to_contain_text(text)


def good_to(page, text="±"):
    playwright.expect(page.locator("#feedback .verdict")).to_contain_text(text)


def save(page):
    playwright.expect(page.locator("#save")).to_be_enabled()
    page.locator("#save").click()
    playwright.expect(page.locator("#sum")).to_contain_text("Saved")


def tap_all(page, seen, off=(4, -6)):
    for number, metres in enumerate(PLACES):
        tap(page, seen[0].pixel(metres) + off)
        playwright.expect(page.locator("#cones li")).to_have_count(number + 1)
        told(page, f"Found: cone at {metres:g} m")


@pytest.mark.browser
def test_rough_taps_on_a_phone_become_a_calibration_in_force(phone, store, seen):
    page = phone("/set-up")
    still(page)
    tap_all(page, seen)
    good_to(page)
    assert page.locator("#cones input").evaluate_all("all => all.map((one) => one.value)") == [
        "0", "2.5", "5"
    ]  # fmt: skip
    assert page.locator("#drawn .ground").count() > 10, "the metres are drawn on the still"
    playwright.expect(page.locator("#feedback")).to_contain_text("Runs to the right")
    save(page)
    kept = store.current_calibration()
    assert (kept.source, kept.camera, kept.mode) == ("taps", "still", MODE)
    for metres, cone in zip(PLACES, kept.data["cones"], strict=True):
        assert cone["metres"] == metres
        assert cone["pixel"] == pytest.approx(seen[0].pixel(metres).tolist(), abs=0.6)
        assert cone["u_px"] < 1
    playwright.expect(page.locator("#now h2")).to_have_text("In force: 3 cones")
    page.locator("#done").click()
    playwright.expect(page.locator("#arm")).to_be_visible()


@pytest.mark.browser
def test_the_loupe_shows_what_is_under_the_finger_above_it(phone, store, seen, camera):
    page = phone("/set-up")
    still(page)
    u, v = (round(each) for each in seen[0].pixel(2.5))
    x, y = place_of(page, (u, v))
    page.mouse.move(x, y)
    page.mouse.down()
    loupe = page.locator("#loupe")
    playwright.expect(loupe).to_be_visible()
    box = loupe.bounding_box()
    assert box["y"] + box["height"] < y
    assert box["x"] < x < box["x"] + box["width"]
    shown = page.evaluate(
        """() => { const all = document.getElementById("loupe"), n = all.width;
          const ink = all.getContext("2d").getImageData(0, 0, n, n).data;
          const at = (x, y) => ink[4 * (Math.round(y * n) * n + Math.round(x * n))];
          return [at(0.5, 0.5), at(0.47, 0.35), at(0.9, 0.45)]; }"""
    )
    middle, cone_above, ground = shown
    assert cone_above > 180 > ground, "a bright cone stands over its foot"
    assert middle not in (0, 255)
    page.mouse.move(x + 60, y)
    assert loupe.bounding_box()["x"] == pytest.approx(box["x"] + 60, abs=2)
    page.mouse.up()
    playwright.expect(page.locator("#cones li")).to_have_count(1)


@pytest.mark.browser
def test_the_finding_of_a_foot_can_be_undone_and_so_can_the_tap(phone, store, seen):
    page = phone("/set-up")
    still(page)
    foot = seen[0].pixel(2.5)
    tap(page, foot + (6, -8))
    told(page, "Found: cone at 0 m")
    drawn = "document.querySelector('#drawn circle').getAttribute('cx') - 0.5"
    assert page.evaluate(drawn) == pytest.approx(foot[0], abs=0.6)
    page.locator("#undo").click()
    told(page, "Undone: foot of: cone at 0 m")
    assert page.evaluate(drawn) == pytest.approx(foot[0] + 6, abs=2.5)
    page.locator("#undo").click()
    playwright.expect(page.locator("#cones li")).to_have_count(0)
    assert page.locator("#undo").is_disabled()


@pytest.mark.browser
def test_a_tap_beside_every_cone_counts_itself(phone, store, camera):
    camera.picture = smooth(camera.picture)
    page = phone("/set-up")
    still(page)
    tap(page, (640, 250))
    told(page, "Not seen there: cone at 0 m.")
    playwright.expect(page.locator("#cones li")).to_have_count(1)


@pytest.mark.browser
def test_cones_are_dragged_removed_nudged_and_turned_round(phone, store, seen):
    page = phone("/set-up")
    still(page)
    tap_all(page, seen)
    cross = """(n) => [...document.querySelectorAll("#drawn circle.mark")].map(
      (one) => [one.getAttribute("cx") - 0.5, one.getAttribute("cy") - 0.5])[n]"""
    # dragged off, it looks for its cone again and does not find it there
    x, y = place_of(page, seen[0].pixel(5.0))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 20, y - 10, steps=4)
    page.mouse.up()
    told(page, "Not seen there: cone at 5 m.")
    assert page.evaluate(cross, 2)[0] < seen[0].pixel(5.0)[0] - 40
    page.locator("#undo").click()
    assert page.evaluate(cross, 2) == pytest.approx(seen[0].pixel(5.0).tolist(), abs=0.7)
    # nudged by thumb, half a pixel a press
    page.locator("#cones li").nth(1).locator(".pick").click()
    playwright.expect(page.locator("#chosen")).to_have_text("Cone at 2.5 m")
    was = page.evaluate(cross, 1)
    for _ in range(3):
        page.locator("[data-move='1 0']").click()
    assert page.evaluate(cross, 1) == pytest.approx([was[0] + 1.5, was[1]], abs=0.02)
    page.locator("#foot").click()
    told(page, "Found: cone at 2.5 m")
    page.locator("#letgo").click()
    playwright.expect(page.locator("#nudge")).to_be_hidden()
    # the other way round
    page.get_by_role("button", name="They run the other way").click()
    playwright.expect(page.locator("#feedback")).to_contain_text("Runs to the left")
    page.locator("#cones li").nth(0).locator(".gone").click()
    playwright.expect(page.locator("#cones li")).to_have_count(2)
    playwright.expect(page.locator("#feedback")).to_contain_text("Two cones: they do not show")
    page.locator("#undo").click()
    playwright.expect(page.locator("#cones li")).to_have_count(3)
    save(page)
    kept = store.current_calibration()
    assert [cone["metres"] for cone in kept.data["cones"]] == [5.0, 2.5, 0.0]
    assert kept.data["told"]["direction"] == -1


@pytest.mark.browser
def test_a_wrong_distance_is_shown_where_it_is_and_cannot_be_saved(phone, store, seen):
    page = phone("/set-up")
    still(page)
    tap_all(page, seen)
    good_to(page)
    playwright.expect(page.locator("#feedback")).to_contain_text("a fourth does")
    page.locator("#cones input").nth(1).fill("6,5")
    playwright.expect(page.locator("#feedback")).not_to_contain_text("±")
    playwright.expect(page.locator("#feedback")).to_contain_text("not the order of their distances")
    assert page.locator("#save").is_disabled()
    page.locator("#cones input").nth(1).fill("far")
    playwright.expect(page.locator("#cones li").nth(1)).to_contain_text("How many metres")
    assert page.locator("#save").is_disabled()
    page.locator("#cones input").nth(1).fill("2")
    page.locator("#cones li").nth(1).get_by_label("half a metre more").click()
    good_to(page)
    assert page.locator("#cones input").nth(1).input_value() == "2.5"
    playwright.expect(page.locator("#save")).to_be_enabled()


@pytest.mark.browser
def test_the_keyboard_alone_calibrates(phone, store, seen):
    page = phone("/set-up", has_touch=False)
    page.locator("#take").focus()
    page.keyboard.press("Enter")
    still(page, tap=False)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "stage":
            break
    at = [640, 468]  # where the cross hairs begin
    for number, metres in enumerate(PLACES):
        foot = seen[0].pixel(metres)
        for axis, (less, more) in enumerate(
            (("ArrowLeft", "ArrowRight"), ("ArrowUp", "ArrowDown"))
        ):
            steps = round(foot[axis] - at[axis])
            for _ in range(abs(steps)):
                page.keyboard.press(more if steps > 0 else less)
            at[axis] += steps
        if number == 0:
            page.keyboard.press("Shift+ArrowRight")
            playwright.expect(page.locator("#loupe")).to_be_visible()
        page.keyboard.press("Enter")
        told(page, f"Found: cone at {metres:g} m")
    good_to(page)
    # sub-pixel: chosen from its row, a tenth of a pixel a press
    while page.evaluate("document.activeElement.className") != "pick":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Escape")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "save":
            break
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#sum")).to_contain_text("Saved")
    cone = store.current_calibration().data["cones"][0]
    assert cone["pixel"][0] == pytest.approx(seen[0].pixel(0.0)[0] + 0.3, abs=0.6)
    assert "u_px" not in cone, "who nudged it has seen it to a pixel"


@pytest.mark.browser
def test_lanes_are_drawn_named_and_saved(phone, store, seen):
    page = phone("/set-up")
    still(page)
    tap_all(page, seen)
    page.locator("#lanes summary").click()
    page.locator("#lane-add").click()
    page.locator("#lane-add").click()
    corner = """[...document.querySelectorAll("#drawn rect.mark")].map((one) => {
      const [x, y, wide] = ["x", "y", "width"].map((name) => Number(one.getAttribute(name)));
      return [x + wide / 2 - 0.5, y + wide / 2 - 0.5]; })"""
    corners = page.evaluate(corner)
    assert len(corners) == 8
    x, y = place_of(page, corners[2])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 30, y + 12, steps=5)
    page.mouse.up()
    moved = page.evaluate(corner)
    assert moved[2][0] < corners[2][0] - 80
    assert [one for i, one in enumerate(moved) if i != 2] == [
        pytest.approx(one) for i, one in enumerate(corners) if i != 2
    ]
    page.get_by_label("Name of lane 2").fill("outer")
    # its corner by keyboard
    page.get_by_label("Lane outer: choose its corner upper left").click()
    page.keyboard.press("ArrowDown")
    save(page)
    lanes = store.current_calibration().data["lanes"]
    assert [lane["name"] for lane in lanes] == ["1", "outer"]
    assert lanes[0]["region"] == [pytest.approx(one, abs=0.02) for one in moved[:4]]
    assert lanes[1]["region"][0] == pytest.approx([moved[4][0], moved[4][1] + 1], abs=0.02)
    assert [len(lane["region"]) for lane in lanes] == [4, 4]
    assert store.current_calibration().data["view"] == "beside"
    assert all(lane["cones"] == [] for lane in lanes)
    # who comes back later goes on from there
    page = phone("/set-up")
    still(page)
    told(page, "stands as it was calibrated")
    playwright.expect(page.locator("#cones li")).to_have_count(3)
    page.locator("#lanes summary").click()
    playwright.expect(page.locator("#lane-list li")).to_have_count(2)
    page.get_by_label("Lane outer: remove").click()
    save(page)
    assert len(store.current_calibration().data["lanes"]) == 1


@pytest.mark.browser
def test_a_lane_may_have_cones_of_its_own(phone, store, camera, seen):
    camera.picture = smooth(camera.picture)
    page = phone("/set-up")
    still(page)
    tap_all(page, seen)
    page.locator("#lanes summary").click()
    page.locator("#lane-add").click()
    page.locator("#lanes summary").click()
    page.locator("#layer").select_option(label="lane 1")
    playwright.expect(page.locator("#task")).to_contain_text("lane 1")
    for u in (300, 900):
        tap(page, (u, 300))
    playwright.expect(page.locator("#cones li")).to_have_count(2)
    save(page)
    data = store.current_calibration().data
    assert len(data["cones"]) == 3
    (lane,) = data["lanes"]
    assert [cone["metres"] for cone in lane["cones"]] == [0, 2.5]
    assert lane["cones"][1]["pixel"] == pytest.approx([900, 300], abs=3)


@pytest.mark.browser
def test_lanes_that_the_camera_looks_along_are_drawn_side_by_side(phone, store, seen):
    page = phone("/set-up")
    still(page)
    tap_all(page, seen)
    page.locator("#lanes summary").click()
    page.locator("#view").select_option("along")
    page.locator("#lane-add").click()
    page.locator("#lane-add").click()
    save(page)
    data = store.current_calibration().data
    assert data["view"] == "along"
    (left, right) = (np.array(lane["region"]) for lane in data["lanes"])
    assert left[:, 0].max() <= right[:, 0].min() + 26
    page = phone("/set-up")
    still(page)
    page.locator("#lanes summary").click()
    playwright.expect(page.locator("#view")).to_have_value("along")


@pytest.mark.browser
def test_the_horizon_the_lens_and_the_depth_are_kept(phone, store, seen):
    page = phone("/set-up")
    still(page)
    tap_all(page, seen)
    page.locator("#level summary").click()
    page.locator("#horizon").click()
    for point in ((60, 300), (1220, 320)):
        tap(page, point)
    told(page, "taken from the horizon")
    playwright.expect(page.locator("#level-now")).to_have_text("from the horizon")
    page.locator("#optics summary").click()
    page.locator("#depth").fill("0.3")
    playwright.expect(page.locator("#feedback")).to_contain_text("needs the lens")
    page.locator("#lens").select_option("v3")
    playwright.expect(page.locator("#feedback")).to_contain_text("published figures")
    playwright.expect(page.locator("#lens-now")).to_contain_text("Camera Module 3 (preset)")
    save(page)
    data = store.current_calibration().data
    assert data["horizon"][0] == pytest.approx([60, 300], abs=3)
    assert data["horizon"][1] == pytest.approx([1220, 320], abs=3)
    assert (data["lens"]["model"], data["lens"]["preset"], data["depth_m"]) == ("v3", True, 0.3)
    card = page.locator("#now")
    card.locator("summary").click()
    playwright.expect(card).to_contain_text("a preset from published figures, not measured")


@pytest.mark.browser
def test_the_depth_is_read_from_the_last_runs_feet(phone, store, seen, monkeypatch):
    page = phone("/set-up")
    still(page)
    tap_all(page, seen)
    page.locator("#optics summary").click()
    page.locator("#lens").select_option("v3")
    page.locator("#feet").click()
    told(page, "let somebody run")
    rep = add_rep(store)
    store.save_evidence(rep.id, "observations", "application/x-npz", b"as the timer keeps them")
    asked = []

    def depth_seen(stored, data):
        asked.append((stored, len(data["cones"]), data["lens"]["model"]))
        return {"depth_m": -0.35, "u_m": 0.04, "feet": 5}

    monkeypatch.setattr("pi.set_up.depth_seen", depth_seen)
    page.locator("#feet").click()
    told(page, "5 feet stood 0.35 m behind the cones' line, ± 0.04 m")
    assert asked == [(b"as the timer keeps them", 3, "v3")]
    playwright.expect(page.locator("#depth")).to_have_value("-0.35")
    page.locator("#undo").click()
    playwright.expect(page.locator("#depth")).to_have_value("0")
    store.delete_rep(rep.id)


@pytest.mark.browser
@needs_tags
def test_printed_tags_need_no_tapping(phone, store, camera, seen):
    camera.picture = tags_on_the_line(seen[0], (0, 5, 10))
    page = phone("/set-up")
    still(page)
    page.locator("#tags").click()
    told(page, "3 tags found, and the camera's level.")
    good_to(page)
    save(page)
    kept = store.current_calibration()
    assert kept.source == "tags"
    assert [cone["metres"] for cone in kept.data["cones"]] == [0.0, 2.5, 5.0]
    assert kept.data["roll_deg"] == pytest.approx(1.0, abs=1.0)
    page.locator("#level summary").click()
    page.locator("#spacing").fill("1,0")
    page.locator("#tags").click()
    save(page)
    kept = store.current_calibration()
    assert [cone["metres"] for cone in kept.data["cones"]] == [0.0, 5.0, 10.0]


@pytest.mark.browser
@needs_tags
def test_without_tags_the_page_says_what_they_need(phone, store):
    page = phone("/set-up")
    still(page)
    page.locator("#tags").click()
    told(page, "No tags seen; they stand upright on the line")


@pytest.mark.browser
@needs_tags
@pytest.mark.slow
def test_the_lens_is_measured_with_the_board(phone, store, camera):
    empty = camera.picture
    page = phone("/set-up")
    still(page)
    page.locator("#optics summary").click()
    page.locator("#board-begin").click()
    playwright.expect(page.locator("#board-told")).to_contain_text("the board is not seen")
    for i, (x, y) in enumerate(BOARD_PLACES):
        camera.picture = shown(BOARD_LENS, TURNS[i % len(TURNS)], (x, y, 0.55), seed=i)
        views = page.locator("#board").get_attribute("value")
        deadline = time.monotonic() + 10
        while page.locator("#board").get_attribute("value") == views:
            if page.locator("#board").is_hidden() or time.monotonic() > deadline:
                break
            page.wait_for_timeout(50)
    playwright.expect(page.locator("#board-told")).to_contain_text("The lens is measured, to 0.")
    kept = store.lens("still", MODE)
    assert kept["focal_px"] == pytest.approx(BOARD_LENS.focal_px, rel=0.02)
    camera.picture = empty


@pytest.mark.browser
def test_a_bumped_camera_is_set_right_with_one_tap_on_start(phone, store, camera, seen):
    kept = calibrate(store, seen[1])
    page = phone("/")
    assert page.locator("#again").is_hidden()
    refuse(store, kept)
    playwright.expect(page.locator("#again")).to_contain_text("The camera has moved by 6 px")
    camera.picture = shifted(seen[1], 6)
    page.get_by_role("button", name="CALIBRATE AGAIN").tap()
    playwright.expect(page.locator("#again-said")).to_contain_text("Calibrated again")
    playwright.expect(page.locator("#again")).to_be_hidden()
    now = store.current_calibration()
    assert now.source == "moved"
    assert now.data["cones"][0]["pixel"][0] == pytest.approx(LENSLESS[0]["pixel"][0] + 6, abs=0.5)
    assert page.locator("#arm").is_enabled()


@pytest.mark.browser
def test_a_new_still_of_a_moved_camera_brings_the_cones_along(phone, store, camera, seen):
    page = phone("/set-up")
    still(page)
    tap_all(page, seen)
    save(page)
    camera.picture = shifted(seen[1], -9, 4)
    page = phone("/set-up")
    still(page)
    told(page, "The camera has moved by 9.8 px")
    save(page)
    kept = store.current_calibration()
    assert kept.source == "moved"
    for metres, cone in zip(PLACES, kept.data["cones"], strict=True):
        assert cone["pixel"] == pytest.approx((seen[0].pixel(metres) + (-9, 4)).tolist(), abs=0.7)


@pytest.mark.browser
def test_what_keeps_a_still_from_being_taken_is_told(phone, store, open_place):
    page = phone("/set-up")
    rep = request(store)
    page.locator("#take").tap()
    told(page, "A rep is under way; set up when it has ended.")
    walk(store, rep, state="failed", reason="over")
    still(page)


@pytest.mark.browser
def test_a_still_without_a_timer_is_told(phone, open_place):
    page = phone("/set-up")
    time.sleep(3.1)  # until the last sign of life is old
    page.locator("#take").tap()
    told(page, "The timer is not running.")
    assert page.locator("#take").is_enabled()
    phone.complaints[:] = [said for said in phone.complaints if "503" not in said]


@pytest.mark.browser
def test_without_javascript_the_page_says_so_and_what_works_works(phone, store, camera, seen):
    page = phone("/set-up", java_script_enabled=False)
    assert "needs JavaScript" in page.locator("noscript").inner_text()
    assert page.locator("noscript .notice").bounding_box()["height"] > 50
    assert page.locator("#take").is_hidden()
    first, second = calibrate(store, seen[1]), calibrate(store, seen[1])
    page.reload()
    page.locator("#now summary").click()
    page.get_by_role("button", name="Forget it").click()
    assert store.current_calibration().id == first.id
    page.get_by_role("button", name="Undo").click()
    assert store.current_calibration().id == second.id


@pytest.mark.browser
def test_an_insecure_address_is_enough(chromium, store, home, seen):
    """A phone reaches the timer by http and a name of its own: no API may want more than that."""
    port = free_port()
    with served(home, port):
        context = chromium.new_context(
            base_url=f"http://{served_name()}:{port}", viewport=PHONE, has_touch=True
        )
        with contextlib.closing(context):
            context.set_default_timeout(WAIT_MS)
            page, said = context.new_page(), []
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto("/set-up")
            assert not page.evaluate("isSecureContext")
            still(page)
            tap(page, seen[0].pixel(2.5))
            told(page, "Found: cone at 0 m")
            assert said == []


def served_name():
    """This machine's name, which a browser does not trust as it does localhost."""
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        pytest.skip("this machine cannot find itself by its name")
    return socket.gethostname()


SMALL = """() => [..."button select summary .button input".split(" ")]
  .flatMap((kind) => [...document.querySelectorAll(`main ${kind}`)])
  .map((part) => [part.textContent.trim().slice(0, 20), part.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.height < 47.5 || box.width < 47.5))
  .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""


def everything_open(page, seen):
    """The page with all that it can show."""
    still(page)
    tap_all(page, seen)
    page.locator("#lanes summary").click()
    page.locator("#lane-add").click()
    page.locator("#lane-add").click()
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    page.get_by_label("Lane 2: choose its corner upper left").click()


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, SIDEWAYS, {"width": 320, "height": 568}])
@pytest.mark.parametrize("text", [100, 200])
def test_the_page_fits_the_phone(phone, store, seen, size, text):
    larger = f"""addEventListener("DOMContentLoaded", () => {{
      document.documentElement.style.fontSize = "{1.125 * text}%"; }});"""
    page = phone("/set-up", size=size, script=larger)
    assert page.evaluate(FITS) == [False, []]
    if text == 100:
        everything_open(page, seen)
    else:
        still(page)
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    assert page.evaluate(FITS) == [False, []]
    assert page.evaluate(SMALL) == []


@pytest.mark.browser
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_axe_finds_nothing_at_all(phone, store, seen, motion):
    kept = calibrate(store, seen[1])
    page = phone("/set-up", reduced_motion=motion, has_touch=True)
    assert violations(page) == []
    store.forget_calibration(kept.id)
    page.goto("/set-up")
    assert violations(page) == []
    everything_open(page, seen)
    assert violations(page) == []
    page.get_by_label("Cone 2: metres from the start line").fill("x")
    page.locator("#cones li").nth(0).locator(".pick").click()
    assert violations(page) == []
    refuse(store, calibrate(store, seen[1]))
    for path in ("/", "/set-up"):
        page.goto(path)
        playwright.expect(page.locator("#again")).to_be_visible()
        assert violations(page) == [], path


def violations(page):
    page.evaluate(AXE.read_text(encoding="utf-8"))
    more = {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}}
    found = page.evaluate("(rules) => axe.run({ rules })", more)
    return [(one["id"], one["nodes"][0]["html"][:120]) for one in found["violations"]]


# --- all of it ---------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.slow
def test_from_the_still_to_a_split_that_is_true_and_after_a_bump_again(chromium, tmp_path):
    """The two real processes: cones tapped, a rep measured by them, the tripod bumped, one tap."""
    (tmp_path / "settings.toml").write_text("[camera]\nfps = 60\n", encoding="utf-8")
    port = free_port()
    places = {cone["metres"]: cone["pixel"] for cone in cones(View())}
    with (
        simulated_device(tmp_path, port) as device,
        served(tmp_path, port),
        open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store,
    ):
        wait_for_device(device, port)
        context = chromium.new_context(
            base_url=f"http://127.0.0.1:{port}", viewport=PHONE, has_touch=True
        )
        with contextlib.closing(context):
            context.set_default_timeout(WAIT_MS)
            page = context.new_page()
            page.goto("/set-up")
            still(page)
            for metres, off in ((0.0, (5, -7)), (2.5, (-6, -4)), (5.0, (3, -9))):
                tap(page, np.add(places[metres], off))
                told(page, f"Found: cone at {metres:g} m")
            good_to(page)
            save(page)
            kept = store.current_calibration()
            for cone in kept.data["cones"]:
                assert cone["pixel"] == pytest.approx(places[cone["metres"]], abs=1.0)
            is_true(whole_rep(page, "prone"), kept.id)

            bump(store, kept)
            page.goto("/")
            page.locator("#arm").click()
            playwright.expect(page.locator("#again")).to_contain_text(
                "The camera has moved by 6 px"
            )
            page.get_by_role("button", name="CALIBRATE AGAIN").tap()
            playwright.expect(page.locator("#again-said")).to_contain_text("Calibrated again")
            playwright.expect(page.locator("#again")).to_be_hidden()
            now = store.current_calibration()
            assert now.source == "moved"
            for cone in now.data["cones"]:
                assert cone["pixel"] == pytest.approx(places[cone["metres"]], abs=1.0)
            is_true(whole_rep(page, "prone"), now.id)


def bump(store, kept):
    """The same calibration, as it would be had the camera looked 6 px further to the left."""
    was = cv2.imdecode(np.frombuffer(kept.still, np.uint8), cv2.IMREAD_GRAYSCALE)
    image = cv2.imencode(".png", shifted(was, 3))[1].tobytes()
    moved = [
        {**cone, "pixel": [cone["pixel"][0] + 6, cone["pixel"][1]]} for cone in kept.data["cones"]
    ]
    store.save_calibration(
        kept.data | {"cones": moved},
        source="taps", camera=kept.camera, mode=kept.mode, still=image,
    )  # fmt: skip


def is_true(answer, calibration):
    assert answer["rep"]["settings"]["calibration"] == calibration
    result = answer["result"]
    assert result["status"] == "measured", result["reasons"]
    drawn = {gate["metres"]: gate["from_signal_s"] for gate in result["truth"]["splits"]}
    (five,) = (gate for gate in result["splits"] if gate["metres"] == 5.0)
    assert abs(five["from_signal_s"] - drawn[5.0]) <= 3 * five["u"], (five, drawn)
