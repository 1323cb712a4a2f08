"""meta.xml: which file is which table, and which column is which term (Darwin Core text guide, TDWG)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from sinks.darwin_core.terms import Table

NAMESPACE = "http://rs.tdwg.org/dwc/text/"
META_NAME, EML_NAME = "meta.xml", "eml.xml"

#: Tab-separated without quotes: cells hold no tabs and no line ends, so nothing needs escaping.
_LAYOUT = {
    "encoding": "UTF-8",
    "fieldsTerminatedBy": "\\t",
    "linesTerminatedBy": "\\n",
    "fieldsEnclosedBy": "",
    "ignoreHeaderLines": "1",
}


@dataclass(frozen=True, slots=True)
class MappedTable:
    """A table as a meta.xml declares it.

    Attributes
    ----------
    link
        Column of the event's id; ``None`` where it is not declared.
    fields
        ``(column, term)`` in the order of the file; column ``None`` where the file gives no index.
    """

    name: str
    row_type: str
    is_core: bool
    link: int | None
    fields: tuple[tuple[int | None, str], ...]


def write_meta(tables: tuple[Table, ...]) -> bytes:
    """Return meta.xml for tables, the core first."""
    root = ET.Element("archive", {"xmlns": NAMESPACE, "metadata": EML_NAME})
    for table in sorted(tables, key=lambda item: not item.is_core):
        kind = "core" if table.is_core else "extension"
        element = ET.SubElement(root, kind, {**_LAYOUT, "rowType": table.row_type})
        files = ET.SubElement(element, "files")
        ET.SubElement(files, "location").text = table.name
        ET.SubElement(element, "id" if table.is_core else "coreid", {"index": "0"})
        for index, term in table.to_fields():
            ET.SubElement(element, "field", {"index": str(index), "term": term})
    return to_xml(root)


def to_xml(root: ET.Element) -> bytes:
    """Return the bytes of an XML document, indented, with a declaration and a last line end."""
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def read_meta(data: bytes) -> tuple[MappedTable, ...]:
    """Return the tables that a meta.xml declares.

    Raises
    ------
    ValueError
        If it is no XML, or declares no table.
    """
    root = from_xml(data)
    tables = []
    for element in root:
        kind = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        if kind not in {"core", "extension"}:
            continue
        link = element.find(f"{{{NAMESPACE}}}{'id' if kind == 'core' else 'coreid'}")
        tables.append(
            MappedTable(
                name=element.findtext(f"{{{NAMESPACE}}}files/{{{NAMESPACE}}}location", ""),
                row_type=element.get("rowType", ""),
                is_core=kind == "core",
                link=_to_index(link.get("index")) if link is not None else None,
                fields=tuple(
                    (_to_index(field.get("index")), field.get("term", ""))
                    for field in element.findall(f"{{{NAMESPACE}}}field")
                ),
            )
        )
    if not tables:
        message = "meta.xml declares no table"
        raise ValueError(message)
    return tuple(tables)


def from_xml(data: bytes) -> ET.Element:
    """Return the root of an XML document that this program wrote.

    Raises
    ------
    ValueError
        If it is no XML.
    """
    try:
        return ET.fromstring(data)  # noqa: S314 - our own file, read back before it is published
    except ET.ParseError as error:
        message = f"not XML: {error}"
        raise ValueError(message) from error


def _to_index(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
