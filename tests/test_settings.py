"""One file says how the box is wired and set; a wrong line in it is told in one."""

import tomllib
from pathlib import Path

import pytest

from pi.settings import Hold, Settings, hold_for, home, load_settings


@pytest.fixture(autouse=True)
def station(tmp_path, monkeypatch):
    """A station of its own, with an empty environment."""
    for name in ("TRACKSTART_CAMERA", "TRACKSTART_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRACKSTART_HOME", str(tmp_path))
    return tmp_path


def test_without_a_file_everything_has_its_default(station):
    settings = load_settings()
    assert settings.store.url == f"sqlite:///{station}/trackstart.db"
    assert (settings.pins.buzzer, settings.pins.led, settings.pins.button) == (17, 27, 22)
    assert (settings.camera.source, settings.camera.fps) == ("auto", 120.0)
    assert settings.web.port == 8080
    assert settings == Settings()


def test_the_file_in_the_stations_folder_is_read(station):
    (station / "settings.toml").write_text(
        "record_s = 4.0\n[hold]\nkind = 'non_ageing'\n[place]\nheight_m = 1.6\n"
        "cones = [{pixel = [100, 612.5], metres = 0}, {pixel = [800, 610], metres = 5}]\n"
    )
    settings = load_settings()
    assert (settings.record_s, settings.hold.kind) == (4.0, "non_ageing")
    assert settings.place.cones[0].pixel == (100, 612.5)
    assert settings.place.cones[1].metres == 5
    assert settings.hold.minimum_s == Hold().minimum_s


def test_a_home_without_a_name_is_in_the_users(monkeypatch, station):
    monkeypatch.setenv("TRACKSTART_HOME", "")
    monkeypatch.setenv("HOME", str(station))
    assert home() == station / ".local/share/trackstart"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[hold]\nminimum_s = -1", "hold.minimum_s"),
        ("[hold]\nminimum_s = 4\nmaximum_s = 2", "hold: maximum_s is smaller"),
        ("[camera]\nsource = 'phone'", "camera.source"),
        ("[camera]\nsource = 'file'", 'camera: source "file" needs a path'),
        ("[camera]\nfps = 'fast'", "camera.fps"),
        ("[pins]\nbuzer = 4", "pins.buzer"),
        ("[place]\ncones = [{pixel = [1, 2]}]", "place.cones.0.metres"),
        ("hold = 3", "hold"),
        ("camera = 3", "camera"),
        ("[hold\n", "line 1"),
        ("ring = \xff", "settings.toml"),
    ],
)
def test_a_wrong_line_is_told_in_one_that_names_it(station, text, said):
    (station / "settings.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"settings\.toml") as problem:
        load_settings()
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_file_that_was_asked_for_must_be_there(station):
    with pytest.raises(ValueError, match="no such file"):
        load_settings(station / "mine.toml")


@pytest.mark.parametrize(
    ("variable", "source", "path"),
    [
        ("pi", "pi", "a.mp4"),
        ("simulated", "simulated", "a.mp4"),
        ("file:films/a b.mp4", "file", "films/a b.mp4"),
        ("webcam:/dev/video2", "webcam", "/dev/video2"),
    ],
)
def test_the_environment_says_which_camera(station, monkeypatch, variable, source, path):
    (station / "settings.toml").write_text("[camera]\npath = 'a.mp4'\nfps = 90\n")
    monkeypatch.setenv("TRACKSTART_CAMERA", variable)
    camera = load_settings().camera
    assert (camera.source, camera.path, camera.fps) == (source, path, 90)


def test_the_environment_says_which_port(monkeypatch):
    monkeypatch.setenv("TRACKSTART_PORT", "9000")
    assert load_settings().web.port == 9000


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TRACKSTART_PORT", "many", "TRACKSTART_PORT: web.port"),
        ("TRACKSTART_PORT", "70000", "TRACKSTART_PORT: web.port"),
        ("TRACKSTART_CAMERA", "phone", "TRACKSTART_CAMERA: camera.source"),
        ("TRACKSTART_CAMERA", "file", "TRACKSTART_CAMERA: camera"),
    ],
)
def test_a_wrong_variable_is_named_not_the_file(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"^{said}"):
        load_settings()


def test_settings_cannot_be_changed_under_way():
    with pytest.raises(ValueError, match="frozen"):
        Settings().hold.minimum_s = 3


def test_a_drill_overrides_the_hold_for_one_rep():
    hold = hold_for({"kind": "fixed"}, Hold(fixed_s=4.0))
    assert (hold.kind, hold.fixed_s) == ("fixed", 4.0)
    assert hold_for({}) == Hold()
    for drill in ({"kind": "soon"}, {"min": 1}, {"minimum_s": 9}):
        with pytest.raises(ValueError, match=r"^drill: ") as problem:
            hold_for(drill)
        assert "\n" not in str(problem.value)


def test_the_example_in_the_readme_is_true():
    """Every block of TOML in the README loads."""
    readme = Path(__file__).resolve().parent.parent / "README.md"
    blocks = readme.read_text(encoding="utf-8").split("```toml\n")[1:]
    for block in blocks:
        Settings.model_validate(tomllib.loads(block.split("```")[0]))
