"""What a worker does beside its work."""

from __future__ import annotations

import datetime as dt

import pytest

from schemas.topics import Topics
from schemas.usage import MetricValue
from sinks.object_store.memory import MemoryStore
from streams.brokers.memory_client import MemoryClient
from streams.places import plan_topics
from streams.settings.read import check_settings
from streams.upkeep import Upkeep
from tests.support.deployments import wait_for


@pytest.fixture
def upkeep(tmp_path):
    plain = {"installations": {"fish": {"detector": "scripted"}}, "store": {"keep_originals_days": 30}}
    deployment = check_settings(plain, {}, folder=tmp_path).deployment
    client = MemoryClient()
    client.create(plan_topics(deployment))
    return Upkeep(deployment, client, MemoryStore())


def test_originals_older_than_their_time_go_and_results_stay(upkeep):
    for key in ("originals/00/00ff", "results/fish/cam/undated/u/0123456789abcdef/result.json"):
        upkeep.store.write(key, b"x", media_type="text/plain")
    later_at = dt.datetime.now(dt.UTC) + dt.timedelta(days=31)
    assert upkeep.expire_originals(dt.datetime.now(dt.UTC)) == 0
    assert upkeep.expire_originals(later_at) == 1
    assert [info.key for info in upkeep.store.list("")] == ["results/fish/cam/undated/u/0123456789abcdef/result.json"]


def test_a_round_sends_the_current_figures_and_says_not_measured_where_nobody_counted(upkeep):
    upkeep.do_round(dt.datetime.now(dt.UTC))
    values = [MetricValue.from_json(record.value) for record in upkeep.client.read(Topics().metric_period)]
    users = [value for value in values if value.metric == "unique_users"]
    assert users
    assert {value.value.kind for value in users} == {"not_measured"}


def test_a_worker_that_starts_sends_the_current_figures_at_once(upkeep):
    def is_told() -> bool:
        return any(upkeep.client.read(Topics().metric_period))

    with upkeep.keep_up():
        wait_for(is_told, what="figures are sent", patience_s=30.0)


def test_figures_are_sent_though_the_facts_cannot_stand_anywhere(upkeep):
    upkeep.deployment.folder.mkdir(parents=True)
    (upkeep.deployment.folder / "state").write_bytes(b"in the way")
    upkeep.send_figures()
    assert any(upkeep.client.read(Topics().metric_period))
