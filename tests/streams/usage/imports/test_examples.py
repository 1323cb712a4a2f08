"""Each source on example files that were written after the formats its makers document, as a person imports them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.errors import FatalFault
from streams.usage.imports.counter import Export
from streams.usage.imports.placing import SOURCES, find_source, import_counter
from streams.usage.sheets.reading import read_text
from tests.streams.usage.sheets.sheets import HEAD, STEPS

FOLDER = Path(__file__).parent / "examples"

SHEET = read_text(HEAD + STEPS, "museum.toml")

FEBRUARY = (dt.date(2025, 2, 1), dt.date(2025, 2, 28))


@dataclass(frozen=True)
class Case:
    """An import: the source, its files with the day each was retrieved on, what is asked for, and what comes of it."""

    source: str
    files: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, str, str, str], ...]
    counter: str = ""
    of: str = ""
    days: tuple[dt.date, dt.date] | None = None


YEARS = ("2024-08-31", "2025-08-31")
ZENODO = tuple((f"zenodo-{day}.json", day) for day in YEARS)
DATACITE = tuple((f"datacite-{day}.json", day) for day in YEARS)
CROSSREF = tuple((f"crossref-{day}.json", day) for day in YEARS)
HUB = tuple((f"docker-hub-{day}.json", day) for day in ("2025-02-28", "2025-08-31"))
CLONES = tuple((f"github-clones-{day}.json", day) for day in ("2025-06-15", "2025-06-25"))
SECOND = "M25-36"

FISH = "fish-detector"
BREAKDOWN = (("oscar-breakdown-2025-01.json", "2025-02-01"),)
OF_SERVICE = (("oscar-service-2025-03.json", "2025-04-01"),)
SEANOE = (("seanoe.csv", "2025-09-01"),)
VIEWS = (("github-views-2025-06-15.json", "2025-06-15"),)


def in_second(value: str, first: str, last: str) -> tuple[str, str, str, str]:
    return SECOND, value, first, last


YEAR_BEFORE = ("M13-24", "0", "2023-09-01", YEARS[0])

CASES = (
    Case("zenodo", ZENODO, (("M13-24", "30", "2023-10-05", YEARS[0]), in_second("116", "2024-09-01", YEARS[1]))),
    Case("seanoe", SEANOE, (YEAR_BEFORE, in_second("43", "2024-09-01", YEARS[1])), of="10.17882/100000"),
    Case("seanoe", SEANOE, (in_second("77", "2024-09-01", YEARS[1]),), "views", "10.17882/100001"),
    Case("docker_hub", HUB, (in_second("41", "2024-09-20", "2025-02-28"), in_second("77", "2025-03-01", YEARS[1]))),
    Case("git_traffic", CLONES, (in_second("15", "2025-06-02", "2025-06-24"),)),
    Case("git_traffic", CLONES[:1], (in_second("6", "2025-06-02", "2025-06-15"),), "clones_unique"),
    Case("git_traffic", VIEWS, (in_second("17", "2025-06-02", "2025-06-14"),), "views"),
    Case("git_traffic", (("gitlab-2025-06-30.json", "2025-06-30"),), (in_second("9", "2025-06-01", "2025-06-29"),)),
    Case("oscar", BREAKDOWN, (in_second("223", "2025-01-01", "2025-01-31"),), of=FISH),
    Case("oscar", BREAKDOWN, (in_second("30", "2025-01-01", "2025-01-31"),), "exposed", FISH),
    Case(
        "oscar",
        (("oscar-breakdown-2025-02.csv", "2025-03-01"),),
        (in_second("87", "2025-02-01", "2025-02-28"),),
        of=FISH,
        days=FEBRUARY,
    ),
    Case("oscar", OF_SERVICE, (in_second("49", "2025-03-01", "2025-03-31"),)),
    Case("oscar", OF_SERVICE, (in_second("2", "2025-03-01", "2025-03-31"),), "users"),
    Case(
        "oscar",
        (("oscar-dashboard.csv", "2024-12-01"),),
        (in_second("111", "2024-10-02", "2024-10-30"), in_second("61", "2024-11-01", "2024-11-29")),
        of=FISH,
    ),
    Case(
        "gbif",
        (("gbif.tsv", "2024-11-15"),),
        (("M13-24", "31", "2024-08-01", "2024-08-31"), in_second("73", "2024-09-01", "2024-10-31")),
    ),
    Case("obis", (("obis.csv", "2025-03-02"),), (in_second("7", "2025-01-01", "2025-02-28"),)),
    Case("doi_citations", DATACITE, (("M13-24", "1", "2023-10-10", YEARS[0]), in_second("4", "2024-09-01", YEARS[1]))),
    Case("doi_citations", CROSSREF, (("M13-24", "0", "2024-03-04", YEARS[0]), in_second("7", "2024-09-01", YEARS[1]))),
)


def read(case: Case):
    exports = [
        Export(name, (FOLDER / name).read_bytes(), dt.datetime.fromisoformat(f"{day}T22:00:00Z"), case.days)
        for name, day in case.files
    ]
    return import_counter(find_source(case.source), exports, SHEET, "steps", counter=case.counter, subject=case.of)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.files[0][0]} {case.counter}")
def test_an_export_gives_the_values_of_its_windows(case):
    values = read(case)
    assert tuple((one.column, one.value, str(one.first_day), str(one.last_day)) for one in values) == case.values
    assert {one.source for one in values} == {case.source}
    assert all(one.says and one.cannot_say and len(one.evidence_sha256) == 64 for one in values)
    assert {f"{one.retrieved_at:%Y-%m-%d}" for one in values} <= {day for _, day in case.files}


def test_a_value_says_which_counter_it_is_and_of_what():
    (value,) = read(next(case for case in CASES if case.counter == "exposed"))
    assert value.says.endswith("(exposed of fish-detector)")


def test_a_single_look_is_not_spread_over_two_periods():
    with pytest.raises(FatalFault, match="nobody knows which part lies where"):
        read(Case("zenodo", ZENODO[1:], ()))


def test_every_source_has_an_example_and_every_example_is_read():
    assert {case.source for case in CASES} | {"counts"} == set(SOURCES)
    assert {name for case in CASES for name, _ in case.files} == {path.name for path in FOLDER.iterdir()}


def test_what_oscar_cannot_say_stands_beside_its_number():
    of_table, of_service = (
        next(case for case in CASES if case.files[0][0].startswith(f"oscar-{what}"))
        for what in ("dashboard", "service")
    )
    assert "failed" not in read(of_table)[0].cannot_say
    (value,) = read(of_service)
    assert value.cannot_say.endswith(
        "; calls that failed are among them; OSCAR had request-logs in part, so it is a lower bound"
    )
