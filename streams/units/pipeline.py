"""The pipeline: one complete unit in, its result stored, and the records that announce it out."""

from __future__ import annotations

import datetime as dt
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from schemas.errors import RejectedInput
from schemas.finding import LookedImage
from schemas.geometry import Whole
from schemas.media import MediaSettled, SetAside, Skipped, Stored
from schemas.result import Observed, ResultStored, digest_observer, make_result
from streams.brokers.records import Record
from streams.faults import POISON, make_rejection, to_dead_letter
from streams.units.attempts import ATTEMPTS_LIMIT
from streams.units.routing import to_settled_record
from streams.units.spending import CpuClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from detectors.base import Detector, View
    from schemas.finding import Entry, Finding
    from schemas.result import Broken, Complete, Effort, Observer
    from schemas.sampling.run import RunAccount
    from schemas.topics import Topics
    from schemas.unit import Unit, WorkOrder
    from sinks.results import ResultSink, ResultWriting
    from streams.units.attempts import AttemptJournal
    from streams.usage.record import Recorder


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


@dataclass(frozen=True)
class Pipeline:
    """Does units of one installation; called by several threads at once.

    Parameters
    ----------
    reader
        Opens units.
    detector
        Looks at them.
    sink
        Makes results durable.
    recorder
        Writes uses down.
    journal
        Remembers what is at work.
    clock
        Measures what a unit takes; one for all installations of a worker.
    """

    reader: Reader
    detector: Detector
    sink: ResultSink
    recorder: Recorder
    journal: AttemptJournal
    clock: CpuClock = field(default_factory=CpuClock)

    def process(
        self, order: WorkOrder, topics: Topics, *, on_image: Callable[[], None] = lambda: None
    ) -> tuple[Record, ...]:
        """Look at a unit, store what was seen, and return the records that announce it.

        Doing it twice stores and announces the same: a result that is already there is announced again as it was.

        Parameters
        ----------
        on_image
            Called for each image that was looked at: a sign of life.

        Raises
        ------
        RejectedInput
            If the unit cannot be used.
        TransientFault, FatalFault
            If the store is away, or the detector is broken.
        """
        unit = order.unit
        policy = self.detector.decline(unit.stamp.kind)
        if policy is not None:
            return (_settle(topics, order, Skipped(policy=policy)),)
        observer = self._observe(unit)
        announced = self.sink.find(unit.stamp, observer)
        if announced is None:
            announced = self._make_result(order, observer, on_image)
        # a unit announced again is the same use: it was asked for when its result was first made
        first = order.model_copy(update={"arrived_at": announced.processing.arrived_at, "purpose": announced.purpose})
        use = self.recorder.record_processed(first, announced, digest_observer(observer), observer.models)
        return (
            Record(topics.result_stored, unit.stamp.unit_id.encode(), announced.to_canonical()),
            Record(topics.usage_recorded, unit.stamp.installation.encode(), use.to_canonical()),
            _settle(topics, order, Stored(unit_ids=(unit.stamp.unit_id,))),
        )

    def _observe(self, unit: Unit) -> Observer:
        return self.detector.identity.to_observer(
            reader=self.reader.to_version(unit), parameters=self.reader.to_parameters(unit)
        )

    def _make_result(self, order: WorkOrder, observer: Observer, on_image: Callable[[], None]) -> ResultStored:
        unit, started_at = order.unit, dt.datetime.now(dt.UTC)
        attempt = self.journal.attempts(unit.stamp.unit_id) + 1
        if attempt > ATTEMPTS_LIMIT:
            self.journal.forget(unit.stamp.unit_id)  # a retry, once the cause is mended, begins anew
            raise RejectedInput(POISON, f"The unit ended the process that looked at it {ATTEMPTS_LIMIT} times.")
        writing = self.sink.begin(unit.stamp, observer)
        with self.clock.share() as spent:
            outcome = self._look(unit, writing, on_image)
            result = make_result(unit.stamp, observer, outcome)
            return writing.store(result, order, started_at=started_at, attempt=attempt, cpu_ms=spent.read_ms())

    def _look(self, unit: Unit, writing: ResultWriting, on_image: Callable[[], None]) -> Observed:
        with self.journal.at_work(unit.stamp.unit_id), self.reader.open(unit) as opened:
            for view, findings in pair_answers(self.detector, opened.views()):
                kept = self.reader.flag(unit, add_measures(findings, view))
                writing.add_picture(view.image, view.pixels, kept)
                entry = LookedImage(image=view.image, findings=kept)
                writing.add(entry)
                writing.add_to_companion(opened.account, entry, view.pixels)
                on_image()
            for missed in opened.unread:
                writing.add(missed)
            writing.store_companion(opened.account, opened.unread)
        return Observed(coverage=opened.coverage, effort=opened.effort, content=writing.store_entries())


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


def to_set_aside(
    order: WorkOrder | None, record: Record, fault: RejectedInput, topics: Topics, *, recorder: Recorder
) -> tuple[Record, ...]:
    """Return the dead letter of a work record; and where its order can be read, what became of it and of the use."""
    rejection = make_rejection(record, fault, step="work", rejected_at=dt.datetime.now(dt.UTC))
    letter = to_dead_letter(record, rejection, topics.media_rejected)
    if order is None:
        return (letter,)
    use = recorder.record_not_done(order, rejection)
    return (
        letter,
        Record(topics.usage_recorded, use.installation.encode(), use.to_canonical()),
        _settle(topics, order, SetAside(rejection_id=rejection.rejection_id, reason=fault.reason)),
    )


def _settle(topics: Topics, order: WorkOrder, end: Stored | Skipped | SetAside) -> Record:
    settled = MediaSettled(source=order.source, event=order.event, subject=order.unit.group, end=end)
    return to_settled_record(topics, settled)
