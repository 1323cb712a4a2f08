from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from schemas.errors import FatalFault, RejectedInput, TransientFault
from schemas.topics import Topic, Topics
from schemas.usage import Measured, MetricValue
from streams.brokers.client import open_client
from streams.brokers.memory_client import MemoryClient
from streams.brokers.records import Record
from streams.serving.board import Board, Kept
from streams.usage.reports.metrics import to_metric_key
from tests.streams.serving.boards import TOPIC, count, count_periods, make_board, make_broker, publish
from tests.streams.usage.uses import make_use

USES = (make_use(0), make_use(1))


def read_images(board: Board) -> dict[str, float]:
    return {
        f"{value.period.from_at:%Y-%m}": value.value.value
        for value in board.look().values
        if value.metric == "images_processed" and isinstance(value.value, Measured)
    }


def test_the_newest_value_of_each_figure_counts():
    client = make_broker()
    board = make_board(client)
    publish(client, count(USES[:1]))
    assert read_images(board) == {"2026-01": 1, "2026-11": 1}
    publish(client, count(USES))
    assert read_images(board) == {"2026-01": 2, "2026-11": 2}


def test_only_what_is_new_is_read_again():
    client = make_broker()
    publish(client, count(USES))
    starts = []

    class Watched(MemoryClient):
        def read(self, topic, start=None):
            starts.append(dict(start or {}))
            return client.read(topic, start)

        def describe(self):
            return client.describe()

    board = make_board(Watched())
    first, second = board.look(), board.look()
    assert first.values == second.values
    assert starts[0] == {}
    assert sum(starts[1].values()) == len(first.values)


def test_a_removed_key_is_a_figure_no_more():
    client = make_broker()
    values = count(USES)
    publish(client, values)
    board = make_board(client)
    assert len(board.look().values) == len(values)
    client.append([Record(TOPIC, to_metric_key(values[0]), None)])
    assert values[0] not in board.look().values
    assert len(board.look().values) == len(values) - 1


def test_what_is_no_figure_of_ours_is_left_out_and_counted():
    client = make_broker()
    value = count(USES)[0]
    strange = MetricValue.model_validate(value.to_plain() | {"metric": "uses_by_owner"})
    owners = MetricValue.model_validate(value.to_plain() | {"metric": "names_of_users"})
    client.append(
        [
            Record(TOPIC, b"a", b"not json"),
            Record(TOPIC, to_metric_key(owners), owners.to_canonical()),
            Record(TOPIC, b"another/key", value.to_canonical()),
            Record(TOPIC, to_metric_key(value), value.to_canonical()),
        ]
    )
    view = make_board(client).look()
    assert view.values == (value,)
    assert view.left_out == 3
    assert strange not in view.values


def test_a_topic_that_was_made_again_is_read_from_its_beginning():
    old, new = make_broker(), make_broker()
    publish(old, count(USES))
    publish(new, count(USES[:1]))
    brokers = [old, new]

    class Changed(MemoryClient):
        def describe(self):
            return brokers[0].describe()

        def read(self, topic, start=None):
            return brokers[0].read(topic, start)

    board = make_board(Changed())
    assert set(read_images(board).values()) == {2}
    brokers.pop(0)
    assert set(read_images(board).values()) == {1}


def test_before_anything_came_there_are_the_installations_of_the_settings_alone():
    view = make_board(None, installations=("obsea",)).look()
    assert (view.values, view.installations, view.status) == ((), ("obsea",), None)


def test_a_broker_without_the_topic_has_no_figures_yet():
    client = MemoryClient()
    client.create([Topic("another.v1", 1, "delete", None)])
    assert make_board(client).look().values == ()


def test_periods_that_are_asked_for_are_counted_from_the_facts_and_win():
    client = make_broker()
    publish(client, count(USES[:1]))
    asked = count_periods(USES, periods=("2026-11", "2025"))
    board = make_board(client, measure=lambda: asked)
    assert read_images(board)["2026-11"] == 2
    assert read_images(board)["2026-01"] == 1
    assert set(asked) <= set(board.look().values)


def test_facts_are_not_counted_for_every_look():
    calls = []

    def measure():
        calls.append(1)
        return ()

    board = make_board(make_broker(), measure=measure)
    board.look()
    board.look()
    assert calls == [1]


def test_an_outage_is_told_and_the_next_look_goes_on():
    client = make_broker()
    publish(client, count(USES))
    faults = [TransientFault("The broker does not answer.")]

    class Flaky(MemoryClient):
        def describe(self):
            if faults:
                raise faults.pop()
            return client.describe()

        def read(self, topic, start=None):
            return client.read(topic, start)

    board = make_board(Flaky())
    with pytest.raises(TransientFault):
        board.look()
    assert set(read_images(board).values()) == {2}


def test_broken_facts_are_a_fault_of_the_place_and_not_of_who_asks():
    def measure():
        raise RejectedInput("broken_facts", "The usage facts in a.parquet cannot be read.")

    with pytest.raises(FatalFault, match="cannot be read"):
        make_board(make_broker(), measure=measure).look()


def test_a_view_that_is_young_enough_is_given_again():
    client = make_broker()
    publish(client, count(USES[:1]))
    board = Board(find_client=lambda: client, topic=TOPIC, every_s=3_600.0)
    before = board.look()
    publish(client, count(USES))
    assert board.look() is before
    assert all(value.value != Measured(value=2) for value in board.look().values if value.metric == "images_processed")


@pytest.mark.kafka
def test_figures_on_a_real_broker_are_followed(kafka_url, unique_name):
    topics = Topics(unique_name)
    client = open_client(kafka_url)
    try:
        client.create(topics.plan(["obsea"], partitions=3))
        board = Board(find_client=lambda: client, topic=topics.metric_period, every_s=0.0)
        assert board.look().values == ()
        for uses in (USES[:1], USES):
            records = [
                Record(topics.metric_period, to_metric_key(value), value.to_canonical()) for value in count(uses)
            ]
            client.append(records)
            with ThreadPoolExecutor(4) as threads:  # as many as ask at once
                views = list(threads.map(lambda _: board.look().values, range(8)))
            assert all(set(values) == set(count(uses)) for values in views)
    finally:
        client.close()


def test_a_page_that_takes_long_is_made_once_for_all_who_ask_at_the_same_time():
    made = []
    gate = threading.Event()

    def make() -> str:
        made.append(1)
        gate.wait(30)
        return f"page {len(made)}"

    kept = Kept(make, every_s=3600)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(kept.read) for _ in range(4)]
        gate.set()
        assert {one.result() for one in asked} == {"page 1"}
    assert len(made) == 1


def test_a_page_is_made_anew_when_it_is_old_or_could_not_be_made():
    outcomes = iter([TransientFault("The store does not answer."), "first", "second"])

    def make() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, TransientFault):
            raise outcome
        return outcome

    kept = Kept(make, every_s=0)
    with pytest.raises(TransientFault):
        kept.read()
    assert (kept.read(), kept.read()) == ("first", "second")
