"""One simulated start as a recording, with the truth about it."""

from typing import Any, NamedTuple

import numpy as np

from pi.camera import Frames, count_dropped
from pi.simulate.backdrop import View, cones, draw_backdrop
from pi.simulate.body import Athlete
from pi.simulate.figure import dress
from pi.simulate.people import draw_athlete, draw_ending, draw_others, draw_reaction
from pi.simulate.scene import Player, Scene
from pi.simulate.truth import GATE_M, first_movement, what_happened
from pi.simulate.weather import Conditions

ENDINGS = ("start", "early", "false_start", "no_movement", "scratch", "walk_away")


class Clip(NamedTuple):
    """A recording and everything that is known about it."""

    frames: Frames
    signal_ns: int
    truth: dict[str, Any]
    cones: list[dict[str, Any]]  # [{"pixel": [u, v], "metres": m}, …]


def simulate_clip(
    posture: str,
    *,
    seed: int = 0,
    fps: float = 120.0,
    size: tuple[int, int] = (1280, 720),
    px_per_m: float | None = None,
    conditions: Conditions | None = None,
    athlete: Athlete | None = None,
    signal_s: float = 2.0,
    duration_s: float = 8.0,
    direction: int = 1,
    ending: str = "start",
    body: str = "built-in",
) -> Clip:
    """A start of which everything is known.

    posture : supine | prone | plank | standing.    px_per_m : None = 152 at a width of 1280 px.
    ending : start | early | false_start | no_movement | scratch | walk_away.
    body : built-in | captured | auto (captured where motion capture is at hand and fits).
    Frame i is exposed around i / fps, the signal comes at signal_s. The same arguments give the
    same clip, bit for bit.  Returns a Clip.
    """
    scene, onset_s = draw_scene(
        posture, seed=seed, size=size, px_per_m=px_per_m, conditions=conditions,
        athlete=athlete, signal_s=signal_s, direction=direction, ending=ending, body=body,
    )  # fmt: skip
    times_ns = np.round(np.arange(round(duration_s * fps)) * 1e9 / fps).astype(np.int64)
    lost = np.random.default_rng([seed, 6]).uniform(size=len(times_ns))
    times_ns = times_ns[lost >= scene.weather.conditions.dropped]
    luma = np.empty((len(times_ns), *size[::-1]), np.uint8)
    for picture, time_ns in zip(luma, times_ns, strict=True):
        scene.picture(time_ns * 1e-9, picture)
    conditions = scene.weather.conditions
    frames = Frames(
        luma, times_ns, conditions.line_time_s * 1e9, round(conditions.exposure_s * 1e9),
        count_dropped(times_ns),
    )  # fmt: skip
    truth = what_happened(
        scene.player.motion, scene.player.figure, onset_s, signal_s=signal_s, view=scene.view,
        ending=ending, until_s=duration_s - signal_s,
    )  # fmt: skip
    return Clip(frames, round(signal_s * 1e9), truth, cones(scene.view))


def draw_scene(
    posture, *, seed=0, size=(1280, 720), px_per_m=None, conditions=None, athlete=None,
    signal_s=2.0, direction=1, ending="start", body="built-in",
):  # fmt: skip
    """The scene of a clip, and the onset of movement in s after the signal (inf: none)."""
    if ending not in ENDINGS:
        raise ValueError(f"ending must be one of {', '.join(ENDINGS)}, not {ending!r}")
    conditions = Conditions() if conditions is None else conditions
    px_per_m = 152.0 * size[0] / 1280 if px_per_m is None else px_per_m
    view = View(tuple(size), px_per_m, direction=direction, yaw=np.radians(conditions.yaw_deg))
    who, moves, looks, place, rest = (np.random.default_rng([seed, k]) for k in range(1, 6))
    drawn = draw_athlete(who)
    athlete = drawn if athlete is None else athlete
    reaction = draw_reaction(posture, athlete, who)
    backdrop = draw_backdrop(view, place, smooth_ground=conditions.smooth_ground)
    motion = draw_ending(posture, athlete, ending, moves, body=body)
    ground = backdrop.track_grey if conditions.low_contrast else None
    figure = dress(athlete, px_per_m, looks, ground=ground)
    onset_s = draw_onset(motion, figure, ending, reaction, signal_s, view, who)
    others = draw_others(conditions, view, signal_s, rest)
    player = Player(figure, motion, signal_s + onset_s)
    scene = Scene(
        view, conditions, backdrop, player=player, others=others, seed=seed, around_s=signal_s
    )
    return scene, onset_s


def draw_onset(motion, figure, ending, reaction_s, signal_s, view, random):
    """When movement begins so that 10 mm are passed at the reaction time asked for."""
    if ending == "no_movement":
        return np.inf
    if ending == "scratch":
        return random.uniform(0.3, 1.2)
    if ending == "walk_away":
        return random.uniform(0.8, 1.8)
    wanted = {"early": random.uniform(0.03, 0.08), "false_start": -0.3}.get(ending, reaction_s)
    onset_s = wanted - 0.05
    for _ in range(3):  # the sway that the gate starts from is not the same everywhere
        found = first_movement(motion, figure, onset_s, signal_s, view)
        onset_s += wanted - found["passed"][GATE_M]
    return float(onset_s)
