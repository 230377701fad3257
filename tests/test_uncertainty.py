"""What every ± is made of."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from pi.cli import main
from pi.rep import analyse
from pi.simulate import Conditions, simulate_clip
from pi.uncertainty import ADVICE, combined, explained, lines, listed


@pytest.fixture(scope="module")
def result():
    clip = simulate_clip("prone", seed=7, duration_s=5.0, conditions=Conditions(exposure_s=0.004))
    return analyse(
        clip.frames, clip.signal_ns, cones=clip.cones, posture="prone", buzzer_distance_m=4.0,
        u_go_s=0.0009,
    ).result  # fmt: skip


def test_independent_parts_add_as_squares():
    assert combined({"pixel": 0.003, "scale": 0.004}) == pytest.approx(0.005)


def test_the_largest_part_comes_first_and_none_is_told_where_one_is_unknown():
    assert [p["part"] for p in listed({"pixel": 0.001, "scale": 0.004})] == ["scale", "pixel"]
    assert listed({"pixel": float("nan")}) == []


def test_every_uncertainty_is_the_root_of_its_parts(result):
    found = list(lines(result))
    assert {line.name for line in found} >= {
        "reaction",
        "onset",
        "on the feet",
        "5 m",
        "peak speed",
    }
    for line in found:
        total = np.sqrt(sum(part["u"] ** 2 for part in line.parts))
        assert total == pytest.approx(line.u, rel=0.02, abs=1e-4), line.name


def test_go_exposure_sound_and_frame_time_are_parts_of_the_reaction(result):
    parts = {part["part"]: part["u"] for part in result["budget"]["reaction_s"]}
    assert parts["GO"] == pytest.approx(0.0009)
    assert parts["exposure"] == pytest.approx(0.004 / np.sqrt(12), rel=0.01)
    assert parts["sound"] == pytest.approx(0.05 * 4.0 / 343.4, rel=0.01)
    assert parts["frame time"] == pytest.approx(1 / 120 / np.sqrt(24), rel=0.01)


def test_the_table_fits_a_terminal_and_says_what_would_help(result):
    table = explained(result)
    assert max(len(line) for line in table.splitlines()) <= 90
    assert "reaction: " in table
    assert "smaller by: " in table


def test_every_part_has_its_advice(result):
    assert {part["part"] for line in lines(result) for part in line.parts} <= set(ADVICE)


def test_explain_takes_the_json_of_a_result(result, tmp_path):
    file = tmp_path / "rep.json"
    file.write_text(json.dumps(result))
    told = CliRunner().invoke(main, ["explain", str(file)])
    assert told.exit_code == 0
    assert "frame time" in told.output


def test_explain_tells_in_a_line_what_is_no_result(tmp_path):
    file = tmp_path / "no.json"
    file.write_text("[]")
    told = CliRunner().invoke(main, ["explain", str(file)])
    assert told.exit_code == 2
    assert "not the JSON of a result" in told.output


def test_a_rep_in_which_nobody_moved_has_nothing_to_explain():
    clip = simulate_clip("prone", seed=7, duration_s=4.0, ending="no_movement")
    answer = analyse(clip.frames, clip.signal_ns, cones=clip.cones).result
    assert "nothing to explain" in explained(answer)
