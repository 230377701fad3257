"""The rep as one picture, and as outlines to play back. Shows what was measured; decides nothing.

A chronophotograph in Marey's way: the athlete's silhouettes at regular instants over the empty
track. Silhouettes only: nobody's face leaves the recording.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from .calibration import RunningLine
from .observations import Observations
from .vision import middle_of

EVERY_S = 0.2
COARSE = 80  # px, the width of a picture in which somebody may still lie
INK = (30, 30, 30)
PAPER = (255, 255, 255)
MOVED = (0, 94, 213)  # Okabe & Ito's vermillion, as blue, green, red
EARLY = (178, 114, 0)  # blue
LATE = (115, 158, 0)  # bluish green
FONT = cv2.FONT_HERSHEY_SIMPLEX


def empty_track(luma: np.ndarray, time: np.ndarray, left_s: float) -> np.ndarray:
    """The lane at full size: the median of a few pictures after the athlete has left the resting
    place.

    luma : (n, h, w) uint8.   left_s : NaN when nobody left a place: then somebody may still lie in
    it, and the lane is as coarse as a hand is wide, so that nobody is known by the face.   Returns
    (h, w) uint8.
    """
    after = np.flatnonzero(time > left_s + 1.0) if np.isfinite(left_s) else np.arange(len(time))
    if len(after) < 5:
        after = np.arange(len(time))
    picked = after[np.unique(np.linspace(0, len(after) - 1, 7).astype(int))]
    track = middle_of(luma[picked])
    if np.isfinite(left_s) and len(after) < len(time):
        return track
    height, width = track.shape
    coarse = cv2.resize(
        track, (COARSE, max(1, round(COARSE * height / width))), interpolation=cv2.INTER_AREA
    )
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def instants(seen: Observations, moved_s: float | None) -> list[int]:
    """Which silhouettes to show: first movement, then every 0.2 s while the athlete is in view."""
    time = seen.look_time
    there = np.flatnonzero(seen.silhouettes.any(axis=(1, 2)))
    if len(there) == 0:
        return []
    begin = moved_s if moved_s is not None else max(0.0, float(time[there[0]]))
    end = float(time[there[-1]])
    wanted = np.arange(begin, end, EVERY_S) if end > begin else np.array([begin])
    chosen = [int(np.argmin(np.abs(time - t))) for t in wanted]
    return [i for i in dict.fromkeys(chosen) if seen.silhouettes[i].any()]


def chronophotograph(
    track: np.ndarray, seen: Observations, result: dict[str, Any], line: RunningLine | None
) -> np.ndarray:
    """The picture, (h + strip, w, 3) uint8 in blue, green, red.

    track : (h, w) uint8, the empty lane.   Above, silhouettes from blue (early) to green (late),
    the first movement in vermillion, gates as upright lines; below, speed over the same columns.
    """
    width = track.shape[1]
    size = max(width / 1280, 0.4)
    # paled, and smoothed as far as nobody misses: texture is what makes the file large
    paled = cv2.addWeighted(track, 0.55, np.full_like(track, 255), 0.45, 0)
    paled = cv2.bilateralFilter(paled, 7, 18, 3) & 0xFC
    canvas = cv2.cvtColor(paled, cv2.COLOR_GRAY2BGR)
    moved_s = result["reaction_s"]["value"]
    if moved_s is not None:
        moved_s += result["signal"]["sound_delay_s"]
    shown = instants(seen, moved_s)
    for order, i in enumerate(shown):
        share = order / max(len(shown) - 1, 1)
        colour = np.array(EARLY) * (1 - share) + np.array(LATE) * share
        if order == 0 and moved_s is not None:
            colour = np.array(MOVED, float)
        _lay(canvas, seen.silhouettes[i], seen.factor, colour, 0.72)
    if line is not None:
        for split in result["splits"]:
            _gate(canvas, line, split, size)
    if moved_s is not None:
        there = np.argwhere(seen.silhouettes[shown[0]])
        if len(there):
            x = int(there[:, 1].min() * seen.factor)
            y = int(min((there[:, 0].max() + 1) * seen.factor + 34 * size, track.shape[0] - 8))
            words = f"first movement {result['reaction_s']['value']:.3f} s"
            _write(canvas, words, (max(4, x), y), 0.7 * size, MOVED)
    strip = _speed_strip(width, int(150 * size), result, line, size)
    return canvas if strip is None else np.vstack([canvas, strip])


def png(picture: np.ndarray) -> bytes:
    """The picture as a PNG file."""
    done, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise ValueError("picture: could not be written as PNG")
    return data.tobytes()


def _lay(
    canvas: np.ndarray, mask: np.ndarray, factor: int, colour: np.ndarray, depth: float
) -> None:
    """Lay one silhouette over the canvas with soft edges and a light rim."""
    x, y, w, h = cv2.boundingRect(mask)
    x, y = max(0, x - 2), max(0, y - 2)
    piece = mask[y : y + h + 4, x : x + w + 4].astype(np.float32)
    big = cv2.resize(piece, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    top, left = y * factor, x * factor
    big = big[: canvas.shape[0] - top, : canvas.shape[1] - left]
    alpha = np.clip((cv2.GaussianBlur(big, (0, 0), factor * 0.5) - 0.35) / 0.3, 0, 1)
    rim = np.clip(cv2.dilate(alpha, np.ones((3, 3))) - alpha, 0, 1)[..., None]
    part = canvas[top : top + big.shape[0], left : left + big.shape[1]]
    mixed = part * (1 - depth * alpha[..., None]) + colour * (depth * alpha[..., None])
    part[:] = mixed * (1 - rim) + 255 * rim


def _gate(canvas: np.ndarray, line: RunningLine, split: dict[str, Any], size: float) -> None:
    height, width = canvas.shape[:2]
    column = float(line.column(split["metres"]))
    if not 0 < column < width - 1:
        return
    ground = float(line.row(column))
    top = ground - 2.15 * line.px_per_m(split["metres"])
    x = round(column)
    cv2.line(
        canvas,
        (x, round(max(0, top))),
        (x, round(min(height - 1, ground))),
        INK,
        max(1, round(2 * size)),
        cv2.LINE_AA,
    )
    words = f"{split['metres']:g} m"
    if split["from_signal_s"] is not None:
        words += f"  {split['from_signal_s']:.2f} s"
    room = cv2.getTextSize(words, FONT, 0.7 * size, 1)[0][0]
    _write(
        canvas,
        words,
        (min(x + 6, width - room - 4), round(max(24 * size, top + 4))),
        0.7 * size,
        INK,
    )


def _write(
    canvas: np.ndarray, words: str, place: tuple[int, int], size: float, ink: tuple[int, int, int]
) -> None:
    """Words with a light rim: the words again, shifted, as thicker letters would be wider ones."""
    wide = max(1, round(1.5 * size))
    for dx, dy in ((-2, 0), (2, 0), (0, -2), (0, 2), (-1, -1), (1, 1), (-1, 1), (1, -1)):
        at = (place[0] + dx, place[1] + dy)
        cv2.putText(canvas, words, at, FONT, size, PAPER, wide, cv2.LINE_AA)
    cv2.putText(canvas, words, place, FONT, size, ink, wide, cv2.LINE_AA)


def _speed_strip(
    width: int, height: int, result: dict[str, Any], line: RunningLine | None, size: float
) -> np.ndarray | None:
    """Speed of the torso centre over the same columns as the picture above; None without a
    track."""
    if line is None or len(result["track"]["time_s"]) < 2:
        return None
    strip = np.full((height, width, 3), 255, np.uint8)
    time = np.array(result["track"]["time_s"], float)
    after = time >= (result["reaction_s"]["value"] or 0.0)
    speed = np.array(result["track"]["speed_m_s"], float)[after]
    columns = line.column(np.array(result["track"]["x_m"], float)[after])
    if len(speed) < 2:
        return None
    full = max(2.0, 2.0 * np.ceil(speed.max() / 2.0))
    margin = 0.14 * height
    rows = height - margin - np.clip(speed, 0, full) / full * (height - 2 * margin)
    for level in np.arange(0, full + 0.1, 2.0):
        y = round(height - margin - level / full * (height - 2 * margin))
        cv2.line(strip, (0, y), (width, y), (215, 215, 215), 1, cv2.LINE_AA)
        _write(strip, f"{level:g} m/s", (6, y - 4), 0.5 * size, INK)
    points = np.column_stack([columns, rows])
    cv2.polylines(
        strip,
        [np.round(points * 16).astype(np.int32)],
        False,
        LATE,
        max(2, round(3 * size)),
        cv2.LINE_AA,
        4,
    )
    peak = result["peak_speed"]
    if peak["value"] is not None:
        words = f"peak in view {peak['value']:.2f} m/s"
        room = cv2.getTextSize(words, FONT, 0.6 * size, 1)[0][0]
        x = int(np.clip(line.column(peak["at_m"]) - room / 2, 90 * size, width - room - 8))
        _write(strip, words, (x, round(0.13 * height) + 8), 0.6 * size, INK)
    return strip


def replay(
    seen: Observations, result: dict[str, Any], line: RunningLine | None, *, most: int = 80
) -> dict[str, Any]:
    """The silhouettes as outlines to play back, from just before first movement until out of
    view."""
    time = seen.look_time
    there = np.flatnonzero(seen.silhouettes.any(axis=(1, 2)))
    moved_s = result["reaction_s"]["value"]
    if moved_s is not None:
        moved_s += result["signal"]["sound_delay_s"]
    begin = min(0.0, (moved_s or 0.0) - 0.2)
    there = there[time[there] >= begin]
    picked = (
        there[np.unique(np.linspace(0, len(there) - 1, most).astype(int))] if len(there) else there
    )
    frames = []
    for i in picked:
        mask = seen.silhouettes[i]
        found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        outlines = [
            np.round((cv2.approxPolyDP(c, 0.7, True)[:, 0] + 0.5) * seen.factor - 0.5, 1).tolist()
            for c in found
            if cv2.contourArea(c) > 6
        ]
        frames.append({"t": round(float(time[i]), 4), "outlines": outlines})
    out: dict[str, Any] = {
        "size": list(seen.size), "px_per_m": result["capture"]["px_per_m"], "ground_y": None,
        "origin_x": None, "direction": 1, "frames": frames, "movement_s": moved_s, "gates": [],
    }  # fmt: skip
    if line is not None:
        origin = float(line.column(0.0))
        out |= {
            "ground_y": round(float(line.row(origin)), 1),
            "origin_x": round(origin, 1),
            "direction": line.direction,
            "gates": [
                {"metres": s["metres"], "x": round(float(line.column(s["metres"])), 1)}
                for s in result["splits"]
                if 0 < float(line.column(s["metres"])) < seen.size[0]
            ],
        }
    elif len(picked) > 1:
        middles = [np.argwhere(seen.silhouettes[i])[:, 1].mean() for i in (picked[0], picked[-1])]
        out["direction"] = 1 if middles[1] >= middles[0] else -1
    return out
