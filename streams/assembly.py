"""From settings to parts: the one place that knows which classes keep which promises."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from detectors.registry import BuildContext, build_detector
from schemas.errors import FatalFault, ObservatoryError
from schemas.topics import Topics
from sinks.object_store.address import S3Address, read_address
from sinks.object_store.opening import open_store
from sinks.pages.pictures import draw_jpeg
from sinks.result_tables import make_tables
from sinks.results import Picturing, ResultSink
from streams.agents.gate import FeedGate, GateRule
from streams.feeds.camera import CameraReader
from streams.feeds.decoding.limits import Limits, Sampling
from streams.feeds.decoding.pool import DecodingPool
from streams.feeds.deployment_table import load_deployments
from streams.places import open_broker, open_objects, to_store_credentials, to_store_url
from streams.units.attempts import AttemptJournal
from streams.units.desk import SettingsDesk
from streams.units.originals import Originals
from streams.units.pipeline import Pipeline
from streams.units.routing import Router
from streams.usage.record import Recorder, make_recorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from detectors.base import Detector
    from sinks.object_store.store import ObjectStore
    from streams.feeds.deployments import Deployment as DatedDeployment
    from streams.settings.model import Deployment


def load_feed_deployments(deployment: Deployment) -> dict[str, tuple[DatedDeployment, ...]]:
    """Return the dated deployments of each feed, from the tables that the settings name.

    Raises
    ------
    FatalFault
        Naming every wrong cell of a table.
    """
    return {
        name: tuple(load_deployments(feed.deployments).get(name, ()))
        for name, feed in deployment.feeds.items()
        if feed.deployments is not None
    }


def build_detectors(deployment: Deployment, store: ObjectStore) -> dict[str, Detector | FatalFault]:
    """Return each installation's detector, or why it cannot be built: one of them does not stop the others."""
    networks = deployment.folder / "state" / "networks"
    context = BuildContext(read_bytes=partial(_read_model_bytes, store, deployment.models), cache_folder=networks)
    built: dict[str, Detector | FatalFault] = {}
    for name, settings in deployment.installations.items():
        try:
            built[name] = build_detector(settings.detector, settings.parameters, context)
        except FatalFault as fault:
            built[name] = fault
    return built


def _read_model_bytes(store: ObjectStore, folder: Path | None, key: str) -> bytes:
    """Read a model's or background's file: from the folder of models first, then from the store under ``models/``."""
    if folder is not None:
        with suppress(FileNotFoundError):
            return (folder / key).read_bytes()
    return store.read(f"models/{key}")


def to_limits(deployment: Deployment) -> Limits:
    """Return what one unit may cost."""
    return Limits(**deployment.limits.model_dump())


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
        self._pool = DecodingPool(size=self.threads, limits=to_limits(self.deployment))
        return self._pool

    @cached_property
    def originals(self) -> Originals:
        """Pictures as they came."""
        address = read_address(to_store_url(self.deployment))
        bucket = address.bucket if isinstance(address, S3Address) else ""
        renews = self.deployment.store.keep_originals_days is not None
        return Originals(self.store, bucket, self._open_other_buckets(bucket), renews)

    def _open_other_buckets(self, own: str) -> Mapping[str, ObjectStore]:
        if not own:
            return {}
        url, credentials = urlsplit(self.deployment.store.url), to_store_credentials(self.deployment)
        return {
            name: open_store(url._replace(path=f"/{name}").geturl(), credentials)  # a host may be named like its bucket
            for name in self.deployment.store.allowed_buckets
        }

    @cached_property
    def desk(self) -> SettingsDesk:
        """What the settings say of feeds."""
        given = self.deployment
        return SettingsDesk(given.feeds, given.installations, self.originals, self.pool, load_feed_deployments(given))

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
        reader = CameraReader(self.pool, self.originals, self.desk, sampling)
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

    def _build_pipelines(self, reader: CameraReader) -> dict[str, Pipeline | FatalFault]:
        built = build_detectors(self.deployment, self.store)
        return {
            name: detector
            if isinstance(detector, FatalFault)
            else Pipeline(reader, detector, self._make_sink(name), self.recorder, self.journal)
            for name, detector in built.items()
        }

    def _make_sink(self, installation: str) -> ResultSink:
        settings = self.deployment.installations[installation]
        picturing = Picturing(settings.pictures, settings.pictures_per_unit)
        return ResultSink(self.store, draw_jpeg, make_tables, picturing)

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
    """Return the parts of a worker.

    Raises
    ------
    FatalFault
        If a table of deployments is wrong.
    """
    threads = deployment.worker.threads or os.cpu_count() or 1
    return Parts(deployment, store, Topics(deployment.broker.topic_prefix), threads)


def check_parts(deployment: Deployment) -> Iterator[tuple[str, ObservatoryError | None]]:
    """Try every part, and yield its name and what is wrong with it."""
    store: ObjectStore | None = None
    try:
        store = open_objects(deployment, create=True)
        yield "object store", None
    except ObservatoryError as fault:
        yield "object store", fault
    yield "broker", _try(lambda: open_broker(deployment).close())
    yield "tables of deployments", _try(lambda: load_feed_deployments(deployment))
    if store is None:
        return
    for name, detector in build_detectors(deployment, store).items():
        yield f"installation {name}", detector if isinstance(detector, FatalFault) else None


def _try(work: object) -> ObservatoryError | None:
    try:
        work()  # type: ignore[operator]
    except ObservatoryError as fault:
        return fault
    return None
