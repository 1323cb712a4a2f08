"""The report by a profile: what its rules leave of the uses of each installation, and how many each of them removed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.usage.counting.ground import open_uses
from streams.usage.counting.judged import UNJUDGED, Judged, count_judged
from streams.usage.counting.robots import is_tool_pattern
from streams.usage.counting.rules import NoRobots
from streams.usage.counting.tally import count_removed, count_rows
from streams.usage.countries import to_country_name
from streams.usage.periods import NamedPeriod

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streams.usage.counting.ground import Ground
    from streams.usage.counting.profiles import Profile
    from streams.usage.meter import FactStore
    from streams.usage.reports.report import Report
    from streams.usage.reports.scope import Coverage

#: What is counted, as a person reads it.
_COUNTED: Mapping[str, str] = {
    "total_investigations": "Investigations",
    "unique_investigations": "Unique investigations",
    "total_requests": "Requests",
    "unique_requests": "Unique requests",
    "sessions": "Sessions",
    "bytes": "Bytes delivered",
}

_METHODS = ("Regular", "Machine")

_MOMENT = dt.timedelta(milliseconds=1)

Value = int | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """A row of the report.

    Attributes
    ----------
    metric, detail
        What is counted, and which part of it: an access method, a rule, a list.
    values
        One for each period: a count, or names; ``None`` where nothing was measured.
    """

    metric: str
    detail: str
    label: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class ProfileSheet:
    """The lines of one installation, and how much of each period was covered."""

    installation: str
    lines: tuple[ProfileLine, ...]
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """The uses of installations in some periods, by a profile.

    Attributes
    ----------
    profile
        What is said of the rules; the digest is that of all the rest.
    notes
        What must be read with the tables: what was not covered, and of how many uses nobody can tell whether robots made them.
    """

    profile: dict[str, Any]
    periods: tuple[NamedPeriod, ...]
    sheets: tuple[ProfileSheet, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Column:
    """One installation in one period."""

    rows: Mapping[str, Mapping[str, Any]]
    removed: Mapping[str, int]
    judged: Judged

    @property
    def counted(self) -> int:
        return sum(row["total_investigations"] for row in self.rows.values())

    def list_countries(self) -> tuple[str, ...]:
        codes = {code for row in self.rows.values() for code in row["countries"]}
        return tuple(sorted(filter(None, map(to_country_name, codes))))


def make_profile_report(
    store: FactStore, profile: Profile, plain: Report, notes: Sequence[str], *, allow_missing: bool = False
) -> ProfileReport:
    """Return the report by a profile: the same facts give the same report, in whatever order they came.

    Parameters
    ----------
    plain
        The report by the rules of the house: its periods and installations, and how much of them was covered.
    notes
        What is to be said beside.

    Raises
    ------
    RejectedInput
        ``broken_facts``, naming the object that cannot be read.
    TransientFault
        If the store is away or memory is short.
    """
    with open_uses(store, profile, _span(plain.periods, profile), allow_missing=allow_missing) as ground:
        counted = [_count(ground, period) for period in plain.periods]
    sheets, unknown = [], []
    for sheet in plain.sheets:
        name = sheet.installation
        columns = [found.get(name, _Column({}, {}, Judged(()))) for found in counted]
        measured = tuple(bool(coverage.share) for coverage in sheet.coverage)
        sheets.append(ProfileSheet(name, tuple(_list_lines(columns, measured, profile)), sheet.coverage))
        for period, column in zip(plain.periods, columns, strict=True):
            unknown += [
                f"{name}, {period.name}: of {number:,} uses nobody can tell whether robots made them: {UNJUDGED[why]}."
                for why, number in column.judged.count_unjudged().items()
            ]
    return ProfileReport(profile.to_plain(), plain.periods, tuple(sheets), (*notes, *unknown))


def _span(periods: Sequence[NamedPeriod], profile: Profile) -> NamedPeriod:
    """Return the time that is looked at: the periods, and as much after them as any rule looks ahead."""
    ahead_s = max(float(getattr(rule, "window_s", 0.0)) for rule in profile.rules)
    first, last = min(period.from_at for period in periods), max(period.to_at for period in periods)
    return NamedPeriod("all", first, last + dt.timedelta(seconds=ahead_s) + _MOMENT)


def _count(ground: Ground, period: NamedPeriod) -> dict[str, _Column]:
    """Return what was counted in a period, by installation."""
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for (installation, method), row in count_rows(ground, period).items():
        rows.setdefault(installation, {})[method] = row
    removed, judged = count_removed(ground, period), count_judged(ground, period)
    return {name: _Column(rows.get(name, {}), removed.get(name, {}), judged.of(name)) for name in {*rows, *removed}}


def _list_lines(columns: Sequence[_Column], measured: tuple[bool, ...], profile: Profile) -> Iterator[ProfileLine]:
    def make(metric: str, detail: str, label: str, values: Iterable[Value]) -> ProfileLine:
        told = (value if there else None for value, there in zip(values, measured, strict=True))
        return ProfileLine(metric, detail, label, tuple(told))

    keeps_tools = any(isinstance(rule, NoRobots) and rule.by == "list-without-tools" for rule in profile.rules)
    for metric, label in _COUNTED.items():
        for method in _METHODS:
            counts = (of.rows.get(method, {}).get(metric, 0) for of in columns)
            yield make(metric, method, f"{label}, {method}", counts)
    yield make("countries", "", "Countries", (of.list_countries() for of in columns))
    yield make("events", "", "Events recorded", (of.counted + sum(of.removed.values()) for of in columns))
    for rule in profile.rules:
        yield make("removed", rule.name, f"- removed by {rule.name}", (of.removed.get(rule.name, 0) for of in columns))
    yield make("counted", "", "Events counted", (of.counted for of in columns))
    for version, sha256 in sorted({(used.version, used.sha256) for of in columns for used in of.judged.list_lists()}):
        label = f"Held against the list of robots of {version or 'no date'}, sha256 {sha256}"
        yield make("judged", sha256, label, (of.judged.count_list(sha256) for of in columns))
    for pattern in sorted({pattern for of in columns for pattern in of.judged.count_patterns()}):
        counts = (of.judged.count_patterns().get(pattern, 0) for of in columns)
        kept = ", which researchers use: kept" if keeps_tools and is_tool_pattern(pattern) else ""
        yield make("matched", pattern, f"- on it as {pattern}{kept}", counts)
    for why, label in UNJUDGED.items():
        counts = (of.judged.count_unjudged().get(why, 0) for of in columns)
        yield make("not_judged", why, f"Held against no list: {label}", counts)
