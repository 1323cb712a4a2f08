"""An audit: every rule over some reports, and what was found, told for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.usage.audit.document import Claim, Grouping, Mention, Row
from streams.usage.audit.dossier import Dossier
from streams.usage.audit.rulebook import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.usage.audit.document import Document
    from streams.usage.audit.dossier import Rule, Seen


#: What findings of each weight stand under, the heavier first.
HEADINGS = {"contradiction": "What cannot be true", "doubt": "What a reader cannot know to be true"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found.

    Attributes
    ----------
    weight
        ``contradiction`` or ``doubt``, as the rule has it.
    document, line
        Where: the report's name, and the line of its file (0 where there is none).
    subject, about, column
        Installation or other subject; metric, attribute or word; column of the table, empty for all.
    """

    rule: str
    weight: str
    document: str
    line: int
    subject: str
    about: str
    column: str
    sentence: str

    def to_plain(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        return {name: getattr(self, name) for name in self.__slots__}


def audit(documents: Iterable[Document], rules: Sequence[Rule] = RULES) -> tuple[Finding, ...]:
    """Return what the rules find in some reports, in the order of the rules; the order of the reports given has no part in it.

    Parameters
    ----------
    documents
        Reports of one project; they are compared edition by edition.
    """
    dossier = Dossier(tuple(sorted(documents, key=lambda document: (document.edition, document.name))))
    return tuple(_to_finding(rule, seen) for rule in rules for seen in rule.check(dossier))


def _to_finding(rule: Rule, seen: Seen) -> Finding:
    item = seen.item
    if isinstance(item, Row | Claim):
        subject, about = item.installation, item.metric
    elif isinstance(item, Mention):
        subject, about = "", item.text
    elif isinstance(item, Grouping):
        subject, about = "", item.group
    else:
        subject, about = item.subject, item.attribute
    where = (seen.document.name, item.line, subject, about, seen.column)
    return Finding(rule.name, rule.weight, *where, seen.sentence)


def to_markdown(findings: Sequence[Finding]) -> str:
    """Return the findings as Markdown: contradictions before doubts, rule by rule, with what each rule asks for."""
    parts = ["# Findings", f"{len(findings)} found." if findings else "Nothing was found."]
    for weight, heading in HEADINGS.items():
        ruled = [rule for rule in RULES if rule.weight == weight and any(rule.name == item.rule for item in findings)]
        parts += [f"## {heading}"] if ruled else []
        for rule in ruled:
            own = [to_line(finding) for finding in findings if finding.rule == rule.name]
            parts += [f"### {rule.name}", rule.promise, "\n".join(f"- {line}" for line in own)]
    return "\n\n".join(parts) + "\n"


def to_line(finding: Finding) -> str:
    """Return a finding in one line: where, about what, and what is wrong."""
    where = f"{finding.document}:{finding.line}" if finding.line else finding.document
    what = ", ".join(filter(None, (finding.subject, finding.about.replace("_", " "), finding.column)))
    return f"{where} ({what}): {finding.sentence}"
