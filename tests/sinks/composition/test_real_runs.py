"""Real runs, from their files to their composition: the instrument's own concentrations, and nothing guessed."""

from __future__ import annotations

import pytest

from schemas.sampling.run import RunAccount, SaidOfParticle
from sinks.composition.beside.run_products import find_said
from sinks.composition.composition import compose
from sinks.composition.flags import FlagRules, SphereRule
from sinks.composition.particles import Particle
from sinks.composition.run_counts import to_run_volumes
from sinks.composition.tally import tally_particles
from sinks.composition.volumes import UnknownVolume, find_volume
from streams.feeds.runs.opening import to_record
from tests.sinks.composition.builders import make_rules
from tests.support.runs import read, read_opinions

SULFATE = "7-Pygsuia-SF-SW-sulfate-day5-sample2-replicate3-08April2024"
NITRATE = "7-Pygsuia-SF-SW-NITRATE-day5-sample3-replicate3-08April2024"
TERASAKIELLA = "7-Pygsuia-3LB-SFSW-Terasakiella-sample2-replicate1-day7-11Apr2025"


def compose_folder(folder, rules=None, *, flags=None):
    """Return the composition of what lies in a folder, as its own files and nobody else name its particles."""
    facts, found, _ = read(folder)
    record = to_record(facts, folder.name)
    said = [
        SaidOfParticle(
            index=one.index, label=one.label, source=one.source, annotator=one.annotator, decided_on=one.decided_on
        )
        for one in read_opinions(folder)
    ]
    opinions = find_said(RunAccount(record, "flowcam-1", tuple(said)), has_model=False)
    particles = (
        Particle(index, opinions.get(index), entry[0].measures, (flags or {}).get(index, ()))
        for index, entry in found.items()
    )
    return compose(folder.name, tally_particles(particles, rules or make_rules()), find_volume(to_run_volumes(record)))


@pytest.mark.parametrize(("name", "per_ml"), [(SULFATE, 57_555), (NITRATE, 34_448), (TERASAKIELLA, 7_054)])
def test_the_abundance_of_a_real_run_is_the_concentration_that_its_instrument_printed(real_data, name, per_ml):
    found = compose_folder(real_data / "plankton/flowcam_runs" / name)
    assert (found.every.particles, found.per) == (1_000, "per litre of analysed sample")
    # six digits are printed, the instrument prints five at most
    assert round(found.every.per_l / 1_000) == per_ml
    assert found.every.per_l_low < found.every.per_l < found.every.per_l_high
    assert found.every.per_l_high / found.every.per_l == pytest.approx(1.064, abs=0.001)  # 1,000 particles, 95 %


def test_the_filter_of_the_instrument_is_nobody_s_word_and_what_it_leaves_is_unidentified(real_data):
    found = compose_folder(real_data / "plankton/flowcam_runs" / SULFATE)
    lines = {line.group.name: line for line in found.lines}
    assert {name: line.estimate.particles for name, line in lines.items()} == {"Junk": 326, "protist": 17, "": 657}
    assert lines["Junk"].by_status == (("validated", 0), ("predicted", 0), ("filtered", 326))
    assert {line.group.kind for line in found.lines} == {"unmapped", "unidentified"}
    assert (found.identified.particles, found.unidentified.particles) == (343, 657)


def test_with_and_without_repeated_particles_and_beads_the_two_concentrations_add_up(real_data):
    beads = FlagRules(spheres=(SphereRule("bead", 9.0, 11.0, 0.7),))
    found = compose_folder(
        real_data / "plankton/flowcam_runs" / SULFATE,
        make_rules(flags=beads),
        flags={1: ("repeated",), 2: ("repeated",)},
    )
    by_flag = dict(found.by_flag)
    assert by_flag["repeated"] == 2
    assert by_flag["bead"] > 0
    assert found.counted.particles + found.flagged.particles == 1_000
    assert found.counted.per_l + found.flagged.per_l == pytest.approx(found.every.per_l, rel=1e-5)
    assert round(found.every.per_l / 1_000) == 57_555


@pytest.mark.parametrize(("name", "count"), [("flowcam_comics", 506), ("vliz_flowcam", 250)])
def test_where_no_file_says_a_volume_the_concentration_is_unknown(real_data, name, count):
    found = compose_folder(real_data / "plankton" / name)
    assert found.volume == UnknownVolume(("no_volume",))
    assert (found.every.particles, found.every.per_l, found.per) == (count, None, "volume not known: counts only")
    assert all(line.estimate.per_l is None and line.biovolume.mm3_per_l is None for line in found.lines)
