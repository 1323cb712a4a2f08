"""A broker that demands TLS and a password: who has both works on it as on any other, and who has not is told what is wrong."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.services.fixtures import give_up
from tests.services.servers import LocalServer, find_free_port, find_missing_part
from tests.support.cluster import Cluster
from tests.support.deployments import Site, write_pictures

pytestmark = pytest.mark.kafka

WRONG_PASSWORD = {"password": '"wrong"'}

LOGIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"


@dataclass(frozen=True)
class Secured:
    """A listener that takes SASL over TLS and nothing else, and what somebody needs to be let in."""

    url: str
    authority_file: Path
    password: str = field(repr=False)


def make_certificate(folder):
    """Return the certificate of a broker that nobody else vouches for; its key lies beside it."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on the PATH")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "broker.key"), "-out", str(folder / "broker.crt")),
        ],
        check=True,
        capture_output=True,
    )
    return folder / "broker.crt"


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Give a broker with such a listener."""
    if missing := find_missing_part("kafka"):
        give_up([missing])
    folder, address = tmp_path_factory.mktemp("kafka"), f"127.0.0.1:{find_free_port()}"
    authority_file, password = make_certificate(tmp_path_factory.mktemp("certificates")), secrets.token_urlsafe(20)
    key_store = folder / "broker.pem"
    key_store.write_text(authority_file.with_suffix(".key").read_text() + authority_file.read_text(), encoding="ascii")
    settings = {
        "OBSERVATORY_KAFKA_HOST_LISTENER": address,
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,HOST:SASL_SSL,CONTROLLER:PLAINTEXT",
        "KAFKA_LISTENER_NAME_HOST_SSL_KEYSTORE_TYPE": "PEM",
        "KAFKA_LISTENER_NAME_HOST_SSL_KEYSTORE_LOCATION": str(key_store),
        "KAFKA_LISTENER_NAME_HOST_SASL_ENABLED_MECHANISMS": "PLAIN",
        "KAFKA_LISTENER_NAME_HOST_PLAIN_SASL_JAAS_CONFIG": f'{LOGIN_MODULE} required user_observer="{password}";',
    }
    server = LocalServer("kafka", folder, environment=settings)
    server.start()
    try:
        yield Secured(f"kafka://{address}", authority_file, password)
    finally:
        server.stop()


@pytest.fixture
def open_site(tmp_path, secured, unique_name):
    """Return a site whose settings are right but for those that are changed; ``None`` takes one away."""

    def open_it(**changes):
        right = {
            "tls": "true",
            "authority_file": f'"{secured.authority_file}"',
            "mechanism": '"PLAIN"',
            "username": '"observer"',
            "password": f'"{secured.password}"',
        }
        given = {name: text for name, text in {**right, **changes}.items() if text is not None}
        site = Site(tmp_path / "site", broker=secured.url, name=unique_name, prefix=unique_name)
        return Cluster(site, {f"OBSERVATORY__BROKER__{name.upper()}": text for name, text in given.items()})

    return open_it


def test_who_has_certificate_and_password_checks_makes_topics_and_runs(open_site, tmp_path):
    cluster = open_site()
    assert cluster.ask("check")["exit"] == 0
    write_pictures(tmp_path / "pictures", 4)
    told = cluster.ask("run", tmp_path / "pictures", "--feed", "cam", "--no-page")
    assert (told["exit"], told["submitted"], told["stored"]) == (0, 4, 4), told["stderr"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (WRONG_PASSWORD, "does not take this username with this password"),
        ({"authority_file": None}, "certificate of the Kafka broker is not trusted"),
        ({"mechanism": '"SCRAM-SHA-512"'}, "does not take the SASL mechanism"),
        ({"mechanism": None, "username": None, "password": None}, "may demand a username and a password"),
        ({"tls": "false", "authority_file": None}, "may demand TLS"),
    ],
)
def test_who_lacks_one_of_them_is_told_which(open_site, changes, sentence):
    told = open_site(**changes).ask("check")
    (said,) = [part["error"] for part in told["checked"] if part["part"] == "broker"]
    assert sentence in said
    assert told["exit"] == (3 if "may demand" in sentence else 2), "what only may be is an outage, tried again"


def test_a_worker_whose_password_is_refused_ends_with_that_sentence(open_site):
    cluster = open_site(**WRONG_PASSWORD)
    with cluster.open_worker() as worker:
        assert worker.wait(60) == 2
    (log,) = cluster.site.settings.parent.glob("worker-*.log")
    assert "does not take this username with this password" in log.read_text(encoding="utf-8")
