"""The command `trackstart`, used as people use it: films, wrong films, and the answers on standard
output."""

import json
import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner
from clips import FPS, SIGNAL_S, film, near, valid

from pi.cli import main

FOOTAGE = Path(__file__).resolve().parents[2] / "shared/footage"


def run(*words):
    """Exit status, what was said on standard output and on standard error."""
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


def answer(*words):
    """The one JSON object that a command prints, which is what the schema says a rep looks like."""
    status, said, _ = run(*words, "--json")
    assert status == 0
    return valid(json.loads(said))


def refused(*words):
    """The one line with which a command refuses."""
    status, said, error = run(*words)
    assert (status, said) == (2, "")
    assert len(error.strip().splitlines()) == 1
    return error


def write_film(path, luma, *, fps=FPS, sound=None, rate=48_000):
    """A film as a phone makes it: H.264, key pictures among the others, with a sound track if
    given."""
    with av.open(str(path), "w") as out:
        video = out.add_stream(
            "libx264", rate=round(fps), options={"crf": "20", "preset": "veryfast"}
        )
        video.height, video.width = luma.shape[1:]
        video.pix_fmt = "yuv420p"
        audio = None if sound is None else out.add_stream("aac", rate=rate, layout="mono")
        for picture in luma:
            colour = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray8")
            out.mux(video.encode(colour.reformat(format="yuv420p")))
        out.mux(video.encode(None))
        if audio is not None:
            for start in range(0, len(sound) - 1023, 1024):
                block = sound[None, start : start + 1024].astype(np.float32)
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = rate, start
                out.mux(audio.encode(frame))
            out.mux(audio.encode(None))
    return path


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A film of somebody starting from a plank, its cones file, and what is true of it."""
    folder = tmp_path_factory.mktemp("film")
    clip = film("plank", seed=11)
    cones = folder / "cones.json"
    cones.write_text(json.dumps({"cones": clip.cones}))
    return write_film(folder / "start.mp4", clip.frames.luma), cones, clip.truth


def test_a_film_with_cones_gives_the_numbers_that_were_drawn(start):
    path, cones, truth = start
    told = answer("analyse", path, "--signal", SIGNAL_S, "--cones", cones, "--posture", "plank")
    assert told["status"] == "measured"
    assert near(told["reaction_s"], truth["reaction_s"])
    true = {split["metres"]: split["from_signal_s"] for split in truth["splits"]}
    for split in told["splits"]:
        if split["metres"] in (1.0, 2.5, 5.0):
            off = split["from_signal_s"] - true[split["metres"]]
            assert abs(off) < 3 * split["u"] + 0.005


def test_a_film_without_cones_gives_times_and_no_metres(start):
    path, _, truth = start
    told = answer("analyse", path, "--signal", SIGNAL_S, "--height", "1.7")
    assert near(told["reaction_s"], truth["reaction_s"])
    assert all(split["from_signal_s"] is None for split in told["splits"])
    assert any("no cones" in warning for warning in told["warnings"])


def test_sound_on_its_way_is_taken_off(start):
    path, cones, _ = start
    words = ("analyse", path, "--signal", SIGNAL_S, "--cones", cones)
    near_by, far = answer(*words), answer(*words, "--buzzer-distance", "10", "--temperature", "0")
    delay = far["signal"]["sound_delay_s"]
    assert delay == pytest.approx(10 / 331.3, abs=1e-4)
    later = near_by["reaction_s"]["value"] - far["reaction_s"]["value"]
    assert later == pytest.approx(delay, abs=2e-4)


def test_a_slow_motion_file_is_taken_at_its_true_rate(start, tmp_path):
    _, cones, truth = start
    clip = film("plank", seed=11)
    slow = write_film(tmp_path / "slow.mp4", clip.frames.luma, fps=30)
    told = answer("analyse", slow, "--fps", FPS, "--signal", SIGNAL_S, "--cones", cones)
    assert told["capture"]["fps"] == pytest.approx(FPS)
    assert near(told["reaction_s"], truth["reaction_s"])


def test_the_picture_is_written_where_it_was_asked_for(start, tmp_path):
    path, cones, _ = start
    picture = tmp_path / "start.png"
    answer("analyse", path, "--signal", SIGNAL_S, "--cones", cones, "--picture", picture)
    header = picture.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", header[16:])
    assert (width, height > 360) == (640, True)


def test_without_json_the_numbers_are_words(start):
    path, cones, _ = start
    status, said, _ = run("analyse", path, "--signal", SIGNAL_S, "--cones", cones)
    assert status == 0
    assert "reaction   0." in said
    assert "±" in said


def test_auto_hears_the_beep(start, tmp_path):
    _, cones, truth = start
    rate, clip = 48_000, film("plank", seed=11)
    time = np.arange(5 * rate) / rate
    sound = 0.01 * np.random.default_rng(1).normal(size=len(time))
    sound += np.where((time >= SIGNAL_S) & (time < SIGNAL_S + 0.4), 0.3, 0.0) * np.sin(
        2 * np.pi * 2700 * time
    )
    heard = write_film(tmp_path / "heard.mp4", clip.frames.luma, sound=sound, rate=rate)
    told = answer("analyse", heard, "--signal", "auto", "--cones", cones)
    assert told["signal"]["source"] == "audio"
    assert told["signal"]["time_s"] == pytest.approx(SIGNAL_S, abs=0.03)
    assert told["reaction_s"]["value"] == pytest.approx(truth["reaction_s"], abs=0.045)


def test_auto_sees_the_led(start, tmp_path):
    _, cones, _ = start
    luma = film("plank", seed=11).frames.luma.copy()
    luma[:, 20:44, 580:604] = 40
    luma[round(SIGNAL_S * FPS) :, 28:34, 588:594] = 255
    lit = write_film(tmp_path / "lit.mp4", luma)
    told = answer("analyse", lit, "--signal", "auto", "--cones", cones)
    assert told["signal"]["source"] == "led"
    assert told["signal"]["time_s"] == pytest.approx(SIGNAL_S, abs=0.01)


def test_auto_says_so_when_there_is_no_signal(start):
    assert "no beep and no LED" in refused("analyse", start[0], "--signal", "auto")


@pytest.mark.parametrize("name", ["text.mp4", "empty.mp4", "sound.wav", "missing.mp4", "folder"])
def test_what_is_no_film_is_refused_in_one_line(name, tmp_path):
    path = tmp_path / name
    if name == "text.mp4":
        path.write_text("dear diary, today I ran\n" * 50)
    elif name == "empty.mp4":
        path.touch()
    elif name == "folder":
        path.mkdir()
    elif name == "sound.wav":
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(8000)
            out.writeframes(bytes(16000))
    assert name in refused("analyse", path, "--signal", "1", "--json")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("not json", "looks like"),
        ('{"marks": []}', "looks like"),
        ('{"cones": 3}', "looks like"),
        ('{"cones": [{"pixel": [1, 2], "metres": 0}]}', "two or more"),
        ('{"cones": [{"pixel": [1, 2], "metres": 0}, {"pixel": "x", "metres": 5}]}', "numbers"),
        (
            '{"cones": [{"pixel": [9, 300], "metres": 0}, {"pixel": [9, 20], "metres": 5}]}',
            "from the side",
        ),
    ],
)
def test_cones_that_cannot_be_are_refused_in_one_line(text, word, start, tmp_path):
    cones = tmp_path / "cones.json"
    cones.write_text(text)
    assert word in refused("analyse", start[0], "--signal", "2", "--cones", cones)


@pytest.mark.parametrize("signal", ["soon", "nan", "inf"])
def test_a_signal_that_is_no_time_is_refused(signal, start):
    assert "--signal" in refused("analyse", start[0], "--signal", signal)


def test_a_signal_outside_the_film_is_refused(start):
    assert "no picture between 496.5 s" in refused("analyse", start[0], "--signal", "500")


def test_a_film_cut_short_answers_or_is_refused_in_one_line(start, tmp_path):
    whole = start[0].read_bytes()
    for share in (0.3, 0.7, 0.95):
        cut = tmp_path / f"cut{share}.mp4"
        cut.write_bytes(whole[: int(len(whole) * share)])
        status, said, error = run("analyse", cut, "--signal", SIGNAL_S, "--json")
        assert status in (0, 2)
        assert valid(json.loads(said)) if status == 0 else len(error.strip().splitlines()) == 1


def test_nothing_moving_is_no_movement(tmp_path):
    luma = film("standing", ending="no_movement", duration_s=4.0).frames.luma
    told = answer("analyse", write_film(tmp_path / "still.mp4", luma), "--signal", SIGNAL_S)
    assert told["status"] == "no_movement"
    assert told["reaction_s"] == {"value": None, "u": None}
    assert told["reasons"]


def test_a_camera_that_pans_measures_nobody(tmp_path):
    wide = film("standing", size=(1280, 360), duration_s=4.0).frames.luma
    luma = np.stack([frame[:, i : i + 640] for i, frame in enumerate(wide)])
    told = answer("analyse", write_film(tmp_path / "pan.mp4", luma), "--signal", SIGNAL_S)
    assert told["status"] in ("not_measurable", "no_movement")
    assert told["reaction_s"]["value"] is None


@pytest.mark.parametrize("posture", ["supine", "prone", "plank", "standing"])
def test_a_simulated_rep_is_whole_and_near_its_truth(posture):
    status, said, _ = run("rep", "--simulate", "--posture", posture, "--seed", "7", "--json")
    told = json.loads(said)
    assert status == 0
    assert valid(told)["status"] == "measured"
    assert near(told["reaction_s"], told["truth"]["reaction_s"])
    five = next(split for split in told["splits"] if split["metres"] == 5.0)
    true = next(split for split in told["truth"]["splits"] if split["metres"] == 5.0)
    assert abs(five["from_signal_s"] - true["from_signal_s"]) < 3 * five["u"]


def test_a_real_rep_is_asked_for_on_the_page():
    assert "--simulate" in refused("rep")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "signal", "statuses"),
    [
        ("crouch_and_sprint", 6.4, {"not_measurable"}),
        ("plank_floor_to_standing", 24.0, {"no_movement"}),
        ("tall_plank", 0.9, {"no_movement"}),
        ("supine_side_on", 3.0, {"no_movement"}),
        ("walk_in_and_out", 3.0, {"no_movement"}),
    ],
)
def test_real_people_who_do_not_start_from_rest_get_no_reaction(name, signal, statuses):
    path = FOOTAGE / f"{name}.mp4"
    if not path.exists():
        pytest.skip(f"no {path.name} beside the project")
    told = answer("analyse", path, "--signal", signal)
    assert told["status"] in statuses
    assert told["reaction_s"]["value"] is None


def test_reanalyse_answers_for_a_stored_rep_and_knows_which_it_has(monkeypatch, tmp_path):
    from pi.rep import analyse
    from pi.store import open_store

    monkeypatch.setenv("TRACKSTART_HOME", str(tmp_path))
    clip = film("prone", seed=3)
    kept = analyse(clip.frames, clip.signal_ns, cones=clip.cones, posture="prone")
    place = {"cones": clip.cones, "buzzer_distance_m": 0.0, "temperature_c": 20.0, "height_m": None}
    with open_store(f"sqlite:///{tmp_path / 'trackstart.db'}") as store:
        rep = store.request_rep(posture="prone", key="one")
        for state in ("settling", "holding", "running", "analysing"):
            store.change_rep(rep.id, state=state, settings={"place": place})
        store.save_evidence(rep.id, "observations", "x", kept.evidence["observations"])
        store.change_rep(rep.id, state="done", result=kept.result)
    status, said, _ = run("reanalyse", rep.id, "--json")
    again = json.loads(said)
    assert status == 0
    assert again.pop("rep") == rep.id
    assert again["reaction_s"] == kept.result["reaction_s"]
    assert again["splits"] == kept.result["splits"]
    assert "there is none" in refused("reanalyse", rep.id + 1)
