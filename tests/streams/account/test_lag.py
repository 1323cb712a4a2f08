"""How many records wait, and for which feeds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.account import lag
from streams.account.lag import measure_lag
from streams.brokers.memory_client import MemoryClient
from streams.brokers.records import Record
from tests.streams.units.places import TOPICS, make_order

GROUP = "workers"
FEEDS = ("cam", "dated-by-sender")
WORK = TOPICS.work("fish", "live")


def make_client(partitions=3):
    client = MemoryClient()
    client.create(TOPICS.plan(["fish"], partitions=partitions))
    return client


def arrive(client, feed, event="1"):
    headers = (("ce_source", f"/feeds/{feed}".encode()), ("ce_id", event.encode()))
    client.append([Record(TOPICS.media_arrived, event.encode(), b"picture", headers)])


def order(client, feed, number):
    made = make_order(number, feed=feed)
    client.append([Record(WORK, made.unit.stamp.unit_id.encode(), made.to_canonical())])


def measure(client):
    made = {state.name for state in client.describe()}
    return measure_lag(client, TOPICS, group=GROUP, installations=("fish",), made=made)


def acknowledge_all(client, topic):
    client.commit(GROUP, client.end_offsets([topic]))


def test_a_feed_waits_for_its_arrivals_to_be_routed_and_for_its_units_to_be_done():
    client = make_client()
    for number in range(3):
        arrive(client, "cam", str(number))
    order(client, "cam", 1)
    order(client, "dated-by-sender", 2)
    found = measure(client)
    assert found.feeds == {"cam": 4, "dated-by-sender": 1}
    assert (found.topics[TOPICS.media_arrived], found.topics[WORK]) == (3, 2)


def test_what_is_acknowledged_does_not_wait():
    client = make_client()
    arrive(client, "cam")
    order(client, "cam", 1)
    acknowledge_all(client, TOPICS.media_arrived)
    assert measure(client).feeds == {"cam": 1}
    acknowledge_all(client, WORK)
    assert measure(client).feeds == {}


@pytest.mark.parametrize("key", [b"", b"k", b"\xff", b"cam", b"a.b.c.d", None])
def test_a_work_record_whose_key_is_no_units_id_waits_for_nobody_by_name(key):
    client = make_client()
    client.append([Record(WORK, key, b"{")])
    assert measure(client).feeds == {"(unreadable)": 1}


def test_more_arrivals_than_are_looked_at_are_told_as_at_least(monkeypatch):
    monkeypatch.setattr(lag, "ARRIVALS_LIMIT", 4)
    client = make_client(partitions=1)
    for number in range(10):
        arrive(client, "cam", str(number))
    found = measure(client)
    assert (found.is_whole, found.feeds["cam"], found.topics[TOPICS.media_arrived]) == (False, 4, 10)


def test_uses_that_are_not_facts_yet_are_told_by_topic_and_belong_to_no_feed():
    client = make_client()
    client.append([Record(TOPICS.usage_recorded, b"fish", b"{}")])
    found = measure(client)
    assert (found.topics[TOPICS.usage_recorded], found.feeds) == (1, {})


def test_before_any_topic_is_made_nothing_waits():
    found = measure(MemoryClient())
    assert (found.topics, found.feeds, found.is_whole) == ({}, {}, True)


@given(st.lists(st.tuples(st.sampled_from(["arrive", "order", "ack"]), st.sampled_from(FEEDS)), max_size=40))
def test_the_feeds_together_wait_for_what_the_topics_of_media_and_work_hold(steps):
    client = make_client()
    for number, (step, feed) in enumerate(steps):
        if step == "arrive":
            arrive(client, feed, str(number))
        elif step == "order":
            order(client, feed, number)
        else:
            acknowledge_all(client, TOPICS.media_arrived if number % 2 else WORK)
    found = measure(client)
    assert sum(found.feeds.values()) == found.topics[TOPICS.media_arrived] + found.topics[WORK]
