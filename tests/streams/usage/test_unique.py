from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.usage import sketches
from streams.usage.unique import EXACT_LIMIT, Unique

_ONE, _OTHER = Unique(frozenset("ab")), Unique(frozenset("bc"))


def _name(first: int, last: int) -> list[str]:
    return [f"user-{number}" for number in range(first, last)]


def test_uniques_unite():
    assert _ONE.union(_OTHER).count == 3
    assert _ONE.union().count == 2
    assert _ONE.union(_OTHER, Unique(frozenset("d"))).members == frozenset("abcd")


def test_uniques_never_add():
    for attempt in (lambda: _ONE + _OTHER, lambda: _ONE + 1, lambda: 1 + _ONE, lambda: sum([_ONE, _OTHER])):
        with pytest.raises(TypeError, match="never add"):
            attempt()


def test_a_unique_does_not_show_its_members():
    assert "abc" not in repr(Unique(frozenset({"abc"})))
    assert "user-7" not in repr(Unique.of(_name(0, EXACT_LIMIT + 1)))


def test_new_members_are_those_that_were_not_there_before():
    assert _OTHER.without(_ONE).members == {"c"}
    assert _OTHER.without(_OTHER).count == 0


@given(st.lists(st.sets(st.text("abcdefgh", max_size=3)), max_size=6))
def test_a_union_lies_between_its_largest_part_and_the_sum(parts):
    united = Unique().union(*map(Unique.of, parts))
    sizes = [len(part) for part in parts]
    assert max(sizes, default=0) <= united.count <= sum(sizes)
    assert united == Unique.of(member for part in parts for member in part)


def test_up_to_fifty_thousand_members_are_counted_exactly():
    whole = Unique.of(_name(0, EXACT_LIMIT))
    assert (whole.count, whole.bounds, whole.method) == (EXACT_LIMIT, (EXACT_LIMIT, EXACT_LIMIT), "exact")
    joined = Unique.of(_name(0, 30_000)).union(Unique.of(_name(20_000, EXACT_LIMIT)))
    assert joined == whole


@pytest.mark.parametrize("size", [EXACT_LIMIT + 1, 65_537, 200_000])
def test_more_members_are_counted_within_the_bounds_that_are_told(size):
    found = Unique.of(_name(0, size))
    assert found.method == "sketch"
    assert not found.members
    low, high = found.bounds
    assert low <= size <= high
    assert abs(found.count - size) <= 0.012 * size
    assert high - low <= 0.03 * size


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), parts=st.integers(1, 5))
def test_a_sketch_depends_on_the_set_alone(seed, parts):
    chance = random.Random(seed)
    names = _name(0, 70_000)
    whole = Unique.of(names)
    chance.shuffle(names)
    cuts = sorted(chance.sample(range(len(names)), parts))
    pieces = [Unique.of(names[start:end]) for start, end in zip([0, *cuts], [*cuts, len(names)], strict=True)]
    pieces += chance.choices(pieces, k=2)
    assert pieces[0].union(*pieces[1:]) == whole
    step = Unique()
    for piece in chance.sample(pieces, len(pieces)):
        step = piece.union(step)
    assert step == whole


def test_who_is_new_is_not_told_from_a_sketch():
    with pytest.raises(ValueError, match="sketch has none"):
        Unique.of(_name(0, EXACT_LIMIT + 1)).without(_ONE)
    with pytest.raises(ValueError, match="not both"):
        Unique(frozenset("a"), sketches.make_sketch("b"))
