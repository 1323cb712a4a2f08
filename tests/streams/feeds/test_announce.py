"""Announcing files: the same file is the same event, large ones go into the store first, and no bad file passes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import stat
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import RejectedInput, TransientFault
from schemas.media import InlineBody, ReferencedBody
from schemas.wire import from_record
from sinks.object_store.memory import MemoryStore
from streams.feeds.announce import Announcement, Claimed, Sender, announce_bytes, announce_file, to_media_type

SENDER = Sender("cam-1")
SMALL = Sender("cam-1", inline_limit=1_000)


class ChangingStore(MemoryStore):
    """A store during whose writing something happens to the file."""

    def __init__(self, happen: Callable[[], None]) -> None:
        super().__init__()
        self.happen = happen

    def write_file(self, key: str, path: Path, *, media_type: str) -> None:
        self.happen()
        super().write_file(key, path, media_type=media_type)


def make(folder: Path, data: bytes = b"\xff\xd8 a picture", name: str = "a.jpg") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def announce(path: Path, sender: Sender = SENDER, store: MemoryStore | None = None, **claims) -> Announcement:
    return announce_file(path, Claimed(claims.pop("subject", path.name), **claims), sender, store or MemoryStore())


def refused(path: Path, **context) -> str:
    with pytest.raises(RejectedInput) as caught:
        announce(path, **context)
    assert str(path.parent) not in caught.value.sentence
    return caught.value.reason


# --- inline ---


def test_a_small_file_travels_in_its_message(tmp_path):
    path = make(tmp_path)
    announcement = announce(path, subject="2024/a.jpg")
    record = announcement.to_record("media.arrived.v1")
    assert (record.topic, record.key, record.value) == ("media.arrived.v1", b"cam-1", path.read_bytes())
    arrival = from_record(record.headers, record.value)
    assert arrival == announcement.media
    assert (arrival.feed, arrival.subject, arrival.media_type) == ("cam-1", "2024/a.jpg", "image/jpeg")
    assert arrival.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert arrival.body == InlineBody()


def test_what_the_sender_claims_is_announced(tmp_path):
    moment = dt.datetime(2024, 4, 22, 8, 0, 1, tzinfo=dt.UTC)
    sender = Sender("cam-1", lane="archive", purpose="replay")
    arrival = announce(make(tmp_path), sender, captured_at=moment, modified_at=moment).media
    assert (arrival.captured_at, arrival.modified_at, arrival.lane, arrival.purpose) == (
        moment,
        moment,
        "archive",
        "replay",
    )


def test_nothing_of_the_local_path_is_announced(tmp_path):
    record = announce(make(tmp_path), SMALL).to_record("t")
    assert str(tmp_path).encode() not in repr(record).encode()


def test_the_same_file_again_is_the_same_event_and_another_name_feed_or_content_is_not(tmp_path):
    first = announce(make(tmp_path)).media.event
    os.utime(tmp_path / "a.jpg", (1, 1))
    assert announce(tmp_path / "a.jpg").media.event == first
    others = {
        announce(tmp_path / "a.jpg", subject="b.jpg").media.event,
        announce(tmp_path / "a.jpg", Sender("cam-2")).media.event,
        announce(make(tmp_path, b"other")).media.event,
    }
    assert len(others | {first}) == 4


def test_an_event_is_the_same_whether_it_travels_inline_or_by_reference_and_however_its_name_is_composed(tmp_path):
    path = make(tmp_path, bytes(2_000))
    events = {
        announce(path, subject="\u00c9.jpg").media.event,
        announce(path, SMALL, subject="E\u0301.jpg").media.event,
        announce_bytes(bytes(2_000), Claimed("\u00c9.jpg"), SENDER).media.event,
    }
    assert len(events) == 1


def test_a_picture_in_memory_is_announced_like_its_file(tmp_path):
    path = make(tmp_path)
    assert announce_bytes(path.read_bytes(), Claimed("a.jpg"), SENDER) == announce(path)


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty_file"), (bytes(1_001), "too_large_inline")])
def test_a_picture_in_memory_that_no_message_takes_is_refused(data, reason):
    with pytest.raises(RejectedInput) as caught:
        announce_bytes(data, Claimed("a.jpg"), SMALL)
    assert caught.value.reason == reason


# --- by reference ---


@pytest.mark.parametrize(("size", "body"), [(1_000, InlineBody), (1_001, ReferencedBody)])
def test_the_limit_itself_still_travels_inline(tmp_path, size, body):
    assert isinstance(announce(make(tmp_path, bytes(size)), SMALL).media.body, body)


def test_a_large_file_is_in_the_store_before_it_is_announced(tmp_path):
    data, store = os.urandom(5_000), MemoryStore()
    announcement = announce(make(tmp_path, data, "clip.MP4"), SMALL, store)
    digest = hashlib.sha256(data).hexdigest()
    key = f"originals/{digest[:2]}/{digest}"
    assert store.read(key) == data
    assert json.loads(announcement.value) == {
        "closes_group": False,
        "parts": [
            {"dataref": key, "media_type": "video/mp4", "sha256": digest, "size_bytes": 5_000, "subject": "clip.MP4"}
        ],
    }
    record = announcement.to_record("t")
    assert from_record(record.headers, record.value) == announcement.media


def test_a_large_file_that_is_in_the_store_is_not_sent_again(tmp_path):
    verbs: list[str] = []
    store = MemoryStore(before=lambda verb, _key: verbs.append(verb))
    path = make(tmp_path, bytes(5_000))
    assert announce(path, SMALL, store) == announce(path, SMALL, store)
    assert verbs.count("write_file") == 1


def test_a_store_that_is_away_leaves_the_file_unannounced(tmp_path):
    def fail(verb: str, _key: str) -> None:
        if verb == "write_file":
            raise TransientFault("The store is away.")

    with pytest.raises(TransientFault):
        announce(make(tmp_path, bytes(5_000)), SMALL, MemoryStore(before=fail))


def test_memory_is_bounded_by_the_inline_limit_and_not_by_the_file(tmp_path):
    class CountingStore(MemoryStore):
        def write_file(self, key: str, path: Path, *, media_type: str) -> None:
            self.written = (key, path.stat().st_size)

    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    tracemalloc.start()
    try:
        announce(path, SENDER, CountingStore())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 5_000_000


# --- bad files ---


def test_an_empty_file_is_refused(tmp_path):
    assert refused(make(tmp_path, b"")) == "empty_file"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert refused(tmp_path / "gone.jpg") == "missing_file"
    make(tmp_path)
    assert refused(tmp_path / "a.jpg" / "b.jpg") == "missing_file"


def test_a_folder_is_refused(tmp_path):
    assert refused(tmp_path, subject="a.jpg") == "not_a_file"


def test_a_link_to_a_file_is_read_and_a_link_to_itself_is_refused(tmp_path):
    path = make(tmp_path)
    (tmp_path / "link.jpg").symlink_to(path)
    assert announce(tmp_path / "link.jpg").value == path.read_bytes()
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    assert refused(tmp_path / "loop.jpg") == "symlink_loop"
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    assert refused(tmp_path / "nowhere.jpg") == "missing_file"


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert refused(tmp_path / "pipe.jpg") == "not_a_file"


def test_a_file_that_the_system_refuses_to_open_is_refused(tmp_path, monkeypatch):
    def refuse(*_args):
        raise PermissionError(13, "in use by another program")

    path = make(tmp_path)
    monkeypatch.setattr(os, "open", refuse)
    assert refused(path) == "unreadable_file"


@pytest.mark.parametrize("told", [0, 3])
def test_a_file_system_that_tells_of_less_than_there_is_gets_nothing_announced(tmp_path, monkeypatch, told):
    path, fstat = make(tmp_path), os.fstat

    def tell_less(descriptor: int) -> os.stat_result:
        found = list(fstat(descriptor))
        found[stat.ST_SIZE] = told
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", tell_less)
    assert refused(path) == "changed_while_read"
    assert refused(path, sender=SMALL, store=MemoryStore()) == "changed_while_read"


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path, read = make(tmp_path), os.read

    def read_and_grow(descriptor: int, size: int) -> bytes:
        with path.open("ab") as file:
            file.write(b"more")
        monkeypatch.setattr(os, "read", read)
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", read_and_grow)
    assert refused(path) == "changed_while_read"


def test_a_file_that_changes_while_it_is_sent_leaves_nothing_under_a_wrong_digest(tmp_path):
    path = make(tmp_path, bytes(5_000))
    store = ChangingStore(lambda: path.write_bytes(os.urandom(5_000)))
    assert refused(path, sender=SMALL, store=store) == "changed_while_read"
    assert list(store.list("")) == []


def test_a_file_that_vanishes_while_it_is_sent_is_refused(tmp_path):
    path = make(tmp_path, bytes(5_000))
    assert refused(path, sender=SMALL, store=ChangingStore(path.unlink)) == "missing_file"


@pytest.mark.parametrize(
    "subject", ["../a.jpg", "/a.jpg", "a\\b.jpg", "a\nb.jpg", "a\udc80.jpg", "", "x" * 513], ids=repr
)
def test_a_name_that_no_arrival_may_have_is_refused_before_anything_is_stored(tmp_path, subject):
    store = MemoryStore()
    assert refused(make(tmp_path, bytes(5_000)), sender=SMALL, store=store, subject=subject) == "bad_subject"
    assert list(store.list("")) == []


def test_a_claimed_time_out_of_range_is_refused(tmp_path):
    assert refused(make(tmp_path), captured_at=dt.datetime(2200, 1, 1, tzinfo=dt.UTC)) == "bad_time"


@pytest.mark.parametrize(
    ("subject", "media_type"),
    [
        ("a/b.JPEG", "image/jpeg"),
        ("a.mov", "video/quicktime"),
        ("a.tar.gz", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_ending_of_a_name_claims_a_media_type(subject, media_type):
    assert to_media_type(subject) == media_type
