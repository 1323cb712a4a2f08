"""Each check of the gate, shown on an archive with one fault planted in it."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from sinks.darwin_core.gate.check import Charter, check_archive
from sinks.darwin_core.gate.complaints import KEPT
from sinks.darwin_core.publish import publish_archive
from tests.sinks.darwin_core.builders import (
    STORED,
    make_deployment,
    make_labels,
    make_plan,
    make_season,
    read_files,
)

TERMS = "http://rs.tdwg.org/dwc/terms/"
OBIS = "http://rs.iobis.org/obis/terms/"
CLIP = "exobs:camera-a:2025:videoClip_20250601T070000000Z"
STILL = "exobs:camera-a:2025:still_20250601T060000000Z"
EMPTY = "exobs:camera-a:2025:still_20250601T060200000Z"
EVENT, OCCURRENCE, MEASUREMENT = "event.txt", "occurrence.txt", "extendedmeasurementorfact.txt"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Return the files of an archive without a fault."""
    path = tmp_path_factory.mktemp("good") / "a.zip"
    publish_archive(make_season(), make_plan(), labels=make_labels(), deployments=[make_deployment()], to=path)
    return read_files(path)


def check(files, folder, *, events=10, newest_at=STORED):
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return check_archive(folder, Charter(make_labels(), "obis", newest_at, events))


def test_a_good_archive_has_no_complaint(good, tmp_path):
    complaints = check(good, tmp_path)
    assert complaints.kept == []


# --- how a fault is planted ---


def swap(name, old, new):
    """Replace the first ``old`` of a file."""

    def plant(files):
        assert old in files[name], f"{old!r} is not in {name}"
        files[name] = files[name].replace(old, new, 1)

    return plant


def cell(name, row_id, column, value):
    """Change one cell of the first row that has ``row_id`` in one of its first three cells."""

    def plant(files):
        header, *lines = files[name].splitlines()
        at = header.split("\t").index(column)
        for number, line in enumerate(lines):
            cells = line.split("\t")
            if row_id in cells[:3]:
                assert cells[at] != value, f"{column} is {value!r} already"
                cells[at] = value
                lines[number] = "\t".join(cells)
                break
        else:
            raise AssertionError(f"no row {row_id} in {name}")
        files[name] = "\n".join([header, *lines]) + "\n"

    return plant


def drop(name, row_id):
    """Take out every row that has ``row_id`` in one of its first three cells."""

    def plant(files):
        lines = files[name].splitlines()
        kept = [line for line in lines if row_id not in line.split("\t")[:3]]
        assert len(kept) < len(lines)
        files[name] = "\n".join(kept) + "\n"

    return plant


def double(name, row_id, *changes):
    """Repeat a row, with ``(old, new)`` changes in the copy."""

    def plant(files):
        lines = files[name].splitlines()
        at = next(number for number, line in enumerate(lines) if row_id in line.split("\t")[:3])
        copy = lines[at]
        for old, new in changes:
            assert old in copy
            copy = copy.replace(old, new)
        lines.insert(at + 1, copy)
        files[name] = "\n".join(lines) + "\n"

    return plant


def remove_column(files):
    files["meta.xml"] = re.sub(r'\s*<field index="23"[^>]*datasetID" />', "", files["meta.xml"])


def lose(name):
    def plant(files):
        files[name] = ""

    return plant


OCC = f"{CLIP}:127054:P"
COUNT = f"{OCC}:OCOUNT01"
MUTANTS = {
    # 1: terms and columns
    "misspelt term": ("unknown_term", swap("meta.xml", f"{TERMS}eventDate", f"{TERMS}eventDat")),
    "term of another row type": ("unknown_term", swap("meta.xml", f"{TERMS}kingdom", f"{TERMS}measurementType")),
    "two terms on one index": ("repeated_index", swap("meta.xml", 'index="4" term', 'index="3" term')),
    "one term on two columns": ("repeated_term", swap("meta.xml", f"{TERMS}month", f"{TERMS}day")),
    "column not mapped": ("missing_term", remove_column),
    "columns shifted": ("wrong_index", swap(EVENT, "eventID\tparentEventID", "parentEventID\teventID")),
    "index beyond the columns": ("wrong_index", swap("meta.xml", 'index="24"', 'index="99"')),
    "link to another column": ("wrong_index", swap("meta.xml", '<coreid index="0"', '<coreid index="1"')),
    "core of another row type": ("layout", swap("meta.xml", f"{TERMS}Event", f"{TERMS}Taxon")),
    "no table at all": ("layout", lose("meta.xml")),
    "declared file missing": ("layout", swap("meta.xml", "occurrence.txt", "occurrences.txt")),
    "cell too many": ("cells", swap(EVENT, "\tdeployment\t", "\tdeployment\t\t")),
    "control character": ("cells", swap(EVENT, "deployment", "deploy\x07ment")),
    # 2: measurements
    "identifier in the Darwin Core name space": (
        "unknown_term",
        swap("meta.xml", f"{OBIS}measurementTypeID", f"{TERMS}measurementTypeID"),
    ),
    "remarks in the OBIS name space": (
        "unknown_term",
        swap("meta.xml", f"{TERMS}measurementRemarks", f"{OBIS}measurementRemarks"),
    ),
    "unit that does not measure it": ("unit", swap(MEASUREMENT, "P06/current/UTBB/", "P06/current/UUUU/")),
    "unit code of nothing": ("unit", swap(MEASUREMENT, "P06/current/UTBB/", "P06/current/UMSQ/")),
    "deprecated collection": ("code", swap(MEASUREMENT, "P01/current/NMSPINST/", "Q01/current/Q0100002/")),
    "label of another code": ("code", swap(MEASUREMENT, "Sample duration", "Duration of tow")),
    "instrument of another collection": (
        "code",
        cell(MEASUREMENT, COUNT, "measurementValueID", "http://vocab.nerc.ac.uk/collection/L05/current/311/"),
    ),
    # 3: pairs
    "sample size without unit": ("pair", cell(EVENT, CLIP, "sampleSizeUnit", "")),
    "quantity without type": ("pair", cell(OCCURRENCE, OCC, "organismQuantityType", "")),
    "unit without its code": ("pair", cell(MEASUREMENT, COUNT, "measurementUnitID", "")),
    # 4: dates
    "reversed interval": (
        "date_order",
        cell(EVENT, CLIP, "eventDate", "2025-06-01T07:00:30Z/2025-06-01T07:00:00Z"),
    ),
    "day before month": ("date", cell(EVENT, CLIP, "eventDate", "01/06/2025")),
    "date without a zone": ("date", cell(EVENT, CLIP, "eventDate", "2025-06-01T07:00:00")),
    "date after the newest result": ("future", cell(EVENT, CLIP, "eventDate", "2025-07-03T00:00:00Z")),
    # 5: names
    "identity of another name": (
        "name",
        cell(OCCURRENCE, OCC, "scientificNameID", "urn:lsid:marinespecies.org:taxname:127000"),
    ),
    "identity that the map does not know": (
        "name",
        cell(OCCURRENCE, OCC, "scientificNameID", "urn:lsid:marinespecies.org:taxname:127051"),
    ),
    "identity as an address": (
        "name",
        cell(OCCURRENCE, OCC, "scientificNameID", "https://lsid.info/urn:lsid:marinespecies.org:taxname:127054"),
    ),
    "name misspelt": ("name", cell(OCCURRENCE, OCC, "scientificName", "Diplodus vulgari")),
    "rank of another taxon": ("name", cell(OCCURRENCE, OCC, "taxonRank", "genus")),
    "no kingdom": ("required", cell(OCCURRENCE, OCC, "kingdom", "")),
    "wrong kingdom": ("name", cell(OCCURRENCE, OCC, "kingdom", "Plantae")),
    # 6: labels
    "a diver as a fish": ("label", cell(OCCURRENCE, OCC, "verbatimIdentification", "Diver")),
    "an unmapped label": ("label", cell(OCCURRENCE, OCC, "verbatimIdentification", "Diplodus_vulgaris")),
    # 7: one row per event, taxon and status
    "occurrence twice": ("duplicate", double(OCCURRENCE, OCC)),
    "second row of one status": ("duplicate", double(OCCURRENCE, OCC, (f"{OCC}\t", f"{OCC}2\t"))),
    "validated row with the same remarks": (
        "duplicate",
        double(OCCURRENCE, OCC, (f"{OCC}\t", f"{CLIP}:127054:V\t"), ("PredictedByMachine", "ValidatedByHuman")),
    ),
    "measurement twice": ("duplicate", double(MEASUREMENT, COUNT)),
    "second count of one occurrence": ("duplicate", double(MEASUREMENT, COUNT, (f"{COUNT}\t", f"{COUNT}2\t"))),
    "event twice": ("order", double(EVENT, EMPTY)),
    # 9: what a deployment says its events say
    "child without depth": ("inherited", cell(EVENT, CLIP, "minimumDepthInMeters", "")),
    "child without position": ("required", cell(EVENT, CLIP, "decimalLatitude", "")),
    "child without date": ("inherited", cell(EVENT, CLIP, "eventDate", "")),
    "parent missing": ("parent", cell(EVENT, CLIP, "parentEventID", "exobs:camera-a:2023")),
    "occurrence of no event": ("link", drop(EVENT, CLIP)),
    "measurement of no occurrence": ("link", drop(OCCURRENCE, OCC)),
    "position not on Earth": ("place", cell(EVENT, CLIP, "decimalLatitude", "91")),
    "position that is no number": ("place", cell(EVENT, CLIP, "decimalLongitude", "2,5")),
    "position of no number": ("place", cell(EVENT, CLIP, "decimalLongitude", "nan")),
    "uncertainty of nothing": ("place", cell(EVENT, CLIP, "coordinateUncertaintyInMeters", "0")),
    "depths upside down": ("place", cell(EVENT, CLIP, "minimumDepthInMeters", "99")),
    # 10: words
    "a word that OBIS does not know": ("status", cell(OCCURRENCE, OCC, "occurrenceStatus", "detected")),
    "absence from silence": ("status", cell(OCCURRENCE, OCC, "occurrenceStatus", "absent")),
    "observed by a person": ("status", cell(OCCURRENCE, OCC, "basisOfRecord", "HumanObservation")),
    "neither predicted nor validated": (
        "status",
        cell(OCCURRENCE, OCC, "identificationVerificationStatus", "dubious"),
    ),
    "present with quantity 0": ("quantity", cell(OCCURRENCE, OCC, "organismQuantity", "0")),
    "no reference of the model": ("required", cell(OCCURRENCE, OCC, "identificationReferences", "")),
    "id of another event": ("id", cell(OCCURRENCE, OCC, "occurrenceID", f"{STILL}:127054:P")),
    # 11: one number in two tables
    "count changed in one table": ("sum", cell(MEASUREMENT, COUNT, "measurementValue", "8")),
    "count left out": ("sum", drop(MEASUREMENT, COUNT)),
    "duration changed in one table": ("sum", cell(EVENT, CLIP, "sampleSizeValue", "31")),
    # 12: metadata
    "title changed": ("title", swap("eml.xml", "<title>Fishes", "<title>All fishes")),
    "no metadata": ("title", lose("eml.xml")),
    "no licence": ("licence", cell(EVENT, CLIP, "license", "")),
    "licence that GBIF does not take": (
        "licence",
        cell(EVENT, CLIP, "license", "http://creativecommons.org/licenses/by-sa/4.0/legalcode"),
    ),
    "no institution": ("required", cell(EVENT, CLIP, "institutionCode", "")),
    # 13: an empty picture keeps its event
    "empty event dropped": ("lost_events", drop(EVENT, EMPTY)),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_gate_catches(name, good, tmp_path):
    expected, plant = MUTANTS[name]
    files = dict(good)
    plant(files)
    assert files != good
    complaints = check(files, tmp_path)
    assert expected in complaints.counts, complaints.kept


def test_text_in_another_encoding_is_a_complaint(good, tmp_path):
    check(good, tmp_path)
    path = tmp_path / OCCURRENCE
    path.write_bytes(path.read_bytes().replace(b"Chromis", b"Chr\xf3mis", 1))
    complaints = check_archive(tmp_path, Charter(make_labels(), "obis", STORED, 10))
    assert "cells" in complaints.counts


def test_without_a_storage_time_no_date_is_called_future(good, tmp_path):
    files = dict(good)
    cell(EVENT, CLIP, "eventDate", "2125-07-03T00:00:00Z")(files)
    assert check(files, tmp_path, newest_at=None).total == 0


def test_a_day_of_clock_error_is_not_yet_the_future(good, tmp_path):
    newest_at = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
    assert check(good, tmp_path, newest_at=newest_at).total == 0


def test_a_broken_archive_gives_a_readable_number_of_complaints_and_counts_the_rest(good, tmp_path):
    files = dict(good)
    header, *lines = files[OCCURRENCE].splitlines()
    files[OCCURRENCE] = "\n".join([header, *(f"{line}\tx" for line in lines * 40)]) + "\n"
    complaints = check(files, tmp_path)
    assert len(complaints.kept) == KEPT
    assert complaints.total > KEPT
    assert str(complaints.kept[0]) == "cells at occurrence.txt:2: 19 cells in a row of 18 columns"
