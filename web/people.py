"""Who is who, and to whom it is told: a name that may not be shown is a number on other phones."""

from dataclasses import replace

from flask_babel import gettext as _

from pi.store import Athlete
from web import words
from web.at_hand import store
from web.coach import is_coach


def everybody(coach: bool | None = None) -> list[Athlete]:
    """Everybody, by name, called as this phone may read it.   coach : whether a coach reads it."""
    if is_coach() if coach is None else coach:
        return store().athletes()
    return [replace(each, name=words.name_of(each)) for each in store().athletes()]


def no_clip() -> str:
    """Why no clip is kept."""
    if not store().station().clips:
        return _("No clip: this box keeps none. Settings has it.")
    return _("No clip: everybody in it needs a name, and the mark “agreed” on Settings.")


def names_of(coach: bool | None = None) -> dict[int | None, str]:
    """Everybody's name, by athlete, as this phone may read it.   coach : as in everybody()."""
    return {athlete.id: athlete.name for athlete in everybody(coach)}
