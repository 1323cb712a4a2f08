"""The door of announced media: who counts says until when everything that arrived is counted."""

from __future__ import annotations

import datetime as dt
import logging
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from schemas.errors import ObservatoryError
from streams.brokers.records import Record
from streams.usage.edge.caller import FEED_DOOR
from streams.usage.edge.heartbeat import EVERY, make_heartbeat, to_minute
from streams.usage.presence.counted import Counted
from streams.usage.presence.memory import DoorMemory, Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schemas.topics import Topics
    from streams.brokers.client import Client
    from streams.usage.meter import FactStore

log = logging.getLogger(__name__)

#: Between two looks at whether what was asked for is counted; nothing is asked while no heartbeat is due.
_LOOK_EVERY_S = 2.0

#: At the end of a worker or command: until all is counted, and then until the last heartbeat is a fact.
_FAREWELL_S = 3.0
_FAREWELL_LOOK_S = 0.05


@dataclass
class FeedDoor:
    """Sends the heartbeats of the door :data:`FEED_DOOR` for some installations.

    What is announced while no worker runs waits on its topic and is counted later, so a heartbeat covers the time since the
    one before, whoever sent that, unless it is closed or records have expired. Until then that time is missing from reports.
    Several workers of a deployment say the same of the same ten minutes, which is one heartbeat.

    Parameters
    ----------
    group
        Name of the group of workers.
    closes
        Whether the end of the last worker or command closes the door: so it is where only commands of ours can announce. A
        broker takes records from anybody, at any time.
    """

    client: Client
    store: FactStore
    topics: Topics
    group: str
    installations: Sequence[str]
    closes: bool = False
    _since: dict[str, dt.datetime] = field(default_factory=dict)
    _counted: dict[str, Counted] = field(default_factory=dict)
    _left: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def look(self, now_at: dt.datetime, *, last: bool = False) -> bool:
        """Open the door where that was not done yet, send what heartbeats are due, and return whether none is missing.

        Parameters
        ----------
        last
            Send one up to ``now_at`` for each installation, the last of this worker or command.

        Raises
        ------
        TransientFault, FatalFault
            From broker or store; a later call goes on.
        """
        with self._lock:
            is_said = True
            for installation in self.installations:
                if installation in self._left:
                    continue
                if installation not in self._since:
                    self._since[installation] = self._open(installation, now_at)
                due_at = (
                    to_minute(now_at) if last else now_at - (now_at - dt.datetime.min.replace(tzinfo=dt.UTC)) % EVERY
                )
                if last or due_at > self._since[installation]:
                    is_said &= self._say(installation, due_at, last=last)
            return is_said

    def _open(self, installation: str, now_at: dt.datetime) -> dt.datetime:
        """Return since when the next heartbeat speaks."""
        counted = self._counted[installation] = Counted(self.client, self.topics, self.group, installation)
        said = self._memory.recall(installation)
        if said is not None and not said.is_closed and said.until_at <= now_at and not counted.has_lost():
            return said.until_at
        self._send(installation, to_minute(now_at), to_minute(now_at))
        return to_minute(now_at)

    def _say(self, installation: str, due_at: dt.datetime, *, last: bool) -> bool:
        """Send a heartbeat up to a moment if all that arrived before it is counted."""
        counted = self._counted[installation]
        reached_at = counted.follow(due_at)
        if reached_at is None or (last and reached_at < due_at):
            return False
        if counted.has_lost():
            self._since[installation] = due_at
            self._send(installation, due_at, due_at)
        else:
            self._send(installation, min(self._since[installation], reached_at), reached_at, last=last and self.closes)
        if last:
            self._left.add(installation)
        return True

    def _send(self, installation: str, since_at: dt.datetime, until_at: dt.datetime, *, last: bool = False) -> None:
        beat = make_heartbeat(FEED_DOOR, installation, since_at, until_at, last=last)
        self.client.append([Record(self.topics.usage_recorded, installation.encode(), beat.to_canonical())])
        self._since[installation] = until_at
        self._memory.remember(installation, Said(until_at, last))

    @property
    def _memory(self) -> DoorMemory:
        return DoorMemory(self.store, FEED_DOOR)

    @contextmanager
    def keep(self) -> Iterator[None]:
        """Send heartbeats beside the block, in a thread of their own; what fails is tried again, and stops nothing."""
        stop = Event()
        thread = Thread(target=self._look_until, args=(stop,), name="heartbeats", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_FAREWELL_S)

    def _look_until(self, stop: Event) -> None:
        while True:
            self._try(last=False)
            if stop.wait(_LOOK_EVERY_S):
                return

    def _try(self, *, last: bool) -> bool:
        try:
            return self.look(dt.datetime.now(dt.UTC), last=last)
        except ObservatoryError as fault:
            log.info("a heartbeat is put off: %s", fault.sentence)
        except Exception:
            log.exception("a heartbeat failed; the next look tries again")
        return False

    def say_farewell(
        self,
        *,
        commit: Callable[[], None] = lambda: None,
        has_metered: Callable[[], bool] = lambda: True,
        is_patient: bool = True,
    ) -> bool:
        """Send the last heartbeats while the agents are still at work; return whether all were sent, and are facts, in time.

        If something still waits, nothing is said: the time since the heartbeat before stays open until it is counted.

        Parameters
        ----------
        is_patient
            Whether to wait for what waits; else it is looked at once.
        commit
            Makes the broker know what this process has acknowledged.
        has_metered
            Returns whether what is recorded is counted.
        """
        until = time.monotonic() + _FAREWELL_S
        is_said = False
        while time.monotonic() < until:
            if not is_said:
                commit()
                is_said = self._try(last=True)
            if not is_said and not is_patient:
                return False
            with suppress(ObservatoryError):  # asked again, as long as there is time
                if is_said and has_metered():
                    return True
            time.sleep(_FAREWELL_LOOK_S)
        return False
