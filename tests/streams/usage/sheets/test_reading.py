from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.errors import FatalFault
from streams.usage.sheets.reading import read_sheets, read_text
from tests.streams.usage.sheets.sheets import EVIDENCE, HEAD, HOMES, STEPS, VISITORS, declare, read, report


def _complain(*parts: str) -> list[str]:
    with pytest.raises(FatalFault) as caught:
        read(*parts)
    return caught.value.sentence.splitlines()


def test_a_sheet_is_read():
    sheet = read(
        VISITORS,
        HOMES,
        declare("visitors", "M13-24", "40", role="guard", stated_on="2024-09-01", evidence_sha256=EVIDENCE),
    )
    assert [metric.name for metric in sheet.metrics] == ["visitors@1", "homes@1"]
    assert sheet.description == (("Task", "T9"),)
    assert sheet.declared[0].provenance == "declared"


def test_every_mistake_of_form_is_named_at_once_with_its_line():
    text = VISITORS.replace('"unique"', '"heap"').replace("unit =", "units =") + declare(
        "visitors", "M13-24", "4", role="x", stated_on='"soon"'
    )
    lines = _complain(text)
    assert [line.split(":")[0] for line in lines] == ["museum.toml"] * 4
    assert [int(line.split(":")[1]) for line in lines] == [11, 15, 16, 25]
    assert "metric.1.units: there is no such field" in lines[2]
    assert _complain("") == ["museum.toml:1: metric: it is missing"]
    assert _complain("\nmetric = []\n") != []


def test_every_mistake_of_sense_is_named_at_once_with_its_line():
    lines = _complain(
        VISITORS,
        STEPS.replace("unit =", 'names_of = "homes"\nunit ='),
        declare("visitors", "M13-24", "many"),
        declare("guards", "M13-24", "4"),
        declare("visitors", "M1-12", "4"),
        declare("visitors", "baseline", "4"),
        declare("steps", "M13-24", "4"),
        declare("steps", "M13-24", "5"),
    )
    told = [line.split(": ", 2)[1:] for line in lines]
    assert [int(line.split(":")[1]) for line in lines] == sorted(int(line.split(":")[1]) for line in lines)
    assert [" ".join(words)[:42] for words in told] == [
        "steps@1 names_of belongs to a metric of na",
        "visitors, M13-24 'many' is no number, and ",
        "guards, M13-24 there is no such metric",
        "visitors, M1-12 there is no such period",
        "visitors, baseline write it as the metric'",
        "steps, M13-24 stated twice; a restatement ",
    ]


@pytest.mark.parametrize(
    ("later", "said"),
    [
        ("version = 3\nsince = 2024-01-01\nchange = 'x'", "counted from 1 without a gap"),
        ("version = 2\nchange = 'x'", "says since when"),
        ("version = 2\nsince = 2024-01-01", "says what it changes"),
    ],
)
def test_a_new_version_says_since_when_and_why(later, said):
    text = VISITORS.replace('metric = "visitors"', f'metric = "visitors"\n{later}')
    assert any(said in line for line in _complain(VISITORS, text))
    good = VISITORS.replace('metric = "visitors"', 'metric = "visitors"\nversion = 2\nsince = 2024-01-01\nchange = "x"')
    assert read(VISITORS, good).list_metrics()[0].version == 2


def test_windows_of_one_source_do_not_overlap_and_stay_in_their_period():
    one = report("steps", "M25-36", "5", ("2024-09-01", "2024-09-14"))
    assert len(read(STEPS, one, report("steps", "M25-36", "5", ("2024-09-15", "2024-09-28"))).imported) == 2
    assert "overlaps another" in _complain(STEPS, one, report("steps", "M25-36", "5", ("2024-09-14", "2024-09-27")))[0]
    assert "not within the period" in _complain(STEPS, report("steps", "M25-36", "5", ("2024-08-31", "2024-09-13")))[0]
    assert "not within the period" in _complain(STEPS, report("steps", "M25-36", "5", ("2025-08-31", "2025-09-01")))[0]
    assert "ends before it begins" in _complain(STEPS, report("steps", "M25-36", "5", ("2025-01-02", "2025-01-01")))[0]
    late = report("steps", "M25-36", "5", ("2025-01-02", "2025-02-01"), retrieved="2025-01-31")
    assert "before the window was over" in _complain(STEPS, late)[0]


def test_a_period_that_is_none_is_refused():
    with pytest.raises(FatalFault, match="M24-13"):
        read_text(HEAD.replace("M25-36", "M24-13") + STEPS, "museum.toml")


def test_sheets_of_a_folder_are_read_together_and_their_mistakes_told_together(tmp_path):
    (tmp_path / "a.toml").write_text(HEAD + STEPS)
    assert len(read_sheets([tmp_path])) == 1
    (tmp_path / "b.toml").write_text(HEAD + STEPS)
    (tmp_path / "c.toml").write_text("format = 3")
    (tmp_path / "d.toml").write_bytes(b"\xff")
    with pytest.raises(FatalFault) as caught:
        read_sheets([tmp_path])
    assert "b.toml: the installation obsea has another sheet" in caught.value.sentence
    assert "c.toml:1: format" in caught.value.sentence
    assert "d.toml could not be read" in caught.value.sentence
    with pytest.raises(FatalFault, match="no metric sheet"):
        read_sheets([])


def test_what_is_wrong_is_told_with_what_would_be_right_and_all_of_it_at_once():
    good = declare("steps", "M13-24", "3", evidence_sha256=EVIDENCE)
    unreadable = declare("steps", "M25-36", "4", evidence_sha256="soon")
    unknown = declare("stairs", "M13-24", "5")
    with pytest.raises(FatalFault) as caught:
        read(STEPS, good, unreadable, unknown)
    assert re.findall(r"museum\.toml:\d+: (.*)", caught.value.sentence) == [
        "declared.2.evidence_sha256: 'soon' is not a SHA-256 digest, 64 hexadecimal digits",
        "stairs, M13-24: there is no such metric",
    ]
    with pytest.raises(FatalFault, match=r"metric\.1\.kind: 'counts' is none of 'count', 'unique', 'names'"):
        read(STEPS.replace('"count"', '"counts"'))
    with pytest.raises(FatalFault, match="project_starts: '2022-13' is not a month such as 2022-09"):
        read_text((HEAD + STEPS).replace("2022-09", "2022-13"), "museum.toml")


def test_a_sheet_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(FatalFault, match="There is no metric sheet nowhere"):
        read_sheets([tmp_path / "nowhere"])


def test_the_sheet_of_the_manual_is_one():
    page = (Path(__file__).parents[4] / "docs" / "assessment.md").read_text(encoding="utf-8")
    text = page.split("```toml\n")[1].split("```")[0].replace('sha256 = "…"', f'sha256 = "{EVIDENCE}"')
    # the value that the manual imports is of a metric that a real sheet has
    sheet = read_text(text + STEPS.replace('"steps"', '"dataset_downloads"'), "obsea.toml")
    assert [metric.name for metric in sheet.metrics] == [
        "images_processed@1",
        "images_processed@2",
        "dataset_downloads@1",
    ]
    assert sheet.metrics[0].baseline_provenance == "declared"
    assert sheet.declared[0].provenance == "declared"
