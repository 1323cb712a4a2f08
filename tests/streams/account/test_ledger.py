"""The ledger: whatever happens in whatever order, every arrival is in exactly one state, and each that is missing has a name."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.canonical import to_sha256
from schemas.media import Duplicate, InWork, MediaSettled, SetAside, Skipped, Stored
from schemas.topics import Topics
from streams.account.ledger import (
    NAMED_LIMIT,
    UNREADABLE,
    ArrivalKey,
    count_ledger,
    find_feed,
    find_subject,
    read_ends,
    read_ledger,
    read_tallies,
    to_arrival_key,
)
from streams.brokers.memory_client import MemoryClient
from streams.brokers.records import Record
from streams.feeds.announce import Claimed, Sender, announce_bytes
from streams.units.routing import to_settled_record
from tests.streams.units.places import TOPICS, to_stored

GROUP, PARTITIONS = "workers", 2

ENDS = {
    "stored": Stored(unit_ids=("u",)),
    "duplicates": Duplicate(of_unit_id="u"),
    "rejected": SetAside(rejection_id="r", reason="truncated_picture"),
    "skipped": Skipped(policy="needs_background"),
}


class World:
    """A broker, a router and its workers, in as much as the ledger sees them."""

    def __init__(self):
        self.client = MemoryClient()
        self.client.create(TOPICS.plan(["fish"], partitions=PARTITIONS))
        self.states: dict[ArrivalKey, str] = {}
        self.places = dict.fromkeys(range(PARTITIONS), 0)

    def arrive(self, number):
        announced = announce_bytes(b"%d" % number, Claimed(f"{number}.jpg"), Sender(f"cam-{number % 3}"))
        self.client.append([announced.to_record(TOPICS.media_arrived)])
        self.states.setdefault(ArrivalKey(announced.media.source, announced.media.event), "waiting")

    def route(self, partition, state):
        """Take up the next arrival of a partition; what the router says is durable before it commits."""
        waiting = list(self.client.read(TOPICS.media_arrived, self.places | {1 - partition: 1 << 30}))
        if not waiting:
            return
        self.places[partition] = waiting[0].offset + 1
        self.say(to_arrival_key(waiting[0]), state if state in {"duplicates", "rejected"} else "in_work")

    def end(self, number, state):
        at_work = sorted(key for key, known in self.states.items() if known == "in_work")
        if at_work:
            self.say(at_work[number % len(at_work)], state)

    def say(self, key, state):
        end = InWork(unit_id="u") if state == "in_work" else ENDS[state]
        self.client.append([to_settled_record(TOPICS, MediaSettled(source=key.source, event=key.event, end=end))])
        self.states[key] = state

    def commit(self):
        self.client.commit(GROUP, {(TOPICS.media_arrived, part): place for part, place in self.places.items()})

    def crash(self):
        """Begin anew where the last commit was: what was taken up since is taken up again."""
        committed = self.client.committed(GROUP)
        self.places = {part: committed.get((TOPICS.media_arrived, part), 0) for part in range(PARTITIONS)}

    def check(self):
        ledger = read_ledger(self.client, TOPICS, group=GROUP)
        plain, total = ledger.to_plain(), ledger.total
        parts = ("stored", "duplicates", "rejected", "skipped", "in_flight")
        assert total.submitted == len(self.states)
        assert total.submitted == sum(plain[name] for name in parts)
        assert all(plain[name] >= 0 for name in parts)
        for name in parts[:-1]:
            assert plain[name] == sum(state == name for state in self.states.values())
        assert set(ledger.in_flight) == {key for key, state in self.states.items() if state in {"waiting", "in_work"}}


ACTIONS = st.one_of(
    st.tuples(st.just("arrive"), st.integers(0, 7)),
    st.tuples(st.just("route"), st.integers(0, PARTITIONS - 1), st.sampled_from(["in_work", "duplicates", "rejected"])),
    st.tuples(st.just("end"), st.integers(0, 7), st.sampled_from(["stored", "rejected", "skipped"])),
    st.tuples(st.just("commit")),
    st.tuples(st.just("crash")),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ACTIONS, max_size=40))
def test_whatever_comes_ends_crashes_and_comes_again_the_sum_holds_and_each_missing_one_is_named(actions):
    world = World()
    for name, *arguments in actions:
        getattr(world, name)(*arguments)
        world.check()


def test_no_picture_that_was_taken_up_is_read_again(monkeypatch):
    world = World()
    for number in range(6):
        world.arrive(number)
    for _ in range(6):
        world.route(0, "in_work")
        world.route(1, "in_work")
    world.commit()
    starts = []
    read = world.client.read
    monkeypatch.setattr(
        world.client, "read", lambda topic, start=None: starts.append((topic, start)) or read(topic, start)
    )
    world.check()
    assert (TOPICS.media_arrived, world.places) in starts


def test_images_and_findings_count_each_stored_unit_once_however_often_it_was_announced():
    first, second = ArrivalKey("/feeds/cam", "a"), ArrivalKey("/feeds/cam", "b")
    ends = {
        key: MediaSettled(source=key.source, event=key.event, end=Stored(unit_ids=("u",))) for key in (first, second)
    }
    ledger = count_ledger([first, second], ends, {"u": (7, 3), "of another run": (100, 100)})
    assert (ledger.total.stored, ledger.images, ledger.findings) == (2, 7, 3)


def test_of_many_that_are_missing_the_first_hundred_are_named_and_all_are_counted():
    keys = [ArrivalKey("/feeds/cam", f"{number:04}") for number in range(3 * NAMED_LIMIT)]
    ledger = count_ledger(keys, {}, {})
    assert ledger.total.in_flight == 3 * NAMED_LIMIT
    assert ledger.in_flight == keys[:NAMED_LIMIT]


def test_feeds_are_counted_apart_and_what_names_none_stands_by_itself():
    keys = [ArrivalKey("/feeds/a", "1"), ArrivalKey("/feeds/b", "1"), ArrivalKey("/unreadable", "0-7")]
    ledger = count_ledger(keys, {}, {})
    assert {name: feed.submitted for name, feed in ledger.feeds.items()} == {"a": 1, "b": 1, UNREADABLE: 1}


@pytest.mark.parametrize(
    "garbage", [None, b"", b"\xff\xfe", b"{", b"[]", b"null", b"5", b'{"unit": 5}', b'{"unit": {"unit_id": {}}}']
)
def test_what_somebody_else_wrote_on_a_topic_does_not_stop_the_account(garbage):
    world = World()
    world.arrive(1)
    world.route(0, "in_work")
    world.route(1, "in_work")
    for topic in (TOPICS.media_settled, TOPICS.result_stored):
        world.client.append([Record(topic, b"k", garbage)])
    world.check()


def test_an_arrival_without_a_readable_envelope_is_named_by_its_place():
    record = to_stored(Record("media.arrived.v1", None, b"x", (("ce_id", b"1"),)), partition=3, offset=42)
    assert to_arrival_key(record) == ArrivalKey("/unreadable", "3-42")
    assert find_feed(record) == UNREADABLE
    assert find_subject(record) is None


def test_header_names_are_read_in_any_case_and_bytes_that_are_no_text_as_well_as_can_be():
    headers = (("CE_SOURCE", b"/feeds/cam"), ("Ce_Id", b"\xff1"), ("ce_subject", b"a\xff.jpg"))
    record = to_stored(Record("media.arrived.v1", None, b"x", headers))
    assert to_arrival_key(record) == ArrivalKey("/feeds/cam", "\ufffd1")
    assert find_subject(record) == "a\ufffd.jpg"


def test_a_state_is_the_newest_of_its_arrival():
    settled = [
        MediaSettled(source="/feeds/cam", event="e", end=end)
        for end in (InWork(unit_id="u"), ENDS["rejected"], InWork(unit_id="u"), ENDS["stored"])
    ]
    records = [to_stored(to_settled_record(Topics(), item)) for item in settled]
    assert [*read_ends(records).values()] == [settled[-1]]


def test_a_tally_is_of_the_newest_result_of_its_unit():
    values = [b'{"unit":{"unit_id":"u"},"counts":{"looked":%d,"findings":%d}}' % pair for pair in ((1, 1), (2, 5))]
    assert read_tallies(to_stored(Record("r", b"k", value)) for value in values) == {"u": (2, 5)}
    assert to_sha256(values[0]) != to_sha256(values[1])
