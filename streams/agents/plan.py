"""The plan of an app: what it is told, and the settings of Faust that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yarl import URL

from streams.brokers.address import read_servers

if TYPE_CHECKING:
    from pathlib import Path

    from streams.brokers.credentials import Credentials

#: Faust waits this long for a poll before it leaves the group, and then hangs (its issue 138): practically for ever.
_POLL_INTERVAL_S = 31_536_000

#: Records per poll: with the buffer it bounds what is held in memory, inline pictures of up to 900 kB included.
_POLL_RECORDS = 64

#: Sends are collected for this long; the acknowledgement waits for them anyway.
_LINGER_S = 0.005
_BATCH_BYTES = 131_072

#: A broker that takes no record for so long is away; we wait and send it again, and say so. Faust's own bound is 20 minutes.
_SEND_WITHIN_S = 20.0

#: Our largest record: 900 kB of picture, headers, and the rejection of a dead letter.
_REQUEST_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class AppPlan:
    """What the app is told.

    Attributes
    ----------
    app_id
        Name of the group of workers that share the topics.
    broker
        Address, as the broker's client takes it.
    partitions
        Of topics that Faust would make by itself.
    folder
        For what Faust keeps locally.
    commit_every_s
        How often acknowledged offsets are committed: what is redone after a crash.
    dead_after_s
        A worker that the broker hears nothing of for so long is taken for dead. Heartbeats come from a thread of their own
        every 3 s, whatever the agents do.
    stop_within_s
        What is at work when the worker is asked to stop has this long to come to its end; then it is left, and comes again.
    """

    app_id: str
    broker: str
    credentials: Credentials
    partitions: int
    folder: Path
    commit_every_s: float = 1.0
    dead_after_s: float = 20.0
    stop_within_s: float = 60.0

    def to_settings(self) -> dict[str, Any]:
        """Return Faust's settings under which it loses nothing."""
        return {
            "broker": _to_urls(self.broker),
            "broker_credentials": _to_credentials(self),
            "autodiscover": False,
            "origin": None,
            "datadir": self.folder,
            "store": "memory://",
            "topic_partitions": self.partitions,
            "topic_allow_declare": False,
            "topic_disable_leader": True,
            "table_standby_replicas": 0,
            "consumer_auto_offset_reset": "earliest",
            "broker_max_poll_interval": _POLL_INTERVAL_S,
            "broker_session_timeout": self.dead_after_s,
            "broker_max_poll_records": _POLL_RECORDS,
            "broker_commit_interval": self.commit_every_s,
            "stream_wait_empty": True,
            "producer_linger": _LINGER_S,
            "producer_max_batch_size": _BATCH_BYTES,
            "producer_max_request_size": _REQUEST_BYTES,
            "producer_acks": -1,
            "producer_request_timeout": _SEND_WITHIN_S,
            "web_enabled": False,
            "loghandlers": [],
        }


def _to_urls(broker: str) -> list[URL]:
    """Return the broker's addresses one by one, since Faust cuts texts at commas."""
    if not broker.startswith("kafka"):
        return [URL(broker)]
    return [URL(f"kafka://{server}") for server in read_servers(broker)]


def _to_credentials(plan: AppPlan) -> Any:  # noqa: ANN401 - Faust's credentials
    """Return what Faust's Kafka driver introduces itself with; the embedded broker needs nothing."""
    if not plan.broker.startswith("kafka"):
        return None
    from streams.brokers.kafka.transport import to_faust_credentials  # noqa: PLC0415 - loads Kafka's client

    return to_faust_credentials(plan.credentials)
