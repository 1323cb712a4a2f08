"""A submission: what a local installation counted, when it counted, and the signature over all of it."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

from pydantic import Field, StringConstraints, ValidationError

from schemas.canonical import NotCanonicalError, to_canonical, to_sha256
from schemas.errors import RejectedInput
from schemas.noun import Code, Name, Noun, Time
from schemas.usage import Bounded, Measured, Names, Period

if TYPE_CHECKING:
    from streams.usage.pseudonym import PseudonymKey

#: What a submission's signature is made under: no pseudonym and no other signature is made so.
RULE = "submission/1"

#: A submission is some pages of numbers.
LIMIT_BYTES = 4 * 2**20

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SubmittedFigure(Noun):
    """A figure of one period, with the name and version of its definition."""

    metric: Code
    definition: Text
    value: Annotated[Measured | Bounded | Names, Field(discriminator="kind")]


class SubmittedPeriod(Noun):
    """What was counted in one period.

    Attributes
    ----------
    counted
        When somebody counted within it, in order; all other time of it is missing.
    as_of
        Number of facts and the exclusive or of their digests: equal facts, equal text.
    """

    name: Text
    period: Period
    counted: Annotated[tuple[Period, ...], Field(min_length=1, max_length=10_000)]
    as_of: Text
    figures: Annotated[tuple[SubmittedFigure, ...], Field(max_length=200)]


class Submission(Noun):
    """What one station counted for an installation; numbers only, no pseudonym is in it.

    Attributes
    ----------
    station
        Who counted: a local copy of the installation, such as ``laptop_azores``.
    made_at
        When; nothing later can be in it.
    pseudonym_key
        Fingerprint of the key that users were told apart with; absent where there is none.
    """

    format: Literal["observatory-submission/1"] = "observatory-submission/1"
    installation: Name
    station: Code
    made_at: Time
    profile: Text
    program: Text
    pseudonym_key: Fingerprint | None = None
    periods: Annotated[tuple[SubmittedPeriod, ...], Field(min_length=1, max_length=100)]


def sign(submission: Submission, key: PseudonymKey) -> bytes:
    """Return the signed file: canonical JSON; equal submissions under one key are equal files."""
    plain = submission.to_plain() | {"signed_with": key.fingerprint}
    return to_canonical(plain | {"signature": key.sign(RULE, to_canonical(plain))})


def read_submission(data: bytes, key: PseudonymKey, name: str) -> tuple[Submission, str]:
    """Return the submission in a file and the digest by which it is told again, however its JSON is laid out.

    Parameters
    ----------
    key
        The key that it should be signed with.
    name
        What the file is called in complaints.

    Raises
    ------
    RejectedInput
        ``bad_submission``: it is none, was signed with another key, or was changed after it was signed.
    """
    if len(data) > LIMIT_BYTES:
        _refuse(name, f"it has {len(data):,} bytes, and a submission has at most {LIMIT_BYTES:,}.")
    try:
        plain = json.loads(data)
        canonical = to_canonical(plain)
    except (ValueError, RecursionError, NotCanonicalError):
        _refuse(name, "it is no JSON that a submission could be.")
    if not isinstance(plain, dict) or str(plain.get("format", "")).partition("/")[0] != "observatory-submission":
        _refuse(name, "it is no submission of an observatory.")
    _check_signature(plain, key, name)
    try:
        return Submission.model_validate_json(to_canonical(plain)), to_sha256(canonical)
    except ValidationError as error:
        # signed, so nobody's mistake but that of another version
        field = ".".join(map(str, error.errors()[0]["loc"]))
        _refuse(name, f"it is signed, but this version cannot read its field {field[:80]!r}.")


def _check_signature(plain: dict[str, Any], key: PseudonymKey, name: str) -> None:
    """Take the signature off, and hold it against what is left."""
    signature, signed_with = plain.pop("signature", None), plain.get("signed_with")
    if not isinstance(signature, str) or not isinstance(signed_with, str):
        _refuse(name, "it is not signed.")
    if not hmac.compare_digest(signature.encode(), key.sign(RULE, to_canonical(plain)).encode()):
        if signed_with != key.fingerprint:
            told = f"{signed_with[:16]!r}, and the key given is {key.fingerprint!r}; ask the sender for the right key"
            _refuse(name, f"it says that it was signed with the key {told}.")
        _refuse(name, "its content is not what was signed: it was changed afterwards. Ask the sender for it again.")
    del plain["signed_with"]


def _refuse(name: str, sentence: str) -> NoReturn:
    reason = "bad_submission"
    raise RejectedInput(reason, f"The submission {name} is refused: {sentence}")
