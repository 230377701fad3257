"""What is read from a video file: every picture, upright, at its own time, and the sound."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pi.camera import read_sound, read_video

FOOTAGE = Path(__file__).resolve().parents[2] / "shared" / "footage"
needs_footage = pytest.mark.skipif(not FOOTAGE.is_dir(), reason="needs the films in ../shared")


def write_video(
    path, times_s, *, size=(64, 32), rotation=0, codec="mpeg4", beep_s=None, brighter=10
):
    """A film whose picture i is 20 + i * 10 bright, with a bright quarter at the upper left."""
    width, height = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        stream.codec_context.options = {"qmin": "2", "qmax": "2"}
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono") if beep_s else None
        for number, time_s in enumerate(times_s):
            luma = np.full((height * 3 // 2, width), 128, np.uint8)
            luma[:height] = 20 + number * brighter
            luma[: height // 2, : width // 2] = 220
            frame = av.VideoFrame.from_ndarray(luma, format="yuv420p")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound:
            samples = np.zeros((1, 16000), np.int16)
            samples[0, round(beep_s * 8000) :] = 12000
            audio = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            audio.rate, audio.pts, audio.time_base = 8000, 0, Fraction(1, 8000)
            container.mux(sound.encode(audio))
            container.mux(sound.encode())
    if rotation:
        turn(path, rotation)
    return path


def turn(path, degrees):
    """Write into an MP4's track header, as a phone does, that it is to be shown turned."""
    cosine, sine = round(np.cos(np.radians(degrees))), round(np.sin(np.radians(degrees)))
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44
    one = 1 << 16
    data[matrix : matrix + 20] = struct.pack(
        ">5i", cosine * one, -sine * one, 0, sine * one, cosine * one
    )
    path.write_bytes(data)


def brightness(frames):
    """Each picture's, at the lower right, in steps of write_video."""
    return [round((float(picture[-8:, -8:].mean()) - 20) / 10) for picture in frames.luma]


def test_every_picture_comes_at_its_own_time(tmp_path):
    times_s = [0.2, 0.233, 0.267, 0.4, 0.41, 0.5]
    film = read_video(write_video(tmp_path / "phone.mkv", times_s))
    assert brightness(film.frames) == list(range(6))
    assert film.frames.times_ns * 1e-9 == pytest.approx(np.array(times_s) - 0.2, abs=1e-6)
    assert film.frames.luma.dtype == np.uint8
    assert film.scale == 1.0


def test_a_steady_film_knows_its_rate_and_length(tmp_path):
    film = read_video(write_video(tmp_path / "a.mp4", [i * 0.04 for i in range(11)]))
    assert film.fps == pytest.approx(25)
    assert film.duration_s == pytest.approx(0.44)
    assert film.frames.dropped == 0


def test_frames_that_are_missing_are_counted(tmp_path):
    times_s = [i * 0.04 for i in range(20) if i not in (5, 11, 12)]
    film = read_video(write_video(tmp_path / "gaps.mkv", times_s))
    assert film.frames.dropped == 3


def test_a_slow_motion_file_gets_the_rate_it_was_taken_with(tmp_path):
    path = write_video(tmp_path / "slow.mkv", [i / 30 for i in range(12)])
    film = read_video(path, fps=240)
    assert film.frames.times_ns * 1e-9 == pytest.approx(np.arange(12) / 240)
    assert film.fps == pytest.approx(240)
    cut = read_video(path, fps=240, start_s=2 / 240, end_s=4.5 / 240)
    assert brightness(cut.frames) == [2, 3, 4]
    assert cut.frames.times_ns[0] * 1e-9 == pytest.approx(2 / 240)


def test_a_part_of_a_film_keeps_the_films_time(tmp_path):
    path = write_video(tmp_path / "a.mkv", [i * 0.1 for i in range(10)])
    film = read_video(path, start_s=0.3, end_s=0.6)
    assert brightness(film.frames) == [3, 4, 5, 6]
    assert film.frames.times_ns.tolist() == [300_000_000, 400_000_000, 500_000_000, 600_000_000]
    with pytest.raises(ValueError, match="no picture between"):
        read_video(path, start_s=5)


@pytest.mark.parametrize(
    ("rotation", "bright"), [(0, (0, 0)), (-90, (0, 1)), (90, (1, 0)), (180, (1, 1))]
)
def test_a_phone_held_upright_gives_upright_pictures(tmp_path, rotation, bright):
    """-90 is what a phone held upright notes: show it turned to the right."""
    film = read_video(write_video(tmp_path / "a.mp4", [0, 0.04], rotation=rotation))
    height, width = film.frames.luma.shape[1:]
    assert (width, height) == ((64, 32) if rotation in (0, 180) else (32, 64))
    quarters = film.frames.luma[0].reshape(2, height // 2, 2, width // 2).mean(axis=(1, 3))
    assert np.unravel_index(quarters.argmax(), (2, 2)) == bright


def test_a_film_too_large_for_memory_is_halved_and_says_so(tmp_path):
    path = write_video(tmp_path / "a.mkv", [i * 0.1 for i in range(8)])
    film = read_video(path, max_bytes=3 * 64 * 32)
    assert film.frames.luma.shape == (8, 16, 32)
    assert film.scale == 0.5
    assert brightness(film.frames) == list(range(8))
    assert read_video(path, max_bytes=64 * 32).scale == 0.25


def test_ten_bit_pictures_become_eight_bit_ones(tmp_path):
    path = tmp_path / "hdr.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p10le"
        grey = av.VideoFrame.from_ndarray(np.full((48, 64), 128, np.uint8), format="yuv420p")
        container.mux(stream.encode(grey.reformat(format="yuv420p10le")))
        container.mux(stream.encode())
    assert read_video(path).frames.luma.mean() == pytest.approx(128, abs=3)


def test_a_film_that_breaks_off_gives_what_came_before(tmp_path):
    whole = write_video(tmp_path / "whole.mkv", [i * 0.04 for i in range(12)], size=(320, 240))
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    film = read_video(broken)
    assert 2 <= len(film.frames.luma) < 12
    assert brightness(film.frames) == list(range(len(film.frames.luma)))


def test_what_is_not_a_film_is_one_clear_line(tmp_path):
    whole = write_video(tmp_path / "whole.mp4", [i * 0.04 for i in range(12)])
    headless = whole.read_bytes()[: whole.stat().st_size // 2]
    for name, data, said in (
        ("notes.txt", b"seven point two seconds\n" * 20, "not a video"),
        ("notes.mp4", b"seven point two seconds\n" * 20, "not a video"),
        ("empty.mp4", b"", "not a video"),
        ("headless.mp4", headless, "not a video, or one that breaks off"),
        ("photo.png", None, "a photograph"),
        ("nowhere.mp4", None, "No such file"),
        ("folder.mp4", None, "Is a directory"),
    ):
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        elif name == "photo.png":
            cv2.imwrite(str(path), np.zeros((8, 8), np.uint8))
        elif name == "folder.mp4":
            path.mkdir()
        for read in (read_video, read_sound):
            with pytest.raises(ValueError, match=said) as problem:
                read(path)
            assert name in str(problem.value)
            assert "\n" not in str(problem.value)


def test_a_rate_must_be_a_rate(tmp_path):
    with pytest.raises(ValueError, match="fps"):
        read_video(write_video(tmp_path / "a.mkv", [0, 0.1]), fps=0)


def test_sound_is_on_the_clock_of_the_pictures(tmp_path):
    path = write_video(tmp_path / "beep.mkv", [0.5, 0.6, 0.7], beep_s=1.25)
    samples, rate, start_s = read_sound(path)
    assert rate == 8000
    assert samples.dtype == np.float32
    assert start_s == pytest.approx(-0.5, abs=0.002)
    beep_s = start_s + np.argmax(np.abs(samples) > 0.1) / rate
    assert beep_s == pytest.approx(1.25 - 0.5, abs=0.002)
    assert samples[-1] == pytest.approx(12000 / 32768, rel=0.02)


def test_a_silent_film_has_no_sound(tmp_path):
    assert read_sound(write_video(tmp_path / "a.mkv", [0, 0.1])) is None


@needs_footage
@pytest.mark.parametrize(
    ("name", "frames", "fps"),
    [("plank_floor_to_standing", 828, 29.97), ("supine_side_on", 232, 23.976)],
)
def test_real_films_are_read_whole(name, frames, fps):
    film = read_video(FOOTAGE / f"{name}.mp4")
    assert len(film.frames.luma) == frames
    assert film.fps == pytest.approx(fps, rel=1e-3)
