"""What every measurement is made with, and a figure as it is told."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from schemas.errors import FatalFault
from streams.benchmarks.material import make_stills

if TYPE_CHECKING:
    from pathlib import Path

#: Most a workload may take.
_LIMIT_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure.

    Attributes
    ----------
    value, unit
        What was measured, ``None`` if it was left out; ratios have the unit ``x``.
    goal, at_least
        What it is held against, and on which side it should be; without a goal the figure is only told.
    detail
        The measurements behind it; or why it was left out.
    """

    name: str
    value: float | None
    unit: str
    goal_value: float | None = None
    at_least: bool = False
    detail: str = ""

    @property
    def text(self) -> str:
        """The value with its unit and what stands behind it."""
        if self.value is None:
            return self.detail
        return f"{self.value:.3g} {self.unit}" + (f" ({self.detail})" if self.detail else "")

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.goal_value is None:
            return "-"
        return f"{'at least' if self.at_least else 'at most'} {self.goal_value:g} {self.unit}"

    @property
    def verdict(self) -> str:
        """``yes``, ``no`` or ``-``."""
        if self.goal_value is None or self.value is None:
            return "-"
        met = self.value >= self.goal_value if self.at_least else self.value <= self.goal_value
        return "yes" if met else "no"

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {**asdict(self), "verdict": self.verdict}


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the suite.

    Attributes
    ----------
    folder
        Scratch space.
    short
        Small numbers: to see that it works, not to be quoted.
    model
        What is measured: OpenVINO IR or ONNX, by name or path.
    weights
        The ``.pt`` it was made from, if one was given.
    """

    folder: Path
    short: bool
    model: str
    weights: Path | None = None

    def run(
        self, name: str, pictures: Path, detector: str, parameters: dict[str, Any], *, store: str = ""
    ) -> dict[str, Any]:
        """Run a workload in a process of its own and return its readings; ``store`` is another than a local folder."""
        out = self.folder / f"out-{name}"
        return self.call("streams.benchmarks.workload", out, pictures, detector, json.dumps(parameters), store)

    def call(self, module: str, *arguments: str | Path) -> dict[str, Any]:
        """Run a module in a process of its own and return the readings that it prints."""
        ran = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", module, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
        if ran.returncode != 0:
            message = f"The workload {module} failed: {ran.stderr.strip()[-600:]}"
            raise FatalFault(message)
        readings: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
        return readings

    def stills(self, name: str, count: int, width_px: int, height_px: int) -> tuple[Path, list[Path]]:
        """Return a folder of generated stills, and their paths."""
        folder = self.folder / f"in-{name}"
        return folder, make_stills(folder, count, width_px=width_px, height_px=height_px)

    def yolo(self) -> dict[str, Any]:
        """Return the parameters of the network that is measured."""
        return {"model": self.model}
