"""Several units of one installation done together: each comes to what it comes to alone."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from detectors.scripted import ScriptedDetector
from schemas.errors import RejectedInput
from tests.streams.units.places import TOPICS, FakeReader, Kit, Opened, make_order, read_announced


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


def make_sized(number, size_bytes):
    order = make_order(number)
    part = order.unit.parts[0].model_copy(update={"size_bytes": size_bytes})
    return order.model_copy(update={"unit": order.unit.model_copy(update={"parts": (part,)})})


def test_small_different_stills_may_be_done_together_and_nothing_else(tmp_path):
    kit, first = Kit(tmp_path), make_order(1)
    large, half, other_half = make_sized(3, 5 << 20), make_sized(6, 3 << 19), make_sized(7, 3 << 19)
    place = tmp_path / "attempts" / "0"
    place.mkdir(parents=True)
    suspect = make_order(4)
    line = f'{{"begin": "{suspect.unit.stamp.unit_id}", "alone": false}}\n'
    (place / "attempts.jsonl").write_text(line, encoding="utf-8")
    kit.journal.open()
    try:
        assert kit.pipeline.count_joining([first, make_order(2), make_order(5)]) == 3
        for other in (make_order(2, kind="clip"), first, large, suspect):
            assert kit.pipeline.count_joining([first, other, make_order(2)]) == 1
        assert kit.pipeline.count_joining([suspect, first]) == 0
        assert kit.pipeline.count_joining([half, first, other_half]) == 2
    finally:
        kit.journal.close()
