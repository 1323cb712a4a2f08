"""Canonical bytes, rounding and parameters."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import math
import uuid

import numpy as np
import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.canonical import SAFE_INTEGER, NotCanonicalError, rounded, to_canonical, to_digest, to_parameters

FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda x: not (x.is_integer() and abs(x) > SAFE_INTEGER)
)
INTEGERS = st.integers(-SAFE_INTEGER, SAFE_INTEGER)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=400, deadline=None)
@given(VALUES)
@example({"\ufb01": 1, "\U0001f41f": 2, "é": 3})  # UTF-16 puts the fish before the ligature, code points behind it
@example(['\x00\x1f\x7f\u2028"\\/', -0.0, 1.0, 1e-7])
def test_canonical_bytes_equal_those_of_an_independent_implementation(value):
    assert to_canonical(value) == rfc8785.dumps(value)


@settings(max_examples=1500, deadline=None)
@given(FLOATS)
@example(5e-324)
@example(1e-6)
@example(9.999e-7)
@example(-1.5e-5)
@example(0.0001)
@example(1e-300)
@example(333333333.33333329)
def test_every_float_is_written_as_ecmascript_writes_it(number):
    assert to_canonical(number) == rfc8785.dumps(number)


@pytest.mark.parametrize("number", [1e-5, 2.5e-9, 0.1, 3.0, -0.0])
def test_numpy_numbers_are_written_like_plain_ones(number):
    assert to_canonical({"x": np.float64(number)}) == to_canonical({"x": number})


def test_names_of_choices_are_written_as_what_they_stand_for():
    class Choice(enum.StrEnum):
        ONE = "one"

    class Number(enum.IntEnum):
        TWO = 2

    assert to_canonical({"a": [Choice.ONE, Number.TWO]}) == b'{"a":["one",2]}'
    assert to_canonical({Choice.ONE: 1, "a": 2}) == b'{"a":2,"one":1}'


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        {"deep": [-math.inf]},
        SAFE_INTEGER + 1,
        1e21,
        "\ud800",
        {"\udfff": 1},
        {1: "a key that is a number"},
        {1: "a key that is a number", "a": "and one that is none"},
        b"bytes",
        {1, 2},
        object(),
        np.int64(3),
        {"a moment": dt.datetime(2024, 4, 22, tzinfo=dt.UTC)},
        [uuid.UUID(int=1)],
        {"x": NotCanonicalError},
        functools.reduce(lambda inner, _: [inner], range(300), 0),
        functools.reduce(lambda inner, _: {"a": inner}, range(300), 1e-7),
        functools.reduce(lambda inner, _: [inner], range(5000), 0),
    ],
    ids=lambda value: repr(value)[:60] if not isinstance(value, list | dict) else "nested",
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(NotCanonicalError):
        to_canonical(value)


@settings(max_examples=1000, deadline=None)
@given(st.floats(-1e12, 1e12), st.integers(0, 7))
@example(0.25, 1)
@example(2.675, 2)
@example(1.005, 2)
def test_rounding_is_that_of_numpy(number, decimals):
    assert rounded(number, decimals) == np.round(number, decimals)


def test_rounding_is_not_that_of_python():
    cut_at_five = [k / 100 + 0.05 for k in range(0, 1000, 10)]
    assert [x for x in cut_at_five if rounded(x, 1) != round(x, 1)] != []


@given(st.floats(-1e9, 1e9), st.integers(0, 7))
def test_rounding_twice_is_rounding_once(number, decimals):
    once = rounded(number, decimals)
    assert rounded(once, decimals) == once


def test_a_narrow_float_is_widened_before_it_is_rounded():
    assert to_canonical(rounded(np.float32(0.1), 4)) == b"0.1"


def test_minus_zero_is_zero():
    assert math.copysign(1, rounded(-0.04, 1)) == 1
    assert math.copysign(1, rounded(-0.0, 1)) == 1


@pytest.mark.parametrize("number", [math.nan, math.inf, 1e306])
def test_what_cannot_be_rounded_is_refused(number):
    with pytest.raises(NotCanonicalError):
        rounded(number, 4)


def test_parameters_are_equal_from_a_slider_and_from_a_settings_file():
    slider, file = {"conf": float(np.float32(0.1)), "at": [float(np.float32(2 / 3))]}, {"at": [0.666667], "conf": 0.1}
    assert to_digest(to_parameters(slider)) == to_digest(to_parameters(file))


def test_parameters_of_different_sixth_digit_differ():
    assert to_parameters({"x": 0.123456}) != to_parameters({"x": 0.123457})


def test_integers_among_parameters_keep_all_their_digits():
    assert to_parameters({"seed": 123_456_789, "on": True, "none": None, "name": "n"}) == {
        "seed": 123_456_789,
        "on": True,
        "none": None,
        "name": "n",
    }


def test_a_parameter_that_is_no_json_is_refused():
    with pytest.raises(NotCanonicalError):
        to_parameters({"x": {1, 2}})
