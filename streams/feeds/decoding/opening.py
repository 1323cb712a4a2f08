"""Opens whatever the bytes are: a still or a clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput, TransientFault
from streams.feeds.decoding.sniff import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.decoding.events import Event
    from streams.feeds.decoding.limits import Order
    from streams.feeds.decoding.stills import Notes


@dataclass(frozen=True, slots=True)
class Input:
    """The bytes of a unit: in memory, or in a local file."""

    source: memoryview | Path

    def read_head(self) -> bytes:
        """Return the bytes that tell the kind.

        Raises
        ------
        TransientFault
            If the local file cannot be read: whoever lent it has to see to that, it says nothing about the unit.
        """
        if isinstance(self.source, memoryview):
            return bytes(self.source[:HEAD_BYTES])
        try:
            with self.source.open("rb") as file:
                return file.read(HEAD_BYTES)
        except OSError as error:
            raise TransientFault(sentence=f"The local copy of the unit cannot be read: {error.strerror}.") from error

    def read_all(self, most_bytes: int) -> memoryview:
        """Return all bytes of a still.

        Raises
        ------
        RejectedInput
            ``too_large``.
        """
        if isinstance(self.source, memoryview):
            return self.source
        size = self.source.stat().st_size
        if size > most_bytes:
            raise RejectedInput(
                reason="too_large", sentence=f"A still's file may have {most_bytes} bytes; this has {size}."
            )
        return memoryview(self.source.read_bytes())


def open_any(unit: Input, order: Order, notes: Notes) -> Iterator[Event]:
    """Yield what the unit holds.

    Raises
    ------
    RejectedInput
        As :func:`~streams.feeds.decoding.stills.open_still` and :func:`~streams.feeds.decoding.video.open_clip`, and as
        :func:`~streams.feeds.decoding.sniff.sniff`.
    """
    form = sniff(unit.read_head())
    if form.kind == "still":
        from streams.feeds.decoding.stills import open_still  # noqa: PLC0415 - a process that opens clips needs no OpenCV

        return open_still(unit.read_all(order.limits.still_bytes), form, order, notes)
    from streams.feeds.decoding.video import open_clip  # noqa: PLC0415 - nor FFmpeg, one that opens stills

    return open_clip(unit.source, form, order)
