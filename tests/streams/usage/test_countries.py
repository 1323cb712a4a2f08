from __future__ import annotations

from importlib import resources

from schemas.usage import UNKNOWN_COUNTRY
from streams.usage.countries import _COUNTRIES, to_country, to_country_name


def test_the_codes_are_those_of_the_time_zone_database():
    lines = resources.files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text(encoding="utf-8").splitlines()
    codes = {line.split("\t")[0] for line in lines if line and not line.startswith("#")}
    assert set(_COUNTRIES) == codes
    assert len(set(_COUNTRIES.values())) == len(codes)


def test_a_code_that_nobody_can_name_is_an_unknown_country():
    assert to_country("IT") == "IT"
    assert to_country_name("IT") == "Italy"
    for code in ("UK", "EL", "EU", "QQ", UNKNOWN_COUNTRY):
        assert to_country(code) == UNKNOWN_COUNTRY
        assert to_country_name(code) is None
