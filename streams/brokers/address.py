"""Broker addresses: what ``embedded:`` and ``kafka:`` URLs mean, said once for every part that reads them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Literal, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from schemas.errors import FatalFault

Durability = Literal["full", "normal"]

#: The brokers there are; ``memory`` lives and ends with its process.
SCHEMES = ("embedded", "kafka", "memory")

_DURABILITIES = ("full", "normal")
_DEFAULT_PORT = 9092


@dataclass(frozen=True, slots=True)
class LogAddress:
    """Where an embedded log is and how hard it presses on the disk.

    Attributes
    ----------
    durability
        ``full``: what was acknowledged survives a power cut. ``normal``: it survives the end of the process, however sudden,
        but a power cut may take the last moments.
    """

    path: Path
    durability: Durability = "full"


def read_scheme(url: str) -> str:
    """Return the scheme of a broker address.

    Raises
    ------
    FatalFault
        If there is none.
    """
    scheme, colon, _ = url.partition(":")
    if not colon or not scheme.isidentifier():
        sentence = f"{url!r} is no broker address: expected embedded:///absolute/path/log.db or kafka://host:port."
        raise FatalFault(sentence)
    return scheme.lower()


def check_address(url: str) -> None:
    """Read an address as whoever opens it will.

    Raises
    ------
    FatalFault
        If no broker here has such an address.
    """
    scheme = read_scheme(url)
    if scheme not in SCHEMES:
        close = difflib.get_close_matches(scheme, SCHEMES, n=1)
        hint = f" Did you mean {close[0]}://?" if close else ""
        sentence = f"No broker is known for {scheme}://; there are {', '.join(SCHEMES)}.{hint}"
        raise FatalFault(sentence)
    if scheme == "embedded":
        read_log_address(url)
    elif scheme == "kafka":
        read_servers(url)


def read_log_address(url: str) -> LogAddress:
    """Read ``embedded:///absolute/path/log.db[?durability=normal]``; spaces and the like may be percent-encoded.

    Raises
    ------
    FatalFault
        If the path is missing or relative, or an option is unknown.
    """
    parts = urlsplit(url)
    path = unquote(parts.path)
    if PureWindowsPath(path.lstrip("/")).drive:  # /C:/folder/log.db
        path = path.lstrip("/")
    elif path.startswith("/"):
        path = "/" + path.lstrip("/")
    if parts.netloc or not Path(path).is_absolute() or path.endswith("/"):
        sentence = (
            f"{url!r} names no log: write embedded:// and the absolute path of a file, as in embedded:///data/log.db."
        )
        raise FatalFault(sentence)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    durability = options.pop("durability", "full")
    if options or durability not in _DURABILITIES:
        sentence = (
            f"{url!r} has an option that an embedded log does not know; it knows durability=full and durability=normal."
        )
        raise FatalFault(sentence)
    return LogAddress(Path(path), cast("Durability", durability))


def read_servers(url: str) -> list[str]:
    """Read ``kafka://host:port,host:port`` (or several such URLs parted by semicolons) into ``host:port`` strings.

    Raises
    ------
    FatalFault
        If a host is missing, or a port is no number.
    """
    servers: list[str] = []
    for piece in url.replace(";", ",").split(","):
        parts = urlsplit(piece if "://" in piece else f"kafka://{piece}")
        try:
            host, port = parts.hostname, parts.port or _DEFAULT_PORT
        except ValueError:
            host, port = None, 0
        if not host or parts.username or parts.path.strip("/"):
            sentence = f"{parts.hostname or ''!r} in the broker address is no host and port: write kafka://host:9092."
            raise FatalFault(sentence)
        servers.append(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    return servers
