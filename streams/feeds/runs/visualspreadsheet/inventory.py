"""Which file of a run folder is what: by content, and by name only where content cannot tell (masks, calibrations)."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.feeds.runs.files import PICTURE_SUFFIXES, read_head
from streams.feeds.runs.text import HEAD_BYTES, refuse_wide, to_plain_head
from streams.feeds.runs.visualspreadsheet.classes import looks_like_classes
from streams.feeds.runs.visualspreadsheet.edges import looks_like_edges
from streams.feeds.runs.visualspreadsheet.labels import looks_like_labels
from streams.feeds.runs.visualspreadsheet.papers.context import looks_like_context
from streams.feeds.runs.visualspreadsheet.papers.summary import looks_like_report, looks_like_summary
from streams.feeds.runs.visualspreadsheet.particle_list import looks_like_list
from streams.feeds.runs.visualspreadsheet.table import looks_like_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.feeds.runs.base import Files

#: Kinds of files, and how each is told from the others; ``classes`` and ``labels`` hold opinions, the others facts.
_KINDS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("list", looks_like_list),
    ("context", looks_like_context),
    ("summary", looks_like_summary),
    ("report", looks_like_report),
    ("table", looks_like_table),
    ("classes", looks_like_classes),
    ("edges", looks_like_edges),
    ("labels", looks_like_labels),
)

_CALIBRATION = re.compile(r"cal_image_(\d{1,9})\.tiff?", re.IGNORECASE)

#: Files named as pictures whose content is looked at all the same when nothing else is a list.
_SUSPECTS = 2_000


def to_base(told: str) -> str:
    """Return the last segment of a path, whichever computer wrote it."""
    return re.split(r"[/\\]", told)[-1]


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _split(name: str) -> tuple[str, str]:
    folder, _, base = name.rpartition("/")
    return folder, base


def _to_stem(name: str) -> str:
    return _fold(_split(name)[1].rpartition(".")[0])


@dataclass(frozen=True, slots=True)
class Inventory:
    """The files of one run.

    Attributes
    ----------
    kinds
        Name of the file of each kind.
    pictures
        Names of the other files beside the list, by their folded file names.
    """

    kinds: dict[str, str]
    pictures: dict[str, str]
    group: str
    notes: tuple[str, ...] = field(default=())

    def find_collage(self, told: str) -> str | None:
        """Return the file that the list means; it may name a folder of the computer it was written on."""
        return self.pictures.get(_fold(to_base(told)))

    def find_mask(self, collage: str) -> str | None:
        """Return the binary collage of a collage."""
        stem, _, suffix = _split(collage)[1].rpartition(".")
        return self.pictures.get(_fold(f"{stem}_bin.{suffix}"))

    def find_calibrations(self) -> list[tuple[int, str]]:
        """Return numbers and names of the calibration pictures."""
        found = [(name, _CALIBRATION.fullmatch(_split(name)[1])) for name in self.pictures.values()]
        return sorted((int(number.group(1)), name) for name, number in found if number is not None)


def find_run_files(files: Files) -> Iterator[tuple[str, str]]:
    """Yield kind and name of each file that only a run has.

    Raises
    ------
    RejectedInput, TransientFault
        As :meth:`streams.feeds.runs.base.Files.open`.
    """
    has_list = False
    suspects = []
    for name in files.sizes:
        if name.lower().endswith(PICTURE_SUFFIXES):
            suspects.append(name)
            continue
        kind = _find_kind(files, name)
        has_list |= kind == "list"
        if kind:
            yield kind, name
    if not has_list and len(suspects) <= _SUSPECTS:
        for name in suspects:
            kind = ""
            with suppress(RejectedInput):  # a damaged picture of a zip is told with its particles
                kind = _find_kind(files, name)
            if kind == "list":
                yield kind, name


def _find_kind(files: Files, name: str) -> str:
    head = to_plain_head(read_head(files, name, HEAD_BYTES))
    return next((kind for kind, looks_like in _KINDS if looks_like(head)), "")


def take_inventory(files: Files) -> Inventory:
    """Return what is what.

    Raises
    ------
    RejectedInput
        ``several_runs`` or ``utf16_text``.
    """
    found: dict[str, list[str]] = {}
    for kind, name in find_run_files(files):
        refuse_wide(name, read_head(files, name, HEAD_BYTES))
        found.setdefault(kind, []).append(name)
    lists = found.pop("list", [])
    if len(lists) > 1:
        sentence = f"There are {len(lists)} lists of particles; a run has one, so give each run a folder of its own."
        raise RejectedInput(reason="several_runs", sentence=sentence)
    leader = (lists or found.get("context") or next(iter(found.values())))[0]
    folder, base = _split(leader)
    group = base.rpartition(".")[0] or base
    kinds = {"list": lists[0]} if lists else {}
    notes: list[str] = []
    for kind, names in found.items():
        beside = [name for name in names if _split(name)[0] == folder]
        stems = {_fold(group), _fold(f"{group}_summary"), _fold(f"{group}_run_summary")}
        own = [name for name in beside if _to_stem(name) in stems] or beside
        if len(own) == 1:
            kinds[kind] = own[0]
        elif own:
            notes.append(f"several_{kind}")
    taken = set(kinds.values())
    pictures = {_fold(_split(name)[1]): name for name in files.sizes if _split(name)[0] == folder and name not in taken}
    return Inventory(kinds, pictures, group, tuple(sorted(notes)))
