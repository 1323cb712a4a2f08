"""Verifying: a sealed folder held against its seal and made again from what is frozen in it, without any network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import ObservatoryError
from streams.usage.closing.inputs import read_code, read_inputs
from streams.usage.closing.merkle import BLOCK_BYTES, Hashed, hash_file, to_folder_root
from streams.usage.closing.rendering import render_texts
from streams.usage.closing.seal import (
    BLOCKS_FILE,
    SEAL_FILE,
    Seal,
    list_files,
    read_blocks,
    read_seal,
    to_blocks_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it was sealed.

    Attributes
    ----------
    path
        The file, below the sealed folder.
    what
        What is wrong with it, in a sentence.
    block
        The first 64 KiB block that differs, from 0; absent where the file is missing or too many.
    byte
        The first byte that differs, from 0; known of what can be made again.
    """

    path: str
    what: str
    block: int | None = None
    byte: int | None = None

    def to_line(self) -> str:
        """Return it as one line."""
        place = "" if self.block is None else f", block {self.block}"
        place += "" if self.byte is None else f", byte {self.byte}"
        return f"{self.path}{place}: {self.what}"

    def to_plain(self) -> dict[str, str | int]:
        """Return it as a JSON object; what is absent is left out."""
        plain = {"path": self.path, "what": self.what, "block": self.block, "byte": self.byte}
        return {name: value for name, value in plain.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying a folder found.

    Attributes
    ----------
    differences
        None where the folder is what was sealed.
    is_remade
        Whether the report was made again; it is not where something it follows from differs.
    is_own_code
        Whether that was done by the very program that closed the period.
    """

    seal: Seal
    differences: tuple[Difference, ...]
    is_remade: bool
    is_own_code: bool


def verify_folder(folder: Path, expected: str | None = None) -> Verdict:
    """Hold a sealed folder against its seal, and make its report again.

    Parameters
    ----------
    expected
        The seal as it was handed in: without it, nobody can tell a folder that was sealed anew from the one that was.

    Raises
    ------
    FatalFault
        If the folder has no seal that can be read.
    """
    seal = read_seal(folder)
    differences = [*_check_seal(folder, seal, expected)]
    actual, strange = _hash_all(folder)
    sealed, wrong_list = _read_sealed(folder, seal, actual)
    differences += wrong_list
    damaged = [
        *strange,
        *(found for found in _compare(sealed, actual) if found.path not in {one.path for one in strange}),
    ]
    own = read_code()[1] == seal.code_sha256
    texts = _remake(folder, sealed, {difference.path for difference in damaged})
    if texts is not None:
        damaged = [_find_byte(folder, difference, texts) for difference in damaged]
        damaged += _compare_texts(folder, texts, {difference.path for difference in damaged}, own=own)
    found = (*differences, *sorted(damaged, key=lambda difference: difference.path))
    return Verdict(seal, found, texts is not None, own)


def _hash_all(folder: Path) -> tuple[dict[str, Hashed], list[Difference]]:
    """Return the files of a folder, and what is none: a link may lead to other bytes tomorrow, a pipe has none."""
    found: dict[str, Hashed] = {}
    strange: list[Difference] = []
    for path in list_files(folder):
        place = folder / path
        if place.is_symlink() or not place.is_file():
            strange.append(Difference(path, "this is no file but a link or the like, which is never sealed"))
            continue
        try:
            found[path] = hash_file(folder, path)
        except OSError as error:
            strange.append(Difference(path, f"the file cannot be read ({error.strerror})"))
    return found, strange


def _check_seal(folder: Path, seal: Seal, expected: str | None) -> Iterator[Difference]:
    written = (folder / SEAL_FILE).read_bytes()
    if not seal.is_whole:
        yield Difference(SEAL_FILE, "the seal is not the digest of what stands beside it", 0)
    elif (whole := seal.to_canonical() + b"\n") != written:
        byte = _find_first(whole, written)
        yield Difference(SEAL_FILE, "the seal is not written as it was", byte // BLOCK_BYTES, byte)
    if expected is not None and expected.strip().lower() != seal.seal:
        yield Difference(SEAL_FILE, "this is not the seal that was handed in: the folder was sealed anew", 0)


def _read_sealed(
    folder: Path, seal: Seal, actual: dict[str, Hashed]
) -> tuple[dict[str, Hashed], tuple[Difference, ...]]:
    """Return the blocks as they were sealed, and what is wrong with their list."""
    try:
        written = (folder / BLOCKS_FILE).read_bytes()
    except OSError:
        return actual, (Difference(BLOCKS_FILE, "the list of blocks is missing, so no block can be named"),)
    whole = to_blocks_text(actual.values()).encode()
    if whole == written and to_folder_root(actual.values()) == seal.root:
        return actual, ()
    if to_folder_root(actual.values()) == seal.root:
        # every file is what was sealed: then it is the list that is not, and it can be made again
        byte = _find_first(whole, written)
        return actual, (Difference(BLOCKS_FILE, "the list of blocks is another one", byte // BLOCK_BYTES, byte),)
    listed = read_blocks(written.decode("utf-8", "replace"))
    if to_folder_root(listed.values()) == seal.root:
        return listed, ()
    if whole == written and not seal.is_whole:  # the seal is broken, and perhaps nothing else
        return actual, ()
    return listed, (Difference(BLOCKS_FILE, "the list of blocks does not lead to the root of the seal"),)


def _compare(sealed: dict[str, Hashed], actual: dict[str, Hashed]) -> Iterator[Difference]:
    for path in sorted({*sealed, *actual}):
        if path not in actual:
            yield Difference(path, "the file is missing")
        elif path not in sealed:
            yield Difference(path, "the file was not there when the folder was sealed")
        elif sealed[path] != actual[path]:
            old, new = sealed[path].blocks, actual[path].blocks
            block = next((at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), None)
            block = min(len(old), len(new)) if block is None else block
            sizes = f" ({actual[path].size_bytes} bytes instead of {sealed[path].size_bytes})"
            what = "the file is not what was sealed"
            yield Difference(path, what + (sizes if actual[path].size_bytes != sealed[path].size_bytes else ""), block)


def _remake(folder: Path, sealed: dict[str, Hashed], damaged: set[str]) -> dict[str, bytes] | None:
    """Return the report as the frozen inputs give it; ``None`` where these are damaged."""
    if any(not path.startswith("report/") and path != "changes.md" for path in damaged):
        return None
    try:
        texts = render_texts(folder, read_inputs(folder))
    except ObservatoryError:
        return None
    return {path: data for path, data in texts.items() if path in sealed}


def _find_byte(folder: Path, difference: Difference, texts: dict[str, bytes]) -> Difference:
    path = difference.path
    if path not in texts or not (folder / path).is_file():
        return difference
    byte = _find_first(texts[path], (folder / path).read_bytes())
    return Difference(path, difference.what, byte // BLOCK_BYTES, byte)


def _compare_texts(folder: Path, texts: dict[str, bytes], known: set[str], *, own: bool) -> Iterator[Difference]:
    """Yield files that are as they were sealed, and yet not what follows from the frozen facts."""
    for path, data in sorted(texts.items()):
        if path in known:
            continue
        written = (folder / path).read_bytes()
        if written != data:
            byte = _find_first(data, written)
            by = "" if own else " by this version of the program, which is not the one that closed the period"
            what = f"the file is as it was sealed, but the frozen facts give another one{by}"
            yield Difference(path, what, byte // BLOCK_BYTES, byte)


def _find_first(one: bytes, other: bytes) -> int:
    """Return the first place at which two texts differ: that of the end of the shorter, if it begins the longer."""
    for start in range(0, max(len(one), len(other)), BLOCK_BYTES):
        first, second = one[start : start + BLOCK_BYTES], other[start : start + BLOCK_BYTES]
        if first != second:
            pairs = zip(first, second, strict=False)
            unequal = (place for place, (left, right) in enumerate(pairs) if left != right)
            return start + next(unequal, min(len(first), len(second)))
    return len(one)
