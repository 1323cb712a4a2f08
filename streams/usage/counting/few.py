"""Few users: accesses by country of fewer users than may be told are suppressed in a tally, and told together."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from streams.usage.suppression import Crowd, Pseudonym, hide_small

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.usage.counting.ground import Ground
    from streams.usage.periods import NamedPeriod

_CROWDS = """
    SELECT installation, method, country, sum(n)::BIGINT, min(actor, {least}) FROM (
        SELECT installation, method, country, actor, count(*) AS n FROM remaining WHERE {when} GROUP BY ALL
    ) GROUP BY installation, method, country
"""

#: The users of a log are of one kind.
_TIER = 2


def hide_countries(
    ground: Ground, period: NamedPeriod, rows: Mapping[tuple[str, str], dict[str, Any]], *, least: int
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows of a tally with small numbers left out of ``countries``: ``suppressed`` names them, and their sum.

    Parameters
    ----------
    least
        The smallest number of users that is told; 1 hides nothing.
    """
    if least <= 1:
        return dict(rows)
    crowds: dict[tuple[str, str], dict[str, Crowd]] = defaultdict(dict)
    for installation, method, country, uses, actors in ground.select(_CROWDS.replace("{least}", str(least)), period):
        users = frozenset(Pseudonym(_TIER, "", str(actor)) for actor in actors)
        crowds[installation, method][country] = Crowd(uses, users)
    found = {}
    for key, row in rows.items():
        # nothing is told of both methods together, so each row is held against its own total only
        (hiding,) = hide_small([crowds[key]], [[0]], least=least)
        countries = row["countries"]
        found[key] = row | {"countries": {code: n for code, n in countries.items() if code not in hiding.countries}}
        if hiding.countries:
            together = sum(countries.get(code, 0) for code in hiding.countries)
            found[key]["suppressed"] = {"countries": sorted(hiding.countries), "accesses": together}
    return found
