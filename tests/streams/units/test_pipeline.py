"""One unit in, its result stored, and the records that announce it out."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count

import pytest

from detectors.scripted import ScriptedDetector, find_bright_centre
from schemas.errors import RejectedInput, TransientFault
from schemas.media import MediaSettled, SetAside, Skipped, Stored
from schemas.result import Result
from schemas.unit import WorkOrder
from schemas.usage import UsageEvent
from schemas.wire import read_rejection
from sinks.object_store.memory import MemoryStore
from streams.brokers.records import Record
from streams.units.attempts import ATTEMPTS_LIMIT
from streams.units.making import pair_answers
from streams.units.pipeline import to_set_aside
from streams.units.spending import CpuClock
from tests.streams.units.places import RECORDER, TOPICS, FakeReader, Kit, Opened, make_order, read_announced


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


def test_feeds_whose_settings_change_what_is_looked_at_are_looked_at_by_observers_of_their_own(tmp_path):
    every_n = {"cam": 1, "other": 2}

    class Sampled(FakeReader):
        def to_parameters(self, unit):
            return {"every_n": every_n[unit.stamp.feed]}

    def look(number, feed):
        announced, _, _ = read_announced(kit.process(make_order(number, feed=feed)))
        return json.loads(Result.from_json(kit.store.read(announced.document.key)).observer.parameters)["every_n"]

    kit = Kit(tmp_path, reader=Sampled())
    assert [look(number, feed) for number, feed in enumerate(("cam", "other", "cam"))] == [1, 2, 1]
    every_n["cam"] = 3
    assert look(4, "cam") == 3


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
