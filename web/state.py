"""What the timer is doing now, as every page and phone is told it. Reads the store only."""

import time
from typing import Any, NamedTuple

from flask_babel import gettext as _

from pi.settings import Settings
from pi.store import Calibration, Device, Rep, Session, Store
from web import turns, words
from web.language import N_

# An ending stays the big word this long; then the timer is READY for whoever comes next.
SHOWN_NS = 120 * 10**9
# In a session no longer than until whoever is next has walked back, but so long in any case.
READ_NS = 20 * 10**9

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
    session : which one runs, or None.    camera : what films, and as it is set up now.
    """
    with store.at_one_moment():
        return _state_now(store)


def _state_now(store: Store) -> dict[str, Any]:
    change, now_ns = store.latest_change(), time.monotonic_ns()
    active, last, device = store.active_rep(), store.latest_ended(), store.device()
    session = store.running_session()
    alive = device is not None and device.alive(now_ns)
    rep, shown = _shown(store, session, active, last, device, now_ns)
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
        "session": session.id if session else None,
        "camera": _camera(store, device),
    }


def _shown(
    store: Store,
    session: Session | None,
    active: Rep | None,
    last: Rep | None,
    device: Device | None,
    now_ns: int,
) -> tuple[Rep | None, words.Ending]:
    """The rep that the big word is about, or None; and the word."""
    if active:
        return active, words.ending(active)
    asked = turns.asks_feeling(store, session) if session else turns.Asked()
    next_up = turns.coming(store, session) if session else None
    since_ns = _since_end_ns(last, device, now_ns)
    shown_ns = READ_NS if next_up and next_up.rested and not asked.turns else SHOWN_NS
    if last is None or since_ns is None or since_ns >= shown_ns:
        ready = words.spoken(READY)
        return None, ready._replace(sentence=next_up.sentence) if next_up else ready
    shown = words.ending(last)
    if last.state == "done" and not shown.sentence:
        told = _(FEEL) if asked.rep == last.id else _reactions(store, last)
        shown = shown._replace(sentence=told)
    return last, shown


def _camera(store: Store, device: Device | None) -> str:
    """Another text whenever other lanes may hold; "" before a device was there."""
    if device is None:
        return ""
    kept = store.current_calibration_id(camera=device.camera or None)
    return f"{device.camera}.{kept or 0}.{int(device.simulated)}"


def must_follow(store: Store, last: Rep | None = None) -> str:
    """Why the latest rep was refused for a camera that had moved; "" if not, or calibrated since.

    last : the newest rep that is over, where it is known.
    """
    last = last or store.latest_ended()
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


def _since_end_ns(rep: Rep | None, device: Device | None, now_ns: int) -> int | None:
    """How long ago it ended; None where nobody can tell."""
    # A rep of an earlier boot has stamps of another clock.
    if rep is None or device is None or rep.boot_id != device.boot_id or rep.ended_ns is None:
        return None
    return now_ns - rep.ended_ns


def _waits_for_coach(rep: Rep) -> bool:
    return rep.state == "holding" and words.hold_kind(rep) == "coach" and not rep.go_asked


def _reactions(store: Store, rep: Rep) -> str:
    """The reaction, or that of everybody who started, lane by lane with the name."""
    if not rep.drill.get("players"):
        return _reaction(rep)
    lanes = turns.lanes_of(store, rep, turns.public_names(store))
    if len(lanes) < 2:
        return _reaction(rep)
    told = []
    for lane in lanes:
        value, u = words.figure(lane.told.get("reaction_s"))
        time_ = f"{value}\N{NO-BREAK SPACE}s ±\N{NO-BREAK SPACE}{u}" if u else words.DASH
        who = words.short(lane.name) or _("lane %(lane)s", lane=lane.number + 1)
        told.append(f"{who}: {time_}")
    return ";\n".join(told)


def _reaction(rep: Rep) -> str:
    value, u = words.figure((rep.result or {}).get("reaction_s"))
    if not u:
        return ""
    time_ = f"{value}\N{NO-BREAK SPACE}s ±\N{NO-BREAK SPACE}{u}"
    if rep.status == "early":
        return _("Early start (guessed). Reaction %(time)s", time=time_)
    return _("Reaction %(time)s", time=time_)
