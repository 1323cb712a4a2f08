"""The pseudonym key's end: a separate act, refused while an auditor may still ask, and written down for good."""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical, to_sha256
from schemas.errors import FatalFault
from schemas.noun import to_time_text
from sinks.object_store.files import sync_file, sync_folder
from streams.usage.pseudonym import load_key

if TYPE_CHECKING:
    from pathlib import Path

#: Beside the sealed periods: a line for each step, each with the digest of the line before.
LOG_FILE = "key-log.jsonl"

#: A reason of fewer letters is none.
REASON_LETTERS = 20


@dataclass(frozen=True, slots=True)
class Custody:
    """Who keeps the key, and how long.

    Attributes
    ----------
    custodian
        A role.
    final_payment, audit_years
        The audit window ends so many years after the final payment; without that day, nobody knows when.
    """

    key_file: Path
    custodian: str | None = None
    final_payment: dt.date | None = None
    audit_years: int = 5

    @property
    def ends_on(self) -> dt.date | None:
        """The first day on which the key may go; the day after, where a leap day has none in that year."""
        if self.final_payment is None:
            return None
        year = self.final_payment.year + self.audit_years
        try:
            return self.final_payment.replace(year=year)
        except ValueError:
            return dt.date(year, 3, 1)


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What was destroyed; the fingerprint tells the key from others, and nothing else of it."""

    fingerprint: str
    ends_on: dt.date | None
    is_forced: bool


def tell_custody(custody: Custody, log: Path) -> str:
    """Return who keeps the key and until when, or what became of it; the log is read where there is one.

    Raises
    ------
    FatalFault
        If the log was changed.
    """
    ended = [entry for entry in read_log(log) if entry["act"] == "destroyed"]
    if ended and not custody.key_file.is_file():
        early = ", before the audit window had ended" if ended[-1].get("forced") else ""
        return f"destroyed on {ended[-1]['at'][:10]} by the {ended[-1]['custodian']}{early}, as its log says"
    keeper = f"kept by the {custody.custodian}" if custody.custodian else "nobody is named as its custodian"
    span = f"{custody.audit_years} years after the final payment"
    if custody.ends_on is None:
        return f"{keeper}; to be kept until {span}, whose day is not set yet"
    return f"{keeper}; to be kept until the audit window ends on {custody.ends_on} ({span})"


def destroy_key(custody: Custody, log: Path, *, reason: str, force: bool = False, now_at: dt.datetime) -> Destroyed:
    """Destroy the key: written down before and after, overwritten, removed.

    Who returns can then not be recognised any more, and no restatement can tell new users from known ones. Copies that
    the custodian keeps elsewhere are the custodian's to destroy.

    Raises
    ------
    FatalFault
        If nobody is named as its custodian, no reason is given, the audit window has not ended (unless forced), or the
        file is no key, has a second name, or cannot be written.
    """
    written = " ".join(reason.split())
    _check(custody, written, force=force, today=now_at.astimezone(dt.UTC).date())
    fingerprint = load_key(custody.key_file).fingerprint
    entry = {
        "custodian": custody.custodian,
        "fingerprint": fingerprint,
        "forced": _is_early(custody, now_at.astimezone(dt.UTC).date()),
        "reason": written,
        "window_ends_on": custody.ends_on.isoformat() if custody.ends_on else "not known",
        "at": to_time_text(now_at),
    }
    try:
        append_entry(log, entry | {"act": "destroying"})
        _overwrite(custody.key_file)
        append_entry(log, entry | {"act": "destroyed"})
    except OSError as error:
        message = f"The key file {custody.key_file.name} could not be destroyed: {error.strerror}."
        raise FatalFault(message) from error
    return Destroyed(fingerprint, custody.ends_on, bool(entry["forced"]))


def _is_early(custody: Custody, today: dt.date) -> bool:
    return custody.ends_on is None or today < custody.ends_on


def _check(custody: Custody, reason: str, *, force: bool, today: dt.date) -> None:
    if custody.key_file.is_dir():
        message = "The key file is a folder of keys of periods; this command destroys the project's one key."
        raise FatalFault(message)
    if not custody.custodian:
        message = "Nobody is named as the key's custodian; name the role in the settings: project.key_custodian."
        raise FatalFault(message)
    if len(reason) < REASON_LETTERS:
        message = f"The destruction is written down with its reason: give one of at least {REASON_LETTERS} letters."
        raise FatalFault(message)
    if _is_early(custody, today) and not force:
        ends = f"ends on {custody.ends_on}" if custody.ends_on else "has no end: project.final_payment is not set"
        message = (
            f"The audit window {ends}; until then restatements need the key to recognise users who return. "
            "It is kept, unless you force its destruction with a reason, which is written down."
        )
        raise FatalFault(message)


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        if os.fstat(file.fileno()).st_nlink > 1:
            message = f"The key file {path.name} has a second name (a hard link), under which the key would stay."
            raise FatalFault(message)
        size = os.fstat(file.fileno()).st_size
        file.write(secrets.token_bytes(size))
        file.flush()
        sync_file(file.fileno())
    path.unlink()
    sync_folder(str(path.parent))


def append_entry(log: Path, entry: dict[str, Any]) -> None:
    """Write one more line behind those of a log, with the digest of the last one; durable on return.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = log.read_bytes().splitlines() if log.is_file() else []
    previous = to_sha256(lines[-1]) if lines else "none"
    with log.open("ab") as file:
        file.write(to_canonical(entry | {"previous": previous}) + b"\n")
        file.flush()
        sync_file(file.fileno())
    sync_folder(str(log.parent))


def read_log(log: Path) -> list[dict[str, Any]]:
    """Return the entries of a log.

    Raises
    ------
    FatalFault
        If a line was changed, taken out or put in, which the digests tell.
    """
    previous, entries = "none", []
    for number, line in enumerate(log.read_bytes().splitlines() if log.is_file() else (), start=1):
        try:
            entry = json.loads(line)
            is_next = entry["previous"] == previous
        except (ValueError, KeyError, TypeError):
            is_next = False
        if not is_next:
            message = f"{log.name}:{number}: this line does not follow the one before; the log was changed."
            raise FatalFault(message)
        entries.append(entry)
        previous = to_sha256(line)
    return entries
