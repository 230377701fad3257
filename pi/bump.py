"""Whether the camera has been moved between two pictures, and by how much. Pictures in, px out.

Tiles of the picture that have structure are found again in the other picture, by phase correlation
(Kuglin & Hines 1975) and then Lucas-Kanade (1981) to a fraction of a pixel, each with its own mean
and contrast taken out, so that light counts for nothing. What most of them agree on is the
camera's; a person in the lane, leaves and flags move tiles of their own, which are left out.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

TILE_PX = 96
"""Side of a tile: at the usual scale 0.6 m of the lane."""

AGREED_PX = 0.4
"""Tiles agree that are this near to what they say together; leaves in a breeze are not."""

FEWEST_TILES = 6

FEW = 0.15
"""Share of the tiles with structure that must agree; fewer say nothing."""

NONE = 0.1
"""With fewer than so many, of a picture with structure all over, it is another scene."""


class Shift(NamedTuple):
    """How the second picture lies against the first."""

    px: float  # the largest displacement asked for; NaN = could not be told, inf = another scene
    to_second: np.ndarray | None  # (2, 3) px of the second picture from px of the first
    tiles: int  # that agree
    of: int  # tiles with structure


def shift_since(still: np.ndarray, picture: np.ndarray, at: np.ndarray | None = None) -> Shift:
    """By how many px what was seen in `still` lies elsewhere in `picture`.

    still, picture : (h, w) uint8 of the same size.    at : (n, 2) px of `still` where it matters,
    such as the cones; the middle of the picture and of its halves if not given.
    px is NaN where there is too little structure to tell, or somebody hides most of it; infinite
    where both pictures have structure all over and next to none of it in common.
    Raises ValueError for pictures of different size.
    """
    if still.shape != picture.shape:
        raise ValueError(
            f"picture: {picture.shape[::-1]} px, but the still has {still.shape[::-1]}"
        )
    height, width = still.shape
    if at is None:
        at = np.array([[width * x, height / 2] for x in (0.25, 0.5, 0.75)])
    before, now = _flattened(still), _flattened(picture)
    # Somebody large before the camera may lead the rough answer astray: then as if nothing moved.
    for rough in (_roughly(before, now), (0.0, 0.0)):
        places, apart, structured, of = _found_again(before, now, rough)
        map_, agreed = _agree(places, apart)
        if map_ is not None and agreed >= max(FEWEST_TILES, FEW * structured):
            break
    else:
        other = structured > of / 3 and agreed < NONE * structured
        return Shift(float("inf") if other else float("nan"), None, agreed, structured)
    shifted = np.asarray(at, float).reshape(-1, 2) @ map_[:, :2].T + map_[:, 2]
    px = float(np.linalg.norm(shifted - np.asarray(at, float).reshape(-1, 2), axis=1).max())
    return Shift(px, map_, agreed, structured)


def _found_again(
    before: np.ndarray, now: np.ndarray, rough: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Middles of the tiles that are found again, (n, 2) px; where they went, (n, 2) px; how many
    have structure in both pictures, of how many."""
    height, width = before.shape
    side = min(TILE_PX, height // 3, width // 3)
    places: list[tuple[float, float]] = []
    moved: list[tuple[float, float]] = []
    structured = of = 0
    for top in range(0, height - side + 1, side):
        for left in range(0, width - side + 1, side):
            of += 1
            first = before[top : top + side, left : left + side]
            y, x = round(top + rough[1]), round(left + rough[0])
            second = now[max(y, 0) : y + side, max(x, 0) : x + side]
            if second.shape != first.shape or not _has_structure(first):
                continue
            structured += _has_structure(second)
            apart = _apart(first, now, (left, top), rough)
            if apart is not None:
                places.append((left + (side - 1) / 2, top + (side - 1) / 2))
                moved.append(apart)
    return np.array(places).reshape(-1, 2), np.array(moved).reshape(-1, 2), structured, of


def _flattened(picture: np.ndarray) -> np.ndarray:
    """(h, w) float32 without slow changes of brightness and with like contrast everywhere."""
    grey = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.0)
    flat = grey - cv2.blur(grey, (31, 31))
    # What the blur above leaves of the noise must stay small: noise alone is no structure.
    contrast = np.sqrt(cv2.blur(flat * flat, (31, 31)) + (1.0 + _noise(picture)) ** 2)
    return flat / contrast


def _noise(picture: np.ndarray) -> float:
    """Grey levels of noise (SD), by Immerkaer (1996) where the picture has the least texture."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = np.abs(cv2.filter2D(picture.astype(np.float32), cv2.CV_32F, kernel))
    blocks = cv2.resize(rough, None, fx=1 / 32, fy=1 / 32, interpolation=cv2.INTER_AREA)
    return float(np.quantile(blocks, 0.25) * np.sqrt(np.pi / 2) / 6)


def _has_structure(tile: np.ndarray) -> bool:
    """Whether a shift of it would show in both directions."""
    gx = cv2.Sobel(tile, cv2.CV_32F, 1, 0, scale=1 / 8)
    gy = cv2.Sobel(tile, cv2.CV_32F, 0, 1, scale=1 / 8)
    a, b, c = float(np.mean(gx * gx)), float(np.mean(gx * gy)), float(np.mean(gy * gy))
    weakest = 0.5 * (a + c) - np.hypot(0.5 * (a - c), b)
    return bool(np.mean(tile * tile) > 0.1 and weakest > 2e-3)


def _roughly(before: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """The shift (px) of the whole picture, to some px: from pictures of a quarter the size."""
    small = [cv2.resize(each, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) for each in (
        before, now)]  # fmt: skip
    window = cv2.createHanningWindow(small[0].shape[::-1], cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(small[0], small[1], window)
    return 4.0 * x, 4.0 * y


def _apart(
    first: np.ndarray, now: np.ndarray, corner: tuple[int, int], rough: tuple[float, float]
) -> tuple[float, float] | None:
    """Where a tile of the first picture has gone (px), None where it is not found again."""
    side = first.shape[0]
    middle = np.array(corner, float) + (side - 1) / 2
    window = cv2.createHanningWindow((side, side), cv2.CV_32F)

    def seen(shift: np.ndarray) -> np.ndarray:
        return cv2.getRectSubPix(now, (side, side), tuple((middle + shift).tolist()))

    shift = np.round(rough).astype(float)
    step, response = cv2.phaseCorrelate(first, seen(shift), window)
    if response < 0.03 or np.hypot(*step) > side / 3:
        return None
    shift += step
    for _ in range(4):
        second = seen(shift)
        mean = 0.5 * (first + second)
        gx = cv2.Sobel(mean, cv2.CV_32F, 1, 0, scale=1 / 8) * window
        gy = cv2.Sobel(mean, cv2.CV_32F, 0, 1, scale=1 / 8) * window
        rest = (second - first) * window
        a = np.array([[np.sum(gx * gx), np.sum(gx * gy)], [np.sum(gx * gy), np.sum(gy * gy)]])
        b = np.array([np.sum(gx * rest), np.sum(gy * rest)])
        step = -np.linalg.solve(a + 1e-6 * np.eye(2), b)
        shift += np.clip(step, -2, 2)
    second = seen(shift)
    alike = float(np.sum(first * second * window))
    alike /= float(np.sqrt(np.sum(first**2 * window) * np.sum(second**2 * window))) + 1e-9
    return (float(shift[0]), float(shift[1])) if alike > 0.35 else None


def _agree(places: np.ndarray, moved: np.ndarray) -> tuple[np.ndarray | None, int]:
    """The (2, 3) map that most tiles follow, a shift with a little turning, and how many do."""
    if len(places) < FEWEST_TILES:
        return None, len(places)
    votes = np.linalg.norm(moved[:, None] - moved[None], axis=2) < 3.0
    inside = votes[np.argmax(votes.sum(axis=1))]
    map_ = None
    for within in (3.0, 1.5, 0.75, AGREED_PX, AGREED_PX):
        if inside.sum() < FEWEST_TILES:
            return None, int(inside.sum())
        map_ = _similarity(places[inside], moved[inside])
        told = places @ map_[:, :2].T + map_[:, 2] - places
        inside = np.linalg.norm(moved - told, axis=1) < within
    return map_, int(inside.sum())


def _similarity(places: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """(2, 3) shift, turn and scale by least squares."""
    middle = places.mean(axis=0)
    x, y = (places - middle).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    a = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    # A tripod turns and nears little: as if two more tiles at the edges had seen none of it.
    # Without them a few tiles close together could say anything.
    weak = np.array([[np.ptp(x) / 2 + 1, 0, 0, 0], [0, np.ptp(y) / 2 + 1, 0, 0]])
    b = np.concatenate([moved[:, 0], moved[:, 1], [0.0, 0.0]])
    p, q, u, v = np.linalg.lstsq(np.concatenate([a, weak]), b, rcond=None)[0]
    turn = np.array([[1 + p, -q], [q, 1 + p]])
    return np.concatenate([turn, (np.array([u, v]) + middle - turn @ middle)[:, None]], 1)
