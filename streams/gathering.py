"""What a command was given to announce: files of cameras and runs of instruments, told apart by the settings or by content."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, RejectedInput
from streams.feeds.announce import Claimed, Sender
from streams.feeds.decoding.sniff import HEAD_BYTES, sniff
from streams.feeds.folder import Found, PassedOver, Refused, list_media
from streams.feeds.runs.local.finding import Findings, find_runs
from streams.settings.builtin import CAMERA, RUNS
from streams.submission import Medium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from streams.feeds.folder import Listed
    from streams.feeds.runs.local.finding import FoundRun
    from streams.settings.model import Deployment
    from streams.settings.read import ReadSettings

#: Why a file beside runs is not announced.
_NOT_IN_A_RUN = "not_in_a_run"


@dataclass
class Gathered:
    """What is to be announced, and for which feeds.

    Attributes
    ----------
    runs, runs_feed
        The runs, and whose they are.
    paths, files_feed
        Files and folders of a camera, and whose they are; absent where there is none.
    beside
        Whether the files lie beside runs: then what is no picture or video is passed over.
    passed_over
        By reason, once everything was listed.
    """

    deployment: Deployment
    runs: tuple[FoundRun, ...] = ()
    runs_feed: str = RUNS
    paths: tuple[Path, ...] = ()
    files_feed: str = CAMERA
    beside: bool = False
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def feeds(self) -> tuple[str, ...]:
        """The feeds that something is announced for; the camera's where there is nothing at all."""
        found = [*([self.runs_feed] if self.runs else []), *([self.files_feed] if self.paths else [])]
        return tuple(found or [self.files_feed])

    def make_sender(self, feed: str) -> Sender:
        """Return what is said of everything a feed announces."""
        given = self.deployment
        return Sender(feed=feed, inline_limit=given.inline_limit, renews=given.store.keep_originals_days is not None)

    def walk(self, refuse: Callable[[Sender, str, RejectedInput], None]) -> Iterator[Medium]:
        """Yield what is to be announced; what cannot be is handed to ``refuse``, and what is passed over is counted."""
        if self.runs:
            sender = self.make_sender(self.runs_feed)
            yield from (Medium(run.path, Claimed(run.subject), sender, run) for run in self.runs)
        if not self.paths:
            return
        sender = self.make_sender(self.files_feed)
        for listed in self._list_files():
            match listed:
                case Found(path=path, subject=subject, modified_ns=modified_ns):
                    modified_at = dt.datetime.fromtimestamp(modified_ns // 1_000_000_000, dt.UTC)
                    yield Medium(path, Claimed(subject, modified_at=modified_at), sender)
                case PassedOver(reason=reason):
                    self.passed_over[reason] += 1
                case Refused(name=name, rejection=rejection):
                    refuse(sender, name, rejection)

    def _list_files(self) -> Iterator[Listed]:
        taken = {run.path for run in self.runs}
        for listed in list_media(self.paths, exclude=[self.deployment.folder, *taken]):
            if not isinstance(listed, Found) or not self.beside:
                # what is inside a run is announced with it
                if not (isinstance(listed, PassedOver) and listed.reason == "own_output" and self.beside):
                    yield listed
            elif listed.path not in taken:
                yield listed if _is_media(listed.path) else PassedOver(listed.subject, _NOT_IN_A_RUN)


def gather(read: ReadSettings, paths: list[Path], *, feed: str | None) -> Gathered:
    """Return what is to be announced of some paths.

    The settings say of each feed whether it reads runs. Without a settings file content decides
    (:func:`streams.feeds.runs.local.finding.find_runs`), and only the installations that are needed are in the deployment
    that is returned.

    Raises
    ------
    FatalFault
        If a feed is not in the settings, or none is named and there are several.
    TransientFault
        If a folder cannot be listed.
    """
    deployment = read.deployment
    if read.source is not None or feed is not None:
        return gather_for(deployment, choose_feed(deployment, feed), paths)
    findings = find_runs(_find_existing(paths), exclude=[deployment.folder])
    taken = {run.path for run in findings.runs}
    rest = tuple(path for path in paths if path.resolve() not in taken)
    gathered = Gathered(deployment, tuple(findings.runs), paths=rest, beside=bool(taken))
    if taken and not _holds_media(gathered, findings):
        gathered = replace(gathered, paths=())
    return replace(gathered, deployment=_narrow(deployment, gathered.feeds))


def gather_for(deployment: Deployment, feed: str, paths: Iterable[Path]) -> Gathered:
    """Return what is to be announced for one feed, read as its settings say."""
    if deployment.feeds[feed].reads == "pictures":
        return Gathered(deployment, paths=tuple(paths), files_feed=feed)
    runs = find_runs(_find_existing(paths), exclude=[deployment.folder], told=True).runs
    return Gathered(deployment, tuple(runs), runs_feed=feed, files_feed=feed)


def choose_feed(deployment: Deployment, feed: str | None) -> str:
    """Return the feed that is named, or the only one there is.

    Raises
    ------
    FatalFault
        If it is not in the settings, or none is named and there are several.
    """
    known = ", ".join(sorted(deployment.feeds)) or "none"
    if feed is None and len(deployment.feeds) == 1:
        return next(iter(deployment.feeds))
    if feed is None:
        message = f"Name the feed with --feed; there are {known}."
        raise FatalFault(message)
    if feed not in deployment.feeds:
        message = f"There is no feed {feed!r} in the settings; there are {known}."
        raise FatalFault(message)
    return feed


def _find_existing(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.exists()]


def _holds_media(gathered: Gathered, findings: Findings) -> bool:
    """Return whether something beside the runs may be a camera's."""
    if findings.pictures:
        return True
    listed = list(gathered._list_files())  # noqa: SLF001 - its own
    gathered.passed_over.update(item.reason for item in listed if isinstance(item, PassedOver))
    return any(not isinstance(item, PassedOver) for item in listed)


def _is_media(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            sniff(file.read(HEAD_BYTES))
    except RejectedInput:
        return False
    except OSError:
        return True  # locked or away: it is announced, and set aside with that reason
    return True


def _narrow(deployment: Deployment, feeds: tuple[str, ...]) -> Deployment:
    """Return a deployment without the installations that nothing is announced for: building one takes time."""
    wanted = {deployment.feeds[feed].installation for feed in feeds}
    kept = {name: item for name, item in deployment.installations.items() if name in wanted}
    return deployment.model_copy(update={"installations": kept})
