"""Problems: what a request is answered that cannot be served, as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput, TransientFault

if TYPE_CHECKING:
    from schemas.errors import ObservatoryError

PROBLEM_MEDIA_TYPE = "application/problem+json"

#: After a fault of a neighbour, asking again makes sense after so long.
RETRY_AFTER_S = 10


class ProblemError(Exception):
    """A request that cannot be served.

    Attributes
    ----------
    reason
        A code that does not change.
    sentence
        What is wrong and what would be right, for a person.
    """

    def __init__(self, status: HTTPStatus, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason
        self.sentence = sentence

    def to_json(self) -> bytes:
        """Return the body; ``about:blank`` says that the status tells the type."""
        plain = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.sentence,
            "reason": self.reason,
        }
        return json.dumps(plain, ensure_ascii=False).encode()

    @property
    def headers(self) -> dict[str, str]:
        """What goes with it."""
        if self.status is HTTPStatus.SERVICE_UNAVAILABLE:
            return {"Retry-After": str(RETRY_AFTER_S)}
        return {}


def to_problem(fault: ObservatoryError) -> ProblemError:
    """Return a fault as an answer: what was asked is bad, a neighbour is away, or the settings here are wrong."""
    if isinstance(fault, RejectedInput):
        return ProblemError(HTTPStatus.BAD_REQUEST, fault.reason, fault.sentence)
    if isinstance(fault, TransientFault):
        return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "outage", fault.sentence)
    sentence = "The server is not set up rightly; its own messages say more."
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "set_up_wrongly", sentence)
