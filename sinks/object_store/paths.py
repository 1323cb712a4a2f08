r"""From object keys to relative paths that Linux, Windows and macOS can all keep, and back. Pure.

A segment of a key becomes one name. Lower-case letters, digits and ``-_.=+,@`` stay; every other byte of its UTF-8 form
becomes ``%xx`` in lower-case hexadecimal. So names differ by more than case, hold nothing outside ASCII (file systems
disagree on composed letters) and none of ``<>:"|?*\``, and have no blank at the end. Two exceptions make the rest safe:
a dot at the end becomes ``%2e``, and the first letter of a name that Windows reserves for a device (``con``, ``nul.txt``)
is escaped too.

=============  =====================
segment        name
=============  =====================
``fish.jpg``   ``fish.jpg``
``OBSEA 1``    ``%4f%42%53%45%41%201``
``ü``          ``%c3%bc``
``nul.txt``    ``%6eul.txt``
``end.``       ``end%2e``
=============  =====================
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_.=+,@")

_NAME = re.compile(r"(?:[a-z0-9\-_.=+,@]|%[0-9a-f]{2})+")

#: Segments that are names as they are, but for those of devices.
_SAME = re.compile(r"[a-z0-9\-_.=+,@]*[a-z0-9\-_=+,@]")

#: https://learn.microsoft.com/windows/win32/fileio/naming-a-file: reserved also with anything after a dot.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)")

#: Begins the name of a file that is being written: no segment becomes a name that begins so.
TEMPORARY = "%tmp-"


@lru_cache(maxsize=4096)
def to_segment(segment: str) -> str:
    """Return the name for one segment of a key; cached, because most segments are folders of many keys."""
    if _SAME.fullmatch(segment) and not _DEVICE.match(segment):
        return segment
    name = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in segment.encode())
    if name.endswith("."):
        name = f"{name[:-1]}%2e"
    if _DEVICE.match(name):
        name = f"%{ord(name[0]):02x}{name[1:]}"
    return name


def from_segment(name: str) -> str | None:
    """Return the segment that ``name`` stands for, or None if it stands for none (somebody else's file)."""
    if not _NAME.fullmatch(name):
        return None
    raw = re.sub(rb"%([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), name.encode())
    try:
        segment = raw.decode()
    except UnicodeDecodeError:
        return None
    return segment if to_segment(segment) == name else None


def to_name(key: str) -> str:
    """Return the relative path for an object key that was checked, with ``/`` between its names."""
    return "/".join([to_segment(segment) for segment in key.split("/")])


def to_path(key: str) -> PurePosixPath:
    """Return the same as a path."""
    return PurePosixPath(to_name(key))
