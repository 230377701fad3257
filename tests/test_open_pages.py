"""What an open page does by itself while others act, and what it leaves alone."""

import pytest
from sample_reps import lanes_result, living, sample_result, walk
from test_page import STREAMS, listens, until, word_is
from test_session_browser import begin, run_result, starts, up
from test_session_pages import run

from pi import sessions
from pi.drills import CIRCUITS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytestmark = pytest.mark.browser

THREE = ["Fox", "Owl", "Bee"]
COUNTS = """
  window.fetched = 0;
  const fetches = window.fetch;
  window.fetch = (address, ...more) => {
    if (String(address) === location.href) window.fetched += 1;
    return fetches(address, ...more);
  };
"""
HAS_FOCUS = """(({ textContent: name, form }) =>
  `${name} ${form?.action.replace(/.*turn/, "")}`)(document.activeElement)"""


@pytest.fixture
def store(watched):
    return watched


def of_three(store, circuit="lesson", names=THREE, **more):
    """A session of three, begun by somebody else."""
    athletes = [store.add_athlete(name).id for name in names]
    plan = sessions.plan(athletes, list(CIRCUITS[circuit].starts))
    return store.begin_session(CIRCUITS[circuit]._asdict() | more, plan)


def is_open(page, summary):
    return page.locator("details", has=page.locator("summary", has_text=summary)).evaluate(
        "part => part.open"
    )


# --- beginning and end ---------------------------------------------------------------------------


def test_a_phone_on_the_plan_goes_to_the_session_that_begins(phone, store):
    page = phone("/session", script=STREAMS)
    listens(page)
    of_three(store)
    up(page, "Fox")


def test_names_that_were_typed_stay_when_a_session_begins_elsewhere(phone, store):
    page = phone("/session", script=STREAMS)
    listens(page)
    page.locator("textarea[name=names]").fill("Gnu 1")
    page.locator("textarea[name=names]").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, 500)")
    of_three(store)
    playwright.expect(page.locator("#moved-on")).to_contain_text("A session has begun.")
    playwright.expect(page.locator("#moved-on")).to_be_in_viewport()
    assert page.locator("textarea[name=names]").input_value() == "Gnu 1"
    page.get_by_role("link", name="Go to it").click()
    up(page, "Fox")


def test_a_session_that_ends_is_over_on_every_phone(phone, store):
    session = of_three(store)
    page, typing = phone("/session", script=STREAMS), phone("/session", script=STREAMS)
    for each in (page, typing):
        listens(each)
    typing.locator("summary", has_text="Late-comer").click()
    typing.locator("input[name=names]").fill("Gnu")
    store.end_session(session.id)
    page.get_by_text("BEGIN").wait_for()
    playwright.expect(typing.locator("#moved-on")).to_contain_text("This session has ended.")
    assert typing.locator("input[name=names]").input_value() == "Gnu"


def test_whoever_ends_a_session_gets_to_its_last_page(phone, store):
    of_three(store)
    page = phone("/session", script=STREAMS)
    listens(page)
    page.get_by_role("button", name="End the session").click()
    page.locator("#board").wait_for()
    page.wait_for_timeout(300)
    assert "/session/" in page.url


# --- what is being typed -------------------------------------------------------------------------


def test_a_note_that_is_half_typed_survives_the_next_start(phone, store):
    of_three(store)
    first = run(store, "half 1")
    page = phone("/session", script=STREAMS)
    listens(page)
    page.locator("summary", has_text="Notes").click()
    page.locator("input[name=note]").first.check()
    own = page.get_by_label("In your own words")
    own.press_sequentially("slipped a")
    run(store, "half 2", 0.311)
    up(page, "Bee")
    own.press_sequentially(" little")
    assert own.input_value() == "slipped a little"
    assert page.locator("input[name=note]").first.is_checked()
    assert own.evaluate("field => field === document.activeElement")
    playwright.expect(page.locator("[data-newer]")).to_be_visible()
    page.get_by_role("button", name="Keep the notes").click()
    playwright.expect(page.locator("#last")).to_contain_text("0.311")
    assert "slipped a little" in store.notes_of([first.id])[first.id]


def test_an_open_choice_is_not_closed_by_a_step(phone, store):
    of_three(store)
    run(store, "choice 1")
    page = phone("/session", script=STREAMS)
    listens(page)
    choice = page.locator("#last select")
    choice.focus()
    choice.evaluate("field => { window.choice = field; }")
    run(store, "choice 2", 0.322)
    up(page, "Bee")
    assert page.evaluate("window.choice.isConnected && window.choice === document.activeElement")
    page.locator("#arm").focus()
    playwright.expect(page.locator("#last")).to_contain_text("0.322")


def test_by_keyboard_one_goes_on_where_one_was(phone, store):
    of_three(store)
    page = phone("/session", script=STREAMS)
    listens(page)
    turns = store.turns(store.running_session().id)
    page.locator("#order li", has_text="Owl").first.get_by_text("Skip").focus()
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#order")).to_contain_text("Skipped")
    until(page, f"{HAS_FOCUS} === 'Undo /{turns[1].id}/back'")
    page.keyboard.press("Enter")
    until(page, f"{HAS_FOCUS} === 'Up next /{turns[1].id}/first'")
    page.locator("#order li", has_text="Bee").first.get_by_text("Skip").focus()
    before = page.evaluate(HAS_FOCUS)
    run(store, "keyboard")
    up(page, "Owl")
    assert page.evaluate(HAS_FOCUS) == before


def test_what_was_opened_stays_open_when_something_above_it_vanishes(phone, store):
    of_three(store, "article", ["Fox", "Owl", "Bee", "Elk", "Hen", "Cat"])
    page = phone("/session", script=STREAMS)
    listens(page)
    page.locator("summary", has_text="more start").click()
    assert not is_open(page, "Who is here")
    athletes = [turn.athlete_id for turn in store.turns(store.running_session().id)]
    for athlete in dict.fromkeys(athletes[1:6]):
        store.set_away(store.running_session().id, athlete, True)
    playwright.expect(page.locator("summary", has_text="more start")).to_have_count(0)
    assert not is_open(page, "Who is here")


# --- taps ----------------------------------------------------------------------------------------


def test_once_more_tapped_twice_is_one_start(phone, store):
    session = of_three(store)
    run(store, "twice")
    page = phone("/session", script=STREAMS)
    listens(page)
    page.get_by_role("button", name="Once more").dblclick()
    playwright.expect(page.locator("#order")).to_contain_text("Fox")
    page.wait_for_timeout(800)
    assert len(store.turns(session.id)) == 7


def test_skip_tapped_twice_in_one_place_skips_one(phone, store):
    session = of_three(store)
    page = phone("/session", script=STREAMS)
    listens(page)
    skip = page.locator("#order li", has_text="Owl").first.get_by_text("Skip")
    skip.scroll_into_view_if_needed()
    place = skip.bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.click(x, y)
    page.wait_for_timeout(350)
    page.mouse.click(x, y)
    page.wait_for_timeout(600)
    assert [turn.state for turn in store.turns(session.id)].count("skipped") == 1
    page.mouse.click(x, y)
    until(page, "document.querySelectorAll('#order h3 + ul li').length === 2")


# --- said, and fetched ---------------------------------------------------------------------------


def kept(page, *ids):
    for name in ids:
        page.locator(f"#{name}").evaluate("part => { part.mine = true; }")


def test_what_a_screen_reader_listens_to_is_changed_and_not_replaced(phone, store):
    of_three(store)
    pages = {path: phone(path, script=STREAMS) for path in ("/session", "/screen", "/home")}
    for path, page in pages.items():
        listens(page)
        kept(page, *(["status", "told"] if path != "/home" else ["status"]))
    rep = store.request_turn("listens")
    one = phone(f"/rep/{rep.id}", script=STREAMS)
    listens(one)
    kept(one, "told")
    walk(store, rep, "settling", "holding")
    for page in pages.values():
        word_is(page, "HOLD")
    walk(store, rep, "running", "analysing", state="done", result=run_result(0.24))
    playwright.expect(one.locator("#told")).to_contain_text("DONE")
    for path, page in pages.items():
        word_is(page, "DONE")
        if path != "/home":
            playwright.expect(page.locator("#told")).to_have_text("Owl, On the belly. ")
        assert page.evaluate("document.getElementById('status').mine"), path
        live = "[...document.querySelectorAll('[role=status], [aria-live]')]"
        inside = f"{live}.filter((part) => part.closest('[data-live]')).length"
        assert page.evaluate(inside) == 0, path
    assert one.evaluate("document.getElementById('told').mine")


def test_who_is_up_is_said_once(phone, store):
    of_three(store)
    page = phone("/session", script=STREAMS)
    page.evaluate("""() => { window.said = [];
      new MutationObserver(() => window.said.push(document.getElementById("told").textContent))
        .observe(document.getElementById("told"), { childList: true, characterData: true }); }""")
    listens(page)
    rep = run(store, "said")
    up(page, "Owl")
    store.set_notes(rep.id, ["Slipped"])
    playwright.expect(page.locator("#last")).to_contain_text("Slipped")
    assert page.evaluate("window.said").count("Owl, On the belly. ") == 1


def test_a_watching_phone_fetches_the_page_as_often_as_it_changes(phone, store):
    of_three(store)
    page = phone("/session", script=STREAMS + COUNTS)
    listens(page)
    page.wait_for_timeout(300)
    rep = store.request_turn("counted")
    word_is(page, "ARMED")
    playwright.expect(page.locator("#order")).to_contain_text("runs")
    armed = page.evaluate("window.fetched")
    assert armed == 1
    for state, word in (("settling", "SETTLE"), ("holding", "HOLD"), ("running", "GO"),
                        ("analysing", "WORKING")):  # fmt: skip
        walk(store, rep, state)
        word_is(page, word)
    page.wait_for_timeout(300)
    assert page.evaluate("window.fetched") == armed, "the word alone has changed"
    store.change_rep(rep.id, state="done", result=sample_result())
    up(page, "Owl")
    page.wait_for_timeout(500)
    assert page.evaluate("window.fetched") == armed + 1


def test_games_show_the_lanes_as_soon_as_the_camera_is_there(phone, open_place):
    lanes = [{"name": str(k), "region": [[0, 0], [9, 0], [9, 9]]} for k in (1, 2)]
    open_place.beat(camera="another", fps=None, problem=None, simulated=False)
    kept = open_place.save_calibration(
        {"lanes": lanes, "cones": []}, source="taps", camera="simulated", mode="1280x720@120"
    )
    page = phone("/games", script=STREAMS)
    playwright.expect(page.locator("#lanes")).to_contain_text("No lanes")
    listens(page)
    with living(open_place):
        playwright.expect(page.locator("#lanes select")).to_have_count(2)
        playwright.expect(page.locator("[data-seat='0']")).to_have_text("Chaser")
    open_place.forget_calibration(kept.id)


def test_each_lane_says_by_itself_how_it_felt(phone, store):
    of_three(store, "standing", lanes=3, feel=True)
    page = phone("/session", script=STREAMS)
    listens(page)
    for k in range(2):
        rep = store.request_turn(f"felt {k}")
        walk(store, rep, "settling", "holding", "running", "analysing")
        store.change_rep(rep.id, state="done", result=lanes_result(0.21 + k, 0.22 + k, 0.23 + k))
    for name in THREE:
        page.locator("form.felt", has_text=name).get_by_text("Slower").click()
        playwright.expect(page.locator("form.felt", has_text=name)).to_have_count(0)
    playwright.expect(page.locator("#last")).to_contain_text("1.220")
    assert {turn.felt for turn in store.turns_of(rep.id)} == {"slower"}


def test_a_whole_session_is_followed_from_plan_to_plan(phone, store):
    coach, pupil = phone("/session", script=STREAMS), phone("/session", script=STREAMS)
    listens(pupil)
    begin(coach, "Sprint starts", ["Fox"])
    up(pupil, "Fox")
    starts(coach, store, "whole")
    coach.get_by_role("button", name="End the session").click()
    coach.locator("#board").wait_for()
    pupil.get_by_text("BEGIN").wait_for()
