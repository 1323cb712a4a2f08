"""Cells of an assessment: what is known of a metric in a period, put together from every source, with its mark."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemas.noun import to_time_text
from streams.usage.audit.printed import Printed, read_printed, to_key
from streams.usage.periods import read_period
from streams.usage.sheets.sheet import TOTAL, Imported

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from schemas.usage import FlaggedMonth, Period
    from streams.usage.sheets.sheet import Declared, MetricVersion, Provenance, Sheet

#: From the surest to the least sure; a cell of several parts is as sure as its least sure part.
SURENESS: tuple[Provenance, ...] = ("measured", "imported", "declared", "estimated", "not measured")

NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Part:
    """One input of a cell; ``origin`` is what a sheet says of it, absent of figures of ours."""

    text: str
    provenance: Provenance
    origin: Declared | Imported | None = None


@dataclass(frozen=True, slots=True)
class AssessedCell:
    """A cell as it is printed.

    Attributes
    ----------
    text
        A single input as it was given; several are put together: counts added, names united, distinct things bounded.
    parts
        The inputs.
    notes
        What must be read with it: restatements, windows, what a source cannot say, gaps in what was covered.
    covered, gaps
        Which part of the period our own counting covered, and when it did not, where it had a part in the cell.
    is_earlier
        Whether it was counted under an earlier definition than the one the row tells.
    flags
        Months of the period that stand out in our own counting.
    days
        How many days of the period an imported counter covers, of the one that covers fewest, and how many the period has;
        absent where all are covered.
    """

    text: str
    provenance: Provenance
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    covered: float | None = None
    gaps: tuple[Period, ...] = ()
    is_earlier: bool = False
    flags: tuple[FlaggedMonth, ...] = ()
    days: tuple[int, int] | None = None

    @property
    def is_partial(self) -> bool:
        """Whether our own counting has a part in it and did not cover the whole period."""
        return bool(self.gaps)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A figure of ours for a metric and period.

    Attributes
    ----------
    text
        As reports print it; absent where it was not measured.
    note
        What must be read with it, such as that only bounds are known.
    covered, gaps
        Which part of the whole period was counted, absent where that is not known; and when nobody did.
    flags
        Months of the period that stand out.
    """

    text: str | None
    note: str = ""
    covered: float | None = None
    gaps: tuple[Period, ...] = ()
    flags: tuple[FlaggedMonth, ...] = ()


def fill_cell(
    sheet: Sheet, metric: MetricVersion, column: str, measured: Measurement | None, *, as_of: dt.date | None = None
) -> AssessedCell:
    """Return the cell of a metric in a period, of all that is known by a day (of everything, without one)."""
    parts, notes = _collect(sheet, metric, column, as_of)
    if measured is not None and measured.text is not None:
        parts.insert(0, Part(measured.text, "measured"))
    if measured is not None and measured.note:
        notes.append(measured.note)
    if not parts:
        return AssessedCell(NOT_MEASURED, "not measured", (), tuple(notes))
    provenance = max((part.provenance for part in parts), key=SURENESS.index)
    text = join_texts([part.text for part in parts], metric.kind)
    cell = AssessedCell(text, provenance, tuple(parts), tuple(notes), days=_count_days(sheet, column, parts))
    if measured is None or measured.text is None:
        return cell
    return replace(cell, covered=measured.covered, gaps=measured.gaps, flags=measured.flags)


def _count_days(sheet: Sheet, column: str, parts: Sequence[Part]) -> tuple[int, int] | None:
    """Return how many days imported counters cover, and of how many, where it is not all: two weeks are no year."""
    covered: dict[str, int] = {}
    for counter in (part.origin for part in parts):
        if isinstance(counter, Imported):
            days = (counter.last_day - counter.first_day).days + 1
            covered[counter.source] = covered.get(counter.source, 0) + days
    if not covered or column == TOTAL:
        return None
    period = read_period(column, project_start=sheet.start)
    whole = (period.to_at - period.from_at).days
    return (min(covered.values()), whole) if min(covered.values()) < whole else None


def _collect(sheet: Sheet, metric: MetricVersion, column: str, as_of: dt.date | None) -> tuple[list[Part], list[str]]:
    notes: list[str] = []
    stated: dict[str, Declared] = {}
    in_order = sorted(sheet.declared, key=lambda value: value.stated_on.toordinal() if value.stated_on else 0)
    for value in in_order:
        if (value.metric, value.column) != (metric.metric, column) or _is_later(value.stated_on, as_of):
            continue
        before = stated.get(value.part)
        if before is not None and before.value != value.value:
            notes.append(f"restated: {before.value} was stated before ({before.stated_on or 'undated'})")
        stated[value.part] = value
    parts = [Part(value.value, _to_provenance(value, metric), value) for value in stated.values()]
    notes += [told for value in stated.values() if (told := _to_statement(value))]
    for counter in sheet.imported:
        if (counter.metric, counter.column) == (metric.metric, column) and not _is_later(counter.last_day, as_of):
            parts.append(Part(counter.value, "imported", counter))
            notes.append(_to_note(counter))
    return parts, notes


def _to_provenance(value: Declared, metric: MetricVersion) -> Provenance:
    is_absent = read_printed(value.value, of_names=metric.kind == "names").is_absent
    return "not measured" if is_absent else value.provenance


def _is_later(day: dt.date | None, as_of: dt.date | None) -> bool:
    return as_of is not None and day is not None and day > as_of


def _to_statement(value: Declared) -> str:
    """Return who stated a value, when and with which evidence, and what was noted with it; nothing where that is all missing."""
    by = f"by the {value.role}" if value.role else ""
    on = f"on {value.stated_on}" if value.stated_on and value.provenance == "declared" else ""
    evidence = f"evidence {_to_short(value.evidence_sha256)}" if value.evidence_sha256 else ""
    who = ", ".join(filter(None, (" ".join(filter(None, (by, on))), evidence)))
    return "; ".join(filter(None, (f"{value.value} stated {who}" if by or evidence else "", value.note)))


def _to_note(counter: Imported) -> str:
    days = (counter.last_day - counter.first_day).days + 1
    told = (
        f"{counter.value} from {counter.source}, {counter.first_day} to {counter.last_day} ({days} days), retrieved "
        f"{to_time_text(counter.retrieved_at)[:16].replace('T', ' ')}, evidence {_to_short(counter.evidence_sha256)}"
    )
    return "; ".join(filter(None, (told, counter.says, counter.cannot_say)))


def _to_short(sha256: str) -> str:
    """Return so much of a digest as tells it from others; JSON has it whole."""
    return f"{sha256[:16]}\u2026"


def join_texts(texts: Sequence[str], kind: str) -> str:
    """Return inputs of one cell together; one alone as it is."""
    if len(texts) == 1:
        return texts[0]
    cells = [read_printed(text, of_names=kind == "names") for text in texts]
    if kind == "names":
        return unite_names(cells)
    known = [cell for cell in cells if cell.is_number]
    if len(known) < len(cells):
        return to_range_text(to_range(known, kind)[0], math.inf) or texts[0]
    return to_range_text(*to_range(known, kind))


def count_names(counted: AssessedCell, named: AssessedCell) -> AssessedCell:
    """Return the number of distinct things of several sources, exact where the names of each are known and are as many.

    Sources that count countries give bounds when they are put together; where the same sources name them, the union is known.
    """
    numbers = [read_printed(part.text) for part in counted.parts]
    lists = [read_printed(part.text, of_names=True) for part in named.parts]
    is_known = all(part.provenance in {"measured", "imported"} for part in (*counted.parts, *named.parts))
    is_open = any(item.is_open or not item.names for item in lists)
    if len(numbers) < 2 or not is_known or is_open:  # noqa: PLR2004 - one source has nothing to be put together with
        return counted
    if sorted(item.number or 0 for item in numbers) != sorted(len(item.keys) for item in lists):
        return counted
    found = len(frozenset().union(*(item.keys for item in lists)))
    return replace(counted, text=f"{found:,}", notes=(*counted.notes, "counted from the names that its sources list"))


def unite_names(cells: Sequence[Printed]) -> str:
    """Return the names of some cells, each once, in the order in which they come."""
    names: dict[str, str] = {}
    for cell in cells:
        for name in cell.names:
            names.setdefault(to_key(name), name)
    return ", ".join(names.values()) + (", etc" if any(cell.is_open for cell in cells) else "") if names else "none"


def to_range(cells: Sequence[Printed], kind: str) -> tuple[float, float]:
    """Return what numbers make together: a sum for counts; the largest to the sum for distinct things."""
    high = sum(cell.high for cell in cells)
    low = sum(cell.low for cell in cells) if kind == "count" else max((cell.low for cell in cells), default=0)
    return low, high


def to_range_text(low: float, high: float) -> str:
    """Return ``26``, ``16-26``, ``at least 300``, or nothing where nothing is known."""
    if low == high:
        return f"{low:,.0f}"
    if high == math.inf:
        return f"at least {low:,.0f}" if low else ""
    return f"{low:,.0f}-{high:,.0f}"
