"""The sample sheet that ``observatory init`` writes: every column, and an example to replace."""

from __future__ import annotations

import csv
import io

from streams.feeds.sample_sheet.sheet import COLUMNS

FILE_NAME = "samples.csv"

#: A net sample of which two runs were made, the second one diluted, and a bottle of whole water.
_EXAMPLES = (
    {
        "sample_id": "2024-st330-s01",
        "run": "my-run-1",
        "visit": "2024-st330",
        "taken_at": "2024-05-14T09:12:00Z",
        "lat_deg": "51.43",
        "lon_deg": "2.81",
        "uncertainty_m": "100",
        "depth_min_m": "0",
        "depth_max_m": "3",
        "water": "concentrated",
        "volume_filtered_l": "50",
        "volume_concentrate_ml": "100",
        "gear": "Apstein net",
        "mesh_um": "55",
        "volume_subsample_ml": "5",
        "note": "an example: replace it by your own samples",
    },
    {"sample_id": "2024-st330-s01", "run": "my-run-2", "volume_subsample_ml": "5", "dilution": "2"},
    {
        "sample_id": "2024-st330-s02",
        "run": "my-run-3",
        "visit": "2024-st330",
        "taken_at": "2024-05-14T09:30:00Z",
        "lat_deg": "51.43",
        "lon_deg": "2.81",
        "depth_min_m": "3",
        "water": "whole",
        "gear": "Niskin bottle",
    },
)


def make_template() -> str:
    """Return the text of a sample sheet to start from."""
    out = io.StringIO()
    rows = csv.DictWriter(out, COLUMNS.known, restval="", lineterminator="\n")
    rows.writeheader()
    rows.writerows(_EXAMPLES)
    return out.getvalue()
