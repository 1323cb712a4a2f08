"""Images of a collection are announced once each, whatever breaks off, comes late, is locked or is not there yet."""

from __future__ import annotations

import datetime as dt
import sqlite3
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import FatalFault, TransientFault
from streams.feeds.mongo import poll as polling
from streams.feeds.mongo.bookmark import open_bookmark
from streams.feeds.mongo.poll import CollectionPoll
from streams.feeds.watch import watch_until
from tests.streams.feeds.mongo.builders import Lab

AWAY = TransientFault("The broker is away.")


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def test_what_is_there_is_announced_in_order_and_once_however_often_it_is_looked_at(lab):
    lab.add(1, 2, 3)
    assert lab.poll() == CollectionPoll(announced=3)
    assert lab.poll() == CollectionPoll()
    lab.add(4)
    assert lab.poll() == CollectionPoll(announced=1)
    assert lab.announced == ["1.png", "2.png", "3.png", "4.png"]


def test_a_spoilt_image_is_refused_once_and_the_others_go_on(lab):
    lab.add(1, 2, 3)
    lab.spoilt = {"2.png": "empty_file"}
    assert lab.poll() == CollectionPoll(announced=2, refused=1)
    assert lab.poll() == CollectionPoll()
    assert lab.refused == [("2.png", "empty_file")]


def test_a_look_that_was_broken_off_is_taken_up_where_it_broke(lab):
    lab.add(1, 2, 3)
    lab.spoilt = {"2.png": AWAY}
    with pytest.raises(TransientFault):
        lab.poll()
    lab.spoilt = {}
    assert lab.poll() == CollectionPoll(announced=2)
    assert lab.announced == ["1.png", "2.png", "3.png"]


def test_a_document_of_a_writer_whose_clock_is_late_is_not_passed_over(lab):
    lab.add(100, 1000)
    lab.poll()
    lab.add(500)
    assert lab.poll() == CollectionPoll(announced=1)
    assert lab.announced == ["100.png", "1000.png", "500.png"]


def test_an_image_that_is_being_written_is_tried_again_after_a_growing_wait(lab):
    lab.add(1, 2)
    lab.spoilt = {"1.png": "changed_while_read"}
    with lab.watch() as watch:
        assert watch.poll() == CollectionPoll(announced=1, waiting=1)
        assert watch.poll() == CollectionPoll(waiting=1)
        assert lab.asked == 2
        lab.spoilt = {}
        lab.time += dt.timedelta(seconds=lab.rule.poll_s)
        assert watch.poll() == CollectionPoll(announced=1)
    assert lab.poll() == CollectionPoll()
    assert (lab.announced, lab.refused) == (["2.png", "1.png"], [])


def test_a_file_that_comes_after_its_document_is_waited_for_and_refused_when_it_never_comes(lab):
    lab.add(1)
    lab.spoilt = {"1.png": "missing_file"}
    assert lab.poll() == CollectionPoll(waiting=1)
    lab.time += dt.timedelta(seconds=lab.rule.missing_after_s)
    assert lab.poll() == CollectionPoll(refused=1)
    assert lab.poll() == CollectionPoll()
    assert lab.refused == [("1.png", "missing_file")]


def test_many_that_wait_end_a_look_so_that_memory_stays_bounded(lab, monkeypatch):
    monkeypatch.setattr(polling, "WAITING_LIMIT", 3)
    lab.add(*range(1, 10))
    lab.spoilt = {f"{number}.png": "unreadable_file" for number in range(1, 10)}
    assert lab.poll() == CollectionPoll(waiting=3)
    lab.spoilt = {}
    assert lab.poll() == CollectionPoll(announced=9)


def test_what_is_remembered_does_not_grow_with_the_collection(lab):
    for start in range(0, 5_000, 500):
        lab.add(*range(start, start + 500))
        lab.poll()
    with sqlite3.connect(lab.path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM done").fetchone()
    connection.close()
    assert len(lab.announced) == 5_000
    assert count <= lab.rule.overlap_s + 2


def test_two_feeds_and_two_collections_each_have_a_bookmark(tmp_path, lab):
    lab.add(1)
    lab.poll()
    other = Lab(tmp_path, collection="others")
    other.add(1)
    assert other.poll() == CollectionPoll(announced=1)
    assert lab.poll() == CollectionPoll()


def test_an_outage_of_the_collection_passes(lab):
    lab.add(1)
    lab.collection.fault = AWAY
    with pytest.raises(TransientFault):
        lab.poll()
    lab.collection.fault = None
    assert lab.poll() == CollectionPoll(announced=1)


def test_a_memory_of_a_newer_version_and_a_file_that_is_none_are_refused(tmp_path):
    path = tmp_path / "collections.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(FatalFault, match="form 9"), open_bookmark(path, "feed", "lab.images"):
        pass
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(FatalFault, match="cannot be used"), open_bookmark(path, "feed", "lab.images"):
        pass


def test_watching_goes_on_until_it_is_asked_to_stop(lab):
    stop = threading.Event()
    with lab.watch() as watch:
        looks = watch_until(watch, stop)
        lab.add(1)
        assert next(looks) == CollectionPoll(announced=1)
        stop.set()
        assert list(looks) == []


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 500)),
        st.tuples(st.just("spoil"), st.sampled_from(["empty_file", "unreadable_file", "away"])),
        st.tuples(st.just("heal"), st.none()),
        st.tuples(st.just("look"), st.none()),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_every_document_is_announced_or_refused_exactly_once_whatever_happens(steps):
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), overlap_s=600)
        added = 0
        for what, value in steps:
            lab.time += dt.timedelta(minutes=1)
            if what == "add":
                added += 1
                # whole seconds, and no two alike: ids of one second are told apart by what follows
                lab.add(added, after_s=value + added / 1000)
            elif what == "spoil" and added:
                lab.spoilt[f"{added}.png"] = AWAY if value == "away" else value
            elif what == "heal":
                lab.spoilt = {}
            elif what == "look":
                with suppress(TransientFault):
                    lab.poll()
        lab.spoilt = {}
        lab.poll()
        ended = sorted([*lab.announced, *(name for name, _ in lab.refused)])
        assert ended == sorted(f"{number}.png" for number in range(1, added + 1))
