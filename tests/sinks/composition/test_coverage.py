"""Two hundred generated runs with planted truth: the printed intervals hold it as often as they say."""

from __future__ import annotations

import random

from schemas.forms.taxa import Meaning, Taxon
from schemas.sample import SampleRun
from sinks.composition.composition import compose, estimate
from sinks.composition.tally import pool_tallies, tally_particles
from sinks.composition.volumes import RunVolumes, find_volume, pool_volumes
from tests.sinks.composition.builders import draw_poisson, make_particle, make_rules, make_sample

#: Fixed: the figures printed below belong to it.
SEED = 20261121
SAMPLES, RUNS_EACH, TAXA = 50, 4, 84

LABELS = [f"Taxon {number:03d}" for number in range(TAXA)]
MEANINGS = {
    label: Meaning("taxon", Taxon(number + 1, label, "species", "Chromista")) for number, label in enumerate(LABELS)
}


def plant(luck):
    """Return the true number of each taxon in a litre of sea: none, or 0.3 to 100, most of them rare."""
    return {label: 0.0 if luck.random() < 0.05 else 10 ** luck.uniform(-0.5, 2.0) for label in LABELS}


def observe(luck, truth, sample):
    """Return the counts and the volume of one run over a sample: its own volume, its own dilution."""
    run = RunVolumes("auto_image", round(luck.uniform(0.05, 0.9), 3))
    row = SampleRun(run="run", quantities={"dilution": luck.choice([1, 2, 5])})
    volume = find_volume(run, sample, row)
    litres = float(volume.litres)
    labels = [
        label for label, per_l in truth.items() for _ in range(draw_poisson(luck, per_l * litres) if per_l else 0)
    ]
    # what nobody could name, and what was seen twice, lies beside the named particles and must not change their numbers
    others = [make_particle(0, None) for _ in range(luck.randrange(5))]
    others += [make_particle(0, luck.choice(LABELS), flags=("repeated",)) for _ in range(luck.randrange(5))]
    particles = [make_particle(index, label) for index, label in enumerate(labels, 1)] + others
    luck.shuffle(particles)
    return particles, volume


def count_held(found, truth):
    """Return how many taxa of a composition have an interval per litre that holds the truth; a taxon not seen has one too."""
    seen = {line.group.name: line.estimate for line in found.lines if line.group.kind == "taxon"}
    nothing = estimate(0, found.volume)
    printed = ((seen.get(label, nothing), per_l) for label, per_l in truth.items())
    return sum(item.per_l_low <= per_l <= item.per_l_high for item, per_l in printed)


def test_exact_intervals_of_runs_and_of_pooled_runs_hold_the_planted_truth(record_property, capsys):
    luck = random.Random(SEED)
    rules = make_rules(meanings=MEANINGS)
    held_by_runs = held_by_samples = 0
    for _ in range(SAMPLES):
        truth = plant(luck)
        filtered_l, concentrate_ml = luck.choice([(50, 100), (200, 250), (10, 40)])
        sample = make_sample(quantities={"volume_filtered_l": filtered_l, "volume_concentrate_ml": concentrate_ml})
        observed = [observe(luck, truth, sample) for _ in range(RUNS_EACH)]
        tallies = [(tally_particles(particles, rules), volume) for particles, volume in observed]
        held_by_runs += sum(count_held(compose("run", *pair), truth) for pair in tallies)
        pooled = pool_tallies((tally for tally, _ in tallies), rules)
        found = compose("s", pooled, pool_volumes(volume for _, volume in tallies))
        assert found.volume.basis == "sea"
        held_by_samples += count_held(found, truth)
    pooled_intervals, intervals = SAMPLES * TAXA, SAMPLES * RUNS_EACH * TAXA
    pooled_coverage, coverage = held_by_samples / pooled_intervals, held_by_runs / intervals
    with capsys.disabled():
        print(  # noqa: T201 - figures for the reader of the test
            f"\n{SAMPLES * RUNS_EACH} runs, seed {SEED}: {intervals:,} intervals of single runs hold it in {coverage:.2%}, "
            f"{pooled_intervals:,} of pooled runs in {pooled_coverage:.2%}"
        )
    record_property("coverage", pooled_coverage)
    assert (SAMPLES * RUNS_EACH, pooled_intervals) == (200, 4200)
    # exact intervals of small counts hold the truth more often than 95 %, but not always
    assert 0.945 <= pooled_coverage < 0.985
    assert 0.945 <= coverage < 0.995
