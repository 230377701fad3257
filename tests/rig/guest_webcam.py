"""Webcam on a Video4Linux device of the kernel's own, in an emulated kernel."""

import sys
import time

import cv2
import numpy as np

from pi.camera import Webcam

DEVICE, SIZE, FPS, LASTS_S = "/dev/video0", (640, 360), 30.0, 4.0


def check(right: bool, what: str) -> None:
    print(what if right else f"FAILED: {what}")
    if not right:
        sys.exit(1)


def main() -> None:
    cv2.setNumThreads(1)
    with Webcam(DEVICE, size=SIZE, fps=FPS, ring_seconds=8.0) as camera:
        check(
            camera.size == SIZE,
            f"{camera.name}: {camera.size}, {camera.fps:.1f} a second as measured",
        )
        # vivid stamps a frame with the time of its end: what lies ahead is no exposure
        check(
            any("times are those of arrival" in warning for warning in camera.warnings),
            f"stamps that lie ahead are not believed: {camera.warnings}",
        )
        began_ns = time.monotonic_ns()
        camera.start()
        time.sleep(LASTS_S)
        camera.stop()
        frames = camera.recording(began_ns - 10**9, time.monotonic_ns())
        steps_ms = 1e-6 * np.diff(frames.times_ns)
        check(
            len(frames.times_ns) > 0.3 * LASTS_S * camera.fps and bool(np.all(steps_ms > 0)),
            f"{len(frames.times_ns)} frames, {frames.dropped} dropped, step "
            f"{np.median(steps_ms):.1f} ms",
        )
        ages_ms = 1e-6 * (time.monotonic_ns() - frames.times_ns[-1])
        check(0 <= ages_ms < 2000, "times are on the monotonic clock")
        picture = frames.luma[len(frames.luma) // 2]
        # vivid's bars, from white to black: the luma of the first is high, of the last low
        columns = np.median(picture[: SIZE[1] // 3], axis=0)
        check(
            columns[10] > 150 and columns[-10] < 80 and len(np.unique(np.round(columns, -1))) > 4,
            f"the bars' luma falls from {columns[10]:.0f} to {columns[-10]:.0f}",
        )
        count, dropped, step = len(frames.times_ns), frames.dropped, np.median(steps_ms)
    again = cv2.VideoCapture(DEVICE, cv2.CAP_V4L2)
    check(again.isOpened() and again.read()[0], "closed: the device is free for others")
    again.release()
    print(
        f"vivid: {count} frames, {dropped} dropped, step {step:.1f} ms (emulated), stamps ahead of "
        "the clock refused, luma right, device given back"
    )
    print("finished")


if __name__ == "__main__":
    main()
