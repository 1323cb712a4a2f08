"""The reader of EcoTaxa-format exports: what PlanktoScope's segmenter and many other programs write."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from schemas.finding import UnreadImage
from streams.feeds.runs.base import Missing, Opinion, Particle, RunPart, Survey, refuse_incomplete
from streams.feeds.runs.ecotaxa.measures import MeasureColumns
from streams.feeds.runs.ecotaxa.sheet import Row, Sheet, looks_like_sheet, read_rows, scan_sheet
from streams.feeds.runs.facts import RunFacts, Volume
from streams.feeds.runs.files import PICTURE_SUFFIXES, check_name, read_head
from streams.feeds.runs.limits import DEFAULT, RunLimits
from streams.feeds.runs.picture_folder import to_place
from streams.feeds.runs.pixels import NoNotes, PictureOpener
from streams.feeds.runs.text import HEAD_BYTES, refuse_wide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.decoding.stills import Notes
    from streams.feeds.runs.base import Files

#: Names of columns alone may take more than the first bytes that tell other files apart.
_SHEET_HEAD_BYTES = 4 * HEAD_BYTES

#: Text that is let out: no address, no path.
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+()-]{0,59}")

#: Pixels of underwater cameras are given in millimetres by some of their exports, and nothing says by which.
_UNCLEAR_UM = 1.0

_UM_PER_MM = 1_000.0

#: Bytes of the digest by which an object that was there before is known.
_DIGEST_BYTES = 8

_LABEL = 200


@dataclass(frozen=True, slots=True)
class EcotaxaReader:
    """Reads EcoTaxa-format exports in a folder or a zip.

    Parameters
    ----------
    notes
        Where warnings of the JPEG library are found.
    """

    limits: RunLimits = DEFAULT
    notes: Notes = field(default_factory=NoNotes)
    layout: str = "ecotaxa"
    version: str = "ecotaxa/1"

    def recognise(self, files: Files) -> bool:
        """Return whether a table of objects is among the files."""
        return bool(_find_sheets(files, most=1))

    def survey(self, files: Files) -> Survey:
        """Return the table and the pictures it names: of an archive, the archive.

        Pictures that the table names and that are not there do not keep the run from being read: each is told.

        Raises
        ------
        RejectedInput
            ``several_runs`` or ``utf16_text``; or as :func:`~streams.feeds.runs.ecotaxa.sheet.scan_sheet`.
        TransientFault
            If a file cannot be read for now.
        """
        sheet = self._scan(files)
        missing = _find_missing(sheet)
        group = (
            sheet.read_text(sheet.first, "acq_id") or sheet.read_text(sheet.first, "sample_id") if sheet.first else ""
        )
        if files.is_archive:
            return Survey(group=group, parts=(RunPart("archive"),), missing=missing)
        folder = _Names(files, sheet)
        parts = [RunPart("list", sheet.name)]
        for row in read_rows(files, sheet, self.limits):
            name = folder.find(row)
            if isinstance(name, str):
                parts.append(RunPart(f"roi.{row.index}", name))
        return Survey(group=group, parts=tuple(parts), missing=missing, is_closed=False)

    def open(self, files: Files) -> EcotaxaRun:
        """Open an export.

        Raises
        ------
        RejectedInput
            As :meth:`survey`; ``list_cut``.
        TransientFault
            If a file cannot be read for now.
        """
        sheet = self._scan(files)
        refuse_incomplete(Survey(group="", parts=(), missing=_find_missing(sheet)))
        facts = _read_facts(sheet, self.layout)
        return EcotaxaRun(
            facts, files, sheet, opener=PictureOpener(self.limits.picture, self.notes), limits=self.limits
        )

    def _scan(self, files: Files) -> Sheet:
        names = _find_sheets(files, most=2)
        if not names:
            raise RejectedInput(reason="no_list", sentence="There is no table of objects among the files.")
        if len(names) > 1:
            sentence = "There are several tables of objects; a run has one, so give each a folder or zip of its own."
            raise RejectedInput(reason="several_runs", sentence=sentence)
        refuse_wide(names[0], read_head(files, names[0], _SHEET_HEAD_BYTES))
        return scan_sheet(files, names[0], self.limits)


def _find_missing(sheet: Sheet) -> tuple[Missing, ...]:
    return () if sheet.is_whole else (Missing("list", "cut", sheet.name.rpartition("/")[2]),)


def _find_sheets(files: Files, *, most: int) -> list[str]:
    found: list[str] = []
    for name in files.sizes:
        if not name.lower().endswith(PICTURE_SUFFIXES) and looks_like_sheet(read_head(files, name, _SHEET_HEAD_BYTES)):
            found.append(name)
            if len(found) == most:
                break
    return found


def _read_facts(sheet: Sheet, layout: str) -> RunFacts:
    cells = sheet.first
    if not cells:
        return RunFacts(layout=layout)
    instrument = _match(sheet.read_text(cells, "acq_instrument"))
    pixel_um, notes = _find_pixel(sheet, cells, instrument)
    imaged_ml = _positive(sheet.read_number(cells, "acq_imaged_volume"))
    frames = _positive(sheet.read_number(cells, "acq_nb_frame"))
    started_at, started_local = _find_start(sheet.read_text(cells, "acq_local_datetime"))
    return RunFacts(
        layout=layout,
        instrument=instrument,
        software=_match(sheet.read_text(cells, "acq_software")),
        magnification=_positive(sheet.read_number(cells, "acq_magnification")),
        pixel_um=pixel_um,
        flow_cell=_match(sheet.read_text(cells, "acq_celltype")),
        started_at=started_at,
        started_local=started_local,
        frames=None if frames is None else int(frames),
        dilution=_positive(sheet.read_number(cells, "sample_dilution_factor")),
        volume=Volume() if imaged_ml is None else Volume(imaged_ml=imaged_ml, source="export"),
        notes=notes,
    )


def _match(text: str) -> str | None:
    return text if _WORDS.fullmatch(text) else None


def _positive(number: float | None) -> float | None:
    return number if number is not None and number > 0 else None


def _find_pixel(sheet: Sheet, cells: list[str], instrument: str | None) -> tuple[float | None, tuple[str, ...]]:
    """Return the size of a pixel in micrometres, and what is odd about it."""
    size_mm = _positive(sheet.read_number(cells, "process_particle_pixel_size_mm"))
    if size_mm is not None:
        return size_mm * _UM_PER_MM, ()
    for column in ("process_pixel", "acq_pixel"):
        pixel_um = _positive(sheet.read_number(cells, column))
        if pixel_um is not None:
            is_unclear = pixel_um < _UNCLEAR_UM and (instrument or "").lower().startswith("uvp")
            return (None, ("pixel_unit_unclear",)) if is_unclear else (pixel_um, ())
    return None, ("no_calibration",)


def _find_start(text: str) -> tuple[dt.datetime | None, str | None]:
    """Return when the acquisition began, in UTC if it says its zone, else as it stands."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None, None
    if moment.tzinfo is not None:
        return moment.astimezone(dt.UTC), None
    return None, moment.isoformat(timespec="seconds")


class _Names:
    """Finds the picture that a row names, and nothing outside the listing."""

    def __init__(self, files: Files, sheet: Sheet) -> None:
        self._files = files
        self._sheet = sheet
        self._folded: dict[str, str] = {}

    def find(self, row: Row) -> str | UnreadImage:
        """Return the picture's name in the listing, or why there is none."""
        if len(row.cells) != len(self._sheet.places):
            return UnreadImage(index=row.index, reason="bad_row")
        told = self._sheet.read_text(row.cells, "img_file_name").replace("\\", "/")
        if not told:
            return UnreadImage(index=row.index, reason="missing_image")
        try:
            check_name(told)
        except RejectedInput as fault:
            return UnreadImage(index=row.index, reason=fault.reason)
        name = self._sheet.folder + told
        if name in self._files.sizes:
            return name
        if not self._folded:
            self._folded = {_fold(other): other for other in self._files.sizes}
        return self._folded.get(_fold(name)) or UnreadImage(index=row.index, reason="missing_image")


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


class EcotaxaRun:
    """An export; a digest of each object's id is held, to know one that comes again."""

    def __init__(
        self, facts: RunFacts, files: Files, sheet: Sheet, *, opener: PictureOpener, limits: RunLimits
    ) -> None:
        self.facts = facts
        self._files = files
        self._sheet = sheet
        self._opener = opener
        self._limits = limits

    def particles(self) -> Iterator[Particle | UnreadImage]:
        """Yield every object once, in the order of rows.

        A row that gives an object another picture (another ``img_rank``) is passed over; one that gives another object the
        same id is unread as ``repeated_id``. A row without an id is an object of its own, named as its picture.

        Raises
        ------
        RejectedInput
            ``line_too_long``, ``bad_table`` or ``unreadable_archive``.
        TransientFault
            If a file cannot be read for now.
        """
        names = _Names(self._files, self._sheet)
        measures = MeasureColumns.find(self._sheet, self.facts.pixel_um)
        objects: set[int] = set()
        ranks: set[int] = set()
        for row in read_rows(self._files, self._sheet, self._limits):
            found = names.find(row)
            if isinstance(found, UnreadImage) and found.reason == "bad_row":
                yield found
                continue
            ident, rank = (self._sheet.read_text(row.cells, column) for column in ("object_id", "img_rank"))
            was_there = bool(ident) and _add(objects, ident)
            had_rank = bool(ident) and _add(ranks, f"{ident}\t{rank}")
            if was_there and had_rank:
                yield UnreadImage(index=row.index, reason="repeated_id")
            elif not was_there:
                yield self._make(row, found, measures) if isinstance(found, str) else found

    def _make(self, row: Row, name: str, measures: MeasureColumns) -> Particle | UnreadImage:
        try:
            pixels = self._opener.open(self._files, name)
        except RejectedInput as fault:
            return UnreadImage(index=row.index, reason=fault.reason)
        return Particle(
            index=row.index,
            name=self._sheet.read_text(row.cells, "object_id") or name,
            pixels=pixels,
            measures=measures.read(row.cells),
            place=to_place(self._files, row.index, name),
            pixel_um=self.facts.pixel_um,
        )

    def opinions(self) -> Iterator[Opinion]:
        """Yield the category of each row that has one; names of those who decided are never let out.

        Raises
        ------
        RejectedInput, TransientFault
            As :meth:`particles`.
        """
        sheet = self._sheet
        handles: dict[str, str] = {}
        for row in read_rows(self._files, sheet, self._limits):
            if len(row.cells) != len(sheet.places):
                continue
            label = sheet.read_text(row.cells, "object_annotation_category")[:_LABEL]
            if label:
                annotator, decided_on = _read_decision(sheet, row.cells, handles)
                yield Opinion(row.index, label, "annotation", annotator, decided_on)


def _read_decision(sheet: Sheet, cells: list[str], handles: dict[str, str]) -> tuple[str | None, dt.date | None]:
    """Return who validated a row, by a handle, and on which day; nothing for what a program predicted.

    Parameters
    ----------
    handles
        Of the persons named so far, who are few.
    """
    if sheet.read_text(cells, "object_annotation_status").lower() != "validated":
        return None, None
    name, address = (sheet.read_text(cells, f"object_annotation_person_{what}") for what in ("name", "email"))
    who = (name or address).casefold()
    if not who:
        return None, None
    try:
        decided_on = dt.date.fromisoformat(sheet.read_text(cells, "object_annotation_date"))
    except ValueError:
        decided_on = None
    return handles.setdefault(who, f"annotator-{len(handles) + 1}"), decided_on


def _add(known: set[int], text: str) -> bool:
    """Return whether a text was there before, and add it."""
    digest = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest(), "big")
    was_there = digest in known
    known.add(digest)
    return was_there
