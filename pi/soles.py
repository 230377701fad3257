"""The lowest thing over the ground in every column of every picture: where the feet are, to a
fraction of a pixel. Pictures in, one array out; knows no camera and no clock.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from .vision import Registration, part_of, steadied

LEAST = 6.0
"""Grey levels below which nothing differs from the empty lane: film's own blocks do as much."""

SHADE = 0.04
"""A cast shadow dims textured ground by one share, to within this."""


LINES = 0.1
"""Share of a step of brightness on the ground by which pictures differ along it."""


class Soles(NamedTuple):
    """The lowest thing over the ground in every second column."""

    row: np.ndarray  # (n, w/2) float16, px from the top of the strip down to its lower edge; NaN
    top: int  # px, row of the full picture at which the strip begins


NO_SOLES = Soles(np.zeros((0, 0), np.float16), 0)


def find_soles(
    luma: np.ndarray,
    time: np.ndarray,
    registration: Registration,
    ground: np.ndarray,
    silhouettes: np.ndarray,
    *,
    every: int = 1,
    after_s: float,
    reach: int,
) -> Soles:
    """Lower edge of what is not empty lane, in a strip of full height resolution along the ground.

    luma : (n, h, w) uint8.   registration : shifts in px of the full picture.   ground : (w',) px,
    row of the ground by column (any number of columns, even).   silhouettes : (n', h', w') the
    athlete in one picture of `every`; only the columns around it are looked at.   after_s : when
    the resting place was given up: before it nothing is looked for.   reach : px above the ground,
    and beside the silhouette.

    The edge is where half of the difference to the empty lane is left, between rows. What is dimmed
    as the clip's cast shadows are is ground. NaN where nothing is in the strip.
    """
    n, height, width = luma.shape
    top = max(0, int(ground.min()) - reach)
    bottom = min(height, int(ground.max()) + reach // 2 + 1)
    out = np.full((n, width // 2), np.nan, np.float16)
    first = int(np.searchsorted(time, after_s))
    if bottom - top < 8 or n - first < 12:
        return Soles(out, top)
    spans = _spans(silhouettes, width, reach, n, every)

    def strip(i: int, left: int, right: int) -> np.ndarray:
        """The steadied strip of half the columns, from half column `left` to `right`."""
        crop = luma[i, top:bottom, 2 * left : 2 * right]
        size = (right - left, bottom - top)
        small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        shift = registration.shift[i] * (0.5, 1.0)
        even = steadied(small, registration.gain[i], registration.offset[i], shift)
        if registration.field is not None:
            box = (left, top, *size)
            even /= part_of(registration.field[i], (height, width // 2), box)
        return even

    # of the time that is looked at: what rests, and its shadow, may have covered some for longer
    picked = np.unique(np.linspace(first, n - 1, 36).astype(int))
    some = np.stack([strip(i, 0, width // 2) for i in picked])
    empty, noise = _empty(some, spans[picked])
    limit = np.maximum(LEAST, 5.0 * cv2.blur(noise, (3, 3)))
    shadow = _shadow(some, spans[picked], empty, limit, wide=int(1.3 * reach))
    looked = [i for i in range(first, n) if spans[i, 1] - spans[i, 0] >= 3]
    if not looked:
        return Soles(out, top)
    # side by side: what is done to columns is done to those of all pictures at once
    ends = np.cumsum(spans[looked, 1] - spans[looked, 0])
    apart = np.empty((bottom - top, ends[-1]), np.float32)
    even, least = np.empty_like(apart), np.empty_like(apart)
    usual = cv2.blur(empty, (15, 15))
    flat = usual / np.maximum(empty, 4.0)  # takes the ground's own pattern out of a shadow
    limit *= np.maximum(flat, 1.0)
    # lines on the ground are seen a little beside where they are, and dimmed not quite as it is
    limit += LINES * cv2.morphologyEx(empty, cv2.MORPH_GRADIENT, np.ones((5, 1), np.uint8))
    dimmed = empty * (shadow - SHADE if np.isfinite(shadow) else 1.0)
    for i, end in zip(looked, ends, strict=True):
        left, right = spans[i]
        here, bare = strip(i, left, right), empty[:, left:right]
        part = slice(end - (right - left), end)
        # nothing is where the ground is dimmed no further than in the shadow's core
        apart[:, part] = here - np.clip(here, dimmed[:, left:right], bare)
        even[:, part] = apart[:, part] * flat[:, left:right]
        least[:, part] = limit[:, left:right]
    lowest = _ends(even, least)
    edge = _edge(apart, lowest, least)
    for i, end in zip(looked, ends, strict=True):
        left, right = spans[i]
        out[i, left:right] = edge[end - (right - left) : end]
    return Soles(out, top)


def _spans(silhouettes: np.ndarray, width: int, reach: int, n: int, every: int) -> np.ndarray:
    """(n, 2) half columns, first and one past the last in which feet may be; 0, 0 = nobody."""
    covered: np.ndarray = np.asarray(silhouettes.any(axis=1))
    factor = width / covered.shape[1]
    nobody = ~covered.any(axis=1)
    first = np.where(nobody, covered.shape[1], covered.argmax(axis=1))
    last = np.where(nobody, 0, covered.shape[1] - covered[:, ::-1].argmax(axis=1))
    # between two looks: wherever it was in one of them
    before = np.arange(n) // every
    after = np.minimum(-(-np.arange(n) // every), len(covered) - 1)
    first = np.minimum(first[before], first[after])
    last = np.maximum(last[before], last[after])
    found = np.stack([first * factor - reach, last * factor + reach], axis=1) / 2.0
    found = np.clip(found, 0, width // 2).astype(int)
    found[last == 0] = 0
    return found


def _empty(some: np.ndarray, spans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The strip without the athlete, and the standard deviation of its pixels: (r, c) each.

    some : (k, r, c) pictures.   spans : (k, 2) where the athlete may be in each. The median of the
    pictures in which nobody is near, column by column; where there are none, of all.
    """
    column = np.arange(some.shape[2])
    near = (column >= spans[:, :1]) & (column < spans[:, 1:])
    near[:, near.mean(axis=0) > 0.9] = False
    ranked = np.where(near[:, None, :], np.inf, some)
    free = (~near).sum(axis=0)
    at = np.broadcast_to((free - 1) // 2, (1, *some.shape[1:]))
    empty = np.take_along_axis(np.sort(ranked, axis=0), at, axis=0)[0]
    apart = np.abs(ranked - empty)
    noise = 1.4826 * np.take_along_axis(np.sort(apart, axis=0), at, axis=0)[0]
    return empty.astype(np.float32), np.maximum(noise, 0.8).astype(np.float32)


def _shadow(
    some: np.ndarray,
    spans: np.ndarray,
    empty: np.ndarray,
    limit: np.ndarray,
    *,
    wide: int,
) -> float:
    """The share of light left in the clip's cast shadows; NaN when there are none.

    A foot on the ground is a quarter of a metre long, and a leg is above it; a cast shadow lies
    along the ground for half a metre and more in most pictures. What the ground is dimmed to in
    such pictures, most often, is the shadow. wide : half columns, more than a foot's length.
    """
    low = len(empty) // 3  # above it are legs, and no shadow of where they stand
    ratios, with_one, all_of = [], 0, 0
    for picture, (left, right) in zip(some, spans, strict=True):
        if right - left < wide:
            continue
        all_of += 1
        here, bare = picture[:, left:right], empty[:, left:right]
        there = (np.abs(here - bare) > limit[:, left:right]).view(np.uint8)
        there = cv2.medianBlur(there, 3)
        flat = ~there[:low].any(axis=0)
        here, bare, there = here[low:], bare[low:], there[low:]
        along = there.any(axis=0).astype(np.uint8)[None]
        long = cv2.morphologyEx(along, cv2.MORPH_OPEN, np.ones((1, wide | 1), np.uint8))[0] > 0
        if not long.any():
            continue
        with_one += 1
        core = (cv2.erode(there, np.ones((3, 3), np.uint8)) > 0) & long & flat
        ratios.append((here / np.maximum(bare, 4.0))[core])
    if with_one < max(5, 0.6 * all_of):
        return float("nan")
    found, edges = np.histogram(np.concatenate(ratios), bins=np.arange(0.2, 0.951, 0.01))
    found = np.convolve(found, np.ones(5), "same")
    at = int(np.argmax(found))
    # where a shadow is narrow it is mostly penumbra: its core is where what it does ends
    less = np.flatnonzero(found[:at] < 0.25 * found[at])
    return float(edges[less[-1] + 1 if len(less) else 0] + 0.02) if found.any() else float("nan")


def _ends(apart: np.ndarray, least: np.ndarray) -> np.ndarray:
    """(c,) the lowest row at which a thing ends, -1 = none.

    apart : (r, c) what pictures differ by from the empty lane, without its pattern.   least :
    (r, c) what counts. Within two rows it changes by more than below them, for soft shadows change
    everywhere alike; and what is above is not as what is below, as it is at a line on the ground.
    """
    r = len(apart)
    smooth = cv2.copyMakeBorder(cv2.blur(apart, (3, 3)), 2, 5, 0, 0, cv2.BORDER_REPLICATE)
    above, below, far = (smooth[2 + k : 2 + k + r] for k in (-1, 2, 5))
    kink = above - 2.0 * below + far
    across = smooth[:r] - smooth[6 : r + 6]
    ends = (np.minimum(kink, across) > least) | (np.maximum(kink, across) < -least)
    rows = np.arange(1, r + 1, dtype=np.uint8)[:, None]
    return (ends.view(np.uint8) * rows).max(axis=0).astype(int) - 1


def _edge(apart: np.ndarray, lowest: np.ndarray, least: np.ndarray) -> np.ndarray:
    """(c,) where what ends below a row is half of the way to what is below it: px between rows.

    apart : (r, c) grey levels.   lowest : (c,) the row, -1 = none.
    """
    out = np.full(len(lowest), np.nan, np.float32)
    at = np.flatnonzero(lowest >= 0)
    if len(at) == 0:
        return out
    last = len(apart) - 1
    row = np.clip(lowest[at] + np.arange(4, -4, -1)[:, None], 0, last)  # from below
    value = apart[row, at]
    value -= value[:1].copy()
    most = np.take_along_axis(value, np.abs(value).argmax(axis=0)[None], axis=0)
    value *= np.sign(most)
    half = 0.5 * np.abs(most[0])
    k = np.argmax(value >= half, axis=0)
    hit, below = (np.take_along_axis(value, j[None], axis=0)[0] for j in (k, np.maximum(k - 1, 0)))
    part = (hit - half) / np.maximum(hit - below, 1e-3)
    edge = np.take_along_axis(row, k[None], axis=0)[0] + np.clip(part, 0.0, 1.0)
    out[at] = np.where(2.0 * half > least[lowest[at], at], edge, np.nan)
    return out
