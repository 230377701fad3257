"""Small films of simulated starts, and what is told of them; each is made once for all tests."""

import functools
import json
from importlib.resources import files
from typing import Any, NamedTuple

import jsonschema

from pi.rep import analyse
from pi.simulate import Clip, simulate_clip

SIZE = (640, 360)
FPS = 120.0
SIGNAL_S = 2.0

SCHEMA = json.loads(files("pi").joinpath("schema/rep-1.json").read_text(encoding="utf-8"))


class Told(NamedTuple):
    """What is told of a film, what was kept of it, and what is true."""

    result: dict[str, Any]
    evidence: dict[str, bytes]
    truth: dict[str, Any]
    cones: list[dict[str, Any]]


def film(posture, *, seed=7, **wanted) -> Clip:
    """A start in a picture of a quarter of the usual size, 5 s of it."""
    wanted = {"size": SIZE, "fps": FPS, "signal_s": SIGNAL_S, "duration_s": 5.0} | wanted
    return simulate_clip(posture, seed=seed, **wanted)


@functools.cache
def told(posture, *, seed=7, **wanted) -> Told:
    """The film of a start, measured; the pictures themselves are not kept. Not to be changed."""
    clip = film(posture, seed=seed, **wanted)
    answer = analyse(clip.frames, clip.signal_ns, cones=clip.cones, posture=posture)
    valid(answer.result)
    return Told(answer.result, answer.evidence, clip.truth, clip.cones)


def valid(result):
    """The result, which is what the schema says a rep looks like; or the test fails here."""
    json.dumps(result, allow_nan=False)
    jsonschema.validate(result, SCHEMA)
    return result


def near(measured, true, *, times=3.0):
    """Whether a number lies within so many of its own standard uncertainties of the truth."""
    return abs(measured["value"] - true) <= times * measured["u"]
