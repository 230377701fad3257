"""The command `trackstart check` and the page Check, as a coach uses them."""

import json
import wave

import numpy as np
import pytest
from click.testing import CliRunner
from test_page import FITS, SLIVERS, SMALL
from two_processes import free_port, served, simulated_device, wait_for_device

from pi.cli import main
from pi.simulate.sound import simulate_sound
from pi.store import open_store


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKSTART_HOME", str(tmp_path))

    def check(*options):
        return CliRunner().invoke(main, ["check", *map(str, options)])

    return check


def recording(path, rise_s):
    sound = simulate_sound(seed=9, rise_s=rise_s, rate=44_100.0)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(44_100)
        out.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def test_without_a_device_the_rest_is_looked_at_and_that_is_told_first(run):
    told = run()
    assert told.exit_code == 1
    assert told.stdout.splitlines()[0].startswith("BAD      device")
    assert "systemctl start trackstart-device" in told.stdout
    assert "storage" in told.stdout
    answer = json.loads(run("--json").stdout)
    assert answer["verdict"] == "bad"
    assert {"name", "verdict", "said", "do"} == set(answer["parts"][0])


def test_the_led_test_needs_the_device(run):
    told = run("--led")
    assert told.exit_code == 2
    assert "the timer is not running" in told.stderr


def test_a_recording_tells_the_buzzers_rise_and_keeps_it_when_asked(run, tmp_path):
    path = recording(tmp_path / "box.wav", 0.0065)
    told = run("--sound", path)
    assert told.exit_code == 0
    assert "--keep" in told.stdout
    answer = json.loads(run("--sound", path, "--keep", "--json").stdout)
    assert answer["rise_s"] == pytest.approx(0.0065, abs=0.001)
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:
        assert store.self_test("sound").data["rise_s"] == answer["rise_s"]


@pytest.mark.parametrize("name", ["nothing.wav", "text.wav"])
def test_what_is_no_recording_is_one_line_and_exit_2(run, tmp_path, name):
    (tmp_path / "text.wav").write_text("no sound")
    told = run("--sound", tmp_path / name)
    assert told.exit_code == 2
    assert len(told.stderr.splitlines()) == 1


@pytest.mark.browser
@pytest.mark.slow
def test_a_coach_looks_at_the_box_and_has_its_clock_tested(phone, home, base):
    port = int(base.rpartition(":")[2])
    page = phone("/check")
    page.get_by_text("The timer is not running").wait_for()
    with simulated_device(home, port) as device:
        wait_for_device(device, port)
        page.goto("/check")
        page.get_by_role("button", name="Look", exact=True).click()
        page.get_by_text("are good").click()
        page.get_by_text("pin 17").wait_for()
        assert page.evaluate(FITS) == [False, []]
        assert page.evaluate(SMALL) == []
        assert page.evaluate(SLIVERS) == []
        page.get_by_role("button", name="Beep").click()
        page.get_by_text("Did you hear or see it?").wait_for()
        page.get_by_role("button", name="LED test").click()
        page.get_by_text("Flashing the LED").wait_for()
        page.get_by_text("ms against the pins").wait_for(timeout=120_000)
        page.get_by_text("Good.").wait_for()


def test_served_by_the_page_a_foreign_job_is_not_shown(tmp_path):
    """A number of the Set-up page's is no check."""
    import urllib.error
    import urllib.request

    port = free_port()
    with served(tmp_path, port):
        with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:
            job = store.ask_set_up("still")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/check?job={job.id}")
