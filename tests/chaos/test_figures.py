"""Figures after workers were killed while uses came shuffled, doubled and over all partitions: they are those of the report."""

from __future__ import annotations

import datetime as dt
import os
import random
import sys

import pytest

from schemas.usage import MetricValue
from sinks.object_store.memory import MemoryStore
from streams.brokers.records import Record
from streams.places import open_objects
from streams.usage.meter import Meter
from streams.usage.periods import NamedPeriod, make_current
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import to_metric_key, to_metric_values
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.reports.tables import to_plain
from tests.streams.usage.uses import make_clip_use, make_not_done, make_person, make_record, make_use, to_content
from tests.support.cluster import Cluster, make_cluster
from tests.support.deployments import Site, wait_for

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(sys.platform == "win32", reason="kills workers by POSIX signals"),
]

IS_LONG = os.environ.get("OBSERVATORY_CHAOS") == "long"

#: Uses, and workers killed while these become facts; the long form is for a night.
USES, KILLS = (6_000, 8) if IS_LONG else (600, 1)


_KAFKA = [
    pytest.mark.kafka,
    pytest.mark.s3,
    pytest.mark.skipif(not IS_LONG, reason="only in the long form of make chaos"),
]


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=_KAFKA)])
def cluster(request, tmp_path, unique_name):
    """Give a place to work: in one folder, or on Kafka and MinIO."""
    if request.param == "embedded":
        return Cluster(Site(tmp_path / "site")).prepare()
    services = request.getfixturevalue("kafka_url"), request.getfixturevalue("minio_service")
    return make_cluster(tmp_path / "site", *services, unique_name, worker={"dead_after_s": 6})


def make_uses(chance, now_at):
    """Return uses of this year and the last, some under one id with other content, and what is none."""
    values = []
    for number in range(USES):
        changes = {
            "installation": "bright",
            "requested_at": now_at - dt.timedelta(minutes=chance.randrange(10, 500_000)),
            "who": make_person(str(chance.randrange(200))),
            "country": chance.choice(["ES", "IT", "DE", "ZZ"]),
            "traffic": chance.choice(["external", "external", "robot"]),
        }
        match chance.randrange(4):
            case 0:
                use = make_clip_use(number % 500, chance.choice([10, 25]), **changes)
            case 1:
                use = make_not_done(number, "refused", "too_large", **changes)
            case _:
                use = make_use(number % (USES - 50), contents=(to_content(number % 4_000),), **changes)
        values.append(use.to_canonical())
    return [*values, b"?", b"{}"]


def send(cluster, chance, values):
    """Send values, each to a partition of its own choice."""
    topic = cluster.topics.usage_recorded
    with cluster.open_client() as client:
        client.append([Record(topic, b"%d" % chance.randrange(99), value, ()) for value in values])


def kill_once_it_metered_more(cluster):
    """Start a worker, and kill it when it has stored a little more."""

    def count():
        with open_facts(open_objects(cluster.deployment)) as facts:
            return facts.database.run("SELECT count(*) FROM event WHERE act <> 'heartbeat'")[0][0]

    before, process = count(), cluster.start_worker()
    try:
        wait_for(lambda: count() > before, what="more uses are facts", patience_s=240)
        assert process.poll() is None, "it may only end because it is killed"
    finally:
        process.kill()
        process.wait(30)


def find_lag(cluster):
    """Return whether uses wait to be counted."""
    return cluster.ask("status")["lag"].get(cluster.topics.usage_recorded)


def read_board(cluster):
    """Return the newest figure of each key on the metric topic, by what it is of."""
    with cluster.open_client() as client:
        newest = {
            record.key: MetricValue.from_json(record.value) for record in client.read(cluster.topics.metric_period)
        }
    assert all(to_metric_key(value) == key for key, value in newest.items())
    return {to_name(value): to_figure(value) for value in newest.values()}


def to_name(value):
    """Return what a figure is of."""
    return value.installation, value.metric, value.period.from_at, value.period.to_at


def to_figure(value):
    """Return all that depends neither on the moment at which it is told nor on how often the worker itself was there."""
    return value.definition, value.unit, value.additive, value.value, value.profile


def count_plainly(values, periods, scope):
    """Return the report on uses that came once, in one log and in their order."""
    store = MemoryStore()
    Meter(store, "other").take(make_record(*entry, appended_at=scope.as_of_at) for entry in enumerate(values))
    with open_facts(store) as facts:
        return make_report(facts, periods, scope)


def to_board(report):
    """Return a report's figures as they would stand on the metric topic."""
    return {to_name(value): to_figure(value) for value in to_metric_values(report)}


@pytest.mark.timeout(900)
def test_figures_told_after_workers_were_killed_are_those_of_the_report_and_of_the_uses_as_such(cluster):
    chance, now_at = random.Random(20240422), dt.datetime.now(dt.UTC)
    values = make_uses(chance, now_at)
    sent = [*values, *chance.choices(values, k=USES // 3)]
    chance.shuffle(sent)
    for turn in range(KILLS):
        send(cluster, chance, sent[turn :: KILLS + 1])
        kill_once_it_metered_more(cluster)
    send(cluster, chance, sent[KILLS :: KILLS + 1])
    with cluster.open_worker():
        wait_for(lambda: not find_lag(cluster), what="the last uses are facts", patience_s=240)
    scope = Scope(installations=tuple(cluster.deployment.installations), as_of_at=now_at)
    report = count_plainly(values, make_current(now_at), scope)
    expected = to_board(report)
    with cluster.open_worker():  # tells its figures as soon as it is there
        wait_for(lambda: read_board(cluster).items() >= expected.items(), what="the figures are those of the report")
    board = read_board(cluster)
    periods = [NamedPeriod(f"{start}", start, end) for start, end in sorted({name[2:] for name in board})]
    assert len(periods) > 2, "periods that are over are told too"
    every = to_board(count_plainly(values, periods, scope))
    assert {name: (figure, every[name]) for name, figure in board.items() if every[name] != figure} == {}
    plain, told = to_plain(report), cluster.ask("report")
    assert told["rejected"] == plain["rejected"] == {"missing_field": 1, "not_json": 1}
    assert told["conflicts"] == plain["conflicts"] != []
    fields = ("metric", "detail", "period", "state", "why", "value", "share", "low", "high")
    rows, again = (
        [[row.get(name) for name in fields] for row in found["installations"]["bright"]] for found in (told, plain)
    )
    assert rows == again
    assert sum(bool(row[5]) for row in rows) > 20
