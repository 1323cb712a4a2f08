"""Ids: functions of what identifies, recomputed when read, and equal whatever is beside it."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from schemas.canonical import to_digest
from schemas.media import make_event_id, make_rejection_id
from schemas.result import Observer, Result, make_result_id, to_result_folder
from schemas.unit import (
    Instant,
    Part,
    Span,
    Undated,
    Unit,
    UnitStamp,
    make_content,
    make_stamp,
    make_unit_id,
    to_day_path,
    to_unit_key,
)
from schemas.usage import make_usage_id
from tests.schemas.samples import NOUNS, OBSERVER, RESULT, SHA, STAMP, UNDATED_STAMP, UNIT


def test_the_unit_id_of_a_known_picture_never_changes():
    # the OBSEA picture of 22 April 2024, 08:00:01; its digest was computed by another program
    captured = Instant(at="2024-04-22T08:00:01Z")
    assert make_unit_id("obsea-ipc608", "still", captured, SHA) == "obsea-ipc608.20240422t080001000z.8be0609e5be81650"


def test_a_unit_id_does_not_change_with_the_spelling_of_the_time():
    spellings = ("2024-04-22T08:00:01Z", "2024-04-22T10:00:01+02:00", "2024-04-22T08:00:01.000999Z")
    ids = {make_unit_id("a", "still", Instant(at=text), SHA) for text in spellings}
    assert len(ids) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"feed": "b"},
        {"kind": "clip"},
        {"captured": Instant(at="2024-04-22T08:00:01.001Z")},
        {"captured": Span(start_at="2024-04-22T08:00:01Z", end_at="2024-04-22T08:00:01Z")},
        {"captured": Undated(why="no_time")},
        {"content": "0" * 64},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_identifies_a_unit_makes_another_id(other):
    same = {"feed": "a", "kind": "still", "captured": Instant(at="2024-04-22T08:00:01Z"), "content": SHA}
    assert make_unit_id(**same) != make_unit_id(**{**same, **other})


def test_the_installation_is_in_the_key_and_not_in_the_unit_id():
    other = make_stamp(installation="x", feed=STAMP.feed, kind="still", captured=STAMP.captured, content=SHA)
    assert other.unit_id == STAMP.unit_id
    assert to_result_folder(other, SHA) != to_result_folder(STAMP, SHA)


@pytest.mark.parametrize("field", ["unit_id", "feed", "kind", "content", "captured"])
def test_a_stamp_whose_id_does_not_follow_is_refused(field):
    wrong = {
        "unit_id": "a.b.c",
        "feed": "other",
        "kind": "clip",
        "content": "0" * 64,
        "captured": {"kind": "undated", "why": "no_time"},
    }
    with pytest.raises(ValidationError, match="does not follow"):
        UnitStamp.from_json(json.dumps({**STAMP.to_plain(), field: wrong[field]}))


def test_a_unit_with_a_forged_stamp_is_refused():
    plain = UNIT.to_plain()
    plain["stamp"]["content"] = "0" * 64
    with pytest.raises(ValidationError, match="does not follow"):
        Unit.from_json(json.dumps(plain))


def test_a_result_id_names_unit_and_observer():
    assert RESULT.result_id == f"{STAMP.unit_id}.{OBSERVER.to_digest()[:16]}"


@pytest.mark.parametrize(
    "change",
    [{"result_id": "x"}, {"observer": {"parameters": {"conf": 0.5}}}, {"unit": UNDATED_STAMP.to_plain()}],
    ids=str,
)
def test_a_result_whose_id_does_not_follow_is_refused(change):
    plain = RESULT.to_plain()
    for field, value in change.items():
        plain[field] = {**plain[field], **value} if isinstance(value, dict) else value
    with pytest.raises(ValidationError, match="does not follow"):
        Result.from_json(json.dumps(plain))


def test_parameters_make_another_observer_and_their_spelling_does_not():
    same = Observer(name="yolo", version="1", reader="still/1", parameters={"b": 1.0, "a": 0.30000001})
    again = Observer(name="yolo", version="1", reader="still/1", parameters='{"a": 0.3, "b": 1}')
    other = Observer(name="yolo", version="1", reader="still/1", parameters={"b": 1.0, "a": 0.31})
    assert same.to_digest() == again.to_digest() != other.to_digest()
    assert make_result_id("u", same) != make_result_id("u", other)


def test_parameters_are_an_object_on_the_wire_and_hashable_in_memory():
    assert OBSERVER.to_plain()["parameters"] == {
        "conf": 0.25,
        "iou": 0.5,
        "classes": ["a", "b"],
        "tiny": 1e-7,
        "mask": None,
    }
    assert isinstance(hash(OBSERVER), int)


@pytest.mark.parametrize("parameters", ["[1]", "not json", [1], {"x": float("nan")}, {"x": {1}}], ids=repr)
def test_parameters_that_are_no_object_are_refused(parameters):
    with pytest.raises(ValidationError):
        Observer(name="yolo", version="1", reader="still/1", parameters=parameters)


def test_a_demonstration_model_is_known_by_its_observer():
    assert OBSERVER.is_demonstration
    assert not Observer(name="motion", version="1", reader="still/1").is_demonstration


def part(role: str, sha256: str = SHA) -> Part:
    return Part(role=role, name=role, media_type="x/y", size_bytes=1, sha256=sha256, at="k")


def test_the_content_of_one_part_is_its_digest_and_of_several_a_digest_over_roles():
    assert make_content((part("still"),)) == SHA
    other = "0" * 64
    assert make_content((part("a"), part("b", other))) == make_content((part("b", other), part("a")))
    assert make_content((part("a"), part("b", other))) != make_content((part("b"), part("a", other)))
    assert make_content((part("a"), part("b", other))) == to_digest({"a": SHA, "b": other})


def test_keys_are_filed_by_day_of_capture():
    assert to_unit_key(STAMP) == f"units/obsea-ipc608/2024/04/22/{STAMP.unit_id}.json"
    assert to_unit_key(UNDATED_STAMP) == f"units/obsea-ipc608/undated/{UNDATED_STAMP.unit_id}.json"
    assert to_result_folder(STAMP, SHA) == f"results/obsea/obsea-ipc608/2024/04/22/{STAMP.unit_id}/{SHA[:16]}"
    assert to_day_path(NOUNS["clip stamp"].captured) == "2024/04/22"


def test_the_same_file_sent_again_is_the_same_event_and_another_feed_subject_or_content_is_not():
    ids = [make_event_id("a", "x", SHA), make_event_id("b", "x", SHA), make_event_id("a", "y", SHA)]
    ids.append(make_event_id("a", "x", "0" * 64))
    assert make_event_id("a", "x", SHA) == ids[0]
    assert len(set(ids)) == 4
    assert all(len(event) == 32 for event in ids)


def test_a_record_refused_again_for_the_same_reason_is_the_same_rejection():
    assert make_rejection_id("t", SHA, "not_media") == make_rejection_id("t", SHA, "not_media")
    assert make_rejection_id("t", SHA, "not_media") != make_rejection_id("t", SHA, "too_large")


def test_a_use_with_another_observer_is_another_use():
    same = {"door": "topic", "operation": "process", "request": "u"}
    assert make_usage_id(**same, observer_sha256=SHA) == make_usage_id(**same, observer_sha256=SHA)
    assert make_usage_id(**same, observer_sha256=SHA) != make_usage_id(**same, observer_sha256=None)


def test_a_span_that_runs_backwards_is_refused():
    with pytest.raises(ValidationError, match="ends before it starts"):
        Span(start_at="2024-04-22T08:00:01Z", end_at="2024-04-22T08:00:00Z")
