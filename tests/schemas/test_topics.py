"""Names of topics and how each is kept."""

from __future__ import annotations

import pytest

from schemas.topics import Topics


def test_every_topic_of_a_deployment_carries_its_prefix():
    plain, own = Topics(), Topics("site-7")
    assert plain.media_arrived == "media.arrived.v1"
    assert own.media_arrived == "site-7.media.arrived.v1"
    assert own.work("obsea", "archive") == "site-7.work.obsea.archive.v1"
    assert all(topic.name.startswith("site-7.") for topic in own.plan(["obsea"], partitions=3))


@pytest.mark.parametrize("prefix", ["A", "-a", "a b", "a/b", "a" * 62, "é", "a\n"], ids=repr)
def test_a_prefix_that_a_broker_would_refuse_is_refused_first(prefix):
    with pytest.raises(ValueError, match="not a topic prefix"):
        Topics(prefix)


def test_the_plan_names_each_topic_once_and_both_lanes_of_each_installation():
    names = [topic.name for topic in Topics().plan(["b", "a", "a"], partitions=4)]
    assert len(names) == len(set(names))
    assert {"work.a.live.v1", "work.a.archive.v1", "work.b.live.v1", "work.b.archive.v1"} <= set(names)


def test_announced_media_are_never_compacted_and_ends_always_are():
    plan = {topic.name: topic for topic in Topics().plan([], partitions=1)}
    assert (plan["media.arrived.v1"].cleanup, plan["media.settled.v1"].cleanup) == ("delete", "compact")
    assert plan["usage.recorded.v1"].retention_s is None
    assert plan["media.rejected.v1"].retention_s == 365 * 86_400
