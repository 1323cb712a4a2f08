from __future__ import annotations

import datetime as dt

import pytest

from schemas.topics import Topics
from schemas.usage import Measured, MetricValue
from sinks.object_store.memory import MemoryStore
from streams.brokers.memory_client import MemoryClient
from streams.brokers.records import Record
from streams.places import plan_topics
from streams.reporting import read_told, send_metrics
from streams.settings.read import check_settings
from streams.usage.edge.heartbeat import make_heartbeat
from streams.usage.live.late import AT_ONCE, Told, list_late
from streams.usage.meter import Meter
from streams.usage.periods import read_period
from streams.usage.reports.definitions import DEFINITIONS
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import to_metric_key, to_metric_values
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from tests.streams.usage.uses import make_record, make_use

_TOPIC = Topics().metric_period


class Place:
    """A deployment whose metric topic is read as a consumer reads it."""

    def __init__(self, folder):
        plain = {"installations": {"obsea": {"detector": "scripted"}}}
        self.deployment = check_settings(plain, {}, folder=folder).deployment
        self.client, self.store = MemoryClient(), MemoryStore()
        self.client.create(plan_topics(self.deployment))
        self.told = Told()
        self.offset = 0

    def record(self, *events):
        records = [make_record(self.offset + place, event.to_canonical()) for place, event in enumerate(events)]
        Meter(self.store, "log-1").take(records)
        self.offset += len(records)

    def send(self, now_at):
        return send_metrics(self.deployment, self.client, self.store, told=self.told, now_at=now_at)

    def list_late(self, now_at):
        with open_facts(self.store) as facts:
            return [period.name for period in list_late(facts, self.told, now_at)]

    def check(self, now_at, *names):
        """Hold the newest values of some periods on the topic against the report."""
        newest = {record.key: MetricValue.from_json(record.value) for record in self.client.read(_TOPIC)}
        with open_facts(self.store) as facts:
            scope = Scope(installations=("obsea",), as_of_at=now_at)
            report = make_report(facts, [read_period(name) for name in names], scope)
        for value in to_metric_values(report):
            if value.metric not in DEFINITIONS and value.value == Measured(value=0):
                continue  # a part of a figure stands in a report if any of its periods has it
            assert newest[to_metric_key(value)] == value, (value.metric, value.period)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def _at(month, day, year=2026):
    return dt.datetime(year, month, day, tzinfo=dt.UTC)


def test_a_month_that_ends_is_told_as_it_stood_at_its_end_and_then_no_more(place):
    place.record(make_use(0, requested_at=_at(10, 5)))
    place.send(_at(10, 30))
    assert place.list_late(_at(11, 1)) == ["2026-10"]
    place.send(_at(11, 1))
    place.check(_at(11, 1), "2026-10", "2026-11", "2026")
    assert place.list_late(_at(11, 2)) == []
    place.send(_at(1, 2, 2027))
    place.check(_at(1, 2, 2027), "2026-10", "2026-11", "2026-12", "2026", "2027-01")
    assert place.list_late(_at(1, 3, 2027)) == []


def test_uses_that_come_late_change_the_months_and_years_that_they_lie_before_the_end_of(place):
    place.record(make_use(0, requested_at=_at(8, 5)))
    place.send(_at(11, 20))
    place.record(make_use(1, requested_at=_at(9, 30)))
    assert place.list_late(_at(11, 21)) == ["2026-10", "2026-09"]
    place.send(_at(11, 21))
    place.check(_at(11, 21), "2026-08", "2026-09", "2026-10", "2026-11", "2026")
    # told again, it is the same use
    place.record(make_use(1, requested_at=_at(9, 30)))
    assert place.list_late(_at(11, 22)) == []


def test_a_heartbeat_that_fills_a_gap_of_a_month_that_is_over_changes_what_is_told(place):
    place.record(make_heartbeat("feed", "obsea", _at(10, 1), _at(10, 20)))
    place.send(_at(11, 5))
    place.record(make_heartbeat("feed", "obsea", _at(10, 20), _at(11, 6)))
    place.send(_at(11, 6))
    place.check(_at(11, 6), "2026-10")
    values = [MetricValue.from_json(record.value) for record in place.client.read(_TOPIC)]
    october = [value.coverage for value in values if value.period == read_period("2026-10").to_noun()]
    assert (october[0], october[-1]) == (0.6129, 1)


def test_another_worker_goes_on_from_what_the_topic_says(place):
    place.record(make_use(0, requested_at=_at(8, 5)))
    place.send(_at(11, 20))
    place.client.append([Record(_TOPIC, b"no key of ours", b"{}")])
    place.told = Told()
    read_told(place.deployment, place.client, place.told)
    assert place.list_late(_at(11, 21)) == []
    # nobody knows whether a month that was told while it went on has ended since
    assert place.list_late(_at(12, 21)) == ["2026-11"]


def test_a_long_history_is_told_some_periods_at_once_the_newest_first(place):
    place.record(*(make_use(year, requested_at=_at(1, 5, year)) for year in (2023, 2026)))
    rounds = 0
    while late := place.list_late(_at(11, 20)):
        assert late[0] == max(late, key=lambda name: (read_period(name).to_at, read_period(name).from_at))
        place.send(_at(11, 20))
        assert len(place.list_late(_at(11, 20))) == max(0, len(late) - AT_ONCE)
        rounds += 1
    assert rounds == 4  # 46 months and three years
    place.check(_at(11, 20), "2023-01", "2024", "2026-10")
