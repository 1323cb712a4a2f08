"""Labels that people put beside a run: validated only where a row names person and day."""

from __future__ import annotations

import datetime as dt

import pytest

from schemas.errors import RejectedInput
from streams.feeds.runs.visualspreadsheet.labels import looks_like_labels
from tests.support.runs import read, read_opinions, survey, write_small_run

TABLE = """particle,label,person,date
3,Diatom,Ann Bee,2024-05-14
4,Diatom,Ann Bee,
5,Ciliate,,2024-05-14
6,Ciliate,Cy Dee,2024-05-15
7,,Cy Dee,2024-05-15
"""


@pytest.fixture
def folder(tmp_path):
    write_small_run(tmp_path / "run")
    return tmp_path / "run"


def read_people(folder):
    return [opinion for opinion in read_opinions(folder) if opinion.source == "annotation"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_only_a_row_that_names_person_and_day_is_validated_and_the_name_stays_in_the_table(folder, mark, encoding):
    (folder / "labels.csv").write_text(TABLE.replace(",", mark), encoding=encoding)
    people = read_people(folder)
    assert [(item.index, item.label, item.is_validated) for item in people] == [
        (3, "Diatom", True),
        (4, "Diatom", False),
        (5, "Ciliate", False),
        (6, "Ciliate", True),
    ]
    assert [item.annotator for item in people] == ["annotator-1", "annotator-1", None, "annotator-2"]
    assert people[0].decided_on == dt.date(2024, 5, 14)


def test_a_table_of_labels_is_an_opinion_and_changes_nothing_of_the_particles(folder):
    before = read(folder)
    (folder / "labels.csv").write_text("particle,label\n1,Diatom\n", encoding="utf-8")
    assert "labels.csv" in survey(folder).opinions
    assert "labels.csv" not in [part.name for part in survey(folder).parts]
    assert read(folder)[0] == before[0]
    assert [(item.index, item.is_validated) for item in read_people(folder)] == [(1, False)]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            "x,Diatom,Ann,2024-05-14",
            "Line 2 of the table of labels has something else where a particle's number should be",
        ),
        ("-1,Diatom,Ann,2024-05-14", "something else"),
        ("1,Diatom,Ann,14.5.2024", "write 2024-05-14, not '14.5.2024'"),
        ("1,Diatom", "has 2 cells, the header 4"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(folder, row, words):
    (folder / "labels.csv").write_text(f"particle,label,person,date\n{row}\n", encoding="utf-8")
    with pytest.raises(RejectedInput, match="table of labels") as caught:
        read_people(folder)
    assert (caught.value.reason, words in caught.value.sentence) == ("bad_labels", True)


def test_tables_of_other_columns_are_not_taken_for_labels():
    assert looks_like_labels(b"particle,label\r\n1,a\r\n")
    assert looks_like_labels(b'"Particle";"Label";"Note"\n')
    others = (b"", b"\n\n", b"Particle ID,Area (ABD)\n", b"sample_id,run,label,particle\n", b"label,score\n")
    assert not any(map(looks_like_labels, others))
