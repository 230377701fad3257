"""Which Wi-Fi phones are to join, as the installer or a coach has told it. Knows no radio."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from flask_babel import gettext as _


class Network(NamedTuple):
    name: str
    password: str  # "" for an open one


def known(folder: Path) -> Network | None:
    """What wifi.json in that folder says; None for nothing that can be used."""
    try:
        told = json.loads((folder / "wifi.json").read_text(encoding="utf-8"))
        return Network(str(told["name"]), str(told.get("password", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep(folder: Path, name: str, password: str) -> None:
    """Write it down, for the owner of the folder only; an empty name forgets it.

    Raises ValueError, a sentence, for what no network can have (IEEE 802.11-2020, 9.4.2.2 and J.4).
    """
    place = folder / "wifi.json"
    if not name:
        place.unlink(missing_ok=True)
        return
    if len(name.encode()) > 32 or not name.isprintable():
        raise ValueError(_("A Wi-Fi's name has 1 to 32 characters."))
    if password and not (
        8 <= len(password) <= 63 and password.isascii() and password.isprintable()
    ):
        raise ValueError(_("A Wi-Fi's password has 8 to 63 characters."))
    fresh = place.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"name": name, "password": password}, file)
    fresh.replace(place)
