"""Callers: who asked, as everything behind the edge may know it, and the one way in which a use is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from schemas.unit import Undated
from schemas.usage import (
    UNKNOWN_COUNTRY,
    DeclaredOwner,
    Heartbeat,
    Ingested,
    MarkedByHand,
    NotDone,
    Person,
    Processed,
    Program,
    Served,
    UsageEvent,
)
from streams.usage.reports.definitions import PROFILE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from schemas.media import Purpose
    from schemas.unit import Captured

#: The door that announced media come in by, whoever announces them: folder, push, or a client of the topic.
FEED_DOOR = "feed"

#: When nobody looked for the time of an observation.
NOT_READ = Undated(why="not_read")

CountrySource = Literal["idp", "geoip", "declared", "none"]
Traffic = Literal["internal", "affiliated", "external", "training", "robot", "test"]
Method = Literal["Regular", "Machine"]
Act = Processed | Ingested | Served | MarkedByHand | Heartbeat | NotDone


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked, and through which door.

    Attributes
    ----------
    who
        A pseudonym, or the owner that a feed declares.
    country, country_source, country_why
        Where they are, how that is known, and why it is not.
    traffic, access
        What sort of caller; whether a person clicked or a program called.
    institution
        Home institution as ROR names it; absent where nobody knows.
    program
        Whether the program that asked is a robot, by the list of the edge; absent where no program was told.
    session
        A pseudonym of the session, where the door keeps sessions.
    """

    who: Person | DeclaredOwner
    country: str = UNKNOWN_COUNTRY
    country_source: CountrySource = "none"
    door: str = FEED_DOOR
    traffic: Traffic = "affiliated"
    access: Method = "Machine"
    country_why: str | None = None
    institution: str | None = None
    program: Program | None = None
    session: str | None = None


def make_feed_caller(owner: str, country: str = UNKNOWN_COUNTRY, institution: str | None = None) -> Caller:
    """Return the caller that stands for a feed: its declared owner, who is no user and counts as affiliated.

    Parameters
    ----------
    country
        ISO 3166; ``ZZ`` where none is declared.
    institution
        The owner's, as ROR names it; absent where none is declared.
    """
    source: CountrySource = "none" if country == UNKNOWN_COUNTRY else "declared"
    return Caller(DeclaredOwner(owner=owner), country, source, institution=institution)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for and what became of it; nothing of who asked.

    Attributes
    ----------
    event_id
        See :func:`schemas.usage.make_usage_id`: the same use has the same.
    units, images
        Counted things by kind: an archive of 20 stills is one unit and 20 images.
    contents
        Digests of what was sent.
    """

    event_id: str
    requested_at: dt.datetime
    installation: str
    operation: str
    act: Act
    observed: Captured = NOT_READ
    purpose: Purpose = "user"
    units: Mapping[str, int] | tuple[tuple[str, int], ...] = ()
    images: Mapping[str, int] | tuple[tuple[str, int], ...] = ()
    bytes: int = 0
    contents: tuple[str, ...] = ()
    cpu_ms: int | None = None
    gpu_ms: int | None = None


def record_use(caller: Caller, request: Request) -> UsageEvent:
    """Return the use that a door records: every door goes through here, so none can write more of a caller than another.

    Raises
    ------
    pydantic.ValidationError
        If a part of the request is not of its form.
    """
    return UsageEvent(
        event_id=request.event_id,
        requested_at=request.requested_at,
        observed=request.observed,
        installation=request.installation,
        door=caller.door,
        operation=request.operation,
        purpose=request.purpose,
        traffic=caller.traffic,
        access=caller.access,
        profile=PROFILE,
        act=request.act,
        who=caller.who,
        country=caller.country,
        country_source=caller.country_source,
        country_why=caller.country_why,
        institution=caller.institution,
        units=request.units,
        images=request.images,
        bytes=request.bytes,
        contents=request.contents,
        cpu_ms=request.cpu_ms,
        gpu_ms=request.gpu_ms,
        program=caller.program,
        session=caller.session,
    )
