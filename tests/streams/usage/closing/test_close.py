from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import FatalFault, TransientFault
from streams.usage.closing import close as closing_module
from streams.usage.closing.close import close_period
from streams.usage.closing.seal import SEAL_FILE
from streams.usage.closing.shelf import list_closed
from streams.usage.closing.verify import verify_folder
from streams.usage.meter import Meter
from tests.streams.usage.closing.closings import (
    CLOSED_AT,
    LATER_AT,
    PDF,
    SHEET,
    close,
    flip,
    list_uses,
    make_request,
    read_files,
    write_inputs,
)
from tests.streams.usage.uses import keep, make_person, make_record, make_use

_ROOT = Path(__file__).parents[4]

_SECOND = dt.timedelta(seconds=1)


def test_a_sealed_folder_holds_the_report_in_every_form_and_what_it_was_made_from(tmp_path):
    made = close(tmp_path / "shelf", **write_inputs(tmp_path / "in"))
    assert made.is_new
    assert made.closed.folder == tmp_path / "shelf" / "M2" / "restatement-0"
    assert sorted(read_files(made.closed.folder)) == [
        "SEAL.json",
        "blocks.txt",
        "inputs.json",
        "report/assessment.csv",
        "report/assessment.docx",
        "report/assessment.html",
        "report/assessment.json",
        "report/assessment.md",
        *PDF,
        "report/counter-dsr.json",
        "report/usage.csv",
        "report/usage.json",
        "report/usage.md",
        "robots.json",
        "sheets/obsea.toml",
        "usage/facts/sealed/usage.recorded.v1/0/0000000000000000000.parquet",
    ]
    assert made.closed.sentence == (
        f"M2 was closed on 2026-12-03T09:00:00.000Z, seal {made.closed.seal.seal}, restatement 0."
    )


def test_inputs_name_rules_lists_digests_and_the_offsets_of_every_log(tmp_path):
    made = close(tmp_path / "shelf", list_uses()[:10], list_uses()[10:], **write_inputs(tmp_path / "in"))
    inputs = json.loads((made.closed.folder / "inputs.json").read_bytes())
    assert (inputs["profile"], inputs["counter_profile"]) == ("observatory-1", "counter-rd-1")
    assert inputs["country_file"]["name"] == "countries.mmdb"
    assert len(inputs["robots"]["sha256"]) == len(inputs["sheets"][0]["sha256"]) == 64
    # the use after the period is the last one of its log, and not among them
    assert [(item["partition"], item["first"], item["last"]) for item in inputs["facts"]["ranges"]] == [
        (0, 0, 9),
        (1, 0, 13),
    ]
    assert (inputs["facts"]["uses"], inputs["periods"]) == (24, ["M1", "M2"])
    assert made.closed.seal.code_version
    assert len(made.closed.seal.code_sha256) == 64


def test_the_same_facts_give_the_same_bytes_on_whatever_day_a_period_is_closed(tmp_path):
    given = write_inputs(tmp_path / "in")
    one = close(tmp_path / "one", **given).closed
    other = close(tmp_path / "other", at=LATER_AT, **given).closed
    assert one.seal.root == other.seal.root
    assert one.seal.seal != other.seal.seal
    files, others = read_files(one.folder), read_files(other.folder)
    assert {name for name in files if files[name] != others[name]} == {SEAL_FILE}


def test_closing_again_without_late_uses_changes_no_byte(tmp_path):
    given = write_inputs(tmp_path / "in")
    first = close(tmp_path / "shelf", **given)
    before = read_files(tmp_path / "shelf")
    for changes in ({}, given):
        again = close(tmp_path / "shelf", at=LATER_AT, **changes)
        assert not again.is_new
        assert again.closed == first.closed
    assert read_files(tmp_path / "shelf") == before


def test_redelivery_another_log_and_uses_of_later_periods_make_no_restatement(tmp_path):
    given = write_inputs(tmp_path / "in")
    close(tmp_path / "shelf", **given)
    uses = list_uses()
    again = close(tmp_path / "shelf", [*uses[::-1], *uses[:4]], uses[3:9], at=LATER_AT)
    assert not again.is_new
    later = make_use("y", requested_at=LATER_AT)
    assert not close(tmp_path / "shelf", [*uses, later], at=LATER_AT).is_new


def test_late_uses_make_the_next_restatement_with_the_lines_that_changed(tmp_path):
    first = close(tmp_path / "shelf", **write_inputs(tmp_path / "in")).closed
    before = read_files(first.folder)
    late = make_use("late", who=make_person("carl"), country="FR")
    second = close(tmp_path / "shelf", [*list_uses(), late], at=LATER_AT)
    assert second.is_new
    seal = second.closed.seal
    assert (seal.restatement, seal.previous) == (1, first.seal.seal)
    changes = (second.closed.folder / "changes.md").read_text(encoding="utf-8")
    assert "- obsea: 1\n" in changes
    assert f"restatement 0, seal `{first.seal.seal}`" in changes
    assert "-| Images processed | 20 |\n" in changes
    assert "+| Images processed | 21 |\n" in changes
    assert "+| - uses: France (FR) | suppressed |\n" in changes
    assert read_files(first.folder) == before
    assert verify_folder(second.closed.folder).differences == ()


def test_the_threshold_of_a_closing_is_frozen_and_holds_for_its_restatements(tmp_path):
    few = [make_use(f"f{number}", who=make_person("carl"), country="FR") for number in range(5)]
    open_to_all = close(tmp_path / "one", [*list_uses(), *few], least_persons=1).closed.folder
    assert "| - uses: France (FR) | 5 (" in (open_to_all / "report" / "usage.md").read_text(encoding="utf-8")
    assert verify_folder(open_to_all).differences == ()
    first = close(tmp_path / "two", [*list_uses(), *few])
    again = close(tmp_path / "two", [*list_uses(), *few, make_use("late")], at=LATER_AT, least_persons=1)
    for closing in (first, again):
        assert closing.inputs.least_persons == 3
        for name in ("usage.md", "usage.csv", "usage.json"):
            assert "suppressed" in (closing.closed.folder / "report" / name).read_text(encoding="utf-8")
        assert "| - uses: France (FR) | suppressed |" in (closing.closed.folder / "report/usage.md").read_text(
            encoding="utf-8"
        )


def test_a_use_recorded_late_under_a_known_id_with_other_content_is_late_even_if_dated_after_the_period(tmp_path):
    given = write_inputs(tmp_path / "in")
    close(tmp_path / "shelf", **given)
    conflict = make_use(3, requested_at=LATER_AT, bytes=1)
    again = close(tmp_path / "shelf", [*list_uses(), conflict], at=LATER_AT + dt.timedelta(days=1))
    assert again.is_new
    assert "Conflicts" in (again.closed.folder / "report" / "usage.md").read_text(encoding="utf-8")
    assert verify_folder(again.closed.folder).differences == ()


def test_a_changed_sheet_makes_a_restatement_and_is_named_as_its_reason(tmp_path):
    close(tmp_path / "shelf", **write_inputs(tmp_path / "in"))
    changed = write_inputs(tmp_path / "new", SHEET.replace('baseline = "10"', 'baseline = "12"'))
    again = close(tmp_path / "shelf", at=LATER_AT, **changed)
    assert again.is_new
    assert again.inputs.because == ("The metric sheets were changed.",)
    assert again.inputs.late == ()


def test_a_record_that_is_no_use_and_came_late_makes_a_restatement_and_is_its_reason(tmp_path):
    close(tmp_path / "shelf")
    store = keep(list_uses())
    late = make_request().period.to_at - _SECOND
    Meter(store, "log-2").take(
        [make_record(0, b"no use", appended_at=late), make_record(1, b"?", appended_at=LATER_AT)]
    )
    again = close_period(store, tmp_path / "shelf", make_request(), LATER_AT)
    assert again.is_new
    assert again.inputs.because == ("Records that are no use were found that were taken in before the period's end.",)
    changes = (again.closed.folder / "changes.md").read_text(encoding="utf-8")
    assert again.inputs.because[0] in changes
    assert "No use: not_json" in changes
    assert not close_period(store, tmp_path / "shelf", make_request(), LATER_AT).is_new


def test_another_list_of_robots_makes_a_restatement_and_is_its_reason(tmp_path):
    given = write_inputs(tmp_path / "in")
    close(tmp_path / "shelf", **given)
    given["robots"].write_text(given["robots"].read_text().replace("bot", "spider"))
    again = close(tmp_path / "shelf", at=LATER_AT, **given)
    assert (again.is_new, again.inputs.because) == (True, ("Another list of robots was given.",))


def test_without_sheets_and_robots_the_usage_report_is_sealed_alone(tmp_path):
    made = close(tmp_path / "shelf")
    names = {name for name in read_files(made.closed.folder) if name.startswith("report/")}
    assert names == {"report/usage.csv", "report/usage.json", "report/usage.md"}
    assert verify_folder(made.closed.folder).differences == ()
    assert not close(tmp_path / "shelf", at=LATER_AT).is_new
    assert close(tmp_path / "shelf", [*list_uses(), make_use("late")], at=LATER_AT).is_new


@pytest.mark.parametrize("early", [_SECOND * 3600, -_SECOND * 59])
def test_an_open_period_is_not_closed(tmp_path, early):
    request = make_request()
    with pytest.raises(FatalFault, match="M2 is open until 2026-12-01T00:01:00"):
        close(tmp_path / "shelf", at=request.period.to_at - early)
    assert not (tmp_path / "shelf").exists()


def test_a_period_that_the_sheets_do_not_report_on_is_refused_and_leaves_nothing(tmp_path):
    given = write_inputs(tmp_path / "in", SHEET.replace('["M1", "M2", "M3"]', '["M1", "M3"]'))
    with pytest.raises(FatalFault, match="The sheets have no period M2; they have M1, M3"):
        close(tmp_path / "shelf", **given)
    assert read_files(tmp_path / "shelf") == {}


def test_what_is_no_more_what_was_sealed_is_not_restated(tmp_path):
    first = close(tmp_path / "shelf", **write_inputs(tmp_path / "in")).closed
    flip(first.folder / "report" / "usage.csv", 40)
    with pytest.raises(FatalFault, match="is not what was sealed"):
        close(tmp_path / "shelf", [*list_uses(), make_use("late")], at=LATER_AT)
    assert len(list_closed(tmp_path / "shelf")) == 1


@pytest.mark.parametrize("writes", [0, 3, 9, 14])
def test_a_close_that_fails_on_the_way_leaves_nothing(tmp_path, monkeypatch, writes):
    given = write_inputs(tmp_path / "in")
    real, done = closing_module.write_replacing, []

    def fail(target, fill):
        if len(done) == writes:
            raise OSError(28, "No space left on device")
        done.append(target)
        real(target, fill)

    monkeypatch.setattr(closing_module, "write_replacing", fail)
    with pytest.raises(TransientFault, match="Nothing was sealed"):
        close(tmp_path / "shelf", **given)
    assert read_files(tmp_path / "shelf") == {}


def test_a_folder_gets_its_name_whole_and_in_one_step(tmp_path, monkeypatch):
    def fail(path, target):
        assert (path / SEAL_FILE).is_file(), "all is written before"
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(TransientFault, match="Nothing was sealed"):
        close(tmp_path / "shelf")
    assert read_files(tmp_path / "shelf") == {}


_KILLED = """
import os, signal, sys
from pathlib import Path
from streams.usage.closing import close as module
from tests.streams.usage.closing.closings import close, write_inputs

real = module.write_replacing

def kill(target, fill):
    if target.endswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    real(target, fill)

module.write_replacing = kill
close(Path(sys.argv[1]) / "shelf", **write_inputs(Path(sys.argv[1]) / "in"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("at", ["usage.md", SEAL_FILE])
def test_a_killed_close_leaves_nothing_that_looks_sealed_and_the_next_one_is_as_if_it_had_not_been(tmp_path, at):
    ran = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path), at], cwd=_ROOT, check=False, timeout=60)
    assert ran.returncode == -9
    assert list_closed(tmp_path / "shelf") == ()
    assert [path.name for path in tmp_path.rglob(SEAL_FILE)] == []
    made = close(tmp_path / "shelf", **write_inputs(tmp_path / "in")).closed
    assert made.seal.root == close(tmp_path / "other", **write_inputs(tmp_path / "in")).closed.seal.root


def test_the_seal_depends_on_every_use(tmp_path):
    roots = {
        closing_module.close_period(keep(uses), tmp_path / str(number), make_request(), CLOSED_AT).closed.seal.root
        for number, uses in enumerate([list_uses(), list_uses()[1:], [*list_uses(), make_use("one more")]])
    }
    assert len(roots) == 3
