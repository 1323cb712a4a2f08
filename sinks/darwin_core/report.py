"""What a published archive holds, what it does not, and why: for a person, and for a machine."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sinks.darwin_core.identification import to_count

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What is in an archive, what is not, and why.

    Attributes
    ----------
    results
        Different results, samples and runs given; each is one event or is left out.
    repeated
        Results given more than once.
    deployments, stills, clips, samples, runs, visits
        Events of each type; ``empty`` of the stills, clips and samples have no occurrence.
    measurements
        Rows of the extended measurements.
    left_out, left_out_units
        Reason -> how many results; reason -> ids of the first few units.
    unmapped, without_id, not_taxa, traces
        Label -> how many findings are in no occurrence: the label map does not know it; knows it, but no source gave
        its taxon an id; says that it is no taxon; says that it is a trace of an animal.
    sha256, content_sha256
        Of the zip; over its files, whatever the compression library.
    notes
        Sentences for a person: what the archive lacks.
    """

    archive: Path
    results: int
    repeated: int
    deployments: int
    stills: int
    clips: int
    empty: int
    occurrences: int
    measurements: int
    left_out: Mapping[str, int]
    left_out_units: Mapping[str, tuple[str, ...]]
    unmapped: Mapping[str, int]
    without_id: Mapping[str, int]
    not_taxa: Mapping[str, int]
    traces: Mapping[str, int]
    observers: tuple[str, ...]
    demonstration: bool
    sha256: str
    content_sha256: str
    notes: tuple[str, ...]
    samples: int = 0
    runs: int = 0
    visits: int = 0

    def to_plain(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "archive": str(self.archive), "is_whole": self.is_whole}

    def to_text(self) -> str:
        """Return the report as lines for a person: what is in the archive, then what is not, then what it lacks."""
        lines = [
            f"{self.archive} (sha256 {self.sha256})",
            f"  events        {self._to_events()}",
            f"  occurrences   {self.occurrences}",
            f"  measurements  {self.measurements}",
            f"  observers     {', '.join(self.observers)}",
        ]
        if self.repeated:
            lines.append(f"  given again   {to_count(self.repeated, 'result')}, counted once")
        for reason, count in self.left_out.items():
            lines.append(
                f"  left out      {to_count(count, 'result')}: {reason} (as {', '.join(self.left_out_units[reason])})"
            )
        for what, labels in self._to_labels().items():
            if labels:
                named = ", ".join(f"{label!r} {count}" for label, count in labels.items())
                lines.append(f"  not published {to_count(sum(labels.values()), 'finding')}: {what}: {named}")
        lines.extend(f"  note          {note}" for note in self.notes)
        return "\n".join(lines)

    def _to_events(self) -> str:
        cameras = f"{self.stills} stills and {self.clips} clips"
        water = f"{to_count(self.samples, 'sample')} ({to_count(self.runs, 'run')}) of {to_count(self.visits, 'station visit')}"
        if not self.samples:
            return f"{cameras} ({self.empty} with nothing found) of {self.deployments} deployments"
        if not self.deployments:
            return f"{water} ({self.empty} with no taxon)"
        return f"{cameras} of {self.deployments} deployments, {water} ({self.empty} with nothing found)"

    def _to_labels(self) -> dict[str, Mapping[str, int]]:
        return {
            "labels the map does not know": self.unmapped,
            "labels whose taxon has no sourced id": self.without_id,
            "labels that are no taxon": self.not_taxa,
            "traces of animals": self.traces,
        }

    @property
    def is_whole(self) -> bool:
        """Whether every result and every finding of a taxon is in the archive."""
        return not (self.left_out or self.unmapped or self.without_id)
