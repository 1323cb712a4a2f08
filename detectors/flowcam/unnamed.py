"""The detector for runs without a classifier: every image is one particle, and none is given a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.base import Identity
from schemas.finding import UNIDENTIFIED, Finding
from schemas.geometry import Whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detectors.base import View
    from schemas.unit import UnitKind

VERSION = "1"

#: Units whose images are each one thing.
_RUNS: frozenset[UnitKind] = frozenset({"run", "image_set"})

_PARTICLE = (Finding(n=0, by="method", label=UNIDENTIFIED, geometry=Whole(), flags=(UNIDENTIFIED,)),)


@dataclass(frozen=True, slots=True)
class ParticleCounter:
    """Says of every image that it is one particle whose name is not known: enough for counts and concentrations."""

    @property
    def identity(self) -> Identity:
        """``particles`` version 1, without a model and without parameters."""
        return Identity(name="particles", version=VERSION)

    def decline(self, kind: UnitKind) -> str | None:
        """Decline whatever is not a run: a still may show none or many things."""
        return None if kind in _RUNS else "not_a_run"

    def look(self, views: Iterable[View]) -> Iterator[tuple[Finding, ...]]:
        """Yield one unidentified finding for each view."""
        for _ in views:
            yield _PARTICLE
