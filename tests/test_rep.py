"""A recording in, an answer and its evidence out; and the same evidence answered again."""

import json

import numpy as np
import pytest
from clips import FPS, SIGNAL_S, film, near, told, valid

from pi import __version__
from pi.camera import Frames
from pi.measure import ALGORITHM
from pi.observations import unpacked
from pi.rep import SCHEMA, analyse, plain, reanalyse, recalled


@pytest.fixture(scope="module")
def clip():
    return film("prone", duration_s=4.6)


@pytest.fixture(scope="module")
def kept(clip):
    """What is told of the film as the device tells it, with a buzzer 5 m away."""
    return analyse(
        clip.frames, clip.signal_ns, source="gpio", hold_s=2.31, cones=clip.cones, posture="prone",
        buzzer_distance_m=5.0, temperature_c=8.0,
    )  # fmt: skip


def settings(clip, **place):
    """The part of a rep's settings that measuring needs."""
    here = {"cones": clip.cones, "buzzer_distance_m": 5.0, "temperature_c": 8.0, "height_m": None}
    return {"place": here | place}


def shifted(frames, by_ns):
    return frames._replace(times_ns=frames.times_ns + by_ns)


# ---------------------------------------------------------------------------------------------


def test_an_answer_says_by_what_it_was_made(kept):
    assert valid(kept.result)["schema"] == SCHEMA
    assert kept.result["version"] == __version__
    assert kept.result["algorithm"] == ALGORITHM


def test_what_the_device_knows_is_in_the_answer(kept, clip):
    signal = kept.result["signal"]
    assert signal["source"] == "gpio"
    assert signal["hold_s"] == 2.31
    assert signal["time_s"] == pytest.approx(SIGNAL_S)
    assert signal["sound_delay_s"] == pytest.approx(5 / 336.1, rel=1e-3)
    capture = kept.result["capture"]
    assert capture["fps"] == pytest.approx(FPS, rel=1e-4)
    assert capture["frames"] == len(clip.frames.luma)
    assert capture["exposure_s"] == pytest.approx(0.001)
    assert kept.result["posture"]["given"] == "prone"


def test_the_evidence_is_observations_a_picture_and_a_replay(kept):
    assert set(kept.evidence) == {"observations", "picture", "replay"}
    assert unpacked(kept.evidence["observations"]).size == (640, 360)
    assert kept.evidence["picture"].startswith(b"\x89PNG")
    assert json.loads(kept.evidence["replay"])["frames"]
    assert sum(len(data) for data in kept.evidence.values()) < 1_500_000


def test_where_the_clock_began_makes_no_difference(kept, clip):
    """Nanoseconds of a machine that has been up for a month, and a signal between pictures."""
    month_ns = 30 * 86_400 * 10**9 + 12_345
    again = analyse(
        shifted(clip.frames, month_ns), clip.signal_ns + month_ns, source="gpio", hold_s=2.31,
        cones=clip.cones, posture="prone", buzzer_distance_m=5.0, temperature_c=8.0,
    )  # fmt: skip
    assert again.result == kept.result


def test_a_buzzer_that_is_slow_to_sound_makes_the_signal_later(clip, kept):
    slow = analyse(
        clip.frames, clip.signal_ns - 30_000_000, buzzer_rise_s=0.030, source="gpio", hold_s=2.31,
        cones=clip.cones, posture="prone", buzzer_distance_m=5.0, temperature_c=8.0,
    ).result  # fmt: skip
    assert slow == kept.result


def test_pictures_shrunk_for_want_of_memory_take_the_cones_of_the_full_ones(clip, kept):
    large = [
        {"pixel": [2 * v + 0.5 for v in cone["pixel"]], "metres": cone["metres"]}
        for cone in clip.cones
    ]
    half = analyse(
        clip.frames, clip.signal_ns, source="gpio", hold_s=2.31, cones=large, scale=0.5,
        posture="prone", buzzer_distance_m=5.0, temperature_c=8.0,
    ).result  # fmt: skip
    for one, two in zip(half["splits"][:3], kept.result["splits"], strict=False):
        assert one["from_signal_s"] == pytest.approx(two["from_signal_s"], abs=0.002)


def test_a_recording_whose_beginning_is_gone_says_so(clip, kept):
    cut = analyse(clip.frames._replace(overrun=True), clip.signal_ns, cones=clip.cones).result
    assert any("beginning is gone" in warning for warning in valid(cut)["warnings"])
    assert kept.result["warnings"] == []


def test_cones_that_cannot_be_and_too_few_pictures_are_refused(clip):
    with pytest.raises(ValueError, match="cones"):
        analyse(clip.frames, clip.signal_ns, cones=clip.cones[:1])
    few = clip.frames._replace(luma=clip.frames.luma[:5], times_ns=clip.frames.times_ns[:5])
    with pytest.raises(ValueError, match="too few"):
        analyse(few, clip.signal_ns)


def test_analyse_leaves_the_recording_as_it_was(clip):
    frames = clip.frames._replace(luma=clip.frames.luma[::4], times_ns=clip.frames.times_ns[::4])
    luma, times_ns = frames.luma.copy(), frames.times_ns.copy()
    analyse(frames, clip.signal_ns, cones=clip.cones)
    assert np.array_equal(frames.luma, luma)
    assert np.array_equal(frames.times_ns, times_ns)


def test_pictures_in_a_ring_that_may_not_be_written_to_are_measured_all_the_same(clip):
    luma = clip.frames.luma[::4].view()
    luma.flags.writeable = False
    frames = clip.frames._replace(luma=luma, times_ns=clip.frames.times_ns[::4])
    assert analyse(frames, clip.signal_ns, cones=clip.cones).result["status"] == "measured"


# ---------------------------------------------------------------------------------------------


def test_todays_answer_from_stored_evidence_is_the_answer_that_was_given(kept, clip):
    again = reanalyse(kept.evidence["observations"], kept.result, settings(clip))
    assert again == kept.result


def test_a_later_calibration_changes_metres_and_not_the_films_times(kept, clip):
    """The cones were noted as 5 % further apart than they stand."""
    wrong = [cone | {"metres": 1.05 * cone["metres"]} for cone in clip.cones]
    again = reanalyse(kept.evidence["observations"], kept.result, settings(clip, cones=wrong))
    assert again["peak_speed"]["value"] == pytest.approx(
        1.05 * kept.result["peak_speed"]["value"], rel=0.01
    )
    assert again["up_s"]["value"] == pytest.approx(kept.result["up_s"]["value"], abs=0.005)


def test_a_buzzer_whose_distance_was_corrected_changes_the_reaction(kept, clip):
    again = reanalyse(
        kept.evidence["observations"], kept.result, settings(clip, buzzer_distance_m=0.0)
    )
    later = again["reaction_s"]["value"] - kept.result["reaction_s"]["value"]
    assert later == pytest.approx(kept.result["signal"]["sound_delay_s"], abs=2e-4)


def test_stored_evidence_without_cones_has_no_metres(kept, clip):
    again = valid(reanalyse(kept.evidence["observations"], kept.result, settings(clip, cones=[])))
    assert again["peak_speed"]["value"] is None
    assert again["reaction_s"]["value"] is not None


def test_evidence_that_cannot_be_read_is_refused(kept, clip):
    with pytest.raises(ValueError, match="not the observations"):
        reanalyse(b"something else", kept.result, settings(clip))


def test_every_ending_can_be_answered_again():
    for posture, ending in (("supine", "no_movement"), ("standing", "walk_away")):
        one = told(posture, seed=3, ending=ending, fps=60.0)
        place = {"cones": one.cones, "buzzer_distance_m": 0.0, "temperature_c": 20.0}
        again = reanalyse(one.evidence["observations"], one.result, {"place": place})
        assert again == one.result


# ---------------------------------------------------------------------------------------------


def test_a_rep_that_was_called_back_is_a_false_start_without_times():
    times_ns = 10**15 + np.arange(240) * 8_333_333
    frames = Frames(np.zeros((240, 4, 4), np.uint8), times_ns, exposure_ns=2_000_000, dropped=2)
    result = valid(recalled(frames, hold_s=1.7, posture="plank"))
    assert result["status"] == "false_start"
    assert result["reasons"]
    assert result["posture"] == {"start": None, "given": "plank", "confidence": None}
    assert result["signal"]["hold_s"] == 1.7
    assert result["capture"]["fps"] == pytest.approx(120, rel=1e-4)
    assert (result["capture"]["frames"], result["capture"]["dropped"]) == (240, 2)
    assert result["reaction_s"] == result["up_s"] == {"value": None, "u": None}
    assert all(split["from_signal_s"] is None for split in result["splits"])


def test_a_called_back_rep_has_the_keys_of_every_other():
    frames = Frames(np.zeros((3, 4, 4), np.uint8), np.arange(3) * 10**7)
    assert set(recalled(frames, hold_s=None, posture=None)) == set(told("prone").result)


# ---------------------------------------------------------------------------------------------


def test_half_the_light_is_enough():
    clip = film("standing", seed=9)
    dark = clip.frames._replace(luma=clip.frames.luma // 2)
    result = valid(analyse(dark, clip.signal_ns, cones=clip.cones, posture="standing").result)
    assert near(result["reaction_s"], clip.truth["reaction_s"])


def test_what_json_cannot_hold_becomes_what_it_can():
    odd = {
        1: np.float64("nan"), "array": np.array([1.0, np.inf]), "tuple": (np.int64(3), None),
        "flag": np.bool_(True), "inside": {"x": [np.float32(0.5)]},
    }  # fmt: skip
    assert plain(odd) == {
        "1": None, "array": [1.0, None], "tuple": [3, None], "flag": True, "inside": {"x": [0.5]},
    }  # fmt: skip
    assert json.dumps(plain(odd), allow_nan=False)
