"""Counting: every particle once, in any order, whole or in halves; nothing that is no taxon becomes one."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.composition.composition import compose
from sinks.composition.flags import FlagRules, SphereRule
from sinks.composition.particles import Filtered, Opinion, Particle, Validated
from sinks.composition.tally import pool_tallies, tally_particles
from sinks.composition.volumes import RunVolumes, find_volume, pool_volumes
from tests.sinks.composition.builders import MEANINGS, MODEL, make_composition, make_particle, make_rules

LABELS = [*MEANINGS, "unheard of", None]
PEOPLE = Validated("A. Person", dt.date(2024, 6, 1))


@st.composite
def particles(draw):
    """Draw a particle of any label, size, score, source and flag; measures may be missing."""
    label = draw(st.sampled_from(LABELS))
    source = draw(st.sampled_from([MODEL, PEOPLE, Filtered("VisualSpreadsheet 4.19.3")]))
    score = draw(st.none() | st.floats(0, 1)) if source is MODEL else None
    sizes = st.floats(0.5, 9000)
    measures = draw(
        st.fixed_dictionaries({}, optional={"esd_um": sizes, "abd_um": sizes, "circularity": st.floats(0, 1)})
    )
    flags = draw(st.sets(st.sampled_from(["repeated", "bead", "edge", "unread"]), max_size=2))
    opinion = None if label is None else Opinion(label, source, score)
    return Particle(draw(st.integers(1, 10**6)), opinion, measures, tuple(sorted(flags)))


runs = st.lists(particles(), max_size=40)
RULES = make_rules(
    threshold=0.5, thresholds={"Rhizosolenia": 0.9}, flags=FlagRules(spheres=(SphereRule("bead", 9, 11),))
)


@given(runs, st.randoms())
def test_the_order_of_particles_never_matters(run, luck):
    before = tally_particles(run, RULES)
    luck.shuffle(run)
    assert tally_particles(run, RULES) == before


@given(runs, st.integers(0, 40), st.integers(1, 10**6), st.integers(1, 10**6))
def test_pooling_two_halves_of_a_run_equals_the_whole(run, cut, first_ul, second_ul):
    halves = pool_tallies([tally_particles(run[:cut], RULES), tally_particles(run[cut:], RULES)], RULES)
    whole = tally_particles(run, RULES)
    assert halves == whole
    one, other = (find_volume(RunVolumes("auto_image", ul / 1000)) for ul in (first_ul, second_ul))
    together = find_volume(RunVolumes("auto_image", (first_ul + second_ul) / 1000))
    assert compose("s", halves, pool_volumes([one, other])) == compose("s", whole, together)


@given(runs)
def test_unidentified_identified_and_flagged_are_all(run):
    found = compose("s", tally_particles(run, RULES), find_volume(RunVolumes()))
    assert found.every.particles == len(run)
    assert found.unidentified.particles + found.identified.particles + found.flagged.particles == len(run)
    assert found.counted.particles + found.flagged.particles == len(run)
    assert sum(line.estimate.particles for line in found.lines) == found.counted.particles
    assert sum(line.flagged for line in found.lines) == found.flagged.particles
    assert sum(size.estimate.particles for size in found.sizes) + found.unsized == found.counted.particles
    for line in found.lines:
        assert line.with_flagged.particles == line.estimate.particles + line.flagged
        if line.group.kind != "unidentified":
            assert sum(count for _, count in line.by_status) == line.estimate.particles
            assert sum(count for _, count in line.labels) == line.estimate.particles


@given(runs, st.integers(1, 1000))
def test_dilution_scales_every_number_linearly(run, dilution):
    tally = tally_particles(run, RULES)
    plain = compose("s", tally, find_volume(RunVolumes("auto_image", 2.0)))
    diluted = compose("s", tally, find_volume(RunVolumes("auto_image", 2.0, dilution=dilution)))
    for one, other in zip(plain.lines, diluted.lines, strict=True):
        for name in ("per_l", "per_l_low", "per_l_high"):
            scaled = getattr(one.estimate, name) * dilution
            assert getattr(other.estimate, name) == pytest.approx(scaled, rel=2e-5)
        assert one.estimate.particles == other.estimate.particles
        if one.biovolume.mm3_per_l is not None:
            assert other.biovolume.mm3_per_l == pytest.approx(one.biovolume.mm3_per_l * dilution, rel=2e-5)


def test_merged_classes_are_counted_as_the_stated_genus_and_keep_their_labels():
    (line,) = make_composition({"Chaetoceros": 3, "Chaetoceros_curvisetus+C._pseudocurvisetus": 2}).lines
    assert (line.group.kind, line.group.name, line.group.taxon.aphia_id) == ("taxon", "Chaetoceros", 148985)
    assert line.labels == (("Chaetoceros", 3), ("Chaetoceros_curvisetus+C._pseudocurvisetus", 2))


def test_what_is_no_taxon_never_becomes_one():
    found = make_composition(
        {"Detritus": 4, "Faecal_pellet": 2, "Protist": 5, "unheard of": 1, None: 3, "Rhizosolenia": 1}
    )
    assert [(line.group.kind, line.group.name, line.estimate.particles) for line in found.lines] == [
        ("taxon", "Rhizosolenia", 1),
        ("without_id", "Protist", 5),
        ("unmapped", "unheard of", 1),
        ("trace", "Faecal_pellet", 2),
        ("not_a_taxon", "Detritus", 4),
        ("unidentified", "", 3),
    ]
    assert all(line.group.taxon is None for line in found.lines[1:])


def test_a_particle_below_its_class_score_is_unidentified_and_still_counted():
    run = [
        make_particle(1, "Rhizosolenia", 0.89),
        make_particle(2, "Rhizosolenia", 0.9),
        make_particle(3, "Chaetoceros", 0.5),
    ]
    found = compose("s", tally_particles(run, RULES), find_volume(RunVolumes()))
    assert (found.identified.particles, found.unidentified.particles, found.every.particles) == (2, 1, 3)
    assert found.lines[-1].labels == ()


def test_people_and_filters_need_no_score():
    run = [Particle(1, Opinion("Rhizosolenia", PEOPLE)), Particle(2, Opinion("Rhizosolenia", Filtered("software")))]
    (line,) = compose("s", tally_particles(run, RULES), find_volume(RunVolumes())).lines
    assert line.by_status == (("validated", 1), ("predicted", 0), ("filtered", 1))


def test_a_biovolume_is_unknown_as_soon_as_one_particle_was_not_measured():
    run = [make_particle(1), make_particle(2), make_particle(3, measures={})]
    found = compose("s", tally_particles(run, make_rules()), find_volume(RunVolumes("auto_image", 1.0)))
    assert found.lines[0].biovolume.mm3_per_l is None
    assert found.lines[0].biovolume.unmeasured == 1
    assert found.unsized == 1


def test_a_biovolume_is_per_litre_with_the_error_of_counting():
    run = [make_particle(index, measures={"abd_um": 100.0}) for index in range(1, 5)]
    (line,) = compose("s", tally_particles(run, make_rules()), find_volume(RunVolumes("auto_image", 2.0))).lines
    # four spheres of 523,599 um3 in 2 ml; the error of four particles is a half
    assert line.biovolume.mm3_per_l == pytest.approx(4 * 523598.7756 / 1e9 * 500, rel=1e-5)
    assert line.biovolume.mm3_per_l_error == pytest.approx(line.biovolume.mm3_per_l / 2, rel=1e-5)


def test_size_classes_are_octaves_with_the_upper_edge_outside():
    run = [make_particle(index, measures={"esd_um": esd}) for index, esd in enumerate([0.9, 1.0, 3.99, 4.0, 5000.0], 1)]
    found = compose("s", tally_particles(run, make_rules()), find_volume(RunVolumes()))
    sizes = {(size.least_um, size.below_um): size.estimate.particles for size in found.sizes if size.estimate.particles}
    assert sizes == {(None, 1.0): 1, (1.0, 2.0): 1, (2.0, 4.0): 1, (4.0, 8.0): 1, (4096.0, None): 1}


@pytest.mark.parametrize("edges", [(), (0.0, 1.0), (2.0, 2.0), (3.0, 1.0), (float("nan"),)])
def test_edges_that_make_no_classes_are_refused(edges):
    with pytest.raises(ValueError, match="edges"):
        make_rules(edges_um=edges)


def test_counts_made_by_different_rules_are_not_pooled():
    tallies = [tally_particles([make_particle()], make_rules(threshold=threshold)) for threshold in (0.1, 0.2)]
    with pytest.raises(ValueError, match="different rules"):
        pool_tallies(tallies, make_rules(threshold=0.1))
