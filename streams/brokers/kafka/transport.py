"""Faust's Kafka transport, with commits that never pass an unfinished event and with our faults on its producer."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any, ClassVar

from aiokafka import AIOKafkaProducer
from faust.auth import SASLCredentials, SSLCredentials
from faust.exceptions import ProducerSendError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, HeadersArg, RecordMetadata
from faust.types.auth import CredentialsT
from typing_extensions import override

from streams.brokers.bundles import BUNDLED_RECORDS, Bundle, find_bundled, to_bundles
from streams.brokers.credentials import Credentials, make_ssl_context
from streams.brokers.kafka.faults import is_kafka_error, to_fault
from streams.brokers.kafka.words import to_value
from streams.brokers.offsets import OrderedCommits
from streams.brokers.records import Stored

logger = logging.getLogger(__name__)

#: The client waits for a broker that is away for ever; nobody else can stop meanwhile.
_COMMIT_WITHIN_S = 10.0

#: Between two attempts to learn about a broker that is away: the client itself makes thousands a second.
_METADATA_WAIT_S = 0.2


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

#: Records of one poll of the topics that come in large bundles, which are small.
_BUNDLED_POLL = 4 * BUNDLED_RECORDS


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's thread of the vendor's consumer; of topics that come in large bundles it takes more at once."""

    async def _fetch_records(
        self,
        consumer: Any,  # noqa: ANN401 - the vendor's
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's own signature
        max_records: int | None = None,
    ) -> Mapping[TP, list[Any]]:
        found = await super()._fetch_records(consumer, active_partitions, timeout=timeout, max_records=max_records)
        bundled = find_bundled(self.app)
        small = {tp for tp in active_partitions if bundled.get(tp.topic) == BUNDLED_RECORDS}
        if not (found and small):
            return found
        more = await super()._fetch_records(consumer, small, timeout=0.0, max_records=_BUNDLED_POLL)
        return {tp: [*found.get(tp, ()), *more.get(tp, ())] for tp in (*found, *(tp for tp in more if tp not in found))}


class Consumer(OrderedCommits, driver.Consumer):
    """Faust's Kafka consumer with the commit rule of :class:`~streams.brokers.offsets.OrderedCommits`, and with a bound."""

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Any]]:  # noqa: ASYNC109
        found = await super()._getmany(active_partitions, timeout)
        bundled = find_bundled(self.app)
        return {
            tp: to_bundles([_to_stored(record) for record in records], bundled[tp.topic])
            if tp.topic in bundled
            else records
            for tp, records in found.items()
        }

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:  # noqa: ANN401 - the vendor's record, or a bundle
        if isinstance(record, Bundle):
            return record.to_message(tp, self.app.consumer_generation_id)
        return super()._to_message(tp, record)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        try:
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                return await super()._commit(offsets)
        except TimeoutError:
            logger.warning("The broker takes no commit, which is tried again.")
            return False


class Producer(driver.Producer):
    """Faust's Kafka producer; a message's future ends with one of our faults, as on the embedded broker."""

    def _new_producer(self, transactional_id: str | None = None) -> AIOKafkaProducer:
        made = super()._new_producer(transactional_id)
        update = made.client._metadata_update  # noqa: SLF001 - aiokafka says nowhere else how often it asks

        async def update_with_patience(*arguments: Any) -> bool:  # noqa: ANN401 - the client's own
            known = bool(await update(*arguments))
            if not known:
                await asyncio.sleep(_METADATA_WAIT_S)
            return known

        made.client._metadata_update = update_with_patience  # noqa: SLF001
        return made

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
            With ``record_too_large``.
        TransientFault
            If the broker does not take it in time.
        FatalFault
            If it may not be written.
        """
        try:
            sent = await super().send(
                topic, key, to_value(key, value), partition, timestamp, headers, transactional_id=transactional_id
            )
        except ProducerSendError as error:
            raise to_fault(error.__cause__ or error) from error
        translated: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        asyncio.ensure_future(sent).add_done_callback(partial(_pass_on, translated))
        return translated


def _to_stored(record: Any) -> Stored:  # noqa: ANN401 - the vendor's
    return Stored(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        appended_at=_EPOCH + dt.timedelta(milliseconds=record.timestamp),
        key=record.key,
        headers=tuple(record.headers),
        value=record.value,
    )


def _pass_on(waiting: asyncio.Future[RecordMetadata], sent: asyncio.Future[RecordMetadata]) -> None:
    if waiting.done():  # cancelled by who waited
        if not sent.cancelled():
            sent.exception()
        return
    if sent.cancelled():
        waiting.cancel()
    elif (error := sent.exception()) is None:
        waiting.set_result(sent.result())
    elif is_kafka_error(error):
        fault = to_fault(error)
        fault.__cause__ = error
        waiting.set_exception(fault)
    else:
        waiting.set_exception(error)


class Transport(driver.Transport):
    """Faust's Kafka transport with our consumer and producer."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer


def to_faust_credentials(credentials: Credentials) -> CredentialsT | None:
    """Return the credentials for Faust's setting ``broker_credentials``; ``None`` for a plain connection.

    Raises
    ------
    FatalFault
        If a certificate file cannot be read.
    """
    context = make_ssl_context(credentials)
    if credentials.mechanism:
        return SASLCredentials(
            username=credentials.username,
            password=credentials.password,
            ssl_context=context,
            mechanism=credentials.mechanism,
        )
    return SSLCredentials(context) if context else None
