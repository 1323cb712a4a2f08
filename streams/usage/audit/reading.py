"""Reading: tables from TOML files, and our own reports from their JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.errors import FatalFault
from streams.usage.audit.document import FORMAT, Document
from streams.usage.toml_places import Place, Tables, locate

#: What a table of the file is called, and what it is a list of.
_TABLES = Tables(
    {"row": "rows", "claim": "claims", "statement": "statements", "mention": "mentions", "grouping": "groupings"}
)

_MAX_BYTES = 20 * 2**20


def read_document(path: Path) -> Document:
    """Return the report in a file: ``.toml`` as docs/usage.md describes it, or ``.json`` as ``observatory report`` writes it.

    Raises
    ------
    FatalFault
        If it cannot be read, or anything in it is wrong; every mistake is named, with its line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name} could not be read as UTF-8 text."
        raise FatalFault(message) from error
    if len(data) > _MAX_BYTES:
        message = f"{path.name} is larger than {_MAX_BYTES // 2**20} MiB: no table of a report is."
        raise FatalFault(message)
    return _read_ours(text, path) if path.suffix == ".json" else read_toml(text, path.name)


def read_toml(text: str, name: str) -> Document:
    """Return the report that a TOML text holds; ``name`` is what complaints call it.

    Raises
    ------
    FatalFault
        As :func:`read_document`.
    """
    plain, lines = _TABLES.read(text, name)
    return to_document(plain, name, lines)


def to_document(plain: dict[str, Any], name: str, lines: dict[Place, int] | None = None) -> Document:
    """Return the report that a mapping describes, with lists under their singular names as in a file.

    Raises
    ------
    FatalFault
        If anything in it is wrong.
    """
    try:
        return Document.model_validate(_TABLES.to_fields(plain))
    except ValidationError as error:
        complaints = []
        for item in error.errors():
            place, what = _TABLES.to_complaint(item)
            where = f":{locate(lines, place)}" if lines else ""
            complaints.append(f"{name}{where}: {what}")
        raise FatalFault("\n".join(complaints)) from error


def _read_ours(text: str, path: Path) -> Document:
    try:
        plain = json.loads(text)
        rows = list(_to_rows(plain))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"{path.name} is no report that this program wrote as JSON."
        raise FatalFault(message) from error
    return to_document({"format": FORMAT, "name": "report", "title": path.stem, "row": rows}, path.name)


def _to_rows(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a report of ours; parts of a figure are left out, since they are no figures of their own."""
    periods = [period["name"] for period in plain["periods"]]
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for installation, entries in plain["installations"].items():
        for entry in entries:
            if entry["detail"]:
                continue
            row = rows.setdefault((installation, entry["metric"]), _open_row(installation, entry))
            row["cells"][entry["period"]] = _to_cell(entry)
    for row in rows.values():
        row["cells"] = {period: row["cells"].get(period, "") for period in periods}
    return list(rows.values())


def _open_row(installation: str, entry: dict[str, Any]) -> dict[str, Any]:
    is_names = entry["unit"] == "name"
    return {
        "installation": installation,
        "metric": entry["metric"],
        "label": entry["label"],
        "kind": "names" if is_names else "count" if entry["additive"] else "unique",
        "unit": entry["unit"],
        "definition": entry["definition"],
        "cells": {},
        **({"names_of": "country_count"} if is_names else {}),
    }


def _to_cell(entry: dict[str, Any]) -> str:
    if entry["state"] == "measured":
        return str(entry["value"])
    if entry["state"] == "bounded":
        return f"{entry['low']}-{entry['high']}"
    if entry["state"] == "names":
        return "".join(f"{name};" for name in entry["value"]) or "none"
    return f"not measured: {entry['why']}"
