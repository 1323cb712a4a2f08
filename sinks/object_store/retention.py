"""Retention: objects older than their time are removed, by listing them, which every store can."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from sinks.object_store.store import ObjectStore


def expire_objects(store: ObjectStore, prefix: str, *, stored_before_at: datetime) -> int:
    """Delete the objects under ``prefix`` that were last written before a time; return how many.

    An object that is written again while this runs stays: its age is asked for once more before it goes. What is left
    is the instant between that question and the deletion, so retention belongs to hours that nobody replays in.

    Raises
    ------
    ValueError
        If ``prefix`` is empty (everything would go) or the time is naive.
    """
    if not prefix or stored_before_at.tzinfo is None:
        message = "retention needs a prefix and an aware time"
        raise ValueError(message)
    expired = 0
    for listed in store.list(prefix):
        if listed.stored_at >= stored_before_at:
            continue
        found = store.stat(listed.key)
        if found is not None and found.stored_at < stored_before_at:
            store.delete(listed.key)
            expired += 1
    return expired
