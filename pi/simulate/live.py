"""The simulated track as a camera sees it now, in real time."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pi.camera import Camera
from pi.games import chaser_lane
from pi.simulate import lanes as side_by_side
from pi.simulate.backdrop import View, cones, draw_backdrop, draw_cone
from pi.simulate.body import Athlete
from pi.simulate.clip import ENDINGS
from pi.simulate.figure import dress
from pi.simulate.led import Led, LedScene, lit_between
from pi.simulate.motion import SETTLING_S, draw_fidgets, flinch
from pi.simulate.people import draw_athlete, draw_ending, draw_others, draw_reaction
from pi.simulate.scene import Player, Scene
from pi.simulate.truth import GATE_M, first_movement, what_happened
from pi.simulate.weather import Conditions


class _There(NamedTuple):
    """Somebody who has lined up, and what they will do."""

    player: Player
    ending: str
    delay_s: float  # from the signal to the onset of movement
    hears: int = 0  # which GO is theirs
    number: int = 0  # that is theirs where numbers are called
    tempted: str = ""  # what they do when another number was: goes, flinches, or nothing
    lane: int = 0


TEMPTED = {"": 0.7, "goes": 0.15, "flinches": 0.15}
"""How often one who was not called does what."""

DRAWN_ALONG_S = 0.06
"""How much later somebody goes whom those around have drawn along."""

FLINCH_S = 0.7
"""From beginning to rise until one lies still again."""


class SimulatedTrack:
    """A lane beside which a camera stands, empty until somebody lines up.

    lanes : of two or more the camera stands 4 m high beside them, and as many line up at once.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        size: tuple[int, int] = (1280, 720),
        px_per_m: float | None = None,
        direction: int = 1,
        conditions: Conditions | None = None,
        body: str = "auto",
        lanes: int = 1,
    ):
        self.conditions = Conditions() if conditions is None else conditions
        px_per_m = 152.0 * size[0] / 1280 if px_per_m is None else px_per_m
        yaw = np.radians(self.conditions.yaw_deg)
        self.view = View(tuple(size), px_per_m, direction=direction, yaw=yaw)
        if lanes > 1:
            self.view = side_by_side.lanes_view("raised", lanes, size)
        self.seed, self.body, self.lanes = seed, body, lanes
        random = np.random.default_rng([seed, 4])
        backdrop = draw_backdrop(
            self.view, random, smooth_ground=self.conditions.smooth_ground, lanes=lanes
        )
        self.scene = Scene(self.view, self.conditions, backdrop, seed=seed)
        self.zero_ns = time.monotonic_ns()  # of the scene's clock
        self._count = 0
        self._lined_up_s = 0.0
        self._there: list[_There] = []  # the nearest lane's first
        self._passing: tuple[Player, ...] = ()
        self._standing: list[Any] = []  # cones, as long as somebody sets up
        self._lock = threading.Lock()

    @property
    def cones(self) -> list[dict[str, Any]]:
        """Marks on the running line: [{"pixel": [u, v], "metres": m}, …]."""
        return cones(self.view)

    @property
    def calibration(self) -> dict[str, Any]:
        """What a calibration knows of this track: cones; and lens, level and lanes of several."""
        if self.lanes == 1:
            return {"cones": self.cones}
        return side_by_side.calibration(self.view, self.lanes)

    def scene_s(self, time_ns: int) -> float:
        """The scene's clock at an instant of the monotonic clock."""
        return (time_ns - self.zero_ns) * 1e-9

    def line_up(
        self,
        posture: str,
        seed: int | None = None,
        *,
        athlete: Athlete | None = None,
        lead_leg: str | Sequence[str] = "free",
        ending: str = "start",
        game: Mapping[str, Any] | None = None,
    ) -> None:
        """Somebody comes to the start, in every lane, fidgets for a moment and is still.

        lead_leg : left | right | free, the leg of the first step: of all, or lane by lane.
        athlete, ending : of the first lane's; the others start.   game : whose rules they play by,
        as a rep's drill has it.
        """
        if ending not in ENDINGS:
            raise ValueError(f"ending must be one of {', '.join(ENDINGS)}, not {ending!r}")
        self._count += 1
        game = game or {}
        legs = [lead_leg] * self.lanes if isinstance(lead_leg, str) else list(lead_leg)
        legs += ["free"] * (self.lanes - len(legs))
        lined_up_s = self.scene_s(time.monotonic_ns())
        still_s = lined_up_s + SETTLING_S
        there = []
        for lane in self._taken(game):
            own = [self.seed, self._count] if seed is None else [seed]
            own += [50 + lane] * (lane > 0)
            does, who = (ending, athlete) if lane == 0 else ("start", None)
            one = self._draw(posture, own, lane, who, legs[lane], does)
            there.append(self._readied(one, own, still_s, posture, game))
        rest = np.random.default_rng([self.seed, self._count, 5] if seed is None else [seed, 5])
        others = draw_others(self.conditions, self.view, still_s + 3.5, rest)
        with self._lock:
            self._lined_up_s, self._passing = lined_up_s, others
            self.scene.happens_around(still_s + 3.5, rest)
            self._stand(there)
            self._standing = []

    def _taken(self, game: Mapping[str, Any]) -> Sequence[int]:
        """The lanes in which somebody lines up."""
        if game.get("kind") == "chase" and self.lanes > 1:
            return (0, self.lanes - 1)
        return range(min(self.lanes, game.get("of", self.lanes)))

    def _readied(
        self, one: _There, own: list[int], still_s: float, posture: str, game: Mapping[str, Any]
    ) -> _There:
        """Whoever lines up, with when they are still, and what they will listen for."""
        motion: Any = one.player.motion
        onset_s = np.inf
        if one.ending == "false_start":
            onset_s = still_s + 1.0 + np.random.default_rng([*own, 9]).uniform(0.6, 2.2)
        player = one.player._replace(motion=motion._replace(still_from_s=still_s), onset_s=onset_s)
        one = one._replace(player=player)
        if game.get("kind") == "chase" and self.lanes > 1:
            chases = one.lane == chaser_lane(posture, self.lanes)
            return one._replace(hears=1 if chases else 0)
        if game.get("kind") == "number":
            drawn = np.random.default_rng([*own, 8]).choice(list(TEMPTED), p=list(TEMPTED.values()))
            return one._replace(number=one.lane + 1, tempted=str(drawn))
        return one

    def _draw(
        self, posture: str, own: list[int], lane: int, athlete: Athlete | None, lead_leg: str,
        ending: str,
    ) -> _There:  # fmt: skip
        """Who lines up in a lane, and when they will move after the signal."""
        depth_m = side_by_side.depth_of(self.view, lane, self.lanes)
        view = side_by_side.lane_view(self.view, depth_m) if lane else self.view
        who, moves, looks = (np.random.default_rng([*own, k]) for k in (1, 2, 3))
        drawn = draw_athlete(who)
        athlete = drawn if athlete is None else athlete
        if lead_leg != "free":
            near = "right" if self.view.direction > 0 else "left"
            athlete = athlete._replace(far_leads=lead_leg != near)
        reaction = draw_reaction(posture, athlete, who)
        motion = draw_ending(posture, athlete, ending, moves, body=self.body)
        ground = self.scene.backdrop.track_grey if self.conditions.low_contrast else None
        figure = dress(athlete, view.px_per_m, looks, ground=ground)
        delay = {
            "early": 0.005, "no_movement": np.inf, "scratch": who.uniform(0.3, 1.2),
            "walk_away": who.uniform(0.8, 1.8), "false_start": 0.0,
        }.get(ending)  # fmt: skip
        if delay is None:
            passed = first_movement(motion, figure, 0.0, 0.0, view)["passed"][GATE_M]
            delay = max(reaction - passed, 0.06)
        player = Player(figure, motion._replace(fidgets=draw_fidgets(moves)), np.inf, depth_m)
        return _There(player, ending, delay, lane=lane)

    def _stand(self, there: list[_There]) -> None:
        """Have the scene show them; one alone is its athlete."""
        self._there = there
        alone = there[0].player if self.lanes == 1 and there else None
        several = () if self.lanes == 1 else tuple(one.player for one in there)
        self.scene.others = self._passing + several
        self.scene.player = alone

    def hear(self, go_ns: Sequence[int], called: int | None = None) -> None:
        """The signal has sounded, perhaps again; whoever it was for reacts to it, once.

        called : the number that was, where one was.
        """
        with self._lock:
            there = []
            for one in self._there:
                waits = one.ending != "no_movement" and not np.isfinite(one.player.onset_s)
                heard = waits and len(go_ns) > one.hears
                go_s = self.scene_s(go_ns[one.hears]) if heard else 0.0
                if heard and go_s >= self._lined_up_s:
                    one = self._reacting(one, go_s, called)
                there.append(one)
            if any(one is not before for one, before in zip(there, self._there, strict=True)):
                self._stand(there)

    def _reacting(self, one: _There, go_s: float, called: int | None) -> _There:
        """Somebody who has heard their GO, with the onset of what they do."""
        delay_s, motion = one.delay_s, one.player.motion
        if one.number and one.number != called:
            if not one.tempted:
                return one._replace(ending="no_movement")
            delay_s += DRAWN_ALONG_S
            if one.tempted == "flinches":
                one = one._replace(ending="scratch")
                motion = flinch(motion, FLINCH_S)
        return one._replace(player=one.player._replace(onset_s=go_s + delay_s, motion=motion))

    def leave(self) -> None:
        """The lane is empty again."""
        with self._lock:
            self._stand([])
            self._standing = []

    def set_up(self) -> None:
        """The lane is empty but for cones on the running line, until somebody lines up."""
        with self._lock:
            self._stand([])
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

    def truth(self, go_ns: int, lane: int = 0) -> dict[str, Any] | None:
        """What happened in a lane, in s after the signal at go_ns; None where nobody lined up."""
        found = next((one for one in self._there if one.lane == lane), None)
        if found is None:
            return None
        player, ending = found.player, found.ending
        view = side_by_side.lane_view(self.view, player.depth_m) if lane else self.view
        go_s = self.scene_s(go_ns)
        return what_happened(
            player.motion, player.figure, player.onset_s - go_s, signal_s=go_s, view=view,
            ending=ending,
        )  # fmt: skip


class SimulatedCamera(Camera):
    """A camera beside a simulated track. What it cannot draw in time is a dropped frame.

    heard : function without arguments that answers with the ns of every GO so far and the number
    that was called, as `hear` takes them.   late_ns : by so much its time stamps are wrong. While
    `flashes` is set the box's LED is in its view.
    """

    def __init__(
        self,
        track: SimulatedTrack,
        *,
        heard: Callable[[], tuple[Sequence[int], int | None]] | None = None,
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
            if self.heard:
                self.track.hear(*self.heard())
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
