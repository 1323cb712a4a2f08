"""One worker per app and log: a lock file beside the log that the operating system lets go of when its process ends, however."""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path
from urllib.parse import quote

from schemas.errors import FatalFault

_held: set[Path] = set()
_held_lock = threading.Lock()

#: Where Windows locks its byte: far behind the text, which stays readable to others.
_LOCK_PLACE = 1 << 30


class Claim:
    """The right of this process to work on a log under one app id, until it is released or the process ends.

    Children made by ``fork`` do not share it, and cannot keep it alive after their parent was killed.

    Parameters
    ----------
    log_path
        The log's file.
    app_id
        Name of the group of consumers.

    Raises
    ------
    FatalFault
        If a worker of this app, here or in another process, has the log; or if the lock file cannot be written.
    """

    def __init__(self, log_path: Path, app_id: str) -> None:
        resolved = log_path.resolve()
        self._path = resolved.with_name(f"{resolved.name}.{quote(app_id, safe='')}.lock")
        with _held_lock:
            # A lock of this kind belongs to the process, and closing the file anywhere in it would let it go: so ours first.
            if self._path in _held:
                raise _refuse(app_id, log_path, f"process {os.getpid()}")
            self._file = self._open(app_id, log_path)
            _held.add(self._path)

    def _open(self, app_id: str, log_path: Path) -> int:
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            sentence = f"The lock file {self._path} cannot be written, so no worker can run on the log."
            raise FatalFault(sentence) from error
        try:
            _lock(file)
        except OSError as error:
            holder = os.read(file, 200).decode(errors="replace").strip() or "another process"
            os.close(file)
            raise _refuse(app_id, log_path, holder) from error
        os.ftruncate(file, 0)
        os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        return file

    def release(self) -> None:
        """Let another worker have the log; a second call does nothing. The empty lock file stays."""
        with _held_lock:
            if self._path in _held:
                _held.discard(self._path)
                os.ftruncate(self._file, 0)
                os.close(self._file)


def _refuse(app_id: str, log_path: Path, holder: str) -> FatalFault:
    return FatalFault(
        f"A worker of {app_id} already runs on the log {log_path} ({holder}). An embedded log has one worker for each app: "
        "stop that one first, or use a Kafka broker for several."
    )


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, _LOCK_PLACE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
