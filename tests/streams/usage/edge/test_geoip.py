from __future__ import annotations

import ipaddress
import json

import maxminddb
import pytest

from schemas.errors import FatalFault
from streams.usage.edge.geoip import CountryFile, Located, open_country_file


def _find(real_data, pattern):
    files = sorted((real_data / "geoip").glob(pattern))
    assert files
    return files


def test_the_country_of_each_network_is_the_one_that_the_makers_of_the_file_say(real_data):
    countries = open_country_file(real_data / "geoip/test-data/GeoLite2-Country-Test.mmdb")
    told = json.loads((real_data / "geoip/source-data/GeoLite2-Country-Test.json").read_text(encoding="utf-8"))
    checked = 0
    for entry in told:
        for network, answer in entry.items():
            place = answer.get("country") or answer.get("registered_country")
            wanted = Located(place["iso_code"]) if place else Located("ZZ", "no_country")
            assert countries.locate(str(ipaddress.ip_network(network)[0])) == wanted, network
            checked += 1
    assert checked > 200
    assert countries.kind == "GeoLite2-Country"
    assert len(countries.sha256) == 64


@pytest.mark.parametrize(
    ("address", "located"),
    [
        ("81.2.69.160", Located("GB")),
        ("::ffff:81.2.69.160", Located("GB")),
        ("[2001:218::1]", Located("JP")),
        ("192.168.1.1", Located("ZZ", "not_listed")),
        ("", Located("ZZ", "bad_address")),
        ("ana@example.org", Located("ZZ", "bad_address")),
        ("999.1.1.1", Located("ZZ", "bad_address")),
    ],
)
def test_an_address_without_a_known_country_is_zz_with_the_reason(real_data, address, located):
    assert open_country_file(real_data / "geoip/test-data/GeoLite2-Country-Test.mmdb").locate(address) == located


def test_files_that_are_not_of_countries_are_refused_when_they_are_opened(real_data, tmp_path):
    refused = 0
    broken = tmp_path / "empty.mmdb"
    broken.write_bytes(b"")
    others = (path for path in _find(real_data, "**/*.mmdb") if path.name != "GeoLite2-Country-Test.mmdb")
    for path in (broken, tmp_path / "absent.mmdb", *others):
        with pytest.raises(FatalFault, match=r"could not be read|not of countries") as told:
            open_country_file(path)
        assert str(path.parent) not in told.value.sentence
        refused += 1
    assert refused > 40


def test_a_look_up_that_fails_in_any_way_of_the_bad_files_is_zz_with_the_reason(real_data):
    """The bad files are of other types, so they are put behind the check of the type here, by hand."""
    seen = set()
    for path in (*_find(real_data, "bad-data/**/*.mmdb"), *_find(real_data, "test-data/*.mmdb")):
        for mode in (maxminddb.MODE_AUTO, maxminddb.MODE_MEMORY):
            try:
                reader = maxminddb.open_database(path, mode)
            except Exception:  # noqa: BLE001, S112 - a file that cannot even be opened: the test above has them
                continue
            countries = CountryFile(reader, "Test", "0" * 64)
            for address in ("81.2.69.142", "1.1.1.1", "1.1.1.3", "2001:218::1", "89.160.20.112", "::1", "0.0.0.0"):  # noqa: S104
                located = countries.locate(address)
                assert (located.country == "ZZ") == (located.why is not None)
                seen.add(located.why)
    assert {"file_damaged", "not_answerable", "no_country", "not_listed"} <= seen


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (maxminddb.InvalidDatabaseError("x"), "file_damaged"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "file_damaged"),
        (ValueError("x"), "not_answerable"),
    ],
)
def test_each_kind_of_failure_has_its_reason(error, why):
    class Broken:
        def get(self, address):
            raise error

    assert CountryFile(Broken(), "Test", "0" * 64).locate("1.1.1.1") == Located("ZZ", why)
