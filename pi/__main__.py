"""The device: takes reps from the store, runs them, writes what came of them. Shows no page."""

import logging
import signal as process_signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from pi.calibration import fit_line
from pi.camera import Camera, PiCamera, VideoFile, Webcam
from pi.rep import RunEnd, analyse, plain, recalled, run_rep
from pi.settings import Hold, Settings, hold_for, load_settings
from pi.start_signal import StartSignal, is_pi, listen
from pi.store import Busy, Rep, Store, WrongStep, boot_id, open_store
from pi.watch import Watch

log = logging.getLogger("trackstart.device")

LOOK_S = 0.03  # for a new request; a tap is answered by a state within 0.3 s
LISTEN_S = 0.02  # for Stop and GO while a rep runs
BEAT_S = 1.0
AGAIN_S = 3.0  # until a camera that would not open is tried again

MEDIA_TYPES = {
    "observations": "application/x-npz",
    "picture": "image/png",
    "replay": "application/json",
}


@dataclass
class Health:
    """What the heart-beat tells."""

    camera: str = ""
    fps: float | None = None
    problem: str | None = None
    simulated: bool = False


@dataclass(frozen=True)
class Station:
    """What a rep is run with."""

    settings: Settings
    store: Store
    signal: StartSignal
    camera: Camera
    track: Any  # the simulated one, or None
    stop: threading.Event  # of the device
    pressed: threading.Event  # the button

    @property
    def cones(self) -> list[dict[str, Any]]:
        if self.track:
            return self.track.cones
        return [cone.model_dump(mode="json") for cone in self.settings.place.cones]


def main(settings: Settings | None = None, stop: threading.Event | None = None) -> None:
    """Run the device until stop is set, or until SIGTERM or SIGINT when none is given.

    Raises ValueError, OSError or ImportError when it cannot begin.
    """
    settings = settings or load_settings()
    if stop is None:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        stop = _stop_on_signal()
    pins = settings.pins
    with (
        open_store(settings.store.url) as store,
        StartSignal(
            pins.buzzer, pins.led, pins.button, sounder=pins.sounder, tone_hz=pins.tone_hz
        ) as signal,
    ):
        for rep in store.recover():
            log.warning("rep %d: %s", rep.id, rep.reason)
        health = Health()
        with _beating(store, health):
            while not stop.is_set():
                try:
                    _serve_with_a_camera(settings, store, signal, health, stop)
                except (OSError, ImportError, ValueError) as problem:
                    log.error("camera: %s", problem)
                    health.problem = str(problem)
                    _refuse_reps(store, str(problem), stop)


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (process_signal.SIGTERM, process_signal.SIGINT):
        process_signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def _beating(store: Store, health: Health) -> Iterator[None]:
    end = threading.Event()

    def beat() -> None:
        while True:
            try:
                store.beat(health.camera, health.fps, health.problem, health.simulated)
            except SQLAlchemyError:
                log.exception("no beat")
            if end.wait(BEAT_S):
                return

    heart = threading.Thread(target=beat, name="heart", daemon=True)
    heart.start()
    try:
        yield
    finally:
        end.set()
        heart.join()


def _refuse_reps(store: Store, problem: str, stop: threading.Event) -> None:
    """For a while, end every rep that is asked for with what keeps it from running."""
    until = time.monotonic() + AGAIN_S
    while time.monotonic() < until and not stop.wait(0.1):
        if rep := store.next_requested():
            _try_step(store, rep, state="failed", reason=problem)


@contextmanager
def open_camera(settings: Settings) -> Iterator[tuple[Camera, Any]]:
    """The camera that the settings ask for, and the simulated track or None."""
    wanted = settings.camera
    ring: dict[str, Any] = {"ring_seconds": wanted.ring_seconds, "ring_bytes": wanted.ring_bytes}
    size = (wanted.width, wanted.height)
    source = wanted.source
    if source == "auto":
        source = "pi" if is_pi() else "simulated"
    camera: Camera
    track = None
    if source == "pi":
        camera = PiCamera(
            size=size,
            fps=wanted.fps,
            exposure_us=wanted.exposure_us,
            lens_position=wanted.lens_position,
            **ring,
        )
    elif source == "webcam":
        path = wanted.path or "/dev/video0"
        camera = Webcam(path, size=size, fps=wanted.fps, exposure_us=wanted.exposure_us, **ring)
    elif source == "file":
        camera = VideoFile(wanted.path or "", **ring)
    else:
        from pi.simulate import Conditions, SimulatedCamera, SimulatedTrack

        simulate = settings.simulate
        try:
            conditions = Conditions(**simulate.conditions)
        except TypeError as problem:
            raise ValueError(f"simulate.conditions: {problem}") from None
        track = SimulatedTrack(seed=simulate.seed, size=size, conditions=conditions)
        camera = SimulatedCamera(track, fps=_drawable_fps(track, wanted.fps), **ring)
    with camera:
        yield camera, track


def _drawable_fps(track: Any, wanted: float) -> float:
    """What this machine can draw of the simulated track in real time and still measure, at most."""
    track.line_up("standing")
    took_s = []
    for _ in range(15):
        began = time.perf_counter()
        track.picture(time.monotonic_ns())
        took_s.append(time.perf_counter() - began)
    track.leave()
    possible = 0.7 / sorted(took_s)[7]
    return min(wanted, max(30.0, possible // 10 * 10))


def _serve_with_a_camera(
    settings: Settings,
    store: Store,
    signal: StartSignal,
    health: Health,
    stop: threading.Event,
) -> None:
    """Open the camera and run every rep that is asked for, until stop or until it breaks."""
    pressed = threading.Event()
    with open_camera(settings) as (camera, track), store.listen() as news:
        station = Station(settings, store, signal, camera, track, stop, pressed)
        fit_line(station.cones) if station.cones else None  # wrong cones are told before a rep
        signal.on_press(lambda _time_ns: pressed.set())
        log.info("camera: %s, %dx%d, %.0f fps", camera.name, *camera.size, camera.fps)
        health.camera, health.fps = camera.name, round(camera.fps, 1)
        health.simulated = track is not None
        while not stop.is_set():
            if camera.problem:
                raise OSError(camera.problem)
            health.problem = "; ".join(camera.warnings) or None
            if pressed.is_set():
                pressed.clear()
                _request_again(store)
            rep = store.next_requested() if news() else None
            if rep is None:
                stop.wait(LOOK_S)
                continue
            # The loop that keeps the device alive: whatever spoils a rep, the next one comes.
            try:
                one_rep(station, rep)
            except Exception as problem:
                log.exception("rep %d", rep.id)
                _try_step(store, rep, state="failed", reason=f"error in the timer: {problem!r}")
            pressed.clear()


def _request_again(store: Store) -> None:
    """The button: the same drill as last time."""
    last = store.latest_rep()
    key = f"button {boot_id()} {time.monotonic_ns()}"
    try:
        if last is None:
            store.request_rep(posture="standing", key=key)
        else:
            store.request_rep(
                posture=last.posture,
                lead_leg=last.lead_leg,
                athlete_id=last.athlete_id,
                drill=last.drill,
                key=key,
            )
    except Busy:
        log.info("button: a rep is already under way")


def _try_step(store: Store, rep: Rep, **columns: Any) -> Rep | None:
    """change_rep(), or None when the rep has gone another way meanwhile."""
    try:
        return store.change_rep(rep.id, **columns)
    except WrongStep as problem:
        log.warning("%s", problem)
        return None


def one_rep(station: Station, rep: Rep) -> None:
    """Run one requested rep, and leave it in the store at its end."""
    store, settings, camera = station.store, station.settings, station.camera
    try:
        hold = hold_for(rep.drill, settings.hold)
    except ValueError as problem:
        _try_step(store, rep, state="failed", reason=str(problem))
        return
    used = _settings_of(station, hold)
    if _try_step(store, rep, state="settling", settings=used) is None:
        return
    log.info("rep %d: %s, %s hold", rep.id, rep.posture, hold.kind)
    if station.track:
        station.track.line_up(rep.posture, lead_leg=rep.lead_leg)
        camera.heard = listen(station.signal)  # type: ignore[attr-defined]
    cones = station.cones
    watch = Watch(
        camera.size,
        line=fit_line(cones) if cones else None,
        still_limit_m=settings.settle.limit_m,
        recall_limit_m=settings.recall_limit_m,
    )
    written: list[Future[Rep]] = []
    # Written in a thread of its own, in order: a slow card must not keep the watch from watching.
    with ThreadPoolExecutor(1, thread_name_prefix="store") as writer:

        def on_state(state: str, **columns: Any) -> None:
            if state != "settling":  # that one is written, above
                written.append(writer.submit(store.change_rep, rep.id, state=state, **columns))

        with _asked(station, rep) as (stop, triggered):
            end = run_rep(
                station.signal,
                camera,
                hold,
                watch=watch,
                settings=settings,
                stop=stop,
                triggered=triggered,
                on_state=on_state,
            )
    for write in written:
        write.result()
    if end.state == "analysing":
        _measure(station, rep, end, cones)
        return
    if end.state == "false_start" and end.frames is not None and len(end.frames.times_ns) > 1:
        held_s = (int(end.frames.times_ns[-1]) - (end.settled_ns or 0)) * 1e-9
        answer = recalled(end.frames, hold_s=held_s, posture=rep.posture)
        _try_step(store, rep, result=answer)
    log.info("rep %d: %s, %s", rep.id, end.state, end.reason)


def _settings_of(station: Station, hold: Hold) -> dict[str, Any]:
    """What this rep is run and measured with: enough to measure it again."""
    settings, camera = station.settings, station.camera
    return {
        "hold": hold.model_dump(mode="json"),
        "settle": settings.settle.model_dump(mode="json"),
        "recall_limit_m": settings.recall_limit_m,
        "record_s": settings.record_s,
        "place": settings.place.model_dump(mode="json") | {"cones": station.cones},
        "sounder": settings.pins.sounder,
        "buzzer_rise_s": settings.pins.buzzer_rise_s,
        "camera": {
            "name": camera.name,
            "size": list(camera.size),
            "fps": camera.fps,
            "line_time_ns": camera.line_time_ns,
        },
    }


@contextmanager
def _asked(station: Station, rep: Rep) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Two events: Stop, and the coach's GO, from a page, the button, or the device's own end."""
    stop, triggered, over = threading.Event(), threading.Event(), threading.Event()

    def hear() -> None:
        with station.store.listen() as news:
            while not over.wait(LISTEN_S):
                if station.stop.is_set():
                    stop.set()
                    return
                if not news():
                    continue
                row = station.store.rep(rep.id)
                if row and row.stop_asked:
                    stop.set()
                if row and row.go_asked:
                    triggered.set()

    # In place of asking for a rep, the button is GO while one runs; without the way over the store.
    station.signal.on_press(lambda _time_ns: triggered.set())
    ears = threading.Thread(target=hear, name="ears", daemon=True)
    ears.start()
    try:
        yield stop, triggered
    finally:
        over.set()
        ears.join()
        station.signal.on_press(lambda _time_ns: station.pressed.set())


def _measure(station: Station, rep: Rep, end: RunEnd, cones: list[dict[str, Any]]) -> None:
    """From the recording to the result, the evidence first: a rep that is done has it all."""
    store, settings = station.store, station.settings
    assert end.frames is not None and end.go is not None  # noqa: PT018 - analysing has both
    began = time.monotonic()
    analysis = analyse(
        end.frames,
        end.go.time_ns,
        source="gpio",
        hold_s=end.hold_s,
        cones=cones or None,
        posture=rep.posture,
        height_m=settings.place.height_m,
        buzzer_distance_m=settings.place.buzzer_distance_m,
        buzzer_rise_s=settings.pins.buzzer_rise_s,
        temperature_c=settings.place.temperature_c,
    )
    result = analysis.result
    result["warnings"] = [*result["warnings"], *end.warnings]
    if station.track:
        result["truth"] = plain(station.track.truth(end.go.time_ns))
    for kind, data in analysis.evidence.items():
        store.save_evidence(rep.id, kind, MEDIA_TYPES.get(kind, "application/octet-stream"), data)
    state = "false_start" if result["status"] == "false_start" else "done"
    reason = "moved before GO" if state == "false_start" else None
    _try_step(store, rep, state=state, reason=reason, result=result)
    log.info("rep %d: %s, measured in %.1f s", rep.id, result["status"], time.monotonic() - began)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, ImportError) as problem:
        print(f"trackstart device: {problem}", file=sys.stderr)
        sys.exit(2)
