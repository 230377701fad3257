"""What every page has at hand: the store, the settings, and the feed that tells open pages."""

from flask import current_app

from pi.settings import Settings
from pi.store import Store


def store() -> Store:
    return current_app.extensions["store"]


def settings() -> Settings:
    return current_app.extensions["settings"]


def poke() -> None:
    """Have every open page told at once: something has just been written."""
    current_app.extensions["feed"].poke()
