"""Numbers by country that few persons are behind are in no output."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from streams.usage.periods import NamedPeriod, read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import to_metric_values
from streams.usage.reports.report import Report, make_report
from streams.usage.reports.scope import Scope
from streams.usage.reports.tables import list_notes, to_csv, to_json, to_markdown, to_tables
from tests.streams.usage.uses import NOW, keep, make_owner, make_person, make_use

_PAGE = Path(__file__).parents[4] / "docs" / "usage.md"
_NOVEMBER, _YEAR = read_period("2026-11"), read_period("2026")
_EARLIER = NOW - dt.timedelta(days=90)


def _make_uses(country: str, persons: str, count: int, **changes: object) -> list:
    """Return so many uses by some persons of a country, each of whom is a letter."""
    fields = {"country": country, "country_source": "idp"} | changes
    return [
        make_use(
            f"{sorted(fields.items(), key=str)}{persons}{number}",
            **({"who": make_person(country + persons[number % len(persons)])} | fields),
        )
        for number in range(count)
    ]


def _report(uses: list, *periods: NamedPeriod, least: int = 3) -> Report:
    with open_facts(keep(uses)) as facts:
        return make_report(facts, periods or (_NOVEMBER,), Scope(least_persons=least))


def _read(report: Report, metric: str = "uses_by_country") -> dict[str, list[str]]:
    """Return the texts of a figure's parts, by their label."""
    labels = {line.label for line in report.sheets[0].lines if line.definition.metric == metric}
    rows = {row[0].removeprefix("- "): list(row[1:]) for table in to_tables(report) for row in table.rows}
    return {label: rows[label] for label in sorted(labels)}


@pytest.fixture(scope="module")
def example() -> Report:
    return _report(
        [
            *_make_uses("ES", "abcdefghi", 25),
            *_make_uses("BE", "abcd", 7),
            *_make_uses("IT", "ab", 5),
            *_make_uses("ES", "abcdefghi", 56, requested_at=_EARLIER),
            *_make_uses("BE", "cdefg", 9, requested_at=_EARLIER),
            *_make_uses("IT", "bcd", 4, requested_at=_EARLIER),
        ],
        _NOVEMBER,
        _YEAR,
    )


def test_the_example_of_the_page_is_what_the_report_says(example):
    page = _PAGE.read_text(encoding="utf-8")
    rows = [f"| - {label} | {' | '.join(texts)} |" for label, texts in _read(example).items()]
    assert len(rows) == 5
    assert [row for row in rows if row not in page] == []
    assert "| Countries | Belgium, Italy, Spain | Belgium, Italy, Spain |" in to_markdown(example)
    assert [note for note in list_notes(example) if "fewer than 3 persons are suppressed" in note] != []


def test_a_suppressed_number_is_in_no_form_of_the_report_and_on_no_topic(example):
    rows = [row for row in json.loads(to_json(example))["installations"]["obsea"] if row["metric"] == "uses_by_country"]
    hidden = [row for row in rows if row["state"] == "suppressed"]
    assert {(row["detail"], row["period"]) for row in hidden} == {("BE", "2026-11"), ("IT", "2026-11")}
    assert all(row["why"] == "few_persons" and not {"value", "share", "low", "high"} & row.keys() for row in hidden)
    lines = [line for line in to_csv(example).splitlines() if "uses_by_country,IT" in line]
    assert [",suppressed,few_persons,,,,,," in line for line in lines] == [True, False]
    assert "| - uses: Italy (IT) | suppressed |" in to_markdown(example)
    assert not [value for value in to_metric_values(example) if "by_country" in value.metric]


def test_a_country_that_is_alone_is_hidden_among_the_unknown_ones_of_whom_nothing_else_tells():
    report = _report(_make_uses("PT", "a", 5))
    assert _read(report) == {
        "uses: Portugal (PT)": ["suppressed"],
        "uses: unknown (ZZ)": ["suppressed"],
        "uses: suppressed countries, together": ["5 (100.00 %)"],
    }
    sources = _read(report, "uses_by_country_source")
    assert sources == {name: ["suppressed"] for name in ("declared", "geoip", "idp", "none")}
    assert not [note for note in list_notes(report) if "give away" in note]


def test_what_totals_and_names_give_away_is_said():
    notes = list_notes(_report([*_make_uses("PT", "a", 1), *_make_uses("IT", "b", 1)]))
    assert [note for note in notes if "give away" in note] == [
        (
            "obsea, 2026-11: there were so few uses that the totals and the names of countries, which are always told, give "
            "away what is suppressed of Italy, Portugal."
        )
    ]


def test_owners_of_feeds_are_no_persons_and_hide_nobody():
    owner = _make_uses("NO", "a", 40, who=make_owner("imr"), country_source="declared")
    report = _report([*owner, *_make_uses("IT", "a", 4), *_make_uses("BE", "abc", 6)])
    assert _read(report)["uses: Norway (NO)"] == ["40 (80.00 %)"]
    assert _read(report)["uses: suppressed countries, together"] == ["10 (20.00 %)"]
    assert _read(report, "uses_by_owner") == {"imr": ["40"]}
    assert _read(_report(owner))["uses: Norway (NO)"] == ["40 (100.00 %)"]


def test_addresses_that_may_be_of_one_person_with_a_login_are_not_added_to_it():
    address = [
        make_use(f"address{number}", who=make_person(f"x{number}", tier=2), country="IT", country_source="geoip")
        for number in range(2)
    ]
    report = _report([*address, *_make_uses("IT", "ab", 2), *_make_uses("BE", "abc", 6)])
    assert _read(report)["uses: Italy (IT)"] == ["suppressed"]


def test_the_threshold_is_the_scopes_and_one_tells_all():
    uses = [*_make_uses("IT", "abc", 4), *_make_uses("BE", "abcdefg", 7), *_make_uses("ES", "abcdefgh", 9)]
    assert _read(_report(uses))["uses: Italy (IT)"] == ["4 (20.00 %)"]
    assert _read(_report(uses, least=4))["uses: Italy (IT)"] == ["suppressed"]
    assert _read(_report(_make_uses("IT", "a", 4), least=1)) == {
        "uses: Italy (IT)": ["4 (100.00 %)"],
        "uses: unknown (ZZ)": ["0 (0.00 %)"],
    }


def test_the_order_of_periods_means_nothing_to_what_is_hidden(example):
    uses = [*_make_uses("IT", "ab", 5), *_make_uses("ES", "abcdefg", 25), *_make_uses("BE", "abc", 9)]
    one, other = _report(uses, _NOVEMBER, _YEAR), _report(uses, _YEAR, _NOVEMBER)
    assert one.sheets[0].hidden == other.sheets[0].hidden[::-1]
