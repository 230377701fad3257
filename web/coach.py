"""Who is the coach: a PIN, asked for once on each of the coach's phones.

Until somebody uses the PIN the timer is everybody's, as a runner alone wants it, and the page shows
it. From then on only a coach's phone changes anything; everybody may look, stop, and say how a
start felt. A new PIN is made on the box: `trackstart pin`.
"""

import secrets
import threading
import time
from collections import deque

from flask import (
    Blueprint,
    Flask,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from pi.pin import is_right, new_pin
from pi.store import Station, Store
from web.at_hand import store
from web.reply import say
from web.state import state_now

page = Blueprint("coach", __name__)

TRIES, WITHIN_S = 5, 60.0  # of wrong PINs, all phones together
KEPT_DAYS = 120  # a term

ANYBODYS = {
    *("pages.stop", "coach.enter", "coach.leave", "language.choose", "home.choose"),
    *("session.felt", "board.forget_athlete"),
}
"""What needs no coach: to stop is everybody's, one's own is one's own."""

STARTS = {"pages.arm", "pages.go", "session.arm", "games.arm"}
"""What only the starter's phone does, once there is a coach: two phones must not start at once."""

wrong: deque[float] = deque(maxlen=TRIES)
lock = threading.Lock()


def station() -> Station:
    """Whose timer it is, read once a request."""
    if "station" not in g:
        g.station = store().station()
    return g.station


def is_coach() -> bool:
    """Whether this phone may change things: a coach's, or any while nobody is the coach."""
    now = station()
    return not now.claimed or session.get("coach") == now.pin_hash[-24:]


def phone() -> str:
    """This phone's own sign, made when a PIN was typed on it; "" before."""
    return str(session.get("phone", ""))


def is_starter() -> bool:
    """Whether this phone may start somebody: the starter's, or any coach's while nobody is that."""
    now = station()
    return is_coach() and (not now.claimed or now.starter in (None, phone()))


def take_start() -> None:
    """This phone is the starter's from now on."""
    store().take_start(phone() or "box")
    g.pop("station", None)


def keep_to_coach(app: Flask, store: Store) -> None:
    """Refuse everything that changes something to phones that are no coach's."""
    now = store.station()
    if not now.pin_hash:
        now = store.station(new_pin)
    app.secret_key = now.signing_key
    app.config.update(
        SESSION_COOKIE_NAME="trackstart",
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=KEPT_DAYS * 86400,
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    app.jinja_env.globals.update(is_coach=is_coach, is_starter=is_starter)

    @app.before_request
    def coaches_only() -> ResponseReturnValue | None:
        if request.method in {"GET", "HEAD", "OPTIONS"} or request.endpoint in ANYBODYS:
            return None
        if is_starter() or (is_coach() and request.endpoint not in STARTS):
            return None
        if is_coach():
            said = _("Another phone starts. Tap “I start” to take that over.")
            return say(coach_page, said, 403)
        said = _("Only the coach's phone may do that. If you are the coach, type the PIN on Coach.")
        return say(coach_page, said, 403)


@page.get("/coach")
def show() -> ResponseReturnValue:
    return coach_page()


def coach_page(said: str = "", status: int = 200) -> ResponseReturnValue:
    html = render_template(
        "coach.html", state=state_now(store()), said=said, station=station(), mine=is_coach()
    )
    return html, status


@page.post("/coach/enter")
def enter() -> ResponseReturnValue:
    """The PIN, once on each phone; its first use takes the timer over."""
    now = time.monotonic()
    with lock:
        if len(wrong) == TRIES and now - wrong[0] < WITHIN_S:
            return coach_page(_("Five wrong PINs. Wait a minute, then try again."), 429)
    if not is_right(request.form.get("pin", ""), station().pin_hash):
        with lock:
            wrong.append(now)
        return coach_page(_("That is not the PIN."), 403)
    session.permanent = True
    session["coach"] = station().pin_hash[-24:]
    session["phone"] = phone() or secrets.token_urlsafe(12)
    store().claim_station(phone()[:6])
    if station().starter is None:
        take_start()
    return redirect(url_for("coach.show"), 303)


@page.post("/coach/leave")
def leave() -> ResponseReturnValue:
    """This phone is a coach's no more."""
    session.pop("coach", None)
    session.pop("phone", None)
    return redirect(url_for("coach.show"), 303)
