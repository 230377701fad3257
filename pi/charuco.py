"""A lens from pictures of the ChArUco board: views, what is still missing, the lens.

Pictures in, a lens out; the method is Zhang's (2000), as OpenCV has it. The board's corners are
used, not its tags': those are not accurate enough (OpenCV, "Calibration with ArUco and ChArUco").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from .lens import Lens
from .marks import aruco, dictionary

SQUARES = (7, 9)  # odd rows: there the patterns of all releases of OpenCV are the same
SQUARE_MM = 26.0
MARKER_MM = 19.0
DICTIONARY = "DICT_5X5_100"  # not the tags' own: a board in the picture must not be one of them

WANTED_VIEWS = 10
WANTED_TILTED = 5
FEWEST_CORNERS = 12
PARTS = (4, 3)  # of the picture, each of which must have shown some of the board
TILTED = 0.1
"""Change of scale across the board from which a view tells the focal length: some 15 degrees."""

WORST_RMS_PX = 1.0


class View(NamedTuple):
    """The board as it was seen once."""

    corners: np.ndarray  # (n, 2) px
    numbers: np.ndarray  # (n,) of the corners


def charuco_board() -> Any:
    """OpenCV's object for the board that `sheet.board_page` prints."""
    module = aruco()
    sides, marks = (SQUARE_MM * 1e-3, MARKER_MM * 1e-3), dictionary(DICTIONARY)
    if hasattr(module, "CharucoBoard_create"):  # OpenCV 4.6
        return module.CharucoBoard_create(*SQUARES, *sides, marks)
    return module.CharucoBoard(SQUARES, *sides, marks)


def view_of(picture: np.ndarray) -> View | None:
    """The board in a picture, (h, w) uint8; None where too little of it is seen."""
    module, board = aruco(), charuco_board()
    if hasattr(module, "CharucoDetector"):
        corners, numbers, _, _ = module.CharucoDetector(board).detectBoard(picture)
    else:
        marks, their, _ = module.detectMarkers(picture, dictionary(DICTIONARY))
        if their is None or len(their) < 4:
            return None
        _, corners, numbers = module.interpolateCornersCharuco(marks, their, picture, board)
    if numbers is None or len(numbers) < FEWEST_CORNERS:
        return None
    return View(np.asarray(corners, float).reshape(-1, 2), np.ravel(numbers).astype(int))


def is_new(view: View, views: Sequence[View], size: tuple[int, int]) -> bool:
    """Whether a view differs from all before by 4 % of the picture's width and more."""
    for other in views:
        _, here, there = np.intersect1d(view.numbers, other.numbers, return_indices=True)
        if len(here) >= 4:
            apart = view.corners[here] - other.corners[there]
            if np.median(np.linalg.norm(apart, axis=1)) < 0.04 * size[0]:
                return False
    return True


class Progress(NamedTuple):
    """How far the views have come."""

    views: int
    tilted: int
    coverage: float  # share of the picture's parts that have shown the board
    advice: str  # what to do next; empty when there is enough

    @property
    def enough(self) -> bool:
        return not self.advice


def progress(views: Sequence[View], size: tuple[int, int]) -> Progress:
    """What the views amount to, and what to show next."""
    seen = np.zeros(PARTS[::-1], bool)
    for view in views:
        u = np.clip(view.corners[:, 0] * PARTS[0] / size[0], 0, PARTS[0] - 1).astype(int)
        v = np.clip(view.corners[:, 1] * PARTS[1] / size[1], 0, PARTS[1] - 1).astype(int)
        seen[v, u] = True
    tilted = sum(_tilt(view) > TILTED for view in views)
    coverage = float(seen.mean())
    advice = ""
    if len(views) < WANTED_VIEWS:
        advice = f"{len(views)} of {WANTED_VIEWS} views; show the board from another side"
    if tilted < WANTED_TILTED and len(views) >= WANTED_VIEWS // 2:
        advice = f"hold it tilted: {tilted} of {WANTED_TILTED} views are, flat ones tell too little"
    elif coverage < 0.9 and len(views) >= WANTED_VIEWS // 2:
        row, column = np.argwhere(~seen)[0]
        down = ("top", "middle", "bottom")[row]
        advice = f"bring it to the {down}, part {column + 1} of {PARTS[0]} from the left"
    return Progress(len(views), tilted, coverage, advice)


def lens_of(views: Sequence[View], size: tuple[int, int], *, model: str = "charuco") -> Lens:
    """The lens through which the views were seen.

    Raises ValueError with advice when they are too few, too flat, do not reach the picture's
    edges, or do not fit one lens.
    """
    state = progress(views, size)
    if not state.enough:
        raise ValueError(f"lens: {state.advice}")
    points = [_on_the_board(view).astype(np.float32).reshape(-1, 1, 3) for view in views]
    seen = [view.corners.astype(np.float32).reshape(-1, 1, 2) for view in views]
    guess = np.array(
        [[size[0], 0, (size[0] - 1) / 2], [0, size[0], (size[1] - 1) / 2], [0, 0, 1.0]]
    )
    flags = cv2.CALIB_USE_INTRINSIC_GUESS | cv2.CALIB_FIX_ASPECT_RATIO  # square pixels
    # A third coefficient is for lenses that see very wide; others it only makes unsteady.
    for wide in (False, True):
        rms, camera, k, _, _ = cv2.calibrateCamera(
            points, seen, size, guess.copy(), np.zeros(5), flags=flags
            | (0 if wide else cv2.CALIB_FIX_K3),
        )  # fmt: skip
        if camera[0, 0] > 0.6 * size[0]:
            break
    lens = Lens(
        model,
        float(camera[0, 0]),
        (float(camera[0, 2]), float(camera[1, 2])),
        tuple(np.ravel(k)[:5].tolist()),
        rms_px=round(float(rms), 3),
    )
    if rms > WORST_RMS_PX:
        raise ValueError(
            f"lens: the views fit no one lens, {rms:.1f} px RMS; is the board flat, and was it "
            "held still?"
        )
    if not lens.has_inverse(size):
        raise ValueError("lens: the edges of the picture are not known; show the board in them")
    return lens


def _on_the_board(view: View) -> np.ndarray:
    """(n, 3) m, where the corners are on the board."""
    wide = SQUARES[0] - 1
    across, down = view.numbers % wide + 1, view.numbers // wide + 1
    return np.stack([across, down, np.zeros_like(across)], 1) * SQUARE_MM * 1e-3


def _tilt(view: View) -> float:
    """How much the scale changes across the part of the board that is seen, as a share."""
    board = _on_the_board(view)[:, :2]
    middle, size = board.mean(axis=0), np.ptp(board, axis=0).max()
    to_picture, _ = cv2.findHomography(board - middle, view.corners)
    if to_picture is None:
        return 0.0
    return float(np.hypot(*(to_picture[2, :2] / to_picture[2, 2])) * size)
