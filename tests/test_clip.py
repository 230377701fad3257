"""A film of one start: what is drawn is in it, and it is gone after a day."""

import io

import av
import numpy as np
import pytest
from sample_reps import sample_result, walk

from pi import clip
from pi.store import NotAgreed


def read(film):
    with av.open(io.BytesIO(film)) as file:
        pictures = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]
        return np.array(pictures), float(file.streams.video[0].average_rate)


def test_a_film_shows_what_was_seen_in_its_own_time():
    luma = np.full((120, 720, 1280), 60, np.uint8)
    for k in range(120):
        luma[k, 200:520, 8 * k : 8 * k + 160] = 200  # a block that runs to the right
    pictures, fps = read(clip.film(luma, 120.0))
    assert pictures.shape == (60, 360, 640)
    assert fps == 60.0
    for k in (0, 30, 59):
        columns = np.flatnonzero(pictures[k, 180] > 130)
        assert columns[0] == pytest.approx(2 * k * 8 / 2, abs=2)
    assert len(clip.film(luma, 120.0)) < 60_000


def test_a_small_slow_film_stays_as_it_is():
    pictures, fps = read(clip.film(np.zeros((10, 121, 161), np.uint8), 30.0))
    assert (pictures.shape, fps) == ((10, 120, 160), 30.0)


def agreed(store, name="Fox"):
    fox = store.add_athlete(name).id
    store.set_consent(fox, "yes")
    return fox


def done(store, key, **more):
    more = {"athlete_id": agreed(store)} | more
    rep = store.request_rep(posture="prone", key=key, drill={"clip": True}, **more)
    walk(store, rep, "settling", "holding", "running", "analysing")
    rep = store.change_rep(rep.id, state="done", result=sample_result())
    store.save_evidence(rep.id, "clip", "video/mp4", b"A FILM OF SOMEBODY")
    return rep


def test_a_clip_is_forgotten_after_a_day_and_nothing_else_is(store, monkeypatch):
    old = done(store, "a")
    store.save_evidence(old.id, "picture", "image/png", b"outlines")
    assert store.clear_clips() == 0
    monkeypatch.setattr("pi.store.evidence.CLIP_KEPT_NS", 0)
    assert store.clear_clips() == 1
    assert store.evidence_kinds(old.id) == ["picture"]
    assert store.clear_clips() == 0


def test_a_clip_of_an_earlier_boot_is_forgotten(store, monkeypatch):
    rep = done(store, "a")
    monkeypatch.setattr("pi.store.stamps.boot_id", lambda: "another")
    assert store.clear_clips() == 1
    assert store.evidence_kinds(rep.id) == []


def test_no_clip_of_who_has_not_agreed(store):
    ana = store.add_athlete("Ana").id
    for mark in ("", "no"):
        store.set_consent(ana, mark)
        with pytest.raises(NotAgreed):
            store.request_rep(
                posture="prone", key=mark or "x", drill={"clip": True}, athlete_id=ana
            )
    assert store.active_rep() is None
    store.set_consent(ana, "yes")
    done(store, "yes", athlete_id=ana)
    with pytest.raises(NotAgreed, match="has a name"):
        done(store, "nobody in particular", athlete_id=None)


def test_of_several_nobody_may_be_without_a_name_or_the_mark(store):
    fox, owl = agreed(store), store.add_athlete("Owl").id
    for k, other in enumerate((owl, None)):
        drill = {"clip": True, "players": [fox, other]}
        with pytest.raises(NotAgreed):
            store.request_rep(posture="prone", key=f"{k}", drill=drill)
    assert store.active_rep() is None


def test_who_takes_back_the_mark_takes_the_clip_along_and_no_other(store):
    fox, owl = agreed(store), agreed(store, "Owl")
    his = done(store, "a", athlete_id=fox)
    other = done(store, "b", athlete_id=owl)
    before = store.latest_change()
    store.set_consent(fox, "no")
    assert store.evidence_kinds(his.id) == []
    assert store.rep(his.id).changed > before, "pages that show it have to be told"
    assert store.evidence_kinds(other.id) == ["clip"]
    store.set_consent(owl, "")
    assert store.evidence_kinds(other.id) == []


def test_a_clip_goes_with_the_rep_to_nobody_who_has_not_agreed(store):
    fox, owl, bee = agreed(store), agreed(store, "Owl"), store.add_athlete("Bee").id
    rep = done(store, "a", athlete_id=fox)
    store.give_rep(rep.id, owl)
    assert store.evidence_kinds(rep.id) == ["clip"]
    store.give_rep(rep.id, bee)
    assert store.evidence_kinds(rep.id) == []
    nameless = done(store, "b", athlete_id=fox)
    store.give_rep(nameless.id, None)
    assert store.evidence_kinds(nameless.id) == []


def test_a_clip_of_a_lane_goes_when_who_ran_in_it_had_not_agreed(store):
    fox, owl, bee = agreed(store), agreed(store, "Owl"), store.add_athlete("Bee").id
    drill = {"clip": True, "players": [fox, owl]}
    rep = walk(store, store.request_rep(posture="prone", key="a", drill=drill),
               "settling", "holding", "running", "analysing", "done")  # fmt: skip
    assert store.save_clip(rep.id, b"film")
    store.give_start(rep.id, 1, bee)
    assert store.evidence_kinds(rep.id) == []


def test_a_film_that_is_ready_late_is_kept_only_of_a_rep_that_is_there_and_agreed(store):
    fox = agreed(store)
    rep = done(store, "a", athlete_id=fox)
    store.delete_evidence(rep.id, "clip")
    assert store.save_clip(rep.id, b"film")
    assert store.evidence(rep.id, "clip").data == b"film"
    store.set_consent(fox, "no")
    assert not store.save_clip(rep.id, b"film")
    assert store.evidence_kinds(rep.id) == []
    store.forget_athletes([fox])
    assert not store.save_clip(rep.id, b"film")


def test_a_clip_is_not_shown_after_its_day_though_nobody_cleared_it(store, monkeypatch):
    rep = done(store, "a")
    store.save_evidence(rep.id, "picture", "image/png", b"outlines")
    monkeypatch.setattr("pi.store.evidence.CLIP_KEPT_NS", 0)
    assert store.evidence(rep.id, "clip") is None
    assert store.evidence_kinds(rep.id) == ["picture"]


def test_forgetting_an_athlete_takes_the_clip_along(store, tmp_path):
    ana = store.add_athlete("Ana").id
    store.set_consent(ana, "yes")
    done(store, "a", athlete_id=ana)
    store.forget_athletes([ana])
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"A FILM OF SOMEBODY" not in data
