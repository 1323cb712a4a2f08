"""The composition as tables: CSV of groups, CSV of size classes, and JSON with everything behind them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical
from schemas.finding import UNIDENTIFIED
from sinks.composition.poisson import CONFIDENCE
from sinks.composition.volumes import UnknownVolume, Volume

if TYPE_CHECKING:
    from sinks.composition.composition import Composition, Estimate, Line

#: Columns of the table of groups. ``per`` says what an abundance is per; an empty cell is not known.
COLUMNS = (
    "sample", "row", "name", "aphia_id", "rank", "labels", "particles", "particles_low", "particles_high", "per",
    "per_l", "per_l_low", "per_l_high", "flagged", "particles_with_flagged", "per_l_with_flagged",
    "per_l_with_flagged_low", "per_l_with_flagged_high", "validated", "predicted", "filtered", "biovolume_mm3",
    "biovolume_mm3_per_l", "biovolume_mm3_per_l_error", "unmeasured",
)  # fmt: skip

SIZE_COLUMNS = (
    "sample", "measure", "least_um", "below_um", "particles", "particles_low", "particles_high", "per", "per_l",
    "per_l_low", "per_l_high",
)  # fmt: skip

#: How several labels of one taxon are parted in a cell.
_LIST_MARK = " | "

Cells = dict[str, str]


def write_composition_csv(composition: Composition) -> bytes:
    """Return the table of groups: taxa first, then what became none, then the totals (``row`` says which)."""
    same = {"sample": composition.name, "per": composition.per}
    rows = [same | _to_cells(line) for line in composition.lines]
    totals = (
        ("all", composition.every),
        ("all_without_flagged", composition.counted),
        ("identified", composition.identified),
        ("unidentified_total", composition.unidentified),
        ("flagged_total", composition.flagged),
    )
    rows += [same | {"row": row} | _to_estimate_cells(estimate) for row, estimate in totals]
    rows += [same | {"row": f"flag_{flag}", "particles": str(count)} for flag, count in composition.by_flag]
    return _write(COLUMNS, rows)


def write_sizes_csv(composition: Composition) -> bytes:
    """Return the table of size classes, the empty ones too."""
    same = {"sample": composition.name, "per": composition.per, "measure": composition.rules.size_measure}
    rows = [
        same
        | {"least_um": _to_text(size.least_um), "below_um": _to_text(size.below_um)}
        | _to_estimate_cells(size.estimate)
        for size in composition.sizes
    ]
    if composition.unsized:
        rows.append(same | {"particles": str(composition.unsized)})
    return _write(SIZE_COLUMNS, rows)


def write_composition_json(composition: Composition) -> bytes:
    """Return canonical JSON (RFC 8785): the numbers, the volume they were divided by, and the rules they were made with."""
    return to_canonical(to_plain(composition))


def to_plain(composition: Composition) -> dict[str, Any]:
    """Return a composition as JSON values; what is not known is left out."""
    return {
        "schema_name": "sample-composition/1",
        "sample": composition.name,
        "runs": list(composition.runs),
        "per": composition.per,
        "demonstration": composition.demonstration,
        "volume": _to_plain_volume(composition.volume),
        "confidence": CONFIDENCE,
        "interval": "exact Poisson interval of the count (Garwood 1936)",
        "rules": composition.rules.to_plain(),
        "totals": {
            "all": composition.every.to_plain(),
            "all_without_flagged": composition.counted.to_plain(),
            "identified": composition.identified.to_plain(),
            "unidentified": composition.unidentified.to_plain(),
            "flagged": composition.flagged.to_plain(),
            "by_flag": dict(composition.by_flag),
            "biovolume": composition.biovolume.to_plain(),
        },
        "groups": [_to_plain_line(line) for line in composition.lines],
        "sizes": [
            {
                name: value
                for name, value in (("least_um", size.least_um), ("below_um", size.below_um))
                if value is not None
            }
            | {"estimate": size.estimate.to_plain()}
            for size in composition.sizes
        ],
        "unsized": composition.unsized,
    }


def _to_plain_volume(volume: Volume | UnknownVolume) -> dict[str, Any]:
    if isinstance(volume, UnknownVolume):
        return {"known": False, "whys": list(volume.whys), "sentences": list(volume.sentences)}
    plain: dict[str, Any] = {
        "known": True,
        "basis": volume.basis,
        "analysed_ml": float(volume.analysed_ml),
        "sample_ml": float(volume.sample_ml),
        "dilution": float(volume.dilution),
        "dilution_stated": volume.stated,
    }
    return plain if volume.sea_ml is None else plain | {"sea_ml": float(volume.sea_ml)}


def _to_plain_line(line: Line) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "kind": line.group.kind,
        "name": line.group.name or UNIDENTIFIED,
        "estimate": line.estimate.to_plain(),
        "flagged": line.flagged,
        "with_flagged": line.with_flagged.to_plain(),
        "by_status": dict(line.by_status),
        "labels": dict(line.labels),
        "biovolume": line.biovolume.to_plain(),
        "sizes": {str(number): count for number, count in line.sizes},
    }
    taxon = line.group.taxon
    if taxon is not None:
        plain["taxon"] = {
            "aphia_id": taxon.aphia_id,
            "scientific_name": taxon.scientific_name,
            "rank": taxon.rank,
            "kingdom": taxon.kingdom,
        }
    return plain


def _to_cells(line: Line) -> Cells:
    taxon, room, with_flagged = line.group.taxon, line.biovolume, line.with_flagged
    return {
        "row": line.group.kind,
        "name": line.group.name or UNIDENTIFIED,
        "aphia_id": "" if taxon is None else str(taxon.aphia_id),
        "rank": "" if taxon is None else taxon.rank,
        "labels": _LIST_MARK.join(label for label, _ in line.labels),
        **_to_estimate_cells(line.estimate),
        "flagged": str(line.flagged),
        "particles_with_flagged": str(with_flagged.particles),
        "per_l_with_flagged": _to_text(with_flagged.per_l),
        "per_l_with_flagged_low": _to_text(with_flagged.per_l_low),
        "per_l_with_flagged_high": _to_text(with_flagged.per_l_high),
        **{status: str(count) for status, count in line.by_status},
        "biovolume_mm3": _to_text(room.mm3),
        "biovolume_mm3_per_l": _to_text(room.mm3_per_l),
        "biovolume_mm3_per_l_error": _to_text(room.mm3_per_l_error),
        "unmeasured": str(room.unmeasured),
    }


def _to_estimate_cells(estimate: Estimate) -> Cells:
    return {
        "particles": str(estimate.particles),
        "particles_low": _to_text(estimate.low),
        "particles_high": _to_text(estimate.high),
        "per_l": _to_text(estimate.per_l),
        "per_l_low": _to_text(estimate.per_l_low),
        "per_l_high": _to_text(estimate.per_l_high),
    }


def _to_text(value: float | None) -> str:
    """Return the shortest text of a number, without a needless ``.0``; nothing for what is not known."""
    return "" if value is None else repr(value).removesuffix(".0")


def _write(columns: tuple[str, ...], rows: list[Cells]) -> bytes:
    out = io.StringIO()
    table = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue().encode()
