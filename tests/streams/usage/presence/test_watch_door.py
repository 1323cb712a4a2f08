from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.errors import TransientFault
from schemas.noun import Code
from schemas.topics import Topics
from schemas.usage import UsageEvent
from streams.usage.presence.watch_door import WatchDoor, to_door

_TEN = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)
_MINUTE = dt.timedelta(minutes=1)
_CODE = TypeAdapter(Code)


class Log:
    def __init__(self):
        self.records, self.is_away = [], False

    def append(self, records):
        if self.is_away:
            message = "The broker is away."
            raise TransientFault(message)
        self.records.extend(records)

    def read(self):
        """Return the heartbeats: minutes after ten, and whether it was the last."""
        events = [UsageEvent.from_json(record.value) for record in self.records]
        assert {event.door for event in events} <= {"watch_cam_1"}
        spans = [(event.act.since_at - _TEN, event.requested_at - _TEN, event.act.last) for event in events]
        return [(since / _MINUTE, until / _MINUTE, last) for since, until, last in spans]


def _look(log, *minutes):
    door = WatchDoor(log.append, Topics().usage_recorded, "cam-1", "obsea")
    for minute in minutes:
        door.note_look(_TEN + minute * _MINUTE, _TEN + minute * _MINUTE)
    return door


def test_looks_follow_one_another_as_one_stretch_told_every_ten_minutes_and_closed_at_the_end():
    log = Log()
    _look(log, *(step / 12 for step in range(25 * 12))).close()
    assert log.read() == [(0, 0, False), (0, 10, False), (10, 20, False), (20, 24, True)]


def test_more_than_ten_minutes_without_a_look_are_a_gap():
    log = Log()
    _look(log, 0, 5, 9, 60, 61)
    assert log.read() == [(0, 0, False), (0, 9, False), (60, 60, False)]


def test_a_look_that_takes_long_is_no_gap_unless_it_waited_for_broker_or_store():
    for is_troubled, told in (
        (False, [(0, 0, False), (0, 60, False)]),
        (True, [(0, 0, False), (0, 1, False), (60, 60, False)]),
    ):
        log = Log()
        door = _look(log, 0)
        if is_troubled:
            door.note_trouble()
        door.note_look(_TEN + _MINUTE, _TEN + 60 * _MINUTE)
        door.note_look(_TEN + 60 * _MINUTE, _TEN + 61 * _MINUTE)
        assert [(since, min(until, 60), last) for since, until, last in log.read()] == told


def test_a_watcher_that_looks_once_says_nothing():
    log = Log()
    door = WatchDoor(log.append, Topics().usage_recorded, "cam-1", "obsea", speaks=False)
    door.note_look(_TEN, _TEN)
    door.close()
    assert log.read() == []


def test_a_killed_watcher_has_told_that_it_was_there():
    log = Log()
    _look(log, 0, 3)
    assert log.read() == [(0, 0, False)]


def test_what_could_not_be_told_is_told_later_and_stops_nothing():
    log = Log()
    log.is_away = True
    door = _look(log, 0, 5, 10, 15)
    assert log.read() == []
    log.is_away = False
    door.note_look(_TEN + 17 * _MINUTE, _TEN + 17 * _MINUTE)
    assert log.read() == [(0, 17, False)]


def test_a_watcher_that_never_looked_says_nothing():
    log = Log()
    _look(log).close()
    assert log.read() == []


@given(
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True), st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
)
def test_each_feed_has_a_door_of_its_own(one, other):
    assert _CODE.validate_python(to_door(one)) == to_door(one)
    assert (to_door(one) == to_door(other)) is (one == other)
