"""Every page and every button: looks into the store, writes requests into it, renders."""

import io
import secrets
import time
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as L
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from pi import clock
from pi.drills import HOLDS, LEAD_LEGS, NOTES, OWN_LENGTH, POSTURES
from pi.settings import home
from pi.store import Busy, Evidence, NotAgreed, Rep, WrongStep
from web import export, words
from web.at_hand import poke, row_id, settings, store
from web.coach import is_coach, station
from web.export import download
from web.games import in_words
from web.language import language
from web.live import Feed
from web.own import OTHER, posture_in, told_notes
from web.people import everybody, names_of, no_clip
from web.replay import draw_replay
from web.reply import reply, wants_json
from web.state import known_line, state_now
from web.turns import asks_feeling, lanes_of

site = Blueprint("pages", __name__)

PAGE_LENGTH = 50
CLOCK_WITHIN_S = 5.0


def feed() -> Feed:
    return current_app.extensions["feed"]


# --- Start -------------------------------------------------------------------------------------


@site.get("/")
def start() -> ResponseReturnValue:
    return start_page()


def start_page(said: str = "", status: int = 200) -> ResponseReturnValue:
    """The Start page, with a sentence about what was just asked for."""
    last, names = store().latest_ended(), names_of()
    html = render_template(
        "start.html",
        state=state_now(store()),
        said=said,
        postures=POSTURES.values(),
        own_length=OWN_LENGTH,
        legs=LEAD_LEGS,
        holds=HOLDS.values(),
        athletes=everybody(),
        chosen=choices(),
        key=secrets.token_urlsafe(16),
        dated=bool(clock.source()),
        last=last,
        name=names.get(last.athlete_id) if last else None,
        lanes=lanes_of(store(), last, names) if last else [],
        asked=asks_feeling(store()),
        names=names,
        calibrated=bool(known_line(store(), settings()).source),
    )
    return html, status


answer = partial(reply, start_page, "pages.start")


def choices() -> dict[str, Any]:
    """What the form shows as chosen: what was just asked for, else what the latest rep had."""
    latest = store().latest_rep()
    usual = {
        "posture": "prone",
        "other": "",
        "leg": "free",
        "athlete": "",
        "hold": next(iter(HOLDS)),
    }
    if latest:
        usual["posture"] = latest.posture
        if latest.posture not in POSTURES:
            usual |= {"posture": OTHER, "other": latest.posture}
        usual["leg"] = latest.lead_leg
        usual["athlete"] = str(latest.athlete_id or "")
        usual["hold"] = hold_of(latest) or usual["hold"]
    return {name: request.values.get(name, value) for name, value in usual.items()}


def hold_of(rep: Rep) -> str:
    """The key of the rep's hold; "" when it was none of those a page offers."""
    own = {key: value for key, value in rep.drill.items() if key != "clip"}
    return next((hold.key for hold in HOLDS.values() if hold.drill == own), "")


@site.post("/arm")
def arm() -> ResponseReturnValue:
    form = request.form
    hold, leg = HOLDS.get(form.get("hold", next(iter(HOLDS)))), form.get("leg", "free")
    try:
        athlete = row_id(form["athlete"]) if form.get("athlete") else None
    except ValueError:
        return answer(_("That choice is not there any more. Choose again."), 400)
    if form.get("posture") not in (*POSTURES, OTHER) or hold is None or leg not in LEAD_LEGS:
        return answer(_("Choose a posture and a hold."), 400)
    try:
        posture = posture_in(form["posture"], form.get("other", ""))
    except ValueError as problem:
        return answer(words.sentence(str(problem)), 400)
    if not state_now(store())["alive"]:
        return answer(_("The timer is not running, so nothing was armed."), 503)
    try:
        rep = store().request_rep(
            posture=posture,
            lead_leg=leg,
            key=form.get("key") or secrets.token_urlsafe(16),
            athlete_id=athlete,
            drill=hold.drill | ({"clip": True} if form.get("clip") else {}),
        )
    except NotAgreed:
        return answer(no_clip(), 409)
    except Busy:
        return answer(_("A rep is running already. Stop it first."), 409)
    except ValueError:
        return answer(_("That choice is not there any more. Choose again."), 400)
    if not rep.active:
        return answer(_("That press was used before. Press Arm again."), 409)
    return answer()


@site.post("/stop")
def stop() -> ResponseReturnValue:
    """Stop whatever runs; nothing running is what Stop was for."""
    rep = store().active_rep()
    if rep:
        store().ask_stop(rep.id)
    return answer()


@site.post("/go")
def go() -> ResponseReturnValue:
    rep = store().active_rep()
    if rep is None or words.hold_kind(rep) != "coach":
        return answer(_("Nobody waits for your GO."), 409)
    try:
        store().ask_go(rep.id)
    except WrongStep:
        return answer(_("Not yet: GO can be given when the athlete is still."), 409)
    return answer()


@site.post("/athletes")
def add_athlete() -> ResponseReturnValue:
    try:
        athlete = store().add_athlete(request.form.get("name", ""))
    except ValueError:
        return answer(_("A name has 1 to 80 characters."), 400)
    if wants_json():
        return jsonify(id=athlete.id, name=athlete.name)
    return redirect(url_for("pages.start", athlete=athlete.id), 303)


@site.post("/clock")
def set_clock() -> ResponseReturnValue:
    """The time as this phone has it, for a timer that knows none."""
    form = request.form
    try:
        told_s = float(form.get("unix_s") or datetime.fromisoformat(form["local"]).timestamp())
        clock.ask(home(), told_s)
    except (ValueError, OverflowError):
        return answer(_("That is no time. Look at the phone's clock."), 400)
    until = time.monotonic() + CLOCK_WITHIN_S
    while not clock.source():
        if time.monotonic() > until:
            return answer(_("The clock was not set: only a box that was installed may."), 503)
        time.sleep(0.05)
    return answer()


# --- Rep ---------------------------------------------------------------------------------------


@site.get("/rep/<int:number>")
def rep(number: int) -> ResponseReturnValue:
    shown = find(number)
    return render_template(
        "rep.html",
        rep=shown,
        result=shown.result or {},
        state=state_now(store()),
        name=names_of().get(shown.athlete_id),
        kinds=store().evidence_kinds(number),
        game=in_words(shown, names_of()) if shown.drill.get("game") else None,
        notes=NOTES,
        noted=told_notes(store().notes_of([number]).get(number, [])),
        lanes=lanes_of(store(), shown, names_of()),
        asked=asks_feeling(store()),
        names=names_of(),
    )


@site.get("/rep/<int:number>.json")
def rep_json(number: int) -> ResponseReturnValue:
    return jsonify(export.as_json(find(number)))


@site.get("/rep/<int:number>.csv")
def rep_csv(number: int) -> ResponseReturnValue:
    """The track, one row a moment."""
    return download(export.track_csv(find(number)), f"rep-{number}.csv")


@site.get("/rep/<int:number>/picture.png")
def picture(number: int) -> ResponseReturnValue:
    found = evidence(number, "picture")
    return kept(Response(found.data, mimetype=found.media_type))


@site.get("/rep/<int:number>/replay.svg")
def replay(number: int) -> ResponseReturnValue:
    drawing = draw_replay(evidence(number, "replay").data, still="still" in request.args)
    response = Response(drawing, mimetype="image/svg+xml")
    # Nothing but its own drawing and its own style, should somebody open it by itself.
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return kept(response)


@site.get("/rep/<int:number>/clip.mp4")
def clip(number: int) -> ResponseReturnValue:
    """The film of a start that a coach asked for: on coaches' phones only."""
    if not is_coach():
        abort(403, _("A clip is shown on a coach's phone only."))
    if not station().clips:
        abort(404, no_clip())
    found = evidence(number, "clip")
    film = send_file(io.BytesIO(found.data), mimetype=found.media_type, conditional=True)
    film.headers["Cache-Control"] = "no-store"
    return film


@site.post("/rep/<int:number>/clip/delete")
def delete_clip(number: int) -> ResponseReturnValue:
    find(number)
    store().delete_evidence(number, "clip")
    poke()
    return redirect(url_for("pages.rep", number=number), 303)


@site.post("/rep/<int:number>/delete")
def delete(number: int) -> ResponseReturnValue:
    find(number)
    try:
        store().delete_rep(number)
    except Busy:
        abort(409, _("This rep is still running. Stop it first."))
    poke()
    return redirect(url_for("pages.reps", deleted=number), 303)


@site.post("/rep/<int:number>/restore")
def restore(number: int) -> ResponseReturnValue:
    find(number)
    store().restore_rep(number)
    poke()
    return redirect(url_for("pages.rep", number=number), 303)


def find(number: int) -> Rep:
    """That rep; one that is deleted is there for a coach only, who may bring it back."""
    found = store().rep(number)
    if found is None or (found.deleted_at and not is_coach()):
        abort(404, _("There is no rep %(number)s.", number=number))
    return found


def evidence(number: int, kind: str) -> Evidence:
    find(number)
    return store().evidence(number, kind) or abort(404, _("That rep has no such picture."))


def kept(response: Response) -> Response:
    """May be kept by the browser, which asks each time whether it is still the same."""
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    response.make_conditional(request)  # in place
    return response


# --- Reps --------------------------------------------------------------------------------------


@site.get("/reps")
def reps() -> ResponseReturnValue:
    wanted, before = filters(), request.args.get("before", type=row_id)
    found = store().reps(**wanted, limit=PAGE_LENGTH + 1, before=before)
    shown = found[:PAGE_LENGTH]
    asked = {name: value for name, value in wanted.items() if value is not None}
    return render_template(
        "reps.html",
        reps=shown,
        older=urlencode(asked | {"before": shown[-1].id}) if len(found) > PAGE_LENGTH else "",
        asked=asked,
        query=urlencode(asked),
        paging=before is not None,
        deleted=request.args.get("deleted", type=row_id),
        starts=store().starts_of([rep.id for rep in shown]),
        unfelt=asks_feeling(store()),
        athletes=everybody(),
        names=names_of(),
        postures=POSTURES,
        own_postures=store().own_postures(),
        state=state_now(store()),
    )


@site.get("/reps.csv")
def reps_csv() -> ResponseReturnValue:
    wanted, people = filters(), names_of()
    lines = export.reps_csv(store(), wanted, people)
    return download(stream_with_context(lines), "reps.csv")


@site.get("/reps.xlsx")
def reps_xlsx() -> ResponseReturnValue:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return download(export.reps_xlsx(store(), filters(), names_of()), "reps.xlsx", kind)


def filters() -> dict[str, Any]:
    """What the address asks for, as store.reps() takes it; what makes no sense is left out."""
    args = request.args
    known = (*POSTURES, *store().own_postures())
    return {
        "athlete_id": args.get("athlete_id", type=row_id),
        "session_id": args.get("session_id", type=row_id),
        "posture": args.get("posture") if args.get("posture") in known else None,
        "status": args.get("status") if args.get("status") in words.STATUSES else None,
    }


# --- Live --------------------------------------------------------------------------------------


@site.get("/help")
def help_page() -> ResponseReturnValue:
    return render_template(
        "help.html", state=state_now(store()), meanings=words.meanings(), postures=POSTURES
    )


@site.get("/events")
def events() -> ResponseReturnValue:
    """Server-sent events; 503 when every place is taken, and then the page polls."""
    after = request.headers.get("Last-Event-ID") or request.args.get("after", "")
    try:
        known = row_id(after)
    except ValueError:
        known = store().latest_change()
    spoken = language()
    if not feed().admit(spoken):
        return _("Too many live pages; polling works."), 503, {"Retry-After": "30"}
    response = Response(feed().events(known, spoken), mimetype="text/event-stream")
    response.call_on_close(partial(feed().leave, spoken))
    response.headers["X-Accel-Buffering"] = "no"
    return response


@site.get("/state.json")
def state_json() -> ResponseReturnValue:
    return kept(jsonify(state_now(store())))


@site.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Whether the pages work; the timer itself is another process."""
    return jsonify(web="ok", timer="ok" if state_now(store())["alive"] else "not running")


# --- When things go wrong ----------------------------------------------------------------------

HELP = {
    400: (L("Not understood"), L("The timer could not use that. Go back to Start and try again.")),
    403: (L("Refused"), L("For safety a button works only on the timer's own pages.")),
    404: (L("Not here"), L("There is no such page.")),
    405: (L("Not like that"), L("This address is a button of the Start page.")),
    409: (L("Not now"), L("The timer is busy with something else.")),
    413: (L("Too much"), L("That is more than the timer takes.")),
    500: (L("Our fault"), L("The page has a fault. The timer itself runs on; its reps are safe.")),
    503: (L("One moment"), L("The store cannot be reached just now. Try again in a few seconds.")),
}


SEEN_AT = {
    **{name: f"{name}.show" for name in ("session", "games", "coach", "station", "join")},
    **{name: f"{name}.show" for name in ("set_up", "check", "home")},
    **{"pages": "pages.start", "language": "pages.start", "plan": "session.show"},
}
"""The page that each blueprint's buttons stand on."""


def page_of_button() -> str:
    """Where a button stands whose own address a browser was sent to; "" for a script.

    A press that failed is answered at the button's address: reloading it must lead somewhere.
    """
    if request.accept_mimetypes.best != "text/html" or request.method != "GET":
        return ""
    button, values = current_app.url_map.bind("").match(request.path, method="POST")
    of = button.partition(".")[0]
    if of == "board":
        token = values.get("token")
        return url_for("board.me", token=token) if token else url_for("board.summary", **values)
    if of == "pages" and "number" in values:
        return url_for("pages.rep", number=values["number"])
    return url_for(SEEN_AT[of])


def error_page(problem: Exception) -> ResponseReturnValue:
    """A page that says what went wrong and where to go on."""
    status, said = 500, ""
    if isinstance(problem, HTTPException):
        status = problem.code or 500
        if problem.description != type(problem).description:
            said = problem.description or ""
    elif isinstance(problem, SQLAlchemyError):
        current_app.logger.error("the store: %s", problem)
        status = 503
    if isinstance(problem, MethodNotAllowed) and (where := page_of_button()):
        return redirect(where, 303)
    title, usual = HELP.get(status, HELP[500 if status >= 500 else 400])
    said = said or str(usual)
    headers = {"Retry-After": "3"} if status == 503 else {}
    if wants_json():
        return jsonify(said=said), status, headers
    return render_template("error.html", status=status, title=title, said=said), status, headers
