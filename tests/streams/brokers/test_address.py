"""Broker addresses mean one thing everywhere, and a wrong one is refused in a sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from yarl import URL

from schemas.errors import FatalFault
from streams.brokers.address import read_log_address, read_scheme, read_servers
from streams.brokers.client import open_client


@pytest.mark.parametrize(
    ("url", "path", "durability"),
    [
        ("embedded:///data/log.db", "/data/log.db", "full"),
        ("embedded:////data/log.db", "/data/log.db", "full"),
        ("embedded:/data/log.db", "/data/log.db", "full"),
        ("embedded:///data/two%20words/log.db?durability=normal", "/data/two words/log.db", "normal"),
        (str(URL("embedded:///data/two words/log.db")), "/data/two words/log.db", "full"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
def test_a_log_has_an_absolute_path(url, path, durability):
    address = read_log_address(url)
    assert (address.path, address.durability) == (Path(path), durability)


@pytest.mark.parametrize(
    "url",
    [
        "embedded://log.db",
        "embedded:log.db",
        "embedded://",
        "embedded:///",
        "embedded:///data/",
        "embedded:///data/log.db?durabilty=full",
        "embedded:///data/log.db?durability=some",
    ],
)
def test_an_address_that_names_no_log_is_refused(url):
    with pytest.raises(FatalFault, match=r"durability|absolute path"):
        read_log_address(url)


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("kafka://broker:9093", ["broker:9093"]),
        ("kafka://broker", ["broker:9092"]),
        ("kafka://a:1,b:2", ["a:1", "b:2"]),
        ("kafka://a:1;kafka://b", ["a:1", "b:9092"]),
        ("kafka://[::1]:9092", ["[::1]:9092"]),
    ],
)
def test_brokers_are_hosts_and_ports(url, servers):
    assert read_servers(url) == servers


@pytest.mark.parametrize(
    "url", ["kafka://", "kafka://host:port", "kafka://host:1,", "kafka://user:word@host:1", "kafka://h/topic"]
)
def test_an_address_that_names_no_brokers_is_refused(url):
    with pytest.raises(FatalFault, match="write kafka://host:9092") as caught:
        read_servers(url)
    assert "word" not in caught.value.sentence


@pytest.mark.parametrize("url", ["", "log.db", "/data/log.db", "://x"])
def test_an_address_without_a_scheme_is_refused(url):
    with pytest.raises(FatalFault, match="no broker address"):
        read_scheme(url)


def test_an_unknown_scheme_is_refused_with_the_known_ones():
    with pytest.raises(FatalFault, match="there are embedded, kafka, memory"):
        open_client("rabbit://host")
