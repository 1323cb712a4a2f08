"""A metric sheet of a lighthouse museum, as text to be changed."""

from __future__ import annotations

from streams.usage.sheets.reading import read_text
from streams.usage.sheets.sheet import Sheet

HEAD = """
format = "observatory-sheet/1"
installation = "obsea"
title = "The museum"
project_starts = "2022-09"
periods = ["M13-24", "M25-36"]

[description]
Task = "T9"
"""

VISITORS = """
[[metric]]
metric = "visitors"
label = "Visitors"
definition = "Different persons who climbed the tower"
kind = "unique"
unit = "person"
baseline = "~100 / y"
target = "over 50"
"""

STEPS = """
[[metric]]
metric = "steps"
label = "Steps climbed"
definition = "Steps of all visitors"
kind = "count"
unit = "step"
"""

HOMES = """
[[metric]]
metric = "homes"
label = "Where visitors are from"
definition = "Countries of visitors"
kind = "names"
unit = "name"
names_of = "visitors"
"""

EVIDENCE = "ab" * 32


def declare(metric: str, column: str, value: str, **fields: str) -> str:
    lines = [f'metric = "{metric}"', f'column = "{column}"', f'value = "{value}"']
    lines += [f"{key} = {told}" if key == "stated_on" else f'{key} = "{told}"' for key, told in fields.items()]
    return "\n[[declared]]\n" + "\n".join(lines) + "\n"


def report(metric: str, column: str, value: str, days: tuple[str, str], *, retrieved: str = "2025-09-01") -> str:
    return (
        f'\n[[imported]]\nmetric = "{metric}"\ncolumn = "{column}"\nvalue = "{value}"\nsource = "turnstile"\n'
        f"retrieved_at = {retrieved}T00:00:00Z\nfirst_day = {days[0]}\nlast_day = {days[1]}\n"
        f'evidence_sha256 = "{EVIDENCE}"\ncannot_say = "gates are no persons"\n'
    )


def read(*parts: str) -> Sheet:
    return read_text(HEAD + "".join(parts), "museum.toml")
