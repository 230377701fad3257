"""A session's pages without a browser: a runner alone, a coach's group, and what goes wrong."""

import re
import time
import zlib

import pytest
from sample_reps import ENDINGS, add_rep, beat, sample_result
from test_web import JSON, OURS

from web import words

pytestmark = pytest.mark.usefixtures("ready")


@pytest.fixture
def coach(client, store):
    """A session of three over the PE circuit; taps as a coach does."""

    def tap(path, **form):
        return client.post(path, data=form, headers=OURS)

    tap("/session/begin", circuit="lesson", names="Fox 1\nOwl 2, Bee 3", feel="yes")
    tap.page = lambda path="/session": client.get(path).text
    tap.turns = lambda: store.turns(store.latest_session().id)
    return tap


def run(store, key, reaction_s=0.24, status="measured", ends="done"):
    """Whoever is up starts."""
    rep = store.request_turn(key)
    for state in ("settling", "holding"):
        store.change_rep(rep.id, state=state)
    if ends != "done":
        return store.change_rep(rep.id, state=ends, reason="moved")
    for state in ("running", "analysing"):
        store.change_rep(rep.id, state=state)
    result = sample_result(status, reaction_s={"value": reaction_s, "u": 0.006})
    return store.change_rep(rep.id, state="done", result=result)


@pytest.fixture
def later(monkeypatch, store):
    """A function that puts the clock forward, by so many seconds from now in all."""
    now_ns = time.monotonic_ns

    def put(seconds):
        monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns() + int(seconds * 1e9))
        beat(store)

    return put


def up(page):
    return re.search(r'class="who"><bdi>([^<]*)<', page)[1]


def test_without_a_session_the_page_offers_circuits_and_says_how(client):
    page = client.get("/session").text
    for name in ("The circuit", "Short", "PE lesson", "Sprint starts", "BEGIN"):
        assert name in page
    assert "One name a line" in page


def test_a_runner_alone_needs_no_name(client, store):
    assert (
        client.post("/session/begin", data={"circuit": "article"}, headers=OURS).status_code == 303
    )
    page = client.get("/session").text
    assert up(page) == "You"
    assert "On the back" in page
    assert "left leg first" in page
    assert "Start 1 of 6" in page
    client.post("/session/arm", data={"key": "a"}, headers=OURS)
    rep = store.active_rep()
    assert (rep.posture, rep.lead_leg, rep.athlete_id) == ("supine", "left", None)


def test_after_a_start_the_runner_walks_back(client, store):
    client.post("/session/begin", data={"circuit": "article"}, headers=OURS)
    assert re.search(r'class="rest" hidden', client.get("/session").text)
    run(store, "a")
    rest = re.search(r'class="rest">[^<]*<strong data-rest="(\d+)"', client.get("/session").text)
    assert 80 <= int(rest[1]) <= 90


def test_six_starts_alone_say_that_they_cannot_tell_and_how_many_would(client, store):
    client.post("/session/begin", data={"circuit": "article"}, headers=OURS)
    for k, value in enumerate((0.24, 0.22, 0.25, 0.23, 0.235, 0.225)):
        run(store, f"key {k}", value)
    assert "All starts are made." in client.get("/session").text
    number = store.running_session().id
    assert client.post(f"/session/{number}/end", headers=OURS).status_code == 303
    page = client.get(f"/session/{number}").text
    assert "6 of 6 starts" in page
    assert "circuit done" in page
    assert "Left leg first / Right leg first" in page
    assert re.search(r"Too close to tell \(\d+ ms\): \d+ more starts of each would", page)
    assert "Go on with it" in page


def test_a_coach_sees_who_is_up_next_and_after_that(coach):
    page = coach.page()
    assert up(page) == "Fox 1"
    assert re.search(r"Next: <strong><bdi>Owl 2.*Then: <strong><bdi>Bee 3", page)
    assert len(coach.turns()) == 6


def test_skip_undo_next_absent_and_once_more(coach, store):
    first, _, third, *_ = coach.turns()
    coach(f"/session/turn/{first.id}/skip")
    assert up(coach.page()) == "Owl 2"
    assert "Skipped" in coach.page()
    coach(f"/session/turn/{first.id}/back")
    assert up(coach.page()) == "Fox 1"
    coach(f"/session/turn/{third.id}/first")
    assert up(coach.page()) == "Bee 3"
    coach(f"/session/athlete/{third.athlete_id}/away")
    assert up(coach.page()) == "Fox 1"
    assert "Bee 3: absent" in coach.page()
    coach(f"/session/athlete/{third.athlete_id}/here")
    assert up(coach.page()) == "Bee 3"
    rep = run(store, "a")
    coach(f"/session/turn/{store.turn_of(rep.id).id}/again")
    assert up(coach.page()) == "Bee 3"


def test_a_late_comer_gets_as_many_starts_as_the_rest(coach):
    coach("/session/join", names="Elk 4")
    late = coach.turns()[3]
    assert [turn.athlete_id for turn in coach.turns()].count(late.athlete_id) == 2
    coach("/session/join", names="Elk 4")
    assert len(coach.turns()) == 8, "who is there already is not put in twice"


def test_a_late_comer_who_was_absent_is_back_and_who_is_there_is_told_so(coach, store):
    fox = coach.turns()[0]
    coach(f"/session/athlete/{fox.athlete_id}/away")
    assert coach("/session/join", names="Fox 1").status_code == 303
    assert up(coach.page()) == "Fox 1"
    assert len(coach.turns()) == 6
    told = coach("/session/join", names="Owl 2, Elk 4")
    assert told.status_code == 409
    assert "Owl 2: in this session already" in told.text
    assert len(coach.turns()) == 8, "and Elk is in"


def test_whose_rep_was_it_is_changed_afterwards(coach, store):
    rep = run(store, "a")
    owl = coach.turns()[1].athlete_id
    coach(f"/rep/{rep.id}/athlete", athlete=owl)
    assert store.rep(rep.id).athlete_id == owl


def test_a_false_start_is_up_again(coach, store):
    run(store, "a", ends="false_start")
    assert up(coach.page()) == "Fox 1"


def test_the_number_waits_until_it_is_said_how_it_felt(client, store):
    form = {"circuit": "standing", "feel": "yes"}
    client.post("/session/begin", data=form, headers=OURS)
    run(store, "a", 0.301)
    assert "How did it feel" not in client.get("/session").text, "there is none before"
    rep = run(store, "b", 0.233)
    page = client.get("/session").text
    assert "How did it feel? Say it, then look." in page
    assert client.get("/state.json").json["sentence"].startswith("How did it feel")
    assert "Show the number" in page
    told = f"/session/turn/{store.turn_of(rep.id).id}/felt"
    client.post(told, data={"felt": "quicker"}, headers=OURS)
    assert "how did it feel" not in client.get("/session").text.lower()
    assert "0.233" in client.get("/state.json").json["sentence"]
    assert store.turn_of(rep.id).felt == "quicker"


def test_while_it_is_asked_how_it_felt_the_number_stands_nowhere_in_the_open(client, store):
    client.post("/session/begin", data={"circuit": "standing", "feel": "yes"}, headers=OURS)
    run(store, "a", 0.301)
    rep = run(store, "b", 0.233)
    store.set_station(screen="last")
    pages = ("/", "/session", "/reps", "/screen", f"/rep/{rep.id}", f"/session/{rep.session_id}")
    for path in pages:
        page = client.get(path).text
        shown = re.sub(r'<details data-key="number-.*?</details>', "", page, flags=re.DOTALL)
        if path.startswith("/rep/"):  # its number is all that is below
            shown = page.partition('<details data-key="number-')[0]
        assert "how it felt" in shown or "how did it feel" in shown.lower(), path
        assert "0.233" not in shown, path
    board = client.get(f"/session/{rep.session_id}").text
    assert "2 of 4 starts" in board
    for told in (">0.27<", "Too close to tell", "Best: .*0.233"):
        assert not re.search(told, board), "nor in a median or what is made of it"
    told = f"/session/turn/{store.turn_of(rep.id).id}/felt"
    client.post(told, data={"felt": "same"}, headers=OURS)
    board = client.get(f"/session/{rep.session_id}").text
    for told in (">0.27<", "Too close to tell", "Best: .*0.233"):
        assert re.search(told, board)
    for path in pages:
        page = client.get(path).text
        assert "0.233" in page, path
        assert "number-" not in page, path


def test_a_start_that_nobody_was_asked_about_is_shown_once_the_next_is_made(client, store):
    client.post("/session/begin", data={"circuit": "standing", "feel": "yes"}, headers=OURS)
    run(store, "a", 0.301)
    run(store, "b", 0.233)
    run(store, "c", 0.222)
    page = client.get("/reps").text
    assert "0.233" in page
    assert "0.222" not in page


def test_where_nothing_is_asked_there_is_nothing_to_fold(client, store):
    client.post("/session/begin", data={"circuit": "standing"}, headers=OURS)
    run(store, "a", 0.301)
    assert "<summary class" not in client.get("/session").text
    assert "Show the number" not in client.get("/session").text


def test_when_it_is_time_for_the_next_one_the_word_says_who_that_is(coach, client, store, later):
    state = client.get("/state.json").json
    assert (state["word"], state["sentence"]) == ("READY", "Next: Fox 1 (On the belly).")
    run(store, "a", 0.24)
    assert "0.24" in client.get("/state.json").json["sentence"], "it is read first"
    later(21)
    state = client.get("/state.json").json
    assert (state["word"], state["sentence"]) == ("READY", "Next: Owl 2 (On the belly).")
    for key in "bcdef":
        run(store, key)
    later(42)
    assert client.get("/state.json").json["sentence"] == "All starts are made."


def test_alone_the_result_stays_until_the_walk_back_is_over(client, store, later):
    client.post("/session/begin", data={"circuit": "article"}, headers=OURS)
    run(store, "a", 0.24)
    later(60)
    assert "0.24" in client.get("/state.json").json["sentence"]
    later(95)
    assert client.get("/state.json").json["sentence"] == "Next: You (On the back)."


def test_once_more_that_is_tapped_twice_is_one_start_more(coach, client, store):
    rep = run(store, "a")
    planned = re.search(r'name="planned" value="(\d+)"', coach.page())[1]
    for _ in range(2):
        coach(f"/session/rep/{rep.id}/again", planned=planned)
    assert len(coach.turns()) == 7
    coach(f"/session/rep/{rep.id}/again", planned=7)
    assert len(coach.turns()) == 8
    assert coach("/session/rep/999/again", planned=8).status_code == 404


def test_without_javascript_a_phone_that_watches_looks_again_by_itself(coach, app, store):
    watching = app.test_client()
    coach("/coach/enter", pin=store.station().pin)
    refresh = re.compile(r'<noscript><meta http-equiv="refresh" content="10')
    assert refresh.search(watching.get("/session").text)
    assert not refresh.search(coach.page()), "a coach's form is not thrown away"
    store.end_session(store.running_session().id)
    assert refresh.search(watching.get("/session").text)
    assert not refresh.search(coach.page())


def test_what_is_folded_in_a_part_that_is_fetched_is_known_by_its_name(coach, client, store):
    rep = run(store, "a")
    coach("/session/begin", circuit="lesson")
    for path in ("/session", f"/rep/{rep.id}", "/reps", "/screen", f"/session/{rep.session_id}"):
        page = client.get(path).text
        for part in re.split(r"(?=<(?:section|div)[^>]* data-live)", page)[1:]:
            inside = re.split(r"</section>|</main>", part)[0]
            assert not re.findall(r"<details(?! data-key)[^>]*>", inside), path


def test_who_did_not_ask_for_feeling_sees_the_number_at_once(client, store):
    client.post("/session/begin", data={"circuit": "standing"}, headers=OURS)
    run(store, "a", 0.301)
    run(store, "b", 0.233)
    assert "how did it feel" not in client.get("/session").text.lower()


def test_a_class_of_thirty_is_not_a_page_of_a_hundred_rows(client):
    names = "\n".join(f"Animal {k}" for k in range(30))
    client.post("/session/begin", data={"circuit": "article", "names": names}, headers=OURS)
    page = client.get("/session").text
    assert "150 more starts" in page
    assert len(zlib.compress(page.encode())) < 20_000


def test_how_well_the_body_knew(coach, store):
    for k, (value, said) in enumerate([(0.30, ""), (0.3, ""), (0.3, ""), (0.2, "quicker")]):
        rep = run(store, f"key {k}", value)
        if said:
            coach(f"/session/turn/{store.turn_of(rep.id).id}/felt", felt=said)
    # the same athlete's second start is of another posture: nothing to compare with
    assert "The body knew" not in coach.page(f"/session/{store.latest_session().id}")
    coach(f"/session/turn/{store.turn_of(rep.id).id}/again")
    again = run(store, "again", 0.15)
    coach(f"/session/turn/{store.turn_of(again.id).id}/felt", felt="quicker")
    assert "The body knew 1 of 1" in coach.page(f"/session/{store.latest_session().id}")


def test_the_board_puts_nobody_last(coach, store):
    for k, value in enumerate((0.35, 0.20, 0.28, 0.30, 0.21, 0.27)):
        run(store, f"key {k}", value)
    page = coach.page(f"/session/{store.latest_session().id}")
    names = re.findall(r"<h2><bdi>([^<]*)</bdi>", page)
    assert names == ["Fox 1", "Owl 2", "Bee 3"], "in the order of the plan, whatever they ran"
    assert page.count("circuit done") == 3


def test_a_start_in_which_nobody_moved_was_made_and_leaves_the_circuit_undone(client, store):
    client.post("/session/begin", data={"circuit": "lesson", "names": "Fox"}, headers=OURS)
    run(store, "a", 0.24)
    run(store, "b", None, status="no_movement")
    page = client.get(f"/session/{store.latest_session().id}").text
    assert "2 of 2 starts, 1 of 2 measured" in page
    assert "circuit done" not in page
    assert "✓" not in page.partition('id="board"')[2].partition("</h2>")[0]


def test_who_is_absent_has_nothing_to_make_on_any_page(coach, store):
    first = coach.turns()[0].athlete_id
    coach(f"/session/athlete/{first}/away")
    number = store.latest_session().id
    assert re.search(r"Fox 1</bdi>[^<]*<span[^>]*>absent<", coach.page(f"/session/{number}"))
    assert "0 of 4 starts" in coach.page("/screen")
    for team, who in (("Red", first), ("Red", coach.turns()[1].athlete_id)):
        coach(f"/session/{number}/teams", athlete=who, team=team)
    for key in ("a", "b", "c", "d"):
        run(store, key)
    row = coach.page(f"/session/{number}").partition("<caption>Teams")[2].partition("</table>")[0]
    assert "100 %" in row
    assert "1 of 1" in row


def test_who_gets_quicker_than_before_sees_it(client, store):
    fox = store.add_athlete("Fox").id
    for k in range(6):
        rep = store.request_rep(posture="prone", key=f"before {k}", athlete_id=fox)
        for state in ("settling", "holding", "running", "analysing"):
            store.change_rep(rep.id, state=state)
        result = sample_result(reaction_s={"value": 0.40 + 0.002 * k, "u": 0.006})
        store.change_rep(rep.id, state="done", result=result)
    client.post("/session/begin", data={"circuit": "lesson", "names": "Fox"}, headers=OURS)
    run(store, "now", 0.21)
    page = client.get(f"/session/{store.latest_session().id}").text
    assert re.search(r"quicker <small[^>]*>\(−19\d ± \d+ ms\)", page)


def test_the_big_screen_shows_state_and_turns_and_no_button(coach):
    page = coach.page("/screen")
    assert up(page) == "Fox 1"
    assert "0 of 6 starts" in page
    assert "<button" not in page.partition("<main")[2]


def test_joining_is_a_code_of_the_address_that_the_phone_asked_for(client):
    page = client.get("/join", base_url="http://10.42.0.1/").text
    assert "http://10.42.0.1/" in page
    code = client.get("/join.svg", base_url="http://10.42.0.1/")
    assert code.mimetype == "image/svg+xml"
    assert code.data.startswith(b"<?xml")


def test_what_cannot_be_is_told(client, store, coach):
    again = coach("/session/begin", circuit="article")
    assert (again.status_code, again.location) == (303, "/session?already=yes")
    assert coach("/session/turn/1/explode").status_code == 404
    assert coach("/session/turn/999/skip").status_code == 404
    assert coach("/session/join", names="").status_code == 400
    assert client.get("/session/999").status_code == 404
    assert coach("/rep/999/athlete", athlete="").status_code == 404
    run(store, "a")
    done = coach.turns()[0]
    assert coach(f"/session/turn/{done.id}/skip").status_code == 409
    told = client.post(f"/session/turn/{done.id}/skip", headers=JSON)
    assert "made meanwhile" in told.json["said"]


def test_begin_twice_leads_to_the_session_that_runs(coach, client):
    page = client.post(
        "/session/begin", data={"circuit": "lesson"}, headers=OURS, follow_redirects=True
    ).text
    assert up(page) == "Fox 1"
    assert "A session runs already: this one." in page
    assert "BEGIN" not in page


def test_a_session_that_was_ended_too_soon_goes_on_with_a_tap(coach, client, store):
    number = store.running_session().id
    assert f"/session/{number}/resume" not in coach.page(f"/session/{number}")
    ended = client.post(f"/session/{number}/end", headers=OURS, follow_redirects=True).text
    for page in (ended, coach.page()):  # where it was ended, and where every phone looks
        assert f'action="/session/{number}/resume"' in page
        assert "Go on with it" in page
    coach(f"/session/{number}/resume")
    for k in range(6):
        run(store, f"key {k}")
    coach(f"/session/{number}/end")
    assert "Go on with it" not in coach.page(), "nothing of it is left to go on with"


def test_when_everybody_of_a_running_session_is_forgotten_it_has_ended(coach, client, store):
    number = store.running_session().id
    coach("/coach/enter", pin=store.station().pin)
    coach(f"/session/{number}/forget", sure="yes")
    assert store.running_session() is None
    assert "BEGIN" in coach.page()
    coach("/session/begin", circuit="short", names="Fox")
    coach(f"/me/{store.athletes()[0].token}/forget", sure="yes")
    assert store.running_session() is None


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_a_page_that_answered_a_press_can_be_opened_again_by_its_address(coach, client, store):
    """A press that failed is answered at its own address: a reload by that address is no fault."""
    rep = run(store, "a")
    token = store.athletes()[0].token
    leads = {
        "/session/join": "/session",
        "/session/begin": "/session",
        "/session/turn/1/skip": "/session",
        f"/rep/{rep.id}/athlete": "/session",
        f"/rep/{rep.id}/delete": f"/rep/{rep.id}",
        "/session/1/ranking": "/session/1",
        "/session/1/forget": "/session/1",
        f"/me/{token}/forget": f"/me/{token}",
        "/arm": "/",
        "/games/arm": "/games",
        "/coach/enter": "/coach",
        "/settings/keep": "/settings",
        "/join/wifi": "/join",
        "/set-up/again": "/set-up",
        "/check/parts": "/check",
        "/theme": "/home",
        "/language": "/",
    }
    for pressed, leads_to in leads.items():
        answer = client.get(pressed, headers=BROWSER)
        assert (answer.status_code, answer.location) == (303, leads_to), pressed
        assert client.get(leads_to, headers=BROWSER).status_code == 200
        assert client.get(pressed, headers=JSON).status_code == 405, "a script is told"


def test_sixty_names_are_a_session_and_more_are_two(client, store):
    names = "\n".join(f"Animal {k}" for k in range(61))
    told = client.post("/session/begin", data={"circuit": "lesson", "names": names}, headers=OURS)
    assert told.status_code == 400
    assert "two sessions" in told.text
    assert "Animal 60" in told.text, "what was typed is still there"
    assert store.running_session() is None


def test_a_name_is_text_and_nothing_else(client):
    evil = "<svg onload=alert(1)>"
    client.post("/session/begin", data={"circuit": "short", "names": evil}, headers=OURS)
    for path in ("/session", "/screen", "/session/1"):
        page = client.get(path).text
        assert evil not in page
        assert "&lt;svg" in page


def test_two_things_to_work_on_are_shown_before_each_start_and_three_are_too_many(client, store):
    form = {"circuit": "short", "cue": ["Run tall", "Neutral spine"], "own": "Loose hands."}
    told = client.post("/session/begin", data=form, headers=OURS)
    assert told.status_code == 400
    assert "Two things to work on are enough" in told.text
    assert 'value="Loose hands."' in told.text
    client.post("/session/begin", data=form | {"cue": ["Run tall"]}, headers=OURS)
    assert "Run tall. Loose hands." in client.get("/session").text


def test_a_sessions_reps_are_a_table_of_their_own(coach, client, store):
    other = store.request_rep(posture="standing", key="other")
    store.ask_stop(other.id)
    number = store.latest_session().id
    store.end_session(number)
    free = store.request_rep(posture="standing", key="after")
    store.ask_stop(free.id)
    table = client.get(f"/reps.csv?session_id={number}").text.strip().splitlines()
    assert len(table) == 2
    assert table[1].split(",")[0] == str(other.id)


def test_a_session_in_full_is_one_json_of_its_own_athletes(coach, client, store):
    store.add_athlete("Somebody else")
    rep = run(store, "a")
    number = store.latest_session().id
    told = client.get(f"/session/{number}.json").json
    assert told["session"]["circuit"]["key"] == "lesson"
    assert [turn["state"] for turn in told["turns"]] == ["done", *["waiting"] * 5]
    assert sorted(told["athletes"].values()) == ["Bee 3", "Fox 1", "Owl 2"]
    assert told["reps"][0]["rep"]["id"] == rep.id
    assert told["reps"][0]["result"]["reaction_s"]["value"] == 0.24
    assert client.get("/session/999.json").status_code == 404


def test_earlier_sessions_are_found_again(coach, client, store):
    number = store.latest_session().id
    coach(f"/session/{number}/end")
    page = client.get("/session").text
    assert f'href="/session/{number}"' in page
    assert "Fox 1\nOwl 2\nBee 3</textarea>" in page, "the same names are there to begin with"


def test_a_group_may_have_the_coach_say_go(client, store):
    form = {"circuit": "lesson", "names": "Fox", "hold": "friend"}
    client.post("/session/begin", data=form, headers=OURS)
    client.post("/session/arm", data={"key": "a"}, headers=OURS)
    assert store.active_rep().drill == {"kind": "coach"}
    wrong = client.post("/session/begin", data=form | {"hold": "never"}, headers=OURS)
    assert wrong.status_code == 400


def test_legs_that_led_from_different_postures_are_not_compared(client, store):
    client.post("/session/begin", data={"circuit": "short"}, headers=OURS)
    for k, value in enumerate((0.30, 0.25, 0.20)):  # back left, belly right, plank left
        run(store, f"key {k}", value)
    page = client.get(f"/session/{store.latest_session().id}").text
    assert "Left leg first / Right leg first" not in page
    assert "On the back / Tall plank" in page, "both with the left leg"
    assert "Best: " in page


OWN = {
    "name": "Monday",
    "posture": ["prone", "", "standing", ""],
    "leg": ["left", "free", "right", "free"],
    "distance_m": "40",
    "walk_back_s": "30",
}


def test_a_circuit_of_ones_own_is_kept_run_taken_out_and_brought_back(client, store):
    told = client.post("/session/circuit", data=OWN, headers=OURS)
    page = client.get(told.location).text
    assert re.search(r'value="own-1" checked', page), "what was just made is chosen"
    client.post("/session/circuit/1/forget", headers=OURS)
    page = client.get("/session?forgotten=1").text
    assert "Monday" not in page
    assert "Undo" in page
    client.post("/session/circuit/1/back", headers=OURS)
    client.post("/session/begin", data={"circuit": "own-1", "names": "Fox"}, headers=OURS)
    turns = store.turns(store.latest_session().id)
    assert [(turn.posture, turn.lead_leg) for turn in turns] == [
        ("prone", "left"),
        ("standing", "right"),
    ]
    assert "at most 40 m" in client.get("/session").text


def test_a_circuit_is_changed_and_the_one_before_can_be_had_back(client, store):
    page = client.get("/session?change=short").text
    assert 'name="name" maxlength="40" required value="Short"' in page
    assert '<details id="own" open>' in page
    assert page.count('<option value="plank" selected>') == 1
    assert '<details id="own">' in client.get("/session").text
    told = client.post("/session/circuit", data=OWN | {"of": "short"}, headers=OURS)
    assert "Short: " in re.sub("<[^>]*>", "", client.get(told.location).text), "it came along"
    more = OWN | {"of": "own-1", "name": "Tuesday", "other": ["", "kneeling", "", ""]}
    told = client.post("/session/circuit", data=more, headers=OURS)
    page = client.get(told.location).text
    assert "Undo" in page
    assert [each["name"] for each in store.circuits()] == ["Tuesday"]
    page = client.get("/session?change=own-2").text
    assert 'value="kneeling"' in page
    client.post("/session/circuit/1/back", headers=OURS)
    assert [each["name"] for each in store.circuits()] == ["Monday", "Tuesday"]


def test_a_circuit_that_could_not_be_is_still_typed(client, store):
    wrong = OWN | {"distance_m": "400", "other": ["", "kneeling", "", ""], "of": "short"}
    page = client.post("/session/circuit", data=wrong, headers=OURS).text
    assert '<details id="own" open>' in page
    for typed in ("Monday", "400", "kneeling", "30", "short"):
        assert f'value="{typed}"' in page
    assert page.count('<option value="right" selected>') == 1
    assert page.count('<option value="standing" selected>') == 1


def test_whatever_is_typed_for_a_session_is_text_and_nothing_else(client, store):
    own = OWN | {"name": "<u>5% 1", "posture": ["other"], "other": ["<u>5% 2"], "leg": ["left"]}
    client.post("/session/circuit", data=own, headers=OURS)
    typed = {"circuit": "own-1", "names": "<u>5% 3, Owl, Bee", "own": "<u>5% 4", "teams": "2"}
    typed |= {"stations": "<u>5% 5", "minutes": "6"}
    assert client.post("/session/begin", data=typed, headers=OURS).status_code == 303
    run(store, "a", 0.25)
    token = store.athletes()[0].token
    seen = ""
    for path in ("/session", "/screen", "/session/1", f"/me/{token}", "/", "/reps", "/rep/1"):
        page = client.get(path)
        assert page.status_code == 200, path
        assert "<u>" not in page.text, path
        seen += page.text
    client.post("/session/1/end", headers=OURS)
    seen += client.get("/session?change=own-1").text
    assert "<u>" not in seen
    for number in range(1, 6):
        assert f"&lt;u&gt;5% {number}" in seen, number


def test_a_circuit_may_have_starts_in_own_words(client, store):
    own = OWN | {"posture": ["other", "prone"], "leg": ["free", "left"], "other": ["kneeling", ""]}
    own["posture"] += [""]
    own["other"] += ["sitting"]
    own["leg"] += ["right"]
    client.post("/session/circuit", data=own, headers=OURS)
    client.post("/session/begin", data={"circuit": "own-1", "names": "Fox"}, headers=OURS)
    page = client.get("/session").text
    assert "kneeling, either leg first" in page
    assert "The box calls it: long, short, long." in page
    assert "kneeling" in client.get("/screen").text
    assert "Next: Fox (kneeling)." in client.get("/state.json").json["sentence"]
    rep = run(store, "a", 0.25)
    assert rep.posture == "kneeling"
    told = client.get(f"/session/{rep.session_id}").text
    assert "kneeling" in told
    token = store.athletes()[0].token
    assert "kneeling, " in client.get(f"/me/{token}").text
    assert ",kneeling," in client.get("/reps.csv").text
    assert [turn.posture for turn in store.turns(rep.session_id)] == [
        "kneeling",
        "prone",
        "sitting",
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "name"),
        ({"posture": ["other"], "leg": ["left"], "other": [" "]}, "1 to 16 characters"),
        ({"posture": ["", "", "", ""]}, "1 to 8 starts"),
        ({"posture": ["flying"], "leg": ["left"]}, "posture and a leg"),
        ({"distance_m": "400"}, "farther is a run"),
        ({"distance_m": "far"}, "whole numbers"),
        ({"walk_back_s": "-3"}, "0 to 600"),
    ],
)
def test_a_circuit_that_cannot_be_is_told_why(client, store, wrong, said):
    told = client.post("/session/circuit", data=OWN | wrong, headers=OURS)
    assert told.status_code == 400
    assert said in told.text
    assert store.circuits() == []


def test_help_explains_every_big_word_there_is(client, store):
    page = client.get("/help").text
    for ending in ENDINGS:
        shown = words.ending(add_rep(store, ending)).word
        assert f"<strong>{shown}</strong>" in page
    for state in words.ACTIVE.values():
        assert f"<strong>{state.word}</strong>" in page
    assert 'id="privacy"' in page
    assert 'href="/help"' in client.get("/").text


# An athlete's own page, and forgetting


def token_of(store, athlete_id):
    return next(each.token for each in store.athletes() if each.id == athlete_id)


def test_an_athletes_own_page_is_found_by_its_token_only(coach, client, store):
    assert client.get("/me/nobody").status_code == 404
    fox = coach.turns()[0].athlete_id
    page = client.get(f"/me/{token_of(store, fox)}").text
    assert "No measured start yet" in page
    run(store, "a", 0.25)
    page = client.get(f"/me/{token_of(store, fox)}").text
    assert "On the belly, either leg" in page
    assert "0.25" in page
    assert "Start with the other leg" in page
    tokens = {each.token for each in store.athletes()}
    assert len(tokens) == 3
    assert min(map(len, tokens)) >= 20


def test_who_is_forgotten_is_not_in_the_file_any_more(coach, client, store, tmp_path):
    secret = "Quetzalcoatl Nevermore"
    coach("/session/join", names=secret)
    late = next(each for each in store.athletes() if each.name == secret)
    rep = store.request_rep(posture="prone", key="forget me", athlete_id=late.id)
    store.ask_stop(rep.id)
    store.save_evidence(rep.id, "picture", "image/png", b"THE PICTURE OF A CHILD" * 50)
    others = len(store.reps())
    path = f"/me/{late.token}/forget"
    assert client.post(path, headers=OURS).status_code == 400, "not without the box ticked"
    assert "Nothing was forgotten" in client.post(path, headers=OURS).text
    told = client.post(path, data={"sure": "yes"}, headers=OURS)
    assert "1 rep is gone" in told.text
    assert len(store.reps()) == others - 1
    assert client.get(f"/me/{late.token}").status_code == 404
    assert all(turn.athlete_id != late.id for turn in coach.turns())
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert secret.encode() not in content, file.name
        assert b"PICTURE OF A CHILD" not in content, file.name


def test_a_class_is_forgotten_with_all_its_reps_and_nobody_else_is(coach, client, store):
    other = store.add_athlete("Somebody else")
    kept = store.request_rep(posture="prone", key="kept", athlete_id=other.id)
    store.ask_stop(kept.id)
    run(store, "a")
    number = store.latest_session().id
    coach("/coach/enter", pin=store.station().pin)
    assert "Forget 3 athletes" in client.get(f"/session/{number}").text
    client.post(f"/session/{number}/forget", data={"sure": "yes"}, headers=OURS)
    assert [each.name for each in store.athletes()] == ["Somebody else"]
    assert [rep.id for rep in store.reps()] == [kept.id]


def test_nobody_is_forgotten_while_he_runs(coach, client, store):
    rep = store.request_turn("a")
    path = f"/me/{token_of(store, rep.athlete_id)}/forget"
    assert client.post(path, data={"sure": "yes"}, headers=OURS).status_code == 409
    assert store.rep(rep.id)
