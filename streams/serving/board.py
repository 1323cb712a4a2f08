"""The board: the newest value of every figure, and the state of the feeds, looked up again when they are some seconds old."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.errors import FatalFault, RejectedInput
from schemas.usage import MetricValue
from streams.serving.figures import is_served
from streams.usage.reports.metrics import to_metric_key

if TYPE_CHECKING:
    from streams.account.status import Status, StatusReader
    from streams.brokers.client import Client


@dataclass(frozen=True, slots=True)
class View:
    """What there was to see at a moment.

    Attributes
    ----------
    values
        By installation, beginning and end of the period, and metric.
    installations
        Those of the settings and those of the values.
    left_out
        Records of the metric topic that are no figures of ours.
    start
        First day of the project; absent where the settings name none.
    status
        State of the feeds; absent where nothing ever came in.
    """

    read_at: dt.datetime
    values: tuple[MetricValue, ...] = ()
    installations: tuple[str, ...] = ()
    left_out: int = 0
    start: dt.date | None = None
    status: Status | None = None


@dataclass
class Kept:
    """A page that takes long to make: made anew when it is old, and by one asker at a time while others wait for it.

    Attributes
    ----------
    every_s
        A page is not older than this.
    """

    make: Callable[[], str]
    every_s: float
    _lock: Lock = field(default_factory=Lock)
    _made: str | None = None
    _made_s: float = 0.0

    def read(self) -> str:
        """Return the page; what hinders making it is raised, and tried again for the next asker."""
        with self._lock:
            if self._made is None or time.monotonic() - self._made_s >= self.every_s:
                self._made = self.make()
                self._made_s = time.monotonic()
            return self._made


@dataclass
class Board:
    """Looks at the topics and remembers what it saw; several threads may ask.

    Parameters
    ----------
    find_client
        Opens the broker; ``None`` while there is none.
    topic
        Name of the metric topic.
    make_reader
        What reads the state of the feeds.
    measure
        Counts figures of further periods from the facts, the same way as the report.
    every_s
        A view is not older than this, figures that are counted from facts than ``measure_every_s``.
    """

    find_client: Callable[[], Client | None]
    topic: str
    make_reader: Callable[[Client], StatusReader] | None = None
    measure: Callable[[], tuple[MetricValue, ...]] | None = None
    installations: tuple[str, ...] = ()
    start: dt.date | None = None
    every_s: float = 5.0
    measure_every_s: float = 600.0
    _lock: Lock = field(default_factory=Lock)
    _view: View | None = None
    _looked_s: float = 0.0
    _measured_s: float | None = None
    _client: Client | None = None
    _reader: StatusReader | None = None
    _log_id: str = ""
    _places: dict[int, int] = field(default_factory=dict)
    _published: dict[bytes, MetricValue] = field(default_factory=dict)
    _counted: dict[bytes, MetricValue] = field(default_factory=dict)
    _left_out: int = 0

    def look(self) -> View:
        """Return what there is to see now.

        Raises
        ------
        TransientFault
            If broker or store is away.
        FatalFault
            If the broker's address is wrong, or access is denied.
        """
        with self._lock:
            now_s = time.monotonic()
            if self._view is None or now_s - self._looked_s >= self.every_s:
                self._view = self._read()
                self._looked_s = now_s
            return self._view

    def close(self) -> None:
        """Let go of the broker."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client, self._reader = None, None

    def _read(self) -> View:
        self._count()
        status = self._read_topics()
        # what is counted from facts was asked for by name; of the same period it is as the report says
        values = (self._published | self._counted).values()
        ordered = sorted(
            values, key=lambda value: (value.installation, value.period.from_at, value.period.to_at, value.metric)
        )
        names = {*self.installations, *(value.installation for value in ordered)}
        return View(dt.datetime.now(dt.UTC), tuple(ordered), tuple(sorted(names)), self._left_out, self.start, status)

    def _count(self) -> None:
        now_s = time.monotonic()
        if self.measure is None or (self._measured_s is not None and now_s - self._measured_s < self.measure_every_s):
            return
        try:
            counted = self.measure()
        except RejectedInput as fault:  # a broken object of facts is nothing that was asked for
            raise FatalFault(fault.sentence) from fault
        self._counted = {to_metric_key(value): value for value in counted if is_served(value.metric)}
        self._measured_s = now_s

    def _read_topics(self) -> Status | None:
        if self._client is None:
            self._client = self.find_client()
        client = self._client
        if client is None:
            return None
        made = {state.name: state for state in client.describe()}
        if self.topic in made:
            self._take(client, made[self.topic].log_id)
        if self.make_reader is None or not made:
            return None
        self._reader = self._reader or self.make_reader(client)
        return self._reader.read()

    def _take(self, client: Client, log_id: str) -> None:
        if log_id != self._log_id:  # another log: what was read of the last one says nothing about it
            self._log_id, self._left_out = log_id, 0
            self._places.clear()
            self._published.clear()
        for record in client.read(self.topic, dict(self._places)):
            self._places[record.partition] = record.offset + 1
            key = record.key or b""
            if record.value is None:
                self._published.pop(key, None)
                continue
            try:
                value = MetricValue.from_json(record.value)
            except ValidationError:
                self._left_out += 1
                continue
            if is_served(value.metric) and to_metric_key(value) == key:
                self._published[key] = value
            else:
                self._left_out += 1
