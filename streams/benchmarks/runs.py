"""One large run in a process of its own: the whole way, with the memory of all processes together."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

from streams.gathering import gather
from streams.settings.builtin import make_builtin
from streams.submission import Submission
from streams.working import open_working

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Between two readings of memory: each holds up the process that it reads.
_SAMPLE_EVERY_S = 1.0

_KIB = 1024


def measure_run(folder: Path, out: Path) -> dict[str, Any]:
    """Look at a run with the built-in settings and return particles, seconds and the peak of memory.

    The time is from announcing the run until its end is known; the start of the program is not in it.

    Raises
    ------
    RuntimeError
        If the run was not stored: then nothing was measured.
    """
    gathered = gather(make_builtin(out), [folder], feed=None)
    with open_working(gathered.deployment, feed=gathered.feeds[0]) as working, PeakMemory() as peak:
        sender = gathered.make_sender(gathered.feeds[0])
        submission = Submission(working.client, working.parts.topics, working.parts.store, sender, working.look)
        _ = working.parts.pipelines  # what is measured begins when all is loaded
        submission.begin()
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        submission.submit(gathered.walk(lambda *_: None))
        submission.wait()
        took_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    ledger = submission.to_ledger()
    if ledger.total.stored != 1:
        message = f"the run was not stored: {dict(ledger.reasons)}"
        raise RuntimeError(message)
    return {"images": ledger.images, "took_s": took_s, "cpu_s": cpu_s, "peak_mib": peak.mib}


class PeakMemory:
    """Reads the memory of this process and its children, shared pages once, until the block ends."""

    def __init__(self) -> None:
        self.mib = 0.0
        self._stop = Event()
        self._thread = Thread(target=self._read, name="peak", daemon=True)

    def __enter__(self) -> Self:
        """Begin to read."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, with the largest in ``mib``."""
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._stop.wait(_SAMPLE_EVERY_S)
            self.mib = max(self.mib, sum(_read_mib(pid) for pid in (os.getpid(), *_list_children(os.getpid()))))


def _list_children(parent: int) -> Iterator[int]:
    """Yield the processes that a process started (``/proc``, Linux only)."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[1]) == parent:
            yield int(place.name)


def _read_mib(pid: int) -> float:
    """Return the memory of a process in MiB, its share of what it shares (``Pss``)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / _KIB for line in lines if line.startswith("Pss:")), 0.0)


def main() -> None:
    """Measure the run that the arguments name: its folder, and a folder for results."""
    folder, out = map(Path, sys.argv[1:])
    sys.stdout.write(json.dumps(measure_run(folder, out)) + "\n")


if __name__ == "__main__":
    main()
