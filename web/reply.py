"""What a button is answered with: the new state for a script, a page for everybody else."""

from collections.abc import Callable

from flask import jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from web.at_hand import poke, store
from web.state import state_now

Page = Callable[[str, int], ResponseReturnValue]
"""A page that shows a sentence, with an HTTP status."""


def wants_json() -> bool:
    """Whether a script asks, not a browser by itself."""
    return request.accept_mimetypes.best == "application/json"


def say(page: Page, said: str, status: int) -> ResponseReturnValue:
    """A sentence: with the state for live.js, on its page for everybody else."""
    if wants_json():
        return jsonify(state_now(store()) | {"said": said}), status
    return page(said, status)


def reply(page: Page, address: str, said: str = "", status: int = 200) -> ResponseReturnValue:
    """After a button: the new state for live.js; for everybody else the page, at its address.

    said : what went wrong, which the page tells where it stands.
    """
    poke()
    if said or wants_json():
        return say(page, said, status)
    return redirect(url_for(address), 303)
