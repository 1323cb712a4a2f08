"""The group writer appends in order, together where it can, and tells everyone what became of theirs."""

from __future__ import annotations

import contextlib
import threading

import pytest

from schemas.errors import FatalFault, TransientFault
from streams.embedded.log import Entry, Kept, Log, Placed, Retention
from streams.embedded.writer import GroupWriter


class Deliveries:
    """Collects what a writer delivers, and waits for it."""

    def __init__(self):
        self.batches = []
        self.changed = threading.Condition()

    def __call__(self, outcomes):
        with self.changed:
            self.batches.append(list(outcomes))
            self.changed.notify_all()

    def wait_for(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.all()) >= count, timeout=20)
        return self.all()

    def all(self):
        return [outcome for batch in self.batches for outcome in batch]


@pytest.fixture
def log(tmp_path):
    with contextlib.closing(Log(tmp_path / "log.db")) as opened:
        opened.create(Kept("t", 1, Retention()))
        opened.create(Kept("compacted", 1, Retention(compacted=True)))
        yield opened


@pytest.fixture
def delivered():
    return Deliveries()


@pytest.fixture
def writer(log, delivered):
    made = GroupWriter(log, delivered)
    yield made
    made.close()


def entry(value=b"v"):
    return Entry("t", 0, b"k", value)


def test_entries_are_appended_in_the_order_of_submission(log, writer, delivered):
    for number in range(200):
        writer.submit(number, entry(b"%d" % number))
    outcomes = delivered.wait_for(200)
    assert [ticket for ticket, _ in outcomes] == list(range(200))
    assert [placed.offset for _, (placed,) in outcomes] == list(range(200))
    assert [stored.value for stored in log.read(("t", 0), 0)] == [b"%d" % number for number in range(200)]


def test_what_is_submitted_together_has_its_places_together(log, writer, delivered):
    writer.submit("three", *(entry(b"%d" % number) for number in range(3)))
    writer.submit("one", entry(b"3"))
    outcomes = dict(delivered.wait_for(2))
    assert {ticket: [place.offset for place in places] for ticket, places in outcomes.items()} == {
        "three": [0, 1, 2],
        "one": [3],
    }


def test_of_what_is_submitted_together_nothing_is_appended_where_one_could_never_be(log, writer):
    with pytest.raises(FatalFault, match="needs a key"):
        writer.submit("bad", entry(), Entry("compacted", 0, None, b"v"))
    writer.close()
    assert log.read(("t", 0), 0) == []


def test_what_comes_during_a_write_shares_the_next_one(log, writer, delivered):
    with log.writing():  # the writer has the first entry and waits for us
        writer.submit(0, entry())
        for number in range(1, 50):
            writer.submit(number, entry())
    delivered.wait_for(50)
    assert len(delivered.batches) <= 3


def test_one_write_takes_a_bounded_share_of_large_entries(log, writer, delivered):
    with log.writing():
        for number in range(30):
            writer.submit(number, entry(b"x" * 900_000))
    delivered.wait_for(30)
    assert max(len(batch) for batch in delivered.batches) <= 18  # 16 MB and the one that was taken alone


def test_an_entry_that_could_never_be_appended_is_refused_at_once_and_harms_no_other(writer, delivered):
    writer.submit("good", entry())
    with pytest.raises(FatalFault, match="needs a key"):
        writer.submit("bad", Entry("compacted", 0, None, b"v"))
    with pytest.raises(FatalFault, match="no partition"):
        writer.submit("bad", Entry("nowhere", 0, b"k", b"v"))
    ((ticket, (outcome,)),) = delivered.wait_for(1)
    assert (ticket, type(outcome)) == ("good", Placed)


def test_a_failed_write_is_told_to_everyone_in_it_and_the_next_one_is_tried(log, writer, delivered):
    (pages,) = log._writer.execute("PRAGMA page_count").fetchone()
    log._writer.execute(f"PRAGMA max_page_count={pages}")
    writer.submit("large", entry(b"x" * 900_000))
    ((_, fault),) = delivered.wait_for(1)
    assert isinstance(fault, TransientFault)
    log._writer.execute("PRAGMA max_page_count=1000000000")
    writer.submit("again", entry(b"x" * 900_000))
    assert delivered.wait_for(2)[1][1][0].offset == 0


def test_a_mistake_of_ours_reaches_those_who_wait(log, writer, delivered, monkeypatch):
    def fail(_entries):
        raise ZeroDivisionError

    monkeypatch.setattr(log, "append", fail)
    writer.submit("one", entry())
    ((_, error),) = delivered.wait_for(1)
    assert isinstance(error, ZeroDivisionError)


def test_closing_writes_what_is_queued_and_takes_no_more(log, writer, delivered):
    with log.writing():
        for number in range(20):
            writer.submit(number, entry())
    writer.close()
    assert len(delivered.all()) == 20
    with pytest.raises(FatalFault, match="closed"):
        writer.submit(20, entry())
