"""Postures, lead legs, holds and notes, as data. Measures nothing and draws nothing."""

from collections.abc import Sequence
from typing import Any, NamedTuple

TALL_M = 2.0


class Posture(NamedTuple):
    """A way to lie or stand before the signal."""

    key: str
    name: str
    words: str  # to the athlete, one line
    safety: str
    # Height of the body in the picture over its standing height, at rest: what to expect.
    height_ratio: tuple[float, float]
    # How the box calls it on the marks, so that nobody has to look: - a long beep, . a short one.
    rhythm: str

    @property
    def high_m(self) -> float:
        """Higher than anybody reaches who lies or stands so, even the tallest."""
        return TALL_M * self.height_ratio[1]


POSTURES = {
    posture.key: posture
    for posture in (
        Posture(
            "supine",
            "On the back",
            "Lie on your back, legs straight, arms at your sides. Feet behind the line.",
            "On grass or a mat. Nothing hard near your head or elbows.",
            (0.08, 0.30),
            "-.",
        ),
        Posture(
            "prone",
            "On the belly",
            "Lie on your belly, hands beside your shoulders. Head behind the line.",
            "On grass or a mat. Look at the ground, not up, until GO.",
            (0.08, 0.30),
            ".-",
        ),
        Posture(
            "plank",
            "Tall plank",
            "Straight arms, hands under your shoulders, body in one line. Hands behind the line.",
            "Dry ground. Stop if your wrists or lower back hurt.",
            (0.30, 0.60),
            "--",
        ),
        Posture(
            "standing",
            "Standing",
            "One foot forward at the line, knees soft, weight on the front foot.",
            "Nobody in the lane, and room to slow down behind its end.",
            (0.75, 1.10),
            "-",
        ),
    )
}

OWN_LENGTH = 16
"""Letters of a posture in somebody's own words."""


def own_posture(words: str) -> str:
    """A posture in somebody's own words, as a rep keeps it; ValueError, a sentence, for none."""
    words = " ".join(words.split())
    if not 1 <= len(words) <= OWN_LENGTH:
        raise ValueError(f"A posture in your own words has 1 to {OWN_LENGTH} characters.")
    return words


def posture_of(key: str) -> Posture:
    """One of POSTURES, or what is known of one in own words: next to nothing."""
    return POSTURES.get(key) or Posture(
        key,
        key,
        "Begin as you agreed, behind the line, and be still.",
        "Check that the lane is clear.",
        (0.08, 1.10),
        "-.-",
    )


LEAD_LEGS = {"left": "Left leg first", "right": "Right leg first", "free": "Either leg first"}


class Hold(NamedTuple):
    """A way to let the athlete wait; `drill` is what request_rep() takes."""

    key: str
    name: str
    words: str
    drill: dict[str, str]


# Keys as in the settings' [hold]; a rep's drill may override any of them.
HOLDS = {
    hold.key: hold
    for hold in (
        Hold("random", "Random", "GO comes when nobody expects it.", {}),
        Hold(
            "steady",
            "Steady chance",
            "Random, and as likely at any moment: waiting longer tells nothing.",
            {"kind": "non_ageing"},
        ),
        Hold("watch", "Watch", "GO comes a fixed time after set.", {"kind": "fixed"}),
        Hold(
            "friend",
            "Coach says GO",
            "GO comes when the coach or a friend presses it.",
            {"kind": "coach"},
        ),
    )
}


class Circuit(NamedTuple):
    """Starts in their order, each as far as that, and the walk back before the next."""

    key: str
    name: str
    words: str  # what it is for, one line
    starts: tuple[tuple[str, str], ...]  # posture, leg that leads
    distance_m: int
    walk_back_s: int


FARTHEST_M = 100
"""A start drill is over after so far: farther is a run."""


MOST_STARTS = 8


def own_circuit(
    name: str, starts: Sequence[tuple[str, str]], distance_m: int, walk_back_s: int
) -> dict[str, Any]:
    """A circuit of somebody's own, as a session takes it; ValueError, a sentence, for none."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= 40:
        raise ValueError("A circuit's name has 1 to 40 characters.")
    if not 1 <= len(starts) <= MOST_STARTS:
        raise ValueError(f"A circuit has 1 to {MOST_STARTS} starts.")
    if any(not posture or leg not in LEAD_LEGS for posture, leg in starts):
        raise ValueError("Each start has a posture and a leg.")
    starts = [(own_posture(posture), leg) for posture, leg in starts]
    if not 5 <= distance_m <= FARTHEST_M:
        raise ValueError(f"A start is 5 to {FARTHEST_M} m: farther is a run.")
    if not 0 <= walk_back_s <= 600:
        raise ValueError("The walk back takes 0 to 600 s.")
    told = Circuit("own", name, "Your own.", tuple(starts), distance_m, walk_back_s)
    return told._asdict()


START_TIMER = "Start timer"
"""The first of the stations, in English: where the teams start, one after the other."""
MOST_STATIONS, MOST_MINUTES = 8, 60


def stations(others: Sequence[str], minutes: int, teams: Sequence[str]) -> dict[str, Any]:
    """Stations that teams go round, as a session keeps them; ValueError, a sentence, for none.

    others : the stations beside the timer.   minutes : of a round.   teams : in the order in which
    they come to the timer.
    """
    names = [START_TIMER, *(" ".join(name.split()) for name in others)]
    if not 2 <= len(names) <= MOST_STATIONS or len(set(names)) < len(names):
        raise ValueError(
            f"Beside the timer there are 1 to {MOST_STATIONS - 1} stations, each once."
        )
    if not all(1 <= len(name) <= 40 for name in names):
        raise ValueError("A station's name has 1 to 40 characters.")
    if not 1 <= minutes <= MOST_MINUTES:
        raise ValueError(f"A round takes 1 to {MOST_MINUTES} minutes.")
    if len(teams) < 2:
        raise ValueError("Stations are for teams: choose how many.")
    return {"names": names, "minutes": minutes, "teams": list(teams)}


def _both_legs(*postures: str) -> tuple[tuple[str, str], ...]:
    """Two of each posture; on the second of the two the other leg leads."""
    return tuple((posture, leg) for posture in postures for leg in ("left", "right"))


CIRCUITS = {
    circuit.key: circuit
    for circuit in (
        Circuit(
            "article",
            "The circuit",
            "Back, belly and plank, two of each, as stride-outs at the end of a run.",
            _both_legs("supine", "prone", "plank"),
            FARTHEST_M,
            90,
        ),
        Circuit(
            "short",
            "Short",
            "One of each lying start, to wake up before training.",
            (("supine", "left"), ("prone", "right"), ("plank", "left")),
            40,
            45,
        ),
        Circuit(
            "lesson",
            "PE lesson",
            "Belly and plank over 20 m: thirty pupils get round.",
            (("prone", "free"), ("plank", "free")),
            20,
            20,
        ),
        Circuit(
            "standing",
            "Sprint starts",
            "From standing, without blocks, each leg in front twice.",
            _both_legs("standing", "standing"),
            30,
            120,
        ),
    )
}

CUES = ("Run tall", "Lean like a trust fall", "Land under the body", "Neutral spine")
"""What an athlete may work on, two at most: more is overthinking."""
MOST_CUES = 2

NOTES = (
    "Looked up before GO",
    "Hands pushed",
    "Stood up too early",
    "Long first step",
    "Short quick steps",
    "Slipped",
    "Did not go all out",
    "Great start",
)
"""What a coach says of a start, to be tapped beside it."""
