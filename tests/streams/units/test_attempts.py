"""Suspects: which unit killed its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from schemas.errors import RejectedInput, TransientFault
from streams.units.attempts import AttemptJournal

ROOT = Path(__file__).resolve().parents[3]

#: A worker that opens units and dies while they are at work, in the given way.
WORKER = """
import ctypes, os, sys, threading
from pathlib import Path
from streams.units.attempts import AttemptJournal
journal = AttemptJournal(Path(sys.argv[1]))
journal.open()
units, how = sys.argv[2].split(","), sys.argv[3]
together = threading.Barrier(len(units))
def work(unit):
    with journal.at_work(unit):
        try:
            together.wait(1)
        except threading.BrokenBarrierError:
            pass
        if how == "inside":
            ctypes.string_at(0)
        print("ready", flush=True)
        threading.Event().wait(30)
for unit in units:
    threading.Thread(target=work, args=(unit,), daemon=True).start()
threading.Event().wait(30)
"""


def die(folder: Path, units: str, *, how: str) -> None:
    """Run a worker until it died with these units at work."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), units, how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if how == "outside":
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode < 0


def suspects(folder: Path) -> dict[str, int]:
    journal = AttemptJournal(folder)
    found = {suspect.unit_id: suspect.attempts for suspect in journal.open()}
    journal.close()
    return found


def write_journal(folder: Path, text: str) -> None:
    """Leave what a worker that died had written."""
    (folder / "0").mkdir()
    (folder / "0" / "attempts.jsonl").write_text(text, encoding="utf-8")


def test_units_that_were_at_work_together_in_a_crash_are_suspects_without_an_attempt(tmp_path: Path):
    die(tmp_path, "a,b", how="inside")
    assert suspects(tmp_path) == {"a": 0, "b": 0}


def test_a_suspect_that_kills_its_process_alone_gains_an_attempt_each_time(tmp_path: Path):
    die(tmp_path, "a,b", how="inside")
    die(tmp_path, "a", how="inside")
    assert suspects(tmp_path)["a"] == 1
    die(tmp_path, "a", how="inside")
    die(tmp_path, "a", how="inside")
    assert suspects(tmp_path)["a"] == 3


def test_a_kill_from_outside_never_counts(tmp_path: Path):
    die(tmp_path, "a,b", how="inside")
    for _ in range(4):
        die(tmp_path, "a", how="outside")
    assert suspects(tmp_path)["a"] == 0


def test_a_unit_that_ended_is_no_suspect(tmp_path: Path):
    journal = AttemptJournal(tmp_path)
    journal.open()
    with journal.at_work("a"):
        pass
    journal.close()
    assert suspects(tmp_path) == {}


def test_a_suspect_is_alone_at_work(tmp_path: Path):
    write_journal(tmp_path, '{"suspect": "s", "attempts": 1}\n')
    journal = AttemptJournal(tmp_path)
    journal.open()
    began, release, order = threading.Event(), threading.Event(), []

    def work(unit: str) -> None:
        with journal.at_work(unit):
            order.append(unit)
            if unit == "s":
                began.set()
                assert release.wait(5)

    suspect = threading.Thread(target=work, args=("s",))
    suspect.start()
    assert began.wait(5)
    others = [threading.Thread(target=work, args=(name,)) for name in "xy"]
    for other in others:
        other.start()
    assert order == ["s"]
    release.set()
    for thread in (suspect, *others):
        thread.join(5)
    assert sorted(order) == ["s", "x", "y"]
    journal.close()


def test_a_journal_cut_in_the_middle_of_a_line_is_read_up_to_there(tmp_path: Path):
    write_journal(tmp_path, '{"begin": "a", "alone": false}\n{"begin": "b", "al')
    assert suspects(tmp_path) == {"a": 0}


def test_the_journal_does_not_grow_with_the_work(tmp_path: Path):
    journal = AttemptJournal(tmp_path)
    journal.open()
    for number in range(10_000):
        with journal.at_work(f"unit-{number}"):
            pass
    size_bytes = (tmp_path / "0" / "attempts.jsonl").stat().st_size
    journal.close()
    assert size_bytes < 500_000


def test_a_suspect_has_its_turn_although_others_keep_coming(tmp_path: Path):
    write_journal(tmp_path, '{"suspect": "s", "attempts": 0}\n')
    journal = AttemptJournal(tmp_path)
    journal.open()
    done, crowd = threading.Event(), []

    def crowd_in(name: str) -> None:
        while not done.is_set():
            with journal.at_work(name):
                done.wait(0.005)

    def work() -> None:
        with journal.at_work("s"):
            done.set()

    crowd = [threading.Thread(target=crowd_in, args=(name,)) for name in "xyz"]
    for thread in crowd:
        thread.start()
    suspect = threading.Thread(target=work)
    suspect.start()
    assert done.wait(10)
    for thread in (suspect, *crowd):
        thread.join(10)
    journal.close()


def test_a_suspect_that_was_left_by_an_outage_stays_one(tmp_path: Path):
    write_journal(tmp_path, '{"suspect": "s", "attempts": 2}\n')
    journal = AttemptJournal(tmp_path)
    journal.open()
    with pytest.raises(TransientFault), journal.at_work("s"):
        raise TransientFault(sentence="The store is away.")
    assert journal.attempts("s") == 2
    journal.close()
    assert suspects(tmp_path) == {"s": 2}


def test_a_unit_that_was_set_aside_is_no_suspect_any_more(tmp_path: Path):
    write_journal(tmp_path, '{"suspect": "s", "attempts": 2}\n{"suspect": "t", "attempts": 3}\n')
    journal = AttemptJournal(tmp_path)
    journal.open()
    with pytest.raises(RejectedInput), journal.at_work("s"):
        raise RejectedInput("truncated_picture", "It is cut.")
    journal.forget("t")
    journal.close()
    assert suspects(tmp_path) == {}


def test_two_workers_on_one_folder_keep_journals_of_their_own(tmp_path: Path):
    write_journal(tmp_path, '{"begin": "a", "alone": false}\n')
    first, second = AttemptJournal(tmp_path), AttemptJournal(tmp_path)
    assert [suspect.unit_id for suspect in first.open()] == ["a"]
    assert second.open() == ()
    with second.at_work("b"):
        first.close()
        assert suspects(tmp_path) == {"a": 0}  # and "b" is at work with a worker that lives
    second.close()


def test_a_worker_takes_over_what_several_that_died_left(tmp_path: Path):
    for number, unit in enumerate("ab"):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "attempts.jsonl").write_text(f'{{"begin": "{unit}", "alone": false}}\n')
    assert suspects(tmp_path) == {"a": 0, "b": 0}


def test_one_unit_is_never_at_work_twice_at_once(tmp_path: Path):
    journal = AttemptJournal(tmp_path)
    journal.open()
    at_work, most = [], []

    def work() -> None:
        for _ in range(50):
            with journal.at_work("same"):
                at_work.append(1)
                most.append(len(at_work))
                at_work.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    journal.close()
    assert max(most) == 1


@pytest.fixture(autouse=True)
def _keep_the_fault_handler_of_the_tests():
    import faulthandler

    yield
    faulthandler.enable()


def test_units_done_together_begin_and_end_together_and_are_all_suspects_after_a_crash(tmp_path: Path):
    journal = AttemptJournal(tmp_path)
    journal.open()
    with journal.at_work("a", "b"):
        written = next(tmp_path.rglob("attempts.jsonl")).read_text(encoding="utf-8")
    assert [json.loads(line).get("begin") for line in written.splitlines()] == ["a", "b"]
    left = next(tmp_path.rglob("attempts.jsonl"))
    journal.close()
    left.write_text(written, encoding="utf-8")
    after = AttemptJournal(tmp_path)
    try:
        assert [suspect.unit_id for suspect in after.open()] == ["a", "b"]
        assert after.is_suspect("a")
        assert not after.is_suspect("c")
        with pytest.raises(ValueError, match="alone"), after.at_work("a", "c"):
            pass
    finally:
        after.close()
