"""Check a whole archive, in one pass over its sorted tables and in memory that does not grow with it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from sinks.darwin_core.documents.eml import read_title
from sinks.darwin_core.documents.meta import EML_NAME
from sinks.darwin_core.gate.complaints import Complaints
from sinks.darwin_core.gate.events import check_event
from sinks.darwin_core.gate.findings import check_measurements, check_occurrences, make_authority
from sinks.darwin_core.gate.layout import open_tables
from sinks.darwin_core.gate.samples import ParticleSums, check_sample_sums
from sinks.darwin_core.terms import EVENT_ROW, MEASUREMENT_ROW, OCCURRENCE_ROW, SAMPLE_EVENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sinks.darwin_core.gate.findings import Placed
    from sinks.darwin_core.labels import LabelMap
    from sinks.darwin_core.plan import Target


@dataclass(frozen=True, slots=True)
class Charter:
    """What an archive was to hold.

    Attributes
    ----------
    labels
        The pinned names: no other taxon may stand in the archive.
    newest_at
        When the newest result was stored; ``None`` when not known, and then nothing can be called future.
    events
        Rows of the core: one per unit, also those in which nothing was found, and one per deployment.
    """

    labels: LabelMap
    target: Target
    newest_at: dt.datetime | None
    events: int


def check_archive(folder: Path, charter: Charter) -> Complaints:
    """Check the files of an archive against each other and against what they were to hold.

    Returns
    -------
    Complaints
        Of the checks ``layout unknown_term missing_term repeated_term repeated_index wrong_index cells title order
        required licence pair place date date_order future parent inherited id status quantity name label duplicate link
        code unit sum effort lost_events``; none when the archive may be published.
    """
    complaints = Complaints()
    tables = open_tables(folder, complaints)
    if not tables:
        return complaints
    title = _read_title(folder, complaints)
    try:
        walk = _Walk(
            _Queue(tables[OCCURRENCE_ROW].read_rows(complaints), complaints),
            _Queue(tables[MEASUREMENT_ROW].read_rows(complaints), complaints),
        )
        _check_rows(tables[EVENT_ROW].read_rows(complaints), walk, charter, complaints, title=title)
    except UnicodeDecodeError as error:
        complaints.add("cells", "a table", f"not UTF-8 ({error.reason})")
    return complaints


def _read_title(folder: Path, complaints: Complaints) -> str:
    try:
        return read_title((folder / EML_NAME).read_bytes())
    except (OSError, ValueError) as error:
        complaints.add("title", EML_NAME, f"no title can be read ({error})")
        return ""


class _Queue:
    """Rows of a table that hang on events, handed over event by event; both tables are sorted by event id."""

    def __init__(self, rows: Iterable[Placed], complaints: Complaints) -> None:
        self._groups = groupby(rows, key=lambda item: item[1]["eventID"])
        self._complaints = complaints
        self._last = ""
        self._waiting = self._take()

    def _take(self) -> tuple[str, list[Placed]] | None:
        for event_id, rows in self._groups:
            group = list(rows)
            if event_id <= self._last:
                self._complaints.add(
                    "order", group[0][0], f"the event id {event_id!r} does not come after the last one"
                )
            self._last = event_id
            return event_id, group
        return None

    def take_until(self, event_id: str | None) -> list[Placed]:
        """Return the rows of an event; rows of events that never came before it are complaints."""
        while self._waiting is not None and (event_id is None or self._waiting[0] < event_id):
            for where, _ in self._waiting[1]:
                self._complaints.add("link", where, f"there is no event {self._waiting[0]!r}")
            self._waiting = self._take()
        if self._waiting is None or self._waiting[0] != event_id:
            return []
        rows = self._waiting[1]
        self._waiting = self._take()
        return rows


@dataclass(frozen=True, slots=True)
class _Walk:
    occurrences: _Queue
    measurements: _Queue


def _check_rows(events: Iterator[Placed], walk: _Walk, charter: Charter, complaints: Complaints, *, title: str) -> None:
    authority = make_authority(charter.labels, charter.target)
    parents: dict[str, dict[str, str]] = {}
    last, seen = "", 0
    particles = ParticleSums()
    for where, row in events:
        seen += 1
        event_id = row["eventID"]
        if event_id <= last:
            complaints.add("order", where, f"the event id {event_id!r} does not come after {last!r}: a duplicate?")
        last = event_id
        if row["datasetName"] != title:
            complaints.add("title", where, f"datasetName {row['datasetName']!r} is not the title of the data set")
        check_event(where, row, parents, complaints, newest_at=charter.newest_at)
        if not row["parentEventID"] or row["eventType"] == SAMPLE_EVENT:
            parents[event_id] = row
        found, measured = walk.occurrences.take_until(event_id), walk.measurements.take_until(event_id)
        check_occurrences(event_id, found, authority, complaints)
        check_measurements(row, found, measured, complaints)
        check_sample_sums(row, found, measured, complaints)
        particles.add(row, measured)
    particles.check(complaints)
    walk.occurrences.take_until(None)
    walk.measurements.take_until(None)
    if seen != charter.events:
        complaints.add("lost_events", "event.txt", f"{seen} events, where {charter.events} were looked at or declared")
