"""What all nouns share: frozen, strict when written, forgiving when read, and canonical bytes."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

from schemas.canonical import rounded, to_canonical, to_digest
from schemas.forms.quantities import to_measures

#: Years an observation may lie in; outside them a clock was not set.
FIRST_YEAR, LAST_YEAR = 1900, 2199

#: ``+00:00``.
_OFFSET_LETTERS = 6

#: Text that pydantic would take for seconds or milliseconds since 1970.
_NUMBER = re.compile(r"\s*[+-]?[0-9.]+\s*")


class Noun(BaseModel):
    """A frozen, hashable statement of fact.

    Writers refuse unknown fields; :meth:`from_json` ignores them, nested too, so that a newer writer does not stop an
    older reader.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants", allow_inf_nan=False)

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON object: absent fields left out, everything else written, defaults too."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_canonical(self) -> bytes:
        """Return the RFC 8785 bytes."""
        return to_canonical(self.to_plain())

    def to_digest(self) -> str:
        """Return the sha256 of the canonical bytes, 64 hex digits."""
        return to_digest(self.to_plain())

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """Read JSON bytes, ignoring fields this version does not know.

        Raises
        ------
        pydantic.ValidationError
            If a known field is missing or wrong.
        """
        return cls.model_validate_json(data, extra="ignore")


def _utc_milliseconds(value: dt.datetime) -> dt.datetime:
    if value.tzinfo is dt.UTC and FIRST_YEAR <= value.year <= LAST_YEAR and not value.microsecond % 1000:
        return value  # as it is when it went through here before
    try:
        moment = value.astimezone(dt.UTC)
    except OverflowError as error:
        message = f"the year {value.year} is outside {FIRST_YEAR} to {LAST_YEAR}"
        raise ValueError(message) from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        message = f"the year {moment.year} is outside {FIRST_YEAR} to {LAST_YEAR}"
        raise ValueError(message)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _refuse_numbers(value: object) -> object:
    if isinstance(value, bool | int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        message = "a time is text with a zone, not a number"
        raise ValueError(message)
    return value


def to_time_text(moment: dt.datetime) -> str:
    """Return ``2024-04-22T08:00:01.303Z``: UTC, always three decimals, floored."""
    return _write_universal(moment if moment.tzinfo is dt.UTC else moment.astimezone(dt.UTC))


@lru_cache(maxsize=1024)
def _write_universal(moment: dt.datetime) -> str:
    """Write a time in UTC, where equal means the same text; a unit's few times are written again and again."""
    return f"{moment.isoformat(timespec='milliseconds')[:-_OFFSET_LETTERS]}Z"


def to_compact_time(moment: dt.datetime) -> str:
    """Return ``20240422T080001303Z``, which is safe in file names."""
    return to_time_text(moment).replace("-", "").replace(":", "").replace(".", "")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _to_measures(value: object) -> tuple[tuple[str, float], ...]:
    try:
        pairs = dict(value)  # type: ignore[call-overload]
    except (TypeError, ValueError) as error:
        message = "measures are an object of names and numbers"
        raise ValueError(message) from error
    if not all(isinstance(name, str) for name in pairs):
        message = "a measure's name is text"
        raise ValueError(message)
    try:
        return to_measures(pairs)
    except TypeError as error:
        message = "a measure is a number"
        raise ValueError(message) from error


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Label = Annotated[str, AfterValidator(_composed), StringConstraints(min_length=1, max_length=200)]
Codes = Annotated[tuple[Code, ...], AfterValidator(lambda codes: tuple(sorted(set(codes)))), Field(max_length=20)]
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_refuse_numbers),
    AfterValidator(_utc_milliseconds),
    PlainSerializer(to_time_text, return_type=str),
]
Measures = Annotated[
    tuple[tuple[str, float], ...],
    BeforeValidator(_to_measures),
    PlainSerializer(dict, return_type=dict[str, float]),
]
Pixel = Annotated[float, AfterValidator(lambda value: rounded(value, 1))]
Score = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda value: rounded(value, 4))]
Degrees = Annotated[float, AfterValidator(lambda value: rounded(value, 7))]
Metres = Annotated[float, AfterValidator(lambda value: rounded(value, 3))]
Seconds = Annotated[float, AfterValidator(lambda value: rounded(value, 6))]
Count = Annotated[int, Field(ge=0)]
