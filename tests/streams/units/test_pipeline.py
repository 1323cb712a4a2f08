"""One unit in, its result stored, and the records that announce it out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import count, islice

import numpy as np
import pytest

from detectors.scripted import ScriptedDetector, find_bright_centre
from schemas.errors import RejectedInput, TransientFault
from schemas.media import MediaSettled, SetAside, Skipped, Stored
from schemas.result import Result, ResultStored
from schemas.unit import WorkOrder
from schemas.usage import UsageEvent
from schemas.wire import read_rejection
from sinks.object_store.memory import MemoryStore
from sinks.result_tables import make_tables
from sinks.results import Picturing, ResultSink
from streams.brokers.records import Record
from streams.units.attempts import ATTEMPTS_LIMIT, AttemptJournal
from streams.units.making import pair_answers
from streams.units.pipeline import Pipeline, to_set_aside
from streams.units.spending import CpuClock
from tests.streams.units.places import RECORDER, TOPICS, FakeReader, Opened, make_order


class Kit:
    """A pipeline and what it works with."""

    def __init__(self, folder, *, reader=None, detector=None, store=None):
        self.reader = reader or FakeReader()
        self.store = store or MemoryStore()
        self.journal = AttemptJournal(folder / "attempts")
        sink = ResultSink(self.store, lambda *_: b"jpeg", make_tables, Picturing("found", 8))
        self.pipeline = Pipeline(self.reader, detector or ScriptedDetector(), sink, RECORDER, self.journal)

    def process(self, order, **options):
        return self.pipeline.process(order, TOPICS, **options)

    def list_keys(self):
        return [info.key for info in self.store.list("")]


def read_announced(records):
    by_topic = {record.topic: record.value for record in records}
    assert len(by_topic) == len(records) == 3
    return (
        ResultStored.from_json(by_topic[TOPICS.result_stored]),
        UsageEvent.from_json(by_topic[TOPICS.usage_recorded]),
        MediaSettled.from_json(by_topic[TOPICS.media_settled]),
    )


def test_a_unit_is_stored_announced_counted_and_ended(tmp_path):
    kit, order = Kit(tmp_path), make_order()
    announced, use, settled = read_announced(kit.process(order))
    document = Result.from_json(kit.store.read(announced.document.key))
    assert document.unit == announced.unit == order.unit.stamp
    assert (announced.counts.looked, announced.counts.findings) == (2, 1)
    assert use.images == (("frame" if order.unit.stamp.kind == "clip" else "still", 2),)
    assert settled.end == Stored(unit_ids=(order.unit.stamp.unit_id,))
    assert (settled.source, settled.event) == (order.source, order.event)


def test_the_document_is_written_last_so_that_it_means_that_all_is_there(tmp_path):
    written = []
    kit = Kit(tmp_path, store=MemoryStore(before=lambda verb, key: written.append(key) if verb == "write" else None))
    kit.process(make_order())
    assert [key.rpartition("/")[2] for key in written] == ["0.jpg", "announcement.json", "result.json"]


def test_done_twice_it_stores_and_announces_the_same_bytes_without_looking_again(tmp_path):
    kit, order = Kit(tmp_path), make_order()
    first = kit.process(order)
    stored = {key: kit.store.read(key) for key in kit.list_keys()}
    assert kit.process(order) == first
    assert kit.reader.opened == 1
    assert {key: kit.store.read(key) for key in kit.list_keys()} == stored


def test_announced_again_for_a_later_arrival_it_is_the_same_use(tmp_path):
    kit, order = Kit(tmp_path), make_order()
    _, first, _ = read_announced(kit.process(order))
    later = order.model_copy(update={"arrived_at": order.arrived_at.replace(year=2027), "event": "another"})
    _, second, settled = read_announced(kit.process(later))
    assert second == first
    assert settled.event == "another"


def test_what_a_unit_took_is_kept_with_its_result_so_that_its_use_told_again_is_the_same(tmp_path):
    kit = Kit(tmp_path)
    ticks = count()
    kit.pipeline = replace(kit.pipeline, clock=CpuClock(read_own=lambda: {0: next(ticks) / 100}))
    announced, use, _ = read_announced(kit.process(make_order()))
    assert use.cpu_ms == announced.processing.cpu_ms == 10
    assert read_announced(kit.process(make_order()))[1].to_canonical() == use.to_canonical()


def test_a_unit_looked_at_by_another_observer_says_which_result_it_follows(tmp_path):
    store = MemoryStore()
    _, first, _ = read_announced(Kit(tmp_path / "one", store=store).process(make_order()))
    other = ScriptedDetector(name="another")
    for _ in range(2):
        _, second, _ = read_announced(Kit(tmp_path / "other", store=store, detector=other).process(make_order()))
        assert second.act.reprocessing_of == first.act.processing_id
    assert first.act.reprocessing_of is None
    assert second.act.processing_id != first.act.processing_id
    assert second.act.models == ()


@pytest.mark.parametrize("fails_at", ["0.jpg", "announcement.json", "result.json"])
def test_a_store_that_goes_away_in_the_middle_leaves_nothing_that_another_try_would_not_write(tmp_path, fails_at):
    whole = Kit(tmp_path / "whole")
    whole.process(make_order())
    faults = [TransientFault(sentence="The store answers 503.")]

    def stumble(verb, key):
        if verb == "write" and key.endswith(fails_at) and faults:
            raise faults.pop()

    kit = Kit(tmp_path / "torn", store=MemoryStore(before=stumble))
    with pytest.raises(TransientFault):
        kit.process(make_order())
    assert not [key for key in kit.list_keys() if key.endswith("result.json")]
    kit.process(make_order())
    documents = [key for key in whole.list_keys() if not key.endswith("announcement.json")]
    assert kit.list_keys() == whole.list_keys()
    assert all(kit.store.read(key) == whole.store.read(key) for key in documents)


def test_an_image_in_which_nothing_is_seen_is_part_of_the_result(tmp_path):
    kit = Kit(tmp_path, reader=FakeReader(levels=(10, 10, 10)))
    announced, *_ = read_announced(kit.process(make_order()))
    document = Result.from_json(kit.store.read(announced.document.key))
    assert [image.findings for image in document.outcome.content.images] == [(), (), ()]
    assert announced.counts.empty == 3


def test_a_kind_that_the_detector_declines_is_skipped_by_its_policy(tmp_path):
    kit = Kit(tmp_path, detector=ScriptedDetector(declined=(("still", "needs_background"),)))
    (record,) = kit.process(make_order())
    assert MediaSettled.from_json(record.value).end == Skipped(policy="needs_background")
    assert kit.list_keys() == []
    assert kit.reader.opened == 0


def test_a_unit_that_cannot_be_read_is_refused_with_its_reason_and_leaves_nothing(tmp_path):
    kit = Kit(tmp_path, reader=FakeReader(fault=RejectedInput("truncated_picture", "It is cut.")))
    with pytest.raises(RejectedInput) as raised:
        kit.process(make_order())
    assert raised.value.reason == "truncated_picture"
    assert kit.list_keys() == []


def test_each_image_is_a_sign_of_life(tmp_path):
    beats = []
    Kit(tmp_path, reader=FakeReader(levels=(1, 2, 3))).process(make_order(), on_image=beats.append)
    assert len(beats) == 3


def test_a_unit_that_killed_its_process_three_times_alone_is_refused_as_poison_and_may_be_tried_anew(tmp_path):
    kit, order = Kit(tmp_path), make_order()
    place = tmp_path / "attempts" / "0"
    place.mkdir(parents=True)
    line = f'{{"suspect": "{order.unit.stamp.unit_id}", "attempts": {ATTEMPTS_LIMIT}}}\n'
    (place / "attempts.jsonl").write_text(line, encoding="utf-8")
    kit.journal.open()
    try:
        with pytest.raises(RejectedInput) as raised:
            kit.process(order)
        assert raised.value.reason == "kills_its_process"
        read_announced(kit.process(order))
    finally:
        kit.journal.close()


# --- detectors that break their promise ---


class Counting(ScriptedDetector):
    """Answers another number of times than it was asked."""

    def __init__(self, change):
        super().__init__(find_bright_centre)
        object.__setattr__(self, "change", change)

    def look(self, views):
        answers = [self.script(view) for view in views]
        yield from answers[: len(answers) + self.change] if self.change < 0 else [*answers, *answers[: self.change]]


@pytest.mark.parametrize(("change", "told"), [(-1, "left 1 views unanswered"), (1, "answered without being asked")])
def test_a_detector_that_answers_too_rarely_or_too_often_is_a_mistake_and_stores_no_result(tmp_path, change, told):
    kit = Kit(tmp_path, detector=Counting(change))
    with pytest.raises(RuntimeError, match=told):
        kit.process(make_order())
    assert not [key for key in kit.list_keys() if key.endswith(".json")]


def test_answers_are_paired_with_the_views_they_are_for_though_several_are_drawn_ahead():
    class Batching(ScriptedDetector):
        def look(self, views):
            batch = []
            for view in views:
                batch.append(view)
                if len(batch) == 3:
                    yield from (self.script(one) for one in batch)
                    batch = []
            yield from (self.script(one) for one in batch)

    levels = (200, 10, 200, 10, 200)
    pairs = list(pair_answers(Batching(), Opened(levels).views()))
    assert [view.image.index for view, _ in pairs] == [0, 1, 2, 3, 4]
    assert [bool(findings) for _, findings in pairs] == [level > 128 for level in levels]


# --- several at once ---


class Choosing(FakeReader):
    """Refuses the units that are named, and opens the others."""

    def __init__(self, refused):
        super().__init__(levels=(200,))
        self.refused = refused

    def open(self, unit):
        if unit.stamp.unit_id in self.refused:
            raise RejectedInput("truncated_picture", "It is cut.")
        return super().open(unit)


class Ahead(ScriptedDetector):
    """Draws all it is given before it answers for the first."""

    def look(self, views):
        yield from [self.script(view) for view in views]


def test_stills_done_together_come_to_what_each_comes_to_alone(tmp_path):
    orders = [make_order(number) for number in range(5)]
    refused = {orders[0].unit.stamp.unit_id, orders[3].unit.stamp.unit_id}
    together, alone = Kit(tmp_path, reader=Choosing(refused), detector=Ahead()), Kit(tmp_path, reader=Choosing(refused))
    answers = together.pipeline.process_together(orders, TOPICS)
    assert [isinstance(answer, RejectedInput) for answer in answers] == [True, False, False, True, False]
    for order, answer in zip(orders, answers, strict=True):
        if isinstance(answer, RejectedInput):
            with pytest.raises(RejectedInput, match=answer.sentence):
                alone.process(order)
            continue
        announced, use, settled = read_announced(answer)
        expected, used, ended = read_announced(alone.process(order))
        assert announced.document == expected.document
        assert (use.event_id, settled) == (used.event_id, ended)
    documents = [key for key in together.list_keys() if key.endswith("result.json")]
    assert [together.store.read(key) for key in documents] == [alone.store.read(key) for key in documents]
    assert len(documents) == 3


def test_a_picture_that_the_detector_refuses_does_not_take_the_others_of_its_lot_with_it(tmp_path):
    class Fastidious(ScriptedDetector):
        def look(self, views):
            for view in views:
                if view.pixels.mean() > 100:
                    raise RejectedInput("too_bright", "It is too bright.")
                yield self.script(view)

    class Levels(FakeReader):
        def open(self, unit):
            self.levels = (200,) if unit.stamp.unit_id == bright else (10,)
            return super().open(unit)

    orders = [make_order(number) for number in range(3)]
    bright = orders[1].unit.stamp.unit_id
    kit = Kit(tmp_path, reader=Levels(), detector=Fastidious())
    first, second, third = kit.pipeline.process_together(orders, TOPICS)
    assert second.reason == "too_bright"
    read_announced(first)
    read_announced(third)


def test_a_detector_is_given_no_further_still_while_it_has_large_ones_in_hand(tmp_path):
    open_now, most = set(), []

    class Large(FakeReader):
        @contextmanager
        def open(self, unit):
            open_now.add(unit.stamp.unit_id)
            most.append(len(open_now))
            yield Vast()
            open_now.remove(unit.stamp.unit_id)

    class Vast(Opened):
        def __init__(self):
            super().__init__((200,))

        def views(self):
            for view in super().views():
                pixels = np.broadcast_to(view.pixels[:1, :1], (4_000, 5_000, 3))  # 60 MB, if anybody wrote it
                yield replace(view, pixels=pixels)

    class Glancing(ScriptedDetector):
        def look(self, views):
            yield from [() for _ in views]

    orders = [make_order(number) for number in range(5)]
    kit = Kit(tmp_path, reader=Large(), detector=Glancing())
    for answer in kit.pipeline.process_together(orders, TOPICS):
        read_announced(answer)
    assert max(most) == 2
    assert not open_now


def test_a_unit_that_the_detector_refuses_after_its_last_answer_is_refused_and_stores_no_result(tmp_path):
    class Late(ScriptedDetector):
        def look(self, views):
            yield from super().look(views)
            raise RejectedInput("too_few_views", "It is too short.")

    kit = Kit(tmp_path, detector=Late())
    with pytest.raises(RejectedInput):
        kit.process(make_order())
    assert not [key for key in kit.list_keys() if key.endswith(".json")]


@pytest.mark.parametrize("drawn", [0, 1])
def test_a_detector_that_does_not_draw_all_it_is_given_is_a_mistake_and_stores_no_result(tmp_path, drawn):
    class Lazy(ScriptedDetector):
        def look(self, views):
            yield from (self.script(view) for view in islice(views, drawn))

    kit = Kit(tmp_path, detector=Lazy())
    with pytest.raises(RuntimeError, match="did not draw all"):
        kit.process(make_order())
    assert not [key for key in kit.list_keys() if key.endswith(".json")]


def test_small_different_stills_may_be_done_together_and_nothing_else(tmp_path):
    kit, first = Kit(tmp_path), make_order(1)
    large = make_order(3)
    part = large.unit.parts[0].model_copy(update={"size_bytes": 5 << 20})
    large = large.model_copy(update={"unit": large.unit.model_copy(update={"parts": (part,)})})
    place = tmp_path / "attempts" / "0"
    place.mkdir(parents=True)
    suspect = make_order(4)
    line = f'{{"begin": "{suspect.unit.stamp.unit_id}", "alone": false}}\n'
    (place / "attempts.jsonl").write_text(line, encoding="utf-8")
    kit.journal.open()
    try:
        assert kit.pipeline.may_join(make_order(2), [first])
        for other in (make_order(2, kind="clip"), first, large, suspect):
            assert not kit.pipeline.may_join(other, [first])
    finally:
        kit.journal.close()


def test_a_result_whose_announcement_a_power_cut_took_is_made_again(tmp_path):
    kit, order = Kit(tmp_path), make_order()
    announced, *_ = read_announced(kit.process(order))
    document = kit.store.read(announced.document.key)
    (key,) = [key for key in kit.list_keys() if key.endswith("announcement.json")]
    kit.store.delete(key)
    read_announced(kit.process(order))
    assert kit.store.read(announced.document.key) == document
    assert key in kit.list_keys()


# --- dead letters of work ---


def test_the_dead_letter_of_a_unit_is_its_order_with_the_reason_and_ends_its_arrival():
    order = make_order()
    record = Record(TOPICS.work("fish", "live"), b"key", order.to_canonical(), ())
    letter, refused, ended = to_set_aside(
        order, record, RejectedInput("truncated_picture", "It is cut."), TOPICS, recorder=RECORDER
    )
    rejection = read_rejection(letter.headers)
    assert WorkOrder.from_json(letter.value) == order
    assert (letter.topic, letter.key) == (TOPICS.media_rejected, b"key")
    assert (rejection.reason, rejection.topic, rejection.fault) == ("truncated_picture", record.topic, "rejected")
    settled = MediaSettled.from_json(ended.value)
    assert settled.end == SetAside(rejection_id=rejection.rejection_id, reason="truncated_picture")
    assert settled.event == order.event
    assert UsageEvent.from_json(refused.value).act.status == "refused"


def test_the_dead_letter_of_a_record_that_is_no_order_ends_nobodys_arrival():
    record = Record(TOPICS.work("fish", "live"), b"key", b"\xff\xfe", ())
    (letter,) = to_set_aside(None, record, RejectedInput("unreadable_order", "It is none."), TOPICS, recorder=RECORDER)
    assert letter.value == b"\xff\xfe"


def test_the_dead_letter_of_a_unit_that_kills_its_process_says_that_it_is_poison():
    record = Record(TOPICS.work("fish", "live"), b"key", b"x", ())
    letter, *_ = to_set_aside(
        make_order(), record, RejectedInput("kills_its_process", "Thrice."), TOPICS, recorder=RECORDER
    )
    assert read_rejection(letter.headers).fault == "poison"
