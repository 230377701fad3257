"""A session in a real browser: a runner alone, a coach with eight and a second phone, a class."""

import itertools
import math

import pytest
from sample_reps import begin_class, lanes_result, sample_result, walk
from test_page import (
    FITS,
    SIDEWAYS,
    SLIVERS,
    SMALL,
    STREAMS,
    listens,
    serious,
    until,
    word_is,
)
from test_session_pages import run
from two_processes import PHONE

from pi import sessions
from pi.drills import CIRCUITS, stations
from web.plan import TEAMS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytestmark = pytest.mark.browser

EIGHT = ["Fox", "Owl", "Bee", "Elk", "Hen", "Cat", "Yak", "Ant"]


@pytest.fixture
def store(watched):
    return watched


def begin(page, circuit="The circuit", names=(), feel=False):
    page.goto("/session")
    page.locator("label", has_text=circuit).locator("input").first.check()
    page.locator("textarea[name=names]").fill("\n".join(names))
    page.locator("input[name=feel]").set_checked(feel)
    page.locator("text=BEGIN").click()
    page.locator("#up").wait_for()


def up(page, name):
    playwright.expect(page.locator("#up .who")).to_have_text(name)


def starts(page, store, key, reaction_s=0.24):
    """One start from the tap to the result."""
    page.locator("#arm").click()
    word_is(page, "ARMED")
    rep = store.active_rep()
    walk(store, rep, "settling", "holding", "running", "analysing")
    result = run_result(reaction_s)
    store.change_rep(rep.id, state="done", result=result)
    word_is(page, "DONE")
    return rep


def own_page(store):
    """Of somebody who has started."""
    first = store.turns(store.running_session().id)[0].athlete_id
    return next(f"/me/{each.token}" for each in store.athletes() if each.id == first)


def run_result(reaction_s):
    return sample_result(reaction_s={"value": reaction_s, "u": 0.006})


@pytest.mark.parametrize("size", [PHONE, SIDEWAYS, {"width": 320, "height": 568}])
def test_every_page_of_a_session_fits_the_phone(phone, store, size):
    page = phone("/session", size=size)
    long = "Maximiliane-Friederike von Oberhausen-Unterammergau " + "W" * 20
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    assert page.evaluate(FITS) == [False, []]
    assert page.evaluate(SMALL) == []
    begin(page, names=[long, *EIGHT], feel=True)
    for k in range(10):
        run(store, f"{size} {k}")
    turns = store.turns(store.running_session().id)
    store.change_turn(turns[12].id, "skipped")
    store.set_away(store.running_session().id, turns[13].athlete_id, True)
    own = own_page(store)
    for path in (
        "/session",
        f"/session/{turns[0].session_id}",
        "/screen",
        "/join",
        "/coach",
        "/help",
        own,
    ):
        page.goto(path)
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        assert page.evaluate(FITS) == [False, []], path
        assert page.evaluate(SMALL) == [], path
        assert page.evaluate(SLIVERS) == [], path


READ_AT_ONCE = ("#word", ".first .who", ".who", ".figure.big")
LEAST_MM = 15_000 * math.tan(math.radians(5 / 60))  # good eyes read what is 5' high from 15 m

# Of each sheet that is not the only one, else of the page: how far it hangs out below, and its
# smallest letters in % of the width.
SHEETS = """() => {
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const parts = [];
  while (texts.nextNode()) {
    const part = texts.currentNode.parentElement;
    if (texts.currentNode.data.trim() && !part.closest(".unseen")) parts.push(part);
  }
  const look = () => {
    const seen = parts.filter((part) => part.getClientRects().length);
    const size = (part) => parseFloat(getComputedStyle(part).fontSize) * 100 / innerWidth;
    const least = seen.reduce((one, other) => (size(other) < size(one) ? other : one));
    const below = document.documentElement.scrollHeight - innerHeight;
    return [below, size(least), least.textContent.trim().slice(0, 30)];
  };
  const sheets = [...document.querySelectorAll(".sheet")];
  if (!sheets.length) return [look()];
  return sheets.map((sheet) => {
    for (const each of sheets) each.classList.toggle("waits", each !== sheet);
    return look();
  });
}"""


def test_the_big_screen_is_read_from_15_m(phone, store):
    """On a television of 55 inches, 1.21 m wide; at a glance what is twice as high as need be."""
    begin(phone("/session"), names=EIGHT)
    run(store, "one")
    page = phone("/screen", size={"width": 1920, "height": 1080})
    for view, texts in {
        "now": ("#word", "#sentence", ".first .who", ".first p", ".then"),
        "last": (".who", ".figure.big"),
    }.items():
        store.set_station(screen=view)
        page.goto("/screen")
        for text in texts:
            part = page.locator(text).first
            px = part.evaluate("part => parseFloat(getComputedStyle(part).fontSize)")
            capital_mm = 0.7 * px * 1210 / 1920
            glance = text in READ_AT_ONCE
            assert capital_mm >= (2.0 if glance else 1.0) * LEAST_MM, (view, text, capital_mm)
        assert page.evaluate(FITS) == [False, []], view


def test_a_class_of_thirty_is_on_the_big_screen_without_scrolling(phone, store):
    begin_class(store)
    session = store.running_session().id
    store.change_circuit(session, ranking=True)
    page = phone("/screen")
    who = dict.fromkeys(turn.athlete_id for turn in store.turns(session))
    dealt = {each: TEAMS[k % 4] for k, each in enumerate(who)}
    views = ((1, "now"), (4, "now"), (1, "last"), (1, "board"))
    kinds = itertools.product(((1920, 1080), (1280, 720)), ("", "de", "fr"), (who, dealt), views)
    for (width, height), language, teams, (lanes, view) in kinds:
        page.set_viewport_size({"width": width, "height": height})
        store.set_station(language=language)
        store.change_circuit(session, lanes=lanes)
        store.set_teams(session, teams)
        store.set_station(screen=view)
        page.goto("/screen")
        assert far_too_small(page) == [], (view, width, language, lanes, teams is dealt)
    store.set_station(language="")


def far_too_small(page):
    """What of a television's screen hangs out of it, or is too small to be read from 15 m."""
    wide, cut = page.evaluate(FITS)
    assert not wide
    assert [part for part in cut if not part.startswith("<bdi>")] == []  # a long name ends in …
    return [
        sheet
        for sheet in page.evaluate(SHEETS)
        if sheet[0] or 0.7 * sheet[1] / 100 * 1210 < LEAST_MM
    ]


def test_whatever_the_big_screen_shows_is_read_from_15_m(phone, store):
    """Lanes, stations, gains, who was quickest, a long name: on a television, in each language."""
    page = phone("/screen", size={"width": 1280, "height": 720})
    names = [*EIGHT, "Maximiliane-Friederike von Oberhausen", *(f"Animal {k}" for k in range(7))]
    athletes = [store.add_athlete(name).id for name in names]
    circuit = CIRCUITS["short"]
    plan = sessions.plan(athletes, list(circuit.starts))
    dealt = dict(zip(athletes, TEAMS[:4] * 4, strict=True))

    def begun(**more):
        session = store.begin_session(circuit._asdict() | more, plan)
        store.set_teams(session.id, dealt)
        return session

    def shown(view):
        store.set_station(screen=view)
        for language in ("en", "de", "es", "fr"):
            store.set_station(language=language)
            page.goto("/screen")
            assert far_too_small(page) == [], (view, language)

    earlier = begun()
    for k in range(41):
        run(store, f"earlier {k}", 0.40 + 0.002 * k)
    shown("last")
    store.end_session(earlier.id)
    alone = store.begin_session(
        circuit._asdict(), sessions.plan(athletes[8:9], list(circuit.starts))
    )
    shown("now")
    store.end_session(alone.id)
    ranked = begun(ranking=True)
    for k in range(40):
        run(store, f"ranked {k}", 0.20 + 0.01 * (k % 16), "measured" if k % 9 else "no_movement")
    shown("board")
    store.end_session(ranked.id)
    together = begun(lanes=4)
    rep = walk(store, store.request_turn("four"), "settling", "holding", "running", "analysing")
    store.change_rep(rep.id, state="done", result=lanes_result(0.21, None, 0.3, 0.22))
    shown("last")
    shown("now")
    store.end_session(together.id)
    most = ["plank hold", "sideways hops", "rest", "m" * 24, "wall sit", "stretch"]
    for lanes, others in ((1, most), (2, most), (4, most[:3])):
        round_about = begun(lanes=lanes, stations=stations(others, 6, TEAMS[:4]))
        shown("now")
        store.end_session(round_about.id)
    store.set_station(language="")


def test_a_board_of_many_comes_in_sheets_that_take_turns_and_stay_for_the_keyboard(phone, store):
    names = [f"Pupil {k}" for k in range(30)]
    begin(phone("/session"), names=names)
    store.set_station(screen="board")
    page = phone("/home", size={"width": 1280, "height": 720})
    page.clock.install()
    page.goto("/screen")
    seen = page.locator(".board .who:visible")
    for sheet in (0, 1, 2, 3, 4, 0):
        playwright.expect(seen).to_have_text(names[6 * sheet : 6 * sheet + 6])
        page.clock.run_for(8500)
    page.locator(".sheet:visible").focus()
    page.clock.run_for(30_000)
    playwright.expect(seen.first).to_have_text("Pupil 6")
    phone_page = phone("/screen")
    playwright.expect(phone_page.locator(".board .who:visible")).to_have_count(30)
    plain = phone("/screen", java_script_enabled=False)
    playwright.expect(plain.locator(".board .who:visible")).to_have_count(30)


def test_nothing_serious_stands_in_anybodys_way(phone, store):
    page = phone("/session")
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    assert serious(page) == []
    begin(page, names=EIGHT, feel=True)
    for k in range(9):
        run(store, f"axe {k}")
    session, own = store.running_session().id, own_page(store)
    for path in ("/session", f"/session/{session}", "/screen", "/join", "/coach", "/help", own):
        page.goto(path)
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        assert serious(page) == [], path


def test_a_runner_alone_goes_through_the_circuit_and_ends_on_one_screen(phone, store):
    page = phone("/session", script=STREAMS)
    begin(page)
    listens(page)
    for k, posture in enumerate(["On the back"] * 2 + ["On the belly"] * 2 + ["Tall plank"] * 2):
        playwright.expect(page.locator("#up")).to_contain_text(posture)
        playwright.expect(page.locator("#up")).to_contain_text(f"Start {k + 1} of 6")
        starts(page, store, f"alone {k}", 0.22 + 0.01 * k)
        if k < 5:
            playwright.expect(page.locator(".rest")).to_be_visible()
            before = page.locator("[data-rest]").text_content()
            until(page, f"document.querySelector('[data-rest]').textContent !== '{before}'")
    playwright.expect(page.locator("#up")).to_contain_text("All starts are made.")
    playwright.expect(page.locator("#arm")).to_be_disabled()
    page.get_by_role("button", name="End the session").click()
    page.locator("#board").wait_for()
    playwright.expect(page.locator("#board")).to_contain_text("6 of 6 starts")
    playwright.expect(page.locator("#board")).to_contain_text("Left leg first / Right leg first")
    assert page.locator("#board tbody tr").count() == 6
    page.locator("text=Go on with it").click()
    playwright.expect(page.locator("#up")).to_contain_text("All starts are made.")


def test_a_coach_and_a_second_phone_see_the_same_without_a_reload(phone, store):
    coach = phone("/session", script=STREAMS)
    begin(coach, "Short", EIGHT)
    pupil, screen = phone("/session", script=STREAMS), phone("/screen", script=STREAMS)
    for page in (coach, pupil, screen):
        listens(page)
    pupil.evaluate("window.mine = true")
    starts(coach, store, "a")
    for page in (coach, pupil):
        up(page, "Owl")
    playwright.expect(screen.locator(".who").first).to_have_text("Owl")
    coach.locator("#order li", has_text="Bee").first.get_by_text("Next").click()
    up(pupil, "Bee")
    coach.locator("#order li", has_text="Bee").first.get_by_text("Skip").click()
    up(pupil, "Owl")
    coach.locator("#order").get_by_text("Undo").click()
    up(pupil, "Bee")
    coach.locator("summary", has_text="Late-comer").click()
    coach.locator("input[name=names]").fill("Gnu")
    coach.locator("text=Add").click()
    playwright.expect(pupil.locator("#order")).to_contain_text("Gnu")
    assert pupil.evaluate("window.mine")


def test_a_phone_that_lost_its_stream_or_the_network_comes_back_to_the_truth(phone, store):
    page = phone("/session", script=STREAMS)
    begin(page, "Short", EIGHT)
    listens(page)
    page.evaluate("for (const stream of window.streams) stream.close()")  # as iOS does
    run(store, "slept 1")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    up(page, "Owl")
    page.context.set_offline(True)
    run(store, "slept 2")
    page.wait_for_timeout(300)
    page.context.set_offline(False)
    up(page, "Bee")
    phone.complaints[:] = [said for said in phone.complaints if "ERR_" not in said]


def test_without_javascript_a_session_runs_as_well(phone, store):
    page = phone("/session", java_script_enabled=False)
    begin(page, "Short", ["Fox", "Owl"])
    up(page, "Fox")
    page.locator("#arm").click()
    rep = store.active_rep()
    assert rep.posture == "supine"
    walk(store, rep, "settling", "holding", "running", "analysing")
    store.change_rep(rep.id, state="done", result=run_result(0.25))
    page.goto("/session")
    up(page, "Owl")
    page.locator("#order li", has_text="Owl").first.get_by_text("Skip").click()
    up(page, "Fox")


def test_feeling_comes_before_the_number(phone, store):
    page = phone("/session", script=STREAMS)
    begin(page, "Sprint starts", feel=True)
    listens(page)
    starts(page, store, "a", 0.301)
    starts(page, store, "b", 0.233)
    playwright.expect(page.locator("#sentence")).to_contain_text("How did it feel")
    playwright.expect(page.locator("#last")).to_contain_text("how did it feel")
    assert page.locator("#last .figure").first.is_hidden()
    page.locator("button", has_text="Quicker").click()
    playwright.expect(page.locator("#sentence")).to_contain_text("0.233")
    playwright.expect(page.locator("#last .figure").first).to_be_visible()


def test_a_class_of_thirty_is_typed_and_run_from_one_phone(phone, store):
    page = phone("/session")
    begin(page, "PE lesson", [f"Animal {k}" for k in range(1, 31)])
    playwright.expect(page.locator("#order summary").first).to_contain_text("30 more starts")
    for k in range(1, 4):
        up(page, f"Animal {k}")
        starts(page, store, f"pe {k}")
    up(page, "Animal 4")
