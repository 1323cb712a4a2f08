"""From settings to parts: the one place that knows which classes keep which promises."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from detectors.registry import build_detectors
from schemas.errors import FatalFault
from schemas.topics import Topics
from sinks.composition.beside.run_products import Beside, make_companion
from sinks.composition.flags import FlagRules, SphereRule
from sinks.composition.tally import Rules
from sinks.pages.pictures import crop_jpeg, draw_jpeg
from sinks.result_tables import make_tables
from sinks.results import Picturing, ResultSink
from streams.agents.gate import FeedGate, GateRule
from streams.feeds.camera import CameraReader
from streams.feeds.decoding.limits import Limits, Sampling
from streams.feeds.decoding.pool import DecodingPool
from streams.feeds.deployment_table import load_feed_deployments
from streams.feeds.reading.opening import OPENER
from streams.feeds.reading.readers import UnitReaders
from streams.feeds.reading.runs import RunUnitReader
from streams.places import find_bucket, lend_to_detectors, open_other_buckets
from streams.units.attempts import AttemptJournal
from streams.units.desk import SettingsDesk
from streams.units.originals import Originals
from streams.units.pipeline import Pipeline
from streams.units.routing import Router
from streams.units.spending import CpuClock, read_cpu_s
from streams.usage.record import Recorder, make_recorder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.forms.taxa import Meaning
    from schemas.unit import UnitKind
    from sinks.composition.flags import Flag
    from sinks.object_store.store import ObjectStore
    from sinks.results import OpenCompanion
    from streams.settings.model import Deployment


@dataclass
class Parts:
    """Everything a worker is made of; what is expensive is made when first asked for."""

    deployment: Deployment
    store: ObjectStore
    topics: Topics
    threads: int
    _pool: DecodingPool | None = None
    _building: Future[dict[str, Pipeline | FatalFault]] | None = None

    @cached_property
    def pool(self) -> DecodingPool:
        """The processes that decode."""
        limits = Limits(**self.deployment.limits.model_dump())
        self._pool = DecodingPool(size=self.threads, limits=limits, opener=OPENER)
        return self._pool

    @cached_property
    def originals(self) -> Originals:
        """Pictures as they came."""
        renews = self.deployment.store.keep_originals_days is not None
        others = open_other_buckets(self.deployment)
        return Originals(self.store, find_bucket(self.deployment), others, renews)

    @cached_property
    def desk(self) -> SettingsDesk:
        """What the settings say of feeds."""
        feeds, installations = self.deployment.feeds, self.deployment.installations
        return SettingsDesk(feeds, installations, self.originals, self.pool, load_feed_deployments(feeds))

    @cached_property
    def router(self) -> Router:
        """From arrivals to units."""
        return Router(self.topics, self.desk, self.store, self.originals, self.recorder)

    @cached_property
    def recorder(self) -> Recorder:
        """Writes uses down."""
        return make_recorder(self.deployment)

    @cached_property
    def journal(self) -> AttemptJournal:
        """What is at work, in a file that survives this process."""
        journal = AttemptJournal(self.deployment.folder / "state" / "attempts")
        journal.open()
        return journal

    def build_early(self) -> None:
        """Begin to load detectors and to start decoders, in a thread, while the caller loads other things; once."""
        if self._building is not None:
            return
        sampling = {name: Sampling(**feed.sampling.model_dump()) for name, feed in self.deployment.feeds.items()}
        # what both threads use is made before there are two
        reader = UnitReaders(
            CameraReader(self.pool, self.originals, self.desk, sampling),
            RunUnitReader(self.pool, self.originals, self.originals.list_parts),
        )
        _, _ = self.recorder, self.journal
        builder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="build")
        self._building = builder.submit(self._build_pipelines, reader)
        builder.shutdown(wait=False)
        self.pool.warm()

    @property
    def pipelines(self) -> dict[str, Pipeline | FatalFault]:
        """Each installation's way from a unit to its result, or why there is none."""
        if self._building is None:
            self.build_early()
        return cast("Future[dict[str, Pipeline | FatalFault]]", self._building).result()

    def _build_pipelines(self, reader: UnitReaders) -> dict[str, Pipeline | FatalFault]:
        context = lend_to_detectors(self.deployment, self.store)
        built = build_detectors(self.deployment.installations, context)
        clock = CpuClock(self._read_decoders)
        return {
            name: detector
            if isinstance(detector, FatalFault)
            else Pipeline(reader, detector, self._make_sink(name), self.recorder, self.journal, clock)
            for name, detector in built.items()
        }

    def _read_decoders(self) -> dict[int, float]:
        """Return the processor seconds of the decoding processes, of those that tell them."""
        processes = self.pool.list_processes()
        return {process: seconds for process in processes if (seconds := read_cpu_s(process)) is not None}

    def _make_sink(self, installation: str) -> ResultSink:
        settings = self.deployment.installations[installation]
        picturing = Picturing(settings.pictures, settings.pictures_per_unit, settings.crops_per_unit)
        given: tuple[tuple[Flag, tuple[float, float] | None], ...] = (
            ("bead", settings.beads_um),
            ("bubble", settings.bubbles_um),
        )
        spheres = tuple(SphereRule(flag, *range_um) for flag, range_um in given if range_um is not None)
        rules = Rules(self._meanings, flags=FlagRules(spheres=spheres))
        beside = Beside(settings.cutouts, plot=settings.pictures != "none", rules=rules)
        companions: Mapping[UnitKind, OpenCompanion] = {"run": make_companion(beside)}
        return ResultSink(self.store, draw_jpeg, make_tables, picturing, companions=companions, cut=crop_jpeg)

    @cached_property
    def _meanings(self) -> Mapping[str, Meaning]:
        """What labels stand for, where the settings name a label map."""
        if not (self.deployment.dataset.label_map or self.deployment.dataset.label_map_file):
            return {}
        from streams.publishing import find_meanings  # noqa: PLC0415 - it loads all of Darwin Core

        return find_meanings(self.deployment)

    def make_gate(self) -> FeedGate:
        """Return the gate that pauses a feed most of whose units fail."""
        given = self.deployment.worker
        return FeedGate(GateRule(given.pause_last, given.pause_share), frozenset(self.deployment.feeds))

    def close(self) -> None:
        """End processes and threads, and the journal: a worker that stops in order leaves no unit at work."""
        if self._pool is not None:
            self._pool.close()
        self.journal.close()


def assemble(deployment: Deployment, store: ObjectStore) -> Parts:
    """Return the parts of a worker; none is made yet."""
    threads = deployment.worker.threads or os.cpu_count() or 1
    return Parts(deployment, store, Topics(deployment.broker.topic_prefix), threads)
