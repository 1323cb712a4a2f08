"""The router: from an announced arrival to a complete unit on its installation's topic, or to its end."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput
from schemas.geometry import Nowhere, Where
from schemas.media import Duplicate, InlineBody, InWork, MediaSettled
from schemas.unit import PARTS_LIMIT, Claim, Part, Unit, WorkOrder, make_content, make_stamp, to_unit_key
from schemas.wire import find_purpose, from_record
from sinks.object_store.store import NewObject
from streams.brokers.records import Record
from streams.feeds.references import to_original_key
from streams.usage.record import Turned

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence

    from schemas.media import MediaArrived, ReferencedPart, Rejection
    from schemas.topics import Topics
    from schemas.unit import Captured, CapturedFrom, UnitKind
    from sinks.object_store.store import ObjectStore
    from streams.brokers.records import Stored
    from streams.units.originals import Originals
    from streams.usage.record import Recorder

A = TypeVar("A")
T = TypeVar("T")

_JSON = "application/json"

#: Units remembered in memory, so that two arrivals of one unit that are on their way together are told apart.
RECENT_LIMIT = 10_000

#: Originals that are written by one call to the store.
_TOGETHER_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Context:
    """What the feed's settings and deployments say of one arrival.

    Attributes
    ----------
    kind
        What the bytes are, by content.
    parts
        With their roles, in the order of these; what is no part of the unit is left out.
    group, layout
        The name that joins revisions of one unit, and the rule by which it was found complete.
    """

    kind: UnitKind
    parts: tuple[Part, ...]
    group: str
    layout: str
    captured: Captured
    captured_from: CapturedFrom
    claimed_at: dt.datetime | None
    deployment: DeploymentFacts


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """Where the camera hung, as known now."""

    instrument: str
    where: Where = field(default_factory=lambda: Nowhere(why="not_declared"))
    digest: str | None = None


class FeedDesk(Protocol):
    """Knows the feeds: whose they are, and when and where their media were taken."""

    def find_installation(self, feed: str) -> str:
        """Return the installation of a feed.

        Raises
        ------
        RejectedInput
            ``unknown_feed`` or ``unknown_installation``.
        """
        ...

    def takes_runs(self, feed: str) -> bool:
        """Return whether an arrival of a feed is an instrument's run, in one part or several."""
        ...

    def describe(self, media: MediaArrived, data: bytes | None, parts: tuple[Part, ...]) -> Context:
        """Return kind, capture time and deployment of an arrival whose parts are in the store, the bytes of one perhaps here.

        Raises
        ------
        RejectedInput
            If it is no medium, or its capture time is wrong.
        """
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A complete unit, not yet claimed.

    Attributes
    ----------
    known
        The claim that the store already holds for this unit.
    order
        For its installation, where it is ours; its unit is the one of the claim, if there is one.
    """

    media: MediaArrived
    unit: Unit
    known: Claim | None
    order: WorkOrder


@dataclass(frozen=True, slots=True)
class _TakenIn:
    """An arrival whose envelope is read; ``original`` are its bytes, where they came with it."""

    media: MediaArrived
    installation: str
    arrived_at: dt.datetime
    parts: tuple[Part, ...]
    original: NewObject | None = None


@dataclass
class Router:
    """Turns arrivals into work; :meth:`prepare` runs in threads, :meth:`decide` in order of arrival.

    Parameters
    ----------
    desk
        The feeds' settings and deployments.
    originals
        Where pictures are kept and found.
    """

    topics: Topics
    desk: FeedDesk
    store: ObjectStore
    originals: Originals
    recorder: Recorder
    _recent: OrderedDict[str, tuple[str, str]] = field(default_factory=OrderedDict)

    def prepare(self, record: Stored) -> Prepared:
        """Read the envelope, keep the original, and make the unit.

        Raises
        ------
        RejectedInput
            Whatever is wrong with the arrival, with its reason.
        TransientFault
            If the store is away.
        """
        (answer,) = self.prepare_together([record])
        if isinstance(answer, RejectedInput):
            raise answer
        return answer

    def prepare_together(
        self, records: Sequence[Stored], *, on_each: Callable[[], None] = lambda: None
    ) -> list[Prepared | RejectedInput]:
        """Do the same with several, their originals made durable together; in place of one that is refused stands why.

        Parameters
        ----------
        on_each
            Called before each step that may take long, such as reading a video: a sign of life.

        Raises
        ------
        TransientFault
            If the store is away.
        """

        def do(step: Callable[[A], T], item: A) -> T | RejectedInput:
            on_each()
            return _catch(step, item)

        taken = [do(self._take_in, record) for record in records]
        originals = [one.original for one in taken if isinstance(one, _TakenIn) and one.original is not None]
        for some in _cut(originals):
            on_each()
            self.originals.keep_together(some)
        return [one if isinstance(one, RejectedInput) else do(self._make_unit, one) for one in taken]

    def _make_unit(self, taken: _TakenIn) -> Prepared:
        media, original = taken.media, taken.original
        context = self.desk.describe(media, None if original is None else original.data, taken.parts)
        stamp = make_stamp(
            installation=taken.installation,
            feed=media.feed,
            kind=context.kind,
            captured=context.captured,
            content=make_content(context.parts),
        )
        is_listed = len(context.parts) <= PARTS_LIMIT
        unit = Unit(
            stamp=stamp,
            captured_from=context.captured_from,
            claimed_at=context.claimed_at,
            group=context.group,
            layout=context.layout,
            parts=context.parts if is_listed else (),
            manifest=None if is_listed else self.originals.keep_parts(stamp.content, context.parts),
            where=context.deployment.where,
            instrument=context.deployment.instrument,
            deployment=context.deployment.digest,
        )
        known = self._find_claim(unit)
        order = WorkOrder(
            unit=known.unit if known else unit,
            source=media.source,
            event=media.event,
            arrived_at=taken.arrived_at,
            lane=media.lane,
            purpose=media.purpose,
        )
        return Prepared(media, unit, known, order)

    def _take_in(self, record: Stored) -> _TakenIn:
        media = from_record(record.headers, record.value)
        installation = self.desk.find_installation(media.feed)
        if isinstance(media.body, InlineBody):
            original, part = _take_in_inline(media, record.value or b"")
            return _TakenIn(media, installation, record.appended_at, (part,), original)
        claims = media.body.parts
        if self.desk.takes_runs(media.feed) and media.body.is_list:
            claims = self.originals.read_list(*claims)
        elif len(claims) > 1 and not self.desk.takes_runs(media.feed):
            reason = "too_many_parts"
            raise RejectedInput(reason, "A camera's unit has one part; this arrival names several.")
        parts = tuple(self._take_in_reference(claim) for claim in claims)
        return _TakenIn(media, installation, record.appended_at, parts)

    def _take_in_reference(self, claim: ReferencedPart) -> Part:
        at, size_bytes, digest = self.originals.measure(claim.dataref)
        _check_claimed_digest(claim.sha256, digest)
        if claim.size_bytes is not None and claim.size_bytes != size_bytes:
            reason = "size_differs"
            raise RejectedInput(reason, f"The object has {size_bytes} bytes, {claim.size_bytes} were announced.")
        return Part(
            role="still",
            name=claim.subject,
            media_type=claim.media_type,
            size_bytes=size_bytes,
            sha256=digest,
            at=at,
        )

    def _find_claim(self, unit: Unit) -> Claim | None:
        key = to_unit_key(unit.stamp)
        return Claim.from_json(self.store.read(key)) if self.store.stat(key) is not None else None

    def decide(self, prepared: Prepared) -> str | None:
        """Return the event that this unit belongs to when it is another one: then the arrival is a duplicate.

        Called in order of arrival, so that of two arrivals of one unit it is always the later one that is the duplicate. The
        same event again is a redelivery, not a duplicate.
        """
        unit_id, mine = prepared.unit.stamp.unit_id, (prepared.media.source, prepared.media.event)
        if prepared.known is not None:
            first = (prepared.known.source, prepared.known.event)
        else:
            first = self._recent.setdefault(unit_id, mine)
            if len(self._recent) > RECENT_LIMIT:
                self._recent.popitem(last=False)
        return None if first == mine else first[1]

    def claim(self, prepared: Prepared) -> str | None:
        """Write the claim of a unit that is ours; return the other event's id if somebody was first after all."""
        (answer,) = self.claim_together([prepared])
        return answer

    def claim_together(self, prepared: Sequence[Prepared]) -> list[str | None]:
        """Do the same with several, their claims made durable together."""
        claims = [Claim(unit=one.unit, source=one.media.source, event=one.media.event) for one in prepared]
        new = [place for place, one in enumerate(prepared) if one.known is None]
        objects = [
            NewObject(to_unit_key(claims[place].unit.stamp), claims[place].to_canonical(), _JSON) for place in new
        ]
        stored = self.store.write_once_together(objects)
        first: list[str | None] = [None] * len(prepared)
        for place, written, is_first in zip(new, objects, stored, strict=True):
            if not is_first:
                known, claim = Claim.from_json(self.store.read(written.key)), claims[place]
                first[place] = None if (known.source, known.event) == (claim.source, claim.event) else known.event
        return first

    def to_work(self, prepared: Prepared) -> Record:
        """Return the order for the unit's installation; key = unit id, so that workers share a feed."""
        order = prepared.order
        topic = self.topics.work(order.unit.stamp.installation, order.lane)
        return Record(topic, order.unit.stamp.unit_id.encode(), order.to_canonical())

    def to_ingested(self, prepared: Prepared) -> Record:
        """Return the use of a unit that was taken in."""
        use = self.recorder.record_ingested(prepared.order)
        return Record(self.topics.usage_recorded, use.installation.encode(), use.to_canonical())

    def to_refused(self, record: Stored, feed: str, rejection: Rejection) -> tuple[Record, ...]:
        """Return the use of an arrival that was refused here; none where its feed belongs to no installation."""
        try:
            installation = self.desk.find_installation(feed)
        except RejectedInput:
            return ()
        turned = Turned(installation, feed, record.appended_at, record.value or b"", find_purpose(record.headers))
        use = self.recorder.record_refused(turned, rejection)
        return (Record(self.topics.usage_recorded, installation.encode(), use.to_canonical()),)

    def to_in_work(self, prepared: Prepared) -> Record:
        """Return the record that says whose arrival this now is; sent before the order, so that no end can overtake it."""
        return self._settle(prepared, InWork(unit_id=prepared.unit.stamp.unit_id))

    def to_duplicate(self, prepared: Prepared) -> Record:
        """Return the end of an arrival whose unit had come before."""
        return self._settle(prepared, Duplicate(of_unit_id=prepared.unit.stamp.unit_id))

    def _settle(self, prepared: Prepared, end: InWork | Duplicate) -> Record:
        media = prepared.media
        settled = MediaSettled(source=media.source, event=media.event, subject=media.subject, end=end)
        return to_settled_record(self.topics, settled)


def _take_in_inline(media: MediaArrived, data: bytes) -> tuple[NewObject, Part]:
    digest = to_sha256(data)
    _check_claimed_digest(media.sha256, digest)
    original = NewObject(to_original_key(digest), data, media.media_type)
    part = Part(
        role="still",
        name=media.subject,
        media_type=media.media_type,
        size_bytes=len(data),
        sha256=digest,
        at=original.key,
    )
    return original, part


def _catch(work: Callable[[A], T], item: A) -> T | RejectedInput:
    try:
        return work(item)
    except RejectedInput as fault:
        return fault


def _cut(originals: Sequence[NewObject]) -> Iterator[list[NewObject]]:
    """Yield them in lots that are soon written also where the store is far away."""
    lot: list[NewObject] = []
    size_bytes = 0
    for original in originals:
        size_bytes += len(original.data)
        if lot and size_bytes > _TOGETHER_BYTES:
            yield lot
            lot, size_bytes = [], len(original.data)
        lot.append(original)
    if lot:
        yield lot


def to_settled_record(topics: Topics, settled: MediaSettled) -> Record:
    """Return the record that says how an arrival ended."""
    return Record(topics.media_settled, settled.message_key, settled.to_canonical())


def _check_claimed_digest(claimed: str | None, found: str) -> None:
    if claimed is not None and claimed != found:
        reason = "digest_differs"
        raise RejectedInput(reason, "The bytes do not have the sha256 that was announced.")
