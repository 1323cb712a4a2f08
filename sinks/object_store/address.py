"""Where a store is: its address as the settings spell it, read and checked. Pure.

===========================================  ==========================================================
address                                      store
===========================================  ==========================================================
``file:///srv/observatory``                  a local folder (``file:///C:/observatory`` on Windows)
``s3+https://s3.example.org/bucket``         a bucket of any S3 server, TLS
``s3+http://127.0.0.1:9000/bucket``          the same without TLS, for one machine or a closed network
``memory://name``                            this process's memory; each opening is a store of its own
===========================================  ==========================================================

After ``?`` an S3 address takes ``region`` (default ``us-east-1``), ``ca_file`` (certificates of a private authority),
``announce`` (an ARN such as ``arn:minio:sqs::ARRIVALS:kafka``: the server is asked to announce each new object there) and
``announce_prefix`` (only keys that begin so; default ``incoming/``).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from urllib.parse import SplitResult

#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

_OPTIONS = frozenset({"region", "ca_file", "announce", "announce_prefix"})


@dataclass(frozen=True, slots=True)
class MemoryAddress:
    """The memory of this process."""


@dataclass(frozen=True, slots=True)
class FolderAddress:
    """A local folder, absolute."""

    folder: Path


@dataclass(frozen=True, slots=True)
class S3Address:
    """A bucket of an S3 server.

    Attributes
    ----------
    endpoint
        ``host`` or ``host:port``.
    secure
        Whether TLS is spoken.
    bucket
        The bucket's name.
    region
        As the server expects it in signatures.
    ca_file
        Certificates to trust in place of the usual ones.
    announce
        ARN of the target of announcements, or empty.
    announce_prefix
        Only objects whose key begins so are announced.
    """

    endpoint: str
    secure: bool
    bucket: str
    region: str = "us-east-1"
    ca_file: Path | None = None
    announce: str = ""
    announce_prefix: str = "incoming/"


def read_address(url: str) -> MemoryAddress | FolderAddress | S3Address:
    """Read a store's address.

    Raises
    ------
    FatalFault
        If it is none, with what is wrong in one sentence. Never repeats a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        _refuse("cannot be read as a URL")
    if "@" in parts.netloc:
        _refuse("carries a user or a password: put the keys into the settings for credentials, and take them out")
    if parts.scheme == "memory":
        return MemoryAddress()
    if parts.scheme == "file":
        return _read_folder(parts)
    if parts.scheme in {"s3+http", "s3+https"}:
        return _read_s3(parts)
    wanted = "file:///folder, s3+https://host/bucket, s3+http://host:port/bucket or memory://name"
    return _refuse(f"begins with {parts.scheme or 'no scheme'}:, not with one of {wanted}")


def _read_folder(parts: SplitResult) -> FolderAddress:
    if parts.netloc not in {"", "localhost"} or parts.query or not parts.path.startswith("/"):
        _refuse("names a folder and so reads file:///absolute/folder")
    path = unquote(parts.path)
    folder = Path(path.removeprefix("/") if os.name == "nt" else path)  # Windows: /C:/folder
    if not folder.is_absolute():
        _refuse("names a folder that is not absolute")
    return FolderAddress(folder)


def _read_s3(parts: SplitResult) -> S3Address:
    if not parts.hostname:
        _refuse("names no host")
    bucket = parts.path.strip("/")
    if not _BUCKET.fullmatch(bucket):
        _refuse(f"names the bucket {bucket!r}: 3 to 63 of a-z, 0-9, dot and hyphen, and no folder below it")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) != len(pairs) or not options.keys() <= _OPTIONS:
        _refuse(f"has an option that is doubled or not one of {', '.join(sorted(_OPTIONS))}")
    known = {name: value for name, value in options.items() if name != "ca_file"}
    ca_file = Path(options["ca_file"]) if "ca_file" in options else None
    return S3Address(parts.netloc, parts.scheme == "s3+https", bucket, ca_file=ca_file, **known)


def _refuse(why: str) -> NoReturn:
    message = f"the object store's address {why}"
    raise FatalFault(message) from None
