"""A session's order and what its numbers can tell. Numbers in, numbers out: no store, no page.

What is compared is one athlete with himself. A difference inside its uncertainty is none.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from random import Random
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import stats

Kind = tuple[str, str]  # posture, leg that leads

USUAL_SPREAD_S = 0.025
"""Standard deviation of one athlete's reaction times from start to start, where too few are there
to know it: 20 to 30 ms is what is usually found."""
KNOWN_FROM = 6  # starts from which the athlete's own spread is believed
SURE = 0.95
POWER = 0.80
MOST = 99  # more starts than this nobody makes
SPREAD_FROM = 3  # starts: from fewer nobody knows how much they vary

Who = TypeVar("Who", bound=Hashable)


class Planned(NamedTuple):
    """One start of the plan."""

    athlete: int | None
    posture: str
    lead_leg: str


def plan(athletes: Sequence[int | None], starts: Sequence[Kind]) -> list[Planned]:
    """Everybody's first start, then everybody's second: whoever ran walks back while others run."""
    return [Planned(athlete, *start) for start in starts for athlete in athletes]


def joined(
    waiting: Sequence[Planned], athlete: int, starts: Sequence[Kind]
) -> list[tuple[int, Planned]]:
    """Where the starts of a late-comer go among those that wait: (index in `waiting`, start).

    One after each round of the others that is left, the rest at the end; a turn at index k comes
    before the one that is now there.
    """
    ends: list[int] = []
    seen: set[int | None] = set()
    for k, turn in enumerate(waiting):
        if turn.athlete in seen:  # has been up since the round began: this is the next one
            ends.append(k)
            seen = set()
        seen.add(turn.athlete)
    places = (ends + [len(waiting)] * len(starts))[: len(starts)]
    return [(at, Planned(athlete, *start)) for at, start in zip(places, starts, strict=True)]


class Known(NamedTuple):
    """A number of several starts: their median, and how it is known."""

    value: float  # NaN when there is none
    u: float
    spread: float  # standard deviation from start to start, NaN for fewer than two
    starts: int


def summary(values: Sequence[float], u: Sequence[float], usual: float = USUAL_SPREAD_S) -> Known:
    """Median of an athlete's starts with its standard uncertainty.

    values, u : (k,) s, with the uncertainty that each was measured with.
    The median of k normal values is known to sqrt(pi / 2) of the mean's uncertainty for many k
    (Kenney & Keeping 1962), to the mean's for one or two.
    """
    kept = np.asarray(values, float)
    count = len(kept)
    if not count:
        return Known(math.nan, math.nan, math.nan, 0)
    spread = float(np.std(kept, ddof=1)) if count > 1 else math.nan
    believed = spread if count >= KNOWN_FROM else max(usual, spread if count > 1 else 0.0)
    measured = float(np.sqrt(np.mean(np.square(np.asarray(u, float)))))
    factor = 1.0 if count < 3 else math.sqrt(math.pi / 2)
    u_median = factor * math.hypot(believed, measured) / math.sqrt(count)
    return Known(float(np.median(kept)), u_median, spread, count)


class Comparison(NamedTuple):
    """Two kinds of starts of one athlete."""

    difference: float  # s, first less second; NaN when one has no start
    u: float
    told: bool  # whether the difference can be told from chance
    more: int | None  # starts of each kind that would tell so large a difference; None: too many


def compare(
    first: Sequence[float],
    second: Sequence[float],
    blocks: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
) -> Comparison:
    """Whether an athlete is quicker from one kind of start than from the other.

    blocks : of each start, what it is compared within: legs within a posture, since who led with
    the left from the back and with the right from the plank has told nothing of his legs. None for
    all alike.
    Least squares with a level for each block, and Student's t at 95 %; the usual spread where the
    athlete's own is not known yet. `more` is the number of starts of each kind, beyond the fewer of
    those made, for which a difference as large as this one would be told in 80 % of sessions:
    2 ((z_0.975 + z_0.8) s / d)² of each (Cohen, Statistical Power Analysis, 1988).
    NaN where nothing can be compared.
    """
    nothing = Comparison(math.nan, math.nan, False, None)
    if not (len(first) and len(second)):
        return nothing
    values = np.array([*first, *second], float)
    is_first = np.repeat([1.0, 0.0], [len(first), len(second)])
    within = [*blocks[0], *blocks[1]] if blocks else [None] * len(values)
    levels = [[float(one == level) for one in within] for level in dict.fromkeys(within)]
    design = np.array([is_first, *levels]).T
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return nothing
    answer = np.linalg.lstsq(design, values, rcond=None)[0]
    difference = float(answer[0])
    free = len(values) - design.shape[1]
    own = math.sqrt(float(np.sum((values - design @ answer) ** 2)) / free) if free else 0.0
    known = free >= KNOWN_FROM - 2
    spread = own if known else max(USUAL_SPREAD_S, own)
    u = spread * math.sqrt(float(np.linalg.inv(design.T @ design)[0, 0]))
    sure = (1 + SURE) / 2
    limit = float(stats.t.ppf(sure, free) if known else stats.norm.ppf(sure))
    repeated = min(len(first), len(second)) > 1  # one start of a kind tells nothing of the kind
    if repeated and u > 0 and abs(difference) > limit * u:
        return Comparison(difference, u, True, 0)
    reach = float(stats.norm.ppf(sure) + stats.norm.ppf(POWER))
    wanted = 2 * (reach * spread / difference) ** 2 if difference else math.inf
    more = max(1, math.ceil(wanted) - min(len(first), len(second))) if wanted <= MOST else None
    return Comparison(difference, u, False, more)


def improved(now: Known, before: Known) -> Known:
    """How much quicker an athlete is than before: seconds gained, with their uncertainty."""
    return Known(
        before.value - now.value,
        math.hypot(now.u, before.u),
        math.nan,
        min(now.starts, before.starts),
    )


class Felt(NamedTuple):
    """How well the body knew."""

    right: int
    of: int  # starts of which it was said


def felt(said: Sequence[str], values: Sequence[float], u: Sequence[float]) -> Felt:
    """Compare what was felt with times: quicker, same, slower than before; "" for not asked.

    said, values, u : (k,) of one athlete's starts of one posture, in their order.
    """
    right = of = 0
    for k in range(1, len(values)):
        difference, u_difference = values[k] - values[k - 1], math.hypot(u[k], u[k - 1])
        if not said[k]:
            continue
        same = abs(difference) <= u_difference
        truth = "same" if same else "quicker" if difference < 0 else "slower"
        right += said[k] == truth
        of += 1
    return Felt(right, of)


def consistency(
    values: Sequence[float], u: Sequence[float], within: Sequence[Hashable] | None = None
) -> Known | None:
    """How much an athlete's starts vary from one to the next, beyond what measuring them adds.

    values, u : (k,) s, with the uncertainty that each was measured with.
    within : (k,) the kind of each, such as its posture: starts vary around the mean of their kind.
    The variance is the starts' own less the mean u², and never below 0. All of u is taken off,
    though some of it (the scale, the distance to the buzzer) is the same in each of an athlete's
    starts and makes none of their variance: the answer is rather too small than too large, by 3 ms
    of 25 where u is 12, and 59 % of such answers lie within their own u. A variance of n degrees of
    freedom is known to its sqrt(2 / n) (Kenney & Keeping 1951); u is half of what that is in the
    standard deviation, and never less than it is upwards. `spread` is what was seen, with what
    measuring adds.   None for fewer than 3 starts.
    """
    kinds = list(within) if within is not None else [None] * len(values)
    groups = [
        [value for value, each in zip(values, kinds, strict=True) if each == kind]
        for kind in dict.fromkeys(kinds)
    ]
    free = len(values) - len(groups)
    if free < SPREAD_FROM - 1:
        return None
    seen = sum(float(np.sum(np.square(np.subtract(own, np.mean(own))))) for own in groups) / free
    measured = float(np.mean(np.square(np.asarray(u, float))))
    true, doubt = max(seen - measured, 0.0), max(seen, measured) * math.sqrt(2 / free)
    value, most, least = (math.sqrt(max(each, 0.0)) for each in (true, true + doubt, true - doubt))
    return Known(value, max(most - value, (most - least) / 2), math.sqrt(seen), len(values))


class Place(NamedTuple):
    """Where somebody stands among others."""

    number: int  # 1 + those who are clearly ahead
    equal: bool  # whether there is somebody from whom he is not clearly apart

    @property
    def label(self) -> str:
        return f"{self.number}{'=' if self.equal else ''}"


def places(known: Mapping[Who, tuple[float, float]], *, largest: bool = False) -> dict[Who, Place]:
    """Everybody's place by a number with its standard uncertainty, the smallest first.

    One is clearly ahead of another when they differ by more than hypot(u, u) of both. Who is
    clearly ahead of somebody is so of everybody whom that one is clearly ahead of, since
    hypot(a, b) + hypot(b, c) >= hypot(a, c): so whoever is clearly ahead has the better place, and
    two who have the same one cannot be told apart. Being equal does not carry over: with a and b
    equal, b and c too, and a ahead of c, they are 1=, 1= and 2=.
    Who has no number has no place, and nobody has one alone.   largest : the largest first.
    """
    sign = -1 if largest else 1
    told = {
        who: (sign * value, u)
        for who, (value, u) in known.items()
        if math.isfinite(value) and math.isfinite(u)
    }

    def ahead(one: Who, other: Who) -> bool:
        (a, u_a), (b, u_b) = told[one], told[other]
        return b - a > math.hypot(u_a, u_b)

    found = {}
    for who in told:
        others = [other for other in told if other != who]
        number = 1 + sum(ahead(other, who) for other in others)
        equal = any(not ahead(other, who) and not ahead(who, other) for other in others)
        found[who] = Place(number, equal)
    return found if len(found) > 1 else {}


def ranking(
    known: Mapping[Who, tuple[float, float]], most: int = 3, *, largest: bool = False
) -> list[tuple[str, Who]]:
    """The first places only, as `places` gives them: ("1", who), ("2=", who), …

    known : everybody's number with its standard uncertainty.   most : the last place that is told.
    Who shares a place shares it here too. Nobody who has the last place of all is told, so where
    nobody is clearly ahead of anybody the list is empty.
    """
    found = places(known, largest=largest)
    last = max((place.number for place in found.values()), default=1)
    first = [(place, who) for who, place in found.items() if place.number <= most]
    kept = [(place, who) for place, who in first if place.number < last]
    return [(place.label, who) for place, who in sorted(kept, key=lambda each: each[0])]


def dealt(athletes: Sequence[Who], teams: Sequence[str], random: Random) -> dict[Who, str]:
    """A team for each athlete, by lot: no team has two more than another.

    Which of the teams are larger by one is left to the lot too.   Raises ValueError for no team,
    or two of one name.
    """
    if not teams or len(set(teams)) < len(teams):
        raise ValueError("teams: one or more, each with a name of its own")
    order = random.sample(teams, len(teams))
    drawn = random.sample(list(dict.fromkeys(athletes)), len(set(athletes)))
    return {who: order[k % len(order)] for k, who in enumerate(drawn)}


class Made(NamedTuple):
    """What one athlete has made of the plan."""

    done: int
    planned: int
    gained: Known | None  # s quicker than before, as `improved` has it


class Total(NamedTuple):
    """What a team has made of the plan, fair to small teams: shares and means, no sums."""

    team: str
    athletes: int
    circuits: int  # athletes who made all their starts
    done: int  # starts
    planned: int
    share: float  # done of planned; NaN where none was planned
    gained: Known  # mean gain of those who have one (`starts` is how many), NaN where nobody has


def totals(teams: Mapping[Who, str], made: Mapping[Who, Made]) -> list[Total]:
    """Every team's total, in the order in which the teams first come.

    made : by athlete; whoever is in no team counts for none, whoever made nothing known is left
    out. The mean of n gains is known to sqrt(Σ u²) / n.   `places` of {team: (gained.value,
    gained.u)} tells which teams differ.
    """
    found = []
    for team in dict.fromkeys(teams.values()):
        own = [made[who] for who, each in teams.items() if each == team and who in made]
        done, planned = sum(each.done for each in own), sum(each.planned for each in own)
        gains = [each.gained for each in own if each.gained and math.isfinite(each.gained.value)]
        count = len(gains)
        mean, u = math.nan, math.nan
        if count:
            mean = sum(each.value for each in gains) / count
            u = math.hypot(*(each.u for each in gains)) / count
        found.append(
            Total(
                team,
                len(own),
                sum(each.done >= each.planned > 0 for each in own),
                done,
                planned,
                done / planned if planned else math.nan,
                Known(mean, u, math.nan, count),
            )
        )
    return found
