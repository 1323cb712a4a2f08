"""Counters of other systems, on files made after the formats that their makers document."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from schemas.errors import FatalFault
from streams.usage.imports.counter import Export
from streams.usage.imports.placing import SOURCES, find_source, import_counter, to_toml
from streams.usage.sheets.reading import read_text
from tests.streams.usage.sheets.sheets import HEAD, STEPS

_SHEET = read_text(HEAD + STEPS, "museum.toml")


def _export(data: object, day: str, name: str = "export") -> Export:
    text = data if isinstance(data, str) else json.dumps(data)
    return Export(name, text.encode(), dt.datetime.fromisoformat(f"{day}T08:00:00+00:00"))


def _import(source: str, *exports: Export, **asked: str) -> list[tuple[str, str, str, str]]:
    values = import_counter(find_source(source), exports, _SHEET, "steps", **asked)
    return [(value.column, value.value, str(value.first_day), str(value.last_day)) for value in values]


def _clones(*days: tuple[str, int], uniques: int = 3) -> dict:
    entries = [{"timestamp": f"{day}T00:00:00Z", "count": count, "uniques": 1} for day, count in days]
    return {"count": sum(count for _, count in days), "uniques": uniques, "clones": entries}


def test_days_of_clones_are_put_together_and_none_counts_twice():
    one = _export(_clones(("2025-01-10", 5), ("2025-01-12", 2), ("2025-01-14", 9)), "2025-01-14", "one")
    other = _export(_clones(("2025-01-12", 2), ("2025-01-14", 11), ("2025-01-20", 1)), "2025-01-24", "other")
    # the 14th was not over when the first was retrieved; the other says what it came to; the 24th is not over
    assert _import("git_traffic", one, other) == _import("git_traffic", other, one)
    assert _import("git_traffic", one, other) == [("M25-36", "19", "2025-01-01", "2025-01-23")]


def test_a_gap_between_windows_of_clones_stays_a_gap():
    early, late = _export(_clones(("2025-01-10", 5)), "2025-01-14"), _export(_clones(("2025-03-02", 4)), "2025-03-05")
    found = _import("git_traffic", early, late)
    assert [value for _, value, _, _ in found] == ["5", "4"]
    assert [days for _, _, *days in found] == [["2025-01-01", "2025-01-13"], ["2025-02-20", "2025-03-04"]]


def test_unique_cloners_of_overlapping_windows_are_refused_since_they_do_not_add():
    one, other = _export(_clones(), "2025-01-14", "one"), _export(_clones(), "2025-01-27", "other")
    with pytest.raises(FatalFault, match="would count twice"):
        _import("git_traffic", one, other, counter="clones_unique")
    later = _export(_clones(uniques=4), "2025-01-28", "later")
    assert [value for _, value, _, _ in _import("git_traffic", one, later, counter="clones_unique")] == ["3", "4"]


def test_days_of_one_repository_that_disagree_are_refused():
    one, other = (_export(_clones(("2025-01-10", count)), f"2025-01-1{count}", f"n{count}") for count in (4, 5))
    with pytest.raises(FatalFault, match="two repositories"):
        _import("git_traffic", one, other)


def test_fetches_of_gitlab_are_read():
    plain = {
        "fetches": {"total": 50, "days": [{"count": 10, "date": "2025-01-10"}, {"count": 2, "date": "2025-01-31"}]}
    }
    assert _import("git_traffic", _export(plain, "2025-01-31")) == [("M25-36", "10", "2025-01-02", "2025-01-30")]


def _record(downloads: int, created: str = "2023-10-05T09:00:00.123456+00:00") -> dict:
    return {"id": 1, "created": created, "stats": {"downloads": downloads, "unique_downloads": downloads // 2}}


def test_of_a_growing_counter_the_difference_of_two_looks_counts():
    looks = [
        _export(_record(count), day, day) for count, day in ((10, "2024-08-31"), (53, "2025-08-31"), (60, "2025-10-01"))
    ]
    assert _import("zenodo", *looks[:2]) == [
        ("M13-24", "10", "2023-10-05", "2024-08-31"),
        ("M25-36", "43", "2024-09-01", "2025-08-31"),
    ]
    assert _import("zenodo", *looks) == _import("zenodo", *looks[:2]), "what lies outside the periods is left out"
    assert _import("zenodo", *looks[:2], counter="unique_downloads")[1][1] == "21"


def test_a_look_that_would_be_spread_over_two_periods_is_refused():
    with pytest.raises(FatalFault, match="runs over an end of M13-24"):
        _import("zenodo", _export(_record(53), "2025-08-31"))
    with pytest.raises(FatalFault, match="runs over an end of M13-24"):
        _import("zenodo", _export(_record(1), "2024-01-31", "a"), _export(_record(53), "2025-08-31", "b"))


def test_what_a_record_had_before_the_project_is_no_part_of_it():
    old = "2019-01-01T00:00:00Z"
    looks = [_export(_record(count, old), day, day) for count, day in ((900, "2024-08-31"), (905, "2025-08-31"))]
    assert _import("zenodo", *looks) == [("M25-36", "5", "2024-09-01", "2025-08-31")]


def test_a_counter_that_fell_is_refused():
    looks = [_export(_record(count), day, day) for count, day in ((10, "2024-08-31"), (9, "2025-08-31"))]
    with pytest.raises(FatalFault, match="fell from 10 to 9"):
        _import("zenodo", *looks)


def test_pulls_of_docker_hub_are_read():
    looks = [
        _export({"name": "m", "pull_count": count, "date_registered": "2024-09-02T10:00:00Z"}, day, day)
        for count, day in ((100, "2025-03-01"), (118, "2025-08-31"))
    ]
    assert [value for _, value, _, _ in _import("docker_hub", *looks)] == ["100", "18"]


def test_months_of_gbif_are_put_together_by_period():
    told = [("k1", 3, 2024, 8), ("k1", 4, 2024, 9), ("k2", 90, 2024, 9), ("k1", 5, 2024, 10), ("k1", 9, 2024, 12)]
    lines = [f"{key},{count * 10},{count},{year},{month}" for key, count, year, month in told]
    table = "\n".join(["dataset_key,total_records,number_downloads,year,month", *lines])
    export = _export(table, "2024-12-20")
    assert _import("gbif", export, subject="k1") == [
        ("M13-24", "3", "2024-08-01", "2024-08-31"),
        ("M25-36", "9", "2024-09-01", "2024-10-31"),
    ]
    assert _import("gbif", export, subject="k1", counter="total_records")[1][1] == "90"
    tabs = _export("year\tmonth\tnumber_downloads\n2025\t1\t7\n", "2025-02-01")
    assert _import("obis", tabs) == [("M25-36", "7", "2025-01-01", "2025-01-31")]


def test_runs_of_oscar_count_where_they_ended_well():
    table = (
        "service,exec_type,status_code,inference_count,start,end\n"
        "fish,/job,200,211,2025-01-01,2025-01-31\nfish,/run,201,9,2025-01-01,2025-01-31\n"
        "fish,/run,500,40,2025-01-01,2025-01-31\ncowsay,/job,200,953,2025-01-01,2025-01-31\n"
    )
    export = _export(table, "2025-02-01", "a.csv")
    assert _import("oscar", export, subject="fish") == [("M25-36", "220", "2025-01-01", "2025-01-31")]
    with pytest.raises(FatalFault, match="count twice"):
        _import("oscar", export, _export(table, "2025-02-02", "b.csv"), subject="fish")
    with pytest.raises(FatalFault, match=r"a\.csv: it counts several: cowsay, fish\. Say which"):
        _import("oscar", export)


def test_a_table_of_counts_from_anywhere_is_read_under_its_own_name():
    export = _export(
        "name,first_day,last_day,value\nseries,2024-09-01,2025-08-31,43\nother,2024-09-01,2025-08-31,9\n", "2025-09-01"
    )
    values = import_counter(find_source("counts"), [export], _SHEET, "steps", subject="series", name="seanoe")
    assert [(value.source, value.value) for value in values] == [("seanoe", "43")]
    assert values[0].evidence_sha256 == export.sha256


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("data", ["", "{}", "[]", "3", "a,b\n1,2\n", "\x00", '{"clones": [3]}', '{"stats": 3}'])
def test_what_is_no_export_is_refused_by_name(source, data):
    with pytest.raises(FatalFault, match=r"strange\.bin"):
        _import(source, _export(data, "2025-01-01", "strange.bin"))


@pytest.mark.parametrize("count", ["-1", "x", "1.5", ""])
def test_a_count_that_is_none_is_refused(count):
    with pytest.raises(FatalFault, match="no count"):
        _import("counts", _export(f"first_day,last_day,value\n2025-01-01,2025-01-02,{count}\n", "2025-02-01"))


def test_what_is_not_there_is_refused():
    export = _export("first_day,last_day,value\n", "2025-02-01")
    with pytest.raises(FatalFault, match="no source"):
        find_source("pigeons")
    with pytest.raises(FatalFault, match="no counter 'views'"):
        _import("counts", export, counter="views")
    with pytest.raises(FatalFault, match="no metric 'stairs'"):
        import_counter(find_source("counts"), [export], _SHEET, "stairs")


def test_what_is_written_is_read_by_a_sheet_as_it_was():
    looks = [_export(_record(count), day, day) for count, day in ((10, "2024-08-31"), (53, "2025-08-31"))]
    values = import_counter(find_source("zenodo"), looks, _SHEET, "steps")
    sheet = read_text(HEAD + STEPS + "\n" + to_toml(values), "museum.toml")
    assert [value.model_copy(update={"line": 0}) for value in sheet.imported] == list(values)


def test_every_source_says_what_its_counter_cannot_say():
    assert [source.name for source in SOURCES.values() if not (source.says and source.cannot_say)] == []
