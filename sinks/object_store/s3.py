"""The store in a bucket: the door to minio and urllib3, for any server that speaks S3."""

from __future__ import annotations

import base64
import hashlib
import io
import ssl
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.datatypes import Object
from minio.error import InvalidResponseError, MinioAdminException, MinioException, S3Error, ServerError
from minio.notificationconfig import NotificationConfig, PrefixFilterRule, QueueConfig
from urllib3 import exceptions as wire

from schemas.errors import FatalFault, ObservatoryError, RejectedInput, TransientFault
from sinks.object_store.address import S3Address
from sinks.object_store.credentials import Credentials
from sinks.object_store.file_faults import translate_file_faults
from sinks.object_store.keys import check_key, check_prefix
from sinks.object_store.store import MISSING_OBJECT, NewObject, ObjectInfo

#: Seconds. A server that does not take a connection in this time is away; one that sends nothing for so long, too.
CONNECT_LIMIT_S = 5.0
ANSWER_LIMIT_S = 30.0

#: Connections kept open: at least the worker threads of one process, so that none waits or reconnects.
CONNECTIONS = 32

#: Bytes of one part of a large upload, of which one is in memory: 10,000 parts make 160 GB.
PART_BYTES = 16 << 20

#: S3 takes at most this in one request.
SINGLE_PUT_LIMIT_BYTES = 5 << 30

_CHUNK_BYTES = 1 << 20

#: How long a signature for a conditional write may wait on a slow line for the server to read it.
_SIGNATURE_LIFE = timedelta(minutes=5)

#: How far back a certificate's refusal is looked for in a chain of exceptions.
_CAUSES_LIMIT = 10

_OCTETS = "application/octet-stream"

#: The server cannot keep an object above or below another one; versitygw also says so while it removes an empty folder.
_NESTING_CODES = frozenset(
    {
        "ExistingObjectIsDirectory",  # versitygw
        "ObjectParentIsFile",  # versitygw
        "XMinioObjectExistsAsDirectory",
        "XMinioParentIsObject",
    }
)

_BAD_KEY_CODES = _NESTING_CODES | {"KeyTooLong", "KeyTooLongError", "XMinioInvalidObjectName"}

#: Codes that pass although their HTTP status is of the 400s.
_PASSING_CODES = frozenset(
    {
        "BadDigest",  # damaged on the way
        "ConditionalRequestConflict",
        "IncompleteBody",
        "OperationAborted",
        "RequestTimeout",
        "SlowDown",
        "SlowDownRead",
        "SlowDownWrite",
        "ThrottlingException",
        "TooManyRequests",
        "QuotaExceeded",
        "XAmzContentSHA256Mismatch",  # damaged on the way
        "XMinioAdminBucketQuotaExceeded",
        "XMinioStorageFull",
    }
)

_PASSING_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})

#: urllib3's exceptions that mean wrong settings or a mistake of ours; all others mean a bad moment of the network.
FATAL_ON_THE_WIRE = (
    wire.LocationValueError,
    wire.ProxySchemeUnsupported,
    wire.InvalidHeader,
    wire.UnrewindableBodyError,
    wire.TimeoutStateError,
    wire.HTTPWarning,
)


class S3Store:
    """Objects in a bucket.

    A write returns when the server says that it has the object: how much that means is the server's (and its disks')
    promise. A large file is sent in parts and appears when the last is acknowledged; parts of an upload that was killed
    stay unseen until the server clears them (MinIO after a day; elsewhere by a lifecycle rule for incomplete uploads).

    Parameters
    ----------
    address
        Server and bucket.
    credentials
        The account's keys.
    answer_limit_s
        A server that sends nothing for so long is away.
    """

    def __init__(self, address: S3Address, credentials: Credentials, *, answer_limit_s: float = ANSWER_LIMIT_S) -> None:
        self._address = address
        self._bucket = address.bucket
        self._http = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            timeout=urllib3.Timeout(connect=CONNECT_LIMIT_S, read=answer_limit_s),
            retries=False,  # whoever calls decides when to try again, and when to give up
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(address.ca_file) if address.ca_file else None,
        )
        token = credentials.session_token
        try:
            self._client = Minio(
                address.endpoint,
                access_key=credentials.access_key,
                secret_key=credentials.secret_key.get_secret_value(),
                session_token=token.get_secret_value() if token else None,
                secure=address.secure,
                region=address.region,
                http_client=self._http,
            )
        except ValueError as error:
            message = f"the object store's address is not one: {error}"
            raise FatalFault(message) from error

    def read(self, key: str) -> bytes:
        """Return the whole object."""
        check_key(key)
        with self._faults(key):
            answer = self._client.get_object(self._bucket, key)
            try:
                return answer.read()
            finally:
                answer.close()
                answer.release_conn()

    @contextmanager
    def lend_path(self, key: str) -> Iterator[Path]:
        """Give a copy in a temporary file."""
        check_key(key)
        with tempfile.TemporaryDirectory(prefix="observatory-") as folder:
            path = Path(folder) / "object"
            with translate_file_faults(key), self._faults(key), path.open("wb") as target:
                answer = self._client.get_object(self._bucket, key)
                try:
                    for chunk in answer.stream(_CHUNK_BYTES):
                        target.write(chunk)
                finally:
                    answer.close()
                    answer.release_conn()
            yield path

    def stat(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, or None, which a server also says of a bucket that is gone."""
        check_key(key)
        try:
            with self._faults(key):
                found = self._client.stat_object(self._bucket, key)
        except RejectedInput as fault:
            if fault.reason == MISSING_OBJECT:
                return None
            raise
        return _to_info(found)

    def write(self, key: str, data: bytes, *, media_type: str) -> None:
        """Store ``data``, in place of what was there, in one request."""
        self._put(key, io.BytesIO(data), size_bytes=len(data), part_bytes=SINGLE_PUT_LIMIT_BYTES, media_type=media_type)

    def write_together(self, objects: Sequence[NewObject]) -> None:
        """Store several, one after the other: S3 has no request for more than one."""
        for new in objects:
            self.write(new.key, new.data, media_type=new.media_type)

    def write_once(self, key: str, data: bytes, *, media_type: str) -> bool:
        """Store ``data`` unless something is stored there; say whether it was stored.

        Asks first, which spares the upload, then writes with ``If-None-Match: *``. A server that honours it (MinIO and
        versitygw do, and AWS says so) lets exactly one writer win; one that ignores it leaves the instant between the
        two.
        """
        if self.stat(key) is not None:
            return False
        headers = {
            "Content-Type": media_type,
            "Content-MD5": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
            "If-None-Match": "*",
        }
        with self._faults(key), self._second_look(key):
            # The client has no parameter for the condition; a presigned request takes any header.
            url = self._client.presigned_put_object(self._bucket, key, expires=_SIGNATURE_LIFE)
            answer = self._http.request("PUT", url, body=data, headers=headers)
            if answer.status == HTTPStatus.PRECONDITION_FAILED:
                return False
            if answer.status != HTTPStatus.OK:
                raise S3Error.fromxml(answer)
        return True

    def write_once_together(self, objects: Sequence[NewObject]) -> tuple[bool, ...]:
        """Store several, one after the other, each unless something is stored there."""
        return tuple(self.write_once(new.key, new.data, media_type=new.media_type) for new in objects)

    def write_file(self, key: str, path: Path, *, media_type: str) -> None:
        """Store the bytes of a local file; one part of it is in memory at a time."""
        with path.open("rb") as source, translate_file_faults(key):
            size_bytes = path.stat().st_size
            self._put(key, source, size_bytes=size_bytes, part_bytes=PART_BYTES, media_type=media_type)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Go through the objects whose key begins with ``prefix``, a page of 1000 at a time."""
        check_prefix(prefix)
        found = self._client.list_objects(self._bucket, prefix=prefix, recursive=True)
        while True:
            with self._faults(prefix):
                listed = next(found, None)
            if listed is None:
                return
            if not listed.is_dir:
                yield _to_info(listed)

    def delete(self, key: str) -> None:
        """Remove the object, if there is one; a bucket with versions keeps the old one."""
        check_key(key)
        with self._faults(key):
            self._client.remove_object(self._bucket, key)

    def check(self, *, create: bool) -> None:
        """See that the bucket is there; with ``create`` make it, have new objects announced, and try the verbs."""
        try:
            with self._faults("checks/"):
                # Not `bucket_exists`: its HEAD request has no body that says what is wrong with the keys.
                next(self._client.list_objects(self._bucket, prefix="checks/"), None)
        except FatalFault as fault:
            if not (isinstance(fault.__cause__, S3Error) and fault.__cause__.code == "NoSuchBucket"):
                raise
            if not create:
                message = f"there is no bucket {self._bucket} at {self._address.endpoint}; `observatory check` makes it"
                raise FatalFault(message) from fault
            self._make_bucket()
        if not create:
            return
        if self._address.announce:
            self._announce()
        probe = f"checks/{uuid.uuid4().hex}"
        self.write(probe, b"", media_type=_OCTETS)
        self.delete(probe)

    def _make_bucket(self) -> None:
        try:
            with self._faults(""):
                self._client.make_bucket(self._bucket, self._address.region)
        except FatalFault as fault:
            cause = fault.__cause__
            if not (isinstance(cause, S3Error) and cause.code == "BucketAlreadyOwnedByYou"):  # made by another worker
                raise

    def _announce(self) -> None:
        """Ask the server to announce new objects, beside what it announces already."""
        arn, prefix = self._address.announce, self._address.announce_prefix
        with self._faults(""):
            config = self._client.get_bucket_notification(self._bucket)
            queues = list(config.queue_config_list)
            if any(queue.queue == arn and getattr(queue.prefix_filter_rule, "value", "") == prefix for queue in queues):
                return
            rule = PrefixFilterRule(prefix) if prefix else None
            queues.append(QueueConfig(queue=arn, events=["s3:ObjectCreated:*"], prefix_filter_rule=rule))
            wanted = NotificationConfig(config.cloud_func_config_list, queues, config.topic_config_list)
            self._client.set_bucket_notification(self._bucket, wanted)

    def _put(self, key: str, source: BinaryIO, *, size_bytes: int, part_bytes: int, media_type: str) -> None:
        check_key(key)
        with self._faults(key), self._second_look(key):
            self._client.put_object(
                self._bucket,
                key,
                source,
                size_bytes,
                content_type=media_type,
                part_size=part_bytes,
                num_parallel_uploads=1,
            )

    @contextmanager
    def _second_look(self, key: str) -> Iterator[None]:
        """Tell a key that really lies above or below another object's from a server that was just tidying up."""
        try:
            yield
        except S3Error as error:
            if error.code not in _NESTING_CODES:
                raise
            segments = key.split("/")
            above = ("/".join(segments[:count]) for count in range(1, len(segments)))
            if any(map(self.stat, above)) or next(self.list(f"{key}/"), None) is not None:
                raise
            message = f"the S3 server was removing a folder in the way of {key}"
            raise TransientFault(message) from error

    @contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        with translate_faults(f"the object store {self._address.endpoint}/{self._bucket}", key):
            yield


@contextmanager
def translate_faults(place: str, key: str) -> Iterator[None]:
    """Turn what minio and urllib3 raise into one of the three faults."""
    try:
        yield
    except S3Error as error:
        raise judge_answer(
            place, key, code=error.code or "", said=error.message or "", status=error.response.status
        ) from error
    except ServerError as error:
        raise judge_answer(place, key, code="", said=str(error), status=error.status_code) from error
    except InvalidResponseError as error:
        status = error._code  # noqa: SLF001 - kept nowhere else
        raise judge_answer(place, key, code="", said="an answer not in the words of S3", status=status) from error
    except (MinioException, MinioAdminException, ParseError, UnicodeDecodeError) as error:
        message = f"{place}: what answers is not an S3 server ({type(error).__name__})"
        raise FatalFault(message) from error
    except FATAL_ON_THE_WIRE as error:
        message = f"{place}: {type(error).__name__}: {error}"
        raise FatalFault(message) from error
    except wire.HTTPError as error:
        raise judge_wire(place, error) from error


def judge_answer(place: str, key: str, *, code: str, said: str, status: int) -> ObservatoryError:
    """Return the fault for an answer of the server."""
    if code == "NoSuchKey":
        return RejectedInput(MISSING_OBJECT, f"no object {key}")
    if code in _BAD_KEY_CODES:
        return RejectedInput("bad_object_key", f"the store does not take the object key {key} ({code})")
    sentence = f"{place}: {code or status}: {said} ({key})"
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
    if passing or status in _PASSING_STATUSES or code in _PASSING_CODES:
        return TransientFault(sentence)
    return FatalFault(sentence)


def judge_wire(place: str, error: Exception) -> ObservatoryError:
    """Return the fault for a failure of the network: it passes, except for a certificate that is not trusted."""
    causes: list[BaseException] = [error]
    while (below := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < _CAUSES_LIMIT:
        causes.append(below)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return FatalFault(f"{place}: its certificate is not trusted: {error}")
    return TransientFault(f"{place}: {type(error).__name__}: {error}")


def _to_info(found: Object) -> ObjectInfo:
    if found.object_name is None or found.last_modified is None:
        message = "the S3 server told of an object without its name or time"
        raise FatalFault(message)
    return ObjectInfo(found.object_name, found.size or 0, found.last_modified)
