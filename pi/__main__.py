"""The device: takes reps from the store, runs them, writes what came of them. Shows no page."""

import logging
import math
import os
import signal as process_signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from pi import clip, clock, parts, real_time, self_test, set_up
from pi.camera import Camera, PiCamera, VideoFile, Webcam
from pi.charuco import View
from pi.drills import POSTURES, posture_of
from pi.games import chaser_lane, game_of, too_few_lanes
from pi.lanes import lanes_from, running_line
from pi.lens import lens_from
from pi.notify import busy, notify
from pi.rep import RunEnd, analyse, plain, recalled, run_rep
from pi.settings import Hold, Settings, hold_for, home, load_settings
from pi.start_signal import Go, StartSignal, is_pi, listen
from pi.store import (
    NOBODYS_LANE,
    Busy,
    Calibration,
    Rep,
    SetUp,
    Store,
    boot_id,
    open_store,
)
from pi.watch import Watch

log = logging.getLogger("trackstart.device")

LOOK_S = 0.03  # for a new request; a tap is answered by a state within 0.3 s
DRAWN = "standing"  # on the simulated track, of whoever starts in a way of their own
LISTEN_S = 0.02  # for Stop and GO while a rep runs
BEAT_S = 1.0
AGAIN_S = 3.0  # until a camera that would not open is tried again
REP_WITHIN_S, JOB_WITHIN_S = 240.0, 180.0  # else it hangs: settling and hold are a minute each
CLEAR_S = 60.0  # between looks for pictures of Set-up that are to be forgotten
FORGET_S = 3600.0  # between looks for what is older than may be kept
LAST = 19  # Linux's niceness of what may wait for everything else
STILL_FRAMES = 8  # whose median is a picture to calibrate with: less noise, and no bird

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
    problem: str | None = "the camera is starting"
    simulated: bool = False


@dataclass
class Tidied:
    """When what is to be forgotten was looked for."""

    cleared_s: float = -CLEAR_S
    forgot_s: float = -FORGET_S
    dated: bool = False  # the reps of this boot that were run before the time was known


@dataclass
class Desk:
    """What Set-up remembers from one job to the next."""

    still: np.ndarray | None = None  # as it was last shown: what is tapped is in this one
    views: list[View] = field(default_factory=list)  # of the board, for the lens


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
    desk: Desk = field(default_factory=Desk)
    films: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, 1, "film"))

    @property
    def mode(self) -> str:
        """What a calibration holds for, beside the camera."""
        width, height = self.camera.size
        return f"{width}x{height}@{self.settings.camera.fps:g}"

    def buzzer_rise_s(self) -> float:
        """As it was heard in the latest sound test that was kept; else as in the settings."""
        kept = self.store.self_test("sound")
        return kept.data["rise_s"] if kept else self.settings.pins.buzzer_rise_s

    def calibration(self) -> tuple[dict[str, Any], Calibration | None]:
        """What is known of the running line, and the calibration that it is from, if it is."""
        kept = self.store.current_calibration(camera=self.camera.name, mode=self.mode)
        if kept:
            return kept.data, kept
        if self.track:
            return self.track.calibration, None
        return {"cones": self.settings.place.model_dump(mode="json")["cones"]}, None


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
        health, tidied = Health(), Tidied()
        with _beating(store, health):
            while not stop.is_set():
                try:
                    _serve_with_a_camera(settings, store, signal, health, tidied, stop)
                except (OSError, ImportError, ValueError) as problem:
                    log.error("camera: %s", problem)
                    health.problem = str(problem)
                    notify("READY=1", "STATUS=no camera")
                    _refuse_reps(store, str(problem), tidied, stop)


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (process_signal.SIGTERM, process_signal.SIGINT):
        process_signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def _beating(store: Store, health: Health) -> Iterator[None]:
    end = threading.Event()

    def beat() -> None:
        real_time.come_first(real_time.WATCH)
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


def _refuse_reps(store: Store, problem: str, tidied: Tidied, stop: threading.Event) -> None:
    """For a while, end every rep that is asked for with what keeps it from running."""
    until = time.monotonic() + AGAIN_S
    while time.monotonic() < until and not stop.wait(0.1):
        notify("WATCHDOG=1")
        _tidy(store, tidied)
        if rep := store.next_requested():
            _try_step(store, rep, state="failed", reason=problem)
        if job := store.next_set_up():
            store.fail_set_up(job.id, problem)


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
        track = SimulatedTrack(
            seed=simulate.seed, size=size, conditions=conditions, lanes=simulate.lanes
        )
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
    tidied: Tidied,
    stop: threading.Event,
) -> None:
    """Open the camera and run every rep that is asked for, until stop or until it breaks."""
    pressed = threading.Event()
    with (
        open_camera(settings) as (camera, track),
        store.listen() as news,
        real_time.steady(),
        ThreadPoolExecutor(1, "film") as films,
    ):
        station = Station(settings, store, signal, camera, track, stop, pressed, films=films)
        running_line(station.calibration()[0])  # wrong cones are told before a rep
        signal.on_press(lambda _time_ns: pressed.set())
        log.info("camera: %s, %dx%d, %.0f fps", camera.name, *camera.size, camera.fps)
        health.camera, health.fps = camera.name, round(camera.fps, 1)
        health.simulated, health.problem = track is not None, None
        notify("READY=1", f"STATUS={camera.name}")
        while not stop.is_set():
            notify("WATCHDOG=1")
            camera.look_after()
            if camera.problem:
                raise OSError(camera.problem)
            health.problem = "; ".join(camera.warnings) or None
            if pressed.is_set():
                pressed.clear()
                _request_again(store)
            _tidy(store, tidied)
            something = news()
            if something and (job := store.next_set_up()):
                with busy(JOB_WITHIN_S):
                    serve_set_up(station, job)
                continue
            rep = store.next_requested() if something else None
            if rep is None:
                stop.wait(LOOK_S)
                continue
            # The loop that keeps the device alive: whatever spoils a rep, the next one comes.
            try:
                with busy(REP_WITHIN_S):
                    one_rep(station, rep)
            except Exception as problem:
                log.exception("rep %d", rep.id)
                _try_step(store, rep, state="failed", reason=f"error in the timer: {problem!r}")
            pressed.clear()


def _tidy(store: Store, tidied: Tidied) -> None:
    """Once in a while, with a camera or without: forget what may not be kept any longer."""
    if time.monotonic() - tidied.cleared_s <= CLEAR_S:
        return
    tidied.cleared_s = time.monotonic()
    try:
        store.clear_set_ups()
        store.clear_clips()
        if not tidied.dated and clock.source():  # from then on each rep has its date
            store.date_reps()
            tidied.dated = True
        if store.unpacked() and not store.active_rep():
            with busy(JOB_WITHIN_S):
                store.pack()
    except SQLAlchemyError:  # the other process writes
        log.exception("not tidied")
    old = time.monotonic() - tidied.forgot_s > FORGET_S
    if old and tidied.dated and _forget_old(store):
        tidied.forgot_s = time.monotonic()


def _forget_old(store: Store) -> bool:
    """Forget what is older than may be kept; False when that has to wait."""
    try:
        with busy(JOB_WITHIN_S):
            gone = store.forget_old(datetime.now(UTC))
    except Busy:
        return False
    except (SQLAlchemyError, sqlite3.OperationalError):  # the other process writes
        log.exception("nothing old was forgotten")
        return False
    if gone:
        log.info("%d athletes and nameless reps were older than is kept", gone)
    return True


def _request_again(store: Store) -> None:
    """The button: whoever is up next in the session, else the same drill as last time."""
    last = store.latest_rep()
    # A clip is of the one start that it was asked for.
    drill = {name: value for name, value in last.drill.items() if name != "clip"} if last else {}
    key = f"button {boot_id()} {time.monotonic_ns()}"
    try:
        if store.running_session():
            store.request_turn(key)
        elif last is None:
            store.request_rep(posture="standing", key=key)
        else:
            store.request_rep(
                posture=last.posture,
                lead_leg=last.lead_leg,
                athlete_id=None if drill.get("players") else last.athlete_id,
                drill=drill,
                key=key,
            )
    except Busy:
        log.info("button: a rep is already under way")
    except ValueError as problem:
        log.info("button: %s", problem)


def _try_step(store: Store, rep: Rep, **columns: Any) -> Rep | None:
    """change_rep(), or None when the rep has gone another way meanwhile."""
    try:
        return store.change_rep(rep.id, **columns)
    except ValueError as problem:  # a WrongStep, or the rep is not there any more
        log.warning("%s", problem)
        return None


def one_rep(station: Station, rep: Rep) -> None:
    """Run one requested rep, and leave it in the store at its end."""
    store, settings, camera = station.store, station.settings, station.camera
    data, kept = station.calibration()
    lanes = lanes_from(data)
    try:
        hold, game = hold_for(rep.drill, settings.hold), game_of(rep.drill)
        if game and (why := too_few_lanes(game, len(lanes.lanes) if lanes else 0)):
            raise ValueError(why)
        if game and game["kind"] == "number" and station.signal.wired()["buzzer"] is None:
            raise ValueError("a box without a buzzer cannot call a number")
    except ValueError as problem:
        _try_step(store, rep, state="failed", reason=str(problem))
        return
    used = _settings_of(station, hold, data, kept)
    if _try_step(store, rep, state="settling", settings=used) is None:
        return
    log.info("rep %d: %s, %s hold", rep.id, rep.posture, hold.kind)
    if station.track:
        there = store.starts_of([rep.id]).get(rep.id, [])
        legs = [start.lead_leg for start in there] or rep.lead_leg
        station.track.line_up(_known(rep.posture) or DRAWN, lead_leg=legs, game=game)
        camera.heard = listen(station.signal)  # type: ignore[attr-defined]
    doubts: list[str] = []
    if kept and kept.still:
        shift = set_up.moved(kept.still, _look(camera), data)
        if shift.px > set_up.MOVED_PX:
            _try_step(store, rep, state="failed", reason=set_up.moved_reason(shift.px))
            return
        if np.isnan(shift.px):
            doubts.append("the picture has too little structure to tell whether the camera moved")
    watch = Watch(
        camera.size,
        line=running_line(data),
        regions=[lane.region for lane in lanes.lanes] if lanes else (),
        px_per_m=lanes.lanes[0].px_per_m if lanes and lanes.along else None,
        still_limit_m=settings.settle.limit_m,
        recall_limit_m=settings.recall_limit_m,
        high_m=posture_of(rep.posture).high_m,
    )
    written: list[Future[Rep]] = []
    # Written in a thread of its own, in order: a slow card must not keep the watch from watching.
    with (
        real_time.first(real_time.WATCH),
        ThreadPoolExecutor(
            1, "store", initializer=real_time.come_first, initargs=(real_time.WATCH,)
        ) as writer,
    ):

        def on_state(state: str, **columns: Any) -> None:
            if state == "running" and station.signal.called:  # it has sounded: now it is told
                columns["settings"] = _with_game(used, called=station.signal.called)
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
                game=game,
                rhythm=posture_of(rep.posture).rhythm,
            )
    for write in written:
        write.result()
    if end.state == "analysing":
        end = end._replace(warnings=(*end.warnings, *doubts))
        _measure(station, rep, end, used, data, kept, game)
        return
    if end.state == "false_start" and end.frames is not None and len(end.frames.times_ns) > 1:
        held_s = (int(end.frames.times_ns[-1]) - (end.settled_ns or 0)) * 1e-9
        answer = recalled(end.frames, hold_s=held_s, posture=_known(rep.posture))
        if game:
            used = _with_game(used, called=end.called, recalled=True)
        _try_step(store, rep, result=answer, settings=used)
    log.info("rep %d: %s, %s", rep.id, end.state, end.reason)


def _known(posture: str) -> str | None:
    """The posture, where measuring knows it; of one in own words the picture alone tells."""
    return posture if posture in POSTURES else None


def _with_game(
    used: dict[str, Any],
    *,
    called: int | None = None,
    recalled: bool = False,
    go: Go | None = None,
    second: Go | None = None,
    chaser: int | None = None,
) -> dict[str, Any]:
    """A rep's settings with what only the device knows of its game, as `games.outcome` takes it."""
    kept: dict[str, Any] = {}
    if called:
        kept["called"] = called
    if recalled:
        kept["recalled"] = True
    if go and second:
        kept["gap_s"] = (second.time_ns - go.time_ns) * 1e-9
        kept["u_gap_s"] = math.hypot(go.u_s, second.u_s)
        kept["second_go"] = second._asdict()
    if chaser is not None:
        kept["chaser"] = chaser
    return used | {"game": kept}


def _settings_of(
    station: Station, hold: Hold, data: dict[str, Any], kept: Calibration | None
) -> dict[str, Any]:
    """What this rep is run and measured with: enough to measure it again."""
    settings, camera = station.settings, station.camera
    return {
        "hold": hold.model_dump(mode="json"),
        "settle": settings.settle.model_dump(mode="json"),
        "recall_limit_m": settings.recall_limit_m,
        "record_s": settings.record_s,
        "place": settings.place.model_dump(mode="json") | data,
        "calibration": kept.id if kept else None,
        "sounder": settings.pins.sounder,
        "buzzer_rise_s": station.buzzer_rise_s(),
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
        real_time.come_first(real_time.WATCH)
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


def _measure(
    station: Station,
    rep: Rep,
    end: RunEnd,
    used: dict[str, Any],
    data: dict[str, Any],
    kept: Calibration | None,
    game: dict[str, Any] | None,
) -> None:
    """From the recording to the result, the evidence first: a rep that is done has it all."""
    store, settings = station.store, station.settings
    assert end.frames is not None and end.go is not None  # noqa: PT018 - analysing has both
    began = time.monotonic()
    used = used | {"u_go_s": max(go.u_s for go in (end.go, end.second) if go)}
    spoilt = _moved_meanwhile(end.frames.luma, data, kept)
    if spoilt:
        used = used | {"place": used["place"] | {"spoilt": spoilt}}
    lanes = lanes_from(data)
    own_lane, name, later_s, chaser = 0, None, [], None
    if lanes and end.called:  # the rep is about whose number it was
        own_lane = end.called - 1
        name = lanes.lanes[own_lane].name
        used = used | {"place": used["place"] | {"lane": name}}
    if lanes and end.second:
        chaser = chaser_lane(rep.posture, len(lanes.lanes))
        later_s = [end.gap_s if k == chaser else 0.0 for k in range(len(lanes.lanes))]
    if game:
        used = _with_game(used, called=end.called, go=end.go, second=end.second, chaser=chaser)
    analysis = analyse(
        end.frames,
        end.go.time_ns,
        source="gpio",
        hold_s=end.hold_s,
        u_go_s=used["u_go_s"],
        calibration=data,
        posture=_known(rep.posture),
        height_m=settings.place.height_m,
        buzzer_distance_m=settings.place.buzzer_distance_m,
        buzzer_rise_s=used["buzzer_rise_s"],
        temperature_c=settings.place.temperature_c,
        spoilt=spoilt,
        lane=name,
        later_s=later_s,
    )
    result = analysis.result
    wrong = self_test.doubt(store.self_test("led", camera=station.camera.name, mode=station.mode))
    result["warnings"] = [*result["warnings"], *end.warnings, *([wrong] if wrong else [])]
    if station.track:
        _add_truth(station.track, result, end.go.time_ns, own_lane, later_s)
    for kind, content in analysis.evidence.items():
        media_type = MEDIA_TYPES.get(kind, "application/octet-stream")
        store.save_evidence(rep.id, kind, media_type, content)
    # Of lanes one that went too soon does not undo the others' starts.
    every = result.get("athletes") or [result]
    state = "false_start" if all(each["status"] == "false_start" for each in every) else "done"
    reason = "moved before GO" if state == "false_start" else None
    # Of several in one picture without lanes nobody knows whose numbers these are.
    together = not lanes and len(rep.drill.get("players") or ()) > 1
    whose = NOBODYS_LANE if together else own_lane if name else None
    _try_step(store, rep, state=state, reason=reason, result=result, settings=used, own_lane=whose)
    log.info("rep %d: %s, measured in %.1f s", rep.id, result["status"], time.monotonic() - began)
    if rep.drill.get("clip"):  # the next rep overwrites these pictures, and does not wait
        small = clip.shrunk(end.frames.luma, station.camera.fps)
        written = station.films.submit(_keep_film, store, rep.id, *small)
        written.add_done_callback(partial(_tell_lost_film, rep.id))


def _keep_film(store: Store, rep_id: int, small: np.ndarray, fps: float) -> None:
    """Write a film beside whatever goes on, and only where nothing else wants to run."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LAST)
    if not store.save_clip(rep_id, clip.written(small, fps)):
        log.info("rep %d: no clip, not everybody in it is there and has agreed", rep_id)


def _tell_lost_film(rep_id: int, written: Future[None]) -> None:
    """What became of a film that nobody waits for."""
    if problem := written.exception():
        log.error("rep %d: no clip", rep_id, exc_info=problem)


def _add_truth(
    track: Any, result: dict[str, Any], go_ns: int, own_lane: int, later_s: list[float]
) -> None:
    """What was drawn, beside what was measured: of everybody where several were."""

    def own_ns(lane: int) -> int:
        return go_ns + round((later_s[lane] if lane < len(later_s) else 0.0) * 1e9)

    if track.lanes > 1:
        for k, each in enumerate(result.get("athletes", ())[: track.lanes]):
            each["truth"] = plain(track.truth(own_ns(k), lane=k))
    result["truth"] = plain(track.truth(own_ns(own_lane), lane=own_lane))


def _moved_meanwhile(
    luma: np.ndarray, data: dict[str, Any], kept: Calibration | None
) -> str | None:
    """Why a recording cannot be measured whose camera was knocked, from its last pictures."""
    if kept is None or kept.still is None:
        return None
    last = np.median(luma[-STILL_FRAMES:], axis=0).astype(np.uint8)
    px = set_up.moved(kept.still, last, data).px
    if not px > set_up.MOVED_PX:
        return None
    if not np.isfinite(px):
        return "the camera was moved during the start: open Set-up and tap Calibrate again"
    return (
        f"the camera was moved by {px:.0f} px during the start: open Set-up and tap Calibrate again"
    )


# Setting up


def _look(camera: Camera, frames: int = STILL_FRAMES) -> np.ndarray:
    """(h, w) uint8, what the camera sees now: the median of some pictures.

    Raises ValueError when none come.
    """
    taken: list[np.ndarray] = []
    last_ns, until = time.monotonic_ns(), time.monotonic() + 2.0
    camera.start()
    try:
        while len(taken) < frames and time.monotonic() < until:
            if got := camera.frame(last_ns):
                taken.append(got[0].copy())
                last_ns = got[1]
    finally:
        camera.stop()
    if not taken:
        raise ValueError(camera.problem or "the camera gives no pictures; check its cable")
    return np.median(taken, axis=0).astype(np.uint8) if len(taken) > 1 else taken[0]


def serve_set_up(station: Station, job: SetUp) -> None:
    """Answer one job of the Set-up page, or say why not."""
    store = station.store
    try:
        answer, picture = _answer(station, job)
    except (ValueError, OSError, ImportError) as problem:
        store.fail_set_up(job.id, str(problem))
    except Exception as problem:  # as for a rep: the next job comes
        log.exception("set-up %d, %s", job.id, job.kind)
        store.fail_set_up(job.id, f"error in the timer: {problem!r}")
    else:
        store.answer_set_up(job.id, plain(answer), picture)


def _answer(station: Station, job: SetUp) -> tuple[dict[str, Any], bytes | None]:
    camera, store, desk, asked = station.camera, station.store, station.desk, job.asked
    if station.track:
        station.track.set_up()  # nobody waits at the start, and the coach has put up cones
    if job.kind == "still":
        desk.still = _look(camera)
        answer = {"size": list(camera.size), "camera": camera.name, "mode": station.mode}
        return answer, set_up.jpeg(desk.still)
    if job.kind == "refine":
        if desk.still is None:
            desk.still = _look(camera)
        return set_up.refined(desk.still, asked), None
    if job.kind == "lens":
        return _lens_answer(station, asked), None
    known = store.lens(camera.name, station.mode)

    def complete(data: Any) -> dict[str, Any]:
        return set_up.complete(data, camera.size, camera.name, known)

    if job.kind == "tags":
        desk.still = _look(camera)
        lens = lens_from(complete(asked.get("data") or {})["lens"])
        return set_up.tags_seen(desk.still, asked, lens), set_up.jpeg(desk.still)
    if job.kind == "try":
        return set_up.tried(complete(asked), camera.size), None
    if job.kind == "keep":
        data = complete(asked.get("data"))
        answer = set_up.tried(data, camera.size)  # what cannot be measured with is not kept
        told = {key: value for key, value in answer.items() if key not in ("grid", "lens")}
        row = store.save_calibration(
            data | {"told": told},  # for pages, which do not compute
            source=asked.get("source", "taps"),
            camera=camera.name,
            mode=station.mode,
            still=set_up.ground_still(_look(camera)),
        )
        return {"calibration": row.id, **answer}, None
    if job.kind == "feet":
        rep = store.latest_rep()
        stored = store.evidence(rep.id, "observations") if rep else None
        if stored is None:
            raise ValueError("nobody has run yet; let somebody run, then ask again")
        return set_up.depth_seen(stored.data, complete(asked.get("data"))), None
    if job.kind == "led":
        if station.track:
            station.track.leave()
        clock = plain(self_test.check_clock(station.signal, camera, station.stop))
        store.save_self_test("led", clock, camera=camera.name, mode=station.mode)
        return clock, None
    if job.kind == "parts":
        tested = store.self_test("led", camera=camera.name, mode=station.mode)
        found = parts.camera_parts(camera, station.settings.camera.fps, tested)
        found += parts.pin_parts(station.signal) + parts.machine_parts(home())
        return {"parts": [part._asdict() for part in found]}, None
    if job.kind == "play":
        if asked.get("what") == "led":
            station.signal.show_led(station.stop)
        else:
            station.signal.marks(stop=station.stop)
        return {}, None
    if job.kind == "sound":
        return self_test.play_ticks(station.signal, station.stop), None
    if job.kind == "check":
        data, kept = station.calibration()
        return set_up.checked(kept.still if kept else None, _look(camera), data), None
    raise ValueError(f"set-up: the timer does not know {job.kind!r}")


def _lens_answer(station: Station, asked: dict[str, Any]) -> dict[str, Any]:
    camera = station.camera
    picture = _look(camera, frames=1)  # the board is in somebody's hands
    answer = set_up.lens_step(
        str(asked.get("action")), station.desk.views, picture, model=camera.name
    )
    if "lens" in answer:
        station.store.save_lens(camera.name, station.mode, answer["lens"])
        station.desk.views.clear()
    return answer


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, ImportError) as problem:
        print(f"trackstart device: {problem}", file=sys.stderr)
        sys.exit(2)
