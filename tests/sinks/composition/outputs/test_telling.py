"""A run in words: numbers as a person reads them, and never one that is not known."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from schemas.sampling.run import DeclaredByInstrument, RunRecord
from sinks.composition.composition import compose
from sinks.composition.outputs.composition_table import write_composition_json
from sinks.composition.outputs.telling import COLUMNS, tell_run
from sinks.composition.particles import Opinion, Particle, Predicted
from sinks.composition.run_counts import to_run_volumes
from sinks.composition.tally import Rules, tally_particles
from sinks.composition.volumes import find_volume

BY = Predicted("model 1")
STARTED = dt.datetime(2024, 4, 8, 9, tzinfo=dt.UTC)


def tell(particles, layout="visualspreadsheet", **fields):
    record = RunRecord(layout=layout, group="sea-1", **fields)
    rules = Rules({})
    composition = compose("sea-1", tally_particles(particles, rules), find_volume(to_run_volumes(record)))
    return tell_run(json.loads(write_composition_json(composition)), record)


def make_particles(count, label="Diatom", **fields):
    return [Particle(index, Opinion(label, BY, 0.9), **fields) for index in range(count)]


def test_a_concentration_stands_beside_the_instruments_own():
    told = tell(
        make_particles(1_000),
        mode="auto_image",
        imaged_ml=0.029029345,
        started_at=STARTED,
        declared=DeclaredByInstrument(particles_per_ml=34_448),
    )
    facts = dict(told.facts)
    assert facts["particles"] == "1,000"
    assert facts["concentration"].startswith("34,448 per ml (95 %: 32,346 to 36,651)")
    assert facts["the instrument's own"] == "34,448 per ml"
    assert told.rows == (("Diatom", "1,000", "34,447,900", "32,345,600 to 36,650,900", "0"),)
    assert len(told.rows[0]) == len(COLUMNS)


def test_flagged_particles_are_told_and_the_concentration_without_them_too():
    flagged = [Particle(10, Opinion("Diatom", BY), flags=("repeated",))]
    told = tell([*make_particles(3), *flagged], mode="auto_image", imaged_ml=1.0, started_at=STARTED)
    facts = dict(told.facts)
    assert facts["concentration"].startswith("4 per ml")
    assert facts["without flagged"].startswith("3 per ml")
    assert facts["without flagged"].endswith("(1 repeated)")


def test_what_is_not_known_is_said_with_its_reason_and_has_no_number():
    told = tell(make_particles(5))
    facts = dict(told.facts)
    assert (facts["volume imaged"], facts["concentration"]) == ("not known", "not known")
    assert told.rows[0][2] == "not known"
    assert told.rows[0][3].endswith("counted")
    assert any("volume_imaged_ml" in note for note in told.notes)
    assert any("When the instrument ran is not known" in note for note in told.notes)


def test_a_triggered_run_is_told_by_the_volume_that_was_pumped():
    facts = dict(tell(make_particles(10), mode="trigger", imaged_ml=0.1, processed_ml=2.0).facts)
    assert facts["volume processed"] == "2 ml"
    assert facts["concentration"].startswith("5 per ml")


def test_that_nothing_is_stuck_is_not_said_where_nobody_could_know():
    assert "cannot be told" in dict(tell(make_particles(2), "pictures").facts)["flagged"]
    assert "no stuck" in dict(tell(make_particles(2)).facts)["flagged"]


@pytest.mark.parametrize(
    "code",
    [
        "no_context",
        "no_summary",
        "count_differs",
        "list_cut_short",
        "calibrations_differ",
        "manual_volume",
        "volumes_differ",
        "zip_inside",
    ],
)
def test_what_readers_find_odd_is_told_in_words_and_not_by_its_code(code):
    told = tell(make_particles(3), notes=(code,))
    assert not any(code.replace("_", " ") in note or "Found odd" in note for note in told.notes)
    assert len(told.notes) > len(tell(make_particles(3)).notes)


def test_a_note_that_has_no_words_yet_is_told_as_it_is():
    assert "Found odd and passed over: several context." in tell(make_particles(3), notes=("several_context",)).notes
