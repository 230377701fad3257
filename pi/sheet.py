"""What is printed to calibrate with: tags for the running line, the board for the lens.

Draws pages, writes no file.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import cv2
import numpy as np

from .charuco import SQUARE_MM, SQUARES, charuco_board
from .marks import DICTIONARIES, MARGIN, SPACING_M, aruco, dictionary

DPI = 300
PAGE_MM = (210, 297)  # A4
TAG_MM = 160


def dots(mm: float) -> int:
    return round(mm / 25.4 * DPI)


def tag_page(number: int, *, spacing_m: float = SPACING_M) -> np.ndarray:
    """(h, w) uint8, a page with a tag to cut out: its board ends where the lower line is."""
    module = aruco()
    page = np.full((dots(PAGE_MM[1]), dots(PAGE_MM[0])), 255, np.uint8)
    side, left, top = dots(TAG_MM), dots((PAGE_MM[0] - TAG_MM) / 2), dots(35)
    draw = getattr(module, "generateImageMarker", None) or module.drawMarker
    page[top : top + side, left : left + side] = draw(dictionary(DICTIONARIES[0]), number, side)
    bottom = top + side + dots(TAG_MM * MARGIN)
    page[bottom : bottom + 3] = 0
    page[top - dots(20) : bottom, left + side // 2 - 1 : left + side // 2 + 2][-dots(6) :] = 0
    metres = number * spacing_m
    for line, text in enumerate(
        (
            f"trackstart tag {number}: stands at {metres:g} m of the running line",
            "Cut or fold along the long line and stand it there, upright, facing the camera.",
            f"Print at 100 %. The black square is {TAG_MM} mm wide.",
        )
    ):
        at = (left, bottom + dots(14 + 9 * line))
        cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 1.6, 0, 3, cv2.LINE_AA)
    return page


def board_page() -> np.ndarray:
    """(h, w) uint8, a page with the ChArUco board for the lens."""
    page = np.full((dots(PAGE_MM[1]), dots(PAGE_MM[0])), 255, np.uint8)
    wide, high = (dots(SQUARE_MM * squares) for squares in SQUARES)
    left, top = (page.shape[1] - wide) // 2, dots(12)
    board = charuco_board()
    if hasattr(board, "generateImage"):
        drawn = board.generateImage((wide, high), marginSize=0)
    else:
        drawn = board.draw((wide, high), marginSize=0)
    page[top : top + high, left : left + wide] = drawn
    for line, text in enumerate(
        (
            "trackstart lens board. Print at 100 %, glue it to something flat and stiff.",
            "Show it to the camera from many sides, tilted, and into every corner.",
        )
    ):
        at = (left, top + high + dots(10 + 9 * line))
        cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3, cv2.LINE_AA)
    return page


def pdf(pages: Sequence[np.ndarray]) -> bytes:
    """Pages of black and white as one PDF in their true size (PDF 1.4, ISO 32000)."""
    width_pt, height_pt = (mm / 25.4 * 72 for mm in PAGE_MM)
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for page in pages:
        bits = zlib.compress(np.packbits(page > 127, axis=1).tobytes(), 9)
        first = len(objects) + 1
        kids.append(f"{first} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width_pt:.3f} {height_pt:.3f}] "
            f"/Contents {first + 1} 0 R /Resources << /XObject << /P {first + 2} 0 R >> >> >>"
            .encode()
        )  # fmt: skip
        drawn = f"{width_pt:.3f} 0 0 {height_pt:.3f} 0 0 cm /P Do".encode()
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
        image = (
            f"<< /Type /XObject /Subtype /Image /Width {page.shape[1]} /Height {page.shape[0]} "
            f"/ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /FlateDecode "
            f"/Length {len(bits)} >>"
        )
        objects.append(image.encode() + b"\nstream\n" + bits + b"\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    written, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return written + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (len(places) + 1, table, len(places) + 1, len(written))
    )
