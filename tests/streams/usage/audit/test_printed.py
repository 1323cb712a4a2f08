from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.usage.audit.printed import read_printed


@pytest.mark.parametrize(
    ("text", "number", "low", "high"),
    [
        ("0", 0, 0, 0),
        ("2,075,958", 2_075_958, 2_075_958, 2_075_958),
        ("1.3 M", 1.3e6, 1.25e6, 1.35e6),
        ("1.3M", 1.3e6, 1.25e6, 1.35e6),
        ("2.26 million", 2.26e6, 2.255e6, 2.265e6),
        ("433k / year", 433e3, 432.5e3, 433.5e3),
        ("~300 / y", 300, 250, 350),
        (">150", 150, 150, math.inf),
        ("over 1.4 million", 1.4e6, 1.4e6, math.inf),
        ("<100", 100, 0, 100),
        ("16\u201326", None, 16, 26),
        ("between 1,120 and 2,380", None, 1_120, 2_380),
    ],
)
def test_a_number_stands_for_what_its_digits_allow(text, number, low, high):
    read = read_printed(text)
    assert (read.number, read.low, read.high) == (number, pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize(
    "text", ["N/A", "n/a", "NA", "Not Available as nobody looked", "N/A - not tracked", "-", "not measured: no_login"]
)
def test_what_nobody_counted_is_no_number(text):
    for of_names in (False, True):
        read = read_printed(text, of_names=of_names)
        assert read.is_absent
        assert not read.is_number


@pytest.mark.parametrize("text", ["", "none", "Nauru", "Namibia, Nepal"])
def test_what_looks_a_little_like_not_available_is_not_taken_for_it(text):
    assert not read_printed(text, of_names=True).is_absent


@pytest.mark.parametrize(
    ("text", "keys", "is_open"),
    [
        ("Spain, The Netherlands and Ireland", {"spain", "netherlands", "ireland"}, False),
        ("France, Italy, etc", {"france", "italy"}, True),
        ("UK, Germany, etc. in the EU, Brazil", {"uk", "germany", "brazil"}, True),
        ("Taiwan, the United States, and Greenland,", {"taiwan", "united states", "greenland"}, False),
        ("1 (Italy)", {"italy"}, False),
        ("Trinidad and Tobago;", {"trinidad and tobago"}, False),
        ("none", set(), False),
    ],
)
def test_names_are_told_apart(text, keys, is_open):
    read = read_printed(text, of_names=True)
    assert (read.keys, read.is_open) == (keys, is_open)


@given(st.integers(0, 10**12))
def test_every_number_as_we_print_it_is_read_back(number):
    for text in (str(number), f"{number:,}"):
        assert (read_printed(text).number, read_printed(text).is_exact) == (number, True)


@given(st.text(max_size=40))
def test_any_text_can_be_read(text):
    for of_names in (False, True):
        read_printed(text, of_names=of_names)
