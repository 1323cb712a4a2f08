from __future__ import annotations

import datetime as dt

import pytest

from schemas.errors import RejectedInput
from schemas.usage import Ingested, Names, NotMeasured, Processed, Served
from sinks.object_store.memory import MemoryStore
from streams.usage.meter import Meter
from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import Report, make_report
from streams.usage.reports.scope import Scope
from tests.streams.usage.uses import (
    NOW,
    OBSERVER,
    keep,
    make_clip_use,
    make_not_done,
    make_owner,
    make_person,
    make_record,
    make_records,
    make_use,
    to_content,
)

_NOVEMBER, _DECEMBER = read_period("2026-11"), read_period("2026-12")
_MONTH = dt.timedelta(days=30)
_OTHER_OBSERVER = "cd" * 32


def _report(store: MemoryStore, *periods, **scope: object) -> Report:
    with open_facts(store) as facts:
        return make_report(facts, periods or (_NOVEMBER,), Scope(**scope))


def _read(report: Report, metric: str, detail: str = "", *, installation: str = "obsea") -> list[object]:
    """Return a line's values, one for each period."""
    sheet = next(sheet for sheet in report.sheets if sheet.installation == installation)
    for line in sheet.lines:
        if (line.definition.metric, line.detail) == (metric, detail):
            return [_plain(cell.value) for cell in line.cells]
    return []


def _plain(value: object) -> object:
    if isinstance(value, NotMeasured):
        return value.why
    return value.names if isinstance(value, Names) else value.value


def test_images_are_counted_by_kind_and_together():
    report = _report(keep([make_use(0), make_use(1), make_clip_use("dive", 100)]))
    assert _read(report, "images_processed") == [102]
    assert _read(report, "images_processed", "still") == [2]
    assert _read(report, "images_processed", "frame") == [100]
    assert _read(report, "units_processed", "still") == [2]
    assert _read(report, "units_processed", "clip") == [1]
    assert _read(report, "deliveries") == _read(report, "requests") == [3]


def test_an_image_counts_once_at_its_first_result_whatever_model_feed_or_door():
    again = [
        make_use("x", contents=(to_content(0),), observer=_OTHER_OBSERVER, requested_at=NOW + _MONTH),
        make_use("y", contents=(to_content(0),), door="gateway", requested_at=NOW + _MONTH),
    ]
    report = _report(keep([make_use(0), *again]), _NOVEMBER, _DECEMBER, read_period("2026"))
    assert _read(report, "images_processed") == [1, 0, 1]
    assert _read(report, "images_reprocessed") == [0, 2, 2]
    assert _read(report, "image_runs") == [1, 2, 3]
    assert _read(report, "deliveries") == [1, 2, 3]


def test_each_installation_counts_an_image_for_itself():
    other = make_use("x", contents=(to_content(0),), installation="smartbay")
    report = _report(keep([make_use(0), other]))
    assert _read(report, "images_processed") == [1]
    assert _read(report, "images_processed", installation="smartbay") == [1]


def test_a_later_finer_sampling_of_a_clip_adds_only_the_images_by_which_it_exceeds():
    later = NOW + dt.timedelta(hours=1)
    uses = [make_clip_use("dive", 10), make_clip_use("dive", 100, observer=_OTHER_OBSERVER, requested_at=later)]
    report = _report(keep(uses))
    assert _read(report, "images_processed") == [100]
    assert _read(report, "images_reprocessed") == [10]
    assert _read(report, "images_unsure") == [10]
    assert _read(report, "units_processed", "clip") == [1]


def test_a_repeat_with_as_many_images_is_sure_to_be_no_news():
    uses = [make_clip_use("dive", 10), make_clip_use("dive", 10, observer=_OTHER_OBSERVER)]
    report = _report(keep(uses))
    assert (_read(report, "images_processed"), _read(report, "images_unsure")) == ([10], [0])


def test_tiles_never_add_to_images():
    tiles = make_use(1, units={"orthophoto": 1}, images={"orthophoto": 1, "tile": 94})
    report = _report(keep([make_use(0), tiles]))
    assert _read(report, "images_processed") == [2]
    assert _read(report, "tiles_processed") == [94]
    assert _read(report, "image_runs") == [2]
    assert _read(report, "images_processed", "tile") == []


def test_one_request_with_many_contents_is_one_request_and_many_images():
    zipped = make_use("zip", images={"still": 3}, units={"image_set": 1}, contents=tuple(map(to_content, (0, 1, 2))))
    single = make_use(1, requested_at=NOW + dt.timedelta(hours=1))
    report = _report(keep([zipped, single]))
    assert _read(report, "deliveries") == [2]
    assert _read(report, "images_processed") == [3]
    assert _read(report, "images_reprocessed") == [1]
    assert _read(report, "units_processed", "image_set") == [1]


def test_uses_without_contents_are_each_their_own():
    report = _report(keep([make_use(0, contents=()), make_use(1, contents=())]))
    assert _read(report, "images_processed") == [2]


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"purpose": "test"}, "test"),
        ({"purpose": "canary"}, "canary"),
        ({"purpose": "staff"}, "staff"),
        ({"purpose": "replay"}, "replay"),
        ({"traffic": "robot"}, "robot"),
        ({"traffic": "test"}, "test"),
    ],
)
def test_what_is_no_use_by_a_user_is_shown_and_not_counted(changes, row):
    others = make_clip_use("dive", 7, who=make_person("a"), country="IT", **changes)
    report = _report(keep([make_use(0), others]))
    assert _read(report, "images_processed") == _read(report, "deliveries") == [1]
    assert _read(report, "uncounted_uses", row) == [1]
    assert _read(report, "uncounted_images", row) == [7]
    assert _read(report, "countries") == [("Spain",)]
    assert _read(report, "unique_users") == [0]


def test_a_first_result_that_is_not_counted_does_not_take_the_image_from_the_user():
    staff = make_use("x", purpose="staff", contents=(to_content(0),), requested_at=NOW - dt.timedelta(days=2))
    report = _report(keep([staff, make_use(0)]))
    assert _read(report, "images_processed") == [1]


def test_requests_that_were_not_served_are_shown_by_reason_and_deliver_nothing():
    uses = [
        make_not_done(1, "refused", "not_an_image"),
        make_not_done(2, "refused", "not_an_image"),
        make_not_done(3, "refused", "too_large"),
        make_not_done(4, "failure", "poison"),
        make_not_done(5, "health", "probe"),
        make_use(0),
    ]
    report = _report(keep(uses))
    assert _read(report, "refusals") == [3]
    assert _read(report, "refusals", "not_an_image") == [2]
    assert _read(report, "failures") == _read(report, "failures", "poison") == [1]
    assert _read(report, "health_checks") == [1]
    assert _read(report, "requests") == [5]
    assert _read(report, "deliveries") == _read(report, "images_processed") == [1]


def test_ingested_and_processed_are_told_apart():
    ingested = [make_use(f"in{number}", act=Ingested(), contents=(to_content(number),)) for number in (0, 0, 1)]
    report = _report(keep([*ingested, make_use(0)]))
    assert _read(report, "images_ingested") == _read(report, "units_ingested", "still") == [2]
    assert _read(report, "images_processed") == [1]
    assert _read(report, "requests") == [1]


def test_reads_are_uses_and_process_nothing():
    read = make_use(1, act=Served(resource="results/x"), images={}, units={}, who=make_person("a"))
    report = _report(keep([make_use(0), read]))
    assert (_read(report, "reads"), _read(report, "deliveries"), _read(report, "requests")) == ([1], [1], [2])
    assert _read(report, "unique_users") == [1]


def test_unique_users_are_the_persons_with_a_login_and_nobody_else():
    uses = [
        make_use(0, who=make_person("ada")),
        make_use(1, who=make_person("ada")),
        make_use(2, who=make_person("bo")),
        make_use(3, who=make_person("cy", tier=3)),
        make_use(4, who=make_person("di", tier=2)),
        make_use(5, who=make_owner("ipma")),
        make_use(6),
        make_not_done(7, "refused", "too_large", who=make_person("eve")),
    ]
    report = _report(keep(uses))
    assert _read(report, "unique_users") == [2]
    assert [_read(report, "uses_by_tier", tier) for tier in "1234"] == [[2], [1], [1], [3]]
    assert _read(report, "uses_by_owner", "ipma") == _read(report, "uses_by_owner", "upc-obsea") == [1]


def test_a_returning_user_counts_once_in_a_longer_period():
    uses = [
        make_use(0, who=make_person("ada")),
        make_use(1, who=make_person("ada"), requested_at=NOW + _MONTH),
        make_use(2, who=make_person("bo"), requested_at=NOW + _MONTH),
    ]
    report = _report(keep(uses), _NOVEMBER, _DECEMBER, read_period("2026"))
    assert _read(report, "unique_users") == [1, 2, 2]


def test_users_are_not_measured_where_nobody_can_log_in_and_zero_where_nobody_did():
    assert _read(_report(keep([make_use(0)])), "unique_users") == ["no_login"]
    assert _read(_report(keep([make_use(0)]), with_login=frozenset({"obsea"})), "unique_users") == [0]
    later = make_use(1, who=make_person("ada"), requested_at=NOW + _MONTH)
    both = _report(keep([make_use(0), later]), _NOVEMBER, _DECEMBER, read_period("2027-01"))
    assert _read(both, "unique_users") == ["no_login", 1, 0]


def test_countries_are_named_and_the_unknown_one_is_a_row_with_its_share():
    countries = ["IT", "ES", "ES", "ZZ", "UK"]
    uses = [make_use(number, country=code, country_source="geoip") for number, code in enumerate(countries)]
    report = _report(keep(uses))
    assert _read(report, "countries") == [("Italy", "Spain")]
    assert _read(report, "country_count") == [2]
    assert [_read(report, "uses_by_country", code) for code in ("ES", "IT", "ZZ", "UK")] == [[2], [1], [2], []]
    lines = [line for line in report.sheets[0].lines if line.definition.metric == "uses_by_country"]
    assert [(line.label, line.cells[0].share) for line in lines] == [
        ("uses: Spain (ES)", 0.4),
        ("uses: Italy (IT)", 0.2),
        ("uses: unknown (ZZ)", 0.4),
    ]
    assert _read(report, "uses_by_country_source", "geoip") == [5]


def test_the_unknown_country_is_a_row_even_when_all_are_known():
    assert _read(_report(keep([make_use(0)])), "uses_by_country", "ZZ") == [0]


def test_a_demonstration_model_marks_what_it_did():
    act = Processed(
        processing_id="p", observer_name="yolo", observer_version="1", observer_sha256=OBSERVER, demonstration=True
    )
    report = _report(keep([make_use(0, act=act), make_use(1)]))
    assert _read(report, "demonstration_images") == [1]
    assert report.sheets[0].demonstration
    assert not _report(keep([make_use(1)])).sheets[0].demonstration


def test_a_period_holds_its_first_moment_and_not_its_last():
    moments = [_NOVEMBER.from_at, _NOVEMBER.to_at - dt.timedelta(milliseconds=1), _NOVEMBER.to_at]
    uses = [make_use(number, requested_at=moment) for number, moment in enumerate(moments)]
    assert _read(_report(keep(uses), _NOVEMBER, _DECEMBER), "deliveries") == [2, 1]


def test_where_nothing_shows_that_anybody_counted_nothing_is_measured():
    report = _report(keep([make_use(0)]), read_period("2026-10"), _NOVEMBER, _DECEMBER, installations=("flowcam",))
    assert _read(report, "images_processed", installation="flowcam") == ["no_facts"] * 3
    assert _read(report, "images_processed") == ["no_facts", 1, 0]
    assert _read(report, "countries") == ["no_facts", ("Spain",), ()]


def test_coverage_begins_with_the_first_fact_and_ends_with_the_report():
    now = dt.datetime(2026, 11, 25, 10, tzinfo=dt.UTC)
    sheet = _report(keep([make_use(0)]), as_of_at=now).sheets[0]
    assert sheet.coverage[0].share == round(5 / 30, 4)
    assert [(gap.from_at, gap.to_at) for gap in sheet.coverage[0].gaps] == [
        (_NOVEMBER.from_at, NOW),
        (now, _NOVEMBER.to_at),
    ]


def test_coverage_is_whole_where_it_is_declared_to_be():
    since = {"obsea": _NOVEMBER.from_at, "flowcam": _NOVEMBER.from_at}
    report = _report(keep([make_use(0)]), installations=("flowcam",), counted_since=since)
    assert [sheet.coverage[0].share for sheet in report.sheets] == [1.0, 1.0]
    assert _read(report, "images_processed", installation="flowcam") == [0]
    assert report.sheets[0].coverage[0].gaps == ()


def test_a_fact_at_the_last_moment_is_measured_however_short_the_coverage():
    moment = _NOVEMBER.to_at - dt.timedelta(milliseconds=1)
    report = _report(keep([make_use(0, requested_at=moment)]), as_of_at=NOW)
    assert _read(report, "images_processed") == [1]
    assert report.sheets[0].coverage[0].share == 0.0001


def test_different_uses_under_one_id_are_reported_and_the_smallest_digest_counts():
    one, other = make_use(0, images={"still": 1}), make_use(0, images={"still": 50})
    kept = min((one, other), key=lambda event: event.to_digest())
    for order in ([one, other], [other, one]):
        report = _report(keep(order))
        assert report.conflicts == (one.event_id,)
        assert _read(report, "images_processed") == [dict(kept.images)["still"]]
        assert _read(report, "deliveries") == [1]


def test_the_same_use_recorded_again_later_is_no_conflict_and_counts_at_its_first_time():
    later = make_use(0, requested_at=NOW + _MONTH)
    for order in ([make_use(0), later], [later, make_use(0)]):
        report = _report(keep(order), _NOVEMBER, _DECEMBER)
        assert report.conflicts == ()
        assert _read(report, "images_processed") == [1, 0]


def test_facts_of_several_logs_are_one():
    store = keep([make_use(0)])
    Meter(store, "log-2").take(make_records([make_use(0), make_use(1)]))
    assert _read(_report(store), "images_processed") == [2]


def test_what_was_no_use_is_counted_by_reason():
    store = keep([make_use(0)])
    bad = [make_record(5, b"?"), make_record(6, b"?"), make_record(7, b"!"), make_record(8, b"{}")]
    Meter(store, "log-1").take(bad)
    assert _report(store).rejected == (("missing_field", 1), ("not_json", 2))


def test_only_one_installation_is_reported_on_when_asked():
    store = keep([make_use(0), make_use(1, installation="smartbay")])
    assert [sheet.installation for sheet in _report(store, only="smartbay").sheets] == ["smartbay"]


def test_a_broken_object_is_named():
    store = keep([make_use(0)])
    key = next(store.list("usage/")).key
    store.write(key, store.read(key)[:-5], media_type="x")
    with pytest.raises(RejectedInput, match=key) as caught:
        _report(store)
    assert caught.value.reason == "broken_facts"


def test_no_facts_at_all_are_an_empty_report():
    assert _report(MemoryStore()).sheets == ()
