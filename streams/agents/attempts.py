"""Attempts: which units were at work when a worker died, so that one that kills its process alone is found and set aside."""

from __future__ import annotations

import faulthandler
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

#: A unit that killed its process alone this often becomes a dead letter.
ATTEMPTS_LIMIT = 3

#: Units remembered in the journal before it is written anew with only what still matters.
_JOURNAL_LINES = 4_096


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
    process died **from inside** (a fault signal, which the interpreter's fault handler leaves a trace of) gains an attempt: a
    signal from outside never counts.

    Parameters
    ----------
    folder
        A worker's own state folder; two workers never share one.
    """

    folder: Path
    _suspects: dict[str, int] = field(default_factory=dict)
    _at_work: dict[str, bool] = field(default_factory=dict)
    _turn: Condition = field(default_factory=Condition)
    _lines: int = 0
    _journal: FileIO | None = None
    _trace: FileIO | None = None

    def open(self) -> tuple[Suspect, ...]:
        """Read what the last worker left, and begin a new journal.

        Returns
        -------
        tuple of Suspect
            The units that were at work when it died.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        trace_path, journal_path = self.folder / "fault.txt", self.folder / "attempts.jsonl"
        died_from_inside = trace_path.is_file() and trace_path.stat().st_size > 0
        suspects, at_work = _read_journal(journal_path)
        for unit_id, was_alone in at_work.items():
            gained = 1 if died_from_inside and was_alone and len(at_work) == 1 else 0
            suspects[unit_id] = suspects.get(unit_id, 0) + gained
        self._suspects = suspects
        self._trace = trace_path.open("wb", buffering=0)
        faulthandler.enable(self._trace)
        self._rewrite(journal_path)
        return tuple(Suspect(unit_id, attempts) for unit_id, attempts in sorted(suspects.items()))

    def close(self) -> None:
        """End the journal: a worker that stops in order leaves no unit at work."""
        faulthandler.disable()
        for file in (self._journal, self._trace):
            if file is not None:
                file.close()
        self._journal = self._trace = None

    def attempts(self, unit_id: str) -> int:
        """Return how often this unit killed a process alone."""
        return self._suspects.get(unit_id, 0)

    @contextmanager
    def at_work(self, unit_id: str) -> Iterator[None]:
        """Hold a place at work for a unit; a suspect waits until it is alone, and everybody waits for a suspect."""
        is_suspect = unit_id in self._suspects
        with self._turn:
            self._turn.wait_for(lambda: not self._at_work if is_suspect else not any(self._at_work.values()))
            self._at_work[unit_id] = is_suspect
            self._write({"begin": unit_id, "alone": is_suspect})
        try:
            yield
        finally:
            with self._turn:
                self._at_work.pop(unit_id, None)
                self._suspects.pop(unit_id, None)
                self._write({"end": unit_id})
                self._turn.notify_all()

    def _write(self, line: dict[str, object]) -> None:
        """Append one line; the page cache outlives the process, so a crash of ours loses nothing and no flush is paid."""
        if self._journal is None:
            return
        self._lines += 1
        if self._lines > _JOURNAL_LINES:
            self._rewrite(self.folder / "attempts.jsonl")
        self._journal.write(json.dumps(line).encode() + b"\n")

    def _rewrite(self, path: Path) -> None:
        if self._journal is not None:
            self._journal.close()
        fresh = path.with_suffix(".new")
        lines = [{"suspect": unit_id, "attempts": attempts} for unit_id, attempts in self._suspects.items()]
        lines += [{"begin": unit_id, "alone": alone} for unit_id, alone in self._at_work.items()]
        fresh.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        os.replace(fresh, path)  # noqa: PTH105 - one atomic call
        self._journal = path.open("ab", buffering=0)
        self._lines = len(lines)


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
        elif "end" in line:
            at_work.pop(line["end"], None)
            suspects.pop(line["end"], None)
    return suspects, at_work
