"""The pictures of a run's particles, packed: a contact sheet per class, or one zip of them all."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sinks.composition.outputs.contact_sheets import ContactSheets, to_file_name
from sinks.pages.pixels import encode_png
from sinks.results import Product

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

#: ``sheets``: small pictures side by side, some pages a class. ``images``: every particle as PNG, in one zip. ``none``: neither.
Cutouts = Literal["none", "sheets", "images"]

#: A zip holds times; one that follows from nothing but the format makes equal runs equal zips.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)

_PNG, _ZIP = "image/png", "application/zip"


@dataclass(slots=True)
class CutoutFiles:
    """Takes pictures of particles and writes them below a folder.

    Parameters
    ----------
    title
        In the head of each sheet.
    most_pages
        Sheets of one class.
    """

    kept: Cutouts
    title: str
    folder: Path
    most_pages: int = 5
    _sheets: ContactSheets = field(init=False)
    _pages: list[str] = field(default_factory=list)
    _zip: zipfile.ZipFile | None = None

    def __post_init__(self) -> None:
        """Let pages be written as they fill."""
        self._sheets = ContactSheets(self.title, self._write_page, self.most_pages)
        if self.kept == "images":
            self._zip = zipfile.ZipFile(self.folder / "cutouts.zip", "w", zipfile.ZIP_STORED)

    def add(self, label: str, index: int, pixels: NDArray[np.uint8], pixel_um: float | None) -> None:
        """Take the picture of one particle, of the class it was given."""
        if self.kept == "sheets":
            self._sheets.add(label, index, pixels, pixel_um)
        elif self._zip is not None:
            member = zipfile.ZipInfo(f"{to_file_name(label)}/{index}.png", _ZIP_TIME)
            self._zip.writestr(member, encode_png(pixels))

    def _write_page(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)
        self._pages.append(name)

    def finish(self) -> Iterator[Product]:
        """Yield what was written."""
        if self._zip is not None:
            self._zip.close()
            yield Product("cutouts", "cutouts.zip", _ZIP, self.folder / "cutouts.zip")
        if self.kept == "sheets":
            self._sheets.close()
        for name in sorted(self._pages):
            yield Product("sheet", f"sheets/{name}", _PNG, self.folder / name)
