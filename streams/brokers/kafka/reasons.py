"""Why no broker could be reached: the vendor's clients try all of them, write each reason to a log, and raise none of them."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

_WANTS_TLS = "it closes the connection at once, so it may demand TLS"
_WANTS_NO_TLS = "it closes the connection when TLS is spoken to it, so it may speak none"
_WANTS_LOGIN = "it closes the connection when asked something, so it may demand a username and a password"

#: Who does not answer within this is only slow or away, of which the vendor's own error says enough.
_WAIT_MS = 5_000


async def find_reason(settings: Mapping[str, Any]) -> Exception | None:
    """Ask one broker after the other and return what the one that says most has against us; ``None`` where none says anything.

    Parameters
    ----------
    settings
        As :func:`~streams.brokers.kafka.words.to_settings` makes them.
    """
    alone = {**settings, "request_timeout_ms": min(settings["request_timeout_ms"], _WAIT_MS)}
    reasons: list[Exception] = []
    for server in alone.pop("bootstrap_servers"):
        try:
            await _ask(server, alone)
        except TimeoutError:
            continue
        except (OSError, KafkaError) as error:
            reasons.append(error)
        else:
            return None
    # one that could not be reached at all says less than one that refused
    return min(reasons, key=lambda error: not isinstance(error, KafkaError | ssl.SSLError), default=None)


async def _ask(server: str, settings: Mapping[str, Any]) -> None:
    """Connect, introduce ourselves, and ask which brokers there are."""
    host, _, port = server.rpartition(":")
    try:
        connection = await create_conn(host.strip("[]"), int(port), **settings)
    except ConnectionResetError as error:
        if settings["ssl_context"]:
            raise KafkaConnectionError(_WANTS_NO_TLS) from error
        raise
    except KafkaConnectionError as error:
        if settings["ssl_context"]:
            raise
        raise KafkaConnectionError(_WANTS_TLS) from error  # a password that it does not take would be an answer
    try:
        await connection.send(MetadataRequest([]))
    except KafkaConnectionError as error:
        if "sasl_mechanism" in settings:
            raise
        raise KafkaConnectionError(_WANTS_LOGIN) from error
    finally:
        connection.close()
