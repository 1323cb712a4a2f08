"""Which source dates a unit, and what becomes of times without zone, at changes of the clock, and without any source."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.errors import RejectedInput
from schemas.noun import to_time_text
from schemas.unit import Instant, Undated
from streams.feeds.capture import CaptureRule, Claims, Dated, date_claims

OBSEA = "%Y%m%d-%H%M%S-*.jpg"
NAME = "20240422-080001-IPC608_8B64_165.jpg"
MADRID = CaptureRule(time_zone="Europe/Madrid")
FULL = Claims(
    NAME,
    sender_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    exif="2021:01:01 00:00:00",
    container="2022-01-01T00:00:00.000000Z",
    modified_at=dt.datetime(2023, 1, 1, tzinfo=dt.UTC),
)
EVERYTHING = CaptureRule(file_name=OBSEA, time_zone="UTC", use_mtime=True)


def at(dated: Dated) -> str:
    assert isinstance(dated.captured, Instant)
    return to_time_text(dated.captured.at)


def refused(claims: Claims, rule: CaptureRule, **context) -> str:
    with pytest.raises(RejectedInput) as caught:
        date_claims(claims, rule, **context)
    return caught.value.reason


# --- order of sources ---


@pytest.mark.parametrize(
    ("silent", "source", "moment"),
    [
        ({}, "sender", "2020-01-01T00:00:00.000Z"),
        ({"sender_at": None}, "filename", "2024-04-22T08:00:01.000Z"),
        ({"sender_at": None, "subject": "a.jpg"}, "exif", "2021-01-01T00:00:00.000Z"),
        ({"sender_at": None, "subject": "a.jpg", "exif": None}, "container", "2022-01-01T00:00:00.000Z"),
        (
            {"sender_at": None, "subject": "a.jpg", "exif": None, "container": None},
            "mtime",
            "2023-01-01T00:00:00.000Z",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_first_source_that_speaks_dates_the_unit_and_is_named(silent, source, moment):
    dated = date_claims(replace(FULL, **silent), EVERYTHING)
    assert (dated.captured_from, at(dated)) == (source, moment)


def test_a_file_time_is_never_used_unless_the_rule_says_so():
    only_mtime = Claims("a.jpg", modified_at=dt.datetime(2023, 1, 1, tzinfo=dt.UTC))
    assert date_claims(only_mtime, CaptureRule()) == Dated(Undated(why="no_time"), "nothing")


def test_metadata_may_be_left_unused():
    claims = Claims("a.jpg", exif="2021:01:01 00:00:00Z", container="2022-01-01T00:00:00Z")
    assert date_claims(claims, CaptureRule(use_exif=False)).captured_from == "container"
    assert date_claims(claims, CaptureRule(use_exif=False, use_container=False)).captured_from == "nothing"


def test_the_first_pattern_that_fits_counts():
    rule = CaptureRule(file_name=("other_%s.jpg", "%Y%m%d-*.%H.jpg", OBSEA), time_zone="UTC")
    assert at(date_claims(Claims(NAME), rule)) == "2024-04-22T08:00:01.000Z"


def test_a_clip_is_dated_by_the_moment_it_starts_at():
    rule = CaptureRule(file_name="V*_%Y%m%dT%H%M%S%z_*.mp4")
    dated = date_claims(Claims("V4361_20211006T162656Z_h265_1sec.mp4"), rule)
    assert dated.captured == Instant(at="2021-10-06T16:26:56Z")


@pytest.mark.parametrize("undated", ["accept", "refuse"])
def test_a_unit_that_nothing_dates_is_undated_or_refused_as_the_rule_says(undated):
    rule = CaptureRule(undated=undated)
    if undated == "refuse":
        assert refused(Claims("a.jpg"), rule) == "no_time"
    else:
        assert date_claims(Claims("a.jpg"), rule) == Dated(Undated(why="no_time"), "nothing")


# --- what metadata says ---


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024:04:22 08:00:01", "2024-04-22T06:00:01.000Z"),
        ("2024:04:22 08:00:01.303999", "2024-04-22T06:00:01.303Z"),
        ("2024:04:22 08:00:01+00:00", "2024-04-22T08:00:01.000Z"),
        ("2024:04:22 08:00:01.3-05:00", "2024-04-22T13:00:01.300Z"),
        ("2024-04-22 08:00:01", "2024-04-22T06:00:01.000Z"),
        ("2024:04:22 08:00:01\0\0\0", "2024-04-22T06:00:01.000Z"),
        (" 2024:04:22 08:00:01 \0", "2024-04-22T06:00:01.000Z"),
    ],
)
def test_exif_is_read_with_its_fraction_and_offset(text, moment):
    dated = date_claims(Claims("a.jpg", exif=text), MADRID)
    assert (dated.captured_from, at(dated)) == ("exif", moment)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-04-22T08:00:01.000000Z", "2024-04-22T08:00:01.000Z"),
        ("2024-04-22T08:00:01+0200", "2024-04-22T06:00:01.000Z"),
        ("2024-04-22 08:00:01", "2024-04-22T06:00:01.000Z"),
        ("20240422T080001Z", "2024-04-22T08:00:01.000Z"),
    ],
)
def test_a_container_time_is_read(text, moment):
    dated = date_claims(Claims("a.mp4", container=text), MADRID)
    assert (dated.captured_from, at(dated)) == ("container", moment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0" * 20,
        "    :  :     :  :  ",
        "0000:00:00 00:00:00",
        "1970:01:01 00:00:00",
        "22 April 2024",
        "2024:04:22",
        "2024",
    ],
    ids=repr,
)
def test_a_camera_whose_clock_was_never_set_is_silent(text):
    claims = Claims("a.jpg", exif=text, container="2022-01-01T00:00:00Z")
    assert date_claims(claims, MADRID).captured_from == "container"


@pytest.mark.parametrize("text", ["1904-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", "soon"])
def test_a_container_written_without_a_clock_is_silent(text):
    assert date_claims(Claims("a.mp4", container=text), MADRID).captured_from == "nothing"


@pytest.mark.parametrize(
    "text",
    [
        "2024:13:22 08:00:01",
        "2024:02:30 08:00:01",
        "2024:04:22 25:00:01",
        "2024:04:22 08:00:60",
        "2200:04:22 08:00:01",
        "1899:04:22 08:00:01",
    ],
)
def test_metadata_that_names_an_impossible_time_is_refused_and_not_passed_over(text):
    assert refused(Claims("a.jpg", exif=text, container="2022-01-01T00:00:00Z"), MADRID) == "bad_time"


def test_a_name_in_the_year_2200_is_refused():
    assert refused(Claims("22000101-000000-a.jpg"), EVERYTHING) == "bad_time"


# --- zones ---


def test_a_naive_time_needs_a_declared_zone():
    assert refused(Claims(NAME), CaptureRule(file_name=OBSEA)) == "naive_time"


def test_a_naive_time_without_zone_may_leave_the_unit_undated():
    dated = date_claims(Claims(NAME), CaptureRule(file_name=OBSEA, naive="undated"))
    assert dated == Dated(Undated(why="naive_time"), "nothing")


def test_the_deployment_s_zone_comes_before_the_feed_s():
    rule = CaptureRule(file_name=OBSEA, time_zone="Europe/Madrid")
    assert at(date_claims(Claims(NAME), rule)) == "2024-04-22T06:00:01.000Z"
    assert at(date_claims(Claims(NAME), rule, time_zone="Atlantic/Azores")) == "2024-04-22T08:00:01.000Z"


@pytest.mark.parametrize(
    ("ambiguous", "moment"), [("earlier", "2024-10-27T00:30:00.000Z"), ("later", "2024-10-27T01:30:00.000Z")]
)
def test_a_time_shown_twice_means_the_moment_that_the_rule_names(ambiguous, moment):
    rule = CaptureRule(time_zone="Europe/Madrid", ambiguous=ambiguous)
    assert at(date_claims(Claims("a", exif="2024:10:27 02:30:00"), rule)) == moment


def test_a_time_shown_twice_may_be_refused():
    rule = CaptureRule(time_zone="Europe/Madrid", ambiguous="refuse")
    assert refused(Claims("a", exif="2024:10:27 02:30:00"), rule) == "bad_time"
    assert at(date_claims(Claims("a", exif="2024:10:27 01:59:59"), rule)) == "2024-10-26T23:59:59.000Z"
    assert at(date_claims(Claims("a", exif="2024:10:27 03:00:00"), rule)) == "2024-10-27T02:00:00.000Z"


@pytest.mark.parametrize("ambiguous", ["earlier", "later", "refuse"])
def test_a_time_that_summer_time_left_out_is_refused_whatever_the_rule(ambiguous):
    rule = CaptureRule(time_zone="Europe/Madrid", ambiguous=ambiguous)
    assert refused(Claims("a", exif="2024:03:31 02:30:00"), rule) == "bad_time"
    assert at(date_claims(Claims("a", exif="2024:03:31 01:59:59"), rule)) == "2024-03-31T00:59:59.000Z"
    assert at(date_claims(Claims("a", exif="2024:03:31 03:00:00"), rule)) == "2024-03-31T01:00:00.000Z"


@given(
    st.datetimes(dt.datetime(1971, 1, 2), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)),  # noqa: DTZ001
    st.sampled_from(["Europe/Madrid", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "Etc/GMT-1"]),
)
def test_a_clock_that_follows_its_zone_dates_every_moment_right_or_an_hour_that_is_shown_twice(moment, zone):
    from zoneinfo import ZoneInfo

    shown = moment.replace(microsecond=0).astimezone(ZoneInfo(zone))
    readings = set()
    for ambiguous in ("earlier", "later"):
        rule = CaptureRule(time_zone=zone, ambiguous=ambiguous)
        readings.add(at(date_claims(Claims("a", exif=f"{shown:%Y:%m:%d %H:%M:%S}"), rule)))
    assert to_time_text(moment.replace(microsecond=0)) in readings


# --- the clock's offset ---


@pytest.mark.parametrize(
    "claims", [Claims(NAME), Claims("a", exif="2024:04:22 08:00:01"), Claims("a", container="2024-04-22T08:00:01Z")]
)
def test_the_offset_is_added_to_the_camera_s_clock_and_the_claim_is_kept_as_it_was(claims):
    dated = date_claims(claims, EVERYTHING, clock_offset_s=31_536_000)
    assert at(dated) == "2025-04-22T08:00:01.000Z"
    assert to_time_text(dated.claimed_at) == "2024-04-22T08:00:01.000Z"


@pytest.mark.parametrize("silent", [{}, {"sender_at": None, "subject": "a", "exif": None, "container": None}])
def test_the_offset_is_not_added_to_a_sender_s_claim_nor_to_a_file_s_time(silent):
    claims = replace(FULL, **silent)
    assert date_claims(claims, EVERYTHING, clock_offset_s=-3600) == date_claims(claims, EVERYTHING)


def test_an_offset_may_be_a_fraction_and_may_not_lead_out_of_the_years_of_observation():
    assert at(date_claims(Claims(NAME), EVERYTHING, clock_offset_s=-0.2505)) == "2024-04-22T08:00:00.749Z"
    assert refused(Claims(NAME), EVERYTHING, clock_offset_s=176 * 365.25 * 86_400) == "bad_time"


def test_a_camera_that_fell_back_to_1904_is_put_right():
    rule = CaptureRule(file_name="%Y%m%d-%H%M%S.jpg", time_zone="UTC")
    offset_s = (dt.datetime(2024, 4, 22, tzinfo=dt.UTC) - dt.datetime(1904, 1, 1, tzinfo=dt.UTC)).total_seconds()
    assert at(date_claims(Claims("19040101-080001.jpg"), rule, clock_offset_s=offset_s)) == "2024-04-22T08:00:01.000Z"


# --- settings ---


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"file_name": "%Q.jpg"}, "has %Q"),
        ({"file_name": ["%s", "x"]}, "must hold"),
        ({"time_zone": "Europe/Madri"}, "no IANA time zone"),
        ({"time_zone": "../etc/passwd"}, "no IANA time zone"),
        ({"time_zone": ""}, "no IANA time zone"),
        ({"time_zome": "UTC"}, "Extra inputs"),
        ({"ambiguous": "both"}, "Input should be"),
    ],
    ids=str,
)
def test_a_wrong_rule_is_refused_with_the_settings(wrong, match):
    with pytest.raises(ValidationError, match=match):
        CaptureRule(**wrong)


def test_one_pattern_needs_no_list():
    assert CaptureRule(file_name=OBSEA) == CaptureRule(file_name=[OBSEA])


# --- real names ---


def test_the_real_pictures_and_clips_are_dated_by_their_names(real_data):
    rule = CaptureRule(file_name=(OBSEA, "V*_%Y%m%dT%H%M%S%z_*.mp4"), time_zone="UTC")
    names = sorted(path.name for folder in ("obsea", "clips") for path in (real_data / "fish" / folder).iterdir())
    dated = {name: date_claims(Claims(name), rule) for name in names}
    assert {item.captured_from for item in dated.values()} == {"filename"}
    assert at(dated["20240422-080801-IPC608_8B64_165.jpg"]) == "2024-04-22T08:08:01.000Z"
    assert at(dated["V4361_20211006T163256Z_h265_1sec.mp4"]) == "2021-10-06T16:32:56.000Z"
