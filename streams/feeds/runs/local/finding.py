"""Which folders and zips are runs: by their content, and where only pictures lie, by whether they look like cut-outs."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput, TransientFault
from streams.feeds.decoding.limits import Limits, Order
from streams.feeds.decoding.sniff import sniff
from streams.feeds.runs.ecotaxa.reader import EcotaxaReader
from streams.feeds.runs.files import PICTURE_SUFFIXES, lend_files, list_folder, translate_system_errors
from streams.feeds.runs.limits import DEFAULT, RunLimits
from streams.feeds.runs.registry import is_zip
from streams.feeds.runs.visualspreadsheet.reader import VisualSpreadsheetReader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

#: What is looked at of a folder of pictures, spread evenly over its names.
_SAMPLE = 60

#: Cut-outs are small and each has a size of its own; the stills of a camera are all of one. Measured: of 250 pictures of a
#: VLIZ FlowCam there are 248 sizes, of 2,000 of another 537, with medians of 6,100 and 550 pixels; of a camera's stills one.
_MEDIAN_PX, _SIZES, _SHARE_OF_SIZES = 250_000, 3, 0.2

#: Bytes that hold the size of a picture in its file.
_SIZE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run on this machine, not yet read.

    Attributes
    ----------
    path
        Its folder or zip.
    subject
        Its name relative to what was given, with ``/``; the name of the folder or file where itself was given.
    """

    path: Path
    subject: str


@dataclass
class Findings:
    """What a search through folders came to.

    Attributes
    ----------
    runs
        In the order of names.
    pictures
        Folders that hold nothing but pictures, as far as runs go, and are not taken for a run: they may be a camera's.
    """

    runs: list[FoundRun] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)


def find_runs(paths: Iterable[Path], *, exclude: Collection[Path] = (), told: bool = False) -> Findings:
    """Return the runs among paths.

    A folder whose own files hold a list of particles or a table of objects is a run, with everything below it; so is a zip.
    A folder that holds neither, in no depth, is one run if its pictures are cut-outs.

    Parameters
    ----------
    exclude
        Folders that are not entered.
    told
        Somebody says that these are runs: any pictures are taken for cut-outs.

    Raises
    ------
    TransientFault
        If a folder cannot be listed.
    """
    findings = Findings()
    kept_out = {path.resolve() for path in exclude}
    for path in paths:
        place = path.resolve()
        if place.is_dir():
            _Search(place, findings, kept_out, told=told).enter(place)
        elif place.is_file() and is_zip(place):
            findings.runs.append(FoundRun(place, path.name))
    return findings


def find_share_runs(folder: Path, *, exclude: Collection[Path] = (), proven: set[Path] | None = None) -> list[FoundRun]:
    """Return the runs in a folder where each has a folder or zip of its own, in the order of names.

    Pictures alone are a run only in a folder of their own, so that one batch after the other is not taken for one run that grows.

    Parameters
    ----------
    proven
        Folders that were seen to be runs before, which are not looked into again; added to.

    Raises
    ------
    TransientFault
        If the folder cannot be listed.
    """
    place = folder.resolve()
    kept_out = {path.resolve() for path in exclude}
    own, below = _scan(place, kept_out)
    if _holds_proof(own):
        return [FoundRun(place, place.name)]
    findings = Findings([FoundRun(path, name) for name, path in own.items() if is_zip(path)])
    for part in below:
        _Search(place, findings, kept_out, told=True, proven=set() if proven is None else proven).enter(part)
    return findings.runs


@dataclass
class _Search:
    root: Path
    findings: Findings
    exclude: Collection[Path]
    told: bool
    proven: set[Path] = field(default_factory=set)

    def enter(self, folder: Path) -> None:
        """Look at a folder; what is only pictures is judged as a whole, from the highest folder that holds no run."""
        if not self._walk(folder):
            self._judge_pictures(folder)

    def _walk(self, folder: Path) -> bool:
        """Add the runs in and below a folder, and return whether there are any."""
        own, below = _scan(folder, self.exclude)
        if (own and folder in self.proven) or _holds_proof(own):
            self.proven.add(folder)
            self.findings.runs.append(self._name(folder))
            return True
        zips = [self._name(path) for path in own.values() if is_zip(path)]
        found = [(place, self._walk(place)) for place in below]
        self.findings.runs += zips
        if not zips and not any(has_runs for _, has_runs in found):
            return False
        # pictures beside runs may be cut-outs too
        for place, has_runs in found:
            if not has_runs:
                self._judge_pictures(place)
        return True

    def _judge_pictures(self, folder: Path) -> None:
        pictures = _list_pictures(folder, self.exclude)
        if not pictures:
            return
        if self.told or are_cutouts(pictures):
            self.findings.runs.append(self._name(folder))
        else:
            self.findings.pictures.append(folder)

    def _name(self, path: Path) -> FoundRun:
        subject = path.relative_to(self.root).as_posix() if path != self.root else path.name
        return FoundRun(path, subject)


def list_run(run: FoundRun, limits: RunLimits = DEFAULT) -> dict[str, Path]:
    """Return the files of a run's folder by their names in it, or the one zip.

    Raises
    ------
    RejectedInput
        ``too_many_files``.
    TransientFault
        If the folder cannot be listed.
    """
    if not run.path.is_dir():
        return {run.path.name: run.path}
    return dict(list_folder(run.path, limits).paths)


def take_fingerprint(run: FoundRun) -> tuple[int, int]:
    """Return the bytes of a run's files, and a number that changes with the name, size or time of any of them.

    Raises
    ------
    RejectedInput, TransientFault
        As :func:`list_run`.
    """
    digest, whole = hashlib.sha256(), 0
    with translate_system_errors():
        for name, path in sorted(list_run(run).items()):
            found = path.stat()
            whole += found.st_size
            digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return whole, int.from_bytes(digest.digest()[:7], "big")


def are_cutouts(pictures: list[Path]) -> bool:
    """Return whether pictures are cut-outs and not the stills of a camera: small, and of many sizes."""
    step = max(len(pictures) // _SAMPLE, 1)
    sizes = [size for path in pictures[::step][:_SAMPLE] if (size := _read_size(path)) is not None]
    many = len(set(sizes)) >= max(_SIZES, _SHARE_OF_SIZES * len(sizes))
    return many and median(width * height for width, height in sizes) <= _MEDIAN_PX


def _read_size(path: Path) -> tuple[int, int] | None:
    """Return the size that a picture's file says of it, without its pixels."""
    from streams.feeds.decoding.stills import open_still  # noqa: PLC0415 - only where a folder of pictures is judged
    from streams.feeds.runs.pixels import NoNotes  # noqa: PLC0415

    try:
        with translate_system_errors():
            data = path.read_bytes() if path.stat().st_size <= Limits().still_bytes else b""
        form = sniff(data[:_SIZE_BYTES])
        if form.kind != "still":
            return None
        header = next(open_still(memoryview(data), form, Order(probe=True), NoNotes()))
    except (RejectedInput, TransientFault):
        return None
    return (header.width_px, header.height_px)  # type: ignore[union-attr]  # the first event is the header


def _holds_proof(own: dict[str, Path]) -> bool:
    files = lend_files({name: path for name, path in own.items() if _is_plain(name)})
    try:
        return VisualSpreadsheetReader().recognise(files) or EcotaxaReader().recognise(files)
    except TransientFault:
        return False  # locked for now: whoever watches looks again


def _is_plain(name: str) -> bool:
    return not ({"\\", ":"} & set(name)) and name.isprintable()


def _scan(folder: Path, exclude: Collection[Path]) -> tuple[dict[str, Path], list[Path]]:
    """Return the files and folders in a folder, without hidden ones and links, in the order of names."""
    own: dict[str, Path] = {}
    below: list[Path] = []
    with translate_system_errors(), os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = Path(entry.path)
            if entry.name.startswith(".") or path in exclude:
                continue
            if entry.is_dir(follow_symlinks=False):
                below.append(path)
            elif entry.is_file(follow_symlinks=False):
                own[entry.name] = path
    return own, below


def _list_pictures(folder: Path, exclude: Collection[Path]) -> list[Path]:
    own, below = _scan(folder, exclude)
    found = [path for name, path in own.items() if name.lower().endswith(PICTURE_SUFFIXES)]
    for place in below:
        found += _list_pictures(place, exclude)
    return found
