"""The edge of a deployment, made of what its settings name."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from streams.usage.counting.robots import load_robots
from streams.usage.edge.admission import Edge
from streams.usage.edge.geoip import open_country_file
from streams.usage.edge.keys import load_keys

if TYPE_CHECKING:
    from streams.settings.model import ProjectSettings
    from streams.usage.edge.keys import KeyRing


def open_edge(project: ProjectSettings) -> Edge:
    """Return the edge, ready for visitors.

    Raises
    ------
    FatalFault
        If there is no key, or a key, the country file or the list of robots is wrong.
    """
    countries = open_country_file(project.country_file) if project.country_file is not None else None
    robots = load_robots(project.robots_file) if project.robots_file is not None else None
    return Edge(open_keys(project), countries, robots)


def open_keys(project: ProjectSettings) -> KeyRing:
    """Return the keys that pseudonyms are made with.

    Raises
    ------
    FatalFault
        If there is none, or one is wrong.
    """
    if project.pseudonym_key_file is None:
        message = "Visitors cannot be admitted without a pseudonym key; name its file as project.pseudonym_key_file."
        raise FatalFault(message)
    start = dt.date.fromisoformat(f"{project.starts}-01") if project.starts else None
    return load_keys(project.pseudonym_key_file, project.pseudonym_scope, project_start=start)
