"""The door to aiokafka: Kafka's part of the client promise, on a loop and a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code

from schemas.errors import FatalFault, TransientFault
from streams.brokers.address import read_servers
from streams.brokers.credentials import Credentials
from streams.brokers.kafka.loop import LoopThread
from streams.brokers.kafka.reasons import find_reason
from streams.brokers.kafka.words import to_config, to_settings, to_state, to_stored, to_value
from streams.brokers.records import Offsets, Partition, Record, Stored, TopicState, check_record

if TYPE_CHECKING:
    from schemas.topics import Topic

#: How long one call waits for a broker that does not answer. A broker restarts in 3 to 20 seconds.
REQUEST_S = 30.0

#: The client's own time limits end first and say more; this one is for what they do not cover.
_CALL_S = 3 * REQUEST_S

_FETCH_BYTES = 8 * 1024 * 1024
_FETCH_PARTITION_BYTES = 1024 * 1024  # at least one record is always fetched
_FETCH_RECORDS = 1000
_POLL_S = 0.5
_RETRY_S = 0.2

#: Copies of a topic, where there are so many brokers.
_COPIES = 3

_MS = 1000

_T = TypeVar("_T")
_Starts = TypeVar("_Starts", AIOKafkaConsumer, AIOKafkaProducer, AIOKafkaAdminClient)


class KafkaClient:
    """A broker over Kafka; several threads may share it. It connects at the first call that needs a broker."""

    def __init__(self, servers: Sequence[str], credentials: Credentials | None = None) -> None:
        self._settings = to_settings(servers, credentials or Credentials(), request_s=REQUEST_S)
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        self._starting = asyncio.Lock()
        self._keyless: set[str] = set()
        self._producer: AIOKafkaProducer | None = None
        self._inspector: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        with self._lock:
            if self._thread is None:
                self._thread = LoopThread()
            thread = self._thread
        return thread.run(work, _CALL_S)

    def close(self) -> None:
        """Close the connections; a later call opens them again."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.run(self._close(), _CALL_S)
            thread.close()

    async def _close(self) -> None:
        if self._producer is not None:
            await _stop(self._producer)
        if self._inspector is not None:
            await _stop(self._inspector)
        if self._admin is not None:
            await _stop(self._admin)
        self._producer = self._inspector = self._admin = None

    # -- records

    def append(self, records: Sequence[Record]) -> None:
        """Append records; all in-sync replicas have them on return. On a fault some of them may have been taken."""
        for record in records:
            check_record(record)
        if records:
            self._run(self._append(records))

    async def _append(self, records: Sequence[Record]) -> None:
        await self._count_partitions({record.topic for record in records})
        await self._check_keys({record.topic for record in records if record.key is None})
        producer = await self._get_producer()
        waiting: list[Awaitable[Any]] = []
        try:
            for record in records:
                headers = list(record.headers)
                waiting.append(
                    await producer.send(
                        record.topic, value=to_value(record.key, record.value), key=record.key, headers=headers
                    )
                )
        finally:
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            if failed or len(waiting) < len(records):
                # An idempotent producer is of no more use after some errors; a new one is always.
                self._producer = None
                await _stop(producer)
        if failed:
            raise failed[0]

    async def _check_keys(self, topics: set[str]) -> None:
        """Refuse records without a key for a compacted topic; the broker would say no more than that something is wrong."""
        if topics - self._keyless:
            states = await self._describe()
            self._keyless = {state.name for state in states if "compact" not in state.cleanup}
        if refused := sorted(topics - self._keyless):
            sentence = f"Topic {refused[0]} is compacted, so each of its records needs a key."
            raise FatalFault(sentence)

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[Stored]:
        """Return the topic's records up to the end as it is now."""
        begins = self.begin_offsets([topic])
        ends = self.end_offsets([topic])
        starts = start or {}
        places = {part: max(begins[part], starts.get(part[1], 0)) for part in ends}
        return self._read({part: place for part, place in places.items() if place < ends[part]}, ends)

    def _read(self, places: dict[Partition, int], ends: Mapping[Partition, int]) -> Iterator[Stored]:
        if not places:
            return
        consumer = self._run(self._open_reader(places))
        try:
            while places:
                yield from self._run(self._fetch(consumer, places, ends))
        finally:
            if self._thread is not None:
                self._run(_stop(consumer))

    async def _open_reader(self, places: Mapping[Partition, int]) -> AIOKafkaConsumer:
        consumer = await self._start(
            AIOKafkaConsumer(
                **self._settings,
                enable_auto_commit=False,
                auto_offset_reset="earliest",  # where retention passes us on the way
                fetch_max_bytes=_FETCH_BYTES,
                max_partition_fetch_bytes=_FETCH_PARTITION_BYTES,
            )
        )
        consumer.assign([TopicPartition(*part) for part in places])
        for part, place in places.items():
            consumer.seek(TopicPartition(*part), place)
        return consumer

    async def _fetch(self, consumer: AIOKafkaConsumer, places: dict[Partition, int], ends: Offsets) -> list[Stored]:
        """Return the next records, taking partitions that are read to their end out of ``places``."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + REQUEST_S
        while True:
            batches = await consumer.getmany(timeout_ms=int(_POLL_S * _MS), max_records=_FETCH_RECORDS)
            moved = False
            for part in list(places):
                # Also without a record: aborted transactions and their marks take up offsets.
                place = await consumer.position(TopicPartition(*part))
                moved |= place > places[part]
                places[part] = place
                if place >= ends[part]:
                    consumer.pause(TopicPartition(*part))
                    del places[part]
            if moved:
                return [
                    to_stored(found)
                    for part, batch in batches.items()
                    for found in batch
                    if found.offset < ends[part.topic, part.partition]
                ]
            if loop.time() > deadline:
                sentence = f"The Kafka broker has sent nothing for {REQUEST_S:.0f} s, although there is more to read."
                raise TransientFault(sentence)

    # -- topics

    def describe(self) -> tuple[TopicState, ...]:
        """Return every topic, by name."""
        return self._run(self._describe())

    async def _describe(self) -> tuple[TopicState, ...]:
        admin = await self._get_admin()
        cluster = (await admin.describe_cluster())["cluster_id"]
        counts = await self._count_partitions(None)
        if not counts:
            return ()
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=None) for name in counts]
        settings: dict[str, dict[str, str]] = {}
        for answer in await admin.describe_configs(resources):
            for code, message, _, name, entries in answer.resources:
                if code:
                    raise for_code(code)(message)
                settings[name] = {entry[0]: entry[1] for entry in entries}
        return tuple(to_state(name, counts[name], settings[name], cluster) for name in sorted(counts))

    def create(self, topics: Iterable[Topic]) -> tuple[str, ...]:
        """Make the topics that are missing, with up to three copies; the broker stamps their records."""
        return self._run(self._create(list(topics)))

    async def _create(self, topics: list[Topic]) -> tuple[str, ...]:
        admin = await self._get_admin()
        known = await self._count_partitions(None)
        missing = [topic for topic in topics if topic.name not in known]
        if not missing:
            return ()
        copies = min(_COPIES, len((await admin.describe_cluster())["brokers"]))
        plans = [NewTopic(topic.name, topic.partitions, copies, topic_configs=to_config(topic)) for topic in missing]
        answer = await admin.create_topics(plans, timeout_ms=int(REQUEST_S * _MS))
        made = []
        for name, code, message in answer.topic_errors:
            if code and code != TopicAlreadyExistsError.errno:
                problem = f"topic {name}: {message}"
                raise for_code(code)(problem)
            made += [] if code else [name]
        await self._wait_for_topics({topic.name for topic in missing})
        return tuple(topic.name for topic in missing if topic.name in made)

    async def _wait_for_topics(self, names: set[str]) -> None:
        """Return when the brokers have agreed that the topics exist."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + REQUEST_S
        while not names <= set(await self._count_partitions(None)):
            if loop.time() > deadline:
                sentence = "The Kafka broker has made the topics, but does not show them."
                raise TransientFault(sentence)
            await asyncio.sleep(_RETRY_S)

    async def _count_partitions(self, topics: Iterable[str] | None) -> dict[str, int]:
        """Return topics' numbers of partitions; all topics that are not internal for ``None``."""
        admin = await self._get_admin()
        found = {
            topic["topic"]: len(topic["partitions"])
            for topic in await admin.describe_topics()
            if not topic["is_internal"] and not topic["error_code"]
        }
        if topics is None:
            return found
        wanted = set(topics)
        if lacking := sorted(wanted - set(found)):
            sentence = f"Topic {lacking[0]} does not exist."
            raise FatalFault(sentence)
        return {name: found[name] for name in wanted}

    # -- positions

    def committed(self, group: str) -> dict[Partition, int]:
        """Return what the group has committed."""
        return self._run(self._committed(group))

    async def _committed(self, group: str) -> dict[Partition, int]:
        admin = await self._get_admin()
        found = await _retry(lambda: admin.list_consumer_group_offsets(group))
        return {(part.topic, part.partition): place.offset for part, place in found.items() if place.offset >= 0}

    def begin_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the offset of the earliest record of each partition."""
        return self._run(self._find_offsets(list(topics), ends=False))

    def end_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the end of each partition."""
        return self._run(self._find_offsets(list(topics), ends=True))

    async def _find_offsets(self, topics: list[str], *, ends: bool) -> dict[Partition, int]:
        counts = await self._count_partitions(topics)
        parts = [TopicPartition(topic, number) for topic in topics for number in range(counts[topic])]
        if not parts:
            return {}
        inspector = await self._get_inspector()
        found = await (inspector.end_offsets(parts) if ends else inspector.beginning_offsets(parts))
        return {(part.topic, part.partition): offset for part, offset in sorted(found.items())}

    # -- connections

    async def _get_producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                settings = {**self._settings, "acks": "all", "enable_idempotence": True, "max_batch_size": 128 * 1024}
                self._producer = await self._start(AIOKafkaProducer(**settings))
            return self._producer

    async def _get_inspector(self) -> AIOKafkaConsumer:
        async with self._starting:
            if self._inspector is None:
                self._inspector = await self._start(AIOKafkaConsumer(**self._settings, enable_auto_commit=False))
            return self._inspector

    async def _get_admin(self) -> AIOKafkaAdminClient:
        async with self._starting:
            if self._admin is None:
                self._admin = await self._start(AIOKafkaAdminClient(**self._settings))
            return self._admin

    async def _start(self, part: _Starts) -> _Starts:
        try:
            await part.start()
        except BaseException as error:
            await _stop(part)
            if isinstance(error, KafkaConnectionError) and (reason := await find_reason(self._settings)):
                raise reason from error
            raise
        return part


async def _stop(part: AIOKafkaConsumer | AIOKafkaProducer | AIOKafkaAdminClient) -> None:
    await (part.close() if isinstance(part, AIOKafkaAdminClient) else part.stop())


async def _retry(call: Callable[[], Awaitable[_T]]) -> _T:
    """Repeat a call while the broker says that it will do, for as long as one request may last."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + REQUEST_S
    while True:
        try:
            return await call()
        except KafkaError as error:
            if not error.retriable or loop.time() > deadline:
                raise
        await asyncio.sleep(_RETRY_S)


def open_kafka(url: str, credentials: Credentials | None) -> KafkaClient:
    """Return a client for the brokers of a ``kafka://`` address; it connects when it is first used.

    Raises
    ------
    FatalFault
        If the address or a certificate file is wrong.
    """
    return KafkaClient(read_servers(url), credentials)
