"""Everything that stands beside the result of a run: its record, its counts, what it is made of, particles and pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from schemas.finding import UNIDENTIFIED, MetricScale
from schemas.forms.quantities import QUANTITIES
from schemas.result import count_findings
from sinks.composition.beside.columns import ParticleColumns
from sinks.composition.beside.cutouts import CutoutFiles, Cutouts
from sinks.composition.composition import compose
from sinks.composition.outputs.composition_table import (
    write_composition_csv,
    write_composition_json,
    write_sizes_csv,
)
from sinks.composition.outputs.particle_table import ParticleTable
from sinks.composition.outputs.plot import draw_composition
from sinks.composition.particles import Filtered, Opinion, Predicted, choose_opinion, make_source
from sinks.composition.run_counts import (
    COUNTS,
    RunCounts,
    map_labels,
    to_run_volumes,
    without_meanings,
    write_run_counts,
)
from sinks.composition.tally import Rules, tally_particles
from sinks.composition.volumes import find_volume
from sinks.results import Product

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from schemas.finding import LookedImage, UnreadImage
    from schemas.result import Observer
    from schemas.sampling.run import RunAccount
    from schemas.unit import UnitStamp
    from sinks.composition.particles import Particle
    from sinks.results import OpenCompanion

_JSON, _CSV, _PARQUET, _PNG = "application/json", "text/csv", "application/vnd.apache.parquet", "image/png"

#: Names of the products that others look for.
RUN, COMPOSITION, PLOT = "run.json", "composition.json", "composition.png"


@dataclass(frozen=True, slots=True)
class Beside:
    """What is wanted beside the results of an installation's runs.

    Attributes
    ----------
    cutouts
        How the pictures of particles are kept.
    plot
        Whether the composition is drawn.
    rules
        By which particles are counted; the meanings of labels are used for the composition and not for the counts.
    """

    cutouts: Cutouts = "sheets"
    plot: bool = True
    rules: Rules = field(default_factory=lambda: Rules({}))


def make_companion(beside: Beside) -> OpenCompanion:
    """Return what makes the products of runs."""
    return partial(RunProducts, beside)


@dataclass
class RunProducts:
    """The products of one run while it is read."""

    beside: Beside
    unit: UnitStamp
    observer: Observer
    _said: dict[int, Opinion] | None = None
    _folder: TemporaryDirectory[str] = field(default_factory=lambda: TemporaryDirectory(prefix="observatory-run-"))
    _cutouts: CutoutFiles | None = None
    _columns: ParticleColumns = field(init=False)

    def __post_init__(self) -> None:
        """Know who names particles."""
        self._columns = ParticleColumns(_name_observer(self.observer))

    def look(self, account: RunAccount, entry: LookedImage, pixels: NDArray[np.uint8]) -> None:
        """Take a particle."""
        said, cutouts = self._hear(account)
        own = self._find_own(entry)
        self._columns.add(entry, own, pixels)
        image = entry.image
        chosen = said.get(image.index, own)
        pixel_um = image.scale.pixel_um if isinstance(image.scale, MetricScale) else None
        cutouts.add(UNIDENTIFIED if chosen is None else chosen.label, image.index, pixels, pixel_um)

    def miss(self, entry: UnreadImage) -> None:
        """Take a particle that could not be read."""
        self._columns.miss(entry.index)

    def _hear(self, account: RunAccount) -> tuple[Mapping[int, Opinion], CutoutFiles]:
        if self._said is None or self._cutouts is None:
            self._said = find_said(account, has_model=bool(self.observer.models))
            self._cutouts = CutoutFiles(self.beside.cutouts, account.record.group, Path(self._folder.name))
        return self._said, self._cutouts

    def _find_own(self, entry: LookedImage) -> Opinion | None:
        finding = next(iter(count_findings(entry)), None)
        if finding is None or finding.label == UNIDENTIFIED or UNIDENTIFIED in finding.flags:
            return None
        return Opinion(finding.label, Predicted(self._columns.by), finding.score)

    def finish(self, account: RunAccount) -> Iterator[Product]:
        """Yield the products, the short ones first."""
        said, cutouts = self._hear(account)
        repeats = self._columns.find_repeats()
        walk = partial(
            self._columns.walk, said, repeats, find_unverified(account, has_model=bool(self.observer.models))
        )
        record = account.record
        yield Product("run", RUN, _JSON, record.to_canonical())
        tally = tally_particles(walk(), without_meanings(self.beside.rules))
        observer = self.observer if self.observer.models else None
        counts = RunCounts(
            feed=self.unit.feed,
            run=record.group,
            instrument=account.instrument,
            unit_id=self.unit.unit_id,
            volumes=to_run_volumes(record),
            tally=tally,
            observer=observer,
        )
        yield Product("counts", COUNTS, _JSON, write_run_counts(counts))
        composition = compose(
            record.group,
            map_labels(tally, self.beside.rules.meanings),
            find_volume(counts.volumes),
            runs=(record.group,),
            demonstration=self.observer.is_demonstration,
        )
        yield Product("composition", COMPOSITION, _JSON, write_composition_json(composition))
        yield Product("composition_table", "composition.csv", _CSV, write_composition_csv(composition))
        yield Product("sizes_table", "sizes.csv", _CSV, write_sizes_csv(composition))
        if self.beside.plot:
            yield Product("plot", PLOT, _PNG, draw_composition(composition))
        yield from self._write_particles(record.group, walk())
        yield from cutouts.finish()
        self._folder.cleanup()

    def _write_particles(self, run: str, particles: Iterator[Particle]) -> Iterator[Product]:
        """Write the table of particles twice, one object each: for people and for programs."""
        folder = Path(self._folder.name)
        measures = tuple(name for name in QUANTITIES if name in self._columns.measures)
        with (folder / "particles.csv").open("wb") as rows, (folder / "particles.parquet").open("wb") as columns:
            ParticleTable(self.beside.rules, measures, rows, columns).write([(run, particles)])
        yield Product("particles", "particles.csv", _CSV, folder / "particles.csv")
        yield Product("particles_table", "particles.parquet", _PARQUET, folder / "particles.parquet")


def find_said(account: RunAccount, *, has_model: bool) -> dict[int, Opinion]:
    """Return, by index, what others say of particles and comes before the model's opinion.

    People who name themselves and the day come before a model; a model before the instrument's filter and before folders that
    somebody sorted, so that these count only where no model looked.
    """
    software = account.record.software or account.record.instrument or "the instrument"
    by_source = {"filter": f"{software} (filter)", "folder": "name of the folder", "annotation": "annotation table"}
    found: dict[int, list[Opinion]] = {}
    for item in account.said:
        otherwise = Filtered(by_source[item.source])
        source = make_source(item.annotator, item.decided_on, otherwise=otherwise)
        if source is otherwise and has_model:
            continue
        found.setdefault(item.index, []).append(Opinion(item.label, source))
    return {index: chosen for index, several in found.items() if (chosen := choose_opinion(several)) is not None}


def find_unverified(account: RunAccount, *, has_model: bool) -> dict[int, tuple[str, ...]]:
    """Return, by index, the labels that nobody checked and that do not count beside the model's: those of filters and folders."""
    found: dict[int, set[str]] = {}
    for item in account.said if has_model else ():
        if item.annotator is None or item.decided_on is None:
            found.setdefault(item.index, set()).add(item.label)
    return {index: tuple(sorted(labels)) for index, labels in found.items()}


def _name_observer(observer: Observer) -> str:
    return " + ".join(f"{model.name} {model.version}" for model in observer.models) or observer.name
