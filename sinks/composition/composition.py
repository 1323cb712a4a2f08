"""The composition of a sample: counts with their exact interval, per litre where the volume is known, and nothing guessed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import TYPE_CHECKING, Any

from sinks.composition.flags import FLAGS
from sinks.composition.poisson import CONFIDENCE, find_interval
from sinks.composition.sizes import list_bounds
from sinks.composition.tally import KINDS, VOLUME_UNITS, Group, Part, Rules, Tally
from sinks.composition.volumes import BASIS_WORDS, UnknownVolume, Volume

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sinks.composition.particles import Status

#: Digits of computed numbers: more than any count is worth, few enough that no platform's last bit shows.
DIGITS = 6

#: Cubic micrometres in a cubic millimetre.
_UM3_PER_MM3 = 10**9


@dataclass(frozen=True, slots=True)
class Estimate:
    """A count, and what it says of a litre.

    Attributes
    ----------
    low, high
        Exact 95 % interval of the count's mean.
    per_l, per_l_low, per_l_high
        The same divided by the volume; absent when the volume is not known.
    """

    particles: int
    low: float
    high: float
    per_l: float | None = None
    per_l_low: float | None = None
    per_l_high: float | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return JSON values; what is not known is left out."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Biovolume:
    """The room that particles take.

    Attributes
    ----------
    mm3
        Of all of them; absent as soon as one has no measure to compute it from.
    mm3_per_l, mm3_per_l_error
        Per litre, and its standard error from counting: the square root of the sum of the squared volumes, since particles
        come one by one (a compound Poisson sum).
    unmeasured
        Particles without a biovolume.
    """

    mm3: float | None = None
    mm3_per_l: float | None = None
    mm3_per_l_error: float | None = None
    unmeasured: int = 0

    def to_plain(self) -> dict[str, Any]:
        """Return JSON values; what is not known is left out."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Line:
    """One group of particles.

    Attributes
    ----------
    estimate, biovolume
        Of the particles that count.
    flagged
        Particles of the group that do not count; ``with_flagged`` is the estimate as if they did.
    by_status
        How many of those that count were validated, predicted or filtered.
    parts
        The sums behind it, by kind of source: for Darwin Core.
    """

    group: Group
    estimate: Estimate
    biovolume: Biovolume
    flagged: int
    with_flagged: Estimate
    by_status: tuple[tuple[str, int], ...]
    labels: tuple[tuple[str, int], ...]
    sizes: tuple[tuple[int, int], ...]
    parts: tuple[tuple[Status | None, Part], ...]


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Particles of one class of diameter, all groups together, without the flagged ones."""

    least_um: float | None
    below_um: float | None
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Composition:
    """What a sample is made of.

    Attributes
    ----------
    name
        The sample's id, or the run's name where there is no sample sheet.
    runs
        Names of the runs that were pooled, sorted.
    lines
        Taxa by falling count, then labels without an id, unknown labels, traces, things that are no taxa, unidentified ones.
    every, counted, flagged
        All particles; those without a flag; those with one. ``by_flag`` says which; a particle may have two.
    identified, unidentified
        Of the counted ones: with a believed label, whatever it means; without.
    demonstration
        A demonstration model named particles.
    """

    name: str
    runs: tuple[str, ...]
    volume: Volume | UnknownVolume
    rules: Rules
    lines: tuple[Line, ...]
    every: Estimate
    counted: Estimate
    flagged: Estimate
    identified: Estimate
    unidentified: Estimate
    by_flag: tuple[tuple[str, int], ...]
    sizes: tuple[SizeClass, ...]
    unsized: int
    biovolume: Biovolume
    demonstration: bool = False

    @property
    def per(self) -> str:
        """What the abundances are per, in words."""
        if isinstance(self.volume, UnknownVolume):
            return "volume not known: counts only"
        return BASIS_WORDS[self.volume.basis]


def compose(
    name: str, tally: Tally, volume: Volume | UnknownVolume, *, runs: Iterable[str] = (), demonstration: bool = False
) -> Composition:
    """Return the composition of a sample from its pooled counts and volume.

    Parameters
    ----------
    tally
        Of all its runs, pooled (:func:`sinks.composition.tally.pool_tallies`).
    volume
        Of the same runs, pooled (:func:`sinks.composition.volumes.pool_volumes`).
    """
    counted = _gather(tally.counted)
    flagged = _gather(tally.flagged)
    groups = sorted({*counted, *flagged}, key=lambda group: _to_order(group, counted))
    whole, kept_out = _sum(counted.values()), _sum(flagged.values())
    unidentified = sum(
        _sum(parts.values()).particles for group, parts in counted.items() if group.kind == "unidentified"
    )
    bounds = list_bounds(tally.rules.edges_um)
    return Composition(
        name=name,
        runs=tuple(sorted(runs)),
        volume=volume,
        rules=tally.rules,
        lines=tuple(_make_line(group, counted.get(group, {}), flagged.get(group, {}), volume) for group in groups),
        every=estimate(whole.particles + kept_out.particles, volume),
        counted=estimate(whole.particles, volume),
        flagged=estimate(kept_out.particles, volume),
        identified=estimate(whole.particles - unidentified, volume),
        unidentified=estimate(unidentified, volume),
        by_flag=tuple((flag, tally.by_flag[flag]) for flag in FLAGS),
        sizes=tuple(SizeClass(*bound, estimate(whole.sizes[number], volume)) for number, bound in enumerate(bounds)),
        unsized=whole.unsized,
        biovolume=find_volume_of(whole, volume),
        demonstration=demonstration,
    )


def estimate(particles: int, volume: Volume | UnknownVolume) -> Estimate:
    """Return a count with its interval, and both per litre where the volume is known."""
    low, high = find_interval(particles)
    if isinstance(volume, UnknownVolume):
        return Estimate(particles, to_digits(low), to_digits(high))
    litres = volume.litres
    return Estimate(
        particles,
        to_digits(low),
        to_digits(high),
        to_digits(float(particles / litres)),
        to_digits(low / float(litres)),
        to_digits(high / float(litres)),
    )


def find_volume_of(part: Part, volume: Volume | UnknownVolume) -> Biovolume:
    """Return the biovolume of a part; unknown as a whole when it is unknown for one particle."""
    if part.unmeasured:
        return Biovolume(unmeasured=part.unmeasured)
    scale = VOLUME_UNITS * _UM3_PER_MM3
    mm3 = Fraction(part.volume, scale)
    if isinstance(volume, UnknownVolume):
        return Biovolume(to_digits(float(mm3)))
    error = sqrt(Fraction(part.squares, scale * scale)) / float(volume.litres)
    return Biovolume(to_digits(float(mm3)), to_digits(float(mm3 / volume.litres)), to_digits(error))


def to_digits(value: float) -> float:
    """Return the number with six significant digits."""
    return float(f"{value:.{DIGITS}g}")


Parts = dict["Status | None", Part]


def _gather(parts: dict[tuple[Group, Status | None], Part]) -> dict[Group, Parts]:
    gathered: dict[Group, Parts] = {}
    for (group, status), part in parts.items():
        gathered.setdefault(group, {})[status] = part
    return gathered


def _sum(groups: Iterable[Parts] | Iterable[Part]) -> Part:
    whole = Part()
    for item in groups:
        for part in (item,) if isinstance(item, Part) else item.values():
            whole.add(part)
    return whole


def _to_order(group: Group, counted: dict[Group, Parts]) -> tuple[int, int, str, int]:
    number = sum(part.particles for part in counted.get(group, {}).values())
    return (KINDS.index(group.kind), -number, group.name, 0 if group.taxon is None else group.taxon.aphia_id)


def _make_line(group: Group, counted: Parts, flagged: Parts, volume: Volume | UnknownVolume) -> Line:
    whole, kept_out = _sum(counted.values()), _sum(flagged.values())
    statuses: tuple[Status, ...] = ("validated", "predicted", "filtered")
    labels = Counter(whole.labels)
    return Line(
        group=group,
        estimate=estimate(whole.particles, volume),
        biovolume=find_volume_of(whole, volume),
        flagged=kept_out.particles,
        with_flagged=estimate(whole.particles + kept_out.particles, volume),
        by_status=tuple((status, counted[status].particles if status in counted else 0) for status in statuses),
        labels=tuple(sorted(labels.items())),
        sizes=tuple(sorted(whole.sizes.items())),
        parts=tuple(sorted(counted.items(), key=lambda pair: pair[0] or "")),
    )


__all__ = [
    "CONFIDENCE",
    "Biovolume",
    "Composition",
    "Estimate",
    "Line",
    "SizeClass",
    "compose",
    "estimate",
    "find_volume_of",
    "to_digits",
]
