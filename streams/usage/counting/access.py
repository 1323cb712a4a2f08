"""Access: one line of a log as rules of counting see it, whatever door or log it is from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from schemas.errors import FatalFault
from schemas.media import Purpose
from schemas.noun import Count, Name, Noun, Time
from schemas.usage import UNKNOWN_COUNTRY, Country, Text
from streams.usage.counting.robots import is_tool

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Complaints told of one file.
_MOST_COMPLAINTS = 50

#: HTTP: done.
_DONE = 200


class Access(Noun):
    """An access to a resource (a model, a result, a dataset).

    Attributes
    ----------
    event_id
        The same access has the same id, however often it is told.
    user
        Who, as a pseudonym: the best identity there is (login, cookie, or address and agent together).
    session
        The session's id, where the door keeps sessions.
    resource
        What was opened.
    action
        A request delivers content; an investigation looks at what there is, or submits.
    status
        The HTTP status, or what it would have been.
    agent
        The program that asked, as it names itself; absent where nobody kept it.
    method
        Whether a person's browser or a program asked; absent, it follows from the agent.
    """

    event_id: Text
    requested_at: Time
    installation: Name
    user: Text
    session: Text | None = None
    resource: Annotated[str, StringConstraints(min_length=1, max_length=1200)]
    action: Literal["investigation", "request"]
    status: Annotated[int, Field(ge=100, le=599)] = _DONE
    agent: Annotated[str, StringConstraints(max_length=2000)] | None = None
    purpose: Purpose = "user"
    traffic: Literal["internal", "affiliated", "external", "training", "robot", "test"] = "external"
    method: Literal["Regular", "Machine"] | None = None
    country: Country = UNKNOWN_COUNTRY
    bytes: Count = 0

    @property
    def access_method(self) -> Literal["Regular", "Machine"]:
        """COUNTER's Access_Method: as told, or by the agent; where neither is known, Regular."""
        if self.method is not None:
            return self.method
        return "Machine" if self.agent is not None and is_tool(self.agent) else "Regular"


def read_accesses(lines: Iterable[str], name: str) -> list[Access]:
    """Return the accesses of JSON lines; empty lines are none.

    Raises
    ------
    FatalFault
        If any line is wrong; every wrong line is named, up to 50 of them.
    """
    found, complaints = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(Access.from_json(line))
        except ValidationError as error:
            item = error.errors()[0]
            field = ".".join(map(str, item["loc"]))
            complaints.append(
                f"{name}:{number}: {field + ': ' if field else ''}{item['msg'].removeprefix('Value error, ')}"
            )
    if complaints:
        more = f"\n{name}: and {len(complaints) - _MOST_COMPLAINTS} more" if len(complaints) > _MOST_COMPLAINTS else ""
        raise FatalFault("\n".join(complaints[:_MOST_COMPLAINTS]) + more)
    return found
