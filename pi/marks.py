"""Marks on the running line: cones and printed tags found in a picture.

A tag stands upright on the line, its face to the camera. Tag number n stands at n * 0.5 m, or at
n times another spacing; the middle of its board's lower edge is the mark. Pictures in, px out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

SPACING_M = 0.5

MARGIN = 0.25
"""White below a tag down to its board's lower edge, in sides of the tag: so is the sheet made."""

DICTIONARIES = ("DICT_4X4_50", "DICT_APRILTAG_36h11")

SMALLEST_PX = 12.0
"""Side of the smallest tag that is believed: below it grass and leaves are read as tags."""


class Refined(NamedTuple):
    """The foot of a cone near a tap."""

    pixel: tuple[float, float]  # px; the tap itself where nothing was found
    u_px: float  # standard uncertainty across
    moved_px: float  # from the tap
    found: bool


def refine(picture: np.ndarray, pixel: Sequence[float], *, tapped_u_px: float = 1.5) -> Refined:
    """The place where the cone near a tapped pixel stands, to a fraction of a pixel.

    picture : (h, w) uint8.    pixel : (u, v).
    The cone is what differs from the ground to its left and right; it stands where the middle of
    its sides meets its lower edge. Where nothing like it is near, the tap comes back with its own
    uncertainty. Raises ValueError for a pixel outside the picture.
    """
    height, width = picture.shape
    u, v = float(pixel[0]), float(pixel[1])
    if not (0 <= u <= width - 1 and 0 <= v <= height - 1):
        raise ValueError(f"pixel: ({u:.0f}, {v:.0f}) is outside the picture, {width}x{height}")
    tap = Refined((u, v), tapped_u_px, 0.0, False)
    reach = int(np.clip(round(width * 0.02), 10, 48))
    left, right = max(0, round(u) - 2 * reach), min(width, round(u) + 2 * reach + 1)
    top, bottom = max(0, round(v) - 2 * reach), min(height, round(v) + reach + 1)
    patch = cv2.GaussianBlur(picture[top:bottom, left:right], (0, 0), 0.7).astype(np.float32)
    if patch.shape[1] < 2 * reach or patch.shape[0] < reach:
        return tap
    apart, noise = _against_the_ground(patch)
    level = max(5.0 * noise, 10.0)
    object_ = _object_at(apart, level, (u - left, v - top), reach / 2)
    if object_ is None:
        return tap
    foot = _foot(apart, object_)
    if foot is None:
        return tap
    column, row, u_px = foot
    moved = float(np.hypot(column + left - u, row + top - v))
    if moved > reach:
        return tap
    return Refined((column + left, row + top), u_px, moved, True)


def _against_the_ground(patch: np.ndarray) -> tuple[np.ndarray, float]:
    """Each row against what lies at its two ends, so that a lane line behind is ground; noise."""
    band = max(3, patch.shape[1] // 6)
    ends = np.stack([np.median(patch[:, :band], axis=1), np.median(patch[:, -band:], axis=1)], 1)
    share = np.linspace(0, 1, patch.shape[1], dtype=np.float32)
    apart = patch - (ends[:, :1] * (1 - share) + ends[:, 1:] * share)
    beside = np.concatenate([apart[:, :band], apart[:, -band:]], axis=1)
    return apart, float(1.4826 * np.median(np.abs(beside)))


def _object_at(
    apart: np.ndarray, level: float, tap: tuple[float, float], reach: float
) -> np.ndarray | None:
    """(h, w) bool, the connected piece at the tap that differs from the ground; None if none."""
    best, best_far = None, reach
    for sign in (1.0, -1.0):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            (sign * apart > level).astype(np.uint8), connectivity=8
        )
        for label in range(1, count):
            x, _, wide, high, area = stats[label]
            at_an_edge = x <= 0 or x + wide >= apart.shape[1]
            if area < 15 or at_an_edge or high < 3 or wide < 3:
                continue
            rows, columns = np.nonzero(labels == label)
            far = np.hypot(columns - tap[0], rows - tap[1]).min()
            if far < best_far or (best is not None and far == best_far and area > best.sum()):
                best, best_far = labels == label, far
    return best


def _foot(apart: np.ndarray, object_: np.ndarray) -> tuple[float, float, float] | None:
    """Column and row of an object's foot, and the column's uncertainty."""
    sign = float(np.sign(apart[object_].sum()))
    rows = np.flatnonzero(object_.any(axis=1))
    lowest, high = rows[-1], len(rows)
    strength = np.maximum(sign * apart, 0.0)
    middles: list[tuple[float, float]] = []
    # The lowest row is half ground; further up a cone is narrow and less sure.
    for row in range(lowest - 1, max(lowest - 1 - min(12, max(3, high // 2)), rows[0]), -1):
        columns = np.flatnonzero(object_[row])
        if len(columns) < 3:
            continue
        profile = strength[row]
        half = 0.5 * float(np.median(profile[columns]))
        first, last = _crossing(profile, columns[0], -1, half), _crossing(
            profile, columns[-1], 1, half)  # fmt: skip
        if first is not None and last is not None:
            middles.append((row, 0.5 * (first + last)))
    if len(middles) < 2:
        return None
    at = np.array(middles)
    middle = float(np.median(at[:, 1]))
    columns = np.flatnonzero(object_[at[:, 0].astype(int)].any(axis=0))
    third = max(1, round(len(columns) / 6))
    centre = round(middle)
    down = strength[:, max(0, centre - third) : centre + third + 1].mean(axis=1)
    inside = float(np.median(down[max(rows[0], lowest - max(3, high // 2)) : lowest]))
    foot = _crossing(down, lowest - 1, 1, 0.5 * inside)
    if foot is None:
        return None
    lean = np.polyfit(at[:, 0] - foot, at[:, 1], 1) if len(at) >= 5 else np.array([0.0, middle])
    if abs(lean[0]) > 0.2:  # no cone leans so: one side is something else, a shadow perhaps
        lean = np.array([0.0, middle])
    rest = at[:, 1] - np.polyval(lean, at[:, 0] - foot)
    u_px = float(np.hypot(0.15, np.std(rest)))
    return float(lean[1]), float(foot), u_px


def _crossing(profile: np.ndarray, start: int, step: int, level: float) -> float | None:
    """Where, from `start` on, a profile falls below a level; None when it never does."""
    at = int(start)
    while 0 <= at < len(profile) and profile[at] < level:
        at -= step  # begin inside
    while 0 <= at + step < len(profile):
        here, there = float(profile[at]), float(profile[at + step])
        if there < level <= here:
            return at + step * (here - level) / (here - there)
        at += step
    return None


class Tag(NamedTuple):
    """A printed tag that was seen."""

    number: int
    metres: float
    corners: np.ndarray  # (4, 2) px: upper left, upper right, lower right, lower left
    pixel: tuple[float, float]  # px, the middle of its board's lower edge

    @property
    def uprights(self) -> np.ndarray:
        """(2, 2, 2) px, its two upright edges, upper end first."""
        return self.corners[[[0, 3], [1, 2]]]


def aruco() -> Any:
    """OpenCV's module for tags. Raises ImportError that says where to get it."""
    if not hasattr(cv2, "aruco"):
        raise ImportError(
            "this OpenCV cannot read tags: on a Pi sudo apt install python3-opencv, elsewhere "
            "opencv-python-headless 4.7 or newer"
        )
    return cv2.aruco


def dictionary(name: str) -> Any:
    module = aruco()
    return module.getPredefinedDictionary(getattr(module, name))


def find_tags(picture: np.ndarray, *, spacing_m: float = SPACING_M) -> list[Tag]:
    """The tags that stand upright in a picture, by their metres; none is an empty list.

    picture : (h, w) uint8.    A tag that is seen twice, lies or hangs upside down, or is too
    small to be believed is left out. Of the two kinds that are known the one that is seen more
    often counts. Raises ImportError where OpenCV was built without them.
    """
    # At twice the size: a square of a tag is but some 4 px wide, less than the reading allows for.
    large = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    found = [_tags_of(large, name, spacing_m) for name in DICTIONARIES]
    return max(found, key=len)


def _tags_of(large: np.ndarray, name: str, spacing_m: float) -> list[Tag]:
    """In px of the picture that was enlarged twice."""
    module, known = aruco(), dictionary(name)
    modern = hasattr(module, "ArucoDetector")
    # A tag is small in the picture, and a corner's surroundings must not reach to the next.
    wanted = module.DetectorParameters() if modern else module.DetectorParameters_create()
    wanted.cornerRefinementMethod = module.CORNER_REFINE_SUBPIX
    wanted.cornerRefinementWinSize = 4
    wanted.errorCorrectionRate = 0.0 if name == "DICT_4X4_50" else 0.3
    if modern:
        corners, numbers, _ = module.ArucoDetector(known, wanted).detectMarkers(large)
    else:
        corners, numbers, _ = module.detectMarkers(large, known, parameters=wanted)
    if numbers is None or not len(numbers):
        return []
    tags = {}
    twice = set()
    for number, four in zip(np.ravel(numbers).tolist(), corners, strict=True):
        four = np.asarray(four, float).reshape(4, 2)
        if number in tags:
            twice.add(number)
        if not _stands(four / 2):
            continue
        four = (_sharpened(large, four) + 0.5) / 2 - 0.5
        tags[number] = Tag(number, number * spacing_m, four, _board_foot(four))
    return sorted(
        (tag for number, tag in tags.items() if number not in twice), key=lambda tag: tag.metres
    )


def _stands(corners: np.ndarray) -> bool:
    across = 0.5 * (corners[1] - corners[0] + corners[2] - corners[3])
    down = 0.5 * (corners[3] - corners[0] + corners[2] - corners[1])
    upright = down[1] > 2 * abs(down[0]) and across[0] > 2 * abs(across[1])
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    return bool(upright and sides.min() > SMALLEST_PX and sides.max() < 3 * sides.min())


def _sharpened(large: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The corners as the crossings of the tag's four edges, each a line through many places.

    A corner alone is known to some tenths of a px, which over so small a tag is half a degree.
    """
    lines = []
    side = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1).mean()
    reach = float(np.clip(side / 12, 2.5, 8.0))  # half the black border: no other edge is in it
    across = np.linspace(-reach, reach, 33)
    for first, second in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along = (second - first) / np.linalg.norm(second - first)
        outward = np.array([along[1], -along[0]])  # corners go round clockwise, seen with v down
        share = np.linspace(0.15, 0.85, 24)[:, None]
        places = first + share * (second - first)
        looked = places[:, None] + across[None, :, None] * outward
        grey = cv2.remap(
            large.astype(np.float32),
            looked[..., 0].astype(np.float32),
            looked[..., 1].astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        rise = np.maximum(np.gradient(grey, axis=1), 0.0)  # from black to the white around
        weight = rise.sum(axis=1)
        if weight.min() <= 0:
            return corners
        edge = places + ((rise @ across) / weight)[:, None] * outward
        for _ in range(2):  # once more without what lies off the line
            direction = np.linalg.svd(edge - edge.mean(axis=0))[2][0]
            off = np.abs((edge - edge.mean(axis=0)) @ [-direction[1], direction[0]])
            edge = edge[off <= max(0.3, 2.5 * float(np.median(off)))]
        middle = edge.mean(axis=0)
        lines.append(np.cross([*middle, 1.0], [*(middle + direction), 1.0]))
    found = [np.cross(lines[i - 1], lines[i]) for i in range(4)]
    better = np.array([point[:2] / point[2] for point in found])
    far = np.linalg.norm(better - corners, axis=1).max()
    return better if np.isfinite(far) and far < reach else corners


def _board_foot(corners: np.ndarray) -> tuple[float, float]:
    """The middle of the board's lower edge, a margin below the tag."""
    upper, lower = corners[:2].mean(axis=0), corners[2:].mean(axis=0)
    # Not by the tag's own perspective: in so few px that is mostly noise.
    foot = lower + MARGIN * (lower - upper)
    return float(foot[0]), float(foot[1])
