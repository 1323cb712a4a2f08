"""The shipped fake: a detector that answers as it was told, for tests and for trying out a deployment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.base import Identity
from schemas.finding import Finding, number_findings
from schemas.geometry import Box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from detectors.base import View
    from schemas.unit import UnitKind

#: Pictures brighter than this (mean of 255) hold one finding.
BRIGHT = 128.0


def find_bright_centre(view: View) -> tuple[Finding, ...]:
    """Report one box over the middle half of a picture whose mean brightness is above 128 of 255."""
    brightness = float(view.pixels.mean())
    if brightness <= BRIGHT:
        return ()
    width_px, height_px = view.image.width_px, view.image.height_px
    box = Box(xyxy=(width_px / 4, height_px / 4, width_px * 3 / 4, height_px * 3 / 4))
    return number_findings([Finding(n=0, by="method", label="bright", score=brightness / 255, geometry=box)])


@dataclass(frozen=True)
class ScriptedDetector:
    """Answers every view with ``script``; its identity says so.

    Attributes
    ----------
    script
        From a view to its findings, already numbered.
    declined
        Unit kinds it skips, with the policy code given as reason.
    """

    script: Callable[[View], tuple[Finding, ...]] = find_bright_centre
    declined: tuple[tuple[str, str], ...] = ()
    name: str = "scripted"

    @property
    def identity(self) -> Identity:
        """``scripted`` version 1, without a model; the name of the script is its parameter."""
        return Identity(name=self.name, version="1", parameters={"script": getattr(self.script, "__name__", "script")})

    def decline(self, kind: UnitKind) -> str | None:
        """Return the policy given for this kind."""
        return dict(self.declined).get(kind)

    def look(self, views: Iterable[View]) -> Iterator[tuple[Finding, ...]]:
        """Yield what the script says of each view."""
        for view in views:
            yield self.script(view)
