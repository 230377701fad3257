"""What is said in own words, and what an athlete says for himself: who says it, who reads it."""

from collections.abc import Sequence

from flask import request
from flask_babel import gettext as _

from pi.drills import CUES, MOST_CUES, NOTES, POSTURES, own_posture
from pi.store import Athlete
from web.at_hand import store
from web.coach import is_coach

CUE_LENGTH = 40
OTHER = "other"
"""In a form, in place of a posture: what stands beside it in own words."""


def told_cues(cues: Sequence[str] | None) -> list[str]:
    """Those that this phone may show: the article's, and on a coach's phone those in own words."""
    return [cue for cue in cues or () if cue in CUES or is_coach()]


def told_notes(notes: Sequence[str]) -> list[str]:
    """As told_cues(): what anybody may tap, and on a coach's phone what somebody has typed."""
    return [note for note in notes if note in NOTES or is_coach()]


def posture_in(chosen: str, other: str) -> str:
    """A posture as it was chosen, or said in own words; ValueError for neither.

    Every phone shows it: whoever starts has to know.
    """
    if chosen == OTHER:
        return own_posture(other)
    if chosen not in POSTURES:
        raise ValueError("Each start has a posture and a leg.")
    return chosen


def cues_in_form() -> list[str]:
    """What is to be worked on, as chosen and in own words; ValueError for more than two."""
    own = " ".join(request.form.get("own", "").split())[:CUE_LENGTH].rstrip(".")
    chosen = [cue for cue in request.form.getlist("cue") if cue in CUES] + ([own] if own else [])
    if len(chosen) > MOST_CUES:
        raise ValueError(_("Two things to work on are enough: move, respond, play."))
    return chosen


def works_on(athlete: Athlete) -> list[str]:
    """What an athlete works on: what he chose himself, else what the running session's all do."""
    session = store().running_session()
    if athlete.cues or session is None:
        return athlete.cues or []
    inside = any(turn.athlete_id == athlete.id for turn in store().turns(session.id))
    return list(session.circuit.get("cues") or ()) if inside else []
