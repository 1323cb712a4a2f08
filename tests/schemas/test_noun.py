"""What all nouns share: round trips, growth, times, and mappings that hash."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import random
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.finding import Finding
from schemas.geometry import Box, Polygon, Whole
from schemas.noun import Code, Name, Noun, Time, to_compact_time, to_time_text
from schemas.unit import Unit
from tests.schemas.samples import NOUNS, UNIT

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_ONE_TIME: TypeAdapter[dt.datetime] = TypeAdapter(Time)

every_noun = pytest.mark.parametrize("noun", NOUNS.values(), ids=list(NOUNS))


def respell(value: Any, random_: random.Random) -> Any:
    """Shuffle fields, write times in random zones, and add microseconds below the millisecond."""
    if isinstance(value, dict):
        pairs = list(value.items())
        random_.shuffle(pairs)
        return {key: respell(item, random_) for key, item in pairs}
    if isinstance(value, list):
        return [respell(item, random_) for item in value]
    if isinstance(value, str) and _TIME.fullmatch(value):
        zone = dt.timezone(dt.timedelta(minutes=random_.randrange(-14 * 60, 14 * 60)))
        moment = dt.datetime.fromisoformat(value) + dt.timedelta(microseconds=random_.randrange(1000))
        return moment.astimezone(zone).isoformat(timespec="microseconds")
    return value


def salt(value: Any) -> Any:
    """Add a field nobody knows to every object that has a shape of its own."""
    if isinstance(value, dict):
        return {**{key: salt(item) for key, item in value.items()}, "of_a_later_version": {"x": 1}}
    return [salt(item) for item in value] if isinstance(value, list) else value


@every_noun
def test_a_noun_is_read_back_equal_from_its_bytes(noun: Noun):
    assert type(noun).from_json(noun.to_canonical()) == noun


@every_noun
@pytest.mark.parametrize("seed", range(5))
def test_spelling_does_not_change_the_bytes(noun: Noun, seed: int):
    respelt = json.dumps(respell(noun.to_plain(), random.Random(seed)))
    again = type(noun).from_json(respelt)
    assert again.to_canonical() == noun.to_canonical()
    assert hash(again) == hash(noun)


@every_noun
def test_a_noun_survives_pickling(noun: Noun):
    assert pickle.loads(pickle.dumps(noun)) == noun  # noqa: S301 - our own bytes


@every_noun
def test_a_noun_is_frozen(noun: Noun):
    with pytest.raises(ValidationError, match="frozen"):
        setattr(noun, next(iter(type(noun).model_fields)), "other")


@every_noun
def test_readers_ignore_fields_of_a_later_version_nested_too(noun: Noun):
    # ids follow from parameters, so what is a mapping stays as it is
    plain = noun.to_plain()
    salted = {**plain, "of_a_later_version": 1}
    for key, item in plain.items():
        if isinstance(item, dict) and key in {"stamp", "unit", "where", "processing", "period", "body", "end"}:
            salted[key] = {**item, "of_a_later_version": [1]}
    assert type(noun).from_json(json.dumps(salted)).to_canonical() == noun.to_canonical()


def test_readers_ignore_unknown_fields_however_deep():
    assert Unit.from_json(json.dumps(salt(UNIT.to_plain()))) == UNIT


@every_noun
def test_writers_refuse_unknown_fields(noun: Noun):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        type(noun).model_validate({**noun.to_plain(), "of_a_later_version": 1})


@every_noun
def test_a_missing_field_is_absent_and_never_null(noun: Noun):
    assert b":null" not in noun.to_canonical().replace(b'"mask":null', b"")  # a parameter may be null


def test_defaults_are_written_so_that_nothing_found_is_a_statement():
    plain = Finding(n=0, by="method", label="x", geometry=Whole()).to_plain()
    assert (plain["alternatives"], plain["measures"], plain["flags"]) == ([], {}, [])
    assert "score" not in plain


# --- numbers ---


@given(st.floats(-0.04, 0.04), st.integers(0, 20_000), st.integers(0, 20_000))
def test_noise_below_the_rounding_does_not_change_the_bytes(noise, left, top):
    quiet = Box(xyxy=(left / 10, top / 10, left / 10 + 5, top / 10 + 5))
    noisy = Box(xyxy=tuple(edge + noise for edge in quiet.xyxy))
    assert noisy.to_canonical() == quiet.to_canonical()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 1e308])
def test_no_noun_holds_a_number_that_json_cannot(number):
    with pytest.raises(ValidationError):
        Box(xyxy=(0, 0, number, 1))


def test_a_polygon_has_at_most_ten_thousand_vertices():
    ring = tuple((float(x), 0.0) for x in range(10_000))
    assert Polygon(polygons=((ring,),)).to_plain()
    with pytest.raises(ValidationError, match="10001 vertices"):
        Polygon(polygons=((ring, ((0.0, 0.0),)),))


def test_measures_are_sorted_rounded_and_registered():
    finding = Finding(n=0, by="m", label="x", geometry=Whole(), measures={"contrast": 0.123456, "area_px": 3.14})
    assert finding.measures == (("area_px", 3.1), ("contrast", 0.1235))
    with pytest.raises(ValidationError, match="not registered quantities: weight_kg"):
        Finding(n=0, by="m", label="x", geometry=Whole(), measures={"weight_kg": 1})


def test_labels_are_kept_in_composed_form():
    assert Finding(n=0, by="m", label="E\u0301toile", geometry=Whole()).label == "\u00c9toile"


# --- times ---


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2024-04-22T08:00:01Z", "2024-04-22T08:00:01.000Z"),
        ("2024-04-22T10:00:01.303999+02:00", "2024-04-22T08:00:01.303Z"),
        ("2024-04-22 08:00:01.9999Z", "2024-04-22T08:00:01.999Z"),
        ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00.000Z"),
        ("2199-12-31T23:59:59.999Z", "2199-12-31T23:59:59.999Z"),
        ("2200-01-01T01:00:00+02:00", "2199-12-31T23:00:00.000Z"),
        ("1969-12-31T23:59:59.9995Z", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_utc_with_three_decimals_floored(text, kept):
    assert to_time_text(_ONE_TIME.validate_python(text)) == kept
    assert to_time_text(_ONE_TIME.validate_json(json.dumps(text))) == kept


def test_the_two_moments_that_a_clock_shows_alike_when_summer_time_ends_are_written_apart():
    first = dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert to_time_text(first) == "2024-10-27T00:30:00.000Z"
    assert to_time_text(first.replace(fold=1)) == "2024-10-27T01:30:00.000Z"


@pytest.mark.parametrize(
    "value",
    [
        "2024-04-22T08:00:01",
        "2024-04-22",
        "2024-04-22T08:00:60Z",
        "2024-04-31T08:00:00Z",
        "2200-01-01T00:00:00Z",
        "1899-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-10:00",
        "1713772801",
        "1713772801.303",
        " -1 ",
        "1e9",
        "",
        1_713_772_801,
        1_713_772_801.3,
        True,
        None,
    ],
    ids=repr,
)
def test_what_is_no_time_with_a_zone_is_refused(value):
    with pytest.raises(ValidationError):
        _ONE_TIME.validate_python(value)
    with pytest.raises(ValidationError):
        _ONE_TIME.validate_json(json.dumps(value))


def test_a_compact_time_is_safe_in_file_names():
    assert to_compact_time(dt.datetime(2024, 4, 22, 10, 0, 1, 303_999, dt.timezone(dt.timedelta(hours=2)))) == (
        "20240422T080001303Z"
    )


# --- names ---


@pytest.mark.parametrize("text", ["", "-a", "A", "a b", "a_b", "a\n", "é", "a" * 64, "a/b"], ids=repr)
def test_what_is_no_name_is_refused(text):
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(text)


@pytest.mark.parametrize("text", ["", "1a", "A", "a-b", "a\n", "a" * 49], ids=repr)
def test_what_is_no_code_is_refused(text):
    with pytest.raises(ValidationError):
        TypeAdapter(Code).validate_python(text)
