from __future__ import annotations

import pytest

from streams.usage.unique import Unique

_ONE, _OTHER = Unique(frozenset("ab")), Unique(frozenset("bc"))


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
