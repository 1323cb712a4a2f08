"""Result: all findings of one unit by one observer; ResultStored: its announcement."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, model_validator

from schemas.canonical import to_canonical, to_digest, to_parameters
from schemas.finding import Entry, Finding, LookedImage
from schemas.geometry import Where
from schemas.media import Lane, Purpose
from schemas.noun import Code, Codes, Count, Label, Measures, Name, Noun, Seconds, Sha, Time
from schemas.unit import SHORT_DIGEST, UnitStamp, to_day_path

#: Images and findings together that a document holds inline; above, they stand in tables. A constant, because a setting
#: would change bytes.
INLINE_ROWS = 2_000

#: Rows of a table that one digest covers, so that a difference is found within this many.
DIGEST_ROWS = 10_000


def _to_parameter_text(value: object) -> str:
    values = json.loads(value) if isinstance(value, str) else value
    if not isinstance(values, dict):
        message = "parameters are an object"
        raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueError
    return to_canonical(to_parameters(values)).decode()


#: Canonical JSON text in memory (hashable), a JSON object on the wire.
Parameters = Annotated[
    str, BeforeValidator(_to_parameter_text), PlainSerializer(json.loads, return_type=dict[str, Any])
]


class ModelRef(Noun):
    """The weights an observer used.

    Attributes
    ----------
    role
        What findings call this model in ``by``.
    sha256
        Digest of the weights; for OpenVINO IR the digest over ``{"xml": sha256, "bin": sha256}``.
    precision
        Number format of the inference: part of identity, because boxes differ between formats.
    input_px
        ``(height, width)`` of the network's input.
    provenance
        ``demonstration`` models are named as such in every product made with them.
    """

    role: Code
    name: Name
    version: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    sha256: Sha
    task: Literal["detect", "segment", "classify"]
    precision: Literal["f32", "f16", "bf16", "int8"]
    input_px: tuple[int, int]
    provenance: Literal["user", "demonstration"]


class Observer(Noun):
    """A detector: name, version, the reader that opened the unit, models, and every number that changes its answer."""

    kind: Literal["detector"] = "detector"
    name: Name
    version: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    reader: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    models: tuple[ModelRef, ...] = ()
    parameters: Parameters = "{}"

    @property
    def is_demonstration(self) -> bool:
        """Whether any of its models is for demonstration only."""
        return any(model.provenance == "demonstration" for model in self.models)


class Complete(Noun):
    """Everything that was to be looked at was looked at."""

    kind: Literal["complete"] = "complete"


class Broken(Noun):
    """The content broke off: what was readable before is here."""

    kind: Literal["broken"] = "broken"
    reason: Code
    looked_until_s: Seconds | None = None


class Effort(Noun):
    """How much was looked at; an absent quantity is unknown, so nothing may be divided by it."""

    images_looked: Count
    images_unread: Count = 0
    images_passed_over: Count = 0
    quantities: Measures = ()


class InlineContent(Noun):
    """The entries stand in the document."""

    kind: Literal["inline"] = "inline"
    images: tuple[Entry, ...]


class TableContent(Noun):
    """The entries stand in two Parquet tables beside the document.

    ``digests`` holds, per 10,000 entries, the sha256 of their canonical JSON: the proof covers the tables though their
    bytes may change with the library that wrote them.
    """

    kind: Literal["tables"] = "tables"
    images: Count
    findings: Count
    digests: tuple[Sha, ...]


class Observed(Noun):
    """What an observer saw in a unit."""

    kind: Literal["observed"] = "observed"
    coverage: Annotated[Complete | Broken, Field(discriminator="kind")]
    effort: Effort
    content: Annotated[InlineContent | TableContent, Field(discriminator="kind")]
    measures: Measures = ()
    flags: Codes = ()


@lru_cache(maxsize=256)
def digest_observer(observer: Observer) -> str:
    """Return the digest of an observer; there are few, and each is asked for with every unit."""
    return observer.to_digest()


def make_result_id(unit_id: str, observer: Observer) -> str:
    """Return ``<unit_id>.<observer digest[:16]>``."""
    return f"{unit_id}.{digest_observer(observer)[:SHORT_DIGEST]}"


class Result(Noun):
    """The canonical document: no clock, attempt, host, runtime version or order of arrival is in it."""

    schema_name: Literal["result/1"] = "result/1"
    space: Literal["px-corner-upright"] = "px-corner-upright"
    result_id: str
    unit: UnitStamp
    observer: Observer
    outcome: Observed

    @model_validator(mode="after")
    def _has_the_id_that_follows(self) -> Self:
        if self.result_id != make_result_id(self.unit.unit_id, self.observer):
            message = f"the result id {self.result_id!r} does not follow from unit and observer"
            raise ValueError(message)
        return self


def make_result(unit: UnitStamp, observer: Observer, outcome: Observed) -> Result:
    """Return the result with the id that follows from its parts."""
    return Result(result_id=make_result_id(unit.unit_id, observer), unit=unit, observer=observer, outcome=outcome)


def to_result_folder(unit: UnitStamp, observer_digest: str) -> str:
    """Return ``results/<installation>/<feed>/<day>/<unit_id>/<observer16>``: where a result's objects are."""
    short = observer_digest[:SHORT_DIGEST]
    return f"results/{unit.installation}/{unit.feed}/{to_day_path(unit.captured)}/{unit.unit_id}/{short}"


class Asset(Noun):
    """An object in the store, with the digest of its bytes."""

    role: Code
    key: str
    media_type: str
    size_bytes: Count
    sha256: Sha


class Counts(Noun):
    """Images looked at, those of them without findings, images not readable, and findings."""

    looked: Count
    empty: Count
    unread: Count
    findings: Count


class Processing(Noun):
    """The volatile facts, kept apart from the compared document.

    Attributes
    ----------
    cpu_ms
        Processor time that the unit took, its share of work done together; absent where nobody measured it.
    reprocessing_of
        Id of the newest result of the same unit by another observer that was there before; absent where there was none.
    """

    arrived_at: Time
    started_at: Time
    finished_at: Time
    attempt: Annotated[int, Field(ge=1)] = 1
    runtime: str
    cpu_ms: Count | None = None
    reprocessing_of: str | None = None


class ResultStored(Noun):
    """A result is durable (``result.stored.v1``, key = unit id); a series with zeros needs no document opened."""

    result_id: str
    unit: UnitStamp
    document: Asset
    products: Annotated[tuple[Asset, ...], Field(max_length=100)] = ()
    products_left_out: Count = 0
    observer_name: Name
    observer_version: str
    demonstration: bool
    coverage: Literal["complete", "broken"]
    counts: Counts
    labels: Annotated[tuple[tuple[Label, int], ...], Field(max_length=100)] = ()
    labels_left_out: Count = 0
    where: Where
    lane: Lane
    purpose: Purpose
    supersedes: str | None = None
    processing: Processing


#: The flag of a finding inside a region that a deployment masks (a burnt-in caption): kept, and counted nowhere.
MASKED = "masked"


def count_findings(entry: LookedImage) -> tuple[Finding, ...]:
    """Return the findings of an image that count: all but the masked ones."""
    return tuple(finding for finding in entry.findings if MASKED not in finding.flags)


def count_entries(entries: tuple[Entry, ...]) -> tuple[Counts, tuple[tuple[str, int], ...]]:
    """Return the counts of a unit's entries, and how often each label was found, most frequent first."""
    looked = [entry for entry in entries if isinstance(entry, LookedImage)]
    tally: dict[str, int] = {}
    for entry in looked:
        for finding in count_findings(entry):
            tally[finding.label] = tally.get(finding.label, 0) + 1
    counts = Counts(
        looked=len(looked),
        empty=sum(not count_findings(entry) for entry in looked),
        unread=len(entries) - len(looked),
        findings=sum(tally.values()),
    )
    return counts, tuple(sorted(tally.items(), key=lambda pair: (-pair[1], pair[0])))


def to_entry_digests(entries: tuple[Entry, ...]) -> tuple[str, ...]:
    """Return, per 10,000 entries, the digest over their canonical forms."""
    return tuple(
        to_digest([entry.to_plain() for entry in entries[start : start + DIGEST_ROWS]])
        for start in range(0, len(entries), DIGEST_ROWS)
    )
