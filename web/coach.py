"""Who is the coach: a PIN, asked for once on each of the coach's phones.

Until somebody uses the PIN the timer is everybody's, as a runner alone wants it, and the page shows
it; only erasing waits for somebody who answers for it. From then on only a coach's phone changes
anything; everybody may look, stop, and say how a start felt. A new PIN is made on the box:
`trackstart pin`. Whoever answers for the box may keep to himself what is kept, the log, PINs and
erasing: `trackstart pin --admin` makes the admin's secret.
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

from pi.pin import is_admins, is_right, new_pin
from pi.store import Station, Store
from web.at_hand import store
from web.reply import say
from web.state import state_now

page = Blueprint("coach", __name__)

TRIES, TRIES_OF_ALL, WITHIN_S = 5, 30, 60.0  # of wrong PINs: from one address, and from all
KEPT_DAYS = 120  # a term

ANYBODYS = {
    *("pages.stop", "coach.enter", "coach.leave", "language.choose", "home.choose"),
    *("session.felt", "board.feel", "board.choose_cues", "board.forget_athlete"),
}
"""What needs no coach: to stop is everybody's, one's own is one's own."""

STARTS = {"pages.arm", "pages.go", "session.arm", "games.arm"}
"""What only the starter's phone does, once there is a coach: two phones must not start at once."""

ADMINS = {"station.set_keep", "station.set_clips", "station.make_pin", "station.erase"}
"""What is the admin's alone, where there is one."""

FOR_GOOD = {"station.set_keep", "station.erase", "board.forget_class"}
"""What takes out what others ran: nobody's, as long as every phone may do everything."""

wrong: deque[tuple[float, str]] = deque(maxlen=TRIES_OF_ALL)  # when, and from which address
lock = threading.Lock()  # one PIN at a time is compared: each takes 32 MB, and the processor


def station() -> Station:
    """Whose timer it is, read once a request."""
    if "station" not in g:
        g.station = store().station()
    return g.station


def is_coach() -> bool:
    """Whether this phone may change things: a coach's, or any while nobody is the coach."""
    now = station()
    return not now.claimed or session.get("coach") == now.pin_hash[-24:] or is_admin()


def is_admin() -> bool:
    """Whether the admin's secret was typed on this phone."""
    kept = station().admin_hash
    return bool(kept) and session.get("admin") == kept[-24:]


def may_administer() -> bool:
    """Whether this phone may do what is the admin's: a coach's may where there is no admin."""
    return is_admin() if station().admin_hash else is_coach()


def is_answered_for() -> bool:
    """Whether somebody answers for the box: before that nothing is taken out of it for good."""
    return station().claimed or is_admin()


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
    app.jinja_env.globals.update(
        is_coach=is_coach,
        is_starter=is_starter,
        may_administer=may_administer,
        is_answered_for=is_answered_for,
        keeps_clips=lambda: station().clips,
    )

    @app.before_request
    def coaches_only() -> ResponseReturnValue | None:
        if request.method in {"GET", "HEAD", "OPTIONS"} or request.endpoint in ANYBODYS:
            return None
        if request.endpoint in ADMINS:
            mine = may_administer()
        else:
            mine = is_starter() or (is_coach() and request.endpoint not in STARTS)
        if mine and (request.endpoint not in FOR_GOOD or is_answered_for()):
            return None
        if mine:
            said = _("Nobody is the coach yet: take the timer over, then you may do that.")
        elif not is_coach():
            said = _(
                "Only the coach's phone may do that. If you are the coach, type the PIN on Coach."
            )
        elif request.endpoint in ADMINS:
            said = _("Only the admin may do that: type the admin's secret in place of the PIN.")
        else:
            said = _("Another phone starts. Tap “I start” to take that over.")
        return say(coach_page, said, 403)


@page.get("/coach")
def show() -> ResponseReturnValue:
    return coach_page()


def coach_page(said: str = "", status: int = 200) -> ResponseReturnValue:
    html = render_template(
        "coach.html",
        state=state_now(store()),
        said=said,
        station=station(),
        mine=is_coach(),
        admin=is_admin(),
    )
    return html, status


@page.post("/coach/enter")
def enter() -> ResponseReturnValue:
    """The PIN, once on each phone; its first use takes the timer over. Or the admin's secret."""
    typed, address = request.form.get("pin", ""), request.remote_addr or ""
    admins = is_admins(typed)
    kept = station().admin_hash if admins else station().pin_hash
    with lock:
        if said := too_many(address):
            return coach_page(said, 429)
        if not is_right(typed, kept):
            wrong.append((time.monotonic(), address))
            return coach_page(_("That is not the PIN."), 403)
    session.permanent = True
    session["phone"] = phone() or secrets.token_urlsafe(12)
    session["admin" if admins else "coach"] = kept[-24:]
    if admins:
        store().enter_admin(phone()[:6])
    else:
        store().claim_station(phone()[:6])
        if station().starter is None:
            take_start()
    return redirect(url_for("coach.show"), 303)


def too_many(address: str) -> str:
    """Why no PIN is taken from there for a while; "" where one is.

    Whoever guesses locks himself out, and not the coach: only very many phones together do that.
    """
    since = time.monotonic() - WITHIN_S
    recent = [whose for at, whose in wrong if at > since]
    if recent.count(address) >= TRIES:
        return _("Five wrong PINs. Wait a minute, then try again.")
    if len(recent) >= TRIES_OF_ALL:
        return _("Too many wrong PINs from all phones. Wait a minute, then try again.")
    return ""


@page.post("/coach/leave")
def leave() -> ResponseReturnValue:
    """This phone is a coach's no more, and does not start anybody."""
    if phone():
        store().leave_start(phone())
    session.pop("coach", None)
    session.pop("admin", None)
    session.pop("phone", None)
    return redirect(url_for("coach.show"), 303)
