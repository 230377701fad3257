"""A session's order and what its numbers can tell. Numbers in, numbers out: no store, no page.

What is compared is one athlete with himself. A difference inside its uncertainty is none.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

Start = tuple[str, str]  # posture, leg that leads

USUAL_SPREAD_S = 0.025
"""Standard deviation of one athlete's reaction times from start to start, where too few are there
to know it: 20 to 30 ms is what is usually found."""
KNOWN_FROM = 6  # starts from which the athlete's own spread is believed
SURE = 0.95
POWER = 0.80
MOST = 99  # more starts than this nobody makes


class Planned(NamedTuple):
    """One start of the plan."""

    athlete: int | None
    posture: str
    lead_leg: str


def plan(athletes: Sequence[int | None], starts: Sequence[Start]) -> list[Planned]:
    """Everybody's first start, then everybody's second: whoever ran walks back while others run."""
    return [Planned(athlete, *start) for start in starts for athlete in athletes]


def joined(
    waiting: Sequence[Planned], athlete: int, starts: Sequence[Start]
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
