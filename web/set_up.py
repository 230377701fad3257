"""The Set-up page: asks the device for pictures and answers, shows them. Computes nothing."""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as L
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pi.store import Calibration, SetUp
from web import words
from web.at_hand import poke, row_id, settings, store
from web.coach import is_coach
from web.reply import say
from web.state import known_line, must_follow, state_now
from web.told import told as in_language

page = Blueprint("set_up", __name__, url_prefix="/set-up")

ANSWER_S = 1.0
"""How long a question waits for its answer, before the page has to ask again."""

PATIENCE_S = 10.0
"""How long the one tap of Calibrate again waits for each of its two steps."""

COACHS = L("The camera's picture is shown on a coach's phone only.")
NOT_RUNNING = L("The timer is not running. Switch it on, wait a moment, then try again.")


# --- The page ----------------------------------------------------------------------------------


@page.get("")
def show() -> ResponseReturnValue:
    return set_up_page()


def set_up_page(said: str = "", status: int = 200) -> ResponseReturnValue:
    """The page, with a sentence about what was just asked for."""
    line = known_line(store(), settings())
    html = render_template(
        "set_up.html",
        state=state_now(store()),
        said=said,
        line=line,
        now=described(line.kept) if line.kept else None,
        forgotten=request.args.get("forgotten", type=row_id) if request.method == "GET" else None,
        lenses=words.LENSES,
    )
    return html, status


def described(kept: Calibration) -> dict[str, Any]:
    """A calibration as the page tells of it; None for what is not known."""
    data = kept.data
    told: Mapping[str, Any] = data.get("told") or {}
    lens = data.get("lens") or None
    return {
        "id": kept.id,
        "created_at": kept.created_at,
        "source": str(words.SOURCES[kept.source]),
        "mode": kept.mode,
        "cones": sorted(cone["metres"] for cone in data.get("cones") or ()),
        "u_cm": _scaled(told.get("u_m"), 100),
        "px_per_m": told.get("px_per_m"),
        "direction": told.get("direction"),
        "view": told.get("view_m"),
        "warnings": [words.sentence(text) for text in told.get("warnings") or ()],
        "lens": words.lens(lens),
        "level": words.level(data),
        "depth_m": data.get("depth_m") or None,
        "lanes": [lane["name"] for lane in data.get("lanes") or ()],
        "can_follow": kept.still is not None,
        "data": {key: value for key, value in data.items() if key != "told"},
    }


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else value * by


@page.post("/calibration/<int:number>/forget")
def forget(number: int) -> ResponseReturnValue:
    _date(number, store().forget_calibration)
    return redirect(url_for("set_up.show", forgotten=number), 303)


@page.post("/calibration/<int:number>/restore")
def restore(number: int) -> ResponseReturnValue:
    _date(number, store().restore_calibration)
    return redirect(url_for("set_up.show"), 303)


def _date(number: int, how: Any) -> None:
    try:
        how(number)
    except ValueError:
        abort(404, _("There is no calibration %(number)s.", number=number))
    poke()


# --- Questions to the device -------------------------------------------------------------------

Pixel = tuple[
    Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)],
    Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)],
]
Degrees = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Asked(BaseModel):
    """What the page may ask with: nothing but this, and no more of it."""

    model_config = ConfigDict(extra="forbid")


class Cone(Asked):
    pixel: Pixel
    metres: Annotated[float, Field(ge=-500, le=500, allow_inf_nan=False)]
    u_px: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    tag: Annotated[int, Field(ge=0, le=1000)] | None = None


class Lens(Asked):
    model: Annotated[str, Field(max_length=80)] = ""
    focal_px: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
    centre: Pixel
    k: Annotated[list[Number], Field(max_length=5)] = []
    preset: bool = False
    rms_px: Number | None = None


class Lane(Asked):
    name: Annotated[str, Field(min_length=1, max_length=20)]
    region: Annotated[list[Pixel], Field(min_length=3, max_length=8)]
    cones: Annotated[list[Cone], Field(max_length=6)] = []
    depth_m: Annotated[float, Field(ge=-50, le=50, allow_inf_nan=False)] | None = None


class Data(Asked):
    """A calibration, as `pi/set_up.py` has it."""

    cones: Annotated[list[Cone], Field(max_length=24)] = []
    lens: Lens | Annotated[str, Field(max_length=40)] | None = None
    roll_deg: Degrees | None = None
    pitch_deg: Degrees | None = None
    horizon: tuple[Pixel, Pixel] | None = None
    depth_m: Annotated[float, Field(ge=-50, le=50, allow_inf_nan=False)] | None = None
    lanes: Annotated[list[Lane], Field(max_length=4)] = []
    view: Literal["beside", "along"] | None = None


class Tap(Asked):
    pixel: Pixel


class Tags(Asked):
    spacing: Annotated[float, Field(ge=0.05, le=20)] = 0.5
    data: Data = Data()


class Feet(Asked):
    data: Data


class Keep(Asked):
    data: Data
    source: Literal["taps", "tags", "moved"] = "taps"


class Board(Asked):
    action: Literal["begin", "take", "finish"]


QUESTIONS: dict[str, type[Asked]] = {
    "still": Asked,
    "check": Asked,
    "refine": Tap,
    "tags": Tags,
    "try": Data,
    "keep": Keep,
    "lens": Board,
    "feet": Feet,
}


@page.post("/job")
def ask() -> ResponseReturnValue:
    """A question to the device, {"kind": …, "asked": {…}}; its answer if it comes at once."""
    try:
        sent = json.loads(request.get_data())
        kind, asked = sent["kind"], sent.get("asked") or {}
        model = QUESTIONS[kind].model_validate(asked)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return jsonify(said=words.sentence(f"{where}: {first['msg']}")), 400
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return jsonify(said=_("The timer does not know that question.")), 400
    if not state_now(store())["alive"]:
        return jsonify(said=str(NOT_RUNNING)), 503
    # What was left out stays so: without "lens" the device takes the one that it knows.
    job = store().ask_set_up(kind, model.model_dump(mode="json", exclude_unset=True))
    return told(ended(job.id, ANSWER_S) or job)


@page.get("/job/<int:number>")
def job(number: int) -> ResponseReturnValue:
    if not is_coach():
        return jsonify(said=str(COACHS)), 403
    found = ended(number, ANSWER_S)
    if found is None:
        return jsonify(said=_("That is too long ago. Take a new still.")), 404
    if found.state == "asked" and not state_now(store())["alive"]:
        return jsonify(said=str(NOT_RUNNING)), 503
    return told(found)


@page.get("/job/<int:number>/picture")
def picture(number: int) -> ResponseReturnValue:
    """What the camera saw. Kept by nobody: people may be in it."""
    if not is_coach():
        abort(403, str(COACHS))
    found = store().set_up(number)
    if found is None or not found.picture:
        abort(404, _("That picture is not kept any more. Take a new still."))
    png = found.picture.startswith(b"\x89PNG")
    return Response(found.picture, mimetype="image/png" if png else "image/jpeg")


def ended(number: int, seconds: float) -> SetUp | None:
    """The job when it has ended, or as it stands after so many seconds; None if there is none."""
    until = time.monotonic() + seconds
    while True:
        found = store().set_up(number)
        if found is None or found.state != "asked" or time.monotonic() > until:
            return found
        time.sleep(0.03)
        store().look_again()


def told(job: SetUp) -> ResponseReturnValue:
    """A job as the script reads it: asked, done with its answer, or failed and why."""
    where = url_for("set_up.picture", number=job.id) if job.picture else None
    said, answer = words.sentence(job.reason), in_words(job.answer)
    return jsonify(id=job.id, state=job.state, answer=answer, picture=where, said=said)


SAID = ("warnings", "problem", "reason", "advice", "why")


def in_words(answer: Any, said: bool = False) -> Any:
    """A device's answer with its sentences in the reader's language."""
    if isinstance(answer, dict):
        return {key: in_words(value, key in SAID) for key, value in answer.items()}
    if isinstance(answer, list):
        return [in_words(value, said) for value in answer]
    return in_language(answer) if said and isinstance(answer, str) else answer


# --- One tap after the tripod was bumped -------------------------------------------------------


@page.post("/again")
def again() -> ResponseReturnValue:
    """The cones are found where they are now, and that is kept."""
    said, status = follow()
    poke()
    return say(set_up_page, said, status)


def follow() -> tuple[str, int]:
    """Look where the camera points now and calibrate by it; a sentence and an HTTP status."""
    if not state_now(store())["alive"]:
        return str(NOT_RUNNING), 503
    checked = answered("check", {})
    if isinstance(checked, str):
        return checked, 409
    px = checked.get("shift_px")
    if checked["ok"] and px is None:
        return words.sentence(checked.get("reason")) or _("The camera cannot tell."), 409
    # What was refused at 2.1 px must not be sent back at 1.9: it is followed all the same.
    if checked["ok"] and not (checked.get("proposal") and must_follow(store())):
        return _(
            "The camera stands as it was calibrated, to %(px)s px. Nothing to do.",
            px=words.number(px, 1),
        ), 200
    if not checked.get("proposal"):
        return (
            _(
                "The camera sees another scene, so the cones cannot be followed. "
                "Take a still and tap them."
            )
        ), 409
    kept = answered("keep", {"data": checked["proposal"], "source": "moved"})
    if isinstance(kept, str):
        return kept, 409
    if px is None:
        return _("Calibrated again: the camera had moved, the cones are followed."), 200
    said = _(
        "Calibrated again: the camera had moved by %(px)s px, the cones are followed.",
        px=words.number(px, 0),
    )
    return said, 200


def answered(kind: str, asked: Mapping[str, Any]) -> dict[str, Any] | str:
    """The device's answer, or a sentence that says why there is none."""
    job = store().ask_set_up(kind, asked)
    found = ended(job.id, PATIENCE_S)
    if found is None or found.state == "asked":
        return _("The timer did not answer in time. Try again.")
    if found.state == "failed" or found.answer is None:
        return words.sentence(found.reason) or _("The timer could not do that.")
    return found.answer
