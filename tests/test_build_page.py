"""docs/build.md says of the cameras what their data say."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_distances_and_scales_on_the_page_are_those_of_the_camera_models(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import build_table

    page = (ROOT / "docs/build.md").read_text()
    told = page.partition(build_table.MARKS[0])[2].partition(build_table.MARKS[1])[0]
    rows = [row.split("|")[1:6] for row in told.strip().splitlines()[2:]]
    wanted = [row.split("|")[1:6] for row in build_table.lines(stated=False)[2:]]
    assert rows == wanted
    assert all(re.search(r"\d ms", row) for row in told.strip().splitlines()[2:])
    sys.modules.pop("build_table")
