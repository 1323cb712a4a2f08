"""Uses written down: from an order and what became of it to a use, equal to the byte whenever it is made again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from schemas.canonical import to_digest, to_sha256
from schemas.noun import to_time_text
from schemas.unit import find_start
from schemas.usage import Ingested, NotDone, Processed, UsedModel, make_usage_id
from streams.usage.edge.caller import Request, make_feed_caller, record_use
from streams.usage.edge.kinds import IMAGE_KINDS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from schemas.media import Purpose, Rejection
    from schemas.result import ModelRef, ResultStored
    from schemas.unit import Unit, UnitKind, WorkOrder
    from schemas.usage import UsageEvent
    from streams.settings.model import Deployment
    from streams.usage.edge.caller import Caller

#: What is asked of an installation by announcing media to it.
DETECT, INGEST = "detect", "ingest"

#: Units that are one image: these can be counted before they are opened.
_ONE_IMAGE: frozenset[UnitKind] = frozenset({"still", "photo", "tile", "orthophoto", "scene"})


def make_processed(
    order: WorkOrder,
    announced: ResultStored,
    *,
    observer_sha256: str,
    caller: Caller,
    models: tuple[ModelRef, ...] | None = None,
) -> UsageEvent:
    """Return the use of a durable result; what it took, and which result it follows, stand in its announcement.

    Parameters
    ----------
    observer_sha256
        Digest of the observer, whose first digits stand in the result's id.
    models
        What the observer looked with; absent where the caller does not know.

    Raises
    ------
    ValueError
        If the result is not of this order or not by this observer.
    """
    stamp = order.unit.stamp
    is_of_it = announced.unit is stamp or announced.unit == stamp
    if not is_of_it or not announced.result_id.endswith(f".{observer_sha256[:16]}"):
        message = f"the result {announced.result_id!r} is not what this order was for"
        raise ValueError(message)
    act = Processed(
        processing_id=announced.result_id,
        reprocessing_of=announced.processing.reprocessing_of,
        observer_name=announced.observer_name,
        observer_version=announced.observer_version,
        observer_sha256=observer_sha256,
        models=None if models is None else tuple(map(_to_used, models)),
        demonstration=announced.demonstration,
    )
    event_id = make_usage_id(door=caller.door, operation=DETECT, request=stamp.unit_id, observer_sha256=observer_sha256)
    cpu_ms = announced.processing.cpu_ms
    return _make(order, caller, event_id, act, images=announced.counts.looked, cpu_ms=cpu_ms)


def _to_used(model: ModelRef) -> UsedModel:
    return UsedModel(name=model.name, version=model.version, sha256=model.sha256)


def make_ingested(order: WorkOrder, *, caller: Caller) -> UsageEvent:
    """Return the use of a unit taken in; images are counted where the unit is one, since it was not opened."""
    stamp = order.unit.stamp
    event_id = make_usage_id(door=caller.door, operation=INGEST, request=stamp.unit_id, observer_sha256=None)
    return _make(order, caller, event_id, Ingested(), images=int(stamp.kind in _ONE_IMAGE))


def make_not_done(order: WorkOrder, rejection: Rejection, *, caller: Caller) -> UsageEvent:
    """Return the use of a unit that was set aside; nothing of it counts as processed.

    A unit that ended the process which looked at it is a failure of ours, any other is refused for what was sent. The id
    follows from the rejection's: refused again for the same reason is the same use, and a retry that succeeds is another.
    """
    status: Literal["failure", "refused"] = "failure" if rejection.fault == "poison" else "refused"
    event_id = make_usage_id(door=caller.door, operation=DETECT, request=rejection.rejection_id, observer_sha256=None)
    return _make(order, caller, event_id, NotDone(status=status, reason=rejection.reason), images=0)


@dataclass(frozen=True, slots=True)
class Turned:
    """An arrival that was turned away before it was a unit.

    Attributes
    ----------
    arrived_at
        The broker's append time of its record.
    value
        The record's bytes.
    """

    installation: str
    feed: str
    arrived_at: dt.datetime
    value: bytes
    purpose: Purpose = "user"


def make_refused(turned: Turned, rejection: Rejection, *, caller: Caller) -> UsageEvent:
    """Return the use of an arrival that was refused by the router: asked for, and nothing counted."""
    event_id = make_usage_id(door=caller.door, operation=DETECT, request=rejection.rejection_id, observer_sha256=None)
    request = Request(
        event_id=event_id,
        requested_at=turned.arrived_at,
        installation=turned.installation,
        operation=DETECT,
        act=NotDone(status="refused", reason=rejection.reason),
        purpose=turned.purpose,
        bytes=len(turned.value),
        contents=(to_sha256(turned.value),),
    )
    return record_use(caller, request)


@dataclass(frozen=True)
class Recorder:
    """Writes down the uses of a deployment's feeds.

    A feed that is no longer in the settings, but has units on their way, belongs to the owner ``unknown``.
    """

    callers: Mapping[str, Caller]

    def record_processed(
        self,
        order: WorkOrder,
        announced: ResultStored,
        observer_sha256: str,
        models: tuple[ModelRef, ...] | None = None,
    ) -> UsageEvent:
        """Return the use of a durable result."""
        caller = self._find(order)
        return make_processed(order, announced, observer_sha256=observer_sha256, caller=caller, models=models)

    def record_ingested(self, order: WorkOrder) -> UsageEvent:
        """Return the use of a unit taken in."""
        return make_ingested(order, caller=self._find(order))

    def record_not_done(self, order: WorkOrder, rejection: Rejection) -> UsageEvent:
        """Return the use of a unit that was set aside."""
        return make_not_done(order, rejection, caller=self._find(order))

    def record_refused(self, turned: Turned, rejection: Rejection) -> UsageEvent:
        """Return the use of an arrival that was refused before it was a unit."""
        return make_refused(turned, rejection, caller=self._find_feed(turned.feed))

    def _find(self, order: WorkOrder) -> Caller:
        return self._find_feed(order.unit.stamp.feed)

    def _find_feed(self, feed: str) -> Caller:
        return self.callers.get(feed) or make_feed_caller("unknown")


def make_recorder(deployment: Deployment) -> Recorder:
    """Return what writes down the uses of a deployment's feeds."""
    return Recorder(
        {name: make_feed_caller(feed.owner, feed.country, feed.institution) for name, feed in deployment.feeds.items()}
    )


def _make(
    order: WorkOrder,
    caller: Caller,
    event_id: str,
    act: Processed | Ingested | NotDone,
    *,
    images: int,
    cpu_ms: int | None = None,
) -> UsageEvent:
    stamp = order.unit.stamp
    kind = IMAGE_KINDS.get(stamp.kind)
    request = Request(
        event_id=event_id,
        requested_at=order.arrived_at,
        installation=stamp.installation,
        operation=INGEST if act.kind == "ingested" else DETECT,
        act=act,
        observed=stamp.captured,
        purpose=order.purpose,
        units=((stamp.kind, 1),),
        images=((kind, images),) if kind and images else (),
        bytes=order.unit.size_bytes,
        contents=(_find_content(order.unit),),
        cpu_ms=cpu_ms,
    )
    return record_use(caller, request)


def _find_content(unit: Unit) -> str:
    """Return what a use is of: a unit's bytes, or the run whose bytes they are where it says when it began.

    A run that is saved again, filtered or classified again holds the same particles in other bytes; it counts once.
    """
    stamp, started_at = unit.stamp, find_start(unit.stamp.captured)
    if stamp.kind != "run" or started_at is None:
        return stamp.content
    return to_digest({"rule": "run/1", "feed": stamp.feed, "group": unit.group, "started_at": to_time_text(started_at)})
