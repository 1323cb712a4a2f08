"""The document of a run's counts: nothing is lost on the way to the store and back, and labels get their meaning later."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import FatalFault
from schemas.result import ModelRef, Observer
from schemas.sampling.run import RunRecord
from sinks.composition.composition import compose
from sinks.composition.particles import Opinion, Particle, Validated
from sinks.composition.run_counts import (
    RunCounts,
    map_labels,
    read_run_counts,
    to_run_volumes,
    without_meanings,
    write_run_counts,
)
from sinks.composition.tally import pool_tallies, tally_particles
from sinks.composition.volumes import RunVolumes, UnknownVolume, find_volume
from tests.sinks.composition.builders import MEANINGS, MODEL, make_run
from tests.sinks.composition.test_tally import RULES, runs

LABELWISE = without_meanings(RULES)

OBSERVER = Observer(
    name="flowcam",
    version="1.0.0",
    reader="visualspreadsheet/1",
    models=(
        ModelRef(
            role="classes",
            name="exampleclass",
            version="1.0",
            sha256="ab" * 32,
            task="classify",
            precision="f32",
            input_px=(100, 100),
            provenance="user",
        ),
    ),
    parameters={"threshold": 0.5},
)

volumes = st.builds(
    RunVolumes,
    mode=st.sampled_from([None, "auto_image", "trigger"]),
    imaged_ml=st.none() | st.floats(0, 1e6),
    processed_ml=st.none() | st.floats(0, 1e6),
    dilution=st.none() | st.floats(1, 1e3),
    cut_short=st.booleans(),
    frames=st.none() | st.integers(0, 10**6),
    frames_read=st.none() | st.integers(0, 10**6),
)


def make_counts(particles, **changes):
    fields = {"feed": "flowcam-1", "run": "a run, 1/2", "instrument": "flowcam-1", "unit_id": "flowcam-1.undated.0"}
    fields |= {
        "volumes": RunVolumes("auto_image", 2.0),
        "tally": tally_particles(particles, LABELWISE),
        "observer": OBSERVER,
    }
    return RunCounts(**{**fields, **changes})


@given(runs, volumes, st.sampled_from([None, OBSERVER]))
def test_what_is_read_is_what_was_written(run, said, observer):
    counts = make_counts(run, volumes=said, observer=observer)
    document = write_run_counts(counts)
    assert read_run_counts(document) == counts
    assert write_run_counts(read_run_counts(document)) == document


@given(runs, st.randoms())
def test_the_order_of_particles_changes_no_byte(run, luck):
    before = write_run_counts(make_counts(run))
    luck.shuffle(run)
    assert write_run_counts(make_counts(run)) == before


@given(runs)
def test_meanings_given_later_make_the_same_counts_as_meanings_given_first(run):
    assert map_labels(tally_particles(run, LABELWISE), MEANINGS) == tally_particles(run, RULES)


@given(runs, st.integers(0, 40))
def test_a_sample_is_the_sum_of_its_documents(run, cut):
    documents = [write_run_counts(make_counts(half)) for half in (run[:cut], run[cut:])]
    pooled = pool_tallies([read_run_counts(document).tally for document in documents], LABELWISE)
    volume = find_volume(RunVolumes("auto_image", 4.0))
    assert compose("s", map_labels(pooled, MEANINGS), volume) == compose("s", tally_particles(run, RULES), volume)


def test_sums_beyond_the_exact_numbers_of_json_are_kept():
    giants = [Particle(index, Opinion("Noctiluca_scintillans", MODEL, 0.9), {"abd_um": 9000.0}) for index in (1, 2)]
    counts = make_counts(giants)
    (part,) = counts.tally.counted.values()
    assert part.squares > 2**53
    assert read_run_counts(write_run_counts(counts)) == counts


def test_counts_of_taxa_are_no_counts_of_a_run():
    with pytest.raises(ValueError, match="counts of labels"):
        make_counts([], tally=tally_particles(make_run({"Chaetoceros": 1}), RULES))


def test_who_validated_and_when_stays_known():
    people = Validated("A. Person", dt.date(2024, 6, 1))
    counts = make_counts([Particle(1, Opinion("Chaetoceros", people))])
    ((_, status), part), *_ = read_run_counts(write_run_counts(counts)).tally.counted.items()
    assert (status, part.speakers, part.first_on, part.last_on) == (
        "validated", {"A. Person"}, dt.date(2024, 6, 1), dt.date(2024, 6, 1),
    )  # fmt: skip


@pytest.mark.parametrize(
    "spoil",
    [
        lambda plain: plain | {"schema_name": "run-counts/2"},
        lambda plain: {name: value for name, value in plain.items() if name != "volumes"},
        lambda plain: plain | {"volumes": {"litres": 2}},
        lambda plain: plain | {"counted": [{"particles": 1}]},
        lambda plain: plain | {"observer": {"name": "flowcam"}},
        lambda plain: [plain],
    ],
)
def test_another_document_is_a_fault_that_names_it(spoil):
    plain = json.loads(write_run_counts(make_counts(make_run({"Chaetoceros": 1}))))
    with pytest.raises(FatalFault, match=r"The counts of a run in a/counts\.json cannot be read"):
        read_run_counts(json.dumps(spoil(plain)).encode(), of="a/counts.json")


def test_a_run_s_record_says_which_volume_its_particles_were_in():
    record = RunRecord(layout="visualspreadsheet", mode="trigger", imaged_ml=0.5, processed_ml=3.0, dilution=2.0)
    said = to_run_volumes(record)
    assert said == RunVolumes("trigger", 0.5, 3.0, 2.0)
    assert find_volume(said).analysed_ml == 3
    assert to_run_volumes(record.model_copy(update={"mode": None})) == dataclasses.replace(said, mode=None)


def test_the_volume_of_a_run_whose_list_breaks_off_is_unknown():
    record = RunRecord(
        layout="visualspreadsheet", mode="auto_image", imaged_ml=0.5, frames=100, notes=("list_cut_short",)
    )
    assert record.counted_ml is None
    assert find_volume(to_run_volumes(record)) == UnknownVolume(("list_cut_short",))
