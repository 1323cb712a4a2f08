"""A real Kafka broker for the time of a measurement, where one was prepared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Starts servers that `make services` prepared; it lies beside the packages, not in them.
_LOCAL = Path(__file__).resolve().parents[2] / "deploy" / "services" / "local.py"

_STOP_WITHIN_S = 60.0


@contextmanager
def open_kafka(folder: Path) -> Iterator[tuple[str | None, str]]:
    """Give the address of a broker, or ``None`` and why there is none; its data and its log are in ``folder``.

    ``OBSERVATORY_KAFKA=host:port`` names one that runs; else one is started that ``make services`` prepared, in the folder that
    ``OBSERVATORY_SERVICES_DIR`` names.
    """
    if given := os.environ.get("OBSERVATORY_KAFKA"):
        yield f"kafka://{given}", ""
        return
    if not _LOCAL.is_file():
        yield None, "left out: this is no checkout, so no broker can be started"
        return
    command = [sys.executable, str(_LOCAL), "start", "kafka", "--folder", str(folder), "--port", "0", "--attached"]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as keeper:
        told = keeper.stdout.readline() if keeper.stdout else ""
        try:
            if told:
                yield f"kafka://{json.loads(told)['address']}", ""
            else:
                why = keeper.stderr.read().strip().splitlines() if keeper.stderr else []
                yield None, f"left out: {why[-1] if why else 'no broker started'}"
        finally:
            keeper.terminate()
            keeper.communicate(timeout=_STOP_WITHIN_S)
