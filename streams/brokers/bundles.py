"""Bundles: records of one partition that Faust delivers and acknowledges as one: each by itself costs it as much as its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from faust.types import TP, AppT, ConsumerMessage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from streams.brokers.records import Stored

#: Records of one bundle at most, where they are small.
BUNDLED_RECORDS = 1_000

#: Bytes of values in one bundle at most, unless one record alone has more: pictures may come inline.
BUNDLED_BYTES = 1 << 20

_LOG_APPEND_TIME = 1  # Kafka's timestamp type: the log stamps, not the sender

_bundled: WeakKeyDictionary[AppT, dict[str, int]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Bundle:
    """Records of one partition in the order of their offsets, at least one; what is done for it is the offset of the last."""

    records: tuple[Stored, ...]

    @property
    def offset(self) -> int:
        """Of the last record: once it is acknowledged, so are all before it."""
        return self.records[-1].offset

    @property
    def appended_at(self) -> dt.datetime:
        """When the last record was taken in."""
        return self.records[-1].appended_at

    def to_message(self, tp: TP, generation_id: int) -> ConsumerMessage:
        """Return the bundle as Faust's message, its value the bundle itself: a raw value passes through Faust as it is."""
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            self.offset,
            self.appended_at.timestamp(),
            _LOG_APPEND_TIME,
            [],
            None,
            self,  # type: ignore[arg-type]
            None,
            0,
            0,
            tp,
            generation_id=generation_id,
        )


def bundle_topic(app: AppT, topic: str, most: int = BUNDLED_RECORDS) -> None:
    """Have the records of a topic delivered in bundles, at most so many in one, to an agent that expects them."""
    _bundled.setdefault(app, {})[topic] = most


def find_bundled(app: AppT) -> Mapping[str, int]:
    """Return the topics that are delivered in bundles, and how many records may be in one."""
    return _bundled.get(app) or {}


def to_bundles(records: Sequence[Stored], most: int = BUNDLED_RECORDS) -> list[Bundle]:
    """Return consecutive records of one partition in bundles of at most so many and of at most :data:`BUNDLED_BYTES`."""
    bundles: list[Bundle] = []
    first = size = 0
    for place, record in enumerate(records):
        length = len(record.value or b"")
        if place > first and (place - first == most or size + length > BUNDLED_BYTES):
            bundles.append(Bundle(tuple(records[first:place])))
            first, size = place, 0
        size += length
    if len(records) > first:
        bundles.append(Bundle(tuple(records[first:])))
    return bundles
