"""The facts we carry are those of the definition files they were taken from."""

from __future__ import annotations

import csv

import pytest
from lxml import etree

from sinks.darwin_core.terms import (
    EVENT_ROW,
    MEASUREMENT_ROW,
    OCCURRENCE_ROW,
    TABLES,
    load_official_terms,
    load_quantities,
    load_units,
)


@pytest.mark.parametrize(
    ("row_type", "file"),
    [
        (EVENT_ROW, "dwc_event_2025-07-10.xml"),
        (OCCURRENCE_ROW, "dwc_occurrence_2025-07-10.xml"),
        (MEASUREMENT_ROW, "extended_measurement_or_fact_2023-08-28.xml"),
    ],
)
def test_the_official_terms_are_those_of_the_definition(row_type, file, reference):
    root = etree.parse(reference / "dwc" / "schemas" / "gbif_ext" / file).getroot()
    assert root.get("rowType") == row_type
    assert load_official_terms()[row_type] == {item.get("qualName") for item in root.iter("{*}property")}


def test_the_codes_carry_the_standard_unit_of_the_vocabulary(reference):
    with (reference / "dwc" / "vocab" / "P01_generic.csv").open(encoding="utf-8") as lines:
        rows = {row["uri"]: row for row in csv.DictReader(lines)}
    for uri, quantity in load_quantities().items():
        assert rows[uri]["deprecated"] == "false"
        assert rows[uri]["preflabel"] == quantity.label
        assert rows[uri]["standardUnitID"] in quantity.units


def test_the_units_are_called_what_the_vocabulary_calls_them(reference):
    with (reference / "dwc" / "vocab" / "P06_units.csv").open(encoding="utf-8") as lines:
        rows = {row["uri"]: row for row in csv.DictReader(lines)}
    for uri, label in load_units().items():
        assert (rows[uri]["preflabel"], rows[uri]["deprecated"]) == (label, "false")
    assert {unit for quantity in load_quantities().values() for unit in quantity.units} <= set(load_units())


def test_every_column_we_write_is_a_term_of_its_row_type():
    for table in TABLES:
        assert {term for _, term in table.to_fields()} <= load_official_terms()[table.row_type]


def test_the_three_identifier_terms_of_measurements_live_in_the_obis_name_space():
    (measurements,) = [table for table in TABLES if table.row_type == MEASUREMENT_ROW]
    obis = [term for _, term in measurements.to_fields() if term.startswith("http://rs.iobis.org/")]
    assert sorted(term.rsplit("/", 1)[-1] for term in obis) == [
        "measurementTypeID",
        "measurementUnitID",
        "measurementValueID",
    ]
