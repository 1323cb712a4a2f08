"""The state of a deployment as its topics tell it."""

from __future__ import annotations

import datetime as dt

import pytest

from detectors.scripted import ScriptedDetector
from schemas.errors import RejectedInput
from schemas.media import InWork, MediaSettled, SetAside, Stored
from sinks.object_store.memory import MemoryStore
from sinks.result_tables import make_tables
from sinks.results import ResultSink
from streams.account.status import FEEDS_LIMIT, StatusReader, to_age_text
from streams.brokers.memory_client import MemoryClient
from streams.brokers.records import Record
from streams.faults import make_rejection, to_dead_letter
from tests.streams.units.places import AT, TOPICS, FakeReader, make_order

GROUP = "workers"


@pytest.fixture
def client():
    made = MemoryClient()
    made.create(TOPICS.plan(["fish"], partitions=2))
    return made


def make_reader(client, **options):
    return StatusReader(client, TOPICS, **{"group": GROUP, "installations": ("fish",), "tail": 100, **options})


def ask(client, **options):
    return make_reader(client, **options).read()


def announce(client, number, feed="cam"):
    from schemas.result import Observed, make_result
    from tests.streams.units.places import Opened

    order = make_order(number, feed=feed)
    observer = ScriptedDetector().identity.to_observer(reader=FakeReader().to_version(order.unit))
    sink = ResultSink(MemoryStore(), lambda *_: b"", make_tables)
    writing, opened = sink.begin(order.unit.stamp, observer), Opened([])
    outcome = Observed(coverage=opened.coverage, effort=opened.effort, content=writing.store_entries())
    result = make_result(order.unit.stamp, observer, outcome)
    announced = writing.store(result, order, started_at=order.arrived_at, attempt=1)
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
    assert stale["feeds"]["cam"]["freshness"] == "60 minutes ago"


@pytest.mark.parametrize(
    ("age_s", "words"),
    [
        (0.4, "just now"),
        (2, "2 seconds ago"),
        (119, "119 seconds ago"),
        (120, "2 minutes ago"),
        (7_199, "119 minutes ago"),
        (7_200, "2 hours ago"),
        (200_000, "2 days ago"),
    ],
)
def test_an_age_is_said_in_the_largest_unit_of_which_there_are_two(age_s, words):
    assert to_age_text(age_s) == words


def test_the_last_result_of_each_feed_is_told_with_the_time_its_picture_was_taken(client):
    for number, feed in ((1, "cam"), (3, "cam"), (2, "dated-by-sender")):
        announce(client, number, feed)
    feeds = ask(client).to_plain(600.0)["feeds"]
    assert feeds["cam"]["last_captured"] == "2026-05-01T12:03:00.000Z"
    assert feeds["dated-by-sender"]["last_captured"] == "2026-05-01T12:02:00.000Z"


def test_dead_letters_are_counted_by_feed_and_reason(client):
    for step, key, headers, reason in (
        ("route", b"cam", (("ce_source", b"/feeds/cam"), ("ce_id", b"1")), "bad_time"),
        ("route", b"cam", (("ce_source", b"/feeds/cam"), ("ce_id", b"2")), "bad_time"),
        ("work", b"cam.20260501t120000000z.0123", (), "truncated_picture"),
        ("route", b"any key", (), "unreadable_envelope"),
        ("route", b"another key", (("ce_source", b"http://elsewhere"), ("ce_id", b"1")), "unknown_feed"),
    ):
        record = Record(TOPICS.media_arrived, key, b"x", headers)
        rejection = make_rejection(record, RejectedInput(reason, "It is."), step=step, rejected_at=AT)
        client.append([to_dead_letter(record, rejection, TOPICS.media_rejected)])
    feeds = ask(client).to_plain(600.0)["feeds"]
    assert {name: feed["dead_letters"] for name, feed in feeds.items()} == {
        "cam": {"bad_time": 2, "truncated_picture": 1},
        "(unreadable)": {"unknown_feed": 1, "unreadable_envelope": 1},
    }


def settle(client, event, end):
    settled = MediaSettled(source="/feeds/cam", event=event, end=end)
    client.append([Record(TOPICS.media_settled, settled.message_key, settled.to_canonical())])


def set_aside(client, event, reason="bad_time"):
    """Send a dead letter and its end, as a router does; return its id."""
    record = Record(TOPICS.media_arrived, b"cam", b"x", (("ce_source", b"/feeds/cam"), ("ce_id", event.encode())))
    rejection = make_rejection(record, RejectedInput(reason, "It is."), step="route", rejected_at=AT)
    client.append([to_dead_letter(record, rejection, TOPICS.media_rejected)])
    settle(client, event, SetAside(rejection_id=rejection.rejection_id, reason=reason))


def test_what_was_tried_again_and_stored_is_no_dead_letter_any_more(client):
    for event in ("1", "2"):
        set_aside(client, event)
    settle(client, "1", Stored(unit_ids=("u",)))
    assert ask(client).feeds["cam"].dead_letters == {"bad_time": 1}


def test_a_reader_that_asks_again_and_again_tells_the_same_as_one_that_asks_once(client):
    reader = make_reader(client, feeds=("cam",))
    steps = (
        lambda: announce(client, 1),
        lambda: set_aside(client, "a"),
        lambda: settle(client, "a", InWork(unit_id="u")),
        lambda: set_aside(client, "a", "truncated_picture"),
        lambda: announce(client, 2),
        lambda: set_aside(client, "b"),
        lambda: settle(client, "a", Stored(unit_ids=("u",))),
    )
    for step in steps:
        step()
        again, once = reader.read().to_plain(600.0), ask(client, feeds=("cam",)).to_plain(600.0)
        for plain in (again, once):
            plain.pop("asked_at")
            for feed in plain["feeds"].values():
                feed.pop("age_s")
                feed.pop("freshness")
        assert again == once
    assert reader.read().feeds["cam"].dead_letters == {"bad_time": 1}


def test_the_last_result_says_what_was_found(client):
    announce(client, 1)
    told = ask(client).to_plain(600.0)["feeds"]["cam"]["last_result"]
    assert (told["captured"], told["images"], told["findings"]) == ("2026-05-01T12:01:00.000Z", 0, 0)
    assert told["document"].startswith("results/fish/cam/2026/05/01/")


def test_feeds_that_senders_invent_do_not_fill_the_memory(client):
    for number in range(FEEDS_LIMIT + 10):
        record = Record(TOPICS.media_arrived, b"k", b"x", (("ce_source", b"/feeds/f%d" % number), ("ce_id", b"1")))
        rejection = make_rejection(record, RejectedInput("unknown_feed", "It is."), step="route", rejected_at=AT)
        client.append([to_dead_letter(record, rejection, TOPICS.media_rejected)])
    feeds = ask(client, tail=10_000).feeds
    assert len(feeds) == FEEDS_LIMIT + 1
    assert sum(feed.dead_letters["unknown_feed"] for feed in feeds.values()) == FEEDS_LIMIT + 10


def test_lag_is_what_lies_behind_the_last_commit(client):
    client.append([Record(TOPICS.media_arrived, b"k", b"x") for _ in range(5)])
    assert ask(client).lag.topics[TOPICS.media_arrived] == 5
    (partition,) = [part for part, end in client.end_offsets([TOPICS.media_arrived]).items() if end]
    client.commit(GROUP, {partition: 3})
    assert ask(client).lag.topics[TOPICS.media_arrived] == 2


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
