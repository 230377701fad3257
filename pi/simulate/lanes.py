"""Several who start at once, each in a lane: one behind the other, or side by side."""

from typing import Any, NamedTuple

import cv2
import numpy as np

from pi.camera import Frames
from pi.simulate import solid
from pi.simulate.backdrop import LANE_M, View, cones, draw_backdrop, project
from pi.simulate.clip import draw_onset
from pi.simulate.figure import dress
from pi.simulate.people import draw_athlete, draw_ending, draw_reaction
from pi.simulate.scene import Player, Scene
from pi.simulate.truth import GATE_M, what_happened
from pi.simulate.weather import Conditions

VIEWS = ("beside", "raised", "behind", "ahead")
"""Where the camera stands: beside the lanes at 1.6 m, beside and 4 m high, or along them."""


class LanesClip(NamedTuple):
    """A recording of several starts and everything that is known about them."""

    frames: Frames
    signal_ns: int
    truths: list[dict[str, Any]]  # one a lane, as `truth.what_happened`; nearest lane first
    calibration: dict[str, Any]  # as a cones file has it, with "lanes"


def lanes_view(view, count, size=(1280, 720)):
    """The camera of one of VIEWS, for so many lanes."""
    width = size[0]
    if view == "beside":
        return View(tuple(size), 0.11875 * width, camera_height_m=1.6, pitch=np.radians(3.0))
    if view == "raised":
        return View(
            tuple(size), 0.1045 * width, distance_m=11.0, camera_height_m=4.0,
            behind_m=1.9, pitch=np.radians(16.0),
        )  # fmt: skip
    if view not in VIEWS:
        raise ValueError(f"view must be one of {', '.join(VIEWS)}, not {view!r}")
    far = 7.5 if view == "behind" else 13.0
    px_per_m = min(0.80 * width / (count * LANE_M), 0.17 * width)
    if view == "ahead":
        px_per_m = min(px_per_m, 0.15 * width)
    turn = 1 if view == "behind" else -1
    return View(
        tuple(size), px_per_m, distance_m=far, camera_height_m=2.6,
        behind_m=0.5 * width / px_per_m, yaw=turn * 0.5 * np.pi,
        pitch=np.arctan2(1.7, far),
    )  # fmt: skip


def simulate_lanes(
    postures,
    *,
    view: str = "beside",
    seed: int = 0,
    fps: float = 120.0,
    size: tuple[int, int] = (1280, 720),
    conditions: Conditions | None = None,
    signal_s: float = 2.0,
    duration_s: float = 6.0,
    endings=None,
    reactions_s=None,
    apart_m: float = 0.0,
    later_s=None,
    body: str = "built-in",
) -> LanesClip:
    """Starts beside one another of which everything is known.

    postures, endings : one a lane, from the nearest to the camera, or from the left for a camera
    along the lanes.    view : beside | raised | behind | ahead.    reactions_s : s, None = drawn.
    apart_m : how much farther on each lane's athlete starts than the one before (a staggered
    start).    later_s : s, how much after the signal each lane's own comes; reactions and truths
    count from that one.    A lane whose posture is None is empty.
    """
    count = len(postures)
    sees = lanes_view(view, count, size)
    endings = ["start"] * count if endings is None else list(endings)
    reactions_s = [None] * count if reactions_s is None else list(reactions_s)
    own_s = [signal_s + later for later in later_s or [0.0] * count]
    conditions = Conditions() if conditions is None else conditions
    place = np.random.default_rng([seed, 3])
    backdrop = draw_backdrop(
        sees, place, smooth_ground=conditions.smooth_ground, lanes=count,
        aside_m=0.5 * LANE_M * (sees.along and count % 2 == 0),
    )  # fmt: skip
    players: list[Player | None] = []
    for k, (posture, ending, reaction) in enumerate(
        zip(postures, endings, reactions_s, strict=True)
    ):
        if posture is None:
            players.append(None)
            continue
        who, moves, looks = (np.random.default_rng([seed, 50 + k, j]) for j in (1, 2, 4))
        athlete = draw_athlete(who)
        drawn = draw_reaction(posture, athlete, who)
        own = lane_view(sees, depth_of(sees, k, count))
        start_x = who.uniform(-0.25, 0.0) + k * apart_m
        motion = draw_ending(posture, athlete, ending, moves, start_x=start_x, body=body)
        ground = backdrop.track_grey if conditions.low_contrast else None
        near = sees.focal_px / sees.distance_m if sees.along else own.px_per_m
        figure = dress(athlete, near, looks, ground=ground)
        wanted = drawn if reaction is None else reaction
        player = Player(figure, motion, np.inf, depth_of(sees, k, count))
        onset_s = _onset(player, ending, wanted, own_s[k], sees, own, who)
        players.append(player._replace(onset_s=own_s[k] + onset_s))
    there = [player for player in players if player is not None]
    scene = Scene(sees, conditions, backdrop, others=there, seed=seed, around_s=signal_s)
    times_ns = np.round(np.arange(round(duration_s * fps)) * 1e9 / fps).astype(np.int64)
    luma = np.empty((len(times_ns), *size[::-1]), np.uint8)
    for picture, time_ns in zip(luma, times_ns, strict=True):
        scene.picture(time_ns * 1e-9, picture)
    frames = Frames(luma, times_ns, 0.0, round(conditions.exposure_s * 1e9), 0)
    truths = [_truth(players, k, sees, own_s[k], endings[k], duration_s) for k in range(count)]
    return LanesClip(frames, round(signal_s * 1e9), truths, calibration(sees, count))


def depth_of(view, lane, count):
    """m, where a lane lies: behind the nearest, or to the right of the leftmost."""
    if not view.along:
        return lane * LANE_M
    from_left = (lane - 0.5 * (count - 1)) * LANE_M
    return float(-np.sign(np.sin(view.yaw)) * from_left)


def lane_view(view, depth_m):
    """The same camera beside the lanes, told with another lane for its running line."""
    middle = 0.5 * view.size[0] / view.px_per_m - view.behind_m
    distance = view.distance_m + depth_m
    px_per_m = view.focal_px / distance
    return view._replace(
        px_per_m=px_per_m, distance_m=distance, behind_m=0.5 * view.size[0] / px_per_m - middle
    )


def _onset(player, ending, wanted, signal_s, sees, own, random):
    """When movement begins so that its visible 10 mm are passed when they should be."""
    if not sees.along:
        return draw_onset(player.motion, player.figure, ending, wanted, signal_s, own, random)
    if ending == "no_movement":
        return np.inf
    if ending in ("scratch", "walk_away"):
        return random.uniform(0.4, 1.2)
    wanted = {"early": 0.06, "false_start": -0.3}.get(ending, wanted)
    onset_s = wanted - 0.05
    for _ in range(3):
        found = solid.first_seen(sees, player._replace(onset_s=signal_s + onset_s), signal_s)
        onset_s += wanted - found[0][1]
    return float(onset_s)


def _truth(players, lane, sees, signal_s, ending, duration_s):
    """What happened in a lane, and what share of the body others hide at the instants told.

    For a camera along the lanes the first movement is the visible one: what of a displacement
    lies across the line of sight, at the athlete's depth.
    """
    player = players[lane]
    if player is None:
        return {"status": "no_movement", "reaction_s": None, "splits": [], "hidden": {}}
    own = View(px_per_m=60.0) if sees.along else lane_view(sees, player.depth_m)
    truth = what_happened(
        player.motion, player.figure, player.onset_s - signal_s, signal_s=signal_s, view=own,
        ending=ending, until_s=duration_s - signal_s,
    )  # fmt: skip
    instants = {"rest": 0.0}
    if truth["reaction_s"] is not None:
        if sees.along:
            passed, speed, sway = solid.first_seen(sees, player, signal_s)
            moved = float(passed[1])
            truth |= {
                "reaction_s": moved, "reaction_speed_m_s": speed, "sway_m": sway,
                "reaction_span_s": dict(zip(("5mm", "10mm", "20mm"), passed, strict=True)),
                "status": "false_start" if moved < 0 else "early" if moved < 0.1 else "measured",
                "displacement": None,
            }  # fmt: skip
        instants["first movement"] = truth["reaction_s"]
        instants |= {f"{split['metres']:g} m": split["from_signal_s"] for split in truth["splits"]}
    others = [other for other in players if other is not None and other is not player]
    truth["hidden"] = {
        name: hidden_share(sees, player, others, signal_s + at) for name, at in instants.items()
    }
    truth["gate_m"] = GATE_M
    return truth


def hidden_share(view, player, others, time_s):
    """Share of a body's picture that is behind somebody nearer to the camera."""
    own = solid.shape(view, player, time_s)
    if not own.any():
        return None
    cover = np.zeros(own.shape, bool)
    if not view.along:
        for other in others:
            if other.depth_m < player.depth_m:
                cover |= solid.shape(view, other, time_s)
    return float((own & cover).sum() / own.sum())


def calibration(view, count):
    """The cones file of such a view: cones on the first lane, the lens, and all the lanes.

    A region is where a lane's athlete is seen from feet to head around the start, or as far as a
    camera beside the lane sees. Its lower edge is on the ground: along the lane's near line, or,
    for a camera along the lanes, across the lane.
    """
    lanes = []
    for k in range(count):
        depth = depth_of(view, k, count)
        half = 0.5 * LANE_M
        if view.along:
            front = 1.5 if view.yaw > 0 else 3.0
            box = [
                (x, y, depth + z) for x in (-1.9, front) for y in (0.0, 1.9) for z in (-half, half)
            ]
            region = cv2.convexHull(project(view, box).astype(np.float32))[:, 0]
        else:
            own = lane_view(view, depth)
            middle = 0.5 * view.size[0] / view.px_per_m - view.behind_m
            far = middle + 0.5 * view.size[0] / own.px_per_m
            near = depth - 0.5 * LANE_M
            region = project(view, [
                (-2.2, 0.0, near), (far, 0.0, near), (far, 2.05, depth), (-2.2, 2.05, depth),
            ])  # fmt: skip
        corner = np.array(view.size) - 1.0
        region = np.clip(region, 0.0, corner)
        lanes.append({"name": str(k + 1), "region": [[round(float(u), 1), round(float(v), 1)]
                                                     for u, v in region]})  # fmt: skip
    centre = [(view.size[0] - 1) / 2, (view.size[1] - 1) / 2]
    return {
        "cones": [] if view.along else cones(view),
        "lens": {"focal_px": view.focal_px, "centre": centre},
        "roll_deg": 0.0,
        "pitch_deg": round(float(np.degrees(view.pitch)), 4),
        "lanes": lanes,
    }
