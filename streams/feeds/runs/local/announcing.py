"""From a run's folder or zip to one announced arrival: its parts in the store first, the list of them in the message."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput, TransientFault
from streams.feeds.announce import announce_file, announce_parts, keep_file
from streams.feeds.runs.base import refuse_incomplete
from streams.feeds.runs.files import lend_files
from streams.feeds.runs.local.finding import list_run
from streams.feeds.runs.registry import find_reader, make_readers

if TYPE_CHECKING:
    from pathlib import Path

    from streams.feeds.announce import Announcement, Claimed, OriginalStore, Sender
    from streams.feeds.runs.local.finding import FoundRun

#: Why a run cannot be read that is perhaps still being written.
INCOMPLETE = frozenset({"no_list", "list_cut", "no_collage", "missing_collage", "unfinished_collage"})

#: Files made durable at one time: thousands of pictures wait for the disk or the store, not for a processor.
_WRITERS = 8


def announce_run(run: FoundRun, claimed: Claimed, sender: Sender, store: OriginalStore) -> Announcement:
    """Return the announcement of a run as one arrival, every file of it that matters being in the store.

    Raises
    ------
    RejectedInput
        One of :data:`INCOMPLETE` when something is missing; ``unreadable_file`` when a file is locked for now; or whatever
        else is wrong with the run or with one of its files.
    TransientFault, FatalFault
        From the store.
    """
    if not run.path.is_dir():
        return announce_file(run.path, claimed, sender, store)
    names = _survey(run)
    with ThreadPoolExecutor(_WRITERS) as writers:
        parts = tuple(writers.map(lambda item: keep_file(item[1], item[0], sender, store), names.items()))
    return announce_parts(parts, claimed, sender, store)


def _survey(run: FoundRun) -> dict[str, Path]:
    """Return the files that are parts of a run or say something of its particles."""
    try:
        paths = list_run(run)
        files = lend_files(paths)
        survey = find_reader(files, make_readers()).survey(files)
    except TransientFault as fault:  # another program has a file open, as far as we know
        sentence = "A file of the run cannot be read now: another program may still be writing it."
        raise RejectedInput(reason="unreadable_file", sentence=sentence) from fault
    refuse_incomplete(survey)
    return {name: paths[name] for name in (*(part.name for part in survey.parts), *survey.opinions)}
