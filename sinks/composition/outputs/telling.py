"""A run's composition in words: what a person wants to know first, what is not known, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.sampling.run import RunRecord

#: Columns of :attr:`Told.rows`.
COLUMNS = ("class", "particles", "per litre", "95 % interval", "flagged")

#: Layouts of runs that say of no particle where it was in the field of view.
_WITHOUT_FIELD = frozenset({"pictures", "ecotaxa"})

#: Millilitres of a litre.
_ML = 1_000

#: Above this, numbers are told without decimals.
_WHOLE = 1_000

_KINDS = {
    "without_id": "taxon without an id",
    "unmapped": "",
    "trace": "a trace",
    "not_a_taxon": "no taxon",
}

#: Codes of a run's record -> sentence; others are told as they are.
_NOTES = {
    "no_context": "The instrument's settings (.ctx) are not there, so the volume is that of its summary, if it has one.",
    "no_summary": "The instrument's summary is not there, so nothing of its own can be held against these numbers.",
    "count_differs": "The list holds another number of particles than the instrument's summary: somebody filtered or cut it. All "
    "told here is of the particles in the list.",
    "list_cut_short": "The list of particles breaks off before the end of the run.",
    "calibrations_differ": "The settings and the list give different sizes of a pixel; the list's was used, as for its measures.",
    "manual_volume": "The volume imaged was typed in by a person at the instrument.",
    "volumes_differ": "The volume that follows from the settings is not the printed one; the printed one was used.",
    "zip_inside": "A zip lies among the pictures. What is in it was not read: send it by itself, or unpack it.",
    "no_calibration": "The size of a pixel is not known, so nothing has a size in micrometres from its picture.",
    "pixel_unit_unclear": "The export gives the size of a pixel without a unit that can be trusted; it was left out.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one run.

    Attributes
    ----------
    facts
        Names and values, in the order they are read.
    rows
        One a class, by :data:`COLUMNS`; the most frequent first. The interval is per litre, or of the count where no volume is
        known; ``flagged`` are particles of the class that are not counted in it.
    notes
        Sentences: what is not known and why, and what to be careful with.
    """

    name: str
    facts: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON object."""
        classes = [dict(zip(COLUMNS, row, strict=True)) for row in self.rows]
        return {"name": self.name, "facts": dict(self.facts), "classes": classes, "notes": list(self.notes)}


def tell_run(composition: Mapping[str, Any], record: RunRecord | None = None) -> Told:
    """Return what is told of a run, or of a sample of several.

    Parameters
    ----------
    composition
        The JSON object of :func:`sinks.composition.outputs.composition_table.write_composition_json`.
    record
        Of the run; a sample has none.
    """
    return Told(
        name=str(composition["sample"]),
        facts=tuple(_list_facts(composition, record)),
        rows=tuple(_to_row(group) for group in composition["groups"]),
        notes=tuple(_list_notes(composition, record)),
    )


def _list_facts(composition: Mapping[str, Any], record: RunRecord | None) -> Iterator[tuple[str, str]]:
    totals, volume = composition["totals"], composition["volume"]
    every, counted = totals["all"], totals["all_without_flagged"]
    yield "particles", f"{every['particles']:,}"
    if volume["known"]:
        is_triggered = record is not None and record.mode == "trigger"
        yield f"volume {'processed' if is_triggered else 'imaged'}", f"{volume['analysed_ml']:.4g} ml"
        if volume["dilution"] != 1:
            yield "dilution", f"{volume['dilution']:g}, taken into account"
        if volume["basis"] == "sea":
            yield "stands for", f"{volume['sea_ml'] / _ML:.4g} litres of sea"
    else:
        yield "volume imaged", "not known"
    yield "concentration", _to_concentration(every) or "not known"
    flags = ", ".join(f"{count:,} {flag}" for flag, count in totals["by_flag"].items() if count)
    if flags:
        yield "without flagged", f"{_to_concentration(counted) or format(counted['particles'], ',')} ({flags})"
    elif record is not None and record.layout in _WITHOUT_FIELD:
        yield "flagged", "none; stuck particles cannot be told, since nothing says where they were seen"
    else:
        yield "flagged", "none: no stuck or repeated particle, bubble or bead was found"
    if record is not None and record.declared.particles_per_ml is not None:
        yield "the instrument's own", f"{_to_text(record.declared.particles_per_ml)} per ml"
    biovolume = totals["biovolume"].get("mm3_per_l")
    if biovolume is not None:
        error = totals["biovolume"]["mm3_per_l_error"]
        yield (
            "biovolume",
            f"{biovolume:.3g} ± {error:.2g} mm³ per litre ({composition['rules']['biovolume']['formula']})",
        )


def _to_concentration(estimate: Mapping[str, Any]) -> str:
    if "per_l" not in estimate:
        return ""
    value, low, high = (_to_text(estimate[name] / _ML) for name in ("per_l", "per_l_low", "per_l_high"))
    return f"{value} per ml (95 %: {low} to {high})"


def _to_row(group: Mapping[str, Any]) -> tuple[str, ...]:
    estimate = group["estimate"]
    kind = _KINDS.get(group["kind"], "")
    has_volume = "per_l" in estimate
    of = "per_l_" if has_volume else ""
    return (
        f"{group['name']} ({kind})" if kind else str(group["name"]),
        f"{estimate['particles']:,}",
        _to_text(estimate["per_l"]) if has_volume else "not known",
        f"{_to_text(estimate[f'{of}low'])} to {_to_text(estimate[f'{of}high'])}{'' if has_volume else ' counted'}",
        f"{group['flagged']:,}",
    )


def _list_notes(composition: Mapping[str, Any], record: RunRecord | None) -> Iterator[str]:
    volume = composition["volume"]
    if not volume["known"]:
        yield from (f"Concentration is not known. {sentence}" for sentence in volume["sentences"])
    elif volume["basis"] != "sea":
        yield "Per litre of analysed sample, not of sea: a sample sheet would say how the sample was made of the sea."
    if composition["unsized"]:
        of = composition["totals"]["all_without_flagged"]["particles"]
        yield f"{composition['unsized']:,} of {of:,} particles have no diameter, so they are in no size class."
    if composition["demonstration"]:
        yield "A demonstration model named the particles: its names are not fit for scientific use, the counts are."
    if record is not None:
        yield from _list_record_notes(record)


def _list_record_notes(record: RunRecord) -> Iterator[str]:
    if record.started_at is None and record.started_local is None:
        yield "When the instrument ran is not known: its files do not say it."
    elif record.started_at is None:
        yield f"The instrument's clock said {record.started_local}; its time zone is not known, so the run is undated."
    yield from (_NOTES.get(code, f"Found odd and passed over: {code.replace('_', ' ')}.") for code in record.notes)


def _to_text(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE else f"{value:.4g}"
