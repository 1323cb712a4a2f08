from __future__ import annotations

import datetime as dt
import json
import random

import pytest

from schemas.errors import FatalFault
from streams.usage.audit.auditing import audit, to_markdown
from streams.usage.audit.reading import read_document, read_toml
from streams.usage.audit.rulebook import RULES
from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.tables import to_csv, to_json
from streams.usage.sheets.assessment import Assessment, assess
from streams.usage.sheets.writing import to_csv as write_csv
from streams.usage.sheets.writing import to_json as write_json
from tests.streams.usage.audit.shows import make_document, make_row
from tests.streams.usage.sheets.sheets import HOMES, STEPS, VISITORS, declare, read
from tests.streams.usage.uses import NOW, keep, make_person, make_use

_TABLE = """
format = "observatory-tables/1"
name = "library"

[[row]]
installation = "library"
metric = "loans"
label = "Loans"
kind = "count"
unit = "book"
cells = { "2011" = 3, "2012" = "1,000" }
total = 4
"""


def test_a_finding_names_the_line_of_its_row():
    findings = audit([read_toml(_TABLE, "library.toml")])
    assert [(finding.rule, finding.line, finding.column) for finding in findings] == [("sum", 5, "TOTAL")]


def test_every_mistake_in_a_file_is_named_with_its_line():
    text = _TABLE.replace('unit = "book"', 'unit = "Book!"\nunits = 3').replace('kind = "count"', 'kind = "heap"')
    with pytest.raises(FatalFault) as caught:
        read_toml(text + '[[claim]]\ninstallation = "library"\n', "library.toml")
    lines = caught.value.sentence.splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"library.toml:{line}" for line in (9, 10, 11, 14)]
    assert "there is no such field" in lines[2]


def test_what_is_no_toml_or_no_text_is_refused(tmp_path):
    with pytest.raises(FatalFault, match="no TOML"):
        read_toml("[[row", "library.toml")
    path = tmp_path / "library.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(FatalFault, match=r"library\.toml could not be read"):
        read_document(path)


def test_lists_that_are_none_are_refused():
    for text in ("row = 3", "row = [3]", "[row]\nmetric = 'x'"):
        with pytest.raises(FatalFault):
            read_toml(f'format = "observatory-tables/1"\nname = "x"\n{text}', "x.toml")


def _make_ours(**values) -> str:
    kinds = {"images_processed": ("image", True), "countries": ("name", False), "country_count": ("country", False)}
    entries = [
        {
            "installation": "obsea", "metric": metric, "detail": "", "label": metric, "definition": f"{metric}@1",
            "unit": unit, "additive": additive, "period": period,
        } | state
        for metric, (unit, additive) in kinds.items()
        for period, state in values[metric].items()
    ]  # fmt: skip
    periods = [{"name": "M13-24"}, {"name": "M25-36"}]
    return json.dumps({"periods": periods, "installations": {"obsea": entries}})


def _measured(value) -> dict:
    return {"state": "measured", "value": value}


def test_a_report_of_ours_is_audited_from_its_json(tmp_path):
    path = tmp_path / "report.json"
    values = {
        "images_processed": {"M13-24": _measured(5), "M25-36": {"state": "not_measured", "why": "no_facts"}},
        "countries": {"M13-24": {"state": "names", "value": ["Bonaire, Sint Eustatius and Saba", "Italy"]}},
        "country_count": {"M13-24": _measured(2)},
    }
    path.write_text(_make_ours(**values))
    found = audit([read_document(path)])
    assert [finding.rule for finding in found] == []
    values["country_count"] = {"M13-24": _measured(3)}
    path.write_text(_make_ours(**values))
    assert [finding.rule for finding in audit([read_document(path)])] == ["count-against-names"]


def test_bounds_of_ours_are_read_as_such(tmp_path):
    path = tmp_path / "report.json"
    bounds = {"state": "bounded", "low": 120, "high": 238, "why": "several_keys"}
    path.write_text(_make_ours(images_processed={"M13-24": bounds}, countries={}, country_count={}))
    cell = read_document(path).rows[0].columns["M13-24"]
    assert (cell.number, cell.low, cell.high) == (None, 120, 238)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"periods": [], "installations": 3}'])
def test_json_of_something_else_is_refused(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(FatalFault, match="no report"):
        read_document(path)


def test_the_order_in_which_reports_are_named_means_nothing():
    documents = [make_document(make_row(y1=number), edition=number) for number in range(1, 5)]
    expected = audit(documents)
    assert len(expected) == 3
    for seed in range(5):
        assert audit(random.Random(seed).sample(documents, 4)) == expected


def test_rules_have_names_of_their_own_and_say_what_they_ask_for():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert [rule.name for rule in RULES if not rule.promise.endswith(".")] == []


def test_findings_are_written_down_with_what_the_rule_asks_for():
    text = to_markdown(audit([read_toml(_TABLE, "library.toml")]))
    assert "## What cannot be true\n\n### sum" in text
    assert "library:5 (library, loans, TOTAL)" in text
    assert to_markdown(()).endswith("Nothing was found.\n")


def test_a_report_that_this_program_made_of_facts_raises_no_alarm_and_a_changed_one_does(tmp_path):
    uses = [
        make_use(
            number, requested_at=NOW + dt.timedelta(days=number), who=make_person(f"p{number % 7}"), country=country
        )
        for number, country in enumerate(["ES", "IT", "BQ", "ZZ"] * 10)
    ]
    with open_facts(keep(uses)) as facts:
        text = to_json(make_report(facts, tuple(map(read_period, ("2026-11", "2026-12")))))
    path = tmp_path / "report.json"
    path.write_text(text, encoding="utf-8")
    assert audit([read_document(path)]) == ()
    plain = json.loads(text)
    for row in plain["installations"]["obsea"]:
        if (row["metric"], row["period"]) == ("country_count", "2026-11"):
            row["value"] += 1
    path.write_text(json.dumps(plain), encoding="utf-8")
    assert [(finding.rule, finding.column) for finding in audit([read_document(path)])] == [
        ("count-against-names", "2026-11")
    ]


def _make_assessment(**changed: str) -> Assessment:
    values = {"M13-24": "2", "M25-36": "3", "TOTAL": "2-5"} | changed
    homes = {"M13-24": "Spain, Italy", "M25-36": "Spain, Italy, Malta"}
    sheet = read(
        *(VISITORS, STEPS, HOMES),
        *(declare("visitors", column, value) for column, value in values.items()),
        *(declare("homes", column, value) for column, value in homes.items()),
        declare("steps", "M13-24", "7"),
    )
    return assess([sheet], ("M13-24", "M25-36"))


@pytest.mark.parametrize(("form", "write"), [("json", write_json), ("csv", write_csv)])
def test_an_assessment_of_ours_is_audited_from_its_json_and_csv(tmp_path, form, write):
    path = tmp_path / f"My report, 2nd.{form}"
    path.write_text(write(_make_assessment()), encoding="utf-8")
    document = read_document(path)
    assert (document.name, document.edition) == ("my-report-2nd", 36)
    assert audit([document]) == ()
    path.write_text(write(_make_assessment(TOTAL="6")), encoding="utf-8")
    assert ("unique-bounds", "TOTAL") in {(finding.rule, finding.column) for finding in audit([read_document(path)])}


def test_two_assessments_are_compared_and_a_break_that_is_told_is_none(tmp_path):
    def write(name: str, *parts: str, periods: tuple[str, ...] = ("M13-24",)):
        path = tmp_path / name
        path.write_text(write_json(assess([read(*parts)], periods)), encoding="utf-8")
        return read_document(path)

    value = declare("steps", "M13-24", "7")
    before = write("m24.json", STEPS, value)
    drifted = STEPS.replace("Steps of all visitors", "Steps up only")
    after = write("m36.json", drifted, value, periods=("M13-24", "M25-36"))
    assert [finding.rule for finding in audit([after, before])] == ["definition-drift"]
    version = 'metric = "steps"\nversion = 2\nsince = 2024-09-01\nchange = "Down is easy."'
    told = write("m36.json", STEPS, drifted.replace('metric = "steps"', version), value, periods=("M13-24", "M25-36"))
    assert audit([told, before]) == ()


def test_figures_of_ours_in_csv_say_the_same_as_in_json(tmp_path):
    uses = [
        make_use(number, who=make_person(f"p{number % 7}"), country=country)
        for number, country in enumerate(["ES", "IT", "BQ", "ZZ"] * 5)
    ]
    with open_facts(keep(uses)) as facts:
        report = make_report(facts, tuple(map(read_period, ("2026-11", "2026-12"))))
    for name, text in (("report.json", to_json(report)), ("report.csv", to_csv(report))):
        (tmp_path / name).write_text(text, encoding="utf-8")
    one, other = (read_document(tmp_path / name) for name in ("report.json", "report.csv"))
    assert one == other
    assert audit([other]) == ()


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "column\nM13-24\n"])
def test_a_table_of_something_else_is_refused(tmp_path, text):
    path = tmp_path / "report.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FatalFault, match="no report"):
        read_document(path)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(FatalFault, match=r"There is no file nowhere\.toml"):
        read_document(tmp_path / "nowhere.toml")
