from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.canonical import to_canonical
from schemas.errors import RejectedInput
from schemas.unit import Instant, Span, Undated
from schemas.usage import Heartbeat, Ingested, MarkedByHand, NotDone, Processed, Served, UsageEvent
from streams.usage.events import EVENT_LIMIT_BYTES, read_event, to_event_bytes
from streams.usage.rows import FACTS, from_fact, to_fact
from tests.streams.usage.uses import NOW, OBSERVER, make_owner, make_person, make_record, make_use, to_content

_ZONES = (dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=30)), dt.timezone(-dt.timedelta(hours=9)))
_times = st.builds(
    lambda milliseconds, zone: (NOW + dt.timedelta(milliseconds=milliseconds)).astimezone(zone),
    st.integers(-(10**12), 10**12),
    st.sampled_from(_ZONES),
)
_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_codes = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
_tallies = st.dictionaries(_codes, st.integers(0, 2**53 - 1), max_size=3)
_processed = st.builds(
    Processed,
    processing_id=_texts,
    reprocessing_of=st.none() | _texts,
    observer_name=st.just("yolo"),
    observer_version=_texts,
    observer_sha256=st.just(OBSERVER),
    demonstration=st.booleans(),
)
_acts = st.one_of(
    _processed,
    st.just(Ingested()),
    st.builds(Served, resource=_texts),
    st.builds(NotDone, status=st.sampled_from(["failure", "refused", "health"]), reason=_codes),
)
_observed = st.one_of(
    st.builds(Instant, at=_times),
    st.builds(lambda a, b: Span(start_at=min(a, b), end_at=max(a, b)), _times, _times),
    st.builds(Undated, why=_codes),
)
_changes = st.fixed_dictionaries(
    {
        "requested_at": _times,
        "observed": _observed,
        "profile": _texts,
        "act": _acts,
        "who": st.one_of(st.just(make_owner()), st.builds(make_person, _texts, st.integers(2, 4))),
        "units": _tallies,
        "images": _tallies,
        "bytes": st.integers(0, 2**53 - 1),
        "contents": st.lists(_texts.map(to_content), max_size=4).map(tuple),
    }
)


@settings(max_examples=200, deadline=None)
@given(_changes)
def test_a_fact_is_the_whole_use(changes):
    event = make_use(**changes)
    row = to_fact(make_record(5, event.to_canonical()), event)
    assert set(row) == {column.name for column in FACTS.columns}
    assert from_fact(row) == event
    assert row["event_sha256"] == event.to_digest()


@settings(max_examples=200, deadline=None)
@given(_changes)
def test_the_bytes_of_a_use_are_its_canonical_bytes(changes):
    plain = make_use(**changes).to_plain()
    assert to_event_bytes(plain) == to_canonical(plain)


def test_the_digest_of_the_use_leaves_out_only_when_it_was_requested():
    rows = [
        to_fact(make_record(0, event.to_canonical()), event)
        for event in (make_use(), make_use(requested_at=NOW + dt.timedelta(hours=1)), make_use(bytes=1))
    ]
    assert rows[0]["use_sha256"] == rows[1]["use_sha256"] != rows[2]["use_sha256"]
    assert len({row["event_sha256"] for row in rows}) == 3
    plain = make_use().to_plain()
    del plain["requested_at"]
    assert rows[0]["use_sha256"] == to_content(to_canonical(plain).decode())


def test_a_text_that_looks_like_a_field_does_not_confuse_the_digest():
    trap = make_use(profile='"requested_at":"2020",')
    plain = trap.to_plain()
    del plain["requested_at"]
    row = to_fact(make_record(0, trap.to_canonical()), trap)
    assert row["use_sha256"] == to_content(to_canonical(plain).decode())


def test_a_field_of_a_newer_writer_is_ignored_nested_too():
    plain = make_use().to_plain()
    plain["mood"] = "good"
    plain["act"]["colour"] = "blue"
    value = json.dumps(plain).encode()
    event = read_event(make_record(0, value))
    assert event == make_use()
    row = to_fact(make_record(0, value), event)
    assert row["event_sha256"] == make_use().to_digest()
    assert row["value_sha256"] == to_content(value.decode())


def _plain(**changes: object) -> bytes:
    return json.dumps(make_use().to_plain() | changes).encode()


@pytest.mark.parametrize(
    ("value", "reason", "word"),
    [
        (None, "empty_value", "no value"),
        (b"", "empty_value", "no value"),
        (b"\xff\xfe", "not_json", "record"),
        (b"[1, 2]", "not_json", "record"),
        (b'{"a": 1', "not_json", "record"),
        (b"[" * 50_000, "not_json", "record"),
        (b"{}", "missing_field", "event_id"),
        (b" " * (EVENT_LIMIT_BYTES + 1), "event_too_large", "65,537"),
        (_plain(door="x" * 60_000), "bad_event", "door"),
        (_plain(profile="x" * 60_000), "text_too_long", "profile"),
        (_plain(contents=["a" * 64] * 501), "text_too_long", "contents"),
        (_plain(bytes=-1), "negative_count", "bytes"),
        (_plain(images={"still": -1}), "negative_count", "images"),
        (_plain(bytes=2**53), "bad_event", "2\\*\\*53"),
        (_plain(bytes=1.5), "bad_event", "bytes"),
        (_plain(images=[1, 2]), "bad_event", "images"),
        (_plain(images=[[["a"], 1]]), "bad_event", "images"),
        (_plain(images=7), "bad_event", "images"),
        (_plain(act={"kind": "dreamt"}), "unknown_kind", "act"),
        (_plain(act={}), "missing_field", "act"),
        (_plain(who={"kind": "person", "pseudonym": "somebody@example.org", "tier": 4}), "bad_event", "pseudonym"),
        (_plain(who={"kind": "declared_owner", "owner": "upc", "tier": 4}), "bad_event", "tier"),
        (_plain(country="Spain"), "bad_event", "country"),
        (_plain(purpose="fun"), "bad_event", "purpose"),
        (_plain(requested_at="2026-11-20T10:00:00"), "naive_time", "requested_at"),
        (_plain(requested_at="2200-11-20T10:00:00Z"), "bad_event", "requested_at"),
        (_plain(requested_at=1_700_000_000), "bad_event", "requested_at"),
        (_plain(requested_at="2026-11-22T10:00:01Z"), "time_in_future", "a day after"),
        (_plain(profile="\ud800"), "not_json", "record"),
    ],
)
def test_what_is_no_use_is_refused_with_a_reason_that_repeats_nothing(value, reason, word):
    record = make_record(0, value)
    with pytest.raises(RejectedInput, match=word) as caught:
        to_fact(record, read_event(record))
    assert caught.value.reason == reason
    for shown in ("somebody", "dreamt", "xxx", "Spain"):
        assert shown not in caught.value.sentence


@pytest.mark.parametrize(
    ("header", "reason"),
    [(("ce_type", b"usage.recorded.v2"), "unknown_type"), (("ce_specversion", b"2.0"), "unknown_version")],
)
def test_another_version_is_refused(header, reason):
    value = make_use().to_canonical()
    with pytest.raises(RejectedInput) as caught:
        read_event(make_record(0, value, headers=(header,)))
    assert caught.value.reason == reason
    good = (("ce_type", b"usage.recorded.v1"), ("ce_specversion", b"1.0"), ("other", None))
    assert read_event(make_record(0, value, headers=good)) == make_use()


def test_a_use_that_says_a_day_ahead_is_still_a_use():
    ahead = make_use(requested_at=NOW + dt.timedelta(days=1))
    assert read_event(make_record(0, ahead.to_canonical())).requested_at == NOW + dt.timedelta(days=1)


def test_every_field_of_a_use_has_a_place_in_a_fact():
    """A field added to the noun must be added to the facts, or uses would lose it."""
    acts = {
        field for act in (Processed, Ingested, Served, MarkedByHand, Heartbeat, NotDone) for field in act.model_fields
    } - {"kind"}
    spelt = {"program": {"robot_pattern", "robots_sha256", "robots_version"},
             "models": {"model_names", "model_versions", "model_sha256s"}}  # fmt: skip
    own = {"partition", "offset", "appended_at", "value_sha256", "event_sha256", "use_sha256"}
    observed = {"observed_start_at", "observed_end_at", "observed_why"}
    who = {"identity", "tier", "key"}
    said = own | set(UsageEvent.model_fields) | (acts - {"models"}) | observed | who
    assert {column.name for column in FACTS.columns} == said.union(*spelt.values())
