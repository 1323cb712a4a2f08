"""Sharing: baselines that several installations have alike were not measured at each."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from streams.usage.audit.document import BASELINE
from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Document, Row

#: So many rows with the same baseline as another installation's are no coincidence.
_SHARED = 3


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document in dossier.documents:
        rows: dict[str, list[Row]] = defaultdict(list)
        for row in document.rows:
            rows[row.installation].append(row)
        seen: dict[tuple[tuple[str, str], ...], str] = {}
        for installation, own in rows.items():
            yield from _compare(document, installation, own, seen)


def _compare(
    document: Document, installation: str, rows: list[Row], seen: dict[tuple[tuple[str, str], ...], str]
) -> Iterator[Seen]:
    given = tuple((row.metric, row.baseline) for row in rows if row.baseline and row.columns[BASELINE].number != 0)
    other = next((name for key, name in seen.items() if len(set(key) & set(given)) >= _SHARED), None)
    if other is None:
        seen[given] = installation
        return
    yield Seen(
        document, rows[0], BASELINE,
        f"The baselines of {installation} are those of {other}: {', '.join(dict.fromkeys(text for _, text in given))}.",
    )  # fmt: skip


RULE = Rule("shared-baseline", "Each installation has baselines of its own.", _check, weight="doubt")
