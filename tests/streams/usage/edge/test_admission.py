from __future__ import annotations

import datetime as dt

import pytest

from schemas.errors import FatalFault
from schemas.usage import DeclaredOwner, Person, Program, Served, make_usage_id
from streams.usage.counting.robots import Robots
from streams.usage.edge.admission import Edge, Visitor
from streams.usage.edge.caller import Request, record_use
from streams.usage.edge.geoip import Located
from streams.usage.edge.keys import KeyRing, load_keys
from streams.usage.periods import read_period
from streams.usage.pseudonym import PseudonymKey, make_key
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.tables import to_csv, to_json, to_markdown
from tests.streams.usage.uses import NOW, keep

_KEY = PseudonymKey(bytes(range(32)))
_RING = KeyRing("project", _KEY)


class _Countries:
    def locate(self, address):
        return Located("ES") if address.startswith("10.") else Located("ZZ", "not_listed")


_EDGE = Edge(_RING, _Countries())


def _admit(edge=_EDGE, at=NOW, **fields):
    return edge.admit(Visitor(door="web", **fields), at)


def _record(caller, number=0, at=NOW):
    event_id = make_usage_id(door="web", operation="download", request=f"r{number}", observer_sha256=None)
    return record_use(caller, Request(event_id, at, "obsea", "download", act=Served(resource="doi:1")))


def test_the_best_identity_there_is_makes_the_pseudonym():
    everything = {"issuer": "idp", "subject": "ana", "token": "t", "address": "10.0.0.1"}
    tiers = []
    for gone in ((), ("subject",), ("subject", "token"), ("subject", "token", "address")):
        who = _admit(**{name: value for name, value in everything.items() if name not in gone}).who
        tiers.append(who.tier)
        assert isinstance(who, Person if who.tier > 1 else DeclaredOwner)
    assert tiers == [4, 3, 2, 1]
    assert _admit(issuer="idp", subject="ana").who.pseudonym == _KEY.make_pseudonym("idp", "ana")


def test_the_same_text_as_login_token_and_address_gives_three_pseudonyms():
    pseudonyms = {
        _admit(issuer="x", subject="10.0.0.1").who.pseudonym,
        _admit(token="10.0.0.1").who.pseudonym,  # noqa: S106 - a cookie of the test
        _admit(address="10.0.0.1").who.pseudonym,
    }
    assert len(pseudonyms) == 3


@pytest.mark.parametrize(
    ("fields", "country", "source", "why"),
    [
        ({"home_country": "pt", "address": "10.0.0.1"}, "PT", "idp", None),
        ({"home_country": "XX", "address": "10.0.0.1"}, "ES", "geoip", None),
        ({"address": "11.0.0.1"}, "ZZ", "geoip", "not_listed"),
        ({}, "ZZ", "none", None),
    ],
)
def test_the_country_is_the_home_organisations_then_the_addresss_then_unknown(fields, country, source, why):
    caller = _admit(**fields)
    assert (caller.country, caller.country_source, caller.country_why) == (country, source, why)


def test_without_a_country_file_an_address_has_an_unknown_country_and_the_reason():
    assert _admit(Edge(_RING), address="10.0.0.1").country_why == "no_country_file"


def _make_period_keys(folder):
    folder.mkdir()
    for name in ("2026-10", "2026-11"):
        make_key(folder / f"{name}.key")
    return load_keys(folder, "period")


def test_with_a_key_for_each_period_users_of_both_have_bounds_and_no_number(tmp_path):
    edge = Edge(_make_period_keys(tmp_path / "keys"))
    october = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)
    events = [_record(_admit(edge, at, issuer="i", subject=name), f"{at}{name}", at)
              for at, names in ((october, "ab"), (NOW, "bcd")) for name in names]  # fmt: skip
    assert len({event.who.pseudonym for event in events}) == 5
    assert len({event.who.key for event in events}) == 2
    periods = [read_period(text) for text in ("2026-10", "2026-11", "2026")]
    with open_facts(keep(events)) as facts:
        report = make_report(facts, periods)
    users = next(line for line in report.sheets[0].lines if line.definition.metric == "unique_users")
    october_users, november_users, year_users = (cell.value for cell in users.cells)
    assert (october_users.value, november_users.value) == (2, 3)
    assert (year_users.kind, year_users.low, year_users.high) == ("bounded", 3, 5)
    assert "between 3 and 5" in to_markdown(report)


def test_a_day_without_a_key_is_refused(tmp_path):
    edge = Edge(_make_period_keys(tmp_path / "keys"))
    with pytest.raises(FatalFault, match="no pseudonym key for 2025-01-01"):
        _admit(edge, dt.datetime(2025, 1, 1, tzinfo=dt.UTC), issuer="i", subject="s")


@pytest.mark.parametrize("names", [(), ("2026", "2026-11"), ("october",)])
def test_a_folder_of_keys_without_keys_with_overlapping_or_unnamed_periods_is_refused(tmp_path, names):
    for name in names:
        make_key(tmp_path / f"{name}.key")
    with pytest.raises(FatalFault, match=r"no key in|overlap|named for no period"):
        load_keys(tmp_path, "period")


def test_no_name_mail_or_address_that_came_in_is_in_any_topic_object_log_or_report(caplog):
    caplog.set_level("DEBUG")
    canaries, events, shown = [], [], []
    for number in range(200):
        name, mail = f"Canary Surname{number}", f"canary.{number}@example.org"
        address, agent, token = (
            f"10.77.{number // 100}.{number % 100 + 100}",
            f"CanaryAgent/{number}",
            f"cookie-{number}",
        )
        canaries += [name, mail, address, agent, token]
        visitor = [
            Visitor(door="web", issuer="https://idp.example.org", subject=mail, address=address, agent=agent),
            Visitor(door="web", issuer=name, subject=name, address=address),
            Visitor(door="web", token=token, address=address, agent=agent),
            Visitor(door="web", address=address, agent=agent),
        ][number % 4]
        shown.append(f"{visitor!r} {visitor}")
        events.append(_record(_EDGE.admit(visitor, NOW), number))
    store = keep(events)
    with open_facts(store) as facts:
        report = make_report(facts, [read_period("2026-11")])
        rows = facts.database.run("SELECT * FROM event")
    written = "\n".join(
        [
            *shown,
            caplog.text,
            *(event.to_canonical().decode() for event in events),
            *(store.read(info.key).decode("latin-1") for info in store.list("")),
            *map(str, rows),
            *(render(report) for render in (to_markdown, to_csv, to_json)),
        ]
    )
    assert len(rows) == 200
    assert [canary for canary in canaries if canary in written] == []


_ROBOTS = Robots("5a" * 32, "2025-01-01", ("python", "bot", "curl"))
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.mark.parametrize(
    ("agent", "verdict", "pattern", "method"),
    [
        (_FIREFOX, "no_robot", None, "Regular"),
        ("Mozilla/5.0 (compatible; SomeBot/2.1)", "robot", "bot", "Regular"),
        ("python-requests/2.32", "robot", "python", "Machine"),
        ("python-requests/2.32 (SomeBot)", "robot", "bot", "Machine"),
        ("anna-script", "no_robot", None, "Machine"),
    ],
)
def test_a_program_is_held_against_the_list_at_the_edge_and_its_name_ends_there(agent, verdict, pattern, method):
    caller = _admit(Edge(_RING, robots=_ROBOTS), address="10.0.0.1", agent=agent)
    program = caller.program
    assert (program.verdict, program.pattern, caller.access) == (verdict, pattern, method)
    assert (program.list_sha256, program.list_version) == ("5a" * 32, "2025-01-01")
    assert agent not in _record(caller).to_canonical().decode()


def test_without_a_list_or_without_a_program_the_use_says_that_nobody_can_tell():
    assert _admit(agent="curl/8").program == Program(verdict="no_list")
    assert _admit(Edge(_RING, robots=_ROBOTS), address="10.0.0.1").program is None


def test_what_the_door_says_of_the_access_goes_before_what_the_program_is():
    assert _admit(agent="curl/8", access="Regular").access == "Regular"
    assert _admit(agent=_FIREFOX, access="Machine").access == "Machine"
    assert _admit().access == "Regular"


def test_a_session_becomes_a_pseudonym_that_is_no_users():
    caller = _admit(token="s1", session="s1")  # noqa: S106 - a cookie of the test
    assert caller.session == _KEY.make_pseudonym("observatory:session", "s1")
    assert caller.session != caller.who.pseudonym
    assert _record(caller).session == caller.session
    assert _admit(token="s1").session is None  # noqa: S106
