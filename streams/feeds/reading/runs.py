"""The reader of runs: a unit's files, read in another process, as images of particles with what the instrument measured."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from schemas.result import Complete, Effort
from schemas.sampling.run import RunAccount, RunRecord, SaidOfParticle
from streams.feeds.runs.listing import lend_run
from streams.feeds.runs.registry import make_readers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from detectors.base import View
    from schemas.finding import Entry, Finding
    from schemas.result import Broken
    from schemas.unit import Part, Unit
    from streams.feeds.decoding.pool import DecodingPool
    from streams.feeds.decoding.unit import OpenUnit
    from streams.units.originals import Originals

#: Layout of a run -> how it is read: part of every result's identity.
VERSIONS = {reader.layout: reader.version for reader in make_readers()}


@dataclass
class RunUnit:
    """An opened run.

    Attributes
    ----------
    group, instrument
        As its unit has them.
    """

    opened: OpenUnit
    group: str
    instrument: str
    _looked: int = 0

    def views(self) -> Iterator[View]:
        """Yield the particles; pixels stay valid until ``ROI_LOOKAHEAD`` further ones were drawn."""
        for view in self.opened.views:
            self._looked += 1
            yield view

    @property
    def effort(self) -> Effort:
        """What was read, and the volume that the particles were in where it is known."""
        volume_ml = self._record.counted_ml
        return Effort(
            images_looked=self._looked,
            images_unread=len(self.opened.unread),
            quantities={} if volume_ml is None else {"volume_ml": volume_ml},
        )

    @property
    def coverage(self) -> Complete | Broken:
        """Everything: a run that is not whole is not opened, and a particle that cannot be read is told by itself."""
        return Complete()

    @property
    def unread(self) -> tuple[Entry, ...]:
        """The particles that could not be read."""
        return tuple(self.opened.unread)

    @cached_property
    def account(self) -> RunAccount:
        """What the instrument says of the run, and others of its particles; all is there when the first view is drawn."""
        return RunAccount(
            self._record, self.instrument, tuple(SaidOfParticle.model_validate(item) for item in self.opened.said)
        )

    @property
    def _record(self) -> RunRecord:
        record = RunRecord.model_validate(self.opened.header.run)
        return record.model_copy(update={"group": self.group})


@dataclass(frozen=True)
class RunUnitReader:
    """Opens the runs of instruments.

    Parameters
    ----------
    list_parts
        Returns the parts of a unit, wherever they are listed.
    """

    pool: DecodingPool
    originals: Originals
    list_parts: Callable[[Unit], Sequence[Part]]
    versions: dict[str, str] = field(default_factory=lambda: VERSIONS)

    def to_version(self, unit: Unit) -> str:
        """Return the version of the reader that knows this layout, as ``visualspreadsheet/1``."""
        return self.versions[unit.layout]

    def to_parameters(self, unit: Unit) -> dict[str, object]:  # noqa: ARG002 - the promise asks
        """Return nothing: a run is read in one way."""
        return {}

    @contextmanager
    def open(self, unit: Unit) -> Iterator[RunUnit]:
        """Open a run.

        Raises
        ------
        RejectedInput
            ``original_changed`` if a stored original is not the one that arrived, or whatever is wrong with the run.
        TransientFault
            If the store is away.
        """
        with (
            lend_run(self.list_parts(unit), self.originals) as listing,
            self.pool.open_run(listing) as opened,
        ):
            yield RunUnit(opened, unit.group, unit.instrument)

    def flag(self, unit: Unit, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:  # noqa: ARG002 - the promise asks
        """Return the findings: a run has no masks of a deployment."""
        return findings
