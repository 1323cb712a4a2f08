"""Every key has one path, no two keys share one on any file system, and the path gives the key back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.object_store.paths import TEMPORARY, from_segment, to_path, to_segment

SEGMENTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("segment", "name"),
    [
        ("fish.jpg", "fish.jpg"),
        ("OBSEA 1", "%4f%42%53%45%41%201"),
        ("ü", "%c3%bc"),
        ("%41", "%2541"),
        ("con", "%63on"),
        ("CON", "%43%4f%4e"),
        ("nul.txt", "%6eul.txt"),
        ("com1", "%63om1"),
        ("lpt9.a.b", "%6cpt9.a.b"),
        ("console", "console"),
        ("com10", "com10"),
        ("end.", "end%2e"),
        ("end..", "end.%2e"),
        ("end ", "end%20"),
        ("a:b", "a%3ab"),
        ("back\\slash", "back%5cslash"),
        ("..", ".%2e"),
    ],
)
def test_a_segment_has_the_documented_name(segment: str, name: str):
    assert to_segment(segment) == name
    assert from_segment(name) == segment


@pytest.mark.parametrize(
    "name", ["Fish", "%4F", "%61", "con", "end.", "%", "%zz", "%ff", "ü", "", "a b", "%tmp-0", "%store"]
)
def test_somebody_elses_file_stands_for_no_segment(name: str):
    assert from_segment(name) is None


@given(SEGMENTS)
def test_a_name_gives_its_segment_back(segment: str):
    assert from_segment(to_segment(segment)) == segment


@given(SEGMENTS)
def test_a_name_is_one_on_windows_and_macos(segment: str):
    name = to_segment(segment)
    assert name == name.lower() == unicodedata.normalize("NFD", name)
    assert not set(name) & set('<>:"/\\|?* ')
    assert not name.endswith(".")
    assert name.partition(".")[0] not in {
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
    }
    assert not name.startswith(TEMPORARY)


@given(SEGMENTS, SEGMENTS)
def test_two_segments_differ_by_more_than_case(one: str, other: str):
    assert (to_segment(one).casefold() == to_segment(other).casefold()) == (one == other)


def test_a_key_becomes_a_relative_path_of_its_segments():
    assert to_path("originals/0F/0f3a").as_posix() == "originals/0%46/0f3a"
