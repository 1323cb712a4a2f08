"""The reader of folders and zips of cut-outs: one picture a particle, and nothing else known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from schemas.finding import UnreadImage
from schemas.geometry import Member, WholePart
from streams.feeds.decoding.sniff import HEAD_BYTES, sniff
from streams.feeds.runs.base import Opinion, Particle, RunPart, Survey
from streams.feeds.runs.facts import RunFacts
from streams.feeds.runs.files import PICTURE_SUFFIXES, read_head
from streams.feeds.runs.limits import DEFAULT, RunLimits
from streams.feeds.runs.pixels import NoNotes, PictureOpener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.decoding.stills import Notes
    from streams.feeds.runs.base import Files

#: Files named as pictures of which the first that is one proves a folder of pictures.
_PROOFS = 100

#: How a zip begins that holds anything.
_ZIP = b"PK\x03\x04"

#: Bytes of the digest by which a picture that was there before is known.
_DIGEST_BYTES = 8

#: Longest label kept.
_LABEL = 200


@dataclass(frozen=True, slots=True)
class PictureFolderReader:
    """Reads folders and zips of cut-outs.

    Parameters
    ----------
    notes
        Where warnings of the JPEG library are found.
    """

    limits: RunLimits = DEFAULT
    notes: Notes = field(default_factory=NoNotes)
    layout: str = "pictures"
    version: str = "pictures/1"

    def recognise(self, files: Files) -> bool:
        """Return whether there are pictures among the files."""
        named = [name for name in files.sizes if name.lower().endswith(PICTURE_SUFFIXES)]
        if any(_is_still(files, name) for name in named[:_PROOFS]):
            return True
        others = (name for name in files.sizes if not name.lower().endswith(PICTURE_SUFFIXES))
        return any(_is_still(files, name) for name in others)

    def survey(self, files: Files) -> Survey:
        """Return the pictures: of an archive, the archive.

        Only watching can tell whether a folder is complete, so it is never closed by what is in it.
        """
        if files.is_archive:
            return Survey(group="", parts=(RunPart("archive"),))
        parts = tuple(RunPart(f"roi.{index}", name) for index, name in enumerate(find_pictures(files)))
        return Survey(group="", parts=parts, is_closed=False)

    def open(self, files: Files) -> PictureRun:
        """Open a folder.

        Raises
        ------
        RejectedInput
            ``no_pictures``.
        TransientFault
            If a file cannot be read for now.
        """
        names = find_pictures(files)
        if not names:
            raise RejectedInput(reason="no_pictures", sentence="There is no picture among the files.")
        notes = ("zip_inside",) if any(_is_zip(files, name) for name in files.sizes) else ()
        return PictureRun(
            RunFacts(layout=self.layout, notes=notes), files, names, PictureOpener(self.limits.picture, self.notes)
        )


def find_pictures(files: Files) -> list[str]:
    """Return the pictures in the order of names: what is named as one, and what is one though its name does not say so.

    A particle's index is its place here; a file that is named as a picture and is none keeps its place.

    Raises
    ------
    RejectedInput, TransientFault
        As :meth:`streams.feeds.runs.base.Files.open`.
    """
    return [name for name in files.sizes if name.lower().endswith(PICTURE_SUFFIXES) or _is_still(files, name)]


def _is_still(files: Files, name: str) -> bool:
    try:
        return sniff(read_head(files, name, HEAD_BYTES)).kind == "still"
    except RejectedInput:
        return False


def _is_zip(files: Files, name: str) -> bool:
    if name.lower().endswith(PICTURE_SUFFIXES):
        return False
    try:
        return read_head(files, name, len(_ZIP)) == _ZIP
    except RejectedInput:
        return False


class PictureRun:
    """A folder of cut-outs.

    Pictures whose bytes were there before under another name are read and flagged ``repeated``; a digest of each is held.
    """

    def __init__(self, facts: RunFacts, files: Files, names: list[str], opener: PictureOpener) -> None:
        self.facts = facts
        self._files = files
        self._names = names
        self._opener = opener

    def particles(self) -> Iterator[Particle | UnreadImage]:
        """Yield every picture once, in the order of names.

        Raises
        ------
        TransientFault
            If a file cannot be read for now.
        """
        seen: set[int] = set()
        for index, name in enumerate(self._names):
            try:
                data = self._opener.read(self._files, name)
                pixels = self._opener.decode(data)
            except RejectedInput as fault:
                yield UnreadImage(index=index, reason=fault.reason)
                continue
            digest = int.from_bytes(hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest(), "big")
            flags = ("repeated",) if digest in seen else ()
            seen.add(digest)
            yield Particle(index=index, name=name, pixels=pixels, place=to_place(self._files, index, name), flags=flags)

    def opinions(self) -> Iterator[Opinion]:
        """Yield the folder that each picture was sorted into, where there are at least two folders side by side."""
        folders = [name.rpartition("/")[0] for name in self._names]
        kinds = set(folders)
        depths = {folder.count("/") for folder in kinds if folder}
        if len(kinds - {""}) < 2 or len(depths) != 1:  # noqa: PLR2004 - one folder sorts nothing
            return
        for index, folder in enumerate(folders):
            if folder:
                yield Opinion(index=index, label=folder.rpartition("/")[2][:_LABEL], source="folder")


def to_place(files: Files, index: int, name: str) -> WholePart | Member:
    """Return where a picture that is a file of its own lies."""
    return Member(part="archive", path=name) if files.is_archive else WholePart(part=f"roi.{index}")
