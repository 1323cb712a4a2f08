"""An event loop on a thread of its own, so that synchronous callers can use the asynchronous Kafka client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from streams.brokers.kafka.faults import translate_errors

_T = TypeVar("_T")


class LoopThread:
    """An event loop on a thread of its own, for a synchronous caller."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kafka-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _T], limit_s: float) -> _T:
        """Run a coroutine there and return its result, with Kafka's errors turned into ours.

        Raises
        ------
        TransientFault
            Also if it takes longer than ``limit_s`` seconds.
        """
        with translate_errors():
            return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, limit_s), self._loop).result()

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
