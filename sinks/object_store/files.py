"""Files that are whole or not there: temporary file in the same folder, flush to the device, rename, flush the folder."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from sinks.object_store.paths import TEMPORARY

#: Serialises put-if-absent on file systems without hard links; there, and only there, two processes may both win.
_NO_LINKS = Lock()


def write_replacing(target: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file in place of what was there; durable on return.

    Raises
    ------
    IsADirectoryError
        If the target is a folder.
    OSError
        As the file system says; then the target is as it was, unless the flush of the folder failed (it may then be
        either), and nothing else is left.
    """
    temporary = _write_temporary(target.parent, fill)
    try:
        temporary.replace(target)
    except BaseException:
        _remove(temporary)
        _refuse_folder(target)
        raise
    sync_folder(target.parent)


def write_new(target: Path, fill: Callable[[BinaryIO], object]) -> bool:
    """Write a file unless one is there; say whether it was written. Exactly one of many simultaneous writers wins.

    Raises
    ------
    OSError
        As :func:`write_replacing`.
    """
    temporary = _write_temporary(target.parent, fill)
    try:
        try:
            os.link(temporary, target)
        except FileExistsError:
            _refuse_folder(target)
            return False
        except OSError:  # FAT and some network drives have no hard links
            with _NO_LINKS:
                if target.exists():
                    return False
                temporary.replace(target)
    finally:
        _remove(temporary)
    sync_folder(target.parent)
    return True


def _write_temporary(folder: Path, fill: Callable[[BinaryIO], object]) -> Path:
    # A new file for each attempt: after a failed flush a kernel may drop the pages and call the next flush a success.
    temporary = folder / f"{TEMPORARY}{uuid.uuid4().hex}"
    stream = temporary.open("xb")
    try:
        with stream:
            fill(stream)
            stream.flush()
            sync_file(stream)
    except BaseException:
        _remove(temporary)
        raise
    return temporary


def _refuse_folder(target: Path) -> None:
    """Say plainly what each system says in its own way."""
    if target.is_dir():
        raise IsADirectoryError(str(target))


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def sync_file(stream: BinaryIO) -> None:
    """Return when the file's bytes are on the device."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - not on every platform

        with suppress(OSError):  # refused by some network drives, where the plain call has to do
            fcntl.fcntl(stream.fileno(), fcntl.F_FULLFSYNC)  # fsync alone leaves them in the drive's cache
            return
    os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Return when the folder's names are on the device; nothing to do on Windows, which has no such call."""
    if sys.platform == "win32":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def make_folders(folder: Path, top: Path) -> None:
    """Make ``folder`` and what is missing between it and ``top``, which exists; durable on return.

    Raises
    ------
    NotADirectoryError
        If a file is in the way.
    """
    missing = []
    here = folder
    while here != top and not here.is_dir():
        missing.append(here)
        here = here.parent
    for made in reversed(missing):
        try:
            made.mkdir()
        except FileExistsError:
            if not made.is_dir():
                raise NotADirectoryError(str(made)) from None
        sync_folder(made.parent)
