"""Archives of water samples: what is in them, what is refused, and that the same samples always give the same bytes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import random
from pathlib import Path

import pytest
from dwca.read import DwCAReader
from lxml import etree

from schemas.geometry import At, Nowhere
from sinks.composition.volumes import RunVolumes
from sinks.darwin_core.gate.check import Charter, check_archive
from sinks.darwin_core.publish import (
    DemonstrationRefusedError,
    NothingToPublishError,
    SampleTwiceError,
    publish_archive,
)
from sinks.darwin_core.samples.cells import to_plain_number
from sinks.darwin_core.samples.published import SampleSheetNeededError
from sinks.darwin_core.terms import P06
from sinks.darwin_core.units import LeftOut
from tests.sinks.darwin_core.builders import make_deployment, make_still, read_files, read_rows
from tests.sinks.darwin_core.samples.builders import (
    MODEL,
    PERSON,
    SOFTWARE,
    STORED,
    make_cruise,
    make_cruise_plan,
    make_item,
    make_labels,
    make_observer,
    make_sample,
)
from tests.sinks.darwin_core.test_documents import load_schema

GOLDEN = Path(__file__).parent / "golden"
NET = "exobs:st330:sample_s01"
RUN = f"{NET}:subSample_flowcam-1.run-1"
EVENT, OCCURRENCE, MEASUREMENT = "event.txt", "occurrence.txt", "extendedmeasurementorfact.txt"


def publish(to, samples=None, **changes):
    plan = changes.pop("plan", None) or make_cruise_plan()
    fields = {"labels": make_labels(), "to": to, "samples": make_cruise() if samples is None else samples}
    return publish_archive(changes.pop("units", ()), plan, **{**fields, **changes})


def read_measurements(to, of):
    return {
        row["measurementTypeID"].rstrip("/").rsplit("/", 1)[-1] or row["measurementID"].rsplit(":", 1)[-1]: row
        for row in read_rows(to, MEASUREMENT)
        if (row["occurrenceID"] or row["eventID"]) == of
    }


def test_the_files_of_an_archive_of_samples_are_the_golden_ones(tmp_path):
    publish(tmp_path / "a.zip")
    files = read_files(tmp_path / "a.zip")
    if os.environ.get("OBSERVATORY_UPDATE_GOLDEN") == "1":
        GOLDEN.mkdir(exist_ok=True)
        for name, text in files.items():
            (GOLDEN / name).write_text(text, encoding="utf-8", newline="")
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(files)
    for name, text in files.items():
        assert text == (GOLDEN / name).read_bytes().decode(), f"{name} (OBSERVATORY_UPDATE_GOLDEN=1 rewrites it)"


@pytest.mark.parametrize(
    ("file", "schema"),
    [("eml.xml", "eml.xsd"), ("eml.xml", "eml-2.2.0/eml.xsd"), ("meta.xml", "tdwg_dwc_text_offline.xsd")],
)
def test_the_documents_of_an_archive_of_samples_are_valid(file, schema, reference):
    load_schema(reference / "dwc" / "xsd" / schema).assertValid(etree.parse(GOLDEN / file))


def test_another_reader_opens_the_archive_and_finds_no_orphan(tmp_path):
    publish(tmp_path / "a.zip")
    with DwCAReader(str(tmp_path / "a.zip")) as archive:
        assert archive.orphaned_extension_rows() == {OCCURRENCE: {}, MEASUREMENT: {}}
        assert len(list(archive)) == 13


def test_the_report_adds_up(tmp_path):
    cruise = make_cruise()
    report = publish(tmp_path / "a.zip", [*cruise, cruise[0]])
    assert (report.results, report.repeated, report.empty) == (10, 2, 1)
    assert (report.samples, report.runs, report.visits) == (5, 5, 3)
    assert (report.deployments, report.stills, report.clips) == (0, 0, 0)
    assert len(read_rows(tmp_path / "a.zip", EVENT)) == report.samples + report.runs + report.visits
    assert len(read_rows(tmp_path / "a.zip", OCCURRENCE)) == report.occurrences
    assert len(read_rows(tmp_path / "a.zip", MEASUREMENT)) == report.measurements
    assert (report.unmapped, report.without_id) == ({"Odd": 1}, {"Protist": 8})
    assert (report.not_taxa, report.traces) == ({"Detritus": 61}, {"Faecal_pellet": 2})
    notes = " ".join(report.notes)
    assert "1 sample without a known volume" in notes
    assert "1 sample with abundance per volume of analysed sample" in notes
    assert "30 particles not identified" in notes
    assert "4 particles flagged" in notes
    assert "5 samples (5 runs) of 3 station visits" in report.to_text()


def test_events_are_visits_and_samples_whose_ids_follow_from_the_sheet(tmp_path):
    publish(tmp_path / "a.zip")
    rows = {row["eventID"]: row for row in read_rows(tmp_path / "a.zip", EVENT) if row["eventType"] != "subSample"}
    assert [(event_id, row["eventType"], row["parentEventID"]) for event_id, row in rows.items()] == [
        ("exobs:sample_s03", "sample", ""),
        ("exobs:st33", "stationVisit", ""),
        ("exobs:st33-b", "stationVisit", ""),
        ("exobs:st33-b:sample_s05", "sample", "exobs:st33-b"),
        ("exobs:st330", "stationVisit", ""),
        ("exobs:st330:sample_s01", "sample", "exobs:st330"),
        ("exobs:st330:sample_s02", "sample", "exobs:st330"),
        ("exobs:st33:sample_s04", "sample", "exobs:st33"),
    ]
    net = rows[NET]
    assert (net["eventDate"], net["decimalLatitude"], net["minimumDepthInMeters"], net["maximumDepthInMeters"]) == (
        "2024-05-14T09:12:00Z", "51.43", "0", "3",
    )  # fmt: skip
    assert (net["sampleSizeValue"], net["sampleSizeUnit"], net["samplingEffort"]) == ("50", "litre", "1 run: run-1")
    assert net["samplingProtocol"] == "Water sample (Apstein net, FlowCam VS)"
    assert net["eventRemarks"] == "172 particles: 138 identified, 30 not identified, 4 flagged (bubble 4)"
    assert rows["exobs:st330"]["eventDate"] == "2024-05-14T09:12:00Z/2024-05-14T10:20:00Z"
    assert "the volume imaged is not known" in rows["exobs:st33:sample_s04"]["eventRemarks"]
    assert "per volume of analysed sample" in rows["exobs:sample_s03"]["eventRemarks"]


def test_gear_volume_coefficient_and_particles_of_no_taxon_are_measured_of_the_sample(tmp_path):
    publish(tmp_path / "a.zip")
    net = read_measurements(tmp_path / "a.zip", NET)
    assert {name: (row["measurementValue"], row["measurementUnit"]) for name, row in net.items()} == {
        "NMSPINST": ("Apstein net", "Not applicable"),
        "MSHSIZE1": ("55", "Micrometres (microns)"),
        "VOLWBSMP": ("0.05", "Cubic metres"),
        "SSAMPC01": ("0.02", "Dimensionless"),
        "particles": ("172", "Dimensionless"),
        "particles_unidentified": ("30", "Dimensionless"),
        "particles_flagged": ("4", "Dimensionless"),
        "unidentified_sea": ("30", "Number per litre"),
    }
    assert net["particles"]["measurementTypeID"] == ""
    assert net["NMSPINST"]["measurementValueID"].endswith("/NETT0003/")
    bottle = read_measurements(tmp_path / "a.zip", "exobs:st330:sample_s02")
    assert (bottle["VOLWBSMP"]["measurementValue"], bottle["SSAMPC01"]["measurementValue"]) == ("0.000002", "1")


def test_a_run_is_an_event_below_its_sample_with_the_sample_s_time_and_place(tmp_path):
    publish(tmp_path / "a.zip")
    rows = {row["eventID"]: row for row in read_rows(tmp_path / "a.zip", EVENT)}
    run, sample = rows[RUN], rows[NET]
    assert (run["eventType"], run["parentEventID"]) == ("subSample", NET)
    same = ("eventDate", "decimalLatitude", "decimalLongitude", "minimumDepthInMeters", "maximumDepthInMeters")
    assert [run[name] for name in same] == [sample[name] for name in same]
    assert (run["sampleSizeValue"], run["sampleSizeUnit"]) == ("2", "millilitre")
    assert run["samplingProtocol"] == (
        "Run run-1 of an imaging instrument over a part of the sample (FlowCam VS, pictures at a fixed rate, so counts are "
        "of the volume in view)"
    )
    assert run["eventRemarks"] == "172 particles"
    assert not [row for row in read_rows(tmp_path / "a.zip", OCCURRENCE) if row["eventID"] == RUN]


def test_a_run_has_its_instrument_volumes_and_dilution(tmp_path):
    said = RunVolumes("trigger", imaged_ml=0.5, processed_ml=6.0, dilution=3.0)
    publish(tmp_path / "a.zip", [make_item({("Bellerochea", MODEL): 4}, sample=make_sample(), run=said)])
    of_run = read_measurements(tmp_path / "a.zip", RUN)
    assert {name: (row["measurementValue"], row["measurementUnit"]) for name, row in of_run.items()} == {
        "NMANINST": ("FlowCam VS", "Not applicable"),
        "volume_imaged": ("0.5", "Millilitres"),
        "volume_processed": ("6", "Millilitres"),
        "volume_analysed": ("6", "Millilitres"),
        "dilution": ("3", "Dimensionless"),
        "particles": ("4", "Dimensionless"),
    }
    assert of_run["NMANINST"]["measurementValueID"].endswith("/TOOL1583/")
    assert of_run["dilution"]["measurementMethod"] == ""


def test_a_volume_of_0_is_not_published(tmp_path):
    said = RunVolumes("auto_image", imaged_ml=0.0)
    publish(tmp_path / "a.zip", [make_item({("Bellerochea", MODEL): 4}, sample=make_sample(), run=said)])
    assert set(read_measurements(tmp_path / "a.zip", RUN)) == {"NMANINST", "particles"}
    event = {row["eventID"]: row for row in read_rows(tmp_path / "a.zip", EVENT)}
    assert event[RUN]["eventRemarks"] == "4 particles; the volume imaged is not known (volume_zero)"
    assert event[RUN]["sampleSizeValue"] == event[NET]["sampleSizeValue"] == ""


def test_the_size_is_left_out_where_one_particle_has_none(tmp_path):
    measured = make_item({("Bellerochea", MODEL): 2}, sample=make_sample(), measures={"abd_um": 20.0})
    publish(tmp_path / "a.zip", [measured])
    assert set(read_measurements(tmp_path / "a.zip", f"{NET}:149305:P")) == {"OCOUNT01", "SDBIOL01", "CVOLUKNB"}


def test_the_example_of_a_net_sample_has_its_abundance(tmp_path):
    # 41 particles, a fiftieth of the concentrate of 50 l: 41 per litre; each a sphere of 4,188.79 um3 = 4.18879e-6 mm3
    publish(tmp_path / "a.zip")
    found = read_measurements(tmp_path / "a.zip", f"{NET}:149305:P")
    assert {name: (row["measurementValue"], row["measurementUnit"]) for name, row in found.items()} == {
        "OCOUNT01": ("41", "Dimensionless"),
        "SDBIOL01": ("41", "Number per litre"),
        "CVOLUKNB": ("0.17174", "Cubic millimetres per cubic metre"),
        "OBSINESD": ("0.025", "Millimetres"),
    }
    assert found["OBSINESD"]["measurementRemarks"] == "mean of 41 particles; standard deviation 0"
    assert "mean of 36 Feret diameters" in found["OBSINESD"]["measurementMethod"]
    assert found["SDBIOL01"]["measurementMethod"] == "count / sub-sampling coefficient / volume sampled"
    assert found["SDBIOL01"]["measurementRemarks"] == (
        "95 % interval 29.4223 to 55.6211 (exact Poisson interval of the count)"
    )
    assert "pi/6 * abd_um^3" in found["CVOLUKNB"]["measurementMethod"]


def test_predicted_and_validated_particles_of_a_taxon_are_two_rows_that_share_none(tmp_path):
    publish(tmp_path / "a.zip")
    rows = {row["occurrenceID"]: row for row in read_rows(tmp_path / "a.zip", OCCURRENCE) if row["eventID"] == NET}
    assert list(rows) == [f"{NET}:109921:V", f"{NET}:149069:P", f"{NET}:149069:V", f"{NET}:149305:P"]
    predicted, validated = rows[f"{NET}:149069:P"], rows[f"{NET}:149069:V"]
    assert (predicted["organismQuantity"], validated["organismQuantity"]) == ("12", "5")
    assert predicted["verbatimIdentification"] == "Rhizosolenia | Rhizosolenia_setigera+R._hebetata"
    assert (predicted["identificationVerificationStatus"], predicted["identifiedBy"], predicted["dateIdentified"]) == (
        "PredictedByMachine", "exampleclass 1.0", "",
    )  # fmt: skip
    assert (validated["identificationVerificationStatus"], validated["identifiedBy"], validated["dateIdentified"]) == (
        "ValidatedByHuman", "A. Person", "2024-06-01",
    )  # fmt: skip
    assert predicted["identificationReferences"] == validated["identificationReferences"]
    assert "mean score 0.9" in predicted["identificationRemarks"]
    assert "5 further particles of this taxon validated, in a row of its own" in predicted["identificationRemarks"]
    assert "12 further particles of this taxon only predicted" in validated["identificationRemarks"]
    several = rows[f"{NET}:109921:V"]
    assert (several["identifiedBy"], several["dateIdentified"]) == ("A. Person | B. Person", "2024-06-01/2024-06-09")
    assert {row["basisOfRecord"] for row in rows.values()} == {"MachineObservation"}


def test_a_filter_of_the_instrument_is_a_machine_without_a_score(tmp_path):
    publish(tmp_path / "a.zip")
    (row,) = [row for row in read_rows(tmp_path / "a.zip", OCCURRENCE) if row["eventID"].endswith("s02")]
    assert (row["identificationVerificationStatus"], row["identifiedBy"], row["dateIdentified"]) == (
        "PredictedByMachine", "VisualSpreadsheet 4.19.3 (filter)", "",
    )  # fmt: skip
    assert "without a score and checked by nobody" in row["identificationRemarks"]
    assert row["identificationReferences"] == ("VisualSpreadsheet 4.19.3 (filter), no trained model")


def test_without_the_making_of_the_sample_no_code_of_the_water_body_is_used(tmp_path):
    publish(tmp_path / "a.zip")
    of_sample = read_measurements(tmp_path / "a.zip", "exobs:sample_s03")
    assert not {"VOLWBSMP", "SSAMPC01"} & set(of_sample)
    found = read_measurements(tmp_path / "a.zip", "exobs:sample_s03:149069:V")
    assert set(found) == {"OCOUNT01", "OBSINESD", "abundance", "biovolume"}
    assert of_sample["unidentified_sample"]["measurementValue"] == "0"
    assert found["abundance"]["measurementType"] == "Abundance per volume of analysed sample"
    assert found["abundance"]["measurementValue"] == "1000"


def test_without_a_volume_there_is_a_count_and_nothing_else(tmp_path):
    publish(tmp_path / "a.zip")
    of_taxon = read_measurements(tmp_path / "a.zip", "exobs:st33:sample_s04:149305:P")
    assert set(of_taxon) == {"OCOUNT01", "OBSINESD"}
    of_sample = read_measurements(tmp_path / "a.zip", "exobs:st33:sample_s04")
    assert not {"VOLWBSMP", "SSAMPC01", "unidentified_sea", "unidentified_sample"} & set(of_sample)
    of_run = read_measurements(tmp_path / "a.zip", "exobs:st33:sample_s04:subSample_flowcam-1.run-1")
    assert set(of_run) == {"NMANINST", "particles"}


def test_an_empty_sample_keeps_its_event_and_makes_no_absence(tmp_path):
    publish(tmp_path / "a.zip", [make_item({}, sample=make_sample())])
    assert [row["eventID"] for row in read_rows(tmp_path / "a.zip", EVENT)] == [
        "exobs:st330",
        NET,
        RUN,
    ]
    assert read_rows(tmp_path / "a.zip", OCCURRENCE) == []


def test_the_threshold_of_a_class_is_that_of_the_model_or_of_the_class_itself(tmp_path):
    limited = make_observer().model_copy(update={"parameters": '{"threshold":0.5,"thresholds":{"Rhizosolenia":0.75}}'})
    counts = {("Bellerochea", MODEL): 3, ("Rhizosolenia", MODEL): 2, ("Noctiluca_scintillans", PERSON): 1}
    counts[("Rhizosolenia_setigera+R._hebetata", MODEL)] = 1
    publish(tmp_path / "a.zip", [make_item(counts, sample=make_sample(), observers=(limited,))])
    said = {row["scientificName"]: row["identificationRemarks"] for row in read_rows(tmp_path / "a.zip", OCCURRENCE)}
    assert said["Bellerochea"].endswith("threshold 0.5")
    assert said["Rhizosolenia"].endswith("threshold 0.5 to 0.75, by label")
    assert "threshold" not in said["Noctiluca scintillans"]


def test_an_occurrence_links_the_contact_sheets_of_its_own_labels(tmp_path):
    sheets = [f"results/a b/sheets/{name}.png" for name in ("Bellerochea-001", "Bellerochea-002", "Rhizosolenia-001")]
    item = make_item(
        {("Bellerochea", MODEL): 3, ("Noctiluca_scintillans", MODEL): 2},
        sample=make_sample(),
        media=(*sheets, "results/a b/sheets/Bellerochea_x-001.png", "results/a b/composition.png"),
    )
    publish(tmp_path / "a.zip", [item], plan=make_cruise_plan(media_url="https://media.example.org/{key}"))
    media = {row["scientificName"]: row["associatedMedia"] for row in read_rows(tmp_path / "a.zip", OCCURRENCE)}
    where = "https://media.example.org/results/a%20b/sheets/Bellerochea-00"
    assert media == {"Bellerochea": f"{where}1.png | {where}2.png", "Noctiluca scintillans": ""}


# --- refusals


DEEP = At(lat_deg=51.43, lon_deg=2.81, source="sample_sheet")


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (None, "run-1: a row of the sample sheet with this name under run (there is none)"),
        (make_sample(taken={"kind": "undated", "why": "not_declared"}), "sample s01: taken_at"),
        (make_sample(where=Nowhere(why="not_declared")), "sample s01: lat_deg, lon_deg, depth_min_m"),
        (make_sample(where=DEEP), "sample s01: depth_min_m"),
        (
            make_sample(taken={"kind": "undated", "why": "not_declared"}, where=DEEP),
            "sample s01: taken_at, depth_min_m",
        ),
        (
            make_sample(taken={"kind": "instant", "at": "2024-07-03T00:00:00Z"}),
            "sample s01: taken_at (the water would have been taken after its runs were stored)",
        ),
        (
            make_sample(quantities={"volume_filtered_l": 50, "volume_concentrate_ml": 1.5}),
            "sample s01: volume_concentrate_ml (more of the sample was imaged than there was)",
        ),
    ],
)
def test_without_its_cells_of_the_sheet_nothing_is_published_and_the_cells_are_named(sample, told, tmp_path):
    samples = [*make_cruise()[1:], make_item({("Bellerochea", MODEL): 3}, sample=sample)]
    with pytest.raises(SampleSheetNeededError) as caught:
        publish(tmp_path / "a.zip", samples)
    assert caught.value.missing == (told,)
    assert str(caught.value).startswith("Time, position and depth of sampling come from the sample sheet, never from")
    assert list(tmp_path.iterdir()) == []


def test_all_samples_without_their_cells_are_named_at_once_up_to_a_limit(tmp_path):
    samples = [
        make_item({}, sample=make_sample(sample_id=f"s{number:02}", where=Nowhere(why="x"))) for number in range(25)
    ]
    with pytest.raises(SampleSheetNeededError, match="and 5 more") as caught:
        publish(tmp_path / "a.zip", samples)
    assert len(caught.value.missing) == 25


def test_a_demonstration_model_is_refused_unless_it_is_allowed_and_then_named(tmp_path):
    samples = [make_item({("Bellerochea", MODEL): 3}, sample=make_sample(), demonstration=True)]
    with pytest.raises(DemonstrationRefusedError, match="not published unless that is allowed"):
        publish(tmp_path / "a.zip", samples)
    assert list(tmp_path.iterdir()) == []
    report = publish(tmp_path / "a.zip", samples, allow_demonstration=True)
    assert report.demonstration
    (row,) = read_rows(tmp_path / "a.zip", OCCURRENCE)
    assert row["identificationRemarks"].startswith("Made with a demonstration model")
    event = read_rows(tmp_path / "a.zip", EVENT)[1]
    assert event["eventRemarks"].startswith("Made with a demonstration model")
    assert event["datasetName"].endswith("(demonstration model)")


def test_runs_that_are_in_no_sample_are_counted_by_their_reason(tmp_path):
    aside = LeftOut("flowcam-1.undated.0", "flowcam-1.undated.0.1", "not_for_publication")
    with pytest.raises(NothingToPublishError, match="not_for_publication: 1"):
        publish(tmp_path / "a.zip", [aside])
    assert publish(tmp_path / "a.zip", [*make_cruise(), aside]).left_out == {"not_for_publication": 1}


def test_a_sample_pooled_in_two_ways_is_a_fault(tmp_path):
    twice = [make_item({("Bellerochea", MODEL): count}, sample=make_sample()) for count in (3, 4)]
    with pytest.raises(SampleTwiceError, match="s01 was given twice with different numbers"):
        publish(tmp_path / "a.zip", twice)


# --- bytes and neighbours


@pytest.mark.parametrize("seed", range(5))
def test_the_order_and_the_number_of_copies_of_samples_change_no_byte(seed, tmp_path):
    cruise = [*make_cruise(), make_item({("Bellerochea", MODEL): 1}, sample=make_sample(sample_id="s09"))]
    cruise[-1] = dataclasses.replace(cruise[-1], observers=(make_observer(version="2.0"),))
    publish(tmp_path / "once.zip", cruise)
    again = [*cruise, cruise[2]]
    random.Random(seed).shuffle(again)
    publish(tmp_path / "again.zip", again)
    assert (tmp_path / "once.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()


def test_another_classification_changes_rows_and_no_event_id(tmp_path):
    publish(tmp_path / "old.zip", [make_item({("Bellerochea", MODEL): 3}, sample=make_sample())])
    newer = {("Bellerochea", MODEL): 2, ("Rhizosolenia", PERSON): 1}
    publish(tmp_path / "new.zip", [make_item(newer, sample=make_sample())])
    old, new = ({row["eventID"] for row in read_rows(tmp_path / f"{name}.zip", EVENT)} for name in ("old", "new"))
    assert old == new
    (kept,) = read_rows(tmp_path / "old.zip", OCCURRENCE)
    assert kept["occurrenceID"] in {row["occurrenceID"] for row in read_rows(tmp_path / "new.zip", OCCURRENCE)}


def test_samples_and_cameras_share_an_archive(tmp_path):
    report = publish(
        tmp_path / "a.zip", units=[make_still([]), make_still([], minute=1)], deployments=[make_deployment()]
    )
    assert (report.stills, report.samples, report.deployments, report.visits) == (2, 5, 1, 3)
    assert "2 stills and 0 clips of 1 deployments, 5 samples (5 runs) of 3 station visits" in report.to_text()
    eml = read_files(tmp_path / "a.zip")["eml.xml"]
    assert "still pictures and 0 video clips and 5 water samples with 5 runs over them as events" in eml


def test_the_abstract_says_that_a_run_without_an_occurrence_is_not_empty(tmp_path):
    publish(tmp_path / "a.zip")
    assert (
        "A run has no occurrences of its own, they stand with its sample." in read_files(tmp_path / "a.zip")["eml.xml"]
    )


def test_people_and_models_are_named_in_the_metadata(tmp_path):
    publish(tmp_path / "a.zip")
    eml = read_files(tmp_path / "a.zip")["eml.xml"]
    assert "5 water samples with 5 runs over them as events" in eml
    assert "Labels without a score, checked by nobody, from: VisualSpreadsheet 4.19.3 (filter)." in eml
    assert "except 3 occurrences that people validated" in eml
    assert "Biovolume of a particle: pi/6 * abd_um^3." in eml
    assert "exampleclass 1.0 (user model, classify, f32" in eml
    only_machines = [make_item({("Bellerochea", SOFTWARE): 3}, sample=make_sample())]
    publish(tmp_path / "b.zip", only_machines)
    assert "by machine and not validated by people." in read_files(tmp_path / "b.zip")["eml.xml"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (2.9e-8, "0.000000029"), (34447123.4, "34447100"), (41.0, "41"), (0.02, "0.02"), (1 / 3, "0.333333")],
)
def test_numbers_have_six_digits_and_no_exponent(value, text):
    assert to_plain_number(value) == text


# --- the gate


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "a.zip"
    publish(path)
    return read_files(path)


def check(files, folder):
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    newest_at = STORED + dt.timedelta(0)
    return check_archive(folder, Charter(make_labels(), "obis", newest_at, 13))


def test_a_good_archive_of_samples_has_no_complaint(good, tmp_path):
    assert check(good, tmp_path).kept == []


def change(name, of, column, value, *, code=""):
    """Change one cell of the row that is about ``of`` (and has the code, if one is given)."""

    def plant(files):
        header, *lines = files[name].splitlines()
        columns = header.split("\t")
        hits = [
            number
            for number, line in enumerate(lines)
            if of in line.split("\t")[:3] and (not code or f"/{code}/" in line)
        ]
        cells = lines[hits[0]].split("\t")
        assert cells[columns.index(column)] != value
        cells[columns.index(column)] = value
        lines[hits[0]] = "\t".join(cells)
        files[name] = "\n".join([header, *lines]) + "\n"

    return plant


def drop(of, code):
    def plant(files):
        lines = files[MEASUREMENT].splitlines()
        kept = [line for line in lines if not (line.startswith(f"{of}\t\t") and f"/{code}/" in line)]
        assert len(kept) == len(lines) - 1
        files[MEASUREMENT] = "\n".join(kept) + "\n"

    return plant


TAKEN = f"{NET}:149305:P"


@pytest.mark.parametrize(
    ("plant", "checks"),
    [
        (change(MEASUREMENT, TAKEN, "measurementValue", "82", code="SDBIOL01"), {"sum"}),
        (change(MEASUREMENT, TAKEN, "measurementValue", "many", code="SDBIOL01"), {"sum"}),
        (change(MEASUREMENT, TAKEN, "measurementValue", "40", code="OCOUNT01"), {"sum"}),
        (change(MEASUREMENT, NET, "measurementValue", "0.04", code="SSAMPC01"), {"sum"}),
        (change(MEASUREMENT, NET, "measurementValue", "2", code="SSAMPC01"), {"sum", "effort"}),
        (change(MEASUREMENT, NET, "measurementValue", "", code="VOLWBSMP"), {"sum", "pair"}),
        (change(MEASUREMENT, NET, "measurementValue", "0.5", code="VOLWBSMP"), {"sum"}),
        (drop(NET, "SSAMPC01"), {"sum", "effort"}),
        (drop(NET, "VOLWBSMP"), {"sum", "effort"}),
        (drop("exobs:st330:sample_s02", "VOLWBSMP"), {"sum", "effort"}),
        (change(OCCURRENCE, f"{NET}:149069:V", "dateIdentified", ""), {"status"}),
        (change(OCCURRENCE, TAKEN, "dateIdentified", "2024-06-01"), {"status"}),
        (change(OCCURRENCE, TAKEN, "scientificName", "Bellerochea malleus"), {"name"}),
        (change(EVENT, NET, "sampleSizeUnit", ""), {"pair"}),
        (change(EVENT, RUN, "parentEventID", "exobs:sample_s09"), {"parent", "sum"}),
        (change(EVENT, RUN, "eventDate", ""), {"inherited", "required"}),
        (change(MEASUREMENT, f"{NET}:particles", "measurementValue", "171"), {"sum"}),
        (change(MEASUREMENT, f"{RUN}:particles", "measurementValue", "many"), {"sum"}),
        (change(MEASUREMENT, f"{RUN}:volume_imaged", "measurementUnitID", f"{P06}VVMM/"), {"unit"}),
        (change(MEASUREMENT, f"{RUN}:volume_imaged", "measurementUnit", "Litres"), {"unit"}),
    ],
)
def test_a_fault_in_the_numbers_of_a_sample_is_found(plant, checks, good, tmp_path):
    files = dict(good)
    plant(files)
    complaints = check(files, tmp_path)
    assert set(complaints.counts) == checks, [str(complaint) for complaint in complaints.kept]


def test_abundance_is_linear_in_the_dilution_of_the_archive_too(tmp_path):
    for dilution in (1, 3):
        run = RunVolumes("auto_image", 2.0, dilution=dilution)
        samples = [make_item({("Bellerochea", MODEL): 41}, sample=make_sample(), run=run)]
        publish(tmp_path / f"{dilution}.zip", samples)
    one, three = (read_measurements(tmp_path / f"{dilution}.zip", TAKEN) for dilution in (1, 3))
    assert float(three["SDBIOL01"]["measurementValue"]) == pytest.approx(3 * float(one["SDBIOL01"]["measurementValue"]))
    assert three["OCOUNT01"] == one["OCOUNT01"]
