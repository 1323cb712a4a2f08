"""Retention removes what is old, and nothing that was written again meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sinks.object_store.memory import MemoryStore
from sinks.object_store.retention import expire_objects


def test_an_object_written_again_while_retention_runs_stays():
    cuts: list[datetime] = []

    def renew(verb: str, key: str) -> None:
        if verb == "stat" and key == "originals/one":
            store.write(key, b"fish", media_type="image/jpeg")

    store = MemoryStore(before=renew)
    for key in ("originals/one", "originals/two"):
        store.write(key, b"fish", media_type="image/jpeg")
    cuts.append(datetime.now(UTC))
    assert expire_objects(store, "originals/", stored_before_at=cuts[0]) == 1
    assert [info.key for info in store.list("")] == ["originals/one"]


def test_retention_of_everything_is_refused():
    with pytest.raises(ValueError, match="needs a prefix"):
        expire_objects(MemoryStore(), "", stored_before_at=datetime.now(UTC))


def test_retention_needs_an_aware_time():
    naive = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1)
    with pytest.raises(ValueError, match="aware time"):
        expire_objects(MemoryStore(), "originals/", stored_before_at=naive)
