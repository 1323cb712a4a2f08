"""What an S3 server asks of us: passed as a value, never part of an address, never printed."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys of one account.

    Attributes
    ----------
    access_key
        The account's public name.
    secret_key
        What signs the requests.
    session_token
        With temporary keys only.
    """

    access_key: str
    secret_key: SecretStr
    session_token: SecretStr | None = None
