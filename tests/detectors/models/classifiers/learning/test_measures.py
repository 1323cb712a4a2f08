"""The instrument's own measures: which row is whose, and which columns say what a particle is like."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.models.classifiers.learning.measures import read_measures
from detectors.models.classifiers.learning.pictures import LabelledPicture, find_pictures
from schemas.errors import FatalFault


def make_picture(stem):
    """Return a picture by its file's name without ending."""
    return LabelledPicture(Path(f"{stem}.png"), "a", "run")


def write_table(folder, text):
    """Write a table of measures."""
    (folder / "run.csv").write_text(text, encoding="utf-8-sig")
    return (folder / "run.csv",)


def test_rows_find_their_pictures_and_places_and_names_are_no_measures(tmp_path):
    tables = write_table(
        tmp_path, "Capture X,Area (ABD),Original Reference ID,Filter\n1,4.5,AA-1,x\n2,6.5,BB-2,x\n3,8,CC-3,x\n"
    )
    measures = read_measures(tables, [make_picture("run_BB-2"), make_picture("run_aa-1")])
    assert measures.names == ("Area (ABD)",)
    assert measures.numbers.tolist() == [[6.5], [4.5]]
    assert measures.found == 2


def test_a_cell_without_a_number_takes_the_mean_of_its_column(tmp_path):
    tables = write_table(tmp_path, "file,Length,Same\na,2,1\nb,inf,1\nc,4,1\n")
    measures = read_measures(tables, [make_picture(stem) for stem in "abc"])
    assert measures.names == ("Length",)
    assert measures.numbers.ravel().tolist() == [2.0, 3.0, 4.0]


def test_tables_of_other_pictures_are_refused(tmp_path):
    tables = write_table(tmp_path, "file,Length\na,2\nb,3\n")
    with pytest.raises(FatalFault, match="rows for 1 of 2 pictures"):
        read_measures(tables, [make_picture("a"), make_picture("z")])
    with pytest.raises(FatalFault, match=r"absent\.csv cannot be read"):
        read_measures((tmp_path / "absent.csv",), [make_picture("a")])


def test_every_labelled_particle_has_a_row_in_the_tables_of_its_run(real_data):
    found = find_pictures(real_data / "plankton/flowcam_roi")
    runs = real_data / "plankton/flowcam_runs"
    measures = read_measures(tuple(runs / run / f"{run}.csv" for run in found.runs), found.pictures)
    assert measures.found == len(found.pictures) == 2_000
    assert len(measures.names) == 39
    assert {"Area (ABD)", "Diameter (ESD)", "Symmetry"} <= set(measures.names)
    assert not {name for name in measures.names if name.startswith(("Capture", "Image", "Date", "Time"))}
