"""What becomes of records and objects that are not as they should be, all the way to the report."""

from __future__ import annotations

import csv
import datetime as dt
import json
from itertools import permutations

import pytest

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput
from sinks.object_store.memory import MemoryStore
from streams.usage.countries import to_country_name
from streams.usage.meter import Meter
from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.reports.tables import list_notes, to_csv, to_json, to_markdown
from streams.usage.rows import to_use_bytes
from tests.streams.usage.uses import NOW, keep, make_record, make_use

_MONTH = read_period("2026-11")


def _report(store, period=_MONTH, scope=None, **options):
    with open_facts(store, **options) as facts:
        return make_report(facts, [period], scope)


def _deliveries(report):
    line = next(line for line in report.sheets[0].lines if line.definition.metric == "deliveries")
    return line.cells[0].value.value


def _change(**changes):
    return json.dumps(make_use(1).to_plain() | changes).encode()


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (_change(), ((b"ce_specversion".decode(), b"2.0"),), "unknown_version"),
        (_change(), (("ce_type", b"usage.recorded.v9"),), "unknown_type"),
        (_change(bytes=-1), (), "negative_count"),
        (_change(images={"still": -1}), (), "negative_count"),
        (_change(requested_at="2026-11-22T10:00:00Z"), (), "time_in_future"),
        (_change(requested_at="2026-11-20T10:00:00"), (), "naive_time"),
        (_change(requested_at="9999-12-31T23:59:59Z"), (), "bad_event"),
        (_change(requested_at=1_700_000_000), (), "bad_event"),
        (_change(act={"kind": "levitated"}), (), "unknown_kind"),
        (_change(installation="No Such Place"), (), "bad_event"),
        (_change(profile="x" * 301), (), "text_too_long"),
        (_change(act={"kind": "served", "resource": "x" * 2000}), (), "text_too_long"),
        (_change(door="x" * 70_000), (), "event_too_large"),
        (_change(bytes=2**53), (), "bad_event"),
        (_change(contents=["ab" * 32] * 501), (), "text_too_long"),
        (b"\xff\xfe", (), "not_json"),
        (b"[]", (), "not_json"),
        (b"", (), "empty_value"),
        (None, (), "empty_value"),
    ],
)
def test_a_record_that_is_no_use_is_counted_by_its_reason_and_stops_nothing(value, headers, reason):
    store = MemoryStore()
    good = make_record(1, make_use(2).to_canonical())
    taken = Meter(store, "log-1").take([make_record(0, value, headers=headers), good])
    assert [(refused.offset, refused.reason) for refused in taken.refused] == [(0, reason)]
    report = _report(store)
    assert report.rejected == ((reason, 1),)
    assert _deliveries(report) == 1
    assert f"No use: {reason}" in to_markdown(report)


def test_a_use_of_ten_years_ago_counts_in_its_own_year_only():
    store = keep([make_use(1, requested_at=NOW.replace(year=2016)), make_use(2)])
    assert [_deliveries(_report(store, read_period(year))) for year in ("2016", "2026")] == [1, 1]


def test_an_installation_that_nobody_declared_is_shown_and_named():
    store = keep([make_use(1), make_use(2, installation="atlantis")])
    report = _report(store, scope=Scope(installations=("obsea",)))
    assert [sheet.installation for sheet in report.sheets] == ["atlantis", "obsea"]
    assert "atlantis: uses name it, but no such installation is declared." in list_notes(report)


def test_of_different_uses_under_one_id_the_smallest_digest_is_kept_whatever_came_first():
    uses = [make_use(1, country=country, requested_at=NOW + dt.timedelta(days=day))
            for day, country in enumerate(("ES", "PT", "FR"))]  # fmt: skip
    smallest = min(uses, key=lambda use: to_sha256(to_use_bytes(use.to_plain())))
    written = set()
    for order in permutations(uses):
        report = _report(keep(list(order)))
        assert report.conflicts == (uses[0].event_id,)
        countries = next(line for line in report.sheets[0].lines if line.definition.metric == "countries")
        assert countries.cells[0].value.names == (to_country_name(smallest.country),)
        written.add(to_json(report))
    assert len(written) == 1


@pytest.mark.parametrize("damage", ["cut", "emptied", "other"])
def test_a_broken_object_is_named_and_left_out_only_when_that_is_allowed(damage):
    store = keep([make_use(1)], [make_use(2)])
    key = min(info.key for info in store.list("usage/facts/"))
    store.write(key, {"cut": store.read(key)[:-9], "emptied": b"", "other": b"PAR1"}[damage], media_type="x")
    with pytest.raises(RejectedInput, match=key) as told:
        _report(store)
    assert told.value.reason == "broken_facts"
    report = _report(store, allow_missing=True)
    assert _deliveries(report) == 1
    for text in ("\n".join(list_notes(report)), to_json(report), to_markdown(report)):
        assert key in text
    rows = list(csv.DictReader(to_csv(report).splitlines()))
    assert {row["broken"] for row in rows} == {"1"}
