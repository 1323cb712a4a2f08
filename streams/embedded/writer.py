"""Group commit: one thread appends for everybody, and all that arrives while the disk is busy shares the next wait for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

from schemas.errors import FatalFault
from streams.brokers.records import measure_record
from streams.embedded.log import Entry, Log, Placed

#: One transaction takes at most this much, so that what waits behind it is not kept for long.
_BATCH_RECORDS = 2000
_BATCH_BYTES = 16 * 1024 * 1024

_STOP_S = 30.0

Ticket = TypeVar("Ticket")

#: Where the entries of one submission went, or why none of them could be appended.
Outcome = Sequence[Placed] | Exception


class GroupWriter(Generic[Ticket]):
    """Appends entries in the order of submission; those submitted together are durable together, or not at all.

    What comes while nothing is being written is written at once; there is nothing to wait for. What comes during a write,
    which lasts as long as the disk needs, is written together.

    Parameters
    ----------
    log
        Where to; stays open.
    deliver
        Called on the writing thread, once per transaction, with each submission's ticket and outcome.
    """

    def __init__(self, log: Log, deliver: Callable[[Sequence[tuple[Ticket, Outcome]]], None]) -> None:
        self._log = log
        self._deliver = deliver
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Ticket, tuple[Entry, ...], int]] = deque()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="embedded-log-writer", daemon=True)
        self._thread.start()

    def submit(self, ticket: Ticket, *entries: Entry, size: int | None = None) -> None:
        """Queue entries; their outcome comes through ``deliver``. Their size in bytes is measured, unless it is known.

        Raises
        ------
        FatalFault
            If one of them could never be appended, or the writer is closed; then nothing is delivered for them.
        """
        for entry in entries:
            self._log.check(entry)
        if size is None:
            size = sum(measure_record(entry.key, entry.value, entry.headers) for entry in entries)
        with self._changed:
            if self._closed:
                sentence = "The log's writer is closed."
                raise FatalFault(sentence)
            self._waiting.append((ticket, entries, size))
            self._changed.notify()

    def close(self) -> None:
        """Write what is queued, then end the thread; a second call does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        while batch := self._take():
            outcomes: list[Outcome]
            try:
                placed = iter(self._log.append([entry for _, entries in batch for entry in entries]))
                outcomes = [tuple(islice(placed, len(entries))) for _, entries in batch]
            except Exception as error:  # noqa: BLE001 - also a mistake of ours must reach those who wait, or they wait for ever
                outcomes = [error] * len(batch)
            self._deliver([(ticket, outcome) for (ticket, _), outcome in zip(batch, outcomes, strict=True)])

    def _take(self) -> list[tuple[Ticket, tuple[Entry, ...]]]:
        """Wait for entries and return the next batch; empty when closed and done."""
        batch: list[tuple[Ticket, tuple[Entry, ...]]] = []
        room, records = _BATCH_BYTES, 0
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            while self._waiting and records < _BATCH_RECORDS and (not batch or self._waiting[0][2] <= room):
                ticket, entries, size = self._waiting.popleft()
                batch.append((ticket, entries))
                room -= size
                records += len(entries)
        return batch
