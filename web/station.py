"""The box as a whole: what the big screen shows, who starts, what is kept and for how long."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as L

from pi import sessions
from pi.settings import home
from pi.store import CONSENTS, LOGGED, MOST_KEEP_DAYS, SCREENS, Session
from web import board, coach, wifi
from web.at_hand import poke, store
from web.language import LANGUAGES, local
from web.people import names_of
from web.session import coming_of
from web.state import last_ended, state_now

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
VIEWS = {"now": L("Who is up"), "last": L("Last start"), "board": L("Board"), "join": L("Join")}
MARKS = {"": L("not asked"), "yes": L("agreed"), "no": L("not agreed")}


@page.get("/settings")
def show() -> ResponseReturnValue:
    return settings_page()


def settings_page(said: str = "", status: int = 200) -> ResponseReturnValue:
    now = coach.station()
    html = render_template(
        "settings.html",
        state=state_now(store()),
        said=said,
        station=now,
        views=VIEWS,
        languages=LANGUAGES,
        keep=KEEP,
        kept=now.keep_days or 0,
        athletes=store().athletes() if coach.is_coach() else [],
        marks=MARKS,
        entries=store().log_entries(20) if coach.is_coach() else [],
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
    return changed()


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
    """To be read from far: what the coach wants it to show. Has no button."""
    view = coach.station().screen
    session = store().running_session() or store().latest_session()
    return render_template(
        "screen.html",
        state=state_now(store()),
        view=view,
        session=session,
        address=request.host_url,
        wifi=wifi.known(home()),
        **(now_of(session) | board_of(session) if session else {}),
        last=last_ended(store()) if view == "last" else None,
        names=names_of(),
    )


def now_of(session: Session) -> dict[str, Any]:
    """Who starts, and who after that."""
    turns = store().turns(session.id) if not session.ended_at else []
    coming, together, stations, _elsewhere = coming_of(session, turns, names_of())
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
    turns, reps = store().turns(session.id), store().starts(session.id, results=False)
    told = board.columns(session, turns, reps)
    return {
        "columns": told,
        "teams": board.teams_of(told),
        "first": board.first_of(session, told),
    }
