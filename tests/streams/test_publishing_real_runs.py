"""Real FlowCam runs as a data set: what the instrument printed comes out again, per litre of the sea that a sheet says."""

from __future__ import annotations

import datetime as dt

import pytest

from schemas.result import Observer
from sinks.composition.particles import Filtered, Opinion, Particle
from sinks.composition.run_counts import RunCounts, read_run_counts, without_meanings, write_run_counts
from sinks.composition.tally import Rules, tally_particles
from sinks.composition.volumes import RunVolumes
from sinks.darwin_core.labels import read_label_map
from sinks.darwin_core.publish import publish_archive
from sinks.darwin_core.samples.joining import StoredRun, join_samples
from streams.feeds.sample_sheet.sheet import read_sample_sheet
from tests.sinks.darwin_core.builders import read_rows
from tests.sinks.darwin_core.samples.builders import make_cruise_plan
from tests.streams.feeds.runs.test_real_runs import DECLARED, NITRATE, SULFATE, TERASAKIELLA
from tests.support.runs import read, read_opinions

STORED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

#: The filters of these runs call things protist; which one, nobody says, so the tests pretend to know a taxon.
LABELS = """
name = "pretended"
version = "1"
description = "Labels of the tests."
kingdom_source = "Pretended."
[[label]]
label = "protist"
state = "composite"
scientific_name = "Chromista"
aphia_id = 7
rank = "kingdom"
kingdom = "Chromista"
source = "pretended"
"""

SHEET = f"""sample_id,run,taken_at,lat_deg,lon_deg,depth_min_m,water
sulfate,{SULFATE},2024-04-03T09:00:00Z,44.6,-63.5,1,whole
nitrate,{NITRATE},2024-04-03T09:00:00Z,44.6,-63.5,1,whole
terasakiella,{TERASAKIELLA},2025-04-04T09:00:00Z,44.6,-63.5,1,
"""


def open_run(folder):
    """Return a real run as whoever stores its result would, named by the instrument's filter."""
    facts, particles, _ = read(folder)
    said = {opinion.index: opinion for opinion in read_opinions(folder)}
    source = Filtered(facts.software or "VisualSpreadsheet")
    counted = [
        Particle(item.index, Opinion(said[item.index].label, source) if item.index in said else None, item.measures)
        for item, _, _ in particles.values()
    ]
    volumes = RunVolumes(facts.mode, facts.volume.imaged_ml, facts.volume.processed_ml, facts.dilution)
    observer = Observer(name="flowcam", version="1.0.0", reader="visualspreadsheet/1")
    tally = tally_particles(counted, without_meanings(Rules({})))
    document = write_run_counts(
        RunCounts("flowcam-1", folder.name, "flowcam-1", f"flowcam-1.{folder.name}", volumes, tally)
    )
    return StoredRun(
        feed="flowcam-1",
        run=folder.name,
        unit_id=f"flowcam-1.{folder.name}",
        result_id=f"flowcam-1.{folder.name}.{observer.to_digest()[:16]}",
        arrived_at=STORED,
        stored_at=STORED,
        observer=observer,
        open_counts=lambda: read_run_counts(document),
    )


@pytest.fixture(scope="module")
def archive(real_data, tmp_path_factory):
    runs = [open_run(real_data / "plankton/flowcam_runs" / name) for name in DECLARED]
    labels = read_label_map(LABELS)
    to = tmp_path_factory.mktemp("real") / "a.zip"
    samples = join_samples(runs, read_sample_sheet(SHEET.encode()).find, labels.to_meanings())
    return to, publish_archive((), make_cruise_plan(), labels=labels, to=to, samples=samples)


def test_three_real_runs_are_three_samples_that_pass_the_gate(archive):
    _, report = archive
    assert (report.samples, report.runs, report.left_out) == (3, 3, {}), report.to_text()


@pytest.mark.parametrize(("sample", "name"), [("sulfate", SULFATE), ("nitrate", NITRATE)])
def test_the_abundances_of_a_sample_add_up_to_the_concentration_that_the_instrument_printed(sample, name, archive):
    to, _ = archive
    rows = [row for row in read_rows(to, "extendedmeasurementorfact.txt") if f"sample_{sample}" in row["eventID"]]
    of_event = {row["measurementID"].rpartition(":")[2]: row for row in rows if not row["occurrenceID"]}
    litres = float(of_event["VOLWBSMP"]["measurementValue"]) * float(of_event["SSAMPC01"]["measurementValue"]) * 1000
    particles = float(of_event["particles"]["measurementValue"])
    assert particles / (litres * 1000) == pytest.approx(DECLARED[name], rel=1e-4)
    assert of_event["volume_imaged"]["measurementUnit"] == "Millilitres"


def test_what_the_instrument_s_filter_says_is_published_as_predicted_and_unverified(archive):
    to, _ = archive
    rows = read_rows(to, "occurrence.txt")
    assert [row["organismQuantity"] for row in rows] == ["1", "17", "2"]
    assert {row["identificationVerificationStatus"] for row in rows} == {"PredictedByMachine"}
    assert {row["dateIdentified"] for row in rows} == {""}
    assert all("checked by nobody" in row["identificationRemarks"] for row in rows)


def test_no_date_of_the_instrument_s_clock_is_in_the_archive(archive):
    to, _ = archive
    assert {row["eventDate"][:10] for row in read_rows(to, "event.txt")} == {"2024-04-03", "2025-04-04"}


def test_where_the_sheet_does_not_say_how_the_sample_was_made_abundance_has_no_code_of_the_sea(archive):
    to, _ = archive
    rows = [row for row in read_rows(to, "extendedmeasurementorfact.txt") if "sample_terasakiella" in row["eventID"]]
    codes = {row["measurementTypeID"].rstrip("/").rpartition("/")[2] for row in rows}
    assert "OCOUNT01" in codes
    assert not codes & {"SDBIOL01", "CVOLUKNB", "VOLWBSMP", "SSAMPC01"}
    assert "Abundance per volume of analysed sample" in {row["measurementType"] for row in rows}
