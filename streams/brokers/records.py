"""What crosses a broker's door: records to append, records as stored, and how a topic is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from schemas.errors import RejectedInput

if TYPE_CHECKING:
    from datetime import datetime

#: Names may repeat and values may be any bytes or nothing at all; order is kept.
Headers = tuple[tuple[str, bytes | None], ...]

#: A topic and the number of one of its partitions.
Partition = tuple[str, int]

Offsets = Mapping[Partition, int]

Cleanup = Literal["delete", "compact", "compact,delete"]

#: Key, value and headers together. A Kafka broker takes 1,048,588 bytes by default (``message.max.bytes``), its own framing
#: included; every broker here refuses at the same size, so that what works on one works on the other.
RECORD_LIMIT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Record:
    """A record to append; its partition follows from its key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as a log keeps it.

    Attributes
    ----------
    offset
        Its place in the partition: grows, is never used twice, and may have gaps where records were compacted away.
    appended_at
        When the log took it in, aware UTC.
    """

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    key: bytes | None
    headers: Headers
    value: bytes | None


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is kept now.

    Attributes
    ----------
    retention_s, retention_bytes
        What is older, or what exceeds this size per partition, may be deleted; ``None`` keeps it.
    log_id
        Identity of the log behind the topic: another one means that offsets remembered elsewhere have lost their meaning.
    """

    name: str
    partitions: int
    cleanup: Cleanup
    retention_s: float | None
    retention_bytes: int | None
    log_id: str


def measure_record(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Return the size of a record's parts in bytes."""
    size = len(key or b"") + len(value or b"")
    for name, text in headers:
        size += len(name.encode()) + len(text or b"")
    return size


def check_record(record: Record) -> None:
    """Refuse a record that no broker here would take.

    Raises
    ------
    RejectedInput
        With ``record_too_large``, above :data:`RECORD_LIMIT_BYTES`.
    """
    size = measure_record(record.key, record.value, record.headers)
    if size > RECORD_LIMIT_BYTES:
        sentence = (
            f"A record of {size:,} bytes is too large for a topic; at most {RECORD_LIMIT_BYTES:,} bytes are taken."
        )
        reason = "record_too_large"
        raise RejectedInput(reason, sentence)
