"""The load benchmark, small: that it measures what it says, not how good a busy machine is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SMALL = "--minutes 0.1 --phones 5 --width 320 --height 180 --fps 60".split()


def measure_load(*options):
    done = subprocess.run(
        [sys.executable, "tools/measure_load.py", *SMALL, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_load_benchmark_counts_frames_gos_phones_and_pages(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- load -->\nold\n<!-- /load -->\nafter\n")
    report = json.loads(measure_load("--json", "--readme", str(page)))
    for phase in (report["quiet"], report["load"]):
        fired = phase["go"]["late"]
        assert fired["n"] == phase["go"]["bracket"]["n"] == sum(phase["reps"].values()) > 0, phase
        assert fired["max"] >= fired["p50"] > 0, "GO is never early"
        assert phase["go"]["bracket"]["p50"] > 0
        assert phase["frames"]["due"] == pytest.approx(60 * phase["seconds"], rel=0.2)
        assert 0 < phase["frames"]["in_the_ring"] < phase["frames"]["due"]
        assert phase["frames"]["dropped"] < phase["frames"]["due"] / 2
        assert phase["frames"]["late"]["p50"] > 0
        assert phase["recorded"]["frames"] > 60
    load = report["load"]
    assert load["told_from_go"]["n"] == 5 * load["go"]["late"]["n"], "every phone hears of every GO"
    assert load["told_from_go"]["p50"] > 0
    assert load["pages"]["n"] > 20
    assert load["pages"]["failed"] == 0
    assert report["machine"]["cores"] > 0
    assert report["machine"]["web_nice"] >= 5, "the pages give way to the device"

    text = page.read_text()
    assert text.startswith("before\n<!-- load -->\n")
    assert text.endswith("<!-- /load -->\nafter\n")
    assert "old" not in text
    assert report["machine"]["name"] in text
    assert f"| {load['frames']['due']:,}, {load['frames']['dropped']} |" in text
