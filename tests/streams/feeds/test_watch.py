"""A folder that fills: complete files are announced once, whatever happens to the others, and over restarts."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.errors import FatalFault, RejectedInput, TransientFault
from streams.feeds import watch as module
from streams.feeds.folder import Found, Listed, list_media
from streams.feeds.watch import Poll, Watch, WatchRule, watch_until
from streams.feeds.watched import open_watched

SETTLED = WatchRule(settle_s=5, poll_s=1)
RENAMED = WatchRule(complete_by="rename", settle_s=5)


@dataclass
class Bench:
    """A watched folder, a clock that the test turns, and what came out."""

    root: Path
    rule: WatchRule = SETTLED
    clock_s: float = 1_000.0
    announced: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    faults: dict[str, Exception] = field(default_factory=dict)
    list_files: Callable[[], Iterator[Listed]] | None = None

    def announce(self, found: Found) -> None:
        if found.subject in self.faults:
            raise self.faults[found.subject]
        self.announced.append(found.subject)

    @contextmanager
    def start(self, memory: str = "watched.sqlite", feed: str = "cam") -> Iterator[Watch]:
        with open_watched(self.root.parent / memory, feed) as watched:
            yield Watch(
                list_files=self.list_files or (lambda: list_media([self.root])),
                announce=self.announce,
                refuse=lambda name, rejection: self.refused.append((name, rejection.reason)),
                watched=watched,
                rule=self.rule,
                now_s=lambda: self.clock_s,
            )

    def later(self, watch: Watch, seconds: float) -> Poll:
        self.clock_s += seconds
        return watch.poll()

    def write(self, name: str, data: bytes = b"x") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


@pytest.fixture
def bench(tmp_path) -> Bench:
    (tmp_path / "in").mkdir()
    return Bench(tmp_path / "in")


# --- complete files ---


def test_a_file_is_announced_once_it_stayed_equal_for_the_settling_time(bench):
    with bench.start() as watch:
        bench.write("a.jpg")
        assert watch.poll() == Poll(waiting=1)
        assert bench.later(watch, 4.9) == Poll(waiting=1)
        assert bench.later(watch, 0.1) == Poll(announced=1)
        assert bench.later(watch, 60) == Poll()
    assert bench.announced == ["a.jpg"]


def test_a_file_that_grows_waits_from_its_last_change(bench):
    with bench.start() as watch:
        path = bench.write("clip.mp4")
        for _ in range(5):
            assert bench.later(watch, 4) == Poll(waiting=1)
            with path.open("ab") as file:
                file.write(b"more")
        assert bench.later(watch, 4) == Poll(waiting=1)
        assert bench.later(watch, 5) == Poll(announced=1)


def test_a_file_rewritten_with_equal_size_waits_from_its_last_change(bench):
    with bench.start() as watch:
        path = bench.write("a.jpg")
        watch.poll()
        os.utime(path, ns=(1, 1))
        assert bench.later(watch, 5) == Poll(waiting=1)
        assert bench.later(watch, 5) == Poll(announced=1)


def test_a_file_that_looks_old_still_has_to_stay_equal(bench):
    os.utime(bench.write("copying.mp4"), (0, 0))
    with bench.start() as watch:
        assert watch.poll() == Poll(waiting=1)


def test_where_files_are_renamed_into_place_the_first_sight_is_enough(bench):
    bench.rule = RENAMED
    with bench.start() as watch:
        path = bench.write("a.jpg.part")
        assert watch.poll() == Poll(passed_over=(("temporary", 1),))
        path.rename(bench.root / "a.jpg")
        assert watch.poll() == Poll(announced=1)
    assert bench.announced == ["a.jpg"]


def test_folders_that_appear_are_entered(bench):
    with bench.start() as watch:
        watch.poll()
        bench.write("2024/04/22/a.jpg")
        bench.later(watch, 1)
        assert bench.later(watch, 5) == Poll(announced=1)
    assert bench.announced == ["2024/04/22/a.jpg"]


def test_files_are_announced_in_the_order_of_their_names(bench):
    for name in ("c.jpg", "a.jpg", "b.jpg"):
        bench.write(name)
    with bench.start() as watch:
        watch.poll()
        assert bench.later(watch, 5) == Poll(announced=3)
    assert bench.announced == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_file_replaced_by_another_of_its_name_is_announced_again(bench):
    with bench.start() as watch:
        bench.write("latest.jpg", b"one")
        watch.poll()
        bench.later(watch, 5)
        bench.write("latest.jpg", b"another")
        bench.later(watch, 1)
        assert bench.later(watch, 5) == Poll(announced=1)
    assert bench.announced == ["latest.jpg", "latest.jpg"]


# --- restarts ---


def test_a_restart_announces_nothing_again(bench):
    bench.write("a.jpg")
    with bench.start() as watch:
        watch.poll()
        bench.later(watch, 5)
    bench.write("b.jpg")
    with bench.start() as watch:
        watch.poll()
        assert bench.later(watch, 5) == Poll(announced=1)
    assert bench.announced == ["a.jpg", "b.jpg"]


def test_feeds_may_share_a_memory_and_do_not_share_what_they_announced(bench):
    bench.rule = RENAMED
    bench.write("a.jpg")
    for feed in ("one", "two", "one"):
        with bench.start(feed=feed) as watch:
            watch.poll()
    assert bench.announced == ["a.jpg", "a.jpg"]


def test_what_was_announced_before_a_fault_is_remembered_and_the_rest_goes_on_later(bench):
    bench.rule = RENAMED
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        bench.write(name)
    bench.faults["b.jpg"] = TransientFault("The broker is away.")
    with bench.start() as watch, pytest.raises(TransientFault):
        watch.poll()
    bench.faults.clear()
    with bench.start() as watch:
        assert watch.poll() == Poll(announced=2)
    assert bench.announced == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_fault_leaves_the_same_watcher_able_to_go_on(bench):
    bench.rule = RENAMED
    bench.write("a.jpg")
    bench.faults["a.jpg"] = TransientFault("The broker is away.")
    with bench.start() as watch:
        with pytest.raises(TransientFault):
            watch.poll()
        bench.faults.clear()
        assert watch.poll() == Poll(announced=1)


# --- bad files ---


def test_a_file_that_cannot_be_announced_is_reported_once_over_restarts_too(bench):
    bench.rule = RENAMED
    bench.write("empty.jpg", b"")
    bench.faults["empty.jpg"] = RejectedInput("empty_file", "It is empty.")
    for expected in (Poll(refused=1), Poll()):
        with bench.start() as watch:
            assert watch.poll() == expected
            assert watch.poll() == Poll()
    assert bench.refused == [("empty.jpg", "empty_file")]


def test_a_file_that_was_refused_is_announced_when_it_has_changed(bench):
    bench.rule = RENAMED
    bench.write("a.jpg", b"")
    bench.faults["a.jpg"] = RejectedInput("empty_file", "It is empty.")
    with bench.start() as watch:
        watch.poll()
        bench.faults.clear()
        bench.write("a.jpg", b"full")
        assert watch.poll() == Poll(announced=1)


def test_a_name_that_no_arrival_may_have_is_reported_once_over_restarts_too(bench):
    (bench.root / os.fsdecode(b"latin-\xe9.jpg")).write_bytes(b"x")
    for expected in (Poll(refused=1), Poll()):
        with bench.start() as watch:
            assert watch.poll() == expected
    assert bench.refused == [(r"latin-\udce9.jpg", "bad_subject")]


@pytest.mark.parametrize("reason", ["unreadable_file", "changed_while_read"])
def test_a_locked_file_is_tried_again_with_growing_pauses(bench, reason):
    bench.rule = WatchRule(complete_by="rename", poll_s=1)
    bench.write("locked.jpg")
    bench.faults["locked.jpg"] = RejectedInput(reason, "In use.")
    with bench.start() as watch:
        tried_at = [k for k in range(200) if bench.later(watch, 1).retried]
        pauses = [second - first for first, second in pairwise(tried_at)]
        assert pauses == [2, 4, 8, 16, 32, 60, 60]
        bench.faults.clear()
        assert bench.later(watch, 60) == Poll(announced=1)
    assert bench.refused == []


def test_a_locked_file_does_not_keep_the_others(bench):
    bench.rule = RENAMED
    bench.write("a.jpg")
    bench.write("b.jpg")
    bench.faults["a.jpg"] = RejectedInput("unreadable_file", "In use.")
    with bench.start() as watch:
        assert watch.poll() == Poll(announced=1, retried=1)


def test_a_file_deleted_before_it_is_read_is_forgotten(bench):
    bench.rule = RENAMED
    bench.write("a.jpg")
    bench.faults["a.jpg"] = RejectedInput("missing_file", "It is gone.")
    with bench.start() as watch:
        assert watch.poll() == Poll(vanished=1)
        bench.faults.clear()
        assert watch.poll() == Poll(announced=1)
    assert bench.refused == []


def test_a_file_deleted_while_it_settles_starts_anew_when_it_comes_back(bench):
    with bench.start() as watch:
        path = bench.write("a.jpg")
        watch.poll()
        path.unlink()
        assert bench.later(watch, 1) == Poll()
        bench.write("a.jpg")
        assert bench.later(watch, 4) == Poll(waiting=1)


def test_a_folder_that_is_away_is_counted_and_watched_on(bench):
    bench.rule = RENAMED
    bench.root.rmdir()
    with bench.start() as watch:
        assert watch.poll() == Poll(away=1)
        assert watch.poll() == Poll(away=1)
        bench.write("a.jpg")
        assert watch.poll() == Poll(announced=1)
    assert bench.refused == []


# --- many files ---


def test_of_a_backlog_only_so_many_files_are_held_at_a_time_and_all_are_announced(bench, monkeypatch):
    monkeypatch.setattr(module, "PENDING_LIMIT", 10)
    for k in range(25):
        bench.write(f"{k:02d}.jpg")
    with bench.start() as watch:
        polls = [bench.later(watch, 5) for _ in range(5)]
    assert [poll.announced for poll in polls] == [0, 10, 10, 5, 0]
    assert bench.announced == [f"{k:02d}.jpg" for k in range(25)]


def test_a_folder_of_many_files_is_looked_up_in_batches(bench):
    bench.rule = RENAMED
    bench.list_files = lambda: (Found(bench.root / f"{k}", f"{k:05d}", 1, 1) for k in range(2_345))
    with bench.start() as watch:
        assert watch.poll() == Poll(announced=2_345)
        assert watch.poll() == Poll()


# --- the memory's file ---


def test_a_memory_of_a_newer_version_is_refused(bench, tmp_path):
    with sqlite3.connect(tmp_path / "newer.sqlite") as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with (
        pytest.raises(FatalFault, match=r"newer\.sqlite has form 2; this version knows form 1"),
        bench.start("newer.sqlite"),
    ):
        pass


def test_a_file_that_is_no_memory_is_refused(bench, tmp_path):
    (tmp_path / "notes.txt").write_text("a poem, and no database at all, " * 50, encoding="utf-8")
    with pytest.raises(FatalFault, match=r"notes\.txt cannot be used"), bench.start("notes.txt"):
        pass


def test_a_memory_in_a_folder_that_is_away_is_an_outage(bench):
    with pytest.raises(TransientFault, match="not available for now"), bench.start("gone/watched.sqlite"):
        pass


def test_every_error_of_the_database_becomes_one_of_ours(bench, tmp_path):
    kinds = [kind for kind in vars(sqlite3).values() if isinstance(kind, type) and issubclass(kind, sqlite3.Error)]
    assert len(kinds) >= 9
    for kind in kinds:
        with bench.start() as watch:

            class Failing:
                def execute(self, *_args, kind=kind):
                    raise kind("a sentence")

            watch.watched.connection, connection = Failing(), watch.watched.connection
            with pytest.raises((TransientFault, FatalFault)):
                watch.watched.refuse_once("a", "bad_subject")
            watch.watched.connection = connection


# --- the loop ---


def test_the_loop_ends_when_it_is_asked_to(bench):
    bench.rule = WatchRule(complete_by="rename", poll_s=0.01)
    stop = threading.Event()
    with bench.start() as watch:
        for number, poll in enumerate(watch_until(watch, stop)):
            if number == 0:
                bench.write("a.jpg")
            if poll.announced:
                stop.set()
    assert bench.announced == ["a.jpg"]


@pytest.mark.parametrize("name", ["empty.jpg", "bad\\name.jpg"])
def test_a_refusal_that_nobody_could_be_told_of_is_told_at_the_next_look(bench, name):
    away = [TransientFault("The broker is away.")]

    def refuse(name: str, rejection: RejectedInput) -> None:
        if away:
            raise away.pop()
        bench.refused.append((name, rejection.reason))

    bench.write(name)
    bench.faults["empty.jpg"] = RejectedInput("empty_file", "It is empty.")
    with bench.start() as watch:
        watch.refuse = refuse
        told: list[int] = []
        while away:
            with suppress(TransientFault):
                told.append(bench.later(watch, 5).refused)
        assert sum(told) == 0
        assert bench.later(watch, 5).refused == 1
        assert bench.later(watch, 5) == Poll()
    assert len(bench.refused) == 1


@pytest.mark.parametrize("wrong", [{"settle_s": 0}, {"poll_s": -1}, {"complete_by": "luck"}, {"settle": 5}], ids=str)
def test_a_wrong_rule_is_refused_with_the_settings(wrong):
    with pytest.raises(ValidationError):
        WatchRule(**wrong)
