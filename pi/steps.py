"""Ground contacts of the feet, from where a silhouette stands still on the ground. Arrays in, steps out."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np


class Step(NamedTuple):
    """One contact of a foot with the ground."""

    contact_s: float
    toe_off_s: float
    column: float  # px of the full picture, middle of the foot


def find_steps(
    silhouettes: np.ndarray,
    time: np.ndarray,
    factor: int,
    ground_rows: np.ndarray,
    px_per_m: float,
    *,
    direction: int,
    after_s: float,
    until_s: float,
    mostly_up: np.ndarray,
    band_m: float = 0.10,
) -> list[Step]:
    """Contacts in order of time, from a kymograph of the lowest `band_m` over the running line.

    A foot on the ground covers the same columns for a tenth of a second or longer, a foot that
    swings through the band covers each for a third of that. silhouettes : (n, h, w), `factor` times smaller than the
    picture.   ground_rows : (w,) px of the full picture.   mostly_up : (n,) bool, the body is
    upright enough that what touches the ground is a foot.   [] when nothing stands.
    """
    n, height, width = silhouettes.shape
    row = np.arange(height)[:, None] * factor + (factor - 1) / 2
    above = (ground_rows[None, :] - row) / px_per_m
    band = (above > -0.06) & (above < band_m)
    covered = (silhouettes & band[None].astype(np.uint8)).any(axis=1)
    covered[(time < after_s) | (time > until_s)] = False
    step = float(np.median(np.diff(time)))
    # columns that stay covered for at least 70 ms, as an opening along time
    need = max(3, round(0.07 / step) | 1)
    standing = cv2.morphologyEx(
        covered.astype(np.uint8), cv2.MORPH_OPEN, np.ones((need, 1), np.uint8)
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(standing, connectivity=8)
    found = []
    for label in range(1, count):
        left, top, w, h, _ = stats[label]
        piece = labels[top : top + h, left : left + w] == label
        if w * factor / px_per_m < 0.06 or h * step > 0.6:
            continue
        if not mostly_up[top : top + h].mean() > 0.5:
            continue
        per_time = piece.sum(axis=1)
        enough = np.flatnonzero(per_time >= 0.35 * per_time.max())
        first, last = top + int(enough[0]), top + int(enough[-1])
        weight = piece.sum(axis=0)
        column = (float((weight * (np.arange(w) + left)).sum() / weight.sum()) + 0.5) * factor - 0.5
        found.append(Step(float(time[first]) - step / 2, float(time[last]) + step / 2, column))
    found.sort(key=lambda s: s.contact_s)
    steps: list[Step] = []
    for candidate in found:
        if steps:
            ahead = (candidate.column - steps[-1].column) * direction / px_per_m
            if ahead < 0.25:
                if ahead > -0.25 and candidate.contact_s - steps[-1].toe_off_s < 0.1:
                    steps[-1] = steps[-1]._replace(
                        toe_off_s=max(steps[-1].toe_off_s, candidate.toe_off_s)
                    )
                continue
        steps.append(candidate)
    return steps
