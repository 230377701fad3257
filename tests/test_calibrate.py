"""The command `trackstart calibrate`, as a coach at a desk uses it."""

import json

import cv2
import numpy as np
import pytest
from cameras import SIZE
from test_charuco import LENS as BOARD_LENS
from test_charuco import PLACES, TURNS, shown
from test_cli import refused, run, write_film
from test_marks import needs_tags, tags_on_the_line
from test_set_up import LENS, Camera, scene, tapped

from pi.calibration import line_from


def answer(*words):
    status, said, error = run("calibrate", *words, "--json")
    assert status == 0, error
    return json.loads(said)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A photograph of three cones, their file as it was tapped, and a lens file."""
    folder = tmp_path_factory.mktemp("desk")
    camera, picture = scene()
    cv2.imwrite(str(folder / "cones.png"), picture)
    (folder / "cones.json").write_text(json.dumps({"cones": tapped(camera)}))
    lens = {"lens": {**LENS.told(), "size": list(SIZE)}}
    (folder / "lens.json").write_text(json.dumps(lens))
    return folder, camera


def horizon_of(camera):
    return ",".join(f"{each:.3f}" for each in camera.pixel([-3e5, 4e5], 0.0, -1e6).ravel())


def test_tapped_cones_become_a_file_that_undoes_lens_and_level(desk):
    folder, camera = desk
    told = answer(
        folder / "cones.png", "--cones", folder / "cones.json", "--lens", folder / "lens.json",
        "--horizon", horizon_of(camera), "-o", folder / "out.json",
    )  # fmt: skip
    assert all(3 < moved < 10 for moved in told["moved_px"])
    assert told["u_m"] < 0.01
    kept = json.loads((folder / "out.json").read_text())
    assert kept == told["calibration"]
    assert camera.error_m(line_from(kept)) < 0.015
    # what it wrote it reads again, and finds nothing more to move
    again = answer(folder / "cones.png", "--cones", folder / "out.json")
    assert max(again["moved_px"]) < 0.3
    assert again["px_per_m"] == pytest.approx(told["px_per_m"], abs=0.3)


def test_a_film_will_do_and_the_words_say_what_it_is_like(desk, tmp_path):
    folder, _ = desk
    picture = cv2.imread(str(folder / "cones.png"), cv2.IMREAD_GRAYSCALE)
    film = write_film(tmp_path / "cones.mp4", np.repeat(picture[None], 40, axis=0))
    status, said, _ = run(
        "calibrate", film, "--cones", folder / "cones.json", "--lens", "v3", "--depth", "0.3"
    )
    assert status == 0
    assert "running to the right" in said
    assert "mark     5 m" in said
    assert "published figures" in said


@needs_tags
def test_tags_calibrate_without_a_tap(tmp_path):
    camera = Camera(LENS, yaw=5, roll=1.0, pitch=2.0)
    picture = tmp_path / "tags.jpg"
    cv2.imwrite(str(picture), tags_on_the_line(camera, (0, 2, 5), spacing=1.0))
    lens = tmp_path / "lens.json"
    lens.write_text(json.dumps(LENS.told()))
    told = answer(picture, "--tags", "--spacing", "1", "--lens", lens, "-o", tmp_path / "out.json")
    assert [cone["metres"] for cone in told["calibration"]["cones"]] == [0.0, 2.0, 5.0]
    assert told["calibration"]["roll_deg"] == pytest.approx(1.0, abs=0.5)
    assert camera.error_m(line_from(json.loads((tmp_path / "out.json").read_text()))) < 0.03


@needs_tags
def test_pictures_of_the_board_become_a_lens_file(tmp_path):
    names = []
    for i, (x, y) in enumerate(PLACES):
        names.append(tmp_path / f"board-{i}.png")
        cv2.imwrite(str(names[-1]), shown(BOARD_LENS, TURNS[i % len(TURNS)], (x, y, 0.55)))
    told = answer(*names, "--charuco", "-o", tmp_path / "lens.json")
    assert told["lens"]["focal_px"] == pytest.approx(BOARD_LENS.focal_px, rel=0.01)
    assert told["views"] == 12
    read = json.loads((tmp_path / "lens.json").read_text())
    assert read["lens"] == told["lens"]
    assert "of 10 views" in refused("calibrate", *names[:3], "--charuco")


@needs_tags
def test_the_sheet_is_printed_as_pdf_or_as_pictures(tmp_path):
    status, said, _ = run("calibrate", "--sheet", tmp_path / "marks.pdf")
    assert (status, said) == (0, "")
    assert (tmp_path / "marks.pdf").read_bytes().count(b"/Type /Page ") == 22
    run("calibrate", "--sheet", tmp_path / "marks.png", "--spacing", "1")
    assert len(list(tmp_path.glob("marks-*.png"))) == 22


def test_what_cannot_be_used_is_refused_in_one_line(desk, tmp_path):
    folder, _ = desk
    picture, cones = folder / "cones.png", folder / "cones.json"
    text = tmp_path / "text.png"
    text.write_text("no picture")
    small = tmp_path / "small.png"
    cv2.imwrite(str(small), np.zeros((100, 200), np.uint8))
    for words, said in (
        ((), "which picture"),
        ((picture,), "which marks"),
        ((tmp_path / "none.png", "--cones", cones), "No such file"),
        ((text, "--cones", cones), "text.png"),
        ((picture, "--cones", folder / "lens.json"), "not a cones file"),
        ((picture, "--cones", cones, "--lens", "v9"), "the presets are v1"),
        ((small, "--cones", cones, "--lens", folder / "lens.json"), "lens for pictures of"),
        ((small, "--cones", cones), "outside the picture"),
        ((picture, "--cones", cones, "--depth", "1"), "needs the lens"),
        ((picture, "--cones", cones, "--horizon", "1,2,3"), "u,v,u,v"),
        ((picture, picture, "--cones", cones), "one picture"),
        (("--sheet", tmp_path / "marks.doc"), ".pdf or .png"),
    ):
        assert said in refused("calibrate", *words), words


@needs_tags
def test_a_picture_without_tags_or_board_is_refused(desk):
    folder, _ = desk
    assert "no tags seen" in refused("calibrate", folder / "cones.png", "--tags")
    said = refused("calibrate", folder / "cones.png", "--charuco")
    assert "the board is in none of 1 pictures" in said


@pytest.mark.skipif(hasattr(cv2, "aruco"), reason="this OpenCV reads tags")
def test_an_opencv_without_tags_says_where_to_get_one(desk):
    folder, _ = desk
    assert "python3-opencv" in refused("calibrate", folder / "cones.png", "--tags")
