"""The postures' pictograms, as small as in a list and as large as on the big screen."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from two_processes import ROOT

from pi.drills import POSTURES

pytestmark = pytest.mark.browser
CSS = Path(ROOT / "web/static/trackstart.css").read_text()
PARTS = ("track", "run", "trunk", "leg", "arm", "head", "nose")
WIDTHS = (24, 240)
HALF_A_FOOT = 8  # px at 240, half of a leg's width: lines end in the middle of the foot
READ_CONTRAST = 3.0  # WCAG 2.2, 1.4.11: of graphics that must be understood


@pytest.fixture
def drawn(app, chromium):
    """A function that draws a pictogram on white: (h, w) darkness, 1 is black."""
    pictogram = app.jinja_env.get_template("pictogram.html").module.pictogram
    context = chromium.new_context(viewport={"width": 400, "height": 300})
    page = context.new_page()

    def draw(key, width, only=PARTS):
        hidden = ", ".join(f".pictogram .{part}" for part in PARTS if part not in only)
        style = f"{CSS} body {{ margin: 0; background: #fff; color: #000; }}"
        style += f"{hidden} {{ visibility: hidden; }}" if hidden else ""
        page.set_content(
            f"<style>{style}</style><body><div style='width: {width}px'>{pictogram(key, key)}</div>"
        )
        png = page.locator("svg").screenshot()
        grey = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
        return 1.0 - grey / 255.0

    yield draw
    context.close()


def contrast(darkness):
    """Of a grey on white, as WCAG has it."""
    level = 1.0 - darkness
    light = level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4
    return 1.05 / (light + 0.05)


@pytest.mark.parametrize("width", WIDTHS)
def test_each_posture_is_told_from_every_other(drawn, width):
    body = ("trunk", "leg", "arm", "head", "nose")
    inks = {key: drawn(key, width, body) for key in POSTURES}
    for one, other in itertools.combinations(inks, 2):
        a, b = inks[one], inks[other]
        assert np.minimum(a, b).sum() < 0.6 * np.maximum(a, b).sum(), (one, other)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("key", POSTURES)
def test_no_part_is_too_thin_to_be_seen_nor_cut_off_at_the_edge(drawn, key, width):
    for part in PARTS if width > min(WIDTHS) else PARTS[:-1]:  # a small one has no need of a nose
        ink = drawn(key, width, (part,))
        assert contrast(ink.max()) >= READ_CONTRAST, part
    if width == max(WIDTHS):
        whole = drawn(key, width)
        edge = np.concatenate([whole[0], whole[-1], whole[:, 0], whole[:, -1]])
        assert edge.max() < 0.05


def test_all_are_of_one_style(drawn):
    """The same head, the same ground under whoever is there, and a run to the right."""
    heads, ground = set(), {}
    for key in POSTURES:
        heads.add(round(float(drawn(key, 240, ("head",)).sum() / 240**2), 3))
        body = drawn(key, 240, ("trunk", "leg", "arm", "head", "nose"))
        track = drawn(key, 240, ("track",))
        lowest = np.flatnonzero(body.max(axis=1) > 0.5)[-1]
        ground[key] = lowest - np.flatnonzero(track.max(axis=1) > 0.5)[0]
        run = drawn(key, 240, ("run",))
        columns = np.flatnonzero(run.max(axis=0) > 0.5)
        assert columns[0] > 0.7 * 240
    assert len(heads) == 1
    assert all(abs(gap) <= HALF_A_FOOT for gap in ground.values()), ground
