"""What follows from a fault: how long a call is tried again, and what a dead letter keeps."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading

import pytest

from schemas.canonical import to_sha256
from schemas.errors import FatalFault, RejectedInput, TransientFault
from schemas.wire import read_rejection
from streams import faults
from streams.brokers.records import RECORD_LIMIT_BYTES, Record, measure_record
from streams.faults import OutageError, Patience, StoppingError, fit_letter, make_rejection, to_dead_letter, to_retry

AT = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)
AWAY = TransientFault(sentence="The store answers 503.")


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self):
        self.now_s, self.waits = 0.0, []
        self.stops_after = None

    def monotonic(self):
        return self.now_s

    def wait(self, wait_s):
        """Wait as a ``threading.Event`` does; tell whether it was set meanwhile."""
        self.waits.append(wait_s)
        self.now_s += wait_s
        return self.stops_after is not None and self.now_s >= self.stops_after


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(faults.time, "monotonic", made.monotonic)
    return made


def test_a_call_is_tried_again_until_it_succeeds(clock):
    answers = iter([AWAY, AWAY, "done"])

    def work():
        answer = next(answers)
        if isinstance(answer, TransientFault):
            raise answer
        return answer

    assert Patience().call(work, clock) == "done"
    assert len(clock.waits) == 2


def test_the_waits_double_up_to_the_longest_and_each_is_shortened_at_random(clock):
    patience = Patience(first_wait_s=1.0, longest_wait_s=8.0, give_up_after_s=60.0)
    with pytest.raises(OutageError):
        patience.call(raise_(AWAY), clock)
    full = [1.0, 2.0, 4.0, *[8.0] * 50]
    assert all(whole / 2 <= wait_s <= whole for wait_s, whole in zip(clock.waits, full, strict=False))
    assert len(set(clock.waits)) > 3


def raise_(fault):
    def work():
        raise fault

    return work


def test_a_neighbour_that_stays_away_is_an_outage_after_the_time_that_is_set(clock):
    with pytest.raises(OutageError, match=r"503\. Given up after 60 s") as raised:
        Patience(give_up_after_s=60.0).call(raise_(AWAY), clock)
    assert 60.0 <= clock.now_s <= 70.0
    assert raised.value.__cause__ is AWAY


@pytest.mark.parametrize("fault", [RejectedInput("bad_time", "It is."), FatalFault(sentence="Denied."), KeyError("x")])
def test_what_no_waiting_mends_is_not_tried_again(clock, fault):
    with pytest.raises(type(fault)):
        Patience().call(raise_(fault), clock)
    assert clock.waits == []


def test_an_outage_that_was_told_already_is_not_waited_for_twice(clock):
    with pytest.raises(OutageError):
        Patience().call(raise_(OutageError(sentence="Given up.")), clock)
    assert clock.waits == []


def test_a_worker_that_stops_waits_for_nobody(clock):
    clock.stops_after = 5.0
    with pytest.raises(StoppingError):
        Patience(give_up_after_s=1000.0).call(raise_(AWAY), clock)
    assert clock.now_s < 30.0


async def test_a_coroutine_is_tried_again_too_and_wakes_when_the_worker_stops():
    stopping, tries = threading.Event(), []

    async def work():
        tries.append(1)
        if len(tries) == 3:
            stopping.set()
        raise AWAY

    async with asyncio.timeout(20):
        with pytest.raises(StoppingError):
            await Patience(first_wait_s=0.01, longest_wait_s=1000.0).call_async(work, stopping)
    assert len(tries) == 3


async def test_a_coroutine_that_keeps_failing_is_an_outage():
    async def work():
        raise AWAY

    patience = Patience(first_wait_s=0.01, longest_wait_s=0.02, give_up_after_s=0.1)
    async with asyncio.timeout(20):
        with pytest.raises(OutageError):
            await patience.call_async(work, threading.Event())


# --- dead letters ---


def make_letter(record, reason="truncated_picture"):
    rejection = make_rejection(record, RejectedInput(reason, "It is cut."), step="route", rejected_at=AT)
    return to_dead_letter(record, rejection, "media.rejected.v1"), rejection


def test_a_dead_letter_is_the_record_as_it_came_and_sent_again_it_is_what_it_was():
    record = Record("media.arrived.v1", b"cam", b"\xff\xd8", (("ce_id", b"1"), ("x", None), ("x", b"\xff")))
    letter, rejection = make_letter(record)
    assert (letter.topic, letter.key, letter.value) == ("media.rejected.v1", record.key, record.value)
    assert letter.headers[:-1] == record.headers
    assert read_rejection(letter.headers) == rejection
    assert rejection.value_sha256 == to_sha256(record.value)
    assert to_retry(letter, rejection) == record


def test_a_record_that_was_set_aside_twice_carries_its_newest_rejection_only():
    record = Record("media.arrived.v1", b"cam", b"x", (("ce_id", b"1"),))
    letter, rejection = make_letter(record)
    again, second = make_letter(Record(record.topic, letter.key, letter.value, letter.headers), "unknown_feed")
    assert read_rejection(again.headers) == second
    assert to_retry(again, second) == record
    assert rejection.rejection_id != second.rejection_id


def test_a_dead_letter_of_ordinary_size_is_sent_as_it_is():
    letter, _ = make_letter(Record("media.arrived.v1", b"cam", bytes(900_000), ()))
    assert fit_letter(letter, keep=pytest.fail) is letter


@pytest.mark.parametrize("size_bytes", [RECORD_LIMIT_BYTES - 1, RECORD_LIMIT_BYTES + 1, 5_000_000])
def test_a_record_that_is_too_large_with_its_rejection_leaves_its_bytes_in_the_store(size_bytes):
    kept = {}

    def keep(data, sha256, media_type):
        kept[sha256] = data
        return f"originals/{sha256}"

    record = Record("media.arrived.v1", b"cam", bytes(size_bytes), (("ce_id", b"1"), ("ce_subject", b"a.jpg")))
    letter, rejection = make_letter(record)
    fitting = fit_letter(letter, keep)
    assert measure_record(fitting.key, fitting.value, fitting.headers) < 10_000
    assert kept == {rejection.value_sha256: record.value}
    assert dict(fitting.headers)["ce_dataref"] == f"originals/{rejection.value_sha256}".encode()
    assert read_rejection(fitting.headers) == rejection
    assert dict(to_retry(fitting, rejection).headers)["ce_id"] == b"1"


def test_headers_that_fill_a_record_do_not_keep_it_from_being_set_aside():
    huge = (("ce_id", b"1"), ("x", bytes(600_000)), *((f"h{n}", b"v" * 4_000) for n in range(200)))
    letter, rejection = make_letter(Record("media.arrived.v1", bytes(50_000), b"", huge))
    fitting = fit_letter(letter, keep=pytest.fail)
    assert measure_record(fitting.key, fitting.value, fitting.headers) < RECORD_LIMIT_BYTES
    assert dict(fitting.headers)["ce_id"] == b"1"
    assert read_rejection(fitting.headers) == rejection
