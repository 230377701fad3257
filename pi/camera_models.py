"""Raspberry Pi's camera modules as data: sensor, lens, the mode that the timer uses. Opens nothing.

Sensor, lens and fields of view: Raspberry Pi's documentation, "Camera hardware specification".
Modes and crops: Linux's drivers (drivers/media/i2c) as in Raspberry Pi's kernel. A line takes its
length in pixels over the pixel rate; of every module it can be measured, too (led_check.py).
"""

from __future__ import annotations

from typing import NamedTuple


class Mode(NamedTuple):
    """How a sensor is read out."""

    size: tuple[int, int]
    bit_depth: int
    fps: float
    line_time_ns: float  # between two rows; 0 = all at once, or unknown


class Model(NamedTuple):
    """A camera module with its lens."""

    title: str
    sensor: str  # as libcamera's model begins
    size: tuple[int, int]  # px of the whole sensor
    crop: tuple[int, int]  # sensor px that the mode reads
    mode: Mode  # the quickest useful one: left to itself Picamera2 takes a slower, larger one
    focal_px: float  # of the whole sensor
    k1: float = 0.0
    k2: float = 0.0
    rolling: bool = True
    autofocus: bool = False
    lens_changes: bool = False  # a C or CS mount


# 1852 px a line; 55 MHz until Linux 6.19, which says that it is 58.333 MHz: 31.7 us and 62 fps.
OV5647 = Mode((640, 480), 10, 58.92, 1852 / 55.0e-3)
# 3448 px at 182.4 MHz are 18.9 us; the binned mode reads two rows in that time.
IMX219 = Mode((640, 480), 10, 206.65, 3448 / 182.4e-3 / 2)
IMX708 = Mode((1536, 864), 10, 120.13, 0x1460 / 566.4e-3)
IMX477 = Mode((1332, 990), 10, 120.05, 6664 / 840.0e-3)
IMX296 = Mode((1456, 1088), 10, 60.38, 0.0)  # global shutter

# Focal length: mm over the pixel's size, held against the published fields of view. Distortion:
# what the fields of view leave over against a pinhole of that focal length.
MODELS = {
    # 3.60 mm, 1.4 um, 53.50 degrees: they agree.
    "v1": Model("Camera Module 1", "ov5647", (2592, 1944), (2560, 1920), OV5647, 2571.0),
    # 3.04 mm, 1.12 um would be 2714 px. Two published calibrations of 832x608 pictures of the
    # whole sensor have 2550 and 2594 px, one of them with 2.2 % pincushion at the edge.
    "v2": Model("Camera Module 2", "imx219", (3280, 2464), (1280, 960), IMX219, 2570.0, 0.06),
    # 4.74 mm, 1.4 um: 3386 px; from 66, 41 and 75 degrees: 3548, 3466 and 3444.
    "v3": Model(
        "Camera Module 3", "imx708", (4608, 2592), (3072, 1728), IMX708, 3450.0, autofocus=True
    ),
    # 2.75 mm, 1.4 um; 102, 67 and 120 degrees. At 45 degrees that is -1.8 %; a published
    # calibration of one (FRC team 100) has -1.3 %.
    "v3-wide": Model(
        "Camera Module 3 Wide", "imx708_wide", (4608, 2592), (3072, 1728), IMX708, 1964.0,
        0.010, -0.028, autofocus=True,
    ),
    # The 6 mm CS lens: 63 degrees over the 6.4 mm of a half-inch sensor, where a pinhole has 56.
    "hq-6mm": Model(
        "HQ Camera, 6 mm lens", "imx477", (4056, 3040), (2664, 1980), IMX477, 6000 / 1.55, -0.35,
        lens_changes=True,
    ),
    "gs-6mm": Model(
        "Global Shutter Camera, 6 mm lens", "imx296", (1456, 1088), (1456, 1088), IMX296,
        6000 / 3.45, -0.35, rolling=False, lens_changes=True,
    ),
}  # fmt: skip


def model_of(camera: str) -> Model | None:
    """The module of a camera by its libcamera name, whatever lens it has; None when unknown."""
    fits = [model for model in MODELS.values() if camera.startswith(model.sensor)]
    return max(fits, key=lambda model: len(model.sensor), default=None)


def seen_m(model: Model, distance_m: float, shape: float = 16 / 9) -> float:
    """Width (m) that is seen of a line across the view at that distance, without distortion.

    shape : of the picture, which is cut from the mode's middle.
    """
    return used_px(model, shape) / model.focal_px * distance_m


def distance_for(model: Model, width_m: float, shape: float = 16 / 9) -> float:
    """How far away (m) the camera has to stand for that width."""
    return width_m * model.focal_px / used_px(model, shape)


def used_px(model: Model, shape: float) -> float:
    """Sensor px across a picture of that shape."""
    wide, high = model.crop
    return min(wide, high * shape)


def picture_px(model: Model, wanted: tuple[int, int] = (1280, 720)) -> tuple[int, int]:
    """The picture's size: as wanted, or in that shape as much as the mode has; even numbers."""
    scale = min(1.0, model.mode.size[0] / wanted[0], model.mode.size[1] / wanted[1])
    width, height = (int(side * scale) // 2 * 2 for side in wanted)
    return width, height
