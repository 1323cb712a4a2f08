"""Collections for tests: a rule, a fake collection, and a watch that notes what it announced and refused."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager

from schemas.errors import RejectedInput
from streams.feeds.mongo.bookmark import open_bookmark
from streams.feeds.mongo.listing import ScriptedCollection
from streams.feeds.mongo.poll import CollectionWatch
from streams.feeds.mongo.rule import CollectionRule

NOON = dt.datetime(2024, 5, 14, 12, tzinfo=dt.UTC)


def make_rule(**changes):
    fields = {"url": "mongodb://127.0.0.1", "database": "lab", "collection": "images", "key_field": "key"}
    return CollectionRule(**{**fields, **changes})


class Lab:
    """A fake collection, and everything that became of its documents, by key; ``spoilt`` says which are refused and why."""

    def __init__(self, folder, **rule):
        self.rule = make_rule(**rule)
        self.collection = ScriptedCollection(self.rule)
        self.path = folder / "collections.db"
        self.announced, self.refused, self.spoilt = [], [], {}
        self.asked = 0
        self.time = NOON + dt.timedelta(hours=1)

    def add(self, *numbers, after_s=None):
        for number in numbers:
            made_at = NOON + dt.timedelta(seconds=number if after_s is None else after_s)
            self.collection.add({"key": f"{number}.png"}, made_at)

    def announce(self, document):
        self.asked += 1
        fault = self.spoilt.get(document.key)
        if isinstance(fault, str):
            raise RejectedInput(reason=fault, sentence="It is spoilt.")
        if fault is not None:
            raise fault
        self.announced.append(document.key)

    def read_clock(self):
        return self.time.timestamp()

    @contextmanager
    def watch(self):
        """Give a watch as a process that was started just now has it."""
        with open_bookmark(self.path, "flowcam-1", self.rule.source) as bookmark:
            yield CollectionWatch(
                self.collection,
                self.announce,
                lambda name, rejection: self.refused.append((name, rejection.reason)),
                bookmark,
                self.rule,
                now=lambda: self.time,
                clock_s=self.read_clock,
            )

    def poll(self):
        """Look once, as a process of its own."""
        with self.watch() as watch:
            return watch.poll()
