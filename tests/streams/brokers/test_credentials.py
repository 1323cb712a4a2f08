"""Credentials are complete, never shown, and mean the same to both Kafka doors."""

from __future__ import annotations

import ssl

import pytest
from faust.auth import SASLCredentials, SSLCredentials

from schemas.errors import FatalFault
from streams.brokers.credentials import Credentials, make_ssl_context
from streams.brokers.kafka.transport import to_faust_credentials
from streams.brokers.kafka.words import to_settings

SASL = {"mechanism": "SCRAM-SHA-512", "username": "feed", "password": "open sesame"}


def test_a_password_is_not_shown():
    assert "sesame" not in repr(Credentials(**SASL))


@pytest.mark.parametrize(
    ("settings", "protocol"),
    [({}, "PLAINTEXT"), ({"tls": True}, "SSL"), (SASL, "SASL_PLAINTEXT"), ({**SASL, "tls": True}, "SASL_SSL")],
)
def test_the_protocol_follows_from_what_is_given(settings, protocol):
    made = to_settings(["host:1"], Credentials(**settings), request_s=1)
    assert made["security_protocol"] == protocol
    assert isinstance(made["ssl_context"], ssl.SSLContext) == ("SSL" in protocol.split("_"))
    assert ("sasl_plain_password" in made) == protocol.startswith("SASL")


@pytest.mark.parametrize("missing", SASL)
def test_half_a_sasl_setting_is_refused(missing):
    with pytest.raises(FatalFault, match="together"):
        Credentials(**{name: value for name, value in SASL.items() if name != missing})


def test_certificates_without_tls_are_refused(tmp_path):
    with pytest.raises(FatalFault, match="TLS is off"):
        Credentials(authority_file=tmp_path / "ca.pem")


def test_a_certificate_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "broken.pem").write_text("no certificate")
    for name in ("missing.pem", "broken.pem"):
        with pytest.raises(FatalFault, match="cannot be read"):
            make_ssl_context(Credentials(tls=True, authority_file=tmp_path / name))


def test_tls_checks_the_brokers_certificate_and_name():
    context = make_ssl_context(Credentials(tls=True))
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_faust_gets_the_same_credentials():
    assert to_faust_credentials(Credentials()) is None
    assert isinstance(to_faust_credentials(Credentials(tls=True)), SSLCredentials)
    sasl = to_faust_credentials(Credentials(**SASL, tls=True))
    assert isinstance(sasl, SASLCredentials)
    assert (sasl.username, sasl.password, sasl.mechanism.value) == ("feed", "open sesame", "SCRAM-SHA-512")
    assert sasl.protocol.value == "SASL_SSL"
    assert isinstance(sasl.ssl_context, ssl.SSLContext)
