"""The folder store: what a crash, a full disk or a missing drive leaves behind."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import FatalFault, RejectedInput, TransientFault
from sinks.object_store import files
from sinks.object_store.local import LocalStore
from sinks.object_store.store import NewObject
from tests.services.servers import ROOT

OCTETS = "application/octet-stream"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    made = LocalStore(tmp_path / "store")
    made.check(create=True)
    return made


def list_files(store: LocalStore) -> list[str]:
    return sorted(path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if path.is_file())


def fail(number: int):
    def failing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return failing


@pytest.mark.parametrize("verb", ["fsync", "replace", "mkdir", "open"])
@pytest.mark.parametrize(("number", "fault"), [(errno.ENOSPC, TransientFault), (errno.EROFS, FatalFault)])
def test_objects_written_together_that_cannot_be_made_durable_are_a_fault_and_leave_no_unfinished_file(
    *, verb: str, number: int, fault: type[Exception], store: LocalStore, monkeypatch: pytest.MonkeyPatch
):
    objects = [NewObject(f"results/{number}/{name}", b"fish", OCTETS) for number in range(3) for name in ("a", "b")]
    for write in (store.write_together, store.write_once_together):
        with monkeypatch.context() as broken:
            broken.setattr(files.os, verb, fail(number))
            if verb == "replace" and write == store.write_once_together:
                continue  # a name is given there by a link
            with pytest.raises(fault):
                write(objects)
        assert not [name for name in list_files(store) if name != "%store" and not name.startswith("results/")]
        assert not [name for name in list_files(store) if "%tmp" in name]
    store.write_together(objects)
    assert len(list_files(store)) == 7


def test_without_hard_links_objects_written_once_together_are_still_each_there_once(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(files.os, "link", fail(errno.EPERM))
    objects = [NewObject(f"claims/{name}", name.encode(), OCTETS) for name in "aba"]
    assert store.write_once_together(objects) == (True, True, False)
    assert store.write_once_together(objects) == (False, False, False)
    assert list_files(store) == ["%store", "claims/a", "claims/b"]


def test_without_hard_links_objects_written_once_together_are_written_no_more_often(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
):
    flushed: list[int] = []
    flush = files.sync_file
    monkeypatch.setattr(files.os, "link", fail(errno.EPERM))
    monkeypatch.setattr(files, "sync_file", lambda opened: (flushed.append(opened), flush(opened)))
    assert store.write_once_together([NewObject(f"claims/{name}", b"fish", OCTETS) for name in "abc"]) == (True,) * 3
    assert len(flushed) == 3


def test_a_claim_that_got_its_name_before_a_flush_failed_is_still_ours(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
):
    flush, folders = os.fsync, []

    def fail_once(opened: int) -> None:
        if stat.S_ISDIR(os.fstat(opened).st_mode) and not folders:
            folders.append(opened)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        flush(opened)

    monkeypatch.setattr(files.os, "fsync", fail_once)
    objects = [NewObject(f"claims/{name}", b"ours", OCTETS) for name in "ab"]
    assert store.write_once_together(objects) == (True, True)
    assert folders


def test_objects_written_together_cost_one_flush_each_and_one_for_each_folder(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
):
    flushed: list[bool] = []
    flush = os.fsync

    def count(opened: int) -> None:
        flushed.append(stat.S_ISDIR(os.fstat(opened).st_mode))
        flush(opened)

    monkeypatch.setattr(files.os, "fsync", count)
    store.write_together(
        [NewObject(f"day/{number}/{name}", b"fish", OCTETS) for number in range(10) for name in ("a", "b")]
    )
    assert (flushed.count(False), flushed.count(True)) == (20, 12)
    assert flushed.index(True) == 20, "no name is durable before what it names"


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.ENOSPC, TransientFault),
        (errno.EDQUOT, TransientFault),
        (errno.EIO, TransientFault),
        (errno.EACCES, FatalFault),
        (errno.EROFS, FatalFault),
    ],
)
def test_a_flush_that_fails_leaves_no_object_and_no_file(
    number: int, fault: type[Exception], store: LocalStore, monkeypatch: pytest.MonkeyPatch
):
    store.write("results/kept", b"fish", media_type=OCTETS)
    for write in (store.write, store.write_once):
        with monkeypatch.context() as broken:
            broken.setattr(files.os, "fsync", fail(number))
            with pytest.raises(fault):
                write("results/new", b"fish", media_type=OCTETS)
    assert list_files(store) == ["%store", "results/kept"]
    assert store.stat("results/new") is None


def test_a_rename_that_fails_leaves_the_former_object(store: LocalStore, monkeypatch: pytest.MonkeyPatch):
    store.write("results/one", b"former", media_type=OCTETS)
    with monkeypatch.context() as broken:
        broken.setattr(files.os, "replace", fail(errno.ENOSPC))
        with pytest.raises(TransientFault):
            store.write("results/one", b"newer", media_type=OCTETS)
    assert store.read("results/one") == b"former"
    assert list_files(store) == ["%store", "results/one"]


def test_an_object_is_visible_only_after_its_bytes_are_on_the_device(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
):
    store.write("results/other", b"fish", media_type=OCTETS)
    steps: list[str] = []
    flush, rename = os.fsync, os.replace

    def flush_and_tell(opened: int) -> None:
        is_folder = Path(f"/proc/self/fd/{opened}").is_dir()
        steps.append("flush folder" if is_folder else f"flush file of {os.fstat(opened).st_size} bytes")
        flush(opened)

    def rename_and_tell(path: str, target: str) -> None:
        steps.append("rename")
        rename(path, target)

    monkeypatch.setattr(files.os, "fsync", flush_and_tell)
    monkeypatch.setattr(files.os, "replace", rename_and_tell)
    store.write("results/one", b"fish", media_type=OCTETS)
    assert steps == ["flush file of 4 bytes", "rename", "flush folder"]


def test_new_folders_are_on_the_device_too(store: LocalStore, monkeypatch: pytest.MonkeyPatch):
    flushed: list[str] = []
    flush = files.sync_folder

    def flush_and_tell(folder: str) -> None:
        flushed.append(Path(folder).relative_to(store.root).as_posix())
        flush(folder)

    monkeypatch.setattr(files, "sync_folder", flush_and_tell)
    store.write("a/b/one", b"fish", media_type=OCTETS)
    assert flushed == [".", "a", "a/b"]


@pytest.mark.parametrize("verb", ["write", "write_together"])
def test_who_writes_into_folders_that_somebody_has_just_made_does_not_wait_for_him_to_make_them_durable(
    verb: str, store: LocalStore, monkeypatch: pytest.MonkeyPatch
):
    late: list[str] = []
    flushed: list[str] = []
    flush_file, flush_folder = files.sync_file, files.sync_folder

    def flush_late(opened: int) -> None:
        if not late:
            late.append("one who made the folders, and flushes them when the other is done")
            if verb == "write":
                store.write("days/1/b", b"fish", media_type=OCTETS)
            else:
                store.write_together([NewObject(f"days/1/{name}/x", b"fish", OCTETS) for name in "bc"])
            late.extend(flushed)
        flush_file(opened)

    def flush_and_tell(folder: str) -> None:
        flushed.append(Path(folder).relative_to(store.root).as_posix())
        flush_folder(folder)

    monkeypatch.setattr(files, "sync_file", flush_late)
    monkeypatch.setattr(files, "sync_folder", flush_and_tell)
    store.write_together([NewObject(f"days/1/a/{name}", b"fish", OCTETS) for name in "ab"])
    assert {".", "days", "days/1"} <= set(late)
    flushed.clear()
    store.write("days/1/a/c", b"fish", media_type=OCTETS)
    assert flushed == ["days/1/a"], "once is enough"


@pytest.mark.parametrize("verb", ["write", "write_once"])
def test_a_writer_killed_half_way_leaves_no_object_and_what_it_left_can_be_removed(verb: str, store: LocalStore):
    store.write("results/kept", b"fish", media_type=OCTETS)
    program = (
        "import os\nfrom pathlib import Path\nfrom sinks.object_store.local import LocalStore\n"
        "os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        f"LocalStore(Path({str(store.root)!r})).{verb}('results/new', b'fish', media_type='x')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert [info.key for info in store.list("")] == ["results/kept"]
    assert store.stat("results/new") is None
    assert len(list_files(store)) == 3
    assert store.remove_leftovers() == 0  # a writer at work is younger than a day
    assert store.remove_leftovers(older_than_s=-1) == 1
    assert list_files(store) == ["%store", "results/kept"]


def test_a_file_system_without_hard_links_still_keeps_the_first(store: LocalStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files.os, "link", fail(errno.EPERM))
    assert store.write_once("claims/one", b"first", media_type=OCTETS) is True
    monkeypatch.setattr(store, "_is_there", lambda _: False)  # as another writer would have seen it an instant before
    assert store.write_once("claims/one", b"second", media_type=OCTETS) is False
    assert store.read("claims/one") == b"first"
    assert list_files(store) == ["%store", "claims/one"]


def test_a_drive_that_is_not_mounted_is_an_outage_and_not_an_empty_store(tmp_path: Path):
    bare = LocalStore(tmp_path)
    for call in (
        lambda: bare.stat("results/one"),
        lambda: bare.read("results/one"),
        lambda: list(bare.list("results/")),
    ):
        with pytest.raises(TransientFault, match="mount it"):
            call()
    with pytest.raises(TransientFault, match="mount it"):
        bare.write("results/one", b"fish", media_type=OCTETS)
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_a_later_layout_is_refused(store: LocalStore):
    (store.root / "%store").write_bytes(b"observatory object store, layout 2\n")
    for create in (True, False):
        with pytest.raises(FatalFault, match="another layout"):
            store.check(create=create)


def test_a_folder_that_may_not_be_written_is_found_by_check(store: LocalStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files.os, "open", fail(errno.EACCES))
    with pytest.raises(FatalFault, match="Permission denied"):
        store.check(create=True)


def test_other_peoples_files_are_not_listed(store: LocalStore):
    store.write("results/one", b"fish", media_type=OCTETS)
    for name in ("Thumbs.db", ".DS_Store", "results/%zz", "results/Notes.txt"):
        (store.root / name).write_bytes(b"not ours")
    assert [info.key for info in store.list("")] == ["results/one"]


def test_a_lent_path_is_the_file_itself(store: LocalStore):
    store.write("clips/one", b"moving fish", media_type="video/mp4")
    with store.lend_path("clips/one") as path:
        assert path == store.root / "clips" / "one"


def test_deleting_the_last_object_of_a_folder_removes_the_folder(store: LocalStore):
    store.write("units/a/b/one", b"fish", media_type=OCTETS)
    store.write("units/c/two", b"fish", media_type=OCTETS)
    store.delete("units/a/b/one")
    assert sorted(path.name for path in (store.root / "units").iterdir()) == ["c"]


def test_a_source_file_that_is_not_there_is_not_taken_for_a_missing_object(store: LocalStore, tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        store.write_file("clips/one", tmp_path / "none", media_type="video/mp4")


def test_an_object_deleted_while_the_store_is_listed_is_left_out(store: LocalStore):
    for name in ("a", "b", "c"):
        store.write(f"results/{name}", b"fish", media_type=OCTETS)
    seen = store.list("results/")
    assert next(seen).key == "results/a"
    store.delete("results/b")
    assert [info.key for info in seen] == ["results/c"]


def test_a_missing_object_is_told_from_a_missing_store_by_reading_it(store: LocalStore):
    with pytest.raises(RejectedInput) as caught:
        store.read("results/none")
    assert str(store.root) not in caught.value.sentence
