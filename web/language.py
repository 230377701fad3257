"""Which language a page speaks, and what its scripts say in it. Translates through gettext."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.support import NullTranslations, Translations
from flask import (
    Blueprint,
    Flask,
    Response,
    g,
    has_request_context,
    redirect,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import Babel, force_locale, get_domain, get_locale

from web.at_hand import store

page = Blueprint("language", __name__)

LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français"}
FOLDER = Path(__file__).parent / "translations"
SCRIPTS = Path(__file__).parent / "static"


def N_(text: str) -> str:
    """Marks a text that is translated where it is shown."""
    return text


def speak(app: Flask) -> None:
    """Let every page of the app come in the language of whoever reads it."""
    Babel(app, locale_selector=chosen)
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: texts().ugettext(text),
        lambda one, many, count: texts().ungettext(one, many, count),
        newstyle=True,
    )
    versions = hashlib.sha256()
    for path in sorted(FOLDER.glob("*/LC_MESSAGES/scripts.mo")):
        versions.update(path.read_bytes())
    app.jinja_env.globals.update(
        language=language,
        languages=LANGUAGES,
        words_version=versions.hexdigest()[:10],
        in_language=in_language,
    )


def in_language(text: Any) -> str:
    """A text that is data, in the page's language; whatever somebody typed stays as it is.

    For templates, where _() takes a text for one of ours: neither escapes it, nor leaves a % in it.
    """
    return texts().ugettext(str(text)) if text else ""


def texts() -> NullTranslations:
    """The texts of this page's language, looked up once: a board asks hundreds of times."""
    if "texts" not in g:
        g.texts = get_domain().get_translations()
    return g.texts


def chosen() -> str:
    """What was chosen on this phone, else for the box, else the first of the phone's own."""
    if not has_request_context():
        return "en"
    own = session.get("language")
    if own in LANGUAGES:
        return own
    ours = store().station().language
    if ours in LANGUAGES:
        return ours
    return request.accept_languages.best_match(LANGUAGES) or "en"


def language() -> str:
    """The language of this page, such as "de"."""
    locale = get_locale()
    return locale.language if locale else "en"


@contextmanager
def speaking(app: Flask, wanted: str) -> Iterator[None]:
    """Speak a language where there is no request to tell which."""
    with app.app_context(), force_locale(wanted):
        yield


@cache
def catalogue(domain: str, wanted: str) -> Mapping[str, str]:
    """Every text of a domain with its translation, as far as there is one: told | scripts."""
    found = Translations.load(FOLDER, [wanted], domain)
    texts = getattr(found, "_catalog", {})
    return {text: said for text, said in texts.items() if text and isinstance(text, str) and said}


def decimal(text: str) -> str:
    """A number with the language's own decimal sign: 0.153 is 0,153 in German."""
    locale = get_locale() or Locale("en")
    sign = locale.number_symbols["latn"]["decimal"]
    return text if sign == "." else text.replace(".", sign)


@cache
def said_by_small_scripts() -> frozenset[str]:
    """What the scripts of every page but Set-up say."""
    sources = [path.read_text("utf-8") for path in SCRIPTS.glob("*.js") if path.stem != "set_up"]
    texts = set(catalogue("scripts", "de"))
    return frozenset(text for text in texts if any(json.dumps(text) in each for each in sources))


@page.post("/language")
def choose() -> ResponseReturnValue:
    """Another language on this phone, and back to the page it was asked on."""
    wanted, back = request.form.get("language", ""), request.form.get("back", "")
    if wanted in LANGUAGES:
        session.permanent = True
        session["language"] = wanted
    return redirect(local(back), 303)


def local(back: str) -> str:
    """That page of ours, or Start when it is none of ours."""
    ours = back.startswith("/") and not back.startswith(("//", "/\\"))
    return back if ours else url_for("pages.start")


@page.get("/words.js")
def words() -> ResponseReturnValue:
    """What the scripts say, in the language that is asked for."""
    wanted = request.args.get("language", "")
    texts = catalogue("scripts", wanted) if wanted in LANGUAGES else {}
    if "all" not in request.args:  # Set-up says more than all other pages together
        texts = {text: said for text, said in texts.items() if text in said_by_small_scripts()}
    said = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    response = Response(f"self.trackstartWords={said};\n", mimetype="text/javascript")
    if "v" in request.args:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
