"""The seal: the digest under which a folder's files stand for good, and the list of their blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationError

from schemas.errors import FatalFault
from schemas.noun import Noun, Sha, Time
from streams.usage.closing.merkle import Hashed, hash_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: A folder with this file is sealed; it is written last.
SEAL_FILE = "SEAL.json"

#: The digest of each block of each file, one a line.
BLOCKS_FILE = "blocks.txt"

_WITHOUT_BLOCKS = "-"


class Seal(Noun):
    """What is said of a sealed folder.

    Attributes
    ----------
    period
        Its name, such as ``M25-36``.
    restatement
        0 for the first closing; a later one was made because something came late.
    closed_at
        When it was closed; nothing in the files depends on it.
    root
        The Merkle root over the 64 KiB blocks of every file but these two.
    code_sha256
        Digest of the program's own files that made them.
    previous
        The seal of the restatement before; absent of the first.
    seal
        Digest of all the others: what the report names, and what is handed in.
    """

    format: Literal["observatory-seal/1"] = "observatory-seal/1"
    period: Annotated[str, Field(min_length=1, max_length=60)]
    restatement: Annotated[int, Field(ge=0)]
    closed_at: Time
    root: Sha
    code_version: str
    code_sha256: Sha
    previous: Sha | None = None
    seal: Sha | None = None

    def sealed(self) -> Seal:
        """Return it with its digest."""
        bare = self.model_copy(update={"seal": None})
        return self.model_copy(update={"seal": bare.to_digest()})

    @property
    def is_whole(self) -> bool:
        """Whether the digest is that of what it says."""
        return self.seal == self.sealed().seal

    @property
    def name(self) -> str:
        """The digest, or nothing where there is none."""
        return self.seal or ""


def read_seal(folder: Path) -> Seal:
    """Return the seal of a folder, whole or not.

    Raises
    ------
    FatalFault
        If there is none, or it cannot be read at all.
    """
    try:
        return Seal.model_validate_json((folder / SEAL_FILE).read_bytes())
    except FileNotFoundError as error:
        message = f"{folder.name} is no sealed period: it has no {SEAL_FILE}."
        raise FatalFault(message) from error
    except (OSError, ValidationError) as error:
        message = f"{SEAL_FILE} of {folder.name} cannot be read as a seal: block 0 of it is not what was sealed."
        raise FatalFault(message) from error


def list_files(folder: Path) -> list[str]:
    """Return the paths of all that is in a folder, but for folders, the seal and the list of blocks, sorted."""
    found = (
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    )
    return sorted(path for path in found if path not in {SEAL_FILE, BLOCKS_FILE})


def hash_folder(folder: Path) -> list[Hashed]:
    """Return all files of a folder with their blocks.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    return [hash_file(folder, path) for path in list_files(folder)]


def to_blocks_text(files: Iterable[Hashed]) -> str:
    """Return the list of blocks: a line for each, with digest, number, size of the file and path."""
    lines = []
    for file in sorted(files, key=lambda file: file.path):
        blocks = [(block, str(number)) for number, block in enumerate(file.blocks)]
        for block, number in blocks or [(_WITHOUT_BLOCKS, _WITHOUT_BLOCKS)]:
            lines.append(f"{block} {number} {file.size_bytes} {file.path}\n")
    return "".join(lines)


def read_blocks(text: str) -> dict[str, Hashed]:
    """Return the files that a list of blocks names; lines that are none are passed over."""
    sizes: dict[str, int] = {}
    blocks: dict[str, list[str]] = {}
    for line in text.split("\n"):
        parts = line.split(" ", 3)
        if len(parts) < 4 or not parts[2].isdecimal():  # noqa: PLR2004 - digest, number, size, path
            continue
        digest, _, size, path = parts
        sizes[path] = int(size)
        found = blocks.setdefault(path, [])
        if digest != _WITHOUT_BLOCKS:
            found.append(digest)
    return {path: Hashed(path, sizes[path], tuple(found)) for path, found in blocks.items()}
