"""`observatory run` on an instrument's runs: from a folder to counts per litre, as a person at the command line meets it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections import Counter

import pytest

from sinks.object_store.local import LocalStore
from tests.support.deployments import Site, ask, run_observatory
from tests.support.runs import edit_field, edit_rows, write_small_run, zip_folder

LAB = """
[installations.flowcam]
detector = "particles"
[feeds.lab]
installation = "flowcam"
reads = "runs"
instrument = "flowcam-1"
owner = "test-institute"
"""


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site", changes=LAB)


def look(site, *paths):
    return ask("run", *paths, "--feed", "lab", "--settings", site.settings, "--no-page")


def read_objects(site, ending):
    store = LocalStore(site.store_folder)
    return {info.key: store.read(info.key) for info in store.list("results/") if info.key.endswith(ending)}


def read_rows(site):
    (data,) = read_objects(site, "particles.csv").values()
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_a_run_folder_becomes_counts_per_litre_without_any_settings(tmp_path):
    run = write_small_run(tmp_path / "lab" / "sea-1", particles=60, name="sea-1")
    told = ask("run", tmp_path / "lab" / "sea-1", "--out", tmp_path / "out")
    assert (told["exit"], told["stored"], told["images"]) == (0, 1, 60), told["stderr"]
    (shown,) = told["runs"]
    assert shown["name"] == "sea-1"
    per_ml = float(shown["facts"]["concentration"].split(" per ml")[0].replace(",", ""))
    assert per_ml == pytest.approx(60 / run.plan.imaged_ml, rel=1e-3)
    page = (tmp_path / "out" / "summary" / "index.html").read_text(encoding="utf-8")
    assert shown["facts"]["concentration"] in page
    assert "Demonstration model" in page


def test_the_same_run_twice_gives_the_same_bytes_and_under_another_name_is_a_duplicate(tmp_path, site):
    write_small_run(tmp_path / "sea-1")
    look(site, tmp_path / "sea-1")
    objects = read_objects(site, "")
    (tmp_path / "sea-1").rename(tmp_path / "copy")
    told = look(site, tmp_path / "copy")
    assert (told["submitted"], told["duplicates"]) == (1, 1)
    assert read_objects(site, "") == objects


def test_a_run_saved_again_counts_once_and_the_page_says_that_it_was(tmp_path, site):
    write_small_run(tmp_path / "sea-1", particles=40)
    look(site, tmp_path / "sea-1")
    edit_field(tmp_path / "sea-1", 5, "image_w", "0")
    told = look(site, tmp_path / "sea-1")
    (shown,) = told["runs"]
    assert (shown["former"], shown["facts"]["particles"]) == (1, "40")
    assert any(note.startswith("1 former result of this run no longer counts") for note in shown["notes"])
    assert told["images"] == 39


def test_two_runs_of_one_name_that_began_at_different_times_both_count_and_a_sheet_cannot_name_them(tmp_path, site):
    for year, particles in ((2023, 20), (2024, 30)):
        started_at = dt.datetime(year, 5, 1, tzinfo=dt.UTC)
        write_small_run(tmp_path / "lab" / str(year), particles=particles, name="sea-1", started_at=started_at)
    told = look(site, tmp_path / "lab")
    assert [(run["name"], run["facts"]["particles"], run["former"]) for run in told["runs"]] == [
        ("sea-1", "20", 0), ("sea-1", "30", 0),
    ]  # fmt: skip
    named = Site(tmp_path / "named", changes=f'{LAB}samples = "samples.csv"\n')
    (named.settings.parent / "samples.csv").write_text("sample_id,run,water\ns1,sea-1,whole\n", encoding="utf-8")
    assert "Two runs of the instrument are called sea-1" in look(named, tmp_path / "lab")["error"]


def test_what_an_instruments_filters_say_counts_where_no_model_looks(tmp_path, site):
    write_small_run(tmp_path / "sea-1", particles=50)
    look(site, tmp_path / "sea-1")
    rows = read_rows(site)
    assert len(rows) == 50
    assert Counter(row["status"] for row in rows).keys() <= {"filtered", ""}
    assert any(row["label"] for row in rows)


def test_a_table_of_labels_beside_a_run_is_a_revision_whose_named_and_dated_rows_are_validated(tmp_path, site):
    write_small_run(tmp_path / "sea-1", particles=30)
    look(site, tmp_path / "sea-1")
    table = "particle,label,person,date\n3,Diatom,Ann Bee,2024-05-14\n4,Diatom,,\n"
    (tmp_path / "sea-1" / "labels.csv").write_text(table, encoding="utf-8")
    (shown,) = look(site, tmp_path / "sea-1")["runs"]
    assert (shown["former"], shown["facts"]["particles"]) == (1, "30")
    newest = max(read_objects(site, "particles.csv").values(), key=lambda data: data.count(b"validated"))
    validated = [row for row in csv.DictReader(io.StringIO(newest.decode())) if row["status"] == "validated"]
    assert [(row["particle"], row["label"], row["identified_by"], row["decided_on"]) for row in validated] == [
        ("3", "Diatom", "annotator-1", "2024-05-14")
    ]
    assert not any(b"Ann Bee" in data for data in read_objects(site, ".json").values())


def test_round_particles_of_stated_beads_and_bubbles_are_flagged_and_nothing_is_without_the_statement(tmp_path):
    write_small_run(tmp_path / "sea-1", particles=60)
    flagged = {}
    for name, lines in {"stated": "beads_um = [5, 9]\nbubbles_um = [9.1, 40]", "unstated": ""}.items():
        site = Site(tmp_path / name, changes=LAB.replace("[feeds.lab]", f"{lines}\n[feeds.lab]"))
        (run,) = look(site, tmp_path / "sea-1")["runs"]
        rows = read_rows(site)
        for flag in ("bead", "bubble"):
            flagged[name, flag] = [row["particle"] for row in rows if flag in row["flags"]]
        assert run["facts"]["particles"] == "60"
    assert flagged["unstated", "bead"] == flagged["unstated", "bubble"] == []
    for flag, least, most in (("bead", 5, 9), ("bubble", 9.1, 40)):
        round_ones = [row for row in rows if least <= float(row["esd_um"]) <= most and float(row["circularity"]) >= 0.9]
        assert flagged["stated", flag] == [row["particle"] for row in round_ones] != []


def test_a_broken_particle_is_told_with_its_reason_and_the_others_are_counted(tmp_path, site):
    write_small_run(tmp_path / "sea-1", particles=30)
    edit_field(tmp_path / "sea-1", 7, "image_x", "99999")
    told = look(site, tmp_path / "sea-1")
    (document,) = read_objects(site, "result.json").values()
    entries = json.loads(document)["outcome"]["content"]["images"]
    assert [entry for entry in entries if entry["state"] == "unread"] == [
        {"state": "unread", "index": 7, "reason": "outside_collage"}
    ]
    assert told["images"] == 29
    assert told["runs"][0]["facts"]["particles"] == "30"


def test_a_large_run_has_a_short_document_and_its_particles_in_one_file_each(tmp_path, site):
    write_small_run(tmp_path / "sea-1", particles=1_500, frames=3_000)
    told = look(site, tmp_path / "sea-1")
    assert told["images"] == 1_500
    (document,) = read_objects(site, "result.json").values()
    assert len(document) < 5_000
    assert json.loads(document)["outcome"]["content"]["images"] == 1_500
    assert len(read_rows(site)) == 1_500


def test_a_zip_counts_as_its_folder_does(tmp_path, site):
    write_small_run(tmp_path / "sea-1")
    path = zip_folder(tmp_path / "sea-1", tmp_path / "sea-1.zip")
    told = look(site, path)
    assert (told["exit"], told["stored"], told["images"]) == (0, 1, 30), told["stderr"]


def test_an_incomplete_run_is_set_aside_and_says_what_is_missing(tmp_path, site):
    write_small_run(tmp_path / "sea-1")
    (tmp_path / "sea-1" / "run_000001.tif").unlink()
    told = look(site, tmp_path / "sea-1")
    assert (told["exit"], told["rejected"], told["reasons"]) == (1, 1, {"no_collage": 1})


def test_use_is_counted_in_runs_and_in_particles(tmp_path, site):
    write_small_run(tmp_path / "sea-1", particles=25)
    look(site, tmp_path / "sea-1")
    report = run_observatory("report", "--settings", site.settings, "--format", "md").stdout
    assert "| Images processed | 25 |" in report


def test_a_run_saved_again_is_no_further_use(tmp_path, site):
    write_small_run(tmp_path / "sea-1", particles=25)
    look(site, tmp_path / "sea-1")
    edit_rows(tmp_path / "sea-1", lambda rows, _: rows[::2])
    assert look(site, tmp_path / "sea-1")["stored"] == 1
    report = run_observatory("report", "--settings", site.settings, "--format", "md").stdout
    assert "| Images processed | 25 |" in report
    assert "| Images reprocessed | 13 |" in report


def test_the_three_real_runs_have_the_concentrations_that_their_instrument_printed(tmp_path, real_data):
    told = ask("run", real_data / "plankton" / "flowcam_runs", "--out", tmp_path / "out", "--no-page")
    assert (told["exit"], told["stored"], told["images"]) == (0, 3, 3_000), told["stderr"]
    found = {run["facts"]["concentration"].split(" per ml")[0] for run in told["runs"]}
    assert found == {"7,054", "34,448", "57,555"}
    assert all(
        run["facts"]["concentration"].startswith(run["facts"]["the instrument's own"][:-7]) for run in told["runs"]
    )


@pytest.mark.parametrize(("folder", "particles"), [("flowcam_comics", 506), ("vliz_flowcam", 250)])
def test_where_no_volume_is_known_particles_are_counted_and_nothing_is_guessed(tmp_path, real_data, folder, particles):
    told = ask("run", real_data / "plankton" / folder, "--out", tmp_path / "out", "--no-page")
    assert (told["exit"], told["images"]) == (0, particles), told["stderr"]
    (run,) = told["runs"]
    assert run["facts"]["concentration"] == "not known"
    assert {row["per litre"] for row in run["classes"]} == {"not known"}


SHEET = """sample_id,run,taken_at,lat_deg,lon_deg,depth_min_m,water,volume_filtered_l,volume_concentrate_ml
s1,sea-1,2024-05-14T09:12:00Z,51.43,2.81,0,concentrated,50,100
s1,sea-2,,,,,,,
"""


def test_runs_of_one_sample_are_pooled_per_litre_of_sea_by_the_sheet_that_the_feed_names(tmp_path):
    site = Site(tmp_path / "site", changes=f'{LAB}samples = "samples.csv"\n')
    settings = site.settings
    (settings.parent / "samples.csv").write_text(SHEET)
    runs = [
        write_small_run(tmp_path / name, name=name, seed=seed) for seed, name in enumerate(["sea-1", "sea-2", "other"])
    ]
    told = ask("run", *(tmp_path / run.plan.name for run in runs), "--feed", "lab", "--settings", settings)
    (sample,) = told["samples"]
    assert sample["name"] == "Sample s1: sea-1, sea-2"
    assert sample["facts"]["particles"] == "60"
    litres = sum(run.plan.imaged_ml for run in runs[:2]) * 50_000 / 100 / 1_000
    assert float(sample["facts"]["stands for"].split()[0]) == pytest.approx(litres, rel=1e-3)
    assert not any("not of sea" in note for note in sample["notes"])
    page = (site.folder / "data" / "summary" / "index.html").read_text(encoding="utf-8")
    assert "Sample s1: sea-1, sea-2" in page


def test_a_wrong_cell_of_a_sheet_is_named_by_check(tmp_path):
    site = Site(tmp_path / "site", changes=f'{LAB}samples = "samples.csv"\n')
    (site.settings.parent / "samples.csv").write_text(SHEET.replace("51.43", "151.43"))
    checked = ask("check", "--settings", site.settings)
    (wrong,) = [part["error"] for part in checked["checked"] if part["part"] == "samples in samples.csv"]
    assert "line 2, lat_deg" in wrong
