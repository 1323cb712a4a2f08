"""A run's files as they are handed to the process that reads them: their names in the run, and where each lies here."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from schemas.errors import RejectedInput
from streams.feeds.runs.archive import ZipFiles
from streams.feeds.runs.files import lend_files, translate_system_errors
from streams.feeds.runs.limits import DEFAULT, RunLimits
from streams.feeds.runs.registry import is_zip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from schemas.unit import Part
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


class Lender(Protocol):
    """Lends stored objects as files."""

    def lend(self, reference: str) -> AbstractContextManager[Path]:
        """Lend an object as a local file for the time of the block."""
        ...


@contextmanager
def lend_run(parts: Sequence[Part], originals: Lender) -> Iterator[Path]:
    """Lend the parts of a run, as a listing of them, for the time of the block.

    Raises
    ------
    RejectedInput
        ``original_changed`` if a stored original is not the one that arrived, ``repeated_name`` if two parts have one name.
    TransientFault
        If the store is away, or there is no room for copies.
    """
    if len({part.name for part in parts}) < len(parts):
        raise RejectedInput(reason="repeated_name", sentence="Two files of the run have the same name.")
    with ExitStack() as stack:
        with translate_system_errors():
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="observatory-run-")))
        files = {part.name: stack.enter_context(originals.lend(part.at)) for part in parts}
        with translate_system_errors():
            changed = [part for part in parts if files[part.name].stat().st_size != part.size_bytes]
        if changed:
            sentence = "A stored original is not as long as the one that arrived."
            raise RejectedInput(reason="original_changed", sentence=sentence)
        listing = folder / "files.json"
        write_listing(listing, files, is_archive=len(files) == 1 and is_zip(next(iter(files.values()))))
        yield listing
