"""What the store promises to two processes of which either may die."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sample_reps import add_rep

from pi import tables
from pi.store import PICTURE_KEPT_NS, STALE_NS, STEPS, Busy, WrongStep, open_store

TO_DONE = ("settling", "holding", "running", "analysing", "done")


def walked(store, rep, *states, **columns):
    for state in states:
        rep = store.change_rep(rep.id, state=state)
    return store.change_rep(rep.id, **columns) if columns else rep


def finished(store, key, *, status="measured", **request):
    rep = store.request_rep(**({"posture": "prone", "key": key} | request))
    walked(store, rep, *TO_DONE[:-1])
    return store.change_rep(rep.id, state="done", result={"status": status})


def in_process(url, code, **popen):
    """Runs code, which finds its store as `store`, in a Python of its own."""
    code = f"import sys\nfrom pi.store import open_store\nstore = open_store({url!r})\n{code}"
    return subprocess.Popen([sys.executable, "-c", code], text=True, **popen)


# Opening


def test_migrations_build_the_tables_that_the_code_uses(store):
    with store._engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    assert difference == []


def test_opening_makes_the_folder_and_keeps_what_is_there(tmp_path):
    url = f"sqlite:///{tmp_path / 'new' / '100% folder' / 'a.db'}"
    with open_store(url) as store:
        store.add_athlete("Ana")
    with open_store(url) as store:
        assert [athlete.name for athlete in store.athletes()] == ["Ana"]


def test_two_processes_may_open_a_new_store_at_once(url):
    children = [in_process(url, "store.add_athlete('A')") for _ in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4


def test_a_store_that_cannot_be_used_is_one_clear_line(tmp_path):
    text = tmp_path / "notes.db"
    text.write_text("not a database, but long enough to be read as one" * 10)
    newer = tmp_path / "newer.db"
    open_store(f"sqlite:///{newer}").close()
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for url, words in (
        ("what", "store.url"),
        (f"sqlite:///{text}", "not a database"),
        (f"sqlite:///{newer}", "newer trackstart"),
    ):
        with pytest.raises(ValueError, match=words) as problem:
            open_store(url)
        assert "\n" not in str(problem.value)


def test_a_rep_is_on_the_card_before_it_is_answered(store):
    with store._engine.connect() as connection:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


# A rep's steps


def test_a_rep_walks_from_request_to_done(store):
    rep = store.request_rep(posture="prone", key="k1", lead_leg="left", drill={"kind": "fixed"})
    assert (rep.state, rep.drill, rep.result) == ("requested", {"kind": "fixed"}, None)
    assert store.next_requested() == store.active_rep() == rep
    store.change_rep(rep.id, state="settling")
    assert store.next_requested() is None
    store.change_rep(rep.id, state="holding", settled_ns=5, set_ns=6)
    store.change_rep(rep.id, state="running", go_before_ns=10**18, go_after_ns=10**18 + 1)
    store.change_rep(rep.id, state="analysing", hold_s=2.25)
    rep = store.change_rep(rep.id, state="done", result={"status": "early", "u": None})
    assert (rep.settled_ns, rep.set_ns, rep.go_before_ns, rep.hold_s) == (5, 6, 10**18, 2.25)
    assert (rep.status, rep.result["u"], rep.active) == ("early", None, None)
    assert rep.ended_ns >= rep.requested_ns
    assert store.active_rep() is None
    assert store.latest_rep() == store.rep(rep.id) == rep


@pytest.mark.parametrize("state", STEPS)
def test_only_the_listed_steps_can_be_taken(url, state):
    ways = {"requested": ()} | {to: TO_DONE[: TO_DONE.index(to) + 1] for to in TO_DONE}
    ways |= {"false_start": (*TO_DONE[:2], "false_start")}
    ways |= {"aborted": ("aborted",), "failed": ("failed",)}
    with open_store(url) as store:
        for number, to in enumerate((*STEPS, "resting")):
            rep = store.request_rep(posture="plank", key=f"{number}")
            rep = walked(store, rep, *ways[state])
            assert rep.state == state
            if to in STEPS[state]:
                assert store.change_rep(rep.id, state=to).state == to
            else:
                with pytest.raises(WrongStep, match=f"from {state} to {to}"):
                    store.change_rep(rep.id, state=to)
                assert store.rep(rep.id) == rep
            if rep := store.active_rep():
                store.change_rep(rep.id, state="failed")


def test_a_request_with_wrong_words_names_them(store):
    for request, word in (
        ({"posture": ""}, "posture"),
        ({"posture": "a headstand, even"}, "posture"),
        ({"lead_leg": "both"}, "lead_leg"),
        ({"key": ""}, "key"),
        ({"athlete_id": 77}, "athlete_id"),
        ({"drill": {"kind": "eventually"}}, "drill: kind"),
        ({"drill": {"minimum": 2}}, "drill: minimum"),
        ({"drill": {"minimum_s": 5}}, "maximum_s is smaller"),
    ):
        with pytest.raises(ValueError, match=word):
            store.request_rep(**({"posture": "prone", "key": "k"} | request))
    assert store.active_rep() is None


def test_a_column_that_is_nobodys_to_write_is_refused(store):
    rep = store.request_rep(posture="prone", key="k")
    with pytest.raises(ValueError, match="changed, key"):
        store.change_rep(rep.id, changed=3, key="other")


def test_a_figure_that_is_not_a_number_never_reaches_a_page(store):
    rep = store.request_rep(posture="prone", key="k")
    with pytest.raises((ValueError, sa.exc.StatementError), match="JSON compliant"):
        store.change_rep(rep.id, settings={"u": float("nan")})


# One rep at a time, asked for once


def test_asking_again_with_the_same_key_is_the_same_rep(store):
    rep = store.request_rep(posture="prone", key="tap")
    assert store.request_rep(posture="prone", key="tap") == rep
    walked(store, rep, "aborted")
    assert store.request_rep(posture="prone", key="tap").state == "aborted"


def test_another_rep_must_wait_until_the_first_has_ended(store):
    rep = store.request_rep(posture="prone", key="one")
    with pytest.raises(Busy):
        store.request_rep(posture="prone", key="two")
    store.change_rep(rep.id, state="aborted")
    assert store.request_rep(posture="prone", key="two").id > rep.id


def test_of_many_phones_that_press_at_once_one_gets_the_rep(store):
    def press(number):
        try:
            return store.request_rep(posture="prone", key=f"phone {number}")
        except Busy:
            return None

    with ThreadPoolExecutor(12) as phones:
        reps = [rep for rep in phones.map(press, range(24)) if rep]
    assert len(reps) == 1


def test_the_table_itself_allows_one_active_rep(store):
    store.request_rep(posture="prone", key="one")
    copied = ", ".join(c.name for c in tables.rep_table.c if c.name not in ("id", "key"))
    with store._engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.exec_driver_sql(
            f"INSERT INTO rep (key, {copied}) SELECT 'two', {copied} FROM rep"
        )


# Stop and GO


def test_stop_ends_at_once_what_the_device_has_not_taken(store):
    rep = store.request_rep(posture="prone", key="k")
    rep = store.ask_stop(rep.id)
    assert (rep.state, rep.reason, rep.active) == ("aborted", "stopped", None)
    with pytest.raises(WrongStep):
        store.change_rep(rep.id, state="settling")


def test_stop_asks_the_device_for_the_rest(store):
    rep = walked(store, store.request_rep(posture="prone", key="k"), "settling")
    asked = store.ask_stop(rep.id)
    assert (asked.state, asked.stop_asked) == ("settling", True)
    assert store.ask_stop(rep.id) == asked
    ended = store.change_rep(rep.id, state="aborted", reason="stopped")
    assert store.ask_stop(rep.id) == ended


def test_go_is_taken_in_the_hold_only(store):
    rep = walked(store, store.request_rep(posture="prone", key="k"), "settling")
    with pytest.raises(WrongStep, match="settling"):
        store.ask_go(rep.id)
    store.change_rep(rep.id, state="holding")
    asked = store.ask_go(rep.id)
    assert asked.go_asked
    assert store.ask_go(rep.id) == asked


# Looking


def test_reps_come_newest_first_and_by_what_is_asked(store):
    ana = store.add_athlete("Ana")
    one = finished(store, "1", athlete_id=ana.id)
    two = finished(store, "2", posture="supine", status="no_movement")
    three = finished(store, "3", athlete_id=ana.id, posture="supine")

    def ids(**wanted):
        return [rep.id for rep in store.reps(**wanted)]

    assert ids() == [three.id, two.id, one.id]
    assert ids(athlete_id=ana.id) == [three.id, one.id]
    assert ids(posture="supine") == [three.id, two.id]
    assert ids(status="measured", posture="supine") == [three.id]
    assert ids(limit=1) == [three.id]
    assert ids(before=three.id, limit=1) == [two.id]


def test_lists_are_found_by_an_index(store):
    with store._engine.connect() as connection:
        for name in ("athlete_id", "posture", "status"):
            plan = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN SELECT * FROM rep WHERE {name} = 1 AND deleted_at IS NULL"
                " ORDER BY id DESC LIMIT 50"
            ).all()
            assert all("USING INDEX" in row[-1] for row in plan), plan


def test_an_ending_without_a_result_can_be_found_by_its_state(store):
    rep = walked(store, store.request_rep(posture="prone", key="k"), "settling", "aborted")
    assert [found.id for found in store.reps(status="aborted")] == [rep.id]


def test_a_deleted_rep_can_be_brought_back(store):
    rep = finished(store, "1")
    gone = store.delete_rep(rep.id)
    assert gone.deleted_at
    assert store.reps() == []
    assert store.latest_rep() is None
    assert store.rep(rep.id) == gone
    assert store.delete_rep(rep.id) == gone
    store.restore_rep(rep.id)
    assert [found.id for found in store.reps()] == [rep.id]


def test_a_rep_that_runs_cannot_be_deleted(store):
    rep = store.request_rep(posture="prone", key="k")
    with pytest.raises(Busy, match="stop it first"):
        store.delete_rep(rep.id)


def test_changes_come_in_the_order_in_which_they_were_made(store):
    assert store.latest_change() == 0
    one = finished(store, "1")
    two = store.request_rep(posture="prone", key="2")
    assert store.latest_change() == two.changed > one.changed
    store.delete_rep(one.id)
    assert [each.rep for each in store.changes_since(0)] == [two.id, one.id]
    assert [each.rep for each in store.changes_since(two.changed)] == [one.id]
    assert store.changes_since(store.latest_change()) == []


def test_what_is_read_at_one_moment_is_of_that_moment(store, url):
    with open_store(url) as other, store.at_one_moment():
        assert store.latest_change() == 0
        other.request_rep(posture="prone", key="k")
        with store.at_one_moment():
            assert store.active_rep() is None, "written after the first look"
        assert store.latest_change() == 0
        with ThreadPoolExecutor(1) as another:
            assert another.submit(store.active_rep).result(), "the moment is this thread's"
    assert store.active_rep()


def test_what_this_thread_writes_begins_another_moment(store, url):
    with open_store(url) as other, store.at_one_moment():
        assert store.active_rep() is None
        other.add_athlete("Ana")
        rep = store.request_rep(posture="prone", key="k")
        assert store.active_rep() == rep
        assert [each.name for each in store.athletes()] == ["Ana"]
        with pytest.raises(Busy):
            store.request_rep(posture="prone", key="another")
        assert store.active_rep() == rep


def test_a_moment_that_ends_badly_is_over(store):
    with pytest.raises(ValueError, match="is not a token"), store.at_one_moment():
        raise ValueError("that is not a token")
    store.request_rep(posture="prone", key="k")
    assert store.active_rep()


def test_listening_tells_of_every_write_and_of_nothing_else(store, url):
    with store.listen() as news, open_store(url) as other:
        assert news()
        assert not news()
        other.request_rep(posture="prone", key="k")
        assert news()
        other.latest_rep()
        assert not news()


def test_one_person_is_one_athlete(store):
    ana = store.add_athlete("  Ana   B ")
    assert ana.name == "Ana B"
    assert store.add_athlete("Ana B") == ana
    store.add_athlete("aaron")
    assert [athlete.name for athlete in store.athletes()] == ["aaron", "Ana B"]
    with pytest.raises(ValueError, match="name"):
        store.add_athlete("   ")


def test_evidence_is_kept_by_kind_and_replaced(store):
    rep = finished(store, "1")
    store.save_evidence(rep.id, "picture", "image/png", b"old")
    store.save_evidence(rep.id, "picture", "image/png", b"\x89new")
    store.save_evidence(rep.id, "replay", "application/json", b"{}")
    assert store.evidence(rep.id, "picture").data == b"\x89new"
    assert store.evidence(rep.id, "sound") is None
    assert store.evidence_kinds(rep.id) == ["picture", "replay"]
    with pytest.raises(ValueError, match="no rep 99"):
        store.save_evidence(99, "picture", "image/png", b"")


# Two processes


def test_two_processes_write_at_once_and_no_change_is_lost_or_shared(store, url):
    for number in range(2):
        finished(store, f"{number}")
    code = """
rep = int(sys.stdin.readline())
for number in range(60):
    print(store.change_rep(rep, hold_s=number).changed)
"""
    children = [
        in_process(url, code, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    before = store.latest_change()
    said = [child.communicate(f"{rep}\n", 60)[0] for rep, child in enumerate(children, 1)]
    changes = [[int(line) for line in lines.split()] for lines in said]
    assert all(one == sorted(one) for one in changes)
    assert sorted(changes[0] + changes[1]) == list(range(before + 1, before + 121))
    assert {rep.hold_s for rep in store.reps()} == {59.0}


def test_a_rep_outlives_the_process_that_ran_it(store, url):
    """kill -9 in the middle of writing: what was answered is there, and the station recovers."""
    code = """
rep = store.request_rep(posture="prone", key="killed")
for state in ("settling", "holding", "running"):
    store.change_rep(rep.id, state=state, go_before_ns=7)
print("running", flush=True)
while True: store.change_rep(rep.id, hold_s=1.0)
"""
    child = in_process(url, code, stdout=subprocess.PIPE)
    with child:
        assert child.stdout.readline() == "running\n"
        time.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
    rep = store.active_rep()
    assert (rep.key, rep.state, rep.go_before_ns) == ("killed", "running", 7)
    with pytest.raises(Busy):
        store.request_rep(posture="prone", key="next")
    (ended,) = store.recover()
    assert (ended.id, ended.state) == (rep.id, "failed")
    assert "interrupted" in ended.reason
    assert store.recover() == []
    store.request_rep(posture="prone", key="next")


def test_a_fresh_request_survives_the_devices_start_and_a_stale_one_does_not(store, monkeypatch):
    rep = store.request_rep(posture="prone", key="k")
    assert store.recover() == []
    assert store.next_requested() == rep
    later = rep.requested_ns + STALE_NS + 1
    monkeypatch.setattr(time, "monotonic_ns", lambda: later)
    (ended,) = store.recover()
    assert (ended.state, ended.ended_ns) == ("failed", later)


def test_the_device_is_alive_for_three_seconds_after_a_beat(store, monkeypatch):
    assert store.device() is None
    store.beat("imx708", 119.9, None, False)
    store.beat("simulated", None, "no picture", True)
    device = store.device()
    assert (device.camera, device.fps, device.problem) == ("simulated", None, "no picture")
    assert device.simulated is True
    assert device.alive(device.seen_ns + 2_900_000_000)
    assert not device.alive(device.seen_ns + 3_100_000_000)
    monkeypatch.setattr("pi.store.stamps.boot_id", lambda: "another boot")
    assert not device.alive(device.seen_ns)


def test_readers_never_wait_for_a_writer(store):
    rep = finished(store, "1")
    writing, done = threading.Event(), threading.Event()

    def write_slowly():
        with store._writing() as connection:
            connection.execute(sa.update(tables.rep_table).values(hold_s=9.0))
            writing.set()
            done.wait(10)

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert writing.wait(10)
    assert store.rep(rep.id) == rep
    done.set()
    writer.join()
    assert store.rep(rep.id).hold_s == 9.0


# Setting up


def test_a_set_up_job_goes_to_the_device_and_comes_back_with_a_picture(store):
    job = store.ask_set_up("still")
    assert (job.state, job.asked) == ("asked", {})
    assert store.next_set_up() == job
    store.answer_set_up(job.id, {"size": [1280, 720]}, b"jpeg")
    assert store.next_set_up() is None
    done = store.set_up(job.id)
    assert (done.state, done.answer, done.picture) == ("done", {"size": [1280, 720]}, b"jpeg")


def test_jobs_are_served_in_the_order_in_which_they_were_asked_for(store):
    first, second = store.ask_set_up("still"), store.ask_set_up("refine", {"pixel": [1, 2]})
    assert store.next_set_up() == first
    store.fail_set_up(first.id, "no picture")
    assert (store.set_up(first.id).state, store.set_up(first.id).reason) == ("failed", "no picture")
    assert store.next_set_up() == second


def test_nobody_sets_up_while_a_rep_is_under_way(store):
    store.request_rep(posture="prone", key="k1")
    job = store.ask_set_up("still")
    assert job.state == "failed"
    assert "a rep is under way" in job.reason
    assert store.next_set_up() is None


def test_a_job_that_no_device_took_for_ten_seconds_fails(store, monkeypatch):
    job = store.ask_set_up("still")
    later_ns = time.monotonic_ns() + STALE_NS + 1
    monkeypatch.setattr(time, "monotonic_ns", lambda: later_ns)
    assert store.next_set_up() is None
    assert "not running" in store.set_up(job.id).reason


def test_a_job_that_has_ended_stays_as_it_ended(store):
    job = store.ask_set_up("still")
    store.fail_set_up(job.id, "too dark")
    store.answer_set_up(job.id, {}, b"late")
    assert (store.set_up(job.id).state, store.set_up(job.id).picture) == ("failed", None)


def test_no_picture_is_kept_after_ten_minutes(store, monkeypatch):
    job = store.ask_set_up("still")
    store.answer_set_up(job.id, {}, b"a face")
    later_ns = time.monotonic_ns() + PICTURE_KEPT_NS + 1
    monkeypatch.setattr(time, "monotonic_ns", lambda: later_ns)
    assert store.set_up(job.id) is None
    store.clear_set_ups()
    with store._engine.connect() as connection:
        assert connection.execute(sa.select(tables.set_up_table)).first() is None


def test_a_job_of_a_kind_that_is_not_known_is_refused(store):
    with pytest.raises(ValueError, match="kind: one of still"):
        store.ask_set_up("dance")


def test_the_newest_calibration_holds_and_undoing_it_brings_back_the_one_before(store):
    kept = {"source": "taps", "camera": "imx708", "mode": "1280x720@120"}
    assert store.current_calibration() is None
    first = store.save_calibration({"cones": []}, **kept, still=b"png")
    second = store.save_calibration({"cones": [1]}, **kept)
    assert store.current_calibration() == second
    store.forget_calibration(second.id)
    assert store.current_calibration() == first
    assert first.still == b"png"
    store.restore_calibration(second.id)
    assert store.calibrations() == [second, first]
    with pytest.raises(ValueError, match="no calibration 99"):
        store.forget_calibration(99)


def test_a_calibration_holds_for_its_camera_and_mode_alone(store):
    a = store.save_calibration({}, source="tags", camera="imx708", mode="1280x720@120")
    b = store.save_calibration({}, source="taps", camera="webcam", mode="640x480@60")
    assert store.current_calibration() == b
    assert store.current_calibration(camera="imx708", mode="1280x720@120") == a
    assert store.current_calibration(camera="imx708", mode="640x480@60") is None
    with pytest.raises(ValueError, match="source: one of taps"):
        store.save_calibration({}, source="guess", camera="imx708", mode="")


def test_a_lens_is_kept_once_for_each_camera_and_mode(store):
    assert store.lens("imx708", "1280x720@120") is None
    store.save_lens("imx708", "1280x720@120", {"focal_px": 900.0})
    store.save_lens("imx708", "1280x720@120", {"focal_px": 912.5})
    assert store.lens("imx708", "1280x720@120") == {"focal_px": 912.5}
    assert store.lens("imx708", "640x480@60") is None


# Sessions


@pytest.fixture
def pair(store):
    """Two athletes and a session of two starts each; (store, session, their ids)."""
    circuit = {"key": "own", "name": "Two", "starts": [["prone", "left"], ["prone", "right"]]}
    circuit |= {"distance_m": 40, "walk_back_s": 45}
    ids = [store.add_athlete(name).id for name in ("Fox", "Owl")]
    turns = [(who, *start) for start in circuit["starts"] for who in ids]
    return store, store.begin_session(circuit, turns), ids


def run_turn(store, key, **last):
    rep = store.request_turn(key)
    for state in ("settling", "holding", "running", "analysing"):
        if last and state == last.get("until"):
            return store.change_rep(rep.id, state=last["ends"])
        store.change_rep(rep.id, state=state)
    return store.change_rep(rep.id, state="done")


def test_turns_come_in_their_order_with_posture_and_leg(pair):
    store, session, (fox, owl) = pair
    reps = [run_turn(store, f"key {k}") for k in range(4)]
    assert [rep.athlete_id for rep in reps] == [fox, owl, fox, owl]
    assert [rep.lead_leg for rep in reps] == ["left", "left", "right", "right"]
    assert {rep.session_id for rep in reps} == {session.id}
    with pytest.raises(WrongStep, match="nobody is left"):
        store.request_turn("one more")


def test_a_start_that_was_called_back_or_stopped_comes_again(pair):
    store, session, (fox, _) = pair
    run_turn(store, "a", until="running", ends="false_start")
    assert run_turn(store, "b", until="holding", ends="aborted").athlete_id == fox
    assert run_turn(store, "c").athlete_id == fox
    assert [turn.state for turn in store.turns(session.id)] == ["done", *["waiting"] * 3]


def test_a_tap_that_is_sent_twice_is_one_turn(pair):
    store, session, _ = pair
    assert store.request_turn("same").id == store.request_turn("same").id
    assert [turn.state for turn in store.turns(session.id)].count("up") == 1


def test_who_is_away_is_left_out_and_comes_back_where_he_was(pair):
    store, session, (fox, owl) = pair
    store.set_away(session.id, fox, True)
    assert run_turn(store, "a").athlete_id == owl
    store.set_away(session.id, fox, False)
    assert run_turn(store, "b").athlete_id == fox


def test_skipping_is_undone_and_somebody_is_brought_to_the_front(pair):
    store, session, (fox, owl) = pair
    turns = store.turns(session.id)
    store.change_turn(turns[0].id, "skipped")
    store.change_turn(turns[0].id, "waiting")
    store.first_turn(turns[3].id)
    assert run_turn(store, "a").athlete_id == owl
    assert run_turn(store, "b").athlete_id == fox
    with pytest.raises(WrongStep, match="has been made"):
        store.change_turn(turns[0].id, "skipped")


def test_a_repeat_is_up_next(pair):
    store, session, (fox, _) = pair
    rep = run_turn(store, "a")
    store.repeat_turn(store.turn_of(rep.id).id)
    assert run_turn(store, "b").athlete_id == fox
    assert len(store.turns(session.id)) == 5


def test_a_late_comer_is_put_between_the_rounds(pair):
    store, session, (fox, owl) = pair
    late = store.add_athlete("Bee").id
    store.join_session(session.id, late, [("prone", "left"), ("prone", "right")])
    order = [turn.athlete_id for turn in store.turns(session.id)]
    assert order == [fox, owl, late, fox, owl, late]


def test_a_late_comer_comes_while_somebody_is_armed(pair):
    store, session, (fox, owl) = pair
    run_turn(store, "a")
    store.request_turn("b")
    late = store.add_athlete("Bee").id
    store.join_session(session.id, late, [("prone", "left"), ("prone", "right")])
    order = [turn.athlete_id for turn in store.turns(session.id)]
    assert order == [fox, owl, fox, owl, late, late]


def test_who_joins_and_was_absent_is_back_and_who_is_there_is_in_it_already(pair):
    store, session, (fox, _) = pair
    starts = [("prone", "left"), ("prone", "right")]
    with pytest.raises(WrongStep, match="already"):
        store.join_session(session.id, fox, starts)
    store.set_away(session.id, fox, True)
    store.join_session(session.id, fox, starts)
    assert [turn.state for turn in store.turns(session.id)] == ["waiting"] * 4
    with pytest.raises(ValueError, match="no athlete 99"):
        store.join_session(session.id, 99, starts)


def test_who_is_marked_absent_while_he_is_up_does_not_wait_when_it_came_to_nothing(pair):
    store, session, (fox, owl) = pair
    run_turn(store, "a")
    run_turn(store, "b")
    rep = store.request_turn("c")
    store.set_away(session.id, fox, True)
    assert store.turn_of(rep.id).state == "up"
    store.ask_stop(rep.id)
    assert [turn.state for turn in store.turns(session.id)][2] == "away"
    assert run_turn(store, "d").athlete_id == owl
    store.set_away(session.id, fox, False)
    assert run_turn(store, "e").athlete_id == fox


def test_a_start_that_is_hidden_is_still_to_be_made_and_one_brought_back_is_made(pair):
    store, session, (fox, _) = pair
    rep = run_turn(store, "a")
    store.delete_rep(rep.id)
    assert [turn.state for turn in store.turns(session.id)] == ["waiting"] * 4
    store.restore_rep(rep.id)
    assert [turn.state for turn in store.turns(session.id)] == ["done", *["waiting"] * 3]
    store.delete_rep(rep.id)
    assert run_turn(store, "b").athlete_id == fox
    store.restore_rep(rep.id)
    assert [turn.state for turn in store.turns(session.id)] == ["done", *["waiting"] * 3]


def test_one_session_runs_at_a_time_and_an_ended_one_can_go_on(pair):
    store, session, _ = pair
    with pytest.raises(Busy):
        store.begin_session({"name": "x"}, [(None, "prone", "free")])
    store.end_session(session.id)
    assert store.running_session() is None
    free = store.request_rep(posture="prone", key="free")
    assert free.session_id != session.id
    store.ask_stop(free.id)
    store.resume_session(session.id)
    assert store.running_session().id == session.id


def test_whose_rep_it_was_is_said_afterwards(pair):
    store, _, (_, owl) = pair
    rep = run_turn(store, "a")
    assert store.give_rep(rep.id, owl).athlete_id == owl
    assert store.turn_of(rep.id).athlete_id == owl
    with pytest.raises(ValueError, match="no athlete 99"):
        store.give_rep(rep.id, 99)


def test_how_a_start_felt_is_said_once_by_whoever_made_it_and_again_by_a_coach(pair):
    store, session, _ = pair
    made = store.turn_of(run_turn(store, "a").id)
    assert store.save_felt(made.id, "quicker").felt == "quicker"
    with pytest.raises(WrongStep, match="said already"):
        store.save_felt(made.id, "slower")
    assert store.save_felt(made.id, "slower", again=True).felt == "slower"
    assert store.save_felt(made.id, "", again=True).felt == ""
    with pytest.raises(WrongStep, match="not to be felt now"):
        store.save_felt(store.turns(session.id)[1].id, "same")
    store.end_session(session.id)
    with pytest.raises(WrongStep, match="not to be felt now"):
        store.save_felt(made.id, "same")


def test_who_got_anothers_rep_made_a_start_of_his_and_the_other_still_has_all(pair):
    store, session, (fox, owl) = pair
    rep = run_turn(store, "a")  # fox's, but it was owl who ran
    store.give_rep(rep.id, owl)
    turns = store.turns(session.id)
    assert [(turn.athlete_id, turn.state) for turn in turns] == [
        (owl, "done"), (fox, "waiting"), (fox, "waiting"), (owl, "waiting"),
    ]  # fmt: skip
    store.give_rep(rep.id, fox)
    assert [turn.athlete_id for turn in store.turns(session.id)] == [fox, owl, fox, owl]


@pytest.mark.parametrize("outside", [True, False])
def test_a_rep_that_was_an_outsiders_or_nobodys_leaves_the_planned_start_to_be_made(pair, outside):
    store, session, (fox, _) = pair
    rep = run_turn(store, "a")
    assert store.give_rep(rep.id, store.add_athlete("Bee").id if outside else None)
    assert [turn.state for turn in store.turns(session.id)] == ["waiting"] * 4
    assert run_turn(store, "b").athlete_id == fox


def test_every_change_of_a_session_is_news(pair):
    store, session, (fox, _) = pair
    run_turn(store, "made")
    turns = store.turns(session.id)
    for change in (
        lambda: store.change_turn(turns[1].id, "skipped"),
        lambda: store.first_turn(turns[3].id),
        lambda: store.set_away(session.id, fox, True),
        lambda: store.save_felt(turns[0].id, "quicker"),
        lambda: store.end_session(session.id),
    ):
        before = store.latest_change()
        change()
        assert store.latest_change() > before


def test_boards_read_the_newest_measured_reactions_of_others_sessions_only(store):
    fox, owl = (store.add_athlete(name).id for name in ("Fox", "Owl"))
    reps = [
        add_rep(store, athlete_id=fox),
        add_rep(store, "early", athlete_id=fox),
        add_rep(store, athlete_id=fox),
        add_rep(store, "recalled", athlete_id=fox),
        add_rep(store, athlete_id=owl, posture="plank"),
        add_rep(store, athlete_id=fox),
    ]
    deleted = store.delete_rep(add_rep(store, athlete_id=fox).id)
    told = store.reactions([fox], newest=2)
    assert [one.rep_id for one in told] == [reps[5].id, reps[2].id]
    assert deleted.id not in [one.rep_id for one in store.reactions([fox], newest=9)]
    assert (told[0].value, told[0].u) == (reps[5].reaction_s, reps[5].reaction_u) == (0.243, 0.006)
    assert len(store.reactions([fox, owl], newest=1)) == 2
    assert store.reactions([fox], newest=9, but=reps[0].session_id) == []


def test_an_athletes_newest_starts_are_found_without_a_look_at_the_older_ones(store):
    """30 ms of every board's 50 went into ranking all that thirty athletes had ever run."""
    fox = store.add_athlete("Fox")
    said = []
    listen = (store._engine, "before_cursor_execute", lambda *each: said.append(each[2:4]))
    sa.event.listen(*listen)
    store.reactions([fox.id], newest=5)
    sa.event.remove(*listen)
    with store._engine.connect() as connection:
        plan = connection.exec_driver_sql("explain query plan " + said[-1][0], said[-1][1])
        steps = [row.detail for row in plan if re.search(r"\b(rep|start)_\d", row.detail)]
    assert len(steps) == 4, "of each table the oldest that counts, and from that on"
    assert all("COVERING INDEX" in step and "posture=?" in step for step in steps)
    assert sum(re.search(r"\bAND (rep_)?id>\?", step) is not None for step in steps) == 2


@pytest.mark.parametrize("newest", [1, 3, 30])
def test_the_newest_of_each_posture_are_counted_on_their_own(store, newest):
    names = [store.add_athlete(name).id for name in ("Fox", "Owl")]
    made: dict[tuple[int, str], list[int]] = {}
    for k in range(12):
        kind = names[k % 5 == 0], ("prone", "plank", "supine")[k % 3]
        made.setdefault(kind, []).insert(0, add_rep(store, posture=kind[1], athlete_id=kind[0]).id)
    told: dict[tuple[int, str], list[int]] = {}
    for one in store.reactions(names, newest=newest):
        told.setdefault((one.athlete_id, one.posture), []).append(one.rep_id)
    assert told == {kind: ids[:newest] for kind, ids in made.items()}


VERSIONS = Path(tables.__file__).parent / "migrations/versions"
REVISIONS = sorted(path.name[1:5] for path in VERSIONS.glob("v*.py"))


def as_it_was(now, old, revision):
    """The file `old`: a store of that revision, with what both know of the store `now`."""
    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    engine = sa.create_engine(f"sqlite:///{old}")
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    with contextlib.closing(sqlite3.connect(old)) as store, store:
        store.execute("attach ? as now", (str(now),))
        named = store.execute("select name from main.sqlite_master where type = 'table'")
        for table in {name for (name,) in named} - {"alembic_version"}:
            columns = ", ".join(row[1] for row in store.execute(f"pragma main.table_info({table})"))
            store.execute(f"delete from main.{table}")
            store.execute(f"insert into main.{table} ({columns}) select {columns} from now.{table}")


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_store_of_any_older_version_keeps_every_rep(tmp_path, revision):
    with open_store(f"sqlite:///{tmp_path / 'now.db'}") as store:
        fox = store.add_athlete("Fox")
        reps = [add_rep(store, ending, athlete_id=fox.id) for ending in ("measured", "aborted")]
        store.station(lambda: ("123456", "hash"))
        store.claim_station()
    as_it_was(tmp_path / "now.db", tmp_path / "old.db", revision)
    with open_store(f"sqlite:///{tmp_path / 'old.db'}") as store:
        measured, aborted = (store.rep(rep.id) for rep in reps)
        assert (measured.reaction_s, measured.reaction_u) == (0.243, 0.006)
        assert measured.result == reps[0].result
        assert aborted.reaction_s is None
        assert measured.dated
        assert store.evidence(measured.id, "picture").data
        athlete = store.athletes()[0]
        assert athlete.name == "Fox"
        assert len(athlete.token) >= 20
        known = revision >= "0010"  # before nobody wrote down whether the time was
        assert (athlete.dated, athlete.consent) == (known, "")
        station = store.station()
        assert station.claimed == (revision >= "0007"), "before there was none"
        kept = 120 if known else None  # an update forgets nobody
        assert (station.keep_days, station.starter) == (kept, None)
        assert (station.screen, station.language) == ("now", "")
        assert [one.value for one in store.reactions([athlete.id], newest=9)] == [0.243]
        store.set_notes(measured.id, ["Great start"])
        store.set_team(measured.session_id, athlete.id, "Red")
        store.set_consent(athlete.id, "yes")
        assert store.forget_athletes([athlete.id]) == 2
        assert store.reps() == store.athletes() == []


def test_an_update_forgets_nobodys_last_year(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'now.db'}") as store:
        fox = store.add_athlete("Fox")
        rep = add_rep(store, athlete_id=fox.id)
        store.change_rep(rep.id, requested_at="2025-01-02T10:00:00Z")
        store.add_athlete("Owl")
    as_it_was(tmp_path / "now.db", tmp_path / "old.db", "0009")
    with open_store(f"sqlite:///{tmp_path / 'old.db'}") as store:
        assert store.forget_old(datetime(2026, 11, 1, tzinfo=UTC)) == 0
        store.set_keep_days(120)
        assert store.forget_old(datetime(2026, 11, 1, tzinfo=UTC)) == 1
        assert [athlete.name for athlete in store.athletes()] == ["Owl"]


def test_a_new_store_and_one_without_a_rep_keep_a_term(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'now.db'}") as store:
        assert store.keep_days() == 120
        store.station(lambda: ("123456", "hash"))
    as_it_was(tmp_path / "now.db", tmp_path / "old.db", "0009")
    with open_store(f"sqlite:///{tmp_path / 'old.db'}") as store:
        assert store.keep_days() == 120


# Games


def test_a_game_that_cannot_be_is_refused_and_its_players_have_to_be_known(store):
    ana = store.add_athlete("Ana").id
    game = {"kind": "chase", "handicap_s": 1.5}
    with pytest.raises(ValueError, match="handicap_s"):
        store.request_rep(posture="prone", key="a", drill={"game": {"kind": "chase"}})
    with pytest.raises(ValueError, match="no athlete 77"):
        store.request_rep(posture="prone", key="a", drill={"game": game, "players": [ana, 77]})
    rep = store.request_rep(posture="prone", key="a", drill={"game": game, "players": [ana, None]})
    assert rep.drill == {"game": game, "players": [ana, None]}


def test_who_stands_cannot_be_the_last_one_up(store):
    with pytest.raises(ValueError, match="stands already"):
        store.request_rep(posture="standing", key="a", drill={"game": {"kind": "last_up"}})
    assert store.active_rep() is None


def test_who_is_forgotten_is_in_nobody_elses_game(store):
    ana, ben = (store.add_athlete(name).id for name in ("Ana", "Ben"))
    drill = {"game": {"kind": "last_up"}, "players": [ana, ben, None]}
    rep = store.request_rep(posture="prone", key="a", drill=drill, athlete_id=ana)
    store.save_evidence(rep.id, "picture", "image/png", b"both of them")
    store.ask_stop(rep.id)
    assert store.forget_athletes([ben]) == 1, "his start in it"
    kept = store.rep(rep.id)
    assert (kept.athlete_id, kept.drill["players"]) == (ana, [ana, None, None])
    assert store.evidence_kinds(rep.id) == []
