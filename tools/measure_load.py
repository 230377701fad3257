"""What phones and pages cost the camera and GO: both real processes, without and with a load.

    python tools/measure_load.py --minutes 10 --readme README.md

One rep after another is armed through the page, with a fixed hold, first with nobody else looking
(a quarter of the time), then with PHONES pages on live streams while others ask for the list of
reps, reps, pictures, the Start page, and the board of a class of thirty. Prints the table, or one
JSON object with --json. Nothing is judged here; machines differ.

    frames        due at the camera and lost; how late after its time each was in the ring
    GO            how late after the planned instant; how wide the bracket around the pin's write
    live pages    from GO, and from the end of a rep, to each phone that is told
    pages         from when one is asked for to its last byte

--camera paced (see paced_camera.py) is what there is without a Pi. On a Pi --camera pi measures
the real one and the real pins; frames are then counted in the recordings only.
"""

import argparse
import contextlib
import itertools
import json
import multiprocessing
import os
import platform
import selectors
import signal as process_signal
import socket
import sys
import tempfile
import textwrap
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from sample_reps import CLASS, add_rep, begin_class  # noqa: E402
from two_processes import free_port  # noqa: E402

from pi import launch  # noqa: E402
from pi.store import open_store  # noqa: E402

HOLD_S = 0.7
STORED = 60  # reps that are there before: a full page of the list
MARKS = ("<!-- load -->", "<!-- /load -->")

SETTINGS = """
record_s = 2.0
[web]
host = "127.0.0.1"
streams = {streams}
[camera]
source = "{source}"
width = {width}
height = {height}
fps = {fps}
ring_seconds = 6.0
[hold]
kind = "fixed"
fixed_s = {hold}
[settle]
still_s = 0.5
"""


def main() -> None:
    asked = arguments()
    process_signal.signal(process_signal.SIGTERM, lambda *_: sys.exit(143))  # and clean up
    if asked.readme:
        fill(asked.readme, "")  # that it has a place is known before, not after
    report = measure(
        minutes=asked.minutes,
        phones=asked.phones,
        pages_per_s=asked.pages_per_s,
        camera=asked.camera,
        size=(asked.width, asked.height),
        fps=asked.fps,
    )
    if asked.readme:
        fill(asked.readme, table(report))
    print(json.dumps(report, indent=1) if asked.json else table(report))


def fill(readme: Path, text: str) -> None:
    """Put a text between the marks; none only looks whether they are there."""
    before, mark, rest = readme.read_text(encoding="utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not end:
        sys.exit(f"{readme}: has no place for the table, {' '.join(MARKS)}")
    if text:
        readme.write_text(f"{before}{mark}\n{text}\n{end}{after}", encoding="utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What phones and pages cost the camera and GO.")
    parser.add_argument("--minutes", type=float, default=10.0, help="under load")
    parser.add_argument("--phones", type=int, default=120, help="pages on live streams")
    parser.add_argument("--pages-per-s", type=float, default=10.0)
    parser.add_argument("--camera", default="paced", choices=["paced", "pi", "webcam"])
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--fps", type=float, default=120.0)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--readme", type=Path, help="put the table into this file")
    return parser.parse_args()


def measure(
    *,
    minutes: float = 10.0,
    phones: int = 120,
    pages_per_s: float = 10.0,
    camera: str = "paced",
    size: tuple[int, int] = (1280, 720),
    fps: float = 120.0,
) -> dict:
    """The figures of both phases, and of the machine. Nothing is left running or lying about."""
    with tempfile.TemporaryDirectory(prefix="trackstart-load-") as folder:
        home, port = Path(folder), free_port()
        settings = SETTINGS.format(
            streams=phones + 10, width=size[0], height=size[1], fps=fps, hold=HOLD_S,
            source="simulated" if camera == "paced" else camera,
        )  # fmt: skip
        (home / "settings.toml").write_text(settings)
        frames = home / "frames.npy"
        with open_store(f"sqlite:///{home / 'trackstart.db'}") as store:
            begin_class(store)
            for _ in range(STORED):
                add_rep(store)
        device = [str(ROOT / "tools/paced_camera.py"), str(frames)]
        environment = {
            "TRACKSTART_HOME": folder, "TRACKSTART_PORT": str(port), "LG_WD": folder,
            "PYTHONPATH": str(ROOT), "TRACKSTART_CAMERA": "",
        }  # fmt: skip
        parts = []
        try:
            command = device if camera == "paced" else ["-m", "pi"]
            parts.append(launch.start("device", command, home / "device.log", environment))
            command = ["-m", "pi.cli", "web"]
            parts.append(launch.start("web", command, home / "web.log", environment))
            until_ready(parts, port)
            granted = rights(*(part.process.pid for part in parts))
            phases = run(parts, port, minutes, phones, pages_per_s)
        finally:
            launch.stop_all(parts)
        times = np.load(frames) if camera == "paced" else None
        with open_store(f"sqlite:///{home / 'trackstart.db'}") as store:
            reps = store.reps(limit=1_000_000)
    for phase in phases:
        figures_of(phase, reps, times, fps)
    return {
        "machine": machine() | granted,
        "camera": {"source": camera, "size": list(size), "fps": fps},
        "minutes": minutes,
        "phones": phones,
        "pages_per_s": pages_per_s,
        "quiet": phases[0],
        "load": phases[1],
    }


def until_ready(parts: list[launch.Part], port: int) -> None:
    deadline = time.monotonic() + launch.ANSWERS_WITHIN_S
    while True:
        both_live(parts)
        said = parts[0].log.read_text()
        if launch.answers("127.0.0.1", port) and state(port)["can_arm"] and " camera: " in said:
            if "ERROR" in said:
                sys.exit(f"the device has no camera: {said[-2000:]}")
            return
        if time.monotonic() > deadline:
            sys.exit(f"the device does not begin: {said[-2000:]}")
        time.sleep(0.1)


def both_live(parts: list[launch.Part]) -> None:
    for part in parts:
        if part.process.poll() is not None:
            sys.exit(f"the {part.name} process has ended: {part.log.read_text()[-2000:]}")


def run(
    parts: list[launch.Part], port: int, minutes: float, phones: int, pages_per_s: float
) -> list[dict]:
    """Both phases: when they were, what of a core each process took, what was told and asked."""
    quiet = arm_for(minutes * 60 / 4, parts, port)
    spawn = multiprocessing.get_context("spawn")
    stop, listening = spawn.Event(), spawn.Event()
    clients = ProcessPoolExecutor(
        2, mp_context=spawn, initializer=signals, initargs=(stop, listening)
    )
    with clients:
        try:
            told = clients.submit(listen, port, phones)
            if not listening.wait(60):
                raise TimeoutError("the live streams do not begin")
            asked = clients.submit(ask_for_pages, port, pages_per_s)
            load = arm_for(minutes * 60, parts, port)
            time.sleep(0.5)  # what was told last arrives
        finally:
            stop.set()
        load["told"], load["asked"] = told.result(60), asked.result(60)
    return [quiet, load]


def arm_for(seconds: float, parts: list[launch.Part], port: int) -> dict:
    """Press ARM whenever it can be pressed."""
    phase = {"from_ns": time.monotonic_ns()}
    used = [cpu_s(part.process.pid) for part in parts]
    until = time.monotonic() + seconds
    for number in itertools.count():
        while not state(port)["can_arm"]:
            both_live(parts)
            time.sleep(0.1)
        if time.monotonic() > until:
            break
        form = {"posture": "standing", "hold": "watch", "key": f"{phase['from_ns']}.{number}"}
        fetch(port, "/arm", form)
    phase["to_ns"] = time.monotonic_ns()
    lasted_s = (phase["to_ns"] - phase["from_ns"]) * 1e-9
    for part, before in zip(parts, used, strict=True):
        phase[f"cpu_{part.name}"] = round((cpu_s(part.process.pid) - before) / lasted_s, 3)
    return phase


def fetch(port: int, path: str, form: dict[str, str] | None = None) -> bytes:
    address = f"http://127.0.0.1:{port}"
    body = urllib.parse.urlencode(form).encode() if form else None
    headers = {"Accept": "application/json"} | ({"Origin": address} if form else {})
    request = urllib.request.Request(address + path, body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def state(port: int) -> dict:
    return json.loads(fetch(port, "/state.json"))


# The load: each of the two in a process of its own


def signals(stop, listening) -> None:
    global STOP, LISTENING
    STOP, LISTENING = stop, listening


def listen(port: int, phones: int) -> list[tuple[int, str, int]]:
    """Hold so many streams open until STOP; (rep, its new state, ns) of all that arrived."""
    arrived: list[tuple[int, str, int]] = []
    begun: set[int] = set()
    streams = selectors.DefaultSelector()

    def open_stream(number: int) -> None:
        connection = socket.create_connection(("127.0.0.1", port), 30)
        connection.sendall(f"GET /events HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        streams.register(connection, selectors.EVENT_READ, (number, bytearray()))

    for number in range(phones):
        open_stream(number)
    try:
        while not STOP.is_set():
            for key, _ in streams.select(0.2):
                now_ns = time.monotonic_ns()
                number, kept = key.data
                if not (received := key.fileobj.recv(65536)):  # its life is over, as a phone's is
                    streams.unregister(key.fileobj)
                    key.fileobj.close()
                    open_stream(number)
                    continue
                kept += received
                *events, rest = bytes(kept).split(b"\n\n")
                kept[:] = rest
                for event in events:
                    if b"event: rep\n" in event:
                        told = json.loads(event.partition(b"data: ")[2])
                        arrived.append((told["rep"], told["state"], now_ns))
                    elif b"event: state\n" in event and number not in begun:
                        begun.add(number)
                        if len(begun) == phones:
                            LISTENING.set()
    finally:
        for key in list(streams.get_map().values()):
            key.fileobj.close()
        streams.close()
    return arrived


PAGES = ("/reps", "/reps?status=measured", "/", "/rep/{newest}", "/rep/{newest}/picture.png",
         "/session/1", "/screen", "/rep/{newest}/replay.svg", "/rep/{newest}.json")  # fmt: skip


def ask_for_pages(port: int, per_s: float) -> list[tuple[int, int, int]]:
    """Ask for pages at a steady rate until STOP; (ns it was due, ns it was there, HTTP status)."""
    asked: list[tuple[int, int, int]] = []
    first_ns = time.monotonic_ns()
    numbers = itertools.count()

    def ask() -> None:
        while True:
            number = next(numbers)  # whole in itself, so no lock
            due_ns = first_ns + round(number * 1e9 / per_s)
            if STOP.wait(max(0.0, (due_ns - time.monotonic_ns()) * 1e-9)):
                return
            page = PAGES[number % len(PAGES)].format(newest=newest[0])
            try:
                status = 200 if fetch(port, page) else 204
            except urllib.error.HTTPError as answer:
                status = answer.code
            except OSError:
                status = 0
            asked.append((due_ns, time.monotonic_ns(), status))
            if number % 50 == 0:
                newest[0] = measured_rep(port) or newest[0]

    newest = [CLASS + STORED]
    readers = [threading.Thread(target=ask) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return asked


def measured_rep(port: int) -> int | None:
    """The newest rep with a result, from the page's own state."""
    last = state(port)["last"]
    return int(last.partition(".")[0]) if last else None


# The figures


def figures_of(phase: dict, reps: list, times: np.ndarray | None, fps: float) -> None:
    """Put into a phase, in ms, what it comes to; what it was told and asked is taken out."""
    from_ns, to_ns = phase.pop("from_ns"), phase.pop("to_ns")
    phase["seconds"] = round((to_ns - from_ns) * 1e-9, 1)
    those = [rep for rep in reps if from_ns <= rep.requested_ns < to_ns]
    fired = [rep for rep in those if rep.go_before_ns]
    phase["reps"] = {
        status: sum(rep.status == status for rep in those)
        for status in sorted({rep.status or rep.state for rep in those})
    }
    phase["reasons"] = sorted({rep.reason for rep in those if rep.reason})
    phase["go"] = {
        "late": spread([rep.go_before_ns - rep.settled_ns - round(HOLD_S * 1e9) for rep in fired]),
        "bracket": spread([rep.go_after_ns - rep.go_before_ns for rep in fired]),
    }
    captures = [rep.result["capture"] for rep in those if rep.result]
    phase["recorded"] = {
        "frames": sum(capture["frames"] for capture in captures),
        "dropped": sum(capture["dropped"] for capture in captures),
    }
    if times is not None:
        due, announced, done, kept = times[(times[:, 0] >= from_ns) & (times[:, 0] < to_ns)].T
        steps = np.diff(due) * 1e-9 * fps
        phase["frames"] = {
            "due": round(float(due[-1] - due[0]) * 1e-9 * fps) + 1,
            "dropped": int(np.sum(np.round(steps) - 1)),
            "in_the_ring": int(np.count_nonzero(kept)),
            "tick_late": spread(announced - due),
            "late": spread((done - due)[kept > 0]),
            "late_between": spread((done - due)[kept == 0]),  # recordings: it analyses, or waits
        }
    stamps = {(rep.id, "running"): rep.go_after_ns for rep in fired}
    stamps |= {(rep.id, rep.state): rep.ended_ns for rep in those if rep.ended_ns}
    told, asked = phase.pop("told", None), phase.pop("asked", None)
    if told is not None:
        for name, state_now in (("from_go", "running"), ("from_end", "done")):
            phase[f"told_{name}"] = spread(
                [ns - stamps[rep, to] for rep, to, ns in told if to == state_now
                 and (rep, to) in stamps]
            )  # fmt: skip
    if asked is not None:
        phase["pages"] = spread([there - due for due, there, status in asked if status == 200])
        phase["pages"]["asked"] = len(asked)
        phase["pages"]["failed"] = sum(status != 200 for *_, status in asked)


def spread(ns) -> dict:
    """How many, and p50, p95, p99 and the most, in ms; None when there is none."""
    values = np.asarray(ns, float) * 1e-6
    names = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    told = {
        name: round(float(np.percentile(values, share)), 4) if len(values) else None
        for name, share in names.items()
    }
    return {"n": len(values)} | told


def session(leader: int) -> list[list[str]]:
    """/proc/PID/stat from its third field on, of a process and of all that it started."""
    stats = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stats.append((folder / "stat").read_text().rpartition(")")[2].split())
    return [fields for fields in stats if int(fields[3]) == leader]


def cpu_s(leader: int) -> float:
    """Processor seconds of a process and all that it started."""
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in session(leader))
    return ticks / os.sysconf("SC_CLK_TCK")


def rights(device: int, web: int) -> dict:
    """What the kernel granted the device: memory that stays, threads that come first; and how far
    the pages give way."""
    status = Path(f"/proc/{device}/status").read_text().splitlines()
    locked = next(int(line.split()[1]) for line in status if line.startswith("VmLck:"))
    threads = [int(task.name) for task in Path(f"/proc/{device}/task").iterdir()]
    policies = [os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK for thread in threads]
    return {
        "memory_locked": locked > 0,
        "real_time": os.SCHED_FIFO in policies,
        "web_nice": min(int(fields[16]) for fields in session(web)),
    }


def machine() -> dict:
    model = Path("/proc/device-tree/model")
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in processors if "model name" in line]
    return {
        "name": model.read_text().strip("\0") if model.exists() else (names or ["unknown"])[0],
        "virtual": any(" hypervisor" in line for line in processors),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "pins": "its own" if model.exists() else "simulated",
    }


# The table


def table(report: dict) -> str:
    """The report in Markdown, and the machine that it is of."""
    quiet, load = report["quiet"], report["load"]
    rows = [
        ("**frames due, lost**", lambda phase: "{due:,}, {dropped}".format(**phase["frames"])),
        (
            "frames recorded, lost",
            lambda phase: "{frames:,}, {dropped}".format(**phase["recorded"]),
        ),
        (
            "the sensor's own tick after its time, ms",
            lambda phase: told(phase["frames"]["tick_late"]),
        ),
        ("a frame in the ring after its time, ms", lambda phase: told(phase["frames"]["late"])),
        ("a frame between recordings, ms", lambda phase: told(phase["frames"]["late_between"])),
        ("**GO after its planned instant**, ms", lambda phase: told(phase["go"]["late"])),
        ("bracket around the pin's write, ms", lambda phase: told(phase["go"]["bracket"])),
        ("from GO to a live page, ms", lambda phase: told(phase["told_from_go"])),
        ("from a rep's end to a live page, ms", lambda phase: told(phase["told_from_end"])),
        ("from asking for a page to its last byte, ms", lambda phase: told(phase["pages"])),
        ("pages asked for, failed", lambda phase: "{asked:,}, {failed}".format(**phase["pages"])),
        ("starts, measured", lambda phase: starts(phase)),
        (
            "device and web, of one core",
            lambda phase: f"{phase['cpu_device']:.0%} and {phase['cpu_web']:.0%}",
        ),
    ]
    crowd = f"{report['phones']} live pages, {report['pages_per_s']:g} asked for a second"
    lines = [f"| p50 / p95 / p99 / most | nobody looks | {crowd} |", "|---|---|---|"]
    for name, tell in rows:
        cells = [cell(tell, phase) for phase in (quiet, load)]
        if cells != ["–", "–"]:
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", conditions(report)])


def cell(tell, phase: dict) -> str:
    try:
        return tell(phase)
    except KeyError:  # not in this phase, or not with this camera
        return "–"


def told(spread: dict) -> str:
    if not spread["n"]:
        return "–"
    values = (spread[name] for name in ("p50", "p95", "p99", "max"))
    return " / ".join(f"{value:.0f}" if value >= 10 else f"{value:.2f}" for value in values)


def starts(phase: dict) -> str:
    return f"{sum(phase['reps'].values())}, {phase['reps'].get('measured', 0)}"


def conditions(report: dict) -> str:
    """One paragraph: the machine, what was granted there, what was played."""
    machine, camera = report["machine"], report["camera"]
    width, height = camera["size"]
    granted = [
        f"real-time priority {'' if machine['real_time'] else 'not '}granted",
        f"memory {'' if machine['memory_locked'] else 'not '}locked",
    ]
    text = (
        f"{machine['name']}{', virtual' if machine['virtual'] else ''}, {machine['cores']} cores, "
        f"{machine['kernel']}, Python {machine['python']}; {', '.join(granted)}. "
        f"{report['quiet']['seconds'] / 60:.1f} and {report['load']['seconds'] / 60:.1f} minutes "
        f"of {width}×{height} at {camera['fps']:g} frames/s from the {camera['source']} camera, "
        f"{machine['pins']} pins."
    )
    return textwrap.fill(text, 100)


if __name__ == "__main__":
    main()
