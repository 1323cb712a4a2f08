"""Unit: what arrives and is acknowledged as a whole; its stamp is its identity."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.canonical import to_digest
from schemas.geometry import Role, Where
from schemas.noun import Code, Count, Name, Noun, Sha, Time, to_compact_time, to_time_text

if TYPE_CHECKING:
    import datetime as dt

UnitKind = Literal[
    "still", "clip", "run", "scan", "photo", "tile", "orthophoto", "flight", "scene", "image_set", "simulation"
]
CapturedFrom = Literal[
    "filename", "exif", "container", "instrument", "sidecar", "sender", "mtime", "request", "nothing"
]

#: Hex digits of the digest that stand in an id, a name beside feed and time.
SHORT_DIGEST = 16

#: A unit with more parts than this needs a manifest.
PARTS_LIMIT = 200

#: Parts that a manifest may list, and bytes it may have: a folder of half a million cut-outs.
MANIFEST_PARTS, MANIFEST_BYTES = 500_000, 256 << 20

#: Longest name a sender may give a part.
SUBJECT_LIMIT = 512


class Instant(Noun):
    """The instrument looked at one moment."""

    kind: Literal["instant"] = "instant"
    at: Time


class Span(Noun):
    """The instrument looked from ``start_at`` to ``end_at``."""

    kind: Literal["span"] = "span"
    start_at: Time
    end_at: Time

    @model_validator(mode="after")
    def _does_not_run_backwards(self) -> Self:
        if self.end_at < self.start_at:
            message = "a span ends before it starts"
            raise ValueError(message)
        return self


class Undated(Noun):
    """When the instrument looked is not known, and why."""

    kind: Literal["undated"] = "undated"
    why: Code


Captured = Annotated[Instant | Span | Undated, Field(discriminator="kind")]


def to_captured_text(captured: Captured) -> str:
    """Return the capture time as it stands in ids: ``20240422t080001000z`` or ``undated``.

    Lower case, as RFC 3339 allows, because ids are object keys, and some file systems are blind to case.
    """
    match captured:
        case Instant(at=moment) | Span(start_at=moment):
            return to_compact_time(moment).lower()
        case _:
            return "undated"


def find_start(captured: Captured) -> dt.datetime | None:
    """Return when a capture began, aware UTC; ``None`` where nobody knows."""
    match captured:
        case Instant(at=moment) | Span(start_at=moment):
            return moment
        case _:
            return None


def to_moment_text(captured: Captured) -> str:
    """Return when a capture began for a person: ``2024-04-22T08:00:01.000Z``, or ``undated``."""
    match captured:
        case Instant(at=moment) | Span(start_at=moment):
            return to_time_text(moment)
        case _:
            return "undated"


def to_day_path(captured: Captured) -> str:
    """Return ``2024/04/22``, or ``undated``: the folder of a capture time in object keys."""
    text = to_captured_text(captured)
    return f"{text[:4]}/{text[4:6]}/{text[6:8]}" if text != "undated" else text


class UnitStamp(Noun):
    """Everything that identifies a unit; repeated in every result.

    ``unit_id`` is ``<feed>.<captured>.<H({rule, feed, kind, captured, content})[:16]>``: it does not change with the
    spelling of a time zone, the source of the time, or the arrival. Make one with :func:`make_stamp`.
    """

    unit_id: Annotated[str, StringConstraints(min_length=1, max_length=140)]
    installation: Name
    feed: Name
    kind: UnitKind
    captured: Captured
    content: Sha

    @model_validator(mode="after")
    def _has_the_id_that_follows(self) -> Self:
        if self.unit_id != make_unit_id(self.feed, self.kind, self.captured, self.content):
            message = f"the unit id {self.unit_id!r} does not follow from the stamp"
            raise ValueError(message)
        return self


@lru_cache(maxsize=1024)
def make_unit_id(feed: str, kind: str, captured: Captured, content: str) -> str:
    """Return the id that follows from what identifies a unit."""
    identity = {
        "rule": "unit/1",
        "feed": feed,
        "kind": kind,
        "captured": captured.to_plain(),
        "content": content,
    }
    return f"{feed}.{to_captured_text(captured)}.{to_digest(identity)[:SHORT_DIGEST]}"


def make_stamp(*, installation: str, feed: str, kind: UnitKind, captured: Captured, content: str) -> UnitStamp:
    """Return the stamp of a unit.

    Parameters
    ----------
    content
        sha256 of the unit's bytes (one part), or :func:`make_content` over its parts.

    Raises
    ------
    pydantic.ValidationError
        If a name, kind or digest is malformed.
    """
    return UnitStamp(
        unit_id=make_unit_id(feed, kind, captured, content),
        installation=installation,
        feed=feed,
        kind=kind,
        captured=captured,
        content=content,
    )


class Part(Noun):
    """One file or object of a unit.

    Attributes
    ----------
    role
        What the part is to its unit: ``still``, ``clip``, ``collage.1``; images point at roles, never at names.
    name
        As the sender names it: a claim, not an identity.
    media_type, size_bytes, sha256
        As found in the bytes, not as claimed.
    at
        Object key in the store, or ``s3://bucket/key`` in an allowed bucket.
    """

    role: Role
    name: Annotated[str, StringConstraints(min_length=1, max_length=SUBJECT_LIMIT)]
    media_type: Annotated[str, StringConstraints(max_length=100)]
    size_bytes: Count
    sha256: Sha
    at: Annotated[str, StringConstraints(min_length=1, max_length=1100)]


def make_content(parts: tuple[Part, ...]) -> str:
    """Return the content digest of a unit: the one part's sha256, or the digest over all roles."""
    if len(parts) == 1:
        return parts[0].sha256
    return to_digest({part.role: part.sha256 for part in parts})


class PartList(Noun):
    """The parts of a unit that has too many for a message: one stored object, the same for the same parts."""

    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=MANIFEST_PARTS)]


class Manifest(Noun):
    """Where the parts of a unit are listed that has too many for a message.

    Attributes
    ----------
    at, sha256
        Object key of the :class:`PartList`, and the digest of its canonical bytes.
    count, size_bytes
        Of the parts, not of the list.
    """

    at: Annotated[str, StringConstraints(min_length=1, max_length=1100)]
    sha256: Sha
    count: Annotated[int, Field(ge=1, le=MANIFEST_PARTS)]
    size_bytes: Count


def make_manifest_key(content: str) -> str:
    """Return the object key of the list of parts of a unit with this content: ``manifests/<content[:2]>/<content>.json``."""
    return f"manifests/{content[:2]}/{content}.json"


class Unit(Noun):
    """A complete unit on its way to a detector; references only, never pixels.

    Attributes
    ----------
    captured_from
        Where the capture time was found; outside the stamp, because another source of the same time is the same unit.
    claimed_at
        The capture time as the source said it, before the deployment's clock offset; absent when undated.
    group, layout
        The name that joins revisions of one unit, and the rule by which it was found complete.
    parts, manifest
        Either the parts themselves, or where they are listed.
    deployment
        Digest of the deployment record in force; absent when the feed declares none.
    """

    stamp: UnitStamp
    captured_from: CapturedFrom
    claimed_at: Time | None = None
    group: Annotated[str, StringConstraints(min_length=1, max_length=SUBJECT_LIMIT)]
    layout: Code
    parts: Annotated[tuple[Part, ...], Field(max_length=PARTS_LIMIT)] = ()
    manifest: Manifest | None = None
    where: Where
    instrument: Name
    deployment: Sha | None = None

    @model_validator(mode="after")
    def _lists_its_parts_once(self) -> Self:
        if bool(self.parts) == (self.manifest is not None):
            message = "a unit has parts, or a manifest of them"
            raise ValueError(message)
        return self

    @property
    def name(self) -> str:
        """What its sender called it: the one part, or the group of several."""
        return self.parts[0].name if len(self.parts) == 1 else self.group

    @property
    def size_bytes(self) -> int:
        """Bytes of all parts."""
        if self.manifest is not None:
            return self.manifest.size_bytes
        return sum(part.size_bytes for part in self.parts)


class WorkOrder(Noun):
    """What travels on ``work.<installation>.<lane>.v1``: a unit, and what its usage event will need to say.

    Attributes
    ----------
    source, event
        ``ce_source`` and ``ce_id`` of the arrival that completed the unit: what its end is reported under.
    arrived_at
        The broker's append time of that arrival; a repeat of the same record has the same one.
    """

    unit: Unit
    source: Annotated[str, StringConstraints(max_length=200)]
    event: Annotated[str, StringConstraints(max_length=200)]
    arrived_at: Time
    lane: Literal["live", "archive"] = "live"
    purpose: Literal["user", "replay", "canary", "staff", "test"] = "user"


class Claim(Noun):
    """The store's record of a unit: which arrival it belongs to, so that another arrival of it is a duplicate."""

    unit: Unit
    source: Annotated[str, StringConstraints(max_length=200)]
    event: Annotated[str, StringConstraints(max_length=200)]


def to_unit_key(stamp: UnitStamp) -> str:
    """Return the object key of a unit's claim: ``units/<feed>/<day>/<unit_id>.json``."""
    return f"units/{stamp.feed}/{to_day_path(stamp.captured)}/{stamp.unit_id}.json"
