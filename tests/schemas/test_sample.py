"""A sample says where its water came from, and nothing that contradicts itself."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.geometry import At
from schemas.sample import Sample, SampleRun

FIELDS = {
    "sample_id": "st330-s01",
    "visit": "st330",
    "taken": {"kind": "instant", "at": "2024-05-14T11:12:00+02:00"},
    "where": At(lat_deg=51.43, lon_deg=2.81, source="sample_sheet", depth_min_m=0, depth_max_m=3),
    "water": "concentrated",
    "quantities": {"volume_filtered_l": 50, "volume_concentrate_ml": 100, "mesh_um": 55},
    "gear": "Apstein net",
    "runs": (SampleRun(run="run-1", quantities={"dilution": 2}),),
}


def test_a_sample_is_the_same_after_a_journey_through_json():
    sample = Sample.model_validate(FIELDS)
    assert Sample.from_json(sample.to_canonical()) == sample
    assert sample.to_plain()["taken"] == {"kind": "instant", "at": "2024-05-14T09:12:00.000Z"}
    assert len({sample, Sample.from_json(sample.to_canonical())}) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"quantities": {"volume_filtered_l": 50}}, "a filtered and a concentrate volume"),
        ({"water": "whole"}, "only a concentrated sample"),
        ({"water": None}, "only a concentrated sample"),
        ({"sample_id": "st 330"}, "sample_id"),
        ({"sample_id": "a:b"}, "sample_id"),
        ({"gear_uri": "TOOL0979"}, "gear_uri"),
        ({"runs": ()}, "runs"),
        ({"quantities": {"volume": 1}}, "not registered"),
    ],
)
def test_a_contradictory_or_malformed_sample_is_refused(changes, told):
    with pytest.raises(ValidationError, match=told):
        Sample.model_validate({**FIELDS, **changes})
