"""Opening a feed's collection, and trying whether it can be read."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from streams.feeds.mongo.listing import ImageCollection
    from streams.feeds.mongo.rule import CollectionRule


def open_collection(rule: CollectionRule, password: str | None = None) -> ImageCollection:
    """Return the collection, not yet connected.

    Raises
    ------
    FatalFault
        If the ``mongo`` extra is not installed, or the address is none.
    """
    from streams.feeds.mongo.pymongo_door import MongoCollection  # noqa: PLC0415 - needs the extra

    return MongoCollection(rule, password)


def check_collection(rule: CollectionRule, password: str | None = None) -> None:
    """Read the first document, and see that the root folder is there.

    Raises
    ------
    FatalFault
        If something of it is wrong.
    TransientFault
        If the server is away.
    """
    if rule.root is not None and not rule.root.is_dir():
        message = f"There is no folder {rule.root.name}, which the paths of {rule.source} are relative to."
        raise FatalFault(message)
    with closing(open_collection(rule, password)) as collection:
        next(collection.list_after(None), None)
