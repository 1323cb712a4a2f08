"""What doors said last, kept in the object store, so that whoever keeps a door next goes on from there."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from schemas.noun import to_time_text

if TYPE_CHECKING:
    from streams.usage.meter import FactStore

_FOLDER = "usage/doors"


@dataclass(frozen=True, slots=True)
class Said:
    """Until when a door was there, and whether it was closed on purpose then."""

    until_at: dt.datetime
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class DoorMemory:
    """The last words of one door, by installation; losing them costs a gap that need not have been one."""

    store: FactStore
    door: str

    def recall(self, installation: str) -> Said | None:
        """Return what was said last; ``None`` where nothing was, or nothing that can be read.

        Raises
        ------
        TransientFault
            If the store is away.
        """
        try:
            plain = json.loads(self.store.read(self._to_key(installation)))
            return Said(dt.datetime.fromisoformat(plain["until_at"]).astimezone(dt.UTC), plain["is_closed"] is True)
        except (RejectedInput, ValueError, KeyError, TypeError):
            return None

    def remember(self, installation: str, said: Said) -> None:
        """Keep what was said.

        Raises
        ------
        TransientFault, FatalFault
            From the store.
        """
        plain = {"until_at": to_time_text(said.until_at), "is_closed": said.is_closed}
        self.store.write(self._to_key(installation), json.dumps(plain).encode(), media_type="application/json")

    def _to_key(self, installation: str) -> str:
        return f"{_FOLDER}/{self.door}/{installation}.json"
