"""How more phones come in: the codes of the Wi-Fi and of the page, on a sheet that prints."""

import io

import segno
from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from segno import helpers

from pi.settings import home
from web import wifi
from web.at_hand import store
from web.state import state_now

page = Blueprint("join", __name__)


@page.get("/join")
def show() -> ResponseReturnValue:
    return render_template(
        "join.html", state=state_now(store()), address=request.host_url, wifi=wifi.known(home())
    )


@page.get("/join.svg")
def join_code() -> ResponseReturnValue:
    """This page's address as a QR code."""
    return drawn(segno.make(request.host_url, micro=False))


@page.get("/wifi.svg")
def wifi_code() -> ResponseReturnValue:
    """The Wi-Fi's name and password as a QR code, for a phone to join by."""
    network = wifi.known(home())
    if network is None:
        abort(404)
    security = "WPA" if network.password else None
    return drawn(
        helpers.make_wifi(ssid=network.name, password=network.password or None, security=security)
    )


def drawn(code: segno.QRCode) -> Response:
    out = io.BytesIO()
    code.save(out, kind="svg", scale=8, border=4)
    return Response(out.getvalue(), mimetype="image/svg+xml")


@page.post("/join/wifi")
def tell_wifi() -> ResponseReturnValue:
    """Which Wi-Fi phones are to join: typed once by the coach, shown as a code from then on."""
    try:
        wifi.keep(home(), request.form.get("name", ""), request.form.get("password", ""))
    except ValueError as problem:
        abort(400, str(problem))
    return redirect(url_for("join.show"), 303)
