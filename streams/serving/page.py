"""The page: figures of every installation as tables and charts, in one HTML file without script or network."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from schemas.noun import to_time_text
from schemas.usage import Measured, Names, NotMeasured
from streams.account.status import to_age, to_age_text
from streams.serving.charts import HATCH, Bar, draw_bars
from streams.serving.figures import is_named, name_period
from streams.serving.style import STYLE
from streams.usage.reports.definitions import DEFINITIONS, SECTIONS
from streams.usage.reports.lines import Cell
from streams.usage.reports.spikes import MARKS
from streams.usage.reports.tables import to_gaps_text, to_mark
from streams.usage.reports.tables import to_text as to_report_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schemas.usage import MetricValue, Period
    from streams.serving.board import View

#: Periods that a table shows: the newest. The others are had as CSV and JSON.
COLUMNS = 6

#: Figures that are drawn.
_DRAWN = ("images_processed", "requests", "unique_users", "country_count")

#: What is said where there is no figure, and what to do about it.
_NOTHING_YET = (
    "No figures are published yet. Workers tell those of the running month and year every ten minutes, <code>observatory "
    "report --publish</code> does so at once; <code>observatory serve --period M13-24</code> counts further periods."
)

#: What stands behind *not measured* instead of its reason, which is told below the table, and to who cannot see it.
_REASON_MARKS = "¹²³⁴⁵⁶⁷⁸⁹"


@dataclass(frozen=True, slots=True)
class Links:
    """Where the figures of an installation are had as data: names of files, or addresses; and what else there is.

    Attributes
    ----------
    of_figures
        With ``{installation}`` and ``{form}`` in it.
    more
        Pairs of text and address.
    """

    of_figures: str = "metrics/{installation}?format={form}"
    more: tuple[tuple[str, str], ...] = ()


def to_html(view: View, links: Links | None = None) -> str:
    """Return the page; everything in it that was read is escaped."""
    return "".join(_iterate_parts(view, links or Links()))


def _iterate_parts(view: View, links: Links) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Usage figures</title>\n'
    yield f"<style>{STYLE}</style>\n</head>\n<body>\n{HATCH}<h1>Usage figures</h1>\n"
    more = "".join(f' · <a href="{escape(address)}">{escape(text)}</a>' for text, address in links.more)
    yield f'<p class="meta">Read at {view.read_at:%Y-%m-%d %H:%M:%S} UTC. Periods and times are UTC.{more}</p>\n'
    if not view.installations:
        yield "<p>There are no installations yet.</p>\n"
    if len(view.installations) > 1:
        shown = " · ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in view.installations)
        yield f"<nav>{shown}</nav>\n"
    for name in view.installations:
        yield from _iterate_installation(view, name, links)
    yield from _iterate_feeds(view)
    yield from _iterate_definitions(view)
    yield "<footer><p>A figure that is <em>not measured</em> is not 0. Periods marked partial were not counted as a "
    yield "whole. Users and countries are united over periods, never added up. Two numbers in brackets are the bounds of an "
    yield "estimate.</p></footer>\n</body>\n</html>\n"


def _iterate_definitions(view: View) -> Iterator[str]:
    """Yield what each figure counts, and where all numbers come from: there are no imported or declared ones here."""
    told = {value.metric: value for value in view.values}
    if not told:
        return
    profiles = ", ".join(f"<code>{escape(name)}</code>" for name in sorted({value.profile for value in told.values()}))
    yield '<section id="definitions">\n<h2>What the figures are</h2>\n<p>Every number here is <em>measured</em>: counted from '
    yield f"the recorded uses, by the rules {profiles}. What others counted or stated is in the assessment, where each cell says "
    yield "which it is.</p>\n<details><summary>What each figure counts</summary>\n<dl>\n"
    for base in DEFINITIONS.values():
        codes = _list_codes(base.metric, base.label, set(told))
        if codes:
            units = ", ".join(sorted({told[code].unit for code, _ in codes}))
            adds = "periods add up" if told[codes[0][0]].additive else "periods never add up"
            name = told[codes[0][0]].definition
            yield f"<dt>{escape(base.label)}</dt>\n<dd>{escape(base.meaning)} <code>{escape(name)}</code>; "
            yield f"unit: {escape(units)}; {adds}.</dd>\n"
    yield "</dl>\n</details>\n</section>\n"


def _iterate_installation(view: View, installation: str, links: Links) -> Iterator[str]:
    values = [value for value in view.values if value.installation == installation]
    yield f'<section id="{escape(installation)}">\n<h2>{escape(installation)}</h2>\n'
    if not values:
        yield f"<p>{_NOTHING_YET}</p>\n</section>\n"
        return
    # the newest first, and a year before its last month
    periods = sorted({value.period for value in values}, key=lambda period: (period.to_at, period.from_at))[::-1]
    cells = {(value.metric, value.period): value for value in values}
    yield f'<div class="charts">\n{"".join(_iterate_charts(view, installation, cells))}</div>\n'
    yield from _iterate_table(view, cells, periods[:COLUMNS])
    addresses = {
        form: links.of_figures.replace("{installation}", installation).replace("{form}", form)
        for form in ("csv", "json")
    }
    told = " · ".join(f'<a href="{escape(to)}">{form.upper()}</a>' for form, to in addresses.items())
    left_out = len(periods) - COLUMNS
    earlier = f"; {left_out} earlier periods are there only" if left_out > 0 else ""
    yield f'<p class="note">All figures as data: {told}{earlier}.</p>\n</section>\n'


def _iterate_charts(view: View, installation: str, cells: Mapping[tuple[str, Period], MetricValue]) -> Iterator[str]:
    """Yield a chart for each drawn figure that has a number, of the periods of one length that has most of them."""
    by_length: dict[str, list[Period]] = {}
    for period in {period for _, period in cells}:
        by_length.setdefault(_name_length(view, period), []).append(period)
    length = max(sorted(by_length), key=lambda name: len(by_length[name]))
    chosen = sorted(by_length[length], key=lambda period: period.from_at)[-12:]
    for metric in _DRAWN:
        bars = []
        for period in chosen:
            value = cells.get((metric, period))
            if value is not None:
                number = value.value.value if isinstance(value.value, Measured) else None
                bars.append(Bar(name_period(period, view.start), number, to_text(value), to_gaps_text(value.gaps)))
        if any(bar.number for bar in bars):
            unit = next(value.unit for (code, _), value in cells.items() if code == metric)
            title = f"{DEFINITIONS[metric].label} by {length} ({unit})"
            yield draw_bars(title, bars, name=f"{installation} {metric}")


def _name_length(view: View, period: Period) -> str:
    """Return what sort of period it is: year, month, day; else how many days it has."""
    for length, form in (("year", "%Y"), ("month", "%Y-%m"), ("day", "%Y-%m-%d")):
        if is_named(period, period.from_at.strftime(form), view.start):
            return length
    return "project period" if name_period(period, view.start).startswith("M") else "period"


def _iterate_table(
    view: View, cells: Mapping[tuple[str, Period], MetricValue], periods: Sequence[Period]
) -> Iterator[str]:
    covered = {value.period: value for value in cells.values()}
    headings = "".join(
        f'<th scope="col">{escape(name_period(period, view.start) + _to_mark(covered[period]))}</th>'
        for period in periods
    )
    yield '<div class="scroll"><table class="figures">\n<caption>The newest periods first; what each figure counts stands at the '
    yield 'end of the page.</caption>\n<thead><tr><th scope="col">Figure</th><th scope="col" class="unit">Unit</th>'
    yield f"{headings}</tr></thead>\n<tbody>\n"
    if any(covered[period].gaps for period in periods):
        missing = "".join(f'<td class="names">{to_gaps_text(covered[period].gaps) or "-"}</td>' for period in periods)
        yield '<tr class="missing"><th scope="row" title="Nobody counted then; it is not 0.">Not counted</th>'
        yield f'<td class="unit"></td>{missing}</tr>\n'
    there = {metric for metric, _ in cells}
    reasons = _list_reasons([value for (_, period), value in cells.items() if period in set(periods)])
    for section, title in SECTIONS.items():
        metrics = [
            (code, label, base.meaning)
            for base in DEFINITIONS.values()
            if base.section == section
            for code, label in _list_codes(base.metric, base.label, there)
        ]
        if metrics:
            yield f'<tr class="section"><th colspan="{len(periods) + 2}">{escape(title)}</th></tr>\n'
        for code, label, meaning in metrics:
            row = [cells.get((code, period)) for period in periods]
            unit = next((value.unit for value in row if value is not None), "")
            yield f'<tr><th scope="row" title="{escape(meaning)}">{escape(label)}</th><td class="unit">{escape(unit)}</td>'
            yield f"{''.join(_to_cell(value, reasons) for value in row)}</tr>\n"
    yield "</tbody>\n</table></div>\n"
    for mark, reason in reasons.values():
        yield f'<p class="note">{mark} {escape(reason)}.</p>\n'
    yield from _iterate_gaps(view, cells, periods)


def _to_mark(value: MetricValue) -> str:
    return to_mark(value.coverage, is_whole=not value.gaps)


def _list_codes(metric: str, label: str, there: set[str]) -> list[tuple[str, str]]:
    """Return a figure and its parts by kind, as far as there are any."""
    parts = sorted(code for code in there if code.startswith(f"{metric}_") and code not in DEFINITIONS)
    whole = [(metric, label)] if metric in there else []
    return [*whole, *((code, f"{label}: {code.removeprefix(f'{metric}_')}") for code in parts)]


def _to_cell(value: MetricValue | None, reasons: Mapping[str, tuple[str, str]]) -> str:
    if value is None:
        return '<td class="absent">-</td>'
    kind = "names" if isinstance(value.value, Names) else "" if isinstance(value.value, Measured) else "absent"
    mark = f' class="{kind}"' if kind else ""
    if isinstance(value.value, NotMeasured) and value.value.why in reasons:
        state, _, why = to_text(value).partition(":")
        told = f'{escape(state)}<span class="why">:{escape(why)}</span>'
        return f'<td{mark} data-mark="{reasons[value.value.why][0]}">{told}</td>'
    return f"<td{mark}>{escape(to_text(value))}</td>"


def _list_reasons(values: Iterable[MetricValue]) -> dict[str, tuple[str, str]]:
    """Return the mark and the words of each reason why something is not measured."""
    told = {value.value.why: to_text(value) for value in values if isinstance(value.value, NotMeasured)}
    return {why: (mark, told[why]) for mark, why in zip(_REASON_MARKS, sorted(told), strict=False)}


def to_text(value: MetricValue) -> str:
    """Return a figure as a person reads it, in the words of the report, with the marks of months that stand out."""
    return " ".join([to_report_text(Cell(value.value)), *sorted({MARKS[flag.kind] for flag in value.flags})])


def _iterate_gaps(
    view: View, cells: Mapping[tuple[str, Period], MetricValue], periods: Sequence[Period]
) -> Iterator[str]:
    told = {value.period: value for value in cells.values() if value.gaps and value.period in set(periods)}
    for period in periods:
        if period in told and told[period].coverage:  # of what was not counted at all, the table says it
            gaps = "; ".join(f"{to_time_text(gap.from_at)} to {to_time_text(gap.to_at)}" for gap in told[period].gaps)
            share = f"{100 * told[period].coverage:.2f} %"
            name = escape(name_period(period, view.start))
            yield f'<p class="note">Partial: {name}: {share} is covered; not {gaps}.</p>\n'
    for value in sorted(cells.values(), key=lambda value: (value.period.from_at, value.metric)):
        for flag in value.flags if value.period in set(periods) else ():
            label = DEFINITIONS[value.metric].label.lower()
            yield f'<p class="note">{MARKS[flag.kind]} {flag.month}: {label}, a {flag.kind} by COUNTER\'s rule.</p>\n'


def _iterate_feeds(view: View) -> Iterator[str]:
    if view.status is None or not view.status.feeds:
        return
    yield '<section id="feeds">\n<h2>Feeds</h2>\n<div class="scroll"><table>\n<thead><tr><th scope="col">Feed</th>'
    yield '<th scope="col">Last result</th><th scope="col">Waiting</th><th scope="col">Set aside</th></tr></thead>\n<tbody>\n'
    least = "" if view.status.lag.is_whole else "at least "
    for name, feed in sorted(view.status.feeds.items()):
        age_s = to_age(feed.last.stored_at if feed.last else None, view.status.asked_at)["age_s"]
        age = "never" if age_s is None else to_age_text(age_s)
        letters = ", ".join(f"{count:,} {reason}" for reason, count in sorted(feed.dead_letters.items())) or "none"
        yield f'<tr><th scope="row">{escape(name)}</th><td>{age}</td><td>{least}{feed.lag:,}</td>'
        yield f"<td>{escape(letters)}</td></tr>\n"
    yield "</tbody>\n</table></div>\n</section>\n"
