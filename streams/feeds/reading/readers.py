"""One reader for all units: each is opened by the reader that knows its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from schemas.finding import Finding
    from schemas.unit import Unit
    from streams.feeds.camera import CameraReader, CameraUnit
    from streams.feeds.reading.runs import RunUnit, RunUnitReader


@dataclass(frozen=True)
class UnitReaders:
    """Opens the units of cameras and of instruments that write runs."""

    cameras: CameraReader
    runs: RunUnitReader

    def _find(self, unit: Unit) -> CameraReader | RunUnitReader:
        return self.runs if unit.stamp.kind == "run" else self.cameras

    def to_version(self, unit: Unit) -> str:
        """Return the reader's version for this kind of unit."""
        return self._find(unit).to_version(unit)

    def to_parameters(self, unit: Unit) -> dict[str, object]:
        """Return the feed's settings that change what is looked at or said."""
        return self._find(unit).to_parameters(unit)

    def open(self, unit: Unit) -> AbstractContextManager[CameraUnit | RunUnit]:
        """Open a unit.

        Raises
        ------
        RejectedInput, TransientFault
            As the reader of its kind.
        """
        return self._find(unit).open(unit)

    def flag(self, unit: Unit, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Return the findings, those inside a mask of the feed flagged."""
        return self._find(unit).flag(unit, findings)
