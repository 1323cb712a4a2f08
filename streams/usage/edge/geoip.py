"""Countries of addresses, by a file in MaxMind's format that the operator supplies: the door to maxminddb."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import maxminddb

from schemas.canonical import to_sha256
from schemas.errors import FatalFault
from schemas.usage import UNKNOWN_COUNTRY
from streams.usage.countries import to_country

if TYPE_CHECKING:
    from pathlib import Path

#: Where an entry says the country: where the address is, then where its network is registered.
_FIELDS = ("country", "registered_country")


@dataclass(frozen=True, slots=True)
class Located:
    """What is known of an address's country; ``why`` says why it is ``ZZ``."""

    country: str
    why: str | None = None


class Reader(Protocol):
    """The part of a country file that is asked."""

    def get(self, address: Any) -> object:  # noqa: ANN401 - an address of the standard library
        """Return the entry of an address."""
        ...


@dataclass(frozen=True, slots=True)
class CountryFile:
    """A country file, ready to be asked.

    Attributes
    ----------
    kind
        As the file calls itself, ``GeoLite2-Country``.
    sha256
        Digest of the file, for reports.
    """

    reader: Reader
    kind: str
    sha256: str

    def locate(self, address: str) -> Located:
        """Return the country of an address; whatever goes wrong is an unknown country, with the reason.

        Reasons: ``bad_address``, ``not_listed``, ``no_country`` (the entry names none), ``file_damaged``, and
        ``not_answerable`` (an IPv6 address in a file of IPv4).
        """
        try:
            asked = ipaddress.ip_address(address.strip().strip("[]"))
        except ValueError:
            return Located(UNKNOWN_COUNTRY, "bad_address")
        try:
            entry = self.reader.get(getattr(asked, "ipv4_mapped", None) or asked)
        except (maxminddb.InvalidDatabaseError, UnicodeError, LookupError, TypeError, RecursionError, OverflowError):
            return Located(UNKNOWN_COUNTRY, "file_damaged")
        except ValueError:
            return Located(UNKNOWN_COUNTRY, "not_answerable")
        if entry is None:
            return Located(UNKNOWN_COUNTRY, "not_listed")
        code = _read_code(entry)
        return Located(UNKNOWN_COUNTRY, "no_country") if code == UNKNOWN_COUNTRY else Located(code)


def open_country_file(path: Path) -> CountryFile:
    """Open a country file.

    Raises
    ------
    FatalFault
        If it cannot be read, is not in MaxMind's format, or tells something else than countries: a file of cities or
        networks is refused, since it may know more of a person than may be asked.
    """
    try:
        data = path.read_bytes()
        reader = maxminddb.open_database(path, maxminddb.MODE_AUTO)
        kind = str(reader.metadata().database_type)
    except (maxminddb.InvalidDatabaseError, OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        message = f"The country file {path.name} could not be read; a file in MaxMind's format (.mmdb) is expected."
        raise FatalFault(message) from error
    # GeoLite2-Country, GeoIP2-Country, DBIP-Country-Lite
    if "country" not in kind.lower().replace("_", "-").split("-"):
        reader.close()
        message = f"The file {path.name} is a database of the type {kind[:60]!r}, not of countries."
        raise FatalFault(message)
    return CountryFile(reader, kind, to_sha256(data))


def _read_code(entry: object) -> str:
    if not isinstance(entry, dict):
        return UNKNOWN_COUNTRY
    for field in _FIELDS:
        place = entry.get(field)
        code = place.get("iso_code") if isinstance(place, dict) else None
        if isinstance(code, str) and to_country(code) != UNKNOWN_COUNTRY:
            return code
    return UNKNOWN_COUNTRY
