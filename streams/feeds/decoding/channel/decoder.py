"""A decoding process as its parent sees it: orders and answers over its pipes, a time by which it must answer, its death."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from streams.feeds.decoding.channel.deaths import MEMORY_EXIT, Cause, judge
from streams.feeds.decoding.channel.wire import Channel, GarbledError, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.feeds.decoding.channel.arena import Arena
    from streams.feeds.decoding.limits import Order

_logger = logging.getLogger(__name__)

_BOOT = "from streams.feeds.decoding.child import main; main()"

#: What of our environment a process that reads what is not trusted gets; passwords in the environment are not among it.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

#: One thread a process: there are as many processes as there shall be threads.
_SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}

#: Where modules are found, as it was before any thread began to import: OpenCV puts its own folder, which has a ``typing`` in it,
#: first in the path for as long as it is being imported.
_MODULE_PATH = tuple(entry for entry in sys.path if entry)

#: Keep the memory of one picture for the next (glibc): given back and asked for again it costs 7 of 17 ms per 4-megapixel still.
_MEMORY_KEEPING = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(16 << 20),
    "MALLOC_ARENA_MAX": "1",
}

#: Seconds a process may take to end after its pipe broke, before we end it.
_LAST_BREATH_S = 5.0

_NOTES_BYTES = 2_000


class DecoderDiedError(Exception):
    """The process is gone.

    Attributes
    ----------
    was_fresh
        It had opened no unit before the one it was at.
    """

    def __init__(self, cause: Cause, *, was_fresh: bool, last_words: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.was_fresh = was_fresh
        self.last_words = last_words


@dataclass(slots=True, eq=False)
class Decoder:
    """One decoding process; used by one thread at a time, and watched by its nurse.

    Attributes
    ----------
    served
        Units it was given.
    due_at
        Monotonic time by which it must answer; absent while nobody waits for it.
    order
        What it was last asked to do with a unit; told again only where it is another.
    """

    process: subprocess.Popen[bytes]
    channel: Channel
    notes: int
    served: int = 0
    is_ready: bool = False
    is_overdue: bool = False
    due_at: float | None = None
    order: Order | None = None
    _broke: str = ""
    _guard: Lock = field(default_factory=Lock)

    def send(self, message: Message) -> None:
        """Send a message.

        Raises
        ------
        DecoderDiedError
            If the process is gone.
        """
        try:
            self.channel.send(message)
        except OSError:
            raise self._die() from None

    def receive(self, wait_s: float) -> Message:
        """Wait for a message, at most so long: then its nurse kills the process.

        Raises
        ------
        DecoderDiedError
            If the process is gone, was killed for being late, or talks rubbish.
        """
        # with time left, what is here already needs nobody to watch; without, a process that talks on and on is to be caught
        message = self._read() if wait_s > 0 and self.channel.has_message else self._await(wait_s)
        if message is None:
            raise self._die()
        if message["say"] == "broke":
            self._broke = str(message["traceback"])
            raise self._die()  # it ends now
        return message

    def _read(self) -> Message | None:
        """Return the next message; ``None`` if there is none to come, or it makes no sense."""
        try:
            return self.channel.receive()
        except GarbledError:
            return None

    def _await(self, wait_s: float) -> Message | None:
        """Do the same while the nurse watches."""
        self._set_due(time.monotonic() + wait_s)
        try:
            return self._read()
        finally:
            self._set_due(None)

    def await_ready(self, wait_s: float) -> None:
        """Wait until the process has started.

        Raises
        ------
        DecoderDiedError
            If it does not.
        """
        while not self.is_ready:
            self.is_ready = self.receive(wait_s)["say"] == "ready"

    def _set_due(self, due_at: float | None) -> None:
        with self._guard:
            self.due_at = due_at

    def end_if_late(self, now: float) -> None:
        """Kill the process if it keeps somebody waiting past its time."""
        with self._guard:
            if self.due_at is not None and now > self.due_at and not self.is_overdue:
                self.is_overdue = True
                self.process.kill()

    def _die(self) -> DecoderDiedError:
        """Find out how the process died."""
        try:
            code = self.process.wait(_LAST_BREATH_S)
        except subprocess.TimeoutExpired:
            self.process.kill()  # it closed its pipe, or talked rubbish, and lives on: a fault of its own
            self.process.wait()
            code = 1
        cause = judge(code, is_overdue=self.is_overdue)
        words = self._broke or self._read_notes()
        if cause == "inside":
            _logger.warning("a decoding process ended with code %d: %s", code, words)
        return DecoderDiedError(cause, was_fresh=self.served <= 1, last_words=words)

    def _read_notes(self) -> str:
        """Return the end of what the process wrote to standard error."""
        size = os.fstat(self.notes).st_size
        os.lseek(self.notes, max(0, size - _NOTES_BYTES), os.SEEK_SET)
        return os.read(self.notes, _NOTES_BYTES).decode("utf-8", "replace").strip()

    def close(self) -> None:
        """End the process and forget it; closing again does nothing."""
        if self.notes < 0:
            return
        self.process.kill()
        self.process.wait()
        self.channel.close()
        os.close(self.notes)
        self.notes = -1


def start_decoder(arena: Arena, *, opener: str, warm: Sequence[str]) -> Decoder:
    """Start a process. The calling thread must outlive it: on Linux the process ends with the *thread* that started it.

    Parameters
    ----------
    opener
        ``module:function`` that opens units there.
    warm
        Kinds of media whose libraries it loads at once: ``still``, ``clip``.
    """
    wanted = {
        "parent": os.getpid(),
        "descriptor": arena.descriptor,
        "name": str(arena.name) if arena.name else "",
        "opener": opener,
        "warm": list(warm),
        "memory_exit": MEMORY_EXIT,
    }
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    notes = _open_notes()
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
            [sys.executable, "-P", "-c", _BOOT, json.dumps(wanted)],
            stdin=theirs_in,
            stdout=theirs_out,
            stderr=notes,
            env=_make_environment(),
            pass_fds=() if arena.name else (arena.descriptor,),
        )
    except BaseException:
        for descriptor in (ours_in, ours_out, notes):
            os.close(descriptor)
        raise
    finally:
        os.close(theirs_in)
        os.close(theirs_out)
    return Decoder(process, Channel(ours_in, ours_out), notes)


def _open_notes() -> int:
    """Return the descriptor of a nameless file for standard error: a file, for nobody would empty a pipe in time."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("observatory-notes")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _make_environment() -> dict[str, str]:
    ours = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    here = str(Path(__file__).resolve().parents[4])
    path = os.pathsep.join(dict.fromkeys([here, *_MODULE_PATH]))
    return {**ours, **_SINGLE_THREADED, **_MEMORY_KEEPING, "PYTHONPATH": path, "PYTHONUTF8": "1"}
