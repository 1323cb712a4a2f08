"""Particles, rules and volumes for tests of the composition; every argument has a plain default."""

from __future__ import annotations

import random
from typing import Any

from schemas.forms.taxa import Meaning, Taxon
from schemas.geometry import At
from schemas.sample import Sample, SampleRun
from sinks.composition.composition import Composition, compose
from sinks.composition.particles import Opinion, Particle, Predicted
from sinks.composition.tally import Rules, tally_particles
from sinks.composition.volumes import RunVolumes, find_volume

MODEL = Predicted("exampleclass 1.0")

CHAETOCEROS = Taxon(148985, "Chaetoceros", "genus", "Chromista")
NOCTILUCA = Taxon(109921, "Noctiluca scintillans", "species", "Chromista")
RHIZOSOLENIA = Taxon(149069, "Rhizosolenia", "genus", "Chromista")

MEANINGS = {
    "Chaetoceros": Meaning("taxon", CHAETOCEROS),
    "Chaetoceros_curvisetus+C._pseudocurvisetus": Meaning("composite", CHAETOCEROS),
    "Noctiluca_scintillans": Meaning("taxon", NOCTILUCA),
    "Rhizosolenia": Meaning("taxon", RHIZOSOLENIA),
    "Protist": Meaning("composite"),
    "Detritus": Meaning("not_a_taxon"),
    "Bubbles": Meaning("not_a_taxon"),
    "Faecal_pellet": Meaning("trace"),
}


def make_rules(**changes: Any) -> Rules:
    return Rules(**{"meanings": MEANINGS, **changes})


def make_particle(
    index: int = 1, label: str | None = "Chaetoceros", score: float | None = 0.9, **changes: Any
) -> Particle:
    opinion = None if label is None else Opinion(label, MODEL, score)
    fields: dict[str, Any] = {"measures": {"abd_um": 10.0, "esd_um": 12.0, "length_um": 20.0, "width_um": 8.0}}
    return Particle(index, opinion, **{**fields, **changes})


def make_run(counts: dict[str | None, int], **changes: Any) -> list[Particle]:
    """Return so many particles of each label, numbered from 1."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    return [make_particle(index, label, **changes) for index, label in enumerate(labels, start=1)]


def make_sample(**changes: Any) -> Sample:
    fields: dict[str, Any] = {
        "sample_id": "s01",
        "visit": "st330",
        "taken": {"kind": "instant", "at": "2024-05-14T09:12:00Z"},
        "where": At(lat_deg=51.43, lon_deg=2.81, source="sample_sheet", depth_min_m=0, depth_max_m=3),
        "water": "concentrated",
        "quantities": {"volume_filtered_l": 50, "volume_concentrate_ml": 100},
        "gear": "Apstein net",
        "runs": (SampleRun(run="run-1"),),
    }
    return Sample.model_validate({**fields, **changes})


def make_composition(
    counts: dict[str | None, int], *, imaged_ml: float | None = 2.0, sample: Sample | None = None, **changes: Any
) -> Composition:
    """Return the composition of one run over a volume, by a sample sheet or without one."""
    volume = find_volume(RunVolumes("auto_image", imaged_ml), sample)
    tally = tally_particles(make_run(counts), make_rules(**changes))
    return compose("s01", tally, volume, runs=("run-1",))


def draw_poisson(luck: random.Random, mean: float) -> int:
    """Return a Poisson count: arrivals in unit time whose gaps are exponential (exact, and slow for large means)."""
    count, passed = 0, luck.expovariate(1.0)
    while passed < mean:
        count += 1
        passed += luck.expovariate(1.0)
    return count
