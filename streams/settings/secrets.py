"""Secrets: from the environment or from a file of their own, never from the settings file's text in the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr


def read_secret(value: SecretStr | None, file: Path | None) -> str | None:
    """Return a secret from its value or from the file that holds it; ``None`` where neither is given.

    Raises
    ------
    FatalFault
        If the file cannot be read or is empty.
    """
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return None
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"The secret file {file.name} cannot be read ({error.strerror})."
        raise FatalFault(message) from error
    if not secret:
        message = f"The secret file {file.name} is empty."
        raise FatalFault(message)
    return secret
