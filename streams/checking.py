"""Trying every part of a deployment without starting it: what connects, what can be built, and what is wrong with each."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from detectors.models.classifiers.folder import open_classifier_model
from detectors.registry import build_detector
from schemas.errors import FatalFault, ObservatoryError
from sinks.object_store.address import FolderAddress, read_address
from sinks.object_store.memory import MemoryStore
from streams.brokers.address import read_log_address, read_scheme
from streams.feeds.deployment_table import load_deployments
from streams.feeds.mongo.opening import check_collection
from streams.feeds.sample_sheet.sheet import load_sample_sheet
from streams.places import (
    find_broker,
    lend_to_detectors,
    open_broker,
    open_objects,
    open_other_buckets,
    to_broker_url,
    to_store_url,
)
from streams.publishing import find_meanings, load_labels, load_plan
from streams.settings.secrets import read_secret
from streams.usage.counting.robots import load_robots
from streams.usage.edge.geoip import open_country_file
from streams.usage.edge.opening import open_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from detectors.registry import BuildContext
    from schemas.forms.taxa import Meaning
    from sinks.object_store.store import ObjectStore
    from streams.feeds.mongo.rule import CollectionRule
    from streams.settings.model import Deployment


@dataclass(frozen=True, slots=True)
class Checked:
    """One part that was tried, what is wrong with it, if anything, and what is worth knowing of it."""

    part: str
    fault: ObservatoryError | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Check:
    """One look at all parts of a deployment.

    Parameters
    ----------
    wrong
        What is known to be wrong with the settings, each beginning with where it stands. What these settings are for is not
        tried, and nothing is made then, neither folder nor bucket: it might come to the wrong place.
    """

    deployment: Deployment
    wrong: tuple[str, ...] = ()
    _store: ObjectStore | None = field(default=None, init=False)

    def try_all(self) -> Iterator[Checked]:
        """Try every part, and yield what came of each."""
        if self._can_try("store") and self._may_open(self._is_store_there):
            yield self._try("object store", self._open_store)
            for name, bucket in self._list_buckets():
                yield self._try(f"bucket {name}", lambda: bucket.check(create=False))  # noqa: B023 - called at once
        if self._can_try("broker") and self._may_open(self._is_log_there):
            yield self._try("broker", self._connect)
        yield from self._check_files()
        yield from self._check_collections()
        yield from self._check_installations()

    def _can_try(self, table: str) -> bool:
        return not any(complaint.startswith((f"{table}.", f"{table}:")) for complaint in self.wrong)

    def _may_open(self, is_there: Callable[[], bool]) -> bool:
        return not self.wrong or is_there()

    def _is_store_there(self) -> bool:
        address = read_address(to_store_url(self.deployment))
        return not isinstance(address, FolderAddress) or address.folder.is_dir()

    def _is_log_there(self) -> bool:
        url = to_broker_url(self.deployment)
        return read_scheme(url) != "embedded" or read_log_address(url).path.is_file()

    def _open_store(self) -> None:
        self._store = open_objects(self.deployment, create=not self.wrong)

    def _list_buckets(self) -> Iterator[tuple[str, ObjectStore]]:
        if self._store is not None:
            yield from sorted(open_other_buckets(self.deployment).items())

    def _connect(self) -> None:
        client = find_broker(self.deployment) if self.wrong else open_broker(self.deployment)
        if client is not None:
            with closing(client):
                client.describe()

    def _check_files(self) -> Iterator[Checked]:
        """Try the files that the settings name, each once."""
        given = self.deployment
        tables = {feed.deployments for name, feed in given.feeds.items() if self._can_try(f"feeds.{name}.deployments")}
        for table in sorted(table for table in tables if table is not None):
            yield self._try(f"deployments in {table.name}", lambda: load_deployments(table))  # noqa: B023 - called at once
        sheets = {feed.samples for name, feed in given.feeds.items() if self._can_try(f"feeds.{name}.samples")}
        for sheet in sorted(sheet for sheet in sheets if sheet is not None):
            yield self._try(f"samples in {sheet.name}", lambda: load_sample_sheet(sheet))  # noqa: B023 - called at once
        if given.dataset.plan is not None:
            yield self._try("data set", lambda: (load_plan(given), load_labels(given)))
        key_file, country_file = given.project.pseudonym_key_file, given.project.country_file
        if key_file is not None:
            yield self._try("pseudonym key", lambda: open_keys(given.project))
        if country_file is not None:
            yield self._try("country file", lambda: open_country_file(country_file))
        robots_file = given.project.robots_file
        if robots_file is not None:
            yield self._try("list of robots", lambda: load_robots(robots_file))
        if given.models is not None and not given.models.is_dir():
            yield Checked("models", FatalFault(f"There is no folder {given.models.name} of models."))

    def _check_collections(self) -> Iterator[Checked]:
        for feed in self.deployment.feeds.values():
            rule = feed.collection
            if rule is not None and self._can_try("feeds"):
                yield self._try(f"collection {rule.source}", lambda: self._check_collection(rule))  # noqa: B023 - called at once

    def _check_collection(self, rule: CollectionRule) -> None:
        check_collection(rule, read_secret(rule.password, rule.password_file))

    def _check_installations(self) -> Iterator[Checked]:
        if not self.deployment.installations and not self.wrong:
            yield self._try("installations", lambda: require_installations(self.deployment))
        asked_in_vain: list[str] = []
        store = self._store or MemoryStore(before=lambda _verb, key: asked_in_vain.append(key))
        context = lend_to_detectors(self.deployment, store)
        if self.wrong:
            context = replace(context, cache_folder=None)
        for name, settings in self.deployment.installations.items():
            if not self._can_try(f"installations.{name}"):
                continue
            asked_in_vain.clear()
            tried = self._try(
                f"installation {name}",
                lambda: build_detector(settings.detector, settings.parameters, context),  # noqa: B023 - called at once
            )
            if tried.fault is not None and asked_in_vain:
                sentence = f"{tried.fault.sentence} The object store could not be looked into."
                tried = Checked(tried.part, FatalFault(sentence))
            if tried.fault is None and settings.detector == "roi-classifier":
                tried = replace(tried, notes=tuple(self._note_ids(str(settings.parameters["model"]), context)))
            yield tried

    def _note_ids(self, model: str, context: BuildContext) -> Iterator[str]:
        """Yield which ids of a classifier's folder are overruled and why, and where the label map says another taxon."""
        meanings: Mapping[str, Meaning] = {}
        with suppress(ObservatoryError):  # a wrong label map is told of the data set
            meanings = find_meanings(self.deployment)
        for taxon in open_classifier_model(model, (context.read_bytes,)).taxa:
            if taxon.is_overruled:
                believed = "no id" if taxon.aphia_id is None else f"id {taxon.aphia_id}"
                yield f"{taxon.label}: {believed} is believed; {taxon.reason}."
            meant = meanings.get(taxon.label)
            if meant is not None and meant.taxon is not None and taxon.aphia_id not in {None, meant.taxon.aphia_id}:
                yield (
                    f"{taxon.label}: the model stands for id {taxon.aphia_id}, the label map says {meant.taxon.aphia_id} "
                    f"({meant.taxon.scientific_name}). What is published is the label map's."
                )

    def _try(self, part: str, work: Callable[[], object]) -> Checked:
        try:
            work()
        except ObservatoryError as fault:
            return Checked(part, fault)
        return Checked(part)


def require_installations(deployment: Deployment) -> None:
    """Refuse settings by which nothing would ever be looked at.

    Raises
    ------
    FatalFault
        If they name no installation.
    """
    if not deployment.installations:
        sentence = (
            "The settings name no installation, so nothing would be looked at: add a table [installations.NAME] and a feed "
            "for it. `observatory init` writes an example of both."
        )
        raise FatalFault(sentence)
