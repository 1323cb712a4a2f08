"""Files that are whole or not there: temporary file in the same folder, flush to the device, rename, flush the folder.

Paths are text and files are descriptors: each object passes through here, and every call to the system that is saved is
also one less for which a thread has to give way to another.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from typing import BinaryIO

from sinks.object_store.paths import TEMPORARY

#: Serialises put-if-absent on file systems without hard links; there, and only there, two processes may both win.
_NO_LINKS = Lock()

#: Names of this process's temporary files: nobody else's, on whatever machine, are the same.
_PROCESS = uuid.uuid4().hex
_NUMBERS = itertools.count()

#: Folders whose names may not be on the device yet. Whoever writes below one flushes its name too: its maker may be late.
_FRESH: set[str] = set()

_COPY_BYTES = 1 << 20

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_OLD = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)

#: Writes what a file shall hold to its descriptor.
Fill = Callable[[int], object]


def read_whole(path: str) -> bytes:
    """Return a file's bytes.

    Raises
    ------
    IsADirectoryError
        If it is a folder.
    OSError
        As the file system says.
    """
    opened = os.open(path, _OLD)
    try:
        room = os.fstat(opened).st_size
        data = os.read(opened, room + 1)
        if len(data) <= room:  # the rule: all of it at once, and nothing behind
            return data if len(data) == room else data + _read_rest(opened)
        return data + _read_rest(opened)
    finally:
        os.close(opened)


def _read_rest(opened: int) -> bytes:
    blocks = []
    while block := os.read(opened, _COPY_BYTES):
        blocks.append(block)
    return b"".join(blocks)


def fill_with(data: bytes) -> Fill:
    """Return what writes these bytes."""

    def fill(opened: int) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(opened, left) :]

    return fill


def fill_from(source: BinaryIO) -> Fill:
    """Return what copies a file, from its beginning, in bounded memory."""

    def fill(opened: int) -> None:
        source.seek(0)  # the folder may have vanished and the copy be tried again
        with open(opened, "wb", closefd=False) as target:
            shutil.copyfileobj(source, target, _COPY_BYTES)

    return fill


def write_replacing(target: str, fill: Fill) -> None:
    """Write a file in place of what was there; durable on return.

    Raises
    ------
    IsADirectoryError
        If the target is a folder.
    OSError
        As the file system says; then the target is as it was, unless the flush of the folder failed (it may then be
        either), and nothing else is left.
    """
    folder = os.path.dirname(target)
    temporary = _write_temporary(folder, fill)
    try:
        os.replace(temporary, target)
    except BaseException:
        _remove(temporary)
        _refuse_folder(target)
        raise
    _sync_names([folder])


def write_new(target: str, fill: Fill) -> bool:
    """Write a file unless one is there; say whether it was written. Exactly one of many simultaneous writers wins.

    Raises
    ------
    OSError
        As :func:`write_replacing`.
    """
    folder = os.path.dirname(target)
    temporary = _write_temporary(folder, fill)
    try:
        if not _name_new(temporary, target):
            return False
    finally:
        _remove(temporary)
    _sync_names([folder])
    return True


def _name_new(temporary: str, target: str) -> bool:
    """Give a flushed file its name unless that is taken; say whether it has it. The temporary name may stay beside it."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        _refuse_folder(target)
        return False
    except OSError:  # FAT and some network drives have no hard links
        with _NO_LINKS:
            if os.path.exists(target):
                return False
            os.replace(temporary, target)
    return True


def write_all_replacing(files: Sequence[tuple[str, bytes]], top: str) -> None:
    """Write files in place of what was there, in their order, with the folders they need; all durable on return.

    Parameters
    ----------
    top
        The folder above all of them, which exists.

    Raises
    ------
    OSError
        As the file system says; then any of them may be written and any not, and nothing else is left.
    """
    with _written(files, top) as temporaries:
        for temporary, target in temporaries:
            os.replace(temporary, target)


def write_all_new(files: Sequence[tuple[str, bytes]], top: str, written: set[str]) -> None:
    """Write files of different names with the folders they need, unless one is there; those written are durable on return.

    Parameters
    ----------
    written
        Takes the targets that were written, also those before a fault.

    Raises
    ------
    OSError
        As :func:`write_all_replacing`.
    """
    with _written(files, top) as temporaries:
        for temporary, target in temporaries:
            if _name_new(temporary, target):
                written.add(target)
        for temporary, _ in temporaries:
            _remove(temporary)


@contextmanager
def _written(files: Sequence[tuple[str, bytes]], top: str) -> Iterator[list[tuple[str, str]]]:
    """Yield temporary files, each with the name it shall get, flushed; flush the folders when that is done."""
    folders: dict[str, None] = {}
    temporaries: list[tuple[str, str]] = []
    try:
        with ExitStack() as closing:
            opened = []
            for target, data in files:
                folder = os.path.dirname(target)
                if folder not in folders:
                    _make_missing(folder, top)
                    folders[folder] = None
                temporaries.append((_name_temporary(folder), target))
                opened.append(os.open(temporaries[-1][0], _NEW, 0o666))
                closing.callback(os.close, opened[-1])
                fill_with(data)(opened[-1])
            for file in opened:
                sync_file(file)
        yield temporaries
    except BaseException:
        for temporary, _ in temporaries:
            _remove(temporary)
        raise
    _sync_names(folders)


def _make_missing(folder: str, top: str) -> None:
    """Make a folder and what is missing above it, their names still to be flushed.

    Also that of the one that was there already: another process may just have made it.
    """
    missing, here = [], folder
    while here != top and not _make_fresh(here):
        missing.append(here)
        here = os.path.dirname(here)
    for one in reversed(missing):
        _make_fresh(one)


def _make_fresh(folder: str) -> bool:
    """Make one folder, unless it is there; return False where the one above it is missing."""
    _FRESH.add(folder)  # before anybody can see it
    try:
        os.mkdir(folder)
    except FileNotFoundError:
        return False
    except FileExistsError:
        pass
    return True


def _sync_names(folders: Collection[str]) -> None:
    """Flush folders, and those above them in which the name of a folder may not be on the device yet."""
    fresh = [above for folder in folders for above in _climb(folder) if above in _FRESH] if _FRESH else []
    for folder in dict.fromkeys((*folders, *map(os.path.dirname, fresh))):
        sync_folder(folder)
    _FRESH.difference_update(fresh)


def _climb(folder: str) -> Iterator[str]:
    """Yield a folder and those above it."""
    above = os.path.dirname(folder)
    while folder != above:
        yield folder
        folder, above = above, os.path.dirname(above)


def _name_temporary(folder: str) -> str:
    return f"{folder}/{TEMPORARY}{_PROCESS}-{os.getpid()}-{next(_NUMBERS)}"


def _write_temporary(folder: str, fill: Fill) -> str:
    # A new file for each attempt: after a failed flush a kernel may drop the pages and call the next flush a success.
    temporary = _name_temporary(folder)
    opened = os.open(temporary, _NEW, 0o666)
    try:
        try:
            fill(opened)
            sync_file(opened)
        finally:
            os.close(opened)
    except BaseException:
        _remove(temporary)
        raise
    return temporary


def _refuse_folder(target: str) -> None:
    """Say plainly what each system says in its own way."""
    if os.path.isdir(target):
        raise IsADirectoryError(target)


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def sync_file(opened: int) -> None:
    """Return when the file's bytes are on the device."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - not on every platform

        with suppress(OSError):  # refused by some network drives, where the plain call has to do
            fcntl.fcntl(opened, fcntl.F_FULLFSYNC)  # fsync alone leaves them in the drive's cache
            return
    os.fsync(opened)


def sync_folder(folder: str) -> None:
    """Return when the folder's names are on the device; nothing to do on Windows, which has no such call."""
    if sys.platform == "win32":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def make_folders(folder: str, top: str) -> None:
    """Make ``folder`` and what is missing between it and ``top``, which exists; durable on return.

    Raises
    ------
    NotADirectoryError
        If a file is in the way.
    """
    missing = []
    here = folder
    while here != top and not _make_folder(here):
        missing.append(here)
        here = os.path.dirname(here)
    for made in reversed(missing):
        _make_folder(made)


def _make_folder(folder: str) -> bool:
    """Make one folder, durably; return False where the one above it is missing."""
    _FRESH.add(folder)
    try:
        os.mkdir(folder)
    except FileNotFoundError:
        return False
    except FileExistsError:
        if not os.path.isdir(folder):
            raise NotADirectoryError(folder) from None
    else:
        sync_folder(os.path.dirname(folder))
        _FRESH.discard(folder)
    return True
