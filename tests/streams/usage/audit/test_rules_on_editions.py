"""Each rule on editions and on words, shown on the yearly reports of a library."""

from __future__ import annotations

import datetime as dt

import pytest

from streams.usage.audit.rules.editions import attributes, cells, definitions, sources
from streams.usage.audit.rules.words import groups, spelling
from tests.streams.usage.audit.shows import find, make_claim, make_document, make_row


@pytest.mark.parametrize(
    "change",
    [{"label": "Books lent"}, {"definition": "With renewals"}, {"unit": "book"}, {"kind": "unique"}, {"per": "year"}],
)
def test_a_changed_meaning_is_found_unless_the_report_shows_the_break(change):
    before, after = make_document(make_row(y1=1)), make_document(make_row(y1=1, **change), edition=2)
    assert [finding.document for finding in find(definitions.RULE, after, before)] == ["edition-2"]
    noted = make_document(make_row(y1=1, break_note="Renewals count from 2012 on.", **change), edition=2)
    assert find(definitions.RULE, before, noted) == []
    assert find(definitions.RULE, before, make_document(make_row(y1=1), edition=2)) == []


@pytest.mark.parametrize(("was", "now"), [("N/A", "0"), ("0", "not available")])
def test_not_available_and_zero_are_not_the_same(was, now):
    before = make_document(make_row(y1=was))
    assert find(cells.ABSENT, before, make_document(make_row(y1=now), edition=2))[0].column == "2011"
    assert find(cells.ABSENT, before, make_document(make_row(y1=was), edition=2)) == []


def test_a_number_that_was_reported_is_not_changed_in_silence():
    before = make_document(make_row(y1=310), make_row("towns", "names", y1="Ulm"))
    after = make_document(make_row(y1=320), make_row("towns", "names", y1="Bonn"), edition=2)
    assert [finding.about for finding in find(cells.CHANGED, before, after)] == ["loans", "towns"]
    closer = make_document(make_row(y1="~310"), make_row("towns", "names", y1="ulm"), edition=2)
    assert find(cells.CHANGED, before, closer) == []


def _state(attribute, values, **fields):
    return {"subject": "library", "attribute": attribute, "values": values} | fields


def test_what_a_report_says_of_a_subject_stays_unless_it_says_why_not():
    before = make_document(statement=[_state("street", "Mill Lane"), _state("opened", "1931-05", kind="date")])
    moved = _state("street", "Quay")
    assert len(find(attributes.RULE, before, make_document(statement=[moved], edition=2))) == 1
    assert find(attributes.RULE, before, make_document(statement=[moved | {"reason": "It moved."}], edition=2)) == []
    closer = _state("opened", "1931-05-02", kind="date")
    assert find(attributes.RULE, before, make_document(statement=[closer], edition=2)) == []
    later = _state("opened", "1931-06-02", kind="date")
    assert len(find(attributes.RULE, before, make_document(statement=[later], edition=2))) == 1


def test_a_number_told_again_has_the_same_source():
    before = make_document(claim=[make_claim(value=7, source="turnstile")])
    after = make_document(claim=[make_claim(value=7, source="guest_book")], edition=2)
    assert "guest_book" in find(sources.RULE, before, after)[0].sentence
    assert find(sources.RULE, before, make_document(claim=[make_claim(value=8, source="guest_book")], edition=2)) == []


@pytest.mark.parametrize(
    ("one", "other", "is_found"),
    [
        ("Gutenberg", "Gutenburg", True),
        ("Gutenberg", "Gutenbergs", True),
        ("WorldCat", "Worldcat", True),
        ("Bonn", "Born", False),
        ("Mainz Library", "Minze Library", False),
    ],
)
def test_one_name_is_spelt_in_one_way(one, other, is_found):
    assert bool(find(spelling.RULE, make_document(mention=[{"text": one}, {"text": other}]))) == is_found


def test_members_of_the_union_are_those_of_the_day():
    listed = {"group": "EU", "members": ["Croatia", "Norway", "United Kingdom"]}
    today = make_document(grouping=[listed], issued=dt.date(2024, 1, 1))
    assert "Norway, United Kingdom" in find(groups.RULE, today)[0].sentence
    before = make_document(grouping=[listed], issued=dt.date(2019, 1, 1))
    assert find(groups.RULE, before)[0].sentence.endswith(": Norway.")
    assert find(groups.RULE, make_document(grouping=[{"group": "Nordic", "members": ["Norway"]}])) == []
