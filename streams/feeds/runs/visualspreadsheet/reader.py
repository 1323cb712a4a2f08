"""The reader of VisualSpreadsheet run folders: surveys one, and streams its particles collage by collage."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.feeds.runs.base import Missing, RunPart, Survey, refuse_incomplete
from streams.feeds.runs.files import translate_system_errors
from streams.feeds.runs.limits import DEFAULT, RunLimits
from streams.feeds.runs.pixels import NoNotes, PictureOpener
from streams.feeds.runs.visualspreadsheet.classes import read_classes
from streams.feeds.runs.visualspreadsheet.collages import CollageShelf
from streams.feeds.runs.visualspreadsheet.edges import EdgeWalk
from streams.feeds.runs.visualspreadsheet.inventory import Inventory, find_run_files, take_inventory, to_base
from streams.feeds.runs.visualspreadsheet.labels import read_labels
from streams.feeds.runs.visualspreadsheet.papers.facts import read_facts
from streams.feeds.runs.visualspreadsheet.particle_list import ListScan, read_rows, scan_list
from streams.feeds.runs.visualspreadsheet.particles import Cutter
from streams.feeds.runs.visualspreadsheet.table import Table, TableWalk, check_table
from streams.feeds.runs.visualspreadsheet.tiff import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.finding import UnreadImage
    from streams.feeds.decoding.stills import Notes
    from streams.feeds.runs.base import Files, Opinion, Particle
    from streams.feeds.runs.facts import RunFacts

#: Files that only a run of this kind has.
_PROOF = frozenset({"list", "context"})

#: Roles of the text files beside the list.
_PAPERS = ("context", "summary", "report", "table", "edges")


#: Kinds of files that only say what somebody or something thinks.
_OPINIONS = ("classes", "labels")


@dataclass(frozen=True, slots=True)
class _Found:
    """A folder after one look into each of its files.

    Attributes
    ----------
    collages, masks
        Names of files by the number of the collage: its place among those that the list mentions, from 1.
    """

    inventory: Inventory
    scan: ListScan
    collages: dict[int, str] = field(default_factory=dict)
    masks: dict[int, str] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()

    def to_survey(self) -> Survey:
        """Return the survey."""
        kinds = self.inventory.kinds
        parts = [RunPart("list", kinds["list"])] if "list" in kinds else []
        parts += [RunPart(f"collage.{number}", name) for number, name in self.collages.items()]
        parts += [RunPart(f"mask.{number}", name) for number, name in self.masks.items()]
        parts += [RunPart(kind, kinds[kind]) for kind in _PAPERS if kind in kinds]
        parts += [RunPart(f"calibration.{number}", name) for number, name in self.inventory.find_calibrations()]
        return Survey(
            group=self.inventory.group,
            parts=tuple(parts),
            opinions=tuple(kinds[kind] for kind in _OPINIONS if kind in kinds),
            missing=self.missing,
            is_closed=bool({"summary", "report"} & kinds.keys()),
        )


@dataclass(frozen=True, slots=True)
class VisualSpreadsheetReader:
    """Reads the run folders of FlowCams.

    Parameters
    ----------
    notes
        Where warnings of the JPEG library are found; collages are TIFF, so nobody need listen.
    """

    limits: RunLimits = DEFAULT
    notes: Notes = field(default_factory=NoNotes)
    layout: str = "visualspreadsheet"
    version: str = "visualspreadsheet/1"

    def recognise(self, files: Files) -> bool:
        """Return whether a list or a context of VisualSpreadsheet is among the files."""
        return any(kind in _PROOF for kind, _ in find_run_files(files))

    def survey(self, files: Files) -> Survey:
        """Return the run's parts, and what is missing.

        Raises
        ------
        RejectedInput
            ``several_runs``; or as :func:`~streams.feeds.runs.visualspreadsheet.particle_list.scan_list`.
        TransientFault
            If a file cannot be read for now.
        """
        return self._find(files).to_survey()

    def open(self, files: Files) -> VisualSpreadsheetRun:
        """Open a complete run.

        Raises
        ------
        RejectedInput
            As :meth:`survey` and :func:`streams.feeds.runs.base.refuse_incomplete`.
        TransientFault
            If a file cannot be read for now.
        """
        found = self._find(files)
        refuse_incomplete(found.to_survey())
        line_bytes = self.limits.line_bytes
        facts = read_facts(files, found.inventory, found.scan, layout=self.layout, line_bytes=line_bytes)
        kinds = found.inventory.kinds
        table = check_table(files, kinds["table"], line_bytes) if "table" in kinds and found.scan.is_rising else None
        opener = PictureOpener(self.limits.picture, self.notes)
        return VisualSpreadsheetRun(files, found, facts, table, opener=opener, limits=self.limits)

    def _find(self, files: Files) -> _Found:
        inventory = take_inventory(files)
        if "list" not in inventory.kinds:
            return _Found(inventory, ListScan(), missing=(Missing("list", "absent"),))
        scan = scan_list(files, inventory.kinds["list"], self.limits)
        if not scan.is_whole:
            missing_list = Missing("list", "cut", to_base(inventory.kinds["list"]))
            return _Found(inventory, scan, missing=(missing_list,))
        collages: dict[int, str] = {}
        masks: dict[int, str] = {}
        missing: list[Missing] = []
        for told, place in scan.collages.items():
            if not told:
                continue  # rows that name no collage are told one by one
            number = place + 1
            name = inventory.find_collage(told)
            if name is None:
                missing.append(Missing(f"collage.{number}", "absent", to_base(told)))
                continue
            collages[number] = name
            if not is_whole(files, name):
                missing.append(Missing(f"collage.{number}", "unfinished", to_base(name)))
            mask = inventory.find_mask(name)
            if mask is not None:
                masks[number] = mask
        return _Found(inventory, scan, collages, masks, tuple(missing))


class VisualSpreadsheetRun:
    """A complete run; nothing is held open between two walks through its particles."""

    def __init__(
        self,
        files: Files,
        found: _Found,
        facts: RunFacts,
        table: Table | None,
        *,
        opener: PictureOpener,
        limits: RunLimits,
    ) -> None:
        self.facts = facts
        self._files = files
        self._found = found
        self._table = table
        self._opener = opener
        self._limits = limits

    def particles(self) -> Iterator[Particle | UnreadImage]:
        """Yield every particle once; one collage is open at a time.

        Raises
        ------
        RejectedInput
            ``line_too_long`` if the list is not what it was, or ``unreadable_archive``.
        TransientFault
            If a file cannot be read for now.
        """
        scan, kinds, line_bytes = self._found.scan, self._found.inventory.kinds, self._limits.line_bytes
        if scan.header is None:
            return
        shelf = CollageShelf(self._opener, self._files, self._found.collages, self._found.masks)
        with ExitStack() as stack:
            stack.enter_context(translate_system_errors())
            table = edges = None
            if self._table is not None:
                file = stack.enter_context(self._files.open(kinds["table"]))
                table = TableWalk(file, self._table, line_bytes)
            if "edges" in kinds and not self._found.masks and scan.is_rising:
                edges = EdgeWalk(stack.enter_context(self._files.open(kinds["edges"])), line_bytes)
            rows = stack.enter_context(self._files.open(kinds["list"]))
            cutter = Cutter.make(scan, shelf, table=table, edges=edges, pixel_um=self.facts.pixel_um)
            for row in read_rows(rows, scan, line_bytes):
                yield cutter.cut(row)

    def opinions(self) -> Iterator[Opinion]:
        """Yield what the instrument's filters say, and then what people wrote into a table of labels.

        Raises
        ------
        RejectedInput
            ``bad_classes`` or ``bad_labels``.
        TransientFault
            If the file cannot be read for now.
        """
        classes = self._found.inventory.kinds.get("classes")
        if classes is not None:
            with translate_system_errors():
                yield from read_classes(self._files, classes, self._limits)
        labels = self._found.inventory.kinds.get("labels")
        if labels is not None:
            with translate_system_errors():
                yield from read_labels(self._files, labels, self._limits)
