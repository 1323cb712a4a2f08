"""Problems: what a request is answered that cannot be served, as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from schemas.errors import RejectedInput, TransientFault
from schemas.noun import Noun
from streams.serving.style import STYLE

if TYPE_CHECKING:
    from schemas.errors import ObservatoryError

PROBLEM_MEDIA_TYPE = "application/problem+json"

#: After a fault of a neighbour, asking again makes sense after so long.
RETRY_AFTER_S = 10


class Problem(Noun):
    """A problem as it is sent."""

    type: Annotated[str, Field(description="Always about:blank: the status tells the type.")] = "about:blank"
    title: Annotated[str, Field(description="The status in words.")]
    status: Annotated[int, Field(description="The status of HTTP: 4xx is about the question, 5xx about the server.")]
    detail: Annotated[str, Field(description="What is wrong and what would be right, in a sentence.")]
    reason: Annotated[str, Field(description="A code that does not change, such as unknown_period.")]


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
        """Return the body."""
        problem = Problem(title=self.status.phrase, status=int(self.status), detail=self.sentence, reason=self.reason)
        return problem.to_canonical()

    def to_html(self) -> bytes:
        """Return the same for a person at a browser; it is at no fixed depth, so the way back is by the browser."""
        title = escape(self.status.phrase)
        parts = (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n',
            f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{escape(self.sentence)}</p>\n",
            f'<p class="note">Status {int(self.status)}, reason <code>{escape(self.reason)}</code>.</p>\n</body>\n</html>\n',
        )
        return "".join(parts).encode()

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
