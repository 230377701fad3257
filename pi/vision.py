"""Pictures in, what moved in them out: silhouettes, displacement of body parts. Knows no camera,
no clock.

Everything is measured against two still pictures: the *empty lane* (the plate), and the athlete's
own *resting picture*. Pictures are luma, uint8, (n, h, w); columns and rows are those of the full
picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

SMALL_WIDTH = 320
"""Silhouettes are taken in a picture about this wide: 2 to 3 cm a pixel over a lane of 8 m."""


def shrunk(luma: np.ndarray, factor: int) -> np.ndarray:
    """Every picture made smaller by a whole factor: each new pixel the mean of those before."""
    n, height, width = luma.shape
    rows, columns = height // factor, width // factor
    small = np.empty((n, rows, columns), np.uint8)
    # halving is the step that OpenCV does quickest: an even factor goes by way of it
    halved = np.empty((rows * factor // 2, columns * factor // 2), np.uint8)
    for picture, out in zip(luma, small, strict=True):
        whole = picture[: rows * factor, : columns * factor]
        if factor % 2 == 0 and factor > 2:
            whole = cv2.resize(whole, halved.shape[::-1], halved, interpolation=cv2.INTER_AREA)
        cv2.resize(whole, (columns, rows), dst=out, interpolation=cv2.INTER_AREA)
    return small


def middle_of(stack: np.ndarray) -> np.ndarray:
    """The (upper) median of a stack of pictures, by pixel."""
    return ranked(stack, len(stack) // 2)[0]


def ranked(stack: np.ndarray, *ranks: int) -> list[np.ndarray]:
    """The pictures of a stack that would have these ranks, from the lowest up, were every pixel
    sorted by itself: bubbles of whole pictures, ten times quicker than np.sort along them."""
    layer = list(stack)
    for last in range(len(layer) - 1, min(ranks) - 1, -1):
        for i in range(last):
            layer[i], layer[i + 1] = (
                cv2.min(layer[i], layer[i + 1]), cv2.max(layer[i], layer[i + 1]),
            )  # fmt: skip
    return [layer[rank] for rank in ranks]


class Registration(NamedTuple):
    """How each picture differs from the reference as a whole: light and camera shake."""

    gain: np.ndarray  # (n,)
    offset: np.ndarray  # (n,) grey levels
    shift: np.ndarray  # (n, 2) px (columns, rows) of the pictures it was found in
    field: np.ndarray | None = None  # (n, r, c), uneven light on top of the gain; None = even


def at(registration: Registration, picked: np.ndarray | slice) -> Registration:
    """The registration of some of the pictures."""
    gain, offset, shift, field = registration
    return Registration(
        gain[picked], offset[picked], shift[picked], None if field is None else field[picked]
    )


def holds_still(stack: np.ndarray) -> np.ndarray:
    """(h, w) bool: what neither stirs nor was left or come to, in pictures spread over a
    recording."""
    restless = middle_of(np.abs(np.diff(stack.astype(np.int16), axis=0)))
    part = max(3, len(stack) // 3) | 1
    first, last = (middle_of(each).astype(np.float32) for each in (stack[:part], stack[-part:]))
    last *= np.median(first + 1.0) / np.median(last + 1.0)
    limit = np.maximum(8.0, 3.0 * restless)
    changed = cv2.medianBlur((cv2.absdiff(first, last) > limit).astype(np.uint8), 3)
    left = cv2.dilate(changed, np.ones((5, 5), np.uint8)) > 0
    return (restless <= max(3.0, 2.0 * float(np.median(restless)))) & ~left


def anchors(reference: np.ndarray, trusted: np.ndarray, *, count: int = 1800) -> np.ndarray:
    """Where a picture holds still and has something to hold on to: flat indices of strong
    gradients.

    Spread over the picture in cells, so that one fence does not speak for everything.
    reference : (h, w) float.   trusted : (h, w) bool.
    """
    gx = cv2.Sobel(reference, cv2.CV_32F, 1, 0, scale=1 / 8)
    gy = cv2.Sobel(reference, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength = np.hypot(gx, gy)
    strength[~trusted] = 0
    strength[:3] = strength[-3:] = 0
    strength[:, :3] = strength[:, -3:] = 0
    height, width = reference.shape
    chosen = []
    rows, columns = 9, 16
    each = max(count // (rows * columns), 4)
    for top, bottom in zip(*_edges(height, rows), strict=True):
        for left, right in zip(*_edges(width, columns), strict=True):
            cell = strength[top:bottom, left:right]
            best = np.argsort(cell, axis=None)[-each:]
            y, x = np.unravel_index(best, cell.shape)
            strong = cell[y, x] > 0
            chosen.append((y[strong] + top) * width + x[strong] + left)
    return np.concatenate(chosen)


def _edges(length: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    edges = np.linspace(0, length, parts + 1).astype(int)
    return edges[:-1], edges[1:]


def register(
    pictures: np.ndarray, reference: np.ndarray, trusted: np.ndarray, *, rounds: int = 3
) -> Registration:
    """Gain, offset and shift of every picture against the reference, from its strong gradients.

    One linear least squares a picture (Lucas & Kanade 1981 with a gain and an offset), bisquare
    weights, so that what moves by itself has no say; a tenth of a pixel is forgiven, or a smooth
    lane would speak against its own lines. A gain of 1 ± 0.1 and a shift of 0 ± 1 px hold where
    little speaks for another. Pictures that show too little to hold on to: gain 1, offset and shift
    0. Good for shifts up to about a pixel and a half of the pictures
    given.
    """
    n = len(pictures)
    reference = reference.astype(np.float32)
    at = anchors(reference, trusted)
    if len(at) < 50:
        return Registration(np.ones(n), np.zeros(n), np.zeros((n, 2)))
    gx = cv2.Sobel(reference, cv2.CV_32F, 1, 0, scale=1 / 8).ravel()[at].astype(float)
    gy = cv2.Sobel(reference, cv2.CV_32F, 0, 1, scale=1 / 8).ravel()[at].astype(float)
    level = reference.ravel()[at].astype(float)
    middle = level.mean()
    # a shift by (dx, dy) moves the picture's content: I(x) = g R(x - d) + o
    design = np.column_stack([level - middle, np.ones_like(level), -gx, -gy])
    pairs = np.einsum("pi,pj->pij", design, design).reshape(len(at), 16)
    seen = pictures.reshape(n, -1)[:, at].astype(np.float32)
    weight = np.ones((n, len(at)), np.float32)
    forgiven = (0.1 * np.hypot(gx, gy)).astype(np.float32)
    usual = np.array([1.0, middle, 0.0, 0.0])
    prior = np.diag([100.0, 1e-3, 1.0, 1.0])
    answer = np.zeros((n, 4))
    for _ in range(rounds):
        normal = (weight @ pairs.astype(np.float32)).reshape(n, 4, 4).astype(float)
        right = ((weight * seen) @ design.astype(np.float32)).astype(float) + prior @ usual
        answer = np.linalg.solve(normal + prior, right[..., None])[..., 0]
        miss = np.abs(seen - (answer.astype(np.float32) @ design.T.astype(np.float32)))
        some = np.sort(miss[:, ::5], axis=1)
        spread = np.maximum(1.4826 * some[:, some.shape[1] // 2, None], 0.5)
        miss /= 4.0 * np.hypot(spread, forgiven)
        weight = np.clip(1.0 - miss**2, 0.0, None) ** 2
    gain = np.clip(answer[:, 0], 0.3, 3.0)
    offset = answer[:, 1] - gain * middle
    return Registration(gain, offset, np.clip(answer[:, 2:] / gain[:, None], -2.5, 2.5))


def relit(picture: np.ndarray, gain: float, offset: float) -> np.ndarray:
    """The picture (uint8) as it would be in the reference's light, float32."""
    levels = (np.arange(256, dtype=np.float32) - np.float32(offset)) / np.float32(gain)
    return cv2.LUT(picture, levels)


def steadied(picture: np.ndarray, gain: float, offset: float, shift: np.ndarray) -> np.ndarray:
    """The picture (uint8) as it would be in the reference's light and place, float32."""
    out = relit(picture, gain, offset)
    if abs(shift[0]) > 0.02 or abs(shift[1]) > 0.02:
        back = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
        size = (picture.shape[1], picture.shape[0])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        out = cv2.warpAffine(out, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return out


def _steady(small: np.ndarray, registration: Registration, picked: np.ndarray) -> np.ndarray:
    gain, offset, shift = registration[:3]
    return np.stack([steadied(small[i], gain[i], offset[i], shift[i]) for i in picked])


def _noise(apart: np.ndarray) -> np.ndarray:
    """Standard deviation of each pixel about the empty lane; leaves that stir now and then count.

    From the median and from the 85 % quantile: who runs past covers a pixel for less time than
    that, and who stands longer does not make it blind (8 grey levels at most by the quantile).
    """
    middle, high = ranked(apart, len(apart) // 2, int(0.85 * (len(apart) - 1)))
    now_and_then = np.minimum(high / 1.44, 8.0)
    return np.maximum(np.maximum(1.4826 * middle, now_and_then), 0.6).astype(np.float32)


BEHIND_M = 0.10
"""What ends this far above the running line in the picture stands behind it: 1 m behind it, seen
from 1.2 m above the ground and 9 m away, a foot is 0.12 m higher."""


LIMBS_M = 0.5
"""Forearms on the ground, and shins, reach up to here."""


def _on_the_line(lowest_m: float, behind_m: float) -> float:
    """1 for what reaches down to the running line, 0 for what ends well above it: weight of a
    piece."""
    return float(np.clip(2.0 - lowest_m / behind_m, 0.0, 1.0))


class Lane(NamedTuple):
    """The lane without the athlete, and where the athlete rested in it."""

    empty: np.ndarray  # (h, w) float32
    noise: np.ndarray  # (h, w) float32, standard deviation of a still pixel
    resting: np.ndarray  # (h, w) bool, where the athlete rested; all False when nobody left a place
    left_s: float  # when that place was left; NaN when nobody did
    sure: float  # px, how much of it was there all through the hold


def find_lane(
    small: np.ndarray,
    time: np.ndarray,
    registration: Registration,
    *,
    likely: np.ndarray | None = None,
    above: np.ndarray | None = None,
    least: float | None = None,
    hold: tuple[float, float] = (-1.8, -0.15),
    segment_s: float = 0.4,
    behind_m: float = BEHIND_M,
) -> Lane:
    """The empty lane, although somebody lies still in it for most of the recording.

    Medians of short stretches are robust against whoever passes; a place whose stretches differ
    before the signal and at the end was left by somebody (then the late picture is the empty one)
    or was come to (then the early one is). The athlete's place is the one left first after the
    hold. likely : (h, w) weight of where an athlete may rest; None = everywhere alike. above :
    (h, w) m over the running line on the ground; None = not known: then somebody who stands behind
    the lane is not told from the athlete. least : px that somebody at rest covers at least; None =
    from the picture's size. hold : s, when the athlete rested. behind_m : what ends so far above
    the line stands behind it.
    """
    stretches, middles = [], []
    for start in np.arange(time[0], time[-1], segment_s):
        inside = np.flatnonzero((time >= start) & (time < start + segment_s))
        if len(inside) < 2:
            continue
        picked = inside[np.unique(np.linspace(0, len(inside) - 1, 5).astype(int))]
        stretches.append(middle_of(_steady(small, registration, picked)))
        middles.append(time[picked].mean())
    stack, middle = np.stack(stretches), np.array(middles)
    usual = middle_of(stack)
    rested = np.flatnonzero((time >= hold[0]) & (time <= hold[1]))
    if len(rested) < 3:
        rested = np.arange(3)
    picked = rested[np.unique(np.linspace(0, len(rested) - 1, 11).astype(int))]
    during = _steady(small, registration, picked)
    early = middle_of(during)
    later = np.flatnonzero(middle - segment_s / 2 > min(0.5, time[-1] - segment_s))
    late = middle_of(stack[later[-3:]])
    jitter = 1.4826 * middle_of(np.abs(np.diff(stack, axis=0)))
    # medians have next to no noise: a leg in the lane's own grey shows by three levels, and is
    # believed where it hangs together with what shows by more
    limit = np.maximum(3.0, 4.0 * jitter).astype(np.float32)
    apart = np.abs(early - late)
    changed = (apart > limit).astype(np.uint8)
    changed = cv2.morphologyEx(changed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    surely = apart > np.maximum(5.0, 5.0 * jitter)
    if above is not None:
        # forearms and shins are as narrow as what was opened away: what hangs on the rest comes
        # back, near the ground, where nobody stands behind
        limbs = surely & (above < LIMBS_M)
        grown = changed
        for _ in range(max(3, small.shape[2] // 18)):
            grown = cv2.dilate(grown, np.ones((3, 3), np.uint8)) & limbs | grown
        changed = grown.astype(np.uint8)
    stayed = (np.abs(during - late) > limit).mean(axis=0)
    # when each place turned from its early into its late look
    after = np.flatnonzero(middle > hold[1] - 0.05)
    if len(after) == 0:
        after = np.arange(len(middle))[-1:]
    like_late = np.abs(stack[after] - late) < np.abs(stack[after] - early)
    turned = np.append(middle[after], time[-1])[like_late.argmax(axis=0)]
    joined = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    empty = np.where(changed > 0, late, usual)
    resting = np.zeros(changed.shape, bool)
    left_s, sure = float("nan"), 0.0
    least = 0.0012 * changed.size if least is None else least
    pieces = []
    for label in range(1, count):
        piece = labels == label
        area = float(stats[label, cv2.CC_STAT_AREA])
        if area < 0.08 * least or surely[piece].sum() < 0.25 * changed[piece].sum():
            continue
        weight = area if likely is None else float(likely[piece].sum())
        # whoever walks through during the hold is no athlete at rest
        weight *= float(np.clip(2.5 * stayed[piece & (changed > 0)].mean() - 1.5, 0.0, 1.0))
        if above is not None:
            weight *= _on_the_line(float(above[piece].min()), behind_m)
        if stats[label, 0] == 0 or stats[label, 0] + stats[label, 2] == joined.shape[1]:
            weight *= 0.15  # who rests to start is in view, who leaves it is cut by its side
        pieces.append((weight, label, float(np.median(turned[piece & (changed > 0)]))))
    strong = [p for p in pieces if p[0] >= least]
    if strong:
        # the athlete's place: large, and left soon; a latecomer's place was come to later
        sure, label, left_s = max(strong, key=lambda p: p[0] / (1.0 + max(p[2], 0.0)))
        x, y, w, h = stats[label, :4]
        gap = 0.4 * max(w, h)  # a thigh in the track's own colour parts the body in two
        for other_weight, other, when in pieces:
            ox, oy, ow, oh = stats[other, :4]
            near = ox < x + w + gap and ox + ow > x - gap and oy < y + h + gap and oy + oh > y - gap
            if other == label or (near and abs(when - left_s) <= 0.8 and other_weight > 0):
                resting |= labels == other
            elif when > left_s + 0.8:
                empty = np.where((labels == other) & (changed > 0), early, empty)
    if above is not None and resting.any():
        resting = _without_towers(resting, above)
    ever = np.unique(np.linspace(0, len(time) - 1, 32).astype(int))
    noise = _noise(np.abs(_steady(small, registration, ever) - empty))
    gone = np.flatnonzero(time > left_s + 0.4)
    if len(gone) >= 8:
        # where the athlete lay, only what came after tells
        picked = gone[np.unique(np.linspace(0, len(gone) - 1, 16).astype(int))]
        since = _noise(np.abs(_steady(small, registration, picked) - empty))
        place = cv2.dilate(resting.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        noise[place] = since[place]
    noise = cv2.blur(noise, (3, 3))
    return Lane(empty.astype(np.float32), noise, resting, left_s, sure)


def _without_towers(resting: np.ndarray, above: np.ndarray) -> np.ndarray:
    """The place of somebody who lies or holds a plank, without who stood behind it all the while.

    A body that is long and low has no narrow part that rises half a metre over the rest of it.
    """
    columns = np.flatnonzero(resting.any(axis=0))
    top = above[resting[:, columns].argmax(axis=0), columns]
    usual = float(np.median(top))
    tower = top > usual + 0.5
    if usual > 0.7 or not 0.0 < tower.mean() < 0.35:
        return resting
    roof = float(np.quantile(top[~tower], 0.95)) + 0.08
    low = resting.copy()
    low[above > roof] = False
    return low


def uneven_light(
    small: np.ndarray, registration: Registration, reference: np.ndarray, *, block: int = 8
) -> np.ndarray | None:
    """How much lighter each part of each picture is than in the reference: (n, r, c) float32.

    A cloud's shadow has no edge within a metre, a body has: the ratio of block means, and of those
    the median over five by five blocks, which a body covers by less than half.
    block : px, a fifth of a metre.   None where light is even to 4 %, as it nearly always is.
    """
    n, height, width = small.shape
    some = np.arange(0, n, max(1, n // 60))
    if (
        len(some) < n
        and uneven_light(small[some], at(registration, some), reference, block=block) is None
    ):
        return None
    size = (max(5, width // block), max(5, height // block))
    level = cv2.resize(reference.astype(np.float32), size, interpolation=cv2.INTER_AREA) + 4.0
    fields = np.empty((n, size[1], size[0]), np.float32)
    for i, picture in enumerate(small):
        now = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        now = (now - registration.offset[i]) / registration.gain[i] + 4.0
        fields[i] = cv2.medianBlur((now / level).astype(np.float32), 5)
    fields = uniform_filter1d(fields, min(n, 5), axis=0, mode="nearest")
    if len(some) == n and np.quantile(np.abs(fields - 1.0), 0.95) < 0.04:
        return None
    for field in fields:
        cv2.GaussianBlur(field, (0, 0), 0.8, dst=field)
    return np.clip(fields, 0.3, 3.0)


def evened(picture: np.ndarray, field: np.ndarray) -> np.ndarray:
    """The picture (h, w) without the uneven light of `field` (r, c); of the picture's own type."""
    spread = cv2.resize(field, picture.shape[::-1], interpolation=cv2.INTER_LINEAR)
    lit = picture / spread
    if picture.dtype == np.uint8:
        return np.clip(np.rint(lit), 0, 255).astype(np.uint8)
    return lit.astype(picture.dtype)


def foreground(small: np.ndarray, lane: Lane, registration: Registration) -> np.ndarray:
    """What is not the empty lane, in every picture: (n, h, w) uint8, 0 or 1.

    A pixel counts when it differs by more than its own noise can (4.5 standard deviations, 7 grey
    levels at least). Odd-sized kernels only: an even one would shift every silhouette by half a
    pixel.
    """
    out = np.empty(small.shape, np.uint8)
    limit = np.maximum(7.0, 4.5 * lane.noise)
    kernel = np.ones((3, 3), np.uint8)
    for i, picture in enumerate(small):
        apart = steadied(
            picture, registration.gain[i], registration.offset[i], registration.shift[i]
        )
        cv2.absdiff(apart, lane.empty, dst=apart)
        mask = (apart > limit).view(np.uint8)
        mask = cv2.medianBlur(mask, 3)
        cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel, dst=out[i])
    return out


class Passer(NamedTuple):
    """Somebody who is not on the running line, as seen now and then."""

    time: np.ndarray  # (k,) s
    middle: np.ndarray  # (k,) px of the small picture, column
    box: list[tuple[int, int]]  # (left, top) of each silhouette
    silhouette: list[np.ndarray]  # uint8, cropped

    def column(self, time: float) -> float:
        """Where (px) at a time: between sightings straight on, beyond them as fast as just
        there."""
        if self.time[0] <= time <= self.time[-1]:
            return float(np.interp(time, self.time, self.middle))
        end, some = (0, slice(0, 10)) if time < self.time[0] else (-1, slice(-10, None))
        speed = np.polyfit(self.time[some], self.middle[some], 1)[0]
        return float(self.middle[end] + speed * (time - self.time[end]))

    def ghost(self, time: float, shape: tuple[int, int]) -> np.ndarray | None:
        """The silhouette as it should be at a time, from the sightings around it; (h, w) uint8, or
        None."""
        if not self.time[0] - UNSEEN_S < time < self.time[-1] + UNSEEN_S:
            return None
        here = self.column(time)
        after = min(int(np.searchsorted(self.time, time)), len(self.time) - 1)
        near = {max(after - 1, 0), after}
        closest = min(near, key=lambda k: abs(self.time[k] - time))
        if abs(self.time[closest] - time) < 0.06:
            near = {closest}
        out = np.zeros(shape, np.uint8)
        for k in near:
            piece = self.silhouette[k]
            x = self.box[k][0] + round(here - self.middle[k])
            left, right = max(x, 0), min(x + piece.shape[1], shape[1])
            if right > left:
                y = self.box[k][1]
                rows = slice(y, y + piece.shape[0])
                out[rows, left:right] |= piece[:, left - x : right - x]
        return cv2.dilate(out, np.ones((3, 3), np.uint8))


UNSEEN_S = 1.0
"""How long somebody is taken to walk on unseen, behind the athlete."""

LOOKS_PER_S = 30.0


def passers_by(
    masks: np.ndarray, above: np.ndarray, lane: Lane, time: np.ndarray, *, stature: float
) -> list[Passer]:
    """Everybody whose feet are not on the running line, wherever each was seen apart from the
    athlete.

    masks : (n, h, w) uint8.   above : (h, w) m over the line.   stature : px.  A piece as tall as a
    person that ends above the line, or below it, while the athlete rests elsewhere or runs apart
    from it. Sightings are joined by walking on evenly.
    """
    step = max(1, round(1.0 / (LOOKS_PER_S * float(np.median(np.diff(time))))))
    width = masks.shape[2]
    tracks: list[list[tuple[float, float, tuple[int, int], np.ndarray]]] = []
    for i in range(0, len(masks), step):
        left, top, wide, high = cv2.boundingRect(masks[i])
        if wide == 0:
            continue
        there = masks[i][top : top + high, left : left + wide]
        count, labels, stats, centre = cv2.connectedComponentsWithStats(there, connectivity=8)
        if count < 3:
            continue
        centre += left, top
        x, y, w, h, area = stats.T
        x, y = x + left, y + top
        middle = np.clip(centre[:, 0], 0, width - 1).astype(int)
        lowest = above[np.minimum(y + h, len(above)) - 1, middle]
        person = (h >= 0.3 * stature) & (h > 1.1 * w) & (area >= 0.015 * stature**2)
        elsewhere = (lowest > 1.3 * BEHIND_M) | (lowest < -2.0 * BEHIND_M)
        resting = time[i] < lane.left_s - 0.2
        athletes = (np.abs(lowest) <= BEHIND_M) & (area >= 0.015 * stature**2)
        athletes[0] = False
        for k in np.flatnonzero(person & elsewhere):
            if k == 0:
                continue
            if resting:
                piece = labels == k
                if lane.resting[top : top + high, left : left + wide][piece].mean() > 0.1:
                    continue
            else:
                gap = 0.05 * stature
                apart = (x[k] > x + w + gap) | (x[k] + w[k] < x - gap)
                if not (athletes & apart).any():
                    continue
            part = labels[y[k] - top : y[k] - top + h[k], x[k] - left : x[k] - left + w[k]]
            crop = (part == k).astype(np.uint8)
            seen = (float(time[i]), float(centre[k, 0]), (int(x[k]), int(y[k])), crop)
            best, track = 0.12 * stature, None
            for other in tracks:
                since = seen[0] - other[-1][0]
                if not 0.0 < since < 1.3 or not 0.75 < h[k] / other[-1][3].shape[0] < 1.33:
                    continue
                some = np.array([(t, c) for t, c, _, _ in other[-10:]])
                speed = np.polyfit(some[:, 0], some[:, 1], 1)[0] if len(some) > 2 else 0.0
                miss = abs(other[-1][1] + speed * since - seen[1]) - 0.1 * stature * since
                if miss < best:
                    best, track = miss, other
            if track is None:
                tracks.append([seen])
            else:
                track.append(seen)
    found = []
    for track in tracks:
        if len(track) >= 5:
            times, middles, boxes, pieces = zip(*track, strict=True)
            found.append(Passer(np.array(times), np.array(middles), list(boxes), list(pieces)))
    return found


def follow(
    masks: np.ndarray,
    lane: Lane,
    time: np.ndarray,
    *,
    stature: float | None = None,
    passers: list[Passer] | None = None,
) -> np.ndarray:
    """The athlete's silhouette among everything that is not lane: (n, h, w) uint8, 0 or 1.

    From the resting place onward in time and back: what is connected to the silhouette a frame
    before, carried on with its speed, and within a body's reach of its middle. Somebody who passes
    behind is not connected; where the two overlap, only what lies within that reach is taken.
    stature : px of the small picture, as much as a tall person has; None = from the resting place.
    passers : who else is about: the silhouette does not grow into theirs.
    All 0 when nobody left a place.
    """
    out = np.zeros_like(masks)
    if not lane.resting.any():
        return out
    columns = np.flatnonzero(lane.resting.any(axis=0))
    rows = np.flatnonzero(lane.resting.any(axis=1))
    if stature is None:
        stature = 1.1 * (max(np.ptp(columns), np.ptp(rows)) + 1.0)
    ground = rows[-1]
    n, height, width = masks.shape
    gap = float(np.median(np.diff(time)))
    reach = int(np.clip(round(max(0.06 * stature, 9.0 * stature / 1.75 * gap)), 2, 12))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    floor = min(height, int(ground + 0.08 * stature) + 1)
    near_start = np.flatnonzero((time > lane.left_s - 2.0) & (time <= lane.left_s))
    if len(near_start) == 0:
        near_start = np.arange(1)
    covered = masks[near_start][:, lane.resting].mean(axis=1)
    start = int(near_start[np.argmax(covered)])

    def walk(order: range) -> None:
        allowed = lane.resting.astype(np.uint8)
        middle = np.array([columns.mean(), rows.mean()])
        speed = np.zeros(2)
        missed = 0
        area = float(allowed.sum())
        for i in order:
            centre = middle + speed
            left = int(np.clip(centre[0] - 0.7 * stature, 0, width))
            right = int(np.clip(centre[0] + 0.7 * stature + 1, 0, width))
            top = int(np.clip(ground - 1.2 * stature, 0, height))
            if right - left < 3:
                break
            window = np.s_[top:floor, left:right]
            carried = np.array([[1, 0, speed[0]], [0, 1, speed[1]]], np.float32)
            near = np.zeros_like(allowed)
            x, y, w, h = cv2.boundingRect(allowed)
            part = np.s_[max(y - reach, 0) : y + h + reach, max(x - reach, 0) : x + w + reach]
            near[part] = cv2.dilate(allowed[part], kernel)
            if np.abs(speed).max() > 0.5:
                near = cv2.warpAffine(near, carried, (width, height), flags=cv2.INTER_NEAREST)
            for passer in passers or []:
                if abs(passer.column(time[i]) - centre[0]) > 1.2 * stature:
                    continue
                ghost = passer.ghost(time[i], (height, width))
                if ghost is not None:
                    # what was the athlete's a picture ago, and may be now, stays the athlete's
                    own = allowed
                    if np.abs(speed).max() > 0.5:
                        own = cv2.warpAffine(
                            allowed, carried, (width, height), flags=cv2.INTER_NEAREST
                        )
                    near = near & ((1 - ghost) | own)
            found = _standing(masks[i][window] & near[window], ground - top, stature)
            count = int(found.sum())
            if count < 0.25 * area:
                missed += 1
                middle = centre
                if missed * gap > 0.25:
                    break
                if np.abs(speed).max() > 0.5:
                    allowed = cv2.warpAffine(
                        allowed, carried, (width, height), flags=cv2.INTER_NEAREST
                    )
                continue
            missed = 0
            area = 0.9 * area + 0.1 * count
            out[i][window] = found
            allowed = out[i]
            m = cv2.moments(found, binaryImage=True)
            here = np.array([m["m10"] / m["m00"] + left, m["m01"] / m["m00"] + top])
            speed = 0.8 * speed + 0.2 * np.clip(here - middle, -reach, reach)
            middle = here

    walk(range(start, n))
    walk(range(start, -1, -1))
    return out


def _standing(found: np.ndarray, ground: float, stature: float) -> np.ndarray:
    """The pieces that belong to somebody on the running line; who stands behind it is higher up.

    found : (h, w) uint8.   ground : the row of the line.   Only where one tall piece comes down to
    the line are others, which end a fifth of a metre above it, taken away, from `found` itself.
    """
    x, y, w, h = cv2.boundingRect(found)
    if w == 0:
        return found
    there = found[y : y + h, x : x + w]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(there, connectivity=8)
    if count < 3:
        return found
    ground = ground - y
    area = stats[1:, cv2.CC_STAT_AREA]
    bottom = stats[1:, cv2.CC_STAT_TOP] + stats[1:, cv2.CC_STAT_HEIGHT]
    large, low = area >= 0.12 * area.max(), bottom >= ground - 0.10 * stature
    tall = stats[1:, cv2.CC_STAT_HEIGHT] >= 0.35 * stature  # a shadow is low, and no body
    left = stats[1:, cv2.CC_STAT_LEFT]
    right = left + stats[1:, cv2.CC_STAT_WIDTH]
    bodies = np.flatnonzero(large & low & tall)
    if len(bodies) == 0:
        return found
    # what is above a leg may be the same body's, parted from it by the lane's own grey
    apart = 0.1 * stature
    behind = [
        piece + 1
        for piece in np.flatnonzero(large & ~low)
        if np.all((left[piece] > right[bodies] + apart) | (right[piece] < left[bodies] - apart))
    ]
    if not behind:
        return found
    there[np.isin(labels, behind)] = 0
    return found


class Body(NamedTuple):
    """The silhouette in numbers, in px of the full picture; NaN where there is none."""

    thickest: np.ndarray  # (n, 2) column, row of where the body is thickest
    trunk: np.ndarray  # (n, 2) column, row of the middle of an upright body's trunk
    top: np.ndarray  # (n,) row of the highest point over the trunk
    bottom: np.ndarray  # (n,) row of the lowest point
    area: np.ndarray  # (n,) px of the small picture
    cut: np.ndarray  # (n, 2) bool: touches the picture's left, its right side


NECK, HIPS = 0.18, 0.48
"""Base of the neck and hips below the top of the head, as parts of an upright body's height
(Drillis & Contini 1966, as in Winter, Biomechanics and Motor Control of Human Movement, fig.
4.1)."""


def body(masks: np.ndarray, factor: int, ground: np.ndarray) -> Body:
    """Where the torso is in every silhouette, and how high the body reaches.

    masks : (n, h, w) uint8.   ground : (w,) row of the ground in the full picture, by column of
    the small one. `thickest` is the middle of the fourth power of the distance to the outline, for
    bodies in any position. `trunk` holds for upright ones: between neck and hips every row has a
    middle (weighted by the distance to the outline squared, so that arms count little), a line
    through those middles is the trunk's axis, and its middle the torso centre.
    """
    n, _, width = masks.shape
    thickest, trunk = np.full((n, 2), np.nan), np.full((n, 2), np.nan)
    top, bottom = np.full(n, np.nan), np.full(n, np.nan)
    area = np.zeros(n)
    cut = np.zeros((n, 2), bool)
    floor = (np.asarray(ground) + 0.5) / factor - 0.5
    for i, mask in enumerate(masks):
        x, y, w, h = cv2.boundingRect(mask)
        if w < 3 or h < 3:
            continue
        piece = cv2.copyMakeBorder(mask[y : y + h, x : x + w], 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        thick = cv2.distanceTransform(piece, cv2.DIST_L2, 5)
        thick *= thick
        m = cv2.moments(thick * thick)
        middle = m["m10"] / m["m00"]
        thickest[i] = middle + x - 1, m["m01"] / m["m00"] + y - 1
        highest = _top(piece, thick, middle) + y - 1
        stand = floor[min(max(round(thickest[i, 0]), 0), width - 1)]
        axis = _trunk(thick, highest - y + 1, stand - highest)
        trunk[i] = axis[0] + x - 1, axis[1] + y - 1
        top[i], bottom[i] = highest - 0.5, y + h - 0.5
        area[i] = cv2.countNonZero(piece)
        cut[i] = x <= 1, x + w >= width - 1
    return Body(
        (thickest + 0.5) * factor - 0.5,
        (trunk + 0.5) * factor - 0.5,
        (top + 0.5) * factor - 0.5,
        (bottom + 0.5) * factor - 0.5,
        area,
        cut,
    )


def _top(piece: np.ndarray, thick: np.ndarray, middle: float) -> float:
    """Highest row of the body near its middle: no hand held high, no leaf that stuck to the
    head."""
    reach = 0.35 * piece.shape[0] + 2
    left, right = max(0, int(middle - reach)), int(middle + reach) + 1
    wide = np.count_nonzero(piece[:, left:right], axis=1)
    least = max(2.0, 0.35 * float(np.sqrt(thick.max())))
    rows = np.flatnonzero(wide >= least)
    return float(rows[0]) if len(rows) else 1.0


def _trunk(thick: np.ndarray, top: float, height: float) -> tuple[float, float]:
    """Middle of the trunk's axis; NaN where fewer than four rows lie between neck and hips."""
    first, last = max(int(np.ceil(top + NECK * height)), 0), int(top + HIPS * height)
    rows = thick[first : last + 1]
    total = rows.sum(axis=1)
    if len(rows) < 4 or not total.all():
        return float("nan"), float("nan")
    middle = (rows @ np.arange(rows.shape[1], dtype=np.float32) / total).astype(float)
    row = np.arange(len(rows), dtype=float)
    design = np.stack([np.ones_like(row), row])
    weight = np.ones(len(rows))
    wanted = top + 0.5 * (NECK + HIPS) * height - first
    at = float("nan")
    for _ in range(3):
        # a straight line by weighted least squares
        (n, r), (_, rr) = (design * weight) @ design.T
        m, rm = design @ (weight * middle)
        slope = (n * rm - r * m) / (n * rr - r * r)
        level = (m - slope * r) / n
        off = np.abs(middle - level - slope * row)
        spread = max(1.4826 * float(np.sort(off)[len(off) // 2]), 0.4)
        weight = np.maximum(1.0 - (off / (3.0 * spread)) ** 2, 0.1) ** 2
        at = level + slope * wanted
    return at, wanted + first


CELL = 3
"""Side of a cell of the displacement grid, px of the half-size picture."""

SOFT = 1.0
"""Standard deviation, in cells, of the soft window over them."""

NEIGHBOURS = 0.6
"""Standard deviation, in cells, over which a search begins from the neighbours' answers."""


def part_of(
    field: np.ndarray, shape: tuple[int, int], box: tuple[int, int, int, int]
) -> np.ndarray:
    """The light of `field` (r, c), which covers a picture of `shape`, in box = (left, top, width,
    height) of it."""
    left, top, width, height = box
    sx, sy = field.shape[1] / shape[1], field.shape[0] / shape[0]
    onto = np.array([[sx, 0, (left + 0.5) * sx - 0.5], [0, sy, (top + 0.5) * sy - 0.5]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        field, onto, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


class Displacement(NamedTuple):
    """How far each part of the body is from where it was in the reference picture."""

    site: np.ndarray  # (m, 2) px of the full picture
    vector: np.ndarray  # (k, m, 2) px of the full picture, camera shake taken out
    lost: np.ndarray  # (k, m) bool: no displacement explains what is seen there
    grip: np.ndarray  # (m, 2, 2) (grey levels / px)^2, mean structure tensor: what there is to hold


def displacement(
    luma: Sequence[np.ndarray],
    registration: Registration,
    reference: np.ndarray,
    region: np.ndarray,
    around: np.ndarray,
    *,
    box: tuple[int, int, int, int],
    rounds: int = 3,
) -> tuple[Displacement, Displacement]:
    """Displacement of every part of `region` against its reference picture, picture by picture, and
    what `around` it, that cannot have moved, seems to do.

    luma : k full pictures (h, w), in order of time.   registration : of the same pictures, shifts
    in px of the full picture.   reference : (hb, wb) float32 at half size; region and around :
    (hb, wb) bool, all within box = (left, top, width, height) in half-size px.

    Lucas & Kanade (1981) on a grid of cells under a soft window twice their size, only pixels of
    the region counting; each picture begins from the answer of the one before, and ends where a
    round changes nothing. A prior of 3 px on the displacement keeps what has no texture where it
    was instead of letting it wander. The ground is looked at once, from where it is.
    """
    left, top, width, height = box
    rows, columns = height // CELL, width // CELL
    smooth_reference = cv2.GaussianBlur(reference, (0, 0), 1.0)
    gx = cv2.Sobel(smooth_reference, cv2.CV_32F, 1, 0, scale=1 / 8)
    gy = cv2.Sobel(smooth_reference, cv2.CV_32F, 0, 1, scale=1 / 8)

    def cells(values: np.ndarray) -> np.ndarray:
        summed = cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA)
        return cv2.GaussianBlur(summed, (0, 0), SOFT, borderType=cv2.BORDER_CONSTANT)

    body, ground = _Grip.of(region, gx, gy, cells), _Grip.of(around, gx, gy, cells)
    trust = (body.axx + body.ayy)[..., None]
    shared = cv2.GaussianBlur(body.axx + body.ayy, (0, 0), NEIGHBOURS)[..., None]
    grid_y, grid_x = np.mgrid[0:height, 0:width].astype(np.float32)
    flow = np.zeros((rows, columns, 2), np.float32)
    vectors = np.zeros((len(luma), int(body.used.sum()), 2), np.float32)
    lost = np.zeros(vectors.shape[:2], bool)
    seeming = np.zeros((len(luma), int(ground.used.sum()), 2), np.float32)
    shape = (luma[0].shape[0] // 2, luma[0].shape[1] // 2)
    for i, picture in enumerate(luma):
        crop = picture[2 * top : 2 * (top + height), 2 * left : 2 * (left + width)]
        half = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)
        half = relit(half, registration.gain[i], registration.offset[i])
        half = cv2.GaussianBlur(half, (0, 0), 1.0)
        if registration.field is not None:
            half /= part_of(registration.field[i], shape, (left, top, width, height))
        shake = registration.shift[i].astype(np.float32) / 2.0
        steady_x, steady_y = grid_x + shake[0], grid_y + shake[1]
        if abs(shake[0]) + abs(shake[1]) > 0.01:
            unmoved = cv2.remap(
                half, steady_x, steady_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
        else:
            unmoved = half
        unmoved = cv2.subtract(smooth_reference, unmoved)
        seeming[i] = 2.0 * ground.step(unmoved, cells)[ground.used]
        for k in range(rounds):
            # from among the answers of its neighbours: alone, a cell whose texture was drawn anew
            # would wander off step by step after what no displacement explains
            flow = cv2.GaussianBlur(flow * trust, (0, 0), NEIGHBOURS) / shared
            if k == 0 and not flow.any():
                apart = unmoved
            else:
                dense = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
                there_x = cv2.add(dense[..., 0], steady_x)
                there_y = cv2.add(dense[..., 1], steady_y)
                there = cv2.remap(
                    half, there_x, there_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
                )
                apart = cv2.subtract(smooth_reference, there)
            more = body.step(apart, cells)
            flow += more
            if np.abs(more[body.used]).max(initial=0.0) < SETTLED:
                break
        vectors[i] = 2.0 * flow[body.used]
        # a displacement that does not explain the change is none: something else came into sight
        after = cells(cv2.multiply(body.weight, cv2.multiply(apart, apart)))
        unexplained = after > 9.0 * body.covered
        if not unexplained.any():
            continue
        before = cells(cv2.multiply(body.weight, cv2.multiply(unmoved, unmoved)))
        unexplained &= after > 0.4 * before
        lost[i] = unexplained[body.used]
        # what is lost begins again from its place instead of wandering off
        flow[unexplained & (np.abs(flow).max(axis=2) > 8)] = 0
    corner = np.array([left, top], float)
    never = np.zeros(seeming.shape[:2], bool)
    return (
        Displacement(body.site(corner), vectors, lost, body.tensor()),
        Displacement(ground.site(corner), seeming, never, ground.tensor()),
    )


SETTLED = 0.05
"""A round that changes no cell by more (px of the half-size picture) was the last."""


class _Grip(NamedTuple):
    """What there is to hold on to in every cell of a region: the structure tensor, and a prior."""

    weight: np.ndarray  # (hb, wb) float32, 0 to 1
    wx: np.ndarray  # (hb, wb) weight times gradient
    wy: np.ndarray
    covered: np.ndarray  # (r, c) mean weight
    axx: np.ndarray
    axy: np.ndarray
    ayy: np.ndarray
    inverse: tuple[np.ndarray, np.ndarray, np.ndarray]  # xx, xy, yy of the tensor's inverse
    used: np.ndarray  # (r, c) bool

    @classmethod
    def of(
        cls,
        region: np.ndarray,
        gx: np.ndarray,
        gy: np.ndarray,
        cells: Callable[[np.ndarray], np.ndarray],
    ) -> _Grip:
        weight = cv2.blur(cv2.dilate(region.astype(np.float32), np.ones((3, 3))), (3, 3))
        wx, wy = weight * gx, weight * gy
        axx, axy, ayy = cells(wx * gx), cells(wx * gy), cells(wy * gy)
        covered = cells(weight)
        used = (covered > 0.12) & (axx + ayy > 4.0 * covered)
        prior = 4.0 / 9.0 / (CELL * CELL)  # two grey levels of noise against 3 px
        axx, ayy = axx + prior, ayy + prior
        determinant = axx * ayy - axy * axy
        inverse = ayy / determinant, -axy / determinant, axx / determinant
        return cls(weight, wx, wy, covered, axx, axy, ayy, inverse, used)

    def step(self, apart: np.ndarray, cells: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """(r, c, 2) px, one step of Lucas & Kanade towards what makes `apart` nothing."""
        bx, by = cells(cv2.multiply(self.wx, apart)), cells(cv2.multiply(self.wy, apart))
        xx, xy, yy = self.inverse
        flow = np.empty((*bx.shape, 2), np.float32)
        np.clip(xx * bx + xy * by, -2, 2, out=flow[..., 0])
        np.clip(xy * bx + yy * by, -2, 2, out=flow[..., 1])
        return flow

    def site(self, corner: np.ndarray) -> np.ndarray:
        """(m, 2) px of the full picture, the middle of every used cell."""
        y, x = np.nonzero(self.used)
        return 2.0 * (np.column_stack([x + 0.5, y + 0.5]) * CELL + corner)

    def tensor(self) -> np.ndarray:
        """(m, 2, 2) (grey levels / px)^2 of the full picture, mean over the cell."""
        whole = np.stack(
            [np.stack([self.axx, self.axy], -1), np.stack([self.axy, self.ayy], -1)], -1
        )
        return whole[self.used] / self.covered[self.used][:, None, None] / 4.0


def refreshed(control: Displacement) -> np.ndarray:
    """(k,) bool: pictures in which all textures were drawn anew, as a film's key pictures are.

    control : displacement of what cannot have moved. In such a picture it all seems to jump at
    once: four times as far as from any picture to the next around, and by 0.1 grey levels or more.
    """
    k, m = control.lost.shape
    if m < 8 or k < 8:
        return np.zeros(k, bool)
    value, axes = np.linalg.eigh(control.grip)
    jump = along(np.diff(control.vector, axis=0), axes)
    jump = np.abs(jump * np.sqrt(np.maximum(value, 0.0)).astype(np.float32)).reshape(k - 1, -1)
    size = _upper_quartile(jump)
    return np.append(False, size > np.maximum(4.0 * median_filter(size, 11), 0.1))


def joined(moved: Displacement, breaks: np.ndarray) -> Displacement:
    """The displacement with what jumped in the pictures `breaks` (k,) bool taken out again.

    Whatever moves goes on there as it went before; the difference is the new drawing's.
    """
    vector = moved.vector.copy()
    for i in np.flatnonzero(breaks):
        before, after = (
            i - 1,
            i + 2,
        )  # following takes a picture or two to settle on the new drawing
        if before < 3 or after >= len(vector):
            continue
        going = (vector[before] - vector[before - 3]) / 3.0
        vector[after:] -= vector[after] - (vector[before] + 3.0 * going)
        vector[i] = vector[before] + going
        vector[i + 1] = vector[before] + 2.0 * going
    return moved._replace(vector=vector)


def unsteadiness(control: Displacement, rest: np.ndarray) -> np.ndarray:
    """How much the picture itself stirs, picture by picture: (k,) grey levels; 0 without control.

    control : displacement of what cannot have moved.   rest : (k,) bool, pictures of the still
    second.
    What still ground seems to move, times what it has to hold on to, is an error in grey levels;
    a body part with a grip g errs by that over g. The 75 % quantile of all sites and directions.
    """
    if control.vector.shape[1] < 8 or not rest.any():
        return np.zeros(len(control.vector))
    value, axes = np.linalg.eigh(control.grip)
    apart = control.vector - control.vector[rest].mean(axis=0)
    error = along(apart, axes) * np.sqrt(np.maximum(value, 0.0)).astype(np.float32)
    return _upper_quartile(np.abs(error).reshape(len(error), -1))


def _upper_quartile(values: np.ndarray) -> np.ndarray:
    """(k,) of (k, m)."""
    at = (3 * values.shape[1]) // 4
    return np.partition(values, at, axis=1)[:, at].astype(float)


def along(vector: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """(k, m, 2) components of (k, m, 2) vectors along (m, 2, 2) axes, which are columns."""
    a = axes.astype(vector.dtype)
    out = np.empty_like(vector)
    for j in (0, 1):
        out[..., j] = vector[..., 0] * a[:, 0, j] + vector[..., 1] * a[:, 1, j]
    return out
