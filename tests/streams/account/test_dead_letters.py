"""What is still set aside, and how it is tried again."""

from __future__ import annotations

import datetime as dt

import pytest

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput
from schemas.media import InWork, MediaSettled, SetAside, Stored
from schemas.wire import read_rejection
from sinks.object_store.memory import MemoryStore
from streams.account.dead_letters import read_bytes, read_dead_letters
from streams.account.ledger import UNREADABLE, ArrivalKey, to_arrival_key
from streams.brokers.memory_client import MemoryClient
from streams.brokers.records import Record
from streams.faults import fit_letter, make_rejection, to_dead_letter, to_retry
from streams.feeds.announce import Claimed, Sender, announce_bytes
from streams.submission import Submission
from streams.units.originals import Originals
from streams.units.pipeline import to_set_aside
from streams.units.routing import to_settled_record
from tests.streams.units.places import RECORDER, TOPICS, make_order, to_stored

AT = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)
JPEG = b"\xff\xd8\xff\xe0 picture"
FAULT = RejectedInput("unknown_feed", "There is no feed 'cam' in the settings.")


@pytest.fixture
def client():
    made = MemoryClient()
    made.create(TOPICS.plan(["fish"], partitions=1))
    return made


def arrive(subject="a.jpg", data=JPEG):
    return announce_bytes(data, Claimed(subject), Sender("cam")).to_record(TOPICS.media_arrived)


def set_aside(client, record, fault=FAULT):
    """Set an arrival aside as the router does."""
    key = to_arrival_key(to_stored(record))
    rejection = make_rejection(record, fault, step="route", rejected_at=AT)
    end = SetAside(rejection_id=rejection.rejection_id, reason=fault.reason)
    client.append([to_dead_letter(record, rejection, TOPICS.media_rejected)])
    settle(client, key, end)
    return key


def settle(client, key, end):
    client.append([to_settled_record(TOPICS, MediaSettled(source=key.source, event=key.event, end=end))])


def refuse_work(client, order, record, reason):
    """Set a work record aside as its agent does."""
    client.append(to_set_aside(order, record, RejectedInput(reason, "It is."), TOPICS, recorder=RECORDER))


def list_letters(client):
    return list(read_dead_letters(client, TOPICS))


def test_a_dead_letter_says_whose_it_is_why_and_how_to_try_again(client):
    set_aside(client, arrive())
    (letter,) = list_letters(client)
    assert letter.to_plain() | {"rejection_id": ""} == {
        "number": "0-0",
        "feed": "cam",
        "subject": "a.jpg",
        "retry": "observatory dead-letters retry 0-0",
        "rejection_id": "",
        "fault": "rejected",
        "step": "route",
        "reason": "unknown_feed",
        "sentence": FAULT.sentence,
        "attempts": 1,
        "rejected_at": "2026-05-01T12:00:00.000Z",
        "topic": TOPICS.media_arrived,
        "value_sha256": to_sha256(JPEG),
    }


@pytest.mark.parametrize("end", [Stored(unit_ids=("u",)), InWork(unit_id="u")])
def test_what_was_tried_again_is_no_dead_letter_any_more(client, end):
    key = set_aside(client, arrive())
    settle(client, key, end)
    assert list_letters(client) == []


def test_what_was_tried_again_in_vain_is_one_dead_letter_not_two(client):
    record = arrive()
    for _ in range(3):
        set_aside(client, record)
    assert [letter.number for letter in list_letters(client)] == ["0-2"]


def test_what_was_tried_again_and_failed_for_another_reason_is_listed_for_that(client):
    record = arrive()
    set_aside(client, record)
    set_aside(client, record, RejectedInput("truncated_picture", "It is cut."))
    assert [letter.rejection.reason for letter in list_letters(client)] == ["truncated_picture"]


def test_sent_again_an_arrival_is_the_record_that_came(client):
    record = arrive()
    set_aside(client, record)
    (letter,) = list_letters(client)
    assert to_retry(letter.record, letter.rejection) == record


def test_sent_again_a_unit_goes_to_the_topic_of_its_installation(client):
    order = make_order()
    record = Record(TOPICS.work("fish", "archive"), b"key", order.to_canonical(), ())
    refuse_work(client, order, record, "truncated_picture")
    (letter,) = list_letters(client)
    assert (letter.feed, letter.subject) == ("cam", "a.jpg")
    assert to_retry(letter.record, letter.rejection) == record


@pytest.mark.parametrize("value", [b"\xff\xfe", b"{}", b'{"source": 1}', None])
def test_garbage_of_a_work_topic_is_listed_like_anything_else(client, value):
    record = Record(TOPICS.work("fish", "live"), b"key", value, ())
    refuse_work(client, None, record, "unreadable_order")
    (letter,) = list_letters(client)
    assert letter.rejection.reason == "unreadable_order"


def test_an_arrival_whose_envelope_cannot_be_read_is_listed_whatever_became_of_others(client):
    settle(client, ArrivalKey("/unreadable", "0-0"), SetAside(rejection_id="another", reason="unreadable_envelope"))
    record = Record(TOPICS.media_arrived, b"cam", JPEG, (("ce_id", b"1"),))
    rejection = make_rejection(record, RejectedInput("unreadable_envelope", "It lacks."), step="route", rejected_at=AT)
    client.append([to_dead_letter(record, rejection, TOPICS.media_rejected)])
    (letter,) = list_letters(client)
    assert (letter.feed, letter.can_be_sent_again) == (UNREADABLE, False)


def test_what_carries_no_rejection_is_no_dead_letter(client):
    client.append(
        [
            Record(TOPICS.media_rejected, b"k", b"x", ()),
            Record(TOPICS.media_rejected, b"k", b"x", (("rejection", b"{"),)),
        ]
    )
    assert list_letters(client) == []


def test_a_file_that_could_not_be_announced_is_listed_and_there_is_nothing_to_send_again(client):
    submission = Submission(client, TOPICS, MemoryStore(), Sender("cam"))
    client.append(submission.refuse("a.jpg", RejectedInput("missing_file", "'a.jpg' is not there any more.")))
    (letter,) = list_letters(client)
    assert (letter.subject, letter.rejection.reason, letter.can_be_sent_again) == ("a.jpg", "missing_file", False)
    assert letter.to_plain()["retry"] is None


# --- the bytes as they came ---


@pytest.fixture
def originals():
    return Originals(MemoryStore())


def test_the_bytes_of_an_arrival_are_in_its_letter(client, originals):
    set_aside(client, arrive())
    assert read_bytes(list_letters(client)[0], originals) == JPEG


def test_the_bytes_of_a_unit_are_its_original(client, originals):
    order = make_order()
    originals.store.write(order.unit.parts[0].at, JPEG, media_type="image/jpeg")
    record = Record(TOPICS.work("fish", "live"), b"key", order.to_canonical(), ())
    refuse_work(client, order, record, "truncated_picture")
    assert read_bytes(list_letters(client)[0], originals) == JPEG


def test_the_bytes_of_a_record_that_was_too_large_for_a_letter_are_in_the_store(client, originals):
    data = bytes(999_000)
    record = Record(
        TOPICS.media_arrived, b"cam", data, (("ce_id", b"1"), ("ce_source", b"/feeds/cam"), ("x", bytes(900)))
    )
    rejection = make_rejection(record, FAULT, step="route", rejected_at=AT)
    letter = fit_letter(to_dead_letter(record, rejection, TOPICS.media_rejected), originals.keep)
    client.append([letter])
    assert read_rejection(letter.headers) == rejection
    assert read_bytes(list_letters(client)[0], originals) == data


def test_garbage_of_a_work_topic_is_saved_as_it_came(client, originals):
    record = Record(TOPICS.work("fish", "live"), b"key", b"\xff\xfe", ())
    refuse_work(client, None, record, "unreadable_order")
    assert read_bytes(list_letters(client)[0], originals) == b"\xff\xfe"
