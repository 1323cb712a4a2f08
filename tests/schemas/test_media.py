"""Names, references and ends of arrivals."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.media import (
    Duplicate,
    InlineBody,
    MediaArrived,
    MediaSettled,
    ReferencedBody,
    ReferencedPart,
    SetAside,
    Stored,
    check_reference,
    check_subject,
)


@pytest.mark.parametrize("subject", ["a.jpg", "2024/04/22/a.jpg", "Été 7 (2).jpg", "..a", "a..b/c", "名前", "~", "#?@"])
def test_a_relative_name_is_kept(subject):
    assert check_subject(subject) == subject


@pytest.mark.parametrize("reference", ["originals/8a/8a20", "s3://bucket/a b/c.jpg", "Été.jpg", "a..b", "%2e%2e/x"])
def test_a_reference_without_query_credentials_or_climbing_is_kept(reference):
    assert check_reference(reference) == reference


def test_the_source_names_the_feed():
    assert MediaArrived(event="e", feed="cam-1", subject="a", body=InlineBody()).source == "/feeds/cam-1"


def test_a_body_of_references_names_at_least_one():
    with pytest.raises(ValidationError):
        ReferencedBody(parts=())


def test_the_name_of_a_part_is_checked_like_that_of_an_arrival():
    with pytest.raises(ValidationError, match="not a relative name"):
        ReferencedPart(subject="../a", dataref="k")


def test_all_ends_of_one_arrival_share_a_message_key_and_other_arrivals_have_their_own():
    ends = (Stored(unit_ids=("u",)), Duplicate(of_unit_id="u"), SetAside(rejection_id="r", reason="not_media"))
    assert len({MediaSettled(source="/feeds/a", event="e", end=end).message_key for end in ends}) == 1
    assert MediaSettled(source="/feeds/a", event="f", end=ends[0]).message_key == b"/feeds/a#f"


def test_an_end_names_at_most_fifty_units():
    with pytest.raises(ValidationError):
        Stored(unit_ids=("u",) * 51)
