"""Pixels of a run's pictures, by the same decoders as the camera's, which are loaded when the first picture is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.feeds.decoding.events import Picture
from streams.feeds.decoding.limits import Limits, Order
from streams.feeds.decoding.sniff import HEAD_BYTES, sniff
from streams.feeds.runs.files import read_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from streams.feeds.decoding.stills import Notes
    from streams.feeds.runs.base import Files


class NoNotes:
    """Nobody listens to what the JPEG library writes; a decoding process does."""

    def take(self) -> str:
        """Return nothing."""
        return ""


@dataclass(frozen=True, slots=True)
class PictureOpener:
    """Decodes pictures.

    Parameters
    ----------
    notes
        Where warnings of the JPEG library are found.
    """

    limits: Limits
    notes: Notes

    def open(self, files: Files, name: str) -> NDArray[np.uint8]:
        """Return the pixels of one file; see :meth:`decode`.

        Raises
        ------
        RejectedInput
            ``too_large``, or as :meth:`decode`.
        TransientFault
            If the file cannot be read for now.
        """
        return self.decode(self.read(files, name))

    def read(self, files: Files, name: str) -> bytes:
        """Return the bytes of one file.

        Raises
        ------
        RejectedInput
            ``too_large``.
        TransientFault
            If the file cannot be read for now.
        """
        return read_whole(files, name, self.limits.still_bytes)

    def decode(self, data: bytes) -> NDArray[np.uint8]:
        """Return pixels, uint8 ``(height_px, width_px, 3)``, RGB, upright; grey is three equal planes.

        Raises
        ------
        RejectedInput
            ``not_media``, ``empty_file``, or as :func:`streams.feeds.decoding.stills.open_still`.
        """
        from streams.feeds.decoding.stills import open_still  # noqa: PLC0415 - a survey needs no decoder

        form = sniff(data[:HEAD_BYTES])
        if form.kind != "still":
            raise RejectedInput(reason="not_media", sentence="A video stands where a picture of a particle should be.")
        for event in open_still(memoryview(data), form, Order(limits=self.limits), self.notes):
            if isinstance(event, Picture):
                return event.pixels
        message = "a still ended without a picture"
        raise AssertionError(message)
