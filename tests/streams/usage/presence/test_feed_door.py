from __future__ import annotations

import datetime as dt

import pytest

from schemas.errors import TransientFault
from schemas.topics import Topics
from schemas.usage import UsageEvent
from sinks.object_store.memory import MemoryStore
from streams.brokers.memory_client import MemoryClient
from streams.brokers.records import Record
from streams.usage.meter import Meter
from streams.usage.periods import read_period
from streams.usage.presence.feed_door import FeedDoor
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope

_TOPICS, _GROUP = Topics(), "observatory.test"
_WORK = _TOPICS.work("obsea", "live")
_MINUTE = dt.timedelta(minutes=1)
_START = dt.datetime(2026, 11, 20, 10, 3, 20, tzinfo=dt.UTC)


class Broker(MemoryClient):
    """A broker whose group of workers stands where a test says."""

    def __init__(self):
        super().__init__()
        self.create(_TOPICS.plan(["obsea"], partitions=2))
        self.done: dict[tuple[str, int], int] = {}
        self.expired: dict[tuple[str, int], int] = {}
        self.is_away = False

    def committed(self, group):
        if self.is_away:
            message = "The broker is away."
            raise TransientFault(message)
        assert group == _GROUP
        return dict(self.done)

    def begin_offsets(self, topics):
        return {**super().begin_offsets(topics), **self.expired}

    def do_all(self):
        """Let the workers come to the end of everything."""
        names = [_TOPICS.media_arrived, *(_TOPICS.work("obsea", lane) for lane in ("live", "archive"))]
        self.done = self.end_offsets(names)


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def store():
    return MemoryStore()


def _open(broker, store, **options):
    return FeedDoor(broker, store, _TOPICS, _GROUP, ("obsea",), **options)


def _arrive(broker, topic=_TOPICS.media_arrived):
    broker.append([Record(topic, b"cam", b"{}")])


def _read(broker):
    """Return the heartbeats sent: minutes after ten, and whether it was the last."""
    ten = _START.replace(minute=0, second=0)
    events = [UsageEvent.from_json(record.value) for record in broker.read(_TOPICS.usage_recorded)]
    return [
        ((event.act.since_at - ten) / _MINUTE, (event.requested_at - ten) / _MINUTE, event.act.last) for event in events
    ]


def test_a_door_opens_at_once_and_says_every_ten_minutes_that_it_is_there(broker, store):
    door = _open(broker, store)
    for minutes in (0, 1, 6, 7, 8, 17, 18, 40):
        assert door.look(_START + minutes * _MINUTE)
    assert _read(broker) == [(3, 3, False), (3, 10, False), (10, 20, False), (20, 40, False)]


def test_while_arrivals_or_units_wait_no_heartbeat_covers_them(broker, store):
    door = _open(broker, store)
    door.look(_START)
    _arrive(broker)
    assert not door.look(_START + 7 * _MINUTE)
    _arrive(broker, _WORK)
    broker.done = broker.end_offsets([_TOPICS.media_arrived])
    assert not door.look(_START + 8 * _MINUTE)
    _arrive(broker)  # what came later is not waited for
    broker.do_all()
    _arrive(broker)
    assert door.look(_START + 19 * _MINUTE)
    assert _read(broker) == [(3, 3, False), (3, 10, False)]


def test_a_worker_that_was_killed_leaves_a_gap_until_the_next_one_has_counted_what_waited(broker, store):
    _open(broker, store).look(_START)
    later_at = _START + dt.timedelta(hours=5)
    _arrive(broker)
    door = _open(broker, store)
    assert not door.look(later_at)
    assert _cover(broker, store, later_at) == [(600, 603), (603, 1440)]
    broker.do_all()
    assert door.look(later_at)
    assert _read(broker)[1:] == [(3, 300, False)]
    assert _cover(broker, store, later_at) == [(600, 603), (900, 1440)]


def _cover(broker, store, now_at):
    """Return the gaps of the day as minutes, before ten o'clock left out."""
    Meter(store, "log").take(list(broker.read(_TOPICS.usage_recorded)))
    day = read_period("2026-11-20")
    with open_facts(store) as facts:
        (coverage,) = make_report(facts, [day], Scope(as_of_at=now_at)).sheets[0].coverage
    gaps = [((gap.from_at - day.from_at) / _MINUTE, (gap.to_at - day.from_at) / _MINUTE) for gap in coverage.gaps]
    # before the door was opened and after it fell silent are one gap where they touch
    return [part for first, last in gaps for part in _split(max(first, 600), last)]


def _split(first, last):
    return [(first, 603), (603, last)] if first < 603 < last else [(first, last)]


def test_what_expired_before_anybody_came_to_it_stays_missing(broker, store):
    _open(broker, store).look(_START)
    broker.expired = {(_TOPICS.media_arrived, 0): 5}
    later_at = _START + dt.timedelta(hours=5)
    door = _open(broker, store)
    door.look(later_at)
    broker.expired = {}
    door.look(later_at + 10 * _MINUTE)
    assert _read(broker) == [(3, 3, False), (303, 303, False), (303, 310, False)]


def test_two_workers_of_a_deployment_say_the_same(broker, store):
    one, other = _open(broker, store), _open(broker, store)
    one.look(_START)
    for minutes in (2, 7, 17):
        for door in (one, other):
            door.look(_START + minutes * _MINUTE)
    beats = _read(broker)
    assert len(set(beats)) == 3
    ids = {UsageEvent.from_json(record.value).event_id for record in broker.read(_TOPICS.usage_recorded)}
    assert len(ids) == 3


@pytest.mark.parametrize("closes", [True, False])
def test_at_the_end_the_door_is_closed_only_where_nobody_else_can_announce(broker, store, closes):
    door = _open(broker, store, closes=closes)
    door.look(_START)
    assert door.look(_START + 4 * _MINUTE, last=True)
    assert door.look(_START + 4 * _MINUTE, last=True)
    assert _read(broker) == [(3, 3, False), (3, 7, closes)]
    later_at = _START + dt.timedelta(hours=5)
    _open(broker, store).look(later_at)
    assert _read(broker)[2:] == ([(303, 303, False)] if closes else [(7, 300, False)])
    assert _cover(broker, store, later_at)[1:] == ([(903, 1440)] if closes else [(900, 1440)])


def test_a_door_is_not_closed_while_something_waits(broker, store):
    door = _open(broker, store, closes=True)
    door.look(_START)
    _arrive(broker)
    assert not door.look(_START + 4 * _MINUTE, last=True)
    assert _read(broker) == [(3, 3, False)]


def test_heartbeats_that_fail_stop_nothing_and_are_made_up_for(broker, store):
    door = _open(broker, store)
    door.look(_START)
    broker.is_away = True
    with pytest.raises(TransientFault):
        door.look(_START + 7 * _MINUTE)
    broker.is_away = False
    assert door.look(_START + 30 * _MINUTE)
    assert _read(broker)[-1][0] == 3


def test_a_door_is_kept_beside_a_block_and_says_farewell(broker, store):
    door, committed = _open(broker, store, closes=True), []
    with door.keep():
        assert door.say_farewell(commit=lambda: committed.append(1))
    assert committed
    assert _read(broker)[-1][2]


def test_a_memory_that_cannot_be_read_is_none(broker, store):
    store.write("usage/doors/feed/obsea.json", b"{", media_type="application/json")
    _open(broker, store).look(_START)
    assert _read(broker) == [(3, 3, False)]
