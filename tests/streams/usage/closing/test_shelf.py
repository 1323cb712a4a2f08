from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil

import pytest

from schemas.errors import FatalFault
from schemas.noun import to_time_text
from streams.usage.closing.shelf import (
    CLOSINGS_FILE,
    find_lost,
    find_newest,
    list_closed,
    tell_assessed,
    tell_closed,
)
from streams.usage.periods import NamedPeriod
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import Report, make_report
from streams.usage.reports.scope import Scope
from tests.streams.usage.closing.closings import (
    LATER_AT,
    SHEET,
    close,
    flip,
    list_uses,
    make_request,
    write_inputs,
)
from tests.streams.usage.uses import keep, make_person, make_use

_SCOPE = Scope(installations=("obsea",), as_of_at=LATER_AT)


def _report(uses: list) -> Report:
    with open_facts(keep(uses)) as facts:
        return make_report(facts, [make_request().period], _SCOPE)


def test_closings_are_listed_by_period_and_restatement(tmp_path):
    assert list_closed(tmp_path) == ()
    assert find_newest(tmp_path, "M2") is None
    close(tmp_path)
    close(tmp_path, [*list_uses(), make_use("late")], at=LATER_AT)
    close(tmp_path, [*list_uses(), make_use("late"), make_use("later")], at=LATER_AT)
    assert [(item.seal.period, item.seal.restatement) for item in list_closed(tmp_path)] == [
        ("M2", n) for n in range(3)
    ]
    assert find_newest(tmp_path, "M2").seal.restatement == 2


@pytest.mark.parametrize("lost", ["restatement-0", "restatement-1"])
def test_a_closing_that_is_gone_is_named_and_nothing_takes_its_place(tmp_path, lost):
    first = close(tmp_path).closed
    second = close(tmp_path, [*list_uses(), make_use("late")], at=LATER_AT).closed
    gone = {"restatement-0": first, "restatement-1": second}[lost]
    gone.folder.rename(tmp_path.parent / "elsewhere")
    sentence = (
        f"M2, restatement {lost[-1]}, which was closed on {to_time_text(gone.seal.closed_at)} with the seal {gone.seal.seal}, "
        "is not there any more."
    )
    assert find_lost(tmp_path) == find_lost(tmp_path, "M2") == (sentence,)
    assert find_lost(tmp_path, "M1") == ()
    assert sentence in tell_closed(tmp_path, _report(list_uses()))
    with pytest.raises(FatalFault, match="Put it back"):
        close(tmp_path, list_uses()[1:], at=LATER_AT)
    (tmp_path.parent / "elsewhere").rename(gone.folder)
    assert find_lost(tmp_path) == ()


def test_a_period_that_was_closed_anew_elsewhere_does_not_pass_for_the_one_that_was_handed_in(tmp_path):
    shutil.rmtree(close(tmp_path / "one").closed.folder)
    other = close(tmp_path / "other", list_uses()[1:]).closed
    shutil.copytree(other.folder, tmp_path / "one" / "M2" / "restatement-0")
    assert len(find_lost(tmp_path / "one")) == 1


def test_a_log_of_closings_from_which_a_line_was_taken_closes_nothing(tmp_path):
    close(tmp_path)
    close(tmp_path, [*list_uses(), make_use("late")], at=LATER_AT)
    log = tmp_path / CLOSINGS_FILE
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(FatalFault, match=r"closings\.jsonl:1"):
        close(tmp_path, at=LATER_AT)


def test_a_closing_that_was_not_written_down_before_the_machine_died_is_written_down_by_the_next(tmp_path):
    first = close(tmp_path).closed
    (tmp_path / CLOSINGS_FILE).unlink()
    close(tmp_path, [*list_uses(), make_use("late")], at=LATER_AT)
    shutil.rmtree(first.folder)
    assert len(find_lost(tmp_path)) == 1


def test_a_report_on_a_period_that_is_open_says_nothing_of_seals(tmp_path):
    assert tell_closed(tmp_path, _report(list_uses())) == ()


def test_a_report_equal_to_the_sealed_one_says_so(tmp_path):
    closed = close(tmp_path).closed
    assert tell_closed(tmp_path, _report(list_uses())) == (f"{closed.sentence} The figures here are the sealed ones.",)


def test_a_report_that_is_other_than_the_sealed_one_says_in_how_many_figures(tmp_path):
    close(tmp_path)
    sealed, now = _report(list_uses()), _report([*list_uses(), make_use("late")])
    told = tell_closed(tmp_path, now)[0]
    lines = {(line.definition.metric, line.detail): line.cells[0] for line in sealed.sheets[0].lines}
    others = {(line.definition.metric, line.detail): line.cells[0] for line in now.sheets[0].lines}
    changed = sum(lines.get(key) != others.get(key) for key in {*lines, *others})
    assert changed > 5
    assert f"{changed} figures here are other than the sealed ones" in told
    assert "observatory period close M2" in told


def test_a_report_on_more_periods_that_suppresses_more_says_nothing_else_than_what_is_sealed(tmp_path):
    earlier = make_request().period.from_at - dt.timedelta(days=3)
    uses = [
        *(make_use(f"a{n}", who=make_person(f"a{n}"), country="FR") for n in range(6)),
        *(make_use(f"b{n}", who=make_person(f"b{n}"), country="IT") for n in range(5)),
        *(make_use(f"c{n}", who=make_person(f"c{n}"), country="FR", requested_at=earlier) for n in range(5)),
        make_use("d", who=make_person("d"), country="IT", requested_at=earlier),
    ]
    close(tmp_path, uses)
    period = make_request().period
    longer = NamedPeriod("longer", earlier, period.to_at)
    with open_facts(keep(uses)) as facts:
        report = make_report(facts, [period, longer], _SCOPE)
    assert [hiding.countries for hiding in report.sheets[0].hidden] == [{"FR", "IT"}, frozenset()]
    assert "The figures here are the sealed ones." in tell_closed(tmp_path, report)[0]


def test_uses_that_came_late_and_change_no_figure_are_told(tmp_path):
    close(tmp_path)
    report = _report(list_uses())
    sheet = dataclasses.replace(report.sheets[0], as_of=("25-0",))
    assert (
        "Uses came late; they change no figure."
        in tell_closed(tmp_path, dataclasses.replace(report, sheets=(sheet,)))[0]
    )


def test_a_broken_seal_and_broken_figures_are_told(tmp_path):
    folder = close(tmp_path).closed.folder
    plain = json.loads((folder / "SEAL.json").read_bytes())
    (folder / "SEAL.json").chmod(0o644)
    (folder / "SEAL.json").write_text(json.dumps(plain | {"closed_at": "2026-12-04T09:00:00.000Z"}))
    assert "The seal is broken." in tell_closed(tmp_path, _report(list_uses()))[0]
    flip(folder / "report" / "usage.json", 0)
    assert "Its sealed figures cannot be read" in tell_closed(tmp_path, _report(list_uses()))[0]
    (folder / "SEAL.json").write_text("{")
    assert "its seal cannot be read" in tell_closed(tmp_path, _report(list_uses()))[0]


def test_an_assessment_of_other_sheets_than_the_sealed_ones_says_so(tmp_path):
    given = write_inputs(tmp_path / "in")
    close(tmp_path / "shelf", **given)
    periods = [make_request().period]
    with open_facts(keep(list_uses())) as facts:
        told = tell_assessed(tmp_path / "shelf", facts, periods, sheets=given["sheets"], scope=_SCOPE)
        assert len(told) == 1
        changed = write_inputs(tmp_path / "new", SHEET.replace("Images processed", "Pictures"))["sheets"]
        told = tell_assessed(tmp_path / "shelf", facts, periods, sheets=changed, scope=_SCOPE)
        assert told[1:] == ("The metric sheets are other than those that M2 was closed with.",)
        assert tell_assessed(tmp_path / "none", facts, periods, sheets=changed, scope=_SCOPE) == ()
