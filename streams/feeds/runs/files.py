"""The files of a run in a folder, by names that cannot lead anywhere else."""

from __future__ import annotations

import os
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO

from schemas.errors import RejectedInput, TransientFault
from streams.feeds.runs.limits import DEFAULT, RunLimits
from streams.feeds.runs.text import decode_text

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from streams.feeds.runs.base import Files

#: Endings of pictures' names: a hint which files to look into last, never what decides.
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp")

#: Characters of a name: results keep names of members, and no longer ones.
_NAME = 1_024

#: What Apple's Finder puts beside the files of a zip.
_FINDER = "__MACOSX"


@contextmanager
def translate_system_errors() -> Iterator[None]:
    """Turn the system's refusals into ours.

    Raises
    ------
    TransientFault
        A file that is locked, or on a share that went away, may be read later.
    """
    try:
        yield
    except OSError as error:
        raise TransientFault(
            sentence=f"A file of the run cannot be read: {error.strerror or 'it went away'}."
        ) from error


def sort_names(sizes: Mapping[str, int]) -> Mapping[str, int]:
    """Return the sizes in the order of names: by code point after composition, the same on every system."""
    ordered = sorted(sizes, key=lambda name: (unicodedata.normalize("NFC", name), name))
    return MappingProxyType({name: sizes[name] for name in ordered})


@dataclass(frozen=True)
class LocalFiles:
    """Files that lie somewhere on this machine, by the names they have in their run."""

    paths: Mapping[str, Path]
    sizes: Mapping[str, int]
    is_archive: bool = False

    def open(self, name: str) -> BinaryIO:
        """Open one for reading."""
        with translate_system_errors():
            return self.paths[name].open("rb")


def lend_files(paths: Mapping[str, Path]) -> LocalFiles:
    """Return files by the names given.

    Raises
    ------
    RejectedInput
        ``unsafe_path`` if a name is absolute or leads out of its folder.
    TransientFault
        If one cannot be found.
    """
    for name in paths:
        check_name(name)
    with translate_system_errors():
        sizes = sort_names({name: path.stat().st_size for name, path in paths.items()})
    return LocalFiles(MappingProxyType(dict(paths)), sizes)


def list_folder(folder: Path, limits: RunLimits = DEFAULT) -> LocalFiles:
    """Return the files of a folder and its sub-folders; hidden ones and links are passed over.

    A name that is no UTF-8 is read as Western Windows writes it, so that it can stand in a result.

    Raises
    ------
    RejectedInput
        ``too_many_files``, ``too_deep`` or ``repeated_member``.
    TransientFault
        If the folder cannot be listed.
    """
    paths: dict[str, Path] = {}
    sizes: dict[str, int] = {}
    waiting = [(folder, "", 0)]
    with translate_system_errors():
        while waiting:
            place, prefix, depth = waiting.pop()
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    name = prefix + decode_text(os.fsencode(entry.name))
                    if entry.is_dir(follow_symlinks=False):
                        check_depth(depth + 1, limits)
                        waiting.append((Path(entry.path), f"{name}/", depth + 1))
                    elif entry.is_file(follow_symlinks=False):
                        refuse_repeated(name, paths, "folder")
                        paths[name], sizes[name] = Path(entry.path), entry.stat().st_size
                        check_count(len(paths), limits)
    return LocalFiles(MappingProxyType(paths), sort_names(sizes))


def check_count(count: int, limits: RunLimits) -> None:
    """Refuse a number of files that no run has.

    Raises
    ------
    RejectedInput
        ``too_many_files``.
    """
    if count > limits.files:
        raise RejectedInput(
            reason="too_many_files", sentence=f"There are more than {limits.files} files; send them in several parts."
        )


def check_depth(depth: int, limits: RunLimits) -> None:
    """Refuse folders inside one another that no run has: what lies in them would be left out.

    Raises
    ------
    RejectedInput
        ``too_deep``.
    """
    if depth > limits.depth:
        sentence = f"Folders lie more than {limits.depth} deep in one another; send the folder that holds the run."
        raise RejectedInput(reason="too_deep", sentence=sentence)


def refuse_repeated(name: str, known: Container[str], where: str) -> None:
    """Refuse a name that was there before.

    Raises
    ------
    RejectedInput
        ``repeated_member``.
    """
    if name in known:
        sentence = f"The {where} holds {name[-80:]!r} twice; nobody can say which of the two is meant."
        raise RejectedInput(reason="repeated_member", sentence=sentence)


def is_hidden(name: str) -> bool:
    """Return whether a file or one of its folders is hidden, or put there by a computer for itself."""
    segments = name.split("/")
    return segments[0] == _FINDER or any(segment.startswith(".") for segment in segments)


def check_name(name: str) -> None:
    """Refuse a name that could mean a place outside its folder.

    Raises
    ------
    RejectedInput
        ``unsafe_path``.
    """
    segments = name.split("/")
    is_odd = not 0 < len(name) <= _NAME or "\\" in name or ":" in name or any(ord(letter) < ord(" ") for letter in name)
    if is_odd or ".." in segments or "" in segments or "." in segments:
        shown = "".join(letter if letter.isprintable() else "?" for letter in name)[:80]
        sentence = (
            f"The name {shown!r} is absolute, leads out of its folder, is endless, or cannot be a name on every system."
        )
        raise RejectedInput(reason="unsafe_path", sentence=sentence)


def read_head(files: Files, name: str, count: int) -> bytes:
    """Return the first bytes of a file.

    Raises
    ------
    RejectedInput, TransientFault
        As :meth:`streams.feeds.runs.base.Files.open`.
    """
    with files.open(name) as file, translate_system_errors():
        return file.read(count)


def read_whole(files: Files, name: str, most_bytes: int) -> bytes:
    """Return all bytes of a file.

    Raises
    ------
    RejectedInput
        ``too_large``, by the size that the listing says and by what is really there.
    TransientFault
        As :meth:`streams.feeds.runs.base.Files.open`.
    """
    size = files.sizes[name]
    data = b""
    if size <= most_bytes:
        with files.open(name) as file, translate_system_errors():
            data = file.read(size + 1)  # never more than that at once: a buffer of the whole length is taken for it
            if len(data) > size:
                data += file.read(most_bytes)  # it grew since it was listed
    if max(size, len(data)) > most_bytes:
        raise RejectedInput(reason="too_large", sentence=f"A file of the run has more than {most_bytes} bytes.")
    return data
