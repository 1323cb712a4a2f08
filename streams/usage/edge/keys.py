"""Keys: one for the whole project, or one for each period."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from schemas.errors import FatalFault, RejectedInput
from streams.usage.periods import read_period
from streams.usage.pseudonym import load_key

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from streams.usage.periods import NamedPeriod
    from streams.usage.pseudonym import PseudonymKey

Scope = Literal["project", "period"]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys that there are.

    Attributes
    ----------
    scope
        ``project``: a user is recognised in every period. ``period``: in none but their own, so that over several
        periods only bounds are known.
    project_key, period_keys
        One or the other.
    """

    scope: Scope
    project_key: PseudonymKey | None = None
    period_keys: tuple[tuple[NamedPeriod, PseudonymKey], ...] = ()

    def find(self, at: dt.datetime) -> PseudonymKey:
        """Return the key for a moment.

        Raises
        ------
        FatalFault
            If there is none.
        """
        if self.project_key is not None:
            return self.project_key
        for period, key in self.period_keys:
            if period.from_at <= at < period.to_at:
                return key
        message = f"There is no pseudonym key for {at:%Y-%m-%d}; uses of that day cannot be recorded."
        raise FatalFault(message)


def load_keys(path: Path, scope: Scope, *, project_start: dt.date | None = None) -> KeyRing:
    """Return the key in a file, or with the scope ``period`` the keys in a folder: ``M13-24.key``, ``2026-11.key``.

    Raises
    ------
    FatalFault
        If a key cannot be read, is no key, a name is no period, periods overlap, or there are none.
    """
    if scope == "project":
        return KeyRing("project", load_key(path))
    try:
        found = [(read_period(file.stem, project_start=project_start), load_key(file)) for file in path.glob("*.key")]
    except RejectedInput as fault:
        message = f"A key in {path.name} is named for no period: {fault.sentence}"
        raise FatalFault(message) from fault
    ordered = sorted(found, key=lambda entry: entry[0].from_at)
    if any(before.to_at > after.from_at for (before, _), (after, _) in pairwise(ordered)):
        message = f"The periods of the keys in {path.name} overlap: nobody could say which key a day has."
        raise FatalFault(message)
    if len({key.fingerprint for _, key in ordered}) < len(ordered):
        message = f"Two periods in {path.name} have one key: who comes again would be recognised."
        raise FatalFault(message)
    if not ordered:
        message = f"There is no key in the folder {path.name}; each period has a file, such as M13-24.key."
        raise FatalFault(message)
    return KeyRing("period", period_keys=tuple(ordered))
