"""Between our words and Kafka's: connection settings, topic settings and records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from streams.brokers.credentials import Credentials, make_ssl_context
from streams.brokers.records import Cleanup, Stored, TopicState

if TYPE_CHECKING:
    from schemas.topics import Topic

_MS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_settings(servers: Sequence[str], credentials: Credentials, *, request_s: float) -> dict[str, Any]:
    """Return the connection settings that each of the vendor's clients takes.

    Raises
    ------
    FatalFault
        If a certificate file cannot be read.
    """
    settings = {
        "bootstrap_servers": list(servers),
        "client_id": "observatory",
        "request_timeout_ms": int(request_s * _MS),
        "security_protocol": credentials.protocol,
        "ssl_context": make_ssl_context(credentials),
    }
    if credentials.mechanism:
        settings |= {
            "sasl_mechanism": credentials.mechanism,
            "sasl_plain_username": credentials.username,
            "sasl_plain_password": credentials.password,
        }
    return settings


def to_config(topic: Topic) -> dict[str, str]:
    """Return a topic's settings in Kafka's words."""
    age_ms = -1 if topic.retention_s is None else round(topic.retention_s * _MS)
    return {
        "cleanup.policy": topic.cleanup,
        "retention.ms": str(age_ms),
        "message.timestamp.type": "LogAppendTime",
    }


def to_state(name: str, partitions: int, settings: Mapping[str, str], cluster: str) -> TopicState:
    """Return how a topic is kept, from Kafka's settings of it."""
    policies = set(settings["cleanup.policy"].split(","))
    cleanup: Cleanup = "compact,delete" if len(policies) > 1 else "compact" if policies == {"compact"} else "delete"
    age_ms, size = int(settings["retention.ms"]), int(settings["retention.bytes"])
    limited = cleanup != "compact"  # Kafka keeps both numbers, and ignores them, for a topic that is only compacted
    return TopicState(
        name,
        partitions,
        cleanup,
        age_ms / _MS if limited and age_ms >= 0 else None,
        size if limited and size >= 0 else None,
        cluster,
    )


def to_value(key: bytes | None, value: bytes | None) -> bytes | None:
    """Return the value to send: with neither key nor value, which the vendor's producer does not take, an empty one."""
    return b"" if key is None and value is None else value


def to_stored(found: Any) -> Stored:  # noqa: ANN401 - the vendor's record has no types
    """Return a fetched record."""
    return Stored(
        found.topic,
        found.partition,
        found.offset,
        _EPOCH + timedelta(milliseconds=found.timestamp),
        found.key,
        tuple(found.headers),
        found.value,
    )
