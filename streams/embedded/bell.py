"""The bell of a log: whoever appends rings it, so that readers in the same process look at once and need not poll."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from pathlib import Path


class Bell:
    """Calls everyone who listens, from the thread that rings; a listener must return at once and never raise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Callable[[], None], ...] = ()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` at each ring from now on; the function returned ends that."""
        with self._lock:
            self._listeners += (listener,)

        def leave() -> None:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not listener)

        return leave

    def ring(self) -> None:
        """Call every listener."""
        for listener in self._listeners:
            listener()


# A worker's producer and its consumer open the log separately, because Faust gives each a transport of its own.
_bells: weakref.WeakValueDictionary[Path, Bell] = weakref.WeakValueDictionary()
_bells_lock = threading.Lock()


def find_bell(path: Path) -> Bell:
    """Return this process's one bell for the log at a resolved path."""
    with _bells_lock:
        bell = _bells.get(path)
        if bell is None:
            bell = _bells[path] = Bell()
        return bell
