"""The Home page: where everything is. And what this phone's pages look like."""

from flask import Blueprint, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from web.at_hand import store
from web.language import N_, local
from web.state import state_now

page = Blueprint("home", __name__)

THEMES = {"sun": N_("Sun"), "night": N_("Night")}


def theme() -> str:
    """What this phone's pages look like: black on white for the sun, unless chosen otherwise."""
    chosen = session.get("theme")
    return chosen if chosen in THEMES else "sun"


@page.get("/home")
def show() -> ResponseReturnValue:
    return render_template("home.html", state=state_now(store()), session=store().running_session())


@page.post("/theme")
def choose() -> ResponseReturnValue:
    """Another look on this phone."""
    wanted = request.form.get("theme", "")
    if wanted in THEMES:
        session.permanent = True
        session["theme"] = wanted
    return redirect(local(request.form.get("back", "")), 303)
