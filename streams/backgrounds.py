"""Building the background picture of a fixed camera from a day of its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.motion.background import build_background
from detectors.pixels import encode_png
from schemas.canonical import to_sha256
from schemas.errors import FatalFault, RejectedInput
from streams.feeds.decoding.pool import DecodingPool
from streams.feeds.folder import Found, list_media

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class BuiltBackground:
    """A background picture that was written.

    Attributes
    ----------
    key
        What the settings call it: its file name, in the folder of models.
    pictures, left_out
        How many pictures were given, and how many of them could not be read.
    """

    key: str
    sha256: str
    pictures: int
    left_out: int


@dataclass
class _Stills:
    """Reads the stills of folders, one at a time, and counts."""

    paths: list[Path]
    read: int = 0
    left_out: int = 0

    def open_all(self) -> Iterator[NDArray[np.uint8]]:
        with DecodingPool(size=1) as pool:
            for listed in list_media(self.paths):
                if not isinstance(listed, Found):
                    continue
                try:
                    with pool.open_unit(listed.path) as opened:
                        if opened.header.kind != "still":
                            continue
                        for view in opened.views:
                            self.read += 1
                            yield view.pixels
                except RejectedInput:
                    self.left_out += 1


def build_background_file(paths: list[Path], to: Path) -> BuiltBackground:
    """Write the median of pictures as PNG.

    Raises
    ------
    FatalFault
        If no picture can be read, they have several sizes, or the name does not end in ``.png``.
    """
    if to.suffix != ".png":
        message = f"A background is a .png file, not {to.name}."
        raise FatalFault(message)
    stills = _Stills(paths)
    try:
        data = encode_png(build_background(stills.open_all()))
    except RejectedInput as fault:
        raise FatalFault(fault.sentence) from fault
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(data)
    return BuiltBackground(to.name, to_sha256(data), stills.read, stills.left_out)
