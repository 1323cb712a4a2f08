from __future__ import annotations

import csv
import datetime as dt
import io
import json

import pytest

from schemas.canonical import to_canonical
from schemas.usage import Measured
from sinks.object_store.memory import MemoryStore
from streams.usage.edge.heartbeat import make_heartbeat
from streams.usage.meter import Meter
from streams.usage.periods import read_period
from streams.usage.reports.definitions import DEFINITIONS, SECTIONS
from streams.usage.reports.facts import open_facts
from streams.usage.reports.lines import Cell
from streams.usage.reports.report import Report, make_report
from streams.usage.reports.tables import list_notes, to_csv, to_json, to_markdown, to_tables, to_text
from tests.streams.usage.uses import keep, make_clip_use, make_person, make_record, make_use


def _make_store() -> MemoryStore:
    store = keep([
        make_clip_use("dive", 1_150, country="IT"),
        make_use(0, who=make_person("ada"), installation="flowcam"),
        make_use(1, bytes=1),
        make_use(1, bytes=2),
        make_use(2, purpose="test"),
    ])  # fmt: skip
    Meter(store, "log-1").take([make_record(90, b"?")])
    return store


@pytest.fixture(scope="module")
def report() -> Report:
    with open_facts(_make_store()) as facts:
        return make_report(facts, [read_period("2026-10"), read_period("2026-11")])


def test_a_table_is_texts_of_equal_length(report):
    tables = to_tables(report)
    titles = [f"{name}: {title}" for name in ("flowcam", "obsea") for title in SECTIONS.values()]
    assert [table.title for table in tables] == [*titles, "Records that could not be counted as they came"]
    for table in tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}
    rows = {row[0]: row[1:] for table in tables if table.title == "obsea: Images and units" for row in table.rows}
    assert rows["Images processed"] == ("not measured: nothing was counted", "1,151")
    assert rows["- frame"] == ("not measured: nothing was counted", "1,150")
    people = {row[0]: row[1:] for table in tables if table.title == "obsea: Users and countries" for row in table.rows}
    assert people["Unique users"][1] == "not measured: nobody can log in"
    assert people["Countries"][1] == "Italy, Spain"
    assert people["- uses: Italy (IT)"][1] == "1 (50.00 %)"
    assert people["- uses: unknown (ZZ)"][1] == "0 (0.00 %)"
    assert tables[-1].rows == (("Different uses under one id", "1"), ("No use: not_json", "1"))


def test_notes_say_what_is_not_covered(report):
    assert [note.split(":")[1].strip() for note in list_notes(report) if note.startswith("Partial")] == [
        "flowcam, 2026-10",
        "flowcam, 2026-11",
        "obsea, 2026-10",
        "obsea, 2026-11",
    ]
    assert "nothing of the period is covered" in list_notes(report)[0]
    assert (
        "35.28 % of the period is covered; not 2026-11-01T00:00:00.000Z to 2026-11-20T10:00:00.000Z"
        in list_notes(report)[1]
    )


def test_a_table_says_at_its_head_what_was_not_counted(report):
    for table in to_tables(report)[:-1]:
        assert table.columns == ("Figure", "2026-10 (not counted)", "2026-11 (partial)")
        assert table.rows[0] == (
            "Not counted",
            "2026-10-01 00:00Z to 2026-11-01 00:00Z",
            "2026-11-01 00:00Z to 2026-11-20 10:00Z",
        )
    assert "| Figure | 2026-10 (not counted) | 2026-11 (partial) |" in to_markdown(report)


def test_many_gaps_are_counted_in_the_table_and_all_told_in_notes_and_exports():
    at = [dt.datetime(2026, 11, day, tzinfo=dt.UTC) for day in range(1, 13)]
    beats = [make_heartbeat("web", "obsea", first, last) for first, last in zip(at[::2], at[1::2], strict=True)]
    with open_facts(keep([*beats, make_use()])) as facts:
        report = make_report(facts, [read_period("2026-11")])
    row = to_tables(report)[0].rows[0]
    assert row == (
        "Not counted",
        " ".join([*(f"2026-11-0{day} 00:00Z to 2026-11-0{day + 1} 00:00Z;" for day in (2, 4, 6)), "and 3 more"]),
    )
    assert list_notes(report)[0].count(" to ") == 6
    assert all(line["gaps"].count("/") == 6 for line in csv.DictReader(io.StringIO(to_csv(report))))


def test_markdown_has_every_table_and_every_definition(report):
    text = to_markdown(report)
    for table in to_tables(report):
        assert f"## {table.title}\n\n| " in text
    for definition in DEFINITIONS.values():
        assert definition.name in text
    assert "| - uses: Italy (IT) | not measured: nothing was counted | 1 (50.00 %) |" in text
    assert report.conflicts[0] in text


def test_csv_has_one_row_for_each_line_and_period(report):
    rows = list(csv.DictReader(io.StringIO(to_csv(report))))
    assert len(rows) == sum(2 * len(sheet.lines) for sheet in report.sheets)
    assert len({(row["installation"], row["metric"], row["detail"], row["period"]) for row in rows}) == len(rows)
    found = {(row["installation"], row["metric"], row["detail"], row["period"]): row for row in rows}
    images = found["obsea", "images_processed", "", "2026-11"]
    assert (images["state"], images["value"], images["from_at"]) == ("measured", "1151", "2026-11-01T00:00:00.000Z")
    users = found["obsea", "unique_users", "", "2026-11"]
    assert (users["state"], users["why"], users["value"]) == ("not_measured", "no_login", "")
    assert found["obsea", "countries", "", "2026-11"]["value"] == "Italy; Spain"
    assert found["flowcam", "unique_users", "", "2026-11"]["value"] == "1"


def test_json_is_one_canonical_object(report):
    text = to_json(report)
    plain = json.loads(text)
    assert to_canonical(plain).decode() + "\n" == text
    assert plain["rejected"] == {"not_json": 1}
    assert plain["conflicts"] == list(report.conflicts)
    lines = {(row["metric"], row["detail"], row["period"]): row for row in plain["installations"]["obsea"]}
    assert lines["images_processed", "", "2026-11"]["value"] == 1151
    assert lines["countries", "", "2026-11"]["value"] == ["Italy", "Spain"]
    assert "value" not in lines["unique_users", "", "2026-11"]


def test_no_pseudonym_is_in_any_report(report):
    pseudonym = make_person("ada").pseudonym
    for text in (to_markdown(report), to_csv(report), to_json(report), repr(report)):
        assert pseudonym not in text


def test_an_estimate_is_shown_with_its_bounds():
    cell = Cell(Measured(value=60_123.0, method="sketch", low=59_500.0, high=60_700.0))
    assert to_text(cell) == "60,123 (59,500 to 60,700)"
