"""The state of a deployment as its topics tell it."""

from __future__ import annotations

import datetime as dt

import pytest

from detectors.scripted import ScriptedDetector
from schemas.errors import RejectedInput
from sinks.object_store.memory import MemoryStore
from sinks.result_tables import make_tables
from sinks.results import ResultSink
from streams.account.status import read_status
from streams.brokers.memory_client import MemoryClient
from streams.brokers.records import Record
from streams.faults import make_rejection, to_dead_letter
from tests.streams.units.places import TOPICS, FakeReader, make_order

GROUP = "workers"


@pytest.fixture
def client():
    made = MemoryClient()
    made.create(TOPICS.plan(["fish"], partitions=2))
    return made


def ask(client, **options):
    return read_status(client, TOPICS, **{"group": GROUP, "installations": ("fish",), "tail": 100, **options})


def announce(client, number, feed="cam"):
    from schemas.result import Observed, make_result
    from tests.streams.units.places import Opened

    order = make_order(number, feed=feed)
    observer = ScriptedDetector().identity.to_observer(reader=FakeReader().to_version(order.unit))
    sink = ResultSink(MemoryStore(), lambda *_: b"", make_tables)
    writing, opened = sink.begin(order.unit.stamp, observer), Opened([])
    outcome = Observed(coverage=opened.coverage, effort=opened.effort, content=writing.store_entries(()))
    result = make_result(order.unit.stamp, observer, outcome)
    announced = writing.store(result, (), order, started_at=order.arrived_at, attempt=1)
    client.append([Record(TOPICS.result_stored, b"%d" % number, announced.to_canonical())])


def test_a_feed_is_fresh_as_long_as_its_last_result_is_young(client):
    announce(client, 1)
    status = ask(client)
    fresh = status.to_plain(600.0)
    assert (fresh["fresh"], fresh["feeds"]["cam"]["state"]) == (True, "fresh")
    status.asked_at += dt.timedelta(hours=1)
    stale = status.to_plain(600.0)
    assert (stale["fresh"], stale["feeds"]["cam"]["state"]) == (False, "stale")
    assert stale["feeds"]["cam"]["age_s"] >= 3600


def test_the_last_result_of_each_feed_is_told_with_the_time_its_picture_was_taken(client):
    for number, feed in ((1, "cam"), (3, "cam"), (2, "dated-by-sender")):
        announce(client, number, feed)
    feeds = ask(client).to_plain(600.0)["feeds"]
    assert feeds["cam"]["last_captured"] == "2026-05-01T12:03:00.000Z"
    assert feeds["dated-by-sender"]["last_captured"] == "2026-05-01T12:02:00.000Z"


def test_dead_letters_are_counted_by_feed_and_reason(client):
    at = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    for step, key, headers, reason in (
        ("route", b"cam", (("ce_source", b"/feeds/cam"), ("ce_id", b"1")), "bad_time"),
        ("route", b"cam", (("ce_source", b"/feeds/cam"), ("ce_id", b"2")), "bad_time"),
        ("work", b"cam.20260501t120000000z.0123", (), "truncated_picture"),
        ("route", b"any key", (), "unreadable_envelope"),
        ("route", b"another key", (("ce_source", b"http://elsewhere"), ("ce_id", b"1")), "unknown_feed"),
    ):
        record = Record(TOPICS.media_arrived, key, b"x", headers)
        rejection = make_rejection(record, RejectedInput(reason, "It is."), step=step, rejected_at=at)
        client.append([to_dead_letter(record, rejection, TOPICS.media_rejected)])
    feeds = ask(client).to_plain(600.0)["feeds"]
    assert {name: feed["dead_letters"] for name, feed in feeds.items()} == {
        "cam": {"bad_time": 2, "truncated_picture": 1},
        "(unreadable)": {"unknown_feed": 1, "unreadable_envelope": 1},
    }


def test_lag_is_what_lies_behind_the_last_commit(client):
    client.append([Record(TOPICS.media_arrived, b"k", b"x") for _ in range(5)])
    assert ask(client).lag[TOPICS.media_arrived] == 5
    (partition,) = [part for part, end in client.end_offsets([TOPICS.media_arrived]).items() if end]
    client.commit(GROUP, {partition: 3})
    assert ask(client).lag[TOPICS.media_arrived] == 2


def test_garbage_on_the_topics_does_not_hide_the_rest(client):
    for topic in (TOPICS.result_stored, TOPICS.media_rejected):
        client.append([Record(topic, b"k", garbage) for garbage in (b"\xff", b"{}", b"")])
    announce(client, 1)
    assert list(ask(client).feeds) == ["cam"]


def test_a_feed_of_the_settings_that_never_sent_anything_is_stale_and_told(client):
    announce(client, 1)
    told = ask(client, feeds=("cam", "silent")).to_plain(600.0)
    assert (told["fresh"], told["feeds"]["silent"]["state"], told["feeds"]["silent"]["last_result_at"]) == (
        False,
        "stale",
        None,
    )
    assert told["feeds"]["cam"]["state"] == "fresh"


def test_a_deployment_whose_topics_are_not_made_yet_has_nothing_to_tell():
    assert ask(MemoryClient()).to_plain(600.0)["feeds"] == {}
