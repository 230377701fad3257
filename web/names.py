"""Names as they are typed, pasted or read from a file: one list, nobody twice. Texts only."""

import csv
import io
import re

from flask_babel import gettext as _

SIGNS = ",;\t"
MOST_LETTERS = 80

FIRST = frozenset(
    "vorname|vornamen|rufname|first name|firstname|given name|forename|nombre|nombres|prénom"
    "|prenom|prénoms".split("|")
)
LAST = frozenset(
    "nachname|familienname|surname|last name|lastname|family name|apellido|apellidos|nom de famille"
    "".split("|")
)
WHOLE = frozenset(
    "name|names|namen|full name|athlete|athletes|athlet|athletin|pupil|pupils|student|students"
    "|schüler|schülerin|schüler/in|schüler*in|kind|alumno|alumna|alumnos|atleta|élève|élèves"
    "|athlète|nom|nom et prénom|nombre y apellidos".split("|")
)
"""What the heading of a column of names says; "Name" beside "Vorname" is the last one."""

NUMBERING = re.compile(r"#?\d{1,4}[.)]?")


def names_in_list(text: str) -> list[str]:
    """The names of a list that was typed or pasted: a line, comma or semicolon between two."""
    for sign in SIGNS:
        text = text.replace(sign, "\n")
    return numbered([name for line in text.splitlines() if (name := " ".join(line.split()))])


def numbered(names: list[str]) -> list[str]:
    """The same names, and of those that come twice the second with a 2: they are two children."""
    taken, told = set(names), []
    seen: set[str] = set()
    for name in names:
        own, number = name, 2
        while own in seen or (own != name and own in taken):
            own, number = f"{name} {number}", number + 1
        seen.add(own)
        told.append(own)
    return told


def as_a_line(name: str) -> str:
    """A name without the signs that stand between two: "Doe, Jane" of a table is Jane Doe."""
    last, comma, first = name.partition(",")
    if comma and first.strip() and not set(SIGNS) & set(last + first):
        name = f"{first} {last}"
    return " ".join(re.sub(f"[{SIGNS}]", " ", name).split())


def names_in(data: bytes) -> list[str]:
    """The names of a CSV file, whatever separates its columns and whoever wrote it.

    Of columns with a heading those that are known, first name before last; without one the first
    that does not only count. Raises ValueError, a sentence, for what is no such file.
    """
    text = decoded(data)
    sign = max(";\t,", key=text.partition("\n")[0].count)
    try:
        if "\0" in text:
            raise csv.Error
        table = [
            [" ".join(cell.split()) for cell in row]
            for row in csv.reader(io.StringIO(text), delimiter=sign)
        ]
    except csv.Error:
        raise ValueError(_("That file is no table of names: save it as CSV.")) from None
    rows = [row for row in table if any(row)]
    if not rows:
        return []
    columns = named_columns(rows[0])
    if not columns:
        columns, counts = [0], counted(rows)
        if counts:
            columns = [1]
            rows = rows if NUMBERING.fullmatch(rows[0][0]) else rows[1:]
    else:
        rows = rows[1:]
    names = (" ".join(row[k] for k in columns if k < len(row) and row[k]) for row in rows)
    return [name for name in names if name]


def decoded(data: bytes) -> str:
    """A file's text with our line ends, in whatever a spreadsheet has written it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    return io.StringIO(text, newline=None).read()


def named_columns(headings: list[str]) -> list[int]:
    """Which columns hold names, in the order in which they are said; none without a heading."""
    plain = [heading.casefold() for heading in headings]

    def at(known: frozenset[str]) -> int | None:
        return next((k for k, heading in enumerate(plain) if heading in known), None)

    first, last, whole = at(FIRST), at(LAST), at(WHOLE)
    if first is not None:
        beside = last if last is not None else whole
        return [first] if beside is None else [first, beside]
    return [k for k in (whole, last) if k is not None][:1]


def counted(rows: list[list[str]]) -> bool:
    """Whether the first column only counts, but for a heading, and another follows."""
    cells = [row[0] for row in rows if row[0]]
    return (
        all(len(row) > 1 for row in rows)
        and all(NUMBERING.fullmatch(cell) for cell in cells[1:])
        and (len(cells) > 1 or (bool(cells) and NUMBERING.fullmatch(cells[0]) is not None))
    )
