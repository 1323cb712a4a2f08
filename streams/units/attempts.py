"""Attempts: which units were at work when a worker died, so that one that kills its process alone is found and set aside."""

from __future__ import annotations

import faulthandler
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING

from pydantic_core import to_json

from schemas.errors import FatalFault, RejectedInput
from streams.embedded.claim import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from io import FileIO
    from pathlib import Path

#: A unit that killed its process alone this often becomes a dead letter.
ATTEMPTS_LIMIT = 3

#: Units remembered in the journal before it is written anew with only what still matters.
_JOURNAL_LINES = 4_096

#: Workers of one machine that may share a folder.
_WORKERS_LIMIT = 256

_JOURNAL, _TRACE, _LOCK = "attempts.jsonl", "fault.txt", "worker"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A unit that was at work when a worker died.

    Attributes
    ----------
    attempts
        How often it was alone at work when its process died from inside.
    """

    unit_id: str
    attempts: int


@dataclass
class AttemptJournal:
    """Writes down each unit before it is opened and after it ended, in a file that survives the process.

    After a crash the units that were at work are suspects and are done one at a time. Only a unit that was **alone** when its
    process died **from inside** (a fault signal, which the interpreter's fault handler leaves a trace of), or was given up since
    nothing moved, gains an attempt: a signal from outside never counts.

    Parameters
    ----------
    folder
        Where the workers of this machine keep their journals, each its own.
    """

    folder: Path
    _suspects: dict[str, int] = field(default_factory=dict)
    _at_work: dict[str, bool] = field(default_factory=dict)
    _waiting: int = 0
    _turn: Condition = field(default_factory=Condition)
    _lines: int = 0
    _claim: Claim | None = None
    _mine: Path | None = None
    _journal: FileIO | None = None
    _trace: FileIO | None = None

    def open(self) -> tuple[Suspect, ...]:
        """Take over what workers left that are gone, and begin a new journal.

        Returns
        -------
        tuple of Suspect
            The units that were at work when they died.

        Raises
        ------
        FatalFault
            If the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"The folder {self.folder} for the state of workers cannot be made ({error.strerror})."
            raise FatalFault(message) from error
        refusal: FatalFault | None = None
        for number in range(_WORKERS_LIMIT):
            place = self.folder / str(number)
            if self._mine is not None and not place.exists():
                break
            refusal = self._take_over(place) or refusal
        if self._mine is None:
            message = f"No place is left for this worker's state in {self.folder}."
            raise FatalFault(message) from refusal
        self._trace = (self._mine / _TRACE).open("wb", buffering=0)
        faulthandler.enable(self._trace)
        self._rewrite()
        return tuple(Suspect(unit_id, attempts) for unit_id, attempts in sorted(self._suspects.items()))

    def _take_over(self, place: Path) -> FatalFault | None:
        """Read a journal unless its worker lives; the first such place becomes ours, the others are emptied."""
        try:
            claim = Claim(place, _LOCK)
        except FatalFault as refusal:
            return refusal
        for unit_id, attempts in _read_suspects(place).items():
            self._suspects[unit_id] = max(attempts, self._suspects.get(unit_id, 0))
        if self._mine is None:
            place.mkdir(exist_ok=True)
            self._mine, self._claim = place, claim
            return None
        for name in (_JOURNAL, _TRACE):
            (place / name).unlink(missing_ok=True)
        claim.release()
        return None

    def close(self) -> None:
        """End the journal: a worker that stops in order leaves no unit at work. A second call does nothing."""
        with self._turn:
            if self._claim is None:
                return
            faulthandler.disable()
            for file in (self._journal, self._trace):
                if file is not None:
                    file.close()
            self._journal = self._trace = None
            self._claim.release()
            self._claim = self._mine = None

    def attempts(self, unit_id: str) -> int:
        """Return how often this unit killed a process alone."""
        return self._suspects.get(unit_id, 0)

    def is_suspect(self, unit_id: str) -> bool:
        """Return whether this unit was at work when a worker died: it must be done alone."""
        return unit_id in self._suspects

    def forget(self, unit_id: str) -> None:
        """Forget what a unit did: it becomes a dead letter."""
        with self._turn:
            if self._suspects.pop(unit_id, None) is not None:
                self._write({"end": unit_id})

    def note_hang(self) -> None:
        """Write the stacks of all threads down: the worker gives up, since what is at work stands still, and that counts too."""
        with self._turn:
            if self._trace is not None:
                faulthandler.dump_traceback(self._trace, all_threads=True)

    @contextmanager
    def at_work(self, *unit_ids: str) -> Iterator[None]:
        """Hold places at work for units; a suspect waits until it is alone, and everybody waits for a suspect.

        Several begin at once or not at all, so that two threads never wait for each other.

        Raises
        ------
        ValueError
            If a suspect is one of several.
        """
        self._begin(unit_ids)
        word = "left"  # by an outage or a stop: a suspect stays one
        try:
            yield
            word = "end"
        except RejectedInput:
            word = "end"
            raise
        finally:
            with self._turn:
                for unit_id in unit_ids:
                    self._at_work.pop(unit_id, None)
                    if word == "end":
                        self._suspects.pop(unit_id, None)
                self._write(*({word: unit_id} for unit_id in unit_ids))
                self._turn.notify_all()

    def _begin(self, unit_ids: Sequence[str]) -> None:
        with self._turn:
            is_suspect = any(unit_id in self._suspects for unit_id in unit_ids)
            if is_suspect and len(unit_ids) > 1:
                message = "a suspect is done alone"
                raise ValueError(message)
            self._waiting += is_suspect
            try:
                self._turn.wait_for(lambda: self._may_begin(unit_ids, is_suspect=is_suspect))
            finally:
                self._waiting -= is_suspect
            self._at_work.update(dict.fromkeys(unit_ids, is_suspect))
            self._write(*({"begin": unit_id, "alone": is_suspect} for unit_id in unit_ids))

    def _may_begin(self, unit_ids: Sequence[str], *, is_suspect: bool) -> bool:
        """Let nobody overtake a suspect that waits, so that those at work come to an end and it has its turn."""
        if is_suspect:
            return not self._at_work
        is_free = self._at_work.keys().isdisjoint(unit_ids)
        return is_free and not self._waiting and not any(self._at_work.values())

    def _write(self, *lines: Mapping[str, object]) -> None:
        """Append lines; the page cache outlives the process, so a crash of ours loses nothing and no flush is paid."""
        if self._journal is None:
            return
        self._lines += len(lines)
        if self._lines > _JOURNAL_LINES:
            self._rewrite()
        self._journal.write(_to_lines(lines))

    def _rewrite(self) -> None:
        if self._mine is None:
            return
        if self._journal is not None:
            self._journal.close()
        path = self._mine / _JOURNAL
        fresh = path.with_suffix(".new")
        lines = [{"suspect": unit_id, "attempts": attempts} for unit_id, attempts in self._suspects.items()]
        lines += [{"begin": unit_id, "alone": alone} for unit_id, alone in self._at_work.items()]
        fresh.write_bytes(_to_lines(lines))
        os.replace(fresh, path)  # noqa: PTH105 - one atomic call
        self._journal = path.open("ab", buffering=0)
        self._lines = len(lines)


def _to_lines(lines: Iterable[Mapping[str, object]]) -> bytes:
    return b"".join(to_json(line) + b"\n" for line in lines)


def _read_suspects(place: Path) -> dict[str, int]:
    """Return the units that were at work when a worker died, and how often each was alone when that came from inside."""
    trace = place / _TRACE
    died_from_inside = trace.is_file() and trace.stat().st_size > 0
    suspects, at_work = _read_journal(place / _JOURNAL)
    for unit_id, was_alone in at_work.items():
        gained = 1 if died_from_inside and was_alone and len(at_work) == 1 else 0
        suspects[unit_id] = suspects.get(unit_id, 0) + gained
    return suspects


def _read_journal(path: Path) -> tuple[dict[str, int], dict[str, bool]]:
    """Return the suspects already known and the units at work, with whether each was alone."""
    suspects: dict[str, int] = {}
    at_work: dict[str, bool] = {}
    if not path.is_file():
        return suspects, at_work
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # the last line of a worker that died while writing it
        if "suspect" in line:
            suspects[line["suspect"]] = int(line["attempts"])
        elif "begin" in line:
            at_work[line["begin"]] = bool(line["alone"])
        elif "left" in line:
            at_work.pop(line["left"], None)
        elif "end" in line:
            at_work.pop(line["end"], None)
            suspects.pop(line["end"], None)
    return suspects, at_work
