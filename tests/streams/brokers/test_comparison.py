"""What a person is told about topics that are not as planned."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from schemas.topics import Topic, Topics
from streams.brokers.comparison import describe_age, find_differences
from streams.brokers.memory_client import MemoryClient
from streams.embedded.client import open_embedded

DAY_S = 86_400
USES = Topic("uses", 4, "delete", None)


def look(made: Topic, planned: Topic) -> list[str]:
    """Return what is told of a topic that was made otherwise than planned."""
    client = MemoryClient()
    client.create([made])
    client.create([planned])
    (state,) = client.describe()
    return [difference.sentence for difference in find_differences(planned, state)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"partitions": 1}, ["1 partition, not 4"]),
        ({"cleanup": "compact"}, ["cleanup is compact, not delete"]),
        ({"retention_s": 7 * DAY_S}, ["kept 7 days, not for ever"]),
        ({"retention_s": 36 * 3_600}, ["kept 36 hours, not for ever"]),
        ({"partitions": 12, "retention_s": DAY_S}, ["12 partitions, not 4", "kept 1 day, not for ever"]),
    ],
)
def test_a_topic_is_told_to_differ_in_what_does_and_in_nothing_else(change, told):
    assert look(replace(USES, **change), USES) == told


def test_a_topic_kept_for_ever_that_shall_be_kept_for_days_differs():
    assert look(USES, replace(USES, retention_s=30 * DAY_S)) == ["kept for ever, not 30 days"]


def test_a_limit_of_size_differs_for_it_deletes_what_shall_be_kept():
    client = MemoryClient()
    client.create([USES])
    (state,) = client.describe()
    (difference,) = find_differences(USES, replace(state, retention_bytes=1_073_741_824))
    assert (difference.part, difference.planned, difference.found) == ("retention_bytes", None, 1_073_741_824)
    assert difference.sentence == "at most 1,073,741,824 bytes are kept per partition, not any number"


@pytest.mark.parametrize("announced", [False, True])
def test_topics_just_made_are_as_planned_in_memory_and_on_disk(tmp_path, announced):
    planned = Topics("site").plan(["cam"], partitions=3, announced=announced)
    for client in (MemoryClient(), open_embedded(f"embedded:{tmp_path / 'log.sqlite'}")):
        with closing(client):
            client.create(planned)
            found = {state.name: state for state in client.describe()}
            assert [find_differences(topic, found[topic.name]) for topic in planned] == [()] * len(planned)


@pytest.mark.parametrize(
    ("age_s", "told"),
    [
        (None, "for ever"),
        (365 * DAY_S, "365 days"),
        (DAY_S + 3_600, "25 hours"),
        (3_600.0, "1 hour"),
        (90 * 60, "90 minutes"),
        (DAY_S + 1, "86,401 seconds"),
        (604_800.001, "604,800.001 seconds"),
        (0, "0 seconds"),
    ],
)
def test_an_age_is_told_in_whole_days_or_else_in_the_largest_span_that_fits(age_s, told):
    assert describe_age(age_s) == told
