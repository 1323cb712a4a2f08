from __future__ import annotations

import pytest

from schemas.errors import RejectedInput, TransientFault
from schemas.topics import Topics
from sinks.object_store.memory import MemoryStore
from streams.brokers.memory_client import MemoryClient
from streams.brokers.records import Record
from streams.usage import likeness as likeness_module
from streams.usage.closing.freezing import freeze
from streams.usage.meter import Meter
from streams.usage.periods import read_period
from streams.usage.refused.rejected import list_refusals
from streams.usage.refused.retrying import Retried, retry_refusals
from streams.usage.reports.facts import open_facts
from tests.streams.usage.uses import make_use

TOPIC = Topics().usage_recorded


class _Place:
    """A topic with three uses and two records that are none; an older program refuses some of the uses."""

    def __init__(self, monkeypatch) -> None:
        self.store, self.client, self.patch = MemoryStore(), MemoryClient(), monkeypatch
        self.client.create(Topics().plan(["obsea"], partitions=2))
        values = [make_use(0).to_canonical(), b"?", *(make_use(n).to_canonical() for n in (1, 2)), b"{}"]
        self.client.append([Record(TOPIC, str(n).encode(), value, ()) for n, value in enumerate(values)])

    @property
    def log_id(self):
        return next(state.log_id for state in self.client.describe() if state.name == TOPIC)

    def meter_all(self, meter=None):
        meter = meter or Meter(self.store, self.log_id)
        meter.take(self.client.read(TOPIC))
        return meter

    def meter_as_older_program(self):
        real = likeness_module.read_event

        def read(record):
            event = real(record)
            if event.event_id != make_use(0).event_id:
                raise RejectedInput("unknown_version", "The version is of a newer program.")
            return event

        with self.patch.context() as patch:
            patch.setattr(likeness_module, "read_event", read)
            return self.meter_all()

    def count(self):
        with open_facts(self.store) as facts:
            return facts.database.run("SELECT count(*) FROM event")[0][0], dict(facts.rejected)

    def freeze(self):
        """Return how many uses and refused records a closing would keep."""
        frozen = freeze(self.store, read_period("2026-01-01..2099-01-01"), lambda path, data: None)
        return frozen.uses, frozen.rejected


@pytest.fixture
def place(monkeypatch):
    return _Place(monkeypatch)


def test_what_an_older_program_could_not_read_is_used_after_another_try_and_no_more_refused(place):
    place.meter_as_older_program()
    assert place.count() == (1, {"missing_field": 1, "not_json": 1, "unknown_version": 2})
    retried = retry_refusals(place.store, place.client, TOPIC)
    assert (retried.facts, sorted(one.reason for one in retried.refused), retried.gone) == (
        2,
        ["missing_field", "not_json"],
        0,
    )
    assert place.count() == (3, {"missing_field": 1, "not_json": 1})
    assert {refusal.reason for refusal in list_refusals(place.store)} == {"missing_field", "not_json"}
    assert place.freeze() == (3, 2)


def test_another_try_gives_the_facts_that_there_would_be_had_nothing_been_refused(place):
    place.meter_as_older_program()
    retry_refusals(place.store, place.client, TOPIC)
    whole = MemoryStore()
    Meter(whole, place.log_id).take(place.client.read(TOPIC))
    facts = {info.key: place.store.read(info.key) for info in place.store.list("usage/facts/")}
    assert facts == {info.key: whole.read(info.key) for info in whole.list("usage/facts/")}


def test_trying_twice_and_a_worker_that_remembers_the_refusal_change_nothing_more(place):
    remembering = place.meter_as_older_program()
    retry_refusals(place.store, place.client, TOPIC)
    assert retry_refusals(place.store, place.client, TOPIC).facts == 0
    before = place.count()
    place.client.append([Record(TOPIC, str(n).encode(), b"!", ()) for n in range(9)])
    place.meter_all(remembering)
    found = place.count()
    assert (found[0], found[1]["not_json"]) == (before[0], before[1]["not_json"] + 1)
    assert "unknown_version" not in found[1]


def test_only_those_of_a_reason_are_tried(place):
    place.meter_as_older_program()
    assert retry_refusals(place.store, place.client, TOPIC, reason="not_json").facts == 0
    assert place.count()[1]["unknown_version"] == 2
    assert retry_refusals(place.store, place.client, TOPIC, reason="unknown_version").facts == 2


def test_what_was_on_a_topic_that_was_made_again_cannot_be_tried(place):
    place.meter_as_older_program()
    other = MemoryClient()
    other.create(Topics().plan(["obsea"], partitions=2))
    assert retry_refusals(place.store, other, TOPIC) == Retried(0, (), 4)


def test_every_refusal_is_listed_with_its_place_and_reason(place):
    place.meter_all()
    records = {(record.partition, record.offset): record for record in place.client.read(TOPIC)}
    found = list_refusals(place.store)
    assert {records[refusal.partition, refusal.offset].value: refusal.reason for refusal in found} == {
        b"?": "not_json",
        b"{}": "missing_field",
    }
    assert all(refusal.to_plain()["topic"] == TOPIC for refusal in found)


@pytest.mark.parametrize("folder", ["retried", "rejected"])
def test_an_object_that_cannot_be_read_is_named(place, folder):
    place.meter_as_older_program()
    retry_refusals(place.store, place.client, TOPIC)
    for info in place.store.list(f"usage/{folder}/"):
        place.store.write(info.key, b"PAR1", media_type="x")
    with pytest.raises(RejectedInput, match=f"usage/{folder}/") as told:
        list_refusals(place.store)
    assert told.value.reason == "broken_facts"
    with pytest.raises(RejectedInput, match=f"usage/{folder}"):
        place.count()
    with open_facts(place.store, allow_missing=True) as facts:
        assert any(key.startswith(f"usage/{folder}") for key in facts.broken)


def test_a_try_that_died_before_it_was_written_down_is_made_good_by_the_next(place):
    place.meter_as_older_program()

    def die(verb, key):
        if verb == "write" and key.startswith("usage/retried/"):
            raise TransientFault("The store is away.")

    place.store._before = die
    with pytest.raises(TransientFault):
        retry_refusals(place.store, place.client, TOPIC)
    place.store._before = lambda verb, key: None
    retry_refusals(place.store, place.client, TOPIC)
    assert place.count() == (3, {"missing_field": 1, "not_json": 1})
