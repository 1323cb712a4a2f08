"""Reading metric sheets: all that is wrong in one is told at once, with file and line."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from schemas.errors import FatalFault, RejectedInput
from streams.usage.audit.printed import read_printed
from streams.usage.periods import read_period
from streams.usage.sheets.sheet import BASELINE, TOTAL, Declared, Imported, MetricVersion, Sheet
from streams.usage.toml_places import Place, Tables, locate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

#: What a table of the file is called, and what it is a list of.
_TABLES = Tables({"metric": "metrics", "declared": "declared", "imported": "imported"})

#: A complaint: the line, and what is wrong.
_Complaint = tuple[int, str]


def read_sheets(paths: Iterable[Path]) -> tuple[Sheet, ...]:
    """Return the sheets in some files, and in the ``.toml`` files of some folders, in the order of their names.

    Raises
    ------
    FatalFault
        If any is wrong, two are of one installation, or there is none; everything that is wrong in any file is named.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]
    sheets: dict[str, Sheet] = {}
    wrong = []
    for file in files:
        try:
            sheet = read_sheet(file)
        except FatalFault as fault:
            wrong.append(fault.sentence)
            continue
        if sheet.installation in sheets:
            wrong.append(f"{file.name}: the installation {sheet.installation} has another sheet already")
        sheets[sheet.installation] = sheet
    if wrong or not files:
        raise FatalFault("\n".join(wrong) or "There is no metric sheet (a .toml file) there.")
    return tuple(sheets.values())


def read_sheet(path: Path) -> Sheet:
    """Return the sheet in a file.

    Raises
    ------
    FatalFault
        If it cannot be read or anything is wrong; every mistake is named, in the order of its lines.
    """
    if not path.exists():
        message = f"There is no metric sheet {path.name}, nor a folder of that name."
        raise FatalFault(message)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name} could not be read as UTF-8 text."
        raise FatalFault(message) from error
    return read_text(text, path.name)


def read_text(text: str, name: str) -> Sheet:
    """Return the sheet that a TOML text holds; ``name`` is what complaints call it.

    Raises
    ------
    FatalFault
        As :func:`read_sheet`.
    """
    plain, lines = _TABLES.read(text, name)
    fields = _TABLES.to_fields(plain)
    try:
        sheet = Sheet.model_validate(fields)
    except ValidationError as error:
        complaints = [_to_complaint(item, lines) for item in error.errors()]
        complaints += _check_rest(fields, {item["loc"][:2] for item in error.errors()})
    else:
        complaints = list(_check(sheet))
        if not complaints:
            return sheet
    raise FatalFault("\n".join(f"{name}:{line}: {what}" for line, what in sorted(complaints)))


def _check(sheet: Sheet) -> Iterator[_Complaint]:
    yield from _check_metrics(sheet)
    yield from _check_values(sheet)
    yield from _check_windows(sheet)


def _check_rest(fields: dict[str, Any], wrong: set[tuple[int | str, ...]]) -> Iterator[_Complaint]:
    """Yield what is wrong beside values that cannot be read, where all else can be: nobody wants to look twice."""
    rest = dict(fields)
    for name in ("declared", "imported"):
        values = fields.get(name)
        if isinstance(values, list):
            rest[name] = [value for place, value in enumerate(values) if (name, place) not in wrong]
    try:
        yield from _check(Sheet.model_validate(rest))
    except ValidationError:
        return


def _to_complaint(item: Any, lines: dict[Place, int]) -> _Complaint:  # noqa: ANN401 - pydantic's own
    place, what = _TABLES.to_complaint(item)
    return locate(lines, place), what


def _check_metrics(sheet: Sheet) -> Iterator[_Complaint]:
    versions: dict[str, list[MetricVersion]] = defaultdict(list)
    if not sheet.metrics:
        yield 1, "metric: a sheet has one at least"
    for metric in sheet.metrics:
        versions[metric.metric].append(metric)
    for code, own in versions.items():
        if [metric.version for metric in own] != list(range(1, len(own) + 1)):
            yield own[0].line, f"{code}: versions stand in their order, counted from 1 without a gap"
        for before, after in pairwise(own):
            if after.since is None or (before.since is not None and after.since <= before.since):
                yield after.line, f"{after.name}: a later version says since when, and later than the one before"
            if not after.change:
                yield after.line, f"{after.name}: a later version says what it changes, and why"
        yield from _check_versions(own, versions)


def _check_versions(own: list[MetricVersion], versions: Collection[str]) -> Iterator[_Complaint]:
    for metric in own:
        if (metric.kind == "names") != (metric.names_of is not None):
            yield metric.line, f"{metric.name}: names_of belongs to a metric of names, and to that only"
        elif metric.names_of is not None and metric.names_of not in versions:
            yield metric.line, f"{metric.name}: there is no metric {metric.names_of} that counts its names"
        yield from _check_number(metric.line, f"{metric.name}: baseline", metric.baseline, metric.kind)


def _check_values(sheet: Sheet) -> Iterator[_Complaint]:
    kinds = {metric.metric: metric.kind for metric in sheet.metrics}
    for period in sheet.periods:
        try:
            read_period(period, project_start=sheet.start)
        except RejectedInput as fault:
            yield 1, f"periods: {fault.sentence}"
    seen: set[tuple[str, str, str, dt.date | None]] = set()
    values: tuple[Declared | Imported, ...] = (*sheet.declared, *sheet.imported)
    for value in values:
        where = f"{value.metric}, {value.column}"
        if value.metric not in kinds:
            yield value.line, f"{where}: there is no such metric"
            continue
        extra = {TOTAL} if not isinstance(value, Imported) else set()
        if value.column not in {*sheet.periods, *extra}:
            told = "write it as the metric's baseline" if value.column == BASELINE else "there is no such period"
            yield value.line, f"{where}: {told}"
        yield from _check_number(value.line, where, value.value, kinds[value.metric])
        if not isinstance(value, Imported):
            key = (value.metric, value.column, value.part, value.stated_on)
            if key in seen:
                yield value.line, f"{where}: stated twice; a restatement has a later day, another part another name"
            seen.add(key)


def _check_number(line: int, where: str, text: str, kind: str) -> Iterator[_Complaint]:
    cell = read_printed(text, of_names=kind == "names")
    if kind != "names" and text and not cell.is_number and not cell.is_absent:
        yield line, f"{where}: {text!r} is no number, and does not say that nobody counted (N/A)"


def _check_windows(sheet: Sheet) -> Iterator[_Complaint]:
    windows: dict[tuple[str, str], list[Imported]] = defaultdict(list)
    for value in sheet.imported:
        windows[value.metric, value.source].append(value)
        where = f"{value.metric}, {value.column}"
        if value.last_day < value.first_day:
            yield value.line, f"{where}: the window ends before it begins"
        if value.retrieved_at.date() < value.last_day:
            yield value.line, f"{where}: retrieved before the window was over"
        try:
            period = read_period(value.column, project_start=sheet.start)
        except RejectedInput:
            continue
        if value.first_day < period.from_at.date() or value.last_day >= period.to_at.date():
            yield value.line, f"{where}: the window {value.first_day} to {value.last_day} is not within the period"
    for (metric, source), own in windows.items():
        for before, after in pairwise(sorted(own, key=lambda value: value.first_day)):
            if after.first_day <= before.last_day:
                yield after.line, f"{metric}: this window of {source} overlaps another, and would count its days twice"
