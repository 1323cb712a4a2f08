"""Every cell that the assessment fills from facts is the truth about the history, and what it suppresses stays unknown."""

from __future__ import annotations

import re

import pytest

from streams.usage.reports.facts import open_facts
from streams.usage.sheets.assessment import Assessment, assess
from streams.usage.sheets.measuring import measure, read_periods
from streams.usage.sheets.reading import read_text
from streams.usage.sheets.remarks.countries import count_by_country
from tests.support.history.deeds import PLACES
from tests.support.history.records import History
from tests.support.history.truth import COLUMNS, Truth, to_country_name

_PERIODS = tuple(COLUMNS)[:3]
_COUNTS = (
    "images_processed", "images_reprocessed", "images_unsure", "image_runs", "demonstration_images", "tiles_processed",
    "images_ingested", "images_annotated", "requests", "deliveries", "reads", "refusals", "failures", "health_checks",
)  # fmt: skip
_DISTINCT = ("unique_users", "user_groups", "country_count")

_SHOWN = re.compile(r"([^;:]+) ([\d,]+)")


def _write_sheet(place: str) -> str:
    head = f'format = "observatory-sheet/1"\ninstallation = "{place}"\ntitle = "{place}"\nproject_starts = "2022-09"\n'
    head += f"periods = {list(_PERIODS)}\n"
    for metric in (*_COUNTS, *_DISTINCT, "countries"):
        kind = "count" if metric in _COUNTS else "names" if metric == "countries" else "unique"
        names = 'names_of = "country_count"\n' if kind == "names" else ""
        head += (
            f'[[metric]]\nmetric = "{metric}"\nlabel = "{metric}"\ndefinition = "As counted"\nkind = "{kind}"\n'
            f'unit = "thing"\nmeasured_by = "{metric}"\n{names}'
        )
    return head


@pytest.fixture(scope="module")
def made(history: History) -> tuple[Assessment, dict[str, tuple[str, ...]]]:
    sheets = [read_text(_write_sheet(place.name), f"{place.name}.toml") for place in PLACES]
    periods = read_periods(sheets)
    with open_facts(history.store) as facts:
        users = count_by_country(facts, periods).items()
        told = {place: tuple(column.sentence for column in columns) for place, columns in users}
        return assess(sheets, _PERIODS, measure(facts, sheets, periods)), told


def _expect(truth: Truth, place: str, metric: str, column: str) -> str:
    """Return what a cell must say; of a total of counts, only where every period was counted."""
    members = truth.members[place, "countries" if metric == "country_count" else metric, column]
    absent = (
        not truth.is_begun(place, column)
        or (metric == "unique_users" and not truth.has_login(place, column))
        or (metric == "user_groups" and not members)
    )
    if absent:
        return "not measured"
    if metric == "countries":
        return ", ".join(sorted(members)) or "none"
    return f"{len(members) if metric in _DISTINCT else truth.numbers[place, metric, '', column]:,}"


def test_every_cell_of_every_period_is_the_truth(history, made):
    wrong, seen = [], 0
    for assessed in made[0].sheets:
        for row in assessed.rows:
            for column, cell in zip(_PERIODS, row.cells, strict=True):
                told = _expect(history.truth, assessed.sheet.installation, row.metric.metric, column)
                seen += 1
                if cell.text != told:
                    wrong.append((assessed.sheet.installation, row.metric.metric, column, cell.text, told))
    assert wrong == []
    assert seen == 7 * 18 * 3


def test_every_total_is_the_truth_or_says_that_it_is_at_least_that(history, made):
    seen = set()
    for assessed in made[0].sheets:
        place = assessed.sheet.installation
        begun = history.truth.is_begun(place, "M1-12")
        for row in assessed.rows:
            told = _expect(history.truth, place, row.metric.metric, "TOTAL")
            if row.total is None or row.metric.metric not in _COUNTS or begun:
                found = "not measured" if row.total is None else row.total.text
            else:
                found = row.total.text.removeprefix("at least ")
                seen.add(place)
            assert found == told or (told == "0" and row.total is None), (place, row.metric.metric)
    assert seen == {"litter", "oil"}


def test_users_by_country_are_the_truth_where_they_are_told_and_every_country_is_named(history, made):
    shown = hidden = 0
    for place, sentences in made[1].items():
        for sentence in sentences:
            column, text = re.fullmatch(r"Users by country in (\S+): (.*)\.", sentence).groups()
            told, _, names = text.partition("with numbers suppressed since some are below 3, ")
            numbers = {name.strip(): int(count.replace(",", "")) for name, count in _SHOWN.findall(told)}
            names, _, together = names.partition(" (")
            kept = {name.strip() for name in names.split(",") if name}
            users = {
                to_country_name(country): persons
                for (own, country, period), persons in history.truth.by_country.items()
                if (own, period) == (place, column) and persons
            }
            truth = {name: len(persons) for name, persons in users.items()}
            assert numbers == {name: count for name, count in truth.items() if name not in kept}
            assert numbers.keys() | kept == truth.keys()
            assert all(count >= 3 for name, count in numbers.items() if name != "unknown")
            if together:
                assert int(together.split()[0].replace(",", "")) == len(set().union(*(users[name] for name in kept)))
            shown, hidden = shown + len(numbers), hidden + len(kept)
    assert shown > 20
    assert hidden > 5
