"""Baselines: the arithmetic that a baseline is said to come from gives it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from streams.usage.audit.document import BASELINE
from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How many there are in a year, at least and at most; working days between a country of many holidays and one of few.
_TIMES_A_YEAR = {
    "year": (1, 1), "month": (12, 12), "week": (52, 53), "working_day": (200, 262), "day": (365, 366),
    "hour": (8_760, 8_784), "minute": (525_600, 527_040),
}  # fmt: skip


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        baseline = row.columns.get(BASELINE)
        if row.arithmetic is None or baseline is None or not baseline.is_number:
            continue
        product = math.prod(row.arithmetic.factors)
        low, high = (product * times for times in _TIMES_A_YEAR[row.arithmetic.per])
        if baseline.high < low or baseline.low > high:
            terms = " x ".join(f"{factor:g}" for factor in row.arithmetic.factors)
            span = f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
            yield Seen(
                document, row, BASELINE,
                f"The baseline is printed as {baseline.text}; {terms} per {row.arithmetic.per.replace('_', ' ')} is {span} "
                "a year.",
            )  # fmt: skip


RULE = Rule("baseline-arithmetic", "A baseline is what its stated arithmetic gives.", _check)
