"""Who is at the track: the athlete, and those who pass behind or cross in front."""

import numpy as np

from pi.simulate import captured
from pi.simulate.body import Athlete
from pi.simulate.figure import dress
from pi.simulate.motion import (
    draw_motion,
    draw_scratch,
    draw_walk,
    draw_walk_away,
)
from pi.simulate.scene import Player

TYPICAL_S = {"supine": 0.245, "prone": 0.225, "plank": 0.205, "standing": 0.185}


def draw_athlete(random):
    """Somebody from the club: a child, a sprinter or a parent."""
    height = random.uniform(1.25, 1.95)
    grown = min(max((height - 1.25) / 0.5, 0.0), 1.0)
    return Athlete(
        height_m=height,
        stout=random.uniform(0.85, 1.25),
        loose=float(random.choice([0.0, 0.3, 1.0])),
        mss=random.uniform(4.8, 6.0) + grown * random.uniform(1.2, 3.8),
        tau=random.uniform(0.95, 1.3),
        tempo=random.uniform(0.88, 1.25),
        far_leads=bool(random.integers(2)),
    )


def draw_reaction(posture, athlete, random):
    """A believable time in s from the signal to the 10 mm; nobody has published any for these."""
    slow = 0.04 * min(max((1.55 - athlete.height_m) / 0.3, 0.0), 1.0)
    if posture not in TYPICAL_S:
        raise ValueError(f"posture must be one of {', '.join(TYPICAL_S)}, not {posture!r}")
    return float(np.clip(random.normal(TYPICAL_S[posture] + slow, 0.028), 0.13, 0.40))


BODIES = ("built-in", "captured", "auto")


def draw_ending(posture, athlete, ending, random, *, start_x=None, body="built-in"):
    """The motion of somebody who starts, or does something else instead.

    body : built-in | captured | auto, which is captured where motion capture is at hand. Only the
    run and the way up from the belly are recorded ones; other ways up are built in.
    """
    if body not in BODIES:
        raise ValueError(f"body must be one of {', '.join(BODIES)}, not {body!r}")
    if ending == "scratch":
        return draw_scratch(posture, athlete, random, start_x=start_x)
    if ending == "walk_away":
        return draw_walk_away(posture, athlete, random, start_x=start_x)
    folder = captured.find_captures() if body != "built-in" else None
    if body == "captured" and folder is None:
        raise ValueError("body: no motion capture here; TRACKSTART_MOTION may name its folder")
    rise = gait = None
    if folder is not None:
        runs = captured.gaits(folder)
        gait = runs[random.integers(len(runs))] if runs else None
        if posture == "prone":
            rise = captured.prone(folder, athlete, random)
    return draw_motion(posture, athlete, random, start_x=start_x, rise=rise, gait=gait)


def draw_others(conditions, view, around_s, random):
    """Passers-by behind the lane, some of whom set off just around scene time around_s.

    One stands and moves off, one walks by, one jogs by; then again. Somebody who crosses in front
    does so late, between camera and lane.
    """
    uniform = random.uniform
    others = []
    kinds = random.permutation(["stands", "walks", "jogs"])
    for kind in np.resize(kinds, conditions.passers_by):
        depth, speed = uniform(2.0, 6.0), uniform(2.4, 3.6) if kind == "jogs" else uniform(1.0, 1.7)
        at_s = around_s + {"stands": uniform(-0.3, 0.5), "walks": uniform(-1.0, 1.0)}.get(
            kind, uniform(-1.0, 2.0)
        )
        at_x = uniform(-1.0, 4.0 if kind == "stands" else 2.0)
        others.append(somebody(view, depth, speed, at_s, at_x, kind == "stands", random))
    if conditions.crossing:
        depth, speed, at_s = -uniform(1.5, 3.0), uniform(1.2, 1.7), around_s + uniform(2.6, 3.4)
        others.append(somebody(view, depth, speed, at_s, 2.5, False, random))
    return tuple(others)


def somebody(view, depth_m, speed, at_s, at_x, stands, random):
    """A passer-by who is at x = at_x at scene time at_s; `stands`: waits there until then."""
    person = draw_athlete(random)._replace(mss=1.0)
    heading = int(random.choice([-1, 1]))
    closer = view.distance_m / (view.distance_m + depth_m)
    figure = dress(person, view.px_per_m * closer, random)
    half = 0.5 * view.size[0] / view.px_per_m
    middle = half - view.behind_m
    run_up = 0.0 if stands else half / closer + 1.0 + abs(at_x - middle)
    lasts = (2 * half / closer + 3.0 + run_up) / speed + 1.0
    motion = draw_walk(person, speed, random, duration_s=lasts, from_rest=stands)
    return Player(figure, motion, at_s - run_up / speed, depth_m, heading, at_x - heading * run_up)
