"""Each rule on one table, shown on the tables of a library and a ferry: the fault is found, its correction is not."""

from __future__ import annotations

import pytest

from streams.usage.audit.rules.tables import (
    baselines,
    counts,
    flows,
    kinds,
    rates,
    sharing,
    stocks,
    sums,
    unions,
    uniques,
    units,
)
from tests.streams.usage.audit.shows import find, make_claim, make_document, make_row

_TOWNS = make_row("towns", "names", names_of="town_count", y1="Ulm, Bonn", y2="Bonn and the Hague")

#: rule: rows (or a whole document) that break it, the metric and column where, and rows that keep it.
_SHOWN = {
    "sum": (
        sums.RULE,
        [make_row(y1=410, y2="1,090", total="15,000")],
        "loans TOTAL",
        [make_row(y1=410, y2="1,090", total="1.5k")],
    ),
    "sum with a gap": (
        sums.RULE,
        [make_row(y1=410, y2="n/a", total=400)],
        "loans TOTAL",
        [make_row(y1=410, y2="n/a", total=900)],
    ),
    "unique-bounds": (
        uniques.BOUNDS,
        [make_row("readers", "unique", y1=40, y2=50, total=49)],
        "readers TOTAL",
        [make_row("readers", "unique", y1=40, y2=50, total=50)],
    ),
    "unique-sum": (
        uniques.SUM,
        [make_row("readers", "unique", y1=40, y2=50, total=90)],
        "readers TOTAL",
        [
            make_row("readers", "unique", y1=40, y2=50, total="50-90"),
            make_row("guests", "unique", y1=1, y2=2, total=3, united=True),
        ],
    ),
    "total-union of a number": (
        unions.RULE,
        [_TOWNS, make_row("town_count", "unique", y1=2, y2=2, total=4)],
        "town_count TOTAL",
        [_TOWNS, make_row("town_count", "unique", y1=2, y2=2, total=3)],
    ),
    "total-union of names": (
        unions.RULE,
        [_TOWNS | {"total": "Ulm, Bonn, Trier, Hague"}],
        "towns TOTAL",
        [_TOWNS | {"total": "the Hague, Bonn, Ulm"}],
    ),
    "count-against-names": (
        counts.RULE,
        [_TOWNS, make_row("town_count", "unique", y1=3, y2=2)],
        "town_count 2011",
        [_TOWNS, make_row("town_count", "unique", y1=2, y2=2)],
    ),
    "count-against-names of an open list": (
        counts.RULE,
        [_TOWNS | {"cells": {"2011": "Ulm, Bonn etc"}}, make_row("town_count", "unique", y1=1)],
        "town_count 2011",
        [_TOWNS | {"cells": {"2011": "Ulm, Bonn etc"}}, make_row("town_count", "unique", y1=9)],
    ),
    "wrong-kind: a number among names": (
        kinds.RULE,
        [_TOWNS | {"baseline": "3"}],
        "towns baseline",
        [_TOWNS | {"baseline": "none"}],
    ),
    "wrong-kind: words among numbers": (
        kinds.RULE,
        [make_row(y1="many")],
        "loans 2011",
        [make_row(y1="not available")],
    ),
    "wrong-kind: a label": (
        kinds.RULE,
        [make_row(label="Names of books")],
        "loans ",
        [make_row(label="Number of books")],
    ),
    "rate-total": (
        rates.RULE,
        [make_row(per="year", y1=1, y2=2, total=3)],
        "loans TOTAL",
        [make_row(per="year", y1=1, y2=2)],
    ),
    "more-out-than-in": (
        flows.MORE,
        [make_row("came", stage="in", y1=5), make_row("went", stage="done", y1=6)],
        "went 2011",
        [make_row("came", stage="in", y1=6), make_row("went", stage="done", y1=6)],
    ),
    "twin-rows": (
        flows.TWINS,
        [make_row("came", stage="in", y1=5, y2=7), make_row("went", stage="done", y1=5, y2=7)],
        "came ",
        [make_row("came", stage="in", y1=6, y2=7), make_row("went", stage="done", y1=5, y2=7)],
    ),
    "baseline-arithmetic": (
        baselines.RULE,
        [make_row(baseline="~1000", arithmetic={"factors": [2, 3], "per": "week"}, y1=1)],
        "loans baseline",
        [make_row(baseline="~310", arithmetic={"factors": [2, 3], "per": "week"}, y1=1)],
    ),
}


@pytest.mark.parametrize("name", _SHOWN)
def test_a_rule_on_tables_finds_the_fault_and_leaves_the_correction_alone(name):
    rule, wrong, where, right = _SHOWN[name]
    assert rule.name == name.split(" ")[0].rstrip(":")
    assert [f"{finding.about} {finding.column}" for finding in find(rule, make_document(*wrong))] == [where]
    assert find(rule, make_document(*right)) == []


def test_a_stock_is_no_baseline_of_what_comes_in_a_year():
    row = make_row(baseline="30,000", y1=1_200, unit="book")
    stock = make_claim("shelf", value="about 30,000", unit="book", stock=True)
    assert len(find(stocks.RULE, make_document(row, claim=[stock]))) == 1
    assert find(stocks.RULE, make_document(row | {"baseline": "1,100"}, claim=[stock])) == []
    assert find(stocks.RULE, make_document(row, claim=[stock | {"unit": "map"}])) == []


def test_baselines_that_two_branches_have_alike_are_found():
    branch = [
        make_row(metric, baseline=str(place), y1=0) for place, metric in enumerate(("loans", "seats", "staff"), 10)
    ]
    twin = [row | {"installation": "bus"} for row in branch]
    assert [finding.subject for finding in find(sharing.RULE, make_document(*branch, *twin))] == ["bus"]
    assert find(sharing.RULE, make_document(*branch, *twin[:2], twin[2] | {"baseline": "9"})) == []


def test_parts_of_another_unit_do_not_belong_into_a_row():
    row = make_row(unit="book", y1=3, y2=4)
    parts = [make_claim(value=1, unit="page", role="part"), make_claim(value=3, unit="book", role="part")]
    assert "page (2012)" in find(units.RULE, make_document(row, claim=parts))[0].sentence
    assert find(units.RULE, make_document(row, claim=parts[1:])) == []
    assert find(units.RULE, make_document(row, claim=[parts[0] | {"role": "evidence"}])) == []
