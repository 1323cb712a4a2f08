"""Counting: MaxN, labels that become one taxon, and what is no count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.finding import UnreadImage
from sinks.darwin_core.tally import count_sightings
from tests.sinks.darwin_core.builders import make_finding, make_frame, make_labels, make_still_entry, make_whole

ROWS = make_labels().to_index()


def count(*frames):
    entries = [
        make_frame(index, [make_finding(label, left=30 * at) for at, label in enumerate(labels)])
        for index, labels in enumerate(frames)
    ]
    return count_sightings(entries, ROWS)


def test_the_count_of_a_clip_is_its_fullest_frame_and_never_the_sum():
    (seen,) = count(["fish"], ["fish"] * 4, ["fish"] * 4, ["fish"] * 2).sightings
    assert (seen.most, seen.most_index, seen.most_at_s) == (4, 1, 0.04)
    assert (seen.findings, seen.images) == (11, 4)


def test_two_labels_of_one_taxon_are_counted_together():
    (seen,) = count(["Chromis chromis", "Chromis chromis (back)"], ["Chromis chromis"]).sightings
    assert seen.most == 2
    assert seen.labels == ("Chromis chromis", "Chromis chromis (back)")


def test_labels_without_a_taxon_become_no_sighting_and_are_counted_by_kind():
    tally = count(["Diver", "puffin", "burrow", "what", "what"])
    assert tally.sightings == ()
    assert (tally.not_taxa, tally.without_id) == ({"Diver": 1}, {"puffin": 1})
    assert (tally.traces, tally.unmapped) == ({"burrow": 1}, {"what": 2})


def test_a_classified_picture_says_that_a_taxon_is_there_but_not_how_many():
    (seen,) = count_sightings([make_still_entry([make_whole("fish")])], ROWS).sightings
    assert seen.most is None
    assert seen.findings == 1


def test_a_part_of_another_finding_is_not_counted():
    entry = make_still_entry([make_finding("fish"), make_finding("fish", left=40, within=0)])
    (seen,) = count_sightings([entry], ROWS).sightings
    assert seen.most == 1


def test_an_unreadable_image_adds_nothing():
    tally = count_sightings([UnreadImage(index=0, reason="corrupt"), make_still_entry([])], ROWS)
    assert tally.sightings == ()


def test_scores_are_averaged_over_findings_that_have_one():
    entry = make_still_entry([make_finding("fish", 0.5), make_finding("fish", 0.9, left=40)])
    (seen,) = count_sightings([entry], ROWS).sightings
    assert (seen.score_mean, seen.score_max) == (0.7, 0.9)
    (silent,) = count_sightings([make_still_entry([make_finding("fish", None)])], ROWS).sightings
    assert (silent.score_mean, silent.score_max) == (None, None)


LABELS = st.sampled_from(["fish", "Diplodus vulgaris", "Chromis chromis", "Chromis chromis (back)", "Diver", "what"])


@given(frames=st.lists(st.lists(LABELS, max_size=5), max_size=6))
def test_every_finding_is_counted_exactly_once(frames):
    tally = count(*frames)
    inside = sum(seen.findings for seen in tally.sightings)
    outside = sum(tally.unmapped.values()) + sum(tally.not_taxa.values())
    assert inside + outside == sum(len(labels) for labels in frames)
    for seen in tally.sightings:
        per_frame = [sum(label in seen.labels for label in labels) for labels in frames]
        assert seen.most == max(per_frame)
        assert seen.most_index == per_frame.index(seen.most)


def test_a_finding_inside_a_mask_is_counted_nowhere():
    seen = make_finding("fish", left=0)
    masked = make_finding("fish", left=60).model_copy(update={"flags": ("masked",)})
    (sighting,) = count_sightings([make_frame(0, [seen, masked])], ROWS).sightings
    assert (sighting.most, sighting.findings) == (1, 1)
