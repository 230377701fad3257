"""The slow-motion replay: silhouettes from the evidence as one SVG that plays by itself."""

import json
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple

SLOWER = 4
PAUSE_S = 1.2  # on the last picture, before it begins again
FLASH_S = 0.12  # how long the outline says "first movement", in the athlete's time

RESTING, WAITING, MOVING, FIRST = "#767676", "#00308f", "#000", "#c40000"


class Sheet(NamedTuple):
    """The drawing's paper, in pixels of the picture; unit is what a letter or a line is made of."""

    width: float
    top: float
    ground: float
    bar: float
    bottom: float
    unit: float
    span: tuple[float, float]  # s, of the line of time

    def x(self, time: float) -> float:
        """Where a time lies on the line of time."""
        first, last = self.span
        return self.unit + (self.width - 2 * self.unit) * (time - first) / (last - first)


def draw_replay(data: bytes, *, still: bool = False) -> str:
    """An SVG of the outlines in slow motion, round and round, that needs no script.

    data : the evidence "replay".    still : the first movement over the resting outline, no motion.
    Every picture is a group with its time in data-t, so that a script can show any one of them.
    """
    replay = json.loads(data)
    frames, movement = replay["frames"], replay.get("movement_s")
    times = [float(frame["t"]) for frame in frames] or [0.0]
    sheet = _sheet(replay)
    shown = _first_at(times, movement if movement is not None else 0.0) if still else None
    height = sheet.bottom - sheet.top
    box = f"0 {sheet.top:.0f} {sheet.width:.0f} {height:.0f}"
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" data-slower="{SLOWER}"',
            f' font-family="sans-serif" font-weight="700" font-size="{1.6 * sheet.unit:.0f}">',
            f"<title>{escape(_title(movement))}</title>",
            _style(times, shown),
            f'<path fill="#fff" d="M0 {sheet.top:.0f}h{sheet.width:.0f}v{height:.0f}H0z"/>',
            _place(replay, sheet),
            _rest(frames, times),
            *(_picture(frame, movement, sheet) for frame in frames),
            _time_bar(movement, sheet),
            "</svg>",
        )
    )


def _title(movement: float | None) -> str:
    if movement is None:
        return "What the camera saw, as silhouettes in slow motion."
    when = "after" if movement >= 0 else "before"
    return f"What the camera saw, in slow motion. First movement {abs(movement):.3f} s {when} GO."


def _sheet(replay: dict[str, Any]) -> Sheet:
    """Room for the athlete, with the picture's empty sky and foreground left away."""
    times = [float(frame["t"]) for frame in replay["frames"]]
    width, height = (float(side) for side in replay["size"])
    unit = width / 40
    rows = [
        point[1] for frame in replay["frames"] for outline in frame["outlines"] for point in outline
    ]
    ground = replay.get("ground_y")
    ground = float(ground if ground is not None else max(rows, default=height))
    top = min(rows, default=0.0) - 4.5 * unit
    ground = max(ground, max(rows, default=ground))
    bar = ground + 4 * unit
    # The line begins at the signal even if the pictures begin a frame later.
    span = (min([0.0, *times]), max([1e-3, *times]))
    return Sheet(width, top, ground, bar, bar + 2.6 * unit, unit, span)


def _style(times: Sequence[float], shown: int | None) -> str:
    """The rules that show one picture after the other, or only the one that is to be shown."""
    if shown is not None:
        only = f".f:nth-of-type({shown + 1}){{visibility:visible}}"
        return f"<style>.f{{visibility:hidden}}{only}</style>"
    length = (times[-1] - times[0]) * SLOWER + PAUSE_S
    at = [100 * (time - times[0]) * SLOWER / length for time in times] + [100.0]
    rules = [f".f{{visibility:hidden;animation:{length:.2f}s step-end infinite}}"]
    for index, (begin, end) in enumerate(pairwise(at)):
        before = "0%{visibility:hidden}" if begin > 0 else ""
        after = f"{end:.3f}%{{visibility:hidden}}" if end < 100 else ""
        last = "hidden" if end < 100 else "visible"
        rules.append(f".f:nth-of-type({index + 1}){{animation-name:k{index}}}")
        rules.append(
            f"@keyframes k{index}{{{before}{begin:.3f}%{{visibility:visible}}{after}"
            f"to{{visibility:{last}}}}}"
        )
    return f"<style>{''.join(rules)}</style>"


def _place(replay: dict[str, Any], sheet: Sheet) -> str:
    """The ground, the start line and the gates."""
    marks = [
        (float(gate["x"]), f"{float(gate['metres']):g} m") for gate in replay.get("gates") or ()
    ]
    if replay.get("origin_x") is not None:
        marks.insert(0, (float(replay["origin_x"]), "start"))
    label = sheet.ground + 1.7 * sheet.unit
    lines = "".join(
        f"M{x:.0f} {sheet.ground:.0f}v{-4 * sheet.unit:.0f}"
        for x, _ in marks
        if 0 <= x <= sheet.width
    )
    words = "".join(
        f'<text x="{min(max(x, 2 * sheet.unit), sheet.width - 2 * sheet.unit):.0f}" y="{label:.0f}"'
        f' text-anchor="middle">{word}</text>'
        for x, word in marks
        if 0 <= x <= sheet.width
    )
    thin = sheet.unit / 8
    return (
        f'<path d="M0 {sheet.ground:.0f}h{sheet.width:.0f}" stroke="#000"'
        f' stroke-width="{2 * thin:.0f}"/><path d="{lines}" stroke="{RESTING}"'
        f' stroke-width="{thin:.0f}" stroke-dasharray="{3 * thin:.0f}"/>{words}'
    )


def _rest(frames: Sequence[dict[str, Any]], times: Sequence[float]) -> str:
    """The outline at the signal, to see the movement against."""
    if not frames:
        return ""
    index = max(_first_at(times, 1e-9) - 1, 0)
    return f'<path d="{_path(frames[index]["outlines"])}" fill="#d9d9d9" fill-rule="evenodd"/>'


def _picture(frame: dict[str, Any], movement: float | None, sheet: Sheet) -> str:
    time = float(frame["t"])
    first = movement is not None and movement <= time < movement + FLASH_S
    time_words = f"{'−' if time < 0 else '+'}{abs(time):.3f} s"
    ink, said = MOVING, ""
    if first:
        ink, said = FIRST, f"first movement {movement:.3f} s"
    elif movement is None or time < movement:
        ink, said = (RESTING, "hold") if time < 0 else (WAITING, "GO, still at rest")
    first_mark = ' data-first=""' if first else ""
    y = sheet.top + 1.9 * sheet.unit
    return (
        f'<g class="f" data-t="{time:.4f}"{first_mark} fill="{ink}">'
        f'<path fill-rule="evenodd" d="{_path(frame["outlines"])}"/>'
        f'<text x="{sheet.unit:.0f}" y="{y:.0f}">{time_words}</text>'
        f'<text x="{sheet.width - sheet.unit:.0f}" y="{y:.0f}" text-anchor="end">{said}</text>'
        f'<path d="M{sheet.x(time):.0f} {sheet.bar - 0.2 * sheet.unit:.0f}'
        f'l{-0.7 * sheet.unit:.0f} {1.6 * sheet.unit:.0f}h{1.4 * sheet.unit:.0f}z"/></g>'
    )


def _time_bar(movement: float | None, sheet: Sheet) -> str:
    """The line of time with the signal and the first movement on it."""
    marks = ""
    for time, ink in ((0.0, WAITING), (movement, FIRST)):
        if time is not None and sheet.span[0] <= time <= sheet.span[1]:
            marks += (
                f'<path d="M{sheet.x(time):.1f} {sheet.bar - sheet.unit:.0f}v{2 * sheet.unit:.0f}"'
                f' stroke="{ink}" stroke-width="{sheet.unit / 3:.1f}"/>'
            )
    return (
        f'<path d="M{sheet.unit:.0f} {sheet.bar:.0f}H{sheet.width - sheet.unit:.0f}"'
        f' stroke="#000" stroke-width="{sheet.unit / 6:.1f}"/>{marks}'
    )


def _first_at(times: Sequence[float], time: float) -> int:
    """The index of the first picture not before time; of the last one when all are before."""
    return next((index for index, at in enumerate(times) if at >= time), len(times) - 1)


def _path(outlines: Sequence[Sequence[Sequence[float]]]) -> str:
    """Closed outlines in whole pixels, each point from the one before: half the bytes."""
    parts = []
    for outline in outlines:
        points = [(round(x), round(y)) for x, y in outline]
        if len(points) < 3:
            continue
        steps = " ".join(f"{x - a} {y - b}" for (a, b), (x, y) in pairwise(points))
        parts.append(f"M{points[0][0]} {points[0][1]}l{steps}z")
    return "".join(parts)
