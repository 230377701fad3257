"""From the picture to metres on the running line. Knows no camera and no clock.

Cones standing on the running line give pairs (pixel, metres). A straight line seen by a pinhole
is a 1-D projective map, so that a camera that looks along the lane at an angle needs no special
case: metres = (p0 + p1 s) / (1 + p2 s) with s the distance in pixels along the line's image
(Hartley & Zisserman, Multiple View Geometry, 2nd ed., section 2.5). What is above the line is
brought down to it along the verticals, whose images meet in one point (ibid., section 8.6): that
is where the camera's roll and its tilt come in. The lens comes first of all: every map here is
between *ideal* px, see `lens`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import least_squares

from .lens import Lens, lens_from, neighbours

CLICK_PX = 1.0
"""Standard uncertainty of a tapped or given cone position."""

U_LEVEL_DEG = 0.5
"""Standard uncertainty of a camera that was put up level by eye or with a bubble."""

U_MEASURED_LEVEL_DEG = 0.2
"""The same where the horizon or upright boards were seen."""

TORSO_M = 1.0
"""Height over the line at which a preset lens is judged: there the splits are measured."""


class RunningLine(NamedTuple):
    """The running line in the picture, and the metres along it.

    origin, along and projective are of the line's image in ideal px; what goes in and out of the
    methods is px of the picture.
    """

    origin: tuple[float, float]  # ideal px, a point of the line
    along: tuple[float, float]  # unit vector in the picture, towards growing metres
    projective: tuple[float, float, float]  # p0 (m), p1 (m/px), p2 (1/px)
    span: tuple[float, float]  # metres of the first and the last cone
    u_m: float  # standard uncertainty of a position between the cones
    lens: Lens | None = None
    down: tuple[float, float, float] = (0.0, 1.0, 0.0)  # where verticals meet, homogeneous ideal px
    u_along: tuple[tuple[float, ...], tuple[float, ...]] = ((0.0,), (0.0,))  # m; u there, m
    u_level: float = float(np.radians(U_LEVEL_DEG))  # rad: m of position for each m of height
    misfit_m: tuple[float, ...] = ()  # of each cone, in the order of their metres
    warnings: tuple[str, ...] = ()

    def metres(self, column: np.ndarray | float, row: np.ndarray | float | None = None) -> Any:
        """Position along the line (m) of what is seen in picture column `column` (px).

        row : the picture row (px) where it is seen, over the line: the camera's roll and tilt and
        the lens are undone. Without it, the point is on the ground.
        """
        return self._metres(self._s(column) if row is None else self._foot(column, row))

    def column(self, metres: np.ndarray | float) -> Any:
        """Picture column (px) of a position on the line (m)."""
        s = self._along(metres)
        if self.lens is None:
            return self.origin[0] + s * self.along[0]
        return self.lens.picture(self._point(s))[..., 0]

    def row(self, column: np.ndarray | float) -> Any:
        """Picture row (px) of the line, on the ground, in picture column `column`."""
        s = self._s(column)
        if self.lens is None:
            return self.origin[1] + s * self.along[1]
        return self.lens.picture(self._point(s))[..., 1]

    def pixel(self, metres: np.ndarray | float, above_m: float = 0.0) -> np.ndarray:
        """(…, 2) px in the picture of positions on the line (m), or of what is above them."""
        zero, one = self._homogeneous()
        x = np.asarray(metres, float)[..., None]
        seen = zero + x * one + above_m * self._up()
        ideal = seen[..., :2] / seen[..., 2:]
        return ideal if self.lens is None else self.lens.picture(ideal)

    def px_per_m(self, metres: float) -> float:
        """Scale on the line at `metres`: pixels per metre, always positive."""
        return float(abs(self.column(metres + 0.01) - self.column(metres - 0.01)) / 0.02)

    def u_at(self, metres: np.ndarray | float) -> Any:
        """Standard uncertainty (m) of a position on the ground: it grows beyond the cones."""
        return np.interp(metres, *self.u_along)

    def in_view(self, width: int) -> tuple[float, float]:
        """The metres between which a picture so many px wide shows the line, 100 m at most."""
        s = np.asarray(self._s(np.array([0.0, width - 1.0])), float)
        # Beyond the line's vanishing point metres come back from the other side.
        seen = np.where(1.0 + self.projective[2] * s > 0.05, self._metres(s), np.sign(s) * 100.0)
        first, last = np.clip(np.sort(seen), -100.0, 100.0)
        return float(first), float(last)

    @property
    def direction(self) -> int:
        """+1 when metres grow to the right of the picture, -1 when they grow to the left."""
        return 1 if self.along[0] > 0 else -1

    def _point(self, s: np.ndarray | float) -> np.ndarray:
        return np.asarray(self.origin) + np.asarray(s, float)[..., None] * np.asarray(self.along)

    def _metres(self, s: np.ndarray | float) -> Any:
        p0, p1, p2 = self.projective
        return (p0 + p1 * s) / (1.0 + p2 * s)

    def _along(self, metres: np.ndarray | float) -> Any:
        x = np.asarray(metres, float)
        p0, p1, p2 = self.projective
        return (x - p0) / (p1 - p2 * x)

    def _s(self, column: np.ndarray | float) -> Any:
        """Ideal px along the line of its point in a picture column."""
        column = np.asarray(column, float)
        s = (column - self.origin[0]) / self.along[0]
        if self.lens is None or not any(self.lens.k):
            return s
        for _ in range(20):
            s = s + (column - self.lens.picture(self._point(s))[..., 0]) / self.along[0]
        return s

    def _foot(self, column: np.ndarray | float, row: np.ndarray | float) -> Any:
        """Ideal px along the line of the foot of the vertical through a pixel."""
        seen = np.stack(np.broadcast_arrays(np.asarray(column, float), np.asarray(row, float)), -1)
        ideal = seen if self.lens is None else self.lens.ideal(seen)
        seen = np.concatenate([ideal, np.ones_like(ideal[..., :1])], -1)
        vertical = np.cross(seen, self.down)
        return -(vertical @ [*self.origin, 1.0]) / (vertical @ [*self.along, 0.0])

    def _homogeneous(self) -> tuple[np.ndarray, np.ndarray]:
        """(a, b), each (3,): the line at x m is seen at a + x b, in homogeneous ideal px."""
        origin, along = np.array([*self.origin, 1.0]), np.array([*self.along, 0.0])
        p0, p1, p2 = self.projective
        zero, one = p1 * origin - p0 * along, along - p2 * origin
        ahead = zero[2] + 0.5 * sum(self.span) * one[2]
        return (zero, one) if ahead > 0 else (-zero, -one)

    def _up(self) -> np.ndarray:
        """(3,) what a metre up adds to `_homogeneous`."""
        zero, one = self._homogeneous()
        down = np.asarray(self.down)
        if self.lens is not None:
            back = np.linalg.inv(self.lens.matrix)
            return -np.linalg.norm(back @ one) / np.linalg.norm(back @ down) * down
        # Without the lens's focal length a metre up is taken to look as long as one along.
        middle = 0.5 * sum(self.span)
        scale = np.linalg.norm(self._point(self._along(middle + 0.01)) - self._point(
            self._along(middle - 0.01))) / 0.02  # fmt: skip
        return -scale * (zero[2] + middle * one[2]) / np.linalg.norm(down[:2]) * down


class Placed(NamedTuple):
    """The running line in the camera's own coordinates: x right, y down, z ahead, metres."""

    start: np.ndarray  # (3,) where the line's 0 m is
    along: np.ndarray  # (3,) unit
    down: np.ndarray  # (3,) unit
    away: np.ndarray  # (3,) unit, level, from the camera to the line

    @property
    def distance_m(self) -> float:
        """From the camera to the vertical plane over the line."""
        return float(self.start @ self.away)

    @property
    def height_m(self) -> float:
        """Of the camera over the line."""
        return float(self.start @ self.down)


def placed(line: RunningLine) -> Placed | None:
    """Where the line lies before the camera; None without the lens, which alone can tell."""
    if line.lens is None:
        return None
    back = np.linalg.inv(line.lens.matrix)
    zero, one = (back @ each for each in line._homogeneous())
    metre = np.linalg.norm(one)
    start, along = zero / metre, one / metre
    down = back @ np.asarray(line.down)
    down = down / np.linalg.norm(down)
    away = np.cross(along, down)
    away = away / np.linalg.norm(away)
    return Placed(start, along, down, away if start @ away > 0 else -away)


def vertical(
    lens: Lens | None, roll_deg: float | None, pitch_deg: float | None
) -> tuple[float, float, float]:
    """Where verticals meet in the picture, in homogeneous ideal px.

    roll_deg : how far the horizon falls to the right.    pitch_deg : how far the camera looks
    down; without the lens it cannot be used.    None is level.
    """
    roll, pitch = np.radians(roll_deg or 0.0), np.radians(pitch_deg or 0.0)
    if lens is None:
        return (float(-np.sin(roll)), float(np.cos(roll)), 0.0)
    down = np.array([-np.sin(roll) * np.cos(pitch), np.cos(roll) * np.cos(pitch), np.sin(pitch)])
    a, b, c = lens.matrix @ down
    return (float(a), float(b), float(c))


def level_from_horizon(
    horizon: Sequence[Sequence[float]], lens: Lens | None = None
) -> tuple[float, float | None]:
    """Roll and pitch in degrees from two pixels of the horizon; pitch is None without the lens.

    Raises ValueError when they are no two points beside one another.
    """
    try:
        points = np.array([[float(u), float(v)] for u, v in horizon])
    except (TypeError, ValueError):
        raise ValueError("horizon: two pixels, [[u, v], [u, v]]") from None
    if points.shape != (2, 2) or not np.isfinite(points).all():
        raise ValueError("horizon: two pixels, [[u, v], [u, v]]")
    left, right = points[np.argsort(points[:, 0])]
    if right[0] - left[0] < 50 or abs(right[1] - left[1]) > right[0] - left[0]:
        raise ValueError("horizon: its two points must lie far apart, one left and one right")
    if lens is None:
        across = right - left
        return float(np.degrees(np.arctan2(across[1], across[0]))), None
    return _roll_and_pitch(np.cross(*_rays(lens, np.array([left, right]))))


def level_from_uprights(
    edges: np.ndarray, lens: Lens | None = None, *, middle: float | None = None
) -> tuple[float, float | None]:
    """Roll and pitch in degrees from the images of upright edges; pitch is None without the lens.

    edges : (n, 2, 2) px, the two ends of each.    middle : the picture's middle column, where
    the lens is not known: there an upright leans by the roll alone.
    """
    edges = np.asarray(edges, float)
    if lens is None:
        top, bottom = edges[:, 0], edges[:, 1]
        swap = top[:, 1] > bottom[:, 1]
        top[swap], bottom[swap] = bottom[swap].copy(), top[swap].copy()
        lean = (top[:, 0] - bottom[:, 0]) / (bottom[:, 1] - top[:, 1])
        column = 0.5 * (top[:, 0] + bottom[:, 0]) - (middle or 0.0)
        if middle is None or np.ptp(column) < 100:
            return float(np.degrees(np.arctan(np.mean(lean)))), None
        return float(np.degrees(np.arctan(np.polyfit(column, lean, 1)[1]))), None
    # Every upright lies in one plane with the camera and with the direction down.
    planes = np.cross(_rays(lens, edges[:, 0]), _rays(lens, edges[:, 1]))
    return _roll_and_pitch(np.linalg.svd(planes)[2][-1])


def _rays(lens: Lens, points: np.ndarray) -> np.ndarray:
    """(n, 3) directions, z = 1, of (n, 2) px."""
    ideal = (lens.ideal(points) - lens.centre) / lens.focal_px
    return np.concatenate([ideal, np.ones((len(ideal), 1))], -1)


def _roll_and_pitch(down: np.ndarray) -> tuple[float, float]:
    down = down / np.linalg.norm(down) * (1.0 if down[1] > 0 else -1.0)
    roll = np.arctan2(-down[0], down[1])
    return float(np.degrees(roll)), float(np.degrees(np.arcsin(down[2])))


def line_from(calibration: Mapping[str, Any], *, scale: float = 1.0) -> RunningLine | None:
    """The running line of a calibration's data; None where it has no cones.

    calibration : {"cones": […]} and, where known, "lens", "roll_deg", "pitch_deg", "depth_m", or
    "horizon" (two pixels) in place of roll and pitch.    scale, errors : as `fit_line`.
    """
    cones = calibration.get("cones")
    if not cones:
        return None
    lens = lens_from(calibration.get("lens"))
    roll, pitch = calibration.get("roll_deg"), calibration.get("pitch_deg")
    if calibration.get("horizon"):
        roll, pitch = level_from_horizon(calibration["horizon"], lens)
    try:
        depth = float(calibration.get("depth_m") or 0.0)
        roll, pitch = (None if each is None else float(each) for each in (roll, pitch))
    except (TypeError, ValueError):
        raise ValueError("roll_deg, pitch_deg, depth_m: numbers, or absent") from None
    return fit_line(cones, scale=scale, lens=lens, roll_deg=roll, pitch_deg=pitch, depth_m=depth)


def fit_line(
    cones: Iterable[Mapping[str, Any]],
    *,
    scale: float = 1.0,
    lens: Lens | None = None,
    roll_deg: float | None = None,
    pitch_deg: float | None = None,
    depth_m: float = 0.0,
) -> RunningLine:
    """The running line through two or more cones `{"pixel": [u, v], "metres": m}`.

    Two cones give one scale for the whole line; from three on the projective term is fitted. A
    cone may carry `"u_px"`, the standard uncertainty of its pixel (default CLICK_PX).
    scale : what the picture was shrunk by after the cones were read (0.5 = half size).
    lens : in the px of the picture before that.    roll_deg, pitch_deg : as in `vertical`.
    depth_m : how much nearer to the camera than the cones the athlete runs.
    Raises ValueError for fewer than two cones, equal places, a line that is upright
    in the picture (a camera that looks along the lane cannot see metres), or a depth without
    the lens.
    """
    points, metres, u_px = _read(cones)
    if not all(np.isfinite(each or 0.0) for each in (roll_deg, pitch_deg)):
        raise ValueError("roll_deg and pitch_deg: finite numbers, or none")
    if max(abs(roll_deg or 0.0), abs(pitch_deg or 0.0)) > 45:
        raise ValueError("roll_deg and pitch_deg: a camera beside the lane is level within 45°")
    points, u_px = points * scale, u_px * scale
    lens = lens.scaled(scale) if lens else None
    down = vertical(lens, roll_deg, pitch_deg)
    line, misfits, beside_px = _fit(points, metres, u_px, lens, down)
    if np.abs(misfits).max() > 0.25:
        raise ValueError(
            f"cones: off one line by {np.abs(misfits).max():.2f} m; check the distances"
        )
    if depth_m:
        line = nearer_line(line, depth_m)
    u_squared = np.square(line.u_along[1])
    for other in neighbours(lens) if lens else []:
        beside = _fit(points, metres, u_px, other, vertical(other, roll_deg, pitch_deg))[0]
        beside = nearer_line(beside, depth_m) if depth_m else beside
        pixels = line.pixel(np.array(line.u_along[0]), TORSO_M)
        apart = beside.metres(*pixels.T) - line.metres(*pixels.T)
        u_squared += np.square(apart)
    u = np.sqrt(u_squared)
    places = np.array(line.u_along[0])
    between = (places >= line.span[0]) & (places <= line.span[1])
    measured = roll_deg is not None
    return line._replace(
        u_m=float(np.sqrt(np.mean(u_squared[between]))),
        u_along=(line.u_along[0], tuple(u.tolist())),
        u_level=float(np.radians(U_MEASURED_LEVEL_DEG if measured else U_LEVEL_DEG)),
        misfit_m=tuple(misfits.tolist()),
        warnings=tuple(_doubts(metres, misfits, beside_px / scale, lens, pitch_deg)),
    )


def _read(cones: Iterable[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, 2) px, (n,) m and (n,) px of uncertainty, by growing metres; or ValueError."""
    try:
        read = [
            (float(c["metres"]), float(c["pixel"][0]), float(c["pixel"][1]), c.get("u_px"))
            for c in cones
        ]
        u_px = [CLICK_PX if u is None else float(u) for *_, u in read]
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(
            'cones: each needs {"pixel": [u, v], "metres": m} with numbers in it'
        ) from error
    if len(read) < 2:
        raise ValueError("cones: two or more are needed to tell metres")
    order = np.argsort([row[0] for row in read], kind="stable")
    metres = np.array([read[i][0] for i in order])
    points = np.array([read[i][1:3] for i in order])
    if not (np.isfinite(points).all() and np.isfinite(metres).all() and np.isfinite(u_px).all()):
        raise ValueError("cones: every pixel and every distance must be a finite number")
    if np.ptp(metres) < 0.5 or np.min(np.diff(metres)) <= 0:
        raise ValueError(
            "cones: they must stand at different distances, half a metre apart or more"
        )
    return points, metres, np.maximum(np.array(u_px)[order], 0.05)


def _fit(
    points: np.ndarray,
    metres: np.ndarray,
    u_px: np.ndarray,
    lens: Lens | None,
    down: tuple[float, float, float],
) -> tuple[RunningLine, np.ndarray, np.ndarray]:
    """The line through the cones, their misfits (m) along it, and how far they are off it (px)."""
    ideal = points if lens is None else lens.ideal(points)
    middle = np.average(ideal, axis=0, weights=u_px**-2)
    _, _, axes = np.linalg.svd((ideal - middle) / u_px[:, None])
    along = axes[0]
    s = (ideal - middle) @ along
    if s[-1] < s[0]:
        along, s = -along, -s
    if abs(along[0]) < 0.5 or np.ptp(s) < 20:
        raise ValueError("cones: the line must run across the picture, seen from the side")
    if np.min(np.diff(s)) <= 0:
        raise ValueError("cones: their order in the picture is not the order of their distances")
    reach = np.abs(s).max()
    free = min(len(s), 3)
    linear = np.polyfit(s, metres, 1, w=1 / u_px)
    size = np.array([reach * linear[0], linear[0], 1 / reach])[:free]

    def seen_at(p: np.ndarray) -> np.ndarray:
        """(n,) px along the line of every cone; p in units of `size`, so that all are alike."""
        p0, p1, p2 = np.append(p * size, 0.0)[:3]
        return (metres - p0) / (p1 - p2 * metres)

    guess = np.array([linear[1] / size[0], 1.0, 0.0])[:free]
    best = least_squares(lambda p: (seen_at(p) - s) / u_px, guess)
    p = best.x
    if not (best.success and np.isfinite(p).all() and abs(np.append(p, 0.0)[2]) < 0.9):
        p, free = guess, 2
    p0, p1, p2 = (float(each) for each in np.append((p * size)[:free], 0.0)[:3])
    line = RunningLine(
        origin=(float(middle[0]), float(middle[1])),
        along=(float(along[0]), float(along[1])),
        projective=(p0, p1, p2),
        span=(float(metres[0]), float(metres[-1])),
        u_m=0.0,
        lens=lens,
        down=down,
    )
    misfits = line._metres(s) - metres
    spare = len(s) - free
    chi = np.sqrt(np.sum(best.fun**2) / spare) if spare else 1.0
    jacobian = best.jac[:, :free] / size[:free]
    covariance = np.linalg.inv(jacobian.T @ jacobian) * max(1.0, chi) ** 2
    return _with_u(line, covariance), misfits, (ideal - middle) @ [-along[1], along[0]]


def _with_u(line: RunningLine, covariance: np.ndarray) -> RunningLine:
    """The line with what the covariance of its projective parameters means, there and beyond."""
    first, last = line.span
    places = np.linspace(first - 0.5 * (last - first), last + 0.5 * (last - first), 17)
    s = line._along(places)
    below = 1.0 + line.projective[2] * s
    by = np.stack([1.0 / below, s / below, -places * s / below], -1)[:, : len(covariance)]
    u = np.sqrt(np.einsum("ni,ij,nj->n", by, covariance, by))
    return line._replace(u_along=(tuple(places.tolist()), tuple(u.tolist())))


def nearer_line(line: RunningLine, depth_m: float) -> RunningLine:
    """The line that lies `depth_m` nearer to the camera, its 0 m right beside that of this one."""
    place = placed(line)
    if place is None or line.lens is None:
        raise ValueError(
            "depth_m: needs the lens, whose focal length tells how far away the camera stands; "
            "name a preset or calibrate it"
        )
    if not np.isfinite(depth_m) or abs(depth_m) > 0.5 * place.distance_m:
        raise ValueError(
            f"depth_m: the camera stands {place.distance_m:.1f} m from the cones; "
            "the running line must be within half of that"
        )
    matrix = line.lens.matrix
    zero = matrix @ (place.start - depth_m * place.away)
    one = matrix @ place.along

    def seen(metres: float) -> np.ndarray:
        point = zero + metres * one
        return point[:2] / point[2]

    origin = seen(0.5 * sum(line.span))
    along = seen(line.span[1]) - seen(line.span[0])
    along = along / np.linalg.norm(along)
    n0 = (zero[:2] - zero[2] * origin) @ along
    n1 = (one[:2] - one[2] * origin) @ along
    nearer = 1 - depth_m / place.distance_m
    return line._replace(
        origin=(float(origin[0]), float(origin[1])),
        along=(float(along[0]), float(along[1])),
        projective=(float(-n0 / n1), float(zero[2] / n1), float(-one[2] / n1)),
        u_along=(line.u_along[0], tuple(abs(nearer) * u for u in line.u_along[1])),
    )


def cropped(line: RunningLine, left: float, top: float) -> RunningLine:
    """The line in a picture whose first `left` columns and `top` rows were cut away."""
    a, b, c = line.down
    lens = line.lens
    return line._replace(
        origin=(line.origin[0] - left, line.origin[1] - top),
        lens=lens and lens._replace(centre=(lens.centre[0] - left, lens.centre[1] - top)),
        down=(a - c * left, b - c * top, c),
    )


def _doubts(
    metres: np.ndarray,
    misfits: np.ndarray,
    beside_px: np.ndarray,
    lens: Lens | None,
    pitch_deg: float | None,
) -> list[str]:
    """What a coach should know of these cones."""
    said = []
    if len(metres) == 2:
        said.append("two cones: they do not show a camera that is turned; add a third")
    for at, off in zip(metres, misfits, strict=True):
        if abs(off) > 0.05:
            said.append(f"the cone at {at:g} m is {abs(off) * 100:.0f} cm off; check its distance")
    for at, off in zip(metres, beside_px, strict=True):
        if len(metres) > 2 and abs(off) > 4:
            said.append(f"the cone at {at:g} m is {abs(off):.0f} px off the others' line")
    if lens is not None and lens.preset:
        said.append(
            f"the lens ({lens.model}) is taken from published figures; calibrate it with the board"
        )
    if lens is None and pitch_deg:
        said.append("the camera's tilt cannot be undone without the lens")
    return said


def depth_of_feet(
    line: RunningLine, contacts: np.ndarray, *, pitch_known: bool = False
) -> tuple[float, float]:
    """How much nearer to the camera than the line (m) feet touched the ground, and its u.

    contacts : (n, 2) px, where soles stood.    (NaN, NaN) without contacts, or without the lens,
    which tells how high the camera stands; then the depth has to be entered.
    Where the camera's tilt is not known, 2° of it are allowed for.
    """
    contacts = np.asarray(contacts, float).reshape(-1, 2)
    contacts = contacts[np.isfinite(contacts).all(axis=1)]
    place = placed(line)
    if place is None or line.lens is None or not len(contacts):
        return float("nan"), float("nan")
    rays = _rays(line.lens, contacts)
    falls = rays @ place.down
    if place.height_m <= 0.1 or (falls <= 0.01).any():
        return float("nan"), float("nan")  # a camera on the ground sees no depth
    on_ground = rays * (place.height_m / falls)[:, None]
    nearer = place.distance_m - on_ground @ place.away
    depth = float(np.median(nearer))
    # A sole's row is known to some 1.5 px; what a pixel is worth grows with the distance squared.
    px_m = place.distance_m**2 / (line.lens.focal_px * place.height_m)
    spread = 1.4826 * np.median(np.abs(nearer - depth)) if len(nearer) > 2 else 1.5 * px_m
    tilt = np.radians(U_MEASURED_LEVEL_DEG if pitch_known else 2.0)
    share = tilt * place.distance_m / place.height_m
    u = np.hypot(max(spread, 1.5 * px_m) / np.sqrt(len(nearer)), share * depth)
    return depth, float(np.hypot(u, 0.5 * px_m))
