"""Who may ask: names this timer answers to, and forms that come from its own pages."""

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request
from flask_babel import gettext as _

from web.portal import is_probe

POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def guard(app: Flask, names: Collection[str] = ()) -> None:
    """Refuse strange hosts and foreign forms; put the same headers on every answer."""
    ours = {name.lower() for name in names} | {socket.gethostname().lower()}

    @app.before_request
    def own_name() -> None:
        if not is_probe(request.method, request.path) and not answers_to(request.host, ours):
            abort(
                400,
                _("This timer does not answer to that name. Use its address or its .local name."),
            )

    @app.before_request
    def own_form() -> None:
        if request.method not in {"GET", "HEAD", "OPTIONS"} and not from_own_page():
            abort(
                403, _("That came from another site, or from a page that hides where it came from.")
            )

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        # Not no-referrer: with it browsers send Origin: null with our own forms.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def answers_to(host: str, names: Collection[str] = ()) -> bool:
    """Whether host, as in the Host header, is ours.

    A site elsewhere can point its own name at this machine and then read the timer as if it were
    its own page. It cannot do so with a bare address, nor with a name no public server resolves:
    localhost, one ending in .local, one without a dot. Anything else must be in names.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if not name or name.startswith(".") or "@" in host:
        return False
    return name in names or name.endswith(".local") or "." not in name or _is_address(name)


def from_own_page() -> bool:
    """Whether the browser says that one of our own pages sent this.

    Every browser of the last years sends Origin with a POST. Where something on the way took it
    off the Referer must do; with neither there is no telling, and the answer is no.
    """
    origin = request.headers.get("Origin") or request.headers.get("Referer") or ""
    try:
        return bool(origin) and urlsplit(origin).netloc.lower() == request.host.lower()
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
