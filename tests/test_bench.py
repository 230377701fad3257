"""The accuracy table's arithmetic, on misses made by hand."""

import pytest

from pi.bench import Case, grid, misses, summary

RESULT = {
    "status": "measured",
    "reaction_s": {"value": 0.25, "u": 0.004},
    "up_s": {"value": None, "u": None},
    "splits": [{"metres": 1.0, "from_signal_s": 1.31, "u": 0.02}],
    "peak_speed": {"value": 6.0, "u": 0.1, "at_m": 5.0},
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
