"""Pictures to learn from, a folder a class; and which run each comes from, by its file's name or by a table."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from detectors import pixels
from schemas.canonical import to_sha256
from schemas.errors import FatalFault, RejectedInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from detectors.flowcam.preprocessing import Preprocessing

#: How a file's name (without its ending) tells its run, unless told otherwise; the first that fits the whole name counts:
#: VisualSpreadsheet's export, ``<run>_<UUID of the particle>``; IFCB, PlanktoScope and others, ``<run>_<number>``.
RUN_RULES = (
    r"(?P<run>.+)_[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    r"(?P<run>.+?)_(?:roi_?)?[0-9]{1,8}",
)

_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif"})
_FILE_COLUMN, _RUN_COLUMN = "file", "run"
_FEWEST_CLASSES = 2


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture of one class.

    Attributes
    ----------
    path
        Where it is.
    label
        The folder it is in.
    run
        The run it comes from.
    """

    path: Path
    label: str
    run: str


@dataclass(frozen=True)
class LabelledPictures:
    """A set of pictures, in the order of class and file name.

    Attributes
    ----------
    labels
        Class names, in alphabetical order: the order of the network's outputs.
    left_out
        Files in the folders that are no pictures by their ending.
    """

    root: Path
    labels: tuple[str, ...]
    pictures: tuple[LabelledPicture, ...]
    left_out: int = 0

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs, in alphabetical order."""
        return tuple(sorted({picture.run for picture in self.pictures}))


@dataclass(frozen=True, slots=True)
class PictureFiles(Sequence[NDArray[np.uint8]]):
    """Pixels of pictures, uint8 (height_px, width_px, 3) RGB, read when they are asked for: a set may be larger than memory.

    Raises
    ------
    FatalFault
        When a picture is asked for that cannot be read.
    """

    pictures: tuple[LabelledPicture, ...]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.pictures)

    @overload
    def __getitem__(self, place: int) -> NDArray[np.uint8]: ...

    @overload
    def __getitem__(self, place: slice) -> list[NDArray[np.uint8]]: ...

    def __getitem__(self, place: int | slice) -> NDArray[np.uint8] | list[NDArray[np.uint8]]:
        """Return one, or a list of several."""
        if isinstance(place, slice):
            return [_read(picture) for picture in self.pictures[place]]
        return _read(self.pictures[place])


@dataclass(frozen=True, slots=True)
class PreparedFiles:
    """Pictures as inputs of a network, read when they are asked for."""

    files: PictureFiles
    preprocessing: Preprocessing

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.files)

    def __getitem__(self, places: slice) -> NDArray[np.uint8]:
        """Return some of them, uint8 (n, height, width, channels)."""
        return self.preprocessing.prepare(self.files[places])


def find_pictures(root: Path, *, rule: str | None = None, table: Path | None = None) -> LabelledPictures:
    """Return the pictures in ``root``, one folder a class; nothing is decoded yet.

    Parameters
    ----------
    rule
        Regular expression with a group ``run`` that fits a file's whole name without its ending; else :data:`RUN_RULES`.
    table
        CSV with the columns ``file`` (name, or path from ``root``) and ``run``; goes before any rule.

    Raises
    ------
    FatalFault
        If there are fewer than two classes, or a picture's run cannot be told.
    """
    if not root.is_dir():
        message = f"There is no folder {root.name} with a folder for each class."
        raise FatalFault(message)
    files = sorted(path for folder in root.iterdir() if folder.is_dir() for path in folder.iterdir() if path.is_file())
    taken = [path for path in files if path.suffix.lower() in _ENDINGS and not path.name.startswith(".")]
    labels = tuple(sorted({path.parent.name for path in taken}))
    if len(labels) < _FEWEST_CLASSES:
        message = f"A classifier tells two classes or more apart; {root.name} holds pictures of {len(labels)} (a folder each)."
        raise FatalFault(message)
    known = {} if table is None else read_run_table(table)
    rules = [_compile(rule)] if rule is not None else [re.compile(text) for text in RUN_RULES]
    runs = [_find_run(path, root, known, rules) for path in taken]
    lost = [path.name for path, run in zip(taken, runs, strict=True) if run is None]
    if lost:
        message = (
            f"The run of {len(lost)} of {len(taken)} pictures cannot be told from their names ({lost[0][:80]}, ...). Give a rule "
            f"(a regular expression with a group 'run') or a table of files and runs: without runs nothing can be held out."
        )
        raise FatalFault(message)
    pictures = tuple(LabelledPicture(path, path.parent.name, run or "") for path, run in zip(taken, runs, strict=True))
    return LabelledPictures(root, labels, pictures, left_out=len(files) - len(taken))


def read_run_table(table: Path) -> dict[str, str]:
    """Return the runs of a table by file.

    Raises
    ------
    FatalFault
        If it cannot be read, lacks a column, or gives one file two runs.
    """
    try:
        rows = list(csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"The table of runs {table.name} cannot be read."
        raise FatalFault(message) from error
    runs: dict[str, str] = {}
    for row in rows:
        file, run = (row.get(_FILE_COLUMN) or "").strip(), (row.get(_RUN_COLUMN) or "").strip()
        if not file or not run or runs.setdefault(file, run) != run:
            message = f"The table of runs {table.name} needs a file and one run in every row; wrong at {file or 'a row without'}."
            raise FatalFault(message)
    return runs


def choose_distinct(
    pictures: Sequence[LabelledPicture], *, progress: Callable[[int, int], None] = lambda _, __: None
) -> tuple[LabelledPicture, ...]:
    """Return one picture of each content, all of which can be read.

    Of equal contents in one class the first stays; equal contents in several classes contradict each other, and none stays.

    Raises
    ------
    FatalFault
        If a picture cannot be read: a set with holes would be measured as if it had none.
    """
    contents = [_digest(picture) for picture in pictures]
    labels_of: dict[str, set[str]] = {}
    for picture, content in zip(pictures, contents, strict=True):
        labels_of.setdefault(content, set()).add(picture.label)
    seen: set[str] = set()
    kept = []
    for done, (picture, content) in enumerate(zip(pictures, contents, strict=True), start=1):
        if content not in seen and len(labels_of[content]) == 1:
            seen.add(content)
            _read(picture)
            kept.append(picture)
        progress(done, len(pictures))
    return tuple(kept)


def count_pictures(pictures: Sequence[LabelledPicture], labels: Sequence[str]) -> Mapping[str, int]:
    """Return how many pictures each class has, zeros included."""
    counted = Counter(picture.label for picture in pictures)
    return {label: counted[label] for label in labels}


def _digest(picture: LabelledPicture) -> str:
    with _naming(picture):
        return to_sha256(picture.path.read_bytes())


def _read(picture: LabelledPicture) -> NDArray[np.uint8]:
    with _naming(picture):
        return pixels.read_picture(picture.path)


@contextmanager
def _naming(picture: LabelledPicture) -> Iterator[None]:
    """Say which picture cannot be read."""
    try:
        yield
    except (OSError, RejectedInput) as error:
        message = f"The picture {picture.label}/{picture.path.name} cannot be read; take it out or replace it."
        raise FatalFault(message) from error


def _find_run(path: Path, root: Path, known: Mapping[str, str], rules: Sequence[re.Pattern[str]]) -> str | None:
    told = known.get(path.relative_to(root).as_posix()) or known.get(path.name)
    if told is not None:
        return told
    for rule in rules:
        fits = rule.fullmatch(path.stem)
        if fits:
            return fits["run"]
    return None


def _compile(rule: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(rule)
    except re.error as error:
        message = f"The rule for runs is no regular expression: {error}."
        raise FatalFault(message) from error
    if "run" not in compiled.groupindex:
        message = "The rule for runs needs a group named run: (?P<run>...)."
        raise FatalFault(message)
    return compiled
