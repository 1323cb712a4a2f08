"""Headers are kept exactly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.embedded.headers import from_column, to_column

NAMES = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.tuples(NAMES, st.one_of(st.none(), st.binary(max_size=50))), max_size=8).map(tuple))
def test_any_headers_come_back_as_they_were(headers):
    assert from_column(to_column(headers)) == headers


def test_no_headers_take_no_room():
    assert to_column(()) == b""
