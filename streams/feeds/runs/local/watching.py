"""An export share on which an instrument still writes: a run counts as one file that grows until nothing of it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput, TransientFault
from streams.feeds.announce import Claimed
from streams.feeds.folder import Found, Refused
from streams.feeds.runs.local.announcing import announce_run
from streams.feeds.runs.local.finding import FoundRun, find_share_runs, take_fingerprint
from streams.feeds.runs.local.long_paths import to_long_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from streams.feeds.announce import Announcement, OriginalStore, Sender
    from streams.feeds.folder import Listed

_AWAY, _CHANGED = "unreadable_folder", "changed_while_read"


@dataclass(frozen=True, slots=True)
class Share:
    """A folder in which runs appear, each as a folder or zip of its own.

    Parameters
    ----------
    exclude
        Folders that are not entered.
    """

    folder: Path
    exclude: Collection[Path] = ()
    _proven: set[Path] = field(default_factory=set)

    def list_files(self) -> Iterator[Listed]:
        """Yield the runs that are there, each as if it were one file: its size is that of all its files.

        What stands for the time of modification changes with the name, size and time of any of them.
        """
        try:
            folder, *exclude = (to_long_path(path.resolve()) for path in (self.folder, *self.exclude))
            runs = find_share_runs(folder, exclude=exclude, proven=self._proven)
        except TransientFault as fault:
            yield Refused(self.folder.name, RejectedInput(reason=_AWAY, sentence=fault.sentence))
            return
        for run in runs:
            try:
                size_bytes, mark = take_fingerprint(run)
            except TransientFault as fault:
                yield Refused(run.subject, RejectedInput(reason=_AWAY, sentence=fault.sentence))
            except RejectedInput as fault:
                yield Refused(run.subject, fault)
            else:
                yield Found(run.path, run.subject, size_bytes, mark)


def announce_found_run(found: Found, sender: Sender, store: OriginalStore) -> Announcement:
    """Return the announcement of a run that :meth:`Share.list_files` found.

    Raises
    ------
    RejectedInput
        As :func:`~streams.feeds.runs.local.announcing.announce_run`; ``changed_while_read`` if a file of it changed meanwhile.
    TransientFault, FatalFault
        From the store.
    """
    run = FoundRun(found.path, found.subject)
    announced = announce_run(run, Claimed(found.subject), sender, store)
    try:
        is_same = take_fingerprint(run) == (found.size_bytes, found.modified_ns)
    except TransientFault:
        is_same = False
    if not is_same:
        sentence = f"{found.subject[-200:]!r} was still being written."
        raise RejectedInput(reason=_CHANGED, sentence=sentence)
    return announced
