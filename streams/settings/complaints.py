"""How a wrong setting is told: where it stands, what is wrong with it, and what was probably meant."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

#: Settings whose value is never repeated in a complaint.
SECRETS = frozenset({"password", "access_key", "secret_key"})

#: A user, and maybe a password, in an address.
_LOGIN = re.compile(r"//[^/]*@")

#: What matches the patterns that settings are held against.
_EXAMPLES = {
    r"^[A-Z]{2}$": "ES, two capital letters of ISO 3166, or ZZ where it is not known",
    r"^0[a-z0-9]{6}[0-9]{2}$": "02nv7yv05, the end of the address that https://ror.org gives an institution",
    r"^\d{4}-(0[1-9]|1[0-2])$": "2022-09, a year and a month",
    r"^[a-z0-9][a-z0-9-]{0,62}$": "camera-1, of a-z, 0-9 and hyphens",
}

#: Characters of a wrong value that are repeated.
_SHOWN = 80


def to_complaint(item: dict[str, Any], known: Collection[str], *, below: tuple[str, ...] = ()) -> str:
    """Return what pydantic says of one setting, as a person reads it.

    Parameters
    ----------
    item
        One of the errors of a ``ValidationError``.
    known
        The names that may stand where an unknown one was found.
    below
        The tables above what was validated.
    """
    where = ".".join(str(step) for step in (*below, *item["loc"]))
    if item["type"] == "extra_forbidden":
        return f"{where}: there is no such setting{suggest(str(item['loc'][-1]), known)}"
    if item["type"] == "missing":
        return f"{where}: this must be given"
    given = item.get("input")
    is_secret = bool(item["loc"]) and str(item["loc"][-1]) in SECRETS
    plain = _LOGIN.sub("//***@", json.dumps(given, default=str))[:_SHOWN]
    shown = "" if is_secret or isinstance(given, dict) else f" (given: {plain})"
    return f"{where}: {_to_words(item)}{shown}"


def _to_words(item: dict[str, Any]) -> str:
    """Return what is wrong with a value, without the grammar that it was held against."""
    if item["type"] == "string_pattern_mismatch":
        pattern = item.get("ctx", {}).get("pattern", "")
        return (
            f"this should look like {_EXAMPLES[pattern]}" if pattern in _EXAMPLES else "this is not of the right form"
        )
    return str(item["msg"]).removeprefix("Value error, ")


def suggest(name: str, known: Collection[str]) -> str:
    """Return the end of a sentence on a name that does not exist: the one that was probably meant, or those there are."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(sorted(known))}" if known else ""
