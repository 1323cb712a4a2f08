"""Fixtures that every test may ask for."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

#: Real brokers and object stores.
pytest_plugins = ["tests.services.fixtures"]

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real, licensed files; CI requires it, other machines may lack it."""
    folder = Path(os.environ.get("OBSERVATORY_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "MANIFEST.csv").is_file():
        reason = f"no real data at OBSERVATORY_REAL_DATA={folder}"
        if os.environ.get("OBSERVATORY_REQUIRE_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last what was left out, and why: a run without the services is no full run."""
    reasons = Counter(_to_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section("left out", sep="-")
        for reason, count in sorted(reasons.items()):
            terminalreporter.write_line(f"{count:4d} x {reason}")


def _to_reason(report: pytest.TestReport) -> str:
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return told.removeprefix("Skipped: ")
