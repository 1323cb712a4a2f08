"""Which deployment a unit belongs to, when each has its own zone and clock."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from schemas.errors import RejectedInput
from schemas.geometry import At, Nowhere
from schemas.noun import to_time_text
from schemas.unit import Undated
from streams.feeds.capture import CaptureRule, Claims, Dated
from streams.feeds.deployments import Deployment, Placed, find_in_force, place_claims
from streams.feeds.masks import read_mask

NAMED = CaptureRule(file_name="%Y%m%d-%H%M%S.jpg", time_zone="UTC")


def deploy(valid_from_at: str, **fields) -> Deployment:
    return Deployment(feed="cam", valid_from_at=valid_from_at, instrument="ipc608", **fields)


def place(shown: str, *deployments: Deployment, rule: CaptureRule = NAMED) -> Placed:
    return place_claims(Claims(f"{shown}.jpg"), rule, deployments)


def at(placed: Placed) -> str:
    return to_time_text(placed.dated.captured.at)


FIRST, SECOND = deploy("2024-01-01T00:00:00Z"), deploy("2024-06-01T12:00:00Z")


@pytest.mark.parametrize(
    ("shown", "deployment"),
    [
        ("20231231-235959", None),
        ("20240101-000000", FIRST),
        ("20240601-115959", FIRST),
        ("20240601-120000", SECOND),
        ("20990101-000000", SECOND),
    ],
)
def test_a_deployment_is_in_force_from_its_first_moment_until_the_next_begins(shown, deployment):
    assert place(shown, FIRST, SECOND).deployment == deployment


def test_without_deployments_the_feed_s_rule_dates_alone():
    placed = place("20240601-120000")
    assert (placed.deployment, at(placed)) == (None, "2024-06-01T12:00:00.000Z")


def test_a_clock_that_stood_a_year_behind_is_put_right_and_the_unit_found_in_its_deployment():
    slow = deploy("2024-06-01T00:00:00Z", clock_offset_s=365 * 86_400)
    placed = place("20230701-080000", FIRST, slow)
    assert (placed.deployment, at(placed)) == (slow, "2024-06-30T08:00:00.000Z")
    assert to_time_text(placed.dated.claimed_at) == "2023-07-01T08:00:00.000Z"


def test_the_corrected_time_and_not_the_shown_one_chooses():
    fast = deploy("2024-06-01T12:00:00Z", clock_offset_s=-3600)
    placed = place("20240601-130000", FIRST, fast)
    assert (placed.deployment, at(placed)) == (fast, "2024-06-01T12:00:00.000Z")
    assert place("20240601-125959", FIRST, fast).deployment == FIRST


def test_where_two_deployments_claim_a_time_the_later_one_has_it():
    set_back = deploy("2024-06-01T12:00:00Z", clock_offset_s=3600)
    # shown twice: 11:30 by the old clock, and 12:30 by the clock that was set back
    placed = place("20240601-113000", FIRST, set_back)
    assert (placed.deployment, at(placed)) == (set_back, "2024-06-01T12:30:00.000Z")


def test_where_no_deployment_claims_a_time_the_last_that_had_begun_has_it():
    ahead = deploy("2024-01-01T00:00:00Z", clock_offset_s=5)
    # shown 11:59:58 is 12:00:03 by the first clock, which had ended, and 11:59:58 by the second, which had not begun
    placed = place("20240601-115958", ahead, SECOND)
    assert (placed.deployment, at(placed)) == (ahead, "2024-06-01T12:00:03.000Z")


def test_a_deployment_that_claims_a_time_comes_before_one_that_merely_had_begun():
    wild = deploy("2024-01-01T00:10:00Z", clock_offset_s=20 * 60)
    last = deploy("2024-01-01T00:20:00Z")
    assert place("20240101-000500", FIRST, wild, last).deployment == FIRST


@pytest.mark.parametrize("offset_s", [-86_400.0, -1.0, 0.0, 0.5, 3600.0, 31_536_000.0])
def test_every_moment_of_a_deployment_is_read_back_from_its_clock(offset_s):
    deployment = deploy("2024-06-01T12:00:00Z", clock_offset_s=offset_s)
    for true_at in ("2024-06-01T12:00:00+00:00", "2024-06-02T00:00:00+00:00", "2030-01-01T00:00:00+00:00"):
        shown = dt.datetime.fromisoformat(true_at) - dt.timedelta(seconds=offset_s)
        rule = CaptureRule()
        placed = place_claims(Claims("a", container=shown.isoformat()), rule, (deployment,))
        assert placed.deployment == deployment
        assert placed.dated.captured.at == dt.datetime.fromisoformat(true_at)


def test_each_deployment_reads_naive_times_in_its_own_zone():
    rule = CaptureRule(file_name="%Y%m%d-%H%M%S.jpg")
    madrid = deploy("2024-01-01T00:00:00Z", time_zone="Europe/Madrid")
    utc = deploy("2024-06-01T00:00:00Z", time_zone="UTC")
    assert at(place("20240422-100000", madrid, utc, rule=rule)) == "2024-04-22T08:00:00.000Z"
    assert at(place("20240701-100000", madrid, utc, rule=rule)) == "2024-07-01T10:00:00.000Z"


def test_a_naive_time_before_the_first_deployment_still_needs_a_zone():
    rule = CaptureRule(file_name="%Y%m%d-%H%M%S.jpg")
    with pytest.raises(RejectedInput) as caught:
        place("20231231-000000", deploy("2024-01-01T00:00:00Z", time_zone="UTC"), rule=rule)
    assert caught.value.reason == "naive_time"


@pytest.mark.parametrize("naive", ["refuse", "undated"])
def test_a_deployment_that_cannot_read_the_time_does_not_leave_it_to_the_one_before(naive):
    rule = CaptureRule(file_name="%Y%m%d-%H%M%S.jpg", naive=naive)
    deployments = (deploy("2024-01-01T00:00:00Z", time_zone="UTC"), SECOND)
    assert place("20240422-080001", *deployments, rule=rule).deployment == deployments[0]
    if naive == "undated":
        assert place("20240701-080001", *deployments, rule=rule) == Placed(
            Dated(Undated(why="naive_time"), "nothing"), None
        )
    else:
        with pytest.raises(RejectedInput, match="names no zone"):
            place("20240701-080001", *deployments, rule=rule)


def test_a_time_that_no_clock_of_the_deployment_showed_is_refused_as_such():
    rule = CaptureRule(file_name="%Y%m%d-%H%M%S.jpg")
    with pytest.raises(RejectedInput) as caught:
        place("20240331-023000", deploy("2024-01-01T00:00:00Z", time_zone="Europe/Madrid"), rule=rule)
    assert caught.value.reason == "bad_time"


def test_an_undated_unit_belongs_to_no_deployment():
    placed = place_claims(Claims("a.jpg"), CaptureRule(), (FIRST,))
    assert (placed.dated.captured_from, placed.deployment) == ("nothing", None)


def test_the_deployment_in_force_at_a_true_moment_is_the_last_that_had_begun():
    moments = ("2023-12-31T23:59:59Z", "2024-01-01T00:00:00Z", "2024-06-01T11:59:59.999Z", "2024-06-01T12:00:00Z")
    found = [find_in_force((FIRST, SECOND), dt.datetime.fromisoformat(text)) for text in moments]
    assert found == [None, FIRST, FIRST, SECOND]


def test_whatever_a_deployment_says_is_in_its_digest():
    others = (
        FIRST,
        SECOND,
        deploy("2024-01-01T00:00:00Z", time_zone="UTC"),
        deploy("2024-01-01T00:00:00Z", clock_offset_s=1),
        deploy("2024-01-01T00:00:00Z", where=At(lat_deg=1, lon_deg=2, source="deployment")),
        deploy("2024-01-01T00:00:00Z", where=Nowhere(why="secret")),
        deploy("2024-01-01T00:00:00Z", mask=read_mask("0 0, 1 0, 0 1")),
        Deployment(feed="cam", valid_from_at="2024-01-01T00:00:00Z", instrument="other"),
    )
    assert len({deployment.to_digest() for deployment in others}) == len(others)


@pytest.mark.parametrize("wrong", [{"clock_offset_s": 1e11}, {"clock_offset_s": float("nan")}, {"time_zone": "Mars"}])
def test_a_deployment_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValidationError):
        deploy("2024-01-01T00:00:00Z", **wrong)
