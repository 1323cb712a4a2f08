"""The durable log: what was appended is there, in order, once, for every process that looks."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import FatalFault, TransientFault
from streams.embedded.connection import SCHEMA_VERSION
from streams.embedded.log import Entry, Kept, Log, Retention

ROOT = Path(__file__).resolve().parents[3]
HOSTILE_HEADERS = (("ce_id", b"\xff\x00"), ("ce_id", None), ("", b""), ("größe", b"12"), ("ce_id", b"\xff\x00"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.db"


@pytest.fixture
def log(path):
    with contextlib.closing(Log(path)) as opened:
        opened.create(Kept("work", 3, Retention()))
        yield opened


def values(log, partition=("work", 0), start=0):
    return [(stored.offset, stored.value) for stored in log.read(partition, start)]


def test_a_record_comes_back_as_it_was_given(log):
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    log.append([Entry("work", 1, b"\x00key", b"\xffvalue", HOSTILE_HEADERS), Entry("work", 1, None, None)])
    first, second = log.read(("work", 1), 0)
    assert (first.topic, first.partition, first.offset) == ("work", 1, 0)
    assert (first.key, first.value, first.headers) == (b"\x00key", b"\xffvalue", HOSTILE_HEADERS)
    assert (second.key, second.value, second.headers) == (None, None, ())
    assert before <= first.appended_at <= datetime.now(UTC)
    assert first.appended_at.utcoffset() == timedelta(0)


def test_offsets_count_up_by_partition(log):
    placed = log.append([Entry("work", n % 2, b"k", b"%d" % n) for n in range(6)])
    assert [place.offset for place in placed] == [0, 0, 1, 1, 2, 2]
    assert values(log) == [(0, b"0"), (1, b"2"), (2, b"4")]
    assert log.find_ends() == {("work", 0): 3, ("work", 1): 3, ("work", 2): 0}


def test_what_was_appended_is_there_after_opening_again(log, path):
    log.append([Entry("work", 0, b"k", b"v")])
    log.commit("app", {("work", 0): 1})
    log.close()
    with contextlib.closing(Log(path)) as again:
        assert values(again) == [(0, b"v")]
        assert again.find_committed("app") == {("work", 0): 1}
        assert again.uuid == log.uuid


def test_two_logs_have_two_identities(log, tmp_path):
    with contextlib.closing(Log(tmp_path / "other.db")) as other:
        assert other.uuid != log.uuid


def test_a_read_is_bounded_by_records_and_by_bytes(log):
    log.append([Entry("work", 0, b"k", b"x" * 1000) for _ in range(20)])
    assert len(log.read(("work", 0), 5, max_records=3)) == 3
    assert len(log.read(("work", 0), 0, max_bytes=5005)) == 5
    assert [stored.offset for stored in log.read(("work", 0), 7, max_bytes=1)] == [7]


def test_nothing_is_read_behind_the_end(log):
    log.append([Entry("work", 0, b"k", b"v"), Entry("work", 1, b"k", b"next door")])
    assert log.read(("work", 0), 1) == []
    assert log.read(("work", 2), 0) == []


def test_a_topic_is_made_once_and_seen_by_every_handle(log, path):
    with contextlib.closing(Log(path)) as other:
        assert other.find_topic("late") is None
        assert log.create(Kept("late", 2, Retention(compacted=True, age_ms=5, size_bytes=7)))
        assert not other.create(Kept("late", 9, Retention()))
        assert other.describe() == (
            Kept("late", 2, Retention(compacted=True, age_ms=5, size_bytes=7)),
            Kept("work", 3, Retention()),
        )


@pytest.mark.parametrize(
    "entry", [Entry("nowhere", 0, b"k", b"v"), Entry("work", 3, b"k", b"v"), Entry("work", -1, b"k", b"v")]
)
def test_a_partition_that_does_not_exist_is_refused(log, entry):
    with pytest.raises(FatalFault, match="has no partition"):
        log.append([Entry("work", 0, b"k", b"v"), entry])
    assert values(log) == []


def test_a_compacted_topic_wants_keys(log):
    log.create(Kept("settled", 1, Retention(compacted=True)))
    with pytest.raises(FatalFault, match="needs a key"):
        log.append([Entry("settled", 0, b"k", b"v"), Entry("settled", 0, None, b"v")])
    assert values(log, ("settled", 0)) == []


def test_offsets_are_committed_by_group(log):
    log.commit("one", {("work", 0): 4, ("work", 1): 2})
    log.commit("two", {("work", 0): 1})
    log.commit("one", {("work", 0): 5})
    assert log.find_committed("one") == {("work", 0): 5, ("work", 1): 2}
    assert log.find_committed("two") == {("work", 0): 1}
    assert log.find_committed("three") == {}


def test_a_full_disk_fails_the_append_and_loses_nothing(log, path):
    acknowledged = []
    log.append([Entry("work", 0, b"k", b"first")])
    # A limit of SQLite's own that fails as a full disk does: SQLITE_FULL
    (pages,) = log._writer.execute("PRAGMA page_count").fetchone()
    log._writer.execute(f"PRAGMA max_page_count={pages + 60}")

    def fill():
        for number in range(100):
            log.append([Entry("work", 0, b"k", b"%d" % number * 5000)])
            acknowledged.append(number)

    with pytest.raises(TransientFault, match="disk is full") as caught:
        fill()
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    assert 0 < len(acknowledged) < 100
    kept = values(log)
    assert [value for _, value in kept[1:]] == [b"%d" % number * 5000 for number in acknowledged]
    log._writer.execute("PRAGMA max_page_count=1000000000")
    (placed,) = log.append([Entry("work", 0, b"k", b"room again")])
    assert placed.offset == len(kept)
    log.close()
    with contextlib.closing(Log(path)) as again:
        assert values(again) == [*kept, (placed.offset, b"room again")]


FILLS_THE_DISK = """
import json, pathlib, resource, signal, sys
from schemas.errors import TransientFault
from streams.embedded.log import Entry, Log
log = Log(pathlib.Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
acknowledged, failed = 0, None
while failed is None:
    try:
        log.append([Entry("work", 0, b"k", b"x" * 100_000)])
        acknowledged += 1
    except TransientFault as fault:
        failed = fault.sentence
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
log.append([Entry("work", 0, b"k", b"room again")])
print(json.dumps({"acknowledged": acknowledged, "failed": failed}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_that_refuses_to_write_fails_the_append_and_loses_nothing(log, path):
    ended = subprocess.run(
        [sys.executable, "-c", FILLS_THE_DISK, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    said = json.loads(ended.stdout)
    assert said["acknowledged"] > 3
    assert "disk" in said["failed"]
    offset = 0
    kept = []
    while found := log.read(("work", 0), offset):
        kept += found
        offset = found[-1].offset + 1
    assert [stored.offset for stored in kept] == list(range(said["acknowledged"] + 1))
    assert kept[-1].value == b"room again"


APPENDS = """
import json, pathlib, sys
from streams.embedded.log import Entry, Kept, Log, Retention
log = Log(pathlib.Path(sys.argv[1]))
log.create(Kept("shared", 2, Retention()))
offsets = []
for number in range(60):
    placed = log.append([Entry("shared", number % 2, sys.argv[2].encode(), b"%d" % n) for n in range(3)])
    offsets += [[number % 2, place.offset] for place in placed]
print(json.dumps(offsets))
"""


def test_processes_that_open_a_new_log_and_append_at_once_never_share_an_offset(path):
    command = [sys.executable, "-c", APPENDS, str(path)]
    runs = [
        subprocess.Popen([*command, name], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name in ("one", "two", "three")
    ]
    said = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    offsets = [tuple(pair) for out, _ in said for pair in json.loads(out)]
    assert sorted(offsets) == [(partition, offset) for partition in (0, 1) for offset in range(270)]
    with contextlib.closing(Log(path)) as log:
        for partition in (0, 1):
            assert [stored.offset for stored in log.read(("shared", partition), 0)] == list(range(270))


def test_a_writer_waits_for_another_ones_transaction(log, path):
    with contextlib.closing(Log(path)) as other:
        held, done = threading.Event(), []

        def append():
            held.wait(10)
            done.append(other.append([Entry("work", 0, b"k", b"v")])[0].offset)

        waiting = threading.Thread(target=append)
        waiting.start()
        with log.writing() as database:
            held.set()
            database.execute("UPDATE partition SET next_offset = 7 WHERE topic = 'work' AND number = 0")
            waiting.join(0.2)
            assert waiting.is_alive()
        waiting.join(10)
        assert done == [7]


def test_a_reader_notices_what_another_handle_appends(log, path):
    rung = threading.Event()
    leave = log.listen(rung.set)
    with contextlib.closing(Log(path)) as other:
        before = log.read_version()
        assert log.read_version() == before
        other.append([Entry("work", 0, b"k", b"v")])
        assert log.read_version() != before
        assert rung.is_set()
        leave()
        rung.clear()
        other.append([Entry("work", 0, b"k", b"v")])
        assert not rung.is_set()


def test_a_newer_log_is_refused_and_left_as_it_is(log, path):
    log.close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(FatalFault, match=r"newer version of this program .*update the program"):
        Log(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_refused_and_left_as_it_is(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs(x)")
        database.commit()
    before = path.read_bytes()
    with pytest.raises(FatalFault, match="database of another program"):
        Log(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(path):
    path.write_bytes(b"a picture, perhaps" * 100)
    with pytest.raises(FatalFault, match="not a log"):
        Log(path)


def test_a_closed_log_says_so(log):
    log.close()
    log.close()
    with pytest.raises(FatalFault, match="cannot be used"):
        log.append([Entry("work", 0, b"k", b"v")])


def test_a_log_survives_a_writer_that_dies_in_its_transaction(log, path):
    program = (
        "import os, pathlib, sys\nfrom streams.embedded.log import Log\nlog = Log(pathlib.Path(sys.argv[1]))\n"
        "with log.writing() as database:\n"
        "    database.execute('UPDATE partition SET next_offset = 99')\n"
        "    print('holding', flush=True)\n    os.read(0, 1)\n"
    )
    log.append([Entry("work", 0, b"k", b"before")])
    run = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with run:
        assert run.stdout.readline() == "holding\n"
        run.kill()
    began = time.monotonic()
    assert log.append([Entry("work", 0, b"k", b"after")])[0].offset == 1
    assert time.monotonic() - began < 5
    assert values(log) == [(0, b"before"), (1, b"after")]
