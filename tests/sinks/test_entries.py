"""Entries that wait for their result: any order in, one order out, and the same bytes whether few or many."""

from __future__ import annotations

import random

import pytest

from schemas.finding import UNIDENTIFIED, Finding, Image, LookedImage, UnreadImage
from schemas.geometry import Whole, WholePart
from schemas.result import INLINE_ROWS, count_entries
from sinks.entries import EntryShelf
from sinks.result_tables import make_tables, read_entries


def make_entries(count):
    """Return entries of every sort, in order."""
    entries = []
    for index in range(count):
        if index % 17 == 0:
            entries.append(UnreadImage(index=index, reason="zero_size"))
            continue
        image = Image(index=index, kind="roi", width_px=9, height_px=7, place=WholePart(part=f"roi.{index}"))
        label, flags = (UNIDENTIFIED, (UNIDENTIFIED,)) if index % 5 == 0 else (f"class {index % 3}", ())
        found = Finding(
            n=0, by="classifier", label=label, geometry=Whole(), measures={"esd_um": index / 7}, flags=flags
        )
        entries.append(LookedImage(image=image, findings=() if index % 11 == 0 else (found,)))
    return entries


def fill(entries):
    shelf = EntryShelf()
    for entry in random.Random(4).sample(entries, len(entries)):
        shelf.add(entry)
    return shelf


def test_few_entries_come_back_as_they_are_in_the_order_of_their_index():
    entries = make_entries(200)
    assert fill(entries).list_inline() == tuple(entries)


@pytest.mark.parametrize("count", [200, INLINE_ROWS + 500])
def test_tables_of_packed_entries_are_those_of_the_entries(count):
    entries = make_entries(count)
    packed = make_tables(fill(entries).walk())
    assert packed == make_tables(entries)
    content, images, findings = packed
    assert list(read_entries(content, images, findings)) == entries


def test_more_entries_than_a_document_holds_are_not_inline():
    shelf = fill(make_entries(INLINE_ROWS))
    assert shelf.list_inline() is None


def test_what_is_counted_on_the_way_is_what_is_counted_at_the_end():
    entries = make_entries(3_000)
    assert fill(entries).tally.to_counts() == count_entries(tuple(entries))
