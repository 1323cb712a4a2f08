"""Rows of the runs over a sample: events that say what was done, by which instrument and over how much; taxa stand above."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sinks.composition.volumes import UnknownVolume
from sinks.darwin_core.identification import DEMONSTRATION, to_count
from sinks.darwin_core.rows import Row, to_cell, to_date_cells, to_place_cells
from sinks.darwin_core.samples.cells import measure_plainly, name_instrument, to_plain_number
from sinks.darwin_core.samples.published import make_run_id
from sinks.darwin_core.terms import RUN_EVENT

if TYPE_CHECKING:
    from sinks.darwin_core.samples.published import PublishedRun, PublishedSample, SampleScene

_MODES = {
    "auto_image": "pictures at a fixed rate, so counts are of the volume in view",
    "trigger": "particles triggered the pictures, so counts are of the volume pumped",
}


def make_run_row(scene: SampleScene, item: PublishedSample, run: PublishedRun) -> Row:
    """Return the row of a run's event; time, position and depth are those of its water."""
    name, _ = scene.instruments[run.instrument]
    mode = f", {_MODES[run.volumes.mode]}" if run.volumes.mode else ""
    size: Row = {}
    remarks = [DEMONSTRATION] if item.is_demonstration else []
    remarks.append(to_count(run.particles, "particle"))
    if isinstance(run.volume, UnknownVolume):
        remarks.append(f"the volume imaged is not known ({', '.join(run.volume.whys)})")
    else:
        size = {"sampleSizeValue": to_plain_number(run.volume.sample_ml), "sampleSizeUnit": "millilitre"}
    if run.volumes.cut_short:
        remarks.append("the list of particles breaks off")
    return {
        "eventID": make_run_id(scene.event_id, run),
        "parentEventID": scene.event_id,
        "eventType": RUN_EVENT,
        **to_date_cells(scene.start_at, scene.end_at),
        **to_place_cells(scene.place),
        "samplingProtocol": to_cell(f"Run {run.run} of an imaging instrument over a part of the sample ({name}{mode})"),
        **size,
        "eventRemarks": "; ".join(remarks),
    }


def make_run_measurements(scene: SampleScene, run: PublishedRun) -> list[Row]:
    """Return instrument, volumes, dilution and particles of a run; an instrument's 0 ml means that it did not count."""
    event_id = make_run_id(scene.event_id, run)
    rows = [
        name_instrument(event_id, "NMANINST", *scene.instruments[run.instrument]),
        measure_plainly(event_id, "", "particles", str(run.particles)),
    ]
    for what, volume_ml in (("volume_imaged", run.volumes.imaged_ml), ("volume_processed", run.volumes.processed_ml)):
        if volume_ml:
            rows.append(measure_plainly(event_id, "", what, to_plain_number(volume_ml)))
    if not isinstance(run.volume, UnknownVolume):
        analysed = measure_plainly(event_id, "", "volume_analysed", to_plain_number(run.volume.analysed_ml))
        rows.append(analysed | {"measurementMethod": _describe_volume(run)})
        method = "" if run.volume.stated else "No dilution is stated, so none is assumed"
        dilution = measure_plainly(event_id, "", "dilution", to_plain_number(run.volume.dilution))
        rows.append(dilution | {"measurementMethod": method})
    return rows


def _describe_volume(run: PublishedRun) -> str:
    """Return where the volume that counts are of was read, where that is not the run as a whole."""
    if not (run.volumes.imaged_ml or run.volumes.processed_ml):
        return "As written down in the sample sheet; the run's own files do not say it"
    return "The part of the volume imaged until the list of particles breaks off" if run.volumes.cut_short else ""
