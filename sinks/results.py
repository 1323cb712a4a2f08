"""Results made durable: products first, then the announcement, the document last: a document means that all is there."""

from __future__ import annotations

import datetime as dt
import hashlib
import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, cast

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput
from schemas.geometry import Whole
from schemas.result import (
    Asset,
    InlineContent,
    Processing,
    ResultStored,
    count_findings,
    digest_observer,
    to_result_folder,
)
from sinks.entries import EntryShelf, PackedEntry
from sinks.object_store.store import MISSING_OBJECT, NewObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from schemas.finding import Entry, Finding, LookedImage, UnreadImage
    from schemas.result import Observer, Result, TableContent
    from schemas.sampling.run import RunAccount
    from schemas.unit import UnitKind, UnitStamp, WorkOrder
    from sinks.object_store.store import ObjectStore

    #: From pixels, findings and whether the model is for demonstration to the bytes of an annotated JPEG.
    Draw = Callable[[NDArray[np.uint8], tuple[Finding, ...], bool], bytes]
    #: From pixels and one of its findings to the bytes of a JPEG of that finding.
    Cut = Callable[[NDArray[np.uint8], Finding], bytes]
    #: From entries to what the document says of the tables, and the bytes of the images and findings tables.
    MakeTables = Callable[[Iterable[Entry | PackedEntry]], tuple[TableContent, bytes, bytes]]
    #: Makes what is written beside the result of one unit.
    OpenCompanion = Callable[[UnitStamp, Observer], "Companion"]

#: What an announcement names of labels and products; more are counted.
_NAMED_LIMIT = 100

_JSON, _JPEG, _PARQUET = "application/json", "image/jpeg", "application/vnd.apache.parquet"

DOCUMENT, ANNOUNCEMENT = "result.json", "announcement.json"


@dataclass(frozen=True, slots=True)
class Picturing:
    """Which images of a unit are kept as annotated pictures.

    Attributes
    ----------
    which
        ``none``, ``found`` (images with findings) or ``all``.
    limit
        At most this many per unit, the first ones.
    crops
        How many findings of a unit are kept as pictures of their own, the first ones; not those that are masked, nor the whole.
    """

    which: Literal["none", "found", "all"] = "found"
    limit: int = 8
    crops: int = 0


@dataclass(frozen=True, slots=True)
class Product:
    """Something that is stored beside a result.

    Attributes
    ----------
    name
        Below the folder of the result.
    source
        Its bytes, or a local file that holds them.
    """

    role: str
    name: str
    media_type: str
    source: bytes | Path


@dataclass(frozen=True, slots=True)
class Sealed:
    """A result that is complete, but for its last two objects.

    Attributes
    ----------
    announcement, document
        To be stored in this order; the announcement's bytes are those of ``announced``.
    """

    announced: ResultStored
    announcement: NewObject
    document: NewObject


class Companion(Protocol):
    """Makes products of a unit beside its result, image by image."""

    def look(self, account: RunAccount, entry: LookedImage, pixels: NDArray[np.uint8]) -> None:
        """Take an image with its findings; the pixels are borrowed."""
        ...

    def miss(self, entry: UnreadImage) -> None:
        """Take an image that could not be read."""
        ...

    def finish(self, account: RunAccount) -> Iterator[Product]:
        """Yield the products, the most wanted ones first; each is stored before the next is asked for."""
        ...


@dataclass(frozen=True)
class ResultSink:
    """Stores results under keys that follow from feed, capture time, content, model and parameters.

    Parameters
    ----------
    store
        Where to.
    draw
        Makes annotated pictures.
    make_tables
        Makes the tables of units too large for a document.
    picturing
        Which pictures to keep.
    runtime
        What the processing record says of program and machine kind; no host name.
    companions
        What is written beside the results of a kind of unit.
    cut
        Makes pictures of single findings; without it there are none.
    """

    store: ObjectStore
    draw: Draw
    make_tables: MakeTables
    picturing: Picturing = field(default_factory=Picturing)
    runtime: str = field(default_factory=lambda: f"python {platform.python_version()} {platform.machine()}")
    companions: Mapping[UnitKind, OpenCompanion] = field(default_factory=dict)
    cut: Cut | None = None

    def begin(self, unit: UnitStamp, observer: Observer) -> ResultWriting | ResultStored:
        """Begin to write the result of a unit, or return the announcement of the one that is complete, as it was made.

        One look into the store tells both whether it is there and whether another observer's is.
        """
        folder = to_result_folder(unit, digest_observer(observer))
        of_unit = folder.rpartition("/")[0]
        documents = [info for info in self.store.list(f"{of_unit}/") if info.key.endswith(f"/{DOCUMENT}")]
        if any(info.key == f"{folder}/{DOCUMENT}" for info in documents):
            try:
                return ResultStored.from_json(self.store.read(f"{folder}/{ANNOUNCEMENT}"))
            except RejectedInput as fault:  # the machine failed while both became durable: the result is made once more
                if fault.reason != MISSING_OBJECT:
                    raise
        others = [(info.stored_at, info.key) for info in documents if not info.key.startswith(f"{folder}/")]
        follows = f"{unit.unit_id}.{max(others)[1].split('/')[-2]}" if others else None
        make = self.companions.get(unit.kind)
        companion = None if make is None else make(unit, observer)
        return ResultWriting(self, folder, observer.is_demonstration, companion, follows)

    def store_together(self, sealed: Iterable[Sealed]) -> None:
        """Store announcements and documents of several results, each announcement before its document."""
        self.store.write_together([new for one in sealed for new in (one.announcement, one.document)])


@dataclass
class ResultWriting:
    """The result of one unit while it is being made.

    ``follows`` is the id of the newest one by another observer that was there before; of equally new ones the last by name.
    """

    sink: ResultSink
    folder: str
    is_demonstration: bool
    companion: Companion | None = None
    follows: str | None = None
    _products: list[Asset] = field(default_factory=list)
    _pictures: int = 0
    _crops: int = 0
    _shelf: EntryShelf = field(default_factory=EntryShelf)

    def add(self, entry: Entry) -> None:
        """Take an entry of the document, in any order."""
        self._shelf.add(entry)

    def add_picture(self, entry: LookedImage, pixels: NDArray[np.uint8]) -> None:
        """Store the annotated picture of an image, where the settings ask for it and nothing else takes the unit's images."""
        if self.companion is not None:
            return
        self._add_crops(entry, pixels)
        picturing, findings = self.sink.picturing, entry.findings
        wanted = picturing.which == "all" or (picturing.which == "found" and bool(findings))
        if not wanted or self._pictures >= picturing.limit:
            return
        self._pictures += 1
        drawn = self.sink.draw(pixels, findings, self.is_demonstration)
        self._store_product("picture", f"pictures/{entry.image.index}.jpg", drawn, _JPEG)

    def _add_crops(self, entry: LookedImage, pixels: NDArray[np.uint8]) -> None:
        """Store pictures of single findings, as many of the unit as the settings ask for."""
        for finding in count_findings(entry):
            if self.sink.cut is None or self._crops >= self.sink.picturing.crops:
                return
            if not isinstance(finding.geometry, Whole):
                self._crops += 1
                name = f"crops/{entry.image.index}-{finding.n}.jpg"
                self._store_product("crop", name, self.sink.cut(pixels, finding), _JPEG)

    def add_to_companion(self, account: RunAccount | None, entry: LookedImage, pixels: NDArray[np.uint8]) -> None:
        """Show an image to what is written beside the result."""
        if self.companion is not None and account is not None:
            self.companion.look(account, entry, pixels)

    def store_companion(self, account: RunAccount | None, unread: Iterable[Entry]) -> None:
        """Store what is written beside the result."""
        if self.companion is None or account is None:
            return
        for entry in unread:
            self.companion.miss(cast("UnreadImage", entry))
        for product in self.companion.finish(account):
            self._store_product(product.role, product.name, product.source, product.media_type)

    def store_entries(self) -> InlineContent | TableContent:
        """Return the content of the document; a large one stands in tables, which are stored here."""
        inline = self._shelf.list_inline()
        if inline is not None:
            return InlineContent(images=inline)
        content, images_table, findings_table = self.sink.make_tables(self._shelf.walk())
        self._store_product("images_table", "images.parquet", images_table, _PARQUET)
        self._store_product("findings_table", "findings.parquet", findings_table, _PARQUET)
        return content

    def seal(
        self, result: Result, order: WorkOrder, *, started_at: dt.datetime, attempt: int, cpu_ms: int | None = None
    ) -> Sealed:
        """Return announcement and document, which are still to be stored."""
        document = result.to_canonical()
        processing = Processing(
            arrived_at=order.arrived_at,
            started_at=started_at,
            finished_at=dt.datetime.now(dt.UTC),
            attempt=attempt,
            runtime=self.sink.runtime,
            cpu_ms=cpu_ms,
            reprocessing_of=self.follows,
        )
        announced = self._announce(result, order, document, processing)
        return Sealed(
            announced,
            NewObject(f"{self.folder}/{ANNOUNCEMENT}", announced.to_canonical(), _JSON),
            NewObject(f"{self.folder}/{DOCUMENT}", document, _JSON),
        )

    def store(
        self, result: Result, order: WorkOrder, *, started_at: dt.datetime, attempt: int, cpu_ms: int | None = None
    ) -> ResultStored:
        """Store announcement and document, in this order, and return the announcement."""
        sealed = self.seal(result, order, started_at=started_at, attempt=attempt, cpu_ms=cpu_ms)
        self.sink.store_together([sealed])
        return sealed.announced

    def _announce(self, result: Result, order: WorkOrder, document: bytes, processing: Processing) -> ResultStored:
        counts, labels = self._shelf.tally.to_counts()
        return ResultStored(
            result_id=result.result_id,
            unit=result.unit,
            document=_to_asset("document", f"{self.folder}/{DOCUMENT}", document, _JSON),
            products=tuple(self._products[:_NAMED_LIMIT]),
            products_left_out=max(0, len(self._products) - _NAMED_LIMIT),
            observer_name=result.observer.name,
            observer_version=result.observer.version,
            demonstration=result.observer.is_demonstration,
            coverage=result.outcome.coverage.kind,
            counts=counts,
            labels=labels[:_NAMED_LIMIT],
            labels_left_out=max(0, len(labels) - _NAMED_LIMIT),
            where=order.unit.where,
            lane=order.lane,
            purpose=order.purpose,
            processing=processing,
        )

    def _store_product(self, role: str, name: str, source: bytes | Path, media_type: str) -> None:
        key = f"{self.folder}/{name}"
        if isinstance(source, bytes):
            self.sink.store.write(key, source, media_type=media_type)
            self._products.append(_to_asset(role, key, source, media_type))
            return
        self.sink.store.write_file(key, source, media_type=media_type)
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size_bytes = source.stat().st_size
        self._products.append(Asset(role=role, key=key, media_type=media_type, size_bytes=size_bytes, sha256=digest))


def _to_asset(role: str, key: str, data: bytes, media_type: str) -> Asset:
    return Asset(role=role, key=key, media_type=media_type, size_bytes=len(data), sha256=to_sha256(data))
