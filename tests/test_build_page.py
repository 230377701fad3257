"""docs/build.md says of the cameras what their data say."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_distances_and_scales_on_the_page_are_those_of_the_camera_models():
    tool = runpy.run_path(str(ROOT / "tools/build_table.py"))
    first, last = tool["MARKS"]
    page = (ROOT / "docs/build.md").read_text()
    told = page.partition(first)[2].partition(last)[0]
    rows = [row.split("|")[1:6] for row in told.strip().splitlines()[2:]]
    wanted = [row.split("|")[1:6] for row in tool["lines"](stated=False)[2:]]
    assert rows == wanted
    assert all(re.search(r"\d ms", row) for row in told.strip().splitlines()[2:])
