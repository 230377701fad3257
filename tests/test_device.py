"""The device from outside: what is asked of it in the store, and what it leaves there."""

import importlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest
from test_video import write_video

from pi import set_up
from pi.__main__ import (
    Tidied,
    _forget_old,
    _refuse_reps,
    _request_again,
    _tidy,
    _try_step,
    main,
)
from pi.games import outcome
from pi.rep import reanalyse
from pi.settings import Settings
from pi.store import NotAgreed, open_store

BUZZER, LED, BUTTON = 17, 27, 22
QUICK = {
    "record_s": 2.5,
    "camera": {"source": "simulated", "width": 640, "height": 360, "fps": 60, "ring_seconds": 6},
    "hold": {"minimum_s": 0.6, "maximum_s": 0.8},
    "settle": {"still_s": 0.3, "timeout_s": 8},
}


def wait_for(answer, seconds=20.0):
    """The first answer that is not None or False."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := answer():
            return found
        time.sleep(0.005)
    raise AssertionError("it never came")


class Running:
    """A device that runs in a thread, and the store as a page sees it."""

    def __init__(self, settings, pins):
        self.pins, self.stop = pins, threading.Event()
        self.store = open_store(settings.store.url)
        self.errors = []
        self._thread = threading.Thread(target=self._run, args=(settings,))
        self._thread.start()

    def _run(self, settings):
        try:
            main(settings, self.stop)
        except BaseException as problem:
            self.errors.append(problem)

    def request(self, **request):
        self.count = getattr(self, "count", 0) + 1
        given = {"posture": "standing", "key": f"tap {self.count}"}
        return self.store.request_rep(**(given | request))

    def until(self, rep, *states, seconds=20.0):
        def there():
            row = self.store.rep(rep.id)
            return row if row.state in states or not (row.active or states) else None

        return wait_for(there, seconds)

    def is_quiet(self):
        return not any(self.pins.pin(pin).state for pin in (BUZZER, LED))

    def end(self):
        self.stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert self.errors == []
        self.store.close()


@pytest.fixture
def start(tmp_path, pins, monkeypatch):
    """Starts a device with changed settings; it is stopped at the end."""
    monkeypatch.setattr("pi.start_signal.choose_pin_factory", lambda: pins)
    running = []

    def start(**changed):
        store = {"url": f"sqlite:///{tmp_path / 'trackstart.db'}"}
        settings = Settings.model_validate(QUICK | {"store": store} | changed)
        device = Running(settings, pins)
        running.append(device)
        wait_for(lambda: device.store.device() and device.store.device().camera)
        return device

    yield start
    for device in running:
        device.end()


@pytest.mark.parametrize("posture", ["supine", "prone"])
def test_the_box_calls_the_posture_that_was_asked_for(start, pins, posture):
    device = start()
    pins.pin(BUZZER).clear_states()
    rep = device.request(posture=posture)
    wait_for(lambda: len(pins.pin(BUZZER).states) > 4)
    device.store.ask_stop(rep.id)
    device.until(rep)
    long, _, short = [state.timestamp for state in pins.pin(BUZZER).states[2:5]]
    assert (long > 0.15 > short) == (posture == "supine")
    assert (long < 0.15 < short) == (posture == "prone")


def test_a_posture_in_own_words_is_run_and_measured_from_the_picture_alone(start):
    device = start()
    row = device.until(device.request(posture="on one  knee"))
    assert row.posture == "on one knee"
    assert row.state == "done", row.reason
    assert row.result["status"] == "measured"
    assert row.result["posture"]["given"] is None
    assert row.result["warnings"] == []


def test_a_rep_that_is_asked_for_is_run_and_measured(start):
    device = start()
    asked_ns = time.monotonic_ns()
    rep = device.request(posture="standing", lead_leg="left")
    device.until(rep, "settling", "holding", seconds=2)
    assert time.monotonic_ns() - asked_ns < 300_000_000, "a tap is answered at once"
    seen = []
    while (row := device.store.rep(rep.id)).active:
        if not seen or row.state != seen[-1]:
            seen.append(row.state)
        time.sleep(0.002)
    assert row.state == "done", row.reason
    assert [state for state in seen if state != "settling"] == ["holding", "running", "analysing"]
    assert device.is_quiet()

    assert row.status == row.result["status"]
    assert row.requested_ns < row.settled_ns <= row.set_ns < row.go_before_ns < row.go_after_ns
    assert row.go_after_ns - row.go_before_ns < 1_000_000
    assert 0.6 <= row.hold_s <= 0.9
    assert row.result["signal"]["source"] == "gpio"
    assert row.result["signal"]["hold_s"] == pytest.approx(row.hold_s, abs=0.001)
    assert row.result["posture"]["given"] == "standing"
    assert row.result["capture"]["px_per_m"] == pytest.approx(76, abs=1)
    assert 0.05 < row.result["truth"]["reaction_s"] < 1.0
    json.dumps(row.result, allow_nan=False)

    kept = row.settings
    assert kept["hold"]["minimum_s"] == 0.6
    assert kept["camera"]["name"] == "simulated"
    assert len(kept["place"]["cones"]) >= 2
    assert device.store.evidence_kinds(rep.id) == ["observations", "picture", "replay"]
    picture = device.store.evidence(rep.id, "picture")
    assert (picture.media_type, picture.data[:4]) == ("image/png", b"\x89PNG")
    json.loads(device.store.evidence(rep.id, "replay").data)


def test_the_reaction_agrees_with_the_simulated_truth(start):
    device = start()
    rep = device.until(device.request(posture="standing"))
    measured, truth = rep.result["reaction_s"], rep.result["truth"]["reaction_s"]
    assert rep.status == "measured", rep.result["reasons"]
    assert abs(measured["value"] - truth) <= 3 * measured["u"]


def test_the_device_tells_that_it_lives_and_what_it_sees(start):
    device = start()
    seen = device.store.device()
    assert seen.alive(time.monotonic_ns())
    assert (seen.camera, seen.simulated, seen.problem) == ("simulated", True, None)
    assert 30 <= seen.fps <= 60
    first_ns = seen.seen_ns
    later = wait_for(lambda: (now := device.store.device()).seen_ns > first_ns and now)
    assert later.seen_ns - first_ns == pytest.approx(1_000_000_000, rel=0.3)


def test_what_is_older_than_may_be_kept_is_forgotten_once_the_time_is_known(
    start, tmp_path, monkeypatch
):
    asked, known = [], threading.Event()

    def source():
        asked.append(threading.current_thread())
        return "phone" if known.is_set() else ""

    known.set()
    monkeypatch.setattr("pi.clock.source", source)
    monkeypatch.setattr("pi.__main__.CLEAR_S", 0.02)
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:
        fox = store.add_athlete("Fox")
        rep = store.request_rep(posture="prone", key="long ago", athlete_id=fox.id)
        store.ask_stop(rep.id)
        store.change_rep(rep.id, requested_at="2020-05-01T10:00:00Z")
    known.clear()
    asked.clear()
    device = start()
    wait_for(lambda: len(asked) >= 2)
    assert [athlete.name for athlete in device.store.athletes()] == ["Fox"]
    known.set()
    wait_for(lambda: not device.store.athletes())
    assert device.store.rep(rep.id) is None
    assert [entry.what for entry in device.store.log_entries()] == ["retention"]


def test_without_a_camera_what_may_not_be_kept_is_forgotten_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("pi.clock.source", lambda: "phone")
    monkeypatch.setattr("pi.__main__.AGAIN_S", 0.3)
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:
        fox, owl = (store.add_athlete(name).id for name in ("Fox", "Owl"))
        store.set_consent(owl, "yes")
        for who, key in ((fox, "long ago"), (owl, "now")):
            rep = store.request_rep(posture="prone", key=key, athlete_id=who)
            store.ask_stop(rep.id)
            if who == fox:
                store.change_rep(rep.id, requested_at="2020-05-01T10:00:00Z")
        assert store.save_clip(rep.id, b"film")
        cleared = []
        clear = store.clear_clips
        monkeypatch.setattr(store, "clear_clips", lambda: cleared.append(clear()))
        monkeypatch.setattr("pi.store.evidence.CLIP_KEPT_NS", 0)
        _refuse_reps(store, "no camera", Tidied(), threading.Event())
        assert cleared == [1]
        assert [athlete.name for athlete in store.athletes()] == ["Owl"]


def test_a_file_that_was_not_packed_is_packed_in_time(tmp_path, monkeypatch):
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:
        fox = store.add_athlete("Fox").id
        with monkeypatch.context() as patch:
            patch.setattr(store, "pack", lambda: False)
            store.forget_athletes([fox])
        assert store.unpacked()
        _tidy(store, Tidied())
        assert not store.unpacked()


def test_while_a_rep_runs_forgetting_waits(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:
        assert _forget_old(store)
        first = store.request_rep(posture="prone", key="long ago")
        store.ask_stop(first.id)
        store.change_rep(first.id, requested_at="2020-05-01T10:00:00Z", dated=True)
        runs = store.request_rep(posture="prone", key="now")
        assert not _forget_old(store)
        assert store.rep(first.id)
        store.ask_stop(runs.id)
        assert _forget_old(store)
        assert store.rep(first.id) is None


def test_a_file_that_another_process_writes_is_tried_again(tmp_path, monkeypatch):
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:

        def locked(_now):
            raise sqlite3.OperationalError("database is locked")

        monkeypatch.setattr(store, "forget_old", locked)
        assert not _forget_old(store)


def test_stop_on_the_page_ends_a_rep(start):
    device = start()
    rep = device.request(posture="standing")
    device.until(rep, "settling")
    device.store.ask_stop(rep.id)
    ended = device.until(rep, seconds=1.0)
    assert (ended.state, ended.reason) == ("aborted", "stopped")
    assert device.is_quiet()


def test_a_coach_says_go_on_the_page(start):
    device = start()
    rep = device.request(drill={"kind": "coach"})
    held = device.until(rep, "holding")
    time.sleep(0.5)
    assert device.store.rep(rep.id).state == "holding"
    said_ns = time.monotonic_ns()
    device.store.ask_go(rep.id)
    gone = device.until(rep, "running")
    assert 0 < gone.go_before_ns - said_ns < 200_000_000
    assert gone.hold_s > 0.5
    assert held.settings["hold"]["kind"] == "coach"
    device.store.ask_stop(rep.id)
    device.until(rep)


def test_the_button_asks_for_the_same_again_and_is_the_coachs_go(start, pins):
    device = start()
    ana = device.store.add_athlete("Ana")
    first = device.request(
        posture="plank", lead_leg="left", athlete_id=ana.id, drill={"kind": "coach"}
    )
    device.store.ask_stop(first.id)
    device.until(first)

    def press():
        pins.pin(BUTTON).drive_low()
        pins.pin(BUTTON).drive_high()

    press()
    again = wait_for(
        lambda: (rep := device.store.active_rep()) and rep.id != first.id and rep, seconds=1
    )
    assert (again.posture, again.lead_leg, again.athlete_id) == ("plank", "left", ana.id)
    assert again.drill == {"kind": "coach"}
    device.until(again, "holding")
    time.sleep(0.05)
    press()
    device.until(again, "running", seconds=1)
    device.store.ask_stop(again.id)
    device.until(again)
    time.sleep(0.2)
    assert device.store.active_rep() is None, "the press for GO asked for another rep"


def test_the_button_asks_for_no_clip_and_a_refusal_is_no_end_of_the_camera(start, pins):
    device = start()
    ana = device.store.add_athlete("Ana").id
    device.store.set_consent(ana, "yes")
    drill = {"kind": "coach", "clip": True}
    first = device.request(athlete_id=ana, drill=drill)
    device.store.ask_stop(first.id)
    device.until(first)
    device.store.set_consent(ana, "no")
    pins.pin(BUTTON).drive_low()
    pins.pin(BUTTON).drive_high()
    again = wait_for(lambda: (rep := device.store.active_rep()) and rep.id != first.id and rep)
    assert again.drill == {"kind": "coach"}
    device.store.ask_stop(again.id)
    device.until(again)


def test_whatever_a_press_of_the_button_is_refused_for_is_logged(tmp_path, monkeypatch, caplog):
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:

        def refused(**_more):
            raise NotAgreed("not everybody has agreed")

        monkeypatch.setattr(store, "request_rep", refused)
        caplog.set_level("INFO")
        _request_again(store)
    assert "has agreed" in caplog.text


def test_the_next_rep_does_not_wait_for_a_film_and_the_film_comes(start, monkeypatch):
    device = start()
    ana = device.store.add_athlete("Ana").id
    device.store.set_consent(ana, "yes")
    go_on = threading.Event()
    written = importlib.import_module("pi.clip").written

    def slowly(*given):
        go_on.wait(20)
        return written(*given)

    monkeypatch.setattr("pi.clip.written", slowly)
    rep = device.until(device.request(athlete_id=ana, drill={"clip": True}))
    assert rep.state == "done", rep.reason
    second = device.request()
    device.until(second, "settling", seconds=2)
    device.store.ask_stop(second.id)
    device.until(second)
    assert "clip" not in device.store.evidence_kinds(rep.id)
    go_on.set()
    wait_for(lambda: "clip" in device.store.evidence_kinds(rep.id))


def test_a_rep_that_is_not_there_any_more_is_no_error_in_the_device(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:
        ana = store.add_athlete("Ana").id
        rep = store.request_rep(posture="prone", key="a", athlete_id=ana)
        store.ask_stop(rep.id)
        store.forget_athletes([ana])
        assert _try_step(store, rep) is None


def test_a_drill_that_cannot_be_is_refused_and_the_next_rep_comes(start):
    device = start(hold={"minimum_s": 4.0, "maximum_s": 4.5})
    rep = device.until(device.request(drill={"maximum_s": 3.0}), seconds=2)
    assert rep.state == "failed"
    assert "maximum_s is smaller than minimum_s" in rep.reason
    rep = device.request()
    device.until(rep, "settling")
    device.store.ask_stop(rep.id)
    device.until(rep)


def test_an_error_in_a_rep_is_its_reason_and_the_next_rep_comes(start, monkeypatch):
    device = start()

    def broken(*_args, **_more):
        raise ZeroDivisionError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr("pi.__main__.analyse", broken)
        rep = device.until(device.request())
        assert rep.state == "failed"
        assert "in the middle" in rep.reason
        assert device.is_quiet()
    rep = device.request()
    device.until(rep, "settling")
    device.store.ask_stop(rep.id)
    assert device.until(rep).state == "aborted"


def test_a_film_can_be_the_camera(start, tmp_path):
    """Nobody moves in it, so nobody is seen to start; and then the film is over."""
    times_s = [i / 15 for i in range(20)]
    film = write_video(tmp_path / "still.mkv", times_s, size=(320, 240), brighter=0)
    device = start(camera={"source": "file", "path": str(film)})
    assert device.store.device().camera == "still.mkv"
    rep = device.until(device.request())
    assert rep.state in ("failed", "aborted")
    assert rep.reason == "the film is over" or "nobody" in rep.reason


# Games

LANES = {"simulate": {"lanes": 2, "seed": 4}, "record_s": 4.0}
RING = QUICK["camera"] | {"ring_seconds": 9}


def test_a_chase_is_run_measured_and_told(start):
    device = start(**LANES, camera=RING)
    ana, ben = (device.store.add_athlete(name).id for name in ("Ana", "Ben"))
    drill = {"game": {"kind": "chase", "handicap_s": 2.0}, "players": [ana, ben]}
    rep = device.until(device.request(posture="standing", drill=drill), seconds=40)
    assert rep.state == "done", rep.reason
    assert rep.athlete_id == ana, "the rep is the hare's"
    json.dumps(rep.result, allow_nan=False)

    kept = rep.settings["game"]
    go_ns = (rep.go_before_ns + rep.go_after_ns) / 2
    second_ns = sum(kept["second_go"].values()) / 2
    assert kept["gap_s"] == pytest.approx(2.0, abs=0.002)
    assert (second_ns - go_ns) * 1e-9 == pytest.approx(kept["gap_s"], abs=1e-6)
    assert 0 < kept["u_gap_s"] < 0.001

    hare, chaser = rep.result["athletes"]
    assert chaser["signal"]["time_s"] - hare["signal"]["time_s"] == pytest.approx(
        kept["gap_s"], abs=2e-6
    )
    for each in (hare, chaser):
        assert 0.05 < each["truth"]["reaction_s"] < 0.6, "each goes at the own GO"
    assert rep.result["truth"] == hare["truth"]
    miss = hare["reaction_s"]["value"] - hare["truth"]["reaction_s"]
    assert abs(miss) <= 3 * hare["reaction_s"]["u"], hare["reasons"]

    told = outcome(drill["game"], kept, rep.result)
    five = [
        next(split["from_signal_s"] for split in each["truth"]["splits"] if split["metres"] == 5)
        for each in (hare, chaser)
    ]
    behind_s = five[1] + kept["gap_s"] - five[0]
    assert told.verdict == ("got_away" if behind_s > 0 else "caught"), told
    assert told.margin_s["value"] == pytest.approx(abs(behind_s), abs=4 * told.margin_s["u"])

    stored = device.store.evidence(rep.id, "observations").data
    again = reanalyse(stored, rep.result, rep.settings)
    for now, then in zip(again["athletes"], rep.result["athletes"], strict=True):
        assert now == {key: value for key, value in then.items() if key != "truth"}


def test_a_number_is_not_in_the_store_before_go_and_the_rep_is_theirs(start):
    device = start(**LANES, camera=RING)
    players = [device.store.add_athlete(name).id for name in ("Ana", "Ben")]
    drill = {"game": {"kind": "number", "of": 2}, "players": players}
    rep = device.request(posture="prone", drill=drill)
    held = device.until(rep, "holding")
    while (row := device.store.rep(rep.id)).state == "holding":
        assert "game" not in row.settings
        assert row.athlete_id == players[0], "whoever is called"
        time.sleep(0.01)
    called = row.settings["game"]["called"]
    assert called in (1, 2)
    assert held.go_before_ns is None
    rep = device.until(rep, seconds=40)
    assert rep.state == "done", rep.reason
    assert rep.settings["game"]["called"] == called
    assert rep.settings["place"]["lane"] == str(called)
    assert rep.athlete_id == players[called - 1]
    own = rep.result["athletes"][called - 1]
    assert rep.result["reaction_s"] == own["reaction_s"]
    assert rep.result["truth"] == own["truth"]
    assert own["truth"]["status"] == "measured", "who is called goes"
    assert outcome(drill["game"], rep.settings["game"], rep.result).called == called


def test_nobody_between_hare_and_chaser_and_nobody_in_a_seat_spoil_no_game(start):
    device = start(simulate={"lanes": 3, "seed": 4}, record_s=3.0, camera=RING)
    ana, ben = (device.store.add_athlete(name).id for name in ("Ana", "Ben"))
    for game, players in (
        ({"kind": "chase", "handicap_s": 0.6}, [ana, None, ben]),
        ({"kind": "last_up"}, [None, ana, ben]),
        ({"kind": "number", "of": 3}, [None, None, ana]),
    ):
        rep = device.request(posture="prone", drill={"game": game, "players": players})
        rep = device.until(rep, seconds=40)
        assert rep.state in ("done", "false_start"), rep.reason
        called = (rep.settings["game"] or {}).get("called", 1)
        assert rep.athlete_id == players[called - 1]
        own = [start.lane for start in device.store.starts_of([rep.id])[rep.id] if start.own]
        assert own == [called - 1]


def test_one_who_goes_too_soon_after_all_does_not_undo_the_others_starts(start, monkeypatch):
    device = start(simulate={"lanes": 2, "seed": 4}, record_s=2.5)
    athletes = [device.store.add_athlete(name).id for name in ("Ana", "Ben")]
    circuit = {"key": "own", "name": "One", "starts": [], "distance_m": 20, "walk_back_s": 0}
    turns = [(who, "standing", "free") for who in athletes]
    session = device.store.begin_session(circuit | {"lanes": 2}, turns)
    measure = importlib.import_module("pi.__main__").analyse

    def first_false(*given, **more):
        analysis = measure(*given, **more)
        for each in (analysis.result, analysis.result["athletes"][0]):
            each["status"] = "false_start"
        return analysis

    monkeypatch.setattr("pi.__main__.analyse", first_false)
    rep = device.until(device.store.request_turn("a"), seconds=40)
    assert (rep.state, rep.status) == ("done", "false_start"), rep.reason
    assert [turn.state for turn in device.store.turns(session.id)] == ["waiting", "done"]


def test_a_game_that_cannot_be_played_here_is_refused_before_marks(start):
    device = start(**LANES)
    rep = device.until(device.request(drill={"game": {"kind": "number", "of": 3}}), seconds=3)
    assert rep.state == "failed"
    assert "fewer lanes than numbers" in rep.reason


def test_the_button_plays_the_same_game_again(start, pins):
    device = start()
    drill = {"game": {"kind": "last_up"}, "kind": "coach"}
    first = device.request(posture="prone", drill=drill)
    device.store.ask_stop(first.id)
    device.until(first)
    pins.pin(BUTTON).drive_low()
    pins.pin(BUTTON).drive_high()
    again = wait_for(lambda: (rep := device.store.active_rep()) and rep.id != first.id and rep)
    assert again.drill == drill
    device.store.ask_stop(again.id)
    device.until(again)


# As a process


def run_device(home, **environment):
    keep = {"PATH": os.environ["PATH"], "TRACKSTART_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-m", "pi"],
        env=keep | {"GPIOZERO_PIN_FACTORY": "mock"} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def home(tmp_path):
    (tmp_path / "settings.toml").write_text(
        "record_s = 2.5\n"
        '[camera]\nsource = "simulated"\nwidth = 640\nheight = 360\nfps = 60.0\nring_seconds = 6\n'
        "[hold]\nminimum_s = 5\nmaximum_s = 6\n[settle]\nstill_s = 0.3\n"
    )
    return tmp_path


@pytest.fixture
def store(home):
    with open_store(f"sqlite:///{home / 'trackstart.db'}") as store:
        yield store


def beating(store):
    device = store.device()
    return device and device.camera and device.alive(time.monotonic_ns())


def test_switching_the_device_off_ends_its_rep_and_leaves_nothing_behind(home, store):
    with run_device(home) as process:
        wait_for(lambda: beating(store), 60)
        rep = store.request_rep(posture="prone", key="k")
        wait_for(lambda: store.rep(rep.id).state == "holding")
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1]
        assert process.returncode == 0, said
        assert time.monotonic() - asked < 4
    assert store.rep(rep.id).state == "aborted"
    assert "Traceback" not in said


def test_a_device_that_was_killed_says_so_when_it_comes_back(home, store):
    with run_device(home) as process:
        wait_for(lambda: beating(store), 60)
        rep = store.request_rep(posture="prone", key="k")
        wait_for(lambda: store.rep(rep.id).state == "holding")
        process.kill()
        process.communicate(timeout=20)
    assert store.rep(rep.id).state == "holding"
    with run_device(home) as process:
        ended = wait_for(lambda: not (row := store.rep(rep.id)).active and row, 60)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert (ended.state, "interrupted" in ended.reason) == ("failed", True)


def test_a_camera_that_cannot_be_opened_is_told_to_whoever_asks(home, store):
    with run_device(home, TRACKSTART_CAMERA=f"file:{home}/nothing.mp4") as process:
        first = wait_for(store.device, 60)
        assert first.problem == "the camera is starting"
        wait_for(lambda: "No such file" in (store.device().problem or ""), 60)
        rep = store.request_rep(posture="prone", key="k")
        ended = wait_for(lambda: not (row := store.rep(rep.id)).active and row, 5)
        assert (ended.state, "No such file" in ended.reason) == ("failed", True)
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 0


def test_a_device_that_cannot_begin_says_why_in_a_line(tmp_path):
    (tmp_path / "settings.toml").write_text("[pins]\nbuzzer = 'loud'\n")
    with run_device(tmp_path) as process:
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert said.count("\n") == 1
    assert "pins.buzzer" in said


# Setting up


def answered(device, kind, asked=None, seconds=20.0):
    """The job after the device has answered it, or failed."""
    job = device.store.ask_set_up(kind, asked)

    def ended():
        now = device.store.set_up(job.id)
        return now if now.state != "asked" else None

    return wait_for(ended, seconds)


CONES = [{"pixel": [125.0 + 76.0 * m, 255.5], "metres": m} for m in (0.0, 2.0, 5.0)]


def test_the_set_up_page_sees_what_the_camera_sees(start):
    device = start()
    still = answered(device, "still")
    assert still.answer == {"size": [640, 360], "camera": "simulated", "mode": "640x360@60"}
    picture = cv2.imdecode(np.frombuffer(still.picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (360, 640)
    assert picture.std() > 10
    tap = answered(device, "refine", {"pixel": [300, 250]})
    assert tap.answer["pixel"] == [300, 250]
    assert not tap.answer["found"]
    assert "no tags" in answered(device, "tags").reason
    assert "outside the picture" in answered(device, "refine", {"pixel": [900, 9]}).reason


def test_a_calibration_that_is_kept_is_what_the_next_rep_is_measured_with(start):
    device = start()
    tried = answered(device, "try", {"cones": CONES})
    assert tried.answer["px_per_m"] == pytest.approx(76, abs=0.5)
    assert tried.answer["direction"] == 1
    assert len(tried.answer["misfit_m"]) == 3
    assert tried.answer["view_m"] == pytest.approx([-1.64, 6.76], abs=0.05)
    assert [point["metres"] for point in tried.answer["grid"]][:2] == [-1.5, -1.0]
    kept = answered(device, "keep", {"data": {"cones": CONES, "depth_m": None}, "source": "taps"})
    current = device.store.current_calibration()
    assert (current.id, current.source) == (kept.answer["calibration"], "taps")
    assert (current.camera, current.mode) == ("simulated", "640x360@60")
    told = current.data["told"]  # for the pages
    assert told == {key: tried.answer[key] for key in told}
    assert told.keys() >= {"u_m", "px_per_m", "direction", "view_m", "warnings"}
    assert answered(device, "check").answer == {
        "ok": True, "proposal": None, "reason": None, "shift_px": pytest.approx(0, abs=0.3)
    }  # fmt: skip
    rep = device.until(device.request(posture="standing"))
    assert rep.state == "done", rep.reason
    assert rep.settings["calibration"] == current.id
    assert rep.settings["place"]["cones"] == CONES
    assert rep.result["capture"]["px_per_m"] == pytest.approx(76, abs=0.5)
    again = reanalyse(device.store.evidence(rep.id, "observations").data, rep.result, rep.settings)
    assert again["splits"] == rep.result["splits"]


def test_what_cannot_be_measured_with_is_not_kept(start):
    device = start()
    wrong = [CONES[0], {**CONES[1], "metres": 0.0}]
    assert "different distances" in answered(device, "try", {"cones": wrong}).reason
    assert "different distances" in answered(device, "keep", {"data": {"cones": wrong}}).reason
    assert "an object" in answered(device, "keep", {}).reason
    assert "two or more" in answered(device, "keep", {"data": {}}).reason
    assert "needs the lens" in answered(device, "try", {"cones": CONES, "depth_m": 0.4}).reason
    assert answered(device, "try", {"cones": CONES, "depth_m": 0.4, "lens": "v3"}).state == "done"
    assert "begin, take or finish" in answered(device, "lens", {"action": "dance"}).reason
    assert device.store.current_calibration() is None


def test_a_bumped_tripod_is_refused_with_one_tap_to_set_it_right(start):
    device = start()
    answered(device, "keep", {"data": {"cones": CONES}, "source": "taps"})
    was = device.store.current_calibration()
    shown = cv2.imdecode(np.frombuffer(was.still, np.uint8), cv2.IMREAD_GRAYSCALE)
    # the same calibration, made when the camera looked 3 px of the still further to the left
    other = cv2.warpAffine(
        shown, np.float32([[1, 0, 3], [0, 1, 0]]), shown.shape[::-1], borderMode=cv2.BORDER_REFLECT
    )
    device.store.forget_calibration(was.id)
    before = [{**cone, "pixel": [cone["pixel"][0] + 6.0, cone["pixel"][1]]} for cone in CONES]
    device.store.save_calibration(
        {"cones": before}, source="taps", camera=was.camera, mode=was.mode,
        still=cv2.imencode(".png", other)[1].tobytes(),
    )  # fmt: skip
    rep = device.until(device.request(posture="standing"))
    assert rep.state == "failed"
    assert rep.reason == (
        "the camera has moved by 6 px since it was calibrated: open Set-up and tap Calibrate again"
    )
    checked = answered(device, "check").answer
    assert not checked["ok"]
    assert checked["shift_px"] == pytest.approx(6, abs=0.4)
    for cone, moved in zip(CONES, checked["proposal"]["cones"], strict=True):
        assert moved["pixel"] == pytest.approx(cone["pixel"], abs=0.5)
    answered(device, "keep", {"data": checked["proposal"], "source": "moved"})
    rep = device.until(device.request(posture="standing"))
    assert rep.state == "done", rep.reason


def test_a_calibration_with_lanes_gives_a_result_for_each_and_again_from_the_evidence(start):
    device = start()
    near = [[40, 20], [600, 20], [600, 270], [40, 270]]
    far = [[40, 20], [600, 20], [600, 228], [40, 228]]  # an empty lane behind
    lanes = [{"name": "1", "region": near}, {"name": "2", "region": far, "cones": behind(CONES)}]
    answered(device, "keep", {"data": {"cones": CONES, "lanes": lanes}, "source": "taps"})
    rep = device.until(device.request(posture="standing"))
    assert rep.state == "done", rep.reason
    assert [each["lane"] for each in rep.result["athletes"]] == ["1", "2"]
    one, two = rep.result["athletes"]
    assert one["reaction_s"] == rep.result["reaction_s"]
    miss = one["reaction_s"]["value"] - rep.result["truth"]["reaction_s"]
    assert abs(miss) <= 3 * one["reaction_s"]["u"], (rep.result["capture"], one)
    assert two["reaction_s"]["value"] is None
    again = reanalyse(device.store.evidence(rep.id, "observations").data, rep.result, rep.settings)
    assert again["athletes"] == rep.result["athletes"]


def behind(cones):
    """Cones on a line that is seen a hand's breadth higher."""
    return [{**cone, "pixel": [cone["pixel"][0], cone["pixel"][1] - 20]} for cone in cones]


def test_a_camera_that_is_knocked_during_the_start_measures_nothing(start, monkeypatch):
    device = start()
    answered(device, "keep", {"data": {"cones": CONES}, "source": "taps"})
    shifts = iter([0.1, 7.0])
    real = set_up.moved

    def knocked(*given):
        return real(*given)._replace(px=next(shifts))

    monkeypatch.setattr(set_up, "moved", knocked)
    rep = device.until(device.request(posture="standing"))
    assert (rep.state, rep.status) == ("done", "not_measurable")
    assert rep.result["reasons"] == [
        "the camera was moved by 7 px during the start: open Set-up and tap Calibrate again"
    ]
    assert rep.result["reaction_s"]["value"] is None
    assert device.store.evidence_kinds(rep.id) == ["observations", "picture", "replay"]
    stored = device.store.evidence(rep.id, "observations").data
    assert reanalyse(stored, rep.result, rep.settings) == {
        key: value for key, value in rep.result.items() if key != "truth"
    }


def test_nobody_sets_up_while_a_rep_runs(start):
    device = start()
    rep = device.request(posture="standing")
    device.until(rep, "settling", "holding")
    assert "a rep is under way" in device.store.ask_set_up("still").reason
    device.store.ask_stop(rep.id)
    device.until(rep)
    assert answered(device, "still").state == "done"
