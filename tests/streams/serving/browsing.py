"""A real browser without a window: what a page holds once it is drawn, and what it looks like."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_WAIT_S = 90


def find_browser() -> str:
    """Return a browser of this machine, or skip the test."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser here: none of {', '.join(_NAMES)}")
    return found


def browse(address: str, folder: Path, *options: str) -> str:
    """Return what the browser wrote; each call has a profile of its own."""
    profile = folder / f"profile-{len(list(folder.glob('profile-*')))}"
    ran = subprocess.run(
        [find_browser(), *_FLAGS, f"--user-data-dir={profile}", *options, address],
        capture_output=True,
        text=True,
        timeout=_WAIT_S,
        check=True,
    )
    return ran.stdout


def read_drawn(address: str, folder: Path) -> str:
    """Return the page as the browser has it after drawing it."""
    return browse(address, folder, "--dump-dom")


def take_picture(address: str, folder: Path, *, width_px: int, height_px: int) -> Path:
    """Return a picture of the page."""
    picture = folder / f"page-{width_px}.png"
    browse(address, folder, f"--window-size={width_px},{height_px}", f"--screenshot={picture}")
    return picture
