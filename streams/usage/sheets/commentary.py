"""The commentary: what the table says, in sentences made from its cells and from nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from streams.usage.audit.printed import read_printed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.usage.sheets.assessment import AssessedRow
    from streams.usage.sheets.sheet import MetricVersion


def write_commentary(
    rows: Sequence[AssessedRow], periods: Sequence[str], breaks: Sequence[MetricVersion]
) -> tuple[str, ...]:
    """Return sentences on changes, totals, breaks, restatements and what was not measured, in the order of the rows."""
    found = [
        *(sentence for row in rows for sentence in _tell_changes(row, periods)),
        *(sentence for row in rows for sentence in _tell_target(row, periods)),
        *(sentence for row in rows for sentence in _tell_total(row)),
        *(f"{row.metric.label}: reported since {row.metric.since}." for row in rows if _is_new(row.metric)),
        *(f"{item.label}: defined anew since {item.since} (version {item.version}). {item.change}" for item in breaks),
        *(sentence for row in rows for sentence in _tell_notes(row, periods)),
    ]
    missing = [f"{row.metric.label} ({', '.join(gaps)})" for row in rows if (gaps := _list_gaps(row, periods))]
    if missing:
        found.append(f"Not measured, which is not 0: {'; '.join(missing)}.")
    return tuple(found)


def _tell_changes(row: AssessedRow, periods: Sequence[str]) -> Iterator[str]:
    if row.metric.kind == "names":
        return
    read = [("the baseline", read_printed(row.metric.baseline))]
    read += [(period, read_printed(cell.text)) for period, cell in zip(periods, row.cells, strict=True)]
    pairs = [*pairwise(read[1:]), (read[0], read[-1])]
    for (before, was), (after, now) in pairs:
        if was.is_exact and now.is_exact and was.number and now.number is not None:
            change = 100 * (now.number / was.number - 1)
            way = "no change" if now.number == was.number else f"{abs(change):.1f} % {'more' if change > 0 else 'less'}"
            yield f"{row.metric.label}: {now.text} in {after}, against {was.text} in {before}: {way}."


def _tell_target(row: AssessedRow, periods: Sequence[str]) -> Iterator[str]:
    target, last = read_printed(row.metric.target), read_printed(row.cells[-1].text)
    if row.metric.kind != "names" and target.is_number and last.is_number:
        # a target of "over 100" is reached by what is over 100 for certain
        is_reached = last.low >= target.low
        yield f"{row.metric.label}: the target of {target.text} is {'' if is_reached else 'not '}reached in {periods[-1]}."


def _tell_total(row: AssessedRow) -> Iterator[str]:
    if row.total is None or row.total.text == row.follows or not row.follows:
        return
    total, follows = (read_printed(text, of_names=row.metric.kind == "names") for text in (row.total.text, row.follows))
    if row.metric.kind == "names":
        if total.names and total.keys != follows.keys:
            yield f"{row.metric.label}: the total is stated as {total.text}; by the periods it is {follows.text}."
    elif total.is_number and not total.agrees_with(follows):
        yield f"{row.metric.label}: the total is stated as {total.text}; by the periods it can only be {follows.text}."
    elif row.metric.kind == "unique" and total.is_exact and total.agrees_with(follows) and not follows.is_exact:
        yield f"{row.metric.label}: the total is stated as {total.text}; from the periods alone follows {follows.text}."


def _tell_notes(row: AssessedRow, periods: Sequence[str]) -> Iterator[str]:
    for period, cell in zip(periods, row.cells, strict=True):
        for note in cell.notes:
            yield f"{row.metric.label}, {period}: {note}."


def _is_new(metric: MetricVersion) -> bool:
    return metric.version == 1 and metric.since is not None


def _list_gaps(row: AssessedRow, periods: Sequence[str]) -> list[str]:
    return [period for period, cell in zip(periods, row.cells, strict=True) if cell.provenance == "not measured"]
