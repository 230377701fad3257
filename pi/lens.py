"""The lens between the world and the picture: where a straight line is not straight. No files.

A pinhole and the radial and tangential distortion of Brown (1966) and Conrady (1919), with the
coefficients k1, k2, p1, p2, k3 in the order of OpenCV. *Ideal* px are those of the pinhole of the
same focal length and centre without distortion.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np

from .camera_models import MODELS, model_of

U_PRESET_FOCAL = 0.03
"""Relative standard uncertainty of a preset's focal length: published figures differ by as much."""


class Lens(NamedTuple):
    """A lens in the pixels of one camera mode."""

    model: str
    focal_px: float
    centre: tuple[float, float]  # px, where the optical axis meets the picture
    k: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)  # k1 k2 p1 p2 k3
    preset: bool = False  # from published figures, not measured on this very lens
    rms_px: float | None = None  # of the ChArUco calibration

    def picture(self, ideal: np.ndarray) -> np.ndarray:
        """(…, 2) px in the picture of (…, 2) ideal px."""
        ideal = np.asarray(ideal, float)
        if not any(self.k):
            return ideal
        k1, k2, p1, p2, k3 = self.k
        x, y = np.moveaxis((ideal - self.centre) / self.focal_px, -1, 0)
        r2 = x * x + y * y
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        across = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        down = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        return np.stack([across, down], -1) * self.focal_px + self.centre

    def ideal(self, picture: np.ndarray) -> np.ndarray:
        """(…, 2) ideal px of (…, 2) px in the picture, to 0.01 px where the lens has an inverse."""
        picture = np.asarray(picture, float)
        if not any(self.k):
            return picture
        shape, points = picture.shape, picture.reshape(-1, 1, 2)
        camera = self.matrix
        found = cv2.undistortPoints(points, camera, np.array(self.k), P=camera).reshape(-1, 2)
        # OpenCV stops after five rounds, which near the corner of a wide lens is too few.
        for _ in range(12):
            missing = points.reshape(-1, 2) - self.picture(found)
            found = found + missing / self._stretch(found)
        return found.reshape(shape)

    def _stretch(self, ideal: np.ndarray) -> np.ndarray:
        """(n, 1) px of the picture for one more ideal px away from the centre, 0.1 at least."""
        k1, k2, _, _, k3 = self.k
        r2 = (((ideal - self.centre) / self.focal_px) ** 2).sum(-1, keepdims=True)
        return np.maximum(1.0 + r2 * (3 * k1 + r2 * (5 * k2 + r2 * 7 * k3)), 0.1)

    @property
    def matrix(self) -> np.ndarray:
        """(3, 3) px from directions in camera coordinates: x right, y down, z ahead."""
        f, (u, v) = self.focal_px, self.centre
        return np.array([[f, 0.0, u], [0.0, f, v], [0.0, 0.0, 1.0]])

    def scaled(self, scale: float) -> Lens:
        """The same lens in a picture that was shrunk by `scale` (0.5 = half size)."""
        u, v = self.centre
        return self._replace(focal_px=self.focal_px * scale, centre=(u * scale, v * scale))

    def has_inverse(self, size: tuple[int, int]) -> bool:
        """Whether every pixel of a picture of that size has one direction, and only one."""
        width, height = size
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
        reach = np.linalg.norm((corners - self.centre) / self.focal_px, axis=1).max()
        k1, k2, _, _, k3 = self.k
        radius = np.linspace(0.0, 3.0 * reach, 600)
        r2 = radius**2
        out = radius * (1 + r2 * (k1 + r2 * (k2 + r2 * k3)))
        turn = np.flatnonzero(np.diff(out) <= 0)
        return bool((out.max() if not len(turn) else out[turn[0]]) > reach)

    def told(self) -> dict[str, Any]:
        """As a calibration's JSON has it."""
        said: dict[str, Any] = {
            "model": self.model,
            "focal_px": self.focal_px,
            "centre": list(self.centre),
            "k": list(self.k),
            "preset": self.preset,
        }
        return said if self.rms_px is None else said | {"rms_px": self.rms_px}


def lens_from(data: Mapping[str, Any] | Lens | None) -> Lens | None:
    """The lens of a calibration's JSON. Raises ValueError that says what it needs."""
    if data is None or isinstance(data, Lens):
        return data
    try:
        centre, k = data["centre"], [float(each) for each in data.get("k") or ()]
        lens = Lens(
            str(data.get("model") or "given"),
            float(data["focal_px"]),
            (float(centre[0]), float(centre[1])),
            (*k, *[0.0] * (5 - len(k))),  # type: ignore[arg-type]
            bool(data.get("preset", False)),
            None if data.get("rms_px") is None else float(data["rms_px"]),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            'lens: needs {"focal_px": f, "centre": [cx, cy], "k": [k1, k2, p1, p2, k3]}'
        ) from error
    if len(lens.k) != 5 or not np.isfinite([lens.focal_px, *lens.centre, *lens.k]).all():
        raise ValueError("lens: five coefficients k1, k2, p1, p2, k3 at most, and finite numbers")
    if lens.focal_px <= 0:
        raise ValueError("lens: focal_px must be more than 0")
    return lens


def preset(name: str, size: tuple[int, int]) -> Lens:
    """The lens of a camera module in a picture of that size, from published figures.

    name : of MODELS, in the mode the timer uses; with ":full" of the whole sensor.
    Raises ValueError that names the presets.
    """
    key, _, part = name.partition(":")
    if key not in MODELS or part not in ("", "full"):
        raise ValueError(f"lens: no preset {name!r}; there are {', '.join(MODELS)}")
    model = MODELS[key]
    wide, high = model.size if part else model.crop
    width, height = size
    # The picture is cut at the middle of the mode to its own shape, then scaled.
    used = min(wide, high * width / height)
    return Lens(
        name,
        model.focal_px * width / used,
        ((width - 1) / 2, (height - 1) / 2),
        (model.k1, model.k2, 0.0, 0.0, 0.0),
        preset=True,
    )


def preset_of(camera: str, size: tuple[int, int]) -> Lens | None:
    """The preset of a camera by its libcamera name; None where the lens can be changed."""
    model = model_of(camera)
    name = next((name for name, each in MODELS.items() if each is model), None)
    return None if name is None or MODELS[name].lens_changes else preset(name, size)


def neighbours(lens: Lens) -> list[Lens]:
    """Lenses one standard uncertainty away from a preset; none for a measured lens."""
    if not lens.preset:
        return []
    k1, *others = lens.k
    beside = 0.03 + 0.2 * abs(k1)
    return [
        lens._replace(focal_px=lens.focal_px * (1 + U_PRESET_FOCAL)),
        lens._replace(k=(k1 + beside, *others)),  # type: ignore[arg-type]
    ]
