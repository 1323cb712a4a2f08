"""Two reports that were handed in, transcribed: every inconsistency a reader found in them, and who finds it."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import streams.usage.audit.rules
from streams.usage.audit.auditing import Finding, audit
from streams.usage.audit.reading import read_document

_SEEDS = Path(__file__).parent / "seeds"
_RULES = Path(streams.usage.audit.rules.__file__).parent


@pytest.fixture(scope="module")
def findings() -> list[str]:
    return [_to_key(finding) for finding in audit([read_document(_SEEDS / name) for name in ("m24.toml", "m36.toml")])]


@pytest.fixture(scope="module")
def golden() -> dict:
    return tomllib.loads((_SEEDS / "golden.toml").read_text(encoding="utf-8"))


def _to_key(finding: Finding) -> str:
    return " ".join(filter(None, (finding.rule, finding.document, finding.subject, finding.about)))


def test_every_one_of_the_thirty_inconsistencies_is_found_as_the_golden_file_says(findings, golden):
    assert [item["number"] for item in golden["inconsistency"]] == list(range(1, 31))
    lost = [
        (item["number"], pattern)
        for item in golden["inconsistency"]
        for pattern in item["found"]
        if not any(fnmatchcase(key, pattern) for key in findings)
    ]
    assert lost == []


def test_at_least_twenty_four_are_found_and_the_others_are_explained(golden):
    items = golden["inconsistency"]
    assert sum(bool(item["found"]) for item in items) >= 24
    assert [item["number"] for item in items if not item["found"] and not item.get("unseen")] == []


def test_nothing_is_found_that_the_golden_file_does_not_account_for(findings, golden):
    patterns = [pattern for part in ("inconsistency", "beyond") for item in golden[part] for pattern in item["found"]]
    assert [key for key in findings if not any(fnmatchcase(key, pattern) for pattern in patterns)] == []


def test_a_corrected_copy_of_the_tables_raises_no_false_alarm():
    documents = [read_document(_SEEDS / name) for name in ("m24-corrected.toml", "m36-corrected.toml")]
    assert [finding.sentence for finding in audit(documents)] == []
    rows = {(row.installation, row.metric) for document in documents for row in document.rows}
    assert rows >= {(row.installation, row.metric) for row in read_document(_SEEDS / "m36.toml").rows}, (
        "the copy has every row of the original"
    )


def test_no_rule_names_a_cell_of_the_reports():
    code = {path: path.read_text(encoding="utf-8") for path in _RULES.rglob("*.py")}
    documents = [read_document(_SEEDS / name) for name in ("m24.toml", "m36.toml")]
    told: set[str] = set()
    for document in documents:
        told |= {row.installation for row in document.rows} | {item.subject for item in document.statements}
        told |= {
            cell.text
            for row in document.rows
            for cell in row.columns.values()
            if len(cell.text) > 3 and not cell.is_absent
        }
        told |= {claim.value for claim in document.claims if len(claim.value) > 3}
        told |= {mention.text for mention in document.mentions} | {row.metric for row in document.rows}
    told -= {"project"}
    named = {
        (path.name, word)
        for path, text in code.items()
        for word in told
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)
    }
    # words of ordinary English, and countries that a table of members has to name
    assert {
        (name, word) for name, word in named if word.casefold() not in {"countries", "france", "ireland", "italy"}
    } == set()
