"""No hidden number can be worked out.

That is tried by an attacker who knows all that a report tells: of each period the uses of all countries together, the names
of its countries, the numbers that are shown, and that a hidden country was named because somebody was there. The attacker
goes through all tables that fit, by nothing of the program's.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.usage.suppression import Crowd, Hiding, Pseudonym, hide_small

_PLACES = ("BE", "ES", "FR", "ZZ")

#: Periods as stretches of time: alone, one after another, within one another, with their total, overlapping, said twice.
_PERIODS = (
    [[0]],
    [[0], [1]],
    [[1], [0, 1]],
    [[0], [1], [0, 1]],
    [[1], [0, 1, 2]],
    [[0, 1], [1, 2]],
    [[0], [0]],
)


def _make_crowd(name: str, persons: int, uses: int, *, tier: int = 4) -> Crowd:
    return Crowd(uses, frozenset(Pseudonym(tier, "", f"{name}{number}") for number in range(persons)))


def _make(**counts: int | tuple[int, int]) -> dict[str, Crowd]:
    """Return a stretch: uses by country, and how many persons had them if these are not as many."""
    pairs = {name: count if isinstance(count, tuple) else (count, count) for name, count in counts.items()}
    return {name: _make_crowd(name, persons, uses) for name, (persons, uses) in pairs.items()}


@st.composite
def _draw_crowds(draw: st.DrawFn) -> dict[str, Crowd]:
    found = {}
    for name in _PLACES:
        uses = draw(st.sampled_from([0, 0, 1, 1, 2, 3, 5]))
        first = draw(st.integers(0, 2))
        names = range(first, first + draw(st.integers(1, max(uses, 1))))
        if uses:
            found[name] = Crowd(uses, frozenset(Pseudonym(4, "", f"{name}{number}") for number in names))
    return found


@dataclass
class _Attacker:
    """What is told, and the search for a table that fits it."""

    stretches: list[dict[str, int]]
    periods: list[list[int]]
    hidden: list[frozenset[str]]

    def sum_up(self, place: int, name: str) -> int:
        return sum(self.stretches[at].get(name, 0) for at in self.periods[place])

    def finds_other(self, place: int, name: str) -> bool:
        """Return whether a table fits in which this hidden number is another one."""
        cells = [(at, country) for at in range(len(self.stretches)) for country in _PLACES]
        told = self._list_told()
        table: dict[tuple[int, str], int] = {}

        def try_from(number: int) -> bool:
            if number == len(cells):
                return sum(table[at, name] for at in self.periods[place]) != self.sum_up(place, name)
            cell = cells[number]
            true = self.stretches[cell[0]].get(cell[1], 0)
            most = min((left for group, _, left in told if cell in group), default=0)
            # what is near the truth first: if anything fits, it is found soon
            for value in sorted(range(max(most, 0) + 1), key=lambda value: abs(value - true)):
                table[cell] = value
                for line in told:
                    if cell in line[0]:
                        line[2] -= value
                fits = all(left >= 0 and (left == 0 or is_open(group, number)) for group, _, left in told)
                if fits and self._names_fit(table, cells[number + 1 :]) and try_from(number + 1):
                    return True
                for line in told:
                    if cell in line[0]:
                        line[2] += value
            del table[cell]
            return False

        def is_open(group: set[tuple[int, str]], number: int) -> bool:
            return any(cell in group for cell in cells[number + 1 :])

        return try_from(0)

    def _list_told(self) -> list[list]:
        """Return the equations: which cells together have which sum, and what of it is left."""
        told = []
        for place, period in enumerate(self.periods):
            whole = {(at, country) for at in period for country in _PLACES}
            total = sum(self.sum_up(place, country) for country in _PLACES)
            told.append([whole, total, total])
            for country in set(_PLACES) - self.hidden[place]:
                number = self.sum_up(place, country)
                told.append([{(at, country) for at in period}, number, number])
        return told

    def _names_fit(self, table: dict, later: list[tuple[int, str]]) -> bool:
        """Return whether each country that is named may still have been there; the unknown one has no name."""
        for place, period in enumerate(self.periods):
            for country in self.hidden[place] - {"ZZ"}:
                own = {(at, country) for at in period}
                if own.isdisjoint(later) and not sum(table[cell] for cell in own):
                    return False
        return True


def _attack(stretches: list[dict[str, Crowd]], periods: list[list[int]], hidings: tuple[Hiding, ...]) -> set:
    """Return the hidden numbers that follow from what is told."""
    counts = [{name: crowd.uses for name, crowd in stretch.items()} for stretch in stretches]
    attacker = _Attacker(counts, periods, [hiding.countries for hiding in hidings])
    return {
        (place, name)
        for place, hiding in enumerate(hidings)
        for name in hiding.countries - {"ZZ"}
        if not attacker.finds_other(place, name)
    }


def _list_exposed(hidings: tuple[Hiding, ...]) -> set:
    return {(place, name) for place, hiding in enumerate(hidings) for name in hiding.exposed}


@settings(max_examples=250, deadline=None)
@given(crowds=_draw_crowds(), least=st.integers(2, 4))
def test_no_hidden_number_of_a_period_follows_from_what_is_told_unless_it_is_said(crowds, least):
    hidings = hide_small([crowds], [[0]], least=least)
    assert _attack([crowds], [[0]], hidings) == _list_exposed(hidings)


@settings(max_examples=150, deadline=None)
@given(
    periods=st.sampled_from(_PERIODS), crowds=st.lists(_draw_crowds(), min_size=3, max_size=3), least=st.integers(2, 4)
)
def test_no_hidden_number_of_several_periods_follows_from_what_is_told_unless_it_is_said(periods, crowds, least):
    stretches = crowds[: 1 + max(at for period in periods for at in period)]
    hidings = hide_small(stretches, periods, least=least)
    assert _attack(stretches, periods, hidings) <= _list_exposed(hidings)


@settings(max_examples=200, deadline=None)
@given(
    periods=st.sampled_from(_PERIODS), crowds=st.lists(_draw_crowds(), min_size=3, max_size=3), least=st.integers(2, 4)
)
def test_what_few_persons_did_is_hidden_and_what_is_hidden_was_there(periods, crowds, least):
    for hiding, period in zip(hide_small(crowds, periods, least=least), periods, strict=True):
        for name in _PLACES[:-1]:
            persons = {person for at in period for person in crowds[at].get(name, Crowd()).persons}
            if 0 < len(persons) < least:
                assert name in hiding.countries
            elif not persons:
                assert name not in hiding.countries


@settings(max_examples=200, deadline=None)
@given(crowds=_draw_crowds(), least=st.integers(2, 4))
def test_what_is_told_together_is_of_as_many_persons_as_there_are_to_be_had(crowds, least):
    (hiding,) = hide_small([crowds], [[0]], least=least)
    together = {person for name in hiding.countries for person in crowds.get(name, Crowd()).persons}
    assert not hiding.countries or len(together) >= least or crowds.keys() - {"ZZ"} <= hiding.countries


@settings(max_examples=150, deadline=None)
@given(crowds=st.lists(_draw_crowds(), min_size=2, max_size=3), least=st.integers(2, 4))
def test_periods_apart_from_each_other_hide_what_each_would_hide_alone(crowds, least):
    together = hide_small(crowds, [[at] for at in range(len(crowds))], least=least)
    assert together == tuple(hide_small([one], [[0]], least=least)[0] for one in crowds)


def test_the_attacker_of_these_tests_solves_tables_that_hide_small_numbers_only():
    one = [_make(BE=1, ES=7)]
    assert _attack(one, [[0]], (Hiding(frozenset({"BE"})),)) == {(0, "BE")}
    # each number of the first period is the total less the second
    two, periods = [_make(BE=1, ES=4), _make(BE=3, ES=3)], [[0], [1], [0, 1]]
    naive = (Hiding(frozenset({"BE", "ES"})), Hiding(), Hiding())
    assert _attack(two, periods, naive) == {(0, "BE"), (0, "ES")}
    assert _attack(two, periods, hide_small(two, periods)) == set()


def _hide(*stretches: dict[str, Crowd], periods: list[list[int]] | None = None, least: int = 3) -> list[set[str]]:
    return [set(hiding.countries) for hiding in hide_small(stretches, periods or [[0]], least=least)]


def test_the_smallest_others_are_hidden():
    assert _hide(_make(IT=1, BE=5, ES=9)) == [{"IT", "BE"}]
    assert _hide(_make(IT=1, BE=2, ES=9)) == [{"IT", "BE"}]
    assert _hide(_make(IT=1, BE=1, ES=9)) == [{"IT", "BE", "ES"}]
    assert _hide(_make(IT=3, BE=4)) == _hide({}) == [set()]


def test_persons_are_what_counts_and_not_their_uses():
    assert _hide(_make(IT=(1, 500), BE=(4, 4), ES=(30, 80))) == [{"IT", "BE"}]


def test_pseudonyms_that_may_be_of_one_person_are_not_added():
    login, cookie = _make_crowd("a", 2, 5), _make_crowd("b", 2, 5, tier=3)
    assert login.plus(cookie).is_small(3)
    assert _make_crowd("b", 3, 5, tier=3).plus(_make_crowd("c", 1, 1, tier=2)).is_small(3) is False


def test_few_logins_are_hidden_however_many_there_are_without_one():
    assert _make_crowd("a", 9, 9, tier=2).plus(_make_crowd("b", 1, 1)).is_small(3)


def test_the_unknown_country_is_hidden_last_and_may_have_been_nobody():
    assert _hide(_make(IT=(1, 5))) == [{"IT", "ZZ"}]
    assert _hide(_make(ZZ=1)) == [set()]
    assert _hide(_make(ZZ=50, IT=1, BE=4)) == [{"IT", "BE"}]


def test_what_totals_and_names_give_away_is_said():
    (one,) = hide_small([_make(IT=1)], [[0]])
    assert one.exposed == {"IT"}
    (each,) = hide_small([_make(IT=1, BE=1, ES=1)], [[0]])
    assert each.exposed == {"IT", "BE", "ES"}
    (more,) = hide_small([_make(IT=1, BE=1, ES=2)], [[0]])
    assert more.exposed == set()


def test_a_total_over_periods_is_kept_and_the_smallest_other_period_hidden_with_them():
    years = [_make(IT=1, BE=5, ES=50), _make(IT=30, BE=20, ES=40), _make(IT=31, BE=22, ES=40)]
    assert _hide(*years, periods=[[0], [1], [2], [0, 1, 2]]) == [{"IT", "BE"}, {"IT", "BE"}, set(), set()]


def test_a_month_is_hidden_where_the_rest_of_its_year_is_of_few():
    before, month = _make(IT=1, ES=40), _make(IT=5, BE=6, ES=30)
    assert _hide(before, month, periods=[[1], [0, 1]]) == [{"IT", "BE"}, set()]


def test_nothing_is_hidden_with_one_as_the_least():
    assert _hide(_make(IT=1, BE=2), least=1) == [set()]


def test_the_order_of_countries_means_nothing():
    counts = {f"c{number}": number % 7 for number in range(40)}
    shuffled = dict(random.Random(3).sample(sorted(counts.items()), len(counts)))
    assert _hide(_make(**counts)) == _hide(_make(**shuffled))


@pytest.mark.parametrize("years", [1, 12])
def test_two_hundred_countries_take_no_time(years):
    chance = random.Random(1)
    stretches = [
        _make(**{f"c{number}": chance.choice([1, 2, 5, 40]) for number in range(200) if chance.random() < 0.6})
        for _ in range(years)
    ]
    started = time.process_time()
    hidden = _hide(*stretches, periods=[*([at] for at in range(years)), [*range(years)]])
    assert sum(map(len, hidden)) > 50
    assert time.process_time() - started < 10
