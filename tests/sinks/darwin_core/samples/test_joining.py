"""From stored runs and a sample sheet to samples: each run counts once, runs of one sample are counted as one."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sample import Sample, SampleRun
from sinks.composition.revisions import SeveralModelsError
from sinks.composition.run_counts import RunCounts, read_run_counts, without_meanings, write_run_counts
from sinks.composition.tally import Rules, tally_particles
from sinks.composition.volumes import RunVolumes, UnknownVolume
from sinks.darwin_core.publish import publish_archive
from sinks.darwin_core.samples.joining import DifferentRulesError, StoredRun, join_samples
from sinks.darwin_core.samples.published import PublishedSample, SampleSheetNeededError
from sinks.darwin_core.units import LeftOut
from tests.sinks.darwin_core.builders import read_rows
from tests.sinks.darwin_core.samples.builders import (
    MODEL,
    PERSON,
    SOFTWARE,
    STORED,
    make_cruise_plan,
    make_labels,
    make_observer,
    make_particles,
    make_sample,
)

MEANINGS = make_labels().to_meanings()
ARRIVED = dt.datetime(2024, 6, 20, tzinfo=dt.UTC)
COUNTED = {("Bellerochea", MODEL): 4, ("Rhizosolenia", PERSON): 2, (None, MODEL): 3}


def make_run(
    run="run-1", counts=None, *, saved=1, observer=None, rules=None, volumes=None, feed="flowcam-1", **changes
):
    """Return a stored run; ``saved`` says how often it was saved before, and ``observer`` who named its particles."""
    observer = observer or make_observer()
    tally = tally_particles(make_particles(COUNTED if counts is None else counts), without_meanings(rules or Rules({})))
    unit_id = f"{feed}.{run}.{saved}"
    document = write_run_counts(
        RunCounts(feed, run, feed, unit_id, volumes or RunVolumes("auto_image", 2.0), tally, observer)
    )
    fields = {
        "feed": feed,
        "run": run,
        "unit_id": unit_id,
        "result_id": f"{unit_id}.{observer.to_digest()[:16]}",
        "arrived_at": ARRIVED + dt.timedelta(hours=saved),
        "stored_at": STORED,
        "observer": observer,
        "open_counts": lambda: read_run_counts(document),
    }
    return StoredRun(**{**fields, **changes})


def make_sheet(*samples: Sample):
    """Return what finds a run's sample and row, as the sheet does."""
    rows = {(run.feed, run.run): (sample, run) for sample in samples for run in sample.runs}
    return lambda feed, run: rows.get((feed, run)) or rows.get((None, run))


def make_sample_of(*runs: str, **changes) -> Sample:
    return make_sample(runs=tuple(SampleRun(run=run) for run in runs), **changes)


def join(runs, *samples, **changes):
    return list(join_samples(runs, make_sheet(*samples), MEANINGS, **changes))


def publish(to, runs, *samples):
    joined = join_samples(runs, make_sheet(*samples), MEANINGS)
    return publish_archive((), make_cruise_plan(), labels=make_labels(), to=to, samples=joined)


def test_the_runs_of_a_sample_are_counted_as_one():
    (pooled,) = join([make_run("a"), make_run("b", volumes=RunVolumes("auto_image", 6.0))], make_sample_of("a", "b"))
    found = {line.group.name: line.estimate.particles for line in pooled.composition.lines}
    assert found == {"Bellerochea": 8, "Rhizosolenia": 4, "": 6}
    assert pooled.composition.volume.sample_ml == 8
    assert [(run.run, run.particles, run.volume.sample_ml) for run in pooled.runs] == [("a", 9, 2), ("b", 9, 6)]
    assert pooled.observers == (make_observer(),)
    assert pooled.stored_at == STORED


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 3), st.integers(0, 9)), unique_by=lambda run: run[:2]),
    st.randoms(),
)
def test_the_order_of_runs_and_giving_them_twice_change_nothing(given_runs, luck):
    runs = [make_run(name, {("Bellerochea", MODEL): count}, saved=saved) for name, saved, count in given_runs]
    samples = make_sample_of("a", "b"), make_sample_of("c", "d", sample_id="s02")
    before = join(runs, *samples)
    again = [*runs, *runs]
    luck.shuffle(again)
    assert join(again, *samples) == before
    counted = sum(item.composition.every.particles for item in before if isinstance(item, PublishedSample))
    newest = {name: count for name, _, count in sorted(given_runs)}
    assert counted == sum(newest.values())


def test_a_run_saved_again_counts_once_and_the_newest_speaks():
    runs = [make_run(saved=2, counts={("Bellerochea", MODEL): 5}), make_run(saved=1)]
    left, kept = join(runs, make_sample_of("run-1"))
    assert (left.unit_id, left.reason) == ("flowcam-1.run-1.1", "superseded_unit")
    assert kept.composition.every.particles == 5


def test_a_run_that_is_looked_at_again_is_no_newer_run():
    again = dataclasses.replace(make_run(saved=1, observer=make_observer(version="2.0")), arrived_at=STORED)
    runs = [make_run(saved=1), again, make_run(saved=2, counts={("Bellerochea", MODEL): 5})]
    *left, kept = join(runs, make_sample_of("run-1"))
    assert [item.reason for item in left] == ["superseded_unit", "superseded_unit"]
    assert kept.composition.every.particles == 5


def test_a_model_speaks_over_the_filter_of_the_instrument():
    plain = make_observer().model_copy(update={"models": ()})
    runs = [make_run(counts={("Bellerochea", SOFTWARE): 9}, observer=plain), make_run()]
    left, kept = join(runs, make_sample_of("run-1"))
    assert (left.result_id.rpartition(".")[2], left.reason) == (plain.to_digest()[:16], "model_preferred")
    assert dict(kept.composition.lines[0].by_status) == {"validated": 0, "predicted": 4, "filtered": 0}
    (alone,) = join(runs[:1], make_sample_of("run-1"))
    assert alone.observers == ()


def test_of_two_models_the_preferred_one_speaks_and_without_a_preference_nothing_is_published():
    runs = [make_run(), make_run(observer=make_observer(version="2.0"), counts={("Bellerochea", MODEL): 7})]
    left, kept = join(runs, make_sample_of("run-1"), preferred=("exampleclass 2.0", "exampleclass"))
    assert left.reason == "other_observer_chosen"
    assert kept.composition.every.particles == 7
    with pytest.raises(SeveralModelsError, match="run-1 was classified by several models"):
        join(runs, make_sample_of("run-1"))
    assert [item.reason for item in join(runs, make_sample_of("run-1"), preferred=("other",))] == [
        "observer_not_chosen", "observer_not_chosen",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"purpose": "test"}, "not_for_publication"), ({"superseded": True}, "superseded")],
)
def test_what_is_no_result_of_the_sea_is_in_no_sample(changes, reason):
    left, kept = join([make_run("a", **changes), make_run("b")], make_sample_of("a", "b"))
    assert left == LeftOut("flowcam-1.a.1", left.result_id, reason)
    assert kept.composition.runs == ("b",)


def test_one_run_of_unknown_volume_makes_the_volume_of_its_sample_unknown():
    (pooled,) = join([make_run("a"), make_run("b", volumes=RunVolumes())], make_sample_of("a", "b"))
    assert pooled.composition.volume == UnknownVolume(("no_volume",))
    assert pooled.composition.every.per_l is None
    assert pooled.runs[0].volume.sample_ml == 2


def test_a_volume_that_only_the_sheet_says_is_used_and_named_as_such(tmp_path):
    sample = make_sample(runs=(SampleRun(run="a", quantities={"volume_ml": 0.5}), SampleRun(run="b")))
    cut = RunVolumes("auto_image", 2.0, cut_short=True, frames=100, frames_read=25)
    publish(tmp_path / "a.zip", [make_run("a", volumes=RunVolumes()), make_run("b", volumes=cut)], sample)
    analysed = {
        row["eventID"][-1]: (row["measurementValue"], row["measurementMethod"])
        for row in read_rows(tmp_path / "a.zip", "extendedmeasurementorfact.txt")
        if row["measurementID"].endswith(":volume_analysed")
    }
    assert analysed == {
        "a": ("0.5", "As written down in the sample sheet; the run's own files do not say it"),
        "b": ("0.5", "The part of the volume imaged until the list of particles breaks off"),
    }


def test_runs_counted_by_different_rules_are_not_added_up():
    runs = [make_run("a"), make_run("b", rules=Rules({}, threshold=0.5))]
    with pytest.raises(DifferentRulesError, match="The runs a, b of one sample were counted by different rules"):
        join(runs, make_sample_of("a", "b"))


def test_a_corrected_label_map_or_sheet_needs_no_new_counts():
    run = make_run(counts={("Protist", MODEL): 3})
    (before,) = join([run], make_sample_of("run-1"))
    assert [line.group.kind for line in before.composition.lines] == ["without_id"]
    sheet = make_sheet(make_sample_of("run-1", water="whole", quantities={}))
    (after,) = join_samples([run], sheet, MEANINGS | {"Protist": MEANINGS["Bellerochea"]})
    assert [line.group.name for line in after.composition.lines] == ["Bellerochea"]
    assert after.composition.every.per_l == 1500


def test_runs_without_a_row_of_the_sheet_are_all_named(tmp_path):
    runs = [make_run("a"), make_run("b"), make_run("c")]
    with pytest.raises(SampleSheetNeededError) as caught:
        publish(tmp_path / "a.zip", runs, make_sample_of("b"))
    assert [sentence.partition(":")[0] for sentence in caught.value.missing] == ["a", "c"]


def test_two_instruments_with_runs_of_one_name_are_two_events_of_one_sample(tmp_path):
    sample = make_sample(runs=(SampleRun(run="12, 1/2", feed="flowcam-1"), SampleRun(run="12, 1/2", feed="flowcam-2")))
    report = publish(tmp_path / "a.zip", [make_run("12, 1/2"), make_run("12, 1/2", feed="flowcam-2")], sample)
    assert (report.samples, report.runs) == (1, 2)
    rows = read_rows(tmp_path / "a.zip", "event.txt")
    assert [row["eventID"] for row in rows[1:]] == [
        "exobs:st330:sample_s01",
        "exobs:st330:sample_s01:subSample_flowcam-1.12%2C%201%2F2",
        "exobs:st330:sample_s01:subSample_flowcam-2.12%2C%201%2F2",
    ]
    assert rows[1]["samplingProtocol"] == "Water sample (Apstein net, FlowCam VS, flowcam-2)"
    named = [
        (row["eventID"].rpartition(":")[2], row["measurementValue"], row["measurementValueID"].rstrip("/")[-8:])
        for row in read_rows(tmp_path / "a.zip", "extendedmeasurementorfact.txt")
        if row["measurementTypeID"].endswith("/NMANINST/")
    ]
    assert named == [
        ("subSample_flowcam-1.12%2C%201%2F2", "FlowCam VS", "TOOL1583"),
        ("subSample_flowcam-2.12%2C%201%2F2", "flowcam-2", ""),
    ]


def test_the_archive_of_stored_runs_has_the_same_bytes_in_every_order(tmp_path):
    runs = [make_run(name, {("Bellerochea", MODEL): count}) for name, count in (("a", 3), ("b", 5), ("c", 7))]
    samples = make_sample_of("a", "c"), make_sample_of("b", sample_id="s02", visit=None)
    publish(tmp_path / "one.zip", runs, *samples)
    random.Random(7).shuffle(runs)
    publish(tmp_path / "two.zip", runs, *samples)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
