"""Postures, legs and holds: what every other part counts on finding there."""

from pi.drills import CIRCUIT, HOLDS, LEAD_LEGS, POSTURES
from pi.settings import hold_for


def test_the_four_postures_are_there_in_the_order_of_the_circuit():
    assert list(POSTURES) == ["supine", "prone", "plank", "standing"]
    assert all(posture.key == key for key, posture in POSTURES.items())


def test_an_athlete_is_told_in_a_line_and_a_coach_what_to_mind():
    for posture in POSTURES.values():
        assert len(posture.words) <= 90
        assert posture.words.endswith(".")
        assert posture.safety.endswith(".")
        assert posture.name == posture.name.strip().capitalize()


def test_lying_plank_and_standing_differ_in_height():
    ranges = {key: posture.height_ratio for key, posture in POSTURES.items()}
    assert all(0 < low < high < 1.2 for low, high in ranges.values())
    assert ranges["supine"] == ranges["prone"]
    assert ranges["prone"][1] <= ranges["plank"][0] < ranges["plank"][1] < ranges["standing"][0]


def test_each_hold_can_be_asked_for():
    kinds = [hold_for(hold.drill).kind for hold in HOLDS.values()]
    assert kinds == ["uniform", "non_ageing", "fixed", "coach"]


def test_the_circuit_is_two_of_each_with_either_leg():
    assert len(CIRCUIT) == 8
    assert [posture for posture, _ in CIRCUIT[::2]] == list(POSTURES)
    assert {leg for _, leg in CIRCUIT} == {"left", "right"} < set(LEAD_LEGS)
