"""The particles of a run, one row each, as CSV and Parquet: written as they come, in memory that does not grow with the run."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from schemas.forms.quantities import QUANTITIES
from sinks.composition.biovolume import find_biovolume
from sinks.composition.flags import find_flags
from sinks.composition.particles import Validated
from sinks.composition.sizes import find_size_class, list_bounds
from sinks.composition.tally import find_group
from sinks.parquet import Column, Layout, TableWriter, open_writer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sinks.composition.particles import Particle
    from sinks.composition.tally import Rules

_FIRST = (
    Column("run", "text"),
    Column("particle", "integer", repeats=False),
    Column("frame", "integer", repeats=False),
    Column("x_px", "integer", repeats=False),
    Column("y_px", "integer", repeats=False),
    Column("offset_s", "number", repeats=False),
    Column("label", "text"),
    Column("score", "number", repeats=False),
    Column("status", "text"),
    Column("identified_by", "text"),
    Column("decided_on", "text"),
    Column("unverified", "text"),
    Column("group", "text"),
    Column("taxon", "text"),
    Column("aphia_id", "integer"),
    Column("flags", "texts"),
    Column("counted", "flag"),
    Column("size_class_um", "text"),
    Column("biovolume_um3", "number", repeats=False),
)

#: Rows in memory before they are written out.
_GROUP_ROWS = 10_000

#: How several labels are parted in a cell.
_LIST_MARK = " | "

#: Decimals of the biovolume, as it is added up.
_VOLUME_DECIMALS = 6


def find_measures(particles: Iterable[Particle]) -> tuple[str, ...]:
    """Return the quantities that any particle has, in the order of the registry: the columns of a run's table."""
    seen: set[str] = set()
    for particle in particles:
        seen.update(particle.measures)
    return tuple(name for name in QUANTITIES if name in seen)


def make_layout(measures: tuple[str, ...]) -> Layout:
    """Return the columns of a table: what is said of a particle, then its measures, whose names end in their unit."""
    return Layout("run-particles/1", (*_FIRST, *(Column(name, "number", repeats=False) for name in measures)))


@dataclass(slots=True)
class ParticleTable:
    """Two open files that the particles of one or more runs are written to.

    Parameters
    ----------
    measures
        Columns of measures (:func:`find_measures`); others are not written.
    """

    rules: Rules
    measures: tuple[str, ...]
    csv_to: BinaryIO
    parquet_to: BinaryIO
    _rows: list[list[Any]] = field(default_factory=list)

    def write(self, runs: Iterable[tuple[str, Iterable[Particle]]]) -> int:
        """Write the particles of runs (name and particles), in the order given, and return how many they were.

        The same particles in the same order give the same bytes.

        Raises
        ------
        TransientFault
            If the disk is full.
        """
        layout = make_layout(self.measures)
        names = [column.name for column in layout.columns]
        self._put_csv([names])
        written = 0
        with open_writer(layout, self.parquet_to) as table:
            for run, particles in runs:
                for particle in particles:
                    self._rows.append(self._to_row(run, particle))
                    written += 1
                    if len(self._rows) == _GROUP_ROWS:
                        self._flush(table, names)
            self._flush(table, names)
        return written

    def _to_row(self, run: str, particle: Particle) -> list[Any]:
        group, opinion = find_group(particle, self.rules)
        named = particle.opinion
        kept_out = find_flags(particle, self.rules.flags)
        volume_um3 = find_biovolume(self.rules.shape, particle.measures)
        source = None if named is None else named.source
        return [
            run,
            particle.index,
            particle.frame,
            particle.x_px,
            particle.y_px,
            particle.offset_s,
            # a label below its threshold is still what its observer said; the group says that it is not believed
            None if named is None else named.label,
            None if named is None else named.score,
            None if source is None else source.status,
            None if source is None else source.by,
            source.decided_on.isoformat() if isinstance(source, Validated) else None,
            _LIST_MARK.join(particle.unverified) or None,
            group.kind,
            None if group.taxon is None or opinion is None else group.taxon.scientific_name,
            None if group.taxon is None or opinion is None else group.taxon.aphia_id,
            sorted({*particle.flags, *kept_out}),
            not kept_out,
            self._name_size(particle),
            None if volume_um3 is None else round(volume_um3, _VOLUME_DECIMALS),
            *(particle.measures.get(name) for name in self.measures),
        ]

    def _name_size(self, particle: Particle) -> str | None:
        diameter_um = particle.measures.get(self.rules.size_measure)
        if diameter_um is None:
            return None
        least, below = list_bounds(self.rules.edges_um)[find_size_class(diameter_um, self.rules.edges_um)]
        if least is None:
            return f"<{below:g}"
        return f">={least:g}" if below is None else f"{least:g}-{below:g}"

    def _flush(self, table: TableWriter, names: list[str]) -> None:
        if self._rows:
            table.write({name: [row[place] for row in self._rows] for place, name in enumerate(names)})
            self._put_csv([[_to_cell(value) for value in row] for row in self._rows])
            self._rows.clear()

    def _put_csv(self, rows: list[list[str]]) -> None:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        self.csv_to.write(out.getvalue().encode())


def _to_cell(value: object) -> str:
    """Return a value as a cell: nothing for what is not known, no needless ``.0``, flags parted by blanks."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return repr(value).removesuffix(".0")
        case list():
            return " ".join(value)
        case _:
            return str(value)
