"""An address says where the store is, and a wrong one says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import FatalFault
from sinks.object_store.address import FolderAddress, MemoryAddress, S3Address, read_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("memory://any", MemoryAddress()),
        ("file:///srv/observatory", FolderAddress(Path("/srv/observatory"))),
        ("file:///srv/with%20blank", FolderAddress(Path("/srv/with blank"))),
        ("file:///srv/50%25%23one", FolderAddress(Path("/srv/50%#one"))),
        ("file://localhost/srv", FolderAddress(Path("/srv"))),
        ("s3+http://127.0.0.1:9000/bucket", S3Address("127.0.0.1:9000", secure=False, bucket="bucket")),
        ("s3+https://s3.example.org/bucket/", S3Address("s3.example.org", secure=True, bucket="bucket")),
        (
            "s3+https://s3.example.org/b-1.x?region=eu-west-1&ca_file=/etc/ca.pem&announce=arn:minio:sqs::A:kafka&announce_prefix=",
            S3Address(
                "s3.example.org",
                secure=True,
                bucket="b-1.x",
                region="eu-west-1",
                ca_file=Path("/etc/ca.pem"),
                announce="arn:minio:sqs::A:kafka",
                announce_prefix="",
            ),
        ),
    ],
)
def test_an_address_is_read(url: str, address: object):
    assert read_address(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "no scheme"),
        ("/srv/observatory", "no scheme"),
        ("s3://bucket", "begins with s3:"),
        ("file://relative/folder", "file:///absolute/folder"),
        ("file:relative", "file:///absolute/folder"),
        ("file:///srv?x=1", "file:///absolute/folder"),
        ("s3+http:///bucket", "names no host"),
        ("s3+http://host", "names the bucket ''"),
        ("s3+http://host/UPPER", "names the bucket 'UPPER'"),
        ("s3+http://host/bucket/folder", "no folder below it"),
        ("s3+http://host:port/bucket", "cannot be read"),
        ("s3+http://[::1/bucket", "cannot be read"),
        ("s3+http://host/bucket?regoin=x", "not one of announce, announce_prefix, ca_file, region"),
        ("s3+http://host/bucket?region=x&region=y", "doubled"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(url: str, why: str):
    with pytest.raises(FatalFault) as caught:
        read_address(url)
    assert why in caught.value.sentence


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(FatalFault, match="settings for credentials") as caught:
        read_address("s3+https://someone:letmein@s3.example.org/bucket")
    assert "letmein" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
