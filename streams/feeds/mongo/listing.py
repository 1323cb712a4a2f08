"""The promise of a collection that lists images, what a document says, and the shipped fake."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.mongo.rule import CollectionRule


@dataclass(frozen=True, slots=True)
class Document:
    """One document, as far as it is read.

    Attributes
    ----------
    ident
        Its ``_id`` as text that :meth:`ImageCollection.list_after` understands.
    made_at
        When it was made, where its id says it.
    path, key
        Where the image is; absent where the field is missing or no text.
    captured_at
        Capture time in UTC; absent where the field is missing, no time, or a time without a zone.
    digest
        SHA-256 that is claimed of the bytes.
    """

    ident: str
    made_at: dt.datetime | None = None
    path: str | None = None
    key: str | None = None
    captured_at: dt.datetime | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """What it is called where people read of it: no folder of anybody's computer."""
        told = self.path or self.key or self.ident
        segments = re.split(r"[/\\]", told)
        leads_elsewhere = segments[0] in {"", "~"} or told[1:2] == ":" or ".." in segments
        return (segments[-1] or self.ident) if leads_elsewhere else told


class ImageCollection(Protocol):
    """Lists documents in the order of their ids."""

    def list_after(self, ident: str | None, *, overlap_s: float = 0.0) -> Iterator[Document]:
        """Yield the documents after one, or all; memory does not grow with the collection.

        Documents that are added meanwhile may or may not come.

        Parameters
        ----------
        overlap_s
            Begin so much earlier, where ids hold a time.

        Raises
        ------
        TransientFault
            If the server is away.
        FatalFault
            If it refuses us, or ids are of a kind that cannot be resumed after.
        """
        ...

    def close(self) -> None:
        """Let go of the server."""
        ...


def read_document(ident: str, made_at: dt.datetime | None, plain: Mapping[str, Any], rule: CollectionRule) -> Document:
    """Return what the rule's fields of a document say."""
    digest = _find_text(plain, rule.digest_field)
    return Document(
        ident=ident,
        made_at=made_at,
        path=_find_text(plain, rule.path_field),
        key=_find_text(plain, rule.key_field),
        captured_at=_to_time(_find(plain, rule.time_field)),
        digest=None if digest is None else digest.lower(),
    )


def _find(plain: Mapping[str, Any], name: str | None) -> object:
    """Return the value of a field, by way of documents within documents; ``None`` where there is none."""
    if name is None:
        return None
    value: object = plain
    for segment in name.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(segment)
    return value


def _find_text(plain: Mapping[str, Any], name: str | None) -> str | None:
    value = _find(plain, name)
    return value if isinstance(value, str) and value else None


def _to_time(value: object) -> dt.datetime | None:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, dt.datetime) or value.tzinfo is None:
        return None
    return value.astimezone(dt.UTC)


@dataclass
class ScriptedCollection:
    """The shipped fake: documents in memory, in the order in which they were added.

    Attributes
    ----------
    fault
        Raised instead of listing, while it is set.
    """

    rule: CollectionRule
    documents: list[tuple[dt.datetime, Mapping[str, Any]]] = field(default_factory=list)
    fault: Exception | None = None

    def add(self, plain: Mapping[str, Any], made_at: dt.datetime | None = None) -> None:
        """Add a document, made at some time; one that is made earlier than others stands before them."""
        made_at = made_at or dt.datetime.now(dt.UTC)
        self.documents.append((made_at, plain))
        self.documents.sort(key=lambda item: item[0])

    def list_after(self, ident: str | None, *, overlap_s: float = 0.0) -> Iterator[Document]:
        """Yield the documents after one, or all."""
        if self.fault is not None:
            raise self.fault
        begin = None if ident is None else dt.datetime.fromisoformat(ident) - dt.timedelta(seconds=overlap_s)
        for made_at, plain in list(self.documents):
            if begin is None or made_at > begin or (overlap_s and made_at == begin):
                yield read_document(made_at.isoformat(), made_at, plain, self.rule)

    def close(self) -> None:
        """Do nothing."""
