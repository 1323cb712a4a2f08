"""Reports of this program as an audit reads them: usage reports and assessments, from their JSON and from their CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from schemas.errors import FatalFault
from streams.usage.audit.document import BASELINE, FORMAT, TOTAL

if TYPE_CHECKING:
    from pathlib import Path

#: Files that are read as reports of ours; all others are transcribed tables.
SUFFIXES = frozenset({".json", ".csv"})

#: What an assessment says of itself in JSON.
_ASSESSMENT = "observatory-assessment/1"

#: A figure of ours that is never held against what was done with it: the frames of clips are known only when one is opened.
_NOT_STAGED = "images_ingested"

_MONTHS = re.compile(r"M?\d+-(\d+)", re.IGNORECASE)

#: Fields of a row that a JSON assessment has as an audit wants them.
_SAME = ("metric", "label", "kind", "unit", "per", "names_of", "definition", "methods", "baseline", "arithmetic")


def read_ours(text: str, path: Path) -> dict[str, Any]:
    """Return a report of ours as the mapping that a file of tables holds.

    Raises
    ------
    FatalFault
        If it is none.
    """
    try:
        starts, rows = _read_json(json.loads(text)) if path.suffix == ".json" else (None, _read_csv(text))
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        form = path.suffix.removeprefix(".").upper()
        message = f"{path.name} is no report that this program wrote as {form}."
        raise FatalFault(message) from error
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.casefold())[:60].strip("-") or "report"
    found = {"format": FORMAT, "name": name, "title": path.stem, "edition": _to_edition(rows), "row": rows}
    return found | ({"project_starts": starts} if starts else {})


def _to_edition(rows: list[dict[str, Any]]) -> int:
    """Return the place of a report among others: the last month of the project that it tells of, where it tells of any."""
    columns = chain.from_iterable(row["cells"] for row in rows)
    return max((int(match[1]) for match in map(_MONTHS.fullmatch, columns) if match), default=0)


def _read_json(plain: dict[str, Any]) -> tuple[str | None, list[dict[str, Any]]]:
    if plain.get("format") == _ASSESSMENT:
        rows = [_to_row(sheet["installation"], row) for sheet in plain["installations"] for row in sheet["rows"]]
        starts = {sheet["project_starts"] for sheet in plain["installations"]}
        return (starts.pop() if len(starts) == 1 else None), rows
    entries = [entry for own in plain["installations"].values() for entry in own]
    return None, _gather(entries, [period["name"] for period in plain["periods"]])


def _to_row(installation: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of an assessment."""
    cells = {column: cell["value"] for column, cell in row["cells"].items() if column != TOTAL}
    total = row["cells"].get(TOTAL)
    stage = {"stage": row["stage"]} if row.get("stage") and row.get("measured_by") != _NOT_STAGED else {}
    return {
        **{name: row[name] for name in _SAME if name in row},
        **stage,
        "installation": installation,
        "cells": cells,
        "total": total["value"] if total else "",
        "united": bool(total) and total["provenance"] == "measured",
        "break_note": row.get("change", ""),
    }


def _gather(entries: list[dict[str, Any]], periods: list[str]) -> list[dict[str, Any]]:
    """Return the rows of a usage report; parts of a figure are left out, since they are no figures of their own."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in entries:
        if entry["detail"]:
            continue
        row = rows.setdefault((entry["installation"], entry["metric"]), _open_row(entry))
        row["cells"][entry["period"]] = _to_cell(entry)
    for row in rows.values():
        row["cells"] = {period: row["cells"].get(period, "") for period in periods}
    return list(rows.values())


def _open_row(entry: dict[str, Any]) -> dict[str, Any]:
    is_names = entry["unit"] == "name"
    return {
        "installation": entry["installation"],
        "metric": entry["metric"],
        "label": entry["label"],
        "kind": "names" if is_names else "count" if entry["additive"] else "unique",
        "unit": entry["unit"],
        "definition": entry["definition"],
        "cells": {},
        **({"names_of": "country_count"} if is_names else {}),
    }


def _to_cell(entry: dict[str, Any]) -> str:
    match entry["state"]:
        case "measured":
            return str(entry["value"])
        case "bounded":
            return f"{entry['low']}-{entry['high']}"
        case "names":
            return "".join(f"{name};" for name in entry["value"]) or "none"
    return f"not measured: {entry['why']}"


def _read_csv(text: str) -> list[dict[str, Any]]:
    lines = list(csv.DictReader(io.StringIO(text)))
    if not lines:
        message = "no line of a report"
        raise ValueError(message)
    if "column" in lines[0]:
        return _gather_assessed(lines)
    entries = [
        line
        | {
            "additive": line["additive"] == "True",
            "value": [name for name in line["value"].split("; ") if name]
            if line["state"] == "names"
            else line["value"],
        }
        for line in lines
    ]
    return _gather(entries, list(dict.fromkeys(line["period"] for line in lines)))


def _gather_assessed(lines: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Return the rows of an assessment's CSV, which has a line for each cell."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        place = (line["installation"], line["metric"])
        plain = {name: line[name] for name in ("installation", "metric", "label", "kind", "unit")}
        more = {name: line[name] for name in ("per", "names_of") if line[name]}
        # a later version is shown as a break; what it changed stands in the other forms
        broken = {} if line["definition"].endswith("@1") else {"break_note": line["definition"]}
        row = rows.setdefault(place, {**plain, **more, **broken, "definition": line["definition"], "cells": {}})
        if line["column"] == BASELINE:
            row["baseline"] = line["value"]
        elif line["column"] == TOTAL:
            row |= {"total": line["value"], "united": line["provenance"] == "measured"}
        else:
            row["cells"][line["column"]] = line["value"]
    return list(rows.values())
