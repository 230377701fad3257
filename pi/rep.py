"""One rep: `run_rep` records it with the devices it is given, `analyse` measures the recording.

`analyse` is pure: arrays in, result and evidence out.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import SystemRandom
from typing import Any, NamedTuple

import numpy as np

from . import __version__, picture
from .camera import Camera, Frames, read_video
from .lanes import (
    Lanes,
    Seen,
    lanes_from,
    measure_lanes,
    observe_lanes,
    packed_lanes,
    running_line,
    together,
    unpacked_lanes,
)
from .measure import ALGORITHM, Given, measure, without_signal
from .observations import Observations, observe, packed, unpacked
from .settings import Hold, Settings
from .start_signal import WIDEST_GO_NS, Go, StartSignal, call_and_fire, draw_hold, fire_at
from .watch import Sight, Watch

SCHEMA = "trackstart.rep/1"

TONE_S = 0.4  # of GO
BEFORE_GO_S = 2.0  # recorded: the last still second, and one to spare
AFTER_GO_S = 1.0  # the least that must have been recorded
NO_PICTURE_S = 0.5


class RunEnd(NamedTuple):
    """How a rep went, up to where it is measured."""

    state: str  # analysing; or the ending: false_start, aborted, failed
    reason: str | None = None
    go: Go | None = None
    hold_s: float | None = None  # from still to GO
    settled_ns: int | None = None
    set_ns: int | None = None
    frames: Frames | None = None  # a view into the camera's ring: good until it starts again
    warnings: tuple[str, ...] = ()
    called: int | None = None  # the number that was, in the game of numbers
    second: Go | None = None  # the chaser's GO, in a chase

    @property
    def gap_s(self) -> float:
        """From the first GO to the second; 0 where there is one."""
        return (self.second.time_ns - self.go.time_ns) * 1e-9 if self.second and self.go else 0.0


class Spoilt(Exception):
    """The rep ends here, in a state and with a reason."""

    def __init__(self, state: str, reason: str):
        super().__init__(reason)
        self.state = state


def run_rep(
    signal: StartSignal,
    camera: Camera,
    hold: Hold,
    *,
    watch: Watch,
    settings: Settings,
    stop: threading.Event | None = None,
    triggered: threading.Event | None = None,
    on_state: Callable[..., None] = lambda _state, **_stamps: None,
    game: Mapping[str, Any] | None = None,
    rhythm: str = "-",
) -> RunEnd:
    """Marks, still, set, hold, GO, and the recording of what came of it.

    on_state(state, **columns) is told of every step, the last one too. It is never called
    between set and GO, and should return quickly.
    stop ends the rep wherever it is; triggered is the coach's GO, for that kind of hold.
    game : as in `games.game_of`. In a chase a second GO comes after the first. Of numbers, the one
    that is called is drawn here, and sounds before GO.
    rhythm : of the marks, as in `StartSignal.marks`.
    Whatever happens, the pins are low and the camera has stopped when this returns or raises.
    """
    stop, triggered = stop or threading.Event(), triggered or threading.Event()
    try:
        on_state("settling")
        camera.start()
        end = _run(
            signal, camera, hold, watch, settings, stop, triggered, on_state, game or {}, rhythm
        )
    except Spoilt as spoilt:
        end = RunEnd(spoilt.state, str(spoilt))
    finally:
        try:
            signal.quiet()
        finally:
            camera.stop()
    if end.state != "false_start":  # told when it happened
        on_state(end.state, reason=end.reason)
    return end


def _run(
    signal: StartSignal,
    camera: Camera,
    hold: Hold,
    watch: Watch,
    settings: Settings,
    stop: threading.Event,
    triggered: threading.Event,
    on_state: Callable[..., None],
    game: Mapping[str, Any],
    rhythm: str,
) -> RunEnd:
    handicap_s = game["handicap_s"] if game.get("kind") == "chase" else 0.0
    record_s = min(settings.record_s, camera.ring.seconds - BEFORE_GO_S - handicap_s - 0.1)
    if record_s < min(AFTER_GO_S, settings.record_s):
        raise Spoilt(
            "failed",
            f"memory for {camera.ring.seconds:.1f} s of pictures is too little; "
            "set a smaller width and height, or fewer frames a second",
        )
    signal.marks(rhythm, stop)
    settled_ns = _settle(camera, watch, settings, stop)
    watch.rest()
    set_ns = time.monotonic_ns()
    signal.set(stop)
    triggered.clear()  # a press before set was not GO
    on_state("holding", settled_ns=settled_ns, set_ns=set_ns)
    number = SystemRandom().randint(1, game["of"]) if game.get("kind") == "number" else None
    go, moved_m = _hold(
        signal, camera, hold, watch, settings, settled_ns, number, stop=stop, triggered=triggered
    )
    called = signal.called
    from_ns = settled_ns - round(settings.settle.still_s * 1e9)
    if go is None:
        reason = f"moved by {moved_m * 100:.0f} cm before GO"
        on_state("false_start", reason=reason)
        signal.recall(stop)
        frames = camera.recording(from_ns, time.monotonic_ns())
        return RunEnd(
            "false_start", reason, settled_ns=settled_ns, set_ns=set_ns, frames=frames,
            called=called,
        )  # fmt: skip
    hold_s = (go.time_ns - settled_ns) * 1e-9
    on_state("running", go_before_ns=go.before_ns, go_after_ns=go.after_ns, hold_s=hold_s)
    _check_sharp(go)
    second = _fire_again(signal, go, handicap_s, stop) if handicap_s else None
    frames, warnings = _record(signal, camera, go, second or go, from_ns, record_s, stop)
    if record_s < settings.record_s:
        warnings.append(f"memory for {record_s:.1f} s after GO, not {settings.record_s:.1f} s")
    return RunEnd(
        "analysing", None, go, hold_s, settled_ns, set_ns, frames, (*camera.warnings, *warnings),
        called, second,
    )  # fmt: skip


def _settle(camera: Camera, watch: Watch, settings: Settings, stop: threading.Event) -> int:
    """The time of the picture in which the athlete had been still for long enough."""
    wanted = settings.settle
    until_ns = time.monotonic_ns() + round(wanted.timeout_s * 1e9)
    for time_ns, sight in _watching(camera, watch, stop):
        if sight and sight.still_s >= wanted.still_s:
            return time_ns
        if time.monotonic_ns() > until_ns:
            raise Spoilt("aborted", f"nobody lay or stood still within {wanted.timeout_s:.0f} s")
    raise AssertionError("pictures do not end")


def _hold(
    signal: StartSignal,
    camera: Camera,
    hold: Hold,
    watch: Watch,
    settings: Settings,
    settled_ns: int,
    number: int | None,
    *,
    stop: threading.Event,
    triggered: threading.Event,
) -> tuple[Go | None, float]:
    """GO and NaN; or None and how far somebody had moved before it. A number is called before."""
    seconds = draw_hold(
        hold.kind, hold.minimum_s, hold.maximum_s, fixed_s=hold.fixed_s, mean_s=hold.mean_s
    )
    due_ns = None if seconds is None else settled_ns + round(seconds * 1e9)
    called_off = threading.Event()
    moved_m = float("nan")
    with ThreadPoolExecutor(1, thread_name_prefix="go") as gun:
        if number is None:
            shot = gun.submit(fire_at, signal, due_ns, called_off, triggered)
        else:
            shot = gun.submit(call_and_fire, signal, number, due_ns, called_off, triggered)
        try:
            for _, sight in _watching(camera, watch, stop):
                if shot.done():
                    break
                if sight and sight.moved_m > settings.recall_limit_m:
                    moved_m = sight.moved_m
                    break
                waited_s = (time.monotonic_ns() - settled_ns) * 1e-9
                nobody_says = due_ns is None and not triggered.is_set()
                if nobody_says and waited_s > hold.timeout_s:
                    raise Spoilt("aborted", f"nobody said GO within {hold.timeout_s:.0f} s")
        finally:
            called_off.set()
    # GO may have come while it was called off: then it counts.
    return shot.result(), moved_m


def _check_sharp(go: Go) -> None:
    if go.width_ns > WIDEST_GO_NS:
        raise Spoilt(
            "failed",
            f"the Pi was too busy: GO took {go.width_ns * 1e-6:.1f} ms; start again, "
            "and close what else runs on it",
        )


def _fire_again(signal: StartSignal, go: Go, handicap_s: float, stop: threading.Event) -> Go:
    """The second GO, fired as the first was; tone and light of that one end in between."""
    due_ns = go.time_ns + round(handicap_s * 1e9)
    with ThreadPoolExecutor(1, thread_name_prefix="go") as gun:
        shot = gun.submit(fire_at, signal, due_ns, stop, stop)
        stop.wait(max(0.0, TONE_S - (time.monotonic_ns() - go.time_ns) * 1e-9))
        signal.quiet()
    second = shot.result()
    if second is None:
        raise Spoilt("aborted", "stopped")
    _check_sharp(second)
    return second


def _record(
    signal: StartSignal,
    camera: Camera,
    go: Go,
    last: Go,
    from_ns: int,
    record_s: float,
    stop: threading.Event,
) -> tuple[Frames, list[str]]:
    """What the camera saw from before GO until record_s after the last one."""
    end_ns = last.time_ns + round(record_s * 1e9)
    if stop.wait(TONE_S):
        raise Spoilt("aborted", "stopped")
    signal.end_tone()
    if stop.wait(max(0.0, (end_ns - time.monotonic_ns()) * 1e-9)):
        raise Spoilt("aborted", "stopped")
    problem = camera.problem
    camera.stop()
    frames = camera.recording(max(from_ns, go.time_ns - round(BEFORE_GO_S * 1e9)), end_ns)
    seen_s = (int(frames.times_ns[-1]) - last.time_ns) * 1e-9 if len(frames.times_ns) else 0.0
    if seen_s < min(AFTER_GO_S, 0.8 * record_s):
        raise Spoilt("failed", problem or "the camera stopped; check its cable")
    if frames.dropped > 2 * len(frames.times_ns):
        raise Spoilt(
            "failed",
            f"the camera dropped {frames.dropped} frames of {frames.dropped + len(frames.luma)}; "
            "check its cable, and what else runs here",
        )
    if seen_s < record_s - 0.5:
        return frames, [f"the pictures end {seen_s:.1f} s after GO"]
    return frames, []


def _watching(
    camera: Camera, watch: Watch, stop: threading.Event
) -> Iterator[tuple[int, Sight | None]]:
    """What the watch says of each new picture, and the picture's time; None when none came."""
    last_ns = time.monotonic_ns()
    while not stop.is_set():
        got = camera.frame(last_ns)
        if got is None:
            if time.monotonic_ns() - last_ns > NO_PICTURE_S * 1e9:
                reason = camera.problem or "the camera gives no pictures; check its cable"
                raise Spoilt("failed", reason)
            yield last_ns, None
            continue
        shown, last_ns = got
        yield last_ns, watch.see(shown, last_ns * 1e-9)
    raise Spoilt("aborted", "stopped")


class Analysis(NamedTuple):
    """What is told of a rep, and what is kept of it."""

    result: dict[str, Any]  # one JSON object, see the README
    evidence: dict[str, bytes]  # observations (npz), picture (PNG), replay (JSON)


def analyse(
    frames: Frames,
    signal_ns: int,
    *,
    source: str = "given",
    hold_s: float | None = None,
    u_go_s: float = 0.0,
    cones: list[dict[str, Any]] | None = None,
    calibration: Mapping[str, Any] | None = None,
    scale: float = 1.0,
    posture: str | None = None,
    height_m: float | None = None,
    buzzer_distance_m: float = 0.0,
    buzzer_rise_s: float = 0.0,
    temperature_c: float = 20.0,
    spoilt: str | None = None,
    lane: str | None = None,
    later_s: Sequence[float] = (),
) -> Analysis:
    """Measure one recording.

    signal_ns : the signal on the clock of frames.times_ns; the buzzer's rise comes on top.
    u_go_s : its standard uncertainty; the reaction's holds it.
    cones : as in `calibration.fit_line`, in px of the picture before it was shrunk by `scale`;
    or calibration, as in `calibration.line_from`: cones and what is known of lens and level.
    spoilt : why nothing in it can be measured; its pictures and observations are kept all the same.
    lane : of a calibration with lanes, the name of the one whose athlete the rep is about; None is
    the first. All are told under "athletes".
    later_s : (lanes,) s after the signal, where each lane has a signal of its own; () is none. Each
    athlete's times, in "athletes" too, count from their own signal, of which "signal" tells the
    place in the recording: a reaction is a reaction, and a start before one's own GO is false.
    What is told above them counts from the own lane's, the pictures' times from the first lane's.
    Raises ValueError when the cones or lanes cannot be, or when there are too few pictures.
    """
    calibration = calibration or {"cones": cones}
    line = running_line(calibration, scale=scale)
    lanes = lanes_from(calibration, scale=scale)
    own_lane = _lane_number(lanes, lane) if lanes else 0
    start_ns = signal_ns + round(buzzer_rise_s * 1e9)
    time = (frames.times_ns - start_ns) * 1e-9
    camera: dict[str, Any] = {
        "line_time_s": frames.line_time_ns * 1e-9,
        "exposure_s": frames.exposure_ns * 1e-9,
        "dropped": frames.dropped,
    }
    given = Given(
        source=source,
        time_s=(start_ns - int(frames.times_ns[0])) * 1e-9 if source == "gpio" else start_ns * 1e-9,
        hold_s=hold_s,
        u_go_s=u_go_s,
        posture=posture,
        stature_m=height_m,
        buzzer_distance_m=buzzer_distance_m,
        temperature_c=temperature_c,
    )
    if lanes:
        all_seen = observe_lanes(
            frames.luma, time, lanes, posture=posture, later_s=later_s, **camera
        )
        observations = packed_lanes(all_seen)
        seen = together(all_seen, (frames.luma.shape[2], frames.luma.shape[1]))
        every = [
            given._replace(
                time_s=given.time_s + s,
                hold_s=None if hold_s is None else hold_s + s,
                waited_s=s,
            )
            for s in later_s or (0.0,) * len(lanes.lanes)
        ]
        result = told_lanes(all_seen, every, lanes, own_lane, spoilt)
    else:
        seen = observe(frames.luma, time, line=line, **camera)
        observations = packed(seen)
        result = told(seen, given, line) if spoilt is None else unmeasured(seen, given, spoilt)
    if frames.overrun:
        for each in (result, *result.get("athletes", ())):
            each["warnings"].append(
                "the recording was longer than the memory for it: its beginning is gone"
            )
    track = picture.empty_track(frames.luma, seen.time, seen.left_s)  # both since its own signal
    evidence = {
        "observations": observations,
        "picture": picture.png(picture.chronophotograph(track, seen, result, line)),
        "replay": json.dumps(picture.replay(seen, result, line), separators=(",", ":")).encode(),
    }
    return Analysis(result, evidence)


BEFORE_S, AFTER_S = 3.5, 9.0
"""What is looked at around the signal of a video."""


def analyse_video(
    path: str | os.PathLike[str],
    signal_s: float,
    *,
    fps: float | None = None,
    line_time_us: float = 0.0,
    **given: Any,
) -> Analysis:
    """Measure the start in a video file, as `analyse` does.

    signal_s : in the video's own time.   fps : its true frame rate, where the file says another.
    given : what else `analyse` is told.   Raises ValueError for what cannot be used.
    """
    read = read_video(path, fps=fps, start_s=signal_s - BEFORE_S, end_s=signal_s + AFTER_S)
    frames = read.frames._replace(line_time_ns=line_time_us * 1e3 / read.scale)
    return analyse(frames, round(signal_s * 1e9), scale=read.scale, **given)


def reanalyse(stored: bytes, result: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Today's answer to a stored rep.

    stored : its observations.   result : what was told of it then.   settings : what it was run
    with.
    Raises ValueError when the evidence cannot be read.
    """
    place = settings["place"]
    given = Given(
        source=result["signal"]["source"],
        time_s=result["signal"]["time_s"],
        hold_s=result["signal"]["hold_s"],
        u_go_s=settings.get("u_go_s", 0.0),
        posture=result["posture"]["given"],
        stature_m=place.get("height_m"),
        buzzer_distance_m=place["buzzer_distance_m"],
        temperature_c=place["temperature_c"],
    )
    lanes = lanes_from(place)
    if lanes:
        which = _lane_number(lanes, place.get("lane"))
        signals = [each["signal"] for each in result["athletes"]]
        first_s = min(signal["time_s"] for signal in signals)
        every = [
            given._replace(
                time_s=signal["time_s"],
                hold_s=signal["hold_s"],
                waited_s=signal["time_s"] - first_s,
            )
            for signal in signals
        ]
        return told_lanes(unpacked_lanes(stored), every, lanes, which, place.get("spoilt"))
    if place.get("spoilt"):
        return unmeasured(unpacked(stored), given, place["spoilt"])
    return told(unpacked(stored), given, running_line(place))


def unmeasured(seen: Observations, given: Given, reason: str) -> dict[str, Any]:
    """The result of a rep whose recording cannot be measured, with the reason."""
    answer = without_signal(seen.time, seen.dropped, seen.exposure_s, given, reason)
    answer["status"] = "not_measurable"
    return {"schema": SCHEMA, "version": __version__, "algorithm": ALGORITHM, **plain(answer)}


def _lane_number(lanes: Lanes, name: str | None) -> int:
    """Which lane has that name; the first for None. Raises ValueError that names them."""
    names = [lane.name for lane in lanes.lanes]
    if name is None:
        return 0
    if name not in names:
        raise ValueError(f"lane: there is no {name!r}; there are {', '.join(names)}")
    return names.index(name)


def told_lanes(
    seen: Seen, given: Sequence[Given], lanes: Lanes, own_lane: int = 0, spoilt: str | None = None
) -> dict[str, Any]:
    """The whole result object of a rep with several athletes: one's, and all under "athletes".

    given : of every lane.   own_lane : whose athlete the rep is about.   spoilt : why nothing can
    be measured.
    """
    if spoilt is None:
        every = measure_lanes(seen, lanes, given)
    else:
        every = [
            {"lane": lane.name, **unmeasured(each.seen, own, spoilt)}
            for lane, each, own in zip(lanes.lanes, seen.each, given, strict=True)
        ]
    kept = ("schema", "version", "algorithm", "capture")
    own = {name: value for name, value in every[own_lane].items() if name != "lane"}
    athletes = [{name: value for name, value in each.items() if name not in kept} for each in every]
    heading = {"schema": SCHEMA, "version": __version__, "algorithm": ALGORITHM}
    return plain(heading | own | {"athletes": athletes})


def recalled(frames: Frames, *, hold_s: float | None, posture: str | None) -> dict[str, Any]:
    """The result of a rep that was called back: there was no signal, so there are no times."""
    reason = "somebody moved during the hold, and was called back: GO was never given"
    given = Given(source="gpio", hold_s=hold_s, posture=posture)
    time, exposure_s = frames.times_ns * 1e-9, frames.exposure_ns * 1e-9
    answer = without_signal(time, frames.dropped, exposure_s, given, reason)
    return {"schema": SCHEMA, "version": __version__, "algorithm": ALGORITHM, **plain(answer)}


def told(seen: Observations, given: Given, line: Any) -> dict[str, Any]:
    """The whole result object, with what made it."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "algorithm": ALGORITHM,
        **plain(measure(seen, given, line)),
    }


def plain(value: Any) -> Any:
    """Python's own numbers, lists and None for NaN, all the way down: fit for JSON."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
