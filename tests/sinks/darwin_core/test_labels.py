"""Label maps: what they may say, and that every fault is named at once."""

from __future__ import annotations

import csv

import pytest

from schemas.errors import FatalFault
from sinks.darwin_core.labels import list_shipped_maps, load_shipped_map, read_label_map

HEADER = 'name = "a"\nversion = "1"\ndescription = "d"\nkingdom_source = "k"\n'
GOOD = """
[[label]]
label = "fish"
state = "taxon"
scientific_name = "Actinopterygii"
aphia_id = 10194
rank = "gigaclass"
kingdom = "Animalia"
source = "s"
"""


def test_a_taxon_row_gives_name_and_lsid():
    row = read_label_map(HEADER + GOOD).to_index()["fish"]
    assert row.taxon is not None
    assert row.taxon.lsid == "urn:lsid:marinespecies.org:taxname:10194"
    assert row.taxon.scientific_name == "Actinopterygii"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ('label = "x"\nstate = "animal"\nsource = "s"', "state"),
        ('label = "x"\nstate = "taxon"', "source"),
        ('label = "x"\nstate = "taxon"\naphia_id = 7\nsource = "s"', "scientific_name, rank, kingdom"),
        ('label = "x"\nstate = "taxon"\naphia_id = 0\nsource = "s"', "aphia_id"),
        ('label = "x"\nstate = "not_a_taxon"\nkingdom = "Animalia"\nsource = "s"', "not a taxon"),
        ('label = "x"\nstate = "taxon"\nscientific_name = "Diplodus sp."\nsource = "s"', "qualifier"),
        ('label = "x"\nstate = "taxon"\nscientific_name = "Diplodus?"\nsource = "s"', "qualifier"),
        ('label = "a | b"\nstate = "not_a_taxon"\nsource = "s"', "parts labels"),
        ('label = "x"\nstate = "not_a_taxon"\nsource = "s"\nidd = 3', "idd"),
        ('label = "fish"\nstate = "not_a_taxon"\nsource = "s"', "twice"),
        (
            (
                'label = "x"\nstate = "taxon"\nscientific_name = "Pisces"\naphia_id = 10194\nrank = "class"\n'
                'kingdom = "Animalia"\nsource = "s"'
            ),
            "another name",
        ),
        (
            (
                'label = "x"\nstate = "taxon"\nscientific_name = "Actinopterygii"\naphia_id = 4\nrank = "class"\n'
                'kingdom = "Animalia"\nsource = "s"'
            ),
            "another AphiaID",
        ),
    ],
)
def test_a_wrong_row_is_refused_with_its_fault(row, complaint):
    with pytest.raises(FatalFault, match=complaint):
        read_label_map(f"{HEADER}{GOOD}\n[[label]]\n{row}\n")


def test_all_faults_are_named_at_once():
    text = (
        'name = "a"\n[[label]]\nlabel = "x"\nstate = "animal"\nsource = "s"\n[[label]]\nlabel = "y"\nstate = "taxon"\n'
    )
    with pytest.raises(FatalFault) as caught:
        read_label_map(text, of="my map")
    for part in ("my map has", "label 1 ('x') state", "label 2 ('y') source", "version", "kingdom_source"):
        assert part in caught.value.sentence


@pytest.mark.parametrize("text", ["[[label", HEADER, f"{HEADER}label = 3\n"])
def test_a_file_without_rows_is_refused(text):
    with pytest.raises(FatalFault):
        read_label_map(text)


def test_the_shipped_maps_read_and_publish_only_rows_with_an_id():
    assert list_shipped_maps() == ("aquarium-animals", "motion", "obsea-fish", "vliz-phytoplankton")
    aquarium = load_shipped_map("aquarium-animals").to_index()
    assert {name for name, row in aquarium.items() if row.taxon} == {"fish", "jellyfish", "starfish"}
    obsea = load_shipped_map("obsea-fish").to_index()
    assert obsea["Diver"].taxon is None
    assert obsea["Chromis chromis (back)"].taxon == obsea["Chromis chromis"].taxon
    assert {name for name, row in obsea.items() if row.taxon is None} == {"Diver", "Oblada melanura"}


def test_an_unknown_shipped_map_is_refused_with_the_names_that_exist():
    with pytest.raises(FatalFault, match="aquarium-animals, motion, obsea-fish"):
        load_shipped_map("plankton")


@pytest.mark.parametrize("name", ["aquarium-animals", "obsea-fish", "vliz-phytoplankton"])
def test_every_shipped_id_is_the_one_of_the_reference_list(name, reference):
    with (reference / "dwc" / "taxa.csv").open(encoding="utf-8") as lines:
        ids = {row["name"]: row["aphia_id"] for row in csv.DictReader(lines)}
    for aphia_id, taxon in load_shipped_map(name).to_taxa().items():
        assert ids[taxon.scientific_name] == str(aphia_id), taxon


def test_merged_classes_of_plankton_go_to_the_stated_taxon_and_parts_of_animals_to_none():
    rows = load_shipped_map("vliz-phytoplankton").to_index()
    merged = rows["Chaetoceros_curvisetus+C._pseudocurvisetus"]
    assert (merged.state, merged.taxon) == ("composite", rows["Chaetoceros"].taxon)
    assert rows["Bellerochea"].taxon.aphia_id == 149305
    assert rows["Bellerochea_horologicalis"].taxon.aphia_id == 447730
    assert rows["Thalassiosira+Porosira"].taxon is None
    assert {row.label for row in rows.values() if row.state == "trace" and "_" in row.label} == {
        "Faecal_pellet", "Porifera_spicule",
    }  # fmt: skip
    assert rows["Crustaceae-part"].state == "trace"


def test_both_spellings_of_a_class_of_plankton_mean_the_same():
    meanings = load_shipped_map("vliz-phytoplankton").to_meanings()
    plain = {"".join(letter for letter in label if letter.isalnum()).casefold() for label in meanings}
    assert len(plain) == 95
    for label, meaning in meanings.items():
        if "_" in label and "+" not in label and label.replace("_", " ") in meanings:
            assert meanings[label.replace("_", " ")] == meaning


def test_the_map_of_plankton_has_every_class_of_real_folders(real_data):
    folders = {path.name for path in (real_data / "plankton/vliz_flowcam").iterdir() if path.is_dir()}
    assert folders
    assert folders <= set(load_shipped_map("vliz-phytoplankton").to_index())
