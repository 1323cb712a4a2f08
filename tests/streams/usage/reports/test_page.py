"""The page on usage says what the code does: its queries are run, its definitions compared."""

from __future__ import annotations

import datetime as dt
import random
import re
from pathlib import Path

import duckdb
import pytest

from schemas.usage import Measured
from sinks.object_store.local import LocalStore
from streams.usage.events import _REASONS
from streams.usage.meter import Meter
from streams.usage.periods import read_period
from streams.usage.reports.definitions import DEFINITIONS, PROFILE
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from tests.streams.usage.uses import (
    NOW,
    make_clip_use,
    make_not_done,
    make_owner,
    make_person,
    make_records,
    make_use,
    to_content,
)

_PAGE = Path(__file__).parents[4] / "docs" / "usage.md"


@pytest.fixture(scope="module")
def page() -> str:
    return _PAGE.read_text(encoding="utf-8")


def _make_uses() -> list:
    chance = random.Random(8)
    uses = []
    for number in range(400):
        changes = {
            "installation": chance.choice(["flowcam", "obsea"]),
            "requested_at": NOW + dt.timedelta(days=chance.randrange(-40, 40)),
            "purpose": chance.choice(["user", "user", "user", "staff"]),
            "who": chance.choice([make_owner(), make_person(f"p{chance.randrange(30)}")]),
            "country": chance.choice(["ES", "IT", "ZZ"]),
        }
        content = chance.randrange(150)
        if number % 10 == 0:
            uses.append(make_not_done(number, "refused", "too_large", **changes))
        elif number % 3 == 0:
            observer = chance.choice(["ab" * 32, "cd" * 32])
            uses.append(make_clip_use(content % 20, chance.choice([10, 40]), observer=observer, **changes))
        else:
            uses.append(make_use(number, contents=(to_content(content),), **changes))
    return uses + uses[:50]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> LocalStore:
    made = LocalStore(tmp_path_factory.mktemp("store"))
    made.check(create=True)
    meter, uses = Meter(made, "log-1", segment_offsets=100), _make_uses()
    for partition in range(2):
        meter.take(make_records(uses[partition::2], partition=partition))
    return made


def _ask(query: str, folder: Path) -> dict[tuple[str, ...], int]:
    with duckdb.connect() as database:
        database.execute(f"SET file_search_path = '{folder}'")
        return {tuple(row[:-1]): row[-1] for row in database.execute(query).fetchall()}


def test_the_queries_of_the_page_give_the_figures_of_the_report(page, store):
    images, users, countries = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    with open_facts(store) as facts:
        report = make_report(facts, [read_period("2026-11")])
    assert report.conflicts
    figures = {
        (sheet.installation, line.definition.metric, line.detail): int(line.cells[0].value.value)
        for sheet in report.sheets
        for line in sheet.lines
        if isinstance(line.cells[0].value, Measured)
    }
    names = [sheet.installation for sheet in report.sheets]
    assert _ask(images, store.root) == {(name,): figures[name, "images_processed", ""] for name in names}
    unmerged = _ask(users, store.root)
    assert unmerged.keys() == {(name,) for name in names}
    for name in names:
        assert unmerged[name,] >= figures[name, "unique_users", ""] > 0
    assert set(_ask(countries, store.root)) == {
        (name, code) for name in names for code in ("ES", "IT", "ZZ") if figures[name, "uses_by_country", code]
    }


def test_without_conflicts_all_three_queries_are_exact(page, tmp_path):
    store = LocalStore(tmp_path)
    store.check(create=True)
    once = {use.event_id: use for use in _make_uses()}
    Meter(store, "log-1").take(make_records(once.values()))
    images, users, countries = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    with open_facts(store) as facts:
        report = make_report(facts, [read_period("2026-11")])
    assert report.conflicts == ()
    for query, metric in ((images, "images_processed"), (users, "unique_users"), (countries, "uses_by_country")):
        asked = _ask(query, store.root)
        told = {
            (sheet.installation, line.detail) if line.detail else (sheet.installation,): int(line.cells[0].value.value)
            for sheet in report.sheets
            for line in sheet.lines
            if line.definition.metric == metric and (metric == "uses_by_country" or not line.detail)
        }
        assert asked == {key: count for key, count in told.items() if count}


def test_every_definition_stands_on_the_page_as_it_is(page):
    assert f"`{PROFILE}`" in page
    for definition in DEFINITIONS.values():
        adds = "yes" if definition.additive else "no"
        assert f"| {definition.label} | `{definition.name}` | {definition.meaning} | {adds} |" in page


def test_every_reason_for_refusing_a_record_stands_on_the_page(page):
    for reason in {*_REASONS.values(), "empty_value", "event_too_large", "time_in_future", "unknown_type", "bad_event"}:
        assert f"`{reason}`" in page
