"""Remarks: what the facts say beside the table of an assessment, by installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.sheets.measuring import tell_absent
from streams.usage.sheets.remarks.countries import tell_countries
from streams.usage.sheets.remarks.spikes import tell_spikes

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts
    from streams.usage.sheets.sheet import Sheet


def make_remarks(
    facts: Facts, sheets: Sequence[Sheet], periods: Sequence[NamedPeriod], now_at: dt.datetime
) -> dict[str, list[str]]:
    """Return the remarks on each sheet's installation: countries, months that stand out, installations without facts."""
    told = (tell_countries(facts, periods), tell_spikes(facts, periods, now_at), tell_absent(facts, sheets))
    return {
        sheet.installation: [line for lines in told for line in lines.get(sheet.installation, ())] for sheet in sheets
    }
