"""The embedded transport's producer: messages of a Faust app into the log, acknowledged when durable."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from faust.transport import base
from faust.types import TP, HeadersArg, RecordMetadata
from mode.utils.times import Seconds, want_seconds
from typing_extensions import override

from schemas.errors import FatalFault, RejectedInput, TransientFault
from streams.brokers.partitions import make_chooser
from streams.brokers.records import measure_record
from streams.embedded.log import Entry, Kept, Log, Placed, Retention
from streams.embedded.writer import GroupWriter, Outcome

if TYPE_CHECKING:
    from streams.brokers.records import Record
    from streams.embedded.transport import Transport

#: Above this much not yet written, ``send`` waits: a slow disk must not fill the memory.
_WAITING_LIMIT_BYTES = 64 * 1024 * 1024

_LOG_APPEND_TIME = 1  # Kafka's timestamp type: the log stamps, not the sender
_MS = 1000


class Producer(base.Producer):
    """Appends to the log; a message's future ends when the message is durable, or with the fault that kept it from being so."""

    _log: Log
    _writer: GroupWriter[_Ticket]

    def __post_init__(self) -> None:
        """Prepare what needs no log yet."""
        self._pending: set[asyncio.Future[Sequence[Placed]]] = set()
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self._choose = make_chooser()
        self._announce = self.app.on_produce_message.send

    async def on_start(self) -> None:
        """Open the log."""
        await super().on_start()
        self._running = asyncio.get_running_loop()
        self._partitions = self.app.conf.topic_partitions  # Faust's settings take their time to answer
        self._log = cast("Transport", self.transport).open_log()
        self._writer = GroupWriter(self._log, self._deliver)

    async def on_stop(self) -> None:
        """Write what is left, then close the log."""
        await super().on_stop()
        await self._drain()
        self._writer.close()
        self._log.close()

    @override
    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: HeadersArg | None,
        *,
        transactional_id: str | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Queue a message; await the answer for its durability.

        Raises
        ------
        RejectedInput
            With ``record_too_large``, above Faust's setting ``producer_max_request_size``.
        FatalFault
            If a compacted topic would get a message without a key.
        """
        self._announce(key=key, value=value, partition=partition, timestamp=timestamp, headers=headers)
        place = self._find_partition(topic, key) if partition is None else partition
        pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
        entry = Entry(topic, place, key, value, tuple((name, text) for name, text in pairs))
        ticket = await self._submit([entry])
        answer: asyncio.Future[RecordMetadata] = self._running.create_future()
        ticket.add_done_callback(partial(_answer_one, answer, TP(topic, place)))
        return answer

    async def send_together(self, records: Sequence[Record]) -> None:
        """Append records of several topics in one durable step: all of them, or none.

        Raises
        ------
        RejectedInput
            With ``record_too_large``, above Faust's setting ``producer_max_request_size``.
        TransientFault, FatalFault
            If they could not be appended.
        """
        entries = [
            Entry(
                record.topic, self._find_partition(record.topic, record.key), record.key, record.value, record.headers
            )
            for record in records
        ]
        if entries:
            await (await self._submit(entries))

    async def _submit(self, entries: Sequence[Entry]) -> asyncio.Future[Sequence[Placed]]:
        """Queue entries, once there is room, and return the future of their places."""
        size = sum(self._check_size(entry) for entry in entries)
        while self._waiting_bytes > _WAITING_LIMIT_BYTES:
            self._room.clear()
            await self._room.wait()
        future: asyncio.Future[Sequence[Placed]] = self._running.create_future()
        self._writer.submit(_Ticket(future, size), *entries, size=size)
        self._pending.add(future)
        self._waiting_bytes += size
        return future

    def _check_size(self, entry: Entry) -> int:
        size = measure_record(entry.key, entry.value, entry.headers)
        if size > self.max_request_size:
            reason = "record_too_large"
            sentence = f"A record of {size:,} bytes is too large for topic {entry.topic}; the limit is {self.max_request_size:,}."
            raise RejectedInput(reason, sentence)
        return size

    def _deliver(self, outcomes: Sequence[tuple[_Ticket, Outcome]]) -> None:
        """Pass outcomes from the writing thread to the loop; with the loop gone nobody waits for them."""
        with contextlib.suppress(RuntimeError):
            self._running.call_soon_threadsafe(self._resolve, outcomes)

    def _resolve(self, outcomes: Sequence[tuple[_Ticket, Outcome]]) -> None:
        for ticket, outcome in outcomes:
            future = ticket.future
            self._pending.discard(future)
            self._waiting_bytes -= ticket.size
            if future.done():  # cancelled by who waited
                continue
            if isinstance(outcome, Exception):
                future.set_exception(_copy_fault(outcome))
            else:
                future.set_result(outcome)
        self._room.set()

    @override
    async def send_and_wait(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: HeadersArg | None,
        *,
        transactional_id: str | None = None,
    ) -> RecordMetadata:
        """Append a message and return when it is durable.

        Raises
        ------
        TransientFault, FatalFault
            If it could not be appended.
        """
        return await (await self.send(topic, key, value, partition, timestamp, headers))

    async def flush(self) -> None:
        """Return when everything sent before is durable or has failed."""
        await self.buffer.flush()
        await self._drain()

    async def _drain(self) -> None:
        if self._pending:
            await asyncio.wait(self._pending)

    async def create_topic(  # noqa: PLR0913 - Faust's own signature
        self,
        topic: str,
        partitions: int,
        replication: int,  # noqa: ARG002 - there is one copy
        *,
        config: Mapping[str, Any] | None = None,
        timeout: Seconds = 0.0,  # noqa: ARG002, ASYNC109
        retention: Seconds | None = None,
        compacting: bool | None = None,
        deleting: bool | None = None,  # noqa: ARG002 - follows from the retention
        ensure_created: bool = False,  # noqa: ARG002 - it always is
    ) -> None:
        """Make a topic where it is missing."""
        self._log.create(
            Kept(topic, partitions, to_retention(config or {}, retention=retention, compacting=bool(compacting)))
        )

    def key_partition(self, topic: str, key: bytes) -> TP:
        """Return the partition that a key belongs to."""
        return TP(topic, self._find_partition(topic, key))

    def _find_partition(self, topic: str, key: bytes | None) -> int:
        count = ensure_topic(self._log, topic, self._partitions)
        if self.partitioner is None:
            return self._choose(key, count)
        numbers = list(range(count))
        return int(self.partitioner(key, numbers, numbers))

    def supports_headers(self) -> bool:
        """Return that headers are kept."""
        return True


@dataclass(frozen=True, slots=True)
class _Ticket:
    future: asyncio.Future[Sequence[Placed]]
    size: int


def _answer_one(answer: asyncio.Future[RecordMetadata], tp: TP, placed: asyncio.Future[Sequence[Placed]]) -> None:
    """Pass the outcome of a submission of one message to whoever waits for it in Faust's form."""
    fault = placed.exception()
    if answer.done():  # cancelled by who waited
        return
    if fault is not None:
        answer.set_exception(fault)
    else:
        (place,) = placed.result()
        answer.set_result(RecordMetadata(*tp, tp, place.offset, place.appended_ms / _MS, _LOG_APPEND_TIME))


def _copy_fault(fault: Exception) -> Exception:
    """Return an exception of its own for each who waits: a traceback grows on the one that is raised."""
    if not isinstance(fault, TransientFault | FatalFault):
        return fault
    copied = type(fault)(fault.sentence)
    copied.__cause__ = fault.__cause__
    return copied


def ensure_topic(log: Log, name: str, partitions: int) -> int:
    """Return a topic's number of partitions, making it as Kafka's automatic creation would where it is missing."""
    known = log.find_topic(name)
    if known is None:
        log.create(Kept(name, partitions, Retention()))
        known = log.find_topic(name)
    return known.partitions if known else partitions


def to_retention(config: Mapping[str, Any], *, retention: Seconds | None = None, compacting: bool = False) -> Retention:
    """Return the retention that Faust's arguments and Kafka's topic settings mean; -1 is no limit, as in Kafka."""
    age_ms = int(config.get("retention.ms", -1))
    size = int(config.get("retention.bytes", -1))
    if retention:
        age_ms = round(want_seconds(retention) * _MS)
    compacted = compacting or "compact" in str(config.get("cleanup.policy", ""))
    return Retention(compacted, age_ms if age_ms >= 0 else None, size if size >= 0 else None)
