"""A report as pictures: errors under each condition, agreement with the truth, coverage of u."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .grid import BEHAVIOURS
from .summary import misses_of

DARK, LIGHT, MARK = "#1b3a57", "#8fb0cc", "#b5442c"


def needs_matplotlib() -> None:
    """Raises ImportError with what to install, where matplotlib is not at hand."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ImportError(
            "the plots are drawn by matplotlib: .venv/bin/pip install matplotlib"
        ) from None


def draw(report: dict[str, Any], folder: Path) -> list[Path]:
    """Draw a report into a folder, as PNG. Returns the files.

    Of every quantity that no clip tells there is no picture.
    """
    needs_matplotlib()
    folder.mkdir(parents=True, exist_ok=True)
    starts = [row for row in report["clips"] if row["condition"] not in BEHAVIOURS]
    drawn = []
    for name, title, unit, times, of in (
        ("first-movement", "First movement", "ms", 1e3, lambda row: misses_of("reaction", [row])),
        ("up", "On the feet", "ms", 1e3, lambda row: misses_of("up", [row])),
        ("split-1", "Crossing of 1 m", "ms", 1e3, lambda row: _split(row, "1")),
        ("split-2.5", "Crossing of 2.5 m", "ms", 1e3, lambda row: _split(row, "2.5")),
        ("split-5", "Crossing of 5 m", "ms", 1e3, lambda row: _split(row, "5")),
        ("contacts", "Foot contacts", "ms", 1e3, lambda row: misses_of("contacts", [row])),
        ("peak-speed", "Peak speed", "m/s", 1.0, lambda row: misses_of("peak_speed", [row])),
    ):
        if any(of(row) for row in starts):
            file = folder / f"error-{name}.png"
            _strips(starts, file, title, unit, times, of)
            drawn.append(file)
    for name, title, unit, found in (
        ("first-movement", "First movement", "s", misses_of("reaction", starts)),
        ("splits", "Splits", "s", misses_of("splits", starts)),
        ("peak-speed", "Peak speed", "m/s", misses_of("peak_speed", starts)),
    ):
        if found:
            file = folder / f"bland-altman-{name}.png"
            _bland_altman(found, file, title, unit)
            drawn.append(file)
    if report["coverage"]["all"]["n"]:
        drawn.append(folder / "coverage.png")
        _coverage(report["coverage"], drawn[-1])
    return drawn


def _split(row: dict[str, Any], gate: str) -> list[dict[str, float]]:
    return [row["splits"][gate]] if gate in row["splits"] else []


def _figure(wide: float, high: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(wide, high), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _strips(
    rows: list[dict[str, Any]], file: Path, title: str, unit: str, times: float,
    of: Callable[[dict[str, Any]], list[dict[str, float]]],
) -> None:  # fmt: skip
    """Every miss as a dot beside a box, one line a posture and a condition. What lies far out is
    drawn at the edge, in red, so that the rest can be read."""
    groups: dict[tuple[str, str], list[float]] = {}
    for key in ("posture", "condition"):
        for row in rows:
            groups.setdefault((key, row[key]), []).extend(one["miss"] for one in of(row))
    misses = [times * np.array(group) for group in groups.values()]
    every = np.abs(np.concatenate(misses))
    edge = max(float(np.quantile(every, 0.96)) * 1.3, 1e-3)
    figure, axes = _figure(7.5, 0.8 + 0.28 * len(misses))
    random = np.random.default_rng(1)
    for k, values in enumerate(misses):
        if not len(values):
            continue
        axes.boxplot(
            np.clip(values, -edge, edge), positions=[k], widths=0.55, orientation="horizontal",
            showfliers=False, medianprops={"color": DARK, "linewidth": 2},
            boxprops={"color": LIGHT}, whiskerprops={"color": LIGHT}, capprops={"color": LIGHT},
            manage_ticks=False,
        )  # fmt: skip
        far = np.abs(values) > edge
        y = k + random.uniform(-0.18, 0.18, len(values))
        axes.scatter(values[~far], y[~far], s=9, color=DARK, alpha=0.6, linewidths=0)
        axes.scatter(np.sign(values[far]) * edge, y[far], s=22, color=MARK, marker="x")
    axes.axvline(0.0, color="grey", linewidth=0.8)
    axes.set_yticks(range(len(misses)), [name.replace("_", " ") for _, name in groups])
    axes.invert_yaxis()
    axes.set_xlabel(f"measured − true, {unit}   (× = further out)")
    axes.set_title(title, loc="left")
    figure.savefig(file)


def _bland_altman(found: list[dict[str, float]], file: Path, title: str, unit: str) -> None:
    """Difference against mean of measured and true, with bias and 95 % limits of agreement (Bland
    & Altman 1986)."""
    miss = np.array([one["miss"] for one in found])
    mean = np.array([one["true"] for one in found]) + 0.5 * miss
    bias, sd = float(miss.mean()), float(miss.std())
    figure, axes = _figure(7.0, 4.2)
    axes.scatter(mean, miss, s=12, color=DARK, alpha=0.6, linewidths=0)
    for level, style in ((bias, "-"), (bias - 1.96 * sd, "--"), (bias + 1.96 * sd, "--")):
        axes.axhline(level, color=MARK, linestyle=style, linewidth=1)
        axes.annotate(
            f"{level:+.3f}", (1.0, level), xycoords=("axes fraction", "data"), color=MARK,
            va="bottom", ha="right",
        )  # fmt: skip
    axes.set_xlabel(f"mean of measured and true, {unit}")
    axes.set_ylabel(f"measured − true, {unit}")
    axes.set_title(f"{title}: bias and limits of agreement, n = {len(found)}", loc="left")
    figure.savefig(file)


def _coverage(parts: dict[str, Any], file: Path) -> None:
    """The share of true values inside ±u and ±2u, and where it should be."""
    names = list(parts)
    figure, axes = _figure(7.0, 0.9 + 0.3 * len(names))
    y = np.arange(len(names))
    axes.axvspan(0.63, 0.73, color=LIGHT, alpha=0.4, linewidth=0)
    axes.axvline(0.94, color=LIGHT, linewidth=2)
    axes.scatter([parts[name]["inside_u"] for name in names], y, color=DARK, label="±u")
    twice = [parts[name]["inside_2u"] for name in names]
    axes.scatter(twice, y, color=MARK, marker="D", label="±2u")
    labels = [f"{name.replace('_', ' ')} ({parts[name]['n']})" for name in names]
    axes.set_yticks(y, labels)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("share of true values inside")
    axes.legend(loc="lower left", frameon=False)
    figure.savefig(file)
