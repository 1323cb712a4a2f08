from __future__ import annotations

import datetime as dt

import pytest

from schemas.errors import FatalFault
from schemas.usage import Bounded, Measured
from sinks.object_store.memory import MemoryStore
from streams.usage.reports.definitions import DEFINITIONS
from streams.usage.reports.facts import open_facts
from streams.usage.reports.scope import Coverage
from streams.usage.sheets import measuring
from streams.usage.sheets.assessment import assess
from streams.usage.sheets.measuring import check_figures, measure, read_periods, tell_absent
from tests.streams.usage.sheets.sheets import STEPS, VISITORS, read
from tests.streams.usage.uses import keep, make_person, make_use

_SHEET = (
    VISITORS.replace("unit =", 'measured_by = "unique_users"\nunit ='),
    STEPS.replace("unit =", 'measured_by = "images_processed"\nunit ='),
)


def _use(number: int, day: str, name: str):
    at = dt.datetime.fromisoformat(f"{day}T12:00:00+00:00")
    return make_use(number, requested_at=at, who=make_person(name))


def _facts() -> MemoryStore:
    uses = [
        _use(1, "2023-10-01", "ada"),
        _use(2, "2024-08-31", "bo"),
        _use(3, "2024-09-01", "ada"),
        _use(4, "2025-08-31", "cy"),
    ]
    return keep(uses)


def test_figures_of_ours_fill_the_cells_and_returning_users_count_once_in_the_total():
    sheet = read(*_SHEET)
    periods = read_periods([sheet])
    with open_facts(_facts()) as facts:
        found = measure(facts, [sheet], periods)
    rows = assess([sheet], [period.name for period in periods], found).sheets[0].rows
    assert [[cell.text for cell in row.cells] for row in rows] == [["2", "2"], ["2", "2"]]
    assert [row.total.text for row in rows if row.total] == ["3", "4"]
    assert rows[0].total.provenance == "measured"
    assert rows[0].cells[0].is_partial, "nothing shows that anybody counted before the first fact"


def test_figures_of_which_only_bounds_are_known_are_printed_as_bounds():
    found = measuring._to_measurement(Bounded(low=120.0, high=238.0, why="several_keys"), Coverage(1.0, ()))
    assert found.text == "120-238"
    assert "only bounds are known" in found.note
    sketch = Measured(value=60_123.0, method="sketch", low=59_500.0, high=60_700.0)
    found = measuring._to_measurement(sketch, Coverage(1.0, ()))
    assert (found.text, found.note) == ("60,123", "by a sketch, between 59,500 and 60,700")


def test_without_facts_nothing_is_measured():
    sheet = read(*_SHEET)
    with open_facts(MemoryStore()) as facts:
        found = measure(facts, [sheet], read_periods([sheet]))
    assert {measurement.text for measurement in found.values()} == {None}


def test_an_installation_of_which_nothing_was_ever_recorded_is_named():
    sheet = read(*_SHEET)
    other = sheet.model_copy(update={"installation": "litter"})
    with open_facts(_facts()) as facts:
        assert tell_absent(facts, [sheet, other]) == {
            "litter": ("No use of an installation 'litter' was ever recorded; there are facts of obsea.",)
        }
        assert tell_absent(facts, [read(STEPS)]) == {}


def test_periods_are_those_of_the_sheets():
    sheet = read(*_SHEET)
    assert [period.name for period in read_periods([sheet], ["M25-36", "M13-24"])] == ["M13-24", "M25-36"]
    for names in (["M1-12"], ["nonsense"], ["M13-24", "M13-24"]):
        with pytest.raises(FatalFault):
            read_periods([sheet], names)
    other = sheet.model_copy(update={"project_starts": "2022-10"})
    with pytest.raises(FatalFault, match="several first months"):
        read_periods([sheet, other])


def test_a_figure_that_there_is_not_is_refused():
    check_figures([read(*_SHEET)], DEFINITIONS)
    with pytest.raises(FatalFault, match=r"steps@1 is measured_by 'images'"):
        check_figures([read(_SHEET[1].replace("images_processed", "images"))], DEFINITIONS)
