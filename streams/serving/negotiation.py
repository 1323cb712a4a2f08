"""Which form an answer has, and whether the asker has it already (RFC 9110)."""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus
from typing import Literal

from streams.serving.problems import ProblemError

Form = Literal["json", "csv"]

MEDIA_TYPES: dict[Form, str] = {"json": "application/json", "csv": "text/csv; charset=utf-8"}

#: In the order in which they are preferred where the asker has no preference.
_OFFERED: tuple[tuple[Form, str], ...] = (("json", "application/json"), ("csv", "text/csv"))

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def choose_form(asked: str | None, accept: str | None) -> Form:
    """Return the form of an answer: as asked for by name, else the best of what is accepted.

    Raises
    ------
    ProblemError
        400 ``unknown_format`` or 406 ``not_acceptable``.
    """
    if asked is not None:
        named = next((form for form, _ in _OFFERED if form == asked), None)
        if named is None:
            raise ProblemError(HTTPStatus.BAD_REQUEST, "unknown_format", "format is json or csv.")
        return named
    ranges = _read_ranges(accept) if accept else {"*/*": 1.0}
    weights = {form: _weigh(ranges, media_type) for form, media_type in _OFFERED}
    best = max(weights, key=lambda form: weights[form])
    if weights[best] <= 0:
        sentence = "Figures are had as application/json or text/csv."
        raise ProblemError(HTTPStatus.NOT_ACCEPTABLE, "not_acceptable", sentence)
    return best


def wants_page(accept: str | None) -> bool:
    """Return whether a person at a browser is asking: browsers name HTML, programs do not."""
    ranges = _read_ranges(accept or "")
    return ranges.get("text/html", 0.0) > max(ranges.get(media_type, 0.0) for _, media_type in _OFFERED)


def _read_ranges(accept: str) -> dict[str, float]:
    """Return the weight of each media range; one whose weight cannot be read counts fully."""
    ranges = {}
    for part in accept.split(","):
        media_range, *parameters = (text.strip().lower() for text in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q" and re.fullmatch(r"[01](\.\d{0,3})?", value.strip()):
                weight = float(value)
        if media_range:
            ranges[media_range] = weight
    return ranges


def _weigh(ranges: dict[str, float], media_type: str) -> float:
    """Return the weight of the most exact range that a media type lies in."""
    kind = media_type.partition("/")[0]
    return next((ranges[name] for name in (media_type, f"{kind}/*", "*/*") if name in ranges), 0.0)


def make_tag(body: bytes) -> str:
    """Return the entity tag of a body: equal bytes, equal tag."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Return whether the asker has the body already; weak and strong tags are compared alike, as RFC 9110 demands here."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)
