"""What a class and a coach's group need beside the turns: names, teams, lanes, notes, boards."""

import contextlib
import csv
import io
import re
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_reps import add_rep, lanes_result, sample_result, walk
from test_session_pages import run
from test_web import JSON, OURS

from web.names import names_in

pytestmark = pytest.mark.usefixtures("ready")


def post(client, path, headers=OURS, **form):
    return client.post(path, data=form, headers=headers)


def roster_in(page):
    return re.search(r"<textarea[^>]*>([^<]*)</textarea>", page)[1].split("\n")


# --- names ---------------------------------------------------------------------------------------


def test_thirty_animals_are_thirty_names_that_nobody_has(client, store):
    known = store.add_athlete("Fox 1")
    names = roster_in(post(client, "/session/names", count="30").text)
    assert len(set(names)) == 30
    assert all(re.fullmatch(r"\D+ \d", name) for name in names)
    assert known.name not in names
    assert post(client, "/session/names", count="61").status_code == 400
    assert post(client, "/session/names", count="").status_code == 400


def test_animals_have_the_language_of_the_page(client):
    post(client, "/language", language="de", back="/")
    names = roster_in(post(client, "/session/names", count="34").text)
    assert any(name.startswith(("Fuchs ", "Dachs ")) for name in names)


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"Name;Class\r\nFox 1;5b\r\nOwl 2;5b\r\n", ["Fox 1", "Owl 2"]),
        ("\ufeffname,age\nJosé,12\n\nZoë,13\n".encode(), ["José", "Zoë"]),
        ("Jürgen\nÄnne".encode("cp1252"), ["Jürgen", "Änne"]),
        (b'"Doe, Jane"\n"Roe,  Rick"\n', ["Doe, Jane", "Roe, Rick"]),
        (b"", []),
        ("Nachname;Vorname\nMüller;Anna\nSchmidt;Ben".encode(), ["Anna Müller", "Ben Schmidt"]),
        (b"Nr;Name;Vorname\n1;M\xfcller;Anna\n2;Schmidt;Ben", ["Anna Müller", "Ben Schmidt"]),
        (b"Name, Vorname\nDoe, Jane\n", ["Jane Doe"]),
        (b"No.,Surname,First name,Class\n1,Doe,Jane,5b\n", ["Jane Doe"]),
        ("N°;Nom;Prénom\n1;Dupont;Zoé".encode(), ["Zoé Dupont"]),
        (b"Apellidos;Nombre\nGil Paz;Ana", ["Ana Gil Paz"]),
        (b"Klasse;Nachname\n5b;Maier\n", ["Maier"]),
        (b"1;Fox\n2;Owl\n", ["Fox", "Owl"]),
        (b"Nr;Child\n1;Fox\n2;Owl\n", ["Fox", "Owl"]),
        (b"Name\rFox\rOwl\r", ["Fox", "Owl"]),
        ("\ufeffName\tClass\nZoë\t5b".encode("utf-16-le"), ["Zoë"]),
        (b"Fox 1,5b\n\n,\nOwl 2", ["Fox 1", "Owl 2"]),
    ],
)
def test_a_file_of_names_is_read_whoever_wrote_it(data, names):
    assert names_in(data) == names


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_no_file_is_a_fault(data):
    with contextlib.suppress(ValueError):
        assert all(name.strip() for name in names_in(data))


def in_this_session(store):
    names = {each.id: each.name for each in store.athletes()}
    turns = store.turns(store.running_session().id)
    return [names[who] for who in dict.fromkeys(turn.athlete_id for turn in turns)]


def test_two_of_one_name_are_two_children(client, store):
    names = "Anna\nBen, Anna\nAnna 2\nanna; Anna"
    post(client, "/session/begin", circuit="lesson", names=names)
    assert in_this_session(store) == ["Anna", "Ben", "Anna 3", "Anna 2", "anna", "Anna 4"]


def send_file(client, data, **form):
    form["file"] = (io.BytesIO(data), "class.csv")
    return client.post("/session/names", data=form | {"what": "file"}, headers=OURS)


def test_a_name_with_a_comma_in_a_file_is_one_pupil(client, store):
    file = '"Müller, Anna";5b\n"Doe, Jane";5b\n"Roe; Rick";5b\n"Doe, Jane";5b'.encode()
    names = roster_in(send_file(client, file).text)
    assert names == ["Anna Müller", "Jane Doe", "Roe Rick", "Jane Doe 2"]
    post(client, "/session/begin", circuit="lesson", names="\n".join(names))
    assert in_this_session(store) == names


@pytest.mark.parametrize("file", [b"", b"Name;Class\n", b"\n;;\n"])
def test_a_file_without_a_name_leaves_the_list_as_it_was(client, file):
    answer = send_file(client, file, names="Fox 1\nOwl 2")
    assert answer.status_code == 400
    assert roster_in(answer.text) == ["Fox 1", "Owl 2"]
    assert "as it was" in answer.text


def test_reading_without_a_file_says_so_and_does_not_ask_how_many(client):
    answer = post(client, "/session/names", what="file", names="Fox 1")
    assert answer.status_code == 400
    assert "How many?" not in answer.text


def test_names_that_were_typed_come_back_with_a_tap(client):
    typed = "Fox 1\nOwl 2"
    for page in (
        send_file(client, b"Bee 3", names=typed).text,
        post(client, "/session/names", what="animals", count="3", names=typed).text,
    ):
        assert roster_in(page) != ["Fox 1", "Owl 2"]
        kept = re.search(r'name="before" value="([^"]*)"', page)[1]
        back = post(client, "/session/names", what="undo", before=kept, names="x", circuit="short")
        assert roster_in(back.text) == ["Fox 1", "Owl 2"]
        assert re.search(r'value="short" checked', back.text), "and what was chosen stays"
    fresh = post(client, "/session/names", what="animals", count="3", names=" ").text
    assert 'name="before"' not in fresh, "nothing was typed"


def test_a_file_fills_the_list_and_a_workbook_is_refused_in_a_sentence(client):
    def send(data):
        file = (io.BytesIO(data), "class.csv")
        return client.post("/session/names", data={"file": file}, headers=OURS)

    assert roster_in(send(b"name\nFox 1\nOwl 2\n").text) == ["Fox 1", "Owl 2"]
    answer = send(b"PK\3\4\0\0\0")
    assert answer.status_code == 400
    assert "save it as CSV" in answer.text


def test_the_names_of_an_earlier_session_come_again(client, store):
    post(client, "/session/begin", circuit="lesson", names="Fox 1\nOwl 2")
    first = store.running_session().id
    post(client, f"/session/{first}/end")
    post(client, "/session/begin", circuit="lesson", names="Bee 3")
    post(client, f"/session/{first + 1}/end")
    assert roster_in(client.get("/session").text) == ["Bee 3"]
    assert roster_in(client.get(f"/session?names={first}").text) == ["Fox 1", "Owl 2"]


# --- teams and boards ----------------------------------------------------------------------------


def test_teams_are_dealt_told_and_changed(client, store):
    names = "\n".join(f"Fox {k}" for k in range(7))
    post(client, "/session/begin", circuit="lesson", names=names, teams="3")
    session = store.running_session().id
    teams = store.teams(session)
    sizes = sorted(list(teams.values()).count(team) for team in set(teams.values()))
    assert sizes == [2, 2, 3]
    first = store.turns(session)[0].athlete_id
    assert f"· {teams[first]}" in client.get("/session").text
    post(client, f"/session/{session}/teams", athlete=first, team="Violet")
    assert store.teams(session)[first] == "Violet"
    for k in range(3):
        run(store, f"k{k}")
    board = client.get(f"/session/{session}").text
    assert "<caption>Teams</caption>" in board
    assert "Violet" in board
    answer = post(client, f"/session/{session}/teams", athlete=999, team="Red")
    assert answer.status_code == 404


def test_who_is_quickest_is_told_only_when_the_teacher_wants_it_and_never_who_is_last(
    client, store
):
    post(client, "/session/begin", circuit="lesson", names="Fox 1, Owl 2, Bee 3, Elk 4, Hen 5")
    session = store.running_session().id
    for k, value in enumerate((0.15, 0.25, 0.35, 0.45, 0.55)):
        run(store, f"k{k}", value)
    path = f"/session/{session}"
    assert "The quickest" not in client.get(path).text
    post(client, f"{path}/ranking", show="yes")
    told = client.get(path).text.partition("The quickest")[2].partition("</ul>")[0]
    assert re.findall(r"<bdi>([^<]*)</bdi>", told) == ["Fox 1", "Owl 2", "Bee 3"]
    post(client, f"{path}/ranking", show="no")
    assert "The quickest" not in client.get(path).text
    assert post(client, "/session/99/ranking", show="yes").status_code == 404


def test_a_start_beside_the_plan_counts_in_no_column_and_one_alone_sees_all_of_his(client, store):
    post(client, "/session/begin", circuit="lesson", names="Fox 1")
    session, (fox,) = store.running_session().id, [each.id for each in store.athletes()]
    run(store, "a", 0.250)
    rep = store.request_rep(posture="prone", key="b", athlete_id=fox)
    walk(store, rep, "settling", "holding", "running", "analysing")
    result = sample_result(reaction_s={"value": 0.150, "u": 0.006})
    store.change_rep(rep.id, state="done", result=result)
    page = client.get(f"/session/{session}").text
    assert re.search("Best: <[^>]*>0.250|Best: 0.250", page)
    assert f"/rep/{rep.id}" in page, "in the list of all it is"


# --- lanes ---------------------------------------------------------------------------------------


def test_lanes_are_offered_only_where_the_camera_has_them(client, three_lanes):
    page = client.get("/session").text
    assert re.search(r'name="lanes".*?<option value="3">3</option></select>', page, re.DOTALL)


def test_one_lane_offers_no_choice_of_lanes(client):
    assert 'name="lanes"' not in client.get("/session").text


def test_three_start_at_once_and_each_has_an_own_row(client, store, three_lanes):
    names = "Fox 1, Owl 2, Bee 3, Elk 4"
    post(client, "/session/begin", circuit="lesson", names=names, lanes="3")
    page = client.get("/session").text.partition('id="order"')[0]
    up = re.findall(r'class="who">(\d): <bdi>([^<]*)<', page)
    assert up == [("1", "Fox 1"), ("2", "Owl 2"), ("3", "Bee 3")]
    assert "<bdi>Elk 4</bdi>" in page, "and who is next"
    assert post(client, "/session/arm", key="a").status_code == 303
    rep = store.active_rep()
    assert len(rep.drill["players"]) == 3
    walk(store, rep, "settling", "holding", "running", "analysing")
    store.change_rep(rep.id, state="done", result=lanes_result(0.21, None, 0.34))
    page = client.get("/session").text
    table = page.partition('id="last"')[2].partition("</table>")[0]
    assert re.findall(r"<bdi>([^<]*)</bdi>", table.partition("<tbody>")[2]) == [
        "Fox 1", "Owl 2", "Bee 3",
    ]  # fmt: skip
    board = client.get(f"/session/{store.running_session().id}").text
    assert board.count("1 of 2 starts") == 3
    elk = next(each.id for each in store.athletes() if each.name == "Elk 4")
    assert post(client, f"/rep/{rep.id}/lane/1", athlete=elk).status_code == 303
    assert [start.athlete_id for start in store.starts_of([rep.id])[rep.id]][1] == elk
    assert post(client, f"/rep/{rep.id}/lane/7", athlete=elk).status_code == 404
    assert "Who ran in which lane?" in client.get(f"/rep/{rep.id}").text


def test_a_table_has_a_row_for_each_athletes_start_with_what_was_said_of_it(
    client, store, three_lanes
):
    names = "Fox 1, Owl 2, Bee 3, Elk 4"
    post(client, "/session/begin", circuit="lesson", names=names, lanes="3", feel="yes")
    session = store.running_session().id
    for turn in store.turns(session)[:4]:
        team = "Red" if turn.athlete_id % 2 else "Blue"
        post(client, f"/session/{session}/teams", athlete=turn.athlete_id, team=team)
    reps = []
    for reactions in ((0.21, None, 0.34), (0.25,), (0.26, 0.27, 0.28), (0.29,)):
        rep = store.request_turn(f"k{len(reps)}")
        walk(store, rep, "settling", "holding", "running", "analysing")
        reps.append(store.change_rep(rep.id, state="done", result=lanes_result(*reactions)))
    last = [turn for turn in store.turns(session) if turn.rep_id == reps[2].id][1]
    post(client, f"/session/turn/{last.id}/felt", felt="quicker")
    post(client, f"/rep/{reps[2].id}/notes", note="Slipped", own="=SUM(1)")
    called = {each.id: each.name for each in store.athletes()}

    def table(query):
        return list(csv.DictReader(io.StringIO(client.get(f"/reps.csv{query}").text[1:])))

    starts = store.starts(session)
    assert len(starts) == 8
    for query in (f"?session_id={session}", ""):
        rows = table(query)
        assert [(row["id"], row["athlete"]) for row in rows] == [
            (str(rep.id), called[rep.athlete_id]) for rep in starts
        ]
    first = [row for row in rows if row["id"] == str(reps[0].id)]
    assert [row["lane"] for row in first] == ["1", "2", "3"]
    assert [row["status"] for row in first] == ["measured", "no_movement", "measured"]
    assert [row["reaction_s"] for row in first] == ["0.21", "", "0.34"]
    assert {row["team"] for row in rows} == {"Red", "Blue"}
    assert [row["felt"] for row in rows if row["felt"]] == ["quicker"]
    assert {row["notes"] for row in rows} == {"", "Slipped; =SUM(1)"}
    dashes = table(f"?session_id={session}&status=no_movement")
    assert [(row["id"], row["lane"]) for row in dashes] == [(str(reps[0].id), "2")]
    own = table(f"?athlete_id={starts[-1].athlete_id}")
    assert {row["athlete"] for row in own} == {called[starts[-1].athlete_id]}
    told = client.get(f"/session/{session}.json").json["reps"]
    assert [(one["rep"]["id"], one["rep"]["athlete_id"]) for one in told] == [
        (rep.id, rep.athlete_id) for rep in sorted(starts, key=lambda rep: rep.id)
    ]
    assert [one["lane"] for one in told if one["rep"]["id"] == reps[0].id] == [1, 2, 3]
    assert {one["team"] for one in told} == {"Red", "Blue"}
    assert ["Slipped", "=SUM(1)"] in [one["notes"] for one in told]
    book = zipfile.ZipFile(io.BytesIO(client.get(f"/reps.xlsx?session_id={session}").data))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 9
    assert "<f>" not in sheet, "no formula"


def test_what_somebody_typed_is_no_formula_in_any_column(client, store):
    post(client, "/session/begin", circuit="lesson", names="=SUM(1)")
    session = store.running_session().id
    store.set_team(session, store.turns(session)[0].athlete_id, "+1")
    rep = run(store, "a")
    post(client, f"/rep/{rep.id}/notes", note="@now")
    (row,) = csv.DictReader(io.StringIO(client.get("/reps.csv").text[1:]))
    assert (row["athlete"], row["team"], row["notes"]) == ("'=SUM(1)", "'+1", "'@now")
    book = zipfile.ZipFile(io.BytesIO(client.get("/reps.xlsx").data))
    assert b"=SUM(1)" in book.read("xl/sharedStrings.xml"), "a text"
    assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_who_joins_twice_is_told_so_and_who_was_absent_is_back(client, store):
    post(client, "/session/begin", circuit="lesson", names="Fox 1, Owl 2")
    session = store.running_session().id
    fox = next(each.id for each in store.athletes() if each.name == "Fox 1")
    answer = post(client, "/session/join", headers=JSON, names="Fox 1, Bee 3")
    said = "Fox 1: in this session already. Somebody else? Add a number."
    assert (answer.status_code, answer.json["said"]) == (409, said)
    assert len(store.turns(session)) == 6, "the other one is in"
    post(client, f"/session/athlete/{fox}/away")
    assert post(client, "/session/join", headers=JSON, names="Fox 1").status_code == 200
    assert {turn.state for turn in store.turns(session)} == {"waiting"}


# --- notes ---------------------------------------------------------------------------------------


@pytest.fixture
def in_lanes(client, store, three_lanes):
    """A function that lets whoever is up start, in a session in lanes whose feeling is asked."""
    form = {"circuit": "standing", "names": "Fox 1, Owl 2, Bee 3", "lanes": "3", "feel": "yes"}
    post(client, "/session/begin", **form)

    def start(key, *reactions):
        rep = store.request_turn(key)
        walk(store, rep, "settling", "holding", "running", "analysing")
        return store.change_rep(rep.id, state="done", result=lanes_result(*reactions))

    return start


def test_everybody_who_started_is_told_with_the_name(client, store, in_lanes):
    rep = in_lanes("a", 0.21, None, 0.34)
    sentence = client.get("/state.json").json["sentence"].replace("\N{NO-BREAK SPACE}", " ")
    assert sentence == "Fox 1: 0.210 s ± 0.006;\nOwl 2: –;\nBee 3: 0.340 s ± 0.006"
    store.set_station(screen="last")
    for path in ("/", "/reps", "/screen", "/session", f"/rep/{rep.id}"):
        page = client.get(path).text.partition("<main")[2].partition('id="last"')
        page = page[2] or page[0]
        for name, number in (("Fox 1", "0.210"), ("Owl 2", "not measured"), ("Bee 3", "0.340")):
            assert re.search(rf"{name}(?s:.{{1,300}}?){number}", page), (path, name)


def test_each_lane_is_asked_how_it_felt_and_the_numbers_wait_for_all(client, store, in_lanes):
    in_lanes("a", 0.21, None, 0.34)
    assert "how did it feel" not in client.get("/session").text.lower(), "there is none before"
    rep = in_lanes("b", 0.231, 0.332, 0.433)
    page = client.get("/session").text
    asked = re.findall(r"<legend><bdi>([^<]*)</bdi>. Before you look", page)
    assert asked == ["Fox 1", "Bee 3"], "Owl 2 has none to compare with"
    forms = re.findall(r'action="(/session/turn/\d+/felt)"', page)
    assert "0.231" not in client.get("/state.json").json["sentence"]
    post(client, forms[0], felt="quicker")
    assert "Bee 3</bdi>. Before" in client.get("/session").text
    assert "0.231" not in client.get("/state.json").json["sentence"]
    post(client, forms[1], felt="slower")
    assert "Before you look" not in client.get("/session").text
    assert "Bee 3: 0.433" in client.get("/state.json").json["sentence"]
    felt = {turn.athlete_id: turn.felt for turn in store.turns_of(rep.id)}
    assert list(felt.values()) == ["quicker", "", "slower"]


def test_a_start_in_lanes_once_more_is_everybodys_or_one_s(client, store, in_lanes):
    rep = in_lanes("a", 0.21, None, 0.34)
    page = client.get("/session").text
    planned = re.search(r'name="planned" value="(\d+)"', page)[1]
    for _ in range(2):
        post(client, f"/session/rep/{rep.id}/again", planned=planned)
    waiting = [turn for turn in store.turns(rep.session_id) if turn.state == "waiting"]
    assert len(waiting) == 12
    made = store.turns_of(rep.id)
    assert [turn.athlete_id for turn in waiting[:3]] == [turn.athlete_id for turn in made]
    for _ in range(2):
        post(client, f"/session/turn/{made[1].id}/again", planned=15)
    waiting = [turn for turn in store.turns(rep.session_id) if turn.state == "waiting"]
    assert len(waiting) == 13
    assert waiting[0].athlete_id == made[1].athlete_id


def test_a_lane_without_a_name_is_nobody_s_and_not_yours(client, store, in_lanes):
    rep = in_lanes("a", 0.21, None, 0.34)
    post(client, f"/rep/{rep.id}/lane/1", athlete="")
    store.set_station(screen="board")
    for path in ("/session", f"/session/{rep.session_id}", "/screen"):
        page = client.get(path).text
        assert "<bdi>You</bdi>" not in page, path
    page = client.get(f"/session/{rep.session_id}").text
    assert re.search(r"<bdi>Owl 2</bdi>: 0 of 4 starts\s*</h2>", page), "his own is still to come"
    assert "No name" not in page


def test_games_take_the_lanes_up_when_the_camera_is_there(client, store):
    page = client.get("/games").text
    assert re.search(r'id="lanes" data-live data-follow="camera" data-camera="simulated.0.1"', page)
    assert client.get("/state.json").json["camera"] == "simulated.0.1"
    data = {"cones": [], "lanes": []}
    kept = store.save_calibration(data, source="taps", camera="simulated", mode="1280x720@120")
    assert client.get("/state.json").json["camera"] == f"simulated.{kept.id}.1"


def test_notes_are_tapped_typed_and_taken_back(client, store):
    post(client, "/session/begin", circuit="lesson", names="Fox 1")
    rep = run(store, "a")
    form = {"note": ["Slipped", "Great start"], "own": " wet   grass "}
    assert client.post(f"/rep/{rep.id}/notes", data=form, headers=OURS).status_code == 303
    assert store.notes_of([rep.id])[rep.id] == ["Slipped", "Great start", "wet grass"]
    for path in ("/session", f"/rep/{rep.id}"):
        shown = client.get(path).text.partition('class="noted"')[2].partition("</ul>")[0]
        assert re.findall("<li>([^<]*)</li>", shown) == ["Slipped", "Great start", "wet grass"]
    many = {"note": [f"n{k}" for k in range(7)]}
    assert client.post(f"/rep/{rep.id}/notes", data=many, headers=OURS).status_code == 400
    post(client, f"/rep/{rep.id}/notes")
    assert store.notes_of([rep.id]) == {}
    assert post(client, "/rep/99/notes", note="Slipped").status_code in (400, 404)


# --- clips ---------------------------------------------------------------------------------------


def test_a_clip_is_asked_for_one_start_and_of_those_who_agreed(client, store):
    post(client, "/session/begin", circuit="lesson", names="Fox 1, Owl 2")
    refused = post(client, "/session/arm", headers=JSON, key="a", clip="yes")
    assert refused.status_code == 409
    assert "agreed" in refused.json["said"]
    assert store.active_rep() is None
    fox = next(each.id for each in store.athletes() if each.name == "Fox 1")
    post(client, f"/settings/consent/{fox}", mark="yes")
    assert post(client, "/session/arm", headers=JSON, key="b", clip="yes").status_code == 200
    assert store.active_rep().drill == {"clip": True}
    post(client, "/stop")
    assert post(client, "/session/arm", headers=JSON, key="c").status_code == 200
    assert store.active_rep().drill == {}, "of that one start only"


def test_a_start_without_a_name_is_not_filmed_and_the_page_says_why(client, store):
    refused = post(client, "/arm", headers=JSON, posture="prone", key="a", clip="yes")
    assert refused.status_code == 409
    assert "needs a name" in refused.json["said"]
    post(client, "/session/begin", circuit="lesson", names="")
    refused = post(client, "/session/arm", key="b", clip="yes")
    assert refused.status_code == 409
    assert "needs a name" in refused.text
    assert store.active_rep() is None


def test_a_clip_is_seen_on_a_coach_s_phone_and_forgotten_with_a_tap(client, pupil, store):
    fox = store.add_athlete("Fox 1").id
    store.set_consent(fox, "yes")
    rep = store.request_rep(posture="prone", key="a", drill={"clip": True}, athlete_id=fox)
    walk(store, rep, "settling", "holding", "running", "analysing")
    store.change_rep(rep.id, state="done", result=sample_result())
    store.save_evidence(rep.id, "clip", "video/mp4", b"0123456789")
    path = f"/rep/{rep.id}/clip.mp4"
    assert "<video" in client.get(f"/rep/{rep.id}").text
    part = client.get(path, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.data) == (206, b"234")
    assert part.headers["Cache-Control"] == "no-store"
    assert "<video" not in pupil.get(f"/rep/{rep.id}").text
    assert pupil.get(path).status_code == 403
    assert post(pupil, f"/rep/{rep.id}/clip/delete").status_code == 403
    assert post(client, f"/rep/{rep.id}/clip/delete").status_code == 303
    assert client.get(path).status_code == 404


def test_what_the_camera_sees_in_set_up_is_a_coach_s(client, pupil, store):
    job = store.ask_set_up("still", {})
    store.answer_set_up(job.id, {"width": 4}, picture=b"\xff\xd8 a child")
    for path in (f"/set-up/job/{job.id}", f"/set-up/job/{job.id}/picture"):
        assert client.get(path).status_code == 200
        refused = pupil.get(path)
        assert refused.status_code == 403
        assert "s phone only" in refused.text
        assert "a child" not in refused.text


# --- names on other people's phones --------------------------------------------------------------


@pytest.fixture
def pupil(app, client, store):
    """A phone that only watches, beside the client, which is the coach's."""
    post(client, "/coach/enter", pin=store.station().pin)
    return app.test_client()


def test_whoever_did_not_agree_is_a_number_on_every_phone_but_a_coach_s(client, pupil, store):
    post(client, "/session/begin", circuit="lesson", names="Maximilian\nOwl 2")
    session = store.running_session().id
    rep = run(store, "a")
    quiet = next(each for each in store.athletes() if each.name == "Maximilian")
    pages = ("/session", "/screen", f"/session/{session}", f"/session/{session}.json", "/reps",
             "/reps.csv", f"/rep/{rep.id}", "/games")  # fmt: skip
    assert any("Maximilian" in pupil.get(path).text for path in pages)
    post(client, f"/settings/consent/{quiet.id}", mark="no")
    for path in pages:
        assert "Maximilian" not in pupil.get(path).text, path
    assert "Maximilian" not in pupil.get("/").text
    assert f"No. {quiet.id}" in pupil.get(f"/session/{session}").text
    assert "Maximilian" in client.get(f"/session/{session}").text, "the coach's own phone"
    assert "Maximilian" in pupil.get(f"/me/{quiet.token}").text, "the own page"
    assert post(client, "/settings/consent/999", mark="no").status_code == 404


@pytest.mark.parametrize("view", ["now", "last", "board"])
def test_the_big_screen_says_no_more_of_whoever_did_not_agree_though_a_coach_opened_it(
    client, pupil, store, view
):
    post(client, "/session/begin", circuit="lesson", names="Maximilian")
    run(store, "a")
    who = store.athletes()[0]
    post(client, f"/settings/consent/{who.id}", mark="no")
    post(client, "/settings/screen", view=view)
    post(client, f"/session/{store.running_session().id}/ranking", show="yes")
    page = client.get("/screen").text
    assert "Maximilian" not in page
    assert f"No. {who.id}" in page


def test_a_deleted_rep_is_gone_from_every_phone_but_a_coach_s(client, pupil, store):
    rep = add_rep(store)
    store.save_evidence(rep.id, "picture", "image/png", b"png")
    paths = [f"/rep/{rep.id}{end}" for end in ("", ".json", ".csv", "/picture.png")]
    assert [pupil.get(path).status_code for path in paths] == [200] * 4
    assert post(client, f"/rep/{rep.id}/delete").status_code == 303
    paths.append(f"/rep/{rep.id}/replay.svg")
    assert [pupil.get(path).status_code for path in paths] == [404] * 5
    assert "Undo" in client.get(f"/rep/{rep.id}").text
    assert post(client, f"/rep/{rep.id}/restore").status_code == 303
    assert pupil.get(f"/rep/{rep.id}").status_code == 200


def test_only_a_coach_reads_who_is_known_and_what_was_done(client, pupil, store):
    store.add_athlete("Fox 1")
    assert "Fox 1" in client.get("/settings").text
    assert "PIN was typed" in client.get("/settings").text
    assert "Fox 1" not in pupil.get("/settings").text
    assert "PIN was typed" not in pupil.get("/settings").text
    assert post(pupil, "/settings/keep", days="1").status_code == 403


# --- the box as a whole --------------------------------------------------------------------------


def test_how_long_starts_are_kept_is_chosen(client, pupil, store):
    assert re.search(r'value="120" aria-pressed="true"', client.get("/settings").text)
    post(client, "/settings/keep", days="7")
    assert store.keep_days() == 7
    post(client, "/settings/keep", days="0")
    assert store.keep_days() is None
    for wrong in ("", "-1", "x", "99999"):
        assert post(client, "/settings/keep", days=wrong).status_code == 400


def test_the_coach_says_what_the_big_screen_shows(client, store):
    post(client, "/session/begin", circuit="lesson", names="Fox 1, Owl 2", teams="2")
    run(store, "a", 0.231)
    shows = {
        "now": "Next",
        "board": "<caption>Teams</caption>",
        "last": "0.231",
        "join": "/join.svg",
    }
    for view, text in shows.items():
        assert post(client, "/settings/screen", view=view).status_code == 303
        page = client.get("/screen").text.partition('id="screen-up"')[2]
        assert text in page, view
        assert not any(other in page for key, other in shows.items() if key != view), view
    assert post(client, "/settings/screen", view="cinema").status_code == 400


def test_the_box_has_a_language_of_its_own_for_phones_that_chose_none(client, app):
    post(client, "/settings/language", language="fr")
    fresh = app.test_client()
    assert '<html lang="fr"' in fresh.get("/", headers={"Accept-Language": "de"}).text
    post(fresh, "/language", language="es", back="/")
    assert '<html lang="es"' in fresh.get("/").text
    post(client, "/settings/language", language="")
    german = app.test_client().get("/", headers={"Accept-Language": "de"})
    assert '<html lang="de"' in german.text
    assert post(client, "/settings/language", language="xx").status_code == 400


def test_two_coaches_one_starts_and_the_other_takes_over_with_a_tap(client, app, store):
    pin = store.station().pin
    post(client, "/coach/enter", pin=pin)
    second = app.test_client()
    post(second, "/coach/enter", pin=pin)
    post(client, "/session/begin", circuit="lesson", names="Fox 1, Owl 2")
    answer = post(second, "/session/arm", headers=JSON, key="b")
    assert answer.status_code == 403
    assert "Another phone starts" in answer.json["said"]
    assert store.active_rep() is None
    assert "I start" in second.get("/session").text
    assert "I start</button>" not in client.get("/session").text
    assert post(second, "/session/turn/1/skip").status_code == 303, "all else is any coach's"
    taken = post(second, "/settings/starter", back="/")
    assert (taken.status_code, taken.location) == (303, "/")
    assert post(second, "/session/arm", headers=JSON, key="c").status_code == 200
    assert post(client, "/arm", headers=JSON, posture="prone", key="d").status_code == 403
    assert [entry.what for entry in store.log_entries(2)] == ["starter", "starter"] or (
        store.log_entries(1)[0].what == "starter"
    )


def test_alone_nobody_asks_who_starts(client, app, store):
    assert post(client, "/arm", headers=JSON, posture="prone", key="a").status_code == 200
    post(client, "/stop")
    assert (
        post(app.test_client(), "/arm", headers=JSON, posture="prone", key="b").status_code == 200
    )


def test_one_s_own_page_draws_start_after_start(client, store):
    athlete = store.add_athlete("Fox 1")
    for k in range(3):
        rep = store.request_rep(posture="prone", key=f"k{k}", athlete_id=athlete.id)
        walk(store, rep, "settling", "holding", "running", "analysing")
        result = sample_result(reaction_s={"value": 0.2 + 0.01 * k, "u": 0.006})
        store.change_rep(rep.id, state="done", result=result)
    assert "trend.js" in client.get(f"/me/{athlete.token}").text
    told = client.get(f"/me/{athlete.token}.json").json
    assert [start["value"] for start in told] == pytest.approx([0.2, 0.21, 0.22])
    assert told[0]["u"] == 0.006
    assert told[0]["kind"] == "On the belly, either leg first"
    table = client.get(f"/me/{athlete.token}.csv")
    assert "attachment" in table.headers["Content-Disposition"]
    assert table.text.count("Fox 1") == 3
    for path in ("/me/nobody.json", "/me/nobody.csv"):
        assert client.get(path).status_code == 404


# --- own words, and what an athlete says for himself ---------------------------------------------


def test_own_words_are_read_on_coaches_phones_and_the_article_s_on_every_one(client, pupil, store):
    post(client, "/session/begin", circuit="lesson", names="Fox, Owl", cue="Run tall",
         own="Owl be fast")  # fmt: skip
    rep = run(store, "a")
    post(client, f"/rep/{rep.id}/notes", note="Slipped", own="lazy today")
    owl = next(each for each in store.athletes() if each.name == "Owl")
    pages = ("/session", "/session/1", "/session/1.json", "/screen", f"/rep/{rep.id}",
             f"/rep/{rep.id}.json", "/reps.csv")  # fmt: skip
    for path in pages:
        page = pupil.get(path).text
        assert "be fast" not in page, path
        assert "lazy today" not in page, path
    assert "Run tall." in pupil.get("/session").text
    assert "Slipped" in pupil.get(f"/rep/{rep.id}").text
    assert pupil.get("/session/1.json").json["session"]["circuit"]["cues"] == ["Run tall"]
    assert "Run tall. Owl be fast." in client.get("/session").text
    assert "lazy today" in client.get(f"/rep/{rep.id}").text
    assert "Run tall. Owl be fast." in pupil.get(f"/me/{owl.token}").text, "the own page"


def test_whoever_has_the_own_page_chooses_what_to_work_on(client, pupil, store):
    post(client, "/session/begin", circuit="lesson", names="Fox, Owl", cue="Run tall")
    fox = next(each for each in store.athletes() if each.name == "Fox")
    path = f"/me/{fox.token}"
    assert "Run tall." in pupil.get(path).text
    form = {"cue": "Neutral spine", "own": "arms"}
    assert pupil.post(f"{path}/cues", data=form, headers=OURS).status_code == 303
    assert store.athlete_by_token(fox.token).cues == ["Neutral spine", "arms"]
    assert "Neutral spine. arms." in pupil.get(path).text
    assert "Neutral spine. arms." in client.get("/session").text
    watching = pupil.get("/session").text
    assert re.findall(r'class="cue">([^<]*)<', watching) == ["Neutral spine. "]
    run(store, "a")
    assert re.findall(r'class="cue">([^<]*)<', pupil.get("/session").text) == ["Run tall. "]
    many = {"cue": ["Run tall", "Neutral spine"], "own": "arms"}
    refused = pupil.post(f"{path}/cues", data=many, headers=OURS)
    assert refused.status_code == 400
    assert "Two things to work on are enough" in refused.text
    post(pupil, f"{path}/cues")
    assert store.athlete_by_token(fox.token).cues is None
    assert post(pupil, "/me/nobody/cues").status_code == 404


def test_whoever_has_the_own_page_says_there_how_the_own_start_felt(client, pupil, store):
    post(client, "/session/begin", circuit="standing", names="Fox, Owl", feel="yes")
    people = {each.name: f"/me/{each.token}" for each in store.athletes()}
    run(store, "a", 0.30), run(store, "b", 0.41)
    assert "how did it feel" not in pupil.get(people["Fox"]).text, "there is none before"
    rep = run(store, "c", 0.23)
    assert "how did it feel" in pupil.get(people["Fox"]).text
    assert [one["value"] for one in pupil.get(people["Fox"] + ".json").json] == [0.3], "not yet"
    post(pupil, people["Owl"] + "/felt", felt="slower")
    assert store.turn_of(rep.id).felt == "", "it was not Owl's"
    post(pupil, people["Fox"] + "/felt", felt="great")
    assert store.turn_of(rep.id).felt == ""
    assert post(pupil, people["Fox"] + "/felt", felt="quicker").status_code == 303
    assert store.turn_of(rep.id).felt == "quicker"
    assert "how did it feel" not in pupil.get(people["Fox"]).text
    assert len(pupil.get(people["Fox"] + ".json").json) == 2
    assert post(pupil, "/me/nobody/felt", felt="same").status_code == 404


# --- names put right -----------------------------------------------------------------------------


def test_a_name_with_a_slip_is_put_right_and_back_and_all_else_stays(client, pupil, store):
    post(client, "/session/begin", circuit="lesson", names="Jonh\nOwl 2")
    run(store, "a")
    jonh = next(each for each in store.athletes() if each.name == "Jonh")
    path = f"/me/{jonh.token}"
    answer = post(client, f"{path}/name", name=" John ")
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "Called Jonh before." in page
    assert "John" in client.get("/session").text
    assert "1 of 2 starts" in client.get("/session/1").text
    assert store.athlete_by_token(jonh.token).id == jonh.id
    undone = post(client, f"{path}/name", name="Jonh", undo="yes")
    assert undone.location == path
    assert store.athlete_by_token(jonh.token).name == "Jonh"
    taken = post(client, f"{path}/name", name="Owl 2")
    assert taken.status_code == 409
    assert "Somebody else has that name." in taken.text
    assert post(client, f"{path}/name", name=" ").status_code == 400
    assert post(client, "/me/nobody/name", name="x").status_code == 404
    assert post(pupil, f"{path}/name", name="Silly").status_code == 403
    assert "Another name" not in pupil.get(path).text


def test_among_many_names_settings_finds_one(client, store):
    for k in range(12):
        store.add_athlete(f"Fox {k}")
    owl = store.add_athlete("Élodie Owl")
    page = client.get("/settings").text
    assert "3 more" in page
    found = client.get("/settings?q=%C3%A9LODIE").text
    assert "Élodie Owl" in found
    assert "Fox 1" not in found
    marked = client.post(f"/settings/consent/{owl.id}?q=owl", data={"mark": "no"}, headers=OURS)
    assert marked.location == "/settings?q=owl#s-who", "and the list stays as it was asked for"
    assert "Nobody's name has “elk” in it." in client.get("/settings?q=elk").text
    assert 'name="q"' not in page.replace('name="q"', "", 1), "one box"


def test_a_few_names_need_no_search(client, store):
    store.add_athlete("Fox")
    assert 'name="q"' not in client.get("/settings").text
