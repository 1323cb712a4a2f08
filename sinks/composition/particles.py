"""A particle as it is counted: who says what it is, how large it is, and what is wrong with it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from schemas.finding import UNIDENTIFIED, LookedImage
from schemas.result import count_findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from schemas.finding import Entry, Finding

Status = Literal["validated", "predicted", "filtered"]


@dataclass(frozen=True, slots=True)
class Predicted:
    """A model says so.

    Attributes
    ----------
    by
        Its name and version.
    """

    by: str
    status: Literal["predicted"] = "predicted"


@dataclass(frozen=True, slots=True)
class Filtered:
    """The instrument's own software says so: a filter over measures, without a score, checked by nobody (a ``.cla`` file).

    Attributes
    ----------
    by
        Name and version of the software.
    """

    by: str
    status: Literal["filtered"] = "filtered"


@dataclass(frozen=True, slots=True)
class Validated:
    """A person says so, on a day. There is no such thing without both."""

    by: str
    decided_on: dt.date
    status: Literal["validated"] = "validated"

    def __post_init__(self) -> None:
        """Refuse a person without a name."""
        if not self.by.strip():
            message = "a validated label names the person"
            raise ValueError(message)


Source = Predicted | Filtered | Validated

#: Whom to believe, best first.
_RANKS: Mapping[Status, int] = MappingProxyType({"validated": 0, "predicted": 1, "filtered": 2})


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody calls a particle.

    Attributes
    ----------
    label
        The class name, verbatim.
    score
        0 to 1, of a model only: people and filters give none.
    """

    label: str
    source: Source
    score: float | None = None

    def __post_init__(self) -> None:
        """Refuse a score that nobody gave."""
        if self.score is not None and not isinstance(self.source, Predicted):
            message = f"a {self.source.status} label has no score"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Particle:
    """One particle of a run.

    Attributes
    ----------
    index
        Its number in the run, as its instrument gave it.
    opinion
        The one that counts; absent when nobody gave the particle a name.
    measures
        By registered quantity.
    flags
        What is said of it by reader, detector and :mod:`sinks.composition.flags`.
    frame, x_px, y_px
        Where it was in the instrument's field of view.
    offset_s
        Seconds after the start of the run.
    unverified
        What the instrument's filter, a folder or a table calls it, checked by nobody and not counted beside a model's name.
    """

    index: int
    opinion: Opinion | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    frame: int | None = None
    x_px: int | None = None
    y_px: int | None = None
    offset_s: float | None = None
    unverified: tuple[str, ...] = ()


def make_source(person: str | None, decided_on: dt.date | None, *, otherwise: Source) -> Source:
    """Return ``Validated`` for a label that names person and date, and ``otherwise`` for every other.

    This is the only way from a label file to a validated label.
    """
    if person is None or not person.strip() or decided_on is None:
        return otherwise
    return Validated(person.strip(), decided_on)


def choose_opinion(opinions: Iterable[Opinion]) -> Opinion | None:
    """Return the opinion that counts: people over models over the instrument's filter; of two people the later one.

    The order in which opinions are given plays no part.
    """
    return min(opinions, key=_rank, default=None)


def _rank(opinion: Opinion) -> tuple[int, int, float, str, str]:
    source = opinion.source
    day = -source.decided_on.toordinal() if isinstance(source, Validated) else 0
    return (_RANKS[source.status], day, -(opinion.score or 0.0), source.by, opinion.label)


def list_particles(entries: Iterable[Entry], source: Source) -> Iterator[Particle]:
    """Yield the particles of a stored result, in its order.

    An image that could not be read is a particle all the same: it was in the volume. It has no name and the flag ``unread``.

    Parameters
    ----------
    source
        Who the result's observer is.
    """
    for entry in entries:
        if not isinstance(entry, LookedImage):
            yield Particle(entry.index, flags=("unread",))
            continue
        finding = next(iter(count_findings(entry)), None)
        field_of_view = entry.image.field
        yield Particle(
            index=entry.image.index,
            opinion=None if finding is None else _to_opinion(finding, source),
            measures={} if finding is None else dict(finding.measures),
            flags=tuple(sorted({*entry.image.flags, *(() if finding is None else finding.flags)})),
            frame=None if field_of_view is None else field_of_view.frame,
            x_px=None if field_of_view is None else field_of_view.x_px,
            y_px=None if field_of_view is None else field_of_view.y_px,
            offset_s=entry.image.offset_s,
        )


def _to_opinion(finding: Finding, source: Source) -> Opinion | None:
    if finding.label == UNIDENTIFIED or UNIDENTIFIED in finding.flags:
        return None
    return Opinion(finding.label, source, finding.score)
