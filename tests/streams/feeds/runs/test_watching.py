"""A share on which an instrument still writes: each run is announced once, when it is whole and nothing of it changes."""

from __future__ import annotations

import os
from pathlib import PureWindowsPath

import pytest

from schemas.errors import RejectedInput, TransientFault
from sinks.object_store.memory import MemoryStore
from streams.feeds.announce import Claimed, Sender
from streams.feeds.runs.local.announcing import INCOMPLETE, announce_run
from streams.feeds.runs.local.finding import FoundRun
from streams.feeds.runs.local.long_paths import to_long_name, to_long_path
from streams.feeds.runs.local.watching import Share, announce_found_run
from streams.feeds.watch import Watch, WatchRule
from streams.feeds.watched import open_watched, read_waiting
from tests.support.runs import edit_field, write_pictures, write_small_run, zip_folder

RULE = WatchRule(settle_s=5.0, poll_s=1.0, give_up_s=600.0)


class Lab:
    """A watch over a folder, with a clock that is turned by hand."""

    def __init__(self, folder, watched):
        self.folder, self.store, self.now_s = folder, MemoryStore(), 0.0
        self.announced, self.refused = [], []
        share = Share(folder)
        self.watch = Watch(
            list_files=share.list_files,
            announce=self._announce,
            refuse=lambda name, fault: self.refused.append((name, fault.reason)),
            watched=watched,
            rule=RULE,
            now_s=lambda: self.now_s,
            unfinished=INCOMPLETE,
        )

    def _announce(self, found):
        media = announce_found_run(found, Sender("lab"), self.store).media
        self.announced.append((media.subject, media.event))

    def look(self, wait_s=0.0):
        self.now_s += wait_s
        return self.watch.poll()

    def settle(self):
        self.look()
        return self.look(RULE.settle_s + 1)


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "share").mkdir()
    with open_watched(tmp_path / "watched.db", "lab") as watched:
        yield Lab(tmp_path / "share", watched)


def list_names(lab):
    return [name for name, _ in lab.announced]


def test_a_run_is_announced_when_it_has_settled_and_never_again(lab):
    write_small_run(lab.folder / "sea-1")
    assert lab.look().waiting == 1
    assert lab.look(RULE.settle_s + 1).announced == 1
    lab.look(100)
    assert list_names(lab) == ["sea-1"]


def test_a_run_that_grows_waits_until_it_does_not(lab):
    write_small_run(lab.folder / "sea-1")
    lab.look()
    for number in range(3):
        (lab.folder / "sea-1" / f"cal_image_{number:06}.tif").write_bytes(b"II*\0")
        assert lab.look(RULE.settle_s - 1).announced == 0
    assert lab.look(RULE.settle_s + 1).announced == 1


def test_a_run_without_its_collage_is_waited_for_and_announced_when_that_came(lab):
    write_small_run(lab.folder / "sea-1")
    collage = lab.folder / "sea-1" / "run_000001.tif"
    data = collage.read_bytes()
    collage.unlink()
    assert lab.settle().retried == 1
    collage.write_bytes(data)
    lab.look()
    assert lab.look(70).announced == 1
    assert lab.refused == []


def test_a_run_that_never_becomes_whole_is_set_aside_with_what_is_missing(lab):
    write_small_run(lab.folder / "sea-1")
    (lab.folder / "sea-1" / "run_000001.tif").unlink()
    lab.settle()
    assert lab.look(RULE.give_up_s + 1).refused == 1
    assert lab.refused == [("sea-1", "no_collage")]


def test_a_run_saved_again_is_announced_again_as_another_event_of_the_same_name(lab):
    write_small_run(lab.folder / "sea-1")
    lab.settle()
    edit_field(lab.folder / "sea-1", 3, "image_x", "1")
    lab.settle()
    (first, one), (second, two) = lab.announced
    assert first == second == "sea-1"
    assert one != two


def test_each_folder_and_zip_is_a_run_of_its_own_and_one_batch_after_the_other_is_not_one_run(lab, tmp_path):
    write_small_run(lab.folder / "sea-1")
    write_small_run(tmp_path / "sea-2", seed=2)
    zip_folder(tmp_path / "sea-2", lab.folder / "sea-2.zip")
    write_pictures(lab.folder / "2024-01", ["a/1.png", "b/2.png"])
    write_pictures(lab.folder / "2024-02", ["a/3.png"])
    lab.settle()
    assert sorted(list_names(lab)) == ["2024-01", "2024-02", "sea-1", "sea-2.zip"]


def test_a_file_that_is_locked_while_it_is_read_is_tried_again(lab, monkeypatch):
    write_small_run(lab.folder / "sea-1")
    real_open = os.open

    def refuse(path, *arguments, **options):
        if str(path).endswith("_000001.tif"):
            raise PermissionError(13, "locked")
        return real_open(path, *arguments, **options)

    monkeypatch.setattr("streams.feeds.announce.os.open", refuse)
    assert lab.settle().retried == 1
    monkeypatch.undo()
    assert lab.look(70).announced == 1


def test_a_share_that_is_away_is_no_empty_share(lab):
    write_small_run(lab.folder / "sea-1")
    lab.settle()
    lab.folder.rename(lab.folder.with_name("gone"))
    assert lab.look(1).away == 1
    assert lab.refused == []


def test_a_change_between_two_of_its_files_is_no_announcement(lab, monkeypatch):
    write_small_run(lab.folder / "sea-1")
    (found,) = Share(lab.folder).list_files()
    (lab.folder / "sea-1" / "late.csv").write_text("x")
    with pytest.raises(RejectedInput) as refused:
        announce_found_run(found, Sender("lab"), lab.store)
    assert refused.value.reason == "changed_while_read"


def name_waiting(lab):
    return [(item.feed, item.name, item.reason) for item in read_waiting(lab.watch.watched.path)]


def test_a_run_that_is_not_whole_is_named_with_what_is_missing_until_it_is_whole_given_up_or_gone(lab):
    assert (read_waiting(lab.folder / "absent.db"), name_waiting(lab)) == ((), [])
    runs = {name: write_small_run(lab.folder / name) for name in ("gone", "late", "never", "whole")}
    kept = {}
    for name in runs.keys() - {"whole"}:
        path = lab.folder / name / "run_000001.tif"
        kept[name] = path.read_bytes()
        path.unlink()
    lab.settle()
    assert name_waiting(lab) == [("lab", name, "no_collage") for name in ("gone", "late", "never")]
    assert "run_000001.tif" in read_waiting(lab.watch.watched.path)[0].sentence
    (lab.folder / "late" / "run_000001.tif").write_bytes(kept["late"])
    for path in (lab.folder / "gone").iterdir():
        path.unlink()
    lab.settle()
    assert name_waiting(lab) == [("lab", "never", "no_collage")]
    lab.look(RULE.give_up_s + 100)
    assert (name_waiting(lab), lab.refused) == ([], [("never", "no_collage")])


def test_a_watcher_that_starts_again_waits_for_what_it_finds_then(lab):
    lab.watch.watched.wait_for("renamed-since", RejectedInput(reason="no_list", sentence="The list is not there."))
    lab.watch.watched.commit()
    with open_watched(lab.watch.watched.path, "other"):
        assert name_waiting(lab) == [("lab", "renamed-since", "no_list")]
    with open_watched(lab.watch.watched.path, "lab"):
        pass
    assert name_waiting(lab) == []


@pytest.mark.parametrize(
    ("name", "long"),
    [
        ("C:\\runs\\sea-1", "\\\\?\\C:\\runs\\sea-1"),
        ("\\\\server\\share\\runs", "\\\\?\\UNC\\server\\share\\runs"),
        ("\\\\?\\UNC\\server\\share\\runs", "\\\\?\\UNC\\server\\share\\runs"),
        ("\\\\?\\C:\\runs", "\\\\?\\C:\\runs"),
        ("runs\\sea-1", "runs\\sea-1"),
    ],
)
def test_paths_of_windows_are_spelt_without_its_limit_of_260_characters(name, long):
    assert to_long_name(name) == long
    assert to_long_name(long) == long


def test_other_systems_have_no_such_spelling(tmp_path):
    assert to_long_path(tmp_path, system="linux") is tmp_path
    assert str(to_long_path(PureWindowsPath("C:/runs"), system="win32")) == "\\\\?\\C:\\runs"


def test_a_run_below_a_path_of_more_than_260_characters_is_announced(lab):
    names = ["a" * 120, "b" * 120, "c" * 120]
    write_small_run(lab.folder.joinpath(*names) / "sea-1")
    lab.settle()
    assert list_names(lab) == ["/".join([*names, "sea-1"])]


def test_the_files_of_a_run_are_announced_in_one_order_and_none_before_all_are_durable(tmp_path):
    names = [f"{number:03}.png" for number in range(60)]
    write_pictures(tmp_path / "rois", names)
    found = FoundRun(tmp_path / "rois", "rois")
    first, again = (announce_run(found, Claimed("rois"), Sender("lab"), MemoryStore()).media for _ in range(2))
    assert [part.subject for part in first.body.parts] == names
    assert first.event == again.event

    def fail(_verb, key):
        if key.endswith(first.body.parts[30].sha256):
            raise TransientFault(sentence="The store is away.")

    with pytest.raises(TransientFault, match="away"):
        announce_run(found, Claimed("rois"), Sender("lab"), MemoryStore(before=fail))
