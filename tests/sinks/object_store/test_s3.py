"""The S3 door: every refusal of a vendor becomes one of the three faults, and no wait is without end."""

from __future__ import annotations

import inspect
import shutil
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import ClassVar
from xml.etree.ElementTree import ParseError

import minio.error
import pytest
import urllib3
import urllib3.exceptions
from minio.error import InvalidResponseError, S3Error, ServerError
from pydantic import SecretStr

from schemas.errors import FatalFault, ObservatoryError, RejectedInput, TransientFault
from sinks.object_store.address import read_address
from sinks.object_store.credentials import Credentials
from sinks.object_store.opening import open_store
from sinks.object_store.s3 import S3Store, translate_faults
from tests.services.fixtures import S3Server, give_up, name_credentials
from tests.services.servers import LocalServer, find_missing_part

OCTETS = "application/octet-stream"
SERVERS = ["minio", "versitygw"]


def raise_through(error: Exception) -> ObservatoryError:
    with pytest.raises(ObservatoryError) as caught, translate_faults("the store", "a/b"):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


def make_s3_error(code: str | None, status: int) -> S3Error:
    answer = urllib3.HTTPResponse(status=status)
    return S3Error(answer, code, "said so", "/bucket/a/b", "1", "2", bucket_name="bucket", object_name="a/b")


# ------------------------------------------------------------------------------------------------ the vendors' classes

#: Every exception class of urllib3, and what follows from it. A class that is not here is a new one: decide, and add it.
WIRE = {
    "BodyNotHttplibCompatible": TransientFault,
    "ClosedPoolError": TransientFault,
    "ConnectTimeoutError": TransientFault,
    "ConnectionError": TransientFault,
    "DecodeError": TransientFault,
    "EmptyPoolError": TransientFault,
    "FullPoolError": TransientFault,
    "HTTPError": TransientFault,
    "HeaderParsingError": TransientFault,
    "HostChangedError": TransientFault,
    "IncompleteRead": TransientFault,
    "InvalidChunkLength": TransientFault,
    "MaxRetryError": TransientFault,
    "NameResolutionError": TransientFault,
    "NewConnectionError": TransientFault,
    "PoolError": TransientFault,
    "ProtocolError": TransientFault,
    "ProxyError": TransientFault,
    "ReadTimeoutError": TransientFault,
    "RequestError": TransientFault,
    "ResponseError": TransientFault,
    "ResponseNotChunked": TransientFault,
    "SSLError": TransientFault,
    "TimeoutError": TransientFault,
    "DependencyWarning": FatalFault,
    "HTTPWarning": FatalFault,
    "InsecurePlatformWarning": FatalFault,
    "InsecureRequestWarning": FatalFault,
    "InvalidHeader": FatalFault,
    "LocationParseError": FatalFault,
    "LocationValueError": FatalFault,
    "NotOpenSSLWarning": FatalFault,
    "ProxySchemeUnknown": FatalFault,
    "ProxySchemeUnsupported": FatalFault,
    "SecurityWarning": FatalFault,
    "SystemTimeWarning": FatalFault,
    "TimeoutStateError": FatalFault,
    "URLSchemeUnknown": FatalFault,
    "UnrewindableBodyError": FatalFault,
}

#: Every exception class of minio; the three with a status are judged by it, in the tables below.
MINIO = {
    "InvalidResponseError": TransientFault,
    "MinioAdminException": FatalFault,
    "MinioException": FatalFault,
    "S3Error": TransientFault,
    "ServerError": TransientFault,
}


def find_exceptions(module: object) -> dict[str, type[Exception]]:
    return {
        name: found
        for name, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, Exception) and found.__module__ == module.__name__
    }


def test_every_exception_class_of_urllib3_is_decided_on():
    assert find_exceptions(urllib3.exceptions).keys() == WIRE.keys()


@pytest.mark.parametrize("name", WIRE)
def test_an_exception_of_urllib3_becomes_a_fault(name: str):
    kind = getattr(urllib3.exceptions, name)
    error = kind.__new__(kind)
    for attribute in ("partial", "expected", "length"):  # what some of them need to print themselves
        setattr(error, attribute, 0)
    assert type(raise_through(error)) is WIRE[name]


def test_every_exception_class_of_minio_is_decided_on():
    assert find_exceptions(minio.error).keys() == MINIO.keys()


class Example:
    """One of each, as a server that is starting would cause them."""

    errors: ClassVar = {
        "InvalidResponseError": InvalidResponseError(502, "text/html", "<html>"),
        "MinioAdminException": minio.error.MinioAdminException("403", "no"),
        "MinioException": minio.error.MinioException("no"),
        "S3Error": make_s3_error("ServiceUnavailable", 503),
        "ServerError": ServerError("no", 503),
    }


@pytest.mark.parametrize("name", MINIO)
def test_an_exception_of_minio_becomes_a_fault(name: str):
    assert type(raise_through(Example.errors[name])) is MINIO[name]


@pytest.mark.parametrize("error", [ParseError("no XML"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no text")])
def test_an_answer_that_is_not_of_s3_is_fatal(error: Exception):
    assert isinstance(raise_through(error), FatalFault)


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        ("NoSuchKey", 404, RejectedInput),
        ("NoSuchBucket", 404, FatalFault),
        ("AccessDenied", 403, FatalFault),
        ("InvalidAccessKeyId", 403, FatalFault),
        ("SignatureDoesNotMatch", 403, FatalFault),
        ("XAdminUserNotFound", 404, FatalFault),
        ("RequestTimeTooSkewed", 403, FatalFault),
        ("MethodNotAllowed", 405, FatalFault),
        ("NotImplemented", 501, FatalFault),
        ("PermanentRedirect", 301, FatalFault),
        ("SlowDown", 503, TransientFault),
        ("SlowDownWrite", 503, TransientFault),
        ("ServiceUnavailable", 503, TransientFault),
        ("InternalError", 500, TransientFault),
        ("XMinioServerNotInitialized", 503, TransientFault),
        ("XMinioStorageFull", 507, TransientFault),
        ("XMinioAdminBucketQuotaExceeded", 400, TransientFault),
        ("RequestTimeout", 400, TransientFault),
        ("BadDigest", 400, TransientFault),
        ("IncompleteBody", 400, TransientFault),
        ("ConditionalRequestConflict", 409, TransientFault),
        ("TooManyRequests", 429, TransientFault),
        ("SomethingNew", 418, FatalFault),
        ("SomethingNew", 599, TransientFault),
        (None, 408, TransientFault),
        ("KeyTooLongError", 400, RejectedInput),
        ("ObjectParentIsFile", 409, RejectedInput),
    ],
)
def test_an_answer_becomes_a_fault(code: str | None, status: int, fault: type[ObservatoryError]):
    assert type(raise_through(make_s3_error(code, status))) is fault


@pytest.mark.parametrize(("status", "fault"), [(502, TransientFault), (403, FatalFault), (429, TransientFault)])
def test_an_answer_of_something_between_is_judged_by_its_status(status: int, fault: type[ObservatoryError]):
    assert type(raise_through(InvalidResponseError(status, "text/html", "<html>"))) is fault
    assert type(raise_through(ServerError("no", status))) is fault


def test_a_certificate_that_is_not_trusted_is_fatal():
    error = urllib3.exceptions.SSLError("no")
    error.__context__ = ssl.SSLCertVerificationError("unknown authority")
    assert isinstance(raise_through(error), FatalFault)


# -------------------------------------------------------------------------------------------------------- real servers


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> S3Server:
    return request.getfixturevalue(f"{request.param}_service")


def open_as(server: S3Server, bucket: str, *, access_key: str | None = None, secret_key: str | None = None) -> S3Store:
    keys = Credentials(access_key or server.access_key, SecretStr(secret_key or server.secret_key))
    return open_store(server.make_store_url(bucket), keys)


@pytest.mark.s3
@pytest.mark.parametrize(
    "wrong", [{"access_key": "nobody-known"}, {"secret_key": "not-the-secret-key"}], ids=["access", "secret"]
)
@pytest.mark.parametrize("create", [False, True])
def test_wrong_keys_are_fatal_at_check(server: S3Server, unique_name: str, wrong: dict[str, str], *, create: bool):
    store = open_as(server, unique_name, **wrong)
    with pytest.raises(FatalFault) as caught:
        store.check(create=create)
    assert not any(secret in str(caught.value) for secret in (server.secret_key, "not-the-secret-key"))
    with pytest.raises(FatalFault):
        store.write("results/one", b"fish", media_type=OCTETS)
    with pytest.raises(FatalFault):
        store.write_once("results/one", b"fish", media_type=OCTETS)


@pytest.mark.s3
def test_a_bucket_that_is_gone_is_fatal_and_not_a_missing_object(server: S3Server, unique_name: str):
    with pytest.raises(FatalFault, match="NoSuchBucket"):
        open_as(server, unique_name).read("results/one")


@pytest.mark.s3
def test_two_workers_may_make_the_bucket_at_once(server: S3Server, unique_name: str):
    faults: list[Exception] = []
    barrier = threading.Barrier(4)

    def check() -> None:
        barrier.wait(30)
        try:
            open_as(server, unique_name).check(create=True)
        except ObservatoryError as fault:
            faults.append(fault)

    threads = [threading.Thread(target=check) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


@pytest.mark.s3
def test_the_media_type_is_what_a_browser_is_told(server: S3Server, unique_name: str):
    store = open_as(server, unique_name)
    store.check(create=True)
    store.write("results/one.json", b"{}", media_type="application/json")
    store.write_once("results/two.jpg", b"", media_type="image/jpeg")
    told = [store._client.stat_object(unique_name, key).content_type for key in ("results/one.json", "results/two.jpg")]
    assert told == ["application/json", "image/jpeg"]


@pytest.mark.s3
def test_the_condition_alone_keeps_the_first(server: S3Server, unique_name: str, monkeypatch: pytest.MonkeyPatch):
    store = open_as(server, unique_name)
    store.check(create=True)
    assert store.write_once("claims/one", b"first", media_type=OCTETS) is True
    monkeypatch.setattr(store, "stat", lambda _: None)  # as another writer would have seen it an instant before
    assert store.write_once("claims/one", b"second", media_type=OCTETS) is False
    assert store.read("claims/one") == b"first"


@pytest.mark.s3
@pytest.mark.chaos
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_hangs_is_away_after_the_limit(name: str, request: pytest.FixtureRequest):
    running: S3Server = request.getfixturevalue(f"{name}_server")
    keys = Credentials(running.access_key, SecretStr(running.secret_key))
    store = S3Store(read_address(running.make_store_url("bucket")), keys, answer_limit_s=0.5)
    store.check(create=True)
    running.server.freeze()
    begun_s = time.monotonic()
    for call in (lambda: store.read("one"), lambda: store.write("one", b"fish", media_type=OCTETS)):
        with pytest.raises(TransientFault):
            call()
    assert time.monotonic() - begun_s < 5
    running.server.thaw()
    store.write("one", b"fish", media_type=OCTETS)
    assert store.read("one") == b"fish"


@pytest.mark.s3
@pytest.mark.chaos
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_killed_during_an_upload_has_all_of_it_or_nothing(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
):
    running: S3Server = request.getfixturevalue(f"{name}_server")
    store = open_as(running, "bucket")
    store.check(create=True)
    path = tmp_path / "clip"
    path.write_bytes(bytes(range(256)) * (1 << 18))
    begun, put = threading.Event(), store._client._upload_part

    def put_and_tell(*args: object) -> object:
        done = put(*args)
        begun.set()
        return done

    store._client._upload_part = put_and_tell
    faults: list[Exception] = []

    def write() -> None:
        try:
            store.write_file("clips/one", path, media_type="video/mp4")
        except ObservatoryError as fault:
            faults.append(fault)

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(60)
    running.server.kill()
    writer.join(60)
    running.server.start()
    assert [type(fault) for fault in faults] in ([], [TransientFault])
    if faults:
        assert store.stat("clips/one") is None
        store.write_file("clips/one", path, media_type="video/mp4")
    assert store.stat("clips/one").size_bytes == path.stat().st_size


def test_a_name_that_no_host_has_is_away_and_not_a_missing_object():
    store = open_store("s3+http://store.invalid:9000/bucket", Credentials("key", SecretStr("secret-key")))
    with pytest.raises(TransientFault):
        store.stat("results/one")


@pytest.mark.s3
def test_a_private_authority_is_trusted_when_named_and_only_then(tmp_path: Path):
    if missing := find_missing_part("minio"):
        give_up([missing])
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on the PATH")
    folder = tmp_path / "certs"
    folder.mkdir()
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "private.key"), "-out", str(folder / "public.crt")),
        ],
        check=True,
        capture_output=True,
    )
    running = LocalServer("minio", tmp_path, environment=name_credentials("minio", ("someone", "something-long")))
    running.start()
    try:
        keys = Credentials("someone", SecretStr("something-long"))
        url = f"s3+https://{running.address}/bucket"
        with pytest.raises(FatalFault, match="certificate is not trusted"):
            open_store(url, keys).check(create=True)
        trusting = open_store(f"{url}?ca_file={folder / 'public.crt'}", keys)
        trusting.check(create=True)
        assert trusting.write_once("results/one", b"fish", media_type=OCTETS) is True
        assert trusting.read("results/one") == b"fish"
    finally:
        running.stop()
