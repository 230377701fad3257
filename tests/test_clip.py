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


def done(store, key, **more):
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
    done(store, "nobody in particular")


def test_forgetting_an_athlete_takes_the_clip_along(store, tmp_path):
    ana = store.add_athlete("Ana").id
    store.set_consent(ana, "yes")
    done(store, "a", athlete_id=ana)
    store.forget_athletes([ana])
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"A FILM OF SOMEBODY" not in data
