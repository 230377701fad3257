"""The ring, and every camera that fills it: which picture, and when it was exposed."""

import gc
import resource
import sys
import threading
import time
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from test_video import write_video

from pi.camera import PiCamera, Ring, VideoFile, Webcam, count_dropped
from pi.camera.live import luma_of
from pi.camera.raspberry import (
    choose_exposure,
    choose_mode,
    fit_size,
    mid_exposure_ns,
    row_timing,
)
from pi.camera_models import MODELS, Mode, model_of

SIZE = (64, 48)
EVER = 2**62


def fill(ring, numbers, *, step_ns=1000):
    ring.fps = 1e9 / step_ns
    for number in numbers:
        ring.add(np.full((48, 64), number % 256, np.uint8), number * step_ns)


def numbers_in(frames):
    return [int(picture[0, 0]) for picture in frames.luma]


# The ring


def test_a_recording_holds_the_pictures_of_its_time():
    ring = Ring(SIZE, 100, seconds=0.5)
    fill(ring, range(1, 21))
    frames = ring.recording(5_000, 12_000, line_time_ns=9.2, exposure_ns=1000)
    assert numbers_in(frames) == list(range(5, 13))
    assert frames.times_ns.tolist() == [number * 1000 for number in range(5, 13)]
    assert frames[2:] == (9.2, 1000, 0, False)


def test_a_recording_over_the_rings_end_is_one_array_and_no_copy():
    ring = Ring(SIZE, 100, seconds=0.2)
    fill(ring, range(1, ring.capacity + 8))
    frames = ring.recording(0, EVER)
    assert numbers_in(frames) == list(range(9, ring.capacity + 8))
    fill(ring, [77] * ring.capacity)
    assert set(numbers_in(frames)) == {77}, "it is what lies in the ring"


def test_a_recording_that_lost_its_beginning_says_so():
    ring = Ring(SIZE, 100, seconds=0.2)
    fill(ring, range(1, 11))
    assert not ring.recording(0, EVER).overrun, "nothing was ever lost"
    fill(ring, range(11, 100))
    assert ring.recording(1_000, EVER).overrun
    assert not ring.recording(95_000, EVER).overrun
    assert len(ring.recording(0, EVER).luma) == ring.capacity - 1


def test_missing_frames_are_counted_by_their_gaps():
    times_ns = np.arange(100) * 8_333_333
    assert count_dropped(times_ns) == 0
    assert count_dropped(np.delete(times_ns, [10, 50, 51, 52])) == 4
    jitter = np.random.default_rng(1).integers(-1_500_000, 1_500_000, 100)
    assert count_dropped(times_ns + jitter) == 0
    assert count_dropped(times_ns[::2]) == 0, "a steady rate of its own"
    assert count_dropped(times_ns[::2], 8_333_333) == 49
    assert count_dropped(times_ns[:1]) == count_dropped(times_ns[:0]) == 0


def test_the_ring_says_how_long_it_is_and_keeps_to_its_memory():
    assert Ring(SIZE, 50, seconds=2).seconds == pytest.approx(2)
    small = Ring((64, 64), 100, seconds=10, max_bytes=64 * 64 * 101)
    assert small.seconds == pytest.approx(1)
    with pytest.raises(ValueError, match="two pictures of 64x48"):
        Ring(SIZE, 100, max_bytes=5000)


def test_an_odd_size_is_as_good():
    ring = Ring((67, 41), 100, seconds=0.05)
    for number in range(20):
        ring.add(np.full((41, 67), number, np.uint8), number)
    frames = ring.recording(0, EVER)
    assert frames.luma.shape == (ring.capacity - 1, 41, 67)
    assert [picture.mean() for picture in frames.luma] == list(range(21 - ring.capacity, 20))


def test_no_picture_of_the_first_pass_waits_for_its_memory():
    ring = Ring((1280, 720), 120, seconds=0.2)
    picture = np.full((720, 1280), 7, np.uint8)
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for number in range(20):
        ring.add(picture, number)
    pages = 20 * picture.nbytes // resource.getpagesize()
    assert resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before < pages / 20


def test_a_picture_that_is_being_filled_when_a_camera_stops_is_not_kept():
    ring = Ring(SIZE, 100, seconds=0.2)
    fill(ring, range(1, 4))
    ring.slot()[:] = 9
    ring.hold()
    ring.keep(10**9)
    fill(ring, [8])
    assert numbers_in(ring.recording(0, EVER)) == [1, 2, 3]
    ring.clear()
    fill(ring, [5])
    assert numbers_in(ring.recording(0, EVER)) == [5]


def test_a_recording_outlives_its_ring():
    ring = Ring(SIZE, 100, seconds=0.2)
    fill(ring, range(1, 11))
    frames = ring.recording(0, EVER)
    del ring
    gc.collect()
    assert numbers_in(frames) == list(range(1, 11))


def test_a_closed_ring_gives_its_memory_back():
    def in_use():
        with open("/proc/self/maps") as lines:
            return sum("trackstart-ring" in line for line in lines)

    before = in_use()
    ring = Ring(SIZE, 100, seconds=0.2)
    assert in_use() > before
    del ring
    gc.collect()
    assert in_use() == before


def test_clearing_the_ring_forgets_a_picture_in_the_making():
    ring = Ring(SIZE, 100, seconds=0.2)
    fill(ring, [1, 2])
    ring.slot()[:] = 3
    ring.clear()
    ring.keep(3_000)
    assert len(ring.recording(0, EVER).luma) == 0
    fill(ring, [4])
    assert numbers_in(ring.recording(0, EVER)) == [4]


def test_the_newest_picture_is_waited_for_but_not_for_long():
    ring = Ring(SIZE, 100, seconds=0.2)
    assert ring.frame(0) is None
    timer = threading.Timer(0.05, fill, (ring, [1, 2, 3]))
    timer.start()
    picture, time_ns = ring.frame(0, 5.0)
    timer.join()
    assert int(picture[0, 0]) * 1000 == time_ns
    assert ring.frame(time_ns - 1, 5.0)[1] == 3_000
    assert ring.frame(3_000, 0.01) is None


# A film as a camera


def test_a_film_plays_in_its_own_time_at_every_start(tmp_path):
    path = write_video(tmp_path / "a.mkv", [0, 0.05, 0.1, 0.2, 0.25, 0.3], size=(64, 48))
    with VideoFile(path, ring_seconds=2) as camera:
        assert (camera.size, camera.name) == ((64, 48), "a.mkv")
        assert camera.fps == pytest.approx(20)
        for _ in range(2):
            began_ns = time.monotonic_ns()
            camera.start()
            seen, after_ns = [], 0
            while camera.problem is None:
                if got := camera.frame(after_ns):
                    _, after_ns = got
                    seen.append(time.monotonic_ns() - after_ns)
            frames = camera.recording(began_ns, EVER)
            assert (frames.times_ns - frames.times_ns[0]).tolist() == [
                round(at * 1e9) for at in (0, 0.05, 0.1, 0.2, 0.25, 0.3)
            ]
            assert frames.dropped == 1
            assert all(0 <= age_ns < 100_000_000 for age_ns in seen)
            assert camera.problem == "the film is over"
            camera.stop()
        camera.start()  # closed in the middle


def test_what_is_no_film_is_no_camera(tmp_path):
    text = tmp_path / "a.mp4"
    text.write_text("no film")
    with pytest.raises(ValueError, match="not a video"):
        VideoFile(text)


# Webcams


class FakeCapture:
    """A cv2.VideoCapture as a V4L2 webcam gives: JPEGs at its own pace, stamped by the driver."""

    def __init__(self, *, fps=100.0, stamped=True, bright=120, lives=10**6, opens=True):
        self.fps, self.stamped, self.bright, self.lives = fps, stamped, bright, lives
        self.opens, self.settings, self.released = opens, {}, False
        self.due_ns = time.monotonic_ns()

    def isOpened(self):
        return self.opens

    def set(self, setting, value):
        self.settings[setting] = value
        return True

    def get(self, setting):
        if setting == cv2.CAP_PROP_POS_MSEC:
            return (self.due_ns - 3_000_000) * 1e-6 if self.stamped else 0.0
        return self.settings[setting]

    def grab(self):
        self.lives -= 1
        if self.lives < 0:
            return False
        self.due_ns += round(1e9 / self.fps)
        time.sleep(max(0, self.due_ns - time.monotonic_ns()) * 1e-9)
        return True

    def retrieve(self):
        assert self.settings[cv2.CAP_PROP_CONVERT_RGB] == 0
        return cv2.imencode(".jpg", np.full((48, 64), self.bright, np.uint8))

    def read(self):
        return self.retrieve() if self.grab() else (False, None)

    def release(self):
        self.released = True


def test_a_webcam_has_its_drivers_stamps_and_its_measured_rate():
    capture = FakeCapture(fps=100)
    with Webcam(capture=capture, fps=100, ring_seconds=1) as camera:
        assert camera.fps == pytest.approx(100, rel=0.03)
        assert camera.size == (64, 48)
        assert camera.warnings == []
        assert camera.exposure_ns == 1_000_000
        camera.start()
        time.sleep(0.1)
        picture, time_ns = camera.frame(0)
        assert picture.mean() == pytest.approx(120, abs=2)
        frames = camera.recording(0, EVER)
        assert np.diff(frames.times_ns) == pytest.approx(10_000_000, abs=2000)
        # the driver's stamp is 3 ms before the arrival; half of the 1 ms exposure comes on top
        assert (capture.due_ns - time_ns - 2_500_000) % 10_000_000 < 2000
        camera.stop()
        held = len(camera.recording(0, EVER).luma)
        time.sleep(0.05)
        assert len(camera.recording(0, EVER).luma) <= held + 1
    assert capture.released


def test_a_webcam_without_stamps_gets_the_time_of_arrival_and_a_warning():
    with Webcam(capture=FakeCapture(stamped=False), fps=100, ring_seconds=1) as camera:
        assert any("arrival" in warning for warning in camera.warnings)
        camera.start()
        _, time_ns = camera.ring.frame(0, 1.0)
        assert 5_000_000 <= time.monotonic_ns() - time_ns < 50_000_000


def test_a_webcam_whose_exposure_cannot_be_set_does_not_blame_the_dark():
    capture = FakeCapture()
    capture.set = lambda setting, value: (
        setting not in (cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_AUTO_EXPOSURE)
        and FakeCapture.set(capture, setting, value)
    )
    with Webcam(fps=100, ring_seconds=1, capture=capture) as camera:
        assert any("exposure cannot be set" in warning for warning in camera.warnings)
        assert not any("dark" in warning for warning in camera.warnings)
        assert camera.exposure_ns == 0


def test_a_webcam_that_is_slow_or_in_the_dark_says_so():
    capture = FakeCapture(fps=50, bright=5)
    with Webcam(capture=capture, fps=120, ring_seconds=1) as camera:
        assert sorted(warning.split()[0] for warning in camera.warnings) == ["50", "too"]
        assert capture.settings[cv2.CAP_PROP_AUTO_EXPOSURE] == 3
        assert camera.exposure_ns == 0


def test_a_webcam_that_is_pulled_out_says_so():
    with Webcam(capture=FakeCapture(lives=130), fps=100, ring_seconds=1) as camera:
        camera.start()
        for _ in range(100):
            if camera.problem:
                break
            time.sleep(0.02)
        assert "check its cable" in camera.problem


def test_no_webcam_is_one_clear_line():
    capture = FakeCapture(opens=False)
    with pytest.raises(OSError, match="no webcam at /dev/video7"):
        Webcam("/dev/video7", capture=capture)
    capture = FakeCapture(lives=5)
    with pytest.raises(OSError, match="check its cable"):
        Webcam(capture=capture)
    assert capture.released


def test_luma_is_found_in_whatever_a_webcam_gives():
    grey = np.tile(np.arange(0, 128, 2, dtype=np.uint8), (48, 1))
    yuyv = np.dstack([grey, np.full_like(grey, 128)])
    jpeg = cv2.imencode(".jpg", grey)[1]
    for raw in (grey, yuyv, cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), jpeg, jpeg.reshape(1, -1)):
        assert luma_of(raw) == pytest.approx(grey, abs=3)
    with pytest.raises(OSError, match="unknown kind"):
        luma_of(np.zeros((1, 500), np.uint8))


# A Raspberry Pi's camera: what is arithmetic


def test_the_time_of_a_picture_is_the_middle_of_its_exposure():
    assert mid_exposure_ns(1_000_000_000, 1000, 0) == 999_500_000
    assert mid_exposure_ns(1_000_000_000, 2000, 150_000.4) == 999_150_000


def test_a_row_of_the_picture_knows_its_row_of_the_sensor():
    mode = Mode((1536, 864), 10, 120.13, 9210.0)
    line_ns, first_ns = row_timing(mode, (1280, 720))
    assert line_ns * 720 == pytest.approx(9210 * 864)
    assert first_ns == 0
    line_ns, first_ns = row_timing(MODELS["hq-6mm"].mode, (1280, 720))  # 4:3, cut to 16:9
    assert line_ns * 720 + 2 * first_ns == pytest.approx(6664 / 0.84 * 990)
    assert row_timing(MODELS["gs-6mm"].mode, (1280, 720)) == (0, 0)


def test_each_sensor_gets_its_quick_mode():
    assert choose_mode("imx708_wide_noir", 120, []).size == (1536, 864)
    assert choose_mode("imx477", 120, []).fps > 120
    known = [
        {"size": (4000, 3000), "bit_depth": 12, "fps": 15.0},
        {"size": (2000, 1000), "bit_depth": 10, "fps": 121.0},
        {"size": (640, 480), "bit_depth": 10, "fps": 200.0},
    ]
    assert choose_mode("newer", 120, known) == Mode((2000, 1000), 10, 121.0, 0.0)
    with pytest.raises(OSError, match="offers no mode"):
        choose_mode("newer", 120, [])


def test_a_picture_larger_than_the_sensor_is_shrunk_in_its_shape():
    assert fit_size((1280, 720), MODELS["v3"].mode) == (1280, 720)
    assert fit_size((1280, 720), MODELS["v2"].mode) == (640, 360)
    assert fit_size((1920, 1080), MODELS["v3"].mode) == (1536, 864)


@pytest.mark.parametrize(
    ("metered", "chosen"),
    [
        ((4000, 2.0), (1000, 8.0)),  # daylight: short, the gain makes up for it
        ((8000, 8.0), (4000, 16.0)),  # dusk: the gain does not reach
        ((8000, 100.0), (7500, 16.0)),  # night: never longer than the frame
        ((300, 1.0), (300, 1.0)),  # glaring sun
        ((1000, 1.0), (1000, 1.0)),
    ],
)
def test_exposure_is_short_while_the_light_allows(metered, chosen):
    assert choose_exposure(*metered, 1000, 16.0, 8333) == pytest.approx(chosen)


# A Raspberry Pi's camera: what it asks of Picamera2, from one that is simulated


class FakePicamera2:
    """Picamera2 with one camera: requests at the asked rate, controls that work a little later."""

    cameras = [{"Model": "imx708_wide", "Num": 0}]  # noqa: RUF012
    clock_ns = staticmethod(time.monotonic_ns)
    slower = 1.0
    light = 8000  # exposure in us that is right at gain 1
    last = None

    def __init__(self, number):
        self.camera_properties = {"Model": self.cameras[number]["Model"]}
        self.camera_controls = {"AnalogueGain": (1.0, 16.0, 1.0), "AfMode": (0, 2, 0)}
        self.controls, self.closed, self.thread = {}, False, None
        FakePicamera2.last = self

    @classmethod
    def global_camera_info(cls):
        return cls.cameras

    def create_video_configuration(self, **configuration):
        return configuration

    def configure(self, configuration):
        self.configuration = configuration
        self.set_controls(configuration["controls"])

    def set_controls(self, controls):
        self.controls = self.controls | controls

    def start(self):
        self.running = True
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def stop(self):
        self.running = False
        self.thread.join()

    def close(self):
        if self.thread and self.running:
            self.stop()
        self.closed = True

    def _run(self):
        width, height = self.configuration["main"]["size"]
        stride = width + 32
        buffer = np.full((height * 3 // 2, stride), 200, np.uint8)
        due_ns = time.monotonic_ns()
        number = 0
        while self.running:
            due_ns += round(self.slower * self.controls["FrameDurationLimits"][0] * 1000)
            time.sleep(max(0, due_ns - time.monotonic_ns()) * 1e-9)
            number += 1
            buffer[:height, :width] = number % 200
            locked = not self.controls.get("AeEnable", True)
            metadata = {
                "SensorTimestamp": due_ns - time.monotonic_ns() + self.clock_ns(),
                "ExposureTime": self.controls["ExposureTime"] if locked else self.light // 4,
                "AnalogueGain": self.controls["AnalogueGain"] if locked else 4.0,
            }
            request = SimpleNamespace(get_metadata=lambda known=metadata: known, buffer=buffer)
            self.pre_callback(request)


class FakeMappedArray:
    def __init__(self, request, stream, write=True):
        assert (stream, write) == ("main", False)
        self.request = request

    def __enter__(self):
        self.array = self.request.buffer
        return self

    def __exit__(self, *_):
        del self.array


@pytest.fixture
def picamera2(monkeypatch):
    class Picamera2(FakePicamera2):
        pass

    module = ModuleType("picamera2")
    module.Picamera2, module.MappedArray = Picamera2, FakeMappedArray
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return Picamera2


def test_a_pis_camera_fills_the_ring_with_locked_pictures(picamera2):
    with PiCamera(size=(64, 36), fps=100, ring_seconds=1) as camera:
        asked = FakePicamera2.last
        assert camera.name == "imx708_wide"
        assert camera.fps == pytest.approx(100, rel=0.02)
        assert camera.line_time_ns == pytest.approx(5216 / 0.5664 * 864 / 36)
        assert asked.configuration["sensor"] == {"output_size": (1536, 864), "bit_depth": 10}
        assert asked.configuration["controls"]["FrameDurationLimits"] == (10_000, 10_000)
        assert asked.configuration["controls"]["AfMode"] == 0
        locked = {"AeEnable": False, "ExposureTime": 1000, "AnalogueGain": 8.0}
        assert asked.controls.items() >= locked.items()
        camera.start()
        time.sleep(0.2)
        now_ns = time.monotonic_ns()
        camera.stop()
        frames = camera.recording(0, EVER)
        assert (frames.dropped, frames.exposure_ns) == (0, 1_000_000)
        assert len(frames.luma) == pytest.approx(20, abs=3)
        assert frames.luma[0].shape == (36, 64)
        assert np.all(frames.luma < 200), "padding or colour in the picture"
        assert np.diff([int(picture[0, 0]) for picture in frames.luma]).tolist() == [1] * (
            len(frames.luma) - 1
        )
        assert 0 < now_ns - frames.times_ns[-1] < 30_000_000
        assert camera.warnings == []
    assert asked.closed


def test_a_pis_camera_in_the_dark_says_so(picamera2):
    picamera2.light = 64_000
    with PiCamera(size=(64, 36), fps=100, ring_seconds=1) as camera:
        assert "4.0 ms exposure" in camera.warnings[0]
        assert "more light" in camera.warnings[0]


def test_a_pis_camera_that_gives_fewer_pictures_than_asked_says_so(picamera2):
    picamera2.slower = 2.0
    with PiCamera(size=(64, 36), fps=100, ring_seconds=1) as camera:
        assert camera.fps == pytest.approx(50, rel=0.1)
        assert any("pictures a second instead of 100" in each for each in camera.warnings)


def test_a_camera_on_another_clock_is_refused(picamera2):
    picamera2.clock_ns = staticmethod(time.time_ns)
    with pytest.raises(OSError, match="this machine's clock"):
        PiCamera(size=(64, 36), fps=100, ring_seconds=1)
    assert FakePicamera2.last.closed


def test_a_camera_whose_clock_leaves_ours_keeps_no_picture(picamera2):
    with PiCamera(size=(64, 36), fps=100, ring_seconds=1) as camera:
        camera.start()
        time.sleep(0.1)
        picamera2.clock_ns = staticmethod(lambda: time.monotonic_ns() - 5_000_000_000)
        time.sleep(0.1)
        left_ns = time.monotonic_ns()
        time.sleep(0.1)
        camera.stop()
        assert "this machine's clock" in camera.problem
        frames = camera.recording(0, EVER)
        assert len(frames.luma) > 3
        assert frames.times_ns[-1] < left_ns
        assert frames.times_ns[0] > left_ns - 1_000_000_000


def test_a_camera_that_falls_silent_between_reps_is_noticed(picamera2, monkeypatch):
    monkeypatch.setattr("pi.camera.raspberry.SILENT_S", 0.5)
    with PiCamera(size=(64, 36), fps=100, ring_seconds=1) as camera:
        camera.look_after()
        assert camera.problem is None
        FakePicamera2.last.running = False
        time.sleep(0.6)
        camera.look_after()
        assert "ribbon cable" in camera.problem


def test_a_pi_without_a_camera_says_what_to_check(picamera2):
    picamera2.cameras = []
    with pytest.raises(OSError, match="ribbon cable"):
        PiCamera()


def test_a_pi_without_picamera2_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(ImportError, match="sudo apt install python3-picamera2"):
        PiCamera()


@pytest.mark.pi
def test_a_real_pi_camera_loses_no_picture_in_a_second():
    pytest.importorskip("picamera2", reason="needs a Raspberry Pi with Picamera2")
    with PiCamera(ring_seconds=2) as camera:
        camera.start()
        time.sleep(1.2)
        camera.stop()
        frames = camera.recording(0, EVER)
        assert camera.fps > 0.95 * min(120.0, model_of(camera.name).mode.fps)
        assert frames.dropped == 0
