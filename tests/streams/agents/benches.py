"""The bench that agents work with in tests."""

from __future__ import annotations

import datetime as dt

from streams.agents.bench import Bench
from streams.agents.gate import FeedGate, GateRule
from streams.agents.health import Health
from tests.streams.units.places import TOPICS


def make_bench(threads, send, **changes):
    """Return a bench that never pauses a feed and keeps nothing."""
    return Bench(
        topics=TOPICS,
        send=send,
        keep=lambda *_: "",
        threads=threads,
        gate=FeedGate(GateRule(0, 0.9), frozenset()),
        health=Health(dt.datetime.now(dt.UTC)),
        **changes,
    )
