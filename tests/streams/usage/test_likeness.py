"""Uses read after the example of another one are the same rows as uses read with all checks, and the same refusals."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import RejectedInput
from schemas.unit import Instant, Span, Undated
from schemas.usage import Heartbeat, Ingested, NotDone, Processed, Served, UsageEvent
from sinks.parquet import make_table
from streams.usage.events import read_event
from streams.usage.likeness import FactReader, make_facts
from streams.usage.rows import FACTS, to_fact
from tests.streams.usage.uses import NOW, OBSERVER, make_owner, make_person, make_record, make_use, to_content

_MOMENTS = st.datetimes(dt.datetime(1900, 1, 2), dt.datetime(2026, 11, 20), timezones=st.just(dt.UTC))  # noqa: DTZ001
_WORDS = st.text('abc-_. é"\\\n🐟', min_size=1, max_size=12)
_COUNTS = st.sampled_from((0, 1, 9, 10, 4_711, 2**53 - 1))
_ACTS = st.one_of(
    st.builds(
        Processed,
        processing_id=_WORDS,
        reprocessing_of=st.none() | _WORDS,
        observer_name=st.sampled_from(("yolo", "motion")),
        observer_version=_WORDS,
        observer_sha256=st.just(OBSERVER),
        demonstration=st.booleans(),
    ),
    st.builds(Served, resource=_WORDS),
    st.just(Ingested()),
    st.builds(Heartbeat, since_at=_MOMENTS),
    st.builds(NotDone, status=st.just("failure"), reason=st.sampled_from(("too_large", "broken"))),
)
_OBSERVED = st.one_of(
    st.builds(Instant, at=_MOMENTS),
    st.builds(lambda ends: Span(start_at=min(ends), end_at=max(ends)), st.tuples(_MOMENTS, _MOMENTS)),
    st.just(Undated(why="not_read")),
)
_TALLIES = st.dictionaries(st.sampled_from(("still", "frame", "roi")), _COUNTS, max_size=2)


@st.composite
def _uses(draw) -> UsageEvent:
    return make_use(
        draw(st.integers(0, 5)),
        requested_at=draw(_MOMENTS),
        observed=draw(_OBSERVED),
        act=draw(_ACTS),
        who=draw(st.sampled_from((make_owner(), make_person("a"), make_person("b", 2)))),
        institution=draw(st.sampled_from((None, "02nv7yv05"))),
        cpu_ms=draw(st.none() | _COUNTS),
        gpu_ms=draw(st.none() | _COUNTS),
        session=draw(st.none() | st.sampled_from((to_content("s"), to_content("t")))),
        units=draw(_TALLIES),
        images=draw(_TALLIES),
        bytes=draw(_COUNTS),
        contents=tuple(map(to_content, range(draw(st.integers(0, 3))))),
        profile=draw(st.sampled_from(("observatory-1", '"bytes":5,"requested_at":"'))),
    )


def _to_dict(row) -> dict[str, object]:
    columns = make_facts([row]).to_columns()
    return {name: values[0] for name, values in columns.items()}


def _expect(record) -> dict[str, object]:
    row = to_fact(record, read_event(record))
    table = make_table(FACTS, {column.name: [row[column.name]] for column in FACTS.columns})
    return {name: values[0] for name, values in table.to_columns().items()}


@settings(max_examples=60, deadline=None)
@given(st.lists(_uses(), min_size=1, max_size=12))
def test_every_use_is_the_row_that_all_checks_give(events):
    reader = FactReader()
    records = [make_record(place, event.to_canonical()) for place, event in enumerate(events)]
    for _ in range(3):
        assert [_to_dict(reader.read(record)) for record in records] == [_expect(record) for record in records]


def _learn(event: UsageEvent) -> FactReader:
    """Return a reader to which this use's shape is known."""
    reader = FactReader()
    for offset in range(3):
        reader.read(make_record(offset, event.to_canonical()))
    return reader


_SPANNED = make_use(
    7,
    observed=Span(start_at=NOW - dt.timedelta(days=2), end_at=NOW - dt.timedelta(days=1)),
    who=make_person("a"),
    cpu_ms=17,
    session=to_content("s"),
    contents=(to_content(1), to_content(2)),
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_byte_that_is_changed_has_the_effect_that_it_has_with_all_checks(data):
    value = bytearray(_SPANNED.to_canonical())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(value) - 1))
        value[place] = data.draw(st.sampled_from(b'0123456789abcdefZT:-"\\{}[], \x00\xff'))
    _compare(_learn(_SPANNED), bytes(value))


def _compare(reader: FactReader, value: bytes, **changes: object) -> None:
    record = make_record(5, value, **changes)
    assert _tell(lambda: _to_dict(reader.read(record))) == _tell(lambda: _expect(record))


def _tell(read) -> object:
    """Return the row, or why there is none."""
    try:
        return read()
    except RejectedInput as fault:
        return fault.reason, fault.sentence


@pytest.mark.parametrize(
    "change",
    [
        {"requested_at": "2026-02-30T10:00:00.000Z"},
        {"requested_at": "2026-11-20T24:00:00.000Z"},
        {"requested_at": "2026-11-20T10:00:60.000Z"},
        {"requested_at": "2026-11-22T10:00:00.000Z"},
        {"requested_at": "1899-12-31T10:00:00.000Z"},
        {"requested_at": "2026-11-20T10:00:00.000+00:00"},
        {"observed": {"end_at": "2026-11-01T00:00:00.000Z", "kind": "span", "start_at": "2026-11-02T00:00:00.000Z"}},
        {"bytes": 2**53 - 1},
        {"bytes": 2**53},
        {"bytes": 10**15},
        {"bytes": -1},
        {"bytes": 1.0},
        {"images": {"still": 10**16}},
        {"images": {"still": 0}},
        {"images": {"Still": 1}},
        {"contents": []},
        {"contents": [to_content(number) for number in range(500)]},
        {"contents": [to_content(number) for number in range(501)]},
        {"event_id": "E" * 32},
        {"session": "0" * 63},
        {"newer": "field"},
    ],
)
def test_what_is_wrong_or_rare_is_found_in_a_shape_that_is_known(change):
    plain = {**_SPANNED.to_plain(), **change}
    _compare(_learn(_SPANNED), json.dumps(plain, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize("headers", [(("ce_type", b"other"),), (("ce_specversion", b"0.3"),), (("ce_id", b"1"),)])
def test_headers_are_looked_at_in_a_shape_that_is_known(headers):
    _compare(_learn(_SPANNED), _SPANNED.to_canonical(), headers=headers)


def test_a_repeated_field_is_read_as_with_all_checks():
    value = _SPANNED.to_canonical().replace(b'"bytes":82190', b'"bytes":1,"bytes":82190')
    reader = _learn(_SPANNED)
    for _ in range(3):
        _compare(reader, value)


def test_uses_of_one_shape_are_read_once_with_all_checks(monkeypatch):
    """Else nothing is gained, and nobody would notice."""
    wholly = []
    monkeypatch.setattr(
        "streams.usage.likeness.read_event", lambda record: (wholly.append(record.offset), read_event(record))[1]
    )
    reader = FactReader()
    for number in range(50):
        changes = {
            "requested_at": NOW + dt.timedelta(seconds=number),
            "bytes": number,
            "contents": (to_content(number),),
        }
        event = make_use(number, who=make_person(str(number)), images={"still": number}, cpu_ms=number, **changes)
        reader.read(make_record(100_000 + number, event.to_canonical()))
    assert wholly == [100_000, 100_001]
