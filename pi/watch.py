"""Looks at the athlete during the hold: still or not, picture by picture. Knows no camera and no
clock.

Quick and live, for the decision "hold on, or recall"; the measuring afterwards is done on all
pictures by `vision` and `timing`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from .calibration import RunningLine
from .vision import SMALL_WIDTH

LAG_S = 0.12
"""A picture is compared with the one this long before: breathing is slower than that shows."""

TILE = 8
"""Side of a tile in px of the small picture: a hand's length on the lane."""

SMALL_PX_PER_M = 76.0
"""The small picture has about as many: a tile is 10 cm then."""

FAR_PX = 4.0
"""What was covered or uncovered has gone at least as far, px of the small picture."""

LOW_M, GROUND_TILES = 0.5, 4
"""What is lower than this over the line is mostly ground, and so many rows of tiles before it."""

WIND, WIDE = 0.3, 0.5
"""Share of the limit for a recall, and of the tiles side by side that have moved by as much: hedges
go together, who lies covers two fifths of the view over the start."""

STIRS = 0.6
"""Share of the limit for stillness: who sways by as much is leaves."""

REST_S = 1.0
EVERY_S = 0.05
"""So much before the hold, and so often, is kept to know what stirs though the athlete is still."""


class Sight(NamedTuple):
    """What the watch knows after a picture."""

    still_s: float  # how long nothing has moved
    moved_m: float  # farthest part against the resting picture; NaN before rest()


class Watch:
    """Tells how long the lane has been still, and how far the athlete is from the resting picture.

    A tile's displacement is one Lucas-Kanade step (1981) in a picture of half the size, where 10 mm
    are some 0.8 px. What light does to it (clouds, the camera's own exposure) and a shake of the
    whole picture are taken out. Tiles that stir while the athlete settles (leaves, flags) do not
    count in the hold: the next gust may be any stronger. line : the running line in the full
    picture; only the box over the start is watched then, otherwise the whole picture but its upper
    quarter, with a view of 8 m taken for granted. high_m : how high over the line anybody in the
    posture asked for may reach; what trees do above who lies is not looked at. regions : (k, 2) px
    of each lane where there are several: all of them are watched, and nothing else. px_per_m :
    their scale, without a line.
    """

    def __init__(
        self,
        size: tuple[int, int],
        *,
        line: RunningLine | None = None,
        still_limit_m: float = 0.010,
        recall_limit_m: float = 0.020,
        high_m: float = 1.9,
        regions: Sequence[np.ndarray] = (),
        px_per_m: float | None = None,
    ):
        width, height = size
        self.still_limit_m, self.recall_limit_m = still_limit_m, recall_limit_m
        if line is not None:
            px_per_m = line.px_per_m(0.0)
        self._high_m = high_m
        known = px_per_m is not None
        px_per_m = px_per_m or width / 8.0
        # where nobody knows the place, all of the picture has to be watched, and coarser
        self._factor = max(1, round(px_per_m / SMALL_PX_PER_M if known else width / SMALL_WIDTH))
        self._shape = (height // self._factor, width // self._factor)
        self._metres = self._factor / px_per_m  # of one small px
        watched = self._tiles_of(line, px_per_m, regions)
        first, last = _box(watched)
        self._watched = watched[first[0] : last[0], first[1] : last[1]]
        side = TILE * self._factor
        self._part = np.s_[first[0] * side : last[0] * side, first[1] * side : last[1] * side]
        self._shape = (TILE * self._watched.shape[0], TILE * self._watched.shape[1])
        self._ground = self._low_tiles(line, px_per_m)
        self._past: deque[tuple[float, np.ndarray]] = deque()
        self._second: deque[tuple[float, np.ndarray]] = deque()
        self._stirring = np.zeros(self._watched.shape, np.float32)
        self._still_since: float | None = None
        self._last_s: float | None = None
        self._rest: np.ndarray | None = None
        self._resting: deque[np.ndarray] = deque(maxlen=2)

    def _tiles_of(
        self, line: RunningLine | None, px_per_m: float, regions: Sequence[np.ndarray]
    ) -> np.ndarray:
        rows, columns = self._shape[0] // TILE, self._shape[1] // TILE
        x = (np.arange(columns) + 0.5) * TILE * self._factor
        y = ((np.arange(rows) + 0.5) * TILE * self._factor)[:, None]
        if len(regions):
            inside = np.zeros((rows, columns), np.uint8)
            for region in regions:
                corners = (np.asarray(region, float) + 0.5) / (TILE * self._factor) - 0.5
                cv2.fillPoly(inside, [np.round(corners * 16).astype(np.int32)], 1, shift=4)
            near = True if line is None else (line.metres(x) > -2.5) & (line.metres(x) < 2.0)
            return (inside > 0) & near
        if line is None:
            return np.broadcast_to(y > 0.25 * rows * TILE * self._factor, (rows, columns)).copy()
        metres, above = line.metres(x), (line.row(x) - y) / px_per_m
        return (metres > -2.5) & (metres < 2.0) & (above > -0.1) & (above < self._high_m)

    def _low_tiles(self, line: RunningLine | None, px_per_m: float) -> np.ndarray:
        """Where ground is seen: what seems to move there as a whole is the tripod. Trees stir
        together too, and they are higher up."""
        rows, columns = self._watched.shape
        side = TILE * self._factor
        x = self._part[1].start + (np.arange(columns) + 0.5) * side
        y = (self._part[0].start + (np.arange(rows) + 0.5) * side)[:, None]
        if line is None:
            return np.broadcast_to(np.arange(rows)[:, None] >= rows // 2, (rows, columns))
        return y > np.asarray(line.row(x)) - LOW_M * px_per_m

    def see(self, picture: np.ndarray, time_s: float) -> Sight:
        """Take in the next picture, (h, w) uint8 luma, exposed at time_s."""
        small = cv2.resize(
            picture[self._part], self._shape[::-1], interpolation=cv2.INTER_AREA
        ).astype(np.float32)
        small = cv2.blur(small, (3, 3))
        small -= cv2.blur(small, (2 * TILE + 1, 2 * TILE + 1))
        self._past.append((time_s, small))
        while len(self._past) > 2 and self._past[1][0] <= time_s - LAG_S:
            self._past.popleft()
        then_s, then = self._past[0]
        if self._rest is None:
            self._keep(small, time_s)
            if time_s - then_s < 0.5 * LAG_S:
                return Sight(0.0, float("nan"))
            self._settle(self._displaced(then, small), time_s)
            return Sight(self._still_for(time_s), float("nan"))
        apart = self._displaced(self._rest, small)
        beyond = np.maximum(apart - 1.5 * self._stirring, 0.0)
        gusty = self._gusty(apart)
        if gusty.any():  # after a lull
            self._stirring[gusty] = np.inf
            beyond = np.maximum(apart - self._stirring, 0.0)
        # two pictures together: one noisy picture recalls nobody
        self._resting.append(beyond)
        moved = float(np.sort(np.minimum.reduce(list(self._resting))[self._watched])[-2:].min())
        if moved > self.still_limit_m:
            self._still_since = time_s
        return Sight(self._still_for(time_s), moved)

    def rest(self) -> None:
        """Keep the mean of the last pictures as the resting picture: the hold begins."""
        rest = np.mean([picture for _, picture in self._past], axis=0)
        self._rest = rest
        self._resting.clear()
        strayed = np.max([self._displaced(rest, picture) for _, picture in self._second], axis=0)
        # nothing of the athlete strayed as far as that, or the hold would not have begun
        leaves = np.maximum(strayed, self._stirring) > STIRS * self.still_limit_m
        leaves = cv2.dilate(leaves.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if not (self._watched & ~leaves).any():
            leaves[:] = False
        self._stirring = np.maximum(self._stirring, strayed)
        self._stirring[leaves] = np.inf

    def _gusty(self, apart: np.ndarray) -> np.ndarray:
        """(rows,) bool: what moves along most of the view, and beside that, is no athlete."""
        wide = (apart > WIND * self.recall_limit_m).mean(axis=1) > WIDE
        return np.convolve(wide, np.ones(3), "same") > 0

    def _keep(self, small: np.ndarray, time_s: float) -> None:
        if not self._second or time_s - self._second[-1][0] >= EVERY_S:
            self._second.append((time_s, small))
        while self._second[0][0] < time_s - REST_S:
            self._second.popleft()

    def _still_for(self, time_s: float) -> float:
        return 0.0 if self._still_since is None else max(0.0, time_s - self._still_since)

    def _settle(self, apart: np.ndarray, time_s: float) -> None:
        step = 0.0 if self._last_s is None else time_s - self._last_s
        self._last_s = time_s
        beyond = np.maximum(apart - 2.0 * self._stirring, 0.0)
        beyond[self._gusty(apart)] = 0.0
        moved = float(np.sort(beyond[self._watched])[-2:].min())
        # a slow mean over some 3 s learns the leaves; who walks through is gone before that
        share = min(1.0, step / 3.0)
        self._stirring += share * (np.minimum(apart, 0.1) - self._stirring)
        if self._still_since is None or moved > self.still_limit_m:
            self._still_since = time_s

    def _displaced(self, before: np.ndarray, now: np.ndarray) -> np.ndarray:
        """(rows, columns) m, displacement of every tile between two small pictures."""
        change = now - before
        mean = (before + now) * 0.5
        rows, columns = self._watched.shape[0] * TILE, self._watched.shape[1] * TILE
        # as much more contrast as there is for a few tiles around is light
        share = cv2.blur(_tiles(mean * change), (3, 3))
        share /= cv2.blur(_tiles(mean * mean), (3, 3)) + TILE * TILE
        brighter = cv2.resize(np.clip(share, -0.4, 0.4), (columns, rows))
        change[:rows, :columns] -= brighter * mean[:rows, :columns]
        gx = cv2.Sobel(mean, cv2.CV_32F, 1, 0, scale=1 / 8)
        gy = cv2.Sobel(mean, cv2.CV_32F, 0, 1, scale=1 / 8)
        # a prior of 1.5 px at 1.5 grey levels of noise keeps what has no texture where it was
        prior = TILE * TILE / 4.0
        axx, axy, ayy = _tiles(gx * gx) + prior, _tiles(gx * gy), _tiles(gy * gy) + prior
        determinant = axx * ayy - axy * axy

        def step() -> tuple[np.ndarray, np.ndarray]:
            bx, by = _tiles(gx * change), _tiles(gy * change)
            return (ayy * bx - axy * by) / determinant, (axx * by - axy * bx) / determinant

        u, v = step()
        textured = (axx + ayy > 10.0 * prior) & self._ground
        if textured.sum() > 20:
            change -= float(np.median(u[textured])) * gx + float(np.median(v[textured])) * gy
            u, v = step()
        # what was covered or uncovered has no displacement: its change alone says that it moved
        changed = np.sqrt(_tiles(change * change) / (TILE * TILE))
        far = np.where(changed > 12.0, FAR_PX, 0.0)
        return (np.maximum(np.hypot(u, v), far) * self._metres).astype(np.float32)


def _box(tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last row and column with a tile that is watched, one around, and
    ground below."""
    found = np.argwhere(tiles)
    if len(found) == 0:
        return np.zeros(2, int), np.array(tiles.shape)
    first, last = found.min(axis=0) - 1, found.max(axis=0) + 2
    last[0] += GROUND_TILES
    return np.maximum(first, 0), np.minimum(last, tiles.shape)


def _tiles(values: np.ndarray) -> np.ndarray:
    rows, columns = values.shape[0] // TILE, values.shape[1] // TILE
    cut = values[: rows * TILE, : columns * TILE]
    return cv2.resize(cut, (columns, rows), interpolation=cv2.INTER_AREA) * (TILE * TILE)
