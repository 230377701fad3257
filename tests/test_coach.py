"""Who may change things: everybody, until a coach has taken the timer over."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from sample_reps import add_rep
from test_session_pages import OWN, run
from test_web import JSON, OURS

from pi.cli import main
from pi.pin import is_right, new_pin
from pi.settings import Settings
from pi.store import open_store
from web import coach, create_app, words


@pytest.fixture(autouse=True)
def nobody_has_tried():
    coach.wrong.clear()
    yield
    coach.wrong.clear()


pytestmark = pytest.mark.usefixtures("ready")


@pytest.fixture
def phone(app):
    return app.test_client


def enter(client, pin):
    return client.post("/coach/enter", data={"pin": pin}, headers=OURS)


@pytest.fixture
def taken(store, phone):
    """A timer that a coach has taken over; the coach's phone."""
    mine = phone()
    assert enter(mine, store.station().pin).status_code == 303
    return mine


def test_a_pin_is_six_digits_and_only_its_hash_is_compared():
    pin, kept = new_pin()
    assert len(pin) == 6
    assert pin.isdecimal()
    assert pin not in kept
    assert is_right(f" {pin[:3]} {pin[3:]} ", kept)
    assert not is_right("", kept)
    assert not is_right(pin, "")


def test_every_timer_has_a_pin_and_a_key_of_its_own(tmp_path):
    seen = set()
    for name in "ab":
        with open_store(f"sqlite:///{tmp_path / name}.db") as store:
            app = create_app(Settings(), store)
            seen |= {store.station().pin, store.station().signing_key}
            assert app.secret_key == store.station().signing_key
            assert len(app.secret_key) == 64
    assert len(seen) == 4


def test_until_a_coach_comes_the_timer_is_everybodys(phone, store):
    client = phone()
    assert client.post("/session/begin", data={"circuit": "short"}, headers=OURS).status_code == 303
    assert store.station().pin in client.get("/coach").text


def test_from_then_on_the_pin_is_shown_nowhere_and_the_others_watch(phone, store, taken):
    pupil = phone()
    assert store.station().pin is None
    taken.post("/session/begin", data={"circuit": "lesson", "names": "Fox, Owl"}, headers=OURS)
    page = pupil.get("/session").text
    assert "This phone watches." in page
    assert "This phone watches." not in taken.get("/session").text
    for path in ("/session/arm", "/arm", "/go", "/session/1/end", "/session/1/forget", "/clock"):
        told = pupil.post(path, data={"sure": "yes"}, headers=OURS)
        assert (path, told.status_code) == (path, 403)
    told = pupil.post("/session/arm", headers=JSON)
    assert "Only the coach" in told.json["said"]
    assert told.json["word"] == "READY"
    assert taken.post("/session/arm", headers=OURS).status_code == 303


def test_only_a_coach_finds_the_athletes_own_pages(phone, store, taken):
    taken.post("/session/begin", data={"circuit": "lesson", "names": "Fox, Owl"}, headers=OURS)
    assert taken.get("/session/1").text.count("/me/") == 2
    watching = phone().get("/session/1").text
    assert "/me/" not in watching
    assert "Forget" not in watching


def test_every_change_is_refused_to_a_watching_phone_unless_it_is_anybodys(app, phone, taken):
    pupil = phone()
    for rule in app.url_map.iter_rules():
        if "POST" not in rule.methods or rule.endpoint in coach.ANYBODYS:
            continue
        path = rule.build(dict.fromkeys(rule.arguments, 1))[1]
        assert pupil.post(path, headers=OURS).status_code == 403, path


def test_a_watching_phone_is_offered_nothing_that_it_would_be_refused(app, phone, store, taken):
    pupil, adapter = phone(), app.url_map.bind("localhost")
    taken.post("/session/circuit", data=OWN, headers=OURS)
    own = add_rep(store)
    gone = add_rep(store)
    store.delete_rep(gone.id)
    refused = store.change_rep(add_rep(store).id, reason=f"it moved: {words.MOVED}")
    assert refused
    store.save_calibration({"cones": []}, source="taps", camera="simulated", mode="1280x720@120")
    pages = ["/", "/home", "/session", "/games", "/reps", f"/reps?deleted={gone.id}", "/check"]
    pages += ["/coach", "/join", "/help", "/settings", "/screen", "/session?forgotten=1"]
    pages += [f"/rep/{own.id}", f"/rep/{gone.id}"]
    seen = [(path, pupil.get(path).text) for path in pages]
    taken.post("/session/begin", data={"circuit": "lesson", "names": "Fox, Owl"}, headers=OURS)
    turns = store.turns(store.running_session().id)
    run(store, "a")
    store.change_turn(turns[1].id, "skipped")
    number = store.running_session().id
    seen.append(("running", pupil.get("/session").text))
    store.end_session(number)
    seen.append(("ended", pupil.get(f"/session/{number}").text))
    for path, page in seen:
        for action in re.findall(r'<form[^>]* method="post"[^>]*action="([^"?]*)', page):
            assert adapter.match(action, method="POST")[0] in coach.ANYBODYS, (path, action)
    for path in ("/", "/session", "/games", "/settings", "/check"):
        assert "This phone watches." in dict(seen)[path], path


def test_stop_and_how_it_felt_are_everybodys(phone, store, taken):
    pupil = phone()
    taken.post("/session/begin", data={"circuit": "standing"}, headers=OURS)
    rep = run(store, "a")
    turn = store.turn_of(rep.id)
    path = f"/session/turn/{turn.id}/felt"
    assert pupil.post(path, data={"felt": "slower"}, headers=OURS).status_code == 303
    assert store.turn_of(rep.id).felt == "slower"
    assert pupil.post("/stop", headers=OURS).status_code == 303


def test_five_wrong_pins_are_enough_for_a_minute(phone, store, monkeypatch):
    client, pin = phone(), store.station().pin
    wrong = "000000" if pin != "000000" else "111111"
    assert [enter(client, wrong).status_code for _ in range(5)] == [403] * 5
    assert enter(client, pin).status_code == 429, "the right one too: nobody may go on guessing"
    later = coach.time.monotonic() + 61
    monkeypatch.setattr(coach.time, "monotonic", lambda: later)
    assert enter(client, pin).status_code == 303


def at(address):
    return {"environ_overrides": {"REMOTE_ADDR": address}}


def test_eighty_wrong_pins_at_once_are_five_that_are_compared_one_at_a_time(phone, monkeypatch):
    """Each comparison takes 32 MB and the processor: together they would take the box down."""
    compared, at_once, most = [], [], []

    def slow(pin, kept):
        at_once.append(pin)
        most.append(len(at_once))
        time.sleep(0.01)
        compared.append(at_once.pop())
        return False

    monkeypatch.setattr(coach, "is_right", slow)
    with ThreadPoolExecutor(80) as phones:
        told = list(phones.map(lambda k: enter(phone(), f"{k}").status_code, range(80)))
    assert (told.count(403), told.count(429)) == (5, 75)
    assert (len(compared), max(most)) == (5, 1)


def test_who_guesses_locks_out_himself_and_not_the_coach(phone, store):
    pin = store.station().pin
    wrong = {"pin": "000000" if pin != "000000" else "111111"}
    pupil = [
        phone().post("/coach/enter", data=wrong, headers=OURS, **at("10.42.0.7")).status_code
        for _ in range(7)
    ]
    assert pupil == [403] * 5 + [429] * 2
    mine = phone().post("/coach/enter", data={"pin": pin}, headers=OURS, **at("10.42.0.8"))
    assert mine.status_code == 303


def test_all_phones_together_guess_thirty_times_a_minute(phone, monkeypatch):
    monkeypatch.setattr(coach, "is_right", lambda pin, kept: False)
    told = [
        phone().post("/coach/enter", data={"pin": "1"}, headers=OURS, **at(f"10.42.0.{k}"))
        for k in range(40)
    ]
    assert [answer.status_code for answer in told] == [403] * 30 + [429] * 10
    assert "from all phones" in told[-1].text


def test_a_cookie_of_another_timer_or_of_the_pin_before_is_worth_nothing(phone, store, taken):
    store.station(new_pin)
    store.claim_station()
    assert taken.post("/session/arm", headers=OURS).status_code == 403


def test_a_coach_hands_the_phone_back(taken):
    assert taken.post("/coach/leave", headers=OURS).status_code == 303
    assert taken.post("/session/arm", headers=OURS).status_code == 403


def test_who_hands_the_phone_back_and_types_the_pin_again_starts_as_before(store, phone):
    mine, pin = phone(), store.station().pin
    enter(mine, pin)
    mine.post("/coach/leave", headers=OURS)
    assert store.station().starter is None
    enter(mine, pin)
    page = mine.get("/coach").text
    assert "Another phone starts" not in page
    assert "It is the one that starts." in page
    other = phone()
    enter(other, pin)
    other.post("/coach/leave", headers=OURS)
    assert "It is the one that starts." in mine.get("/coach").text, "it was never the other's"


def test_a_new_pin_is_made_on_the_box(store, taken, monkeypatch, tmp_path):
    monkeypatch.setenv("TRACKSTART_HOME", str(tmp_path))
    told = CliRunner().invoke(main, ["pin"])
    assert told.exit_code == 0
    assert told.output.strip() == store.station().pin
    assert not store.station().claimed


# --- the admin -----------------------------------------------------------------------------------

ADMINS = {
    "/settings/keep": {"days": "7"},
    "/settings/clips": {"clips": "no"},
    "/settings/pin": {},
    "/settings/erase": {"sure": "yes"},
}


@pytest.fixture
def secret(store, monkeypatch, tmp_path):
    """The admin's secret, as the terminal prints it."""
    monkeypatch.setenv("TRACKSTART_HOME", str(tmp_path))
    return CliRunner().invoke(main, ["pin", "--admin"]).output.strip()


def test_where_no_admin_was_made_a_coach_does_it_all(taken, phone):
    for path, form in ADMINS.items():
        assert phone().post(path, data=form, headers=OURS).status_code == 403, path
        assert taken.post(path, data=form, headers=OURS).status_code in (200, 303), path
    assert "What was done" in taken.get("/settings").text


def test_while_nobody_is_the_coach_no_phone_takes_out_what_others_ran(phone, store):
    anybodys = phone()
    anybodys.post("/arm", data={"posture": "prone"}, headers=OURS)
    page = anybodys.get("/settings").text
    assert "Erase it all" not in page
    assert 'name="days"' not in page
    assert "How long starts are kept" in page
    anybodys.post("/session/begin", data={"circuit": "short", "names": "Fox"}, headers=OURS)
    number = store.running_session().id
    page = anybodys.get(f"/session/{number}").text
    assert "Forget this class" in page
    assert "Forget them for good" not in page
    for path in ("/settings/erase", "/settings/keep", f"/session/{number}/forget"):
        refused = anybodys.post(path, data={"sure": "yes"} | ADMINS.get(path, {}), headers=OURS)
        assert refused.status_code == 403
        assert "take the timer over" in refused.text
        assert store.station().pin in refused.text, "and how is there to read"
    assert len(store.reps()) == 1
    assert [each.name for each in store.athletes()] == ["Fox"]
    enter(anybodys, store.station().pin)
    page = anybodys.get("/settings").text
    assert "Erase it all" in page
    assert 'name="days"' in page
    assert "Forget them for good" in anybodys.get(f"/session/{number}").text


def test_the_admins_secret_is_made_on_the_box_twice_as_long_as_a_pin_and_only_its_hash_kept(
    app, store, secret
):
    digits = secret.replace(" ", "")
    assert (len(digits), digits.isdecimal()) == (12, True)
    assert digits not in store.station().admin_hash
    assert store.station().pin, "the coach's PIN is what it was"


def test_where_there_is_an_admin_what_is_his_is_no_coachs_any_more(store, taken, phone, secret):
    before = store.station()
    for path, form in ADMINS.items():
        refused = taken.post(path, data=form, headers=OURS)
        assert refused.status_code == 403, path
        assert "Only the admin" in refused.text
    assert store.station() == before
    page = taken.get("/settings").text
    for his in ("What was done", "How long starts are kept", "Erase everything", "A new PIN"):
        assert his not in page
    assert "The big screen shows" in page
    mine = phone()
    assert enter(mine, secret).status_code == 303
    assert "This phone is the admin" in mine.get("/coach").text
    page = mine.get("/settings").text
    for his in ("What was done", "How long starts are kept", "Erase everything", "A new PIN"):
        assert his in page
    assert "admin&#39;s secret was typed" in page or "admin's secret was typed" in page
    for path, form in ADMINS.items():
        assert mine.post(path, data=form, headers=OURS).status_code in (200, 303), path


def test_the_admins_secret_is_guessed_as_seldom_as_a_pin(phone, secret):
    wrong = "000000000000" if not secret.startswith("0000") else "111111111111"
    assert [enter(phone(), wrong).status_code for _ in range(6)] == [403] * 5 + [429]


def test_without_an_admin_no_twelve_digits_make_one(phone, store):
    assert enter(phone(), "000000000000").status_code == 403


def test_the_admin_makes_a_new_pin_and_every_coachs_phone_watches_again(
    store, taken, phone, secret
):
    mine = phone()
    enter(mine, secret)
    page = mine.post("/settings/pin", headers=OURS).text
    pin = re.search(r"The new PIN is <strong[^>]*>(\d{6})<", page)[1]
    assert store.station().claimed, "it is nobody's toy in between"
    assert taken.post("/session/begin", data={"circuit": "short"}, headers=OURS).status_code == 403
    assert pin not in mine.get("/settings").text
    assert enter(taken, pin).status_code == 303
    assert "It is the one that starts." in taken.get("/coach").text
    assert "admin made a new PIN" in mine.get("/settings").text


def test_a_coach_who_makes_a_new_pin_stays_the_coach(store, taken):
    taken.post("/settings/pin", headers=OURS)
    assert taken.post("/session/begin", data={"circuit": "short"}, headers=OURS).status_code == 303


def test_a_new_secret_makes_the_one_before_worth_nothing(phone, secret):
    mine = phone()
    enter(mine, secret)
    CliRunner().invoke(main, ["pin", "--admin"])
    assert mine.post("/settings/pin", headers=OURS).status_code == 403
    assert enter(phone(), secret).status_code == 403


def test_where_the_box_keeps_no_clips_none_is_offered_kept_or_shown(store, taken):
    fox = store.add_athlete("Fox")
    store.set_consent(fox.id, "yes")
    rep = add_rep(store, athlete_id=fox.id)
    store.save_evidence(rep.id, "clip", "video/mp4", b"film")
    assert taken.get(f"/rep/{rep.id}/clip.mp4").status_code == 200
    taken.post("/settings/clips", data={"clips": "no"}, headers=OURS)
    assert taken.get(f"/rep/{rep.id}/clip.mp4").status_code == 404
    assert "<video" not in taken.get(f"/rep/{rep.id}").text
    assert 'name="clip"' not in taken.get("/").text
    form = {"posture": "prone", "athlete": fox.id, "clip": "yes", "key": "a"}
    refused = taken.post("/arm", data=form, headers=JSON)
    assert refused.status_code == 409
    assert "this box keeps none" in refused.json["said"]
    taken.post("/settings/clips", data={"clips": "yes"}, headers=OURS)
    assert taken.post("/arm", data=form, headers=JSON).status_code == 200


def test_everything_is_erased_and_nothing_is_left_in_the_file(store, taken, tmp_path):
    form = {"circuit": "lesson", "names": "Maximilian, Owl", "teams": "2"}
    taken.post("/session/begin", data=form, headers=OURS)
    rep = run(store, "a")
    store.set_notes(rep.id, ["wet grass"])
    assert taken.post("/settings/erase", headers=OURS).status_code == 400, "not ticked"
    running = store.request_turn("b")
    told = taken.post("/settings/erase", data={"sure": "yes"}, headers=OURS)
    assert told.status_code == 409
    store.ask_stop(running.id)
    assert taken.post("/settings/erase", data={"sure": "yes"}, headers=OURS).status_code == 303
    assert store.reps() == store.athletes() == store.sessions() == []
    assert [entry.what for entry in store.log_entries()] == ["erased"]
    assert store.running_session() is None
    left = (tmp_path / "trackstart.db").read_bytes()
    assert b"Maximilian" not in left
    assert b"wet grass" not in left
    assert taken.get("/settings").status_code == 200, "and the coach is still the coach"
    assert taken.post("/session/begin", data=form, headers=OURS).status_code == 303


def test_the_cookie_is_no_scripts_and_no_other_sites(phone, store):
    told = enter(phone(), store.station().pin)
    cookie = told.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
