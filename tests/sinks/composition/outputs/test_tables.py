"""The tables of a composition and of its particles: every number with what it is per, and nothing where nothing is known."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random

import pytest

from schemas.canonical import to_canonical
from sinks.composition.composition import compose
from sinks.composition.outputs.composition_table import (
    COLUMNS,
    write_composition_csv,
    write_composition_json,
    write_sizes_csv,
)
from sinks.composition.outputs.particle_table import ParticleTable, find_measures, make_layout
from sinks.composition.particles import Opinion, Particle, Validated
from sinks.composition.tally import tally_particles
from sinks.composition.volumes import RunVolumes, find_volume
from sinks.parquet import read_table
from tests.sinks.composition.builders import make_composition, make_particle, make_rules, make_run, make_sample

COUNTS = {"Chaetoceros": 3, "Chaetoceros_curvisetus+C._pseudocurvisetus": 1, "Bubbles": 2, "Detritus": 4, None: 5}


def read_csv(data):
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_each_group_and_each_total_is_a_row():
    rows = read_csv(write_composition_csv(make_composition(COUNTS, sample=make_sample())))
    assert [(row["row"], row["name"], row["particles"], row["flagged"]) for row in rows] == [
        ("taxon", "Chaetoceros", "4", "0"),
        ("not_a_taxon", "Detritus", "4", "0"),
        ("not_a_taxon", "Bubbles", "0", "2"),
        ("unidentified", "unidentified", "5", "0"),
        ("all", "", "15", ""),
        ("all_without_flagged", "", "13", ""),
        ("identified", "", "8", ""),
        ("unidentified_total", "", "5", ""),
        ("flagged_total", "", "2", ""),
        ("flag_repeated", "", "0", ""),
        ("flag_bubble", "", "2", ""),
        ("flag_bead", "", "0", ""),
    ]
    taxon = rows[0]
    assert (taxon["aphia_id"], taxon["rank"], taxon["predicted"], taxon["validated"]) == ("148985", "genus", "4", "0")
    assert taxon["labels"] == "Chaetoceros | Chaetoceros_curvisetus+C._pseudocurvisetus"
    # 2 ml of a concentrate of which 100 ml stand for 50 l: one litre of sea
    assert (taxon["per"], taxon["per_l"], taxon["per_l_low"], taxon["per_l_high"]) == (
        "per litre of sea", "4", "1.08987", "10.2416",
    )  # fmt: skip
    assert set(rows[0]) == set(COLUMNS)


def test_without_a_volume_the_cells_per_litre_are_empty_and_the_counts_are_there():
    found = make_composition(COUNTS, imaged_ml=None)
    for row in read_csv(write_composition_csv(found)):
        assert row["per"] == "volume not known: counts only"
        assert not any(value for name, value in row.items() if name.startswith("per_l") or name.endswith("_per_l"))
        assert row["particles"]
    plain = json.loads(write_composition_json(found))
    assert plain["volume"]["known"] is False
    assert plain["volume"]["whys"] == ["no_volume"]
    assert "volume_imaged_ml" in plain["volume"]["sentences"][0]
    assert "per_l" not in plain["totals"]["all"]


def test_without_a_sheet_the_litre_is_one_of_analysed_sample():
    assert {row["per"] for row in read_csv(write_composition_csv(make_composition(COUNTS)))} == {
        "per litre of analysed sample"
    }


def test_the_document_says_how_its_numbers_were_made():
    plain = json.loads(write_composition_json(make_composition(COUNTS, sample=make_sample())))
    assert plain["rules"]["biovolume"]["formula"] == "pi/6 * abd_um^3"
    assert plain["rules"]["biovolume"]["source"]
    assert plain["rules"]["size_edges_um"][:3] == [1, 2, 4]
    assert plain["volume"] == {
        "known": True,
        "basis": "sea",
        "analysed_ml": 2,
        "sample_ml": 2,
        "sea_ml": 1000,
        "dilution": 1,
        "dilution_stated": False,
    }
    assert plain["groups"][0]["labels"] == {"Chaetoceros": 3, "Chaetoceros_curvisetus+C._pseudocurvisetus": 1}
    assert plain["totals"]["all"]["per_l"] == 15
    assert write_composition_json(make_composition(COUNTS, sample=make_sample())) == to_canonical(plain)


def test_size_classes_are_rows_with_intervals_the_empty_ones_too():
    found = make_composition({"Rhizosolenia": 3})
    rows = read_csv(write_sizes_csv(found))
    assert len(rows) == 14
    (filled,) = [row for row in rows if row["particles"] != "0"]
    assert (filled["least_um"], filled["below_um"], filled["per_l"]) == ("8", "16", "1500")
    assert rows[0]["per_l_high"] == "1844.44"


def make_particles():
    person = Validated("A. Person", dt.date(2024, 6, 1))
    return [
        make_particle(1, frame=7, x_px=271, y_px=677, offset_s=2.516),
        make_particle(2, "Rhizosolenia", 0.1, measures={"esd_um": 0.25, "circularity": 0.5}),
        Particle(3, Opinion("Rhizosolenia", person), {"abd_um": 10.0, "esd_um": 5000.0}, ("edge",)),
        Particle(4, flags=("unread",)),
        make_particle(5, "Bubbles", 1.0, measures={"esd_um": 64.0}),
    ]


def write_both(particles, **changes):
    rules = make_rules(**{"threshold": 0.5, **changes})
    text, table = io.BytesIO(), io.BytesIO()
    measures = find_measures(particles)
    written = ParticleTable(rules, measures, text, table).write([("run-1", particles)])
    assert written == len(particles)
    return text.getvalue(), table.getvalue(), make_layout(measures)


def test_each_particle_is_a_row_with_label_taxon_flags_and_measures():
    data, _, _ = write_both(make_particles())
    first, low, validated, unread, bubble = read_csv(data)
    assert list(first)[-5:] == ["esd_um", "abd_um", "length_um", "width_um", "circularity"]
    assert (first["run"], first["particle"], first["frame"], first["x_px"], first["offset_s"]) == (
        "run-1", "1", "7", "271", "2.516",
    )  # fmt: skip
    assert (first["taxon"], first["aphia_id"], first["status"], first["identified_by"], first["score"]) == (
        "Chaetoceros", "148985", "predicted", "exampleclass 1.0", "0.9",
    )  # fmt: skip
    assert (first["biovolume_um3"], first["size_class_um"], first["counted"]) == ("523.598776", "8-16", "yes")
    assert (low["label"], low["score"], low["group"], low["taxon"]) == ("Rhizosolenia", "0.1", "unidentified", "")
    assert (low["size_class_um"], low["biovolume_um3"]) == ("<1", "")
    assert (validated["status"], validated["identified_by"], validated["decided_on"], validated["score"]) == (
        "validated", "A. Person", "2024-06-01", "",
    )  # fmt: skip
    assert (validated["flags"], validated["size_class_um"]) == ("edge", ">=4096")
    assert (unread["label"], unread["group"], unread["flags"], unread["esd_um"]) == ("", "unidentified", "unread", "")
    assert (bubble["flags"], bubble["counted"], bubble["size_class_um"]) == ("bubble", "no", "64-128")


def test_parquet_holds_the_same_rows():
    data, table, layout = write_both(make_particles())
    columns = read_table(table, layout).to_columns()
    rows = read_csv(data)
    assert columns["particle"] == [int(row["particle"]) for row in rows]
    assert columns["taxon"] == [row["taxon"] or None for row in rows]
    assert columns["esd_um"] == [float(row["esd_um"]) if row["esd_um"] else None for row in rows]
    assert columns["counted"] == [row["counted"] == "yes" for row in rows]
    assert columns["flags"] == [row["flags"].split() for row in rows]


def test_the_table_adds_up_to_the_composition():
    particles = make_particles()
    rules = make_rules(threshold=0.5)
    found = compose("s", tally_particles(particles, rules), find_volume(RunVolumes()))
    rows = read_csv(write_both(particles)[0])
    assert sum(row["counted"] == "yes" for row in rows) == found.counted.particles
    assert (
        sum(row["counted"] == "yes" and row["group"] == "unidentified" for row in rows) == found.unidentified.particles
    )
    assert sum(bool(row["aphia_id"]) and row["counted"] == "yes" for row in rows) == sum(
        line.estimate.particles for line in found.lines if line.group.kind == "taxon"
    )


def test_the_same_particles_give_the_same_bytes():
    luck = random.Random(4)
    particles = [
        make_particle(
            index, luck.choice([*COUNTS]), measures={"esd_um": luck.uniform(1, 90), "abd_um": luck.uniform(1, 90)}
        )
        for index in range(1, 200)
    ]
    assert write_both(particles) == write_both(list(particles))
    found = make_composition(COUNTS)
    assert write_composition_csv(found) == write_composition_csv(make_composition(dict(reversed(COUNTS.items()))))


def test_a_long_run_is_written_in_row_groups():
    particles = make_run({"Rhizosolenia": 20_050}, measures={"esd_um": 3.0})
    data, table, layout = write_both(particles)
    assert data.count(b"\n") == 20_051
    assert read_table(table, layout).height == 20_050


def test_a_label_with_marks_of_csv_is_kept_whole():
    label = 'a "strange", label'
    (row,) = read_csv(write_both([make_particle(1, label)])[0])
    assert row["label"] == label


@pytest.mark.parametrize("shape", ["sphere_of_esd", "prolate_spheroid"])
def test_the_chosen_formula_of_the_biovolume_is_the_one_written_down(shape):
    (row,) = read_csv(write_both([make_particle(1)], shape=shape)[0])
    assert float(row["biovolume_um3"]) == pytest.approx(
        {"sphere_of_esd": 904.778684, "prolate_spheroid": 670.206433}[shape]
    )
