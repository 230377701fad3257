"""Endings and numbers in a coach's words. Reads results, computes none of them."""

import math
from datetime import date
from typing import Any, NamedTuple

from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as L

from pi.drills import POSTURES, Posture
from pi.sessions import places
from web.language import N_, decimal
from web.told import told

DASH = "–"
EARLY_S = 0.100  # World Athletics' limit; here only the border of "guessed"

STATUSES = {
    "measured": L("Measured"),
    "early": L("Early start (guessed)"),
    "false_start": L("False start"),
    "no_movement": L("Nobody moved"),
    "not_measurable": L("Not measurable"),
    "aborted": L("Stopped"),
    "failed": L("Failed"),
}


class Figure(NamedTuple):
    """A number as shown, and its standard uncertainty as shown; "" where there is none."""

    value: str
    u: str = ""


class Ending(NamedTuple):
    """How a rep stands: the big word, its colour's name, a sign beside the colour, a sentence."""

    word: str
    look: str
    sign: str
    sentence: str


def figure(quantity: Any, most: int = 3) -> Figure:
    """The digits that the uncertainty leaves; a dash for what was not measured.

    quantity : {"value", "u"} or None.    most : decimals at most, and those of a number without u.
    """
    value, u = (quantity or {}).get("value"), (quantity or {}).get("u")
    if value is None or not math.isfinite(value):
        return Figure(DASH)
    places = _places(u, most)
    if not u:
        return Figure(minus(f"{value:.{places}f}"))
    return Figure(minus(f"{value:.{places}f}"), decimal(f"{max(u, 10.0**-places):.{places}f}"))


def number(value: float | None, places: int = 2) -> str:
    """A bare number to so many places, or a dash."""
    if value is None or not math.isfinite(value):
        return DASH
    return minus(f"{value:.{places}f}")


def _places(u: float | None, most: int) -> int:
    """One significant digit of u, two where the first is a 1."""
    if not u or not math.isfinite(u):
        return most
    exponent = math.floor(math.log10(u))
    two = u / 10.0**exponent < 1.95
    return min(max(two - exponent, 0), most)


def minus(text: str) -> str:
    """A number's text with a true minus, and the language's decimal sign."""
    return decimal(text.replace("-", "−"))


def plainly(value: float) -> str:
    """A number with no more digits than it has: 2.5, or 5."""
    return minus(f"{value:g}")


def name_of(athlete: Any) -> str:
    """A name as any phone may read it: whoever did not agree is a number."""
    return athlete.name if athlete.consent != "no" else _("No. %(number)s", number=athlete.id)


def short(name: str, most: int = 24) -> str:
    """A name where there is little room."""
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def too_close(result: dict[str, Any] | None) -> str:
    """Which border the reaction lies within its uncertainty of; "" when it is clear of both."""
    reaction = (result or {}).get("reaction_s") or {}
    value, u = reaction.get("value"), reaction.get("u")
    if value is None or not u:
        return ""
    if abs(value - EARLY_S) <= u:
        return _("Too close to call: early start or not.")
    if abs(value) <= u:
        return _("Too close to call: before the signal or after it.")
    return ""


def ending(rep: Any) -> Ending:
    """The rep's state, or the way it ended."""
    if rep.state in ACTIVE:
        return _active(rep)
    if rep.state == "done":
        return _done(rep)
    reason = sentence(rep.reason)
    if rep.state == "false_start":
        close = too_close(rep.result)
        return Ending(
            _("FALSE START"), "bad", "✗", close or reason or _("Somebody moved before GO.")
        )
    if rep.state == "aborted":
        return Ending(_("STOPPED"), "unsure", "■", reason or _("Stop was pressed."))
    return Ending(_("FAILED"), "unsure", "!", reason or _("The timer could not finish this rep."))


ACTIVE = {
    "requested": Ending(N_("ARMED"), "wait", "…", N_("The timer takes over. On your marks.")),
    "settling": Ending(N_("SETTLE"), "wait", "…", N_("On your marks. Be still.")),
    "holding": Ending(N_("HOLD"), "hold", "…", N_("Stay still and wait for GO.")),
    "running": Ending(N_("GO"), "go", "→", N_("Run!")),
    "analysing": Ending(N_("WORKING"), "work", "…", N_("Reading the pictures.")),
}


def meanings() -> list[tuple[str, str]]:
    """Every big word with what it means, for the Help page."""
    return [
        (_("READY"), _("Choose, then arm.")),
        *((_(ending.word), _(ending.sentence)) for ending in ACTIVE.values()),
        (_("DONE"), _("Measured.")),
        (_("EARLY"), _("Off less than 0.1 s after GO: guessed, not heard.")),
        (_("FALSE START"), _("Somebody moved before GO.")),
        (_("NOT SEEN"), _("Nobody started after GO, as far as the camera saw.")),
        (_("NO RESULT"), _("The pictures do not show the start: the reason stands beside it.")),
        (_("STOPPED"), _("Stop was pressed, or nobody was still in time.")),
        (_("FAILED"), _("The timer could not finish: the reason stands beside it.")),
    ]


def _active(rep: Any) -> Ending:
    if rep.state == "holding" and hold_kind(rep) == "coach":
        return spoken(ACTIVE["holding"])._replace(sentence=_("Still. The coach says GO."))
    called = ((rep.settings or {}).get("game") or {}).get("called")
    if called and rep.state in ("holding", "running"):
        return spoken(ACTIVE[rep.state])._replace(sentence=_("Number %(number)s!", number=called))
    return spoken(ACTIVE[rep.state])


def spoken(ending: Ending) -> Ending:
    """An ending that is kept in English, in the language of the page."""
    return ending._replace(word=_(ending.word), sentence=_(ending.sentence))


def hold_kind(rep: Any) -> str | None:
    """What makes GO come: the rep's own drill says it, else the settings it is run with."""
    used = (rep.settings or {}).get("hold") or {}
    return (rep.drill or {}).get("kind") or used.get("kind")


def _done(rep: Any) -> Ending:
    result = rep.result or {}
    status, why = result.get("status"), _of_the_whole(result)
    close = too_close(result)
    if status == "measured":
        return Ending(_("DONE"), "done", "?" if close else "✓", close)
    if status == "early":
        return Ending(_("EARLY"), "unsure", "?" if close else "⚡", close)
    if status == "false_start":
        return Ending(_("FALSE START"), "bad", "✗", close or why or _("Moved before GO."))
    if status == "no_movement":
        return Ending(_("NOT SEEN"), "unsure", "?", why or _("Nobody moved after GO."))
    return Ending(_("NO RESULT"), "unsure", "?", why or _("The pictures do not show the start."))


def _of_the_whole(result: dict[str, Any]) -> str:
    """The first reason that is not about one figure only."""
    reasons = result.get("reasons") or ()
    return sentence(next((text for text in reasons if text.partition(": ")[0] not in NAMES), ""))


def end_with_stop(text: str) -> str:
    return text + ("" if text[-1:] in tuple(".!?…") else ".")


def sentence(text: str | None, end: str = ".") -> str:
    """A reason of the timer's in the reader's language, with a capital and a full stop."""
    text = told((text or "").strip())
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else end)


def verdict(rep: Any) -> str:
    """The first question after a rep, answered: is it valid?"""
    if rep.state in ACTIVE:
        return ending(rep).word.capitalize()
    status = (rep.result or {}).get("status") if rep.state == "done" else rep.state
    if status == "aborted":
        return str(STATUSES["aborted"]) if rep.stop_asked else _("Not started")
    return str(STATUSES.get(str(status), STATUSES["failed"]))


MOVED = "open Set-up and tap Calibrate again"
"""The end of the device's reason for refusing a camera that was moved."""


def moved(rep: Any) -> str:
    """Why a rep was refused because the camera was moved; "" when it was not."""
    told = [rep.reason, *((rep.result or {}).get("reasons") or ())]
    why = next((text for text in told if text and text.endswith(MOVED)), "")
    return sentence(why.removesuffix(MOVED).rstrip(": "))


SOURCES = {
    "taps": L("cones, tapped on a still"),
    "tags": L("printed tags"),
    "moved": L("cones, followed after the camera had moved"),
    "settings": L("cones in the settings"),
}

# As pi.lens has them, which the pages do not import.
LENSES = {
    "v1": L("Camera Module 1"),
    "v2": L("Camera Module 2"),
    "v3": L("Camera Module 3"),
    "v3-wide": L("Camera Module 3 Wide"),
    "hq-6mm": L("HQ Camera, 6 mm lens"),
    "gs-6mm": L("Global Shutter Camera, 6 mm lens"),
}


def lens(data: Any) -> str:
    """A calibration's lens, and whether it was measured or is a preset."""
    if not data:
        return _("not known: taken as one that bends nothing")
    name = str(LENSES.get(str(data.get("model"))) or data.get("model") or _("given"))
    if data.get("preset"):
        return _("%(lens)s: a preset from published figures, not measured", lens=name)
    if rms := data.get("rms_px"):
        return _("%(lens)s: measured with the board, to %(px)s px", lens=name, px=number(rms))
    return _("%(lens)s: measured with the board", lens=name)


def level(data: Any) -> str:
    """How a calibration knows that the camera is level."""
    if data.get("horizon"):
        return _("from the horizon")
    if data.get("roll_deg") is None:
        return _("not told: the tripod's bubble has to be right")
    roll = number(data["roll_deg"], 1)
    if data.get("pitch_deg") is None:
        return _("leans by %(roll)s°", roll=roll)
    pitch = number(data["pitch_deg"], 1)
    return _("leans by %(roll)s°, looks down by %(pitch)s°", roll=roll, pitch=pitch)


def mode(text: str) -> str:
    """A camera's mode, such as 1280x720@120."""
    size, _at, fps = text.partition("@")
    return _("%(size)s px at %(fps)s pictures/s", size=size, fps=fps)


VERDICTS = {
    "good": L("good"),
    "warning": L("warning"),
    "bad": L("bad"),
    "unknown": L("unknown"),
}
CONVENTIONS = {"start": L("start"), "middle": L("middle"), "end": L("end")}
LEGS = {"left": L("left"), "right": L("right")}
FELT = {"quicker": L("Quicker"), "same": L("The same"), "slower": L("Slower")}
LEADS = {
    "left": L("left leg first"),
    "right": L("right leg first"),
    "free": L("either leg first"),
}


def lead_seen(result: Any) -> str | None:
    """The leg of the first step, where the camera saw which one it was."""
    return (result or {}).get("lead_leg")


def day(iso: str) -> str:
    """A date such as 2026-11-27 as the language writes it; "" is one that is not known."""
    return format_date(date.fromisoformat(iso), "medium") if iso else _("date unknown")


def leg(key: str | None) -> str:
    """Which leg leads, beside a posture."""
    return str(LEADS[key]) if key in LEADS else ""


def posture(key: str | None) -> str:
    """A posture's name; `lying` is what the picture shows when it cannot tell back from belly."""
    if key == "lying":
        return _("Lying")
    return _(POSTURES[key].name) if key in POSTURES else key or _("Posture not known")


def rhythm(posture: Posture) -> str:
    """How the box calls a posture, in words."""
    return ", ".join(_("long") if beep == "-" else _("short") for beep in posture.rhythm)


def split(result: dict[str, Any], metres: float) -> dict[str, Any] | None:
    """The time from the signal to a gate, as a quantity."""
    for gate in result.get("splits") or ():
        if gate["metres"] == metres:
            return {"value": gate["from_signal_s"], "u": gate["u"]}
    return None


class Row(NamedTuple):
    """One athlete of several who started at once."""

    lane: str
    place: str  # "1", "2="; "" where nothing can be said
    status: str
    reaction: dict[str, Any]
    five: dict[str, Any] | None
    why: list[str]  # what was not measured, and why


def athletes(result: dict[str, Any]) -> list[Row]:
    """Everybody who started, lane by lane.

    Places are of the reaction, as `sessions.places` gives them.
    """
    told = result.get("athletes") or []
    known = {
        k: (each["reaction_s"]["value"], each["reaction_s"]["u"] or 0.0)
        for k, each in enumerate(told)
        if each["reaction_s"]["value"] is not None and each["status"] != "false_start"
    }

    placed = places(known)
    rows = []
    for k, each in enumerate(told):
        place = placed[k].label if k in placed else ""
        reasons = why(each, "reaction", "reaction_s")
        if each["reaction_s"]["value"] is None and not reasons:
            reasons = [sentence(text) for text in each["reasons"][:1]]
        reasons += [f"5 m: {text}" for text in why(each, "splits", "metres")[:1]]
        status = str(STATUSES.get(each["status"], each["status"]))
        rows.append(Row(each["lane"], place, status, each["reaction_s"], split(each, 5.0), reasons))
    return rows


# Reasons and warnings begin with the key they are about; this is what a page calls it.
NAMES = {
    "reaction": L("Reaction"),
    "reaction_s": L("Reaction"),
    "onset": L("Beginning of movement"),
    "onset_s": L("Beginning of movement"),
    "up": L("On the feet"),
    "up_s": L("On the feet"),
    "lead_leg": L("Leg that leads"),
    "steps": L("Steps"),
    "metres": L("Metres"),
    "splits": L("Splits"),
    "track": L("Track"),
    "peak_speed": L("Top speed"),
    "mean_acceleration": L("Mean acceleration"),
    "mean_acceleration.first_second": L("Mean acceleration in the first second"),
    "mean_acceleration.three_steps": L("Mean acceleration over three steps"),
    "profile": L("Sprint profile"),
    "profile.mac": L("Sprint profile: MAC"),
}


def plain(reason: str) -> str:
    """A reason or warning as a sentence: "up_s: never rose" is "On the feet: never rose."."""
    key, colon, text = reason.partition(": ")
    if colon and key in NAMES:
        return f"{NAMES[key]}: {end_with_stop(told(text))}"
    return sentence(reason)


def why(result: dict[str, Any], *keys: str) -> list[str]:
    """The reasons about any of these keys, without the key: to stand beside a dash."""
    told = (reason.partition(": ") for reason in result.get("reasons") or ())
    return [sentence(text) for key, colon, text in told if colon and key in keys]


def thinned(track: dict[str, Any] | None, most: int = 40) -> list[tuple[float | None, ...]]:
    """Rows (time, distance, speed, height) of a track, at most so many, evenly."""
    if not track or not track.get("time_s"):
        return []
    times = track["time_s"]
    columns = (track.get(key) or [None] * len(times) for key in ("x_m", "speed_m_s", "height_m"))
    rows = list(zip(times, *columns, strict=False))
    return rows[:: -(-len(rows) // most)]


def drawn_splits(result: dict[str, Any]) -> list[tuple[float, float | None]]:
    """The gates of a simulated rep with the time at which it was drawn there."""
    truth = (result.get("truth") or {}).get("splits") or ()
    return [(split["metres"], split["from_signal_s"]) for split in truth]
