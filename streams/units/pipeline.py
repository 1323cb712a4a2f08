"""The pipeline: one complete unit in, its result stored, and the records that announce it out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from schemas.errors import RejectedInput
from schemas.media import MediaSettled, SetAside, Skipped, Stored
from schemas.result import ResultStored, digest_observer
from streams.brokers.records import Record
from streams.faults import POISON, make_rejection, to_dead_letter
from streams.units.attempts import ATTEMPTS_LIMIT
from streams.units.making import Making, look_together
from streams.units.routing import to_settled_record
from streams.units.spending import CpuClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from detectors.base import Detector, Identity
    from schemas.result import Observer
    from schemas.topics import Topics
    from schemas.unit import Unit, UnitKind, WorkOrder
    from sinks.results import ResultSink, Sealed
    from streams.units.attempts import AttemptJournal
    from streams.units.making import Reader
    from streams.usage.record import Recorder

#: Units of one image, of which each is looked at by itself: several may be in the detector's hands at once.
_STILLS: frozenset[UnitKind] = frozenset({"still"})

#: Files of units that are done together; their pixels are some twenty times as much.
_TOGETHER_BYTES = 2 << 20


def _look_on(_order: WorkOrder) -> None:
    """Take no notice of an image."""


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
    _observers: dict[tuple[str, str], tuple[Identity, Mapping[str, object], Observer]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def process(
        self, order: WorkOrder, topics: Topics, *, on_image: Callable[[WorkOrder], None] = _look_on
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
        (answer,) = self.process_together((order,), topics, on_image=on_image)
        if isinstance(answer, RejectedInput):
            raise answer
        return answer

    def count_joining(self, orders: Iterable[WorkOrder]) -> int:
        """Return how many of the first may be done together: small stills, no two of them the same, none a suspect."""
        size_bytes, joined = 0, set[str]()
        for order in orders:
            unit_id = order.unit.stamp.unit_id
            size_bytes += order.unit.size_bytes
            is_fitting = order.unit.stamp.kind in _STILLS and size_bytes <= _TOGETHER_BYTES and unit_id not in joined
            if not is_fitting or self.journal.is_suspect(unit_id):
                break
            joined.add(unit_id)
        return len(joined)

    def process_together(
        self, orders: Sequence[WorkOrder], topics: Topics, *, on_image: Callable[[WorkOrder], None] = _look_on
    ) -> list[tuple[Record, ...] | RejectedInput]:
        """Do the same with several units that may be done together; return, in their order, the records or what is wrong.

        Raises
        ------
        TransientFault, FatalFault
            If the store is away, or the detector is broken: then some of them may be stored.
        """
        begun = [self._begin(order) for order in orders]
        makings = [one for one in begun if isinstance(one, Making)]
        try:
            self._look(makings, on_image)
        except RejectedInput as fault:  # the detector's, who does not say whose
            if len(makings) == 1:
                makings[0].fault = fault
            else:
                return [
                    answer for order in orders for answer in self.process_together((order,), topics, on_image=on_image)
                ]
        sealed = [making.sealed for making in makings if making.sealed is not None and making.fault is None]
        if sealed:
            self.sink.store_together(sealed)
        return [self._tell(order, one, topics) for order, one in zip(orders, begun, strict=True)]

    def _begin(self, order: WorkOrder) -> Making | ResultStored | Skipped | RejectedInput:
        """Begin a result, unless the detector passes such units over, it is already there, or the unit kills its process."""
        unit = order.unit
        policy = self.detector.decline(unit.stamp.kind)
        if policy is not None:
            return Skipped(policy=policy)
        observer = self._observe(unit)
        writing = self.sink.begin(unit.stamp, observer)
        if isinstance(writing, ResultStored):
            return writing
        attempt = self.journal.attempts(unit.stamp.unit_id) + 1
        if attempt > ATTEMPTS_LIMIT:
            self.journal.forget(unit.stamp.unit_id)  # a retry, once the cause is mended, begins anew
            return RejectedInput(POISON, f"The unit ended the process that looked at it {ATTEMPTS_LIMIT} times.")
        return Making(order, observer, writing, self.clock, started_at=dt.datetime.now(dt.UTC), attempt=attempt)

    def _observe(self, unit: Unit) -> Observer:
        """Return who looks at a unit; as a rule who looked at the last one of its feed, and then the same object."""
        place = (unit.stamp.feed, self.reader.to_version(unit))
        identity, parameters = self.detector.identity, self.reader.to_parameters(unit)
        known = self._observers.get(place)
        if known is None or (identity, parameters) != known[:2]:
            known = (identity, parameters, identity.to_observer(reader=place[1], parameters=parameters))
            self._observers[place] = known
        return known[2]

    def _look(self, makings: Sequence[Making], on_image: Callable[[WorkOrder], None]) -> None:
        if not makings:
            return
        with self.journal.at_work(*(making.order.unit.stamp.unit_id for making in makings)):
            look_together(makings, self.reader, self.detector, on_image=on_image)

    def _tell(
        self, order: WorkOrder, outcome: Making | ResultStored | Skipped | RejectedInput, topics: Topics
    ) -> tuple[Record, ...] | RejectedInput:
        """Return the records that announce what became of a unit."""
        if isinstance(outcome, Making):
            if outcome.fault is not None:
                return outcome.fault
            sealed = cast("Sealed", outcome.sealed)
            record = _to_record(topics, order, sealed.announcement.data)
            return (record, *self._account(order, outcome.observer, sealed.announced, topics))
        if isinstance(outcome, RejectedInput):
            return outcome
        if isinstance(outcome, Skipped):
            return (_settle(topics, order, outcome),)
        record = _to_record(topics, order, outcome.to_canonical())
        return (record, *self._account(order, self._observe(order.unit), outcome, topics))

    def _account(
        self, order: WorkOrder, observer: Observer, announced: ResultStored, topics: Topics
    ) -> tuple[Record, ...]:
        """Return the records of the use and of the end of a unit whose result is durable."""
        stamp = order.unit.stamp
        # a unit announced again is the same use: it was asked for when its result was first made
        first, arrived_at = order, announced.processing.arrived_at
        if (order.arrived_at, order.purpose) != (arrived_at, announced.purpose):
            first = order.model_copy(update={"arrived_at": arrived_at, "purpose": announced.purpose})
        use = self.recorder.record_processed(first, announced, digest_observer(observer), observer.models)
        return (
            Record(topics.usage_recorded, stamp.installation.encode(), use.to_canonical()),
            _settle(topics, order, Stored(unit_ids=(stamp.unit_id,))),
        )


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


def _to_record(topics: Topics, order: WorkOrder, announcement: bytes) -> Record:
    return Record(topics.result_stored, order.unit.stamp.unit_id.encode(), announcement)


def _settle(topics: Topics, order: WorkOrder, end: Stored | Skipped | SetAside) -> Record:
    settled = MediaSettled(source=order.source, event=order.event, subject=order.unit.group, end=end)
    return to_settled_record(topics, settled)
