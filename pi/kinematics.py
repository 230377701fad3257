"""Smoothing, speed, acceleration and the sprint profile. Arrays in, arrays out.

Symbols are the field's: MSS maximal sprinting speed (m/s), MAC maximal acceleration (m/s^2),
TAU = MSS / MAC (s). Mono-exponential model: Furusawa, Hill & Parkinson 1927, Proc R Soc B 102:29;
in this form: Jovanovic, R package `shorts`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.ndimage import median_filter
from scipy.optimize import least_squares, minimize_scalar
from scipy.special import lambertw


class Value(NamedTuple):
    """A number and its standard uncertainty; NaN where there is no answer."""

    value: float
    u: float


NOTHING = Value(float("nan"), float("nan"))


def velocity_at_time(time, mss: float, mac: float):
    """Speed (m/s) `time` (s) after the sprint began; 0 before."""
    time = np.maximum(np.asarray(time, float), 0.0)
    return mss * -np.expm1(-time * mac / mss)


def acceleration_at_time(time, mss: float, mac: float):
    """Acceleration (m/s^2) `time` (s) after the sprint began; 0 before."""
    time = np.asarray(time, float)
    return np.where(time < 0, 0.0, mac * np.exp(-np.maximum(time, 0.0) * mac / mss))


def distance_at_time(time, mss: float, mac: float):
    """Distance (m) run `time` (s) after the sprint began; 0 before."""
    time = np.maximum(np.asarray(time, float), 0.0)
    tau = mss / mac
    return mss * (time + tau * np.expm1(-time / tau))


def time_at_distance(distance, mss: float, mac: float):
    """Time (s) after the sprint began at which `distance` (m) is reached; NaN below 0 m.

    Inverse of `distance_at_time` with the principal branch of Lambert's W.
    """
    distance = np.asarray(distance, float)
    tau = mss / mac
    with np.errstate(invalid="ignore"):
        time = tau * (lambertw(-np.exp(-distance / (mss * tau) - 1.0)).real + 1.0) + distance / mss
    return np.where(distance < 0, np.nan, time)


HALFWIDTH_S = 0.18
"""Of the smoothing window: shorter than half a stride, longer than one picture's errors last."""


class Track(NamedTuple):
    """The torso centre along the running line, smoothed without delay."""

    time: np.ndarray  # (n,) s after the signal
    x: np.ndarray  # (n,) m
    speed: np.ndarray  # (n,) m/s
    u_x: np.ndarray  # (n,) m, random part only
    u_speed: np.ndarray  # (n,) m/s, random part only


def smooth(
    time: np.ndarray,
    position: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    halfwidth_s: float = HALFWIDTH_S,
    degree: int = 2,
    robust_rounds: int = 3,
) -> Track:
    """Position and speed by a local polynomial around each instant: no delay, no phase.

    time : (n,) s, increasing, need not be even.   position : (n,), NaN where not seen.
    weight : (n,) trust in each position, 0 to 1; default all 1.
    Tricube weights over +-halfwidth_s, bisquare weights against outliers
    (Cleveland 1979, JASA 74:829). Gaps wider than the halfwidth stay NaN.
    """
    time = np.asarray(time, float)
    position = np.asarray(position, float)
    n = len(time)
    seen = np.isfinite(position)
    base = np.where(seen, 1.0 if weight is None else np.asarray(weight, float), 0.0)
    nothing = np.full(n, np.nan)
    if seen.sum() < degree + 2:
        return Track(time, nothing, nothing.copy(), nothing.copy(), nothing.copy())
    gap = float(np.median(np.diff(time)))
    reach = max(int(np.ceil(halfwidth_s / gap)), degree + 1)
    index = np.arange(n)[:, None] + np.arange(-reach, reach + 1)[None, :]
    inside = (index >= 0) & (index < n)
    index = np.clip(index, 0, n - 1)
    lag = time[index] - time[:, None]
    # at the ends the window leans inwards instead of shrinking to nothing
    width = max(halfwidth_s, 1.01 * (degree + 1) * gap)
    tricube = np.clip(1.0 - np.abs(lag / width) ** 3, 0.0, None) ** 3 * inside
    powers = (lag / width)[..., None] ** np.arange(degree + 1)
    value = np.where(seen, position, 0.0)
    robust = np.ones(n)
    # a track without any noise would call its own curvature an outlier
    least_spread = max(2e-4 * float(np.ptp(position[seen])), 1e-9)
    spread = np.full(n, least_spread)
    fit = np.full((n, degree + 1), np.nan)
    for _ in range(robust_rounds + 1):
        w = tricube * (base * robust)[index]
        normal = np.einsum("nk,nki,nkj->nij", w, powers, powers)
        right = np.einsum("nk,nki,nk->ni", w, powers, value[index])
        enough = ((w > 1e-3).sum(axis=1) >= degree + 2) & (np.linalg.cond(normal) < 1e9)
        fit[:] = np.nan
        if enough.any():
            fit[enough] = np.linalg.solve(normal[enough], right[enough][..., None])[..., 0]
        residual = np.abs(np.where(seen, position - fit[:, 0], np.nan))
        known = np.isfinite(residual)
        if not known.any():
            break
        # how far off is usual here: lying still and running do not err alike
        usual = np.full(n, least_spread)
        usual[known] = 1.4826 * median_filter(residual[known], 4 * reach + 1, mode="reflect")
        spread = np.maximum(usual, least_spread)
        off = np.clip(np.nan_to_num(residual / (6.0 * spread), nan=1.0), 0.0, 1.0)
        robust = (1.0 - off**2) ** 2
    u_x = np.full(n, np.nan)
    u_speed = np.full(n, np.nan)
    # between samples it may be told, beyond the first and the last it would be foretold
    ends = np.flatnonzero(seen)[[0, -1]]
    beyond = (np.arange(n) < ends[0]) | (np.arange(n) > ends[1])
    fit[beyond] = np.nan
    enough &= ~beyond
    if enough.any():
        squared = np.einsum("nk,nki,nkj->nij", w[enough] ** 2, powers[enough], powers[enough])
        inverse = np.linalg.inv(normal[enough])
        # neighbours in time err together (one silhouette is much like the next): an error lasts
        # about 0.05 s, so that a window holds fewer answers than frames, and follows more of its
        # own error than its leverage says
        alike = max(1.0, 0.05 / gap)
        followed = np.minimum(float(np.median(inverse[:, 0, 0])) * alike, 0.75)
        covariance = inverse @ squared @ inverse / (1.0 - followed)
        u_x[enough] = spread[enough] * np.sqrt(covariance[:, 0, 0] * alike)
        u_speed[enough] = spread[enough] * np.sqrt(covariance[:, 1, 1] * alike) / width
    return Track(time, fit[:, 0], fit[:, 1] / width, u_x, u_speed)


def bridged(time: np.ndarray, position: np.ndarray, *, weight: np.ndarray | None = None) -> Track:
    """As `smooth`, and across gaps of up to half a second by a window of twice the width, for which
    the position is less certain (BRIDGED_M) and the speed, too."""
    track = smooth(time, position, weight=weight)
    gaps = ~np.isfinite(track.x) & (np.cumsum(np.isfinite(position)) > 0)
    if not gaps.any():
        return track
    wide = smooth(time, position, weight=weight, halfwidth_s=2.0 * HALFWIDTH_S)
    wide = wide._replace(
        u_x=np.hypot(wide.u_x, BRIDGED_M), u_speed=np.hypot(wide.u_speed, BRIDGED_M / HALFWIDTH_S)
    )
    fields = (np.where(gaps, there, own) for there, own in zip(wide[1:], track[1:], strict=True))
    return Track(track.time, *fields)


BRIDGED_M = 0.04
"""By as much a runner may be beside a smooth bridge over a quarter of a second."""


def value_at(time: np.ndarray, curve: np.ndarray, instant: float) -> float:
    """The curve at an instant, between its samples; NaN outside them or where it is not known."""
    time = np.asarray(time, float)
    curve = np.asarray(curve, float)
    if not np.isfinite(instant) or len(time) < 2 or instant < time[0] or instant > time[-1]:
        return float("nan")
    after = int(np.clip(np.searchsorted(time, instant), 1, len(time) - 1))
    part = (instant - time[after - 1]) / (time[after] - time[after - 1])
    return float(curve[after - 1] * (1.0 - part) + curve[after] * part)


def mean_acceleration(
    track: Track, start_s: float, end_s: float, *, starts_m_s: float = 0.0
) -> Value:
    """Speed gained from start_s until end_s, per second; NaN when the track ends before.

    starts_m_s : speed at start_s; the smoothed speed there is half of what comes after it.
    """
    if not end_s > start_s:
        return NOTHING
    speed = value_at(track.time, track.speed, end_s)
    u = value_at(track.time, track.u_speed, end_s)
    return Value((speed - starts_m_s) / (end_s - start_s), u / (end_s - start_s))


class Profile(NamedTuple):
    """The sprint as two numbers, with the instant at which it began."""

    mss: Value
    mac: Value
    tau: Value
    starts_s: float  # s after the signal
    starts_m: float  # m


NO_PROFILE = Profile(NOTHING, NOTHING, NOTHING, float("nan"), float("nan"))


def fit_profile(time: np.ndarray, distance: np.ndarray, *, alike_s: float = 0.05) -> Profile:
    """The mono-exponential sprint nearest to a running track; its start in time and place are
    fitted too.

    time : (n,) s.   distance : (n,) m, NaN where not seen; only the running part, not the getting
    up. alike_s : how long one error lasts at least; frames nearer to each other count as one.

    For a given TAU the model is linear: distance = A + MSS t + B exp(-t / TAU), so that only TAU
    is searched for. NaN where fewer than 8 positions, where the speed does not bend the way
    a sprint's does, or where TAU runs to the end of what a body can do (0.1 to 6 s).
    """
    time = np.asarray(time, float)
    distance = np.asarray(distance, float)
    seen = np.isfinite(time) & np.isfinite(distance)
    time, distance = time[seen], distance[seen]
    if len(time) < 8:
        return NO_PROFILE
    since = time - time[0]

    def linear(tau: float) -> tuple[np.ndarray, np.ndarray]:
        design = np.column_stack([np.ones_like(since), since, np.exp(-since / tau)])
        answer, *_ = np.linalg.lstsq(design, distance, rcond=None)
        return answer, design @ answer - distance

    shortest, longest = 0.1, 6.0
    taus = np.geomspace(shortest, longest, 24)
    costs = [float(np.sum(linear(tau)[1] ** 2)) for tau in taus]
    k = int(np.argmin(costs))
    if k in (0, len(taus) - 1):
        return NO_PROFILE
    tau = minimize_scalar(
        lambda tau: float(np.sum(linear(tau)[1] ** 2)),
        bounds=(taus[k - 1], taus[k + 1]),
        method="bounded",
        options={"xatol": 1e-9},
    ).x
    (start, mss, bend), misfit = linear(tau)
    if mss <= 0 or bend < 1e-3:
        return NO_PROFILE
    decay = np.exp(-since / tau)
    slopes = np.column_stack([np.ones_like(since), since, decay, bend * since / tau**2 * decay])
    alike = max(1.0, alike_s / float(np.median(np.diff(time))), _alike(misfit))
    spread2 = float(np.sum(misfit**2)) / (len(time) - 4)
    try:
        covariance = np.linalg.inv(slopes.T @ slopes) * spread2 * alike
    except np.linalg.LinAlgError:
        return NO_PROFILE
    of_mac = np.array([0.0, 1.0 / tau, 0.0, -mss / tau**2])
    # where speed would be nought: MSS = B / TAU exp(-t / TAU)
    begins = tau * float(np.log(bend / (mss * tau)))
    return Profile(
        Value(float(mss), float(np.sqrt(covariance[1, 1]))),
        Value(float(mss / tau), float(np.sqrt(of_mac @ covariance @ of_mac))),
        Value(float(tau), float(np.sqrt(covariance[3, 3]))),
        float(time[0]) + begins,
        float(start + mss * begins + bend * np.exp(-begins / tau)),
    )


def _alike(misfit: np.ndarray) -> float:
    """How many neighbouring errors count as one: 1 when each is its own.

    The sum of the autocorrelation up to where it first is negative (Sokal 1997, Monte Carlo methods
    in statistical mechanics, section 3).
    """
    off = misfit - misfit.mean()
    n = len(off)
    power = np.abs(np.fft.rfft(off, 2 * n)) ** 2
    together = np.fft.irfft(power)[:n]
    if not together[0] > 0:
        return 1.0
    together = together[1:] / together[0]
    negative = np.flatnonzero(together <= 0)
    return float(1.0 + 2.0 * together[: negative[0] if len(negative) else n].sum())


def fit_profile_to_speed(time: np.ndarray, speed: np.ndarray) -> Profile:
    """The mono-exponential sprint nearest to a speed trace, as of a radar or laser gun.

    time : (n,) s.   speed : (n,) m/s, NaN where not measured; from before the start, or from after
    it, up to about the highest speed: the model knows no slowing down. Its start is fitted too;
    `starts_m` is NaN. NO_PROFILE where fewer than 8 speeds, or where it does not settle.
    """
    time = np.asarray(time, float)
    speed = np.asarray(speed, float)
    seen = np.isfinite(time) & np.isfinite(speed)
    time, speed = time[seen], speed[seen]
    if len(time) < 8:
        return NO_PROFILE

    def misfit(p: np.ndarray) -> np.ndarray:
        return velocity_at_time(time - p[2], p[0], p[1]) - speed

    top = max(float(np.quantile(speed, 0.95)), 1.0)
    begin = float(time[np.argmax(speed > 0.1 * top)])
    return _profile(misfit, (top, top, begin), exact=3)


def fit_profile_to_splits(
    distance: np.ndarray, time: np.ndarray, *, correct_time: bool = True
) -> Profile:
    """The mono-exponential sprint nearest to the times at which gates were passed.

    distance : (k,) m from the first gate, above 0.   time : (k,) s, NaN = missed. The time is what
    is uncertain, not the place. correct_time : the clock need not have begun with the sprint (a
    flying or a delayed start, reaction to a gun), and when the sprint began is fitted too
    (Jovanovic 2023, Comput Methods Biomech Biomed Engin 26:1; model `TC` of his `shorts`); else it
    began at 0 (Samozino et al. 2016, Scand J Med Sci Sports 26:648). NO_PROFILE where there are
    fewer gates than unknowns, and an u of NaN where there are just as many.
    """
    distance = np.asarray(distance, float)
    time = np.asarray(time, float)
    seen = np.isfinite(distance) & np.isfinite(time) & (distance > 0)
    distance, time = distance[seen], time[seen]
    unknown = 3 if correct_time else 2
    if len(time) < unknown:
        return NO_PROFILE

    def misfit(p: np.ndarray) -> np.ndarray:
        starts = p[2] if correct_time else 0.0
        return time_at_distance(distance, p[0], p[1]) + starts - time

    pace = np.diff(distance) / np.diff(time)
    top = max(float(np.max(pace, initial=1.0)), 1.0)
    found = _profile(misfit, (top, top, 0.0)[:unknown], exact=unknown)
    return found._replace(starts_m=0.0)


def _profile(
    misfit: Callable[[np.ndarray], np.ndarray], guess: tuple[float, ...], *, exact: int
) -> Profile:
    """Least squares for MSS, MAC and, if there is a third unknown, the start (s).

    exact : as many errors as this leave nothing to tell an uncertainty from.
    """
    low = [0.5, 0.5, -np.inf][: len(guess)]
    high = [20.0, 60.0, np.inf][: len(guess)]
    guess = tuple(np.clip(guess, low, high))
    found = least_squares(misfit, guess, bounds=(low, high), x_scale=(8.0, 8.0, 0.5)[: len(guess)])
    mss, mac = found.x[:2]
    if not found.success or found.active_mask[:2].any():
        return NO_PROFILE
    free = len(found.fun) - exact
    covariance = np.full((2, 2), np.nan)
    if free > 0:
        spread2 = 2.0 * found.cost / free * _alike(found.fun)
        covariance = (np.linalg.pinv(found.jac.T @ found.jac) * spread2)[:2, :2]
    of_tau = np.array([1.0 / mac, -mss / mac**2])
    return Profile(
        Value(float(mss), float(np.sqrt(covariance[0, 0]))),
        Value(float(mac), float(np.sqrt(covariance[1, 1]))),
        Value(float(mss / mac), float(np.sqrt(of_tau @ covariance @ of_tau))),
        float(found.x[2]) if len(found.x) > 2 else 0.0,
        float("nan"),
    )
