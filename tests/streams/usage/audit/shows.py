"""Reports that are about nothing of ours: a library, a ferry, a herbarium; to show rules on."""

from __future__ import annotations

from typing import Any

from streams.usage.audit.auditing import Finding, audit
from streams.usage.audit.document import FORMAT, Document
from streams.usage.audit.dossier import Rule
from streams.usage.audit.reading import to_document


def make_row(metric: str = "loans", kind: str = "count", /, **fields: Any) -> dict[str, Any]:
    """Return a row of the town library; cells as ``y1``, ``y2`` and ``total``."""
    cells = {name: fields.pop(key) for key, name in (("y1", "2011"), ("y2", "2012")) if key in fields}
    return {
        "installation": "library", "metric": metric, "kind": kind, "label": metric.title(), "unit": "thing", "cells": cells,
    } | fields  # fmt: skip


def make_claim(metric: str = "loans", /, **fields: Any) -> dict[str, Any]:
    return {"installation": "library", "metric": metric, "period": "2012"} | fields


def make_document(*rows: dict[str, Any], edition: int = 1, **fields: Any) -> Document:
    plain = {"format": FORMAT, "name": f"edition-{edition}", "edition": edition, "row": list(rows)} | fields
    return to_document(plain, "shown.toml")


def find(rule: Rule, *documents: Document) -> list[Finding]:
    return list(audit(documents, [rule]))
