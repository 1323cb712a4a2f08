"""The promise of a detector: it looks at the images of one unit, in order, and says what it saw in each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from schemas.result import Observer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from schemas.finding import Finding, Image
    from schemas.result import ModelRef
    from schemas.unit import UnitKind


@dataclass(frozen=True, slots=True)
class View:
    """An image and its pixels, in memory only.

    Attributes
    ----------
    image
        The countable picture.
    pixels
        ``(height_px, width_px, 3)`` uint8, RGB, upright. May be borrowed: valid until ``LOOKAHEAD`` (of particles
        ``ROI_LOOKAHEAD``) further views were drawn, so whoever keeps it longer copies it, and nobody writes into it.
    measures
        What the instrument that took the image measured of the one thing in it, sorted by registered quantity.
    """

    image: Image
    pixels: NDArray[np.uint8]
    measures: tuple[tuple[str, float], ...] = ()


#: How many views a detector may hold at once before it must answer for the first of them.
LOOKAHEAD = 8

#: The same of the particles of a run (images of kind ``roi``), which are small: with more of them in one call of a network, less
#: of the time goes into handing over.
ROI_LOOKAHEAD = 32


def find_lookahead(image: Image) -> int:
    """Return how many views of a unit may be held at once, by one of its images."""
    return ROI_LOOKAHEAD if image.kind == "roi" else LOOKAHEAD


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a detector's answers its own: another name, version, model or parameter is another observer."""

    name: str
    version: str
    models: tuple[ModelRef, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def to_observer(self, *, reader: str, parameters: Mapping[str, Any] | None = None) -> Observer:
        """Return the observer: this detector on units opened by ``reader``, with the feed's own parameters added."""
        return Observer.model_validate(
            {
                "name": self.name,
                "version": self.version,
                "reader": reader,
                "models": self.models,
                "parameters": {**self.parameters, **(parameters or {})},
            }
        )


class Detector(Protocol):
    """Looks at units; used by several threads at once, each with units of its own."""

    @property
    def identity(self) -> Identity:
        """Name, version, models and parameters."""
        ...

    def decline(self, kind: UnitKind) -> str | None:
        """Return the policy code by which units of this kind are skipped, or ``None`` when they are looked at."""
        ...

    def look(self, views: Iterable[View]) -> Iterator[tuple[Finding, ...]]:
        """Yield the findings of each view, in the order drawn; an empty tuple means *looked and saw nothing*.

        Parameters
        ----------
        views
            The images of one unit, or stills of several units: what is said of a still depends on nothing but itself. At most
            ``LOOKAHEAD`` may be drawn ahead of the answers, of particles ``ROI_LOOKAHEAD``.

        Raises
        ------
        RejectedInput
            If the pictures cannot be what this detector is for.
        FatalFault
            If the detector itself is broken (a model that does not load or run).
        """
        ...
