"""The box as a whole: what the big screen shows, who starts, what is kept and for how long."""

from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as L

from pi import pin, sessions
from pi.settings import home
from pi.store import CONSENTS, LOGGED, MOST_KEEP_DAYS, SCREENS, Busy, Session
from web import board, coach, wifi
from web.at_hand import poke, store
from web.language import LANGUAGES, local
from web.people import names_of
from web.state import state_now
from web.turns import asks_feeling, lanes_of, order_of

page = Blueprint("station", __name__)

KEEP = {
    1: L("a day"),
    7: L("a week"),
    30: L("a month"),
    120: L("a term"),
    365: L("a year"),
    0: L("until somebody forgets it"),
}
"""Days, and what they are called; 0 for ever."""
SHOWN = 10
"""Athletes on Settings without a further tap."""
VIEWS = {"now": L("Who is up"), "last": L("Last start"), "board": L("Board"), "join": L("Join")}
MARKS = {"": L("not asked"), "yes": L("agreed"), "no": L("not agreed")}


@page.get("/settings")
def show() -> ResponseReturnValue:
    return settings_page()


def settings_page(said: str = "", status: int = 200, new_pin: str = "") -> ResponseReturnValue:
    """The page.   new_pin : what was just made, to be read once."""
    now, asked = coach.station(), " ".join(request.args.get("q", "").split())
    athletes = store().athletes() if coach.is_coach() else []
    html = render_template(
        "settings.html",
        state=state_now(store()),
        said=said,
        station=now,
        views=VIEWS,
        languages=LANGUAGES,
        keep=KEEP,
        kept=now.keep_days or 0,
        everybody=len(athletes),
        athletes=[each for each in athletes if asked.casefold() in each.name.casefold()],
        asked=asked,
        shown=SHOWN,
        marks=MARKS,
        entries=store().log_entries(20) if coach.may_administer() else [],
        new_pin=new_pin,
        logged=LOGGED,
    )
    return html, status


@page.post("/settings/screen")
def set_screen() -> ResponseReturnValue:
    """What the big screen shows from now on."""
    view = request.form.get("view", "")
    if view not in SCREENS:
        return settings_page(_("Choose what the big screen shows."), 400)
    store().set_station(screen=view)
    return changed()


@page.post("/settings/language")
def set_language() -> ResponseReturnValue:
    """The language of phones on which none was chosen, and of the big screen."""
    wanted = request.form.get("language", "")
    if wanted and wanted not in LANGUAGES:
        return settings_page(_("Choose one of the languages."), 400)
    store().set_station(language=wanted)
    return changed()


@page.post("/settings/keep")
def set_keep() -> ResponseReturnValue:
    """For how long starts and names are kept; what is older goes within the hour."""
    days = request.form.get("days", -1, type=int)
    if not 0 <= days <= MOST_KEEP_DAYS:
        return settings_page(_("Choose for how long."), 400)
    store().set_keep_days(days or None)
    return changed()


@page.post("/settings/clips")
def set_clips() -> ResponseReturnValue:
    """Whether a coach may have a clip kept at all; those that are kept are not shown either."""
    store().set_station(clips=request.form.get("clips") == "yes")
    return changed()


@page.post("/settings/pin")
def make_pin() -> ResponseReturnValue:
    """A new PIN for the coaches, told once: every coach's phone is logged out by it."""
    made, kept = pin.new_pin()
    store().set_pin(kept, coach.phone()[:6])
    if not coach.is_admin():  # a coach where there is no admin: still one
        session["coach"] = kept[-24:]
    g.pop("station", None)
    poke()
    return settings_page(new_pin=made)


@page.post("/settings/erase")
def erase() -> ResponseReturnValue:
    """Everything that was ever run or typed here, for good."""
    if request.form.get("sure") != "yes":
        return settings_page(_("Nothing was forgotten: tick the box first."), 400)
    try:
        store().erase(coach.phone()[:6])
    except Busy:
        return settings_page(_("A rep runs just now. Stop it, or wait."), 409)
    return changed()


@page.post("/settings/consent/<int:number>")
def set_consent(number: int) -> ResponseReturnValue:
    """Whether an athlete, or a parent, has agreed that the name is shown."""
    mark = request.form.get("mark", "")
    if mark not in CONSENTS:
        abort(400)
    try:
        store().set_consent(number, mark)
    except ValueError:
        return settings_page(_("That athlete is not there any more."), 404)
    poke()
    q = request.args.get("q")
    return redirect(url_for("station.show", q=q, _anchor="s-who" if q else None), 303)


@page.post("/settings/starter")
def take_start() -> ResponseReturnValue:
    """From now on this phone starts, and no other; who had it before only looks on."""
    coach.take_start()
    poke()
    return redirect(local(request.form.get("back") or url_for("session.show")), 303)


def changed() -> ResponseReturnValue:
    poke()
    return redirect(url_for("station.show"), 303)


@page.get("/screen")
def screen() -> ResponseReturnValue:
    """To be read from far: what the coach wants it to show. Has no button.

    Everybody reads it, so names are those of everybody's phone, whoever opened it.
    """
    view = coach.station().screen
    shown = store().running_session() or store().latest_session()
    last, names = store().latest_ended() if view == "last" else None, names_of(coach=False)
    return render_template(
        "screen.html",
        state=state_now(store()),
        view=view,
        session=shown,
        address=request.host_url,
        wifi=wifi.known(home()),
        **(now_of(shown) | board_of(shown) if shown else {}),
        last=last,
        lanes=lanes_of(store(), last, names) if last else [],
        asked=asks_feeling(store()),
        names=names,
    )


def now_of(session: Session) -> dict[str, Any]:
    """Who starts, and who after that."""
    turns = store().turns(session.id) if not session.ended_at else []
    coming, together, stations, _elsewhere = order_of(
        store(), session, turns, names_of(coach=False)
    )
    return {
        "coming": coming[: together + 2],
        "together": together,
        "stations": None if session.ended_at else stations,
        "progress": sessions.progress(
            [sessions.Turned(turn.athlete_id, turn.state) for turn in turns]
        ),
    }


def board_of(session: Session) -> dict[str, Any]:
    """The session's board; read only where it is shown."""
    if coach.station().screen != "board":
        return {}
    turns, reps = store().turns(session.id), store().starts(session.id, results=False, planned=True)
    told = board.columns(session, turns, reps, asks_feeling(store()), coach=False)
    return {"sheets": board.sheets(told, board.first_of(session, told))}
