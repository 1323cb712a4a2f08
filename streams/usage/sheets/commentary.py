"""The commentary: what the table says, in sentences made from its cells and from nothing else, topic by topic."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from schemas.noun import to_time_text
from streams.usage.audit.printed import Printed, read_printed
from streams.usage.sheets.sheet import TOTAL, Declared

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence

    from schemas.usage import Period
    from streams.usage.sheets.assessment import AssessedRow
    from streams.usage.sheets.cells import AssessedCell
    from streams.usage.sheets.sheet import MetricVersion


@dataclass(frozen=True, slots=True)
class Topic:
    """Sentences of a commentary about one thing, under its name."""

    name: str
    sentences: tuple[str, ...]


def write_commentary(
    rows: Sequence[AssessedRow], periods: Sequence[str], breaks: Sequence[MetricVersion]
) -> tuple[Topic, ...]:
    """Return what the table says of changes, targets, totals, definitions, coverage and sources; no topic is empty."""
    broken = [_tell_break(item) for item in breaks]
    notes = [note for row in rows for note in _tell_notes(row, periods)]
    new = [f"{row.metric.label}: reported since {row.metric.since}." for row in rows if _is_new(row.metric)]
    return to_topics(
        ("Change", (sentence for row in rows for sentence in _tell_changes(row, periods))),
        ("Targets", (sentence for row in rows for sentence in _tell_target(row, periods))),
        ("Totals", (sentence for row in rows for sentence in _tell_total(row))),
        ("Definitions", (*new, *broken)),
        ("Coverage", (*_tell_coverage(rows, periods), *_tell_missing(rows, periods))),
        ("Sources and restatements", (*notes, *_tell_estimates(rows, periods))),
    )


def to_topics(*named: tuple[str, Iterable[str]]) -> tuple[Topic, ...]:
    """Return those topics that have anything to say."""
    topics = (Topic(name, tuple(sentences)) for name, sentences in named)
    return tuple(topic for topic in topics if topic.sentences)


def _tell_break(item: MetricVersion) -> str:
    return f"{item.label}: defined anew since {item.since} (version {item.version}). {item.change}"


def _tell_changes(row: AssessedRow, periods: Sequence[str]) -> Iterator[str]:
    if row.metric.kind == "names":
        return
    read: list[tuple[str, Printed, AssessedCell | None]] = [("the baseline", read_printed(row.metric.baseline), None)]
    read += [(period, read_printed(cell.text), cell) for period, cell in zip(periods, row.cells, strict=True)]
    pairs = [*pairwise(read[1:]), (read[0], read[-1])]
    for (before, was, old), (after, now, new) in pairs:
        if was.is_exact and now.is_exact and was.number and now.number is not None:
            change = 100 * (now.number / was.number - 1)
            way = "no change" if now.number == was.number else f"{abs(change):.1f} % {'more' if change > 0 else 'less'}"
            told = f"{row.metric.label}: {now.text} in {after}, against {was.text} in {before}: {way}."
            yield " ".join((told, *_tell_limits(((before, old), (after, new)))))


def _tell_limits(sides: Sequence[tuple[str, AssessedCell | None]]) -> Iterator[str]:
    """Yield why two numbers may not be compared: other definitions, or periods that were not counted to their end."""
    earlier = [name for name, cell in sides if cell is not None and cell.is_earlier]
    if earlier:
        yield f"Not the same thing: {' and '.join(earlier)} {_be(earlier)} counted under an earlier definition."
    for name, cell in sides:
        if cell is not None and cell.days is not None:
            yield f"Imported counts of {name} cover {cell.days[0]} of its {cell.days[1]} days."
    partial = [name for name, cell in sides if cell is not None and cell.is_partial]
    if partial:
        yield f"{' and '.join(partial)} {_be(partial)} covered in part only."


def _be(names: Sequence[str]) -> str:
    return "are" if len(names) > 1 else "is"


def _tell_target(row: AssessedRow, periods: Sequence[str]) -> Iterator[str]:
    target, last = read_printed(row.metric.target), read_printed(row.cells[-1].text)
    if row.metric.kind != "names" and target.is_number and last.is_number:
        # a target of "over 100" is reached by what is over 100 for certain
        is_reached = last.low >= target.low
        so_far = "not reached by what was counted in" if row.cells[-1].is_partial else "not reached in"
        way = "reached in" if is_reached else so_far
        told = f"{row.metric.label}: the target of {target.text} is {way} {periods[-1]}."
        yield " ".join((told, *_tell_limits([(periods[-1], row.cells[-1])])))


def _tell_total(row: AssessedRow) -> Iterator[str]:
    if row.total is None or row.total.text == row.follows or not row.follows:
        return
    total, follows = (read_printed(text, of_names=row.metric.kind == "names") for text in (row.total.text, row.follows))
    if row.metric.kind == "names":
        if total.names and total.keys != follows.keys:
            yield f"{row.metric.label}: the total is stated as {total.text}; by the periods it is {follows.text}."
    elif row.total.provenance == "measured" and total.agrees_with(follows):
        if row.metric.kind == "unique" and total.is_exact and not follows.is_exact:
            yield (
                f"{row.metric.label}: {total.text} different ones were counted over all periods together; from the "
                f"periods alone follows only {follows.text}."
            )
    elif total.is_number and not total.agrees_with(follows):
        yield f"{row.metric.label}: the total is stated as {total.text}; by the periods it can only be {follows.text}."
    elif row.metric.kind == "unique" and total.is_exact and not follows.is_exact:
        yield f"{row.metric.label}: the total is stated as {total.text}; from the periods alone follows {follows.text}."


def _tell_coverage(rows: Sequence[AssessedRow], periods: Sequence[str]) -> Iterator[str]:
    """Yield what of each period our own counting did not cover, once for all metrics that it concerns."""
    for place, period in enumerate(periods):
        found: dict[tuple[Period, ...], list[AssessedRow]] = {}
        for row in rows:
            if row.cells[place].is_partial:
                found.setdefault(row.cells[place].gaps, []).append(row)
        for gaps, own in found.items():
            covered = own[0].cells[place].covered or 0.0
            labels = "; ".join(row.metric.label for row in own)
            yield (
                f"{period} is partial: {100 * covered:.2f} % of it is covered by our own counting, not {to_gaps_text(gaps)}. "
                f"What was done then may be missing from: {labels}."
            )


def to_gaps_text(gaps: Sequence[Period]) -> str:
    """Return intervals as a reader wants them, in UTC: ``2025-07-30 00:00 to 2025-09-01 00:00``."""
    return ", ".join(f"{_to_moment(gap.from_at)} to {_to_moment(gap.to_at)}" for gap in gaps) + " (UTC)"


def _to_moment(moment: dt.datetime) -> str:
    return to_time_text(moment)[:16].replace("T", " ")


def _tell_missing(rows: Sequence[AssessedRow], periods: Sequence[str]) -> Iterator[str]:
    missing = [f"{row.metric.label} ({', '.join(gaps)})" for row in rows if (gaps := _list_gaps(row, periods))]
    if missing:
        yield f"Not measured, which is not 0: {'; '.join(missing)}."


def _list_gaps(row: AssessedRow, periods: Sequence[str]) -> list[str]:
    return [period for period, cell in zip(periods, row.cells, strict=True) if cell.provenance == "not measured"]


def _tell_notes(row: AssessedRow, periods: Sequence[str]) -> Iterator[str]:
    for period, cell in zip(periods, row.cells, strict=True):
        for note in cell.notes:
            yield f"{row.metric.label}, {period}: {note}."


def _tell_estimates(rows: Sequence[AssessedRow], periods: Sequence[str]) -> Iterator[str]:
    """Yield which values are estimates and for want of what, together where the same is missing."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        columns = [*zip(periods, row.cells, strict=True), *([] if row.total is None else [(TOTAL, row.total)])]
        for column, cell in columns:
            for part in cell.parts:
                if part.provenance == "estimated" and isinstance(part.origin, Declared):
                    places = found.setdefault(_list_wanting(part.origin), {}).setdefault(row.metric.label, [])
                    places.append(column)
    for wanting, labels in found.items():
        told = "; ".join(f"{label} ({', '.join(dict.fromkeys(own))})" for label, own in labels.items())
        yield f"Estimates, since no {wanting} is named: {told}."


def _list_wanting(value: Declared) -> str:
    told = {"role": value.role, "day": value.stated_on, "evidence": value.evidence_sha256}
    return ", no ".join(name for name, given in told.items() if not given)


def _is_new(metric: MetricVersion) -> bool:
    return metric.version == 1 and metric.since is not None
