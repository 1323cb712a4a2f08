"""The run readers there are, and which of them a listing is for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.feeds.runs.archive import ZIP_HEADS, ZipFiles
from streams.feeds.runs.ecotaxa.reader import EcotaxaReader
from streams.feeds.runs.files import lend_files, list_folder, translate_system_errors
from streams.feeds.runs.limits import DEFAULT, RunLimits
from streams.feeds.runs.picture_folder import PictureFolderReader
from streams.feeds.runs.pixels import NoNotes
from streams.feeds.runs.visualspreadsheet.reader import VisualSpreadsheetReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.feeds.decoding.stills import Notes
    from streams.feeds.runs.base import Files, RunReader


def make_readers(limits: RunLimits = DEFAULT, notes: Notes | None = None) -> tuple[RunReader, ...]:
    """Return the readers in the order they are asked: what knows more of a run comes first.

    A folder with a list of particles is a FlowCam's even if somebody put an EcoTaxa table beside it, and either is more than
    the pictures it holds.
    """
    notes = notes or NoNotes()
    return (
        VisualSpreadsheetReader(limits, notes),
        EcotaxaReader(limits, notes),
        PictureFolderReader(limits, notes),
    )


def find_reader(files: Files, readers: tuple[RunReader, ...]) -> RunReader:
    """Return the reader that knows what the files are.

    Raises
    ------
    RejectedInput
        ``not_a_run``.
    TransientFault
        If a file cannot be read for now.
    """
    for reader in readers:
        if reader.recognise(files):
            return reader
    sentence = "The files are no run: there is no list of particles, no table of objects and no picture among them."
    raise RejectedInput(reason="not_a_run", sentence=sentence)


def is_zip(path: Path) -> bool:
    """Return whether a file is a zip, by its first bytes.

    Raises
    ------
    TransientFault
        If it cannot be read for now.
    """
    with translate_system_errors(), path.open("rb") as file:
        return file.read(len(ZIP_HEADS[0])) in ZIP_HEADS


@contextmanager
def open_files(path: Path, limits: RunLimits = DEFAULT) -> Iterator[Files]:
    """Yield the files of a folder, the members of a zip, or the one file.

    Raises
    ------
    RejectedInput
        As :func:`~streams.feeds.runs.files.list_folder` and :class:`~streams.feeds.runs.archive.ZipFiles`.
    TransientFault
        If something cannot be read for now.
    """
    if path.is_dir():
        yield list_folder(path, limits)
    elif is_zip(path):
        with ZipFiles(path, limits) as files:
            yield files
    else:
        yield lend_files({path.name: path})
