"""One workload in a process of its own: a folder goes the whole way, and rate, processor time and memory are taken."""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.base import View
from detectors.scripted import find_bright_centre
from schemas.finding import Image
from schemas.geometry import WholePart
from streams.feeds.announce import Claimed, Sender
from streams.feeds.folder import Found, list_media
from streams.settings.read import check_settings
from streams.submission import Medium, Submission
from streams.working import open_working

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.settings.model import Deployment

#: Units that end before the clock starts: the first ones start processes and fill caches.
WARM_UNITS = 16

#: Between two readings of memory.
_SAMPLE_EVERY_S = 0.25

_KIB = 1024

_FAKE_ROUNDS = 2_000


@dataclass
class Meter:
    """What is read while a workload runs.

    Attributes
    ----------
    marks
        Monotonic seconds, units ended, processor seconds of this process, resident MiB; one reading per look.
    """

    marks: list[tuple[float, int, float, float]] = field(default_factory=list)

    def look(self, ended: int) -> None:
        """Take a reading, when the last one is old enough or a unit ended."""
        now_s = time.monotonic()
        if self.marks and ended == self.marks[-1][1] and now_s - self.marks[-1][0] < _SAMPLE_EVERY_S:
            return
        self.marks.append((now_s, ended, time.process_time(), read_resident_mib()))

    def to_plain(self) -> dict[str, Any]:
        """Return rate, processor time per unit, and memory at a quarter and at the end."""
        started = next((mark for mark in self.marks if mark[1] >= WARM_UNITS), self.marks[0])
        last = self.marks[-1]
        units, seconds = max(1, last[1] - started[1]), max(1e-9, last[0] - started[0])
        quarter = next(mark for mark in self.marks if mark[1] >= last[1] / 4)
        return {
            "units": last[1],
            "per_second": units / seconds,
            "cpu_ms_per_unit": 1000 * (last[2] - started[2]) / units,
            "resident_quarter_mib": quarter[3],
            "resident_end_mib": last[3],
            "peak_mib": read_resident_mib("VmHWM"),
        }


def read_resident_mib(field_name: str = "VmRSS") -> float:
    """Return this process's resident memory in MiB, or its peak (``VmHWM``).

    Where the system does not tell, the peak that it accounts to the process, which may be that of whoever started it.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith(f"{field_name}:"):
                return int(line.split()[1]) / _KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB


def make_deployment(folder: Path, detector: str, parameters: dict[str, Any], store: str = "") -> Deployment:
    """Return a deployment with one camera, no pictures, an embedded log, and a local store unless another is named."""
    plain = {
        "name": "bench",
        "folder": str(folder),
        "worker": {"pause_last": 0},
        "store": {"url": store} if store else {},
        "installations": {"camera": {"detector": detector, "parameters": parameters, "pictures": "none"}},
        "feeds": {"camera": {"installation": "camera", "capture": {"file_name": "s_%s*"}}},
    }
    return check_settings(plain, {}, folder=folder).deployment


def run_workload(deployment: Deployment, pictures: Path) -> dict[str, Any]:
    """Announce a folder, wait for all ends, and return what was measured.

    Raises
    ------
    RuntimeError
        If not every file was stored: then nothing was measured.
    """
    meter = Meter()
    with open_working(deployment) as working:
        sender = Sender(feed="camera", inline_limit=deployment.inline_limit)
        submission = Submission(working.client, working.parts.topics, working.parts.store, sender)

        def look() -> None:
            working.look()
            meter.look(len(submission.ends))

        submission.look = look
        submission.begin()
        submission.submit(_to_media(pictures))
        submission.wait()
    ledger = submission.to_ledger()
    if ledger.total.stored != ledger.total.submitted:
        message = f"only {ledger.total.stored} of {ledger.total.submitted} files were stored: {dict(ledger.reasons)}"
        raise RuntimeError(message)
    spent_s = meter.marks[-1][2] - meter.marks[0][2]
    return {
        **meter.to_plain(),
        "images": ledger.images,
        "findings": ledger.findings,
        "cpu_s": spent_s,
        "look_ms": time_fake(),
    }


def time_fake() -> float:
    """Return the processor milliseconds that the fake detector itself spends on one small image."""
    image = Image(index=0, kind="frame", width_px=64, height_px=48, place=WholePart(part="clip"))
    view = View(image, np.full((48, 64, 3), 100, dtype=np.uint8))
    began = time.process_time()
    for _ in range(_FAKE_ROUNDS):
        find_bright_centre(view)
    return 1000 * (time.process_time() - began) / _FAKE_ROUNDS


def _to_media(folder: Path) -> Iterator[Medium]:
    return (Medium(item.path, Claimed(item.subject)) for item in list_media([folder]) if isinstance(item, Found))


def main() -> None:
    """Run the workload that the arguments name: output folder, picture folder, detector, its parameters as JSON, a store."""
    folder, pictures, detector, parameters, store = sys.argv[1:]
    deployment = make_deployment(Path(folder), detector, json.loads(parameters), store)
    sys.stdout.write(json.dumps(run_workload(deployment, Path(pictures))) + "\n")


if __name__ == "__main__":
    main()
