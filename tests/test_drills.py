"""Postures, legs and holds: what every other part counts on finding there."""

from pi.drills import (
    CIRCUITS,
    FARTHEST_M,
    HOLDS,
    LEAD_LEGS,
    NOTES,
    POSTURES,
    own_posture,
    posture_of,
)
from pi.settings import hold_for


def test_the_four_postures_are_there_in_their_order():
    assert list(POSTURES) == ["supine", "prone", "plank", "standing"]
    assert all(posture.key == key for key, posture in POSTURES.items())


def test_an_athlete_is_told_in_a_line_and_a_coach_what_to_mind():
    for posture in POSTURES.values():
        assert len(posture.words) <= 90
        assert posture.words.endswith(".")
        assert posture.safety.endswith(".")
        assert posture.name == posture.name.strip().capitalize()


def test_of_a_posture_in_own_words_is_known_what_any_start_needs():
    own = posture_of(own_posture("  three  point "))
    assert own.key == own.name == "three point"
    assert own.safety.endswith("clear.")
    assert own.high_m == max(posture.high_m for posture in POSTURES.values())
    assert own.rhythm not in {posture.rhythm for posture in POSTURES.values()}
    assert posture_of("plank") is POSTURES["plank"]


def test_lying_plank_and_standing_differ_in_height():
    ranges = {key: posture.height_ratio for key, posture in POSTURES.items()}
    assert all(0 < low < high < 1.2 for low, high in ranges.values())
    assert ranges["supine"] == ranges["prone"]
    assert ranges["prone"][1] <= ranges["plank"][0] < ranges["plank"][1] < ranges["standing"][0]


def test_each_hold_can_be_asked_for():
    kinds = [hold_for(hold.drill).kind for hold in HOLDS.values()]
    assert kinds == ["uniform", "non_ageing", "fixed", "coach"]


def test_the_articles_circuit_is_two_of_each_lying_posture_with_either_leg():
    starts = CIRCUITS["article"].starts
    assert [posture for posture, _ in starts[::2]] == ["supine", "prone", "plank"]
    assert starts[::2] == tuple((posture, "left") for posture, _ in starts[1::2])
    assert [leg for _, leg in starts[1::2]] == ["right"] * 3


def test_no_circuit_runs_farther_than_the_articles_cap_and_each_can_be_run():
    for key, circuit in CIRCUITS.items():
        assert circuit.key == key
        assert 0 < circuit.distance_m <= FARTHEST_M == 100
        assert circuit.walk_back_s >= circuit.distance_m * 0.5, "nobody walks back faster"
        for posture, leg in circuit.starts:
            assert posture in POSTURES
            assert leg in LEAD_LEGS
        assert circuit.words.endswith(".")


def test_a_coachs_notes_fit_a_button_each_and_are_there_once():
    assert 6 <= len(NOTES) == len(set(NOTES)) <= 10
    assert all(1 <= len(words) <= 24 and words[0].isupper() for words in NOTES)
