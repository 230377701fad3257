"""How more phones come in, and the table for Excel."""

import io
import stat
import zipfile
from xml.etree import ElementTree

import pytest
from sample_reps import ENDINGS, add_rep
from test_web import OURS

from web import wifi

pytestmark = pytest.mark.usefixtures("ready")


def test_a_wi_fi_is_told_once_and_shown_as_a_code_from_then_on(client, tmp_path):
    assert "/wifi.svg" not in client.get("/join").text
    assert client.get("/wifi.svg").status_code == 404
    form = {"name": "Sports hall; 2.4\\GHz", "password": 'seven"teen'}
    assert client.post("/join/wifi", data=form, headers=OURS).status_code == 303
    assert wifi.known(tmp_path) == wifi.Network(*form.values())
    assert stat.S_IMODE((tmp_path / "wifi.json").stat().st_mode) == 0o600
    page = client.get("/join").text
    assert "/wifi.svg" in page
    assert "Sports hall; 2.4\\GHz" in page
    code = client.get("/wifi.svg")
    assert code.mimetype == "image/svg+xml"
    assert code.data != client.get("/join.svg").data
    client.post("/join/wifi", data={"name": "", "password": ""}, headers=OURS)
    assert wifi.known(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "password"),
    [("x" * 33, ""), ("ä" * 17, ""), ("a\nb", ""), ("hall", "short"), ("hall", "x" * 64)],
)
def test_what_no_wi_fi_can_have_is_refused(client, tmp_path, name, password):
    form = {"name": name, "password": password}
    assert client.post("/join/wifi", data=form, headers=OURS).status_code == 400
    assert wifi.known(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"password": "x"}', "\x00"])
def test_a_broken_note_of_the_wi_fi_is_none(tmp_path, text):
    (tmp_path / "wifi.json").write_text(text)
    assert wifi.known(tmp_path) is None


# --- the table for Excel -------------------------------------------------------------------------

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cells(data):
    """Every cell of a workbook's first sheet: rows of (type, value)."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        shared = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))  # noqa: S314
        texts = ["".join(part.itertext()) for part in shared.iter(f"{MAIN}si")]
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314
    assert not list(sheet.iter(f"{MAIN}f")), "no formula"
    assert not list(sheet.iter(f"{MAIN}hyperlink")), "no link"
    rows = []
    for row in sheet.iter(f"{MAIN}row"):
        told = {}
        for cell in row:
            column = cell.get("r").rstrip("0123456789")
            value = cell.find(f"{MAIN}v").text
            told[column] = texts[int(value)] if cell.get("t") == "s" else float(value)
        rows.append(told)
    return rows


def test_excel_gets_numbers_as_numbers_and_no_text_as_a_formula(client, store):
    nasty = store.add_athlete("=HYPERLINK(1)")
    for ending in ENDINGS:
        add_rep(store, ending, athlete_id=nasty.id)
    answer = client.get("/reps.xlsx")
    assert "attachment" in answer.headers["Content-Disposition"]
    head, *rows = cells(answer.data)
    columns = {name: letter for letter, name in head.items()}
    assert len(rows) == len(ENDINGS)
    assert {row[columns["athlete"]] for row in rows} == {"=HYPERLINK(1)"}
    measured = next(row for row in rows if row.get(columns["status"]) == "measured")
    assert measured[columns["reaction_s"]] == 0.243
    assert measured[columns["reaction_s_u"]] == 0.006
    assert len(cells(client.get("/reps.xlsx?posture=plank").data)) == 1


# --- home and looks ------------------------------------------------------------------------------


def test_home_leads_everywhere(client, store):
    page = client.get("/home").text
    for path in ("/session", "/games", "/reps", "/screen", "/join", "/coach", "/set-up", "/check",
                 "/settings", "/help"):  # fmt: skip
        assert f'href="{path}"' in page, path
        assert client.get(path).status_code == 200, path
    client.post("/session/begin", data={"circuit": "short"}, headers=OURS)
    assert "who is up, and ARM" in client.get("/home").text


def test_a_look_is_chosen_on_the_phone_and_leads_back(client):
    assert 'data-theme="sun"' in client.get("/").text
    form = {"theme": "night", "back": "/help"}
    assert client.post("/theme", data=form, headers=OURS).location == "/help"
    assert 'data-theme="night"' in client.get("/").text
    client.post("/theme", data={"theme": "disco", "back": "//evil.test"}, headers=OURS)
    assert 'data-theme="night"' in client.get("/").text
