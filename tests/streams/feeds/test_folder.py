"""Listing folders: one order, nothing followed out, everything counted, memory bounded."""

from __future__ import annotations

import os
import tracemalloc
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from streams.feeds import folder
from streams.feeds.folder import FolderRule, Found, PassedOver, Refused, list_media


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))
    return root


def subjects(*paths: Path, rule: FolderRule | None = None) -> list[str]:
    return [item.subject for item in list_media(paths, rule) if isinstance(item, Found)]


def passed(*paths: Path, **context) -> dict[str, str]:
    return {item.name: item.reason for item in list_media(paths, **context) if isinstance(item, PassedOver)}


def refused(*paths: Path) -> list[tuple[str, str]]:
    return [(item.name, item.rejection.reason) for item in list_media(paths) if isinstance(item, Refused)]


def test_files_are_listed_in_the_order_of_names_with_folders_in_their_place(tmp_path):
    make(tmp_path, "b.jpg", "a/2.jpg", "a/10.jpg", "c/x/y.jpg", "A.jpg", "é.jpg", "a.jpg")
    assert subjects(tmp_path) == ["A.jpg", "a/10.jpg", "a/2.jpg", "a.jpg", "b.jpg", "c/x/y.jpg", "é.jpg"]


def test_what_is_found_is_measured(tmp_path):
    make(tmp_path, "a/b.jpg")
    os.utime(tmp_path / "a" / "b.jpg", ns=(5, 123_456_789))
    assert list(list_media([tmp_path])) == [Found(tmp_path / "a" / "b.jpg", "a/b.jpg", 7, 123_456_789)]


def test_a_file_that_is_given_has_its_own_name_and_is_taken_whatever_it_is_called(tmp_path):
    make(tmp_path, "a/b.jpg", "a/.hidden.tmp")
    assert subjects(tmp_path / "a" / "b.jpg", tmp_path / "a" / ".hidden.tmp") == ["b.jpg", ".hidden.tmp"]


def test_paths_keep_their_order(tmp_path):
    make(tmp_path, "b/1.jpg", "a/2.jpg")
    assert subjects(tmp_path / "b", tmp_path / "a") == ["1.jpg", "2.jpg"]


def test_what_is_not_looked_at_is_counted_with_its_reason(tmp_path):
    make(
        tmp_path,
        ".hidden.jpg",
        ".git/a.jpg",
        "a.jpg.part",
        "b.TMP",
        "c.jpg~",
        "~$d.jpg",
        "e.crdownload",
        "Thumbs.db",
        "$RECYCLE.BIN/a.jpg",
        "good.jpg",
    )
    os.mkfifo(tmp_path / "pipe")
    assert passed(tmp_path) == {
        ".hidden.jpg": "hidden",
        ".git": "hidden",
        "a.jpg.part": "temporary",
        "b.TMP": "temporary",
        "c.jpg~": "temporary",
        "~$d.jpg": "temporary",
        "e.crdownload": "temporary",
        "Thumbs.db": "system_file",
        "$RECYCLE.BIN": "system_file",
        "pipe": "not_a_file",
    }
    assert subjects(tmp_path) == ["good.jpg"]


def test_links_in_a_folder_are_not_followed(tmp_path):
    make(tmp_path, "in/a.jpg", "out/secret.jpg")
    (tmp_path / "in" / "file.jpg").symlink_to(tmp_path / "out" / "secret.jpg")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    (tmp_path / "in" / "nowhere").symlink_to("gone")
    assert subjects(tmp_path / "in") == ["a.jpg"]
    assert Counter(passed(tmp_path / "in").values()) == {"symlink": 4}


def test_a_link_that_is_given_is_followed(tmp_path):
    make(tmp_path, "real/a.jpg")
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "real" / "a.jpg")
    assert subjects(tmp_path / "folder") == ["a.jpg"]
    assert subjects(tmp_path / "b.jpg") == ["b.jpg"]


def test_a_path_that_is_not_there_is_refused_and_the_others_are_listed(tmp_path):
    make(tmp_path, "a.jpg")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    paths = (tmp_path / "gone", tmp_path / "loop", tmp_path / "a.jpg")
    assert refused(*paths) == [("gone", "missing_file"), ("loop", "missing_file")]
    assert subjects(*paths) == ["a.jpg"]


def test_what_lies_in_a_path_given_before_is_not_listed_twice(tmp_path):
    make(tmp_path, "a/1.jpg")
    paths = (tmp_path, tmp_path / "a", tmp_path / "a" / "1.jpg", tmp_path / "a" / "..")
    assert subjects(*paths) == ["a/1.jpg"]
    assert Counter(passed(*paths).values()) == {"given_twice": 3}


def test_our_own_output_is_never_entered(tmp_path):
    make(tmp_path, "a.jpg", "observatory-data/store/a.jpg")
    assert passed(tmp_path, exclude=[tmp_path / "observatory-data"]) == {"observatory-data": "own_output"}


def test_a_name_that_no_arrival_may_have_is_refused_and_the_rest_is_listed(tmp_path):
    make(tmp_path, "good.jpg", "a:b.jpg", "a\\b.jpg", "line\nbreak.jpg")
    (tmp_path / os.fsdecode(b"latin-\xe9.jpg")).write_bytes(b"x")
    deep = tmp_path.joinpath(*["d" * 200] * 3)
    deep.mkdir(parents=True)
    (deep / "a.jpg").write_bytes(b"x")
    reasons = refused(tmp_path)
    assert {reason for _, reason in reasons} == {"bad_subject"}
    assert len(reasons) == 5
    assert all(name.encode() for name, _ in reasons)  # text, that can be printed and sent
    assert subjects(tmp_path) == ["good.jpg"]


def test_names_are_composed(tmp_path):
    make(tmp_path, "E\u0301.jpg")
    assert subjects(tmp_path) == ["\u00c9.jpg"]
    (found,) = list_media([tmp_path])
    assert isinstance(found, Found)
    assert found.path.read_bytes()


def test_a_folder_that_cannot_be_listed_is_refused_and_the_others_are(tmp_path, monkeypatch):
    make(tmp_path, "a/1.jpg", "b/2.jpg", "c/3.jpg")
    scan = os.scandir

    def scan_all_but_one(path):
        if Path(path).name == "b":
            raise PermissionError(13, "denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", scan_all_but_one)
    assert refused(tmp_path) == [("b/", "unreadable_folder")]
    assert subjects(tmp_path) == ["a/1.jpg", "c/3.jpg"]


def test_a_file_that_vanishes_while_the_folder_is_listed_is_passed_over(tmp_path):
    make(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    listing = list_media([tmp_path])
    next(listing)
    (tmp_path / "b.jpg").unlink()
    assert next(listing) == PassedOver("b.jpg", "vanished")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (FolderRule(only=("*.jpg",)), ["a.jpg", "raw/b.jpg"]),
        (FolderRule(ignore=("raw/*", "*.csv")), ["a.jpg"]),
        (FolderRule(only=("*.jpg", "*.csv"), ignore=("raw/*",)), ["a.jpg", "notes.csv"]),
        (FolderRule(only=("*.JPG",)), []),
    ],
)
def test_the_rule_says_which_names_are_the_feed_s_and_the_rest_is_counted(tmp_path, rule, expected):
    make(tmp_path, "a.jpg", "raw/b.jpg", "notes.csv")
    assert subjects(tmp_path, rule=rule) == expected
    assert list(passed(tmp_path, rule=rule).values()) == ["ignored"] * (3 - len(expected))


@pytest.mark.parametrize("wrong", [{"only": [""]}, {"onyl": ["*.jpg"]}, {"ignore": "*.jpg"}], ids=str)
def test_a_wrong_rule_is_refused_with_the_settings(wrong):
    with pytest.raises(ValidationError):
        FolderRule(**wrong)


# --- many files ---


@pytest.mark.parametrize("at_once", [1, 3, 7, 8, 100])
def test_the_order_is_the_same_however_few_names_are_sorted_at_once(tmp_path, monkeypatch, at_once):
    names = ["b.jpg", "a.jpg", "é.jpg", "z\n1.jpg", "\u9b5a.jpg", "d.jpg", "c.jpg", "Z.jpg"]
    make(tmp_path, *names)
    (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")
    monkeypatch.setattr(folder, "SORTED_AT_ONCE", at_once)
    listed = [item.subject if isinstance(item, Found) else item.name for item in list_media([tmp_path])]
    assert listed == [*sorted(names), r"\udcff.jpg"]


def test_memory_holds_only_as_many_names_as_are_sorted_at_once(tmp_path, monkeypatch):
    @contextmanager
    def scan(_folder):
        yield (
            SimpleNamespace(name=f"20240422-{k * 7919 % 30_000:06d}-a-name-of-some-length.jpg") for k in range(30_000)
        )

    def measure(at_once: int) -> int:
        monkeypatch.setattr(folder, "SORTED_AT_ONCE", at_once)
        tracemalloc.start()
        try:
            assert sum(1 for _ in folder._sort_names(tmp_path)) == 30_000
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    monkeypatch.setattr(os, "scandir", scan)
    assert 2 * measure(3_000) < measure(30_001)


def test_a_deep_tree_needs_no_recursion(tmp_path):
    path = tmp_path
    for _ in range(120):
        path /= "d"
    path.mkdir(parents=True)
    (path / "a.jpg").write_bytes(b"x")
    assert subjects(tmp_path) == ["d/" * 120 + "a.jpg"]
