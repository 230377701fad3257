"""Of several who started at once each has his own, and who is forgotten has nothing left."""

import copy
import json
from importlib.resources import files

import jsonschema
import pytest
from sample_reps import lanes_result, nothing_measured, sample_result

from pi.starts import NO_LANE, emptied, own_result, told_of, without

SCHEMA = json.loads(files("pi").joinpath("schema/rep-1.json").read_text(encoding="utf-8"))


def is_valid(result):
    jsonschema.validate(result, SCHEMA, jsonschema.Draft202012Validator)
    return True


def numbers(value):
    """Every number in a result, wherever it stands."""
    if isinstance(value, dict):
        return [one for item in value.values() for one in numbers(item)]
    if isinstance(value, list):
        return [one for item in value for one in numbers(item)]
    return [value] if isinstance(value, float) else []


def test_a_lane_is_told_as_if_its_athlete_had_been_alone():
    result = lanes_result(0.20, 0.30)
    his = own_result(result, 1, own=False)
    assert his["reaction_s"] == {"value": 0.30, "u": 0.006}
    assert his["capture"] == result["capture"]
    assert not {"athletes", "lane"} & his.keys()
    assert is_valid(his)
    assert own_result(result, 0, own=True)["reaction_s"]["value"] == 0.20


def test_a_lane_that_was_not_looked_at_is_told_without_a_number():
    result = sample_result(budget={"reaction_s": [{"part": "pixel", "u": 0.006}]}, truth={})
    his = own_result(result, 1, own=False)
    assert told_of(result, 1) is None
    assert (his["status"], his["reasons"]) == ("not_measurable", [NO_LANE])
    assert his["reaction_s"] == {"value": None, "u": None}
    assert his["track"]["time_s"] == []
    assert not {"budget", "truth"} & his.keys()
    assert is_valid(his)


def test_who_was_called_back_is_not_told_that_he_had_no_lane():
    back = nothing_measured("false_start", "somebody moved during the hold")
    assert own_result(back, 1, own=False) == back


@pytest.mark.parametrize(("gone", "own"), [({1}, 0), ({0}, 1), ({0, 1}, 2)])
def test_who_is_forgotten_leaves_no_number_and_the_others_keep_theirs(gone, own):
    reactions = (0.20137, 0.30237, 0.40337)
    result = lanes_result(*reactions)
    before = copy.deepcopy(result)
    left = without(result, gone, own, 0)
    assert result == before, "what was given stays as it is"
    assert is_valid(left)
    for lane, reaction in enumerate(reactions):
        assert (reaction in numbers(left)) == (lane not in gone)
    assert left["reaction_s"]["value"] == reactions[own]
    assert [each["lane"] for each in left["athletes"]] == ["1", "2", "3"]


def test_what_was_told_of_one_alone_is_empty_when_the_rep_becomes_anothers():
    left = without(sample_result(), {0}, 1, 0)
    assert left["status"] == "not_measurable"
    assert 0.243 not in numbers(left)
    assert is_valid(left)


@pytest.mark.parametrize(
    ("gone", "own", "was"), [({0}, 2, 2), ({2}, 0, 2), ({1}, 2, 2), ({0, 1}, 2, 2), ({0}, 1, 1)]
)
def test_whoevers_lane_the_rep_was_his_numbers_go_with_him_and_only_with_him(gone, own, was):
    reactions = (0.20137, 0.30237, 0.40337)
    result = lanes_result(*reactions)
    result |= {key: value for key, value in result["athletes"][was].items() if key != "lane"}
    left = without(result, gone, own, was)
    assert is_valid(left)
    assert left["reaction_s"]["value"] == reactions[own]
    for lane, reaction in enumerate(reactions):
        assert (reaction in numbers(left)) == (lane not in gone)


def test_what_was_nobodys_may_have_been_of_whoever_is_gone():
    left = without(sample_result(), {1}, None, None)
    assert left["status"] == "not_measurable"
    assert 0.243 not in numbers(left)
    assert is_valid(left)


def test_nothing_is_left_of_what_was_seen_but_the_recording_itself():
    told = emptied(lanes_result(0.2, 0.3), "why")
    kept = {"capture", "signal", "schema", "version", "algorithm"}
    assert numbers({key: value for key, value in told.items() if key not in kept}) == []
