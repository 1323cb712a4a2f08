"""Where the official definitions and schemas lie, on machines that have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def reference() -> Path:
    """Return the folder of definition files that others wrote and that are not in this repository."""
    folder = Path(os.environ.get("OBSERVATORY_REFERENCE", ROOT.parent / "shared" / "reference"))
    if not (folder / "dwc" / "xsd" / "eml.xsd").is_file():
        pytest.skip(f"no Darwin Core and EML definitions at OBSERVATORY_REFERENCE={folder}")
    return folder
