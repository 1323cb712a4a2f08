"""Whoever lists documents lists each once, in one order, and goes on after the last: the fake, and a real server.

A real server is found by ``OBSERVATORY_MONGO_URL``; a database of its own is made there, and removed.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bson
import pymongo
import pytest

from schemas.errors import FatalFault, TransientFault
from streams.feeds.mongo import pymongo_door
from streams.feeds.mongo.listing import Document, ImageCollection, ScriptedCollection
from streams.feeds.mongo.pymongo_door import MongoCollection
from streams.feeds.mongo.rule import CollectionRule

NOON = dt.datetime(2024, 5, 14, 12, tzinfo=dt.UTC)
FIELDS = {"path_field": "image.path", "key_field": "object", "time_field": "taken", "digest_field": "sha256"}


@dataclass
class Prepared:
    """A collection, and what adds a document that was made so many seconds after noon."""

    collection: ImageCollection
    add: Callable[[dict[str, Any], float], None]

    def list_all(self, ident: str | None = None, **options: float) -> list[Document]:
        return list(self.collection.list_after(ident, **options))


def find_url() -> str:
    url = os.environ.get("OBSERVATORY_MONGO_URL")
    if url is None:
        reason = "no MongoDB at OBSERVATORY_MONGO_URL=mongodb://host:port"
        if os.environ.get("OBSERVATORY_REQUIRE_MONGO") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return url


@pytest.fixture
def server():
    """Return a client, the address and the name of an empty database of a real server."""
    url = find_url()
    name = f"observatory_test_{secrets.token_hex(6)}"
    with pymongo.MongoClient(url, serverSelectionTimeoutMS=10_000) as client:
        yield client, url, name
        client.drop_database(name)


def make_rule(tmp_path, url="mongodb://127.0.0.1:1", database="lab"):
    return CollectionRule(url=url, database=database, collection="images", root=tmp_path, **FIELDS)


@pytest.fixture(params=["fake", "mongodb"])
def prepared(request, tmp_path):
    if request.param == "fake":
        fake = ScriptedCollection(make_rule(tmp_path))
        yield Prepared(fake, lambda plain, after_s: fake.add(plain, NOON + dt.timedelta(seconds=after_s)))
        return
    client, url, name = request.getfixturevalue("server")
    numbers = iter(range(1, 10**6))

    def add(plain: dict[str, Any], after_s: float) -> None:
        stamp = int((NOON + dt.timedelta(seconds=after_s)).timestamp())
        ident = bson.ObjectId(stamp.to_bytes(4, "big") + next(numbers).to_bytes(8, "big"))
        client[name]["images"].insert_one({"_id": ident, **plain})

    collection = MongoCollection(make_rule(tmp_path, url, name))
    yield Prepared(collection, add)
    collection.close()


def test_a_collection_that_is_empty_or_not_there_lists_nothing(prepared):
    assert prepared.list_all() == []


def test_documents_come_once_each_in_the_order_in_which_they_were_made(prepared):
    for number in (3, 1, 2):
        prepared.add({"image": {"path": f"{number}.png"}}, number)
    listed = prepared.list_all()
    assert [document.path for document in listed] == ["1.png", "2.png", "3.png"]
    assert [document.made_at for document in listed] == [NOON + dt.timedelta(seconds=number) for number in (1, 2, 3)]
    assert len({document.ident for document in listed}) == 3


def test_listing_goes_on_after_the_last_document_and_with_overlap_before_it(prepared):
    for number in range(10):
        prepared.add({"image": {"path": f"{number}.png"}}, 10 * number)
    last = prepared.list_all()[5]
    assert [document.path for document in prepared.list_all(last.ident)] == ["6.png", "7.png", "8.png", "9.png"]
    assert [document.path for document in prepared.list_all(last.ident, overlap_s=20)] == [
        f"{number}.png" for number in range(3, 10)
    ]
    prepared.add({"image": {"path": "new.png"}}, 200)
    assert [document.path for document in prepared.list_all(prepared.list_all()[9].ident)] == ["new.png"]


def test_more_documents_than_a_page_come_all(prepared):
    count = 2 * pymongo_door.PAGE + 7
    for number in range(count):
        prepared.add({"image": {"path": f"{number}.png"}}, number)
    assert [document.path for document in prepared.list_all()] == [f"{number}.png" for number in range(count)]


SAID = [
    ({"image": {"path": "a.png"}, "taken": NOON}, {"path": "a.png", "captured_at": NOON}),
    ({"object": "roi/a.png", "sha256": "AB" * 32}, {"key": "roi/a.png", "digest": "ab" * 32}),
    ({"taken": "2024-05-14T14:00:00+02:00"}, {"captured_at": NOON}),
    ({"taken": "2024-05-14T14:00:00"}, {}),
    ({"taken": "yesterday"}, {}),
    ({"taken": 1715688000}, {}),
    ({"image": "a.png", "object": ["a"], "sha256": None}, {}),
    ({"image": {"path": ""}, "object": 7}, {}),
    ({"image": {"path": "Küste/浮游 🦠.png"}, "secret": "Erika"}, {"path": "Küste/浮游 🦠.png"}),
]


@pytest.mark.parametrize(("plain", "expected"), SAID)
def test_of_a_document_the_named_fields_are_read_and_nothing_else(prepared, plain, expected):
    prepared.add(plain, 1)
    (document,) = prepared.list_all()
    fields = ("path", "key", "captured_at", "digest")
    assert {name: getattr(document, name) for name in fields if getattr(document, name) is not None} == expected
    assert "Erika" not in repr(document)


# --- what only the wire can show


@pytest.mark.parametrize("idents", [[3, 1, 2], ["c", "a", "b"]])
def test_ids_may_be_whole_numbers_or_texts(server, tmp_path, idents):
    client, url, name = server
    for ident in idents:
        client[name]["images"].insert_one({"_id": ident, "object": f"{ident}.png"})
    collection = MongoCollection(make_rule(tmp_path, url, name))
    listed = list(collection.list_after(None))
    assert [document.key for document in listed] == [f"{ident}.png" for ident in sorted(idents)]
    assert [document.made_at for document in listed] == [None] * 3
    assert list(collection.list_after(listed[0].ident, overlap_s=600)) == listed[1:]
    collection.close()


@pytest.mark.parametrize(
    ("idents", "words"), [([bson.ObjectId(), "a"], "several kinds"), ([1.5], "neither"), ([True], "neither")]
)
def test_ids_that_nobody_can_go_on_after_are_a_fault_that_says_so(server, tmp_path, idents, words):
    client, url, name = server
    for ident in idents:
        client[name]["images"].insert_one({"_id": ident})
    collection = MongoCollection(make_rule(tmp_path, url, name))
    with pytest.raises(FatalFault, match=words):
        list(collection.list_after(None))
    collection.close()


def test_a_server_that_is_away_is_an_outage_and_the_sentence_holds_no_address(tmp_path, monkeypatch):
    monkeypatch.setattr(pymongo_door, "_FIND_MS", 200)
    collection = MongoCollection(make_rule(tmp_path))
    with pytest.raises(TransientFault, match=r"lab\.images cannot be listed for now") as caught:
        list(collection.list_after(None))
    assert "127.0.0.1" not in caught.value.sentence
    collection.close()


def test_an_address_that_is_none_is_a_fault(tmp_path):
    with pytest.raises(FatalFault, match=r"address of MongoDB for lab\.images is none"):
        MongoCollection(make_rule(tmp_path, url="mongodb://host:port:7"))
