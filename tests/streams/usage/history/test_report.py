"""Every number of the report on a history of 36 months and seven installations is the truth about it."""

from __future__ import annotations

import datetime as dt

import pytest

from schemas.usage import Bounded, Measured, Names, NotMeasured
from streams.usage.edge.keys import KeyRing
from streams.usage.periods import NamedPeriod, read_period
from streams.usage.pseudonym import PseudonymKey
from streams.usage.reports.facts import open_facts
from streams.usage.reports.lines import TOGETHER, Suppressed
from streams.usage.reports.report import Report, make_report
from tests.support.history.deeds import PLACES
from tests.support.history.records import History, make_history
from tests.support.history.truth import COLUMNS, Truth, find_gaps, is_counted

#: Figures that count distinct things.
_DISTINCT = ("unique_users", "user_groups", "countries", "country_count")

#: Figures of which a part is told beside its share of the whole.
_SHARED = ("uses_by_tier", "uses_by_country", "uses_by_country_source")


@pytest.fixture(scope="module")
def report(history: History) -> Report:
    start = dt.date(2022, 9, 1)
    periods = [read_period(name, project_start=start) for name in ("M1-12", "M13-24", "M25-36")]
    periods.append(NamedPeriod("TOTAL", periods[0].from_at, periods[2].to_at))
    with open_facts(history.store) as facts:
        return make_report(facts, periods)


def _expect(truth: Truth, key: tuple[str, str, str, str]) -> object:
    """Return what a cell must hold: a number, a list of names, or why nobody knows."""
    place, metric, detail, column = key
    if not truth.is_begun(place, column):
        return "no_facts"
    members = truth.members[place, "countries" if metric == "country_count" else metric, column]
    if metric == "countries":
        return tuple(sorted(members))
    if metric == "unique_users" and not truth.has_login(place, column):
        return "no_login"
    if metric == "user_groups" and not members:
        return "no_institution"
    return len(members) if metric in _DISTINCT else truth.numbers[place, metric, detail, column]


def _read(value: object) -> object:
    match value:
        case Measured(value=number, method="exact", low=None, high=None):
            return number
        case Names(names=names):
            return names
        case NotMeasured(why=why):
            return why
        case Suppressed():
            return "suppressed"
    return value


def _list_cells(report: Report) -> dict[tuple[str, str, str, str], object]:
    return {
        (sheet.installation, line.definition.metric, line.detail, period.name): _read(cell.value)
        for sheet in report.sheets
        for line in sheet.lines
        for period, cell in zip(report.periods, line.cells, strict=True)
    }


def test_every_number_of_every_period_and_of_the_total_is_the_truth(history, report):
    cells = _list_cells(report)
    told = {key: found for key, found in cells.items() if found != "suppressed" and key[2] != TOGETHER}
    wrong = {key: (found, true) for key, found in told.items() if found != (true := _expect(history.truth, key))}
    assert wrong == {}
    assert {key[1] for key in cells.keys() - told.keys()} == {"uses_by_country"}
    assert {key[0] for key in cells} == {place.name for place in PLACES}
    assert len(cells) > 1_000


def test_nothing_that_happened_is_missing_from_the_report(history, report):
    cells = _list_cells(report)
    told = {key for key, count in history.truth.numbers.items() if count and key[1] != "tiles_ingested"}
    assert told - cells.keys() == set()


def test_shares_are_those_of_the_truth(history, report):
    numbers, seen = history.truth.numbers, 0
    for sheet in report.sheets:
        for line in (line for line in sheet.lines if line.definition.metric in _SHARED):
            metric = line.definition.metric
            for column, cell in zip(COLUMNS, line.cells, strict=True):
                whole = sum(
                    count
                    for key, count in numbers.items()
                    if key[:2] == (sheet.installation, metric) and key[3] == column
                )
                if isinstance(cell.value, Suppressed) or line.detail == TOGETHER:
                    assert line.detail == TOGETHER or cell.share is None
                    continue
                part = numbers[sheet.installation, metric, line.detail, column]
                assert cell.share == (round(part / whole, 4) if whole else None)
                seen += 1
    assert seen > 100


def test_countries_of_few_persons_are_suppressed_and_told_together(history, report):
    truth, few, kept = history.truth, 0, 0
    cells = _list_cells(report)
    for place in {key[0] for key in cells}:
        for column in COLUMNS:
            of = {
                key[2]: value
                for key, value in cells.items()
                if (key[0], key[1], key[3]) == (place, "uses_by_country", column)
            }
            hidden = {code for code, value in of.items() if value == "suppressed"}
            assert of.get(TOGETHER, 0) == sum(
                truth.numbers[place, "uses_by_country", code, column] for code in hidden
            ) or (of[TOGETHER] == "no_facts")
            for code in of.keys() - {"ZZ", TOGETHER}:
                users = len(truth.by_country[place, code, column])
                assert code in hidden or users == 0 or users >= 3, (place, code, column)
                few, kept = few + (code in hidden and 0 < users < 3), kept + (code not in hidden and users >= 3)
    assert few > 5
    assert kept > 50


def test_what_was_not_covered_is_told_to_the_moment(history, report):
    places = {place.name: place for place in PLACES}
    for sheet in report.sheets:
        for period, coverage in zip(report.periods, sheet.coverage, strict=True):
            gaps = find_gaps(places[sheet.installation], history.truth, period.name)
            assert [(gap.from_at, gap.to_at) for gap in coverage.gaps] == gaps, (sheet.installation, period.name)
            missing = sum((last - first for first, last in gaps), dt.timedelta())
            assert coverage.share == round(1 - missing / (period.to_at - period.from_at), 4)


def test_contradictions_and_what_is_no_use_are_counted(history, report):
    assert report.conflicts == history.conflicts
    assert len(report.conflicts) > 30
    assert dict(report.rejected) == dict(history.rejected)


def test_months_that_stand_out_are_those_of_the_truth(history, report):
    expected, monthly = set(), history.truth.monthly
    for place in PLACES:
        months = {month for name, _, month in monthly if name == place.name}
        for metric in ("deliveries", "reads", "images_processed"):
            for month in range(min(months) + 12, 36):
                value = monthly[place.name, metric, month]
                mean = sum(monthly[place.name, metric, before] for before in range(month - 12, month)) / 12
                year, of_year = divmod(month + 8, 12)
                told = (place.name, metric, f"{2022 + year}-{of_year + 1:02d}", value)
                if value >= 3 * mean + 100:
                    expected.add((*told, "spike"))
                elif month < max(months) and mean >= 20 and value < 0.01 * mean:
                    expected.add((*told, "dip"))
    found = {
        (spike.installation, spike.metric, spike.flagged.month, spike.value, spike.flagged.kind)
        for spike in report.spikes
    }
    assert found == expected
    # the other workshops are no more than thrice what was usual there
    assert {told[:3] for told in expected if told[1] == "deliveries"} == {("smartbay", "deliveries", "2024-06")}


def test_under_keys_of_periods_a_total_of_users_is_told_as_the_bounds_that_the_periods_give():
    names = ("M1-12", "M13-24", "M25-36", "M37-48")
    own = [read_period(name, project_start=dt.date(2022, 9, 1)) for name in names]
    keys = KeyRing(
        "period", period_keys=tuple((period, PseudonymKey(period.name.encode().zfill(32))) for period in own)
    )
    history = make_history(keys=keys, places=tuple(place for place in PLACES if place.name in {"oil", "azores"}))
    with open_facts(history.store) as facts:
        report = make_report(facts, [*own[:3], NamedPeriod("TOTAL", own[0].from_at, own[2].to_at)])
    cells = _list_cells(report)
    members = history.truth.members
    yearly = [len(members["azores", "unique_users", name]) for name in names[:3]]
    assert [cells["azores", "unique_users", "", name] for name in names[:3]] == yearly
    total = cells["azores", "unique_users", "", "TOTAL"]
    assert total == Bounded(low=float(max(yearly)), high=float(sum(yearly)), why="several_keys")
    assert max(yearly) <= len(members["azores", "unique_users", "TOTAL"]) < sum(yearly)
    # all of its users came in one period, under one key: that is a number
    assert cells["oil", "unique_users", "", "TOTAL"] == len(members["oil", "unique_users", "TOTAL"])


def test_the_history_has_what_makes_counting_hard(history):
    """Else the test above would show little."""
    numbers, members = history.truth.numbers, history.truth.members
    yearly = [members["obsea", "unique_users", column] for column in ("M1-12", "M13-24", "M25-36")]
    assert len(members["obsea", "unique_users", "TOTAL"]) < sum(map(len, yearly))
    assert all(yearly)
    assert len(history.deeds) > 15_000
    assert history.records > 1.2 * len(history.deeds)
    for metric in ("images_reprocessed", "images_unsure", "demonstration_images"):
        assert numbers["flowcam", metric, "", "TOTAL"] > 100
    for place in ("litter", "zooscan", "obsea"):
        assert numbers[place, "uncounted_uses", "robot", "TOTAL"] > 10
    counted = [deed for deed in history.deeds if is_counted(deed)]
    # archives of pictures, some of which hold one twice or what was there before; workshops of people who come once
    archives = [deed.contents for deed in counted if deed.kind == "image_set" and deed.what == "processed"]
    assert sum(len(contents) > 1 for contents in archives) > 1_000
    assert sum(len(set(contents)) < len(contents) for contents in archives) > 100
    assert len({deed.who for deed in counted if deed.traffic == "training"}) > 100
    # outages, of which one is in two periods and one of two doors at once; every zone, and another year by the clock on the wall
    assert sum(len(door.outages) for place in PLACES for door in place.doors) > 4
    assert len({deed.at.utcoffset() for deed in history.deeds}) == 7
    assert sum(deed.at.month != deed.at.astimezone(dt.UTC).month for deed in counted) > 100
    assert {deed.what for deed in history.deeds} >= {
        "processed",
        "ingested",
        "served",
        "annotated",
        "refused",
        "failure",
        "health",
    }
