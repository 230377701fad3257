"""A whole session as each of four people plays it: both processes, a simulated track, real phones.

The pages come over a name and plain http, as on the timer's own Wi-Fi: no browser calls that
secure. Nothing is cut short, but the clock of both processes is fast: twice where one athlete is
drawn, and twenty times while a runner walks back.
"""

import contextlib
import re
import time

import pytest
from test_page import STREAMS
from two_processes import (
    PHONE,
    WAIT_MS,
    Clock,
    free_port,
    launch,
    served,
    simulated_device,
    wait_for_device,
)

from pi.drills import own_circuit
from pi.store import open_store

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
]

NAME = "trackstart.local"
SETTINGS = """
[camera]
width = 640
height = 360
fps = 60
[simulate]
lanes = {lanes}
"""
START_S = 60.0  # for one start, on a machine that does much else


class Place:
    """A track with its timer: the address, the store behind it, and phones."""

    def __init__(self, browser, port, store, clock):
        self.browser, self.port, self.store, self.clock = browser, port, store, clock
        self.contexts, self.complaints = [], []

    def phone(self, path="/", **options):
        context = self.browser.new_context(
            base_url=f"http://{NAME}:{self.port}",
            viewport=options.pop("size", PHONE),
            locale="en-GB",
            **options,
        )
        context.set_default_timeout(WAIT_MS)
        self.contexts.append(context)
        context.add_init_script(STREAMS)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                self.complaints.append(said.text) if said.type in ("error", "warning") else None
            ),
        )
        page.goto(path)
        return page

    def ended(self):
        """Wait until no rep runs."""
        until = time.monotonic() + START_S
        while self.store.active_rep():
            assert time.monotonic() < until, "a start does not end"
            time.sleep(0.1)

    def starts(self, page):
        """One start from the tap to its end."""
        before = self.store.latest_rep()
        button = page.locator("#arm")
        playwright.expect(button).to_be_enabled()
        button.click()
        until = time.monotonic() + WAIT_MS / 1000
        while self.store.latest_rep() == before:
            assert time.monotonic() < until, "the tap armed nobody"
            time.sleep(0.05)
        self.ended()
        return self.store.latest_rep()

    def makes_a_start(self, page, most=4):
        """As starts(), again and again: whoever moves before GO is called back.

        So is a start whose GO was not sharp, which the fast clock makes twice as wide as it is.
        """
        told = []
        for _ in range(most):
            rep = self.starts(page)
            if rep.state == "done":
                return rep
            told.append(rep.reason)
        raise AssertionError(f"no start was made: {told}")

    def walk_back(self, page):
        """Wait, on the timer and on the phone, until the page counts nothing down any more."""
        left = page.locator("[data-rest]")
        playwright.expect(left).to_be_visible()
        minutes, seconds = left.inner_text().split(":")
        self.clock.passes(60 * int(minutes) + int(seconds))
        page.clock.fast_forward(1000 * (60 * int(minutes) + int(seconds)))
        playwright.expect(left).to_be_hidden()

    def all_start(self, page, most):
        """Start after start until everybody has made theirs."""
        for _ in range(most):
            turns = self.store.turns(self.store.running_session().id)
            if all(turn.state in ("done", "skipped", "away") for turn in turns):
                return
            self.starts(page)
        raise AssertionError(f"not done after {most} starts")


@pytest.fixture(scope="module")
def browser():
    playwright.expect.set_options(timeout=WAIT_MS)
    with playwright.sync_playwright() as driver:
        opened = launch(driver, f"host-resolver-rules=MAP {NAME} 127.0.0.1")
        yield opened
        opened.close()


@contextlib.contextmanager
def place(browser, folder, lanes):
    folder.joinpath("settings.toml").write_text(SETTINGS.format(lanes=lanes))
    port, clock = free_port(), Clock(folder, usual=2 if lanes == 1 else 1)
    with (
        served(folder, port, **clock.environment),
        simulated_device(folder, port, **clock.environment) as device,
        open_store(f"sqlite:///{folder / 'trackstart.db'}") as store,
    ):
        wait_for_device(device, port)
        until = time.monotonic() + START_S
        while not store.device().simulated:  # it lives before its camera is open
            assert time.monotonic() < until, "the track is not there"
            time.sleep(0.1)
        found = Place(browser, port, store, clock)
        yield found
        for context in found.contexts:
            context.close()


@pytest.fixture(scope="module")
def track(browser, tmp_path_factory):
    with place(browser, tmp_path_factory.mktemp("track"), 1) as found:
        yield found


@pytest.fixture
def lanes(browser, tmp_path):
    with place(browser, tmp_path, 4) as found:
        yield found
    assert found.complaints == []


def up(page, name):
    playwright.expect(page.locator("#up .who").first).to_have_text(re.compile(rf"(1: )?{name}$"))


def test_a_runner_alone_goes_through_the_circuit(track):
    page = track.phone("/")
    page.clock.install()
    assert page.evaluate("isSecureContext") is False
    page.get_by_role("link", name="Session").click()
    page.locator("label", has_text="The circuit").locator("input").first.check()
    page.locator("text=BEGIN").click()
    page.locator("#up").wait_for()
    for made in range(1, 7):
        track.makes_a_start(page)
        if made < 6:
            playwright.expect(page.locator("#up")).to_contain_text("Walk back and rest")
            assert track.store.active_rep() is None
            track.walk_back(page)
            playwright.expect(page.locator("#word")).to_have_text("READY")
    playwright.expect(page.locator("#up")).to_contain_text("All starts are made.")
    page.get_by_role("button", name="End the session").click()
    board = page.locator("#board")
    playwright.expect(board).to_contain_text("6 of 6 starts")
    playwright.expect(board).to_contain_text("Which is quicker?")
    reps = track.store.reps(session_id=track.store.latest_session().id, limit=20)
    told = [rep.result for rep in reps if rep.status == "measured"]
    assert len(told) >= 4
    for result in told:
        off = abs(result["reaction_s"]["value"] - result["truth"]["reaction_s"])
        assert off < 5 * result["reaction_s"]["u"] + 0.02, "as it was drawn"
    shown = board.locator("tbody tr")
    assert shown.count() == len(reps)
    assert track.complaints == []


def test_a_coach_has_eight_one_sleeps_one_loses_the_network_one_has_no_javascript(track):
    coach = track.phone("/coach")
    coach.locator("input[name=pin]").fill(track.store.station().pin)
    coach.get_by_role("button", name="Take the timer over").click()
    coach.get_by_text("This phone is a coach's.").wait_for()
    coach.goto("/session")
    summary = coach.locator("summary", has_text="A circuit of your own")
    summary.click()
    own = coach.locator("form", has=coach.locator("input[name=distance_m]"))
    own.locator("input[name=name]").fill("One each")
    own.locator("select[name=posture]").first.select_option("standing")
    own.get_by_role("button", name="Keep it").click()
    names = ["Fox", "Owl", "Bee", "Elk", "Hen", "Cat", "Yak", "Ant"]
    coach.locator("textarea[name=names]").fill(", ".join(names))
    coach.locator("text=BEGIN").click()
    sleeper, lost = track.phone("/session"), track.phone("/session")
    plain = track.phone("/session", java_script_enabled=False)
    for page in (coach, sleeper, lost, plain):
        up(page, "Fox")
    assert plain.locator("#arm").is_hidden(), "it only watches"
    sleeper.evaluate("window.mine = true; for (const stream of window.streams) stream.close()")
    lost.context.set_offline(True)
    track.makes_a_start(coach)
    up(coach, "Owl")
    coach.locator("#order li", has_text="Owl").first.get_by_text("Skip").click()
    up(coach, "Bee")
    track.makes_a_start(coach)
    up(coach, "Elk")
    sleeper.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    up(sleeper, "Elk")
    assert sleeper.evaluate("window.mine"), "it was never loaded anew"
    lost.context.set_offline(False)
    up(lost, "Elk")
    up(plain, "Elk")  # it looks again by itself
    track.all_start(coach, 12)
    coach.get_by_role("button", name="End the session").click()
    playwright.expect(coach.locator("#board")).to_contain_text("Ant: 1 of 1 starts")
    playwright.expect(coach.locator("#board")).to_contain_text("Owl: 0 of 0 starts")
    track.complaints[:] = [said for said in track.complaints if "ERR_" not in said]
    assert track.complaints == []


def test_a_class_of_thirty_two_phones_and_a_screen(lanes):
    circuit = own_circuit("Once", [("prone", "free")], 20, 20)
    lanes.store.save_circuit(circuit)
    pin = lanes.store.station().pin
    first, second = lanes.phone("/coach"), lanes.phone("/coach")
    for page in (first, second):
        page.locator("input[name=pin]").fill(pin)
        page.locator("form", has=page.locator("input[name=pin]")).locator("button").click()
        page.get_by_text("This phone is a coach's.").wait_for()
    first.goto("/session")
    first.locator("label", has_text="Once").locator("input").check()
    first.locator("summary", has_text="A class").click()
    first.locator("input[name=count]").fill("30")
    first.get_by_role("button", name="Animals for all").click()
    pupils = first.locator("textarea[name=names]").input_value().split("\n")
    assert len(set(pupils)) == 30
    first.locator("label", has_text="Once").locator("input").check()
    first.locator("summary", has_text="A class").click()
    first.locator("select[name=teams]").select_option("3")
    first.locator("select[name=lanes]").select_option("4")
    first.locator("text=BEGIN").click()
    first.locator("#up").wait_for()
    screen = lanes.phone("/screen", size={"width": 1280, "height": 720})
    second.goto("/session")
    for page in (first, second, screen):
        for pupil in pupils[:4]:
            playwright.expect(page.locator("main")).to_contain_text(pupil)
    assert second.locator("#arm").is_visible()
    lanes.starts(first)
    second.locator("#said").wait_for(state="attached")
    second.locator("#arm").click()
    playwright.expect(second.locator("#said")).to_contain_text("Another phone starts")
    second.get_by_role("button", name="I start").click()
    second.locator("#up").wait_for()
    lanes.all_start(second, 16)
    for page in (first, second):
        playwright.expect(page.locator("#up")).to_contain_text("All starts are made.")
    playwright.expect(screen.locator("main")).to_contain_text("All starts are made.")
    first.goto("/settings")
    first.get_by_role("button", name="Board").click()
    playwright.expect(screen.locator("main")).to_contain_text("Teams")
    playwright.expect(screen.locator("main")).to_contain_text("100 %")
    session = lanes.store.running_session().id
    first.goto(f"/session/{session}")
    assert first.locator("#board .card").count() == 30
    with first.expect_download() as table:
        first.get_by_text("Its reps for Excel").click()
    assert table.value.suggested_filename == "trackstart-reps.xlsx"
    first.locator("summary", has_text="Forget this class").click()
    first.get_by_label("Forget 30 athletes").check()
    first.get_by_role("button", name="Forget them for good").click()
    first.get_by_role("heading", name="Forgotten").wait_for()
    assert lanes.store.athletes() == []
    assert lanes.store.reps() == []
    refused = [said for said in lanes.complaints if "403" in said]
    assert len(refused) == 1, "the tap of the phone that did not start"
    lanes.complaints.clear()


def test_a_chase_is_played_from_the_page_and_told(lanes):
    for name in ("Fox", "Owl"):
        lanes.store.add_athlete(name)
    page, other = lanes.phone("/games"), lanes.phone("/games")
    page.locator("label", has_text="Chase").locator("input").check()
    page.locator("label", has_text="Standing").click()
    page.locator("select[name=handicap]").select_option("1.5")
    playwright.expect(page.locator("[data-seat='0']")).to_have_text("Hare")
    page.locator("label", has_text="On the belly").click()
    playwright.expect(page.locator("[data-seat='0']")).to_have_text("Chaser")
    page.locator("label", has_text="Standing").click()
    for seat, name in ((0, "Fox"), (3, "Owl")):  # as far apart as can be
        page.locator("select[name=player]").nth(seat).select_option(label=name)
    rep = lanes.starts(page)
    assert rep.drill["game"] == {"kind": "chase", "handicap_s": 1.5}
    if rep.state == "done":
        kept = rep.settings["game"]
        assert kept["gap_s"] == pytest.approx(1.5, abs=0.005)
    for phone in (page, other):
        card = phone.locator("#last .card").first
        card.wait_for()
        playwright.expect(card.locator("h2")).to_have_text("Chase")
        playwright.expect(card.locator(".verdict")).not_to_be_empty()
    page.get_by_role("link", name="Hare and chaser swap").click()
    assert page.locator("select[name=player]").first.evaluate("e => e.selectedOptions[0].text") == (
        "Owl"
    )
