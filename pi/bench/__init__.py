"""The accuracy table: starts whose truth is known, simulated or in films, measured as a rep is,
and every goal met or not."""

from .grid import Case, grid
from .plots import draw, needs_matplotlib
from .record import figures, worse_than
from .run import bench, films, report, run_case, run_film, write_films
from .score import score
from .table import table
from .wrong import worst_first

__all__ = [
    "Case",
    "bench",
    "draw",
    "figures",
    "films",
    "grid",
    "needs_matplotlib",
    "report",
    "run_case",
    "run_film",
    "score",
    "table",
    "worse_than",
    "worst_first",
    "write_films",
]
