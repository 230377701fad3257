"""Every page in every language and look: it fits a phone, and nothing stands in anybody's way."""

import pytest
from sample_reps import ENDINGS, add_rep
from test_page import AXE, FITS, SLIVERS, living
from test_session_pages import run
from two_processes import CHROMIUM

from pi import sessions
from pi.drills import CIRCUITS
from web.home import THEMES
from web.language import LANGUAGES

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on the PATH (or set CHROMIUM)"),
]

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PLAIN = "/ /home /session /games /reps /set-up /check /coach /join /help /settings".split()


@pytest.fixture(scope="module")
def everything(open_place):
    """A store with everything that a page can show, and a session that runs; where it is seen."""
    with living(open_place):
        reps = [add_rep(open_place, ending) for ending in ENDINGS]
        athletes = [open_place.add_athlete(name).id for name in ("Fox 1", "Owl 2", "Bee 3")]
        circuit = CIRCUITS["short"]
        plan = sessions.plan(athletes, list(circuit.starts))
        more = {"cues": ["Run tall"], "ranking": True}
        session = open_place.begin_session(circuit._asdict() | more, plan)
        teams = dict(zip(athletes, ("Red", "Blue", "Red"), strict=True))
        open_place.set_teams(session.id, teams)
        for k in range(7):
            rep = run(open_place, f"axe {k}", 0.21 + 0.01 * k)
        open_place.set_notes(rep.id, ["Slipped", "wet grass"])
        own = open_place.athletes()[-1].token
        pages = [f"/session/{session.id}", "/screen", f"/me/{own}", "/nope"]
        yield session.id, pages, [f"/rep/{rep.id}" for rep in reps]
        open_place.end_session(session.id)


def violations(page, more=()):
    rules = {rule: {"enabled": True} for rule in more}
    runs = {"runOnly": {"type": "tag", "values": STANDARDS}, "rules": rules}
    found = page.evaluate("(options) => axe.run(options)", runs)["violations"]
    return [(each["id"], each["nodes"][0]["html"][:150]) for each in found]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_has_a_violation(phone, open_place, everything, language, theme):
    session, pages, reps = everything
    page = phone("/")
    page.locator(f"footer button[value={theme}]").click()
    page.locator(f"footer button[value={language}]").click()
    page.locator(f"html[lang={language}][data-theme={theme}]").wait_for()

    def look(path):
        page.goto(path)
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        assert page.evaluate(FITS) == [False, []], (path, language)
        assert page.evaluate(SLIVERS) == [], (path, language)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert violations(page) == [], (path, language, theme)

    for path in (*PLAIN, *pages, *(reps if language == "en" else reps[:1])):
        look(path)
    for view in ("board", "last", "join", "now"):
        open_place.set_station(screen=view)
        look("/screen")
    open_place.end_session(session)
    look("/session")
    open_place.resume_session(session)
    phone.complaints[:] = [said for said in phone.complaints if "404" not in said]
