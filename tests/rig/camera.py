"""A simulated start from libcamera's virtual camera through picamera2 and PiCamera to a result.

Runs in the root that camera.sh makes; prints one line of figures last."""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import libcamera
import numpy as np
import picamera2
from picamera2.allocators import DmaAllocator

from pi.camera import raspberry
from pi.camera_models import MODELS, Mode
from pi.rep import analyse
from pi.simulate import simulate_clip

SIZE, FPS, SIGNAL_S, LASTS_S = (1280, 720), 60.0, 2.0, 4.6
REPEATS = 4  # of every picture, by the virtual camera
CONFIGURATION = Path("/usr/share/libcamera/pipeline/virtual/virtual.yaml")
YAML = """%YAML 1.1
---
"Virtual0":
  supported_formats:
  - width: {width}
    height: {height}
    frame_rates: [ 60, 60 ]
  frames:
    path: "{folder}"
  location: "CameraLocationFront"
  model: "trackstart virtual"
"""


class TwoPlanes(DmaAllocator):
    """The virtual camera wants luma and colour as two planes of one buffer; a Pi's takes one."""

    def allocate(self, libcamera_config, use_case):
        super().allocate(libcamera_config, use_case)
        for one in libcamera_config:
            luma = one.stride * one.size.height
            buffers = []
            for whole in self.frame_buffers[one.stream]:
                memory = self.mapped_buffers.pop(whole)
                planes = [libcamera.FrameBuffer.Plane() for _ in range(2)]
                for plane, offset, length in zip(planes, (0, luma), (luma, luma // 2), strict=True):
                    plane.fd = whole.planes[0].fd
                    plane.offset, plane.length = offset, length
                buffers.append(libcamera.FrameBuffer(planes))
                descriptor = buffers[-1].planes[0].fd
                self.libcamera_fds.append(descriptor)
                self.mapped_buffers_used[descriptor] = False
                self.mapped_buffers[buffers[-1]] = memory
            self.frame_buffers[one.stream] = buffers


class NoRaw(picamera2.Picamera2):
    """The virtual camera has no raw stream to be asked for its modes."""

    def __init__(self, number):
        super().__init__(number, allocator=TwoPlanes())

    def _get_raw_modes(self):
        return [{"format": "SRGGB10", "size": SIZE}]


class VirtualCamera(raspberry.PiCamera):
    """PiCamera, but for what a camera without a sensor cannot be asked: exposure, mode, pace."""

    def __init__(self):
        self.asked = self.kept = 0
        self.copies_s = []
        self._due_s = time.monotonic()
        super().__init__(size=SIZE, fps=FPS, ring_seconds=8.0)

    def _configuration(self, mode, lens_position):
        return self._picamera.create_video_configuration(
            main={"size": self.size, "format": "NV12"}, buffer_count=10, queue=False,
            display=None, encode=None, controls={},
        )  # fmt: skip

    def _meter(self, seconds=1.0):
        self._metered_ns = time.monotonic_ns()

    def _take(self, request):
        # it hands out pictures as fast as they are taken; a sensor would make us wait as long
        self._due_s = max(self._due_s + 1.0 / (FPS * REPEATS), time.monotonic() - 0.02)
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        number = self.asked
        self.asked += 1
        if number % REPEATS:
            return
        before, count = time.perf_counter(), self.ring._count
        super()._take(request)
        if self.ring._count > count:
            self.kept += 1
            self.copies_s.append(time.perf_counter() - before)


def main() -> None:
    clip = simulate_clip(
        "prone", seed=31, fps=FPS, size=SIZE, signal_s=SIGNAL_S, duration_s=LASTS_S
    )
    count = len(clip.frames.luma)
    with tempfile.TemporaryDirectory() as folder:
        for i, picture in enumerate(clip.frames.luma):
            cv2.imwrite(f"{folder}/{i}.jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        CONFIGURATION.write_text(YAML.format(width=SIZE[0], height=SIZE[1], folder=folder))
        picamera2.Picamera2 = NoRaw
        virtual = MODELS["gs-6mm"]._replace(
            sensor="trackstart virtual", mode=Mode(SIZE, 10, FPS, 0.0)
        )
        MODELS["virtual"] = virtual
        with VirtualCamera() as camera:

            def shown():
                return camera.asked // REPEATS % count

            while shown() != count - 2:  # the film loops; begin with its beginning
                time.sleep(0.002)
            camera.start()
            time.sleep((count - 15) / FPS)
            camera.stop()
            frames = camera.recording(0, 2**62)
            name = camera.name
    # which picture of the film the first one is shows in the pictures themselves
    first = min(
        range(count),
        key=lambda i: float(np.mean(cv2.absdiff(clip.frames.luma[i], frames.luma[5])[::4, ::4])),
    )  # fmt: skip
    at = np.array([
        int(np.argmin([
            np.mean(cv2.absdiff(clip.frames.luma[j % count], frames.luma[i])[::8, ::8])
            for j in range(first - 5 + i - 2, first - 5 + i + 3)
        ])) - 2
        for i in range(0, len(frames.luma), 20)
    ])  # fmt: skip
    assert not at.any(), f"pictures came out of order: {at}"
    zero = first - 5
    begun = max(0, -zero)  # before that it was the end of the round before
    frames = frames._replace(luma=frames.luma[begun:], times_ns=frames.times_ns[begun:])
    zero += begun
    # a straight line through the stamps: when the film's signal was, on the camera's clock
    number = zero + np.arange(len(frames.times_ns))
    slope, intercept = np.polyfit(number, (frames.times_ns - frames.times_ns[0]) * 1e-9, 1)
    signal_ns = int(frames.times_ns[0] + round(1e9 * (intercept + slope * SIGNAL_S * FPS)))
    analysis = analyse(frames, signal_ns, cones=clip.cones, posture="prone")
    told, true = analysis.result["reaction_s"], clip.truth["reaction_s"]
    status = analysis.result["status"]
    off_ms = 1e3 * (told["value"] - true) if told["value"] is not None else float("nan")
    steps_ms = 1e-6 * np.diff(frames.times_ns)
    copies = 1e3 * np.array(camera.copies_s)
    print(f"{name}: {len(frames.times_ns)} frames, {frames.dropped} missed, step "
          f"{np.median(steps_ms):.2f} ms, worst {steps_ms.max():.2f} ms")  # fmt: skip
    print(f"begins with picture {zero} of {count}")
    print(f"status {status}, reaction {told['value']} ± {told['u']} s, true {true:.4f} s")
    assert status == "measured", analysis.result["reasons"]
    assert abs(off_ms) < max(2e3 * told["u"], 12.0), f"first movement is {off_ms:.1f} ms off"
    assert abs(np.median(steps_ms) - 1e3 / FPS) < 0.5
    print(
        f"picamera2 {picamera2.__version__ if hasattr(picamera2, '__version__') else '0.3.38'}: "
        f"{len(frames.times_ns)} frames at {1e3 / np.median(steps_ms):.1f} a second, "
        f"{frames.dropped} missed, callback {np.median(copies):.2f} ms (worst {copies.max():.2f}), "
        f"first movement {off_ms:+.1f} ms of the truth"
    )


if __name__ == "__main__":
    sys.exit(main())
