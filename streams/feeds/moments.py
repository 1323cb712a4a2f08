r"""Moments as they are written in names and metadata: patterns, their fields, and the times the fields spell.

A pattern is either strptime-like, with ``*`` for any text, or a regular expression with named groups.

========================================== ================================================
``%Y%m%d-%H%M%S-*.jpg``                    ``20240422-080001-IPC608_8B64_165.jpg``
``V*_%Y%m%dT%H%M%S%z_*.mp4``               ``V4361_20211006T162656Z_h265_1sec.mp4``
``%Y/%j/cam1_%H%M%S.%f.png``               ``2024/113/cam1_080001.250.png``
``cam_(?P<epoch_s>[0-9]{10})\.jpg``         ``cam_1713772801.jpg``
========================================== ================================================
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from schemas.noun import FIRST_YEAR, LAST_YEAR

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Directive -> the field it reads; letters as in strptime, and ``%s`` for seconds since 1970.
DIRECTIVES = {
    "Y": "(?P<year>[0-9]{4})",
    "m": "(?P<month>[0-9]{2})",
    "d": "(?P<day>[0-9]{2})",
    "j": "(?P<day_of_year>[0-9]{3})",
    "H": "(?P<hour>[0-9]{2})",
    "M": "(?P<minute>[0-9]{2})",
    "S": "(?P<second>[0-9]{2})",
    "f": "(?P<fraction>[0-9]{1,9})",
    "z": "(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})",
    "s": "(?P<epoch_s>[0-9]{1,11})",
}

_CALENDAR, _ORDINAL, _EPOCH = {"year", "month", "day"}, {"year", "day_of_year"}, {"epoch_s"}
_EPOCH_AT = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression that a file-name pattern stands for.

    Raises
    ------
    ValueError
        If a directive is unknown or twice there, or the fields together do not give a day and an hour: the midnight of
        a mere date would be an invention.
    """
    text = pattern if "(?P<" in pattern else _translate(pattern)
    try:
        expression = re.compile(text)
    except re.error as error:
        message = f"the pattern {pattern!r} cannot be read: {error}"
        raise ValueError(message) from error
    fields = set(expression.groupindex)
    dated = fields >= _EPOCH or (fields >= {"hour"} and (fields >= _CALENDAR or fields >= _ORDINAL))
    if not dated or ("second" in fields and "minute" not in fields):
        message = f"the pattern {pattern!r} must hold year, month, day (or day of year) and hour, or epoch seconds"
        raise ValueError(message)
    return expression


def _translate(pattern: str) -> str:
    parts: list[str] = []
    letters = iter(pattern)
    for letter in letters:
        if letter == "*":
            parts.append("[^/]*?")
        elif letter == "%":
            parts.append(_to_field(next(letters, ""), pattern))
        else:
            parts.append(re.escape(letter))
    return "".join(parts)


def _to_field(letter: str, pattern: str) -> str:
    if letter == "%":
        return "%"
    if letter not in DIRECTIVES:
        message = (
            f"the pattern {pattern!r} has %{letter}; known are {' '.join('%' + name for name in DIRECTIVES)} and %%"
        )
        raise ValueError(message)
    return DIRECTIVES[letter]


def match_subject(pattern: str, subject: str) -> dict[str, str] | None:
    """Return the fields of a subject whose end has the form of the pattern, or ``None``.

    A pattern with *n* slashes is held against the last *n* + 1 segments of the subject, so that folders in front of
    the name do not matter.
    """
    depth = pattern.count("/") + 1
    tail = "/".join(subject.split("/")[-depth:])
    found = compile_pattern(pattern).fullmatch(tail)
    if found is None:
        return None
    return {name: text for name, text in found.groupdict().items() if text is not None}


def to_moment(fields: Mapping[str, str], *, source: str) -> dt.datetime:
    """Return the time that fields spell: aware where they name a zone or count from 1970, else naive.

    Parameters
    ----------
    fields
        Digits by name: ``year month day day_of_year hour minute second fraction zone epoch_s``; others are ignored.
    source
        What the fields were read from, for the sentence.

    Raises
    ------
    RejectedInput
        ``bad_time`` if there is no such day or time of day; the second 60 is none.
    """
    try:
        fraction = dt.timedelta(microseconds=int(fields.get("fraction", "").ljust(6, "0")[:6]))
        if "epoch_s" in fields:
            return _EPOCH_AT + dt.timedelta(seconds=int(fields["epoch_s"])) + fraction
        clock = dt.time(int(fields["hour"]), int(fields.get("minute", "0")), int(fields.get("second", "0")))
        return dt.datetime.combine(_to_day(fields), clock, _to_zone(fields.get("zone"))) + fraction
    except (ValueError, OverflowError) as error:
        reason = "bad_time"
        raise RejectedInput(reason, f"The {source} holds no possible time: {error}.") from error


def _to_day(fields: Mapping[str, str]) -> dt.date:
    year = int(fields["year"])
    if not FIRST_YEAR - 1 <= year <= LAST_YEAR + 1:  # a zone may still move the last day of a year
        message = f"the year {year} is outside {FIRST_YEAR} to {LAST_YEAR}"
        raise ValueError(message)
    if "day_of_year" not in fields:
        return dt.date(year, int(fields["month"]), int(fields["day"]))
    day = dt.date(year, 1, 1) + dt.timedelta(days=int(fields["day_of_year"]) - 1)
    if day.year != year:
        message = f"the year {year} has no day {fields['day_of_year']}"
        raise ValueError(message)
    return day


def _to_zone(text: str | None) -> dt.tzinfo | None:
    if text is None:
        return None
    if text == "Z":
        return dt.UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return dt.timezone(dt.timedelta(minutes=-minutes if text[0] == "-" else minutes))


def check_years(moment: dt.datetime, *, source: str) -> dt.datetime:
    """Return an aware time in UTC, floored to milliseconds.

    Raises
    ------
    RejectedInput
        ``bad_time`` outside the years 1900 to 2199: there a clock was not set.
    """
    utc = moment.astimezone(dt.UTC)
    if not FIRST_YEAR <= utc.year <= LAST_YEAR:
        reason = "bad_time"
        raise RejectedInput(reason, f"The {source} says the year {utc.year}, outside {FIRST_YEAR} to {LAST_YEAR}.")
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
