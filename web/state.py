"""What the timer is doing now, as every page and phone is told it. Reads the store only."""

import time
from typing import Any, NamedTuple

from flask_babel import gettext as _

from pi.settings import Settings
from pi.store import Calibration, Device, Rep, Store
from web import words
from web.language import N_

# An ending stays the big word this long; then the timer is READY for whoever comes next.
SHOWN_NS = 120 * 10**9

READY = words.Ending(N_("READY"), "ready", "", N_("Choose a posture, then press Arm."))
FEEL = N_("How did it feel? Say it, then look.")
NOT_RUNNING = words.Ending(
    N_("NO TIMER"), "bad", "!", N_("The timer is not running. Switch it on, or wait a moment.")
)


def state_now(store: Store) -> dict[str, Any]:
    """The one truth, small: templates render it and phones are sent it.

    change : grows with every change of any rep.    rep : the one that word is about, or None.
    last : the rep on the result card with its version, so that a page knows when to fetch it.
    again : why the camera must be calibrated again before the next rep, or "".
    """
    change, now_ns = store.latest_change(), time.monotonic_ns()
    active, last, device = store.active_rep(), last_ended(store), store.device()
    alive = device is not None and device.alive(now_ns)
    rep = active or (last if last and _just_ended(last, device, now_ns) else None)
    shown = words.ending(rep) if rep else words.spoken(READY)
    if rep and rep.state == "done" and not shown.sentence:
        felt_first = asks_feeling(store, rep)
        shown = shown._replace(sentence=_(FEEL) if felt_first else _reaction(rep))
    again = "" if active else must_follow(store, last)
    if again and rep:
        shown = shown._replace(sentence=_("Calibrate again, then arm."))
    if not alive:
        rep, shown = active, words.spoken(NOT_RUNNING)
    return {
        "change": change,
        "rep": rep.id if rep else None,
        "state": active.state if active else "ready",
        "word": shown.word,
        "look": shown.look,
        "sentence": shown.sentence,
        "problem": words.sentence(device.problem) if alive and device else "",
        "alive": alive,
        "simulated": bool(device and device.simulated),
        "can_arm": alive and active is None,
        "can_stop": bool(active and active.state != "analysing" and not active.stop_asked),
        "can_go": bool(alive and active and _waits_for_coach(active)),
        "last": f"{last.id}.{last.changed}" if last else "",
        "again": again,
    }


def asks_feeling(store: Store, rep: Rep) -> bool:
    """Whether the athlete is to say first how this start felt against the one before of its kind.

    Where the session wants it, there is one before, and it has not been said yet.
    """
    session = store.running_session()
    if rep.status != "measured" or session is None or not session.circuit.get("feel"):
        return False
    turn = store.turn_of(rep.id)
    if turn is None or turn.felt or turn.session_id != session.id:
        return False
    earlier = store.reps(
        session_id=session.id,
        posture=rep.posture,
        status="measured",
        before=rep.id,
        limit=200,
    )
    return any(each.athlete_id == rep.athlete_id for each in earlier)


def last_ended(store: Store) -> Rep | None:
    """The newest rep that is over."""
    return next((rep for rep in store.reps(limit=2) if rep.state not in words.ACTIVE), None)


def must_follow(store: Store, last: Rep | None = None) -> str:
    """Why the latest rep was refused for a camera that had moved; "" if not, or calibrated since.

    last : the newest rep that is over, where it is known.
    """
    last = last or last_ended(store)
    why = words.moved(last) if last else ""
    if not why or last is None:
        return ""
    used = last.settings or {}
    camera, kept = (used.get("camera") or {}).get("name"), used.get("calibration")
    newest = store.current_calibration(camera=camera)
    if newest is None or newest.id == kept:
        return why if newest else ""
    # A newer one may be of another mode; then the rep's own is still the one that holds.
    mode = next((each.mode for each in store.calibrations(camera=camera) if each.id == kept), None)
    holds = store.current_calibration(camera=camera, mode=mode) if mode else None
    return why if holds and holds.id == kept else ""


class KnownLine(NamedTuple):
    """Where the next rep's metres come from."""

    source: str  # kept | settings | track (the simulated one) | "" for nowhere
    kept: Calibration | None = None
    other: Calibration | None = None  # one that holds for another camera or mode


def known_line(store: Store, settings: Settings) -> KnownLine:
    """Which calibration the device will use, as far as the pages can know."""
    device = store.device()
    camera = device.camera if device and device.camera else None
    newest = store.current_calibration(camera=camera)
    if newest and _holds(newest, settings):
        return KnownLine("kept", newest)
    wanted = settings.camera
    mode = f"{wanted.width}x{wanted.height}@{wanted.fps:g}"
    if kept := store.current_calibration(camera=camera, mode=mode):
        return KnownLine("kept", kept)
    other = newest or store.current_calibration()
    if device and device.simulated:
        return KnownLine("track", None, other)
    return KnownLine("settings" if settings.place.cones else "", None, other)


def _holds(kept: Calibration, settings: Settings) -> bool:
    """Whether a calibration is of the mode that the camera is opened in."""
    size, _, fps = kept.mode.partition("@")
    wanted = settings.camera
    # A film or a webcam has the size that it has.
    any_size = wanted.source in ("file", "webcam")
    return fps == f"{wanted.fps:g}" and (any_size or size == f"{wanted.width}x{wanted.height}")


def _just_ended(rep: Rep, device: Device | None, now_ns: int) -> bool:
    # A rep of an earlier boot has stamps of another clock.
    same_clock = device is not None and rep.boot_id == device.boot_id
    return same_clock and rep.ended_ns is not None and now_ns - rep.ended_ns < SHOWN_NS


def _waits_for_coach(rep: Rep) -> bool:
    return rep.state == "holding" and words.hold_kind(rep) == "coach" and not rep.go_asked


def _reaction(rep: Rep) -> str:
    value, u = words.figure((rep.result or {}).get("reaction_s"))
    if not u:
        return ""
    time_ = f"{value}\N{NO-BREAK SPACE}s ±\N{NO-BREAK SPACE}{u}"
    if rep.status == "early":
        return _("Early start (guessed). Reaction %(time)s", time=time_)
    return _("Reaction %(time)s", time=time_)
