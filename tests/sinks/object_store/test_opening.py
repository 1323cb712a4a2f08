"""Opening a store loads what that store needs, and connects to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import SecretStr

from schemas.errors import FatalFault
from sinks.object_store.credentials import Credentials
from sinks.object_store.opening import open_store
from tests.services.servers import ROOT


def test_a_folder_is_opened_without_the_s3_client():
    program = (
        "import sys\nfrom sinks.object_store.opening import open_store\nopen_store('file:///nowhere')\n"
        "assert not {'minio', 'urllib3'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_an_s3_server_needs_credentials():
    with pytest.raises(FatalFault, match="needs credentials"):
        open_store("s3+http://127.0.0.1:1/bucket")


def test_an_s3_server_is_not_asked_before_the_first_verb():
    assert open_store("s3+http://127.0.0.1:1/bucket", Credentials("key", SecretStr("secret")))


def test_credentials_are_never_printed():
    shown = repr(Credentials("someone", SecretStr("letmein"), SecretStr("token-value")))
    assert "someone" in shown
    assert "letmein" not in shown
    assert "token-value" not in shown
