from __future__ import annotations

from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.sheets.remarks.countries import count_by_country
from tests.streams.usage.uses import keep, make_owner, make_person, make_use

_PERIOD = read_period("2026-11")


def _tell(**people: int) -> tuple[str, ...]:
    uses = [
        make_use(f"{country}-{number}-{again}", who=make_person(f"{country}-{number}"), country=country)
        for country, count in people.items()
        for number in range(count)
        for again in range(2)
    ]
    uses += [
        make_use("owner", who=make_owner(), country="NO"),
        make_use("staff", who=make_person("s"), country="SE", purpose="staff"),
    ]
    with open_facts(keep(uses)) as facts:
        return tuple(users.sentence for users in count_by_country(facts, [_PERIOD]).get("obsea", ()))


def test_every_country_of_users_is_named_and_persons_count_once():
    assert _tell(ES=4, IT=7, ZZ=3) == ("Users by country in 2026-11: Italy 7; Spain 4; unknown 3.",)


def test_small_numbers_are_hidden_with_others_in_the_order_of_names():
    (sentence,) = _tell(ES=9, IT=1, BE=5)
    assert sentence == (
        "Users by country in 2026-11: Spain 9; and, with numbers suppressed since some are below 3, Belgium, Italy "
        "(6 together)."
    )


def test_where_nobody_logged_in_nothing_is_said():
    assert _tell() == ()
