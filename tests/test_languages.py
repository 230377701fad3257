"""Every page in every language: nothing is missing, and nothing is said past the catalogues."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import flask_babel
import pytest
from babel.support import NullTranslations
from sample_reps import ENDINGS, add_rep, walk
from test_web import JSON, OURS

import web.language
from web import told, wifi, words
from web.language import LANGUAGES, catalogue, speaking

ROOT = Path(__file__).parent.parent
FOREIGN = [key for key in LANGUAGES if key != "en"]


pytestmark = pytest.mark.usefixtures("ready")


# --- nothing is missing --------------------------------------------------------------------------


def test_no_template_takes_what_somebody_typed_for_a_text_of_ours():
    """In a template _() of a variable is neither escaped nor safe from a % in it."""
    for template in (ROOT / "web/templates").glob("*.html"):
        wrong = re.findall(r"(?<![\w.])_\(\s*[^'\"\s][^)]*\)", template.read_text("utf-8"))
        assert wrong == [], template.name


def test_every_catalogue_is_complete_and_compiled():
    checked = subprocess.run(
        [sys.executable, str(ROOT / "tools/translations.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr[-2000:]


class Shown(HTMLParser):
    """What a reader reads, and what a screen reader says beside it."""

    SILENT = ("script", "style", "code", "bdi", "time", "noscript", "textarea", "b", "svg")

    def __init__(self, page):
        super().__init__()
        self.texts, self.silent = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        if tag in self.SILENT or (tag in ("button", "html") and "value" in told and "lang" in told):
            self.silent.append(tag)
        for name in ("aria-label", "title", "alt", "placeholder"):
            if name in told:
                self.texts.append(told[name])

    def handle_endtag(self, tag):
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data):
        if not self.silent:
            self.texts.append(data)


class Marked(NullTranslations):
    """Says everything in brackets, as a language that nobody has written would."""

    def ugettext(self, message):
        return f"⟦{message}⟧"

    def ungettext(self, singular, plural, number):
        return f"⟦{singular if number == 1 else plural}⟧"


# What is the same in every language: names, units, formats, and what somebody has typed.
SAME = re.compile(
    r"Trackstart|Fox \d|Quetzal|prone|simulated|JSON|CSV|UTC|\bm/s²?|\bms\b|\bmin\b|\bpx\b|LED|PIN|"
    r"trackstart-\w+|http://localhost/|localhost"
)


def unmarked(page):
    """The words of a page that went past the catalogues."""
    rest = "\n".join(Shown(page).texts)
    while "⟦" in rest:
        cut = re.sub(r"⟦[^⟦⟧]*⟧", "", rest)
        if cut == rest:
            break
        rest = cut
    lines = SAME.sub("", rest).split("\n")
    return [" ".join(line.split()) for line in lines if re.search(r"[A-Za-zÀ-ž]{3}", line)]


def test_no_page_says_anything_past_the_catalogues(client, store, tmp_path, monkeypatch):
    monkeypatch.setattr(flask_babel.Domain, "get_translations", lambda self: Marked())
    marked = lambda text: f"⟦{text}⟧" if text else ""  # noqa: E731
    monkeypatch.setattr(words, "told", marked)
    reps = [add_rep(store, ending) for ending in ENDINGS]
    wifi.keep(tmp_path, "trackstart-123", "secret words")
    paths = (
        "/ /home /session /reps /reps?posture=plank /set-up /check /coach /join /help /screen /nope"
    ).split()
    paths += [f"/rep/{rep.id}" for rep in reps]
    for path in paths:
        assert unmarked(client.get(path).text) == [], path
    client.post("/session/begin", data={"circuit": "lesson", "names": "Fox 1, Fox 2"}, headers=OURS)
    rep = store.request_turn("a")
    token = store.athletes()[0].token
    for state in ("settling", "holding", "running", "analysing", "done"):
        for path in ("/", "/session", "/screen", "/session/1", f"/me/{token}", f"/rep/{rep.id}"):
            page = client.get(path)
            assert unmarked(page.text) == [], path
        rep = walk(store, rep, state)


# --- what is said is in the language -------------------------------------------------------------


def test_a_page_looks_its_language_up_once_however_many_texts_it_has(client, monkeypatch):
    """A board of thirty asks for 260 texts: looking the language up each time took as long as all
    else of its template."""
    found = web.language.get_domain
    asked = []
    monkeypatch.setattr(web.language, "get_domain", lambda: asked.append(1) or found())
    for _ in range(2):
        assert client.get("/session").status_code == 200
    assert len(asked) == 2


@pytest.mark.parametrize("language", FOREIGN)
def test_a_phone_is_spoken_to_in_its_own_language(client, language):
    page = client.get("/", headers={"Accept-Language": f"{language};q=0.9,en;q=0.5"}).text
    assert f'<html lang="{language}"' in page
    assert "On the back" not in page


def test_a_chosen_language_stays_and_leads_back(client):
    answer = client.post("/language", data={"language": "fr", "back": "/help?x=1"}, headers=OURS)
    assert (answer.status_code, answer.location) == (303, "/help?x=1")
    assert '<html lang="fr"' in client.get("/").text
    away = client.post("/language", data={"language": "de", "back": "//evil.test/"}, headers=OURS)
    assert away.location == "/"
    assert '<html lang="de"' in client.get("/").text
    client.post("/language", data={"language": "xx", "back": "/"}, headers=OURS)
    assert '<html lang="de"' in client.get("/").text


def test_the_state_is_told_in_the_phone_s_language(client, store):
    english = client.get("/state.json", headers=JSON).json["word"]
    german = client.get("/state.json", headers=JSON | {"Accept-Language": "de"}).json["word"]
    assert english == "READY"
    assert german == catalogue("messages", "de")["READY"] != "READY"


def test_each_phone_s_stream_speaks_its_own_language(app, store):
    feed = app.extensions["feed"]
    streams = {}
    for language in ("en", "de"):
        assert feed.admit(language)
        streams[language] = feed.events(store.latest_change(), language, beat_s=3.0)
    said = {}
    for language, stream in streams.items():
        event = next(text for text in stream if "event: state" in text)
        said[language] = re.search(r'"word": "([^"]*)"', event)[1]
        feed.leave(language)
    assert said == {"en": "READY", "de": catalogue("messages", "de")["READY"]}


@pytest.mark.parametrize("language", FOREIGN)
def test_what_the_device_says_is_found_again_with_its_numbers(app, language):
    with speaking(app, language):
        said = told.told("the camera dropped 14 frames; times near them are less certain")
        assert "14" in said
        assert "dropped" not in said
        doubt = told.told(
            "the LED test of 2026-05-01 found the camera's clock 3.4 ms late: times from the signal"
            " are off by as much until it is repaired"
        )
        assert "3,4" in doubt
        assert " late" not in doubt
        two = told.told("too dark for a short exposure: moving limbs are blurred; 50 joined")
        assert "joined" not in two
        assert told.told("something that nobody wrote") == "something that nobody wrote"


@pytest.mark.parametrize(("language", "shown"), [("en", "0.243"), ("de", "0,243"), ("fr", "0,243")])
def test_numbers_have_the_decimal_sign_of_the_language(client, store, language, shown):
    rep = add_rep(store)
    page = client.get(f"/rep/{rep.id}", headers={"Accept-Language": language}).text
    assert f">{shown}<" in page


@pytest.mark.parametrize("language", FOREIGN)
def test_the_scripts_get_their_words(client, language):
    page = client.get("/", headers={"Accept-Language": language}).text
    address = re.search(r'src="(/words\.js[^"]*)"', page)[1].replace("&amp;", "&")
    answer = client.get(address)
    assert answer.mimetype == "text/javascript"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "The timer did not answer. Try again." in answer.text
    assert len(answer.data) < 3000, "no more than these pages say"
    page = client.get("/set-up", headers={"Accept-Language": language}).text
    address = re.search(r'src="(/words\.js[^"]*)"', page)[1].replace("&amp;", "&")
    assert "No contact with the timer. Try again." in client.get(address).text
    assert client.get("/words.js?language=xx").text == "self.trackstartWords={};\n"
