"""Topics: the only place a topic name is spelled, and how each is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from schemas.media import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable

LANES: tuple[Lane, ...] = ("live", "archive")

_DAY_S = 86_400

#: Characters a broker allows in a topic name (Apache Kafka: ``[a-zA-Z0-9._-]``, at most 249).
_PREFIX = re.compile(r"(?:[a-z0-9][a-z0-9._-]{0,60})?")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it shall be.

    Attributes
    ----------
    name
        Full name, with the deployment's prefix.
    partitions
        How many workers can share it.
    cleanup
        ``delete`` (by age) or ``compact`` (the newest record of each message key survives).
    retention_s
        Age at which records are deleted; ``None`` keeps them.
    """

    name: str
    partitions: int
    cleanup: Literal["delete", "compact"]
    retention_s: int | None


@dataclass(frozen=True, slots=True)
class Topics:
    """The names of one deployment.

    Attributes
    ----------
    prefix
        Put before every name with a dot, so that deployments share a broker; may be empty.
    """

    prefix: str = ""

    def __post_init__(self) -> None:
        """Refuse a prefix that a broker would.

        Raises
        ------
        ValueError
            If the prefix has characters other than ``[a-z0-9._-]``.
        """
        if not _PREFIX.fullmatch(self.prefix):
            message = f"not a topic prefix: {self.prefix!r}"
            raise ValueError(message)

    def _named(self, name: str) -> str:
        return f"{self.prefix}.{name}" if self.prefix else name

    @property
    def media_arrived(self) -> str:
        """Announced media: the front door."""
        return self._named("media.arrived.v1")

    @property
    def media_settled(self) -> str:
        """How each arrival ended."""
        return self._named("media.settled.v1")

    @property
    def media_rejected(self) -> str:
        """Dead letters: the record as it came, plus one header."""
        return self._named("media.rejected.v1")

    @property
    def result_stored(self) -> str:
        """Announced results."""
        return self._named("result.stored.v1")

    @property
    def usage_recorded(self) -> str:
        """Delivered uses."""
        return self._named("usage.recorded.v1")

    @property
    def metric_period(self) -> str:
        """Figures per installation, metric and period."""
        return self._named("metric.period.v1")

    @property
    def object_created(self) -> str:
        """New objects of a bucket, announced by the object store itself in the S3 event format."""
        return self._named("object.created.v1")

    def work(self, installation: str, lane: Lane) -> str:
        """Return the topic of complete units for one installation and lane."""
        return self._named(f"work.{installation}.{lane}.v1")

    def plan(self, installations: Iterable[str], *, partitions: int, announced: bool = False) -> tuple[Topic, ...]:
        """Return every topic of the deployment as it shall be; ``announced``: the object store announces new objects.

        ``media.arrived`` is never compacted (its null values are references, not tombstones) and kept for 30 days, so
        that a stop of weeks loses nothing; rejections for a year, so that they can be retried; usage for ever, because
        it is counted.
        """
        month, year = 30 * _DAY_S, 365 * _DAY_S
        works = [self.work(name, lane) for name in sorted(set(installations)) for lane in LANES]
        return (
            Topic(self.media_arrived, partitions, "delete", month),
            Topic(self.media_settled, partitions, "compact", None),
            Topic(self.media_rejected, partitions, "delete", year),
            *(Topic(name, partitions, "delete", month) for name in works),
            Topic(self.result_stored, partitions, "delete", year),
            Topic(self.usage_recorded, partitions, "delete", None),
            Topic(self.metric_period, partitions, "compact", None),
            *([Topic(self.object_created, partitions, "delete", month)] if announced else []),
        )
