"""A report as data: its tables as printed, and what its text says in numbers, names and dates."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from schemas.noun import Code, Name, Noun
from streams.usage.audit.printed import Printed, read_printed

FORMAT = "observatory-tables/1"

#: Columns that are no period.
BASELINE, TOTAL = "baseline", "TOTAL"

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Column = Annotated[str, StringConstraints(min_length=1, max_length=40)]


def _to_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _to_cells(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return tuple((name, _to_text(cell)) for name, cell in value.items())


def _to_values(value: object) -> object:
    return tuple(map(_to_text, value)) if isinstance(value, list) else (_to_text(value),)


Cell = Annotated[Text, BeforeValidator(_to_text)]
Cells = Annotated[tuple[tuple[Column, Text], ...], BeforeValidator(_to_cells)]
Values = Annotated[tuple[Text, ...], BeforeValidator(_to_values)]


class Arithmetic(Noun):
    """How a yearly baseline was reached: the product of its factors, so many times ``per`` working day, month, ...

    Attributes
    ----------
    factors
        What was multiplied.
    per
        The span that the product is for.
    """

    factors: Annotated[tuple[float, ...], Field(min_length=1, max_length=10)]
    per: Literal["year", "month", "week", "working_day", "day", "hour", "minute"] = "year"


class Row(Noun):
    """A row of a table, as printed, and what it is a row of.

    Attributes
    ----------
    metric
        The same code wherever the same thing is meant to be counted, in whatever words.
    kind
        ``count`` adds up over periods; ``unique`` counts distinct things, which never add; ``names`` lists them.
    names_of
        Of a row of names: the metric that counts them.
    stage
        Of counts of the same thing: what came ``in``, what was ``done`` with it.
    methods
        Ways of counting that the row declares, as codes; claims name theirs as ``source``.
    united
        Whether the total of a unique row is the union of its members.
    break_note
        What changed since the report before, if the report says so.
    """

    installation: Name
    metric: Code
    label: Text
    kind: Literal["count", "unique", "names"]
    unit: Code
    per: Literal["year"] | None = None
    names_of: Code | None = None
    stage: Literal["in", "done"] | None = None
    definition: Text = ""
    methods: tuple[Code, ...] = ()
    baseline: Cell = ""
    arithmetic: Arithmetic | None = None
    cells: Cells
    total: Cell = ""
    united: bool = False
    break_note: Text = ""
    place: Text = ""
    line: int = 0

    @cached_property
    def columns(self) -> dict[str, Printed]:
        """Every cell that says something, by the name of its column, in the order of the table."""
        texts = ((BASELINE, self.baseline), *self.cells, (TOTAL, self.total))
        of_names = self.kind == "names"
        return {name: read_printed(text, of_names=of_names) for name, text in texts if text}

    @cached_property
    def periods(self) -> dict[str, Printed]:
        """The cells of periods."""
        return {name: cell for name, cell in self.columns.items() if name not in {BASELINE, TOTAL}}


class Claim(Noun):
    """What the text says of a quantity.

    Attributes
    ----------
    role
        ``whole``: the quantity itself; ``part``: goes into the cell; ``evidence``: told in support of the cell.
    breakdown
        Parts of one breakdown make up the whole.
    source
        How it was counted.
    period
        The column it speaks of; absent where the text names none.
    first_day, last_day, window_days
        When it was really counted, both days included; or how long.
    stock
        Whether it is how much there is, not how much came in a time.
    trend, against
        ``up`` or ``down`` since another column.
    persons
        Opaque ids of who was counted.
    """

    installation: Name
    metric: Code
    value: Cell = ""
    names: Values = ()
    unit: Code | None = None
    role: Literal["whole", "part", "evidence"] = "whole"
    breakdown: Code | None = None
    source: Code | None = None
    period: Column | None = None
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    window_days: Annotated[int, Field(gt=0)] | None = None
    stock: bool = False
    trend: Literal["up", "down"] | None = None
    against: Column | None = None
    persons: tuple[Name, ...] = ()
    place: Text = ""
    line: int = 0

    @cached_property
    def printed(self) -> Printed:
        """The value, read."""
        return read_printed(self.value)


class Statement(Noun):
    """What the text says of a subject: its name, state, providers, place, dates.

    Attributes
    ----------
    at
        The time it speaks of; absent for what should not depend on time.
    kind
        What the attribute is: a date is written ``2024``, ``2024-07`` or ``2024-07-12``.
    block
        Whether it stands in the table of descriptions that every subject has.
    reason
        Why it differs from the report before, if the report says so.
    """

    subject: Name
    attribute: Code
    values: Values
    kind: Literal["text", "date", "number", "list"] = "text"
    at: Column | None = None
    block: bool = False
    reason: Text = ""
    place: Text = ""
    line: int = 0


class Mention(Noun):
    """A proper name as the text spells it."""

    text: Text
    place: Text = ""
    line: int = 0


class Grouping(Noun):
    """Countries that the text puts in a group, such as ``EU``."""

    group: Text
    members: Values
    place: Text = ""
    line: int = 0


class Document(Noun):
    """One report.

    Attributes
    ----------
    edition
        Its place among the reports of the project.
    project_starts
        The project's first month; needed for periods such as ``M13-24``.
    issued
        The day it was issued, or its period's end.
    """

    format: Literal["observatory-tables/1"]
    name: Name
    title: Text = ""
    edition: int = 1
    project_starts: Month | None = None
    issued: dt.date | None = None
    rows: tuple[Row, ...] = ()
    claims: tuple[Claim, ...] = ()
    statements: tuple[Statement, ...] = ()
    mentions: tuple[Mention, ...] = ()
    groupings: tuple[Grouping, ...] = ()

    def find_row(self, installation: str, metric: str) -> Row | None:
        """Return the row of a metric; the first, where there are several."""
        return next((row for row in self.rows if (row.installation, row.metric) == (installation, metric)), None)

    def list_claims(self, row: Row, *, column: str | None = None) -> list[Claim]:
        """Return what the text says of a row; of one column, or of all."""
        return [
            claim
            for claim in self.claims
            if (claim.installation, claim.metric) == (row.installation, row.metric)
            and (column is None or claim.period == column)
        ]
