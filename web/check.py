"""The Check page: has the device look at the box and test itself, shows what it found."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as L

from pi.store import SetUp
from web.at_hand import row_id, store
from web.state import state_now

page = Blueprint("check", __name__, url_prefix="/check")

ASKS = ("parts", "led", "sound", "play")

DOING = {
    "parts": L("Looking at every part"),
    "led": L("Flashing the LED"),
    "sound": L("Playing tick and tone"),
    "play": L("Playing"),
}
LASTS = {
    "parts": L("It takes a few seconds."),
    "led": L("It takes about half a minute."),
    "sound": L("It takes half a minute."),
    "play": L("It takes a moment."),
}


@page.get("")
def show() -> ResponseReturnValue:
    number = request.args.get("job", type=row_id)
    job = store().set_up(number) if number else None
    if job and job.kind not in ASKS:
        abort(404)
    return render_template(
        "check.html",
        state=state_now(store()),
        job=job,
        waits=job is not None and job.state == "asked",
        doing=DOING.get(job.kind, "") if job else "",
        lasts=LASTS.get(job.kind, "") if job else "",
        gone=bool(number) and job is None,
        parts=_parts(job),
    )


def _parts(job: SetUp | None) -> list[dict[str, Any]]:
    """What is bad first, then what could be better: a coach reads the top."""
    if job is None or job.kind != "parts" or job.state != "done":
        return []
    order = ["bad", "warning", "unknown", "good"]
    return sorted((job.answer or {})["parts"], key=lambda part: order.index(part["verdict"]))


@page.post("/<kind>")
def ask(kind: str) -> ResponseReturnValue:
    if kind not in ASKS:
        abort(404)
    asked = {"what": request.form.get("what", "buzzer")} if kind == "play" else {}
    job = store().ask_set_up(kind, asked)
    return redirect(url_for("check.show", job=job.id), 303)
