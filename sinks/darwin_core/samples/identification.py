"""What an archive says of those who named the particles of a sample: models, the instrument's filter, people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from schemas.unit import SHORT_DIGEST
from sinks.composition.tally import SCORE_UNITS, Part
from sinks.darwin_core.identification import (
    DEMONSTRATION,
    LIST_MARK,
    find_score_limit,
    to_count,
    to_identified_by,
    to_method,
    to_references,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.result import Observer
    from sinks.composition.composition import Composition, Line
    from sinks.composition.particles import Status
    from sinks.darwin_core.plan import ModelCard
    from sinks.darwin_core.samples.published import PublishedSample

#: Predicted by a machine, or validated by a person: the last letter of an occurrence's id.
Verdict = Literal["P", "V"]

_STATUSES: dict[Verdict, tuple[Status, ...]] = {"P": ("predicted", "filtered"), "V": ("validated",)}


@dataclass(frozen=True, slots=True)
class Share:
    """The particles of one taxon that machines named, or that people did: one occurrence.

    Attributes
    ----------
    parts
        By kind of source, those with particles.
    other
        Particles of the taxon that stand in the other occurrence.
    """

    line: Line
    verdict: Verdict
    parts: dict[Status, Part]
    other: int

    @property
    def whole(self) -> Part:
        """All its particles."""
        whole = Part()
        for part in self.parts.values():
            whole.add(part)
        return whole


def list_shares(composition: Composition) -> list[Share]:
    """Return the occurrences of a sample: per taxon what machines predicted and what people validated, each particle once."""
    shares = []
    for line in composition.lines:
        if line.group.taxon is None:
            continue
        found = {status: part for status, part in line.parts if status is not None and part.particles}
        for verdict, statuses in _STATUSES.items():
            parts = {status: found[status] for status in statuses if status in found}
            if parts:
                own = sum(part.particles for part in parts.values())
                shares.append(Share(line, verdict, parts, line.estimate.particles - own))
    return shares


def name_identifiers(share: Share, observers: tuple[Observer, ...]) -> str:
    """Return who identified: name and version of models and software, or the people."""
    names: list[str] = []
    if "predicted" in share.parts:
        names += [to_identified_by(observer, _list_roles(observer)) for observer in observers]
        names += [] if observers else sorted(share.parts["predicted"].speakers)
    for status in ("filtered", "validated"):
        if status in share.parts:
            names += sorted(share.parts[status].speakers)
    return LIST_MARK.join(dict.fromkeys(names))


def name_references(share: Share, observers: tuple[Observer, ...], cards: tuple[ModelCard, ...]) -> str:
    """Return the models' cards and digests, on the validated row too; else what was looked at instead."""
    references = [to_references(observer, _list_roles(observer), cards) for observer in observers]
    if "filtered" in share.parts or not references:
        by = f"{_join_speakers(share)}, no trained model"
        references.append(by if "filtered" in share.parts else "identified by a person from the images")
    return LIST_MARK.join(dict.fromkeys(references))


def describe_share(share: Share, item: PublishedSample) -> str:
    """Return how this identification was made; the predicted row and the validated one of a taxon differ."""
    whole = share.whole
    said = ["Validated by people" if share.verdict == "V" else "Predicted by machine"]
    if share.verdict == "P" and item.is_demonstration and "predicted" in share.parts:
        said.insert(0, DEMONSTRATION)
    said.append(to_count(whole.particles, "particle"))
    if "filtered" in share.parts:
        filtered = to_count(share.parts["filtered"].particles, "particle")
        said.append(f"{filtered} labelled by {_join_speakers(share)}, without a score and checked by nobody")
    if whole.scored:
        mean, best = (f"{value / SCORE_UNITS:.4g}" for value in (whole.scores / whole.scored, whole.best))
        said += [f"score {best}"] if whole.scored == 1 else [f"mean score {mean}", f"max score {best}"]
    if share.verdict == "P":
        said += _name_thresholds(share, item)
    if share.other:
        other = "only predicted" if share.verdict == "V" else "validated"
        said.append(f"{to_count(share.other, 'further particle')} of this taxon {other}, in a row of its own")
    return "; ".join(said)


def _name_thresholds(share: Share, item: PublishedSample) -> list[str]:
    """Return the least score of the labels that became the taxon, where there is one; from and to where they differ."""
    rules = item.composition.rules
    limits: set[float] = set()
    for label in share.whole.labels:
        said = [rules.thresholds.get(label, rules.threshold)]
        for observer in item.observers:
            limit = _find_class_limits(observer).get(label, find_score_limit(observer))
            said += [] if limit is None else [limit]
        limits.add(max(said))
    if not any(limits):
        return []
    lowest, highest = min(limits), max(limits)
    return [f"threshold {highest:g}" if lowest == highest else f"threshold {lowest:g} to {highest:g}, by label"]


def _find_class_limits(observer: Observer) -> dict[str, float]:
    """Return the least score of classes that have one of their own, as the observer's parameters say it."""
    limits = json.loads(observer.parameters).get("thresholds", {})
    return {label: float(limit) for label, limit in limits.items()} if isinstance(limits, dict) else {}


def date_share(share: Share) -> str:
    """Return the day, or the days from and to, on which people decided; nothing of machines."""
    whole = share.whole
    if whole.first_on is None or whole.last_on is None:
        return ""
    first, last = whole.first_on.isoformat(), whole.last_on.isoformat()
    return first if first == last else f"{first}/{last}"


def name_sample_observers(item: PublishedSample) -> str:
    """Return the observers of a sample for people: models with the first digits of their digests, else who else spoke."""
    names = [
        f"{observer.name} {observer.version} ({observer.to_digest()[:SHORT_DIGEST]})" for observer in item.observers
    ]
    if not names:
        names = ["people" if status == "validated" else status for status in _list_statuses(item.composition)]
    return ", ".join(sorted(set(names))) or "nobody"


def describe_methods(item: PublishedSample) -> str:
    """Return sentences that let somebody repeat the numbers of a sample."""
    rules = item.composition.rules.to_plain()
    said = [to_method(observer) for observer in item.observers]
    said.append(
        f"Biovolume of a particle: {rules['biovolume']['formula']}. {rules['biovolume']['source']} "
        f"Size of a particle: {rules['size_measure']}."
    )
    said += [f"Labels without a score, checked by nobody, from: {name}." for name in _list_filters(item)]
    if rules["threshold"] or rules["thresholds"]:
        named = ", ".join(f"{label} {limit:g}" for label, limit in rules["thresholds"].items())
        said.append(f"Least score {rules['threshold']:g}{f' ({named})' if named else ''}.")
    return " ".join(said)


def _join_speakers(share: Share) -> str:
    """Return who gave labels without a score: the instrument's filter, or a folder that somebody sorted."""
    return ", ".join(sorted(share.parts["filtered"].speakers)) if "filtered" in share.parts else ""


def _list_filters(item: PublishedSample) -> list[str]:
    parts = (part for line in item.composition.lines for status, part in line.parts if status == "filtered")
    return sorted({name for part in parts for name in part.speakers})


def _list_statuses(composition: Composition) -> Iterable[str]:
    return {
        status for line in composition.lines for status, part in line.parts if status is not None and part.particles
    }


def _list_roles(observer: Observer) -> list[str]:
    return [model.role for model in observer.models]
