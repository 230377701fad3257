"""The games' page: what is chosen is asked for, and how it went is told in a sentence."""

import re

import pytest
from sample_reps import NOTHING, lanes_result, walk
from test_class_pages import post
from test_web import JSON

from web.games import HANDICAPS_S

pytestmark = pytest.mark.usefixtures("ready")


@pytest.fixture
def hunters(store, three_lanes):
    """Who runs in the three lanes."""
    return [store.add_athlete(name).id for name in ("Hare 1", "Wolf 2", "Owl 3")]


def play(store, game, result, kept=None):
    """The game that was asked for, as the device would leave it."""
    rep = store.active_rep()
    assert rep.drill["game"]["kind"] == game
    walk(store, rep, "settling", "holding", "running", "analysing")
    store.change_rep(rep.id, settings={"game": kept or {}})
    return store.change_rep(rep.id, state="done", result=result)


def chase(hare_5m, chaser_5m, u=0.01):
    result = lanes_result(0.2, None, 0.25)
    for each, at in zip(result["athletes"], (hare_5m, None, chaser_5m), strict=True):
        each["splits"] = [
            {"metres": 5.0, "from_signal_s": at, "from_movement_s": at, "u": at and u}
        ]
        each.setdefault("up_s", NOTHING)
    return result


@pytest.mark.parametrize(
    ("game", "drill"),
    [
        ({"game": "chase", "handicap": "1.0"}, {"kind": "chase", "handicap_s": 1.0}),
        ({"game": "number", "of": "3"}, {"kind": "number", "of": 3}),
        ({"game": "last_up"}, {"kind": "last_up"}),
    ],
)
def test_a_game_is_armed_as_it_was_chosen(client, store, hunters, game, drill):
    form = game | {"posture": "supine", "player": hunters, "key": "a"}
    assert client.post("/games/arm", data=form, headers=JSON).status_code == 200
    rep = store.active_rep()
    assert (rep.posture, rep.drill["game"]) == ("supine", drill)
    between = None if game["game"] == "chase" else hunters[1]
    assert rep.drill["players"] == [hunters[0], between, hunters[2]]


def test_without_lanes_the_box_plays_and_says_that_it_cannot_tell(client, store):
    assert "for your eyes" in client.get("/games").text
    form = {"game": "number", "of": "4", "posture": "prone", "key": "a"}
    assert post(client, "/games/arm", **form).status_code == 303
    assert "players" not in store.active_rep().drill
    play(store, "number", lanes_result(0.2) | {"athletes": []}, {"called": 3})
    assert "Number 3 was called. Did the right one go?" in client.get("/games").text


@pytest.mark.parametrize(
    ("hare", "chaser", "says"),
    [
        (2.2, 1.0, "Caught! Owl 3 was at 5 m first, by 0.20"),
        (2.0, 1.6, "Got away! Hare 1 was at 5 m first, by 0.60"),
        (2.0, 1.005, "Too close to call: Hare 1, Owl 3."),
        (2.0, None, "It was not seen well enough to tell."),
    ],
)
def test_how_a_chase_went_is_told_with_names_and_a_margin(
    client, store, hunters, hare, chaser, says
):
    post(client, "/games/arm", game="chase", handicap="1", posture="prone", key="a",
         player=hunters)  # fmt: skip
    rep = play(store, "chase", chase(hare, chaser), {"gap_s": 1.0, "u_gap_s": 0.0001})
    page = client.get("/games").text
    assert says in page
    assert says in client.get(f"/rep/{rep.id}").text
    if chaser is None:
        assert "The chaser was not seen to cross 5 m." in page


def test_hare_and_chaser_swap_with_a_tap(client, store, hunters):
    post(client, "/games/arm", game="chase", handicap="2", posture="plank", key="a",
         player=hunters)  # fmt: skip
    play(store, "chase", chase(2.0, 1.5), {"gap_s": 2.0, "u_gap_s": 0.0001})
    page = client.get("/games").text
    chosen = re.findall(r'<option value="(\d+)" selected>(?:Hare|Owl)', page)
    assert chosen == [str(each) for each in hunters[::2]]
    swapped = client.get(re.search(r'href="(/games\?swap=1)"', page)[1]).text
    chosen = re.findall(r'<option value="(\d+)" selected>(?:Hare|Owl)', swapped)
    assert chosen == [str(each) for each in hunters[::-2]]
    assert 'value="plank" checked' in swapped


def test_a_number_is_called_out_on_every_page_and_who_moved_is_out(client, store, hunters):
    post(client, "/games/arm", game="number", of="3", posture="prone", key="a", player=hunters)
    rep = store.active_rep()
    walk(store, rep, "settling", "holding", "running")
    store.change_rep(rep.id, settings={"game": {"called": 2}})
    assert client.get("/state.json", headers=JSON).json["sentence"] == "Number 2!"
    assert "Number 2!" in client.get("/screen").text
    walk(store, rep, "analysing")
    result = lanes_result(0.3, 0.25, None)
    store.change_rep(rep.id, state="done", result=result)
    page = client.get("/games").text
    assert "Number 2 was called, and went." in page
    assert "is out: Hare 1." in page


def test_a_game_that_was_called_back_says_so(client, store, hunters):
    post(client, "/games/arm", game="last_up", posture="supine", key="a", player=hunters)
    rep = store.active_rep()
    walk(store, rep, "settling", "holding")
    store.change_rep(rep.id, settings={"game": {"recalled": True}})
    store.change_rep(rep.id, state="false_start", reason="moved by 7 cm before GO")
    assert "Somebody moved too soon: called back." in client.get("/games").text


@pytest.mark.parametrize(
    "form",
    [
        {"game": "hide"},
        {"game": "chase", "posture": "nowhere"},
        {"game": "chase", "posture": "prone", "handicap": "9"},
        {"game": "number", "posture": "prone", "of": "7"},
    ],
)
def test_a_game_that_cannot_be_is_refused(client, store, form):
    assert post(client, "/games/arm", key="a", **form).status_code == 400
    assert store.active_rep() is None


def test_the_same_press_twice_plays_once(client, store):
    form = {"game": "last_up", "posture": "prone", "key": "a"}
    for _ in range(2):
        post(client, "/games/arm", **form)
    assert len(store.reps()) == 1
    assert 'name="handicap"' in client.get("/games").text
    assert HANDICAPS_S[0] == 0.6


@pytest.mark.parametrize("state", ["done", "false_start"])
def test_who_went_too_soon_in_a_game_is_told_by_name(client, store, hunters, state):
    post(client, "/games/arm", game="number", of="3", posture="prone", key="a", player=hunters)
    rep = store.active_rep()
    walk(store, rep, "settling", "holding", "running", "analysing")
    result = lanes_result(None, 0.25, None)
    result["athletes"][1] |= {"status": "false_start", "reaction_s": {"value": -0.2, "u": 0.01}}
    store.change_rep(
        rep.id, state=state, result=result, settings={"game": {"called": 2}}, own_lane=1
    )
    assert "Moved before the signal: Wolf 2." in client.get("/games").text


def test_more_numbers_than_lanes_are_neither_offered_nor_armed(client, store, hunters):
    numbers = client.get("/games").text.partition('name="of"')[2].partition("</select>")[0]
    assert re.findall('value="([0-9]+)"', numbers) == ["2", "3"]
    form = {"game": "number", "of": "6", "posture": "prone", "key": "a"}
    answer = post(client, "/games/arm", headers=JSON, **form)
    assert answer.status_code == 400
    assert "fewer lanes than numbers" in answer.json["said"]
    assert store.active_rep() is None


def test_last_one_up_from_standing_is_refused_in_a_sentence(client, store, hunters):
    form = {"game": "last_up", "posture": "standing", "key": "a"}
    answer = post(client, "/games/arm", headers=JSON, **form)
    assert answer.status_code == 400
    assert answer.json["said"].startswith("Who stands already")
