"""Merkle trees over blocks: one digest for many files, that tells which block of which file is another one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

BLOCK_BYTES = 65_536

#: RFC 6962, section 2.1: leaves and nodes are told apart, so that no node can be passed off as a leaf.
_LEAF, _NODE = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file as it is sealed.

    Attributes
    ----------
    path
        Below the sealed folder, with slashes.
    blocks
        The digest of each 64 KiB block, the last one perhaps shorter; none of an empty file.
    """

    path: str
    size_bytes: int
    blocks: tuple[str, ...]

    @property
    def leaf(self) -> str:
        """The digest of the path, the size and the root of the blocks: a file is a leaf of the folder's tree."""
        told = f"{self.path}\n{self.size_bytes}\n{to_root(self.blocks)}\n"
        return hashlib.sha256(_LEAF + told.encode()).hexdigest()


def hash_file(folder: Path, path: str) -> Hashed:
    """Return the blocks of a file of a folder, one in memory at a time.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    blocks, size = [], 0
    with (folder / path).open("rb") as file:
        while data := file.read(BLOCK_BYTES):
            blocks.append(_hash_block(data))
            size += len(data)
    return Hashed(path, size, tuple(blocks))


def _hash_block(data: bytes) -> str:
    return hashlib.sha256(_LEAF + data).hexdigest()


def to_root(leaves: Sequence[str]) -> str:
    """Return the root of some leaves, 64 hex digits each; a leaf without a neighbour moves up as it is.

    Source: RFC 6962, section 2.1; the root of nothing is the digest of nothing.
    """
    level = [bytes.fromhex(leaf) for leaf in leaves]
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 1:
        pairs = [hashlib.sha256(_NODE + b"".join(level[at : at + 2])).digest() for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0].hex()


def to_folder_root(files: Iterable[Hashed]) -> str:
    """Return the root of a folder: that of its files, in the order of their paths."""
    return to_root([file.leaf for file in sorted(files, key=lambda file: file.path)])
