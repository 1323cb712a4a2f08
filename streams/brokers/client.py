"""The promise of a broker to the command line, the feeds and the ledger, and the one way to open it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from schemas.errors import FatalFault
from streams.brokers.address import read_scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from schemas.topics import Topic
    from streams.brokers.credentials import Credentials
    from streams.brokers.records import Partition, Record, Stored, TopicState


class Broker(Protocol):
    """Records in and out."""

    def append(self, records: Sequence[Record]) -> None:
        """Append records in this order; return when all of them are durable.

        A record with neither key nor value may get an empty value, since Kafka's client takes no such record.

        Raises
        ------
        RejectedInput
            With ``record_too_large``; nothing was appended.
        TransientFault
            If the log is away or its disk is full. A broker may have taken some of the records; none of the embedded log's.
        FatalFault
            If a topic does not exist or may not be written, or a compacted topic would get a record without a key.
        """
        ...

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[Stored]:
        """Return a topic's records from the given offsets to the end that it has now; what is appended later is left out.

        Parameters
        ----------
        start
            First offset by partition; partitions not named, and offsets that retention has passed, start at the earliest record.

        Returns
        -------
        Iterator[Stored]
            In order within a partition; only a few MB are held at a time.

        Raises
        ------
        TransientFault
            If the log goes away.
        FatalFault
            If the topic does not exist or may not be read.
        """
        ...

    def close(self) -> None:
        """Let go of the broker; a second call does nothing."""
        ...


class Topics(Protocol):
    """How topics are kept."""

    def describe(self) -> tuple[TopicState, ...]:
        """Return every topic as it is kept now, by name; the broker's internal ones are left out."""
        ...

    def create(self, topics: Iterable[Topic]) -> tuple[str, ...]:
        """Make the topics that are missing and return their names; one that exists is left as it is."""
        ...


class Positions(Protocol):
    """Where readers stand and where logs begin and end."""

    def committed(self, group: str) -> dict[Partition, int]:
        """Return the next offset a group of workers would read, for each partition that it has acknowledged."""
        ...

    def begin_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the offset of the earliest record kept; of an empty partition its end."""
        ...

    def end_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the offset that the next record will get."""
        ...


class Client(Broker, Topics, Positions, Protocol):
    """Everything a broker promises; the callers name the part that they need."""


#: Scheme -> factory. Named, not imported: opening one broker must not load the vendor of another.
_FACTORIES = {
    "embedded": "streams.embedded.client:open_embedded",
    "kafka": "streams.brokers.kafka.client:open_kafka",
    "memory": "streams.brokers.memory_client:open_memory",
}


def open_client(url: str, credentials: Credentials | None = None) -> Client:
    """Open the broker at an address.

    Parameters
    ----------
    url
        ``embedded:///absolute/path/log.db``, ``kafka://host:port[,host:port]`` or ``memory://`` (a new, empty fake).

    Raises
    ------
    FatalFault
        If the address cannot be understood, or what is there is no log of ours.
    TransientFault
        If the broker does not answer.
    """
    scheme = read_scheme(url)
    if scheme not in _FACTORIES:
        sentence = f"No broker is known for {scheme}://; there are {', '.join(sorted(_FACTORIES))}."
        raise FatalFault(sentence)
    module, _, name = _FACTORIES[scheme].partition(":")
    factory = cast("Callable[[str, Credentials | None], Client]", getattr(importlib.import_module(module), name))
    return factory(url, credentials)
