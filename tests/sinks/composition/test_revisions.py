"""A run counts once, however often it was saved, filtered or classified."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.composition.revisions import Revision, SeveralModelsError, choose_revisions

START = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)


def make_revision(unit="u1", **changes):
    closed = {"u1": 0, "u2": 1, "u3": 2}[unit]
    fields = {
        "feed": "flowcam-1",
        "group": "run-1",
        "unit_id": unit,
        "closed_at": START + dt.timedelta(hours=closed),
        "result_id": f"{unit}.model",
        "stored_at": START + dt.timedelta(hours=closed, minutes=1),
        "speaker": "detector",
        "name": "exampleclass 1.0 (aa)",
    }
    return Revision(**{**fields, **changes})


def name_left_out(choice):
    return {item.result_id: reason for item, reason in choice.left_out}


def test_a_run_saved_again_supersedes_the_former():
    choice = choose_revisions([make_revision("u2"), make_revision("u1"), make_revision("u3")])
    assert [run.unit_id for run in choice.runs] == ["u3"]
    assert name_left_out(choice) == {"u1.model": "superseded_unit", "u2.model": "superseded_unit"}


def test_runs_of_one_name_in_two_feeds_are_two_runs():
    choice = choose_revisions([make_revision(), make_revision("u2", feed="flowcam-2")])
    assert [run.feed for run in choice.runs] == ["flowcam-1", "flowcam-2"]
    assert choice.left_out == ()


def test_runs_of_one_name_that_began_at_different_times_are_two_runs_and_neither_hides_the_other():
    late = START + dt.timedelta(days=300)
    first, again = make_revision(started_at=START), make_revision("u2", started_at=START)
    other = make_revision("u3", started_at=late)
    choice = choose_revisions([other, again, first])
    assert [(run.unit_id, run.former) for run in choice.runs] == [("u2", 1), ("u3", 0)]
    assert name_left_out(choice) == {"u1.model": "superseded_unit"}


def test_a_run_saved_again_without_its_clock_is_a_revision_where_only_one_run_has_its_name():
    choice = choose_revisions([make_revision(started_at=START), make_revision("u2")])
    assert [(run.unit_id, run.former) for run in choice.runs] == [("u2", 1)]
    other = make_revision("u3", started_at=START + dt.timedelta(days=1))
    assert len(choose_revisions([make_revision(started_at=START), make_revision("u2"), other]).runs) == 3


def test_people_speak_beside_the_model_and_the_filter_does_not():
    people = make_revision(result_id="u1.people", speaker="people", name="labels by hand")
    instrument = make_revision(result_id="u1.cla", speaker="instrument", name="VisualSpreadsheet 4.19.3")
    (run,) = choose_revisions([instrument, people, make_revision()]).runs
    assert (run.model.result_id, [item.result_id for item in run.people]) == ("u1.model", ["u1.people"])
    assert name_left_out(choose_revisions([instrument, people, make_revision()])) == {"u1.cla": "model_preferred"}


def test_the_filter_speaks_where_there_is_no_model():
    instrument = make_revision(result_id="u1.cla", speaker="instrument", name="VisualSpreadsheet 4.19.3")
    (run,) = choose_revisions([instrument]).runs
    assert run.model is instrument


def test_people_alone_are_a_run_too():
    (run,) = choose_revisions([make_revision(speaker="people")]).runs
    assert run.model is None
    assert len(run.people) == 1


def test_labels_of_an_older_saving_do_not_speak_for_the_newer_one():
    people = make_revision("u1", result_id="u1.people", speaker="people", name="labels by hand")
    choice = choose_revisions([people, make_revision("u2")])
    assert choice.runs[0].people == ()
    assert name_left_out(choice) == {"u1.people": "superseded_unit"}


def test_an_answer_that_was_renewed_counts_once():
    later = make_revision(result_id="u1.again", stored_at=START + dt.timedelta(days=9))
    choice = choose_revisions([later, make_revision()])
    assert choice.runs[0].model is later
    assert name_left_out(choice) == {"u1.model": "superseded_result"}


def test_of_two_models_the_preferred_one_speaks():
    other = make_revision(result_id="u1.other", name="otherclass 2 (bb)", rank=1)
    stranger = make_revision(result_id="u1.stranger", name="stranger 3 (cc)", rank=None)
    choice = choose_revisions([stranger, other, make_revision()])
    assert choice.runs[0].model.name == "exampleclass 1.0 (aa)"
    assert name_left_out(choice) == {"u1.other": "other_observer_chosen", "u1.stranger": "observer_not_chosen"}
    assert choose_revisions([stranger]).runs == ()


def test_two_models_that_nobody_ranked_are_a_fault_that_names_them():
    other = make_revision(result_id="u1.other", name="otherclass 2 (bb)")
    with pytest.raises(SeveralModelsError, match=r"run-1.*exampleclass 1.0 \(aa\), otherclass 2 \(bb\).*'observers'"):
        choose_revisions([make_revision(), other])


revisions = st.builds(
    make_revision,
    st.sampled_from(["u1", "u2", "u3"]),
    group=st.sampled_from(["run-1", "run-2"]),
    result_id=st.integers(0, 9).map("r{}".format),
    stored_at=st.integers(0, 9).map(lambda hours: START + dt.timedelta(hours=hours)),
    speaker=st.sampled_from(["people", "detector", "instrument"]),
    name=st.just("one observer"),
)


@given(st.lists(revisions, max_size=12), st.randoms())
def test_every_result_speaks_or_is_left_out_with_a_reason_whatever_the_order(given_revisions, luck):
    choice = choose_revisions(given_revisions)
    speaking = [item for run in choice.runs for item in (*run.people, *([run.model] if run.model else []))]
    assert len(speaking) == len(set(speaking))
    assert set(speaking) | {item for item, _ in choice.left_out} == set(given_revisions)
    assert not set(speaking) & {item for item, _ in choice.left_out}
    assert len({(run.feed, run.group) for run in choice.runs}) == len(choice.runs)
    luck.shuffle(given_revisions)
    assert choose_revisions(given_revisions + given_revisions) == choice
