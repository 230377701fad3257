"""From the picture to metres on the running line. Knows no camera and no clock.

Cones standing on the running line give pairs (pixel, metres). A straight line seen by a camera
is a 1-D projective map, so that a camera that looks along the lane at an angle needs no special
case: metres = (p0 + p1 s) / (1 + p2 s) with s the distance in pixels along the line's image
(Hartley & Zisserman, Multiple View Geometry, 2nd ed., section 2.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import least_squares

CLICK_PX = 1.0
"""Standard uncertainty of a tapped or given cone position."""


class RunningLine(NamedTuple):
    """The running line in the picture, and the metres along it."""

    origin: tuple[float, float]  # px, a point of the line
    along: tuple[float, float]  # unit vector in the picture, towards growing metres
    projective: tuple[float, float, float]  # p0 (m), p1 (m/px), p2 (1/px)
    span: tuple[float, float]  # metres of the first and the last cone
    u_m: float  # standard uncertainty of a position between the cones

    def metres(self, column: np.ndarray | float) -> Any:
        """Position along the line (m) of what stands above it in picture column `column` (px).

        The camera is taken as level, so that a vertical over the line is a column.
        """
        s = (np.asarray(column, float) - self.origin[0]) / self.along[0]
        p0, p1, p2 = self.projective
        return (p0 + p1 * s) / (1.0 + p2 * s)

    def column(self, metres: np.ndarray | float) -> Any:
        """Picture column (px) of a position on the line (m)."""
        x = np.asarray(metres, float)
        p0, p1, p2 = self.projective
        s = (x - p0) / (p1 - p2 * x)
        return self.origin[0] + s * self.along[0]

    def row(self, column: np.ndarray | float) -> Any:
        """Picture row (px) of the line, on the ground, in picture column `column`."""
        s = (np.asarray(column, float) - self.origin[0]) / self.along[0]
        return self.origin[1] + s * self.along[1]

    def px_per_m(self, metres: float) -> float:
        """Scale on the line at `metres`: pixels per metre, always positive."""
        return float(abs(self.column(metres + 0.01) - self.column(metres - 0.01)) / 0.02)

    @property
    def direction(self) -> int:
        """+1 when metres grow to the right of the picture, -1 when they grow to the left."""
        return 1 if self.along[0] > 0 else -1


def fit_line(cones: Iterable[Mapping[str, Any]], *, scale: float = 1.0) -> RunningLine:
    """The running line through two or more cones `{"pixel": [u, v], "metres": m}`.

    Two cones give one scale for the whole line; from three on the projective term is fitted.
    scale : what the picture was shrunk by after the cones were read (0.5 = half size).
    Raises ValueError for fewer than two cones, equal places, or a line that is upright
    in the picture (a camera that looks along the lane cannot see metres).
    """
    try:
        pairs = [
            (float(c["pixel"][0]) * scale, float(c["pixel"][1]) * scale, float(c["metres"]))
            for c in cones
        ]
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(
            'cones: each needs {"pixel": [u, v], "metres": m} with numbers in it'
        ) from error
    if len(pairs) < 2:
        raise ValueError("cones: two or more are needed to tell metres")
    pairs.sort(key=lambda pair: pair[2])
    points = np.array([pair[:2] for pair in pairs])
    metres = np.array([pair[2] for pair in pairs])
    if not (np.isfinite(points).all() and np.isfinite(metres).all()):
        raise ValueError("cones: every pixel and every distance must be a finite number")
    if np.ptp(metres) < 0.5 or np.min(np.diff(metres)) <= 0:
        raise ValueError(
            "cones: they must stand at different distances, half a metre apart or more"
        )
    middle = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - middle)
    along = axes[0]
    s = (points - middle) @ along
    if s[-1] < s[0]:
        along, s = -along, -s
    if abs(along[0]) < 0.5 or np.ptp(s) < 20:
        raise ValueError("cones: the line must run across the picture, seen from the side")
    if np.min(np.diff(s)) <= 0:
        raise ValueError("cones: their order in the picture is not the order of their distances")
    p1, p0 = np.polyfit(s, metres, 1)
    p2 = 0.0
    if len(pairs) >= 3:
        reach = np.abs(s).max()

        def misfit(p: np.ndarray) -> np.ndarray:
            """In metres; p2 scaled by the reach so that all three are of like size."""
            return (p[0] + p[1] * s) / (1.0 + p[2] / reach * s) - metres

        best = least_squares(misfit, [p0, p1, 0.0], x_scale=[1.0, abs(p1), 0.1])
        if best.success and abs(best.x[2]) < 0.9:
            p0, p1, p2 = best.x[0], best.x[1], best.x[2] / reach
    line = RunningLine(
        origin=(float(middle[0]), float(middle[1])),
        along=(float(along[0]), float(along[1])),
        projective=(float(p0), float(p1), float(p2)),
        span=(float(metres[0]), float(metres[-1])),
        u_m=float(CLICK_PX * abs(p1) / np.sqrt(len(pairs) - 1)),
    )
    misfits = line.metres(points[:, 0]) - metres
    if len(pairs) > 3:
        line = line._replace(u_m=float(np.hypot(line.u_m, np.std(misfits))))
    if np.abs(misfits).max() > 0.25:
        raise ValueError(
            f"cones: off one line by {np.abs(misfits).max():.2f} m; check the distances"
        )
    return line
