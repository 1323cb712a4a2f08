"""Pseudonyms: who used an installation, told apart and told again, without anybody knowing who it is."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from typing import TYPE_CHECKING

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from pathlib import Path

#: 256 bits, as HMAC-SHA256 gives; a shorter key would be the weakest part.
KEY_BYTES = 32

_KEY = re.compile(r"[0-9a-f]{64}")

#: Lets a later rule make other pseudonyms from the same names without a clash.
_RULE, _FINGERPRINT_RULE = b"pseudonym/1", b"pseudonym-key/1"


class PseudonymKey:
    """The project's key; it can be used, not looked at.

    One key serves the whole project, so that a user who returns in another period is recognised. It is kept apart from
    facts and reports: whoever has both could test guesses of who a pseudonym is.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            message = f"A pseudonym key has {KEY_BYTES} bytes, not {len(key)}."
            raise FatalFault(message)
        self._key = key

    def make_pseudonym(self, issuer: str, subject: str) -> str:
        """Return the pseudonym of a login: HMAC-SHA256 (RFC 2104) over issuer and subject, 64 hex digits.

        Each text is preceded by its length, so that no other pair gives the same bytes. All 256 bits are kept.

        Raises
        ------
        ValueError
            If either is empty.
        """
        if not issuer or not subject:
            message = "a login has an issuer and a subject"
            raise ValueError(message)
        texts = (text.encode() for text in (issuer, subject))
        return self._sign(_RULE + b"".join(len(text).to_bytes(8, "big") + text for text in texts))

    def sign(self, rule: str, message: bytes) -> str:
        """Return HMAC-SHA256 of a message under a rule of its own, 64 hex digits; never a pseudonym of anybody.

        For keys that are kept to sign with, in files of the same form: not for the key that makes pseudonyms.
        """
        return self._sign(f"{rule}\n".encode() + message)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that tell this key from another, and nothing else about it."""
        return self._sign(_FINGERPRINT_RULE)[:16]

    def _sign(self, message: bytes) -> str:
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def __repr__(self) -> str:
        """Do not show the key."""
        return f"PseudonymKey(fingerprint={self.fingerprint!r})"

    def __reduce__(self) -> str:
        """Do not let the key be pickled.

        Raises
        ------
        TypeError
            Always.
        """
        message = "a pseudonym key does not leave its process"
        raise TypeError(message)


def make_key(path: Path) -> PseudonymKey:
    """Make a new key in a new file that only its owner may read, and return it.

    Raises
    ------
    FatalFault
        If the file exists (a key that was in use is never overwritten), or cannot be written.
    """
    text = secrets.token_bytes(KEY_BYTES).hex()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        message = (
            f"The key file {path.name} exists and is not overwritten: users counted with it could not be recognised."
        )
        raise FatalFault(message) from error
    except OSError as error:
        message = f"The key file {path.name} could not be written: {error.strerror}."
        raise FatalFault(message) from error
    return read_key(text)


def load_key(path: Path) -> PseudonymKey:
    """Return the key in a file.

    Raises
    ------
    FatalFault
        If it cannot be read, others than its owner may read it, or it holds no key.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The key file {path.name} could not be read."
        raise FatalFault(message) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        message = f"The key file {path.name} may be read by others than its owner; set its mode to 600."
        raise FatalFault(message)
    return read_key(text)


def read_key(text: str) -> PseudonymKey:
    """Return the key that a text spells, such as the value of an environment variable: 64 hex digits.

    Raises
    ------
    FatalFault
        If it spells none, is too short, or is one digit repeated; the text itself is never shown.
    """
    digits = text.strip().lower()
    if not _KEY.fullmatch(digits):
        message = f"A pseudonym key is {2 * KEY_BYTES} hexadecimal digits; what was given has {len(digits)} characters."
        raise FatalFault(message)
    if len(set(digits)) == 1:
        message = "A pseudonym key is made at random, not of one digit repeated."
        raise FatalFault(message)
    return PseudonymKey(bytes.fromhex(digits))
