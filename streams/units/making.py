"""Results in the making: several units drawn and looked at in one go, each with its own outcome."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from schemas.errors import RejectedInput
from schemas.finding import LookedImage
from schemas.geometry import Whole
from schemas.result import Observed, make_result

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from detectors.base import Detector, View
    from schemas.finding import Entry, Finding
    from schemas.result import Broken, Complete, Effort, Observer
    from schemas.sampling.run import RunAccount
    from schemas.unit import Unit, WorkOrder
    from sinks.results import ResultWriting, Sealed
    from streams.units.spending import CpuClock, Spent

#: Pixels of units that a detector has in hand: with more, it is given no further unit until it has answered for these. A small
#: file may hold a very large picture of one colour.
_IN_HAND_BYTES = 96 << 20


class OpenedUnit(Protocol):
    """A unit whose images can be looked at, once, in order."""

    def views(self) -> Iterator[View]:
        """Yield the images; raise RejectedInput when nothing can be read."""
        ...

    @property
    def effort(self) -> Effort:
        """How much was read, once the views are exhausted; its ``images_looked`` is what was yielded."""
        ...

    @property
    def coverage(self) -> Complete | Broken:
        """Whether everything was read, once the views are exhausted."""
        ...

    @property
    def unread(self) -> tuple[Entry, ...]:
        """The images that could not be read, once the views are exhausted."""
        ...

    @property
    def account(self) -> RunAccount | None:
        """What an instrument says of its run, once a view was drawn; ``None`` of a camera."""
        ...


class Reader(Protocol):
    """Opens units."""

    def to_version(self, unit: Unit) -> str:
        """Return the reader's version for this kind of unit: part of the observer's identity."""
        ...

    def to_parameters(self, unit: Unit) -> dict[str, object]:
        """Return the feed's settings that change what is looked at or said: sampling and masks."""
        ...

    def open(self, unit: Unit) -> AbstractContextManager[OpenedUnit]:
        """Open a unit; what is not trusted is decoded in another process."""
        ...

    def flag(self, unit: Unit, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Return the findings with those inside a mask of the feed flagged."""
        ...


@dataclass
class Making:
    """The result of one unit while it is made.

    Attributes
    ----------
    clock
        Measures what the unit takes, from opening it on.
    attempt
        Which one this is, from 1.
    sealed
        What came of it: still to be stored.
    fault
        Why nothing came of it.
    """

    order: WorkOrder
    observer: Observer
    writing: ResultWriting
    clock: CpuClock
    started_at: dt.datetime
    attempt: int
    sealed: Sealed | None = None
    fault: RejectedInput | None = None
    _opened: OpenedUnit | None = None
    _spent: Spent | None = None
    _open: ExitStack = field(default_factory=ExitStack)
    _waiting: int = 0
    _is_drawn: bool = False

    def draw(self, reader: Reader) -> Iterator[View]:
        """Open the unit and yield its images, which stay valid until it is closed; what is wrong with it is its fault."""
        self._spent = self._open.enter_context(self.clock.share())
        try:
            self._opened = self._open.enter_context(reader.open(self.order.unit))
            for view in self._opened.views():
                self._waiting += 1
                yield view
        except RejectedInput as fault:
            self.fault = fault
        self._is_drawn = True
        self._end_if_all_said()

    def take(self, view: View, findings: tuple[Finding, ...], reader: Reader) -> None:
        """Keep what the detector said of an image."""
        self._waiting -= 1
        if self.fault is None and self._opened is not None:
            kept = reader.flag(self.order.unit, add_measures(findings, view))
            entry = LookedImage(image=view.image, findings=kept)
            self.writing.add_picture(entry, view.pixels)
            self.writing.add(entry)
            self.writing.add_to_companion(self._opened.account, entry, view.pixels)
        self._end_if_all_said()

    def _end_if_all_said(self) -> None:
        """Seal the result when all is drawn and said; then nobody needs the pixels any longer."""
        if not self._is_drawn or self._waiting:
            return
        if self.fault is None and self._opened is not None and self._spent is not None:
            opened, writing = self._opened, self.writing
            for missed in opened.unread:
                writing.add(missed)
            writing.store_companion(opened.account, opened.unread)
            outcome = Observed(coverage=opened.coverage, effort=opened.effort, content=writing.store_entries())
            result = make_result(self.order.unit.stamp, self.observer, outcome)
            spent_ms = self._spent.end_ms()
            self.sealed = writing.seal(
                result, self.order, started_at=self.started_at, attempt=self.attempt, cpu_ms=spent_ms
            )
        self._open.close()

    def close(self) -> None:
        """Let go of the unit, whatever became of it; closing again does nothing."""
        self._open.close()


def look_together(
    makings: Sequence[Making], reader: Reader, detector: Detector, *, on_image: Callable[[WorkOrder], None]
) -> None:
    """Look at units one after the other, several of them in the detector's hands at once; each is sealed or has its fault.

    Raises
    ------
    RejectedInput
        If the detector refuses one of their images and does not say whose.
    TransientFault, FatalFault
        If the store is away, or the detector is broken.
    RuntimeError
        If the detector breaks its promise.
    """
    left = deque(makings)
    try:
        while left:
            begun = _look_at_some(left, reader, detector, on_image)
            if not all(making.sealed or making.fault for making in begun) or not begun:
                message = f"the detector {detector.identity.name} did not draw all it was given"
                raise RuntimeError(message)
    finally:
        for making in makings:
            making.close()


def _look_at_some(
    left: deque[Making], reader: Reader, detector: Detector, on_image: Callable[[WorkOrder], None]
) -> list[Making]:
    """Take units and look at them, as many as there is memory for while the detector has them in hand; return them."""
    begun: list[Making] = []
    owners: deque[tuple[Making, int]] = deque()

    def draw() -> Iterator[View]:
        while left and sum(size_bytes for _, size_bytes in owners) < _IN_HAND_BYTES:
            begun.append(left.popleft())
            for view in begun[-1].draw(reader):
                owners.append((begun[-1], view.pixels.nbytes))
                yield view

    for view, findings in pair_answers(detector, draw()):
        making, _ = owners.popleft()
        making.take(view, findings, reader)
        on_image(making.order)
    return begun


def add_measures(findings: tuple[Finding, ...], view: View) -> tuple[Finding, ...]:
    """Return the findings of an image, what its instrument measured added to the one that is of the whole image."""
    if not view.measures or len(findings) != 1 or findings[0].measures or not isinstance(findings[0].geometry, Whole):
        return findings
    return (findings[0].model_copy(update={"measures": view.measures}),)


def pair_answers(detector: Detector, views: Iterable[View]) -> Iterator[tuple[View, tuple[Finding, ...]]]:
    """Yield each view with what the detector says of it, while its pixels are still valid.

    Raises
    ------
    RuntimeError
        If the detector answers more or fewer times than it was asked: a mistake of the detector.
    """
    drawn: deque[View] = deque()

    def draw() -> Iterator[View]:
        for view in views:
            drawn.append(view)
            yield view

    for findings in detector.look(draw()):
        if not drawn:
            message = f"the detector {detector.identity.name} answered without being asked"
            raise RuntimeError(message)
        yield drawn.popleft(), findings
    if drawn:
        message = f"the detector {detector.identity.name} left {len(drawn)} views unanswered"
        raise RuntimeError(message)
