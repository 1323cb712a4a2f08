"""A folder that fills: its complete files are announced, once each, however often the watcher is restarted.

A file is complete when its size and modification time stayed equal for ``settle_s`` by our own clock, whatever the clock of
the machine says that writes it; or, where the writer is known to rename finished files into place, at first sight.
Polling, because notifications do not cross network drives.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import RejectedInput
from streams.feeds.folder import Found, Listed, PassedOver, Refused

if TYPE_CHECKING:
    import threading

    from streams.feeds.watched import Watched

Seen_co = TypeVar("Seen_co", covariant=True)

#: Files that may be waiting to settle at one time; of a larger backlog, further ones are taken up as these are done.
PENDING_LIMIT = 10_000

#: Files whose names are looked up together.
_BATCH = 500

#: Refusals that may pass: a lock on the file, a writer at work.
RETRIED = frozenset({"unreadable_file", "changed_while_read"})

#: The longest wait between two attempts at such a file.
LONGEST_WAIT_S = 60.0

#: What a listing says of a folder that is away for now, such as a network drive.
_AWAY = frozenset({"missing_file", "unreadable_folder", "unreadable_file"})


class WatchRule(BaseModel):
    """When a file that appears is complete; part of the feed's settings.

    Attributes
    ----------
    complete_by
        ``settled`` (unchanged for ``settle_s``), or ``rename``: the writer renames finished files into place.
    poll_s
        Pause between two looks at the folder.
    give_up_s
        A run of which something is missing is set aside when nothing of it changed for so long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    complete_by: Literal["settled", "rename"] = "settled"
    settle_s: Annotated[float, Field(gt=0, le=86_400)] = 5.0
    poll_s: Annotated[float, Field(gt=0, le=3_600)] = 1.0
    give_up_s: Annotated[float, Field(gt=0, le=31_536_000)] = 86_400.0


@dataclass(frozen=True, slots=True)
class Poll:
    """What one look at the folder came to, in files.

    Attributes
    ----------
    announced, refused
        New ones, in this look.
    waiting
        Seen and not yet complete, or waiting for a place among those watched.
    retried
        Locked or changed under our hands; another attempt follows.
    away
        Folders that could not be listed.
    passed_over
        By reason, all that are there now.
    """

    announced: int = 0
    refused: int = 0
    waiting: int = 0
    retried: int = 0
    vanished: int = 0
    away: int = 0
    passed_over: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class _Pending:
    """A file that was seen and is not done: since when it is unchanged, and when to try next."""

    size_bytes: int
    modified_ns: int
    since_s: float
    seen_in: int
    attempts: int = 0
    next_s: float = 0.0


@dataclass
class Watch:
    """Looks at a folder again and again.

    Parameters
    ----------
    list_files
        What is there now, in order.
    announce
        Takes a complete file and returns when that is durable; a ``RejectedInput`` says what is wrong with the file, any
        other fault leaves the look unfinished, and the next one goes on.
    refuse
        Told once of each file that will not be announced.
    now_s
        A clock that never goes back.
    unfinished
        Reasons of refusal that mean that something is not there yet.
    """

    list_files: Callable[[], Iterable[Listed]]
    announce: Callable[[Found], None]
    refuse: Callable[[str, RejectedInput], None]
    watched: Watched
    rule: WatchRule = field(default_factory=WatchRule)
    now_s: Callable[[], float] = time.monotonic
    unfinished: frozenset[str] = frozenset()
    _pending: dict[str, _Pending] = field(default_factory=dict)
    _looks: int = 0

    def poll(self) -> Poll:
        """Look once, and announce what is complete.

        Raises
        ------
        TransientFault, FatalFault
            From announcing, or from the memory of what was announced.
        """
        self._looks += 1
        tally: Counter[str] = Counter()
        passed_over: Counter[str] = Counter()
        listed = iter(self.list_files())
        while batch := list(islice(listed, _BATCH)):
            try:
                self._take(batch, tally, passed_over)
            finally:
                self.watched.commit()
        for name in [name for name, item in self._pending.items() if item.seen_in != self._looks]:
            del self._pending[name]
            self.watched.stop_waiting(name)
        self.watched.commit()
        return Poll(**tally, passed_over=tuple(sorted(passed_over.items())))

    def _take(self, batch: list[Listed], tally: Counter[str], passed_over: Counter[str]) -> None:
        known = self.watched.find_known([item for item in batch if isinstance(item, Found)])
        for item in batch:
            if isinstance(item, PassedOver):
                passed_over[item.reason] += 1
            elif isinstance(item, Refused):
                tally[self._take_refused(item)] += 1
            elif item.subject not in known:
                tally[self._take_found(item)] += 1
        del tally["known"]

    def _take_refused(self, item: Refused) -> str:
        if item.rejection.reason in _AWAY:
            return "away"
        if not self.watched.refuse_once(item.name, item.rejection.reason):
            return "known"
        try:
            self.refuse(item.name, item.rejection)
        except BaseException:
            self.watched.forget_refusal(item.name)  # nobody was told
            raise
        return "refused"

    def _take_found(self, found: Found) -> str:
        now_s = self.now_s()
        pending = self._pending.get(found.subject)
        if pending is None:
            if len(self._pending) >= PENDING_LIMIT:
                return "waiting"
            since_s = now_s if self.rule.complete_by == "settled" else now_s - self.rule.settle_s
            pending = _Pending(found.size_bytes, found.modified_ns, since_s, self._looks)
            self._pending[found.subject] = pending
        pending.seen_in = self._looks
        if (pending.size_bytes, pending.modified_ns) != (found.size_bytes, found.modified_ns):
            pending.size_bytes, pending.modified_ns, pending.since_s = found.size_bytes, found.modified_ns, now_s
        if now_s - pending.since_s < self.rule.settle_s or now_s < pending.next_s:
            return "waiting"
        return self._try(found, pending, now_s)

    def _try(self, found: Found, pending: _Pending, now_s: float) -> str:
        try:
            self.announce(found)
        except RejectedInput as rejection:
            may_come = rejection.reason in self.unfinished and now_s - pending.since_s < self.rule.give_up_s
            if rejection.reason in RETRIED or may_come:
                if may_come:
                    self.watched.wait_for(found.subject, rejection)
                pending.attempts += 1
                pending.next_s = now_s + min(self.rule.poll_s * 2 ** min(pending.attempts, 10), LONGEST_WAIT_S)
                return "retried"
            if rejection.reason != "missing_file":
                self.refuse(found.subject, rejection)
                self.watched.remember(found, rejection.reason)
            else:
                self.watched.stop_waiting(found.subject)
            del self._pending[found.subject]
            return "vanished" if rejection.reason == "missing_file" else "refused"
        del self._pending[found.subject]
        self.watched.remember(found, "announced")
        return "announced"


class _Pausing(Protocol):
    @property
    def poll_s(self) -> float: ...


class Watching(Protocol[Seen_co]):
    """Looks at a source again and again."""

    @property
    def rule(self) -> _Pausing:
        """How long it pauses between two looks."""
        ...

    def poll(self) -> Seen_co:
        """Look once, and return what came of it."""
        ...


def watch_until(
    watch: Watching[Seen_co],
    stop: threading.Event,
    *,
    look: Callable[[Callable[[], Seen_co]], Seen_co] = lambda poll: poll(),
) -> Iterator[Seen_co]:
    """Yield what each look came to, with the rule's pause between two, until asked to stop.

    Parameters
    ----------
    look
        Looks once; may look again when a neighbour is away: what was announced is not announced again.
    """
    while not stop.is_set():
        yield look(watch.poll)
        stop.wait(watch.rule.poll_s)
