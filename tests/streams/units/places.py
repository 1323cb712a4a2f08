"""A router and a pipeline on stores in memory, and records as a broker hands them over."""

from __future__ import annotations

import datetime as dt
import itertools
from contextlib import contextmanager
from pathlib import Path

from detectors.scripted import ScriptedDetector
from schemas.canonical import to_sha256
from schemas.finding import Image
from schemas.geometry import Nowhere, WholePart
from schemas.media import MediaSettled
from schemas.result import Complete, Effort, ResultStored
from schemas.topics import Topics
from schemas.unit import Instant, Part, Unit, WorkOrder, make_stamp
from schemas.usage import UsageEvent
from sinks.object_store.memory import MemoryStore
from sinks.result_tables import make_tables
from sinks.results import Picturing, ResultSink
from streams.brokers.records import Stored
from streams.feeds.decoding.events import Header
from streams.settings.read import check_settings
from streams.units.attempts import AttemptJournal
from streams.units.desk import SettingsDesk
from streams.units.originals import Originals
from streams.units.pipeline import Pipeline
from streams.units.routing import Router
from streams.usage.record import Recorder, make_recorder

TOPICS = Topics()
AT = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)
JPEG = b"\xff\xd8\xff\xe0 picture"

SETTINGS = {
    "installations": {"fish": {"detector": "scripted"}},
    "feeds": {
        "cam": {"installation": "fish", "capture": {"file_name": "%Y%m%d-%H%M%S-*", "time_zone": "UTC"}},
        "dated-by-sender": {"installation": "fish", "capture": {"undated": "refuse"}},
    },
}

RECORDER = make_recorder(check_settings(SETTINGS, {}, folder=Path()).deployment)

_offsets = itertools.count()


class SilentProber:
    """Finds no time in any file."""

    def probe(self, source):
        return Header("still", "jpeg", "image/jpeg", 4, 3)


def to_stored(record, *, partition=0, offset=None):
    """Return a record as it lies in a topic."""
    place = next(_offsets) if offset is None else offset
    return Stored(record.topic, partition, place, AT, record.key, record.headers, record.value)


def make_router(folder, store=None, *, bucket="", others=None):
    store = store or MemoryStore()
    deployment = check_settings(SETTINGS, {}, folder=folder).deployment
    originals = Originals(store, bucket, others or {})
    desk = SettingsDesk(deployment.feeds, deployment.installations, originals, SilentProber())
    return Router(TOPICS, desk, store, originals, Recorder({}))


def make_order(number=0, *, feed="cam", kind="still", event=None):
    """Return a work order whose unit is like no other."""
    content = to_sha256(b"%d" % number)
    captured = Instant(at=AT + dt.timedelta(minutes=number))
    stamp = make_stamp(installation="fish", feed=feed, kind=kind, captured=captured, content=content)
    part = Part(
        role=kind, name="a.jpg", media_type="image/jpeg", size_bytes=10, sha256=content, at=f"originals/{number}"
    )
    unit = Unit(
        stamp=stamp,
        captured_from="filename",
        group="a.jpg",
        layout=kind,
        parts=(part,),
        where=Nowhere(why="not_declared"),
        instrument="camera",
    )
    return WorkOrder(unit=unit, source=f"/feeds/{feed}", event=event or f"e-{number}", arrived_at=AT)


class Opened:
    """A unit of pictures that are all of one colour."""

    unread = ()
    account = None
    coverage = Complete()

    def __init__(self, levels):
        self._levels = levels
        self.looked = 0

    def views(self):
        import numpy as np

        from detectors.base import View

        for index, level in enumerate(self._levels):
            self.looked += 1
            image = Image(index=index, kind="frame", width_px=16, height_px=12, place=WholePart(part="still"))
            yield View(image, np.full((12, 16, 3), level, np.uint8))

    @property
    def effort(self):
        return Effort(images_looked=self.looked, images_unread=0, images_passed_over=0)


class FakeReader:
    """Opens any unit as pictures of the given brightness, or raises what it is told."""

    def __init__(self, levels=(200, 10), fault=None):
        self.levels, self.fault, self.opened = levels, fault, 0

    def to_version(self, unit):
        return "fake/1"

    def to_parameters(self, unit):
        return {}

    @contextmanager
    def open(self, unit):
        self.opened += 1
        if self.fault is not None:
            raise self.fault
        yield Opened(self.levels)

    def flag(self, unit, findings):
        return findings


class Kit:
    """A pipeline and what it works with."""

    def __init__(self, folder, *, reader=None, detector=None, store=None, **sink):
        self.reader = reader or FakeReader()
        self.store = store or MemoryStore()
        self.journal = AttemptJournal(folder / "attempts")
        given = {"picturing": Picturing("found", 8), **sink}
        made = ResultSink(self.store, lambda *_: b"jpeg", make_tables, **given)
        self.pipeline = Pipeline(self.reader, detector or ScriptedDetector(), made, RECORDER, self.journal)

    def process(self, order, **options):
        return self.pipeline.process(order, TOPICS, **options)

    def list_keys(self):
        return [info.key for info in self.store.list("")]


def read_announced(records):
    """Return the announcement, the use and the end that a unit's records tell."""
    by_topic = {record.topic: record.value for record in records}
    assert len(by_topic) == len(records) == 3
    return (
        ResultStored.from_json(by_topic[TOPICS.result_stored]),
        UsageEvent.from_json(by_topic[TOPICS.usage_recorded]),
        MediaSettled.from_json(by_topic[TOPICS.media_settled]),
    )
