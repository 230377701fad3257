"""What the timer is doing now, as every page and phone is told it. Reads the store only."""

import time
from typing import Any

from pi.store import Device, Rep, Store
from web import words

# An ending stays the big word this long; then the timer is READY for whoever comes next.
SHOWN_NS = 120 * 10**9

READY = words.Ending("READY", "ready", "", "Choose a posture, then press Arm.")
NOT_RUNNING = words.Ending(
    "NO TIMER", "bad", "!", "The timer is not running. Switch it on, or wait a moment."
)


def state_now(store: Store) -> dict[str, Any]:
    """The one truth, small: templates render it and phones are sent it.

    change : grows with every change of any rep.    rep : the one that word is about, or None.
    last : the rep on the result card with its version, so that a page knows when to fetch it.
    """
    change, now_ns = store.latest_change(), time.monotonic_ns()
    active, last, device = store.active_rep(), last_ended(store), store.device()
    alive = device is not None and device.alive(now_ns)
    rep = active or (last if last and _just_ended(last, device, now_ns) else None)
    shown = words.ending(rep) if rep else READY
    if rep and rep.state == "done" and not shown.sentence:
        shown = shown._replace(sentence=_reaction(rep))
    if not alive:
        rep, shown = active, NOT_RUNNING
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
    }


def last_ended(store: Store) -> Rep | None:
    """The newest rep that is over."""
    return next((rep for rep in store.reps(limit=2) if rep.state not in words.ACTIVE), None)


def _just_ended(rep: Rep, device: Device | None, now_ns: int) -> bool:
    # A rep of an earlier boot has stamps of another clock.
    same_clock = device is not None and rep.boot_id == device.boot_id
    return same_clock and rep.ended_ns is not None and now_ns - rep.ended_ns < SHOWN_NS


def _waits_for_coach(rep: Rep) -> bool:
    return rep.state == "holding" and words.hold_kind(rep) == "coach" and not rep.go_asked


def _reaction(rep: Rep) -> str:
    value, u = words.figure((rep.result or {}).get("reaction_s"))
    guessed = "Early start (guessed). " if rep.status == "early" else ""
    return f"{guessed}Reaction {value}\N{NO-BREAK SPACE}s ±\N{NO-BREAK SPACE}{u}" if u else ""
