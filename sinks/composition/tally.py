"""Counting: from particles to counts, volumes and sizes per group, in whole numbers, so that order and pooling never matter."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sinks.composition.biovolume import DEFAULT_SHAPE, FORMULAS, Shape, find_biovolume
from sinks.composition.flags import FLAGS, Flag, FlagRules, find_flags
from sinks.composition.particles import Validated
from sinks.composition.sizes import OCTAVES_UM, check_edges, find_size_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.forms.taxa import Meaning, Taxon
    from sinks.composition.particles import Opinion, Particle, Status

#: ``taxon``: it may be published. ``without_id``: a taxon whose id no source gives. ``unmapped``: the label map does not know
#: the label. ``unidentified``: nobody gave the particle a name, or its class scored below its threshold.
Kind = Literal["taxon", "without_id", "not_a_taxon", "trace", "unmapped", "unidentified"]

KINDS: tuple[Kind, ...] = ("taxon", "without_id", "unmapped", "trace", "not_a_taxon", "unidentified")

#: Volumes are added in whole millionths of a cubic micrometre; scores, and diameters in micrometres, in whole ten-thousandths.
VOLUME_UNITS, SCORE_UNITS, DIAMETER_UNITS = 10**6, 10**4, 10**4


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that turns particles into counts, beside the particles.

    Attributes
    ----------
    meanings
        What each label stands for.
    thresholds, threshold
        Least score of a label, and of every label that is not named. An observer that has thresholds of its own applies them
        itself; these come on top. An opinion without a score is believed.
    shape
        Formula of the biovolume.
    size_measure, edges_um
        Diameter and edges of the size classes.
    """

    meanings: Mapping[str, Meaning]
    thresholds: Mapping[str, float] = field(default_factory=dict)
    threshold: float = 0.0
    shape: Shape = DEFAULT_SHAPE
    size_measure: str = "esd_um"
    edges_um: tuple[float, ...] = OCTAVES_UM
    flags: FlagRules = field(default_factory=FlagRules)

    def __post_init__(self) -> None:
        """Refuse edges that do not rise."""
        check_edges(self.edges_um)

    def to_plain(self) -> dict[str, Any]:
        """Return the rules that stand beside the numbers, as JSON values."""
        formula = FORMULAS[self.shape]
        return {
            "threshold": self.threshold,
            "thresholds": dict(sorted(self.thresholds.items())),
            "biovolume": {"shape": self.shape, "formula": formula.text, "source": formula.source},
            "size_measure": self.size_measure,
            "size_edges_um": list(self.edges_um),
            "spheres": [
                {
                    "flag": rule.flag,
                    "measure": rule.measure,
                    "least_um": rule.least_um,
                    "most_um": rule.most_um,
                    "circularity": rule.circularity,
                }
                for rule in self.flags.spheres
            ],
        }


@dataclass(frozen=True, slots=True)
class Group:
    """What particles are counted as: a taxon, or a label that became none; ``unidentified`` has no name."""

    kind: Kind
    name: str = ""
    taxon: Taxon | None = None


@dataclass(slots=True)
class Part:
    """The particles of one group that one kind of source named, added up.

    Attributes
    ----------
    labels
        How many particles had each label.
    volume, squares
        Sum of the biovolumes and of their squares, in :data:`VOLUME_UNITS` of um3 and their squares.
    unmeasured
        Particles without a biovolume.
    sizes
        Size class -> particles; ``unsized`` have no diameter.
    diameters, diameter_squares
        Sum of the diameters and of their squares, in :data:`DIAMETER_UNITS` of um and their squares.
    scores, scored, best
        Sum of the scores in :data:`SCORE_UNITS`, how many have one, and the highest.
    speakers
        Who named them.
    first_on, last_on
        Days on which people decided.
    """

    particles: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    volume: int = 0
    squares: int = 0
    unmeasured: int = 0
    sizes: Counter[int] = field(default_factory=Counter)
    unsized: int = 0
    diameters: int = 0
    diameter_squares: int = 0
    scores: int = 0
    scored: int = 0
    best: int = 0
    speakers: set[str] = field(default_factory=set)
    first_on: dt.date | None = None
    last_on: dt.date | None = None

    def add_particle(self, particle: Particle, opinion: Opinion | None, rules: Rules) -> None:
        """Count one particle."""
        self.particles += 1
        volume_um3 = find_biovolume(rules.shape, particle.measures)
        if volume_um3 is None:
            self.unmeasured += 1
        else:
            units = round(volume_um3 * VOLUME_UNITS)
            self.volume += units
            self.squares += units * units
        diameter_um = particle.measures.get(rules.size_measure)
        if diameter_um is None:
            self.unsized += 1
        else:
            self.sizes[find_size_class(diameter_um, rules.edges_um)] += 1
            across = round(diameter_um * DIAMETER_UNITS)
            self.diameters += across
            self.diameter_squares += across * across
        if opinion is not None:
            self._add_opinion(opinion)

    def _add_opinion(self, opinion: Opinion) -> None:
        self.labels[opinion.label] += 1
        self.speakers.add(opinion.source.by)
        if opinion.score is not None:
            score = round(opinion.score * SCORE_UNITS)
            self.scored += 1
            self.scores += score
            self.best = max(self.best, score)
        if isinstance(opinion.source, Validated):
            self._add_days(opinion.source.decided_on, opinion.source.decided_on)

    def add(self, other: Part) -> None:
        """Add another part of the same group."""
        self.particles += other.particles
        self.labels.update(other.labels)
        self.volume += other.volume
        self.squares += other.squares
        self.unmeasured += other.unmeasured
        self.sizes.update(other.sizes)
        self.unsized += other.unsized
        self.diameters += other.diameters
        self.diameter_squares += other.diameter_squares
        self.scores += other.scores
        self.scored += other.scored
        self.best = max(self.best, other.best)
        self.speakers |= other.speakers
        if other.first_on is not None and other.last_on is not None:
            self._add_days(other.first_on, other.last_on)

    def _add_days(self, first_on: dt.date, last_on: dt.date) -> None:
        self.first_on = min(self.first_on or first_on, first_on)
        self.last_on = max(self.last_on or last_on, last_on)


Key = tuple[Group, "Status | None"]


@dataclass(slots=True)
class Tally:
    """The counts of one or more runs.

    Every particle is in ``counted`` or in ``flagged``, once.

    Attributes
    ----------
    counted
        Particles without a flag that keeps them out, by group and kind of source.
    flagged
        The others, likewise.
    by_flag
        Flag -> particles; a particle with two flags is in both.
    """

    rules: Rules
    counted: dict[Key, Part] = field(default_factory=dict)
    flagged: dict[Key, Part] = field(default_factory=dict)
    by_flag: Counter[Flag] = field(default_factory=Counter)

    @property
    def particles(self) -> int:
        """All particles."""
        return sum(part.particles for parts in (self.counted, self.flagged) for part in parts.values())

    def add(self, other: Tally) -> None:
        """Add the counts of another run.

        Raises
        ------
        ValueError
            If it was counted by other rules.
        """
        if other.rules != self.rules:
            message = "counts made by different rules cannot be pooled"
            raise ValueError(message)
        for own, others in ((self.counted, other.counted), (self.flagged, other.flagged)):
            for key, part in others.items():
                own.setdefault(key, Part()).add(part)
        self.by_flag.update(other.by_flag)


def tally_particles(particles: Iterable[Particle], rules: Rules) -> Tally:
    """Count particles, one at a time: memory grows with taxa and labels, not with particles.

    The order of particles plays no part.
    """
    tally = Tally(rules)
    for particle in particles:
        flags = find_flags(particle, rules.flags)
        tally.by_flag.update(flags)
        group, opinion = find_group(particle, rules)
        parts = tally.flagged if flags else tally.counted
        key = (group, None if opinion is None else opinion.source.status)
        parts.setdefault(key, Part()).add_particle(particle, opinion, rules)
    return tally


def pool_tallies(tallies: Iterable[Tally], rules: Rules) -> Tally:
    """Return the counts of several runs as those of one.

    Raises
    ------
    ValueError
        If one was counted by other rules.
    """
    pooled = Tally(rules)
    for tally in tallies:
        pooled.add(tally)
    return pooled


def find_group(particle: Particle, rules: Rules) -> tuple[Group, Opinion | None]:
    """Return what a particle is counted as, and the opinion that made it so; none for an unidentified one."""
    opinion = particle.opinion
    if opinion is None or not _is_believed(opinion, rules):
        return Group("unidentified"), None
    return find_meant(opinion.label, rules.meanings), opinion


def find_meant(label: str, meanings: Mapping[str, Meaning]) -> Group:
    """Return what particles of a label are counted as."""
    meaning = meanings.get(label)
    if meaning is None:
        return Group("unmapped", label)
    if meaning.taxon is not None and meaning.state in {"taxon", "composite"}:
        return Group("taxon", meaning.taxon.scientific_name, meaning.taxon)
    match meaning.state:
        case "not_a_taxon" | "trace" as kind:
            return Group(kind, label)
        case _:
            return Group("without_id", label)


def _is_believed(opinion: Opinion, rules: Rules) -> bool:
    return opinion.score is None or opinion.score >= rules.thresholds.get(opinion.label, rules.threshold)


__all__ = [
    "DIAMETER_UNITS",
    "FLAGS",
    "KINDS",
    "SCORE_UNITS",
    "VOLUME_UNITS",
    "Group",
    "Key",
    "Kind",
    "Part",
    "Rules",
    "Tally",
    "find_group",
    "find_meant",
    "pool_tallies",
    "tally_particles",
]
