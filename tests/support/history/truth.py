"""The truth about a history: each number counted one by one from its deeds, by nothing of the program's."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.support.history.deeds import HOUR, OBSERVERS, PICTURES, PLACES, START, Deed, Place, find_missing_hours

#: Columns, and the months of the project in them.
COLUMNS = {
    "M1-12": range(12), "M13-24": range(12, 24), "M25-36": range(24, 36), "TOTAL": range(36),
}  # fmt: skip

_NAMES = {
    "BE": "Belgium", "BO": "Bolivia", "DE": "Germany", "ES": "Spain", "FR": "France", "GL": "Greenland", "GR": "Greece",
    "IE": "Ireland", "IT": "Italy", "PT": "Portugal",
}  # fmt: skip

#: Where addresses are; of the others nobody knows.
ADDRESSES = {"10.0.": "FR", "10.1.": "GL"}


def to_month(at: dt.datetime) -> int:
    """Return the month of the project, from 0, in UTC."""
    moment = at - at.utcoffset()  # type: ignore[operator]
    return (moment.year - 2022) * 12 + moment.month - 9


def to_country(deed: Deed) -> tuple[str, str]:
    """Return the country of who did it, and how it is known."""
    if deed.who.home:
        return deed.who.home, "idp"
    if deed.who.tier == 2:
        return ADDRESSES.get(deed.who.name[:5], "ZZ"), "geoip"
    return "ZZ", "none"


def to_country_name(code: str) -> str:
    """Return what a report calls a country."""
    return _NAMES.get(code, "unknown")


def is_counted(deed: Deed) -> bool:
    """Return whether a user did it, and neither a robot nor a test."""
    return deed.purpose == "user" and deed.traffic not in {"robot", "test"}


@dataclass
class Truth:
    """What there was.

    Attributes
    ----------
    numbers
        By place, metric, detail and column.
    members
        Distinct users, institutions and countries, in the same way.
    by_country
        Distinct users by place, country and column.
    monthly
        Deliveries, reads and images processed by place, metric and month.
    begun
        The first hour in which somebody counted, by place: when a door opened, or else the first deed.
    """

    numbers: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    members: defaultdict[tuple[str, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    by_country: defaultdict[tuple[str, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    monthly: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    first_at: dict[str, dt.datetime] = field(default_factory=dict)
    first_login: dict[str, int] = field(default_factory=dict)

    def add(self, deed: Deed, metric: str, count: int = 1, *details: str) -> None:
        if metric in {"deliveries", "reads", "images_processed"}:
            self.monthly[deed.place, metric, to_month(deed.at)] += count
        for column, months in COLUMNS.items():
            if to_month(deed.at) in months:
                for detail in details or ("",):
                    self.numbers[deed.place, metric, detail, column] += count

    def put(self, deed: Deed, metric: str, member: str) -> None:
        for column, months in COLUMNS.items():
            if to_month(deed.at) in months:
                self.members[deed.place, metric, column].add(member)

    def is_begun(self, place: str, column: str) -> bool:
        """Return whether anybody counted before the column's end."""
        return place in self.first_at and to_month(self.first_at[place]) <= COLUMNS[column][-1]

    def has_login(self, place: str, column: str) -> bool:
        """Return whether anybody had logged in before the column's end."""
        return self.first_login.get(place, 99) <= COLUMNS[column][-1]


def count_truth(deeds: Iterable[Deed]) -> Truth:
    """Go through the deeds in the order of time, and count."""
    truth = Truth()
    seen: defaultdict[tuple[str, str], set[object]] = defaultdict(set)
    sizes: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for deed in sorted(deeds, key=lambda deed: deed.at):
        truth.first_at.setdefault(deed.place, deed.at)
        if deed.who.tier == 4:
            truth.first_login.setdefault(deed.place, to_month(deed.at))
        _count_event(truth, deed)
        if deed.what in {"processed", "served"}:
            _count_use(truth, deed)
        elif is_counted(deed):
            _count_end(truth, deed)
        if is_counted(deed) and deed.what in {"processed", "ingested"}:
            _count_pictures(truth, deed, seen)
            if deed.what == "processed" and deed.kind != "tile":
                _count_unsure(truth, deed, sizes)
    for place in PLACES:
        if place.doors and place.name in truth.first_at:
            opened = min(door.opened for door in place.doors)
            truth.first_at[place.name] = min(truth.first_at[place.name], opened)
    return truth


def _count_event(truth: Truth, deed: Deed) -> None:
    truth.add(deed, "events")
    if deed.what in {"refused", "failure", "health"}:
        truth.add(deed, "removed_events", 1, "not_delivered")
    elif "test" in {deed.purpose, deed.traffic}:
        truth.add(deed, "removed_events", 1, "tests")
    elif deed.purpose != "user":
        truth.add(deed, "removed_events", 1, "other_purposes")
    elif deed.traffic == "robot":
        truth.add(deed, "removed_events", 1, "robots")


def _count_use(truth: Truth, deed: Deed) -> None:
    if not is_counted(deed):
        why = deed.purpose if deed.purpose != "user" else deed.traffic
        truth.add(deed, "uncounted_uses", 1, why)
        looked = len(deed.pictures) if deed.what == "processed" and deed.kind != "tile" else 0
        truth.add(deed, "uncounted_images", looked, why)
        return
    country, source = to_country(deed)
    truth.add(deed, "requests")
    truth.add(deed, "deliveries" if deed.what == "processed" else "reads")
    truth.add(deed, "uses_by_tier", 1, str(deed.who.tier))
    truth.add(deed, "uses_by_country", 1, country)
    truth.add(deed, "uses_by_country_source", 1, source)
    if deed.who.tier == 1:
        truth.add(deed, "uses_by_owner", 1, deed.who.name)
    if deed.who.tier == 4:
        truth.put(deed, "unique_users", deed.who.name)
        for column, months in COLUMNS.items():
            if to_month(deed.at) in months:
                truth.by_country[deed.place, country, column].add(deed.who.name)
    if deed.who.institution:
        truth.put(deed, "user_groups", deed.who.institution)
    if country != "ZZ":
        truth.put(deed, "countries", to_country_name(country))


def _count_end(truth: Truth, deed: Deed) -> None:
    if deed.what == "refused":
        truth.add(deed, "refusals", 1, "", deed.reason)
        truth.add(deed, "requests")
    elif deed.what == "failure":
        truth.add(deed, "failures", 1, "", deed.reason)
        truth.add(deed, "requests")
    elif deed.what == "health":
        truth.add(deed, "health_checks")
    elif deed.what == "annotated" and deed.kind != "tile":
        truth.add(deed, "images_annotated", len(deed.pictures))


def _count_pictures(truth: Truth, deed: Deed, seen: defaultdict[tuple[str, str], set[object]]) -> None:
    """Count each image and each unit once for its place, the first time that somebody had it looked at, or sent it in."""
    processed, name = deed.what == "processed", PICTURES[deed.kind][0]
    units = seen[deed.place, f"{deed.what} units"]
    unit = (deed.kind, tuple(sorted(deed.contents)))
    truth.add(deed, f"units_{deed.what}", int(unit not in units), deed.kind)
    units.add(unit)
    if not processed and PICTURES[deed.kind][1] > 1:
        return  # not opened when it is taken in
    images = seen[deed.place, f"{deed.what} images"]
    fresh = 0
    for picture in deed.pictures:
        fresh += picture not in images
        images.add(picture)
    if name == "tile":
        truth.add(deed, "tiles_processed" if processed else "tiles_ingested", fresh)
        return
    if not processed:
        truth.add(deed, "images_ingested", fresh)
        return
    truth.add(deed, "images_processed", fresh, "", name)
    truth.add(deed, "image_runs", len(deed.pictures))
    truth.add(deed, "images_reprocessed", len(deed.pictures) - fresh)
    truth.add(deed, "demonstration_images", fresh if OBSERVERS[deed.observer] else 0)


def _count_unsure(truth: Truth, deed: Deed, sizes: defaultdict[tuple[str, str, str], list[int]]) -> None:
    """Count what a reader of mere numbers cannot be sure of: the same content with another number than ever before."""
    for content in set(deed.contents):
        before, number = sizes[deed.place, PICTURES[deed.kind][0], content], len(deed.looked)
        if before and number not in before:
            truth.add(deed, "images_unsure", min(number, max(before)))
        before.append(number)


def find_gaps(place: Place, truth: Truth, column: str) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return when nobody counted, as intervals: before the first moment, and while a door was broken down."""
    first, last = (_to_start(COLUMNS[column][0]), _to_start(COLUMNS[column][-1] + 1))
    began_at = truth.first_at[place.name].astimezone(dt.UTC)
    # told by a use alone it is the next whole hour, so that nobody learns when that use was
    began_at += (START - began_at) % HOUR
    begun = min(max(began_at, first), last)
    gaps = [(first, begun)] if first < begun else []
    hours = sorted(hour for hour in find_missing_hours(place) if begun <= START + hour * HOUR < last)
    for hour in hours:
        at = START + hour * HOUR
        if gaps and gaps[-1][1] == at:
            gaps[-1] = (gaps[-1][0], at + HOUR)
        else:
            gaps.append((at, at + HOUR))
    return gaps


def _to_start(month: int) -> dt.datetime:
    return dt.datetime(2022 + (month + 8) // 12, (month + 8) % 12 + 1, 1, tzinfo=dt.UTC)
