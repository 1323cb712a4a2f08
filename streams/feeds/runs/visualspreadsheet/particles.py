"""From a row of the list to a particle: cut out of its collage, with what the row says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.finding import FieldPlace, UnreadImage
from schemas.geometry import Cutout
from streams.feeds.runs.base import Particle
from streams.feeds.runs.visualspreadsheet.edges import fill_outlines
from streams.feeds.runs.visualspreadsheet.measures import BadNumberError, MeasureColumns
from streams.feeds.runs.visualspreadsheet.particle_list import to_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from streams.feeds.runs.text import Numbers
    from streams.feeds.runs.visualspreadsheet.collages import CollageShelf, Sheet
    from streams.feeds.runs.visualspreadsheet.edges import EdgeWalk
    from streams.feeds.runs.visualspreadsheet.particle_list import ListScan
    from streams.feeds.runs.visualspreadsheet.table import TableWalk

#: Columns of whole numbers: the box in the collage, and where it was seen.
_BOX = ("image_x", "image_y", "image_w", "image_h")
_FIELD = ("src_image", "src_x", "src_y")


@dataclass(frozen=True, slots=True)
class _Box:
    x_px: int
    y_px: int
    width_px: int
    height_px: int

    def fits(self, sheet: NDArray[np.uint8]) -> bool:
        height_px, width_px, _ = sheet.shape
        return (
            self.x_px >= 0
            and self.y_px >= 0
            and self.x_px + self.width_px <= width_px
            and self.y_px + self.height_px <= height_px
        )


@dataclass(frozen=True, slots=True)
class Cutter:
    """Cuts particles out of collages; make one with :meth:`make`.

    Attributes
    ----------
    places
        Position of each column.
    pixel_um
        What holds for particles whose row does not say it.
    """

    places: dict[str, int]
    count: int
    collages: dict[str, int]
    numbers: Numbers
    measures: MeasureColumns
    shelf: CollageShelf
    table: TableWalk | None
    edges: EdgeWalk | None
    pixel_um: float | None

    @classmethod
    def make(
        cls,
        scan: ListScan,
        shelf: CollageShelf,
        *,
        table: TableWalk | None = None,
        edges: EdgeWalk | None = None,
        pixel_um: float | None = None,
    ) -> Cutter:
        """Return a cutter for the list that was scanned."""
        header = scan.header
        assert header is not None  # noqa: S101 - a list without a header has no rows
        return cls(
            places=header.places,
            count=header.count,
            collages=scan.collages,
            numbers=scan.numbers,
            measures=MeasureColumns.find(header.places, scan.numbers),
            shelf=shelf,
            table=table,
            edges=edges,
            pixel_um=pixel_um,
        )

    def cut(self, row: list[str]) -> Particle | UnreadImage:
        """Return the particle of a row, or why it cannot be had.

        ===================  ==============================================
        reason               what is wrong
        ===================  ==============================================
        ``bad_row``          the row has more or fewer fields than the list
        ``bad_number``       a field that should hold a number does not
        ``zero_size``        the box has no width or no height
        ``outside_collage``  the box is not inside its collage
        ``no_collage``       the row names none
        another              the collage's file cannot be decoded
        ===================  ==============================================

        Raises
        ------
        TransientFault
            If the collage cannot be read for now.
        """
        index = to_number(row[self.places["id"]]) or 0  # that it has one was seen when the list was scanned
        box, reason = self._find_box(row)
        if box is None:
            return UnreadImage(index=index, reason=reason)
        told = row[self.places["collage_file"]].strip()
        if not told:
            return UnreadImage(index=index, reason="no_collage")
        number = self.collages[told] + 1
        sheet = self.shelf.open(number)
        if sheet.pixels is None or not box.fits(sheet.pixels):
            return UnreadImage(index=index, reason=sheet.reason or "outside_collage")
        try:
            measures = self.measures.read(row)
        except BadNumberError:
            return UnreadImage(index=index, reason="bad_number")
        if self.table is not None:
            measures.update(self.table.take(index))
        return self._make(index, row, (box, number, sheet), measures)

    def _find_box(self, row: list[str]) -> tuple[_Box | None, str]:
        """Return where the particle is in its collage, or why that is not known."""
        if len(row) != self.count:
            return None, "bad_row"
        x_px, y_px, width_px, height_px = (to_number(row[self.places[name]]) for name in _BOX)
        if x_px is None or y_px is None or width_px is None or height_px is None:
            return None, "bad_number"
        if width_px <= 0 or height_px <= 0:
            return None, "zero_size"
        return _Box(x_px, y_px, width_px, height_px), ""

    def _make(self, index: int, row: list[str], found: tuple[_Box, int, Sheet], measures: dict[str, float]) -> Particle:
        box, number, sheet = found
        assert sheet.pixels is not None  # noqa: S101 - the caller looked
        rows = slice(box.y_px, box.y_px + box.height_px)
        columns = slice(box.x_px, box.x_px + box.width_px)
        field = self._find_field(row)
        mask = self._fill_mask(index, box, field) if sheet.mask is None else sheet.mask[rows, columns]
        return Particle(
            index=index,
            name=self._find_text(row, "image_id") or str(index),
            pixels=sheet.pixels[rows, columns],
            mask=mask,
            measures=measures,
            place=Cutout(part=f"collage.{number}", x_px=box.x_px, y_px=box.y_px),
            field=field,
            offset_s=max(self._find_float(row, "elapsed_time") or 0.0, 0.0),
            pixel_um=self._find_pixel(row),
        )

    def _find_text(self, row: list[str], name: str) -> str:
        return row[self.places[name]].strip() if name in self.places else ""

    def _find_float(self, row: list[str], name: str) -> float | None:
        return self.numbers.to_float(row[self.places[name]]) if name in self.places else None

    def _find_pixel(self, row: list[str]) -> float | None:
        pixel_um = self._find_float(row, "cal_const")
        return pixel_um if pixel_um is not None and pixel_um > 0 else self.pixel_um

    def _find_field(self, row: list[str]) -> FieldPlace | None:
        found = [to_number(row[self.places[name]]) if name in self.places else None for name in _FIELD]
        frame, x_px, y_px = found
        if frame is None or x_px is None or y_px is None or min(frame, x_px, y_px) < 0:
            return None
        return FieldPlace(frame=frame, x_px=x_px, y_px=y_px)

    def _fill_mask(self, index: int, box: _Box, field: FieldPlace | None) -> NDArray[np.bool_] | None:
        """Return the filled outlines, if there are any and they can be placed."""
        outlines = self.edges.take(index) if self.edges is not None else []
        if not outlines or field is None:
            return None
        return fill_outlines(outlines, (field.x_px, field.y_px), (box.width_px, box.height_px))
