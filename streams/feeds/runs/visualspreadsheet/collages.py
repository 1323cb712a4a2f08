"""Collages: large pictures on which the instrument laid the cut-outs of many particles; one is open at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from schemas.errors import RejectedInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from streams.feeds.runs.base import Files
    from streams.feeds.runs.pixels import PictureOpener


@dataclass(frozen=True, slots=True)
class Sheet:
    """An open collage.

    Attributes
    ----------
    pixels
        uint8 ``(height_px, width_px, 3)``, RGB; absent if the collage cannot be decoded.
    mask
        bool ``(height_px, width_px)``; absent if there is no binary collage, or it is of another size.
    reason
        Why there are no pixels.
    """

    pixels: NDArray[np.uint8] | None
    mask: NDArray[np.bool_] | None = None
    reason: str = ""


@dataclass(slots=True)
class CollageShelf:
    """Opens collages and their masks, and keeps the one that was asked for last.

    Parameters
    ----------
    collages, masks
        Names of files by the number of the collage.
    """

    opener: PictureOpener
    files: Files
    collages: Mapping[int, str]
    masks: Mapping[int, str]
    _number: int = 0
    _sheet: Sheet = field(default_factory=lambda: Sheet(None, reason="not_open"))

    def open(self, number: int) -> Sheet:
        """Return a collage, forgetting the one before.

        Raises
        ------
        TransientFault
            If a file cannot be read for now.
        """
        if number != self._number:
            self._sheet = Sheet(None)  # the old one goes before the new one comes
            self._sheet = self._load(number)
            self._number = number
        return self._sheet

    def _load(self, number: int) -> Sheet:
        try:
            pixels = self.opener.open(self.files, self.collages[number])
        except RejectedInput as fault:
            return Sheet(None, reason=fault.reason)
        return Sheet(pixels, self._load_mask(number, pixels.shape[:2]))

    def _load_mask(self, number: int, size: tuple[int, ...]) -> NDArray[np.bool_] | None:
        if number not in self.masks:
            return None
        try:
            planes = self.opener.open(self.files, self.masks[number])
        except RejectedInput:
            return None  # the pictures are good without
        return planes[:, :, 0] > 0 if planes.shape[:2] == size else None
