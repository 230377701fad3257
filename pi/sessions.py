"""A session's order and what its numbers can tell. Numbers in, numbers out: no store, no page.

What is compared is one athlete with himself, over the same posture; groups get what is fair to
everybody first. A difference inside its uncertainty is a tie.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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


class Turn(NamedTuple):
    """One planned start."""

    athlete: int | None
    posture: str
    lead_leg: str


def plan(athletes: Sequence[int | None], starts: Sequence[Start]) -> list[Turn]:
    """Everybody's first start, then everybody's second: whoever ran walks back while others run."""
    return [Turn(athlete, *start) for start in starts for athlete in athletes]


def joined(
    waiting: Sequence[Turn], athlete: int, starts: Sequence[Start]
) -> list[tuple[int, Turn]]:
    """Where the starts of a late-comer go among those that wait: (index in `waiting`, turn).

    One after each round of the others that is left, the rest at the end; a turn at index k comes
    before the one that is now there.
    """
    ends = [k + 1 for k in range(len(waiting)) if _ends_round(waiting, k)]
    places = (ends + [len(waiting)] * len(starts))[: len(starts)]
    return [(at, Turn(athlete, *start)) for at, start in zip(places, starts, strict=True)]


def _ends_round(waiting: Sequence[Turn], k: int) -> bool:
    """Whether the athlete after this turn has been up since the round began."""
    if k + 1 == len(waiting):
        return True
    seen: set[int | None] = set()
    for turn in waiting[: k + 1]:
        if turn.athlete in seen:
            seen = set()
        seen.add(turn.athlete)
    return waiting[k + 1].athlete in seen


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


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Whether an athlete is quicker from one posture, or leg, than from the other.

    Welch's t at 95 %, with the usual spread where the athlete's own is not known yet. `more` is the
    number of starts of each kind, beyond the fewer of those made, for which a difference as large
    as this one would be told in 80 % of sessions: 2 ((z_0.975 + z_0.8) s / d)² of each (Cohen,
    Statistical Power Analysis, 1988).
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if not (len(a) and len(b)):
        return Comparison(math.nan, math.nan, False, None)
    difference = float(a.mean() - b.mean())
    enough = len(a) + len(b) >= KNOWN_FROM and min(len(a), len(b)) > 1
    if enough:
        parts = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
        u = math.sqrt(sum(parts))
        weights = parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1)
        limit = (
            float(stats.t.ppf((1 + SURE) / 2, sum(parts) ** 2 / weights)) if weights else math.inf
        )
        spread = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    else:
        own = max((float(np.std(x, ddof=1)) for x in (a, b) if len(x) > 1), default=0.0)
        spread = max(USUAL_SPREAD_S, own)
        u = spread * math.sqrt(1 / len(a) + 1 / len(b))
        limit = float(stats.norm.ppf((1 + SURE) / 2))
    if u > 0 and abs(difference) > limit * u:
        return Comparison(difference, u, True, 0)
    reach = float(stats.norm.ppf((1 + SURE) / 2) + stats.norm.ppf(POWER))
    wanted = 2 * (reach * spread / difference) ** 2 if difference else math.inf
    more = max(1, math.ceil(wanted) - min(len(a), len(b))) if wanted <= MOST else None
    return Comparison(difference, u, False, more)


class Placed(NamedTuple):
    """Somebody's place on a board."""

    athlete: int | None
    known: Known
    place: int  # 1 is best
    tied: bool


def placed(known: Mapping[int, Known], highest: bool = False) -> list[Placed]:
    """Best first. Somebody is before another only when the difference exceeds its uncertainty.

    Who has no number is not on it.
    """
    there = {athlete: each for athlete, each in known.items() if math.isfinite(each.value)}
    sign = -1.0 if highest else 1.0

    def before(one: Known, other: Known) -> bool:
        return sign * (other.value - one.value) > math.hypot(one.u, other.u)

    rows = []
    for athlete, each in there.items():
        others = [other for key, other in there.items() if key != athlete]
        place = 1 + sum(before(other, each) for other in others)
        tied = any(not before(other, each) and not before(each, other) for other in others)
        rows.append(Placed(athlete, each, place, tied))
    return sorted(rows, key=lambda row: (row.place, sign * row.known.value))


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
    of: int  # starts where there was something to know: the difference exceeds its uncertainty


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
