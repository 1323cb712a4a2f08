"""The door to pymongo: a collection read page by page in the order of its ids."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from schemas.errors import FatalFault, TransientFault
from streams.feeds.mongo.listing import Document, read_document

try:
    import bson
    import pymongo
    from pymongo import errors
except ImportError as error:  # the extra is not installed
    message = "Images listed in MongoDB need the mongo extra: pip install 'observatory-streams[mongo]'."
    raise FatalFault(message) from error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.mongo.rule import CollectionRule

#: Documents asked for at once: no cursor stays open while images are announced, so none can time out.
PAGE = 500

#: How long a server may take to be found, and to answer.
_FIND_MS, _ANSWER_MS = 10_000, 30_000

#: Faults of the neighbour that pass.
_PASSING = (errors.ConnectionFailure, errors.ExecutionTimeout, errors.CursorNotFound)

#: Kinds of ids that can be resumed after, by the first letters of their text; MongoDB's names of them.
_KINDS = {"oid": "objectId", "int": "number", "str": "string"}


@contextmanager
def translate(source: str) -> Iterator[None]:
    """Turn pymongo's errors into ours.

    Raises
    ------
    TransientFault
        If the server is away, elects a new primary or takes too long.
    FatalFault
        If it refuses us, or the address is none.
    """
    try:
        yield
    except _PASSING as error:
        message = f"MongoDB is away: {source} cannot be listed for now ({type(error).__name__})."
        raise TransientFault(message) from error
    except ValueError as error:  # of the address
        message = f"The address of MongoDB for {source} is none."
        raise FatalFault(message) from error
    except errors.PyMongoError as error:
        if error.timeout:
            message = f"MongoDB takes too long to list {source}."
            raise TransientFault(message) from error
        code = f" {error.code}" if isinstance(error, errors.OperationFailure) else ""
        message = f"MongoDB refuses to list {source} ({type(error).__name__}{code}); see address, user and names."
        raise FatalFault(message) from error


class MongoCollection:
    """A collection of a MongoDB server.

    Parameters
    ----------
    password
        Of the rule's user.

    Raises
    ------
    FatalFault
        If the address is none.
    """

    def __init__(self, rule: CollectionRule, password: str | None = None) -> None:
        self._rule = rule
        options: dict[str, Any] = {"serverSelectionTimeoutMS": _FIND_MS, "socketTimeoutMS": _ANSWER_MS}
        if rule.username is not None:
            options |= {"username": rule.username, "password": password}
        with translate(rule.source):
            self._client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
                rule.url,
                tz_aware=True,
                appname="observatory-streams",
                **options,
            )
            self._documents = self._client[rule.database][rule.collection]
        self._kind: str | None = None

    def list_after(self, ident: str | None, *, overlap_s: float = 0.0) -> Iterator[Document]:
        """Yield the documents after one, or all.

        Raises
        ------
        TransientFault, FatalFault
            As :class:`streams.feeds.mongo.listing.ImageCollection`.
        """
        if not self._is_of_one_kind():
            return
        bound = {} if ident is None else _to_bound(ident, overlap_s)
        while page := self._read_page(bound):
            for plain in page:
                text, made_at = _to_text(plain["_id"], self._rule.source)
                yield read_document(text, made_at, plain, self._rule)
            bound = {"$gt": page[-1]["_id"]}

    def close(self) -> None:
        """Let go of the server."""
        self._client.close()

    def _is_of_one_kind(self) -> bool:
        """Refuse ids of several kinds, of which a comparison finds only one; return whether there are documents at all."""
        if self._kind is not None:
            return True
        with translate(self._rule.source):
            first = self._documents.find_one({}, {"_id": 1})
            if first is None:
                return False
            text, _ = _to_text(first["_id"], self._rule.source)
            kind = _KINDS[text[:3]]
            other = self._documents.find_one({"_id": {"$not": {"$type": kind}}}, {"_id": 1})
        if other is not None:
            message = f"The ids of {self._rule.source} are of several kinds, so nobody can go on after the last one."
            raise FatalFault(message)
        self._kind = kind
        return True

    def _read_page(self, bound: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = {"_id": bound} if bound else {}
        with translate(self._rule.source):
            found = self._documents.find(wanted, dict.fromkeys(("_id", *self._rule.fields), 1))
            return list(found.sort("_id", pymongo.ASCENDING).limit(PAGE))


def _to_text(ident: object, source: str) -> tuple[str, dt.datetime | None]:
    """Return an id as text, and the time it holds."""
    match ident:
        case bson.ObjectId():
            return f"oid:{ident}", ident.generation_time
        case bool():
            pass
        case int():
            return f"int:{ident}", None
        case str():
            return f"str:{ident}", None
    message = f"The ids of {source} are neither MongoDB's own nor whole numbers nor texts."
    raise FatalFault(message)


def _to_bound(ident: str, overlap_s: float) -> dict[str, Any]:
    """Return the condition for what comes after an id, or after a moment before it."""
    kind, _, text = ident.partition(":")
    if kind == "int":
        return {"$gt": int(text)}
    if kind == "str":
        return {"$gt": text}
    last = bson.ObjectId(text)
    if not overlap_s:
        return {"$gt": last}
    return {"$gte": bson.ObjectId.from_datetime(last.generation_time - dt.timedelta(seconds=overlap_s))}
