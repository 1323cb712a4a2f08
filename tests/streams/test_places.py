"""Where broker and store are: opened to work, or only to look."""

from __future__ import annotations

import contextlib

import pytest

from schemas.canonical import to_sha256
from schemas.errors import FatalFault, RejectedInput
from sinks.object_store.credentials import Credentials
from sinks.object_store.memory import MemoryStore
from streams.assembly import assemble
from streams.places import find_broker, find_objects, open_broker, open_objects
from streams.settings.read import check_settings

DATA = b"picture"


def read(folder, **store):
    plain = {"installations": {"fish": {"detector": "scripted"}}, "store": store}
    environment = {"OBSERVATORY__STORE__ACCESS_KEY": "abc", "OBSERVATORY__STORE__SECRET_KEY": "a secret"}
    return check_settings(plain, environment, folder=folder).deployment


# --- other buckets ---


@pytest.fixture
def buckets(monkeypatch):
    """Give stores in memory for whatever bucket is opened, by address."""
    opened: dict[str, MemoryStore] = {}

    def open_store(url, credentials):
        assert isinstance(credentials, Credentials), "the same account serves the other buckets"
        return opened.setdefault(url, MemoryStore())

    monkeypatch.setattr("streams.places.open_store", open_store)
    return opened


def test_a_reference_into_a_bucket_that_the_settings_allow_is_read_there(tmp_path, buckets):
    url = "s3+http://own:9000/own?region=eu-south-2"
    deployment = read(tmp_path, url=url, allowed_buckets=["incoming", "partner"])
    originals = assemble(deployment, MemoryStore()).originals
    buckets["s3+http://own:9000/incoming?region=eu-south-2"].write("deck/a.jpg", DATA, media_type="image/jpeg")
    assert originals.read("s3://incoming/deck/a.jpg") == DATA
    assert originals.measure("s3://incoming/deck/a.jpg") == ("s3://incoming/deck/a.jpg", len(DATA), to_sha256(DATA))
    assert not originals.has("s3://partner/deck/a.jpg")


def test_a_reference_into_any_other_bucket_is_refused_and_the_bucket_never_opened(tmp_path, buckets):
    deployment = read(tmp_path, url="s3+http://host/own", allowed_buckets=["incoming"])
    originals = assemble(deployment, MemoryStore()).originals
    with pytest.raises(RejectedInput) as raised:
        originals.read("s3://elsewhere/deck/a.jpg")
    assert raised.value.reason == "bucket_not_allowed"
    assert list(buckets) == ["s3+http://host/incoming"]


def test_a_store_in_a_folder_allows_no_bucket(tmp_path):
    originals = assemble(read(tmp_path), MemoryStore()).originals
    with pytest.raises(RejectedInput) as raised:
        originals.read("s3://incoming/deck/a.jpg")
    assert raised.value.reason == "bucket_not_allowed"


# --- only to look ---


def test_who_only_looks_finds_nothing_where_nothing_is_and_makes_nothing(tmp_path):
    deployment = read(tmp_path)
    assert (find_broker(deployment), find_objects(deployment)) == (None, None)
    assert list(tmp_path.iterdir()) == []


def test_who_only_looks_finds_what_is_there(tmp_path):
    deployment = read(tmp_path)
    with contextlib.closing(open_broker(deployment)):
        pass
    open_objects(deployment).write("a", DATA, media_type="")
    with contextlib.closing(find_broker(deployment)) as client:
        assert client.describe() == ()
    assert find_objects(deployment).read("a") == DATA


def test_a_store_that_lies_elsewhere_and_is_not_there_is_no_empty_one(tmp_path):
    with pytest.raises(FatalFault, match="observatory check"):
        find_objects(read(tmp_path, url=f"file://{tmp_path}/drive/store"))
