"""Arrivals on the wire: our own, those of the CloudEvents SDK, and hostile ones."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import RejectedInput
from schemas.media import InlineBody, MediaArrived, ReferencedBody, ReferencedPart, Rejection, make_rejection_id
from schemas.noun import to_time_text
from schemas.wire import from_record, from_rejected_headers, read_rejection, to_headers, to_rejected_headers, to_value
from tests.schemas.hostile import GOOD, HOSTILE, PARTS, PIXELS, Hostile
from tests.schemas.samples import AT, NOUNS, SHA

#: What Kafka promises room for in headers, and what intermediaries must carry of an event (CloudEvents 1.0, section 5).
HEADERS_LIMIT_BYTES = 8_192

INLINE, REFERENCED = NOUNS["inline arrival"], NOUNS["referenced arrival"]
assert isinstance(INLINE, MediaArrived)
assert isinstance(REFERENCED, MediaArrived)


def good(**changed: bytes | None):
    """Return the headers of a good record with some changed; underscores in names stand for themselves."""
    return [(name, value) for name, value in {**GOOD, **changed}.items() if value is not None]


# --- ours ---


def test_an_inline_arrival_comes_back_from_its_record():
    assert from_record(to_headers(INLINE), to_value(INLINE, PIXELS)) == INLINE


def test_a_referenced_arrival_comes_back_from_its_record():
    assert from_record(to_headers(REFERENCED), to_value(REFERENCED, None)) == REFERENCED


def test_what_nobody_claims_is_no_header():
    names = {name for name, _ in to_headers(MediaArrived(event="e", feed="a", subject="s", body=InlineBody()))}
    assert names == {
        "ce_specversion",
        "ce_type",
        "ce_source",
        "ce_id",
        "ce_subject",
        "ce_lane",
        "ce_purpose",
        "content-type",
    }


@pytest.mark.parametrize(("arrival", "inline"), [(INLINE, None), (REFERENCED, PIXELS)])
def test_a_value_that_does_not_fit_the_body_is_refused(arrival, inline):
    with pytest.raises(ValueError, match="inline"):
        to_value(arrival, inline)


def test_the_longest_claims_fit_into_the_room_for_headers():
    longest = MediaArrived(
        event="\U0001f41f" * 200,
        feed="a" * 63,
        subject="\U0001f41f" * 512,
        media_type="x" * 100,
        body=InlineBody(),
        sha256=SHA,
        captured_at=AT,
        published_at=AT,
        modified_at=AT,
    )
    size = sum(len(name) + len(value or b"") for name, value in to_headers(longest))
    assert size < HEADERS_LIMIT_BYTES
    assert from_record(to_headers(longest), PIXELS) == longest


def test_two_hundred_references_fit_into_a_small_message():
    part = ReferencedPart(subject="20240422-080001-IPC608_8B64_165.jpg", dataref="originals/8a/" + SHA, sha256=SHA)
    arrival = MediaArrived(event="e", feed="a", subject="s", body=ReferencedBody(parts=(part,) * 200))
    assert len(to_value(arrival, None)) < 65_536


SUBJECTS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\\:/"), min_size=1, max_size=50
).filter(lambda text: text not in {".", ".."})


@settings(max_examples=200, deadline=None)
@given(
    SUBJECTS,
    st.binary(min_size=1, max_size=50),
    st.datetimes(timezones=st.timezones()).filter(lambda t: 1901 < t.year < 2198),
)
def test_any_allowed_name_bytes_and_time_survive_the_wire(subject, data, moment):
    arrival = MediaArrived(event="e", feed="a", subject=subject, body=InlineBody(), captured_at=moment)
    assert from_record(to_headers(arrival), to_value(arrival, data)) == arrival


# --- others' ---


def make_sdk_event(**attributes: str) -> CloudEvent:
    return CloudEvent(
        {
            "type": "media.arrived.v1",
            "source": "/feeds/obsea-ipc608",
            "subject": "Été/20240422-080001.jpg",
            "datacontenttype": "image/jpeg",
            "partitionkey": "obsea-ipc608",
            **attributes,
        },
        PIXELS,
    )


def test_an_event_made_by_the_sdk_is_read():
    message = to_binary(make_sdk_event(capturedat="2024-04-22T10:00:01.303999+02:00", lane="archive"), JSONFormat())
    arrival = from_record(message.headers.items(), message.value)
    assert (arrival.feed, arrival.subject, arrival.media_type) == (
        "obsea-ipc608",
        "Été/20240422-080001.jpg",
        "image/jpeg",
    )
    assert (to_time_text(arrival.captured_at), arrival.lane) == ("2024-04-22T08:00:01.303Z", "archive")
    assert message.value == PIXELS


def test_the_time_the_sdk_stamps_by_itself_is_not_taken_for_the_capture_time():
    message = to_binary(make_sdk_event(), JSONFormat())
    arrival = from_record(message.headers.items(), message.value)
    assert arrival.published_at is not None
    assert arrival.captured_at is None


def test_references_in_an_event_made_by_the_sdk_are_read():
    event = CloudEvent(
        {
            "type": "media.arrived.v1",
            "source": "/feeds/a",
            "subject": "b.mp4",
            "datacontenttype": PARTS["content-type"].decode(),
        },
        {"dataref": "s3://bucket/key", "size_bytes": 5, "closes_group": True},
    )
    message = to_binary(event, JSONFormat())
    body = from_record(message.headers.items(), message.value).body
    assert body == ReferencedBody(
        parts=(ReferencedPart(subject="b.mp4", dataref="s3://bucket/key", size_bytes=5),), closes_group=True
    )


def test_a_structured_event_of_the_sdk_is_refused_by_what_it_lacks():
    message = to_structured(make_sdk_event(), JSONFormat())
    with pytest.raises(RejectedInput, match="lacks the CloudEvents headers") as caught:
        from_record(message.headers.items(), message.value)
    assert caught.value.reason == "unreadable_envelope"


def test_the_sdk_reads_what_we_write():
    event = from_binary(KafkaMessage(dict(to_headers(INLINE)), b"obsea-ipc608", PIXELS), JSONFormat())
    attributes = event.get_attributes()
    assert (attributes["source"], attributes["type"]) == ("/feeds/obsea-ipc608", "media.arrived.v1")
    assert (attributes["capturedat"], attributes["datacontenttype"]) == (AT, "image/jpeg")
    assert to_time_text(attributes["time"]) == AT
    assert event.get_data() == PIXELS


def test_header_names_may_be_in_capitals():
    headers = [(name.upper(), value) for name, value in GOOD.items()]
    assert from_record(headers, PIXELS).feed == "cam"


def test_of_a_repeated_header_the_last_one_counts():
    headers = [("ce_id", b"first"), *good(), ("CE_ID", b"last"), ("ce_subject", None)]
    arrival = from_record(headers, PIXELS)
    assert (arrival.event, arrival.subject) == ("last", "a.jpg")


def test_unknown_attributes_are_ignored():
    assert from_record(good(ce_traceparent=b"00-1-2-01", ce_partitionkey=b"x", x=b""), PIXELS).event == "e-1"


def test_a_subject_is_kept_in_composed_form():
    assert from_record(good(ce_subject="E\u0301t\u00e9.jpg".encode()), PIXELS).subject == "\u00c9t\u00e9.jpg"


@pytest.mark.parametrize("value", [None, b""], ids=["null", "empty"])
def test_a_reference_in_the_headers_needs_no_value(value):
    arrival = from_record(good(ce_dataref=b"s3://bucket/a.jpg", ce_datasha256=SHA.encode()), value)
    assert arrival.body == ReferencedBody(
        parts=(ReferencedPart(subject="a.jpg", dataref="s3://bucket/a.jpg", media_type="image/jpeg", sha256=SHA),)
    )


def test_of_bytes_and_a_reference_to_them_the_bytes_are_used():
    assert from_record(good(ce_dataref=b"s3://bucket/a.jpg"), PIXELS).body == InlineBody()


def test_content_type_parameters_do_not_hide_references():
    headers = good(**{"content-type": PARTS["content-type"] + b"; charset=utf-8"})
    assert isinstance(from_record(headers, b'{"dataref": "k"}').body, ReferencedBody)


def test_readers_ignore_fields_of_a_later_version_in_references():
    body = {"parts": [{"subject": "a", "dataref": "k", "later": 1}], "later": {"x": 1}}
    arrival = from_record(good(**PARTS), json.dumps(body).encode())
    assert arrival.body == ReferencedBody(parts=(ReferencedPart(subject="a", dataref="k"),))


# --- hostile ---


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_record_is_refused_with_its_reason(hostile: Hostile):
    with pytest.raises(RejectedInput) as caught:
        from_record(hostile.headers, hostile.value)
    assert caught.value.reason == hostile.reason
    assert "X-Amz" not in caught.value.sentence
    assert "word@" not in caught.value.sentence


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*GOOD, "ce_dataref", "ce_capturedat", "ce_time"]), st.none() | st.binary(max_size=30)
        )
    ),
    st.none() | st.binary(max_size=50),
    st.booleans(),
)
def test_no_record_raises_anything_but_a_rejection(headers, value, is_parts):
    with suppress(RejectedInput):
        from_record([*good(**(PARTS if is_parts else {})), *headers], value)


# --- dead letters ---


REJECTION = Rejection(
    rejection_id=make_rejection_id("media.arrived.v1", SHA, "not_media"),
    fault="rejected",
    step="decode",
    reason="not_media",
    sentence="Été",
    rejected_at=AT,
    topic="media.arrived.v1",
    value_sha256=SHA,
)


def test_a_dead_letter_is_the_record_as_it_came_with_one_more_header():
    came = (("ce_id", b"\xff\xfe"), ("x", None), ("x", b"twice"))
    headers = to_rejected_headers(came, REJECTION)
    assert read_rejection(headers) == REJECTION
    assert from_rejected_headers(headers) == came


def test_a_record_set_aside_twice_carries_the_last_reason_only():
    again = REJECTION.model_copy(update={"reason": "truncated", "attempts": 2})
    headers = to_rejected_headers(to_rejected_headers(good(), REJECTION), again)
    assert read_rejection(headers) == again
    assert len(headers) == len(GOOD) + 1


@pytest.mark.parametrize("value", [b"", b"not json", b"{}", b"\xff", None], ids=repr)
def test_a_rejection_that_cannot_be_read_is_none(value):
    assert read_rejection([("rejection", value)]) is None


@pytest.mark.parametrize(
    ("header", "value", "told"),
    [
        ("ce_time", b"2024-04-22T08:00:01", "ce_time: the time names no zone; write 2024-04-22T08:00:01Z"),
        ("ce_capturedat", b"2200-01-01T00:00:00Z", "ce_capturedat: the year 2200 is outside"),
        ("ce_subject", b"../../etc/passwd", "ce_subject: not a relative name"),
    ],
)
def test_what_is_wrong_is_told_in_the_senders_words(header, value, told):
    with pytest.raises(RejectedInput) as caught:
        from_record(tuple({**GOOD, header: value}.items()), b"picture")
    assert caught.value.sentence.startswith(told)


def test_references_may_come_as_plain_json_and_a_picture_called_json_is_still_a_picture():
    headers = {**GOOD, "content-type": b"application/json; charset=utf-8"}
    by_reference = from_record(
        tuple(headers.items()), b' {"dataref": "s3://bucket/key.jpg", "media_type": "image/jpeg"}'
    )
    assert isinstance(by_reference.body, ReferencedBody)
    assert by_reference.body.parts[0].dataref == "s3://bucket/key.jpg"
    assert isinstance(from_record(tuple(headers.items()), b"\xff\xd8\xff").body, InlineBody)
