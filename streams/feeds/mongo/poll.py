"""A collection that fills: the images of its documents are announced, once each, however often it is looked at."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.feeds.watch import LONGEST_WAIT_S, RETRIED

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.feeds.mongo.bookmark import Bookmark
    from streams.feeds.mongo.listing import Document, ImageCollection
    from streams.feeds.mongo.rule import CollectionRule

#: Documents after which what was noted is kept.
_COMMIT_EVERY = 100

#: Documents waited for at one time: behind so many, a look ends.
WAITING_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class CollectionPoll:
    """What one look at a collection came to, in documents.

    Attributes
    ----------
    waiting
        Their files are not there yet, locked, or still being written; another attempt follows.
    """

    announced: int = 0
    refused: int = 0
    waiting: int = 0


@dataclass
class CollectionWatch:
    """Looks at a collection again and again.

    A file that a document lists is complete when the document is there; one that changes while it is read is tried again.
    The bookmark stands at the last document before which all are done, so nothing is left out when a look is broken off.

    Parameters
    ----------
    announce
        Announces the image of a document and returns when that is durable; a ``RejectedInput`` says what is wrong with it,
        any other fault leaves the look unfinished.
    refuse
        Told once of each document that will not be announced, by its name.
    now
        The time in UTC.
    """

    collection: ImageCollection
    announce: Callable[[Document], None]
    refuse: Callable[[str, RejectedInput], None]
    bookmark: Bookmark
    rule: CollectionRule
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    clock_s: Callable[[], float] = time.monotonic
    _waits: dict[str, tuple[int, float]] = field(default_factory=dict)

    def poll(self) -> CollectionPoll:
        """Look once, and announce what is new.

        Raises
        ------
        TransientFault, FatalFault
            From the collection, from announcing, or from the bookmark.
        """
        counts = {"announced": 0, "refused": 0, "waiting": 0}
        walk = _Walk(self.bookmark)
        try:
            listed = self.collection.list_after(self.bookmark.read(), overlap_s=self.rule.overlap_s)
            for number, document in enumerate(listed, start=1):
                ending = self._take(document)
                if ending != "known":
                    counts[ending] += 1
                walk.pass_by(document, is_done=ending != "waiting")
                if number % _COMMIT_EVERY == 0:
                    self.bookmark.commit()
                if counts["waiting"] >= WAITING_LIMIT:
                    break
        finally:
            walk.finish(dt.timedelta(seconds=self.rule.overlap_s))
            self.bookmark.commit()
        return CollectionPoll(**counts)

    def _take(self, document: Document) -> str:
        """Return how a document ended: ``known``, ``announced``, ``refused`` or ``waiting``."""
        if self.bookmark.is_done(document.ident):
            return "known"
        attempts, next_s = self._waits.get(document.ident, (0, 0.0))
        if self.clock_s() < next_s:
            return "waiting"
        try:
            self.announce(document)
        except RejectedInput as rejection:
            if self._may_pass(document, rejection):
                wait_s = min(self.rule.poll_s * 2 ** min(attempts, 10), LONGEST_WAIT_S)
                self._waits[document.ident] = (attempts + 1, self.clock_s() + wait_s)
                return "waiting"
            self.refuse(document.name, rejection)
            return self._end(document, "refused")
        return self._end(document, "announced")

    def _end(self, document: Document, ending: str) -> str:
        self._waits.pop(document.ident, None)
        self.bookmark.mark_done(document.ident, document.made_at)
        return ending

    def _may_pass(self, document: Document, rejection: RejectedInput) -> bool:
        """Return whether it is worth another attempt: a lock, a writer at work, a file that comes after its document."""
        if rejection.reason in RETRIED:
            return True
        if rejection.reason != "missing_file":
            return False
        made_at = document.made_at or document.captured_at
        return made_at is not None and self.now() - made_at < dt.timedelta(seconds=self.rule.missing_after_s)


@dataclass
class _Walk:
    """Where the bookmark may move to, in one look."""

    bookmark: Bookmark
    last: Document | None = None
    is_unbroken: bool = True
    passed: list[str] = field(default_factory=list)

    def pass_by(self, document: Document, *, is_done: bool) -> None:
        self.is_unbroken &= is_done
        if self.is_unbroken:
            self.last = document
            if document.made_at is None:
                self.passed.append(document.ident)
            if len(self.passed) >= _COMMIT_EVERY:
                self._move()

    def finish(self, overlap: dt.timedelta) -> None:
        self._move()
        if self.last is not None and self.last.made_at is not None:
            # a second more: ids hold whole seconds
            self.bookmark.forget([], self.last.made_at - overlap - dt.timedelta(seconds=1))

    def _move(self) -> None:
        if self.last is not None:
            self.bookmark.move(self.last.ident, self.last.made_at)
            self.bookmark.forget(self.passed, None)
            self.passed.clear()
