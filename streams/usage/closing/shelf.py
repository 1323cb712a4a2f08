"""The shelf: where sealed periods stand, one folder for each closing, and what reports say of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import FatalFault
from schemas.noun import to_time_text
from streams.usage.closing.inputs import digest_file, read_inputs
from streams.usage.closing.key import LOG_FILE, Custody, append_entry, read_log, tell_custody
from streams.usage.closing.seal import SEAL_FILE, Seal, read_seal
from streams.usage.reports.lines import SUPPRESSED, TOGETHER
from streams.usage.reports.report import make_report
from streams.usage.reports.tables import to_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.settings.model import Deployment
    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts
    from streams.usage.reports.report import Report
    from streams.usage.reports.scope import Scope

#: Beside the sealed periods: a line for each closing, each with the digest of the line before.
CLOSINGS_FILE = "closings.jsonl"

_FOLDER = re.compile(r"restatement-(\d{1,4})")

#: What the figures of a line are; ``as_of`` tells which facts stand behind them.
_FIGURE = ("definition", "state", "why", "value", "share", "method", "low", "high", "coverage")


@dataclass(frozen=True, slots=True)
class Closed:
    """A sealed folder."""

    folder: Path
    seal: Seal

    @property
    def sentence(self) -> str:
        """``M25-36 was closed on 2025-10-01T..., seal ..., restatement 0.``."""
        seal = self.seal
        broken = "" if seal.is_whole else " The seal is broken."
        closed = to_time_text(seal.closed_at)
        return f"{seal.period} was closed on {closed}, seal {seal.seal}, restatement {seal.restatement}.{broken}"


def to_shelf(deployment: Deployment) -> Path:
    """Return the folder in which a deployment's sealed periods stand; it may not be there yet."""
    return deployment.project.closed_folder or deployment.folder / "closed"


def find_custody(deployment: Deployment) -> Custody | None:
    """Return who keeps the pseudonym key and until when, by the settings; ``None`` where there is no key."""
    project = deployment.project
    if project.pseudonym_key_file is None:
        return None
    return Custody(
        key_file=project.pseudonym_key_file,
        custodian=project.key_custodian,
        final_payment=project.final_payment,
        audit_years=project.audit_years,
    )


def tell_key(deployment: Deployment) -> str:
    """Return what a report says of the pseudonym key; nothing where there is none.

    Raises
    ------
    FatalFault
        If the log of what became of it was changed.
    """
    custody = find_custody(deployment)
    if custody is None:
        return ""
    kept = tell_custody(custody, to_shelf(deployment) / LOG_FILE)
    if deployment.project.pseudonym_scope == "period":
        return f"one for each period, so that totals of users are bounds; {kept}"
    return f"one for the whole project; {kept}"


def list_closed(shelf: Path, period: str | None = None) -> tuple[Closed, ...]:
    """Return what is sealed, of one period or of all, in the order of periods and restatements.

    A folder without a seal is none: a closing that was killed leaves nothing that is found here.
    """
    periods = [shelf / period] if period is not None else sorted(shelf.iterdir()) if shelf.is_dir() else []
    found = []
    for place in periods:
        numbered = [
            (int(match[1]), folder)
            for folder in (place.iterdir() if place.is_dir() else ())
            if (match := _FOLDER.fullmatch(folder.name)) and (folder / SEAL_FILE).is_file()
        ]
        found += [Closed(folder, read_seal(folder)) for _, folder in sorted(numbered)]
    return tuple(found)


def find_newest(shelf: Path, period: str) -> Closed | None:
    """Return the closing of a period that is in force, if it was closed."""
    return next(reversed(list_closed(shelf, period)), None)


def to_folder(shelf: Path, period: str, restatement: int) -> Path:
    """Return the folder of a closing."""
    return shelf / period / f"restatement-{restatement}"


def note_closing(shelf: Path, closed: Closed) -> None:
    """Write a closing down in the log of the shelf, unless it stands there.

    Raises
    ------
    FatalFault
        If the log was changed.
    OSError
        If it cannot be written.
    """
    seal = closed.seal
    if all(entry["seal"] != seal.seal for entry in read_log(shelf / CLOSINGS_FILE)):
        told = {"period": seal.period, "restatement": seal.restatement, "seal": seal.name}
        append_entry(shelf / CLOSINGS_FILE, told | {"closed_at": to_time_text(seal.closed_at)})


def find_lost(shelf: Path, period: str | None = None) -> tuple[str, ...]:
    """Return the sentences on closings that were written down and are not on the shelf as they were, of one period or all.

    Raises
    ------
    FatalFault
        If the log was changed, or a seal cannot be read.
    """
    entries = [entry for entry in read_log(shelf / CLOSINGS_FILE) if period in {None, entry["period"]}]
    there = {closed.seal.seal for closed in list_closed(shelf, period)} if entries else set()
    return tuple(
        f"{entry['period']}, restatement {entry['restatement']}, which was closed on {entry['closed_at']} with the seal "
        f"{entry['seal']}, is not there any more."
        for entry in entries
        if entry["seal"] not in there
    )


def tell_closed(shelf: Path, report: Report) -> tuple[str, ...]:
    """Return what a report must say of its periods that are closed, and whether it says other than what is sealed."""
    told: list[str] = []
    plain = to_plain(report)["installations"]
    for period in report.periods:
        try:
            told += find_lost(shelf, period.name)
            closed = find_newest(shelf, period.name)
        except FatalFault as fault:
            told.append(f"{period.name} was closed, but its seal cannot be read. {fault.sentence}")
            continue
        if closed is not None:
            told.append(f"{closed.sentence} {_compare(closed, plain)}")
    return tuple(told)


def tell_assessed(
    shelf: Path, facts: Facts, periods: Sequence[NamedPeriod], *, sheets: Sequence[Path], scope: Scope
) -> tuple[str, ...]:
    """Return what an assessment must say of its periods that are closed.

    Parameters
    ----------
    sheets
        The sheets it is made of: they may be others than the sealed ones, and what they declare with them.
    """
    if not any((shelf / period.name).is_dir() for period in periods):
        return ()
    told = list(tell_closed(shelf, make_report(facts, periods, scope)))
    files = [file for path in sheets for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]
    given = {digest_file(file).sha256 for file in files}
    for period in periods:
        closed = find_newest(shelf, period.name)
        sealed = {item.sha256 for item in read_inputs(closed.folder).sheets} if closed is not None else set()
        if sealed and not given <= sealed:
            told.append(f"The metric sheets are other than those that {period.name} was closed with.")
    return tuple(told)


def _compare(closed: Closed, plain: dict[str, list[dict[str, Any]]]) -> str:
    try:
        sealed = json.loads((closed.folder / "report" / "usage.json").read_bytes())["installations"]
        old = _index(sealed, closed.seal.period)
    except (OSError, ValueError, KeyError, TypeError):
        return "Its sealed figures cannot be read; see: observatory period verify."
    new = _index(plain, closed.seal.period)
    names = {installation for installation, *_ in new}
    both = {key for key in {*old, *new} if key[0] in names}
    # a report on several periods may suppress more, so as not to tell of one by the others: that is no other figure
    veiled = _list_suppressed(old) ^ _list_suppressed(new)
    veiled |= {(name, metric, TOGETHER) for name, metric, _ in veiled}
    changed = sum(_to_figure(old.get(key)) != _to_figure(new.get(key)) for key in both - veiled)
    late = sum(old[key].get("as_of") != new[key].get("as_of") for key in both if key in old and key in new)
    if changed:
        return (
            f"{changed} figures here are other than the sealed ones, which stand until the period is closed again: "
            f"observatory period close {closed.seal.period}"
        )
    return "Uses came late; they change no figure." if late else "The figures here are the sealed ones."


def _index(installations: dict[str, list[dict[str, Any]]], period: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {
        (name, row["metric"], row["detail"]): row
        for name, rows in installations.items()
        for row in rows
        if row["period"] == period
    }


def _list_suppressed(rows: dict[tuple[str, str, str], dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {key for key, row in rows.items() if row["state"] == SUPPRESSED}


def _to_figure(row: dict[str, Any] | None) -> list[Any]:
    # a part stands in a report if any of its periods has it: one that is not there is one of nothing
    if row is None or (row["detail"] and row.get("value") == 0):
        return []
    return [row.get(name) for name in _FIGURE]
