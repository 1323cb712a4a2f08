"""The ``embedded:`` transport of Faust: the same topics, partitions and offsets as Kafka, in one file on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, ClassVar

from faust.transport import base

from streams.brokers.address import read_log_address
from streams.embedded.connection import SCHEMA_VERSION
from streams.embedded.consumer import Consumer as LogConsumer
from streams.embedded.log import Log
from streams.embedded.producer import Producer as LogProducer
from streams.embedded.upkeep import Upkeep, run_upkeep


class Transport(base.Transport):
    """Faust makes one for the consumer and one for the producer; each opens the log by itself.

    Raises
    ------
    FatalFault
        If the address is wrong.
    """

    Consumer: ClassVar[type[LogConsumer]] = LogConsumer
    Producer: ClassVar[type[LogProducer]] = LogProducer

    default_port = 0
    driver_version = f"embedded={SCHEMA_VERSION}"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on as they are
        super().__init__(*args, **kwargs)
        self.address = read_log_address(str(self.url[0]))

    def open_log(self) -> Log:
        """Open the log at this transport's address; whoever asked closes it.

        Raises
        ------
        FatalFault, TransientFault
            As :class:`~streams.embedded.log.Log`.
        """
        return Log(self.address.path, self.address.durability)

    def keep_up(self, go_on: Callable[[], bool]) -> Upkeep:
        """Apply retention and compaction once while ``go_on`` says so, over connections of its own so that no reader waits."""
        with contextlib.closing(self.open_log()) as log:
            return run_upkeep(log, go_on=go_on)
