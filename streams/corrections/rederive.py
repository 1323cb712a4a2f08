"""Results derived again from a corrected table of deployments, without looking at a picture again.

What follows from a deployment is the capture time (zone and clock offset) and which findings lie in a mask; what can be told
again of either is said in :mod:`streams.feeds.corrections`. Where one of them changes, the same findings are stored under the
new capture time and parameters, announced, and the old result is marked as superseded. Position and depth are joined when
publishing and need nothing here.

Each result is written claim first, then tables, announcement and document; it is announced, and only then is the old one
marked. So a crash leaves both standing, the next run goes on, and a run that finds nothing to do writes nothing. No clock
stands in what is written: the processing that an announcement speaks of is that of the old result, the only one there was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical, to_sha256
from schemas.errors import RejectedInput
from schemas.finding import Entry
from schemas.media import MediaSettled, Stored
from schemas.result import (
    Asset,
    InlineContent,
    Observer,
    Result,
    ResultStored,
    TableContent,
    count_entries,
    make_result,
    to_result_folder,
)
from schemas.unit import Claim, to_day_path, to_unit_key
from sinks.results import ANNOUNCEMENT, DOCUMENT
from streams.feeds.corrections import correct_entry, correct_observer, correct_unit

if TYPE_CHECKING:
    from schemas.unit import UnitStamp
    from sinks.object_store.store import ObjectStore
    from streams.feeds.capture import CaptureRule
    from streams.feeds.deployments import Deployment

#: Beside a document that another one replaces: ``{"by": "<result id>"}``.
SUPERSEDED = "superseded.json"

#: Role of a table among a result's products -> its name, in the order in which readers and makers of tables take them.
_TABLES = {"images_table": "images.parquet", "findings_table": "findings.parquet"}

#: Labels that an announcement names; more are counted.
_LABELS_LIMIT = 100

_JSON, _PARQUET = "application/json", "application/vnd.apache.parquet"

Content = InlineContent | TableContent


@dataclass(frozen=True, slots=True)
class Tables:
    """How large results are read and written.

    Attributes
    ----------
    read
        From what the document says of the tables, and their bytes, to their entries.
    make
        From entries to what the document says of them, and the bytes of the images and findings tables.
    """

    read: Callable[[TableContent, bytes, bytes], Iterable[Entry]]
    make: Callable[[Iterable[Entry]], tuple[TableContent, bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Rederived:
    """A result that took the place of another.

    Attributes
    ----------
    stored
        To be announced; ``supersedes`` is the old result.
    settled
        How the arrival now ended, where the unit's capture time changed.
    """

    stored: ResultStored
    settled: MediaSettled | None


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one unit.

    Attributes
    ----------
    rederived
        Its results that were replaced; empty where nothing follows from the correction.
    refusal
        Why it was left as it is: its capture time can no longer be told, or an object of it is gone.
    """

    unit_id: str
    rederived: tuple[Rederived, ...] = ()
    refusal: RejectedInput | None = None


@dataclass(frozen=True, slots=True)
class _Corrected:
    """A result to be replaced, and what takes its place but for its content."""

    old: Result
    old_folder: str
    observer: Observer
    claim: Claim

    @property
    def stamp(self) -> UnitStamp:
        return self.claim.unit.stamp

    @property
    def folder(self) -> str:
        return to_result_folder(self.stamp, self.observer.to_digest())


@dataclass(frozen=True)
class Rederivation:
    """Derives the results of one feed again.

    Router and workers use the corrected table before this runs; otherwise they go on with the old one.

    Parameters
    ----------
    rule, deployments
        As they are now; deployments of the feed in the order of ``valid_from_at``.
    announce
        Returns when what it was given is durable.
    """

    store: ObjectStore
    rule: CaptureRule
    deployments: tuple[Deployment, ...]
    tables: Tables
    announce: Callable[[Rederived], None]

    def run(self, feed: str) -> Iterator[Step]:
        """Go through the units of a feed, in the order of their keys, and yield what became of each.

        Raises
        ------
        TransientFault, FatalFault
            From the store, or from announcing; the next run goes on.
        """
        for info in self.store.list(f"units/{feed}/"):
            claim = Claim.from_json(self.store.read(info.key))
            unit_id = claim.unit.stamp.unit_id
            try:
                yield Step(unit_id, tuple(self._rederive_unit(claim)))
            except RejectedInput as refusal:
                yield Step(unit_id, refusal=refusal)

    def _rederive_unit(self, claim: Claim) -> Iterator[Rederived]:
        unit, deployment = correct_unit(claim.unit, self.rule, self.deployments)
        mask = deployment.mask if deployment else None
        corrected = Claim(unit=unit, source=claim.source, event=claim.event)
        for folder in self._find_standing(claim.unit.stamp):
            old = Result.from_json(self.store.read(f"{folder}/{DOCUMENT}"))
            observer = correct_observer(old.observer, mask)
            replacement = _Corrected(old, folder, observer, corrected)
            if observer != old.observer:
                yield self._replace(replacement, lambda entry: correct_entry(entry, mask))
            elif unit.stamp != old.unit:
                yield self._replace(replacement, None)

    def _find_standing(self, stamp: UnitStamp) -> list[str]:
        """Return the folders of a unit's results that no other result has replaced."""
        prefix = f"results/{stamp.installation}/{stamp.feed}/{to_day_path(stamp.captured)}/{stamp.unit_id}/"
        keys = [info.key for info in self.store.list(prefix) if info.key.endswith(f"/{DOCUMENT}")]
        folders = [key.removesuffix(f"/{DOCUMENT}") for key in keys]
        return [folder for folder in folders if self.store.stat(f"{folder}/{SUPERSEDED}") is None]

    def _replace(self, new: _Corrected, change: Callable[[Entry], Entry] | None) -> Rederived:
        store, folder = self.store, new.folder
        moved = new.stamp != new.old.unit
        if moved:
            store.write_once(to_unit_key(new.stamp), new.claim.to_canonical(), media_type=_JSON)
        before = ResultStored.from_json(store.read(f"{new.old_folder}/{ANNOUNCEMENT}"))
        content, update = self._move_content(new, before, change)
        result = make_result(new.stamp, new.observer, new.old.outcome.model_copy(update={"content": content}))
        document = result.to_canonical()
        update |= {
            "result_id": result.result_id,
            "unit": new.stamp,
            "document": _to_asset("document", f"{folder}/{DOCUMENT}", document, _JSON),
            "where": new.claim.unit.where,
            "supersedes": new.old.result_id,
        }
        stored = before.model_copy(update=update)
        store.write(f"{folder}/{ANNOUNCEMENT}", stored.to_canonical(), media_type=_JSON)
        store.write(f"{folder}/{DOCUMENT}", document, media_type=_JSON)
        store.delete(f"{folder}/{SUPERSEDED}")  # a correction taken back: what had been replaced stands again
        rederived = Rederived(stored, _settle(new.claim) if moved else None)
        self.announce(rederived)
        store.write(f"{new.old_folder}/{SUPERSEDED}", to_canonical({"by": result.result_id}), media_type=_JSON)
        return rederived

    def _move_content(
        self, new: _Corrected, before: ResultStored, change: Callable[[Entry], Entry] | None
    ) -> tuple[Content, dict[str, Any]]:
        """Return the new content, its tables being stored, and what changes in the announcement by it."""
        content: Content = new.old.outcome.content
        if isinstance(content, InlineContent):
            if change is None:
                return content, {}
            content = InlineContent(images=tuple(change(entry) for entry in content.images))
            return content, _count(content.images)
        images, findings = (self.store.read(f"{new.old_folder}/{name}") for name in _TABLES.values())
        update: dict[str, Any] = {}
        if change is not None:
            entries = tuple(change(entry) for entry in self.tables.read(content, images, findings))
            content, images, findings = self.tables.make(entries)
            update = _count(entries)
        moved = {
            role: self._store_table(role, f"{new.folder}/{name}", data)
            for (role, name), data in zip(_TABLES.items(), (images, findings), strict=True)
        }
        products = tuple(moved.get(product.role, product) for product in before.products)
        return content, update | {"products": products}

    def _store_table(self, role: str, key: str, data: bytes) -> Asset:
        self.store.write(key, data, media_type=_PARQUET)
        return _to_asset(role, key, data, _PARQUET)


def _count(entries: tuple[Entry, ...]) -> dict[str, Any]:
    counts, labels = count_entries(entries)
    return {
        "counts": counts,
        "labels": labels[:_LABELS_LIMIT],
        "labels_left_out": max(0, len(labels) - _LABELS_LIMIT),
    }


def _settle(claim: Claim) -> MediaSettled:
    end = Stored(unit_ids=(claim.unit.stamp.unit_id,))
    return MediaSettled(source=claim.source, event=claim.event, subject=claim.unit.name, end=end)


def _to_asset(role: str, key: str, data: bytes, media_type: str) -> Asset:
    return Asset(role=role, key=key, media_type=media_type, size_bytes=len(data), sha256=to_sha256(data))
