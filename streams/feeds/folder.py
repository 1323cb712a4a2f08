"""The files of folders, in one order and in bounded memory: found, passed over with a reason, or refused."""

from __future__ import annotations

import heapq
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.errors import RejectedInput
from schemas.media import check_subject
from schemas.unit import SUBJECT_LIMIT

#: Names of one folder that are sorted in memory; further ones wait in temporary files (some 5 MB a run).
SORTED_AT_ONCE = 50_000

#: How programs name what they are still writing; compared in lower case.
_TEMPORARY_ENDINGS = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp", "~")

#: What desktop systems leave in folders.
_SYSTEM_NAMES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "system volume information", "$recycle.bin"})


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file that is to be announced.

    Attributes
    ----------
    subject
        Its name relative to the folder that was given, with ``/``; the file name where a file was given.
    modified_ns
        Nanoseconds since 1970.
    """

    path: Path
    subject: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What is not looked at, and why.

    The reasons are ``hidden``, ``temporary``, ``system_file``, ``symlink``, ``not_a_file``, ``ignored``, ``vanished``,
    ``given_twice`` and ``own_output``. What of its name is not text stands in it escaped.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """What was to be announced and cannot be; what of its name is not text stands in it escaped."""

    name: str
    rejection: RejectedInput


Listed = Found | PassedOver | Refused


def _check_globs(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if not all(patterns):
        message = "an empty pattern fits nothing"
        raise ValueError(message)
    return patterns


class FolderRule(BaseModel):
    """Which files of a folder are a feed's; part of the feed's settings.

    Attributes
    ----------
    only
        Shell patterns of subjects; empty takes all. ``*`` also stands for slashes.
    ignore
        Shell patterns of subjects that are passed over and counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    only: Annotated[tuple[str, ...], AfterValidator(_check_globs)] = Field(default=(), max_length=50)
    ignore: Annotated[tuple[str, ...], AfterValidator(_check_globs)] = Field(default=(), max_length=50)

    def takes(self, subject: str) -> bool:
        """Return whether a file of this name is one of the feed's."""
        wanted = not self.only or any(fnmatchcase(subject, pattern) for pattern in self.only)
        return wanted and not any(fnmatchcase(subject, pattern) for pattern in self.ignore)


def list_media(
    paths: Iterable[Path], rule: FolderRule | None = None, *, exclude: Iterable[Path] = ()
) -> Iterator[Listed]:
    """Yield every file of the paths given, in the order of the paths, and in a folder in the order of names.

    Folders are entered, links found in them are not followed (a path that is itself a link is). Memory is bounded: of a
    folder with very many names, sorted runs wait in temporary files.

    Parameters
    ----------
    paths
        Files and folders.
    exclude
        Folders that are never entered: our own output may lie within a folder of pictures.

    Yields
    ------
    Listed
        ``Refused`` has the reasons ``missing_file``, ``unreadable_folder``, ``unreadable_file`` and ``bad_subject``.
    """
    walk = _Walk(rule or FolderRule(), frozenset(path.resolve() for path in exclude))
    before: list[Path] = []
    for path in paths:
        try:
            place = path.resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError is how Python below 3.13 says that links go round in a circle
            yield _refuse(path.name, "missing_file", "There is no such file or folder, or its link leads nowhere.")
            continue
        if any(place == other or other in place.parents for other in before):
            yield _pass_over(path.name, "given_twice")
            continue
        before.append(place)
        if place.is_dir():
            yield from walk.list_folder(place)
        else:
            yield _look(place, path.name) or _pass_over(path.name, "vanished")


@dataclass(frozen=True)
class _Walk:
    rule: FolderRule
    exclude: frozenset[Path]

    def list_folder(self, root: Path) -> Iterator[Listed]:
        """Go through a folder without recursion: one iterator of sorted names for each level that is open."""
        levels: list[tuple[str, Iterator[str]]] = [("", _sort_names(root))]
        while levels:
            prefix, names = levels[-1]
            try:
                name = next(names, None)
            except OSError:
                name = None
                yield _refuse(prefix or root.name, "unreadable_folder", "The folder cannot be listed.")
            if name is None:
                levels.pop()
                continue
            subject = prefix + name
            listed = self.judge(root / subject, subject)
            if listed is not None:
                yield listed
            else:
                levels.append((f"{subject}/", _sort_names(root / subject)))

    def judge(self, path: Path, subject: str) -> Listed | None:
        """Return what a path found in a folder is, or ``None`` for a folder that is to be entered."""
        reason = _find_passing_reason(path.name)
        if reason is not None:
            return _pass_over(subject, reason)
        listed = _look(path, subject)
        if listed is None and path in self.exclude:
            return _pass_over(subject, "own_output")
        if isinstance(listed, Found) and not self.rule.takes(listed.subject):
            return _pass_over(subject, "ignored")
        return listed


def _look(path: Path, subject: str) -> Listed | None:
    """Return what a path is, by its own status and not that of what it links to; ``None`` for a folder."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return _pass_over(subject, "vanished")
    except OSError:
        return _refuse(subject, "unreadable_file", "The file cannot be looked at.")
    if stat.S_ISREG(found.st_mode):
        return _check_name(Found(path, subject, found.st_size, found.st_mtime_ns))
    if stat.S_ISDIR(found.st_mode):
        return None
    return _pass_over(subject, "symlink" if stat.S_ISLNK(found.st_mode) else "not_a_file")


def _check_name(found: Found) -> Found | Refused:
    try:
        composed = check_subject(found.subject)
    except ValueError as error:
        return _refuse(found.subject, "bad_subject", f"{str(error).capitalize()}.")
    if len(composed) > SUBJECT_LIMIT:
        return _refuse(
            found.subject, "bad_subject", f"A name may have {SUBJECT_LIMIT} characters, not {len(composed)}."
        )
    return replace(found, subject=composed)


def _find_passing_reason(name: str) -> str | None:
    lowered = name.lower()
    if lowered in _SYSTEM_NAMES:
        return "system_file"
    if lowered.startswith("~") or lowered.endswith(_TEMPORARY_ENDINGS):
        return "temporary"
    return "hidden" if name.startswith(".") else None


def _pass_over(name: str, reason: str) -> PassedOver:
    return PassedOver(_to_shown(name), reason)


def _refuse(name: str, reason: str, sentence: str) -> Refused:
    return Refused(_to_shown(name), RejectedInput(reason, sentence))


def _to_shown(name: str) -> str:
    """Return a name as text, with escapes for the bytes of it that are not UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def _sort_names(folder: Path) -> Iterator[str]:
    """Yield the names in a folder in the order of their characters, with at most ``SORTED_AT_ONCE`` of them in memory."""
    with os.scandir(folder) as entries, ExitStack() as files:
        names = (entry.name for entry in entries)
        runs: list[Iterator[str]] = []
        while run := sorted(islice(names, SORTED_AT_ONCE)):
            is_last = len(run) < SORTED_AT_ONCE
            runs.append(iter(run) if is_last else _spill(run, files))
        yield from heapq.merge(*runs)


def _spill(run: list[str], files: ExitStack) -> Iterator[str]:
    """Write names to a temporary file, one a line; a line break in a name becomes a slash there, which no name has."""
    file = files.enter_context(
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass", newline="\n")  # noqa: SIM115 - it is entered
    )
    file.writelines(f"{name.replace(chr(10), '/')}\n" for name in run)
    file.seek(0)
    return (line[:-1].replace("/", "\n") for line in file)
