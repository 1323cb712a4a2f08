"""How to introduce oneself to a Kafka broker: TLS and SASL settings as plain values."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from pathlib import Path

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """TLS and SASL settings; the empty form is a plain, unauthenticated connection.

    Attributes
    ----------
    tls
        Encrypt, and check the broker's certificate and name.
    authority_file
        PEM file of the authorities to trust, beside the system's own.
    certificate_file, key_file
        PEM files of a client certificate, where the broker asks for one.
    mechanism, username, password
        SASL; all three or none.
    """

    tls: bool = False
    authority_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    mechanism: Mechanism | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other.

        Raises
        ------
        FatalFault
            If SASL is given in part, or certificates without TLS.
        """
        sasl = (self.mechanism, self.username, self.password)
        if any(sasl) and not all(sasl):
            sentence = "SASL needs mechanism, username and password together."
            raise FatalFault(sentence)
        if (self.authority_file or self.certificate_file or self.key_file) and not self.tls:
            sentence = "Certificates for the broker are given, but TLS is off."
            raise FatalFault(sentence)

    @property
    def protocol(self) -> str:
        """Name of the security protocol, in Kafka's words."""
        return f"{'SASL_' if self.mechanism else ''}{'SSL' if self.tls else 'PLAINTEXT'}"


def make_ssl_context(credentials: Credentials) -> ssl.SSLContext | None:
    """Return the TLS context of these credentials, ``None`` without TLS.

    Raises
    ------
    FatalFault
        If a file cannot be read or is no PEM file.
    """
    if not credentials.tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    try:
        if credentials.authority_file:
            context.load_verify_locations(credentials.authority_file)
        if credentials.certificate_file:
            context.load_cert_chain(credentials.certificate_file, credentials.key_file)
    except (OSError, ssl.SSLError) as error:
        sentence = "A certificate or key file for the broker cannot be read."
        raise FatalFault(sentence) from error
    return context
