"""The accuracy table's arithmetic, on misses made by hand."""

import json

import pytest
from click.testing import CliRunner

from pi.bench import Case, bench, figures, films, grid, misses, run_film, summary, worse_than
from pi.cli import main
from pi.simulate import simulate_clip, write_film

RESULT = {
    "status": "measured",
    "reaction_s": {"value": 0.25, "u": 0.004},
    "up_s": {"value": None, "u": None},
    "splits": [{"metres": 1.0, "from_signal_s": 1.31, "u": 0.02}],
    "peak_speed": {"value": 6.0, "u": 0.1, "at_m": 5.0},
    "mean_acceleration": {"first_second": {"value": None, "u": None}},
    "track": {"time_s": [1.0, 1.1, 1.2], "speed_m_s": [3.1, 3.1, 3.1]},
}
TRUTH = {
    "status": "measured",
    "reaction_s": 0.247,
    "reaction_span_s": {"5mm": 0.24, "10mm": 0.247, "20mm": 0.256},
    "up_s": 0.9,
    "splits": [{"metres": 1.0, "from_signal_s": 1.30}],
    "peak_speed": {"value": 5.8, "at_m": 5.5},
    "track": {"time_s": [0.0, 2.0], "speed_m_s": [3.0, 3.0]},
}


def row(**changes):
    result = RESULT | changes
    return {**Case("prone", "clean", 1, 120.0, 1)._asdict(), **misses(result, TRUTH, 1 / 120)}


def test_a_miss_is_measured_minus_true():
    one = row()
    assert one["reaction"]["miss"] == pytest.approx(0.003)
    assert one["splits"]["1"]["miss"] == pytest.approx(0.01)
    assert one["peak_speed"]["miss"] == pytest.approx(0.2)
    assert one["speed_rms"] == pytest.approx(0.1)
    assert one["status_right"]


def test_what_was_not_measured_is_no_miss():
    one = row(reaction_s={"value": None, "u": None})
    assert one["reaction"] is None
    assert one["up"] is None
    assert not one["reaction_right"]


@pytest.mark.parametrize(
    ("value", "right"), [(0.230, False), (0.233, True), (0.264, True), (0.27, False)]
)
def test_right_is_inside_the_span_give_or_take_a_frame(value, right):
    assert row(reaction_s={"value": value, "u": 0.004})["reaction_right"] == right


def test_the_summary_counts_bias_spread_and_who_lies_within_u():
    off = [-0.009, 0.002, 0.004, 0.006, 0.030]
    rows = [row(reaction_s={"value": 0.247 + miss, "u": 0.005}) for miss in off]
    found = summary(rows)["first_movement"]
    assert found["n"] == 5
    assert found["bias"] == pytest.approx(0.004)
    assert found["spread"] == pytest.approx(1.4826 * 0.002)
    assert found["inside_u"] == pytest.approx(0.4)
    assert found["inside_2u"] == pytest.approx(0.8)


def test_the_quick_grid_is_part_small_and_holds_every_posture():
    quick, whole = grid(quick=True), grid(quick=False)
    assert {case.posture for case in quick} == {case.posture for case in whole}
    assert len(quick) < len(whole) / 3
    assert len({case.seed for case in quick}) == len(quick)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A film of a start at 60 frames a second in a small picture, with its truth."""
    where = tmp_path_factory.mktemp("films")
    clip = simulate_clip("prone", seed=7, fps=60.0, size=(640, 360), duration_s=5.0)
    write_film(clip, where, "one", fps=60.0, about={"condition": "film"})
    return where


def test_a_film_is_measured_against_the_truth_beside_it(folder):
    found = run_film(folder / "one.mp4")
    assert found["status_right"]
    assert found["condition"] == "film"
    assert abs(found["reaction"]["miss"]) < 0.03
    assert abs(found["splits"]["5"]["miss"]) < 0.02


def test_what_the_truth_does_not_tell_is_not_scored(folder, tmp_path):
    for part in ("mp4", "cones.json"):
        (tmp_path / f"two.{part}").write_bytes((folder / f"one.{part}").read_bytes())
    (tmp_path / "two.truth.json").write_text(json.dumps({"signal": {"time_s": 2.0}}))
    report = bench(against=tmp_path, workers=1)
    assert report["codec"]
    assert report["all"]["first_movement"]["right"] is None
    assert report["all"]["splits"]["5"]["n"] == 0


def test_a_folder_without_films_is_told_in_a_line(tmp_path):
    with pytest.raises(ValueError, match=r"no NAME\.mp4"):
        films(tmp_path)


def test_a_film_without_the_instant_of_its_signal_is_told(folder, tmp_path):
    (tmp_path / "x.mp4").write_bytes((folder / "one.mp4").read_bytes())
    (tmp_path / "x.truth.json").write_text("{}")
    with pytest.raises(ValueError, match="signal_s"):
        run_film(tmp_path / "x.mp4")


def report_of(**changes):
    return {"all": summary([row(**changes) for _ in range(4)])}


def test_what_got_worse_than_on_record_is_told():
    record = figures(report_of())
    assert worse_than(record, record) == []
    late = figures(report_of(reaction_s={"value": 0.29, "u": 0.004}))
    told = worse_than(late, record)
    assert any("first movement RMS" in line for line in told)
    assert any("wrong first movement" in line for line in told)


def test_what_is_not_measured_any_more_is_worse():
    record = figures(report_of())
    gone = figures(report_of(reaction_s={"value": None, "u": None}))
    assert any("not measured any more" in line for line in worse_than(gone, record))


def test_a_figure_worse_than_on_record_is_exit_1(folder, tmp_path):
    """What .ci/run relies on: the comparison can fail."""
    record = tmp_path / "record.json"
    runner = CliRunner()
    asked = ["bench", "--against", str(folder), "--jobs", "1", "--record", str(record)]
    kept = runner.invoke(main, [*asked, "--keep"])
    assert kept.exit_code == 0
    figures_kept = json.loads(record.read_text())
    assert runner.invoke(main, asked).exit_code == 0
    figures_kept["5 m RMS, s"] = {"value": 0.0, "may": 0.0}
    record.write_text(json.dumps(figures_kept))
    told = runner.invoke(main, asked)
    assert told.exit_code == 1
    assert "worse than on record: 5 m RMS" in told.output
