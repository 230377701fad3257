"""Every part of the box looked at, with a verdict and what to do. Changes nothing.

What belongs to the device (camera, pins) is looked at by the device's process; everything else is
read from the system's own files, below a root that tests can choose.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from . import __version__, clock
from .camera import Camera, count_dropped
from .camera_models import model_of
from .start_signal import StartSignal
from .store import SelfTest

GOOD, WARN, BAD, UNKNOWN = "good", "warning", "bad", "unknown"

WARM_C, HOT_C = 70.0, 80.0  # a Pi slows down from 80 °C on
LEAST_MB, FEW_MB = 200, 1000
LOOKS_S = 2.0
DARK, BRIGHT = 20.0, 235.0  # mean grey level
CLIPPED = 0.2  # share of pixels
SHARP = 0.02
"""Of the picture's own contrast, that is left between neighbouring pixels by a lens in focus: less
is soft, or a picture with nothing to be sharp in."""
STATIONS = {"standard": 7, "minimal": 20}
"""Phones that a Pi's own radio holds, by the variant of its firmware: as counted by those who
tried (raspberrypi/documentation#2520, iiab/iiab#823)."""

# Raspberry Pi documentation, "vcgencmd get_throttled": now, and since the start
THROTTLED = (
    (0, "under voltage now", BAD),
    (1, "slowed down now", BAD),
    (2, "throttled now", BAD),
    (3, "at its temperature limit now", BAD),
    (16, "under voltage since the start", WARN),
    (17, "slowed down since the start", WARN),
    (18, "throttled since the start", WARN),
    (19, "at its temperature limit since the start", WARN),
)


class Part(NamedTuple):
    """One part of the box."""

    name: str
    verdict: str  # good | warning | bad | unknown
    said: str
    do: str = ""


# Of the device


def camera_parts(camera: Camera, wanted_fps: float, clock: SelfTest | None) -> list[Part]:
    """Camera, frames, exposure, focus and clock, from two seconds of pictures."""
    began_ns = time.monotonic_ns()
    camera.start()
    try:
        time.sleep(LOOKS_S)
    finally:
        camera.stop()
    frames = camera.recording(began_ns, time.monotonic_ns())
    mode = f"{camera.name}, {camera.size[0]}x{camera.size[1]}"
    if len(frames.times_ns) < 10:
        why = camera.problem or f"{len(frames.times_ns)} pictures in {LOOKS_S:.0f} s"
        return [Part("camera", BAD, f"{mode}: {why}", "check its cable, then restart the timer")]
    warned = "; ".join(camera.warnings)
    parts = [Part("camera", WARN if warned else GOOD, f"{mode}. {warned}".rstrip(". "))]
    if model := model_of(camera.name):
        wanted_fps = min(wanted_fps, model.mode.fps)
    steps_ns = np.diff(frames.times_ns)
    fps = 1e9 / float(np.median(steps_ns))
    dropped = count_dropped(frames.times_ns)
    slow = fps < 0.9 * wanted_fps
    said = f"{fps:.1f} a second, {dropped} of {dropped + len(steps_ns) + 1} dropped"
    do = f"wanted are {wanted_fps:g}: more light, or a mode that is quicker" if slow else ""
    if dropped > 0.01 * len(steps_ns):
        do = "something takes the processor's time: stop other programs, cool the Pi"
    parts.append(Part("frames", WARN if do else GOOD, said, do))
    return [*parts, _exposure(camera, frames.luma[-1]), _focus(frames.luma[-1]), _clock(clock)]


def _exposure(camera: Camera, picture: np.ndarray) -> Part:
    mean = float(picture.mean())
    clipped = float(np.mean(picture >= 250))
    said = (
        f"{camera.exposure_ns / 1e6:.2f} ms, mean grey {mean:.0f} of 255, {clipped:.0%} blown out"
    )
    if mean < DARK:
        return Part("exposure", BAD, said, "too dark: take off the lens cap, or find more light")
    if mean > BRIGHT or clipped > CLIPPED:
        return Part("exposure", WARN, said, "too bright: turn the camera out of the sun")
    return Part("exposure", GOOD, said)


def sharpness(picture: np.ndarray) -> float:
    """Difference of neighbouring pixels, noise taken out, as a share of the picture's contrast."""
    calm = cv2.GaussianBlur(picture, (0, 0), 0.8).astype(np.float32)
    contrast = float(np.percentile(calm, 95) - np.percentile(calm, 5))
    if contrast < 10.0:
        return float("nan")
    edges = np.abs(np.diff(calm, axis=1))
    return float(np.percentile(edges, 99)) / contrast


def _focus(picture: np.ndarray) -> Part:
    sharp = sharpness(picture)
    if not np.isfinite(sharp):
        return Part("focus", UNKNOWN, "nothing in the picture to be sharp", "aim it at the lane")
    said = f"steepest edges {sharp:.2f} of the contrast a pixel"
    if sharp < SHARP:
        return Part("focus", WARN, said, "soft: turn the lens, or set camera.lens_position")
    return Part("focus", GOOD, said)


def _clock(found: SelfTest | None) -> Part:
    if found is None:
        return Part("LED test", UNKNOWN, "never made with this camera and mode",
                    "aim the camera at the LED: trackstart check --led")  # fmt: skip
    offset, u = 1e3 * found.data["offset_s"], 1e3 * found.data["u_offset_s"]
    said = f"{found.made_at[:10]}: camera {offset:+.2f} ± {u:.2f} ms against the pins"
    if found.data["verdict"] != "good":
        return Part("LED test", BAD, said, "more than 2 ms: repeat it; every result says so")
    return Part("LED test", GOOD, said)


def pin_parts(signal: StartSignal) -> list[Part]:
    """How buzzer, LED and button are wired, and whether by pins that are there."""
    factory = type(signal.pin_factory).__name__.removesuffix("Factory")
    mock = factory == "Mock"
    pins = Part("pins", WARN if mock else GOOD, f"{factory}",
                "pins exist in memory only: nothing will sound" if mock else "")  # fmt: skip
    wired = signal.wired()
    parts = [pins]
    for name, pin in wired.items():
        none = f"set pins.{name} in the settings" if pin is None else ""
        said = "not wired" if pin is None else f"pin {pin}"
        name = {"led": "LED"}.get(name, name)
        parts.append(Part(name, WARN if none else GOOD, said, none))
    if signal.pressed():
        parts[-1] = Part("button", BAD, "held down", "it sticks, or its two wires touch")
    return parts


# Of the machine


def machine_parts(folder: Path, root: Path = Path("/")) -> list[Part]:
    """Everything that no device has to be opened for.   folder : where the store is."""
    return [
        _board(root),
        _storage(folder, root),
        _database(folder),
        _temperature(root),
        _power(root),
        _wall_clock(root),
        _radio(root),
        arithmetic(),
        _versions(),
    ]


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return None


def _board(root: Path) -> Part:
    model = _text(root / "proc/device-tree/model")
    kept = [
        line for line in (_text(root / "proc/meminfo") or "").splitlines() if "MemTotal" in line
    ]
    memory = f", {int(kept[0].split()[1]) / 1e6:.1f} GB" if kept else ""
    if model is None:
        return Part("board", UNKNOWN, f"no Raspberry Pi: {platform.machine()}{memory}")
    return Part("board", GOOD, model + memory)


def _storage(folder: Path, root: Path) -> Part:
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    free_mb = shutil.disk_usage(place).free / 1e6
    said = f"{free_mb / 1000:.1f} GB free for reps"
    mounts = [line.split() for line in (_text(root / "proc/mounts") or "").splitlines()]
    under = [m for m in mounts if len(m) > 3 and _is_under(place.resolve(), Path(m[1]))]
    holds = max(under, key=lambda m: len(m[1]), default=None)
    if holds and "ro" in holds[3].split(","):
        return Part("storage", BAD, f"{said}; read-only",
                    "the card has protected itself: copy the reps off and replace it")  # fmt: skip
    if not os.access(place, os.W_OK):
        return Part(
            "storage", BAD, f"{said}; not writable", f"give trackstart the right to {place}"
        )
    device = Path(holds[0]).name if holds else ""
    errors = _text(root / f"sys/fs/ext4/{device}/errors_count") if device else None
    if errors and errors != "0":
        return Part("storage", BAD, f"{said}; {errors} errors on the card",
                    "copy the reps off and replace the card")  # fmt: skip
    if free_mb < LEAST_MB:
        return Part("storage", BAD, said, "export and delete old reps: the next may not fit")
    return Part("storage", WARN if free_mb < FEW_MB else GOOD, said,
                "export and delete old reps soon" if free_mb < FEW_MB else "")  # fmt: skip


def _is_under(place: Path, mount: Path) -> bool:
    return place == mount or mount in place.parents


def _database(folder: Path) -> Part:
    path = folder / "trackstart.db"
    if not path.exists():
        return Part("reps", UNKNOWN, "none kept here yet")
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            verdict = connection.execute("pragma quick_check(1)").fetchone()[0]
        connection.close()
    except sqlite3.Error as problem:
        verdict = str(problem)
    if verdict != "ok":
        return Part("reps", BAD, f"the store is damaged: {verdict}", "restore the last backup")
    return Part("reps", GOOD, f"the store is whole, {path.stat().st_size / 1e6:.1f} MB")


def _temperature(root: Path) -> Part:
    told = _text(root / "sys/class/thermal/thermal_zone0/temp")
    if told is None:
        return Part("temperature", UNKNOWN, "not told by this machine")
    degrees = int(told) / 1000
    if degrees >= HOT_C:
        return Part("temperature", BAD, f"{degrees:.0f} °C", "shade and a fan: it slows down")
    if degrees >= WARM_C:
        return Part("temperature", WARN, f"{degrees:.0f} °C", "put it into the shade")
    return Part("temperature", GOOD, f"{degrees:.0f} °C")


def _power(root: Path) -> Part:
    told = _text(root / "sys/devices/platform/soc/soc:firmware/get_throttled")
    if told is None:
        return Part("power", UNKNOWN, "not told by this machine")
    bits = int(told, 16)
    found = [(said, verdict) for bit, said, verdict in THROTTLED if bits >> bit & 1]
    if not found:
        return Part("power", GOOD, "never under voltage, never slowed down")
    verdict = BAD if any(each == BAD for _, each in found) else WARN
    do = "use the Pi's own supply or a stronger power bank, and a short thick cable"
    if not any("voltage" in said for said, _ in found):
        do = "shade and a fan"
    return Part("power", verdict, ", ".join(said for said, _ in found), do)


def _wall_clock(root: Path) -> Part:
    now = time.strftime("%Y-%m-%d %H:%M")
    told = {
        "network": "from the network",
        "own": "from its own clock",
        "phone": "from a phone",
        "system": "as this machine has it",
    }
    if source := clock.source(root):
        return Part("clock", GOOD, f"{now}, {told[source]}")
    return Part("clock", WARN, f"{now}, from nowhere",
                "tap Set the clock on Start: until then reps have no date; "
                "times within a rep never need one")  # fmt: skip


def _radio(root: Path) -> Part:
    wireless = [p.parent.name for p in sorted(root.glob("sys/class/net/*/wireless"))]
    if not wireless:
        return Part("Wi-Fi", UNKNOWN, "no radio")
    variant = _firmware(root)
    most = f", firmware {variant}: {STATIONS[variant]} phones at most" if variant else ""
    joined = _stations(wireless[0]) if root == Path("/") else None
    said = f"{wireless[0]}{most}" + ("" if joined is None else f", {joined} joined")
    if variant and joined is not None and joined >= STATIONS[variant]:
        return Part("Wi-Fi", WARN, said, "full: take an access point for a class")
    return Part("Wi-Fi", GOOD, said)


def _firmware(root: Path) -> str | None:
    """Which variant of the radio's firmware Raspberry Pi OS has chosen, by its own link."""
    link = root / "etc/alternatives/cyfmac43455-sdio.bin"
    if not link.is_symlink():
        return None
    name = os.readlink(link)
    return next((variant for variant in STATIONS if variant in name), None)


def _stations(interface: str) -> int | None:
    tool = shutil.which("iw")
    if tool is None:
        return None
    try:
        told = subprocess.run(
            [tool, "dev", interface, "station", "dump"], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.count("Station ") if told.returncode == 0 else None


def arithmetic(product: Callable[[np.ndarray, np.ndarray], np.ndarray] = np.matmul) -> Part:
    """Whether numpy's products are right: libraries have shipped that were not (numpy#31776)."""
    random = np.random.default_rng(1)
    a, b = (random.random(shape, np.float32) for shape in ((120, 3000), (3000, 16)))
    with np.errstate(all="ignore"):
        off = float(np.max(np.abs(product(a, b) - a.astype(float) @ b.astype(float))))
    if off < 0.1:  # of sums of 3000 that are about 750
        return Part("arithmetic", GOOD, f"products right to {off:.0e}")
    return Part("arithmetic", BAD, f"products are wrong by {off:.0e}",
                "take numpy from apt, as install does; no number of this box is right")  # fmt: skip


def _versions() -> Part:
    said = [f"trackstart {__version__}", f"Python {platform.python_version()}"]
    said += [f"numpy {np.__version__}", f"OpenCV {cv2.__version__}"]
    for name in ("gpiozero", "picamera2", "lgpio"):
        try:
            said.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return Part("versions", GOOD, ", ".join([*said, f"Linux {platform.release()}"]))
