"""From what Faust consumed to a record as every other part knows it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from streams.brokers.records import Stored


def to_stored(message: Any) -> Stored:  # noqa: ANN401 - Faust's message
    """Return a consumed message as a stored record; its time is the broker's append time, to the millisecond."""
    milliseconds = round(message.timestamp * 1000)
    headers = message.headers.items() if isinstance(message.headers, dict) else message.headers or ()
    return Stored(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        appended_at=dt.datetime.fromtimestamp(milliseconds // 1000, dt.UTC)
        + dt.timedelta(milliseconds=milliseconds % 1000),
        key=message.key,
        headers=tuple((name, value) for name, value in headers),
        value=message.value,
    )
