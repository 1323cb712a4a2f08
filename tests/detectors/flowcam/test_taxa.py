"""Which AphiaIDs of a model's folder are believed."""

from __future__ import annotations

import pytest

from detectors.flowcam.taxa import OVERRULED, _load_known, report_taxa, to_label_ids
from schemas.errors import FatalFault

#: Class, what the folder says, what is believed, verdict. Lines of the phytoplankton service's lists, and invented ones.
TABLE = [
    ("Appendicularia", "146421", 146421, "taken"),
    ("Bellerochea", "447730", 149305, "corrected"),
    ("Bellerochea_horologicalis", "447730", 447730, "taken"),
    ("Bacillariophyceae", "148899", 148899, "taken"),
    ("Bacillariophyceae_type1_colony", "148899", 148899, "above"),
    ("Pennate_Diatom", "148899", 148899, "above"),
    ("Chaetoceros", "148985", 148985, "taken"),
    ("Chaetoceros_curvisetus+C._pseudocurvisetus", "148985", 148985, "above"),
    ("Dactyliosolen+Cerataulina+Guinardia", "148971", 148971, "above"),
    ("Lauderia+Melosira+Detonula", "148971", 148971, "above"),
    ("Rhizosolenia", "149069", 149069, "taken"),
    ("Crustaceae-part", "1066", 1066, "above"),
    ("Crustacea", "1066", 1066, "taken"),
    ("Nauplii", "1066", 1066, "above"),
    ("Artefact", "Artefact", None, "not_a_taxon"),
    ("Egg+Cyst", "Egg/Cyst", None, "not_a_taxon"),
    ("Faecal_pellet", "Faecal pellet", None, "not_a_taxon"),
    ("Bubbles", "", None, "not_a_taxon"),
    ("Detritus", "12345", None, "not_a_taxon"),
    ("Tripos", "", 494057, "filled"),
    ("Favella", "Favella", 172431, "corrected"),
    ("Bellerochea_malleus+Guinardia_flaccida", "149132", None, "withheld"),
    ("Marine_snow", "Marine snow", None, "not_a_taxon"),
    ("Newgenus_alpha", "900001", None, "withheld"),
    ("Newgenus_beta", "900001", None, "withheld"),
    ("Newgenus", "900001", None, "withheld"),
    ("copepod lateral", "900002", 900002, "above"),
    ("copepod dorsal", "900002", 900002, "above"),
    ("Othergenus_gamma", "900003", 900003, "taken"),
    ("unstated", "", None, "withheld"),
    ("Oncaea", "NaN", None, "withheld"),
    ("Tripos_fusus", "n/a", 840626, "filled"),
    ("zero", "0", None, "withheld"),
    ("negative", "-5", None, "withheld"),
    ("huge", "99999999999", None, "withheld"),
    ("float", "148899.0", None, "withheld"),
]

#: What is written where nothing is said.
EMPTY = ("", "NaN", "n/a")

REPORT = report_taxa([row[0] for row in TABLE], [row[1] for row in TABLE])


@pytest.mark.parametrize("place", range(len(TABLE)), ids=[row[0] for row in TABLE])
def test_each_id_is_believed_or_overruled_for_a_reason(place):
    label, said, believed, verdict = TABLE[place]
    taxon = REPORT[place]
    assert (taxon.label, taxon.said, taxon.aphia_id, taxon.verdict) == (
        label,
        None if said in EMPTY else said,
        believed,
        verdict,
    )
    assert len(taxon.reason) > 10


def test_a_wrong_id_names_both_classes_and_the_sources():
    (wrong,) = [taxon for taxon in REPORT if taxon.label == "Bellerochea"]
    assert all(text in wrong.reason for text in ("447730", "Bellerochea_horologicalis", "P01", "149305"))


def test_without_a_file_known_names_get_their_ids_and_others_none():
    taxa = report_taxa(["Tripos_fusus", "Pollen", "my own class"], None)
    assert [(taxon.aphia_id, taxon.verdict) for taxon in taxa] == [
        (840626, "filled"), (None, "not_a_taxon"), (None, "withheld"),
    ]  # fmt: skip


def test_labels_without_an_id_are_not_in_the_table_of_ids():
    assert to_label_ids(report_taxa(["Tripos_fusus", "Pollen"], ["840626", "Pollen"])) == {"Tripos_fusus": 840626}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_ids_than_classes_is_refused(count):
    with pytest.raises(FatalFault, match=rf"2 classes and {count} lines"):
        report_taxa(["Tripos", "Favella"], ["1"] * count)


def test_what_is_overruled_can_be_told():
    assert {taxon.verdict for taxon in REPORT if taxon.verdict in OVERRULED} == OVERRULED


def test_no_two_known_taxa_have_one_id_and_every_row_has_a_source():
    known = _load_known().values()
    ids = [row.aphia_id for row in known if row.state == "taxon"]
    assert len(ids) == len(set(ids)) > 150
    assert all(row.sources for row in known)
    assert all((row.aphia_id is None) == (row.state == "not_a_taxon") for row in known)
