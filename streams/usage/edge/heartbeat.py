"""Heartbeats: a door says that it was there, so that silence can be told from nothing to count."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from schemas.noun import to_time_text
from schemas.usage import DeclaredOwner, Heartbeat, make_usage_id
from streams.usage.edge.caller import Caller, Request, record_use

if TYPE_CHECKING:
    from schemas.usage import UsageEvent

_OPERATION = "heartbeat"

#: Between two heartbeats of a door: 52,560 in a year for each installation and door, each of them a fact. More often would
#: tell a little sooner that a door fell silent, and make most facts of a quiet installation heartbeats.
EVERY = dt.timedelta(minutes=10)

_MINUTE = dt.timedelta(minutes=1)


def make_heartbeat(
    door: str, installation: str, since_at: dt.datetime, until_at: dt.datetime, *, last: bool = False
) -> UsageEvent:
    """Return the record by which a door says that it recorded whatever came between two moments.

    Parameters
    ----------
    since_at
        The end of its heartbeat before, or when it opened.
    last
        Whether it is closed on purpose.
    """
    request = f"{installation}/{to_time_text(since_at)}/{to_time_text(until_at)}{'/last' if last else ''}"
    event_id = make_usage_id(door=door, operation=_OPERATION, request=request, observer_sha256=None)
    caller = Caller(DeclaredOwner(owner="unknown"), door=door, traffic="internal")
    act = Heartbeat(since_at=since_at, last=last)
    return record_use(caller, Request(event_id, until_at, installation, _OPERATION, act=act, purpose="canary"))


def to_minute(moment: dt.datetime) -> dt.datetime:
    """Return the beginning of the minute: heartbeats begin and end there, so that several who keep a door say the same."""
    return moment.replace(second=0, microsecond=0)
