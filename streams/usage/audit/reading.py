"""Reading: tables from TOML files, and our own reports from their JSON and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from schemas.errors import FatalFault
from streams.usage.audit.document import Document
from streams.usage.audit.ours import SUFFIXES, read_ours
from streams.usage.toml_places import Place, Tables, locate

if TYPE_CHECKING:
    from pathlib import Path

#: What a table of the file is called, and what it is a list of.
_TABLES = Tables(
    {"row": "rows", "claim": "claims", "statement": "statements", "mention": "mentions", "grouping": "groupings"}
)

_MAX_BYTES = 20 * 2**20


def read_document(path: Path) -> Document:
    """Return the report in a file: ``.toml`` as docs/audit.md describes it, or a ``.json`` or ``.csv`` of ours.

    Raises
    ------
    FatalFault
        If it cannot be read, or anything in it is wrong; every mistake is named, with its line.
    """
    if not path.exists():
        message = f"There is no file {path.name}."
        raise FatalFault(message)
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
    return to_document(read_ours(text, path), path.name) if path.suffix in SUFFIXES else read_toml(text, path.name)


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
