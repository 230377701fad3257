"""The simulated track as a camera sees it now, in real time."""

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pi.camera import Camera
from pi.simulate.backdrop import View, cones, draw_backdrop, draw_cone
from pi.simulate.body import Athlete
from pi.simulate.clip import ENDINGS
from pi.simulate.figure import dress
from pi.simulate.led import Led, LedScene, lit_between
from pi.simulate.motion import SETTLING_S, draw_fidgets
from pi.simulate.people import draw_athlete, draw_ending, draw_others, draw_reaction
from pi.simulate.scene import Player, Scene
from pi.simulate.truth import GATE_M, first_movement, what_happened
from pi.simulate.weather import Conditions


class SimulatedTrack:
    """A lane beside which a camera stands, empty until somebody lines up."""

    def __init__(
        self,
        *,
        seed: int = 0,
        size: tuple[int, int] = (1280, 720),
        px_per_m: float | None = None,
        direction: int = 1,
        conditions: Conditions | None = None,
        body: str = "auto",
    ):
        self.conditions = Conditions() if conditions is None else conditions
        px_per_m = 152.0 * size[0] / 1280 if px_per_m is None else px_per_m
        yaw = np.radians(self.conditions.yaw_deg)
        self.view = View(tuple(size), px_per_m, direction=direction, yaw=yaw)
        self.seed, self.body = seed, body
        random = np.random.default_rng([seed, 4])
        backdrop = draw_backdrop(self.view, random, smooth_ground=self.conditions.smooth_ground)
        self.scene = Scene(self.view, self.conditions, backdrop, seed=seed)
        self.zero_ns = time.monotonic_ns()  # of the scene's clock
        self._count = 0
        self._lined_up_s = 0.0
        self._ending = "no_movement"
        self._delay_s = 0.0  # from the signal to the onset of movement
        self._standing: list[Any] = []  # cones, as long as somebody sets up
        self._lock = threading.Lock()

    @property
    def cones(self) -> list[dict[str, Any]]:
        """Marks on the running line: [{"pixel": [u, v], "metres": m}, …]."""
        return cones(self.view)

    def scene_s(self, time_ns: int) -> float:
        """The scene's clock at an instant of the monotonic clock."""
        return (time_ns - self.zero_ns) * 1e-9

    def line_up(
        self,
        posture: str,
        seed: int | None = None,
        *,
        athlete: Athlete | None = None,
        lead_leg: str = "free",
        ending: str = "start",
    ) -> None:
        """Somebody comes to the start, fidgets for a moment and is still.

        lead_leg : left | right | free, the leg of the first step.
        """
        if ending not in ENDINGS:
            raise ValueError(f"ending must be one of {', '.join(ENDINGS)}, not {ending!r}")
        self._count += 1
        own = [self.seed, self._count] if seed is None else [seed]
        who, moves, looks, rest = (np.random.default_rng([*own, k]) for k in (1, 2, 3, 5))
        drawn = draw_athlete(who)
        athlete = drawn if athlete is None else athlete
        if lead_leg != "free":
            near = "right" if self.view.direction > 0 else "left"
            athlete = athlete._replace(far_leads=lead_leg != near)
        reaction = draw_reaction(posture, athlete, who)
        motion = draw_ending(posture, athlete, ending, moves, body=self.body)
        ground = self.scene.backdrop.track_grey if self.conditions.low_contrast else None
        figure = dress(athlete, self.view.px_per_m, looks, ground=ground)
        delay = {
            "early": 0.005, "no_movement": np.inf, "scratch": who.uniform(0.3, 1.2),
            "walk_away": who.uniform(0.8, 1.8), "false_start": 0.0,
        }.get(ending)  # fmt: skip
        if delay is None:
            passed = first_movement(motion, figure, 0.0, 0.0, self.view)["passed"][GATE_M]
            delay = max(reaction - passed, 0.06)
        lined_up_s = self.scene_s(time.monotonic_ns())
        still_s = lined_up_s + SETTLING_S
        motion = motion._replace(fidgets=draw_fidgets(moves), still_from_s=still_s)
        onset_s = np.inf
        if ending == "false_start":
            onset_s = still_s + 1.0 + who.uniform(0.6, 2.2)
        others = draw_others(self.conditions, self.view, still_s + 3.5, rest)
        with self._lock:
            self._lined_up_s, self._ending, self._delay_s = lined_up_s, ending, delay
            self.scene.happens_around(still_s + 3.5, rest)
            self.scene.others = others
            self.scene.player = Player(figure, motion, onset_s)
            self._standing = []

    def hear(self, go_ns: int) -> None:
        """The signal sounds; whoever is at the start reacts to it, once."""
        with self._lock:
            player = self.scene.player
            go_s = self.scene_s(go_ns)
            if player is None or np.isfinite(player.onset_s) or go_s < self._lined_up_s:
                return
            self.scene.player = player._replace(onset_s=go_s + self._delay_s)

    def leave(self) -> None:
        """The lane is empty again."""
        with self._lock:
            self.scene.player = None
            self._standing = []

    def set_up(self) -> None:
        """The lane is empty but for cones on the running line, until somebody lines up."""
        with self._lock:
            self.scene.player = None
            self._standing = self._standing or [
                draw_cone(self.view, cone["metres"]) for cone in self.cones
            ]

    def picture(self, time_ns: int, out: np.ndarray | None = None) -> np.ndarray:
        """What a camera sees whose row 0 is exposed around time_ns: (h, w) uint8."""
        seen = self.scene.picture(self.scene_s(time_ns), out)
        for (rows, columns), cover, grey in self._standing:
            under = seen[rows, columns]
            under[:] = np.rint(under + cover * (grey - under))
        return seen

    def truth(self, go_ns: int) -> dict[str, Any] | None:
        """What happened, in s after the signal at go_ns; None while nobody has lined up."""
        player = self.scene.player
        if player is None:
            return None
        go_s = self.scene_s(go_ns)
        return what_happened(
            player.motion, player.figure, player.onset_s - go_s, signal_s=go_s, view=self.view,
            ending=self._ending,
        )  # fmt: skip


class SimulatedCamera(Camera):
    """A camera beside a simulated track. What it cannot draw in time is a dropped frame.

    heard : function without arguments that answers with the GO's ns, or None before it.   late_ns :
    by so much its time stamps are wrong. While `flashes` is set the box's LED is in its view.
    """

    def __init__(
        self,
        track: SimulatedTrack,
        *,
        heard: Callable[[], int | None] | None = None,
        fps: float = 120.0,
        late_ns: int = 0,
        ring_seconds: float = 12.0,
        ring_bytes: int | None = None,
    ):
        super().__init__(
            "simulated", track.view.size, fps, ring_seconds=ring_seconds, ring_bytes=ring_bytes
        )
        self.track = track
        self.heard = heard
        self.late_ns = late_ns
        self.line_time_ns = track.conditions.line_time_s * 1e9
        self.exposure_ns = round(track.conditions.exposure_s * 1e9)
        self._usual_ns = self.exposure_ns
        self._led = Led(LedScene(), np.random.default_rng([track.seed, 7]))
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def expose(self, exposure_us: int | None) -> bool:
        self.exposure_ns = self._usual_ns if exposure_us is None else exposure_us * 1000
        return True

    def start(self) -> None:
        self.stop()
        super().start()
        self._end.clear()
        self._thread = threading.Thread(target=self._draw, name="simulated camera", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        super().stop()
        self._end.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def _draw(self) -> None:
        period_ns = 1e9 / self.fps
        lost = np.random.default_rng([self.track.seed, 6])
        first_ns = time.monotonic_ns()
        tick = 1
        while True:
            time_ns = first_ns + round(tick * period_ns)
            # a picture is there when its exposure and its reading out are over
            ready_ns = time_ns + self.exposure_ns // 2 + self.line_time_ns * self.size[1]
            if self._end.wait(max(0.0, (ready_ns - time.monotonic_ns()) * 1e-9)):
                return
            go_ns = self.heard() if self.heard else None
            if go_ns is not None:
                self.track.hear(go_ns)
            picture = self.track.picture(time_ns, self.ring.slot())
            if self.flashes:
                self._shine(picture, time_ns, self.flashes)
            if lost.uniform() >= self.track.conditions.dropped:
                self.ring.keep(time_ns + self.late_ns)
            late = (time.monotonic_ns() - first_ns) / period_ns
            tick = max(tick + 1, int(late))  # what is over by now was not seen

    def _shine(self, picture: np.ndarray, time_ns: int, flashes: list[int]) -> None:
        """Draw the box's LED over a corner of the picture, as its edges say."""
        edges = np.array(flashes + [2**62] * (len(flashes) % 2)).reshape(-1, 2)
        width, height = self._led.scene.size
        part = picture[self._led.scene.top :, :][:height, :width]
        row = self._led.scene.top + np.arange(len(part))
        begin = time_ns + row * self.line_time_ns - self.exposure_ns / 2
        lit = lit_between(edges[:, 0], edges[:, 1], begin, begin + self.exposure_ns)
        part[:] = self._led.over(part, lit / self.exposure_ns)
