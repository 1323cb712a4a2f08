"""Nothing that is run here reports its use."""

from __future__ import annotations

import os
import subprocess
import sys

#: Whatever would be sent would need an address first.
PROGRAM = """
import socket
asked = []
socket.getaddrinfo = lambda *args, **kwargs: asked.append(args) or []
import detectors.runtimes.openvino
import threading
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join(5)
print(len(asked))
"""


def test_importing_openvino_through_its_door_asks_the_network_for_nothing_and_writes_nothing(tmp_path):
    environment = {key: value for key, value in os.environ.items() if key not in {"CI", "TF_BUILD", "JENKINS_URL"}}
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert found.stdout.strip() == "0"
    assert list(tmp_path.rglob("*")) == []
