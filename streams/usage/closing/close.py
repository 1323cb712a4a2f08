"""Closing a period: its facts, definitions and rules frozen, the report made of them, and all of it sealed at once."""

from __future__ import annotations

import shutil
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, TransientFault
from schemas.noun import to_time_text
from sinks.object_store.files import fill_with, sync_folder, write_replacing
from streams.usage.closing.changes import PREVIOUS_FOLDER, count_late
from streams.usage.closing.freezing import LOOK_AHEAD, freeze
from streams.usage.closing.inputs import (
    INPUTS_FILE,
    ROBOTS_FILE,
    SHEETS_FOLDER,
    Digest,
    Inputs,
    digest_file,
    read_code,
    read_inputs,
)
from streams.usage.closing.merkle import to_folder_root
from streams.usage.closing.rendering import choose_periods, is_text, render_others, render_texts
from streams.usage.closing.seal import BLOCKS_FILE, SEAL_FILE, Seal, hash_folder, list_files, to_blocks_text
from streams.usage.closing.shelf import Closed, find_lost, find_newest, note_closing, to_folder
from streams.usage.counting.robots import load_robots
from streams.usage.reports.definitions import PROFILE
from streams.usage.suppression import DEFAULT_LEAST

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from streams.usage.meter import FactStore
    from streams.usage.periods import NamedPeriod

#: The profile of the COUNTER report.
COUNTER_PROFILE = "counter-rd-1"

#: A folder that is being filled. Those that were left by a closing that was killed are removed when they are a day old.
_UNDONE, _UNDONE_S = ".closing-", 86_400.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be closed, and with what.

    Attributes
    ----------
    least_persons
        Numbers of fewer persons are not told by country; at a restatement as in the closing before.
    sheets
        Files of metric sheets, and folders of them; none at a restatement: those of the closing before.
    robots
        The list of robots, without which there is no COUNTER report; as with the sheets.
    country_file
        The file that addresses were led to countries by; its digest is kept.
    custody
        Who keeps the pseudonym key and until when, as the report tells it.
    """

    period: NamedPeriod
    project: str
    project_starts: str | None = None
    installations: tuple[str, ...] = ()
    least_persons: int = DEFAULT_LEAST
    sheets: tuple[Path, ...] = ()
    robots: Path | None = None
    country_file: Path | None = None
    custody: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """What came of it; ``is_new`` is false where the period was closed before and nothing has come since."""

    closed: Closed
    is_new: bool
    inputs: Inputs


def close_period(store: FactStore, shelf: Path, request: Request, now_at: dt.datetime) -> Closing:
    """Close a period, or restate it if anything came late; nothing is sealed until all of it is written.

    Raises
    ------
    FatalFault
        If the period is not over, a sheet or list is wrong, or the closing before is not what was sealed.
    RejectedInput
        ``broken_facts``.
    TransientFault
        If the store is away, or there is no room.
    """
    period = request.period
    if now_at < period.to_at + LOOK_AHEAD:
        message = f"{period.name} is open until {to_time_text(period.to_at + LOOK_AHEAD)}; only what is over is closed."
        raise FatalFault(message)
    lost = find_lost(shelf, period.name)
    if lost:
        message = f"{' '.join(lost)} Put it back, then close again: what was handed in is restated, never replaced."
        raise FatalFault(message)
    before = find_newest(shelf, period.name)
    if before is not None:
        _check_whole(before)
    folder = shelf / period.name / f"{_UNDONE}{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True)
        _remove_undone(folder.parent)
        inputs = _freeze_all(store, folder, request, before)
        if before is not None:
            note_closing(shelf, before)  # a closing may have been killed before it was written down
        if before is not None and not inputs.because:
            return Closing(before, is_new=False, inputs=read_inputs(before.folder))
        seal = _fill(folder, inputs, now_at)
        target = to_folder(shelf, period.name, inputs.restatement)
        folder.rename(target)
        sync_folder(str(target.parent))
        note_closing(shelf, Closed(target, seal))
    except OSError as error:
        message = f"The period could not be closed: {error.strerror or type(error).__name__}. Nothing was sealed."
        raise TransientFault(message) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Closing(Closed(target, seal), is_new=True, inputs=inputs)


def _check_whole(before: Closed) -> None:
    seal = before.seal
    if not seal.is_whole or to_folder_root(hash_folder(before.folder)) != seal.root:
        message = (
            f"{seal.period}, restatement {seal.restatement}, is not what was sealed, so it cannot be restated; "
            f"see what differs with: observatory period verify {before.folder.name}"
        )
        raise FatalFault(message)


def _remove_undone(place: Path) -> None:
    for left in place.glob(f"{_UNDONE}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _UNDONE_S:
                shutil.rmtree(left, ignore_errors=True)


def _keep(folder: Path, path: str, data: bytes) -> None:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    write_replacing(str(target), fill_with(data))


def _freeze_all(store: FactStore, folder: Path, request: Request, before: Closed | None) -> Inputs:
    """Write what the report will rest on, and return its inputs with why a restatement is needed."""
    old = None if before is None else read_inputs(before.folder)
    sheets = _copy_sheets(folder, request, before)
    periods = choose_periods([folder / SHEETS_FOLDER], request.period) if sheets else ()
    robots = request.robots
    if robots is None and old is not None and old.robots is not None and before is not None:
        robots = before.folder / ROBOTS_FILE
    if robots is not None:
        load_robots(robots)  # a wrong list is told before anything is made of it
        _keep(folder, ROBOTS_FILE, robots.read_bytes())
    facts = freeze(store, request.period, lambda path, data: _keep(folder, path, data))
    inputs = Inputs(
        project=request.project,
        project_starts=request.project_starts,
        period=request.period.name,
        from_at=request.period.from_at,
        to_at=request.period.to_at,
        periods=periods,
        # what was added to the settings since is no part of a period that was over before
        installations=tuple(sorted(request.installations)) if old is None else old.installations,
        # two thresholds would tell the numbers between them
        least_persons=request.least_persons if old is None else old.least_persons,
        profile=PROFILE,
        counter_profile=COUNTER_PROFILE if robots is not None else None,
        facts=facts,
        sheets=tuple(digest_file(folder / SHEETS_FOLDER / name) for name in sheets),
        robots=None if robots is None else digest_file(folder / ROBOTS_FILE),
        country_file=_digest_country_file(request, old),
        custody=request.custody,
    )
    if before is None or old is None:
        return inputs
    return _to_restatement(folder, inputs, (before, old))


def _digest_country_file(request: Request, old: Inputs | None) -> Digest | None:
    if request.country_file is not None:
        return digest_file(request.country_file)
    return None if old is None else old.country_file


def _copy_sheets(folder: Path, request: Request, before: Closed | None) -> list[str]:
    paths = list(request.sheets)
    if not paths and before is not None and (before.folder / SHEETS_FOLDER).is_dir():
        paths = [before.folder / SHEETS_FOLDER]
    files = [file for path in paths for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]
    names = [file.name for file in files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"Several sheets are called {', '.join(twice)}; in the sealed folder they stand side by side."
        raise FatalFault(message)
    if request.sheets and not names:
        message = "There is no metric sheet (a .toml file) there."
        raise FatalFault(message)
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            message = f"{file.name} cannot be read ({error.strerror})."
            raise FatalFault(message) from error
        _keep(folder, f"{SHEETS_FOLDER}/{file.name}", data)
    return sorted(names)


def _to_restatement(folder: Path, inputs: Inputs, closed: tuple[Closed, Inputs]) -> Inputs:
    before, old = closed
    because = []
    if (inputs.facts.uses, inputs.facts.sha256) != (old.facts.uses, old.facts.sha256):
        because.append("Uses of the time before the period's end were recorded after the closing.")
    if inputs.facts.rejected_sha256 != old.facts.rejected_sha256:
        because.append("Records that are no use were found that were taken in before the period's end.")
    if inputs.sheets != old.sheets:
        because.append("The metric sheets were changed.")
    if inputs.robots is not None and (old.robots is None or inputs.robots.sha256 != old.robots.sha256):
        because.append("Another list of robots was given.")
    return inputs.model_copy(
        update={
            "restatement": before.seal.restatement + 1,
            "previous": before.seal.seal,
            "because": tuple(because),
            "late": count_late(before.folder, folder) if because else (),
        }
    )


def _fill(folder: Path, inputs: Inputs, now_at: dt.datetime) -> Seal:
    """Write inputs, reports and seal, in this order."""
    _keep(folder, INPUTS_FILE, inputs.to_canonical() + b"\n")
    if inputs.restatement:
        _keep_previous(folder, to_folder(folder.parent.parent, inputs.period, inputs.restatement - 1))
    for path, data in (render_texts(folder, inputs) | render_others(folder, inputs)).items():
        _keep(folder, path, data)
    files = hash_folder(folder)
    code_version, code_sha256 = read_code()
    seal = Seal(
        period=inputs.period,
        restatement=inputs.restatement,
        closed_at=now_at,
        root=to_folder_root(files),
        code_version=code_version,
        code_sha256=code_sha256,
        previous=inputs.previous,
    ).sealed()
    _keep(folder, BLOCKS_FILE, to_blocks_text(files).encode())
    _keep(folder, SEAL_FILE, seal.to_canonical() + b"\n")
    for path in (*list_files(folder), BLOCKS_FILE, SEAL_FILE):
        (folder / path).chmod(0o444)
    return seal


def _keep_previous(folder: Path, before: Path) -> None:
    """Keep what the closing before said beside, so that the differences can be made again from this folder alone."""
    for path in (SEAL_FILE, *filter(is_text, list_files(before))):
        if not path.startswith(PREVIOUS_FOLDER):
            _keep(folder, f"{PREVIOUS_FOLDER}/{path}", (before / path).read_bytes())
