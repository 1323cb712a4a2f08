"""Fixtures that every test may ask for."""

from __future__ import annotations

import os
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
