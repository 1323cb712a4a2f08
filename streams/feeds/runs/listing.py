"""A run's files as they are handed to the process that reads them: their names in the run, and where each lies here."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from streams.feeds.runs.archive import ZipFiles
from streams.feeds.runs.files import lend_files, translate_system_errors
from streams.feeds.runs.limits import DEFAULT, RunLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.feeds.runs.base import Files


def write_listing(path: Path, files: Mapping[str, Path], *, is_archive: bool) -> None:
    """Write names and places of a run's files into a file of ours.

    Parameters
    ----------
    is_archive
        The one file is a zip of them all.

    Raises
    ------
    TransientFault
        If it cannot be written.
    """
    plain = {"is_archive": is_archive, "files": {name: str(place.absolute()) for name, place in files.items()}}
    with translate_system_errors():
        path.write_text(json.dumps(plain), encoding="utf-8")


@contextmanager
def open_listing(path: Path, limits: RunLimits = DEFAULT) -> Iterator[Files]:
    """Yield the files that a listing names.

    Raises
    ------
    RejectedInput
        As :func:`~streams.feeds.runs.files.lend_files` and :class:`~streams.feeds.runs.archive.ZipFiles`.
    TransientFault
        If something cannot be read for now.
    """
    with translate_system_errors():
        plain = json.loads(path.read_text(encoding="utf-8"))
    places = {name: Path(place) for name, place in plain["files"].items()}
    if plain["is_archive"]:
        (place,) = places.values()
        with ZipFiles(place, limits) as files:
            yield files
    else:
        yield lend_files(places)
