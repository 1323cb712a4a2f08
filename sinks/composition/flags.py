"""Flags that keep a particle out of the counts of taxa: seen before, a bubble, a calibration bead."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sinks.composition.particles import Particle

Flag = Literal["repeated", "bubble", "bead"]

#: In the order in which they are printed.
FLAGS: tuple[Flag, ...] = ("repeated", "bubble", "bead")

#: Class names that say it, without case and with any of blank, underscore and hyphen between words.
LABELS: Mapping[str, Flag] = MappingProxyType(
    {
        "bubble": "bubble",
        "bubbles": "bubble",
        "air bubble": "bubble",
        "air bubbles": "bubble",
        "bead": "bead",
        "beads": "bead",
        "calibration bead": "bead",
        "calibration beads": "bead",
    }
)


@dataclass(frozen=True, slots=True)
class SphereRule:
    """Round things of one size: the beads that were put into this sample, or the bubbles of this set-up.

    Nothing is called a bead by its shape unless somebody says what beads there are.

    Attributes
    ----------
    least_um, most_um
        Diameter (``measure``), both ends included.
    circularity
        Least value of the measure ``circularity``, 0 to 1.
    """

    flag: Flag
    least_um: float
    most_um: float
    circularity: float = 0.9
    measure: str = "esd_um"

    def __post_init__(self) -> None:
        """Refuse a window that nothing fits."""
        if not 0 < self.least_um <= self.most_um or not 0 <= self.circularity <= 1:
            message = "a sphere has a diameter above 0, the least before the most, and a circularity of 0 to 1"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class FlagRules:
    """By what a particle is flagged, beside the flags it brings with it."""

    labels: Mapping[str, Flag] = field(default_factory=lambda: LABELS)
    spheres: tuple[SphereRule, ...] = ()


def find_flags(particle: Particle, rules: FlagRules) -> tuple[Flag, ...]:
    """Return the flags of a particle that keep it out of the counts, in the order they are printed; usually none."""
    found: set[str] = set(particle.flags)
    if particle.opinion is not None:
        named = rules.labels.get(_to_plain(particle.opinion.label))
        if named is not None:
            found.add(named)
    found.update(rule.flag for rule in rules.spheres if _fits(particle, rule))
    return tuple(flag for flag in FLAGS if flag in found)


def _fits(particle: Particle, rule: SphereRule) -> bool:
    diameter_um, circularity = particle.measures.get(rule.measure), particle.measures.get("circularity")
    if diameter_um is None or circularity is None:
        return False
    return rule.least_um <= diameter_um <= rule.most_um and circularity >= rule.circularity


def _to_plain(label: str) -> str:
    text = unicodedata.normalize("NFC", label).casefold().replace("_", " ").replace("-", " ")
    return " ".join(text.split())
