"""Make the brokers of this project known to Faust."""

from __future__ import annotations

from faust.transport.drivers import TRANSPORTS

#: Scheme -> transport. The ``kafka`` of this project takes the place of Faust's own, which may commit past unfinished events.
_TRANSPORTS = {
    "embedded": "streams.embedded.transport:Transport",
    "kafka": "streams.brokers.kafka.transport:Transport",
}


def register_transports() -> None:
    """Have Faust find our transports by the scheme of a broker address; a second call changes nothing.

    Call it before the app is made. Classes are imported only when an address asks for them.
    """
    TRANSPORTS.by_name(
        "aiokafka"
    )  # makes Faust read the installed entry points now, so that they cannot replace ours later
    TRANSPORTS.data.update(_TRANSPORTS)
