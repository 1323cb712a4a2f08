"""What follows from a fault: retry here and bounded, set aside with a reason, or leave as an outage."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import time
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput, TransientFault
from schemas.media import Rejection, make_rejection_id
from schemas.wire import from_rejected_headers, to_rejected_headers
from streams.brokers.records import RECORD_LIMIT_BYTES, Record, measure_record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

T = TypeVar("T")

#: Reason code of a unit that ended the process that opened it; a dead letter of the kind ``poison``.
POISON = "kills_its_process"

#: How soon a coroutine that waits notices that the worker stops.
_LOOK_EVERY_S = 0.1

#: Headers of a record too large to be a dead letter that are kept: ours are far smaller.
_KEPT_HEADER_BYTES = 4_096
_KEPT_HEADERS = 64


class OutageError(TransientFault):
    """A neighbour stayed away for longer than we wait: nothing is acknowledged, and the process ends with exit code 3."""


class StoppingError(Exception):
    """The worker stops while a call was waiting to be tried again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How a call that failed for a passing cause is tried again.

    Attributes
    ----------
    first_wait_s, longest_wait_s
        Waits double from the first to the longest, each with up to half of it taken off at random, so that many workers do
        not come back at once.
    give_up_after_s
        After this long the fault is an outage.
    """

    first_wait_s: float = 0.2
    longest_wait_s: float = 10.0
    give_up_after_s: float = 300.0

    def call(self, work: Callable[[], T], stopping: Event) -> T:
        """Return what ``work`` returns, trying again while it raises :class:`TransientFault`.

        Raises
        ------
        OutageError
            If it still failed after ``give_up_after_s``.
        StoppingError
            If ``stopping`` was set meanwhile.
        """
        waits = self._waits()
        while True:
            try:
                return work()
            except OutageError:
                raise
            except TransientFault as fault:
                wait_s = self._next_wait(waits, fault)
            if stopping.wait(wait_s):
                raise StoppingError

    async def call_async(self, work: Callable[[], Awaitable[T]], stopping: Event) -> T:
        """Do the same for a coroutine function."""
        waits = self._waits()
        while True:
            try:
                return await work()
            except OutageError:
                raise
            except TransientFault as fault:
                wait_s = self._next_wait(waits, fault)
            until = time.monotonic() + wait_s
            while (left_s := until - time.monotonic()) > 0 and not stopping.is_set():  # noqa: ASYNC110 - it is the threads' event
                await asyncio.sleep(min(left_s, _LOOK_EVERY_S))
            if stopping.is_set():
                raise StoppingError

    def _waits(self) -> Iterator[float]:
        """Yield the waits until the patience is at its end."""
        began, wait_s = time.monotonic(), self.first_wait_s
        while time.monotonic() - began <= self.give_up_after_s:
            yield wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
            wait_s = min(self.longest_wait_s, wait_s * 2)

    def _next_wait(self, waits: Iterator[float], fault: TransientFault) -> float:
        try:
            return next(waits)
        except StopIteration:
            sentence = f"{fault.sentence} Given up after {self.give_up_after_s:.0f} s."
            raise OutageError(sentence) from fault


def make_rejection(record: Record, fault: RejectedInput, *, step: str, rejected_at: dt.datetime) -> Rejection:
    """Return the statement why a record was set aside."""
    value_sha256 = to_sha256(record.value or b"")
    return Rejection(
        rejection_id=make_rejection_id(record.topic, value_sha256, fault.reason),
        fault="poison" if fault.reason == POISON else "rejected",
        step=step,
        reason=fault.reason,
        sentence=fault.sentence,
        rejected_at=rejected_at,
        topic=record.topic,
        value_sha256=value_sha256,
    )


def to_dead_letter(record: Record, rejection: Rejection, topic: str) -> Record:
    """Return the record as it came with its rejection as one more header, addressed to the topic of dead letters."""
    return Record(topic, record.key, record.value, to_rejected_headers(record.headers, rejection))


def fit_letter(letter: Record, keep: Callable[[bytes, str, str], str]) -> Record:
    """Return a dead letter that a topic takes: one that is too large by its rejection refers to its bytes in the store.

    Sent again it refers to them still, which is the same arrival. Headers that no sender of ours makes, of more than 4 kB or
    beyond the first 64, are left out then.

    Parameters
    ----------
    keep
        Stores bytes, of which sha256 and media type are given, and returns their object key.

    Raises
    ------
    TransientFault, FatalFault
        From the store.
    """
    if measure_record(letter.key, letter.value, letter.headers) <= RECORD_LIMIT_BYTES:
        return letter
    kept = [(name, text) for name, text in letter.headers if len(name) + len(text or b"") <= _KEPT_HEADER_BYTES]
    headers = (*kept[: _KEPT_HEADERS - 1], *kept[_KEPT_HEADERS - 1 :][-1:])  # the rejection stands last
    key = letter.key[:_KEPT_HEADER_BYTES] if letter.key else letter.key
    if not letter.value:
        return Record(letter.topic, key, letter.value, headers)
    place = keep(letter.value, to_sha256(letter.value), "application/octet-stream")
    return Record(letter.topic, key, b"", (("ce_dataref", place.encode()), *headers))


def to_retry(dead_letter: Record, rejection: Rejection) -> Record:
    """Return the record as it was before it was set aside, addressed to the topic it came from."""
    return Record(rejection.topic, dead_letter.key, dead_letter.value, from_rejected_headers(dead_letter.headers))
