"""A Raspberry Pi's own camera, through Picamera2."""

import contextlib
import threading
import time
from typing import Any

import numpy as np

from pi.camera.live import Camera
from pi.camera_models import Mode, model_of

METERED_FOR_S = 30.0  # clouds move
DIMMEST = 1.0  # gain
SILENT_S = 2.0
OLDEST_NS = 1_000_000_000

NO_PICTURES = "the camera gives no pictures; check its ribbon cable"
OTHER_CLOCK = "the camera's time stamps are not on this machine's clock"


def choose_mode(model: str, fps: float, known: list[dict[str, Any]]) -> Mode:
    """The mode for a sensor: from the table, else the largest of those known that is quick enough.

    known : as Picamera2.sensor_modes gives them.
    """
    if module := model_of(model):
        return module.mode
    if not known:
        raise OSError(f"the camera {model!r} offers no mode")
    best = max(known, key=lambda one: (min(one["fps"], fps), one["size"][0] * one["size"][1]))
    return Mode(tuple(best["size"]), best["bit_depth"], best["fps"], 0.0)


def fit_size(wanted: tuple[int, int], mode: Mode) -> tuple[int, int]:
    """The wanted size, shrunk in its own shape and to even numbers until the mode has as much."""
    scale = min(1.0, mode.size[0] / wanted[0], mode.size[1] / wanted[1])
    width, height = (int(side * scale) // 2 * 2 for side in wanted)
    return width, height


def row_timing(mode: Mode, size: tuple[int, int]) -> tuple[float, float]:
    """Ns from row to row of a picture of that size, and until its row 0 from the sensor's.

    The picture is the sensor's, cut at the middle to the picture's shape and scaled.
    """
    used = min(mode.size[1], mode.size[0] * size[1] / size[0])
    return mode.line_time_ns * used / size[1], mode.line_time_ns * (mode.size[1] - used) / 2


def choose_exposure(
    metered_us: float, metered_gain: float, wanted_us: float, max_gain: float, frame_us: float
) -> tuple[int, float]:
    """Exposure and gain that give a picture as bright as the metered one.

    As short as wanted while the gain reaches; longer, up to the frame, when it does not; shorter
    when it is too bright for that.
    """
    light = metered_us * metered_gain
    exposure_us = min(max(min(wanted_us, light / DIMMEST), light / max_gain), 0.9 * frame_us)
    return round(exposure_us), float(np.clip(light / exposure_us, DIMMEST, max_gain))


def mid_exposure_ns(sensor_timestamp_ns: int, exposure_us: float, first_row_ns: float) -> int:
    """The middle of the exposure of row 0.

    The stamp is taken as the sensor's first row is read out, that is at the end of its exposure.
    """
    return sensor_timestamp_ns - round(exposure_us * 500) + round(first_row_ns)


class PiCamera(Camera):
    """The camera on the ribbon cable: exposure, white balance and focus locked for each rep."""

    def __init__(
        self,
        *,
        size: tuple[int, int] = (1280, 720),
        fps: float = 120.0,
        exposure_us: int = 1000,
        lens_position: float = 0.1,
        ring_seconds: float = 12.0,
        ring_bytes: int | None = None,
    ):
        try:
            from picamera2 import MappedArray, Picamera2
        except ImportError as problem:
            raise ImportError(
                "no Picamera2 for the camera: sudo apt install python3-picamera2"
            ) from problem
        cameras = Picamera2.global_camera_info()
        if not cameras:
            raise OSError("no camera found; check its ribbon cable, then restart")
        if cameras[0].get("Model", "").startswith("imx708"):
            _switch_hdr_off(cameras[0]["Num"])
        self._picamera = picamera = Picamera2(cameras[0]["Num"])
        try:
            model = picamera.camera_properties["Model"]
            mode = choose_mode(model, fps, [] if model_of(model) else picamera.sensor_modes)
            size = fit_size(size, mode)
            fps = min(fps, mode.fps)
            super().__init__(model, size, fps, ring_seconds=ring_seconds, ring_bytes=ring_bytes)
            self.line_time_ns, self._first_row_ns = row_timing(mode, size)
            self.stamped_at = 1.0
            self._asked_fps = fps
            self._wanted_us, self._metered_ns = exposure_us, 0
            self._mapped = MappedArray
            self._metadata: dict[str, Any] = {}
            self._news = threading.Condition()
            self._seen_ns = time.monotonic_ns()
            picamera.configure(self._configuration(mode, lens_position))
            picamera.pre_callback = self._take
            picamera.start()
            self._check_clock()
            self._meter()
        except BaseException:
            picamera.close()
            raise

    def start(self) -> None:
        if time.monotonic_ns() - self._metered_ns > METERED_FOR_S * 1e9:
            self._meter()
        super().start()

    def expose(self, exposure_us: int | None) -> bool:
        if exposure_us is None:
            self._meter()
            return True
        self._lock_exposure(exposure_us, self._metadata["AnalogueGain"])
        return abs(self._metadata["ExposureTime"] - exposure_us) < 0.1 * exposure_us

    def look_after(self) -> None:
        if time.monotonic_ns() - self._seen_ns > SILENT_S * 1e9:
            self.problem = self.problem or NO_PICTURES

    def close(self) -> None:
        super().close()
        self._picamera.stop()
        self._picamera.close()

    def _configuration(self, mode: Mode, lens_position: float) -> Any:
        frame_us = round(1e6 / self.fps)
        controls: dict[str, Any] = {"FrameDurationLimits": (frame_us, frame_us)}
        there = self._picamera.camera_controls
        if "NoiseReductionMode" in there:
            controls["NoiseReductionMode"] = 0  # off: it costs frames
        if "AfMode" in there:
            controls |= {"AfMode": 0, "LensPosition": lens_position}  # manual: focus breathes
        return self._picamera.create_video_configuration(
            main={"size": self.size, "format": "YUV420"},
            raw=None,
            sensor={"output_size": mode.size, "bit_depth": mode.bit_depth},
            controls=controls,
            buffer_count=10,
            queue=False,
            display=None,
            encode=None,
        )

    def _take(self, request: Any) -> None:
        """Copy one picture from the camera's buffer into the ring, in Picamera2's own thread."""
        self._hurry()
        metadata = request.get_metadata()
        self._seen_ns = time.monotonic_ns()
        if not self._on_our_clock(metadata["SensorTimestamp"]):
            self.problem = OTHER_CLOCK  # its pictures are no use: none is kept
        elif self._filling.is_set():
            width, height = self.size
            with self._mapped(request, "main", write=False) as mapped:
                np.copyto(self.ring.slot(), mapped.array[:height, :width])
            exposure_us = metadata.get("ExposureTime", 0)
            self.exposure_ns = exposure_us * 1000
            self.ring.keep(
                mid_exposure_ns(metadata["SensorTimestamp"], exposure_us, self._first_row_ns)
            )
        with self._news:
            self._metadata = metadata
            self._news.notify_all()

    def _next_metadata(self) -> dict[str, Any]:
        with self._news:
            if not self._news.wait(timeout=SILENT_S):
                raise OSError(NO_PICTURES)
            return self._metadata

    def _check_clock(self) -> None:
        self._next_metadata()
        if self.problem:
            raise OSError(self.problem)

    def _on_our_clock(self, stamp_ns: int) -> bool:
        """Whether a stamp is of a moment just gone by."""
        return 0 <= self._seen_ns - stamp_ns < OLDEST_NS

    def _meter(self, seconds: float = 1.0) -> None:
        """Let the camera choose its exposure for a second, then lock it, shorter."""
        self._picamera.set_controls(
            {"AeEnable": True, "AwbEnable": True, "ExposureTime": 0, "AnalogueGain": 0.0}
        )
        stamps: list[int] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until or len(stamps) < 10:
            seen = self._next_metadata()
            stamps.append(seen["SensorTimestamp"])
        self.fps = self.ring.fps = 1e9 / float(np.median(np.diff(stamps)))
        _, max_gain, _ = self._picamera.camera_controls["AnalogueGain"]
        slow = self.fps < 0.9 * self._asked_fps
        exposure_us, gain = choose_exposure(
            seen["ExposureTime"], seen["AnalogueGain"], self._wanted_us, max_gain, 1e6 / self.fps
        )
        self._lock_exposure(exposure_us, gain)
        self.warnings = []
        if slow:
            self.warnings.append(
                f"{self.fps:.0f} pictures a second instead of {self._asked_fps:.0f}; stop other "
                "programs, cool the Pi"
            )
        if exposure_us > 1.1 * self._wanted_us:
            ms = exposure_us / 1000
            self.warnings.append(f"dark: {ms:.1f} ms exposure blurs limbs; more light is needed")
        self._metered_ns = time.monotonic_ns()

    def _lock_exposure(self, exposure_us: int, gain: float) -> None:
        self._picamera.set_controls(
            {
                "AeEnable": False,
                "AwbEnable": False,
                "ExposureTime": exposure_us,
                "AnalogueGain": gain,
            }
        )
        for _ in range(10):  # until the pictures are those of the locked exposure
            if abs(self._next_metadata()["ExposureTime"] - exposure_us) < 0.1 * exposure_us:
                break


def _switch_hdr_off(number: int) -> None:
    # It outlives the program that switched it on, and leaves a single mode of 30 fps.
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        from picamera2.devices.imx708 import IMX708

        with IMX708(number) as sensor:
            sensor.set_sensor_hdr_mode(False)
