"""What is known of a FlowCam run: its context, its summaries and the first row of its list, put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.sampling.run import LIST_CUT_SHORT
from streams.feeds.runs.facts import Declared, RunFacts, Volume
from streams.feeds.runs.text import Numbers
from streams.feeds.runs.visualspreadsheet.papers.context import Context, read_context
from streams.feeds.runs.visualspreadsheet.papers.summary import Summary, read_summary
from streams.feeds.runs.visualspreadsheet.papers.volume import Geometry

if TYPE_CHECKING:
    from schemas.sampling.run import Mode
    from streams.feeds.runs.base import Files
    from streams.feeds.runs.visualspreadsheet.inventory import Inventory
    from streams.feeds.runs.visualspreadsheet.particle_list import ListScan

#: Largest share by which a computed volume may differ from the printed one, which has three or four digits.
_PRINTED = 0.005

#: VisualSpreadsheet runs on no other instrument.
_INSTRUMENT = "FlowCam"

_MS_PER_S = 1_000.0


@dataclass(slots=True)
class _Papers:
    """What the run's text files say, and what in them was odd."""

    context: Context
    summary: Summary
    report: Summary
    notes: set[str] = field(default_factory=set)


def read_facts(files: Files, inventory: Inventory, scan: ListScan, *, layout: str, line_bytes: int) -> RunFacts:
    """Return what is known of the run; a file that is not there says nothing.

    Raises
    ------
    RejectedInput
        ``line_too_long``.
    TransientFault
        If a file cannot be read for now.
    """
    papers = _read_papers(files, inventory, scan, line_bytes)
    context, declared = papers.context, _join(papers.summary.declared, papers.report.declared)
    mode = context.mode or papers.report.mode
    frames = _to_int(context.read_positive("capturestats", "rawimagetotal"))
    run_ms = context.read_positive("capturestats", "runtimemilliseconds")
    duration_s = run_ms / _MS_PER_S if run_ms else None
    rate_hz = frames / duration_s if frames and duration_s else None
    pixel_um = _find_pixel(papers, scan)
    if declared.particles is not None and declared.particles != scan.rows:
        papers.notes.add("count_differs")
        if scan.reach is not None and scan.reach < declared.particles:
            papers.notes.add(LIST_CUT_SHORT)
    return RunFacts(
        layout=layout,
        instrument=_INSTRUMENT,
        software=context.software,
        mode=mode,
        magnification=context.read_positive("software", "cameramagnification"),
        pixel_um=pixel_um,
        flow_cell=context.flow_cell,
        flow_cell_depth_um=context.read_positive("fluid", "flowcelldepth"),
        flow_cell_width_um=context.read_positive("fluid", "flowcellwidth"),
        flow_rate_ml_min=context.read_positive("fluid", "pumpflowrate"),
        started_at=context.read_moment("runstarttime"),
        ended_at=context.read_moment("runendtime"),
        started_local=papers.summary.started_local or papers.report.started_local,
        frames=frames,
        frame_rate_hz=rate_hz,
        duration_s=duration_s,
        dilution=context.dilution,
        volume=_find_volume(papers, declared, mode, pixel_um),
        declared=declared,
        notes=tuple(sorted(papers.notes | set(inventory.notes))),
    )


def _read_papers(files: Files, inventory: Inventory, scan: ListScan, line_bytes: int) -> _Papers:
    kinds = inventory.kinds
    context, summary = Context({}, Numbers()), Summary({}, scan.numbers)
    papers = _Papers(context, summary, summary)
    if "context" in kinds:
        papers.context = read_context(files, kinds["context"], line_bytes)
    else:
        papers.notes.add("no_context")
    if "summary" in kinds:
        papers.summary = read_summary(files, kinds["summary"], line_bytes=line_bytes, numbers=scan.numbers)
    if "report" in kinds:
        papers.report = read_summary(files, kinds["report"], line_bytes=line_bytes, numbers=scan.numbers)
    if not {"summary", "report"} & kinds.keys():
        papers.notes.add("no_summary")
    return papers


def _join(first: Declared, second: Declared) -> Declared:
    """Return what the summary says, and what only the report does."""
    names = Declared.__slots__
    pairs = {name: getattr(first, name) for name in names}
    return Declared(**{name: getattr(second, name) if value is None else value for name, value in pairs.items()})


def _to_int(number: float | None) -> int | None:
    return None if number is None else int(number)


def _find_pixel(papers: _Papers, scan: ListScan) -> float | None:
    """Return the calibration; that of the list is what its measures were made with."""
    told = papers.context.read_positive("fluid", "calibrationconstant")
    place = None if scan.header is None else scan.header.places.get("cal_const")
    listed = scan.numbers.to_float(scan.first[place]) if place is not None and scan.first else None
    if listed is None or listed <= 0:
        return told
    if told is not None and told != listed:
        papers.notes.add("calibrations_differ")
    return listed


def _find_volume(papers: _Papers, declared: Declared, mode: Mode | None, pixel_um: float | None) -> Volume:
    context = papers.context
    aspirated = context.read_positive("capturestats", "samplevolumeaspirated")
    lost = context.read_number("capturestats", "calibrationfluidvolumenonsample") or 0.0
    processed = declared.processed_ml or (aspirated - lost if aspirated is not None and aspirated > lost else None)
    printed = declared.imaged_ml or context.read_positive("fluid", "fluidvolumeimaged_ml")
    geometry = None
    if context.read_switch("fluid", "usemanualvolume"):
        papers.notes.add("manual_volume")
    elif mode == "auto_image":
        geometry = _find_geometry(context, pixel_um)
    factor = context.read_positive("capturestats", "volumecf")
    if geometry is not None:
        computed = geometry.compute_volume_ml()
        if printed is None or abs(computed - printed) <= _PRINTED * printed:
            applied = geometry.find_factor() if geometry.has_factor else factor
            return Volume(computed, processed, "geometry", applied)
        papers.notes.add("volumes_differ")
    if printed is None:
        return Volume(processed_ml=processed)
    return Volume(_sharpen(printed, declared), processed, "declared", factor)


def _sharpen(printed_ml: float, declared: Declared) -> float:
    """Return the printed volume with the digits that the printed concentration adds to it, where the two agree."""
    if declared.particles and declared.particles_per_ml:
        volume_ml = declared.particles / declared.particles_per_ml
        if abs(volume_ml - printed_ml) <= _PRINTED * printed_ml:
            return volume_ml
    return printed_ml


def _find_geometry(context: Context, pixel_um: float | None) -> Geometry | None:
    frames = _to_int(context.read_positive("capturestats", "rawimagetotal"))
    depth_um = context.read_positive("fluid", "flowcelldepth")
    region_px = context.region_px
    if not (frames and depth_um and region_px and pixel_um):
        return None
    run_ms = context.read_positive("capturestats", "runtimemilliseconds")
    return Geometry(
        frames=frames,
        region_px=region_px,
        pixel_um=pixel_um,
        depth_um=depth_um,
        width_um=context.read_positive("fluid", "flowcellwidth"),
        flow_rate_ml_min=context.read_positive("fluid", "pumpflowrate"),
        frame_rate_hz=frames * _MS_PER_S / run_ms if run_ms else None,
        factor=context.read_positive("capturestats", "volumecf"),
        has_factor=bool(context.read_switch("capturestats", "includesvolumecf")),
    )
