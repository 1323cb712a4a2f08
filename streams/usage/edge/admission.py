"""Admission: a visitor with name and address goes in, a caller with pseudonym and country comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from schemas.usage import UNKNOWN_COUNTRY, DeclaredOwner, Person, Program
from streams.usage.counting.robots import is_tool
from streams.usage.countries import to_country
from streams.usage.edge.caller import Caller

if TYPE_CHECKING:
    import datetime as dt

    from streams.usage.counting.robots import Robots
    from streams.usage.edge.caller import CountrySource, Method, Traffic
    from streams.usage.edge.geoip import CountryFile, Located
    from streams.usage.edge.keys import KeyRing
    from streams.usage.pseudonym import PseudonymKey

#: Issuers of the weaker identities, which no login has.
_KEY_ISSUER, _ADDRESS_ISSUER, _SESSION_ISSUER = "observatory:key", "observatory:address", "observatory:session"

LOGIN_TIER: Final = 4
COOKIE_TIER: Final = 3
ADDRESS_TIER: Final = 2
OWNER_TIER: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks, as a door sees them; it shows nothing of itself and goes no further than :meth:`Edge.admit`.

    Attributes
    ----------
    issuer, subject
        Of a login: who vouches, and the name there.
    token
        A cookie or a key of a program, where nobody logged in.
    address, agent
        IP address, and the program as it names itself.
    session
        The session's id, where the door keeps sessions.
    home_country
        The country that the identity provider tells.
    owner
        Who answers for a door without any identity.
    access
        Whether a person clicked or a program called; absent, it follows from the program.
    """

    door: str
    issuer: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    agent: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    home_country: str = field(default="", repr=False)
    institution: str | None = field(default=None, repr=False)
    owner: str = "unknown"
    traffic: Traffic = "external"
    access: Method | None = None

    @property
    def tier(self) -> Literal[1, 2, 3, 4]:
        """How well the visitor is known: 4 login, 3 cookie or key, 2 address, 1 not at all."""
        if self.issuer and self.subject:
            return LOGIN_TIER
        if self.token:
            return COOKIE_TIER
        return ADDRESS_TIER if self.address else OWNER_TIER

    @property
    def method(self) -> Method:
        """COUNTER's access method: as told, or by the program; where neither is known, a person's."""
        return self.access or ("Machine" if is_tool(self.agent) else "Regular")


@dataclass(frozen=True, slots=True)
class Edge:
    """The edge of a deployment.

    Attributes
    ----------
    keys
        What pseudonyms are made with.
    countries
        The country file; without one, the country of an address is unknown.
    robots
        The list of robots; without one, nobody can tell later whether a program was one.
    """

    keys: KeyRing
    countries: CountryFile | None = None
    robots: Robots | None = None

    def admit(self, visitor: Visitor, at: dt.datetime) -> Caller:
        """Return the caller that stands for a visitor from here on.

        Parameters
        ----------
        at
            When they asked; keys of periods follow from it.

        Raises
        ------
        FatalFault
            If no key is there for that moment.
        """
        country, source, why = self._locate(visitor)
        return Caller(
            who=self._name(visitor, at),
            country=country,
            country_source=source,
            door=visitor.door,
            traffic=visitor.traffic,
            access=visitor.method,
            country_why=why,
            institution=visitor.institution,
            program=judge_program(self.robots, visitor.agent),
            session=self._name_session(visitor, at),
        )

    def _name_session(self, visitor: Visitor, at: dt.datetime) -> str | None:
        return self.keys.find(at).make_pseudonym(_SESSION_ISSUER, visitor.session) if visitor.session else None

    def _name(self, visitor: Visitor, at: dt.datetime) -> Person | DeclaredOwner:
        if visitor.tier == OWNER_TIER:
            return DeclaredOwner(owner=visitor.owner)
        key = self.keys.find(at)
        fingerprint = None if self.keys.scope == "project" else key.fingerprint
        return Person(pseudonym=make_visitor_pseudonym(key, visitor), tier=visitor.tier, key=fingerprint)

    def _locate(self, visitor: Visitor) -> tuple[str, CountrySource, str | None]:
        home = to_country(visitor.home_country.upper())
        if home != UNKNOWN_COUNTRY:
            return home, "idp", None
        if not visitor.address:
            return UNKNOWN_COUNTRY, "none", None
        if self.countries is None:
            return UNKNOWN_COUNTRY, "none", "no_country_file"
        located: Located = self.countries.locate(visitor.address)
        return located.country, "geoip", located.why


def judge_program(robots: Robots | None, agent: str) -> Program | None:
    """Return what a list of robots says of a program; nothing where the program is not known."""
    if not agent:
        return None
    if robots is None:
        return Program(verdict="no_list")
    pattern = robots.find(agent)
    return Program(
        verdict="no_robot" if pattern is None else "robot",
        pattern=pattern,
        list_sha256=robots.sha256,
        list_version=robots.version or None,
    )


def make_visitor_pseudonym(key: PseudonymKey, visitor: Visitor) -> str:
    """Return the pseudonym of the best identity that a visitor has: login, cookie or key, address with program."""
    if visitor.tier == LOGIN_TIER:
        return key.make_pseudonym(visitor.issuer, visitor.subject)
    if visitor.tier == COOKIE_TIER:
        return key.make_pseudonym(_KEY_ISSUER, visitor.token)
    return key.make_pseudonym(_ADDRESS_ISSUER, f"{visitor.address}\n{visitor.agent}")
