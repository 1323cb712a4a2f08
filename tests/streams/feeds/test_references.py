"""References to objects: ours, those of allowed buckets, and those that nobody may make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RejectedInput
from streams.feeds.references import ObjectPlace, check_dataref


def check(reference: str) -> ObjectPlace:
    return check_dataref(reference, own_bucket="ours", allowed_buckets={"partner"})


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("originals/0f/0f3a", ObjectPlace("originals/0f/0f3a")),
        ("Été 7/a b.jpg", ObjectPlace("Été 7/a b.jpg")),
        ("s3://ours/originals/0f", ObjectPlace("originals/0f")),
        ("s3://partner/a/b.tif", ObjectPlace("a/b.tif", "partner")),
        ("s3://partner/%2e%2e/b", ObjectPlace("%2e%2e/b", "partner")),
        (".hidden/a", ObjectPlace(".hidden/a")),
    ],
)
def test_a_reference_to_an_allowed_object_names_it(reference, place):
    assert check(reference) == place


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("s3://elsewhere/a", "bucket_not_allowed"),
        ("s3:///a", "bucket_not_allowed"),
        ("s3://", "bucket_not_allowed"),
        ("s3://OURS/a", "bucket_not_allowed"),
        ("s3://partner", "bad_reference"),
        ("s3://partner/", "bad_reference"),
        ("s3://partner//a", "bad_reference"),
        ("s3://partner/a/./b", "bad_reference"),
        ("s3://partner/../ours/a", "bad_reference"),
        ("/etc/passwd", "local_reference"),
        ("//host/share", "local_reference"),
        ("~/a", "local_reference"),
        ("./a", "local_reference"),
        ("C:/Windows", "local_reference"),
        ("c:a", "local_reference"),
        (r"\\host\share", "local_reference"),
        (r"a\b", "local_reference"),
        ("file:///etc/passwd", "local_reference"),
        ("FILE:/etc/passwd", "local_reference"),
        ("http://169.254.169.254/latest", "unsupported_reference"),
        ("https://host/a", "unsupported_reference"),
        ("ftp://host/a", "unsupported_reference"),
        ("data:image/png;base64,AAAA", "unsupported_reference"),
        ("S3://partner/a", "unsupported_reference"),
        ("a/../b", "bad_reference"),
        ("a//b", "bad_reference"),
        ("a/", "bad_reference"),
        ("", "bad_reference"),
        (".", "bad_reference"),
        ("a?versionId=1", "bad_reference"),
        ("a#b", "bad_reference"),
        ("user@host/a", "bad_reference"),
        ("a\nb", "bad_reference"),
        ("a\x00b", "bad_reference"),
    ],
)
def test_any_other_reference_is_refused_with_its_reason(reference, reason):
    with pytest.raises(RejectedInput) as caught:
        check(reference)
    assert caught.value.reason == reason


def test_a_local_store_has_no_bucket_that_a_reference_could_name():
    with pytest.raises(RejectedInput) as caught:
        check_dataref("s3://None/a", own_bucket=None, allowed_buckets=())
    assert caught.value.reason == "bucket_not_allowed"
    assert check_dataref("a/b", own_bucket=None, allowed_buckets=()) == ObjectPlace("a/b")


@given(st.text(max_size=30))
def test_whatever_is_let_through_is_a_key_without_empty_or_climbing_segments(reference):
    try:
        place = check(reference)
    except RejectedInput:
        return
    assert not {"", ".", ".."} & set(place.key.split("/"))
    assert not place.key.startswith(("/", "~"))
