"""The runs: the grid, or a folder of films, measured as a rep is, each beside its truth."""

from __future__ import annotations

import json
import os
import time as clock
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2

from .. import __version__
from ..calibration import line_from
from ..drills import POSTURES
from ..measure import ALGORITHM, Given
from ..observations import unpacked
from ..rep import Analysis, analyse, analyse_video, plain, told
from ..simulate import write_film
from . import watching
from .goals import goals
from .grid import BEHAVIOURS, Case, at_hand, grid, rendered
from .score import number, posture_of, score
from .speed import speed
from .summary import by, covered, summary
from .wrong import wrong

Progress = Callable[[int, int], None]


def run_case(case: Case) -> dict[str, Any]:
    """Render one clip, measure it, and set result beside truth."""
    clip = rendered(case)
    begin = clock.process_time()
    found = analyse(clip.frames, clip.signal_ns, cones=clip.cones, posture=case.posture)
    seconds = clock.process_time() - begin
    return {
        "name": case.name,
        **{key: value for key, value in case._asdict().items() if key != "duration_s"},
        "frames": len(clip.frames.luma),
        "seconds": seconds,
        **score(
            found.result,
            clip.truth,
            1.0 / case.fps,
            blind_posture=blind_posture(found, {"cones": clip.cones}),
        ),
    }


def blind_posture(found: Analysis, calibration: dict[str, Any]) -> str | None:
    """The start's posture as told from the kept observations without a word about the drill."""
    seen = unpacked(found.evidence["observations"])
    line, px_per_m = line_from(calibration), found.result["capture"]["px_per_m"]
    if line is not None and px_per_m is not None:  # a large film is measured shrunk
        line = line_from(calibration, scale=px_per_m / line.px_per_m(0.0))
    return told(seen, Given(), line)["posture"]["start"]


def write_case(case: Case, folder: Path) -> None:
    """Render one clip into a folder of films."""
    about = {"condition": case.condition, "seed": case.seed}
    write_film(rendered(case), folder, case.name, fps=case.fps, about=about)


def run_film(film: Path) -> dict[str, Any]:
    """Measure one film as `trackstart analyse` does, and set result beside its truth.

    film : NAME.mp4, with NAME.truth.json and, for metres, NAME.cones.json beside it. The truth is
    that of `rep --simulate`, with the signal's instant in the film as `signal_s`; what it does not
    tell is not scored. The posture is told from the picture alone first.
    Raises ValueError naming the file that cannot be used.
    """
    truth = _read(film.with_suffix(".truth.json"))
    cones = film.with_suffix(".cones.json")
    calibration = _read(cones) if cones.is_file() else {}
    signal = truth.get("signal")
    signal_s = truth.get("signal_s", truth.get("signal_time_s"))
    if signal_s is None and isinstance(signal, dict):
        signal_s = signal.get("time_s")
    if not isinstance(signal_s, int | float):
        raise ValueError(f"{film.with_suffix('.truth.json')}: needs signal_s, the signal's instant")
    drill = posture_of(truth)
    drill = drill if drill in POSTURES else None
    begin = clock.process_time()
    found = analyse_video(
        film,
        float(signal_s),
        line_time_us=number(truth.get("line_time_us")) or 0.0,
        calibration=calibration,
        posture=drill,
    )
    seconds = clock.process_time() - begin
    capture = found.result["capture"]
    return {
        "name": film.stem,
        "posture": drill or "not told",
        "condition": str(truth.get("condition") or "not told"),
        "fps": capture["fps"],
        "frames": capture["frames"],
        "seconds": seconds,
        **score(
            found.result,
            truth,
            1.0 / capture["fps"],
            blind_posture=blind_posture(found, calibration),
        ),
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError(f"{path}: not JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: needs one JSON object")
    return found


def films(folder: Path) -> list[Path]:
    """The films of a folder that have a truth beside them, by name. Raises ValueError for none."""
    found = [
        film for film in sorted(folder.glob("*.mp4")) if film.with_suffix(".truth.json").is_file()
    ]
    if not found:
        raise ValueError(f"{folder}: no NAME.mp4 with a NAME.truth.json beside it")
    return found


def bench(
    *,
    quick: bool = False,
    against: Path | None = None,
    workers: int | None = None,
    progress: Progress = lambda done, of: None,
) -> dict[str, Any]:
    """Run the grid, or the films of a folder. Returns one JSON-ready object: the goals, summaries
    by posture and by condition, coverage of u, what was wrong, and every clip."""
    if against is not None:
        return report(each(run_film, films(against), workers, progress), codec=True)
    cases = grid(quick=quick)
    drawn = at_hand(cases)
    rows = each(run_case, drawn, workers, progress)
    return report(
        rows,
        quick=quick,
        skipped=len(cases) - len(drawn),
        watch=watched(quick=quick, workers=workers),
        speed=each(partial(_speed, quick), [None], 1)[0],
    )


def report(
    rows: list[dict[str, Any]],
    *,
    quick: bool = False,
    codec: bool = False,
    skipped: int = 0,
    speed: dict[str, Any] | None = None,
    watch: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What is told of some scored clips, JSON-ready."""
    starts = [row for row in rows if row["condition"] not in BEHAVIOURS]
    for row in rows:
        row["wrong"] = wrong(row)
    return plain(
        {
            "schema": "trackstart.bench/2",
            "version": __version__,
            "algorithm": ALGORITHM,
            "quick": quick,
            "codec": codec,
            "skipped_recorded_bodies": skipped,
            "goals": goals(rows, speed, watch),
            "by_posture": by("posture", starts),
            "by_condition": by("condition", rows),
            "all": summary(starts or rows),
            "coverage": covered(rows),
            "speed": speed,
            "watch": watch,
            "clips": rows,
        }
    )


def _speed(quick: bool, _: None) -> dict[str, Any]:
    return speed(quick=quick)


def watched(*, quick: bool, workers: int | None = None) -> dict[str, Any]:
    """What the watch sees in the holds and starts that are drawn for it."""
    holds = watching.holds(quick=quick)
    alarms = each(watching.false_alarms, holds, workers)
    seen = each(watching.latency, watching.movements(quick=quick), workers)
    cost = sorted(one["ms_per_frame"] for one in seen)
    return {
        "holds": sum(case.holds for case in holds),
        "false_alarms": sum(alarms),
        "latency_s": [one["latency_s"] for one in seen],
        "ms_per_frame": cost[len(cost) // 2],
    }


def write_films(
    folder: Path,
    *,
    quick: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done, of: None,
) -> None:
    """The grid's clips as a folder that `against` takes."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = at_hand(grid(quick=quick))
    each(partial(write_case, folder=folder), cases, workers, progress)


def each(
    work: Callable[[Any], Any],
    items: list[Any],
    workers: int | None,
    progress: Progress = lambda done, of: None,
) -> list[Any]:
    """The work done on every item, in fresh processes of one thread each, in the items' order."""
    done = []
    with ProcessPoolExecutor(
        workers or os.cpu_count(),
        mp_context=get_context("spawn"),
        initializer=cv2.setNumThreads,
        initargs=(1,),
    ) as pool:
        for answer in pool.map(work, items):
            done.append(answer)
            progress(len(done), len(items))
    return done
