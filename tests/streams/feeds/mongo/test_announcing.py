"""From a document to an arrival: a file below the root, an object by reference, and nothing outside."""

from __future__ import annotations

import datetime as dt

import pytest

from schemas.errors import RejectedInput, TransientFault
from sinks.object_store.memory import MemoryStore
from streams.feeds.announce import Sender
from streams.feeds.mongo.announcing import announce_document
from streams.feeds.mongo.listing import Document
from tests.streams.feeds.mongo.builders import NOON, make_rule

SENDER = Sender("flowcam-1")


@pytest.fixture
def rule(tmp_path):
    root = tmp_path / "share"
    (root / "2024").mkdir(parents=True)
    (root / "2024/a.png").write_bytes(b"a picture")
    (tmp_path / "secret.png").write_bytes(b"not theirs")
    return make_rule(root=root, path_field="path")


def announce(rule, **said):
    return announce_document(Document("oid:1", **said), rule, SENDER, MemoryStore())


@pytest.mark.parametrize("told", ["2024/a.png", "2024\\a.png", "./2024/a.png", "{root}/2024/a.png"])
def test_a_listed_file_is_announced_under_its_name_below_the_root(rule, told):
    found = announce(rule, path=told.format(root=rule.root), captured_at=NOON)
    assert (found.media.subject, found.media.captured_at, found.value) == ("2024/a.png", NOON, b"a picture")
    assert found.media == announce(rule, path="2024/a.png", captured_at=NOON).media


@pytest.mark.parametrize(
    "told", ["../secret.png", "2024/../../secret.png", "/etc/passwd", "C:\\secret.png", "{root}", "."]
)
def test_what_lies_outside_the_root_is_refused(rule, told):
    with pytest.raises(RejectedInput) as caught:
        announce(rule, path=told.format(root=rule.root))
    assert caught.value.reason in {"outside_root", "missing_file", "bad_subject"}
    assert str(rule.root) not in caught.value.sentence


def test_a_link_that_leads_outside_is_refused(rule):
    (rule.root / "link.png").symlink_to(rule.root.parent / "secret.png")
    with pytest.raises(RejectedInput) as caught:
        announce(rule, path="link.png")
    assert caught.value.reason == "outside_root"


@pytest.mark.parametrize(("told", "reason"), [("2024/b.png", "missing_file"), ("2024", "not_a_file")])
def test_a_file_that_is_not_there_or_none_is_refused_with_its_own_reason(rule, told, reason):
    with pytest.raises(RejectedInput) as caught:
        announce(rule, path=told)
    assert caught.value.reason == reason


def test_a_share_that_is_away_is_an_outage_and_no_fault_of_its_files(rule):
    rule.root.rename(rule.root.parent / "elsewhere")
    with pytest.raises(TransientFault, match="share"):
        announce(rule, path="2024/a.png")


def test_an_object_is_announced_by_reference_with_what_is_claimed_of_it(rule):
    found = announce(rule, key="s3://lab/roi/a.png", captured_at=NOON, digest="ab" * 32)
    (part,) = found.media.body.parts
    assert (part.dataref, part.subject, part.media_type, part.sha256) == (
        "s3://lab/roi/a.png", "lab/roi/a.png", "image/png", "ab" * 32,
    )  # fmt: skip
    assert (found.media.captured_at, found.media.sha256) == (NOON, "ab" * 32)


def test_the_same_document_is_the_same_event_and_another_key_another(rule):
    ids = [announce(rule, key=key).media.event for key in ("roi/a.png", "roi/a.png", "roi/b.png")]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    "key", ["/etc/passwd", "file:///etc/passwd", "http://host/a.png", "a/../b.png", "C:/a.png", "s3://"]
)
def test_a_key_that_is_none_is_refused(rule, key):
    with pytest.raises(RejectedInput):
        announce(rule, key=key)


def test_a_path_goes_before_a_key_and_neither_is_refused_by_the_fields_names(rule):
    assert announce(rule, path="2024/a.png", key="roi/a.png").media.subject == "2024/a.png"
    with pytest.raises(RejectedInput, match="'path' nor 'key'") as caught:
        announce(rule)
    assert caught.value.reason == "no_place"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"path": "2024/a.png"}, "2024/a.png"),
        ({"path": "/home/erika/a.png"}, "a.png"),
        ({"path": "C:\\Users\\erika\\a.png"}, "a.png"),
        ({"path": "../../erika/a.png"}, "a.png"),
        ({"path": "/"}, "oid:1"),
        ({"key": "roi/a.png"}, "roi/a.png"),
        ({}, "oid:1"),
    ],
)
def test_people_read_of_a_document_without_any_folder_of_a_computer(said, name):
    assert Document("oid:1", made_at=dt.datetime.now(dt.UTC), **said).name == name
