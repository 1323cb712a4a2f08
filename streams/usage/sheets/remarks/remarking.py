"""Remarks: what the facts say beside the table of an assessment, by installation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streams.usage.sheets.commentary import Topic, to_topics
from streams.usage.sheets.measuring import tell_absent
from streams.usage.sheets.remarks.countries import UsersByCountry, count_by_country
from streams.usage.sheets.remarks.exclusions import tell_exclusions
from streams.usage.sheets.remarks.spikes import tell_spikes
from streams.usage.suppression import DEFAULT_LEAST

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts
    from streams.usage.sheets.cells import Measurement
    from streams.usage.sheets.sheet import Sheet


@dataclass(frozen=True, slots=True)
class Remarks:
    """What is told of an installation beside its table.

    Attributes
    ----------
    topics
        What the commentary ends with.
    countries
        Users by country, for each period that had any.
    """

    topics: tuple[Topic, ...] = ()
    countries: tuple[UsersByCountry, ...] = ()

    def add(self, topic: Topic) -> Remarks:
        """Return them with one topic more, if it says anything."""
        return replace(self, topics=(*self.topics, topic)) if topic.sentences else self


def make_remarks(
    facts: Facts,
    sheets: Sequence[Sheet],
    periods: Sequence[NamedPeriod],
    *,
    measured: Mapping[tuple[str, str, str], Measurement],
    now_at: dt.datetime,
    least: int = DEFAULT_LEAST,
) -> dict[str, Remarks]:
    """Return the remarks on each sheet's installation: countries, what does not count, months that stand out, missing facts.

    Parameters
    ----------
    least
        The smallest number of persons that is told by country.
    """
    countries = count_by_country(facts, periods, least=least)
    exclusions = tell_exclusions(facts, periods, measured)
    spikes, absent = tell_spikes(facts, periods, now_at), tell_absent(facts, sheets)
    found = {}
    for name in (sheet.installation for sheet in sheets):
        own = countries.get(name, ())
        topics = to_topics(
            ("Countries of users", (column.sentence for column in own)),
            ("Exclusions", exclusions.get(name, ())),
            ("Months that stand out", spikes.get(name, ())),
            ("Missing facts", absent.get(name, ())),
        )
        found[name] = Remarks(topics, own)
    return found
