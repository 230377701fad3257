"""One simulated start as a recording with its truth."""

from typing import NamedTuple

import numpy as np

from pi.camera import Frames
from pi.simulate.body import Athlete
from pi.simulate.figure import dress
from pi.simulate.motion import draw_motion
from pi.simulate.backdrop import View, cones, draw_backdrop
from pi.simulate.scene import Player, Scene
from pi.simulate.weather import Conditions
from pi.simulate.truth import first_movement, what_happened

ENDINGS = ("start", "early", "false_start", "no_movement", "scratch", "walk_away")


class Clip(NamedTuple):
    frames: Frames
    signal_ns: int
    truth: dict
    cones: list  # [{"pixel": [u, v], "metres": m}]


def draw_athlete(random):
    """Somebody from the club: a child, a sprinter or a parent."""
    height = random.uniform(1.25, 1.95)
    grown = np.clip((height - 1.25) / 0.5, 0, 1)
    return Athlete(
        height_m=height,
        stout=random.uniform(0.85, 1.25),
        loose=random.choice([0.0, 0.3, 1.0]),
        mss=random.uniform(4.8, 6.0) + grown * random.uniform(1.2, 3.8),
        tau=random.uniform(0.95, 1.3),
        tempo=random.uniform(0.88, 1.25),
        far_leads=bool(random.integers(2)),
    )


def draw_reaction(posture, athlete, random):
    """A believable reaction time in s; nobody has published any for these postures."""
    slow = 0.04 * np.clip((1.55 - athlete.height_m) / 0.3, 0, 1)
    typical = {"standing": 0.185, "plank": 0.205, "prone": 0.225, "supine": 0.245}[posture]
    return float(np.clip(random.normal(typical + slow, 0.028), 0.13, 0.40))


def simulate_clip(
    posture, *, seed=0, fps=120.0, size=(1280, 720), px_per_m=None, conditions=None,
    athlete=None, signal_s=2.0, duration_s=8.0, direction=1, ending="start",
):  # fmt: skip
    """A start of which everything is known.

    posture : supine | prone | plank | standing.    px_per_m : None = 152 at a width of 1280 px.
    ending : start | early | false_start | no_movement | scratch | walk_away.
    Frame i is exposed around i / fps; the signal comes at signal_s.  Returns a Clip.
    """
    scene, onset_s = draw_scene(
        posture, seed=seed, size=size, px_per_m=px_per_m, conditions=conditions,
        athlete=athlete, signal_s=signal_s, direction=direction, ending=ending,
    )  # fmt: skip
    count = int(round(duration_s * fps))
    width, height = size
    luma = np.empty((count, height, width), np.uint8)
    times_ns = np.round(np.arange(count) * 1e9 / fps).astype(np.int64)
    for i in range(count):
        scene.picture(times_ns[i] * 1e-9, luma[i])
    frames = Frames(
        luma, times_ns, scene.conditions.line_time_s * 1e9, int(scene.conditions.exposure_s * 1e9)
    )
    truth = what_happened(
        scene.player.motion, scene.player.figure, onset_s, signal_s=signal_s, view=scene.view,
        ending=ending, until_s=duration_s - signal_s,
    )  # fmt: skip
    return Clip(frames, int(round(signal_s * 1e9)), truth, cones(scene.view))


def draw_scene(
    posture, *, seed, size, px_per_m, conditions, athlete, signal_s, direction, ending
):  # fmt: skip
    """The scene of a clip, and the onset of movement in s after the signal (inf: none)."""
    if ending not in ENDINGS:
        raise ValueError(f"ending must be one of {', '.join(ENDINGS)}, not {ending!r}")
    conditions = Conditions() if conditions is None else conditions
    px_per_m = 152.0 * size[0] / 1280 if px_per_m is None else px_per_m
    view = View(tuple(size), px_per_m, direction=direction, yaw=np.radians(conditions.yaw_deg))
    who, moves, looks, place = (np.random.default_rng([seed, k]) for k in (1, 2, 3, 4))
    drawn = draw_athlete(who)
    athlete = drawn if athlete is None else athlete
    reaction = draw_reaction(posture, athlete, who)
    reaction = {"early": who.uniform(0.03, 0.08), "false_start": -0.3}.get(ending, reaction)
    backdrop = draw_backdrop(view, place, smooth_ground=conditions.smooth_ground)
    motion = draw_motion(posture, athlete, moves)
    ground = backdrop.track_grey if conditions.low_contrast else None
    figure = dress(athlete, px_per_m, looks, ground=ground)
    onset_s = np.inf
    if ending != "no_movement":
        found = first_movement(motion, figure, reaction, signal_s)
        onset_s = 2 * reaction - found["passed"][0.010]
    player = Player(figure, motion, signal_s + onset_s)
    return Scene(view, conditions, player, backdrop, seed=seed), float(onset_s)
