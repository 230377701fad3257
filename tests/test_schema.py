"""The schema of a rep says what a rep may look like, and no more."""

import copy
import json
from importlib.resources import files

import jsonschema
import pytest

SCHEMA = json.loads(files("pi").joinpath("schema/rep-1.json").read_text(encoding="utf-8"))

FULL = {
    "schema": "trackstart.rep/1",
    "version": "0.1.0",
    "algorithm": "1",
    "status": "measured",
    "reasons": [],
    "warnings": [],
    "capture": {
        "fps": 120.0,
        "frames": 600,
        "dropped": 0,
        "exposure_s": 0.001,
        "px_per_m": 152.0,
    },
    "signal": {"time_s": 1.997, "hold_s": 2.41, "sound_delay_s": 0.012, "source": "gpio"},
    "posture": {"start": "prone", "given": None, "confidence": 0.97},
    "reaction_s": {"value": 0.243, "u": 0.006},
    "onset_s": {"value": 0.214, "u": 0.012},
    "up_s": {"value": 1.31, "u": 0.02},
    "steps": [
        {"contact_s": 1.02, "toe_off_s": 1.19, "x_m": 0.61, "u_x_m": 0.02, "leg": "left"},
        {"contact_s": 1.31, "toe_off_s": None, "x_m": 1.52, "u_x_m": 0.02, "leg": None},
    ],
    "splits": [{"metres": 5.0, "from_signal_s": 2.104, "from_movement_s": 1.861, "u": 0.007}],
    "peak_speed": {"value": 5.41, "u": 0.06, "at_m": 6.2},
    "mean_acceleration": {
        "first_second": {"value": 3.9, "u": 0.1},
        "three_steps": {"value": 4.2, "u": 0.2},
    },
    "profile": {
        "mss": {"value": 7.6, "u": 0.3},
        "mac": {"value": 5.8, "u": 0.15},
        "tau": {"value": 1.31, "u": 0.07},
        "starts_s": 0.42,
    },
    "track": {
        "time_s": [0.0, 0.1],
        "x_m": [0.0, None],
        "speed_m_s": [0.0, 0.1],
        "height_m": [0.2, 0.2],
    },
}


def accepts(rep) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(rep)


@pytest.fixture
def rep():
    return copy.deepcopy(FULL)


def keys(thing, path=()):
    """Every key of a nested object, as a path to it."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            yield (*path, key)
            yield from keys(value, (*path, key))
    elif isinstance(thing, list) and thing:
        yield from keys(thing[0], (*path, 0))


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_full_rep_is_accepted(rep):
    jsonschema.validate(rep, SCHEMA)


def test_a_simulated_rep_may_carry_its_truth(rep):
    assert accepts(rep | {"truth": {"reaction_s": 0.24, "splits": [{"metres": 5.0}]}})


def test_a_rep_of_several_has_each_of_them_whole(rep):
    kept = ("schema", "version", "algorithm", "capture")
    one = {key: value for key, value in rep.items() if key not in kept} | {"lane": "1"}
    assert accepts(rep | {"athletes": [one, one | {"lane": "2"}]})
    assert not accepts(rep | {"athletes": []})
    assert not accepts(rep | {"athletes": [one | {"status": "fine"}]})
    for key in one:
        assert not accepts(rep | {"athletes": [{k: v for k, v in one.items() if k != key}]})


@pytest.mark.parametrize("path", list(keys(FULL)), ids=lambda path: ".".join(map(str, path)))
def test_no_key_may_be_missing(rep, path):
    inside = rep
    for key in path[:-1]:
        inside = inside[key]
    del inside[path[-1]]
    assert not accepts(rep)


NOTHING = {"value": None, "u": None}
NO_PROFILE = {"mss": NOTHING, "mac": NOTHING, "tau": NOTHING, "starts_s": None}


@pytest.mark.parametrize(
    ("key", "nothing"),
    [
        ("reaction_s", NOTHING),
        ("onset_s", NOTHING),
        ("up_s", NOTHING),
        ("peak_speed", NOTHING | {"at_m": None}),
        ("mean_acceleration", {"first_second": {"value": 3.9, "u": 0.1}, "three_steps": NOTHING}),
        ("profile", NO_PROFILE),
        ("steps", []),
        ("splits", []),
        ("track", {"time_s": [], "x_m": [], "speed_m_s": [], "height_m": []}),
    ],
)
def test_what_was_not_measured_is_null_with_a_reason(rep, key, nothing):
    rep[key] = nothing
    assert not accepts(rep)
    assert accepts(rep | {"reasons": ["the athlete crept into the start"]})
    assert accepts(rep | {"warnings": ["no cones: nothing in metres"]})


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("status", "fine"),
        ("reaction_s", 0.243),
        ("reaction_s", None),
        ("reaction_s", {"value": 0.243, "u": -0.001}),
        ("reaction_s", {"value": 0.243, "u": None}),
        ("reaction_s", {"value": None, "u": 0.006}),
        ("peak_speed", {"value": 5.4, "u": 0.06}),
        ("reasons", "a sentence"),
        ("schema", "trackstart.rep/2"),
        ("mean_acceleration", None),
        ("posture", {"start": "seated", "given": None, "confidence": 0.9}),
        ("posture", {"start": "prone", "given": None, "confidence": 97}),
    ],
)
def test_a_wrong_value_is_refused(rep, key, wrong):
    rep["reasons"] = ["so that nothing but the value is wrong"]
    assert accepts(rep)
    rep[key] = wrong
    assert not accepts(rep)


def test_a_later_version_may_add_keys(rep):
    rep["wind"] = {"value": 0.3}
    rep["capture"]["lens"] = "wide"
    assert accepts(rep)
