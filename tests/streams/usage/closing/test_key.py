from __future__ import annotations

import datetime as dt
import os
import sys

import pytest

from schemas.errors import FatalFault
from streams.usage.closing.key import Custody, destroy_key, read_log, tell_custody
from streams.usage.pseudonym import load_key, make_key

_PAID_ON = dt.date(2027, 3, 31)
_REASON = "The audit window has ended; the board agreed."
_AFTER = dt.datetime(2032, 3, 31, tzinfo=dt.UTC)
_BEFORE = dt.datetime(2032, 3, 30, 23, 59, tzinfo=dt.UTC)


@pytest.fixture
def custody(tmp_path) -> Custody:
    make_key(tmp_path / "key")
    return Custody(tmp_path / "key", "data protection officer", _PAID_ON)


def test_the_key_is_gone_and_it_is_written_down_which_by_whom_and_why(custody, tmp_path):
    fingerprint = load_key(custody.key_file).fingerprint
    digits = custody.key_file.read_text().strip()
    found = destroy_key(custody, tmp_path / "log" / "key.jsonl", reason=_REASON, now_at=_AFTER)
    assert (found.fingerprint, found.is_forced) == (fingerprint, False)
    assert not custody.key_file.exists()
    entries = read_log(tmp_path / "log" / "key.jsonl")
    assert [entry["act"] for entry in entries] == ["destroying", "destroyed"]
    assert {entry["fingerprint"] for entry in entries} == {fingerprint}
    assert entries[0]["custodian"] == "data protection officer"
    assert (entries[0]["reason"], entries[0]["forced"]) == (_REASON, False)
    assert digits not in (tmp_path / "log" / "key.jsonl").read_text()


def test_before_the_audit_window_ends_it_is_kept(custody, tmp_path):
    with pytest.raises(FatalFault, match="The audit window ends on 2032-03-31"):
        destroy_key(custody, tmp_path / "log", reason=_REASON, now_at=_BEFORE)
    assert custody.key_file.exists()
    assert not (tmp_path / "log").exists()


def test_forced_it_is_destroyed_early_and_that_is_written_down(custody, tmp_path):
    found = destroy_key(custody, tmp_path / "log", reason=_REASON, force=True, now_at=_BEFORE)
    assert found.is_forced
    assert [entry["forced"] for entry in read_log(tmp_path / "log")] == [True, True]
    assert not custody.key_file.exists()


def test_force_after_the_window_is_none(custody, tmp_path):
    assert not destroy_key(custody, tmp_path / "log", reason=_REASON, force=True, now_at=_AFTER).is_forced


@pytest.mark.parametrize("reason", ["", "because", " " * 50])
def test_without_a_written_reason_nothing_happens_even_by_force(custody, tmp_path, reason):
    with pytest.raises(FatalFault, match="reason"):
        destroy_key(custody, tmp_path / "log", reason=reason, force=True, now_at=_AFTER)
    assert custody.key_file.exists()


def test_without_the_day_of_the_final_payment_nobody_knows_when_the_window_ends(custody, tmp_path):
    unknown = Custody(custody.key_file, custody.custodian)
    with pytest.raises(FatalFault, match="final_payment is not set"):
        destroy_key(unknown, tmp_path / "log", reason=_REASON, now_at=_AFTER)
    assert destroy_key(unknown, tmp_path / "log", reason=_REASON, force=True, now_at=_AFTER).is_forced


def test_a_window_that_begins_on_a_leap_day_ends_on_the_day_after():
    assert Custody(None, "officer", dt.date(2028, 2, 29)).ends_on == dt.date(2033, 3, 1)
    assert Custody(None, "officer", dt.date(2028, 2, 29), 4).ends_on == dt.date(2032, 2, 29)


def test_what_is_no_key_is_left_alone(tmp_path):
    path = tmp_path / "notes"
    path.write_text("my only notes")
    path.chmod(0o600)
    with pytest.raises(FatalFault, match="hexadecimal"):
        destroy_key(Custody(path, "officer", _PAID_ON), tmp_path / "log", reason=_REASON, now_at=_AFTER)
    assert path.read_text() == "my only notes"


@pytest.mark.skipif(sys.platform == "win32", reason="hard links are another matter there")
def test_a_key_with_a_second_name_is_not_taken_for_destroyed(custody, tmp_path):
    os.link(custody.key_file, tmp_path / "copy")
    with pytest.raises(FatalFault, match="second name"):
        destroy_key(custody, tmp_path / "log", reason=_REASON, now_at=_AFTER)
    assert load_key(tmp_path / "copy")
    assert [entry["act"] for entry in read_log(tmp_path / "log")] == ["destroying"]


def test_the_bytes_are_overwritten_before_the_name_is_removed(custody, tmp_path):
    before = custody.key_file.read_bytes()
    with custody.key_file.open("rb") as held:
        destroy_key(custody, tmp_path / "log", reason=_REASON, now_at=_AFTER)
        held.seek(0)
        after = held.read()
    assert len(after) == len(before)
    assert after != before


def test_a_line_of_the_log_that_was_changed_or_taken_out_is_found(custody, tmp_path):
    log = tmp_path / "log"
    destroy_key(custody, log, reason=_REASON, now_at=_AFTER)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0].replace(b"board", b"staff") + lines[1])
    with pytest.raises(FatalFault, match="log:2"):
        read_log(log)
    log.write_bytes(lines[1])
    with pytest.raises(FatalFault, match="log:1"):
        read_log(log)


def test_reports_tell_who_keeps_the_key_and_until_when_and_what_became_of_it(custody, tmp_path):
    log = tmp_path / "log"
    kept = "kept by the data protection officer; to be kept until the audit window ends on 2032-03-31"
    assert tell_custody(custody, log) == f"{kept} (5 years after the final payment)"
    nobody = Custody(custody.key_file, audit_years=7)
    assert tell_custody(nobody, log).startswith("nobody is named as its custodian; to be kept until 7 years after")
    destroy_key(custody, log, reason=_REASON, force=True, now_at=_BEFORE)
    told = "destroyed on 2032-03-30 by the data protection officer, before the audit window had ended, as its log says"
    assert tell_custody(custody, log) == told
