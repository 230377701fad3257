"""How far the numbers are off, as bias and spread over a grid whose truth is known."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cv2
import numpy as np
import pytest

from pi.bench import Case, report, run_case, table
from pi.drills import POSTURES
from pi.rep import analyse
from pi.simulate import simulate_clip

pytestmark = pytest.mark.slow

HARD = (("wind", 520), ("shadow", 521), ("noise", 522), ("passers_by", 533))


@pytest.fixture(scope="module")
def rows():
    """Every posture in clean light and under one hard condition each; seeds that no table is made
    of."""
    cases = [Case(posture, "clean", 500 + k) for k, posture in enumerate(POSTURES)]
    cases += [
        Case(posture, condition, seed, -1, weather=condition)
        for posture, (condition, seed) in zip(POSTURES, HARD, strict=True)
    ]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return list(pool.map(run_case, cases))


def test_every_start_is_called_a_start(rows):
    assert all(row["status_right"] for row in rows)


def test_first_movement_lies_where_the_body_passed_5_to_20_mm(rows):
    assert sum(row["reaction_right"] for row in rows) >= len(rows) - 1


def test_first_movement_has_little_bias_and_little_spread(rows):
    miss = np.array([row["reaction"]["miss"] for row in rows])
    assert abs(np.median(miss)) < 0.008
    assert np.quantile(np.abs(miss), 0.8) < 0.020


def test_splits_are_within_hundredths(rows):
    for gate, most in (("1", 0.025), ("2.5", 0.012), ("5", 0.008)):
        miss = [row["splits"][gate]["miss"] for row in rows]
        assert np.sqrt(np.mean(np.square(miss))) < most


def test_the_truth_lies_within_the_stated_uncertainty(rows):
    found = [row["reaction"] for row in rows]
    found += [split for row in rows for split in row["splits"].values()]
    inside = [abs(one["miss"]) <= 3 * one["u"] for one in found]
    assert np.mean(inside) >= 0.9


def test_the_torso_is_where_it_is_told_to_be_once_upright(rows):
    assert np.sqrt(np.mean([row["torso_rms"] ** 2 for row in rows])) < 0.03


def test_nearly_every_step_is_found_and_its_instants_are_within_hundredths(rows):
    missing = sum(row["steps_missing"] for row in rows)
    assert missing <= 0.15 * sum(row["steps_wanted"] for row in rows)
    for name, most in (("contacts", 0.025), ("toe_offs", 0.015)):
        miss = [one["miss"] for row in rows for one in row[name]]
        assert np.sqrt(np.mean(np.square(miss))) < most


def test_the_table_has_a_line_for_every_posture_and_condition(rows):
    lines = table(report(rows)).split("\n\n")[1].splitlines()
    names = [line.split("|")[1].strip() for line in lines[2:]]
    conditions = ["clean", "wind", "shadow", "noise", "passers by"]
    assert names == [*POSTURES, *conditions, "**all starts**"]


def numbers(result):
    """(value, u) of what a coach reads."""
    found = {"reaction": result["reaction_s"], "peak speed": result["peak_speed"]}
    found["first second"] = result["mean_acceleration"]["first_second"]
    told = {name: (value["value"], value["u"]) for name, value in found.items()}
    splits = [split for split in result["splits"] if split["from_signal_s"] is not None]
    return told | {f"{s['metres']:g} m": (s["from_signal_s"], s["u"]) for s in splits}


def agree(one, other):
    one, other = numbers(one), numbers(other)
    assert one.keys() == other.keys()
    for name, (value, u) in one.items():
        assert value is not None, name
        assert abs(value - other[name][0]) <= max(u, other[name][1]), name


@pytest.mark.parametrize("posture", ["prone", "standing", "plank"])
def test_a_start_means_the_same_mirrored_and_with_half_of_everything(posture):
    """Mirrored left to right; half the pictures; half the size; half the contrast."""
    clip = simulate_clip(posture, seed=31, duration_s=5.5)
    frames, luma = clip.frames, clip.frames.luma
    given = {"cones": clip.cones, "posture": posture}
    whole = analyse(frames, clip.signal_ns, **given).result
    last = luma.shape[2] - 1
    mirrored = [{**c, "pixel": [last - c["pixel"][0], c["pixel"][1]]} for c in clip.cones]
    turned = frames._replace(luma=np.ascontiguousarray(luma[:, :, ::-1]))
    agree(whole, analyse(turned, clip.signal_ns, cones=mirrored, posture=posture).result)
    slow = frames._replace(luma=luma[::2], times_ns=frames.times_ns[::2])
    agree(whole, analyse(slow, clip.signal_ns, **given).result)
    flat = frames._replace(luma=luma // 2 + 60)
    agree(whole, analyse(flat, clip.signal_ns, **given).result)
    halved = np.stack(
        [cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for p in luma]
    )
    small = analyse(frames._replace(luma=halved), clip.signal_ns, scale=0.5, **given).result
    agree(whole, small)
    assert small["reaction_s"]["u"] > whole["reaction_s"]["u"]
