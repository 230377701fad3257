"""Teams that go round stations, of which the timer is the first: who is where, and who is up."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_page import FITS, SLIVERS, SMALL, STREAMS, listens, serious
from test_session_pages import run
from test_web import OURS
from two_processes import PHONE

from pi.drills import START_TIMER, stations
from pi.sessions import rotation, round_with_starts
from pi.store import WrongStep

FIVE = ["timer", "plank", "balance", "rest", "walk"]
SIX = ["Red", "Blue", "Yellow", "Green", "Orange", "Violet"]


# --- who is where --------------------------------------------------------------------------------


@given(st.integers(1, 8), st.integers(2, 8), st.integers(0, 40))
def test_in_as_many_rounds_as_stations_every_team_is_at_each_of_them_once(teams, count, first):
    names, places = [f"team {k}" for k in range(teams)], [f"station {k}" for k in range(count)]
    been = Counter()
    for number in range(first, first + count):
        there = rotation(names, places, number)
        assert [station for station, _ in there] == places
        assert sorted(team for _, own in there for team in own) == sorted(names), (
            "each is one place"
        )
        been.update((team, station) for station, own in there for team in own)
    assert set(been.values()) == {1}
    assert len(been) == teams * count


def test_the_teams_come_to_the_timer_in_their_order_and_share_where_there_are_more_of_them():
    assert [rotation(SIX[:3], FIVE[:3], number)[0][1] for number in range(3)] == [
        ["Red"], ["Blue"], ["Yellow"],
    ]  # fmt: skip
    assert rotation(SIX, FIVE, 0)[0] == ("timer", ["Red", "Violet"])
    assert rotation(SIX[:2], FIVE, 0)[2:] == [("balance", []), ("rest", []), ("walk", [])]


def test_a_team_that_has_made_its_starts_makes_room_for_the_next_that_has_one():
    teams = SIX[:3]
    assert round_with_starts(teams, 3, 0, {"Red", "Blue"}) == 0
    assert round_with_starts(teams, 3, 0, {"Yellow"}) == 2
    assert round_with_starts(teams, 3, 2, {"Red"}) == 3, "and round again"
    assert round_with_starts(teams, 3, 1, set()) == 1
    assert round_with_starts(teams, 5, 3, {"Red"}) == 3, "nobody is at the timer: the coach says"


@pytest.mark.parametrize(
    ("others", "minutes", "teams", "said"),
    [
        ([], 6, SIX, "1 to 7 stations"),
        (["plank", "plank"], 6, SIX, "each once"),
        (["p"] * 8, 6, SIX, "1 to 7 stations"),
        ([START_TIMER], 6, SIX, "each once"),
        (["p" * 41], 6, SIX, "40 characters"),
        (["plank"], 0, SIX, "1 to 60 minutes"),
        (["plank"], 6, [], "for teams"),
    ],
)
def test_stations_that_cannot_be_are_told_why(others, minutes, teams, said):
    with pytest.raises(ValueError, match=said):
        stations(others, minutes, teams)


# --- who is up -----------------------------------------------------------------------------------


@pytest.fixture
def lesson(store):
    """Two pupils in each of three teams, two starts each, at three stations."""
    names = ["Fox", "Owl", "Bee", "Elk", "Hen", "Cat"]
    who = [store.add_athlete(name).id for name in names]
    told = stations(["plank", "rest"], 6, SIX[:3])
    turns = [(each, posture, "free") for posture in ("prone", "plank") for each in who]
    circuit = {"key": "own", "name": "Two", "starts": [], "distance_m": 20, "walk_back_s": 20}
    session = store.begin_session(circuit | {"stations": told}, turns)
    store.set_teams(session.id, {each: SIX[k % 3] for k, each in enumerate(who)})
    store.called = dict(zip(who, names, strict=True))
    return session.id


def ups(store, count):
    """Who starts, one after the other."""
    return [store.called[run(store, f"{store.latest_change()}").athlete_id] for _ in range(count)]


def number(store, session):
    return store.session(session).circuit["stations"]["round"]


def test_only_the_team_at_the_timer_starts_and_the_next_comes_when_it_is_through(store, lesson):
    assert ups(store, 4) == ["Fox", "Elk", "Fox", "Elk"], "red, both of their rounds"
    assert number(store, lesson) == 0
    assert ups(store, 4) == ["Owl", "Hen", "Owl", "Hen"]
    assert number(store, lesson) == 1, "the first start of the next team began its round"
    assert ups(store, 4) == ["Bee", "Cat", "Bee", "Cat"]
    with pytest.raises(WrongStep):
        store.request_turn("nobody")


def test_the_coach_goes_on_before_a_team_is_through_and_its_turns_stay(store, lesson):
    assert ups(store, 1) == ["Fox"]
    store.next_round(lesson)
    assert ups(store, 1) == ["Owl"]
    store.last_round(lesson)
    assert number(store, lesson) == 0
    assert ups(store, 1) == ["Elk"], "undone"
    for _ in range(3):
        store.next_round(lesson)
    assert ups(store, 2) == ["Fox", "Elk"], "round again: their second starts"


def test_an_undone_round_has_the_time_that_it_had_left(store, lesson):
    before = store.session(lesson).circuit["stations"]
    store.next_round(lesson)
    after = store.session(lesson).circuit["stations"]
    assert after["began_ns"] > before["began_ns"]
    store.last_round(lesson)
    assert store.session(lesson).circuit["stations"] == before
    store.last_round(lesson)
    assert number(store, lesson) == 0, "there is none before the first"


def test_a_start_that_is_called_back_keeps_its_team_at_the_timer(store, lesson):
    ups(store, 3)
    run(store, "back", ends="false_start")
    assert ups(store, 2) == ["Elk", "Owl"]


def test_who_is_absent_or_in_no_team_holds_nobody_up(store, lesson):
    fox, elk = (who for who, name in store.called.items() if name in ("Fox", "Elk"))
    store.set_away(lesson, fox, True)
    store.set_team(lesson, elk, None)
    assert ups(store, 6) == ["Owl", "Elk", "Hen", "Owl", "Elk", "Hen"], "who is in none with any"
    assert ups(store, 1) == ["Bee"]


def test_lanes_take_the_team_at_the_timer_only(store, lesson):
    store.change_circuit(lesson, lanes=4)
    rep = store.request_turn("a")
    assert [store.called[who] for who in rep.drill["players"]] == ["Fox", "Elk"]


def test_where_fewer_teams_than_stations_leave_the_timer_empty_the_coach_goes_on(store, lesson):
    told = store.session(lesson).circuit["stations"]
    store.change_circuit(lesson, stations=told | {"names": [*told["names"], "walk"]})
    for _ in range(3):
        store.next_round(lesson)
    with pytest.raises(WrongStep):
        store.request_turn("nobody")
    store.next_round(lesson)
    assert ups(store, 1) == ["Fox"]


def test_a_session_without_stations_has_no_rounds(store):
    store.begin_session(
        {"key": "own", "name": "Two", "starts": [], "distance_m": 20, "walk_back_s": 20},
        [(None, "prone", "free")],
    )
    for turn in (store.next_round, store.last_round):
        with pytest.raises(ValueError, match="with stations"):
            turn(1)


# --- the pages -----------------------------------------------------------------------------------

CLASS = "\n".join(f"Animal {k}" for k in range(1, 31))
PLAN = {"circuit": "lesson", "names": CLASS, "teams": "6", "minutes": "5",
        "stations": "Walk-back course\nPlank practice\n\nBalance\nRest\nWatch"}  # fmt: skip


def post(client, path, **form):
    return client.post(path, data=form, headers=OURS)


def where(page):
    table = page.partition('class="starts stations"')[2].partition("<tbody>")[2]
    cell = r"<tr><th[^>]*>(?:<bdi>)?([^<]*).*?<td>(?:<span[^>]*>)?([^<]*)"
    return re.findall(cell, table.partition("</table>")[0], re.DOTALL)


@pytest.mark.usefixtures("ready")
def test_six_teams_of_five_go_round_six_stations(client, store):
    assert post(client, "/session/begin", **PLAN).status_code == 303
    session = store.running_session()
    assert Counter(store.teams(session.id).values()) == dict.fromkeys(SIX, 5)
    places = [START_TIMER, "Walk-back course", "Plank practice", "Balance", "Rest", "Watch"]
    for path in ("/session", "/screen"):
        page = client.get(path).text
        assert "Round 1 of 6" in page
        assert where(page) == list(zip(places, SIX, strict=True)), path
        assert re.search(r'data-round="(300|299|298)"', page)
    red = {who for who, team in store.teams(session.id).items() if team == "Red"}
    for k in range(10):
        rep = run(store, f"red {k}")
        assert rep.athlete_id in red
    page = client.get("/session").text
    assert "Round 2 of 6" in page
    assert "it begins with its first start" in page
    assert where(page)[0] == (START_TIMER, "Blue")
    post(client, f"/session/{session.id}/round/next")
    assert where(client.get("/session").text)[0] == (START_TIMER, "Yellow")
    post(client, f"/session/{session.id}/round/back")
    assert where(client.get("/session").text)[0] == (START_TIMER, "Blue")
    assert post(client, f"/session/{session.id}/round/sideways").status_code == 404
    assert post(client, "/session/99/round/next").status_code == 404


@pytest.mark.usefixtures("ready")
def test_stations_without_teams_are_refused_in_a_sentence_and_stay_typed(client, store):
    answer = post(client, "/session/begin", **PLAN | {"teams": "0"})
    assert answer.status_code == 400
    assert "Stations are for teams" in answer.text
    assert "Plank practice" in answer.text
    assert store.running_session() is None
    assert post(client, "/session/begin", **PLAN | {"minutes": "soon"}).status_code == 400
    post(client, "/session/begin", **PLAN | {"stations": " \n"})
    assert 'id="stations"' not in client.get("/session").text


@pytest.mark.usefixtures("ready")
def test_a_station_is_called_what_was_typed_and_the_timer_in_the_pages_language(client):
    post(client, "/session/begin", **PLAN | {"stations": "<b>Rest"})
    post(client, "/language", language="de", back="/")
    page = client.get("/session").text
    assert "&lt;b&gt;Rest" in page
    assert START_TIMER not in page


@pytest.mark.usefixtures("ready")
def test_a_round_whose_time_is_over_says_so_and_waits_for_the_coach(client, store):
    post(client, "/session/begin", **PLAN)
    session = store.running_session()
    told = session.circuit["stations"]
    store.change_circuit(session.id, stations=told | {"began_ns": told["began_ns"] - 10**12})
    page = client.get("/session").text
    assert re.search(r'data-round="0" hidden', page)
    assert "<span>time is over</span>" in page
    assert where(page)[0] == (START_TIMER, "Red")
    store.change_circuit(session.id, stations=told | {"boot_id": "of another day"})
    assert "data-round" not in client.get("/session").text, "nobody knows how long it ran"


# --- in a browser --------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_phone_counts_the_round_down_and_goes_on_with_a_tap(phone, watched):
    playwright = pytest.importorskip("playwright.sync_api")
    page = phone("/session", size=PHONE, script=STREAMS)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    assert page.evaluate(FITS) == [False, []]
    page.locator("label", has_text="PE lesson").locator("input").first.check()
    page.locator("textarea[name=names]").fill(CLASS)
    page.locator("select[name=teams]").select_option("6")
    page.locator("textarea[name=stations]").fill(PLAN["stations"])
    page.locator("text=BEGIN").click()
    page.locator("#stations").wait_for()
    listens(page)
    screen = phone("/screen")
    for each in (page, screen):
        left = each.locator("[data-round] strong")
        before = left.text_content()
        playwright.expect(left).not_to_have_text(before)
        assert each.evaluate(FITS) == [False, []]
    assert page.evaluate(SMALL) == []
    assert page.evaluate(SLIVERS) == []
    assert serious(page) == []
    assert page.get_by_role("button", name="Back a round").is_disabled()
    page.get_by_role("button", name="Next round").click()
    playwright.expect(page.locator(".stations td").first).to_have_text("Blue")
    playwright.expect(screen.locator(".stations td").first).to_have_text("Blue")
    page.get_by_role("button", name="Back a round").click()
    playwright.expect(page.locator(".stations td").first).to_have_text("Red")


@pytest.mark.browser
def test_without_javascript_the_time_is_told_and_the_buttons_work(phone, watched):
    page = phone("/session", java_script_enabled=False)
    page.locator("summary", has_text="A class").click()
    page.locator("textarea[name=names]").fill("Fox\nOwl")
    page.locator("select[name=teams]").select_option("2")
    page.locator("textarea[name=stations]").fill("Rest")
    page.locator("text=BEGIN").click()
    assert re.search(r"5:\d\d|6:00", page.locator(".stations caption").text_content())
    page.get_by_role("button", name="Next round").click()
    assert page.locator(".stations td").first.text_content() == "Blue"
