"""From the findings of one unit to counts per taxon: pure, one image at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.canonical import rounded
from schemas.finding import LookedImage
from schemas.result import count_findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.finding import Entry, Finding, Image
    from schemas.forms.taxa import Taxon
    from sinks.darwin_core.labels import LabelRow

_SCORE_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one observer saw of one taxon in one unit.

    Attributes
    ----------
    labels
        The observer's class names that became this taxon, sorted.
    most
        MaxN: the largest number of findings in one image; ``None`` when the observer only says that the taxon is in
        the picture, which is no count.
    most_at_s, most_index
        Offset and index of the first image with that many.
    findings, images
        All findings of the taxon, and the images that have any.
    score_mean, score_max
        0 to 1, over all findings that have a score; ``None`` when none has.
    by
        Roles of the models that found it, sorted.
    """

    taxon: Taxon
    labels: tuple[str, ...]
    most: int | None
    most_at_s: float
    most_index: int
    findings: int
    images: int
    score_mean: float | None
    score_max: float | None
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of one unit; labels that became no taxon stand apart, each with its number of findings."""

    sightings: tuple[Sighting, ...]
    unmapped: Mapping[str, int]
    without_id: Mapping[str, int]
    not_taxa: Mapping[str, int]
    traces: Mapping[str, int]


@dataclass(slots=True)
class _Running:
    """The counts of one taxon so far."""

    taxon: Taxon
    labels: set[str] = field(default_factory=set)
    by: set[str] = field(default_factory=set)
    most: int = 0
    most_at_s: float = 0.0
    most_index: int = 0
    findings: int = 0
    images: int = 0
    scored: int = 0
    score_sum: float = 0.0
    score_max: float = 0.0

    def add_image(self, image: Image, found: list[Finding]) -> None:
        countable = sum(finding.geometry.kind != "whole" for finding in found)
        if countable > self.most or not self.images:
            self.most, self.most_at_s, self.most_index = countable, image.offset_s, image.index
        self.images += 1
        self.findings += len(found)
        for finding in found:
            self.labels.add(finding.label)
            self.by.add(finding.by)
            if finding.score is not None:
                self.scored += 1
                self.score_sum += finding.score
                self.score_max = max(self.score_max, finding.score)

    def to_sighting(self) -> Sighting:
        return Sighting(
            taxon=self.taxon,
            labels=tuple(sorted(self.labels)),
            most=self.most or None,
            most_at_s=self.most_at_s,
            most_index=self.most_index,
            findings=self.findings,
            images=self.images,
            score_mean=rounded(self.score_sum / self.scored, _SCORE_DECIMALS) if self.scored else None,
            score_max=self.score_max if self.scored else None,
            by=tuple(sorted(self.by)),
        )


def count_sightings(entries: Iterable[Entry], rows: Mapping[str, LabelRow]) -> Tally:
    """Count findings per taxon.

    Parameters
    ----------
    entries
        The images of one unit, in order. Images that could not be read add nothing.
    rows
        The label map's rows by label.

    Returns
    -------
    Tally
        Sightings sorted by AphiaID. A finding that lies within another is a part of it and is not counted.
    """
    running: dict[int, _Running] = {}
    aside: dict[str, Counter[str]] = {state: Counter() for state in ("unmapped", "without_id", "not_a_taxon", "trace")}
    for entry in entries:
        if not isinstance(entry, LookedImage):
            continue
        of_taxon: dict[int, list[Finding]] = {}
        for finding in count_findings(entry):
            taxon, state = _to_taxon(finding, rows)
            if taxon is None:
                aside[state][finding.label] += 1
            elif finding.within is None:
                running.setdefault(taxon.aphia_id, _Running(taxon))
                of_taxon.setdefault(taxon.aphia_id, []).append(finding)
        for aphia_id, found in of_taxon.items():
            running[aphia_id].add_image(entry.image, found)
    return Tally(
        sightings=tuple(running[aphia_id].to_sighting() for aphia_id in sorted(running)),
        unmapped=aside["unmapped"],
        without_id=aside["without_id"],
        not_taxa=aside["not_a_taxon"],
        traces=aside["trace"],
    )


def _to_taxon(finding: Finding, rows: Mapping[str, LabelRow]) -> tuple[Taxon | None, str]:
    row = rows.get(finding.label)
    if row is None:
        return None, "unmapped"
    taxon = row.taxon
    if taxon is None and row.state in {"taxon", "composite"}:
        return None, "without_id"
    return taxon, row.state
