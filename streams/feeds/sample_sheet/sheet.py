"""The sample sheet: CSV in, samples with their runs out, or every mistake of the sheet at once with its line and column.

One row is one run; rows with the same ``sample_id`` are runs over one sample and are counted together. What belongs to the
sample stands in one of its rows, or in several if it is the same in all of them.

===================== ==== ======================================================================================
column                must content
===================== ==== ======================================================================================
sample_id             yes  letters, digits, ``.``, ``_`` and ``-``; part of every published id, so it never changes
run                   yes  name of the run: of its folder, or of its zip without the ending
feed                  no   feed of the run; only where two instruments have runs of one name
visit                 no   station visit, as ``sample_id``; of the sample, as all up to ``mesh_um``
taken_at              no   when the water was taken: ``2024-05-14T09:12:00Z``, ISO 8601 with a zone
taken_until_at        no   end of a tow, or of the day when the hour is not known
lat_deg, lon_deg      no   WGS 84, decimal point; both or neither
uncertainty_m         no   radius around the position, above 0
depth_min_m           no   metres below the surface, downwards
depth_max_m           no   likewise, not less than ``depth_min_m``
water                 no   ``whole``: as it was taken. ``concentrated``: by net, sieve or settling
volume_filtered_l     no   litres of sea that were concentrated
volume_concentrate_ml no   millilitres they were brought to
gear                  no   what it was taken with
gear_uri              no   its entry in the NERC collection L22
mesh_um               no   mesh of the net or sieve
volume_subsample_ml   no   of the run, as all below: millilitres of sample given to the instrument, before dilution
dilution              no   volume after dilution by volume before it, from 1; empty: as the run says, else undiluted
volume_imaged_ml      no   only where the run's own files do not say how much was imaged
note                  no   for people; not read
===================== ==== ======================================================================================

Nothing is needed to count. Per litre of sea needs ``water`` (and, if concentrated, both volumes); publishing needs
``taken_at``, the position and ``depth_min_m``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.errors import FatalFault
from schemas.sample import Sample
from streams.feeds.deployment_table import WrongTable
from streams.feeds.sample_sheet.cells import RANGES, check_water, find_wrong_words, read_numbers, read_taken, read_where
from streams.feeds.sample_sheet.rows import Columns, read_rows

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.sample import SampleRun

#: What belongs to the sample: one row says it, or all say the same.
OF_SAMPLE = (
    "visit", "taken_at", "taken_until_at", "lat_deg", "lon_deg", "uncertainty_m", "depth_min_m", "depth_max_m", "water",
    "volume_filtered_l", "volume_concentrate_ml", "gear", "gear_uri", "mesh_um",
)  # fmt: skip
OF_RUN = ("feed", "volume_subsample_ml", "dilution", "volume_imaged_ml", "note")

COLUMNS = Columns(("sample_id", "run"), (*OF_SAMPLE, *OF_RUN))

#: Column -> registered quantity, where they are called differently.
_QUANTITIES = {"volume_imaged_ml": "volume_ml"}

Row = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class SampleSheet:
    """The samples of a sheet, found by their runs.

    Attributes
    ----------
    samples
        In the order of their ids.
    """

    samples: tuple[Sample, ...] = ()
    _of_run: Mapping[tuple[str | None, str], tuple[Sample, SampleRun]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the runs."""
        found = {(run.feed, run.run): (sample, run) for sample in self.samples for run in sample.runs}
        object.__setattr__(self, "_of_run", found)

    def find(self, feed: str, run: str) -> tuple[Sample, SampleRun] | None:
        """Return the sample that a run is of, and its row; ``None`` where the sheet does not have the run."""
        name = unicodedata.normalize("NFC", run)
        return self._of_run.get((feed, name)) or self._of_run.get((None, name))

    def list_unused(self, runs: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """Return the names of runs in the sheet that are none of ``runs`` (feed and name): misspelt, or not there yet."""
        used = {(found[1].feed, found[1].run) for feed, run in runs if (found := self.find(feed, run)) is not None}
        return tuple(sorted(run for feed, run in self._of_run if (feed, run) not in used))


def load_sample_sheet(path: Path) -> SampleSheet:
    """Read the sheet of a file.

    Raises
    ------
    FatalFault
        If the file cannot be read; :class:`streams.feeds.deployment_table.WrongTable` if it has mistakes.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"The sample sheet {path.name} cannot be read: {error.strerror}."
        raise FatalFault(message) from error
    return read_sample_sheet(data, name=path.name)


def load_sample_sheets(paths: Iterable[Path | None]) -> SampleSheet:
    """Return the samples of the sheets that feeds name; several may name the same one.

    Raises
    ------
    FatalFault
        As :func:`load_sample_sheet`.
    """
    sheets = [load_sample_sheet(path) for path in sorted({path for path in paths if path is not None})]
    return SampleSheet(tuple(sample for sheet in sheets for sample in sheet.samples))


def read_sample_sheet(data: bytes, *, name: str = "samples.csv") -> SampleSheet:
    """Return the samples of a sheet.

    Raises
    ------
    WrongTable
        With every mistake: unknown, missing or repeated columns, and in each line whatever is wrong.
    """
    complaints: list[str] = []
    rows: dict[str, list[Row]] = {}
    for line, cells in read_rows(data, COLUMNS, complaints.append):
        wrong = find_wrong_words(cells)
        wrong |= {column: "must not be empty" for column in COLUMNS.required if not cells[column]}
        complaints += [f"line {line}, {column}: {text}" for column, text in wrong.items()]
        # what is wrong is said once: the cell counts as empty from here on
        cells.update(dict.fromkeys(wrong, ""))
        cells["run"] = unicodedata.normalize("NFC", cells["run"])
        if all(cells[column] for column in COLUMNS.required):
            rows.setdefault(cells["sample_id"], []).append((line, cells))
    _check_runs([row for of_sample in rows.values() for row in of_sample], complaints)
    samples = [_read_sample(of_sample, complaints) for _, of_sample in sorted(rows.items())]
    if complaints:
        raise WrongTable(name, tuple(sorted(complaints, key=_to_line)))
    return SampleSheet(tuple(sample for sample in samples if sample is not None))


def _to_line(complaint: str) -> int:
    number = complaint.removeprefix("line ").split(",")[0].split(":")[0]
    return int(number) if number.isdecimal() else 0


def _check_runs(rows: list[Row], complaints: list[str]) -> None:
    """Complain of a run that stands in two rows, also where only one of them names the feed."""
    seen: dict[str, list[tuple[str, int]]] = {}
    for line, cells in sorted(rows, key=lambda row: row[0]):
        run, feed = cells["run"], cells["feed"]
        for other, first in seen.get(run, []):
            if run and (feed == other or not feed or not other):
                complaints.append(f"line {line}, run: {run!r} stands in line {first} already")
                break
        seen.setdefault(run, []).append((feed, line))


def _read_sample(rows: list[Row], complaints: list[str]) -> Sample | None:
    """Return the sample of some rows, or ``None`` and everything that is wrong with them."""
    before = len(complaints)
    line_of: dict[str, int] = {}
    cells = dict.fromkeys(COLUMNS.known, "")
    for line, row in rows:
        for column in OF_SAMPLE:
            if row[column] and not _is_same(column, cells[column], row[column]):
                other = f"{cells[column][:40]!r} in line {line_of[column]}"
                complaints.append(f"line {line}, {column}: {row[column][:40]!r} here and {other} for the same sample")
            elif row[column] and not cells[column]:
                cells[column], line_of[column] = row[column], line
    first = rows[0][0]

    def complain(text: str) -> None:
        column = text.partition(":")[0].partition(",")[0]
        complaints.append(f"line {line_of.get(column, first)}, {text}")

    numbers = read_numbers(cells, complain)
    fields: dict[str, Any] = {
        "sample_id": rows[0][1]["sample_id"],
        "taken": read_taken(cells, complain),
        "where": read_where(cells, numbers, complain),
        "water": check_water(cells, numbers, complain),
        **{column: cells[column] or None for column in ("visit", "gear", "gear_uri")},
        "quantities": _pick(numbers, ("volume_filtered_l", "volume_concentrate_ml", "mesh_um")),
        "runs": [_read_run(row, complaints) for row in rows],
    }
    return Sample.model_validate(fields) if len(complaints) == before else None


def _read_run(row: Row, complaints: list[str]) -> dict[str, Any]:
    line, cells = row
    own = {column: cells[column] if column in OF_RUN else "" for column in COLUMNS.known}
    numbers = read_numbers(own, lambda text: complaints.append(f"line {line}, {text}"))
    return {
        "run": cells["run"],
        "feed": cells["feed"] or None,
        "quantities": _pick(numbers, ("volume_subsample_ml", "dilution", "volume_imaged_ml")),
    }


def _pick(numbers: Mapping[str, float], columns: tuple[str, ...]) -> dict[str, float]:
    return {_QUANTITIES.get(column, column): numbers[column] for column in columns if column in numbers}


def _is_same(column: str, one: str, other: str) -> bool:
    if not one or one == other:
        return True
    try:
        return column in RANGES and float(one) == float(other)
    except ValueError:
        return False
