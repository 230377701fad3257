"""The pages: they show what the store holds and write requests into it. No camera, no pin."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from pi.settings import Settings, load_settings
from pi.store import Store, open_store
from web import (
    board,
    check,
    coach,
    games,
    home,
    join,
    language,
    plan,
    portal,
    session,
    set_up,
    station,
    words,
)
from web.at_hand import RowNumber
from web.live import Feed
from web.pages import error_page, site
from web.security import guard

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

STATIC = Path(__file__).parent / "static"


class Pages(Flask):
    """Each page that is only looked at is of one moment, and the store is opened once for it."""

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return super().wsgi_app(environ, start_response)
        with self.extensions["store"].at_one_moment():
            return super().wsgi_app(environ, start_response)


def create_app(settings: Settings | None = None, store: Store | None = None) -> Flask:
    """The pages over one store; without arguments over the one that the settings name."""
    settings = settings or load_settings()
    app = Pages(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024  # names and choices, never a clip
    app.extensions["settings"] = settings
    app.extensions["store"] = store or open_store(settings.store.url)
    app.extensions["feed"] = Feed(app, app.extensions["store"], settings.web.streams)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    versions = {path.name: _version(path) for path in STATIC.glob("*.*")}

    @app.template_global()
    def static(name: str) -> str:
        """A static file's address, which changes when the file does."""
        return url_for("static", filename=name, v=versions.get(name))

    @app.after_request
    def keep_static(response: Response) -> Response:
        if request.endpoint == "static" and ("v" in request.args or "/vendor/" in request.path):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    app.url_map.converters["int"] = RowNumber
    language.speak(app)
    app.jinja_env.globals.update(words=words, theme=home.theme, themes=home.THEMES)
    app.register_blueprint(site)
    app.register_blueprint(set_up.page)
    app.register_blueprint(plan.page)
    app.register_blueprint(session.page)
    app.register_blueprint(games.page)
    app.register_blueprint(join.page)
    app.register_blueprint(station.page)
    app.register_blueprint(board.page)
    app.register_blueprint(check.page)
    app.register_blueprint(coach.page)
    app.register_blueprint(language.page)
    app.register_blueprint(home.page)
    app.register_blueprint(portal.page)
    app.register_error_handler(HTTPException, error_page)
    app.register_error_handler(SQLAlchemyError, error_page)
    guard(app, settings.web.names)
    coach.keep_to_coach(app, app.extensions["store"])
    return app


def _version(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]
