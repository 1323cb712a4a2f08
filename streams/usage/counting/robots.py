"""Robots: a list of patterns that the operator supplies, and which programs it knows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from schemas.canonical import to_sha256
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from pathlib import Path

#: Programs that researchers fetch data with. COUNTER for research data: the list must not include them (RD1, section
#: "Internet Robots and Crawlers": python, curl, wget and Java are its examples).
RESEARCH_TOOLS = (
    "python-requests/2.32.3", "Python-urllib/3.12", "Python/3.12 aiohttp/3.11.11", "python-httpx/0.28.1", "httpx/0.28.1",
    "curl/8.11.1", "libcurl/8.11.1", "PycURL/7.45.3 libcurl/8.11.1", "Wget/1.25.0", "Wget/1.25.0 (linux-gnu)", "Wget2/2.2.0",
    "Java/17.0.13", "Java/1.8.0_432", "Java-http-client/17.0.13", "Apache-HttpClient/4.5.14 (Java/17.0.13)",
    "okhttp/4.12.0", "Go-http-client/1.1", "R (4.4.2 x86_64-pc-linux-gnu)", "libcurl/8.11.1 r-curl/6.0.1 httr/1.4.7",
)  # fmt: skip

#: More of an agent's name is not looked at: patterns of others must not be given room to be slow in.
_LOOKED_AT = 500

_MAX_BYTES = 10 * 2**20

#: Longer entries, and longer versions, are not kept in uses.
PATTERN_LETTERS, VERSION_LETTERS = 500, 64


@dataclass(frozen=True, slots=True)
class Robots:
    """A list, ready to be asked.

    Attributes
    ----------
    sha256
        Digest of the file.
    version
        The last change that the list names; empty where it names none.
    patterns
        Those that are used, in the order of the list.
    left_out
        Those that are not, since they match programs that researchers use.
    """

    sha256: str
    version: str
    patterns: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    def knows(self, agent: str) -> bool:
        """Return whether a program is a robot by this list; capital letters mean nothing."""
        return self.find(agent) is not None

    def find(self, agent: str) -> str | None:
        """Return the entry that a program matches; of several, the first that no program of researchers matches.

        So the answer serves profiles that keep those programs and profiles that do not.
        """
        return _find(self.patterns, agent[:_LOOKED_AT])

    def without_tools(self) -> Robots:
        """Return the list without the patterns that match programs that researchers use."""
        left_out = tuple(pattern for pattern in self.patterns if is_tool_pattern(pattern))
        kept = tuple(pattern for pattern in self.patterns if not is_tool_pattern(pattern))
        return Robots(self.sha256, self.version, kept, left_out)


@lru_cache(maxsize=4096)
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


@lru_cache(maxsize=4096)
def is_tool_pattern(pattern: str) -> bool:
    """Return whether an entry of a list matches programs that researchers use."""
    return any(map(_compile(pattern).search, RESEARCH_TOOLS))


@lru_cache(maxsize=65_536)
def _find(patterns: tuple[str, ...], agent: str) -> str | None:
    found = [pattern for pattern in patterns if _compile(pattern).search(agent)]
    return min(found, key=is_tool_pattern, default=None)


def is_tool(agent: str) -> bool:
    """Return whether a program that is no robot is a script's or a library's, not a browser: its access is ``Machine``."""
    return bool(agent) and not agent.startswith(("Mozilla/", "Opera/"))


def load_robots(path: Path) -> Robots:
    """Return the list in a file, as COUNTER publishes it: a JSON list of objects with ``pattern`` and ``last_changed``.

    Raises
    ------
    FatalFault
        If it cannot be read, is no such list, or holds a pattern that is no regular expression; each one is named.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES)
        entries = json.loads(data)
        patterns = [str(entry["pattern"]) for entry in entries]
        dates = [str(entry.get("last_changed", "")) for entry in entries]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"{path.name} is no list of robots: a JSON list of objects with a pattern each is expected."
        raise FatalFault(message) from error
    wrong = [complaint for pattern in patterns if (complaint := _complain(pattern))]
    if wrong or not patterns:
        message = f"{path.name}: {'; '.join(wrong) or 'the list is empty'}."
        raise FatalFault(message)
    return Robots(to_sha256(data), max(dates)[:VERSION_LETTERS], tuple(dict.fromkeys(patterns)))


def _complain(pattern: str) -> str:
    try:
        _compile(pattern)
    except re.error as error:
        return f"the pattern {pattern[:60]!r} is no regular expression ({error})"
    if len(pattern) > PATTERN_LETTERS:
        return f"the pattern {pattern[:60]!r}... has more than {PATTERN_LETTERS} letters"
    return "" if pattern else "a pattern is empty, and would match every program"
