"""A refused key says why, and a prefix may be an unfinished key."""

from __future__ import annotations

import pytest

from schemas.errors import RejectedInput
from sinks.object_store.keys import KEY_LIMIT_BYTES, SEGMENT_LIMIT_BYTES, check_key, check_prefix


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "is empty"),
        ("x/" * 600, "longer than 1024 bytes"),
        ("a//b", "empty segment"),
        ("../etc/passwd", "empty segment, or one that is . or .."),
        ("Ü" * 43, "segment longer than 255 bytes when escaped"),
        ("a\tb", "control character"),
        ("\udcff", "not Unicode"),
    ],
    ids=ascii,
)
def test_a_refused_key_says_why(key: str, why: str):
    with pytest.raises(RejectedInput, match=why) as caught:
        check_key(key)
    assert caught.value.reason == "bad_object_key"
    caught.value.sentence.encode()  # fit for a message header


def test_a_key_may_reach_its_limits():
    assert check_key("x" * SEGMENT_LIMIT_BYTES)
    longest = "/".join(["x" * 204] * 5)
    assert len(check_key(longest)) == KEY_LIMIT_BYTES


@pytest.mark.parametrize("prefix", ["", "a", "a/", "a/b", "con", "dot.", "a/.", "a/.."])
def test_the_beginning_of_a_key_is_a_prefix(prefix: str):
    assert check_prefix(prefix) == prefix


@pytest.mark.parametrize("prefix", ["/", "/a", "a//b", "../a", "a\n"])
def test_what_begins_no_key_is_no_prefix(prefix: str):
    with pytest.raises(RejectedInput):
        check_prefix(prefix)
