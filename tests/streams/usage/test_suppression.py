"""No hidden cell can be solved for.

That is tried by an attacker who knows every cell that is shown, every sum, and that no cell of 0 is hidden.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.usage.suppression import TOTAL, Suppressed, suppress, suppress_parts

_TABLES = st.dictionaries(
    st.tuples(st.sampled_from(["BE", "ES", "FR", "IT"]), st.sampled_from(["flowcam", "litter", "obsea"])),
    st.sampled_from([0, 0, 1, 2, 3, 5, 9]),
    min_size=1,
)


def _solve(table: Suppressed, truth: dict, target: tuple[str, str]) -> bool:
    """Return whether only the true value of a hidden cell fits all that is told.

    The sums are those of a network, so any two tables that fit differ by ways that change each cell by -1, 0 or 1
    (total unimodularity): to look for another value it is enough to try those changes, all of them.
    """
    hidden = sorted(table.hidden)
    lines = [(side, cell[side]) for cell in hidden for side in (0, 1)]
    left = {line: lines.count(line) for line in lines}
    sums = dict.fromkeys(lines, 0)

    def try_from(place: int) -> bool:
        if place == len(hidden):
            return True
        cell = hidden[place]
        for change in (1, -1) if cell == target else (0, 1, -1):
            if truth[cell] + change < 1:
                continue
            if _put(cell, change) and try_from(place + 1):
                return True
            _take(cell, change)
        return False

    def _put(cell: tuple[str, str], change: int) -> bool:
        fits = True
        for side in (0, 1):
            line = (side, cell[side])
            # a total stands on the other side of its equation
            sums[line] += change if cell[1 - side] != TOTAL else -change
            left[line] -= 1
            fits = fits and abs(sums[line]) <= left[line]
        return fits

    def _take(cell: tuple[str, str], change: int) -> None:
        for side in (0, 1):
            line = (side, cell[side])
            sums[line] -= change if cell[1 - side] != TOTAL else -change
            left[line] += 1

    return not try_from(0)


def _add_totals(counts: dict) -> dict:
    rows, columns = ({cell[side] for cell in counts} for side in (0, 1))
    cells = {(row, column): counts.get((row, column), 0) for row in rows for column in columns}
    cells |= {(row, TOTAL): sum(cells[row, column] for column in columns) for row in rows}
    cells |= {(TOTAL, column): sum(cells[row, column] for row in rows) for column in columns}
    return cells | {(TOTAL, TOTAL): sum(counts.values())}


@settings(max_examples=300, deadline=None)
@given(counts=_TABLES, least=st.integers(2, 5))
def test_no_hidden_cell_can_be_solved_for(counts, least):
    table, truth = suppress(counts, least=least), _add_totals(counts)
    assert [cell for cell in sorted(table.hidden) if _solve(table, truth, cell)] == []


@settings(max_examples=200, deadline=None)
@given(counts=_TABLES, least=st.integers(2, 5))
def test_what_is_shown_is_true_and_what_is_small_is_not_shown(counts, least):
    table, truth = suppress(counts, least=least), _add_totals(counts)
    assert table.cells.keys() == truth.keys()
    assert all(value is None or value == truth[cell] for cell, value in table.cells.items())
    assert [cell for cell, value in table.cells.items() if value is not None and 0 < value < least] == []


def test_the_attacker_of_these_tests_solves_a_table_that_hides_small_cells_only():
    counts = {("BE", "obsea"): 1, ("ES", "obsea"): 7, ("BE", "litter"): 4, ("ES", "litter"): 9}
    truth = _add_totals(counts)
    naive = Suppressed({cell: value if value >= 3 else None for cell, value in truth.items()}, 3)
    assert _solve(naive, truth, ("BE", "obsea"))


def test_few_others_are_hidden_and_totals_last():
    counts = {("BE", "obsea"): 1, ("ES", "obsea"): 7, ("BE", "litter"): 4, ("ES", "litter"): 9, ("IT", "litter"): 50}
    table = suppress(counts)
    assert table.hidden == {("BE", "obsea"), ("ES", "obsea"), ("BE", "litter"), ("ES", "litter")}
    assert table.to_text("BE", "obsea") == table.to_text("ES", "litter") == "suppressed"
    assert table.to_text(TOTAL, TOTAL) == "71"


def test_one_user_alone_hides_the_totals_too():
    assert suppress({("BE", "obsea"): 1}).hidden == {("BE", "obsea"), ("BE", TOTAL), (TOTAL, "obsea"), (TOTAL, TOTAL)}


def test_nothing_is_hidden_where_nothing_is_small():
    assert suppress({("BE", "obsea"): 3, ("ES", "obsea"): 0}).hidden == frozenset()
    assert suppress({}).cells == {(TOTAL, TOTAL): 0}


def test_the_order_of_the_counts_means_nothing():
    counts = {
        (row, column): len(row + column) % 7 for row in ("a", "bb", "ccc", "dd") for column in ("x", "yyyy", "zz")
    }
    shuffled = dict(random.Random(3).sample(sorted(counts.items()), len(counts)))
    assert suppress(counts) == suppress(shuffled)


def test_counts_that_are_none_are_refused():
    for wrong in ({("BE", "obsea"): -1}, {(TOTAL, "obsea"): 3}):
        with pytest.raises(ValueError, match="TOTAL"):
            suppress(wrong)


@settings(max_examples=300, deadline=None)
@given(
    counts=st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from([0, 1, 1, 2, 3, 5, 9])), least=st.integers(2, 5)
)
def test_no_hidden_part_follows_from_a_total_that_is_told(counts, least):
    hidden = suppress_parts(counts, least=least)
    left = sum(counts[part] for part in hidden)
    solved = [
        part
        for part in hidden
        # every other hidden part is at least 1 and the rest is what is left: two numbers must fit
        if left - (len(hidden) - 1) == 1
    ]
    present = [count for count in counts.values() if count]
    assert not hidden or len(hidden) > 1
    assert not solved or set(present) == {1}, "where all are one each, the total and the names say it"
    assert len(present) == 1 or {part for part, count in counts.items() if 0 < count < least} <= hidden


def test_parts_are_hidden_smallest_first():
    assert suppress_parts({"BE": 1, "ES": 7, "FR": 40, "IT": 90}) == {"BE", "ES"}
    assert suppress_parts({"BE": 1, "ES": 1, "FR": 40}) == {"BE", "ES", "FR"}
    assert suppress_parts({"BE": 1, "ES": 2, "FR": 40}) == {"BE", "ES"}
    assert suppress_parts({"BE": 2}) == suppress_parts({"BE": 3, "ES": 4}) == suppress_parts({}) == frozenset()
    with pytest.raises(ValueError, match="not negative"):
        suppress_parts({"BE": -1})


def test_two_hundred_countries_and_seven_installations_take_no_time():
    chance = random.Random(1)
    counts = {
        (f"c{row}", f"i{column}"): chance.choice([0, 0, 1, 2, 5, 40]) for row in range(200) for column in range(7)
    }
    assert len(suppress(counts).hidden) >= sum(0 < count < 3 for count in counts.values())
