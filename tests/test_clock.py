"""The time of day: where it is from, a phone that tells it, and reps from before it was known."""

import time

import pytest

from pi import clock
from pi.store import open_store

NOW = 1_800_000_000.0


@pytest.fixture
def box(tmp_path):
    """A box without network and battery: the root of its files."""
    (tmp_path / "run/systemd/timesync").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def told(box):
    """What the clock was set to."""
    times = []
    clock.ask(box, NOW)
    return lambda: (clock.set_clock(box / clock.FILE, box, times.append), times)


def has_rtc(box, epoch):
    (box / "sys/class/rtc/rtc0").mkdir(parents=True)
    (box / "sys/class/rtc/rtc0/since_epoch").write_text(f"{epoch}\n")


def test_a_box_without_network_and_battery_knows_no_time(box):
    assert clock.source(box) == ""


def test_a_pi_5_without_its_battery_knows_no_time(box):
    has_rtc(box, 1_000)
    assert clock.source(box) == ""


def test_network_and_battery_each_know_it(box):
    has_rtc(box, 1_790_000_000)
    assert clock.source(box) == "own"
    (box / "run/systemd/timesync/synchronized").touch()
    assert clock.source(box) == "network"


def test_a_machine_with_another_time_service_is_believed(tmp_path):
    assert clock.source(tmp_path) == "system"


def test_a_phones_time_is_taken_where_nothing_better_is_known(box, told):
    said, times = told()
    assert said == "set to what a phone said"
    assert times == [pytest.approx(NOW, abs=1.0)]
    assert clock.source(box) == "phone"


def test_no_phone_spoils_a_time_that_is_known(box, told):
    (box / "run/systemd/timesync/synchronized").touch()
    said, times = told()
    assert (said, times) == ("left alone: the time is from elsewhere (network)", [])


def test_what_was_said_before_a_reboot_is_not_taken(box, told):
    (box / clock.FILE).write_text(f"{NOW} {time.monotonic() + 1000:.3f}\n")
    said, times = told()
    assert said.startswith("left alone")
    assert times == []


@pytest.mark.parametrize("wrong", [0.0, 1e9, 1e12, float("nan")])
def test_a_phone_with_a_wrong_clock_is_told(box, wrong):
    with pytest.raises(ValueError, match="look at the clock of the phone"):
        clock.ask(box, wrong)


def test_reps_of_this_boot_are_dated_when_the_time_becomes_known(tmp_path, monkeypatch):
    monkeypatch.setattr(clock, "source", lambda: "")
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:
        rep = store.request_rep(posture="prone", key="a")
        store.ask_stop(rep.id)
        monkeypatch.setattr("pi.store.stamps.boot_id", lambda: "another boot")
        old = store.request_rep(posture="prone", key="b")
        store.ask_stop(old.id)
        monkeypatch.undo()
        assert not store.rep(rep.id).dated
        before = store.latest_change()
        assert store.date_reps() == 1
        assert store.rep(rep.id).dated
        assert [each.rep for each in store.changes_since(before)] == [rep.id]
        assert not store.rep(old.id).dated
        assert store.date_reps() == 0
