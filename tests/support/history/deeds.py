"""Deeds: what is done at seven installations in 36 months, before anything is written down of it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

UTC = dt.UTC
HOUR = dt.timedelta(hours=1)

#: The project: its month 1, and the first moment after month 36.
START, END = dt.datetime(2022, 9, 1, tzinfo=UTC), dt.datetime(2025, 9, 1, tzinfo=UTC)

#: Observers, and whether their models are only for demonstration.
OBSERVERS = {"a": False, "b": False, "demo": True}

#: Unit kind -> what its pictures are called, and how many there are in one content.
PICTURES = {
    "still": ("still", 1), "image_set": ("still", 1), "scene": ("scene", 1), "orthophoto": ("orthophoto", 1),
    "tile": ("tile", 1), "clip": ("frame", 40), "run": ("roi", 60), "scan": ("vignette", 30),
}  # fmt: skip

_ZONES = [dt.timezone(dt.timedelta(minutes=minutes)) for minutes in (0, 60, 120, -210, 345, -660, 840)]
_COUNTRIES = ("ES", "IT", "FR", "DE", "IE", "PT", "GR", "BO", "GL", "ZZ")
_INSTITUTIONS = ("03mb6wj31", "02nv7yv05", "05bp8ka05", "01111rn36", None)


@dataclass(frozen=True)
class Somebody:
    """A visitor; ``name`` is a login, token, address or owner, by the tier."""

    name: str
    tier: int
    home: str = ""
    institution: str | None = None


@dataclass(frozen=True)
class Deed:
    """One request and what became of it; ``at`` is told in the zone of whoever did it."""

    request: str
    place: str
    at: dt.datetime
    what: str
    who: Somebody
    kind: str = "still"
    contents: tuple[str, ...] = ()
    looked: tuple[int, ...] = (0,)
    observer: str = "a"
    reason: str = ""
    purpose: str = "user"
    traffic: str = "external"

    @property
    def pictures(self) -> list[tuple[str, int]]:
        """Which images of which contents were looked at."""
        return [(content, number) for content in self.contents for number in self.looked]


@dataclass(frozen=True)
class Door:
    """A door, when it was there, and when not: broken down (unknown to us) or closed on purpose."""

    name: str
    opened: dt.datetime
    outages: tuple[tuple[dt.datetime, dt.datetime], ...] = ()
    closures: tuple[tuple[dt.datetime, dt.datetime], ...] = ()


@dataclass(frozen=True)
class Place:
    """An installation: what comes in, by how many persons, and through which doors."""

    name: str
    kinds: tuple[str, ...]
    opened: dt.datetime
    monthly: int
    logins: int = 0
    doors: tuple[Door, ...] = ()
    workshops: tuple[dt.datetime, ...] = ()


def _at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


def _span(first: str, last: str) -> tuple[dt.datetime, dt.datetime]:
    return _at(first), _at(last)


PLACES = (
    Place("litter", ("orthophoto", "tile"), _at("2023-09-14T08"), 20, logins=16),
    Place(
        "zooscan", ("scan",), _at("2022-11-07T06"), 60,
        doors=(Door("feed", _at("2022-11-07T06"), (_span("2024-02-28T20", "2024-03-02T05"),)),),
    ),
    Place("azores", ("clip",), _at("2022-09-01T00"), 50, logins=9, doors=(Door("web", _at("2022-09-01T00")),)),
    Place(
        "smartbay", ("clip", "still"), _at("2023-02-10T00"), 60, logins=30,
        doors=(
            Door("feed", _at("2023-02-10T00"), (_span("2023-08-30T00", "2023-09-03T12"),)),
            Door("web", _at("2024-05-01T09"), (_span("2025-01-05T00", "2025-01-06T00"),)),
        ),
        workshops=(_at("2024-06-03T09"),),
    ),
    Place("oil", ("scene",), _at("2024-10-01T12"), 40, logins=80),
    Place(
        "obsea", ("still", "image_set"), _at("2022-09-01T00"), 130, logins=120,
        doors=(
            Door(
                "feed", _at("2022-09-01T00"),
                outages=(_span("2023-01-10T03", "2023-01-12T17"), _span("2025-07-30T00", "2025-09-02T00")),
            ),
            Door(
                "web", _at("2022-10-01T00"),
                outages=(_span("2023-01-11T00", "2023-01-14T00"),), closures=(_span("2024-08-01T00", "2024-08-20T00"),),
            ),
        ),
        workshops=(_at("2023-11-06T08"), _at("2024-11-04T08")),
    ),
    Place("flowcam", ("run", "image_set"), _at("2023-03-01T00"), 90, logins=60, workshops=(_at("2025-05-12T08"),)),
)  # fmt: skip


def find_missing_hours(place: Place) -> set[int]:
    """Return the hours of the project, from 0, in which a door of the place was broken down."""
    spans = [span for door in place.doors for span in door.outages]
    return {hour for first, last in spans for hour in range((first - START) // HOUR, (last - START) // HOUR)}


@dataclass
class _Scribe:
    """Makes the deeds of one place, no two of them at one moment."""

    place: Place
    chance: random.Random
    persons: tuple[Somebody, ...]
    deeds: list[Deed] = field(default_factory=list)
    known: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    moments: set[dt.datetime] = field(default_factory=set)

    def write(self, at: dt.datetime, **told: object) -> None:
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        while at in self.moments:
            at += dt.timedelta(milliseconds=1)
        if not self.place.opened <= at < END + 9 * HOUR:
            return
        self.moments.add(at)
        number = len(self.deeds)
        defaults = {"who": self.choose(at), "kind": self.chance.choice(self.place.kinds)}
        deed = Deed(f"{self.place.name}-{number}", self.place.name, at, **(defaults | told))  # type: ignore[arg-type]
        self.deeds.append(replace(deed, at=at.astimezone(self.chance.choice(_ZONES))))

    def choose(self, at: dt.datetime) -> Somebody:
        """Return somebody: most logins come in one year or two, some in all; others are owners, cookies and addresses."""
        draw = self.chance.random()
        if self.persons and draw < 0.5:
            year = (at - START).days // 365
            active = [
                one for place, one in enumerate(self.persons) if place % 3 == year or place % 7 in {year, year + 1}
            ]
            return self.chance.choice(active or list(self.persons))
        if draw < 0.85:
            return Somebody(f"{self.place.name}-institute", 1)
        if draw < 0.93:
            return Somebody(f"cookie-{self.chance.randrange(30)}", 3)
        return Somebody(f"10.{self.chance.randrange(4)}.0.{self.chance.randrange(9)}", 2)

    def make_new(self) -> dict[str, object]:
        """Return a unit that was never here, or an archive of pictures of which some were."""
        kind = self.chance.choice(self.place.kinds)
        name = f"{self.place.name}/{kind}/{len(self.known)}"
        if kind == "image_set":
            names = [f"{name}/{number}" for number in range(self.chance.randrange(2, 20))]
            stills = [contents[0] for kind, contents in self.known if kind in {"still", "image_set"}]
            names += self.chance.sample(stills, min(len(stills), self.chance.randrange(3)))
            names += names[:1] * self.chance.randrange(2)
            contents = tuple(names)
        else:
            contents = (name,)
        self.known.append((kind, contents))
        return {"kind": kind, "contents": contents, "looked": self.look(kind)}

    def make_old(self) -> dict[str, object]:
        """Return a unit that was here before, looked at once more."""
        kind, contents = self.chance.choice(self.known[-400:])
        return {"kind": kind, "contents": contents, "looked": self.look(kind)}

    def look(self, kind: str) -> tuple[int, ...]:
        """Return which pictures are looked at: all, or every second, fourth or tenth, so that one choice contains another."""
        steps = (1, 1, 2, 10) if kind == "run" else (1, 1, 2, 4)
        return tuple(range(0, PICTURES[kind][1], self.chance.choice(steps)))


def make_deeds(seed: int = 36) -> list[Deed]:
    """Return everything that was done and recorded, in no order that means anything."""
    chance = random.Random(seed)
    world = [
        Somebody(f"user{number}@example.org", 4, chance.choice(_COUNTRIES[:-1]), chance.choice(_INSTITUTIONS))
        for number in range(220)
    ]
    found: list[Deed] = []
    for place in PLACES:
        scribe = _Scribe(place, chance, tuple(chance.sample(world, place.logins)))
        for month in range(36):
            _fill_month(scribe, START + dt.timedelta(days=month * 30.44))
        for turn in (12, 24, 36):
            _fill_turn(scribe, turn)
        for begins in place.workshops:
            _hold_workshop(scribe, begins)
        missing = find_missing_hours(place)
        found += [deed for deed in scribe.deeds if (deed.at - START) // HOUR not in missing]
    return found


def _fill_month(scribe: _Scribe, begins: dt.datetime) -> None:
    chance = scribe.chance
    for _ in range(scribe.place.monthly):
        at = begins + dt.timedelta(seconds=chance.randrange(int(30.44 * 86_400)))
        draw = chance.random()
        if draw < 0.5 or not scribe.known:
            unit = scribe.make_new()
            scribe.write(at - 5 * HOUR, what="ingested", **unit)
            scribe.write(at, what="processed", observer=chance.choice("aab"), **unit)
        elif draw < 0.65:
            scribe.write(at, what="processed", observer=chance.choice(list(OBSERVERS)), **scribe.make_old())
        elif draw < 0.75:
            scribe.write(at, what="served", contents=(f"result-{chance.randrange(50)}",))
        elif draw < 0.8:
            scribe.write(at, what="annotated", **scribe.make_old())
        elif draw < 0.86:
            scribe.write(at, what="refused", reason=chance.choice(["too_large", "not_an_image"]), **scribe.make_old())
        elif draw < 0.88:
            scribe.write(at, what="failure", reason="poison", **scribe.make_old())
        elif draw < 0.9:
            scribe.write(at, what="health", reason="ping")
        elif draw < 0.95:
            # robots and tests are there first: what they look at is new when a user comes
            unit = scribe.make_new()
            scribe.write(at, what="processed", traffic=chance.choice(["robot", "test"]), **unit)
        else:
            purpose = chance.choice(["canary", "staff", "replay", "test"])
            scribe.write(at, what=chance.choice(["processed", "served"]), purpose=purpose, **scribe.make_old())


def _fill_turn(scribe: _Scribe, months: int) -> None:
    """Write deeds in the hours about the end of a period, the first and the last moment of one among them."""
    edge = START.replace(year=START.year + months // 12)
    for at in (edge, edge - dt.timedelta(milliseconds=1), *_scatter(scribe.chance, edge)):
        scribe.write(at, what="processed", **scribe.make_new())


def _scatter(chance: random.Random, edge: dt.datetime) -> Iterator[dt.datetime]:
    return (edge + chance.randrange(-14 * 60, 14 * 60) * HOUR / 60 for _ in range(12))


def _hold_workshop(scribe: _Scribe, begins: dt.datetime) -> None:
    """Forty persons, most of whom never come again, look at the same five archives on two days."""
    class_of = [Somebody(f"pupil{number}.{begins:%Y%m}@example.org", 4, "BE") for number in range(36)]
    sets = [scribe.make_new() for _ in range(5)]
    for one in (*class_of, *scribe.persons[:4]):
        for unit in sets:
            at = begins + scribe.chance.randrange(2_000) * HOUR / 60
            scribe.write(at, what="processed", who=one, traffic="training", **unit)
