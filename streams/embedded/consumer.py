"""The embedded transport's consumer: the one worker of its app on a log, with Faust's own assignment of partitions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

from faust.types import TP, ConsumerMessage, Message
from mode import Service, ServiceT
from mode.utils.times import Seconds

from schemas.errors import FatalFault, ObservatoryError, TransientFault
from streams.brokers.bundles import Bundle, find_bundled, to_bundles
from streams.brokers.offsets import OrderedCommits
from streams.brokers.partitions import make_chooser
from streams.brokers.records import Stored
from streams.embedded.claim import Claim
from streams.embedded.log import READ_LIMIT_BYTES, Log
from streams.embedded.producer import ensure_topic

if TYPE_CHECKING:
    from faust.assignor.partition_assignor import PartitionAssignor

    from streams.embedded.transport import Transport

logger = logging.getLogger(__name__)

#: Another process cannot ring our bell, so the log is looked at this often; one look takes some microseconds.
_LOOK_S = 0.1

#: Between two fetches: each costs as much as delivering some records, so that what is written meanwhile should come together.
_REST_S = 0.005

#: Records of one fetch where Faust's setting ``broker_max_poll_records`` does not say.
_FETCH_RECORDS = 500

#: Kafka looks for what it may delete this often (``log.retention.check.interval.ms``).
_UPKEEP_S = 300.0

#: Messages delivered before others on the loop have their turn.
_YIELD_EVERY = 50

_LOG_APPEND_TIME = 1  # Kafka's timestamp type: the log stamps, not the sender
_ONLY_MEMBER = "worker"


class Consumer(OrderedCommits):
    """Reads the log for a Faust app."""

    consumer_stopped_errors = ()

    _log: Log
    _claim: Claim | None = None

    def __post_init__(self) -> None:
        """Prepare what needs no log yet."""
        self._subscribed: set[str] = set()
        self._assigned: set[TP] = set()
        self._positions: dict[TP, int] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self._version: int | None = None
        self._generation = 0
        self._turn = 0
        self._fetched_s = 0.0
        self._news = asyncio.Event()
        self._subscription = asyncio.Event()
        self._freed = asyncio.Event()
        self._choose = make_chooser()

    # -- life

    async def on_start(self) -> None:
        """Claim the log for this app and open it.

        Raises
        ------
        FatalFault
            If another worker of this app runs on the log, or Faust was asked for ``exactly_once``.
        """
        if self.in_transaction:
            sentence = "The embedded broker has no transactions: leave Faust's processing_guarantee at at_least_once."
            raise FatalFault(sentence)
        transport = cast("Transport", self.transport)
        self._claim = Claim(transport.address.path, self.app.conf.id)
        self._log = transport.open_log()
        self._aside = ThreadPoolExecutor(2, thread_name_prefix="embedded-log")
        loop = asyncio.get_running_loop()
        self._leave = self._log.listen(lambda: _wake(loop, self._news))
        await super().on_start()

    async def on_stop(self) -> None:
        """Wait for what is in work, commit it, and let another worker have the log."""
        await super().on_stop()
        if self._claim is not None:
            self._leave()
            self._aside.shutdown()
            self._log.close()
            self._claim.release()

    @Service.task
    async def _keep_up(self) -> None:
        """Apply retention and compaction now and then, beside the work."""
        transport = cast("Transport", self.transport)

        def go_on() -> bool:
            return not self.should_stop

        async for _ in self.itertimer(_UPKEEP_S, name="log upkeep"):
            try:
                done = await asyncio.get_running_loop().run_in_executor(self._aside, transport.keep_up, go_on)
            except ObservatoryError as fault:
                logger.warning("The log's upkeep is put off: %s", fault)
            else:
                logger.info(
                    "The log's upkeep removed %d expired and %d superseded records", done.expired, done.superseded
                )

    # -- membership, in a group of one

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Have the partitions of these topics assigned, in a task of its own: Faust waits there for this call to return."""
        self._subscribed = set(topics)
        for name in self._subscribed:
            ensure_topic(self._log, name, self.app.conf.topic_partitions)
        self._subscription.set()

    @Service.task
    async def _assign(self) -> None:
        while not (await self.wait(self._subscription.wait())).stopped:
            self._subscription.clear()
            self.app.on_rebalance_start()
            await self.on_partitions_revoked(set(self._assigned))
            assignor = cast("PartitionAssignor", self.app.assignor)
            member = assignor.metadata(self._subscribed)
            shares = assignor.assign(_Cluster(self._log), {_ONLY_MEMBER: member})
            assignor.on_assignment(shares[_ONLY_MEMBER])
            self._assigned = {TP(name, part) for name, parts in shares[_ONLY_MEMBER].assignment for part in parts}
            self._generation += 1
            self.app.consumer_generation_id = self._generation  # before it is used: recovery compares the two
            await self.seek_to_committed()
            await self.on_partitions_assigned(set(self._assigned), self._generation)

    def assignment(self) -> set[TP]:
        """Return the assigned partitions."""
        return set(self._assigned)

    # -- fetching

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Any]]:  # noqa: ASYNC109
        deadline = time.monotonic() + timeout
        while self.flow_active:
            rest_s = self._fetched_s + _REST_S - time.monotonic()
            if rest_s > 0:
                await asyncio.sleep(rest_s)
            self._fetched_s = time.monotonic()
            self._news.clear()
            found = self._fetch(self._assigned if active_partitions is None else active_partitions)
            left = deadline - time.monotonic()
            if found or left <= 0 or self.should_stop:
                return found
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, _LOOK_S))
        return {}

    def _fetch(self, active: set[TP]) -> dict[TP, list[Stored] | list[Bundle]]:
        """Read what is new, an equal share of each partition; of a topic that comes in bundles, one of each at least."""
        version = self._log.read_version()
        if version != self._version:
            self._version, self._ends = version, self._log.find_ends()
        ready = [tp for tp in active if self._positions.get(tp, 0) < self._ends.get(tp, 0)]
        if not ready:
            return {}
        limit = self.app.conf.broker_max_poll_records or _FETCH_RECORDS
        # With more partitions than records to fetch, the next ones have their turn in the next fetch.
        self._turn += 1
        ready = sorted(ready)
        start = self._turn % len(ready)
        bundled = find_bundled(self.app)
        found: dict[TP, list[Stored] | list[Bundle]] = {}
        for tp in (ready[start:] + ready[:start])[:limit]:
            records = self._log.read(
                tp,
                self._positions.get(tp, 0),
                max_records=max(bundled.get(tp.topic, 1), limit // len(ready)),
                max_bytes=READ_LIMIT_BYTES // len(ready),
            )
            self._positions[tp] = records[-1].offset + 1 if records else self._ends[tp]
            if records:
                found[tp] = to_bundles(records, bundled[tp.topic]) if tp.topic in bundled else records
        return found

    async def _wait_next_records(self, timeout: float) -> tuple[Mapping[TP, list[Any]] | None, set[TP] | None]:  # noqa: ASYNC109
        # Faust sleeps a whole second when the buffers of all partitions are full; here the first that drains ends the wait.
        if self.flow_active and not self.app.client_only and not self._get_active_partitions():
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), timeout)
            if not self._get_active_partitions():
                return {}, set()
        return await super()._wait_next_records(timeout)

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        # Faust makes four tasks for each message, so that an agent's full buffer cannot hold up a rebalance. Where no buffer is
        # filling and the flow is on, delivering cannot wait for anything, and one plain call does: 45 us less for each message.
        try:
            while not (self.should_stop or fetcher.should_stop):
                await asyncio.sleep(0)
                count = 0
                async for tp, message in self.getmany(timeout=1.0):
                    count += 1
                    if count % _YIELD_EVERY == 0:
                        await asyncio.sleep(0)
                    await self._deliver(tp, message)
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _deliver(self, tp: TP, message: Message) -> None:
        read = self._read_offset[tp]
        if read is not None and message.offset < read:
            return
        if self._commit_every is not None and self._n_acked >= self._commit_every:
            self._n_acked = 0
            await self.commit()
        if self._delivers_at_once():
            await self.callback(message)
        else:
            await self.wait_first(self.callback(message), self.suspend_flow.wait())
        self._read_offset[tp] = message.offset

    def _delivers_at_once(self) -> bool:
        return (
            self.flow_active
            and not self._buffered_partitions
            and not self.app.in_recovery  # then full buffers are not reported
            and self.app.flow_control.is_active()
            and self.app.producer.buffer.size == 0
        )

    def on_buffer_drop(self, tp: TP) -> None:
        """Fetch from a partition again."""
        super().on_buffer_drop(tp)
        self._freed.set()

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Fetch from partitions again."""
        super().resume_partitions(tps)
        self._freed.set()

    def stop_flow(self) -> None:
        """Stop fetching, at once."""
        super().stop_flow()
        self._news.set()

    def _to_message(self, tp: TP, record: Stored | Bundle) -> ConsumerMessage:
        if isinstance(record, Bundle):
            return record.to_message(tp, self.app.consumer_generation_id)
        return ConsumerMessage(
            record.topic,
            record.partition,
            record.offset,
            record.appended_at.timestamp(),
            _LOG_APPEND_TIME,
            list(record.headers),  # type: ignore[arg-type]
            record.key,
            record.value,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    # -- offsets

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        loop = asyncio.get_running_loop()
        places = {(tp.topic, tp.partition): offset for tp, offset in offsets.items()}
        try:
            await loop.run_in_executor(self._aside, lambda: self._log.commit(self.app.conf.id, places))
        except TransientFault as fault:
            logger.warning("Offsets could not be committed, which is tried again: %s", fault)
            return False
        return True

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to what was committed, or to where the app wants to begin; return the offsets that were committed."""
        committed = self._log.find_committed(self.app.conf.id)
        latest = self.app.conf.consumer_auto_offset_reset == "latest"
        fresh = [tp for tp in self._assigned if tp not in committed]
        starts = self._log.find_ends() if latest else self._log.find_begins(fresh)
        self._positions.update({tp: committed[tp] if tp in committed else starts[tp] for tp in self._assigned})
        # Faust's own driver gives nothing for a partition that was never committed, whatever the declared type says.
        return {tp: committed.get(tp) for tp in self._assigned}  # type: ignore[misc]

    async def _seek(self, partition: TP, offset: int) -> None:
        self._positions[TP(*partition)] = offset

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to offsets, as table recovery wants."""
        for tp, offset in partitions.items():
            self._positions[tp] = offset
            # What Faust read last; no entry means from the start.
            if offset > 0:
                self._read_offset[tp] = offset
            else:
                self._read_offset.pop(tp, None)

    async def seek_to_beginning(self, *partitions: TP) -> None:
        """Go to the earliest records."""
        for tp, offset in (await self.earliest_offsets(*partitions)).items():
            self._positions[tp] = offset

    async def position(self, tp: TP) -> int | None:
        """Return the offset that is fetched next."""
        return self._positions.get(tp)

    def highwater(self, tp: TP) -> int:
        """Return the end of a partition as of the last fetch; Faust asks for each message."""
        return self._ends.get(tp, 0)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Return the ends of partitions."""
        ends = self._log.find_ends()
        return {tp: ends.get(tp, 0) for tp in partitions}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Return where partitions begin."""
        return {TP(*tp): offset for tp, offset in self._log.find_begins(partitions).items()}

    # -- topics

    def topic_partitions(self, topic: str) -> int | None:
        """Return the number of partitions of a topic, ``None`` if there is no such topic."""
        known = self._log.find_topic(topic)
        return known.partitions if known else None

    async def create_topic(  # noqa: PLR0913 - Faust's own signature
        self,
        topic: str,
        partitions: int,
        replication: int,
        *,
        config: Mapping[str, Any] | None = None,
        timeout: Seconds = 30.0,  # noqa: ASYNC109
        retention: Seconds | None = None,
        compacting: bool | None = None,
        deleting: bool | None = None,
        ensure_created: bool = False,
    ) -> None:
        """Make a topic where it is missing."""
        await self.app.producer.create_topic(
            topic,
            partitions,
            replication,
            config=config,
            timeout=timeout,
            retention=retention,
            compacting=compacting,
            deleting=deleting,
            ensure_created=ensure_created,
        )

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:
        """Return the partition of a key, ``None`` if there is no such topic."""
        count = self.topic_partitions(topic)
        if partition is not None or count is None:
            return partition if count else None
        return self._choose(key, count)


class _Cluster:
    """What Faust's assignor asks of a broker's metadata."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def partitions_for_topic(self, topic: str) -> set[int]:
        known = self._log.find_topic(topic)
        return set(range(known.partitions)) if known else set()


def _wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop may be gone before the last ring
        loop.call_soon_threadsafe(event.set)
