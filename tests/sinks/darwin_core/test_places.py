"""Where and when an event was: deployments, unknown positions, clocks, and what a moved camera's parent says."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from schemas.result import TableContent, make_result
from schemas.unit import Span, make_stamp
from sinks.darwin_core.deployments import make_share, to_distance_m
from sinks.darwin_core.plan import DeploymentBook
from sinks.darwin_core.units import Scene, place_unit
from tests.sinks.darwin_core.builders import (
    MORNING,
    NOWHERE,
    STORED,
    make_clip,
    make_deployment,
    make_item,
    make_place,
    make_plan,
    make_still,
    make_still_entry,
    make_unread_still,
)


def place(item, *deployments):
    return place_unit(item, make_plan(), DeploymentBook(deployments))


def test_the_newest_deployment_that_had_begun_wins_over_the_units_place():
    early = make_deployment(valid_from_at="2024-01-01T00:00:00Z", where=make_place(1))
    newest = make_deployment(valid_from_at="2025-05-01T00:00:00Z", where=make_place(2))
    later = make_deployment(valid_from_at="2025-06-02T00:00:00Z", where=make_place(3))
    other = make_deployment(feed="camera-b", valid_from_at="2025-05-31T00:00:00Z", where=make_place(4))
    scene = place(make_still([]), early, later, newest, other)
    assert (scene.place.lat_deg, scene.place.depth_min_m, scene.camera) == (2, 19, "Camera A")


def test_without_a_deployment_the_units_own_place_counts():
    scene = place(make_still([]), make_deployment(valid_from_at="2026-01-01T00:00:00Z"))
    assert (scene.place.lat_deg, scene.place.depth_max_m, scene.camera) == (41.18212, 20, "cam-1")


def test_a_deployment_without_a_position_names_the_camera_and_leaves_the_place_to_the_unit():
    scene = place(make_still([]), make_deployment(where=NOWHERE))
    assert (scene.place.lat_deg, scene.camera) == (41.18212, "Camera A")


def test_an_instrument_that_the_plan_does_not_name_keeps_its_own_name():
    scene = place(make_still([]), make_deployment(instrument="new-one"))
    assert (scene.camera, scene.camera_uri) == ("new-one", None)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (make_still([], where=NOWHERE), "position_unknown"),
        (make_item([make_still_entry([])], at=None), "undated"),
        (make_item([make_still_entry([])], kind="photo"), "kind_not_published"),
        (make_unread_still(), "nothing_looked_at"),
        (make_still([], stored_at=MORNING - dt.timedelta(days=2)), "captured_after_stored"),
        (make_still([], purpose="canary"), "not_for_publication"),
        (make_still([], purpose="test"), "not_for_publication"),
        (dataclasses.replace(make_still([]), unit=make_still([], minute=1).unit), "claim_of_another_unit"),
    ],
)
def test_a_unit_that_cannot_be_published_says_why(item, reason):
    assert place(item) == reason


def test_a_result_in_tables_needs_its_entries():
    item = make_still(["fish"])
    content = TableContent(images=1, findings=1, digests=())
    outcome = item.result.outcome.model_copy(update={"content": content})
    result = item.result.model_copy(update={"outcome": outcome})
    assert place(dataclasses.replace(item, result=result)) == "tables_not_read"
    given = dataclasses.replace(item, result=result, entries=iter([make_still_entry([])]))
    assert isinstance(place(given), Scene)


def test_a_camera_clock_a_few_minutes_fast_is_not_the_future():
    assert isinstance(place(make_still([], stored_at=MORNING - dt.timedelta(minutes=5))), Scene)


def test_a_clip_ends_where_its_looked_at_images_end_and_one_of_unknown_length_is_a_moment():
    timed, untimed = place(make_clip([{}])), place(make_clip([{}], duration_s=None))
    assert timed.end_at - timed.start_at == dt.timedelta(seconds=30)
    assert untimed.end_at == untimed.start_at


def test_event_ids_are_functions_of_data_set_feed_kind_and_capture_time_alone():
    first = place(make_still(["fish"]))
    other_observer = place(make_still([], content="11" * 32, stored_at=STORED + dt.timedelta(days=1)))
    assert first.event_id == other_observer.event_id == "exobs:camera-a:2025:still_20250601T060000000Z"
    assert first.parent_id == "exobs:camera-a:2025"


def test_a_camera_that_stood_in_one_place_gives_its_deployment_that_place():
    share = make_share(place(make_still([])))
    share.widen(make_share(place(make_still([], minute=5))))
    assert (share.to_place().lat_deg, share.to_place().uncertainty_m) == (41.18212, 10)
    assert "locationRemarks" not in share.to_event_row()


def test_a_camera_that_moved_gives_its_deployment_a_circle_that_holds_every_position():
    here, there = place(make_still([])), place(make_still([], minute=1), make_deployment())
    share = make_share(here)
    share.widen(make_share(there))
    middle = share.to_place()
    for scene in (here, there):
        away_m = to_distance_m((middle.lat_deg, middle.lon_deg), (scene.place.lat_deg, scene.place.lon_deg))
        assert middle.uncertainty_m is not None
        assert away_m + (scene.place.uncertainty_m or 0) <= middle.uncertainty_m
    assert share.to_event_row()["locationRemarks"]
    assert (middle.depth_min_m, middle.depth_max_m) == (19, 21)


def test_a_deployment_has_no_depth_when_one_of_its_events_has_none():
    share = make_share(place(make_still([])))
    share.widen(
        make_share(place(make_still([]), make_deployment(where=make_place(depth_min_m=None, depth_max_m=None))))
    )
    share.widen(make_share(place(make_still([]))))
    assert share.to_place().depth_min_m is None


def test_a_degree_of_latitude_is_111_kilometres():
    assert to_distance_m((0, 0), (1, 0)) == pytest.approx(111_195, abs=1)


def test_a_unit_with_a_span_starts_and_ends_with_it():
    item = make_clip([{}])
    span = Span(start_at=MORNING, end_at=MORNING + dt.timedelta(minutes=2))
    stamp = make_stamp(installation="obsea", feed="camera-a", kind="clip", captured=span, content="ab" * 32)
    result = make_result(stamp, item.result.observer, item.result.outcome)
    unit = item.unit.model_copy(update={"stamp": stamp})
    scene = place(dataclasses.replace(item, result=result, unit=unit))
    assert (scene.start_at, scene.end_at) == (span.start_at, span.end_at)
    assert scene.event_id.endswith("videoClip_20250601T060000000Z")
