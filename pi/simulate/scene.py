"""The track, its surroundings and the camera: what every picture of a start looks like.

A picture is a pure function of the scene and the time, noise included, so that a clip and a live
camera show the same. Scene time is seconds; the signal's place in it is the motion's business.
"""

from typing import NamedTuple

import cv2
import numpy as np

from pi.simulate.backdrop import in_camera, project
from pi.simulate.body import COLUMN, joints
from pi.simulate.figure import draw_limb
from pi.simulate.motion import channels_at
from pi.simulate.solid import draw_solid
from pi.simulate.truth import breadth
from pi.simulate.weather import GRID, blown, draw_weather, light, shaken

# ---------------------------------------------------------------------------------------------


class Player(NamedTuple):
    """Somebody in the picture: a figure, a motion and when it begins in scene time."""

    figure: object
    motion: object
    onset_s: float  # scene time; inf = never
    depth_m: float = 0.0
    heading: int = 1  # relative to the run
    shift_m: float = 0.0


class Scene:
    """A track with an athlete on it, seen by a camera; picture(time) draws it."""

    def __init__(self, view, conditions, backdrop, *, player=None, others=(), seed=0, around_s=2.0):
        self.view, self.conditions = view, conditions
        self.player, self.others = player, tuple(others)
        self.backdrop, self.seed = backdrop, seed
        random = np.random.default_rng([seed, 100])
        self.weather = draw_weather(conditions, view.size, view.px_per_m, around_s, random)
        self.empty = cv2.resize(backdrop.picture, view.size, interpolation=cv2.INTER_AREA)
        self._nervous = conditions.shake_px > 0 or conditions.bump_px > 0
        self._leaves = None
        if conditions.wind_px > 0:
            self._find_leaves()
        self._noise = np.empty((0, 0, 0), np.uint8)
        if conditions.noise > 0:
            self._draw_noise()

    def happens_around(self, time_s, random):
        """Sudden changes of light and knocks at the tripod come near this scene time."""
        again = draw_weather(self.conditions, (8, 8), self.view.px_per_m, time_s, random)
        self.weather = self.weather._replace(
            step_s=again.step_s, step=again.step, bump_s=again.bump_s
        )

    def _find_leaves(self):
        """Where the wind can move anything, and how much of it each pixel takes."""
        width, height = self.view.size
        share = cv2.resize(self.backdrop.leaves, (width, height), interpolation=cv2.INTER_AREA)
        rows = np.flatnonzero(share.max(1) > 5)
        if not len(rows):
            return
        self._wind_box = 0, int(rows[0]), width, int(rows[-1]) + 1
        y0, y1 = rows[0], rows[-1] + 1
        share = share[y0:y1] * (2 / 255)  # times two: looked up in the picture of twice the size
        self._leaves = np.dstack([share, share]).astype(np.float32)
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
        self._home = np.dstack([2 * x + 0.5, 2 * y + 0.5]).astype(np.float32)

    def _draw_noise(self):
        """Differences of two of these pictures are noise; they differ by row as the light does."""
        level = self.conditions.noise
        random = np.random.default_rng([self.seed, 101])
        width, height = self.view.size
        per_row = grain_sd(self.empty.mean(1), level).astype(np.float32)[:, None]
        wide = width + 512
        self._noise = np.empty((10, height, wide), np.uint8)
        for picture in self._noise:
            grain = random.standard_normal((height, wide), dtype=np.float32)
            grain *= per_row / np.sqrt(2)
            grain += 4 * level
            picture[:] = np.clip(np.rint(grain), 0, 255)
        self._grain = random.standard_normal((1024, 1024), dtype=np.float32)
        self._grain_sd = grain_sd(np.arange(256), level).astype(np.float32)

    def picture(self, time_s, out=None):
        """The picture exposed around time_s (middle of row 0's exposure): (h, w) uint8."""
        if out is None:
            out = np.empty(self.view.size[::-1], np.uint8)
        random = np.random.default_rng([self.seed, 7, round(time_s * 1e6) & 0xFFFFFFFF])
        self._draw_surroundings(out, time_s)
        athlete = self.player
        everybody = [*self.others] if athlete is None else [*self.others, athlete]
        if self.view.along:
            everybody.sort(key=lambda player: -in_camera(self.view, where(player, time_s))[2])
        else:
            everybody.sort(key=lambda player: -player.depth_m)
        if self.conditions.shadow:
            for player in everybody:
                self._draw_shadow(out, player, time_s)
        box = None
        for player in everybody:
            drawn = self._draw_player(out, player, time_s)
            box = drawn if player is athlete else box
        bright = light(self.weather, time_s)
        if bright != 1.0:
            cv2.LUT(
                out, np.clip(np.rint(np.arange(256) * bright), 0, 255).astype(np.uint8), dst=out
            )
        if self.weather.sky is not None:
            sky = self.weather.sky
            span = sky.shape[1] - out.shape[1]
            left = int(abs((self.weather.sky_px_s * time_s + 0.5 * span) % (2 * span) - span))
            cv2.multiply(out, sky[:, left : left + out.shape[1]], dst=out, scale=1 / 255)
        if len(self._noise):
            self._add_noise(out, box, random)
        return out

    def _draw_surroundings(self, out, time_s):
        top = bottom = np.zeros(2)
        if self._nervous:
            height = self.view.size[1]
            top, bottom = shaken(
                self.weather, [time_s, time_s + height * self.conditions.line_time_s]
            )
            slope = (bottom - top) / height
            back = np.array([[2.0, -2 * slope[0], 0.5 - 2 * top[0]],
                             [0.0, 2 - 2 * slope[1], 0.5 - 2 * top[1]]])  # fmt: skip
            cv2.warpAffine(
                self.backdrop.picture, back, self.view.size, dst=out,
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip
        else:
            np.copyto(out, self.empty)
        if self._leaves is not None:
            x0, y0, x1, y1 = self._wind_box
            moved = blown(self.weather, time_s, self._wind_box)
            maps = cv2.resize(moved, None, fx=GRID, fy=GRID, interpolation=cv2.INTER_LINEAR)
            maps = maps[: y1 - y0, : x1 - x0] * self._leaves
            maps += self._home
            if self._nervous:
                maps -= (2 * top).astype(np.float32)
            out[y0:y1] = cv2.remap(
                self.backdrop.picture, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )

    def _draw_shadow(self, out, player, time_s):
        """Darken the ground where a body keeps the sun off."""
        channels = channels_at(player.motion, [time_s - player.onset_s], [time_s])
        positions = placed(player, joints(channels, player.motion.athlete))[0]
        along, away = self.weather.sun
        stout = player.motion.athlete.stout
        circle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
        hulls = []
        for limb in player.figure.limbs:
            ring = []
            for joint, radius in zip((limb.a, limb.b), limb.radius_m, strict=True):
                x, y, z = positions[joint]
                ring += [
                    (
                        x + y * along + radius * np.cos(a),
                        0.0,
                        z + y * away + radius * stout * np.sin(a),
                    )
                    for a in circle
                ]
            hulls.append(ring)
        pixels = project(self.view, hulls) + shaken(self.weather, [time_s])
        width, height = self.view.size
        x0, y0 = np.maximum(np.floor(pixels.min((0, 1))).astype(int) - 8, 0)
        x1, y1 = np.minimum(np.ceil(pixels.max((0, 1))).astype(int) + 8, (width, height))
        y0 = max(y0, self.backdrop.horizon + 2)
        if x1 <= x0 or y1 <= y0:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        for hull in pixels:
            shape = cv2.convexHull(np.round((hull - (x0, y0)) * 16).astype(np.int32))
            cv2.fillConvexPoly(mask, shape, 255, cv2.LINE_AA, 4)
        mask = cv2.GaussianBlur(mask, (0, 0), 1.6)
        dark = cv2.LUT(
            mask, np.rint(255 - np.arange(256) * self.conditions.shadow).astype(np.uint8)
        )
        ground = out[y0:y1, x0:x1]
        ground[:] = cv2.multiply(ground, dark, scale=1 / 255)

    def _draw_player(self, out, player, time_s):
        """Draw one figure over the picture; returns its box (x0, y0, x1, y1) or None."""
        if self.view.along:
            shift = shaken(self.weather, [time_s])[0]
            return draw_solid(out, self.view, player, time_s, shift)
        seen = place_limbs(self.view, self.weather, player, time_s)
        if seen is None:
            return None
        ends, side, widths, box = seen
        x0, y0, x1, y1 = box
        canvas = out[y0:y1, x0:x1].astype(np.float32)
        corner = np.array([x0, y0], float)
        for limb, end, wide in zip(player.figure.limbs, ends, widths, strict=True):
            draw_limb(canvas, corner, limb, end, side, wide)
        np.rint(canvas, out=canvas)
        np.copyto(out[y0:y1, x0:x1], canvas, casting="unsafe")
        return box

    def _add_noise(self, out, box, random):
        width = self.view.size[0]
        first, second = random.choice(len(self._noise), 2, replace=False)
        left, right = random.integers(0, 512, 2)
        body = None
        if box is not None:  # the body's own light, not its row's
            x0, y0, x1, y1 = box
            high, long = y1 - y0, x1 - x0
            if high < 1024 and long < 1024:
                gy, gx = random.integers(0, 1024 - high), random.integers(0, 1024 - long)
                body = (
                    self._grain[gy : gy + high, gx : gx + long] * self._grain_sd[out[y0:y1, x0:x1]]
                )
                body += out[y0:y1, x0:x1]
        cv2.add(out, self._noise[first][:, left : left + width], dst=out)
        cv2.subtract(out, self._noise[second][:, right : right + width], dst=out)
        if body is not None:
            np.rint(body, out=body)
            np.clip(body, 0, 255, out=body)
            np.copyto(out[y0:y1, x0:x1], body, casting="unsafe")


def where(player, time_s):
    """Where somebody is, (3,) m, about."""
    x = channels_at(player.motion, [time_s - player.onset_s], [time_s])[0, COLUMN["x"]]
    return np.array([x + player.shift_m, 0.8, player.depth_m])


def grain_sd(grey, level):
    """SD of the noise at a grey level: a part of reading out and a part that grows with light."""
    return level * np.sqrt(0.33 + 0.67 * np.maximum(grey, 0) / 128)


def placed(player, positions):
    """A figure's joints where it stands in the scene. positions : (n, J, 3), changed."""
    if player.heading < 0:
        positions[:, :, 0] *= -1
    positions[:, :, 0] += player.shift_m
    positions[:, :, 2] += player.depth_m
    return positions


def place_limbs(view, weather, player, time_s):
    """Pixels of all limbs' ends at the moments at which their rows are exposed.

    Returns (list of (k, 2, 2) px, side ±1, widths in px per metre, box), None if out of sight.
    """
    width, height = view.size
    exposure, line_time = weather.conditions.exposure_s, weather.conditions.line_time_s
    reading = line_time * height
    if exposure + reading > 0:
        offsets = np.linspace(-0.5 * exposure, 0.5 * exposure + reading, 4 if reading else 2)
    else:
        offsets = np.zeros(1)
    times = time_s + offsets
    channels = channels_at(player.motion, times - player.onset_s, times)
    positions = placed(player, joints(channels, player.motion.athlete))
    pixels = project(view, positions) + shaken(weather, times)[:, None]
    if pixels[:, :, 0].max() < -60 or pixels[:, :, 0].min() > width + 60:
        return None
    turn, wider = breadth(player.figure, channels[:1], times[:1])
    scale = view.px_per_m * view.distance_m / (view.distance_m + positions[0, :, 2])
    crossed = np.ptp(pixels, axis=0).max(1) * exposure / max(exposure + reading, 1e-9)
    ends, widths = [], []
    for i, limb in enumerate(player.figure.limbs):
        pair = [limb.a, limb.b]
        widths.append(wider[0, i] * 0.5 * (scale[limb.a] + scale[limb.b]))
        if len(times) == 1:
            ends.append(pixels[:1, pair])
            continue
        count = int(min(1 + crossed[pair].max() // 0.7, 12))
        moment = ((np.arange(count) + 0.5) / count - 0.5) * exposure
        rows = np.clip(pixels[0, pair, 1], 0, height)
        ends.append(interpolated(offsets, pixels[:, pair], moment[:, None] + line_time * rows))
    span = np.concatenate([end.reshape(-1, 2) for end in ends])
    margin = 0.09 * player.motion.athlete.height_m * scale.max() + 6
    x0, y0 = np.maximum(np.floor(span.min(0) - margin).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(span.max(0) + margin).astype(int), (width, height))
    if x1 <= x0 or y1 <= y0:
        return None
    side = int(turn[0]) * view.direction * player.heading
    return ends, side, widths, (int(x0), int(y0), int(x1), int(y1))


def interpolated(knots, values, at):
    """Values between equally spaced knots.

    values : (m, 2, 2) px at the knots.    at : (k, 2) one time per end.    Returns (k, 2, 2).
    """
    step = knots[1] - knots[0]
    place = np.clip((at - knots[0]) / step, 0, len(knots) - 1 - 1e-9)
    low = place.astype(int)
    share = (place - low)[:, :, None]
    ends = np.arange(2)
    return values[low, ends] * (1 - share) + values[low + 1, ends] * share
