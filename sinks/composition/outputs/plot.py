"""The plot of a composition: what the particles are, how many of each per litre with intervals, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin
from typing import TYPE_CHECKING

import numpy as np

from sinks.composition.biovolume import FORMULAS
from sinks.composition.composition import Composition, Estimate, Line
from sinks.composition.outputs.axis import LogAxis, make_axis, to_short
from sinks.composition.outputs.lettering import find_width, shorten, write_text
from sinks.composition.volumes import UnknownVolume
from sinks.pages.pixels import Canvas, encode_png, resize

if TYPE_CHECKING:
    from sinks.pages.palette import Rgb

#: Drawn larger and averaged down, so that lines have no steps.
_FINE = 2

#: Width of the picture, room around it, height of a row of a taxon, of the size spectrum, and of the columns of numbers.
_WIDTH, _MARGIN, _ROW, _SPECTRUM, _NAMES, _NUMBERS = 1400, 48, 34, 300, 380, 250

_INK: Rgb = (28, 34, 40)
_QUIET: Rgb = (110, 120, 130)
_RULE: Rgb = (222, 227, 231)
_FAINT: Rgb = (240, 243, 245)

#: Okabe and Ito's blue for taxa, and greys for all else; flagged particles in their vermilion.
_TAXON: Rgb = (0, 114, 178)
_OTHER: Rgb = (120, 132, 143)
_NAMELESS: Rgb = (184, 193, 201)
_FLAGGED: Rgb = (213, 94, 0)
_PALE: Rgb = (200, 225, 240)

_TITLE, _TEXT, _SMALL = 34, 20, 16

#: Groups with a row of their own; the rest is one row, and all of them are in the table.
_ROWS_LIMIT = 40

_FORMULA_MARKS = (("_um", ""), (" * ", " "), ("^3", "\u00b3"), ("^2", "\u00b2"), ("abd", "ABD"), ("esd", "ESD"))

_KIND_WORDS = {
    "without_id": "taxon without an id",
    "unmapped": "not in the label map",
    "trace": "trace",
    "not_a_taxon": "no taxon",
}


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The picture while it is drawn, in pixels of the finished one."""

    canvas: Canvas

    def write(
        self, text: str, x: float, y: float, *, size: int = _TEXT, colour: Rgb = _INK, anchor: str = "left"
    ) -> None:
        write_text(
            self.canvas,
            text,
            (x * _FINE, y * _FINE),
            size_px=size * _FINE,
            colour=colour,
            anchor="left" if anchor == "left" else "right" if anchor == "right" else "centre",
        )

    def line(self, ends: tuple[float, float, float, float], colour: Rgb, *, width: float = 1.0) -> None:
        left, top, right, bottom = (value * _FINE for value in ends)
        self.canvas.draw_line([(left, top), (right, bottom)], colour=colour, width_px=max(round(width * _FINE), 1))

    def box(self, bounds: tuple[float, float, float, float], colour: Rgb) -> None:
        left, top, right, bottom = (value * _FINE for value in bounds)
        self.canvas.fill_box((left, top, right, bottom), colour=colour)

    def dot(self, x: float, y: float, radius: float, colour: Rgb) -> None:
        turns = [2 * pi * step / 32 for step in range(32)]
        ring = [((x + radius * cos(turn)) * _FINE, (y + radius * sin(turn)) * _FINE) for turn in turns]
        self.canvas.fill_polygon(ring, colour=colour, opacity=1.0)


def draw_composition(composition: Composition) -> bytes:
    """Return the plot as PNG, 1,400 pixels wide; the same composition gives the same bytes.

    Rows are taxa by falling count, then what became no taxon, then the unidentified. A dot is the count per litre (or the
    count, where the volume is not known), a bar its exact 95 % interval. Below, the size spectrum of all particles that count.
    """
    lines = [line for line in composition.lines if line.estimate.particles]
    shown, rest = (lines, []) if len(lines) <= _ROWS_LIMIT else (lines[: _ROWS_LIMIT - 1], lines[_ROWS_LIMIT - 1 :])
    rows = len(shown) + bool(rest)
    height = 250 + max(rows, 1) * _ROW + 100 + _SPECTRUM + 96
    sheet = _Sheet(Canvas(np.full((height * _FINE, _WIDTH * _FINE, 3), 255, np.uint8)))
    _draw_head(sheet, composition)
    _draw_shares(sheet, composition, top=166)
    bottom = _draw_rows(sheet, composition, shown, rest, top=250)
    _draw_spectrum(sheet, composition, top=bottom + 78)
    _draw_foot(sheet, composition, y=height - 34)
    return encode_png(resize(sheet.canvas.to_pixels(), width_px=_WIDTH, height_px=height, how="smooth"))


def _pick(estimate: Estimate) -> tuple[float, float, float]:
    """Return value, low and high: per litre where that is known, else of the count."""
    if estimate.per_l is None or estimate.per_l_low is None or estimate.per_l_high is None:
        return float(estimate.particles), estimate.low, estimate.high
    return estimate.per_l, estimate.per_l_low, estimate.per_l_high


def _draw_head(sheet: _Sheet, composition: Composition) -> None:
    title = shorten(composition.name, size_px=_TITLE, width_px=_WIDTH - 2 * _MARGIN)
    sheet.write(title, _MARGIN, 36, size=_TITLE)
    runs = f"{len(composition.runs)} run{'' if len(composition.runs) == 1 else 's'}"
    if isinstance(composition.volume, UnknownVolume):
        said = f"counts only, because the volume is not known; {runs}"
    else:
        volume = composition.volume
        looked = to_short(float(volume.analysed_ml))
        thinned = "" if volume.dilution == 1 else f", diluted {float(volume.dilution):.3g} times"
        of_sea = "" if volume.sea_ml is None else f", which stand for {to_short(float(volume.sea_ml) / 1000)} l of sea"
        said = f"{composition.per}; {runs}, {looked} ml looked at{thinned}{of_sea}"
    sheet.write(said, _MARGIN, 84, colour=_QUIET)
    if composition.demonstration:
        sheet.write("named by a demonstration model: not fit for scientific use", _MARGIN, 114, colour=_FLAGGED)


def _draw_shares(sheet: _Sheet, composition: Composition, *, top: float) -> None:
    """Draw one bar of all particles: with a taxon, named as something else, unidentified, flagged."""
    taxa = sum(line.estimate.particles for line in composition.lines if line.group.kind == "taxon")
    parts = [
        (taxa, "identified to a taxon", _TAXON),
        (composition.identified.particles - taxa, "identified as something else", _OTHER),
        (composition.unidentified.particles, "unidentified", _NAMELESS),
        (composition.flagged.particles, _name_flags(composition), _FLAGGED),
    ]
    every, left = composition.every.particles, float(_MARGIN)
    for count, _, colour in parts:
        right = left + (count / every if every else 0.0) * (_WIDTH - 2 * _MARGIN)
        if count:
            sheet.box((left, top, max(right, left + 1.5), top + 12), colour)
        left = right
    x = float(_MARGIN)
    for count, words, colour in parts:
        if count:
            text = f"{count:,} {words}"
            sheet.box((x, top + 27, x + 11, top + 38), colour)
            sheet.write(text, x + 19, top + 23, size=_SMALL, colour=_QUIET)
            x += 19 + find_width(text, size_px=_SMALL) + 30


def _name_flags(composition: Composition) -> str:
    told = ", ".join(f"{count:,} {flag}" for flag, count in composition.by_flag if count)
    return f"flagged ({told})" if told else "flagged"


def _draw_rows(sheet: _Sheet, composition: Composition, shown: list[Line], rest: list[Line], *, top: float) -> float:
    """Draw names, dots and numbers; return where they end."""
    values = [_pick(line.estimate) for line in shown]
    left, right = _MARGIN + _NAMES, _WIDTH - _MARGIN - _NUMBERS
    axis = make_axis([value for triple in values for value in triple], left, right)
    bottom = top + (len(shown) + bool(rest)) * _ROW + (0 if shown else _ROW)
    unit = "count" if isinstance(composition.volume, UnknownVolume) else composition.per
    sheet.write(f"{unit}, with the exact 95 % interval of the count", left, top - 28, size=_SMALL, colour=_QUIET)
    sheet.write("counted", _WIDTH - _MARGIN - 150, top - 28, size=_SMALL, colour=_QUIET, anchor="right")
    sheet.write(
        "per litre" if unit != "count" else "", _WIDTH - _MARGIN, top - 28, size=_SMALL, colour=_QUIET, anchor="right"
    )
    _draw_grid(sheet, axis, top, bottom)
    for number, (line, triple) in enumerate(zip(shown, values, strict=True)):
        _draw_row(sheet, line, triple, axis=axis, y=top + (number + 0.5) * _ROW)
    if rest:
        particles = sum(line.estimate.particles for line in rest)
        y = top + (len(shown) + 0.5) * _ROW
        sheet.write(f"{len(rest)} more groups, in the table", _MARGIN, y - 12, colour=_QUIET)
        sheet.write(f"{particles:,}", _WIDTH - _MARGIN - 150, y - 12, colour=_QUIET, anchor="right")
    if not shown:
        sheet.write("no particles", _MARGIN, top + 6, colour=_QUIET)
    return bottom


def _draw_grid(sheet: _Sheet, axis: LogAxis, top: float, bottom: float) -> None:
    for x in axis.list_steps():
        sheet.line((x, top, x, bottom), _FAINT)
    for x, text in axis.list_decades():
        sheet.line((x, top, x, bottom + 5), _RULE)
        sheet.write(text, x, bottom + 10, size=_SMALL, colour=_QUIET, anchor="centre")


def _draw_row(sheet: _Sheet, line: Line, triple: tuple[float, float, float], *, axis: LogAxis, y: float) -> None:
    kind = line.group.kind
    colour = _TAXON if kind == "taxon" else _NAMELESS if kind == "unidentified" else _OTHER
    name = line.group.name or "unidentified"
    note = _KIND_WORDS.get(kind, "") or (f"{len(line.labels)} classes" if len(line.labels) > 1 else "")
    room = _NAMES - 24
    shown = shorten(name, size_px=_TEXT, width_px=room - (find_width(note, size_px=_SMALL) + 10 if note else 0))
    sheet.write(shown, _MARGIN, y - 12, colour=_INK if kind == "taxon" else _QUIET)
    if note:
        sheet.write(note, _MARGIN + find_width(shown, size_px=_TEXT) + 10, y - 9, size=_SMALL, colour=_NAMELESS)
    value, low, high = triple
    first, middle, last = (axis.find(number) if number else axis.start for number in (low, value, high))
    sheet.line((first, y, last, y), colour, width=3)
    for x in (first, last):
        sheet.line((x, y - 5, x, y + 5), colour, width=2)
    sheet.dot(middle, y, 7, colour)
    sheet.write(f"{line.estimate.particles:,}", _WIDTH - _MARGIN - 150, y - 12, colour=_INK, anchor="right")
    if line.estimate.per_l is not None:
        sheet.write(to_short(line.estimate.per_l), _WIDTH - _MARGIN, y - 12, colour=_INK, anchor="right")


def _draw_spectrum(sheet: _Sheet, composition: Composition, *, top: float) -> None:
    """Draw the size classes with their intervals, from the first class with particles to the last."""
    sizes = list(composition.sizes)
    filled = [number for number, size in enumerate(sizes) if size.estimate.particles]
    unit = "count" if isinstance(composition.volume, UnknownVolume) else composition.per
    what = composition.rules.size_measure.removesuffix("_um").upper()
    sheet.write("Size spectrum", _MARGIN, top - 6, size=_TEXT)
    note = f" ({composition.unsized:,} particles without a size)" if composition.unsized else ""
    told = f"particles by {what} in µm, all that count, {unit}{note}"
    sheet.write(told, _MARGIN + 170, top - 3, size=_SMALL, colour=_QUIET)
    if not filled:
        sheet.write("no particle has a size", _MARGIN, top + 40, colour=_QUIET)
        return
    shown = sizes[max(filled[0] - 1, 0) : filled[-1] + 2]
    ends = [_pick(size.estimate) for size in shown]
    floor, ceiling = top + _SPECTRUM - 30, top + 36
    axis = make_axis([value for triple in ends for value in triple if value > 0], floor, ceiling)
    left, right = _MARGIN + 90, _WIDTH - _MARGIN - 16
    for y, text in axis.list_decades():
        sheet.line((left, y, right, y), _RULE)
        sheet.write(text, left - 10, y - 10, size=_SMALL, colour=_QUIET, anchor="right")
    step = (right - left) / len(shown)
    for number, (size, triple) in enumerate(zip(shown, ends, strict=True)):
        x = left + number * step
        if size.estimate.particles:
            _draw_step(sheet, (x, step), triple, axis)
        for edge, at in ((size.least_um, x), (size.below_um if number == len(shown) - 1 else None, x + step)):
            if edge is not None:
                sheet.line((at, floor, at, floor + 6), _QUIET)
                sheet.write(f"{edge:g}", at, floor + 10, size=_SMALL, colour=_QUIET, anchor="centre")


def _draw_step(sheet: _Sheet, place: tuple[float, float], triple: tuple[float, float, float], axis: LogAxis) -> None:
    """Draw a class as a line over its interval: bars would say that a logarithmic axis begins somewhere."""
    x, step = place
    value, low, high = (axis.find(number) if number else axis.start for number in triple)
    sheet.box((x + 2, high, x + step - 2, max(low, high + 1)), _PALE)
    sheet.line((x + 2, value, x + step - 2, value), _TAXON, width=4)


def _draw_foot(sheet: _Sheet, composition: Composition, *, y: float) -> None:
    every, counted, room = composition.every, composition.counted, composition.biovolume
    if every.per_l is None or counted.per_l is None:
        told = f"{every.particles:,} particles, {counted.particles:,} without the flagged ones"
    else:
        told = (
            f"all particles: {to_short(every.per_l)} {composition.per}; without flagged ones: {to_short(counted.per_l)}"
        )
    if room.mm3_per_l is not None:
        formula = FORMULAS[composition.rules.shape].text
        for plain, shown in _FORMULA_MARKS:
            formula = formula.replace(plain, shown)
        told += f"; biovolume {to_short(room.mm3_per_l)} mm\u00b3 per litre, each particle {formula}"
    sheet.write(told, _MARGIN, y - 6, size=_SMALL, colour=_QUIET)


__all__ = ["draw_composition"]
