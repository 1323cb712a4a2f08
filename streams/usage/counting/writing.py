"""The report by a profile written down: as tables for a screen, as Markdown, CSV and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical
from schemas.noun import to_time_text
from streams.usage.reports.tables import Table, list_periods, to_mark, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from streams.usage.counting.report import ProfileReport, ProfileSheet, Value

_CSV_COLUMNS = (
    "installation", "metric", "detail", "label", "period", "from_at", "to_at", "state", "value", "coverage", "profile",
    "profile_sha256",
)  # fmt: skip

_NOT_MEASURED = "not measured"

_EXPLAINED = (
    "An event is removed by the first rule that applies. Items are models, results and datasets. An investigation is a "
    "submission or a request; a request delivers a result or a dataset. Unique is an item once in a session: the session "
    "of the door and the day, or else the user and the hour of the day in UTC. A record that was told again is the same "
    "event, and no rule has to remove it."
)


def to_profile_tables(report: ProfileReport) -> tuple[Table, ...]:
    """Return the tables of a report: one for each installation."""
    return tuple(
        Table(
            f"{sheet.installation}, by {report.profile['name']}",
            (
                "Figure",
                *(
                    f"{period.name}{to_mark(coverage.share, is_whole=not coverage.gaps)}"
                    for period, coverage in zip(report.periods, sheet.coverage, strict=True)
                ),
            ),
            tuple((line.label, *map(_to_text, line.values)) for line in sheet.lines),
        )
        for sheet in report.sheets
    )


def _to_text(value: Value) -> str:
    if value is None:
        return _NOT_MEASURED
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return f"{value:,}"


def to_profile_markdown(report: ProfileReport) -> str:
    """Return the report as Markdown: rules, tables, notes."""
    profile = report.profile
    periods = ", ".join(
        f"{period.name} = {to_time_text(period.from_at)} to {to_time_text(period.to_at)}, the end not included"
        for period in report.periods
    )
    rules = (f"{place}. `{rule['name']}`: {rule['promise']}" for place, rule in enumerate(profile["rules"], start=1))
    parts = [
        f"# Usage report by {profile['name']}",
        f"Periods: {periods}. Profile `{profile['name']}`, sha256 `{profile['sha256']}`.",
        "\n".join(rules),
        _EXPLAINED,
    ]
    for table in to_profile_tables(report):
        ruler = "| :-- |" + " --: |" * (len(table.columns) - 1)
        head, *rows = (f"| {' | '.join(row)} |" for row in (table.columns, *table.rows))
        parts += [f"## {table.title}", "\n".join((head, ruler, *rows))]
    if report.notes:
        parts += ["## Notes", "\n".join(f"- {note}" for note in report.notes)]
    return "\n\n".join(parts) + "\n"


def to_profile_csv(report: ProfileReport) -> str:
    """Return one row for each figure and period."""
    return write_rows(_CSV_COLUMNS, (row for sheet in report.sheets for row in _iterate_rows(report, sheet)))


def to_profile_json(report: ProfileReport) -> str:
    """Return the report as one JSON object in canonical form, ended by a line feed."""
    return to_canonical(to_profile_plain(report)).decode() + "\n"


def to_profile_plain(report: ProfileReport) -> dict[str, Any]:
    """Return the report as a JSON object."""
    return {
        "profile": report.profile,
        "periods": list_periods(report.periods),
        "installations": {sheet.installation: list(_iterate_rows(report, sheet)) for sheet in report.sheets},
        "notes": list(report.notes),
    }


def _iterate_rows(report: ProfileReport, sheet: ProfileSheet) -> Iterator[dict[str, Any]]:
    """Yield one flat object for each line and period; what is absent is left out."""
    for line in sheet.lines:
        for period, value, coverage in zip(report.periods, line.values, sheet.coverage, strict=True):
            told = {} if value is None else {"value": list(value) if isinstance(value, tuple) else value}
            yield {
                "installation": sheet.installation,
                "metric": line.metric,
                "detail": line.detail,
                "label": line.label,
                "period": period.name,
                "from_at": to_time_text(period.from_at),
                "to_at": to_time_text(period.to_at),
                "state": "not_measured" if value is None else "measured",
                **told,
                "coverage": coverage.share,
                "profile": report.profile["name"],
                "profile_sha256": report.profile["sha256"],
            }


#: Forms that a report is written in.
PROFILE_FORMS: Mapping[str, Callable[[ProfileReport], str]] = {
    "md": to_profile_markdown,
    "csv": to_profile_csv,
    "json": to_profile_json,
}
