"""Samples, their label map and their data set, for tests of the publisher."""

from __future__ import annotations

import datetime as dt
from typing import Any

from schemas.geometry import At
from schemas.result import ModelRef, Observer
from schemas.sample import Sample, SampleRun
from sinks.composition.composition import compose
from sinks.composition.particles import Filtered, Opinion, Particle, Predicted, Source, Validated
from sinks.composition.tally import Rules, tally_particles
from sinks.composition.volumes import RunVolumes, UnknownVolume, Volume, find_volume
from sinks.darwin_core.labels import LabelMap, read_label_map
from sinks.darwin_core.plan import Camera, DatasetPlan
from sinks.darwin_core.samples.published import PublishedRun, PublishedSample
from tests.sinks.darwin_core.builders import make_plan

MODEL = Predicted("exampleclass 1.0")
SOFTWARE = Filtered("VisualSpreadsheet 4.19.3 (filter)")
PERSON, OTHER = Validated("A. Person", dt.date(2024, 6, 1)), Validated("B. Person", dt.date(2024, 6, 9))
STORED = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)
GEAR = "http://vocab.nerc.ac.uk/collection/L22/current/NETT0003/"
FLOWCAM = "http://vocab.nerc.ac.uk/collection/L22/current/TOOL1583/"

_HEAD = """
name = "test-phytoplankton"
version = "1"
description = "Labels of the tests."
kingdom_source = "Microalgae: Chromista in WoRMS."
"""

_TAXA = {
    "Bellerochea": ("Bellerochea", 149305, "genus", "taxon"),
    "Noctiluca_scintillans": ("Noctiluca scintillans", 109921, "species", "taxon"),
    "Rhizosolenia": ("Rhizosolenia", 149069, "genus", "taxon"),
    "Rhizosolenia_setigera+R._hebetata": ("Rhizosolenia", 149069, "genus", "composite"),
}


def make_labels() -> LabelMap:
    rows = [
        f'[[label]]\nlabel = "{label}"\nstate = "{state}"\nscientific_name = "{name}"\naphia_id = {aphia_id}\n'
        f'rank = "{rank}"\nkingdom = "Chromista"\nsource = "a list"\n'
        for label, (name, aphia_id, rank, state) in _TAXA.items()
    ]
    others = {"Detritus": "not_a_taxon", "Bubbles": "not_a_taxon", "Faecal_pellet": "trace", "Protist": "composite"}
    rows += [f'[[label]]\nlabel = "{label}"\nstate = "{state}"\nsource = "a list"\n' for label, state in others.items()]
    return read_label_map(_HEAD + "\n".join(rows))


def make_observer(*, demonstration: bool = False, version: str = "1.0") -> Observer:
    model = ModelRef(
        role="classes",
        name="exampleclass",
        version=version,
        sha256="ab" * 32,
        task="classify",
        precision="f32",
        input_px=(100, 100),
        provenance="demonstration" if demonstration else "user",
    )
    return Observer(name="flowcam", version="1.0.0", reader="run/1", models=(model,))


def make_sample(**changes: Any) -> Sample:
    fields: dict[str, Any] = {
        "sample_id": "s01",
        "visit": "st330",
        "taken": {"kind": "instant", "at": "2024-05-14T09:12:00Z"},
        "where": At(lat_deg=51.43, lon_deg=2.81, source="sample_sheet", depth_min_m=0, depth_max_m=3, uncertainty_m=50),
        "water": "concentrated",
        "quantities": {"volume_filtered_l": 50, "volume_concentrate_ml": 100, "mesh_um": 55},
        "gear": "Apstein net",
        "gear_uri": GEAR,
        "runs": (SampleRun(run="run-1"),),
    }
    return Sample.model_validate({**fields, **changes})


def make_particles(counts: dict[tuple[str | None, Source], int], **changes: Any) -> list[Particle]:
    opinions = [
        None if label is None else Opinion(label, source, 0.9 if isinstance(source, Predicted) else None)
        for (label, source), count in counts.items()
        for _ in range(count)
    ]
    fields: dict[str, Any] = {"measures": {"abd_um": 20.0, "esd_um": 25.0}}
    return [Particle(index, opinion, **{**fields, **changes}) for index, opinion in enumerate(opinions, 1)]


def make_item(
    counts: dict[tuple[str | None, Source], int],
    *,
    sample: Sample | None,
    run: RunVolumes | None = None,
    demonstration: bool = False,
    measures: dict[str, float] | None = None,
    **changes: Any,
) -> PublishedSample:
    """Return a sample of one run over 2 ml, of which each half stands for a litre of sea where it was concentrated."""
    said = run or RunVolumes("auto_image", 2.0)
    volume: Volume | UnknownVolume = find_volume(said, sample)
    sizes = {} if measures is None else {"measures": measures}
    tally = tally_particles(make_particles(counts, **sizes), Rules(make_labels().to_meanings()))
    name = "run-1" if sample is None else sample.sample_id
    composition = compose(name, tally, volume, runs=("run-1",), demonstration=demonstration)
    models = (make_observer(demonstration=demonstration),) if any(source == MODEL for _, source in counts) else ()
    runs = (PublishedRun("flowcam-1", "run-1", "flowcam-1", said, volume, tally.particles),)
    fields: dict[str, Any] = {"observers": models, "stored_at": STORED}
    return PublishedSample(composition, sample, runs, **{**fields, **changes})


def make_cruise() -> list[PublishedSample]:
    """Return a net sample and a bottle of one visit, one of an unknown preparation, and one whose volume is not known."""
    net = {
        ("Bellerochea", MODEL): 41,
        ("Noctiluca_scintillans", PERSON): 7,
        ("Noctiluca_scintillans", OTHER): 2,
        ("Rhizosolenia", MODEL): 9,
        ("Rhizosolenia_setigera+R._hebetata", MODEL): 3,
        ("Rhizosolenia", PERSON): 5,
        ("Detritus", MODEL): 60,
        ("Bubbles", MODEL): 4,
        ("Faecal_pellet", MODEL): 2,
        ("Protist", MODEL): 8,
        ("Odd", MODEL): 1,
        (None, MODEL): 30,
    }
    bottle = {("Bellerochea", SOFTWARE): 3, ("Detritus", SOFTWARE): 1}
    elsewhere = At(lat_deg=51.5, lon_deg=2.9, source="sample_sheet", depth_min_m=4)
    tow = {"kind": "span", "start_at": "2024-05-14T10:00:00Z", "end_at": "2024-05-14T10:20:00Z"}
    whole = {"water": "whole", "quantities": {}, "gear": "Niskin bottle", "gear_uri": None}
    plain = {"water": None, "quantities": {}, "gear": None, "gear_uri": None, "visit": None}
    return [
        make_item(net, sample=make_sample()),
        make_item(bottle, sample=make_sample(sample_id="s02", taken=tow, where=elsewhere, **whole)),
        make_item({("Rhizosolenia", PERSON): 2}, sample=make_sample(sample_id="s03", **plain)),
        make_item({("Bellerochea", MODEL): 6}, sample=make_sample(sample_id="s04", visit="st33"), run=RunVolumes()),
        make_item({}, sample=make_sample(sample_id="s05", visit="st33-b")),
    ]


def make_cruise_plan(**changes: Any) -> DatasetPlan:
    fields: dict[str, Any] = {
        "title": "Phytoplankton of the example cruise",
        "abstract": ("Water samples imaged by a FlowCam.",),
        "sampling_description": "Net and bottle samples are imaged in the laboratory.",
        "cameras": (Camera(instrument="flowcam-1", name="FlowCam VS", uri=FLOWCAM),),
        "keywords": (),
        "country_code": "BE",
        "media_url": None,
    }
    return make_plan(**{**fields, **changes})
