"""The zip of an archive: the same files give the same bytes, and it appears under its name only when it is whole."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

from schemas.canonical import to_digest

if TYPE_CHECKING:
    from pathlib import Path

#: The earliest time a zip can hold; the time of packing is no part of an archive.
_NO_TIME = (1980, 1, 1, 0, 0, 0)

#: Unix, regular file, readable by all: the same on every system that packs.
_UNIX, _MODE = 3, 0o100644 << 16

_CHUNK_BYTES = 1 << 20


def pack_folder(folder: Path, to: Path) -> tuple[str, str]:
    """Zip the files of a folder, sorted by name, and put the zip in place in one step.

    Parameters
    ----------
    folder
        Holds files only.
    to
        The zip; an older one is replaced. Its folder is made if it is missing.

    Returns
    -------
    tuple of str
        sha256 of the zip, and the digest over the names and sha256 of its files. The second one does not depend on the
        compression library, so archives from different machines can be compared by it.

    Raises
    ------
    OSError
        If the zip cannot be written; no half zip is left.
    """
    files = sorted(folder.iterdir(), key=lambda path: path.name)
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(f".{to.name}.part")
    try:
        with part.open("wb") as out:
            with zipfile.ZipFile(out, "w") as packed:
                for path in files:
                    _pack_file(packed, path)
            out.flush()
            os.fsync(out.fileno())
        whole = _to_file_digest(part)
        part.replace(to)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return whole, to_digest({path.name: _to_file_digest(path) for path in files})


def _pack_file(packed: zipfile.ZipFile, path: Path) -> None:
    entry = zipfile.ZipInfo(path.name, _NO_TIME)
    entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, _UNIX, _MODE
    entry.file_size = path.stat().st_size
    with path.open("rb") as data, packed.open(entry, "w") as sink:
        shutil.copyfileobj(data, sink, _CHUNK_BYTES)


def _to_file_digest(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
