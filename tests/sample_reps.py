"""Reps with every ending, as the device would leave them in a store. No measurements: samples."""

import contextlib
import copy
import json
import math
import struct
import threading
import zlib

from pi.drills import CIRCUITS
from pi.sessions import plan
from pi.store import Rep, Store

REACTION_S, ACCELERATION, SPEED = 0.243, 6.2, 7.6
NOTHING = {"value": None, "u": None}
CLASS = 30  # athletes of a lesson


def speed_at(time: float) -> float:
    """A sprint that begins half a second after the signal."""
    return SPEED * (1 - math.exp(-max(time - 0.5, 0) * ACCELERATION / SPEED))


def distance_at(time: float) -> float:
    since = max(time - 0.5, 0)
    tau = SPEED / ACCELERATION
    return SPEED * (since + tau * (math.exp(-since / tau) - 1)) - 0.2


def sample_result(status: str = "measured", **changes) -> dict:
    """A result of that status; keys given replace those of the sample."""
    times = [round(k / 60 - 0.2, 4) for k in range(170)]
    result = {
        "schema": "trackstart.rep/1",
        "version": "0.1.0",
        "algorithm": "1",
        "status": status,
        "reasons": [
            "profile: 6.1 m of running in view, too short to tell MSS from MAC; 8 m needed"
        ],
        "warnings": ["the camera dropped 2 frames; times near them are less certain"],
        "capture": {
            "fps": 119.97,
            "frames": 600,
            "dropped": 2,
            "exposure_s": 0.001,
            "px_per_m": 152.0,
        },
        "signal": {"time_s": 1.997, "hold_s": 2.41, "sound_delay_s": 0.012, "source": "gpio"},
        "posture": {"start": "prone", "given": "prone", "confidence": 0.97},
        "reaction_s": {"value": REACTION_S, "u": 0.006},
        "onset_s": {"value": 0.214, "u": 0.012},
        "up_s": {"value": 1.31, "u": 0.02},
        "steps": [
            {"contact_s": 1.02, "toe_off_s": 1.19, "x_m": 0.61, "u_x_m": 0.02, "leg": "left"},
            {"contact_s": 1.31, "toe_off_s": None, "x_m": None, "u_x_m": None, "leg": None},
        ],
        "splits": [
            {"metres": 1.0, "from_signal_s": 1.214, "from_movement_s": 0.971, "u": 0.009},
            {"metres": 2.5, "from_signal_s": 1.563, "from_movement_s": 1.32, "u": 0.007},
            {"metres": 5.0, "from_signal_s": 2.104, "from_movement_s": 1.861, "u": 0.007},
            {"metres": 10.0, "from_signal_s": None, "from_movement_s": None, "u": None},
        ],
        "peak_speed": {"value": 5.41, "u": 0.06, "at_m": 6.2},
        "mean_acceleration": {
            "first_second": {"value": 3.9, "u": 0.1},
            "three_steps": {"value": 4.24, "u": 0.15},
        },
        "profile": {"mss": NOTHING, "mac": NOTHING, "tau": NOTHING, "starts_s": None},
        "track": {
            "time_s": times,
            "x_m": [round(distance_at(time), 3) for time in times],
            "speed_m_s": [round(speed_at(time), 3) for time in times],
            "height_m": [round(0.2 + 0.8 / (1 + math.exp(-6 * (t - 1))), 3) for t in times],
        },
    }
    return result | changes


def nothing_measured(status: str, reason: str) -> dict:
    """A result without a single number."""
    gates = [
        {"metres": metres, "from_signal_s": None, "from_movement_s": None, "u": None}
        for metres in (1.0, 2.5, 5.0, 10.0)
    ]
    return sample_result(status, reasons=[reason], warnings=[]) | {
        "capture": dict.fromkeys(("fps", "exposure_s", "px_per_m")) | {"frames": 0, "dropped": 0},
        "signal": {"time_s": None, "hold_s": None, "sound_delay_s": None, "source": "gpio"},
        "posture": {"start": None, "given": None, "confidence": None},
        "reaction_s": NOTHING,
        "onset_s": NOTHING,
        "up_s": NOTHING,
        "steps": [],
        "splits": gates,
        "peak_speed": NOTHING | {"at_m": None},
        "mean_acceleration": {"first_second": NOTHING, "three_steps": NOTHING},
        "profile": {"mss": NOTHING, "mac": NOTHING, "tau": NOTHING, "starts_s": None},
        "track": {"time_s": [], "x_m": [], "speed_m_s": [], "height_m": []},
    }


def lanes_result(*reactions: float | None) -> dict:
    """A result of athletes who started at once, lane by lane, with these reactions; None moved not.

    What stands above is of the first.
    """

    def told(k: int, reaction: float | None) -> dict:
        if reaction is None:
            return nothing_measured("no_movement", f"nobody started in lane {k + 1}")
        return sample_result(reaction_s={"value": reaction, "u": 0.006})

    every = [told(k, reaction) for k, reaction in enumerate(reactions)]
    kept = ("schema", "version", "algorithm", "capture")
    athletes = [
        {"lane": f"{k + 1}"} | {key: value for key, value in each.items() if key not in kept}
        for k, each in enumerate(every)
    ]
    return copy.deepcopy(every[0] | {"athletes": athletes})


def sample_replay(movement_s: float | None = REACTION_S) -> bytes:
    """Evidence "replay": a lying body that rises and runs off to the right."""
    frames = []
    for k in range(80):
        time = -0.3 + k / 28
        x, height = 300 + 152 * distance_at(time), 30 + 200 / (1 + math.exp(-6 * (time - 1)))
        half = 130 - 0.4 * height
        outline = [
            [x + half * math.cos(a), 600 - height / 2 * (1 - math.sin(a))]
            for a in (k * math.pi / 12 for k in range(24))
        ]
        frames.append({"t": round(time, 4), "outlines": [outline]})
    replay = {
        "size": [1280, 720],
        "px_per_m": 152.0,
        "ground_y": 612.0,
        "origin_x": 330.0,
        "direction": 1,
        "frames": frames,
        "movement_s": movement_s,
        "gates": [{"metres": m, "x": 330 + 152 * m} for m in (1.0, 2.5, 5.0)],
    }
    return json.dumps(replay).encode()


def sample_picture() -> bytes:
    """A PNG, grey from edge to edge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + b"\xb0" * 64 for _ in range(36))
    head = struct.pack(">IIBBBBB", 64, 36, 8, 0, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )


def request(store: Store, posture: str = "prone", **more) -> Rep:
    return store.request_rep(posture=posture, key=f"sample {store.latest_change()}", **more)


def walk(store: Store, rep: Rep, *states: str, **last) -> Rep:
    """Take a rep from state to state, as the device does."""
    for state in states:
        stamps = {"holding": {"hold_s": 2.41}, "running": {"go_before_ns": 10, "go_after_ns": 5010}}
        rep = store.change_rep(rep.id, state=state, **stamps.get(state, {}))
    return store.change_rep(rep.id, **last) if last else rep


ENDINGS = (
    "measured",
    "early",
    "false_start",
    "recalled",
    "no_movement",
    "not_measurable",
    "aborted",
    "failed",
)


def add_rep(store: Store, ending: str = "measured", *, posture: str = "prone", **more) -> Rep:
    """A rep that has ended so, with its evidence."""
    rep = request(store, posture, **more)
    if ending == "aborted":
        return walk(store, rep, "settling", state="aborted", reason="nobody was still in 30 s")
    if ending == "failed":
        reason = "camera dropped 14 frames; check the cable"
        return walk(store, rep, "settling", "holding", "running", state="failed", reason=reason)
    if ending == "recalled":
        walk(store, rep, "settling", "holding")
        return walk(store, rep, state="false_start", reason="moved 4 cm during the hold")
    result = {
        "measured": sample_result(),
        "early": sample_result("early", reaction_s={"value": 0.043, "u": 0.006}),
        "false_start": sample_result("false_start", reaction_s={"value": -0.061, "u": 0.006}),
        "no_movement": nothing_measured("no_movement", "nobody started after the signal"),
        "not_measurable": nothing_measured("not_measurable", "the camera moved"),
    }[ending]
    walk(store, rep, "settling", "holding", "running", "analysing")
    moved = result["reaction_s"]["value"]
    store.save_evidence(rep.id, "replay", "application/json", sample_replay(moved))
    store.save_evidence(rep.id, "picture", "image/png", sample_picture())
    return store.change_rep(rep.id, state="done", result=copy.deepcopy(result))


def beat(store: Store, problem: str | None = None, *, simulated: bool = True) -> None:
    store.beat(camera="simulated", fps=120.0, problem=problem, simulated=simulated)


def begin_class(store: Store) -> None:
    """A lesson of thirty, half through: its board has everybody's starts to read."""
    circuit = CIRCUITS["lesson"]
    athletes = [store.add_athlete(f"Animal {k}").id for k in range(CLASS)]
    store.begin_session(circuit._asdict(), plan(athletes, circuit.starts))
    for k in range(CLASS):
        rep = store.request_turn(f"class {k}")
        walk(store, rep, "settling", "holding", "running", "analysing")
        store.change_rep(rep.id, state="done", result=sample_result())


@contextlib.contextmanager
def living(store):
    """The device's sign of life, as long as the block lasts."""
    gone = threading.Event()

    def live():
        while True:
            beat(store)
            if gone.wait(0.5):
                return

    thread = threading.Thread(target=live)
    beat(store)
    thread.start()
    try:
        yield
    finally:
        gone.set()
        thread.join()
