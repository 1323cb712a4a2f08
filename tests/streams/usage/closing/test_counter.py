from __future__ import annotations

import datetime as dt
import json

from hypothesis import given, settings
from hypothesis import strategies as some

from schemas.usage import Period, Program, Served
from streams.usage.closing.counter import make_dataset_report
from streams.usage.closing.inputs import FrozenFacts, Inputs
from streams.usage.counting.ground import open_uses
from streams.usage.counting.profiles import make_profile
from streams.usage.counting.report import make_profile_report
from streams.usage.counting.tally import count_rows
from streams.usage.edge.heartbeat import make_heartbeat
from streams.usage.periods import NamedPeriod, read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from tests.streams.usage.closing.closings import close, list_uses, write_inputs
from tests.streams.usage.uses import keep, make_person, make_use

_PROFILE = make_profile("counter-rd-1", asked_at_edge=True)
_NEW_YEAR = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
_SECOND = dt.timedelta(seconds=1)


def _make_inputs(period: NamedPeriod) -> Inputs:
    return Inputs(
        project="imagine",
        period=period.name,
        from_at=period.from_at,
        to_at=period.to_at,
        profile="observatory-1",
        facts=FrozenFacts(uses=0, sha256="0" * 64, rejected_sha256="0" * 64),
    )


def _read(number: int, at: dt.datetime, **changes: object):
    fields = {"act": Served(resource="doi:10.1/abc"), "images": {}, "units": {}, "contents": (), "access": "Regular"}
    return make_use(number, requested_at=at, **(fields | {"who": make_person("anna")} | changes))


def _count(events, period: NamedPeriod) -> dict[tuple[str, str, str, str], int]:
    report = json.loads(make_dataset_report(keep(events), _make_inputs(period), _PROFILE))
    return {
        (item["dataset-title"], part["period"]["begin-date"], instance["access-method"], instance["metric-type"]): (
            instance["count"]
        )
        for item in report["report-datasets"]
        for part in item["performance"]
        for instance in part["instance"]
    }


_YEAR_END = read_period("2026-12-01..2027-02-01")


def test_the_report_has_the_form_of_counter(tmp_path):
    made = close(tmp_path / "shelf", **write_inputs(tmp_path / "in"))
    report = json.loads((made.closed.folder / "report" / "counter-dsr.json").read_bytes())
    header = report["report-header"]
    assert (header["report-id"], header["release"], header["created-by"]) == ("dsr", "rd1", "imagine")
    assert header["reporting-period"] == {"begin-date": "2026-11-01", "end-date": "2026-11-30"}
    items = {item["dataset-title"]: item for item in report["report-datasets"]}
    assert sorted(items) == ["doi:10.1/abc", "yolo/1.0.0"]
    item = items["doi:10.1/abc"]
    assert (item["platform"], item["publisher"], item["data-type"], item["yop"]) == (
        "obsea",
        "imagine",
        "dataset",
        "0001",
    )
    assert item["dataset-id"] == [{"type": "other-id", "value": "doi:10.1/abc"}]
    assert [part["period"] for part in item["performance"]] == [{"begin-date": "2026-11-01", "end-date": "2026-11-30"}]
    assert {instance["metric-type"]: instance["count"] for instance in item["performance"][0]["instance"]} == {
        "total-dataset-investigations": 2,
        "total-dataset-requests": 2,
        "unique-dataset-investigations": 2,
        "unique-dataset-requests": 2,
    }


def test_a_user_of_one_hour_and_item_is_unique_once_however_much_was_sent():
    uses = [make_use(number, who=make_person("anna")) for number in range(5)]
    found = _count(uses, read_period("2026-11"))
    assert found["yolo/1.0.0", "2026-11-01", "machine", "total-dataset-requests"] == 5
    assert found["yolo/1.0.0", "2026-11-01", "machine", "unique-dataset-requests"] == 1


def test_a_double_click_over_the_end_of_a_month_or_of_the_period_counts_once_where_its_last_click_lies():
    clicks = [_read(0, _NEW_YEAR - _SECOND), _read(1, _NEW_YEAR + 20 * _SECOND)]
    name = ("doi:10.1/abc", "2027-01-01", "regular", "total-dataset-requests")
    found = _count(clicks, _YEAR_END)
    assert found[name] == 1
    assert {key[1] for key in found} == {"2027-01-01"}
    assert _count(clicks, read_period("2026-12")) == {}


def test_a_double_click_over_the_end_of_the_period_is_known_from_the_frozen_facts_too(tmp_path):
    end = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    clicks = [_read(90, end - _SECOND), _read(91, end + 20 * _SECOND)]
    made = close(tmp_path / "shelf", [*list_uses(), *clicks], **write_inputs(tmp_path / "in"))
    report = json.loads((made.closed.folder / "report" / "counter-dsr.json").read_bytes())
    removed = {item["name"]: item["value"] for item in report["report-header"]["report-attributes"]}
    assert removed["removed-by-double-click"] == "1"


def test_a_period_within_months_counts_no_more_than_its_days():
    at = dt.datetime(2026, 12, 10, tzinfo=dt.UTC)
    uses = [_read(day, at + dt.timedelta(days=day)) for day in range(-3, 4)]
    found = _count(uses, read_period("2026-12-10..2026-12-12"))
    assert found["doi:10.1/abc", "2026-12-10", "regular", "total-dataset-requests"] == 2


def test_what_doors_say_of_themselves_is_no_access_and_removed_by_no_rule(tmp_path):
    at = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    beat = make_heartbeat("feed", "obsea", at, at + dt.timedelta(hours=1))
    given = write_inputs(tmp_path / "in")
    reports = [
        json.loads(
            (
                close(tmp_path / str(len(more)), [*list_uses(), *more], **given).closed.folder
                / "report"
                / "counter-dsr.json"
            ).read_bytes()
        )
        for more in ([], [beat])
    ]
    # but what no door was there for is an exception: here all but an hour, and what came before the first use
    told = [report["report-header"].pop("exceptions") for report in reports]
    assert reports[0] == reports[1]
    assert [item["code"] for item in told[1]] == [0, 0, 0, 3040]


_EVENTS = some.lists(
    some.tuples(some.integers(-100_000, 100_000), some.sampled_from("ab"), some.sampled_from(["x", "y"]),
                some.sampled_from(["user", "user", "user", "test"]), some.sampled_from(["Regular", "Machine"])),
    max_size=30,
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(_EVENTS)
def test_requests_and_investigations_of_an_item_are_those_that_counting_it_alone_gives(drawn):
    events = [
        _read(
            number,
            _NEW_YEAR + seconds * _SECOND,
            who=make_person(who),
            act=Served(resource=item),
            purpose=purpose,
            access=access,
        )
        for number, (seconds, who, item, purpose, access) in enumerate(drawn)
    ]
    expected = {}
    for item in ("x", "y"):
        alone = keep([event for event in events if event.act.resource == item])
        with open_uses(alone, _PROFILE, _YEAR_END) as ground:
            for month in (read_period("2026-12"), read_period("2027-01")):
                for (_, method), row in count_rows(ground, month).items():
                    for metric in (
                        "total_investigations",
                        "unique_investigations",
                        "total_requests",
                        "unique_requests",
                    ):
                        name = metric.replace("_", "-dataset-")
                        expected[item, f"{month.from_at:%Y-%m-%d}", method.lower(), name] = row[metric]
    assert _count(events, _YEAR_END) == expected


def test_the_sealed_report_agrees_with_the_report_by_its_profile(tmp_path):
    bot = Program(verdict="robot", pattern="bot", list_sha256="5a" * 32, list_version="2026-01-01")
    at = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    more = [_read(50 + second, at + second * _SECOND, bytes=second) for second in (0, 5, 30, 90)]
    uses = [*list_uses(), *more, _read(99, at, who=make_person("bo"), program=bot)]
    made = close(tmp_path / "shelf", uses, **write_inputs(tmp_path / "in"))
    sealed = json.loads((made.closed.folder / "report" / "counter-dsr.json").read_bytes())
    store = keep(uses)
    with open_facts(store) as facts:
        plain = make_report(facts, [read_period("2026-11")])
    (sheet,) = make_profile_report(store, _PROFILE, plain, ()).sheets
    told = {(line.metric, line.detail): line.values[0] for line in sheet.lines}
    sums = dict.fromkeys(told, 0)
    for item in sealed["report-datasets"]:
        for part in item["performance"]:
            for instance in part["instance"]:
                kind, _, rest = instance["metric-type"].partition("-dataset-")
                sums[f"{kind}_{rest}", instance["access-method"].capitalize()] += instance["count"]
    for metric in ("total_investigations", "unique_investigations", "total_requests", "unique_requests"):
        for method in ("Regular", "Machine"):
            assert sums[metric, method] == told[metric, method]
    attributes = [(item["name"], item["value"]) for item in sealed["report-header"]["report-attributes"]]
    for rule in _PROFILE.rules:
        name = rule.name.partition("@")[0]
        assert dict(attributes)[f"removed-by-{name}"] == str(told["removed", rule.name])
    assert told["removed", "robots@1"] >= 1
    assert ("robots-list", f"2026-01-01 {'5a' * 32} asked of 1") in attributes
    assert dict(attributes)["robots-owner"] == str(told["not_judged", "owner"])
    # the list that was given at the closing is another one
    assert any("was asked of no use" in note["message"] for note in sealed["report-header"]["exceptions"])


def test_what_was_not_counted_is_an_exception_of_the_header():
    period = read_period("2026-11")
    gaps = {"obsea": [Period(from_at=period.from_at, to_at=period.from_at + dt.timedelta(days=2))]}
    report = json.loads(make_dataset_report(keep([make_use()]), _make_inputs(period), _PROFILE, gaps))
    *notes, partial = report["report-header"]["exceptions"]
    assert {note["code"] for note in notes} == {0}
    assert partial == {
        "code": 3040,
        "severity": "warning",
        "message": "Partial Data Returned",
        "data": "obsea was not counted in 2026-11-01T00:00:00.000Z/2026-11-03T00:00:00.000Z",
    }
