"""The rulebook: every rule there is, in the order in which findings are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.rules.editions import attributes, definitions, sources
from streams.usage.audit.rules.editions import cells as again
from streams.usage.audit.rules.tables import (
    baselines,
    counts,
    flows,
    kinds,
    rates,
    sharing,
    stocks,
    sums,
    unions,
    uniques,
    units,
)
from streams.usage.audit.rules.texts import (
    agreement,
    blocks,
    cells,
    methods,
    operation,
    parts,
    persons,
    relabelled,
    support,
    trends,
    windows,
)
from streams.usage.audit.rules.words import groups, spelling

if TYPE_CHECKING:
    from streams.usage.audit.dossier import Rule

RULES: tuple[Rule, ...] = (
    sums.RULE, uniques.BOUNDS, uniques.SUM, unions.RULE, counts.RULE, kinds.RULE, units.RULE, rates.RULE, flows.MORE,
    flows.TWINS, baselines.RULE, stocks.RULE, sharing.RULE,
    definitions.RULE, again.ABSENT, again.CHANGED, attributes.RULE, sources.RULE,
    cells.RULE, parts.RULE, support.RULE, agreement.CLAIMS, agreement.STATEMENTS, relabelled.RULE, methods.RULE,
    windows.OUTSIDE, windows.SHORT, operation.RULE, trends.RULE, persons.TWICE, persons.UNJOINED, blocks.RULE,
    spelling.RULE, groups.RULE,
)  # fmt: skip
