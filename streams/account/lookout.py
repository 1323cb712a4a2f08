"""A lookout beside a worker: reads the state of the deployment now and then, so that its health page can tell it at once."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING

from schemas.errors import ObservatoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.account.status import Status, StatusReader

log = logging.getLogger(__name__)

#: Between two looks: what the page tells of the topics is at most this old.
EVERY_S = 10.0

#: A look that is on its way when the worker stops has this long to end; it changes nothing and can be left.
_STOP_WAIT_S = 2.0


@dataclass
class Lookout:
    """Looks, and tells what it saw.

    Parameters
    ----------
    tell
        Given each state that was read; while the broker is away, nothing.
    """

    reader: StatusReader
    tell: Callable[[Status], None]
    every_s: float = EVERY_S

    @contextmanager
    def keep_looking(self) -> Iterator[None]:
        """Look now and then beside the block, in a thread of its own, the first time at once."""
        stop = Event()
        thread = Thread(target=self._look_until, args=(stop,), name="lookout", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_STOP_WAIT_S)

    def _look_until(self, stop: Event) -> None:
        while True:
            try:
                self.tell(self.reader.read())
            except ObservatoryError as fault:
                log.info("the state of the topics could not be read: %s", fault.sentence)
            except Exception:
                log.exception("the state of the topics could not be read; the next look tries again")
            if stop.wait(self.every_s):
                return
