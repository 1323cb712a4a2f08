"""What a decoding process opens: a still or a clip by its bytes, or the files of a run where the order says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streams.feeds.decoding.opening import open_any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.decoding.events import Event
    from streams.feeds.decoding.limits import Order
    from streams.feeds.decoding.opening import Input
    from streams.feeds.decoding.stills import Notes

#: Name of :func:`open_ordered` for a pool of decoding processes.
OPENER = "streams.feeds.reading.opening:open_ordered"


def open_ordered(unit: Input, order: Order, notes: Notes) -> Iterator[Event]:
    """Yield what a unit holds.

    Raises
    ------
    RejectedInput
        As :func:`streams.feeds.decoding.opening.open_any` and :func:`streams.feeds.runs.opening.open_run`.
    """
    if not order.is_run:
        return open_any(unit, order, notes)
    from streams.feeds.runs.opening import open_run  # noqa: PLC0415 - a process that opens stills needs none of it

    assert isinstance(unit.source, Path)  # noqa: S101 - a run comes as a listing
    return open_run(unit.source, order, notes)
