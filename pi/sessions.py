"""A session's order and what its numbers can tell. Numbers in, numbers out: no store, no page.

What is compared is one athlete with himself. A difference inside its uncertainty is none.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from random import Random
from statistics import NormalDist, fmean, median
from typing import NamedTuple, TypeVar

from scipy.special import stdtrit

Kind = tuple[str, str]  # posture, leg that leads

USUAL_SPREAD_S = 0.025
"""Standard deviation of one athlete's reaction times from start to start, where too few are there
to know it: 20 to 30 ms is what is usually found."""
KNOWN_FROM = 6  # starts from which the athlete's own spread is believed
BELIEVED_FREE = 4  # degrees of freedom from which a spread of several kinds of starts is
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


# Stations: the timer is the first of them, and the teams go round


def rotation(
    teams: Sequence[str], stations: Sequence[str], number: int
) -> list[tuple[str, list[str]]]:
    """Who is where in a round, the first being 0: every station with its teams, several or none.

    In as many rounds as there are stations every team has been at each of them once.
    """
    there: list[tuple[str, list[str]]] = [(station, []) for station in stations]
    for team in teams:
        there[rounds_until(teams, len(stations), number, team)][1].append(team)
    return there


def rounds_until(teams: Sequence[str], stations: int, number: int, team: str) -> int:
    """How many rounds after that one a team is at the timer; 0 when it is there now."""
    return (teams.index(team) - number) % stations


def round_with_starts(
    teams: Sequence[str], stations: int, number: int, left: Collection[str]
) -> int:
    """That round, or the next with a start to make once the team at the timer has made all of its.

    left : teams that have a start left.   The round itself where none has, or where no team is at
    the timer: there are fewer teams than stations.
    """
    waits = {team: rounds_until(teams, stations, number, team) for team in teams}
    if 0 not in waits.values():
        return number
    return number + min((each for team, each in waits.items() if team in left), default=0)


class Known(NamedTuple):
    """A number of several starts: their median, and how it is known."""

    value: float  # NaN when there is none
    u: float
    spread: float  # standard deviation from start to start, NaN for fewer than two
    starts: int


def summary(values: Sequence[float], u: Sequence[float], usual: float = USUAL_SPREAD_S) -> Known:
    """Median of an athlete's starts with its standard uncertainty.

    values, u : (k,) s, with the uncertainty that each was measured with.
    """
    count = len(values)
    if not count:
        return Known(math.nan, math.nan, math.nan, 0)
    spread = math.sqrt(_squares(values) / (count - 1)) if count > 1 else math.nan
    believed = spread if count >= KNOWN_FROM else max(usual, spread if count > 1 else 0.0)
    measured = math.sqrt(fmean([each * each for each in u]))
    u_median = math.hypot(believed, measured) * math.sqrt(_median_variance(count))
    return Known(float(median(values)), u_median, spread, count)


def _squares(values: Sequence[float]) -> float:
    """Sum of squares about the mean."""
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values)


def _median_variance(count: int) -> float:
    """Variance of the median of so many normal values, in shares of theirs.

    The mean's for one or two, pi / 2 of it for many (Kenney & Keeping 1962); between, the sums of
    normal order statistics (Teichroew 1956) to 1 %.
    """
    if count < 3:
        return 1.0 / count
    return math.pi / 2 / (count + (0.48 if count % 2 else 1.3))


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
    Least squares with a level for each block. Each kind may spread in its own way: Welch's t at
    95 %, with the degrees of freedom of Satterthwaite (Biometrics 1946), and the usual spread for
    one that was seen to spread less in so few starts that chance can make it. Where a kind was not
    repeated within a block, one spread for both.
    `more` is the number of starts of each kind, beyond the fewer of those made, for which a
    difference as large as this one would be told in 80 % of sessions: 2 ((z_0.975 + z_0.8) s / d)²
    of each (Cohen, Statistical Power Analysis, 1988).   NaN where nothing can be compared.
    """
    kinds = (first, second)
    within = blocks or ([None] * len(first), [None] * len(second))
    cells: dict[Hashable, tuple[list[float], list[float]]] = {}
    for side in (0, 1):
        for value, block in zip(kinds[side], within[side], strict=True):
            cells.setdefault(block, ([], []))[side].append(value)
    both = [(a, b) for a, b in cells.values() if a and b]
    if not both:
        return Comparison(math.nan, math.nan, False, None)
    weights = [len(a) * len(b) / (len(a) + len(b)) for a, b in both]
    shares = [weight / math.fsum(weights) for weight in weights]
    apart = [fmean(a) - fmean(b) for a, b in both]
    difference = math.fsum(w * d for w, d in zip(shares, apart, strict=True))
    # What each kind's variance adds to that of the difference, and how well it is known.
    adds = [
        math.fsum(w * w / len(cell[side]) for w, cell in zip(shares, both, strict=True))
        for side in (0, 1)
    ]
    own = [[cell[side] for cell in cells.values() if cell[side]] for side in (0, 1)]
    squares = [math.fsum(map(_squares, cell)) for cell in own]
    free = [sum(len(values) - 1 for values in cell) for cell in own]
    if all(free):
        parts = [_Part(*part) for part in zip(adds, squares, free, strict=True)]
    else:
        left = math.fsum(w * (d - difference) ** 2 for w, d in zip(weights, apart, strict=True))
        parts = [_Part(sum(adds), sum(squares) + left, sum(free) + len(both) - 1)]
    u, limit = _u_and_limit(parts)
    repeated = min(len(first), len(second)) > 1  # one start of a kind tells nothing of the kind
    if repeated and abs(difference) > limit:
        return Comparison(difference, u, True, 0)
    spread = u / math.sqrt(sum(adds))
    normal = NormalDist()
    reach = normal.inv_cdf((1 + SURE) / 2) + normal.inv_cdf(POWER)
    wanted = 2 * (reach * spread / difference) ** 2 if difference else math.inf
    more = max(1, math.ceil(wanted) - min(len(first), len(second))) if wanted <= MOST else None
    return Comparison(difference, u, False, more)


class _Part(NamedTuple):
    """What one spread has to do with the uncertainty of a difference."""

    adds: float  # of its variance, to the difference's
    squares: float  # seen about the means
    free: int  # degrees of freedom
    least: float = 0.0  # s, no spread is smaller than what it was measured with

    @property
    def variance(self) -> float:
        usual = USUAL_SPREAD_S if self.free < BELIEVED_FREE else 0.0
        seen = self.squares / self.free if self.free else 0.0
        return max(seen, usual * usual, self.least * self.least)


def _u_and_limit(parts: Sequence[_Part]) -> tuple[float, float]:
    """Uncertainty of a difference, and what it has to exceed to be told from chance at 95 %.

    Welch and Satterthwaite; infinite where nothing was repeated, so that no spread was seen.
    """
    variances = [part.adds * part.variance for part in parts]
    u = math.sqrt(math.fsum(variances))
    if not (u and all(part.free for part in parts)):
        return u, math.inf
    doubt = math.fsum(v * v / part.free for v, part in zip(variances, parts, strict=True))
    return u, u * float(stdtrit(u**4 / doubt, (1 + SURE) / 2))


class Gain(NamedTuple):
    """How much quicker an athlete is than before."""

    value: float  # s gained
    u: float
    told: bool  # whether that can be told from chance
    starts: int  # of now, that could be compared


ByPosture = Mapping[str, Sequence[tuple[float, float]]]
"""Reactions with their u, both in s, by posture."""


def improved(now: ByPosture, before: ByPosture) -> Gain | None:
    """How much quicker an athlete is than before: like with like, posture by posture.

    The gain of a posture is the difference of the medians, and the whole the mean over the postures
    that both have, weighted by the starts made now: another mixture of postures than before is no
    gain and no loss. Each posture has its own spread, the same now and before. Told at 95 %, as in
    `compare`, where each of them was repeated.   None without such a posture.
    """
    cells = [(now[kind], before[kind]) for kind in now if now[kind] and before.get(kind)]
    if not cells:
        return None
    count = sum(len(new) for new, _ in cells)
    gained, parts = 0.0, []
    for cell in cells:
        new, old = ([value for value, _ in side] for side in cell)
        share = len(new) / count
        gained += share * (median(old) - median(new))
        adds = share * share * (_median_variance(len(new)) + _median_variance(len(old)))
        squares, free = _squares(new) + _squares(old), len(new) + len(old) - 2
        least = math.sqrt(fmean([u * u for side in cell for _, u in side]))
        parts.append(_Part(adds, squares, free, least))
    u, limit = _u_and_limit(parts)
    return Gain(gained, u, abs(gained) > limit, count)


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
    seen = math.fsum(map(_squares, groups)) / free
    measured = fmean([each * each for each in u])
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


class Turned(NamedTuple):
    """A planned start as it stands."""

    athlete: int | None
    state: str  # waiting | up | done | skipped | away
    status: str | None = None  # how the start ended that it became


class Timed(NamedTuple):
    """A measured reaction, neither early nor false."""

    athlete: int | None
    posture: str
    lead_leg: str
    value: float  # s
    u: float


class Progress(NamedTuple):
    """How far somebody has come with the plan."""

    planned: int  # starts
    made: int
    measured: int  # of those made: nobody moved in the others, or the pictures do not show it

    @property
    def complete(self) -> bool:
        """Whether every start of the plan was made, with a number to show for it."""
        return self.measured == self.planned > 0


def is_planned(state: str) -> bool:
    """Whether a turn in that state is to be made: not one that is skipped, or of an absent one."""
    return state not in ("skipped", "away")


def progress(turns: Sequence[Turned]) -> Progress:
    """How much of the plan was made."""
    planned = [turn for turn in turns if is_planned(turn.state)]
    made = [turn for turn in planned if turn.state == "done"]
    measured = sum(turn.status in ("measured", "early") for turn in made)
    return Progress(len(planned), len(made), measured)


class Own(NamedTuple):
    """What one athlete did in a session."""

    athlete: int | None
    progress: Progress
    reaction: Known
    gained: Gain | None
    consistent: Known | None  # from start to start, beyond measuring
    kinds: dict[Kind, Known]  # reaction, by posture and leg


def board(
    turns: Sequence[Turned], now: Sequence[Timed], before: Mapping[int | None, ByPosture]
) -> list[Own]:
    """What everybody did, in the order of the plan: nobody is first, and nobody last.

    now : of this session.   before : of earlier ones, by athlete.
    """
    planned: dict[int | None, list[Turned]] = {}
    made: dict[int | None, list[Timed]] = {turn.athlete: [] for turn in turns}
    for turn in turns:
        planned.setdefault(turn.athlete, []).append(turn)
    for one in now:
        if one.athlete in made:
            made[one.athlete].append(one)
    return [
        _own(athlete, progress(own), made[athlete], before.get(athlete, {}))
        for athlete, own in planned.items()
    ]


def _own(athlete: int | None, progress: Progress, now: Sequence[Timed], before: ByPosture) -> Own:
    values, u = [one.value for one in now], [one.u for one in now]
    postures: dict[str, list[tuple[float, float]]] = {}
    kinds: dict[Kind, list[Timed]] = {}
    for one in now:
        postures.setdefault(one.posture, []).append((one.value, one.u))
        kinds.setdefault((one.posture, one.lead_leg), []).append(one)
    return Own(
        athlete,
        progress,
        summary(values, u),
        improved(postures, before),
        consistency(values, u, [one.posture for one in now]),
        {
            kind: summary([one.value for one in own], [one.u for one in own])
            for kind, own in kinds.items()
        },
    )


class Total(NamedTuple):
    """What a team has made of the plan, fair to small teams: shares and means, no sums."""

    team: str
    athletes: int  # for whom something is planned
    circuits: int  # athletes who completed theirs
    made: int  # starts
    planned: int
    share: float  # made of planned; NaN where none was planned
    gained: Known  # mean gain of those who have one (`starts` is how many), NaN where nobody has
    place: str  # by gain: "1", "2="; "" where no team can be told from another


def totals(teams: Mapping[Who, str], told: Mapping[Who, Own]) -> list[Total]:
    """Every team's total, in the order in which the teams first come.

    told : by athlete, as `board` has it; whoever is in no team counts for none, nor who is absent
    or unknown. The mean of n gains is known to sqrt(Σ u²) / n.
    """
    found = []
    for team in dict.fromkeys(teams.values()):
        own = [told[who] for who, each in teams.items() if each == team and who in told]
        own = [each for each in own if each.progress.planned]
        made = sum(each.progress.made for each in own)
        planned = sum(each.progress.planned for each in own)
        gains = [each.gained for each in own if each.gained]
        mean, u = math.nan, math.nan
        if gains:
            mean = fmean(each.value for each in gains)
            u = math.hypot(*(each.u for each in gains)) / len(gains)
        found.append(
            Total(
                team,
                len(own),
                sum(each.progress.complete for each in own),
                made,
                planned,
                made / planned if planned else math.nan,
                Known(mean, u, math.nan, len(gains)),
                "",
            )
        )
    known = {each.team: (each.gained.value, each.gained.u) for each in found}
    labels = {team: place.label for team, place in places(known, largest=True).items()}
    return [each._replace(place=labels.get(each.team, "")) for each in found]
