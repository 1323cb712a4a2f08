"""UsageEvent: one delivered use; MetricValue: one figure of one installation in one period."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints

from schemas.canonical import to_digest
from schemas.media import Purpose
from schemas.noun import Code, Count, Name, Noun, Sha, Time
from schemas.unit import Captured

#: A country nobody knows; a row of its own in every report, never a gap.
UNKNOWN_COUNTRY = "ZZ"

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


def _to_pairs(value: object) -> object:
    if not isinstance(value, dict | list | tuple):
        return value
    try:
        return tuple(sorted(dict(value).items()))
    except TypeError as error:
        message = "a tally is an object of names and numbers"
        raise ValueError(message) from error


#: Identifier of a research organisation in the registry ROR, without its address.
RorId = Annotated[str, StringConstraints(pattern=r"^0[a-z0-9]{6}[0-9]{2}$")]

#: Ids and versions from elsewhere: room for every id of ours, no room for a poem.
Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]

Tally = Annotated[
    tuple[tuple[Code, Count], ...], BeforeValidator(_to_pairs), PlainSerializer(dict, return_type=dict[str, int])
]


class Person(Noun):
    """A person, as a keyed pseudonym (HMAC-SHA256, 64 hex digits); tier 4 is a login, 2 and 3 are weaker.

    Attributes
    ----------
    key
        Fingerprint of the key, where it is not the project's own: pseudonyms of different keys are never united.
    """

    kind: Literal["person"] = "person"
    pseudonym: Sha
    tier: Annotated[int, Field(ge=2, le=4)]
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")] | None = None


class DeclaredOwner(Noun):
    """A use without a login belongs to the feed's declared owner: tier 1, never a unique user."""

    kind: Literal["declared_owner"] = "declared_owner"
    owner: Name
    tier: Literal[1] = 1


class UsedModel(Noun):
    """A model that an observer looked with."""

    name: Name
    version: Text
    sha256: Sha


class Processed(Noun):
    """Images went through an observer and the result is durable; ``demonstration`` if one of its models is only that.

    Attributes
    ----------
    processing_id
        Id of the result.
    reprocessing_of
        Id of the result of the same unit that was made before, by another observer or the same.
    models
        What the observer looked with, in its order; absent where nobody knows, empty for none.
    """

    kind: Literal["processed"] = "processed"
    processing_id: Text
    reprocessing_of: Text | None = None
    observer_name: Name
    observer_version: Text
    observer_sha256: Sha
    models: Annotated[tuple[UsedModel, ...], Field(max_length=20)] | None = None
    demonstration: bool = False


class Ingested(Noun):
    """Images were taken in."""

    kind: Literal["ingested"] = "ingested"


class Served(Noun):
    """A result or dataset was handed out."""

    kind: Literal["served"] = "served"
    resource: Annotated[str, StringConstraints(min_length=1, max_length=1100)]


class MarkedByHand(Noun):
    """A person annotated images and the annotations are kept."""

    kind: Literal["annotated"] = "annotated"


class Heartbeat(Noun):
    """The door was there and recorded whatever came, from ``since_at`` until the use's ``requested_at``.

    Attributes
    ----------
    last
        The door is closed on purpose; nothing is missing after it.
    """

    kind: Literal["heartbeat"] = "heartbeat"
    since_at: Time
    last: bool = False


class NotDone(Noun):
    """Nothing was delivered: a failure, a refusal, or a health check."""

    kind: Literal["not_done"] = "not_done"
    status: Literal["failure", "refused", "health"]
    reason: Code


class Program(Noun):
    """What a list of robots says of the program that asked; how the program calls itself stays at the edge.

    Attributes
    ----------
    verdict
        ``robot``: the list knows it; ``no_robot``: the list does not; ``no_list``: there was no list to ask.
    pattern
        The entry of the list that it matches: of several, the first one that no program of researchers matches.
    list_sha256, list_version
        Which list that was: the digest of its file, and the last change that it names.
    """

    verdict: Literal["robot", "no_robot", "no_list"]
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    list_sha256: Sha | None = None
    list_version: Annotated[str, StringConstraints(max_length=64)] | None = None


class UsageEvent(Noun):
    """One use (``usage.recorded.v1``, key = installation).

    Attributes
    ----------
    requested_at
        The broker's append time of the record that completed the request, **not** a clock: repeats are equal.
    observed
        When the instrument looked.
    units, images
        Counted things by kind; ``tile`` never adds to images.
    contents
        Digests of the unit contents, for distinct counts. Of a run that says when it began, of its feed, name and start
        instead: saved again, it is the same particles.
    country_why
        Why the country is unknown, where a look-up was tried.
    institution
        Home institution; absent where nobody knows it.
    cpu_ms, gpu_ms
        Time of processors spent; absent where nobody measured it.
    program
        Whether the program that asked is a robot; absent where no program was told.
    session
        A keyed pseudonym of the session's id, where the door keeps sessions.
    """

    event_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    requested_at: Time
    observed: Captured
    installation: Name
    door: Code
    operation: Code
    purpose: Purpose
    traffic: Literal["internal", "affiliated", "external", "training", "robot", "test"]
    access: Literal["Regular", "Machine"]
    profile: Text
    act: Annotated[Processed | Ingested | Served | MarkedByHand | Heartbeat | NotDone, Field(discriminator="kind")]
    who: Annotated[Person | DeclaredOwner, Field(discriminator="kind")]
    country: Country
    country_source: Literal["idp", "geoip", "declared", "none"]
    country_why: Code | None = None
    institution: RorId | None = None
    cpu_ms: Count | None = None
    gpu_ms: Count | None = None
    program: Program | None = None
    session: Sha | None = None
    units: Tally
    images: Tally
    bytes: Count
    contents: Annotated[tuple[Sha, ...], Field(max_length=500)]


def make_usage_id(*, door: str, operation: str, request: str, observer_sha256: str | None) -> str:
    """Return the id of a use: the unit id or idempotency key is the request, so redelivery gives the same id."""
    identity = {"rule": "usage/1", "door": door, "operation": operation, "request": request}
    if observer_sha256 is not None:
        identity["observer"] = observer_sha256
    return to_digest(identity)[:32]


class Period(Noun):
    """A half-open UTC interval ``[from_at, to_at)``."""

    from_at: Time
    to_at: Time


class Measured(Noun):
    """Counted from facts; ``low`` and ``high`` bound it where the method is not exact."""

    kind: Literal["measured"] = "measured"
    value: float
    method: Literal["exact", "sketch"] = "exact"
    low: float | None = None
    high: float | None = None


class NotMeasured(Noun):
    """Nobody counted this, and why: never a zero."""

    kind: Literal["not_measured"] = "not_measured"
    why: Code


class Bounded(Noun):
    """Only bounds are known: who is in several parts cannot be told, so nothing between them is the number."""

    kind: Literal["bounded"] = "bounded"
    low: float
    high: float
    why: Code


class Names(Noun):
    """A list of names, such as countries."""

    kind: Literal["names"] = "names"
    names: tuple[str, ...]


class FlaggedMonth(Noun):
    """A calendar month whose value is far above or below those of the twelve months before, by COUNTER's rule."""

    month: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}$")]
    kind: Literal["spike", "dip"]


class MetricValue(Noun):
    """One figure (``metric.period.v1``, compacted, key = ``installation/metric/from/to``).

    Attributes
    ----------
    coverage, gaps
        Share of the period that was counted, and what of it was not, in whole minutes.
    flags
        Months of the period that stand out; of deliveries, reads and images processed only.
    as_of
        Equal for equal facts; nothing can be read back from it.
    """

    installation: Name
    metric: Code
    definition: str
    period: Period
    unit: str
    additive: bool
    value: Annotated[Measured | Bounded | NotMeasured | Names, Field(discriminator="kind")]
    coverage: Annotated[float, Field(ge=0, le=1)]
    gaps: tuple[Period, ...] = ()
    flags: tuple[FlaggedMonth, ...] = ()
    profile: str
    as_of: str
