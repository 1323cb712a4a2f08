"""When the instrument looked: the rule of a feed, and the capture time it finds among what is claimed.

The first source that says anything is used: the sender's own claim, the file name, EXIF, the container, and the file's
modification time only where the rule allows it. A source is silent when it is absent, blank, zero (a clock never set)
or not in its format; one that speaks and names an impossible time makes the input a rejection, never another time.

========================= ==================================================== ==========
what is found             what becomes of it                                   reason
========================= ==================================================== ==========
month 13, second 60       set aside                                            bad_time
year outside 1900-2199    set aside, before and after the clock offset         bad_time
no zone, none declared    set aside, or undated where ``naive = "undated"``    naive_time
local time left out by    set aside: no clock that follows the zone showed it  bad_time
the start of summer time
local time shown twice    the earlier one, the later one, or set aside         bad_time
nothing                   undated, or set aside where ``undated = "refuse"``   no_time
========================= ==================================================== ==========
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from schemas.errors import RejectedInput
from schemas.unit import CapturedFrom, Instant, Undated
from streams.feeds.moments import check_years, compile_pattern, match_subject, to_moment

#: EXIF 2.32, tags 36867, 36881 and 37521: "YYYY:MM:DD HH:MM:SS", beside it subseconds and an offset from UTC.
_EXIF = re.compile(
    r"(?P<year>[0-9]{4})[:/-](?P<month>[0-9]{2})[:/-](?P<day>[0-9]{2})[ T]"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,9}))? ?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
)

#: ISO 8601, as demuxers hand over the tags creation_time, DATE_RECORDED and com.apple.quicktime.creationdate.
_CONTAINER = re.compile(
    r"(?P<year>[0-9]{4})-?(?P<month>[0-9]{2})-?(?P<day>[0-9]{2})[ T]"
    r"(?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2}):?(?P<second>[0-9]{2})"
    r"(?:[.,](?P<fraction>[0-9]{1,9}))? ?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
)

#: What cameras fill a text with that is shorter than its field.
_PADDING = "\0 \t\r\n"

#: Starts of the epochs of QuickTime and Unix: what a clock that was never set is written as.
_EPOCHS = ("1904-01-01T00:00:00", "1970-01-01T00:00:00")

#: What a source is called in a sentence.
_SPOKEN: dict[CapturedFrom, str] = {
    "filename": "file name",
    "exif": "EXIF time",
    "container": "container's time",
    "sender": "sender's time",
    "mtime": "file's modification time",
}

#: Sources that read the instrument's clock, which a deployment's offset corrects; a sender knows its own.
CAMERA_CLOCK: frozenset[CapturedFrom] = frozenset({"filename", "exif", "container"})


def check_zone(name: str) -> str:
    """Return the name of an IANA time zone.

    Raises
    ------
    ValueError
        If there is no such zone.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = f"{name!r} is no IANA time zone such as UTC or Europe/Madrid"
        raise ValueError(message) from error
    return name


def _check_pattern(pattern: str) -> str:
    compile_pattern(pattern)
    return pattern


Zone = Annotated[str, AfterValidator(check_zone)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]


class CaptureRule(BaseModel):
    """How a feed's capture times are found; part of the feed's settings.

    Attributes
    ----------
    file_name
        Patterns held against the subject, the first that fits counts (see :mod:`streams.feeds.moments`).
    time_zone
        IANA zone of naive times, unless the deployment in force declares its own.
    use_exif, use_container
        Whether to believe metadata inside the file.
    use_mtime
        Whether to fall back on the file's modification time, which copying changes.
    ambiguous
        Which of the two moments a local time means that the end of summer time shows twice.
    naive
        Whether a time without zone is refused, or leaves the unit undated.
    undated
        Whether a unit whose time nobody says is accepted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file_name: Annotated[
        tuple[Pattern, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
    ] = Field(default=(), max_length=20)
    time_zone: Zone | None = None
    use_exif: bool = True
    use_container: bool = True
    use_mtime: bool = False
    ambiguous: Literal["earlier", "later", "refuse"] = "earlier"
    naive: Literal["refuse", "undated"] = "refuse"
    undated: Literal["accept", "refuse"] = "accept"


@dataclass(frozen=True, slots=True)
class Claims:
    """What is said about the capture time of one unit.

    Attributes
    ----------
    subject
        Relative name, as the sender spells it.
    sender_at
        The sender's explicit claim (``ce_capturedat``), aware.
    exif
        ``DateTimeOriginal`` verbatim, with ``SubSecTimeOriginal`` after a point and ``OffsetTimeOriginal`` at the end, as
        the decoder's probe hands it over.
    container
        The demuxer's creation time verbatim.
    modified_at
        The file's modification time, aware.
    """

    subject: str
    sender_at: dt.datetime | None = None
    exif: str | None = None
    container: str | None = None
    modified_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source says: naive, where it names no zone."""

    moment: dt.datetime
    source: CapturedFrom


@dataclass(frozen=True, slots=True)
class Dated:
    """A unit's capture time.

    Attributes
    ----------
    captured
        An instant, for clips too: the moment of their first frame. A span is for units whose end is known without decoding.
    captured_from
        The source.
    claimed_at
        UTC, as the source said it, before the clock offset; absent when undated.
    """

    captured: Instant | Undated
    captured_from: CapturedFrom
    claimed_at: dt.datetime | None = None


def read_claims(claims: Claims, rule: CaptureRule) -> Reading | Undated:
    """Return what the first source that speaks says, or that none does.

    Raises
    ------
    RejectedInput
        ``bad_time`` if it names an impossible time; ``no_time`` if nothing speaks and the rule refuses that.
    """
    reading = find_reading(claims, rule)
    if isinstance(reading, Undated) and rule.undated == "refuse":
        reason = "no_time"
        raise RejectedInput(reason, "Nothing says when this was taken: no claim, no fitting file name, no metadata.")
    return reading


def find_reading(claims: Claims, rule: CaptureRule) -> Reading | Undated:
    """Return the same for who has other sources to ask: that nothing speaks is not refused.

    Raises
    ------
    RejectedInput
        ``bad_time``.
    """
    if claims.sender_at is not None:
        return Reading(claims.sender_at, "sender")
    for pattern in rule.file_name:
        fields = match_subject(pattern, claims.subject)
        if fields is not None:
            return Reading(to_moment(fields, source=_SPOKEN["filename"]), "filename")
    embedded = (_read_embedded(_EXIF, claims.exif, "exif") if rule.use_exif else None) or (
        _read_embedded(_CONTAINER, claims.container, "container") if rule.use_container else None
    )
    if embedded is not None:
        return embedded
    if rule.use_mtime and claims.modified_at is not None:
        return Reading(claims.modified_at, "mtime")
    return Undated(why="no_time")


def _read_embedded(form: re.Pattern[str], text: str | None, source: Literal["exif", "container"]) -> Reading | None:
    found = form.fullmatch((text or "").strip(_PADDING))
    if found is None:
        return None
    fields = {name: part for name, part in found.groupdict().items() if part is not None}
    if fields["year"] == "0000" or _is_epoch(fields):
        return None
    return Reading(to_moment(fields, source=_SPOKEN[source]), source)


def _is_epoch(fields: dict[str, str]) -> bool:
    written = "{year}-{month}-{day}T{hour}:{minute}:{second}".format_map(fields)
    return written in _EPOCHS and not int(fields.get("fraction", "0"))


def to_dated(
    reading: Reading | Undated, rule: CaptureRule, *, time_zone: str | None = None, clock_offset_s: float = 0.0
) -> Dated:
    """Return the capture time of a reading.

    Parameters
    ----------
    time_zone
        Zone of naive times; the rule's where absent.
    clock_offset_s
        What to add to the camera's clock. Not added to a sender's claim nor to a modification time, which other clocks made.

    Raises
    ------
    RejectedInput
        ``naive_time`` or ``bad_time``.
    """
    if isinstance(reading, Undated):
        return Dated(reading, "nothing")
    source = _SPOKEN[reading.source]
    moment = reading.moment
    if moment.tzinfo is None:
        zone = time_zone or rule.time_zone
        if zone is None:
            return _leave_undated(rule, source)
        moment = _localise(moment, ZoneInfo(zone), rule)
    claimed_at = check_years(moment, source=source)
    offset = dt.timedelta(seconds=clock_offset_s if reading.source in CAMERA_CLOCK else 0.0)
    return Dated(Instant(at=check_years(claimed_at + offset, source=source)), reading.source, claimed_at)


def date_claims(
    claims: Claims, rule: CaptureRule, *, time_zone: str | None = None, clock_offset_s: float = 0.0
) -> Dated:
    """Return the capture time of a unit: :func:`read_claims`, then :func:`to_dated`.

    Raises
    ------
    RejectedInput
        ``bad_time``, ``naive_time`` or ``no_time``.
    """
    return to_dated(read_claims(claims, rule), rule, time_zone=time_zone, clock_offset_s=clock_offset_s)


def _leave_undated(rule: CaptureRule, source: str) -> Dated:
    if rule.naive == "undated":
        return Dated(Undated(why="naive_time"), "nothing")
    reason = "naive_time"
    raise RejectedInput(reason, f"The time in the {source} names no zone and the feed declares none: set time_zone.")


def _localise(moment: dt.datetime, zone: ZoneInfo, rule: CaptureRule) -> dt.datetime:
    """Return a naive local time in its zone, with a stated rule where the clocks are changed.

    Both folds of a local time differ where it is shown twice; none survives the way to UTC and back where it is left out.
    """
    early, late = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    if early.utcoffset() == late.utcoffset():
        return early
    reason = "bad_time"
    if early.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None, fold=0) != moment:
        raise RejectedInput(reason, f"No clock in {zone.key} showed {moment}: it is left out where summer time starts.")
    if rule.ambiguous == "refuse":
        raise RejectedInput(reason, f"Clocks in {zone.key} showed {moment} twice, at the end of summer time.")
    return early if rule.ambiguous == "earlier" else late
