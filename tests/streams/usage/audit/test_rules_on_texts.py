"""Each rule on texts, shown on what a library writes beside its table."""

from __future__ import annotations

import datetime as dt

import pytest

from streams.usage.audit.rules.texts import (
    agreement,
    blocks,
    cells,
    methods,
    operation,
    parts,
    persons,
    relabelled,
    support,
    trends,
    windows,
)
from tests.streams.usage.audit.shows import find, make_claim, make_document, make_row

_LOANS = make_row(y1=410, y2="1,090", baseline=300)
_READERS = make_row("readers", "unique", y1=40, y2=50)
_TOWNS = make_row("towns", "names", y2="Ulm, Bonn")


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


#: rule: row, claims that break it, claims that keep it.
_SHOWN = {
    "text-against-table": (
        cells.RULE,
        _LOANS,
        [make_claim(value="1,900")],
        [make_claim(value="over 1000"), make_claim(value="1.1k")],
    ),
    "text-against-table: names": (
        cells.RULE,
        _TOWNS,
        [make_claim("towns", names=["Trier"], role="part")],
        [make_claim("towns", names=["Bonn"], role="part")],
    ),
    "text-against-table: all names": (
        cells.RULE,
        _TOWNS,
        [make_claim("towns", names=["Bonn"])],
        [make_claim("towns", names=["bonn", "ulm"])],
    ),
    "parts-against-cell": (
        parts.RULE,
        _READERS,
        [make_claim("readers", value=n, role="part", breakdown="age") for n in (20, 20)],
        [make_claim("readers", value=n, role="part", breakdown="age") for n in (20, 30)],
    ),
    "unsupported": (
        support.RULE,
        _READERS,
        [make_claim("readers", value=n, role="evidence") for n in (7, 20)],
        [make_claim("readers", value=n, role="evidence") for n in (7, 20, "~30")],
    ),
    "texts-disagree": (
        agreement.CLAIMS,
        _LOANS,
        [make_claim(value="1,090"), make_claim(value="1,080")],
        [make_claim(value="1,090"), make_claim(value="~1,100")],
    ),
    "told-as-another": (
        relabelled.RULE,
        _LOANS,
        [make_claim("visits", value="1,090")],
        [make_claim(value="1,090"), make_claim("visits", value="1,091")],
    ),
    "method-against-source": (
        methods.RULE,
        _READERS | {"methods": ["cards"]},
        [make_claim("readers", value=50, source="guess")],
        [make_claim("readers", value=50, source="cards")],
    ),
    "window-outside-period": (
        windows.OUTSIDE,
        _LOANS,
        [make_claim(value="1,090", last_day=_day("2013-01-01"))],
        [make_claim(value="1,090", first_day=_day("2012-01-01"), last_day=_day("2012-12-31"))],
    ),
    "window-outside-period: of a number told without one": (
        windows.OUTSIDE,
        _LOANS,
        [
            {
                "installation": "library",
                "metric": "loans",
                "value": "1,090",
                "first_day": _day("2011-01-01"),
                "last_day": _day("2012-12-31"),
            }
        ],
        [
            {
                "installation": "library",
                "metric": "loans",
                "value": "1,500",
                "first_day": _day("2011-01-01"),
                "last_day": _day("2012-12-31"),
            }
        ],
    ),
    "window-short": (
        windows.SHORT,
        _READERS,
        [make_claim("readers", role="part", window_days=30)],
        [make_claim("readers", role="part", window_days=366)],
    ),
    "trend-contradicted": (
        trends.RULE,
        _LOANS,
        [make_claim(trend="down", against="2011")],
        [make_claim(trend="up", against="2011"), make_claim(trend="up", against="baseline")],
    ),
    "counted-twice": (
        persons.TWICE,
        _READERS,
        [make_claim("readers", role="part", persons=["p1", "p2"]), make_claim("readers", role="part", persons=["p2"])],
        [make_claim("readers", role="part", persons=["p1"]), make_claim("readers", role="part", persons=["p2"])],
    ),
    "sources-not-joined": (
        persons.UNJOINED,
        _READERS,
        [make_claim("readers", role="part", source="cards"), make_claim("readers", role="part", source="guest_book")],
        [make_claim("readers", role="part", source="cards"), make_claim("readers", role="part", source="cards")],
    ),
}


@pytest.mark.parametrize("name", _SHOWN)
def test_a_rule_on_texts_finds_the_fault_and_leaves_the_correction_alone(name):
    rule, row, wrong, right = _SHOWN[name]
    assert rule.name == name.split(":")[0]
    assert len(find(rule, make_document(row, claim=wrong))) == 1
    assert find(rule, make_document(row, claim=right)) == []


def _state(attribute, values, **fields):
    return {"subject": "library", "attribute": attribute, "values": values} | fields


def test_a_subject_is_told_in_one_way_throughout_a_report():
    wrong = [_state("patrons", ["town", "abbey"], place="preface"), _state("patrons", ["abbey"], place="annex")]
    assert "annex" in find(agreement.STATEMENTS, make_document(statement=wrong))[0].sentence
    right = [
        _state("patrons", ["town", "abbey"]),
        _state("patrons", ["Abbey", "town"]),
        _state("patrons", ["town"], at="1931"),
    ]
    assert find(agreement.STATEMENTS, make_document(statement=right)) == []


def test_loans_from_before_the_library_opened_are_found():
    part = make_claim(value=410, role="part", last_day=_day("2011-03-31"))
    opened = _state("operational_since", "2011-04", kind="date")
    assert "2011-04" in find(operation.RULE, make_document(_LOANS, claim=[part], statement=[opened]))[0].sentence
    assert find(operation.RULE, make_document(_LOANS, claim=[part], statement=[opened | {"values": "2011-03"}])) == []
    assert find(operation.RULE, make_document(_LOANS, claim=[part])) == []


def test_a_branch_without_the_row_that_most_branches_have_is_found():
    branches = [_LOANS | {"installation": name} for name in ("north", "south")]
    odd = _READERS | {"installation": "west"}
    assert [finding.subject for finding in find(blocks.RULE, make_document(*branches, odd))] == ["west"]
    assert find(blocks.RULE, make_document(*branches)) == []


def test_a_block_without_the_line_that_most_blocks_have_is_found():
    blocks_of = [
        _state(name, "x", block=True, subject=who) for who in ("north", "south", "west") for name in ("street", "hours")
    ]
    assert [
        (one.subject, one.sentence[-40:]) for one in find(blocks.RULE, make_document(statement=blocks_of[:-1]))
    ] == [("west", "cription hours, which most of the others have."[-40:])]
    assert find(blocks.RULE, make_document(statement=blocks_of)) == []
