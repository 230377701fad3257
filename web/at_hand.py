"""What every page has at hand: the store, the settings, the feed, and which numbers a row has."""

from flask import current_app
from werkzeug.routing import IntegerConverter

from pi.settings import Settings
from pi.store import Store


def store() -> Store:
    return current_app.extensions["store"]


def settings() -> Settings:
    return current_app.extensions["settings"]


def poke() -> None:
    """Have every open page told at once: something has just been written."""
    current_app.extensions["feed"].poke()


class RowNumber(IntegerConverter):
    """A number in an address that a row can have; an address with a larger one is none of ours."""

    regex = r"\d{1,18}"


def row_id(text: str) -> int:
    """A number in a form that a row can have; ValueError for any other."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
    if not number:
        raise ValueError(f"not a row's number: {text[:40]!r}")
    return number
