"""The shelf: any order in, the archive's order out, one result per event, and faults that are ours."""

from __future__ import annotations

import dataclasses
import inspect
import random
import sqlite3

import pytest

from schemas.errors import FatalFault, ObservatoryError, TransientFault
from sinks.darwin_core.drafts import Desk, from_text, make_draft
from sinks.darwin_core.plan import DeploymentBook
from sinks.darwin_core.shelf import SeveralObserversError, Shelf, _translated
from tests.sinks.darwin_core.builders import make_labels, make_observer, make_plan, make_season, make_still


def draft(item, **plan):
    made = make_draft(item, Desk(make_plan(**plan), make_labels().to_index(), DeploymentBook([])))
    assert not isinstance(made, str), made
    return made


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path / "drafts.sqlite")
    yield shelf
    shelf.close()


def test_a_draft_comes_back_as_it_was_set_down():
    for item in make_season():
        made = draft(item)
        assert from_text(made.to_text()) == dataclasses.replace(made, share=from_text(made.to_text()).share)
        assert from_text(made.to_text()).deployment == made.deployment
        assert from_text(made.to_text()).to_text() == made.to_text()


def test_drafts_come_back_in_the_order_of_their_events(shelf):
    drafts = [draft(item) for item in make_season()]
    random.Random(4).shuffle(drafts)
    for made in drafts:
        shelf.add(made)
    assert [made.event_id for made in shelf.choose()] == sorted(made.event_id for made in drafts)
    assert [made.event_id for made in shelf.read_chosen()] == sorted(made.event_id for made in drafts)


def test_of_two_copies_of_one_result_the_same_is_kept_whichever_came_first(tmp_path):
    copies = [draft(make_still(["fish"], media=(key,))) for key in ("a.jpg", "b.jpg")]
    kept = []
    for number, order in enumerate((copies, copies[::-1])):
        shelf = Shelf(tmp_path / f"{number}.sqlite")
        for made in order:
            shelf.add(made)
        assert shelf.count() == 1
        kept.append([made.to_text() for made in shelf.choose()])
        shelf.close()
    assert kept[0] == kept[1]


def test_the_best_ranked_observer_speaks_and_the_other_is_noted(shelf):
    plan = {"observers": ("exampledet 2.0", "yolo")}
    old, new = (
        draft(make_still(["fish"], observer=make_observer(version=version)), **plan) for version in ("1.0", "2.0")
    )
    shelf.add(old)
    shelf.add(new)
    assert [made.result_id for made in shelf.choose()] == [new.result_id]
    assert shelf.count_left_out() == {"other_observer_chosen": 1}


def test_two_observers_of_equal_rank_are_a_question_for_a_person(shelf):
    for version in ("1.0", "2.0"):
        shelf.add(draft(make_still(["fish"], observer=make_observer(version=version))))
    with pytest.raises(SeveralObserversError, match="'observers' which one speaks"):
        list(shelf.choose())


def test_of_two_units_at_one_capture_time_one_is_the_event_and_the_other_is_named(shelf):
    drafts = [draft(make_still(["fish"], content=content * 32)) for content in ("aa", "bb")]
    for made in drafts:
        shelf.add(made)
    chosen = min(made.unit_id for made in drafts)
    assert [made.unit_id for made in shelf.choose()] == [chosen]
    assert shelf.count_left_out() == {"capture_time_taken": 1}
    assert shelf.name_left_out() == {"capture_time_taken": (max(made.unit_id for made in drafts),)}


def test_a_result_left_out_twice_is_counted_once(shelf):
    for _ in range(2):
        shelf.leave_out("unit", "unit.observer", "undated")
    assert (shelf.count(), shelf.count_left_out()) == (1, {"undated": 1})


@pytest.mark.parametrize(
    "error",
    [item for _, item in inspect.getmembers(sqlite3, inspect.isclass) if issubclass(item, sqlite3.Error)],
)
def test_every_error_of_the_database_becomes_a_fault_of_ours(error):
    with pytest.raises(ObservatoryError) as caught, _translated():
        raise error("database or disk is full")
    assert isinstance(caught.value.__cause__, error)
    assert isinstance(caught.value, TransientFault if issubclass(error, sqlite3.OperationalError) else FatalFault)


def test_a_shelf_in_a_folder_that_is_not_there_is_a_fault_of_ours(tmp_path):
    with pytest.raises(TransientFault, match="set down"):
        Shelf(tmp_path / "missing" / "drafts.sqlite")
