"""Everything that can be set, typed, from one TOML file. Opens no device."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


def home() -> Path:
    """The folder that holds the store and settings.toml."""
    return Path(os.environ.get("TRACKSTART_HOME") or "~/.local/share/trackstart").expanduser()


class Section(BaseModel):
    # An unknown key is a misspelt one, and would be ignored at the track.
    model_config = ConfigDict(extra="forbid", frozen=True)


class Store(Section):
    url: str = Field(default_factory=lambda: f"sqlite:///{home() / 'trackstart.db'}")


class Web(Section):
    host: str = "0.0.0.0"  # noqa: S104 - phones on the hotspot are to reach it
    port: int = Field(default=8080, ge=1, le=65535)
    streams: int = Field(default=150, ge=1)
    names: tuple[str, ...] = ()  # beside addresses, localhost and ….local: what it answers to


class Pins(Section):
    """BCM numbers; none for what is not wired."""

    buzzer: int | None = 17
    led: int | None = 27
    button: int | None = 22
    sounder: Literal["active", "passive"] = "active"
    tone_hz: float = Field(
        default=2700.0, gt=0
    )  # passive only; most piezos are loudest about there
    buzzer_rise_s: float = Field(default=0.0, ge=0, lt=1)


class Camera(Section):
    source: Literal["auto", "pi", "webcam", "file", "simulated"] = "auto"
    path: str | None = None  # of a file; or a webcam's /dev/video…
    width: int = Field(default=1280, ge=64)
    height: int = Field(default=720, ge=64)
    fps: float = Field(default=120.0, ge=5, le=1000)
    exposure_us: int = Field(default=1000, ge=20)
    lens_position: float = Field(default=0.1, ge=0)  # dioptres: 0.1 is sharp at 10 m
    ring_seconds: float = Field(default=12.0, gt=1)
    ring_bytes: int | None = Field(default=None, gt=0)  # none: half of the memory that is free

    @model_validator(mode="after")
    def _file_needs_path(self) -> "Camera":
        if self.source == "file" and not self.path:
            raise ValueError('source "file" needs a path')
        return self


class Hold(Section):
    kind: Literal["uniform", "non_ageing", "fixed", "coach"] = "uniform"
    minimum_s: float = Field(default=1.5, gt=0, le=60)
    maximum_s: float = Field(default=3.5, gt=0, le=60)
    fixed_s: float = Field(default=5.0, gt=0, le=60)
    mean_s: float = Field(
        default=1.0, gt=0
    )  # non_ageing: of the wait above the minimum, before the cut
    timeout_s: float = Field(default=60.0, gt=0)  # coach: nobody says go

    @model_validator(mode="after")
    def _in_order(self) -> "Hold":
        if self.maximum_s < self.minimum_s:
            raise ValueError("maximum_s is smaller than minimum_s")
        return self


class Settle(Section):
    still_s: float = Field(default=1.0, gt=0)
    limit_m: float = Field(default=0.01, gt=0)
    timeout_s: float = Field(default=30.0, gt=0)


class Cone(Section):
    pixel: tuple[float, float]
    metres: float


class Place(Section):
    buzzer_distance_m: float = Field(default=0.0, ge=0, le=100)
    temperature_c: float = Field(default=20.0, ge=-40, le=60)
    cones: tuple[Cone, ...] = ()
    height_m: float | None = Field(default=None, gt=0.5, lt=2.6)


class Simulate(Section):
    seed: int = 0
    lanes: int = Field(default=1, ge=1, le=4)  # of so many athletes at once
    conditions: dict[str, Any] = {}


class Settings(Section):
    recall_limit_m: float = Field(default=0.02, gt=0)
    record_s: float = Field(default=6.0, gt=0.5, le=60)
    store: Store = Field(default_factory=Store)
    web: Web = Web()
    pins: Pins = Pins()
    camera: Camera = Camera()
    hold: Hold = Hold()
    settle: Settle = Settle()
    place: Place = Place()
    simulate: Simulate = Simulate()


NOT_HOLD = ("game", "players", "clip")
"""What else a rep's drill may hold: a game's own choices, the athletes in the lanes' order, and
whether a clip is kept."""


def hold_for(drill: Mapping[str, Any], hold: Hold | None = None) -> Hold:
    """The hold with what a rep's drill says otherwise; ValueError, one line, if it cannot be."""
    usual = hold.model_dump() if hold else {}
    own = {key: value for key, value in drill.items() if key not in NOT_HOLD}
    try:
        return Hold.model_validate(usual | own)
    except ValidationError as problem:
        raise ValueError(f"drill: {_first(problem)[1]}") from None


def load_settings(path: str | os.PathLike[str] | None = None) -> Settings:
    """The settings in a TOML file, under the environment's TRACKSTART_CAMERA and TRACKSTART_PORT.

    Without a path: settings.toml in TRACKSTART_HOME, and the defaults if there is none.
    Raises ValueError, one line that names the key.
    """
    name = Path(path) if path is not None else home() / "settings.toml"
    try:
        given = tomllib.loads(name.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if path is not None:
            raise ValueError(f"{name}: no such file") from None
        given = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ValueError(f"{name}: {problem}") from None
    places = _from_environment(given)
    try:
        return Settings.model_validate(given)
    except ValidationError as problem:
        key, line = _first(problem)
        raise ValueError(f"{places.get(key, name)}: {line}") from None


def _first(problem: ValidationError) -> tuple[str, str]:
    """The first wrong key, and a line that names it and says what it needs."""
    first = problem.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    return key, f"{key}: {said}" if key else said


def _from_environment(given: dict[str, Any]) -> dict[str, str]:
    """Write what the environment says over given; returns which variable set which key."""
    places = {}
    camera, port = os.environ.get("TRACKSTART_CAMERA"), os.environ.get("TRACKSTART_PORT")
    if camera:
        source, _, path = camera.partition(":")
        given["camera"] = _section(given, "camera") | {"source": source}
        if path:
            given["camera"]["path"] = path
        places["camera.source"] = places["camera"] = "TRACKSTART_CAMERA"
    if port:
        given["web"] = _section(given, "web") | {"port": port}
        places["web.port"] = "TRACKSTART_PORT"
    return places


def _section(given: dict[str, Any], key: str) -> dict[str, Any]:
    section = given.get(key, {})
    if not isinstance(section, dict):
        raise ValueError(f"{key}: is a section, [{key}]")
    return section
