"""Inputs: what a sealed report was made from, beside the facts and the sheets, and the folder they are kept in."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

import schemas
import sinks
import streams
from schemas.errors import FatalFault, RejectedInput
from schemas.noun import Count, Name, Noun, Sha, Time
from sinks.object_store.store import ObjectInfo
from streams.usage.rows import from_milliseconds
from streams.usage.suppression import DEFAULT_LEAST

if TYPE_CHECKING:
    from collections.abc import Iterator

INPUTS_FILE, ROBOTS_FILE, SHEETS_FOLDER = "inputs.json", "robots.json", "sheets"

Text = Annotated[str, Field(max_length=500)]


class Digest(Noun):
    """A file that was used, by its name and content."""

    name: Text
    size_bytes: Count
    sha256: Sha


class OffsetRange(Noun):
    """Where uses stand in their log: the first and the last offset of a partition that the facts name."""

    log: Text
    topic: Text
    partition: Count
    first: Count
    last: Count


class FrozenFacts(Noun):
    """The facts as a set: how many, and the digest over the digests of all uses in their order."""

    uses: Count
    sha256: Sha
    rejected: Count = 0
    rejected_sha256: Sha
    ranges: tuple[OffsetRange, ...] = ()


class Late(Noun):
    """How many uses of an installation are other than at the closing before."""

    installation: Name
    uses: Count


class Inputs(Noun):
    """What a report follows from.

    Attributes
    ----------
    periods
        Those the assessment shows, up to the closed one.
    installations
        Those that there were by the settings.
    least_persons
        Numbers of fewer persons are not told by country.
    profile, counter_profile
        The rules that our own figures are counted by, and those of the COUNTER report; absent without one.
    robots
        The list of robots, which is kept beside.
    country_file
        The file that addresses were led to countries by; it is not kept, its licence may forbid that.
    custody
        Who keeps the pseudonym key and until when, in a sentence; empty where there is no key.
    restatement, previous, because, late
        Which closing of the period this is, the seal before, and what made it necessary.
    """

    format: Literal["observatory-closing/1"] = "observatory-closing/1"
    project: Text
    project_starts: Text | None = None
    period: Text
    from_at: Time
    to_at: Time
    periods: tuple[Text, ...] = ()
    installations: tuple[Name, ...] = ()
    least_persons: Count = DEFAULT_LEAST
    profile: Text
    counter_profile: Text | None = None
    facts: FrozenFacts
    sheets: tuple[Digest, ...] = ()
    robots: Digest | None = None
    country_file: Digest | None = None
    custody: Text = ""
    restatement: Count = 0
    previous: Sha | None = None
    because: tuple[Text, ...] = ()
    late: tuple[Late, ...] = ()


def read_inputs(folder: Path) -> Inputs:
    """Return the inputs that a closed folder names.

    Raises
    ------
    FatalFault
        If they cannot be read.
    """
    try:
        return Inputs.model_validate_json((folder / INPUTS_FILE).read_bytes())
    except (OSError, ValueError) as error:
        message = f"{INPUTS_FILE} of {folder.name} cannot be read."
        raise FatalFault(message) from error


def digest_file(path: Path) -> Digest:
    """Return a file's name and digest.

    Raises
    ------
    FatalFault
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Digest(name=path.name, size_bytes=file.tell(), sha256=digest)
    except OSError as error:
        message = f"{path.name} cannot be read ({error.strerror})."
        raise FatalFault(message) from error


def read_code() -> tuple[str, str]:
    """Return the program's version, and the digest of its own modules: what makes a report is among them."""
    found = hashlib.sha256()
    for package in (schemas, sinks, streams):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            found.update(f"{root.name}/{path.relative_to(root).as_posix()}\n".encode())
            found.update(hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).digest())
    try:
        name = version("observatory-streams")
    except PackageNotFoundError:  # run from its sources
        name = "unknown"
    return name, found.hexdigest()


class FolderFacts:
    """A closed folder as a store of facts: what reads a store reads it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: str) -> bytes:
        """Return the file at a path.

        Raises
        ------
        RejectedInput
            ``missing_object``.
        """
        try:
            return (self._folder / key).read_bytes()
        except OSError as error:
            reason = "missing_object"
            raise RejectedInput(reason, f"There is no file {key} in the closed folder.") from error

    def write(self, key: str, data: bytes, *, media_type: str) -> None:
        """Refuse: what is closed is not written to.

        Raises
        ------
        FatalFault
            Always.
        """
        message = f"A closed folder is not written to ({key}, {len(data)} bytes of {media_type})."
        raise FatalFault(message)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Go through the files whose path begins with ``prefix``, in the order of their paths."""
        paths = (path for path in self._folder.rglob("*") if path.is_file())
        for name in sorted(path.relative_to(self._folder).as_posix() for path in paths):
            if name.startswith(prefix):
                yield ObjectInfo(name, (self._folder / name).stat().st_size, from_milliseconds(0))
