"""The lines of a report: every figure of one installation, for each period, and its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from schemas.usage import UNKNOWN_COUNTRY, Bounded, Measured, Names, NotMeasured
from streams.usage.countries import to_country_name
from streams.usage.reports.definitions import DEFINITIONS, Definition
from streams.usage.reports.figures import NOBODY, REMOVED, TILE, Figures

if TYPE_CHECKING:
    from streams.usage.reports.scope import Coverage, Scope
    from streams.usage.suppression import Hiding
    from streams.usage.unique import Unique


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A part that was counted and is not told, since few persons are behind it or behind another one."""

    kind: Literal["suppressed"] = "suppressed"
    why: str = "few_persons"


Value = Measured | Bounded | NotMeasured | Names | Suppressed

#: Why a figure is not measured.
NO_LOGIN, NO_FACTS, NO_INSTITUTION = "no_login", "no_facts", "no_institution"

#: Why only bounds are known.
SEVERAL_KEYS = "several_keys"

#: The part that holds what is suppressed of the others, and the state of these.
TOGETHER = SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure in a period, and its share of the line's whole where that makes sense."""

    value: Value
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a report.

    Attributes
    ----------
    detail
        Kind, country, owner, ...: which part of the figure; empty for the figure itself.
    label
        What a person reads.
    cells
        One for each period.
    """

    definition: Definition
    detail: str
    label: str
    cells: tuple[Cell, ...]


def list_lines(
    columns: list[Figures], coverage: tuple[Coverage, ...], scope: Scope, *, hidden: Sequence[Hiding] = ()
) -> tuple[Line, ...]:
    """Return the lines of one installation's figures, in the order of the report.

    Parameters
    ----------
    columns, coverage, hidden
        One for each period; nothing is hidden where none are given.
    """
    countries = tuple(hiding.countries for hiding in hidden) or tuple(frozenset[str]() for _ in columns)
    lines = _Lines(columns, coverage, scope, countries)
    return (*_list_images(lines), *_list_uses(lines), *_list_people(lines), *_list_uncounted(lines))


@dataclass(frozen=True, slots=True)
class _Lines:
    """Makes lines: asks each period's figures for a number, unless nothing was counted in it."""

    columns: list[Figures]
    coverage: tuple[Coverage, ...]
    scope: Scope
    hidden: tuple[frozenset[str], ...]

    def make(self, metric: str, read: Callable[[Figures], int]) -> Line:
        return self._make(metric, "", DEFINITIONS[metric].label, lambda figures: Cell(_measure(read(figures))))

    def make_value(self, metric: str, read: Callable[[Figures], Value]) -> Line:
        return self._make(metric, "", DEFINITIONS[metric].label, lambda figures: Cell(read(figures)))

    def make_parts(
        self,
        metric: str,
        read: Callable[[Figures], Mapping[str, int]],
        *,
        always: Iterable[str] = (),
        to_label: Callable[[str], str] = str,
        shared: bool = False,
    ) -> list[Line]:
        """Return a line for each part that any period has, in the order of their names, ``always`` last."""
        kept = tuple(always)
        found = sorted({part for figures in self.columns for part in read(figures)} - set(kept))
        return [self._make_part(metric, part, to_label(part), (read, shared)) for part in (*found, *kept)]

    def _make_part(
        self, metric: str, part: str, label: str, how: tuple[Callable[[Figures], Mapping[str, int]], bool]
    ) -> Line:
        read, shared = how

        def fill(figures: Figures) -> Cell:
            parts = read(figures)
            whole = sum(parts.values())
            count = parts.get(part, 0)
            return Cell(_measure(count), round(count / whole, 4) if shared and whole else None)

        return self._make(metric, part, label, fill)

    def make_countries(self) -> list[Line]:
        """Return the uses by country, and in a line below what is suppressed of them in each period."""
        lines = self.make_parts(
            "uses_by_country",
            lambda figures: figures.countries,
            always=(UNKNOWN_COUNTRY,),
            to_label=lambda code: f"uses: {to_country_name(code) or 'unknown'} ({code})",
            shared=True,
        )
        if not any(self.hidden):
            return lines
        kept = self._suppress(lines, [{line.detail for line in lines} & hidden for hidden in self.hidden])

        def fill(figures: Figures, hidden: frozenset[str]) -> Cell:
            whole, count = sum(figures.countries.values()), sum(figures.countries.get(code, 0) for code in hidden)
            return Cell(_measure(count), round(count / whole, 4) if whole else None)

        cells = tuple(
            fill(figures, hidden) if coverage.share else Cell(NotMeasured(why=NO_FACTS))
            for figures, coverage, hidden in zip(self.columns, self.coverage, self.hidden, strict=True)
        )
        return [*kept, Line(DEFINITIONS["uses_by_country"], TOGETHER, "uses: suppressed countries, together", cells)]

    def make_sources(self) -> list[Line]:
        """Return the uses by source of the country, unless they would tell how many are of an unknown one."""
        hidden = [UNKNOWN_COUNTRY in hidden for hidden in self.hidden]
        # a source that has no line would be known to be 0
        always = _SOURCES if any(hidden) else ()
        lines = self.make_parts("uses_by_country_source", lambda figures: figures.sources, always=always, shared=True)
        return self._suppress(lines, [{line.detail for line in lines} if one else set() for one in hidden])

    def _suppress(self, lines: list[Line], hidden: Sequence[set[str]]) -> list[Line]:
        """Return lines with what is hidden in each period left out."""
        return [
            replace(
                line,
                cells=tuple(
                    Cell(Suppressed()) if line.detail in own else cell
                    for cell, own in zip(line.cells, hidden, strict=True)
                ),
            )
            for line in lines
        ]

    def _make(self, metric: str, detail: str, label: str, fill: Callable[[Figures], Cell]) -> Line:
        cells = tuple(
            fill(figures) if coverage.share else Cell(NotMeasured(why=NO_FACTS))
            for figures, coverage in zip(self.columns, self.coverage, strict=True)
        )
        return Line(DEFINITIONS[metric], detail, label, cells)


def _measure(count: int) -> Measured:
    return Measured(value=float(count))


def _measure_unique(members: Unique) -> Measured:
    if members.method == "exact":
        return _measure(members.count)
    low, high = members.bounds
    return Measured(value=float(members.count), method=members.method, low=float(low), high=float(high))


def _measure_users(users: Mapping[str, Unique]) -> Measured | Bounded:
    """Return the users of several keys as bounds: all of one key may be users of another, or none."""
    if len(users) <= 1:
        return _measure_unique(next(iter(users.values()), NOBODY))
    bounds = [members.bounds for members in users.values()]
    low, high = max(low for low, _ in bounds), sum(high for _, high in bounds)
    return Bounded(low=float(low), high=float(high), why=SEVERAL_KEYS)


def _list_images(lines: _Lines) -> list[Line]:
    def to_fresh(act: str, what: str) -> Callable[[Figures], dict[str, int]]:
        return lambda figures: {
            kind: tally.fresh
            for kind, tally in figures.select_kinds(act, what).items()
            if (what, kind) != ("image", TILE)
        }

    def count_tiles(figures: Figures) -> int:
        tally = figures.tallies.get(("processed", "image", TILE))
        return tally.fresh if tally else 0

    return [
        lines.make("images_processed", lambda figures: figures.sum_images("processed").fresh),
        *lines.make_parts("images_processed", to_fresh("processed", "image")),
        lines.make("demonstration_images", lambda figures: figures.sum_images("processed").demonstration),
        lines.make("tiles_processed", count_tiles),
        *lines.make_parts("units_processed", to_fresh("processed", "unit"), to_label=_to_unit_label),
        lines.make("images_reprocessed", _count_repeats),
        lines.make("images_unsure", lambda figures: figures.sum_images("processed").unsure),
        lines.make("image_runs", lambda figures: figures.sum_images("processed").runs),
        lines.make("images_ingested", lambda figures: figures.sum_images("ingested").fresh),
        *lines.make_parts("units_ingested", to_fresh("ingested", "unit"), to_label=_to_unit_label),
        lines.make("images_annotated", lambda figures: figures.annotated),
    ]


def _to_unit_label(kind: str) -> str:
    """Return how units of a kind are called: they have no line of their own above them, since kinds never add."""
    return f"units: {kind}"


def _count_repeats(figures: Figures) -> int:
    images = figures.sum_images("processed")
    return images.runs - images.fresh


def _list_uses(lines: _Lines) -> list[Line]:
    def to_reasons(status: str) -> Callable[[Figures], dict[str, int]]:
        return lambda figures: {reason: count for (own, reason), count in figures.ends.items() if own == status}

    def count_requests(figures: Figures) -> int:
        return figures.uses + figures.count_ends("refused") + figures.count_ends("failure")

    return [
        lines.make("requests", count_requests),
        lines.make("deliveries", lambda figures: figures.deliveries),
        lines.make("reads", lambda figures: figures.reads),
        lines.make("refusals", lambda figures: figures.count_ends("refused")),
        *lines.make_parts("refusals", to_reasons("refused")),
        lines.make("failures", lambda figures: figures.count_ends("failure")),
        *lines.make_parts("failures", to_reasons("failure")),
        lines.make("health_checks", lambda figures: figures.count_ends("health")),
    ]


def _list_people(lines: _Lines) -> list[Line]:
    def count_users(figures: Figures) -> Value:
        can_log_in = figures.has_login or figures.installation in lines.scope.with_login
        return _measure_users(figures.users) if can_log_in else NotMeasured(why=NO_LOGIN)

    def count_groups(figures: Figures) -> Value:
        return _measure_unique(figures.groups) if figures.groups.count else NotMeasured(why=NO_INSTITUTION)

    def list_countries(figures: Figures) -> list[str]:
        return sorted(filter(None, map(to_country_name, figures.countries)))

    return [
        lines.make_value("unique_users", count_users),
        lines.make_value("user_groups", count_groups),
        *lines.make_parts(
            "uses_by_tier",
            lambda figures: {str(tier): count for tier, count in figures.tiers.items()},
            always="1234",
            to_label=lambda tier: f"tier {tier}: {_TIERS[tier]}",
            shared=True,
        ),
        *lines.make_parts("uses_by_owner", lambda figures: figures.owners),
        lines.make_value("countries", lambda figures: Names(names=tuple(list_countries(figures)))),
        lines.make("country_count", lambda figures: len(list_countries(figures))),
        *lines.make_countries(),
        *lines.make_sources(),
    ]


_SOURCES = ("declared", "geoip", "idp", "none")

_TIERS = {"1": "declared owner", "2": "address", "3": "cookie or key", "4": "login"}


def _list_uncounted(lines: _Lines) -> list[Line]:
    def read(place: int) -> Callable[[Figures], dict[str, int]]:
        return lambda figures: {why: counts[place] for why, counts in figures.uncounted.items()}

    return [
        *lines.make_parts("uncounted_uses", read(0)),
        *lines.make_parts("uncounted_images", read(1)),
        lines.make("events", lambda figures: sum(figures.events.values())),
        *lines.make_parts(
            "removed_events",
            lambda figures: {part: figures.events.get(part, 0) for part in REMOVED},
            always=REMOVED,
            to_label=lambda part: f"removed: {part.replace('_', ' ')} ({REMOVED[part]})",
        ),
    ]
