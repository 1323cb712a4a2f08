"""The three text files, written row by row in the order of their ids, and what they turned out to cover."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from schemas.canonical import to_digest
from sinks.darwin_core.documents.eml import Coverage, to_title
from sinks.darwin_core.rows import to_cell
from sinks.darwin_core.terms import EVENTS, LICENCES, MEASUREMENTS, OCCURRENCES, RUN_EVENT, SAMPLE_EVENT, TABLES, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from schemas.forms.taxa import Taxon
    from sinks.darwin_core.deployments import DeploymentShare, Parent
    from sinks.darwin_core.drafts import Draft
    from sinks.darwin_core.plan import DatasetPlan
    from sinks.darwin_core.rows import Row


@dataclass(slots=True)
class Census:
    """What the chosen drafts add up to; it grows with feeds, years, taxa and labels, not with units.

    Attributes
    ----------
    deployments
        Parent events by id: deployments of cameras, visits of stations; samples without a visit by their own id.
    lsids
        Identities of the taxa that occur.
    observers
        Names of the observers whose results were chosen.
    aside
        What became of findings in no occurrence -> label -> how many.
    remarks
        What the report says of units, by code -> how often it is so.
    """

    deployments: dict[str, DeploymentShare] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    empty: int = 0
    occurrences: int = 0
    measurements: int = 0
    lsids: set[str] = field(default_factory=set)
    observers: set[str] = field(default_factory=set)
    demonstration: bool = False
    without_depth: int = 0
    aside: dict[str, Counter[str]] = field(default_factory=dict)
    remarks: Counter[str] = field(default_factory=Counter)

    def add(self, draft: Draft) -> None:
        """Count one chosen draft."""
        share = draft.deployment
        self.events[draft.event["eventType"]] += 1
        # the taxa of a run stand with its sample
        self.empty += not draft.occurrences and draft.event["eventType"] != RUN_EVENT
        self.without_depth += share.depths_m is None
        self.occurrences += len(draft.occurrences)
        self.measurements += len(draft.measurements)
        self.lsids.update(row["scientificNameID"] for row in draft.occurrences)
        self.observers.add(draft.observer)
        self.demonstration |= draft.demonstration
        for kind, labels in draft.aside.items():
            self.aside.setdefault(kind, Counter()).update(labels)
        self.remarks.update(draft.remarks)
        known = self.deployments.setdefault(share.parent_id, share)
        if known is not share:
            known.widen(share)

    def count_parents(self, kind: Parent) -> int:
        """Return how many parent events of a kind there are."""
        return sum(share.kind == kind for share in self.deployments.values())

    def list_parents(self) -> list[tuple[str, DeploymentShare]]:
        """Return the parent events that have a row, in the order of their ids."""
        kept = ((parent_id, share) for parent_id, share in self.deployments.items() if share.kind != "none")
        return sorted(kept, key=lambda pair: pair[0])

    def to_coverage(self, taxa: Iterable[Taxon], methods: Mapping[str, str], content: str) -> Coverage:
        """Return what the archive covers, for its metadata."""
        shares = list(self.deployments.values())
        return Coverage(
            lat_deg=(min(share.lat_deg[0] for share in shares), max(share.lat_deg[1] for share in shares)),
            lon_deg=(min(share.lon_deg[0] for share in shares), max(share.lon_deg[1] for share in shares)),
            start_at=min(share.start_at for share in shares),
            end_at=max(share.end_at for share in shares),
            taxa=tuple(sorted((taxon for taxon in taxa if taxon.lsid in self.lsids), key=lambda item: item.aphia_id)),
            methods=tuple(sorted({methods[observer] for observer in self.observers})),
            stills=self.events["still"],
            clips=self.events["videoClip"],
            samples=self.events[SAMPLE_EVENT],
            runs=self.events[RUN_EVENT],
            validated=self.remarks["validated"],
            occurrences=self.occurrences,
            demonstration=self.demonstration,
            content=content,
        )


def to_constants(plan: DatasetPlan, *, demonstration: bool) -> Row:
    """Return the cells that are the same in every event."""
    return {
        "countryCode": plan.country_code or "",
        "locality": plan.locality or "",
        "license": LICENCES[plan.licence][1],
        "institutionCode": plan.institution_code,
        "datasetID": plan.identifier or plan.dataset_id,
        "datasetName": to_title(plan, demonstration=demonstration),
    }


def write_tables(folder: Path, drafts: Iterable[Draft], census: Census, constants: Row) -> str:
    """Write the three tables.

    Parameters
    ----------
    drafts
        In the order of their event ids. A parent's id is the beginning of its events' ids, so its row comes first.

    Returns
    -------
    str
        Digest over the tables' bytes.
    """
    with ExitStack() as stack:
        sheets = {table.name: stack.enter_context(_Sheet(folder, table)) for table in TABLES}
        events, occurrences, measurements = (sheets[table.name] for table in (EVENTS, OCCURRENCES, MEASUREMENTS))
        parents = census.list_parents()[::-1]
        for draft in drafts:
            # several may come before this one: ids are in the order of their letters, so other events may lie between
            while parents and parents[-1][0] < draft.event_id:
                _, share = parents.pop()
                events.write(share.to_event_row() | constants)
                measurements.write(*share.to_measurements())
            events.write(draft.event | constants)
            occurrences.write(*draft.occurrences)
            measurements.write(*draft.measurements)
    return to_digest({name: sheet.digest for name, sheet in sheets.items()})


class _Sheet:
    """One text file while it is written."""

    def __init__(self, folder: Path, table: Table) -> None:
        self._columns = table.columns
        self._path = folder / table.name
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        self._out = self._path.open("wb")
        self._put(self._columns)
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, *rows: Row) -> None:
        for row in rows:
            self._put(to_cell(row.get(column, "")) for column in self._columns)

    def _put(self, cells: Iterable[str]) -> None:
        line = ("\t".join(cells) + "\n").encode()
        self._hash.update(line)
        self._out.write(line)


def to_totals(census: Census) -> tuple[int, int]:
    """Return the rows of the core and of the measurements, parent events included."""
    parents = census.list_parents()
    own = sum(len(share.to_measurements()) for _, share in parents)
    return census.events.total() + len(parents), census.measurements + own


def to_newest(one: dt.datetime | None, other: dt.datetime | None) -> dt.datetime | None:
    """Return the later of two moments, of which either may not be known."""
    return max((moment for moment in (one, other) if moment is not None), default=None)
