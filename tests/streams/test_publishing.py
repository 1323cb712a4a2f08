"""Publishing what the store holds: results of runs are found by their counts, joined with the sample sheet, or refused."""

from __future__ import annotations

import datetime as dt
import os

import pytest

from schemas.canonical import to_sha256
from schemas.errors import FatalFault
from schemas.finding import Finding, Image, LookedImage, number_findings
from schemas.geometry import Nowhere, Whole, WholePart
from schemas.result import Complete, Effort, InlineContent, Observed, make_result, to_result_folder
from schemas.unit import Claim, Part, Undated, Unit, WorkOrder, make_stamp, to_unit_key
from sinks.composition.particles import Predicted, list_particles
from sinks.composition.run_counts import COUNTS, RunCounts, without_meanings, write_run_counts
from sinks.composition.tally import Rules, tally_particles
from sinks.composition.volumes import RunVolumes
from sinks.object_store.local import LocalStore
from sinks.results import ResultSink
from streams.publishing import publish_deployment
from streams.settings.read import read_settings
from tests.sinks.darwin_core.builders import read_rows
from tests.sinks.darwin_core.samples.builders import make_observer
from tests.support.deployments import Site, ask

ARRIVED = dt.datetime(2024, 6, 20, tzinfo=dt.UTC)

JSON = "application/json"

PLAN = """
title = "Phytoplankton of the example cruise"
dataset_id = "exobs"
institution_code = "EMI"
licence = "CC-BY"
abstract = ["Water samples imaged by a FlowCam."]
geographic_description = "A coast."
sampling_description = "Net samples are imaged in the laboratory."
[[creators]]
organisation = "Example Marine Institute"
email = "data@example.org"
[[contacts]]
organisation = "Example Marine Institute"
email = "data@example.org"
"""

LABELS = """
name = "test-phytoplankton"
version = "1"
description = "Labels of the tests."
kingdom_source = "Microalgae: Chromista in WoRMS."
[[label]]
label = "Bellerochea"
state = "taxon"
scientific_name = "Bellerochea"
aphia_id = 149305
rank = "genus"
kingdom = "Chromista"
source = "a list"
"""

SHEET = """sample_id,run,visit,taken_at,lat_deg,lon_deg,depth_min_m,water,volume_filtered_l,volume_concentrate_ml
s01,run-a,st330,2024-05-14T09:12:00Z,51.43,2.81,3,concentrated,50,100
s01,run-b,,,,,,,,
s02,run-z,st330,,,,,,,
"""


def store_run(store, group, particles, *, volumes=None, counted=True, demonstration=False):
    """Store the result of a run as whoever processes it does: counts first, then announcement and document."""
    observer = make_observer(demonstration=demonstration)
    stamp = make_stamp(
        installation="flowcam",
        feed="flowcam-1",
        kind="run",
        captured=Undated(why="no_clock"),
        content=to_sha256(group.encode()),
    )
    part = Part(
        role="list", name=f"{group}.lst", media_type="text/csv", size_bytes=9, sha256="ab" * 32, at="originals/ab"
    )
    unit = Unit(
        stamp=stamp,
        captured_from="nothing",
        group=group,
        layout="visualspreadsheet",
        parts=(part,),
        where=Nowhere(why="not_declared"),
        instrument="flowcam-1",
    )
    image = {"kind": "roi", "width_px": 20, "height_px": 20, "place": WholePart(part="roi"), "offset_s": 0.0}
    found = Finding(
        n=0,
        label="Bellerochea",
        score=0.9,
        geometry=Whole(),
        by="classes",
        measures={"abd_um": 20.0, "esd_um": 25.0},
    )
    entries = tuple(
        LookedImage(image=Image(index=number, **image), findings=number_findings([found]))
        for number in range(particles)
    )
    content = InlineContent(images=entries)
    result = make_result(
        stamp, observer, Observed(coverage=Complete(), effort=Effort(images_looked=particles), content=content)
    )
    folder = to_result_folder(stamp, observer.to_digest())
    store.write(to_unit_key(stamp), Claim(unit=unit, source="/flowcam", event=group).to_canonical(), media_type=JSON)
    if counted:
        tally = tally_particles(list_particles(entries, Predicted("exampleclass 1.0")), without_meanings(Rules({})))
        said = volumes or RunVolumes("auto_image", 2.0)
        counts = RunCounts("flowcam-1", group, "flowcam-1", stamp.unit_id, said, tally, observer)
        store.write(f"{folder}/{COUNTS}", write_run_counts(counts), media_type=JSON)
    order = WorkOrder(unit=unit, source="/flowcam", event=group, arrived_at=ARRIVED)
    sink = ResultSink(store, draw=lambda *_: b"", make_tables=lambda _: None)
    writing = sink.begin(stamp, observer)
    for entry in entries:
        writing.add(entry)
    writing.store(result, order, started_at=ARRIVED, attempt=1)


@pytest.fixture
def site(tmp_path):
    """Return a deployment that has a data set, and the store it publishes from."""
    place = Site(tmp_path, changes='[dataset]\nplan = "plan.toml"\nlabel_map_file = "labels.toml"\n')
    for name, text in (("plan.toml", PLAN), ("labels.toml", LABELS), ("samples.csv", SHEET)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    store = LocalStore(tmp_path / "data" / "store")
    store.check(create=True)
    return place, store


def publish(site, **changes):
    place, _ = site
    deployment = read_settings(place.settings, environment={}).deployment
    fields = {"to": place.folder / "a.zip", "samples": place.folder / "samples.csv", **changes}
    return publish_deployment(deployment, **fields)


def test_stored_runs_become_the_samples_of_the_sheet(site):
    place, store = site
    store_run(store, "run-a", 3)
    store_run(store, "run-b", 5)
    report = publish(site)
    assert (report.samples, report.runs, report.visits, report.occurrences, report.left_out) == (1, 2, 1, 1, {})
    (row,) = read_rows(place.folder / "a.zip", "occurrence.txt")
    assert (row["occurrenceID"], row["organismQuantity"]) == ("exobs:st330:sample_s01:149305:P", "8")
    (abundance,) = [
        row["measurementValue"]
        for row in read_rows(place.folder / "a.zip", "extendedmeasurementorfact.txt")
        if row["measurementTypeID"].endswith("/SDBIOL01/")
    ]
    assert float(abundance) == 8 / (4 / 100) / 50
    assert "The sample sheet has runs without a stored result: run-z." in report.notes


def test_without_a_sample_sheet_runs_are_not_published_and_the_command_says_what_to_give(site):
    place, store = site
    store_run(store, "run-a", 3)
    with pytest.raises(FatalFault, match="run-a: a row of the sample sheet") as caught:
        publish(site, samples=None)
    assert caught.value.sentence.endswith("Name the sample sheet with --samples.")
    assert not (place.folder / "a.zip").exists()


def test_a_run_that_the_sheet_does_not_have_is_named(site):
    _, store = site
    store_run(store, "run-a", 3)
    store_run(store, "another", 5)
    with pytest.raises(FatalFault, match="another: a row of the sample sheet with this name under run") as caught:
        publish(site)
    assert "--samples" not in caught.value.sentence


def test_a_result_of_a_run_without_counts_is_reported_and_not_guessed(site):
    _, store = site
    store_run(store, "run-a", 3)
    store_run(store, "run-b", 5, counted=False)
    report = publish(site)
    assert (report.runs, report.left_out) == (1, {"kind_not_published": 1})


def test_only_the_runs_of_the_named_feeds_are_published(site):
    _, store = site
    store_run(store, "run-a", 3)
    with pytest.raises(FatalFault, match="No unit can be published"):
        publish(site, feeds=("camera-1",))
    assert publish(site, feeds=("flowcam-1",)).runs == 1


def test_runs_of_a_demonstration_model_are_refused_until_that_is_allowed(site):
    _, store = site
    store_run(store, "run-a", 3, demonstration=True)
    with pytest.raises(FatalFault, match="demonstration model are not published"):
        publish(site)
    assert publish(site, allow_demonstration=True).demonstration


def test_the_command_takes_the_sheet(site):
    place, store = site
    store_run(store, "run-a", 3)
    settings, to = place.settings, place.folder / "a.zip"
    refused = ask("publish", "dwca", "--settings", settings, "--to", to)
    assert (refused["exit"], to.exists()) == (2, False)
    told = ask("publish", "dwca", "--settings", settings, "--to", to, "--samples", place.folder / "samples.csv")
    assert (told["exit"], told["samples"], told["runs"]) == (0, 1, 1), told
    assert os.fspath(place.folder) not in refused["error"]
