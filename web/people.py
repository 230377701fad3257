"""Who is who, and to whom it is told: a name that may not be shown is a number on other phones."""

from dataclasses import replace

from flask_babel import gettext as _

from pi.store import Athlete
from web.at_hand import store
from web.coach import is_coach


def name_of(athlete: Athlete, coach: bool) -> str:
    """As this phone may read it: whoever did not agree is a number on every phone but a coach's."""
    if coach or athlete.consent != "no":
        return athlete.name
    return _("No. %(number)s", number=athlete.id)


def everybody(coach: bool | None = None) -> list[Athlete]:
    """Everybody, by name, called as this phone may read it.   coach : whether a coach reads it."""
    coach = is_coach() if coach is None else coach
    return [replace(each, name=name_of(each, coach)) for each in store().athletes()]


def no_clip() -> str:
    """Why no clip is kept."""
    if not store().station().clips:
        return _("No clip: this box keeps none. Settings has it.")
    return _("No clip: mark on Settings first that everybody in it has agreed.")


def names_of(coach: bool | None = None) -> dict[int | None, str]:
    """Everybody's name, by athlete, as this phone may read it.   coach : as in everybody()."""
    return {athlete.id: athlete.name for athlete in everybody(coach)}
