"""A metric sheet: what an installation reports, its definitions and their versions, and what was counted outside."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from schemas.noun import Code, Name, Noun, Sha, Time
from streams.usage.audit.document import BASELINE, TOTAL, Arithmetic, Cell, Month
from streams.usage.audit.printed import read_printed

FORMAT = "observatory-sheet/1"

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Column = Annotated[str, StringConstraints(min_length=1, max_length=40)]

#: How sure a reader may be of a cell: counted from facts of ours; counted by another system; stated by a named role on a
#: day with evidence; stated without; or nobody counted.
Provenance = Literal["measured", "imported", "declared", "estimated", "not measured"]


def _to_pairs(value: object) -> object:
    return tuple(value.items()) if isinstance(value, dict) else value


Pairs = Annotated[tuple[tuple[Line, Text], ...], BeforeValidator(_to_pairs)]


def _to_provenance(role: str, stated_on: dt.date | None, evidence_sha256: str | None) -> Provenance:
    return "declared" if role and stated_on and evidence_sha256 else "estimated"


class MetricVersion(Noun):
    """A metric as it was defined from a day on.

    Attributes
    ----------
    metric
        Its code; versions of one metric share it, and count from 1.
    since
        From when it is defined so; absent where it was from the beginning.
    change
        What the version changes, and why; the report shows it as a break.
    kind
        ``count`` adds up over periods; ``unique`` counts distinct things, which never add; ``names`` lists them.
    how
        How it is measured, for the reader.
    measured_by
        The figure of ours that fills its cells, such as ``images_processed``.
    baseline, arithmetic
        What there was before the project, as it is printed, and how that was reached.
    baseline_role, baseline_stated_on, baseline_evidence_sha256
        Who states the baseline, when, and with which evidence, as of a declared value.
    """

    metric: Code
    version: Annotated[int, Field(ge=1)] = 1
    since: dt.date | None = None
    change: Text = ""
    label: Line
    definition: Text
    how: Text = ""
    kind: Literal["count", "unique", "names"]
    unit: Code
    per: Literal["year"] | None = None
    stage: Literal["in", "done"] | None = None
    names_of: Code | None = None
    methods: tuple[Code, ...] = ()
    measured_by: Code | None = None
    baseline: Cell = ""
    arithmetic: Arithmetic | None = None
    baseline_role: Text = ""
    baseline_stated_on: dt.date | None = None
    baseline_evidence_sha256: Sha | None = None
    target: Cell = ""
    line: int = 0

    @property
    def name(self) -> str:
        """``images_processed@1``."""
        return f"{self.metric}@{self.version}"

    @property
    def baseline_provenance(self) -> Provenance:
        """How sure a reader may be of the baseline."""
        if read_printed(self.baseline, of_names=self.kind == "names").is_absent:
            return "not measured"
        return _to_provenance(self.baseline_role, self.baseline_stated_on, self.baseline_evidence_sha256)


class Declared(Noun):
    """A value that was counted outside, as somebody states it.

    Attributes
    ----------
    column
        A period of the sheet, or ``TOTAL`` as it was printed before.
    part
        Which part of the cell; a later statement of the same part restates it.
    role, stated_on, evidence_sha256
        Who states it (a role, no name), when, and the digest of the evidence. Without all three it is an estimate.
    """

    metric: Code
    column: Column
    value: Cell
    part: Code = "all"
    role: Text = ""
    stated_on: dt.date | None = None
    evidence_sha256: Sha | None = None
    note: Text = ""
    line: int = 0

    @property
    def provenance(self) -> Provenance:
        """``declared`` where somebody stands for it with evidence, else ``estimated``."""
        return _to_provenance(self.role, self.stated_on, self.evidence_sha256)


class Imported(Noun):
    """A counter of another system, for a window of days.

    Attributes
    ----------
    source
        The system, such as ``zenodo``.
    retrieved_at
        When it was asked.
    first_day, last_day
        The days it counts, both included.
    says, cannot_say
        What the number is, and what must not be read into it.
    """

    metric: Code
    column: Column
    value: Cell
    source: Code
    retrieved_at: Time
    first_day: dt.date
    last_day: dt.date
    evidence_sha256: Sha
    says: Text = ""
    cannot_say: Text = ""
    line: int = 0


class Sheet(Noun):
    """What one installation reports.

    Attributes
    ----------
    project_starts
        The project's month 1.
    periods
        The reporting periods, such as ``M13-24``, one after the other.
    description
        The block of descriptions above the table, in its order.
    """

    format: Literal["observatory-sheet/1"]
    installation: Name
    title: Line
    project_starts: Month
    periods: Annotated[tuple[Column, ...], Field(min_length=1, max_length=40)]
    description: Pairs = ()
    metrics: tuple[MetricVersion, ...]
    declared: tuple[Declared, ...] = ()
    imported: tuple[Imported, ...] = ()

    @property
    def start(self) -> dt.date:
        """The first day of the project."""
        return dt.date.fromisoformat(f"{self.project_starts}-01")

    def find_version(self, metric: MetricVersion, day: dt.date) -> MetricVersion:
        """Return the version of a metric, no later than the given one, that was in force at the end of a day."""
        own = [item for item in self.metrics if item.metric == metric.metric and item.version <= metric.version]
        force = [item for item in own if item.since is None or item.since <= day]
        return max(force or own[:1], key=lambda item: item.version)

    def list_metrics(self, as_of: dt.date | None = None) -> list[MetricVersion]:
        """Return each metric's version in force on a day (the newest, without one), in the order of the sheet."""
        force: dict[str, MetricVersion] = {}
        for metric in self.metrics:
            if as_of is None or metric.since is None or metric.since <= as_of:
                kept = force.get(metric.metric)
                if kept is None or kept.version < metric.version:
                    force[metric.metric] = metric
        return list(force.values())


__all__ = ["BASELINE", "FORMAT", "TOTAL", "Declared", "Imported", "MetricVersion", "Provenance", "Sheet"]
