"""Why no broker could be reached: the vendor's clients try all of them, write each reason to a log, and raise none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

if TYPE_CHECKING:
    from collections.abc import Mapping

_WANTS_LOGIN = "it lets us connect and then answers nothing, so it may demand a username and a password"
_WANTS_TLS = "it closes the connection at once, so it may demand TLS"


async def find_reason(settings: Mapping[str, Any]) -> Exception | None:
    """Connect to one broker after the other and return what the one that says most says against it; ``None`` if nothing.

    Parameters
    ----------
    settings
        As :func:`~streams.brokers.kafka.words.to_settings` makes them.
    """
    rest = {name: value for name, value in settings.items() if name != "bootstrap_servers"}
    reasons: list[Exception] = []
    for server in settings["bootstrap_servers"]:
        host, _, port = server.rpartition(":")
        try:
            connection = await create_conn(host.strip("[]"), int(port), **rest)
        except KafkaConnectionError as error:  # there is somebody
            reasons.append(error if settings["ssl_context"] else KafkaConnectionError(_WANTS_TLS))
        except (OSError, KafkaError) as error:  # a TimeoutError is an OSError
            reasons.append(error)
        else:
            connection.close()
            return None if "sasl_mechanism" in settings else KafkaConnectionError(_WANTS_LOGIN)
    # one that could not be reached at all says less than one that refused
    return min(reasons, key=lambda error: isinstance(error, ConnectionError), default=None)
