"""The pages without a browser: click, and look at what comes back."""

import csv
import io
import json
import re
import threading
import time
from datetime import datetime
from html.parser import HTMLParser

import jsonschema
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_reps import (
    ENDINGS,
    NOTHING,
    add_rep,
    beat,
    begin_class,
    nothing_measured,
    request,
    sample_replay,
    sample_result,
    walk,
)
from test_schema import SCHEMA, accepts

from pi import clock
from pi.drills import HOLDS, POSTURES
from pi.settings import Settings
from web import create_app, words
from web.language import speaking
from web.live import Feed
from web.portal import PROBES
from web.replay import draw_replay
from web.security import answers_to
from web.state import state_now

OURS = {"Origin": "http://localhost"}
JSON = OURS | {"Accept": "application/json"}


def arm(client, headers=OURS, **choices):
    form = {"posture": "prone", "key": f"key {time.monotonic_ns()}"} | choices
    return client.post("/arm", data=form, headers=headers)


def key_in(page: str) -> str:
    return re.search(r'name="key" value="([^"]+)"', page)[1]


def word_in(page: str) -> str:
    return re.search(r'id="word">([^<]*)<', page)[1]


class Elements(HTMLParser):
    """Every tag of a page with its attributes, and the text a reader sees."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


# --- pressing the buttons ----------------------------------------------------------------------


def test_pressing_arm_makes_a_rep_and_shows_it(client, store, ready):
    athlete = store.add_athlete("Anna")
    page = client.get("/").text
    form = {"posture": "plank", "athlete": athlete.id, "hold": "watch", "key": key_in(page)}
    answer = client.post("/arm", data=form, headers=OURS)
    assert (answer.status_code, answer.location) == (303, "/")
    rep = store.active_rep()
    assert (rep.posture, rep.athlete_id, rep.drill) == ("plank", athlete.id, {"kind": "fixed"})
    page = client.get("/").text
    assert word_in(page) == "ARMED"
    assert '<noscript><meta http-equiv="refresh"' in page


@pytest.mark.parametrize("hold", HOLDS)
def test_every_hold_can_be_armed_and_stays_chosen(client, store, ready, hold):
    arm(client, hold=hold)
    assert store.active_rep().drill == HOLDS[hold].drill
    assert f'<option value="{hold}" selected>' in client.get("/").text


def test_the_same_press_twice_arms_once(client, store, ready):
    form = {"posture": "prone", "key": key_in(client.get("/").text)}
    for _ in range(2):
        assert client.post("/arm", data=form, headers=OURS).status_code == 303
    assert len(store.reps()) == 1


def test_a_press_from_an_old_page_says_that_it_did_nothing(client, store, ready):
    form = {"posture": "prone", "key": key_in(client.get("/").text)}
    client.post("/arm", data=form, headers=OURS)
    client.post("/stop", headers=OURS)
    answer = client.post("/arm", data=form, headers=OURS)
    assert answer.status_code == 409
    assert "Press Arm again" in answer.text
    assert store.active_rep() is None


def test_a_second_rep_is_refused_while_one_runs(client, store, ready):
    arm(client)
    answer = arm(client)
    assert answer.status_code == 409
    assert "running already" in answer.text
    assert len(store.reps()) == 1


def test_arming_without_a_timer_is_refused_and_leaves_nothing_behind(client, store):
    answer = arm(client)
    assert answer.status_code == 503
    assert "not running" in answer.text
    assert store.reps() == []
    assert word_in(client.get("/").text) == "NO TIMER"


@pytest.mark.parametrize(
    "wrong",
    [
        {"posture": "handstand"},
        {"posture": ""},
        {"hold": "guess"},
        {"athlete": "77"},
        {"athlete": "x"},
        {"athlete": "9" * 30},
        {"key": "k" * 81},
    ],
)
def test_a_wrong_choice_is_refused_with_a_sentence(client, store, ready, wrong):
    answer = arm(client, **wrong)
    assert answer.status_code == 400
    assert 'id="said" role="alert">' in answer.text
    assert store.reps() == []


def test_stop_ends_what_runs_and_is_no_fault_when_nothing_does(client, store, ready):
    assert client.post("/stop", headers=OURS).status_code == 303
    rep = request(store)
    walk(store, rep, "settling", "holding")
    assert client.post("/stop", headers=OURS).status_code == 303
    assert store.rep(rep.id).stop_asked


def test_go_is_the_coachs_and_only_while_holding(client, store, ready):
    assert client.post("/go", headers=OURS).status_code == 409
    rep = request(store, drill={"kind": "coach"})
    walk(store, rep, "settling")
    early = client.post("/go", headers=JSON)
    assert early.status_code == 409
    assert early.json["said"].startswith("Not yet")
    walk(store, rep, "holding")
    assert client.get("/state.json").json["can_go"]
    assert client.post("/go", headers=OURS).status_code == 303
    assert store.rep(rep.id).go_asked
    assert not client.get("/state.json").json["can_go"]


def test_go_is_the_coachs_where_the_settings_say_so(client, store, ready):
    rep = walk(store, request(store), "settling", "holding")
    store.change_rep(rep.id, settings={"hold": {"kind": "coach"}})
    assert client.get("/state.json").json["can_go"]
    assert client.post("/go", headers=OURS).status_code == 303


def test_go_does_not_cut_a_random_hold_short(client, store, ready):
    rep = request(store)
    walk(store, rep, "settling", "holding")
    assert client.post("/go", headers=OURS).status_code == 409
    assert not store.rep(rep.id).go_asked


def test_a_script_gets_the_new_state_as_the_answer(client, store, ready):
    answer = arm(client, headers=JSON)
    assert answer.status_code == 200
    assert answer.json["word"] == "ARMED"
    assert answer.json["change"] == store.latest_change()
    assert answer.json["can_stop"]
    assert not answer.json["can_arm"]


def test_a_new_athlete_is_there_and_chosen(client, store):
    answer = client.post("/athletes", data={"name": " Anna  K. "}, headers=OURS)
    (athlete,) = store.athletes()
    assert athlete.name == "Anna K."
    page = client.get(answer.location).text
    assert f'<option value="{athlete.id}" selected>Anna K.</option>' in page
    script = client.post("/athletes", data={"name": "Ben"}, headers=JSON)
    assert script.json["name"] == "Ben"


@pytest.mark.parametrize("name", ["", " ", "x" * 81])
def test_a_name_nobody_can_have_is_refused(client, store, name):
    answer = client.post("/athletes", data={"name": name}, headers=OURS)
    assert answer.status_code == 400
    assert "1 to 80" in answer.text
    assert store.athletes() == []


def test_a_deleted_rep_can_be_brought_back(client, store):
    rep = add_rep(store)
    answer = client.post(f"/rep/{rep.id}/delete", headers=OURS)
    page = client.get(answer.location).text
    assert f"Rep {rep.id} is deleted" in page
    assert f'href="/rep/{rep.id}"' not in page
    assert "is deleted" in client.get(f"/rep/{rep.id}").text
    assert client.post(f"/rep/{rep.id}/restore", headers=OURS).location == f"/rep/{rep.id}"
    assert f'href="/rep/{rep.id}"' in client.get("/reps").text


def test_a_running_rep_is_not_deleted(client, store, ready):
    rep = request(store)
    assert client.post(f"/rep/{rep.id}/delete", headers=OURS).status_code == 409
    assert store.rep(rep.id).deleted_at is None


# --- the word --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ([], "ARMED"),
        (["settling"], "SETTLE"),
        (["settling", "holding"], "HOLD"),
        (["settling", "holding", "running"], "GO"),
        (["settling", "holding", "running", "analysing"], "WORKING"),
    ],
)
def test_one_word_says_where_the_rep_stands(client, store, ready, states, word):
    walk(store, request(store), *states)
    state = client.get("/state.json").json
    assert state["word"] == word_in(client.get("/").text) == word
    assert not state["can_arm"]


@pytest.mark.parametrize(
    ("ending", "word", "sentence"),
    [
        ("measured", "DONE", "Reaction 0.243\xa0s ±\xa00.006"),
        ("early", "EARLY", "Early start (guessed). Reaction 0.043\xa0s ±\xa00.006"),
        ("false_start", "FALSE START", "Moved before GO."),
        ("recalled", "FALSE START", "Moved 4 cm during the hold."),
        ("no_movement", "NOT SEEN", "Nobody started after the signal."),
        ("not_measurable", "NO RESULT", "The camera moved."),
        ("aborted", "STOPPED", "Nobody was still in 30 s."),
        ("failed", "FAILED", "Camera dropped 14 frames; check the cable."),
    ],
)
def test_one_word_says_how_the_rep_ended(client, store, ready, ending, word, sentence):
    add_rep(store, ending)
    state = client.get("/state.json").json
    assert (state["word"], state["sentence"]) == (word, sentence)
    assert state["can_arm"]
    assert word_in(client.get("/").text) == word


def test_an_ending_of_another_boot_is_not_news(client, store, ready, monkeypatch):
    monkeypatch.setattr("pi.store.stamps.boot_id", lambda: "the boot before")
    add_rep(store)
    monkeypatch.undo()
    beat(store)
    assert client.get("/state.json").json["word"] == "READY"
    assert "0.243" in client.get("/").text  # the card keeps it


def test_a_silent_timer_is_told_whatever_the_rep_was(client, store, monkeypatch):
    beat(store)
    walk(store, request(store), "settling")
    later = time.monotonic_ns() + 4 * 10**9
    monkeypatch.setattr("web.state.time.monotonic_ns", lambda: later)
    state = client.get("/state.json").json
    assert (state["word"], state["alive"], state["can_arm"]) == ("NO TIMER", False, False)
    assert state["can_stop"]


def test_a_problem_of_the_device_is_shown(client, store):
    beat(store, "no picture from the camera for 2 s")
    assert "No picture from the camera for 2 s." in client.get("/").text


def test_a_simulated_track_says_so_on_every_page(client, store):
    rep = add_rep(store)
    for path in ("/", "/reps", f"/rep/{rep.id}"):
        beat(store, simulated=True)
        assert 'class="simulated">' in client.get(path).text
        beat(store, simulated=False)
        assert 'class="simulated" hidden>' in client.get(path).text


# --- numbers in words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "u", "shown"),
    [
        (0.24312, 0.0061, ("0.243", "0.006")),
        (0.21442, 0.0123, ("0.214", "0.012")),
        (2.10449, 0.0072, ("2.104", "0.007")),
        (7.6312, 0.31, ("7.6", "0.3")),
        (5.8049, 0.15, ("5.80", "0.15")),
        (5.41, 0.095, ("5.41", "0.10")),
        (1.3, 2.6, ("1", "3")),
        (0.2431, 0.0004, ("0.243", "0.001")),
        (-0.0612, 0.006, ("−0.061", "0.006")),
        (0.2431, None, ("0.243", "")),
        (None, None, ("–", "")),
        (float("nan"), 0.1, ("–", "")),
    ],
)
def test_a_number_has_the_digits_that_its_uncertainty_leaves(value, u, shown):
    assert words.figure({"value": value, "u": u}) == shown


def test_a_reaction_within_its_uncertainty_of_a_border_is_too_close_to_call(client, store):
    for value, said in ((0.104, "early start or not"), (-0.004, "before the signal or after")):
        rep = add_rep(store)
        close = sample_result(reaction_s={"value": value, "u": 0.006})
        rep = store.change_rep(rep.id, result=close)
        assert said in words.ending(rep).sentence
        assert "Too close to call" in client.get(f"/rep/{rep.id}").text


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_page_says_legal(client, store, ready, ending):
    rep = add_rep(store, ending)
    for path in ("/", "/reps", f"/rep/{rep.id}"):
        assert not re.search(r"\b(il)?legal", client.get(path).text, re.IGNORECASE)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_has_a_whole_page(client, store, ready, ending):
    rep = add_rep(store, ending, athlete_id=store.add_athlete("Anna").id)
    page = Elements(client.get(f"/rep/{rep.id}").text).text
    assert words.verdict(rep) in page
    assert "Anna" in page
    for text in (rep.result or {}).get("reasons", [rep.reason]):
        assert words.plain(text) in page
    assert not re.search(r"\b(None|nan|Undefined)\b", page)


@pytest.mark.parametrize("states", [[], ["settling", "holding", "running", "analysing"]])
def test_a_running_rep_has_a_page_that_renews_itself(client, store, ready, states):
    rep = walk(store, request(store), *states)
    page = client.get(f"/rep/{rep.id}").text
    assert '<noscript><meta http-equiv="refresh"' in page
    assert f'data-follow="{rep.id}"' in page
    assert words.ending(rep).word in page


def test_a_dash_stands_beside_its_reason(client, store):
    rep = add_rep(store)
    result = sample_result(up_s=NOTHING, reasons=["up_s: the body never rose to running height"])
    store.change_rep(rep.id, result=result)
    page = client.get(f"/rep/{rep.id}").text
    tile = re.search(r"<dt>On the feet</dt>(.*?)</div>", page, re.DOTALL)[1]
    assert "–" in tile
    assert "The body never rose to running height." in tile


def test_figures_are_those_of_the_result(client, store):
    text = Elements(client.get(f"/rep/{add_rep(store).id}").text).text
    text = " ".join(text.split())
    for shown in ("0.243s ± 0.006", "2.104s ± 0.007", "5.41m/s ± 0.06", "4.24m/s² ± 0.15"):
        assert shown in text


def test_any_number_may_be_missing_and_the_page_still_stands(client, store):
    """Every key of the result set to null, one after the other."""
    rep = add_rep(store)

    def blanked(value):
        if isinstance(value, dict):
            for key in value:
                yield value | {key: None}
                for part in blanked(value[key]):
                    yield value | {key: part}
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for part in blanked(value[0]):
                yield [part, *value[1:]]

    blanks = 0
    for result in blanked(sample_result()):
        if accepts(result):
            blanks += 1
            store.change_rep(rep.id, result=result)
            for path in ("/", "/reps", f"/rep/{rep.id}", "/reps.csv", f"/rep/{rep.id}.csv"):
                assert client.get(path).status_code == 200, (path, result)
    assert blanks > 15


def test_a_result_may_know_more_than_this_page(client, store):
    rep = add_rep(store)
    store.change_rep(rep.id, result=sample_result() | {"wind_m_s": 1.2})
    assert client.get(f"/rep/{rep.id}").status_code == 200


def test_the_samples_are_what_the_device_would_leave():
    for result in (sample_result(), nothing_measured("no_movement", "nobody moved")):
        jsonschema.validate(result, SCHEMA)


def test_a_simulated_rep_shows_what_was_drawn(client, store):
    rep = add_rep(store)
    truth = {"reaction_s": 0.2468, "splits": [{"metres": 5.0, "from_signal_s": 2.0998}]}
    store.change_rep(rep.id, result=sample_result() | {"truth": truth})
    page = client.get(f"/rep/{rep.id}").text
    assert "<td>0.247</td>" in page
    assert "<td>2.100</td>" in page


def test_several_who_started_stand_lane_by_lane_and_ties_are_called_ties(client, store):
    kept = ("schema", "version", "algorithm", "capture")
    first = {key: value for key, value in sample_result().items() if key not in kept}
    second = first | {"lane": "2", "reaction_s": {"value": 0.246, "u": 0.006}}
    third = first | {
        "lane": "3", "status": "not_measurable", "reaction_s": {"value": None, "u": None},
        "reasons": ["reaction: lane 2's athlete is in front"],
    }  # fmt: skip
    rep = add_rep(store)
    told = sample_result() | {"athletes": [first | {"lane": "1"}, second, third]}
    jsonschema.validate(told, SCHEMA)
    store.change_rep(rep.id, result=told)
    page = client.get(f"/rep/{rep.id}").text
    table = page.partition("<h2>Lanes</h2>")[2].partition("</table>")[0]
    assert table.count("<td>1=</td>") == 2
    assert "Lane 2&#39;s athlete is in front." in table
    assert "0.246" in table
    assert "<h2>Lanes</h2>" not in client.get(f"/rep/{add_rep(store).id}").text


# --- lists and files -------------------------------------------------------------------------


def rows(answer):
    assert answer.data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_reps_are_listed_newest_first_in_pages(client, store, monkeypatch):
    monkeypatch.setattr("web.pages.PAGE_LENGTH", 3)
    ids = [add_rep(store).id for _ in range(7)][::-1]
    seen, path = [], "/reps"
    while path:
        page = client.get(path).text
        seen.append([int(number) for number in re.findall(r'href="/rep/(\d+)"', page)])
        older = re.search(r'href="([^"]+)">Older', page)
        path = older and older[1].replace("&amp;", "&")
    assert seen == [ids[:3], ids[3:6], ids[6:]]


def test_filters_choose_and_survive_into_the_table(client, store):
    anna = store.add_athlete("Anna").id
    one = add_rep(store, posture="plank", athlete_id=anna)
    add_rep(store, "early", posture="plank", athlete_id=anna)
    add_rep(store, posture="prone", athlete_id=anna)
    add_rep(store, posture="plank")
    page = client.get(f"/reps?athlete_id={anna}&posture=plank&status=measured").text
    assert re.findall(r'href="/rep/(\d+)"', page) == [str(one.id)]
    table = re.search(r'href="(/reps\.csv[^"]*)"', page)[1].replace("&amp;", "&")
    assert [row["id"] for row in rows(client.get(table))] == [str(one.id)]


@pytest.mark.parametrize("status", words.STATUSES)
def test_every_way_of_ending_can_be_asked_for(client, store, status):
    for ending in ENDINGS:
        add_rep(store, ending)
    wanted = [str(rep.id) for rep in store.reps() if rep.status == status]
    assert wanted
    assert re.findall(r'href="/rep/(\d+)"', client.get(f"/reps?status={status}").text) == wanted


def test_a_posture_in_own_words_can_be_asked_for_as_long_as_a_rep_has_it(client, store):
    kneeling = add_rep(store, posture="kneeling")
    add_rep(store, posture="prone")
    assert "<option>kneeling</option>" in client.get("/reps").text
    page = client.get("/reps?posture=kneeling").text
    assert re.findall(r'href="/rep/(\d+)"', page) == [str(kneeling.id)]
    assert "<option selected>kneeling</option>" in page
    assert len(client.get("/reps.csv?posture=kneeling").text.splitlines()) == 2
    store.delete_rep(kneeling.id)
    assert "kneeling" not in client.get("/reps").text


def test_nonsense_in_the_address_is_left_out(client, store):
    add_rep(store)
    for query in ("athlete_id=x", f"before={'9' * 40}", "status=best", "posture=x", "before=-1"):
        assert 'href="/rep/1"' in client.get(f"/reps?{query}").text


def test_an_empty_list_says_what_to_do(client, store):
    assert "press ARM" in client.get("/reps").text
    add_rep(store)
    assert "No rep is like that" in client.get("/reps?posture=plank").text


def test_a_top_speed_is_shown_though_the_acceleration_of_its_profile_is_not_known(client, store):
    told = {"mss": {"value": 7.64, "u": 0.2}, "mac": NOTHING, "tau": NOTHING, "starts_s": 0.3}
    reasons = ["profile.mac: it is known to 9 % only"]
    rep = add_rep(store)
    store.change_rep(rep.id, result=sample_result(profile=told, reasons=reasons))
    page = client.get(f"/rep/{rep.id}").text
    assert "7.6" in page.partition("Sprint profile: MSS")[2].partition("</div>")[0]
    beside = page.partition("<dt>Sprint profile: MAC")[2].partition("</div>")[0]
    assert "–" in beside
    assert "It is known to 9 % only." in beside


def test_the_table_has_a_row_for_each_rep_with_every_main_number(client, store):
    athlete = store.add_athlete("Anna")
    for ending in ENDINGS:
        add_rep(store, ending, athlete_id=athlete.id)
    table = rows(client.get("/reps.csv"))
    assert [row["id"] for row in table] == [str(rep.id) for rep in store.reps()]
    row = table[-1]
    assert row["athlete"] == "Anna"
    assert (row["reaction_s"], row["reaction_s_u"]) == ("0.243", "0.006")
    assert (row["split_5m_from_signal_s"], row["split_5m_u_s"]) == ("2.104", "0.007")
    assert (row["peak_speed_m_s"], row["mss_m_s"]) == ("5.41", "")
    assert all(row["reaction_s"] == "" for row in table if row["status"] == "no_movement")


def test_a_long_table_is_read_in_pieces_and_complete(client, store, monkeypatch):
    monkeypatch.setattr("web.export.CHUNK", 3)
    for count in (0, 1, 3, 4):
        while len(store.reps()) < count:
            add_rep(store)
        assert len(rows(client.get("/reps.csv"))) == count


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "=HYPERLINK(1)", " =1+1", "＝1+1"])
def test_a_name_is_never_a_formula(client, store, name):
    add_rep(store, athlete_id=store.add_athlete(name).id)
    (row,) = rows(client.get("/reps.csv"))
    assert row["athlete"] == f"'{name.strip()}"


def test_negative_numbers_stay_numbers(client, store):
    add_rep(store, "false_start")
    (row,) = rows(client.get("/reps.csv"))
    assert float(row["reaction_s"]) == -0.061


def test_the_json_of_a_rep_is_the_stored_result(client, store):
    rep = add_rep(store)
    answer = client.get(f"/rep/{rep.id}.json").json
    assert answer["result"] == sample_result()
    assert answer["rep"]["id"] == rep.id
    running = request(store)
    assert client.get(f"/rep/{running.id}.json").json["result"] is None


def test_the_csv_of_a_rep_is_its_track(client, store):
    rep = add_rep(store)
    track = sample_result()["track"]
    table = rows(client.get(f"/rep/{rep.id}.csv"))
    assert [float(row["speed_m_s"]) for row in table] == track["speed_m_s"]
    assert rows(client.get(f"/rep/{add_rep(store, 'failed').id}.csv")) == []


# --- what the timer saw ----------------------------------------------------------------------


def test_the_picture_and_the_replay_are_asked_for_only_when_they_changed(client, store):
    rep = add_rep(store)
    for path, kind in (("picture.png", "image/png"), ("replay.svg", "image/svg+xml")):
        first = client.get(f"/rep/{rep.id}/{path}")
        assert first.mimetype == kind
        again = client.get(
            f"/rep/{rep.id}/{path}", headers={"If-None-Match": first.headers["ETag"]}
        )
        assert (again.status_code, again.data) == (304, b"")


def test_a_rep_without_evidence_has_no_picture_and_no_broken_one(client, store):
    rep = add_rep(store, "failed")
    assert "<img" not in client.get(f"/rep/{rep.id}").text
    assert client.get(f"/rep/{rep.id}/picture.png").status_code == 404
    assert client.get(f"/rep/{rep.id}/replay.svg").status_code == 404


@pytest.mark.parametrize("movement", [0.243, -0.2, None])
@pytest.mark.parametrize("still", [True, False])
def test_the_replay_is_a_drawing_by_itself(movement, still):
    import xml.etree.ElementTree as xml

    drawing = draw_replay(sample_replay(movement), still=still)
    root = xml.fromstring(drawing)  # noqa: S314
    pictures = [part for part in root if part.tag.endswith("}g")]
    assert len(pictures) == 80
    first = [part for part in pictures if "data-first" in part.attrib]
    assert bool(first) == (movement is not None)
    if movement is not None:
        assert float(first[0].get("data-t")) >= movement
        assert f"{movement:.3f} s" in drawing
    assert ("@keyframes" in drawing) != still
    assert "<script" not in drawing
    assert "href" not in drawing


def test_a_replay_of_nothing_is_an_empty_place():
    replay = json.loads(sample_replay(None)) | {"frames": [], "gates": [], "ground_y": None}
    assert "</svg>" in draw_replay(json.dumps(replay).encode())


# --- live ------------------------------------------------------------------------------------


def test_what_every_phone_is_told_is_read_in_one_go_and_without_a_picture(store, app, ready):
    begin_class(store)
    add_rep(store)
    store.save_calibration({}, source="taps", camera="simulated", mode="", still=b"a PNG")
    opened, asked = [], []
    sa.event.listen(store._engine, "begin", opened.append)
    sa.event.listen(
        store._engine, "before_cursor_execute", lambda *told: asked.append(told[2].split())
    )
    with speaking(app, "de"):
        assert state_now(store)["camera"].split(".")[1] != "0", "its number is told"
    assert len(opened) == 1
    assert not [each for each in asked if "calibration.still," in each]
    opened.clear()
    assert app.test_client().get("/session/1").status_code == 200
    assert len(opened) == 1


def events_of(stream, count):
    """The next events of a stream, so many or what was sent with them, as (name, data)."""
    found = []
    while len(found) < count:
        sent = re.findall(r"^event: (\w+)\ndata: (.*)$", next(stream), re.MULTILINE)
        found += [(name, json.loads(data)) for name, data in sent]
    return found


@pytest.fixture
def feed(store):
    feed = Feed(create_app(store=store), store, streams=3)
    yield feed
    deadline = time.monotonic() + 5
    while any(thread.name == "feed" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "the reader goes on with nobody listening"
        time.sleep(0.01)


def test_a_stream_begins_with_the_truth_and_tells_every_change(store, feed, ready):
    assert feed.admit()
    stream = feed.events(store.latest_change())
    assert "retry:" in next(stream)  # at once, before there is any news
    ((name, state),) = events_of(stream, 1)
    assert (name, state["word"]) == ("state", "READY")
    rep = request(store)
    told, now = events_of(stream, 2)
    assert told == ("rep", {"changed": rep.changed, "rep": rep.id, "state": "requested"})
    assert now[1]["word"] == "ARMED"
    walk(store, rep, "settling")
    assert events_of(stream, 2)[1][1]["word"] == "SETTLE"
    feed.leave()


def test_a_stream_that_was_away_is_told_what_it_missed(store, feed, ready):
    knows = store.latest_change()
    missed = add_rep(store)
    assert feed.admit()
    stream = feed.events(knows)
    names = events_of(stream, 2)
    assert names[0] == ("rep", {"changed": missed.changed, "rep": missed.id, "state": "done"})
    assert names[1][0] == "state"
    feed.leave()


def test_one_reader_serves_all_streams(store, feed, ready):
    streams = []
    for _ in range(3):
        assert feed.admit()
        streams.append(feed.events(store.latest_change()))
        events_of(streams[-1], 1)
    assert [thread.name for thread in threading.enumerate()].count("feed") == 1
    request(store)
    for stream in streams:
        assert events_of(stream, 2)[1][1]["word"] == "ARMED"
        feed.leave()


def test_a_quiet_stream_beats_and_an_old_one_ends(store, feed, ready):
    assert feed.admit()
    stream = feed.events(store.latest_change(), beat_s=0.05, life_s=0.5)
    text = "".join(stream)
    assert "\nevent: beat\n" in text
    feed.leave()


def test_a_reader_begins_again_after_all_had_left(store, feed, ready):
    assert feed.admit()
    events_of(feed.events(0), 1)
    feed.leave()
    request(store)
    assert feed.admit()
    words_seen = (data.get("word") for _, data in events_of(feed.events(0), 3))
    assert "ARMED" in words_seen
    feed.leave()


def test_a_full_house_sends_the_page_to_polling(store, ready):
    client = create_app(Settings(web={"streams": 1}), store).test_client()
    first = client.get("/events", buffered=False)
    second = client.get("/events")
    assert (second.status_code, second.headers["Retry-After"]) == (503, "30")
    assert client.get("/state.json").status_code == 200
    first.close()
    third = client.get("/events", buffered=False)
    assert third.status_code == 200
    assert third.mimetype == "text/event-stream"
    third.close()


def test_polling_costs_nothing_while_nothing_changes(client, store, ready):
    first = client.get("/state.json")
    same = client.get("/state.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    request(store)
    other = client.get("/state.json", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_the_state_is_small_enough_to_send_to_everybody(client, store, ready):
    add_rep(store)
    assert len(client.get("/state.json").data) < 1024


# --- who may ask -----------------------------------------------------------------------------


def addresses(app, rep):
    """Every address of the application, with a rep's number where one is wanted."""
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<int:number>", str(rep.id)).replace("<int:lane>", "0")
        yield path.replace("<path:filename>", "live.js"), rule.methods


def test_every_address_is_guarded(app, client, store, ready):
    """Walks the whole map: strange hosts, foreign forms, headers, and no change by looking."""
    rep = add_rep(store)
    before = store.latest_change()
    seen = 0
    for path, methods in addresses(app, rep):
        method = "GET" if "GET" in methods else "POST"
        assert methods <= {"GET", "HEAD", "OPTIONS"} or methods <= {"POST", "OPTIONS"}, path
        strange = client.open(path, method=method, headers={"Host": "timer.example.com"} | OURS)
        # phones ask under any name whether there is internet: the same constant for everybody
        assert strange.status_code == (PROBES[path][0] if path in PROBES else 400), path
        if method == "POST":
            foreign = ("http://evil.example", "http://localhost:81", "null", "http://localhost.x")
            for origin in foreign:
                answer = client.post(path, headers={"Origin": origin})
                assert answer.status_code == 403, (path, origin)
            assert client.post(path).status_code == 403, path
            assert client.get(path).status_code == 405, path
        answer = client.open(path, method=method, buffered=False)
        headers = answer.headers
        answer.close()
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy or "default-src 'none'" in policy, path
        assert "unsafe-eval" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY", path
        assert "Cache-Control" in headers, path
        assert "Set-Cookie" not in headers, path
        seen += 1
    assert seen > 12
    assert store.latest_change() == before, "somebody changed the store by looking"


def test_a_form_that_lost_its_origin_may_show_its_referer(client, store, ready):
    form = {"posture": "prone", "key": "k"}
    for referer, status in (("http://elsewhere/", 403), ("http://localhost/", 303)):
        assert client.post("/arm", data=form, headers={"Referer": referer}).status_code == status


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8080", "127.0.0.1:8080", "10.42.0.1", "[::1]:8080", "startpi"]
    + ["startpi.local", "StartPi.local.:80", "timer.club.example"],
)
def test_the_timer_answers_to_its_own_names(host):
    assert answers_to(host, {"timer.club.example"})


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "startpi.local.evil.example", "x@localhost", "1.2.3.4.evil.com"]
    + ["[::1", "evil.example:8080", ".local.", ".local", "10.42.0.1.nip.io"],
)
def test_the_timer_does_not_answer_to_others(host):
    assert not answers_to(host, {"timer.club.example"})


def test_a_club_can_give_the_timer_a_name_of_its_own(store):
    app = create_app(Settings(web={"names": ["timer.club.example"]}), store)
    assert app.test_client().get("/", headers={"Host": "timer.club.example"}).status_code == 200


def test_what_is_too_much_is_refused(client, store, ready):
    answer = client.post("/athletes", data={"name": "x" * 100_000}, headers=OURS)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/nope", "/rep/77", f"/rep/{'9' * 40}", "/rep/77/picture.png"])
def test_a_page_that_is_not_there_shows_the_way_back(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Back to Start" in answer.text


LARGE = ["9" * 18, "9" * 19, "9" * 20, "9" * 400]


@pytest.mark.parametrize("number", LARGE)
def test_a_number_that_no_row_can_have_is_not_here_and_no_fault(app, client, store, ready, number):
    client.post("/coach/enter", data={"pin": store.station().pin}, headers=OURS)
    for rule in app.url_map.iter_rules():
        if "<int:" in rule.rule:
            path = re.sub("<[^>]*>", number, rule.rule)
            method = "GET" if "GET" in rule.methods else "POST"
            answer = client.open(path, method=method, headers=OURS, data={"athlete": "1"})
            assert answer.status_code < 500, path
            assert answer.status_code in (303, 400, 404) if len(number) < 19 else (404,), path


@pytest.mark.parametrize("number", LARGE)
def test_a_number_that_no_row_can_have_is_a_wrong_choice_in_a_form(
    client, store, ready, three_lanes, number
):
    rep = add_rep(store)
    store.begin_session({"key": "own", "name": "x", "starts": []}, [(None, "prone", "free")])
    forms = {
        "/arm": {"posture": "prone", "athlete": number},
        f"/rep/{rep.id}/athlete": {"athlete": number},
        f"/rep/{rep.id}/lane/0": {"athlete": number},
        "/session/1/teams": {"athlete": number, "team": "Red"},
        "/games/arm": {"game": "last_up", "posture": "prone", "player": [number, "1"]},
    }
    for path, form in forms.items():
        answer = client.post(path, data=form, headers=OURS)
        assert answer.status_code in (400, 404), path
    for path in ("/session?names=", "/session?forgotten=", "/reps?before=", "/check?job=",
                 "/set-up?forgotten=", "/reps?athlete_id=", "/?athlete="):  # fmt: skip
        assert client.get(path + number).status_code == 200, path
    assert [each.id for each in store.reps()] == [rep.id], "and nothing was armed"


def test_a_fault_of_ours_is_a_page_too(app, store, monkeypatch):
    def broken(_store):
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("web.pages.state_now", broken)
    answer = app.test_client().get("/")
    assert answer.status_code == 500
    assert "reps are safe" in answer.text
    assert "secret" not in answer.text


def test_a_store_that_cannot_be_reached_is_told_as_that(client, store, monkeypatch):
    def locked(_store):
        raise sa.exc.OperationalError("SELECT", {}, Exception("database is locked"))

    monkeypatch.setattr("web.pages.state_now", locked)
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert "store cannot be reached" in answer.text
    assert client.get("/state.json", headers=JSON).json["said"]


def test_health_tells_of_the_pages_and_of_the_timer(client, store):
    assert client.get("/healthz").json == {"web": "ok", "timer": "not running"}
    beat(store)
    assert client.get("/healthz").json == {"web": "ok", "timer": "ok"}


# --- names -----------------------------------------------------------------------------------

NASTY = st.one_of(
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "<svg onload=alert(1)>",
            '"><img src=x onerror=alert(1)>',
            "'; DROP TABLE athlete; --",
            "{{ 7 * 7 }}",
            "\u202eanna\u202c",
            "שלום \u200f",
            "👩🏽‍🚀🏃‍♀️",
            "a\u0300" * 30,
            "=cmd|' /C calc'!A0",
            "&lt;b&gt;",
            "\ufeff\u200b",
        ]
    ),
    st.text(min_size=1, max_size=80),
    st.text(min_size=81, max_size=200).map(lambda text: text * 60),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(name=NASTY)
def test_any_name_is_only_a_name_on_every_page_and_in_every_file(client, store, name):
    beat(store)
    plain = [tag for tag, _ in Elements(client.get("/").text).tags].count("script")
    answer = client.post("/athletes", data={"name": name}, headers=OURS)
    if answer.status_code in (400, 413):
        return
    tidy = store.athletes()
    athlete = next(one for one in tidy if one.name == " ".join(name.split()))
    rep = add_rep(store, athlete_id=athlete.id)
    for path in ("/", "/reps", f"/rep/{rep.id}", f"/?athlete={athlete.id}"):
        page = client.get(path)
        assert page.status_code == 200
        elements = Elements(page.text)
        scripts = [attributes for tag, attributes in elements.tags if tag == "script"]
        assert all(script.get("src", "").startswith("/static/") for script in scripts)
        assert len(scripts) <= plain + 2
        for _tag, attributes in elements.tags:
            assert not [key for key in attributes if key.startswith("on") or key == "style"]
    table = rows(client.get("/reps.csv"))
    shown = table[0]["athlete"].removeprefix("'") if table[0]["athlete"] != athlete.name else None
    assert shown is None or shown == athlete.name.replace("\0", "")
    assert client.get(f"/rep/{rep.id}.json").status_code == 200


# --- weight ----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_first_page_is_light(client, store, ready, language):
    """Uncompressed, with all it loads: it must come quickly over a crowded radio."""
    add_rep(store)
    page = client.get("/", headers={"Accept-Language": language})
    paths = re.findall(r'(?:src|href)="(/(?:static|words)[^"]+)"', page.text)
    assert len(paths) == (4 if language == "en" else 5)
    paths = [path.replace("&amp;", "&") for path in paths]
    loaded = [client.get(path) for path in paths]
    assert len(page.data) + sum(len(answer.data) for answer in loaded) < 40_000
    for answer in loaded:
        assert "immutable" in answer.headers["Cache-Control"]
        answer.close()


def test_a_posture_in_own_words_is_armed_told_and_there_for_the_next_tap(client, store, ready):
    for wrong in ({"other": ""}, {"other": "a" * 17}, {"posture": "kneeling"}):
        assert arm(client, **({"posture": "other"} | wrong)).status_code == 400
    said = arm(client, posture="other", other="a" * 17).text
    assert "A posture in your own words has 1 to 16 characters." in said
    assert store.latest_rep() is None
    arm(client, posture="other", other=" <b>kneeling")
    rep = store.latest_rep()
    assert rep.posture == "<b>kneeling"
    store.ask_stop(rep.id)
    page = client.get("/").text
    assert "Last: &lt;b&gt;kneeling" in page
    assert 'value="&lt;b&gt;kneeling"' in page
    assert re.search(r'value="other" id="another" form="choices" checked', page)
    page = client.get("/reps").text
    assert 'class="unknown"' in page
    assert "<bdi>&lt;b&gt;kneeling</bdi>" in page, "a picture of nothing in particular tells nobody"
    assert "Posture not known" not in client.get(f"/rep/{rep.id}").text
    arm(client, posture="prone", other="kneeling", leg="right")
    assert store.latest_rep().lead_leg == "right"
    assert '<option value="right" selected>' in client.get("/").text
    assert arm(client, leg="middle").status_code == 400
    assert store.latest_rep().posture == "prone", "the words are of another choice"


def test_every_posture_has_a_picture_and_a_word(client, ready):
    page = client.get("/").text
    for posture in POSTURES.values():
        assert f"<title>{posture.name}</title>" in page
        assert f"<span>{posture.name}</span>" in page
    assert 'class="unknown"' not in page


@pytest.fixture
def timeless(monkeypatch, tmp_path):
    """A box that does not know what day it is."""
    monkeypatch.setenv("TRACKSTART_HOME", str(tmp_path))
    known = []
    monkeypatch.setattr(clock, "source", lambda: known[-1] if known else "")
    return known


def test_a_timer_that_knows_no_day_asks_a_phone(client, ready, timeless, tmp_path, monkeypatch):
    assert "Set the clock" in client.get("/").text
    ask = clock.ask
    monkeypatch.setattr(clock, "ask", lambda *said: (ask(*said), timeless.append("phone")))
    told = client.post("/clock", data={"unix_s": "1800000000.5"}, headers=OURS)
    assert told.status_code == 303
    assert (tmp_path / clock.FILE).read_text().startswith("1800000000.5")
    assert "Set the clock" not in client.get("/").text


def test_without_javascript_the_time_is_typed(client, ready, timeless, tmp_path, monkeypatch):
    monkeypatch.setattr("web.pages.CLOCK_WITHIN_S", 0.0)
    told = client.post("/clock", data={"unix_s": "", "local": "2030-05-01T10:20"}, headers=OURS)
    typed = datetime(2030, 5, 1, 10, 20).astimezone().timestamp()
    assert (tmp_path / clock.FILE).read_text().startswith(f"{typed:.3f}")
    assert told.status_code == 503, "nobody is there who would set it"
    assert "was not set" in told.text


def test_no_clock_is_set_to_nonsense(client, ready, timeless, tmp_path):
    for said in ({"unix_s": "soon"}, {"unix_s": "12"}, {"local": "yesterday"}, {}):
        assert client.post("/clock", data=said, headers=OURS).status_code == 400
    assert not (tmp_path / clock.FILE).exists()


def test_a_rep_from_before_the_time_was_known_shows_no_date(client, store, timeless):
    rep = add_rep(store)
    for page in ("/reps", f"/rep/{rep.id}"):
        assert "date unknown" in client.get(page).text
    assert client.get(f"/rep/{rep.id}.json").json["rep"]["dated"] is False


def test_a_session_from_before_the_time_was_known_has_no_date_and_gets_its_first_starts(
    client, store, ready, timeless, tmp_path, monkeypatch
):
    client.post("/session/begin", data={"circuit": "short"}, headers=OURS)
    rep = store.request_turn("a")
    store.ask_stop(rep.id)
    client.post("/session/1/end", headers=OURS)
    for path in ("/session", "/session/1"):
        assert "date unknown" in client.get(path).text, path
        assert "UTC" not in client.get(path).text, path
    monkeypatch.setattr(clock, "source", lambda: "network")
    assert store.date_reps() == 1
    session = store.session(1)
    assert session.dated
    assert session.started_at == store.rep(rep.id).requested_at
    for path in ("/session", "/session/1"):
        assert "date unknown" not in client.get(path).text, path
