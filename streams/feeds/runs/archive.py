"""A zip of a run, read in place: what it declares is checked before a byte is unpacked, and what comes out is counted."""

from __future__ import annotations

import errno
import io
import stat
import struct
import unicodedata
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from schemas.errors import RejectedInput
from streams.feeds.runs.files import (
    check_count,
    check_depth,
    check_name,
    is_hidden,
    refuse_repeated,
    sort_names,
    translate_system_errors,
)
from streams.feeds.runs.limits import DEFAULT, RunLimits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from _typeshed import WriteableBuffer

#: What a zip starts with; an empty one has only its end.
ZIP_HEADS = (b"PK\x03\x04", b"PK\x05\x06")

#: Bit 0 of a member's flags.
_ENCRYPTED = 0x1

#: Unix mode of a member, in the upper half of its attributes.
_MODE_SHIFT = 16

#: The two that every program writes; others can make gigabytes of one packed block.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

#: What Python's reader raises of damaged zips.
_DAMAGES = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OverflowError, ValueError, RuntimeError,
)  # fmt: skip

_DAMAGED = "The zip is damaged or cut short; pack and send it again."

_BUFFER_BYTES = 1 << 16


@contextmanager
def translate_archive_errors() -> Iterator[None]:
    """Turn what reading a damaged zip raises into ours.

    Raises
    ------
    RejectedInput
        ``unreadable_archive``.
    """
    try:
        yield
    except _DAMAGES as error:
        raise RejectedInput(reason="unreadable_archive", sentence=_DAMAGED) from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # a damaged directory sends the reader to a place before the file's first byte
        raise RejectedInput(reason="unreadable_archive", sentence=_DAMAGED) from error


class ZipFiles:
    """Members of a zip; use it as a context manager.

    Parameters
    ----------
    path
        The zip.

    Raises
    ------
    RejectedInput
        ``unreadable_archive``, ``encrypted_archive``, ``unsupported_archive``, ``unsafe_path``, ``repeated_member``,
        ``too_deep``, ``too_many_files``, ``too_large`` or ``archive_bomb``.
    TransientFault
        If the file cannot be read for now.
    """

    is_archive = True

    def __init__(self, path: Path, limits: RunLimits = DEFAULT) -> None:
        with translate_system_errors(), translate_archive_errors():
            self._zip = zipfile.ZipFile(path)
        try:
            self._members = _check_members(self._zip.infolist(), limits)
        except BaseException:
            self._zip.close()
            raise
        self.sizes = sort_names({name: member.file_size for name, member in self._members.items()})

    def open(self, name: str) -> BinaryIO:
        """Open a member; not one byte more than the archive declares comes out of it.

        Raises
        ------
        RejectedInput
            ``unreadable_archive``, also while reading.
        """
        with translate_system_errors(), translate_archive_errors():
            member = _Member(cast("BinaryIO", self._zip.open(self._members[name])))
        return cast("BinaryIO", io.BufferedReader(member, _BUFFER_BYTES))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the archive."""
        self._zip.close()


class _Member(io.RawIOBase):
    """A member being read, whose damage is the input's."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer)
        with translate_system_errors(), translate_archive_errors():
            data = self._inner.read(len(target))
        target[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with translate_system_errors(), translate_archive_errors():
            return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def close(self) -> None:
        self._inner.close()
        super().close()


def _check_members(members: list[zipfile.ZipInfo], limits: RunLimits) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name; folders, hidden files and what an Apple computer adds are passed over."""
    kept: dict[str, zipfile.ZipInfo] = {}
    composed: set[str] = set()
    whole = 0
    for member in members:
        check_name(member.filename.removesuffix("/"))
        if member.is_dir() or is_hidden(member.filename):
            continue
        _check_member(member, limits)
        check_depth(member.filename.count("/"), limits)
        name = unicodedata.normalize("NFC", member.filename)
        refuse_repeated(name, composed, "zip")
        composed.add(name)
        kept[member.filename] = member
        check_count(len(kept), limits)
        whole += member.file_size
    if whole > limits.archive_bytes:
        sentence = f"The zip would unpack to {whole} bytes; at most {limits.archive_bytes} are opened."
        raise RejectedInput(reason="too_large", sentence=sentence)
    return kept


def _check_member(member: zipfile.ZipInfo, limits: RunLimits) -> None:
    name = _shorten(member.filename)
    if member.flag_bits & _ENCRYPTED:
        raise RejectedInput(reason="encrypted_archive", sentence="The zip is encrypted; send it without a password.")
    if member.compress_type not in _METHODS:
        raise RejectedInput(
            reason="unsupported_archive", sentence="The zip is packed in an unusual way; pack it again as a plain zip."
        )
    mode = member.external_attr >> _MODE_SHIFT
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise RejectedInput(
            reason="unsafe_path", sentence=f"The member {name!r} of the zip is a link or a device, not a file."
        )
    if member.file_size > limits.member_bytes:
        sentence = (
            f"The member {name!r} would unpack to {member.file_size} bytes; at most {limits.member_bytes} are read."
        )
        raise RejectedInput(reason="too_large", sentence=sentence)
    if member.file_size > limits.swelling_bytes and member.file_size > limits.swelling * max(member.compress_size, 1):
        sentence = f"The member {name!r} would unpack to more than {limits.swelling} times its size: an archive bomb."
        raise RejectedInput(reason="archive_bomb", sentence=sentence)


def _shorten(name: str) -> str:
    return name[-80:]
