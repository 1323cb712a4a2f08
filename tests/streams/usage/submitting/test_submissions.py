from __future__ import annotations

import datetime as dt
import json
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.canonical import to_sha256
from schemas.errors import FatalFault, RejectedInput
from streams.usage.edge.heartbeat import make_heartbeat
from streams.usage.periods import read_period
from streams.usage.pseudonym import PseudonymKey
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.sheets.assessment import assess
from streams.usage.sheets.measuring import measure, read_periods
from streams.usage.submitting.accepting import to_imported
from streams.usage.submitting.making import make_submission
from streams.usage.submitting.submission import Submission, read_submission, sign
from tests.streams.usage.sheets.sheets import HOMES, STEPS, VISITORS, read
from tests.streams.usage.uses import keep, make_person, make_use

_KEY, _OTHER_KEY = PseudonymKey(b"k" * 31 + b"1"), PseudonymKey(b"k" * 31 + b"2")
_MADE_AT = dt.datetime(2025, 9, 3, tzinfo=dt.UTC)
_START = dt.date(2022, 9, 1)
_PERIODS = ("M13-24", "M25-36")

_SHEET = (
    VISITORS.replace("unit =", 'measured_by = "unique_users"\nunit ='),
    STEPS.replace("unit =", 'measured_by = "images_processed"\nunit ='),
    HOMES.replace("unit =", 'measured_by = "countries"\nunit ='),
)


def _use(number: int, day: str, name: str, country: str = "ES", **changes: object):
    at = dt.datetime.fromisoformat(f"{day}T12:00:00+00:00")
    return make_use(number, requested_at=at, who=make_person(name), country=country, **changes)


def _submit(*uses, periods: tuple[str, ...] = _PERIODS, station: str = "laptop", made_at=_MADE_AT) -> Submission:
    named = [read_period(name, project_start=_START) for name in periods]
    with open_facts(keep(list(uses))) as facts:
        report = make_report(facts, named, Scope(only="obsea", as_of_at=made_at))
    return make_submission(report, station, made_at, program="0.1", pseudonym_key=_KEY.fingerprint)


def _accept(sheet, *submissions):
    for submission in submissions:
        signed = sign(submission, _KEY)
        values = to_imported(*read_submission(signed, _KEY, "laptop.json"), sheet)
        sheet = sheet.model_copy(update={"imported": (*sheet.imported, *values)})
    return sheet


def _assess(sheet, store=None):
    with open_facts(store or keep()) as facts:
        found = measure(facts, [sheet], read_periods([sheet]))
    return {row.metric.metric: row for row in assess([sheet], _PERIODS, found).sheets[0].rows}


_LOCAL = (
    _use(101, "2024-01-10", "cara", "IT"),
    _use(102, "2024-08-31", "dan", "FR"),
    _use(103, "2025-03-01", "cara", "IT"),
)


def test_what_was_signed_is_read_again_under_the_same_key():
    submission = _submit(*_LOCAL)
    signed = sign(submission, _KEY)
    assert read_submission(signed, _KEY, "f") == (submission, to_sha256(signed))
    assert sign(submission, _KEY) == signed


def test_no_pseudonym_is_in_the_file():
    signed = sign(_submit(*_LOCAL), _KEY).decode()
    assert not [name for name in ("cara", "dan") if make_person(name).pseudonym in signed]
    assert '"value":2' in signed


@pytest.mark.parametrize("change", ["value", "extra", "signature", "signed_with", "installation", "drop"])
def test_a_file_that_was_changed_is_refused_with_a_sentence(change):
    plain = json.loads(sign(_submit(*_LOCAL), _KEY))
    match change:
        case "value":
            plain["periods"][0]["figures"][0]["value"]["value"] += 1
        case "extra":
            plain["remark"] = "harmless"
        case "signature":
            plain["signature"] = "0" * 64
        case "signed_with":
            plain["signed_with"] = _OTHER_KEY.fingerprint
        case "installation":
            plain["installation"] = "azores"
        case _:
            del plain["periods"][0]["counted"][0]
    with pytest.raises(RejectedInput, match=r"laptop\.json is refused: .*(changed afterwards|signed with the key)"):
        read_submission(json.dumps(plain).encode(), _KEY, "laptop.json")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_passes(place, mask):
    signed = bytearray(sign(_SIGNED, _KEY))
    signed[place % len(signed)] ^= mask
    with pytest.raises(RejectedInput):
        read_submission(bytes(signed), _KEY, "f")


_SIGNED = _submit(*_LOCAL)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff", b'{"format":"observatory-submission/1"}', b"[" * 100_000, b" " * 5_000_000]
)
def test_what_is_no_submission_is_refused(data):
    with pytest.raises(RejectedInput, match="is refused"):
        read_submission(data, _KEY, "f")


def test_a_file_signed_with_another_key_says_which_key_is_needed():
    with pytest.raises(RejectedInput, match=f"'{_OTHER_KEY.fingerprint}'.*'{_KEY.fingerprint}'"):
        read_submission(sign(_SIGNED, _OTHER_KEY), _KEY, "f")


def test_a_file_of_a_later_form_is_refused_by_the_field_and_not_half_read():
    plain = _SIGNED.to_plain() | {"format": "observatory-submission/2", "signed_with": _KEY.fingerprint}
    later = Submission.model_construct(**plain)
    object.__setattr__(later, "to_plain", lambda: plain)
    with pytest.raises(RejectedInput, match="cannot read its field 'format'"):
        read_submission(sign(later, _KEY), _KEY, "f")


def test_another_layout_of_the_same_json_is_the_same_submission():
    signed = sign(_SIGNED, _KEY)
    assert read_submission(json.dumps(json.loads(signed), indent=2).encode() + b"\n", _KEY, "f") == (
        _SIGNED,
        to_sha256(signed),
    )


def test_submitted_counts_fill_the_cells_as_imported_with_their_coverage():
    row = _assess(_accept(read(*_SHEET), _submit(*_LOCAL)))["steps"]
    assert [(cell.text, cell.provenance) for cell in row.cells] == [("2", "imported"), ("1", "imported")]
    assert row.total.text == "3"
    # counted since the first use, 10 January 2024
    assert (
        "64.07 % of the period was counted, 2024-01-10T12:00:00.000Z to 2024-09-01T00:00:00.000Z"
        in row.cells[0].notes[0]
    )


def test_gaps_in_what_was_counted_stand_beside_the_number():
    start, day = dt.datetime(2024, 9, 1, tzinfo=dt.UTC), dt.timedelta(days=1)
    beats = [make_heartbeat("web", "obsea", start, start + 100 * day)]
    beats.append(make_heartbeat("web", "obsea", start + 110 * day, start + 365 * day))
    submission = _submit(*beats, _use(1, "2024-10-01", "ada"), periods=("M25-36",))
    assert [(part.from_at - start).days for part in submission.periods[0].counted] == [0, 110]
    cell = _assess(_accept(read(*_SHEET), submission))["steps"].cells[1]
    assert (
        "97.26 % of the period was counted, 2024-09-01T00:00:00.000Z to 2024-12-10T00:00:00.000Z, 2024-12-20"
        in cell.notes[0]
    )


def test_users_of_a_submission_and_of_ours_are_bounded_and_never_united():
    central = keep([_use(1, "2023-10-01", "ada"), _use(2, "2024-10-01", "ada"), _use(3, "2025-01-01", "bo")])
    rows = _assess(_accept(read(*_SHEET), _submit(*_LOCAL)), central)
    users = rows["visitors"]
    assert [cell.text for cell in users.cells] == ["2-3", "2-3"]
    assert {cell.provenance for cell in users.cells} == {"imported"}
    # ada and bo here; cara and dan there, cara twice: the truth is 4, and nobody can know it
    assert (users.total.text, users.total.provenance) == ("2-5", "imported")
    assert rows["homes"].total.text == "Spain, France, Italy"
    assert rows["steps"].total.text == "6"


def test_two_stations_give_bounds_though_their_users_may_be_the_same():
    sheet = _accept(read(*_SHEET), _submit(*_LOCAL), _submit(*_LOCAL, station="ship"))
    assert _assess(sheet)["visitors"].cells[0].text == "2-4"


def test_the_same_file_twice_counts_once():
    once = _accept(read(*_SHEET), _SIGNED)
    assert _accept(once, _SIGNED, _SIGNED) == once


def test_another_file_on_the_same_time_is_refused_until_the_old_values_are_out():
    sheet = _accept(read(*_SHEET), _SIGNED)
    with pytest.raises(FatalFault, match="would count twice"):
        _accept(sheet, _submit(*_LOCAL, _use(104, "2024-02-02", "dan")))


def test_what_has_no_place_in_the_sheet_is_refused():
    sheet = read(*_SHEET)
    with pytest.raises(FatalFault, match=r"'obsea'.*'azores'"):
        _accept(sheet.model_copy(update={"installation": "azores"}), _SIGNED)
    with pytest.raises(FatalFault, match="the sheet has none of these"):
        _accept(sheet, _submit(*_LOCAL, periods=("2024",)))
    with pytest.raises(FatalFault, match="nothing of it has a place"):
        _accept(read(STEPS), _SIGNED)
    figures = tuple(figure.model_copy(update={"definition": "changed@2"}) for figure in _SIGNED.periods[0].figures)
    other = _SIGNED.periods[0].model_copy(update={"figures": figures})
    with pytest.raises(FatalFault, match="counted by changed@2 of observatory-1"):
        _accept(sheet, _SIGNED.model_copy(update={"periods": (other,)}))


def test_an_open_period_is_submitted_as_far_as_it_goes():
    submission = _submit(*_LOCAL, made_at=dt.datetime(2025, 3, 10, tzinfo=dt.UTC))
    value = to_imported(submission, secrets.token_hex(32), read(*_SHEET))[-1]
    assert (value.column, value.last_day) == ("M25-36", dt.date(2025, 3, 9))


def test_where_nothing_was_counted_there_is_nothing_to_submit():
    with pytest.raises(FatalFault, match="Nothing was counted of obsea in M13-24, M25-36"):
        _submit()
    with pytest.raises(FatalFault, match="no name of a station"):
        _submit(*_LOCAL, station="My Laptop")
