r"""Windows refuses paths of 260 characters and more unless they are spelt ``\\?\...``; export shares have such paths."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_EXTENDED = ("\\\\?\\", "\\\\.\\")
_SHARE = "\\\\"
_DRIVE = re.compile(r"[A-Za-z]:\\")


def to_long_path(path: Path, *, system: str = sys.platform) -> Path:
    """Return an absolute path as it may be of any length; on systems without that limit the path itself."""
    return Path(to_long_name(str(path))) if system == "win32" else path


def to_long_name(name: str) -> str:
    r"""Return an absolute Windows path without the limit: ``\\?\C:\runs``, of a share ``\\?\UNC\server\share\runs``.

    See https://learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation. A relative path stays as it is.
    """
    if name.startswith(_EXTENDED):
        return name
    if name.startswith(_SHARE):
        return f"\\\\?\\UNC\\{name.removeprefix(_SHARE)}"
    return f"\\\\?\\{name}" if _DRIVE.match(name) else name
