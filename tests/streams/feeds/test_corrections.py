"""What follows for one unit from a corrected table, by the source of its capture time."""

from __future__ import annotations

import pytest

from schemas.errors import RejectedInput
from schemas.geometry import At, Nowhere
from schemas.noun import to_time_text
from schemas.result import Observer
from schemas.unit import Instant, Part, Span, Undated, Unit, make_stamp
from streams.feeds.capture import CaptureRule
from streams.feeds.corrections import correct_entry, correct_observer, correct_unit, find_deployment
from streams.feeds.deployments import Deployment
from streams.feeds.masks import read_mask, to_mask_parameters
from tests.schemas.samples import ENTRY, SHA

RULE = CaptureRule(file_name="%Y%m%d-%H%M%S-*.jpg", time_zone="UTC")
PLACE = At(lat_deg=41.1819, lon_deg=1.7524, source="deployment")
MASK = read_mask("0 0, 640 0, 640 40, 0 40")


def deploy(**fields) -> Deployment:
    return Deployment(**{"feed": "cam", "valid_from_at": "2000-01-01T00:00:00Z", "instrument": "ipc608", **fields})


def make_unit(source: str, name: str = "a.jpg", claimed_at: str | None = "2024-04-22T08:00:01Z", **fields) -> Unit:
    captured = Instant(at=claimed_at) if claimed_at else Undated(why="no_time")
    stamp = make_stamp(installation="obsea", feed="cam", kind="still", captured=captured, content=SHA)
    part = Part(role="still", name=name, media_type="image/jpeg", size_bytes=1, sha256=SHA, at="k")
    return Unit(
        **{
            "stamp": stamp,
            "captured_from": source,
            "claimed_at": claimed_at,
            "group": name,
            "layout": "still",
            "parts": (part,),
            "where": Nowhere(why="not_declared"),
            "instrument": "cam",
            **fields,
        }
    )


def at(unit: Unit) -> str:
    return to_time_text(unit.stamp.captured.at)


@pytest.mark.parametrize("source", ["exif", "container"])
def test_what_the_camera_s_clock_said_gets_the_new_offset_and_keeps_its_zone(source):
    corrected, _ = correct_unit(make_unit(source), RULE, (deploy(clock_offset_s=60, time_zone="Europe/Madrid"),))
    assert at(corrected) == "2024-04-22T08:01:01.000Z"
    assert (corrected.captured_from, to_time_text(corrected.claimed_at)) == (source, "2024-04-22T08:00:01.000Z")


def test_a_file_name_is_read_anew_with_zone_and_offset():
    unit = make_unit("filename", "20240422-080001-a.jpg")
    corrected, _ = correct_unit(unit, RULE, (deploy(clock_offset_s=60, time_zone="Europe/Madrid"),))
    assert at(corrected) == "2024-04-22T06:01:01.000Z"
    assert to_time_text(corrected.claimed_at) == "2024-04-22T06:00:01.000Z"


def test_a_name_that_the_pattern_no_longer_fits_keeps_what_it_said():
    unit = make_unit("filename", "20240422-080001-a.jpg")
    corrected, _ = correct_unit(unit, CaptureRule(file_name="%s.jpg"), (deploy(clock_offset_s=60),))
    assert at(corrected) == "2024-04-22T08:01:01.000Z"


@pytest.mark.parametrize("source", ["sender", "mtime"])
def test_what_was_not_the_camera_s_clock_gets_no_offset(source):
    unit = make_unit(source)
    corrected, deployment = correct_unit(unit, RULE, (deploy(clock_offset_s=60),))
    assert corrected.stamp == unit.stamp
    assert deployment is not None


def test_a_sender_s_claim_stands_before_any_name():
    unit = make_unit("sender", "20200101-000000-a.jpg")
    assert correct_unit(unit, RULE, ())[0].stamp == unit.stamp


def test_an_undated_unit_is_dated_by_a_pattern_added_since():
    unit = make_unit("nothing", "20240422-080001-a.jpg", None)
    corrected, deployment = correct_unit(unit, RULE, (deploy(),))
    assert (at(corrected), corrected.captured_from) == ("2024-04-22T08:00:01.000Z", "filename")
    assert deployment == deploy()


def test_an_undated_unit_that_still_nothing_dates_stays_as_it_is():
    unit = make_unit("nothing", "a.jpg", None)
    assert correct_unit(unit, RULE, (deploy(clock_offset_s=60),)) == (unit, None)


def test_a_name_that_names_an_impossible_time_is_refused():
    with pytest.raises(RejectedInput) as caught:
        correct_unit(make_unit("nothing", "20241322-080001-a.jpg", None), RULE, ())
    assert caught.value.reason == "bad_time"


def test_a_unit_gets_the_place_and_instrument_of_its_deployment():
    deployment = deploy(where=PLACE)
    corrected, _ = correct_unit(make_unit("exif"), RULE, (deployment,))
    assert (corrected.where, corrected.instrument, corrected.deployment) == (PLACE, "ipc608", deployment.to_digest())


@pytest.mark.parametrize("source", ["exif", "deployment"])
def test_a_place_that_another_source_gave_stays_where_no_deployment_has_one(source):
    where = At(lat_deg=1, lon_deg=2, source=source)
    unit = make_unit("exif", where=where, deployment=SHA)
    for deployments in ((), (deploy(),)):
        corrected, _ = correct_unit(unit, RULE, deployments)
        assert corrected.where == (where if source == "exif" else Nowhere(why="not_declared"))
    assert correct_unit(unit, RULE, ())[0].deployment is None


def test_a_span_is_left_as_it_is():
    span = Span(start_at="2024-04-22T08:00:01Z", end_at="2024-04-22T09:00:01Z")
    stamp = make_stamp(installation="obsea", feed="cam", kind="clip", captured=span, content=SHA)
    unit = make_unit("exif", stamp=stamp)
    assert correct_unit(unit, RULE, (deploy(clock_offset_s=60),))[0] == unit


def test_correcting_a_corrected_unit_changes_nothing():
    deployments = (deploy(clock_offset_s=60, where=PLACE, time_zone="Europe/Madrid"),)
    for unit in (make_unit("exif"), make_unit("filename", "20240422-080001-a.jpg"), make_unit("sender")):
        once, _ = correct_unit(unit, RULE, deployments)
        assert correct_unit(once, RULE, deployments)[0] == once


@pytest.mark.parametrize("before", [{}, {"mask": [[[[0, 0], [1, 0], [0, 1]]]]}])
def test_an_observer_has_the_mask_now_in_force_and_its_other_parameters(before):
    observer = Observer(name="motion", version="1", reader="still/1", parameters={"threshold": 0.123456, **before})
    expected = Observer(
        name="motion",
        version="1",
        reader="still/1",
        parameters={"threshold": 0.123456, **to_mask_parameters(MASK)},
    )
    assert correct_observer(observer, MASK) == expected
    assert correct_observer(expected, None).to_plain()["parameters"] == {"threshold": 0.123456}


def test_findings_are_flagged_by_the_mask_now_in_force():
    everything = read_mask("0 0, 99999 0, 99999 99999, 0 99999")
    masked = correct_entry(ENTRY, everything)
    assert [finding.label for finding in masked.findings if "masked" not in finding.flags] == ["turbid"]
    assert correct_entry(masked, None) == ENTRY


# --- the deployment that detecting asks for ---


def test_the_deployment_of_a_unit_is_that_of_the_table_as_it_is_now_whatever_its_claim_names():
    old, new = deploy(), deploy(mask=MASK)
    unit, _ = correct_unit(make_unit("exif"), RULE, (old,))
    assert unit.deployment == old.to_digest()
    assert find_deployment(unit, RULE, (new,)) == new
    assert find_deployment(make_unit("exif"), RULE, (new,)) == new
    assert find_deployment(unit, RULE, ()) is None


def test_detecting_and_deriving_again_agree_on_the_deployment():
    deployments = (deploy(clock_offset_s=5), deploy(valid_from_at="2024-04-22T08:00:03Z", mask=MASK))
    for claimed_at in ("2024-04-22T07:59:57Z", "2024-04-22T08:00:00Z", "2024-04-22T08:00:03Z"):
        unit, taken_in = correct_unit(make_unit("exif", claimed_at=claimed_at), RULE, deployments)
        assert find_deployment(unit, RULE, deployments) == taken_in


def test_a_unit_whose_time_can_no_longer_be_told_is_taken_in_the_deployment_it_names():
    deployments = (deploy(), deploy(valid_from_at="2024-01-01T00:00:00Z"))
    unit = make_unit("nothing", "20241322-080001-a.jpg", None, deployment=deployments[1].to_digest())
    assert find_deployment(unit, RULE, deployments) == deployments[1]
