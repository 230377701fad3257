"""Every page in every language and look: it fits a phone, and nothing stands in anybody's way."""

import pytest
from sample_reps import ENDINGS, NOTHING, add_rep, lanes_result, living, walk
from test_page import AXE, FITS, SLIVERS
from test_session_pages import run
from two_processes import PHONE

from pi import sessions
from pi.drills import CIRCUITS
from pi.pin import new_pin
from web import wifi
from web.home import THEMES
from web.language import LANGUAGES

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
]

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PLAIN = "/ /home /session /games /reps /set-up /check /coach /join /help /settings".split()
LIVE = ("/", "/session", "/games")


# --- what there is to see ------------------------------------------------------------------------


def fives(*seconds):
    """A result of runners who were at 5 m after so many seconds."""
    result = lanes_result(*[0.2 + 0.05 * k for k in range(len(seconds))])
    for each, at in zip(result["athletes"], seconds, strict=True):
        known = {"from_signal_s": at, "from_movement_s": at, "u": at and 0.01}
        each["splits"] = [{"metres": 5.0, **known}]
        each.setdefault("up_s", NOTHING)
    return result


def played(store, athletes, kind, result, **kept):
    """A game that is over."""
    game = {"kind": kind} | ({"handicap_s": 1.0} if kind == "chase" else {})
    game |= {"of": 3} if kind == "number" else {}
    athletes = [athletes[0], None, *athletes[2:]] if kind == "chase" else athletes
    drill = {"game": game, "players": athletes}
    rep = store.request_rep(posture="prone", key=f"game {store.latest_change()}", drill=drill)
    walk(store, rep, "settling", "holding")
    store.change_rep(rep.id, settings={"game": kept})
    if result is None:
        return store.change_rep(rep.id, state="false_start", reason="moved by 7 cm before GO")
    return walk(store, rep, "running", "analysing", state="done", result=result)


def games(store, athletes):
    """A game of each outcome."""
    gap, false = {"gap_s": 1.0, "u_gap_s": 0.0001}, fives(2.0, 2.1, 1.6)
    false["athletes"][2]["status"] = "false_start"
    return [
        played(store, athletes, "chase", fives(2.2, None, 1.0), **gap),
        played(store, athletes, "chase", fives(2.0, None, 1.6), **gap),
        played(store, athletes, "chase", fives(2.0, None, 1.005), **gap),
        played(store, athletes, "chase", fives(2.0, None, None), **gap),
        played(store, athletes, "chase", false, **gap),
        played(store, athletes, "chase", None, recalled=True),
        played(store, athletes, "number", lanes_result(0.3, 0.25, None), called=2),
        played(store, athletes, "number", lanes_result(0.3, None, None), called=2),
        played(store, [], "number", lanes_result(0.2) | {"athletes": []}, called=3),
        played(store, athletes, "last_up", lanes_result(0.3, 0.25, 0.4)),
    ]


def in_lanes(store, key, *reactions):
    """Whoever is up starts, each in a lane."""
    rep = walk(store, store.request_turn(key), "settling", "holding", "running", "analysing")
    return store.change_rep(rep.id, state="done", result=lanes_result(*reactions))


@pytest.fixture(scope="module")
def everything(open_place):
    """A store with everything that a page can show, and a session that runs; where it is seen."""
    with living(open_place):
        reps = [add_rep(open_place, ending) for ending in ENDINGS]
        athletes = [open_place.add_athlete(name).id for name in ("Fox 1", "Owl 2", "Bee 3")]
        reps += games(open_place, athletes)
        filmed = add_rep(open_place, athlete_id=athletes[0])
        open_place.save_evidence(filmed.id, "clip", "video/mp4", b"no film")
        reps.append(filmed)
        standing = CIRCUITS["standing"]
        both = {"lanes": 3, "feel": True, "cues": ["Run tall"]}
        plan = sessions.plan(athletes, list(standing.starts))
        lanes = open_place.begin_session(standing._asdict() | both, plan)
        in_lanes(open_place, "lanes 1", 0.21, 0.25, 0.3)
        reps.append(in_lanes(open_place, "lanes 2", 0.22, None, 0.31))
        open_place.end_session(lanes.id)
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
        pages = [f"/session/{session.id}", "/screen", f"/me/{own}", "/nope", "/arm"]
        yield session.id, lanes.id, pages, [f"/rep/{rep.id}" for rep in reps]
        open_place.end_session(session.id)


class Tour:
    """Every page and every way it can look, one after the other, on a phone."""

    def __init__(self, page, store, home, everything, *, all_reps=True):
        self.page, self.store, self.home = page, store, home
        self.session, self.lanes, self.pages, self.reps = everything
        if not all_reps:
            self.reps = [self.reps[0], *self.reps[-2:]]

    def __iter__(self):
        """What is seen, by its address. However far one gets, it is left as it was found."""
        try:
            yield from self.as_it_is()
            yield from self.in_lanes()
            yield from self.as_others_see_it()
        finally:
            self.store.station(new_pin)
            wifi.keep(self.home, "", "")
            self.store.set_station(screen="now")
            self.store.end_session(self.lanes)
            if not self.store.running_session():
                self.store.resume_session(self.session)

    def as_it_is(self):
        store = self.store
        for path in (*PLAIN, *self.pages, *self.reps):
            yield self.at(path)
        for view in ("board", "last", "join", "now"):
            store.set_station(screen=view)
            yield self.at("/screen")
        store.end_session(self.session)
        yield self.at("/session")
        self.page.locator("textarea[name=names]").fill("\n".join(f"Animal {k}" for k in range(61)))
        self.page.locator("button", has_text="BEGIN").or_(self.page.locator("button.arm")).click()
        self.page.locator("[role=alert]:visible").first.wait_for()
        yield f"{self.page.url}, refused"

    def in_lanes(self):
        store = self.store
        store.resume_session(self.lanes)
        store.set_station(screen="last")
        for path in ("/session", "/screen", "/", "/reps", self.reps[-1], f"/session/{self.lanes}"):
            yield f"{self.at(path)}, in lanes and asked"
        store.set_station(screen="now")
        yield self.at("/screen")
        store.end_session(self.lanes)
        store.resume_session(self.session)
        wifi.keep(self.home, "Trackstart 5", "on your marks")
        for path in ("/join", "/screen"):
            store.set_station(screen="join")
            yield f"{self.at(path)} with its Wi-Fi"

    def as_others_see_it(self):
        """A coach's phone, one that another starts for, and one that only watches."""
        pin, kept = new_pin()
        self.store.station(lambda: (pin, kept))
        self.at("/coach")
        self.page.locator("input[name=pin]").fill(pin)
        self.page.locator("form", has=self.page.locator("input[name=pin]")).locator(
            "button"
        ).click()
        self.page.wait_for_url("**/coach")
        for path in ("/coach", "/settings", "/session"):
            yield f"{self.at(path)}, the coach"
        self.store.take_start("another")
        for path in ("/coach", "/settings", "/session", "/", "/games"):
            yield f"{self.at(path)}, another starts"
        self.at("/coach")
        self.page.locator("form[action$=leave] button").click()
        for path in (*PLAIN, self.reps[-2], self.reps[0], f"/session/{self.session}"):
            yield f"{self.at(path)}, it watches"
        yield f"{self.at(self.reps[-2] + '/clip.mp4')}, refused"

    def at(self, path):
        self.page.goto(path)
        opened = "for (const part of document.querySelectorAll('details')) part.open = true"
        self.page.evaluate(opened)
        return path


def violations(page, more=()):
    rules = {rule: {"enabled": True} for rule in more}
    runs = {"runOnly": {"type": "tag", "values": STANDARDS}, "rules": rules}
    runs["resultTypes"] = ["violations"]  # the others are not looked at, and take their time
    found = page.evaluate("(options) => axe.run(options)", runs)["violations"]
    return [(each["id"], each["nodes"][0]["html"][:150]) for each in found]


def dressed(page, language, theme):
    page.locator(f"footer button[value={theme}]").click()
    page.locator(f"footer button[value={language}]").click()
    page.locator(f"html[lang={language}][data-theme={theme}]").wait_for()


def forgive_refusals(phone):
    codes = ("403", "404", "405", "400")
    phone.complaints[:] = [
        said for said in phone.complaints if not any(f" {code} " in said for code in codes)
    ]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_has_a_violation(phone, open_place, home, everything, language, theme):
    page = phone("/")
    dressed(page, language, theme)
    for seen in Tour(page, open_place, home, everything, all_reps=language == "en"):
        assert page.evaluate(FITS) == [False, []], (seen, language)
        assert page.evaluate(SLIVERS) == [], (seen, language)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert violations(page) == [], (seen, language, theme)
    forgive_refusals(phone)


# --- large text, large targets, and ARM in sight -------------------------------------------------

LARGE = """addEventListener("DOMContentLoaded", () => {
  document.documentElement.style.fontSize = "225%"; });"""

# Text that runs under Stop, and letters under letters.
CROSSED = """() => {
  const stop = document.getElementById("stop")?.getBoundingClientRect();
  const range = document.createRange();
  const said = [...document.querySelectorAll("#word, #sentence, #problem")];
  return !stop ? [] : said.filter((part) => {
    range.selectNodeContents(part);
    return [...range.getClientRects()].some((box) => box.right > stop.left && box.left < stop.right
      && box.bottom > stop.top && box.top < stop.bottom);
  }).map((part) => part.id);
}"""
COLUMNS = """() => [...document.querySelectorAll("main p, main li, main h1, main dd, main span")]
  .filter((part) => part.textContent.trim().length > 8 && !part.closest(".unseen, .wide, table"))
  .map((part) => [part.textContent.trim().slice(0, 30), part.getBoundingClientRect()])
  .filter(([, box]) => box.width && box.width < 72 && box.height > 4 * box.width)
  .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_breaks_when_its_text_is_twice_as_large(
    phone, open_place, home, everything, language
):
    page = phone("/", script=LARGE)
    dressed(page, language, "sun")
    for seen in Tour(page, open_place, home, everything, all_reps=language == "en"):
        assert page.evaluate(FITS) == [False, []], (seen, language)
        assert page.evaluate(CROSSED) == [], (seen, language)
        assert page.evaluate(COLUMNS) == [], (seen, language)
    forgive_refusals(phone)


# A link within a sentence is as high as its line; whatever else is pressed is a target.
TARGETS = """(least) => {
  const inSentence = (part) => part.matches("a") && [...part.parentElement.childNodes]
    .some((beside) => beside.nodeType === 3 && beside.textContent.trim().length > 1);
  const pressed = "main a, main button, main summary, main select, main label.check";
  return [...document.querySelectorAll(pressed)]
    .filter((part) => !inSentence(part) && !part.matches(".unseen *, :has(img)"))
    .map((part) => [part.textContent.trim().slice(0, 20), part.getBoundingClientRect()])
    .filter(([, box]) => box.width && box.height < least - 0.5)
    .map(([name, box]) => `${name} ${box.width}x${box.height}`);
}"""


def test_whatever_is_pressed_is_large_and_on_the_live_path_larger(
    phone, open_place, home, everything
):
    page = phone("/")
    for seen in Tour(page, open_place, home, everything):
        live = seen.split(",")[0] in LIVE
        assert page.evaluate(TARGETS, 64 if live else 44) == [], seen
    forgive_refusals(phone)


@pytest.mark.parametrize("lanes", [1, 4])
def test_arm_is_in_sight_without_scrolling_and_the_state_stays_there(
    phone, open_place, everything, lanes
):
    athletes = [open_place.add_athlete(f"Otter {k}").id for k in range(8)]
    circuit = CIRCUITS["lesson"]._asdict() | {"lanes": lanes, "cues": ["Run tall"]}
    session = everything[0]
    open_place.end_session(session)
    mine = open_place.begin_session(circuit, sessions.plan(athletes, circuit["starts"]))
    in_lanes(open_place, f"in sight {lanes}", *[0.2, 0.3, 0.25, 0.28][:lanes])
    page = phone("/session")
    for path in ("/session", "/"):
        page.goto(path)
        page.locator("#word", has_text="DONE").wait_for()
        box = page.locator("#arm").bounding_box()
        assert box["y"] + box["height"] <= PHONE["height"], path
        if path == "/session":
            state = page.locator("#state").bounding_box()
            assert box["y"] - (state["y"] + state["height"]) < 32, "straight below"
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        stop = page.locator("#stop").bounding_box()
        assert 0 <= stop["y"] <= PHONE["height"] - stop["height"], path
    open_place.end_session(mine.id)
    open_place.resume_session(session)
