"""MediaArrived, MediaSettled and Rejection: how media come in, and how each arrival ends."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from schemas.canonical import to_digest
from schemas.errors import SENTENCE_LIMIT
from schemas.noun import Code, Count, Name, Noun, Sha, Time
from schemas.unit import MANIFEST_PARTS, PARTS_LIMIT, SUBJECT_LIMIT

#: Above this size a producer puts the bytes into the store and sends a reference (the claim check).
INLINE_LIMIT_BYTES = 900_000

#: What the claim check's JSON body is called.
PARTS_MEDIA_TYPE = "application/vnd.observatory.parts+json"

#: Unicode categories Cc (control) and Cs (lone surrogates: text that is not text).
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Lane = Literal["live", "archive"]
Purpose = Literal["user", "replay", "canary", "staff", "test"]


def check_subject(subject: str) -> str:
    """Return the NFC form of a relative name, or refuse it.

    Raises
    ------
    ValueError
        If the name is absolute, climbs (``..``), has empty segments, backslashes, colons or control characters.
    """
    name = unicodedata.normalize("NFC", subject)
    segments = name.split("/")
    if any(segment in {"", ".", ".."} for segment in segments):
        message = f"not a relative name: {subject!r}"
        raise ValueError(message)
    if "\\" in name or ":" in name or _has_control(name):
        message = f"a name may not hold backslashes, colons or control characters: {subject!r}"
        raise ValueError(message)
    return name


def _has_control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def check_reference(reference: str) -> str:
    """Return a reference to an object, or refuse it.

    Raises
    ------
    ValueError
        If it has a query string (a presigned URL is a secret), credentials, a fragment, control characters, or climbs.
    """
    if "?" in reference or "@" in reference or "#" in reference:
        message = "a reference may not carry a query, a fragment or credentials"
        raise ValueError(message)
    if _has_control(reference):
        message = "a reference may not hold control characters"
        raise ValueError(message)
    if any(segment == ".." for segment in reference.split("/")):
        message = "a reference may not climb"
        raise ValueError(message)
    return reference


Subject = Annotated[str, AfterValidator(check_subject), StringConstraints(min_length=1, max_length=SUBJECT_LIMIT)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=1100), AfterValidator(check_reference)]

#: Printable ASCII, because a store writes it into a header.
MediaType = Annotated[str, StringConstraints(pattern=r"^[ -~]{0,100}$")]

#: A sender's id: any text without control characters.
EventId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


class InlineBody(Noun):
    """The bytes are the record's value."""

    kind: Literal["inline"] = "inline"


class ReferencedPart(Noun):
    """One object that holds the bytes; size and digest are claims, checked against the object."""

    subject: Subject
    dataref: Reference
    media_type: MediaType = "application/octet-stream"
    size_bytes: Count | None = None
    sha256: Sha | None = None


class ReferencedBody(Noun):
    """The bytes are in the store (the claim check).

    A body with more parts than a message takes is in the store itself: its one part has the media type
    :data:`PARTS_MEDIA_TYPE` and is a :class:`ReferencedList`.
    """

    kind: Literal["referenced"] = "referenced"
    parts: Annotated[tuple[ReferencedPart, ...], Field(min_length=1, max_length=PARTS_LIMIT)]
    closes_group: bool = False

    @property
    def is_list(self) -> bool:
        """Whether the parts stand in an object of their own."""
        return len(self.parts) == 1 and self.parts[0].media_type == PARTS_MEDIA_TYPE


class ReferencedList(Noun):
    """The parts of an arrival that has too many for a message."""

    parts: Annotated[tuple[ReferencedPart, ...], Field(min_length=1, max_length=MANIFEST_PARTS)]


class MediaArrived(Noun):
    """An announced picture, clip or file; ``(source, event)`` again is a redelivery, not a new arrival.

    Attributes
    ----------
    event
        ``ce_id``: at most 200 characters.
    feed
        From ``ce_source`` = ``/feeds/<feed>``.
    captured_at
        The sender's claim of the capture time; absent when the feed's own rule shall find it.
    published_at
        ``ce_time``: when the event was sent; used for latency only.
    modified_at
        When the sender's file was last changed; looked at only where the feed's rule says so, because copying changes it.
    """

    event: EventId
    feed: Name
    subject: Subject
    media_type: MediaType = "application/octet-stream"
    body: Annotated[InlineBody | ReferencedBody, Field(discriminator="kind")]
    sha256: Sha | None = None
    captured_at: Time | None = None
    published_at: Time | None = None
    modified_at: Time | None = None
    lane: Lane = "live"
    purpose: Purpose = "user"

    @property
    def source(self) -> str:
        """``ce_source``."""
        return f"/feeds/{self.feed}"


def make_event_id(feed: str, subject: str, content: str) -> str:
    """Return the id our own producers give an arrival: the same file sent again is the same event."""
    return to_digest({"rule": "event/1", "feed": feed, "subject": subject, "sha256": content})[:32]


# --- how an arrival ends ---


class InWork(Noun):
    """It has not ended: it was routed to an installation, and is still ours."""

    state: Literal["in_work"] = "in_work"
    unit_id: str


class Stored(Noun):
    """Its results are durable."""

    state: Literal["stored"] = "stored"
    unit_ids: Annotated[tuple[str, ...], Field(max_length=50)]
    left_out: Count = 0


class Duplicate(Noun):
    """The same feed, capture time and content had come under another event id."""

    state: Literal["duplicate"] = "duplicate"
    of_unit_id: str


class SetAside(Noun):
    """It is a dead letter, which can be retried."""

    state: Literal["set_aside"] = "set_aside"
    rejection_id: str
    reason: Code


class Skipped(Noun):
    """A stated policy says not to look at it."""

    state: Literal["skipped"] = "skipped"
    policy: Code


class MediaSettled(Noun):
    """What became of one arrival (``media.settled.v1``, compacted, key = source + event).

    The router says ``in_work`` before a worker can say anything, so that whoever keeps account need not read the pictures.

    Attributes
    ----------
    subject
        The sender's name for it; absent where the envelope could not be read.
    """

    source: Annotated[str, StringConstraints(max_length=200)]
    event: Annotated[str, StringConstraints(max_length=200)]
    subject: Annotated[str, StringConstraints(max_length=SUBJECT_LIMIT)] | None = None
    end: Annotated[InWork | Stored | Duplicate | SetAside | Skipped, Field(discriminator="state")]

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will become of it, unless somebody tries it again."""
        return not isinstance(self.end, InWork)

    @property
    def message_key(self) -> bytes:
        """The message key under which the newest end of one arrival survives compaction."""
        return f"{self.source}#{self.event}".encode()


class Rejection(Noun):
    """Why a record was set aside: one header on the record *as it came*, so a retry is sending it without the header.

    Attributes
    ----------
    fault
        ``rejected`` (bad input), ``expired`` (never completed), ``poison`` (kills the process that opens it).
    step
        Where on the way it was refused.
    topic
        The topic the record came from, and goes back to on retry.
    """

    rejection_id: str
    fault: Literal["rejected", "expired", "poison"]
    step: Code
    reason: Code
    sentence: Annotated[str, StringConstraints(max_length=SENTENCE_LIMIT)]
    attempts: Count = 1
    rejected_at: Time
    topic: str
    value_sha256: Sha


def make_rejection_id(topic: str, value_sha256: str, reason: str) -> str:
    """Return the id of a rejection: the same record refused again for the same reason has the same one."""
    return to_digest({"rule": "rejection/1", "topic": topic, "sha256": value_sha256, "reason": reason})[:32]
