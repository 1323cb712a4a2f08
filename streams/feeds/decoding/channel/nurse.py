"""The thread that starts decoding processes and ends those that keep somebody waiting past their time.

It is one thread for as long as the pool lives, because on Linux a process that shall end with its parent ends with the thread
that started it.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.feeds.decoding.channel.decoder import Decoder

#: Seconds between two looks at who is late: how much later than its deadline a process may end.
_ROUND_S = 0.25


@dataclass(slots=True)
class Nurse:
    """Starts and watches processes.

    Parameters
    ----------
    start
        Starts one process.
    """

    start: Callable[[], Decoder]
    _wanted: deque[Future[Decoder]] = field(default_factory=deque)
    _living: set[Decoder] = field(default_factory=set)
    _wake: Condition = field(default_factory=Condition)
    _thread: Thread | None = None
    _is_closing: bool = False

    def call(self) -> Future[Decoder]:
        """Ask for a new process, which is watched from its start."""
        wanted: Future[Decoder] = Future()
        with self._wake:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="decoding-nurse", daemon=True)
                self._thread.start()
            self._wanted.append(wanted)
            self._wake.notify()
        return wanted

    def dismiss(self, decoder: Decoder) -> None:
        """End a process."""
        with self._wake:
            self._living.discard(decoder)
        decoder.close()

    def close(self) -> None:
        """End the thread; processes are ended by whoever holds them."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._wanted and not self._is_closing:
                    self._wake.wait(_ROUND_S if self._living else None)
                if self._is_closing:
                    for wanted in self._wanted:
                        wanted.cancel()
                    return
                wanted_now = list(self._wanted)
                self._wanted.clear()
                living = list(self._living)
            for decoder in living:
                decoder.end_if_late(time.monotonic())
            for wanted in wanted_now:
                self._deliver(wanted)

    def _deliver(self, wanted: Future[Decoder]) -> None:
        try:
            decoder = self.start()
        except Exception as error:  # noqa: BLE001 - who asked shall hear of it, and the others go on being watched
            wanted.set_exception(error)
            return
        with self._wake:
            self._living.add(decoder)
        wanted.set_result(decoder)
