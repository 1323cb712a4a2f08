"""Patterns of file names and the times they spell."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RejectedInput
from streams.feeds.moments import check_years, compile_pattern, match_subject, to_moment

OBSEA = "%Y%m%d-%H%M%S-*.jpg"


def read(pattern: str, subject: str) -> dt.datetime | None:
    fields = match_subject(pattern, subject)
    return None if fields is None else to_moment(fields, source="file name")


@pytest.mark.parametrize(
    ("pattern", "subject", "moment"),
    [
        (OBSEA, "20240422-080001-IPC608_8B64_165.jpg", "2024-04-22T08:00:01"),
        (OBSEA, "2024/04/22/20240422-080001-IPC608_8B64_165.jpg", "2024-04-22T08:00:01"),
        ("V*_%Y%m%dT%H%M%S%z_*.mp4", "V4361_20211006T162656Z_h265_1sec.mp4", "2021-10-06T16:26:56+00:00"),
        ("cam_%Y-%m-%dT%H%M%S%z.png", "cam_2024-04-22T080001+0200.png", "2024-04-22T08:00:01+02:00"),
        ("cam_%Y-%m-%dT%H%M%S%z.png", "cam_2024-04-22T080001-0330.png", "2024-04-22T08:00:01-03:30"),
        ("%Y/%j/cam1_%H%M%S.%f.png", "raw/2024/113/cam1_080001.250.png", "2024-04-22T08:00:01.250"),
        ("%Y%m%d_%H.jpg", "20240422_08.jpg", "2024-04-22T08:00:00"),
        ("%s.jpg", "1713772801.jpg", "2024-04-22T08:00:01+00:00"),
        ("100%%_%s.%f.jpg", "100%_1713772801.5.jpg", "2024-04-22T08:00:01.500+00:00"),
        (
            r"cam_(?P<epoch_s>[0-9]{10})(?P<fraction>[0-9]{3})\.jpg",
            "cam_1713772801303.jpg",
            "2024-04-22T08:00:01.303+00:00",
        ),
        (
            r"(?P<camera>\w+) (?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4}) (?P<hour>\d\d)h(?P<minute>\d\d).*",
            "left 22.04.2024 08h00 (2).jpg",
            "2024-04-22T08:00:00",
        ),
        (OBSEA, "20240422-080001-IPC608.jpeg", None),
        (OBSEA, "x20240422-080001-IPC608.jpg", None),
        (OBSEA, "20240422-08000-IPC608.jpg", None),
        (OBSEA, "20240422-080001-a/b.jpg", None),
        ("%Y/%j/cam1_%H%M%S.%f.png", "cam1_080001.250.png", None),
        ("%Y%m%d-%H%M%S.jpg", "\u0662024\u0660422-080001.jpg", None),
        ("a.b%s", "axb1713772801", None),
    ],
)
def test_a_name_says_its_time_where_it_fits_the_pattern(pattern, subject, moment):
    assert read(pattern, subject) == (None if moment is None else dt.datetime.fromisoformat(moment))


@pytest.mark.parametrize(
    "name",
    [
        "20241322-080001-a.jpg",
        "20240431-080001-a.jpg",
        "20230229-080001-a.jpg",
        "20240422-240001-a.jpg",
        "20240422-086001-a.jpg",
        "20240422-080060-a.jpg",
        "00000422-080001-a.jpg",
        "18980422-080001-a.jpg",
        "99990422-080001-a.jpg",
    ],
)
def test_a_name_that_fits_and_names_an_impossible_time_is_refused(name):
    with pytest.raises(RejectedInput) as caught:
        read(OBSEA, name)
    assert caught.value.reason == "bad_time"


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("%Y-%j_%H.a", "2023-366_00.a"), ("%Y-%j_%H.a", "2024-000_00.a"), ("%H%z%Y%j", "00+24602024001")],
)
def test_impossible_days_of_a_year_and_zones_are_refused(pattern, name):
    with pytest.raises(RejectedInput, match="no possible time"):
        read(pattern, name)


@pytest.mark.parametrize(
    "pattern",
    [
        "%Y%m%d.jpg",
        "%H%M%S.jpg",
        "%Y%m%d-%H-%S.jpg",
        "%y%m%d-%H%M%S.jpg",
        "%Y%m%d-%H%M%S-%Y.jpg",
        "%Y%m%d-%H%",
        "image_*.jpg",
        "",
        "(?P<epoch_s>[0-9",
        "(?P<year>....)(?P<month>..)",
    ],
)
def test_a_pattern_that_cannot_give_a_time_is_refused_with_the_settings(pattern):
    with pytest.raises(ValueError, match="the pattern"):
        compile_pattern(pattern)


def test_a_pattern_says_which_directives_there_are():
    with pytest.raises(ValueError, match=r"%y; known are %Y %m %d %j %H %M %S %f %z %s and %%"):
        compile_pattern("%y%m%d-%H%M%S.jpg")


@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2199, 12, 31)))  # noqa: DTZ001 - naive on purpose
def test_a_name_made_by_strftime_is_read_back(moment):
    name = f"cam-{moment:%Y%m%dT%H%M%S}.{moment.microsecond:06d}.png"
    assert read("cam-%Y%m%dT%H%M%S.%f.png", name) == moment


@pytest.mark.parametrize("digits", ["3", "303", "303999", "303999999"])
def test_a_fraction_may_have_one_to_nine_digits(digits):
    moment = read("%s.%f", f"1713772801.{digits}")
    assert moment is not None
    assert moment.microsecond == int(digits.ljust(9, "0")) // 1000


def test_a_moment_is_kept_in_utc_and_whole_milliseconds_within_the_years_of_observation():
    moment = dt.datetime(2200, 1, 1, 1, 0, 0, 1_999, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert check_years(moment, source="name") == dt.datetime(2199, 12, 31, 23, 0, 0, 1_000, tzinfo=dt.UTC)
    with pytest.raises(RejectedInput, match="The name says the year 2200, outside 1900 to 2199"):
        check_years(dt.datetime(2200, 1, 1, tzinfo=dt.UTC), source="name")
