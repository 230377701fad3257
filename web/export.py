"""Reps as files for other programs: JSON, CSV and XLSX. Full precision, nothing rounded."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import xlsxwriter
from flask import Response

from pi.store import Listed, Rep, Store
from web import words
from web.own import told_notes

BOM = "\ufeff"  # or Excel takes UTF-8 for something else
METRES = (1.0, 2.5, 5.0, 10.0)
CHUNK = 200
MOST_TEXT = 32_767  # characters in a cell of Excel's

REP_KEYS = (
    "id state status reason posture lead_leg seen_leg athlete_id session_id drill requested_at"
    " dated hold_s requested_ns settled_ns set_ns go_before_ns go_after_ns ended_ns boot_id"
    " settings deleted_at"
).split()
TRACK = ("time_s", "x_m", "u_x_m", "speed_m_s", "u_speed_m_s", "height_m")


def as_json(rep: Rep) -> dict[str, Any]:
    """What is known of a rep, and beside it its result as measured, or None."""
    return {"rep": {key: getattr(rep, key) for key in REP_KEYS}, "result": rep.result}


def start_json(listed: Listed) -> dict[str, Any]:
    """One athlete's start, with what was said of it."""
    return as_json(listed.rep) | {
        "lane": lane_of(listed),
        "team": listed.team or None,
        "felt": listed.felt or None,
        "notes": listed.notes,
    }


def lane_of(listed: Listed | None) -> int | None:
    """The lane's number as the pages have it: the nearest to the camera is 1."""
    return None if listed is None or listed.lane is None else listed.lane + 1


def track_csv(rep: Rep) -> str:
    """The track, one row a moment; only the head of the table when there is none."""
    track = (rep.result or {}).get("track") or {}
    columns = [track.get(key) or [] for key in TRACK]
    times = columns[0]
    rows = zip(*(column or [None] * len(times) for column in columns), strict=False)
    return BOM + "".join(lines([TRACK, *rows]))


def reps_csv(
    store: Store, wanted: Mapping[str, Any], names: Mapping[int | None, str]
) -> Iterator[str]:
    """A table with one row for each athlete's start, newest first, read from the store in pieces.

    A row's name is its id and lane: those of one rep have the same id.
    """
    yield BOM
    yield from lines([row_of(None, "").keys()])
    for listed in in_pieces(store, wanted):
        yield from lines([row_of(listed, names.get(listed.rep.athlete_id, "")).values()])


def row_of(listed: Listed | None, name: str) -> dict[str, Any]:
    """A start's main numbers under the names of their columns; all None without a start."""
    rep = listed.rep if listed else None
    result: dict[str, Any] = (rep.result if rep else None) or {}
    splits = {split["metres"]: split for split in result.get("splits") or ()}
    capture, signal = result.get("capture") or {}, result.get("signal") or {}
    acceleration, profile = result.get("mean_acceleration") or {}, result.get("profile") or {}
    row: dict[str, Any] = {
        key: getattr(rep, key, None) for key in ("id", "requested_at", "session_id", "athlete_id")
    }
    row |= {"athlete": name}
    row |= {key: getattr(rep, key, None) for key in ("posture", "lead_leg", "state", "status")}
    row["hold_kind"] = words.hold_kind(rep) if rep else None
    row["hold_s"] = getattr(rep, "hold_s", None)
    for key in ("reaction_s", "onset_s", "up_s"):
        row |= measured(key, result.get(key))
    for metres in METRES:
        split = splits.get(metres) or {}
        for since in ("from_signal_s", "from_movement_s"):
            row[f"split_{metres:g}m_{since}"] = split.get(since)
        row[f"split_{metres:g}m_u_s"] = split.get("u")
    row |= measured("peak_speed_m_s", result.get("peak_speed"))
    row["peak_speed_at_m"] = (result.get("peak_speed") or {}).get("at_m")
    for key in ("first_second", "three_steps"):
        row |= measured(f"mean_acceleration_{key}_m_s2", acceleration.get(key))
    for key, unit in (("mss", "_m_s"), ("mac", "_m_s2"), ("tau", "_s")):
        row |= measured(key + unit, profile.get(key))
    row["steps"] = None if result.get("steps") is None else len(result["steps"])
    row["sound_delay_s"] = signal.get("sound_delay_s")
    for key in ("fps", "frames", "dropped", "exposure_s", "px_per_m"):
        row[key] = capture.get(key)
    reasons = [*result.get("reasons", ())] or [getattr(rep, "reason", None) or ""]
    row["reasons"] = "; ".join(reasons)
    row["warnings"] = "; ".join(result.get("warnings", ()))
    for key in ("version", "algorithm"):
        row[key] = result.get(key)
    row["seen_leg"] = getattr(rep, "seen_leg", None)
    row["lane"] = lane_of(listed)
    row["team"] = listed.team if listed else None
    row["felt"] = listed.felt if listed else None
    row["notes"] = "; ".join(listed.notes) if listed else None
    return row


def measured(name: str, quantity: Mapping[str, Any] | None) -> dict[str, Any]:
    """A number and its standard uncertainty as two columns."""
    quantity = quantity or {}
    return {name: quantity.get("value"), f"{name}_u": quantity.get("u")}


def lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Rows as lines of CSV."""
    for row in rows:
        out = io.StringIO()
        csv.writer(out).writerow([cell(value) for value in row])
        yield out.getvalue()


def cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(value, str):
        text = value.replace("\0", "")
        return f"'{text}" if text.lstrip(" ")[:1] in tuple("=+-@\t\r\n＝＋－＠") else text
    return value


def reps_xlsx(
    store: Store, wanted: Mapping[str, Any], names: Mapping[int | None, str]
) -> io.BytesIO:
    """The same table as a workbook: numbers as numbers, texts never as formulas or links."""
    out = io.BytesIO()
    plain_texts = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(out, plain_texts) as book:
        sheet = book.add_worksheet("Reps")
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, row_of(None, "").keys(), book.add_format({"bold": True}))
        number = 0
        for listed in in_pieces(store, wanted):
            number += 1
            row = row_of(listed, names.get(listed.rep.athlete_id, ""))
            for column, value in enumerate(row.values()):
                if isinstance(value, str):
                    sheet.write_string(number, column, value.replace("\0", "")[:MOST_TEXT])
                elif value is not None:
                    sheet.write(number, column, value)
        sheet.autofit()
    out.seek(0)
    return out


def in_pieces(store: Store, wanted: Mapping[str, Any]) -> Iterator[Listed]:
    """Every start like that, newest first and lane by lane, a piece of the store at a time.

    Of its notes those that this phone may show.
    """
    each = {key: wanted.get(key) for key in ("athlete_id", "status")}
    before = None
    while reps := store.listed_reps(**wanted, limit=CHUNK, before=before):
        for listed in store.listed(reps, **each):
            yield listed._replace(notes=told_notes(listed.notes))
        before = reps[-1]


def download(body: Any, name: str, kind: str = "text/csv") -> Response:
    response = Response(body, mimetype=kind)
    response.headers["Content-Disposition"] = f"attachment; filename=trackstart-{name}"
    return response
