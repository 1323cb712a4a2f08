"""Pictures as they came: kept once, and found again by reference."""

from __future__ import annotations

import pytest

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput
from sinks.object_store.memory import MemoryStore
from streams.feeds.references import to_original_key
from streams.units.originals import Originals

DATA = b"picture" * 1000


@pytest.fixture
def originals():
    return Originals(MemoryStore(), "ours", {"incoming": MemoryStore()})


def test_the_same_bytes_are_kept_once(originals):
    written = []
    originals = Originals(MemoryStore(before=lambda verb, key: written.append(verb)), "ours")
    keys = {originals.keep(DATA, to_sha256(DATA), "image/jpeg") for _ in range(3)}
    assert keys == {to_original_key(to_sha256(DATA))}
    assert [info.key for info in originals.store.list("originals/")] == [*keys]


@pytest.mark.parametrize("reference", ["a/b.jpg", "s3://ours/a/b.jpg", "s3://incoming/a/b.jpg"])
def test_an_object_is_found_by_every_way_to_name_it(originals, reference):
    for store in (originals.store, *originals.others.values()):
        store.write("a/b.jpg", DATA, media_type="image/jpeg")
    assert originals.read(reference) == DATA
    assert originals.has(reference)
    assert originals.measure(reference) == (reference, len(DATA), to_sha256(DATA))
    with originals.lend(reference) as path:
        assert path.read_bytes() == DATA


def test_an_object_that_is_not_there_is_a_rejection(originals):
    assert not originals.has("a/b.jpg")
    for look in (originals.read, originals.measure):
        with pytest.raises(RejectedInput) as raised:
            look("a/b.jpg")
        assert raised.value.reason == "missing_object"


def test_a_bucket_that_is_not_allowed_is_never_asked(originals):
    for look in (originals.has, originals.read, originals.measure):
        with pytest.raises(RejectedInput) as raised:
            look("s3://elsewhere/a.jpg")
        assert raised.value.reason == "bucket_not_allowed"
